//! Autopsy: is what a dead worker left behind to be trusted?
//!
//! A worker that was killed from outside leaves a whole record, whatever it was doing. One that died
//! of a wild store (SIGSEGV and its like) may have written anywhere it was allowed to before, so its
//! record and its rings are compared with each other before a successor goes on from them.

use std::sync::atomic::Ordering::Relaxed;

use nix::sys::signal::Signal;
use thalweg_ringbuf::{Geometry, Mode};
use thalweg_worker::control::are_damaged;

use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Edge, Resolved, StreamIx};
use crate::verify::check_frames;
use crate::wire::Wired;

/// Signals of a process that did something it should not have.
pub fn is_suspicious(signal: Signal) -> bool {
    use Signal::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    matches!(signal, SIGABRT | SIGBUS | SIGFPE | SIGILL | SIGSEGV)
}

/// Looks through everything that a dead worker could write. `born`: the version it began with.
///
/// # Errors
/// What does not fit together.
pub fn examine(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    worker: usize,
    born: u64,
) -> Result<(), String> {
    let control = &wired.controls[worker];
    if !control.matches() {
        return Err("the head of its control block is damaged".to_owned());
    }
    let version = control.version();
    if version < born {
        return Err(format!(
            "its record is of version {version}, and it began with {born}"
        ));
    }
    let remains = Remains {
        graph,
        plan,
        wired,
        worker,
        positions: Positions::of(graph, plan, wired),
    };
    for (seat, &agent) in plan.workers[worker].agents.iter().enumerate() {
        let word = control.layout().agents[seat].word;
        // Relaxed: the record of a process that is gone.
        let flags = control.word(version, word).load(Relaxed);
        let has_state = !graph.agents[agent].blueprint.state.init.is_empty();
        if are_damaged(flags, has_state) {
            let name = &graph.agents[agent].name;
            return Err(format!(
                "agent `{name}` cannot have the flags {flags:#x} of its record"
            ));
        }
        for input in 0..graph.agents[agent].inputs.len() {
            remains.examine_input(agent, input)?;
        }
        for &stream in &graph.agents[agent].outputs {
            remains.examine_output(agent, stream)?;
        }
    }
    Ok(())
}

/// A dead worker's record and rings.
struct Remains<'a> {
    graph: &'a Resolved,
    plan: &'a Plan,
    wired: &'a Wired,
    worker: usize,
    positions: Positions,
}

impl Remains<'_> {
    fn examine_input(&self, agent: AgentIx, input: usize) -> Result<(), String> {
        let stream = self.graph.agents[agent].inputs[input];
        self.examine_ring(stream)?;
        let lossy = matches!(self.graph.agents[agent].edge, Some(Edge::Latest { .. }));
        let (read, released) = (
            self.positions.read[agent][input],
            self.positions.released[agent][input],
        );
        let ring = &self.wired.rings[stream];
        // A producer in another worker may be going on, and only forwards.
        let written = match self.plan.streams[stream].producer == self.worker {
            true => self.positions.written[stream],
            false => ring.written(),
        };
        let capacity = ring.geometry().capacity;
        // One that is done holds nobody back.
        let holds_back = !lossy && !self.positions.done[agent];
        let reaches = !holds_back || written - released <= capacity;
        let fits = released <= read && read <= written && reaches;
        if !fits {
            return Err(format!(
                "agent `{}` has read {read} and released {released} of {written} items of `{}`, which holds {capacity}",
                self.graph.agents[agent].name, self.graph.streams[stream].name
            ));
        }
        let line = self.plan.streams[stream].readers.iter();
        let line = line.clone().position(|r| r.agent == (agent, input));
        let Some(line) = line.filter(|&l| ring.mode(l) == Some(Mode::Lossless)) else {
            return Ok(());
        };
        match ring.consumed(line) {
            published if published > released => Err(format!(
                "agent `{}` gave back {published} items of `{}`, and its record says {released}",
                self.graph.agents[agent].name, self.graph.streams[stream].name
            )),
            _ => Ok(()),
        }
    }

    fn examine_output(&self, agent: AgentIx, stream: StreamIx) -> Result<(), String> {
        self.examine_ring(stream)?;
        let ring = &self.wired.rings[stream];
        let (written, published) = (self.positions.written[stream], ring.written());
        let capacity = ring.geometry().capacity;
        // What is written may be ahead of what is published by no more than the ring holds.
        let fits = published <= written && written - ring.slowest().min(written) <= capacity;
        if !fits {
            return Err(format!(
                "stream `{}` is published up to {published}, its record says {written}, and it holds {capacity}",
                self.graph.streams[stream].name
            ));
        }
        self.examine_frames(stream)?;
        if ring.is_closed() && !self.positions.done[agent] {
            return Err(format!(
                "stream `{}` is closed, and agent `{}` is not done",
                self.graph.streams[stream].name, self.graph.agents[agent].name
            ));
        }
        Ok(())
    }

    /// What a reader has yet to read of frames is whole, and as many as were counted. The dead wrote it,
    /// and nobody does now; a reader elsewhere may be going on, and takes nothing of it away.
    fn examine_frames(&self, stream: StreamIx) -> Result<(), String> {
        let here = &self.graph.streams[stream];
        if !here.item_type.is_framed() {
            return Ok(());
        }
        for &(agent, input) in &here.readers {
            if self.positions.done[agent] {
                continue;
            }
            let bytes = self.positions.read[agent][input]..self.positions.written[stream];
            let items =
                self.positions.items_read[agent][input]..self.positions.items_written[stream];
            check_frames(&self.wired.rings[stream], bytes, items)
                .map_err(|what| format!("stream `{}`: {what}", here.name))?;
        }
        Ok(())
    }

    /// The header says what it said when it was made, and its positions are within each other's reach.
    fn examine_ring(&self, stream: StreamIx) -> Result<(), String> {
        let name = &self.graph.streams[stream].name;
        let ring = &self.wired.rings[stream];
        let planned = &self.plan.streams[stream];
        let range = planned.header.start..planned.data.end;
        let len_bytes = range.len();
        // SAFETY: the plan put header and data here, one after the other, page-aligned, in the segment,
        // which is mapped as long as `wired`.
        let found = unsafe {
            let header = self.wired.segment().as_ptr().add(range.start);
            Geometry::of_header(header, len_bytes)
        };
        match found {
            Ok(found) if found == *ring.geometry() => {}
            Ok(_) => return Err(format!("the header of stream `{name}` is another's")),
            Err(error) => return Err(format!("the header of stream `{name}`: {error}")),
        }
        ring.check()
            .map_err(|error| format!("stream `{name}`: {error}"))
    }
}
