//! A range of a segment, mapped twice back to back.
//!
//! ```text
//! segment   ..|abcdefgh|..
//! mirror      |abcdefgh|abcdefgh|      a window over the end of a ring is one piece: `gh` + `abc`
//! ```

use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::NonNull;

use nix::errno::Errno;
use nix::sys::mman::{self, MapFlags, MmapAdvise, ProtFlags};

use crate::layout::PAGE_LEN_BYTES;
use crate::segment::{Access, NAMELESS, Segment, SegmentError};

/// Two mappings of the same bytes, one behind the other. Dropping it unmaps both.
#[derive(Debug)]
pub struct Mirror {
    memory: NonNull<u8>,
    len_bytes: usize,
}

// SAFETY: it owns a mapping that any thread may use or unmap, reached through raw pointers only.
unsafe impl Send for Mirror {}
// SAFETY: as above; no method moves the mapping through `&self`.
unsafe impl Sync for Mirror {}

impl Mirror {
    /// Maps the page-aligned `range` of `segment` twice, with the segment's own access. The mapping
    /// stays valid when the segment is dropped.
    pub fn map(segment: &Segment, range: Range<usize>) -> Result<Self, SegmentError> {
        let error = |errno| SegmentError::System {
            name: segment.name().unwrap_or(NAMELESS).to_string(),
            call: "mmap",
            errno,
        };
        let aligned =
            range.start.is_multiple_of(PAGE_LEN_BYTES) && range.end.is_multiple_of(PAGE_LEN_BYTES);
        if !aligned || range.is_empty() || range.end > segment.len_bytes() {
            let (start, end, len_bytes) = (range.start, range.end, segment.len_bytes());
            return Err(SegmentError::Range {
                start,
                end,
                len_bytes,
            });
        }
        let len = NonZeroUsize::new(range.len()).ok_or_else(|| error(Errno::EINVAL))?;
        let twice = len
            .checked_mul(NonZeroUsize::MIN.saturating_add(1))
            .ok_or_else(|| error(Errno::ENOMEM))?;
        // Reserve the room first, so that both halves land in it and nobody else does.
        // SAFETY: a new mapping at a place the kernel chooses touches no memory of ours.
        let memory = unsafe {
            mman::mmap_anonymous(None, twice, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE)
        }
        .map_err(error)?;
        // From here on dropping it unmaps, whatever happens.
        let mirror = Self {
            memory: memory.cast(),
            len_bytes: len.get(),
        };
        for half in [0, len.get()] {
            let place = NonZeroUsize::new(mirror.as_ptr().addr() + half);
            // SAFETY: `place..place + len` lies in the room just reserved, which nobody uses yet.
            unsafe {
                mman::mmap(
                    place,
                    len,
                    segment.access().flags(),
                    MapFlags::MAP_SHARED | MapFlags::MAP_FIXED,
                    segment.fd(),
                    range.start as i64,
                )
            }
            .map_err(error)?;
        }
        Ok(mirror)
    }

    /// First byte, page-aligned; `2 * len_bytes` bytes follow, until it is dropped.
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    /// Length of one half in bytes.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Changes what this process may do with both halves.
    ///
    /// # Safety
    ///
    /// Nothing of this process uses them in a way that `access` forbids, now or later.
    pub unsafe fn protect(&self, access: Access) -> Result<(), SegmentError> {
        // SAFETY: the whole mapping is ours; who uses it is this function's contract.
        unsafe { mman::mprotect(self.memory.cast(), 2 * self.len_bytes, access.flags()) }
            .map_err(|e| error("mprotect", e))
    }

    /// Keeps both halves out of processes that this one forks from now on.
    pub fn keep_from_children(&self) -> Result<(), SegmentError> {
        // SAFETY: the whole mapping is ours; the advice changes nothing in this process.
        unsafe {
            mman::madvise(
                self.memory.cast(),
                2 * self.len_bytes,
                MmapAdvise::MADV_DONTFORK,
            )
        }
        .map_err(|e| error("madvise", e))
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        // SAFETY: the mapping was reserved with this length, and its users hold the mirror.
        let _ = unsafe { mman::munmap(self.memory.cast(), 2 * self.len_bytes) };
    }
}

fn error(call: &'static str, errno: Errno) -> SegmentError {
    SegmentError::System {
        name: "(mirror)".to_string(),
        call,
        errno,
    }
}
