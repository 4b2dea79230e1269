//! The plan: which agent on which worker, which worker on which core, how large every ring is.
//!
//! Pure: a graph, a machine and options in, a plan or a refusal out. Nothing is opened, made or
//! asked here, so tables of cases judge it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thalweg_ringbuf::Fencing;
use thalweg_worker::control::ControlLayout;
use thalweg_worker::dials::Desk;
use thalweg_worker::duty::Patience;

use crate::decl::{Capacity, OnError};
use crate::diag::{Diagnostic, Refused};
use crate::dry::Loops;
use crate::place::{self, Draft};
use crate::poison;
use crate::resolved::{AgentIx, Resolved};
use crate::topology::Topology;

mod fits;
mod pins;
mod sizes;

use fits::fits;
pub(crate) use fits::unlike;
use pins::{idle, pin};
pub use sizes::{FRAMES_BYTES_MIN, ring_spec};
use sizes::{size_streams, step};

/// What the plan knows of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: Vec<usize>,
    /// How they hang together.
    pub topology: Topology,
    /// Free bytes in shared memory, where known.
    pub shm_free: Option<u64>,
    /// How waiting is fenced here.
    pub fencing: Fencing,
}

/// What the command line (or a Rust program) overrides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// So many workers, whatever the graph says.
    pub workers: Option<usize>,
    /// One worker in this very process.
    pub in_process: bool,
    /// Leave every worker to the scheduler.
    pub unpinned: bool,
    /// Deaths without progress that a worker is forgiven, whatever the graph says.
    pub restart: Option<u32>,
    /// The most items a port sees or fills in one step.
    pub step: Option<usize>,
    /// How much a stream holds that does not say so itself.
    pub capacity: Option<Capacity>,
    /// Every source ends after so many items.
    pub items: Option<u64>,
    /// A core for each worker, in their order, over what the graph says; none: the scheduler decides.
    #[serde(default)]
    pub cores: Option<Vec<Option<usize>>>,
    /// Workers run before all that have no real-time priority, at this one (SCHED_FIFO, 1 to 99).
    #[serde(default)]
    pub realtime: Option<u8>,
    /// What a worker has mapped when it starts stays in memory.
    #[serde(default)]
    pub lock_memory: bool,
}

/// Everything that is decided before anything is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The graph's name.
    pub name: String,
    /// The workers, in the order of their first agent.
    pub workers: Vec<PlannedWorker>,
    /// The streams, as numbered in the resolved graph.
    pub streams: Vec<PlannedStream>,
    /// The worker of each agent.
    pub worker_of: Vec<usize>,
    /// Each agent's number among those of its worker.
    pub seat_of: Vec<usize>,
    /// The step of each agent in items.
    pub step_of: Vec<usize>,
    /// Where the bells lie in the segment: one line of 128 bytes a worker.
    pub bells: Range<usize>,
    /// Where it lies who is to end with a loop: a byte an agent. Empty for a graph without loops.
    pub dismissals: Range<usize>,
    /// Length of the segment in bytes.
    pub len_bytes: usize,
    /// Findings that do not stop the run.
    pub notes: Vec<String>,
}

/// One worker.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWorker {
    /// Its name.
    pub name: String,
    /// The core it stays on.
    pub core: Option<usize>,
    /// Its agents, in topological order.
    pub agents: Vec<AgentIx>,
    /// How it waits.
    pub idle: Patience,
    /// Deaths without progress it is forgiven.
    pub restart: u32,
    /// Where its control block lies in the segment.
    pub control: Range<usize>,
    /// Where orders for its agents' dials lie; empty where they have none.
    pub desk: Range<usize>,
}

/// One stream.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStream {
    /// Items that may be in flight.
    pub capacity: u64,
    /// Where its ring's header lies in the segment.
    pub header: Range<usize>,
    /// Where its ring's data lie.
    pub data: Range<usize>,
    /// The worker that writes it.
    pub producer: usize,
    /// Its readers: worker, and whether it may be left behind.
    pub readers: Vec<PlannedReader>,
}

/// One reader of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedReader {
    /// The agent and its input.
    pub agent: (AgentIx, usize),
    /// Its worker.
    pub worker: usize,
    /// It holds nobody back and may miss items.
    pub lossy: bool,
}

impl PlannedStream {
    /// True if an end is in another worker.
    pub fn crosses(&self) -> bool {
        self.readers.iter().any(|r| r.worker != self.producer)
    }
}

/// Why there is no plan.
#[derive(Debug)]
pub enum PlanError {
    /// The graph cannot run anywhere.
    Refused(Box<Refused>),
    /// This machine, now, has not got what it takes.
    Environment(String),
}

/// Bytes the run header takes at the start of the segment.
pub const RUN_HEADER: usize = PAGE;
const PAGE: usize = 4096;
const BELL: usize = 128;
/// The most workers a run may have.
pub const WORKERS_MAX: usize = 1024;

/// Decides everything, or says what is in the way.
pub fn plan(graph: &Resolved, machine: &Machine, options: &Options) -> Result<Plan, PlanError> {
    let mut notes = Vec::new();
    poison::refuse_unclear_skips(graph).map_err(|d| refused(graph, d))?;
    notes.extend(skips_nothing(graph, options));
    let placed = place::place(graph, machine, options).map_err(|d| refused(graph, d))?;
    let worker_of = placed.worker_of;
    let pinned = pin(
        graph,
        machine,
        options,
        &placed.workers,
        &worker_of,
        &mut notes,
    )
    .map_err(|d| refused(graph, d))?;
    let mut place_in = Layout { next: RUN_HEADER };
    let bells = place_in.take(placed.workers.len() * BELL);
    let dismissals = match Loops::of(graph).knots().is_empty() {
        true => 0,
        false => graph.agents.len(),
    };
    let dismissals = place_in.take(dismissals);
    let mut hosted: Vec<Vec<AgentIx>> = vec![Vec::new(); placed.workers.len()];
    for (agent, &worker) in worker_of.iter().enumerate() {
        hosted[worker].push(agent);
    }
    let workers = placed.workers.iter().zip(pinned).enumerate();
    let workers: Vec<PlannedWorker> = workers
        .map(|(w, (draft, core))| {
            let agents = std::mem::take(&mut hosted[w]);
            let control = ControlLayout::of(agents.iter().map(|&a| &graph.agents[a].blueprint));
            PlannedWorker {
                name: draft.name.clone(),
                core,
                restart: restart(graph, &agents, draft, options),
                idle: idle(machine, core, placed.workers.len(), options),
                control: place_in.take(control.len_bytes),
                desk: place_in.take(Desk::len_bytes(control.dials())),
                agents,
            }
        })
        .collect();
    let streams = size_streams(graph, options, &worker_of, machine, &mut place_in)?;
    let step_of = (0..graph.agents.len())
        .map(|a| step(graph, a, options, &streams))
        .collect();
    let mut seat_of = vec![0; graph.agents.len()];
    for worker in &workers {
        for (seat, &agent) in worker.agents.iter().enumerate() {
            seat_of[agent] = seat;
        }
    }
    let plan = Plan {
        name: graph.name.clone(),
        seat_of,
        workers,
        streams,
        worker_of,
        step_of,
        bells,
        dismissals,
        len_bytes: place_in.next,
        notes,
    };
    fits(graph, &plan, machine, options)?;
    Ok(plan)
}

/// In one process nobody is left to go on after a death.
fn skips_nothing(graph: &Resolved, options: &Options) -> Option<String> {
    let skips = graph.agents.iter().any(|a| a.on_error == OnError::Skip);
    (skips && options.in_process).then(|| {
        "on_error = \"skip\" needs worker processes: in one process a panic ends the run".to_owned()
    })
}

/// Hands out page-aligned ranges of the segment, one after the other.
struct Layout {
    next: usize,
}

impl Layout {
    fn take(&mut self, len_bytes: usize) -> Range<usize> {
        let start = self.next;
        self.next = (start + len_bytes).next_multiple_of(PAGE);
        start..self.next
    }
}

/// Deaths without progress that are forgiven unless something says otherwise.
pub const RESTART_DEFAULT: u32 = 3;

fn restart(graph: &Resolved, agents: &[AgentIx], draft: &Draft, options: &Options) -> u32 {
    let of_worker = draft
        .decl
        .and_then(|w| graph.workers[w].restart.as_ref().map(|r| r.value));
    let of_agents = agents.iter().filter_map(|&a| graph.agents[a].restart).max();
    options
        .restart
        .or(of_worker)
        .or(of_agents)
        .unwrap_or(RESTART_DEFAULT)
}

fn refused(graph: &Resolved, diagnostic: Diagnostic) -> PlanError {
    PlanError::Refused(Box::new(Refused {
        diagnostics: vec![diagnostic],
        source: graph.source.clone(),
    }))
}

#[cfg(test)]
pub(crate) mod tests;
