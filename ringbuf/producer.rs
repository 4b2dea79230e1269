//! The producer's end of a ring of items: write in place, then commit.

use core::marker::PhantomData;
use std::sync::Arc;

use bytemuck::Pod;

use crate::mapped::MappedRing;
use crate::raw::RawProducer;
use crate::ring::RingCorrupt;
use crate::shared::close_producer;
use crate::wait::{Idle, IdleStrategy, Patience};

/// Writes items of type `T`. Dropping it ends the stream.
///
/// Every reader sees every item; the producer waits for the slowest lossless reader, and for nobody
/// once all have left.
#[derive(Debug)]
pub struct Producer<T: Pod> {
    raw: RawProducer,
    /// Position of the next item: all before it are published.
    at: u64,
    /// Slots below this position were handed out by the last `reserve`.
    reserved: u64,
    idle: IdleStrategy,
    patience: Patience,
    mapped: Arc<MappedRing>,
    items: PhantomData<fn(T)>,
}

impl<T: Pod> Producer<T> {
    pub(crate) fn new(mapped: Arc<MappedRing>) -> Self {
        let raw = mapped.handle().producer();
        let at = mapped.handle().written();
        Self {
            raw,
            at,
            reserved: at,
            idle: IdleStrategy::default(),
            patience: mapped.handle().patience(),
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
        self.at
    }

    /// Items that may be in flight.
    pub fn capacity(&self) -> usize {
        self.raw.ring().geometry().capacity as usize
    }

    /// Whether some lossless reader has not left.
    pub fn has_readers(&self) -> bool {
        self.mapped.handle().has_readers()
    }

    /// Every slot that is free, in one piece; empty when the ring is full. They hold old items.
    /// Taps see nothing of a ring that is all under way: [`Producer::reserve`] what will be written.
    pub fn slots(&mut self) -> Result<&mut [T], RingCorrupt> {
        let capacity = self.capacity();
        self.reserve(capacity)
    }

    /// Up to `most` free slots in one piece, fewer only when fewer are free. They hold old items.
    #[inline]
    pub fn reserve(&mut self, most: usize) -> Result<&mut [T], RingCorrupt> {
        let most = most.min(self.capacity());
        let free = self.raw.free_for(self.at, most as u64)?;
        let count = most.min(free as usize);
        self.reserved = self.at.wrapping_add(count as u64);
        self.raw.fetch_ahead(self.at, count as u64);
        let slots = self.raw.slots(self.at, count as u64).cast::<T>();
        // SAFETY: `count` slots from `at` on are free and in one piece (mirror); no reader is there
        // before they are published, and this is the only producer (its seat), borrowed mutably.
        // The item type was compared when the end was made; any bytes are a `T`.
        Ok(unsafe { core::slice::from_raw_parts_mut(slots, count) })
    }

    /// Publishes the first `count` of the slots last reserved; the others stay reserved.
    ///
    /// # Panics
    ///
    /// When fewer are reserved.
    #[inline]
    pub fn commit(&mut self, count: usize) {
        let reserved = match self.reserved.wrapping_sub(self.at) {
            left if left <= self.raw.ring().geometry().capacity => left,
            // `push` has gone beyond.
            _ => 0,
        };
        if count as u64 > reserved {
            too_many(count, reserved);
        }
        if count > 0 {
            self.publish(count as u64);
        }
    }

    /// Writes one item, at once or not at all.
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        if !self.raw.is_ready(self.at) {
            match self.raw.make_ready(self.at) {
                Ok(true) => {}
                Ok(false) => return Err(PushError::Full(item)),
                Err(corrupt) => return Err(PushError::Corrupt(corrupt)),
            }
        }
        self.put(item);
        Ok(())
    }

    /// Writes one item, waiting while the ring is full.
    #[inline(always)]
    pub fn push(&mut self, item: T) -> Result<(), RingCorrupt> {
        if !self.raw.is_ready(self.at) {
            self.get_ready()?;
        }
        self.put(item);
        Ok(())
    }

    /// Out of line, so that what `push` mostly does is little enough to be part of its caller's loop.
    #[cold]
    #[inline(never)]
    fn get_ready(&mut self) -> Result<(), RingCorrupt> {
        while !self.raw.make_ready(self.at)? {
            self.wait()?;
        }
        Ok(())
    }

    /// Writes one item to the next slot, which is ready.
    #[inline(always)]
    fn put(&mut self, item: T) {
        let slot = self.raw.ring().slot::<T>(self.at);
        // SAFETY: the slot is free (callers look first); the rest as in `reserve`.
        unsafe { slot.write(item) };
        self.publish(1);
    }

    /// Writes all items, waiting while the ring is full. Readers see them as they fit.
    pub fn push_slice(&mut self, mut items: &[T]) -> Result<(), RingCorrupt> {
        while !items.is_empty() {
            let slots = self.reserve(items.len())?;
            let count = slots.len();
            let (now, later) = items.split_at(count);
            slots.copy_from_slice(now);
            self.commit(count);
            items = later;
            if count == 0 {
                self.wait()?;
            }
        }
        Ok(())
    }

    /// Waits until at least one slot is free, for one pause at least.
    pub fn wait(&mut self) -> Result<(), RingCorrupt> {
        let patience = &mut self.patience;
        wait_free(&mut self.raw, &self.mapped, self.at, 1, self.idle, patience)
    }

    #[inline(always)]
    fn publish(&mut self, count: u64) {
        self.at = self.at.wrapping_add(count);
        self.raw.publish(self.at);
        self.raw.ring().ring_readers();
    }
}

impl<T: Pod> Drop for Producer<T> {
    fn drop(&mut self) {
        close_producer(self.mapped.handle());
    }
}

/// By value and out of line: a message that borrows its numbers would have every commit store them
/// first.
#[cold]
#[inline(never)]
fn too_many(count: usize, reserved: u64) -> ! {
    panic!("commit of {count} items, {reserved} are reserved")
}

/// Waits until `want` items (at most the capacity) may be written from `at` on. Begins by pausing:
/// each look takes the readers' lines away from them.
pub(crate) fn wait_free(
    raw: &mut RawProducer,
    mapped: &MappedRing,
    at: u64,
    want: u64,
    idle: IdleStrategy,
    patience: &mut Patience,
) -> Result<(), RingCorrupt> {
    patience.pause();
    let mut idle = Idle::new(idle);
    loop {
        // An error is a reason to look as well: the loop then returns it.
        idle.wait(mapped.handle().producer_bell(), || {
            raw.free_for(at, want).map_or(true, |free| free >= want)
        });
        if raw.free_for(at, want)? >= want {
            patience.found(raw.known_free(at), want);
            return Ok(());
        }
    }
}

/// Why an item was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError<T> {
    /// The ring is full; here is the item back.
    #[error("the ring is full")]
    Full(T),
    /// A position of a reader is damaged.
    #[error(transparent)]
    Corrupt(RingCorrupt),
}
