//! `weave`: items of several streams by turns.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Gives the first item of each of `inputs` streams, then the second of each, and so on. Ends when
/// the stream whose turn it is has ended.
pub fn weave<T: Item>(inputs: usize) -> Blueprint {
    let agent = Weave {
        types: PhantomData::<fn(T)>,
    };
    let blueprint = Blueprint::new(agent).output(OutPort::new(T::item_type(), None));
    (0..inputs).fold(blueprint, |blueprint, _| {
        blueprint.input(InPort::new(T::item_type()))
    })
}

struct Weave<Types> {
    types: PhantomData<Types>,
}

impl<T: Item> Agent for Weave<fn(T)> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
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

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn streams_take_turns_until_one_is_missing() {
        let check_turns = |a: u32, b: u32, expected: u32| {
            check(
                || weave::<u32>(2),
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
}
