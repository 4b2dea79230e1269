//! Stalls: who waits for whom, when nothing moves any more.
//!
//! With bounded streams a graph can come to a stand: a join waits for items of one branch while the
//! other is full. The chain says so from the committed positions alone.

use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Resolved, StreamIx};

/// What an agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    /// Items on a stream.
    Items(StreamIx),
    /// Room on a stream, held by a reader.
    Room(StreamIx, AgentIx),
}

/// The wait-for chain, one sentence a link, beginning at the agent nearest to the sinks.
///
/// It follows each wait to whoever could end it, until that is an agent already in the chain. Where all of those wait
/// for room, one more sentence says so.
pub fn chain(graph: &Resolved, plan: &Plan, positions: &Positions) -> Vec<String> {
    let waits: Vec<Option<WaitsFor>> = (0..graph.agents.len())
        .map(|a| waits_for(graph, plan, positions, a))
        .collect();
    let Some(first) = (0..waits.len()).rev().find(|&a| waits[a].is_some()) else {
        return Vec::new();
    };
    let mut links = Vec::new();
    let mut seen = Vec::new();
    let mut agent = first;
    while !seen.contains(&agent) {
        seen.push(agent);
        let Some(wait) = waits[agent] else {
            break;
        };
        links.push(sentence(graph, plan, positions, agent, wait));
        agent = match wait {
            WaitsFor::Items(stream) => graph.streams[stream].producer.0,
            WaitsFor::Room(_, reader) => reader,
        };
    }
    let around = seen.iter().position(|&a| a == agent).unwrap_or(0);
    links.extend(full_loop(graph, &waits, &seen[around..]));
    links
}

/// What to do about a loop whose streams are all full: its agents, each of which waits for the next one.
fn full_loop(graph: &Resolved, waits: &[Option<WaitsFor>], agents: &[AgentIx]) -> Option<String> {
    let streams = agents.iter().map(|&agent| match waits[agent]? {
        WaitsFor::Room(stream, _) => Some(format!("`{}`", graph.streams[stream].name)),
        WaitsFor::Items(_) => None,
    });
    let streams = streams.collect::<Option<Vec<String>>>()?.join(", ");
    Some(format!(
        "a loop is full: its agents give more items than they take. More room on each of {streams} puts that off; agents that give fewer (`filter`, `head`) end it"
    ))
}

/// What an agent waits for, in a few words; `None` if it could go on.
pub fn wait(
    graph: &Resolved,
    plan: &Plan,
    positions: &Positions,
    agent: AgentIx,
) -> Option<String> {
    let name = |stream: StreamIx| &graph.streams[stream].name;
    match waits_for(graph, plan, positions, agent)? {
        WaitsFor::Items(stream) => Some(format!("waits for items on {}", name(stream))),
        WaitsFor::Room(stream, _) => Some(format!("waits for room on {}", name(stream))),
    }
}

fn waits_for(
    graph: &Resolved,
    plan: &Plan,
    positions: &Positions,
    agent: AgentIx,
) -> Option<WaitsFor> {
    if positions.done[agent] {
        return None;
    }
    let here = &graph.agents[agent];
    let full = here.outputs.iter().find_map(|&s| {
        let reader = slowest(graph, positions, s)?;
        let held = positions.written[s].saturating_sub(reader.1);
        (held >= full_at(graph, plan, s)).then_some(WaitsFor::Room(s, reader.0))
    });
    let empty = || {
        // Where no tag is, an empty companion is as it should be.
        let mut inputs = here.inputs.iter().enumerate();
        inputs
            .by_ref()
            .take(graph.own_inputs(agent))
            .find_map(|(i, &s)| {
                let producer = graph.streams[s].producer.0;
                let empty = positions.read[agent][i] >= positions.written[s];
                (empty && !positions.done[producer]).then_some(WaitsFor::Items(s))
            })
    };
    full.or_else(empty)
}

/// Can an agent that wants to write `want` items, or a frame, to a stream do so?
pub fn has_room(
    graph: &Resolved,
    plan: &Plan,
    positions: &Positions,
    stream: StreamIx,
    want: usize,
) -> bool {
    let held = slowest(graph, positions, stream).map_or(0, |(_, released)| {
        positions.written[stream].saturating_sub(released)
    });
    held + (want.saturating_sub(1) as u64) < full_at(graph, plan, stream)
}

/// From how much on a stream that nobody reads may hold its producer back: a frame that is waiting to
/// be written may take half of it.
fn full_at(graph: &Resolved, plan: &Plan, stream: StreamIx) -> u64 {
    let capacity = plan.streams[stream].capacity;
    match graph.streams[stream].item_type.is_framed() {
        true => capacity / 2 + 1,
        false => capacity,
    }
}

/// The reader that holds a stream back most, and how far it has released it.
fn slowest(graph: &Resolved, positions: &Positions, stream: StreamIx) -> Option<(AgentIx, u64)> {
    let readers = graph.streams[stream].readers.iter();
    readers
        .filter(|(agent, _)| !positions.done[*agent])
        .map(|&(agent, input)| (agent, positions.released[agent][input]))
        .min_by_key(|(_, released)| *released)
}

fn sentence(
    graph: &Resolved,
    plan: &Plan,
    positions: &Positions,
    agent: AgentIx,
    wait: WaitsFor,
) -> String {
    let of = |a: AgentIx| {
        let worker = &plan.workers[plan.worker_of[a]].name;
        format!("`{}` (worker {worker})", graph.agents[a].name)
    };
    match wait {
        WaitsFor::Items(s) => format!(
            "{} waits for items on `{}`, which is empty at {}, from {}",
            of(agent),
            graph.streams[s].name,
            positions.items_written[s],
            of(graph.streams[s].producer.0)
        ),
        WaitsFor::Room(s, reader) if graph.streams[s].tags_of.is_some() => {
            let of_stream = graph.streams[s]
                .tags_of
                .map_or("", |of| &graph.streams[of].name);
            let tags = graph.streams[s]
                .readers
                .iter()
                .filter(|(a, _)| *a == reader);
            let read = tags
                .map(|&(a, i)| positions.items_read[a][i])
                .min()
                .unwrap_or(0);
            format!(
                "{} waits for room for tags of `{of_stream}`, which is full with {} tags, as it holds {} bytes of them, held by {}; \
                 a larger `capacity` of `{of_stream}` holds more",
                of(agent),
                positions.items_written[s].saturating_sub(read),
                plan.streams[s].capacity,
                of(reader)
            )
        }
        WaitsFor::Room(s, reader) => format!(
            "{} waits for room on `{}`, which is full with {}, held by {}",
            of(agent),
            graph.streams[s].name,
            match graph.streams[s].item_type.is_framed() {
                true => format!("frames, as it holds {} bytes", plan.streams[s].capacity),
                false => format!("{} items", plan.streams[s].capacity),
            },
            of(reader)
        ),
    }
}
