//! The end of one lossless reader of a ring of items: read in place, then release.

use core::marker::PhantomData;
use std::sync::Arc;

use bytemuck::Pod;

use crate::mapped::MappedRing;
use crate::raw::{Available, RawConsumer};
use crate::ring::RingCorrupt;
use crate::shared::leave_reader;
use crate::wait::{Idle, IdleStrategy, Patience};

/// Reads items of type `T`, each exactly once. Dropping it leaves: the producer waits for it no more.
#[derive(Debug)]
pub struct Consumer<T: Pod> {
    raw: RawConsumer,
    /// Position of the next item: all before it are released.
    from: u64,
    idle: IdleStrategy,
    patience: Patience,
    mapped: Arc<MappedRing>,
    items: PhantomData<fn() -> T>,
}

impl<T: Pod> Consumer<T> {
    pub(crate) fn new(mapped: Arc<MappedRing>, reader: usize) -> Self {
        let ring = *mapped.handle();
        let raw = RawConsumer::new(ring, reader);
        let from = ring.consumed(reader);
        Self {
            raw,
            from,
            idle: IdleStrategy::default(),
            patience: ring.patience(),
            mapped,
            items: PhantomData,
        }
    }

    /// With another way to wait than [`IdleStrategy::BALANCED`].
    pub fn idle(mut self, idle: IdleStrategy) -> Self {
        self.idle = idle;
        self
    }

    /// Position of the next item.
    pub fn position(&self) -> u64 {
        self.from
    }

    /// Its line in the ring.
    pub fn reader(&self) -> usize {
        self.raw.reader()
    }

    /// Items that may be in flight.
    pub fn capacity(&self) -> usize {
        self.mapped.geometry().capacity as usize
    }

    /// The items that are there and not released, in one piece; empty when there are none. Looks at
    /// the producer only when the last look left none: see [`Consumer::read_for`] for windows.
    #[inline]
    pub fn read(&mut self) -> Result<&[T], RingCorrupt> {
        self.read_for(1)
    }

    /// As [`Consumer::read`], but looks at the producer already when fewer than `want` items are
    /// known. Does not wait, and may return fewer.
    #[inline]
    pub fn read_for(&mut self, want: usize) -> Result<&[T], RingCorrupt> {
        let count = self.raw.available_for(self.from, want as u64)?;
        Ok(self.show(count))
    }

    /// Waits until there are `want` items (at most the capacity) and returns all there are; fewer
    /// only when the stream has ended, and then never more.
    #[inline]
    pub fn wait_for(&mut self, want: usize) -> Result<&[T], RingCorrupt> {
        let known = self.raw.known_available(self.from);
        if known >= want as u64 {
            return Ok(self.show(known));
        }
        self.wait_for_more(want)
    }

    fn wait_for_more(&mut self, want: usize) -> Result<&[T], RingCorrupt> {
        let want = want.min(self.capacity());
        self.look_later(want as u64)?;
        self.read_for(want)
    }

    /// The next `count` items, which the caller found to be there.
    #[inline(always)]
    fn show(&mut self, count: u64) -> &[T] {
        let items = self.raw.items(self.from).cast::<T>();
        // SAFETY: `count` items from `from` on are whole and in one piece (mirror); the producer
        // writes them anew only after their release, which takes this end mutably. The item type
        // was compared when the end was made; any bytes are a `T`.
        unsafe { core::slice::from_raw_parts(items, count as usize) }
    }

    /// Gives the first `count` of the items that are there back to the producer.
    ///
    /// # Panics
    ///
    /// When the last look found fewer: read first.
    #[inline]
    pub fn release(&mut self, count: usize) {
        let known = self.raw.known_available(self.from);
        if count as u64 > known {
            too_many(count, known);
        }
        if count > 0 {
            self.advance(count as u64);
        }
    }

    /// Whether the stream has ended and every item was released.
    pub fn is_ended(&mut self) -> Result<bool, RingCorrupt> {
        Ok(self.raw.look(self.from)? == Available::Ended)
    }

    /// Reads one item, at once or not at all.
    #[inline]
    pub fn try_pop(&mut self) -> Result<Option<T>, RingCorrupt> {
        match self.raw.available(self.from)? {
            0 => Ok(None),
            _ => Ok(Some(self.take())),
        }
    }

    /// Reads one item, waiting for it; `None` when the stream has ended.
    #[inline(always)]
    pub fn pop(&mut self) -> Result<Option<T>, RingCorrupt> {
        if self.raw.known_available(self.from) > 0 {
            return Ok(Some(self.take()));
        }
        self.pop_later()
    }

    /// Out of line, so that what `pop` mostly does is little enough to be part of its caller's loop.
    #[cold]
    #[inline(never)]
    fn pop_later(&mut self) -> Result<Option<T>, RingCorrupt> {
        self.look_later(1)?;
        self.try_pop()
    }

    fn look_later(&mut self, want: u64) -> Result<(), RingCorrupt> {
        self.patience.pause();
        wait_available(&mut self.raw, &self.mapped, self.from, want, self.idle)?;
        self.patience
            .found(self.raw.known_available(self.from), want);
        Ok(())
    }

    /// Takes the next item, which the caller found to be there.
    #[inline(always)]
    fn take(&mut self) -> T {
        let item = self.raw.ring().slot::<T>(self.from);
        // SAFETY: the item is whole (callers look first); the rest as in `show`.
        let item = unsafe { item.read() };
        self.advance(1);
        item
    }

    /// The items one by one, waiting for each, until the stream ends.
    pub fn items(&mut self) -> Items<'_, T> {
        Items {
            consumer: self,
            stopped: false,
        }
    }

    #[inline(always)]
    fn advance(&mut self, count: u64) {
        self.from = self.from.wrapping_add(count);
        self.raw.release(self.from);
        self.raw.ring().ring_producer();
    }
}

impl<T: Pod> Drop for Consumer<T> {
    fn drop(&mut self) {
        leave_reader(self.mapped.handle(), self.raw.reader());
    }
}

/// Iterates over what a [`Consumer`] reads, until the stream ends or an error came.
#[derive(Debug)]
pub struct Items<'a, T: Pod> {
    consumer: &'a mut Consumer<T>,
    stopped: bool,
}

impl<T: Pod> Iterator for Items<'_, T> {
    type Item = Result<T, RingCorrupt>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped {
            return None;
        }
        let next = self.consumer.pop();
        if !matches!(next, Ok(Some(_))) {
            self.stopped = true;
        }
        next.transpose()
    }
}

/// By value and out of line: a message that borrows its numbers would have every release store them
/// first.
#[cold]
#[inline(never)]
fn too_many(count: usize, known: u64) -> ! {
    panic!("release of {count} items, {known} are there")
}

/// Waits until `want` items (at most the capacity) are there from `from` on, or the stream has ended.
///
/// It begins by pausing: each look takes the producer's line away from it, and after a pause there
/// is more to take at once.
pub(crate) fn wait_available(
    raw: &mut RawConsumer,
    mapped: &MappedRing,
    from: u64,
    want: u64,
    idle: IdleStrategy,
) -> Result<(), RingCorrupt> {
    let mut idle = Idle::new(idle);
    let bell = mapped.handle().reader_bell(raw.reader());
    loop {
        // An error is a reason to look as well: the loop then returns it.
        idle.wait(bell, || {
            raw.available_for(from, want)
                .map_or(true, |there| there >= want)
                || mapped.handle().is_closed()
        });
        if raw.available_for(from, want)? >= want || mapped.handle().is_closed() {
            return Ok(());
        }
    }
}
