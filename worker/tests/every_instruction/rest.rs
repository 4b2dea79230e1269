//! Peers at rest: every machine instruction of every step of a whole run, in each of the five workers.
//!
//! One worker steps, traced; the others stand still. A kill leaves nothing but the segment and the
//! files, so after each instruction that changed them the worker is taken for killed there: a child
//! lets the peers act until they can do no more, seats a successor, and runs all to the end. Then
//! everything is made as it was, and the traced worker does its next instruction.

use thalweg_worker::subgraph::{Step, Subgraph};

use crate::Tally;
use crate::bed::{Bed, NAMES, WORKERS, settle};
use crate::processes::{child, traced};

/// How a child that finishes a run leaves.
const WELL: i32 = 0;
const NEVER_ENDS: i32 = 2;
const UNPUBLISHED: i32 = 3;

/// Which process of the worker is killed.
#[derive(Clone, Copy, Debug)]
enum Killed {
    /// One that has been stepping.
    Running,
    /// One that has just taken over: seating, publishing again, its first step.
    Successor,
}

/// Tries every `stride`-th change; ends at the first wrong result if `first` is enough.
pub fn at_rest(stride: u64, first: bool) -> Tally {
    let bed = Bed::new();
    let mut workers: Vec<Subgraph> = (0..WORKERS).map(|w| bed.worker(w)).collect();
    let mut tally = Tally::default();
    for round in 0.. {
        for (victim, name) in NAMES.into_iter().enumerate() {
            for killed in [Killed::Running, Killed::Successor] {
                let label = format!("round {round}, {name} ({killed:?})");
                excursion(
                    &bed,
                    &mut workers,
                    victim,
                    killed,
                    stride,
                    &label,
                    &mut tally,
                );
                if first && tally.wrong > 0 {
                    return tally;
                }
            }
        }
        if go_on(&mut workers, round) {
            break;
        }
    }
    bed.verdict().expect("a run without kills");
    tally
}

/// The next state to try from: the source fills its ring, one sink is slower than the other. True at
/// the end of the run.
fn go_on(workers: &mut [Subgraph], round: u64) -> bool {
    let mut done = true;
    for (w, worker) in workers.iter_mut().enumerate() {
        let steps = match w {
            0 => 3,
            3 => round % 2 * 2,
            _ => 1,
        };
        for _ in 0..steps {
            worker.step().expect("a run without kills");
        }
        done &= steps > 0 && worker.step().expect("a run without kills") == Step::Done;
    }
    done
}

/// Steps one worker through two steps, from the state in which all stand, and leaves them there.
fn excursion(
    bed: &Bed,
    workers: &mut [Subgraph],
    victim: usize,
    killed: Killed,
    stride: u64,
    label: &str,
    tally: &mut Tally,
) {
    let before = bed.save();
    let mut traced = traced(
        || (),
        |()| match killed {
            Killed::Running => {
                workers[victim].step().expect("no kill yet");
                workers[victim].step().expect("no kill yet");
            }
            Killed::Successor => {
                bed.worker(victim).step().expect("no kill yet");
            }
        },
    );
    let mut last = bed.save();
    let mut instruction = 0;
    while traced.step() {
        instruction += 1;
        if bed.is(&last) {
            continue;
        }
        last = bed.save();
        tally.changes += 1;
        if tally.changes.is_multiple_of(stride) {
            let outcome = finish(bed, workers, victim);
            tally.note(outcome, || format!("{label}, instruction {instruction}"));
            bed.restore(&last);
        }
    }
    tally.instructions += instruction;
    bed.restore(&before);
}

/// The victim is gone: peers act, a successor takes over, all go on to the end.
fn finish(bed: &Bed, workers: &mut [Subgraph], victim: usize) -> Result<(), String> {
    let finisher = child(|| {
        if settle(workers, |w| w != victim).is_none() {
            return NEVER_ENDS;
        }
        workers[victim] = bed.worker(victim);
        if !bed.is_published(victim) {
            return UNPUBLISHED;
        }
        match settle(workers, |_| true) {
            Some(true) => WELL,
            _ => NEVER_ENDS,
        }
    });
    match finisher.code() {
        Some(WELL) => bed.verdict(),
        Some(NEVER_ENDS) => Err("an agent failed, or the run does not end".to_owned()),
        Some(UNPUBLISHED) => Err("a successor left committed items unpublished".to_owned()),
        _ => Err("a worker panicked or crashed".to_owned()),
    }
}
