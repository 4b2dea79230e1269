//! A whole file at once: the rows of a table that is looked into.

use std::path::PathBuf;

use super::rows::{Next, Rows, Scanner};
use super::table::names;
use crate::agent::{AgentError, Outside};
use crate::connectors::files::Reader;
use crate::op::OpError;

/// A file's rows.
pub(crate) struct Whole {
    /// The file as messages name it.
    pub file: String,
    /// The first row, where it was asked to be names.
    pub names: Option<Vec<String>>,
    /// Each row that follows: where it stands (`FILE:LINE`), and its cells.
    pub rows: Vec<(String, Vec<String>)>,
    /// The file, all of which was taken.
    pub outside: Outside,
}

/// Reads a regular file from its beginning to its end.
pub(crate) fn whole(path: PathBuf, delimiter: u8, has_names: bool) -> Result<Whole, OpError> {
    let refused = |error: AgentError| OpError::param("path", error.message);
    let mut scanner = Scanner {
        reader: Reader::at(path)?,
        rows: Rows::new(delimiter),
    };
    let file = scanner.reader.name();
    if !scanner.reader.is_regular() {
        let message = format!("{file} is no regular file, and a table is read before the run");
        return Err(OpError::param("path", message));
    }
    scanner.reader.open(0).map_err(refused)?;
    let mut table = Whole {
        file,
        names: None,
        rows: Vec::new(),
        outside: Outside::Nothing,
    };
    let mut place = 0;
    while let Next::Row(len) = scanner.next_row(place).map_err(refused)? {
        let cells = scanner.rows.cells();
        if has_names && table.names.is_none() {
            table.names = Some(names(&cells, &table.file)?);
        } else {
            let at = scanner.whereabouts(place, len);
            let cells = cells
                .into_iter()
                .map(|cell| String::from_utf8(cell.to_vec()));
            let cells = cells.collect::<Result<_, _>>().map_err(|_| {
                let message =
                    format!("{at}: the row is not UTF-8; convert the file (`iconv -t utf-8`)");
                OpError::param("path", message)
            })?;
            table.rows.push((at, cells));
        }
        place += len as u64;
    }
    table.outside = scanner.reader.outside(0..place);
    Ok(table)
}
