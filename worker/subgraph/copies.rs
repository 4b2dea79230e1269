//! The two copies of an agent's state as its worker holds them: which one holds, and what to write.

use crate::control::Control;
use crate::state::{Changes, State};

/// An agent's state.
pub(super) struct Copies {
    /// The first and the second copy, in the control block.
    at: [*mut u8; 2],
    len_bytes: usize,
    /// With what follows up to the next block.
    padded_len_bytes: usize,
    /// The second copy is the one that holds.
    pub(super) second: bool,
    /// Where the spare copy differs from the one that holds.
    changes: Changes,
}

impl Copies {
    /// The state of the agent `ix`. What its predecessor wrote is not known, so the copies differ anywhere.
    ///
    /// # Safety
    /// The control block stays mapped as long as the value lives, and nobody else uses this agent's
    /// state meanwhile.
    pub(super) unsafe fn of(control: &Control, ix: usize) -> Copies {
        let len_bytes = control.layout().agents[ix].state_len;
        Copies {
            at: [0, 1].map(|copy| control.state(ix, copy).as_mut_ptr()),
            len_bytes,
            padded_len_bytes: len_bytes.next_multiple_of(64),
            second: false,
            changes: Changes::anywhere(len_bytes),
        }
    }

    /// There is something to keep.
    pub(super) fn are_any(&self) -> bool {
        self.len_bytes > 0
    }

    /// What a call writes: the spare copy, made equal to the one that holds. Without commits that one.
    #[inline(always)]
    pub(super) fn spare<const COMMITS: bool>(&mut self) -> State<'_> {
        if !COMMITS {
            return State::new(self.copy(0));
        }
        if self.are_any() {
            let (current, spare) = (usize::from(self.second), usize::from(!self.second));
            let (current, len) = (self.at[current], self.padded_len_bytes);
            // SAFETY: as in `copy`; each copy is padded to whole blocks, and they lie side by side.
            let current = unsafe { std::slice::from_raw_parts(current, len) };
            // SAFETY: as above.
            let spare = unsafe { std::slice::from_raw_parts_mut(self.at[spare], len) };
            self.changes.bring_up(current, spare);
        }
        self.written::<COMMITS>()
    }

    /// What the last call wrote.
    #[inline(always)]
    pub(super) fn written<const COMMITS: bool>(&mut self) -> State<'_> {
        if !COMMITS {
            return State::new(self.copy(0));
        }
        let spare = usize::from(!self.second);
        // SAFETY: as in `copy`, but that `changes` is borrowed beside it.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.at[spare], self.len_bytes) };
        State::noted(bytes, &mut self.changes)
    }

    /// From the commit on what the last call wrote holds.
    pub(super) fn flip<const COMMITS: bool>(&mut self) {
        self.second ^= COMMITS && self.are_any();
    }

    /// The copies are taken for equal.
    pub(super) fn trust(&mut self) {
        self.changes.forget();
    }

    /// What a seeded defect does: what the last call wrote is in the other copy, too.
    pub(super) fn overwrite(&mut self) {
        let new = usize::from(self.second);
        // SAFETY: as in `copy`; the two copies lie side by side.
        let new = unsafe { std::slice::from_raw_parts(self.at[new], self.len_bytes) };
        self.copy(usize::from(!self.second)).copy_from_slice(new);
    }

    fn copy(&mut self, copy: usize) -> &mut [u8] {
        // SAFETY: so long are the copies that `at` points to, mapped and ours alone (`of`).
        unsafe { std::slice::from_raw_parts_mut(self.at[copy], self.len_bytes) }
    }
}
