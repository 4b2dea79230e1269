//! Streams that meet, part, begin and end: one after the other, by turns, as they arrive; parted by a function.

use bytemuck::Pod;
use thalweg_worker::closures::{self, Cell};
use thalweg_worker::types::Item;

use crate::graph::{Handle, Placed};
use crate::rows::Given;
use crate::stream::{Stream, native};

impl<T: Item> Stream<T> {
    /// The items of this stream and of others by turns: the first of each, then the second of each.
    /// Ends when the stream whose turn it is has ended.
    #[track_caller]
    pub fn weave<'a>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Stream<T>>,
    ) -> Stream<T> {
        self.weave_runs(name, 1, others.into_iter().map(|other| (other, 1)))
    }

    /// By turns as [`Stream::weave`], with so many items at each turn: `count` of this stream, then as many
    /// of each of the others as stand beside it. A stream whose number is 0 is never read.
    #[track_caller]
    pub fn weave_runs<'a>(
        &self,
        name: &str,
        count: u64,
        others: impl IntoIterator<Item = (&'a Stream<T>, u64)>,
    ) -> Stream<T> {
        let (others, mut counts): (Vec<&Stream<T>>, Vec<u64>) = others.into_iter().unzip();
        counts.insert(0, count);
        let work = native("weave", None, closures::weave::<T>(&counts));
        let inputs = self.and(others);
        Stream::new(self.handle().draft.agent(name, work, inputs))
    }

    /// All items of this stream, then all of each of the others in turn.
    ///
    /// Whoever feeds a later stream waits, once that stream is full, until the earlier ones have ended. If it is
    /// what feeds an earlier one too, both come to a stand, which the run reports (exit code 4): give the
    /// later stream a [`Stream::capacity`] that holds what comes meanwhile.
    #[track_caller]
    pub fn concat<'a>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Stream<T>>,
    ) -> Stream<T> {
        let inputs = self.and(others);
        let work = native("concat", None, closures::concat::<T>(inputs.len()));
        Stream::new(self.handle().draft.agent(name, work, inputs))
    }

    /// `f(x, y)` for each item `x` and the item `y` of the other stream that has the same key, `None` where there is
    /// none: an item, or an `Option` of one. `f: |x, y| y.map(|y| ..)` gives those with a partner alone.
    ///
    /// The keys of both streams ascend; one that does not ends the run with an error. A key may come again in this stream, each time with the same partner; of equal
    /// keys in the other the first counts. Ends with this stream.
    #[track_caller]
    pub fn join<B: Item, K: PartialOrd + 'static, C: Cell>(
        &self,
        name: &str,
        other: &Stream<B>,
        key: impl Fn(&T) -> K + 'static,
        other_key: impl Fn(&B) -> K + 'static,
        f: impl FnMut(T, Option<B>) -> C + 'static,
    ) -> Stream<C::Item> {
        let draft = &self.handle().draft;
        let work = native("join", None, closures::join(key, other_key, f));
        let inputs = draft.inputs([self.handle(), other.handle()]);
        Stream::new(draft.agent(name, work, inputs))
    }

    /// The items of this stream and of others in the order they arrive, which depends on timing: the
    /// plan says that it is not deterministic. Each stream's own items keep their order.
    #[track_caller]
    pub fn merge<'a>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Stream<T>>,
    ) -> Stream<T> {
        self.joined(name, "merge", others)
    }

    /// `f(input, x)` for each item `x` of this stream (input 0) and of others (1, 2, ..), in the order they
    /// arrive. As [`Stream::merge`] it is not deterministic.
    #[track_caller]
    pub fn merge_map<'a, U: Item>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Stream<T>>,
        mut f: impl FnMut(usize, T) -> U + 'static,
    ) -> Stream<U> {
        self.merge_scan(name, others, (), move |(), input, x| f(input, x))
    }

    /// As [`Stream::merge_map`], with a state as [`Stream::scan`]'s.
    #[track_caller]
    pub fn merge_scan<'a, S: Pod, U: Item>(
        &self,
        name: &str,
        others: impl IntoIterator<Item = &'a Stream<T>>,
        init: S,
        f: impl FnMut(&mut S, usize, T) -> U + 'static,
    ) -> Stream<U> {
        let inputs = self.and(others);
        let work = native("merge", None, closures::merge_map(inputs.len(), init, f));
        Stream::new(self.handle().draft.agent(name, work, inputs))
    }

    /// A stream for each part of `f(x)` for each item `x`: a tuple of two to eight items, or an array of
    /// them; an `Option` where an item may leave a stream without.
    #[track_caller]
    pub fn unzip<G: Given>(&self, name: &str, f: impl FnMut(T) -> G + 'static) -> G::Streams {
        self.rows("unzip").unzip(name, f)
    }

    /// Parts the stream into `ports` streams: each item goes to the one `port` names, counted from 0. Another
    /// number ends the run with an error that names the item.
    #[track_caller]
    pub fn route(
        &self,
        name: &str,
        ports: usize,
        port: impl FnMut(&T) -> usize + 'static,
    ) -> Vec<Stream<T>> {
        let work = native("route", None, closures::route(ports, port));
        numbered(&self.reader(name, work), ports)
    }

    /// Calls `f(x, cells)` for each item `x` with `ports` empty cells: what it puts into them goes to the
    /// streams that are given. For a number of streams known only when the program runs.
    #[track_caller]
    pub fn scatter<U: Item>(
        &self,
        name: &str,
        ports: usize,
        mut f: impl FnMut(T, &mut [Option<U>]) + 'static,
    ) -> Vec<Stream<U>> {
        let rows = closures::Each::<T>::new();
        let blueprint = closures::scatter_rows(rows, (), ports, move |(), x, cells| {
            f(x, cells);
            Ok(())
        });
        numbered(
            &self.reader(name, native("scatter", None, blueprint)),
            ports,
        )
    }

    /// `values`, then the stream: they come out when its first item, or its end, is there.
    ///
    /// What a window gives for item n of its stream stands `len - 1` places earlier (`(len - 1) / step` with a
    /// step); so many values before it put both back in line.
    #[track_caller]
    pub fn prepend(&self, name: &str, values: Vec<T>) -> Stream<T> {
        self.native(name, "prepend", None, closures::prepend(values))
    }

    /// The items that differ from the one before, and the first.
    #[track_caller]
    pub fn changes(&self, name: &str) -> Stream<T>
    where
        T: PartialEq,
    {
        self.window(2).growing().filter_map(name, |w| match w {
            [before, x] if before == x => None,
            [.., x] => Some(*x),
            [] => None,
        })
    }

    /// `f(before, x)` for each item and the one before it: one item fewer than the stream has.
    #[track_caller]
    pub fn pairwise<U: Item>(
        &self,
        name: &str,
        mut f: impl FnMut(T, T) -> U + 'static,
    ) -> Stream<U> {
        self.window(2).map(name, move |w| f(w[0], w[1]))
    }

    /// `f(n, x)` for the n-th item `x`, counted from 0.
    #[track_caller]
    pub fn enumerate<U: Item>(
        &self,
        name: &str,
        mut f: impl FnMut(u64, T) -> U + 'static,
    ) -> Stream<U> {
        self.scan(name, 0u64, move |next, x| {
            *next += 1;
            f(*next - 1, x)
        })
    }

    /// The items before the first for which `goes_on` is false; there the stream ends.
    #[track_caller]
    pub fn take_while(&self, name: &str, goes_on: impl FnMut(&T) -> bool + 'static) -> Stream<T> {
        self.native(name, "take_while", None, closures::take_while(goes_on))
    }

    /// The items from the first on for which `skips` is false.
    #[track_caller]
    pub fn skip_while(&self, name: &str, mut skips: impl FnMut(&T) -> bool + 'static) -> Stream<T> {
        self.with_state(0u8).filter(name, move |begun, x| {
            *begun |= u8::from(!skips(x));
            *begun != 0
        })
    }
}

fn numbered<T: Item>(agent: &Handle, ports: usize) -> Vec<Stream<T>> {
    let stream = |n: usize| Stream::new(agent.port(&n.to_string()));
    (0..ports).map(stream).collect()
}
