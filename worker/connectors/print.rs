//! `print`: writes items to standard output, one line each.

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Io, State, StateSpec, Status};
use crate::connectors::files::{Readers, Target};
use crate::connectors::records::count_of;
use crate::connectors::text::{Items, Quotes, Rows};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

/// The row of the table.
pub const PRINT: OpDef = OpDef {
    name: "print",
    summary: "writes items to standard output, one line each",
    doc: "Numbers as in `csv.write`: the shortest decimal that reads back as the same value. A vector \
          is its elements parted by commas, a complex number its two parts, a timed item its seconds \
          and value, a text itself; of several inputs a line has one item each, and the shortest ends the printing. \
          Lines are never mixed within with those of another `print`. A worker that is killed may repeat \
          the last lines. When nobody reads any more (`| head`), the agent is done.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[
        ParamDef {
            name: "label",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "Put before every line, with a colon and a space.",
        },
        ParamDef {
            name: "every",
            kind: ParamKind::Int,
            default: Some("1"),
            unit: "items",
            doc: "Prints the first item of each group of this many.",
        },
    ],
    example: "counter items=5 ! print label=n every=2",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let blueprint = Blueprint::new(print(args)?).ends(Ends::AnyInput);
    let blueprint = blueprint.state(StateSpec::of(0u64));
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

fn print(args: &Args) -> Result<Print, OpError> {
    let label = args.text("label").map(|l| format!("{l}: "));
    Ok(Print {
        rows: Rows::of(args)?,
        label: label.unwrap_or_default().into_bytes(),
        every: args.required_count("every", 1)?,
        target: Target::checked("-".into())?,
        text: Vec::new(),
    })
}

/// State: how many bytes were printed (`u64`).
struct Print {
    rows: Rows,
    label: Vec<u8>,
    every: u64,
    target: Target,
    text: Vec<u8>,
}

impl Agent for Print {
    fn attach(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.target.open(0)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let n = io.inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        let position = io.inputs[0].position();
        let first = position.next_multiple_of(self.every) - position;
        self.text.clear();
        let mut items = self.rows.items(io.inputs);
        let mut row = first;
        while row < n as u64 {
            let whole_lines = self.text.len();
            self.add_line(&mut items, row as usize);
            let printed = io.state.get();
            if self.text.len() > AT_ONCE && self.write(whole_lines, printed)? == Readers::Gone {
                return Ok(Status::Done);
            }
            row += self.every;
        }
        let printed = io.state.get();
        if self.write(self.text.len(), printed)? == Readers::Gone {
            return Ok(Status::Done);
        }
        io.inputs.iter_mut().for_each(|input| input.consume(n));
        Ok(Status::Ready)
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.target.toll(count_of(state))
    }
}

/// A pipe takes this much in one piece (`PIPE_BUF`), so that two writers' lines do not mix.
const AT_ONCE: usize = 4096;

impl Print {
    fn add_line(&mut self, items: &mut Items<'_>, row: usize) {
        self.text.extend_from_slice(&self.label);
        self.rows
            .push(items, row, b',', Quotes::Never, &mut self.text);
        self.text.push(b'\n');
    }

    /// Writes the first `len` bytes of the text at once and keeps the rest.
    fn write(&mut self, len: usize, printed: &mut u64) -> Result<Readers, AgentError> {
        let readers = self.target.write(0, &self.text[..len])?;
        *printed += len as u64;
        self.text.drain(..len);
        Ok(readers)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsRawFd, OwnedFd};

    use super::*;
    use crate::agent::Input;
    use crate::op::{InputInfo, Value};
    use crate::testing::{Chunks, run};
    use crate::types::ItemType;

    /// What is printed into a pipe.
    fn printed(input: (&str, &[u8]), params: &[(String, Value)], chunks: Chunks) -> String {
        let (reading, writing) = nix::unistd::pipe().unwrap();
        let blueprint = to_pipe(input.0, params, &writing);
        run(blueprint, &[input.1.to_vec()], chunks, usize::MAX).unwrap();
        drop(writing);
        let mut text = String::new();
        File::from(reading).read_to_string(&mut text).unwrap();
        text
    }

    fn to_pipe(item_type: &str, params: &[(String, Value)], writing: &OwnedFd) -> Blueprint {
        let item_type: ItemType = item_type.parse().unwrap();
        let input = InputInfo {
            naming: Default::default(),
            name: "x".to_owned(),
            item_type,
            rate: None,
            unit: None,
        };
        let args = Args::new(&PRINT, vec![input], None, params, ".".as_ref()).unwrap();
        let mut blueprint = build(&args).unwrap();
        blueprint.agent = Box::new(Print {
            target: Target::at(format!("/dev/fd/{}", writing.as_raw_fd())),
            ..print(&args).unwrap()
        });
        blueprint
    }

    #[test]
    fn a_line_per_item_with_its_label() {
        let items: Vec<u8> = bytemuck::cast_slice(&[1.5f32, -2.0, 0.1, 7.0]).to_vec();
        let label = ("label".to_owned(), Value::from("f"));
        assert_eq!(
            printed(("f32[2]", &items), &[label], Chunks::Single),
            "f: 1.5,-2.0\nf: 0.1,7.0\n"
        );
    }

    #[test]
    fn every_counts_from_the_streams_start_however_it_is_cut() {
        let items: Vec<u8> = (0..10).collect();
        let every = [("every".to_owned(), Value::from(4))];
        for chunks in [Chunks::Whole, Chunks::Single] {
            assert_eq!(printed(("u8", &items), &every, chunks), "0\n4\n8\n");
        }
    }

    #[test]
    fn a_reader_that_left_ends_it_quietly() {
        let (reading, writing) = nix::unistd::pipe().unwrap();
        let mut blueprint = to_pipe("u8", &[], &writing);
        let mut printed = [0u64];
        let printed = bytemuck::cast_slice_mut(&mut printed);
        blueprint.agent.attach(State::new(printed)).unwrap();
        drop((reading, writing));
        let items = [1u8, 2, 3];
        // SAFETY: three readable bytes that outlive the input.
        let mut inputs = [unsafe { Input::new(items.as_ptr(), 3, 0, 0, 1, true) }];
        let mut io = Io {
            inputs: &mut inputs,
            outputs: &mut [],
            state: State::new(printed),
            dials: &[],
            draining: false,
        };
        assert_eq!(blueprint.agent.work(&mut io), Ok(Status::Done));
    }
}
