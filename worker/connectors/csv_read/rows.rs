//! Rows: where one ends in bytes that come bit by bit, and what its cells are.
//!
//! A row ends with its line, unless a cell is in quotes: that one goes on over lines up to the next quote that is not
//! written twice. So a quote that somebody forgot to close takes in the rows behind it, up to the file's end or to the
//! next quote that was meant to open a cell: that one is followed by text, which nothing is that closes a cell. Both are
//! refused at the line where the first one stands.

use std::ops::Range;

use crate::agent::{AgentError, Wait};
use crate::connectors::files::{Filled, Reader};

/// A file and its row that was met last.
pub(super) struct Scanner {
    pub(super) reader: Reader,
    pub(super) rows: Rows,
}

/// What comes next in the file.
pub(super) enum Next {
    /// A row that ends this many bytes on.
    Row(usize),
    Ended,
    Waiting(Wait),
}

/// A row has fewer bytes than this.
pub(super) const ROW_LEN_MAX: usize = 4 << 20;

impl Scanner {
    /// Takes the next row at or after byte `place`.
    pub(super) fn next_row(&mut self, place: u64) -> Result<Next, AgentError> {
        let mut is_last = false;
        self.reader.seek(place);
        loop {
            let bytes = self.reader.bytes(place);
            match self.rows.next(bytes, is_last) {
                Ok(Some(len)) => return Ok(Next::Row(len)),
                Ok(None) if is_last => return Ok(Next::Ended),
                Ok(None) => {}
                Err(stray) => return Err(self.unclosed(place, stray, is_last)),
            }
            if bytes.len() >= ROW_LEN_MAX {
                return Err(match self.rows.open {
                    Some(open) => self.unclosed(place, Stray { open, next: None }, false),
                    None => AgentError::new(format!(
                        "{}: a row of more than {ROW_LEN_MAX} bytes: is this a CSV file?",
                        self.whereabouts(place, bytes.len())
                    )),
                });
            }
            match self.reader.fill(place)? {
                Filled::Grew => {}
                Filled::Ended => is_last = true,
                Filled::Waiting(wait) => return Ok(Next::Waiting(wait)),
            }
        }
    }

    /// "FILE:LINE" of the row within the `len` bytes at `place` (empty lines before it included).
    pub(super) fn whereabouts(&self, place: u64, len: usize) -> String {
        let name = self.reader.name();
        let skipped = skipped_lines(&self.reader.bytes(place)[..len]);
        match self.reader.is_regular() {
            true => format!("{name}:{}", 1 + self.reader.lines_before(place) + skipped),
            false => format!("{name}, the row at byte {place}"),
        }
    }

    /// What is to be said of a row whose quotes make it go on over lines; nothing of others.
    pub(super) fn lines_of(&self, place: u64, len: usize) -> String {
        let row = &self.reader.bytes(place)[..len];
        let skipped = skipped_lines(row) as usize;
        let lines = row.trim_ascii_end().split(|byte| *byte == b'\n').count();
        match self.reader.is_regular() && lines > skipped + 1 {
            true => {
                let before = self.reader.lines_before(place);
                let (first, last) = (before + 1 + skipped as u64, before + lines as u64);
                format!("; quotes make one row of lines {first} to {last}")
            }
            false => String::new(),
        }
    }

    /// The quote that a row at `place` has too many; `is_all`: no bytes follow those that were looked at.
    fn unclosed(&self, place: u64, stray: Stray, is_all: bool) -> AgentError {
        let name = self.reader.name();
        let whereabouts = |at: usize| match self.reader.is_regular() {
            true => format!("line {}", 1 + self.reader.lines_before(place + at as u64)),
            false => format!("byte {}", place + at as u64),
        };
        let remedy = "close it, or write a quote that is part of a text twice";
        AgentError::new(match stray.next {
            None if is_all => format!(
                "{name}: the quote that opens in {} is never closed; {remedy}",
                whereabouts(stray.open)
            ),
            None => format!(
                "{name}: the quote that opens in {} is not closed within {ROW_LEN_MAX} bytes, the longest row there is; {remedy}",
                whereabouts(stray.open)
            ),
            Some(next) => format!(
                "{name}: the quote that opens in {} is not closed: the next one, in {}, has text behind it; {remedy}",
                whereabouts(stray.open),
                whereabouts(next)
            ),
        })
    }
}

/// How many lines of `bytes` come before the row: empty ones and comments.
fn skipped_lines(bytes: &[u8]) -> u64 {
    let is_skipped = |line: &&[u8]| line.trim_ascii().is_empty() || line.starts_with(b"#");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.take_while(is_skipped).count() as u64
}

/// A quote that opens a cell and ends none, in bytes from where the row was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    open: usize,
    /// The next quote, which text follows; none where there is no other.
    next: Option<usize>,
}

/// Parts bytes into rows and cells, one row at a time.
pub(super) struct Rows {
    delimiter: u8,
    /// The row as the file has it, behind it the cells that are spelled otherwise there.
    text: Vec<u8>,
    /// Where each cell is in `text`.
    cells: Vec<Range<usize>>,
    /// The quote that no other follows yet.
    open: Option<usize>,
}

impl Rows {
    pub(super) fn new(delimiter: u8) -> Rows {
        Rows {
            delimiter,
            text: Vec::new(),
            cells: Vec::new(),
            open: None,
        }
    }

    /// Takes the first row of `bytes`, and gives the bytes up to its end; `None` where they hold no whole
    /// row. `is_last`: nothing follows them. Empty lines and comments are passed over.
    fn next(&mut self, bytes: &[u8], is_last: bool) -> Result<Option<usize>, Stray> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        self.cells.clear();
        self.open = None;
        let mut start = 0;
        loop {
            if bytes[start..].starts_with(MARK) {
                start += MARK.len();
            }
            let rest = &bytes[start..];
            let Some(len) = line_end(rest, is_last) else {
                return match rest.first() != Some(&b'#') && rest.contains(&b'"') {
                    true => self.quoted_row(bytes, start, is_last),
                    false => Ok(None),
                };
            };
            let line = &rest[..len];
            let is_skipped = line.first() == Some(&b'#') || self.is_blank(line);
            if !is_skipped && memchr::memchr(b'"', line).is_some() {
                return self.quoted_row(bytes, start, is_last);
            }
            if !is_skipped {
                self.plain_row(line);
            }
            start += len + end_len(&rest[len..]);
            if !is_skipped {
                return Ok(Some(start));
            }
        }
    }

    /// Whether a line is no row: it has neither cells nor what parts them.
    fn is_blank(&self, line: &[u8]) -> bool {
        line.trim_ascii().is_empty() && !line.contains(&self.delimiter)
    }

    /// A row without quotes.
    fn plain_row(&mut self, line: &[u8]) {
        self.text.clear();
        self.text.extend_from_slice(line);
        let mut start = 0;
        for end in memchr::memchr_iter(self.delimiter, line).chain([line.len()]) {
            self.cells.push(trimmed(line, start..end));
            start = end + 1;
        }
    }

    /// A row that starts at `start`, with quotes somewhere.
    fn quoted_row(
        &mut self,
        bytes: &[u8],
        start: usize,
        is_last: bool,
    ) -> Result<Option<usize>, Stray> {
        self.text.clear();
        let mut at = start;
        loop {
            let cell = &bytes[at..];
            let is_space = |byte: &&u8| **byte == b' ' && self.delimiter != b' ';
            let spaces = cell.iter().take_while(is_space).count();
            let open = at + spaces;
            let mut text = None;
            if bytes.get(open) == Some(&b'"') {
                let Some(len) = quoted_len(&bytes[open + 1..], is_last) else {
                    self.open = Some(open);
                    return match is_last {
                        true => Err(Stray { open, next: None }),
                        false => Ok(None),
                    };
                };
                text = Some(open + 1..open + 1 + len);
                at = open + 1 + len + 1;
            }
            let rest = &bytes[at..];
            let len = match memchr::memchr3(self.delimiter, b'\n', b'\r', rest) {
                Some(len) => len,
                None if is_last => rest.len(),
                None => return Ok(None),
            };
            let more = trimmed(bytes, at..at + len);
            match text {
                Some(quoted) => {
                    let spans_lines = memchr::memchr2(b'\n', b'\r', &bytes[quoted.clone()]);
                    if spans_lines.is_some() && !more.is_empty() {
                        let next = Some(quoted.end);
                        return Err(Stray { open, next });
                    }
                    self.push(unquoted(&bytes[quoted]), &bytes[more]);
                }
                None => self.push([&bytes[more]].into_iter(), b""),
            }
            at += len;
            if bytes.get(at) != Some(&self.delimiter) {
                return Ok(Some(at + end_len(&bytes[at..])));
            }
            at += 1;
        }
    }

    /// A cell of these pieces, and what follows its quotes.
    fn push<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>, more: &'a [u8]) {
        let start = self.text.len();
        for piece in pieces.chain([more]) {
            self.text.extend_from_slice(piece);
        }
        self.cells.push(start..self.text.len());
    }

    /// How many cells the row has.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// A cell of the row: what is in its quotes, or without them what is between the spaces around it.
    pub(super) fn cell(&self, index: usize) -> &[u8] {
        &self.text[self.cells[index].clone()]
    }

    pub(super) fn cells(&self) -> Vec<&[u8]> {
        (0..self.len()).map(|index| self.cell(index)).collect()
    }
}

/// The bytes of the first line without what ends it; `None` where its end is not among them.
fn line_end(bytes: &[u8], is_last: bool) -> Option<usize> {
    let end = memchr::memchr2(b'\n', b'\r', bytes);
    end.or((is_last && !bytes.is_empty()).then_some(bytes.len()))
}

/// How many bytes end the line that ends here: a line feed, a carriage return or both. A line feed that is not there
/// yet is an empty line.
fn end_len(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [] => 0,
        _ => 1,
    }
}

/// The range without the spaces at its ends.
pub(super) fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let cell = &bytes[range.clone()];
    let start = range.start + (cell.len() - cell.trim_ascii_start().len());
    start..start + cell.trim_ascii().len()
}

/// Bytes up to the quote that closes the cell they are of; a quote that is written twice is one of the cell. `None` where
/// that is not known yet, or there is none.
fn quoted_len(bytes: &[u8], is_last: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr(b'"', &bytes[at..])?;
        match bytes.get(at + 1) {
            Some(b'"') => at += 2,
            None if !is_last => return None,
            _ => return Some(at),
        }
    }
}

/// The pieces of a quoted cell: a quote that is written twice is one.
fn unquoted(cell: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = cell;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let len = memchr::memchr(b'"', rest).map_or(rest.len(), |quote| quote + 1);
        let piece = &rest[..len];
        rest = rest.get(len + 1..).unwrap_or_default();
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of the first row and its length, however the bytes come.
    fn check(text: &str, expected: Result<(&[&str], usize), Stray>) {
        let bytes = text.as_bytes();
        for seen in 0..=bytes.len() {
            let mut rows = Rows::new(b',');
            let is_last = seen == bytes.len();
            let found = rows.next(&bytes[..seen], is_last);
            if found == Ok(None) && !is_last {
                continue;
            }
            let cells = || rows.cells().into_iter().map(String::from_utf8_lossy);
            match (found, expected) {
                (Err(found), Err(expected)) => assert_eq!(found, expected, "{text:?} {seen}"),
                (Ok(Some(len)), Ok((expected, whole))) => {
                    assert_eq!(cells().collect::<Vec<_>>(), expected, "{text:?} {seen}");
                    // The line feed after a carriage return may come later.
                    assert!(len == whole || len == seen, "{text:?} {seen}: {len}");
                }
                other => panic!("{text:?} {seen}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_row_is_parted_into_cells() {
        let cases: [(&str, &[&str], usize); 22] = [
            ("a,b\nc", &["a", "b"], 4),
            ("a,b\r\nc", &["a", "b"], 5),
            ("a,b\rc", &["a", "b"], 4),
            ("a,b", &["a", "b"], 3),
            (" a ,\tb \n", &["a", "b"], 8),
            ("a,\n", &["a", ""], 3),
            (",,\n", &["", "", ""], 3),
            ("\n \n# c\n#\"\na\n", &["a"], 12),
            ("\u{feff}a\n", &["a"], 5),
            ("\"a\",\"b\"\n", &["a", "b"], 8),
            ("\u{feff}\"a\",b\n", &["a", "b"], 9),
            ("\"a\nb\",c\nd", &["a\nb", "c"], 8),
            ("\"a\r\nb\"\r\n", &["a\r\nb"], 9),
            ("\"a\n\"\"b\"\"\",c\n", &["a\n\"b\"", "c"], 12),
            ("\"a\nb\" ,c\n", &["a\nb", "c"], 9),
            ("\" a \", \"b,c\"\n", &[" a ", "b,c"], 13),
            ("a\"b,c\n", &["a\"b", "c"], 6),
            ("\"a\"b,c\n", &["ab", "c"], 7),
            ("\"\"\"\",\"\"\n", &["\"", ""], 8),
            ("\"\"\n", &[""], 3),
            ("\"#a\"\n", &["#a"], 5),
            ("a,\"\"", &["a", ""], 4),
        ];
        for (text, cells, len) in cases {
            check(text, Ok((cells, len)));
        }
    }

    #[test]
    fn a_quote_without_its_other_half_is_found() {
        let open = |open| Err(Stray { open, next: None });
        let next = |open, next| {
            Err(Stray {
                open,
                next: Some(next),
            })
        };
        check("a,\"b\nc,d\n", open(2));
        check("\n# \"\n\"a\n", open(5));
        check("\u{feff}\"b\nc,d\n", open(3));
        check("a,\"b\nc,\"d\"\n", next(2, 7));
        check("\"a\n\"\"\n", open(0));
        check("x,\"\"\"\n", open(2));
        check("\"", open(0));
    }
}
