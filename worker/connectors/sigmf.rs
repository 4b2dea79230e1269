//! `sigmf.read`, `sigmf.notes`, `sigmf.write`: recordings of signals with their metadata.
//!
//! The format is SigMF 1.2 (<https://sigmf.org>): `NAME.sigmf-data` holds samples side by side, and
//! `NAME.sigmf-meta` says in JSON what they are: `global` their type and rate, `captures` where parts of the
//! recording begin, `annotations` what is at which samples.

use serde_json::Value as Json;

use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, Outside, StateSpec, Status};
use crate::connectors::files::Reader;
use crate::connectors::records::{Count, RecordReader};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::Tags;
use crate::types::ItemType;
use crate::units::{Unit, from_file};

mod archive;
mod layout;
mod offset;
mod recording;
mod sha512;
mod tags;
mod write;

use recording::{Recording, UNIT, refused};
use write::build_write;

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

#[cfg(test)]
mod tests;
