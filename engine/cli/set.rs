//! `thalweg set RUN agent.param=value ..`: turns parameters of a run that goes on.

use thalweg_ringbuf::Segment;
use thalweg_worker::dials::Turned;
use thalweg_worker::op::{hertz, nearest, seconds};
use thalweg_worker::operators;

use super::{Failure, give, stop};
use crate::live::{self, LiveWorker, Outcome, Wish};
use crate::runs::{self, RunInfo};

/// Change parameters of a run while it goes on; those of one worker take hold in one step
#[derive(clap::Args, Debug)]
pub struct Set {
    /// The run's name, as `thalweg ps` lists it
    run: String,
    /// What to change (`tone.freq="2 kHz"`); without any: what can be changed, what it is now, and its range
    #[arg(value_name = "AGENT.PARAM=VALUE")]
    sets: Vec<String>,
}

impl Set {
    /// Gives the orders, and says from which item on each holds.
    ///
    /// # Errors
    /// No such run, no such parameter, or a value it does not take (2); a worker that does not answer (1).
    pub fn run(&self) -> Result<(), Failure> {
        let environment = |e: runs::RunsError| Failure::environment(e.to_string());
        let Some(run) = runs::find(&self.run).map_err(environment)? else {
            return Err(stop::unknown(
                &self.run,
                &runs::list().map_err(environment)?,
            ));
        };
        let info = run.info();
        let cannot = |words: String| Failure::Words {
            code: 1,
            words: format!("run `{}` cannot be changed: {words}", self.run),
        };
        let attach = || Segment::attach(&info.segment).map_err(|e| cannot(e.to_string()));
        if self.sets.is_empty() {
            let turned = match info.segment.is_empty() || info.live.is_empty() {
                // Nobody can have turned anything.
                true => Vec::new(),
                false => live::turned(&attach()?, &info.live).map_err(cannot)?,
            };
            return give(&listed(&info.live, &turned));
        }
        let wishes: Vec<Wish> = self
            .sets
            .iter()
            .map(|set| wish(info, set).map_err(Failure::usage))
            .collect::<Result<_, _>>()?;
        once_each(&self.sets, &wishes).map_err(Failure::usage)?;
        if info.segment.is_empty() {
            return Err(Failure::usage(format!(
                "run `{}` runs inside one process, and takes no orders: leave --in-process out",
                self.run
            )));
        }
        let _charge = run.take_charge().map_err(cannot)?;
        let segment = attach()?;
        let outcomes =
            live::give(&segment, &info.live, &wishes, || run.is_alive()).map_err(cannot)?;
        let mut failed = None;
        for (set, outcome) in self.sets.iter().zip(outcomes) {
            match outcome {
                Outcome::Holds { since, is_source } => {
                    let of = if is_source { "output" } else { "input" };
                    give(&format!("{set} from item {since} of its {of} on\n"))?;
                }
                Outcome::Ended => failed = Some(format!("{set}: the agent has ended")),
                Outcome::Pending => {
                    failed = Some(format!(
                        "{set}: its worker has not taken it yet; it will at its next step"
                    ));
                }
            }
        }
        failed.map_or(Ok(()), |words| Err(cannot(words)))
    }
}

/// `agent.param` of everything live.
fn names(workers: &[LiveWorker]) -> Vec<String> {
    let agents = workers.iter().flat_map(|worker| &worker.agents);
    agents
        .flat_map(|agent| {
            agent
                .dials
                .iter()
                .map(|dial| format!("{}.{}", agent.name, dial.name))
        })
        .collect()
}

/// A line for each dial; `turned` says what became of them, or nothing where none was turned.
fn listed(workers: &[LiveWorker], turned: &[Turned]) -> String {
    let agents = workers.iter().flat_map(|worker| &worker.agents);
    let dials = agents.flat_map(|agent| agent.dials.iter().map(move |dial| (agent, dial)));
    let lines = dials.enumerate().map(|(nth, (agent, dial))| {
        let turned = turned.get(nth).filter(|turned| turned.times > 0);
        let path = format!("{}.{}", agent.name, dial.name);
        let about = format!("({}; {})", agent.op, dial.range());
        match turned {
            None => format!("{path}={} {about}\n", dial.value),
            Some(turned) => format!(
                "{path}={} {about}, since item {}; built as {}\n",
                turned.value, turned.since, dial.value
            ),
        }
    });
    match lines.collect::<String>() {
        none if none.is_empty() => {
            "no agent of this run has a parameter that can be changed while it goes on\n".to_owned()
        }
        text => text,
    }
}

/// Refuses a parameter that is set twice: both values would hold from one item on.
fn once_each(sets: &[String], wishes: &[Wish]) -> Result<(), String> {
    let of = |wish: &Wish| (wish.worker, wish.agent, wish.dial);
    for (nth, wish) in wishes.iter().enumerate() {
        if let Some(first) = wishes[..nth].iter().position(|other| of(other) == of(wish)) {
            return Err(format!(
                "`{}` and `{}` set the same parameter: give one of them",
                sets[first].escape_debug(),
                sets[nth].escape_debug()
            ));
        }
    }
    Ok(())
}

fn wish(run: &RunInfo, set: &str) -> Result<Wish, String> {
    let misspelled = || format!("`{}` sets nothing: AGENT.PARAM=VALUE", set.escape_debug());
    let (path, value) = set.split_once('=').ok_or_else(misspelled)?;
    let (agent, param) = path.trim().rsplit_once('.').ok_or_else(misspelled)?;
    for (worker, of) in run.live.iter().enumerate() {
        let Some(nth) = of.agents.iter().position(|a| a.name == agent) else {
            continue;
        };
        let Some(dial) = of.agents[nth].dials.iter().position(|d| d.name == param) else {
            continue;
        };
        let declared = &of.agents[nth].dials[dial];
        let path = format!("{agent}.{param}");
        let wanted = match declared.unit.as_str() {
            "Hz" => "a finite number, or a frequency such as \"2.4 kHz\"",
            "s" => "a finite number, or a duration such as \"20 ms\"",
            _ => "a finite number",
        };
        let value = number(value, &declared.unit)
            .ok_or_else(|| format!("`{path}` is {value:?}, and should be {wanted}"))?;
        if !(declared.least..=declared.most).contains(&value) {
            let range = declared.range();
            return Err(format!("`{path}` is {value}, and must be {range}"));
        }
        return Ok(Wish {
            worker,
            agent: nth,
            dial,
            value,
        });
    }
    Err(not_live(run, agent, param))
}

/// The number that a text spells, in the unit of the parameter; in quotes too, as a graph file has it.
fn number(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim().trim_matches('"');
    let plain = text.replace('_', "").parse().ok();
    let value: Option<f64> = plain.or_else(|| match unit {
        "Hz" => hertz(text),
        "s" => seconds(text),
        _ => None,
    });
    value.filter(|value| value.is_finite())
}

fn not_live(run: &RunInfo, agent: &str, param: &str) -> String {
    let shown = agent.escape_debug();
    let Some((_, op)) = run.agents.iter().find(|(name, _)| name == agent) else {
        let agents: Vec<&str> = run.agents.iter().map(|(name, _)| name.as_str()).collect();
        let which = meant(agent, &agents, "its agents are");
        return format!("run `{}` has no agent `{shown}`; {which}", run.run);
    };
    let params = operators::find(op).map_or(&[][..], |op| op.params);
    let params: Vec<&str> = params.iter().map(|param| param.name).collect();
    let live = names(&run.live);
    if !params.contains(&param) {
        let own = format!("`{op}` has no parameter `{}`", param.escape_debug());
        let numbers = live_numbers(run, agent, &params);
        let which = match (nearest(param, &numbers), params.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "it has none".to_owned(),
            (None, false) if numbers.is_empty() => meant(param, &params, "it has"),
            (None, false) => {
                let numbers = several(&numbers);
                meant(
                    param,
                    &params,
                    &format!("its live numbers are {numbers}; it has"),
                )
            }
        };
        return format!("agent `{shown}`: {own}; {which}");
    }
    let live: Vec<&str> = live.iter().map(String::as_str).collect();
    let which = match live.as_slice() {
        [] => "this run has no parameter that can".to_owned(),
        live => format!("{} can", several(live)),
    };
    format!(
        "`{shown}.{param}` cannot be changed while the run goes on: what a parameter decides when its agent is made (types, lengths, \
tables, files) stays; {which}. `thalweg run --set` changes any, for a new run"
    )
}

/// The names of an agent's live numbers: its dials that are no parameters.
fn live_numbers<'a>(run: &'a RunInfo, agent: &str, params: &[&str]) -> Vec<&'a str> {
    let agents = run.live.iter().flat_map(|worker| &worker.agents);
    let dials = agents
        .filter(|own| own.name == agent)
        .flat_map(|own| &own.dials);
    let names = dials.map(|dial| dial.name.as_str());
    names.filter(|name| !params.contains(name)).collect()
}

/// The name that is meant, or those there are.
fn meant(name: &str, known: &[&str], all: &str) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{all} {}", several(known)),
    }
}

/// The first names of a list, and how many more there are.
fn several(names: &[&str]) -> String {
    const MOST: usize = 12;
    match names.len() {
        n if n > MOST => format!("{} and {} more", names[..MOST].join(", "), n - MOST),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Machine, Options, plan};
    use crate::resolve::resolve;

    fn run(line: &str) -> RunInfo {
        let (graph, _) = resolve(crate::oneline::load_line(line).unwrap()).unwrap();
        let machine = Machine {
            cores: vec![0, 1],
            topology: crate::topology::Topology::flat(&[0, 1]),
            shm_free: None,
            fencing: thalweg_ringbuf::Fencing::Symmetric,
        };
        let plan = plan(&graph, &machine, &Options::default()).unwrap();
        let agents = graph.agents.iter();
        RunInfo {
            run: "r".to_owned(),
            graph: String::new(),
            source: String::new(),
            pid: 1,
            started: 0,
            segment: String::new(),
            workers: Vec::new(),
            agents: agents.map(|a| (a.name.clone(), a.op.clone())).collect(),
            live: live::of(&graph, &plan),
        }
    }

    #[test]
    fn a_wish_names_a_live_parameter_and_a_value_it_takes() {
        let line = "t:sine freq=1 rate=9 ! copy ! g:scale ! p:throttle rate=5 ! low:iir.lowpass cutoff=1 ! null";
        let run = run(line);
        let value = |set: &str| {
            let found = wish(&run, set).unwrap();
            let agent = &run.live[found.worker].agents[found.agent];
            let dial = &agent.dials[found.dial];
            (agent.name.clone(), dial.name.clone(), found.value)
        };
        for (set, name, dial, expected) in [
            ("g.offset = -1_0.5", "g", "offset", -10.5),
            ("t.freq=1 kHz", "t", "freq", 1000.0),
            ("t.freq=900kHz", "t", "freq", 900_000.0),
            ("t.freq=\"2 Hz\"", "t", "freq", 2.0),
            ("low.cutoff=500 mHz", "low", "cutoff", 0.5),
        ] {
            assert_eq!(value(set), (name.to_owned(), dial.to_owned(), expected));
        }
        for (set, words) in [
            (
                "g.factr=1",
                "agent `g`: `scale` has no parameter `factr`; did you mean `factor`?",
            ),
            (
                "g.foo=1",
                "`scale` has no parameter `foo`; it has factor, offset",
            ),
            ("copy.x=1", "`copy` has no parameter `x`; it has none"),
            (
                "coppy.x=1",
                "run `r` has no agent `coppy`; did you mean `copy`?",
            ),
            (
                "zzz.x=1",
                "has no agent `zzz`; its agents are t, copy, g, p, low, null",
            ),
            (
                "t.phase=1",
                "stays; t.freq, t.amplitude, t.offset, g.factor, g.offset, p.rate, low.cutoff can",
            ),
            ("g.factor=much", "should be a finite number"),
            ("g.factor=1 kHz", "should be a finite number"),
            ("g.factor=nan", "should be a finite number"),
            (
                "t.freq=1 s",
                "should be a finite number, or a frequency such as",
            ),
            ("p.rate=0", "`p.rate` is 0, and must be above 0 Hz"),
            ("low.cutoff=4.5", "must be above 0 and below 4.5 Hz"),
            ("g.factor", "sets nothing"),
            ("factor=1", "sets nothing"),
        ] {
            let said = wish(&run, set).unwrap_err();
            assert!(said.contains(words), "{set}: {said}");
        }
        let numbers =
            self::run("counter ! m:map expr=\"x * gain + off\" live={gain=2, off=0.5} ! null");
        for (set, words) in [
            (
                "m.gian=3",
                "`map` has no parameter `gian`; did you mean `gain`?",
            ),
            (
                "m.zzz=3",
                "its live numbers are gain, off; it has expr, live",
            ),
            ("m.exprs=3", "did you mean `expr`?"),
        ] {
            let said = wish(&numbers, set).unwrap_err();
            assert!(said.contains(words), "{set}: {said}");
        }
        let fixed = self::run("c:counter ! null");
        let said = wish(&fixed, "c.start=1").unwrap_err();
        assert!(
            said.contains("this run has no parameter that can"),
            "{said}"
        );
    }

    #[test]
    fn a_parameter_is_set_once_in_a_command() {
        let run = run("t:sine freq=1 rate=9 ! g:scale ! null");
        let check = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
            let wishes: Vec<Wish> = sets.iter().map(|set| wish(&run, set).unwrap()).collect();
            once_each(&sets, &wishes)
        };
        check(&["g.factor=5", "g.offset=5", "t.offset=5"]).unwrap();
        let said = check(&["g.factor=5", "t.offset=5", "g.factor = 6"]).unwrap_err();
        assert!(
            said.starts_with("`g.factor=5` and `g.factor = 6` set the same"),
            "{said}"
        );
    }

    #[test]
    fn a_list_says_what_each_is_and_was() {
        let run = run("t:sine freq=2 rate=9 ! g:gain db=3 ! null");
        let turned = Turned {
            value: 7.5,
            since: 90,
            times: 1,
        };
        let built = Turned::default();
        let text = "t.freq=7.5 (sine; any number of Hz), since item 90; built as 2\n\
            t.amplitude=1 (sine; any number)\n\
            t.offset=0 (sine; any number)\n\
            g.db=3 (gain; at least -300 and at most 300 dB)\n";
        assert_eq!(listed(&run.live, &[turned, built, built, built]), text);
        assert!(listed(&[], &[]).starts_with("no agent"));
    }

    #[test]
    fn what_every_operator_says_is_live_has_a_dial() {
        use thalweg_worker::op::ParamKind;
        for op in thalweg_worker::operators::table() {
            let (graph, _) = resolve(crate::oneline::load_line(op.example).unwrap()).unwrap();
            let params = op.params.iter().filter(|p| p.kind == ParamKind::Dial);
            let live: Vec<&str> = params.map(|p| p.name).collect();
            for agent in graph.agents.iter().filter(|agent| agent.op == op.name) {
                let dials: Vec<&str> = agent.blueprint.dials.iter().map(|d| &*d.name).collect();
                assert_eq!(dials, live, "{}", op.name);
            }
        }
    }
}
