//! `scale`: times a factor, plus an offset; both may be turned while the run goes on.

use num_complex::Complex;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{Element, Scalar};

/// The row of the table.
pub const SCALE: OpDef = OpDef {
    name: "scale",
    summary: "each number times `factor`, plus `offset`",
    doc: "Gives x * factor + offset, computed in the input's own precision: the product is rounded before the sum. Floating-point and \
complex numbers (there the offset is added to the real part), and vectors of them, number by number. Both parameters are \
live: a new value holds from an item on, without a ramp. For integers use `map`.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[
        ParamDef {
            name: "factor",
            kind: ParamKind::Dial,
            default: Some("1"),
            unit: "",
            doc: "What each number is multiplied with.",
        },
        ParamDef {
            name: "offset",
            kind: ParamKind::Dial,
            default: Some("0"),
            unit: "",
            doc: "What is added after that.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! scale factor=0.5 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let elements = input.item_type.elements();
    let Some(scalar) = elements.map(|e| e.0).filter(|s| !s.is_integer()) else {
        return Err(
            OpError::input_type("scale", input, "floating-point or complex numbers")
                .or_help("`map` scales integers: op = \"map\", expr = \"3 * x\""),
        );
    };
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    Ok(Blueprint::new(Scale { scalar })
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), input.rate))
        .dial("factor", number("factor"), f64::MIN..=f64::MAX)
        .dial("offset", number("offset"), f64::MIN..=f64::MAX))
}

struct Scale {
    scalar: Scalar,
}

impl Agent for Scale {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (factor, offset) = (io.dials[0], io.dials[1]);
        let (f, o) = (factor as f32, offset as f32);
        match self.scalar {
            Scalar::F32 => each(io, move |x: f32| x * f + o),
            Scalar::Cf32 => each(io, move |x: Complex<f32>| x * f + o),
            Scalar::Cf64 => each(io, move |x: Complex<f64>| x * factor + offset),
            _ => each(io, move |x: f64| x * factor + offset),
        }
        Ok(Status::Ready)
    }
}

pub(super) fn each<T: Element>(io: &mut Io<'_>, f: impl Fn(T) -> T) {
    let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
    let n = input.len().min(output.space());
    for (y, x) in output.elements::<T>().iter_mut().zip(input.elements::<T>()) {
        *y = f(*x);
    }
    input.consume(n);
    output.produce(n);
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    const PARAMS: [(&str, Value); 2] = [("factor", Value::Float(0.5)), ("offset", Value::Int(3))];

    #[test]
    fn numbers_are_scaled_in_their_own_precision() {
        let x = given("f64", &[2.0, -4.0, f64::INFINITY]);
        assert_eq!(
            output::<f64>("scale", &[x], &PARAMS, None),
            [4.0, 1.0, f64::INFINITY]
        );
        let third = [("factor", Value::Float(1.0 / 3.0))];
        let x = given("f32", &[3.0f32, 1.0]);
        let third_f32 = 1.0f64 as f32 * (1.0f64 / 3.0) as f32;
        assert_eq!(output::<f32>("scale", &[x], &third, None), [1.0, third_f32]);
    }

    #[test]
    fn an_offset_goes_to_the_real_part_and_vectors_number_by_number() {
        let x = given("cf64", &[2.0, 6.0]);
        assert_eq!(
            output::<[f64; 2]>("scale", &[x], &PARAMS, None),
            [[4.0, 3.0]]
        );
        let x = given("f32[3]", &[0.0f32, 2.0, 4.0]);
        assert_eq!(
            output::<[f32; 3]>("scale", &[x], &PARAMS, None),
            [[3.0, 4.0, 5.0]]
        );
    }

    #[test]
    fn integers_are_refused() {
        let refused = build("scale", &[given("i32", &[1i32])], &[], None).unwrap_err();
        assert!(refused.message.contains("floating-point"), "{refused}");
    }
}
