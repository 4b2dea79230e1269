//! Streams of timed items: windows of time, joins by time.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("timed");
//! let beat = |every: f64| move |n: u64| (n < 100).then_some(Timed { seconds: n as f64 * every, value: n as f64 });
//! let fast = g.source("fast", from_fn(beat(0.1)));
//! let slow = g.source("slow", from_fn(beat(0.4)));
//! let mean = fast.timed_window(1.0).step(0.5).map("mean", |w| w.iter().map(|x| x.value).sum::<f64>() / w.len() as f64);
//! let both = timed_zip((&fast, &slow)).map("both", |t, (x, y)| [t, x.unwrap_or(0.0), y.unwrap_or(f64::NAN)]);
//! let all = fast.timed_mix("all", [&slow, &mean]);
//! # g.into_decl().unwrap();
//! ```

use bytemuck::Pod;
use thalweg_worker::closures::{self, Cell, TimedEach, TimedRow};
use thalweg_worker::timed::{TimeWindows, Windowing};
use thalweg_worker::types::{Item, Timed};

use crate::diag::Diagnostic;
use crate::graph::{Handle, Placed};
use crate::stream::{Stream, native};
use crate::text::{Bytes, Framed, Text, TextBytes};

impl<T> Stream<Timed<T>>
where
    T: Copy + 'static,
    Timed<T>: Item,
{
    /// Windows of so many seconds, one beginning where the one before ends unless [`TimedWindow::step`] says
    /// otherwise, the first at time 0 ([`TimedWindow::start`]).
    ///
    /// A window holds the items from its beginning up to, but not at, its end, in the order they came. It is
    /// given when an item has come that is past its end; windows without items are skipped. An item that
    /// comes when all of its windows are given is left out ([`TimedWindow::wait`] lets it in). No clock is
    /// looked at: what is given is a function of the items.
    #[track_caller]
    pub fn timed_window(&self, duration: f64) -> TimedWindow<T> {
        TimedWindow {
            stream: self.clone(),
            duration,
            step: duration,
            start: 0.0,
            wait: 0.0,
            flush: false,
            most: 16_384,
        }
    }

    /// The items of this stream and of others in the order of their times; of items at one time those of an
    /// earlier stream first. The times of each stream are to ascend.
    #[track_caller]
    pub fn timed_mix<'a>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Self>,
    ) -> Stream<Timed<T>> {
        self.timed_mix_map(name, others, |_, item| item)
    }

    /// `f(input, item)` for the items of this stream (input 0) and of others (1, 2, ..) in the order of their
    /// times, as [`Stream::timed_mix`].
    #[track_caller]
    pub fn timed_mix_map<'a, U: Item>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Self>,
        f: impl FnMut(usize, Timed<T>) -> U + 'static,
    ) -> Stream<U> {
        let inputs = self.and(others);
        let work = native("timed_mix", None, closures::timed_mix(inputs.len(), f));
        Stream::new(self.handle().draft.agent(name, work, inputs))
    }
}

/// Windows of time, made by [`Stream::timed_window`].
pub struct TimedWindow<T> {
    stream: Stream<Timed<T>>,
    duration: f64,
    step: f64,
    start: f64,
    wait: f64,
    flush: bool,
    most: usize,
}

impl<T> TimedWindow<T>
where
    T: Copy + 'static,
    Timed<T>: Item,
{
    /// A window begins every so many seconds.
    #[track_caller]
    pub fn step(self, step: f64) -> Self {
        TimedWindow { step, ..self }
    }

    /// The first window begins at this time; earlier items are in none.
    pub fn start(self, start: f64) -> Self {
        TimedWindow { start, ..self }
    }

    /// A window is given when an item has come that is so many seconds past its end, instead of at its end.
    pub fn wait(self, wait: f64) -> Self {
        TimedWindow { wait, ..self }
    }

    /// At the end of the stream the windows that are still open are given, too.
    pub fn flush(self) -> Self {
        TimedWindow {
            flush: true,
            ..self
        }
    }

    /// At most so many items, 16384 unless told otherwise, are in windows that are still open; more end the run
    /// with an error.
    pub fn most(self, most: usize) -> Self {
        TimedWindow { most, ..self }
    }

    /// The window's end and `f(items)` for each window.
    #[track_caller]
    pub fn map<U>(
        self,
        name: &str,
        mut f: impl FnMut(&[Timed<T>]) -> U + 'static,
    ) -> Stream<Timed<U>>
    where
        Timed<U>: Item,
    {
        self.with_state(()).map(name, move |(), items| f(items))
    }

    /// The window's end and what is in `f(items)` for each window, nothing where it is `None`.
    #[track_caller]
    pub fn filter_map<U>(
        self,
        name: &str,
        mut f: impl FnMut(&[Timed<T>]) -> Option<U> + 'static,
    ) -> Stream<Timed<U>>
    where
        Timed<U>: Item,
    {
        self.with_state(())
            .filter_map(name, move |(), items| f(items))
    }

    /// The text `f([begin, end], items)` for each window.
    #[track_caller]
    pub fn to_text<G: AsRef<str> + 'static>(
        self,
        name: &str,
        mut f: impl FnMut([f64; 2], &[Timed<T>]) -> G + 'static,
    ) -> Stream<Text> {
        self.with_state(())
            .to_text(name, move |(), bounds, items| f(bounds, items))
    }

    /// A state for the agent that comes next. It starts as `init`, is committed together with the streams' positions, and
    /// so survives a kill.
    pub fn with_state<S: Pod>(self, init: S) -> TimedWindowWith<T, S> {
        TimedWindowWith {
            windows: self,
            init,
        }
    }

    /// `f(state, [begin, end], items)` for each window: an item, or an `Option` of one. The state starts as
    /// `init`, is committed together with the streams' positions, and so survives a kill.
    #[track_caller]
    pub fn scan<S: Pod, C: Cell>(
        self,
        name: &str,
        init: S,
        f: impl FnMut(&mut S, [f64; 2], &[Timed<T>]) -> C + 'static,
    ) -> Stream<C::Item> {
        let windowing = self.checked(name);
        let blueprint = windowing.map(|windowing| closures::timed_window(windowing, init, f));
        let work = native("timed_window", None, blueprint);
        Stream::new(self.stream.reader(name, work))
    }

    /// The windows, or nothing where there can be none such: the graph is then refused, with the agent's name.
    #[track_caller]
    fn checked(&self, name: &str) -> Option<Windowing> {
        let windowing = self.windowing();
        if windowing.is_none() {
            let problem = format!(
                "`{name}` is windows of {} s every {} s from {} s on, with a wait of {} s, of at most {} items",
                self.duration, self.step, self.start, self.wait, self.most
            );
            let problem = Diagnostic::new(problem).help(
                "duration, step and number must be above 0, the wait not below it, and all of them finite",
            );
            let draft = &self.stream.handle().draft;
            draft.problem(problem.at(draft.here(), "this window"));
        }
        windowing
    }

    fn windowing(&self) -> Option<Windowing> {
        let windows = TimeWindows::new(self.start, self.step, self.duration)?;
        let is_possible = self.wait.is_finite() && self.wait >= 0.0 && self.most > 0;
        is_possible.then_some(Windowing {
            windows,
            wait: self.wait,
            flush: self.flush,
            most: self.most,
        })
    }
}

/// Windows of time and the state of the agent that will take them, made by [`TimedWindow::with_state`].
pub struct TimedWindowWith<T, S> {
    windows: TimedWindow<T>,
    init: S,
}

impl<T, S: Pod> TimedWindowWith<T, S>
where
    T: Copy + 'static,
    Timed<T>: Item,
{
    /// The window's end and `f(state, items)` for each window.
    #[track_caller]
    pub fn map<U>(
        self,
        name: &str,
        mut f: impl FnMut(&mut S, &[Timed<T>]) -> U + 'static,
    ) -> Stream<Timed<U>>
    where
        Timed<U>: Item,
    {
        self.windows
            .scan(name, self.init, move |state, [_, seconds], items| Timed {
                seconds,
                value: f(state, items),
            })
    }

    /// The window's end and what is in `f(state, items)` for each window, nothing where it is `None`.
    #[track_caller]
    pub fn filter_map<U>(
        self,
        name: &str,
        mut f: impl FnMut(&mut S, &[Timed<T>]) -> Option<U> + 'static,
    ) -> Stream<Timed<U>>
    where
        Timed<U>: Item,
    {
        self.windows
            .scan(name, self.init, move |state, [_, seconds], items| {
                f(state, items).map(|value| Timed { seconds, value })
            })
    }

    /// The text `f(state, [begin, end], items)` for each window.
    #[track_caller]
    pub fn to_text<G: AsRef<str> + 'static>(
        self,
        name: &str,
        mut f: impl FnMut(&mut S, [f64; 2], &[Timed<T>]) -> G + 'static,
    ) -> Stream<Text> {
        self.framed(name, move |state, bounds, items| {
            TextBytes(f(state, bounds, items))
        })
    }

    /// The bytes `f(state, [begin, end], items)` for each window.
    #[track_caller]
    pub fn to_bytes<B: AsRef<[u8]> + 'static>(
        self,
        name: &str,
        f: impl FnMut(&mut S, [f64; 2], &[Timed<T>]) -> B + 'static,
    ) -> Stream<Bytes> {
        self.framed(name, f)
    }

    #[track_caller]
    fn framed<K: Framed, B: AsRef<[u8]> + 'static>(
        self,
        name: &str,
        f: impl FnMut(&mut S, [f64; 2], &[Timed<T>]) -> B + 'static,
    ) -> Stream<K> {
        let windowing = self.windows.checked(name);
        let blueprint = windowing.map(|windowing| {
            closures::timed_window_frames(windowing, self.init, K::item_type(), f)
        });
        let work = native("timed_window", None, blueprint);
        Stream::of(self.windows.stream.reader(name, work))
    }
}

/// Streams of timed items, an array of them or a tuple of two to four, to be joined by time; a slice for a number of
/// streams known only when the program runs, of one at least.
///
/// A function gets a row for each time at which any of them has an item: `Some` value of those that have one
/// there, `None` of the others. The times of each stream are to ascend. Ends when all have.
pub fn timed_zip<S: TimedStreams>(streams: S) -> TimedZip<S::Row> {
    streams.timed_zip()
}

/// Streams joined by time, made by [`timed_zip`].
pub struct TimedZip<R> {
    inputs: Vec<Handle>,
    streams: R,
}

impl<R: TimedRow> TimedZip<R> {
    /// `f(seconds, values)` for each time.
    #[track_caller]
    pub fn map<U, F>(self, name: &str, f: F) -> Stream<U>
    where
        U: Item,
        F: FnMut(f64, R::Row) -> U + 'static,
    {
        let draft = &self.inputs[0].draft;
        let work = native("timed_zip", None, closures::timed_zip(self.streams, f));
        Stream::new(draft.agent(name, work, draft.inputs(&self.inputs)))
    }
}

/// What [`timed_zip`] takes.
pub trait TimedStreams {
    #[doc(hidden)]
    type Row: TimedRow;
    #[doc(hidden)]
    fn timed_zip(self) -> TimedZip<Self::Row>;
}

impl<T: Copy + 'static, const N: usize> TimedStreams for [&Stream<Timed<T>>; N]
where
    Timed<T>: Item,
{
    type Row = [TimedEach<T>; N];

    fn timed_zip(self) -> TimedZip<Self::Row> {
        const { assert!(N > 0, "a row has at least one stream") };
        TimedZip {
            inputs: self.map(|stream| stream.handle().clone()).to_vec(),
            streams: [(); N].map(|()| TimedEach::new()),
        }
    }
}

impl<T: Copy + 'static> TimedStreams for &[Stream<Timed<T>>]
where
    Timed<T>: Item,
{
    type Row = Vec<TimedEach<T>>;

    /// # Panics
    /// There is no stream.
    fn timed_zip(self) -> TimedZip<Self::Row> {
        assert!(!self.is_empty(), "a row has at least one stream");
        TimedZip {
            inputs: self.iter().map(|stream| stream.handle().clone()).collect(),
            streams: self.iter().map(|_| TimedEach::new()).collect(),
        }
    }
}

macro_rules! tuples {
    ($(($($value:ident $at:tt),+))*) => {$(
        impl<$($value: Copy + 'static),+> TimedStreams for ($(&Stream<Timed<$value>>,)+)
        where
            $(Timed<$value>: Item),+
        {
            type Row = ($(TimedEach<$value>,)+);

            fn timed_zip(self) -> TimedZip<Self::Row> {
                TimedZip {
                    inputs: vec![$(self.$at.handle().clone()),+],
                    streams: ($(TimedEach::<$value>::new(),)+),
                }
            }
        }
    )*};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}
