//! The ends of a ring without types: what an engine drives, with positions that it keeps itself.
//!
//! Each end keeps a stale copy of the other's position and looks again only when the copy says full
//! or empty: between two looks the ends share no cache line but the items. A position of the peer
//! is checked against the capacity before it becomes a length, in release builds too.

use crate::ring::{Ring, RingCorrupt};

/// How far beyond the slots that are being written the next ones are fetched, and the most that is
/// fetched at once. The way from the readers' cores then passes while two or three short steps are
/// written; long steps overlap it by themselves, and fetching for them as well makes them slower.
pub const AHEAD_LEN_BYTES: usize = 2048;

/// The producer's end.
#[derive(Debug)]
pub struct RawProducer {
    ring: Ring,
    /// Items in [`AHEAD_LEN_BYTES`].
    ahead: u64,
    /// Stale: positions below are free to write.
    limit: u64,
    /// As stored in the ring, never lowered: what a dead predecessor touched stays claimed.
    claimed: u64,
    /// Single items below are free, claimed, and a later line is on its way: nothing to do but write them.
    ready: u64,
}

/// Single items are made ready by so many bytes at once, which are fetched at once for later.
const READY_LEN_BYTES: usize = 512;

impl RawProducer {
    pub(crate) fn new(ring: Ring) -> Self {
        // Nothing is known to be free until the first look.
        Self {
            ring,
            ahead: (AHEAD_LEN_BYTES / ring.geometry().item_len_bytes) as u64,
            limit: ring.own_written(),
            claimed: ring.own_claimed(),
            ready: ring.own_written(),
        }
    }

    /// The ring it writes to.
    #[inline(always)]
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Items that may be written from position `at` on; 0 means full. Looks at the readers only when
    /// the last look left none. `at` is not below what is published, nor beyond what was free.
    #[inline(always)]
    pub fn free(&mut self, at: u64) -> Result<u64, RingCorrupt> {
        self.free_for(at, 1)
    }

    /// As [`RawProducer::free`], but looks again already when fewer than `want` are known to be free.
    #[inline(always)]
    pub fn free_for(&mut self, at: u64, want: u64) -> Result<u64, RingCorrupt> {
        match self.known_free(at) {
            free if free >= want => Ok(free),
            _ => self.refresh(at),
        }
    }

    /// Items that may be written from position `at` on by the last look at the readers.
    #[inline(always)]
    pub(crate) fn known_free(&self, at: u64) -> u64 {
        let free = self.limit.wrapping_sub(at);
        // Before the first look `at` may be beyond the limit.
        if free <= self.ring.geometry().capacity {
            free
        } else {
            0
        }
    }

    #[cold]
    fn refresh(&mut self, at: u64) -> Result<u64, RingCorrupt> {
        let slowest = self.ring.slowest_for(self.ring.own_written())?;
        self.limit = slowest.wrapping_add(self.ring.geometry().capacity);
        let taken = at.wrapping_sub(slowest);
        Ok(self.ring.geometry().capacity.saturating_sub(taken))
    }

    /// Where the `count` items from `at` on are to be written, in one piece. Tells taps first that
    /// they are under way. `count` is at most what [`RawProducer::free`] said for `at`; a tap sees
    /// only what lies less than a lap behind, so it should be what will be written, not all there is.
    #[inline(always)]
    pub fn slots(&mut self, at: u64, count: u64) -> *mut u8 {
        let upto = at.wrapping_add(count);
        // Forwards only, wrapping: a redo after a crash starts below what its predecessor claimed.
        if (upto.wrapping_sub(self.claimed) as i64) > 0 {
            self.claim(upto);
        }
        self.ring.slot_ptr(at)
    }

    /// Before a short step of `count` items from `at` on is written: fetches the slots of a later one,
    /// as far as they are known to be free. The readers had their cache lines last; a store that
    /// must first get its line back holds up every store behind it.
    #[inline(always)]
    pub fn fetch_ahead(&self, at: u64, count: u64) {
        if count <= self.ahead && self.known_free(at) >= self.ahead + count {
            self.ring.fetch(at.wrapping_add(self.ahead), count);
        }
    }

    /// Whether [`RawProducer::make_ready`] has seen to a single item at `at`.
    #[inline(always)]
    pub(crate) fn is_ready(&self, at: u64) -> bool {
        (self.ready.wrapping_sub(at) as i64) > 0
    }

    /// Sees to the next single items from `at` on: claims them, and fetches later ones. Whether there is room
    /// for one at least.
    pub(crate) fn make_ready(&mut self, at: u64) -> Result<bool, RingCorrupt> {
        let geometry = self.ring.geometry();
        let most = (READY_LEN_BYTES / geometry.item_len_bytes) as u64;
        let most = most.min(geometry.slots / 16).max(1);
        let count = self.free(at)?.min(most);
        self.slots(at, count);
        self.fetch_ahead(at, count);
        self.ready = at.wrapping_add(count);
        Ok(count > 0)
    }

    /// Claims a sixteenth of the ring ahead, so that a producer of single items does so rarely. It
    /// costs a tap that much of its view.
    #[cold]
    fn claim(&mut self, upto: u64) {
        self.claimed = upto.wrapping_add(self.ring.geometry().slots / 16);
        self.ring.claim(self.claimed);
    }

    /// Gives all items below `written` to the readers. Ring their bells afterwards.
    #[inline(always)]
    pub fn publish(&self, written: u64) {
        self.ring.publish(written);
    }
}

/// The end of one reader.
#[derive(Debug)]
pub struct RawConsumer {
    ring: Ring,
    reader: usize,
    /// Stale: items below are whole.
    written: u64,
}

/// What a reader finds from its position on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Available {
    /// So many items, at least one.
    Items(u64),
    /// None yet.
    Empty,
    /// None, and none will come.
    Ended,
}

impl RawConsumer {
    pub(crate) fn new(ring: Ring, reader: usize) -> Self {
        // Nothing is known to be there until the first look.
        Self {
            ring,
            reader,
            written: ring.consumed(reader),
        }
    }

    /// The ring it reads from.
    #[inline(always)]
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Its line in the ring.
    pub fn reader(&self) -> usize {
        self.reader
    }

    /// Items that may be read from position `from` on; 0 means empty. Looks at the producer only
    /// when the last look left none. `from` is not below what is released, nor beyond what was there.
    #[inline(always)]
    pub fn available(&mut self, from: u64) -> Result<u64, RingCorrupt> {
        self.available_for(from, 1)
    }

    /// As [`RawConsumer::available`], but looks again already when fewer than `want` are known.
    #[inline(always)]
    pub fn available_for(&mut self, from: u64, want: u64) -> Result<u64, RingCorrupt> {
        match self.known_available(from) {
            available if available >= want => Ok(available),
            _ => self.refresh(from),
        }
    }

    /// Items that may be read from position `from` on by the last look at the producer.
    #[inline(always)]
    pub(crate) fn known_available(&self, from: u64) -> u64 {
        let available = self.written.wrapping_sub(from);
        // Before the first look `from` may be beyond what is known.
        if available <= self.ring.geometry().capacity {
            available
        } else {
            0
        }
    }

    #[inline]
    fn refresh(&mut self, from: u64) -> Result<u64, RingCorrupt> {
        let written = self.ring.written();
        let available = written.wrapping_sub(from);
        if available > self.ring.geometry().capacity {
            return Err(self.ring.corrupt(Some(self.reader), written, from));
        }
        self.written = written;
        Ok(available)
    }

    /// As [`RawConsumer::available`], telling an empty ring from an ended one.
    pub fn look(&mut self, from: u64) -> Result<Available, RingCorrupt> {
        let available = self.available(from)?;
        if available > 0 {
            return Ok(Available::Items(available));
        }
        if !self.ring.is_closed() {
            return Ok(Available::Empty);
        }
        // CLOSE: `written` as loaded after the end was seen is the last one.
        match self.refresh(from)? {
            0 => Ok(Available::Ended),
            available => Ok(Available::Items(available)),
        }
    }

    /// Where the items from position `from` on lie, as many in one piece as are available.
    #[inline(always)]
    pub fn items(&self, from: u64) -> *const u8 {
        self.ring.slot_ptr(from)
    }

    /// Gives all slots below `consumed` back. Ring the producer's bell afterwards.
    #[inline(always)]
    pub fn release(&self, consumed: u64) {
        self.ring.release(self.reader, consumed);
    }
}

/// Where a tap that fell behind goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resync {
    /// Half a ring behind the producer: misses little, has time to catch up.
    Half,
    /// At the next item: for frames, whose beginnings only the producer's position tells.
    Newest,
}

/// A tap: copies items out, then checks that the producer was not there meanwhile. It stores nothing
/// in the ring, so a read-only mapping will do.
#[derive(Debug)]
pub struct RawTap {
    ring: Ring,
    position: u64,
    lost: u64,
    resync: Resync,
}

impl RawTap {
    pub(crate) fn new(ring: Ring, resync: Resync) -> Self {
        Self {
            ring,
            position: ring.written(),
            lost: 0,
            resync,
        }
    }

    /// The ring it reads from.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Position of the next item it will read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Items it has missed so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Goes back to the oldest items that are still likely to be whole: half a ring at most.
    pub fn rewind(&mut self) {
        let written = self.ring.written();
        let since_start = written.wrapping_sub(self.ring.geometry().start);
        self.position = written.wrapping_sub(since_start.min(self.ring.geometry().slots / 2));
    }

    /// Lets `copy(position, count)` copy up to `most` items out, and returns how many of them are
    /// whole: all of them, or none, when the ring has no news or the producer overtook the copying.
    /// In the latter case what was copied is to be thrown away, and [`RawTap::lost`] has grown.
    ///
    /// While it runs the producer may write the same bytes: `copy` must load them as words that may
    /// change, and must not look at what it copied.
    pub fn take(&mut self, most: u64, copy: impl FnOnce(u64, u64)) -> u64 {
        let written = self.ring.written();
        let waiting = written.wrapping_sub(self.position);
        let slots = self.ring.geometry().slots;
        if (waiting as i64) < 0 {
            // The producer only goes forwards: a damaged word. Start over where it is.
            self.position = written;
            return 0;
        }
        if waiting > slots {
            self.skip(0);
            return 0;
        }
        let count = waiting.min(most);
        copy(self.position, count);
        // A slot is written anew for the item one lap later: what was claimed no more than a lap
        // beyond the oldest item copied has touched none of them.
        let claimed = self.ring.claimed().wrapping_sub(self.position);
        if claimed > slots {
            self.skip(claimed - slots);
            return 0;
        }
        self.position = self.position.wrapping_add(count);
        count
    }

    /// Goes on to where `resync` says, past `gone` items at least, and counts the way as lost.
    fn skip(&mut self, gone: u64) {
        let waiting = self.ring.written().wrapping_sub(self.position);
        let behind = match self.resync {
            Resync::Half => self.ring.geometry().slots / 2,
            Resync::Newest => 0,
        };
        let missed = waiting.saturating_sub(behind).max(gone).min(waiting);
        self.position = self.position.wrapping_add(missed);
        self.lost = self.lost.wrapping_add(missed);
    }
}
