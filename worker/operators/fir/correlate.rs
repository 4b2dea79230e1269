//! `correlate`: how much of a pattern is in the signal at each item; the matched filter of known taps.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::kernel::Number;
use super::{Due, Fir};

/// The row of the table.
pub const CORRELATE: OpDef = OpDef {
    name: "correlate",
    summary: "correlation with a pattern: its matched filter",
    doc: "Item n is the sum over k of conj(pattern[k]) x[n - (L - 1) + k], L the pattern's length: the pattern's last item has just come. Items before \
the stream's beginning count as 0. `numpy.correlate(x, pattern, \"full\")[:len(x)]`; GNU Radio's `fir_filter` with the pattern conjugated and reversed. With `normalize` it is divided by the \
square root of the pattern's energy times that of the last L items: 1 for the pattern itself at any loudness, never more (0 where all is silent). \
The pattern of a complex stream may be complex.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[
        ParamDef {
            name: "pattern",
            kind: ParamKind::Floats,
            default: None,
            unit: "",
            doc: "The pattern, or its real part; 1 to 1000000 numbers, not all 0.",
        },
        ParamDef {
            name: "pattern_im",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "The pattern's imaginary part, as many numbers. Default: all 0.",
        },
        ParamDef {
            name: "normalize",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether the loudness is taken out.",
        },
    ],
    example: "noise rate=1000 items=6000 ! correlate pattern=[1, 1, 1, -1, -1, 1, -1] normalize=true ! null",
    deterministic: true,
    build,
};

const LEN_MAX: usize = 1_000_000;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let re = args.floats("pattern").unwrap_or_default();
    let im = args.floats("pattern_im");
    let (is_single, is_complex) = match input.item_type {
        ItemType::Scalar(Scalar::F32) => (true, false),
        ItemType::Scalar(Scalar::F64) => (false, false),
        ItemType::Scalar(Scalar::Cf32) => (true, true),
        ItemType::Scalar(Scalar::Cf64) => (false, true),
        _ => {
            let wanted = "floating-point or complex numbers";
            return Err(OpError::input_type("correlate", input, wanted));
        }
    };
    let energy: f64 = re.iter().chain(im.iter().flatten()).map(|p| p * p).sum();
    if re.len() > LEN_MAX || energy <= 0.0 || energy.is_infinite() {
        let message = format!(
            "`pattern` has {} numbers with an energy of {energy}: 1 to {LEN_MAX} with a finite energy above 0 can be",
            re.len()
        );
        return Err(OpError::param("pattern", message));
    }
    if let Some(im) = &im {
        if im.len() != re.len() {
            let message = format!(
                "`pattern_im` has {} numbers, and `pattern` has {}",
                im.len(),
                re.len()
            );
            return Err(OpError::param("pattern_im", message));
        }
        if !is_complex {
            let message = format!(
                "a complex pattern needs a complex stream, and the input is {}",
                input.item_type
            );
            return Err(OpError::param("pattern_im", message)
                .with_help("`map expr=\"complex(x, 0)\"` makes it complex"));
        }
    }
    let retain = re.len() - 1;
    let stride = 1 + usize::from(is_complex);
    let energy = args.flag("normalize").then_some(energy);
    let blueprint = match is_single {
        true => Blueprint::new(Correlate::<f32>::new(&re, im.as_deref(), stride, energy)),
        false => Blueprint::new(Correlate::<f64>::new(&re, im.as_deref(), stride, energy)),
    };
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()).retain(retain))
        .output(OutPort::new(input.item_type.clone(), input.rate)))
}

struct Correlate<E> {
    stride: usize,
    re: Fir<E>,
    im: Option<Fir<E>>,
    level: Option<Loudness<E>>,
    /// What the imaginary part of the pattern gives.
    crossed: Vec<E>,
}

/// The energy of the last items, as a filter of their squares.
struct Loudness<E> {
    sum: Fir<E>,
    pattern: f64,
    squares: Vec<E>,
    sums: Vec<E>,
}

impl<E: Number> Correlate<E> {
    fn new(re: &[f64], im: Option<&[f64]>, stride: usize, energy: Option<f64>) -> Correlate<E> {
        // The first tap is that of the newest item.
        let reversed = |pattern: &[f64]| {
            let taps: Vec<f64> = pattern.iter().rev().copied().collect();
            Fir::new(&taps, stride, 1)
        };
        Correlate {
            stride,
            re: reversed(re),
            im: im.map(reversed),
            level: energy.map(|pattern| Loudness {
                sum: Fir::new(&vec![1.0; re.len()], 1, 1),
                pattern,
                squares: Vec::new(),
                sums: Vec::new(),
            }),
            crossed: Vec::new(),
        }
    }
}

impl<E: Number> Agent for Correlate<E> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (history, past) = input.past_elements::<E>();
        let past = past / self.stride;
        let due = self.re.due(input, output);
        let room = &mut output.elements::<E>()[..due.count * self.stride];
        self.re.filter(history, past, due, room);
        if let Some(im) = &mut self.im {
            self.crossed.resize(room.len(), E::zeroed());
            im.filter(history, past, due, &mut self.crossed);
            for (y, crossed) in room.chunks_exact_mut(2).zip(self.crossed.chunks_exact(2)) {
                // (re - i im) of the pattern, of which `y` has re and `crossed` has im.
                y[0] = E::nearest(y[0].wide() + crossed[1].wide());
                y[1] = E::nearest(y[1].wide() - crossed[0].wide());
            }
        }
        if let Some(level) = &mut self.level {
            level.take_out(
                &history[..(past + due.count) * self.stride],
                past,
                due,
                room,
            );
        }
        input.consume(due.consumed);
        output.produce(due.count);
        Ok(Status::Ready)
    }
}

impl<E: Number> Loudness<E> {
    /// Divides what is due by the loudness of pattern and signal.
    fn take_out(&mut self, history: &[E], past: usize, due: Due, room: &mut [E]) {
        let Some(stride) = room.len().checked_div(due.count) else {
            return;
        };
        let square = |item: &[E]| item.iter().map(|x| x.wide() * x.wide()).sum();
        self.squares.clear();
        self.squares.extend(
            history
                .chunks_exact(stride)
                .map(|item| E::nearest(square(item))),
        );
        self.sums.resize(due.count, E::zeroed());
        self.sum.filter(&self.squares, past, due, &mut self.sums);
        for (item, sum) in room.chunks_exact_mut(stride).zip(&self.sums) {
            let loudness = (self.pattern * sum.wide()).sqrt();
            for y in item {
                let part = if loudness > 0.0 {
                    y.wide() / loudness
                } else {
                    0.0
                };
                *y = E::nearest(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn it_is_the_sum_of_products_with_the_last_items() {
        let params = [("pattern", Value::from([1.0, 2.0, 4.0]))];
        let y: Vec<f64> = output(
            "correlate",
            &[given("f64", &[1.0, 10.0, 100.0, 1000.0])],
            &params,
            None,
        );
        assert_eq!(y, [4.0, 42.0, 421.0, 4210.0]);
    }

    #[test]
    fn a_complex_pattern_is_conjugated() {
        let params = [
            ("pattern", Value::from([1.0, 0.0])),
            ("pattern_im", Value::from([0.0, 1.0])),
        ];
        let x = [Complex::new(2.0f32, 3.0), Complex::new(5.0, 7.0)];
        let y: Vec<Complex<f32>> = output("correlate", &[given("cf32", &x)], &params, None);
        let minus_i = Complex::new(0.0, -1.0);
        assert_eq!(y, [x[0] * minus_i, x[0] + x[1] * minus_i]);
    }

    #[test]
    fn a_pattern_is_found_at_any_loudness() {
        let pattern = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0];
        let mut x = vec![0.0; 40];
        for (k, p) in pattern.iter().enumerate() {
            x[20 + k] = 1e-3 * p;
        }
        let params = [
            ("pattern", Value::from(pattern)),
            ("normalize", Value::from(true)),
        ];
        let y: Vec<f64> = output("correlate", &[given("f64", &x)], &params, None);
        assert!((y[26] - 1.0).abs() < 1e-12);
        assert!(y.iter().all(|y| y.abs() <= 1.0 + 1e-12));
        assert!(y[..20].iter().chain(&y[33..]).all(|y| *y == 0.0));
        let complex: Vec<Complex<f64>> = x.iter().map(|&x| Complex::new(0.0, x)).collect();
        let y: Vec<Complex<f64>> = output("correlate", &[given("cf64", &complex)], &params, None);
        assert!((y[26] - Complex::i()).norm() < 1e-12);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let cases = [
            ("f32", "pattern", Value::List(vec![]), "pattern"),
            ("f32", "pattern", Value::from([0.0, 0.0]), "pattern"),
            ("cf32", "pattern_im", Value::from([1.0]), "pattern_im"),
            ("f32", "pattern_im", Value::from([1.0, 2.0]), "pattern_im"),
            ("i16", "normalize", Value::from(true), "in"),
        ];
        for (item_type, name, value, param) in cases {
            let mut params = vec![("pattern", Value::from([1.0, 2.0]))];
            params.retain(|(n, _)| *n != name);
            params.push((name, value));
            let refused =
                build("correlate", &[given::<u8>(item_type, &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param));
        }
    }
}
