//! Single-producer rings in shared memory: bytes, positions, and named segments.
//!
//! A ring carries items of one fixed size, any [`bytemuck::Pod`] type, or length-prefixed frames,
//! from one producer to any number of readers in any processes of one user. Readers are lossless
//! (the producer waits for the slowest) or taps (which hold nobody back, and count what they
//! missed). There is no lock in it: a process killed at any instruction hangs nobody.
//!
//! Alone, begin at [`SharedRing`]: its example is a whole program. Positions, edges and bytes are
//! drawn in `docs/memory-layout.md`.
//!
//! Two layers: the untyped one ([`Ring`], [`RawProducer`], [`RawConsumer`], [`RawTap`]) for engines
//! that keep positions themselves and commit them as they see fit, and a typed, safe one on top.

#[cfg(not(loom))]
mod shared;

#[cfg(not(loom))]
mod producer;

#[cfg(not(loom))]
mod consumer;

#[cfg(not(loom))]
mod tap;

#[cfg(not(loom))]
mod frames;

#[cfg(not(loom))]
mod mapped;

mod ring;

mod raw;

mod wait;

mod layout;

#[cfg(not(loom))]
mod segment;

#[cfg(not(loom))]
mod mirror;

mod barrier;

mod sync;

#[cfg(not(loom))]
pub mod measure;

#[cfg(all(test, loom))]
mod models;

pub use barrier::{Fencing, enroll};
#[cfg(not(loom))]
pub use consumer::{Consumer, Items};
#[cfg(not(loom))]
pub use frames::{
    FRAME_PREFIX_LEN_BYTES, FrameConsumer, FrameError, FrameProducer, FrameTap, Frames,
    frame_len_bytes, payload_len_bytes_max, write_frame,
};
pub use layout::{
    FRAMES_NAME, Geometry, ITEM_ALIGN_MAX, ITEM_LEN_BYTES_MAX, ITEM_NAME_LEN_BYTES, ItemName,
    LAYOUT_VERSION, LayoutError, Mode, PAGE_LEN_BYTES, READERS_MAX, RingSpec, item_name_of,
};
#[cfg(not(loom))]
pub use mapped::{MappedRing, OpenError};
#[cfg(not(loom))]
pub use mirror::Mirror;
#[cfg(not(loom))]
pub use producer::{Producer, PushError};
pub use raw::{AHEAD_LEN_BYTES, Available, RawConsumer, RawProducer, RawTap, Resync};
pub use ring::{JoinError, Ring, RingCorrupt};
#[cfg(not(loom))]
pub use segment::{Access, Segment, SegmentError, free_bytes, privately};
#[cfg(not(loom))]
pub use shared::{EndError, SharedRing};
#[cfg(not(loom))]
pub use tap::Tap;
pub use wait::{Bell, Idle, IdleStep, IdleStrategy, Woken};
