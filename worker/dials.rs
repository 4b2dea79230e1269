//! Dials: parameters of agents that may be turned while a run goes on.
//!
//! An agent declares its dials ([`Blueprint::dial`](crate::agent::Blueprint::dial)) and finds their values in each call
//! ([`Io::dials`](crate::agent::Io)). Which values hold is part of the worker's commit record, so a value is in force from
//! a step on, for good: a successor goes on with what the record says.
//!
//! Orders come over a [`Desk`], a place in the segment that workers only read:
//!
//! ```text
//! offset
//!      0  turn: u64                 how many orders there were; its parity says which half holds the last
//!     64  half 0                    a value (f64) for every dial of the worker, agent by agent
//!      .  half 1
//! ```
//!
//! Whoever gives an order (one at a time: the caller sees to that) fills the half that does not hold, whole,
//! and then stores the turn. Killed before, nothing happened. The worker looks at the turn between two
//! steps; one order is taken as a whole, by all its agents, with the next commit. Killed before that commit,
//! the successor finds the order untaken, and takes it; after it, the turn in its record says that it is done.
//! Edge: ORDER, from whoever stores the turn to the worker that finds it new.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Bytes before the halves.
const HEAD: usize = 64;

/// One dial of an agent as built.
#[derive(Clone, Debug, PartialEq)]
pub struct Dial {
    /// The parameter's name.
    pub name: Cow<'static, str>,
    /// Its value until somebody turns it.
    pub value: f64,
    /// The smallest value it takes.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Dial {
    /// True if the dial may be turned to this value.
    pub fn takes(&self, value: f64) -> bool {
        (self.least..=self.most).contains(&value)
    }
}

/// What became of a dial, as a record tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turned {
    /// The value in force; means nothing where it was never turned.
    pub value: f64,
    /// From which item on it holds: of the agent's first input, or of a source's first output.
    pub since: u64,
    /// How often it was turned.
    pub times: u64,
}

/// Where a worker's orders lie.
#[derive(Clone, Copy, Debug)]
pub struct Desk {
    base: *mut u8,
    dials: usize,
}

impl Desk {
    /// Bytes of a desk for so many dials; none for no dials.
    pub fn len_bytes(dials: usize) -> usize {
        match dials {
            0 => 0,
            n => HEAD + 2 * half_len(n),
        }
    }

    /// The desk at `base`, for so many dials.
    ///
    /// # Safety
    /// `base` is aligned to 64, and [`Desk::len_bytes`] bytes from it stay mapped and initialised as long as
    /// the desk is used (zeroed memory will do). Where they are not writable, [`Desk::give`] is not called.
    pub unsafe fn new(base: *mut u8, dials: usize) -> Desk {
        debug_assert!(base.addr().is_multiple_of(8));
        Desk { base, dials }
    }

    /// How many orders there were.
    pub fn turn(&self) -> u64 {
        // ORDER (in, from `give`): the half of this turn is whole.
        self.word(0).load(Ordering::Acquire)
    }

    /// The last order: its turn, and a value for each dial. `None` while there was none, and when another
    /// one came meanwhile.
    pub fn last(&self) -> Option<(u64, Vec<f64>)> {
        let turn = self.turn();
        // Relaxed: ordered by the loads of the turn around, as in a sequence lock.
        let value = |dial| f64::from_bits(self.value(turn, dial).load(Ordering::Relaxed));
        let values: Vec<f64> = (0..self.dials).map(value).collect();
        fence(Ordering::Acquire);
        (turn > 0 && self.word(0).load(Ordering::Relaxed) == turn).then_some((turn, values))
    }

    /// Gives an order, a value for every dial; gives its turn, which is at least `turn` and greater than any before.
    pub fn give(&self, turn: u64, values: &[f64]) -> u64 {
        assert_eq!(values.len(), self.dials, "a value for every dial");
        // An order whose parity is the last one's would be written over what a worker may be reading.
        let last = self.turn();
        let next = turn.max(last + 1);
        let turn = next + u64::from((next ^ last) & 1 == 0);
        fence(Ordering::Release);
        for (dial, value) in values.iter().enumerate() {
            // Relaxed: made to hold by the turn's store alone.
            let place = self.value(turn, dial);
            place.store(value.to_bits(), Ordering::Relaxed);
        }
        // ORDER (out, to `turn`): the values come before the turn that makes them hold.
        self.word(0).store(turn, Ordering::Release);
        turn
    }

    fn value(&self, turn: u64, dial: usize) -> &AtomicU64 {
        let half = HEAD + (turn & 1) as usize * half_len(self.dials);
        self.word(half + 8 * dial)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset + 8 <= Desk::len_bytes(self.dials));
        // SAFETY: inside the desk (above), 8-aligned; `new` was promised that it stays mapped.
        unsafe { &*self.base.add(offset).cast::<AtomicU64>() }
    }
}

fn half_len(dials: usize) -> usize {
    (8 * dials).next_multiple_of(HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_whole_and_the_next_goes_to_the_other_half() {
        let mut memory = vec![[0u64; 8]; Desk::len_bytes(9) / 64];
        assert_eq!(memory.len(), 1 + 2 * 2);
        // SAFETY: aligned to 8, long enough, and used while `memory` lives.
        let desk = unsafe { Desk::new(memory.as_mut_ptr().cast(), 9) };
        assert_eq!(desk.last(), None);
        let values = |from: usize| (from..from + 9).map(|n| n as f64).collect::<Vec<_>>();
        assert_eq!(desk.give(1, &values(0)), 1);
        assert_eq!(desk.last(), Some((1, values(0))));
        desk.give(2, &values(5));
        assert_eq!(desk.last(), Some((2, values(5))));
        // After a snapshot a record may be further on than a desk that was made anew.
        desk.give(8, &values(7));
        assert_eq!(desk.last(), Some((9, values(7))));
        desk.give(3, &values(1));
        assert_eq!(desk.last(), Some((10, values(1))));
    }
}
