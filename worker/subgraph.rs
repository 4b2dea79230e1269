//! One worker's subgraph: the step, a transaction over all of its agents.
//!
//! A step calls each agent once, in topological order, on what is there. Outputs go beyond the
//! published positions and new state into the spare copies, so nobody sees them; then one store
//! commits everything, and the positions are published from the record. A process killed before the
//! store did nothing; after it, its successor publishes again from the record ([`Subgraph::new`]).
//!
//! Streams inside the worker are rings like any other. Their readers see within a step what their
//! producer wrote in it; their producer counts free space against *committed* consumption, so what
//! a redo would read again is never overwritten.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use thalweg_ringbuf::{Bell, Mode, Ring, RingCorrupt};

use crate::agent::{Agent, Blueprint, Ends, Input, Io, Output, State, Status, Wait};
use crate::clock;
use crate::control::{Control, DONE, SECOND_COPY, Stamp, bucket_of};

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
    /// A source ends after so many items.
    pub items: Option<u64>,
}

/// What an input reads.
pub struct InSeat {
    /// The stream: an index of the worker's streams.
    pub stream: usize,
    /// Which of the ring's readers it is.
    pub reader: usize,
    /// It never holds the producer back, copies out, and counts what it missed.
    pub lossy: bool,
}

/// A stream the worker writes or reads.
pub struct StreamSeat {
    /// Its ring.
    pub ring: Ring,
    /// Whom to wake when it has more: bells of the workers that read it (indices).
    pub reader_bells: Vec<usize>,
    /// Whom to wake when it has room again (index).
    pub producer_bell: Option<usize>,
    /// How many readers it has from the start.
    pub readers: usize,
    /// Where its producer stamps the time.
    pub stamp: StampPlace,
}

/// Where the stamp of a stream lies.
#[derive(Clone, Copy)]
pub enum StampPlace {
    /// Nowhere: nobody in another worker reads it.
    Nowhere,
    /// In this worker's own block: its producer is here (agent, output).
    Here(usize, usize),
    /// In the producer's block.
    There(*const Stamp),
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
pub struct Subgraph {
    control: Control,
    bells: Vec<*const Bell>,
    streams: Vec<Stream>,
    hosts: Vec<Host>,
    version: u64,
    moved: Vec<usize>,
    moved_before: Vec<usize>,
    ringing: Vec<bool>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    done: usize,
    stopping: bool,
    cautious_until: u64,
    look: bool,
    limit: usize,
}

/// A stream as this worker knows it.
struct Stream {
    seat: StreamSeat,
    capacity: u64,
    item_len: usize,
    /// Produced here: written so far in this step. Else: published, as last seen.
    written: u64,
    /// Nothing will follow `written`.
    closed: bool,
    here: bool,
    /// Produced here: how far it may be written, as last seen.
    room_until: u64,
    /// Produced here: how far it may have been written over, for taps.
    claimed: u64,
    /// Produced here: its readers have all left.
    abandoned: bool,
    next_stamp: u64,
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
    step: usize,
    room_at_least: Vec<usize>,
    items: Option<u64>,
    second_copy: bool,
    has_state: bool,
    done: bool,
    more: bool,
    wait: Option<Wait>,
    blocked: bool,
}

struct Reading {
    stream: usize,
    reader: usize,
    retain: usize,
    at_least: usize,
    lossy: Option<Lossy>,
    read: u64,
    released: u64,
    last_stamp: u64,
    high_water: u64,
}

/// A reader that never holds the producer back: it works on a copy.
struct Lossy {
    copy: Vec<u128>,
    lost: u64,
}

/// How often a stream that other workers read is stamped, ns.
const STAMP_EVERY: u64 = 1_000_000;
/// One step in so many is timed, agent by agent.
pub const TIMED_EVERY: u64 = 16;

impl Subgraph {
    /// Seats the agents where the control block's record says they are, publishes from it once more,
    /// and lets each agent attach.
    pub fn new(
        control: Control,
        streams: Vec<StreamSeat>,
        seats: Vec<Seat>,
        bells: Vec<*const Bell>,
    ) -> Result<Subgraph, Fault> {
        let hosts: Vec<Host> = seats.into_iter().map(Host::new).collect();
        let mut subgraph = Subgraph {
            ringing: vec![false; bells.len()],
            streams: streams.into_iter().map(Stream::new).collect(),
            version: control.version(),
            control,
            bells,
            hosts,
            moved: Vec::new(),
            moved_before: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            done: 0,
            stopping: false,
            cautious_until: 0,
            look: true,
            limit: usize::MAX,
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
            host.second_copy = flags & SECOND_COPY != 0;
            host.done = flags & DONE != 0;
            self.done += usize::from(host.done);
            for (i, reading) in host.inputs.iter_mut().enumerate() {
                reading.read = word(layout.read_word(i));
                match &mut reading.lossy {
                    Some(lossy) => lossy.lost = word(layout.read_word(i) + 1),
                    None => reading.released = word(layout.read_word(i) + 1),
                }
            }
            for (o, &stream) in host.outputs.iter().enumerate() {
                let stream = &mut self.streams[stream];
                stream.here = true;
                stream.written = word(layout.written_word(o));
                stream.room_until = stream.written;
                stream.closed = host.done;
            }
        }
        // The spare record is of an older version, or empty: the next commit fills it whole.
        self.moved_before = (0..self.hosts.len()).collect();
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
            let state = self.spare_state(ix);
            let host = &mut self.hosts[ix];
            let attached = host.agent.attach(State::new(state));
            attached.map_err(|e| host.fault(e.message))?;
        }
        Ok(())
    }

    /// Steps of one item until `steps` more are committed: isolates an item the worker died of.
    pub fn be_cautious(&mut self, steps: u64) {
        self.cautious_until = self.version + steps;
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
        let Subgraph { hosts, streams, .. } = self;
        hosts.iter().filter(|h| !h.done).any(|host| {
            let fed = host.inputs.iter().any(|r| streams[r.stream].is_fed());
            fed || host.outputs.iter().any(|&s| streams[s].is_drained())
        })
    }

    /// One transaction: each agent once, then the commit.
    pub fn step(&mut self) -> Result<Step, Fault> {
        if self.done == self.hosts.len() {
            return Ok(Step::Done);
        }
        self.limit = if self.version < self.cautious_until {
            1
        } else {
            usize::MAX
        };
        let timed = self.version.is_multiple_of(TIMED_EVERY);
        for ix in 0..self.hosts.len() {
            if self.hosts[ix].done {
                continue;
            }
            let moved = if timed {
                self.timed_call(ix)?
            } else {
                self.call(ix)?
            };
            if moved {
                self.moved.push(ix);
            }
        }
        if self.moved.is_empty() {
            self.look = true;
            return Ok(Step::Idle(self.why_idle()));
        }
        self.look = false;
        self.commit();
        Ok(Step::Moved)
    }

    fn timed_call(&mut self, ix: usize) -> Result<bool, Fault> {
        let start = clock::now_ns();
        let moved = self.call(ix)?;
        if moved {
            let gauge = self.control.agent_gauge(ix);
            add(&gauge.timed, 1);
            add(&gauge.ns, clock::now_ns() - start);
        }
        Ok(moved)
    }

    /// Calls one agent on what is there. True if anything moved.
    fn call(&mut self, ix: usize) -> Result<bool, Fault> {
        if !self.show(ix)? {
            return Ok(false);
        }
        let state = self.spare_state(ix);
        // Relaxed: one writer; read after a death, to name the agent.
        let calling = &self.control.head().life.agent;
        calling.store(ix as u64 + 1, Relaxed);
        let host = &mut self.hosts[ix];
        let mut io = Io {
            inputs: &mut self.inputs,
            outputs: &mut self.outputs,
            state: State::new(state),
            draining: self.stopping,
        };
        let worked = host.agent.work(&mut io);
        calling.store(0, Relaxed);
        let status = worked.map_err(|e| host.fault(e.message))?;
        let moved = self.take_in(ix);
        self.hosts[ix].more = status == Status::More;
        self.hosts[ix].wait = match status {
            Status::Wait(wait) => Some(wait),
            _ => None,
        };
        if self.ends(ix, status) {
            self.finish(ix)?;
            return Ok(true);
        }
        if moved && self.hosts[ix].has_state {
            self.hosts[ix].second_copy ^= true;
        }
        Ok(moved)
    }

    /// Lays out what the agent sees. False if calling it would be useless.
    fn show(&mut self, ix: usize) -> Result<bool, Fault> {
        let Subgraph {
            hosts,
            streams,
            inputs,
            outputs,
            ..
        } = self;
        let host = &mut hosts[ix];
        let step = host.step.min(self.limit);
        let (mut visible, mut ended) = (false, false);
        inputs.clear();
        for reading in &mut host.inputs {
            let shown = reading.show(&mut streams[reading.stream], step, self.look);
            let input = shown.map_err(|corrupt| host_fault(&host.name, corrupt.to_string()))?;
            visible |= !input.is_empty();
            ended |= input.is_exhausted();
            inputs.push(input);
        }
        outputs.clear();
        let mut full = !host.outputs.is_empty();
        for (o, &s) in host.outputs.iter().enumerate() {
            let stream = &mut streams[s];
            let most = host
                .items
                .map_or(u64::MAX, |n| n.saturating_sub(stream.written));
            let want = step
                .max(host.room_at_least[o])
                .min(usize::try_from(most).unwrap_or(usize::MAX));
            let shown = stream.show_room(want, self.look);
            let output = shown.map_err(|corrupt| host_fault(&host.name, corrupt.to_string()))?;
            full &= output.is_full();
            outputs.push(output);
        }
        host.blocked = full && !host.drops_when_full;
        host.wait = None;
        let stopped = host.source && self.stopping;
        let ending = ended || stopped || host.is_unwanted(streams) || host.is_at_its_end(streams);
        let calling = visible || host.source || host.more;
        Ok(ending || (calling && !host.blocked))
    }

    /// Takes over what the agent consumed and produced. True if anything did.
    fn take_in(&mut self, ix: usize) -> bool {
        let Subgraph {
            hosts,
            streams,
            inputs,
            outputs,
            control,
            ..
        } = self;
        let host = &mut hosts[ix];
        let mut moved = false;
        for (i, (reading, input)) in host.inputs.iter_mut().zip(inputs.iter()).enumerate() {
            if input.consumed() > 0 || input.kept().is_some() {
                moved |= input.consumed() > 0;
                reading.advance(input);
                let gauge = control.input_gauge(ix, i);
                // Relaxed: only this process writes it.
                gauge.high_water.store(reading.high_water, Relaxed);
                let stamp = streams[reading.stream].seat.stamp;
                if let StampPlace::There(stamp) = stamp {
                    // SAFETY: `There` points into the producer's control block, mapped for the run.
                    reading.note_wait(unsafe { &*stamp }, gauge);
                }
            }
        }
        for (&s, output) in host.outputs.iter().zip(outputs.iter()) {
            moved |= output.produced() > 0;
            streams[s].written += output.produced() as u64;
        }
        moved
    }

    /// Is the agent done after this call?
    fn ends(&self, ix: usize, status: Status) -> bool {
        let host = &self.hosts[ix];
        let streams = &self.streams;
        if status == Status::Done || host.is_at_its_end(streams) {
            return true;
        }
        if host.is_unwanted(streams) {
            return true;
        }
        if host.source {
            return self.stopping;
        }
        let mut exhausted = host
            .inputs
            .iter()
            .map(|r| r.is_exhausted(&streams[r.stream]));
        status == Status::Ready
            && match host.ends {
                Ends::AllInputs => exhausted.all(|e| e),
                Ends::AnyInput => exhausted.any(|e| e),
            }
    }

    fn finish(&mut self, ix: usize) -> Result<(), Fault> {
        let state = self
            .control
            .state(ix, usize::from(!self.hosts[ix].second_copy));
        let host = &mut self.hosts[ix];
        let finished = host.agent.finish(State::new(state));
        finished.map_err(|e| host.fault(e.message))?;
        host.second_copy ^= host.has_state;
        host.done = true;
        self.done += 1;
        for &s in &host.outputs {
            self.streams[s].closed = true;
        }
        Ok(())
    }

    /// The spare copy of an agent's state, made equal to the current one.
    fn spare_state(&self, ix: usize) -> &'static mut [u8] {
        let host = &self.hosts[ix];
        if !host.has_state {
            return &mut [];
        }
        let current = self.control.state(ix, usize::from(host.second_copy));
        let spare = self.control.state(ix, usize::from(!host.second_copy));
        spare.copy_from_slice(current);
        // SAFETY: the control block outlives the subgraph (it holds the mapping's handle), and the
        // slice is used up within one call, before the copy is taken again.
        unsafe { std::slice::from_raw_parts_mut(spare.as_mut_ptr(), spare.len()) }
    }

    /// Fills the spare record, flips the version, publishes from the record.
    fn commit(&mut self) {
        let version = self.version + 1;
        self.control.begin_record();
        // The spare record is two versions old: what moved in either step is written anew.
        for &ix in self.moved_before.iter().chain(&self.moved) {
            self.write_record(version, ix);
        }
        self.control.commit(version);
        self.version = version;
        for i in 0..self.moved.len() {
            self.publish(self.moved[i]);
        }
        self.wake_peers();
        self.stamp_time();
        std::mem::swap(&mut self.moved, &mut self.moved_before);
        self.moved.clear();
        add(&self.control.head().time.steps, 1);
    }

    fn write_record(&self, version: u64, ix: usize) {
        let host = &self.hosts[ix];
        let layout = &self.control.layout().agents[ix];
        // Relaxed: made to hold by the commit's store alone.
        let put = |i: usize, value: u64| self.control.word(version, i).store(value, Relaxed);
        let flags =
            if host.second_copy { SECOND_COPY } else { 0 } | if host.done { DONE } else { 0 };
        put(layout.word, flags);
        for (i, reading) in host.inputs.iter().enumerate() {
            put(layout.read_word(i), reading.read);
            let second = reading.lossy.as_ref().map_or(reading.released, |l| l.lost);
            put(layout.read_word(i) + 1, second);
        }
        for (o, &s) in host.outputs.iter().enumerate() {
            put(layout.written_word(o), self.streams[s].written);
        }
    }

    /// Publishes one agent's committed positions: outputs first, then what its inputs release.
    fn publish(&mut self, ix: usize) {
        let Subgraph {
            hosts,
            streams,
            ringing,
            ..
        } = self;
        let host = &hosts[ix];
        for &s in &host.outputs {
            let stream = &streams[s];
            stream.seat.ring.publish(stream.written);
            if host.done {
                stream.seat.ring.close();
            }
            for &bell in &stream.seat.reader_bells {
                ringing[bell] = true;
            }
        }
        for reading in &host.inputs {
            let stream = &streams[reading.stream];
            if reading.lossy.is_none() {
                stream.seat.ring.release(reading.reader, reading.released);
            }
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
        let Subgraph {
            moved,
            hosts,
            streams,
            control,
            ..
        } = self;
        let mut now = 0;
        for &ix in moved.iter() {
            for &s in &hosts[ix].outputs {
                let stream = &mut streams[s];
                let StampPlace::Here(agent, output) = stream.seat.stamp else {
                    continue;
                };
                if now == 0 {
                    now = clock::now_ns();
                }
                if now >= stream.next_stamp {
                    stream.next_stamp = now + STAMP_EVERY;
                    control
                        .stamp(agent, output)
                        .set(stream.written.wrapping_sub(1), now);
                }
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
    fn new(seat: Seat) -> Host {
        let Blueprint {
            agent,
            inputs,
            outputs,
            state,
            ends,
            drops_when_full,
            ..
        } = seat.blueprint;
        let readings = seat
            .inputs
            .iter()
            .zip(&inputs)
            .map(|(place, port)| Reading {
                stream: place.stream,
                reader: place.reader,
                retain: port.retain,
                at_least: port.at_least,
                lossy: place.lossy.then(|| Lossy {
                    copy: Vec::new(),
                    lost: 0,
                }),
                read: 0,
                released: 0,
                last_stamp: 0,
                high_water: 0,
            });
        Host {
            name: seat.name,
            agent,
            ends,
            source: inputs.is_empty(),
            drops_when_full,
            inputs: readings.collect(),
            outputs: seat.outputs,
            step: seat.step,
            room_at_least: outputs.iter().map(|p| p.at_least).collect(),
            items: seat.items.filter(|_| inputs.is_empty()),
            second_copy: false,
            has_state: !state.init.is_empty(),
            done: false,
            // Called once without any input: some agents begin by themselves.
            more: true,
            wait: None,
            blocked: false,
        }
    }

    fn fault(&self, message: String) -> Fault {
        host_fault(&self.name, message)
    }

    /// All that read its outputs have left.
    fn is_unwanted(&self, streams: &[Stream]) -> bool {
        let mut outputs = self.outputs.iter().map(|&s| &streams[s]);
        outputs.clone().any(|s| s.abandoned) && outputs.all(|s| s.abandoned || s.seat.readers == 0)
    }

    /// A source that was asked for so many items has given them.
    fn is_at_its_end(&self, streams: &[Stream]) -> bool {
        let full = |n: u64| self.outputs.iter().all(|&s| streams[s].written >= n);
        self.items
            .is_some_and(|n| !self.outputs.is_empty() && full(n))
    }
}

impl Reading {
    /// What the agent sees of this input: at most `step` unread items, and what is retained.
    fn show(&mut self, stream: &mut Stream, step: usize, look: bool) -> Result<Input, RingCorrupt> {
        let want = step.max(self.at_least);
        if self.lossy.is_some() {
            return Ok(self.show_copy(stream, want));
        }
        let past = self.read - self.released;
        let available = stream.available(self.read, past, want, look)?;
        self.high_water = self.high_water.max(available + past);
        let visible = available.min(want as u64);
        let ended = stream.closed && visible == available;
        // SAFETY: `released .. read + visible` is at most the ring's capacity (checked in
        // `available`), so contiguous in the mirror; the producer leaves it alone until it is released.
        unsafe {
            let oldest = stream.seat.ring.slot_ptr(self.released);
            let unread = oldest.add(past as usize * stream.item_len);
            let (visible, past) = (visible as usize, past as usize);
            Ok(Input::new(
                unread,
                visible,
                past,
                self.read,
                stream.item_len,
                ended,
            ))
        }
    }

    /// As `show`, on a copy: the producer may overwrite the ring meanwhile.
    fn show_copy(&mut self, stream: &mut Stream, want: usize) -> Input {
        let lossy = self.lossy.as_mut().expect("a lossy input");
        let ring = stream.seat.ring;
        let mut available = stream.published() - self.read;
        self.high_water = self.high_water.max(available.min(stream.capacity));
        if ring.claimed().wrapping_sub(self.read) > ring.geometry().slots && available > 1 {
            lossy.lost += available - 1;
            self.read += available - 1;
            available = 1;
        }
        let mut visible = available.min(want as u64) as usize;
        let len_bytes = visible * stream.item_len;
        lossy.copy.resize(len_bytes.div_ceil(16), 0);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut lossy.copy);
        copy_racing(ring.slot_ptr(self.read), &mut bytes[..len_bytes]);
        if ring.claimed().wrapping_sub(self.read) > ring.geometry().slots {
            // Overtaken while copying: what was copied is thrown away, the next look skips ahead.
            visible = 0;
        }
        let ended = stream.closed && visible as u64 == available;
        // SAFETY: the copy is ours, long enough, aligned to 16, and not touched until the next `show`.
        unsafe {
            Input::new(
                bytes.as_ptr(),
                visible,
                0,
                self.read,
                stream.item_len,
                ended,
            )
        }
    }

    fn advance(&mut self, input: &Input) {
        self.read += input.consumed() as u64;
        let keep = input.kept().unwrap_or(self.retain) as u64;
        self.released = self.released.max(self.read.saturating_sub(keep));
        if self.lossy.is_some() {
            self.released = self.read;
        }
    }

    fn is_exhausted(&self, stream: &Stream) -> bool {
        stream.closed && self.read == stream.written
    }

    /// If a stamped item was passed just now: how long did it wait?
    fn note_wait(&mut self, stamp: &Stamp, gauge: &crate::control::InputGauge) {
        let Some((position, ns)) = stamp.get() else {
            return;
        };
        if ns > self.last_stamp && position < self.read {
            self.last_stamp = ns;
            let waited = clock::now_ns().saturating_sub(ns);
            let bucket = &gauge.waits[bucket_of(waited)];
            // Relaxed: only this process writes it.
            bucket.store(bucket.load(Relaxed).saturating_add(1), Relaxed);
        }
    }
}

impl Stream {
    fn new(seat: StreamSeat) -> Stream {
        let geometry = seat.ring.geometry();
        Stream {
            capacity: geometry.capacity,
            item_len: geometry.item_len_bytes,
            written: 0,
            closed: false,
            here: false,
            room_until: 0,
            claimed: seat.ring.claimed(),
            abandoned: false,
            next_stamp: 0,
            seat,
        }
    }

    /// Unread items from `read` on, looking anew only when the last look does not give `want`.
    ///
    /// A position of another process is checked before it becomes a length.
    fn available(
        &mut self,
        read: u64,
        past: u64,
        want: usize,
        look: bool,
    ) -> Result<u64, RingCorrupt> {
        if self.here {
            return Ok(self.written - read);
        }
        if look || self.written.wrapping_sub(read) < want as u64 {
            self.published();
        }
        let available = self.written.wrapping_sub(read);
        if available > self.capacity.saturating_sub(past) {
            return Err(RingCorrupt {
                reader: None,
                written: self.written,
                consumed: read - past,
                capacity: self.capacity,
            });
        }
        Ok(available)
    }

    /// Looks anew how far the stream is published, and whether it is closed.
    fn published(&mut self) -> u64 {
        if !self.here && !self.closed {
            let ring = &self.seat.ring;
            // Closed first: what is written after that look is the last.
            let closed = ring.is_closed();
            self.written = ring.written();
            self.closed = closed;
        }
        self.written
    }

    /// Room for at most `want` items.
    fn show_room(&mut self, want: usize, look: bool) -> Result<Output, RingCorrupt> {
        let mut room = self.room_until - self.written;
        if look || room < want as u64 {
            self.look_for_room()?;
            room = self.room_until - self.written;
        }
        let room = room.min(want as u64) as usize;
        let ring = &self.seat.ring;
        // Never lowered: an agent may have scribbled on room that it did not use.
        if self.written + room as u64 > self.claimed {
            self.claimed = self.written + room as u64;
            ring.claim(self.claimed);
        }
        // SAFETY: the slots up to `room_until` are free (every reader released them), contiguous in
        // the mirror, and this agent is the ring's only producer.
        unsafe {
            let first = ring.slot_ptr(self.written);
            Ok(Output::new(first, room, self.written, self.item_len))
        }
    }

    /// Looks anew how far the readers are. Their positions are checked before they become room.
    fn look_for_room(&mut self) -> Result<(), RingCorrupt> {
        let ring = &self.seat.ring;
        let (published, slowest) = (ring.written(), ring.slowest());
        if published.wrapping_sub(slowest) > self.capacity {
            return Err(RingCorrupt {
                reader: None,
                written: published,
                consumed: slowest,
                capacity: self.capacity,
            });
        }
        let room_until = slowest + self.capacity;
        self.room_until = self.room_until.max(room_until).max(self.written);
        let left = |reader| ring.mode(reader) == Some(Mode::Left);
        self.abandoned = self.seat.readers > 0 && (0..self.seat.readers).all(left);
        Ok(())
    }

    /// Has another worker given more, or ended, since the last look?
    fn is_fed(&mut self) -> bool {
        let before = (self.written, self.closed);
        self.published();
        before != (self.written, self.closed)
    }

    /// Have readers made room, or all left, since the last look?
    fn is_drained(&mut self) -> bool {
        let before = (self.room_until, self.abandoned);
        // What is corrupt is told by the step that follows.
        self.look_for_room().is_err() || before != (self.room_until, self.abandoned)
    }
}

fn host_fault(agent: &str, message: String) -> Fault {
    Fault {
        agent: agent.to_owned(),
        message,
    }
}

/// Copies bytes that a producer may be writing: the caller asks afterwards whether it did.
fn copy_racing(from: *const u8, to: &mut [u8]) {
    for (i, byte) in to.chunks_exact_mut(8).enumerate() {
        // SAFETY: inside the mirror, and 8-aligned where items are (a shorter item's ring starts on a
        // page and the loop strides by 8 from a slot; unaligned loads are taken as such). Volatile:
        // the value may change meanwhile, and is not looked at before the claim was.
        let word = unsafe { from.add(8 * i).cast::<[u8; 8]>().read_volatile() };
        byte.copy_from_slice(&word);
    }
    let done = to.len() / 8 * 8;
    for (i, byte) in to[done..].iter_mut().enumerate() {
        // SAFETY: as above, byte by byte.
        *byte = unsafe { from.add(done + i).read_volatile() };
    }
}

/// Adds to a counter that only this process writes.
fn add(counter: &std::sync::atomic::AtomicU64, n: u64) {
    // Relaxed: one writer; readers want a recent value, nothing hangs on it.
    counter.store(counter.load(Relaxed) + n, Relaxed);
}

/// How long a sleeping worker waits before it looks again by itself.
pub const LONGEST_SLEEP: Duration = Duration::from_millis(100);
