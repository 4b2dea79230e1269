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

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::{Bell, RingCorrupt};

use crate::agent::{Agent, Blueprint, Ends, Input, Io, Output, Status, Wait};
use crate::clock;
use crate::control::{self, AgentLayout, Control, DONE, SECOND_COPY, add};
use crate::defects::{Defect, is_seeded};
use crate::dials::{Desk, Dial, Turned};
use crate::dry::Bed;

mod beside;
mod copies;
mod ends;
mod part;

use beside::Beside;
use copies::Copies;
use ends::{Lossy, NEVER, Reading, Stream};
pub use ends::{StampPlace, StreamSeat};
use part::Part;

/// An agent with its place among the worker's streams.
pub struct Seat {
    /// The agent's name.
    pub name: String,
    /// The agent with its ports and state.
    pub blueprint: Blueprint,
    /// What each input reads.
    pub inputs: Vec<InSeat>,
    /// What each output writes: indices of the worker's streams.
    pub outputs: Vec<usize>,
    /// The most items a port sees or fills in one call.
    pub step: usize,
    /// A source ends after so many items, and so does the delay of a loop that nothing feeds.
    pub items: Option<u64>,
    /// It is of a loop, and may have to end with that.
    pub bed: Option<Bed>,
}

/// What an input reads.
pub struct InSeat {
    /// The stream: an index of the worker's streams.
    pub stream: usize,
    /// Which of the ring's readers it is.
    pub reader: usize,
    /// It never holds the producer back, copies out, and counts what it missed.
    pub lossy: bool,
    /// What it reads comes from the agent itself, around a loop.
    pub back: bool,
}

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

/// A seated agent and how far it is.
struct Host {
    name: String,
    agent: Box<dyn Agent>,
    ends: Ends,
    source: bool,
    drops_when_full: bool,
    inputs: Vec<Reading>,
    outputs: Vec<usize>,
    /// How many of them are not companions, which hold tags and come behind.
    own_inputs: usize,
    own_outputs: usize,
    /// What the last call was shown.
    seen: Vec<Input>,
    room: Vec<Output>,
    /// Where its positions lie in a record.
    layout: AgentLayout,
    /// Its part of the records.
    part: Part,
    step: usize,
    room_at_least: Vec<usize>,
    /// An input or output is of frames.
    has_frames: bool,
    /// For each output of frames, bytes that the frame it had no room for takes.
    room_wanted: Vec<usize>,
    /// A frame was refused that takes more room than was shown.
    wants_more_room: bool,
    items: Option<u64>,
    /// It goes on with an item of any input, and reads what it gave.
    guards_a_loop: bool,
    bed: Option<Bed>,
    /// It is to end with its loop, as of the last look.
    over: bool,
    /// None of the above but its own inputs and outputs, no item to skip, nothing lossy: most agents, whose
    /// way is short.
    plain: bool,
    /// Outputs that other cores read may be filled beside their rings.
    beside: Option<Box<Beside>>,
    /// They are, by this call.
    aside: bool,
    state: Copies,
    done: bool,
    /// The version that it moved for last.
    moved_for: u64,
    /// The version in whose record its positions are already: the call wrote them.
    written_for: u64,
    /// All that read its outputs have left, as of the last look.
    unwanted: bool,
    more: bool,
    wait: Option<Wait>,
    blocked: bool,
    /// Every input showed an item at the last look.
    fed: bool,
    /// Items it is not to be called with: a position for each input.
    skips: Vec<Vec<u64>>,
    skipped: u64,
    /// The values of its dials, what became of them, and the last order that they are of.
    dials: Vec<f64>,
    turned: Vec<Turned>,
    declared: Vec<Dial>,
    turn: u64,
}

/// How often a stream that other workers read is stamped, ns.
const STAMP_EVERY: u64 = 1_000_000;
/// While steps follow each other without a pause, one in so many looks whether it is time to.
const STAMP_STEPS: u64 = 8;
/// The first so many steps are timed, agent by agent: short runs have no others.
const TIMED_FIRST: u64 = 64;

/// Of those behind them one step in so many is timed.
const TIMED_EVERY: u64 = 16;

impl Subgraph {
    /// Seats the agents where the control block's record says they are, publishes from it once more,
    /// and lets each agent attach.
    pub fn new(
        control: Control,
        streams: Vec<StreamSeat>,
        seats: Vec<Seat>,
        bells: Vec<*const Bell>,
    ) -> Result<Subgraph, Fault> {
        Subgraph::seat(control, streams, seats, bells)
    }
}

impl<const COMMITS: bool> Subgraph<COMMITS> {
    /// As [`Subgraph::new`], for benches, which also want one without commits.
    #[doc(hidden)]
    pub fn seat(
        control: Control,
        streams: Vec<StreamSeat>,
        seats: Vec<Seat>,
        bells: Vec<*const Bell>,
    ) -> Result<Subgraph<COMMITS>, Fault> {
        let mut streams: Vec<Stream> = streams.into_iter().map(Stream::new).collect();
        for seat in &seats {
            let inputs = seat.inputs.iter().map(|place| place.stream);
            let inputs = inputs.zip(seat.blueprint.inputs.iter().map(|port| &port.item_type));
            let outputs = seat.outputs.iter().copied();
            let outputs = outputs.zip(seat.blueprint.outputs.iter().map(|port| &port.item_type));
            for (stream, item_type) in inputs.chain(outputs) {
                streams[stream].framed = item_type.is_framed();
            }
        }
        let seats = seats.into_iter().enumerate();
        let hosts = seats.map(|(ix, seat)| {
            // SAFETY: the subgraph holds the block's handle, and each agent's state goes to one host.
            let state = unsafe { Copies::of(&control, ix) };
            // SAFETY: as above.
            let part = unsafe { Part::of(&control, ix) };
            Host::new(seat, &control, ix, state, part)
        });
        let mut hosts: Vec<Host> = hosts.collect();
        for host in &mut hosts {
            let is_for_others = |o: &usize| {
                let stream = &streams[host.outputs[*o]];
                !stream.framed && !stream.seat.reader_bells.is_empty()
            };
            host.beside = Beside::of((0..host.own_outputs).filter(is_for_others));
        }
        let mut subgraph = Subgraph {
            ringing: vec![false; bells.len()],
            streams,
            version: control.version(),
            control,
            bells,
            hosts,
            moved: Vec::new(),
            stamped: Vec::new(),
            busy: 0,
            done: 0,
            stopping: false,
            cautious_until: 0,
            look: true,
            limit: usize::MAX,
            desk: None,
            turn: 0,
        };
        subgraph.recall();
        subgraph.attach()?;
        Ok(subgraph)
    }

    /// Takes every position from the record that holds, and publishes it (idempotent: positions are
    /// absolute, and only this worker writes them).
    fn recall(&mut self) {
        for (ix, host) in self.hosts.iter_mut().enumerate() {
            let layout = &self.control.layout().agents[ix];
            // Relaxed: our own record, or that of a predecessor the kernel has reaped.
            let word = |i: usize| self.control.word(self.version, i).load(Relaxed);
            let flags = word(layout.word);
            host.state.second = flags & SECOND_COPY != 0;
            host.done = flags & DONE != 0;
            // The spare record is of an older version, or empty: the next commit fills it whole.
            host.moved_for = self.version;
            host.skipped = control::skipped(flags);
            if is_seeded(Defect::TrustedSpare) && self.version > 0 {
                host.state.trust();
            }
            self.done += usize::from(host.done);
            for (i, reading) in host.inputs.iter_mut().enumerate() {
                reading.read = word(layout.read_word(i));
                reading.count = word(layout.read_count_word(i));
                match &mut reading.lossy {
                    Some(lossy) => lossy.lost = word(layout.read_word(i) + 1),
                    None => reading.released = word(layout.read_word(i) + 1),
                }
            }
            for (dial, turned) in host.turned.iter_mut().enumerate() {
                let at = layout.dial_word(dial);
                *turned = Turned {
                    value: f64::from_bits(word(at)),
                    since: word(at + 1),
                    times: word(at + 2),
                };
                if turned.times > 0 {
                    host.dials[dial] = turned.value;
                }
                host.turn = word(layout.turn_word());
                self.turn = self.turn.max(host.turn);
            }
            for (o, &s) in host.outputs.iter().enumerate() {
                let stream = &mut self.streams[s];
                stream.here = true;
                stream.written = word(layout.written_word(o));
                stream.count = word(layout.written_count_word(o));
                stream.room_until = stream.written;
                stream.closed = host.done;
                if matches!(stream.seat.stamp, StampPlace::Here(..)) {
                    self.stamped.push(s);
                }
            }
        }
        if is_seeded(Defect::NoRepublish) {
            return;
        }
        for ix in 0..self.hosts.len() {
            self.publish(ix);
        }
        self.wake_peers();
    }

    fn attach(&mut self) -> Result<(), Fault> {
        for ix in 0..self.hosts.len() {
            if self.hosts[ix].done {
                continue;
            }
            let host = &mut self.hosts[ix];
            let attached = host.agent.attach(host.state.spare::<COMMITS>());
            attached.map_err(|e| host.fault(e.message))?;
        }
        Ok(())
    }

    /// Steps of one item until `steps` more are committed: isolates an item the worker died of.
    pub fn be_cautious(&mut self, steps: u64) {
        self.cautious_until = self.version + steps;
    }

    /// When an agent stands at these positions, one for each input, that one item of each is consumed
    /// without calling it: a predecessor died of them. Its state stays as it is; the items are counted,
    /// and the count is committed with the positions.
    pub fn skip(&mut self, agent: usize, positions: Vec<u64>) {
        let host = &mut self.hosts[agent];
        host.skips.push(positions);
        host.plain = false;
    }

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

    /// Fills the spare record, flips the version, publishes from the record.
    fn commit(&mut self) {
        let version = self.version + 1;
        if COMMITS {
            self.do_too_early(version);
            // The spare record is two versions old: what moved in either step is written anew.
            let since = version - u64::from(!is_seeded(Defect::StaleRecord));
            let record = self.control.record(version);
            for host in self.hosts.iter().filter(|host| host.moved_for >= since) {
                host.write_flags(version, record, &self.streams);
                if host.written_for != version {
                    host.write_positions(record, &self.streams);
                }
            }
            self.control.commit(version);
        }
        self.version = version;
        for i in 0..self.moved.len() {
            self.publish(self.moved[i]);
        }
        self.wake_peers();
        self.busy += 1;
        if !self.stamped.is_empty() {
            self.stamp_time();
        }
        self.moved.clear();
        add(&self.control.head().time.steps, 1);
    }

    /// What a seeded defect does before its time. Nothing in a build without them.
    fn do_too_early(&mut self, version: u64) {
        let moved = || self.moved.iter().map(|&ix| &self.hosts[ix]);
        if is_seeded(Defect::PublishBeforeCommit) {
            for &s in moved().flat_map(|host| &host.outputs) {
                self.streams[s].seat.ring.publish(self.streams[s].written);
            }
        }
        if is_seeded(Defect::ReleaseBeforeCommit) {
            for reading in moved().flat_map(|host| &host.inputs) {
                let ring = &self.streams[reading.stream].seat.ring;
                ring.release(reading.reader, reading.released);
            }
        }
        if is_seeded(Defect::StateInPlace) {
            for &ix in &self.moved {
                self.hosts[ix].state.overwrite();
            }
        }
        if is_seeded(Defect::HoistedVersion) {
            self.control.commit(version);
        }
    }

    /// Publishes one agent's committed positions: outputs first, then what its inputs release. Companions
    /// come before what they stand beside: who sees an item sees its tags (`tags.rs`). What
    /// this process published before it leaves alone: a store takes the line from whoever polls it.
    #[inline(always)]
    fn publish(&mut self, ix: usize) {
        let Subgraph {
            hosts,
            streams,
            ringing,
            ..
        } = self;
        let host = &mut hosts[ix];
        for &s in host.outputs.iter().rev() {
            let stream = &mut streams[s];
            if stream.told == stream.written && !host.done {
                continue;
            }
            stream.seat.ring.publish(stream.written);
            stream.told = stream.written;
            stream.fresh = true;
            if host.done {
                stream.seat.ring.close();
            }
            for &bell in &stream.seat.reader_bells {
                ringing[bell] = true;
            }
        }
        for reading in &mut host.inputs {
            if reading.told == reading.released && !host.done {
                continue;
            }
            let stream = &streams[reading.stream];
            if reading.lossy.is_none() {
                stream.seat.ring.release(reading.reader, reading.released);
            }
            reading.told = reading.released;
            if host.done {
                stream.seat.ring.leave(reading.reader);
            }
            if let Some(bell) = stream.seat.producer_bell {
                ringing[bell] = true;
            }
        }
    }

    fn wake_peers(&mut self) {
        for (bell, ringing) in self.bells.iter().zip(&mut self.ringing) {
            if std::mem::take(ringing) {
                // SAFETY: bells lie in the segment, mapped as long as the run.
                unsafe { &**bell }.ring();
            }
        }
    }

    /// Leaves the time beside streams that other workers read, now and then.
    fn stamp_time(&mut self) {
        if self.busy > STAMP_STEPS && !self.busy.is_multiple_of(STAMP_STEPS) {
            return;
        }
        let now = clock::now_ns();
        for &s in &self.stamped {
            let stream = &mut self.streams[s];
            let StampPlace::Here(agent, output) = stream.seat.stamp else {
                continue;
            };
            if stream.fresh && now >= stream.next_stamp {
                stream.fresh = false;
                stream.next_stamp = now + STAMP_EVERY;
                let stamp = self.control.stamp(agent, output);
                stamp.set(stream.written.wrapping_sub(1), now);
            }
        }
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

impl Host {
    fn new(seat: Seat, control: &Control, ix: usize, state: Copies, part: Part) -> Host {
        let Blueprint {
            agent,
            inputs,
            outputs,
            ends,
            takes_any,
            drops_when_full,
            dials,
            ..
        } = seat.blueprint;
        let is_spring = seat.bed.is_some_and(|bed| bed.is_spring());
        let layout = control.layout().agents[ix].clone();
        let has_frames = inputs.iter().any(|p| p.item_type.is_framed())
            || outputs.iter().any(|p| p.item_type.is_framed());
        let items = seat.items.filter(|_| inputs.is_empty() || is_spring);
        let guards_a_loop = takes_any && seat.inputs.iter().any(|place| place.back);
        let has_companions = inputs.iter().any(|p| p.beside) || outputs.iter().any(|p| p.beside);
        let is_lossy = seat.inputs.iter().any(|place| place.lossy);
        let bounded = items.is_some() || seat.bed.is_some() || guards_a_loop;
        let readings = seat
            .inputs
            .iter()
            .zip(&inputs)
            .enumerate()
            .map(|(i, (place, port))| Reading {
                gauge: control.input_gauge(ix, i),
                stream: place.stream,
                reader: place.reader,
                back: place.back,
                retain: port.retain,
                at_least: port.at_least,
                lossy: place.lossy.then(|| Lossy {
                    copy: Vec::new(),
                    lost: 0,
                }),
                read: 0,
                count: 0,
                released: 0,
                last_stamp: 0,
                high_water: 0,
                told: NEVER,
            });
        Host {
            name: seat.name,
            agent,
            ends,
            source: inputs.is_empty(),
            drops_when_full,
            inputs: readings.collect(),
            outputs: seat.outputs,
            own_inputs: inputs.iter().filter(|p| !p.beside).count(),
            own_outputs: outputs.iter().filter(|p| !p.beside).count(),
            seen: inputs.iter().map(|_| Input::nothing()).collect(),
            room: outputs.iter().map(|_| Output::nothing()).collect(),
            part,
            layout,
            step: seat.step,
            room_at_least: outputs.iter().map(|p| p.at_least).collect(),
            has_frames,
            room_wanted: vec![0; outputs.len()],
            wants_more_room: false,
            items,
            guards_a_loop,
            bed: seat.bed,
            over: false,
            plain: !(has_frames || has_companions || is_lossy || bounded),
            beside: None,
            aside: false,
            state,
            done: false,
            moved_for: 0,
            written_for: 0,
            unwanted: false,
            // Called once without any input: some agents begin by themselves.
            more: true,
            wait: None,
            blocked: false,
            fed: false,
            skips: Vec::new(),
            skipped: 0,
            dials: dials.iter().map(|dial| dial.value).collect(),
            turned: vec![Turned::default(); dials.len()],
            declared: dials,
            turn: 0,
        }
    }

    /// Puts the room of long calls beside the rings.
    #[cold]
    #[inline(never)]
    fn move_aside(&mut self) {
        if let Some(beside) = &mut self.beside {
            beside.move_aside(&mut self.room);
        }
    }

    /// Copies to the rings what was filled beside them.
    #[cold]
    #[inline(never)]
    fn bring_back(&self, streams: &[Stream]) {
        let slot = |o: usize| {
            let stream = &streams[self.outputs[o]];
            stream.seat.ring.slot_ptr(stream.written)
        };
        if let Some(beside) = &self.beside {
            // SAFETY: `show` moved the outputs aside for this call.
            unsafe { beside.bring_back(&self.room, slot) };
        }
    }

    /// Lays out the tags, after the items they stand beside: every tag at an item that was seen is seen here,
    /// unless there are more than a step takes (`tags.rs`). True if there are any.
    fn show_companions(&mut self, streams: &mut [Stream], look: bool) -> Result<bool, Fault> {
        let own = self.own_inputs;
        let mut visible = false;
        for (reading, input) in self.inputs[own..].iter_mut().zip(&mut self.seen[own..]) {
            let stream = &mut streams[reading.stream];
            let shown = reading.show::<false>(stream, usize::MAX, look, input);
            shown.map_err(|corrupt| host_fault(&self.name, corrupt.to_string()))?;
            visible |= !input.is_empty();
        }
        Ok(visible)
    }

    /// Lays out the room of one output, for at most as many items as a source has still to give.
    fn show_room(
        &mut self,
        o: usize,
        stream: &mut Stream,
        step: usize,
        look: bool,
    ) -> Result<(), RingCorrupt> {
        let most = self
            .items
            .map_or(u64::MAX, |n| n.saturating_sub(stream.count));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let room = &mut self.room[o];
        if stream.framed {
            let want = frames_room(self.drops_when_full, self.room_wanted[o], stream);
            return stream.show_frames_room(want, most, look, room);
        }
        let want = step.max(self.room_at_least[o]).min(most);
        stream.fetch_ahead(want);
        stream.show_room(want, look, room)
    }

    /// Does not show what comes from outside of the loop while a stream that leads back is more than half full. Else
    /// the outside would fill all streams of the loop, and each would wait for room on the next; so half a stream
    /// is left free, if no agent of the loop gives more than it takes.
    #[cold]
    #[inline(never)]
    fn hold_off(&mut self, streams: &mut [Stream]) {
        let mut back = self.inputs.iter().filter(|reading| reading.back);
        let is_high = back.any(|reading| {
            let stream = &mut streams[reading.stream];
            stream.published().saturating_sub(reading.read) > stream.capacity / 2
        });
        if is_high {
            let inputs = self.inputs[..self.own_inputs].iter().zip(&mut self.seen);
            inputs
                .filter(|(reading, _)| !reading.back)
                .for_each(|(_, input)| input.hide());
        }
    }

    /// Writes what is beside its positions in a record: see `control.rs`.
    #[inline(always)]
    fn write_flags(&self, version: u64, record: &[AtomicU64], streams: &[Stream]) {
        let flags = control::flags(self.state.second, self.done, self.skipped);
        // Relaxed: made to hold by the commit's store alone.
        self.part.flags(version).store(flags, Relaxed);
        if self.has_frames {
            self.write_counts(record, streams);
        }
        if !self.turned.is_empty() {
            self.write_dials(record);
        }
    }

    /// Writes its positions to a record: where it was not called in the step that this is of, it moved in
    /// the one before.
    #[cold]
    #[inline(never)]
    fn write_positions(&self, record: &[AtomicU64], streams: &[Stream]) {
        // Relaxed: made to hold by the commit's store alone.
        let put = |i: usize, value: u64| record[i].store(value, Relaxed);
        for (i, reading) in self.inputs.iter().enumerate() {
            let word = self.layout.read_word(i);
            put(word, reading.read);
            put(word + 1, reading.released_or_lost());
        }
        for (o, &s) in self.outputs.iter().enumerate() {
            put(self.layout.written_word(o), streams[s].written);
        }
    }

    #[cold]
    #[inline(never)]
    fn write_dials(&self, record: &[AtomicU64]) {
        // Relaxed: made to hold by the commit's store alone.
        let put = |i: usize, value: u64| record[i].store(value, Relaxed);
        put(self.layout.turn_word(), self.turn);
        for (dial, turned) in self.turned.iter().enumerate() {
            let word = self.layout.dial_word(dial);
            put(word, turned.value.to_bits());
            put(word + 1, turned.since);
            put(word + 2, turned.times);
        }
    }

    /// Streams of frames have words of their own that count items.
    #[cold]
    #[inline(never)]
    fn write_counts(&self, record: &[AtomicU64], streams: &[Stream]) {
        for (i, reading) in self.inputs.iter().enumerate() {
            if streams[reading.stream].framed {
                // Relaxed, here and below: made to hold by the commit's store alone.
                record[self.layout.read_count_word(i)].store(reading.count, Relaxed);
            }
        }
        for (o, &s) in self.outputs.iter().enumerate() {
            if streams[s].framed {
                record[self.layout.written_count_word(o)].store(streams[s].count, Relaxed);
            }
        }
    }

    /// It stands before items that it is not to be called with, and sees them.
    #[inline(always)]
    fn is_to_skip(&self) -> bool {
        !self.skips.is_empty() && self.fed && self.stands_at_a_skip()
    }

    fn stands_at_a_skip(&self) -> bool {
        let own = &self.inputs[..self.own_inputs];
        let here = |at: &Vec<u64>| own.iter().map(|r| r.read).eq(at.iter().copied());
        self.skips.iter().any(here)
    }

    /// One item at a time as long as something is to be skipped, so that it comes to stand there.
    #[inline(always)]
    fn step_to_skip(&self) -> usize {
        match !self.skips.is_empty() && self.has_a_skip_ahead() {
            true => 1,
            false => usize::MAX,
        }
    }

    fn has_a_skip_ahead(&self) -> bool {
        let ahead = |at: &Vec<u64>| self.inputs.iter().zip(at).all(|(r, &at)| r.read <= at);
        self.skips.iter().any(ahead)
    }

    fn fault(&self, message: String) -> Fault {
        host_fault(&self.name, message)
    }

    /// All that read its outputs have left.
    #[inline(always)]
    fn is_unwanted(&self, streams: &[Stream]) -> bool {
        let abandoned = |s: &usize| streams[*s].abandoned;
        let unread = |s: &usize| abandoned(s) || streams[*s].seat.readers == 0;
        self.outputs.iter().any(abandoned) && self.outputs.iter().all(unread)
    }

    /// A source that was asked for so many items has given them.
    #[inline(always)]
    fn is_at_its_end(&self, streams: &[Stream]) -> bool {
        let own = &self.outputs[..self.own_outputs];
        let full = |n: u64| own.iter().all(|&s| streams[s].count >= n);
        match self.items {
            Some(n) => !own.is_empty() && full(n),
            None => false,
        }
    }
}

/// Bytes of room to show for frames: a step's worth, and what the frame `refused` last takes. Who throws
/// away what does not fit sees all the room there is.
fn frames_room(drops_when_full: bool, refused: usize, stream: &Stream) -> usize {
    match drops_when_full {
        true => usize::MAX,
        false => stream.frames_step().max(refused),
    }
}

fn host_fault(agent: &str, message: String) -> Fault {
    Fault {
        agent: agent.to_owned(),
        message,
    }
}
