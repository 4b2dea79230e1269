//! Lines of JSON that operators write: numbers, lists of them, texts.

use crate::connectors::text::push_number;
use crate::types::Scalar;

/// What numbers an item has, and how many.
pub(super) type Numbers = (Scalar, usize);

/// Appends a list with an entry for each item: a number, or a list of its numbers.
pub(super) fn push_list<'a>(
    items: impl Iterator<Item = &'a [u8]>,
    numbers: Numbers,
    line: &mut Vec<u8>,
) {
    line.push(b'[');
    for (n, item) in items.enumerate() {
        if n > 0 {
            line.push(b',');
        }
        push_item(item, numbers, line);
    }
    line.push(b']');
}

/// Appends an item: a number, or a list of its numbers.
pub(super) fn push_item(item: &[u8], (scalar, width): Numbers, line: &mut Vec<u8>) {
    match width {
        1 => push_json(scalar, item, line),
        _ => push_list(item.chunks_exact(scalar.len_bytes()), (scalar, 1), line),
    }
}

/// Appends a number; NaN and infinities, which JSON does not have, are null.
pub(super) fn push_json(scalar: Scalar, number: &[u8], line: &mut Vec<u8>) {
    let at = line.len();
    push_number(scalar, number, line);
    if line[at..].iter().any(|byte| b"nN".contains(byte)) {
        line.truncate(at);
        line.extend_from_slice(b"null");
    }
}

/// Appends a text in quotes.
pub(super) fn push_text(text: &str, line: &mut Vec<u8>) {
    serde_json::to_writer(line, text).expect("a text and memory to write it to");
}
