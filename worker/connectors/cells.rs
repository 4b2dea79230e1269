//! Cells: what a row of several columns has in each, and the ports that rows are given to.
//!
//! A row is given to all ports or to none, so that they stay side by side however much room each has.

use std::fmt;
use std::ops::Range;

use bytemuck::NoUninit;

use crate::agent::{OutPort, Output};
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::operators::numbers::with_number;
use crate::types::{ItemType, Scalar};

/// The parameter `types` of readers of columns, read by [`types`].
pub(super) const TYPES: ParamDef = ParamDef {
    name: "types",
    kind: ParamKind::Texts,
    default: Some(""),
    unit: "",
    doc: "A type for each column that is read: `u8` to `f64`, or `text`. Default: what the first row has, numbers in the agent's `dtype`.",
};

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number(Scalar),
    Text,
}

impl Kind {
    /// Numbers as the agent's `dtype` has them, f64 without one.
    pub(super) fn numbers(args: &Args) -> Result<Kind, OpError> {
        match args.dtype() {
            None => Ok(Kind::Number(Scalar::F64)),
            Some(ItemType::Scalar(scalar)) if !scalar.is_complex() => Ok(Kind::Number(*scalar)),
            Some(ItemType::Text) => Ok(Kind::Text),
            Some(other) => Err(OpError::param(
                "dtype",
                format!("`dtype` is {other}, and a cell is one number or text"),
            )),
        }
    }

    /// The cell that `spelled` is; `None` where it is none. A text goes behind the others in `text`.
    pub(super) fn cell(self, spelled: &[u8], text: &mut Vec<u8>) -> Option<Cell> {
        let spelled = std::str::from_utf8(spelled).ok()?;
        match self {
            Kind::Text => Some(Cell::text(spelled, text)),
            Kind::Number(scalar) => with_number!(scalar, T => {
                spelled.parse::<T>().ok().map(|number| Cell::number(&number))
            }),
        }
    }

    /// What stands for a cell that is not there: a nan, or no text.
    pub(super) fn missing(self) -> Cell {
        match self {
            Kind::Number(Scalar::F32) => Cell::number(&f32::NAN),
            Kind::Number(_) => Cell::number(&f64::NAN),
            Kind::Text => Cell::Text(0..0),
        }
    }

    fn item_type(self) -> ItemType {
        match self {
            Kind::Number(scalar) => ItemType::Scalar(scalar),
            Kind::Text => ItemType::Text,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item_type().fmt(f)
    }
}

/// Refuses `missing = "nan"` for numbers that have none.
pub(super) fn check_missing(kind: Kind, is_nan: bool) -> Result<(), OpError> {
    match kind {
        Kind::Number(scalar) if is_nan && !scalar.is_float() => {
            let message = format!("`missing` is nan, and {scalar} has none");
            Err(OpError::param("missing", message).with_help("read the column as f64"))
        }
        _ => Ok(()),
    }
}

/// The parameter `types`: one for each of so many columns.
pub(super) fn types(args: &Args, columns: usize) -> Result<Option<Vec<Kind>>, OpError> {
    let Some(given) = args.texts("types") else {
        return Ok(None);
    };
    if given.len() != columns {
        let message = format!(
            "`types` has {}, and {columns} columns are read",
            given.len()
        );
        return Err(OpError::param("types", message));
    }
    let kind = |spelling: &str| match spelling.parse() {
        Ok(ItemType::Scalar(scalar)) if !scalar.is_complex() => Ok(Kind::Number(scalar)),
        Ok(ItemType::Text) => Ok(Kind::Text),
        _ => Err(OpError::param(
            "types",
            format!(
                "`types` has {spelling:?}, and a column is of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 or text"
            ),
        )),
    };
    given
        .into_iter()
        .map(kind)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// A port for each column, named after it; a single one has no name.
pub(super) fn ports(names: Vec<String>, kinds: &[Kind], rate: Option<f64>) -> Vec<OutPort> {
    if let [only] = kinds {
        return vec![OutPort::new(only.item_type(), rate)];
    }
    let names = port_names(names);
    let ports = names.into_iter().zip(kinds);
    ports
        .map(|(name, kind)| OutPort::named(name, kind.item_type(), rate))
        .collect()
}

/// Names with what a port's name cannot have replaced, and told apart.
pub(super) fn port_names(names: Vec<String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let plain: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let mut name = plain.clone();
        let mut copy = 2;
        while taken.contains(&name) {
            name = format!("{plain}_{copy}");
            copy += 1;
        }
        taken.push(name);
    }
    taken
}

/// An item of one column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// A number's bytes, and how many they are.
    Number([u8; 8], usize),
    /// Where a text lies in those of its row, which are UTF-8.
    Text(Range<usize>),
}

impl Cell {
    pub(super) fn number<T: NoUninit>(number: &T) -> Cell {
        let bytes = bytemuck::bytes_of(number);
        let mut cell = [0; 8];
        cell[..bytes.len()].copy_from_slice(bytes);
        Cell::Number(cell, bytes.len())
    }

    /// A text, put behind the others of its row.
    pub(super) fn text(text: &str, texts: &mut Vec<u8>) -> Cell {
        let start = texts.len();
        texts.extend_from_slice(text.as_bytes());
        Cell::Text(start..texts.len())
    }
}

/// Gives a cell to each port; false, and none given, where one has no room. `texts` is where those of the row lie.
pub(super) fn give(row: &[Cell], texts: &[u8], outputs: &mut [Output]) -> bool {
    let has_room = row
        .iter()
        .zip(outputs.iter_mut())
        .all(|(cell, output)| match cell {
            Cell::Number(..) => !output.is_full(),
            Cell::Text(place) => output.fits(place.len()),
        });
    if !has_room {
        return false;
    }
    for (cell, output) in row.iter().zip(outputs) {
        match cell {
            Cell::Number(bytes, len) => {
                output.bytes()[..*len].copy_from_slice(&bytes[..*len]);
                output.produce(1);
            }
            Cell::Text(place) => {
                output.give(&texts[place.clone()]);
            }
        }
    }
    true
}
