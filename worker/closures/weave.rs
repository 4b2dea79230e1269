//! `weave` and `concat`: items of several streams in a fixed order.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, pass_on};
use crate::types::Item;
use crate::units::Unit;

/// Gives `counts[0]` items of the first stream, `counts[1]` of the second and so on, then the next ones of
/// each. Ends when the stream whose turn it is has ended. A stream whose count is 0 is never read.
pub fn weave<T: Item>(counts: &[u64]) -> Blueprint {
    let turns = Turns::new(counts);
    let agent = Weave {
        turns,
        types: PhantomData::<fn(T)>,
    };
    several::<T>(Blueprint::new(agent), counts.len())
}

/// Gives all items of the first stream, then all of the second, and so on.
pub fn concat<T: Item>(inputs: usize) -> Blueprint {
    several::<T>(Blueprint::new(Concat), inputs)
}

fn several<T: Item>(blueprint: Blueprint, inputs: usize) -> Blueprint {
    let blueprint = blueprint.output(OutPort::new(T::item_type(), None).unit(Unit::Mixed));
    (0..inputs).fold(blueprint, |blueprint, _| {
        blueprint.input(InPort::new(T::item_type()))
    })
}

/// Whose turn it is: what follows from how many items are out.
pub(crate) struct Turns {
    /// For each stream, the items of a round that come before those of the next one.
    ends: Vec<u64>,
}

impl Turns {
    /// Turns of so many items each.
    pub(crate) fn new(counts: &[u64]) -> Turns {
        let sums = counts.iter().scan(0u64, |sum, &count| {
            *sum = sum.saturating_add(count);
            Some(*sum)
        });
        Turns {
            ends: sums.collect(),
        }
    }

    /// The stream that item `position` comes from, and how many items of its turn are left.
    pub(crate) fn at(&self, position: u64) -> Option<(usize, u64)> {
        let round = *self.ends.last()?;
        let place = position.checked_rem(round)?;
        let input = self.ends.partition_point(|&end| end <= place);
        Some((input, self.ends[input] - place))
    }

    /// Passes items on as far as turns, items and room allow.
    pub(crate) fn work(&self, io: &mut Io<'_>) -> Status {
        let output = &mut io.outputs[0];
        while let Some((input, left)) = self.at(output.position()) {
            let input = &mut io.inputs[input];
            if input.is_exhausted() {
                return Status::Done;
            }
            if pass_on(input, output, usize::try_from(left).unwrap_or(usize::MAX)) == 0 {
                return Status::Ready;
            }
        }
        Status::Done
    }
}

struct Weave<Types> {
    turns: Turns,
    types: PhantomData<Types>,
}

impl<T: Item> Agent for Weave<fn(T)> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        // One item each is the usual case, and items are then moved as what they are.
        let mut ends = self.turns.ends.iter().zip(1..);
        if ends.any(|(&end, one)| end != one) {
            return Ok(self.turns.work(io));
        }
        let output = &mut io.outputs[0];
        let inputs = io.inputs.len() as u64;
        loop {
            let input = &mut io.inputs[(output.position() % inputs) as usize];
            if input.is_exhausted() {
                return Ok(Status::Done);
            }
            if input.is_empty() || output.is_full() {
                return Ok(Status::Ready);
            }
            output.push(input.items::<T>()[0]);
            input.consume(1);
        }
    }
}

/// Passes the inputs on, one after the other. Also the agent behind the operator `concat`.
pub(crate) struct Concat;

impl Agent for Concat {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        for input in io.inputs.iter_mut() {
            pass_on(input, &mut io.outputs[0], usize::MAX);
            if !input.is_exhausted() {
                break;
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn streams_take_turns_until_one_is_missing() {
        let check_turns = |a: u32, b: u32, expected: u32| {
            check(
                || weave::<u32>(&[1, 1]),
                &[
                    stream((0..a).map(|n| 2 * n)),
                    stream((0..b).map(|n| 2 * n + 1)),
                ],
                &[stream(0..expected)],
            );
        };
        check_turns(1000, 1000, 2000);
        check_turns(700, 1000, 1400);
        check_turns(1000, 700, 1401);
        check_turns(0, 10, 0);
    }

    #[test]
    fn a_turn_may_be_of_several_items() {
        let expected = (0..500u32).flat_map(|n| [2 * n, 2 * n + 1, 1_000_000 + n]);
        check(
            || weave::<u32>(&[2, 0, 1]),
            &[
                stream(0..2000u32),
                stream(7..8u32),
                stream(1_000_000..1_000_500u32),
            ],
            &[stream(expected.chain([1000, 1001]))],
        );
    }

    #[test]
    fn one_stream_follows_another() {
        check(
            || concat::<i16>(3),
            &[stream(0..700i16), vec![], stream(700..2000i16)],
            &[stream(0..2000i16)],
        );
    }
}
