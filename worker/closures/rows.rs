//! Rows: what a function of streams is called with, one row after the other.
//!
//! A [`Column`] cuts one stream into arguments: its items ([`Each`]) or windows of it ([`Windows`]). [`Rows`]
//! are one column, or a tuple, an array or a `Vec` of them taken in step: row k has the k-th argument of
//! every column. Where a stream stands says which rows are done, so no row needs a counter in the state:
//! every item is consumed but for the one that completes the next row.

use std::marker::PhantomData;

use crate::agent::{InPort, Input};
use crate::types::Item;

/// One stream as arguments of a function: the k-th belongs to row k.
pub trait Column: 'static {
    /// What a row gets of this stream.
    type Arg<'a>;
    /// The stream during one call.
    type View<'a>;

    /// The input as the plan sees it.
    fn port(&self) -> InPort;

    /// How many rows have all their items before `position`.
    fn done(&self, position: u64) -> u64;

    /// The place behind the last item of row `row`. Saturates: that row never comes.
    fn end(&self, row: u64) -> u64;

    /// The rows from `first` on of this input, `count` of them, which are there.
    fn view<'a>(&self, input: &'a Input, first: u64, count: usize) -> Self::View<'a>;

    /// The argument of the n-th row of the view.
    fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Arg<'a>;
}

/// Streams taken in step.
pub trait Rows: 'static {
    /// A row.
    type Args<'a>;
    /// The streams during one call.
    type View<'a>;

    /// The inputs as the plan sees them.
    fn ports(&self) -> Vec<InPort>;

    /// The first row that is not done.
    fn first(&self, inputs: &[Input]) -> u64;

    /// How many rows from `first` on are whole.
    fn ready(&self, inputs: &[Input], first: u64) -> u64;

    /// The rows from `first` on, `count` of them, which are whole.
    fn view<'a>(&self, inputs: &'a [Input], first: u64, count: usize) -> Self::View<'a>;

    /// The n-th row of the view.
    fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Args<'a>;

    /// Consumes what is there, but for the item that completes row `next`: with that one consumed the
    /// row's first item would no longer be retained.
    fn consume(&self, inputs: &mut [Input], next: u64);
}

/// How many rows from `first` on of this input are whole.
fn ready<C: Column>(column: &C, input: &Input, first: u64) -> u64 {
    let newest = input.position() + input.len() as u64;
    column.done(newest).saturating_sub(first)
}

fn consume<C: Column>(column: &C, input: &mut Input, next: u64) {
    let newest = input.position() + input.len() as u64;
    let reach = newest.min(column.end(next) - 1);
    input.consume(reach.saturating_sub(input.position()) as usize);
}

/// The items themselves.
pub struct Each<T> {
    items: PhantomData<fn() -> T>,
}

impl<T> Each<T> {
    /// Every item is a row's argument.
    #[expect(
        clippy::new_without_default,
        reason = "columns are made, not defaulted"
    )]
    pub fn new() -> Each<T> {
        Each { items: PhantomData }
    }
}

impl<T: Item> Column for Each<T> {
    type Arg<'a> = T;
    type View<'a> = &'a [T];

    fn port(&self) -> InPort {
        InPort::new(T::item_type())
    }

    fn done(&self, position: u64) -> u64 {
        position
    }

    fn end(&self, row: u64) -> u64 {
        row.saturating_add(1)
    }

    fn view<'a>(&self, input: &'a Input, first: u64, count: usize) -> &'a [T] {
        let skipped = (first - input.position()) as usize;
        &input.items()[skipped..skipped + count]
    }

    fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Arg<'a> {
        view[n]
    }
}

/// Windows of the last items, at regular places of the stream.
///
/// The k-th of [`Windows::new`] begins at item `k * step` and has `len` items. Nothing is copied: it is
/// read back from what the input retains.
pub struct Windows<T> {
    len: u64,
    step: u64,
    growing: bool,
    items: PhantomData<fn() -> T>,
}

impl<T> Windows<T> {
    /// Windows of `len` items, one beginning at each `step`-th item.
    pub fn new(len: usize, step: usize) -> Result<Windows<T>, NoWindow> {
        if len == 0 || step == 0 {
            return Err(NoWindow { len, step });
        }
        Ok(Windows {
            len: len as u64,
            step: step as u64,
            growing: false,
            items: PhantomData,
        })
    }

    /// The same windows with another step.
    pub fn step(self, step: usize) -> Result<Windows<T>, NoWindow> {
        let windows = Windows::new(self.len as usize, step)?;
        Ok(Windows {
            growing: self.growing,
            ..windows
        })
    }

    /// From the stream's start on: the k-th window ends with item `(k + 1) * step - 1` and has the last
    /// `len` items, or as many as there are.
    pub fn growing(self) -> Windows<T> {
        Windows {
            growing: true,
            ..self
        }
    }

    /// The places of the first item of a window and of the one behind its last. Saturates.
    pub(super) fn span(&self, row: u64) -> (u64, u64) {
        match self.growing {
            false => {
                let begin = row.saturating_mul(self.step);
                (begin, begin.saturating_add(self.len))
            }
            true => {
                let end = row.saturating_add(1).saturating_mul(self.step);
                (end.saturating_sub(self.len), end)
            }
        }
    }
}

impl<T: Item> Column for Windows<T> {
    type Arg<'a> = &'a [T];
    type View<'a> = WindowsView<'a, T>;

    fn port(&self) -> InPort {
        InPort::new(T::item_type()).retain(self.len as usize - 1)
    }

    fn done(&self, position: u64) -> u64 {
        if self.growing {
            return position / self.step;
        }
        match position.checked_sub(self.len) {
            None => 0,
            Some(beyond) => beyond / self.step + 1,
        }
    }

    fn end(&self, row: u64) -> u64 {
        self.span(row).1
    }

    fn view<'a>(&self, input: &'a Input, first: u64, _: usize) -> WindowsView<'a, T> {
        let (items, past) = input.past::<T>();
        WindowsView {
            windows: Windows { ..*self },
            items,
            oldest: input.position() - past as u64,
            first,
        }
    }

    fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Arg<'a> {
        let row = view.first + n as u64;
        let (begin, end) = view.windows.span(row);
        &view.items[(begin - view.oldest) as usize..(end - view.oldest) as usize]
    }
}

/// Windows during one call.
pub struct WindowsView<'a, T> {
    windows: Windows<T>,
    items: &'a [T],
    /// The place of the first of `items`.
    oldest: u64,
    first: u64,
}

/// A window of no items, or one that does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window of {len} items every {step} items; both must be at least 1")]
pub struct NoWindow {
    /// Items in a window.
    pub len: usize,
    /// Items from the start of a window to the start of the next.
    pub step: usize,
}

impl<C: Column> Rows for C {
    type Args<'a> = C::Arg<'a>;
    type View<'a> = C::View<'a>;

    fn ports(&self) -> Vec<InPort> {
        vec![self.port()]
    }

    fn first(&self, inputs: &[Input]) -> u64 {
        self.done(inputs[0].position())
    }

    fn ready(&self, inputs: &[Input], first: u64) -> u64 {
        ready(self, &inputs[0], first)
    }

    fn view<'a>(&self, inputs: &'a [Input], first: u64, count: usize) -> C::View<'a> {
        Column::view(self, &inputs[0], first, count)
    }

    fn at<'a>(view: &C::View<'a>, n: usize) -> C::Arg<'a> {
        <C as Column>::at(view, n)
    }

    fn consume(&self, inputs: &mut [Input], next: u64) {
        consume(self, &mut inputs[0], next);
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:tt),+))*) => {$(
        impl<$($column: Column),+> Rows for ($($column,)+) {
            type Args<'a> = ($($column::Arg<'a>,)+);
            type View<'a> = ($($column::View<'a>,)+);

            fn ports(&self) -> Vec<InPort> {
                vec![$(self.$at.port()),+]
            }

            fn first(&self, inputs: &[Input]) -> u64 {
                0 $(.max(self.$at.done(inputs[$at].position())))+
            }

            fn ready(&self, inputs: &[Input], first: u64) -> u64 {
                u64::MAX $(.min(ready(&self.$at, &inputs[$at], first)))+
            }

            fn view<'a>(&self, inputs: &'a [Input], first: u64, count: usize) -> Self::View<'a> {
                ($(self.$at.view(&inputs[$at], first, count),)+)
            }

            fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Args<'a> {
                ($($column::at(&view.$at, n),)+)
            }

            fn consume(&self, inputs: &mut [Input], next: u64) {
                $(consume(&self.$at, &mut inputs[$at], next);)+
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

/// A row is an array.
impl<C: Column, const N: usize> Rows for [C; N] {
    type Args<'a> = [C::Arg<'a>; N];
    type View<'a> = [C::View<'a>; N];

    fn ports(&self) -> Vec<InPort> {
        self.iter().map(C::port).collect()
    }

    fn first(&self, inputs: &[Input]) -> u64 {
        first_of(self, inputs)
    }

    fn ready(&self, inputs: &[Input], first: u64) -> u64 {
        ready_in_all(self, inputs, first)
    }

    fn view<'a>(&self, inputs: &'a [Input], first: u64, count: usize) -> Self::View<'a> {
        std::array::from_fn(|k| self[k].view(&inputs[k], first, count))
    }

    fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Args<'a> {
        std::array::from_fn(|k| C::at(&view[k], n))
    }

    fn consume(&self, inputs: &mut [Input], next: u64) {
        consume_in_all(self, inputs, next);
    }
}

/// A row is a `Vec`, made anew for each: an array is faster where the number of streams is known.
impl<C: Column> Rows for Vec<C> {
    type Args<'a> = Vec<C::Arg<'a>>;
    type View<'a> = Vec<C::View<'a>>;

    fn ports(&self) -> Vec<InPort> {
        self.iter().map(C::port).collect()
    }

    fn first(&self, inputs: &[Input]) -> u64 {
        first_of(self, inputs)
    }

    fn ready(&self, inputs: &[Input], first: u64) -> u64 {
        ready_in_all(self, inputs, first)
    }

    fn view<'a>(&self, inputs: &'a [Input], first: u64, count: usize) -> Self::View<'a> {
        let columns = self.iter().zip(inputs);
        let views = columns.map(|(column, input)| column.view(input, first, count));
        views.collect()
    }

    fn at<'a>(view: &Self::View<'a>, n: usize) -> Self::Args<'a> {
        view.iter().map(|column| C::at(column, n)).collect()
    }

    fn consume(&self, inputs: &mut [Input], next: u64) {
        consume_in_all(self, inputs, next);
    }
}

fn first_of<C: Column>(columns: &[C], inputs: &[Input]) -> u64 {
    let done = columns.iter().zip(inputs);
    let done = done.map(|(column, input)| column.done(input.position()));
    done.max().unwrap_or(0)
}

fn ready_in_all<C: Column>(columns: &[C], inputs: &[Input], first: u64) -> u64 {
    let rows = columns.iter().zip(inputs);
    let rows = rows.map(|(column, input)| ready(column, input, first));
    rows.min().unwrap_or(0)
}

fn consume_in_all<C: Column>(columns: &[C], inputs: &mut [Input], next: u64) {
    for (column, input) in columns.iter().zip(inputs) {
        consume(column, input, next);
    }
}
