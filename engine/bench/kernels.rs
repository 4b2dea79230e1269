//! Operators on items that lie in the cache, without streams around them, beside the plain loop for the same.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use thalweg_worker::measure::{Caller, ITEMS};
use thalweg_worker::op::Value;
use thalweg_worker::operators;

use super::{Better, Effort, Figure, MILLIONS, Reference, millions};

/// An operator with its inputs' types and parameters, and what a plain loop does to a block of items.
struct Case {
    op: &'static str,
    words: &'static str,
    inputs: &'static [&'static str],
    params: Vec<(&'static str, Value)>,
    plain: fn(&mut Blocks),
}

/// Memory for a plain loop: two inputs with some items before them, and an output.
struct Blocks {
    a: Vec<f64>,
    b: Vec<f64>,
    y: Vec<f64>,
    at: u64,
    memory: [[f64; 2]; 2],
}

const TAPS: usize = 64;

/// A figure for each. In a process that does nothing else.
///
/// # Errors
/// An operator that does not take what it is given.
pub fn kernels(effort: Effort) -> io::Result<Vec<Figure>> {
    cases().iter().map(|case| of_case(case, effort)).collect()
}

fn cases() -> Vec<Case> {
    let case = |op, words, inputs, params, plain| Case {
        op,
        words,
        inputs,
        params,
        plain,
    };
    let taps = vec![1.0 / TAPS as f64; TAPS];
    vec![
        case("counter", "", &[], vec![], plain_counter),
        case("copy", "", &["f64"], vec![], plain_copy),
        case(
            "map",
            "2 * x + 1",
            &["f64"],
            vec![("expr", "2 * x + 1".into())],
            plain_map,
        ),
        case(
            "zip",
            "a * b",
            &["f64", "f64"],
            vec![("expr", "a * b".into())],
            plain_zip,
        ),
        case(
            "filter",
            "abs(x) > 0.5",
            &["f64"],
            vec![("expr", "abs(x) > 0.5".into())],
            plain_filter,
        ),
        case(
            "sine",
            "",
            &[],
            vec![("freq", 440.into()), ("rate", 48000.into())],
            plain_sine,
        ),
        case(
            "fir",
            "64 taps",
            &["f64"],
            vec![("taps", taps.into())],
            plain_fir,
        ),
        case(
            "iir.lowpass",
            "order 4",
            &["f64"],
            vec![("cutoff", 1000.into()), ("order", 4.into())],
            plain_sections,
        ),
        case(
            "window",
            "mean of 64",
            &["f64"],
            vec![("size", TAPS.into()), ("fn", "mean".into())],
            plain_mean,
        ),
    ]
}

fn of_case(case: &Case, effort: Effort) -> io::Result<Figure> {
    let missing = || io::Error::other(format!("no operator `{}`", case.op));
    let op = operators::find(case.op).ok_or_else(missing)?;
    let dtype = case.inputs.is_empty().then_some("f64");
    let caller = Caller::new(op, case.inputs, &case.params, dtype);
    let mut caller = caller.map_err(|e| io::Error::other(format!("{}: {}", case.op, e.message)))?;
    let mut ours = |calls| {
        timed(calls, || {
            caller.call().map_err(|e| io::Error::other(e.message))
        })
    };
    let calls = effort.amount(8, |calls| Ok(ours(calls)?.1))?;
    let mut blocks = Blocks::new();
    let mut plain = |calls| {
        timed(calls, || {
            (case.plain)(&mut blocks);
            black_box(&mut blocks.y);
            Ok(ITEMS as u64)
        })
    };
    // As long, not as many: a plain loop may be much slower.
    let plain_calls = effort.amount(8, |calls| Ok(plain(calls)?.1))?;
    let rate = |(items, time)| millions(items, time);
    let (ours, samples) =
        effort.in_turn(|| ours(calls).map(rate), || plain(plain_calls).map(rate))?;
    Ok(Figure {
        group: "kernels".to_owned(),
        name: format!("{} {}", case.op, case.words).trim_end().to_owned(),
        unit: MILLIONS.to_owned(),
        better: Better::More,
        ours,
        reference: Some(Reference {
            name: "plain loop".to_owned(),
            samples,
        }),
    })
}

/// Items that so many calls moved, and the time they took.
fn timed(calls: u64, mut call: impl FnMut() -> io::Result<u64>) -> io::Result<(u64, Duration)> {
    let start = Instant::now();
    let mut items = 0;
    for _ in 0..calls {
        items += call()?;
    }
    Ok((items, start.elapsed()))
}

impl Blocks {
    fn new() -> Blocks {
        let noise = |seed: u64| {
            let draw = |n: u64| {
                let bits = (n + seed).wrapping_mul(6_364_136_223_846_793_005) >> 11;
                bits as f64 / (1u64 << 52) as f64 - 1.0
            };
            (0..(TAPS - 1 + ITEMS) as u64).map(draw).collect()
        };
        Blocks {
            a: noise(1),
            b: noise(2),
            y: vec![0.0; ITEMS],
            at: 0,
            memory: [[0.0; 2]; 2],
        }
    }

    fn x(&self) -> &[f64] {
        black_box(&self.a[TAPS - 1..])
    }
}

fn plain_counter(blocks: &mut Blocks) {
    for (n, y) in blocks.y.iter_mut().enumerate() {
        *y = (blocks.at + n as u64) as f64;
    }
    blocks.at += ITEMS as u64;
}

fn plain_copy(blocks: &mut Blocks) {
    let x = black_box(&blocks.a[TAPS - 1..]);
    blocks.y.copy_from_slice(x);
}

fn plain_map(blocks: &mut Blocks) {
    let x = black_box(&blocks.a[TAPS - 1..]);
    for (y, x) in blocks.y.iter_mut().zip(x) {
        *y = 2.0 * x + 1.0;
    }
}

fn plain_zip(blocks: &mut Blocks) {
    let (a, b) = (black_box(&blocks.a[TAPS - 1..]), black_box(&blocks.b));
    for (y, (a, b)) in blocks.y.iter_mut().zip(a.iter().zip(b)) {
        *y = a * b;
    }
}

fn plain_filter(blocks: &mut Blocks) {
    let mut kept = std::mem::take(&mut blocks.y);
    kept.clear();
    kept.extend(blocks.x().iter().filter(|x| x.abs() > 0.5));
    blocks.y = kept;
}

fn plain_sine(blocks: &mut Blocks) {
    let step = black_box(std::f64::consts::TAU * 440.0 / 48000.0);
    for (n, y) in blocks.y.iter_mut().enumerate() {
        *y = ((blocks.at + n as u64) as f64 * step).sin();
    }
    blocks.at += ITEMS as u64;
}

fn plain_fir(blocks: &mut Blocks) {
    let taps = black_box([1.0 / TAPS as f64; TAPS]);
    let x = black_box(&blocks.a);
    for (y, window) in blocks.y.iter_mut().zip(x.windows(TAPS)) {
        *y = window.iter().zip(&taps).map(|(x, tap)| x * tap).sum();
    }
}

/// Two second-order sections, transposed direct form II.
fn plain_sections(blocks: &mut Blocks) {
    let sections = black_box([
        [0.004, 0.008, 0.004, -1.8, 0.83],
        [1.0, 2.0, 1.0, -1.9, 0.92],
    ]);
    let mut memory = blocks.memory;
    let x = black_box(&blocks.a[TAPS - 1..]);
    for (y, x) in blocks.y.iter_mut().zip(x) {
        let mut value = *x;
        for ([b0, b1, b2, a1, a2], [z1, z2]) in sections.iter().zip(&mut memory) {
            let out = b0 * value + *z1;
            *z1 = b1 * value - a1 * out + *z2;
            *z2 = b2 * value - a2 * out;
            value = out;
        }
        *y = value;
    }
    blocks.memory = memory;
}

fn plain_mean(blocks: &mut Blocks) {
    let x = black_box(&blocks.a);
    for (y, window) in blocks.y.iter_mut().zip(x.windows(TAPS)) {
        *y = window.iter().sum::<f64>() / TAPS as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_moves_items_beside_its_plain_loop() {
        let effort = Effort {
            rounds: 1,
            sample: Duration::from_micros(1),
        };
        let figures = kernels(effort).unwrap();
        assert_eq!(figures.len(), cases().len());
        for figure in figures {
            let reference = figure.reference.as_ref().unwrap();
            assert!(
                figure.ours[0] > 0.0 && reference.samples[0] > 0.0,
                "{figure:?}"
            );
        }
    }
}
