//! What is known of a file's rows: which columns are read, what they are called, where the first row of items is.

use super::dialect::{Dialect, number, with_points};
use super::rows::{Next, Scanner};
use crate::agent::AgentError;
use crate::connectors::files::Reader;
use crate::connectors::text;
use crate::op::{Args, OpError, Value, meant};
use crate::units::from_file;

/// What is known of the file's rows.
pub(super) struct Table {
    /// The columns that are read.
    pub(super) columns: Vec<Column>,
    /// Cells per row; 0 while no row was seen.
    pub(super) width: usize,
    /// The byte after the header.
    pub(super) start: u64,
    /// The first row is yet to be looked at: it may be a header.
    pub(super) head: Option<Head>,
    /// Names in the header have units behind them.
    has_units: bool,
}

/// A column that is read.
pub(super) struct Column {
    /// From the header.
    pub(super) name: Option<String>,
    /// The cell's place in a row.
    pub(super) index: usize,
    /// What its numbers measure, as the header says.
    pub(super) unit: Option<String>,
}

/// Whether the first row has names.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Head {
    Auto,
    Present,
    Absent,
}

impl Head {
    fn of(args: &Args) -> Head {
        match args.text("header") {
            Some("true") => Head::Present,
            Some("false") => Head::Absent,
            _ => Head::Auto,
        }
    }

    fn is_header(self, cells: &[&[u8]]) -> bool {
        match self {
            Head::Present => true,
            Head::Absent => false,
            Head::Auto => {
                cells.iter().any(|cell| !cell.is_empty())
                    && !cells
                        .iter()
                        .any(|cell| number::<f64>(&with_points(cell)).is_some())
            }
        }
    }
}

impl Table {
    /// Reads the first rows of a regular file.
    pub(super) fn looked_at(
        args: &Args,
        scanner: &mut Scanner,
        dialect: &Dialect,
    ) -> Result<Table, OpError> {
        let file = scanner.reader.name();
        let about = |error: AgentError| OpError::param("path", error.message);
        scanner.reader.open(0).map_err(about)?;
        let Next::Row(first) = scanner.next_row(0).map_err(about)? else {
            let message = format!("{file} is empty: it has neither a header nor a row");
            return Err(OpError::param("path", message));
        };
        let cells = scanner.rows.cells();
        let width = cells.len();
        let names = match Head::of(args).is_header(&cells) {
            true => Some(names(&cells, &file)?),
            false => None,
        };
        let start = match names {
            Some(_) => first as u64,
            None => 0,
        };
        scanner.next_row(start).map_err(about)?;
        let (names, units) = match args.flag("units") {
            true => parted(names),
            false => (names, Vec::new()),
        };
        let mut columns = match args.value("columns") {
            Some(chosen) => chosen_columns(chosen, names.as_deref(), width, &file)?,
            None if args.texts("types").is_some() => all_columns(names, width),
            None => number_columns(&scanner.rows.cells(), names, width, dialect, &file)?,
        };
        for column in &mut columns {
            column.unit = units.get(column.index).cloned().flatten();
        }
        scanner.reader.close();
        Ok(Table {
            columns,
            width,
            start,
            head: None,
            has_units: args.flag("units"),
        })
    }

    /// A pipe: the columns are what the graph says they are.
    pub(super) fn unseen(args: &Args, reader: &Reader) -> Result<Table, OpError> {
        let chosen: &[Value] = match args.value("columns") {
            None => &[],
            Some(Value::List(chosen)) => chosen,
            Some(one) => std::slice::from_ref(one),
        };
        if chosen.is_empty() {
            let message = format!(
                "{} cannot be looked at before the run, so its columns are not known",
                reader.name()
            );
            return Err(OpError::param("columns", message)
                .with_help("give `columns`, such as columns = [0]"));
        }
        let columns = chosen.iter().map(|value| match value {
            Value::Text(name) => Ok(Column {
                name: Some(name.clone()),
                index: usize::MAX,
                unit: None,
            }),
            value => Ok(Column {
                name: None,
                index: index(value)?,
                unit: None,
            }),
        });
        let columns: Vec<Column> = columns.collect::<Result<_, OpError>>()?;
        let any_name = columns.iter().any(|column| column.name.is_some());
        let head = match (Head::of(args), any_name) {
            (Head::Absent, true) => {
                return Err(OpError::param(
                    "columns",
                    "`columns` has names, and `header` is false",
                )
                .with_help("number the columns from 0"));
            }
            (Head::Auto, true) => Head::Present,
            (head, _) => head,
        };
        Ok(Table {
            columns,
            width: 0,
            start: 0,
            head: Some(head),
            has_units: args.flag("units"),
        })
    }

    /// Takes the first row of a pipe; says whether it was a header.
    pub(super) fn meet(
        &mut self,
        head: Head,
        cells: &[&[u8]],
        file: &str,
    ) -> Result<bool, AgentError> {
        self.head = None;
        self.width = cells.len();
        let is_header = head.is_header(cells);
        let about = |error: OpError| AgentError::new(error.message);
        let names = match is_header {
            true => names(cells, file).map_err(about)?,
            false => Vec::new(),
        };
        let names = match self.has_units {
            true => parted(Some(names)).0.unwrap_or_default(),
            false => names,
        };
        for column in &mut self.columns {
            if let Some(name) = &column.name {
                column.index = position(&names, name, file).map_err(about)?;
            }
            within(column.index, self.width, file).map_err(about)?;
        }
        Ok(is_header)
    }
}

/// Names without the units that stand behind them in brackets, and those.
pub(super) fn parted(names: Option<Vec<String>>) -> (Option<Vec<String>>, Vec<Option<String>>) {
    let Some(names) = names else {
        return (None, Vec::new());
    };
    let part = |name: String| match text::without_unit(&name) {
        Some((bare, unit)) => (bare.to_owned(), from_file(&unit)),
        None => (name, None),
    };
    let (bare, units) = names.into_iter().map(part).unzip();
    (Some(bare), units)
}

pub(super) fn names(cells: &[&[u8]], file: &str) -> Result<Vec<String>, OpError> {
    let name = |cell: &&[u8]| match std::str::from_utf8(cell.trim_ascii()) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err(OpError::param(
            "path",
            format!(
                "{file}: the header's {:?} is not UTF-8; convert the file (`iconv -t utf-8`)",
                String::from_utf8_lossy(cell)
            ),
        )),
    };
    cells.iter().map(name).collect()
}

pub(super) fn chosen_columns(
    chosen: &Value,
    names: Option<&[String]>,
    width: usize,
    file: &str,
) -> Result<Vec<Column>, OpError> {
    let one = std::slice::from_ref(chosen);
    let chosen = match chosen {
        Value::List(chosen) => chosen,
        _ => one,
    };
    if chosen.is_empty() {
        return Err(OpError::param("columns", "`columns` is an empty list"));
    }
    let column = |value: &Value| {
        let index = match (value, names) {
            (Value::Text(name), Some(names)) => position(names, name, file)?,
            (Value::Text(name), None) => {
                let message = format!("{file} has no header to find the column {name:?} in");
                return Err(OpError::param("columns", message)
                    .with_help("number the columns from 0, or say header = \"true\""));
            }
            (value, _) => index(value)?,
        };
        within(index, width, file)?;
        Ok(Column {
            name: names.map(|names| names[index].clone()),
            index,
            unit: None,
        })
    };
    chosen.iter().map(column).collect()
}

pub(super) fn index(value: &Value) -> Result<usize, OpError> {
    match value {
        Value::Int(n) if *n >= 0 => Ok(*n as usize),
        other => Err(OpError::param(
            "columns",
            format!(
                "`columns` has {}, and should have names or numbers from 0",
                other.describe()
            ),
        )),
    }
}

pub(super) fn within(index: usize, width: usize, file: &str) -> Result<(), OpError> {
    match index < width {
        true => Ok(()),
        false => Err(OpError::param(
            "columns",
            format!("{file} has {width} columns, and no number {index} (they count from 0)"),
        )),
    }
}

pub(super) fn position(names: &[String], name: &str, file: &str) -> Result<usize, OpError> {
    let found = names.iter().enumerate().filter(|(_, n)| *n == name);
    let places: Vec<usize> = found.map(|(place, _)| place).collect();
    match places[..] {
        [place] => Ok(place),
        [] => {
            let candidates: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("{file} has no column {name:?}");
            Err(OpError::param("columns", message).with_help(meant(name, &candidates)))
        }
        _ => {
            let message = format!("{file} has {} columns {name:?}", places.len());
            let help = format!("say which by its number: they are {places:?}, counted from 0");
            Err(OpError::param("columns", message).with_help(help))
        }
    }
}

pub(super) fn all_columns(names: Option<Vec<String>>, width: usize) -> Vec<Column> {
    let column = |index: usize| Column {
        name: names.as_ref().map(|names| names[index].clone()),
        index,
        unit: None,
    };
    (0..width).map(column).collect()
}

/// Every column whose cell in the first row of data is a number (or empty where that is a nan).
pub(super) fn number_columns(
    cells: &[&[u8]],
    names: Option<Vec<String>>,
    width: usize,
    dialect: &Dialect,
    file: &str,
) -> Result<Vec<Column>, OpError> {
    let is_number = |index: &usize| match cells.get(*index) {
        // No row: every column of the header is one of numbers as far as anybody knows.
        None => cells.is_empty(),
        Some(cell) => dialect.number::<f64>(cell).is_some() || dialect.lacks(cell),
    };
    let columns: Vec<Column> = (0..width)
        .filter(is_number)
        .map(|index| Column {
            name: names.as_ref().map(|names| names[index].clone()),
            index,
            unit: None,
        })
        .collect();
    match columns.is_empty() {
        false => Ok(columns),
        true => Err(OpError::param(
            "path",
            format!(
                "{file} has no column of numbers: its first row is {:?}",
                lossy(cells)
            ),
        )
        .with_help("the delimiter may be another (`delimiter = \";\"`)")),
    }
}

/// Cells as a message shows them: not all of long ones.
pub(super) fn lossy(cells: &[&[u8]]) -> String {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(&cells.join(&b',')).into_owned();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
