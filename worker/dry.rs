//! Dry: loops of streams in which no item is left, and into which none will come, end.
//!
//! An agent that takes from whichever input has something (`merge`) ends when all its inputs have, and one of
//! them is what it feeds itself: nobody inside the loop can know that the last item has gone around. The
//! coordinator can, when the whole run stands still and every agent waits for items; it then raises a word, and
//! the delays of those loops end. Loops are counted from the sources on: a loop's level is one more than the
//! highest of those it is fed by, and a delay ends when the word has reached its loop's level.
//!
//! The word only grows. A delay that finds it raised consumes nothing more, so that what agents of its loop give
//! at their end does not go around, whoever is first to look. Edge:
//! * DRY: whoever sees what came of another delay's end sees the word that ended it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The word in the run header. Only the coordinator stores it.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Dry(AtomicU64);

impl Dry {
    /// Loops up to this level have run dry; 0: none has.
    pub const fn new(level: u64) -> Dry {
        Dry(AtomicU64::new(level))
    }

    /// Loops up to this level have run dry. The workers' bells are still to be rung.
    pub fn raise(&self, level: u64) {
        // DRY (out, to `level`): a delay that ends by it publishes its end after it has seen it.
        self.0.store(level, Ordering::Release);
    }

    /// The highest level of which all loops have run dry.
    #[inline]
    pub fn level(&self) -> u64 {
        // DRY (in, from `raise`): looked at after the delay's input.
        self.0.load(Ordering::Acquire)
    }
}

/// The delay of a loop: where the word is, and the loop's level.
#[derive(Clone, Copy, Debug)]
pub struct Bed {
    word: *const Dry,
    level: u64,
}

impl Bed {
    /// A delay of a loop of this level.
    ///
    /// # Safety
    /// The word stays mapped as long as the value lives.
    pub unsafe fn new(word: *const Dry, level: u64) -> Bed {
        Bed { word, level }
    }

    /// Has the loop run dry?
    #[inline]
    pub fn is_dry(&self) -> bool {
        // SAFETY: mapped (`new`), an atomic.
        unsafe { &*self.word }.level() >= self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_dry_when_the_word_has_reached_its_level() {
        let word = Dry::new(0);
        // SAFETY: the word outlives them.
        let (first, second) = unsafe { (Bed::new(&word, 1), Bed::new(&word, 2)) };
        assert!(!first.is_dry() && !second.is_dry());
        word.raise(1);
        assert!(first.is_dry() && !second.is_dry());
        word.raise(2);
        assert!(second.is_dry());
    }
}
