//! Streams taken in step: rows of items and of windows, and the functions of them.
//!
//! Row k holds the k-th item of a stream, or the k-th window of it. [`zip`] takes as many streams and windows
//! as are wanted side by side; a single [`Window`] is a row too, so all that can be done with one can be done
//! with the other.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("rows");
//! let x = g.source("x", ops::counter().items(100).dtype::<f64>());
//! let y = g.source("y", ops::noise(1).items(100));
//! let above = zip((&x, y.window(5))).map("above", |(x, w)| x - w[4]);
//! let (low, high) = zip([&x, &y]).unzip("sorted", |[x, y]| (x.min(y), x.max(y)));
//! let last = zip((x.window(3), y.window(2).step(4))).scan("last", 0.0, |sum: &mut f64, (v, w)| {
//!     *sum += v[2] * w[1];
//!     *sum
//! });
//! # g.into_decl().unwrap();
//! ```

use bytemuck::Pod;
use thalweg_worker::agent::Blueprint;
use thalweg_worker::closures::{self, Cell, Cells, Column, Each, Growth, NoWindow, Rows, Windows};
use thalweg_worker::types::Item;

use crate::decl::Span;
use crate::diag::Diagnostic;
use crate::graph::{Handle, Placed};
use crate::stream::{Sink, Stream, native};

/// Streams and windows side by side: a tuple of two to eight of them, or an array of equal ones.
///
/// A function gets a row as the same tuple, or array: of a stream its item, of a window a slice. What is made of
/// them ends with the shortest. For a number of streams known only when the program runs, take
/// [`Stream::zip_all`].
pub fn zip<C: Columns>(columns: C) -> Zipped<C::Rows> {
    columns.zipped("zip")
}

/// Streams taken in step, made by [`zip`], [`Stream::window`] and [`Stream::zip_all`].
pub struct Zipped<R> {
    inputs: Vec<Handle>,
    rows: Result<R, NoWindow>,
    /// One row for so many items of the first stream.
    pub(crate) step: u64,
    kind: &'static str,
}

/// Windows of a stream, made by [`Stream::window`].
pub type Window<T> = Zipped<Windows<T>>;

impl<T: Item> Window<T> {
    pub(crate) fn of(stream: &Stream<T>, len: usize) -> Window<T> {
        Zipped {
            inputs: vec![stream.handle().clone()],
            rows: Windows::new(len, 1),
            step: 1,
            kind: "window",
        }
    }

    /// A window begins at every `step`-th item. Below the length they overlap, above it they leave
    /// items out.
    #[track_caller]
    pub fn step(self, step: usize) -> Window<T> {
        let rows = match self.rows {
            Ok(windows) => windows.step(step),
            Err(refused) => Windows::new(refused.len, step),
        };
        Zipped {
            rows,
            step: step as u64,
            ..self
        }
    }

    /// Windows from the stream's start on: the k-th ends with item `(k + 1) * step - 1` and has the last
    /// items up to the length, fewer while there are fewer.
    #[track_caller]
    pub fn growing(self) -> Window<T> {
        let rows = self.rows.map(Windows::growing);
        Zipped { rows, ..self }
    }

    /// Gives `get(state)` for each window; `add` and `remove` keep the state up to date, each item once when
    /// it comes and once when it leaves. Floating-point sums drift so: see [`closures::running`].
    #[track_caller]
    pub fn running<S: Pod, U: Item>(
        self,
        name: &str,
        empty: S,
        add: impl FnMut(&mut S, &T) + 'static,
        remove: impl FnMut(&mut S, &T) + 'static,
        get: impl FnMut(&S) -> U + 'static,
    ) -> Stream<U> {
        let step = Some(self.step);
        Stream::new(self.agent(name, step, |windows| {
            closures::running(windows, empty, add, remove, get)
        }))
    }
}

impl<T: Item> Stream<T> {
    /// This stream and others of the same type: a row is a `Vec` of their items.
    pub fn zip_all(&self, others: &[Stream<T>]) -> Zipped<Vec<Each<T>>> {
        let all = std::iter::once(self).chain(others);
        let inputs: Vec<Handle> = all.map(|stream| stream.handle().clone()).collect();
        Zipped {
            rows: Ok(inputs.iter().map(|_| Each::new()).collect()),
            inputs,
            step: 1,
            kind: "zip",
        }
    }

    /// Windows of `len` items whose function says how far to move: `f(state, w)` gives an item or nothing, and
    /// the number of items, at least 1, from this window's beginning to the next one's.
    #[track_caller]
    pub fn striding<S: Pod, U: Item>(
        &self,
        name: &str,
        len: usize,
        init: S,
        f: impl FnMut(&mut S, &[T]) -> (Option<U>, usize) + 'static,
    ) -> Stream<U> {
        let made = closures::striding(len, init, f);
        let made = made.map_err(|no| format!("`{name}` is {no}"));
        self.windowed(name, "striding", made)
    }

    /// As [`striding`](Stream::striding), and once the stream has ended `f` sees what is left, too: less than `len`
    /// items, less each time, until nothing is left or it moves by 0.
    #[track_caller]
    pub fn striding_to_the_end<S: Pod, U: Item>(
        &self,
        name: &str,
        len: usize,
        init: S,
        f: impl FnMut(&mut S, &[T]) -> (Option<U>, usize) + 'static,
    ) -> Stream<U> {
        let made = closures::striding_to_the_end(len, init, f);
        let made = made.map_err(|no| format!("`{name}` is {no}"));
        self.windowed(name, "striding_to_the_end", made)
    }

    /// Windows that grow from `growth.min` items to `growth.max`, then slide; `f(state, w)` gives an item,
    /// and true to begin anew at the least size: see [`closures::dynamic`].
    #[track_caller]
    pub fn dynamic_window<S: Pod, U: Item>(
        &self,
        name: &str,
        growth: Growth,
        init: S,
        f: impl FnMut(&mut S, &[T]) -> (U, bool) + 'static,
    ) -> Stream<U> {
        let made = closures::dynamic(growth, init, f);
        let made = made.map_err(|no| format!("`{name}` {no}"));
        self.windowed(name, "window", made)
    }

    #[track_caller]
    fn windowed<U: Item>(
        &self,
        name: &str,
        kind: &'static str,
        made: Result<Blueprint, String>,
    ) -> Stream<U> {
        let draft = &self.handle().draft;
        let here = draft.here();
        let problem = |refused| Diagnostic::new(refused).at(here.clone(), "this window");
        let blueprint = made.map_err(|refused| draft.problem(problem(refused)));
        Stream::new(self.reader(name, native(kind, None, blueprint.ok())))
    }

    /// The stream as rows of one item each, for what only rows can do:
    /// `x.each().with_state(0).unzip("parts", ..)`.
    pub fn each(&self) -> Zipped<Each<T>> {
        self.rows("each")
    }

    pub(crate) fn rows(&self, kind: &'static str) -> Zipped<Each<T>> {
        Zipped {
            inputs: vec![self.handle().clone()],
            rows: Ok(Each::new()),
            step: 1,
            kind,
        }
    }
}

impl<R: Rows> Zipped<R> {
    /// Gives `f(row)` for each row. A window is given as soon as it is full; an unfilled rest at the end
    /// gives nothing.
    #[track_caller]
    pub fn map<U, F>(self, name: &str, mut f: F) -> Stream<U>
    where
        U: Item,
        F: for<'a> FnMut(R::Args<'a>) -> U + 'static,
    {
        self.scan(name, (), move |(), row| f(row))
    }

    /// Gives `f(state, row)` for each row. The state starts as `init`, is committed together with the
    /// streams' positions, and so survives a kill.
    #[track_caller]
    pub fn scan<S, U, F>(self, name: &str, init: S, f: F) -> Stream<U>
    where
        S: Pod,
        U: Item,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> U + 'static,
    {
        let step = Some(self.step);
        Stream::new(self.agent(name, step, |rows| closures::map_rows(rows, init, f)))
    }

    /// Gives what is in `f(row)` for each row, nothing where it is `None`.
    #[track_caller]
    pub fn filter_map<U, F>(self, name: &str, mut f: F) -> Stream<U>
    where
        U: Item,
        F: for<'a> FnMut(R::Args<'a>) -> Option<U> + 'static,
    {
        self.with_state(()).filter_map(name, move |(), row| f(row))
    }

    /// Gives all items of `f(row)` for each row. `f` must give the same items for the same row.
    #[track_caller]
    pub fn flat_map<I, F>(self, name: &str, mut f: F) -> Stream<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Item,
        F: for<'a> FnMut(R::Args<'a>) -> I + 'static,
    {
        self.with_state(()).flat_map(name, move |(), row| f(row))
    }

    /// A stream for each part of `f(row)`, a tuple of two to eight, or an array: an item each, or an
    /// `Option` of one where a row may leave a stream without.
    #[track_caller]
    pub fn unzip<G, F>(self, name: &str, mut f: F) -> G::Streams
    where
        G: Given,
        F: for<'a> FnMut(R::Args<'a>) -> G + 'static,
    {
        self.with_state(()).unzip(name, move |(), row| f(row))
    }

    /// Calls `f(row)` for each row, as [`Stream::sink`] does for items.
    #[track_caller]
    pub fn sink<F>(self, name: &str, mut f: F) -> Sink
    where
        F: for<'a> FnMut(R::Args<'a>) + 'static,
    {
        self.with_state(()).sink(name, move |(), row| f(row))
    }

    /// A state for the agent that comes next, kept by the engine as that of [`Zipped::scan`].
    pub fn with_state<S: Pod>(self, init: S) -> ZippedWith<R, S> {
        ZippedWith { zipped: self, init }
    }

    #[track_caller]
    pub(crate) fn agent(
        self,
        name: &str,
        step: Option<u64>,
        make: impl FnOnce(R) -> Blueprint,
    ) -> Handle {
        let draft = &self.inputs[0].draft;
        let here = draft.here();
        let refuse = |no| refuse(&self.inputs[0], name, here.clone(), no);
        let rows = self.rows.map_err(refuse);
        let work = native(self.kind, step, rows.ok().map(make));
        draft.agent(name, work, draft.inputs(&self.inputs))
    }
}

/// Streams taken in step and the state of the agent that will read them, made by [`Zipped::with_state`].
pub struct ZippedWith<R, S> {
    pub(crate) zipped: Zipped<R>,
    pub(crate) init: S,
}

impl<R: Rows, S: Pod> ZippedWith<R, S> {
    /// Gives `f(state, row)` for each row: [`Zipped::scan`] by another name.
    #[track_caller]
    pub fn map<U, F>(self, name: &str, f: F) -> Stream<U>
    where
        U: Item,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> U + 'static,
    {
        self.zipped.scan(name, self.init, f)
    }

    /// Gives what is in `f(state, row)` for each row, nothing where it is `None`.
    #[track_caller]
    pub fn filter_map<U, F>(self, name: &str, mut f: F) -> Stream<U>
    where
        U: Item,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> Option<U> + 'static,
    {
        Stream::new(self.zipped.agent(name, None, |rows| {
            closures::give_rows(rows, self.init, move |state: &mut S, row| (f(state, row),))
        }))
    }

    /// Gives all items of `f(state, row)` for each row. `f` must give the same items, and leave the same state,
    /// for the same arguments.
    #[track_caller]
    pub fn flat_map<I, F>(self, name: &str, f: F) -> Stream<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Item,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> I + 'static,
    {
        Stream::new(self.zipped.agent(name, None, |rows| {
            closures::flat_map_rows(rows, self.init, f)
        }))
    }

    /// A stream for each part of `f(state, row)`, as [`Zipped::unzip`].
    #[track_caller]
    pub fn unzip<G, F>(self, name: &str, f: F) -> G::Streams
    where
        G: Given,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> G + 'static,
    {
        let step = G::ALWAYS.then_some(self.zipped.step);
        G::streams(
            &self
                .zipped
                .agent(name, step, |rows| closures::give_rows(rows, self.init, f)),
        )
    }

    /// Calls `f(state, row)` for each row, at least once as [`Stream::sink`] does; a row that is seen twice is
    /// in the state once.
    #[track_caller]
    pub fn sink<F>(self, name: &str, f: F) -> Sink
    where
        F: for<'a> FnMut(&mut S, R::Args<'a>) + 'static,
    {
        Sink::new(self.zipped.agent(name, None, |rows| {
            closures::until_unread(closures::give_rows(rows, self.init, f))
        }))
    }
}

/// What is refused where a window is made shows in the graph, with the agent's name.
fn refuse(handle: &Handle, name: &str, here: Span, refused: NoWindow) {
    let problem = Diagnostic::new(format!("`{name}` is {refused}"));
    handle.draft.problem(problem.at(here, "this window"));
}

/// A stream or a window, as [`zip`] takes them.
pub trait InRows {
    #[doc(hidden)]
    type Column: Column;
    #[doc(hidden)]
    fn in_rows(self) -> (Handle, Result<Self::Column, NoWindow>, u64);
}

impl<T: Item> InRows for &Stream<T> {
    type Column = Each<T>;

    fn in_rows(self) -> (Handle, Result<Each<T>, NoWindow>, u64) {
        (self.handle().clone(), Ok(Each::new()), 1)
    }
}

impl<T: Item> InRows for Window<T> {
    type Column = Windows<T>;

    fn in_rows(self) -> (Handle, Result<Windows<T>, NoWindow>, u64) {
        (self.inputs[0].clone(), self.rows, self.step)
    }
}

/// What [`zip`] takes: tuples and arrays of streams and windows.
pub trait Columns {
    #[doc(hidden)]
    type Rows: Rows;
    #[doc(hidden)]
    fn zipped(self, kind: &'static str) -> Zipped<Self::Rows>;
}

impl<C: InRows, const N: usize> Columns for [C; N] {
    type Rows = [C::Column; N];

    fn zipped(self, kind: &'static str) -> Zipped<Self::Rows> {
        const { assert!(N > 0, "a row has at least one stream") };
        let (mut inputs, mut step, mut refused) = (Vec::new(), 1, None);
        let columns = self.map(|column| {
            let (handle, column, items) = column.in_rows();
            if inputs.is_empty() {
                step = items;
            }
            inputs.push(handle);
            column.map_err(|no| refused = Some(no)).ok()
        });
        let rows = match refused {
            Some(no) => Err(no),
            None => Ok(columns.map(|column| column.expect("none was refused"))),
        };
        Zipped {
            inputs,
            rows,
            step,
            kind,
        }
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:tt),+))*) => {$(
        impl<$($column: InRows),+> Columns for ($($column,)+) {
            type Rows = ($($column::Column,)+);

            fn zipped(self, kind: &'static str) -> Zipped<Self::Rows> {
                let columns = ($(self.$at.in_rows(),)+);
                let step = columns.0.2;
                let inputs = vec![$(columns.$at.0),+];
                let rows = (|| Ok(($(columns.$at.1?,)+)))();
                Zipped { inputs, rows, step, kind }
            }
        }
    )*};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// What a function gives for several streams: a tuple of items, or of `Option`s of them, or an array.
pub trait Given: Cells {
    /// A stream for each part.
    type Streams;
    #[doc(hidden)]
    const ALWAYS: bool;
    #[doc(hidden)]
    fn streams(agent: &Handle) -> Self::Streams;
}

impl<C: Cell, const N: usize> Given for [C; N] {
    type Streams = [Stream<C::Item>; N];
    const ALWAYS: bool = C::ALWAYS;

    fn streams(agent: &Handle) -> Self::Streams {
        std::array::from_fn(|n| Stream::new(agent.port(&n.to_string())))
    }
}

macro_rules! given {
    ($(($($cell:ident $name:literal),+))*) => {$(
        impl<$($cell: Cell),+> Given for ($($cell,)+) {
            type Streams = ($(Stream<$cell::Item>,)+);
            const ALWAYS: bool = true $(&& $cell::ALWAYS)+;

            fn streams(agent: &Handle) -> Self::Streams {
                ($(Stream::<$cell::Item>::new(agent.port($name)),)+)
            }
        }
    )*};
}

given! {
    (A "a", B "b")
    (A "a", B "b", C "c")
    (A "a", B "b", C "c", D "d")
    (A "a", B "b", C "c", D "d", E "e")
    (A "a", B "b", C "c", D "d", E "e", F "f")
    (A "a", B "b", C "c", D "d", E "e", F "f", G "g")
    (A "a", B "b", C "c", D "d", E "e", F "f", G "g", H "h")
}
