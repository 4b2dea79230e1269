//! `deemphasis` and `preemphasis`: the treble of broadcast FM, lowered after reception, raised before it is sent.

use std::f64::consts::PI;

use crate::agent::Blueprint;
use crate::design::zpk::Section;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir::{self, kernel};

use super::RATE;

const TAU: ParamDef = ParamDef {
    name: "tau",
    kind: ParamKind::Float,
    default: Some("0.000075"),
    unit: "s",
    doc: "The time constant: 75e-6 in America and Korea, 50e-6 elsewhere.",
};

const OUTPUTS: &str = "one stream of the input's type; f64 for integers";

/// The row of `deemphasis`.
pub const DEEMPHASIS: OpDef = OpDef {
    name: "deemphasis",
    summary: "FM de-emphasis: a low-pass with a time constant",
    doc: "A filter of one pole at 1 / (2 pi tau) Hz, by the bilinear transform with that frequency kept, gain 1 at 0 Hz: GNU Radio's \
`fm_deemph`. Types and state as `iir.lowpass`.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[TAU, RATE],
    example: "noise rate=48000 items=4800 ! deemphasis tau=50e-6 ! null",
    deterministic: true,
    build,
};

/// The row of `preemphasis`.
pub const PREEMPHASIS: OpDef = OpDef {
    name: "preemphasis",
    summary: "FM pre-emphasis: raises the treble as a receiver will lower it",
    doc: "A filter with a zero at 1 / (2 pi tau) Hz and a pole at `high`, by the bilinear transform with both kept, gain 1 at 0 Hz: GNU \
Radio's `fm_preemph`. Types and state as `iir.lowpass`.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        TAU,
        ParamDef {
            name: "high",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "From where on it raises no more, below half the rate; 0.925 times that without it.",
        },
        RATE,
    ],
    example: "noise rate=48000 items=4800 ! preemphasis tau=50e-6 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let rate = iir::rate(args)?;
    let tau = args.float("tau").unwrap_or(75e-6);
    if tau <= 0.0 {
        let message = format!("`tau` is {tau} s, and must be above 0");
        return Err(OpError::param("tau", message));
    }
    if 1.0 / tau >= PI * rate {
        let message = format!(
            "`tau` is {tau} s, a corner at {} Hz, which is not below half the rate, {} Hz",
            1.0 / (2.0 * PI * tau),
            rate / 2.0
        );
        return Err(OpError::param("tau", message));
    }
    let corner = root_of(1.0 / tau, rate);
    let section = match args.op().name {
        "deemphasis" => {
            let b = (1.0 - corner) / 2.0;
            Section {
                b: [b, b, 0.0],
                a: [-corner, 0.0],
            }
        }
        _ => raised(corner, root_of(2.0 * PI * high(args, rate)?, rate)),
    };
    kernel::filter(args, &[section])
}

/// Where the bilinear transform puts a real root of this angular frequency, which it keeps.
fn root_of(angular: f64, rate: f64) -> f64 {
    let k = -(angular / (2.0 * rate)).tan();
    (1.0 + k) / (1.0 - k)
}

/// A zero and a pole, with gain 1 at 0 Hz.
fn raised(zero: f64, pole: f64) -> Section {
    let gain = (1.0 - pole) / (1.0 - zero);
    Section {
        b: [gain, -gain * zero, 0.0],
        a: [-pole, 0.0],
    }
}

fn high(args: &Args, rate: f64) -> Result<f64, OpError> {
    let nyquist = rate / 2.0;
    let high = args.float("high").unwrap_or(0.925 * nyquist);
    match high > 0.0 && high < nyquist {
        true => Ok(high),
        false => Err(OpError::param(
            "high",
            format!(
                "`high` is {high} Hz, and must be above 0 and below half the rate, {nyquist} Hz"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_constant_passes_and_what_was_raised_is_lowered_again() {
        let x: Vec<f64> = (0..4000)
            .map(|n| 1.0 + (0.1 * f64::from(n)).sin())
            .collect();
        let up: Vec<f64> = output("preemphasis", &[given("f64", &x).rate(48000.0)], &[], None);
        let y: Vec<f64> = output("deemphasis", &[given("f64", &up).rate(48000.0)], &[], None);
        // What is left is the low-pass of the pole at 22200 Hz.
        let apart = x.iter().zip(&y).skip(100).map(|(x, y)| (x - y).abs());
        assert!(apart.fold(0.0, f64::max) < 0.02);
        for op in ["preemphasis", "deemphasis"] {
            let x = given("f32", &[1f32; 2000]).rate(48000.0);
            let y: Vec<f32> = output(op, &[x], &[], None);
            assert!((y[1999] - 1.0).abs() < 1e-6, "{op}");
        }
    }

    #[test]
    fn corners_beyond_the_band_are_refused() {
        let cases = [
            ("deemphasis", "tau", 0.0),
            ("deemphasis", "tau", 1e-6),
            ("preemphasis", "high", 24000.0),
            ("preemphasis", "high", 0.0),
        ];
        for (op, name, value) in cases {
            let x = given::<u8>("f32", &[]).rate(48000.0);
            let refused = build(op, &[x], &[(name, Value::from(value))], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name), "{op} {value}");
        }
    }
}
