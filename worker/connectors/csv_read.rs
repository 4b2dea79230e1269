//! `csv.read`: gives the numbers of a CSV file's columns, one item per row.
//!
//! The byte where the next row starts is committed with the streams. A regular file is looked at before the run: its columns' names and
//! which of them hold numbers are known to the plan.

use std::ops::Range;

use crate::agent::{
    Agent, AgentError, Blueprint, Io, OutPort, Output, Outside, State, StateSpec, Status,
};
use crate::connectors;
use crate::connectors::cells::{self, Cell, Kind};
use crate::connectors::digits::Front;
use crate::connectors::files::Reader;
use crate::connectors::follow::{FOLLOW, Place};
use crate::connectors::params::{READ, RECORDED_RATE};
use crate::connectors::text;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::units::Unit;

mod dialect;
mod plain;
mod rows;
mod table;
mod whole;

use dialect::{Dialect, with_points};
use plain::{Plain, Spot};
use rows::{Next, Rows, Scanner, trimmed};
use table::{Column, Table, lossy};

pub(crate) use whole::{Whole, whole};

/// The row of the table.
pub const CSV_READ: OpDef = OpDef {
    name: "csv.read",
    summary: "reads columns of numbers from a CSV file",
    doc: "One item per row; several columns give a port each, named as the column (characters other than \
          letters, digits and `_` become `_`; the second of one name ends in `_2`, and `columns` takes it by its number), one column is the agent's only output, and `as = \"vector\"` \
          gives one stream of vectors. Items are f64, or numbers of the agent's `dtype`; `types` gives each column its own, \
          text too. Quoted cells, \
          CRLF and a byte order mark are understood; spaces around a cell are not part of it, of text too, but what is in quotes is kept as it is, and may go on over lines; empty lines and lines that start \
          with `#` are skipped. A row with another number of cells than the first one, a cell that \
          is no number, and a quote that is not closed end the run with file and line. Where a column has the rows' times, `timed in=[trace.t, trace.z]` makes \
          timed items of two columns of the agent `trace`. A regular file goes on at the committed byte whatever is \
          killed, and with `follow` waits for more at its end (of a file that takes its place a header is passed over). `-` is standard input: it and pipes cannot be looked at before the run, so `columns` \
          must be given, and cannot be read again, so a killed reader ends the run.",
    inputs: Arity::Source,
    outputs: "one stream per column, or one of vectors",
    params: &[
        READ,
        FOLLOW,
        ParamDef {
            name: "columns",
            kind: ParamKind::Columns,
            default: Some(""),
            unit: "",
            doc: "Names from the header, or numbers counting from 0. Default: all columns whose first cell is a number; with `types` all there are.",
        },
        text::DELIMITER,
        ParamDef {
            name: "header",
            kind: ParamKind::Choice(&["auto", "true", "false"]),
            default: Some("auto"),
            unit: "",
            doc: "Whether the first row has names: `auto` says so when none of its cells is a number.",
        },
        cells::TYPES,
        ParamDef {
            name: "as",
            kind: ParamKind::Choice(&["streams", "vector"]),
            default: Some("streams"),
            unit: "",
            doc: "One stream per column, or one stream of vectors with an element per column.",
        },
        ParamDef {
            name: "missing",
            kind: ParamKind::Choice(&["error", "nan"]),
            default: Some("error"),
            unit: "",
            doc: "What an empty cell (of numbers also NA, N/A, null, NULL, None) is: an error, or a `nan`.",
        },
        ParamDef {
            name: "decimal",
            kind: ParamKind::Choice(&[".", ","]),
            default: Some("."),
            unit: "",
            doc: "What stands before a number's fraction; a comma needs another `delimiter`.",
        },
        RECORDED_RATE,
        ParamDef {
            name: "units",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether the header has units behind the names, `speed [m/s]`: the column is then `speed`, in m/s. A bracket or a backslash of a unit has a backslash before it.",
        },
    ],
    example: "csv.read path=examples/data/quake.csv columns=z rate=100 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = scalar(args)?;
    let is_typed = args.texts("types").is_some();
    let rate = connectors::rate(args)?;
    let dialect = Dialect {
        delimiter: text::delimiter(args)?,
        missing_is_nan: args.text("missing") == Some("nan"),
        has_commas: args.text("decimal") == Some(","),
    };
    if dialect.has_commas && dialect.delimiter == b',' {
        let message = "cells are parted by commas, so `decimal` cannot be one";
        return Err(OpError::param("decimal", message).with_help("add `delimiter = \";\"`"));
    }
    if !is_typed {
        cells::check_missing(Kind::Number(scalar), dialect.missing_is_nan)?;
    }
    let mut scanner = Scanner {
        reader: Reader::following(args)?,
        rows: Rows::new(dialect.delimiter),
    };
    let table = match scanner.reader.is_regular() {
        true => Table::looked_at(args, &mut scanner, &dialect)?,
        false => Table::unseen(args, &scanner.reader)?,
    };
    let is_vector = args.text("as") == Some("vector");
    let kinds = cells::types(args, table.columns.len())?;
    let ports = match &kinds {
        Some(_) if is_vector => {
            let message = "a vector's elements are of one type";
            return Err(OpError::param("types", message).with_help("give it as `dtype`"));
        }
        Some(kinds) => {
            for kind in kinds {
                cells::check_missing(*kind, dialect.missing_is_nan)?;
            }
            cells::ports(table.columns.iter().map(port_name).collect(), kinds, rate)
        }
        None => ports(&table, scalar, is_vector, rate)?,
    };
    let ports = match is_vector {
        true => vec![ports[0].clone().unit(Unit::maybe(shared(&table.columns)))],
        false => with_units(ports, &table.columns),
    };
    let start = table.start;
    let agent = CsvReader {
        plain: plain(&table, &dialect),
        scanner,
        scalar,
        kinds,
        is_vector,
        dialect,
        table,
    };
    let blueprint = Blueprint::new(agent).state(StateSpec::of(Place::at(start)));
    Ok(ports.into_iter().fold(blueprint, Blueprint::output))
}

/// The unit that all columns have.
fn shared(columns: &[Column]) -> Option<String> {
    let first = columns.first()?.unit.as_ref()?;
    let is_shared = columns
        .iter()
        .all(|column| column.unit.as_ref() == Some(first));
    is_shared.then(|| first.clone())
}

fn with_units(ports: Vec<OutPort>, columns: &[Column]) -> Vec<OutPort> {
    let both = ports.into_iter().zip(columns);
    both.map(|(port, column)| port.unit(Unit::maybe(column.unit.clone())))
        .collect()
}

fn scalar(args: &Args) -> Result<Scalar, OpError> {
    match args.dtype() {
        None => Ok(Scalar::F64),
        Some(ItemType::Scalar(scalar)) if !scalar.is_complex() => Ok(*scalar),
        Some(other) => Err(OpError::param(
            "dtype",
            format!("`dtype` is {other}, and a cell is one number: f64, f32 or an integer type"),
        )
        .with_help("for vectors give the type of an element and `as = \"vector\"`")),
    }
}

fn ports(
    table: &Table,
    scalar: Scalar,
    is_vector: bool,
    rate: Option<f64>,
) -> Result<Vec<OutPort>, OpError> {
    let item_type = ItemType::Scalar(scalar);
    let columns = &table.columns;
    if is_vector {
        return match u32::try_from(columns.len()) {
            Ok(len) if len <= 65_536 => Ok(vec![OutPort::new(ItemType::Vector(scalar, len), rate)]),
            _ => Err(OpError::param(
                "columns",
                "a vector has at most 65536 elements",
            )),
        };
    }
    if columns.len() == 1 {
        return Ok(vec![OutPort::new(item_type, rate)]);
    }
    Ok(cells::port_names(columns.iter().map(port_name).collect())
        .into_iter()
        .map(|name| OutPort::named(name, item_type.clone(), rate))
        .collect())
}

/// The column's name, or one made of its number.
fn port_name(column: &Column) -> String {
    match &column.name {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("c{}", column.index),
    }
}

/// State: where the next row starts ([`Place`]).
struct CsvReader {
    scanner: Scanner,
    scalar: Scalar,
    /// What each column has, where not all have numbers of one type.
    kinds: Option<Vec<Kind>>,
    is_vector: bool,
    dialect: Dialect,
    table: Table,
    /// What most rows look like, once the first is known.
    plain: Option<Plain>,
}

/// What rows look like; nothing before the first row of a pipe.
fn plain(table: &Table, dialect: &Dialect) -> Option<Plain> {
    match table.head {
        None => Plain::of(table, *dialect),
        Some(_) => None,
    }
}

impl Agent for CsvReader {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.scanner.reader.open_at(state.get::<Place>())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if self.kinds.is_some() {
            return self.read_cells(io);
        }
        match self.scalar {
            Scalar::U8 => self.read::<u8>(io),
            Scalar::I8 => self.read::<i8>(io),
            Scalar::U16 => self.read::<u16>(io),
            Scalar::I16 => self.read::<i16>(io),
            Scalar::U32 => self.read::<u32>(io),
            Scalar::I32 => self.read::<i32>(io),
            Scalar::U64 => self.read::<u64>(io),
            Scalar::I64 => self.read::<i64>(io),
            Scalar::F32 | Scalar::Cf32 => self.read::<f32>(io),
            Scalar::F64 | Scalar::Cf64 => self.read::<f64>(io),
        }
    }

    fn outside(&self, state: &[u8]) -> Outside {
        let reader = &self.scanner.reader;
        reader.outside_at(&bytemuck::pod_read_unaligned(state))
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        let reader = &self.scanner.reader;
        reader.toll(&bytemuck::pod_read_unaligned(state))
    }
}

/// A number a cell can be read as.
trait Number: Front {
    /// What an empty cell stands for under `missing = "nan"`.
    const MISSING: Self;
}

macro_rules! cells {
    ($($rust:ty: $missing:expr),*) => {$(
        impl Number for $rust {
            const MISSING: $rust = $missing;
        }
    )*};
}

// Integers have no nan: `missing = "nan"` is refused for them before the run.
cells! { u8: 0, i8: 0, u16: 0, i16: 0, u32: 0, i32: 0, u64: 0, i64: 0, f32: f32::NAN, f64: f64::NAN }

/// Reads a cell of a plain row, as [`Plain::number`] does.
type PlainNumber = fn(&Plain, &[u8], Spot) -> Option<(Cell, usize)>;

fn plain_number(scalar: Scalar) -> PlainNumber {
    fn of<T: Number>(plain: &Plain, bytes: &[u8], place: Spot) -> Option<(Cell, usize)> {
        let (number, end) = plain.number(bytes, place, T::MISSING)?;
        Some((Cell::number(&number), end))
    }
    match scalar {
        Scalar::U8 => of::<u8>,
        Scalar::I8 => of::<i8>,
        Scalar::U16 => of::<u16>,
        Scalar::I16 => of::<i16>,
        Scalar::U32 => of::<u32>,
        Scalar::I32 => of::<i32>,
        Scalar::U64 => of::<u64>,
        Scalar::I64 => of::<i64>,
        Scalar::F32 | Scalar::Cf32 => of::<f32>,
        Scalar::F64 | Scalar::Cf64 => of::<f64>,
    }
}

impl CsvReader {
    fn read<T: Number>(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let space = io.outputs.iter().map(Output::space).min().unwrap_or(0);
        let place = io.state.get::<Place>();
        let mut given = 0;
        let status = {
            let mut rooms: Vec<&mut [T]> = io.outputs.iter_mut().map(Output::elements).collect();
            loop {
                let (rows, len) = match self.meets_a_header(place.at) {
                    true => (0, 0),
                    false => self.plain_rows(place.at, &mut rooms, given..space),
                };
                given += rows;
                place.at += len as u64;
                if given == space {
                    break Ok(Status::More);
                }
                let next = self.scanner.next_row(place.at);
                self.scanner.reader.note(place);
                match next {
                    Ok(Next::Row(len)) => {
                        match self.take_row(place.at, len, &mut rooms, given) {
                            Ok(is_item) => given += usize::from(is_item),
                            Err(error) => break Err(error),
                        }
                        place.at += len as u64;
                    }
                    Ok(Next::Ended) => break Ok(Status::Done),
                    Ok(Next::Waiting(wait)) => break Ok(Status::Wait(wait)),
                    Err(error) => break Err(error),
                }
            }
        };
        io.outputs
            .iter_mut()
            .for_each(|output| output.produce(given));
        match status {
            // What came before the bad row is given first, however the calls are cut.
            Err(_) if given > 0 => Ok(Status::More),
            status => status,
        }
    }

    /// Puts the numbers of the plain rows that come next at those items of the outputs: how many rows, and their bytes.
    fn plain_rows<T: Number>(
        &mut self,
        place: u64,
        rooms: &mut [&mut [T]],
        items: Range<usize>,
    ) -> (usize, usize) {
        self.scanner.reader.seek(place);
        let Some(plain) = &self.plain else {
            return (0, 0);
        };
        let bytes = self.scanner.reader.bytes(place);
        let stride = self.table.columns.len();
        let (mut rows, mut len) = (0, 0);
        for item in items {
            let row = &bytes[len..];
            let taken = plain.row(row, |place, nth| {
                let (number, end) = plain.number(row, place, T::MISSING)?;
                match self.is_vector {
                    true => rooms[0][item * stride + nth] = number,
                    false => rooms[nth][item] = number,
                }
                Some(end)
            });
            let Some(taken) = taken else { break };
            rows += 1;
            len += taken;
        }
        (rows, len)
    }

    /// Puts the row's numbers at item `at` of the outputs; false where it was the header of a pipe.
    fn take_row<T: Number>(
        &mut self,
        place: u64,
        len: usize,
        rooms: &mut [&mut [T]],
        at: usize,
    ) -> Result<bool, AgentError> {
        if self.is_header(place, len)? {
            return Ok(false);
        }
        let stride = match self.is_vector {
            true => self.table.columns.len(),
            false => 1,
        };
        for (nth, column) in self.table.columns.iter().enumerate() {
            let cell = self.scanner.rows.cell(column.index);
            let value = match self.dialect.number::<T>(cell) {
                Some(value) => value,
                None if self.dialect.lacks(cell) => T::MISSING,
                None => {
                    let kind = Kind::Number(self.scalar);
                    return Err(self.bad_cell(place, len, column, kind));
                }
            };
            match self.is_vector {
                true => rooms[0][at * stride + nth] = value,
                false => rooms[nth][at] = value,
            }
        }
        Ok(true)
    }

    /// Whether the row is the header of a pipe, or of a file that came into the first one's place; refused where it has another number of cells than the first.
    fn is_header(&mut self, place: u64, len: usize) -> Result<bool, AgentError> {
        if let Some(head) = self.table.head {
            let (cells, file) = (self.scanner.rows.cells(), self.scanner.reader.name());
            let is_header = self.table.meet(head, &cells, &file)?;
            self.plain = plain(&self.table, &self.dialect);
            if is_header {
                return Ok(true);
            }
        }
        match self.scanner.rows.len() == self.table.width {
            true => Ok(self.meets_a_header(place)),
            false => Err(self.bad_row(place, len)),
        }
    }

    /// True at the beginning of a file that came into the first one's place, if that had a header.
    fn meets_a_header(&self, place: u64) -> bool {
        let base = self.scanner.reader.base();
        base > 0 && place == base && self.table.start > 0
    }

    /// Reads columns of several types, row by row.
    fn read_cells(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let before = io.outputs[0].produced();
        let (mut row, mut text) = (Vec::new(), Vec::new());
        let place = io.state.get::<Place>();
        loop {
            row.clear();
            let plain = match self.meets_a_header(place.at) {
                true => None,
                false => self.plain_cells(place.at, &mut row),
            };
            if let Some(len) = plain {
                if !cells::give(&row, self.scanner.reader.bytes(place.at), io.outputs) {
                    return Ok(Status::More);
                }
                place.at += len as u64;
                continue;
            }
            row.clear();
            text.clear();
            let next = self.scanner.next_row(place.at);
            self.scanner.reader.note(place);
            let outcome = match next {
                Ok(Next::Row(len)) => {
                    let cells = self.typed_row(place.at, len, &mut row, &mut text);
                    cells.map(|()| len)
                }
                Ok(Next::Ended) => return Ok(Status::Done),
                Ok(Next::Waiting(wait)) => return Ok(Status::Wait(wait)),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(_) if !row.is_empty() && !cells::give(&row, &text, io.outputs) => {
                    return Ok(Status::More);
                }
                Ok(len) => place.at += len as u64,
                // What came before the bad row is given first, however the calls are cut.
                Err(_) if io.outputs[0].produced() > before => return Ok(Status::More),
                Err(error) => return Err(error),
            }
        }
    }

    /// The cells of a plain row, texts as places in the bytes that it starts; its length.
    fn plain_cells(&mut self, place: u64, row: &mut Vec<Cell>) -> Option<usize> {
        self.scanner.reader.seek(place);
        let (plain, kinds) = (self.plain.as_ref()?, self.kinds.as_ref()?);
        let bytes = self.scanner.reader.bytes(place);
        row.resize(kinds.len(), Cell::Text(0..0));
        plain.row(bytes, |place, nth| match kinds[nth] {
            Kind::Text => {
                let end = plain.end(bytes, place)?;
                let text = match place.in_quotes {
                    true => place.at..end,
                    false => trimmed(bytes, place.at..end),
                };
                std::str::from_utf8(&bytes[text.clone()]).ok()?;
                row[nth] = Cell::Text(text);
                Some(end)
            }
            Kind::Number(scalar) => {
                let (number, end) = plain_number(scalar)(plain, bytes, place)?;
                row[nth] = number;
                Some(end)
            }
        })
    }

    /// The row's cells, none where it was the header of a pipe; `text` is where texts go.
    fn typed_row(
        &mut self,
        place: u64,
        len: usize,
        row: &mut Vec<Cell>,
        text: &mut Vec<u8>,
    ) -> Result<(), AgentError> {
        if self.is_header(place, len)? {
            return Ok(());
        }
        let kinds = self.kinds.iter().flatten();
        for (column, kind) in self.table.columns.iter().zip(kinds) {
            let cell = self.scanner.rows.cell(column.index);
            let read = match kind {
                Kind::Text if cell.is_empty() && self.dialect.missing_is_nan => {
                    Some(kind.missing())
                }
                Kind::Text => kind.cell(cell, text),
                Kind::Number(_) if self.dialect.lacks(cell) => Some(kind.missing()),
                Kind::Number(_) if self.dialect.has_commas => {
                    kind.cell(&with_points(cell.trim_ascii()), text)
                }
                Kind::Number(_) => kind.cell(cell.trim_ascii(), text),
            };
            row.push(read.ok_or_else(|| self.bad_cell(place, len, column, *kind))?);
        }
        Ok(())
    }

    fn bad_row(&self, place: u64, len: usize) -> AgentError {
        let (found, width) = (self.scanner.rows.len(), self.table.width);
        AgentError::new(format!(
            "{}: {found} cell{} ({:?}), and the first row has {width}{}",
            self.scanner.whereabouts(place, len),
            if found == 1 { "" } else { "s" },
            lossy(&self.scanner.rows.cells()),
            self.scanner.lines_of(place, len),
        ))
    }

    fn bad_cell(&self, place: u64, len: usize, column: &Column, kind: Kind) -> AgentError {
        let cell = self.scanner.rows.cell(column.index);
        let name = match &column.name {
            Some(name) => format!("column {name:?}"),
            None => format!("column {}", column.index),
        };
        let whereabouts = self.scanner.whereabouts(place, len);
        let lines = self.scanner.lines_of(place, len);
        let remedy = match lines.is_empty() && self.dialect.number::<f64>(cell).is_none() {
            true => "; `columns` can leave the column out, `types` read it as text",
            false => "",
        };
        AgentError::new(match cell {
            b"" => format!("{whereabouts}: {name} is empty; `missing = \"nan\"` reads that as nan"),
            _ => format!(
                "{whereabouts}: {name} has {:?}, which is no {kind}{lines}{remedy}",
                lossy(&[cell])
            ),
        })
    }
}

#[cfg(test)]
mod tests;
