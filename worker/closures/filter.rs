//! `filter` and `filter_map`: at most one item out for each item in.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::{Keep, Kept};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, Status};
use crate::types::Item;

/// Keeps the items for which `keep` is true.
pub fn filter<T, F>(keep: F) -> Blueprint
where
    T: Item,
    F: FnMut(&T) -> bool + 'static,
{
    let agent = Filter {
        keep,
        types: PhantomData::<fn(&T)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(T::item_type(), None).keeps_unit())
}

/// Gives what `f(state, x)` gives for each item `x`, nothing where it is `None`. The state starts as
/// `init` and survives kills.
pub fn filter_map<T, S, U, F>(init: S, f: F) -> Blueprint
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, T) -> Option<U> + 'static,
{
    filter_map_kept(Kept::value(init), f)
}

/// As [`filter_map`], with a state of any kind.
pub fn filter_map_kept<T, K, U, F>(kept: Kept<K>, f: F) -> Blueprint
where
    T: Item,
    K: Keep,
    U: Item,
    F: for<'a> FnMut(&mut K::View<'a>, T) -> Option<U> + 'static,
{
    let agent = FilterMap {
        keep: kept.keep,
        f,
        types: PhantomData::<fn(T) -> U>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(U::item_type(), None))
        .state(kept.spec)
}

struct Filter<F, Types> {
    keep: F,
    types: PhantomData<Types>,
}

impl<T, F> Agent for Filter<F, fn(&T)>
where
    T: Item,
    F: FnMut(&T) -> bool,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        in_rounds(input, output, |items: &[T], room| {
            let mut kept = 0;
            for x in items {
                // Written in any case, then counted or not: no branch to mispredict.
                room[kept] = *x;
                kept += usize::from((self.keep)(x));
            }
            kept
        });
        Ok(Status::Ready)
    }
}

struct FilterMap<K, F, Types> {
    keep: K,
    f: F,
    types: PhantomData<Types>,
}

impl<T, K, U, F> Agent for FilterMap<K, F, fn(T) -> U>
where
    T: Item,
    K: Keep,
    U: Item,
    F: for<'a> FnMut(&mut K::View<'a>, T) -> Option<U>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        if input.is_empty() || output.is_full() {
            return Ok(Status::Ready);
        }
        self.keep.lend(&mut io.state, |state| {
            in_rounds(input, output, |items: &[T], room| {
                let mut kept = 0;
                for &x in items {
                    if let Some(y) = (self.f)(state, x) {
                        room[kept] = y;
                        kept += 1;
                    }
                }
                kept
            });
        })?;
        Ok(Status::Ready)
    }
}

/// Calls `f(items, room)` with as many items as there is room for, until either is used up: however
/// many a round dropped, the next one goes on. `f` gives how much of the room it filled.
fn in_rounds<T: Item, U: Item>(
    input: &mut Input,
    output: &mut Output,
    mut f: impl FnMut(&[T], &mut [U]) -> usize,
) {
    loop {
        let n = input.len().min(output.space());
        if n == 0 {
            return;
        }
        let kept = f(&input.items()[..n], &mut output.room()[..n]);
        input.consume(n);
        output.produce(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn a_filter_keeps_what_it_is_told_to_in_order() {
        check(
            || filter(|x: &u32| x.is_multiple_of(3)),
            &[stream(0..3000u32)],
            &[stream((0..3000u32).step_by(3))],
        );
        check(|| filter(|_: &u32| false), &[stream(0..3000u32)], &[vec![]]);
    }

    #[test]
    fn a_filter_map_with_a_state_drops_repeats() {
        let changed = |last: &mut i64, x: i64| {
            let is_new = *last != x;
            *last = x;
            is_new.then_some(x as f64)
        };
        check(
            move || filter_map(-1i64, changed),
            &[stream((0..3000i64).map(|n| n / 7))],
            &[stream((0..429).map(f64::from))],
        );
    }
}
