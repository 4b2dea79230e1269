//! `npz.read`, `npz.write`: NumPy's archives of arrays.
//!
//! An `.npz` file is a ZIP archive of `.npy` files, each named as its array; `numpy.savez` stores them as they
//! are, `numpy.savez_compressed` deflates them. The `rawzip` crate reads and writes the archive's directory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use crate::agent::{Blueprint, InPort, OutPort, StateSpec};
use crate::connectors::files::Reader;
use crate::connectors::npy::columns::ColumnsReader;
use crate::connectors::npy::{self, Header};
use crate::connectors::params::{READ_FILE, RECORDED_RATE, WRITE_FILE};
use crate::connectors::placed::Placed;
use crate::connectors::raw::part_len;
use crate::connectors::records::{Count, RecordReader, in_order};
use crate::connectors::staged::{Parts, Staged};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, titles};
use crate::types::{ItemType, Scalar};

mod entry;
mod unpacked;

use entry::Entry;
use unpacked::{InMemory, Unpacked, is_bad_code, unpacked};

/// The row of `npz.read`.
pub const NPZ_READ: OpDef = OpDef {
    name: "npz.read",
    summary: "reads one array of a NumPy archive",
    doc: "As `npy.read`, of one array of an `.npz` file, compressed or not: an item per element, a vector per row. \
          Several arrays are read by as many agents. Goes on at the committed item whatever is killed; of a compressed \
          array a successor unpacks again what it passes over. The array's checksum is tested as it is read. One \
          with its columns first (`fortran_order`) is held in memory.",
    inputs: Arity::Source,
    outputs: "one stream of the array's type, of vectors if it has two dimensions or more",
    params: &[
        READ_FILE,
        ParamDef {
            name: "array",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "The array's name. Default: the only one there is.",
        },
        RECORDED_RATE,
    ],
    example: "npz.read path=examples/data/formats/packed.npz array=ramp ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `npz.write`.
pub const NPZ_WRITE: OpDef = OpDef {
    name: "npz.write",
    summary: "writes streams as arrays of a NumPy archive",
    doc: "An array for each input, of its own length, as `npy.write` writes it. During the run the \
          items gather in `PATH.parts`; the archive is made of them when all streams have ended (after Ctrl-C \
          too), and replaces an existing file. Written exactly once whatever is killed; it must be a regular file.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[
        WRITE_FILE,
        ParamDef {
            name: "arrays",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "The arrays' names. Without it `arr_0` of a single input, else the names of the streams, or those that a table `in` gives.",
        },
        ParamDef {
            name: "compressed",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Packs the arrays, as `numpy.savez_compressed` does.",
        },
    ],
    example: "counter items=1000 ! npz.write path=/tmp/counter.npz",
    deterministic: true,
    build: build_write,
};

fn refused(name: &str, why: impl std::fmt::Display) -> OpError {
    OpError::param("path", format!("{name}: {why}"))
}

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let reader = Reader::regular(args)?;
    let entry = Entry::of(args, &reader)?;
    let (name, file_len) = (reader.name(), reader.len()?);
    let called = entry.name.clone();
    let bad = |why: String| refused(&name, format!("the array {called:?} {why}"));
    if entry
        .start
        .checked_add(entry.packed_len)
        .is_none_or(|end| end > file_len)
    {
        return Err(bad(
            "goes on behind the file's end: it was cut short".to_owned()
        ));
    }
    if !matches!(
        entry.method,
        CompressionMethod::STORE | CompressionMethod::DEFLATE
    ) {
        return Err(bad(format!(
            "is packed by {}, and stored and deflated arrays are known",
            entry.method.name().unwrap_or("an unknown method")
        )));
    }
    let mut head = Vec::new();
    unpacked(&reader, &entry)?
        .take(npy::HEADER_LEN_MAX)
        .read_to_end(&mut head)
        .map_err(|e| match is_bad_code(&e) {
            true => bad("is damaged at its start".to_owned()),
            false => refused(&name, format!("cannot be read: {e}")),
        })?;
    let header = Header::parse(&head).map_err(bad)?;
    let item_type = header.item_type().map_err(bad)?;
    header
        .check_whole(entry.len, item_type.len_bytes())
        .map_err(bad)?;
    let array = Unpacked::new(reader, file_len, entry);
    let blueprint = match header.has_columns() {
        true => Blueprint::new(ColumnsReader::new(
            InMemory::new(array, header.len_bytes),
            &header,
        )),
        false => Blueprint::new(RecordReader {
            reader: array,
            start: header.len_bytes,
            record_len: item_type.len_bytes(),
            count: Count::Exactly(header.items()),
            convert: in_order(header.is_big_endian, part_len(header.scalar)),
            tags: Placed::default(),
        }),
    };
    Ok(blueprint
        .state(StateSpec::of(0u64))
        .output(OutPort::new(item_type, crate::connectors::rate(args)?)))
}

/// What an array is made of: its name, its numbers, and how many a vector has.
struct Array {
    name: String,
    scalar: Scalar,
    width: Option<usize>,
    item_len: usize,
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let names = array_names(args)?;
    let arrays = names.into_iter().zip(args.inputs()).map(|(name, input)| {
        let (scalar, width) = input
            .item_type
            .elements()
            .ok_or_else(|| OpError::input_type("npz.write", input, "numbers or vectors of them"))?;
        let is_vector = matches!(input.item_type, ItemType::Vector(..));
        Ok(Array {
            name,
            scalar,
            width: is_vector.then_some(width),
            item_len: input.item_type.len_bytes(),
        })
    });
    let arrays: Vec<Array> = arrays.collect::<Result<_, OpError>>()?;
    let is_packed = args.flag("compressed");
    let assemble =
        Box::new(move |parts: &mut Parts, file| write_archive(&arrays, is_packed, parts, file));
    let blueprint = Blueprint::new(Staged::of(args, false, assemble)?).state(StateSpec::of(0u64));
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

fn array_names(args: &Args) -> Result<Vec<String>, OpError> {
    let names: Vec<String> = match (args.texts("arrays"), args.inputs()) {
        (Some(given), inputs) if given.len() != inputs.len() => {
            let message = format!(
                "`arrays` has {} names, and there are {} inputs",
                given.len(),
                inputs.len()
            );
            return Err(OpError::param("arrays", message));
        }
        (Some(given), _) => given.into_iter().map(str::to_owned).collect(),
        (None, inputs) => titles(inputs, "arr_0"),
    };
    for (n, name) in names.iter().enumerate() {
        if name.is_empty() || name.contains(['/', '\\']) || names[..n].contains(name) {
            let message = format!("{name:?} is no array's name, or is there twice");
            return Err(OpError::param("arrays", message));
        }
    }
    Ok(names)
}

fn write_archive(
    arrays: &[Array],
    is_packed: bool,
    parts: &mut Parts,
    file: File,
) -> io::Result<()> {
    let mut lens = vec![0; arrays.len()];
    let mut chunk = Vec::new();
    while let Some(k) = parts.next(&mut chunk)? {
        lens[k] += chunk.len() as u64;
    }
    let method = match is_packed {
        true => CompressionMethod::DEFLATE,
        false => CompressionMethod::STORE,
    };
    let mut archive = ZipArchiveWriter::new(BufWriter::new(file));
    for (k, array) in arrays.iter().enumerate() {
        let path = format!("{}.npy", array.name);
        let file = archive.new_file(path.as_str()).compression_method(method);
        let (mut entry, config) = file.start().map_err(io::Error::other)?;
        let sums = match is_packed {
            true => {
                let packing = DeflateEncoder::new(&mut entry, Compression::default());
                let mut entry = config.wrap(packing);
                array.write(k, lens[k], parts, &mut entry)?;
                let (packing, sums) = entry.finish().map_err(io::Error::other)?;
                packing.finish()?;
                sums
            }
            false => {
                let mut entry = config.wrap(&mut entry);
                array.write(k, lens[k], parts, &mut entry)?;
                entry.finish().map_err(io::Error::other)?.1
            }
        };
        entry.finish(sums).map_err(io::Error::other)?;
    }
    archive.finish().map_err(io::Error::other)?.flush()
}

impl Array {
    /// Writes the file of the array whose items, of so many bytes, are those of input `k`.
    fn write(
        &self,
        k: usize,
        len_bytes: u64,
        parts: &mut Parts,
        file: &mut impl Write,
    ) -> io::Result<()> {
        let items = len_bytes / self.item_len as u64;
        file.write_all(&npy::header(self.scalar, self.width, items))?;
        parts.rewind()?;
        let mut chunk = Vec::new();
        while let Some(of) = parts.next(&mut chunk)? {
            if of == k {
                file.write_all(&chunk)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
