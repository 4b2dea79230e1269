//! The plan: which agent on which worker, which worker on which core, how large every ring is.
//!
//! Pure: a graph, a machine and options in, a plan or a refusal out. Nothing is opened, made or
//! asked here, so tables of cases judge it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thalweg_ringbuf::{Fencing, RingSpec};
use thalweg_worker::control::ControlLayout;
use thalweg_worker::dials::Desk;
use thalweg_worker::duty::Patience;

use crate::decl::{Capacity, Core, OnError};
use crate::diag::{Diagnostic, Refused};
use crate::dry::Loops;
use crate::place::{self, Draft, graph_span};
use crate::poison;
use crate::resolved::{AgentIx, Edge, Resolved, ResolvedStream, StreamIx};
use crate::topology::{Place, Topology};

mod fits;
use fits::fits;
pub(crate) use fits::unlike;

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
/// Default size of a ring between workers, and of all where branches join; else inside a worker.
const ROOMY_BYTES: u64 = 256 << 10;
const INSIDE_BYTES: u64 = 64 << 10;
/// The least bytes that a stream of frames holds.
pub const FRAMES_BYTES_MIN: u64 = 64;
/// A step moves about so many bytes a port: so many that what a call costs besides is little (some 60 ns, as long as
/// copying 8 KiB takes), and still a small part of a second-level cache.
const STEP_BYTES: usize = 64 << 10;
const STEP_MAX: usize = 16 << 10;
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

/// A core for each worker, `None` where the scheduler decides.
fn pin(
    graph: &Resolved,
    machine: &Machine,
    options: &Options,
    workers: &[Draft],
    worker_of: &[usize],
    notes: &mut Vec<String>,
) -> Result<Vec<Option<usize>>, Diagnostic> {
    if options.unpinned || options.in_process {
        let none = vec![None; workers.len()];
        return match options.realtime {
            Some(_) => alone(graph, workers, &none).map(|()| none),
            None => Ok(none),
        };
    }
    let declared = |d: &Draft| d.decl.map_or(Core::Auto, |w| graph.workers[w].core.value);
    let wanted: Vec<Core> = match &options.cores {
        Some(cores) if cores.len() == workers.len() => {
            let given = cores.iter();
            given.map(|c| c.map_or(Core::None, Core::Number)).collect()
        }
        _ => workers.iter().map(declared).collect(),
    };
    for (draft, core) in workers.iter().zip(&wanted) {
        if let (Some(w), Core::Number(core)) = (draft.decl, core) {
            check_core(graph, machine, w, *core)?;
        }
    }
    let named = |core: &usize| wanted.contains(&Core::Number(*core));
    let free: Vec<usize> = machine
        .cores
        .iter()
        .copied()
        .filter(|c| !named(c))
        .collect();
    let autos = wanted.iter().filter(|c| **c == Core::Auto).count();
    let enough = autos <= free.len();
    if !enough {
        notes.push(format!(
            "{} workers share {} cores: those without a core of their own are left to the scheduler",
            workers.len(),
            machine.cores.len()
        ));
    }
    let place = |core: &Core| match core {
        Core::Number(core) => Place::At(*core),
        Core::Auto if enough => Place::Chosen,
        Core::Auto | Core::None => Place::Anywhere,
    };
    let places: Vec<Place> = wanted.iter().map(place).collect();
    let cores = machine.topology.choose(&places, &between(graph, worker_of));
    for (w, core) in cores.iter().enumerate() {
        if let Some(other) = cores[..w].iter().position(|c| c.is_some() && c == core) {
            notes.push(format!(
                "workers {} and {} share core {}: they sleep instead of spinning",
                workers[other].name,
                workers[w].name,
                core.unwrap_or(0)
            ));
        }
    }
    notes.extend(on_threads_of_one_core(machine, workers, &cores));
    match options.realtime {
        Some(_) => alone(graph, workers, &cores).map(|()| cores),
        None => Ok(cores),
    }
}

/// A real-time worker that spins takes a core from whoever shares it, and does not give it back.
fn alone(graph: &Resolved, workers: &[Draft], cores: &[Option<usize>]) -> Result<(), Diagnostic> {
    let shares = |w: usize| match cores[w] {
        None => true,
        core => cores.iter().filter(|&other| *other == core).count() > 1,
    };
    let Some(worker) = (0..cores.len()).find(|&w| shares(w)) else {
        return Ok(());
    };
    let span = match workers[worker].decl {
        Some(w) => graph.workers[w].core.span.clone(),
        None => graph_span(graph),
    };
    Err(Diagnostic::new(format!(
        "worker `{}` has no core of its own, and --realtime would let it keep others from theirs",
        workers[worker].name
    ))
    .at(span, "shares a core, or has none")
    .help("use no more workers than there are cores (--workers N), each on another one, or leave --realtime out"))
}

/// Workers that share a physical core though not a thread of it.
fn on_threads_of_one_core(
    machine: &Machine,
    workers: &[Draft],
    cores: &[Option<usize>],
) -> Vec<String> {
    let physical = |worker: usize| {
        let core = machine.topology.core(cores[worker]?)?;
        Some((core.number, core.physical))
    };
    let pairs = (0..cores.len()).flat_map(|w| (0..w).map(move |other| (other, w)));
    let shared = pairs.filter(|&(a, b)| match (physical(a), physical(b)) {
        (Some((a, one)), Some((b, other))) => a != b && one == other,
        _ => false,
    });
    let note = |(a, b): (usize, usize)| {
        format!(
            "workers {} and {} run on two threads of one core, and share what it does",
            workers[a].name, workers[b].name
        )
    };
    shared.map(note).collect()
}

/// A pair of workers for every stream's way from one to another.
fn between(graph: &Resolved, worker_of: &[usize]) -> Vec<(usize, usize)> {
    let ways = graph.streams.iter().flat_map(|stream| {
        let from = worker_of[stream.producer.0];
        let readers = stream.readers.iter();
        readers.map(move |&(reader, _)| (from, worker_of[reader]))
    });
    ways.filter(|(from, to)| from != to).collect()
}

fn check_core(
    graph: &Resolved,
    machine: &Machine,
    worker: usize,
    core: usize,
) -> Result<(), Diagnostic> {
    // Nobody is put on an isolated core unasked; who names one means it.
    if machine.cores.contains(&core) || machine.topology.isolated.contains(&core) {
        return Ok(());
    }
    let decl = &graph.workers[worker];
    let cores: Vec<String> = machine.cores.iter().map(usize::to_string).collect();
    Err(Diagnostic::new(format!(
        "worker `{}` wants core {core}, and this process may use {}",
        decl.name.value,
        cores.join(", ")
    ))
    .at(decl.core.span.clone(), "no such core here")
    .help("choose one of these, \"auto\" or \"none\", or run with --pin none"))
}

/// Who has a core to itself spins for a while; who shares one goes to sleep. With real-time priority on every
/// core nobody spins: the rest of the machine would stand still.
fn idle(machine: &Machine, core: Option<usize>, workers: usize, options: &Options) -> Patience {
    let left = usize::from(options.realtime.is_some());
    match core.is_some() && workers + left <= machine.cores.len() {
        true => Patience::SPIN,
        false => Patience::SLEEP,
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

fn size_streams(
    graph: &Resolved,
    options: &Options,
    worker_of: &[usize],
    machine: &Machine,
    place_in: &mut Layout,
) -> Result<Vec<PlannedStream>, PlanError> {
    let mut planned = Vec::new();
    let joined = joins(graph);
    for (ix, stream) in graph.streams.iter().enumerate() {
        let readers: Vec<PlannedReader> = stream
            .readers
            .iter()
            .map(|&agent| PlannedReader {
                agent,
                worker: worker_of[agent.0],
                lossy: matches!(graph.agents[agent.0].edge, Some(Edge::Latest { .. })),
            })
            .collect();
        let producer = worker_of[stream.producer.0];
        let crosses = readers.iter().any(|r| r.worker != producer);
        let capacity =
            capacity(graph, ix, options, crosses || joined).map_err(|d| refused(graph, d))?;
        let spec = ring_spec(graph, ix, capacity, readers.len());
        let geometry = spec
            .geometry(machine.fencing)
            .map_err(|_| refused(graph, too_long(graph, ix, capacity)))?;
        planned.push(PlannedStream {
            capacity,
            header: place_in.take(geometry.header_len_bytes),
            data: place_in.take(geometry.data_len_bytes),
            producer,
            readers,
        });
    }
    Ok(planned)
}

/// A stream that no mapping can hold, with the place that asks for it.
fn too_long(graph: &Resolved, ix: StreamIx, capacity: u64) -> Diagnostic {
    let stream = &graph.streams[ix];
    let too_long = Diagnostic::new(format!(
        "stream `{}` would hold {capacity} items of {} bytes, which is more than memory can be",
        stream.name,
        stream.item_type.len_bytes()
    ));
    let (least, who) = least_capacity(graph, ix);
    match &stream.capacity {
        Some((_, span)) => too_long.at(span.clone(), "asked for here"),
        None if capacity / 2 > least => too_long.help("ask for less by --capacity"),
        None => too_long.at(graph.agents[who].span.clone(), "this agent needs as many"),
    }
}

/// The ring a stream is made of.
pub fn ring_spec(graph: &Resolved, stream: StreamIx, capacity: u64, readers: usize) -> RingSpec {
    let item_type = &graph.streams[stream].item_type;
    let name = item_type.to_string();
    let cut = name.floor_char_boundary(64);
    RingSpec {
        item_name: name[..cut].to_owned(),
        item_len_bytes: item_type.len_bytes(),
        item_align: item_type.align(),
        capacity,
        readers,
        spare_readers: 0,
        start: 0,
        run_id: 0,
    }
}

/// How many items a stream holds: what it asks for if that is enough, else what is good for it.
fn capacity(
    graph: &Resolved,
    ix: StreamIx,
    options: &Options,
    roomy: bool,
) -> Result<u64, Diagnostic> {
    let stream = &graph.streams[ix];
    if stream.item_type.is_framed() {
        return Ok(capacity_of_frames(stream, options));
    }
    let item_len = stream.item_type.len_bytes() as u64;
    let (least, who) = least_capacity(graph, ix);
    let asked = stream.capacity.clone();
    if let Some((asked, span)) = &asked {
        let items = in_items(*asked, item_len);
        if items < least {
            return Err(Diagnostic::new(format!(
                "stream `{}` holds {items} items, and `{}` needs it to hold {least}",
                stream.name, graph.agents[who].name
            ))
            .at(span.clone(), "too small")
            .help(format!("capacity = {least} or more, or leave it out")));
        }
        return Ok(items);
    }
    let default = match (options.capacity, enough(graph, ix)) {
        (Some(capacity), _) => in_items(capacity, item_len),
        (None, Some(items)) => items.min(ROOMY_BYTES / item_len),
        (None, None) => {
            let usual = if roomy { ROOMY_BYTES } else { INSIDE_BYTES } / item_len;
            // What an agent looks back on takes room that nobody else has: beside a long window there is to be some.
            usual.max(least.saturating_add(retained(graph, ix).min(usual)))
        }
    };
    Ok(default.max(least).max(1))
}

/// The most items that a reader of a stream looks back on.
fn retained(graph: &Resolved, ix: StreamIx) -> u64 {
    let readers = graph.streams[ix].readers.iter();
    let retained =
        readers.map(|&(agent, input)| graph.agents[agent].blueprint.inputs[input].retain);
    retained.max().unwrap_or(0) as u64
}

/// How many bytes a stream of frames holds. The same inside a worker and between two: it decides how
/// long a frame may be, which must not depend on the placement. `--capacity` in items is not for it.
fn capacity_of_frames(stream: &ResolvedStream, options: &Options) -> u64 {
    let asked = stream.capacity.as_ref().map(|(capacity, _)| *capacity);
    // A tag fits into every companion.
    let least = match stream.tags_of {
        Some(_) => ROOMY_BYTES,
        None => FRAMES_BYTES_MIN,
    };
    let general = options.capacity.filter(|_| stream.tags_of.is_none());
    match asked.or(general) {
        Some(Capacity::Bytes(bytes)) => bytes.max(least).next_multiple_of(8),
        Some(Capacity::Items(_)) | None => ROOMY_BYTES,
    }
}

/// What is enough for the only reader of a stream, if it says so.
fn enough(graph: &Resolved, ix: StreamIx) -> Option<u64> {
    match graph.streams[ix].readers[..] {
        [(agent, input)] => graph.agents[agent].blueprint.inputs[input].enough,
        _ => None,
    }
}

/// Where agents join branches, what streams hold decides whether a branch that runs ahead comes to a
/// stand. So then all hold the same, and a graph that runs with one placement runs with every one.
fn joins(graph: &Resolved) -> bool {
    (0..graph.agents.len()).any(|agent| graph.own_inputs(agent) > 1)
}

fn in_items(capacity: Capacity, item_len: u64) -> u64 {
    match capacity {
        Capacity::Items(items) => items,
        Capacity::Bytes(bytes) => bytes / item_len,
    }
}

/// The least a stream must hold for its ends to go on, and which agent it is that needs it.
fn least_capacity(graph: &Resolved, ix: StreamIx) -> (u64, AgentIx) {
    let stream = &graph.streams[ix];
    let (producer, output) = stream.producer;
    let port = &graph.agents[producer].blueprint.outputs[output];
    let of_producer =
        (port.at_least as u64).max(port.ahead.saturating_add(u64::from(port.ahead > 0)));
    let mut least = (of_producer, producer);
    for &(agent, input) in &stream.readers {
        let port = &graph.agents[agent].blueprint.inputs[input];
        let of_reader = port.retain.saturating_add(port.at_least) as u64;
        if of_reader > least.0 {
            least = (of_reader, agent);
        }
    }
    least
}

/// How many items a port of this agent sees or fills at once: some KiB, and not more than leaves
/// the other end of its rings something to do meanwhile.
fn step(graph: &Resolved, agent: AgentIx, options: &Options, streams: &[PlannedStream]) -> usize {
    let ports = graph.agents[agent]
        .inputs
        .iter()
        .chain(&graph.agents[agent].outputs);
    let mut step = options.step.unwrap_or(STEP_MAX).max(1);
    for &stream in ports {
        let item_len = graph.streams[stream].item_type.len_bytes();
        if options.step.is_none() {
            step = step.min((STEP_BYTES / item_len).max(1));
        }
        let share = if streams[stream].crosses() { 4 } else { 1 };
        let part = (streams[stream].capacity / share).max(1);
        step = step.min(usize::try_from(part).unwrap_or(usize::MAX));
    }
    step
}

fn refused(graph: &Resolved, diagnostic: Diagnostic) -> PlanError {
    PlanError::Refused(Box::new(Refused {
        diagnostics: vec![diagnostic],
        source: graph.source.clone(),
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{file, overflow, resolve};

    pub(crate) fn graph(text: &str) -> Resolved {
        let decl = file::parse(text.to_owned(), "g.toml", "g", PathBuf::from(".")).unwrap();
        let mut graph = resolve::resolve(decl).unwrap().0;
        overflow::insert(&mut graph);
        graph
    }

    pub(crate) fn machine(cores: usize) -> Machine {
        let cores: Vec<usize> = (0..cores).collect();
        Machine {
            topology: Topology::flat(&cores),
            cores,
            shm_free: Some(1 << 30),
            fencing: Fencing::Symmetric,
        }
    }

    fn planned(text: &str, cores: usize, options: &Options) -> Plan {
        plan(&graph(text), &machine(cores), options).unwrap()
    }

    fn refusal(text: &str, options: &Options) -> String {
        match plan(&graph(text), &machine(2), options) {
            Err(PlanError::Refused(refused)) => refused.to_string(),
            Err(PlanError::Environment(words)) => words,
            Ok(plan) => panic!("planned: {plan:?}"),
        }
    }

    /// Five agents in a row, `a` to `e`, with what else the graph says.
    fn chain(more: &str) -> String {
        let mut text = "agents.a = { op = \"counter\", items = 10 }\n".to_owned();
        for (agent, input) in [("b", "a"), ("c", "b"), ("d", "c")] {
            text += &format!("agents.{agent} = {{ op = \"copy\", in = \"{input}\" }}\n");
        }
        text += "agents.e = { op = \"null\", in = \"d\" }\n";
        text + more
    }

    fn placement(plan: &Plan) -> Vec<Vec<AgentIx>> {
        plan.workers.iter().map(|w| w.agents.clone()).collect()
    }

    #[test]
    fn without_workers_a_graph_is_cut_into_even_stretches() {
        let cases = [
            (1, None, vec![vec![0, 1, 2, 3, 4]]),
            (2, None, vec![vec![0, 1], vec![2, 3, 4]]),
            (16, None, vec![vec![0, 1], vec![2, 3], vec![4]]),
            (2, Some(4), vec![vec![0], vec![1], vec![2, 3], vec![4]]),
            (2, Some(9), (0..5).map(|a| vec![a]).collect()),
        ];
        for (cores, workers, expected) in cases {
            let options = Options {
                workers,
                ..Options::default()
            };
            let plan = planned(&chain(""), cores, &options);
            assert_eq!(
                placement(&plan),
                expected,
                "{cores} cores, {workers:?} workers"
            );
        }
    }

    #[test]
    fn agents_go_where_they_ask_to_and_the_others_beside_them() {
        let text = chain("workers.x = {}\nworkers.y = {}\n")
            .replace("in = \"b\"", "in = \"b\", worker = \"y\"")
            .replace("items = 10", "items = 10, worker = \"x\"");
        let plan = planned(&text, 2, &Options::default());
        assert_eq!(placement(&plan), [vec![0, 1], vec![2, 3, 4]]);
        let inside = Options {
            in_process: true,
            ..Options::default()
        };
        assert_eq!(
            placement(&planned(&text, 2, &inside)),
            [vec![0, 1, 2, 3, 4]]
        );
    }

    #[test]
    fn workers_get_cores_of_their_own_while_there_are_enough() {
        let text = chain("workers.x = { core = 1 }\nworkers.y = {}\n")
            .replace("items = 10", "items = 10, worker = \"x\"")
            .replace("in = \"d\"", "in = \"d\", worker = \"y\"");
        let cores = |plan: &Plan| plan.workers.iter().map(|w| w.core).collect::<Vec<_>>();
        assert_eq!(
            cores(&planned(&text, 2, &Options::default())),
            [Some(1), Some(0)]
        );
        let unpinned = Options {
            unpinned: true,
            ..Options::default()
        };
        assert_eq!(cores(&planned(&text, 2, &unpinned)), [None, None]);
        let crowded = Options {
            workers: Some(3),
            ..Options::default()
        };
        let plan = planned(&chain(""), 2, &crowded);
        assert_eq!(cores(&plan), [None, None, None]);
        assert_eq!(plan.workers[0].idle, Patience::SLEEP);
        assert!(
            plan.notes[0].contains("3 workers share 2 cores"),
            "{:?}",
            plan.notes
        );
    }

    #[test]
    fn workers_go_where_the_machine_lets_them_be_near() {
        // Two threads a core: 0 and 1, 2 and 3.
        let siblings = |name: &str| {
            let core = name
                .strip_prefix("cpu/cpu")?
                .strip_suffix("/topology/core_cpus_list")?;
            let first = core.parse::<usize>().ok()? / 2 * 2;
            Some(format!("{first}-{}", first + 1))
        };
        let machine = Machine {
            topology: Topology::read(&[0, 1, 2, 3], &siblings),
            ..machine(4)
        };
        let planned = |workers| {
            let options = Options {
                workers: Some(workers),
                ..Options::default()
            };
            plan(&graph(&chain("")), &machine, &options).unwrap()
        };
        let cores = |plan: &Plan| plan.workers.iter().map(|w| w.core).collect::<Vec<_>>();
        let two = planned(2);
        assert_eq!((cores(&two), two.notes), (vec![Some(0), Some(2)], vec![]));
        let three = planned(3);
        assert_eq!(cores(&three), [Some(0), Some(2), Some(1)]);
        assert!(three.notes[0].contains("w0 and w2 run on two threads of one core"));
    }

    #[test]
    fn cores_that_are_given_hold_over_what_the_graph_says() {
        let text = chain("workers.x = { core = 1 }\nworkers.y = {}\n")
            .replace("items = 10", "items = 10, worker = \"x\"")
            .replace("in = \"d\"", "in = \"d\", worker = \"y\"");
        let cores = |given: &[Option<usize>]| {
            let options = Options {
                cores: Some(given.to_vec()),
                ..Options::default()
            };
            let plan = planned(&text, 3, &options);
            plan.workers.iter().map(|w| w.core).collect::<Vec<_>>()
        };
        assert_eq!(cores(&[Some(2), None]), [Some(2), None]);
        // Of another number of workers: they say nothing.
        assert_eq!(cores(&[Some(2)]), [Some(1), Some(0)]);
    }

    #[test]
    fn with_real_time_priority_every_worker_has_a_core_of_its_own() {
        let realtime = |workers| Options {
            realtime: Some(10),
            workers: Some(workers),
            ..Options::default()
        };
        let words = refusal(&chain(""), &realtime(3));
        assert!(
            words.contains("worker `w0` has no core of its own"),
            "{words}"
        );
        let unpinned = Options {
            unpinned: true,
            ..realtime(1)
        };
        assert!(refusal(&chain(""), &unpinned).contains("--realtime"));
        let all = planned(&chain(""), 2, &realtime(2));
        assert!(all.workers.iter().all(|w| w.idle == Patience::SLEEP));
        let some = planned(&chain(""), 3, &realtime(2));
        assert!(some.workers.iter().all(|w| w.idle == Patience::SPIN));
    }

    #[test]
    fn an_isolated_core_is_taken_by_who_names_it() {
        let isolated = |name: &str| (name == "cpu/isolated").then(|| "5\n".to_owned());
        let machine = Machine {
            topology: Topology::read(&[0, 1], &isolated),
            ..machine(2)
        };
        let text = chain("workers.x = { core = 5 }\n");
        let text = text.replace("items = 10", "items = 10, worker = \"x\"");
        let planned = plan(&graph(&text), &machine, &Options::default()).unwrap();
        assert_eq!(planned.workers[0].core, Some(5));
    }

    #[test]
    fn a_core_that_is_not_there_is_refused_with_its_line() {
        let text = chain("workers.x = { core = 7 }\n");
        let text = text.replace("items = 10", "items = 10, worker = \"x\"");
        let words = refusal(&text, &Options::default());
        assert!(words.contains("worker `x` wants core 7"), "{words}");
        assert!(words.contains("g.toml:6:"), "{words}");
    }

    #[test]
    fn streams_hold_what_they_are_asked_to_and_at_least_what_their_ends_need() {
        let window = |more: &str| {
            format!(
                "agents.a = {{ op = \"counter\", dtype = \"f64\", items = 10 }}\n\
                 agents.w = {{ op = \"window\", in = \"a\", size = 1000, fn = \"mean\" }}\n\
                 agents.e = {{ op = \"null\", in = \"w\" }}\n{more}"
            )
        };
        let capacity = |text: &str| planned(text, 1, &Options::default()).streams[0].capacity;
        assert_eq!(capacity(&window("")), INSIDE_BYTES / 8);
        assert_eq!(capacity(&window("streams.a = { capacity = 1000 }")), 1000);
        assert_eq!(
            capacity(&window("streams.a = { capacity = \"64 KiB\" }")),
            8192
        );
        let words = refusal(
            &window("streams.a = { capacity = 999 }"),
            &Options::default(),
        );
        assert!(
            words.contains("stream `a` holds 999 items, and `w` needs it to hold 1000"),
            "{words}"
        );
        assert!(words.contains("g.toml:4:"), "{words}");
    }

    #[test]
    fn a_stream_longer_than_memory_can_be_is_refused_at_the_place_that_asks() {
        let check = |text: &str, options: &Options, words: &str, place: &str| {
            let found = refusal(text, options);
            assert!(found.contains(words) && found.contains(place), "{found}");
        };
        let wide = "agents.a = { op = \"counter\" }\n\
                    agents.d = { op = \"delay\", in = \"a\", items = 9000000000000000000 }\n\
                    agents.e = { op = \"null\", in = \"d\" }\n";
        let of = "`d` would hold 9000000000000000001 items of 8 bytes";
        check(wide, &Options::default(), of, "g.toml:2:");
        let asked = chain("streams.b = { capacity = 20000000000000 }");
        check(&asked, &Options::default(), "`b` would hold", "g.toml:6:");
        let all = Options {
            capacity: Some(Capacity::Items(9_000_000_000_000_000_000)),
            ..Options::default()
        };
        check(&chain(""), &all, "`a` would hold", "--capacity");
    }

    #[test]
    fn where_branches_join_every_stream_holds_the_same_wherever_it_is_placed() {
        let text = chain("agents.z = { op = \"zip\", in = [\"a\", \"d\"], expr = \"a + b\" }\n");
        let capacities = |workers| {
            let options = Options {
                workers,
                ..Options::default()
            };
            let plan = planned(&text, 2, &options);
            plan.streams.iter().map(|s| s.capacity).collect::<Vec<_>>()
        };
        assert_eq!(capacities(Some(1)), vec![ROOMY_BYTES / 8; 5]);
        assert_eq!(capacities(Some(1)), capacities(Some(3)));
    }

    #[test]
    fn a_stream_is_no_larger_than_its_only_reader_has_use_for() {
        let text = chain("").replace(
            "agents.b = { op = \"copy\"",
            "agents.b = { op = \"throttle\", rate = 200",
        );
        let plan = planned(&text, 1, &Options::default());
        assert_eq!(plan.streams[0].capacity, 3);
        let shared = text + "agents.f = { op = \"null\", in = \"a\" }\n";
        let plan = planned(&shared, 1, &Options::default());
        assert_eq!(plan.streams[0].capacity, INSIDE_BYTES / 8);
    }

    #[test]
    fn beside_a_long_window_there_is_room_for_as_many_items_again() {
        let usual = INSIDE_BYTES / 8;
        let windows = [(64, usual), (6000, 6000 + 5999), (100_000, 100_000 + usual)];
        for (size, expected) in windows {
            let text = chain("").replace(
                "agents.b = { op = \"copy\"",
                &format!("agents.b = {{ op = \"window\", fn = \"max\", size = {size}"),
            );
            let plan = planned(&text, 1, &Options::default());
            assert_eq!(plan.streams[0].capacity, expected, "{size}");
        }
    }

    #[test]
    fn steps_leave_the_other_end_something_to_do() {
        let plan = planned(&chain(""), 2, &Options::default());
        assert_eq!(plan.step_of[0], STEP_BYTES / 8);
        let small = Options {
            capacity: Some(Capacity::Items(8)),
            ..Options::default()
        };
        let plan = planned(&chain(""), 2, &small);
        // Between workers a quarter of the ring, inside all of it.
        assert_eq!((plan.step_of[0], plan.step_of[1]), (8, 2));
        let asked = Options {
            step: Some(3),
            ..Options::default()
        };
        assert!(
            planned(&chain(""), 2, &asked)
                .step_of
                .iter()
                .all(|&s| s == 3)
        );
    }

    #[test]
    fn regions_of_the_segment_are_whole_pages_that_do_not_overlap() {
        let plan = planned(&chain(""), 2, &Options::default());
        let mut regions = vec![0..RUN_HEADER, plan.bells.clone()];
        assert!(plan.dismissals.is_empty(), "no loop");
        regions.extend(plan.workers.iter().map(|w| w.control.clone()));
        regions.extend(
            plan.workers
                .iter()
                .map(|w| w.desk.clone())
                .filter(|d| !d.is_empty()),
        );
        for stream in &plan.streams {
            regions.extend([stream.header.clone(), stream.data.clone()]);
        }
        regions.sort_by_key(|r| r.start);
        for pair in regions.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
            assert_eq!(pair[0].end % PAGE, 0);
        }
        assert_eq!(regions.last().unwrap().end, plan.len_bytes);
    }

    #[test]
    fn shared_memory_that_is_too_small_is_refused_with_need_and_have() {
        let small = Machine {
            shm_free: Some(1000),
            ..machine(2)
        };
        let graph = graph(&chain(""));
        let refused = plan(&graph, &small, &Options::default());
        let Err(PlanError::Environment(words)) = refused else {
            panic!("{refused:?}");
        };
        assert!(
            words.contains("in /dev/shm and 1000 bytes are free; stream `"),
            "{words}"
        );
        let inside = Options {
            in_process: true,
            ..Options::default()
        };
        assert!(plan(&graph, &small, &inside).is_ok());
    }

    #[test]
    fn the_stream_that_takes_most_of_too_little_memory_is_named_with_the_reason() {
        let long = graph(
            "[agents.a]\nop = \"counter\"\n[agents.w]\nop = \"window\"\nin = \"a\"\nsize = 1_000_000_000\nfn = \"mean\"\n[agents.out]\nop = \"null\"\nin = \"w\"\n",
        );
        let short = graph(&chain(""));
        let asked = Options {
            capacity: Some(Capacity::Bytes(100 << 30)),
            ..Options::default()
        };
        let roomy = Machine {
            shm_free: Some(1 << 30),
            ..machine(2)
        };
        for (one, options, wanted) in [
            (
                &long,
                Options::default(),
                "stream `a` takes 8192 MiB, of which `w` (g.toml:3:9) needs 1000000000 items at once; let `w` need fewer",
            ),
            (
                &short,
                asked,
                "takes 128 GiB (a power of two), by --capacity; give smaller capacities",
            ),
        ] {
            let Err(PlanError::Environment(words)) = plan(one, &roomy, &options) else {
                panic!("it is planned");
            };
            assert!(words.contains(wanted), "{words}");
        }
    }

    #[test]
    fn a_lossy_edge_is_an_agent_beside_its_end() {
        let placed = |overflow: &str| {
            let text = chain("workers.x = {}\nworkers.y = {}\n")
                .replace("items = 10", "items = 10, worker = \"x\"")
                .replace("in = \"a\"", "in = \"a\", worker = \"y\"");
            let text = format!("{text}streams.a = {{ overflow = \"{overflow}\" }}\n");
            let graph = graph(&text);
            let plan = plan(&graph, &machine(2), &Options::default()).unwrap();
            let edge = graph.agents.iter().position(|a| a.edge.is_some()).unwrap();
            let stream = graph.streams.iter().position(|s| s.name == "a").unwrap();
            (plan.worker_of[edge], plan.streams[stream].readers[0].lossy)
        };
        assert_eq!(placed("drop-newest"), (0, false));
        assert_eq!(placed("latest"), (1, true));
    }

    #[test]
    fn skipping_is_refused_where_it_is_not_clear_what_to_skip() {
        let source = chain("").replace("items = 10", "items = 10, on_error = \"skip\"");
        let words = refusal(&source, &Options::default());
        assert!(words.contains("agent `a` has on_error"), "{words}");
        assert!(words.contains("is a source"), "{words}");
        let two = |op: &str| {
            format!(
                "[agents]\na = {{ op = \"counter\" }}\nb = {{ op = \"counter\" }}\n\
                 c = {{ op = \"{op}\", in = [\"a\", \"b\"], on_error = \"skip\" }}\n\
                 d = {{ op = \"null\", in = \"c\" }}\n"
            )
        };
        let words = refusal(&two("merge"), &Options::default());
        assert!(words.contains("one by one"), "{words}");
        let together = planned(&two("zip"), 2, &Options::default());
        assert_eq!(together.worker_of.len(), 4);
    }

    #[test]
    fn so_many_workers_are_refused() {
        for n in [0, WORKERS_MAX + 1] {
            let options = Options {
                workers: Some(n),
                ..Options::default()
            };
            assert!(refusal(&chain(""), &options).contains(&format!("`--workers` is {n}")));
        }
    }
}
