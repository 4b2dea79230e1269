//! Streams of texts and of bytes joined and parted as streams of items are.

use thalweg_worker::closures;

use super::{Bytes, Text};
use crate::ops::op;
use crate::stream::{Stream, native};

macro_rules! joins {
    ($kind:ident, $frame:ty) => {
        impl Stream<$kind> {
            /// Frames of this stream and of others in the order they arrive: not deterministic.
            #[track_caller]
            pub fn merge<'a>(
                &self,
                name: &str,
                others: impl IntoIterator<Item = &'a Stream<$kind>>,
            ) -> Stream<$kind> {
                self.joined(name, "merge", others)
            }

            /// A frame of this stream, one of each of the others, and so on by turns; ends with the first that
            /// has none when it is its turn.
            #[track_caller]
            pub fn weave<'a>(
                &self,
                name: &str,
                others: impl IntoIterator<Item = &'a Stream<$kind>>,
            ) -> Stream<$kind> {
                self.joined(name, "weave", others)
            }

            /// This stream to its end, then the others, one after the other.
            #[track_caller]
            pub fn concat<'a>(
                &self,
                name: &str,
                others: impl IntoIterator<Item = &'a Stream<$kind>>,
            ) -> Stream<$kind> {
                self.joined(name, "concat", others)
            }

            /// The frames that differ from the one before, and the first.
            #[track_caller]
            pub fn changes(&self, name: &str) -> Stream<$kind> {
                self.apply(name, op("changes"))
            }

            /// The frames beside which `flags` is not 0.
            #[track_caller]
            pub fn gate(&self, name: &str, flags: &Stream<u8>) -> Stream<$kind> {
                self.apply(name, op("gate").with(flags))
            }

            /// Parts the stream into `ports` streams: each frame goes to the one `port` names, counted from 0. Another
            /// number ends the run with an error that names the frame.
            #[track_caller]
            pub fn route(
                &self,
                name: &str,
                ports: usize,
                port: impl FnMut(&$frame) -> usize + 'static,
            ) -> Vec<Stream<$kind>> {
                let work = native(
                    "route",
                    None,
                    closures::route_frames::<$kind, _>(ports, port),
                );
                let parts = self.reader(name, work);
                let stream = |n: usize| Stream::of(parts.port(&n.to_string()));
                (0..ports).map(stream).collect()
            }
        }
    };
}

joins! { Text, str }
joins! { Bytes, [u8] }
