//! An agent at its place: what it is shown, how far it is, and its words of a record.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::RingCorrupt;

use super::beside::Beside;
use super::copies::Copies;
use super::ends::{Lossy, NEVER, Reading, Stream};
use super::part::Part;
use super::{Fault, Seat};
use crate::agent::{Agent, Blueprint, Ends, Input, Output, Wait};
use crate::control::{self, AgentLayout, Control};
use crate::dials::{Dial, Turned};
use crate::dry::Bed;

/// A seated agent and how far it is.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) agent: Box<dyn Agent>,
    pub(super) ends: Ends,
    pub(super) source: bool,
    pub(super) drops_when_full: bool,
    pub(super) inputs: Vec<Reading>,
    pub(super) outputs: Vec<usize>,
    /// How many of them are not companions, which hold tags and come behind.
    pub(super) own_inputs: usize,
    pub(super) own_outputs: usize,
    /// What the last call was shown.
    pub(super) seen: Vec<Input>,
    pub(super) room: Vec<Output>,
    /// Where its positions lie in a record.
    pub(super) layout: AgentLayout,
    /// Its part of the records.
    pub(super) part: Part,
    pub(super) step: usize,
    pub(super) room_at_least: Vec<usize>,
    /// An input or output is of frames.
    pub(super) has_frames: bool,
    /// For each output of frames, bytes that the frame it had no room for takes.
    pub(super) room_wanted: Vec<usize>,
    /// A frame was refused that takes more room than was shown.
    pub(super) wants_more_room: bool,
    pub(super) items: Option<u64>,
    /// It goes on with an item of any input, and reads what it gave.
    pub(super) guards_a_loop: bool,
    pub(super) bed: Option<Bed>,
    /// It is to end with its loop, as of the last look.
    pub(super) over: bool,
    /// None of the above but its own inputs and outputs, no item to skip, nothing lossy: most agents, whose
    /// way is short.
    pub(super) plain: bool,
    /// Outputs that other cores read may be filled beside their rings.
    pub(super) beside: Option<Box<Beside>>,
    /// They are, by this call.
    pub(super) aside: bool,
    pub(super) state: Copies,
    pub(super) done: bool,
    /// The version that it moved for last.
    pub(super) moved_for: u64,
    /// The version in whose record its positions are already: the call wrote them.
    pub(super) written_for: u64,
    /// All that read its outputs have left, as of the last look.
    pub(super) unwanted: bool,
    pub(super) more: bool,
    pub(super) wait: Option<Wait>,
    pub(super) blocked: bool,
    /// Every input showed an item at the last look.
    pub(super) fed: bool,
    /// Items it is not to be called with: a position for each input.
    pub(super) skips: Vec<Vec<u64>>,
    pub(super) skipped: u64,
    /// The values of its dials, what became of them, and the last order that they are of.
    pub(super) dials: Vec<f64>,
    pub(super) turned: Vec<Turned>,
    pub(super) declared: Vec<Dial>,
    pub(super) turn: u64,
}

impl Host {
    pub(super) fn new(seat: Seat, control: &Control, ix: usize, state: Copies, part: Part) -> Host {
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
    pub(super) fn move_aside(&mut self) {
        if let Some(beside) = &mut self.beside {
            beside.move_aside(&mut self.room);
        }
    }

    /// Copies to the rings what was filled beside them.
    #[cold]
    #[inline(never)]
    pub(super) fn bring_back(&self, streams: &[Stream]) {
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
    pub(super) fn show_companions(
        &mut self,
        streams: &mut [Stream],
        look: bool,
    ) -> Result<bool, Fault> {
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
    pub(super) fn show_room(
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
    pub(super) fn hold_off(&mut self, streams: &mut [Stream]) {
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
    pub(super) fn write_flags(&self, version: u64, record: &[AtomicU64], streams: &[Stream]) {
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
    pub(super) fn write_positions(&self, record: &[AtomicU64], streams: &[Stream]) {
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
    pub(super) fn is_to_skip(&self) -> bool {
        !self.skips.is_empty() && self.fed && self.stands_at_a_skip()
    }

    fn stands_at_a_skip(&self) -> bool {
        let own = &self.inputs[..self.own_inputs];
        let here = |at: &Vec<u64>| own.iter().map(|r| r.read).eq(at.iter().copied());
        self.skips.iter().any(here)
    }

    /// One item at a time as long as something is to be skipped, so that it comes to stand there.
    #[inline(always)]
    pub(super) fn step_to_skip(&self) -> usize {
        match !self.skips.is_empty() && self.has_a_skip_ahead() {
            true => 1,
            false => usize::MAX,
        }
    }

    fn has_a_skip_ahead(&self) -> bool {
        let ahead = |at: &Vec<u64>| self.inputs.iter().zip(at).all(|(r, &at)| r.read <= at);
        self.skips.iter().any(ahead)
    }

    pub(super) fn fault(&self, message: String) -> Fault {
        host_fault(&self.name, message)
    }

    /// All that read its outputs have left.
    #[inline(always)]
    pub(super) fn is_unwanted(&self, streams: &[Stream]) -> bool {
        let abandoned = |s: &usize| streams[*s].abandoned;
        let unread = |s: &usize| abandoned(s) || streams[*s].seat.readers == 0;
        self.outputs.iter().any(abandoned) && self.outputs.iter().all(unread)
    }

    /// A source that was asked for so many items has given them.
    #[inline(always)]
    pub(super) fn is_at_its_end(&self, streams: &[Stream]) -> bool {
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
pub(super) fn frames_room(drops_when_full: bool, refused: usize, stream: &Stream) -> usize {
    match drops_when_full {
        true => usize::MAX,
        false => stream.frames_step().max(refused),
    }
}

pub(super) fn host_fault(agent: &str, message: String) -> Fault {
    Fault {
        agent: agent.to_owned(),
        message,
    }
}
