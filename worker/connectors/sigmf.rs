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
    example: "sigmf.read path=tests/golden/files/ci16.sigmf-meta ! null",
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
    example: "sigmf.notes path=tests/golden/files/ci16.sigmf-meta ! json.field path='\"core:label\"' ! print",
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
        let list = |key: &str| match document.get(key) {
            None => Ok(Vec::new()),
            Some(Json::Array(list)) if list.iter().all(Json::is_object) => Ok(list.clone()),
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
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
    use crate::connectors::npy::NPY_READ;
    use crate::op::{InputInfo, Value};
    use crate::tags::Tag;
    use crate::testing::{Chunks, Random, frames, run, texts};
    use thalweg_ringbuf::Frames;

    #[test]
    fn samples_are_read_as_the_sigmf_package_reads_them() {
        for name in ["ci16", "cu8", "cf32", "ri16_be", "rf64"] {
            let expected = source(
                &NPY_READ,
                &golden(),
                &format!("sigmf_{name}.npy"),
                None,
                &[],
            );
            let expected = expected.unwrap();
            let dtype = expected.outputs[0].item_type.to_string();
            let items = read(expected, Chunks::Whole).unwrap();
            for chunks in CUTS {
                let path = format!("{name}.sigmf-meta");
                let reader = source(&SIGMF_READ, &golden(), &path, Some(&dtype), &[]).unwrap();
                assert_eq!(reader.outputs[0].rate, Some(2.4e6));
                assert!(read(reader, chunks).unwrap() == items, "{name} {chunks:?}");
            }
        }
    }

    #[test]
    fn integers_are_kept_and_a_capture_is_read_alone() {
        let params = [("capture", Value::from(1))];
        let open = |dtype, params| source(&SIGMF_READ, &golden(), "ci16", dtype, params);
        let part = open(Some("i16[2]"), &params).unwrap();
        let whole = read(open(Some("i16[2]"), &[]).unwrap(), Chunks::Whole).unwrap();
        assert_eq!(read(part, Chunks::Single).unwrap(), whole[4 * 10..]);
        assert_eq!(whole[..8], bytes(&[-32_768i16, 32_767, 0, -1]));
        let error = open(Some("i16"), &[]).unwrap_err();
        assert!(
            error.message.contains("cf32, cf64 or i16[2]"),
            "{}",
            error.message
        );
        let error = open(None, &[("capture", Value::from(2))]).unwrap_err();
        assert_eq!(
            error.message,
            "`capture` is 2, and the recording has 2 (they count from 0)"
        );
    }

    #[test]
    fn notes_are_given_in_their_order() {
        for chunks in CUTS {
            let notes = source(&SIGMF_NOTES, &golden(), "ci16.sigmf-data", None, &[]).unwrap();
            let given = read(notes, chunks).unwrap();
            let labels: Vec<String> = texts(&given)
                .iter()
                .map(|note| serde_json::from_str::<Json>(note).unwrap()["core:label"].to_string())
                .collect();
            assert_eq!(labels, ["\"burst\"", "\"tail\""]);
        }
        let of = [("of", Value::from("captures"))];
        let captures = source(&SIGMF_NOTES, &golden(), "ci16", None, &of).unwrap();
        let given = read(captures, Chunks::Whole).unwrap();
        assert!(
            texts(&given)[1].contains("\"core:frequency\":101"),
            "{:?}",
            texts(&given)
        );
    }

    #[test]
    fn what_is_written_is_read_back_with_its_annotations() {
        let items = bytes(&(0..300).map(|n| n as i16).collect::<Vec<_>>());
        let notes = [
            r#"{"core:sample_start":3,"core:label":"a"}"#,
            r#" {"core:sample_start": 3, "core:sample_count": 9} "#,
            r#"{"core:sample_start":60}"#,
        ];
        for chunks in CUTS {
            let folder = tempfile::tempdir().unwrap();
            let writer = writer(folder.path(), &["i16[2]", "text"]).unwrap();
            run(writer, &[items.clone(), frames(notes)], chunks, usize::MAX).unwrap();
            let back = source(&SIGMF_READ, folder.path(), "w", Some("i16[2]"), &[]).unwrap();
            assert_eq!(back.outputs[0].rate, Some(48_000.0));
            assert!(read(back, chunks).unwrap() == items, "{chunks:?}");
            let back = source(&SIGMF_NOTES, folder.path(), "w", None, &[]).unwrap();
            let back = read(back, chunks).unwrap();
            assert_eq!(texts(&back).len(), 3, "{chunks:?}");
        }
    }

    #[test]
    fn tags_become_annotations() {
        let items = bytes(&[1i16; 300]);
        let tag = |position, key, value| {
            Tag {
                position,
                key,
                value,
            }
            .frame()
        };
        let tags = [
            tag(3, "burst", "1.5"),
            tag(3, "core:frequency", "2.5"),
            tag(60, "call", "\"hello\""),
            tag(70, "", "{\"core:sample_count\":9}"),
            tag(70, "core:frequency", "3"),
            tag(70, "core:datetime", "\"2026-01-31T12:00:00Z\""),
            tag(80, "flag", "true"),
        ];
        for chunks in CUTS {
            let folder = tempfile::tempdir().unwrap();
            let writer = writer(folder.path(), &["i16[2]"]).unwrap();
            let writer = writer.tagged(&[true], &[]);
            run(writer, &[items.clone(), frames(&tags)], chunks, usize::MAX).unwrap();
            let back = source(&SIGMF_NOTES, folder.path(), "w", None, &[]).unwrap();
            let back = read(back, chunks).unwrap();
            let expected = [
                r#"{"core:comment":"1.5","core:label":"burst","core:sample_start":3}"#,
                r#"{"core:comment":"hello","core:label":"call","core:sample_start":60}"#,
                r#"{"core:sample_count":9,"core:sample_start":70}"#,
                r#"{"core:label":"flag","core:sample_start":80}"#,
            ];
            let json = |note: &str| serde_json::from_str::<Json>(note).unwrap();
            let expected = expected.map(json);
            assert!(
                texts(&back).into_iter().map(json).eq(expected),
                "{chunks:?}"
            );
            let of = [("of", Value::from("captures"))];
            let back = source(&SIGMF_NOTES, folder.path(), "w", None, &of).unwrap();
            let back = read(back, chunks).unwrap();
            let expected = [
                json!({"core:sample_start": 0, "core:frequency": 1e8}),
                json!({"core:sample_start": 3, "core:frequency": 2.5}),
                json!({"core:sample_start": 70, "core:frequency": 3, "core:datetime": "2026-01-31T12:00:00Z"}),
            ];
            assert!(
                texts(&back).into_iter().map(json).eq(expected),
                "{chunks:?}"
            );
            // Given as tags again they are the same.
            let again = source(&SIGMF_READ, folder.path(), "w", None, &[]).unwrap();
            assert_eq!(again.tags, Tags::Made);
            let given = run(again.tagged(&[], &[true]), &[], chunks, usize::MAX).unwrap();
            let given: Vec<_> = Frames::new(&given[1])
                .map(|f| Tag::of_frame(f).unwrap())
                .collect();
            let first = Tag {
                position: 0,
                key: "core:frequency",
                value: "100000000.0",
            };
            assert_eq!(given[0], first);
            let mut given: Vec<_> = given[1..].iter().map(Tag::frame).collect();
            let mut expected = tags.clone();
            given.sort();
            expected.sort();
            assert_eq!(given, expected, "{chunks:?}");
        }
    }

    /// A writer to `w` of inputs of these types.
    fn writer(folder: &Path, types: &[&str]) -> Result<Blueprint, OpError> {
        let inputs = types.iter().map(|item_type| InputInfo {
            naming: Default::default(),
            name: "x".to_owned(),
            item_type: item_type.parse().unwrap(),
            rate: Some(48_000.0),
            unit: None,
        });
        let given = [
            ("path".to_owned(), Value::from("w.sigmf-meta")),
            ("complex".to_owned(), Value::from(types[0] == "i16[2]")),
            ("frequency".to_owned(), Value::from(1e8)),
        ];
        let args = Args::new(&SIGMF_WRITE, inputs.collect(), None, &given, folder)?;
        build_write(&args)
    }

    #[test]
    fn annotations_that_are_none_are_named() {
        let cases = [
            ("{", "annotation 0 is no JSON"),
            (
                r#"{"core:label":"x"}"#,
                "annotation 0 is no object with a `core:sample_start`",
            ),
            (r#"{"core:sample_start":-1}"#, "that is a whole number"),
        ];
        for (note, message) in cases {
            let folder = tempfile::tempdir().unwrap();
            let writer = writer(folder.path(), &["f32", "text"]).unwrap();
            let inputs = [Vec::new(), frames([note])];
            let error = run(writer, &inputs, Chunks::Whole, usize::MAX).unwrap_err();
            assert!(error.message.contains(message), "{}", error.message);
        }
        let notes = [7, 5].map(|start| format!("{{\"core:sample_start\":{start}}}"));
        let folder = tempfile::tempdir().unwrap();
        let backwards = writer(folder.path(), &["f32", "text"]).unwrap();
        let error = run(
            backwards,
            &[Vec::new(), frames(notes)],
            Chunks::Single,
            usize::MAX,
        );
        let message = error.unwrap_err().message;
        assert!(message.starts_with("annotation 1 begins at sample 5, and the one before it at 7"));
    }

    #[test]
    fn an_archive_is_read_as_its_two_files_are() {
        for name in ["ci16", "rf64"] {
            let apart = source(
                &SIGMF_READ,
                &golden(),
                &format!("{name}.sigmf-meta"),
                None,
                &[],
            );
            let expected = read(apart.unwrap(), Chunks::Whole).unwrap();
            let archive = format!("{name}.sigmf");
            for chunks in CUTS {
                let packed = source(&SIGMF_READ, &golden(), &archive, None, &[]).unwrap();
                assert!(read(packed, chunks).unwrap() == expected, "{name}");
            }
            let verified = [("verify", Value::from(true))];
            source(&SIGMF_READ, &golden(), &archive, None, &verified).unwrap();
        }
        let notes = source(&SIGMF_NOTES, &golden(), "ci16.sigmf", None, &[]).unwrap();
        assert!(!read(notes, Chunks::Whole).unwrap().is_empty());
    }

    #[test]
    fn a_damaged_archive_is_refused_or_read_and_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let whole = std::fs::read(golden().join("ci16.sigmf")).unwrap();
        for len in cuts(whole.len()) {
            std::fs::write(folder.path().join("cut.sigmf"), &whole[..len]).unwrap();
            let cut = source(&SIGMF_READ, folder.path(), "cut.sigmf", None, &[]);
            if let Ok(cut) = cut {
                read(cut, Chunks::Whole).unwrap();
            }
        }
        for at in 0..1024 {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x15;
            std::fs::write(folder.path().join("bad.sigmf"), &damaged).unwrap();
            let bad = source(&SIGMF_READ, folder.path(), "bad.sigmf", None, &[]);
            // The sum's own field ends in bytes that say nothing.
            if at < 512 && !(148..156).contains(&at) {
                assert!(bad.is_err(), "{at}");
            }
        }
    }

    #[test]
    fn a_hash_is_written_at_the_end_and_tells_other_samples() {
        let folder = tempfile::tempdir().unwrap();
        let params = [("sha512", Value::from(true))];
        let input = ("f32", Some(100.0));
        let writer = sink(&SIGMF_WRITE, folder.path(), "h", input, &params).unwrap();
        run(
            writer,
            &[bytes(&[1.0f32, 2.0, 3.0])],
            Chunks::Single,
            usize::MAX,
        )
        .unwrap();
        let verify = |params: &[(&str, Value)]| {
            source(&SIGMF_READ, folder.path(), "h.sigmf-meta", None, params)
        };
        let params = [("verify", Value::from(true))];
        assert_eq!(
            read(verify(&params).unwrap(), Chunks::Whole).unwrap(),
            bytes(&[1.0f32, 2.0, 3.0])
        );
        std::fs::write(
            folder.path().join("h.sigmf-data"),
            bytes(&[1.0f32, 2.0, 4.0]),
        )
        .unwrap();
        assert!(verify(&[]).is_ok());
        let refused = verify(&params).unwrap_err();
        assert!(refused.message.contains("other samples"), "{refused}");
    }

    #[test]
    fn a_successor_cuts_both_files_to_what_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let items = bytes(&[1.0f32, 2.0, 3.0]);
        let notes = frames([r#"{"core:sample_start":1}"#, r#"{"core:sample_start":2}"#]);
        let first = writer(folder.path(), &["f32", "text"]).unwrap();
        run(first, &[items, notes], Chunks::Whole, usize::MAX).unwrap();
        let mut next = writer(folder.path(), &["f32", "text"]).unwrap();
        let taken = Taken {
            samples: 2,
            notes_len: 1 + r#"{"core:sample_start":1}"#.len() as u64,
            last_start: 1,
            captures_len: 0,
        };
        let mut state = StateSpec::head_and_table(taken, &[0u8; CAPTURES_LEN_MAX]).init;
        next.agent.attach(State::new(&mut state)).unwrap();
        let data = fs::read(folder.path().join("w.sigmf-data")).unwrap();
        assert_eq!(data, bytes(&[1.0f32, 2.0]));
        let meta = fs::read_to_string(folder.path().join("w.sigmf-meta")).unwrap();
        let meta: Json = serde_json::from_str(&meta).unwrap();
        assert_eq!(meta["annotations"], json!([{"core:sample_start": 1}]));
    }

    #[test]
    fn annotations_that_have_no_place_are_refused_by_their_number() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("r.sigmf-data"), [0; 8]).unwrap();
        let check = |starts: &str, message: Option<&str>| {
            let meta = format!(
                "{{\"global\": {{\"core:datatype\": \"ri16_le\"}}, \"annotations\": {starts}}}"
            );
            fs::write(folder.path().join("r.sigmf-meta"), meta).unwrap();
            let notes = source(&SIGMF_NOTES, folder.path(), "r", None, &[]);
            match (notes, message) {
                (Ok(_), None) => {}
                (Err(error), Some(message)) => {
                    assert!(error.message.contains(message), "{}", error.message)
                }
                (notes, _) => panic!("{starts}: {:?}", notes.map(|_| ())),
            }
        };
        let start = |start: &str| format!("{{\"core:sample_start\": {start}}}");
        check(&format!("[{}, {}]", start("0"), start("4")), None);
        let message = "of annotations[1] is 5, and ";
        check(&format!("[{}, {}]", start("0"), start("5")), Some(message));
        let message = "of annotations[0] is -1, and should be";
        check(&format!("[{}]", start("-1")), Some(message));
        let message = "of annotations[1] is 1, and of the one before it 2";
        check(&format!("[{}, {}]", start("2"), start("1")), Some(message));
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let check = |meta: &str, data: &[u8], message: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("r.sigmf-meta"), meta).unwrap();
            fs::write(folder.path().join("r.sigmf-data"), data).unwrap();
            let error = source(&SIGMF_READ, folder.path(), "r", None, &[]).unwrap_err();
            assert!(error.message.contains(message), "{}", error.message);
        };
        let meta = |global: &str, captures: &str| {
            format!("{{\"global\": {{{global}}}, \"captures\": {captures}}}")
        };
        let typed = "\"core:datatype\": \"ri16_le\"";
        check("", b"", "is no JSON");
        check("[]", b"", "has no object `global`");
        check(&meta("", "[]"), b"", "has no `core:datatype`");
        for datatype in ["", "c", "xf32_le", "cf32", "cf16_le", "ri16_xe", "é"] {
            let global = format!("\"core:datatype\": \"{datatype}\"");
            check(&meta(&global, "[]"), b"", "should be such as");
        }
        check(&meta(typed, "7"), b"", "`captures` is no list of objects");
        check(
            &meta(typed, "[]"),
            &[0; 3],
            "ends within a sample: 1 bytes are left",
        );
        let backwards = "[{\"core:sample_start\": 2}, {\"core:sample_start\": 1}]";
        check(
            &meta(typed, backwards),
            &[0; 8],
            "of captures[1] is 1, and of the one before it 2",
        );
        let beyond = "[{\"core:sample_start\": 0}, {\"core:sample_start\": 5}]";
        check(
            &meta(typed, beyond),
            &[0; 8],
            "`core:sample_start` of captures[1] is 5, and ",
        );
        let negative = "[{\"core:sample_start\": -5}]";
        check(
            &meta(typed, negative),
            &[0; 8],
            "of captures[0] is -5, and should be a whole number from 0",
        );
        let header = "[{\"core:sample_start\": 0, \"core:header_bytes\": 9}]";
        check(
            &meta(typed, header),
            &[0; 8],
            "more bytes beside the samples",
        );
        let negative = "[{\"core:sample_start\": -1}]";
        check(
            &meta(typed, negative),
            &[0; 8],
            "should be a whole number from 0",
        );
        let global = format!("{typed}, \"core:sample_rate\": \"fast\"");
        check(&meta(&global, "[]"), b"", "`core:sample_rate` is \"fast\"");
        let global = format!("{typed}, \"core:num_channels\": 1.5");
        check(&meta(&global, "[]"), b"", "`core:num_channels` is 1.5");
        let global = format!("{typed}, \"core:dataset\": \"../x\"");
        check(
            &meta(&global, "[]"),
            b"",
            "`core:dataset` is no file's name",
        );
    }

    #[test]
    fn bytes_beside_the_samples_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let meta = r#"{"global": {"core:datatype": "ru8", "core:dataset": "old.bin", "core:trailing_bytes": 1},
            "captures": [{"core:sample_start": 0, "core:header_bytes": 2}]}"#;
        fs::write(folder.path().join("r.sigmf-meta"), meta).unwrap();
        fs::write(folder.path().join("old.bin"), [9, 9, 1, 2, 3, 9]).unwrap();
        let reader = source(&SIGMF_READ, folder.path(), "r", Some("u8"), &[]).unwrap();
        assert_eq!(read(reader, Chunks::Whole).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn damaged_metadata_never_panic() {
        let whole = fs::read(golden().join("ci16.sigmf-meta")).unwrap();
        let data = fs::read(golden().join("ci16.sigmf-data")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("r.sigmf-data"), data).unwrap();
        let mut random = Random::new(20_261_122);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(damaged.len() as u64) as usize;
                damaged[at] = b"0123456789-{}[]\",e"[random.below(18) as usize];
            }
            fs::write(folder.path().join("r.sigmf-meta"), &damaged).unwrap();
            for op in [&SIGMF_READ, &SIGMF_NOTES] {
                if let Ok(reader) = source(op, folder.path(), "r", None, &[]) {
                    let outcome = read(reader, Chunks::Whole);
                    assert!(
                        outcome.is_ok(),
                        "{outcome:?} {}",
                        String::from_utf8_lossy(&damaged)
                    );
                }
            }
        }
    }

    #[test]
    fn inputs_that_are_no_samples_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = sink(&SIGMF_WRITE, folder.path(), "w", ("i64", None), &[]).unwrap_err();
        assert!(error.message.contains("its input is i64"));
        let complex = [("complex", Value::from(true))];
        let error = sink(&SIGMF_WRITE, folder.path(), "w", ("i16[3]", None), &complex);
        assert!(
            error
                .unwrap_err()
                .message
                .contains("no row of real and imaginary parts")
        );
        let error = writer(folder.path(), &["f32", "f32"]).unwrap_err();
        assert!(error.message.contains("annotations as text, and"));
    }
}
