//! `join`: items of two streams that have the same key.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::cells::Cell;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Gives `f(a, b)` for each item `a` of the first stream and the item `b` of the second that has its key, `None`
/// where there is none. An `Option` gives nothing where it is `None`.
///
/// The keys of both streams ascend. A key may come again in the first stream, each time with the same `b`; of equal keys
/// in the second stream the first counts. A key that is not comparable (NaN) has no partner. Ends with the first stream.
pub fn join<A, B, K, C>(
    left: impl Fn(&A) -> K + 'static,
    right: impl Fn(&B) -> K + 'static,
    f: impl FnMut(A, Option<B>) -> C + 'static,
) -> Blueprint
where
    A: Item,
    B: Item,
    K: PartialOrd + 'static,
    C: Cell,
{
    let agent = Join {
        left,
        right,
        f,
        types: PhantomData::<fn(A, B) -> C>,
    };
    Blueprint::new(agent)
        .input(InPort::new(A::item_type()))
        .input(InPort::new(B::item_type()))
        .output(OutPort::new(C::Item::item_type(), None))
}

struct Join<L, R, F, Types> {
    left: L,
    right: R,
    f: F,
    types: PhantomData<Types>,
}

impl<A, B, K, C, L, R, F> Agent for Join<L, R, F, fn(A, B) -> C>
where
    A: Item,
    B: Item,
    K: PartialOrd,
    C: Cell,
    L: Fn(&A) -> K,
    R: Fn(&B) -> K,
    F: FnMut(A, Option<B>) -> C,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [left, right] = &mut io.inputs[..] else {
            unreachable!("the blueprint has two inputs")
        };
        let output = &mut io.outputs[0];
        loop {
            if left.is_exhausted() {
                return Ok(Status::Done);
            }
            let (Some(a), false) = (left.items::<A>().first().copied(), output.is_full()) else {
                return Ok(Status::Ready);
            };
            let b = right.items::<B>().first().copied();
            let partner = match b {
                None if right.is_ended() => None,
                None => return Ok(Status::Ready),
                Some(b) => match pairing(&(self.left)(&a), &(self.right)(&b)) {
                    Ordering::Less => None,
                    Ordering::Equal => Some(b),
                    Ordering::Greater => {
                        right.consume(1);
                        continue;
                    }
                },
            };
            if let Some(item) = (self.f)(a, partner).into_option() {
                output.push(item);
            }
            left.consume(1);
        }
    }
}

/// How the keys stand to each other: the left one before the right one, with it, or behind it.
///
/// Keys that cannot be compared: the one that is no key, because it is not even equal to itself, is passed by.
pub(crate) fn pairing<K: PartialOrd>(left: &K, right: &K) -> Ordering {
    left.partial_cmp(right)
        .unwrap_or_else(|| match left.partial_cmp(left) {
            Some(_) => Ordering::Greater,
            None => Ordering::Less,
        })
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn items_meet_by_their_keys() {
        let left = [1, 2, 2, 5, 7, 7, 9, 12];
        let right = [[0, 100], [2, 102], [2, 999], [5, 105], [6, 106], [9, 109]];
        let inputs = [stream(left), stream(right)];
        let key = |row: &[i32; 2]| row[0];
        check(
            || join(|x: &i32| *x, key, |x, row| row.map(|row| [x, row[1]])),
            &inputs,
            &[stream([[2, 102], [2, 102], [5, 105], [9, 109]])],
        );
        check(
            || {
                join(
                    |x: &i32| *x,
                    key,
                    |x, row| [x, row.map_or(-1, |row| row[1])],
                )
            },
            &inputs,
            &[stream([
                [1, -1],
                [2, 102],
                [2, 102],
                [5, 105],
                [7, -1],
                [7, -1],
                [9, 109],
                [12, -1],
            ])],
        );
    }

    #[test]
    fn a_key_that_is_none_has_no_partner() {
        let left = [1.0, f64::NAN, 2.0, 3.0];
        let right = [f64::NAN, 1.0, f64::NAN, 3.0];
        check(
            || join(|x: &f64| *x, |y: &f64| *y, |x, y| y.map(|y| x + y)),
            &[stream(left), stream(right)],
            &[stream([2.0, 6.0])],
        );
    }

    #[test]
    fn long_streams_meet_under_every_chunking() {
        check(
            || join(|x: &u32| *x, |y: &u32| *y, |x, y| y.is_some().then_some(x)),
            &[
                stream((0..3000u32).map(|n| 3 * n)),
                stream((0..2000u32).map(|n| 2 * n)),
            ],
            &[stream((0..4000u32).step_by(6))],
        );
    }
}
