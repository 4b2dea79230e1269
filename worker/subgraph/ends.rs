//! The two ends of a stream as a worker holds them: what may be read, what may be written.
//!
//! Stale copies of the peers' positions are refreshed only when they say "not enough", or when the
//! worker looks at everything before it goes to sleep. A position of another process is checked before
//! it becomes a length.

use std::sync::atomic::Ordering::Relaxed;

use thalweg_ringbuf::{
    AHEAD_LEN_BYTES, FrameError, Frames, Mode, Ring, RingCorrupt, frame_len_bytes,
    payload_len_bytes_max,
};

use crate::agent::{Input, Output};
use crate::clock;
use crate::control::{InputGauge, Stamp, bucket_of};

/// The most bytes of frames a port sees or fills at once: a good part of a first-level cache.
const FRAMES_STEP_BYTES: u64 = 16 << 10;

/// A stream the worker writes or reads.
pub struct StreamSeat {
    /// Its name.
    pub name: String,
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

/// A stream as this worker knows it.
pub(super) struct Stream {
    pub(super) seat: StreamSeat,
    pub(super) capacity: u64,
    pub(super) item_len: usize,
    /// Its items are frames: positions count bytes.
    pub(super) framed: bool,
    /// Produced here: how many items `written` is.
    pub(super) count: u64,
    /// Produced here: written so far in this step. Else: published, as last seen.
    pub(super) written: u64,
    /// Nothing will follow `written`.
    pub(super) closed: bool,
    pub(super) here: bool,
    /// Produced here: how far it may be written, as last seen.
    pub(super) room_until: u64,
    /// Produced here: how far it may have been written over, for taps.
    pub(super) claimed: u64,
    /// Produced here: its readers have all left.
    pub(super) abandoned: bool,
    pub(super) next_stamp: u64,
    /// Produced here: what this process published last; no position at first.
    pub(super) told: u64,
    /// How many items ahead short steps are fetched; none where only this worker reads.
    ahead: usize,
    /// Something was published since the last stamp.
    pub(super) fresh: bool,
}

/// An input of an agent: its place on its stream.
pub(super) struct Reading {
    pub(super) stream: usize,
    pub(super) reader: usize,
    /// It reads what its own agent gave, around a loop.
    pub(super) back: bool,
    pub(super) retain: usize,
    pub(super) at_least: usize,
    pub(super) lossy: Option<Lossy>,
    pub(super) read: u64,
    /// How many items `read` is.
    pub(super) count: u64,
    pub(super) released: u64,
    pub(super) last_stamp: u64,
    pub(super) high_water: u64,
    /// What this process published of `released` last; no position at first.
    pub(super) told: u64,
    /// How it fares, for all to see.
    pub(super) gauge: *const InputGauge,
}

/// No position: nothing was published yet.
pub(super) const NEVER: u64 = u64::MAX;

/// A reader that never holds the producer back: it works on a copy.
pub(super) struct Lossy {
    pub(super) copy: Vec<u128>,
    pub(super) lost: u64,
}

impl Reading {
    /// Lays out in `seen` what the agent sees of this input: at most `step` unread items, and what is
    /// retained. It is written field by field: a value handed back is read by the line before its
    /// words have left the store buffer, which costs more than all the rest. `PLAIN` of items of one length,
    /// read where they lie.
    #[inline(always)]
    pub(super) fn show<const PLAIN: bool>(
        &mut self,
        stream: &mut Stream,
        step: usize,
        look: bool,
        seen: &mut Input,
    ) -> Result<(), FrameError> {
        let want = step.max(self.at_least);
        if !PLAIN && stream.framed {
            *seen = self.show_frames(stream, want, look)?;
            return Ok(());
        }
        if !PLAIN && self.lossy.is_some() {
            *seen = self.show_copy(stream, want);
            return Ok(());
        }
        let past = self.read - self.released;
        let available = stream.available(self.read, past, want, look)?;
        self.note_waiting(available + past);
        let visible = available.min(want as u64);
        let ended = stream.closed && visible == available;
        // SAFETY: `released .. read + visible` is at most the ring's capacity (checked in
        // `available`), so contiguous in the mirror; the producer leaves it alone until it is released.
        unsafe {
            let oldest = stream.seat.ring.slot_ptr(self.released);
            let unread = oldest.add(past as usize * stream.item_len);
            let (visible, past) = (visible as usize, past as usize);
            seen.lay_out(unread, visible, past, self.read, stream.item_len, ended);
        }
        Ok(())
    }

    /// As `show`, of frames: at most `most`, and no more bytes than a step takes, but at least one.
    /// Each is whole: a length that another process wrote is checked here before anybody goes by it.
    #[inline(never)]
    fn show_frames(
        &mut self,
        stream: &mut Stream,
        most: usize,
        look: bool,
    ) -> Result<Input, FrameError> {
        let step = stream.frames_step();
        let available = stream.available(self.read, 0, step, look)?;
        self.note_waiting(available);
        let first = stream.seat.ring.slot_ptr(self.read);
        // SAFETY: `available` is at most the ring's capacity (checked), so contiguous in the mirror;
        // the producer leaves it alone until it is released.
        let bytes = unsafe { std::slice::from_raw_parts(first, available as usize) };
        let (mut n, mut end) = (0, 0);
        let mut frames = Frames::new(bytes);
        while n < most && frames.next().is_some() {
            let passed = bytes.len() - frames.rest().len();
            if passed > step && n > 0 {
                break;
            }
            (n, end) = (n + 1, passed);
        }
        if n == 0 && !bytes.is_empty() {
            return Err(FrameError::Damaged {
                position: self.read,
                available_bytes: bytes.len(),
            });
        }
        let ended = stream.closed && end == bytes.len();
        // Less than `step` was looked for anew.
        let whole = end == bytes.len() && bytes.len() < step;
        // SAFETY: the first `n` frames of `bytes`, which stays as it is until it is released.
        Ok(unsafe { Input::of_frames(first, end, n, self.count, ended) }.whole(whole))
    }

    /// As `show`, on a copy: the producer may overwrite the ring meanwhile.
    #[inline(never)]
    pub(super) fn show_copy(&mut self, stream: &mut Stream, want: usize) -> Input {
        let ring = stream.seat.ring;
        let mut available = stream.published() - self.read;
        self.note_waiting(available.min(stream.capacity));
        let lossy = self.lossy.as_mut().expect("a lossy input");
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

    /// What the record has beside `read`: how far it released, or how many items it lost.
    #[inline(always)]
    pub(super) fn released_or_lost(&self) -> u64 {
        match &self.lossy {
            Some(lossy) => lossy.lost,
            None => self.released,
        }
    }

    #[inline(always)]
    pub(super) fn advance(&mut self, input: &Input) {
        let slots = input.consumed_bytes().unwrap_or(input.consumed());
        self.read += slots as u64;
        self.count += input.consumed() as u64;
        let keep = input.kept().unwrap_or(self.retain) as u64;
        self.released = self.released.max(self.read.saturating_sub(keep));
        if self.lossy.is_some() {
            self.released = self.read;
        }
    }

    /// So many items were waiting.
    #[inline]
    fn note_waiting(&mut self, items: u64) {
        if items > self.high_water {
            self.high_water = items;
            // Relaxed: only this process writes it.
            self.gauge().high_water.store(items, Relaxed);
        }
    }

    fn gauge(&self) -> &InputGauge {
        // SAFETY: in the worker's own control block, mapped as long as its subgraph; atomics.
        unsafe { &*self.gauge }
    }

    pub(super) fn is_exhausted(&self, stream: &Stream) -> bool {
        stream.closed && self.read == stream.written
    }

    /// If a stamped item was passed just now: how long did it wait?
    pub(super) fn note_wait(&mut self, stamp: &Stamp) {
        let Some((position, ns)) = stamp.get() else {
            return;
        };
        if ns > self.last_stamp && position < self.read {
            self.last_stamp = ns;
            let waited = clock::now_ns().saturating_sub(ns);
            let bucket = &self.gauge().waits[bucket_of(waited)];
            // Relaxed: only this process writes it.
            bucket.store(bucket.load(Relaxed).saturating_add(1), Relaxed);
        }
    }
}

impl Stream {
    pub(super) fn new(seat: StreamSeat) -> Stream {
        let geometry = seat.ring.geometry();
        Stream {
            capacity: geometry.capacity,
            item_len: geometry.item_len_bytes,
            framed: false,
            count: 0,
            written: 0,
            closed: false,
            here: false,
            room_until: 0,
            claimed: seat.ring.claimed(),
            abandoned: false,
            next_stamp: 0,
            told: NEVER,
            ahead: match seat.reader_bells.is_empty() {
                true => 0,
                false => AHEAD_LEN_BYTES / geometry.item_len_bytes,
            },
            fresh: false,
            seat,
        }
    }

    /// Unread items from `read` on, looking anew only when the last look does not give `want`.
    ///
    /// A position of another process is checked before it becomes a length.
    #[inline(always)]
    pub(super) fn available(
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
    #[inline]
    pub(super) fn published(&mut self) -> u64 {
        if !self.here && !self.closed {
            let ring = &self.seat.ring;
            // Closed first: what is written after that look is the last.
            let closed = ring.is_closed();
            self.written = ring.written();
            self.closed = closed;
        }
        self.written
    }

    /// Why a frame with so many bytes of payload can never be given, and what to do.
    pub(super) fn refusal(&self, payload_len: usize) -> String {
        let most = payload_len_bytes_max(self.capacity);
        let need = frame_len_bytes(payload_len).map_or(u64::MAX, |len| 2 * len as u64);
        let name = &self.seat.name;
        format!(
            "it gives a frame of {payload_len} bytes, and stream `{name}` holds {} bytes, of which one frame takes at most half: {most} bytes of payload; give it more room: [streams.{name}] capacity = \"{} KiB\"",
            self.capacity,
            need.div_ceil(1024)
        )
    }

    /// Bytes of frames that a port sees or fills at once, unless one frame takes more.
    pub(super) fn frames_step(&self) -> usize {
        (self.capacity / 4).clamp(1, FRAMES_STEP_BYTES) as usize
    }

    /// Room for at most `want` items; of frames, `want` bytes.
    #[inline(always)]
    fn room(&mut self, want: usize, look: bool) -> Result<usize, RingCorrupt> {
        let mut room = self.room_until - self.written;
        if look || room < want as u64 {
            self.look_for_room()?;
            room = self.room_until - self.written;
        }
        let room = room.min(want as u64);
        // Never lowered: an agent may have scribbled on room that it did not use.
        if self.written + room > self.claimed {
            self.claimed = self.written + room;
            self.seat.ring.claim(self.claimed);
        }
        Ok(room as usize)
    }

    /// Before a short step of `want` items is written to a stream that other workers read: fetches the
    /// slots of a later one. Their cores had the cache lines last.
    #[inline(always)]
    pub(super) fn fetch_ahead(&self, want: usize) {
        if want <= self.ahead && self.room_until - self.written >= (self.ahead + want) as u64 {
            let at = self.written + self.ahead as u64;
            self.seat.ring.fetch(at, want as u64);
        }
    }

    /// Lays out room for at most `want` items, as [`Reading::show`] does.
    #[inline(always)]
    pub(super) fn show_room(
        &mut self,
        want: usize,
        look: bool,
        shown: &mut Output,
    ) -> Result<(), RingCorrupt> {
        let room = self.room(want, look)?;
        // SAFETY: the slots up to `room_until` are free (every reader released them), contiguous in
        // the mirror, and this agent is the ring's only producer.
        unsafe {
            let first = self.seat.ring.slot_ptr(self.written);
            shown.lay_out(first, room, self.written, self.item_len);
        }
        Ok(())
    }

    /// As `show_room`, for at most `most` frames, in `want` bytes.
    pub(super) fn show_frames_room(
        &mut self,
        want: usize,
        most: usize,
        look: bool,
        shown: &mut Output,
    ) -> Result<(), RingCorrupt> {
        let room = self.room(want, look)?;
        // SAFETY: as in `show_room`.
        *shown = unsafe {
            let first = self.seat.ring.slot_ptr(self.written);
            Output::of_frames(first, room, most, self.count, self.capacity)
        };
        Ok(())
    }

    /// Looks anew how far the readers are. Their positions are checked before they become room.
    pub(super) fn look_for_room(&mut self) -> Result<(), RingCorrupt> {
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
    pub(super) fn is_fed(&mut self) -> bool {
        let before = (self.written, self.closed);
        self.published();
        before != (self.written, self.closed)
    }

    /// Have readers made room, or all left, since the last look?
    pub(super) fn is_drained(&mut self) -> bool {
        let before = (self.room_until, self.abandoned);
        // What is corrupt is told by the step that follows.
        self.look_for_room().is_err() || before != (self.room_until, self.abandoned)
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
