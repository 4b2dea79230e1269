//! Operators and sources for Rust programs.
//!
//! Each typed operator here is a row of the operators' table with its parameters as methods; it makes
//! what a graph file with the same words makes, and means the same (`thalweg ops NAME`). Any other
//! row is reached by its name with [`op`]. Parameters are checked when the graph is resolved.

use std::marker::PhantomData;
use std::time::Duration;

use bytemuck::Pod;
use thalweg_worker::closures;
use thalweg_worker::op::Value;
use thalweg_worker::types::{Element, Item, ItemType};

use crate::graph::{Handle, Hosted, Work};

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
        inputs: Vec::new(),
    }
}

/// An operator of the table by its name, with parameters.
pub struct Op {
    pub(crate) name: String,
    pub(crate) params: Vec<(String, Value)>,
    pub(crate) dtype: Option<ItemType>,
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
    pub fn dtype<T: Item>(mut self) -> Op {
        self.dtype = Some(T::item_type());
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

impl<T: Item> Source<T> for Op {
    fn into_work(self) -> Work {
        Work::Op(self)
    }
}

impl<T: Item, U: Item> Operator<T, U> for Op {
    fn into_op(self) -> Op {
        self
    }
}

impl<T: Item> Writer<T> for Op {
    fn into_op(self) -> Op {
        self
    }
}

/// The items of a list.
impl<T: Item> Source<T> for Vec<T> {
    fn into_work(self) -> Work {
        from_fn(move |n| self.get(n as usize).copied()).into_work()
    }
}

/// A source that gives `f(0)`, `f(1)`, .. until it is `None`.
///
/// It goes on after a kill where it was as long as `f(n)` depends on `n` alone.
pub fn from_fn<T, F>(f: F) -> FromFn<F>
where
    T: Item,
    F: FnMut(u64) -> Option<T> + 'static,
{
    FromFn { f, rate: None }
}

/// See [`from_fn`].
pub struct FromFn<F> {
    f: F,
    rate: Option<f64>,
}

impl<F> FromFn<F> {
    /// Items per second of the stream's own time.
    pub fn rate(self, rate: f64) -> FromFn<F> {
        FromFn {
            rate: Some(rate),
            ..self
        }
    }
}

impl<T, F> Source<T> for FromFn<F>
where
    T: Item,
    F: FnMut(u64) -> Option<T> + 'static,
{
    fn into_work(self) -> Work {
        Work::Native {
            kind: "from_fn",
            step: None,
            blueprint: Some(closures::from_fn(self.f, self.rate)),
        }
    }
}

/// A source that gives the items of the iterator that `make` makes.
///
/// After a kill `make` is called again and the items already given are skipped, so it must give the
/// same items each time: `from_iter(|| 0..100u64)`.
pub fn from_iter<I, M>(make: M) -> FromIter<M>
where
    I: IntoIterator + 'static,
    I::Item: Item,
    M: FnMut() -> I + 'static,
{
    FromIter { make, rate: None }
}

/// See [`from_iter`].
pub struct FromIter<M> {
    make: M,
    rate: Option<f64>,
}

impl<M> FromIter<M> {
    /// Items per second of the stream's own time.
    pub fn rate(self, rate: f64) -> FromIter<M> {
        FromIter {
            rate: Some(rate),
            ..self
        }
    }
}

impl<T, I, M> Source<T> for FromIter<M>
where
    T: Item,
    I: IntoIterator<Item = T> + 'static,
    M: FnMut() -> I + 'static,
{
    fn into_work(self) -> Work {
        Work::Native {
            kind: "from_iter",
            step: None,
            blueprint: Some(closures::from_iter(self.make, self.rate)),
        }
    }
}

/// A source that gives what `f(state)` gives until it is `None`. The state starts as `init`, is committed with
/// the stream's position, and so survives a kill.
///
/// ```
/// use thalweg::prelude::*;
///
/// let mut g = Graph::new("fibonacci");
/// let numbers = unfold([0u64, 1], |pair| {
///     let [a, b] = *pair;
///     *pair = [b, a + b];
///     (a < 50).then_some(a)
/// });
/// let kept = g.source("numbers", numbers).collect("kept");
/// g.run_in_process()?;
/// assert_eq!(kept.items(), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
/// # Ok::<(), thalweg::Error>(())
/// ```
pub fn unfold<T, S, F>(init: S, f: F) -> Unfold<S, F>
where
    T: Item,
    S: Pod,
    F: FnMut(&mut S) -> Option<T> + 'static,
{
    Unfold {
        init,
        f,
        rate: None,
    }
}

/// See [`unfold`].
pub struct Unfold<S, F> {
    init: S,
    f: F,
    rate: Option<f64>,
}

impl<S, F> Unfold<S, F> {
    /// Items per second of the stream's own time.
    pub fn rate(self, rate: f64) -> Unfold<S, F> {
        Unfold {
            rate: Some(rate),
            ..self
        }
    }
}

impl<T, S, F> Source<T> for Unfold<S, F>
where
    T: Item,
    S: Pod,
    F: FnMut(&mut S) -> Option<T> + 'static,
{
    fn into_work(self) -> Work {
        Work::Native {
            kind: "unfold",
            step: None,
            blueprint: Some(closures::unfold(self.init, self.f, self.rate)),
        }
    }
}

/// A source that counts 0, 1, 2, .., one each `period` of wall time, the first at once.
///
/// What it gives depends on nothing, when on the clock. `every(..).zip(..)` paces what is zipped with it; to pace
/// a stream by its own rate there is `op("throttle")`. Graph files have `counter rate=100 ! throttle`.
pub fn every(period: Duration) -> Every {
    Every {
        period,
        items: u64::MAX,
    }
}

/// See [`every`].
pub struct Every {
    period: Duration,
    items: u64,
}

impl Every {
    /// Ends after so many items.
    pub fn items(self, items: u64) -> Every {
        Every { items, ..self }
    }
}

impl Source<u64> for Every {
    fn into_work(self) -> Work {
        Work::Native {
            kind: "every",
            step: None,
            blueprint: Some(closures::every(self.period, self.items)),
        }
    }
}

/// A method for each optional parameter, and what the tests compare with the operators' table.
macro_rules! setters {
    (
        [$($generics:tt)*] $type:ty = $op:literal ($($required:ident),*) {
            $($(#[$doc:meta])* $set:ident: $set_type:ty,)*
        }
    ) => {
        impl $($generics)* $type {
            #[cfg(test)]
            const WORDS: Words = ($op, &[$(stringify!($required),)* $(stringify!($set),)*]);

            $(
                $(#[$doc])*
                pub fn $set(mut self, $set: $set_type) -> Self {
                    self.op = self.op.set(stringify!($set), $set);
                    self
                }
            )*
        }
    };
}

/// The operator's `dtype` is the item's type.
fn item<T: Item>(op: Op) -> Op {
    op.dtype::<T>()
}

/// The operator's `dtype` is that of the numbers an item is made of.
fn element<T: Item>(mut op: Op) -> Op {
    op.dtype = T::item_type()
        .elements()
        .map(|(scalar, _)| ItemType::Scalar(scalar));
    op
}

/// The operator takes no `dtype`: what it reads has a type.
fn found(op: Op) -> Op {
    op
}

/// Operators without an input, with the type of their items unless asked for another, and what that
/// means for the operator's `dtype`.
macro_rules! sources {
    ($(
        $(#[$doc:meta])*
        $function:ident($($required:ident: $required_type:ty),*) -> $name:ident<$item:ty> = $op:literal
        by $dtype:tt $setters:tt
    )*) => {
        $(
            $(#[$doc])*
            pub fn $function($($required: $required_type),*) -> $name<$item> {
                $name {
                    op: op($op)$(.set(stringify!($required), $required))*,
                    items: PhantomData,
                }
            }

            #[doc = concat!("See [`", stringify!($function), "()`].")]
            pub struct $name<T> {
                op: Op,
                items: PhantomData<fn() -> T>,
            }

            setters! { [<T>] $name<T> = $op ($($required),*) $setters }

            impl<T> $name<T> {
                /// Gives items of the type `U` instead.
                pub fn dtype<U: Item>(self) -> $name<U> {
                    $name { op: self.op, items: PhantomData }
                }
            }

            impl<T: Item> Source<T> for $name<T> {
                fn into_work(self) -> Work {
                    Work::Op($dtype(self.op))
                }
            }
        )*

        #[cfg(test)]
        const SOURCES: &[Words] = &[$($name::<$item>::WORDS),*];
    };
}

/// Operators with an input of items `T`, and what they give.
macro_rules! operators {
    ($(
        $(#[$doc:meta])*
        $function:ident($($required:ident: $required_type:ty),*) -> $name:ident gives $given:ty = $op:literal
        $setters:tt
    )*) => {
        $(
            $(#[$doc])*
            pub fn $function($($required: $required_type),*) -> $name {
                $name { op: op($op)$(.set(stringify!($required), $required))* }
            }

            #[doc = concat!("See [`", stringify!($function), "()`].")]
            pub struct $name {
                op: Op,
            }

            setters! { [] $name = $op ($($required),*) $setters }

            impl<T: Item> Operator<T, $given> for $name {
                fn into_op(self) -> Op {
                    self.op
                }
            }
        )*

        #[cfg(test)]
        const OPERATORS: &[Words] = &[$($name::WORDS),*];
    };
}

/// Operators that give nothing.
macro_rules! writers {
    ($(
        $(#[$doc:meta])*
        $function:ident($($required:ident: $required_type:ty),*) -> $name:ident = $op:literal
        $setters:tt
    )*) => {
        $(
            $(#[$doc])*
            pub fn $function($($required: $required_type),*) -> $name {
                $name { op: op($op)$(.set(stringify!($required), $required))* }
            }

            #[doc = concat!("See [`", stringify!($function), "()`].")]
            pub struct $name {
                op: Op,
            }

            setters! { [] $name = $op ($($required),*) $setters }

            impl<T: Item> Writer<T> for $name {
                fn into_op(self) -> Op {
                    self.op
                }
            }
        )*

        #[cfg(test)]
        const WRITERS: &[Words] = &[$($name::WORDS),*];
    };
}

/// An operator's name and the parameters that its type knows.
#[cfg(test)]
type Words = (&'static str, &'static [&'static str]);

sources! {
    /// The same item again and again: a number, or a list of an item's numbers
    /// (`constant([1.0, 2.0]).dtype::<[f64; 2]>()`). Gives `f64`.
    constant(value: impl Into<Value>) -> Constant<f64> = "const" by (item::<T>) {
        /// Ends after so many items.
        items: u64,
        /// Items per second of the stream's own time.
        rate: f64,
    }

    /// Counts: 0, 1, 2, .. unless told otherwise. Gives `i64`.
    counter() -> Counter<i64> = "counter" by (item::<T>) {
        /// The first item.
        start: f64,
        /// What each item adds to the one before.
        step: f64,
        /// Ends after so many items.
        items: u64,
        /// Items per second of the stream's own time.
        rate: f64,
    }

    /// White noise: the same seed gives the same items. Gives `f64`, gaussian of standard deviation 1.
    noise(seed: i64) -> Noise<f64> = "noise" by (item::<T>) {
        /// `"gaussian"` or `"uniform"`.
        dist: &str,
        /// Of uniform noise: the largest distance from 0.
        amplitude: f64,
        /// Of gaussian noise: the standard deviation.
        std: f64,
        /// Ends after so many items.
        items: u64,
        /// Items per second of the stream's own time.
        rate: f64,
    }

    /// A sine wave of this frequency in Hz; it needs its `rate`. Gives `f64`.
    sine(freq: f64) -> Sine<f64> = "sine" by (item::<T>) {
        /// Items per second.
        rate: f64,
        /// The largest distance from the offset.
        amplitude: f64,
        /// The angle at the first item, in radians.
        phase: f64,
        /// Added to every item.
        offset: f64,
        /// Ends after so many items.
        items: u64,
    }

    /// Columns of a CSV file, `columns(["z"])` or `columns([2])`: several give a port each
    /// ([`Stream::port`](crate::stream::Stream::port)) or one stream of vectors
    /// ([`CsvRead::vector`]). Gives `f64`.
    csv_read(path: &str) -> CsvRead<f64> = "csv.read" by (element::<T>) {
        /// Names from the header, or numbers from 0; without this all columns of numbers.
        columns: impl Into<Value>,
        /// The character between cells, or `"tab"`.
        delimiter: &str,
        /// Whether the first row has names: `"auto"`, `"true"`, `"false"`.
        header: &str,
        /// What an empty cell is: `"error"` or `"nan"`.
        missing: &str,
        /// Rows per second of the recording.
        rate: f64,
    }

    /// The array of a NumPy file, which says the type of its items itself: a program that expects
    /// another one than `f64` names it by `dtype`.
    npy_read(path: &str) -> NpyRead<f64> = "npy.read" by (found) {
        /// Items per second of the recording.
        rate: f64,
    }

    /// Items side by side in a file without a header. Gives `f64`.
    raw_read(path: &str) -> RawRead<f64> = "raw.read" by (item::<T>) {
        /// `"little"` or `"big"`.
        endian: &str,
        /// Where the first item starts, in bytes.
        offset: u64,
        /// Reads at most so many items.
        items: u64,
        /// Items per second of the recording.
        rate: f64,
    }

    /// The samples of a FLAC file, vectors where it has several channels
    /// (`dtype::<[f32; 2]>()`). Gives `f32`.
    flac_read(path: &str) -> FlacRead<f32> = "flac.read" by (element::<T>) {
        /// Reads this channel alone, counting from 0.
        channel: u64,
    }

    /// The samples of an Ogg Vorbis file, vectors where it has several channels
    /// (`dtype::<[f32; 2]>()`). Gives `f32`.
    ogg_read(path: &str) -> OggRead<f32> = "ogg.read" by (element::<T>) {
        /// Reads this channel alone, counting from 0.
        channel: u64,
    }

    /// The samples of a WAV file, vectors where it has several channels
    /// (`dtype::<[f32; 2]>()`). Gives `f32`.
    wav_read(path: &str) -> WavRead<f32> = "wav.read" by (element::<T>) {
        /// Reads this channel alone, counting from 0.
        channel: u64,
    }
}

operators! {
    /// Keeps one item of every `factor`. It does not filter.
    decimate(factor: u64) -> Decimate gives T = "decimate" {
        /// The place of the first item kept, below `factor`.
        phase: u64,
    }

    /// The first items, a number or a duration (`"0.5 s"`); then the stream's end.
    head(items: impl Into<Value>) -> Head gives T = "head" {}

    /// Passes items no faster than so many per second of the wall clock.
    throttle(rate: f64) -> Throttle gives T = "throttle" {}

    /// A Butterworth low-pass: 3 dB down at `cutoff` Hz, of order 4 unless told otherwise.
    iir_lowpass(cutoff: f64) -> IirLowpass gives T = "iir.lowpass" {
        /// The order of the prototype.
        order: u64,
        /// Items per second, where the stream does not know it.
        rate: f64,
    }

    /// A Butterworth high-pass: 3 dB down at `cutoff` Hz, of order 4 unless told otherwise.
    iir_highpass(cutoff: f64) -> IirHighpass gives T = "iir.highpass" {
        /// The order of the prototype.
        order: u64,
        /// Items per second, where the stream does not know it.
        rate: f64,
    }

    /// A Butterworth band-pass: 3 dB down at `low` and `high` Hz, of order 4 unless told otherwise.
    iir_bandpass(low: f64, high: f64) -> IirBandpass gives T = "iir.bandpass" {
        /// The order of the prototype.
        order: u64,
        /// Items per second, where the stream does not know it.
        rate: f64,
    }

    /// A Butterworth band-stop: 3 dB down at `low` and `high` Hz, of order 4 unless told otherwise.
    iir_bandstop(low: f64, high: f64) -> IirBandstop gives T = "iir.bandstop" {
        /// The order of the prototype.
        order: u64,
        /// Items per second, where the stream does not know it.
        rate: f64,
    }

    /// A finite filter: item n is `taps[0] x[n] + taps[1] x[n-1] + ..`.
    fir(taps: Vec<f64>) -> Fir gives T = "fir" {}

    /// Short-time over long-time average of the squares, over windows of `sta` and `lta` items or
    /// durations (`"0.5 s"`).
    sta_lta(sta: impl Into<Value>, lta: impl Into<Value>) -> StaLta gives T = "sta_lta" {}

    /// Events from where the signal reaches `on` until it falls below `off`: the times of the first
    /// and of the last item, and the largest item.
    threshold(on: f64) -> Threshold gives [f64; 3] = "threshold" {
        /// The level below which an event ends, `on` unless told otherwise.
        off: f64,
    }
}

writers! {
    /// Writes a row for each item, a column for each element of a vector.
    csv_write(path: &str) -> CsvWrite = "csv.write" {
        /// The columns' names.
        columns: impl Into<Value>,
        /// The character between cells, or `"tab"`.
        delimiter: &str,
        /// Whether the first row has the columns' names.
        header: bool,
    }

    /// Writes an array in NumPy's format.
    npy_write(path: &str) -> NpyWrite = "npy.write" {}

    /// Takes everything and keeps nothing.
    null() -> Null = "null" {}

    /// Writes items to standard output, one line each.
    print() -> Print = "print" {
        /// Put before every line.
        label: &str,
        /// Prints the first item of each group of so many.
        every: u64,
    }

    /// Writes items side by side, without a header.
    raw_write(path: &str) -> RawWrite = "raw.write" {
        /// `"little"` or `"big"`.
        endian: &str,
    }

    /// Writes a SigMF recording: samples and metadata.
    sigmf_write(path: &str) -> SigmfWrite = "sigmf.write" {
        /// Samples per second, where the stream does not know it.
        rate: f64,
        /// The centre frequency in Hz.
        frequency: f64,
        /// When the first sample was taken, as ISO 8601.
        datetime: &str,
        /// What it is a recording of.
        description: &str,
        /// Who made it.
        author: &str,
        /// A vector's elements are real and imaginary parts in turn.
        complex: bool,
    }

    /// Writes a sample, or a frame of a vector's elements, for each item.
    wav_write(path: &str) -> WavWrite = "wav.write" {
        /// `"i16"`, `"i24"`, `"i32"` or `"f32"`.
        format: &str,
        /// Frames per second, where the stream does not know it.
        rate: u64,
    }
}

impl<T: Element> CsvRead<T> {
    /// One stream of vectors with an element per column, instead of a port per column.
    pub fn vector<const N: usize>(self) -> CsvRead<[T; N]>
    where
        [T; N]: Item,
    {
        CsvRead {
            op: self.op.set("as", "vector"),
            items: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_worker::op::Arity;
    use thalweg_worker::operators;

    #[test]
    fn every_typed_operator_speaks_the_words_of_the_table() {
        for (name, params) in [SOURCES, OPERATORS, WRITERS].concat() {
            let row = operators::find(name).unwrap_or_else(|| panic!("no operator `{name}`"));
            for param in params {
                assert!(
                    row.params.iter().any(|known| known.name == *param),
                    "`{name}` has no parameter `{param}`"
                );
            }
        }
    }

    #[test]
    fn every_source_of_the_table_that_is_typed_has_no_input() {
        for (name, _) in SOURCES {
            assert_eq!(operators::find(name).unwrap().inputs, Arity::Source);
        }
    }

    #[test]
    fn the_last_of_several_settings_holds() {
        let op = op("counter")
            .set("items", 5)
            .set("start", 1)
            .set("items", 7);
        let items = ("items".to_owned(), Value::Int(7));
        assert_eq!(op.params, [("start".to_owned(), Value::Int(1)), items]);
    }
}
