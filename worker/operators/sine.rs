//! `sine`: a tone, exact at any distance from the stream's start.

use num_complex::Complex;

use crate::agent::{Blueprint, State};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::counter::{GRID, blocks};
use super::course::Course;
use super::numbers::dtype_scalar;
use super::positional::{self, ITEMS, RATE};

/// The row of the table.
pub const SINE: OpDef = OpDef {
    name: "sine",
    summary: "a sine wave; for complex types a complex exponential",
    doc: "The n-th item is offset + amplitude * sin(2 pi freq n / rate + phase); for cf32 and cf64 \
          offset + amplitude * exp(i (2 pi freq n / rate + phase)). The turns freq n / rate are kept as \
          a 128-bit fraction, so the phase is as exact at n = 1e15 as at 0. Between anchors every 512 \
          items the angle addition theorem is used. A frequency above rate / 2 aliases, as sampling does; \
          a negative one turns the other way.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`: f64 (default), f32, cf64 or cf32",
    params: &[
        ParamDef {
            name: "freq",
            kind: ParamKind::Dial,
            default: None,
            unit: "Hz",
            doc: "The tone's frequency. When it is turned the phase goes on where it was.",
        },
        ParamDef {
            default: None,
            ..RATE
        },
        ParamDef {
            name: "amplitude",
            kind: ParamKind::Dial,
            default: Some("1"),
            unit: "",
            doc: "The largest distance from `offset`.",
        },
        ParamDef {
            name: "phase",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "rad",
            doc: "The angle at the first item.",
        },
        ParamDef {
            name: "offset",
            kind: ParamKind::Dial,
            default: Some("0"),
            unit: "",
            doc: "Added to every item (its real part).",
        },
        ITEMS,
    ],
    example: "sine freq=440 rate=48000 items=4800 ! null",
    deterministic: true,
    build,
};

const TYPES: [Scalar; 4] = [Scalar::F64, Scalar::F32, Scalar::Cf64, Scalar::Cf32];

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = dtype_scalar("sine", args.dtype(), Scalar::F64, &TYPES)?;
    let rate = positional::rate(args)?.unwrap_or(1.0);
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let freq = number("freq");
    let mut tone = Tone::new(freq, rate, number("amplitude"), number("phase"));
    let item_type = ItemType::Scalar(scalar);
    macro_rules! source {
        ($number:ty, |$offset:ident, $cos:ident, $sin:ident| $item:expr) => {
            positional::with_state(
                args,
                item_type,
                Course::spec(freq),
                move |first, room: &mut [$number], dials, state| {
                    let $offset = tone.turn(dials, first, state);
                    tone.fill(first, room, |$cos, $sin| $item);
                },
            )
        };
    }
    let made = match scalar {
        Scalar::F32 => source!(f32, |offset, _cos, sin| (sin + offset) as f32),
        Scalar::Cf32 => source!(Complex<f32>, |offset, cos, sin| {
            Complex::new((cos + offset) as f32, sin as f32)
        }),
        Scalar::Cf64 => source!(Complex<f64>, |offset, cos, sin| {
            Complex::new(cos + offset, sin)
        }),
        _ => source!(f64, |offset, _cos, sin| sin + offset),
    };
    Ok(positional::above_half(made?, freq, rate)
        .dial("freq", freq, f64::MIN..=f64::MAX)
        .dial("amplitude", number("amplitude"), f64::MIN..=f64::MAX)
        .dial("offset", number("offset"), f64::MIN..=f64::MAX))
}

/// A tone, with the cosine and sine of the angles from an anchor to each of the items after it.
struct Tone {
    freq: f64,
    rate: f64,
    turns_per_item: u128,
    /// Turns at item 0.
    origin: u128,
    amplitude: f64,
    phase: f64,
    cos_after: Box<[f64; GRID as usize]>,
    sin_after: Box<[f64; GRID as usize]>,
    /// The last anchor used: its position, amplitude times cosine and sine.
    anchor: (u64, f64, f64),
}

impl Tone {
    fn new(freq: f64, rate: f64, amplitude: f64, phase: f64) -> Tone {
        let turns_per_item = turns(freq, rate);
        let after = |i: usize| angle(turns_per_item.wrapping_mul(i as u128));
        Tone {
            freq,
            rate,
            turns_per_item,
            origin: 0,
            amplitude,
            phase,
            cos_after: Box::new(std::array::from_fn(|i| after(i).cos())),
            sin_after: Box::new(std::array::from_fn(|i| after(i).sin())),
            anchor: (0, amplitude * phase.cos(), amplitude * phase.sin()),
        }
    }

    /// Takes the amplitude and the frequency that hold from item `first` on; gives the offset.
    fn turn(&mut self, dials: &[f64], first: u64, state: &mut State<'_>) -> f64 {
        let (freq, amplitude) = (dials[0], dials[1]);
        let origin = Course::of_state(state, freq, self.rate, first);
        if (amplitude, freq, origin) != (self.amplitude, self.freq, self.origin) {
            if freq != self.freq {
                *self = Tone::new(freq, self.rate, amplitude, self.phase);
            }
            self.amplitude = amplitude;
            self.origin = origin;
            // No block begins there: the next anchor is made anew.
            self.anchor.0 = u64::MAX;
        }
        dials[2]
    }

    /// Writes the items from position `first` on, each made by `item` of amplitude times cosine and sine.
    fn fill<T>(&mut self, first: u64, room: &mut [T], item: impl Fn(f64, f64) -> T) {
        for (base, range) in blocks(first, room.len()) {
            let (cos, sin) = self.anchor_at(base);
            let offset = (first + range.start as u64 - base) as usize;
            let after = self.cos_after[offset..]
                .iter()
                .zip(&self.sin_after[offset..]);
            for (slot, (c, s)) in room[range].iter_mut().zip(after) {
                *slot = item(cos * c - sin * s, sin * c + cos * s);
            }
        }
    }

    fn anchor_at(&mut self, base: u64) -> (f64, f64) {
        if self.anchor.0 != base {
            let turned = self.turns_per_item.wrapping_mul(u128::from(base));
            let angle = self.phase + angle(self.origin.wrapping_add(turned));
            let (sin, cos) = angle.sin_cos();
            self.anchor = (base, self.amplitude * cos, self.amplitude * sin);
        }
        (self.anchor.1, self.anchor.2)
    }
}

/// The angle in radians, within -pi and pi, of a fraction of a turn in units of 2^-128.
pub(super) fn angle(turns: u128) -> f64 {
    (turns as i128) as f64 * (std::f64::consts::TAU / 2.0_f64.powi(128))
}

/// freq / rate modulo 1, in units of 2^-128, rounded down.
///
/// Long division of the two 53-bit mantissas, so that not the quotient's rounding is what a long
/// stream multiplies by n.
pub(super) fn turns(freq: f64, rate: f64) -> u128 {
    let ((dividend, up), (divisor, down)) = (parts(freq.abs()), parts(rate));
    let exponent = up - down;
    let mut rest = dividend % divisor;
    let whole = u128::from(dividend / divisor);
    for _ in 0..exponent {
        rest = rest * 2 % divisor;
    }
    let mut fraction = 0_u128;
    for _ in 0..128 {
        rest *= 2;
        fraction = (fraction << 1) | u128::from(rest >= divisor);
        rest %= divisor;
    }
    let shifted = match (-exponent).max(0) as u32 {
        0 => fraction,
        down @ 1..128 => (whole << (128 - down)) | (fraction >> down),
        down => whole.checked_shr(down - 128).unwrap_or(0),
    };
    if freq < 0.0 {
        shifted.wrapping_neg()
    } else {
        shifted
    }
}

/// A finite number above 0, or 0, as mantissa * 2^exponent.
fn parts(x: f64) -> (u64, i32) {
    let (exponent, mantissa) = ((x.to_bits() >> 52) as i32, x.to_bits() & ((1 << 52) - 1));
    match exponent {
        0 => (mantissa, -1074),
        _ => (mantissa | (1 << 52), exponent - 1075),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::trial::{items, refusal};

    #[test]
    fn the_first_items_are_those_of_the_formula() {
        let given = [
            ("freq", 440.0.into()),
            ("rate", 48000.0.into()),
            ("amplitude", 2.0.into()),
            ("phase", 0.3.into()),
            ("offset", 0.1.into()),
            ("items", 2000.into()),
        ];
        for (n, item) in items::<f64>("sine", &given, None).iter().enumerate() {
            let expected =
                0.1 + 2.0 * (std::f64::consts::TAU * 440.0 * n as f64 / 48000.0 + 0.3).sin();
            assert!(
                (item - expected).abs() < 1e-12,
                "{n}: {item} and {expected}"
            );
        }
    }

    #[test]
    fn a_complex_tone_turns_with_its_sign() {
        for (freq, sign) in [(1.0, 1.0), (-1.0, -1.0)] {
            let given = [
                ("freq", freq.into()),
                ("rate", 4.0.into()),
                ("items", 3.into()),
            ];
            let tone: Vec<Complex<f32>> = items("sine", &given, Some("cf32"));
            let expected = [(1.0, 0.0), (0.0, sign), (-1.0, 0.0)];
            for (item, (re, im)) in tone.iter().zip(expected) {
                assert!((item - Complex::new(re, im)).norm() < 1e-6, "{item}");
            }
        }
    }

    #[test]
    fn the_phase_is_exact_a_billion_items_out() {
        // 440/48000 = 11/1200: the position modulo 1200 decides, which whole numbers tell exactly.
        for first in [1_000_000_000_u64, 1_000_000_000_000_000] {
            let mut tone = Tone::new(440.0, 48000.0, 1.0, 0.0);
            let mut room = [0.0; 3000];
            tone.fill(first, &mut room, |_, sin| sin);
            for (n, item) in (first..).zip(&room) {
                let turns = (n % 1200 * 11 % 1200) as f64 / 1200.0;
                let expected = (std::f64::consts::TAU * turns).sin();
                assert!((item - expected).abs() < 1e-12, "{n}");
            }
        }
    }

    #[test]
    fn turns_are_the_quotient_modulo_one() {
        let third = u128::MAX / 3;
        let cases = [
            (1.0, 4.0, 1 << 126),
            (-1.0, 4.0, 3 << 126),
            (5.0, 4.0, 1 << 126),
            (7.0, 1.0, 0),
            (0.0, 3.0, 0),
            (1.0, 3.0, third),
            (1e300, 1e300, 0),
            (2.0_f64.powi(600), 3.0, third),
            (3.0 * 2.0_f64.powi(-127), 1.0, 6),
            (2.0_f64.powi(-300), 1.0, 0),
            (5e-324, 5e-324, 0),
        ];
        for (freq, rate, expected) in cases {
            assert_eq!(turns(freq, rate), expected, "{freq} / {rate}");
        }
    }

    #[test]
    fn whole_numbers_are_refused() {
        let given = [("freq", 1.0.into()), ("rate", 4.0.into())];
        let refused = refusal("sine", &given, Some("i16"));
        assert_eq!(refused.param.as_deref(), Some("dtype"));
        let given = [("freq", 1.0.into()), ("rate", (-4.0).into())];
        assert_eq!(refusal("sine", &given, None).param.as_deref(), Some("rate"));
    }
}
