//! `tags.mark`: tags where a condition comes to hold.

use super::{KEY, VALUE, Words, maker};
use crate::agent::{Agent, AgentError, Blueprint, Input, Io, Status};
use crate::expr::{Machine, compile, compile_condition};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::numbers::refuse_frames;
use crate::tags::{Tag, value_of};
use crate::types::Scalar;

/// The row of the table.
pub const MARK: OpDef = OpDef {
    name: "tags.mark",
    summary: "passes its input on, with a tag where a condition comes to hold",
    doc: "One item out for each item in, the same bytes. An item gets a tag for which `expr` is true (a number: is not 0) and was not \
          for the item before it; with `each = true` every item for which it is true. The tag's value is `value`, or what the expression `of` gives for \
          the item, which is a number (nan, inf and -inf become texts). Expressions are those of `map`. Tags that the input has stay, before those made at the same item.",
    inputs: Arity::One,
    outputs: "one stream of the input's type, tagged",
    params: &[
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: None,
            unit: "",
            doc: "The condition over `x`.",
        },
        ParamDef {
            name: "of",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "The value over `x`, instead of `value`: a real number.",
        },
        ParamDef {
            name: "each",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "A tag for each item for which the condition holds, not only for the first.",
        },
        KEY,
        VALUE,
    ],
    example: "sine freq=440 rate=48000 items=4800 ! tags.mark expr=\"x > 0.9\" of=\"x\" key=peak ! decimate factor=4 ! tags.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    refuse_frames(args)?;
    let text = args.text("expr").unwrap_or_default();
    let condition =
        compile_condition(text, args.inputs(), input.rate).map_err(|e| e.of_param("expr"))?;
    let value = match args.text("of") {
        None => None,
        Some(text) => {
            let program = compile(text, args.inputs(), input.rate).map_err(|e| e.of_param("of"))?;
            if program.is_complex() || program.item_type().elements().is_none_or(|(_, n)| n != 1) {
                return Err(OpError::param(
                    "of",
                    "`of` is not one real number for each item",
                ));
            }
            Some(Machine::new(program))
        }
    };
    let condition = Machine::new(condition);
    let agent = Mark {
        holds: vec![0; condition.items_max()],
        condition,
        value,
        each: args.flag("each"),
        words: Words::of(args)?,
    };
    Ok(maker(args, agent))
}

/// State: 1 where the condition held for the last item (`u64`).
struct Mark {
    condition: Machine,
    value: Option<Machine>,
    each: bool,
    words: Words,
    /// Truth values of a block.
    holds: Vec<u8>,
}

impl Agent for Mark {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let held = io.state.get::<u64>();
        let (outputs, companion) = io.outputs.split_at_mut(1);
        let mut companion = companion.first_mut();
        loop {
            let output = &mut outputs[0];
            let items = io.inputs[0].len().min(output.space()).min(self.holds.len());
            if items == 0 {
                return Ok(Status::Ready);
            }
            let position = io.inputs[0].position();
            let holds = &mut self.holds[..items];
            self.condition
                .run(io.inputs, 0, position, items)
                .truths(holds);
            let mut passed = items;
            for k in 0..items {
                let holds = self.holds[k] != 0;
                let is_marked = holds && (self.each || *held == 0);
                if let Some(companion) = companion.as_deref_mut().filter(|_| is_marked) {
                    let number;
                    let value = match &mut self.value {
                        None => &self.words.value,
                        Some(value) => {
                            number = spelled(value, io.inputs, k);
                            &number
                        }
                    };
                    let tag = Tag {
                        position: position + k as u64,
                        key: &self.words.key,
                        value,
                    };
                    if !tag.give(companion) {
                        passed = k;
                        break;
                    }
                }
                *held = u64::from(holds);
            }
            let input = &mut io.inputs[0];
            let len_bytes = passed * input.item_len();
            output.bytes()[..len_bytes].copy_from_slice(&input.bytes()[..len_bytes]);
            input.consume(passed);
            output.produce(passed);
            if passed < items {
                return Ok(Status::Ready);
            }
        }
    }
}

/// The value for the unread item `k`, as JSON.
fn spelled(value: &mut Machine, inputs: &[Input], k: usize) -> String {
    let mut number = [0f64];
    let position = inputs[0].position() + k as u64;
    let results = value.run(inputs, k, position, 1);
    results.write(Scalar::F64, bytemuck::cast_slice_mut(&mut number));
    value_of(number[0])
}
