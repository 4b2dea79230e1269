//! `rfft`, `irfft`: Fourier transforms of blocks of real numbers.

use std::sync::Arc;

use bytemuck::cast_slice_mut;
use num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner};

use super::detrend::Detrend;
use super::frames::{Framed, Part, Shape, Spectrum, bounded};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::fft;
use crate::sliding::Windows;
use crate::types::{ItemType, Scalar};

/// The row of the forward transform.
pub const RFFT: OpDef = OpDef {
    name: "rfft",
    summary: "discrete Fourier transform of each block of `size` real numbers",
    doc: "Each block of `size` numbers becomes one vector item of size / 2 + 1 complex numbers: `scipy.fft.rfft(block)`, not scaled, frequency \
k * rate / size at index k, from 0 to half the rate. Half the work of `fft`, which has the negative frequencies too. Numbers of a \
stream are taken in blocks from its beginning, a last block that is not full is dropped; a stream of vectors has a block in each item. f32 gives \
cf32, other numbers cf64. The rate becomes rate / size. Source: the crates realfft and rustfft.",
    inputs: Arity::One,
    outputs: "one stream of complex vectors of size / 2 + 1",
    params: &[fft::SIZE],
    example: "sine freq=1000 rate=48000 items=48000 ! rfft size=1024 ! null",
    deterministic: true,
    build: build_forward,
};

/// The row of the inverse transform.
pub const IRFFT: OpDef = OpDef {
    name: "irfft",
    summary: "inverse of `rfft`: blocks of real numbers from their spectra",
    doc: "Each vector of m complex numbers becomes one vector item of `size` real numbers: `scipy.fft.irfft(item, size)`, scaled by 1 / size, \
so that it undoes `rfft`. The imaginary parts at frequency 0, and at half the rate where `size` is even, count as 0. \
cf32 gives f32, cf64 f64. `flatten` makes numbers of the blocks.",
    inputs: Arity::One,
    outputs: "one stream of real vectors of `size`",
    params: &[ParamDef {
        name: "size",
        kind: ParamKind::Int,
        default: Some(""),
        unit: "items",
        doc: "Numbers in a block: 2 (m - 1), the default, or 2 m - 1.",
    }],
    example: "noise items=4096 ! rfft size=256 ! irfft ! flatten ! null",
    deterministic: true,
    build: build_inverse,
};

fn build_forward(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        let wanted = "real numbers or vectors of them";
        return Err(OpError::input_type("rfft", input, wanted).or_help("`fft` takes complex ones"));
    };
    let size = fft::size(args, &input.item_type, width)?;
    let items = (size / width) as u64;
    let shape = Shape {
        scalar,
        windows: Windows {
            size: items,
            step: items,
        },
        taper: vec![1.0; size],
        nfft: size,
        detrend: Detrend::Nothing,
    };
    let blueprint = match shape.is_single() {
        true => Blueprint::new(forward::<f32>(&shape)),
        false => Blueprint::new(forward::<f64>(&shape)),
    };
    let gives = ItemType::Vector(shape.complex(), shape.bins() as u32);
    Ok(blueprint
        .input(shape.in_port(args))
        .output(OutPort::new(gives, shape.frame_rate(args))))
}

fn forward<T: Part>(shape: &Shape) -> impl Agent + 'static {
    let finish = |bins: &mut [Complex<T>], item: &mut [u8]| {
        cast_slice_mut(item).copy_from_slice(bins);
    };
    Framed::new(shape.windows, Spectrum::new(shape), finish)
}

fn build_inverse(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let ItemType::Vector(scalar @ (Scalar::Cf32 | Scalar::Cf64), bins) = input.item_type else {
        return Err(OpError::input_type("irfft", input, "complex vectors")
            .or_help("`rfft` makes them; `ifft` takes blocks of complex numbers"));
    };
    let even = (2 * u64::from(bins) - 2).max(1);
    let size = args.count("size", 1)?.unwrap_or(even);
    if size / 2 + 1 != u64::from(bins) {
        let words = format!(
            "`size` is {size}, and blocks of {even} or {} numbers have {bins} bins",
            2 * bins - 1
        );
        return Err(OpError::param("size", words));
    }
    bounded("size", size)?;
    let blueprint = match scalar {
        Scalar::Cf32 => Blueprint::new(Inverse::<f32>::new(size as usize)),
        _ => Blueprint::new(Inverse::<f64>::new(size as usize)),
    };
    let gives = match scalar {
        Scalar::Cf32 => Scalar::F32,
        _ => Scalar::F64,
    };
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(
            ItemType::Vector(gives, size as u32),
            input.rate,
        )))
}

struct Inverse<T: Part> {
    fft: Arc<dyn ComplexToReal<T>>,
    scale: T,
    bins: Vec<Complex<T>>,
    scratch: Vec<Complex<T>>,
}

impl<T: Part> Inverse<T> {
    fn new(size: usize) -> Inverse<T> {
        let fft = RealFftPlanner::new().plan_fft_inverse(size);
        Inverse {
            scale: T::near(1.0 / size as f64),
            bins: fft.make_input_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }
}

impl<T: Part> Agent for Inverse<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (size, width) = (self.fft.len(), self.bins.len());
        let blocks = output.elements::<T>().chunks_exact_mut(size);
        let spectra = input.elements::<Complex<T>>().chunks_exact(width);
        for (block, spectrum) in blocks.zip(spectra) {
            self.bins.copy_from_slice(spectrum);
            self.bins[0].im = T::zero();
            if size.is_multiple_of(2) {
                self.bins[width - 1].im = T::zero();
            }
            self.fft
                .process_with_scratch(&mut self.bins, block, &mut self.scratch)
                .expect("slices of the lengths that were planned, real at both ends");
            block.iter_mut().for_each(|x| *x = *x * self.scale);
        }
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_block_has_the_lower_half_of_its_transform_and_comes_back() {
        for size in [1usize, 2, 7, 16, 97] {
            let x: Vec<f64> = (0..3 * size + size / 2)
                .map(|n| (n as f64 * 0.7).sin())
                .collect();
            let params = [("size", Value::from(size))];
            let half: Vec<Complex<f64>> = output("rfft", &[given("f64", &x)], &params, None);
            let whole: Vec<Complex<f64>> = output("fft", &[given("f64", &x)], &params, None);
            let bins = size / 2 + 1;
            assert_eq!(half.len(), 3 * bins);
            for (half, whole) in half.chunks_exact(bins).zip(whole.chunks_exact(size)) {
                let apart = half.iter().zip(whole).map(|(a, b)| (a - b).norm());
                assert!(apart.fold(0.0, f64::max) < 1e-12, "{size}");
            }
            let spectra = given(&format!("cf64[{bins}]"), &half);
            let back: Vec<f64> = output("irfft", &[spectra], &params, None);
            assert_eq!(back.len(), 3 * size);
            for (a, b) in back.iter().zip(&x) {
                assert!((a - b).abs() < 1e-12, "{size}");
            }
        }
    }

    #[test]
    fn imaginary_parts_where_there_are_none_count_as_zero() {
        let i = Complex::new(0.0f32, 1.0);
        let x = [i + 3.0, i, i];
        let even: Vec<f32> = output("irfft", &[given("cf32[3]", &x)], &[], None);
        let without = [Complex::new(3.0f32, 0.0), i, Complex::new(0.0, 0.0)];
        let expected: Vec<f32> = output("irfft", &[given("cf32[3]", &without)], &[], None);
        assert_eq!(even, expected);
    }

    #[test]
    fn what_is_no_block_or_no_spectrum_is_refused() {
        let refused = build("rfft", &[given::<u64>("cf32", &[])], &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
        let refused = build("irfft", &[given::<u64>("cf32", &[])], &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
        let refused = build("rfft", &[given::<f64>("f64", &[])], &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("size"));
        let size = [("size", Value::Int(7))];
        let refused = build("irfft", &[given::<u64>("cf32[5]", &[])], &size, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("size"));
        assert!(refused.message.contains("8 or 9"), "{refused}");
    }
}
