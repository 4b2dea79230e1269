//! Means and medians over some frames, of one stream or of two: `csd`, `coherence`, and `welch` by the median.
//!
//! All items of the frames of a mean are looked back at, so there is no state. What frames have come to is kept in the agent
//! as well, and made again where it is not there: after a restart.

use bytemuck::cast_slice_mut;
use num_complex::Complex;

use super::frames::{AT_ONCE, Part, Seen, Shape, Spectrum};
use super::spectrogram::power;
use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Io, OutPort, Status};
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::sliding::Windows;
use crate::types::ItemType;
use crate::units::Unit;

pub(super) const SEGMENTS: ParamDef = ParamDef {
    name: "segments",
    kind: ParamKind::Int,
    default: Some(""),
    unit: "frames",
    doc: "Frames in a mean; 8 without it.",
};

pub(super) const EVERY: ParamDef = ParamDef {
    name: "every",
    kind: ParamKind::Int,
    default: Some(""),
    unit: "frames",
    doc: "Frames from one mean's beginning to the next one's. Default: `segments`, no frame in two means.",
};

pub(super) const AVERAGE: ParamDef = ParamDef {
    name: "average",
    kind: ParamKind::Choice(&["mean", "median"]),
    default: Some("mean"),
    unit: "",
    doc: "`median`: the middle one of the frames, bin by bin, over SciPy's factor for its bias: one loud frame changes little.",
};

/// Which frames are in a mean, as windows over frames.
pub(super) fn means(args: &Args) -> Result<Windows, OpError> {
    let segments = args.count("segments", 1)?.unwrap_or(8);
    let step = args.count("every", 1)?.unwrap_or(segments);
    Ok(Windows {
        size: segments,
        step,
    })
}

/// What a mean is of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Of {
    /// The only input's powers.
    Power,
    /// The products of two inputs' bins.
    Cross,
    /// Those, and the powers of both.
    Coherence,
}

impl Of {
    /// Numbers that a frame comes to in a bin.
    pub(super) fn width(self) -> usize {
        match self {
            Of::Power => 1,
            Of::Cross => 2,
            Of::Coherence => 4,
        }
    }

    /// What these are multiplied with, bin by bin.
    pub(super) fn scales(self, args: &Args, shape: &Shape) -> Result<Vec<f64>, OpError> {
        match self {
            // It cancels.
            Of::Coherence => Ok(vec![1.0; shape.bins()]),
            _ => shape.power_scale(args),
        }
    }

    /// The output: a vector of so many bins.
    pub(super) fn output(self, args: &Args, shape: &Shape, rate: Option<f64>) -> OutPort {
        let scalar = match self {
            Of::Cross => shape.complex(),
            _ => shape.real(),
        };
        let mut units = args.inputs().iter().map(|input| &input.unit);
        let unit = match self {
            Of::Coherence => Unit::Unknown,
            _ if units.all(|unit| *unit == args.input().unit) => shape.power_unit(args),
            _ => Unit::Unknown,
        };
        OutPort::new(ItemType::Vector(scalar, shape.bins() as u32), rate).unit(unit)
    }
}

/// What frames come to, one after the other.
pub(super) struct Products<T: Part> {
    of: Of,
    frames: Windows,
    /// One for each input.
    spectra: Vec<Spectrum<T>>,
    scales: Vec<f64>,
}

impl<T: Part> Products<T> {
    pub(super) fn new(args: &Args, shape: &Shape, of: Of, scales: Vec<f64>) -> Products<T> {
        Products {
            of,
            frames: shape.windows,
            spectra: args.inputs().iter().map(|_| Spectrum::new(shape)).collect(),
            scales,
        }
    }

    /// Writes to `row` what frame `n` comes to.
    pub(super) fn frame(&mut self, seen: &[Seen<'_>], n: u64, row: &mut [f64]) {
        match (&mut self.spectra[..], seen) {
            ([spectrum], [seen]) => {
                let bins = spectrum.of(seen.frame(self.frames, n));
                for ((y, x), scale) in row.iter_mut().zip(bins).zip(&self.scales) {
                    *y = power(*x) * scale;
                }
            }
            ([spectrum, other], [seen, other_seen]) => {
                let x = spectrum.of(seen.frame(self.frames, n));
                let y = other.of(other_seen.frame(self.frames, n));
                let rows = row.chunks_exact_mut(self.of.width());
                for (((row, x), y), scale) in rows.zip(x).zip(y).zip(&self.scales) {
                    let (xr, xi, yr, yi) = (x.re.wide(), x.im.wide(), y.re.wide(), y.im.wide());
                    row[0] = (xr * yr + xi * yi) * scale;
                    row[1] = (xr * yi - xi * yr) * scale;
                    if let [_, _, of_x, of_y] = row {
                        (*of_x, *of_y) = (power(*x), power(*y));
                    }
                }
            }
            _ => unreachable!("one input or two"),
        }
    }

    /// Writes the item that a mean of such rows is.
    pub(super) fn store(&self, mean: &[f64], item: &mut [u8]) {
        match self.of {
            Of::Power => {
                let slots = cast_slice_mut::<_, T>(item).iter_mut();
                slots.zip(mean).for_each(|(y, x)| *y = T::near(*x));
            }
            Of::Cross => {
                let slots = cast_slice_mut::<_, Complex<T>>(item).iter_mut();
                for (y, x) in slots.zip(mean.chunks_exact(2)) {
                    *y = Complex::new(T::near(x[0]), T::near(x[1]));
                }
            }
            Of::Coherence => {
                let slots = cast_slice_mut::<_, T>(item).iter_mut();
                for (y, x) in slots.zip(mean.chunks_exact(4)) {
                    *y = T::near((x[0] * x[0] + x[1] * x[1]) / x[2] / x[3]);
                }
            }
        }
    }
}

/// Items of a mean, and numbers that its frames come to, at most.
const MOST: u64 = 1 << 22;

/// The agent that gives such means of its inputs.
pub(super) fn blueprint(args: &Args, shape: &Shape, of: Of) -> Result<Blueprint, OpError> {
    let means = means(args)?;
    let frames = shape.windows;
    let span = (means.size - 1)
        .saturating_mul(frames.step)
        .saturating_add(frames.size);
    let numbers = means
        .size
        .saturating_mul((shape.bins() * of.width()) as u64);
    if span.max(numbers) > MOST {
        let words = format!(
            "means of {} frames span {span} items and come to {numbers} numbers, and {MOST} can be kept of each",
            means.size
        );
        return Err(OpError::param("segments", words).with_help("give fewer `segments`"));
    }
    let scales = of.scales(args, shape)?;
    let is_median = of != Of::Coherence && args.text("average") == Some("median");
    let blueprint = match shape.is_single() {
        true => Blueprint::new(Held::<f32>::new(args, shape, of, means, scales, is_median)),
        false => Blueprint::new(Held::<f64>::new(args, shape, of, means, scales, is_median)),
    };
    let rate = shape.frame_rate(args).map(|rate| rate / means.step as f64);
    // Of several inputs any item is taken as it comes: a tag goes by the item that it stands at.
    let news = match args.inputs() {
        [_] => frames.step.min(AT_ONCE) as usize,
        _ => 1,
    };
    let blueprint = blueprint
        .output(of.output(args, shape, rate))
        .ends(Ends::AnyInput);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(
            InPort::new(input.item_type.clone())
                .retain(span as usize - 1)
                .at_least(news),
        )
    }))
}

struct Held<T: Part> {
    frames: Windows,
    means: Windows,
    is_median: bool,
    products: Products<T>,
    rows: Rows,
    /// The mean that is given.
    mean: Vec<f64>,
    column: Vec<f64>,
}

/// What the newest frames have come to: frame n at row n modulo their number.
struct Rows {
    numbers: Vec<f64>,
    width: usize,
    /// The frame that each row is of.
    of: Vec<Option<u64>>,
}

impl Rows {
    fn row(&self, n: u64) -> &[f64] {
        let at = n as usize % self.of.len() * self.width;
        &self.numbers[at..at + self.width]
    }

    /// The row of frame `n`, if it is another's still.
    fn missing(&mut self, n: u64) -> Option<&mut [f64]> {
        let row = n as usize % self.of.len();
        let is_missing = self.of[row].replace(n) != Some(n);
        is_missing.then(|| &mut self.numbers[row * self.width..][..self.width])
    }
}

impl<T: Part> Held<T> {
    fn new(
        args: &Args,
        shape: &Shape,
        of: Of,
        means: Windows,
        scales: Vec<f64>,
        is_median: bool,
    ) -> Held<T> {
        let (width, frames) = (shape.bins() * of.width(), means.size as usize);
        Held {
            frames: shape.windows,
            means,
            is_median,
            products: Products::new(args, shape, of, scales),
            rows: Rows {
                numbers: vec![0.0; width * frames],
                width,
                of: vec![None; frames],
            },
            mean: vec![0.0; width],
            column: Vec::new(),
        }
    }

    /// Sees to it that frame `n` has its row.
    fn keep(&mut self, seen: &[Seen<'_>], n: u64) {
        if let Some(row) = self.rows.missing(n) {
            self.products.frame(seen, n, row);
        }
    }

    /// Gives the mean of the frames `first ..`, all of which have their rows.
    fn give(&mut self, first: u64, item: &mut [u8]) {
        let frames = first..first + self.means.size;
        if self.is_median {
            let bias = median_bias(self.means.size);
            for (at, mean) in self.mean.iter_mut().enumerate() {
                self.column.clear();
                self.column
                    .extend(frames.clone().map(|n| self.rows.row(n)[at]));
                *mean = median(&mut self.column) / bias;
            }
        } else {
            self.mean.fill(0.0);
            for n in frames {
                let terms = self.mean.iter_mut().zip(self.rows.row(n));
                terms.for_each(|(sum, x)| *sum += x);
            }
            let count = self.means.size as f64;
            self.mean.iter_mut().for_each(|sum| *sum /= count);
        }
        self.products.store(&self.mean, item);
    }
}

/// The middle number, or the mean of the two in the middle; NaN where there is one.
fn median(numbers: &mut [f64]) -> f64 {
    if numbers.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let half = numbers.len() / 2;
    let is_odd = numbers.len() % 2 == 1;
    let (below, &mut middle, _) = numbers.select_nth_unstable_by(half, f64::total_cmp);
    match is_odd {
        true => middle,
        false => (below.iter().copied().fold(f64::NEG_INFINITY, f64::max) + middle) / 2.0,
    }
}

/// How much less than the mean the median of so many powers of noise is: Allen et al., Physical Review D 85 (2012), appendix B.
fn median_bias(count: u64) -> f64 {
    let twos = (1..=(count - 1) / 2).map(|k| 2.0 * k as f64);
    1.0 + twos.map(|two| 1.0 / (two + 1.0) - 1.0 / two).sum::<f64>()
}

impl<T: Part> Agent for Held<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let from = io.inputs[0].position();
        let seen: Vec<Seen<'_>> = io.inputs.iter().map(Seen::of).collect();
        let end = seen.iter().map(|seen| seen.end).min().unwrap_or(from);
        // The frame that would end the first mean there is no room for.
        let stop = self.means.end(output.position() + output.space() as u64) - 1;
        let to = end.min(self.frames.end(stop) - 1);
        let item_len = output.item_len();
        for n in self.frames.ended(from)..self.frames.ended(to) {
            self.keep(&seen, n);
            let mean = output.position();
            if self.means.end(mean) == n + 1 {
                let first = mean * self.means.step;
                (first..n).for_each(|n| self.keep(&seen, n));
                self.give(first, &mut output.bytes()[..item_len]);
                output.produce(1);
            }
        }
        drop(seen);
        for input in io.inputs.iter_mut() {
            input.consume((to - from) as usize);
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_or_between_the_two_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&mut [1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(median_bias(1), 1.0);
        assert_eq!(median_bias(3), 1.0 + 1.0 / 3.0 - 1.0 / 2.0);
    }
}
