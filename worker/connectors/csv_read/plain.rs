//! Plain rows: those without oddities, read where they lie and in one pass. Cells in quotes are plain that hold neither a quote nor a line's end.
//!
//! What is not plain is no error: it is left to [`super::rows`], which knows all that a row can be. So a row
//! that is taken here must be one that is read alike there.

use super::dialect::Dialect;
use super::table::Table;
use crate::connectors::digits::Front;

/// What rows of a file look like.
pub(super) struct Plain {
    /// For each cell of a row, which of the columns it is, if it is read.
    columns: Vec<Option<usize>>,
    dialect: Dialect,
    /// True for what ends a cell or a row, and for what makes one not plain: quotes.
    is_end: [bool; 256],
}

/// Where a cell is: behind its quote, if it has one.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub(super) at: usize,
    pub(super) in_quotes: bool,
}

impl Plain {
    /// `None` where a column is read twice.
    pub(super) fn of(table: &Table, dialect: Dialect) -> Option<Plain> {
        let mut columns = vec![None; table.width];
        for (nth, column) in table.columns.iter().enumerate() {
            if columns.get_mut(column.index)?.replace(nth).is_some() {
                return None;
            }
        }
        let mut is_end = [false; 256];
        for byte in [dialect.delimiter, b'\n', b'\r', b'"'] {
            is_end[usize::from(byte)] = true;
        }
        Some(Plain {
            columns,
            dialect,
            is_end,
        })
    }

    /// Reads the row that `bytes` start with, and gives its length with what ends it. `cell` is told where each column's cell is and which one it is, and
    /// says where it ends. `None` where the row is not plain, or not all there.
    pub(super) fn row(
        &self,
        bytes: &[u8],
        mut cell: impl FnMut(Spot, usize) -> Option<usize>,
    ) -> Option<usize> {
        // A comment, or a byte order mark.
        if matches!(bytes.first(), None | Some(b'#' | b'\xef')) {
            return None;
        }
        let (mut at, delimiter) = (0, self.dialect.delimiter);
        let last = self.columns.len() - 1;
        for (index, column) in self.columns.iter().enumerate() {
            at = self.behind_spaces(bytes, at);
            let in_quotes = bytes.get(at) == Some(&b'"');
            let place = Spot {
                at: at + usize::from(in_quotes),
                in_quotes,
            };
            at = match column {
                Some(nth) => cell(place, *nth)?,
                None => self.end(bytes, place)?,
            };
            if in_quotes {
                at = (bytes.get(at) == Some(&b'"')).then_some(at + 1)?;
            }
            at = self.behind_spaces(bytes, at);
            match bytes.get(at) {
                Some(byte) if index < last && *byte == delimiter => at += 1,
                Some(b'\n') if index == last => return Some(at + 1),
                Some(b'\r') if index == last && bytes.get(at + 1) == Some(&b'\n') => {
                    return Some(at + 2);
                }
                _ => return None,
            }
        }
        None
    }

    fn behind_spaces(&self, bytes: &[u8], mut at: usize) -> usize {
        while bytes.get(at) == Some(&b' ') && self.dialect.delimiter != b' ' {
            at += 1;
        }
        at
    }

    /// Where a cell ends: at what parts it from the next, or at its quote.
    pub(super) fn end(&self, bytes: &[u8], place: Spot) -> Option<usize> {
        let rest = &bytes[place.at..];
        let len = match place.in_quotes {
            true => memchr::memchr3(b'"', b'\n', b'\r', rest)?,
            false => rest
                .iter()
                .position(|byte| self.is_end[usize::from(*byte)])?,
        };
        Some(place.at + len)
    }

    /// The number in a cell, and where it ends; `missing` where it is empty and may be.
    pub(super) fn number<T: Front>(
        &self,
        bytes: &[u8],
        Spot { at, .. }: Spot,
        missing: T,
    ) -> Option<(T, usize)> {
        let point = if self.dialect.has_commas { b',' } else { b'.' };
        match T::front(&bytes[at..], point) {
            Some((number, len)) => Some((number, at + len)),
            None if self.dialect.missing_is_nan => {
                let is_empty = self.is_end[usize::from(*bytes.get(at)?)];
                is_empty.then_some((missing, at))
            }
            None => None,
        }
    }
}
