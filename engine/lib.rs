//! Thalweg: graphs of agents joined by streams, across pinned worker processes.

pub mod decl;
pub mod diag;
pub mod resolved;

pub use thalweg_ringbuf as ringbuf;
pub use thalweg_worker as worker;
