//! Agents, streams and operators: one subgraph on one core.
//!
//! This crate knows no other process. A port is a port, on a local buffer or on a ring, and a worker
//! alone is a complete one-core stream engine.

pub mod agent;
pub mod closures;
pub mod connectors;
pub mod op;
pub mod operators;
pub mod testing;
pub mod types;
