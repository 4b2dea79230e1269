//! Tags of a file's items, at places that are known before the first item is read.

use crate::agent::{AgentError, Output};
use crate::tags::{Tag, WORDS_LEN_BYTES_MAX};

/// A tag at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacedTag {
    /// The item that it stands before; behind the last item it stands at the end.
    pub(super) position: u64,
    pub(super) key: String,
    /// As JSON.
    pub(super) value: String,
}

/// The tags of a file's items, in the order of their places.
#[derive(Default)]
pub(super) struct Placed {
    tags: Vec<PlacedTag>,
}

impl Placed {
    /// These tags; those of one place stay in their order.
    pub(super) fn new(mut tags: Vec<PlacedTag>) -> Placed {
        tags.sort_by_key(|tag| tag.position);
        Placed { tags }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Gives the tags of the first output, up to the place of its next item or, at its end, all, to its companion if
    /// it has one. How many items come before the next one; `None` while a tag waits for room. How many
    /// tags were given, the companion's position says.
    pub(super) fn give(
        &self,
        outputs: &mut [Output],
        at_end: bool,
    ) -> Result<Option<u64>, AgentError> {
        let [output, companion] = outputs else {
            return Ok(Some(u64::MAX));
        };
        let place = output.position();
        while let Some(tag) = self.tags.get(companion.position() as usize) {
            if tag.position > place && !at_end {
                return Ok(Some(tag.position - place));
            }
            tag.check()?;
            let tag = Tag {
                position: place,
                key: &tag.key,
                value: &tag.value,
            };
            if !tag.give(companion) {
                return Ok(None);
            }
        }
        Ok(Some(u64::MAX))
    }
}

impl PlacedTag {
    fn check(&self) -> Result<(), AgentError> {
        let len = self.key.len() + self.value.len();
        match len <= WORDS_LEN_BYTES_MAX {
            true => Ok(()),
            false => Err(AgentError::new(format!(
                "what the file says of item {} has {len} bytes (`{:.40}`), and a tag takes at most \
                 {WORDS_LEN_BYTES_MAX}; put `tags.drop` behind the reader",
                self.position, self.key
            ))),
        }
    }
}
