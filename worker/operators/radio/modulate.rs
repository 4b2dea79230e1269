//! `am.mod`, `fm.mod`, `pm.mod`: a real signal on a complex carrier at 0 Hz.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;

use super::angle::{Real, turns_of};
use super::demod::per_item;
use super::{Precision, RATE, one_to_one, real, widest};

const OUTPUTS: &str = "one stream of cf32 for f32, of cf64 for f64";

const SENSITIVITY: ParamDef = ParamDef {
    name: "sensitivity",
    kind: ParamKind::Float,
    default: Some("1"),
    unit: "rad",
    doc: "The angle that 1 stands for.",
};

/// The row of `am.mod`.
pub const AM: OpDef = OpDef {
    name: "am.mod",
    summary: "amplitude modulation of a carrier at 0 Hz",
    doc: "Gives carrier + depth x as complex numbers. `shift` brings it to its place; without a carrier both side bands alone are left.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "depth",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "What each number is multiplied with.",
        },
        ParamDef {
            name: "carrier",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "The carrier's level.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 dtype=f32 ! am.mod depth=0.5 ! shift freq=10000 ! null",
    deterministic: true,
    build: am,
};

/// The row of `fm.mod`.
pub const FM: OpDef = OpDef {
    name: "fm.mod",
    summary: "frequency modulation of a carrier at 0 Hz",
    doc: "exp(i p), where p is the sum of `sensitivity` times all items up to this one: GNU Radio's `frequency_modulator_fc`. With \
`deviation` the sensitivity is 2 pi deviation / rate: 1 turns at that frequency. The sum is kept as a 64-bit fraction of a turn: it wraps \
exactly and does not drift. A number that is not finite turns by 0.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            default: Some(""),
            doc: "The angle that 1 turns by from an item to the next; 1 without it.",
            ..SENSITIVITY
        },
        ParamDef {
            name: "deviation",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "Instead of `sensitivity`: the frequency that 1 stands for (75000 in broadcasting).",
        },
        RATE,
    ],
    example: "sine freq=440 rate=48000 items=4800 ! fm.mod deviation=5000 ! null",
    deterministic: true,
    build: fm,
};

/// The row of `pm.mod`.
pub const PM: OpDef = OpDef {
    name: "pm.mod",
    summary: "phase modulation of a carrier at 0 Hz",
    doc: "exp(i sensitivity x): GNU Radio's `phase_modulator_fc`. A number that is not finite gives the angle 0.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[SENSITIVITY],
    example: "sine freq=440 rate=48000 items=4800 ! pm.mod sensitivity=0.5 ! null",
    deterministic: true,
    build: pm,
};

fn am(args: &Args) -> Result<Blueprint, OpError> {
    let number = |name: &str| args.float(name).unwrap_or(1.0);
    let (depth, carrier) = (number("depth"), number("carrier"));
    Ok(match real(args)? {
        Precision::Single => carried::<f32>(args, depth as f32, carrier as f32),
        Precision::Double => carried::<f64>(args, depth, carrier),
    })
}

fn carried<R: Real>(args: &Args, depth: R, carrier: R) -> Blueprint {
    one_to_one(args, (), move |(), _, x: &[R], y: &mut [R::Complex]| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = R::complex(carrier + depth * x, R::nearest(0.0));
        }
    })
}

fn fm(args: &Args) -> Result<Blueprint, OpError> {
    let precision = real(args)?;
    let sensitivity = match (args.float("sensitivity"), args.float("deviation")) {
        (Some(_), Some(_)) => {
            return Err(OpError::param(
                "deviation",
                "`deviation` makes the sensitivity, and `sensitivity` is given",
            )
            .with_help("leave out one of them"));
        }
        (None, Some(deviation)) => per_item(deviation, iir::rate(args)?)?,
        (sensitivity, None) => sensitivity.unwrap_or(1.0),
    };
    Ok(match precision {
        Precision::Single => turned::<f32>(args, sensitivity),
        Precision::Double => turned::<f64>(args, sensitivity),
    })
}

/// Items whose angles are added up before their cosines and sines are taken.
const BLOCK: usize = 256;

fn turned<R: Real>(args: &Args, sensitivity: f64) -> Blueprint {
    one_to_one(
        args,
        0u64,
        move |phase: &mut u64, _, x: &[R], y: &mut [R::Complex]| {
            let mut phases = [0; BLOCK];
            for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
                for (slot, &x) in phases.iter_mut().zip(x) {
                    *phase = phase.wrapping_add(turns_of(sensitivity * x.wide()));
                    *slot = *phase;
                }
                unit::<R>(&phases, y);
            }
        },
    )
}

fn pm(args: &Args) -> Result<Blueprint, OpError> {
    let sensitivity = args.float("sensitivity").unwrap_or(1.0);
    Ok(match real(args)? {
        Precision::Single => angled::<f32>(args, sensitivity),
        Precision::Double => angled::<f64>(args, sensitivity),
    })
}

fn angled<R: Real>(args: &Args, sensitivity: f64) -> Blueprint {
    one_to_one(args, (), move |(), _, x: &[R], y: &mut [R::Complex]| {
        let mut phases = [0; BLOCK];
        for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
            for (slot, &x) in phases.iter_mut().zip(x) {
                *slot = turns_of(sensitivity * x.wide());
            }
            unit::<R>(&phases, y);
        }
    })
}

/// Complex numbers of length 1 at these angles, of which there may be more.
fn unit<R: Real>(phases: &[u64; BLOCK], y: &mut [R::Complex]) {
    widest(|| {
        for (y, &phase) in y.iter_mut().zip(phases) {
            let (cos, sin) = R::cos_sin(phase);
            *y = R::complex(cos, sin);
        }
    });
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_constant_turns_at_its_frequency() {
        let params = [("deviation", Value::from(50))];
        let x = given("f64", &[0.5; 40]).rate(1000.0);
        let y: Vec<Complex<f64>> = output("fm.mod", &[x], &params, None);
        for (n, y) in y.iter().enumerate() {
            let expected = Complex::cis(std::f64::consts::TAU * 0.025 * (n + 1) as f64);
            assert!((y - expected).norm() < 1e-12, "{n}: {y}");
        }
    }

    #[test]
    fn what_was_modulated_comes_back() {
        let x: Vec<f32> = (0..2000).map(|n| (n as f32 * 0.7).sin()).collect();
        let pairs = [
            (
                "fm.mod",
                "fm.demod",
                ("deviation", Value::from(20)),
                ("deviation", Value::from(20)),
            ),
            (
                "pm.mod",
                "pm.demod",
                ("sensitivity", Value::from(2)),
                ("gain", Value::from(0.5)),
            ),
            (
                "am.mod",
                "am.demod",
                ("depth", Value::from(1)),
                ("carrier", Value::from(1)),
            ),
        ];
        for (there, back, with, without) in pairs {
            let carried: Vec<f32> = output(there, &[given("f32", &x).rate(100.0)], &[with], None);
            let carried = given("cf32", &carried).rate(100.0);
            let y: Vec<f32> = output(back, &[carried], &[without], None);
            // The demodulator of frequencies has no item before the first.
            for (n, (x, y)) in x.iter().zip(&y).enumerate().skip(1) {
                assert!((x - y).abs() < 2e-6, "{back} {n}: {x} {y}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_turns_by_nothing() {
        let x = [f64::NAN, f64::INFINITY, 0.0];
        for op in ["fm.mod", "pm.mod"] {
            let y: Vec<[f64; 2]> = output(op, &[given("f64", &x)], &[], None);
            assert_eq!(y, [[1.0, 0.0]; 3], "{op}");
        }
        let refused = build("fm.mod", &[given("cf32", &[1f32, 0.0])], &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
        let both = [
            ("sensitivity", Value::from(1)),
            ("deviation", Value::from(1)),
        ];
        let refused = build("fm.mod", &[given("f32", &[1f32]).rate(9.0)], &both, None);
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("deviation"));
    }
}
