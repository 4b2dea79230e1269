//! `merge`: several streams as one, in the order of arrival.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, pass_on};
use crate::op::{Args, Arity, OpDef, OpError};

use super::numbers::common_type;

/// The row of the table.
pub const MERGE: OpDef = OpDef {
    name: "merge",
    summary: "several streams as one, in the order of arrival (not deterministic)",
    doc: "Every item of every input comes out once, those of one input in their order. How the inputs \
          interleave depends on timing, so two runs may differ: `zip` is the deterministic way to join. \
          No input can shut out the others: each call shares the room evenly among those that have items. \
          It ends when all inputs have.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the inputs' common type, of no known rate",
    params: &[],
    example: "a:counter items=1000 ; b:counter items=500 ; merge in=[a, b] ! null",
    deterministic: false,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let item_type = common_type(args)?;
    let mut blueprint = Blueprint::new(Merge { next: 0 })
        .output(OutPort::new(item_type.clone(), None))
        .not_deterministic();
    for _ in args.inputs() {
        blueprint = blueprint.input(InPort::new(item_type.clone()));
    }
    Ok(blueprint)
}

struct Merge {
    /// The input served first in the next call.
    next: usize,
}

impl Agent for Merge {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let count = io.inputs.len();
        let waiting = io.inputs.iter().filter(|input| !input.is_empty()).count();
        let share = output.space().div_ceil(waiting.max(1));
        // Once round with equal shares, once more for the room that short inputs left.
        for most in [share, usize::MAX] {
            for i in 0..count {
                let input = &mut io.inputs[(self.next + i) % count];
                pass_on(input, output, most);
            }
        }
        self.next = (self.next + 1) % count;
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Input, Output, State};
    use crate::operators::trial::{build, given, output};

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
