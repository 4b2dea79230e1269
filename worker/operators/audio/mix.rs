//! `mix`: the sum of several streams, each as loud as it should be.

use bytemuck::Pod;

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::zip::common_rate;
use crate::types::Scalar;
use crate::units::Unit;

/// The row of the table.
pub const MIX: OpDef = OpDef {
    name: "mix",
    summary: "the sum of its inputs, each times its gain",
    doc: "Takes one item from every input at a time and gives the sum of them, each times its number in `gains`, number by number. All inputs have \
the same type: floating-point or complex numbers, or vectors of them. Sums are in f64, in the order of the inputs. Other \
formulas: `zip expr`. Items with times: `timed.mix`; items one after the other as they come (what IoTPy calls `mix`): `merge`.",
    inputs: Arity::AtLeast(1),
    outputs: "one stream of the inputs' type",
    params: &[
        ParamDef {
            name: "gains",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "What each input is multiplied with, in their order. Default: 1 each.",
        },
        ParamDef {
            name: "length",
            kind: ParamKind::Choice(&["shortest", "longest"]),
            default: Some("shortest"),
            unit: "",
            doc: "When it ends: with the `shortest` input; or with the `longest`, and an input that has ended counts as 0.",
        },
    ],
    example: "p:sine freq=440 rate=48000 items=4800 ; q:noise rate=48000 items=4800 ; mix in=[p, q] gains=[0.9, 0.1] ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let first = args.input();
    let elements = first.item_type.elements();
    let Some((scalar, width)) = elements.filter(|(s, _)| !s.is_integer()) else {
        let wanted = "floating-point or complex numbers, or vectors of them";
        return Err(
            OpError::input_type("mix", first, wanted).or_help("`map` with `dtype` converts")
        );
    };
    if let Some(other) = args
        .inputs()
        .iter()
        .find(|i| i.item_type != first.item_type)
    {
        let words = format!("inputs of one type, {} so far,", first.item_type);
        return Err(OpError::input_type("mix", other, &words));
    }
    let inputs = args.inputs().len();
    let gains = args.floats("gains").unwrap_or_else(|| vec![1.0; inputs]);
    if gains.len() != inputs {
        let words = format!("`gains` has {} numbers for {inputs} inputs", gains.len());
        return Err(OpError::param("gains", words));
    }
    let goes_on = args.text("length") == Some("longest");
    let mix = Mix {
        is_single: matches!(scalar, Scalar::F32 | Scalar::Cf32),
        width: if scalar.is_complex() {
            2 * width
        } else {
            width
        },
        gains,
        goes_on,
        sums: Vec::new(),
    };
    let ends = match goes_on {
        true => Ends::AllInputs,
        false => Ends::AnyInput,
    };
    let output = OutPort::new(first.item_type.clone(), common_rate(args)).unit(Unit::Mixed);
    let mut blueprint = Blueprint::new(mix).output(output).ends(ends);
    for input in args.inputs() {
        blueprint = blueprint.input(InPort::new(input.item_type.clone()));
    }
    Ok(blueprint)
}

struct Mix {
    is_single: bool,
    /// Real numbers in an item.
    width: usize,
    gains: Vec<f64>,
    goes_on: bool,
    sums: Vec<f64>,
}

/// Numbers summed at once: they stay in the nearest cache.
const STRETCH: usize = 1024;

impl Agent for Mix {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        // A turn ends where an input does.
        while let Some(items) = self.due(io) {
            match self.is_single {
                true => self.sum::<f32>(io, items, |x| x as f32),
                false => self.sum::<f64>(io, items, |x| x),
            }
        }
        Ok(Status::Ready)
    }
}

impl Mix {
    /// How many items every input has that is to be waited for, at least one.
    fn due(&self, io: &Io<'_>) -> Option<usize> {
        let is_over = |input: &&Input| self.goes_on && input.is_exhausted();
        let inputs = io.inputs.iter().filter(|input| !is_over(input));
        let items = inputs.map(Input::len).min()?.min(io.outputs[0].space());
        (items > 0).then_some(items)
    }

    fn sum<T: Pod + Into<f64>>(&mut self, io: &mut Io<'_>, items: usize, near: fn(f64) -> T) {
        let output = &mut io.outputs[0];
        let room = &mut output.elements::<T>()[..items * self.width];
        for (k, room) in room.chunks_mut(STRETCH).enumerate() {
            let at = k * STRETCH;
            self.sums.clear();
            self.sums.resize(room.len(), 0.0);
            for (input, gain) in io.inputs.iter().zip(&self.gains) {
                let numbers = input.elements::<T>().get(at..at + room.len());
                for (sum, &x) in self.sums.iter_mut().zip(numbers.unwrap_or(&[])) {
                    *sum += gain * x.into();
                }
            }
            for (y, &sum) in room.iter_mut().zip(&self.sums) {
                *y = near(sum);
            }
        }
        output.produce(items);
        for input in io.inputs.iter_mut() {
            // An input that is over has none.
            input.consume(items.min(input.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_sum_is_as_long_as_its_shortest_or_longest_input() {
        let inputs = || [given("f64", &[1.0, 2.0, 3.0]), given("f64", &[10.0])];
        let found: Vec<f64> = output("mix", &inputs(), &[], None);
        assert_eq!(found, [11.0]);
        let params = [
            ("length", "longest".into()),
            ("gains", Value::from([2.0, 0.5])),
        ];
        let found: Vec<f64> = output("mix", &inputs(), &params, None);
        assert_eq!(found, [7.0, 4.0, 6.0]);
    }

    #[test]
    fn complex_numbers_and_vectors_are_summed_number_by_number() {
        let a = given("cf32[2]", &[1.0f32, 2.0, 3.0, 4.0]);
        let b = given("cf32[2]", &[0.5f32, 0.0, 0.0, -4.0]);
        let found: Vec<[f32; 4]> = output("mix", &[a, b], &[], None);
        assert_eq!(found, [[1.5, 2.0, 3.0, 0.0]]);
    }

    #[test]
    fn inputs_of_two_types_and_gains_of_another_number_are_refused() {
        let inputs = [given::<f64>("f64", &[]), given::<f32>("f32", &[])];
        let refused = build("mix", &inputs, &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
        let inputs = [given::<f64>("f64", &[]), given::<f64>("f64", &[])];
        let gains = [("gains", Value::from([1.0]))];
        let refused = build("mix", &inputs, &gains, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("gains"));
        assert!(build("mix", &[given::<i16>("i16", &[])], &[], None).is_err());
    }
}
