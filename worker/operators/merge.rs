//! `merge`: several streams as one, in the order of arrival.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, Status, pass_on};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::units::Unit;

use super::numbers::common_type;

/// The row of the table.
pub const MERGE: OpDef = OpDef {
    name: "merge",
    summary: "several streams as one, in the order of arrival (not deterministic)",
    doc: "Every item of every input comes out once, those of one input in their order. How the inputs \
          interleave depends on timing, so two runs may differ: `zip` is the deterministic way to join. \
          No input can shut out the others: each call shares the room evenly among those that have items (but for what \
          it fed itself, which comes first when much of that waits). \
          It ends when all inputs have; one in a loop, which feeds itself, when everything that feeds the loop has ended and no \
          item is left in it. With `index` there is a second stream, `NAME.index`: which input each item came from, counted \
          from 0. `zip` of both has item and index side by side, `route` parts them again.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the inputs' type, which is one, of no known rate; with `index` a second one of u32",
    params: &[INDEX],
    example: "a:counter items=1000 ; b:counter items=500 ; m:merge in=[a, b] index=true ; zip in=[m, m.index] expr=\"a * 2 + b\" ! null",
    deterministic: false,
    build,
};

/// The option of joins that say which input an item came from.
pub(super) const INDEX: ParamDef = ParamDef {
    name: "index",
    kind: ParamKind::Bool,
    default: Some("false"),
    unit: "",
    doc: "Whether there is a second stream, `NAME.index`, of the inputs' numbers (u32).",
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let blueprint = joined(args, Blueprint::new(Merge { next: 0 }))?;
    Ok(blueprint.takes_any().not_deterministic())
}

/// Inputs of one type, an output of it, and one of their numbers where it is asked for.
pub(super) fn joined(args: &Args, blueprint: Blueprint) -> Result<Blueprint, OpError> {
    let item_type = common_type(args)?;
    let mut blueprint = blueprint.output(OutPort::new(item_type.clone(), None).unit(Unit::Mixed));
    if args.flag("index") {
        let numbers = ItemType::Scalar(Scalar::U32);
        blueprint = blueprint.output(OutPort::named("index", numbers, None));
    }
    for _ in args.inputs() {
        blueprint = blueprint.input(InPort::new(item_type.clone()));
    }
    Ok(blueprint)
}

/// Gives up to `most` items of one input and, where that is asked for, its number with each; how many.
pub(super) fn pass_numbered(io: &mut Io<'_>, input: usize, most: usize) -> usize {
    let (output, numbers) = io.outputs.split_at_mut(1);
    let room = numbers.first().map_or(usize::MAX, Output::space);
    let n = pass_on(&mut io.inputs[input], &mut output[0], most.min(room));
    if let [numbers] = numbers {
        numbers.elements::<u32>()[..n].fill(input as u32);
        numbers.produce(n);
    }
    n
}

struct Merge {
    /// The input served first in the next call.
    next: usize,
}

impl Agent for Merge {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let count = io.inputs.len();
        let waiting = io.inputs.iter().filter(|input| !input.is_empty()).count();
        let share = io.outputs[0].space().div_ceil(waiting.max(1));
        // Once round with equal shares, once more for the room that short inputs left.
        for most in [share, usize::MAX] {
            for i in 0..count {
                pass_numbered(io, (self.next + i) % count, most);
            }
        }
        self.next = (self.next + 1) % count;
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Input, State};
    use crate::operators::trial::{build, given, output, outputs, text_run, texts};
    use crate::testing::Chunks;

    #[test]
    fn every_item_comes_out_once() {
        let inputs = [
            given("u8", &[1_u8, 3, 5]),
            given("u8", &[2_u8, 4]),
            given("u8", &[6_u8]),
        ];
        let mut merged: Vec<u8> = output("merge", &inputs, &[], None);
        merged.sort_unstable();
        assert_eq!(merged, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn each_item_s_input_is_told() {
        let inputs = [
            given("u32", &[10_u32, 11, 12]),
            given("u32", &[20_u32, 21]),
            given("u32", &[30_u32]),
        ];
        let streams: Vec<Vec<u32>> = outputs("merge", &inputs, &[("index", true.into())]);
        assert_eq!(streams[0].len(), 6);
        let tens: Vec<u32> = streams[0].iter().map(|x| x / 10 - 1).collect();
        assert_eq!(streams[1], tens);
        let blueprint = build("merge", &inputs, &[("index", true.into())], None).unwrap();
        let names: Vec<&str> = blueprint.outputs.iter().map(|o| o.name.as_str()).collect();
        assert_eq!(names, ["", "index"]);
    }

    #[test]
    fn texts_are_merged_whole() {
        let inputs = [texts(&["one", "", "three"]), texts(&["vier"])];
        let mut merged = text_run("merge", &inputs, &[], Chunks::Single).unwrap();
        merged.sort_unstable();
        assert_eq!(merged, ["", "one", "three", "vier"]);
    }

    #[test]
    fn a_long_input_does_not_shut_out_a_short_one() {
        let (long, short) = ([1_u8; 100], [2_u8; 100]);
        let mut room = [0_u8; 10];
        let input = |items: &[u8; 100]| {
            // SAFETY: 100 bytes that outlive the call, nothing before them, read only.
            unsafe { Input::new(items.as_ptr(), 100, 0, 0, 1, false) }
        };
        // SAFETY: ten bytes, borrowed for the call alone.
        let output = unsafe { Output::new(room.as_mut_ptr(), 10, 0, 1) };
        let mut io = Io {
            inputs: &mut [input(&long), input(&short)],
            outputs: &mut [output],
            state: State::new(&mut []),
            dials: &[],
            draining: false,
        };
        Merge { next: 0 }.work(&mut io).unwrap();
        assert_eq!(room, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn inputs_of_two_types_are_refused() {
        let inputs = [given("u8", &[1_u8]), given("i8", &[1_i8])];
        let refused = build("merge", &inputs, &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
        assert!(refused.message.contains("`b` is i8"), "{refused}");
    }
}
