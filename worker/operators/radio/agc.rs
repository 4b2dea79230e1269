//! `agc`: automatic gain control.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::{Sample, live_one_to_one, with_sample};

/// The row of the table.
pub const AGC: OpDef = OpDef {
    name: "agc",
    summary: "automatic gain control: keeps the level at `reference`",
    doc: "Gives y = gain x, and after each item changes the gain by rate (reference - |y|), at most to `max_gain`: GNU Radio's \
`agc_cc` for complex numbers, `agc_ff` for real ones. The gain is kept in f64. An item that is not finite leaves the gain as it was.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[
        ParamDef {
            name: "rate",
            kind: ParamKind::Dial,
            default: Some("0.0001"),
            unit: "per item",
            doc: "How fast the gain follows; above 0. It settles within some 1 / rate items of level 1.",
        },
        ParamDef {
            name: "reference",
            kind: ParamKind::Dial,
            default: Some("1"),
            unit: "",
            doc: "The level to reach.",
        },
        ParamDef {
            name: "gain",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "The gain to begin with.",
        },
        ParamDef {
            name: "max_gain",
            kind: ParamKind::Dial,
            default: Some("0"),
            unit: "",
            doc: "The gain is never above it; 0: no limit.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 amplitude=0.01 ! agc rate=0.01 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let (rate, max_gain) = (number("rate"), number("max_gain"));
    if rate <= 0.0 {
        let message = format!("`rate` is {rate}, and must be above 0");
        return Err(
            OpError::param("rate", message).with_help("it is a part of the error per item, not Hz")
        );
    }
    if max_gain < 0.0 {
        let message = format!("`max_gain` is {max_gain}, and must be above 0, or 0 for no limit");
        return Err(OpError::param("max_gain", message));
    }
    let (reference, gain) = (number("reference"), number("gain"));
    let blueprint = with_sample!(args, X => levelled::<X>(args, gain))?;
    Ok(blueprint
        .dial("rate", rate, f64::MIN_POSITIVE..=f64::MAX)
        .dial("reference", reference, f64::MIN..=f64::MAX)
        .dial("max_gain", max_gain, 0.0..=f64::MAX))
}

fn levelled<X: Sample>(args: &Args, gain: f64) -> Blueprint {
    live_one_to_one(
        args,
        gain,
        move |gain: &mut f64, dials, _, x: &[X], y: &mut [X]| {
            let (rate, reference) = (dials[0], dials[1]);
            let most = if dials[2] > 0.0 {
                dials[2]
            } else {
                f64::INFINITY
            };
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x.scaled(*gain);
                let level = x.magnitude() * gain.abs();
                let next = (*gain + rate * (reference - level)).min(most);
                if level.is_finite() {
                    *gain = next;
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_constant_comes_to_the_reference() {
        let params = [("rate", Value::from(0.05)), ("reference", Value::from(2))];
        for size in [0.1, 7.0] {
            let y: Vec<f64> = output("agc", &[given("f64", &[-size; 5000])], &params, None);
            assert!((y[4999] + 2.0).abs() < 1e-6, "{size}: {}", y[4999]);
        }
    }

    #[test]
    fn the_gain_stays_below_its_limit_and_survives_what_is_not_finite() {
        let params = [("rate", Value::from(1)), ("max_gain", Value::from(5))];
        let mut x = vec![0.001f32; 100];
        x[50] = f32::NAN;
        x[51] = f32::INFINITY;
        let y: Vec<f32> = output("agc", &[given("f32", &x)], &params, None);
        assert!((y[99] - 0.005).abs() < 1e-8, "{}", y[99]);
    }

    #[test]
    fn what_controls_nothing_is_refused() {
        for (name, value, item_type, param) in [
            ("rate", 0.0, "f32", "rate"),
            ("max_gain", -1.0, "cf32", "max_gain"),
            ("gain", 1.0, "i16", "in"),
        ] {
            let x = given::<u8>(item_type, &[]);
            let refused = build("agc", &[x], &[(name, value.into())], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param));
        }
    }
}
