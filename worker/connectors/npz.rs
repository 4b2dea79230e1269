//! `npz.read`, `npz.write`: NumPy's archives of arrays.
//!
//! An `.npz` file is a ZIP archive of `.npy` files, each named as its array; `numpy.savez` stores them as they
//! are, `numpy.savez_compressed` deflates them. The `rawzip` crate reads and writes the archive's directory.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveWriter};

use crate::agent::{AgentError, Blueprint, InPort, OutPort, Outside, StateSpec};
use crate::connectors::files::{Bytes, CHUNK, Filled, Reader};
use crate::connectors::npy::{self, Header};
use crate::connectors::params::{READ_FILE, RECORDED_RATE, WRITE_FILE};
use crate::connectors::raw::part_len;
use crate::connectors::records::{Count, RecordReader, in_order};
use crate::connectors::staged::{Parts, Staged};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, nearest, titles};
use crate::types::{ItemType, Scalar};

/// The row of `npz.read`.
pub const NPZ_READ: OpDef = OpDef {
    name: "npz.read",
    summary: "reads one array of a NumPy archive",
    doc: "As `npy.read`, of one array of an `.npz` file, compressed or not: an item per element, a vector per row. \
          Several arrays are read by as many agents. Goes on at the committed item whatever is killed; of a compressed \
          array a successor unpacks again what it passes over. A compressed array's checksum is tested.",
    inputs: Arity::Source,
    outputs: "one stream of the array's type, of vectors if it has two dimensions",
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
    example: "npz.read path=tests/golden/files/packed.npz array=ramp ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `npz.write`.
pub const NPZ_WRITE: OpDef = OpDef {
    name: "npz.write",
    summary: "writes streams as arrays of a NumPy archive",
    doc: "An array for each input, of its own length, as `npy.write` writes it, uncompressed. During the run the \
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
    ],
    example: "counter items=1000 ! npz.write path=/tmp/counter.npz",
    deterministic: true,
    build: build_write,
};

/// Where an array lies in its archive.
struct Entry {
    method: CompressionMethod,
    /// The byte where its file begins, as packed.
    start: u64,
    packed_len: u64,
    len: u64,
    crc: u32,
}

fn refused(name: &str, why: impl std::fmt::Display) -> OpError {
    OpError::param("path", format!("{name}: {why}"))
}

impl Entry {
    fn of(args: &Args, reader: &Reader) -> Result<Entry, OpError> {
        let name = reader.name();
        let no_archive = |e| refused(&name, format!("is no NPZ file that can be read: {e}"));
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipArchive::from_file(reader.look()?, &mut buffer).map_err(no_archive)?;
        let (mut names, mut places, mut is_encrypted) = (Vec::new(), Vec::new(), Vec::new());
        let mut files = archive.entries(&mut buffer);
        while let Some(file) = files.next_entry().map_err(no_archive)? {
            names.push(String::from_utf8_lossy(file.file_path().as_bytes()).into_owned());
            places.push((file.wayfinder(), file.compression_method(), file.crc32()));
            is_encrypted.push(file.flags().is_encrypted());
        }
        let index = chosen(args, &names, &name)?;
        if is_encrypted[index] {
            return Err(refused(&name, "is encrypted"));
        }
        let (place, method, crc) = places[index];
        let file = archive.get_entry(place).map_err(no_archive)?;
        let (start, end) = file.compressed_data_range();
        Ok(Entry {
            method,
            start,
            packed_len: end - start,
            len: place.uncompressed_size_hint(),
            crc,
        })
    }
}

/// The place of the array that is asked for among the archive's files.
fn chosen(args: &Args, files: &[String], name: &str) -> Result<usize, OpError> {
    let array = |file: &String| file.strip_suffix(".npy").map(str::to_owned);
    let arrays: Vec<String> = files.iter().filter_map(array).collect();
    let of = |wanted: &str| {
        files
            .iter()
            .position(|file| array(file).as_deref() == Some(wanted))
    };
    match (args.text("array"), &arrays[..]) {
        (_, []) => Err(refused(name, "holds no array")),
        (None, [only]) => Ok(of(only).unwrap_or(0)),
        (None, arrays) => Err(OpError::param(
            "array",
            format!("{name} holds {} arrays", arrays.len()),
        )
        .with_help(format!("say which: {}", arrays.join(", ")))),
        (Some(wanted), arrays) => of(wanted).ok_or_else(|| {
            let candidates: Vec<&str> = arrays.iter().map(String::as_str).collect();
            let help = match nearest(wanted, &candidates) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("it has {}", candidates.join(", ")),
            };
            OpError::param("array", format!("{name} has no array {wanted:?}")).with_help(help)
        }),
    }
}

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let reader = Reader::regular(args)?;
    let entry = Entry::of(args, &reader)?;
    let (name, file_len) = (reader.name(), reader.len()?);
    if entry
        .start
        .checked_add(entry.packed_len)
        .is_none_or(|end| end > file_len)
    {
        return Err(refused(&name, "ends within the array: it was cut short"));
    }
    let cannot = |e: io::Error| refused(&name, format!("cannot be read: {e}"));
    let mut file = reader.look()?;
    file.seek(SeekFrom::Start(entry.start)).map_err(cannot)?;
    let packed = file.take(entry.packed_len);
    let mut head = Vec::new();
    match entry.method {
        CompressionMethod::STORE => packed.take(npy::HEADER_LEN_MAX).read_to_end(&mut head),
        CompressionMethod::DEFLATE => {
            let unpacked = DeflateDecoder::new(packed);
            unpacked.take(npy::HEADER_LEN_MAX).read_to_end(&mut head)
        }
        other => {
            return Err(refused(
                &name,
                format!(
                    "is packed by {}, and stored and deflated arrays are known",
                    other.name().unwrap_or("an unknown method")
                ),
            ));
        }
    }
    .map_err(cannot)?;
    let header = Header::parse(&head).map_err(|why| refused(&name, format!("its array {why}")))?;
    if header.is_columns_first && header.width() > 1 {
        let why = "its array has its columns first (fortran_order), which an archive cannot give row by row; save it with `np.ascontiguousarray(a)`";
        return Err(refused(&name, why.to_owned()));
    }
    let item_type = header
        .item_type()
        .map_err(|why| refused(&name, format!("its array {why}")))?;
    header.check_len(&name, entry.len, item_type.len_bytes())?;
    let agent = match entry.method {
        CompressionMethod::STORE => {
            let start = entry.start + header.len_bytes;
            Blueprint::new(record_reader(reader, start, &header, &item_type))
        }
        _ => {
            let unpacked = Unpacked::new(reader, file_len, entry);
            Blueprint::new(record_reader(
                unpacked,
                header.len_bytes,
                &header,
                &item_type,
            ))
        }
    };
    Ok(agent
        .state(StateSpec::of(0u64))
        .output(OutPort::new(item_type, crate::connectors::rate(args)?)))
}

fn record_reader<R: Bytes>(
    reader: R,
    start: u64,
    header: &Header,
    item_type: &ItemType,
) -> RecordReader<R> {
    RecordReader {
        reader,
        start,
        record_len: item_type.len_bytes(),
        count: Count::Exactly(header.items()),
        convert: in_order(header.is_big_endian, part_len(header.scalar)),
    }
}

/// The bytes of a deflated file in an archive. Going back is unpacking again from its start.
struct Unpacked {
    reader: Reader,
    /// The archive's length.
    archive_len: u64,
    entry: Entry,
    decoder: Option<DeflateDecoder<io::Take<File>>>,
    /// `buffer` are the unpacked bytes from `start` on.
    start: u64,
    buffer: Vec<u8>,
    checksum: crc32fast::Hasher,
}

impl Unpacked {
    fn new(reader: Reader, archive_len: u64, entry: Entry) -> Unpacked {
        Unpacked {
            reader,
            archive_len,
            entry,
            decoder: None,
            start: 0,
            buffer: Vec::new(),
            checksum: crc32fast::Hasher::new(),
        }
    }

    fn end(&self) -> u64 {
        self.start + self.buffer.len() as u64
    }

    fn restart(&mut self) -> Result<(), AgentError> {
        let mut file = self.reader.look().map_err(|e| AgentError::new(e.message))?;
        file.seek(SeekFrom::Start(self.entry.start))
            .map_err(|e| self.failed(&e))?;
        self.decoder = Some(DeflateDecoder::new(file.take(self.entry.packed_len)));
        self.start = 0;
        self.buffer.clear();
        self.checksum = crc32fast::Hasher::new();
        Ok(())
    }

    /// Unpacks some more; false at the end.
    fn unpack(&mut self) -> Result<bool, AgentError> {
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK, 0);
        let decoder = self
            .decoder
            .as_mut()
            .expect("attached before the first call");
        let outcome = decoder.read(&mut self.buffer[before..]);
        let read = outcome.map_err(|e| self.failed(&e))?;
        self.buffer.truncate(before + read);
        self.checksum.update(&self.buffer[before..]);
        let is_damaged = match self.end().cmp(&self.entry.len) {
            Ordering::Less => false,
            Ordering::Equal => self.checksum.clone().finalize() != self.entry.crc,
            Ordering::Greater => true,
        };
        if is_damaged {
            return Err(self.failed(&io::Error::other(
                "the array's length or checksum is another: it is damaged",
            )));
        }
        Ok(read > 0)
    }

    fn failed(&self, error: &io::Error) -> AgentError {
        AgentError::new(format!("{} cannot be read: {error}", self.reader.name()))
    }
}

impl Bytes for Unpacked {
    fn name(&self) -> String {
        self.reader.name()
    }

    fn open(&mut self, _: u64) -> Result<(), AgentError> {
        self.restart()
    }

    fn seek(&mut self, offset: u64) -> Result<(), AgentError> {
        match offset < self.start {
            true => self.restart(),
            false => Ok(()),
        }
    }

    fn bytes(&self, offset: u64) -> &[u8] {
        let skipped = (offset - self.start).min(self.buffer.len() as u64) as usize;
        &self.buffer[skipped..]
    }

    fn fill(&mut self, offset: u64) -> Result<Filled, AgentError> {
        loop {
            let unused = (offset - self.start).min(self.buffer.len() as u64) as usize;
            self.buffer.drain(..unused);
            self.start += unused as u64;
            if !self.unpack()? {
                return Ok(Filled::Ended);
            }
            if self.end() > offset {
                return Ok(Filled::Grew);
            }
        }
    }

    fn outside(&self, _: Range<u64>) -> Outside {
        self.reader.outside(0..self.archive_len)
    }
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
    let assemble = Box::new(move |parts: &mut Parts, file| write_archive(&arrays, parts, file));
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

fn write_archive(arrays: &[Array], parts: &mut Parts, file: File) -> io::Result<()> {
    let mut lens = vec![0; arrays.len()];
    let mut chunk = Vec::new();
    while let Some(k) = parts.next(&mut chunk)? {
        lens[k] += chunk.len() as u64;
    }
    let mut archive = ZipArchiveWriter::new(BufWriter::new(file));
    for (k, array) in arrays.iter().enumerate() {
        let path = format!("{}.npy", array.name);
        let file = archive.new_file(path.as_str());
        let stored = file.compression_method(CompressionMethod::STORE);
        let (entry, config) = stored.start().map_err(io::Error::other)?;
        let mut entry = config.wrap(entry);
        let items = lens[k] / array.item_len as u64;
        entry.write_all(&npy::header(array.scalar, array.width, items))?;
        parts.rewind()?;
        while let Some(of) = parts.next(&mut chunk)? {
            if of == k {
                entry.write_all(&chunk)?;
            }
        }
        let (entry, sums) = entry.finish().map_err(io::Error::other)?;
        entry.finish(sums).map_err(io::Error::other)?;
    }
    archive.finish().map_err(io::Error::other)?.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Agent, State};
    use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
    use crate::op::{InputInfo, Value};
    use crate::testing::{Chunks, Random, run};
    use std::path::Path;

    fn array(folder: &Path, file: &str, name: &str) -> Result<Blueprint, OpError> {
        source(
            &NPZ_READ,
            folder,
            file,
            None,
            &[("array", Value::from(name))],
        )
    }

    #[test]
    fn numpys_archives_are_read_packed_or_not() {
        let ramp = bytes(&(0..3000).map(|n| f64::from(n) / 8.0).collect::<Vec<_>>());
        let rows = bytes(&(0..15i32).collect::<Vec<_>>());
        for file in ["plain.npz", "packed.npz"] {
            for chunks in CUTS {
                let found = array(&golden(), file, "ramp").unwrap();
                assert!(read(found, chunks).unwrap() == ramp, "{file} {chunks:?}");
                let found = array(&golden(), file, "rows").unwrap();
                assert_eq!(found.outputs[0].item_type.to_string(), "i32[3]");
                assert!(read(found, chunks).unwrap() == rows, "{file} {chunks:?}");
            }
        }
    }

    #[test]
    fn a_successor_goes_on_at_the_committed_item() {
        for file in ["plain.npz", "packed.npz"] {
            for given in [1, 700, 2999, 3000] {
                let mut reader = array(&golden(), file, "ramp").unwrap();
                reader.state = StateSpec::of(given);
                let rest: Vec<f64> = (given..3000).map(|n| n as f64 / 8.0).collect();
                assert_eq!(read(reader, Chunks::Random(given)).unwrap(), bytes(&rest));
            }
        }
    }

    #[test]
    fn an_array_is_named_where_there_are_several() {
        let error = source(&NPZ_READ, &golden(), "plain.npz", None, &[]).unwrap_err();
        assert!(error.message.ends_with("plain.npz holds 2 arrays"));
        assert_eq!(error.help.as_deref(), Some("say which: ramp, rows"));
        let error = array(&golden(), "plain.npz", "rampe").unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean \"ramp\"?"));
        let error = array(&golden(), "le_f8.npy", "ramp").unwrap_err();
        assert!(
            error.message.contains("is no NPZ file"),
            "{}",
            error.message
        );
    }

    #[test]
    fn what_is_written_is_read_back_and_the_parts_are_gone() {
        let a = bytes(&(0..500i64).collect::<Vec<_>>());
        let b = bytes(&(0..90).map(|n| n as f32).collect::<Vec<_>>());
        for chunks in CUTS {
            let folder = tempfile::tempdir().unwrap();
            run(
                writer(folder.path()),
                &[a.clone(), b.clone()],
                chunks,
                usize::MAX,
            )
            .unwrap();
            let files = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(files, 1, "{chunks:?}");
            for (name, items) in [("a", &a), ("b", &b)] {
                let back = array(folder.path(), "w.npz", name).unwrap();
                assert!(read(back, chunks).unwrap() == *items, "{name} {chunks:?}");
            }
        }
    }

    /// A writer of an i64 `a` and an f32[3] `b` to `w.npz`.
    fn writer(folder: &Path) -> Blueprint {
        let inputs = [("a", "i64"), ("b", "f32[3]")].map(|(name, item_type)| InputInfo {
            naming: Default::default(),
            name: name.to_owned(),
            item_type: item_type.parse().unwrap(),
            rate: None,
            unit: None,
        });
        let given = [("path".to_owned(), Value::from("w.npz"))];
        let args = Args::new(&NPZ_WRITE, inputs.to_vec(), None, &given, folder).unwrap();
        build_write(&args).unwrap()
    }

    #[test]
    fn a_successor_finds_parts_or_the_file_that_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let attached = |written: u64| {
            let mut next = writer(folder.path()).agent;
            let mut state = [written];
            let state = State::new(bytemuck::cast_slice_mut(&mut state));
            next.attach(state).map(|()| next)
        };
        let finish = |agent: &mut Box<dyn Agent>, written: u64| {
            let mut state = [written];
            agent.finish(State::new(bytemuck::cast_slice_mut(&mut state)))
        };
        let chunk = [
            &0u64.to_le_bytes()[..],
            &8u64.to_le_bytes(),
            &5i64.to_le_bytes(),
        ]
        .concat();
        let parts = folder.path().join("w.npz.parts");
        std::fs::write(&parts, [&chunk[..], b"not committed"].concat()).unwrap();
        let mut killed = attached(24).unwrap();
        assert_eq!(std::fs::read(&parts).unwrap(), chunk);
        finish(&mut killed, 24).unwrap();
        let made = std::fs::read(folder.path().join("w.npz")).unwrap();
        assert!(!parts.exists());
        // It died after the file was made and before its end was committed.
        let mut again = attached(24).unwrap();
        finish(&mut again, 24).unwrap();
        assert_eq!(std::fs::read(folder.path().join("w.npz")).unwrap(), made);
        let back = array(folder.path(), "w.npz", "a").unwrap();
        assert_eq!(read(back, Chunks::Whole).unwrap(), bytes(&[5i64]));
        // A new run begins anew.
        attached(0).unwrap();
        assert!(!folder.path().join("w.npz").exists());
        std::fs::write(&parts, b"short").unwrap();
        assert!(attached(24).is_err());
    }

    #[test]
    fn a_damaged_archive_is_refused_or_ends_the_run_and_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let expected = read(
            array(&golden(), "packed.npz", "ramp").unwrap(),
            Chunks::Whole,
        )
        .unwrap();
        let outcome = |bytes: &[u8]| {
            std::fs::write(folder.path().join("bad.npz"), bytes).unwrap();
            let reader = array(folder.path(), "bad.npz", "ramp").ok()?;
            read(reader, Chunks::Whole).ok()
        };
        let whole = std::fs::read(golden().join("packed.npz")).unwrap();
        for len in cuts(whole.len()) {
            assert_eq!(outcome(&whole[..len]), None, "cut at {len}");
        }
        let mut random = Random::new(20_261_122);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
            if let Some(found) = outcome(&damaged) {
                assert!(found == expected, "byte {at}");
            }
        }
    }

    #[test]
    fn names_and_types_that_make_no_array_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = sink(&NPZ_WRITE, folder.path(), "w", ("text", None), &[]).unwrap_err();
        assert!(error.message.contains("its input is text"));
        let two = [("arrays", Value::List(vec!["a".into(), "b".into()]))];
        let error = sink(&NPZ_WRITE, folder.path(), "w", ("f64", None), &two).unwrap_err();
        assert_eq!(
            error.message,
            "`arrays` has 2 names, and there are 1 inputs"
        );
        let odd = [("arrays", Value::from("../a"))];
        assert!(sink(&NPZ_WRITE, folder.path(), "w", ("f64", None), &odd).is_err());
    }
}
