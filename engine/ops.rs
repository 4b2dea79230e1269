//! Operators and sources for Rust programs.
//!
//! Each row of the operators' table is a function here, its name with `_` for `.`: what it needs are
//! the function's arguments, everything else methods, and what it reads and gives are types. It makes
//! what a graph file with the same words makes, and means the same (`thalweg ops NAME`). Parameters are
//! checked when the graph is resolved.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("tone");
//! let tone = g.source("tone", ops::sine(440.0).rate(8_000.0).items("100 ms"));
//! let low = tone.apply("low", ops::iir_lowpass(1_000.0).order(2));
//! let loud = low.apply("loud", ops::window("10 ms").step("10 ms").function("rms")).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(loud.items().len(), 10);
//! # Ok::<(), thalweg::Error>(())
//! ```
//!
//! Where a parameter says how long a vector is, the type of the stream does too:
//! `let s: Stream<[f64; 129]> = x.apply("s", ops::spectrogram().size(256))`. What the graph then gives is compared
//! with it. [`op`] makes an operator by its name, whose items are what the program says.

use thalweg_worker::op::Value;
use thalweg_worker::types::ItemType;

use crate::graph::{Handle, Hosted, Work};

pub use self::arithmetic::*;
pub use self::audio::*;
#[cfg(feature = "arrow")]
pub use self::columnar::*;
pub use self::detect::*;
pub use self::files::*;
pub use self::filters::*;
pub use self::flow::*;
pub use self::kinds::{
    Columns, Cx, CxOf, FilePath, Float, Items, Kind, Length, List, Live, Number, Numbers, Real,
    RealOf, TextList,
};
pub use self::learn::*;
pub use self::made::{Every, FromFn, FromIter, Unfold, every, from_fn, from_iter, unfold};
pub use self::radio::*;
pub use self::sockets::*;
pub use self::sources::*;
pub use self::spectra::*;
pub use self::tags::*;
pub use self::texts::*;
pub use self::timed::*;
pub use self::windows::*;

pub mod arithmetic;
pub mod audio;
#[cfg(feature = "arrow")]
pub mod columnar;
pub mod detect;
pub mod files;
pub mod filters;
pub mod flow;
pub mod learn;
pub mod made;
pub mod radio;
pub mod sockets;
pub mod sources;
pub mod spectra;
pub mod tags;
pub mod texts;
pub mod timed;
pub mod windows;

mod kinds;
mod rows;

/// The operator of this name, without parameters yet.
///
/// ```
/// use thalweg::prelude::*;
///
/// let mut g = Graph::new("sum");
/// let x: Stream<i64> = g.source("x", op("counter").set("items", 100));
/// let y: Stream<i64> = g.source("y", op("counter").set("items", 100).set("start", 7));
/// let sum: Stream<i64> = x.apply("sum", op("zip").set("expr", "a + b").with(&y));
/// # g.into_decl().unwrap();
/// ```
pub fn op(name: impl Into<String>) -> Op {
    Op {
        name: name.into(),
        params: Vec::new(),
        dtype: None,
        units: Vec::new(),
        inputs: Vec::new(),
    }
}

/// An operator of the table by its name, with parameters.
pub struct Op {
    pub(crate) name: String,
    pub(crate) params: Vec<(String, Value)>,
    pub(crate) dtype: Option<ItemType>,
    pub(crate) units: Vec<String>,
    pub(crate) inputs: Vec<(Option<String>, Handle)>,
}

impl Op {
    /// Sets a parameter; the last of several settings holds.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Op {
        self.params.retain(|(known, _)| known != name);
        self.params.push((name.to_owned(), value.into()));
        self
    }

    /// Asks for items of the type `T`: the key `dtype` of graph files.
    pub fn dtype<T: Kind>(mut self) -> Op {
        self.dtype = Some(T::kind());
        self
    }

    /// Says what the numbers it gives measure (`V`, `m/s^2`): the key `unit` of graph files.
    pub fn unit(mut self, unit: impl Into<String>) -> Op {
        self.units = vec![unit.into()];
        self
    }

    /// A further input, after the stream the operator is applied to.
    pub fn with(mut self, input: &dyn Hosted) -> Op {
        self.inputs.push((None, input.handle().clone()));
        self
    }

    /// A further input with the name that expressions know it by.
    pub fn with_as(mut self, name: &str, input: &dyn Hosted) -> Op {
        let input = (Some(name.to_owned()), input.handle().clone());
        self.inputs.push(input);
        self
    }
}

/// What [`Graph::source`](crate::graph::Graph::source) takes: it gives items `T` and reads none.
pub trait Source<T> {
    #[doc(hidden)]
    fn into_work(self) -> Work;
}

/// What [`Stream::apply`](crate::stream::Stream::apply) takes: it makes items `U` of items `T`.
pub trait Operator<T, U> {
    #[doc(hidden)]
    fn into_op(self) -> Op;
}

/// What [`Stream::write`](crate::stream::Stream::write) takes: it reads items `T` and gives none.
pub trait Writer<T> {
    #[doc(hidden)]
    fn into_op(self) -> Op;
}

impl<T: Kind> Source<T> for Op {
    fn into_work(self) -> Work {
        Work::Op(self)
    }
}

impl<T: Kind, U: Kind> Operator<T, U> for Op {
    fn into_op(self) -> Op {
        self
    }
}

impl<T: Kind> Writer<T> for Op {
    fn into_op(self) -> Op {
        self
    }
}

#[cfg(test)]
mod tests;
