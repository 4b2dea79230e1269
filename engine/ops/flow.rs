//! What passes on items as they are: some of them, later, slower, to several streams, when another stream says so.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("flow");
//! let n = g.source("n", ops::counter().items(20));
//! let even: Stream<i64> = n.apply("half", ops::route("x % 2")).port("0");
//! let some = even.apply("some", ops::skip(2)).apply("few", ops::head(3)).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(some.items(), [4, 6, 8]);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Items, Kind, Length, List, Live, Number, Numbers};
use super::rows::operators;
use crate::stream::Stream;
use thalweg_worker::types::Item;

operators! {
    struct Copied {}

    /// Gives its input as it is.
    ///
    /// One item out for each item in, the same bytes, of any type.
    fn copy[T: Kind]() -> <T, T> = "copy";

    struct Head {}

    /// The first items of a stream, then its end.
    ///
    /// Gives the first `items` items and ends; what comes before it is then no longer wanted and ends too. A
    /// shorter stream is given whole.
    fn head[T: Kind](items: impl Length) -> <T, T> = "head";

    struct Skip {}

    /// A stream without its first items.
    ///
    /// Drops the first `items` items and gives all that follow. Where the stream's time counts from its first
    /// item, what is given begins that much later: `t` of an expression counts from the new first item.
    fn skip[T: Kind](items: impl Length) -> <T, T> = "skip";

    struct Throttle {
        /// Items per second of wall time; the stream's own rate where that is known and this is not given.
        rate: f64,
    }

    /// Passes items no faster than `rate` per second of wall time.
    ///
    /// The items are the input's, untouched; only when they pass depends on the clock. After a pause of its
    /// input it makes up for 10 ms at most. Few items wait before it (10 ms worth); when the run is told to
    /// end they pass at once.
    fn throttle[T: Kind]() -> <T, T> = "throttle";

    struct Repeat {}

    /// Each item several times.
    ///
    /// Item n of the output is item n // `times` of the input: NumPy's `repeat`. The rate becomes rate times `times`.
    fn repeat[T: Item](times: u64) -> <T, T> = "repeat";

    struct KeepMInN {
        /// Where the kept ones begin; at most n - m. In items, `0` unless told otherwise.
        offset: u64,
    }

    /// Keeps `m` items in a row of every `n`.
    ///
    /// Keeps the items whose position is offset, offset + 1 .. offset + m - 1 beyond a multiple of `n`. The rate becomes
    /// rate m / n.
    fn keep_m_in_n[T: Item](m: u64, n: u64) -> <T, T> = "keep_m_in_n";

    struct Decimate {
        /// The position of the first item kept; below `factor`. In items, `0` unless told otherwise.
        phase: u64,
    }

    /// Keeps one item of every `factor`.
    ///
    /// Keeps the items at positions phase, phase + factor, phase + 2 factor, ..: `x[phase::factor]` in NumPy.
    /// It does not filter: put a low-pass before it where aliasing matters. The rate becomes rate / factor.
    fn decimate[T: Kind](factor: u64) -> <T, T> = "decimate";

    struct Changes {}

    /// The items that differ from the one before.
    ///
    /// Gives the first item and every item that is not equal, byte by byte, to the one before it: `1 1 2 2 1`
    /// becomes `1 2 1`. So 0 and -0 differ, and a NaN equals the same NaN.
    fn changes[T: Kind]() -> <T, T> = "changes";

    struct Filter {
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Keeps the items for which an expression is true.
    ///
    /// Gives the items unchanged for which `expr` is true (a number: is not 0), in their order, and drops the
    /// others. `x` is the item, `x[0]` an element of a vector item, `n` its place, `t` its time. The
    /// expressions are those of `map`.
    fn filter[T: Kind](expr: &str) -> <T, T> = "filter";

    struct SkipWhile {}

    /// A stream from the first item on for which an expression is false.
    ///
    /// Drops items as long as `expr` is true and gives the first for which it is not and all that follow. The
    /// expressions are those of `map`.
    fn skip_while[T: Kind](expr: &str) -> <T, T> = "skip_while";

    struct TakeWhile {}

    /// A stream up to the first item for which an expression is false.
    ///
    /// Gives items as long as `expr` is true and ends before the first for which it is not; what comes before
    /// it is then no longer wanted and ends too. The expressions are those of `map`.
    fn take_while[T: Kind](expr: &str) -> <T, T> = "take_while";

    struct Delay {
        /// How far to shift; 0 changes nothing. In items, `1` unless told otherwise.
        items: impl Length,
        /// What every element of the initial items is; for a stream of numbers or texts also the list of the
        /// initial items. `0` unless told otherwise.
        initial: impl Items,
    }

    /// Gives initial items first, then its input: a shift by `items`.
    ///
    /// The first `items` items are the initial ones, given without waiting for any input; after them comes
    /// the whole input, so the output is longer by `items`. A cycle of streams must pass through one, and
    /// `dtype` says what the cycle carries where nothing else does.
    fn delay[T: Kind]() -> <T, T> = "delay";

    struct Route {
        /// How many ports there are, 2 to 256. `2` unless told otherwise.
        ports: u64,
        /// Where an item goes whose number names no port: `"error"`, `"last"`, `"drop"`. `"error"` unless
        /// told otherwise.
        other: &str,
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Parts a stream: each item goes to the port an expression names.
    ///
    /// Gives every item unchanged on one of the ports `0 1 2 ..`: the one that `expr` says, a whole number
    /// counted from 0 (a truth value is 0 or 1; a fraction is cut off). The expressions are those of `map`.
    ///
    /// The streams are the ports: `let second: Stream<f64> = x.apply("parts", ops::route("x >
    /// 0")).port("1");`
    fn route[T: Kind](expr: &str) -> <T, T> = "route";

    struct Merge {
        /// Whether there is a second stream, the port `index`, of the inputs' numbers (`u32`).
        index: bool,
    }

    /// Several streams as one, in the order of arrival (not deterministic).
    ///
    /// Every item of every input comes out once, those of one input in their order. How the inputs interleave
    /// depends on timing, so two runs may differ: `zip` is the deterministic way to join.
    fn merge[T: Kind, const N: usize](; others: [&Stream<T>; N]) -> <T, T> = "merge";

    struct Weave {
        /// How many items of each input make a turn; one each without it.
        counts: impl List,
    }

    /// Several streams as one, by turns.
    ///
    /// Gives `counts[0]` items of the first input, `counts[1]` of the second and so on, then the next ones of
    /// each: a fixed order, so unlike `merge` it is deterministic. Without `counts` it takes one item of
    /// each. It ends when the input whose turn it is has ended.
    fn weave[T: Kind, const N: usize](; others: [&Stream<T>; N]) -> <T, T> = "weave";

    struct Concat {}

    /// Several streams as one, one after the other.
    ///
    /// Gives all items of the first input, then all of the second, and so on.
    fn concat[T: Kind, const N: usize](; others: [&Stream<T>; N]) -> <T, T> = "concat";

    struct Mix {
        /// What each input is multiplied with, in their order. Default: 1 each.
        gains: impl List,
        /// When it ends: with the `shortest` input; or with the `longest`, and an input that has ended counts
        /// as 0: `"shortest"`, `"longest"`. `"shortest"` unless told otherwise.
        length: &str,
    }

    /// The sum of its inputs, each times its gain.
    ///
    /// Takes one item from every input at a time and gives the sum of them, each times its number in `gains`,
    /// number by number. All inputs have the same type: floating-point or complex numbers, or vectors of
    /// them. Sums are in f64, in the order of the inputs.
    fn mix[T: Numbers, const N: usize](; others: [&Stream<T>; N]) -> <T, T> = "mix";

    struct Gate {}

    /// Passes items while a second stream is not 0.
    ///
    /// Takes an item and a flag at a time, and gives the item where the flag is not 0. Flags are numbers of
    /// any type, such as a comparison gives. It ends with the shorter input.
    fn gate[T: Kind, F: Number](; flags: &Stream<F>) -> <T, T> = "gate";

    struct Drain {}

    /// Each trigger lets pass what has arrived (not deterministic).
    ///
    /// The items of the first input wait in their stream; each trigger, whatever it is, lets all pass that
    /// have arrived when it is seen. That depends on timing, so two runs may differ: `release` is the
    /// deterministic way. It ends with the triggers.
    fn drain[T: Kind, U: Kind](; triggers: &Stream<U>) -> <T, T> = "drain";

    struct Release {}

    /// Timed items wait until a trigger that is not earlier lets them pass.
    ///
    /// The times of both streams are to ascend. Ends with the triggers: what was not let pass by then is not
    /// given.
    fn release[T: Item, U: Item](; triggers: &Stream<U>) -> <T, T> = "release", by = "time";

    /// Items wait until a number lets so many of them pass.
    ///
    /// Ends with the numbers: what was not let pass by then is not given.
    fn release_counted[T: Kind, U: Number](; numbers: &Stream<U>) -> <T, T> = "release", by = "count";

    struct Sample {}

    /// The newest item at each trigger, by time.
    ///
    /// The inputs are timed items and timed triggers. For each trigger it gives the newest item whose time is
    /// not later than the trigger's, at the trigger's time; a trigger before the first item gives nothing.
    fn sample[T: Item, U: Item](; triggers: &Stream<U>) -> <T, T> = "sample";
}
