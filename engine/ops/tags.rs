//! Tags: keys and values at places of a stream, made, read and dropped. What is between carries them.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("tagged");
//! let n = g.source("n", ops::counter().items(100));
//! let marked = n.apply("marked", ops::tags_mark("x % 30 == 29").of("x"));
//! let few = marked.apply("few", ops::decimate(10));
//! let values = few.apply("values", ops::tags_values()).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(values.items()[0], Timed { seconds: 3.0, value: 29.0 });
//! # Ok::<(), thalweg::Error>(())
//! ```

use thalweg_worker::op::Value;
use thalweg_worker::types::Timed;

use super::kinds::{FilePath, Kind, Length, List};
use super::rows::{operators, writers};

operators! {
    struct AddTags {
        /// Positions, the first item's is 0.
        at: impl List,
        /// A tag at the first item and every so many from there on, instead of `at`; or a duration.
        every: impl Length,
        /// What the tags are about. `"mark"` unless told otherwise.
        key: &str,
        /// The value of each tag: a number, a text, `true` or `false`. `true` unless told otherwise.
        value: impl Into<Value>,
    }

    /// Passes its input on, with tags at given places: `at` or `every`.
    ///
    /// One item out for each item in. Places that the stream does not reach get none. Tags that the input has
    /// stay, before those added at the same place.
    fn tags_add[T: Kind]() -> <T, T> = "tags.add";

    struct MarkTags {
        /// The value over `x`, instead of `value`: a real number.
        of: &str,
        /// A tag for each item for which the condition holds, not only for the first. `false` unless told
        /// otherwise.
        each: bool,
        /// What the tags are about. `"mark"` unless told otherwise.
        key: &str,
        /// The value of each tag: a number, a text, `true` or `false`. `true` unless told otherwise.
        value: impl Into<Value>,
    }

    /// Passes its input on, with a tag where a condition comes to hold.
    ///
    /// An item gets a tag for which `expr` is true and was not for the item before it. The expressions are those
    /// of `map`.
    fn tags_mark[T: Kind](expr: &str) -> <T, T> = "tags.mark";

    struct TagValues {
        /// Only tags with this key. Default: all.
        key: &str,
    }

    /// The values of a stream's tags, as timed numbers.
    ///
    /// An item for each tag: its time is position over rate in seconds, or the position where the rate is not
    /// known; true is 1, false 0, a text nan.
    fn tags_values[T: Kind]() -> <T, Timed<f64>> = "tags.values";

    struct DropTags {}

    /// Gives its input without its tags.
    fn tags_drop[T: Kind]() -> <T, T> = "tags.drop";
}

writers! {
    struct TagsWrite {}

    /// Writes the tags of a stream as JSON Lines.
    ///
    /// An object a line for each tag: `position`, `seconds` where the rate is known, `key`, `value`.
    fn tags_write[T: Kind](path: impl FilePath) -> <T> = "tags.write";
}
