//! Text: lines, words, patterns, fields, numbers in it, counts of it.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("texts");
//! let log = ["GET /a 200", "GET /b 404", "PUT /a 200"];
//! let lines = g.text("lines", move |n| log.get(n as usize).copied());
//! let gets = lines.apply("gets", ops::regex_match("^GET"));
//! let small = gets.apply("small", ops::lower());
//! let code: Stream<i64> = small.apply("code", ops::regex_numbers("[0-9]+$"));
//! let codes = code.collect("kept");
//! g.run_in_process()?;
//! assert_eq!(codes.items(), [200, 404]);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Columns, Items, Kind, Number, Numbers};
use super::rows::operators;
use crate::text::Text;

operators! {
    struct Lines {
        /// The longest line; a longer one ends the run. Its stream must hold twice as much. In bytes, `65536`
        /// unless told otherwise.
        longest: u64,
        /// What to do with a line that is no UTF-8: end the run, or put U+FFFD for what is wrong in it:
        /// `"error"`, `"replace"`. `"error"` unless told otherwise.
        invalid: &str,
    }

    /// The lines of a stream of bytes, or of each frame.
    ///
    /// A frame of text for each line, without the line feed (and a carriage return before it) that ends it.
    fn lines[T: Kind]() -> <T, Text> = "lines";

    struct Words {
        /// What a word is: what stands between white space, or letters and digits: `"space"`, `"letters"`.
        /// `"space"` unless told otherwise.
        of: &str,
        /// Where to cut instead, such as `,` or `; `.
        separator: &str,
    }

    /// The words of each text, one by one.
    ///
    /// A text for each word, in order; a text without any gives none. Words are what white space parts
    /// (Unicode's), or with `of = "letters"` runs of letters and digits (Unicode's) and of apostrophes within
    /// them: "don't, you?" is don't and you.
    fn words[]() -> <Text, Text> = "words";

    struct Lookup {
        /// The column of keys: its number, counted from 0, or its name. `0` unless told otherwise.
        key: impl Columns,
        /// The column of values: its number, counted from 0, or its name. `1` unless told otherwise.
        value: impl Columns,
        /// What to do with an item that is no key: `"error"`, `"skip"`. `"error"` unless told otherwise.
        missing: &str,
        /// What an item becomes that is no key, instead.
        default: impl Items,
        /// The character between cells, or `tab`. `,` unless told otherwise.
        delimiter: &str,
    }

    /// What a table says of each item, a number or a text.
    ///
    /// For each item the `value` of the row of a CSV file whose `key` is the item: in any order, each key once. The
    /// whole file is read before the run.
    fn lookup[T: Kind, U: Kind](path: &str) -> <T, U> = "lookup"; dtype U;

    struct Lower {}

    /// Each text in small letters.
    ///
    /// One text for each, every letter replaced by its small one as Unicode has it, in no particular
    /// language; what has none stays.
    fn lower[]() -> <Text, Text> = "lower";

    struct Upper {}

    /// Each text in capital letters.
    ///
    /// One text for each, every letter replaced by its capital as Unicode has it, in no particular language
    /// (ß becomes SS); what has none stays.
    fn upper[]() -> <Text, Text> = "upper";

    struct Contains {
        /// Keep those in which it is not found. `false` unless told otherwise.
        invert: bool,
    }

    /// Keeps the texts that contain a text.
    ///
    /// The texts in which `find` occurs, as they are; with `invert` the others. Bytes are compared: upper and
    /// lower case differ (`lower` before it makes them equal). `regex.match` finds patterns.
    fn contains[](find: &str) -> <Text, Text> = "contains";

    struct TextReplace {
        /// Whether `find` is a regular expression. `false` unless told otherwise.
        regex: bool,
        /// Take small and capital letters for the same. `false` unless told otherwise.
        ignore_case: bool,
    }

    /// Each text with every occurrence of a text replaced.
    ///
    /// One text for each: every occurrence of `find`, from left to right, replaced by `with`. With `regex =
    /// true` `find` is a regular expression as in `regex.match`, and `$1` or `${name}` in `with` is what that
    /// group holds (`$$` a dollar sign).
    fn text_replace[](find: &str, with: &str) -> <Text, Text> = "text.replace";

    struct TextLength {
        /// What to count: `"chars"`, `"bytes"`. `"chars"` unless told otherwise.
        of: &str,
    }

    /// How long each text is.
    ///
    /// A number for each text: its bytes of UTF-8, or its characters (Unicode scalar values).
    fn text_length[]() -> <Text, u64> = "text.length";

    struct RegexMatch {
        /// Take small and capital letters for the same. `false` unless told otherwise.
        ignore_case: bool,
        /// Keep those in which it is not found. `false` unless told otherwise.
        invert: bool,
    }

    /// Keeps the texts that a regular expression matches.
    ///
    /// The texts in which `pattern` is found anywhere (`^` and `$` tie it to the ends), as they are; with
    /// `invert` the others. Perl's syntax without backreferences and look-around, as the regex crate has it
    /// (docs.rs/regex); the time is linear in the text's length.
    fn regex_match[](pattern: &str) -> <Text, Text> = "regex.match";

    struct RegexExtract {
        /// Take small and capital letters for the same. `false` unless told otherwise.
        ignore_case: bool,
        /// What to do with a text without a match: leave it out, or end the run: `"skip"`, `"error"`.
        /// `"skip"` unless told otherwise.
        missing: &str,
        /// What to do with a text that is no number: end the run, leave the item out, or give a nan:
        /// `"error"`, `"skip"`, `"nan"`. `"error"` unless told otherwise.
        invalid: &str,
    }

    /// What the groups of a regular expression hold in each text.
    ///
    /// Of each text the first match of `pattern`: what its only group holds (of an expression without groups
    /// the whole match), or for several groups a stream each, side by side, named as the group
    /// (`(?P<code>[0-9]+)`) or `g1 g2 ..`.
    fn regex_extract[](pattern: &str) -> <Text, Text> = "regex.extract";

    /// What the groups hold, as numbers: see [`regex_extract()`].
    fn regex_numbers[U: Number](pattern: &str) -> <Text, U> = "regex.extract"; dtype U;

    struct JsonField {
        /// What to do where the field is not there or null: leave the text out, or end the run: `"skip"`,
        /// `"error"`. `"skip"` unless told otherwise.
        missing: &str,
        /// What to do with a text that is no JSON: end the run, or leave it out: `"error"`, `"skip"`.
        /// `"error"` unless told otherwise.
        broken: &str,
        /// What to do with a text that is no number: end the run, leave the item out, or give a nan:
        /// `"error"`, `"skip"`, `"nan"`. `"error"` unless told otherwise.
        invalid: &str,
    }

    /// One field of each JSON text.
    ///
    /// Each text is a JSON document (a line of JSON Lines); its field at `path` is given as text, or with a
    /// `dtype` as a number: a JSON number, or a string that is one.
    fn json_field[](path: &str) -> <Text, Text> = "json.field";

    /// One field of each JSON text, as a number: see [`json_field()`].
    fn json_numbers[U: Number](path: &str) -> <Text, U> = "json.field"; dtype U;

    struct TextParse {
        /// What to do with a text that is no number: end the run, leave the item out, or give a nan:
        /// `"error"`, `"skip"`, `"nan"`. `"error"` unless told otherwise.
        invalid: &str,
    }

    /// The number that each text is.
    ///
    /// One number for each text, white space around it left out. Floats as `1`, `-2.5e3`, `nan`, `inf`; whole
    /// numbers must fit the type. A text that is no number ends the run with its place, unless `invalid` says
    /// otherwise.
    fn text_parse[U: Number]() -> <Text, U> = "text.parse"; dtype U;

    struct TextPack {
        /// What to do with a longer text: end the run, cut it, or leave it out: `"error"`, `"cut"`, `"skip"`.
        /// `"error"` unless told otherwise.
        longer: &str,
    }

    /// Each text as a vector of so many bytes.
    ///
    /// The bytes (UTF-8) of each text, zeros behind them: items of one length, which have times and windows
    /// as any others. `bytes` is the length of the vectors.
    fn text_pack[const N: usize](bytes: u64) -> <Text, [u8; N]> = "text.pack";

    struct TextUnpack {
        /// The text for an item of NaN. Default: it is left out.
        missing: &str,
        /// What to do with bytes that are no UTF-8: end the run, or put U+FFFD for what is wrong in them:
        /// `"error"`, `"replace"`. `"error"` unless told otherwise.
        invalid: &str,
    }

    /// The text that each vector of bytes is.
    ///
    /// Makes texts of what `text.pack` gave: the bytes up to the zeros at the end.
    fn text_unpack[T: Numbers]() -> <T, Text> = "text.unpack";

    struct TextFormat {
        ..with
    }

    /// Text made of an item of each input.
    ///
    /// For each item (of several inputs: for one of each) the text `format`, in which `{x}` is the item of
    /// the input of that name (`x` for one input, `a b c ..` or the names of `in` for several).
    fn text_format[T: Kind](format: &str) -> <T, Text> = "text.format";

    struct CountBy {
        /// When counts are given: `"end"`, `"change"`. `"end"` unless told otherwise.
        emit: &str,
        /// With `emit = "end"`, how many at most. Default: all. In items.
        top: u64,
        /// The most different texts there may be. In items, `65536` unless told otherwise.
        keys: u64,
        /// The most bytes they may have together. Default: 32 for each of `keys`.
        bytes: u64,
    }

    /// How often each text comes.
    ///
    /// Counts equal texts. `emit = "end"`: when the input has ended, each text with its count, the most
    /// frequent first and equally frequent ones in the order they first came; `top` gives that many.
    ///
    /// The streams are the ports `key`, of text, and `count`, of `u64`.
    fn count_by[]() -> <Text, Text> = "count.by";
}
