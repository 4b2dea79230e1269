//! Records of any length in a ring of bytes.
//!
//! ```text
//! | length: u32, this machine's byte order | payload | zeros up to a multiple of 8 |
//! ```
//!
//! Positions count bytes; only whole frames are published, so `written` and `consumed` always lie
//! between two frames. A frame is one piece of memory, wherever the ring ends. It takes at most
//! half the capacity, so that one can be written while another is read. A length found in the ring
//! is checked before it is used.

use std::sync::Arc;

use crate::consumer::wait_available;
use crate::mapped::MappedRing;
use crate::producer::wait_free;
use crate::raw::{Available, RawConsumer, RawProducer, RawTap};
use crate::ring::{CACHE_LINE_LEN_BYTES, RingCorrupt};
use crate::shared::{close_producer, leave_reader};
use crate::tap::copy_changing;
use crate::wait::{IdleStrategy, Patience};

/// Bytes of the length in front of a payload.
pub const FRAME_PREFIX_LEN_BYTES: usize = 4;

/// Bytes that a frame with this much payload takes in the ring; `None` beyond what a `u32` counts.
#[inline]
pub fn frame_len_bytes(payload_len_bytes: usize) -> Option<usize> {
    u32::try_from(payload_len_bytes).ok()?;
    (payload_len_bytes + FRAME_PREFIX_LEN_BYTES).checked_next_multiple_of(8)
}

/// The longest payload that a ring of this capacity takes.
pub fn payload_len_bytes_max(capacity_bytes: u64) -> usize {
    let half = (capacity_bytes / 2) & !7;
    (half.min(u64::from(u32::MAX)) as usize).saturating_sub(FRAME_PREFIX_LEN_BYTES)
}

/// Writes a frame to the front of `to` and returns its length in bytes; `None`, and nothing
/// written, when it does not fit.
#[inline]
pub fn write_frame(to: &mut [u8], payload: &[u8]) -> Option<usize> {
    let len = frame_len_bytes(payload.len())?;
    let frame = to.get_mut(..len)?;
    frame[FRAME_PREFIX_LEN_BYTES..][..payload.len()].copy_from_slice(payload);
    seal(frame, payload.len());
    Some(len)
}

/// Writes the length in front and the zeros behind.
#[inline]
fn seal(frame: &mut [u8], payload_len_bytes: usize) {
    frame[..FRAME_PREFIX_LEN_BYTES].copy_from_slice(&(payload_len_bytes as u32).to_ne_bytes());
    frame[FRAME_PREFIX_LEN_BYTES + payload_len_bytes..].fill(0);
}

/// The payloads of the frames that lie one behind the other in a slice.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// From the beginning of a frame on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes behind the frames taken so far: none, or the start of a frame that is cut off.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    /// The next whole frame's payload; `None` at the end and at a frame that is cut off, which
    /// [`Frames::rest`] tells apart.
    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let prefix = self.rest.first_chunk::<FRAME_PREFIX_LEN_BYTES>()?;
        let payload_len = u32::from_ne_bytes(*prefix) as usize;
        let (frame, rest) = self.rest.split_at_checked(frame_len_bytes(payload_len)?)?;
        self.rest = rest;
        Some(&frame[FRAME_PREFIX_LEN_BYTES..][..payload_len])
    }
}

/// Writes frames. Dropping it ends the stream.
#[derive(Debug)]
pub struct FrameProducer {
    raw: RawProducer,
    /// Position behind the last frame, all of which are published.
    at: u64,
    /// Payload bytes handed out by the last `reserve`.
    reserved: Option<usize>,
    idle: IdleStrategy,
    patience: Patience,
    mapped: Arc<MappedRing>,
}

impl FrameProducer {
    pub(crate) fn new(mapped: Arc<MappedRing>) -> Self {
        let raw = mapped.handle().producer();
        let at = mapped.handle().written();
        Self {
            raw,
            at,
            reserved: None,
            idle: IdleStrategy::default(),
            patience: mapped.handle().patience(),
            mapped,
        }
    }

    /// With another way to wait than [`IdleStrategy::BALANCED`].
    pub fn idle(mut self, idle: IdleStrategy) -> Self {
        self.idle = idle;
        self
    }

    /// The longest payload the ring takes, in bytes.
    pub fn payload_len_bytes_max(&self) -> usize {
        payload_len_bytes_max(self.mapped.geometry().capacity)
    }

    /// Room for a frame of up to `payload_len_bytes`, to be written in place and then committed.
    /// It holds old bytes. At once or not at all.
    #[inline]
    pub fn try_reserve(&mut self, payload_len_bytes: usize) -> Result<&mut [u8], FrameError> {
        let need = self.need(payload_len_bytes)?;
        if self.raw.free_for(self.at, need as u64)? < need as u64 {
            return Err(FrameError::Full);
        }
        Ok(self.room(need, payload_len_bytes))
    }

    /// As [`FrameProducer::try_reserve`], waiting while there is no room.
    #[inline]
    pub fn reserve(&mut self, payload_len_bytes: usize) -> Result<&mut [u8], FrameError> {
        let need = self.need(payload_len_bytes)?;
        if self.raw.known_free(self.at) < need as u64 {
            self.wait_for(need as u64)?;
        }
        Ok(self.room(need, payload_len_bytes))
    }

    /// Out of line, so that what `reserve` mostly does is part of its caller's loop.
    #[cold]
    #[inline(never)]
    fn wait_for(&mut self, need: u64) -> Result<(), RingCorrupt> {
        if self.raw.free_for(self.at, need)? < need {
            let patience = &mut self.patience;
            wait_free(
                &mut self.raw,
                &self.mapped,
                self.at,
                need,
                self.idle,
                patience,
            )?;
        }
        Ok(())
    }

    /// The payload's part of the next `need` bytes, which the caller found to be free.
    #[inline]
    fn room(&mut self, need: usize, payload_len_bytes: usize) -> &mut [u8] {
        self.reserved = Some(payload_len_bytes);
        // Frames shorter than a line would ask for each line several times.
        if need >= CACHE_LINE_LEN_BYTES {
            self.raw.fetch_ahead(self.at, need as u64);
        }
        let frame = self.frame(need);
        &mut frame[FRAME_PREFIX_LEN_BYTES..][..payload_len_bytes]
    }

    /// Publishes the frame last reserved, with the first `payload_len_bytes` of its room as payload.
    ///
    /// # Panics
    ///
    /// When less was reserved, or nothing.
    #[inline]
    pub fn commit(&mut self, payload_len_bytes: usize) {
        let reserved = self.reserved.take();
        if reserved.is_none_or(|reserved| payload_len_bytes > reserved) {
            too_long(payload_len_bytes, reserved);
        }
        let len = (payload_len_bytes + FRAME_PREFIX_LEN_BYTES).next_multiple_of(8);
        seal(self.frame(len), payload_len_bytes);
        self.at = self.at.wrapping_add(len as u64);
        self.raw.publish(self.at);
        self.raw.ring().ring_readers();
    }

    /// Writes one frame, at once or not at all.
    #[inline]
    pub fn try_push(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        self.try_reserve(payload.len())?.copy_from_slice(payload);
        self.commit(payload.len());
        Ok(())
    }

    /// Writes one frame, waiting while there is no room.
    #[inline]
    pub fn push(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        self.reserve(payload.len())?.copy_from_slice(payload);
        self.commit(payload.len());
        Ok(())
    }

    #[inline]
    fn need(&self, payload_len_bytes: usize) -> Result<usize, FrameError> {
        let max = self.payload_len_bytes_max();
        let fits = (payload_len_bytes <= max)
            .then(|| frame_len_bytes(payload_len_bytes))
            .flatten();
        fits.ok_or(FrameError::TooLong {
            len_bytes: payload_len_bytes,
            max_len_bytes: max,
        })
    }

    /// The next `len` bytes of the ring, which the caller found to be free.
    #[inline]
    fn frame(&mut self, len: usize) -> &mut [u8] {
        let slots = self.raw.slots(self.at, len as u64);
        // SAFETY: these bytes are free (callers look first) and in one piece (mirror); no reader is
        // there before they are published, and this is the only producer (its seat).
        unsafe { core::slice::from_raw_parts_mut(slots, len) }
    }
}

impl Drop for FrameProducer {
    fn drop(&mut self) {
        close_producer(self.mapped.handle());
    }
}

/// By value and out of line: a message that borrows its numbers would have every commit store them
/// first.
#[cold]
#[inline(never)]
fn too_long(payload_len_bytes: usize, reserved: Option<usize>) -> ! {
    panic!("commit of a frame of {payload_len_bytes} bytes, reserved: {reserved:?}")
}

/// Reads frames, each exactly once. Dropping it leaves: the producer waits for it no more.
#[derive(Debug)]
pub struct FrameConsumer {
    raw: RawConsumer,
    /// Position behind the frame that was handed out last.
    from: u64,
    /// Position up to which frames were given back.
    released: u64,
    idle: IdleStrategy,
    patience: Patience,
    mapped: Arc<MappedRing>,
}

impl FrameConsumer {
    pub(crate) fn new(mapped: Arc<MappedRing>, reader: usize) -> Self {
        let raw = RawConsumer::new(*mapped.handle(), reader);
        let from = mapped.handle().consumed(reader);
        Self {
            raw,
            from,
            released: from,
            idle: IdleStrategy::default(),
            patience: mapped.handle().patience(),
            mapped,
        }
    }

    /// With another way to wait than [`IdleStrategy::BALANCED`].
    pub fn idle(mut self, idle: IdleStrategy) -> Self {
        self.idle = idle;
        self
    }

    /// The next frame's payload, in place, if it is there. Gives the frame before it back.
    #[inline]
    pub fn try_next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.release();
        let available = self.raw.available(self.from)? as usize;
        if available == 0 {
            return Ok(None);
        }
        let mut frames = Frames::new(Self::bytes(&self.raw, self.from, available));
        let Some(payload) = frames.next() else {
            return Err(FrameError::Damaged {
                position: self.from,
                available_bytes: available,
            });
        };
        let taken = available - frames.rest().len();
        self.from = self.from.wrapping_add(taken as u64);
        Ok(Some(payload))
    }

    /// The next frame's payload, in place, waiting for it; `None` when the stream has ended. Gives
    /// the frame before it back.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.release();
        if self.raw.known_available(self.from) == 0 {
            self.wait_for_more()?;
        }
        self.try_next()
    }

    /// Out of line, as [`FrameProducer::reserve`]'s waiting.
    #[cold]
    #[inline(never)]
    fn wait_for_more(&mut self) -> Result<(), RingCorrupt> {
        if self.raw.available(self.from)? == 0 {
            self.patience.pause();
            wait_available(&mut self.raw, &self.mapped, self.from, 1, self.idle)?;
            let available = self.raw.known_available(self.from);
            let first = Frames::new(Self::bytes(&self.raw, self.from, available as usize)).next();
            let step = first.and_then(|payload| frame_len_bytes(payload.len()));
            self.patience.found(available, step.unwrap_or(1) as u64);
        }
        Ok(())
    }

    /// The `available` bytes behind `from`, which the caller found to be there.
    #[inline]
    fn bytes(raw: &RawConsumer, from: u64, available: usize) -> &[u8] {
        let items = raw.items(from);
        // SAFETY: these bytes are whole and in one piece (mirror); the producer writes them anew
        // only after their release, which takes this end mutably.
        unsafe { core::slice::from_raw_parts(items, available) }
    }

    /// Gives the frame that was handed out last back now, instead of with the next call.
    #[inline]
    pub fn release(&mut self) {
        if self.released != self.from {
            self.released = self.from;
            self.raw.release(self.from);
            self.raw.ring().ring_producer();
        }
    }

    /// Whether the stream has ended and every frame was handed out.
    pub fn is_ended(&mut self) -> Result<bool, RingCorrupt> {
        Ok(self.raw.look(self.from)? == Available::Ended)
    }
}

impl Drop for FrameConsumer {
    fn drop(&mut self) {
        leave_reader(self.mapped.handle(), self.raw.reader());
    }
}

/// Copies frames out of a ring and holds nobody back.
#[derive(Debug)]
pub struct FrameTap {
    raw: RawTap,
    mapped: Arc<MappedRing>,
    buffer: Vec<u8>,
}

impl FrameTap {
    pub(crate) fn new(raw: RawTap, mapped: Arc<MappedRing>) -> Self {
        Self {
            raw,
            mapped,
            buffer: Vec::new(),
        }
    }

    /// Bytes of frames it has missed so far.
    pub fn lost_bytes(&self) -> u64 {
        self.raw.lost()
    }

    /// Copies the frames that are new; none when there is no news, or when the producer overtook
    /// it, which [`FrameTap::lost_bytes`] then counts.
    pub fn read(&mut self) -> Result<Frames<'_>, FrameError> {
        let ring = self.mapped.handle();
        self.buffer.resize(ring.geometry().data_len_bytes, 0);
        let buffer = &mut self.buffer;
        let position = self.raw.position();
        let count = self.raw.take(u64::MAX, |position, count| {
            // SAFETY: `count` bytes, at most `slots`, from a slot on are mapped, in one piece (mirror).
            unsafe { copy_changing(ring.slot_ptr(position), &mut buffer[..count as usize]) };
        }) as usize;
        let mut frames = Frames::new(&self.buffer[..count]);
        frames.by_ref().for_each(drop);
        if !frames.rest().is_empty() {
            return Err(FrameError::Damaged {
                position,
                available_bytes: count,
            });
        }
        Ok(Frames::new(&self.buffer[..count]))
    }

    /// Whether the stream has ended and everything was read.
    pub fn is_ended(&self) -> bool {
        let ring = self.mapped.handle();
        ring.is_closed() && ring.written() == self.raw.position()
    }
}

/// Why a frame was not written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// There is no room for it now.
    #[error("the ring has no room for the frame now")]
    Full,
    /// It takes more than half the ring.
    #[error(
        "frame of {len_bytes} bytes, this ring takes up to {max_len_bytes}: make the ring longer (twice the frame)"
    )]
    TooLong {
        /// Bytes of its payload.
        len_bytes: usize,
        /// The most there may be.
        max_len_bytes: usize,
    },
    /// The length found in the ring is not one a producer wrote.
    #[error(
        "frame at position {position} does not fit the {available_bytes} bytes published: the ring is damaged"
    )]
    Damaged {
        /// Where it begins.
        position: u64,
        /// Bytes there are from there on.
        available_bytes: usize,
    },
    /// A position is damaged.
    #[error(transparent)]
    Corrupt(#[from] RingCorrupt),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RingSpec, SharedRing};

    #[test]
    fn a_length_that_the_published_bytes_do_not_hold_is_damage_and_not_a_slice() {
        for (length, whole) in [
            (0u32, true),
            (12, true),
            (13, false),
            (u32::MAX - 3, false),
            (u32::MAX, false),
        ] {
            let ring = SharedRing::anonymous(&RingSpec::frames(100)).unwrap();
            let (mut consumer, mut tap) =
                (ring.frame_consumer(0).unwrap(), ring.frame_tap().unwrap());
            let handle = *consumer.mapped.handle();
            // SAFETY: the first slots of a mapped ring without a producer, and aligned.
            unsafe { handle.slot_ptr(0).cast::<u32>().write(length) };
            handle.publish(if length == 0 { 8 } else { 16 });
            let damaged = FrameError::Damaged {
                position: 0,
                available_bytes: 16,
            };
            let expected = if whole {
                Ok(Some(length as usize))
            } else {
                Err(damaged)
            };
            assert_eq!(
                consumer.try_next().map(|frame| frame.map(<[u8]>::len)),
                expected
            );
            let tapped = tap.read().map(|mut frames| frames.next().map(<[u8]>::len));
            assert_eq!(tapped, expected);
        }
    }

    #[test]
    fn a_frame_that_does_not_fit_is_not_written() {
        let mut room = [0xaa; 16];
        assert_eq!(write_frame(&mut room, &[1; 13]), None);
        assert_eq!(room, [0xaa; 16]);
        assert_eq!(write_frame(&mut room, &[1; 9]), Some(16));
        assert_eq!(Frames::new(&room).next(), Some(&[1u8; 9][..]));
        assert_eq!(room[13..], [0; 3], "the padding shows old bytes");
    }
}
