//! `from_fn`, `from_iter`, `unfold`, `every`: streams out of a function of the place, out of an iterator, out of
//! a state, out of the clock.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use bytemuck::Pod;

use super::{Keep, Kept};
use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, Status, Wait};
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

/// Gives what `f(state)` gives, again and again, until it is `None`. The state starts as `init` and survives
/// kills. `rate`: items per second of the stream's own time.
pub fn unfold<T, S, F>(init: S, f: F, rate: Option<f64>) -> Blueprint
where
    T: Item,
    S: Pod,
    F: FnMut(&mut S) -> Option<T> + 'static,
{
    unfold_kept(Kept::value(init), f, rate)
}

/// As [`unfold`], with a state of any kind.
pub fn unfold_kept<T, K, F>(kept: Kept<K>, f: F, rate: Option<f64>) -> Blueprint
where
    T: Item,
    K: Keep,
    F: for<'a> FnMut(&mut K::View<'a>) -> Option<T> + 'static,
{
    let agent = Unfold {
        keep: kept.keep,
        f,
        types: PhantomData::<fn() -> T>,
    };
    Blueprint::new(agent)
        .state(kept.spec)
        .output(OutPort::new(T::item_type(), rate))
}

/// Counts 0, 1, 2, .., one each `period` of wall time, the first at once; `items` at most.
///
/// What is given depends on nothing, when it is given on the clock. What was held up is made up for. A
/// successor begins the schedule anew, with the count it stands at. The shortest period is a nanosecond.
pub fn every(period: Duration, items: u64) -> Blueprint {
    let period = period.max(Duration::from_nanos(1));
    let agent = Every {
        period,
        items,
        began: None,
    };
    Blueprint::new(agent).output(OutPort::new(
        u64::item_type(),
        Some(1.0 / period.as_secs_f64()),
    ))
}

struct Every {
    period: Duration,
    items: u64,
    /// When this process gave its first item, and which that was.
    began: Option<(Instant, u64)>,
}

impl Every {
    /// How many items are out by `now`.
    fn due(&self, began: (Instant, u64), now: Instant) -> u64 {
        let periods = (now - began.0).as_nanos() / self.period.as_nanos();
        let due = u64::try_from(periods).unwrap_or(u64::MAX);
        due.saturating_add(began.1 + 1).min(self.items)
    }

    /// When item `n` is due.
    fn moment(&self, began: (Instant, u64), n: u64) -> Instant {
        let periods = u32::try_from(n - began.1).unwrap_or(u32::MAX);
        began.0 + self.period.saturating_mul(periods).min(DAY)
    }
}

/// The longest that is waited for at once.
const DAY: Duration = Duration::from_secs(86_400);

impl Agent for Every {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let first = output.position();
        let began = *self.began.get_or_insert_with(|| (Instant::now(), first));
        let due = self.due(began, Instant::now());
        while output.position() < due && !output.is_full() {
            output.push(output.position());
        }
        match output.position() {
            n if n >= self.items => Ok(Status::Done),
            n if n < due => Ok(Status::More),
            n => Ok(Status::Wait(Wait::Until(self.moment(began, n)))),
        }
    }
}

struct Unfold<K, F, Types> {
    keep: K,
    f: F,
    types: PhantomData<Types>,
}

impl<T, K, F> Agent for Unfold<K, F, fn() -> T>
where
    T: Item,
    K: Keep,
    F: for<'a> FnMut(&mut K::View<'a>) -> Option<T>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let room = output.room::<T>();
        let given = self.keep.lend(&mut io.state, |state| {
            let items = std::iter::from_fn(|| (self.f)(state));
            let slots = room.iter_mut().zip(items);
            slots.map(|(slot, item)| *slot = item).count()
        })?;
        let is_full = given == room.len();
        output.produce(given);
        match is_full {
            true => Ok(Status::More),
            false => Ok(Status::Done),
        }
    }
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
    fn a_state_goes_on_where_it_was() {
        let next = |pair: &mut [u64; 2]| {
            let [a, b] = *pair;
            *pair = [b, a + b];
            (a < 1_000_000).then_some(a)
        };
        let expected = || {
            let mut pair = [0, 1];
            std::iter::from_fn(move || next(&mut pair))
        };
        check(|| unfold([0u64, 1], next, None), &[], &[stream(expected())]);
    }

    #[test]
    fn the_clock_gives_a_count_for_each_period_and_no_more() {
        let blueprint = every(Duration::from_micros(200), 50);
        assert_eq!(blueprint.outputs[0].rate, Some(5000.0));
        let began = Instant::now();
        let outputs = run(blueprint, &[], Chunks::Random(5), usize::MAX).unwrap();
        assert_eq!(outputs, [stream(0..50u64)]);
        assert!(began.elapsed() >= 49 * Duration::from_micros(200));
    }

    #[test]
    fn what_the_clock_owes_after_a_pause_is_given() {
        let ticks = Every {
            period: Duration::from_millis(10),
            items: 1000,
            began: None,
        };
        let at = Instant::now();
        let began = (at, 7);
        let due = |ms| ticks.due(began, at + Duration::from_millis(ms));
        assert_eq!([due(0), due(9), due(10), due(95)], [8, 8, 9, 17]);
        assert_eq!(due(1_000_000), 1000);
        assert_eq!(ticks.moment(began, 9), at + Duration::from_millis(20));
    }

    #[test]
    fn an_iterator_goes_on_where_it_was() {
        let primes = || (2..2000u32).filter(|n| (2..*n).all(|d| n % d != 0));
        check(|| from_iter(primes, None), &[], &[stream(primes())]);
        check(|| from_iter(|| [0.5; 3], None), &[], &[stream([0.5; 3])]);
    }
}
