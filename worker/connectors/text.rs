//! Items as text: the cells that `print` and `csv.write` make of items, spelled so that reading gives the same bits.
//!
//! Floats are the shortest decimal that reads back as the same value (`0.1`, `1e+300`, `nan`, `inf`, as Python prints them),
//! integers are plain, a complex number is two cells (real, imaginary), a vector is one cell per
//! element, a timed item is its seconds and its value or values, a frame of `text` is itself.

use bytemuck::{AnyBitPattern, pod_read_unaligned};
use thalweg_ringbuf::Frames;

use crate::agent::Input;
use crate::op::{Args, InputInfo, OpError, ParamDef, ParamKind, titles};
use crate::types::{ItemType, Scalar};

/// How a row of text is made of one item of each input.
pub(super) struct Rows {
    parts: Vec<Part>,
    names: Vec<String>,
}

/// What of an input's item makes cells.
enum Part {
    Numbers(Run),
    /// A frame: the input's place among those of frames.
    Frame(usize),
}

/// How the text of a frame becomes a cell.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Quotes {
    /// As it is.
    Never,
    /// In quotes where it has a delimiter, a quote or a line's end, as RFC 4180 has it.
    WhereNeeded,
}

/// Numbers of one kind that lie side by side in an item.
struct Run {
    input: usize,
    offset: usize,
    scalar: Scalar,
    count: usize,
}

impl Rows {
    /// The rows of an operator's inputs. Frames of `bytes` and the types of Rust programs are refused.
    pub(super) fn of(args: &Args) -> Result<Rows, OpError> {
        let mut rows = Rows {
            parts: Vec::new(),
            names: Vec::new(),
        };
        let names = titles(args.inputs(), "x");
        for (index, (input, name)) in args.inputs().iter().zip(names).enumerate() {
            rows.add(args.op().name, index, input, &name)?;
        }
        if let [only] = args.inputs()
            && only.is_unnamed()
        {
            rows.name_after_values();
        }
        Ok(rows)
    }

    fn add(
        &mut self,
        op: &str,
        index: usize,
        input: &InputInfo,
        name: &str,
    ) -> Result<(), OpError> {
        match input.item_type {
            ItemType::Timed(_) | ItemType::TimedVector(..) => {
                let (scalar, count) = input.item_type.timed_values().unwrap_or((Scalar::F64, 1));
                self.add_run(index, 0, Scalar::F64, 1, |_| format!("{name}_t"));
                self.add_numbers(index, 8, scalar, count, name);
            }
            ItemType::Text => {
                let frames = self.parts.iter().filter(|p| matches!(p, Part::Frame(..)));
                let part = Part::Frame(frames.count());
                self.parts.push(part);
                self.names.push(name.to_owned());
            }
            _ => {
                let (scalar, count) = input.item_type.elements().ok_or_else(|| {
                    OpError::input_type(op, input, "numbers, vectors of them, timed items and text")
                })?;
                self.add_numbers(index, 0, scalar, count, name);
            }
        }
        Ok(())
    }

    fn add_numbers(
        &mut self,
        input: usize,
        offset: usize,
        scalar: Scalar,
        count: usize,
        name: &str,
    ) {
        let part = match scalar {
            Scalar::Cf32 => Some(Scalar::F32),
            Scalar::Cf64 => Some(Scalar::F64),
            _ => None,
        };
        let element = |k: usize| match count {
            1 => name.to_owned(),
            _ => format!("{name}{k}"),
        };
        match part {
            None => self.add_run(input, offset, scalar, count, element),
            Some(part) => self.add_run(input, offset, part, 2 * count, |k| {
                format!("{}_{}", element(k / 2), ["re", "im"][k % 2])
            }),
        }
    }

    fn add_run(
        &mut self,
        input: usize,
        offset: usize,
        scalar: Scalar,
        count: usize,
        name: impl Fn(usize) -> String,
    ) {
        self.names.extend((0..count).map(name));
        self.parts.push(Part::Numbers(Run {
            input,
            offset,
            scalar,
            count,
        }));
    }

    /// A column of the only, unnamed input is a `value`, not an `x`.
    fn name_after_values(&mut self) {
        for name in &mut self.names {
            *name = match name.strip_prefix("x_t") {
                Some(_) => "t".to_owned(),
                None => name.replacen('x', "value", 1),
            };
        }
    }

    /// The columns' names: `value`, `value0 value1 ..`, `a b`, `a_re a_im`, `a_t a`.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The unread items of the inputs, to be taken row by row.
    pub(super) fn items<'a>(&self, inputs: &'a [Input]) -> Items<'a> {
        let framed = inputs.iter().filter(|input| input.is_framed());
        Items {
            inputs,
            frames: framed.map(|input| (0, input.frames())).collect(),
        }
    }

    /// Appends the cells of item `row` of every input, parted by `delimiter`, without a line's end.
    /// Rows are taken in order; some may be left out.
    pub(super) fn push(
        &self,
        items: &mut Items<'_>,
        row: usize,
        delimiter: u8,
        quotes: Quotes,
        text: &mut Vec<u8>,
    ) {
        let start = text.len();
        for part in &self.parts {
            match *part {
                Part::Numbers(ref run) => {
                    let input = &items.inputs[run.input];
                    let item = &input.bytes()[row * input.item_len()..][..input.item_len()];
                    let numbers = &item[run.offset..][..run.count * run.scalar.len_bytes()];
                    push_numbers(run.scalar, numbers, delimiter, text);
                }
                Part::Frame(nth) => {
                    push_text(items.frame(nth, row), delimiter, quotes, text);
                    text.push(delimiter);
                }
            }
        }
        text.pop();
        if text.len() == start && quotes == Quotes::WhereNeeded {
            text.extend_from_slice(b"\"\"");
        }
    }
}

/// The unread items of several inputs.
pub(super) struct Items<'a> {
    inputs: &'a [Input],
    /// For each input of frames, the row that comes next, and the frames from there on.
    frames: Vec<(usize, Frames<'a>)>,
}

impl<'a> Items<'a> {
    /// The frame in `row`, which callers know to be there.
    fn frame(&mut self, nth: usize, row: usize) -> &'a [u8] {
        let (next, frames) = &mut self.frames[nth];
        let frame = frames.nth(row - *next).unwrap_or_default();
        *next = row + 1;
        frame
    }
}

/// A column's name with its unit behind it. A name without one that ends as if it had one gets an empty one.
pub(super) fn with_unit(name: &str, unit: Option<&str>) -> String {
    match unit {
        None if name.ends_with(']') => format!("{name} []"),
        None => name.to_owned(),
        Some(unit) => {
            let mut text = format!("{name} [");
            for c in unit.chars() {
                if matches!(c, '[' | ']' | '\\') {
                    text.push('\\');
                }
                text.push(c);
            }
            text.push(']');
            text
        }
    }
}

/// The name before a unit, and that, as [`with_unit`] puts it; a backslash before another character is one.
pub(super) fn without_unit(text: &str) -> Option<(&str, String)> {
    let inside = text.trim_end().strip_suffix(']')?;
    let is_escaped = |at: usize| {
        let backslashes = inside[..at].bytes().rev().take_while(|b| *b == b'\\');
        backslashes.count() % 2 == 1
    };
    let mut brackets = inside.rmatch_indices('[');
    let (open, _) = brackets.find(|(at, _)| !is_escaped(*at))?;
    let mut unit = String::new();
    let mut rest = inside[open + 1..].chars().peekable();
    while let Some(c) = rest.next() {
        let is_escape = c == '\\' && matches!(rest.peek(), Some('[' | ']' | '\\'));
        unit.extend(if is_escape { rest.next() } else { Some(c) });
    }
    Some((inside[..open].trim_end(), unit))
}

/// Appends a text as a cell.
pub(super) fn push_text(cell: &[u8], delimiter: u8, quotes: Quotes, text: &mut Vec<u8>) {
    let is_special = |byte: &u8| *byte == delimiter || b"\"\n\r".contains(byte);
    let is_plain = !cell.iter().any(is_special)
        && !cell.starts_with(b"#")
        && cell.trim_ascii().len() == cell.len();
    if quotes == Quotes::Never || is_plain {
        text.extend_from_slice(cell);
        return;
    }
    text.push(b'"');
    for &byte in cell {
        if byte == b'"' {
            text.push(b'"');
        }
        text.push(byte);
    }
    text.push(b'"');
}

/// Appends one number as text.
pub(crate) fn push_number(scalar: Scalar, bytes: &[u8], text: &mut Vec<u8>) {
    push_numbers(scalar, bytes, b' ', text);
    text.pop();
}

/// Appends each number and a delimiter after it.
fn push_numbers(scalar: Scalar, bytes: &[u8], delimiter: u8, text: &mut Vec<u8>) {
    match scalar {
        Scalar::U8 => integers::<u8>(bytes, delimiter, text),
        Scalar::I8 => integers::<i8>(bytes, delimiter, text),
        Scalar::U16 => integers::<u16>(bytes, delimiter, text),
        Scalar::I16 => integers::<i16>(bytes, delimiter, text),
        Scalar::U32 => integers::<u32>(bytes, delimiter, text),
        Scalar::I32 => integers::<i32>(bytes, delimiter, text),
        Scalar::U64 => integers::<u64>(bytes, delimiter, text),
        Scalar::I64 => integers::<i64>(bytes, delimiter, text),
        Scalar::F32 | Scalar::Cf32 => floats::<f32>(bytes, delimiter, text),
        Scalar::F64 | Scalar::Cf64 => floats::<f64>(bytes, delimiter, text),
    }
}

fn integers<T: itoa::Integer + AnyBitPattern>(bytes: &[u8], delimiter: u8, text: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    for number in bytes.chunks_exact(size_of::<T>()) {
        text.extend_from_slice(buffer.format(pod_read_unaligned::<T>(number)).as_bytes());
        text.push(delimiter);
    }
}

fn floats<T: zmij::Float + AnyBitPattern + Into<f64>>(
    bytes: &[u8],
    delimiter: u8,
    text: &mut Vec<u8>,
) {
    let mut buffer = zmij::Buffer::new();
    for number in bytes.chunks_exact(size_of::<T>()) {
        let number = pod_read_unaligned::<T>(number);
        let digits = match number.into().is_nan() {
            true => "nan",
            false => buffer.format(number),
        };
        text.extend_from_slice(digits.as_bytes());
        text.push(delimiter);
    }
}

/// The parameter `delimiter` of the CSV operators, read by [`delimiter`].
pub(crate) const DELIMITER: ParamDef = ParamDef {
    name: "delimiter",
    kind: ParamKind::Text,
    default: Some(""),
    unit: "",
    doc: "The character between cells, or `tab`. Default: `tab` for files named `.tsv`, else `,`.",
};

/// The byte between cells; refused where it could be part of a number or of a quoted cell.
pub(crate) fn delimiter(args: &Args) -> Result<u8, OpError> {
    let is_tsv = |path: &str| path.to_ascii_lowercase().ends_with(".tsv");
    let usual = match args.text("path").is_some_and(is_tsv) {
        true => "tab",
        false => ",",
    };
    let text = args.text("delimiter").unwrap_or(usual);
    match text.as_bytes() {
        b"tab" => Ok(b'\t'),
        [byte] if !byte.is_ascii_alphanumeric() && !b"\"\n\r+-.#".contains(byte) => Ok(*byte),
        _ => Err(OpError::param(
            "delimiter",
            format!(
                "`delimiter` is {text:?}, and should be one character such as \",\", \";\", \" \" or \"tab\""
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_parted_from_its_name_as_it_was_put_there() {
        let units = [
            "m/s",
            "a]b",
            "[a",
            "]",
            "\\",
            "\\]",
            "\\mu V",
            "a,b",
            "\"in\"",
            "m [x] [y]",
        ];
        for unit in units {
            for name in ["x", "x[0]", "\\"] {
                let text = with_unit(name, Some(unit));
                assert_eq!(without_unit(&text), Some((name, unit.to_owned())), "{text}");
            }
        }
        assert_eq!(with_unit("x", None), "x");
        assert_eq!(without_unit("x"), None);
        let none = Some(("x[0]", String::new()));
        assert_eq!(without_unit(&with_unit("x[0]", None)), none);
        assert_eq!(
            without_unit("a [\\mu V] "),
            Some(("a", "\\mu V".to_owned()))
        );
    }

    fn cells<T: bytemuck::NoUninit>(scalar: Scalar, numbers: &[T]) -> String {
        let mut text = Vec::new();
        push_numbers(scalar, bytemuck::cast_slice(numbers), b' ', &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn floats_are_the_shortest_that_read_back() {
        let numbers = [
            0.1,
            -0.0,
            1.0,
            1e300,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
        ];
        let text = cells(Scalar::F64, &numbers);
        assert_eq!(text, "0.1 -0.0 1.0 1e+300 5e-324 nan inf -inf ");
        for (cell, number) in text.split(' ').zip(numbers) {
            let back: f64 = cell.parse().unwrap();
            assert!(
                back.to_bits() == number.to_bits() || number.is_nan(),
                "{cell}"
            );
        }
        assert_eq!(
            cells(Scalar::F32, &[0.1f32, 16_777_216.0]),
            "0.1 16777216.0 "
        );
    }

    #[test]
    fn integers_are_plain() {
        assert_eq!(cells(Scalar::I8, &[-128i8, 127]), "-128 127 ");
        assert_eq!(cells(Scalar::U64, &[u64::MAX]), "18446744073709551615 ");
    }
}
