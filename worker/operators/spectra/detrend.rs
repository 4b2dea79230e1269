//! `detrend`, and what spectra take off a frame first: its mean, or the straight line that fits it best.

use super::frames::Part;
use super::vectors::vectors;
use crate::agent::{Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const DETREND: OpDef = OpDef {
    name: "detrend",
    summary: "takes a window's mean, or the straight line that fits it best, off it",
    doc: "`scipy.signal.detrend(window, type=type)`, of each vector: `blocks size=100 ! detrend ! flatten` does it to each 100 items of a stream. \
A line that fits all of a signal would need its end first: `iir.highpass` and `dc_block` take slow changes off as they come. \
Vectors of f32 and cf32 keep their type, of other real numbers they become f64, of complex ones cf64; computed in f64.",
    inputs: Arity::One,
    outputs: "one stream of vectors of the same length",
    params: &[ParamDef {
        name: "type",
        kind: ParamKind::Choice(&["linear", "constant"]),
        default: Some("linear"),
        unit: "",
        doc: "`linear`: the line of least squares is taken off. `constant`: the mean.",
    }],
    example: "noise rate=1000 items=4000 ! blocks size=100 ! detrend ! flatten ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let ItemType::Vector(scalar, width) = input.item_type else {
        return Err(
            OpError::input_type("detrend", input, "vectors, each of them a window")
                .or_help("put `blocks size=..` before it, and `flatten` behind it"),
        );
    };
    let gives = match scalar {
        Scalar::F32 | Scalar::Cf32 | Scalar::Cf64 => scalar,
        _ => Scalar::F64,
    };
    let detrend = match args.text("type") {
        Some("constant") => Detrend::Constant,
        _ => Detrend::Linear,
    };
    let take_off: fn(Detrend, &mut [f64]) = match scalar.is_complex() {
        true => take_off::<2>,
        false => take_off::<1>,
    };
    let output = OutPort::new(ItemType::Vector(gives, width), input.rate).keeps_unit();
    Ok(vectors(input, output, move |numbers| {
        take_off(detrend, numbers)
    }))
}

fn take_off<const PARTS: usize>(detrend: Detrend, numbers: &mut [f64]) {
    let lines = detrend.lines::<f64, PARTS>(numbers);
    for (n, item) in numbers.chunks_exact_mut(PARTS).enumerate() {
        for (x, line) in item.iter_mut().zip(&lines) {
            *x -= line.at(n);
        }
    }
}

/// What is taken off a frame.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Detrend {
    Nothing,
    Constant,
    Linear,
}

impl Detrend {
    /// What the parameter `detrend` says.
    pub(super) fn named(name: Option<&str>) -> Detrend {
        match name {
            Some("constant") => Detrend::Constant,
            Some("linear") => Detrend::Linear,
            _ => Detrend::Nothing,
        }
    }

    /// What is taken off each of the `PARTS` numbers that an item of these has.
    ///
    /// Sums are added up in an order that follows from their number alone.
    pub(super) fn lines<X: Part, const PARTS: usize>(self, numbers: &[X]) -> [Line; PARTS] {
        let items = numbers.len() / PARTS;
        let centre = (items as f64 - 1.0) / 2.0;
        let flat = Line {
            mean: 0.0,
            slope: 0.0,
            centre,
        };
        let mut lines = [flat; PARTS];
        if self == Detrend::Nothing {
            return lines;
        }
        let sums = lanes::<PARTS>(numbers.len(), |k| numbers[k].wide());
        for (line, sum) in lines.iter_mut().zip(sums) {
            line.mean = sum / items as f64;
        }
        if self == Detrend::Constant || items < 2 {
            return lines;
        }
        let products = lanes::<PARTS>(numbers.len(), |k| {
            ((k / PARTS) as f64 - centre) * (numbers[k].wide() - lines[k % PARTS].mean)
        });
        let n = items as f64;
        let squares = n * (n * n - 1.0) / 12.0;
        for (line, product) in lines.iter_mut().zip(products) {
            line.slope = product / squares;
        }
        lines
    }
}

/// The sums of the terms at each place modulo `PARTS`, which divides 8.
fn lanes<const PARTS: usize>(len: usize, term: impl Fn(usize) -> f64) -> [f64; PARTS] {
    let mut lanes = [0.0; 8];
    let whole = len - len % 8;
    for first in (0..whole).step_by(8) {
        for (n, lane) in lanes.iter_mut().enumerate() {
            *lane += term(first + n);
        }
    }
    for k in whole..len {
        lanes[k - whole] += term(k);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let [even, odd] = [(a + c) + (e + g), (b + d) + (f + h)];
    let mut sums = [0.0; PARTS];
    match PARTS {
        1 => sums[0] = even + odd,
        _ => sums.copy_from_slice(&[even, odd]),
    }
    sums
}

/// A straight line over a frame's items.
#[derive(Clone, Copy)]
pub(super) struct Line {
    mean: f64,
    slope: f64,
    centre: f64,
}

impl Line {
    /// Its value at the n-th item.
    pub(super) fn at(&self, n: usize) -> f64 {
        self.mean + self.slope * (n as f64 - self.centre)
    }
}

/// Writes a frame's items less what is taken off it, times the taper.
pub(super) fn tapered<X: Part, T: Part, const PARTS: usize>(
    frame: &[X],
    detrend: Detrend,
    taper: &[T],
    out: &mut [T],
) {
    if detrend == Detrend::Nothing {
        let items = out.chunks_exact_mut(PARTS).zip(frame.chunks_exact(PARTS));
        for ((item, x), w) in items.zip(taper) {
            for part in 0..PARTS {
                item[part] = T::near(x[part].wide()) * *w;
            }
        }
        return;
    }
    let lines = detrend.lines::<X, PARTS>(frame);
    let items = out.chunks_exact_mut(PARTS).zip(frame.chunks_exact(PARTS));
    for (n, ((item, x), w)) in items.zip(taper).enumerate() {
        for part in 0..PARTS {
            item[part] = T::near((x[part].wide() - lines[part].at(n)) * w.wide());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_line_is_taken_off_each_window_of_its_own() {
        let x = [[1i16, 3, 5, 7], [9, 0, 0, -9]];
        let y: Vec<[f64; 4]> = output("detrend", &[given("i16[4]", &x)], &[], None);
        assert_eq!(y[0], [0.0; 4]);
        let expected = [0.9, -2.7, 2.7, -0.9];
        for (y, expected) in y[1].iter().zip(expected) {
            assert!((y - expected).abs() < 1e-12, "{y} {expected}");
        }
        let constant = [("type", Value::from("constant"))];
        let y: Vec<[f64; 4]> = output("detrend", &[given("i16[4]", &x)], &constant, None);
        assert_eq!(y, [[-3.0, -1.0, 1.0, 3.0], [9.0, 0.0, 0.0, -9.0]]);
    }

    #[test]
    fn real_and_imaginary_parts_have_a_line_each() {
        let x = [[[1.0f32, 5.0], [2.0, 3.0], [3.0, 1.0]]];
        let y: Vec<[f32; 6]> = output("detrend", &[given("cf32[3]", &x)], &[], None);
        assert_eq!(y, [[0.0; 6]]);
    }

    #[test]
    fn single_numbers_are_told_what_makes_windows_of_them() {
        let refused = build("detrend", &[given::<f64>("f64", &[])], &[], None).unwrap_err();
        assert!(refused.help.unwrap().contains("blocks"));
    }
}
