//! `text.write`: writes each frame as a line of a file.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Outside, State, StateSpec, Status};
use crate::connectors::files::Readers;
use crate::connectors::grown::Grown;
use crate::connectors::params::WRITE;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

/// The row of the table.
pub const TEXT_WRITE: OpDef = OpDef {
    name: "text.write",
    summary: "writes each frame as a line of a file",
    doc: "The bytes of each frame and a line feed, or with `newline = false` the frames one after the other. \
          Frames are of text or of bytes, and are not looked into: one with a line feed makes two lines. An \
          existing file is replaced. A regular file is written exactly once whatever is killed: a successor \
          goes on at the byte that was committed. `-` is standard output; there and into pipes a killed \
          worker may repeat its last lines, and when nobody reads any more the agent is done.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[
        WRITE,
        ParamDef {
            name: "newline",
            kind: ParamKind::Bool,
            default: Some("true"),
            unit: "",
            doc: "Whether a line feed follows each frame.",
        },
    ],
    example: "text.read path=examples/data/quake.csv ! head items=3 ! text.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    if !input.item_type.is_framed() {
        return Err(OpError::input_type("text.write", input, "text or bytes")
            .or_help("`csv.write` writes numbers; `text.format` makes text of them"));
    }
    let agent = TextWriter {
        newline: args.flag("newline"),
        file: Grown::of(args)?,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .state(StateSpec::of(0u64)))
}

/// State: how many bytes are written (`u64`).
struct TextWriter {
    newline: bool,
    file: Grown,
}

impl Agent for TextWriter {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.open(b"", state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Some(status) = self.file.wait(io)? {
            return Ok(status);
        }
        let input = &mut io.inputs[0];
        self.file.text.clear();
        for frame in input.frames() {
            self.file.text.extend_from_slice(frame);
            if self.newline {
                self.file.text.push(b'\n');
            }
        }
        let readers = self.file.write(io.state.get::<u64>())?;
        input.consume(input.len());
        Ok(match readers {
            Readers::Some => Status::Ready,
            Readers::Gone => Status::Done,
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, sink};
    use crate::op::Value;
    use crate::testing::{Chunks, frames, run};

    #[test]
    fn a_named_pipe_is_waited_for_until_somebody_reads() {
        for given in [&["a", "b"][..], &[]] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("pipe");
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            let reader = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(30));
                std::fs::read_to_string(path).unwrap()
            });
            let params = [("newline", Value::from(false))];
            let input = ("text", None);
            let blueprint = sink(&TEXT_WRITE, folder.path(), "pipe", input, &params).unwrap();
            run(blueprint, &[frames(given)], Chunks::Single, usize::MAX).unwrap();
            assert_eq!(reader.join().unwrap(), given.concat());
        }
    }

    #[test]
    fn every_frame_is_a_line_or_follows_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [(true, "a\n\nbc\nβ\n"), (false, "abcβ")];
        for (newline, expected) in cases {
            for chunks in CUTS {
                let params = [("newline", Value::from(newline))];
                let input = ("text", None);
                let blueprint = sink(&TEXT_WRITE, folder.path(), "o.txt", input, &params).unwrap();
                run(
                    blueprint,
                    &[frames(["a", "", "bc", "β"])],
                    chunks,
                    usize::MAX,
                )
                .unwrap();
                let found = std::fs::read_to_string(folder.path().join("o.txt")).unwrap();
                assert_eq!(found, expected, "{chunks:?}");
            }
        }
    }

    #[test]
    fn numbers_are_refused_with_the_way_to_write_them() {
        let refused = sink(&TEXT_WRITE, ".".as_ref(), "-", ("f64", None), &[]).unwrap_err();
        assert_eq!(
            refused.message,
            "`text.write` takes text or bytes, and its input is f64"
        );
        assert!(refused.help.unwrap().contains("text.format"));
    }
}
