//! Agents take their seats: at the stream's beginning, or where a predecessor's last commit left them.

use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::Bell;

use super::beside::Beside;
use super::copies::Copies;
use super::ends::{StampPlace, Stream, StreamSeat};
use super::host::Host;
use super::part::Part;
use super::{Fault, Subgraph};
use crate::agent::Blueprint;
use crate::control::{self, Control, DONE, SECOND_COPY};
use crate::defects::{Defect, is_seeded};
use crate::dials::Turned;
use crate::dry::Bed;

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
}
