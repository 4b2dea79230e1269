//! `lines`: the lines of a stream of bytes, or of each frame.

use thalweg_ringbuf::Frames;

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, StateSpec, Status,
};
use crate::connectors::lines::{BadLine, INVALID, LONGEST, Lines, item_type};
use crate::op::{Args, Arity, OpDef, OpError};
use crate::types::ItemType;

/// The row of the table.
pub const LINES: OpDef = OpDef {
    name: "lines",
    summary: "the lines of a stream of bytes, or of each frame",
    doc: "A frame of text for each line, without the line feed (and a carriage return before it) that ends \
          it. Of a stream of u8 (`raw.read dtype=u8`) the lines of all of it; of frames (`text` or `bytes`, such as datagrams) \
          the lines of each by itself, so that a frame's end ends a line. `dtype = \"bytes\"` gives lines \
          that are not looked into.",
    inputs: Arity::One,
    outputs: "one stream of text, or of bytes",
    params: &[LONGEST, INVALID],
    example: "raw.read path=examples/data/access.log dtype=u8 ! lines ! head items=3 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let lines = Lines::of(args)?;
    let port = InPort::new(input.item_type.clone());
    let output = OutPort::new(item_type(args)?, None);
    match input.item_type {
        ItemType::U8 => {
            // A line is taken when all of it is there, with what ends it.
            let port = port.at_least(lines.longest() + 3);
            let agent = OfBytes { lines };
            Ok(Blueprint::new(agent).input(port).output(output))
        }
        ItemType::Text | ItemType::Bytes => Ok(Blueprint::new(OfFrames { lines })
            .input(port)
            .output(output)
            .state(StateSpec::of(0u64))),
        _ => Err(OpError::input_type("lines", input, "u8, bytes or text")),
    }
}

struct OfBytes {
    lines: Lines,
}

impl Agent for OfBytes {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let before = input.consumed();
        match self.read(input, output) {
            // What came before the trouble is given first, however the calls are cut.
            Err(_) if input.consumed() > before => Ok(Status::Ready),
            Err((bad, place)) => {
                let whereabouts = format!("byte {place} of its input");
                Err(self.lines.refusal(bad, "its input", &whereabouts, place))
            }
            Ok(()) => Ok(Status::Ready),
        }
    }
}

impl OfBytes {
    fn read(&mut self, input: &mut Input, output: &mut Output) -> Result<(), (BadLine, u64)> {
        loop {
            let (place, bytes) = (input.position(), input.items::<u8>());
            let about = |bad| (bad, place);
            let line = self.lines.first(place, bytes, input.is_ended());
            let Some(line) = line.map_err(about)? else {
                return Ok(());
            };
            let given = self
                .lines
                .item(&bytes[..line.len], |item| output.give(item));
            if !given.map_err(about)? {
                return Ok(());
            }
            input.consume(line.whole);
        }
    }
}

/// State: where in the first unread frame the next line begins (`u64`).
struct OfFrames {
    lines: Lines,
}

impl Agent for OfFrames {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let from = io.state.get::<u64>();
        let before = (output.produced(), *from);
        let (taken, outcome) = self.read(input.frames(), from, output);
        input.consume(taken);
        match outcome {
            Err(_) if taken > 0 || (output.produced(), *from) != before => Ok(Status::Ready),
            Err(bad) => {
                let whereabouts = format!("item {} of its input", input.position());
                Err(self.lines.refusal(bad, "it", &whereabouts, *from))
            }
            Ok(()) => Ok(Status::Ready),
        }
    }
}

impl OfFrames {
    /// Gives the lines of frames; how many frames were used up.
    fn read(
        &mut self,
        frames: Frames<'_>,
        from: &mut u64,
        output: &mut Output,
    ) -> (usize, Result<(), BadLine>) {
        let mut taken = 0;
        for frame in frames {
            match self.read_frame(frame, from, output) {
                Ok(true) => {
                    *from = 0;
                    taken += 1;
                }
                Ok(false) => break,
                Err(bad) => return (taken, Err(bad)),
            }
        }
        (taken, Ok(()))
    }

    /// Gives the lines of a frame from byte `from` on; false where there was no room for all.
    fn read_frame(
        &mut self,
        frame: &[u8],
        from: &mut u64,
        output: &mut Output,
    ) -> Result<bool, BadLine> {
        while let Some(line) = self.lines.first(*from, &frame[*from as usize..], true)? {
            let bytes = &frame[*from as usize..][..line.len];
            if !self.lines.item(bytes, |item| output.give(item))? {
                return Ok(false);
            }
            *from += line.whole as u64;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, text_output, text_run};
    use crate::testing::Chunks;

    #[test]
    fn lines_of_bytes_do_not_care_how_they_come() {
        let bytes = b"one\ntwo\r\n\nlast";
        for chunks in (0..20).map(Chunks::Random).chain([Chunks::Whole]) {
            let found = text_run("lines", &[given("u8", bytes)], &[], chunks).unwrap();
            assert_eq!(found, ["one", "two", "", "last"], "{chunks:?}");
        }
    }

    #[test]
    fn a_frame_ends_its_last_line() {
        let found = text_output("lines", &["a\nb", "", "c\r\n", "\nd"], &[]);
        assert_eq!(found, ["a", "b", "c", "", "d"]);
    }

    #[test]
    fn what_is_too_long_or_no_utf8_is_named() {
        let longest = [("longest", Value::from(3))];
        let error = text_run(
            "lines",
            &[given("u8", b"abc\nabcd\n")],
            &longest,
            Chunks::Whole,
        );
        assert_eq!(
            error.unwrap_err().message,
            "byte 4 of its input: a line of more than 3 bytes; say `longest = ..` if that is right"
        );
        let error = text_run(
            "lines",
            &[given("u8", b"abc\na\xff\n")],
            &[],
            Chunks::Single,
        );
        let message = error.unwrap_err().message;
        assert!(
            message.contains("byte 5 of its input is no UTF-8"),
            "{message}"
        );
        let refused = build("lines", &[given("f64", &[1.0])], &[], None).unwrap_err();
        assert_eq!(
            refused.message,
            "`lines` takes u8, bytes or text, and its input is f64"
        );
    }
}
