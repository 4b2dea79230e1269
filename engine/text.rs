//! Streams of text and of bytes in a Rust program: each item is a frame of any length.
//!
//! What a function gets is the frame in place: `&str` ([`Text`]) or `&[u8]` ([`Bytes`]). What it gives
//! is copied into the next stream once. A frame takes at most half of its stream, which holds 256 KiB
//! unless [`capacity`](Stream::<Text>::capacity) says otherwise; a longer one ends the run with
//! both lengths.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("words");
//! let lines = g.text("lines", |n| ["to be or not", "to be"].get(n as usize).copied());
//! let words = lines.flat_map("words", |line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
//! let (long, short) = words.split("by_length", |word| word.len() > 2);
//! let lengths = long.items("lengths", |word| word.len() as u64).collect("long");
//! let short = short.collect("short");
//! g.run_in_process()?;
//! assert_eq!(lengths.items(), [3]);
//! assert_eq!(short.items(), ["to", "be", "or", "to", "be"]);
//! # Ok::<(), thalweg::Error>(())
//! ```

use bytemuck::Pod;
use thalweg_worker::agent::{AgentError, Blueprint, OutPort, Output, text_of};
pub(crate) use thalweg_worker::closures::Framed;
use thalweg_worker::closures::{self, FrameFeed, FrameQueue};
use thalweg_worker::types::{Item, ItemType};

use crate::decl::{At, Capacity, Overflow};
use crate::graph::{Graph, Placed};
use crate::program::Error;
use crate::stream::{Collected, Sink, Stream, native};

mod joins;
mod rows;

/// The items of a stream of texts: each is a `str`.
pub enum Text {}

/// The items of a stream of pieces of bytes: each is a `[u8]`.
pub enum Bytes {}

impl Framed for Text {
    type Frame = str;

    fn item_type() -> ItemType {
        ItemType::Text
    }

    fn frame(bytes: &[u8]) -> Result<&str, AgentError> {
        text_of(bytes)
    }
}

impl Framed for Bytes {
    type Frame = [u8];

    fn item_type() -> ItemType {
        ItemType::Bytes
    }

    fn frame(bytes: &[u8]) -> Result<&[u8], AgentError> {
        Ok(bytes)
    }
}

impl Graph {
    /// Adds a source of text: `f(0)`, `f(1)`, .. until it is `None`. It goes on after a kill where it was,
    /// as long as `f(n)` depends on `n` alone.
    #[track_caller]
    pub fn text<S: AsRef<str>>(
        &mut self,
        name: &str,
        mut f: impl FnMut(u64) -> Option<S> + 'static,
    ) -> Stream<Text> {
        let frame = move |n| f(n).map(|text| text.as_ref().as_bytes().to_vec());
        self.frames(name, closures::frames_from(ItemType::Text, frame))
    }

    /// As [`Graph::text`], of bytes.
    #[track_caller]
    pub fn bytes<B: AsRef<[u8]>>(
        &mut self,
        name: &str,
        f: impl FnMut(u64) -> Option<B> + 'static,
    ) -> Stream<Bytes> {
        self.frames(name, closures::frames_from(ItemType::Bytes, f))
    }

    /// Adds a stream of texts that this program feeds while the graph runs: as [`Graph::feed`], with `len_bytes` of memory
    /// in between, at least twice the longest text.
    ///
    /// # Errors
    /// There is no memory, or no descriptor, for the ring in between.
    #[track_caller]
    pub fn feed_text(
        &mut self,
        name: &str,
        len_bytes: u64,
    ) -> crate::Result<(FrameFeed<Text>, Stream<Text>)> {
        self.feed_frames(name, len_bytes)
    }

    /// As [`Graph::feed_text`], of bytes.
    ///
    /// # Errors
    /// There is no memory, or no descriptor, for the ring in between.
    #[track_caller]
    pub fn feed_bytes(
        &mut self,
        name: &str,
        len_bytes: u64,
    ) -> crate::Result<(FrameFeed<Bytes>, Stream<Bytes>)> {
        self.feed_frames(name, len_bytes)
    }

    #[track_caller]
    fn feed_frames<K: Framed>(
        &mut self,
        name: &str,
        len_bytes: u64,
    ) -> crate::Result<(FrameFeed<K>, Stream<K>)> {
        let (feed, blueprint) = closures::feed_frames(len_bytes, self.draft.life()?)
            .map_err(|error| Error::Environment(format!("the feed `{name}`: {error}")))?;
        let stream = self.source_of(name, native("feed", None, blueprint));
        Ok((feed, Stream::of(stream)))
    }

    #[track_caller]
    fn frames<K>(&mut self, name: &str, blueprint: Blueprint) -> Stream<K> {
        Stream::of(self.source_of(name, native("from_fn", None, blueprint)))
    }
}

impl<T: Item> Stream<T> {
    /// Gives the text `f(x)` for each item `x`.
    #[track_caller]
    pub fn to_text<S: AsRef<str>>(
        &self,
        name: &str,
        mut f: impl FnMut(T) -> S + 'static,
    ) -> Stream<Text> {
        let f = move |x| TextBytes(f(x));
        let work = native("to_text", Some(1), closures::to_frames(ItemType::Text, f));
        Stream::of(self.reader(name, work))
    }

    /// Gives the bytes `f(x)` for each item `x`.
    #[track_caller]
    pub fn to_bytes<B: AsRef<[u8]>>(
        &self,
        name: &str,
        f: impl FnMut(T) -> B + 'static,
    ) -> Stream<Bytes> {
        let work = native("to_bytes", Some(1), closures::to_frames(ItemType::Bytes, f));
        Stream::of(self.reader(name, work))
    }
}

/// A text as its bytes.
pub(crate) struct TextBytes<S>(pub(crate) S);

impl<S: AsRef<str>> AsRef<[u8]> for TextBytes<S> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_bytes()
    }
}

/// The methods of a stream of frames: what it holds, what a function of it sees, and what it fills.
macro_rules! streams_of_frames {
    ($kind:ident, $frame:ty, $buffer:ty) => {
        impl Stream<$kind> {
            /// Gives `f(x)` for each frame `x`.
            #[track_caller]
            pub fn map<G: AsRef<$frame>>(
                &self,
                name: &str,
                mut f: impl FnMut(&$frame) -> G + 'static,
            ) -> Stream<$kind> {
                self.framed(name, "map", (), move |(), x, output| {
                    output.give(bytes_of::<$frame>(f(x).as_ref()))
                })
            }

            /// Gives what `f(x, y)` appends to `y` for each frame `x`: no memory is allocated for it. `y`
            /// is empty to begin with.
            #[track_caller]
            pub fn map_into(
                &self,
                name: &str,
                mut f: impl FnMut(&$frame, &mut $buffer) + 'static,
            ) -> Stream<$kind> {
                let mut buffer = <$buffer>::new();
                self.framed(name, "map_into", (), move |(), x, output| {
                    buffer.clear();
                    f(x, &mut buffer);
                    output.give(buffer.as_ref())
                })
            }

            /// Keeps the frames for which `keep` is true.
            #[track_caller]
            pub fn filter(
                &self,
                name: &str,
                mut keep: impl FnMut(&$frame) -> bool + 'static,
            ) -> Stream<$kind> {
                self.framed(name, "filter", (), move |(), x, output| {
                    !keep(x) || output.give(bytes_of::<$frame>(x))
                })
            }

            /// Gives all frames of `f(x)` for each frame `x`. `f` must give the same frames for the same `x`: where
            /// they do not all fit, it is called again, and those already given are skipped.
            #[track_caller]
            pub fn flat_map<I>(
                &self,
                name: &str,
                mut f: impl FnMut(&$frame) -> I + 'static,
            ) -> Stream<$kind>
            where
                I: IntoIterator,
                I::Item: AsRef<$frame>,
            {
                self.framed(name, "flat_map", 0u64, move |given: &mut u64, x, output| {
                    for y in f(x).into_iter().skip(*given as usize) {
                        if !output.give(bytes_of::<$frame>(y.as_ref())) {
                            return false;
                        }
                        *given += 1;
                    }
                    *given = 0;
                    true
                })
            }

            /// Gives the frame `f(state, x)` for each frame `x`. The state starts as `init`, is committed
            /// together with the streams' positions, and so survives a kill.
            #[track_caller]
            pub fn scan<S: Pod, G: AsRef<$frame>>(
                &self,
                name: &str,
                init: S,
                mut f: impl FnMut(&mut S, &$frame) -> G + 'static,
            ) -> Stream<$kind> {
                self.framed(name, "scan", init, move |state: &mut S, x, output| {
                    // Where there is no room, the frame comes again, to the state it met before.
                    let mut next = *state;
                    let given = output.give(bytes_of::<$frame>(f(&mut next, x).as_ref()));
                    if given {
                        *state = next;
                    }
                    given
                })
            }

            /// Gives the item `f(x)` for each frame `x`.
            #[track_caller]
            pub fn items<U: Item>(
                &self,
                name: &str,
                mut f: impl FnMut(&$frame) -> U + 'static,
            ) -> Stream<U> {
                self.scan_items(name, (), move |(), x| f(x))
            }

            /// Gives the item in `f(x)` for each frame `x`, nothing where it is `None`.
            #[track_caller]
            pub fn filter_items<U: Item>(
                &self,
                name: &str,
                mut f: impl FnMut(&$frame) -> Option<U> + 'static,
            ) -> Stream<U> {
                self.to_items(name, "filter_items", (), move |(), x, output| {
                    let y = f(x);
                    let fits = y.is_none() || !output.is_full();
                    if let (true, Some(y)) = (fits, y) {
                        output.push(y);
                    }
                    fits
                })
            }

            /// Gives the item `f(state, x)` for each frame `x`, with a state as that of `scan`.
            #[track_caller]
            pub fn scan_items<S: Pod, U: Item>(
                &self,
                name: &str,
                init: S,
                mut f: impl FnMut(&mut S, &$frame) -> U + 'static,
            ) -> Stream<U> {
                self.to_items(name, "scan_items", init, move |state: &mut S, x, output| {
                    let fits = !output.is_full();
                    if fits {
                        output.push(f(state, x));
                    }
                    fits
                })
            }

            /// Parts the stream: the frames for which `is_first` is true, and the others.
            #[track_caller]
            pub fn split(
                &self,
                name: &str,
                mut is_first: impl FnMut(&$frame) -> bool + 'static,
            ) -> (Stream<$kind>, Stream<$kind>) {
                let ports =
                    ["yes", "no"].map(|port| OutPort::named(port, <$kind>::item_type(), None));
                let each = move |(): &mut (), x: &$frame, outputs: &mut [Output]| {
                    outputs[usize::from(!is_first(x))].give(bytes_of::<$frame>(x))
                };
                let blueprint = closures::frames::<$kind, (), _>((), ports.to_vec(), each);
                let parts = self.reader(name, native("split", None, blueprint));
                (Stream::of(parts.port("yes")), Stream::of(parts.port("no")))
            }

            /// Keeps all frames in memory for the program, which has them when the run is over: see
            /// [`Collected`](crate::stream::Collected).
            #[track_caller]
            pub fn collect(&self, name: &str) -> Collected<$kind> {
                self.kept_by(name, closures::collect_frames::<$kind>)
            }

            /// Leads the stream out of the graph, to this program: as [`queue`](Stream::<f64>::queue) of items, with
            /// `len_bytes` of memory in between, at least twice the longest frame. The [`FrameQueue`] is an iterator
            /// for another thread.
            ///
            /// # Errors
            /// There is no memory, or no descriptor, for the ring in between.
            #[track_caller]
            pub fn queue(
                &self,
                name: &str,
                len_bytes: u64,
            ) -> crate::Result<(FrameQueue<$kind>, Sink)> {
                let (queue, blueprint) =
                    closures::queue_frames(len_bytes, self.handle().draft.life()?).map_err(
                        |error| Error::Environment(format!("the queue `{name}`: {error}")),
                    )?;
                let handle = self.reader(name, native("queue", None, blueprint));
                Ok((queue, Sink::new(handle)))
            }

            /// Calls `f(x)` for each frame `x`. What it does outside the graph is done at least once.
            #[track_caller]
            pub fn sink(&self, name: &str, mut f: impl FnMut(&$frame) + 'static) -> Sink {
                let each = move |(): &mut (), x: &$frame, _: &mut [Output]| {
                    f(x);
                    true
                };
                let sink = closures::frames::<$kind, (), _>((), Vec::new(), each);
                let blueprint = closures::until_unread(sink);
                Sink::new(self.reader(name, native("sink", None, blueprint)))
            }

            /// How many bytes the stream holds: at least twice its longest frame.
            pub fn capacity(&self, len_bytes: u64) -> Stream<$kind> {
                let capacity = At::nowhere(Capacity::Bytes(len_bytes));
                self.handle()
                    .edit_stream(|stream| stream.capacity = Some(capacity));
                self.clone()
            }

            /// What happens when the stream is full, instead of waiting: `Overflow::DropNewest`.
            pub fn overflow(&self, overflow: Overflow) -> Stream<$kind> {
                let overflow = At::nowhere(overflow);
                self.handle()
                    .edit_stream(|stream| stream.overflow = overflow);
                self.clone()
            }

            #[track_caller]
            fn framed<S: Pod>(
                &self,
                name: &str,
                kind: &'static str,
                init: S,
                mut f: impl FnMut(&mut S, &$frame, &mut Output) -> bool + 'static,
            ) -> Stream<$kind> {
                let output = OutPort::new(<$kind>::item_type(), None);
                let each = move |state: &mut S, x: &$frame, outputs: &mut [Output]| {
                    f(state, x, &mut outputs[0])
                };
                let blueprint = closures::frames::<$kind, S, _>(init, vec![output], each);
                Stream::of(self.reader(name, native(kind, None, blueprint)))
            }

            #[track_caller]
            fn to_items<S: Pod, U: Item>(
                &self,
                name: &str,
                kind: &'static str,
                init: S,
                mut f: impl FnMut(&mut S, &$frame, &mut Output) -> bool + 'static,
            ) -> Stream<U> {
                let output = OutPort::new(U::item_type(), None);
                let each = move |state: &mut S, x: &$frame, outputs: &mut [Output]| {
                    f(state, x, &mut outputs[0])
                };
                let blueprint = closures::frames::<$kind, S, _>(init, vec![output], each);
                Stream::of(self.reader(name, native(kind, None, blueprint)))
            }
        }
    };
}

streams_of_frames!(Text, str, String);
streams_of_frames!(Bytes, [u8], Vec<u8>);

fn bytes_of<F: AsRef<[u8]> + ?Sized>(frame: &F) -> &[u8] {
    frame.as_ref()
}
