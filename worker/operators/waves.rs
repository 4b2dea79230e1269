//! `square`, `saw`, `triangle`: waves made of straight lines, exact at any distance from the stream's start.

use crate::agent::{Blueprint, State};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::course::Course;
use super::numbers::{Number, dtype_scalar};
use super::positional::{self, ITEMS, RATE};
use super::sine::turns;

const FREQ: ParamDef = ParamDef {
    name: "freq",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "Periods per second; a negative one runs backwards. When it is turned the wave goes on where it was.",
};

const NEEDED_RATE: ParamDef = ParamDef {
    default: None,
    ..RATE
};

const AMPLITUDE: ParamDef = ParamDef {
    name: "amplitude",
    kind: ParamKind::Float,
    default: Some("1"),
    unit: "",
    doc: "The largest distance from `offset`.",
};

const OFFSET: ParamDef = ParamDef {
    name: "offset",
    kind: ParamKind::Float,
    default: Some("0"),
    unit: "",
    doc: "Added to every item.",
};

const PHASE: ParamDef = ParamDef {
    name: "phase",
    kind: ParamKind::Float,
    default: Some("0"),
    unit: "rad",
    doc: "The angle at the first item: 2 pi is a period.",
};

const OUTPUTS: &str = "one stream of `dtype`: f64 (default) or f32";

/// The row of the square wave.
pub const SQUARE: OpDef = OpDef {
    name: "square",
    summary: "a square wave",
    doc: "offset + amplitude while the angle 2 pi freq n / rate + phase is in the first `duty` of its period, offset - amplitude in the rest: \
`scipy.signal.square(angle, duty)`. The turns freq n / rate are kept as a 128-bit fraction, so an edge lies where it \
should at n = 1e15 too. Sampled, not band-limited: its harmonics above rate / 2 alias.",
    inputs: Arity::Source,
    outputs: OUTPUTS,
    params: &[
        FREQ,
        NEEDED_RATE,
        ParamDef {
            name: "duty",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "The part of a period that is high, 0 to 1.",
        },
        AMPLITUDE,
        PHASE,
        OFFSET,
        ITEMS,
    ],
    example: "square freq=440 rate=48000 duty=0.25 items=4800 ! null",
    deterministic: true,
    build,
};

/// The row of the sawtooth.
pub const SAW: OpDef = OpDef {
    name: "saw",
    summary: "a sawtooth wave",
    doc: "Rises from offset - amplitude to offset + amplitude in the first `width` of a period and falls in the rest: \
`scipy.signal.sawtooth(angle, width)` at the angle 2 pi freq n / rate + phase. The turns freq n / rate are kept as a 128-bit fraction, so they are \
as exact at n = 1e15 as at 0. Sampled, not band-limited: its harmonics above rate / 2 alias.",
    inputs: Arity::Source,
    outputs: OUTPUTS,
    params: &[
        FREQ,
        NEEDED_RATE,
        ParamDef {
            name: "width",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "The part of a period in which it rises, 0 to 1.",
        },
        AMPLITUDE,
        PHASE,
        OFFSET,
        ITEMS,
    ],
    example: "saw freq=440 rate=48000 items=4800 ! null",
    deterministic: true,
    build,
};

/// The row of the triangle wave.
pub const TRIANGLE: OpDef = OpDef {
    name: "triangle",
    summary: "a triangle wave",
    doc: "`saw` with `width` 0.5: up for half a period from offset - amplitude, then down. Sampled, not band-limited.",
    inputs: Arity::Source,
    outputs: OUTPUTS,
    params: &[FREQ, NEEDED_RATE, AMPLITUDE, PHASE, OFFSET, ITEMS],
    example: "triangle freq=440 rate=48000 items=4800 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let op = args.op().name;
    match dtype_scalar(op, args.dtype(), Scalar::F64, &[Scalar::F64, Scalar::F32])? {
        Scalar::F32 => wave::<f32>(args),
        _ => wave::<f64>(args),
    }
}

fn wave<T: Number>(args: &Args) -> Result<Blueprint, OpError> {
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let rate = positional::rate(args)?.unwrap_or(1.0);
    let freq = number("freq");
    let mut period = Period {
        first: turns(number("phase"), std::f64::consts::TAU),
        freq,
        rate,
        step: turns(freq, rate),
    };
    let (amplitude, offset) = (number("amplitude"), number("offset"));
    let item_type = ItemType::Scalar(T::SCALAR);
    let course = Course::spec(freq);
    let made = match args.op().name {
        "square" => {
            let duty = part(args, "duty")?;
            let (high, low) = (offset + amplitude, offset - amplitude);
            let (high, low) = (T::from_f64(high), T::from_f64(low));
            let fill = move |first, room: &mut [T], dials: &[f64], state: &mut State<'_>| {
                let origin = period.turn(dials[0], first, state);
                period.fill(
                    origin,
                    first,
                    room,
                    |turn| if turn < duty { high } else { low },
                );
            };
            positional::with_state(args, item_type, course, fill)
        }
        op => {
            let width = if op == "saw" {
                part(args, "width")?
            } else {
                0.5
            };
            let fill = move |first, room: &mut [T], dials: &[f64], state: &mut State<'_>| {
                let origin = period.turn(dials[0], first, state);
                period.fill(origin, first, room, |turn| {
                    let height = match turn < width {
                        true => 2.0 * turn / width - 1.0,
                        false => (width + 1.0 - 2.0 * turn) / (1.0 - width),
                    };
                    T::from_f64(offset + amplitude * height)
                });
            };
            positional::with_state(args, item_type, course, fill)
        }
    };
    Ok(positional::above_half(made?, freq, rate).dial("freq", freq, f64::MIN..=f64::MAX))
}

/// A part of a period.
fn part(args: &Args, name: &str) -> Result<f64, OpError> {
    let part = args.float(name).unwrap_or(f64::NAN);
    match (0.0..=1.0).contains(&part) {
        true => Ok(part),
        false => Err(OpError::param(
            name,
            format!("`{name}` is {part}, and must be 0 to 1"),
        )),
    }
}

/// Where in its period each item is, in units of 2^-128.
#[derive(Clone, Copy)]
struct Period {
    first: u128,
    freq: f64,
    rate: f64,
    step: u128,
}

impl Period {
    /// Takes the frequency that holds from item `first` on; gives the turns at item 0 that go with it.
    fn turn(&mut self, freq: f64, first: u64, state: &mut State<'_>) -> u128 {
        if freq != self.freq {
            self.freq = freq;
            self.step = turns(freq, self.rate);
        }
        Course::of_state(state, freq, self.rate, first)
    }

    /// Writes the items from position `first` on, each made of its turn: 0 to below 1.
    fn fill<T>(self, origin: u128, first: u64, room: &mut [T], item: impl Fn(f64) -> T) {
        let mut turn = self
            .first
            .wrapping_add(origin)
            .wrapping_add(self.step.wrapping_mul(u128::from(first)));
        for slot in room {
            *slot = item(nearest(turn));
            turn = turn.wrapping_add(self.step);
        }
    }
}

/// The f64 next to a turn, below 1: what lies a rounding of the step before a period's end is the next one's start, and
/// what lies as near to a part of a period as that is the number that the part is written as.
fn nearest(turn: u128) -> f64 {
    match turn as f64 * 2.0f64.powi(-128) {
        1.0 => 0.0,
        turn => turn,
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{items, refusal};

    fn tone(freq: f64) -> Vec<(&'static str, Value)> {
        vec![
            ("freq", freq.into()),
            ("rate", 8.0.into()),
            ("items", 8.into()),
        ]
    }

    #[test]
    fn the_corners_lie_on_their_items() {
        let square: Vec<f64> = items("square", &tone(1.0), None);
        assert_eq!(square, [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]);
        let saw: Vec<f64> = items("saw", &tone(1.0), None);
        assert_eq!(saw, [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]);
        let triangle: Vec<f32> = items("triangle", &tone(1.0), Some("f32"));
        assert_eq!(triangle, [-1.0, -0.5, 0.0, 0.5, 1.0, 0.5, 0.0, -0.5]);
        let backwards: Vec<f64> = items("saw", &tone(-1.0), None);
        assert_eq!(backwards, [-1.0, 0.75, 0.5, 0.25, 0.0, -0.25, -0.5, -0.75]);
    }

    /// Turns of whole frequencies and rates are fractions, whose next f64 a division gives.
    #[test]
    fn edges_lie_where_exact_fractions_have_them() {
        let pairs = [
            (100, 1000),
            (1000, 48_000),
            (440, 48_000),
            (1, 100),
            (25, 44_100),
            (7, 10_000),
            (-100i32, 1000i32),
        ];
        for (freq, rate) in pairs {
            for part in [0.1, 0.2, 0.3, 0.5, 0.7, 0.0007] {
                let mut given = vec![
                    ("freq", f64::from(freq).into()),
                    ("rate", f64::from(rate).into()),
                    ("items", 5000.into()),
                    ("duty", part.into()),
                ];
                let square: Vec<f64> = items("square", &given, None);
                given[3] = ("width", part.into());
                let saw: Vec<f64> = items("saw", &given, None);
                for n in 0..5000i32 {
                    let turn = f64::from((freq * n).rem_euclid(rate)) / f64::from(rate);
                    let what = format!("{freq} of {rate}, part {part}, item {n}");
                    let is_high = turn < part;
                    assert_eq!(square[n as usize] > 0.0, is_high, "{what}");
                    let height = match is_high {
                        true => 2.0 * turn / part - 1.0,
                        false => (part + 1.0 - 2.0 * turn) / (1.0 - part),
                    };
                    assert!((saw[n as usize] - height).abs() < 1e-12, "saw {what}");
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_period_is_0_to_1() {
        for (op, name) in [("square", "duty"), ("saw", "width")] {
            let mut given = tone(1.0);
            given.push((name, 1.5.into()));
            assert_eq!(refusal(op, &given, None).param.as_deref(), Some(name));
            for (edge, first) in [
                (0.0, if op == "saw" { 1.0 } else { -1.0 }),
                (1.0, if op == "saw" { -1.0 } else { 1.0 }),
            ] {
                given.last_mut().unwrap().1 = edge.into();
                assert_eq!(items::<f64>(op, &given, None)[0], first, "{op} {edge}");
            }
        }
    }
}
