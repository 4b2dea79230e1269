//! `merge_map`: a function of each item of several streams, in the order of arrival.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::keep::with_local;
use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, State, StateSpec, Status,
};
use crate::types::Item;

/// Gives `f(state, input, x)` for each item `x` of each of `inputs` streams, which are counted from 0.
///
/// How the streams interleave depends on timing, so the blueprint says that it is not deterministic. Each
/// stream's own items keep their order, and none can shut out the others. Ends when all have.
pub fn merge_map<T, S, U, F>(inputs: usize, init: S, f: F) -> Blueprint
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, usize, T) -> U + 'static,
{
    let agent = MergeMap {
        f,
        next: 0,
        types: PhantomData::<fn(&mut S, T) -> U>,
    };
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(U::item_type(), None))
        .state(StateSpec::of(init))
        .takes_any()
        .not_deterministic();
    (0..inputs).fold(blueprint, |blueprint, _| {
        blueprint.input(InPort::new(T::item_type()))
    })
}

struct MergeMap<F, Types> {
    f: F,
    /// The input served first in the next call.
    next: usize,
    types: PhantomData<Types>,
}

impl<T, S, U, F> Agent for MergeMap<F, fn(&mut S, T) -> U>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, usize, T) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let count = io.inputs.len();
        let waiting = io.inputs.iter().filter(|input| !input.is_empty()).count();
        let share = output.space().div_ceil(waiting.max(1));
        // Once round with equal shares, once more for the room that short inputs left.
        for most in [share, usize::MAX] {
            for i in 0..count {
                let from = (self.next + i) % count;
                self.take(from, &mut io.inputs[from], output, &mut io.state, most);
            }
        }
        self.next = (self.next + 1) % count;
        Ok(Status::Ready)
    }
}

impl<T, S, U, F> MergeMap<F, fn(&mut S, T) -> U>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, usize, T) -> U,
{
    fn take(
        &mut self,
        from: usize,
        input: &mut Input,
        output: &mut Output,
        state: &mut State<'_>,
        most: usize,
    ) {
        let n = input.len().min(output.space()).min(most);
        with_local(state, |state: &mut S| {
            for (y, &x) in output.room().iter_mut().zip(&input.items::<T>()[..n]) {
                *y = (self.f)(state, from, x);
            }
        });
        input.consume(n);
        output.produce(n);
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::stream;
    use super::*;
    use crate::testing::{Chunks, run};

    #[test]
    fn every_item_is_seen_once_with_its_input_and_in_its_order() {
        let inputs = [stream(0..900u32), stream(0..300u32), stream(0..600u32)];
        for chunks in [Chunks::Whole, Chunks::Single]
            .into_iter()
            .chain((0..20).map(Chunks::Random))
        {
            let numbered = |count: &mut u32, from: usize, x: u32| {
                *count += 1;
                [*count - 1, from as u32, x]
            };
            let blueprint = merge_map(3, 0, numbered);
            assert!(!blueprint.deterministic);
            let outputs = run(blueprint, &inputs, chunks, usize::MAX).unwrap();
            let merged: Vec<[u32; 3]> = bytemuck::cast_slice(&outputs[0]).to_vec();
            assert!(merged.iter().map(|row| row[0]).eq(0..1800), "{chunks:?}");
            for (from, len) in [(0, 900), (1, 300), (2, 600)] {
                let of = merged.iter().filter(|row| row[1] == from);
                assert!(of.map(|row| row[2]).eq(0..len), "{chunks:?}");
            }
        }
    }
}
