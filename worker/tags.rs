//! Tags: a key and a value at a place of a stream, carried beside it through whatever its items go through.
//!
//! A tagged stream `s` has a companion, `s~tags`: a stream of frames, each a position of `s`, a key and a
//! value, in the order of their positions. A companion is a ring like any other, so that commits, kills and snapshots hold for tags
//! as they do for items.
//!
//! # What a tag's place means
//!
//! A tag at position p stands before item p: everything below p comes before it. An agent that knows nothing of tags is shown
//! the items before the next tag alone until it rests; what it has given by then are all the items
//! that follow from those before the tag, however the stream was cut into calls. There the tag goes: at the position of
//! the next item that each output will give. So a filter of one item for one keeps positions, `decimate` by M
//! puts p at ceil(p / M), `filter` at the next item that passes, blocks at the block that item p is in, and a tag behind the
//! last item at the stream's end. Of several inputs the tags of each are carried, when the item that a tag stands before is taken.
//!
//! # Why a reader misses none
//!
//! A tag goes to the companion in the step that brings its output to the tag's position, or in an earlier one,
//! so no later than item p. Publishing an agent's outputs goes from the last to the first, and companions stand last; a
//! reader looks at its inputs from the first to the last, and companions are looked at anew. So who sees item p sees every tag
//! at p and below:
//!
//! ```text
//! producer   s~tags.written := past the tag at p   then   s.written := p + 1      (both PUBLISH, Release)
//! reader     s.written >= p + 1                    then   s~tags.written          (both PUBLISH, Acquire)
//! ```
//!
//! A successor publishes in the same order from its record. A stale `s.written` only makes the reader see fewer items.

use crate::agent::{AgentError, Blueprint, InPort, OutPort, Output};
use crate::types::ItemType;

mod carrier;
mod extent;

use carrier::Carrier;

/// What an agent has to do with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    /// It knows nothing of them: they are carried past it.
    Carried,
    /// It makes some, beside those that are carried past it. Where somebody wants those of an output, a
    /// companion stands behind its outputs ([`Agent::tagged`](crate::agent::Agent::tagged)), which it gives [`Tag`]s whose positions do not descend and are at most that of the output's
    /// next item when the call is over.
    Made,
    /// It reads them: each input that has any has a companion behind its inputs
    /// ([`Agent::tagged`](crate::agent::Agent::tagged)).
    Read,
    /// They end with it.
    Dropped,
}

/// A tag in a frame of a companion: `position` (`u64`), length of the key (`u16`), both little-endian, the key, and
/// the value as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The position of the item that it stands before.
    pub position: u64,
    /// What it is about.
    pub key: &'a str,
    /// A number ([`value_of`]), a text, `true`, `false`, or what a file says, as JSON.
    pub value: &'a str,
}

/// Bytes before the key.
const HEAD_LEN_BYTES: usize = 10;
/// The most bytes that key and value may have together.
pub const WORDS_LEN_BYTES_MAX: usize = 4096;

/// A number as a tag's value: JSON, which has no words for `nan`, `inf` and `-inf`, so those are texts.
pub fn value_of(number: f64) -> String {
    match number.is_finite() {
        true => serde_json::Value::from(number).to_string(),
        false if number.is_nan() => "\"nan\"".to_owned(),
        false => format!("\"{number}\""),
    }
}

/// The number that a tag's value is, by [`value_of`]; true is 1, false 0, anything else nan.
pub fn number_of(value: &str) -> f64 {
    match serde_json::from_str(value) {
        Ok(serde_json::Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Ok(serde_json::Value::Bool(truth)) => f64::from(u8::from(truth)),
        _ => match value {
            "\"inf\"" => f64::INFINITY,
            "\"-inf\"" => f64::NEG_INFINITY,
            _ => f64::NAN,
        },
    }
}

impl<'a> Tag<'a> {
    /// The tag in a frame.
    ///
    /// # Errors
    /// The frame holds none: the companion is damaged.
    pub fn of_frame(frame: &'a [u8]) -> Result<Tag<'a>, AgentError> {
        let (position, words) = placed(frame)?;
        let (key_len, words) = words.split_first_chunk::<2>().ok_or_else(damaged)?;
        let key_len = usize::from(u16::from_le_bytes(*key_len));
        let (key, value) = words.split_at_checked(key_len).ok_or_else(damaged)?;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| damaged());
        Ok(Tag {
            position,
            key: text(key)?,
            value: text(value)?,
        })
    }

    /// The frame that holds it.
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEAD_LEN_BYTES + self.key.len() + self.value.len());
        frame.extend_from_slice(&self.position.to_le_bytes());
        let key_len = u16::try_from(self.key.len()).unwrap_or(u16::MAX);
        frame.extend_from_slice(&key_len.to_le_bytes());
        frame.extend_from_slice(&self.key.as_bytes()[..key_len.into()]);
        frame.extend_from_slice(self.value.as_bytes());
        frame
    }

    /// Gives it to a companion; false, and nothing given, where it does not fit now.
    pub fn give(&self, companion: &mut Output) -> bool {
        companion.give(&self.frame())
    }
}

/// Where the companions of ports are among all ports, if those that are `tagged` have one.
pub(crate) fn companions(tagged: &[bool]) -> Vec<Option<usize>> {
    let mut behind = tagged.len()..;
    let companion = |tagged: &bool| tagged.then(|| behind.next()).flatten();
    tagged.iter().map(companion).collect()
}

/// The position in a frame, and what follows it.
fn placed(frame: &[u8]) -> Result<(u64, &[u8]), AgentError> {
    let (position, rest) = frame.split_first_chunk::<8>().ok_or_else(damaged)?;
    Ok((u64::from_le_bytes(*position), rest))
}

fn damaged() -> AgentError {
    AgentError::new("a frame among the tags of its input holds no tag: the stream is damaged")
}

impl Blueprint {
    /// The same agent with companions: `inputs` and `outputs` say of each of its ports whether its stream has one.
    /// What is carried past the agent is carried by one around it.
    pub fn tagged(mut self, inputs: &[bool], outputs: &[bool]) -> Blueprint {
        self.agent.tagged(inputs, outputs);
        let reads = inputs.contains(&true);
        let carries = reads && matches!(self.tags, Tags::Carried | Tags::Made);
        if carries {
            self = Carrier::around(self, inputs, outputs);
        }
        for _ in inputs.iter().filter(|tagged| **tagged) {
            self.inputs.push(InPort {
                beside: true,
                ..InPort::new(ItemType::Bytes)
            });
        }
        for (o, _) in outputs.iter().enumerate().filter(|(_, tagged)| **tagged) {
            self.outputs.push(OutPort {
                beside: true,
                ..OutPort::named(
                    format!("{}~tags", self.outputs[o].name),
                    ItemType::Bytes,
                    None,
                )
            });
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_value_and_comes_back() {
        for number in [0.0, -1.5, 1e300, f64::INFINITY, f64::NEG_INFINITY, 0.1] {
            assert_eq!(number_of(&value_of(number)), number);
        }
        assert_eq!(value_of(f64::NAN), "\"nan\"");
        assert!(number_of(&value_of(f64::NAN)).is_nan());
        let others = [("true", 1.0), ("false", 0.0), ("3", 3.0)];
        for (value, number) in others {
            assert_eq!(number_of(value), number);
        }
        assert!(number_of("\"a text\"").is_nan() && number_of("{}").is_nan());
    }
}
