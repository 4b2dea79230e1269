//! `window fn = "items"` of texts: a window becomes the texts it has, a line of JSON.
//!
//! Texts that later windows need are kept in the state, as they are written in the line: a ring of frames of
//! any length holds no certain number of them.

use bytemuck::{Pod, Zeroable};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status, text_of};
use crate::op::{Args, OpError};
use crate::state::Table;
use crate::types::ItemType;

use super::json_lines::push_text;
use super::texts::taken_first;
use super::window::Wanted;

/// The texts of windows of so many: `["a","b","c"]`.
pub(super) fn counted(args: &Args, windows: Wanted) -> Result<Blueprint, OpError> {
    let bytes = args.required_count("bytes", 1)?;
    if bytes > BYTES_MAX {
        let message = format!("`bytes` is {bytes}, and a window keeps at most {BYTES_MAX}");
        return Err(OpError::param("bytes", message));
    }
    let agent = Texts {
        windows,
        text: Vec::new(),
        line: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(ItemType::Text))
        .output(OutPort::new(ItemType::Text, None))
        .state(StateSpec::head_and_table(
            Head::zeroed(),
            &vec![0u8; bytes as usize],
        )))
}

const BYTES_MAX: u64 = 1 << 30;

/// Which texts are kept. They lie one after the other, each behind its length (four bytes), and go round.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Head {
    /// The place in the stream of the oldest.
    first: u64,
    /// How many.
    kept: u64,
    /// Bytes from the beginning of time to the oldest, and to the end of the newest.
    from: u64,
    to: u64,
}

impl Head {
    /// Forgets what stands before this place.
    fn drop_before(&mut self, place: u64, table: &[u8]) {
        while self.kept > 0 && self.first < place {
            self.from = next(table, self.from).1;
            self.first += 1;
            self.kept -= 1;
        }
    }

    /// Keeps the text of this place; false where there is no room for it.
    fn keep(&mut self, place: u64, text: &[u8], table: &mut Table<'_, u8>) -> bool {
        let room = table.len() - (self.to - self.from) as usize;
        if text.len() + 4 > room {
            return false;
        }
        if self.kept == 0 {
            self.first = place;
        }
        for part in [&(text.len() as u32).to_le_bytes()[..], text] {
            let (start, len) = (self.to as usize % table.len(), part.len());
            let before_end = len.min(table.len() - start);
            let (whole, rest) = part.split_at(before_end);
            table
                .range_mut(start..start + before_end)
                .copy_from_slice(whole);
            table.range_mut(0..rest.len()).copy_from_slice(rest);
            self.to += len as u64;
        }
        self.kept += 1;
        true
    }

    /// Appends the texts that are kept, commas between them.
    fn write(&self, table: &[u8], line: &mut Vec<u8>) {
        let mut at = self.from;
        for nth in 0..self.kept {
            if nth > 0 {
                line.push(b',');
            }
            let (start, end) = next(table, at);
            line.extend((start..end).map(|byte| table[byte as usize % table.len()]));
            at = end;
        }
    }
}

/// Where the text that is kept there begins and ends.
fn next(table: &[u8], at: u64) -> (u64, u64) {
    let byte = |nth: u64| table[(at + nth) as usize % table.len()];
    let len = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
    (at + 4, at + 4 + u64::from(len))
}

struct Texts {
    windows: Wanted,
    /// Scratch: a text as the line has it.
    text: Vec<u8>,
    /// Scratch: a window's line.
    line: Vec<u8>,
}

impl Agent for Texts {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (head, mut table) = io.state.head_and_table::<Head, u8>();
        let (mut taken, mut outcome) = (0, Ok(()));
        for frame in input.frames() {
            let place = input.position() + taken as u64;
            self.text.clear();
            push_text(text_of(frame)?, &mut self.text);
            let mut begin = self.windows.begin(output.position());
            head.drop_before(begin, table.as_slice());
            if place + 1 == self.windows.end(output.position()) {
                self.line.clear();
                self.line.push(b'[');
                head.write(table.as_slice(), &mut self.line);
                if head.kept > 0 {
                    self.line.push(b',');
                }
                self.line.extend_from_slice(&self.text);
                self.line.push(b']');
                if !output.give(&self.line) {
                    break;
                }
                begin = self.windows.begin(output.position());
                head.drop_before(begin, table.as_slice());
            }
            if place >= begin && !head.keep(place, &self.text, &mut table) {
                outcome = Err(AgentError::new(format!(
                    "at item {place}: the texts of a window take more than {} bytes; `bytes = ..` keeps more",
                    table.len()
                )));
                break;
            }
            taken += 1;
        }
        input.consume(taken);
        taken_first(outcome, taken)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{text_output, text_run, texts};
    use crate::testing::Chunks;

    #[test]
    fn a_window_of_texts_is_a_list_of_them() {
        let given = ["a", "", "say \"c\"", "d", "e", "f", "g"];
        let params = |size: i64, step: i64, growing: bool| {
            [
                ("size", Value::from(size)),
                ("step", step.into()),
                ("fn", "items".into()),
                ("growing", growing.into()),
                ("bytes", 40.into()),
            ]
        };
        assert_eq!(
            text_output("window", &given, &params(3, 2, false)),
            [
                r#"["a","","say \"c\""]"#,
                r#"["say \"c\"","d","e"]"#,
                r#"["e","f","g"]"#
            ]
        );
        assert_eq!(
            text_output("window", &given, &params(3, 2, true)),
            [r#"["a",""]"#, r#"["","say \"c\"","d"]"#, r#"["d","e","f"]"#]
        );
        assert_eq!(
            text_output("window", &given, &params(2, 3, false)),
            [r#"["a",""]"#, r#"["d","e"]"#]
        );
        assert_eq!(
            text_output("window", &given[..3], &params(1, 1, false)),
            [r#"["a"]"#, r#"[""]"#, r#"["say \"c\""]"#]
        );
    }

    #[test]
    fn texts_that_are_too_many_end_the_run_with_a_sentence() {
        let params = [
            ("size", Value::from(4)),
            ("fn", "items".into()),
            ("bytes", 12.into()),
        ];
        for chunks in [Chunks::Whole, Chunks::Single] {
            let refused = text_run("window", &[texts(&["ab", "c", "d"])], &params, chunks);
            let message = refused.unwrap_err().message;
            assert!(
                message.contains("at item 1") && message.contains("12 bytes"),
                "{message}"
            );
        }
    }
}
