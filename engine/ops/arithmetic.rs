//! Expressions of items, and what makes vectors of numbers and numbers of vectors.
//!
//! What an expression gives is what the stream says: its type is asked for as the operator's `dtype`.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("expressions");
//! let n = g.source("n", ops::counter().items(6));
//! let root: Stream<f32> = n.apply("root", ops::map("sqrt(x)"));
//! let sum: Stream<i64> = n.apply("sum", ops::scan("s + x"));
//! let both: Stream<f64> = root.apply("both", ops::zip([&sum]).expr("a + b"));
//! let rows: Stream<[f64; 3]> = both.apply("rows", ops::blocks(3));
//! let length = rows.apply("length", ops::norm()).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(length.items().len(), 2);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Length, List, Live, Number, Numbers, TextList};
use super::rows::operators;
use crate::graph::Hosted;
use crate::stream::Stream;
use thalweg_worker::types::Item;

operators! {
    struct Map {
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Computes an expression of every item.
    ///
    /// One item out for each item in: `expr` with the item as `x`, its place as `n`, its time as `t`. Vector
    /// items are computed element by element; `x[0]` is one element. Timed items keep their time, `t`, and
    /// have their value, `x`, computed.
    fn map[T: Item, U: Item](expr: &str) -> <T, U> = "map"; dtype U;

    struct Scan {
        /// The state before the first item: a number for all its elements, or one for each. `0` unless told
        /// otherwise.
        init: impl List,
        /// What goes out: an expression over `x` and the state `s` before the item. Default: the state after
        /// it.
        expr: &str,
        /// Whether anything goes out: a condition over `x` and the state `s` before the item.
        keep: &str,
        /// Names for the numbers of the state, in their order; `s` is all of them.
        names: impl TextList,
        /// `expr` and `keep` see the state after the item instead.
        after: bool,
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Computes an expression of every item and of a state that the items change.
    ///
    /// For each item `x`, with the state `s` as the items before have left it: where `keep` is true (or not
    /// given) the result of `expr` goes out; then the state becomes `next`.
    fn scan[T: Item, U: Item](next: impl TextList) -> <T, U> = "scan"; dtype U;

    struct FlatMap {
        /// Whether each of them is given: as many conditions over `x`. Default: always.
        when: impl TextList,
        /// How often all of them are given: an expression over `x`.
        times: &str,
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Gives none, one or many results of every item.
    ///
    /// For each item, in turn, the result of each expression whose condition in `when` is true, and all of that
    /// `times` times over. `["x", "-x"]` gives each item and its negative.
    fn flat_map[T: Item, U: Item](expr: impl TextList) -> <T, U> = "flat_map"; dtype U;

    struct Zip {
        /// The expression over `a`, `b`, ..; without it a vector of all.
        expr: &str,
        /// Numbers that expressions know by these names, `[("level", 3.0)]`: they may be changed while the run goes on.
        live: impl Live,
    }

    /// Joins inputs item by item: by an expression, or into vectors.
    ///
    /// Takes one item from every input at a time. With `expr` it gives that expression of them: the inputs
    /// are `a b c ..`, or as `in = { left = "p", right = "q" }` names them; see `map` for the language.
    fn zip[T: Item, U: Item, const N: usize](; others: [&dyn Hosted; N]) -> <T, U> = "zip"; dtype U;

    struct Join {
        /// Which element of the first input's items is the key. `0` unless told otherwise.
        left: u64,
        /// Which element of the second input's items is the key. `0` unless told otherwise.
        right: u64,
        /// What becomes of an item of the first input that has no partner: `"drop"`, `"nan"`. `"drop"` unless
        /// told otherwise.
        missing: &str,
    }

    /// Joins two streams by a key.
    ///
    /// For each item of the first input that has a partner in the second, an item with the same key: a vector
    /// of the first one's numbers and then the second one's without its key.
    fn join[T: Numbers, U: Numbers](; other: &Stream<T>) -> <T, U> = "join";

    struct Scale {
        /// What each number is multiplied with. `1` unless told otherwise.
        factor: f64,
        /// What is added after that. `0` unless told otherwise.
        offset: f64,
    }

    /// Each number times `factor`, plus `offset`.
    ///
    /// Gives x * factor + offset, computed in the input's own precision: the product is rounded before the
    /// sum. Floating-point and complex numbers (there the offset is added to the real part), and vectors of
    /// them, number by number.
    fn scale[T: Numbers]() -> <T, T> = "scale";

    struct Diff {}

    /// The difference between each item and the one before.
    ///
    /// Item n is `x[n + 1] - x[n]`, as NumPy's `diff`: one item fewer than the input has. Vectors element by
    /// element; integers wrap.
    fn diff[T: Numbers]() -> <T, T> = "diff";

    struct Blocks {
        /// Numbers from one vector's beginning to the next one's. The size unless told otherwise.
        step: impl Length,
    }

    /// Each `size` numbers become one vector.
    ///
    /// The n-th vector is the numbers `n * step .. n * step + size`. Without `step` they follow each other: NumPy's
    /// `reshape(-1, size)`, GNU Radio's `stream_to_vector`. A last block that is not full is dropped.
    fn blocks[E: Number, const N: usize](size: impl Length) -> <E, [E; N]> = "blocks";

    struct Flatten {}

    /// The elements of vectors, one after the other.
    ///
    /// Gives element 0 of a vector, element 1 and so on, then those of the next: NumPy's `ravel`, GNU Radio's
    /// `vector_to_stream`. `blocks` is the way back.
    fn flatten[E: Number, const N: usize]() -> <[E; N], E> = "flatten";

    struct Norm {
        /// Which norm: `"2"`, `"1"`, `"inf"`. `"2"` unless told otherwise.
        ord: &str,
    }

    /// The length of vector items.
    ///
    /// One number for each vector, as NumPy's `linalg.norm` with `ord`: 2 is the root of the sum of the
    /// squares, 1 the sum of the absolute values, `inf` the largest of them. Sums are made from the first
    /// element to the last, in f64.
    fn norm[E: Number, const N: usize]() -> <[E; N], E::Real> = "norm";

    struct Pick {}

    /// Some elements of vector items.
    ///
    /// Gives the elements at `index`, counted from 0, of every item: one number gives a stream of numbers, a
    /// list a stream of vectors with the elements in that order (an element may come more than once).
    fn pick[E: Number, U: Numbers<Number = E>, const N: usize](index: impl List) -> <[E; N], U> = "pick";

    struct Unstack {}

    /// A stream for each element of vector items.
    ///
    /// Gives element k of every item on the port `k`, counted from 0; `zip` without `expr` is the way back.
    /// Of timed items it gives the times on the port `t` and the values on the port `x`; `timed` is the way
    /// back.
    ///
    /// The streams are the ports: `let second: Stream<f64> = v.apply("parts",
    /// ops::unstack()).port::<f64>("1");`
    fn unstack[T: Item, U: Number]() -> <T, U> = "unstack";
}
