//! Lines: where one ends in bytes that come bit by bit, and what of it an item is.

use crate::agent::AgentError;
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The parameter `longest` of sources of lines.
pub(crate) const LONGEST: ParamDef = ParamDef {
    name: "longest",
    kind: ParamKind::Int,
    default: Some("65536"),
    unit: "bytes",
    doc: "The longest line; a longer one ends the run. Its stream must hold twice as much.",
};

/// The parameter `invalid` of sources of text.
pub(crate) const INVALID: ParamDef = ParamDef {
    name: "invalid",
    kind: ParamKind::Choice(&["error", "replace"]),
    default: Some("error"),
    unit: "",
    doc: "What to do with a line that is no UTF-8: end the run, or put U+FFFD for what is wrong in it.",
};

/// What the items of a source of lines are: `text`, or `bytes` where its `dtype` says so.
pub(crate) fn item_type(args: &Args) -> Result<ItemType, OpError> {
    match args.dtype() {
        None | Some(ItemType::Text) => Ok(ItemType::Text),
        Some(ItemType::Bytes) => Ok(ItemType::Bytes),
        Some(other) => Err(OpError::param(
            "dtype",
            format!("`dtype` is {other}, and a line is text or bytes"),
        )
        .with_help("`text.parse` makes numbers of text")),
    }
}

/// How bytes become lines, and lines items.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    longest: usize,
    is_text: bool,
    replaces: bool,
    /// The buffer from this place on was searched so far, and has no line's end there.
    searched: (u64, usize),
}

/// A line at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its bytes, without what ends it.
    pub(crate) len: usize,
    /// Its bytes with what ends it.
    pub(crate) whole: usize,
}

/// A line that cannot be an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    /// It has more bytes than the longest may have.
    TooLong,
    /// It is no UTF-8 from this byte of it on.
    NotUtf8(usize),
}

impl Lines {
    /// As the parameters `longest` and `invalid` and the `dtype` have it.
    pub(crate) fn of(args: &Args) -> Result<Lines, OpError> {
        let longest = args.required_count("longest", 1)?;
        Ok(Lines {
            longest: usize::try_from(longest).unwrap_or(usize::MAX),
            is_text: item_type(args)? == ItemType::Text,
            replaces: args.text("invalid") == Some("replace"),
            searched: (0, 0),
        })
    }

    /// For lines that are no items themselves: as the parameter `longest` has it.
    pub(crate) fn of_bytes(args: &Args) -> Result<Lines, OpError> {
        let longest = args.required_count("longest", 1)?;
        Ok(Lines {
            longest: usize::try_from(longest).unwrap_or(usize::MAX),
            is_text: false,
            replaces: false,
            searched: (0, 0),
        })
    }

    /// For what comes in pieces of its own, which need no ends: as the parameter `invalid` and the `dtype`
    /// have it.
    pub(crate) fn of_pieces(args: &Args) -> Result<Lines, OpError> {
        Ok(Lines {
            longest: usize::MAX,
            is_text: item_type(args)? == ItemType::Text,
            replaces: args.text("invalid") == Some("replace"),
            searched: (0, 0),
        })
    }

    /// The longest line, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The line that `bytes`, which stand at `place`, start with; `None` where its end is not among them.
    /// It ends with a line feed, with or without a carriage return before it, or, if `is_last`, with the
    /// bytes.
    pub(crate) fn first(
        &mut self,
        place: u64,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<Option<Line>, BadLine> {
        let searched = match self.searched {
            (at, len) if at == place => len.min(bytes.len()),
            _ => 0,
        };
        let end = memchr::memchr(b'\n', &bytes[searched..]).map(|at| at + searched);
        let line = match end {
            Some(end) => Line {
                len: end - usize::from(end > 0 && bytes[end - 1] == b'\r'),
                whole: end + 1,
            },
            None if is_last && !bytes.is_empty() => Line {
                len: bytes.len(),
                whole: bytes.len(),
            },
            None => {
                self.searched = (place, bytes.len());
                return match bytes.len() > self.longest + 2 {
                    true => Err(BadLine::TooLong),
                    false => Ok(None),
                };
            }
        };
        match line.len > self.longest {
            true => Err(BadLine::TooLong),
            false => Ok(Some(line)),
        }
    }

    /// Calls `give` with the item that a line is; what `give` says.
    pub(crate) fn item(
        &self,
        line: &[u8],
        give: impl FnOnce(&[u8]) -> bool,
    ) -> Result<bool, BadLine> {
        if !self.is_text {
            return Ok(give(line));
        }
        match std::str::from_utf8(line) {
            Ok(_) => Ok(give(line)),
            Err(_) if self.replaces => Ok(give(String::from_utf8_lossy(line).as_bytes())),
            Err(error) => Err(BadLine::NotUtf8(error.valid_up_to())),
        }
    }

    /// What is wrong with a line that begins at byte `place` of `name`, in words; `whereabouts` it is.
    pub(crate) fn refusal(
        &self,
        bad: BadLine,
        name: &str,
        whereabouts: &str,
        place: u64,
    ) -> AgentError {
        AgentError::new(match bad {
            BadLine::TooLong => format!(
                "{whereabouts}: a line of more than {} bytes; say `longest = ..` if that is right",
                self.longest
            ),
            BadLine::NotUtf8(at) => format!(
                "{whereabouts}: byte {} of {name} is no UTF-8; convert it (`iconv -t utf-8`), or say `invalid = \"replace\"`, or `dtype = \"bytes\"`",
                place + at as u64
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(longest: usize) -> Lines {
        Lines {
            longest,
            is_text: true,
            replaces: false,
            searched: (0, 0),
        }
    }

    #[test]
    fn a_line_ends_with_a_line_feed_and_the_last_with_the_bytes() {
        let line = |len, whole| Ok(Some(Line { len, whole }));
        let cases: [(&[u8], bool, _); 8] = [
            (b"ab\ncd\n", false, line(2, 3)),
            (b"ab\r\ncd", false, line(2, 4)),
            (b"\n", false, line(0, 1)),
            (b"\r\n", false, line(0, 2)),
            (b"ab", false, Ok(None)),
            (b"ab", true, line(2, 2)),
            (b"", true, Ok(None)),
            (b"abcd\n", false, Err(BadLine::TooLong)),
        ];
        for (bytes, is_last, expected) in cases {
            assert_eq!(lines(3).first(0, bytes, is_last), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_was_searched_is_not_searched_again_and_no_end_is_missed() {
        let mut lines = lines(1000);
        let text = b"0123456789\nab\n";
        for n in 0..=10 {
            assert_eq!(lines.first(7, &text[..n], false), Ok(None));
        }
        let line = Line { len: 10, whole: 11 };
        assert_eq!(lines.first(7, text, false), Ok(Some(line)));
        let line = Line { len: 2, whole: 3 };
        assert_eq!(lines.first(18, &text[11..], false), Ok(Some(line)));
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error_or_replaced() {
        let mut given = Vec::new();
        let mut give = |item: &[u8]| {
            given.extend_from_slice(item);
            true
        };
        assert_eq!(
            lines(9).item(b"ab\xffc", &mut give),
            Err(BadLine::NotUtf8(2))
        );
        let replacing = Lines {
            replaces: true,
            ..lines(9)
        };
        assert_eq!(replacing.item(b"ab\xffc", &mut give), Ok(true));
        let bytes = Lines {
            is_text: false,
            ..lines(9)
        };
        assert_eq!(bytes.item(b"\xff", &mut give), Ok(true));
        assert_eq!(given, b"ab\xef\xbf\xbdc\xff");
    }
}
