//! The course of an oscillator whose frequency may be turned: its phase goes on where it was.
//!
//! Turns are counted in units of 2^-128 (see [`turns`]), so nothing is rounded on the way.

use bytemuck::{Pod, Zeroable};

use crate::agent::{State, StateSpec};

use super::sine::turns;

/// The state: the frequency that holds, and where the oscillator would have been at item 0 had it always held.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(crate) struct Course {
    freq: f64,
    origin: [u64; 2],
}

impl Course {
    /// An oscillator that nobody has turned.
    pub fn new(freq: f64) -> Course {
        Course {
            freq,
            origin: [0; 2],
        }
    }

    /// As an agent's state.
    pub fn spec(freq: f64) -> StateSpec {
        StateSpec::of(Course::new(freq))
    }

    /// Takes the frequency that holds from item `position` on; gives the turns at item 0 that go with it.
    pub fn at(&mut self, freq: f64, rate: f64, position: u64) -> u128 {
        if self.freq != freq {
            self.turn(freq, rate, position);
        }
        self.origin()
    }

    /// As [`Course::at`], of an agent's state, which is written only where something is turned.
    pub fn of_state(state: &mut State<'_>, freq: f64, rate: f64, position: u64) -> u128 {
        match state.view::<Course>() {
            course if course.freq == freq => course.origin(),
            _ => state.get::<Course>().at(freq, rate, position),
        }
    }

    /// From item `position` on another frequency holds.
    fn turn(&mut self, freq: f64, rate: f64, position: u64) {
        let slower = turns(self.freq, rate).wrapping_sub(turns(freq, rate));
        let origin = self
            .origin()
            .wrapping_add(slower.wrapping_mul(u128::from(position)));
        *self = Course {
            freq,
            origin: [origin as u64, (origin >> 64) as u64],
        };
    }

    fn origin(&self) -> u128 {
        u128::from(self.origin[1]) << 64 | u128::from(self.origin[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_goes_on_where_it_was() {
        let at = |course: &Course, n: u64| {
            let step = turns(course.freq, 48_000.0);
            course.origin().wrapping_add(step.wrapping_mul(n.into()))
        };
        let mut course = Course::new(440.0);
        for (n, freq) in [
            (1000, -3.7),
            (1001, 20e3),
            (1 << 50, 0.0),
            ((1 << 50) + 9, 440.0),
        ] {
            let before = at(&course, n);
            course.turn(freq, 48_000.0, n);
            assert_eq!(at(&course, n), before, "{freq} from {n} on");
        }
    }
}
