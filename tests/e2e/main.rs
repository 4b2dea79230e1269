//! End to end, through the binary: what a run promises to whoever starts it.
//!
//! Every test has a run directory of its own and looks, when it is over, that no process, no segment
//! and no run file is left of it.

mod site;
mod tracer;

mod chaos;
mod deaths;
mod dry;
mod every_call;
mod every_row;
mod exit_codes;
mod follow;
mod frames;
mod hostile;
mod kills;
mod knots;
mod loop_ends;
mod lossy;
mod recordings;
mod remarks;
mod resume;
mod runs;
mod same_bytes;
mod set;
mod snapshot;
mod sockets;
mod surroundings;
mod tables;
mod tags;
