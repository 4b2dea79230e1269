//! One worker's subgraph: the step, a transaction over all of its agents.
//!
//! A step calls each agent once, in topological order, on what is there. Outputs go beyond the
//! published positions, new state into the spare copies and new positions into the spare record, so
//! nobody sees them; then one store commits everything, and the positions are published. A process killed before the
//! store did nothing; after it, its successor publishes again from the record ([`Subgraph::new`]).
//!
//! Streams inside the worker are rings like any other. Their readers see within a step what their
//! producer wrote in it; their producer counts free space against *committed* consumption, so what
//! a redo would read again is never overwritten.

use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::Bell;

use crate::agent::{Ends, Io, Status, Wait};
use crate::clock;
use crate::control::{Control, add};
use crate::defects::{Defect, is_seeded};
use crate::dials::{Desk, Turned};

mod seats;

mod commit;
mod host;

mod beside;
mod copies;
mod ends;
mod part;

use ends::Stream;
pub use ends::{StampPlace, StreamSeat};
use host::{Host, frames_room, host_fault};
pub use seats::{InSeat, Seat};

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Something moved and was committed.
    Moved,
    /// Nothing could move.
    Idle(Idle),
    /// Every agent is done.
    Done,
}

/// Why nothing could move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Idle {
    /// Inputs are empty.
    Starved,
    /// Outputs are full.
    Blocked,
    /// A source waits for the world outside.
    Outside(Wait),
}

/// An agent failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("agent `{agent}`: {message}")]
pub struct Fault {
    /// The agent's name.
    pub agent: String,
    /// Its own sentence.
    pub message: String,
}

/// The agents of one worker, their streams, and the record they commit to.
///
/// With `COMMITS` false, which is for benches alone, a step publishes what it did and commits nothing:
/// what is missing then is what the promise costs.
pub struct Subgraph<const COMMITS: bool = true> {
    control: Control,
    bells: Vec<*const Bell>,
    streams: Vec<Stream>,
    hosts: Vec<Host>,
    version: u64,
    moved: Vec<usize>,
    ringing: Vec<bool>,
    /// Streams written here that other workers read: the time is left beside them.
    stamped: Vec<usize>,
    /// Steps since nothing could move.
    busy: u64,
    done: usize,
    stopping: bool,
    cautious_until: u64,
    look: bool,
    limit: usize,
    /// Where orders for its dials lie, and the last one it took.
    desk: Option<Desk>,
    turn: u64,
}

/// The first so many steps are timed, agent by agent: short runs have no others.
const TIMED_FIRST: u64 = 64;

/// Of those behind them one step in so many is timed.
const TIMED_EVERY: u64 = 16;

impl<const COMMITS: bool> Subgraph<COMMITS> {
    /// From now on sources end, and what is on its way drains.
    pub fn stop_sources(&mut self) {
        self.stopping = true;
    }

    /// The version of the last commit.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The control block.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// True if something could move now: the second look before going to sleep.
    pub fn is_ready(&mut self) -> bool {
        self.look = true;
        let Subgraph {
            hosts,
            streams,
            stopping,
            desk,
            turn,
            ..
        } = self;
        let is_new = |desk: Desk| desk.last().is_some_and(|(last, _)| last > *turn);
        let ordered = desk.is_some_and(|desk| desk.turn() > *turn && is_new(desk));
        let mut left = hosts.iter().filter(|h| !h.done);
        ordered
            || left.any(|host| {
                let over = host.bed.is_some_and(|bed| bed.is_over(*stopping));
                let fed = host.inputs.iter().any(|r| streams[r.stream].is_fed());
                over || fed || host.outputs.iter().any(|&s| streams[s].is_drained())
            })
    }

    /// From now on orders for the dials of its agents are taken from this desk.
    pub fn listen(&mut self, desk: Desk) {
        self.desk = Some(desk);
    }

    /// Takes the last order, if it is a new one: its values are in force from this step on, and committed
    /// with it. A value that a dial does not take is left out: the desk is written by others.
    fn take_order(&mut self, desk: Desk) {
        let Some((turn, values)) = desk.last().filter(|(turn, _)| *turn > self.turn) else {
            return;
        };
        self.turn = turn;
        let mut values = values.into_iter();
        for (ix, host) in self.hosts.iter_mut().enumerate() {
            if host.dials.is_empty() {
                continue;
            }
            host.turn = turn;
            let input = host.inputs.first().map(|reading| reading.count);
            let output = host.outputs.first().map(|&s| self.streams[s].count);
            for (dial, declared) in host.declared.iter().enumerate() {
                let value = values.next().filter(|value| declared.takes(*value));
                if let Some(value) = value.filter(|value| *value != host.dials[dial] && !host.done)
                {
                    host.dials[dial] = value;
                    host.turned[dial] = Turned {
                        value,
                        since: input.or(output).unwrap_or(0),
                        times: host.turned[dial].times + 1,
                    };
                }
            }
            host.moved_for = self.version + 1;
            self.moved.push(ix);
        }
    }

    /// One transaction: each agent once, then the commit.
    pub fn step(&mut self) -> Result<Step, Fault> {
        if self.done == self.hosts.len() {
            return Ok(Step::Done);
        }
        if COMMITS {
            self.control.begin_record();
        }
        self.limit = if self.version < self.cautious_until {
            1
        } else {
            usize::MAX
        };
        if let Some(desk) = self.desk.filter(|desk| desk.turn() != self.turn) {
            self.take_order(desk);
        }
        let timed = self.version < TIMED_FIRST || self.version.is_multiple_of(TIMED_EVERY);
        let mut start = if timed { clock::now_ns() } else { 0 };
        for ix in 0..self.hosts.len() {
            if self.hosts[ix].done {
                continue;
            }
            if timed && let Some(beside) = &mut self.hosts[ix].beside {
                let aside = beside.will_be_timed();
                self.hosts[ix].aside = aside;
            }
            let moved = self.call(ix)?;
            if moved {
                self.hosts[ix].moved_for = self.version + 1;
                self.moved.push(ix);
            }
            if timed {
                start = self.note_time(ix, moved, start);
            }
        }
        if self.moved.is_empty() {
            self.look = true;
            self.busy = 0;
            return Ok(Step::Idle(self.why_idle()));
        }
        self.look = false;
        self.commit();
        Ok(Step::Moved)
    }

    /// Books a call that was started at `start`; gives when it ended, which is when the next one starts.
    fn note_time(&mut self, ix: usize, moved: bool, start: u64) -> u64 {
        let now = clock::now_ns();
        if moved {
            let gauge = self.control.agent_gauge(ix);
            let stands_for = match self.version < TIMED_FIRST {
                true => 1,
                false => TIMED_EVERY,
            };
            add(&gauge.timed, 1);
            add(&gauge.ns, (now - start) * stands_for);
        }
        let host = &mut self.hosts[ix];
        if let Some(beside) = &mut host.beside {
            host.aside = beside.was_timed(now - start, &host.room);
        }
        now
    }

    /// Calls one agent on what is there. True if anything moved. Where a frame takes more room than
    /// was shown, it is called again with as much.
    fn call(&mut self, ix: usize) -> Result<bool, Fault> {
        loop {
            let moved = self.call_once(ix)?;
            if moved || !std::mem::take(&mut self.hosts[ix].wants_more_room) {
                return Ok(moved);
            }
        }
    }

    fn call_once(&mut self, ix: usize) -> Result<bool, Fault> {
        let useful = match self.hosts[ix].plain {
            true => self.show::<true>(ix)?,
            false => self.show_any(ix)?,
        };
        if !useful {
            return Ok(false);
        }
        let host = &mut self.hosts[ix];
        if !host.plain {
            if host.over {
                self.finish(ix)?;
                return Ok(true);
            }
            if host.is_to_skip() {
                return Ok(self.leave_out(ix));
            }
        }
        // Relaxed: one writer; read after a death, to name the agent and its item.
        let life = &self.control.head().life;
        let calling = &life.agent;
        life.fed.store(u64::from(host.fed), Relaxed);
        calling.store(ix as u64 + 1, Relaxed);
        let mut io = Io {
            inputs: &mut host.seen,
            outputs: &mut host.room,
            state: host.state.spare::<COMMITS>(),
            dials: &host.dials,
            draining: self.stopping,
        };
        let worked = host.agent.work(&mut io);
        calling.store(0, Relaxed);
        let status = worked.map_err(|e| host.fault(e.message))?;
        host.more = status == Status::More;
        if let Status::Wait(wait) = status {
            host.wait = Some(wait);
        }
        if host.has_frames {
            self.note_refused(ix)?;
        }
        let moved = self.take_in(ix);
        if self.ends(ix, status) {
            self.finish(ix)?;
            return Ok(true);
        }
        if moved {
            self.hosts[ix].state.flip::<COMMITS>();
        }
        Ok(moved)
    }

    /// Consumes one item of each input instead of calling the agent. What it looks back at stays.
    #[cold]
    fn leave_out(&mut self, ix: usize) -> bool {
        let host = &mut self.hosts[ix];
        let own = &host.inputs[..host.own_inputs];
        for (reading, input) in own.iter().zip(&mut host.seen) {
            let past = reading.read - reading.released;
            input.consume(1);
            input.keep(reading.retain.max(past as usize));
        }
        host.skipped += host.own_inputs as u64;
        self.take_in(ix)
    }

    #[inline(never)]
    fn show_any(&mut self, ix: usize) -> Result<bool, Fault> {
        self.show::<false>(ix)
    }

    /// Lays out what the agent sees. False if calling it would be useless. `PLAIN` for a plain one, which
    /// has nothing of what is asked for under `!PLAIN`.
    #[inline(always)]
    fn show<const PLAIN: bool>(&mut self, ix: usize) -> Result<bool, Fault> {
        let Subgraph { hosts, streams, .. } = self;
        let host = &mut hosts[ix];
        let mut step = host.step.min(self.limit);
        if !PLAIN {
            step = step.min(host.step_to_skip());
        }
        let (mut visible, mut ended) = (false, false);
        host.fed = !host.inputs.is_empty();
        let own = if PLAIN {
            host.inputs.len()
        } else {
            host.own_inputs
        };
        for (reading, input) in host.inputs[..own].iter_mut().zip(&mut host.seen) {
            let stream = &mut streams[reading.stream];
            let shown = reading.show::<PLAIN>(stream, step, self.look, input);
            shown.map_err(|corrupt| host_fault(&host.name, corrupt.to_string()))?;
            visible |= !input.is_empty();
            host.fed &= !input.is_empty();
            ended |= input.is_exhausted();
        }
        if !PLAIN {
            if host.guards_a_loop {
                host.hold_off(streams);
            }
            visible |= host.show_companions(streams, self.look)?;
        }
        let mut full = !host.outputs.is_empty();
        for o in 0..host.outputs.len() {
            let stream = &mut streams[host.outputs[o]];
            let shown = match PLAIN {
                true => {
                    let want = step.max(host.room_at_least[o]);
                    stream.fetch_ahead(want);
                    stream.show_room(want, self.look, &mut host.room[o])
                }
                false => host.show_room(o, stream, step, self.look),
            };
            shown.map_err(|corrupt| host_fault(&host.name, corrupt.to_string()))?;
            full &= host.room[o].is_full() || (!PLAIN && o >= host.own_outputs);
        }
        if host.aside {
            host.move_aside();
        }
        host.blocked = full && !host.drops_when_full;
        host.wait = None;
        host.unwanted = host.is_unwanted(streams);
        let stopped = host.source && self.stopping;
        let mut ending = ended || stopped || host.unwanted;
        if !PLAIN {
            // After its input: an item that came of another delay's end is seen with the word that ended it.
            host.over = host.bed.is_some_and(|bed| bed.is_over(self.stopping));
            ending |= host.over || host.is_at_its_end(streams);
        }
        let calling = visible || host.source || host.more;
        Ok(ending || (calling && !host.blocked))
    }

    /// Remembers how much room the frames take that had none; refuses those that never will.
    fn note_refused(&mut self, ix: usize) -> Result<(), Fault> {
        let host = &mut self.hosts[ix];
        for (o, (&s, output)) in host.outputs.iter().zip(&host.room).enumerate() {
            let stream = &self.streams[s];
            if let Some(len) = output.too_long() {
                return Err(host.fault(stream.refusal(len)));
            }
            match output.wanted_bytes() {
                0 if output.produced() > 0 => host.room_wanted[o] = 0,
                0 => {}
                wanted => {
                    host.blocked = true;
                    let refused = host.room_wanted[o];
                    host.wants_more_room |=
                        wanted > frames_room(host.drops_when_full, refused, stream);
                    host.room_wanted[o] = wanted;
                }
            }
        }
        Ok(())
    }

    /// Takes over what the agent consumed and produced, and writes it to the spare record, where nobody
    /// looks before the commit. True if anything moved.
    #[inline(always)]
    fn take_in(&mut self, ix: usize) -> bool {
        let Subgraph { hosts, streams, .. } = self;
        let host = &mut hosts[ix];
        let version = self.version + 1;
        let writes = COMMITS && !is_seeded(Defect::HoistedVersion);
        let mut word = host.part.positions(version);
        let mut put = |position: u64| {
            if writes {
                // SAFETY: a part has two words for each input, then one for each output: as many as are put
                // below. Relaxed: made to hold by the commit's store alone.
                unsafe {
                    (*word).store(position, Relaxed);
                    word = word.add(1);
                }
            }
        };
        let mut moved = false;
        for (reading, input) in host.inputs.iter_mut().zip(&host.seen) {
            if input.consumed() > 0 || input.kept().is_some() {
                moved |= input.consumed() > 0;
                reading.advance(input);
                if let StampPlace::There(stamp) = streams[reading.stream].seat.stamp {
                    // SAFETY: `There` points into the producer's control block, mapped for the run.
                    reading.note_wait(unsafe { &*stamp });
                }
            }
            put(reading.read);
            put(reading.released_or_lost());
        }
        if host.aside {
            host.bring_back(streams);
        }
        for (&s, output) in host.outputs.iter().zip(&host.room) {
            let stream = &mut streams[s];
            moved |= output.produced() > 0;
            let slots = output.produced_bytes().unwrap_or(output.produced());
            stream.written += slots as u64;
            stream.count += output.produced() as u64;
            put(stream.written);
        }
        if writes {
            host.written_for = version;
        }
        moved
    }

    /// Is the agent done after this call?
    fn ends(&self, ix: usize, status: Status) -> bool {
        let host = &self.hosts[ix];
        let streams = &self.streams;
        if status == Status::Done || host.unwanted || host.is_at_its_end(streams) {
            return true;
        }
        if host.source {
            return self.stopping;
        }
        let own = host.inputs[..host.own_inputs].iter();
        let mut exhausted = own.map(|r| r.is_exhausted(&streams[r.stream]));
        status == Status::Ready
            && match host.ends {
                Ends::AllInputs => exhausted.all(|e| e),
                Ends::AnyInput => exhausted.any(|e| e),
            }
    }

    fn finish(&mut self, ix: usize) -> Result<(), Fault> {
        let host = &mut self.hosts[ix];
        let finished = host.agent.finish(host.state.written::<COMMITS>());
        finished.map_err(|e| host.fault(e.message))?;
        host.state.flip::<COMMITS>();
        host.done = true;
        self.done += 1;
        for &s in &host.outputs {
            self.streams[s].closed = true;
        }
        Ok(())
    }

    fn why_idle(&self) -> Idle {
        let mut waiting = self.hosts.iter().filter(|h| !h.done);
        let mut soonest: Option<Wait> = None;
        for wait in waiting.clone().filter_map(|h| h.wait) {
            soonest = match (soonest, wait) {
                (Some(Wait::Until(a)), Wait::Until(b)) => Some(Wait::Until(a.min(b))),
                (Some(Wait::Until(a)), Wait::Readable(_)) => Some(Wait::Until(a)),
                (_, wait) => Some(wait),
            };
        }
        match soonest {
            Some(wait) => Idle::Outside(wait),
            None if waiting.any(|h| h.blocked) => Idle::Blocked,
            None => Idle::Starved,
        }
    }

    /// True if other workers take part: without them only the outside can make it go on.
    pub fn has_peers(&self) -> bool {
        !self.bells.is_empty()
    }

    /// True if an agent reads a stream that another worker writes.
    pub fn is_fed_by_peers(&self) -> bool {
        let mut readings = self
            .hosts
            .iter()
            .filter(|h| !h.done)
            .flat_map(|h| &h.inputs);
        readings.any(|r| !self.streams[r.stream].here)
    }
}
