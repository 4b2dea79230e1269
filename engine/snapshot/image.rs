//! The cut of a run in memory: copied while every worker is at rest, and put back into a new segment.
//!
//! Kept are control blocks (records and states) and the living part of each ring, from the oldest item a
//! reader may still need to the last committed one. Published words are not kept: they follow from the
//! records, as after the death of a worker.

use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::Ring;
use thalweg_worker::agent::Outside;
use thalweg_worker::control::SECOND_COPY;

use super::format::{Contents, StreamLine};
use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Resolved, StreamIx};
use crate::wire::Wired;

/// A copy of a run's cut.
pub struct Image {
    /// What is kept of each control block.
    pub workers: Vec<Vec<u8>>,
    /// What is kept of each stream.
    pub streams: Vec<(StreamLine, Vec<u8>)>,
    /// Where everything stood.
    pub positions: Positions,
    /// How far loops had run dry.
    pub dry: u64,
    /// What agents held on to outside.
    pub outside: Vec<(AgentIx, Outside)>,
}

/// Copies the cut. Every worker must be at rest, or gone and reaped.
pub fn take(graph: &Resolved, plan: &Plan, wired: &Wired) -> Image {
    let positions = Positions::of(graph, plan, wired);
    let streams = (0..plan.streams.len()).map(|s| take_stream(plan, wired, &positions, s));
    Image {
        workers: wired.controls.iter().map(|c| c.kept()).collect(),
        streams: streams.collect(),
        dry: wired.latches.dry().level(),
        outside: outside(graph, plan, wired, &positions),
        positions,
    }
}

fn take_stream(
    plan: &Plan,
    wired: &Wired,
    positions: &Positions,
    stream: StreamIx,
) -> (StreamLine, Vec<u8>) {
    let ring = &wired.rings[stream];
    let line = StreamLine {
        first: oldest(plan, ring, positions, stream, ring.claimed()),
        written: positions.written[stream],
        claimed: ring.claimed(),
        item_len: ring.geometry().item_len_bytes as u64,
    };
    // Not more than the ring has, whatever the words say: `put_back` finds out what they are worth.
    let slots = ring.geometry().slots;
    let len = (line.written - line.first).min(slots) as usize * line.item_len as usize;
    // SAFETY: from a slot on, `slots` items are in one piece in the mirror; nobody writes meanwhile.
    let items = unsafe { std::slice::from_raw_parts(ring.slot_ptr(line.first), len) };
    (line, items.to_vec())
}

/// Position of the oldest item that a reader may still need.
fn oldest(plan: &Plan, ring: &Ring, positions: &Positions, stream: StreamIx, claimed: u64) -> u64 {
    let written = positions.written[stream];
    let readers = plan.streams[stream].readers.iter();
    let needs = readers.filter_map(|reader| {
        let (agent, input) = reader.agent;
        let from = match reader.lossy {
            // What was written over is missed anyway.
            true => positions.read[agent][input].max(claimed.saturating_sub(ring.geometry().slots)),
            false => positions.released[agent][input],
        };
        (!positions.done[agent]).then_some(from)
    });
    needs.min().unwrap_or(written).min(written)
}

/// The committed state of an agent whose worker is at rest or gone.
pub fn state_of<'a>(plan: &Plan, wired: &'a Wired, a: AgentIx) -> &'a [u8] {
    let control = &wired.controls[plan.worker_of[a]];
    let seat = plan.seat_of[a];
    let word = control.layout().agents[seat].word;
    // Relaxed: the record of a worker that is at rest or gone.
    let flags = control.word(control.version(), word).load(Relaxed);
    control.state(seat, usize::from(flags & SECOND_COPY != 0))
}

/// What every agent holds on to outside, by its committed state; of one that is done, what it wrote.
pub fn outside(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    positions: &Positions,
) -> Vec<(AgentIx, Outside)> {
    let held = (0..graph.agents.len()).map(|a| {
        let state = state_of(plan, wired, a);
        (a, graph.agents[a].blueprint.agent.outside(state))
    });
    held.filter(|(a, outside)| match outside {
        Outside::Nothing => false,
        Outside::Writes { .. } => true,
        Outside::Reads { .. } | Outside::Once { .. } => !positions.done[*a],
    })
    .collect()
}

/// Puts a cut into a segment that was just wired and has no worker yet. Positions are still to be verified.
///
/// # Errors
/// What does not fit the plan.
pub fn put_back(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    contents: &Contents<&[u8]>,
) -> Result<(), String> {
    let (workers, streams) = (&contents.workers, &contents.streams);
    if (workers.len(), streams.len()) != (plan.workers.len(), plan.streams.len()) {
        return Err(format!(
            "it has {} workers and {} streams, and the plan {} and {}",
            workers.len(),
            streams.len(),
            plan.workers.len(),
            plan.streams.len()
        ));
    }
    for (w, kept) in workers.iter().enumerate() {
        if !wired.controls[w].put_back(kept) {
            let name = &plan.workers[w].name;
            return Err(format!("what it has of worker {name} is of another length"));
        }
    }
    let positions = Positions::of(graph, plan, wired);
    for (s, (line, items)) in streams.iter().enumerate() {
        put_stream(graph, plan, wired, &positions, s, line, items)
            .map_err(|what| format!("stream `{}`: {what}", graph.streams[s].name))?;
    }
    Ok(())
}

fn put_stream(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    positions: &Positions,
    stream: StreamIx,
    line: &StreamLine,
    items: &[u8],
) -> Result<(), String> {
    let ring = &wired.rings[stream];
    let geometry = ring.geometry();
    if line.item_len != geometry.item_len_bytes as u64 {
        return Err(format!(
            "its items have {} bytes, and those of the plan {}",
            line.item_len, geometry.item_len_bytes
        ));
    }
    let needed = oldest(plan, ring, positions, stream, line.claimed);
    let is_all = line.written == positions.written[stream] && line.first == needed;
    if !is_all || items.len() > geometry.data_len_bytes {
        return Err(format!(
            "it has the items {} to {}, and needs {needed} to {}",
            line.first, line.written, positions.written[stream]
        ));
    }
    // SAFETY: no longer than the data (above), which are in one piece in the mirror from any slot on, and
    // nobody else's until workers are forked.
    unsafe {
        ring.slot_ptr(line.first)
            .copy_from_nonoverlapping(items.as_ptr(), items.len());
    }
    let is_closed = positions.done[graph.streams[stream].producer.0];
    ring.claim(line.claimed.max(line.written));
    ring.publish(line.written);
    if is_closed {
        ring.close();
    }
    publish_readers(plan, ring, positions, stream);
    Ok(())
}

/// The words that the producer looks at, as the readers' records say.
fn publish_readers(plan: &Plan, ring: &Ring, positions: &Positions, stream: StreamIx) {
    for (nth, reader) in plan.streams[stream].readers.iter().enumerate() {
        let (agent, input) = reader.agent;
        if !reader.lossy {
            ring.release(nth, positions.released[agent][input]);
        }
        if positions.done[agent] {
            ring.leave(nth);
        }
    }
}
