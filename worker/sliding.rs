//! Sliding folds: one result per window at a cost that does not depend on the window's size.
//!
//! The stream is cut into blocks of one window's size, counted in absolute positions. A window is
//! the end of one block and the beginning of the next, so its result joins a suffix fold with a prefix
//! fold, each of which costs one addition per item (van Herk, Pattern Recognition Letters 13, 1992; Gil
//! and Werman, IEEE PAMI 15, 1993; here for any fold, not for minimum and maximum alone).
//!
//! Nothing is ever subtracted, so nothing drifts and an infinity or NaN leaves with its item. The order
//! of additions follows from positions alone, so any chunking gives the same bits; what is cached here can
//! be made again from the last `size - 1` items, with the same bits.

use std::marker::PhantomData;

pub mod dynamic;
pub mod growing;
pub mod scan;

use crate::wide::{View, Wide};
use scan::Scan;

/// What a window is folded to.
pub trait Fold: 'static {
    /// What items are computed in, and what a window's result is.
    type Item: Wide;
    /// What part of a window has come to.
    type Part: Copy;

    /// The part that is one item.
    fn one(x: Self::Item) -> Self::Part;
    /// The part with one more item, at either side.
    fn add(part: Self::Part, x: Self::Item) -> Self::Part;
    /// The result of a window that is one part.
    fn whole(part: Self::Part) -> Self::Item;
    /// The result of a window made of two parts.
    fn join(before: Self::Part, after: Self::Part) -> Self::Item;
    /// The result of a window from its items, at least one, in an order of its own.
    fn at_once(items: impl Iterator<Item = Self::Item> + Clone) -> Self::Item {
        let mut items = items;
        let first = items.next().expect("a window has an item");
        Self::whole(items.fold(Self::one(first), Self::add))
    }
    /// [`Fold::at_once`] for items that lie side by side.
    fn at_once_slice(items: &[Self::Item]) -> Self::Item {
        Self::at_once(items.iter().copied())
    }
    /// The results of the windows of `size` items that begin at each item, as many as `out` has.
    ///
    /// Eight windows take in an item at the same time, each one its own, so that they go side by side.
    fn each(items: &[Self::Item], size: usize, out: &mut [Self::Item]) {
        for (start, slot) in side_by_side(out, |start, slots| {
            let mut parts: [_; 8] = std::array::from_fn(|k| Self::one(items[start + k]));
            for items in items[start + 1..].windows(8).take(size - 1) {
                for (part, &x) in parts.iter_mut().zip(items) {
                    *part = Self::add(*part, x);
                }
            }
            *slots = parts.map(Self::whole);
        }) {
            let (first, rest) = (items[start], &items[start + 1..start + size]);
            let add = |part, &x| Self::add(part, x);
            *slot = Self::whole(rest.iter().fold(Self::one(first), add));
        }
    }
}

/// Calls `f` with each eight places of `out` and where they are; gives those that are left, one by one.
fn side_by_side<T>(
    out: &mut [T],
    mut f: impl FnMut(usize, &mut [T; 8]),
) -> impl Iterator<Item = (usize, &mut T)> {
    let (eights, rest) = out.as_chunks_mut::<8>();
    let done = eights.len() * 8;
    for (block, slots) in eights.iter_mut().enumerate() {
        f(block * 8, slots);
    }
    (done..).zip(rest)
}

/// Which windows of a stream are wanted: the n-th is the items `n * step .. n * step + size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Items in a window, at least 1.
    pub size: u64,
    /// Items from one window's beginning to the next one's, at least 1.
    pub step: u64,
}

impl Windows {
    /// How many windows have ended when `items` items have been seen.
    pub fn ended(self, items: u64) -> u64 {
        match items.checked_sub(self.size) {
            Some(rest) => rest / self.step + 1,
            None => 0,
        }
    }

    /// True when an item is in so few windows that each is best folded from its items.
    pub fn overlap_little(self) -> bool {
        self.size / 16 < self.step
    }

    /// The position after the n-th window's last item. Saturates: that window never ends.
    pub fn end(self, n: u64) -> u64 {
        n.saturating_mul(self.step).saturating_add(self.size)
    }
}

/// Makes the results of all windows that end inside a stretch of the stream.
pub trait Folder<W> {
    /// Writes the results of the windows that end in `from + 1 ..= to` to `out`, `width` numbers each.
    ///
    /// `from .. to` and the `size - 1` items before it can be seen. Calls follow each other along the stream;
    /// one that does not (after a step was thrown away) costs `size` more.
    fn run(&mut self, view: &mut View<'_, W>, from: u64, to: u64, out: &mut [W]);
}

/// The folder that suits these windows, for items of `width` numbers.
pub fn folder<F: Fold>(windows: Windows, width: usize) -> Box<dyn Folder<F::Item>> {
    if windows.overlap_little() {
        Box::new(Direct::<F>::new(windows, width))
    } else {
        Box::new(Sliding::<F>::new(windows, width))
    }
}

/// Folds by blocks: the cost of an item does not depend on the size.
struct Sliding<F: Fold> {
    windows: Windows,
    width: usize,
    /// Items before this position are in `prefix` and `suffix`.
    done: Option<u64>,
    /// Entry `j * width + c`: channel c of the items `0 ..= j` of the current block.
    prefix: Vec<F::Part>,
    /// Entry `j * width + c`: channel c of the items `j ..` of the block before, for j of at least 1.
    suffix: Vec<F::Part>,
}

impl<F: Fold> Sliding<F> {
    fn new(windows: Windows, width: usize) -> Sliding<F> {
        Sliding {
            windows,
            width,
            done: None,
            prefix: Vec::new(),
            suffix: Vec::new(),
        }
    }

    fn block_of(&self, position: u64) -> u64 {
        position - position % self.windows.size
    }

    /// Makes the cache for `position` from the items before it.
    fn rebuild(&mut self, view: &mut View<'_, F::Item>, position: u64) {
        let block = self.block_of(position);
        self.suffix.clear();
        self.prefix.clear();
        if block > 0 {
            // Entries below `position - block` belong to windows that have ended already.
            let from = position + 1 - self.windows.size;
            self.fold_suffix(view.range(from, block));
        }
        self.extend_prefix(view.range(block, position));
    }

    /// Makes `suffix` from the last items of a block; entries of earlier items keep any value.
    fn fold_suffix(&mut self, items: &[F::Item]) {
        let width = self.width;
        let len = self.windows.size as usize * width;
        let Some(&any) = items.first() else { return };
        self.suffix.resize(len, F::one(any));
        let entries = &mut self.suffix[len - items.len()..];
        if width == 1 {
            let mut part = F::one(items[items.len() - 1]);
            entries[items.len() - 1] = part;
            let rest = entries.iter_mut().zip(items).rev();
            for (entry, &x) in rest.skip(1) {
                part = F::add(part, x);
                *entry = part;
            }
            return;
        }
        for c in 0..width {
            let mut channel = entries[c..].iter_mut().step_by(width).rev();
            let mut values = items[c..].iter().step_by(width).rev();
            if let (Some(last), Some(&x)) = (channel.next(), values.next()) {
                let mut part = F::one(x);
                *last = part;
                for (entry, &x) in channel.zip(values) {
                    part = F::add(part, x);
                    *entry = part;
                }
            }
        }
    }

    fn extend_prefix(&mut self, items: &[F::Item]) {
        let width = self.width;
        let mut items = items;
        if self.prefix.is_empty() {
            let first = items.len().min(width);
            self.prefix
                .extend(items[..first].iter().map(|&x| F::one(x)));
            items = &items[first..];
        }
        if width == 1 {
            let Some(&last) = self.prefix.last() else {
                return;
            };
            let known = self.prefix.len();
            self.prefix.resize(known + items.len(), last);
            let mut part = last;
            for (entry, &x) in self.prefix[known..].iter_mut().zip(items) {
                part = F::add(part, x);
                *entry = part;
            }
            return;
        }
        for item in items.chunks_exact(width) {
            let before = self.prefix.len() - width;
            for (c, &x) in item.iter().enumerate() {
                self.prefix.push(F::add(self.prefix[before + c], x));
            }
        }
    }

    /// The results of the windows that end in `from + 1 ..= to`, all inside the block at `block`.
    fn emit(&self, block: u64, from: u64, to: u64, out: &mut [F::Item]) {
        let (size, width) = (self.windows.size, self.width);
        let first = self.windows.ended(from);
        let count = (self.windows.ended(to) - first) as usize;
        for (n, result) in out.chunks_exact_mut(width).take(count).enumerate() {
            let items = self.windows.end(first + n as u64) - block;
            let after = &self.prefix[(items as usize - 1) * width..][..width];
            if items == size {
                let parts = result.iter_mut().zip(after);
                parts.for_each(|(slot, &part)| *slot = F::whole(part));
            } else {
                let before = &self.suffix[items as usize * width..][..width];
                for ((slot, &before), &after) in result.iter_mut().zip(before).zip(after) {
                    *slot = F::join(before, after);
                }
            }
        }
    }

    /// [`Sliding::emit`] for every window of single numbers: one straight loop.
    fn emit_each(&self, block: u64, from: u64, to: u64, out: &mut [F::Item]) {
        let size = self.windows.size;
        let (i, j) = ((from - block) as usize + 1, (to - block) as usize + 1);
        let joined = match block {
            0 => 0..0,
            _ => i..j.min(size as usize),
        };
        let after = &self.prefix[i - 1..];
        let before = match joined.is_empty() {
            true => &[],
            false => &self.suffix[joined.clone()],
        };
        let pairs = before.iter().zip(after);
        for (slot, (&before, &after)) in out.iter_mut().zip(pairs) {
            *slot = F::join(before, after);
        }
        if to == block + size {
            out[joined.len()] = F::whole(self.prefix[size as usize - 1]);
        }
    }
}

impl<F: Fold> Folder<F::Item> for Sliding<F> {
    fn run(&mut self, view: &mut View<'_, F::Item>, from: u64, to: u64, out: &mut [F::Item]) {
        if self.done != Some(from) {
            self.rebuild(view, from);
        }
        let (size, mut at, mut given) = (self.windows.size, from, 0);
        while at < to {
            let block = self.block_of(at);
            let stop = to.min(block + size);
            self.extend_prefix(view.range(at, stop));
            match (self.windows.step, self.width) {
                (1, 1) => self.emit_each(block, at, stop, &mut out[given..]),
                _ => self.emit(block, at, stop, &mut out[given..]),
            }
            given += (self.windows.ended(stop) - self.windows.ended(at)) as usize * self.width;
            if stop == block + size {
                self.fold_suffix(view.range(block + 1, stop));
                self.prefix.clear();
            }
            at = stop;
        }
        self.done = Some(to);
    }
}

/// Folds each window from its items: right where windows overlap little.
struct Direct<F> {
    windows: Windows,
    width: usize,
    fold: PhantomData<F>,
}

impl<F: Fold> Direct<F> {
    fn new(windows: Windows, width: usize) -> Direct<F> {
        Direct {
            windows,
            width,
            fold: PhantomData,
        }
    }

    /// [`Folder::run`] for every window of single numbers.
    fn run_each(&self, view: &mut View<'_, F::Item>, from: u64, to: u64, out: &mut [F::Item]) {
        let size = self.windows.size;
        let (first, last) = (self.windows.ended(from), self.windows.ended(to));
        let starts = (first..last).step_by(TOGETHER as usize);
        for (start, out) in starts.zip(out.chunks_mut(TOGETHER as usize)) {
            let stop = last.min(start + TOGETHER);
            let out = &mut out[..(stop - start) as usize];
            F::each(view.range(start, stop - 1 + size), size as usize, out);
        }
    }
}

impl<F: Fold> Folder<F::Item> for Direct<F> {
    fn run(&mut self, view: &mut View<'_, F::Item>, from: u64, to: u64, out: &mut [F::Item]) {
        let width = self.width;
        if (self.windows.step, width) == (1, 1) {
            return self.run_each(view, from, to, out);
        }
        each_window(self.windows, width, view, from, to, |n, items| {
            let result = &mut out[n * width..][..width];
            if width == 1 {
                result[0] = F::at_once_slice(items);
                return;
            }
            for (c, slot) in result.iter_mut().enumerate() {
                *slot = F::at_once(items[c..].iter().step_by(width).copied());
            }
        });
    }
}

/// Items, or windows, taken from a view at once.
const TOGETHER: u64 = 4096;

/// Calls `f` with the number and the items of each window that ends in `from + 1 ..= to`.
///
/// Overlapping windows are taken from the view together, so that their items are converted once.
pub fn each_window<W: Wide>(
    windows: Windows,
    width: usize,
    view: &mut View<'_, W>,
    from: u64,
    to: u64,
    mut f: impl FnMut(usize, &[W]),
) {
    let (first, last) = (windows.ended(from), windows.ended(to));
    let group = match windows.step < windows.size {
        true => (TOGETHER / windows.step).max(1),
        false => 1,
    };
    let len = windows.size as usize * width;
    let mut n = first;
    while n < last {
        let stop = last.min(n + group);
        let items = view.range(n * windows.step, windows.end(stop - 1));
        for k in n..stop {
            let at = ((k - n) * windows.step) as usize * width;
            f((k - first) as usize, &items[at..at + len]);
        }
        n = stop;
    }
}

/// Eight running results side by side, joined at the end in one fixed order.
fn in_lanes<T: Copy, A: Copy>(
    items: &[T],
    zero: A,
    add: impl Fn(A, T) -> A,
    join: impl Fn(A, A) -> A,
) -> A {
    let mut lanes = [zero; 8];
    let rows = items.chunks_exact(8);
    let rest = rows.remainder();
    for row in rows {
        for (lane, &x) in lanes.iter_mut().zip(row) {
            *lane = add(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = add(*lane, x);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    join(join(join(a, e), join(b, f)), join(join(c, g), join(d, h)))
}

/// The sum of the items.
pub struct Sum<W>(PhantomData<W>);

/// The sum of the items' squares.
pub struct Squares;

/// The sum of the squared differences from the window's own mean.
///
/// Each part sums differences from one of its own items, which is at most `sqrt(n)` standard deviations
/// from the part's mean: the rounding error of the result is below `n` units in its last place, however
/// far the data is from zero.
pub struct Deviations;

/// The smallest item. A NaN makes the result NaN.
pub struct Min<W>(PhantomData<W>);

/// The largest item. A NaN makes the result NaN.
pub struct Max<W>(PhantomData<W>);

/// The difference between the largest item and the smallest; integers stop at their largest value.
pub struct Range<W>(PhantomData<W>);

/// Adding and subtracting as sums and ranges need it: integers wrap in sums and saturate in ranges.
pub trait Arithmetic: Wide {
    /// 0.
    const ZERO: Self;
    /// `self + other`, wrapping.
    fn plus(self, other: Self) -> Self;
    /// `self - other`, saturating.
    fn minus(self, other: Self) -> Self;
}

impl Arithmetic for f64 {
    const ZERO: f64 = 0.0;
    fn plus(self, other: f64) -> f64 {
        self + other
    }
    fn minus(self, other: f64) -> f64 {
        self - other
    }
}

impl Arithmetic for i64 {
    const ZERO: i64 = 0;
    fn plus(self, other: i64) -> i64 {
        self.wrapping_add(other)
    }
    fn minus(self, other: i64) -> i64 {
        self.saturating_sub(other)
    }
}

impl Arithmetic for u64 {
    const ZERO: u64 = 0;
    fn plus(self, other: u64) -> u64 {
        self.wrapping_add(other)
    }
    fn minus(self, other: u64) -> u64 {
        self.saturating_sub(other)
    }
}

impl<W: Arithmetic> Fold for Sum<W> {
    type Item = W;
    type Part = W;

    fn one(x: W) -> W {
        x
    }
    fn add(part: W, x: W) -> W {
        part.plus(x)
    }
    fn whole(part: W) -> W {
        part
    }
    fn join(before: W, after: W) -> W {
        before.plus(after)
    }
    fn at_once_slice(items: &[W]) -> W {
        in_lanes(items, W::ZERO, W::plus, W::plus)
    }
}

impl<W: Arithmetic> Scan for Sum<W> {
    fn merge(before: Self::Part, after: Self::Part) -> Self::Part {
        before.plus(after)
    }
}

impl Fold for Squares {
    type Item = f64;
    type Part = f64;

    fn one(x: f64) -> f64 {
        x * x
    }
    fn add(part: f64, x: f64) -> f64 {
        part + x * x
    }
    fn whole(part: f64) -> f64 {
        part
    }
    fn join(before: f64, after: f64) -> f64 {
        before + after
    }
    fn at_once_slice(items: &[f64]) -> f64 {
        in_lanes(items, 0.0, |sum, x| sum + x * x, |a, b| a + b)
    }
}

impl Scan for Squares {
    fn merge(before: Self::Part, after: Self::Part) -> Self::Part {
        before + after
    }
}

/// How many items, the item that differences are taken from, their sum, the sum of their squares.
#[derive(Clone, Copy)]
pub struct Spread {
    count: f64,
    origin: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn deviations(self) -> f64 {
        self.squares - self.sum * (self.sum / self.count)
    }
}

impl Fold for Deviations {
    type Item = f64;
    type Part = Spread;

    fn one(x: f64) -> Spread {
        Spread {
            count: 1.0,
            origin: x,
            // 0, but NaN for an infinity, as the result of every window that holds one.
            sum: 0.0 * x,
            squares: 0.0,
        }
    }

    fn add(part: Spread, x: f64) -> Spread {
        let difference = x - part.origin;
        Spread {
            count: part.count + 1.0,
            origin: part.origin,
            sum: part.sum + difference,
            squares: part.squares + difference * difference,
        }
    }

    fn whole(part: Spread) -> f64 {
        not_negative(part.deviations())
    }

    /// Chan, Golub and LeVeque, The American Statistician 37 (1983), equation 2.1b.
    fn join(a: Spread, b: Spread) -> f64 {
        let apart = (b.origin - a.origin) + (b.sum / b.count - a.sum / a.count);
        let between = apart * apart * (a.count * b.count / (a.count + b.count));
        not_negative(a.deviations() + b.deviations() + between)
    }

    /// In two passes, as one window after the other.
    fn each(items: &[f64], size: usize, out: &mut [f64]) {
        let sum = |items: &[f64]| items[1..].iter().fold(items[0], |sum, x| sum + x);
        let squares = |items: &[f64], mean: f64| {
            let add = |sum: f64, x: &f64| sum + (x - mean) * (x - mean);
            items.iter().fold(0.0, add)
        };
        for (start, slot) in side_by_side(out, |start, slots| {
            let mut means = [0.0; 8];
            Sum::<f64>::each(&items[start..start + size + 7], size, &mut means);
            means.iter_mut().for_each(|mean| *mean /= size as f64);
            *slots = [0.0; 8];
            for items in items[start..].windows(8).take(size) {
                for ((slot, &mean), &x) in slots.iter_mut().zip(&means).zip(items) {
                    *slot += (x - mean) * (x - mean);
                }
            }
        }) {
            let items = &items[start..start + size];
            *slot = squares(items, sum(items) / size as f64);
        }
    }

    /// In two passes: the mean, then the differences from it.
    fn at_once(items: impl Iterator<Item = f64> + Clone) -> f64 {
        let count = items.clone().count() as f64;
        let mean = items.clone().sum::<f64>() / count;
        items.map(|x| (x - mean) * (x - mean)).sum()
    }

    fn at_once_slice(items: &[f64]) -> f64 {
        let mean = Sum::<f64>::at_once_slice(items) / items.len() as f64;
        in_lanes(
            items,
            0.0,
            |sum, x| sum + (x - mean) * (x - mean),
            |a, b| a + b,
        )
    }
}

/// Rounding can leave a sum of squares a little below 0; a NaN stays.
fn not_negative(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

/// The smaller one, or the one that is NaN.
///
/// Written as the processor's instruction, which gives the second one where one is NaN, and a choice for the first.
#[inline(always)]
fn least<W: Wide>(a: W, b: W) -> W {
    let least = if a < b { a } else { b };
    if is_nan(a) { a } else { least }
}

/// The larger one, or the one that is NaN; see [`least`].
#[inline(always)]
fn most<W: Wide>(a: W, b: W) -> W {
    let most = if a > b { a } else { b };
    if is_nan(a) { a } else { most }
}

/// Only a NaN differs from itself; an integer never does.
#[inline(always)]
#[expect(clippy::eq_op, reason = "this is what a NaN is")]
fn is_nan<W: Wide>(x: W) -> bool {
    x != x
}

impl<W: Wide> Fold for Min<W> {
    type Item = W;
    type Part = W;

    fn one(x: W) -> W {
        x
    }
    fn add(part: W, x: W) -> W {
        least(part, x)
    }
    fn whole(part: W) -> W {
        part
    }
    fn join(before: W, after: W) -> W {
        least(before, after)
    }
    fn at_once_slice(items: &[W]) -> W {
        in_lanes(items, items[0], least, least)
    }
}

impl<W: Wide> Scan for Min<W> {
    fn merge(before: Self::Part, after: Self::Part) -> Self::Part {
        least(before, after)
    }
}

impl<W: Wide> Fold for Max<W> {
    type Item = W;
    type Part = W;

    fn one(x: W) -> W {
        x
    }
    fn add(part: W, x: W) -> W {
        most(part, x)
    }
    fn whole(part: W) -> W {
        part
    }
    fn join(before: W, after: W) -> W {
        most(before, after)
    }
    fn at_once_slice(items: &[W]) -> W {
        in_lanes(items, items[0], most, most)
    }
}

impl<W: Wide> Scan for Max<W> {
    fn merge(before: Self::Part, after: Self::Part) -> Self::Part {
        most(before, after)
    }
}

impl<W: Arithmetic> Fold for Range<W> {
    type Item = W;
    type Part = (W, W);

    fn one(x: W) -> (W, W) {
        (x, x)
    }
    fn add((low, high): (W, W), x: W) -> (W, W) {
        (least(low, x), most(high, x))
    }
    fn whole((low, high): (W, W)) -> W {
        high.minus(low)
    }
    fn join(before: (W, W), after: (W, W)) -> W {
        most(before.1, after.1).minus(least(before.0, after.0))
    }
    fn at_once_slice(items: &[W]) -> W {
        Max::at_once_slice(items).minus(Min::at_once_slice(items))
    }
}

impl<W: Arithmetic> Scan for Range<W> {
    fn merge(before: Self::Part, after: Self::Part) -> Self::Part {
        (least(before.0, after.0), most(before.1, after.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted_when_they_end() {
        let windows = Windows { size: 4, step: 3 };
        let cases = [(0, 0), (3, 0), (4, 1), (6, 1), (7, 2), (10, 3)];
        for (items, expected) in cases {
            assert_eq!(windows.ended(items), expected, "{items}");
        }
        assert_eq!(windows.end(2), 10);
        assert_eq!(windows.end(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_nan_on_either_side_is_the_result() {
        for (a, b) in [(f64::NAN, 1.0), (1.0, f64::NAN)] {
            assert!(least(a, b).is_nan());
            assert!(most(a, b).is_nan());
        }
        assert_eq!((least(1.0, 2.0), least(2.0, 1.0)), (1.0, 1.0));
        assert_eq!((most(1.0, 2.0), most(2.0, 1.0)), (2.0, 2.0));
        assert_eq!((least(-1i64, 2), most(-1i64, 2)), (-1, 2));
    }

    #[test]
    fn deviations_are_exact_however_far_from_zero() {
        // 1 .. 1000 has the sum of squared deviations n (n^2 - 1) / 12; the shift adds nothing to it.
        let expected = 1000.0 * (1e6 - 1.0) / 12.0;
        let items: Vec<f64> = (1..=1000).map(|n| 1e9 + f64::from(n)).collect();
        let part = |items: &[f64]| {
            let one = Deviations::one(items[0]);
            items[1..].iter().fold(one, |p, &x| Deviations::add(p, x))
        };
        for cut in [1, 300, 999] {
            let joined = Deviations::join(part(&items[..cut]), part(&items[cut..]));
            assert!((joined / expected - 1.0).abs() < 1e-12, "{cut}: {joined}");
        }
        let whole = Deviations::whole(part(&items));
        assert!((whole / expected - 1.0).abs() < 1e-12, "{whole}");
        let at_once = Deviations::at_once_slice(&items);
        assert!((at_once / expected - 1.0).abs() < 1e-12, "{at_once}");
    }
}
