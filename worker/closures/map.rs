//! `map` and `scan`: one item out for each item in, without and with a state.

use bytemuck::Pod;

use super::{Keep, Kept};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Gives `f(x)` for each item `x`.
pub fn map<T, U, F>(mut f: F) -> Blueprint
where
    T: Item,
    U: Item,
    F: FnMut(T) -> U + 'static,
{
    scan((), move |(), x| f(x))
}

/// Gives `f(state, x)` for each item `x`; the state starts as `init` and survives kills.
pub fn scan<T, S, U, F>(init: S, f: F) -> Blueprint
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, T) -> U + 'static,
{
    scan_kept(Kept::value(init), f)
}

/// Gives `f(state, x)` for each item `x`, with a state of any kind.
pub fn scan_kept<T, K, U, F>(kept: Kept<K>, f: F) -> Blueprint
where
    T: Item,
    K: Keep,
    U: Item,
    F: for<'a> FnMut(&mut K::View<'a>, T) -> U + 'static,
{
    let scan = Scan {
        keep: kept.keep,
        f,
        types: std::marker::PhantomData::<fn(T) -> U>,
    };
    Blueprint::new(scan)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(U::item_type(), None))
        .state(kept.spec)
}

struct Scan<K, F, Types> {
    keep: K,
    f: F,
    types: std::marker::PhantomData<Types>,
}

impl<T, K, U, F> Agent for Scan<K, F, fn(T) -> U>
where
    T: Item,
    K: Keep,
    U: Item,
    F: for<'a> FnMut(&mut K::View<'a>, T) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        if n == 0 {
            return Ok(Status::Ready);
        }
        self.keep.lend(&mut io.state, |state| {
            for (y, &x) in output.room().iter_mut().zip(&input.items()[..n]) {
                *y = (self.f)(state, x);
            }
        })?;
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn a_map_gives_one_result_for_each_item_and_may_change_the_type() {
        check(
            || map(|x: i32| f64::from(x) / 2.0),
            &[stream(0..3000)],
            &[stream((0..3000).map(|x| f64::from(x) / 2.0))],
        );
    }

    #[test]
    fn items_can_be_vectors() {
        check(
            || map(|[x, y]: [f32; 2]| x * x + y * y),
            &[stream([[3.0f32, 4.0], [1.0, 2.0]])],
            &[stream([25.0f32, 5.0])],
        );
    }

    #[test]
    fn a_scan_carries_its_state_from_item_to_item() {
        let sums = (1..=3000u64).map(|n| n * (n + 1) / 2);
        check(
            || {
                scan(0u64, |sum: &mut u64, x: u64| {
                    *sum += x;
                    *sum
                })
            },
            &[stream(1..=3000u64)],
            &[stream(sums)],
        );
    }

    #[test]
    fn a_state_too_large_for_registers_is_kept_as_well() {
        check(
            || {
                scan([0u32; 256], |seen: &mut [u32; 256], x: u8| {
                    seen[x as usize] += 1;
                    seen[x as usize]
                })
            },
            &[stream((0..2000u32).map(|n| n as u8))],
            &[stream((0..2000u32).map(|n| n / 256 + 1))],
        );
    }
}
