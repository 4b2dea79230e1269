//! A reader that holds nobody back: it copies items out and counts what it missed.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::Arc;

use bytemuck::Pod;

use crate::mapped::MappedRing;
use crate::raw::{RawTap, Resync};

/// Copies items of type `T` out of a ring, in order, without gaps except those it counts.
#[derive(Debug)]
pub struct Tap<T: Pod> {
    raw: RawTap,
    mapped: Arc<MappedRing>,
    items: PhantomData<fn() -> T>,
}

impl<T: Pod> Tap<T> {
    pub(crate) fn new(mapped: Arc<MappedRing>) -> Self {
        Self {
            raw: mapped.handle().tap(Resync::Half),
            mapped,
            items: PhantomData,
        }
    }

    /// Starts with the oldest items still there (half a ring at most) instead of the next one.
    pub fn from_oldest(mut self) -> Self {
        self.raw.rewind();
        self
    }

    /// Position of the next item it will read.
    pub fn position(&self) -> u64 {
        self.raw.position()
    }

    /// Items it has missed so far.
    pub fn lost(&self) -> u64 {
        self.raw.lost()
    }

    /// Copies the next items into the front of `out` and returns how many: 0 when there is no news,
    /// or when the producer overtook it, which [`Tap::lost`] then counts. What lies in `out` behind
    /// them is no item.
    pub fn read(&mut self, out: &mut [T]) -> usize {
        let ring = self.mapped.handle();
        let count = self.raw.take(out.len() as u64, |position, count| {
            let bytes = bytemuck::must_cast_slice_mut::<T, u8>(&mut out[..count as usize]);
            // SAFETY: `count` items from a slot on are mapped, in one piece (mirror), as long as
            // the ring is; `count` is at most `slots`.
            unsafe { copy_changing(ring.slot_ptr(position), bytes) };
        });
        count as usize
    }

    /// Whether the stream has ended and everything was read.
    pub fn is_ended(&self) -> bool {
        let ring = self.mapped.handle();
        ring.is_closed() && ring.written() == self.raw.position()
    }
}

/// Copies bytes that another process may be writing: each word is loaded once, as an atomic, so the
/// copy may be torn but is some bytes; whoever asked for it checks whether they are the right ones.
///
/// # Safety
///
/// `from` is readable for the length of `to`.
pub(crate) unsafe fn copy_changing(from: *mut u8, to: &mut [u8]) {
    let (head, rest) = to.split_at_mut(from.align_offset(8).min(to.len()));
    // SAFETY: inside the readable bytes, as `to` is as long.
    let words = unsafe { from.add(head.len()) };
    // SAFETY: as above; single bytes need no alignment.
    unsafe { copy_bytes(from, head) };
    let mut chunks = rest.chunks_exact_mut(8);
    let mut at = words;
    for chunk in &mut chunks {
        // SAFETY: eight readable bytes, aligned since `head` ended on a multiple of eight. Relaxed:
        // the caller's fence orders the whole copy.
        let word = unsafe { AtomicU64::from_ptr(at.cast()) }.load(Ordering::Relaxed);
        chunk.copy_from_slice(&word.to_ne_bytes());
        // SAFETY: at most one past the end.
        at = unsafe { at.add(8) };
    }
    // SAFETY: as many readable bytes as are left of `to`.
    unsafe { copy_bytes(at, chunks.into_remainder()) };
}

unsafe fn copy_bytes(from: *mut u8, to: &mut [u8]) {
    for (i, byte) in to.iter_mut().enumerate() {
        // SAFETY: readable for the length of `to`, by the caller. Relaxed: as for the words.
        *byte = unsafe { AtomicU8::from_ptr(from.add(i)) }.load(Ordering::Relaxed);
    }
}
