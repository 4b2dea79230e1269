//! Thalweg: graphs of agents joined by streams, across pinned worker processes.

pub mod decl;
pub mod diag;
pub mod resolved;

pub mod overflow;

pub mod plan;

pub use thalweg_ringbuf as ringbuf;
pub use thalweg_worker as worker;
