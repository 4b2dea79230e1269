//! A ring inside a segment: formatted or checked, its data mirrored, and kept mapped.

use std::sync::Arc;

use crate::barrier::{Fencing, enroll};
use crate::layout::{Geometry, LayoutError, PAGE_LEN_BYTES, RingSpec};
use crate::mirror::Mirror;
use crate::ring::{Ring, RingCorrupt};
use crate::segment::{Access, Segment, SegmentError};

/// A ring, with the mappings it lives in.
#[derive(Debug)]
pub struct MappedRing {
    ring: Ring,
    mirror: Mirror,
    segment: Arc<Segment>,
    offset_bytes: usize,
}

impl MappedRing {
    /// Makes a ring at `offset_bytes` of `segment`, page-aligned; it takes `len_bytes` of the spec's
    /// geometry. Enrolls this process for cheap waiting where the kernel can.
    ///
    /// # Safety
    ///
    /// Nobody uses those bytes of the segment before this returns.
    pub unsafe fn format(
        segment: &Arc<Segment>,
        offset_bytes: usize,
        spec: &RingSpec,
    ) -> Result<Self, OpenError> {
        let fencing = enroll();
        let geometry = spec.geometry(fencing)?;
        let room = room(segment, offset_bytes)?;
        if room < geometry.len_bytes() {
            let (found, need) = (room as u64, geometry.len_bytes() as u64);
            return Err(LayoutError::TooShort { found, need }.into());
        }
        // SAFETY: the offset is page-aligned and the header fits behind it (above); that nobody
        // uses it yet is this function's contract.
        let geometry = unsafe { Ring::format(segment.as_ptr().add(offset_bytes), spec, fencing) }?;
        Self::map(segment, offset_bytes, geometry)
    }

    /// Finds a ring at `offset_bytes` of `segment` and checks its header and positions. Enrolls this
    /// process where the ring asks it, unless the segment is mapped to read only.
    pub fn open(segment: &Arc<Segment>, offset_bytes: usize) -> Result<Self, OpenError> {
        let room = room(segment, offset_bytes)?;
        // SAFETY: page-aligned, and `room` bytes behind the offset are mapped.
        let geometry = unsafe { Geometry::of_header(segment.as_ptr().add(offset_bytes), room) }?;
        let takes_part = segment.access() == Access::ReadWrite;
        if takes_part && geometry.fencing == Fencing::Asymmetric && enroll() != Fencing::Asymmetric
        {
            return Err(OpenError::Barrier);
        }
        let mapped = Self::map(segment, offset_bytes, geometry)?;
        mapped.ring.check()?;
        Ok(mapped)
    }

    fn map(
        segment: &Arc<Segment>,
        offset_bytes: usize,
        geometry: Geometry,
    ) -> Result<Self, OpenError> {
        let data = offset_bytes + geometry.header_len_bytes;
        let mirror = Mirror::map(segment, data..data + geometry.data_len_bytes)?;
        // SAFETY: the header was formatted or checked for this geometry and the mirror shows its
        // data twice; both live as long as this value. Who uses the ring how is the contract of
        // `MappedRing::ring`, or is seen to by the typed ends.
        let ring = unsafe {
            Ring::from_raw(
                segment.as_ptr().add(offset_bytes),
                mirror.as_ptr(),
                geometry,
            )
        };
        let ring = ring.ok_or(LayoutError::HalfMade)?;
        Ok(Self {
            ring,
            mirror,
            segment: segment.clone(),
            offset_bytes,
        })
    }

    /// The untyped handle.
    ///
    /// # Safety
    ///
    /// The handle and its copies are not used after this value is dropped, and whoever uses them
    /// keeps the second half of the contract of [`Ring::from_raw`].
    pub unsafe fn ring(&self) -> Ring {
        self.ring
    }

    /// The handle, for the ends in this crate, which keep the mapping.
    pub(crate) fn handle(&self) -> &Ring {
        &self.ring
    }

    /// Its checked shape.
    pub fn geometry(&self) -> &Geometry {
        self.ring.geometry()
    }

    /// The segment it lies in.
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Where in the segment it lies.
    pub fn offset_bytes(&self) -> usize {
        self.offset_bytes
    }

    /// Changes what this process may do with the ring: `header` for its words, `data` for the
    /// items, in the mirror and in the segment's own mapping. A reader needs to write the header
    /// (its own line is there) and only read the data; a stranger needs neither.
    ///
    /// # Safety
    ///
    /// Nothing of this process uses the ring in a way that is forbidden hereby, now or later.
    pub unsafe fn protect(&self, header: Access, data: Access) -> Result<(), SegmentError> {
        let geometry = self.geometry();
        let data_from = self.offset_bytes + geometry.header_len_bytes;
        // SAFETY: this function's contract.
        unsafe {
            self.segment.protect(self.offset_bytes..data_from, header)?;
            self.segment
                .protect(data_from..data_from + geometry.data_len_bytes, data)?;
            self.mirror.protect(data)
        }
    }

    /// Keeps the mirror out of processes that this one forks from now on.
    pub fn keep_from_children(&self) -> Result<(), SegmentError> {
        self.mirror.keep_from_children()
    }
}

/// Why a ring could not be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its memory.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Its header, or what was asked for.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Its positions.
    #[error(transparent)]
    Corrupt(#[from] RingCorrupt),
    /// The kernel lets the creator use membarrier but not this process.
    #[error(
        "the ring's waiting takes membarrier(2), which this process may not call: allow it, or create the ring here"
    )]
    Barrier,
}

/// Bytes behind `offset_bytes`, page-aligned.
fn room(segment: &Segment, offset_bytes: usize) -> Result<usize, SegmentError> {
    if !offset_bytes.is_multiple_of(PAGE_LEN_BYTES) || offset_bytes >= segment.len_bytes() {
        let (start, len_bytes) = (offset_bytes, segment.len_bytes());
        return Err(SegmentError::Range {
            start,
            end: start,
            len_bytes,
        });
    }
    Ok(segment.len_bytes() - offset_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::Available;

    #[test]
    fn untyped_ends_pass_items_over_the_end_of_the_ring_in_one_piece() {
        let spec = RingSpec::of::<u64>(512).start(u64::MAX - 300);
        let len = spec.geometry(Fencing::Symmetric).unwrap().len_bytes();
        let segment = Arc::new(Segment::anonymous(len).unwrap());
        // SAFETY: the segment is new and nobody else's.
        let mapped = unsafe { MappedRing::format(&segment, 0, &spec) }.unwrap();
        let again = MappedRing::open(&segment, 0).unwrap();
        assert_eq!(again.geometry(), mapped.geometry());
        // SAFETY: both handles are used while the rings live, one producer and one reader in all.
        let (out, inward) = unsafe { (mapped.ring(), again.ring()) };
        let (mut producer, mut consumer) = (out.producer(), inward.reader(0).unwrap());
        let mut at = spec.start;
        for _ in 0..5 {
            assert_eq!(producer.free_for(at, 512), Ok(512));
            let slots = producer.slots(at, 400).cast::<u64>();
            for i in 0..400 {
                // SAFETY: 400 of the 512 free slots, in one piece.
                unsafe { slots.add(i).write(at.wrapping_add(i as u64)) };
            }
            assert_eq!(consumer.look(at), Ok(Available::Empty));
            producer.publish(at.wrapping_add(400));
            assert_eq!(consumer.look(at), Ok(Available::Items(400)));
            assert_eq!(producer.free_for(at.wrapping_add(400), 113), Ok(112));
            let items = consumer.items(at).cast::<u64>();
            for i in 0..400 {
                // SAFETY: 400 items are available, in one piece.
                assert_eq!(unsafe { items.add(i).read() }, at.wrapping_add(i as u64));
            }
            at = at.wrapping_add(400);
            consumer.release(at);
        }
        out.close();
        assert_eq!(consumer.look(at), Ok(Available::Ended));
    }

    #[test]
    fn positions_that_cannot_be_are_errors_at_both_ends_and_at_the_door() {
        // (written, consumed, whether a ring of capacity 500 can stand so)
        let table = [
            (0, 0, true),
            (500, 0, true),
            (501, 0, false),
            (1 << 63, 0, false),
            (0, 1, false),
            (u64::MAX - 1, u64::MAX - 1, true),
            (498, u64::MAX - 1, true),
            (499, u64::MAX - 1, false),
        ];
        for (written, consumed, good) in table {
            let spec = RingSpec::of::<u64>(500);
            let segment = Arc::new(Segment::anonymous(1 << 16).unwrap());
            // SAFETY: the segment is new and nobody else's.
            let mapped = unsafe { MappedRing::format(&segment, 0, &spec) }.unwrap();
            // SAFETY: used while the ring lives, and by nobody else.
            let ring = unsafe { mapped.ring() };
            ring.publish(written);
            ring.release(0, consumed);
            let corrupt = RingCorrupt {
                reader: Some(0),
                written,
                consumed,
                capacity: 500,
            };
            let answer = |there: u64| if good { Ok(there) } else { Err(corrupt) };
            let there = written.wrapping_sub(consumed);
            assert_eq!(ring.check(), answer(0).map(drop));
            assert_eq!(ring.reader(0).unwrap().available(consumed), answer(there));
            assert_eq!(
                ring.producer().free(written),
                answer(500u64.wrapping_sub(there))
            );
            let door = MappedRing::open(&segment, 0).map(drop);
            assert_eq!(door, answer(0).map(drop).map_err(OpenError::Corrupt));
        }
    }

    #[test]
    fn rings_lie_on_pages_inside_their_segment() {
        let spec = RingSpec::of::<u64>(512);
        let segment = Arc::new(Segment::anonymous(4 * PAGE_LEN_BYTES).unwrap());
        for offset in [1, 128, 4 * PAGE_LEN_BYTES, usize::MAX & !4095] {
            // SAFETY: nobody uses the segment.
            let refused = unsafe { MappedRing::format(&segment, offset, &spec) }.map(drop);
            assert!(
                matches!(refused, Err(OpenError::Segment(SegmentError::Range { .. }))),
                "{offset}"
            );
            let refused = MappedRing::open(&segment, offset).map(drop);
            assert!(
                matches!(refused, Err(OpenError::Segment(SegmentError::Range { .. }))),
                "{offset}"
            );
        }
        // SAFETY: as above.
        let refused = unsafe { MappedRing::format(&segment, 3 * PAGE_LEN_BYTES, &spec) }.map(drop);
        let too_short = LayoutError::TooShort {
            found: 4096,
            need: 8192,
        };
        assert_eq!(refused, Err(OpenError::Layout(too_short)));
        // SAFETY: as above; the two do not overlap.
        let both = unsafe {
            (
                MappedRing::format(&segment, 0, &spec),
                MappedRing::format(&segment, 8192, &spec),
            )
        };
        assert!(both.0.is_ok() && both.1.is_ok());
    }
}
