//! Rows: where one ends in bytes that come bit by bit, and what its cells are.

use std::os::fd::RawFd;

use csv_core::{ReadRecordResult, ReaderBuilder};

use super::quotes::{Stray, stray};
use crate::agent::AgentError;
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
    Waiting(RawFd),
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
            if let Some(len) = self.rows.next(bytes, is_last) {
                let row = &bytes[..len];
                let may_be_open = len == bytes.len() && is_last;
                if (may_be_open || spans_lines(row))
                    && let Some(stray) = stray(row, self.rows.delimiter)
                {
                    return Err(self.unclosed(place, stray, true));
                }
                return Ok(Next::Row(len));
            }
            if is_last {
                return Ok(Next::Ended);
            }
            if bytes.len() >= ROW_LEN_MAX {
                return Err(match stray(bytes, self.rows.delimiter) {
                    Some(stray) => self.unclosed(place, stray, false),
                    None => AgentError::new(format!(
                        "{}: a row of more than {ROW_LEN_MAX} bytes: is this a CSV file?",
                        self.whereabouts(place, bytes.len())
                    )),
                });
            }
            match self.reader.fill(place)? {
                Filled::Grew => {}
                Filled::Ended => is_last = true,
                Filled::Waiting(fd) => return Ok(Next::Waiting(fd)),
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

/// Whether there is a line's end before that of the row.
fn spans_lines(row: &[u8]) -> bool {
    let inner = row.trim_ascii_end();
    memchr::memchr2(b'\n', b'\r', inner).is_some()
}

/// How many lines of `bytes` come before the row: empty ones and comments.
pub(super) fn skipped_lines(bytes: &[u8]) -> u64 {
    let is_skipped = |line: &&[u8]| line.trim_ascii().is_empty() || line.starts_with(b"#");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.take_while(is_skipped).count() as u64
}

/// Parts bytes into rows and cells, one row at a time.
pub(super) struct Rows {
    core: csv_core::Reader,
    delimiter: u8,
    /// The row's cells without quotes, end to end.
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
    pub(super) len: usize,
}

impl Rows {
    pub(super) fn new(delimiter: u8) -> Rows {
        let core = ReaderBuilder::new()
            .delimiter(delimiter)
            .comment(Some(b'#'))
            .build();
        Rows {
            core,
            delimiter,
            text: vec![0; 1024],
            ends: vec![0; 64],
            len: 0,
        }
    }

    /// Takes the row that `bytes` start with, and gives the bytes up to its end; `None` where they
    /// hold no whole row. `is_last`: nothing follows them. Empty lines are skipped.
    fn next(&mut self, bytes: &[u8], is_last: bool) -> Option<usize> {
        let mut start = 0;
        while let Some(len) = self.record(&bytes[start..], is_last) {
            start += len;
            let is_blank = self.len == 1 && self.cell(0).is_empty();
            if !is_blank {
                return Some(start);
            }
        }
        self.len = 0;
        None
    }

    fn record(&mut self, bytes: &[u8], is_last: bool) -> Option<usize> {
        self.core.reset();
        let (mut read, mut written, mut cells) = (0, 0, 0);
        let mut rest = bytes;
        loop {
            let (outcome, nin, nout, nends) =
                self.core
                    .read_record(rest, &mut self.text[written..], &mut self.ends[cells..]);
            read += nin;
            written += nout;
            cells += nends;
            rest = &rest[nin..];
            match outcome {
                ReadRecordResult::Record => {
                    self.len = cells;
                    return Some(read);
                }
                ReadRecordResult::End => return None,
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::InputEmpty if is_last => rest = &[],
                ReadRecordResult::InputEmpty => return None,
            }
        }
    }

    /// A cell of the row, spaces around it left out.
    pub(super) fn cell(&self, index: usize) -> &[u8] {
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1],
        };
        self.text[start..self.ends[index]].trim_ascii()
    }

    pub(super) fn cells(&self) -> Vec<&[u8]> {
        (0..self.len).map(|index| self.cell(index)).collect()
    }
}
