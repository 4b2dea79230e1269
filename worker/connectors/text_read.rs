//! `text.read`: gives the lines of a file.
//!
//! The byte where the next line begins is committed with the stream, so a regular file is read on from
//! there whatever is killed.

use crate::agent::{
    Agent, AgentError, Blueprint, Io, OutPort, Output, Outside, State, StateSpec, Status,
};
use crate::connectors;
use crate::connectors::files::{Filled, Reader};
use crate::connectors::follow::{FOLLOW, Place};
use crate::connectors::lines::{self, BadLine, Line, Lines};
use crate::connectors::params::{READ, RECORDED_RATE};
use crate::op::{Args, Arity, OpDef, OpError};

/// The row of the table.
pub const TEXT_READ: OpDef = OpDef {
    name: "text.read",
    summary: "reads the lines of a file",
    doc: "A frame of text for each line, without the line feed (and a carriage return before it) that ends \
          it; an empty line is an empty frame. The last line needs no end, and a byte order mark at the \
          start is left out. Text is UTF-8: a line that is not ends the run with file, line and byte, \
          unless `invalid` says otherwise; `dtype = \"bytes\"` gives lines as they are. A regular file \
          goes on at the committed byte whatever is killed, and with `follow` waits for more at its end. `-` is standard input: it and pipes cannot be \
          read again, so a killed reader ends the run.",
    inputs: Arity::Source,
    outputs: "one stream of text, or of bytes",
    params: &[READ, FOLLOW, lines::LONGEST, lines::INVALID, RECORDED_RATE],
    example: "text.read path=examples/data/quake.csv ! head items=3 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let agent = TextReader {
        reader: Reader::following(args)?,
        lines: Lines::of(args)?,
    };
    let output = OutPort::new(lines::item_type(args)?, connectors::rate(args)?);
    Ok(Blueprint::new(agent)
        .output(output)
        .state(StateSpec::of(Place::default())))
}

/// State: where the next line begins ([`Place`]).
struct TextReader {
    reader: Reader,
    lines: Lines,
}

impl Agent for TextReader {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.reader.open_at(state.get::<Place>())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let before = io.outputs[0].produced();
        match self.read(io) {
            // What came before the trouble is given first, however the calls are cut.
            Err(_) if io.outputs[0].produced() > before => Ok(Status::More),
            status => status,
        }
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.reader.outside_at(&bytemuck::pod_read_unaligned(state))
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.reader.toll(&bytemuck::pod_read_unaligned(state))
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl TextReader {
    fn read(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (output, place) = (&mut io.outputs[0], io.state.get::<Place>());
        self.reader.seek(place.at);
        self.reader.note(place);
        let mut is_last = false;
        loop {
            let bytes = self.reader.bytes(place.at);
            let line = self.lines.first(place.at, bytes, is_last);
            match line.map_err(|bad| self.refusal(bad, place.at))? {
                Some(line) => {
                    if !self.give(line, place.at, output)? {
                        return Ok(Status::More);
                    }
                    place.at += line.whole as u64;
                }
                None if is_last => return Ok(Status::Done),
                None => {
                    let filled = self.reader.fill(place.at)?;
                    self.reader.note(place);
                    match filled {
                        Filled::Grew => {}
                        Filled::Ended => is_last = true,
                        Filled::Waiting(wait) => return Ok(Status::Wait(wait)),
                    }
                }
            }
        }
    }

    /// Gives the line at `place`; false where there is no room for it.
    fn give(&self, line: Line, place: u64, output: &mut Output) -> Result<bool, AgentError> {
        let bytes = &self.reader.bytes(place)[..line.len];
        let skipped = match place == self.reader.base() && bytes.starts_with(BYTE_ORDER_MARK) {
            true => BYTE_ORDER_MARK.len(),
            false => 0,
        };
        let given = self.lines.item(&bytes[skipped..], |item| output.give(item));
        given.map_err(|bad| self.refusal(bad, place + skipped as u64))
    }

    fn refusal(&self, bad: BadLine, place: u64) -> AgentError {
        let name = self.reader.name();
        let whereabouts = match self.reader.is_regular() {
            true => format!("{name}:{}", 1 + self.reader.lines_before(place)),
            false => format!("{name}, the line at byte {place}"),
        };
        let in_file = place - self.reader.base();
        self.lines.refusal(bad, "the file", &whereabouts, in_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, read, source};
    use crate::op::Value;
    use crate::testing::{Chunks, frames};

    fn built(
        text: &[u8],
        dtype: Option<&str>,
        params: &[(&str, Value)],
    ) -> (Blueprint, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.txt"), text).unwrap();
        let blueprint = source(&TEXT_READ, folder.path(), "t.txt", dtype, params).unwrap();
        (blueprint, folder)
    }

    fn fails(text: &[u8], params: &[(&str, Value)]) -> String {
        let (blueprint, folder) = built(text, None, params);
        let error = read(blueprint, Chunks::Random(7)).unwrap_err();
        let place = format!("{}/", folder.path().display());
        error.message.replace(&place, "")
    }

    #[test]
    fn every_line_is_a_frame_under_every_cut() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("one\ntwo\n", &["one", "two"]),
            ("one\r\ntwo", &["one", "two"]),
            ("\n\na\n\n", &["", "", "a", ""]),
            ("\u{feff}größer\nβ\n", &["größer", "β"]),
            ("a\u{feff}b", &["a\u{feff}b"]),
        ];
        for (text, expected) in cases {
            for chunks in CUTS {
                let (blueprint, _folder) = built(text.as_bytes(), None, &[]);
                let found = read(blueprint, chunks).unwrap();
                assert_eq!(found, frames(expected), "{text:?} {chunks:?}");
            }
        }
    }

    #[test]
    fn lines_longer_than_a_chunk_are_whole() {
        let long = "x".repeat(600_000);
        let (blueprint, _folder) = built(
            format!("a\n{long}\nb").as_bytes(),
            None,
            &[("longest", Value::from(600_000))],
        );
        // Longer than the bench's streams take: so many bytes is the error, not a cut line.
        let error = read(blueprint, Chunks::Whole).unwrap_err();
        assert_eq!(error.message, "a frame of 600000 bytes is too long");
        let (blueprint, _folder) = built(
            format!("a\n{}\nb", &long[..400_000]).as_bytes(),
            None,
            &[("longest", Value::from(400_000))],
        );
        let found = read(blueprint, Chunks::Random(3)).unwrap();
        assert_eq!(found, frames(["a", &long[..400_000], "b"]));
    }

    #[test]
    fn what_is_no_utf8_is_named_with_line_and_byte() {
        let text = b"ab\ncd\nx\xffy\n";
        assert_eq!(
            fails(text, &[]),
            "t.txt:3: byte 7 of the file is no UTF-8; convert it (`iconv -t utf-8`), or say `invalid = \"replace\"`, or `dtype = \"bytes\"`"
        );
        let replacing = [("invalid", Value::from("replace"))];
        let (blueprint, _folder) = built(text, None, &replacing);
        let found = read(blueprint, Chunks::Single).unwrap();
        assert_eq!(found, frames(["ab", "cd", "x\u{fffd}y"]));
        let (blueprint, _folder) = built(text, Some("bytes"), &[]);
        let found = read(blueprint, Chunks::Single).unwrap();
        assert_eq!(found, frames([&b"ab"[..], b"cd", b"x\xffy"]));
    }

    #[test]
    fn a_line_that_is_too_long_is_named() {
        let longest = [("longest", Value::from(3))];
        assert_eq!(
            fails(b"abc\nabcd\n", &longest),
            "t.txt:2: a line of more than 3 bytes; say `longest = ..` if that is right"
        );
    }
}
