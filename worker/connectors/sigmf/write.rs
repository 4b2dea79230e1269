//! `sigmf.write`: samples to one file, what is said of them to the other.
//!
//! The metadata are whole after every commit: annotations are written one behind the other, and what closes them
//! is written behind the last.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use bytemuck::{Pod, Zeroable};
use serde_json::{Map, Value as Json, json};

use super::layout::Layout;
use super::recording::{ENDINGS, UNIT, stem};
use super::sha512::sha512;
use super::tags::{CAPTURES_LEN_MAX, Captures, Note};
use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, Outside, State, StateSpec, Status, Table,
};
use crate::connectors::files::{Readers, Target};
use crate::connectors::records::{RecordWriter, in_order};
use crate::op::{Args, OpError};
use crate::tags::Tags;
use crate::types::{ItemType, Scalar};

pub(super) fn build_write(args: &Args) -> Result<Blueprint, OpError> {
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
pub(super) struct Taken {
    /// Samples that are written.
    pub(super) samples: u64,
    /// Bytes of annotations that are written.
    pub(super) notes_len: u64,
    /// The sample that the last annotation begins at.
    pub(super) last_start: u64,
    /// Bytes of what tags said of captures.
    pub(super) captures_len: u64,
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
