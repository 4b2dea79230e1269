//! Vectors to numbers and back: the loops of [`Op::Reduce`](super::code::Op) and `Op::Spread`.
//!
//! The order of additions follows from the vector's length alone, so that no chunking shows.

use crate::ranks::median_of;

use super::code::{Binary, Reduce, Slice};
use super::lanes::{Arithmetic, Many, room};

/// Partial sums side by side, so that an addition need not wait for the one before.
const PARTS: usize = 8;

/// The first `count` lanes of `to` from as many vectors of `width`.
#[inline(always)]
pub(super) fn reduce<T: Arithmetic + PartialOrd>(
    op: Reduce,
    to: &mut [u8],
    count: usize,
    a: &[T],
    width: usize,
) {
    match op {
        Reduce::Sum => folds(room(to, count), a, width, Binary::Add),
        Reduce::Product => folds(room(to, count), a, width, Binary::Mul),
        Reduce::Min => folds(room(to, count), a, width, Binary::Min),
        Reduce::Max => folds(room(to, count), a, width, Binary::Max),
        Reduce::ArgMin => places(room(to, count), a, width, |x, best| x < best),
        Reduce::ArgMax => places(room(to, count), a, width, |x, best| x > best),
        Reduce::At(place) => {
            for (slot, vector) in room(to, count).iter_mut().zip(a.chunks_exact(width)) {
                *slot = vector[place];
            }
        }
        Reduce::Median => unreachable!("medians are of f64"),
    }
}

/// Each vector's elements joined by `op`: so many at a time as there are parts, then the parts.
#[inline(always)]
fn folds<T: Arithmetic>(to: &mut [T], a: &[T], width: usize, op: Binary) {
    for (slot, vector) in to.iter_mut().zip(a.chunks_exact(width)) {
        let (first, rest) = vector.split_at(width.min(PARTS));
        let mut parts = [first[0]; PARTS];
        parts[..first.len()].copy_from_slice(first);
        let mut chunks = rest.chunks_exact(PARTS);
        for chunk in &mut chunks {
            let before = parts;
            T::binary(op, &mut parts, &before, Many::of(chunk));
        }
        let tail = chunks.remainder();
        let before = parts;
        T::binary(
            op,
            &mut parts[..tail.len()],
            &before[..tail.len()],
            Many::of(tail),
        );
        let mut whole = [parts[0]];
        for part in &parts[1..first.len()] {
            let before = whole;
            T::binary(op, &mut whole, &before, Many::of(&[*part]));
        }
        *slot = whole[0];
    }
}

/// The place of each vector's first best element; of the first NaN, where there is one.
#[inline(always)]
fn places<T: Copy + PartialOrd>(
    to: &mut [i64],
    a: &[T],
    width: usize,
    is_better: impl Fn(T, T) -> bool,
) {
    for (slot, vector) in to.iter_mut().zip(a.chunks_exact(width)) {
        let mut best = 0;
        for (place, x) in vector.iter().enumerate() {
            let is_nan = |x: &T| x.partial_cmp(x).is_none();
            let is_first_nan = is_nan(x) && !is_nan(&vector[best]);
            if is_first_nan || is_better(*x, vector[best]) {
                best = place;
            }
        }
        *slot = best as i64;
    }
}

/// The median of each vector.
pub(super) fn middles(to: &mut [f64], a: &[f64], width: usize) {
    let mut keys = Vec::with_capacity(width);
    for (slot, vector) in to.iter_mut().zip(a.chunks_exact(width)) {
        *slot = median_of(vector.iter().copied(), &mut keys);
    }
}

/// Some elements of each vector.
#[inline(always)]
pub(super) fn slice_each<T: Copy>(to: &mut [T], a: &[T], width: usize, slice: Slice) {
    for (slots, vector) in to.chunks_exact_mut(slice.count).zip(a.chunks_exact(width)) {
        if slice.step == 1 {
            slots.copy_from_slice(&vector[slice.first..][..slice.count]);
            continue;
        }
        let mut place = slice.first as isize;
        for slot in slots {
            *slot = vector[place as usize];
            place += slice.step;
        }
    }
}

/// Each number as all elements of a vector.
#[inline(always)]
pub(super) fn spread_each<T: Copy>(to: &mut [T], a: &[T], width: usize) {
    for (slots, x) in to.chunks_exact_mut(width).zip(a) {
        slots.fill(*x);
    }
}
