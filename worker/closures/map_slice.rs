//! `map_slice`: a function of whole slices, one item out for each item in.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Calls `f(x, y)` with the items that have arrived and room for as many: `x.len() == y.len() > 0`.
///
/// How many items a call sees depends on timing, so the blueprint says that it is not deterministic:
/// the engine cannot know whether `f` treats items one by one. `y` holds old bytes and is to be
/// written whole. For blocks of a fixed length take a [`window`](super::window) whose step is its
/// length.
pub fn map_slice<T, U, F>(f: F) -> Blueprint
where
    T: Item,
    U: Item,
    F: FnMut(&[T], &mut [U]) + 'static,
{
    let agent = MapSlice {
        f,
        types: PhantomData::<fn(T) -> U>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(U::item_type(), None))
        .not_deterministic()
}

struct MapSlice<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<T, U, F> Agent for MapSlice<F, fn(T) -> U>
where
    T: Item,
    U: Item,
    F: FnMut(&[T], &mut [U]),
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        if n > 0 {
            (self.f)(&input.items()[..n], &mut output.room()[..n]);
            input.consume(n);
            output.produce(n);
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    fn negated() -> Blueprint {
        map_slice(|x: &[i16], y: &mut [i16]| {
            assert!(!x.is_empty() && x.len() == y.len());
            for (y, x) in y.iter_mut().zip(x) {
                *y = -x;
            }
        })
    }

    #[test]
    fn a_slice_function_that_works_item_by_item_gives_the_same_for_every_slice() {
        check(
            negated,
            &[stream(0..3000i16)],
            &[stream((0..3000).map(|x: i16| -x))],
        );
    }

    #[test]
    fn the_plan_is_told_that_slices_depend_on_timing() {
        assert!(!negated().deterministic);
    }
}
