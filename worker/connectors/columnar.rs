//! `parquet.read`, `parquet.write`, `arrow.read`, `arrow.write`: tables kept column by column.
//!
//! The `parquet` and `arrow` crates understand the files; they are many and slow to build, hence the feature
//! `arrow`. Reading, the state is how many rows were given: of a Parquet file a successor passes over them by its
//! index, of an Arrow file batch by batch. Writing, items gather in a file of parts: see [`staged`](super::staged).

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch, StringArray, make_array};
use arrow_buffer::MutableBuffer;
use arrow_data::ArrayData;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use thalweg_ringbuf::Frames;

use crate::agent::{
    Agent, AgentError, Blueprint, Ends, InPort, Io, OutPort, Output, Outside, State, StateSpec,
    Status,
};
use crate::connectors::cells::port_names;
use crate::connectors::files::Reader;
use crate::connectors::staged::{Parts, Staged};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind, meant, titles};
use crate::operators::timed::read_numbers;
use crate::types::{ItemType, Scalar};
use crate::units::{Unit, from_file};

/// The row of `parquet.read`.
pub const PARQUET_READ: OpDef = OpDef {
    name: "parquet.read",
    summary: "reads columns of a Parquet file",
    doc: "One item per row; several columns give a port each, named as the column (signs other than letters, digits \
          and `_` become `_`), one column is the agent's only output. Integers, floats, truth values (u8), dates and times (the \
          integers that the file has), strings (text), bytes, and lists of a fixed length (vectors); other \
          types are refused. Words of a dictionary (categories) are text. Compressed with snappy, gzip, lz4, zstd or not at all. Goes on at the committed row whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream per column",
    params: READ_PARAMS,
    example: "parquet.read path=examples/data/formats/table.parquet columns=n ! null",
    deterministic: true,
    build: |args| build_read(args, Format::Parquet),
};

/// The row of `arrow.read`.
pub const ARROW_READ: OpDef = OpDef {
    name: "arrow.read",
    summary: "reads columns of an Arrow IPC file",
    doc: "As `parquet.read`, of a file (also called Feather, version 2) or a stream of Arrow's interprocess format, \
          not compressed or with lz4. Goes on at the committed row whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream per column",
    params: READ_PARAMS,
    example: "arrow.read path=examples/data/formats/table.arrow columns=name ! null",
    deterministic: true,
    build: |args| build_read(args, Format::Arrow),
};

/// The row of `parquet.write`.
pub const PARQUET_WRITE: OpDef = OpDef {
    name: "parquet.write",
    summary: "writes streams as columns of a Parquet file",
    doc: "A column for each input, and the shortest ends the table. A vector is a list of a fixed length, a complex number one of \
          two (real, imaginary), a timed item two columns (`NAME_t` and `NAME`), text a string. During the run \
          the rows gather in `PATH.parts`; the file is made of them when a stream has ended (after Ctrl-C too), and \
          replaces an existing one. Written exactly once whatever is killed; it must be a regular file.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[
        WRITE_PATH,
        COLUMNS,
        ParamDef {
            name: "compression",
            kind: ParamKind::Choice(&["snappy", "lz4", "none"]),
            default: Some("snappy"),
            unit: "",
            doc: "How the columns are compressed.",
        },
    ],
    example: "counter items=1000 ! parquet.write path=/tmp/counter.parquet",
    deterministic: true,
    build: |args| build_write(args, Format::Parquet),
};

/// The row of `arrow.write`.
pub const ARROW_WRITE: OpDef = OpDef {
    name: "arrow.write",
    summary: "writes streams as columns of an Arrow IPC file",
    doc: "As `parquet.write`, to a file of Arrow's interprocess format, which other programs map into memory; not compressed.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[WRITE_PATH, COLUMNS],
    example: "counter items=1000 ! arrow.write path=/tmp/counter.arrow",
    deterministic: true,
    build: |args| build_write(args, Format::Arrow),
};

const READ_PARAMS: &[ParamDef] = &[
    ParamDef {
        name: "path",
        kind: ParamKind::ReadPath,
        default: None,
        unit: "",
        doc: "The file to read, relative to the graph file.",
    },
    ParamDef {
        name: "columns",
        kind: ParamKind::Texts,
        default: Some(""),
        unit: "",
        doc: "The columns' names. Default: all of known types.",
    },
    ParamDef {
        name: "missing",
        kind: ParamKind::Choice(&["error", "nan"]),
        default: Some("error"),
        unit: "",
        doc: "What a null is: an error, or a `nan` (of text, an empty one); columns of whole numbers that may have nulls are then f64.",
    },
    ParamDef {
        name: "rate",
        kind: ParamKind::Float,
        default: Some(""),
        unit: "Hz",
        doc: "Rows per second of the recording.",
    },
];

const WRITE_PATH: ParamDef = ParamDef {
    name: "path",
    kind: ParamKind::WritePath,
    default: None,
    unit: "",
    doc: "The file to write, relative to the graph file.",
};

const COLUMNS: ParamDef = ParamDef {
    name: "columns",
    kind: ParamKind::Texts,
    default: Some(""),
    unit: "",
    doc: "The columns' names, one for each input. Without it `value` of a single input, else the names of the streams, or those that a table `in` gives.",
};

/// Which of the two kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Parquet,
    Arrow,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Parquet => "Parquet",
            Format::Arrow => "Arrow IPC",
        }
    }
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// What a decoder makes; where a damaged file makes it panic (arrow-ipc 60 does not look at every offset that it
/// slices by), that is an error like others.
fn guarded<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    let damaged = |_| Err(ArrowError::IpcError("the file is damaged".to_owned()));
    panic::catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(damaged)
}

/// The columns of a file.
fn schema_of(format: Format, file: File) -> Result<Arc<Schema>, ArrowError> {
    match format {
        Format::Parquet => Ok(ParquetRecordBatchReaderBuilder::try_new(file)?
            .schema()
            .clone()),
        Format::Arrow if is_stream(&file)? => {
            Ok(StreamReader::try_new_buffered(file, None)?.schema())
        }
        Format::Arrow => Ok(FileReader::try_new_buffered(file, None)?.schema()),
    }
}

/// These columns from a row on, or from somewhere before it; and the row that the first batch begins with.
fn batches_from(
    format: Format,
    file: File,
    columns: &[usize],
    row: u64,
) -> Result<(Batches, u64), ArrowError> {
    if format == Format::Parquet {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let offset = usize::try_from(row).unwrap_or(usize::MAX);
        let batches = builder
            .with_projection(mask)
            .with_batch_size(BATCH)
            .with_offset(offset)
            .build()?;
        return Ok((Box::new(batches), row));
    }
    let columns = Some(columns.to_vec());
    let batches: Batches = match is_stream(&file)? {
        true => Box::new(StreamReader::try_new_buffered(file, columns)?),
        false => Box::new(FileReader::try_new_buffered(file, columns)?),
    };
    Ok((batches, 0))
}

/// Rows of a batch that is decoded at once.
const BATCH: usize = 8192;

/// A file of the interprocess format begins with this, a stream does not.
const FILE_MAGIC: &[u8] = b"ARROW1";

fn is_stream(mut file: &File) -> io::Result<bool> {
    use std::io::Seek;
    let mut magic = Vec::new();
    file.take(FILE_MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic != FILE_MAGIC)
}

/// What the values of a column are as items; `None` where they are none.
fn item_type_of(data_type: &DataType) -> Option<ItemType> {
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ItemType::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => ItemType::Bytes,
        DataType::Dictionary(_, values) => {
            item_type_of(values).filter(|item_type| item_type.is_framed())?
        }
        DataType::FixedSizeList(field, n @ 1..=65_536) => {
            ItemType::Vector(scalar_of(field.data_type())?, *n as u32)
        }
        DataType::Boolean => ItemType::U8,
        other => ItemType::Scalar(scalar_of(other)?),
    })
}

fn scalar_of(data_type: &DataType) -> Option<Scalar> {
    Some(match data_type {
        DataType::UInt8 => Scalar::U8,
        DataType::Int8 => Scalar::I8,
        DataType::UInt16 => Scalar::U16,
        DataType::Int16 => Scalar::I16,
        DataType::UInt32 => Scalar::U32,
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) => Scalar::I32,
        DataType::UInt64 => Scalar::U64,
        DataType::Int64
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Duration(_) => Scalar::I64,
        DataType::Float32 => Scalar::F32,
        DataType::Float64 => Scalar::F64,
        _ => return None,
    })
}

fn build_read(args: &Args, format: Format) -> Result<Blueprint, OpError> {
    let reader = Reader::regular(args)?;
    let name = reader.name();
    let file = reader.look()?;
    let schema = guarded(|| schema_of(format, file)).map_err(|e| {
        let why = trouble(&e);
        let message = format!(
            "{name} is no {} file that can be read: {why}",
            format.name()
        );
        OpError::param("path", message)
    })?;
    let chosen = chosen_columns(args, &schema, &name)?;
    let missing_is_nan = args.text("missing") == Some("nan");
    let rate = crate::connectors::rate(args)?;
    let mut places: Vec<usize> = chosen.clone();
    places.sort_unstable();
    places.dedup();
    let (mut columns, mut units) = (Vec::new(), Vec::new());
    for index in &chosen {
        let field = schema.field(*index);
        let item_type = item_type_of(field.data_type()).ok_or_else(|| {
            let message = format!(
                "the column {:?} of {name} is of type {}, which is no item",
                field.name(),
                field.data_type()
            );
            let help = "numbers, truth values, times, texts, bytes and lists of a fixed length of numbers are items; name other columns";
            OpError::param("columns", message).with_help(help)
        })?;
        units.push(unit_of(field));
        columns.push(Column {
            name: field.name().clone(),
            place: places.binary_search(index).unwrap_or(0),
            given: match &item_type {
                ItemType::Scalar(whole)
                    if missing_is_nan && field.is_nullable() && whole.is_integer() =>
                {
                    ItemType::F64
                }
                own => own.clone(),
            },
            own: item_type,
        });
    }
    let names = port_names(columns.iter().map(|column| column.name.clone()).collect());
    let types: Vec<ItemType> = columns.iter().map(|c| c.given.clone()).collect();
    let agent = TableReader {
        len_bytes: reader.len()?,
        reader,
        format,
        places,
        columns,
        missing_is_nan,
        batches: None,
        start: 0,
        rows: 0,
        values: Vec::new(),
    };
    let blueprint = Blueprint::new(agent).state(StateSpec::of(0u64));
    Ok(match &types[..] {
        [only] => {
            let port = OutPort::new(only.clone(), rate);
            blueprint.output(port.unit(units.remove(0)))
        }
        _ => names.into_iter().zip(types).zip(units).fold(
            blueprint,
            |blueprint, ((name, item_type), unit)| {
                blueprint.output(OutPort::named(name, item_type, rate).unit(unit))
            },
        ),
    })
}

/// What the libraries say of a file, without their names for it and for an end that comes too soon.
fn trouble(error: &ArrowError) -> String {
    let words = error.to_string();
    let ends = ["EOF", "eof", "end of file", "failed to fill"];
    if ends.iter().any(|end| words.contains(end)) {
        return "it ends within what it promises: it was cut short, or is damaged".to_owned();
    }
    let last = words.rsplit("rror: ").next().unwrap_or(&words);
    match last.trim_start_matches("External: ") {
        inner if inner.contains('{') => "it is damaged".to_owned(),
        why => format!("it is damaged, or has what is not known here ({why})"),
    }
}

/// The key of a field's metadata that says what its numbers measure.
const UNIT: &str = "unit";

fn unit_of(field: &Field) -> Unit {
    let metadata = field.metadata();
    let unit = metadata.get(UNIT).or_else(|| metadata.get("units"));
    Unit::maybe(unit.and_then(|unit| from_file(unit)))
}

/// The places of the columns that are asked for.
fn chosen_columns(args: &Args, schema: &Schema, name: &str) -> Result<Vec<usize>, OpError> {
    let fields = schema.fields();
    let Some(given) = args.texts("columns") else {
        let known = |n: &usize| item_type_of(schema.field(*n).data_type()).is_some();
        let all: Vec<usize> = (0..fields.len()).filter(known).collect();
        return match all.is_empty() {
            false => Ok(all),
            true => Err(OpError::param(
                "path",
                format!("{name} has no column of a known type"),
            )),
        };
    };
    if given.is_empty() {
        return Err(OpError::param("columns", "`columns` is an empty list"));
    }
    let place = |wanted: &str| {
        let place = fields.iter().position(|field| field.name() == wanted);
        place.ok_or_else(|| {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            OpError::param("columns", format!("{name} has no column {wanted:?}"))
                .with_help(meant(wanted, &names))
        })
    };
    given.into_iter().map(place).collect()
}

/// A column that is read.
struct Column {
    name: String,
    /// Its place among the columns that are decoded.
    place: usize,
    /// What the file has.
    own: ItemType,
    /// What is given: f64 for whole numbers that may be missing.
    given: ItemType,
}

impl Column {
    /// What is given of values as the file has them.
    fn given(&self, values: Values) -> Values {
        match (values, &self.own) {
            (Values::Items(items), ItemType::Scalar(scalar)) if self.own != self.given => {
                Values::Items(wide(*scalar, &items))
            }
            (values, _) => values,
        }
    }
}

/// The values of a column in a batch.
enum Values {
    /// Items side by side.
    Items(Vec<u8>),
    /// Frames one after the other, and where each ends.
    Frames(Vec<u8>, Vec<usize>),
}

impl Values {
    fn frame(&self, row: usize) -> &[u8] {
        match self {
            Values::Items(_) => &[],
            Values::Frames(bytes, ends) => {
                let start = row.checked_sub(1).map_or(0, |before| ends[before]);
                &bytes[start..ends[row]]
            }
        }
    }
}

/// State: how many rows were given (`u64`).
struct TableReader {
    reader: Reader,
    len_bytes: u64,
    format: Format,
    /// The columns that are decoded, ascending.
    places: Vec<usize>,
    columns: Vec<Column>,
    missing_is_nan: bool,
    batches: Option<Batches>,
    /// The rows `start .. start + rows` are decoded.
    start: u64,
    rows: usize,
    values: Vec<Values>,
}

impl TableReader {
    fn failed(&self, error: &ArrowError) -> AgentError {
        AgentError::new(format!(
            "{} cannot be read behind row {}: {}",
            self.reader.name(),
            self.start + self.rows as u64,
            trouble(error)
        ))
    }

    fn restart(&mut self, row: u64) -> Result<(), AgentError> {
        let file = self.reader.look().map_err(|e| AgentError::new(e.message))?;
        let opened = guarded(|| batches_from(self.format, file, &self.places, row));
        let (batches, start) = opened.map_err(|e| self.failed(&e))?;
        self.batches = Some(batches);
        (self.start, self.rows) = (start, 0);
        Ok(())
    }

    /// Decodes the batch with this row; false at the end. What fails fails again: a caller that has given what came
    /// before asks a second time, and finds neither rows of an older batch nor an end that is none.
    fn reach(&mut self, row: u64) -> Result<bool, AgentError> {
        if self.batches.is_none() || row < self.start {
            self.restart(row)?;
        }
        let reached = self.decode_to(row);
        if reached.is_err() {
            self.batches = None;
        }
        reached
    }

    fn decode_to(&mut self, row: u64) -> Result<bool, AgentError> {
        while row >= self.start + self.rows as u64 {
            let batches = &mut self.batches;
            let batch = guarded(|| batches.as_mut().and_then(Iterator::next).transpose());
            let Some(batch) = batch.map_err(|e| self.failed(&e))? else {
                return Ok(false);
            };
            self.start += self.rows as u64;
            self.rows = batch.num_rows();
            if row < self.start + self.rows as u64 {
                self.values = self.values_of(&batch)?;
            }
        }
        Ok(true)
    }

    fn values_of(&self, batch: &RecordBatch) -> Result<Vec<Values>, AgentError> {
        let values = self.columns.iter().map(|column| {
            let array = batch.column(column.place);
            let mut values = column.given(values_of(array, &column.own));
            self.fill_nulls(column, array, &mut values)?;
            Ok(values)
        });
        values.collect()
    }

    /// Puts what stands for a null where one is, or refuses it.
    fn fill_nulls(
        &self,
        column: &Column,
        array: &ArrayRef,
        values: &mut Values,
    ) -> Result<(), AgentError> {
        let has_null = |row: &usize| array.is_null(*row);
        let nulls = (0..array.len()).filter(has_null);
        let inner = column.given.elements().map(|(scalar, _)| scalar);
        for row in nulls {
            match (&mut *values, inner) {
                (Values::Frames(..), _) if self.missing_is_nan => {}
                (Values::Items(items), Some(Scalar::F64)) if self.missing_is_nan => {
                    items[8 * row..][..8].copy_from_slice(&f64::NAN.to_ne_bytes());
                }
                (Values::Items(items), Some(Scalar::F32)) if self.missing_is_nan => {
                    items[4 * row..][..4].copy_from_slice(&f32::NAN.to_ne_bytes());
                }
                _ => {
                    let help = match self.missing_is_nan {
                        true => format!("{} has no nan", column.given),
                        false => "`missing = \"nan\"` reads that as nan".to_owned(),
                    };
                    return Err(AgentError::new(format!(
                        "{}: row {} of column {:?} is null; {help}",
                        self.reader.name(),
                        self.start + row as u64,
                        column.name
                    )));
                }
            }
        }
        Ok(())
    }

    /// Gives rows from `at` of the batch on, as many as there is room for.
    fn give(&self, at: usize, outputs: &mut [Output]) -> usize {
        if self.columns.iter().any(|column| column.given.is_framed()) {
            let rows = (at..self.rows).take_while(|row| self.give_row(*row, outputs));
            return rows.count();
        }
        let space = outputs.iter().map(Output::space).min().unwrap_or(0);
        let n = space.min(self.rows - at);
        for (values, output) in self.values.iter().zip(outputs) {
            if let Values::Items(items) = values {
                let len = output.item_len();
                output.bytes()[..n * len].copy_from_slice(&items[at * len..][..n * len]);
                output.produce(n);
            }
        }
        n
    }

    /// Gives one row to all outputs, or to none: then false.
    fn give_row(&self, row: usize, outputs: &mut [Output]) -> bool {
        let ports = self.values.iter().zip(outputs.iter_mut());
        let has_room = ports.into_iter().all(|(values, output)| match values {
            Values::Items(_) => !output.is_full(),
            Values::Frames(..) => output.fits(values.frame(row).len()),
        });
        if !has_room {
            return false;
        }
        for (values, output) in self.values.iter().zip(outputs) {
            match values {
                Values::Items(items) => {
                    let len = output.item_len();
                    output.bytes()[..len].copy_from_slice(&items[row * len..][..len]);
                    output.produce(1);
                }
                Values::Frames(..) => {
                    output.give(values.frame(row));
                }
            }
        }
        true
    }
}

/// The values of an array, whatever stands where a null is.
fn values_of(array: &ArrayRef, item_type: &ItemType) -> Values {
    let rows = array.len();
    match array.data_type() {
        DataType::Utf8 => {
            frames((0..rows).map(|row| array.as_string::<i32>().value(row).as_bytes()))
        }
        DataType::LargeUtf8 => {
            frames((0..rows).map(|row| array.as_string::<i64>().value(row).as_bytes()))
        }
        DataType::Binary => frames((0..rows).map(|row| array.as_binary::<i32>().value(row))),
        DataType::LargeBinary => frames((0..rows).map(|row| array.as_binary::<i64>().value(row))),
        DataType::Utf8View => {
            frames((0..rows).map(|row| array.as_string_view().value(row).as_bytes()))
        }
        DataType::BinaryView => frames((0..rows).map(|row| array.as_binary_view().value(row))),
        DataType::Dictionary(..) => {
            let words = array.as_any_dictionary();
            let values = values_of(words.values(), item_type);
            // Without any words all keys are null.
            match words.values().is_empty() {
                true => frames((0..rows).map(|_| &b""[..])),
                false => frames(words.normalized_keys().into_iter().map(|k| values.frame(k))),
            }
        }
        DataType::Boolean => {
            let flags = array.as_boolean().values();
            Values::Items(flags.iter().map(u8::from).collect())
        }
        DataType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            let width = list.value_length() as usize;
            Values::Items(numbers_of(list.values(), item_type.len_bytes() / width))
        }
        _ => Values::Items(numbers_of(array, item_type.len_bytes())),
    }
}

fn frames<'a>(values: impl Iterator<Item = &'a [u8]>) -> Values {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for value in values {
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
    }
    Values::Frames(bytes, ends)
}

/// Whole numbers as f64.
fn wide(scalar: Scalar, items: &[u8]) -> Vec<u8> {
    let mut wide = Vec::with_capacity(items.len() / scalar.len_bytes() * 8);
    read_numbers(scalar, items, |_, number| {
        wide.extend_from_slice(&number.to_ne_bytes())
    });
    wide
}

/// The bytes of an array of numbers.
fn numbers_of(array: &ArrayRef, len_bytes: usize) -> Vec<u8> {
    let data = array.to_data();
    let bytes = data.buffers()[0].as_slice();
    bytes[data.offset() * len_bytes..][..data.len() * len_bytes].to_vec()
}

impl Agent for TableReader {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.restart(*state.get::<u64>())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let given = io.state.get::<u64>();
        let before = *given;
        loop {
            match self.reach(*given) {
                Ok(true) => {}
                Ok(false) => return Ok(Status::Done),
                // What came before the trouble is given first, however the calls are cut.
                Err(_) if *given > before => return Ok(Status::More),
                Err(error) => return Err(error),
            }
            let at = (*given - self.start) as usize;
            let n = self.give(at, io.outputs);
            *given += n as u64;
            if at + n < self.rows {
                return Ok(Status::More);
            }
        }
    }

    fn outside(&self, _: &[u8]) -> Outside {
        // Which bytes hold a row is known to the decoder alone: the file is held to be the same as a whole.
        self.reader.outside(0..self.len_bytes)
    }
}

/// A column that is written: a part of an input's items.
struct Piece {
    input: usize,
    /// Bytes of an item before it.
    offset: usize,
    /// What it is made of; `None`: frames.
    scalar: Option<Scalar>,
    /// Numbers of it in an item.
    width: usize,
    field: Field,
}

/// An input as it is written.
struct Source {
    item_type: ItemType,
    /// Items that are not yet written: side by side, or one by one where they are frames.
    items: VecDeque<u8>,
    frames: VecDeque<Vec<u8>>,
}

fn build_write(args: &Args, format: Format) -> Result<Blueprint, OpError> {
    let pieces = pieces(args)?;
    let types: Vec<ItemType> = args.inputs().iter().map(|i| i.item_type.clone()).collect();
    let compression = match format {
        Format::Arrow => Compression::UNCOMPRESSED,
        Format::Parquet => match args.text("compression") {
            Some("none") => Compression::UNCOMPRESSED,
            Some("lz4") => Compression::LZ4_RAW,
            _ => Compression::SNAPPY,
        },
    };
    let assemble = Box::new(move |parts: &mut Parts, file: File| {
        let fields: Vec<Field> = pieces.iter().map(|piece| piece.field.clone()).collect();
        let table = Table {
            schema: Arc::new(Schema::new(fields)),
            pieces: &pieces,
        };
        let sources = types.iter().map(|item_type| Source {
            item_type: item_type.clone(),
            items: VecDeque::new(),
            frames: VecDeque::new(),
        });
        let written = table.write(format, compression, sources.collect(), parts, file);
        written.map_err(|e| io::Error::other(e.to_string()))
    });
    let blueprint = Blueprint::new(Staged::of(args, true, assemble)?)
        .state(StateSpec::of(0u64))
        .ends(Ends::AnyInput);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

fn pieces(args: &Args) -> Result<Vec<Piece>, OpError> {
    let inputs = args.inputs();
    let names: Vec<String> = match (args.texts("columns"), inputs) {
        (Some(given), inputs) if given.len() != inputs.len() => {
            let message = format!(
                "`columns` has {} names, and there are {} inputs",
                given.len(),
                inputs.len()
            );
            return Err(OpError::param("columns", message));
        }
        (Some(given), _) => given.into_iter().map(str::to_owned).collect(),
        (None, inputs) => titles(inputs, "value"),
    };
    let mut pieces = Vec::new();
    for (k, (name, input)) in names.iter().zip(inputs).enumerate() {
        let mut push = |name: String, offset, scalar: Option<Scalar>, width: usize, data_type| {
            pieces.push(Piece {
                input: k,
                offset,
                scalar,
                width,
                field: measured(Field::new(name, data_type, false), input),
            });
        };
        match &input.item_type {
            ItemType::Text => push(name.clone(), 0, None, 1, DataType::Utf8),
            ItemType::Bytes => push(name.clone(), 0, None, 1, DataType::Binary),
            ItemType::Timed(_) | ItemType::TimedVector(..) => {
                let (scalar, count) = input.item_type.timed_values().unwrap_or((Scalar::F64, 1));
                let (part, width) = parts_of(scalar, count);
                push(
                    format!("{name}_t"),
                    0,
                    Some(Scalar::F64),
                    1,
                    DataType::Float64,
                );
                push(name.clone(), 8, Some(part), width, data_type(part, width));
            }
            other => {
                let (scalar, count) = other.elements().ok_or_else(|| {
                    let wanted = "numbers, vectors of them, timed items, text and bytes";
                    OpError::input_type(args.op().name, input, wanted)
                })?;
                let (part, width) = parts_of(scalar, count);
                let is_list = matches!(other, ItemType::Vector(..)) || scalar.is_complex();
                let data_type = match is_list {
                    true => list_type(part, width),
                    false => plain_type(part),
                };
                push(name.clone(), 0, Some(part), width, data_type);
            }
        }
    }
    Ok(pieces)
}

/// With the input's unit in the field's metadata; the times of timed items are in seconds.
fn measured(field: Field, input: &InputInfo) -> Field {
    let is_times = matches!(input.item_type, ItemType::Timed(_)) && field.name().ends_with("_t");
    let unit = match is_times {
        true => Some("s"),
        false => input.unit.as_deref(),
    };
    match unit {
        Some(unit) => field.with_metadata(HashMap::from([(UNIT.to_owned(), unit.to_owned())])),
        None => field,
    }
}

/// A complex number is two numbers.
fn parts_of(scalar: Scalar, count: usize) -> (Scalar, usize) {
    match scalar {
        Scalar::Cf32 => (Scalar::F32, 2 * count),
        Scalar::Cf64 => (Scalar::F64, 2 * count),
        scalar => (scalar, count),
    }
}

fn data_type(scalar: Scalar, width: usize) -> DataType {
    match width {
        1 => plain_type(scalar),
        width => list_type(scalar, width),
    }
}

fn list_type(scalar: Scalar, width: usize) -> DataType {
    let field = Field::new("item", plain_type(scalar), false);
    DataType::FixedSizeList(Arc::new(field), width as i32)
}

fn plain_type(scalar: Scalar) -> DataType {
    match scalar {
        Scalar::U8 => DataType::UInt8,
        Scalar::I8 => DataType::Int8,
        Scalar::U16 => DataType::UInt16,
        Scalar::I16 => DataType::Int16,
        Scalar::U32 => DataType::UInt32,
        Scalar::I32 => DataType::Int32,
        Scalar::U64 => DataType::UInt64,
        Scalar::I64 => DataType::Int64,
        Scalar::F32 | Scalar::Cf32 => DataType::Float32,
        Scalar::F64 | Scalar::Cf64 => DataType::Float64,
    }
}

impl Source {
    fn rows(&self) -> usize {
        match self.item_type.is_framed() {
            true => self.frames.len(),
            false => self.items.len() / self.item_type.len_bytes(),
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        match self.item_type.is_framed() {
            true => self.frames.extend(Frames::new(chunk).map(<[u8]>::to_vec)),
            false => self.items.extend(chunk),
        }
    }

    fn pass(&mut self, rows: usize) {
        match self.item_type.is_framed() {
            true => self.frames.drain(..rows).for_each(drop),
            false => drop(self.items.drain(..rows * self.item_type.len_bytes())),
        }
    }
}

/// A table as it is written.
struct Table<'a> {
    schema: Arc<Schema>,
    pieces: &'a [Piece],
}

/// Rows of a batch that is written at once, so that a file's bytes are a function of its rows alone.
const WRITE_BATCH: usize = 65_536;

impl Table<'_> {
    fn write(
        &self,
        format: Format,
        compression: Compression,
        sources: Vec<Source>,
        parts: &mut Parts,
        file: File,
    ) -> Result<(), ArrowError> {
        if format == Format::Arrow {
            let mut writer = FileWriter::try_new_buffered(file, &self.schema)?;
            self.each_batch(sources, parts, |batch| writer.write(&batch))?;
            return writer.finish();
        }
        let properties = WriterProperties::builder()
            .set_created_by("thalweg".to_owned())
            .set_compression(compression)
            .build();
        let mut writer = ArrowWriter::try_new(file, self.schema.clone(), Some(properties))?;
        self.each_batch(sources, parts, |batch| Ok(writer.write(&batch)?))?;
        writer.close()?;
        Ok(())
    }

    fn each_batch(
        &self,
        mut sources: Vec<Source>,
        parts: &mut Parts,
        mut write: impl FnMut(RecordBatch) -> Result<(), ArrowError>,
    ) -> Result<(), ArrowError> {
        let mut chunk = Vec::new();
        loop {
            let came = parts.next(&mut chunk)?;
            if let Some(k) = came {
                sources[k].take(&chunk);
            }
            let rows = sources.iter().map(Source::rows).min().unwrap_or(0);
            let least = if came.is_some() { WRITE_BATCH } else { 1 };
            let mut left = rows;
            while left >= least {
                let n = left.min(WRITE_BATCH);
                write(self.batch(&mut sources, n)?)?;
                sources.iter_mut().for_each(|source| source.pass(n));
                left -= n;
            }
            if came.is_none() {
                return Ok(());
            }
        }
    }

    fn batch(&self, sources: &mut [Source], rows: usize) -> Result<RecordBatch, ArrowError> {
        let columns = self
            .pieces
            .iter()
            .map(|piece| piece.column(&mut sources[piece.input], rows));
        RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_, _>>()?)
    }
}

impl Piece {
    fn column(&self, source: &mut Source, rows: usize) -> Result<ArrayRef, ArrowError> {
        let Some(scalar) = self.scalar else {
            let frames = source.frames.iter().take(rows);
            return Ok(match source.item_type {
                ItemType::Text => Arc::new(StringArray::from_iter_values(
                    frames.map(|f| String::from_utf8_lossy(f)),
                )),
                _ => Arc::new(BinaryArray::from_iter_values(frames)),
            });
        };
        let item_len = source.item_type.len_bytes();
        let len = scalar.len_bytes() * self.width;
        let items = source.items.make_contiguous();
        let mut numbers = MutableBuffer::with_capacity(rows * len);
        for item in items.chunks_exact(item_len).take(rows) {
            numbers.extend_from_slice(&item[self.offset..][..len]);
        }
        let numbers = ArrayData::builder(plain_type(scalar))
            .len(rows * self.width)
            .add_buffer(numbers.into())
            .build()?;
        Ok(match self.field.data_type() {
            DataType::FixedSizeList(..) => {
                let list = ArrayData::builder(self.field.data_type().clone())
                    .len(rows)
                    .add_child_data(numbers)
                    .build()?;
                make_array(list)
            }
            _ => make_array(numbers),
        })
    }
}

#[cfg(test)]
mod tests;
