//! How many items every stream holds, and how many a step moves.

use thalweg_ringbuf::{READERS_MAX, RingSpec};

use super::{Layout, Machine, Options, PlanError, PlannedReader, PlannedStream, refused};
use crate::decl::Capacity;
use crate::diag::Diagnostic;
use crate::resolved::{AgentIx, Edge, Resolved, ResolvedStream, StreamIx};

/// Default size of a ring between workers, and of all where branches join; else inside a worker.
pub(super) const ROOMY_BYTES: u64 = 256 << 10;
pub(super) const INSIDE_BYTES: u64 = 64 << 10;
/// The least bytes that a stream of frames holds.
pub const FRAMES_BYTES_MIN: u64 = 64;
/// A step moves about so many bytes a port: so many that what a call costs besides is little (some 60 ns, as long as
/// copying 8 KiB takes), and still a small part of a second-level cache.
pub(super) const STEP_BYTES: usize = 64 << 10;
pub(super) const STEP_MAX: usize = 16 << 10;

pub(super) fn size_streams(
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
        if readers.len() > READERS_MAX {
            return Err(refused(graph, too_many_readers(graph, ix, readers.len())));
        }
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

/// A stream that more read than its ring has lines for.
fn too_many_readers(graph: &Resolved, ix: StreamIx, readers: usize) -> Diagnostic {
    let stream = &graph.streams[ix];
    let span = graph.agents[stream.producer.0].span.clone();
    Diagnostic::new(format!(
        "stream `{}` has {readers} readers, and a stream can have {READERS_MAX}",
        stream.name
    ))
    .at(span, "this agent gives it")
    .help("let some of them read a copy: an agent with op = \"copy\" gives a stream of its own")
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

pub(super) fn in_items(capacity: Capacity, item_len: u64) -> u64 {
    match capacity {
        Capacity::Items(items) => items,
        Capacity::Bytes(bytes) => bytes / item_len,
    }
}

/// The least a stream must hold for its ends to go on, and which agent it is that needs it.
pub(super) fn least_capacity(graph: &Resolved, ix: StreamIx) -> (u64, AgentIx) {
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
pub(super) fn step(
    graph: &Resolved,
    agent: AgentIx,
    options: &Options,
    streams: &[PlannedStream],
) -> usize {
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
