//! Sources of made signals: waves, noise, counts.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("signals");
//! let tone = g.source("tone", ops::sine(50.0).rate(1_000.0).amplitude(2.0).items(100));
//! let hiss = g.source("hiss", ops::noise(7).std(0.1).rate(1_000.0).items(100));
//! let both = tone.apply("both", ops::mix([&hiss])).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(both.items().len(), 100);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Length, List};
use super::rows::sources;

sources! {
    struct Sine by item {
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
        /// The largest distance from `offset`. `1` unless told otherwise.
        amplitude: f64,
        /// The angle at the first item. In rad, `0` unless told otherwise.
        phase: f64,
        /// Added to every item (its real part). `0` unless told otherwise.
        offset: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
    }

    /// A sine wave; for complex types a complex exponential.
    ///
    /// The n-th item is offset + amplitude * sin(2 pi freq n / rate + phase); for cf32 and cf64 offset +
    /// amplitude * exp(i (2 pi freq n / rate + phase)). The turns freq n / rate are kept as a 128-bit
    /// fraction, so the phase is as exact at n = 1e15 as at 0.
    fn sine(freq: f64) -> <f64> = "sine";

    struct Square by item {
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
        /// The part of a period that is high, 0 to 1. `0.5` unless told otherwise.
        duty: f64,
        /// The largest distance from `offset`. `1` unless told otherwise.
        amplitude: f64,
        /// The angle at the first item: 2 pi is a period. In rad, `0` unless told otherwise.
        phase: f64,
        /// Added to every item. `0` unless told otherwise.
        offset: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
    }

    /// A square wave.
    ///
    /// offset + amplitude while the angle 2 pi freq n / rate + phase is in the first `duty` of its period,
    /// offset - amplitude in the rest: `scipy.signal.square(angle, duty)`.
    fn square(freq: f64) -> <f64> = "square";

    struct Saw by item {
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
        /// The part of a period in which it rises, 0 to 1. `1` unless told otherwise.
        width: f64,
        /// The largest distance from `offset`. `1` unless told otherwise.
        amplitude: f64,
        /// The angle at the first item: 2 pi is a period. In rad, `0` unless told otherwise.
        phase: f64,
        /// Added to every item. `0` unless told otherwise.
        offset: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
    }

    /// A sawtooth wave.
    ///
    /// Rises from offset - amplitude to offset + amplitude in the first `width` of a period and falls in the
    /// rest: `scipy.signal.sawtooth(angle, width)` at the angle 2 pi freq n / rate + phase.
    fn saw(freq: f64) -> <f64> = "saw";

    struct Triangle by item {
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
        /// The largest distance from `offset`. `1` unless told otherwise.
        amplitude: f64,
        /// The angle at the first item: 2 pi is a period. In rad, `0` unless told otherwise.
        phase: f64,
        /// Added to every item. `0` unless told otherwise.
        offset: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
    }

    /// A triangle wave.
    ///
    /// `saw` with `width` 0.5: up for half a period from offset - amplitude, then down. Sampled, not
    /// band-limited.
    fn triangle(freq: f64) -> <f64> = "triangle";

    struct Chirp by item {
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
        /// How the frequency moves. logarithmic: f0 and f1 on one side of 0; hyperbolic: neither is 0:
        /// `"linear"`, `"quadratic"`, `"logarithmic"`, `"hyperbolic"`. `"linear"` unless told otherwise.
        method: &str,
        /// Added to the phase; degrees, as in SciPy. `0` unless told otherwise.
        phi: f64,
        /// quadratic: whether the parabola's vertex is at t = 0, or at `t1`. `true` unless told otherwise.
        vertex_zero: bool,
        /// The largest distance from 0. `1` unless told otherwise.
        amplitude: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
    }

    /// A tone that sweeps from one frequency to another.
    ///
    /// `scipy.signal.chirp(t, f0, t1, f1, method, phi, vertex_zero)` at t = n / rate: amplitude times the
    /// cosine of the phase, which is 2 pi times the frequency's integral. For cf32 and cf64 exp(i phase), a
    /// sweep on one side of 0.
    fn chirp(f0: f64, f1: f64, t1: f64) -> <f64> = "chirp";

    struct Noise by item {
        /// How the items are distributed: `"uniform"`, `"gaussian"`. `"gaussian"` unless told otherwise.
        dist: &str,
        /// Equal power at all frequencies, or in all octaves (gaussian only): `"white"`, `"pink"`. `"white"`
        /// unless told otherwise.
        color: &str,
        /// Uniform: the largest distance from 0, 1 by default.
        amplitude: f64,
        /// Gaussian: the standard deviation, 1 by default.
        std: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
    }

    /// Noise from a seed: white (uniform or gaussian) or pink.
    ///
    /// `uniform` items lie between -amplitude and amplitude; `gaussian` ones have mean 0 and standard
    /// deviation std. The same seed gives the same items. Real and imaginary parts of complex items are
    /// independent, each with the given amplitude or std.
    fn noise(seed: i64) -> <f64> = "noise";

    struct Impulses by item {
        /// The place of the first impulse. In items, `0` unless told otherwise.
        first: u64,
        /// An impulse's height. `1` unless told otherwise.
        amplitude: f64,
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
    }

    /// One impulse every `period` items, 0 between them.
    ///
    /// Item n is `amplitude` where n is `first` or a whole number of periods after it, else 0. Filtered, it
    /// shows the filter's response.
    fn impulses(period: u64) -> <f64> = "impulses";

    struct Counter by item {
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
        /// The first item. `0` unless told otherwise.
        start: f64,
        /// What each item adds to the one before; negative counts down. `1` unless told otherwise.
        step: f64,
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
    }

    /// Counts: start, start + step, start + 2 step, ...
    ///
    /// The n-th item is start + n * step. Any number type by `dtype`, i64 by default. Integers wrap around at
    /// the end of their range. Floating-point items are computed from n in f64 and rounded once, so nothing
    /// adds up.
    fn counter() -> <i64> = "counter";

    struct Constant by item {
        /// How many items, or a duration where `rate` is given; without it the stream never ends.
        items: impl Length,
        /// Items per second of the stream's own time: what durations and frequencies downstream refer to. It
        /// does not slow the stream (`throttle` does).
        rate: f64,
    }

    /// The same item again and again.
    ///
    /// A number gives numbers; a list of k numbers gives vector items of k. `dtype` is f64 by default; with a
    /// vector type (`f64[3]`) one number stands for all elements.
    ///
    /// A list gives vectors: `constant([1.0, 2.0]).dtype::<[f64; 2]>()`.
    fn constant(value: impl List) -> <f64> = "const";
}
