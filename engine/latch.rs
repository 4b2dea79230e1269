//! Latches: one byte each in the run header, set by the coordinator, seen by all workers.
//!
//! They are `raw_sync`'s `BusyEvent`: a byte and nothing to hold, so a killed process leaves nothing
//! locked. Its accesses are relaxed, so a fence stands before a set and after a wait. Nobody spins on
//! them: they are looked at, and the worker's bell is rung after a change.

use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use raw_sync::Timeout;
use raw_sync::events::{BusyEvent, EventImpl, EventInit, EventState};
use thalweg_worker::dry::Dry;
use thalweg_worker::rest::Rest;

/// Bytes a latch takes: a line of its own.
const LINE: usize = 128;
/// Where the word is that ends loops: beside the one that calls to rest, since both hardly ever change.
const DRY: usize = 2 * LINE + 8;

/// How far loops have run dry in a run whose latches were made before.
///
/// # Safety
/// `place` is the start of its run header, a readable page; nobody stores to it.
pub unsafe fn found_dry(place: *const u8) -> u64 {
    // SAFETY: inside the page, aligned to 8 (this function's contract).
    unsafe { &*place.add(DRY).cast::<Dry>() }.level()
}

/// A byte that turns from clear to set, and back only where its name says so.
pub struct Latch(Box<dyn EventImpl>);

impl Latch {
    /// Makes a clear latch.
    ///
    /// # Safety
    /// `place` is one writable byte pair that stays mapped as long as the latch and is used as this
    /// latch alone.
    unsafe fn make(place: *mut u8) -> Latch {
        // SAFETY: by this function's own contract. Making one cannot fail.
        let made = unsafe { BusyEvent::new(place, false) };
        Latch(made.expect("a busy event needs nothing").0)
    }

    /// Sets it. What was stored before is seen by whoever finds it set.
    pub fn set(&self) {
        // LATCH (out, to `is_set`).
        fence(Ordering::SeqCst);
        // Setting a busy event stores a byte and cannot fail.
        let _ = self.0.set(EventState::Signaled);
    }

    /// Is it set?
    pub fn is_set(&self) -> bool {
        let set = self.0.wait(Timeout::Val(Duration::ZERO)).is_ok();
        // LATCH (in, from `set`).
        fence(Ordering::SeqCst);
        set
    }
}

/// The latches of a run, the word that calls its workers to rest, and beside it the one that ends loops.
pub struct Latches {
    /// Workers begin.
    pub start: Latch,
    /// Sources end, the graph drains.
    pub stop: Latch,
    rest: *const Rest,
    dry: *const Dry,
}

impl Latches {
    /// Makes all of them at the start of the run header, clear but for how far loops have run dry.
    ///
    /// # Safety
    /// `place` is the start of the run header: a page, writable, mapped as long as the latches.
    pub unsafe fn make(place: *mut u8, dry: u64) -> Latches {
        // SAFETY: each has its own line of the page, 128-aligned.
        unsafe {
            Latches {
                start: Latch::make(place),
                stop: Latch::make(place.add(LINE)),
                rest: {
                    let rest = place.add(2 * LINE).cast::<Rest>();
                    rest.write(Rest::new());
                    rest
                },
                dry: {
                    let word = place.add(DRY).cast::<Dry>();
                    word.write(Dry::new(dry));
                    word
                },
            }
        }
    }

    /// Workers stand still between two steps.
    pub fn rest(&self) -> &Rest {
        // SAFETY: it lies in the run header, which is mapped as long as the latches (`make`).
        unsafe { &*self.rest }
    }

    /// How far loops have run dry.
    pub fn dry(&self) -> &Dry {
        // SAFETY: as above.
        unsafe { &*self.dry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_loops_have_run_dry_is_found_again_and_nothing_else_is() {
        let mut page = vec![0_u128; 256];
        let place = page.as_mut_ptr().cast::<u8>();
        // SAFETY: a page of our own, aligned to 16, that outlives the latches.
        let (latches, found) = unsafe {
            let before = Latches::make(place, 0);
            before.stop.set();
            before.rest().call();
            before.dry().raise(3);
            let found = found_dry(place);
            (Latches::make(place, found), found)
        };
        assert_eq!((found, latches.dry().level()), (3, 3));
        assert!(!latches.stop.is_set());
        assert_eq!(latches.rest().called(), None);
    }
}
