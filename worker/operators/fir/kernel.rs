//! The inner loop of `fir`: many outputs side by side, one vector lane each.
//!
//! Output `e` is the sum over `j` of `taps[j] * history[e + j * stride]`, added up tap by tap in an order
//! that depends on the number of taps, the stride and the processor alone. A lane does the same whichever output
//! it holds, so where a batch begins or ends changes no bit. Processors with vectors of other lengths add up
//! in another order: bits may differ among machines. `dots` has the loop of the filters that decimate.

use super::dots::dots;

/// A number the kernel filters: `f32` or `f64`.
pub(super) trait Number: bytemuck::Pod {
    /// The number nearest to `x`.
    fn nearest(x: f64) -> Self;
    /// The same number.
    fn wide(self) -> f64;
    /// Runs [`filter`] with the vectors of `level`.
    fn filter(level: Level, taps: &[Self], stride: usize, history: &[Self], out: &mut [Self]);
    /// Runs [`dots`] with the vectors of `level`.
    fn dots(
        level: Level,
        taps: &[Self],
        stride: usize,
        step: usize,
        history: &[Self],
        out: &mut [Self],
    );
}

/// What the processor's vectors can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

impl Level {
    /// Every level this processor has, the best one first.
    pub(super) fn all() -> Vec<Level> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            levels.extend(has!("avx512f").then_some(Level::Avx512));
            levels.extend((has!("avx2") && has!("fma")).then_some(Level::Avx2));
        }
        levels.push(Level::Plain);
        levels
    }

    /// The best level of this processor.
    pub(super) fn best() -> Level {
        Level::all()[0]
    }
}

/// A vector of numbers.
pub(super) trait Lanes: Copy {
    type Number: Copy;
    const LEN: usize;

    fn splat(x: Self::Number) -> Self;

    /// # Safety
    /// `LEN` numbers at `from` are readable.
    unsafe fn load(from: *const Self::Number) -> Self;

    /// # Safety
    /// `LEN` numbers at `to` are writable.
    unsafe fn store(self, to: *mut Self::Number);

    /// `self * x + sum`.
    fn mul_add(self, x: Self, sum: Self) -> Self;
}

/// Writes all of `out`. `history` is `(taps.len() - 1) * stride` numbers longer.
#[inline(always)]
fn filter<V: Lanes>(
    taps: &[V::Number],
    stride: usize,
    zero: V::Number,
    history: &[V::Number],
    out: &mut [V::Number],
) {
    assert_eq!(history.len(), out.len() + (taps.len() - 1) * stride);
    if out.len() < V::LEN {
        return filter_few::<V>(taps, stride, zero, history, out);
    }
    let mut at = 0;
    while at < out.len() {
        let left = out.len() - at;
        // The last vector may lie over the one before it: it holds the same numbers there.
        let (from, len) = match left / V::LEN {
            8.. => (at, 8 * V::LEN),
            4.. => (at, 4 * V::LEN),
            1.. => (at, V::LEN),
            0 => (out.len() - V::LEN, V::LEN),
        };
        let (past, room) = (history[from..].as_ptr(), out[from..].as_mut_ptr());
        // SAFETY: `from + len <= out.len()`, and by the length asserted above the numbers that taps reach,
        // up to `from + len + (taps.len() - 1) * stride`, are in `history`.
        unsafe {
            match len / V::LEN {
                8 => block::<V, 8>(taps, stride, zero, past, room),
                4 => block::<V, 4>(taps, stride, zero, past, room),
                _ => block::<V, 1>(taps, stride, zero, past, room),
            }
        }
        at = from + len;
    }
}

/// Fewer outputs than a vector has lanes: the others hold what nobody reads.
fn filter_few<V: Lanes>(
    taps: &[V::Number],
    stride: usize,
    zero: V::Number,
    history: &[V::Number],
    out: &mut [V::Number],
) {
    let mut padded = history.to_vec();
    padded.resize(V::LEN + (taps.len() - 1) * stride, zero);
    let mut whole = vec![zero; V::LEN];
    // SAFETY: both are as long as one vector of outputs asks for.
    unsafe { block::<V, 1>(taps, stride, zero, padded.as_ptr(), whole.as_mut_ptr()) };
    out.copy_from_slice(&whole[..out.len()]);
}

/// `B` vectors of outputs.
///
/// Taps whose distance in the history is one vector are taken together, four or two of them: the vector
/// loaded for one output and tap is the one that the next output needs for the tap before.
///
/// # Safety
/// `B * LEN` numbers at `out` are writable, `B * LEN + (taps.len() - 1) * stride` at `history` readable.
#[inline(always)]
unsafe fn block<V: Lanes, const B: usize>(
    taps: &[V::Number],
    stride: usize,
    zero: V::Number,
    history: *const V::Number,
    out: *mut V::Number,
) {
    let mut sums = [V::splat(zero); B];
    let mut j = 0;
    if V::LEN.is_multiple_of(stride) {
        let apart = V::LEN / stride;
        while taps.len() - j >= 4 * apart {
            for j in j..j + apart {
                let four = [0, 1, 2, 3].map(|k| V::splat(taps[j + k * apart]));
                // SAFETY: the last of the four taps is below `taps.len()`.
                unsafe { together::<V, B, 4>(four, history.add(j * stride), &mut sums) };
            }
            j += 4 * apart;
        }
        while taps.len() - j >= 2 * apart {
            for j in j..j + apart {
                let two = [0, 1].map(|k| V::splat(taps[j + k * apart]));
                // SAFETY: the second of the two taps is below `taps.len()`.
                unsafe { together::<V, B, 2>(two, history.add(j * stride), &mut sums) };
            }
            j += 2 * apart;
        }
    }
    for (j, &tap) in taps.iter().enumerate().skip(j) {
        // SAFETY: `j < taps.len()`.
        unsafe { together::<V, B, 1>([V::splat(tap)], history.add(j * stride), &mut sums) };
    }
    for (b, sum) in sums.into_iter().enumerate() {
        // SAFETY: the caller gave room for `B` vectors.
        unsafe { sum.store(out.add(b * V::LEN)) };
    }
}

/// Adds `T` taps, one vector apart, to `B` vectors of sums.
///
/// # Safety
/// `(B + T - 1) * LEN` numbers at `history` are readable.
#[inline(always)]
unsafe fn together<V: Lanes, const B: usize, const T: usize>(
    taps: [V; T],
    history: *const V::Number,
    sums: &mut [V; B],
) {
    for m in 0..B + T - 1 {
        // SAFETY: promised by the caller.
        let x = unsafe { V::load(history.add(m * V::LEN)) };
        for (k, tap) in taps.into_iter().enumerate() {
            if m >= k && m - k < B {
                sums[m - k] = tap.mul_add(x, sums[m - k]);
            }
        }
    }
}

/// Vectors without any promise of the processor: four numbers that the compiler may put side by side.
#[derive(Clone, Copy)]
struct Plain<E>([E; 4]);

macro_rules! plain {
    ($number:ty) => {
        impl Lanes for Plain<$number> {
            type Number = $number;
            const LEN: usize = 4;

            #[inline(always)]
            fn splat(x: $number) -> Self {
                Plain([x; 4])
            }

            #[inline(always)]
            unsafe fn load(from: *const $number) -> Self {
                // SAFETY: promised by the caller; an array has its element's alignment.
                Plain(unsafe { from.cast::<[$number; 4]>().read() })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $number) {
                // SAFETY: promised by the caller.
                unsafe { to.cast::<[$number; 4]>().write(self.0) }
            }

            #[inline(always)]
            fn mul_add(self, x: Self, sum: Self) -> Self {
                Plain(std::array::from_fn(|i| {
                    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                        self.0[i].mul_add(x.0[i], sum.0[i])
                    } else {
                        self.0[i] * x.0[i] + sum.0[i]
                    }
                }))
            }
        }
    };
}

plain!(f32);
plain!(f64);

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Vectors of AVX2 and AVX-512. Their methods are only called from [`avx2`] and [`avx512`] functions,
    //! whose callers have asked the processor; inlined there, each is one instruction.

    use super::{Lanes, dots, filter};
    use std::arch::x86_64::*;

    macro_rules! lanes {
        ($vector:ty, $number:ty, $len:literal, $splat:ident, $load:ident, $store:ident, $fma:ident) => {
            impl Lanes for $vector {
                type Number = $number;
                const LEN: usize = $len;

                #[inline(always)]
                fn splat(x: $number) -> Self {
                    // SAFETY: only reached from functions whose callers have asked the processor.
                    unsafe { $splat(x) }
                }

                #[inline(always)]
                unsafe fn load(from: *const $number) -> Self {
                    // SAFETY: as for `splat`; readable, says the caller.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $number) {
                    // SAFETY: as for `splat`; writable, says the caller.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                fn mul_add(self, x: Self, sum: Self) -> Self {
                    // SAFETY: as for `splat`.
                    unsafe { $fma(self, x, sum) }
                }
            }
        };
    }

    lanes!(
        __m256,
        f32,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps
    );
    lanes!(
        __m256d,
        f64,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_fmadd_pd
    );
    lanes!(
        __m512,
        f32,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps
    );
    lanes!(
        __m512d,
        f64,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_fmadd_pd
    );

    macro_rules! compiled_for {
        ($name:ident, $dots:ident, $features:literal, $vector:ty, $number:ty) => {
            #[target_feature(enable = $features)]
            pub(super) fn $dots(
                taps: &[$number],
                stride: usize,
                step: usize,
                history: &[$number],
                out: &mut [$number],
            ) {
                dots::<$vector>(taps, stride, step, 0.0, history, out);
            }

            #[target_feature(enable = $features)]
            pub(super) fn $name(
                taps: &[$number],
                stride: usize,
                history: &[$number],
                out: &mut [$number],
            ) {
                filter::<$vector>(taps, stride, 0.0, history, out);
            }
        };
    }

    compiled_for!(avx2_f32, avx2_f32_dots, "avx2,fma", __m256, f32);
    compiled_for!(avx2_f64, avx2_f64_dots, "avx2,fma", __m256d, f64);
    compiled_for!(avx512_f32, avx512_f32_dots, "avx512f", __m512, f32);
    compiled_for!(avx512_f64, avx512_f64_dots, "avx512f", __m512d, f64);
}

macro_rules! number {
    ($number:ty, $avx2:ident, $avx512:ident, $avx2_dots:ident, $avx512_dots:ident) => {
        impl Number for $number {
            fn nearest(x: f64) -> $number {
                x as $number
            }

            fn wide(self) -> f64 {
                f64::from(self)
            }

            fn filter(
                level: Level,
                taps: &[$number],
                stride: usize,
                history: &[$number],
                out: &mut [$number],
            ) {
                match level {
                    // SAFETY: `Level::all` makes this value only where the processor has the features.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => unsafe { x86::$avx512(taps, stride, history, out) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => unsafe { x86::$avx2(taps, stride, history, out) },
                    Level::Plain => filter::<Plain<$number>>(taps, stride, 0.0, history, out),
                }
            }

            fn dots(
                level: Level,
                taps: &[$number],
                stride: usize,
                step: usize,
                history: &[$number],
                out: &mut [$number],
            ) {
                match level {
                    // SAFETY: as in `filter`.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => unsafe { x86::$avx512_dots(taps, stride, step, history, out) },
                    // SAFETY: as in `filter`.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => unsafe { x86::$avx2_dots(taps, stride, step, history, out) },
                    Level::Plain => {
                        dots::<Plain<$number>>(taps, stride, step, 0.0, history, out);
                    }
                }
            }
        }
    };
}

number!(f32, avx2_f32, avx512_f32, avx2_f32_dots, avx512_f32_dots);
number!(f64, avx2_f64, avx512_f64, avx2_f64_dots, avx512_f64_dots);

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers: every order of additions gives the same sums.
    fn numbers(count: usize) -> Vec<f64> {
        (0..count)
            .map(|n| ((n * 7919) % 31) as f64 - 15.0)
            .collect()
    }

    #[test]
    fn every_level_gives_the_sums_of_the_definition() {
        for level in Level::all() {
            for stride in [1, 2, 3, 4, 6, 8, 16, 32] {
                for count in [1, 2, 3, 7, 31, 64, 65, 130] {
                    let taps = numbers(count);
                    for len in [0, stride, 5 * stride, 40 * stride, 67 * stride] {
                        let history = numbers(len + (count - 1) * stride);
                        let mut out = vec![f64::NAN; len];
                        f64::filter(level, &taps, stride, &history, &mut out);
                        for (e, &y) in out.iter().enumerate() {
                            let terms = taps.iter().enumerate();
                            let sum: f64 = terms.map(|(j, h)| h * history[e + j * stride]).sum();
                            assert_eq!(y, sum, "{level:?} {stride} {count} {len} {e}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_level_gives_the_kept_sums_of_the_definition() {
        for level in Level::all() {
            for (stride, count) in [1, 2, 3, 4, 5, 16, 32]
                .into_iter()
                .flat_map(|stride| [1, 2, 7, 31, 64, 65].map(|count| (stride, count)))
            {
                let wide: Vec<f64> = numbers(count)
                    .into_iter()
                    .flat_map(|tap| std::iter::repeat_n(tap, stride))
                    .collect();
                for (every, items) in [(2, 0), (2, 1), (3, 4), (10, 9), (100, 6)] {
                    let history = numbers(((items * every) + count) * stride);
                    let mut out = vec![f64::NAN; items * stride];
                    f64::dots(level, &wide, stride, every * stride, &history, &mut out);
                    for (e, &y) in out.iter().enumerate() {
                        let from = e / stride * every * stride + e % stride;
                        let seen = history[from..].iter().step_by(stride);
                        let sum: f64 = numbers(count).iter().zip(seen).map(|(h, x)| h * x).sum();
                        assert_eq!(y, sum, "{level:?} {stride} {count} {every} {items} {e}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_output_has_the_same_bits_wherever_a_batch_begins() {
        for level in Level::all() {
            for stride in [1, 2, 3] {
                let taps: Vec<f32> = (1..=77).map(|n| (n as f32).sin()).collect();
                let reach = (taps.len() - 1) * stride;
                let history: Vec<f32> = (0..300 + reach).map(|n| (n as f32 * 0.37).cos()).collect();
                let mut whole = vec![0.0; 300];
                f32::filter(level, &taps, stride, &history, &mut whole);
                for (from, to) in [(0, 1), (3, 20), (100, 228), (17, 300), (299, 300)] {
                    let mut part = vec![0.0; to - from];
                    f32::filter(level, &taps, stride, &history[from..to + reach], &mut part);
                    assert_eq!(part, whole[from..to], "{level:?} {stride} {from} {to}");
                }
            }
        }
    }
}
