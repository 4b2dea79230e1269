//! `from_fn` and `from_iter`: streams out of a function of the place, or out of an iterator.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, Status};
use crate::types::Item;

/// Gives `f(0)`, `f(1)`, .. until it is `None`. `rate`: items per second of the stream's own time.
///
/// The place of an item survives a kill, so the stream goes on where it was as long as `f(n)` depends
/// on `n` alone.
pub fn from_fn<T, F>(f: F, rate: Option<f64>) -> Blueprint
where
    T: Item,
    F: FnMut(u64) -> Option<T> + 'static,
{
    let agent = FromFn {
        f,
        types: PhantomData::<fn() -> T>,
    };
    Blueprint::new(agent).output(OutPort::new(T::item_type(), rate))
}

/// Gives the items of the iterator that `make` makes. `rate`: items per second of the stream's own
/// time.
///
/// A successor calls `make` again and skips the items that are out already, so `make` must give the
/// same items each time. Skipping costs what the iterator's `nth` costs.
pub fn from_iter<I, M>(make: M, rate: Option<f64>) -> Blueprint
where
    I: IntoIterator + 'static,
    I::Item: Item,
    M: FnMut() -> I + 'static,
{
    let agent = FromIter {
        make,
        standing: None::<(u64, I::IntoIter)>,
        types: PhantomData::<fn() -> I>,
    };
    Blueprint::new(agent).output(OutPort::new(<I::Item as Item>::item_type(), rate))
}

struct FromFn<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<T, F> Agent for FromFn<F, fn() -> T>
where
    T: Item,
    F: FnMut(u64) -> Option<T>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let first = output.position();
        let room = output.room::<T>();
        for (i, y) in room.iter_mut().enumerate() {
            let Some(item) = (self.f)(first + i as u64) else {
                output.produce(i);
                return Ok(Status::Done);
            };
            *y = item;
        }
        output.produce(output.space());
        Ok(Status::More)
    }
}

struct FromIter<M, Iter, Types> {
    make: M,
    /// The iterator and the place of the item it gives next.
    standing: Option<(u64, Iter)>,
    types: PhantomData<Types>,
}

impl<I, M> Agent for FromIter<M, I::IntoIter, fn() -> I>
where
    I: IntoIterator,
    I::Item: Item,
    M: FnMut() -> I,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let mut items = self.at(output.position());
        while !output.is_full() {
            let Some(item) = items.next() else {
                return Ok(Status::Done);
            };
            output.push(item);
        }
        self.standing = Some((output.position(), items));
        Ok(Status::More)
    }
}

impl<I, M> FromIter<M, I::IntoIter, fn() -> I>
where
    I: IntoIterator,
    M: FnMut() -> I,
{
    /// The iterator, standing before the item at `position`: the kept one if it stands there, for a
    /// call that was thrown away has led it too far.
    fn at(&mut self, position: u64) -> I::IntoIter {
        match self.standing.take() {
            Some((standing, items)) if standing == position => items,
            _ => {
                let mut items = (self.make)().into_iter();
                if let Some(last_given) = position.checked_sub(1) {
                    items.nth(last_given as usize);
                }
                items
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::testing::{Chunks, run};

    #[test]
    fn a_function_gives_its_items_until_it_gives_none() {
        let squares = |n: u64| (n < 3000).then_some(n * n);
        check(
            || from_fn(squares, None),
            &[],
            &[stream((0..3000u64).map(|n| n * n))],
        );
        check(|| from_fn(|_| None::<f64>, None), &[], &[vec![]]);
    }

    #[test]
    fn an_endless_source_gives_as_much_as_is_taken() {
        let blueprint = from_fn(Some, Some(100.0));
        assert_eq!(blueprint.outputs[0].rate, Some(100.0));
        let outputs = run(blueprint, &[], Chunks::Random(7), 1000).unwrap();
        assert_eq!(outputs, [stream(0..1000u64)]);
    }

    #[test]
    fn an_iterator_goes_on_where_it_was() {
        let primes = || (2..2000u32).filter(|n| (2..*n).all(|d| n % d != 0));
        check(|| from_iter(primes, None), &[], &[stream(primes())]);
        check(|| from_iter(|| [0.5; 3], None), &[], &[stream([0.5; 3])]);
    }
}
