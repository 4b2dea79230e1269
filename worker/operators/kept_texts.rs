//! Texts of bounded length in an agent's state: so many places, each for one text and some words beside it.

use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::state::Table;

/// The parameter `bytes` of operators that keep texts.
pub(super) const BYTES: ParamDef = ParamDef {
    name: "bytes",
    kind: ParamKind::Int,
    default: Some("256"),
    unit: "bytes",
    doc: "Of texts, how long the longest may be that is kept; a longer one ends the run with its place.",
};

/// The most bytes that all places take.
const MOST_BYTES: u64 = 64 << 20;

/// How the places lie in `u64` words: the words beside a text, its length in bytes, its bytes.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// Words beside each text.
    beside: usize,
    /// The most bytes of a text.
    bytes: usize,
}

impl Places {
    /// `count` places with so many words beside each text, and their initial words.
    pub(super) fn of(
        args: &Args,
        count: u64,
        beside: usize,
    ) -> Result<(Places, Vec<u64>), OpError> {
        let bytes = args.required_count("bytes", 1)?;
        if count.saturating_mul(bytes.saturating_add(32)) > MOST_BYTES {
            let message =
                format!("{count} texts of {bytes} bytes are more than the {MOST_BYTES} that fit");
            return Err(OpError::param("bytes", message));
        }
        let places = Places {
            beside,
            bytes: bytes as usize,
        };
        let words = count as usize * places.words();
        Ok((places, vec![0; words]))
    }

    /// Words of a place.
    fn words(self) -> usize {
        self.beside + 1 + self.bytes.div_ceil(8)
    }

    /// The words beside the text of this place.
    pub(super) fn beside(self, table: &[u64], place: usize) -> &[u64] {
        &table[place * self.words()..][..self.beside]
    }

    /// As [`Places::beside`], for writing.
    pub(super) fn beside_mut<'a>(
        self,
        table: &'a mut Table<'_, u64>,
        place: usize,
    ) -> &'a mut [u64] {
        let start = place * self.words();
        table.range_mut(start..start + self.beside)
    }

    /// The text of this place.
    pub(super) fn text(self, table: &[u64], place: usize) -> &[u8] {
        let words = &table[place * self.words() + self.beside..][..self.words() - self.beside];
        &bytemuck::cast_slice(&words[1..])[..words[0] as usize]
    }

    /// Whether a text can be kept; the words of the error where not.
    pub(super) fn check(self, text: &[u8]) -> Result<(), String> {
        match text.len() <= self.bytes {
            true => Ok(()),
            false => Err(format!(
                "a text has {} bytes, and the longest that is kept {}; `bytes = {}` keeps it",
                text.len(),
                self.bytes,
                text.len()
            )),
        }
    }

    /// Keeps a text that was [checked](Places::check).
    pub(super) fn put(self, table: &mut Table<'_, u64>, place: usize, text: &[u8]) {
        let start = place * self.words() + self.beside;
        let words = table.range_mut(start..start + 1 + text.len().div_ceil(8));
        words[0] = text.len() as u64;
        bytemuck::cast_slice_mut(&mut words[1..])[..text.len()].copy_from_slice(text);
    }
}
