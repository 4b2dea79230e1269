//! Medians of windows: of each window at once, or sliding with the window's numbers kept in order ([`bits`]; windows
//! too large for that in runs, [`Ordered`]).
//!
//! Numbers are compared as whole numbers of the same order ([`key`]), so a median does not depend on how
//! the order came about, -0.0 and 0.0 included. A window with a NaN in it has the median NaN.

mod bits;

use crate::sliding::{Folder, Windows, each_window};
use crate::types::Scalar;
use crate::wide::View;
use bits::Ranked;

/// Medians for items of `width` numbers that are of type `scalar` in the stream.
pub fn medians(windows: Windows, width: usize, scalar: Scalar) -> Box<dyn Folder<f64>> {
    let overlap = windows.size / windows.step;
    // Measured: inserting and removing costs about as much as selecting from 8 times as many, or from 16.
    if overlap < 3 || (overlap <= 8 && windows.size > 16) {
        Box::new(AtOnce {
            windows,
            width,
            keys: Vec::new(),
        })
    } else if windows.size > bits::LARGEST {
        Box::new(InOrder::new(windows, width))
    } else if matches!(scalar, Scalar::F64 | Scalar::I64 | Scalar::U64) {
        Box::new(Ranked::<u128>::new(windows, width))
    } else {
        Box::new(Ranked::<u64>::new(windows, width))
    }
}

/// A whole number that is to others as `x` is to other numbers, -0.0 before 0.0 (as `f64::total_cmp`).
fn key(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The number that [`key`] made this from.
fn of_key(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

/// The mean of the two numbers in the middle, which does not overflow.
fn between(low: i64, high: i64) -> f64 {
    let (low, high) = (of_key(low), of_key(high));
    if low == high {
        low
    } else {
        low / 2.0 + high / 2.0
    }
}

struct AtOnce {
    windows: Windows,
    width: usize,
    keys: Vec<i64>,
}

impl Folder<f64> for AtOnce {
    fn run(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, out: &mut [f64]) {
        let (width, keys) = (self.width, &mut self.keys);
        each_window(self.windows, width, view, from, to, |n, items| {
            for c in 0..width {
                let channel = items[c..].iter().step_by(width);
                out[n * width + c] = median_of(channel.copied(), keys);
            }
        });
    }
}

/// The median of at least one number; NaN if one of them is. `keys` is scratch.
pub fn median_of(items: impl Iterator<Item = f64> + Clone, keys: &mut Vec<i64>) -> f64 {
    if items.clone().any(f64::is_nan) {
        return f64::NAN;
    }
    keys.clear();
    keys.extend(items.map(key));
    let middle = keys.len() / 2;
    let even = keys.len().is_multiple_of(2);
    let (below, &mut high, _) = keys.select_nth_unstable(middle);
    match below.iter().max() {
        Some(&low) if even => between(low, high),
        _ => of_key(high),
    }
}

/// The numbers of the last `size - 1` items, in order, for each channel.
struct InOrder {
    windows: Windows,
    width: usize,
    done: Option<u64>,
    channels: Vec<Channel>,
    arriving: Vec<f64>,
}

#[derive(Clone)]
struct Channel {
    numbers: Ordered,
    nans: u64,
}

impl Channel {
    fn insert(&mut self, x: f64) {
        match x.is_nan() {
            true => self.nans += 1,
            false => self.numbers.insert(key(x)),
        }
    }

    fn remove(&mut self, x: f64) {
        match x.is_nan() {
            true => self.nans -= 1,
            false => self.numbers.remove(key(x)),
        }
    }

    fn median(&self, size: u64) -> f64 {
        if self.nans > 0 {
            return f64::NAN;
        }
        let (low, high) = self.numbers.pair((size as usize - 1) / 2);
        match size.is_multiple_of(2) {
            true => between(low, high),
            false => of_key(low),
        }
    }
}

impl InOrder {
    /// How many items are taken in at once.
    const STRETCH: u64 = 1024;

    fn new(windows: Windows, width: usize) -> InOrder {
        let channel = Channel {
            numbers: Ordered::new(windows.size as usize),
            nans: 0,
        };
        InOrder {
            windows,
            width,
            done: None,
            channels: vec![channel; width],
            arriving: Vec::new(),
        }
    }

    fn rebuild(&mut self, view: &mut View<'_, f64>, position: u64) {
        for channel in &mut self.channels {
            channel.numbers = Ordered::new(self.windows.size as usize);
            channel.nans = 0;
        }
        let from = position.saturating_sub(self.windows.size - 1);
        for item in view.range(from, position).chunks_exact(self.width) {
            for (channel, &x) in self.channels.iter_mut().zip(item) {
                channel.insert(x);
            }
        }
    }

    /// Takes in the items `from .. to`, drops those that no later window holds; gives how much it wrote.
    fn advance(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, out: &mut [f64]) -> usize {
        let (width, size) = (self.width, self.windows.size);
        self.arriving.clear();
        self.arriving.extend_from_slice(view.range(from, to));
        let oldest = from.saturating_sub(size - 1);
        let leaving = view.range(oldest, to.saturating_sub(size - 1).max(oldest));
        let mut leaving = leaving.chunks_exact(width);
        let mut given = 0;
        for (position, item) in (from..to).zip(self.arriving.chunks_exact(width)) {
            for (channel, &x) in self.channels.iter_mut().zip(item) {
                channel.insert(x);
            }
            if self.windows.ended(position + 1) > self.windows.ended(position) {
                for channel in &self.channels {
                    out[given] = channel.median(size);
                    given += 1;
                }
            }
            if position + 1 >= size {
                let left = leaving.next().expect("an item leaves as one arrives");
                for (channel, &x) in self.channels.iter_mut().zip(left) {
                    channel.remove(x);
                }
            }
        }
        given
    }
}

impl Folder<f64> for InOrder {
    fn run(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, out: &mut [f64]) {
        if self.done != Some(from) {
            self.rebuild(view, from);
        }
        let (mut at, mut given) = (from, 0);
        while at < to {
            let stop = to.min(at + InOrder::STRETCH);
            given += self.advance(view, at, stop, &mut out[given..]);
            at = stop;
        }
        self.done = Some(to);
    }
}

/// Numbers in order, in runs of about the square root of their count: insertion and removal move one run.
#[derive(Clone)]
struct Ordered {
    runs: Vec<Vec<i64>>,
    longest: usize,
}

impl Ordered {
    /// Best for about `count` numbers.
    fn new(count: usize) -> Ordered {
        Ordered {
            runs: vec![Vec::new()],
            longest: count.isqrt().max(64) * 2,
        }
    }

    /// The run that `key` is in, or belongs to.
    fn run_of(&self, key: i64) -> usize {
        let before = |run: &Vec<i64>| run.last().is_some_and(|&last| last < key);
        self.runs.partition_point(before).min(self.runs.len() - 1)
    }

    fn insert(&mut self, key: i64) {
        let at = self.run_of(key);
        let run = &mut self.runs[at];
        run.insert(run.partition_point(|&k| k < key), key);
        if run.len() > self.longest {
            let upper = run.split_off(run.len() / 2);
            self.runs.insert(at + 1, upper);
        }
    }

    /// Removes one number equal to `key`, which is there.
    fn remove(&mut self, key: i64) {
        let at = self.run_of(key);
        let run = &mut self.runs[at];
        let index = run.partition_point(|&k| k < key);
        debug_assert_eq!(run.get(index), Some(&key));
        run.remove(index);
        if run.is_empty() && self.runs.len() > 1 {
            self.runs.remove(at);
        }
    }

    /// The numbers of rank `rank` and `rank + 1`, counted from 0; the first twice if it is the last.
    fn pair(&self, rank: usize) -> (i64, i64) {
        let mut rank = rank;
        for (at, run) in self.runs.iter().enumerate() {
            if rank < run.len() {
                let next = match run.get(rank + 1) {
                    Some(&next) => next,
                    None => self.runs.get(at + 1).map_or(run[rank], |run| run[0]),
                };
                return (run[rank], next);
            }
            rank -= run.len();
        }
        unreachable!("rank beyond the numbers that are there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_order_of_their_numbers() {
        let ordered = [
            f64::NEG_INFINITY,
            -2.5,
            -1e-310,
            -0.0,
            0.0,
            1e-310,
            1.0,
            f64::INFINITY,
        ];
        for pair in ordered.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
        for x in ordered {
            assert_eq!(of_key(key(x)).to_bits(), x.to_bits());
        }
    }

    #[test]
    fn runs_stay_in_order_while_numbers_come_and_go() {
        let mut random = 7u64;
        let mut draw = || {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
            (random >> 40) as i64 % 500
        };
        let mut ordered = Ordered::new(16);
        let mut expected: Vec<i64> = Vec::new();
        for round in 0..4000 {
            let grow = expected.len() < 2 || (round / 1000) % 2 == 0;
            if grow {
                let x = draw();
                ordered.insert(x);
                expected.push(x);
            } else {
                let x = expected.swap_remove(draw() as usize % expected.len());
                ordered.remove(x);
            }
            let mut sorted = expected.clone();
            sorted.sort_unstable();
            let rank = (sorted.len() - 1) / 2;
            let next = sorted[(rank + 1).min(sorted.len() - 1)];
            assert_eq!(ordered.pair(rank), (sorted[rank], next), "round {round}");
        }
    }
}
