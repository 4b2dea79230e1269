//! `gain`: louder or quieter by so many decibels.

use num_complex::Complex;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::scale::each;
use crate::types::Scalar;

/// The row of the table.
pub const GAIN: OpDef = OpDef {
    name: "gain",
    summary: "louder or quieter by `db` decibels",
    doc: "Multiplies each number with 10^(db / 20), in the input's own precision. Floating-point and complex numbers, and vectors of them. \
`db` is live: a new value holds from an item on, without a ramp. `scale` takes a plain factor.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[ParamDef {
        name: "db",
        kind: ParamKind::Dial,
        default: None,
        unit: "dB",
        doc: "How much louder, -300 to 300; a negative number is quieter: -6.02 halves.",
    }],
    example: "sine freq=440 rate=48000 items=4800 ! gain db=-6 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let elements = input.item_type.elements();
    let Some(scalar) = elements.map(|e| e.0).filter(|s| !s.is_integer()) else {
        return Err(
            OpError::input_type("gain", input, "floating-point or complex numbers")
                .or_help("`map` with `dtype` converts"),
        );
    };
    let db = args.float("db").unwrap_or(0.0);
    if db.abs() > 300.0 {
        let words = format!("`db` is {db}, and must be from -300 to 300");
        return Err(OpError::param("db", words));
    }
    Ok(Blueprint::new(Gain { scalar })
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit())
        .dial("db", db, -300.0..=300.0))
}

struct Gain {
    scalar: Scalar,
}

impl Agent for Gain {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let factor = 10f64.powf(io.dials[0] / 20.0);
        let f = factor as f32;
        match self.scalar {
            Scalar::F32 => each(io, move |x: f32| x * f),
            Scalar::Cf32 => each(io, move |x: Complex<f32>| x * f),
            Scalar::Cf64 => each(io, move |x: Complex<f64>| x * factor),
            _ => each(io, move |x: f64| x * factor),
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn twenty_decibels_are_a_factor_of_ten() {
        let db = |db: i64| [("db", Value::Int(db))];
        let x = || given("f64", &[1.0, -3.0]);
        assert_eq!(output::<f64>("gain", &[x()], &db(20), None), [10.0, -30.0]);
        assert_eq!(output::<f64>("gain", &[x()], &db(0), None), [1.0, -3.0]);
        let x = given("cf32", &[2.0f32, -4.0]);
        assert_eq!(
            output::<[f32; 2]>("gain", &[x], &db(-20), None),
            [[0.2, -0.4]]
        );
    }

    #[test]
    fn integers_and_gains_beyond_all_bounds_are_refused() {
        let loud = [("db", Value::Float(300.5))];
        let refused = build("gain", &[given("f32", &[1.0f32])], &loud, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("db"));
        let refused = build("gain", &[given("i16", &[1i16])], &loud, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
    }
}
