//! What an agent is: slices in, slices out, and how much of each it used.
//!
//! An agent never asks whether there is data: it is called with what is there, takes what it can,
//! and says by [`Input::consume`] and [`Output::produce`] how far it came. Nothing it does inside a
//! call is visible to anybody until its worker commits, so a call may be cut off anywhere and made
//! again. It must be *batch-invariant*: any chunking of its input gives the same bytes out.
//!
//! Where an agent keeps what:
//! * past items of an input: declared as [`InPort::retain`] and read again by [`Input::past`];
//! * how far it is: [`Input::position`] and [`Output::position`], which survive a kill;
//! * anything else that matters: in its state ([`Io::state`]), which is committed with the positions. A
//!   small one is a value ([`State::get`]); of a large one ([`State::table`]: counters by key, sketches,
//!   histograms) a call costs what it writes, not how long the state is: see [`state`](crate::state);
//! * fields of its own: only what can be made again (tables, scratch, open files). They die with the
//!   worker, and the successor starts from the agent as it was built.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::time::Instant;

use bytemuck::Pod;

use crate::dials::Dial;
pub use crate::state::{State, StateSpec, Table};
use crate::tags::Tags;
use crate::types::ItemType;
use crate::units::Unit;

mod frames;
mod front;

pub(crate) use frames::len_bytes_of;
pub use frames::text_of;
use frames::{FrameRoom, FramesSeen};

/// A function that never ends, called again and again with what has arrived.
pub trait Agent {
    /// Makes the agent ready in the process that will run it: opens files, seeks to where the
    /// committed state says. Called once before the first `work`, in a successor too.
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        let _ = state;
        Ok(())
    }

    /// Which of its inputs and outputs are tagged: told once, before it is seated, to an agent that makes or reads tags.
    /// Their companions come behind its own ports, in the order of these.
    fn tagged(&mut self, inputs: &[bool], outputs: &[bool]) {
        let _ = (inputs, outputs);
    }

    /// Takes from the inputs, gives to the outputs, says what it waits for.
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError>;

    /// The agent is done: inputs drained (or it said [`Status::Done`]), before this is committed.
    ///
    /// Sinks complete what is outside here (a header's length, a flush). It may be called again in a
    /// successor, so it must be idempotent.
    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        let _ = state;
        Ok(())
    }

    /// What was lost outside of the graph so far, in words, where anything was: deaths of its worker or not. Asked of the
    /// agent as built, when the run is over, so what it counts lies in memory that its worker shares.
    fn lost(&self) -> Option<String> {
        None
    }

    /// What deaths of its worker have cost so far, in words, where they cost anything: what had come from
    /// outside and is gone, or went out and goes out again. Asked of the agent as built, when the worker is dead and
    /// has left this state.
    fn toll(&self, state: &[u8]) -> Option<String> {
        let _ = state;
        None
    }

    /// What it holds on to outside of the graph with this committed state. Asked of the agent as built,
    /// for a snapshot that is to be taken up when everything but the disk is gone.
    fn outside(&self, state: &[u8]) -> Outside {
        let _ = state;
        Outside::Nothing
    }

    /// Files beside its own that serve nobody but the run that goes on. They are removed where a run fails for good. Asked of the agent as
    /// built.
    fn scraps(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

impl Agent for Box<dyn Agent> {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.as_mut().attach(state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.as_mut().work(io)
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.as_mut().finish(state)
    }

    fn lost(&self) -> Option<String> {
        self.as_ref().lost()
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.as_ref().toll(state)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.as_ref().outside(state)
    }

    fn scraps(&self) -> Vec<PathBuf> {
        self.as_ref().scraps()
    }
}

/// What of the world outside an agent must find again, to go on from a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Nothing: it has no outside, or can do without what it had there.
    Nothing,
    /// A regular file that it reads: these bytes have been taken.
    Reads {
        /// The file.
        path: PathBuf,
        /// From the first item's first byte to the first byte that was not taken.
        taken: Range<u64>,
    },
    /// A regular file that it writes: these bytes will not change any more.
    Writes {
        /// The file.
        path: PathBuf,
        /// From behind what is completed at the end (a header) to the committed end.
        given: Range<u64>,
    },
    /// What is gone with the run (standard input, a socket, the program's memory): what was taken from it
    /// or given to it since a snapshot would be lost, so there can be none.
    Once {
        /// What messages call it.
        name: String,
    },
}

/// What a call to [`Agent::work`] leaves behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    /// Did what could be done with these inputs and this room. An agent whose inputs are closed and
    /// drained is then done without saying so.
    Ready,
    /// Has more to give without any further input, and no room for it: it is not done yet.
    More,
    /// Will give nothing more: its outputs close, its inputs are let go.
    Done,
    /// A source that has nothing now and may have later.
    Wait(Wait),
}

/// What a source waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait {
    /// A descriptor that becomes readable.
    Readable(RawFd),
    /// A moment of the monotonic clock.
    Until(Instant),
}

/// An agent cannot go on: it says what happened to what, and what to do. Its worker ends, the run with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AgentError {
    /// One or two sentences: the thing (file and line, stream and position), what was found, what to do.
    pub message: String,
}

impl AgentError {
    /// An error of these words.
    pub fn new(message: impl Into<String>) -> AgentError {
        AgentError {
            message: message.into(),
        }
    }
}

/// What one call of [`Agent::work`] sees.
pub struct Io<'a> {
    /// The inputs, in the order of [`Blueprint::inputs`].
    pub inputs: &'a mut [Input],
    /// The outputs, in the order of [`Blueprint::outputs`].
    pub outputs: &'a mut [Output],
    /// The agent's state.
    pub state: State<'a>,
    /// The values of its dials, in the order of [`Blueprint::dials`].
    pub dials: &'a [f64],
    /// The run is ending: sources have stopped, and who only paces what is on its way lets it go.
    pub draining: bool,
}

impl Io<'_> {
    /// True when every input has ended: nothing will follow what is visible now.
    pub fn is_ended(&self) -> bool {
        self.inputs.iter().all(Input::is_ended)
    }
}

/// One input during one call: the unread items, the retained ones before them, the place in the stream.
pub struct Input {
    unread: *const u8,
    len: usize,
    past: usize,
    position: u64,
    item_len: usize,
    ended: bool,
    consumed: usize,
    keep: Option<usize>,
    /// What is known of the unread frames, where items are frames.
    framed: Option<FramesSeen>,
    /// Bytes of the frames consumed.
    at: usize,
}

impl Input {
    /// An input whose `len` unread items start at `unread`, with `past` items retained before it.
    ///
    /// # Safety
    /// * `unread` is aligned for the items, and `unread - past * item_len .. unread + len * item_len`
    ///   is readable and unchanged as long as the value lives.
    /// * `position` is the place in the stream of the first unread item.
    #[inline]
    pub unsafe fn new(
        unread: *const u8,
        len: usize,
        past: usize,
        position: u64,
        item_len: usize,
        ended: bool,
    ) -> Input {
        debug_assert!(past as u64 <= position);
        Input {
            unread,
            len,
            past,
            position,
            item_len,
            ended,
            consumed: 0,
            keep: None,
            framed: None,
            at: 0,
        }
    }

    /// Makes this value as [`Input::new`] makes one, word by word where it stands.
    ///
    /// # Safety
    /// As for [`Input::new`].
    #[inline(always)]
    pub(crate) unsafe fn lay_out(
        &mut self,
        unread: *const u8,
        len: usize,
        past: usize,
        position: u64,
        item_len: usize,
        ended: bool,
    ) {
        debug_assert!(past as u64 <= position);
        self.unread = unread;
        self.len = len;
        self.past = past;
        self.position = position;
        self.item_len = item_len;
        self.ended = ended;
        self.consumed = 0;
        self.keep = None;
        self.framed = None;
        self.at = 0;
    }

    /// No items, of a stream that goes on.
    pub(crate) fn nothing() -> Input {
        // SAFETY: no item is readable there, and none is promised.
        unsafe {
            Input::new(
                NonNull::<u128>::dangling().as_ptr().cast(),
                0,
                0,
                0,
                1,
                false,
            )
        }
    }

    /// The items not yet consumed, one contiguous slice.
    pub fn items<T: Pod>(&self) -> &[T] {
        self.check_type(size_of::<T>());
        // SAFETY: `new` was promised `len` readable items from `unread`; `consume` keeps
        // `consumed <= len`; the length of `T` is checked above, and `T: Pod` accepts any bytes.
        unsafe {
            let first = self.unread.cast::<T>().add(self.consumed);
            std::slice::from_raw_parts(first, self.len - self.consumed)
        }
    }

    /// The numbers of the items not yet consumed: an `f64[3]` item is three of them.
    pub fn elements<E: Pod>(&self) -> &[E] {
        bytemuck::cast_slice(self.bytes())
    }

    /// The bytes of the items not yet consumed.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.check_type(self.item_len);
        // SAFETY: as in `items`, counted in bytes.
        unsafe {
            let first = self.unread.add(self.consumed * self.item_len);
            std::slice::from_raw_parts(first, self.len() * self.item_len)
        }
    }

    /// The retained items and the unread ones as one slice, and how many of them are retained.
    ///
    /// Retained are the last [`InPort::retain`] items before the unread ones, fewer near the start of
    /// the stream. What this call consumed counts as retained.
    pub fn past<T: Pod>(&self) -> (&[T], usize) {
        self.check_type(size_of::<T>());
        let past = self.past + self.consumed;
        // SAFETY: `new` was promised `past` readable items before `unread` and `len` from it on.
        let items = unsafe {
            let first = self.unread.cast::<T>().sub(self.past);
            std::slice::from_raw_parts(first, self.past + self.len)
        };
        (items, past)
    }

    /// As [`Input::past`], in numbers: an item of `width` numbers counts `width` times.
    pub fn past_elements<E: Pod>(&self) -> (&[E], usize) {
        self.check_type(self.item_len);
        // SAFETY: as in `past`, counted in bytes.
        let bytes = unsafe {
            let first = self.unread.sub(self.past * self.item_len);
            std::slice::from_raw_parts(first, (self.past + self.len) * self.item_len)
        };
        let past = (self.past + self.consumed) * self.item_len / size_of::<E>();
        (bytemuck::cast_slice(bytes), past)
    }

    /// Items of one length, and of this one.
    #[inline]
    fn check_type(&self, item_len: usize) {
        assert!(
            item_len == self.item_len && self.framed.is_none(),
            "items of another type"
        );
    }

    /// Shows nothing of what is there. An input whose stream has ended, and that shows all, stays as it is.
    pub(crate) fn hide(&mut self) {
        if !self.is_empty() {
            self.len = self.consumed;
            if let Some(frames) = &mut self.framed {
                frames.len_bytes = self.at;
                frames.whole = false;
            }
            self.ended = false;
        }
    }

    /// How many items are not yet consumed.
    #[inline]
    pub fn len(&self) -> usize {
        self.len - self.consumed
    }

    /// True when no unread item is visible.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place in the stream of the first item not yet consumed.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position + self.consumed as u64
    }

    /// True when nothing will follow the items visible now.
    #[inline]
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// True when nothing is visible and nothing will follow.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        self.ended && self.is_empty()
    }

    /// Is finished with the first `n` unread items, but for retaining them.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        assert!(n <= self.len(), "consumed {n} of {} items", self.len());
        if self.framed.is_some() {
            self.pass_frames(n);
        }
        self.consumed += n;
    }

    /// From now on the last `items` consumed ones are retained, instead of [`InPort::retain`] of them.
    /// Only what is still retained can be kept.
    #[inline]
    pub fn keep(&mut self, items: usize) {
        self.keep = Some(items);
    }

    /// Bytes of one item.
    #[inline]
    pub fn item_len(&self) -> usize {
        self.item_len
    }

    /// How many items this call consumed.
    #[inline]
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// What this call asked to be retained, if it did.
    #[inline]
    pub fn kept(&self) -> Option<usize> {
        self.keep
    }
}

/// One output during one call: room for items, and the place in the stream of the first.
pub struct Output {
    room: *mut u8,
    len: usize,
    position: u64,
    item_len: usize,
    produced: usize,
    /// What is known beyond that where items are frames.
    framed: Option<FrameRoom>,
}

impl Output {
    /// An output with room for `len` items at `room`.
    ///
    /// # Safety
    /// * `room` is aligned for the items, and `room .. room + len * item_len` is writable, initialised
    ///   and touched by nobody else as long as the value lives.
    /// * `position` is the place in the stream of the first item written.
    #[inline]
    pub unsafe fn new(room: *mut u8, len: usize, position: u64, item_len: usize) -> Output {
        Output {
            room,
            len,
            position,
            item_len,
            produced: 0,
            framed: None,
        }
    }

    /// Makes this value as [`Output::new`] makes one, word by word where it stands.
    ///
    /// # Safety
    /// As for [`Output::new`].
    #[inline(always)]
    pub(crate) unsafe fn lay_out(
        &mut self,
        room: *mut u8,
        len: usize,
        position: u64,
        item_len: usize,
    ) {
        self.room = room;
        self.len = len;
        self.position = position;
        self.item_len = item_len;
        self.produced = 0;
        self.framed = None;
    }

    /// Bytes of the room, before anything is given.
    #[inline]
    pub(crate) fn room_len_bytes(&self) -> usize {
        self.len * self.item_len
    }

    /// The room lies here instead.
    ///
    /// # Safety
    /// `room` is aligned for the items, writable for as long as the room is, and initialised.
    pub(crate) unsafe fn lie_at(&mut self, room: *mut u8) {
        self.room = room;
    }

    /// No room.
    pub(crate) fn nothing() -> Output {
        // SAFETY: no item is writable there, and none is promised.
        unsafe { Output::new(NonNull::<u128>::dangling().as_ptr().cast(), 0, 0, 1) }
    }

    /// Room for the items that come next: old bytes, to be overwritten.
    pub fn room<T: Pod>(&mut self) -> &mut [T] {
        self.check_type(size_of::<T>());
        // SAFETY: `new` was promised `len` writable items from `room`; `produce` keeps
        // `produced <= len`; `&mut self` makes the slice the only one.
        unsafe {
            let first = self.room.cast::<T>().add(self.produced);
            std::slice::from_raw_parts_mut(first, self.len - self.produced)
        }
    }

    /// The room in numbers: an `f64[3]` item is three of them.
    pub fn elements<E: Pod>(&mut self) -> &mut [E] {
        bytemuck::cast_slice_mut(self.bytes())
    }

    /// The room in bytes.
    #[inline]
    pub fn bytes(&mut self) -> &mut [u8] {
        self.check_type(self.item_len);
        // SAFETY: as in `room`, counted in bytes.
        unsafe {
            let first = self.room.add(self.produced * self.item_len);
            std::slice::from_raw_parts_mut(first, self.space() * self.item_len)
        }
    }

    /// Items of one length, and of this one.
    #[inline]
    fn check_type(&self, item_len: usize) {
        assert!(
            item_len == self.item_len && self.framed.is_none(),
            "items of another type"
        );
    }

    /// How many items fit; of frames, how many of the shortest.
    #[inline]
    pub fn space(&self) -> usize {
        match &self.framed {
            None => self.len - self.produced,
            Some(frames) => self.frame_space(frames),
        }
    }

    /// True when no item fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.space() == 0
    }

    /// The place in the stream of the next item.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position + self.produced as u64
    }

    /// The first `n` items of the room are given to the stream.
    #[inline]
    pub fn produce(&mut self, n: usize) {
        debug_assert!(self.framed.is_none(), "frames are given one by one");
        assert!(
            n <= self.space(),
            "produced {n} items in room for {}",
            self.space()
        );
        self.produced += n;
    }

    /// Gives one item. There must be room.
    pub fn push<T: Pod>(&mut self, item: T) {
        self.room::<T>()[0] = item;
        self.produced += 1;
    }

    /// Bytes of one item.
    #[inline]
    pub fn item_len(&self) -> usize {
        self.item_len
    }

    /// How many items this call produced.
    #[inline]
    pub fn produced(&self) -> usize {
        self.produced
    }
}

/// Gives the first items of an input to an output as they are: as many as are there and fit, at most
/// `most`. Gives how many.
pub fn pass_on(input: &mut Input, output: &mut Output, most: usize) -> usize {
    if input.framed.is_some() {
        return frames::pass_frames_on(input, output, most);
    }
    let n = input.len().min(output.space()).min(most);
    let len_bytes = n * input.item_len();
    output.bytes()[..len_bytes].copy_from_slice(&input.bytes()[..len_bytes]);
    input.consume(n);
    output.produce(n);
    n
}

/// An agent with everything its host must know to seat it: ports, state, when it ends.
pub struct Blueprint {
    /// The agent as built: a worker (and each successor) starts from it.
    pub agent: Box<dyn Agent>,
    /// Its inputs.
    pub inputs: Vec<InPort>,
    /// Its outputs.
    pub outputs: Vec<OutPort>,
    /// Its state.
    pub state: StateSpec,
    /// Which inputs must be exhausted for it to be done.
    pub ends: Ends,
    /// True for an agent that goes on with an item of any input, whatever the others have.
    pub takes_any: bool,
    /// True for an agent that throws away what does not fit: it is called with full outputs too.
    pub drops_when_full: bool,
    /// Its parameters that may be turned while the run goes on.
    pub dials: Vec<Dial>,
    /// False for what cannot be deterministic (arrival order, wall clock): the plan says so.
    pub deterministic: bool,
    /// What an item costs it about, in copies of an item: a guess, for who places it.
    pub weight: u64,
    /// What it has to do with tags.
    pub tags: Tags,
    /// What is to be said at the end of the run, with this state of it.
    pub remark: Option<Remark>,
}

/// What a state is worth saying, in words that go on after the agent's name: `clipped 3 samples`.
pub type Remark = fn(&[u8]) -> Option<String>;

/// An operator that does something with each item, where nothing more is known: a multiply-add takes about as long.
const SOME_WEIGHT: u64 = 4;

impl Blueprint {
    /// A blueprint without ports or state, deterministic, done when all its inputs are.
    pub fn new(agent: impl Agent + 'static) -> Blueprint {
        Blueprint {
            agent: Box::new(agent),
            inputs: Vec::new(),
            outputs: Vec::new(),
            state: StateSpec::none(),
            ends: Ends::AllInputs,
            takes_any: false,
            drops_when_full: false,
            dials: Vec::new(),
            deterministic: true,
            weight: SOME_WEIGHT,
            tags: Tags::Carried,
            remark: None,
        }
    }

    /// Has something said at the end of the run.
    pub fn remarks(mut self, remark: Remark) -> Blueprint {
        self.remark = Some(remark);
        self
    }

    /// Says what an item costs it about, in copies of an item.
    pub fn weight(mut self, copies: u64) -> Blueprint {
        self.weight = copies;
        self
    }

    /// Adds an input.
    pub fn input(mut self, port: InPort) -> Blueprint {
        self.inputs.push(port);
        self
    }

    /// Adds an output.
    pub fn output(mut self, port: OutPort) -> Blueprint {
        self.outputs.push(port);
        self
    }

    /// Says how the unit of every output follows from the inputs'.
    pub fn unit(mut self, unit: Unit) -> Blueprint {
        for output in &mut self.outputs {
            output.unit = unit.clone();
        }
        self
    }

    /// Gives it a state.
    pub fn state(mut self, state: StateSpec) -> Blueprint {
        self.state = state;
        self
    }

    /// Gives it a dial: a parameter that may be turned while the run goes on, within this range.
    pub fn dial(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: f64,
        range: RangeInclusive<f64>,
    ) -> Blueprint {
        self.dials.push(Dial {
            name: name.into(),
            value,
            least: *range.start(),
            most: *range.end(),
        });
        self
    }

    /// Says when it ends.
    pub fn ends(mut self, ends: Ends) -> Blueprint {
        self.ends = ends;
        self
    }

    /// Says what it has to do with tags.
    pub fn tags(mut self, tags: Tags) -> Blueprint {
        self.tags = tags;
        self
    }

    /// Says that it goes on with an item of any input, whatever the others have.
    pub fn takes_any(mut self) -> Blueprint {
        self.takes_any = true;
        self
    }

    /// Says that its output is not a function of its inputs alone.
    pub fn not_deterministic(mut self) -> Blueprint {
        self.deterministic = false;
        self
    }
}

impl fmt::Debug for Blueprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blueprint")
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .field("state", &self.state.init.len())
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// An input as the plan sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct InPort {
    /// What the agent expects; the plan compares it with what the stream has.
    pub item_type: ItemType,
    /// How many consumed items it may read again: a window of n items retains n - 1.
    pub retain: usize,
    /// How many unread items it needs to see at once to go on: 1 unless it works on whole blocks.
    pub at_least: usize,
    /// So many items must come before anything is given, where that is more than it looks at at once.
    pub gives_after: u64,
    /// More than so many items waiting are of no use to it; the stream is then made no larger, if it
    /// has no other reader. `None`: the more the better.
    pub enough: Option<u64>,
    /// Items per second of the stream that it reads, where known: the graph says so, the agent need not.
    pub rate: Option<f64>,
    /// It reads the tags of a stream beside another input: see [`tags`](crate::tags). Such ports come
    /// behind all others.
    pub beside: bool,
}

impl InPort {
    /// An input of this type that looks back at nothing.
    pub fn new(item_type: ItemType) -> InPort {
        InPort {
            item_type,
            retain: 0,
            at_least: 1,
            gives_after: 1,
            enough: None,
            rate: None,
            beside: false,
        }
    }

    /// Gives nothing before `items` have come.
    pub fn gives_after(mut self, items: u64) -> InPort {
        self.gives_after = items;
        self
    }

    /// Looks back at the last `items` consumed ones.
    pub fn retain(mut self, items: usize) -> InPort {
        self.retain = items;
        self
    }

    /// Needs to see `items` unread ones at once.
    pub fn at_least(mut self, items: usize) -> InPort {
        self.at_least = items;
        self
    }

    /// Has enough with `items` waiting.
    pub fn enough(mut self, items: u64) -> InPort {
        self.enough = Some(items);
        self
    }
}

/// An output as the plan sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutPort {
    /// The port's name; an agent's only output has the empty name: its stream is named as the agent.
    pub name: String,
    /// What its items are.
    pub item_type: ItemType,
    /// Items per second of the stream's own time, where known.
    pub rate: Option<f64>,
    /// What its numbers measure.
    pub unit: Unit,
    /// How much room it needs at once to go on: 1 unless it works on whole blocks.
    pub at_least: usize,
    /// How many items it gives before it takes any: what a delay starts with. A cycle holds them, so
    /// the stream is made large enough.
    pub ahead: u64,
    /// It gives `[up, down]`: so many items for so many of the only input, those that stand at the same times,
    /// though not always at once. `None`: its items follow what it has taken.
    pub pace: Option<[u64; 2]>,
    /// It gives the tags of another output's stream. Such ports come behind all others.
    pub beside: bool,
}

impl OutPort {
    /// The only output of an agent.
    pub fn new(item_type: ItemType, rate: Option<f64>) -> OutPort {
        OutPort {
            name: String::new(),
            item_type,
            rate,
            unit: Unit::Unknown,
            at_least: 1,
            ahead: 0,
            pace: None,
            beside: false,
        }
    }

    /// One of several outputs, with its name.
    pub fn named(name: impl Into<String>, item_type: ItemType, rate: Option<f64>) -> OutPort {
        OutPort {
            name: name.into(),
            ..OutPort::new(item_type, rate)
        }
    }

    /// How its unit follows from the inputs'.
    pub fn unit(mut self, unit: Unit) -> OutPort {
        self.unit = unit;
        self
    }

    /// Its numbers measure what those of the first input do.
    pub fn keeps_unit(self) -> OutPort {
        self.unit(Unit::Of(0))
    }

    /// Needs room for `items` at once.
    pub fn at_least(mut self, items: usize) -> OutPort {
        self.at_least = items;
        self
    }

    /// Gives `up` items for `down` of the only input, which stand at the same times, though not always at once.
    pub fn paced(mut self, up: u64, down: u64) -> OutPort {
        self.pace = Some([up, down]);
        self
    }

    /// Gives `items` before it takes any.
    pub fn ahead(mut self, items: u64) -> OutPort {
        self.ahead = items;
        self
    }
}

/// Which inputs must be exhausted for an agent to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// All of them: what any input still brings is wanted (map, merge).
    AllInputs,
    /// Any of them: without it nothing more can be made (zip).
    AnyInput,
}
