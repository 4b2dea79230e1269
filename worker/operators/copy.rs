//! `copy`: gives its input as it is.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, pass_on};
use crate::op::{Args, Arity, OpDef, OpError};

/// The row of the table.
pub const COPY: OpDef = OpDef {
    name: "copy",
    summary: "gives its input as it is",
    doc: "One item out for each item in, the same bytes, of any type.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[],
    example: "counter items=1000 ! copy ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    Ok(Blueprint::new(Copy)
        .weight(1)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit()))
}

struct Copy;

impl Agent for Copy {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        pass_on(&mut io.inputs[0], &mut io.outputs[0], usize::MAX);
        Ok(Status::Ready)
    }
}
