//! `tags.values`: the values of a stream's tags as timed numbers.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::{Tag, Tags, number_of};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const VALUES: OpDef = OpDef {
    name: "tags.values",
    summary: "the values of a stream's tags, as timed numbers",
    doc: "Takes a stream of any type and gives an item for each of its tags, in the order of their positions: its time is position over \
          rate in seconds, or the position where the rate is not known, its value the tag's: true is 1, false 0, \
          the texts inf and -inf are what they say, any other text is nan. A stream without tags gives none.",
    inputs: Arity::One,
    outputs: "one stream of timed<f64>",
    params: &[ParamDef {
        name: "key",
        kind: ParamKind::Text,
        default: Some(""),
        unit: "",
        doc: "Only tags with this key. Default: all.",
    }],
    example: "sine freq=440 rate=48000 items=4800 ! tags.mark expr=\"x > 0.9\" of=x ! decimate factor=4 ! tags.values ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let agent = Values {
        key: args.text("key").map(str::to_owned),
        rate: input.rate.unwrap_or(1.0),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(ItemType::Timed(Scalar::F64), None))
        .tags(Tags::Read))
}

struct Values {
    key: Option<String>,
    rate: f64,
}

impl Agent for Values {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, tags) = io.inputs.split_at_mut(1);
        input[0].consume(input[0].len());
        let Some(tags) = tags.first_mut() else {
            return Ok(Status::Ready);
        };
        let output = &mut io.outputs[0];
        let mut taken = 0;
        for frame in tags.frames() {
            let tag = Tag::of_frame(frame)?;
            if self.key.as_ref().is_none_or(|key| key == tag.key) {
                if output.is_full() {
                    break;
                }
                output.push([tag.position as f64 / self.rate, number_of(tag.value)]);
            }
            taken += 1;
        }
        tags.consume(taken);
        match tags.is_empty() && tags.is_whole() {
            true => Ok(Status::Ready),
            // It is not done when the items are.
            false => Ok(Status::More),
        }
    }
}
