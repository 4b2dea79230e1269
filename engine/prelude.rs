//! What a program that makes graphs needs: `use thalweg::prelude::*;`.

pub use crate::bytemuck::{Pod, Zeroable};
pub use crate::decl::{Core, OnError, Overflow};
pub use crate::graph::{Graph, Hosted};
pub use crate::ops::{self, every, from_fn, from_iter, op, unfold};
pub use crate::rows::zip;
pub use crate::start::Running;
pub use crate::stream::{Collected, Sink, Stream};
pub use crate::text::{Bytes, Text};
pub use crate::timed::timed_zip;
pub use crate::worker::agent::Table;
pub use crate::worker::closures::{Feed, FrameFeed, FrameQueue, Growth, Queue};
pub use crate::worker::recent::Recent;
pub use crate::worker::types::{Complex, Item, Timed};
