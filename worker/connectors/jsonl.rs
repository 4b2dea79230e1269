//! `jsonl.read`, `jsonl.write`: JSON Lines, an object a line.
//!
//! The `serde_json` crate reads the lines; the byte where the next one begins is committed with the streams.

use std::str::FromStr;

use bytemuck::{AnyBitPattern, NoUninit, pod_read_unaligned};
use serde_json::{Number, Value as Json};

use crate::agent::{
    Agent, AgentError, Blueprint, Ends, InPort, Input, Io, Output, Outside, State, StateSpec,
    Status, Wait,
};
use crate::connectors;
use crate::connectors::cells::{self, Cell, Kind};
use crate::connectors::files::{Filled, Reader, Readers};
use crate::connectors::follow::{FOLLOW, Place};
use crate::connectors::grown::Grown;
use crate::connectors::lines::{self, BadLine, Line, Lines};
use crate::connectors::params::{READ, RECORDED_RATE, WRITE};
use crate::connectors::text::push_number;
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind, titles};
use crate::operators::json_path::{self, Path};
use crate::operators::numbers::with_number;
use crate::types::{ItemType, Scalar};

mod lean;

use lean::{Keys, Lean};

/// The row of `jsonl.read`.
pub const JSONL_READ: OpDef = OpDef {
    name: "jsonl.read",
    summary: "reads fields of JSON Lines",
    doc: "Each line is a JSON object and an item; several fields give a port each, named as the field (signs other \
          than letters, digits and `_` become `_`), one field is the agent's only output. Numbers are f64, or of the agent's \
          `dtype`; true and false are 1 and 0 (u8), everything else is text. The first line tells which, and which fields there are; \
          `fields` and `types` say otherwise. Empty lines are skipped. Of a key that an object has twice the last counts. A number may be spelled as a text. A line that is no JSON, lacks a field or has \
          another kind of value there ends the run with file and line. A regular file goes on at the committed byte whatever is \
          killed, and with `follow` waits for more at its end (a file that is empty yet needs `fields`, as a pipe). `-` is standard input: it and pipes cannot be looked at before the run, so `fields` must be given, and \
          cannot be read again, so a killed reader ends the run.",
    inputs: Arity::Source,
    outputs: "one stream per field",
    params: &[
        READ,
        FOLLOW,
        ParamDef {
            name: "fields",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "Keys, or paths as `json.field` has them: `a.b[0].c`. Default: all keys of the first line with a number, a truth value or a string.",
        },
        cells::TYPES,
        ParamDef {
            name: "missing",
            kind: ParamKind::Choice(&["error", "nan"]),
            default: Some("error"),
            unit: "",
            doc: "What a field is that is null or not there: an error, or a `nan` (of text, an empty one).",
        },
        lines::LONGEST,
        RECORDED_RATE,
    ],
    example: "jsonl.read path=examples/data/formats/mixed.jsonl fields=[t] ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `jsonl.write`.
pub const JSONL_WRITE: OpDef = OpDef {
    name: "jsonl.write",
    summary: "writes items as JSON Lines",
    doc: "An object a line, with a key for each input: a number, a string of text, an array of a vector, \
          `[real, imaginary]` of a complex number, `{\"t\": seconds, \"value\": number}` of a timed item. \
          Of several inputs a line has one item each, and the shortest ends the file. Floats are the shortest decimal that reads \
          back as the same value; nan and infinities, which JSON does not have, are null. An existing file is replaced. A \
          regular file is written exactly once whatever is killed. `-` is standard output; there and into \
          pipes a killed worker may repeat its last lines, and when nobody reads any more the agent is done.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[
        WRITE,
        ParamDef {
            name: "fields",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "The keys. Without it `value` of a single input, else the names of the streams, or those that a table `in` gives.",
        },
    ],
    example: "counter items=5 ! jsonl.write path=-",
    deterministic: true,
    build: build_write,
};

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let mut agent = JsonReader {
        reader: Reader::following(args)?,
        lines: Lines::of_bytes(args)?,
        fields: Vec::new(),
        keys: Keys::of([].into_iter()),
        missing_is_nan: args.text("missing") == Some("nan"),
    };
    agent.fields = agent.chosen_fields(args)?;
    agent.keys = Keys::of(agent.fields.iter().map(|field| &field.path));
    for field in &agent.fields {
        cells::check_missing(field.kind, agent.missing_is_nan)?;
    }
    let rate = connectors::rate(args)?;
    let names = agent.fields.iter().map(|field| field.written.clone());
    let kinds: Vec<Kind> = agent.fields.iter().map(|field| field.kind).collect();
    let ports = cells::ports(names.collect(), &kinds, rate);
    let blueprint = Blueprint::new(agent).state(StateSpec::of(Place::default()));
    Ok(ports.into_iter().fold(blueprint, Blueprint::output))
}

/// A field that is read.
struct Field {
    written: String,
    path: Path,
    kind: Kind,
}

impl Field {
    /// The field as an item; what is wrong with it otherwise. A text goes behind the others in `texts`.
    fn cell(
        &self,
        value: Option<&Lean<'_>>,
        missing_is_nan: bool,
        texts: &mut Vec<u8>,
    ) -> Result<Cell, String> {
        let written = &self.written;
        let value = match value {
            Some(Lean::Null) | None if missing_is_nan => return Ok(self.kind.missing()),
            None => {
                return Err(format!(
                    "has no field {written:?}; `missing = \"nan\"` reads that as nan"
                ));
            }
            Some(Lean::Null) => {
                return Err(format!(
                    "{written:?} is null; `missing = \"nan\"` reads that as nan"
                ));
            }
            Some(value) => value,
        };
        let cell = match (self.kind, value) {
            (Kind::Text, Lean::Text(text)) => Some(Cell::text(text, texts)),
            (Kind::Text, other) => Some(Cell::text(&other.to_string(), texts)),
            (Kind::Number(scalar), Lean::Number(number)) => of_number(scalar, number),
            (Kind::Number(scalar), Lean::Bool(flag)) => {
                of_number(scalar, &Number::from(u8::from(*flag)))
            }
            (Kind::Number(_), Lean::Text(text)) => self.kind.cell(text.trim().as_bytes(), texts),
            _ => None,
        };
        cell.ok_or_else(|| format!("{written:?} has {value}, which is no {}", self.kind))
    }
}

/// A JSON number as an item of this type; `None` where it is none of its values.
fn of_number(scalar: Scalar, number: &Number) -> Option<Cell> {
    match scalar {
        Scalar::F64 => number.as_f64().map(|x| Cell::number(&x)),
        Scalar::F32 => number.as_f64().map(|x| Cell::number(&(x as f32))),
        _ => {
            let wide = match number.as_i64() {
                Some(n) => i128::from(n),
                None => i128::from(number.as_u64()?),
            };
            with_number!(scalar, T => of_integer::<T>(wide))
        }
    }
}

fn of_integer<T: FromStr + NoUninit>(wide: i128) -> Option<Cell> {
    let mut digits = itoa::Buffer::new();
    let number: T = digits.format(wide).parse().ok()?;
    Some(Cell::number(&number))
}

/// State: where the next line begins ([`Place`]).
struct JsonReader {
    reader: Reader,
    lines: Lines,
    fields: Vec<Field>,
    /// What of a line they need.
    keys: Keys,
    missing_is_nan: bool,
}

/// What comes next in the file.
enum Next {
    Line(Line),
    Ended,
    Waiting(Wait),
}

impl JsonReader {
    fn chosen_fields(&mut self, args: &Args) -> Result<Vec<Field>, OpError> {
        let number = Kind::numbers(args)?;
        let first = match self.reader.is_regular() {
            true => self.first_object()?,
            false => None,
        };
        let names: Vec<String> = match (args.texts("fields"), &first) {
            (Some(given), _) => given.into_iter().map(str::to_owned).collect(),
            (None, Some(Json::Object(first))) => {
                let has_path = |key: &str| !key.is_empty() && !key.contains('"');
                let plain = first
                    .iter()
                    .filter(|(key, value)| has_path(key) && kind_of(value, number).is_some());
                plain.map(|(key, _)| json_path::written(key)).collect()
            }
            (None, _) => {
                let message = format!(
                    "{} cannot be looked at before the run, so its fields are not known",
                    self.reader.name()
                );
                return Err(OpError::param("fields", message)
                    .with_help("give `fields`, such as fields = [\"t\", \"value\"]"));
            }
        };
        if names.is_empty() {
            let message = format!(
                "{} has no field to read in its first line",
                self.reader.name()
            );
            return Err(OpError::param("fields", message));
        }
        let kinds = cells::types(args, names.len())?;
        let field = |(n, written): (usize, String)| {
            let path = json_path::parse("fields", &written)?;
            let found = first.as_ref().map(|first| path.of(first));
            let kind = match (&kinds, found) {
                (Some(kinds), _) => kinds[n],
                (None, None) => number,
                (None, Some(Some(value))) => kind_of(value, number).unwrap_or(Kind::Text),
                (None, Some(None)) => {
                    let message = format!(
                        "{} has no field {written:?} in its first line",
                        self.reader.name()
                    );
                    return Err(
                        OpError::param("fields", message).with_help("say its type: types = [..]")
                    );
                }
            };
            Ok(Field {
                written,
                path,
                kind,
            })
        };
        names.into_iter().enumerate().map(field).collect()
    }

    /// The object in the first line of a regular file; one that grows may have none yet.
    fn first_object(&mut self) -> Result<Option<Json>, OpError> {
        let about = |error: AgentError| OpError::param("path", error.message);
        self.reader.open(0).map_err(about)?;
        let (mut place, mut object) = (0, None);
        while object.is_none() {
            match self.next(place).map_err(about)? {
                Next::Line(line) => {
                    object = self.object(line, place).map_err(about)?;
                    place += line.whole as u64;
                }
                Next::Waiting(_) if self.reader.follows() => break,
                Next::Ended | Next::Waiting(_) => {
                    let message = format!("{} is empty: it has no line", self.reader.name());
                    return Err(OpError::param("path", message));
                }
            }
        }
        self.reader.close();
        Ok(object)
    }

    fn next(&mut self, place: u64) -> Result<Next, AgentError> {
        let mut is_last = false;
        self.reader.seek(place);
        loop {
            let line = self.lines.first(place, self.reader.bytes(place), is_last);
            match line.map_err(|bad| self.bad_line(bad, place))? {
                Some(line) => return Ok(Next::Line(line)),
                None if is_last => return Ok(Next::Ended),
                None => match self.reader.fill(place)? {
                    Filled::Grew => {}
                    Filled::Ended => is_last = true,
                    Filled::Waiting(wait) => return Ok(Next::Waiting(wait)),
                },
            }
        }
    }

    /// A line without the mark at the start of a file; `None` where it is empty.
    fn text(&self, line: Line, place: u64) -> Option<&[u8]> {
        let bytes = &self.reader.bytes(place)[..line.len];
        let bytes = match place {
            at if at == self.reader.base() => bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes),
            _ => bytes,
        };
        (!bytes.trim_ascii().is_empty()).then_some(bytes)
    }

    /// The object in a line; `None` where the line is empty.
    fn object(&self, line: Line, place: u64) -> Result<Option<Json>, AgentError> {
        let Some(bytes) = self.text(line, place) else {
            return Ok(None);
        };
        match serde_json::from_slice(bytes) {
            Ok(object @ Json::Object(_)) => Ok(Some(object)),
            Ok(_) => Err(self.refusal(place, "is no JSON object")),
            Err(error) => Err(self.refusal(place, &not_json(bytes, &error))),
        }
    }

    fn read(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let place = io.state.get::<Place>();
        let (mut row, mut texts) = (Vec::new(), Vec::new());
        loop {
            let next = self.next(place.at)?;
            self.reader.note(place);
            let line = match next {
                Next::Line(line) => line,
                Next::Ended => return Ok(Status::Done),
                Next::Waiting(wait) => return Ok(Status::Wait(wait)),
            };
            if let Some(bytes) = self.text(line, place.at) {
                let values = match self.keys.values(bytes) {
                    Ok(values) => values,
                    Err(error) => {
                        // Says what is wrong with the line as a whole, where it is no object.
                        self.object(line, place.at)?;
                        return Err(self.refusal(place.at, &not_json(bytes, &error)));
                    }
                };
                row.clear();
                texts.clear();
                for (field, value) in self.fields.iter().zip(&values) {
                    let cell = field.cell(value.as_ref(), self.missing_is_nan, &mut texts);
                    row.push(cell.map_err(|why| self.refusal(place.at, &why))?);
                }
                if !cells::give(&row, &texts, io.outputs) {
                    return Ok(Status::More);
                }
            }
            place.at += line.whole as u64;
        }
    }

    fn whereabouts(&self, place: u64) -> String {
        let name = self.reader.name();
        match self.reader.is_regular() {
            true => format!("{name}:{}", 1 + self.reader.lines_before(place)),
            false => format!("{name}, the line at byte {place}"),
        }
    }

    fn refusal(&self, place: u64, why: &str) -> AgentError {
        AgentError::new(format!("{}: {why}", self.whereabouts(place)))
    }

    fn bad_line(&self, bad: BadLine, place: u64) -> AgentError {
        let whereabouts = self.whereabouts(place);
        let in_file = place - self.reader.base();
        self.lines.refusal(bad, "the file", &whereabouts, in_file)
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a value is read as; `None` for null, arrays and objects.
fn kind_of(value: &Json, number: Kind) -> Option<Kind> {
    match value {
        Json::Number(_) => Some(number),
        Json::Bool(_) => Some(Kind::Number(Scalar::U8)),
        Json::String(_) => Some(Kind::Text),
        _ => None,
    }
}

impl Agent for JsonReader {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.reader.open_at(state.get::<Place>())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let produced = |outputs: &[Output]| outputs[0].produced();
        let before = produced(io.outputs);
        match self.read(io) {
            // What came before the trouble is given first, however the calls are cut.
            Err(_) if produced(io.outputs) > before => Ok(Status::More),
            status => status,
        }
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.reader.outside_at(&pod_read_unaligned(state))
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.reader.toll(&pod_read_unaligned(state))
    }
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let names = match (args.texts("fields"), args.inputs()) {
        (Some(given), inputs) if given.len() != inputs.len() => {
            let message = format!(
                "`fields` has {} names, and there are {} inputs",
                given.len(),
                inputs.len()
            );
            return Err(OpError::param("fields", message));
        }
        (Some(given), _) => given.into_iter().map(str::to_owned).collect(),
        (None, inputs) => titles(inputs, "value"),
    };
    let keys = args.inputs().iter().zip(&names).enumerate();
    let keys = keys.map(|(n, (input, name))| Key::of(n, name, input));
    let writer = JsonWriter {
        keys: keys.collect::<Result<_, OpError>>()?,
        file: Grown::of(args)?,
    };
    let blueprint = Blueprint::new(writer)
        .state(StateSpec::of(0u64))
        .ends(Ends::AnyInput);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

/// How an input's items are spelled.
struct Key {
    /// What comes before a value: `{"a":` or `,"b":`.
    before: Vec<u8>,
    item_type: ItemType,
}

impl Key {
    fn of(nth: usize, name: &str, input: &InputInfo) -> Result<Key, OpError> {
        let is_known = match input.item_type {
            ItemType::Text | ItemType::Timed(_) | ItemType::TimedVector(..) => true,
            _ => input.item_type.elements().is_some(),
        };
        if !is_known {
            let wanted = "numbers, vectors of them, timed items and text";
            return Err(OpError::input_type("jsonl.write", input, wanted));
        }
        let sign = if nth == 0 { '{' } else { ',' };
        Ok(Key {
            before: format!("{sign}{}:", Json::from(name)).into_bytes(),
            item_type: input.item_type.clone(),
        })
    }

    /// Appends an item that is no frame.
    fn push(&self, item: &[u8], text: &mut Vec<u8>) {
        match self.item_type {
            ItemType::Timed(scalar) => {
                text.extend_from_slice(b"{\"t\":");
                push(Scalar::F64, &item[..8], text);
                text.extend_from_slice(b",\"value\":");
                push(scalar, &item[8..][..scalar.len_bytes()], text);
                text.push(b'}');
            }
            ItemType::TimedVector(scalar, len) => {
                text.extend_from_slice(b"{\"t\":");
                push(Scalar::F64, &item[..8], text);
                text.extend_from_slice(b",\"value\":");
                push_list(
                    scalar,
                    &item[8..][..len as usize * scalar.len_bytes()],
                    text,
                );
                text.push(b'}');
            }
            ItemType::Vector(scalar, _) => push_list(scalar, item, text),
            _ => {
                let scalar = self.item_type.scalar().unwrap_or(Scalar::U8);
                push(scalar, item, text);
            }
        }
    }
}

fn push_list(scalar: Scalar, numbers: &[u8], text: &mut Vec<u8>) {
    text.push(b'[');
    for (n, number) in numbers.chunks_exact(scalar.len_bytes()).enumerate() {
        if n > 0 {
            text.push(b',');
        }
        push(scalar, number, text);
    }
    text.push(b']');
}

fn push(scalar: Scalar, number: &[u8], text: &mut Vec<u8>) {
    let is_finite = match scalar {
        Scalar::Cf32 => return push_list(Scalar::F32, number, text),
        Scalar::Cf64 => return push_list(Scalar::F64, number, text),
        Scalar::F32 => pod::<f32>(number).is_finite(),
        Scalar::F64 => pod::<f64>(number).is_finite(),
        _ => true,
    };
    match is_finite {
        true => push_number(scalar, number, text),
        false => text.extend_from_slice(b"null"),
    }
}

fn pod<T: AnyBitPattern>(bytes: &[u8]) -> T {
    pod_read_unaligned(bytes)
}

/// What is wrong with a line that is no JSON, and where in it.
fn not_json(line: &[u8], error: &serde_json::Error) -> String {
    if let Err(error) = std::str::from_utf8(line) {
        return format!(
            "is no JSON: byte {} of the line is no UTF-8; convert the file (`iconv -t utf-8`)",
            error.valid_up_to()
        );
    }
    if error.is_eof() {
        return "is no JSON: the line ends within its object; it was cut short".to_owned();
    }
    // The line is all that was read, so the place in the words counts from its start.
    let words = error.to_string();
    let what = words.split(" at line ").next().unwrap_or_default();
    format!("is no JSON: {what} at byte {} of the line", error.column())
}

/// State: how many bytes are written (`u64`).
struct JsonWriter {
    keys: Vec<Key>,
    file: Grown,
}

impl Agent for JsonWriter {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.open(b"", state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Some(status) = self.file.wait(io)? {
            return Ok(status);
        }
        let n = io.inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        let written = io.state.get::<u64>();
        self.file.text.clear();
        let framed = |input: &Input| input.is_framed();
        let inputs = &*io.inputs;
        let mut frames: Vec<_> = inputs
            .iter()
            .map(|input| framed(input).then(|| input.frames()))
            .collect();
        for row in 0..n {
            for (key, (input, frames)) in self.keys.iter().zip(inputs.iter().zip(&mut frames)) {
                self.file.text.extend_from_slice(&key.before);
                match frames {
                    Some(frames) => {
                        let frame = String::from_utf8_lossy(frames.next().unwrap_or_default());
                        self.file
                            .text
                            .extend_from_slice(Json::from(frame).to_string().as_bytes());
                    }
                    None => {
                        let item = &input.bytes()[row * input.item_len()..][..input.item_len()];
                        key.push(item, &mut self.file.text);
                    }
                }
            }
            self.file.text.extend_from_slice(b"}\n");
            let is_last = row + 1 == n;
            if (self.file.is_due() || is_last) && self.file.write(written)? == Readers::Gone {
                return Ok(Status::Done);
            }
        }
        io.inputs.iter_mut().for_each(|input| input.consume(n));
        Ok(Status::Ready)
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.finish(b"", state)
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.file.toll(state)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.file.outside(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, bytes, golden, read, sink, source};
    use crate::op::Value;
    use crate::testing::{Chunks, frames, run, texts};

    fn file(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.jsonl"), text).unwrap();
        folder
    }

    fn fails(text: &str, params: &[(&str, Value)]) -> String {
        let folder = file(text);
        let message = match source(&JSONL_READ, folder.path(), "t.jsonl", None, params) {
            Err(error) => error.message,
            Ok(reader) => {
                run(reader, &[], Chunks::Random(3), usize::MAX)
                    .unwrap_err()
                    .message
            }
        };
        message.replace(&format!("{}/", folder.path().display()), "")
    }

    fn list(words: &[&str]) -> Value {
        Value::List(words.iter().map(|word| Value::from(*word)).collect())
    }

    #[test]
    fn pythons_lines_are_read_a_port_for_each_field() {
        for chunks in CUTS {
            let reader = source(&JSONL_READ, &golden(), "mixed.jsonl", None, &[]).unwrap();
            let ports: Vec<String> = reader
                .outputs
                .iter()
                .map(|port| format!("{}: {}", port.name, port.item_type))
                .collect();
            assert_eq!(ports, ["t: f64", "n: f64", "name: text", "ok: u8"]);
            let streams = run(reader, &[], chunks, usize::MAX).unwrap();
            let t: &[f64] = bytemuck::cast_slice(&streams[0]);
            // Python writes the shortest decimal that reads back as the same value.
            assert_eq!(t, [0.1, 1.0 / 3.0, 6.02214076e23]);
            assert_eq!(texts(&streams[2]), ["a", "\u{fc}\n\"b\"", ""]);
            assert_eq!(streams[3], [1, 0, 1]);
        }
    }

    #[test]
    fn fields_lie_deep_and_have_types() {
        let fields = ("fields", list(&["pos.x[1]", "n", "pos"]));
        let params = [fields, ("types", list(&["f32", "i64", "text"]))];
        for chunks in CUTS {
            let reader = source(&JSONL_READ, &golden(), "mixed.jsonl", None, &params).unwrap();
            let streams = run(reader, &[], chunks, usize::MAX).unwrap();
            assert_eq!(streams[0], bytes(&[1.5f32, -2.0, 0.0]));
            assert_eq!(streams[1], bytes(&[1i64, -(1 << 60), 7]));
            assert_eq!(texts(&streams[2])[0], r#"{"x":[1,1.5]}"#);
        }
    }

    #[test]
    fn one_field_is_the_only_output_and_a_missing_one_a_nan() {
        let folder = file("{\"a\": 1}\n\n{\"a\": null}\r\n{}\n{\"a\": \"2.5\"}");
        let params = [("missing", Value::from("nan"))];
        let reader = source(&JSONL_READ, folder.path(), "t.jsonl", None, &params).unwrap();
        assert_eq!(reader.outputs[0].name, "");
        let found = read(reader, Chunks::Single).unwrap();
        let found: &[f64] = bytemuck::cast_slice(&found);
        assert_eq!(format!("{found:?}"), "[1.0, NaN, NaN, 2.5]");
    }

    #[test]
    fn lines_that_have_not_what_is_read_are_named() {
        let cases = [
            (
                "{\"a\": 1}\n\n{\"a\": [}\n",
                "t.jsonl:3: is no JSON: expected value at byte 8 of the line",
            ),
            (
                "{\"a\": 1}\n{\"a\": 2\n",
                "t.jsonl:2: is no JSON: the line ends within its object",
            ),
            ("{\"a\": 1}\n7\n", "t.jsonl:2: is no JSON object"),
            (
                "{\"a\": 1}\n{\"b\": 1}\n",
                "t.jsonl:2: has no field \"a\"; ",
            ),
            ("{\"a\": 1}\n{\"a\": null}\n", "t.jsonl:2: \"a\" is null; "),
            (
                "{\"a\": 1}\n{\"a\": []}\n",
                "t.jsonl:2: \"a\" has [], which is no f64",
            ),
            (
                "{\"a\": 1}\n{\"a\": \"x\"}\n",
                "t.jsonl:2: \"a\" has \"x\", which is no f64",
            ),
            ("\n \n", "t.jsonl is empty: it has no line"),
            (
                "{\"a\": []}\n",
                "t.jsonl has no field to read in its first line",
            ),
        ];
        for (text, message) in cases {
            let found = fails(text, &[]);
            assert!(found.starts_with(message), "{found}");
        }
        let fields = ("fields", list(&["a"]));
        let found = fails("{\"b\": 1}\n", std::slice::from_ref(&fields));
        assert_eq!(found, "t.jsonl has no field \"a\" in its first line");
        let bytes = [fields.clone(), ("types", list(&["u8"]))];
        for number in ["256", "-1", "1.5", "1e3"] {
            let found = fails(&format!("{{\"a\": {number}}}\n"), &bytes);
            assert!(found.ends_with("which is no u8"), "{found}");
        }
        let odd = [("fields", list(&["a..b"]))];
        assert!(fails("{}\n", &odd).contains("which is no path"));
        let long = [("longest", Value::from(9))];
        assert!(fails("{\"a\": 1234567890}\n", &long).contains("a line of more than 9 bytes"));
    }

    #[test]
    fn items_of_every_kind_are_written_as_json() {
        let cases = [
            ("i64", bytes(&[-1i64]), "{\"value\":-1}\n"),
            (
                "f32",
                bytes(&[0.1f32, f32::NAN]),
                "{\"value\":0.1}\n{\"value\":null}\n",
            ),
            (
                "f64[2]",
                bytes(&[1.0, -1e300]),
                "{\"value\":[1.0,-1e+300]}\n",
            ),
            ("cf32", bytes(&[0.5f32, -0.0]), "{\"value\":[0.5,-0.0]}\n"),
            (
                "cf64[2]",
                bytes(&[1.0, 2.0, 3.0, f64::INFINITY]),
                "{\"value\":[[1.0,2.0],[3.0,null]]}\n",
            ),
            (
                "timed<i64>",
                bytes(&[4_602_678_819_172_646_912u64, 7]),
                "{\"value\":{\"t\":0.5,\"value\":7}}\n",
            ),
            (
                "text",
                frames(["a \"b\"\n"]),
                "{\"value\":\"a \\\"b\\\"\\n\"}\n",
            ),
        ];
        for (item_type, items, expected) in cases {
            for chunks in CUTS {
                let folder = tempfile::tempdir().unwrap();
                let writer = sink(&JSONL_WRITE, folder.path(), "w", (item_type, None), &[]);
                run(
                    writer.unwrap(),
                    std::slice::from_ref(&items),
                    chunks,
                    usize::MAX,
                )
                .unwrap();
                let found = std::fs::read_to_string(folder.path().join("w")).unwrap();
                assert_eq!(found, expected, "{item_type} {chunks:?}");
                for line in found.lines() {
                    serde_json::from_str::<Json>(line).unwrap();
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let error = sink(&JSONL_WRITE, folder.path(), "w", ("bytes", None), &[]).unwrap_err();
        assert!(error.message.contains("its input is bytes"));
    }

    #[test]
    fn a_line_has_an_item_of_each_input() {
        let folder = tempfile::tempdir().unwrap();
        let input = |name: &str, item_type: &str| InputInfo {
            naming: Default::default(),
            name: name.to_owned(),
            item_type: item_type.parse().unwrap(),
            rate: None,
            unit: None,
        };
        let inputs = vec![input("n", "u8"), input("name", "text")];
        let given = [("path".to_owned(), Value::from("w"))];
        let args = Args::new(&JSONL_WRITE, inputs, None, &given, folder.path()).unwrap();
        let writer = build_write(&args).unwrap();
        run(
            writer,
            &[vec![1, 2, 3], frames(["a", "b"])],
            Chunks::Random(1),
            usize::MAX,
        )
        .unwrap();
        let found = std::fs::read_to_string(folder.path().join("w")).unwrap();
        assert_eq!(
            found,
            "{\"n\":1,\"name\":\"a\"}\n{\"n\":2,\"name\":\"b\"}\n"
        );
    }
}
