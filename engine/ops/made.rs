//! Sources around functions, iterators, lists and the clock.

use std::time::Duration;

use bytemuck::Pod;
use thalweg_worker::closures;
use thalweg_worker::types::Item;

use super::Source;
use crate::graph::Work;

/// The items of a list.
impl<T: Item> Source<T> for Vec<T> {
    fn into_work(self) -> Work {
        from_fn(move |n| self.get(n as usize).copied()).into_work()
    }
}

/// A source that gives `f(0)`, `f(1)`, .. until it is `None`.
///
/// It goes on after a kill where it was as long as `f(n)` depends on `n` alone.
pub fn from_fn<T, F>(f: F) -> FromFn<F>
where
    T: Item,
    F: FnMut(u64) -> Option<T> + 'static,
{
    FromFn { f, rate: None }
}

/// See [`from_fn`].
pub struct FromFn<F> {
    f: F,
    rate: Option<f64>,
}

impl<F> FromFn<F> {
    /// Items per second of the stream's own time.
    pub fn rate(self, rate: f64) -> FromFn<F> {
        FromFn {
            rate: Some(rate),
            ..self
        }
    }
}

impl<T, F> Source<T> for FromFn<F>
where
    T: Item,
    F: FnMut(u64) -> Option<T> + 'static,
{
    fn into_work(self) -> Work {
        Work::Native {
            kind: "from_fn",
            step: None,
            blueprint: Some(closures::from_fn(self.f, self.rate)),
        }
    }
}

/// A source that gives the items of the iterator that `make` makes.
///
/// After a kill `make` is called again and the items already given are skipped, so it must give the
/// same items each time: `from_iter(|| 0..100u64)`.
pub fn from_iter<I, M>(make: M) -> FromIter<M>
where
    I: IntoIterator + 'static,
    I::Item: Item,
    M: FnMut() -> I + 'static,
{
    FromIter { make, rate: None }
}

/// See [`from_iter`].
pub struct FromIter<M> {
    make: M,
    rate: Option<f64>,
}

impl<M> FromIter<M> {
    /// Items per second of the stream's own time.
    pub fn rate(self, rate: f64) -> FromIter<M> {
        FromIter {
            rate: Some(rate),
            ..self
        }
    }
}

impl<T, I, M> Source<T> for FromIter<M>
where
    T: Item,
    I: IntoIterator<Item = T> + 'static,
    M: FnMut() -> I + 'static,
{
    fn into_work(self) -> Work {
        Work::Native {
            kind: "from_iter",
            step: None,
            blueprint: Some(closures::from_iter(self.make, self.rate)),
        }
    }
}

/// A source that gives what `f(state)` gives until it is `None`. The state starts as `init`, is committed with
/// the stream's position, and so survives a kill.
///
/// ```
/// use thalweg::prelude::*;
///
/// let mut g = Graph::new("fibonacci");
/// let numbers = unfold([0u64, 1], |pair| {
///     let [a, b] = *pair;
///     *pair = [b, a + b];
///     (a < 50).then_some(a)
/// });
/// let kept = g.source("numbers", numbers).collect("kept");
/// g.run_in_process()?;
/// assert_eq!(kept.items(), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
/// # Ok::<(), thalweg::Error>(())
/// ```
pub fn unfold<T, S, F>(init: S, f: F) -> Unfold<S, F>
where
    T: Item,
    S: Pod,
    F: FnMut(&mut S) -> Option<T> + 'static,
{
    Unfold {
        init,
        f,
        rate: None,
    }
}

/// See [`unfold`].
pub struct Unfold<S, F> {
    init: S,
    f: F,
    rate: Option<f64>,
}

impl<S, F> Unfold<S, F> {
    /// Items per second of the stream's own time.
    pub fn rate(self, rate: f64) -> Unfold<S, F> {
        Unfold {
            rate: Some(rate),
            ..self
        }
    }
}

impl<T, S, F> Source<T> for Unfold<S, F>
where
    T: Item,
    S: Pod,
    F: FnMut(&mut S) -> Option<T> + 'static,
{
    fn into_work(self) -> Work {
        Work::Native {
            kind: "unfold",
            step: None,
            blueprint: Some(closures::unfold(self.init, self.f, self.rate)),
        }
    }
}

/// A source that counts 0, 1, 2, .., one each `period` of wall time, the first at once.
///
/// What it gives depends on nothing, when on the clock. `every(..).zip(..)` paces what is zipped with it; to pace
/// a stream by its own rate there is `op("throttle")`. Graph files have `counter rate=100 ! throttle`.
pub fn every(period: Duration) -> Every {
    Every {
        period,
        items: u64::MAX,
    }
}

/// See [`every`].
pub struct Every {
    period: Duration,
    items: u64,
}

impl Every {
    /// Ends after so many items.
    pub fn items(self, items: u64) -> Every {
        Every { items, ..self }
    }
}

impl Source<u64> for Every {
    fn into_work(self) -> Work {
        Work::Native {
            kind: "every",
            step: None,
            blueprint: Some(closures::every(self.period, self.items)),
        }
    }
}
