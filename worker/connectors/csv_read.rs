//! `csv.read`: gives the numbers of a CSV file's columns, one item per row.
//!
//! The `csv-core` crate finds rows and cells; this file keeps the byte where the next row starts, which
//! is committed with the streams. A regular file is looked at before the run: its columns' names and
//! which of them hold numbers are known to the plan.

use std::os::fd::RawFd;
use std::str::FromStr;

use bytemuck::Pod;
use csv_core::{ReadRecordResult, ReaderBuilder};

use crate::agent::{
    Agent, AgentError, Blueprint, Io, OutPort, Output, Outside, State, StateSpec, Status, Wait,
};
use crate::connectors;
use crate::connectors::cells::{self, Cell, Kind};
use crate::connectors::files::{Filled, Reader};
use crate::connectors::params::{READ, RECORDED_RATE};
use crate::connectors::text;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, Value, nearest};
use crate::types::{ItemType, Scalar};
use crate::units::{Unit, from_file};

/// The row of the table.
pub const CSV_READ: OpDef = OpDef {
    name: "csv.read",
    summary: "reads columns of numbers from a CSV file",
    doc: "One item per row; several columns give a port each, named as the column (characters other than \
          letters, digits and `_` become `_`), one column is the agent's only output, and `as = \"vector\"` \
          gives one stream of vectors. Items are f64, or numbers of the agent's `dtype`; `types` gives each column its own, \
          text too. Quoted cells, \
          spaces around cells, CRLF and a byte order mark are understood; empty lines and lines that start \
          with `#` are skipped. A row with another number of cells than the first one, and a cell that \
          is no number, end the run with file and line. Where a column has the rows' times, `timed in=[trace.t, trace.z]` makes \
          timed items of two columns of the agent `trace`. A regular file goes on at the committed byte whatever is \
          killed. `-` is standard input: it and pipes cannot be looked at before the run, so `columns` \
          must be given, and cannot be read again, so a killed reader ends the run.",
    inputs: Arity::Source,
    outputs: "one stream per column, or one of vectors",
    params: &[
        READ,
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
            doc: "Whether the header has units behind the names, `speed [m/s]`: the column is then `speed`, in m/s.",
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
        reader: Reader::of(args)?,
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
        scanner,
        scalar,
        kinds,
        is_vector,
        dialect,
        table,
    };
    let blueprint = Blueprint::new(agent).state(StateSpec::of(start));
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

/// How cells are parted and what an empty one means.
#[derive(Clone, Copy)]
struct Dialect {
    delimiter: u8,
    missing_is_nan: bool,
    /// Numbers have a comma before their fraction.
    has_commas: bool,
}

impl Dialect {
    /// The number a cell spells, spaces around it left out.
    fn number<T: FromStr>(self, cell: &[u8]) -> Option<T> {
        match self.has_commas {
            true => number(&with_points(cell)),
            false => number(cell),
        }
    }

    /// Whether a cell of numbers has none.
    fn lacks(self, cell: &[u8]) -> bool {
        self.missing_is_nan && matches!(cell, b"" | b"NA" | b"N/A" | b"null" | b"NULL" | b"None")
    }
}

fn with_points(cell: &[u8]) -> Vec<u8> {
    cell.iter()
        .map(|byte| if *byte == b',' { b'.' } else { *byte })
        .collect()
}

/// What is known of the file's rows.
struct Table {
    /// The columns that are read.
    columns: Vec<Column>,
    /// Cells per row; 0 while no row was seen.
    width: usize,
    /// The byte after the header.
    start: u64,
    /// The first row is yet to be looked at: it may be a header.
    head: Option<Head>,
    /// Names in the header have units behind them.
    has_units: bool,
}

/// A column that is read.
struct Column {
    /// From the header.
    name: Option<String>,
    /// The cell's place in a row.
    index: usize,
    /// What its numbers measure, as the header says.
    unit: Option<String>,
}

/// Whether the first row has names.
#[derive(Clone, Copy, PartialEq)]
enum Head {
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
    fn looked_at(args: &Args, scanner: &mut Scanner, dialect: &Dialect) -> Result<Table, OpError> {
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
    fn unseen(args: &Args, reader: &Reader) -> Result<Table, OpError> {
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
    fn meet(&mut self, head: Head, cells: &[&[u8]], file: &str) -> Result<bool, AgentError> {
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
fn parted(names: Option<Vec<String>>) -> (Option<Vec<String>>, Vec<Option<String>>) {
    let Some(names) = names else {
        return (None, Vec::new());
    };
    let part = |name: String| {
        let inside = name.trim_end().strip_suffix(']');
        match inside.and_then(|inside| inside.rsplit_once('[')) {
            Some((bare, unit)) => (bare.trim_end().to_owned(), from_file(unit)),
            None => (name, None),
        }
    };
    let (bare, units) = names.into_iter().map(part).unzip();
    (Some(bare), units)
}

fn names(cells: &[&[u8]], file: &str) -> Result<Vec<String>, OpError> {
    let name = |cell: &&[u8]| match std::str::from_utf8(cell) {
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

fn chosen_columns(
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

fn index(value: &Value) -> Result<usize, OpError> {
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

fn within(index: usize, width: usize, file: &str) -> Result<(), OpError> {
    match index < width {
        true => Ok(()),
        false => Err(OpError::param(
            "columns",
            format!("{file} has {width} columns, and no number {index} (they count from 0)"),
        )),
    }
}

fn position(names: &[String], name: &str, file: &str) -> Result<usize, OpError> {
    names.iter().position(|n| n == name).ok_or_else(|| {
        let candidates: Vec<&str> = names.iter().map(String::as_str).collect();
        let help = match nearest(name, &candidates) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("it has {}", candidates.join(", ")),
        };
        OpError::param("columns", format!("{file} has no column {name:?}")).with_help(help)
    })
}

fn all_columns(names: Option<Vec<String>>, width: usize) -> Vec<Column> {
    let column = |index: usize| Column {
        name: names.as_ref().map(|names| names[index].clone()),
        index,
        unit: None,
    };
    (0..width).map(column).collect()
}

/// Every column whose cell in the first row of data is a number (or empty where that is a nan).
fn number_columns(
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

fn lossy(cells: &[&[u8]]) -> String {
    String::from_utf8_lossy(&cells.join(&b',')).into_owned()
}

/// The number a cell spells, spaces around it left out.
fn number<T: FromStr>(cell: &[u8]) -> Option<T> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// A file and its row that was met last.
struct Scanner {
    reader: Reader,
    rows: Rows,
}

/// What comes next in the file.
enum Next {
    /// A row that ends this many bytes on.
    Row(usize),
    Ended,
    Waiting(RawFd),
}

/// A longer row is taken for a quote that is never closed.
const ROW_LEN_MAX: usize = 4 << 20;

impl Scanner {
    /// Takes the next row at or after byte `place`.
    fn next_row(&mut self, place: u64) -> Result<Next, AgentError> {
        let mut is_last = false;
        self.reader.seek(place);
        loop {
            let bytes = self.reader.bytes(place);
            if let Some(len) = self.rows.next(bytes, is_last) {
                return Ok(Next::Row(len));
            }
            if is_last {
                return Ok(Next::Ended);
            }
            if bytes.len() >= ROW_LEN_MAX {
                return Err(AgentError::new(format!(
                    "{}: a row of more than {ROW_LEN_MAX} bytes: is a quote never closed?",
                    self.whereabouts(place, bytes.len())
                )));
            }
            match self.reader.fill(place)? {
                Filled::Grew => {}
                Filled::Ended => is_last = true,
                Filled::Waiting(fd) => return Ok(Next::Waiting(fd)),
            }
        }
    }

    /// "FILE:LINE" of the row within the `len` bytes at `place` (empty lines before it included).
    fn whereabouts(&self, place: u64, len: usize) -> String {
        let name = self.reader.name();
        let skipped = skipped_lines(&self.reader.bytes(place)[..len]);
        match self.reader.is_regular() {
            true => format!("{name}:{}", 1 + self.reader.lines_before(place) + skipped),
            false => format!("{name}, the row at byte {place}"),
        }
    }
}

/// How many lines of `bytes` come before the row: empty ones and comments.
fn skipped_lines(bytes: &[u8]) -> u64 {
    let is_skipped = |line: &&[u8]| line.trim_ascii().is_empty() || line.starts_with(b"#");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.take_while(is_skipped).count() as u64
}

/// Parts bytes into rows and cells, one row at a time.
struct Rows {
    core: csv_core::Reader,
    /// The row's cells without quotes, end to end.
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
    len: usize,
}

impl Rows {
    fn new(delimiter: u8) -> Rows {
        let core = ReaderBuilder::new()
            .delimiter(delimiter)
            .comment(Some(b'#'))
            .build();
        Rows {
            core,
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
    fn cell(&self, index: usize) -> &[u8] {
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1],
        };
        self.text[start..self.ends[index]].trim_ascii()
    }

    fn cells(&self) -> Vec<&[u8]> {
        (0..self.len).map(|index| self.cell(index)).collect()
    }
}

/// State: the byte where the next row starts (`u64`).
struct CsvReader {
    scanner: Scanner,
    scalar: Scalar,
    /// What each column has, where not all have numbers of one type.
    kinds: Option<Vec<Kind>>,
    is_vector: bool,
    dialect: Dialect,
    table: Table,
}

impl Agent for CsvReader {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.scanner.reader.open(*state.get::<u64>())
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
        let place: u64 = bytemuck::pod_read_unaligned(state);
        self.scanner.reader.outside(0..place)
    }
}

/// A number a cell can be read as.
trait Number: Pod + FromStr {
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

impl CsvReader {
    fn read<T: Number>(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let space = io.outputs.iter().map(Output::space).min().unwrap_or(0);
        let place = io.state.get::<u64>();
        let mut given = 0;
        let status = {
            let mut rooms: Vec<&mut [T]> = io.outputs.iter_mut().map(Output::elements).collect();
            loop {
                if given == space {
                    break Ok(Status::More);
                }
                match self.scanner.next_row(*place) {
                    Ok(Next::Row(len)) => {
                        match self.take_row(*place, len, &mut rooms, given) {
                            Ok(is_item) => given += usize::from(is_item),
                            Err(error) => break Err(error),
                        }
                        *place += len as u64;
                    }
                    Ok(Next::Ended) => break Ok(Status::Done),
                    Ok(Next::Waiting(fd)) => break Ok(Status::Wait(Wait::Readable(fd))),
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

    /// Whether the row is the header of a pipe; refused where it has another number of cells than the first.
    fn is_header(&mut self, place: u64, len: usize) -> Result<bool, AgentError> {
        if let Some(head) = self.table.head {
            let (cells, file) = (self.scanner.rows.cells(), self.scanner.reader.name());
            if self.table.meet(head, &cells, &file)? {
                return Ok(true);
            }
        }
        match self.scanner.rows.len == self.table.width {
            true => Ok(false),
            false => Err(self.bad_row(place, len)),
        }
    }

    /// Reads columns of several types, row by row.
    fn read_cells(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let before = io.outputs[0].produced();
        let mut row = Vec::new();
        loop {
            let place = io.state.get::<u64>();
            let outcome = match self.scanner.next_row(*place) {
                Ok(Next::Row(len)) => self.typed_row(*place, len, &mut row).map(|()| len),
                Ok(Next::Ended) => return Ok(Status::Done),
                Ok(Next::Waiting(fd)) => return Ok(Status::Wait(Wait::Readable(fd))),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(_) if !row.is_empty() && !cells::give(&row, io.outputs) => {
                    return Ok(Status::More);
                }
                Ok(len) => *place += len as u64,
                // What came before the bad row is given first, however the calls are cut.
                Err(_) if io.outputs[0].produced() > before => return Ok(Status::More),
                Err(error) => return Err(error),
            }
        }
    }

    /// The row's cells, none where it was the header of a pipe.
    fn typed_row(&mut self, place: u64, len: usize, row: &mut Vec<Cell>) -> Result<(), AgentError> {
        row.clear();
        if self.is_header(place, len)? {
            return Ok(());
        }
        let kinds = self.kinds.iter().flatten();
        for (column, kind) in self.table.columns.iter().zip(kinds) {
            let cell = self.scanner.rows.cell(column.index);
            row.push(match (cell, kind) {
                (b"", Kind::Text) if self.dialect.missing_is_nan => Kind::Text.missing(),
                (text, Kind::Number(_)) if self.dialect.lacks(text) => kind.missing(),
                (cell, Kind::Number(_)) if self.dialect.has_commas => kind
                    .cell(&with_points(cell))
                    .ok_or_else(|| self.bad_cell(place, len, column, *kind))?,
                (cell, kind) => kind
                    .cell(cell)
                    .ok_or_else(|| self.bad_cell(place, len, column, *kind))?,
            });
        }
        Ok(())
    }

    fn bad_row(&self, place: u64, len: usize) -> AgentError {
        let (found, width) = (self.scanner.rows.len, self.table.width);
        AgentError::new(format!(
            "{}: {found} cells ({:?}), and the first row has {width}",
            self.scanner.whereabouts(place, len),
            lossy(&self.scanner.rows.cells()),
        ))
    }

    fn bad_cell(&self, place: u64, len: usize, column: &Column, kind: Kind) -> AgentError {
        let cell = self.scanner.rows.cell(column.index);
        let name = match &column.name {
            Some(name) => format!("column {name:?}"),
            None => format!("column {}", column.index),
        };
        let whereabouts = self.scanner.whereabouts(place, len);
        AgentError::new(match cell {
            b"" => format!("{whereabouts}: {name} is empty; `missing = \"nan\"` reads that as nan"),
            _ => format!(
                "{whereabouts}: {name} has {:?}, which is no {}",
                String::from_utf8_lossy(cell),
                kind
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;
    use crate::connectors::fixtures::{self, CUTS};
    use crate::testing::{Chunks, run};

    type Params<'a> = &'a [(&'a str, Value)];

    fn built(
        text: &[u8],
        dtype: Option<&str>,
        params: &[(&str, Value)],
    ) -> Result<(Blueprint, tempfile::TempDir), OpError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.csv"), text).unwrap();
        let mut given = vec![("path".to_owned(), Value::from("t.csv"))];
        given.extend(params.iter().map(|(k, v)| (k.to_string(), v.clone())));
        let dtype = dtype.map(|d| d.parse().unwrap());
        let args = Args::new(&CSV_READ, vec![], dtype, &given, folder.path())?;
        Ok((build(&args)?, folder))
    }

    /// Ports and their items under every cut.
    fn check(text: &str, params: &[(&str, Value)], expected: &[(&str, &[f64])]) {
        for chunks in CUTS {
            let (blueprint, _folder) = built(text.as_bytes(), None, params).unwrap();
            let names: Vec<String> = blueprint.outputs.iter().map(|o| o.name.clone()).collect();
            let streams = run(blueprint, &[], chunks, usize::MAX).unwrap();
            let found: Vec<(String, String)> = names
                .into_iter()
                .zip(&streams)
                .map(|(name, bytes)| (name, format!("{:?}", items(bytes))))
                .collect();
            let expected: Vec<(String, String)> = expected
                .iter()
                .map(|(name, items)| (name.to_string(), format!("{items:?}")))
                .collect();
            assert_eq!(found, expected, "{text:?} {chunks:?}");
        }
    }

    fn items(bytes: &[u8]) -> Vec<f64> {
        let items = bytes.chunks_exact(8);
        items.map(bytemuck::pod_read_unaligned).collect()
    }

    fn refused(text: &[u8], dtype: Option<&str>, params: &[(&str, Value)]) -> OpError {
        match built(text, dtype, params) {
            Err(error) => error,
            Ok(_) => panic!("{:?} was taken", String::from_utf8_lossy(text)),
        }
    }

    fn fails(text: &[u8], dtype: Option<&str>, params: &[(&str, Value)]) -> String {
        let (blueprint, folder) = built(text, dtype, params).unwrap();
        let error = run(blueprint, &[], Chunks::Random(7), usize::MAX).unwrap_err();
        let place = format!("{}/", folder.path().display());
        error.message.replace(&place, "")
    }

    #[test]
    fn every_column_of_numbers_is_a_port() {
        let expected: &[(&str, &[f64])] = &[("t", &[0.0, 1.0]), ("acc_z", &[-1.5, 2e3])];
        check("t,name,acc z\n0,a,-1.5\n1,b,2e3\n", &[], expected);
    }

    #[test]
    fn the_texts_ways_to_say_the_same() {
        let expected: &[(&str, &[f64])] = &[("a", &[1.0, 3.0]), ("b", &[2.0, 4.0])];
        let texts = [
            "a,b\n1,2\n3,4\n",
            "a,b\r\n1,2\r\n3,4\r\n",
            "a,b\n1,2\n3,4",
            "\u{feff}a,b\n1,2\n3,4\n",
            "\u{feff}\"a\",\"b\"\n\"1\",\"2\"\n3,4\n",
            "# made by hand\na,b\n\n1,2\n# half way\n  \n3,4\n\n\n",
            "a , b\n 1 ,\t2\n+3,4.0\n",
        ];
        for text in texts {
            check(text, &[], expected);
        }
        check(
            "a;b\n1;2\n3;4\n",
            &[("delimiter", Value::from(";"))],
            expected,
        );
        check(
            "a\tb\n1\t2\n3\t4\n",
            &[("delimiter", Value::from("tab"))],
            expected,
        );
    }

    #[test]
    fn columns_are_chosen_by_name_or_number_and_one_has_no_name() {
        let text = "a,b,c\n1,2,3\n4,5,6\n";
        let chosen = |columns: Vec<Value>| [("columns", Value::List(columns))];
        check(text, &chosen(vec!["b".into()]), &[("", &[2.0, 5.0])]);
        check(
            text,
            &chosen(vec!["c".into(), 0.into()]),
            &[("c", &[3.0, 6.0]), ("a", &[1.0, 4.0])],
        );
        check(
            text,
            &chosen(vec![0.into(), 0.into()]),
            &[("a", &[1.0, 4.0]), ("a_2", &[1.0, 4.0])],
        );
        check(text, &[("columns", Value::from(2))], &[("", &[3.0, 6.0])]);
        let vector = [("as", Value::from("vector"))];
        check(text, &vector, &[("", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]);
    }

    #[test]
    fn a_file_without_a_header_has_numbered_ports() {
        check(
            "1,2\n3,4\n",
            &[],
            &[("c0", &[1.0, 3.0]), ("c1", &[2.0, 4.0])],
        );
        for header in [Value::from("true"), Value::from(true)] {
            check("1\n3\n", &[("header", header)], &[("", &[3.0])]);
        }
        check(
            "1\n3\n",
            &[("header", Value::from(false))],
            &[("", &[1.0, 3.0])],
        );
        check("a,b\n", &[], &[("a", &[]), ("b", &[])]);
    }

    #[test]
    fn a_decimal_comma_is_read_where_it_is_said() {
        let comma = || {
            [
                ("delimiter", Value::from(";")),
                ("decimal", Value::from(",")),
            ]
        };
        let expected: &[(&str, &[f64])] = &[("a", &[1.5, -2e3]), ("b", &[0.25, 4.0])];
        check("a;b\n1,5;0,25\n-2,0e3;4\n", &comma(), expected);
        let nameless: &[(&str, &[f64])] = &[("c0", &[1.5]), ("c1", &[0.25])];
        check("1,5;0,25\n", &comma(), nameless);
        let typed = [&comma()[..], &[("types", Value::from(["f64", "f64"]))]].concat();
        check("a;b\n1,5;0,25\n", &typed, &[("a", &[1.5]), ("b", &[0.25])]);
        let error = refused(b"a,b\n1,2\n", None, &comma()[1..]);
        assert_eq!(error.param.as_deref(), Some("decimal"));
    }

    #[test]
    fn what_other_programs_write_for_a_missing_number_is_missing() {
        let text = "a,b\n1,2\nNA,3\n,4\nnull,5\n";
        let missing = [("missing", Value::from("nan"))];
        let nan = f64::NAN;
        let expected: &[(&str, &[f64])] =
            &[("a", &[1.0, nan, nan, nan]), ("b", &[2.0, 3.0, 4.0, 5.0])];
        check(text, &missing, expected);
        assert!(fails(text.as_bytes(), None, &[]).contains("\"NA\""));
    }

    #[test]
    fn columns_of_several_types_stay_side_by_side() {
        let text = "n,name,x\n1,one,0.5\n-2,\"two, three\",\n3,,1e3\n";
        let types = |types: [&str; 3]| {
            let types = types.map(Value::from).to_vec();
            [
                ("types", Value::List(types)),
                ("missing", Value::from("nan")),
            ]
        };
        for chunks in CUTS {
            let given = types(["i64", "text", "f32"]);
            let error = built(text.as_bytes(), None, &given).unwrap_err();
            assert_eq!(error.message, "`missing` is nan, and i64 has none");
            let (reader, _folder) =
                built(text.as_bytes(), None, &types(["f64", "text", "f32"])).unwrap();
            let ports: Vec<String> = reader.outputs.iter().map(|o| o.name.clone()).collect();
            assert_eq!(ports, ["n", "name", "x"]);
            let streams = run(reader, &[], chunks, usize::MAX).unwrap();
            assert_eq!(items(&streams[0]), [1.0, -2.0, 3.0]);
            assert_eq!(
                crate::testing::texts(&streams[1]),
                ["one", "two, three", ""]
            );
            let x: &[f32] = bytemuck::cast_slice(&streams[2]);
            assert_eq!(format!("{x:?}"), "[0.5, NaN, 1000.0]");
        }
        let types = [(
            "types",
            Value::List(vec!["i16".into(), "text".into(), "f64".into()]),
        )];
        let message = fails(b"1,a,2\n70000,b,3\n", None, &types);
        assert_eq!(message, "t.csv:2: column 0 has \"70000\", which is no i16");
        let few = [("types", Value::from("text"))];
        let error = refused(b"1,a\n", None, &few);
        assert_eq!(error.message, "`types` has 1, and 2 columns are read");
    }

    #[test]
    fn a_file_of_tabs_is_known_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.tsv"), "a\tb\n1\t2\n").unwrap();
        let reader = fixtures::source(&CSV_READ, folder.path(), "t.tsv", None, &[]).unwrap();
        let streams = run(reader, &[], Chunks::Whole, usize::MAX).unwrap();
        assert_eq!(items(&streams[1]), [2.0]);
    }

    #[test]
    fn a_missing_cell_is_an_error_or_a_nan() {
        let text = "a,b\n1,\n,4\n";
        let nan = [("missing", Value::from("nan"))];
        check(
            text,
            &nan,
            &[("a", &[1.0, f64::NAN]), ("b", &[f64::NAN, 4.0])],
        );
        let column = [("columns", Value::from("a"))];
        assert_eq!(
            fails(text.as_bytes(), None, &column),
            "t.csv:3: column \"a\" is empty; `missing = \"nan\"` reads that as nan"
        );
        let error = refused(text.as_bytes(), Some("i32"), &nan);
        assert_eq!(error.message, "`missing` is nan, and i32 has none");
    }

    #[test]
    fn what_is_no_number_is_named_with_its_line() {
        let cases: [(&[u8], &str, &str); 6] = [
            (
                b"a\n1\n\n# c\nx\n",
                "f64",
                "t.csv:5: column \"a\" has \"x\", which is no f64",
            ),
            (
                b"a\r\n1\r\n1,5\r\n",
                "f64",
                "t.csv:3: 2 cells (\"1,5\"), and the first row has 1",
            ),
            (
                b"a\n1\n256\n",
                "u8",
                "t.csv:3: column \"a\" has \"256\", which is no u8",
            ),
            (
                b"1\n2.5\n",
                "i64",
                "t.csv:2: column 0 has \"2.5\", which is no i64",
            ),
            (
                b"a,b\n1,2\n3\n",
                "f64",
                "t.csv:3: 1 cells (\"3\"), and the first row has 2",
            ),
            (
                b"1\n\xff\n",
                "f32",
                "t.csv:2: column 0 has \"\u{fffd}\", which is no f32",
            ),
        ];
        for (text, dtype, message) in cases {
            assert_eq!(fails(text, Some(dtype), &[]), message);
        }
    }

    #[test]
    fn what_comes_before_a_bad_row_is_given_however_it_is_cut() {
        for chunks in CUTS {
            let (blueprint, _folder) = built(b"1\n2\nx\n", None, &[]).unwrap();
            let given = run(blueprint, &[], chunks, 2).unwrap();
            assert_eq!(
                given,
                [bytemuck::cast_slice::<f64, u8>(&[1.0, 2.0]).to_vec()]
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_before_the_run() {
        let columns = |c: &str| [("columns", Value::from(c))];
        let cases: [(&[u8], Params, &str); 6] = [
            (b"", &[], "is empty"),
            (b"# only words\n", &[], "is empty"),
            (b"a b c\nx y z\n", &[], "has no column of numbers"),
            (
                b"east,north\n1,2\n",
                &columns("nort"),
                "has no column \"nort\"",
            ),
            (b"1,2\n", &columns("a"), "has no header"),
            (
                b"1,2\n",
                &[("columns", Value::from(2))],
                "has 2 columns, and no number 2",
            ),
        ];
        for (text, params, message) in cases {
            let error = refused(text, None, params);
            assert!(error.message.contains(message), "{}", error.message);
        }
        let near = refused(b"east,north\n1,2\n", None, &columns("nort"));
        assert_eq!(near.help.as_deref(), Some("did you mean \"north\"?"));
    }

    #[test]
    fn a_missing_file_a_folder_and_a_pipe_without_columns_are_refused() {
        let refused = |path: &str| {
            let given = [("path".to_owned(), Value::from(path))];
            let args = Args::new(&CSV_READ, vec![], None, &given, Path::new("/")).unwrap();
            build(&args).unwrap_err().message
        };
        assert_eq!(
            refused("no-such.csv"),
            "/no-such.csv cannot be read: there is no such file or folder"
        );
        assert_eq!(refused("tmp"), "/tmp is a folder, and should be a file");
        assert!(refused("-").starts_with("standard input cannot be looked at"));
    }

    #[test]
    fn a_pipe_is_read_as_its_bytes_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let given = [
            ("path".to_owned(), Value::from("pipe")),
            ("columns".to_owned(), Value::from("b")),
        ];
        let args = Args::new(&CSV_READ, vec![], None, &given, folder.path()).unwrap();
        let blueprint = build(&args).unwrap();
        let writer = std::thread::spawn(move || {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            for piece in ["a,", "b\n1,2\n3,", "4\n5,6"] {
                pipe.write_all(piece.as_bytes()).unwrap();
                std::thread::yield_now();
            }
        });
        let given = run_waiting(blueprint);
        writer.join().unwrap();
        assert_eq!(given, [2.0, 4.0, 6.0]);
    }

    /// Calls a source of f64 until it is done, and sleeps where it waits for a descriptor.
    fn run_waiting(mut blueprint: Blueprint) -> Vec<f64> {
        let mut state = [0u64];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut state);
        blueprint.agent.attach(State::new(bytes)).unwrap();
        let mut items = Vec::new();
        loop {
            let mut room = [0.0f64; 8];
            // SAFETY: eight writable items that outlive the output and are touched through it alone.
            let output = unsafe { Output::new(room.as_mut_ptr().cast(), 8, items.len() as u64, 8) };
            let mut outputs = [output];
            let mut io = Io {
                inputs: &mut [],
                outputs: &mut outputs,
                state: State::new(bytes),
                dials: &[],
                draining: false,
            };
            let status = blueprint.agent.work(&mut io).unwrap();
            let given = outputs[0].produced();
            items.extend_from_slice(&room[..given]);
            match status {
                Status::Done => return items,
                Status::Wait(Wait::Readable(fd)) => {
                    // SAFETY: the agent keeps the descriptor open as long as it lives.
                    let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
                    let readable = nix::poll::PollFd::new(fd, nix::poll::PollFlags::POLLIN);
                    nix::poll::poll(&mut [readable], nix::poll::PollTimeout::NONE).unwrap();
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_killed_reader_of_a_pipe_says_that_it_cannot_go_on() {
        let given = [
            ("path".to_owned(), Value::from("-")),
            ("columns".to_owned(), Value::from(0)),
        ];
        let args = Args::new(&CSV_READ, vec![], None, &given, Path::new(".")).unwrap();
        let mut state = [100u64];
        let state = State::new(bytemuck::cast_slice_mut(&mut state));
        let error = build(&args).unwrap().agent.attach(state).unwrap_err();
        assert!(
            error
                .message
                .starts_with("standard input cannot be read again")
        );
    }

    #[test]
    fn files_of_other_programs_are_read() {
        for (file, names) in [
            ("savetxt.csv", ["n", "quarter", "square"]),
            ("excel.csv", ["n", "a_quarter", "the__square_"]),
        ] {
            let reader = fixtures::source(&CSV_READ, &fixtures::golden(), file, None, &[]).unwrap();
            let ports = reader.outputs.iter().map(|port| port.name.clone());
            assert_eq!(ports.collect::<Vec<_>>(), names);
            let streams = run(reader, &[], Chunks::Single, usize::MAX).unwrap();
            assert_eq!(items(&streams[0]), [0.0, 1.0, 2.0, 3.0]);
            assert_eq!(items(&streams[1]), [0.0, 0.25, 0.5, 0.75]);
            assert_eq!(items(&streams[2]), [0.0, 1.0, 4.0, 9.0]);
        }
    }

    #[test]
    fn rows_across_chunks_of_the_file_are_whole() {
        let count = 60_000;
        let rows: String = (0..count).map(|n| format!("{n},{}.25\n", n * 7)).collect();
        let (blueprint, _folder) =
            built(rows.as_bytes(), None, &[("as", "vector".into())]).unwrap();
        let given = run(blueprint, &[], Chunks::Whole, usize::MAX).unwrap();
        let expected: Vec<f64> = (0..count)
            .flat_map(|n| [f64::from(n), f64::from(n * 7) + 0.25])
            .collect();
        assert!(given[0] == bytemuck::cast_slice::<f64, u8>(&expected));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error_not_all_memory() {
        let mut text = b"a\n1\n\"".to_vec();
        text.resize(ROW_LEN_MAX + 100, b'2');
        let message = fails(&text, None, &[]);
        assert!(
            message.starts_with("t.csv:3: a row of more than"),
            "{message}"
        );
    }
}
