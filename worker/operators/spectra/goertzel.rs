//! `goertzel`: a few frequencies of each frame.

use std::f64::consts::TAU;

use num_complex::Complex;

use super::frames::{RATE, frames_of, single_numbers};
use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, Value};
use crate::operators::iir;
use crate::sliding::Windows;
use crate::types::{ItemType, Scalar};
use crate::wide::{View, Wide};

/// The row of the table.
pub const GOERTZEL: OpDef = OpDef {
    name: "goertzel",
    summary: "a few frequencies of each frame: tones, carriers",
    doc: "The n-th frame, the items `n * hop .. n * hop + size`, becomes for each frequency f the sum of x[k] exp(-2 pi i k f / rate), k counted from the \
frame's beginning: what `fft` has at that frequency, which need not be one of its bins. A sine of amplitude A shows a magnitude \
of about A size / 2. What Goertzel's recurrence gives (GNU Radio's `goertzel`), here as sums over tabulated sines, which the processor \
takes several at a time and which lose nothing at low frequencies. Sums are in f64; f32 and cf32 give cf32, other numbers cf64. \
One frequency gives numbers, a list vectors. More than a dozen are quicker by `rfft` and `pick`.",
    inputs: Arity::One,
    outputs: "one stream of complex numbers, or of vectors of them, of rate / hop",
    params: &[
        ParamDef {
            name: "freq",
            kind: ParamKind::Number,
            default: None,
            unit: "Hz",
            doc: "The frequency, or a list of up to 1024, none beyond half the rate; negative ones have a meaning in complex streams.",
        },
        ParamDef {
            name: "size",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "Items in a frame.",
        },
        ParamDef {
            name: "hop",
            kind: ParamKind::Length,
            default: Some(""),
            unit: "items",
            doc: "Items from one frame's beginning to the next one's. Default: `size`.",
        },
        RATE,
    ],
    example: "sine freq=697 rate=8000 items=8000 ! goertzel freq=[697, 770, 852, 941] size=205 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = single_numbers(args)?;
    let rate = iir::rate(args)?;
    let freqs = args.floats("freq").unwrap_or_default();
    if !(1..=1024).contains(&freqs.len()) {
        let words = format!("`freq` has {} numbers: 1 to 1024 can be", freqs.len());
        return Err(OpError::param("freq", words));
    }
    if let Some(beyond) = freqs.iter().find(|freq| freq.abs() > rate / 2.0) {
        let words = format!(
            "`freq` has {beyond} Hz, beyond {} Hz, half of the stream's rate",
            rate / 2.0
        );
        let help = "such a tone is heard as another one: give that, or a higher rate";
        return Err(OpError::param("freq", words).with_help(help));
    }
    let size = args.required_length("size", 1)?;
    let windows = Windows {
        size,
        step: args.length("hop", 1)?.unwrap_or(size),
    };
    let gives = match scalar {
        Scalar::F32 | Scalar::Cf32 => Scalar::Cf32,
        _ => Scalar::Cf64,
    };
    let item_type = match args.value("freq") {
        Some(Value::List(_)) => ItemType::Vector(gives, freqs.len() as u32),
        _ => ItemType::Scalar(gives),
    };
    let agent = Goertzel {
        windows,
        takes: scalar,
        gives,
        tones: freqs.iter().map(|freq| Tone::new(freq / rate)).collect(),
        taken: Vec::new(),
        parts: [Vec::new(), Vec::new()],
        sums: Vec::new(),
    };
    let input = args.input();
    let rate = input.rate.map(|rate| rate / windows.step as f64);
    Ok(Blueprint::new(agent)
        .input(frames_of(args, windows))
        .output(OutPort::new(item_type, rate)))
}

/// Items whose sines are tabulated: the rest are these, turned.
const TABLE: usize = 64;

/// A frequency.
struct Tone {
    /// Turns from one item to the next.
    turns: f64,
    /// Real and imaginary parts of exp(-2 pi i k turns), for the first items.
    table: [[f64; TABLE]; 2],
}

impl Tone {
    fn new(turns: f64) -> Tone {
        let table = [
            std::array::from_fn(|k| turned(turns, k).re),
            std::array::from_fn(|k| turned(turns, k).im),
        ];
        Tone { turns, table }
    }

    /// The sum over a frame of real numbers.
    fn sum(&self, numbers: &[f64]) -> Complex<f64> {
        let blocks = numbers.chunks(TABLE).enumerate();
        let parts = blocks.map(|(b, block)| {
            let [re, im] = &self.table;
            let part = Complex::new(dot(block, re), dot(block, im));
            part * turned(self.turns, b * TABLE)
        });
        parts.sum()
    }
}

/// exp(-2 pi i k turns): whole turns are left out first, for a large angle would be a rough one.
fn turned(turns: f64, k: usize) -> Complex<f64> {
    let turn = turns * k as f64;
    Complex::from_polar(1.0, -TAU * (turn - turn.round()))
}

/// The sum of products, eight at a time, in an order that follows from their number alone.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Where it is follows from the streams' positions; its fields are tables and scratch.
struct Goertzel {
    windows: Windows,
    takes: Scalar,
    gives: Scalar,
    tones: Vec<Tone>,
    taken: Vec<f64>,
    /// Real and imaginary parts of a frame.
    parts: [Vec<f64>; 2],
    sums: Vec<Complex<f64>>,
}

impl Agent for Goertzel {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut view = View::new(input, self.takes, &mut self.taken);
        let (from, done) = (input.position(), output.position());
        let most = done + output.space() as u64;
        let to = view.end().min(self.windows.end(most) - 1);
        self.sums.clear();
        for n in done..self.windows.ended(to) {
            let start = n * self.windows.step;
            let numbers = view.range(start, start + self.windows.size);
            if self.takes.is_complex() {
                let [re, im] = &mut self.parts;
                let of = |k| numbers.iter().skip(k).step_by(2);
                re.clear();
                im.clear();
                re.extend(of(0));
                im.extend(of(1));
                let sum = |tone: &Tone| tone.sum(re) + tone.sum(im) * Complex::<f64>::I;
                self.sums.extend(self.tones.iter().map(sum));
            } else {
                self.sums
                    .extend(self.tones.iter().map(|tone| tone.sum(numbers)));
            }
        }
        let count = self.sums.len() / self.tones.len();
        let len_bytes = count * output.item_len();
        let numbers = bytemuck::cast_slice(&self.sums);
        f64::store(numbers, self.gives, &mut output.bytes()[..len_bytes]);
        input.consume((to - from) as usize);
        output.produce(count);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_frequency_of_a_bin_is_that_bin() {
        let x: Vec<f64> = (0..400).map(|n| (n as f64 * 0.37).sin() + 0.5).collect();
        let size = [("size", Value::Int(200))];
        let spectra: Vec<Complex<f64>> = output("rfft", &[given("f64", &x)], &size, None);
        let freqs = ("freq", Value::from([0.0, 12.0, 31.0, 100.0]));
        let x = given("f64", &x).rate(200.0);
        let found: Vec<[Complex<f64>; 4]> =
            output("goertzel", &[x], &[&size[..], &[freqs]].concat(), None);
        assert_eq!(found.len(), 2);
        for (found, bins) in found.iter().zip(spectra.chunks_exact(101)) {
            for (found, bin) in found.iter().zip([0, 12, 31, 100]) {
                assert!(
                    (found - bins[bin]).norm() < 1e-11,
                    "{bin}: {found} {}",
                    bins[bin]
                );
            }
        }
    }

    #[test]
    fn one_frequency_gives_numbers() {
        let params = [("size", Value::Int(4)), ("freq", Value::Int(25))];
        let x = given("f32", &[1.0f32, 2.0, 3.0, 4.0]).rate(100.0);
        let found: Vec<Complex<f32>> = output("goertzel", &[x], &params, None);
        assert!(
            (found[0] - Complex::new(-2.0, 2.0)).norm() < 1e-6,
            "{}",
            found[0]
        );
    }

    #[test]
    fn no_frequencies_too_many_too_high_and_unknown_rates_are_refused() {
        let size = ("size", Value::Int(4));
        let build = |freq: Value, rate: Option<f64>| {
            let x = given::<f64>("f64", &[]);
            let x = match rate {
                Some(rate) => x.rate(rate),
                None => x,
            };
            build("goertzel", &[x], &[size.clone(), ("freq", freq)], None)
        };
        assert!(build(Value::Int(5), None).is_err());
        assert!(build(Value::List(Vec::new()), Some(100.0)).is_err());
        assert!(build(vec![1.0; 1025].into(), Some(100.0)).is_err());
        assert!(build(vec![1.0, -50.5].into(), Some(100.0)).is_err());
        assert!(build(vec![50.0, -50.0].into(), Some(100.0)).is_ok());
        assert!(build(vec![1.0; 1024].into(), Some(100.0)).is_ok());
    }
}
