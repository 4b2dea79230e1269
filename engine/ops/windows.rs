//! Statistics of the last items: windows, moving averages, medians.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("windows");
//! let x = g.source("x", ops::counter().items(8));
//! let mean = x.apply("mean", ops::window(4).step(2));
//! let calm = mean.apply("calm", ops::ewma().alpha(0.5)).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(calm.items(), [1.5, 2.5, 4.0]);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Kind, Length, List, Live, Numbers, Real, TextList};
use super::rows::operators;
use crate::text::Text;
use thalweg_worker::types::Item;

operators! {
    struct Window {
        /// Items from one window's beginning to the next one's. In items, `1` unless told otherwise.
        step: impl Length,
        /// What a window becomes: `"sum"`, `"mean"`, `"min"`, `"max"`, `"std"`, `"var"`, `"rms"`, `"median"`,
        /// `"ptp"`. `"mean"` unless told otherwise.
        function = "fn": &str,
        /// What a window becomes instead: an expression over `x`, all its items as a vector.
        expr: &str,
        /// Slide from start-up: the k-th window ends behind item `(k + 1) * step - 1` and is the last `size`
        /// items, or all there are. `false` unless told otherwise.
        growing: bool,
        /// Of texts, how many bytes those of a window may take (each with its quotes and 4 more); more end the
        /// run. In bytes, `65536` unless told otherwise.
        bytes: u64,
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Sum, mean, min, max, std, var, rms, median or ptp of each window.
    ///
    /// The n-th window is the items `n * step .. n * step + size`, and its result is out as soon as it is
    /// full. There is no partial window at either end, but with `growing`, whose windows grow until they are
    /// full (each of those costs its length). Of integers this has what is a fraction; see [`window_as()`].
    fn window[T: Numbers](size: impl Length) -> <T, Real<T>> = "window";

    /// As [`window()`], of integers whose result is an integer: the `"sum"` is `i64` or `u64`, `"min"`, `"max"` and
    /// `"ptp"` keep the type.
    fn window_as[T: Numbers, U: Numbers](size: impl Length) -> <T, U> = "window";

    /// As [`window()`], of numbers or texts: all items of each window as a line of JSON, such as `[1,2,3]`.
    fn window_items[T: Kind](size: impl Length) -> <T, Text> = "window", fn = "items";

    struct DynamicWindow {
        /// Items from one window's end to the next one's. In items, `1` unless told otherwise.
        step: impl Length,
        /// What a window becomes, as for [`window()`]. `"mean"` unless told otherwise.
        function = "fn": &str,
        /// What a window becomes instead: an expression over `x`, all its items as a vector, and the state `s`.
        expr: &str,
        /// The state after a window: an expression over `x` and `s`, or a list with one for each number of it.
        next: impl TextList,
        /// The state before the first window. `0` unless told otherwise.
        init: impl List,
        /// Names for the numbers of the state, in their order; `s` is all of them.
        names: impl TextList,
        /// `expr` and `reset` see the state after the window instead.
        after: bool,
    }

    /// Windows that grow from `min` to `max` items, and begin anew at the least size when a condition is true.
    ///
    /// Each window ends `step` items behind the one before and begins where that one began, until it would have
    /// more than `max` items; from then on windows are the last `max` items. Where `reset` is true of one of the
    /// largest size, or was of one while it grew, the window that follows is the last `min` items with the same
    /// end. `reset` sees the window `x`, what it becomes `y`, and the state `s`.
    fn dynamic_window[T: Numbers, U: Item](min: impl Length, max: impl Length, reset: &str) -> <T, U> = "dynamic_window";

    struct MovingAverage {}

    /// The mean of the last items, one for each item.
    ///
    /// `scipy.signal.lfilter(numpy.ones(size) / size, 1, x)`: from rest, items before the stream's beginning
    /// count as 0; delayed by `(size - 1) / 2` items. `window fn=mean` is the same without the first `size -
    /// 1` items.
    fn moving_average[T: Numbers](size: impl Length) -> <T, Real<T>> = "moving_average";

    struct Median {}

    /// The median of the last items, one for each item.
    ///
    /// `scipy.signal.medfilt(x, size)`, delayed by `(size - 1) / 2` items: items before the stream's
    /// beginning count as 0. Of an even number, the mean of the two in the middle. `window fn=median` is the
    /// same without the first `size - 1` items.
    fn median[T: Numbers](size: impl Length) -> <T, Real<T>> = "median";

    struct Ewma {
        /// How much the newest item counts: above 0, at most 1.
        alpha: f64,
        /// About as smooth as a mean of so many items, at least 1.
        span: f64,
        /// After so many items an item counts half, above 0.
        halflife: f64,
        /// The mean age of what counts, at least 0. In items.
        com: f64,
    }

    /// Exponentially weighted moving average.
    ///
    /// `y[n] = y[n-1] + alpha (x[n] - y[n-1])`, beginning with `y[0] = x[0]`: pandas' `ewm(..,
    /// adjust=False).mean()`. Give one of `alpha`, `span` (alpha = 2 / (span + 1)), `halflife` (alpha = 1 -
    /// exp(-ln 2 / halflife)) and `com` (alpha = 1 / (1 + com)).
    fn ewma[T: Numbers]() -> <T, Real<T>> = "ewma";

    struct Kalman {
        /// How the value moves: `"walk"`, `"velocity"`. `"walk"` unless told otherwise.
        model: &str,
    }

    /// What a noisy measurement says of a value that wanders, or moves.
    ///
    /// A Kalman filter of one measured number; gives the value after each measurement. `model = walk`: the
    /// value changes by a random step of variance `q` from item to item.
    fn kalman[T: Numbers](q: f64, r: f64) -> <T, Real<T>> = "kalman";

    struct Zscore {}

    /// How many standard deviations an item is from the mean of the last ones.
    ///
    /// `(x - mean) / std` of the window of `size` items that ends with x (ddof 0, as `scipy.stats.zscore` of
    /// the window, its last item).
    fn zscore[T: Numbers](size: impl Length) -> <T, Real<T>> = "zscore";
}
