//! Streams as a Rust program holds them: what can be done with one, and with several.
//!
//! A [`Stream`] is a handle on an agent's output; each method adds an agent that reads it and hands
//! out that agent's stream. Closures should depend on their arguments alone: see
//! [`closures`] for what survives a kill and what does not.

use std::fs::File;
use std::marker::PhantomData;

use bytemuck::Pod;
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thalweg_worker::agent::{Blueprint, Table};
use thalweg_worker::closures::{self, Each, Kept, Queue, Tabled, Value};
use thalweg_worker::encoded::{Encoded, NotEncoded};
use thalweg_worker::types::Item;

use crate::decl::{At, Capacity, InputDecl, Overflow};
use crate::diag::Diagnostic;
use crate::graph::{Handle, Placed, Work};
use crate::ops::{Kind, Operator, Writer, op};
use crate::program::Error;
use crate::rows::{Given, Window, ZippedWith};
use crate::text::{Bytes, Text};

/// The stream of items `T` that an agent gives.
pub struct Stream<T> {
    handle: Handle,
    items: PhantomData<fn() -> T>,
}

impl<T: Item> Stream<T> {
    pub(crate) fn new(handle: Handle) -> Stream<T> {
        const { assert!(size_of::<T>() > 0, "an item has at least one byte") };
        Stream {
            handle,
            items: PhantomData,
        }
    }

    /// Gives `f(x)` for each item `x`.
    #[track_caller]
    pub fn map<U: Item>(&self, name: &str, f: impl FnMut(T) -> U + 'static) -> Stream<U> {
        self.native(name, "map", Some(1), closures::map(f))
    }

    /// Keeps the items for which `keep` is true.
    #[track_caller]
    pub fn filter(&self, name: &str, keep: impl FnMut(&T) -> bool + 'static) -> Stream<T> {
        self.native(name, "filter", None, closures::filter(keep))
    }

    /// Gives what is in `f(x)` for each item `x`, nothing where it is `None`.
    #[track_caller]
    pub fn filter_map<U: Item>(
        &self,
        name: &str,
        mut f: impl FnMut(T) -> Option<U> + 'static,
    ) -> Stream<U> {
        let blueprint = closures::filter_map((), move |(), x| f(x));
        self.native(name, "filter_map", None, blueprint)
    }

    /// Gives all items of `f(x)` for each item `x`. `f` must give the same items for the same `x`:
    /// see [`closures::flat_map`].
    #[track_caller]
    pub fn flat_map<I>(&self, name: &str, f: impl FnMut(T) -> I + 'static) -> Stream<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Item,
    {
        self.native(name, "flat_map", None, closures::flat_map(f))
    }

    /// Gives `f(state, x)` for each item `x`. The state starts as `init`, is committed together with
    /// the streams' positions, and so survives a kill.
    #[track_caller]
    pub fn scan<S: Pod, U: Item>(
        &self,
        name: &str,
        init: S,
        f: impl FnMut(&mut S, T) -> U + 'static,
    ) -> Stream<U> {
        self.native(name, "scan", Some(1), closures::scan(init, f))
    }

    /// As [`Stream::scan`], with a large state: `table[i]` is one of as many values as `init` has. A step
    /// costs what it writes of the table, not how long the table is.
    ///
    /// ```
    /// use thalweg::prelude::*;
    ///
    /// let mut g = Graph::new("visits");
    /// let hosts = g.source("hosts", vec![7u32, 9, 7]);
    /// // A million counters, of which a step touches few: 1, 1, 2.
    /// let visits = hosts.scan_table("visits", vec![0u32; 1 << 20], |table, host| {
    ///     let count = &mut table[host as usize];
    ///     *count += 1;
    ///     *count
    /// });
    /// # g.into_decl().unwrap();
    /// ```
    #[track_caller]
    pub fn scan_table<S: Pod, U: Item>(
        &self,
        name: &str,
        init: impl AsRef<[S]>,
        f: impl FnMut(&mut Table<'_, S>, T) -> U + 'static,
    ) -> Stream<U> {
        self.with_table(init).map(name, f)
    }

    /// As [`Stream::scan`], with a state of any type that serde knows: a map, a list, a model. As
    /// encoded it never takes more than `bound` bytes; a run in which it does ends with a sentence
    /// that says how many it took.
    ///
    /// Each step encodes the whole value, so it costs as much as the value is large, once for some
    /// hundreds of items: [`worker::encoded`](crate::worker::encoded) has figures and limits. After a
    /// kill the successor decodes what was committed; it need not come to the same value by itself.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use thalweg::prelude::*;
    ///
    /// let mut g = Graph::new("visits");
    /// let hosts = g.source("hosts", vec![7u32, 9, 7]);
    /// let visits = hosts.scan_serde("visits", HashMap::new(), 64 << 10, |seen, host| {
    ///     let count = seen.entry(host).or_insert(0u64);
    ///     *count += 1;
    ///     *count
    /// });
    /// # g.into_decl().unwrap();
    /// ```
    #[track_caller]
    pub fn scan_serde<S: Serialize + DeserializeOwned + 'static, U: Item>(
        &self,
        name: &str,
        init: S,
        bound: usize,
        f: impl FnMut(&mut S, T) -> U + 'static,
    ) -> Stream<U> {
        self.with_serde(init, bound).map(name, f)
    }

    /// A state for the agent that comes next, kept by the engine as that of [`Stream::scan`].
    pub fn with_state<S: Pod>(&self, init: S) -> WithState<T, S> {
        WithState {
            stream: self.clone(),
            kept: Ok(Kept::value(init)),
        }
    }

    /// A table for the agent that comes next, kept by the engine as that of [`Stream::scan_table`].
    pub fn with_table<S: Pod>(&self, init: impl AsRef<[S]>) -> WithTable<T, S> {
        WithTable {
            stream: self.clone(),
            kept: Ok(Kept::table(init.as_ref())),
        }
    }

    /// A state of at most `bound` bytes for the agent that comes next, kept by the engine as that of
    /// [`Stream::scan_serde`].
    pub fn with_serde<S: Serialize + DeserializeOwned>(
        &self,
        init: S,
        bound: usize,
    ) -> WithSerde<T, S> {
        WithSerde {
            stream: self.clone(),
            kept: Kept::encoded(&init, bound),
        }
    }

    /// Calls `f(x, y)` with the items that have arrived and room for as many results.
    ///
    /// How many those are depends on timing, so the plan calls the agent not deterministic; its
    /// results are the same in every run if `f` treats items one by one. `y` holds old bytes and is to
    /// be written whole. For blocks of a fixed length take a [`Stream::window`] whose step is its
    /// length.
    #[track_caller]
    pub fn map_slice<U: Item>(
        &self,
        name: &str,
        f: impl FnMut(&[T], &mut [U]) + 'static,
    ) -> Stream<U> {
        self.native(name, "map_slice", Some(1), closures::map_slice(f))
    }

    /// Windows of `len` items, one beginning at each item unless [`Window::step`] says otherwise.
    #[track_caller]
    pub fn window(&self, len: usize) -> Window<T> {
        Window::of(self, len)
    }

    /// This stream and another one, item by item. What is made of them ends with the shorter one.
    pub fn zip<B: Item>(&self, other: &Stream<B>) -> Zip<T, B> {
        Zip {
            a: self.clone(),
            b: other.clone(),
        }
    }

    /// The stream after `items` times `T`'s zero: what is given now was taken `items` earlier.
    #[track_caller]
    pub fn delay(&self, name: &str, items: u64) -> Stream<T> {
        self.apply(name, op("delay").set("items", items))
    }

    /// Parts the stream: the items for which `is_first` is true, and the others.
    #[track_caller]
    pub fn split(
        &self,
        name: &str,
        is_first: impl FnMut(&T) -> bool + 'static,
    ) -> (Stream<T>, Stream<T>) {
        let parts = self.reader(name, native("split", None, closures::split(is_first)));
        (
            Stream::new(parts.port("yes")),
            Stream::new(parts.port("no")),
        )
    }

    /// Calls `f(x)` for each item `x`. What it does outside the graph is done at least once: a step
    /// that is killed before its commit is made again. A panic in it counts as a death of its worker, but for that of
    /// `println!` when nobody reads any more: then the sink is done.
    #[track_caller]
    pub fn sink(&self, name: &str, mut f: impl FnMut(T) + 'static) -> Sink {
        let blueprint = closures::sink((), move |(), x| f(x));
        Sink {
            handle: self.reader(name, native("sink", None, blueprint)),
        }
    }

    /// Keeps all items in memory for the program, which has them when the run is over:
    /// see [`Collected`].
    #[track_caller]
    pub fn collect(&self, name: &str) -> Collected<T> {
        self.kept_by(name, closures::collect::<T>)
    }

    /// Leads the stream out of the graph, to this program: see [`Graph::start`](crate::graph::Graph::start). The
    /// [`Queue`] is an iterator for another thread; `capacity` items wait for it, then the graph does. Each item
    /// passes once, whatever was killed, if the graph is deterministic. Who wants the newest items rather than
    /// all of them lets the stream lose: [`Stream::overflow`].
    ///
    /// # Errors
    /// There is no memory, or no descriptor, for the ring in between.
    #[track_caller]
    pub fn queue(&self, name: &str, capacity: u64) -> crate::Result<(Queue<T>, Sink)> {
        let (queue, blueprint) = closures::queue(capacity, self.handle.draft.life()?)
            .map_err(|error| Error::Environment(format!("the queue `{name}`: {error}")))?;
        let handle = self.reader(name, native("queue", None, blueprint));
        Ok((queue, Sink { handle }))
    }

    /// How many items the stream should hold at least, instead of what the plan chooses.
    pub fn capacity(&self, items: u64) -> Stream<T> {
        self.handle
            .edit_stream(|stream| stream.capacity = Some(At::nowhere(Capacity::Items(items))));
        self.clone()
    }

    /// What happens when the stream is full, instead of waiting.
    pub fn overflow(&self, overflow: Overflow) -> Stream<T> {
        self.handle
            .edit_stream(|stream| stream.overflow = At::nowhere(overflow));
        self.clone()
    }

    #[track_caller]
    pub(crate) fn native<U: Item>(
        &self,
        name: &str,
        kind: &'static str,
        step: Option<u64>,
        blueprint: impl Into<Option<Blueprint>>,
    ) -> Stream<U> {
        Stream::new(self.reader(name, native(kind, step, blueprint)))
    }

    /// The agent, unless its state does not fit: that is told with what else is wrong.
    #[track_caller]
    fn sound(&self, name: &str, agent: Result<Blueprint, NotEncoded>) -> Option<Blueprint> {
        let draft = &self.handle.draft;
        let here = draft.here();
        let problem = |refused| Diagnostic::new(format!("`{name}`: {refused}"));
        agent
            .map_err(|refused| draft.problem(problem(refused).at(here.clone(), "its state")))
            .ok()
    }
}

impl<T: Kind> Stream<T> {
    /// Adds an operator of the table that reads this stream: a typed one
    /// (`ops::iir_bandpass(0.5, 10.0).order(4)`), or any by its name
    /// (`let y: Stream<f64> = x.apply("band", op("iir.bandpass").set("low", 0.5).set("high", 10.0))`).
    ///
    /// A graph in which it gives other items than `U` is refused.
    #[track_caller]
    pub fn apply<U: Kind>(&self, name: &str, operator: impl Operator<T, U>) -> Stream<U> {
        Stream::claimed(self.reader(name, Work::Op(operator.into_op())))
    }

    /// Adds an operator of the table that reads this stream and others of its kind, and gives one.
    #[track_caller]
    pub(crate) fn joined<'a>(
        &self,
        name: &str,
        operator: &str,
        others: impl IntoIterator<Item = &'a Self>,
    ) -> Self
    where
        T: 'a,
    {
        let join = others
            .into_iter()
            .fold(op(operator), |op, other| op.with(other));
        self.apply(name, join)
    }

    /// Adds an operator of the table that reads this stream and gives none: `ops::csv_write("o.csv")`.
    #[track_caller]
    pub fn write(&self, name: &str, operator: impl Writer<T>) -> Sink {
        Sink {
            handle: self.reader(name, Work::Op(operator.into_op())),
        }
    }

    /// One of the streams of an agent that gives several, by the port's name.
    pub fn port<U: Kind>(&self, port: &str) -> Stream<U> {
        Stream::claimed(self.handle.port(port))
    }

    /// The stream of an operator's output, which the program takes to hold items `T`.
    pub(crate) fn claimed(handle: Handle) -> Stream<T> {
        handle.claim(T::kind());
        Stream::of(handle)
    }
}

impl<T> Stream<T> {
    /// The stream of an agent's output, whatever its items are.
    pub(crate) fn of(handle: Handle) -> Stream<T> {
        Stream {
            handle,
            items: PhantomData,
        }
    }

    /// The stream's name: `AGENT` or `AGENT.PORT`.
    pub fn name(&self) -> &str {
        self.handle.stream()
    }

    /// Adds the agent that `make` makes of a file of memory, which keeps what it reads there.
    #[track_caller]
    pub(crate) fn kept_by(&self, name: &str, make: impl FnOnce(File) -> Blueprint) -> Collected<T> {
        let (blueprint, file) = match memory(name) {
            Ok((mine, its)) => (Some(make(its)), Some(mine)),
            Err(error) => {
                let draft = &self.handle.draft;
                let problem = format!("memory for `{name}` to collect items in: {error}");
                draft.problem(Diagnostic::new(problem).at(draft.here(), "collected here"));
                (None, None)
            }
        };
        Collected {
            handle: self.reader(name, native("collect", None, blueprint)),
            file,
            items: PhantomData,
        }
    }

    /// Adds an agent whose first input this stream is.
    #[track_caller]
    pub(crate) fn reader(&self, name: &str, work: Work) -> Handle {
        let draft = &self.handle.draft;
        draft.agent(name, work, vec![draft.input(&self.handle, None)])
    }

    /// This stream and others, as an agent's inputs.
    #[track_caller]
    pub(crate) fn and<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Vec<InputDecl>
    where
        T: 'a,
    {
        let handles = others.into_iter().map(|other| &other.handle);
        let draft = &self.handle.draft;
        draft.inputs(std::iter::once(&self.handle).chain(handles))
    }
}

impl<T> Clone for Stream<T> {
    fn clone(&self) -> Stream<T> {
        Stream {
            handle: self.handle.clone(),
            items: PhantomData,
        }
    }
}

impl<T> Placed for Stream<T> {
    fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// An agent that gives no stream, to be placed on a worker.
#[derive(Clone)]
pub struct Sink {
    handle: Handle,
}

impl Sink {
    pub(crate) fn new(handle: Handle) -> Sink {
        Sink { handle }
    }
}

impl Placed for Sink {
    fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// All items of a stream, made by [`Stream::collect`].
///
/// They are written to a file of memory that the workers share with the program, and are there when the
/// run is over: each item once, whatever was killed. A run that failed leaves what it had come to.
///
/// ```
/// use thalweg::prelude::*;
///
/// let mut g = Graph::new("squares");
/// let squares = g.source("n", from_iter(|| 0..5u64)).map("squares", |n| n * n).collect("kept");
/// g.run_in_process()?;
/// assert_eq!(squares.items(), [0, 1, 4, 9, 16]);
/// # Ok::<(), thalweg::Error>(())
/// ```
pub struct Collected<T> {
    handle: Handle,
    /// `None` where it could not be made, which refuses the graph.
    file: Option<File>,
    items: PhantomData<fn() -> T>,
}

impl<T: Item> Collected<T> {
    /// The items, from the first to the last.
    pub fn items(&self) -> Vec<T> {
        self.read(closures::collected)
    }
}

impl Collected<Text> {
    /// The texts, from the first to the last.
    pub fn items(&self) -> Vec<String> {
        let text = |frame| String::from_utf8(frame).expect("a stream of text holds UTF-8");
        let frames = self.read(closures::collected_frames);
        frames.into_iter().map(text).collect()
    }
}

impl Collected<Bytes> {
    /// The frames, from the first to the last.
    pub fn items(&self) -> Vec<Vec<u8>> {
        self.read(closures::collected_frames)
    }
}

impl<T> Collected<T> {
    fn read<U>(&self, read: impl FnOnce(&File) -> std::io::Result<Vec<U>>) -> Vec<U> {
        let file = self.file.as_ref();
        let read = |file| read(file).expect("memory of this process is readable");
        file.map_or(Vec::new(), read)
    }
}

impl<T> Placed for Collected<T> {
    fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// A file of memory, twice: for the program, and for the agent.
fn memory(name: &str) -> std::io::Result<(File, File)> {
    let file = File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?);
    Ok((file.try_clone()?, file))
}

/// A stream with the state of the agent that will read it: what closures of such an agent look like.
macro_rules! with_a_state {
    ($(
        $(#[$doc:meta])*
        $with:ident<T, S: $bound:path $(, $more:path)*> keeps $keep:ty, lends $view:ty
    )*) => {
        $(
            $(#[$doc])*
            pub struct $with<T, S> {
                stream: Stream<T>,
                kept: Result<Kept<$keep>, NotEncoded>,
            }

            impl<T: Item, S: $bound $(+ $more)* + 'static> $with<T, S> {
                /// Gives `f(state, x)` for each item `x`.
                #[track_caller]
                pub fn map<U: Item>(
                    self,
                    name: &str,
                    f: impl FnMut(&mut $view, T) -> U + 'static,
                ) -> Stream<U> {
                    let agent = self.kept.map(|kept| closures::scan_kept(kept, f));
                    let agent = self.stream.sound(name, agent);
                    self.stream.native(name, "scan", Some(1), agent)
                }

                /// Keeps the items for which `keep` is true.
                #[track_caller]
                pub fn filter(
                    self,
                    name: &str,
                    mut keep: impl FnMut(&mut $view, &T) -> bool + 'static,
                ) -> Stream<T> {
                    self.filter_map(name, move |state, x| keep(state, &x).then_some(x))
                }

                /// Gives what is in `f(state, x)` for each item `x`, nothing where it is `None`.
                #[track_caller]
                pub fn filter_map<U: Item>(
                    self,
                    name: &str,
                    f: impl FnMut(&mut $view, T) -> Option<U> + 'static,
                ) -> Stream<U> {
                    let agent = self.kept.map(|kept| closures::filter_map_kept(kept, f));
                    let agent = self.stream.sound(name, agent);
                    self.stream.native(name, "filter_map", None, agent)
                }

                /// Calls `f(state, x)` for each item `x`, at least once as [`Stream::sink`] does; an
                /// item that is seen twice is in the state once.
                #[track_caller]
                pub fn sink(self, name: &str, f: impl FnMut(&mut $view, T) + 'static) -> Sink {
                    let agent = self.kept.map(|kept| closures::sink_kept(kept, f));
                    let agent = self.stream.sound(name, agent);
                    Sink {
                        handle: self.stream.reader(name, native("sink", None, agent)),
                    }
                }
            }
        )*
    };
}

with_a_state! {
    /// A stream and the state of the agent that will read it, made by [`Stream::with_state`].
    WithState<T, S: Pod> keeps Value<S>, lends S

    /// A stream and the table of the agent that will read it, made by [`Stream::with_table`].
    WithTable<T, S: Pod> keeps Tabled<S>, lends Table<'_, S>

    /// A stream and the encoded state of the agent that will read it, made by [`Stream::with_serde`].
    WithSerde<T, S: Serialize, DeserializeOwned> keeps Encoded<S>, lends S
}

impl<T: Item, S: Pod> WithState<T, S> {
    /// Gives all items of `f(state, x)` for each item `x`, in order. `f` must give the same items, and leave the same
    /// state, for the same arguments.
    #[track_caller]
    pub fn flat_map<I>(self, name: &str, f: impl FnMut(&mut S, T) -> I + 'static) -> Stream<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Item,
    {
        self.rows("flat_map").flat_map(name, f)
    }

    /// A stream for each part of `f(state, x)`, as [`Stream::unzip`].
    #[track_caller]
    pub fn unzip<G: Given>(
        self,
        name: &str,
        f: impl FnMut(&mut S, T) -> G + 'static,
    ) -> G::Streams {
        self.rows("unzip").unzip(name, f)
    }

    fn rows(self, kind: &'static str) -> ZippedWith<Each<T>, S> {
        let init = self.kept.map_or(S::zeroed(), |kept| kept.init());
        self.stream.rows(kind).with_state(init)
    }
}

/// Two streams taken item by item, made by [`Stream::zip`]. [`zip`](crate::rows::zip()) takes more of them, and
/// windows.
pub struct Zip<A, B> {
    a: Stream<A>,
    b: Stream<B>,
}

impl<A: Item, B: Item> Zip<A, B> {
    /// Gives `f(a, b)` for the items at the same place.
    #[track_caller]
    pub fn map<U: Item>(self, name: &str, f: impl FnMut(A, B) -> U + 'static) -> Stream<U> {
        self.read_by(name, closures::zip(f))
    }

    /// Gives `f(state, a, b)` for the items at the same place, with a state as [`Stream::scan`]'s.
    #[track_caller]
    pub fn scan<S: Pod, U: Item>(
        self,
        name: &str,
        init: S,
        f: impl FnMut(&mut S, A, B) -> U + 'static,
    ) -> Stream<U> {
        self.read_by(name, closures::zip_scan(init, f))
    }

    /// As [`Zip::scan`], with a table as [`Stream::scan_table`]'s.
    #[track_caller]
    pub fn scan_table<S: Pod, U: Item>(
        self,
        name: &str,
        init: impl AsRef<[S]>,
        f: impl FnMut(&mut Table<'_, S>, A, B) -> U + 'static,
    ) -> Stream<U> {
        let kept = Kept::table(init.as_ref());
        self.read_by(name, closures::zip_scan_kept(kept, f))
    }

    /// As [`Zip::scan`], with a state as [`Stream::scan_serde`]'s.
    #[track_caller]
    pub fn scan_serde<S: Serialize + DeserializeOwned + 'static, U: Item>(
        self,
        name: &str,
        init: S,
        bound: usize,
        f: impl FnMut(&mut S, A, B) -> U + 'static,
    ) -> Stream<U> {
        let kept = Kept::encoded(&init, bound);
        let agent = kept.map(|kept| closures::zip_scan_kept(kept, f));
        let agent = self.a.sound(name, agent);
        self.read_by(name, agent)
    }

    /// A third stream beside these two.
    pub fn zip<C: Item>(self, c: &Stream<C>) -> Zip3<A, B, C> {
        Zip3 {
            a: self.a,
            b: self.b,
            c: c.clone(),
        }
    }

    #[track_caller]
    fn read_by<U: Item>(self, name: &str, blueprint: impl Into<Option<Blueprint>>) -> Stream<U> {
        zipped(name, [&self.a.handle, &self.b.handle], blueprint)
    }
}

/// Three streams taken item by item, made by [`Zip::zip`].
pub struct Zip3<A, B, C> {
    a: Stream<A>,
    b: Stream<B>,
    c: Stream<C>,
}

impl<A: Item, B: Item, C: Item> Zip3<A, B, C> {
    /// Gives `f(a, b, c)` for the items at the same place.
    #[track_caller]
    pub fn map<U: Item>(self, name: &str, f: impl FnMut(A, B, C) -> U + 'static) -> Stream<U> {
        let inputs = [&self.a.handle, &self.b.handle, &self.c.handle];
        zipped(name, inputs, closures::zip3(f))
    }
}

#[track_caller]
fn zipped<const N: usize, U: Item>(
    name: &str,
    inputs: [&Handle; N],
    blueprint: impl Into<Option<Blueprint>>,
) -> Stream<U> {
    let draft = &inputs[0].draft;
    let work = native("zip", Some(1), blueprint);
    Stream::new(draft.agent(name, work, draft.inputs(inputs)))
}

/// An agent around a closure.
pub(crate) fn native(
    kind: &'static str,
    step: Option<u64>,
    blueprint: impl Into<Option<Blueprint>>,
) -> Work {
    Work::Native {
        kind,
        step,
        blueprint: blueprint.into(),
    }
}
