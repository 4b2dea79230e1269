//! A worker's control block: its commit records, its agents' state, its signs of life.
//!
//! Only this worker's process writes it; the coordinator and tools read it. It outlives the worker:
//! a successor finds here, and only here, how far its predecessor came.
//!
//! ```text
//! offset  line (128 bytes each)
//!      0  words, agents, inputs, outputs      fixed when the block is made
//!    128  version                             the commit word: its parity says which record holds
//!    256  beat, phase, pid, incarnation, ..   signs of life
//!    384  steps, busy_ns, starved_ns, blocked_ns, outside_ns, since_ns, parks, cpu_ns
//!    512  fault_len, fault[1016]              the sentence an agent failed with
//!   1536  record 0                            `words` u64
//!      .  record 1                            `words` u64
//!      .  agents                              one AgentGauge each
//!      .  inputs                              one InputGauge each
//!      .  stamps                              one Stamp (64 bytes) for each output
//!      .  states                              two copies for each agent, 64-aligned
//! ```
//!
//! A record is, agent by agent: flags, then `read` and `released` of each input, then `written` of
//! each output, then, for each port of frames, whose positions count bytes, how many frames. Flags: bit 0 which state copy is current, bit 1 done, from bit 8 on a count: the items
//! it was made to skip. An input on a lossy edge releases nothing; its second word counts the items
//! it missed. An agent with dials has more words: the turn of the last order it took, then for each
//! dial its value, the item it holds from, and how often it was turned ([`crate::dials`]).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::atomic::{compiler_fence, fence};

use crossbeam_utils::CachePadded;
use serde::{Deserialize, Serialize};

use crate::agent::Blueprint;
use crate::defects::{Defect, is_seeded};
use crate::dials::Turned;

/// Flag: the agent's current state is its second copy.
pub const SECOND_COPY: u64 = 1;
/// Flag: the agent is done; its outputs are closed, its inputs let go.
pub const DONE: u64 = 2;
/// Where in the flags the count of skipped items begins.
const SKIPPED_SHIFT: u32 = 8;

/// An agent's flags, as a record holds them.
pub fn flags(second_copy: bool, done: bool, skipped: u64) -> u64 {
    let copy = if second_copy { SECOND_COPY } else { 0 };
    let done = if done { DONE } else { 0 };
    copy | done | skipped << SKIPPED_SHIFT
}

/// Which of the two records is that of `version`.
#[inline(always)]
pub(crate) fn which_record(version: u64) -> usize {
    match is_seeded(Defect::OneRecord) {
        true => 0,
        false => (version & 1) as usize,
    }
}

/// How many items an agent with these flags was made to skip.
pub fn skipped(flags: u64) -> u64 {
    flags >> SKIPPED_SHIFT
}

/// True if no agent with such a state can have these flags.
pub fn are_damaged(flags: u64, has_state: bool) -> bool {
    let known = DONE | if has_state { SECOND_COPY } else { 0 };
    flags & !known & ((1 << SKIPPED_SHIFT) - 1) != 0
}

/// How many latency buckets an [`InputGauge`] has.
pub const BUCKETS: usize = 128;

const LINE: usize = 128;
const FAULT_LEN: usize = 1016;
const RECORDS: usize = 1536;

/// The fixed part of a control block. Field by field in the drawing above.
#[repr(C, align(128))]
pub struct ControlHead {
    words: u64,
    agents: u64,
    inputs: u64,
    outputs: u64,
    version: CachePadded<AtomicU64>,
    /// Signs of life.
    pub life: CachePadded<Life>,
    /// Where the time went.
    pub time: CachePadded<Time>,
    fault_len: AtomicU64,
    fault: [u8; FAULT_LEN],
}

/// Signs of life, written by the worker as it goes.
#[repr(C)]
pub struct Life {
    /// Counts duty cycles.
    pub beat: AtomicU64,
    /// What it is doing: a [`Phase`].
    pub phase: AtomicU32,
    /// The process, as the worker sees itself.
    pub pid: AtomicU32,
    /// How many processes have been this worker.
    pub incarnation: AtomicU64,
    /// The agent being called: its index among the worker's plus 1; 0 between calls.
    pub agent: AtomicU64,
    /// 1 if every input of that agent showed an item, else 0.
    pub fed: AtomicU64,
    /// When the first item left or reached an agent of this worker, ns of the monotonic clock; 0: not yet.
    pub first_ns: AtomicU64,
    /// When this process committed its first step, ns of the monotonic clock; 0: not yet.
    pub moved_ns: AtomicU64,
    /// The call to rest that it last followed ([`crate::rest::Rest`]).
    pub resting: AtomicU64,
}

/// Where the time went, in ns of the monotonic clock, and how often.
#[repr(C)]
pub struct Time {
    /// Committed steps.
    pub steps: AtomicU64,
    /// Time in steps that moved something.
    pub busy_ns: AtomicU64,
    /// Time without work because inputs were empty.
    pub starved_ns: AtomicU64,
    /// Time without work because outputs were full.
    pub blocked_ns: AtomicU64,
    /// Time in which a source waited for the world outside.
    pub outside_ns: AtomicU64,
    /// When it began what it does now: what is not yet in the sums above. 0: never began.
    pub since_ns: AtomicU64,
    /// Sleeps.
    pub parks: AtomicU64,
    /// CPU time of the worker, its predecessors included, as last read.
    pub cpu_ns: AtomicU64,
}

/// What a worker is doing.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet started.
    Starting = 0,
    /// In steps that move something.
    Busy = 1,
    /// Nothing to do: every agent waits for items.
    Starved = 2,
    /// A source waits for the world outside.
    Outside = 3,
    /// All agents are done.
    Done = 4,
    /// An agent failed; the sentence is in the block.
    Failed = 5,
    /// Nothing to do: an agent waits for room.
    Blocked = 6,
}

impl Phase {
    /// The phase a number stands for; an unknown one reads as `Starting`.
    pub fn from_u32(n: u32) -> Phase {
        match n {
            1 => Phase::Busy,
            2 => Phase::Starved,
            3 => Phase::Outside,
            4 => Phase::Done,
            5 => Phase::Failed,
            6 => Phase::Blocked,
            _ => Phase::Starting,
        }
    }
}

/// What an agent cost, sampled: the first steps are timed, then one in sixteen.
#[repr(C)]
pub struct AgentGauge {
    /// Timed calls.
    pub timed: AtomicU64,
    /// Time in it, as far as known: of the timed calls, each of which stands for sixteen behind the first steps.
    pub ns: AtomicU64,
}

/// How an input fared.
#[repr(C)]
pub struct InputGauge {
    /// The most items that were ever waiting, as seen when the reader looked.
    pub high_water: AtomicU64,
    /// How long stamped items waited between publication and reading: buckets of [`bucket_of`].
    pub waits: [AtomicU32; BUCKETS],
}

/// A moment and the place of the stream it belongs to, left by a producer for its readers.
///
/// The producer writes a new one only now and then; a reader that passes `position` for the first
/// time knows how long that item took. Written `ns` first (0 while changing).
#[repr(C, align(64))]
pub struct Stamp {
    ns: AtomicU64,
    position: AtomicU64,
}

impl Stamp {
    /// Leaves a stamp: the item at `position` was published at `ns`.
    pub fn set(&self, position: u64, ns: u64) {
        // STAMP (out): a reader that sees the new `ns` sees `position`; while both change, `ns` is 0.
        self.ns.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        self.position.store(position, Ordering::Relaxed);
        self.ns.store(ns, Ordering::Release);
    }

    /// The stamp, `None` while it is being written or before the first.
    pub fn get(&self) -> Option<(u64, u64)> {
        // STAMP (in): `position` belongs to `ns` if `ns` is the same before and after.
        let ns = self.ns.load(Ordering::Acquire);
        let position = self.position.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let again = self.ns.load(Ordering::Relaxed);
        (ns != 0 && ns == again).then_some((position, ns))
    }
}

/// The latency bucket of a duration: eight a factor of ten or so (two bits below the leading one).
pub fn bucket_of(ns: u64) -> usize {
    let ns = ns.max(4);
    let exponent = 63 - ns.leading_zeros() as usize;
    let below = (ns >> (exponent - 2)) as usize & 3;
    ((exponent - 2) * 4 + below).min(BUCKETS - 1)
}

/// The middle of a bucket in ns.
pub fn bucket_ns(bucket: usize) -> f64 {
    let unit = 2f64.powi((bucket / 4) as i32);
    unit * (4.5 + (bucket % 4) as f64)
}

const _: () = assert!(size_of::<ControlHead>() == RECORDS);
const _: () = assert!(std::mem::offset_of!(ControlHead, version) == LINE);
const _: () = assert!(std::mem::offset_of!(ControlHead, life) == 2 * LINE);
const _: () = assert!(std::mem::offset_of!(ControlHead, time) == 3 * LINE);
const _: () = assert!(std::mem::offset_of!(ControlHead, fault_len) == 4 * LINE);
const _: () = assert!(size_of::<Life>() == 64);
const _: () = assert!(size_of::<Time>() == 64);
const _: () = assert!(size_of::<Stamp>() == 64);

/// Where everything lies in one worker's control block, derived from its agents alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlLayout {
    /// Where each agent's part of a record starts, in words, and its ports.
    pub agents: Vec<AgentLayout>,
    /// Length of a record in words.
    pub words: usize,
    record_len_bytes: usize,
    gauges: usize,
    input_gauges: usize,
    stamps: usize,
    /// Length of the block in bytes.
    pub len_bytes: usize,
}

/// One agent's part of a control block.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentLayout {
    /// The first word of its part of a record.
    pub word: usize,
    /// How many inputs it has.
    pub inputs: usize,
    /// How many outputs it has.
    pub outputs: usize,
    /// How many dials it has.
    pub dials: usize,
    /// The index of its first input among the worker's.
    pub first_input: usize,
    /// The index of its first output among the worker's.
    pub first_output: usize,
    /// Where its two state copies start in the block, in bytes.
    pub states: usize,
    /// Length of one copy in bytes.
    pub state_len: usize,
    /// For each input and then each output, the word that counts its items.
    counts: Vec<usize>,
    /// Where the words of its dials begin.
    turn: usize,
    words: usize,
}

impl AgentLayout {
    /// The word of an input's `read`; `released` follows.
    pub fn read_word(&self, input: usize) -> usize {
        self.word + 1 + 2 * input
    }

    /// The word of an output's `written`.
    pub fn written_word(&self, output: usize) -> usize {
        self.word + 1 + 2 * self.inputs + output
    }

    /// The word of an input that counts the items read: of frames one of its own, else that of `read`.
    pub fn read_count_word(&self, input: usize) -> usize {
        self.counts[input]
    }

    /// The word of an output that counts the items written: of frames one of its own, else that of
    /// `written`.
    pub fn written_count_word(&self, output: usize) -> usize {
        self.counts[self.inputs + output]
    }

    /// The word of the turn of the last order it took; it has one if it has dials.
    pub fn turn_word(&self) -> usize {
        self.turn
    }

    /// The word of a dial's value; since when and how often follow.
    pub fn dial_word(&self, dial: usize) -> usize {
        self.turn_word() + 1 + 3 * dial
    }

    /// A dial of this agent in a whole record.
    pub fn turned(&self, record: &[u64], dial: usize) -> Turned {
        let word = self.dial_word(dial);
        Turned {
            value: f64::from_bits(record[word]),
            since: record[word + 1],
            times: record[word + 2],
        }
    }

    /// Gives every port a word that counts its items.
    fn place_counts(&mut self, shape: &Shape) {
        let mut next = self.written_word(self.outputs);
        let ports = shape.inputs.iter().enumerate();
        let inputs = ports.map(|(i, &framed)| (self.read_word(i), framed));
        let ports = shape.outputs.iter().enumerate();
        let outputs = ports.map(|(o, &framed)| (self.written_word(o), framed));
        let counts = inputs
            .chain(outputs)
            .map(|(position, framed)| match framed {
                false => position,
                true => {
                    next += 1;
                    next - 1
                }
            });
        self.counts = counts.collect();
        self.turn = next;
        let dials = if shape.dials == 0 {
            0
        } else {
            1 + 3 * shape.dials
        };
        self.words = next + dials - self.word;
    }
}

/// What of an agent decides its part of a control block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// For each input: are its items frames?
    pub inputs: Vec<bool>,
    /// For each output: are its items frames?
    pub outputs: Vec<bool>,
    /// Bytes of its state.
    pub state_len: usize,
    /// How many dials it has.
    pub dials: usize,
}

impl Shape {
    /// The shape of a blueprint.
    pub fn of(blueprint: &Blueprint) -> Shape {
        let inputs = blueprint.inputs.iter();
        let outputs = blueprint.outputs.iter();
        Shape {
            inputs: inputs.map(|port| port.item_type.is_framed()).collect(),
            outputs: outputs.map(|port| port.item_type.is_framed()).collect(),
            state_len: blueprint.state.init.len(),
            dials: blueprint.dials.len(),
        }
    }
}

impl ControlLayout {
    /// The layout for agents of these shapes.
    pub fn new(shapes: impl IntoIterator<Item = Shape>) -> ControlLayout {
        let mut agents: Vec<AgentLayout> = Vec::new();
        let (mut word, mut first_input, mut first_output) = (0, 0, 0);
        for shape in shapes {
            let (inputs, outputs) = (shape.inputs.len(), shape.outputs.len());
            let mut agent = AgentLayout {
                word,
                inputs,
                outputs,
                dials: shape.dials,
                first_input,
                first_output,
                states: 0,
                state_len: shape.state_len,
                counts: Vec::new(),
                turn: 0,
                words: 0,
            };
            agent.place_counts(&shape);
            word += agent.words;
            first_input += inputs;
            first_output += outputs;
            agents.push(agent);
        }
        let record_len_bytes = (word * 8).next_multiple_of(LINE);
        let records = RECORDS + 2 * record_len_bytes;
        let input_gauges = records + agents.len() * size_of::<AgentGauge>();
        let stamps = (input_gauges + first_input * size_of::<InputGauge>()).next_multiple_of(64);
        let mut offset = stamps + first_output * size_of::<Stamp>();
        for agent in &mut agents {
            agent.states = offset;
            offset += 2 * agent.state_len.next_multiple_of(64);
        }
        ControlLayout {
            agents,
            words: word,
            record_len_bytes,
            gauges: records,
            input_gauges,
            stamps,
            len_bytes: offset,
        }
    }

    /// The layout for these blueprints, in this order.
    pub fn of<'a>(blueprints: impl IntoIterator<Item = &'a Blueprint>) -> ControlLayout {
        ControlLayout::new(blueprints.into_iter().map(Shape::of))
    }

    /// How many dials all its agents have.
    pub fn dials(&self) -> usize {
        self.agents.iter().map(|agent| agent.dials).sum()
    }
}

/// A control block in memory, with its layout.
#[derive(Clone)]
pub struct Control {
    base: *mut u8,
    layout: std::rc::Rc<ControlLayout>,
}

impl Control {
    /// The block at `base`.
    ///
    /// # Safety
    /// * `base` is aligned to 128, and `layout.len_bytes` bytes from it stay mapped and initialised as
    ///   long as the value lives (zeroed memory will do).
    /// * Processes other than the block's own worker only read through it.
    pub unsafe fn new(base: *mut u8, layout: std::rc::Rc<ControlLayout>) -> Control {
        debug_assert!(base.addr().is_multiple_of(LINE));
        Control { base, layout }
    }

    /// Makes a new block of zeroed memory: sizes, initial state, a first record (version 0).
    pub fn format<'a>(&self, states: impl IntoIterator<Item = &'a [u8]>) {
        let head = self.base.cast::<ControlHead>();
        let (inputs, outputs) = self.ports();
        // SAFETY: the block is ours alone while it is being made; plain fields, inside the mapping.
        unsafe {
            (*head).words = self.layout.words as u64;
            (*head).agents = self.layout.agents.len() as u64;
            (*head).inputs = inputs as u64;
            (*head).outputs = outputs as u64;
        }
        for (agent, init) in states.into_iter().enumerate() {
            self.state(agent, 0).copy_from_slice(init);
        }
    }

    fn ports(&self) -> (usize, usize) {
        let last = self.layout.agents.last();
        last.map_or((0, 0), |a| {
            (a.first_input + a.inputs, a.first_output + a.outputs)
        })
    }

    /// True if the block in memory is of this layout's shape.
    pub fn matches(&self) -> bool {
        let head = self.head();
        let (inputs, outputs) = self.ports();
        let found = [head.words, head.agents, head.inputs, head.outputs];
        found
            == [
                self.layout.words as u64,
                self.layout.agents.len() as u64,
                inputs as u64,
                outputs as u64,
            ]
    }

    /// The fixed part.
    #[inline]
    pub fn head(&self) -> &ControlHead {
        // SAFETY: `new` was promised a mapped block; what changes in it is atomic.
        unsafe { &*self.base.cast::<ControlHead>() }
    }

    /// Where everything lies.
    #[inline]
    pub fn layout(&self) -> &ControlLayout {
        &self.layout
    }

    /// The version of the record that holds.
    pub fn version(&self) -> u64 {
        // COMMIT (in, from `commit`): the record of this version is whole.
        self.head().version.load(Ordering::Acquire)
    }

    /// Word `index` of the record of `version`.
    pub fn word(&self, version: u64, index: usize) -> &AtomicU64 {
        &self.record(version)[index]
    }

    /// The record of `version`.
    #[inline]
    pub fn record(&self, version: u64) -> &[AtomicU64] {
        let record = RECORDS + which_record(version) * self.layout.record_len_bytes;
        // SAFETY: two records of `words` lie from `RECORDS` on, a line apart; 8-aligned.
        unsafe {
            let first = self.base.add(record).cast::<AtomicU64>();
            std::slice::from_raw_parts(first, self.layout.words)
        }
    }

    /// The record that holds, read whole while the worker may go on: `None` if it moved meanwhile.
    pub fn snapshot(&self) -> Option<(u64, Vec<u64>)> {
        let version = self.version();
        let words = (0..self.layout.words)
            // Relaxed: ordered by the loads of `version` around, as in a sequence lock.
            .map(|i| self.word(version, i).load(Ordering::Relaxed))
            .collect();
        // RECORD (in, from `begin_record`): a word of a later record comes with a later version.
        fence(Ordering::Acquire);
        (self.head().version.load(Ordering::Relaxed) == version).then_some((version, words))
    }

    /// Before the spare record is overwritten.
    #[inline]
    pub fn begin_record(&self) {
        // RECORD (out, to `snapshot`): who sees a word of the new record sees that the version moved.
        fence(Ordering::Release);
    }

    /// The commit: from here on the record of `version` holds.
    ///
    /// The reader that matters is not a live one: it is the successor after a kill, which sees what
    /// this thread's machine code had retired, a prefix of program order. So the compiler must not
    /// move record or state below this store, nor anything of the next step above it: it is to this
    /// thread what a signal handler is, hence a compiler fence on both sides. Rust has no words for a
    /// reader after the writer's process is gone; here alone we rely on the machine.
    #[inline]
    pub fn commit(&self, version: u64) {
        compiler_fence(Ordering::SeqCst);
        // COMMIT (out, to `version`): record and state before the word that makes them hold.
        self.head().version.store(version, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
    }

    /// A copy of an agent's state: the first (0) or the second (1).
    #[allow(clippy::mut_from_ref)]
    pub fn state(&self, agent: usize, copy: usize) -> &mut [u8] {
        let layout = &self.layout.agents[agent];
        let offset = layout.states + (copy & 1) * layout.state_len.next_multiple_of(64);
        // SAFETY: inside the block by construction of the layout; the worker is one thread and takes
        // one copy of one agent at a time, and nobody else writes states.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(offset), layout.state_len) }
    }

    /// What a successor goes on from, and a snapshot keeps: the version word, both records, all states.
    /// Nothing is to be read from it while the worker is neither at rest nor gone.
    pub fn kept(&self) -> Vec<u8> {
        let mut kept = Vec::with_capacity(self.kept_len());
        for part in self.kept_parts() {
            // SAFETY: inside the block; the worker does not store to it meanwhile.
            let bytes =
                unsafe { std::slice::from_raw_parts(self.base.add(part.start), part.len()) };
            kept.extend_from_slice(bytes);
        }
        kept
    }

    /// Puts what [`Control::kept`] gave into a block that was just formatted and has no worker yet. False,
    /// and nothing done, if it is of another length.
    pub fn put_back(&self, kept: &[u8]) -> bool {
        if kept.len() != self.kept_len() {
            return false;
        }
        let mut rest = kept;
        for part in self.kept_parts() {
            let (bytes, others) = rest.split_at(part.len());
            rest = others;
            // SAFETY: inside the block, which is ours alone until its worker is forked.
            unsafe {
                self.base
                    .add(part.start)
                    .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
        }
        true
    }

    /// Bytes of what [`Control::kept`] gives.
    pub fn kept_len(&self) -> usize {
        self.kept_parts().iter().map(|part| part.len()).sum()
    }

    /// Version word, records, states: where they lie in the block.
    fn kept_parts(&self) -> [std::ops::Range<usize>; 3] {
        let layout = &self.layout;
        let states = layout.agents.first().map_or(layout.len_bytes, |a| a.states);
        [
            LINE..LINE + 8,
            RECORDS..layout.gauges,
            states..layout.len_bytes,
        ]
    }

    /// What an agent cost.
    #[inline]
    pub fn agent_gauge(&self, agent: usize) -> &AgentGauge {
        assert!(agent < self.layout.agents.len());
        // SAFETY: one gauge an agent from `gauges` on; atomics, 8-aligned.
        unsafe {
            &*self
                .base
                .add(self.layout.gauges)
                .cast::<AgentGauge>()
                .add(agent)
        }
    }

    /// How an input fared.
    pub fn input_gauge(&self, agent: usize, input: usize) -> &InputGauge {
        let index = self.layout.agents[agent].first_input + input;
        assert!(input < self.layout.agents[agent].inputs);
        // SAFETY: one gauge an input from `input_gauges` on; atomics, 8-aligned.
        unsafe {
            &*self
                .base
                .add(self.layout.input_gauges)
                .cast::<InputGauge>()
                .add(index)
        }
    }

    /// The stamp an output leaves for its readers.
    pub fn stamp(&self, agent: usize, output: usize) -> &Stamp {
        let index = self.layout.agents[agent].first_output + output;
        assert!(output < self.layout.agents[agent].outputs);
        // SAFETY: one stamp an output from `stamps` on, 64-aligned; atomics.
        unsafe { &*self.base.add(self.layout.stamps).cast::<Stamp>().add(index) }
    }

    /// Leaves the sentence an agent failed with.
    pub fn set_fault(&self, sentence: &str) {
        let mut len = sentence.len().min(FAULT_LEN);
        while !sentence.is_char_boundary(len) {
            len -= 1;
        }
        let head = self.base.cast::<ControlHead>();
        // SAFETY: only this worker writes its block; the slice is inside `fault`. The length is
        // stored after the bytes (FAULT edge, to `fault`).
        unsafe {
            (&raw mut (*head).fault)
                .cast::<u8>()
                .copy_from_nonoverlapping(sentence.as_ptr(), len);
            (*head).fault_len.store(len as u64, Ordering::Release);
        }
    }

    /// Says what the worker is doing. Only the worker itself may.
    pub fn set_phase(&self, phase: Phase) {
        // Relaxed: a sign of life, one writer.
        let place = &self.head().life.phase;
        place.store(phase as u32, Ordering::Relaxed);
    }

    /// The sentence an agent failed with.
    pub fn fault(&self) -> Option<String> {
        // FAULT (in, from `set_fault`): the bytes are whole once the length is there.
        let len = self.head().fault_len.load(Ordering::Acquire) as usize;
        let bytes = &self.head().fault[..len.min(FAULT_LEN)];
        (len > 0).then(|| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Adds to a counter that only this process writes.
#[inline]
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    // Relaxed: one writer; readers want a recent value, nothing hangs on it.
    counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source, an agent that joins a stream with one of frames and gives frames, and a sink.
    fn three() -> ControlLayout {
        let shape = |inputs: &[bool], outputs: &[bool], state_len| Shape {
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            state_len,
            dials: if inputs.is_empty() { 2 } else { 0 },
        };
        ControlLayout::new([
            shape(&[], &[false], 16),
            shape(&[false, true], &[true], 0),
            shape(&[false], &[], 100),
        ])
    }

    #[test]
    fn parts_of_a_block_do_not_overlap() {
        let layout = three();
        assert_eq!(
            layout.words,
            (1 + 1 + 1 + 2 * 3) + (1 + 4 + 1 + 2) + (1 + 2)
        );
        let framed = &layout.agents[1];
        assert_eq!(framed.read_count_word(0), framed.read_word(0));
        assert_eq!(framed.read_count_word(1), framed.written_word(0) + 1);
        assert_eq!(framed.written_count_word(0), framed.written_word(0) + 2);
        assert_eq!(layout.agents[1].read_word(1), 9 + 1 + 2);
        assert_eq!(layout.agents[1].written_word(0), 9 + 1 + 4);
        assert_eq!(layout.agents[0].dial_word(1) + 3, layout.agents[1].word);
        assert!(layout.gauges >= RECORDS + 2 * layout.words * 8);
        assert!(layout.stamps >= layout.input_gauges + 3 * size_of::<InputGauge>());
        assert_eq!(
            layout.agents[0].states,
            layout.stamps + 2 * size_of::<Stamp>()
        );
        assert_eq!(layout.agents[2].states, layout.agents[0].states + 2 * 64);
        assert_eq!(layout.len_bytes, layout.agents[2].states + 2 * 128);
    }

    #[test]
    fn what_is_kept_of_a_block_is_put_back_into_a_new_one() {
        let layout = std::rc::Rc::new(three());
        let block = || vec![[0u128; 8]; layout.len_bytes.div_ceil(128) + 1];
        let control = |block: &mut Vec<[u128; 8]>| {
            let base = block.as_mut_ptr().cast::<u8>();
            let base = base.wrapping_add(base.align_offset(LINE));
            // SAFETY: aligned, zeroed, long enough, and used while `block` lives.
            unsafe { Control::new(base, layout.clone()) }
        };
        let states: [&[u8]; 3] = [&[7; 16], &[], &[9; 100]];
        let (mut first, mut second) = (block(), block());
        let old = control(&mut first);
        old.format(states);
        for word in 0..layout.words {
            old.word(1, word)
                .store(100 + word as u64, Ordering::Relaxed);
        }
        old.state(2, 1).fill(11);
        old.commit(1);
        let new = control(&mut second);
        new.format(states);
        let kept = old.kept();
        assert!(!new.put_back(&kept[1..]), "another length");
        assert_eq!(new.version(), 0);
        assert!(new.put_back(&kept));
        assert_eq!(new.snapshot(), old.snapshot());
        assert_eq!(
            (new.state(0, 0), new.state(2, 1)),
            (old.state(0, 0), old.state(2, 1))
        );
        assert_eq!(new.kept(), kept);
    }

    #[test]
    fn buckets_grow_and_their_middle_is_inside() {
        let mut last = 0;
        for ns in (4..100_000u64).chain([1 << 30, 1 << 40]) {
            let bucket = bucket_of(ns);
            assert!(bucket >= last, "{ns}");
            last = bucket;
            if bucket < BUCKETS - 1 {
                let middle = bucket_ns(bucket);
                assert!((middle / ns as f64 - 1.0).abs() < 0.26, "{ns} in {middle}");
            }
        }
    }
}
