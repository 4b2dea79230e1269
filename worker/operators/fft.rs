//! `fft`, `ifft`: discrete Fourier transforms of blocks.
//!
//! Blocks are counted from the stream's beginning and transformed one by one, so where a batch begins changes
//! nothing: the agent has no state.

use std::sync::Arc;

use num_complex::Complex;
use rustfft::{Fft, FftDirection, FftNum, FftPlanner};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::Wide;

/// Numbers of a block at most: as many as an item may have bytes for, as cf64.
const SIZE_MAX: u64 = 1 << 16;

pub(crate) const SIZE: ParamDef = ParamDef {
    name: "size",
    kind: ParamKind::Int,
    default: Some(""),
    unit: "items",
    doc: "Numbers in a block, 1 to 65536; products of 2, 3, 5 and 7 are quickest. Vector items are blocks already: \
their length is the size.",
};

/// The row of the forward transform.
pub const FFT: OpDef = OpDef {
    name: "fft",
    summary: "discrete Fourier transform of each block of `size` items",
    doc: "Each block of `size` numbers becomes one vector item of `size` complex numbers: `scipy.fft.fft(block)`, not scaled, \
frequency k * rate / size at index k (the upper half are the negative frequencies). Numbers of a stream are taken in blocks \
from its beginning, a last block that is not full is dropped; a stream of vectors has a block in each item. f32 and cf32 give \
cf32, other numbers cf64. The rate becomes rate / size. Source: the crate rustfft (mixed-radix Cooley-Tukey, Rader, Bluestein), \
with the vectors that the processor has: the last bits may differ between machines.",
    inputs: Arity::One,
    outputs: "one stream of complex vectors of `size`",
    params: &[SIZE],
    example: "sine freq=1000 rate=48000 items=48000 ! fft size=1024 ! null",
    deterministic: true,
    build: |args| build(args, FftDirection::Forward),
};

/// The row of the inverse transform.
pub const IFFT: OpDef = OpDef {
    name: "ifft",
    summary: "inverse discrete Fourier transform of each block of `size` items",
    doc: "`scipy.fft.ifft(block)`: as `fft`, with the other sign in the exponent, and scaled by 1 / size, so that it undoes `fft`.",
    inputs: Arity::One,
    outputs: "one stream of complex vectors of `size`",
    params: &[SIZE],
    example: "noise items=4096 ! fft size=256 ! ifft ! null",
    deterministic: true,
    build: |args| build(args, FftDirection::Inverse),
};

fn build(args: &Args, direction: FftDirection) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements() else {
        let wanted = "numbers or vectors of numbers";
        return Err(OpError::input_type(args.op().name, input, wanted));
    };
    let size = size(args, &input.item_type, width)?;
    let blocks = size / width;
    let rate = input.rate.map(|rate| rate / blocks as f64);
    let to = match scalar {
        Scalar::F32 | Scalar::Cf32 => Scalar::Cf32,
        _ => Scalar::Cf64,
    };
    let blueprint = match to {
        Scalar::Cf32 => Blueprint::new(Transform::<f32>::new(scalar, size, direction)),
        _ => Blueprint::new(Transform::<f64>::new(scalar, size, direction)),
    };
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()).at_least(blocks))
        .output(OutPort::new(ItemType::Vector(to, size as u32), rate)))
}

pub(crate) fn size(args: &Args, item_type: &ItemType, width: usize) -> Result<usize, OpError> {
    let size = match (args.count("size", 1)?, item_type) {
        (None, ItemType::Vector(..)) => width as u64,
        (None, _) => {
            let words = format!(
                "the numbers of a {item_type} stream come one by one, and `size` is not given"
            );
            return Err(
                OpError::param("size", words).with_help("give `size`: how many make a block")
            );
        }
        (Some(size), ItemType::Vector(..)) if size != width as u64 => {
            let words =
                format!("`size` is {size}, and an item, {item_type}, is a block of {width}");
            return Err(OpError::param("size", words).with_help("leave `size` out"));
        }
        (Some(size), _) => size,
    };
    if size > SIZE_MAX {
        let words = format!("a block of {size} numbers is too long: {SIZE_MAX} is the most");
        return Err(OpError::param("size", words));
    }
    Ok(size as usize)
}

/// Blocks of `size` numbers of the input's scalar to blocks of complex `T`.
struct Transform<T: FftNum> {
    scalar: Scalar,
    size: usize,
    fft: Arc<dyn Fft<T>>,
    scale: Option<T>,
    scratch: Vec<Complex<T>>,
    /// Real numbers of one call.
    real: Vec<f64>,
}

impl<T: FftNum> Transform<T> {
    fn new(scalar: Scalar, size: usize, direction: FftDirection) -> Transform<T> {
        let fft = FftPlanner::new().plan_fft(size, direction);
        let scratch_len = fft
            .get_immutable_scratch_len()
            .max(fft.get_inplace_scratch_len());
        let scale = T::from_f64(1.0 / size as f64).filter(|_| direction == FftDirection::Inverse);
        Transform {
            scalar,
            size,
            fft,
            scale,
            scratch: vec![Complex::new(T::zero(), T::zero()); scratch_len],
            real: Vec::new(),
        }
    }
}

impl<T: FftNum + bytemuck::Pod> Agent for Transform<T>
where
    Complex<T>: bytemuck::Pod,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let block_len_bytes = self.size * self.scalar.len_bytes();
        let items_each = block_len_bytes / input.item_len();
        let blocks = (input.len() / items_each).min(output.space());
        let bytes = &input.bytes()[..blocks * block_len_bytes];
        let room = &mut output.elements::<Complex<T>>()[..blocks * self.size];
        let scratch = &mut self.scratch;
        if self.scalar.is_complex() {
            // Blocks of complex `T`: `build` chose `T` by the scalar.
            let numbers = bytemuck::cast_slice(bytes);
            self.fft
                .process_immutable_with_scratch(numbers, room, scratch);
        } else {
            f64::load(self.scalar, bytes, &mut self.real);
            for (slot, &x) in room.iter_mut().zip(&self.real) {
                let x = T::from_f64(x).expect("an f64 becomes any float");
                *slot = Complex::new(x, T::zero());
            }
            self.fft.process_with_scratch(room, scratch);
        }
        if let Some(scale) = self.scale {
            room.iter_mut().for_each(|x| *x = x.scale(scale));
        }
        output.produce(blocks);
        input.consume(blocks * items_each);
        if input.is_ended() && input.len() < items_each {
            // What is left will never be a block.
            input.consume(input.len());
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};
    use crate::types::ItemType;

    /// The sum that defines the transform, in f64.
    fn by_definition(block: &[Complex<f64>], sign: f64) -> Vec<Complex<f64>> {
        let n = block.len() as f64;
        let bin = |k: usize| {
            let term = |(j, x): (usize, &Complex<f64>)| {
                // Whole turns are left out in integers: a large angle would be a rough one.
                let turn = ((j * k) % block.len()) as f64 / n;
                x * Complex::from_polar(1.0, sign * std::f64::consts::TAU * turn)
            };
            block.iter().enumerate().map(term).sum::<Complex<f64>>()
        };
        (0..block.len()).map(bin).collect()
    }

    fn numbers(len: usize) -> Vec<Complex<f64>> {
        let wave = |n: usize| Complex::new((n as f64 * 0.7).sin(), ((n * n) as f64 * 0.3).cos());
        (0..len).map(wave).collect()
    }

    fn check(op: &str, size: usize, sign: f64, scale: f64) {
        let x = numbers(3 * size + size / 2);
        let params = [("size", Value::Int(size as i64))];
        let y: Vec<Complex<f64>> = output(op, &[given("cf64", &x)], &params, None);
        assert_eq!(y.len(), 3 * size, "{op} {size}: half a block is none");
        for (block, got) in x.chunks_exact(size).zip(y.chunks_exact(size)) {
            for (k, (want, got)) in by_definition(block, sign).iter().zip(got).enumerate() {
                let apart = (want * scale - got).norm();
                assert!(apart < 1e-11, "{op} {size} bin {k}: {want} {got}");
            }
        }
    }

    #[test]
    fn a_block_becomes_the_sum_that_defines_its_transform() {
        for size in [1, 2, 3, 7, 16, 60, 97, 128, 210] {
            check("fft", size, -1.0, 1.0);
            check("ifft", size, 1.0, 1.0 / size as f64);
        }
    }

    #[test]
    fn real_numbers_are_complex_ones_without_an_imaginary_part() {
        let x: Vec<f32> = (0..64).map(|n| (n as f32).cos()).collect();
        let z: Vec<Complex<f32>> = x.iter().map(|&x| x.into()).collect();
        let params = [("size", Value::Int(32))];
        let of_real: Vec<Complex<f32>> = output("fft", &[given("f32", &x)], &params, None);
        let of_complex: Vec<Complex<f32>> = output("fft", &[given("cf32", &z)], &params, None);
        for (a, b) in of_real.iter().zip(&of_complex) {
            assert!((a - b).norm() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn a_vector_is_a_block_and_rates_are_those_of_blocks() {
        let x = numbers(40);
        let of_vectors: Vec<Complex<f64>> = output("fft", &[given("cf64[20]", &x)], &[], None);
        let params = [("size", Value::Int(20))];
        let of_numbers: Vec<Complex<f64>> = output("fft", &[given("cf64", &x)], &params, None);
        assert_eq!(of_vectors, of_numbers);
        let blueprint = build("fft", &[given("f32", &[0.0f32]).rate(100.0)], &params, None);
        let port = blueprint.unwrap().outputs.remove(0);
        assert_eq!(port.item_type, "cf32[20]".parse::<ItemType>().unwrap());
        assert_eq!(port.rate, Some(5.0));
    }

    #[test]
    fn a_size_that_is_missing_or_wrong_is_refused() {
        let long = [("size", Value::Int(1 << 17))];
        let other = [("size", Value::Int(4))];
        for (input, params) in [("f64", &[][..]), ("f64", &long[..]), ("f64[3]", &other[..])] {
            let refused = build("fft", &[given(input, &[0.0f64; 3])], params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("size"), "{input}");
        }
        assert!(build("fft", &[given("timed<f64>", &[0.0f64; 2])], &[], None).is_err());
    }
}
