//! Agents around ordinary functions: a function that ends becomes an agent that never does.
//!
//! Each function here makes a [`Blueprint`](crate::agent::Blueprint) from a closure, typed by the closure's own types. The
//! closure crosses into its worker by fork: nothing is serialised, whatever it captured goes along.
//!
//! # Which closures survive a kill
//!
//! A step that was cut off is made again, so a closure may see the same items twice. It gives the
//! same bytes if its result depends on its arguments alone. What it keeps between calls in captured
//! variables dies with its worker, and after a repeated step it is wrong even without that: such
//! state belongs to the engine, which commits it together with the positions ([`scan`],
//! [`filter_map`], [`zip_scan`], [`sink`] take it as their first argument; with `_kept` it is of any
//! kind that [`Kept`] makes: a value, a table, or encoded). What only saves time (a
//! table, a buffer, a planned transform) is safe in captured variables.

mod keep;

mod map;
mod map_slice;

mod ends;
mod filter;
mod flat_map;

mod frame_rows;
mod frames;

mod moving;
mod window;

mod by_row;
mod cells;
mod rows;

mod join;
mod merge;
mod weave;
mod zip;

mod timed;

mod split;

mod trigger;

mod collect;
mod live;
mod live_frames;
mod sink;
mod source;
mod unread;

pub use keep::{Keep, Kept, Tabled, Value};

pub use frame_rows::{EachFrame, frames_of_rows, route_frames};
pub use frames::{Framed, frames, frames_from, to_frames};
pub use map::{map, scan, scan_kept};
pub use map_slice::map_slice;

pub use ends::{prepend, take_while};
pub use filter::{filter, filter_map, filter_map_kept};
pub use flat_map::flat_map;

pub use moving::{Growth, NoGrowth, dynamic, running, striding, striding_to_the_end};
pub use window::window;

pub use by_row::{flat_map_rows, give_rows, map_rows, scatter_rows};
pub use cells::{Cell, Cells, Room};
pub use rows::{Column, Each, NoWindow, Rows, Windows, WindowsView};

pub use join::join;
pub use merge::merge_map;
pub use weave::{concat, weave};
pub use zip::{zip, zip_scan, zip_scan_kept, zip3};
pub(crate) use {
    join::pairing,
    weave::{Concat, Turns},
};

pub use timed::{TimedEach, TimedRow, timed_mix, timed_window, timed_window_frames, timed_zip};

pub use split::{route, split, unzip};

pub use trigger::{drain, gate, release, release_counted, sample};

pub use collect::{collect, collect_frames, collected, collected_frames};
pub use live::{Feed, NoRing, Over, Queue, feed, queue};
pub use live_frames::{FrameFeed, FrameQueue, NotFed, feed_frames, queue_frames};
pub use sink::{sink, sink_kept};
pub use unread::until_unread;

pub use source::{every, from_fn, from_iter, unfold, unfold_kept};

#[cfg(test)]
mod judge {
    use bytemuck::Pod;

    use super::Framed;
    use crate::agent::{AgentError, Blueprint, text_of};
    use crate::testing::{Chunks, run};
    use crate::types::ItemType;

    /// The texts of a stream.
    pub enum Text {}

    impl Framed for Text {
        type Frame = str;

        fn item_type() -> ItemType {
            ItemType::Text
        }

        fn frame(bytes: &[u8]) -> Result<&str, AgentError> {
            text_of(bytes)
        }
    }

    /// Demands `expected` under every chunking, with calls thrown away and made again.
    pub fn check(make: impl Fn() -> Blueprint, inputs: &[Vec<u8>], expected: &[Vec<u8>]) {
        let random = (0..40).map(Chunks::Random);
        for chunks in [Chunks::Whole, Chunks::Single].into_iter().chain(random) {
            let outputs = run(make(), inputs, chunks, usize::MAX).unwrap();
            assert_eq!(outputs, expected, "{chunks:?}");
        }
    }

    /// The bytes of a stream of these items.
    pub fn stream<T: Pod>(items: impl IntoIterator<Item = T>) -> Vec<u8> {
        bytemuck::cast_slice(&items.into_iter().collect::<Vec<T>>()).to_vec()
    }
}
