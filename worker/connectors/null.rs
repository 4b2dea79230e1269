//! `null`: takes everything and keeps nothing.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Status};
use crate::op::{Args, Arity, OpDef, OpError};

/// The row of the table.
pub const NULL: OpDef = OpDef {
    name: "null",
    summary: "takes everything and keeps nothing",
    doc: "The end of streams nobody needs, for measuring what comes before it. Any number of inputs of \
          any types, each taken as fast as it comes; the run's summary says how many items.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[],
    example: "counter items=1000 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let inputs = args.inputs().iter();
    Ok(
        inputs.fold(Blueprint::new(Null).weight(0), |blueprint, input| {
            blueprint.input(InPort::new(input.item_type.clone()))
        }),
    )
}

struct Null;

impl Agent for Null {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        for input in io.inputs.iter_mut() {
            input.consume(input.len());
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::InputInfo;
    use crate::testing::{Chunks, frames, run};
    use crate::types::ItemType;

    #[test]
    fn takes_streams_of_different_types_and_lengths_to_their_ends() {
        let input = |name: &str, item_type| InputInfo {
            naming: Default::default(),
            name: name.to_owned(),
            item_type,
            rate: None,
            unit: None,
        };
        let inputs = vec![input("a", ItemType::F64), input("b", ItemType::Bytes)];
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(3)] {
            let args = Args::new(&NULL, inputs.clone(), None, &[], ".".as_ref()).unwrap();
            let blueprint = build(&args).unwrap();
            let inputs = [vec![0; 80], frames(["a", "", "longer than a word"])];
            let outputs = run(blueprint, &inputs, chunks, usize::MAX);
            assert_eq!(outputs, Ok(vec![]), "{chunks:?}");
        }
    }
}
