//! One number out for each number in, so many items at a time that what is computed for them stays in the
//! nearest cache.

use crate::agent::{Input, Output};
use crate::types::Scalar;
use crate::wide::{View, Wide};

/// Items taken at once.
const STRETCH: u64 = 1024;

/// What an agent needs for it beside its own: scratch.
#[derive(Default)]
pub(crate) struct Stretches {
    taken: Vec<f64>,
    numbers: Vec<f64>,
}

impl Stretches {
    /// Takes as many items as there are and fit: `fill(view, from, to, numbers)` makes the numbers of the items
    /// `from .. to`, which are then given as `gives`.
    pub(crate) fn run(
        &mut self,
        input: &mut Input,
        output: &mut Output,
        (takes, gives): (Scalar, Scalar),
        mut fill: impl FnMut(&mut View<'_, f64>, u64, u64, &mut Vec<f64>),
    ) {
        let mut view = View::new(input, takes, &mut self.taken);
        let count = input.len().min(output.space());
        let mut at = input.position();
        let to = at + count as u64;
        let mut done = 0;
        while at < to {
            let stop = to.min(at + STRETCH);
            fill(&mut view, at, stop, &mut self.numbers);
            let len_bytes = (stop - at) as usize * output.item_len();
            let room = &mut output.bytes()[done..done + len_bytes];
            f64::store(&self.numbers, gives, room);
            done += len_bytes;
            at = stop;
        }
        input.consume(count);
        output.produce(count);
    }
}
