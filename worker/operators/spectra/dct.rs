//! `dct`: discrete cosine transforms of blocks, by way of a complex transform of the same length.
//!
//! Type 2: the even items, then the odd ones backwards, transformed, and each bin turned by a quarter of its place (Makhoul, IEEE
//! Transactions on Acoustics, Speech and Signal Processing 28, 1980). Type 3 is the way back.

use std::f64::consts::PI;
use std::sync::Arc;

use num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::fft;
use crate::types::{ItemType, Scalar};
use crate::wide::Wide;

/// The row of the table.
pub const DCT: OpDef = OpDef {
    name: "dct",
    summary: "discrete cosine transform of each block of `size` real numbers",
    doc: "Each block becomes one vector item of as many numbers: `scipy.fft.dct(block, type=type, norm=norm)`. Type 3 undoes type 2: \
`scipy.fft.idct(block)` is `dct type=3 norm=forward`, and with `norm=ortho` each undoes the other. Blocks are those of `rfft`: \
numbers of a stream from its beginning, a last block that is not full is dropped; a stream of vectors has a block in each item. Behind \
`mel` and a logarithm it gives MFCCs. f32 gives f32, other numbers f64; computed in f64. The rate becomes rate / size. Source: the crate rustfft; Makhoul (1980).",
    inputs: Arity::One,
    outputs: "one stream of real vectors of `size`",
    params: &[
        fft::SIZE,
        ParamDef {
            name: "type",
            kind: ParamKind::Choice(&["2", "3"]),
            default: Some("2"),
            unit: "",
            doc: "`2`: to cosines, the usual one. `3`: from them.",
        },
        ParamDef {
            name: "norm",
            kind: ParamKind::Choice(&["backward", "ortho", "forward"]),
            default: Some("backward"),
            unit: "",
            doc: "`backward`: not scaled. `ortho`: so that lengths stay. `forward`: divided by 2 size.",
        },
    ],
    example: "sine freq=1000 rate=48000 items=48000 ! dct size=64 norm=ortho ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        let wanted = "real numbers or vectors of them";
        return Err(OpError::input_type("dct", input, wanted));
    };
    let size = fft::size(args, &input.item_type, width)?;
    let blocks = size / width;
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let agent = Dct {
        scalar,
        gives,
        cosines: Cosines::new(size, args.text("type") == Some("3"), args.text("norm")),
        numbers: Vec::new(),
    };
    let rate = input.rate.map(|rate| rate / blocks as f64);
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).at_least(blocks))
        .output(OutPort::new(ItemType::Vector(gives, size as u32), rate)))
}

struct Dct {
    scalar: Scalar,
    gives: Scalar,
    cosines: Cosines,
    numbers: Vec<f64>,
}

impl Agent for Dct {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let block_len = self.cosines.fft.len() * self.scalar.len_bytes();
        let (from, to) = (input.item_len(), output.item_len());
        let blocks = (input.len() * from / block_len).min(output.space());
        let taken = input.bytes().chunks_exact(block_len);
        for (block, slot) in taken.zip(output.bytes()[..blocks * to].chunks_exact_mut(to)) {
            f64::load(self.scalar, block, &mut self.numbers);
            self.cosines.transform(&mut self.numbers);
            f64::store(&self.numbers, self.gives, slot);
        }
        let items_each = block_len / from;
        input.consume(blocks * items_each);
        output.produce(blocks);
        if input.is_ended() && input.len() < items_each {
            // What is left will never be a block.
            input.consume(input.len());
        }
        Ok(Status::Ready)
    }
}

/// The transform of one block. All of it is tables and scratch.
struct Cosines {
    fft: Arc<dyn Fft<f64>>,
    is_third: bool,
    /// What the cosine of each place is multiplied with, the first one's, and all others'.
    scales: [f64; 2],
    /// A quarter of a turn, times each place over the size.
    turns: Vec<Complex<f64>>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Cosines {
    fn new(size: usize, is_third: bool, norm: Option<&str>) -> Cosines {
        let mut planner = FftPlanner::new();
        let fft = match is_third {
            true => planner.plan_fft_inverse(size),
            false => planner.plan_fft_forward(size),
        };
        let double = 2.0 * size as f64;
        let quarter = |k: usize| Complex::from_polar(1.0, -PI * k as f64 / double);
        let zero = Complex::new(0.0, 0.0);
        Cosines {
            is_third,
            scales: match norm {
                Some("ortho") => [(0.5 / double).sqrt(), (1.0 / double).sqrt()],
                Some("forward") => [1.0 / double; 2],
                _ => [1.0; 2],
            },
            turns: (0..size).map(quarter).collect(),
            bins: vec![zero; size],
            scratch: vec![zero; fft.get_inplace_scratch_len()],
            fft,
        }
    }

    fn transform(&mut self, numbers: &mut [f64]) {
        match self.is_third {
            true => self.third(numbers),
            false => self.second(numbers),
        }
    }

    /// `y[k] = 2 sum of x[n] cos(pi k (2 n + 1) / (2 size))`, scaled.
    fn second(&mut self, numbers: &mut [f64]) {
        let size = numbers.len();
        for n in 0..size.div_ceil(2) {
            self.bins[n] = Complex::new(numbers[2 * n], 0.0);
        }
        for n in 0..size / 2 {
            self.bins[size - 1 - n] = Complex::new(numbers[2 * n + 1], 0.0);
        }
        self.fft
            .process_with_scratch(&mut self.bins, &mut self.scratch);
        for (k, y) in numbers.iter_mut().enumerate() {
            *y = 2.0 * (self.bins[k] * self.turns[k]).re * self.scales[k.min(1)];
        }
    }

    /// `y[n] = x[0] + 2 sum of x[k] cos(pi k (2 n + 1) / (2 size))` over k from 1, of scaled `x`.
    fn third(&mut self, numbers: &mut [f64]) {
        let size = numbers.len();
        // Lengths stay only if the first one counts once, as all others.
        let [first, others] = self.scales;
        let first = if first == others { first } else { 2.0 * first };
        for (k, x) in numbers.iter_mut().enumerate() {
            *x *= if k == 0 { first } else { others };
        }
        for (k, bin) in self.bins.iter_mut().enumerate() {
            let mirrored = if k == 0 { 0.0 } else { numbers[size - k] };
            *bin = Complex::new(numbers[k], -mirrored) * self.turns[k].conj();
        }
        self.fft
            .process_with_scratch(&mut self.bins, &mut self.scratch);
        for n in 0..size.div_ceil(2) {
            numbers[2 * n] = self.bins[n].re;
        }
        for n in 0..size / 2 {
            numbers[2 * n + 1] = self.bins[size - 1 - n].re;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn the_numbers_are_sums_of_cosines_and_come_back() {
        for size in [1usize, 2, 3, 8, 15] {
            let x: Vec<f64> = (0..size).map(|n| (n as f64 * 1.7).sin() + 0.3).collect();
            let of = |x: &[f64], kind: i64, norm: &str| -> Vec<f64> {
                let params = [
                    ("size", Value::from(size)),
                    ("type", kind.into()),
                    ("norm", norm.into()),
                ];
                output("dct", &[given("f64", x)], &params, None)
            };
            let cosine =
                |k: usize, n: usize| (PI * k as f64 * (2 * n + 1) as f64 / (2 * size) as f64).cos();
            for (k, y) in of(&x, 2, "backward").into_iter().enumerate() {
                let sum: f64 = x.iter().enumerate().map(|(n, x)| x * cosine(k, n)).sum();
                assert!((y - 2.0 * sum).abs() < 1e-12, "{size} {k}");
            }
            for (n, y) in of(&x, 3, "backward").into_iter().enumerate() {
                let rest = x.iter().enumerate().skip(1);
                let sum: f64 = rest.map(|(k, x)| x * cosine(k, n)).sum();
                assert!((y - x[0] - 2.0 * sum).abs() < 1e-12, "{size} {n}");
            }
            for (there, back) in [("ortho", "ortho"), ("backward", "forward")] {
                let again = of(&of(&x, 2, there), 3, back);
                for (a, b) in again.iter().zip(&x) {
                    assert!((a - b).abs() < 1e-12, "{size} {there}");
                }
            }
        }
    }

    #[test]
    fn a_last_block_that_is_not_full_is_dropped() {
        let x: Vec<f64> = (0..11).map(f64::from).collect();
        let params = [("size", Value::Int(4))];
        let y: Vec<[f64; 4]> = output("dct", &[given("f64", &x)], &params, None);
        assert_eq!(y.len(), 2);
    }

    #[test]
    fn complex_numbers_and_unknown_types_are_refused() {
        assert!(build("dct", &[given::<u64>("cf32[4]", &[])], &[], None).is_err());
        let fourth = [("type", Value::Int(4))];
        assert!(build("dct", &[given::<u64>("f64[4]", &[])], &fourth, None).is_err());
    }
}
