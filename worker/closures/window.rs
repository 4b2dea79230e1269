//! `window`: a function of the last few items, at regular places of the stream.
//!
//! Every item is consumed as soon as it is seen; the window is read back from what the input
//! retains, so nothing of it is copied or kept in a state.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Gives `f(w)` for each window `w` of `len` items: the k-th begins at item `k * step`.
///
/// A window is given as soon as it is full; what is left at the end of the stream and fills none
/// gives nothing. With a step below `len` windows overlap, above it items between them are skipped.
pub fn window<T, U, F>(len: usize, step: usize, f: F) -> Result<Blueprint, NoWindow>
where
    T: Item,
    U: Item,
    F: FnMut(&[T]) -> U + 'static,
{
    if len == 0 || step == 0 {
        return Err(NoWindow { len, step });
    }
    let agent = Window {
        f,
        len: len as u64,
        step: step as u64,
        types: PhantomData::<fn(T) -> U>,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(T::item_type()).retain(len - 1))
        .output(OutPort::new(U::item_type(), None)))
}

/// A window of no items, or one that does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window of {len} items every {step} items; both must be at least 1")]
pub struct NoWindow {
    /// Items in a window.
    pub len: usize,
    /// Items from the start of a window to the start of the next.
    pub step: usize,
}

struct Window<F, Types> {
    f: F,
    len: u64,
    step: u64,
    types: PhantomData<Types>,
}

impl<T, U, F> Agent for Window<F, fn(T) -> U>
where
    T: Item,
    U: Item,
    F: FnMut(&[T]) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (items, past) = input.past::<T>();
        let oldest = input.position() - past as u64;
        let newest = oldest + items.len() as u64;
        let first = output.position();
        let n = self.full(first, newest).min(output.space() as u64);
        for (y, k) in output.room()[..n as usize].iter_mut().zip(first..) {
            let begin = (k * self.step - oldest) as usize;
            *y = (self.f)(&items[begin..begin + self.len as usize]);
        }
        // All but the item that fills the next window: with it consumed, the window's first item
        // would no longer be retained.
        let reach = newest.min(self.end(first + n) - 1);
        output.produce(n as usize);
        input.consume((reach - input.position()) as usize);
        Ok(Status::Ready)
    }
}

impl<F, Types> Window<F, Types> {
    /// The place behind the last item of window `k`.
    fn end(&self, k: u64) -> u64 {
        k.saturating_mul(self.step).saturating_add(self.len)
    }

    /// How many windows from `first` on are full, of a stream that has come to `newest`.
    fn full(&self, first: u64, newest: u64) -> u64 {
        match newest.checked_sub(self.end(first)) {
            None => 0,
            Some(beyond) => beyond / self.step + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    const ITEMS: u64 = 3000;

    fn check_sums(len: usize, step: usize) {
        let items: Vec<u64> = (0..ITEMS).map(|n| n * n % 1009).collect();
        let sums: Vec<u64> = (0..)
            .map(|k| k * step)
            .take_while(|begin| begin.saturating_add(len) <= items.len())
            .map(|begin| items[begin..begin + len].iter().sum())
            .collect();
        check(
            || window(len, step, |w: &[u64]| w.iter().sum::<u64>()).unwrap(),
            &[stream(items.iter().copied())],
            &[stream(sums)],
        );
    }

    #[test]
    fn windows_overlap_touch_and_leave_gaps() {
        for (len, step) in [(8, 4), (8, 1), (8, 8), (1, 1), (3, 7), (1, 5), (100, 99)] {
            check_sums(len, step);
        }
    }

    #[test]
    fn a_stream_of_just_one_window_gives_one_and_a_shorter_one_none() {
        check_sums(ITEMS as usize, 1);
        check_sums(ITEMS as usize + 1, 1);
        check_sums(5, usize::MAX);
    }

    #[test]
    fn a_window_sees_its_items_in_order() {
        check(
            || window(3, 2, |w: &[i32]| [w[0], w[1], w[2]]).unwrap(),
            &[stream(0..8)],
            &[stream([[0, 1, 2], [2, 3, 4], [4, 5, 6]])],
        );
    }

    #[test]
    fn a_window_of_nothing_and_one_that_stands_still_are_refused() {
        for (len, step) in [(0, 1), (4, 0)] {
            let refused = window(len, step, |w: &[f64]| w[0]).unwrap_err();
            assert_eq!(refused, NoWindow { len, step });
        }
    }
}
