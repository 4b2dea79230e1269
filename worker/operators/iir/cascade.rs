//! Sections one after the other over rows of numbers, in place: the inner loop of every `iir` filter.
//!
//! A section waits four cycles for its own feedback at each row, whatever else there is to do. So a vector holds as
//! many sections as fit beside each other, each one's channels side by side, and in one turn each section takes
//! another row, two rows behind the section before it:
//!
//! ```text
//! turn t    lane group 0: section 0, row t      group 1: section 1, row t - 2      group 2: section 2, row t - 4
//! ```
//!
//! Two rows and not one, so that a result has two turns to get to the next lanes. At a stretch's ends, where some
//! sections have rows to take and others have none, the rows are taken one by one.
//!
//! Each number goes through the same operations whichever lane it is in and wherever a stretch begins, so chunking
//! changes no bit; processors with a fused multiply-add round once where others round twice.

use crate::design::zpk::Section;

/// A section as the loop needs it. Direct form II transposed gives `y[n] = b x[n] + s[n]`, where
/// `s[n + 1] = b1 x[n] - a1 y[n] + b2 x[n - 1] - a2 y[n - 1]`. With `y` put into that a state waits for one
/// multiplication from state to state and not for two:
/// `s[n + 1] = c0 x[n] + c1 x[n - 1] - a1 s[n] - a2 s[n - 1]`, where `c` is `b1 - a1 b` and `b2 - a2 b`.
#[derive(Clone, Copy)]
pub(super) struct Direct {
    b: f64,
    c: [f64; 2],
    a: [f64; 2],
}

impl From<&Section> for Direct {
    fn from(section: &Section) -> Direct {
        let ([b, b1, b2], [a1, a2]) = (section.b, section.a);
        Direct {
            b,
            c: [b1 - a1 * b, b2 - a2 * b],
            a: [a1, a2],
        }
    }
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
    fn all() -> Vec<Level> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma");
            levels.extend((avx2 && has!("avx512f")).then_some(Level::Avx512));
            levels.extend(avx2.then_some(Level::Avx2));
        }
        levels.push(Level::Plain);
        levels
    }

    /// The best level of this processor.
    pub(super) fn best() -> Level {
        Level::all()[0]
    }
}

/// Numbers of state per section and channel: `s[n]`, `s[n - 1]` and `x[n - 1]`.
pub(super) const STATES: usize = 3;

/// Filters `numbers`, rows of `width` channels, in place by all sections. `state` holds of each section all channels'
/// `s[n]`, then their `s[n - 1]`, then their `x[n - 1]`.
pub(super) fn cascade(
    level: Level,
    sections: &[Direct],
    width: usize,
    numbers: &mut [f64],
    state: &mut [f64],
) {
    assert_eq!(numbers.len() % width, 0);
    assert_eq!(state.len(), sections.len() * STATES * width);
    match level {
        // SAFETY: `Level::all` makes this value only where the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512(sections, width, numbers, state) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(sections, width, numbers, state) },
        Level::Plain => passes::<Plain>(sections, width, numbers, state),
    }
}

/// Makes what sections `before` remember what those `after` go on from as `scipy.signal.sosfilt` does from its `zi`: the states of direct
/// form II transposed stay. The first is `s[n]`; the second, `c1 x[n - 1] - a2 s[n - 1]`, is what it was when `x` and `s` move
/// by as little as it takes. A section that has none of the second loses it, as there it is nothing either.
pub(super) fn carry(before: &[Direct], after: &[Direct], width: usize, state: &mut [f64]) {
    let sections = state.chunks_exact_mut(STATES * width);
    for ((old, new), state) in before.iter().zip(after).zip(sections) {
        let (s, x) = state[width..].split_at_mut(width);
        let size = new.c[1] * new.c[1] + new.a[1] * new.a[1];
        if size == 0.0 {
            continue;
        }
        for (s, x) in s.iter_mut().zip(x) {
            let second = |of: &Direct| of.c[1] * *x - of.a[1] * *s;
            let missing = (second(old) - second(new)) / size;
            let (by_x, by_s) = (missing * new.c[1], missing * new.a[1]);
            *x += by_x;
            *s -= by_s;
        }
    }
}

/// The vectors of a level.
trait Vectors {
    type Two: Lanes;
    type Four: Lanes;
    type Eight: Lanes;
    /// The longest that is one register.
    const LONGEST: usize;
}

/// Some numbers side by side.
trait Lanes: Copy {
    const LEN: usize;

    /// # Safety
    /// `LEN` numbers at `from` are readable.
    unsafe fn load(from: *const f64) -> Self;

    /// # Safety
    /// `LEN` numbers at `to` are writable.
    unsafe fn store(self, to: *mut f64);

    /// The `C` numbers at `from`, then the lanes of `self` but for the last `C`: each moves up `C` lanes.
    ///
    /// # Safety
    /// `C` numbers at `from` are readable; `C` is a divisor of `LEN`.
    unsafe fn behind<const C: usize>(self, from: *const f64) -> Self;

    /// Writes the last `C` lanes.
    ///
    /// # Safety
    /// `C` numbers at `to` are writable; `C` is a divisor of `LEN`.
    unsafe fn store_last<const C: usize>(self, to: *mut f64);

    /// `self * x`.
    fn times(self, x: Self) -> Self;

    /// `self * x + sum`.
    fn mul_add(self, x: Self, sum: Self) -> Self;
}

/// `a * b + c`, in one rounding on levels that have the instruction.
#[inline(always)]
fn mul_add<V: Vectors>(a: f64, b: f64, c: f64) -> f64 {
    if V::LONGEST > Plain::LONGEST || HAS_FMA {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// True where every processor of the target has the instruction.
const HAS_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// Rows behind the section before: the turns a result has to get to the lanes of the next section.
const BEHIND: usize = 4;

/// All sections over all channels, as many at once as a vector has lanes for.
#[inline(always)]
fn passes<V: Vectors>(sections: &[Direct], width: usize, numbers: &mut [f64], state: &mut [f64]) {
    let mut channel = 0;
    while channel < width {
        let channels = at_most(width - channel, V::LONGEST);
        let mut at = 0;
        while at < sections.len() {
            let room = (V::LONGEST.max(4) / channels).min(4);
            let len = at_most(sections.len() - at, room);
            let mut pass = Pass {
                sections: &sections[at..at + len],
                numbers: &mut *numbers,
                state: &mut state[STATES * at * width..][..STATES * len * width],
                width,
                channel,
            };
            match (channels, len) {
                (1, 1) => pass.take::<V, 1>(0, 0, pass.rows()),
                (1, 2) => pass.side_by_side::<V, V::Two, 1>(),
                (1, _) => pass.side_by_side::<V, V::Four, 1>(),
                (2, 1) => pass.side_by_side::<V, V::Two, 2>(),
                (2, 2) => pass.side_by_side::<V, V::Four, 2>(),
                (2, _) => pass.side_by_side::<V, V::Eight, 2>(),
                (4, 1) => pass.side_by_side::<V, V::Four, 4>(),
                (4, _) => pass.side_by_side::<V, V::Eight, 4>(),
                _ => pass.side_by_side::<V, V::Eight, 8>(),
            }
            at += len;
        }
        channel += channels;
    }
}

/// The largest power of two that is neither above `count` nor above `most`, itself one.
fn at_most(count: usize, most: usize) -> usize {
    most.min(1 << count.ilog2())
}

/// Some sections over some channels, one beside the other, of all rows.
struct Pass<'a> {
    sections: &'a [Direct],
    numbers: &'a mut [f64],
    /// Of these sections, for all channels.
    state: &'a mut [f64],
    width: usize,
    /// The first of the channels.
    channel: usize,
}

impl Pass<'_> {
    fn rows(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// Section `section` over the rows `from .. to` of `C` channels.
    #[inline(always)]
    fn take<V: Vectors, const C: usize>(&mut self, section: usize, from: usize, to: usize) {
        let Direct { b, c, a } = self.sections[section];
        for channel in 0..C {
            let places = [0, 1, 2].map(|which| self.place(section, which, channel));
            let channel = self.channel + channel;
            let [mut now, mut before, mut last] = places.map(|place| self.state[place]);
            let rows = &mut self.numbers[from * self.width..to * self.width];
            for row in rows.chunks_exact_mut(self.width) {
                let x = row[channel];
                row[channel] = mul_add::<V>(b, x, now);
                let inputs = mul_add::<V>(c[0], x, c[1] * last);
                let next = mul_add::<V>(-a[0], now, mul_add::<V>(-a[1], before, inputs));
                [now, before, last] = [next, now, x];
            }
            for (place, x) in places.into_iter().zip([now, before, last]) {
                self.state[place] = x;
            }
        }
    }

    /// `L::LEN / C` sections over `C` channels.
    #[inline(always)]
    fn side_by_side<V: Vectors, L: Lanes, const C: usize>(&mut self) {
        let (groups, rows) = (L::LEN / C, self.rows());
        let lag = BEHIND * (groups - 1);
        if rows < lag + BEHIND {
            for section in 0..groups {
                self.take::<V, C>(section, 0, rows);
            }
            return;
        }
        for section in 0..groups - 1 {
            self.take::<V, C>(section, 0, lag - BEHIND * section);
        }
        self.turns::<L, C>(lag);
        for section in 1..groups {
            self.take::<V, C>(section, rows - BEHIND * section, rows);
        }
    }

    /// The turns in which every section has a row to take.
    #[inline(always)]
    fn turns<L: Lanes, const C: usize>(&mut self, lag: usize) {
        let (rows, width, channel) = (self.rows(), self.width, self.channel);
        let mut abreast = Abreast::<L>::of::<C>(self);
        // What the turns before these would have given, the oldest first.
        let mut given: [L; BEHIND] = std::array::from_fn(|n| {
            self.lanes::<L, C>(|group, c| {
                let row = (lag - BEHIND * group + n).saturating_sub(BEHIND);
                self.numbers[row * width + channel + c]
            })
        });
        let at = self.numbers[channel..].as_mut_ptr();
        let mut row = lag;
        while row < rows {
            // SAFETY: `row < rows`, so its `C` channels from `channel` on lie in `numbers`; and so do those of the row
            // that is `lag` before.
            let y = unsafe {
                let x = given[0].behind::<C>(at.add(row * width));
                let y = abreast.turn(x);
                y.store_last::<C>(at.add((row - lag) * width));
                y
            };
            given = [given[1], given[2], given[3], y];
            row += 1;
        }
        for (which, lanes) in abreast.states.into_iter().enumerate() {
            self.keep::<L, C>(which, lanes);
        }
        for (n, given) in given.into_iter().enumerate() {
            let given = array(given);
            for group in 0..L::LEN / C - 1 {
                let row = rows - BEHIND * (group + 1) + n;
                let from = row * width + channel;
                self.numbers[from..from + C].copy_from_slice(&given[group * C..][..C]);
            }
        }
    }

    /// A vector of one number for each section and channel.
    #[inline(always)]
    fn lanes<L: Lanes, const C: usize>(&self, f: impl Fn(usize, usize) -> f64) -> L {
        let lanes: [f64; 8] = std::array::from_fn(|i| match i < L::LEN {
            true => f(i / C, i % C),
            false => 0.0,
        });
        // SAFETY: no vector has more than 8 lanes.
        unsafe { L::load(lanes.as_ptr()) }
    }

    /// Where a number of the state is.
    fn place(&self, section: usize, which: usize, channel: usize) -> usize {
        (STATES * section + which) * self.width + self.channel + channel
    }

    #[inline(always)]
    fn keep<L: Lanes, const C: usize>(&mut self, which: usize, lanes: L) {
        let lanes = array(lanes);
        for (i, &x) in lanes[..L::LEN].iter().enumerate() {
            let place = self.place(i / C, which, i % C);
            self.state[place] = x;
        }
    }
}

/// Sections beside each other, with their channels' states.
struct Abreast<L> {
    b: L,
    c: [L; 2],
    a: [L; 2],
    /// `s[n]`, `s[n - 1]`, `x[n - 1]`.
    states: [L; STATES],
}

impl<L: Lanes> Abreast<L> {
    #[inline(always)]
    fn of<const C: usize>(pass: &Pass<'_>) -> Abreast<L> {
        let of = |f: fn(&Direct) -> f64| pass.lanes::<L, C>(|group, _| f(&pass.sections[group]));
        let state = |which| pass.lanes::<L, C>(|group, c| pass.state[pass.place(group, which, c)]);
        Abreast {
            b: of(|s| s.b),
            c: [of(|s| s.c[0]), of(|s| s.c[1])],
            a: [of(|s| -s.a[0]), of(|s| -s.a[1])],
            states: [state(0), state(1), state(2)],
        }
    }

    /// One number for each lane.
    #[inline(always)]
    fn turn(&mut self, x: L) -> L {
        let [now, before, last] = self.states;
        let inputs = self.c[0].mul_add(x, self.c[1].times(last));
        let next = self.a[0].mul_add(now, self.a[1].mul_add(before, inputs));
        self.states = [next, now, x];
        self.b.mul_add(x, now)
    }
}

/// The lanes, and zeros after them.
#[inline(always)]
fn array<L: Lanes>(lanes: L) -> [f64; 8] {
    let mut array = [0.0; 8];
    // SAFETY: no vector has more than 8 lanes.
    unsafe { lanes.store(array.as_mut_ptr()) };
    array
}

/// Vectors without any promise of the processor: numbers that the compiler may put side by side.
struct Plain;

impl Vectors for Plain {
    type Two = [f64; 2];
    type Four = [f64; 4];
    type Eight = [f64; 8];
    const LONGEST: usize = 2;
}

impl<const N: usize> Lanes for [f64; N] {
    const LEN: usize = N;

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: promised by the caller; an array has its element's alignment.
        unsafe { from.cast::<[f64; N]>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: promised by the caller.
        unsafe { to.cast::<[f64; N]>().write(self) }
    }

    #[inline(always)]
    unsafe fn behind<const C: usize>(self, from: *const f64) -> Self {
        std::array::from_fn(|i| match i.checked_sub(C) {
            Some(before) => self[before],
            // SAFETY: promised by the caller, as `i < C`.
            None => unsafe { from.add(i).read() },
        })
    }

    #[inline(always)]
    unsafe fn store_last<const C: usize>(self, to: *mut f64) {
        for c in 0..C {
            // SAFETY: promised by the caller.
            unsafe { to.add(c).write(self[N - C + c]) };
        }
    }

    #[inline(always)]
    fn times(self, x: Self) -> Self {
        std::array::from_fn(|i| self[i] * x[i])
    }

    #[inline(always)]
    fn mul_add(self, x: Self, sum: Self) -> Self {
        std::array::from_fn(|i| mul_add::<Plain>(self[i], x[i], sum[i]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Vectors of AVX2 and AVX-512. Their methods are only called from [`avx2`] and [`avx512`], whose callers have
    //! asked the processor; inlined there, each is an instruction or two.

    use super::{Direct, Lanes, Vectors, passes};
    use std::arch::x86_64::*;

    struct Avx2;

    impl Vectors for Avx2 {
        type Two = __m128d;
        type Four = __m256d;
        type Eight = [f64; 8];
        const LONGEST: usize = 4;
    }

    struct Avx512;

    impl Vectors for Avx512 {
        type Two = __m128d;
        type Four = __m256d;
        type Eight = __m512d;
        const LONGEST: usize = 8;
    }

    macro_rules! lanes {
        ($vector:ty, $len:literal, $load:ident, $store:ident, $mul:ident, $fma:ident,
         $behind:item, $last:item) => {
            impl Lanes for $vector {
                const LEN: usize = $len;

                #[inline(always)]
                unsafe fn load(from: *const f64) -> Self {
                    // SAFETY: only reached from functions whose callers have asked the processor; readable, says
                    // the caller.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f64) {
                    // SAFETY: as for `load`; writable, says the caller.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                $behind

                #[inline(always)]
                $last

                #[inline(always)]
                fn times(self, x: Self) -> Self {
                    // SAFETY: as for `load`.
                    unsafe { $mul(self, x) }
                }

                #[inline(always)]
                fn mul_add(self, x: Self, sum: Self) -> Self {
                    // SAFETY: as for `load`.
                    unsafe { $fma(self, x, sum) }
                }
            }
        };
    }

    lanes!(
        __m128d,
        2,
        _mm_loadu_pd,
        _mm_storeu_pd,
        _mm_mul_pd,
        _mm_fmadd_pd,
        unsafe fn behind<const C: usize>(self, from: *const f64) -> Self {
            // SAFETY: as for `load`, for `C` numbers.
            unsafe {
                match C {
                    1 => _mm_unpacklo_pd(_mm_load_sd(from), self),
                    _ => _mm_loadu_pd(from),
                }
            }
        },
        unsafe fn store_last<const C: usize>(self, to: *mut f64) {
            // SAFETY: as for `store`, for `C` numbers.
            unsafe {
                match C {
                    1 => _mm_storeh_pd(to, self),
                    _ => _mm_storeu_pd(to, self),
                }
            }
        }
    );
    lanes!(
        __m256d,
        4,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_mul_pd,
        _mm256_fmadd_pd,
        unsafe fn behind<const C: usize>(self, from: *const f64) -> Self {
            // SAFETY: as for `load`, for `C` numbers.
            unsafe {
                match C {
                    1 => {
                        let moved = _mm256_permute4x64_pd::<0b10_01_00_00>(self);
                        _mm256_blend_pd::<1>(moved, _mm256_broadcast_sd(&*from))
                    }
                    2 => _mm256_insertf128_pd::<1>(
                        _mm256_castpd128_pd256(_mm_loadu_pd(from)),
                        _mm256_castpd256_pd128(self),
                    ),
                    _ => _mm256_loadu_pd(from),
                }
            }
        },
        unsafe fn store_last<const C: usize>(self, to: *mut f64) {
            // SAFETY: as for `store`, for `C` numbers.
            unsafe {
                match C {
                    1 => _mm_storeh_pd(to, _mm256_extractf128_pd::<1>(self)),
                    2 => _mm_storeu_pd(to, _mm256_extractf128_pd::<1>(self)),
                    _ => _mm256_storeu_pd(to, self),
                }
            }
        }
    );
    lanes!(
        __m512d,
        8,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_mul_pd,
        _mm512_fmadd_pd,
        unsafe fn behind<const C: usize>(self, from: *const f64) -> Self {
            // SAFETY: as for `load`, for `C` numbers.
            unsafe {
                match C {
                    2 => {
                        let lanes = _mm512_castpd_ps(self);
                        let moved = _mm512_shuffle_f32x4::<0b10_01_00_11>(lanes, lanes);
                        let two = _mm_castpd_ps(_mm_loadu_pd(from));
                        _mm512_castps_pd(_mm512_insertf32x4::<0>(moved, two))
                    }
                    4 => _mm512_insertf64x4::<1>(
                        _mm512_castpd256_pd512(_mm256_loadu_pd(from)),
                        _mm512_castpd512_pd256(self),
                    ),
                    _ => _mm512_loadu_pd(from),
                }
            }
        },
        unsafe fn store_last<const C: usize>(self, to: *mut f64) {
            // SAFETY: as for `store`, for `C` numbers.
            unsafe {
                let high = _mm512_extractf64x4_pd::<1>(self);
                match C {
                    2 => _mm_storeu_pd(to, _mm256_extractf128_pd::<1>(high)),
                    4 => _mm256_storeu_pd(to, high),
                    _ => _mm512_storeu_pd(to, self),
                }
            }
        }
    );

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2(sections: &[Direct], width: usize, numbers: &mut [f64], state: &mut [f64]) {
        passes::<Avx2>(sections, width, numbers, state);
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) fn avx512(
        sections: &[Direct],
        width: usize,
        numbers: &mut [f64],
        state: &mut [f64],
    ) {
        passes::<Avx512>(sections, width, numbers, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sections whose poles lie inside the unit circle, each one different.
    fn sections(count: usize) -> Vec<Section> {
        let section = |n: usize| {
            let n = n as f64;
            Section {
                b: [0.5 + 0.1 * n, -0.3, 0.2 / (n + 1.0)],
                a: [-0.9 + 0.1 * n, 0.3 - 0.02 * n],
            }
        };
        (0..count).map(section).collect()
    }

    fn numbers(count: usize) -> Vec<f64> {
        let number = |n: usize| ((n * 7919) % 1009) as f64 / 1009.0 - 0.5;
        (0..count).map(number).collect()
    }

    /// The sections' difference equations, as they are defined.
    fn by_definition(sections: &[Section], x: &[f64]) -> Vec<f64> {
        let mut x = x.to_vec();
        for Section { b, a } in sections {
            let mut y: Vec<f64> = Vec::new();
            for n in 0..x.len() {
                let back = |of: &[f64], by: usize| n.checked_sub(by).map_or(0.0, |n| of[n]);
                let inputs = b[0] * x[n] + b[1] * back(&x, 1) + b[2] * back(&x, 2);
                y.push(inputs - a[0] * back(&y, 1) - a[1] * back(&y, 2));
            }
            x = y;
        }
        x
    }

    #[test]
    fn every_level_gives_what_the_difference_equations_say() {
        for (count, width) in (1..=9).flat_map(|count| (1..=11).map(move |width| (count, width))) {
            let sections = sections(count);
            let direct: Vec<Direct> = sections.iter().map(Direct::from).collect();
            let x = numbers(70 * width);
            for level in Level::all() {
                let (mut y, mut state) = (x.clone(), vec![0.0; count * STATES * width]);
                cascade(level, &direct, width, &mut y, &mut state);
                for channel in 0..width {
                    let of = |numbers: &[f64]| -> Vec<f64> {
                        numbers[channel..].iter().step_by(width).copied().collect()
                    };
                    for (found, expected) in of(&y).iter().zip(by_definition(&sections, &of(&x))) {
                        let apart = (found - expected).abs();
                        assert!(apart < 1e-12, "{level:?} {count} {width} {channel}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_number_has_the_same_bits_wherever_a_stretch_begins() {
        for (count, width) in [
            (1, 1),
            (2, 1),
            (4, 1),
            (7, 1),
            (5, 2),
            (6, 3),
            (4, 4),
            (3, 8),
        ] {
            let direct: Vec<Direct> = sections(count).iter().map(Direct::from).collect();
            let x = numbers(200 * width);
            for level in Level::all() {
                let state = || vec![0.0; count * STATES * width];
                let (mut whole, mut after) = (x.clone(), state());
                cascade(level, &direct, width, &mut whole, &mut after);
                for step in [1, 2, 5, 13, 14, 17, 64] {
                    let (mut parts, mut kept) = (x.clone(), state());
                    for part in parts.chunks_mut(step * width) {
                        cascade(level, &direct, width, part, &mut kept);
                    }
                    assert_eq!(parts, whole, "{level:?} {count} {width} {step}");
                    assert_eq!(kept, after, "{level:?} {count} {width} {step}");
                }
            }
        }
    }
}
