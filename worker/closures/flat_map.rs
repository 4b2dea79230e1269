//! `flat_map`: any number of items out for each item in.

use std::iter::Peekable;
use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::types::Item;

/// Gives all items of `f(x)` for each item `x`, in order.
///
/// Where the items of one `x` do not fit the room, the rest follows in later calls: `x` is consumed
/// with the last of them, and the state counts how many are out. A successor calls `f(x)` again and
/// skips those, so `f` must give the same items for the same `x`.
pub fn flat_map<T, I, F>(f: F) -> Blueprint
where
    T: Item,
    I: IntoIterator + 'static,
    I::Item: Item,
    F: FnMut(T) -> I + 'static,
{
    let agent = FlatMap {
        f,
        half_done: None::<HalfDone<I>>,
        types: PhantomData::<fn(T)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(<I::Item as Item>::item_type(), None))
        .state(StateSpec::of(0u64))
}

struct FlatMap<F, I: IntoIterator, Types> {
    f: F,
    half_done: Option<HalfDone<I>>,
    types: PhantomData<Types>,
}

/// The items of one input item that had no room yet.
struct HalfDone<I: IntoIterator> {
    position: u64,
    given: u64,
    rest: Peekable<I::IntoIter>,
}

impl<T, I, F> Agent for FlatMap<F, I, fn(T)>
where
    T: Item,
    I: IntoIterator,
    I::Item: Item,
    F: FnMut(T) -> I,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let given = io.state.get::<u64>();
        let room = output.room::<I::Item>();
        let (mut taken, mut made) = (0, 0);
        for &x in input.items::<T>() {
            if made == room.len() {
                break;
            }
            let position = input.position() + taken as u64;
            let mut rest = match *given {
                0 => (self.f)(x).into_iter().peekable(),
                given => self.rest_of(position, given, x),
            };
            let n = fill(&mut room[made..], &mut rest);
            made += n;
            if made == room.len() && rest.peek().is_some() {
                *given += n as u64;
                self.half_done = Some(HalfDone {
                    position,
                    given: *given,
                    rest,
                });
                break;
            }
            *given = 0;
            taken += 1;
        }
        input.consume(taken);
        output.produce(made);
        Ok(Status::Ready)
    }
}

impl<T, I, F> FlatMap<F, I, fn(T)>
where
    I: IntoIterator,
    F: FnMut(T) -> I,
{
    /// What is still to be given for the item `x` at `position`, of which `given > 0` are out.
    ///
    /// The iterator kept from the last call is taken only if it stands just there: a call that was
    /// thrown away has led it too far.
    fn rest_of(&mut self, position: u64, given: u64, x: T) -> Peekable<I::IntoIter> {
        match self.half_done.take() {
            Some(half) if half.position == position && half.given == given => half.rest,
            _ => {
                let mut all = (self.f)(x).into_iter();
                all.nth(given as usize - 1);
                all.peekable()
            }
        }
    }
}

/// Moves items into the room until either ends; how many.
fn fill<Y>(room: &mut [Y], items: &mut impl Iterator<Item = Y>) -> usize {
    let mut n = 0;
    while n < room.len() {
        let Some(item) = items.next() else { break };
        room[n] = item;
        n += 1;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn every_item_of_every_result_is_given_once_whatever_the_room() {
        // 0 to 99 items for one: more than the room of most calls.
        let counts = |n: u16| 0..n % 100;
        check(
            move || flat_map(counts),
            &[stream(0..500u16)],
            &[stream((0..500u16).flat_map(counts))],
        );
    }

    #[test]
    fn results_may_be_of_any_collection_and_empty() {
        check(
            || flat_map(|x: f64| if x < 2.0 { vec![] } else { vec![x, -x] }),
            &[stream([1.0, 2.0, 0.5, 3.0, 1.5])],
            &[stream([2.0, -2.0, 3.0, -3.0])],
        );
    }
}
