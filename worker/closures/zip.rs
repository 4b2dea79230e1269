//! `zip`: one item of each of several streams at a time.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::{Keep, Kept};
use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Gives `f(a, b)` for the n-th items of two streams. Ends with the shorter one.
pub fn zip<A, B, U, F>(mut f: F) -> Blueprint
where
    A: Item,
    B: Item,
    U: Item,
    F: FnMut(A, B) -> U + 'static,
{
    zip_scan((), move |(), a, b| f(a, b))
}

/// Gives `f(state, a, b)` for the n-th items of two streams; the state starts as `init` and survives
/// kills. Ends with the shorter one.
pub fn zip_scan<A, B, S, U, F>(init: S, f: F) -> Blueprint
where
    A: Item,
    B: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, A, B) -> U + 'static,
{
    zip_scan_kept(Kept::value(init), f)
}

/// As [`zip_scan`], with a state of any kind.
pub fn zip_scan_kept<A, B, K, U, F>(kept: Kept<K>, f: F) -> Blueprint
where
    A: Item,
    B: Item,
    K: Keep,
    U: Item,
    F: for<'a> FnMut(&mut K::View<'a>, A, B) -> U + 'static,
{
    let agent = Zip {
        keep: kept.keep,
        f,
        types: PhantomData::<fn(A, B) -> U>,
    };
    Blueprint::new(agent)
        .input(InPort::new(A::item_type()))
        .input(InPort::new(B::item_type()))
        .output(OutPort::new(U::item_type(), None))
        .state(kept.spec)
        .ends(Ends::AnyInput)
}

/// Gives `f(a, b, c)` for the n-th items of three streams. Ends with the shortest one.
pub fn zip3<A, B, C, U, F>(f: F) -> Blueprint
where
    A: Item,
    B: Item,
    C: Item,
    U: Item,
    F: FnMut(A, B, C) -> U + 'static,
{
    let agent = Zip3 {
        f,
        types: PhantomData::<fn(A, B, C) -> U>,
    };
    Blueprint::new(agent)
        .input(InPort::new(A::item_type()))
        .input(InPort::new(B::item_type()))
        .input(InPort::new(C::item_type()))
        .output(OutPort::new(U::item_type(), None))
        .ends(Ends::AnyInput)
}

struct Zip<K, F, Types> {
    keep: K,
    f: F,
    types: PhantomData<Types>,
}

impl<A, B, K, U, F> Agent for Zip<K, F, fn(A, B) -> U>
where
    A: Item,
    B: Item,
    K: Keep,
    U: Item,
    F: for<'a> FnMut(&mut K::View<'a>, A, B) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let n = in_step(io);
        if n == 0 {
            return Ok(Status::Ready);
        }
        let a = &io.inputs[0].items::<A>()[..n];
        let b = &io.inputs[1].items::<B>()[..n];
        let y = &mut io.outputs[0].room::<U>()[..n];
        self.keep.lend(&mut io.state, |state| {
            for i in 0..n {
                y[i] = (self.f)(state, a[i], b[i]);
            }
        })?;
        go_on(io, n);
        Ok(Status::Ready)
    }
}

struct Zip3<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<A, B, C, U, F> Agent for Zip3<F, fn(A, B, C) -> U>
where
    A: Item,
    B: Item,
    C: Item,
    U: Item,
    F: FnMut(A, B, C) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let n = in_step(io);
        let a = &io.inputs[0].items::<A>()[..n];
        let b = &io.inputs[1].items::<B>()[..n];
        let c = &io.inputs[2].items::<C>()[..n];
        let y = &mut io.outputs[0].room::<U>()[..n];
        for i in 0..n {
            y[i] = (self.f)(a[i], b[i], c[i]);
        }
        go_on(io, n);
        Ok(Status::Ready)
    }
}

/// How many items every input has and the output has room for.
fn in_step(io: &Io<'_>) -> usize {
    let there = io.inputs.iter().map(|input| input.len()).min();
    there.unwrap_or(0).min(io.outputs[0].space())
}

fn go_on(io: &mut Io<'_>, n: usize) {
    for input in io.inputs.iter_mut() {
        input.consume(n);
    }
    io.outputs[0].produce(n);
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::closures::by_row::map_rows;
    use crate::closures::rows::{Each, Windows};

    #[test]
    fn a_zip_pairs_by_place_and_ends_with_the_shorter() {
        check(
            || zip(|a: f64, b: i32| a * f64::from(b)),
            &[stream((0..2000).map(f64::from)), stream(0..3000)],
            &[stream((0..2000).map(|n| f64::from(n) * f64::from(n)))],
        );
        check(
            || zip(|a: f64, b: i32| a * f64::from(b)),
            &[stream((0..2000).map(f64::from)), vec![]],
            &[vec![]],
        );
    }

    #[test]
    fn three_streams_are_taken_in_step() {
        check(
            || zip3(|a: u8, b: u16, c: u32| u64::from(a) + u64::from(b) + u64::from(c)),
            &[stream(0..200u8), stream(0..300u16), stream(0..250u32)],
            &[stream((0..200u64).map(|n| 3 * n))],
        );
    }

    #[test]
    fn a_zip_with_a_state_keeps_it() {
        let dot = |sum: &mut i64, a: i64, b: i64| {
            *sum += a * b;
            *sum
        };
        let mut sum = 0;
        let expected: Vec<i64> = (0..2000).map(|n| dot(&mut sum, n, 2)).collect();
        check(
            || zip_scan(0i64, dot),
            &[stream(0..2000i64), stream([2i64; 2000])],
            &[stream(expected)],
        );
    }

    #[test]
    fn windows_of_several_streams_are_taken_in_step_each_by_its_own_size() {
        let a: Vec<u64> = (0..900).collect();
        let b: Vec<u64> = (0..1000).map(|n| n * n).collect();
        let sums = |w: &[u64], v: &[u64]| w.iter().sum::<u64>() * v.iter().sum::<u64>();
        let pairs = a.windows(3).step_by(2).zip(b.windows(2).step_by(3));
        let expected: Vec<u64> = pairs.map(|(w, v)| sums(w, v)).collect();
        let rows = || (Windows::new(3, 2).unwrap(), Windows::new(2, 3).unwrap());
        check(
            || map_rows(rows(), (), move |(), (w, v)| sums(w, v)),
            &[stream(a.iter().copied()), stream(b.iter().copied())],
            &[stream(expected)],
        );
    }

    #[test]
    fn items_and_windows_go_side_by_side() {
        let items: Vec<f64> = (0..1000).map(f64::from).collect();
        let windows = items.windows(4).zip(&items);
        let expected: Vec<f64> = windows.map(|(w, x)| w[3] - x).collect();
        check(
            || {
                let rows = (Windows::<f64>::new(4, 1).unwrap(), Each::<f64>::new());
                map_rows(rows, (), |(), (w, x)| w[3] - x)
            },
            &[stream(items.iter().copied()), stream(items.iter().copied())],
            &[stream(expected)],
        );
    }

    #[test]
    fn as_many_streams_as_there_are_give_arrays_or_lists() {
        let inputs = [stream(0..700u32), stream(5..800u32), stream(9..900u32)];
        let expected = [stream((0..700u32).map(|n| 3 * n + 14))];
        check(
            || {
                let rows = [(); 3].map(|()| Each::<u32>::new());
                map_rows(rows, (), |(), x: [u32; 3]| x.iter().sum::<u32>())
            },
            &inputs,
            &expected,
        );
        check(
            || {
                let rows: Vec<_> = (0..3).map(|_| Each::<u32>::new()).collect();
                map_rows(rows, (), |(), x: Vec<u32>| x.iter().sum::<u32>())
            },
            &inputs,
            &expected,
        );
    }
}
