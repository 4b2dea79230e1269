//! Annotations and captures as tags, and tags as annotations and captures: one is made of the other without loss.
//!
//! An annotation is a tag at its `core:sample_start`. The key is its `core:label`; the value is `true` where there is nothing else, its
//! `core:comment` where that is all, and else an object of all its other fields. A field of a capture is a tag at the
//! capture's `core:sample_start`: the key is the field's, `core:frequency`, `core:datetime` or `core:global_index`;
//! what else it has is the object of a tag `core:capture`.

use serde_json::{Map, Value as Json, json};

use crate::agent::AgentError;
use crate::connectors::placed::PlacedTag;
use crate::tags::Tag;

const START: &str = "core:sample_start";
const LABEL: &str = "core:label";
const COMMENT: &str = "core:comment";
/// Fields of a capture that are tags of their own.
const OWN: [&str; 3] = ["core:frequency", "core:datetime", "core:global_index"];
/// The key of a capture's other fields.
const CAPTURE: &str = "core:capture";
/// Fields of a capture that say where its samples are.
const PLACE: [&str; 2] = [START, "core:header_bytes"];

/// An object's sample, and the rest of it.
fn start_of(object: &Json) -> Option<(u64, Map<String, Json>)> {
    let mut fields = object.as_object()?.clone();
    let start = fields.get(START)?.as_u64()?;
    PLACE.iter().for_each(|key| drop(fields.remove(*key)));
    Some((start, fields))
}

/// A capture as tags: of the samples from `first` on.
pub(super) fn of_capture(capture: &Json, first: u64) -> Vec<PlacedTag> {
    let Some((start, mut fields)) = start_of(capture) else {
        return Vec::new();
    };
    let Some(position) = start.checked_sub(first) else {
        return Vec::new();
    };
    let tag = |key: &str, value: Json| PlacedTag {
        position,
        key: key.to_owned(),
        value: value.to_string(),
    };
    let own = OWN
        .iter()
        .filter_map(|key| Some((*key, fields.remove(*key)?)));
    let mut tags: Vec<PlacedTag> = own.map(|(key, value)| tag(key, value)).collect();
    // A recording begins with a capture, whether it says anything or not.
    if !fields.is_empty() || (tags.is_empty() && start > 0) {
        tags.push(tag(CAPTURE, Json::Object(fields)));
    }
    tags
}

/// An annotation as a tag.
pub(super) fn of_annotation(annotation: &Json, first: u64) -> Option<PlacedTag> {
    let (start, mut fields) = start_of(annotation)?;
    let position = start.checked_sub(first)?;
    let key = match fields.get(LABEL) {
        Some(Json::String(label)) if !label.is_empty() => label.clone(),
        _ => String::new(),
    };
    if !key.is_empty() {
        fields.remove(LABEL);
    }
    let value = match (fields.len(), fields.get(COMMENT)) {
        (0, _) => Json::Bool(true),
        (1, Some(Json::String(comment))) => value_of(comment),
        _ => Json::Object(fields),
    };
    Some(PlacedTag {
        position,
        key,
        value: value.to_string(),
    })
}

/// What a comment says: a number where it is spelled as we would, else a text.
fn value_of(comment: &str) -> Json {
    let read = serde_json::from_str::<Json>(comment).ok();
    let is_same = |value: &Json| match value {
        Json::Number(number) => number.to_string().as_str() == comment,
        value => *value == Json::Bool(false),
    };
    read.filter(is_same).unwrap_or_else(|| json!(comment))
}

/// What a tag becomes.
pub(super) enum Note {
    /// An annotation, as JSON.
    Annotation(Vec<u8>),
    /// Fields of the capture that begins at this sample.
    Capture(u64, Map<String, Json>),
}

impl Note {
    /// What the tag in a companion's frame becomes.
    pub(super) fn of_frame(frame: &[u8]) -> Result<Note, AgentError> {
        let Tag {
            position,
            key,
            value,
        } = Tag::of_frame(frame)?;
        let value: Json = serde_json::from_str(value).map_err(|e| {
            AgentError::new(format!(
                "the tag `{key}` at sample {position} has a value that is no JSON: {e}"
            ))
        })?;
        if key == CAPTURE && value.is_object() {
            let fields = value.as_object().cloned().unwrap_or_default();
            return Ok(Note::Capture(position, fields));
        }
        if OWN.contains(&key) {
            check_field(position, key, &value)?;
            return Ok(Note::Capture(
                position,
                Map::from_iter([(key.to_owned(), value)]),
            ));
        }
        let mut annotation = match value {
            Json::Bool(true) => Map::new(),
            Json::Object(fields) => fields,
            Json::String(comment) => Map::from_iter([(COMMENT.to_owned(), json!(comment))]),
            other => Map::from_iter([(COMMENT.to_owned(), json!(other.to_string()))]),
        };
        annotation.insert(START.to_owned(), json!(position));
        if !key.is_empty() {
            annotation.insert(LABEL.to_owned(), json!(key));
        }
        Ok(Note::Annotation(
            Json::Object(annotation).to_string().into_bytes(),
        ))
    }
}

/// Refuses what a capture's field cannot be.
fn check_field(position: u64, key: &str, value: &Json) -> Result<(), AgentError> {
    let (is_good, wanted) = match key {
        "core:frequency" => (value.is_number(), "a number, in Hz"),
        "core:datetime" => (value.is_string(), "a text, as 2026-01-31T12:00:00Z"),
        _ => (value.is_u64(), "a whole number from 0 on"),
    };
    match is_good {
        true => Ok(()),
        false => Err(AgentError::new(format!(
            "the tag `{key}` at sample {position} is {value}, and that field of a capture is {wanted}"
        ))),
    }
}

/// The captures of a recording that is written: the first, and what tags added. What tags added is committed as a text,
/// an object for each.
pub(super) struct Captures {
    first: Map<String, Json>,
    list: Vec<Map<String, Json>>,
    /// Bytes of the text that are in the list.
    len_bytes: usize,
}

/// Bytes of what tags say of captures that are kept at most: some thousand changes of the frequency.
pub(super) const CAPTURES_LEN_MAX: usize = 128 * 1024;

impl Captures {
    /// These fields of the first capture, and nothing else.
    pub(super) fn new(first: Map<String, Json>) -> Captures {
        Captures {
            list: vec![first.clone()],
            first,
            len_bytes: 0,
        }
    }

    /// What is committed, and nothing else.
    pub(super) fn catch_up(&mut self, committed: &[u8]) {
        if self.len_bytes == committed.len() {
            return;
        }
        *self = Captures::new(std::mem::take(&mut self.first));
        for line in committed.split_inclusive(|byte| *byte == b'\n') {
            let object = serde_json::from_slice(line).unwrap_or_default();
            self.add(object);
            self.len_bytes += line.len();
        }
    }

    /// Adds fields of the capture at a sample; gives what is to be committed.
    pub(super) fn note(&mut self, start: u64, mut fields: Map<String, Json>) -> Vec<u8> {
        fields.insert(START.to_owned(), json!(start));
        let mut line = Json::Object(fields.clone()).to_string().into_bytes();
        line.push(b'\n');
        self.add(fields);
        self.len_bytes += line.len();
        line
    }

    fn add(&mut self, fields: Map<String, Json>) {
        match self
            .list
            .last_mut()
            .filter(|last| last.get(START) == fields.get(START))
        {
            Some(last) => last.extend(fields),
            None => self.list.push(fields),
        }
    }

    /// As the metadata have them.
    pub(super) fn to_json(&self) -> Json {
        Json::Array(self.list.iter().cloned().map(Json::Object).collect())
    }
}
