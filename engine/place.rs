//! Which agent on which worker: as declared, else in stretches of about the same work.
//!
//! What an agent's work is the plan can only guess ([`Blueprint::weight`]); `--pin measure` and `doctor` tell what it is.
//! A stream between workers costs both its ends something, too, so neighbours of little weight stay together.
//!
//! [`Blueprint::weight`]: thalweg_worker::agent::Blueprint::weight

use std::ops::Range;

use crate::diag::Diagnostic;
use crate::plan::{Machine, Options, WORKERS_MAX};
use crate::resolved::{AgentIx, Edge, Resolved};

/// A worker before it has a core: its name and its declaration, where it has one.
pub struct Draft {
    /// Its name.
    pub name: String,
    /// Which of the declared ones it is.
    pub decl: Option<usize>,
}

/// Which agent on which worker.
pub struct Placed {
    /// The workers.
    pub workers: Vec<Draft>,
    /// The worker of each agent.
    pub worker_of: Vec<usize>,
}

/// Gives each agent its worker.
pub fn place(graph: &Resolved, machine: &Machine, options: &Options) -> Result<Placed, Diagnostic> {
    if options.in_process {
        return Ok(Placed {
            workers: vec![numbered(0)],
            worker_of: vec![0; graph.agents.len()],
        });
    }
    if let Some(n) = options.workers {
        return Ok(even(graph, asked_workers(n)?));
    }
    if graph.workers.is_empty() {
        let own: usize = graph.agents.iter().filter(|a| a.edge.is_none()).count();
        return Ok(even(graph, own.div_ceil(2).min(machine.cores.len()).max(1)));
    }
    checked_workers(graph.workers.len(), &graph.workers[0].name.span)?;
    Ok(as_declared(graph))
}

fn checked_workers(n: usize, span: &Range<usize>) -> Result<usize, Diagnostic> {
    match n {
        1..=WORKERS_MAX => Ok(n),
        _ => Err(
            Diagnostic::new(format!("{n} workers: a run has 1 to {WORKERS_MAX}"))
                .at(span.clone(), "the first of them"),
        ),
    }
}

/// As many workers as `--workers` says, which is no place in the graph.
fn asked_workers(n: usize) -> Result<usize, Diagnostic> {
    match n {
        1..=WORKERS_MAX => Ok(n),
        _ => Err(Diagnostic::new(format!(
            "`--workers` is {n}, and should be 1 to {WORKERS_MAX}"
        ))
        .help("`--in-process` runs everything without a worker process")),
    }
}

/// Where to point when the whole graph is meant.
pub fn graph_span(graph: &Resolved) -> Range<usize> {
    graph.agents.first().map_or(0..0, |a| a.span.clone())
}

fn numbered(n: usize) -> Draft {
    Draft {
        name: format!("w{n}"),
        decl: None,
    }
}

/// Cuts the topological order into `n` stretches of about the same cost.
fn even(graph: &Resolved, n: usize) -> Placed {
    let own: Vec<AgentIx> = (0..graph.agents.len())
        .filter(|&a| graph.agents[a].edge.is_none())
        .collect();
    let n = n.min(own.len()).max(1);
    let cuts = Costs { graph, own: &own }.cuts(n);
    let mut worker_of = vec![0; graph.agents.len()];
    for (worker, cut) in cuts.windows(2).enumerate() {
        for &agent in &own[cut[0]..cut[1]] {
            worker_of[agent] = worker;
        }
    }
    beside(graph, &mut worker_of);
    Placed {
        workers: (0..n).map(numbered).collect(),
        worker_of,
    }
}

/// What writing a stream that other workers read costs beside the same inside a worker, and what reading it: in copies
/// of its items (`docs/performance.md` has the times).
const WRITES_ACROSS: u64 = 2;
const READS_ACROSS: u64 = 1;

/// The cuts by weight are nearly right: so often each is moved at most.
const MOVES_MAX: usize = 16;

/// What stretches of the topological order cost a worker, in copies of an item.
struct Costs<'a> {
    graph: &'a Resolved,
    /// The agents in topological order.
    own: &'a [AgentIx],
}

impl Costs<'_> {
    /// Where the `n` stretches begin, and the end: first by weight alone, then each cut moves as long as the two
    /// stretches beside it get better.
    fn cuts(&self, n: usize) -> Vec<usize> {
        let mut cuts = self.by_weight(n);
        let mut moves = MOVES_MAX * n;
        while moves > 0 && (1..n).any(|nth| self.improve(&mut cuts, nth)) {
            moves -= 1;
        }
        cuts
    }

    fn by_weight(&self, n: usize) -> Vec<usize> {
        let weight = |&agent: &AgentIx| self.graph.agents[agent].blueprint.weight;
        let total: u64 = self.own.iter().map(weight).sum();
        let (mut cuts, mut done) = (vec![0], 0);
        for (ix, agent) in self.own.iter().enumerate() {
            let (stretch, left) = (cuts.len() as u64, n - cuts.len());
            done += weight(agent);
            let is_full = done * n as u64 >= stretch * total;
            if left > 0 && (is_full || self.own.len() - ix - 1 == left) {
                cuts.push(ix + 1);
            }
        }
        cuts.push(self.own.len());
        cuts
    }

    /// Moves a cut by an agent to either side, if that is better.
    fn improve(&self, cuts: &mut [usize], nth: usize) -> bool {
        let (from, cut, to) = (cuts[nth - 1], cuts[nth], cuts[nth + 1]);
        let now = self.of_two(from, cut, to);
        for better in [cut - 1, cut + 1] {
            if from < better && better < to && self.of_two(from, better, to) < now {
                cuts[nth] = better;
                return true;
            }
        }
        false
    }

    /// The dearer of two stretches side by side, then both.
    fn of_two(&self, from: usize, cut: usize, to: usize) -> (u64, u64) {
        let (first, second) = (self.of(from..cut), self.of(cut..to));
        (first.max(second), first + second)
    }

    /// What one stretch costs.
    fn of(&self, stretch: Range<usize>) -> u64 {
        let agents = &self.own[stretch];
        agents
            .iter()
            .map(|&agent| self.of_agent(agent, agents))
            .sum()
    }

    fn of_agent(&self, ix: AgentIx, beside: &[AgentIx]) -> u64 {
        let agent = &self.graph.agents[ix];
        let is_beside = |other: AgentIx| beside.binary_search(&other).is_ok();
        let weight = |other: AgentIx| self.graph.agents[other].blueprint.weight;
        // Who does nothing with its items does not fetch them either.
        let goes_far = |&(reader, _): &(AgentIx, usize)| weight(reader) > 0 && !is_beside(reader);
        let written = agent.outputs.iter();
        let written = written.filter(|&&s| self.graph.streams[s].readers.iter().any(goes_far));
        let comes_far = |&&s: &&usize| !is_beside(self.graph.streams[s].producer.0);
        let read = agent.inputs.iter().filter(comes_far).count() as u64;
        agent.blueprint.weight
            + WRITES_ACROSS * written.count() as u64
            + READS_ACROSS * read.min(agent.blueprint.weight)
    }
}

/// The agents that make edges lossy go where the edge's end is.
fn beside(graph: &Resolved, worker_of: &mut [usize]) {
    for (ix, agent) in graph.agents.iter().enumerate() {
        if let Some(Edge::DropNewest { beside } | Edge::Latest { beside }) = agent.edge {
            worker_of[ix] = worker_of[beside];
        }
    }
}

/// Agents where they ask to be; the others beside a neighbour, or spread evenly.
fn as_declared(graph: &Resolved) -> Placed {
    let fallback = even(graph, graph.workers.len()).worker_of;
    let mut worker: Vec<Option<usize>> = graph.agents.iter().map(|a| a.worker).collect();
    if worker.iter().any(Option::is_some) {
        // Downstream along the order, then upstream against it.
        for ix in 0..worker.len() {
            let producers = graph.agents[ix]
                .inputs
                .iter()
                .map(|&s| graph.streams[s].producer.0);
            worker[ix] = worker[ix].or_else(|| producers.filter_map(|p| worker[p]).next());
        }
        for ix in (0..worker.len()).rev() {
            let streams = graph.agents[ix].outputs.iter();
            let mut readers = streams.flat_map(|&s| graph.streams[s].readers.iter());
            worker[ix] = worker[ix].or_else(|| readers.find_map(|r| worker[r.0]));
        }
    }
    let mut worker_of: Vec<usize> = worker
        .iter()
        .zip(fallback)
        .map(|(w, f)| w.unwrap_or(f))
        .collect();
    beside(graph, &mut worker_of);
    without_the_empty(graph, worker_of)
}

/// Leaves out declared workers that host nothing.
fn without_the_empty(graph: &Resolved, mut worker_of: Vec<usize>) -> Placed {
    let used: Vec<usize> = (0..graph.workers.len())
        .filter(|w| worker_of.contains(w))
        .collect();
    for worker in &mut worker_of {
        *worker = used.iter().position(|u| u == worker).unwrap_or(0);
    }
    let workers = used.iter().map(|&w| Draft {
        name: graph.workers[w].name.value.clone(),
        decl: Some(w),
    });
    Placed {
        workers: workers.collect(),
        worker_of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{graph, machine};

    /// How many agents of a line of operators each of so many workers gets.
    fn cut(ops: &[&str], workers: usize) -> Vec<usize> {
        let agents = ops.iter().enumerate().map(|(ix, op)| {
            let input = ix
                .checked_sub(1)
                .map(|before| format!("in = \"a{before}\", "));
            format!(
                "agents.a{ix} = {{ {}op = {op} }}\n",
                input.unwrap_or_default()
            )
        });
        let options = Options {
            workers: Some(workers),
            ..Options::default()
        };
        let placed = place(&graph(&agents.collect::<String>()), &machine(2), &options).unwrap();
        let hosted = |worker| placed.worker_of.iter().filter(|&&w| w == worker).count();
        (0..placed.workers.len()).map(hosted).collect()
    }

    const CONST: &str = "\"const\", value = 1, dtype = \"f32\"";
    const COPY: &str = "\"copy\"";
    const FIR: &str = "\"fir.lowpass\", cutoff = 0.1, rate = 1.0, numtaps = 64";
    const MAP: &str = "\"map\", expr = \"x + 1\"";
    const NOISE: &str = "\"noise\", dtype = \"f32\"";
    const NULL: &str = "\"null\"";

    #[test]
    fn stretches_take_about_as_long() {
        let copies = [CONST, COPY, COPY, COPY, COPY, COPY, COPY, NULL];
        assert_eq!(cut(&copies, 2), [3, 5], "what writes across is given less");
        let filters = [CONST, FIR, FIR, FIR, FIR, NULL];
        assert_eq!(cut(&filters, 2), [3, 3]);
        assert_eq!(cut(&filters, 4), [2, 1, 1, 2]);
        assert_eq!(cut(&[CONST, MAP, FIR, MAP, NULL], 2), [2, 3]);
    }

    #[test]
    fn what_weighs_little_is_not_sent_to_another_worker() {
        assert_eq!(cut(&[CONST, COPY, NULL], 2), [2, 1]);
        assert_eq!(cut(&[CONST, FIR, NULL], 2), [2, 1]);
        assert_eq!(cut(&[NOISE, FIR, NULL], 2), [1, 2]);
    }

    #[test]
    fn each_worker_hosts_an_agent() {
        for workers in 1..6 {
            let expected = workers.min(3);
            let cut = cut(&[CONST, COPY, NULL], workers);
            assert_eq!(cut.len(), expected, "{cut:?}");
            assert!(cut.iter().all(|&agents| agents > 0), "{cut:?}");
        }
    }
}
