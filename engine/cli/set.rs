//! `thalweg set RUN agent.param=value ..`: turns parameters of a run that goes on.

use thalweg_ringbuf::Segment;
use thalweg_worker::op::nearest;

use super::{Failure, give, stop};
use crate::live::{self, LiveWorker, Outcome, Wish};
use crate::runs;

/// Change parameters of a run while it goes on; those of one worker take hold in one step
#[derive(clap::Args, Debug)]
pub struct Set {
    /// The run's name, as `thalweg ps` lists it
    run: String,
    /// What to change; without any: what can be changed, and its range
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
        if self.sets.is_empty() {
            return give(&listed(&info.live));
        }
        let wishes: Vec<Wish> = self
            .sets
            .iter()
            .map(|set| wish(&info.live, set).map_err(Failure::usage))
            .collect::<Result<_, _>>()?;
        if info.segment.is_empty() {
            return Err(Failure::usage(format!(
                "run `{}` runs inside one process, and takes no orders: leave --in-process out",
                self.run
            )));
        }
        let cannot = |words: String| Failure::Words {
            code: 1,
            words: format!("run `{}` cannot be changed: {words}", self.run),
        };
        let _charge = run.take_charge().map_err(cannot)?;
        let segment = Segment::attach(&info.segment).map_err(|e| cannot(e.to_string()))?;
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

fn listed(workers: &[LiveWorker]) -> String {
    let mut text = String::new();
    for agent in workers.iter().flat_map(|worker| &worker.agents) {
        for dial in &agent.dials {
            text += &format!(
                "{}.{} ({}), built as {}\n",
                agent.name, dial.name, agent.op, dial.value
            );
        }
    }
    match text.is_empty() {
        true => {
            "no agent of this run has a parameter that can be changed while it goes on\n".to_owned()
        }
        false => text,
    }
}

fn wish(workers: &[LiveWorker], set: &str) -> Result<Wish, String> {
    let misspelled = || format!("`{}` sets nothing: AGENT.PARAM=VALUE", set.escape_debug());
    let (path, value) = set.split_once('=').ok_or_else(misspelled)?;
    let (agent, param) = path.trim().rsplit_once('.').ok_or_else(misspelled)?;
    for (worker, of) in workers.iter().enumerate() {
        let Some(nth) = of.agents.iter().position(|a| a.name == agent) else {
            continue;
        };
        let Some(dial) = of.agents[nth].dials.iter().position(|d| d.name == param) else {
            continue;
        };
        let declared = &of.agents[nth].dials[dial];
        let number = value.trim().replace('_', "");
        let value: f64 = number
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| format!("`{path}` is {value:?}, and should be a number"))?;
        if !(declared.least..=declared.most).contains(&value) {
            return Err(format!(
                "`{path}` is {value}, and must be between {:e} and {:e}",
                declared.least, declared.most
            ));
        }
        return Ok(Wish {
            worker,
            agent: nth,
            dial,
            value,
        });
    }
    Err(not_live(workers, path))
}

fn not_live(workers: &[LiveWorker], path: &str) -> String {
    const MOST: usize = 12;
    let names = names(workers);
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let path = path.escape_debug();
    let which = match (nearest(&path.to_string(), &known), known.len()) {
        (_, 0) => "this run has no parameter that can".to_owned(),
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, n) if n > MOST => format!("{} and {} more can", known[..MOST].join(", "), n - MOST),
        (None, _) => format!("{} can", known.join(", ")),
    };
    format!(
        "`{path}` cannot be changed while the run goes on: what a parameter decides when its agent is made (types, lengths, \
tables, files) stays; {which}. `thalweg run --set` changes any, for a new run"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Machine, Options, plan};
    use crate::resolve::resolve;

    fn workers(line: &str) -> Vec<LiveWorker> {
        let (graph, _) = resolve(crate::oneline::load_line(line).unwrap()).unwrap();
        let machine = Machine {
            cores: vec![0, 1],
            topology: crate::topology::Topology::flat(&[0, 1]),
            shm_free: None,
            fencing: thalweg_ringbuf::Fencing::Symmetric,
        };
        live::of(
            &graph,
            &plan(&graph, &machine, &Options::default()).unwrap(),
        )
    }

    #[test]
    fn a_wish_names_a_live_parameter_and_a_value_it_takes() {
        let workers = workers("t:sine freq=1 rate=9 ! copy ! g:scale ! p:throttle rate=5 ! null");
        let found = wish(&workers, "g.offset = -1_0.5").unwrap();
        let (of, dial) = (&workers[found.worker], found.dial);
        assert_eq!(
            (of.agents[found.agent].name.as_str(), dial, found.value),
            ("g", 1, -10.5)
        );
        for (set, words) in [
            ("g.factr=1", "did you mean `g.factor`?"),
            ("t.phase=1", "cannot be changed while the run goes on"),
            (
                "copy.x=1",
                "t.freq, t.amplitude, t.offset, g.factor, g.offset, p.rate can",
            ),
            ("g.factor=much", "should be a number"),
            ("g.factor=nan", "should be a number"),
            ("p.rate=0", "must be between"),
            ("g.factor", "sets nothing"),
            ("factor=1", "sets nothing"),
        ] {
            let said = wish(&workers, set).unwrap_err();
            assert!(said.contains(words), "{set}: {said}");
        }
        assert_eq!(workers.len(), 2);
        assert!(super::not_live(&[], "a.b").contains("has no parameter that can"));
    }

    #[test]
    fn what_every_operator_says_is_live_has_a_dial() {
        use thalweg_worker::op::ParamKind;
        for op in thalweg_worker::operators::table() {
            let (graph, _) = resolve(crate::oneline::load_line(op.example).unwrap()).unwrap();
            let params = op.params.iter().filter(|p| p.kind == ParamKind::Dial);
            let live: Vec<&str> = params.map(|p| p.name).collect();
            for agent in graph.agents.iter().filter(|agent| agent.op == op.name) {
                let dials: Vec<&str> = agent.blueprint.dials.iter().map(|d| d.name).collect();
                assert_eq!(dials, live, "{}", op.name);
            }
        }
    }
}
