//! Agents, streams and operators: one subgraph on one core.
//!
//! This crate knows no other process. A port is a port, on a local buffer or on a ring, and a worker
//! alone is a complete one-core stream engine.

#[macro_use]
mod simd;

pub mod types;

pub mod units;

pub mod timed;

pub mod recent;

pub mod agent;

pub mod tags;

pub mod state;

pub mod encoded;

pub mod op;

pub mod expr;
pub mod operators;

pub mod design;

pub mod connectors;

pub mod closures;

pub mod subgraph;

pub mod duty;
pub mod hail;

pub mod rest;

pub mod dry;

pub mod dials;

pub mod control;

pub mod defects;

pub mod clock;

pub mod pin;

pub mod testing;

pub mod measure;

mod ranks;
mod sliding;
mod wide;
