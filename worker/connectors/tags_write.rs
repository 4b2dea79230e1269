//! `tags.write`: the tags of a stream as JSON Lines.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Outside, State, StateSpec, Status};
use crate::connectors::files::Readers;
use crate::connectors::grown::Grown;
use crate::connectors::params::WRITE;
use crate::op::{Args, Arity, OpDef, OpError};
use crate::tags::{Tag, Tags};

/// The row of the table.
pub const TAGS_WRITE: OpDef = OpDef {
    name: "tags.write",
    summary: "writes the tags of a stream as JSON Lines",
    doc: "Takes a stream of any type and writes an object a line for each of its tags, in the order of their positions: \
          `position` (of the item that the tag stands before; the first is 0, and behind the last item it is the number of items), `seconds` (position over rate, where the \
          stream's rate is known), `key` and `value` (a number, a text, true or false). A stream without tags gives an empty \
          file. An existing file is replaced. A regular file is written exactly once whatever is killed. `-` is standard output; there and into \
          pipes a killed worker may repeat its last lines, and when nobody reads any more the agent is done.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[WRITE],
    example: "counter items=1000 ! tags.add at=[100, 700] key=cut ! blocks size=32 ! tags.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let agent = TagWriter {
        rate: input.rate,
        file: Grown::of(args)?,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .state(StateSpec::of(0u64))
        .tags(Tags::Read))
}

/// State: how many bytes are written (`u64`).
struct TagWriter {
    rate: Option<f64>,
    file: Grown,
}

impl TagWriter {
    fn add_line(&mut self, tag: &Tag<'_>) {
        let Tag {
            position,
            key,
            value,
        } = tag;
        let seconds = match self.rate {
            Some(rate) => {
                let seconds = serde_json::Value::from(*position as f64 / rate);
                format!(",\"seconds\":{seconds}")
            }
            None => String::new(),
        };
        let key = serde_json::Value::from(*key);
        let line =
            format!("{{\"position\":{position}{seconds},\"key\":{key},\"value\":{value}}}\n");
        self.file.text.extend_from_slice(line.as_bytes());
    }
}

impl Agent for TagWriter {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.open(b"", state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Some(status) = self.file.wait(io)? {
            return Ok(status);
        }
        let (input, tags) = io.inputs.split_at_mut(1);
        input[0].consume(input[0].len());
        let Some(tags) = tags.first_mut() else {
            return Ok(Status::Ready);
        };
        self.file.text.clear();
        for frame in tags.frames() {
            self.add_line(&Tag::of_frame(frame)?);
        }
        let written = io.state.get::<u64>();
        if !self.file.text.is_empty() && self.file.write(written)? == Readers::Gone {
            return Ok(Status::Done);
        }
        tags.consume(tags.len());
        match tags.is_whole() {
            true => Ok(Status::Ready),
            // More wait than were visible: it is not done when the items are.
            false => Ok(Status::More),
        }
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.finish(b"", state)
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.file.toll(state)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.file.outside(state)
    }
}
