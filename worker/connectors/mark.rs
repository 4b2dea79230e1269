//! A mark that outlives the process that sets it: one shared byte, made before the fork.
//!
//! What can be read only once is gone when its reader is killed between the read and the commit. The commit
//! cannot tell: it never came. The mark can, since it is set before the first read.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Set once, seen by whoever is forked from the process that made it, whenever that is.
pub(super) struct Mark {
    page: NonNull<AtomicBool>,
}

impl Mark {
    /// A mark that is not set.
    pub(super) fn new() -> io::Result<Mark> {
        let read_write = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
        let page = unsafe { mmap_anonymous(None, Mark::LEN, read_write, MapFlags::MAP_SHARED)? };
        Ok(Mark { page: page.cast() })
    }

    /// From now on it is set, whatever happens to this process.
    pub(super) fn set(&self) {
        // Relaxed: who looks is forked after the kernel has reaped who set it.
        self.flag().store(true, Ordering::Relaxed);
    }

    /// True once this process or a dead one has set it.
    pub(super) fn is_set(&self) -> bool {
        self.flag().load(Ordering::Relaxed)
    }

    const LEN: NonZeroUsize = NonZeroUsize::new(size_of::<AtomicBool>()).unwrap();

    fn flag(&self) -> &AtomicBool {
        // SAFETY: the page is mapped until drop, zeroed by the kernel (a valid `false`), and only ever
        // accessed as this atomic.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it with this length, and nobody borrows it any more.
        let _ = unsafe { munmap(self.page.cast(), Mark::LEN.get()) };
    }
}
