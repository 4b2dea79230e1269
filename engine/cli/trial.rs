//! `run --pin measure`: which placement is fastest, tried on the graph itself.
//!
//! Each placement runs for a moment, again and again in turn, in a process of its own. Files are written to a folder
//! of ours and standard output to nowhere, so what the real run reads and writes afterwards is as if nothing had
//! been tried; a graph of which that cannot be said is not tried. A placement is preferred to the plan's own only if
//! the samples of both have no middle in common, twice over.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::apart::{Apart, silence_stdout};
use super::outputs::{self, Output, redirect};
use super::plan::planned;
use super::scratch::Scratch;
use super::table::{Column, percent, rate, table};
use super::{Failure, say};
use crate::bench::Spread;
use crate::compose;
use crate::decl::{Core, GraphDecl, OnError, WorkDecl};
use crate::host::Host;
use crate::plan::{Options, Plan};
use crate::resolve;
use crate::resolved::Resolved;
use crate::run::{self, RunError, Wanted, machine};
use crate::spawn::Nursery;
use crate::supervise::{Verdict, Watch};
use crate::topology::Topology;

/// How long a placement is tried each time, and how often.
const MOMENT: Duration = Duration::from_millis(150);
const ROUNDS: usize = 5;
/// What runs for less says nothing.
const SECONDS_LEAST: f64 = 0.02;

/// A way to place the workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// What it is.
    words: String,
    /// So many workers.
    pub workers: usize,
    /// A core for each, in the plan's order.
    pub cores: Vec<Option<usize>>,
}

/// What a graph is, found out in a process of its own: resolving takes a graph's closures out of it.
#[derive(Serialize, Deserialize)]
struct Outline {
    /// Why it cannot be tried.
    obstacle: Option<String>,
    /// The plan's own for the numbers of workers that may be had, the usual one first.
    plans: Vec<Planned>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Planned {
    placement: Placement,
    /// Workers whose core the graph names.
    named: Vec<bool>,
    names: Vec<String>,
    hosts: Vec<Vec<String>>,
}

/// What came out of it: how the run is to be placed, and how that is kept in a graph file.
pub struct Found {
    /// The placement.
    pub placement: Placement,
    /// Lines to paste.
    pub lines: String,
}

/// Tries placements; inside, why that cannot be.
///
/// # Errors
/// The graph is refused, or a process could not be had.
pub fn best(
    graph: &RefCell<Option<GraphDecl>>,
    options: &Options,
    quiet: bool,
) -> Result<Result<Found, String>, Failure> {
    let tell = |words: &str| {
        if !quiet {
            say(words);
        }
    };
    let apart = Apart::new()?;
    if let Some(graph) = graph.borrow_mut().as_mut() {
        // Files are written by the agents of sub-graphs too.
        compose::expand(graph)?;
    }
    let files = graph.borrow().as_ref().map_or(Vec::new(), outputs::of);
    let outline = apart.run(|| outline(graph, options, &files))?;
    if let Some(obstacle) = outline.obstacle {
        return Ok(Err(obstacle));
    }
    let topology = machine().topology;
    let tried = placements(&outline.plans, &topology);
    if tried.len() < 2 {
        tell("--pin measure: there is one way to place it only\n");
        return Ok(tried
            .first()
            .map(|only| found(&outline.plans, only, 1.0))
            .ok_or_else(|| "there is no way to place it".to_owned()));
    }
    let scratch = Scratch::new("pin")?;
    let trial = Trial {
        apart: &apart,
        graph,
        files: &files,
        folder: &scratch.folder("trial")?,
        options,
    };
    let Some(samples) = trial.rounds(&tried)? else {
        return Ok(Err(
            "the graph is over too soon to tell one placement from another".to_owned(),
        ));
    };
    let spreads: Vec<Spread> = samples.iter().map(|s| Spread::of(s)).collect();
    let mut chosen = fastest(&spreads);
    if chosen != 0 {
        // The best of many is sometimes best by luck: once more, against the plan's own alone.
        let again = trial.rounds(&[tried[0].clone(), tried[chosen].clone()])?;
        let again = again.unwrap_or_default();
        let again: Vec<Spread> = again.iter().map(|s| Spread::of(s)).collect();
        chosen = if again.len() == 2 && fastest(&again) == 1 {
            chosen
        } else {
            0
        };
    }
    tell(&told(&tried, &spreads, chosen));
    let gain = spreads[chosen].middle / spreads[0].middle;
    Ok(Ok(found(&outline.plans, &tried[chosen], gain)))
}

fn found(plans: &[Planned], placement: &Placement, gain: f64) -> Found {
    let placement = placement.clone();
    let of = |p: &&Planned| p.placement.workers == placement.workers;
    let lines = plans
        .iter()
        .find(of)
        .map_or(String::new(), |plan| lines(plan, &placement, gain));
    Found { placement, lines }
}

/// What it takes to try a placement.
struct Trial<'a> {
    apart: &'a Apart,
    graph: &'a RefCell<Option<GraphDecl>>,
    files: &'a [Output],
    folder: &'a Path,
    options: &'a Options,
}

impl Trial<'_> {
    /// Source items a second of each placement, round by round; `None` if the graph ends too soon.
    fn rounds(&self, placements: &[Placement]) -> Result<Option<Vec<Vec<f64>>>, Failure> {
        let mut samples = vec![Vec::new(); placements.len()];
        // One round for warmth.
        for round in 0..=ROUNDS {
            for (placement, samples) in placements.iter().zip(&mut samples) {
                let went = self.apart.run(|| self.once(placement))?;
                match went.seconds {
                    seconds if seconds < SECONDS_LEAST => return Ok(None),
                    _ if round == 0 => {}
                    seconds => samples.push(went.items as f64 / seconds),
                }
            }
        }
        Ok(Some(samples))
    }

    /// Runs the graph for a moment, in a process that does nothing else: it takes the graph out of its place.
    fn once(&self, placement: &Placement) -> Result<Went, Failure> {
        silence_stdout()?;
        let mut graph = self.graph.take().unwrap_or_default();
        redirect(&mut graph, self.files, self.folder);
        let (graph, _) = resolve::resolve(graph)?;
        let wanted = Wanted {
            options: Options {
                workers: match graph.workers.is_empty() {
                    true => Some(placement.workers),
                    false => self.options.workers,
                },
                cores: Some(placement.cores.clone()),
                ..self.options.clone()
            },
            lasts: Some(MOMENT),
            ..Wanted::default()
        };
        let sources = graph.agents.iter().filter(|a| a.inputs.is_empty());
        let sources: Vec<String> = sources.map(|a| a.name.clone()).collect();
        let finished = run::run(graph, &wanted, &mut Silence).map_err(|error| match error {
            RunError::Refused(refused) => Failure::Refused(*refused),
            RunError::Environment(words) => Failure::environment(words),
        })?;
        match finished.verdict {
            Verdict::Done => {
                let agents = finished.report.agents.iter();
                let given = agents.filter(|a| sources.contains(&a.name));
                Ok(Went {
                    seconds: finished.report.seconds,
                    items: given.map(|a| a.items_out).sum(),
                })
            }
            other => Err(Failure::Words {
                code: 1,
                words: format!(
                    "a trial of `{}` did not end well: {other:?}",
                    placement.words
                ),
            }),
        }
    }
}

/// How a trial went.
#[derive(Serialize, Deserialize)]
struct Went {
    seconds: f64,
    items: u64,
}

/// Says nothing.
struct Silence;

impl Watch for Silence {
    fn tick(&mut self, _graph: &Resolved, _nursery: &Nursery<'_>, _restarts: &[u64]) {}

    fn line(&mut self, _worker: &str, _line: &str) {}

    fn note(&mut self, _words: &str) {}
}

/// Resolves and plans the graph as the run will. In a process of its own.
fn outline(
    graph: &RefCell<Option<GraphDecl>>,
    options: &Options,
    files: &[Output],
) -> Result<Outline, Failure> {
    let graph = graph.take().unwrap_or_default();
    let native = graph.agents.iter().find_map(|agent| match &agent.work {
        WorkDecl::Op { .. } => None,
        WorkDecl::Native { .. } => Some(format!(
            "`{}` is a function of the program, which may do something outside that a trial would do twice",
            agent.name.value
        )),
    });
    let (mut graph, _) = resolve::resolve(graph)?;
    let obstacle = native.or_else(|| obstacle(&graph, files));
    let mut plans = vec![planned_as(&planned(&mut graph, options)?, &graph)];
    if graph.workers.is_empty() && options.workers.is_none() {
        let own = graph.agents.iter().filter(|a| a.edge.is_none()).count();
        let cores = machine().cores.len();
        for workers in [1, 2, cores / 2, cores] {
            let known = plans.iter().any(|p| p.placement.workers == workers);
            if !known && (1..=own.min(cores)).contains(&workers) {
                let options = Options {
                    workers: Some(workers),
                    ..options.clone()
                };
                plans.push(planned_as(&planned(&mut graph, &options)?, &graph));
            }
        }
    }
    Ok(Outline { obstacle, plans })
}

fn planned_as(plan: &Plan, graph: &Resolved) -> Planned {
    let names: Vec<String> = plan.workers.iter().map(|w| w.name.clone()).collect();
    let named = |name: &String| {
        let declared = graph.workers.iter().find(|w| w.name.value == *name);
        declared.is_some_and(|w| w.core.value != Core::Auto)
    };
    let hosts = plan.workers.iter().map(|worker| {
        let agents = worker.agents.iter().map(|&a| graph.agents[a].name.clone());
        agents.collect()
    });
    Planned {
        placement: Placement {
            words: match plan.workers.len() {
                1 => "1 worker, as planned".to_owned(),
                n => format!("{n} workers, as planned"),
            },
            workers: plan.workers.len(),
            cores: plan.workers.iter().map(|w| w.core).collect(),
        },
        named: names.iter().map(named).collect(),
        hosts: hosts.collect(),
        names,
    }
}

/// Why a graph cannot be run several times without a trace.
fn obstacle(graph: &Resolved, files: &[Output]) -> Option<String> {
    if let Some((agent, what)) = outputs::readable_once(graph).first() {
        return Some(format!(
            "`{agent}` reads {what}, which can be read once only"
        ));
    }
    graph.agents.iter().find_map(|agent| {
        let (name, op) = (&agent.name, agent.op.as_str());
        let file = files.iter().any(|f| f.agent == *name);
        let silent = matches!(op, "null" | "print") || file || outputs::is_file_writer(op);
        match () {
            () if agent.on_error == OnError::Skip => Some(format!(
                "`{name}` may write dead letters (on_error = \"skip\")"
            )),
            () if agent.inputs.is_empty() && agent.reads.is_empty() && op.ends_with(".read") => {
                Some(format!(
                    "`{name}` ({op}) takes what comes from outside once only"
                ))
            }
            () if agent.outputs.is_empty() && !silent => {
                Some(format!("`{name}` ({op}) would send to the outside twice"))
            }
            () => None,
        }
    })
}

/// What is tried: the plan's own first, then other cores for as many workers, then other numbers of workers.
fn placements(plans: &[Planned], topology: &Topology) -> Vec<Placement> {
    let Some(first) = plans.first() else {
        return Vec::new();
    };
    let mut tried = vec![first.placement.clone()];
    let mut add = |placement: Placement| {
        let known = tried
            .iter()
            .any(|t| t.workers == placement.workers && t.cores == placement.cores);
        if !known {
            tried.push(placement);
        }
    };
    let chosen: Vec<usize> = unnamed(first)
        .filter_map(|w| first.placement.cores[w])
        .collect();
    let taken = first.placement.cores.iter().flatten();
    let taken: Vec<usize> = taken
        .copied()
        .filter(|core| !chosen.contains(core))
        .collect();
    let free = || {
        topology
            .cores
            .iter()
            .filter(|core| !taken.contains(&core.number))
    };
    let with = |words: &str, cores: Vec<Option<usize>>| {
        let mut placed = first.placement.clone();
        placed.words = words.to_owned();
        for (worker, core) in unnamed(first).zip(cores) {
            placed.cores[worker] = core;
        }
        placed
    };
    let wanted = chosen.len();
    if wanted > 0 {
        add(with(
            "the other way round",
            chosen.iter().rev().copied().map(Some).collect(),
        ));
        let mut last: Vec<Option<usize>> = free().rev().map(|c| Some(c.number)).collect();
        last.truncate(wanted);
        add(with("from the last core on", last));
        let mut near: Vec<_> = free().collect();
        near.sort_by_key(|c| (c.cache, c.physical, c.number));
        add(with(
            "threads of one core first",
            near.iter().take(wanted).map(|c| Some(c.number)).collect(),
        ));
        add(with("one to each cache in turn", in_turn(&near, wanted)));
    }
    add(with(
        "left to the scheduler",
        vec![None; first.placement.workers],
    ));
    for other in &plans[1..] {
        add(other.placement.clone());
    }
    tried
}

/// The workers whose core the graph leaves open.
fn unnamed(plan: &Planned) -> impl Iterator<Item = usize> {
    (0..plan.named.len()).filter(|&w| !plan.named[w])
}

/// The first core of each cache, then the second of each.
fn in_turn(cores: &[&crate::topology::Core], most: usize) -> Vec<Option<usize>> {
    let rank = |nth: usize| {
        let same = cores[..nth].iter().filter(|c| c.cache == cores[nth].cache);
        same.count()
    };
    let mut order: Vec<usize> = (0..cores.len()).collect();
    order.sort_by_key(|&nth| (rank(nth), nth));
    order
        .into_iter()
        .take(most)
        .map(|nth| Some(cores[nth].number))
        .collect()
}

/// The fastest, if its samples are apart from those of the first; else the first.
fn fastest(spreads: &[Spread]) -> usize {
    let by_middle = |&a: &usize, &b: &usize| spreads[a].middle.total_cmp(&spreads[b].middle);
    let best = (0..spreads.len()).max_by(by_middle).unwrap_or(0);
    match spreads.first() {
        Some(first)
            if spreads[best].middle > first.middle && spreads[best].is_apart_from(first) =>
        {
            best
        }
        _ => 0,
    }
}

fn told(tried: &[Placement], spreads: &[Spread], chosen: usize) -> String {
    let cores = |placement: &Placement| {
        let cores = placement.cores.iter();
        let cores: Vec<String> = cores
            .map(|c| c.map_or("any".to_owned(), |c| c.to_string()))
            .collect();
        cores.join(",")
    };
    let middle = |nth: usize| spreads[nth].middle;
    let columns = vec![
        Column::words("placement", tried.iter().map(|t| t.words.clone()).collect()),
        Column::words("cores", tried.iter().map(cores).collect()),
        Column::numbers(
            "sources give",
            spreads.iter().map(|s| rate(s.middle)).collect(),
        ),
        Column::numbers(
            "spread",
            spreads.iter().map(|s| percent(s.relative())).collect(),
        ),
        Column::numbers(
            "ratio",
            (0..tried.len())
                .map(|nth| format!("{:.2}", middle(nth) / middle(0)))
                .collect(),
        ),
    ];
    let end = match chosen {
        0 => "nothing was faster than the plan's own beyond what the samples spread: it stays\n"
            .to_owned(),
        _ => format!(
            "`{}` on cores {}: {:.2}x of the plan's own, and faster when measured again\n",
            tried[chosen].words,
            cores(&tried[chosen]),
            middle(chosen) / middle(0)
        ),
    };
    format!("{}{end}", table(columns, None))
}

/// Tables for the graph file.
fn lines(plan: &Planned, placement: &Placement, gain: f64) -> String {
    let host = Host::here();
    let mut text = format!(
        "# Measured on {}, {}: {gain:.2}x of the plan's own placement.\n",
        host.cpu.as_deref().unwrap_or("an unknown processor"),
        host.date
    );
    for ((name, core), hosts) in plan.names.iter().zip(&placement.cores).zip(&plan.hosts) {
        let core = core.map_or("\"none\"".to_owned(), |core| core.to_string());
        text += &format!(
            "\n# agents: {}\n[workers.{name}]\ncore = {core}\n",
            hosts.join(", ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(cores: &[Option<usize>], named: &[bool]) -> Planned {
        Planned {
            placement: Placement {
                words: "as planned".to_owned(),
                workers: cores.len(),
                cores: cores.to_vec(),
            },
            named: named.to_vec(),
            names: (0..cores.len()).map(|w| format!("w{w}")).collect(),
            hosts: vec![vec!["a".to_owned(), "b".to_owned()]; cores.len()],
        }
    }

    fn cores(tried: &[Placement]) -> Vec<Vec<Option<usize>>> {
        tried.iter().map(|t| t.cores.clone()).collect()
    }

    #[test]
    fn what_is_tried_differs_and_leaves_named_cores_alone() {
        let two = Topology::flat(&[0, 1]);
        let both = plan(&[Some(0), Some(1)], &[false; 2]);
        let alone = plan(&[Some(0)], &[false]);
        assert_eq!(
            cores(&placements(&[both.clone(), alone], &two)),
            [
                vec![Some(0), Some(1)],
                vec![Some(1), Some(0)],
                vec![None, None],
                vec![Some(0)],
            ]
        );
        let named = plan(&[Some(1), Some(0)], &[true, false]);
        assert_eq!(
            cores(&placements(&[named], &two)),
            [vec![Some(1), Some(0)], vec![Some(1), None]]
        );
        // Threads 0, 1 and 2, 3 of a core each; caches of two cores each.
        let file = |name: &str| {
            let core: usize = name
                .strip_prefix("cpu/cpu")?
                .split('/')
                .next()?
                .parse()
                .ok()?;
            match name.rsplit('/').next()? {
                "core_cpus_list" => Some(format!("{}-{}", core / 2 * 2, core / 2 * 2 + 1)),
                "level" => name.contains("index3").then(|| "3".to_owned()),
                "shared_cpu_list" => Some(format!("{}-{}", core / 4 * 4, core / 4 * 4 + 3)),
                _ => None,
            }
        };
        let eight = Topology::read(&[0, 1, 2, 3, 4, 5, 6, 7], &file);
        let usual = plan(&[Some(0), Some(2)], &[false; 2]);
        assert_eq!(
            cores(&placements(&[usual], &eight)),
            [
                vec![Some(0), Some(2)],
                vec![Some(2), Some(0)],
                vec![Some(7), Some(6)],
                vec![Some(0), Some(1)],
                vec![Some(0), Some(4)],
                vec![None, None],
            ]
        );
    }

    #[test]
    fn only_what_is_apart_from_the_plan_s_own_is_preferred() {
        let choose = |samples: &[&[f64]]| {
            let spreads: Vec<Spread> = samples.iter().map(|s| Spread::of(s)).collect();
            fastest(&spreads)
        };
        assert_eq!(
            choose(&[
                &[10.0, 11.0, 12.0],
                &[20.0, 21.0, 22.0],
                &[15.0, 16.0, 17.0]
            ]),
            1
        );
        assert_eq!(choose(&[&[10.0, 11.0, 12.0], &[9.0, 12.0, 15.0]]), 0);
        assert_eq!(choose(&[&[10.0, 11.0, 12.0], &[1.0, 2.0, 3.0]]), 0);
        assert_eq!(choose(&[]), 0);
    }

    #[test]
    fn lines_are_tables_of_the_graph_file() {
        let plan = plan(&[Some(0), None], &[false; 2]);
        let text = lines(&plan, &plan.placement, 1.5);
        assert!(text.contains("1.50x of the plan's own"), "{text}");
        assert!(
            text.contains("\n# agents: a, b\n[workers.w0]\ncore = 0\n"),
            "{text}"
        );
        assert!(text.ends_with("[workers.w1]\ncore = \"none\"\n"), "{text}");
    }
}
