//! `join`: items of two streams that have the same key.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::cells::Cell;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Status};
use crate::tags::Tags;
use crate::types::Item;

/// Gives `f(a, b)` for each item `a` of the first stream and the item `b` of the second that has its key, `None`
/// where there is none. An `Option` gives nothing where it is `None`.
///
/// The keys of both streams ascend; one that does not is an error. A key may come again in the first stream, each time with the same `b`; of equal keys
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
        .input(InPort::new(A::item_type()).retain(1))
        .input(InPort::new(B::item_type()).retain(1))
        .output(OutPort::new(C::Item::item_type(), None))
        .tags(Tags::Dropped)
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
            check_order(left, &self.left, "first")?;
            check_order(right, &self.right, "second")?;
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

/// The next item's key is not below that of the item before: else partners would be passed over unseen.
fn check_order<T: Item, K: PartialOrd>(
    input: &Input,
    key: impl Fn(&T) -> K,
    which: &str,
) -> Result<(), AgentError> {
    let (items, past) = input.past::<T>();
    match items[past.saturating_sub(1)..] {
        [before, next, ..] if past > 0 && key(&next) < key(&before) => {
            Err(AgentError::new(format!(
                "the keys of the {which} stream must ascend, and that of item {} is below the one before; sort them, or join by what ascends",
                input.position()
            )))
        }
        _ => Ok(()),
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
    use crate::testing::{Chunks, run};

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
    fn a_key_that_does_not_ascend_is_refused() {
        let join = || join(|x: &i32| *x, |y: &i32| *y, |x, y| y.map(|_| x));
        let end = |left: &[i32], right: &[i32]| {
            let inputs = [left, right].map(|items| bytemuck::cast_slice(items).to_vec());
            run(join(), &inputs, Chunks::Single, 9)
                .unwrap_err()
                .to_string()
        };
        let words = end(&[1, 3, 2], &[1, 2, 3]);
        assert!(
            words.contains("the first stream") && words.contains("item 2 "),
            "{words}"
        );
        let words = end(&[1, 9], &[5, 4, 9]);
        assert!(
            words.contains("the second stream") && words.contains("item 1 "),
            "{words}"
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
