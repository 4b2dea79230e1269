//! Latches: one byte each in the run header, set by the coordinator, seen by all workers.
//!
//! They are `raw_sync`'s `BusyEvent`: a byte and nothing to hold, so a killed process leaves nothing
//! locked. Its accesses are relaxed, so a fence stands before a set and after a wait. Nobody spins on
//! them: they are looked at, and the worker's bell is rung after a change.

use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use raw_sync::Timeout;
use raw_sync::events::{BusyEvent, EventImpl, EventInit, EventState};
use thalweg_worker::rest::Rest;

/// Bytes a latch takes: a line of its own.
const LINE: usize = 128;

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

/// The latches of a run, and the word that calls its workers to rest.
pub struct Latches {
    /// Workers begin.
    pub start: Latch,
    /// Sources end, the graph drains.
    pub stop: Latch,
    rest: *const Rest,
}

impl Latches {
    /// Makes all of them, clear, at the start of the run header.
    ///
    /// # Safety
    /// `place` is the start of the run header: a page, writable, mapped as long as the latches.
    pub unsafe fn make(place: *mut u8) -> Latches {
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
            }
        }
    }

    /// Workers stand still between two steps.
    pub fn rest(&self) -> &Rest {
        // SAFETY: it lies in the run header, which is mapped as long as the latches (`make`).
        unsafe { &*self.rest }
    }
}
