//! Frames of a stream: tapered, transformed, and made into one item each.
//!
//! The n-th frame is the items `n * hop .. n * hop + size`. Items are consumed as they are seen and looked
//! back at, so there is no state: which frames are due follows from the positions.

use std::sync::Arc;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftNum, FftPlanner};

use super::detrend::{Detrend, tapered};
use crate::agent::{Agent, AgentError, InPort, Input, Io, Status};
use crate::design::taper::Taper;
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::operators::{iir, tapers};
use crate::sliding::Windows;
use crate::types::{ItemType, Scalar};
use crate::units::{Unit, squared};
use crate::wide::Wide;

/// Numbers of a transform at most: as many as an item may have bytes for, as cf64.
pub(super) const SIZE_MAX: u64 = 1 << 16;

pub(super) const SIZE: ParamDef = ParamDef {
    name: "size",
    kind: ParamKind::Length,
    default: Some("256"),
    unit: "items",
    doc: "Items in a frame, at most 65536: SciPy's `nperseg`.",
};

pub(super) const HOP: ParamDef = ParamDef {
    name: "hop",
    kind: ParamKind::Length,
    default: Some(""),
    unit: "items",
    doc: "Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of `size`, rounded up.",
};

pub(super) const WINDOW: ParamDef = ParamDef {
    name: "window",
    kind: ParamKind::Choice(&Taper::NAMES),
    default: Some("hann"),
    unit: "",
    doc: "What a frame is multiplied with, in the periodic form that `scipy.signal.get_window` gives.",
};

pub(super) const BETA: ParamDef = ParamDef {
    name: "beta",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "",
    doc: "The parameter of the window `kaiser`, 0 to 500; 14 without it.",
};

pub(super) const NFFT: ParamDef = ParamDef {
    name: "nfft",
    kind: ParamKind::Int,
    default: Some(""),
    unit: "",
    doc: "Length of the transform, if a frame is to be filled up with zeros; at most 65536. Default: `size`.",
};

pub(super) const DETREND: ParamDef = ParamDef {
    name: "detrend",
    kind: ParamKind::Choice(&["constant", "linear", "false"]),
    default: Some("constant"),
    unit: "",
    doc: "What is subtracted from a frame first. `constant`: its mean. `linear`: the straight line that fits it best. `false`: nothing.",
};

pub(super) const SCALING: ParamDef = ParamDef {
    name: "scaling",
    kind: ParamKind::Choice(&["density", "spectrum"]),
    default: Some("density"),
    unit: "",
    doc: "`density`: power per Hz. `spectrum`: power, so that a sine of amplitude A shows A^2 / 2 (A^2 where it is complex).",
};

pub(super) const RATE: ParamDef = ParamDef {
    name: "rate",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "Hz",
    doc: "Items per second, where the stream does not know it or knows it wrong; a density needs one.",
};

/// How a stream is cut into frames, and what a frame is before its transform.
pub(super) struct Shape {
    /// What the stream's numbers are.
    pub(super) scalar: Scalar,
    /// Which frames, in items.
    pub(super) windows: Windows,
    /// What each number of a frame is multiplied with.
    pub(super) taper: Vec<f64>,
    /// Numbers in a transform, at least those of a frame.
    pub(super) nfft: usize,
    /// What is taken off a frame.
    pub(super) detrend: Detrend,
}

impl Shape {
    /// The shape that `size`, `hop`, `window`, `beta`, `nfft` and, where the operator has it, `detrend` give.
    pub(super) fn of(args: &Args) -> Result<Shape, OpError> {
        let op = args.op();
        let has = |name: &str| op.params.iter().any(|param| param.name == name);
        let scalar = single_numbers(args)?;
        let size = bounded("size", args.required_length("size", 1)?)?;
        let hop = args.length("hop", 1)?.unwrap_or(size.div_ceil(2));
        let nfft = match has("nfft") {
            true => args.count("nfft", 1)?.unwrap_or(size),
            false => size,
        };
        if bounded("nfft", nfft)? < size {
            let words = format!("`nfft` is {nfft}, less than a frame, which has {size} items");
            return Err(OpError::param("nfft", words).with_help("leave `nfft` out"));
        }
        let taper = tapers::taper(args, "hann")?;
        Ok(Shape {
            scalar,
            windows: Windows { size, step: hop },
            taper: periodic(taper, size as usize),
            nfft: nfft as usize,
            detrend: match has("detrend") {
                true => Detrend::named(args.text("detrend")),
                false => Detrend::Nothing,
            },
        })
    }

    /// True if the bins are those of complex numbers: all around, and not 0 to half the rate.
    pub(super) fn is_two_sided(&self) -> bool {
        self.scalar.is_complex()
    }

    /// Bins of a transform.
    pub(super) fn bins(&self) -> usize {
        match self.is_two_sided() {
            true => self.nfft,
            false => self.nfft / 2 + 1,
        }
    }

    /// True for streams that are computed in `f32`.
    pub(super) fn is_single(&self) -> bool {
        matches!(self.scalar, Scalar::F32 | Scalar::Cf32)
    }

    /// The scalar of what is a complex number in each bin.
    pub(super) fn complex(&self) -> Scalar {
        match self.is_single() {
            true => Scalar::Cf32,
            false => Scalar::Cf64,
        }
    }

    /// The scalar of what is a real number in each bin.
    pub(super) fn real(&self) -> Scalar {
        match self.is_single() {
            true => Scalar::F32,
            false => Scalar::F64,
        }
    }

    /// What each bin's squared magnitude is multiplied with to be a power, as the parameter `scaling` says.
    pub(super) fn power_scale(&self, args: &Args) -> Result<Vec<f64>, OpError> {
        let scale = match args.text("scaling") {
            Some("spectrum") => 1.0 / self.taper.iter().sum::<f64>().powi(2),
            _ => 1.0 / (iir::rate(args)? * self.taper.iter().map(|w| w * w).sum::<f64>()),
        };
        let mut scales = vec![scale; self.bins()];
        if !self.is_two_sided() {
            // A bin stands for its negative frequency too, but for 0 and half the rate, which are their own.
            let end = self.nfft.div_ceil(2);
            scales[1..].iter_mut().take(end - 1).for_each(|s| *s *= 2.0);
        }
        Ok(scales)
    }

    /// What [`Shape::power_scale`] makes of the input's unit.
    pub(super) fn power_unit(&self, args: &Args) -> Unit {
        let power = args.input().unit.as_deref().map(squared);
        Unit::maybe(power.map(|power| match args.text("scaling") {
            Some("spectrum") => power,
            _ => format!("{power}/Hz"),
        }))
    }

    /// What the frames come from.
    pub(super) fn in_port(&self, args: &Args) -> InPort {
        frames_of(args, self.windows)
    }

    /// Frames per second of the stream's own time.
    pub(super) fn frame_rate(&self, args: &Args) -> Option<f64> {
        args.input()
            .rate
            .map(|rate| rate / self.windows.step as f64)
    }
}

/// The only input, as windows of it are looked back at.
///
/// A call sees what is new in a frame: how much an agent is given at once goes by its largest items, and a frame's are
/// much larger than what it is made of.
pub(super) fn frames_of(args: &Args, windows: Windows) -> InPort {
    let news = windows.step.min(AT_ONCE) as usize;
    InPort::new(args.input().item_type.clone())
        .retain(windows.size as usize - 1)
        .at_least(news)
}

/// Items that a call waits for at most: with so many it costs little beside them.
pub(super) const AT_ONCE: u64 = 4096;

/// The scalar of a stream of numbers, one by one.
pub(super) fn single_numbers(args: &Args) -> Result<Scalar, OpError> {
    let input = args.input();
    match input.item_type {
        ItemType::Scalar(scalar) => Ok(scalar),
        _ => Err(OpError::input_type(args.op().name, input, "numbers one by one")
            .or_help("`unstack` or `pick` takes a vector's elements apart, `flatten` gives them one after the other")),
    }
}

/// Refuses a length of more numbers than an item can hold.
pub(super) fn bounded(name: &str, len: u64) -> Result<u64, OpError> {
    match len {
        0..=SIZE_MAX => Ok(len),
        _ => Err(OpError::param(
            name,
            format!("`{name}` is {len}, and must be at most {SIZE_MAX}"),
        )),
    }
}

/// The window of `size` that is the first period of one that repeats: a symmetric one without its last value.
pub(super) fn periodic(taper: Taper, size: usize) -> Vec<f64> {
    let mut values = taper.values(if size == 1 { 1 } else { size + 1 });
    values.truncate(size);
    values
}

/// A real part of a complex number: what transforms are computed in.
pub(super) trait Part: FftNum + Pod {
    /// The scalar of it.
    const SCALAR: Scalar;

    /// The nearest.
    fn near(x: f64) -> Self;

    /// The very number.
    fn wide(self) -> f64;
}

impl Part for f32 {
    const SCALAR: Scalar = Scalar::F32;

    fn near(x: f64) -> f32 {
        x as f32
    }

    fn wide(self) -> f64 {
        self.into()
    }
}

impl Part for f64 {
    const SCALAR: Scalar = Scalar::F64;

    fn near(x: f64) -> f64 {
        x
    }

    fn wide(self) -> f64 {
        self
    }
}

/// Makes the transform of one frame after the other. All of it is tables and scratch.
pub(super) struct Spectrum<T: Part> {
    scalar: Scalar,
    detrend: Detrend,
    taper: Vec<T>,
    transform: Transform<T>,
    real: Vec<T>,
    bins: Vec<Complex<T>>,
    scratch: Vec<Complex<T>>,
    loaded: Vec<f64>,
}

enum Transform<T> {
    Real(Arc<dyn RealToComplex<T>>),
    Complex(Arc<dyn Fft<T>>),
}

impl<T: Part> Spectrum<T> {
    /// The transform of frames of this shape, whose numbers are computed in `T`.
    pub(super) fn new(shape: &Shape) -> Spectrum<T> {
        let transform = match shape.is_two_sided() {
            true => Transform::Complex(FftPlanner::new().plan_fft_forward(shape.nfft)),
            false => Transform::Real(RealFftPlanner::new().plan_fft_forward(shape.nfft)),
        };
        let scratch_len = match &transform {
            Transform::Real(fft) => fft.get_scratch_len(),
            Transform::Complex(fft) => fft.get_inplace_scratch_len(),
        };
        let zero = Complex::new(T::zero(), T::zero());
        Spectrum {
            scalar: shape.scalar,
            detrend: shape.detrend,
            taper: shape.taper.iter().map(|&w| T::near(w)).collect(),
            real: vec![T::zero(); if shape.is_two_sided() { 0 } else { shape.nfft }],
            bins: vec![zero; shape.bins()],
            scratch: vec![zero; scratch_len],
            transform,
            loaded: Vec::new(),
        }
    }

    /// The transform of the frame that has these bytes.
    pub(super) fn of(&mut self, frame: &[u8]) -> &mut [Complex<T>] {
        match &self.transform {
            Transform::Real(fft) => {
                let (numbers, padding) = self.real.split_at_mut(self.taper.len());
                if self.scalar == T::SCALAR {
                    let frame = cast_slice::<_, T>(frame);
                    tapered::<T, T, 1>(frame, self.detrend, &self.taper, numbers);
                } else {
                    f64::load(self.scalar, frame, &mut self.loaded);
                    tapered::<f64, T, 1>(&self.loaded, self.detrend, &self.taper, numbers);
                }
                padding.fill(T::zero());
                fft.process_with_scratch(&mut self.real, &mut self.bins, &mut self.scratch)
                    .expect("slices of the lengths that were planned");
            }
            Transform::Complex(fft) => {
                let (numbers, padding) = self.bins.split_at_mut(self.taper.len());
                let numbers = cast_slice_mut::<_, T>(numbers);
                tapered::<T, T, 2>(cast_slice(frame), self.detrend, &self.taper, numbers);
                padding.fill(Complex::new(T::zero(), T::zero()));
                fft.process_with_scratch(&mut self.bins, &mut self.scratch);
            }
        }
        &mut self.bins
    }
}

/// Gives one item for each frame: the bytes that `finish` makes of its transform.
pub(super) struct Framed<T: Part, F> {
    windows: Windows,
    spectrum: Spectrum<T>,
    finish: F,
}

impl<T: Part, F> Framed<T, F> {
    /// Frames as `windows` counts items, each of them what `spectrum` takes.
    pub(super) fn new(windows: Windows, spectrum: Spectrum<T>, finish: F) -> Framed<T, F> {
        Framed {
            windows,
            spectrum,
            finish,
        }
    }
}

impl<T: Part, F: FnMut(&mut [Complex<T>], &mut [u8])> Agent for Framed<T, F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (from, done) = (input.position(), output.position());
        let seen = Seen::of(input);
        let most = done + output.space() as u64;
        let to = seen.end.min(self.windows.end(most) - 1);
        let frames = self.windows.ended(to) - done;
        let item_len = output.item_len();
        for (n, item) in (done..done + frames).zip(output.bytes().chunks_exact_mut(item_len)) {
            let bins = self.spectrum.of(seen.frame(self.windows, n));
            (self.finish)(bins, item);
        }
        input.consume((to - from) as usize);
        output.produce(frames as usize);
        Ok(Status::Ready)
    }
}

/// What can be seen of an input, past items and new ones, by position.
pub(super) struct Seen<'a> {
    bytes: &'a [u8],
    item_len: usize,
    first: u64,
    /// The position after the newest item.
    pub(super) end: u64,
}

impl Seen<'_> {
    /// All that `input` shows.
    pub(super) fn of(input: &Input) -> Seen<'_> {
        let (bytes, past_len) = input.past_elements::<u8>();
        let item_len = input.item_len();
        let first = input.position() - (past_len / item_len) as u64;
        Seen {
            bytes,
            item_len,
            first,
            end: first + (bytes.len() / item_len) as u64,
        }
    }

    /// Bytes of an item.
    pub(super) fn item_len(&self) -> usize {
        self.item_len
    }

    /// The bytes of the items `from .. to`, all of which can be seen.
    pub(super) fn items(&self, from: u64, to: u64) -> &[u8] {
        let at = |position: u64| (position - self.first) as usize * self.item_len;
        match from < to {
            true => &self.bytes[at(from)..at(to)],
            false => &[],
        }
    }

    /// The bytes of the n-th window, all of which can be seen.
    pub(super) fn frame(&self, windows: Windows, n: u64) -> &[u8] {
        let start = (n * windows.step - self.first) as usize * self.item_len;
        &self.bytes[start..start + windows.size as usize * self.item_len]
    }
}
