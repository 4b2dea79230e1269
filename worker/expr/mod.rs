//! Expressions over items: `abs(x) > 3`, `a * sin(tau * f * t) + b`, compiled once, run over blocks.
//!
//! An expression is parsed, typed and compiled in one pass ([`parse`](compile)) to a flat list of
//! operations without branches; a [`Machine`] runs each operation over a block of some hundred items
//! at a time, so that the loops vectorise and the cost of choosing an operation vanishes. Every item
//! is computed from itself (and its place) alone: chunkings cannot show.
//!
//! # The language
//! * Inputs by name: `x` for the only one, else `a b c ..` or the names the graph gives. `x[0]` is an
//!   element of a vector item, `x[1:3]`, `x[-5:]`, `x[::2]` are vectors of some of them, as Python's slices (never of none); `x` alone is all of them, elementwise. `n` is the item's place in the
//!   stream, `t` its time `n / rate` in seconds where the rate is known. Of timed items `x` is the value and `t` the time. `pi`, `e`, `tau`, `true`,
//!   `false`, `inf`, `nan`. A name that is given, of an input, of a number of a state, of a live number, comes before these;
//!   functions keep theirs: of a given `sum`, `sum(x)` is still the function. Live numbers are `f64`, one for all elements.
//! * `c ? a : b` · `||` `or` · `&&` `and` · `not` · `== != < <= > >=` (they do not chain) · `|` · `&` · `<< >>` · `+ -` ·
//!   `* / // %` · `-` `!` `~` · `^` `**` (to the right first): from the loosest to the tightest, as Python's. `& | ~ << >>` and `xor(a, b)`
//!   are of the bits of whole numbers, and of truth values as NumPy's; `0xff`, `0b101`, `0o17`, `1_000` are whole numbers; a shift by an item below 0 or above 63 shifts all bits out.
//! * `abs sqrt exp log ln log10 log2 sin cos tan asin acos atan sinh cosh tanh floor ceil round trunc
//!   sign isnan` of one, `round(x, 2)` to places after the point, `atan2 hypot pow` of two, `min max` of two or more, `clamp(x, low, high)`,
//!   `if(c, a, b)`; `re im arg conj abs exp log` of a complex number, `complex(re, im)`.
//! * Of a vector, such as `blocks` makes of a window: `x[0]` the first element, `x[-1]` the last, and as one number
//!   `sum prod mean var std rms min max ptp median argmin argmax first last len any all`, as NumPy's (`std` and `var`
//!   divide by the length, `argmin` and `argmax` give the first place). One number meets each element of a vector:
//!   `x - mean(x)`.
//!
//! # Types
//! As NumPy's, but for small integers. Items of `u64` are computed in `u64` as long as all operands are `u64`, truth values or
//! numbers written without a minus; items of the other integer types become `i64`, and so does `u64` that meets one of them or a
//! minus (by its bits; comparisons, `min` and `max` go by what the numbers are, `& | xor` beside a number written out stay `u64`, and
//! what is shifted keeps its type beside any count). Both wrap. `round(x, n)` of whole numbers is whole, and exact. Whole numbers written out are
//! exact up to 2^64 - 1; one beyond 2^63 - 1 that meets an `i64` in `+ - * // %` or `? :` is refused. `f32` stays `f32`, and a number written in
//! the expression takes the type of what it meets. `i64` with `f32` or `f64` gives `f64`. `/` gives floats; `//` and `%` round
//! down as Python's do, and give 0 for integers divided by an item that is 0 (by a written 0 they are refused). Functions of integers give `f64`, as does
//! `^` but for a whole exponent written out. Comparisons give truth values: 1 and 0 in arithmetic and in
//! a stream of `u8`; everything but 0 is true. `round` goes to the even neighbour. `min` and `max` of NaN
//! are NaN. Complex numbers are computed by their parts, `abs` as sqrt(re^2 + im^2); they have no order,
//! and whole exponents only.

mod build;
mod code;
mod eval;
mod hints;
mod lanes;
mod lex;
mod parse;
mod place;
mod reduce;
mod vectors;

use crate::op::{InputInfo, OpError};

use lex::Refusal;

pub use code::Program;
pub use eval::Machine;

/// The longest expression, in characters.
pub const LEN_MAX: usize = 10_000;

/// Compiles an expression over these inputs; `rate` is that of the items, in Hz.
pub fn compile(text: &str, inputs: &[InputInfo], rate: Option<f64>) -> Result<Program, ExprError> {
    let (builder, value) = parse::parse(text, inputs, rate)?;
    Ok(builder.finish(value))
}

/// As [`compile`], for a condition: the result is a truth value for the whole item.
pub fn compile_condition(
    text: &str,
    inputs: &[InputInfo],
    rate: Option<f64>,
) -> Result<Program, ExprError> {
    let (mut builder, value) = parse::parse(text, inputs, rate)?;
    let whole = lex::Span {
        at: 0,
        len: text.len(),
    };
    let condition = builder
        .condition(value)
        .and_then(|condition| match builder.is_wide(condition) {
            true => Err(Refusal::from(
                "this gives a truth value for each element, and one is needed".to_owned(),
            )
            .with_help("`any(..)` and `all(..)` make one of them")),
            false => Ok(condition),
        })
        .map_err(|refusal| refusal.at(text, whole))?;
    Ok(builder.finish(condition))
}

/// An expression that cannot be compiled: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (column {}){}", column + 1, picture(text, *column, *len))]
pub struct ExprError {
    /// What was found and what should be.
    pub message: String,
    /// What would mend it.
    pub help: Option<String>,
    /// The expression.
    pub text: String,
    /// The characters before the place.
    pub column: usize,
    /// The characters it is about.
    pub len: usize,
}

impl ExprError {
    /// The same as an operator's refusal of the parameter that holds the expression.
    pub fn of_param(self, param: &str) -> OpError {
        let refusal = OpError::param(param, format!("`{param}`: {self}"));
        match self.help {
            Some(help) => refusal.with_help(help),
            None => refusal,
        }
    }
}

/// The expression's text around the place, and carets below it; nothing where there is nothing to show.
fn picture(text: &str, column: usize, len: usize) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    const BEFORE: usize = 40;
    const WIDTH: usize = 80;
    let skipped = column.saturating_sub(BEFORE);
    let shown: String = text
        .chars()
        .skip(skipped)
        .take(WIDTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let room = WIDTH - (column - skipped);
    let carets = "^".repeat(len.clamp(1, room));
    format!("\n  {shown}\n  {}{carets}", " ".repeat(column - skipped))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod random;
