//! Dry: loops of streams in which no item is left, and into which none will come, end; and so do loops that nobody
//! wants, or that a stop finds going.
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
//!
//! An agent of a loop may end before that. The coordinator dismisses it, by a byte of its own: an agent whose
//! loop nobody reads from outside any more, or the delay of a loop that was stopped and never runs dry. The byte only
//! rises, and nothing is handed over by it: whenever it is seen, the agent ends. The delay of a loop that nothing feeds ends
//! at the stop, as a source does.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

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

/// The byte of an agent of a loop. Only the coordinator stores it.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Dismissal(AtomicU8);

impl Dismissal {
    /// The agent goes on.
    pub const fn new() -> Dismissal {
        Dismissal(AtomicU8::new(0))
    }

    /// The agent is to end. The bell of its worker is still to be rung.
    pub fn dismiss(&self) {
        // Relaxed: nothing but the byte itself is handed over.
        self.0.store(1, Ordering::Relaxed);
    }

    /// Is the agent to end?
    #[inline]
    pub fn is_dismissed(&self) -> bool {
        // Relaxed: as above.
        self.0.load(Ordering::Relaxed) != 0
    }
}

/// What ends an agent of a loop, beside the end of its inputs.
#[derive(Clone, Copy, Debug)]
pub struct Bed {
    dismissal: *const Dismissal,
    word: *const Dry,
    /// The loop's level, for a delay; beyond all levels for others, which the end of a delay reaches.
    level: u64,
    is_spring: bool,
}

impl Bed {
    /// An agent of a loop that delays nothing.
    ///
    /// # Safety
    /// Byte and word stay mapped as long as the value lives.
    pub unsafe fn new(dismissal: *const Dismissal, word: *const Dry) -> Bed {
        Bed {
            dismissal,
            word,
            level: u64::MAX,
            is_spring: false,
        }
    }

    /// The agent is a delay of a loop of this level; nothing feeds a loop that is a spring.
    pub fn delays(self, level: u64, is_spring: bool) -> Bed {
        Bed {
            level,
            is_spring,
            ..self
        }
    }

    /// Is it a source in all but its name?
    pub fn is_spring(&self) -> bool {
        self.is_spring
    }

    /// Is the agent to end? `stopping`: sources are.
    #[inline]
    pub fn is_over(&self, stopping: bool) -> bool {
        // SAFETY: mapped (`new`), atomics.
        let (dismissal, word) = unsafe { (&*self.dismissal, &*self.word) };
        word.level() >= self.level || (self.is_spring && stopping) || dismissal.is_dismissed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_dry_when_the_word_has_reached_its_level() {
        let (word, byte) = (Dry::new(0), Dismissal::new());
        // SAFETY: word and byte outlive them.
        let other = unsafe { Bed::new(&byte, &word) };
        let (first, second) = (other.delays(1, false), other.delays(2, false));
        assert!(!first.is_over(false) && !second.is_over(false));
        word.raise(1);
        assert!(first.is_over(false) && !second.is_over(false));
        word.raise(2);
        assert!(second.is_over(false) && !other.is_over(false));
    }

    #[test]
    fn a_stop_ends_delays_of_loops_that_nothing_feeds_and_a_dismissal_any_agent() {
        let (word, byte) = (Dry::new(0), Dismissal::new());
        // SAFETY: word and byte outlive them.
        let other = unsafe { Bed::new(&byte, &word) };
        let (fed, spring) = (other.delays(1, false), other.delays(1, true));
        assert!(spring.is_over(true) && !spring.is_over(false));
        assert!(!fed.is_over(true) && !other.is_over(true));
        byte.dismiss();
        assert!([fed, spring, other].iter().all(|bed| bed.is_over(false)));
    }
}
