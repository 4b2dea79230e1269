//! `head`: the first items of a stream.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, pass_on};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

/// The row of the table.
pub const HEAD: OpDef = OpDef {
    name: "head",
    summary: "the first items of a stream, then its end",
    doc: "Gives the first `items` items and ends; what comes before it is then no longer wanted and ends \
          too. A shorter stream is given whole.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[ParamDef {
        name: "items",
        kind: ParamKind::Length,
        default: None,
        unit: "items",
        doc: "How many, or a duration.",
    }],
    example: "counter ! head items=100 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let agent = Head {
        items: args.required_length("items", 0)?,
    };
    Ok(Blueprint::new(agent)
        .weight(1)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit()))
}

struct Head {
    items: u64,
}

impl Agent for Head {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let left = self.items - output.position();
        let n = pass_on(input, output, left as usize);
        match n as u64 == left {
            true => Ok(Status::Done),
            false => Ok(Status::Ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn it_gives_the_first_items_of_longer_and_shorter_streams() {
        let cases = [
            (0.into(), 0),
            (3.into(), 3),
            (5.into(), 5),
            (9.into(), 5),
            ("0.2 s".into(), 2),
        ];
        for (items, expected) in cases {
            let input = [given("i32", &[0, 1, 2, 3, 4]).rate(10.0)];
            let head: Vec<i32> = output("head", &input, &[("items", items)], None);
            assert_eq!(head, (0..expected).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_duration_needs_a_rate() {
        let input = [given("i32", &[0])];
        let refused = build("head", &input, &[("items", "1 s".into())], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("items"));
    }
}
