//! Where an agent's part of the two records lies: flags, positions, and what few agents have beside them.

use std::sync::atomic::AtomicU64;

use crate::control::{Control, which_record};

/// One agent's part of both records.
pub(super) struct Part {
    at: [*const AtomicU64; 2],
}

impl Part {
    /// The part of the agent `ix`.
    ///
    /// # Safety
    /// The control block stays mapped as long as the value lives.
    pub(super) unsafe fn of(control: &Control, ix: usize) -> Part {
        let layout = &control.layout().agents[ix];
        let end = layout.written_word(layout.outputs);
        let first = |version| control.record(version)[layout.word..end].as_ptr();
        Part {
            at: [first(0), first(1)],
        }
    }

    /// The flags in the record of `version`.
    #[inline(always)]
    pub(super) fn flags(&self, version: u64) -> &AtomicU64 {
        // SAFETY: the first word of a part, mapped (`of`), atomic.
        unsafe { &*self.at[which_record(version)] }
    }

    /// The first position in the record of `version`: two for each input and one for each output follow
    /// each other.
    #[inline(always)]
    pub(super) fn positions(&self, version: u64) -> *const AtomicU64 {
        self.at[which_record(version)].wrapping_add(1)
    }
}
