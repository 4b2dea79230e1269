//! Rest: all workers of a run stand still between two steps, so that a whole cut can be copied.
//!
//! The coordinator counts a word up: while it is odd the workers are called to rest. Each says in its
//! control block which call it rests for ([`crate::control::Life::resting`]), touches nothing shared, and
//! goes on when the word moves on. A worker that dies meanwhile is at rest as soon as it is reaped.
//!
//! It is a plain word and no latch because it is looked at between any two steps: the pause is then as
//! long as the longest step, and the look costs a load from a line that nobody stores to. Edges:
//! * REST: all a worker stored comes before it says that it rests;
//! * WORK: all the coordinator read comes before it lets the workers go.

use std::sync::atomic::{AtomicU64, Ordering};

/// The word in the run header. Only the coordinator stores it.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Rest(AtomicU64);

impl Rest {
    /// Nobody is called.
    pub const fn new() -> Rest {
        Rest(AtomicU64::new(0))
    }

    /// Calls all workers to rest; gives the number of the call. Their bells are still to be rung.
    pub fn call(&self) -> u64 {
        // Relaxed: only this process stores it, and nothing is handed over by it.
        let call = self.0.load(Ordering::Relaxed) | 1;
        self.0.store(call, Ordering::Relaxed);
        call
    }

    /// Lets the workers go on. Their bells are still to be rung.
    pub fn end(&self) {
        // Relaxed: only this process stores it.
        let next = (self.0.load(Ordering::Relaxed) | 1) + 1;
        // WORK (out, to `called`): what was read while they rested comes before they go on.
        self.0.store(next, Ordering::Release);
    }

    /// The call that holds now.
    #[inline(always)]
    pub fn called(&self) -> Option<u64> {
        // WORK (in, from `end`): what a worker stores after its rest comes after it was let go.
        let word = self.0.load(Ordering::Acquire);
        (word & 1 == 1).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_number_of_its_own() {
        let rest = Rest::new();
        assert_eq!(rest.called(), None);
        let first = rest.call();
        assert_eq!(rest.called(), Some(first));
        rest.end();
        assert_eq!(rest.called(), None);
        assert!(rest.call() > first);
    }
}
