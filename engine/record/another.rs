//! How an item differs from the one that was recorded in its place: where in it, and both values.

use std::ops::Range;

use thalweg_worker::types::{ItemType, Scalar};

use crate::poison::{SHOWN_BYTES, spelled};

/// A piece of an item.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    /// Where in the item it begins.
    pub from: usize,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Those of the whole item.
    pub len_bytes: usize,
}

impl<'a> Piece<'a> {
    /// These bytes of the item, if they are all in the piece.
    fn part(&self, bytes: &Range<usize>) -> Option<&'a [u8]> {
        let start = bytes.start.checked_sub(self.from)?;
        self.bytes.get(start..start + bytes.len())
    }

    /// Its type, value and bytes, as far as they are known.
    fn words(&self, item_type: &ItemType) -> String {
        match self.from {
            0 => spelled(item_type, self.bytes, self.len_bytes),
            from => {
                let shown = spelled(item_type, self.bytes, self.bytes.len());
                format!("of {} bytes, from byte {from} on {shown}", self.len_bytes)
            }
        }
    }
}

/// `item 7 is f64 2.5, ..; recorded was f64 2.0, ..`. Of a vector the first element that differs.
pub fn another(
    position: u64,
    item_type: &ItemType,
    found: Piece<'_>,
    expected: Option<&[u8]>,
) -> String {
    let Some(expected) = expected else {
        let found = found.words(item_type);
        return format!(
            "item {position} is {found}; recorded was one that is not to be read any more"
        );
    };
    let tail = expected.get(found.from..).unwrap_or_default();
    let same = found.bytes.iter().zip(tail).take_while(|(a, b)| a == b);
    let part = part(item_type, found.from + same.count());
    let both = part.and_then(|part| {
        let (found, expected) = (found.part(&part.bytes)?, expected.get(part.bytes.clone())?);
        let spelled = |bytes: &[u8]| spelled(&part.item_type, bytes, bytes.len());
        Some((part.name, spelled(found), spelled(expected)))
    });
    match both {
        Some((name, found, expected)) => {
            format!("{name} of item {position} is {found}; recorded was {expected}")
        }
        None => {
            let recorded = Piece {
                from: found.from,
                bytes: &tail[..tail.len().min(SHOWN_BYTES)],
                len_bytes: expected.len(),
            };
            let (found, recorded) = (found.words(item_type), recorded.words(item_type));
            format!("item {position} is {found}; recorded was {recorded}")
        }
    }
}

/// A number that is part of an item.
struct Part {
    name: String,
    bytes: Range<usize>,
    item_type: ItemType,
}

/// The number of an item that this byte is of; `None` where the item has no parts, and for what fills it up.
fn part(item_type: &ItemType, at: usize) -> Option<Part> {
    let part = |name: String, start: usize, scalar: Scalar| Part {
        name,
        bytes: start..start + scalar.len_bytes(),
        item_type: ItemType::Scalar(scalar),
    };
    let element = |start: usize, scalar: Scalar, count: usize| {
        let nth = (at - start) / scalar.len_bytes();
        let name = match count {
            1 => "the value".to_owned(),
            _ => format!("element {nth}"),
        };
        (nth < count).then(|| part(name, start + nth * scalar.len_bytes(), scalar))
    };
    match (item_type, item_type.timed_values()) {
        (_, Some(_)) if at < 8 => Some(part("the time".to_owned(), 0, Scalar::F64)),
        (_, Some((scalar, count))) => element(8, scalar, count),
        (ItemType::Vector(scalar, count), None) => element(0, *scalar, *count as usize),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words for an item of which this piece was kept.
    fn check(item_type: &str, found: &[u8], expected: &[u8], from: usize, words: &str) {
        let end = found.len().min(from + SHOWN_BYTES);
        let piece = Piece {
            from,
            bytes: &found[from..end],
            len_bytes: found.len(),
        };
        let item_type = item_type.parse().unwrap();
        assert_eq!(another(7, &item_type, piece, Some(expected)), words);
    }

    #[test]
    fn the_element_that_differs_is_named_with_both_values() {
        let recorded: Vec<f64> = (0..100).map(f64::from).collect();
        let mut changed = recorded.clone();
        changed[41] = 0.5;
        let (found, expected) = (
            bytemuck::cast_slice(&changed),
            bytemuck::cast_slice(&recorded),
        );
        let words = "element 41 of item 7 is f64 0.5, bytes 000000000000e03f; recorded was f64 41.0, bytes 0000000000804440";
        for from in [0, 41 * 8 - 16, 41 * 8] {
            if from > 0 {
                check("f64[100]", found, expected, from, words);
            }
        }
        let few = "element 1 of item 7 is u16 9, bytes 0900; recorded was u16 2, bytes 0200";
        check("u16[3]", &[1, 0, 9, 0, 3, 0], &[1, 0, 2, 0, 3, 0], 0, few);
        let timed: [[f64; 3]; 3] = [[1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [0.5, 2.0, 3.0]];
        let item = |nth: usize| bytemuck::cast_slice::<f64, u8>(&timed[nth]);
        let value = "element 1 of item 7 is f64 4.0, bytes 0000000000001040; recorded was f64 3.0, bytes 0000000000000840";
        check("timed<f64[2]>", item(1), item(0), 0, value);
        let time = "the time of item 7 is f64 0.5, bytes 000000000000e03f; recorded was f64 1.0, bytes 000000000000f03f";
        check("timed<f64[2]>", item(2), item(0), 0, time);
    }

    #[test]
    fn of_a_long_text_what_differs_is_shown() {
        let recorded = vec![b'a'; 100];
        let mut found = recorded.clone();
        found[90] = b'b';
        let words = "item 7 is of 100 bytes, from byte 74 on text \"aaaaaaaaaaaaaaaabaaaaaaaaa\", bytes 6161616161616161616161616161616162616161616161616161; recorded was of 100 bytes, from byte 74 on text \"aaaaaaaaaaaaaaaaaaaaaaaaaa\", bytes 6161616161616161616161616161616161616161616161616161";
        check("text", &found, &recorded, 74, words);
    }
}
