//! A ring in memory: its shape, its published words, and where a position lies.
//!
//! A position counts the items since the ring was made. It only grows (a `u64` lasts 584 years at
//! 1 GHz), distances are taken wrapping, and only `slot_of` knows that the ring is a ring. The data
//! are mapped twice back to back, so from any slot on there are `slots` items in one piece.
//!
//! [`Ring`] is a plain copyable handle over two pointers, on a segment or on the heap. It stores
//! what it is told to store: who may tell it what is the contract of [`Ring::from_raw`]. Edges:
//! PUBLISH, RECLAIM, CLOSE, CLAIM and JOIN, listed in `sync.rs`.

use core::ptr::NonNull;

use crate::barrier;
use crate::layout::{Geometry, Header, LayoutError, Mode, ReaderLine, RingSpec};
use crate::raw::{RawConsumer, RawProducer, RawTap, Resync};
use crate::sync::{Edge, Ordering, edge, fence};
use crate::wait::Bell;
#[cfg(not(loom))]
use crate::wait::Patience;

/// Two positions that no ring can have at once: the segment is damaged, or an end does not keep to
/// the protocol. Nothing was read or written by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "ring is corrupt: written {written}, consumed {consumed}{}, capacity {capacity}; stop both ends and make it again",
    .reader.map_or(String::new(), |reader| format!(" by reader {reader}"))
)]
pub struct RingCorrupt {
    /// The reader whose position it is, where one is to blame.
    pub reader: Option<usize>,
    /// Position of the producer.
    pub written: u64,
    /// Position of the reader.
    pub consumed: u64,
    /// The most that may lie between them.
    pub capacity: u64,
}

/// A handle on one ring: pointers to its header and data, and its checked shape.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    header: NonNull<Header>,
    data: NonNull<u8>,
    geometry: Geometry,
}

// SAFETY: the header is atomics, the data are reached through raw pointers only; that each word has
// one writer at a time is the contract of `from_raw`, on whatever thread.
unsafe impl Send for Ring {}
// SAFETY: as above.
unsafe impl Sync for Ring {}

impl Ring {
    /// A handle on the ring whose header is at `header` and whose data are at `data`.
    ///
    /// # Safety
    ///
    /// - `header` is 128-byte aligned and holds a header of this `geometry` (from [`Ring::format`] or
    ///   checked by [`Geometry::of_header`]); `data` is aligned for its items and has
    ///   `2 * data_len_bytes` bytes, the second half showing the same memory as the first.
    ///   Both outlive every copy of the handle. For a tap alone, both may be read-only.
    /// - Through all handles on this ring in all processes there is one producer, and one user of
    ///   each reader line; each stores only its own words, only forwards, and within the protocol.
    pub unsafe fn from_raw(header: *mut u8, data: *mut u8, geometry: Geometry) -> Option<Self> {
        debug_assert!(header.addr().is_multiple_of(128));
        debug_assert!(data.addr().is_multiple_of(geometry.item_align));
        Some(Self {
            header: NonNull::new(header)?.cast(),
            data: NonNull::new(data)?,
            geometry,
        })
    }

    /// Writes the header of a ring as `spec` wants it, and returns its shape. The magic goes last.
    ///
    /// # Safety
    ///
    /// `header` is 128-byte aligned and writable for `header_len_bytes` of the spec's geometry, and
    /// nobody uses those bytes before this returns.
    pub unsafe fn format(
        header: *mut u8,
        spec: &RingSpec,
        fencing: barrier::Fencing,
    ) -> Result<Geometry, LayoutError> {
        let geometry = spec.geometry(fencing)?;
        // SAFETY: this function's contract is that of `Header::format`.
        unsafe { Header::format(header.cast(), &geometry, spec.readers) };
        Ok(geometry)
    }

    /// The checked shape.
    #[inline(always)]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Where the item at `position` lies; from there `slots` items are in one piece.
    #[inline(always)]
    pub fn slot_ptr(&self, position: u64) -> *mut u8 {
        let offset = self.geometry.slot_of(position) * self.geometry.item_len_bytes;
        // SAFETY: the slot is below `slots`, so the offset stays inside the data.
        unsafe { self.data.as_ptr().add(offset) }
    }

    /// As [`Ring::slot_ptr`], of a ring whose items were found to be as long as a `T`.
    #[inline(always)]
    pub(crate) fn slot<T>(&self, position: u64) -> *mut T {
        debug_assert_eq!(size_of::<T>(), self.geometry.item_len_bytes);
        let data = self.data.as_ptr().cast::<T>();
        // SAFETY: the slot is below `slots`, and each is as long as a `T`: inside the data.
        unsafe { data.add(self.geometry.slot_of(position)) }
    }

    /// Of an end that has not waited yet.
    #[cfg(not(loom))]
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.geometry.capacity, self.geometry.item_len_bytes)
    }

    /// Fetches the cache lines of `count` slots from `position` on into this core, to be written
    /// soon. A hint: it changes no byte and waits for nothing.
    #[inline(always)]
    pub fn fetch(&self, position: u64, count: u64) {
        let first = self.slot_ptr(position);
        let len_bytes = count as usize * self.geometry.item_len_bytes;
        for offset in (0..len_bytes).step_by(CACHE_LINE_LEN_BYTES) {
            fetch_line(first.wrapping_add(offset));
        }
    }

    /// The producer's end, untyped. There may be one (contract of [`Ring::from_raw`]).
    pub fn producer(&self) -> RawProducer {
        RawProducer::new(*self)
    }

    /// The end of `reader`, untyped, `None` beyond the ring's reader lines. There may be one for each.
    pub fn reader(&self, reader: usize) -> Option<RawConsumer> {
        (reader < self.geometry.readers).then(|| RawConsumer::new(*self, reader))
    }

    /// A tap: reads along from the next item on and holds nobody back. Any number of them.
    pub fn tap(&self, resync: Resync) -> RawTap {
        RawTap::new(*self, resync)
    }

    /// Items below this position are whole and may be read.
    #[inline(always)]
    pub fn written(&self) -> u64 {
        // PUBLISH (in, from Ring::publish): every item below `written` is now whole.
        self.header()
            .producer
            .written
            .load(edge(Edge::PublishIn, Ordering::Acquire))
    }

    /// The producer gives all items below `written` to its readers.
    #[inline(always)]
    pub fn publish(&self, written: u64) {
        // PUBLISH (out, to Ring::written): the items' bytes come before their position.
        self.header()
            .producer
            .written
            .store(written, edge(Edge::PublishOut, Ordering::Release));
    }

    /// The producer says, before it touches them, that it may be writing items below `upto`.
    #[inline(always)]
    pub fn claim(&self, upto: u64) {
        // Relaxed: the fence orders it, before the stores of the items that follow.
        self.header()
            .producer_own
            .claimed
            .store(upto, Ordering::Relaxed);
        // CLAIM (out, to Ring::claimed): the claim comes before the bytes it is about.
        fence(Edge::ClaimOut, Ordering::Release);
    }

    /// A tap asks, after it copied, how far the producer may have been writing meanwhile.
    #[inline(always)]
    pub fn claimed(&self) -> u64 {
        // CLAIM (in, from Ring::claim): the bytes were read before the claim is.
        fence(Edge::ClaimIn, Ordering::Acquire);
        // Relaxed: the fence orders it, after the loads of the items before.
        self.header().producer_own.claimed.load(Ordering::Relaxed)
    }

    /// The producer ends the stream: nothing comes after what is published.
    pub fn close(&self) {
        // CLOSE (out, to Ring::is_closed): the last `written` comes before the end.
        self.header()
            .producer
            .closed
            .store(1, edge(Edge::CloseOut, Ordering::Release));
    }

    /// Whether the stream has ended. A reader that sees so loads `written` once more: that one is final.
    pub fn is_closed(&self) -> bool {
        // CLOSE (in, from Ring::close): `written` as loaded after this is the last one.
        self.header()
            .producer
            .closed
            .load(edge(Edge::CloseIn, Ordering::Acquire))
            != 0
    }

    /// Items `reader` has done with.
    ///
    /// # Panics
    ///
    /// Like every function here that takes a `reader`: when the ring has no such line.
    #[inline(always)]
    pub fn consumed(&self, reader: usize) -> u64 {
        // RECLAIM (in, from Ring::release): the reader's loads of those items are over.
        self.line(reader)
            .words
            .consumed
            .load(edge(Edge::ReclaimIn, Ordering::Acquire))
    }

    /// `reader` gives all slots below `consumed` back to the producer.
    #[inline(always)]
    pub fn release(&self, reader: usize, consumed: u64) {
        // RECLAIM (out, to Ring::consumed): the loads of those items come before their release.
        self.line(reader)
            .words
            .consumed
            .store(consumed, edge(Edge::ReclaimOut, Ordering::Release));
    }

    /// `reader` reads no more: it holds nobody back, and its line may be taken again.
    pub fn leave(&self, reader: usize) {
        self.set_mode(reader, Mode::Left);
    }

    /// A new lossless reader, from the next item on, at a line that is vacant or was left. Returns
    /// the line and its first position; fails when every line is taken.
    ///
    /// JOIN: the reader shows itself, fences, and takes its position from `written`; the producer
    /// publishes, fences, and looks for readers. If the producer's look was the earlier one, the
    /// position taken is not older than what it had published by then, and the limit it drew from
    /// that look is at most a capacity ahead of it. If the reader's fence was the earlier one, the
    /// producer sees the reader at a position not newer than the one it takes.
    pub fn join(&self) -> Result<(usize, u64), JoinError> {
        let reader = (0..self.geometry.readers)
            .find(|&reader| self.take_seat(reader))
            .ok_or(JoinError::Taken {
                readers: self.geometry.readers,
            })?;
        self.release(reader, self.written());
        self.set_mode(reader, Mode::Joining);
        // JOIN (reader, against Ring::slowest_for): shown before `written` is taken.
        if let Err(error) = barrier::heavy(self.geometry.fencing, Edge::JoinReader) {
            self.leave(reader);
            return Err(JoinError::Barrier {
                errno: error.raw_os_error().unwrap_or(0),
            });
        }
        let first = self.written();
        self.release(reader, first);
        self.set_mode(reader, Mode::Lossless);
        Ok((reader, first))
    }

    /// Whether some lossless reader has not left.
    pub fn has_readers(&self) -> bool {
        (0..self.geometry.readers).any(|reader| self.holds_back(reader))
    }

    /// Least position over the lossless readers; `written` where there is none.
    pub fn slowest(&self) -> u64 {
        let written = self.written();
        let behind = (0..self.geometry.readers)
            .filter(|&reader| self.holds_back(reader))
            .map(|reader| written.wrapping_sub(self.consumed(reader)));
        written.wrapping_sub(behind.max().unwrap_or(0))
    }

    /// What a reader line is used for; `None` where the word is damaged.
    pub fn mode(&self, reader: usize) -> Option<Mode> {
        // RECLAIM (in, from Ring::set_mode): a reader that left has done with every item.
        Mode::of(
            self.line(reader)
                .words
                .mode
                .load(edge(Edge::ReclaimIn, Ordering::Acquire)),
        )
    }

    /// Makes `reader` lossless, a tap, or gone. Its user alone may say so.
    pub fn set_mode(&self, reader: usize, mode: Mode) {
        // RECLAIM (out, to Ring::mode): the position and the loads come before the mode they go with.
        self.line(reader)
            .words
            .mode
            .store(mode as u32, edge(Edge::ReclaimOut, Ordering::Release));
    }

    /// Items that `reader` missed.
    pub fn lost(&self, reader: usize) -> u64 {
        // Relaxed: a counter for reports.
        self.line(reader).words.lost.load(Ordering::Relaxed)
    }

    /// `reader` says how many items it has missed in all.
    pub fn set_lost(&self, reader: usize, lost: u64) {
        // Relaxed: a counter for reports; only this reader stores it.
        self.line(reader).words.lost.store(lost, Ordering::Relaxed);
    }

    /// Items that the producer threw away.
    pub fn dropped(&self) -> u64 {
        // Relaxed: a counter for reports.
        self.header().producer_own.dropped.load(Ordering::Relaxed)
    }

    /// The producer says how many items it has thrown away in all.
    pub fn set_dropped(&self, dropped: u64) {
        // Relaxed: a counter for reports; only the producer stores it.
        self.header()
            .producer_own
            .dropped
            .store(dropped, Ordering::Relaxed);
    }

    /// What the producer sleeps on: its readers ring it after they release.
    #[inline(always)]
    pub fn producer_bell(&self) -> &Bell {
        &self.header().producer_bell
    }

    /// What `reader` sleeps on: the producer rings it after it publishes.
    #[inline(always)]
    pub fn reader_bell(&self, reader: usize) -> &Bell {
        &self.line(reader).bell
    }

    /// Wakes every reader that sleeps. Call it after what they wait for was stored.
    #[inline(always)]
    pub fn ring_readers(&self) {
        // BELL (ringer, against Bell::sleep_unless): the publication comes before the looks.
        barrier::light(self.geometry.fencing, Edge::BellRinger);
        for reader in 0..self.geometry.readers {
            self.reader_bell(reader).wake_sleeper();
        }
    }

    /// Wakes the producer if it sleeps. Call it after what it waits for was stored.
    #[inline(always)]
    pub fn ring_producer(&self) {
        // BELL (ringer, against Bell::sleep_unless): the publication comes before this look.
        barrier::light(self.geometry.fencing, Edge::BellRinger);
        self.producer_bell().wake_sleeper();
    }

    /// Checks every published position against the others, as an attacher does once.
    pub fn check(&self) -> Result<(), RingCorrupt> {
        for reader in 0..self.geometry.readers {
            match self.mode(reader) {
                Some(Mode::Lossless) => self.check_reader(reader)?,
                Some(_) => {}
                None => {
                    return Err(self.corrupt(Some(reader), self.written(), self.consumed(reader)));
                }
            }
        }
        Ok(())
    }

    /// The ends may be at work meanwhile: `written` is loaded between two loads of the reader's
    /// position, and a reader that left while we looked may be any way behind.
    fn check_reader(&self, reader: usize) -> Result<(), RingCorrupt> {
        let before = self.consumed(reader);
        let written = self.written();
        let moved = self.consumed(reader).wrapping_sub(before);
        let most = self.geometry.capacity.saturating_add(moved);
        if written.wrapping_sub(before) > most && self.mode(reader) == Some(Mode::Lossless) {
            return Err(self.corrupt(Some(reader), written, before));
        }
        Ok(())
    }

    /// The producer's slow look: least position over the lossless readers, `written`
    /// (what the producer has published) where there is none.
    pub(crate) fn slowest_for(&self, written: u64) -> Result<u64, RingCorrupt> {
        // JOIN (producer, against Ring::join): published before the readers are looked at.
        barrier::light(self.geometry.fencing, Edge::JoinProducer);
        let mut behind = 0;
        for reader in 0..self.geometry.readers {
            let mode = self.mode(reader);
            if !matches!(mode, Some(Mode::Lossless | Mode::Joining) | None) {
                continue;
            }
            let consumed = self.consumed(reader);
            let distance = written.wrapping_sub(consumed);
            // One that is joining may still show an old position; it is about to raise it.
            if distance > self.geometry.capacity && mode != Some(Mode::Joining) {
                return Err(self.corrupt(Some(reader), written, consumed));
            }
            behind = behind.max(distance);
        }
        Ok(written.wrapping_sub(behind))
    }

    pub(crate) fn corrupt(
        &self,
        reader: Option<usize>,
        written: u64,
        consumed: u64,
    ) -> RingCorrupt {
        RingCorrupt {
            reader,
            written,
            consumed,
            capacity: self.geometry.capacity,
        }
    }

    /// `claimed` as the producer itself stored it.
    pub(crate) fn own_claimed(&self) -> u64 {
        // Relaxed: only the producer, or the dead one before it, writes it.
        self.header().producer_own.claimed.load(Ordering::Relaxed)
    }

    /// `written` as the producer itself stored it.
    #[inline(always)]
    pub(crate) fn own_written(&self) -> u64 {
        // Relaxed: only the producer, or the dead one before it, writes it.
        self.header().producer.written.load(Ordering::Relaxed)
    }

    /// The word that says which process holds the producer's end.
    #[cfg(not(loom))]
    pub(crate) fn producer_owner(&self) -> &crate::sync::AtomicU32 {
        &self.header().producer_own.owner
    }

    /// The word that says which process holds the end of `reader`.
    #[cfg(not(loom))]
    pub(crate) fn reader_owner(&self, reader: usize) -> &crate::sync::AtomicU32 {
        &self.line(reader).words.owner
    }

    /// Takes a vacant line: two that join at once must not get the same one.
    fn take_seat(&self, reader: usize) -> bool {
        let mode = &self.line(reader).words.mode;
        [Mode::Vacant, Mode::Left].into_iter().any(|free| {
            // RECLAIM (in, from Ring::leave): whoever was here before has done with it.
            mode.compare_exchange(
                free as u32,
                Mode::Seated as u32,
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
        })
    }

    fn holds_back(&self, reader: usize) -> bool {
        matches!(self.mode(reader), Some(Mode::Lossless | Mode::Joining))
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: a header lives there as long as the handle, by the contract of `from_raw`, and is
        // shared as atomics only.
        unsafe { self.header.as_ref() }
    }

    #[inline(always)]
    fn line(&self, reader: usize) -> &ReaderLine {
        if reader >= self.geometry.readers {
            no_such_line(reader, self.geometry.readers);
        }
        // SAFETY: the header has `readers` lines and lives as long as the handle (`from_raw`).
        unsafe { &*Header::reader_line(self.header.as_ptr(), reader) }
    }
}

/// What moves from core to core at once.
pub(crate) const CACHE_LINE_LEN_BYTES: usize = 64;

/// Fetches one cache line to be written; does nothing where the machine has no such instruction.
#[inline(always)]
fn fetch_line(line: *const u8) {
    // Not `_mm_prefetch`: without a target feature it becomes a prefetch to read, which leaves the
    // line shared with the reader's core, so that the store still waits for it.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads and writes no byte and cannot fault, whatever the address;
    // processors of this architecture without PREFETCHW pass over it.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) line.addr(), options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = line;
}

/// By value and out of line: a message that borrows its numbers would have every caller store them
/// first, at every step.
#[cold]
#[inline(never)]
fn no_such_line(reader: usize, readers: usize) -> ! {
    panic!("reader {reader} of a ring with {readers}")
}

/// Why no reader could join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Every line has a reader.
    #[error("all {readers} reader lines of the ring are taken: make it with more spare readers")]
    Taken {
        /// Lines there are.
        readers: usize,
    },
    /// The kernel refused the barrier that joining takes.
    #[error("membarrier was refused (errno {errno}): try again")]
    Barrier {
        /// What it said.
        errno: i32,
    },
}
