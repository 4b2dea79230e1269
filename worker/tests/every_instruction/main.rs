//! Killed at every machine instruction: no item is lost, doubled or changed.
//!
//! Random kills rarely hit the few instructions around a commit. Here a worker is stepped instruction by
//! instruction (ptrace) and taken for dead, or killed, after each; salted agents make sure that a redo
//! never repeats what was done before. Two ways: peers at rest ([`rest`]) and peers live ([`live`]).
//!
//! What is judged is optimised code, whose stores are ordered otherwise than plain code's, and which has
//! a tenth of its instructions: a debug build tries nothing unless told to. With peers at rest every
//! point is tried; with peers live one in a thousand (`THALWEG_STRIDE=1` tries all: hours):
//!
//! ```text
//! cargo test --release -p thalweg-worker --test every_instruction --features seeded-defects
//! ```
//!
//! With the feature `seeded-defects` the judge is judged: with each defect in turn it must find wrong
//! results.
//!
//! Forking and tracing need a process with one thread, so this file has its own `main`.

mod agents;
mod bed;
mod live;
mod processes;
mod rest;

use std::num::NonZero;
use std::time::Instant;

/// What came of trying points.
#[derive(Default)]
pub struct Tally {
    /// Machine instructions that were stepped.
    pub instructions: u64,
    /// After how many of them the segment or a file was another.
    pub changes: u64,
    /// Points at which the worker was taken for dead, or killed.
    pub tried: u64,
    /// Of these, how many led to a wrong result.
    pub wrong: u64,
    /// The first of them.
    pub first_wrong: Option<String>,
}

impl Tally {
    /// One more point was tried.
    pub fn note(&mut self, outcome: Result<(), String>, place: impl FnOnce() -> String) {
        self.tried += 1;
        if let Err(what) = outcome {
            self.wrong += 1;
            self.first_wrong
                .get_or_insert_with(|| format!("{}: {what}", place()));
        }
    }
}

fn main() {
    processes::stay_on_one_core();
    let stride = std::env::var("THALWEG_STRIDE").ok();
    let stride = stride.map(|s| s.parse::<NonZero<u64>>());
    let stride = stride.map(|s| s.expect("THALWEG_STRIDE is a number from 1 on").get());
    if cfg!(debug_assertions) && stride.is_none() {
        println!("killed at every instruction: nothing tried in a debug build, see --release");
        return;
    }
    let rest_stride = stride.unwrap_or(REST_STRIDE);
    let live_stride = stride.unwrap_or(LIVE_STRIDE);
    report("peers at rest", || rest::at_rest(rest_stride, false));
    report("peers live", || live::live(live_stride));
    #[cfg(feature = "seeded-defects")]
    every_seeded_defect_is_found(rest_stride);
}

/// Of the instructions that changed the segment or a file, every so many-th.
const REST_STRIDE: u64 = 1;
/// Of all instructions, every so many-th: each point is stepped to from the start.
const LIVE_STRIDE: u64 = 997;

/// Nothing wrong may be found.
fn report(name: &str, run: impl FnOnce() -> Tally) {
    let (tally, seconds) = timed(run);
    println!(
        "killed at every instruction, {name}: {} instructions, {} points tried, {} wrong, {seconds:.1} s",
        tally.instructions, tally.tried, tally.wrong
    );
    assert_ne!(tally.tried, 0, "no point was tried");
    assert_eq!(tally.first_wrong, None);
}

/// Something wrong must be found.
#[cfg(feature = "seeded-defects")]
fn every_seeded_defect_is_found(stride: u64) {
    use thalweg_worker::defects::{Defect, seed};
    for defect in Defect::ALL {
        seed(Some(defect));
        let (tally, seconds) = timed(|| rest::at_rest(stride, true));
        seed(None);
        let found = tally.first_wrong.as_deref().unwrap_or("nothing");
        let tried = tally.tried;
        println!("{defect:?}: {tried} points tried, {seconds:.1} s, found: {found}");
        assert_ne!(tally.wrong, 0, "{defect:?} went unnoticed");
    }
}

fn timed(run: impl FnOnce() -> Tally) -> (Tally, f64) {
    let start = Instant::now();
    let tally = run();
    (tally, start.elapsed().as_secs_f64())
}
