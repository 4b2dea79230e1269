//! Plain rows: those without quotes and oddities, read where they lie and in one pass.
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

    /// Reads the row that `bytes` start with, and gives its length with what ends it. `cell` is told the place of each column and which one it is, and says
    /// where its cell ends. `None` where the row is not plain, or not all there.
    pub(super) fn row(
        &self,
        bytes: &[u8],
        mut cell: impl FnMut(usize, usize) -> Option<usize>,
    ) -> Option<usize> {
        // A comment, or a byte order mark.
        if matches!(bytes.first(), None | Some(b'#' | b'\xef')) {
            return None;
        }
        let (mut at, delimiter) = (0, self.dialect.delimiter);
        let last = self.columns.len() - 1;
        for (index, column) in self.columns.iter().enumerate() {
            at = self.behind_spaces(bytes, at);
            at = match column {
                Some(nth) => cell(at, *nth)?,
                None => self.end(bytes, at)?,
            };
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

    /// Where the cell ends that goes on at `at`.
    pub(super) fn end(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let is_end = |byte: &u8| self.is_end[usize::from(*byte)];
        Some(at + bytes[at..].iter().position(is_end)?)
    }

    /// The number in the cell at `at`, and where it ends; `missing` where it is empty and may be.
    pub(super) fn number<T: Front>(
        &self,
        bytes: &[u8],
        at: usize,
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
