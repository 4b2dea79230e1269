//! A ring between two processes on two cores, and a word's way there and back.

use std::io;
use std::time::Duration;

use thalweg_ringbuf::measure::Cores;

use super::{Better, Effort, Figure, MILLIONS, Reference, millions};

const STEPS: [usize; 5] = [1, 8, 64, 512, 4096];

/// Throughput, in steps of several lengths. In a process that does nothing else.
///
/// # Errors
/// No memory, no process, or a core that is not to be had.
pub fn throughput(cores: Cores, effort: Effort) -> io::Result<Vec<Figure>> {
    let steps = STEPS.iter();
    steps.map(|&step| of_step(cores, effort, step)).collect()
}

fn of_step(cores: Cores, effort: Effort, step: usize) -> io::Result<Figure> {
    let source: Vec<f64> = (0..step).map(|n| n as f64).collect();
    let items = effort.amount(4096, |items| cores.ring_by_hand(&source, items))?;
    let rate = |time: Duration| millions(items, time);
    let (ours, samples) = effort.in_turn(
        || cores.ring(&source, items).map(rate),
        || cores.ring_by_hand(&source, items).map(rate),
    )?;
    Ok(Figure {
        group: "ring".to_owned(),
        name: format!("f64, steps of {step}"),
        unit: MILLIONS.to_owned(),
        better: Better::More,
        ours,
        reference: Some(Reference {
            name: "loop by hand".to_owned(),
            samples,
        }),
    })
}

/// One way of one word. In a process that does nothing else.
///
/// # Errors
/// As [`throughput`].
pub fn latency(cores: Cores, effort: Effort) -> io::Result<Vec<Figure>> {
    let bounces = effort.amount(256, |bounces| cores.ping_pong_by_hand(bounces))?;
    let one_way = |time| one_way_ns(time, bounces);
    let (ours, samples) = effort.in_turn(
        || cores.ping_pong(bounces).map(one_way),
        || cores.ping_pong_by_hand(bounces).map(one_way),
    )?;
    Ok(vec![Figure {
        group: "latency".to_owned(),
        name: "one u64, one way, spinning".to_owned(),
        unit: "ns".to_owned(),
        better: Better::Less,
        ours,
        reference: Some(Reference {
            name: "bare cache line".to_owned(),
            samples,
        }),
    }])
}

/// Half of a bounce.
pub fn one_way_ns(time: Duration, bounces: u64) -> f64 {
    time.as_secs_f64() * 1e9 / (2 * bounces) as f64
}
