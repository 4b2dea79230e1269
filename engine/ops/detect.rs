//! Detection: events, peaks, crossings, changes of the mean.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("detect");
//! let trace = g.source("trace", ops::impulses(500).amplitude(9.0).rate(100.0).items(2_000));
//! let ratio = trace.apply("ratio", ops::sta_lta("0.2 s", "2 s"));
//! let events = ratio.apply("events", ops::threshold(5.0).off(2.0)).collect("kept");
//! g.run_in_process()?;
//! let [on, off, peak] = events.items()[0];
//! assert!(on < off && peak >= 5.0);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Items, Length, List, Number, Numbers, Real};
use super::rows::operators;
use thalweg_worker::types::Item;

operators! {
    struct StaLta {}

    /// Short-time over long-time average of the squares.
    ///
    /// The mean of the squares of the last `sta` items over that of the last `lta` items: what
    /// `obspy.signal.trigger.classic_sta_lta` gives.
    fn sta_lta[T: Numbers](sta: impl Length, lta: impl Length) -> <T, Real<T>> = "sta_lta";

    /// Short-time over long-time average of the squares, both forgetting.
    ///
    /// What `obspy.signal.trigger.recursive_sta_lta` gives: two exponentially weighted averages of the
    /// squares, of weight 1 / `sta` and 1 / `lta`, and their ratio.
    fn sta_lta_recursive[T: Numbers](sta: impl Length, lta: impl Length) -> <T, Real<T>> = "sta_lta.recursive";

    struct Threshold {
        /// The level below which it ends, at most `on`. Without it: `on`.
        off: f64,
    }

    /// Events: from where the signal reaches `on` until it falls below `off`.
    ///
    /// An event begins with the first item that is at least `on` and ends with the last one before the signal
    /// falls below `off`: the intervals of `obspy.signal.trigger.trigger_onset`.
    fn threshold[E: Number](on: f64) -> <E, [f64; 3]> = "threshold", output = "events";

    /// 1 inside an event, 0 outside, for each item: see [`threshold()`].
    fn threshold_state[E: Number](on: f64) -> <E, u8> = "threshold", output = "state";

    struct Peaks {
        /// The least height of a peak, or least and most: `[1.0, 5.0]`.
        height: impl List,
        /// How far a peak is above its two neighbours: least, or least and most.
        threshold: impl List,
        /// Peaks are at least so many items apart. `1` unless told otherwise.
        distance: impl Length,
        /// How far a peak stands above the higher of the lowest items on its two sides: least, or least and
        /// most. Needs `wlen`.
        prominence: impl List,
        /// A peak's width where it has come down by `rel_height` of its prominence, in items or durations:
        /// least, or least and most. Needs `wlen`.
        width: impl Items,
        /// The window around a peak in which prominence and width are measured.
        wlen: impl Length,
        /// Where the width is measured, as a part of the prominence. `0.5` unless told otherwise.
        rel_height: f64,
        /// Items of a peak's flat top: least, or least and most.
        plateau_size: impl Items,
    }

    /// Local maxima.
    ///
    /// An item that is larger than both its neighbours, or a flat top between smaller ones, whose place is
    /// its middle (rounded down): the peaks of `scipy.signal.find_peaks`, under its conditions. Each is one
    /// `f64[2]`: its time and its height.
    fn peaks[E: Number]() -> <E, [f64; 2]> = "peaks", properties = false;

    /// Local maxima with their prominences and widths, each measured within `wlen`.
    ///
    /// Each is one `f64[4]`: time, height, prominence, width. See [`peaks()`].
    fn peak_properties[E: Number](wlen: impl Length) -> <E, [f64; 4]> = "peaks", properties = true;

    struct ZeroCrossings {}

    /// Where the sign changes.
    ///
    /// A crossing lies between an item below 0 and one that is not, or the other way round; 0 counts as
    /// above. Each is one `f64[2]`: its time, on the straight line between the two items, and its direction,
    /// 1 upwards or -1 downwards.
    fn zero_crossings[E: Number]() -> <E, [f64; 2]> = "zero_crossings";

    struct Cusum {
        /// The mean that should be. `0` unless told otherwise.
        target: f64,
        /// What is allowed beside it, at least 0: half the change that matters is usual. `0` unless told
        /// otherwise.
        drift: f64,
    }

    /// Small lasting changes of the mean, by cumulative sums.
    ///
    /// Page's two-sided test: `up = max(0, up + x - target - drift)` and `down = max(0, down + target - drift
    /// - x)` grow while the items are beyond `target` by more than `drift`.
    fn cusum[E: Number](threshold: f64) -> <E, [f64; 2]> = "cusum";

    struct Quench {}

    /// After an event, none for a while (refractory time).
    ///
    /// Of events, vectors of f64 whose first number is a time (as `threshold`, `peaks`, `zero_crossings` and
    /// `cusum` give them), it passes those whose time is at least `hold` after that of the last one passed.
    fn quench[T: Item](hold: f64) -> <T, T> = "quench";
}
