//! `am.demod`, `fm.demod`, `pm.demod`: the envelope, the turning speed and the angle of a complex signal.

use bytemuck::{Pod, Zeroable};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;
use crate::types::Item;
use crate::units::Unit;

use super::angle::Real;
use super::{Precision, RATE, complex, one_to_one, widest};

const OUTPUTS: &str = "one stream of f32 for cf32, of f64 for cf64";

/// The row of `am.demod`.
pub const AM: OpDef = OpDef {
    name: "am.demod",
    summary: "amplitude demodulation: the envelope",
    doc: "The absolute value of each item, less `carrier`. GNU Radio's `complex_to_mag`; with `carrier = 1` its `am_demod_cf`, \
without the low-pass that follows there.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[ParamDef {
        name: "carrier",
        kind: ParamKind::Float,
        default: Some("0"),
        unit: "",
        doc: "The carrier's level, taken away from the envelope.",
    }],
    example: "sine freq=440 rate=48000 items=4800 ! am.mod depth=0.5 ! am.demod carrier=1 ! null",
    deterministic: true,
    build: am,
};

/// The row of `fm.demod`.
pub const FM: OpDef = OpDef {
    name: "fm.demod",
    summary: "frequency demodulation: the angle from each item to the next",
    doc: "`gain` times the angle of x[n] conj(x[n - 1]), the item before the first being 0: GNU Radio's `quadrature_demod_cf`. \
With `deviation` the gain is rate / (2 pi deviation): a signal that far from 0 Hz gives 1, and `fm.mod` with the same deviation is undone. \
cf32 is computed in single precision, to some 3e-7 rad.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "gain",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "1/rad",
            doc: "What each angle is multiplied with; 1 without it.",
        },
        ParamDef {
            name: "deviation",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "Instead of `gain`: the frequency that gives 1 (75000 in broadcasting).",
        },
        RATE,
    ],
    example: "sine freq=440 rate=48000 items=4800 ! fm.mod deviation=5000 ! fm.demod deviation=5000 ! null",
    deterministic: true,
    build: fm,
};

/// The row of `pm.demod`.
pub const PM: OpDef = OpDef {
    name: "pm.demod",
    summary: "phase demodulation: the angle of each item",
    doc: "`gain` times the angle of each item, within -pi and pi: GNU Radio's `complex_to_arg`. With `unwrap` whole turns are \
added such that no step is larger than half a turn, as `numpy.unwrap(numpy.angle(x))` does; the turns are counted, so nothing drifts.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "gain",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "1/rad",
            doc: "What each angle is multiplied with.",
        },
        ParamDef {
            name: "unwrap",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether the angle goes on beyond a turn.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! pm.mod sensitivity=2 ! pm.demod gain=0.5 ! null",
    deterministic: true,
    build: pm,
};

fn am(args: &Args) -> Result<Blueprint, OpError> {
    let carrier = args.float("carrier").unwrap_or(0.0);
    let blueprint = match complex(args)? {
        Precision::Single => envelope::<f32>(args, carrier as f32, f32::sqrt),
        Precision::Double => envelope::<f64>(args, carrier, f64::sqrt),
    };
    Ok(blueprint.unit(Unit::Of(0)))
}

fn envelope<R: Real>(args: &Args, carrier: R, root: impl Fn(R) -> R + 'static) -> Blueprint {
    one_to_one(args, (), move |(), _, x: &[R::Complex], y| {
        widest(|| {
            for (y, &x) in y.iter_mut().zip(x) {
                let (re, im) = R::parts(x);
                *y = root(re * re + im * im) - carrier;
            }
        });
    })
}

fn fm(args: &Args) -> Result<Blueprint, OpError> {
    let precision = complex(args)?;
    let gain = match (args.float("gain"), args.float("deviation")) {
        (Some(_), Some(_)) => {
            return Err(OpError::param(
                "deviation",
                "`deviation` makes the gain, and `gain` is given",
            )
            .with_help("leave out one of them"));
        }
        (None, Some(deviation)) => 1.0 / per_item(deviation, iir::rate(args)?)?,
        (gain, None) => gain.unwrap_or(1.0),
    };
    Ok(match precision {
        Precision::Single => turning::<f32>(args, gain as f32),
        Precision::Double => turning::<f64>(args, gain),
    })
}

/// The angle by which a deviation in Hz turns from one item to the next.
pub(super) fn per_item(deviation: f64, rate: f64) -> Result<f64, OpError> {
    if deviation <= 0.0 {
        let message = format!("`deviation` is {deviation} Hz, and must be above 0");
        return Err(OpError::param("deviation", message));
    }
    Ok(std::f64::consts::TAU * deviation / rate)
}

fn turning<R: Real>(args: &Args, gain: R) -> Blueprint {
    Blueprint::new(Turning { gain })
        .input(InPort::new(R::Complex::item_type()).retain(1))
        .output(OutPort::new(R::item_type(), args.input().rate))
}

/// Frequency demodulation: the item before is looked up in the input.
struct Turning<R> {
    gain: R,
}

impl<R: Real> Agent for Turning<R> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (items, past) = input.past::<R::Complex>();
        let mut items = &items[..past + n];
        let mut room = &mut output.room::<R>()[..n];
        if past == 0 && n > 0 {
            // The item before the first is 0, and so is the angle.
            room[0] = R::nearest(0.0);
            room = &mut room[1..];
        } else {
            items = &items[items.len() - n - past.min(1)..];
        }
        let gain = self.gain;
        widest(|| {
            for (y, pair) in room.iter_mut().zip(items.windows(2)) {
                let ((a, b), (c, d)) = (R::parts(pair[1]), R::parts(pair[0]));
                *y = gain * R::arg(a * c + b * d, b * c - a * d);
            }
        });
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

fn pm(args: &Args) -> Result<Blueprint, OpError> {
    let gain = args.float("gain").unwrap_or(1.0);
    Ok(match (complex(args)?, args.flag("unwrap")) {
        (Precision::Single, false) => wrapped::<f32>(args, gain as f32),
        (Precision::Double, false) => wrapped::<f64>(args, gain),
        (Precision::Single, true) => unwrapped::<f32>(args, gain),
        (Precision::Double, true) => unwrapped::<f64>(args, gain),
    })
}

fn wrapped<R: Real>(args: &Args, gain: R) -> Blueprint {
    one_to_one(args, (), move |(), _, x: &[R::Complex], y| {
        widest(|| {
            for (y, &x) in y.iter_mut().zip(x) {
                let (re, im) = R::parts(x);
                *y = gain * R::arg(re, im);
            }
        });
    })
}

/// Where an angle that goes on has come to.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Unwrapped {
    /// The last angle, within -pi and pi.
    angle: f64,
    /// Whole turns so far.
    turns: i64,
}

fn unwrapped<R: Real>(args: &Args, gain: f64) -> Blueprint {
    use std::f64::consts::{PI, TAU};
    let start = Unwrapped {
        angle: 0.0,
        turns: 0,
    };
    one_to_one(
        args,
        start,
        move |state: &mut Unwrapped, first, x: &[R::Complex], y| {
            for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
                let (re, im) = R::parts(x);
                let angle = R::arg(re, im).wide();
                let step = angle - state.angle;
                // The first angle is taken as it is. A NaN makes no turn, and what follows it starts from it.
                if first + i as u64 > 0 {
                    state.turns += i64::from(step < -PI) - i64::from(step > PI);
                }
                state.angle = angle;
                *y = R::nearest(gain * (angle + TAU * state.turns as f64));
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn tone(freq: f64, items: usize) -> Vec<Complex<f64>> {
        let turn = std::f64::consts::TAU * freq;
        (0..items).map(|n| Complex::cis(turn * n as f64)).collect()
    }

    #[test]
    fn a_tone_at_the_deviation_gives_1() {
        for (freq, expected) in [(5.0, 1.0), (-5.0, -1.0), (2.5, 0.5)] {
            let x = given("cf64", &tone(freq / 100.0, 50)).rate(100.0);
            let params = [("deviation", Value::from(5.0))];
            let y: Vec<f64> = output("fm.demod", &[x], &params, None);
            assert_eq!(y[0], 0.0);
            assert!(
                y[1..].iter().all(|y| (y - expected).abs() < 1e-12),
                "{freq}"
            );
        }
    }

    #[test]
    fn silence_before_and_between_turns_nowhere() {
        let x = [0.0f32, -0.0, -1.0, -1.0, 0.0, 0.0, -1.0, 1.0];
        let y: Vec<f32> = output("fm.demod", &[given("cf32", &x)], &[], None);
        assert_eq!(y[..3], [0.0, 0.0, 0.0]);
        assert!((y[3]).abs() == 0.0, "{y:?}");
    }

    #[test]
    fn the_envelope_loses_the_carrier() {
        let params = [("carrier", Value::from(1))];
        let x = given("cf32", &[3.0f32, 4.0, 0.0, -1.0]);
        let y: Vec<f32> = output("am.demod", &[x], &params, None);
        assert_eq!(y, [4.0, 0.0]);
    }

    #[test]
    fn an_unwrapped_angle_goes_on_and_comes_back() {
        let there = tone(0.4, 100);
        let mut x = there.clone();
        x.extend(there.iter().rev());
        let params = [("unwrap", Value::from(true))];
        let y: Vec<f64> = output("pm.demod", &[given("cf64", &x)], &params, None);
        for n in 0..100 {
            let expected = std::f64::consts::TAU * 0.4 * n as f64;
            assert!((y[n] - expected).abs() < 1e-9, "{n}: {}", y[n]);
            assert!((y[199 - n] - expected).abs() < 1e-9, "{n}: {}", y[199 - n]);
        }
        let first = output::<f64>("pm.demod", &[given("cf64", &[-1.0, -0.1])], &params, None);
        assert!(
            first[0] < -3.0,
            "the first angle is not unwrapped: {first:?}"
        );
    }

    #[test]
    fn what_cannot_be_demodulated_is_refused() {
        let cases = [
            ("fm.demod", "f32", "gain", Value::from(1), "in"),
            ("am.demod", "cf32[2]", "carrier", Value::from(1), "in"),
            ("pm.demod", "i16", "gain", Value::from(1), "in"),
            (
                "fm.demod",
                "cf32",
                "deviation",
                Value::from(-1),
                "deviation",
            ),
        ];
        for (op, item_type, name, value, param) in cases {
            let x = given::<u8>(item_type, &[]).rate(100.0);
            let refused = build(op, &[x], &[(name, value)], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{op}");
        }
        let both = [("gain", Value::from(1)), ("deviation", Value::from(1))];
        let refused = build(
            "fm.demod",
            &[given::<u8>("cf32", &[]).rate(9.0)],
            &both,
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("deviation"));
    }
}
