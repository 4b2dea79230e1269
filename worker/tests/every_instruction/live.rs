//! Peers live: five processes at work, one of them killed for real after k machine instructions.
//!
//! The victim runs free up to a commit, then instruction by instruction, then SIGKILL. Its peers go on
//! meanwhile as the scheduler lets them: rings fill and drain, bells ring, peers sleep. A successor
//! starts when the kernel has reaped it, and all must end with the right files.

use std::time::Duration;

use thalweg_worker::duty::{self, Ended, Orders, Patience};
use thalweg_worker::rest::Rest;
use thalweg_worker::subgraph::{Step, Subgraph};

use crate::Tally;
use crate::bed::{Bed, NAMES, WORKERS};
use crate::processes::{Child, child, leave_the_core, traced};

/// From which commits on: early, and near the end.
const COMMITS: [u64; 2] = [1, 4];
/// Stepped through until so many more are made.
const SPAN: u64 = 2;
/// Longer than peers need to come to rest while their victim is dead.
const DEATH: Duration = Duration::from_micros(300);
/// A worker that is not done by then hangs.
const LONGEST_S: u32 = 60;

struct NoOrders;

impl Orders for NoOrders {
    fn stop(&self) -> bool {
        false
    }
}

/// Kills each worker after every `stride`-th instruction.
pub fn live(stride: u64) -> Tally {
    let mut tally = Tally::default();
    for (victim, name) in NAMES.into_iter().enumerate() {
        for commit in COMMITS {
            for instruction in (0..).step_by(stride as usize) {
                let Some(outcome) = try_point(victim, commit, instruction) else {
                    break;
                };
                tally.instructions += instruction;
                tally.note(outcome, || {
                    format!("live, {name} from commit {commit}, instruction {instruction}")
                });
            }
        }
    }
    tally
}

/// `None` once the victim came past the commits to be tried.
fn try_point(victim: usize, commit: u64, instruction: u64) -> Option<Result<(), String>> {
    let bed = Bed::new();
    let peers: Vec<Child> = (0..WORKERS)
        .filter(|&w| w != victim)
        .map(|w| child(|| work(&bed, w)))
        .collect();
    let mut traced = traced(
        || run_to(bed.worker(victim), commit),
        |mut worker| {
            cycle(&bed, victim, &mut worker);
        },
    );
    for _ in 0..instruction {
        if !traced.step() {
            return None;
        }
    }
    let past = bed.version(victim) >= commit + SPAN;
    traced.kill();
    std::thread::sleep(DEATH);
    let successor = child(|| work(&bed, victim));
    let all = peers.into_iter().chain([successor]);
    let well = all
        .map(|child| child.code() == Some(0))
        .fold(true, |a, b| a & b);
    let outcome = if well {
        bed.verdict()
    } else {
        Err("a worker hangs, panicked or crashed".to_owned())
    };
    (!past).then_some(outcome)
}

/// Steps until so many commits are made.
fn run_to(mut worker: Subgraph, commit: u64) -> Subgraph {
    while worker.version() < commit && worker.step().expect("no kill yet") != Step::Done {
        worker.is_ready();
        std::thread::yield_now();
    }
    worker
}

/// A worker that nobody traces, to its end. Leaves with 0 if all is well.
fn work(bed: &Bed, w: usize) -> i32 {
    leave_the_core();
    // A hang ends as a death by SIGALRM, which the parent sees.
    nix::unistd::alarm::set(LONGEST_S);
    i32::from(!cycle(bed, w, &mut bed.worker(w)))
}

fn cycle(bed: &Bed, w: usize, worker: &mut Subgraph) -> bool {
    let rest = Rest::new();
    let ended = duty::run(worker, bed.bell(w), &rest, Patience::SLEEP, &mut NoOrders);
    ended == Ok(Ended::Done)
}
