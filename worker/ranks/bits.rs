//! Sliding medians over ranks: which of the numbers in sight are in the window is a set of bits.
//!
//! Numbers that arrive together are sorted once and merged with those of the window, which are kept in order; then
//! each number has a rank, and a window is a set of ranks. To slide it one bit is set and one is cleared; the word of
//! bits that the median is in hardly ever changes, and where it is in the word follows from how many are below.
//! So a number costs its share of a sort and of a merge and a few instructions, whatever the size.
//!
//! Few numbers at a time are instead put in their places in the window one by one.

use std::cmp::Ordering;

use crate::ranks::{between, key, of_key};
use crate::sliding::{Folder, Windows};
use crate::wide::View;

/// Bits of a position that tell it from all others in sight.
const LABEL_BITS: u32 = 13;
const LABELS: usize = 1 << LABEL_BITS;

/// The largest window whose numbers and as many new ones have labels of their own.
pub const LARGEST: u64 = LABELS as u64 / 2;

/// A number and its place in the stream, in the order of numbers, then of labels.
pub trait Entry: Copy + Ord + 'static {
    /// Above every entry.
    const END: Self;
    fn new(x: f64, position: u64) -> Self;
    fn key(self) -> i64;
    fn label(self) -> usize;
}

fn label_of(position: u64) -> usize {
    position as usize % LABELS
}

/// Keys whose order is that of numbers without a sign; every NaN is the same.
fn unsigned(x: f64) -> u64 {
    let x = if x.is_nan() { f64::NAN } else { x };
    key(x) as u64 ^ 1 << 63
}

fn signed(key: u64) -> i64 {
    (key ^ 1 << 63) as i64
}

/// For numbers that were of 32 bits or less: as f64 their last bits are zeros, and have room for the label.
impl Entry for u64 {
    const END: u64 = u64::MAX;

    fn new(x: f64, position: u64) -> u64 {
        let key = unsigned(x);
        // A negative number's zeros are ones in its key.
        key >> LABEL_BITS << LABEL_BITS | label_of(position) as u64
    }

    fn key(self) -> i64 {
        let cut = self >> LABEL_BITS << LABEL_BITS;
        let is_negative = cut >> 63 == 0;
        signed(if is_negative {
            cut | (LABELS as u64 - 1)
        } else {
            cut
        })
    }

    fn label(self) -> usize {
        self as usize % LABELS
    }
}

/// For any number.
impl Entry for u128 {
    const END: u128 = u128::MAX;

    fn new(x: f64, position: u64) -> u128 {
        u128::from(unsigned(x)) << LABEL_BITS | label_of(position) as u128
    }

    fn key(self) -> i64 {
        signed((self >> LABEL_BITS) as u64)
    }

    fn label(self) -> usize {
        self as usize % LABELS
    }
}

/// Medians of windows of at most [`LARGEST`] items.
pub struct Ranked<E> {
    windows: Windows,
    width: usize,
    done: Option<u64>,
    channels: Vec<Channel<E>>,
    arriving: Vec<f64>,
    leaving: Vec<f64>,
    sight: Sight<E>,
}

impl<E: Entry> Ranked<E> {
    pub fn new(windows: Windows, width: usize) -> Ranked<E> {
        assert!(windows.size <= LARGEST);
        let channel = Channel {
            windows,
            kept: Vec::new(),
            spoilt: 0,
        };
        Ranked {
            windows,
            width,
            done: None,
            channels: vec![channel; width],
            arriving: Vec::new(),
            leaving: Vec::new(),
            sight: Sight {
                arrived: Vec::new(),
                all: Vec::new(),
                ranks: Box::new([0; LABELS]),
                held: Vec::new(),
            },
        }
    }

    /// How many numbers are sorted at once: more, and the window is too thin among them.
    fn together(&self) -> u64 {
        (2 * self.windows.size).clamp(128, LABELS as u64 - self.windows.size)
    }

    /// Makes what is kept at `position` from the items before it.
    fn rebuild(&mut self, view: &mut View<'_, f64>, position: u64) {
        let from = position.saturating_sub(self.windows.size - 1);
        let items = view.range(from, position);
        for (c, channel) in self.channels.iter_mut().enumerate() {
            channel.kept.clear();
            channel.spoilt = 0;
            for (position, &x) in (from..).zip(items.iter().skip(c).step_by(self.width)) {
                channel.kept.push(E::new(x, position));
                channel.look_at(x, position);
            }
            channel.kept.sort_unstable();
        }
    }

    /// The results of the windows that end in `from + 1 ..= to`, at most [`Ranked::together`] items.
    fn advance(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, out: &mut [f64]) {
        let (before, width) = (self.windows.size - 1, self.width);
        let are_few = (to - from) * 16 < self.windows.size;
        for (c, channel) in self.channels.iter_mut().enumerate() {
            let of_channel = |items: &[f64], into: &mut Vec<f64>| {
                into.clear();
                into.extend(items.iter().skip(c).step_by(width));
            };
            of_channel(view.range(from, to), &mut self.arriving);
            let out = out.iter_mut().skip(c).step_by(width);
            if are_few {
                let oldest = from.saturating_sub(before);
                let leaving = view.range(oldest, to.saturating_sub(before).max(oldest));
                of_channel(leaving, &mut self.leaving);
                channel.one_by_one(from, &self.arriving, &self.leaving, out);
            } else {
                self.sight.lay_out(&channel.kept, from, &self.arriving);
                slide(&mut self.sight, channel, from, &self.arriving, out);
                self.sight.give_back(&mut channel.kept);
            }
        }
    }
}

impl<E: Entry> Folder<f64> for Ranked<E> {
    fn run(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, out: &mut [f64]) {
        if self.done != Some(from) {
            self.rebuild(view, from);
        }
        let (mut at, mut given) = (from, 0);
        while at < to {
            let stop = to.min(at + self.together());
            self.advance(view, at, stop, &mut out[given..]);
            given += (self.windows.ended(stop) - self.windows.ended(at)) as usize * self.width;
            at = stop;
        }
        self.done = Some(to);
    }
}

/// What is kept of a channel between calls.
#[derive(Clone)]
struct Channel<E> {
    windows: Windows,
    /// The last `size - 1` numbers, in order.
    kept: Vec<E>,
    /// Windows that end here or before have a NaN in them.
    spoilt: u64,
}

impl<E: Entry> Channel<E> {
    #[inline(always)]
    fn look_at(&mut self, x: f64, position: u64) {
        if x.is_nan() {
            self.spoilt = position + self.windows.size;
        }
    }

    /// The median of the window that ends at `end`, whose middle is `low` and, where its size is even, `high`.
    #[inline(always)]
    fn median(&self, end: u64, low: E, high: impl FnOnce() -> E) -> f64 {
        if end <= self.spoilt {
            f64::NAN
        } else if self.windows.size.is_multiple_of(2) {
            between(low.key(), high().key())
        } else {
            of_key(low.key())
        }
    }

    /// Takes in the numbers from `from` on, each at its place among those kept, and lets the oldest go.
    fn one_by_one<'a>(
        &mut self,
        from: u64,
        arriving: &[f64],
        leaving: &[f64],
        out: impl Iterator<Item = &'a mut f64>,
    ) {
        let size = self.windows.size;
        let mut next = self.windows.end(self.windows.ended(from));
        let (mut out, mut leaving) = (out, leaving.iter());
        for (position, &x) in (from..).zip(arriving) {
            self.look_at(x, position);
            let new = E::new(x, position);
            let place = self.kept.partition_point(|&entry| entry < new);
            let end = position + 1;
            if end == next {
                next += self.windows.step;
                let of_rank = |rank: usize| match rank.cmp(&place) {
                    Ordering::Less => self.kept[rank],
                    Ordering::Equal => new,
                    Ordering::Greater => self.kept[rank - 1],
                };
                let middle = (size as usize - 1) / 2;
                let median = self.median(end, of_rank(middle), || of_rank(middle + 1));
                *out.next().expect("room for each window that ends") = median;
            }
            if end < size {
                self.kept.insert(place, new);
                continue;
            }
            let old = leaving.next().expect("a number leaves as one arrives");
            let old = E::new(*old, end - size);
            let left = self.kept.partition_point(|&entry| entry < old);
            debug_assert!(self.kept[left] == old);
            if left < place {
                self.kept.copy_within(left + 1..place, left);
                self.kept[place - 1] = new;
            } else {
                self.kept.copy_within(place..left, place + 1);
                self.kept[place] = new;
            }
        }
    }
}

/// All numbers in sight: those kept and those that arrive.
struct Sight<E> {
    /// Those that arrive, in order, and an end.
    arrived: Vec<E>,
    /// All, in order.
    all: Vec<E>,
    /// The place in `all` of the number with a label.
    ranks: Box<[u16; LABELS]>,
    /// A bit for each of `all`: whether it is in the window.
    held: Vec<u64>,
}

impl<E: Entry> Sight<E> {
    /// Sorts what arrives, merges it with what is kept, and holds what is kept.
    fn lay_out(&mut self, kept: &[E], from: u64, arriving: &[f64]) {
        self.arrived.clear();
        let entries = (from..)
            .zip(arriving)
            .map(|(position, &x)| E::new(x, position));
        self.arrived.extend(entries);
        self.arrived.sort_unstable();
        let count = kept.len() + arriving.len();
        self.all.resize(count, E::END);
        self.held.clear();
        self.held.resize(count.div_ceil(64), 0);
        let (mut old, mut new) = (0, 0);
        for (rank, slot) in self.all.iter_mut().enumerate() {
            let (a, b) = (kept.get(old).copied(), self.arrived.get(new).copied());
            // No number is an end, so one of the two is below it.
            let (a, b) = (a.unwrap_or(E::END), b.unwrap_or(E::END));
            let is_old = a < b;
            *slot = if is_old { a } else { b };
            old += usize::from(is_old);
            new += usize::from(!is_old);
            self.ranks[slot.label()] = rank as u16;
            self.held[rank / 64] |= u64::from(is_old) << (rank % 64);
        }
    }

    /// What is held, in order.
    fn give_back(&self, kept: &mut Vec<E>) {
        kept.resize(self.all.len(), E::END);
        let mut count = 0;
        for (rank, &entry) in self.all.iter().enumerate() {
            kept[count] = entry;
            count += (self.held[rank / 64] >> (rank % 64) & 1) as usize;
        }
        kept.truncate(count);
    }
}

/// Takes in the numbers from `from` on and lets the oldest go, bit by bit.
fn slide<'a, E: Entry>(
    sight: &mut Sight<E>,
    channel: &mut Channel<E>,
    from: u64,
    arriving: &[f64],
    out: impl Iterator<Item = &'a mut f64>,
) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("bmi1") && has!("bmi2") && has!("popcnt") {
            // SAFETY: the processor has what the function is compiled for: just asked.
            unsafe { slide_bmi(sight, channel, from, arriving, out) };
            return;
        }
    }
    slide_by(sight, channel, from, arriving, out, |word, count| {
        let rest = (0..count).fold(word, |word, _| word & (word - 1));
        rest.trailing_zeros()
    });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2,popcnt")]
fn slide_bmi<'a, E: Entry>(
    sight: &mut Sight<E>,
    channel: &mut Channel<E>,
    from: u64,
    arriving: &[f64],
    out: impl Iterator<Item = &'a mut f64>,
) {
    slide_by(sight, channel, from, arriving, out, |word, count| {
        std::arch::x86_64::_pdep_u64(1 << count, word).trailing_zeros()
    });
}

/// `nth` gives the place in a word of the set bit with so many set bits below it.
#[inline(always)]
fn slide_by<'a, E: Entry>(
    sight: &mut Sight<E>,
    channel: &mut Channel<E>,
    from: u64,
    arriving: &[f64],
    out: impl Iterator<Item = &'a mut f64>,
    nth: impl Fn(u64, u32) -> u32,
) {
    let windows = channel.windows;
    let size = windows.size;
    let mut next = windows.end(windows.ended(from));
    let (held, ranks) = (&mut sight.held[..], &sight.ranks);
    let middle = (size as i64 - 1) / 2;
    // The word that the last median was in, and how many bits are set in the words before it.
    let (mut at, mut before) = (0, 0i64);
    let mut out = out;
    for (position, &x) in (from..).zip(arriving) {
        channel.look_at(x, position);
        let new = usize::from(ranks[label_of(position)]);
        held[new / 64] |= 1 << (new % 64);
        before += i64::from(new / 64 < at);
        let end = position + 1;
        if end == next {
            next += windows.step;
            while before > middle {
                at -= 1;
                before -= i64::from(held[at].count_ones());
            }
            while before + i64::from(held[at].count_ones()) <= middle {
                before += i64::from(held[at].count_ones());
                at += 1;
            }
            let low = at * 64 + nth(held[at], (middle - before) as u32) as usize;
            let high = || sight.all[next_held(held, low)];
            let median = channel.median(end, sight.all[low], high);
            *out.next().expect("room for each window that ends") = median;
        }
        if end >= size {
            let old = usize::from(ranks[label_of(end - size)]);
            held[old / 64] &= !(1 << (old % 64));
            before -= i64::from(old / 64 < at);
        }
    }
}

/// The first set bit after the bit `rank`.
#[inline(always)]
fn next_held(held: &[u64], rank: usize) -> usize {
    let mut word = held[rank / 64] & (!1 << (rank % 64));
    let mut at = rank / 64;
    while word == 0 {
        at += 1;
        word = held[at];
    }
    at * 64 + word.trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_in_the_order_of_numbers_and_give_them_back() {
        let ordered = [f64::NEG_INFINITY, -2.5, -0.0, 0.0, 1.0, f64::INFINITY];
        for (n, x) in ordered.into_iter().enumerate() {
            let position = 100_000 - n as u64;
            let (short, long) = (u64::new(x, position), u128::new(x, position));
            assert_eq!(of_key(short.key()).to_bits(), x.to_bits());
            assert_eq!(of_key(long.key()).to_bits(), x.to_bits());
            assert_eq!(
                (short.label(), long.label()),
                (label_of(position), label_of(position))
            );
            for &later in &ordered[n + 1..] {
                assert!(short < u64::new(later, 0) && long < u128::new(later, 0));
            }
            assert!(
                short < u64::new(f64::NAN, 0) && u64::new(-f64::NAN, LABELS as u64 - 1) < u64::END
            );
            assert!(long < u128::new(f64::NAN, 0) && u128::new(-f64::NAN, 0) < u128::END);
        }
        let fine = 1.0 + f64::EPSILON;
        assert_eq!(of_key(u128::new(fine, 7).key()), fine);
    }
}
