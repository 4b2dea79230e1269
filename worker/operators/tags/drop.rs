//! `tags.drop`: gives its input without its tags.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError};
use crate::operators::copy;
use crate::tags::Tags;

/// The row of the table.
pub const DROP: OpDef = OpDef {
    name: "tags.drop",
    summary: "gives its input without its tags",
    doc: "One item out for each item in, the same bytes, of any type. The tags of the input end here.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[],
    example: "counter items=100 ! tags.add every=10 ! tags.drop ! tags.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    Ok((copy::COPY.build)(args)?.tags(Tags::Dropped))
}
