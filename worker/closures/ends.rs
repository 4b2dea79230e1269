//! `take_while` and `prepend`: where a stream begins and ends.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, pass_on};
use crate::types::Item;

/// Gives the items before the first for which `goes_on` is false, and ends there.
pub fn take_while<T, F>(goes_on: F) -> Blueprint
where
    T: Item,
    F: FnMut(&T) -> bool + 'static,
{
    let agent = TakeWhile {
        goes_on,
        types: PhantomData::<fn(&T)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(T::item_type(), None).keeps_unit())
}

/// Gives `values`, then the stream. They come out when the stream's first item, or its end, is there.
pub fn prepend<T: Item>(values: Vec<T>) -> Blueprint {
    Blueprint::new(Prepend { values })
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(T::item_type(), None).keeps_unit())
}

struct TakeWhile<F, Types> {
    goes_on: F,
    types: PhantomData<Types>,
}

impl<T, F> Agent for TakeWhile<F, fn(&T)>
where
    T: Item,
    F: FnMut(&T) -> bool,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let items = input.items::<T>()[..n].iter();
        let wanted = items.take_while(|x| (self.goes_on)(x)).count();
        pass_on(input, output, wanted);
        match wanted < n {
            true => Ok(Status::Done),
            false => Ok(Status::Ready),
        }
    }
}

struct Prepend<T> {
    values: Vec<T>,
}

impl<T: Item> Agent for Prepend<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let given = output.position().min(self.values.len() as u64);
        let first = &self.values[given as usize..];
        let n = first.len().min(output.space());
        output.room()[..n].copy_from_slice(&first[..n]);
        output.produce(n);
        if n < first.len() {
            return Ok(Status::More);
        }
        pass_on(input, output, usize::MAX);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn a_stream_ends_before_the_first_item_that_fails() {
        check(
            || take_while(|x: &u32| *x % 1000 != 700),
            &[stream(0..3000u32)],
            &[stream(0..700u32)],
        );
        check(
            || take_while(|_: &u32| true),
            &[stream(0..3000u32)],
            &[stream(0..3000u32)],
        );
    }

    #[test]
    fn values_come_before_the_stream_and_alone_where_it_is_empty() {
        let first: Vec<i32> = (-200..0).collect();
        check(
            || prepend((-200..0).collect::<Vec<i32>>()),
            &[stream(0..1000)],
            &[stream(-200..1000)],
        );
        check(
            || prepend(first.clone()),
            &[vec![]],
            &[stream(first.iter().copied())],
        );
    }
}
