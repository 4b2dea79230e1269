//! `istft`: the signal that a short-time Fourier transform was made of.

use std::sync::Arc;

use bytemuck::{cast_slice, cast_slice_mut};
use num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner};
use rustfft::{Fft, FftPlanner};

use super::frames::{BETA, Part, RATE, WINDOW, bounded, periodic};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;
use crate::operators::tapers::{self, WINDOW_ARGS};
use crate::types::{ItemType, Scalar};
use crate::units::Unit;

/// The row of the table.
pub const ISTFT: OpDef = OpDef {
    name: "istft",
    summary: "the signal of a short-time Fourier transform",
    doc: "The inverse of `stft` with the same parameters: `scipy.signal.istft(Z, fs, window, nperseg=size, noverlap=size - hop, nfft=nfft, \
input_onesided=onesided, boundary=False, scaling=..)[1]`. Each frame is transformed back, multiplied with the window and added where it \
belongs; each sum is divided by that of the squared windows there. Where only zeros of a window lie (the first item, under hann) the signal is lost, and 0. \
Windows and `hop` with which that would go on (SciPy's NOLA condition fails) are refused. An item is out when the last frame that has a part in it is \
here; the last frame's rest comes at the end. cf32 gives f32 (or cf32, of all frequencies), cf64 f64. Source: Griffin and Lim, IEEE Transactions on Acoustics, Speech, and Signal Processing 32 (1984).",
    inputs: Arity::One,
    outputs: "one stream of numbers, of the frames' rate times hop",
    params: &[
        ParamDef {
            name: "size",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "items",
            doc: "Items in a frame: SciPy's `nperseg`. Default: as many as the bins are of, 2 (bins - 1) of one side.",
        },
        ParamDef {
            name: "hop",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "items",
            doc: "Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of `size`, rounded up.",
        },
        WINDOW,
        BETA,
        WINDOW_ARGS,
        ParamDef {
            name: "nfft",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "",
            doc: "Length of the transform, at most 65536. Default: as the bins say, an even number of one side unless `size` is the odd one.",
        },
        ParamDef {
            name: "onesided",
            kind: ParamKind::Bool,
            default: Some("true"),
            unit: "",
            doc: "The bins are those of real numbers, from 0 to half the rate; else all nfft of complex ones.",
        },
        ParamDef {
            name: "scaling",
            kind: ParamKind::Choice(&["spectrum", "psd", "none"]),
            default: Some("spectrum"),
            unit: "",
            doc: "As the spectra were scaled by `stft`.",
        },
        RATE,
    ],
    example: "sine freq=1000 rate=48000 items=48000 ! stft size=1024 hop=256 ! istft size=1024 hop=256 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let ItemType::Vector(scalar @ (Scalar::Cf32 | Scalar::Cf64), bins) = input.item_type else {
        return Err(
            OpError::input_type("istft", input, "complex vectors").with_help("`stft` makes them")
        );
    };
    let bins = bins as usize;
    let is_real = args.flag("onesided");
    let (size, nfft) = lengths(args, bins, is_real)?;
    let hop = args.count("hop", 1)?.unwrap_or(size.div_ceil(2) as u64);
    if hop > size as u64 {
        let words = format!("`hop` is {hop}, more than a frame, which has {size} items");
        return Err(OpError::param("hop", words));
    }
    let hop = hop as usize;
    let window = periodic(tapers::taper(args, "hann")?, size);
    let overlaps = Overlaps::new(&window, hop);
    if overlaps.of_steady_items().iter().any(|sum| *sum <= LOST) {
        let words = format!(
            "with windows of {size} every {hop} items some items lie under zeros of all of them, and cannot be found again"
        );
        return Err(OpError::param("hop", words).with_help("give a smaller `hop`, as `stft` too"));
    }
    let rate = input.rate.map(|rate| rate * hop as f64);
    let scale = match args.text("scaling") {
        Some("none") => 1.0,
        Some("psd") => {
            let own = args.float("rate").or(rate);
            let squares: f64 = window.iter().map(|w| w * w).sum();
            (own.map_or_else(|| iir::rate(args), Ok)? * squares).sqrt()
        }
        _ => window.iter().sum::<f64>(),
    };
    let frames = Frames {
        size,
        hop,
        nfft,
        is_real,
    };
    let blueprint = match scalar {
        Scalar::Cf32 => Blueprint::new(Inverse::<f32>::new(frames, window, overlaps, scale)),
        _ => Blueprint::new(Inverse::<f64>::new(frames, window, overlaps, scale)),
    };
    let gives = match (scalar, is_real) {
        (Scalar::Cf32, true) => Scalar::F32,
        (_, true) => Scalar::F64,
        (complex, false) => complex,
    };
    let unit = match args.text("scaling") {
        Some("spectrum") => Unit::Of(0),
        _ => Unit::Unknown,
    };
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()))
        .output(
            OutPort::new(ItemType::Scalar(gives), rate)
                .unit(unit)
                .at_least(hop),
        )
        .state(StateSpec::slice(&vec![0.0f64; frames.parts() * size])))
}

/// `size` and `nfft`, as SciPy finds them from the bins.
fn lengths(args: &Args, bins: usize, is_real: bool) -> Result<(usize, usize), OpError> {
    let given = |name: &str| Ok(args.count(name, 1)?.map(|n| n as usize));
    let even = match is_real {
        true => (2 * (bins - 1)).max(1),
        false => bins,
    };
    let size = given("size")?.unwrap_or(even);
    let nfft = match given("nfft")? {
        Some(nfft) => nfft,
        None if is_real && size == even + 1 => size,
        None => even,
    };
    let fits = match is_real {
        true => nfft / 2 + 1,
        false => nfft,
    };
    if fits != bins {
        let words =
            format!("a transform of {nfft} has {fits} bins, and the input's items have {bins}");
        let help = match is_real {
            true => {
                "give `nfft` as `stft` had it, or onesided = false for spectra of complex numbers"
            }
            false => "give `nfft` as `stft` had it, or onesided = true for spectra of real numbers",
        };
        return Err(OpError::param("nfft", words).with_help(help));
    }
    if size > nfft {
        let words = format!("`size` is {size}, more than the transform, which has {nfft} items");
        return Err(OpError::param("size", words));
    }
    bounded("nfft", nfft as u64)?;
    Ok((size, nfft))
}

/// A sum of squared windows under which an item is lost.
const LOST: f64 = 1e-10;

/// How frames lie.
#[derive(Clone, Copy)]
struct Frames {
    size: usize,
    hop: usize,
    nfft: usize,
    is_real: bool,
}

impl Frames {
    /// Real numbers of an item.
    fn parts(self) -> usize {
        match self.is_real {
            true => 1,
            false => 2,
        }
    }
}

/// The sums of squared windows at the places of a frame: of that frame and of those before it that reach there.
struct Overlaps {
    squares: Vec<f64>,
    /// With all the frames before it that there can be.
    steady: Vec<f64>,
    hop: usize,
}

impl Overlaps {
    fn new(window: &[f64], hop: usize) -> Overlaps {
        let squares: Vec<f64> = window.iter().map(|w| w * w).collect();
        let mut steady = squares.clone();
        // The frame before lies `hop` places further on.
        for place in (0..steady.len() - hop).rev() {
            steady[place] += steady[place + hop];
        }
        Overlaps {
            squares,
            steady,
            hop,
        }
    }

    /// The sum at a place of frame n.
    fn at(&self, n: u64, place: usize) -> f64 {
        match n >= (self.squares.len() / self.hop) as u64 {
            true => self.steady[place],
            false => {
                let reaching = self.squares[place..].iter().step_by(self.hop);
                reaching.take(n as usize + 1).sum()
            }
        }
    }

    /// Those of the items that are over with a frame, far from the beginning.
    fn of_steady_items(&self) -> &[f64] {
        &self.steady[..self.hop]
    }
}

enum Transform<T> {
    Real(Arc<dyn ComplexToReal<T>>),
    Complex(Arc<dyn Fft<T>>),
}

/// State: the sums of the frames so far, from the first item that is not given on (`f64`, or pairs of them).
struct Inverse<T: Part> {
    frames: Frames,
    window: Vec<f64>,
    overlaps: Overlaps,
    /// Of the transform and of the spectra.
    scale: f64,
    transform: Transform<T>,
    bins: Vec<Complex<T>>,
    numbers: Vec<T>,
    scratch: Vec<Complex<T>>,
}

impl<T: Part> Inverse<T> {
    fn new(frames: Frames, window: Vec<f64>, overlaps: Overlaps, scale: f64) -> Inverse<T> {
        let transform = match frames.is_real {
            true => Transform::Real(RealFftPlanner::new().plan_fft_inverse(frames.nfft)),
            false => Transform::Complex(FftPlanner::new().plan_fft_inverse(frames.nfft)),
        };
        let zero = Complex::new(T::zero(), T::zero());
        let (bins, scratch) = match &transform {
            Transform::Real(fft) => (frames.nfft / 2 + 1, fft.get_scratch_len()),
            Transform::Complex(fft) => (frames.nfft, fft.get_inplace_scratch_len()),
        };
        Inverse {
            frames,
            window,
            overlaps,
            scale: scale / frames.nfft as f64,
            bins: vec![zero; bins],
            numbers: vec![T::zero(); if frames.is_real { frames.nfft } else { 0 }],
            scratch: vec![zero; scratch],
            transform,
        }
    }

    /// Adds the frame of this spectrum to the sums.
    fn add(&mut self, spectrum: &[Complex<T>], sums: &mut [f64]) {
        self.bins.copy_from_slice(spectrum);
        let parts = self.frames.parts();
        let numbers: &[T] = match &self.transform {
            Transform::Real(fft) => {
                self.bins[0].im = T::zero();
                if self.frames.nfft.is_multiple_of(2) {
                    self.bins[self.frames.nfft / 2].im = T::zero();
                }
                fft.process_with_scratch(&mut self.bins, &mut self.numbers, &mut self.scratch)
                    .expect("slices of the lengths that were planned, real at both ends");
                &self.numbers
            }
            Transform::Complex(fft) => {
                fft.process_with_scratch(&mut self.bins, &mut self.scratch);
                cast_slice(&self.bins)
            }
        };
        let places = sums
            .chunks_exact_mut(parts)
            .zip(numbers.chunks_exact(parts));
        for ((sum, x), w) in places.zip(&self.window) {
            let factor = w * self.scale;
            for (sum, x) in sum.iter_mut().zip(x) {
                *sum += x.wide() * factor;
            }
        }
    }

    /// Gives so many items from these sums; the first lies at this place of frame n.
    fn give(&self, output: &mut Output, sums: &[f64], n: u64, place: usize, items: usize) {
        let parts = self.frames.parts();
        let len_bytes = items * output.item_len();
        let room = cast_slice_mut::<_, T>(&mut output.bytes()[..len_bytes]);
        let places = room.chunks_exact_mut(parts).zip(sums.chunks_exact(parts));
        for (place, (item, sum)) in (place..).zip(places) {
            let squares = self.overlaps.at(n, place);
            let weight = if squares > LOST { squares } else { 1.0 };
            for (y, sum) in item.iter_mut().zip(sum) {
                *y = T::near(sum / weight);
            }
        }
        output.produce(items);
    }
}

impl<T: Part> Agent for Inverse<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let sums = io.state.slice::<f64>();
        let Frames { size, hop, .. } = self.frames;
        let parts = self.frames.parts();
        while !input.is_empty() && output.space() >= hop {
            let n = input.position();
            let len = self.bins.len();
            self.add(&input.elements::<Complex<T>>()[..len], sums);
            self.give(output, sums, n, 0, hop);
            sums.copy_within(hop * parts.., 0);
            sums[(size - hop) * parts..].fill(0.0);
            input.consume(1);
        }
        let frames = input.position();
        if !input.is_exhausted() || frames == 0 {
            return Ok(Status::Ready);
        }
        // The rest of the last frame.
        let given = (output.position() - frames * hop as u64) as usize;
        let items = output.space().min(size - hop - given);
        self.give(
            output,
            &sums[given * parts..],
            frames - 1,
            hop + given,
            items,
        );
        match given + items < size - hop {
            true => Ok(Status::More),
            false => Ok(Status::Ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn signal(len: usize) -> Vec<f64> {
        (0..len).map(|n| (n as f64 * 0.7).sin() + 0.25).collect()
    }

    #[test]
    fn what_stft_took_apart_comes_back() {
        let x = signal(400);
        for (size, hop, nfft, scaling) in [
            (32, 8, 32, "spectrum"),
            (32, 16, 50, "psd"),
            (33, 7, 33, "none"),
            (16, 15, 16, "spectrum"),
        ] {
            let params = [
                ("size", Value::from(size)),
                ("hop", Value::from(hop)),
                ("nfft", Value::from(nfft)),
                ("scaling", scaling.into()),
                ("rate", Value::from(100)),
            ];
            let spectra: Vec<Complex<f64>> = output("stft", &[given("f64", &x)], &params, None);
            let bins = nfft / 2 + 1;
            let back: Vec<f64> = output(
                "istft",
                &[given(&format!("cf64[{bins}]"), &spectra)],
                &params,
                None,
            );
            let frames = spectra.len() / bins as usize;
            assert_eq!(back.len(), (frames - 1) * hop as usize + size as usize);
            assert_eq!(back[0], 0.0);
            for (n, (a, b)) in back.iter().zip(&x).enumerate().skip(1) {
                assert!((a - b).abs() < 1e-10, "{size} {hop} at {n}: {a} {b}");
            }
        }
    }

    #[test]
    fn complex_numbers_come_back_from_all_their_bins() {
        let x: Vec<Complex<f32>> = signal(100)
            .iter()
            .map(|x| Complex::new(*x as f32, 1.0 - *x as f32))
            .collect();
        let size = [("size", Value::from(16)), ("hop", Value::from(5))];
        let spectra: Vec<Complex<f32>> = output("stft", &[given("cf32", &x)], &size, None);
        let params = [&size[..], &[("onesided", false.into())]].concat();
        let spectra = given("cf32[16]", &spectra);
        let back: Vec<Complex<f32>> = output("istft", &[spectra], &params, None);
        for (a, b) in back.iter().zip(&x).skip(1) {
            assert!((a - b).norm() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn what_cannot_be_found_again_is_refused() {
        let refused = |item_type: &str, params: &[(&str, Value)]| {
            let input = given::<u64>(item_type, &[]);
            build("istft", &[input], params, None).unwrap_err().param
        };
        let hop = [("hop", Value::from(16))];
        assert_eq!(refused("cf64[9]", &hop).as_deref(), Some("hop"));
        let hop = [("hop", Value::from(17)), ("window", "boxcar".into())];
        assert_eq!(refused("cf64[9]", &hop).as_deref(), Some("hop"));
        let nfft = [("nfft", Value::from(20))];
        assert_eq!(refused("cf64[9]", &nfft).as_deref(), Some("nfft"));
        let size = [("size", Value::from(20)), ("nfft", Value::from(16))];
        assert_eq!(refused("cf64[9]", &size).as_deref(), Some("size"));
        assert_eq!(refused("f64[9]", &[]).as_deref(), Some("in"));
    }
}
