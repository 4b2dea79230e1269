//! How a file spells its cells: what parts them, what an empty one means, what a number looks like.

use std::str::FromStr;

/// How cells are parted and what an empty one means.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) missing_is_nan: bool,
    /// Numbers have a comma before their fraction.
    pub(super) has_commas: bool,
}

impl Dialect {
    /// The number a cell spells, spaces around it left out.
    pub(super) fn number<T: FromStr>(self, cell: &[u8]) -> Option<T> {
        match self.has_commas {
            true => number(&with_points(cell)),
            false => number(cell),
        }
    }

    /// Whether a cell of numbers has none.
    pub(super) fn lacks(self, cell: &[u8]) -> bool {
        self.missing_is_nan
            && matches!(
                cell.trim_ascii(),
                b"" | b"NA" | b"N/A" | b"null" | b"NULL" | b"None"
            )
    }
}

pub(super) fn with_points(cell: &[u8]) -> Vec<u8> {
    cell.iter()
        .map(|byte| if *byte == b',' { b'.' } else { *byte })
        .collect()
}

/// The number a cell spells, spaces around it left out.
pub(super) fn number<T: FromStr>(cell: &[u8]) -> Option<T> {
    std::str::from_utf8(cell.trim_ascii()).ok()?.parse().ok()
}
