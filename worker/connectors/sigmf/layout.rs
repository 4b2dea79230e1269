//! How a recording keeps its samples, and what they become.

use crate::connectors::records::{Convert, in_order};
use crate::connectors::sound::picked;
use crate::op::OpError;
use crate::types::{ItemType, Scalar};

/// How a sample is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// What its numbers are, without regard to complex ones.
    pub(super) number: Scalar,
    pub(super) is_complex: bool,
    pub(super) is_big_endian: bool,
    pub(super) channels: u32,
}

impl Layout {
    pub(super) fn of(datatype: &str, channels: u32) -> Option<Layout> {
        let (kind, rest) = datatype.split_at_checked(1)?;
        let (name, order) = match rest.split_once('_') {
            Some((name, order)) => (name, Some(order)),
            None => (rest, None),
        };
        let number = NUMBERS.into_iter().find(|number| number.name() == name)?;
        let is_big_endian = match order {
            Some("le") => false,
            Some("be") => true,
            None if number.len_bytes() == 1 => false,
            _ => return None,
        };
        Some(Layout {
            number,
            is_complex: match kind {
                "c" => true,
                "r" => false,
                _ => return None,
            },
            is_big_endian,
            channels,
        })
    }

    /// As `core:datatype` spells it.
    pub(super) fn datatype(&self) -> String {
        let kind = if self.is_complex { 'c' } else { 'r' };
        let order = if self.number.len_bytes() == 1 {
            ""
        } else {
            "_le"
        };
        format!("{kind}{}{order}", self.number)
    }

    /// Numbers of one sample.
    fn width(&self) -> u32 {
        self.channels * if self.is_complex { 2 } else { 1 }
    }

    pub(super) fn sample_len(&self) -> usize {
        self.number.len_bytes() * self.width() as usize
    }

    /// Samples as floats.
    fn floats(&self, is_wide: bool) -> ItemType {
        let scalar = match (self.is_complex, is_wide) {
            (false, false) => Scalar::F32,
            (false, true) => Scalar::F64,
            (true, false) => Scalar::Cf32,
            (true, true) => Scalar::Cf64,
        };
        of_width(scalar, self.channels)
    }

    /// What samples are given as, and how they become that.
    pub(super) fn items(&self, dtype: Option<&ItemType>) -> Result<(ItemType, Convert), OpError> {
        let is_wide = self.number == Scalar::F64;
        let kept = match self.number.is_float() {
            true => self.floats(is_wide),
            false => of_width(self.number, self.width()),
        };
        let (narrow, wide) = (self.floats(false), self.floats(true));
        let wanted = dtype.cloned().unwrap_or_else(|| self.floats(is_wide));
        let convert = match &wanted {
            wanted if *wanted == kept => in_order(self.is_big_endian, self.number.len_bytes()),
            wanted if *wanted == wide => self.convert(true),
            wanted if *wanted == narrow => self.convert(false),
            other => {
                let integers = match self.number.is_float() {
                    true => String::new(),
                    false => format!(" or {kept}"),
                };
                let message = format!(
                    "`dtype` is {other}, and samples of this recording are read as {narrow}, {wide}{integers}"
                );
                return Err(OpError::param("dtype", message));
            }
        };
        Ok((wanted, convert))
    }

    /// To floats, full scale to 1.
    fn convert(&self, is_wide: bool) -> Convert {
        let big = self.is_big_endian;
        match self.number {
            Scalar::U8 => floats(big, is_wide, |b| {
                (f64::from(u8::from_le_bytes(b)) - 128.0) / 128.0
            }),
            Scalar::I8 => floats(big, is_wide, |b| f64::from(i8::from_le_bytes(b)) / 128.0),
            Scalar::U16 => floats(big, is_wide, |b| {
                (f64::from(u16::from_le_bytes(b)) - 32_768.0) / 32_768.0
            }),
            Scalar::I16 => floats(big, is_wide, |b| {
                f64::from(i16::from_le_bytes(b)) / 32_768.0
            }),
            Scalar::U32 => floats(big, is_wide, |b| {
                (f64::from(u32::from_le_bytes(b)) - 2_147_483_648.0) / 2_147_483_648.0
            }),
            Scalar::I32 => floats(big, is_wide, |b| {
                f64::from(i32::from_le_bytes(b)) / 2_147_483_648.0
            }),
            Scalar::F32 => floats(big, is_wide, |b| f64::from(f32::from_le_bytes(b))),
            _ => floats(big, is_wide, f64::from_le_bytes),
        }
    }
}

/// The numbers that samples can be made of.
const NUMBERS: [Scalar; 8] = [
    Scalar::U8,
    Scalar::I8,
    Scalar::U16,
    Scalar::I16,
    Scalar::U32,
    Scalar::I32,
    Scalar::F32,
    Scalar::F64,
];

fn of_width(scalar: Scalar, width: u32) -> ItemType {
    match width {
        1 => ItemType::Scalar(scalar),
        width => ItemType::Vector(scalar, width),
    }
}

fn floats<const N: usize>(
    is_big_endian: bool,
    is_wide: bool,
    value: impl Fn([u8; N]) -> f64 + Copy + 'static,
) -> Convert {
    let reversed = move |mut bytes: [u8; N]| {
        bytes.reverse();
        value(bytes)
    };
    match (is_big_endian, is_wide) {
        (false, true) => picked(None, value),
        (false, false) => picked(None, move |bytes| value(bytes) as f32),
        (true, true) => picked(None, reversed),
        (true, false) => picked(None, move |bytes| reversed(bytes) as f32),
    }
}
