//! Thalweg: graphs of agents joined by streams, across pinned worker processes.

pub mod prelude;

pub mod graph;
pub mod ops;
pub mod stream;
pub mod text;
pub mod trigger;

mod arithmetic;
pub use arithmetic::Comparand;
mod joins;
pub mod rows;
pub mod timed;

pub mod decl;
pub mod diag;

mod keys;

pub mod file;
mod include;
pub mod oneline;
pub mod sets;

pub mod compose;

pub mod resolve;
pub mod resolved;

pub mod overflow;
pub mod tags;

pub mod topology;

mod place;
pub mod plan;

pub mod draw;
mod header;
mod latch;
pub mod schema;
pub mod shape;
pub mod wire;

pub mod door;
pub mod recipe;
pub mod record;
pub mod runs;
pub mod snapshot;

pub mod numa;
pub mod rights;
pub mod spawn;
pub mod warden;

pub mod supervise;

pub mod autopsy;
pub mod poison;

pub mod chaos;

pub mod dry;
mod knots;
pub mod leave;
pub mod positions;
pub mod report;
pub mod stall;

pub mod live;
pub mod verify;

pub mod run;

pub mod bench;
pub mod doctor;
pub mod host;

pub mod cli;

mod program;
pub mod start;

pub use program::{Error, Result, cli};

/// For item and state types of one's own: `#[derive(Pod, Zeroable)]` with `#[bytemuck(crate = "thalweg::bytemuck")]`.
pub use bytemuck;
pub use thalweg_ringbuf as ringbuf;
pub use thalweg_worker as worker;
