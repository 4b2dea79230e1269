//! How much was taken of what comes only once: a count that outlives the process that counts.
//!
//! What can be read only once is gone when its reader is killed between the read and the commit. The commit
//! cannot tell: it never came. This can: two shared words, made before the fork, written around each read.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::op::{Args, OpError};

/// Counted by one process at a time, seen by whoever is forked from the process that made it, and by that one.
pub(super) struct Taken {
    words: NonNull<Words>,
}

#[repr(C)]
struct Words {
    /// Reads that were begun, and those that came back.
    begun: AtomicU64,
    ended: AtomicU64,
    /// What they brought.
    amount: AtomicU64,
}

// Relaxed throughout: one process writes, and who looks is forked after the kernel has reaped it, or has
// reaped it itself.
impl Taken {
    /// Nothing is taken yet.
    pub(super) fn new() -> io::Result<Taken> {
        let read_write = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
        let page = unsafe { mmap_anonymous(None, Taken::LEN, read_write, MapFlags::MAP_SHARED)? };
        Ok(Taken { words: page.cast() })
    }

    /// As [`Taken::new`], for an operator.
    pub(super) fn of(args: &Args) -> Result<Taken, OpError> {
        Taken::new().map_err(|e| {
            let op = args.op().name;
            OpError::op(format!("`{op}` needs a page of shared memory: {e}"))
        })
    }

    /// From now on it has begun, though nothing may have been taken.
    pub(super) fn note_beginning(&self) {
        if !self.has_begun() {
            self.begin();
            self.end(0);
        }
    }

    /// A read comes now: whatever happens to this process, it is known that it may have taken something.
    pub(super) fn begin(&self) {
        self.words()
            .begun
            .store(self.words().begun.load(Relaxed) + 1, Relaxed);
    }

    /// The read brought so much.
    pub(super) fn end(&self, amount: usize) {
        let words = self.words();
        words
            .amount
            .store(words.amount.load(Relaxed) + amount as u64, Relaxed);
        words.ended.store(words.begun.load(Relaxed), Relaxed);
    }

    /// This process or a dead one has begun to read.
    pub(super) fn has_begun(&self) -> bool {
        self.words().begun.load(Relaxed) > 0
    }

    /// What was taken beyond `committed`: what is gone when who counted is dead. A count that began later
    /// (in a coordinator that took the run over) knows of less.
    pub(super) fn beyond(&self, committed: u64) -> Beyond {
        let words = self.words();
        let amount = words.amount.load(Relaxed);
        let within_a_read = words.begun.load(Relaxed) != words.ended.load(Relaxed);
        Beyond {
            amount: amount.saturating_sub(committed),
            or_more: within_a_read || amount < committed,
        }
    }

    const LEN: NonZeroUsize = NonZeroUsize::new(size_of::<Words>()).unwrap();

    fn words(&self) -> &Words {
        // SAFETY: the page is mapped until drop, zeroed by the kernel (valid words), and only ever
        // accessed as these atomics.
        unsafe { self.words.as_ref() }
    }
}

/// So much, or more.
pub(super) struct Beyond {
    amount: u64,
    or_more: bool,
}

impl Beyond {
    /// In words, of what is counted in `unit`.
    pub(super) fn of(&self, unit: &str) -> String {
        match self.or_more {
            true => format!("at least {} {unit}", self.amount),
            false => format!("{} {unit}", self.amount),
        }
    }

    /// As [`Beyond::of`], where there is or may be anything.
    pub(super) fn any_of(&self, unit: &str) -> Option<String> {
        (self.amount > 0 || self.or_more).then(|| self.of(unit))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it with this length, and nobody borrows it any more.
        let _ = unsafe { munmap(self.words.cast(), Taken::LEN.get()) };
    }
}
