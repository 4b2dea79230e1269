//! The inner loop of a decimating `fir`: each output by itself, its products side by side.
//!
//! Output `k` is the sum over `i` of `taps[i] * history[k * step + i]`, taken for each of the `stride` numbers
//! of an item: `taps` has each tap `stride` times. Lanes hold partial sums, which are added up by halves at
//! the end. The order depends on the number of taps, the stride and the processor alone, so where a batch begins changes
//! no bit.

use std::ops::{Add, Mul};

use super::kernel::Lanes;

/// Outputs made together: a vector of taps is loaded once for all of them.
const TOGETHER: usize = 4;

/// The longest vector of all levels.
const LEN_MAX: usize = 16;

/// Writes all of `out`: an item of `stride` numbers for each `step` numbers of `history`.
#[inline(always)]
pub(super) fn dots<V: Lanes>(
    taps: &[V::Number],
    stride: usize,
    step: usize,
    zero: V::Number,
    history: &[V::Number],
    out: &mut [V::Number],
) where
    V::Number: Add<Output = V::Number> + Mul<Output = V::Number>,
{
    let outputs = out.len() / stride;
    assert!(outputs == 0 || history.len() >= (outputs - 1) * step + taps.len());
    if !V::LEN.is_multiple_of(stride) {
        return one_by_one::<V>(taps, stride, step, zero, history, out);
    }
    let mut blocks = out.chunks_exact_mut(TOGETHER * stride);
    let mut at = 0;
    for block in &mut blocks {
        few::<V, TOGETHER>(taps, stride, step, zero, &history[at..], block);
        at += TOGETHER * step;
    }
    for item in blocks.into_remainder().chunks_exact_mut(stride) {
        few::<V, 1>(taps, stride, step, zero, &history[at..], item);
        at += step;
    }
}

/// `B` outputs, two vectors of partial sums each.
#[inline(always)]
fn few<V: Lanes, const B: usize>(
    taps: &[V::Number],
    stride: usize,
    step: usize,
    zero: V::Number,
    history: &[V::Number],
    out: &mut [V::Number],
) where
    V::Number: Add<Output = V::Number>,
{
    assert!(history.len() >= (B - 1) * step + taps.len());
    let mut sums = [[V::splat(zero); 2]; B];
    let vectors = taps.len() / V::LEN;
    for i in 0..vectors {
        // SAFETY: vector `i` ends within `taps`, and by the length asserted above as far into the history
        // of each output.
        unsafe {
            let tap = V::load(taps.as_ptr().add(i * V::LEN));
            for (b, sums) in sums.iter_mut().enumerate() {
                let x = V::load(history.as_ptr().add(b * step + i * V::LEN));
                sums[i % 2] = tap.mul_add(x, sums[i % 2]);
            }
        }
    }
    let done = vectors * V::LEN;
    let left = &taps[done..];
    if !left.is_empty() {
        let tap = padded::<V>(left, zero);
        for (b, sums) in sums.iter_mut().enumerate() {
            let from = b * step + done;
            let x = padded::<V>(&history[from..from + left.len()], zero);
            sums[vectors % 2] = tap.mul_add(x, sums[vectors % 2]);
        }
    }
    for (item, sums) in out.chunks_exact_mut(stride).zip(sums) {
        let mut lanes = [[zero; LEN_MAX]; 2];
        for (lanes, sum) in lanes.iter_mut().zip(sums) {
            // SAFETY: no vector is longer than `LEN_MAX`.
            unsafe { sum.store(lanes.as_mut_ptr()) };
        }
        let [mut lanes, odd] = lanes;
        add(&mut lanes[..V::LEN], &odd[..V::LEN]);
        let mut width = V::LEN;
        while width > stride {
            width /= 2;
            let (low, high) = lanes[..2 * width].split_at_mut(width);
            add(low, high);
        }
        item.copy_from_slice(&lanes[..stride]);
    }
}

#[inline(always)]
fn add<E: Copy + Add<Output = E>>(sums: &mut [E], more: &[E]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = *sum + *more;
    }
}

/// These numbers, fewer than a vector has lanes, and zeros.
#[inline(always)]
fn padded<V: Lanes>(numbers: &[V::Number], zero: V::Number) -> V {
    let mut lanes = [zero; LEN_MAX];
    lanes[..numbers.len()].copy_from_slice(numbers);
    // SAFETY: no vector is longer than `LEN_MAX`.
    unsafe { V::load(lanes.as_ptr()) }
}

/// For items whose numbers fill no vector: tap after tap, the numbers of an item side by side.
#[inline(always)]
fn one_by_one<V: Lanes>(
    taps: &[V::Number],
    stride: usize,
    step: usize,
    zero: V::Number,
    history: &[V::Number],
    out: &mut [V::Number],
) where
    V::Number: Add<Output = V::Number> + Mul<Output = V::Number>,
{
    for (k, sums) in out.chunks_exact_mut(stride).enumerate() {
        sums.fill(zero);
        let seen = &history[k * step..k * step + taps.len()];
        for (taps, item) in taps.chunks_exact(stride).zip(seen.chunks_exact(stride)) {
            for ((sum, tap), x) in sums.iter_mut().zip(taps).zip(item) {
                *sum = *sum + *tap * *x;
            }
        }
    }
}
