//! `npy.read`, `npy.write`: NumPy's array files.
//!
//! The format is that of NumPy's `numpy.lib.format`, versions 1.0 to 3.0: a magic string, the header's
//! length, a Python dictionary of `descr`, `fortran_order` and `shape`, then the elements.

use std::io::Read;

use crate::agent::{Blueprint, InPort, OutPort, StateSpec};
use crate::connectors::files::{Reader, Target};
use crate::connectors::params::{READ_FILE, RECORDED_RATE, WRITE_FILE};
use crate::connectors::placed::Placed;
use crate::connectors::raw::part_len;
use crate::connectors::records::{Count, RecordReader, RecordWriter, in_order};
use crate::op::{Args, Arity, OpDef, OpError};
use crate::types::{ItemType, Scalar};

pub(super) mod columns;

use columns::{ColumnsReader, InFile};

/// The row of `npy.read`.
pub const NPY_READ: OpDef = OpDef {
    name: "npy.read",
    summary: "reads items from a NumPy file",
    doc: "One item per element of an array of shape (n,) or (n, 1), one vector per row of shape (n, k). Of more \
          dimensions, (n, j, k), an item is all that has one first index: a vector of j k numbers, the last index running fastest, as \
          `a.reshape(len(a), -1)`; a remark at the end says so. The item type is the array's: integers, floats of 4 and 8 bytes, complex, bool as u8; both byte orders, rows or \
          columns first (`fortran_order`). Refused: more than two dimensions columns first, half floats, strings, structures and \
          objects. Goes on at the committed item whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream of the array's type, of vectors if it has two dimensions or more",
    params: &[READ_FILE, RECORDED_RATE],
    example: "npy.read path=examples/data/formats/le_f8.npy ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `npy.write`.
pub const NPY_WRITE: OpDef = OpDef {
    name: "npy.write",
    summary: "writes items to a NumPy file",
    doc: "An array of shape (n,), or (n, k) of vectors, in the input's type, little-endian, rows first. An \
          existing file is replaced. The file is whole and readable after every step and written \
          exactly once whatever is killed; it must be a regular file.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[WRITE_FILE],
    example: "counter items=1000 ! npy.write path=/dev/null",
    deterministic: true,
    build: build_write,
};

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let reader = Reader::regular(args)?;
    let header = Header::read(&reader)?;
    let name = reader.name();
    let item_type = header.item_type().map_err(|why| refused(&name, &why))?;
    let record_len = item_type.len_bytes();
    header.check_len(&name, reader.len()?, record_len)?;
    let blueprint = match header.has_columns() {
        true => {
            let start = header.len_bytes;
            let elements = InFile {
                reader,
                start,
                file: None,
            };
            Blueprint::new(ColumnsReader::new(elements, &header))
        }
        false => Blueprint::new(RecordReader {
            reader,
            start: header.len_bytes,
            record_len,
            count: Count::Exactly(header.items()),
            convert: in_order(header.is_big_endian, part_len(header.scalar)),
            tags: Placed::default(),
        }),
    };
    let blueprint = blueprint
        .state(StateSpec::of(0u64))
        .output(OutPort::new(item_type, crate::connectors::rate(args)?));
    Ok(match header.is_flattened() {
        true => blueprint.remarks(|_| {
            Some(
                "gave items of several dimensions as vectors, the last index running fastest"
                    .to_owned(),
            )
        }),
        false => blueprint,
    })
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let (scalar, width) = input
        .item_type
        .elements()
        .ok_or_else(|| OpError::input_type("npy.write", input, "numbers or vectors of them"))?;
    let width = match input.item_type {
        ItemType::Vector(..) => Some(width),
        _ => None,
    };
    let agent = RecordWriter {
        target: Target::seekable(args)?,
        header: Box::new(move |items| Ok(header(scalar, width, items))),
        header_len: HEADER_LEN as u64,
        record_len: input.item_type.len_bytes(),
        convert: in_order(false, part_len(scalar)),
        pad_to: 1,
        records: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(0u64))
        .input(InPort::new(input.item_type.clone())))
}

/// Bytes of a written header: room for any shape, and a multiple of 64 as the format asks.
const HEADER_LEN: usize = 128;

/// Magic string, version and length: what precedes the dictionary in version 1.0.
const PREFIX_LEN: usize = 10;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Version 1.0; `width`: elements of a vector.
pub(super) fn header(scalar: Scalar, width: Option<usize>, items: u64) -> Vec<u8> {
    let shape = match width {
        None => format!("({items},)"),
        Some(width) => format!("({items}, {width})"),
    };
    let descr = descr(scalar);
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&[1, 0]);
    header.extend_from_slice(&((HEADER_LEN - PREFIX_LEN) as u16).to_le_bytes());
    header.extend_from_slice(dictionary.as_bytes());
    header.resize(HEADER_LEN - 1, b' ');
    header.push(b'\n');
    header
}

fn descr(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::U8 => "|u1",
        Scalar::I8 => "|i1",
        Scalar::U16 => "<u2",
        Scalar::I16 => "<i2",
        Scalar::U32 => "<u4",
        Scalar::I32 => "<i4",
        Scalar::U64 => "<u8",
        Scalar::I64 => "<i8",
        Scalar::F32 => "<f4",
        Scalar::F64 => "<f8",
        Scalar::Cf32 => "<c8",
        Scalar::Cf64 => "<c16",
    }
}

fn refused(name: &str, why: &str) -> OpError {
    OpError::param("path", format!("{name}: {why}"))
}

/// What a file's header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// The type of an element.
    pub(super) scalar: Scalar,
    /// The order of an element's bytes.
    pub(super) is_big_endian: bool,
    shape: Vec<u64>,
    /// Elements of a column lie side by side, not those of a row.
    is_columns_first: bool,
    /// Where the elements start.
    pub(super) len_bytes: u64,
}

impl Header {
    fn read(reader: &Reader) -> Result<Header, OpError> {
        let mut bytes = Vec::new();
        let outcome = reader.look()?.take(HEADER_LEN_MAX).read_to_end(&mut bytes);
        let name = reader.name();
        outcome.map_err(|e| refused(&name, &format!("cannot be read: {e}")))?;
        Header::parse(&bytes).map_err(|why| refused(&name, &why))
    }

    /// The header that a file begins with; what is wrong with it otherwise.
    pub(super) fn parse(bytes: &[u8]) -> Result<Header, String> {
        let cut_short = || "ends within its header: it was cut short".to_owned();
        if !bytes.starts_with(MAGIC) {
            return Err("is no NumPy file: it does not start with \\x93NUMPY".to_owned());
        }
        let (major, minor) = match bytes.get(6..8) {
            Some(version) => (version[0], version[1]),
            None => return Err(cut_short()),
        };
        let (start, len) = match (major, bytes.get(8..10), bytes.get(8..12)) {
            (1, Some(len), _) => (10, u64::from(u16::from_le_bytes([len[0], len[1]]))),
            (2 | 3, _, Some(len)) => {
                let len = u32::from_le_bytes([len[0], len[1], len[2], len[3]]);
                (12, u64::from(len))
            }
            (1..=3, ..) => return Err(cut_short()),
            _ => {
                return Err(format!(
                    "is of version {major}.{minor} of the format, and 1.0 to 3.0 are known"
                ));
            }
        };
        let len_bytes = start + len;
        if len_bytes > HEADER_LEN_MAX {
            return Err(format!(
                "has a header of {len_bytes} bytes, which no array of numbers needs"
            ));
        }
        let dictionary = bytes
            .get(start as usize..len_bytes as usize)
            .ok_or_else(cut_short)?;
        let dictionary = std::str::from_utf8(dictionary)
            .map_err(|_| "has a header that is not UTF-8".to_owned())?;
        Header::of_dictionary(dictionary, len_bytes)
    }

    fn of_dictionary(dictionary: &str, len_bytes: u64) -> Result<Header, String> {
        let descr = entry(dictionary, "descr")?;
        let descr = descr
            .strip_prefix('\'')
            .and_then(|d| d.split_once('\''))
            .ok_or("has elements of several fields; save one field as an array of its own (`np.save(file, a[\"field\"])`)")?
            .0;
        let (scalar, is_big_endian) = element(descr)?;
        let shape = shape(entry(dictionary, "shape")?)?;
        let order = entry(dictionary, "fortran_order")?;
        let is_columns_first = order.starts_with("True");
        if !is_columns_first && !order.starts_with("False") {
            return Err(format!(
                "has a header without an order of its elements: {:?}",
                dictionary.trim_end()
            ));
        }
        Ok(Header {
            scalar,
            is_big_endian,
            shape,
            is_columns_first,
            len_bytes,
        })
    }

    /// Elements, or rows.
    pub(super) fn items(&self) -> u64 {
        self.shape[0]
    }

    /// Elements of a row.
    pub(super) fn width(&self) -> u64 {
        self.shape[1..]
            .iter()
            .fold(1, |all, n| all.saturating_mul(*n))
    }

    /// What an item is; what is wrong with the array where it is none.
    pub(super) fn item_type(&self) -> Result<ItemType, String> {
        if self.is_flattened() && self.has_columns() {
            return Err(format!(
                "has {} dimensions, columns first, and more than two are read rows first; save it with `np.save(file, np.ascontiguousarray(a))`",
                self.shape.len()
            ));
        }
        match self.width() {
            1 => Ok(ItemType::Scalar(self.scalar)),
            width @ 2..=65_536 => Ok(ItemType::Vector(self.scalar, width as u32)),
            width => Err(format!(
                "has rows of {width} elements, and vectors have 1 to 65536"
            )),
        }
    }

    /// Items of several dimensions become vectors.
    pub(super) fn is_flattened(&self) -> bool {
        self.shape.len() > 2
    }

    /// Elements of a row are not side by side.
    pub(super) fn has_columns(&self) -> bool {
        self.is_columns_first && self.width() > 1
    }

    /// The bytes of header and elements.
    fn whole_len(&self, record_len: usize) -> u128 {
        u128::from(self.items()) * record_len as u128 + u128::from(self.len_bytes)
    }

    /// The file must hold what the header promises.
    fn check_len(&self, name: &str, found: u64, record_len: usize) -> Result<(), OpError> {
        let needed = self.whole_len(record_len);
        match u128::from(found) >= needed {
            true => Ok(()),
            false => Err(refused(
                name,
                &format!(
                    "is {found} bytes long, and its header promises {needed}: it was cut short"
                ),
            )),
        }
    }

    /// What is wrong with a file that must hold what the header promises, and nothing else.
    pub(super) fn check_whole(&self, found: u64, record_len: usize) -> Result<(), String> {
        let needed = self.whole_len(record_len);
        match u128::from(found) == needed {
            true => Ok(()),
            false => Err(format!(
                "is {found} bytes long, and its header promises {needed}: it is damaged"
            )),
        }
    }
}

/// A longer header is not of an array of numbers.
pub(super) const HEADER_LEN_MAX: u64 = 1 << 16;

/// What follows `'key':` in the dictionary.
fn entry<'a>(dictionary: &'a str, key: &str) -> Result<&'a str, String> {
    let quoted = format!("'{key}'");
    dictionary
        .split_once(&quoted)
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .map(str::trim_start)
        .ok_or_else(|| format!("has a header without {key}: {:?}", dictionary.trim_end()))
}

/// The scalar of a `descr`, and whether its bytes are big-endian.
fn element(descr: &str) -> Result<(Scalar, bool), String> {
    let unknown = || {
        format!(
            "has elements of type {descr:?}; known are bool, integers, f4 f8 and c8 c16; convert with `a.astype(\"f8\")`"
        )
    };
    let (order, kind) = descr.split_at_checked(1).ok_or_else(unknown)?;
    let is_big_endian = match order {
        "<" | "|" => false,
        ">" => true,
        _ => return Err(unknown()),
    };
    let scalar = match kind {
        "b1" => Some(Scalar::U8),
        _ => Scalar::ALL.into_iter().find(|s| descr_kind(*s) == kind),
    };
    Ok((scalar.ok_or_else(unknown)?, is_big_endian))
}

fn descr_kind(scalar: Scalar) -> &'static str {
    &descr(scalar)[1..]
}

/// The lengths in `(3, 4)`.
fn shape(text: &str) -> Result<Vec<u64>, String> {
    let bad = || format!("has a shape that is none: {:?}", text.trim_end());
    let (inner, _) = text
        .strip_prefix('(')
        .and_then(|t| t.split_once(')'))
        .ok_or_else(bad)?;
    let lengths = inner.split(',').map(str::trim).filter(|t| !t.is_empty());
    let shape: Result<Vec<u64>, _> = lengths.map(str::parse).collect();
    match shape {
        Ok(shape) if shape.is_empty() => Err("is a single number, and a stream needs an array; save it with `np.save(file, np.atleast_1d(a))`".to_owned()),
        Ok(shape) => Ok(shape),
        Err(_) => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
    use crate::testing::{Chunks, run};

    /// The end of a file's name, our type, and the items as the files' script makes them.
    fn types() -> Vec<(&'static str, &'static str, Vec<u8>)> {
        let n = |i: i64| 7 * i - 60;
        macro_rules! items {
            ($rust:ty) => {
                bytes(&(0..20).map(|i| n(i) as $rust).collect::<Vec<_>>())
            };
        }
        macro_rules! complex {
            ($rust:ty) => {{
                let parts = (0..20).flat_map(|i| [n(i) as $rust, -i as $rust]);
                bytes(&parts.collect::<Vec<_>>())
            }};
        }
        vec![
            ("u1", "u8", items!(u8)),
            ("i1", "i8", items!(i8)),
            ("u2", "u16", items!(u16)),
            ("i2", "i16", items!(i16)),
            ("u4", "u32", items!(u32)),
            ("i4", "i32", items!(i32)),
            ("u8", "u64", items!(u64)),
            ("i8", "i64", items!(i64)),
            ("f4", "f32", items!(f32)),
            ("f8", "f64", items!(f64)),
            ("c8", "cf32", complex!(f32)),
            ("c16", "cf64", complex!(f64)),
        ]
    }

    #[test]
    fn numpys_files_of_every_type_and_order_are_read() {
        for (name, item_type, items) in types() {
            for (chunks, order) in CUTS.iter().zip(["le", "be", "le", "be"]) {
                let path = format!("{order}_{name}.npy");
                let reader = source(&NPY_READ, &golden(), &path, None, &[]).unwrap();
                assert_eq!(reader.outputs[0].item_type.to_string(), item_type);
                assert!(read(reader, *chunks).unwrap() == items, "{path} {chunks:?}");
            }
        }
    }

    #[test]
    fn what_is_written_is_byte_for_byte_numpys_file() {
        let folder = tempfile::tempdir().unwrap();
        let rows = ("rows", "i32[3]", bytes(&(0..15i32).collect::<Vec<_>>()));
        for (name, item_type, items) in types().into_iter().chain([rows]) {
            let name = match name {
                "rows" => "rows.npy".to_owned(),
                name => format!("le_{name}.npy"),
            };
            let expected = std::fs::read(golden().join(&name)).unwrap();
            for chunks in CUTS {
                let input = (item_type, None);
                let writer = sink(&NPY_WRITE, folder.path(), "w.npy", input, &[]).unwrap();
                run(writer, std::slice::from_ref(&items), chunks, usize::MAX).unwrap();
                let found = std::fs::read(folder.path().join("w.npy")).unwrap();
                assert!(found == expected, "{name} {chunks:?}");
            }
        }
    }

    #[test]
    fn rows_are_vectors_and_older_versions_are_read() {
        let rows = source(&NPY_READ, &golden(), "rows.npy", None, &[]).unwrap();
        assert_eq!(rows.outputs[0].item_type.to_string(), "i32[3]");
        let expected = bytes(&(0..15i32).collect::<Vec<_>>());
        assert_eq!(read(rows, Chunks::Single).unwrap(), expected);
        let old = source(&NPY_READ, &golden(), "old.npy", None, &[]).unwrap();
        let expected = bytes(&[0.0, 0.5, 1.0, 1.5]);
        assert_eq!(read(old, Chunks::Whole).unwrap(), expected);
    }

    #[test]
    fn a_file_is_an_array_from_its_opening_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = sink(&NPY_WRITE, folder.path(), "w.npy", ("f64", None), &[]).unwrap();
        for taken in [0u64, 2] {
            let path = folder.path().join("w.npy");
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path);
            file.unwrap().set_len(128 + 8 * taken + 3).unwrap();
            let mut state = [taken];
            let state = crate::agent::State::new(bytemuck::cast_slice_mut(&mut state));
            writer.agent.attach(state).unwrap();
            let reader = source(&NPY_READ, folder.path(), "w.npy", None, &[]).unwrap();
            let found = read(reader, Chunks::Whole).unwrap();
            assert_eq!(found.len() as u64, 8 * taken);
        }
    }

    #[test]
    fn items_of_several_dimensions_are_vectors() {
        let folder = tempfile::tempdir().unwrap();
        let numbers: Vec<u8> = (0..12_i16).flat_map(i16::to_le_bytes).collect();
        let dictionary = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3, 2), }\n";
        let len = (dictionary.len() as u16).to_le_bytes();
        let file = [
            b"\x93NUMPY\x01\x00",
            &len[..],
            dictionary.as_bytes(),
            &numbers,
        ]
        .concat();
        std::fs::write(folder.path().join("a.npy"), file).unwrap();
        let reader = source(&NPY_READ, folder.path(), "a.npy", None, &[]).unwrap();
        assert_eq!(reader.outputs[0].item_type.to_string(), "i16[6]");
        let words = reader.remark.and_then(|remark| remark(&[]));
        assert!(words.unwrap().contains("several dimensions"));
        assert_eq!(read(reader, Chunks::Whole).unwrap(), numbers);
    }

    #[test]
    fn an_empty_stream_is_an_empty_array() {
        let folder = tempfile::tempdir().unwrap();
        let writer = sink(&NPY_WRITE, folder.path(), "w.npy", ("f64", None), &[]).unwrap();
        run(writer, &[vec![]], Chunks::Whole, usize::MAX).unwrap();
        let reader = source(&NPY_READ, folder.path(), "w.npy", None, &[]).unwrap();
        assert_eq!(read(reader, Chunks::Whole).unwrap(), b"");
    }

    #[test]
    fn a_file_cut_at_any_byte_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["le_f8.npy", "old.npy", "rows.npy"] {
            let whole = std::fs::read(golden().join(name)).unwrap();
            for len in cuts(whole.len()) {
                std::fs::write(folder.path().join("cut.npy"), &whole[..len]).unwrap();
                let error = source(&NPY_READ, folder.path(), "cut.npy", None, &[]).unwrap_err();
                assert_eq!(error.param.as_deref(), Some("path"), "{name} cut at {len}");
            }
        }
    }

    #[test]
    fn columns_first_gives_the_same_rows() {
        let rows = source(&NPY_READ, &golden(), "rows.npy", None, &[]).unwrap();
        let expected = read(rows, Chunks::Whole).unwrap();
        for chunks in CUTS {
            let columns = source(&NPY_READ, &golden(), "columns.npy", None, &[]).unwrap();
            assert_eq!(columns.outputs[0].item_type.to_string(), "i32[3]");
            assert_eq!(read(columns, chunks).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_array_of_numbers_says_what_it_is() {
        let cases = [
            (
                "'descr': '<f2', 'fortran_order': False, 'shape': (1,)",
                "type \"<f2\"",
            ),
            (
                "'descr': '|O', 'fortran_order': False, 'shape': (1,)",
                "type \"|O\"",
            ),
            (
                "'descr': '', 'fortran_order': False, 'shape': (1,)",
                "type \"\"",
            ),
            (
                "'descr': 'µ8', 'fortran_order': False, 'shape': (1,)",
                "type \"µ8\"",
            ),
            (
                "'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)",
                "several fields",
            ),
            (
                "'descr': '<f8', 'fortran_order': False, 'shape': ()",
                "a single number",
            ),
            (
                "'descr': '<f8', 'fortran_order': True, 'shape': (1, 2, 3)",
                "3 dimensions, columns first",
            ),
            (
                "'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 0)",
                "rows of 0",
            ),
            (
                "'descr': '<f8', 'fortran_order': False, 'shape': (1, 0)",
                "rows of 0",
            ),
            (
                "'descr': '<f8', 'fortran_order': False, 'shape': (-1,)",
                "a shape that is none",
            ),
            (
                "'descr': '<f8', 'fortran_order': False, 'shape': (1",
                "a shape that is none",
            ),
            ("'descr': '<f8', 'fortran_order': False", "without shape"),
            ("'descr': '<f8', 'shape': (1,)", "without fortran_order"),
            (
                "'descr': '<f8', 'fortran_order': Galse, 'shape': (1,)",
                "without an order",
            ),
            ("", "without descr"),
            (
                "'descr': '<c16', 'fortran_order': False, 'shape': (18446744073709551615,)",
                "cut short",
            ),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (entries, message) in cases {
            let dictionary = format!("{{{entries}, }}");
            let mut file = b"\x93NUMPY\x01\x00".to_vec();
            file.extend_from_slice(&(dictionary.len() as u16).to_le_bytes());
            file.extend_from_slice(dictionary.as_bytes());
            std::fs::write(folder.path().join("x.npy"), file).unwrap();
            let error = source(&NPY_READ, folder.path(), "x.npy", None, &[]).unwrap_err();
            assert!(
                error.message.contains(message),
                "{dictionary}: {}",
                error.message
            );
        }
    }
}
