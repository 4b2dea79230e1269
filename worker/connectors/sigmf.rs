//! `sigmf.read`, `sigmf.notes`, `sigmf.write`: recordings of signals with their metadata.
//!
//! The format is SigMF 1.2 (<https://sigmf.org>): `NAME.sigmf-data` holds samples side by side, and
//! `NAME.sigmf-meta` says in JSON what they are: `global` their type and rate, `captures` where parts of the
//! recording begin, `annotations` what is at which samples.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytemuck::{Pod, Zeroable};
use serde_json::{Map, Value as Json, json};

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Outside, State, StateSpec, Status,
    Table,
};
use crate::connectors::files::{Reader, Readers, Target};
use crate::connectors::placed::Placed;
use crate::connectors::records::{Convert, Count, RecordReader, RecordWriter, in_order};
use crate::connectors::sound::picked;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::Tags;
use crate::types::{ItemType, Scalar};
use crate::units::{Unit, from_file};

mod archive;
mod offset;
mod sha512;
mod tags;

use sha512::sha512;
use tags::{CAPTURES_LEN_MAX, Captures, Note};

/// The row of `sigmf.read`.
pub const SIGMF_READ: OpDef = OpDef {
    name: "sigmf.read",
    summary: "reads the samples of a SigMF recording",
    doc: "One item per sample: f32 or f64 of real recordings, cf32 or cf64 of complex ones, vectors where there are \
          several channels. Integers become floats of which full scale is 1 (unsigned ones with their middle at 0), as the sigmf package \
          reads them; `dtype` keeps them: `i16` of a `ri16_le` recording, `i16[2]` of a `ci16_le` one. The stream's rate is \
          `core:sample_rate`, and its unit `thalweg:unit`, which `sigmf.write` writes. `core:dataset`, `core:header_bytes` and `core:trailing_bytes` are heeded; an archive \
          (`NAME.sigmf`, a tar file) is read as it is. Annotations are tags of the samples (docs/tags.md): at `core:sample_start`, with the key \
          `core:label`; the value is the `core:comment`, an object of the annotation's fields where it has others, or `true` where it has none. Captures are tags \
          `core:frequency`, `core:datetime` and `core:global_index`. `sigmf.write` makes the same annotations and captures of them; `sigmf.notes` reads both as text. Goes on at the committed \
          sample whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream of samples, tagged",
    params: &[
        PATH,
        ParamDef {
            name: "capture",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "",
            doc: "Reads the samples of this part of the recording alone, counting from 0. Default: all.",
        },
        ParamDef {
            name: "verify",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Holds the samples against `core:sha512` before the run, which reads all of them.",
        },
    ],
    example: "sigmf.read path=examples/data/formats/ci16.sigmf-meta ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `sigmf.notes`.
pub const SIGMF_NOTES: OpDef = OpDef {
    name: "sigmf.notes",
    summary: "reads the annotations of a SigMF recording",
    doc: "A text for each annotation (or capture) in the order of the file: its JSON object in one line, such as \
          `{\"core:sample_start\":48,\"core:sample_count\":16,\"core:label\":\"burst\"}`. `json.field` takes fields out of it. \
          Goes on at the committed one whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream of text",
    params: &[
        PATH,
        ParamDef {
            name: "of",
            kind: ParamKind::Choice(&["annotations", "captures"]),
            default: Some("annotations"),
            unit: "",
            doc: "Which of the two lists is read.",
        },
    ],
    example: "sigmf.notes path=examples/data/formats/ci16.sigmf-meta ! json.field path='\"core:label\"' ! print",
    deterministic: true,
    build: build_notes,
};

/// The row of `sigmf.write`.
pub const SIGMF_WRITE: OpDef = OpDef {
    name: "sigmf.write",
    summary: "writes a SigMF recording",
    doc: "Samples to `NAME.sigmf-data`, little-endian in the input's type, and metadata to `NAME.sigmf-meta`. A \
          vector's elements are channels, or with `complex = true` real and imaginary parts in turn (`i16[2]` \
          makes `ci16_le`). Types are u8 i8 u16 i16 u32 i32 f32 f64 cf32 cf64. A second input of text gives annotations, each \
          a JSON object with `core:sample_start`, in ascending order of it; without one, tags of the samples become annotations: the key is the `core:label`, the value the `core:comment` (none for `true`; an object's \
          fields are the annotation's). A tag `core:frequency`, `core:datetime` or `core:global_index` becomes a field of the capture that begins there. Existing files are replaced; both \
          are whole and readable after every step and written exactly once whatever is killed. They must be regular files; for a device there are no metadata.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[
        ParamDef {
            name: "path",
            kind: ParamKind::WritePath,
            default: None,
            unit: "",
            doc: "The recording's name, relative to the graph file, with or without `.sigmf-meta` or `.sigmf-data`.",
        },
        ParamDef {
            name: "rate",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "Samples per second. Default: the stream's rate; without any the recording does not say.",
        },
        ParamDef {
            name: "frequency",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "The centre frequency: `core:frequency` of the first capture; tags `core:frequency` begin others.",
        },
        ParamDef {
            name: "datetime",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "When the first sample was taken, as ISO 8601 (`2026-01-31T12:00:00Z`): `core:datetime` of the first capture.",
        },
        ParamDef {
            name: "description",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "What it is a recording of: `core:description`.",
        },
        ParamDef {
            name: "author",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "Who made it: `core:author`.",
        },
        ParamDef {
            name: "complex",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "A vector's elements are real and imaginary parts in turn.",
        },
        ParamDef {
            name: "sha512",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Writes `core:sha512` when the stream has ended, which reads all samples again.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! sigmf.write path=/dev/null",
    deterministic: true,
    build: build_write,
};

const PATH: ParamDef = ParamDef {
    name: "path",
    kind: ParamKind::ReadPath,
    default: None,
    unit: "",
    doc: "The recording's metadata (`NAME.sigmf-meta`), relative to the graph file; the samples lie beside it. Or an archive of both, `NAME.sigmf`.",
};

/// What the samples measure: no field of the core has it.
const UNIT: &str = "thalweg:unit";

const ENDINGS: [&str; 2] = [".sigmf-meta", ".sigmf-data"];

/// The path without the endings that a recording's two files have.
fn stem(path: &Path) -> String {
    let path = path.display().to_string();
    let bare = ENDINGS.iter().find_map(|ending| path.strip_suffix(ending));
    bare.map(str::to_owned).unwrap_or(path)
}

fn refused(name: &str, why: impl std::fmt::Display) -> OpError {
    OpError::param("path", format!("{name}: {why}"))
}

/// A recording as its metadata have it.
struct Recording {
    meta: Reader,
    name: String,
    global: Map<String, Json>,
    captures: Vec<Json>,
    annotations: Vec<Json>,
    /// Where the samples are, if there are any: annotations can be read without.
    data: Result<Data, OpError>,
}

/// The bytes of a file that are a recording's samples.
struct Data {
    path: PathBuf,
    start: u64,
    len_bytes: u64,
}

/// A file that is nothing but samples.
fn all_of(path: PathBuf) -> Result<Data, OpError> {
    let reader = Reader::at(path.clone())?;
    Ok(Data {
        path,
        start: 0,
        len_bytes: reader.len()?,
    })
}

/// Longer metadata are taken for another file.
const META_LEN_MAX: u64 = 256 << 20;

impl Recording {
    fn read(args: &Args) -> Result<Recording, OpError> {
        let path = args.path("path").unwrap_or_default();
        if path.extension().is_some_and(|ending| ending == "sigmf") {
            return Recording::packed(path);
        }
        let stem = stem(&path);
        let meta = Reader::at(PathBuf::from(format!("{stem}{}", ENDINGS[0])))?;
        let name = meta.name();
        let mut text = Vec::new();
        let outcome = meta.look()?.take(META_LEN_MAX).read_to_end(&mut text);
        outcome.map_err(|e| refused(&name, format!("cannot be read: {e}")))?;
        let beside = |file: Option<&str>| match file {
            None => all_of(PathBuf::from(format!("{stem}{}", ENDINGS[1]))),
            Some(file) => all_of(Path::new(&stem).with_file_name(file)),
        };
        Recording::of(meta, name, &text, beside)
    }

    /// The recording that an archive holds.
    fn packed(path: PathBuf) -> Result<Recording, OpError> {
        let archive = Reader::at(path.clone())?;
        let name = archive.name();
        let file = archive.look()?;
        let members = archive::members(&file, archive.len()?).map_err(|why| refused(&name, why))?;
        let metas = members.iter().filter(|m| m.name.ends_with(ENDINGS[0]));
        let metas: Vec<&archive::Member> = metas.collect();
        let &[meta] = metas.as_slice() else {
            let words = format!(
                "has {} files of metadata (`.sigmf-meta`), and one is read",
                metas.len()
            );
            return Err(refused(&name, words).with_help("unpack it: tar xf FILE"));
        };
        if meta.len_bytes > META_LEN_MAX {
            return Err(refused(
                &name,
                format!("has {} bytes of metadata", meta.len_bytes),
            ));
        }
        let mut text = vec![0; meta.len_bytes as usize];
        file.read_exact_at(&mut text, meta.start)
            .map_err(|e| refused(&name, format!("cannot be read: {e}")))?;
        let stem = meta.name.strip_suffix(ENDINGS[0]).unwrap_or_default();
        let beside = |named: Option<&str>| {
            let wanted = match named {
                None => format!("{stem}{}", ENDINGS[1]),
                Some(file) => Path::new(stem).with_file_name(file).display().to_string(),
            };
            let data = members.iter().find(|member| member.name == wanted);
            let data = data.ok_or_else(|| refused(&name, format!("holds no {wanted}")))?;
            Ok(Data {
                path: path.clone(),
                start: data.start,
                len_bytes: data.len_bytes,
            })
        };
        Recording::of(archive, name.clone(), &text, beside)
    }

    /// `beside` finds the samples: those of the same name, or of a file that the metadata name.
    fn of(
        meta: Reader,
        name: String,
        text: &[u8],
        beside: impl FnOnce(Option<&str>) -> Result<Data, OpError>,
    ) -> Result<Recording, OpError> {
        let document: Json =
            serde_json::from_slice(text).map_err(|e| refused(&name, format!("is no JSON: {e}")))?;
        let Some(Json::Object(global)) = document.get("global") else {
            return Err(refused(
                &name,
                "has no object `global`, which every SigMF recording has",
            ));
        };
        let first = offset::of(global).map_err(|why| refused(&name, why))?;
        let list = |key: &str| match document.get(key) {
            None => Ok(Vec::new()),
            Some(Json::Array(list)) if list.iter().all(Json::is_object) => {
                offset::left_out(key, list.clone(), first).map_err(|why| refused(&name, why))
            }
            Some(_) => Err(refused(&name, format!("`{key}` is no list of objects"))),
        };
        let dataset = match global.get("core:dataset").map(Json::as_str) {
            None => None,
            Some(Some(file)) if !file.contains('/') => Some(file),
            Some(_) => return Err(refused(&name, "`core:dataset` is no file's name")),
        };
        let data = beside(dataset);
        Ok(Recording {
            captures: list("captures")?,
            annotations: list("annotations")?,
            global: global.clone(),
            data,
            meta,
            name,
        })
    }

    fn data(&self) -> Result<&Data, OpError> {
        self.data.as_ref().map_err(Clone::clone)
    }

    /// Refuses samples that are not those which the metadata were made for.
    fn verify(&self, reader: &Reader) -> Result<(), OpError> {
        let data = self.data()?;
        let refused = |why: String| OpError::param("verify", format!("{}: {why}", self.name));
        let given = self.global.get("core:sha512").and_then(Json::as_str);
        let given = given.ok_or_else(|| refused("has no `core:sha512`".to_owned()))?;
        let mut file = reader.look()?;
        let found = file
            .seek(SeekFrom::Start(data.start))
            .and_then(|_| sha512((&file).take(data.len_bytes)));
        let found = found.map_err(|e| refused(format!("the samples cannot be read: {e}")))?;
        match given.eq_ignore_ascii_case(&found) {
            true => Ok(()),
            false => Err(refused(format!(
                "`core:sha512` is {given:.12}.., and that of {} is {found:.12}..: they are other samples",
                data.path.display()
            ))),
        }
    }

    /// A number of `global`, absent where it is not there.
    fn number(&self, key: &str) -> Result<Option<f64>, OpError> {
        match self.global.get(key) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) if number > 0.0 => Ok(Some(number)),
                _ => Err(refused(
                    &self.name,
                    format!("`{key}` is {value}, and should be a number above 0"),
                )),
            },
        }
    }

    fn layout(&self) -> Result<Layout, OpError> {
        let datatype = self.global.get("core:datatype").and_then(Json::as_str);
        let datatype = datatype.ok_or_else(|| refused(&self.name, "has no `core:datatype`"))?;
        let channels = self.number("core:num_channels")?.unwrap_or(1.0);
        if channels.fract() != 0.0 || channels > 32_768.0 {
            return Err(refused(
                &self.name,
                format!(
                    "`core:num_channels` is {channels}, and should be a whole number up to 32768"
                ),
            ));
        }
        let layout = Layout::of(datatype, channels as u32);
        layout.ok_or_else(|| {
            refused(
                &self.name,
                format!(
                    "`core:datatype` is {datatype:?}, and should be such as cf32_le, ri16_be or cu8"
                ),
            )
        })
    }

    /// A count of bytes or samples in one of the captures or annotations.
    fn count(&self, list: &str, nth: usize, entry: &Json, key: &str) -> Result<u64, OpError> {
        match entry.get(key) {
            None => Ok(0),
            Some(value) => value.as_u64().ok_or_else(|| {
                refused(
                    &self.name,
                    format!(
                        "`{key}` of {list}[{nth}] is {value}, and should be a whole number from 0"
                    ),
                )
            }),
        }
    }

    /// The samples that the entries of a list begin at: not behind the last of `all`, where that is known, and in ascending order.
    fn starts(
        &self,
        list: &str,
        entries: &[Json],
        all: Option<(u64, &Data)>,
    ) -> Result<Vec<u64>, OpError> {
        const KEY: &str = "core:sample_start";
        let mut starts: Vec<u64> = Vec::new();
        for (nth, entry) in entries.iter().enumerate() {
            let start = self.count(list, nth, entry, KEY)?;
            let last = starts.last().copied().unwrap_or(0);
            if start < last {
                return Err(refused(
                    &self.name,
                    format!(
                        "`{KEY}` of {list}[{nth}] is {start}, and of the one before it {last}: SigMF has them in ascending order"
                    ),
                ));
            }
            if let Some((all, data)) = all
                && start > all
            {
                return Err(refused(
                    &self.name,
                    format!(
                        "`{KEY}` of {list}[{nth}] is {start}, and {} holds {all} samples: it was cut short, or is another",
                        data.path.display()
                    ),
                ));
            }
            starts.push(start);
        }
        Ok(starts)
    }

    /// How many samples there are at most, where there are any and their layout is known.
    fn all(&self) -> Option<(u64, &Data)> {
        let data = self.data.as_ref().ok()?;
        let sample_len = self.layout().ok()?.sample_len() as u64;
        Some((data.len_bytes / sample_len, data))
    }

    /// Which bytes of the data hold the samples that are asked for.
    fn part(&self, args: &Args, sample_len: u64) -> Result<Part, OpError> {
        let place = self.data()?;
        let data_len = place.len_bytes;
        let headers = self
            .captures
            .iter()
            .enumerate()
            .map(|(nth, capture)| self.count("captures", nth, capture, "core:header_bytes"));
        let headers: Vec<u64> = headers.collect::<Result<_, _>>()?;
        let trailing = self.number("core:trailing_bytes")?.unwrap_or(0.0) as u64;
        let beside = headers
            .iter()
            .try_fold(trailing, |sum, n| sum.checked_add(*n));
        let Some(samples_len) = beside.and_then(|beside| data_len.checked_sub(beside)) else {
            return Err(refused(
                &self.name,
                "says that there are more bytes beside the samples than there are in all",
            ));
        };
        let data = place.path.display();
        if samples_len % sample_len != 0 {
            return Err(OpError::param(
                "path",
                format!(
                    "{data} ends within a sample: {} bytes are left, and a sample has {sample_len}; it was cut short, or `core:datatype` is another",
                    samples_len % sample_len
                ),
            ));
        }
        let all = samples_len / sample_len;
        let starts = self.starts("captures", &self.captures, Some((all, place)))?;
        let chosen = args.count("capture", 0)?;
        let (first, k) = match chosen {
            None if headers.iter().skip(1).any(|n| *n > 0) => {
                return Err(OpError::param(
                    "capture",
                    "there are other bytes between the captures",
                )
                .with_help("read one of them: capture = 0"));
            }
            None => (0, 0),
            Some(k) => match starts.get(k as usize) {
                Some(start) => (*start, k as usize),
                None => {
                    return Err(OpError::param(
                        "capture",
                        format!(
                            "`capture` is {k}, and the recording has {} (they count from 0)",
                            starts.len()
                        ),
                    ));
                }
            },
        };
        let end = match chosen {
            Some(_) => starts.get(k + 1).copied().unwrap_or(all),
            None => all,
        };
        let before: u64 = headers.iter().take(k + 1).sum();
        Ok(Part {
            start: place.start + before + first * sample_len,
            first,
            samples: end - first,
            is_last: end == all,
        })
    }

    /// Captures and annotations that begin in a part of the samples, as tags.
    fn tags(&self, part: &Part) -> Placed {
        let captures = self.captures.iter();
        let captures = captures.flat_map(|capture| tags::of_capture(capture, part.first));
        let annotations = self.annotations.iter();
        let annotations = annotations.filter_map(|note| tags::of_annotation(note, part.first));
        let tags = captures.chain(annotations);
        let tags = tags.filter(|tag| part.is_last || tag.position < part.samples);
        Placed::new(tags.collect())
    }
}

/// Where samples lie.
struct Part {
    /// The byte of the first.
    start: u64,
    /// Which sample of the recording that is.
    first: u64,
    samples: u64,
    /// They end where the recording ends.
    is_last: bool,
}

/// How a sample is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// What its numbers are, without regard to complex ones.
    number: Scalar,
    is_complex: bool,
    is_big_endian: bool,
    channels: u32,
}

impl Layout {
    fn of(datatype: &str, channels: u32) -> Option<Layout> {
        let (kind, rest) = datatype.split_at_checked(1)?;
        let (name, order) = match rest.split_once('_') {
            Some((name, order)) => (name, Some(order)),
            None => (rest, None),
        };
        let number = NUMBERS.into_iter().find(|number| number.name() == name)?;
        let is_big_endian = match order {
            Some("le") => false,
            Some("be") => true,
            None if number.len_bytes() == 1 => false,
            _ => return None,
        };
        Some(Layout {
            number,
            is_complex: match kind {
                "c" => true,
                "r" => false,
                _ => return None,
            },
            is_big_endian,
            channels,
        })
    }

    /// As `core:datatype` spells it.
    fn datatype(&self) -> String {
        let kind = if self.is_complex { 'c' } else { 'r' };
        let order = if self.number.len_bytes() == 1 {
            ""
        } else {
            "_le"
        };
        format!("{kind}{}{order}", self.number)
    }

    /// Numbers of one sample.
    fn width(&self) -> u32 {
        self.channels * if self.is_complex { 2 } else { 1 }
    }

    fn sample_len(&self) -> usize {
        self.number.len_bytes() * self.width() as usize
    }

    /// Samples as floats.
    fn floats(&self, is_wide: bool) -> ItemType {
        let scalar = match (self.is_complex, is_wide) {
            (false, false) => Scalar::F32,
            (false, true) => Scalar::F64,
            (true, false) => Scalar::Cf32,
            (true, true) => Scalar::Cf64,
        };
        of_width(scalar, self.channels)
    }

    /// What samples are given as, and how they become that.
    fn items(&self, dtype: Option<&ItemType>) -> Result<(ItemType, Convert), OpError> {
        let is_wide = self.number == Scalar::F64;
        let kept = match self.number.is_float() {
            true => self.floats(is_wide),
            false => of_width(self.number, self.width()),
        };
        let (narrow, wide) = (self.floats(false), self.floats(true));
        let wanted = dtype.cloned().unwrap_or_else(|| self.floats(is_wide));
        let convert = match &wanted {
            wanted if *wanted == kept => in_order(self.is_big_endian, self.number.len_bytes()),
            wanted if *wanted == wide => self.convert(true),
            wanted if *wanted == narrow => self.convert(false),
            other => {
                let integers = match self.number.is_float() {
                    true => String::new(),
                    false => format!(" or {kept}"),
                };
                let message = format!(
                    "`dtype` is {other}, and samples of this recording are read as {narrow}, {wide}{integers}"
                );
                return Err(OpError::param("dtype", message));
            }
        };
        Ok((wanted, convert))
    }

    /// To floats, full scale to 1.
    fn convert(&self, is_wide: bool) -> Convert {
        let big = self.is_big_endian;
        match self.number {
            Scalar::U8 => floats(big, is_wide, |b| {
                (f64::from(u8::from_le_bytes(b)) - 128.0) / 128.0
            }),
            Scalar::I8 => floats(big, is_wide, |b| f64::from(i8::from_le_bytes(b)) / 128.0),
            Scalar::U16 => floats(big, is_wide, |b| {
                (f64::from(u16::from_le_bytes(b)) - 32_768.0) / 32_768.0
            }),
            Scalar::I16 => floats(big, is_wide, |b| {
                f64::from(i16::from_le_bytes(b)) / 32_768.0
            }),
            Scalar::U32 => floats(big, is_wide, |b| {
                (f64::from(u32::from_le_bytes(b)) - 2_147_483_648.0) / 2_147_483_648.0
            }),
            Scalar::I32 => floats(big, is_wide, |b| {
                f64::from(i32::from_le_bytes(b)) / 2_147_483_648.0
            }),
            Scalar::F32 => floats(big, is_wide, |b| f64::from(f32::from_le_bytes(b))),
            _ => floats(big, is_wide, f64::from_le_bytes),
        }
    }
}

/// The numbers that samples can be made of.
const NUMBERS: [Scalar; 8] = [
    Scalar::U8,
    Scalar::I8,
    Scalar::U16,
    Scalar::I16,
    Scalar::U32,
    Scalar::I32,
    Scalar::F32,
    Scalar::F64,
];

fn of_width(scalar: Scalar, width: u32) -> ItemType {
    match width {
        1 => ItemType::Scalar(scalar),
        width => ItemType::Vector(scalar, width),
    }
}

fn floats<const N: usize>(
    is_big_endian: bool,
    is_wide: bool,
    value: impl Fn([u8; N]) -> f64 + Copy + 'static,
) -> Convert {
    let reversed = move |mut bytes: [u8; N]| {
        bytes.reverse();
        value(bytes)
    };
    match (is_big_endian, is_wide) {
        (false, true) => picked(None, value),
        (false, false) => picked(None, move |bytes| value(bytes) as f32),
        (true, true) => picked(None, reversed),
        (true, false) => picked(None, move |bytes| reversed(bytes) as f32),
    }
}

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let recording = Recording::read(args)?;
    if recording.global.get("core:metadata_only") == Some(&Json::Bool(true)) {
        return Err(refused(
            &recording.name,
            "is of metadata only: there are no samples",
        ));
    }
    let layout = recording.layout()?;
    let (item_type, convert) = layout.items(args.dtype())?;
    let rate = recording.number("core:sample_rate")?;
    // Integers of which full scale becomes 1 do not measure that any more.
    let is_as_stored = layout.number.is_float() || args.dtype().is_some();
    let unit = recording.global.get(UNIT).and_then(Json::as_str);
    let unit = Unit::maybe(unit.filter(|_| is_as_stored).and_then(from_file));
    let reader = Reader::at(recording.data()?.path.clone())?;
    let part = recording.part(args, layout.sample_len() as u64)?;
    let tags = recording.tags(&part);
    let has_tags = !tags.is_empty();
    if args.flag("verify") {
        recording.verify(&reader)?;
    }
    let agent = RecordReader {
        reader,
        start: part.start,
        record_len: layout.sample_len(),
        count: Count::Exactly(part.samples),
        convert,
        tags,
    };
    Ok(Blueprint::new(agent)
        .tags(match has_tags {
            true => Tags::Made,
            false => Tags::Carried,
        })
        .state(StateSpec::of(0u64))
        .output(OutPort::new(item_type, rate).unit(unit)))
}

fn build_notes(args: &Args) -> Result<Blueprint, OpError> {
    let recording = Recording::read(args)?;
    let (name, list) = match args.text("of") {
        Some("captures") => ("captures", &recording.captures),
        _ => ("annotations", &recording.annotations),
    };
    recording.starts(name, list, recording.all())?;
    let agent = NotesReader {
        notes: list.iter().map(Json::to_string).collect(),
        len_bytes: recording.meta.len()?,
        meta: recording.meta,
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(0u64))
        .output(OutPort::new(ItemType::Text, None)))
}

/// State: how many notes were given (`u64`).
struct NotesReader {
    meta: Reader,
    len_bytes: u64,
    notes: Vec<String>,
}

impl Agent for NotesReader {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let given = io.state.get::<u64>();
        while let Some(note) = self.notes.get(*given as usize) {
            if !io.outputs[0].give_text(note) {
                return Ok(Status::More);
            }
            *given += 1;
        }
        Ok(Status::Done)
    }

    fn outside(&self, _: &[u8]) -> Outside {
        self.meta.outside(0..self.len_bytes)
    }
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let notes = match args.inputs() {
        [_] => None,
        [_, notes] if notes.item_type == ItemType::Text => Some(notes),
        [_, notes] => {
            let message = format!(
                "`sigmf.write` takes annotations as text, and {} is {}",
                notes.called(),
                notes.item_type
            );
            return Err(OpError::param("in", message));
        }
        inputs => {
            let message = format!(
                "`sigmf.write` takes samples and annotations, and has {} inputs",
                inputs.len()
            );
            return Err(OpError::param("in", message));
        }
    };
    let layout = written_layout(args)?;
    let path = args.path("path").unwrap_or_default();
    let is_device = fs::metadata(&path).is_ok_and(|m| !m.is_file() && !m.is_dir());
    let mut data_path = PathBuf::new();
    let (data, meta) = match is_device {
        true => (Target::checked(path)?, None),
        false => {
            let [meta, data] =
                ENDINGS.map(|ending| PathBuf::from(format!("{}{ending}", stem(&path))));
            data_path = data.clone();
            (Target::checked(data)?, Some(Target::checked(meta)?))
        }
    };
    let record_len = layout.sample_len();
    let [first, global] = head(args, &layout)?;
    let captures = Captures::new(first);
    let is_hashed = args.flag("sha512") && meta.is_some();
    let agent = SigmfWriter {
        hashed: is_hashed.then_some(data_path),
        tail: tail(&captures, &global),
        captures,
        global,
        samples: RecordWriter {
            target: data,
            header: Box::new(|_| Ok(Vec::new())),
            header_len: 0,
            record_len,
            convert: in_order(false, layout.number.len_bytes()),
            pad_to: 1,
            records: Vec::new(),
        },
        meta,
        takes_tags: notes.is_none(),
    };
    let blueprint = Blueprint::new(agent)
        .state(StateSpec::head_and_table(
            Taken::zeroed(),
            &[0u8; CAPTURES_LEN_MAX],
        ))
        .input(InPort::new(input.item_type.clone()));
    Ok(match notes {
        Some(_) => blueprint.input(InPort::new(ItemType::Text)),
        None => blueprint.tags(Tags::Read),
    })
}

fn written_layout(args: &Args) -> Result<Layout, OpError> {
    let input = args.input();
    let wanted = "numbers of 8 to 32 bits, f64, complex numbers or vectors of them";
    let (scalar, width) = input
        .item_type
        .elements()
        .filter(|(scalar, _)| !matches!(scalar, Scalar::I64 | Scalar::U64))
        .ok_or_else(|| OpError::input_type("sigmf.write", input, wanted))?;
    let in_pairs = args.flag("complex");
    if in_pairs && (scalar.is_complex() || width % 2 != 0) {
        let message = format!(
            "`complex` is true, and {} is no row of real and imaginary parts",
            input.item_type
        );
        return Err(OpError::param("complex", message));
    }
    Ok(Layout {
        number: match scalar {
            Scalar::Cf32 => Scalar::F32,
            Scalar::Cf64 => Scalar::F64,
            number => number,
        },
        is_complex: in_pairs || scalar.is_complex(),
        is_big_endian: false,
        channels: width as u32 / if in_pairs { 2 } else { 1 },
    })
}

/// The first capture, and `global`.
fn head(args: &Args, layout: &Layout) -> Result<[Map<String, Json>; 2], OpError> {
    let rate = crate::connectors::rate(args)?.or(args.input().rate);
    let mut global = Map::new();
    global.insert("core:version".to_owned(), json!("1.2.0"));
    global.insert("core:datatype".to_owned(), json!(layout.datatype()));
    if layout.channels > 1 {
        global.insert("core:num_channels".to_owned(), json!(layout.channels));
    }
    if let Some(rate) = rate {
        global.insert("core:sample_rate".to_owned(), json!(rate));
    }
    if let Some(unit) = &args.input().unit {
        global.insert(
            "core:extensions".to_owned(),
            json!([{"name": "thalweg", "version": "1.0.0", "optional": true}]),
        );
        global.insert(UNIT.to_owned(), json!(unit));
    }
    for key in ["description", "author"] {
        if let Some(text) = args.text(key) {
            global.insert(format!("core:{key}"), json!(text));
        }
    }
    global.insert("core:recorder".to_owned(), json!("thalweg"));
    let mut capture = Map::new();
    capture.insert("core:sample_start".to_owned(), json!(0));
    if let Some(frequency) = args.float("frequency") {
        capture.insert("core:frequency".to_owned(), json!(frequency));
    }
    if let Some(datetime) = args.text("datetime") {
        capture.insert("core:datetime".to_owned(), json!(datetime));
    }
    Ok([capture, global])
}

/// The metadata up to the first annotation.
const HEAD: &[u8] = b"{\n\"annotations\": [";

/// What closes the metadata.
fn tail(captures: &Captures, global: &Map<String, Json>) -> Vec<u8> {
    let (captures, global) = (captures.to_json(), Json::Object(global.clone()));
    format!("\n],\n\"captures\": {captures:#},\n\"global\": {global:#}\n}}\n").into_bytes()
}

/// The state of `sigmf.write`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Taken {
    /// Samples that are written.
    samples: u64,
    /// Bytes of annotations that are written.
    notes_len: u64,
    /// The sample that the last annotation begins at.
    last_start: u64,
    /// Bytes of what tags said of captures.
    captures_len: u64,
}

/// State: [`Taken`], and what tags said of captures: [`Captures`].
struct SigmfWriter {
    samples: RecordWriter,
    /// Absent where samples go to a device.
    meta: Option<Target>,
    captures: Captures,
    /// Its second input is of tags, not of annotations.
    takes_tags: bool,
    global: Map<String, Json>,
    /// What closes the metadata, for now.
    tail: Vec<u8>,
    /// The file of samples, if it is hashed at the end.
    hashed: Option<PathBuf>,
}

impl SigmfWriter {
    /// Writes the annotations that have come, and what closes the metadata behind them.
    fn take_notes(&mut self, notes: &mut Input, mut state: State<'_>) -> Result<(), AgentError> {
        let (taken, mut table) = state.head_and_table::<Taken, u8>();
        let committed = taken.captures_len as usize;
        self.captures.catch_up(&table.as_slice()[..committed]);
        let mut text = Vec::new();
        for (n, note) in notes.frames().enumerate() {
            let of_tag = self.takes_tags.then(|| Note::of_frame(note)).transpose()?;
            let note = match &of_tag {
                None => note,
                Some(Note::Annotation(note)) => note,
                Some(Note::Capture(start, fields)) => {
                    let line = self.captures.note(*start, fields.clone());
                    add_line(taken, &mut table, &line)?;
                    continue;
                }
            };
            let start = start_of(note, taken.last_start).map_err(|why| {
                AgentError::new(format!("annotation {} {why}", notes.position() + n as u64))
            })?;
            taken.last_start = start;
            let is_first = taken.notes_len == 0 && text.is_empty();
            text.extend_from_slice(if is_first { b"\n" } else { b",\n" });
            text.extend_from_slice(note.trim_ascii());
        }
        notes.consume(notes.len());
        if taken.captures_len as usize > committed {
            self.tail = tail(&self.captures, &self.global);
        }
        let at = HEAD.len() as u64 + taken.notes_len;
        taken.notes_len += text.len() as u64;
        text.extend_from_slice(&self.tail);
        self.write_meta(at, &text)
    }

    /// Knows of captures what is committed, and nothing else.
    fn catch_up(&mut self, state: &mut State<'_>) -> Taken {
        let (taken, table) = state.head_and_table::<Taken, u8>();
        let committed = &table.as_slice()[..taken.captures_len as usize];
        self.captures.catch_up(committed);
        self.tail = tail(&self.captures, &self.global);
        *taken
    }

    /// Writes what the metadata end with.
    fn write_meta(&mut self, at: u64, end: &[u8]) -> Result<(), AgentError> {
        let Some(meta) = &mut self.meta else {
            return Ok(());
        };
        meta.write(at, end)?;
        meta.cut(at + end.len() as u64)
    }

    fn close_meta(&mut self, taken: Taken, tail: &[u8]) -> Result<(), AgentError> {
        self.write_meta(HEAD.len() as u64 + taken.notes_len, tail)
    }

    /// What closes the metadata of a recording that has ended.
    fn last_tail(&self, taken: Taken) -> Result<Vec<u8>, AgentError> {
        let Some(path) = &self.hashed else {
            return Ok(self.tail.clone());
        };
        let len_bytes = self.samples.offset(taken.samples);
        let hash = File::open(path).and_then(|file| sha512(file.take(len_bytes)));
        let hash = hash.map_err(|e| {
            AgentError::new(format!(
                "{} cannot be read for its hash: {e}",
                path.display()
            ))
        })?;
        let mut global = self.global.clone();
        global.insert("core:sha512".to_owned(), json!(hash));
        Ok(tail(&self.captures, &global))
    }
}

/// Commits what a tag said of a capture.
fn add_line(taken: &mut Taken, table: &mut Table<'_, u8>, line: &[u8]) -> Result<(), AgentError> {
    let start = taken.captures_len as usize;
    let end = start + line.len();
    if end > table.len() {
        return Err(AgentError::new(format!(
            "more tags begin captures than a recording takes: {} bytes of them are kept, and these do not fit: {}; keep the \
             tags `core:frequency` and `core:datetime` to places where they change",
            table.len(),
            String::from_utf8_lossy(line).trim_end()
        )));
    }
    table.range_mut(start..end).copy_from_slice(line);
    taken.captures_len = end as u64;
    Ok(())
}

/// The sample that an annotation begins at, or what is wrong with it.
fn start_of(note: &[u8], last_start: u64) -> Result<u64, String> {
    let text = String::from_utf8_lossy(note);
    let json: Json =
        serde_json::from_slice(note).map_err(|e| format!("is no JSON: {e}: {text:?}"))?;
    let start = json.get("core:sample_start").and_then(Json::as_u64);
    match start {
        None => Err(format!(
            "is no object with a `core:sample_start` that is a whole number: {text:?}"
        )),
        Some(start) if start < last_start => Err(format!(
            "begins at sample {start}, and the one before it at {last_start}: SigMF has them in ascending order"
        )),
        Some(start) => Ok(start),
    }
}

impl Agent for SigmfWriter {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let taken = self.catch_up(&mut state);
        self.samples
            .target
            .open(self.samples.offset(taken.samples))?;
        if let Some(meta) = &mut self.meta {
            match taken.notes_len {
                0 => meta.open(0)?,
                notes_len => meta.open(HEAD.len() as u64 + notes_len)?,
            }
            meta.write(0, HEAD)?;
        }
        let tail = self.tail.clone();
        self.close_meta(taken, &tail)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (taken, _) = io.state.head_and_table::<Taken, u8>();
        if self.samples.take(&mut io.inputs[0], &mut taken.samples)? == Readers::Gone {
            return Ok(Status::Done);
        }
        if let Some(notes) = io.inputs.get_mut(1).filter(|notes| !notes.is_empty()) {
            let is_whole = notes.is_whole() || !self.takes_tags;
            self.take_notes(notes, io.state.reborrow())?;
            if !is_whole {
                return Ok(Status::More);
            }
        }
        Ok(Status::Ready)
    }

    fn finish(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let taken = self.catch_up(&mut state);
        let tail = self.last_tail(taken)?;
        self.close_meta(taken, &tail)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        let taken: Taken = bytemuck::pod_read_unaligned(&state[..size_of::<Taken>()]);
        self.samples
            .target
            .outside(0..self.samples.offset(taken.samples))
    }
}

#[cfg(test)]
mod tests;
