//! State of any type that serde knows: a map, a list, a model, kept as bytes with a bound.
//!
//! The value itself lives in the worker's memory and dies with it. After each call that changed it, it
//! is encoded (postcard) into the agent's state, which is committed with the positions; a successor
//! decodes it. So nothing need be deterministic: what is committed is what was, not what a replay makes.
//!
//! ```text
//! state   generation u64   length u64   `length` bytes of postcard   unused, up to the bound
//! ```
//!
//! The generation tells whether the value in memory is the one that was committed: a call that was
//! thrown away has led it too far, and it is decoded again.
//!
//! It costs the encoding of the whole value at each call that changes it, whatever changed: some ns an
//! element, a hundred µs or so for a map of ten thousand. Larger steps make that rarer. A state of which a
//! step changes little, and which can be laid out flat, is better a [`Table`](crate::state::Table).
//!
//! Postcard is compact and not self-describing: a type with `#[serde(untagged)]`, `flatten` or
//! `skip_serializing_if` does not come back from it.

use std::any::type_name;

use postcard::ser_flavors::Size;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::agent::AgentError;
use crate::state::{State, StateSpec};

/// The worker's own end of a state that is kept encoded.
pub struct Encoded<S> {
    /// The value in memory, and the generation of which it is.
    live: Option<(u64, S)>,
}

/// A value and its encoding do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEncoded {
    /// Its bytes are more than were declared.
    #[error(
        "its state takes {found} bytes as encoded, and its bound is {bound}: declare a larger bound \
         where the state is made, or keep less in it"
    )]
    OverBound {
        /// Length of the encoded value.
        found: usize,
        /// The most that was declared.
        bound: usize,
    },
    /// Its type cannot be written.
    #[error("its state, {of}, cannot be encoded: {why}")]
    Unwritable {
        /// The type.
        of: &'static str,
        /// What postcard says.
        why: postcard::Error,
    },
    /// The bytes are no such value.
    #[error(
        "its committed state is no {of}: {why}; either the type does not come back from its encoding \
         (postcard knows no `untagged`, `flatten`, `skip_serializing_if`), or the bytes are damaged"
    )]
    Unreadable {
        /// The type.
        of: &'static str,
        /// What postcard says.
        why: postcard::Error,
    },
}

impl From<NotEncoded> for AgentError {
    fn from(error: NotEncoded) -> AgentError {
        AgentError::new(error.to_string())
    }
}

impl<S: Serialize + DeserializeOwned> Encoded<S> {
    /// An end, and the state to declare: it starts as `init` and never takes more than `bound` bytes as
    /// encoded.
    pub fn new(init: &S, bound: usize) -> Result<(Encoded<S>, StateSpec), NotEncoded> {
        let mut bytes = vec![0; HEAD_LEN + bound];
        encode(&mut State::new(&mut bytes), 0, init)?;
        Ok((Encoded { live: None }, StateSpec { init: bytes }))
    }

    /// The value as it was committed, to look at.
    pub fn value(&mut self, state: &State<'_>) -> Result<&S, NotEncoded> {
        let live = self.current(state)?;
        Ok(&self.live.insert(live).1)
    }

    /// Lends the value for changing, then encodes what became of it.
    pub fn update<R>(
        &mut self,
        state: &mut State<'_>,
        f: impl FnOnce(&mut S) -> R,
    ) -> Result<R, NotEncoded> {
        let (generation, mut value) = self.current(state)?;
        let result = f(&mut value);
        encode(state, generation + 1, &value)?;
        self.live = Some((generation + 1, value));
        Ok(result)
    }

    /// The committed value, taken out of memory or decoded, with its generation.
    fn current(&mut self, state: &State<'_>) -> Result<(u64, S), NotEncoded> {
        let [generation, _] = *state.view::<Head>();
        match self.live.take() {
            Some((of, value)) if of == generation => Ok((of, value)),
            _ => Ok((generation, decode(state)?)),
        }
    }
}

/// Generation, length.
type Head = [u64; 2];
const HEAD_LEN: usize = size_of::<Head>();

fn encode<S: Serialize>(
    state: &mut State<'_>,
    generation: u64,
    value: &S,
) -> Result<(), NotEncoded> {
    let bytes = state.unnoted();
    let (head, room) = bytes.split_at_mut(HEAD_LEN);
    let bound = room.len();
    let len = match postcard::to_slice(value, room) {
        Ok(encoded) => encoded.len(),
        Err(why) => {
            let of = type_name::<S>();
            let whole = postcard::serialize_with_flavor(value, Size::default());
            let found = whole.map_err(|why| NotEncoded::Unwritable { of, why })?;
            return Err(match why {
                postcard::Error::SerializeBufferFull => NotEncoded::OverBound { found, bound },
                why => NotEncoded::Unwritable { of, why },
            });
        }
    };
    head.copy_from_slice(bytemuck::bytes_of(&[generation, len as u64]));
    state.note(0..HEAD_LEN + len);
    Ok(())
}

fn decode<S: DeserializeOwned>(state: &State<'_>) -> Result<S, NotEncoded> {
    let [_, len] = *state.view::<Head>();
    let bytes = &state.view_slice::<u8>()[HEAD_LEN..];
    let bytes = usize::try_from(len).ok().and_then(|len| bytes.get(..len));
    let short = postcard::Error::DeserializeUnexpectedEnd;
    let value = bytes.ok_or(short).and_then(postcard::from_bytes);
    value.map_err(|why| NotEncoded::Unreadable {
        of: type_name::<S>(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    type Counts = HashMap<String, u64>;

    fn spec(bound: usize) -> (Encoded<Counts>, Vec<u64>) {
        let (kept, spec) = Encoded::new(&Counts::new(), bound).unwrap();
        let mut bytes = vec![0u64; spec.init.len() / 8];
        bytemuck::cast_slice_mut(&mut bytes).copy_from_slice(&spec.init);
        (kept, bytes)
    }

    fn count(kept: &mut Encoded<Counts>, bytes: &mut [u64], key: &str) -> Result<u64, NotEncoded> {
        kept.update(&mut State::new(bytemuck::cast_slice_mut(bytes)), |counts| {
            let count = counts.entry(key.to_owned()).or_default();
            *count += 1;
            *count
        })
    }

    #[test]
    fn a_successor_finds_the_value_that_was_committed() {
        let (mut kept, mut bytes) = spec(1000);
        for n in 1..=20 {
            assert_eq!(count(&mut kept, &mut bytes, "a"), Ok(n));
            kept = Encoded { live: None };
            let state = State::new(bytemuck::cast_slice_mut(&mut bytes));
            assert_eq!(kept.value(&state).unwrap()["a"], n);
            kept = Encoded { live: None };
        }
    }

    #[test]
    fn a_call_that_was_thrown_away_is_not_counted() {
        let (mut kept, mut bytes) = spec(1000);
        for n in 1..=20 {
            assert_eq!(count(&mut kept, &mut bytes.clone(), "a"), Ok(n));
            assert_eq!(count(&mut kept, &mut bytes, "a"), Ok(n));
        }
    }

    #[test]
    fn a_value_over_its_bound_says_both_lengths_and_what_to_do() {
        let (mut kept, mut bytes) = spec(64);
        let long = "x".repeat(100);
        let error = count(&mut kept, &mut bytes, &long).unwrap_err();
        // One entry: its number, the key's length, the key, the count.
        let (found, bound) = (1 + 1 + 100 + 1, 64);
        assert_eq!(error, NotEncoded::OverBound { found, bound });
        let sentence = AgentError::from(error).message;
        assert!(sentence.contains("103 bytes"), "{sentence}");
        assert!(sentence.contains("larger bound"), "{sentence}");
        assert_eq!(
            Encoded::new(&vec![1u8; 20], 20).err(),
            Some(NotEncoded::OverBound {
                found: 21,
                bound: 20
            })
        );
    }

    #[test]
    fn bytes_that_are_no_such_value_are_refused() {
        let (mut kept, mut bytes) = spec(200);
        bytes[1] = u64::MAX;
        let error = count(&mut kept, &mut bytes, "a").unwrap_err();
        assert!(matches!(error, NotEncoded::Unreadable { .. }), "{error}");
        bytes[1] = 3;
        bytes[2] = !0;
        let error = count(&mut kept, &mut bytes, "a").unwrap_err();
        assert!(matches!(error, NotEncoded::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_type_that_cannot_be_written_is_refused() {
        struct Endless;
        impl Serialize for Endless {
            fn serialize<Z: serde::Serializer>(&self, to: Z) -> Result<Z::Ok, Z::Error> {
                serde::ser::SerializeSeq::end(to.serialize_seq(None)?)
            }
        }
        impl<'de> serde::Deserialize<'de> for Endless {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Endless, D::Error> {
                Ok(Endless)
            }
        }
        let error = Encoded::new(&Endless, 100).err().unwrap();
        assert!(matches!(error, NotEncoded::Unwritable { .. }), "{error}");
        assert!(error.to_string().contains("Endless"), "{error}");
    }
}
