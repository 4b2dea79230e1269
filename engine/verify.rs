//! Verification: the committed positions of a run whose processes are all gone, against each other.
//!
//! Records and rings were written by processes that are dead; before anybody goes on with them, every
//! position is held against those it must not pass. What is found wrong is damage, and is never mended.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::{Frames, Mode, Ring};
use thalweg_worker::control::are_damaged;

use crate::dry::Loops;
use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{Resolved, StreamIx};
use crate::wire::Wired;

/// Holds every position against its neighbours. Nobody of the run may be alive.
///
/// # Errors
/// The first agent whose flags have no meaning, or stream whose positions cannot have come about, and the positions.
pub fn verify(graph: &Resolved, plan: &Plan, wired: &Wired) -> Result<(), String> {
    check_flags(graph, plan, wired)?;
    let positions = Positions::of(graph, plan, wired);
    let loops = Loops::of(graph);
    check_dry(graph, &loops, &positions, wired.latches.dry().level())?;
    for stream in 0..plan.streams.len() {
        let found = check_producer(graph, wired, &positions, stream)
            .and_then(|()| check_readers(graph, plan, wired, &positions, stream));
        found.map_err(|what| format!("stream `{}`: {what}", graph.streams[stream].name))?;
    }
    Ok(())
}

/// A loop runs dry when all that feeds it is done.
fn check_dry(
    graph: &Resolved,
    loops: &Loops,
    positions: &Positions,
    dry: u64,
) -> Result<(), String> {
    if dry > loops.highest() {
        return Err(format!(
            "loops up to level {dry} are said to have run dry, and there are {}",
            loops.highest()
        ));
    }
    let sources = (0..graph.agents.len()).filter(|&a| graph.agents[a].inputs.is_empty());
    let mut going = sources.filter(|&a| !positions.done[a]);
    match going.next() {
        Some(source) if dry > 0 => Err(format!(
            "a loop is said to have run dry, and source `{}` is not done",
            graph.agents[source].name
        )),
        _ => Ok(()),
    }
}

fn check_flags(graph: &Resolved, plan: &Plan, wired: &Wired) -> Result<(), String> {
    for (worker, control) in plan.workers.iter().zip(&wired.controls) {
        for (&agent, layout) in worker.agents.iter().zip(&control.layout().agents) {
            // Relaxed: the record of a process that is gone.
            let flags = control.word(control.version(), layout.word).load(Relaxed);
            if are_damaged(flags, layout.state_len > 0) {
                return Err(format!(
                    "agent `{}` cannot have the flags {flags:#x} of its record",
                    graph.agents[agent].name
                ));
            }
        }
    }
    Ok(())
}

fn check_producer(
    graph: &Resolved,
    wired: &Wired,
    positions: &Positions,
    stream: StreamIx,
) -> Result<(), String> {
    let ring = &wired.rings[stream];
    ring.check().map_err(|e| e.to_string())?;
    no_further(
        "published",
        ring.written(),
        "committed",
        positions.written[stream],
    )?;
    let (agent, _) = graph.streams[stream].producer;
    match ring.is_closed() && !positions.done[agent] {
        true => Err(format!(
            "it is closed, and its producer `{}` is not done",
            graph.agents[agent].name
        )),
        false => Ok(()),
    }
}

fn check_readers(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    positions: &Positions,
    stream: StreamIx,
) -> Result<(), String> {
    let planned = &plan.streams[stream];
    let written = positions.written[stream];
    for (line, reader) in planned.readers.iter().enumerate() {
        let (agent, input) = reader.agent;
        let of_reader = |what: String| format!("reader `{}`: {what}", graph.agents[agent].name);
        let (read, released) = (
            positions.read[agent][input],
            positions.released[agent][input],
        );
        no_further("read", read, "written", written).map_err(of_reader)?;
        let mode = wired.rings[stream].mode(line);
        let seated = if reader.lossy {
            Mode::Tap
        } else {
            Mode::Lossless
        };
        let left = mode == Some(Mode::Left) && positions.done[agent];
        if mode != Some(seated) && !left {
            return Err(of_reader(format!(
                "its line says {mode:?}, and it is {seated:?}"
            )));
        }
        if reader.lossy {
            continue;
        }
        no_further("released", released, "read", read).map_err(of_reader)?;
        let consumed = wired.rings[stream].consumed(line);
        no_further("given back", consumed, "released", released).map_err(of_reader)?;
        if graph.streams[stream].item_type.is_framed() && !positions.done[agent] {
            let items = (
                positions.items_read[agent][input],
                positions.items_written[stream],
            );
            check_frames(&wired.rings[stream], read..written, items.0..items.1)
                .map_err(of_reader)?;
        }
        // One that is done holds nobody back.
        if !positions.done[agent] && written - released > planned.capacity {
            return Err(of_reader(format!(
                "written {written}, released {released}, and it holds {}",
                planned.capacity
            )));
        }
    }
    Ok(())
}

/// From byte to byte of a ring lie whole frames, as many as the items counted. Nobody writes them now.
pub fn check_frames(ring: &Ring, bytes: Range<u64>, items: Range<u64>) -> Result<(), String> {
    let len = bytes.end.checked_sub(bytes.start);
    let Some(len) = len.filter(|&len| len <= ring.geometry().capacity) else {
        return Err(format!(
            "frames from byte {} to {} are not what it can hold",
            bytes.start, bytes.end
        ));
    };
    // SAFETY: no more than the capacity, so in one piece in the mirror; callers know that its producer
    // is dead, and its readers only read.
    let unread = unsafe { std::slice::from_raw_parts(ring.slot_ptr(bytes.start), len as usize) };
    let mut frames = Frames::new(unread);
    let found = frames.by_ref().count() as u64;
    let expected = items.end.wrapping_sub(items.start);
    match frames.rest().len() {
        0 if found == expected => Ok(()),
        0 => Err(format!(
            "bytes {} to {} are {found} frames, and {expected} were counted",
            bytes.start, bytes.end
        )),
        rest => Err(format!(
            "there is no whole frame at byte {}",
            bytes.end - rest as u64
        )),
    }
}

fn no_further(what: &str, position: u64, than: &str, limit: u64) -> Result<(), String> {
    match position <= limit {
        true => Ok(()),
        false => Err(format!("{what} up to {position}, {than} up to {limit}")),
    }
}
