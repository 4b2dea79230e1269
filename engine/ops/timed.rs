//! Timed items: made, joined, and windows of time.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("timed");
//! let x = g.source("x", ops::counter().items(40).rate(10.0).dtype::<f64>());
//! let timed: Stream<Timed<f64>> = x.apply("timed", ops::timed());
//! let mean = timed.apply("mean", ops::timed_window(1.0).step(0.5)).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(mean.items()[0], Timed { seconds: 1.0, value: 4.5 });
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Live, Numbers};
use super::rows::operators;
use crate::stream::Stream;
use thalweg_worker::types::{Item, Timed};

operators! {
    struct IntoTimed {
        /// Added to every time. In s, `0` unless told otherwise.
        start: f64,
        /// Where one input of vectors has its times: `"first"`, in the first element, or `"rate"`, in the place and the
        /// rate. `"first"` unless told otherwise.
        times: &str,
        ..with
    }

    /// Gives every item its time.
    ///
    /// Makes timed items, a time in seconds and a value, in one of three ways. Of one input of numbers whose
    /// rate is known: item n has the time `start + n / rate`. Of one input of vectors: the first element is the
    /// time, the others are the value, one number or several.
    fn timed[T: Numbers, U: Item]() -> <T, U> = "timed";

    struct TimedWindow {
        /// From one window's beginning to the next one's; without it windows follow each other.
        step: f64,
        /// When the first window begins. `0` unless told otherwise.
        start: f64,
        /// How far past a window's end an item must be for the window to be given. `0` unless told otherwise.
        wait: f64,
        /// Whether windows that are open at the end of the stream are given. `false` unless told otherwise.
        flush: bool,
        /// What a window becomes: `"mean"`, `"sum"`, `"min"`, `"max"`, `"count"`, `"first"`, `"last"`,
        /// `"std"`, `"var"`, `"rms"`, `"ptp"`, `"median"`, `"quantile"`. `"mean"` unless told otherwise.
        function = "fn": &str,
        /// Which quantile, from 0 to 1: between two values in proportion. `0.5` unless told otherwise.
        q: f64,
        /// What a window becomes instead of `function`: an expression over `x`, all its values as a vector, and `t`, their times.
        expr: &str,
        /// How many items may be in windows that are still open. `16384` unless told otherwise.
        most: u64,
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Mean, sum, min, max, count .. of each window of time.
    ///
    /// Window k holds the items whose times are from `start + k * step` up to, but not at, `duration` later.
    fn timed_window[T: Item](duration: f64) -> <T, Timed<f64>> = "timed.window";

    /// As [`timed_window()`], of items with several values: `Timed<[f64; 3]>` gives the same, a result for each.
    fn timed_window_as[T: Item, U: Item](duration: f64) -> <T, U> = "timed.window";

    struct TimedMix {
        /// Whether there is a second stream, the port `index`, of the inputs' numbers (`u32`).
        index: bool,
    }

    /// Several timed streams as one, in the order of their times.
    ///
    /// Gives the items of all inputs in the order of their times; of items at one time those of an earlier
    /// input first. The times of each input are to ascend.
    fn timed_mix[T: Item, const N: usize](; others: [&Stream<T>; N]) -> <T, T> = "timed.mix";

    struct TimedZip {}

    /// Joins timed streams: a vector for each time that any of them has.
    ///
    /// For each time at which any input has an item, a vector of the time and the inputs' values there, in
    /// f64: NaN for an input that has none. The times of each input are to ascend; of several items of one
    /// input at one time each comes in a vector of its own.
    fn timed_zip[T: Item, const N: usize, const M: usize](; others: [&Stream<T>; N]) -> <T, [f64; M]> = "timed.zip";
}
