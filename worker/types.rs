//! Item types: what one item of a stream is, how long it is, how a graph file spells it.
//!
//! A type is a name with a length. Every fixed-size type is `Pod`: any bytes are a value, so a peer
//! can never hand over an invalid one. The spelling (`f64`, `f64[3]`, `timed<f64>`, `bytes`) is the
//! one of the graph file, of error messages and of the name in a ring's header.

use std::fmt;
use std::str::FromStr;

use bytemuck::{Pod, Zeroable};

/// A complex number: `Complex<f32>` is `cf32`, `Complex<f64>` is `cf64`.
pub use num_complex::Complex;

/// A number: what the elements of every fixed-size item are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 64 bits.
    I64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Complex of two `f32`: real, imaginary.
    Cf32,
    /// Complex of two `f64`: real, imaginary.
    Cf64,
}

impl Scalar {
    /// Every scalar, in the order the documentation lists them.
    pub const ALL: [Scalar; 12] = [
        Scalar::U8,
        Scalar::I8,
        Scalar::U16,
        Scalar::I16,
        Scalar::U32,
        Scalar::I32,
        Scalar::U64,
        Scalar::I64,
        Scalar::F32,
        Scalar::F64,
        Scalar::Cf32,
        Scalar::Cf64,
    ];

    /// The spelling in graph files: `u8` .. `cf64`.
    pub const fn name(self) -> &'static str {
        match self {
            Scalar::U8 => "u8",
            Scalar::I8 => "i8",
            Scalar::U16 => "u16",
            Scalar::I16 => "i16",
            Scalar::U32 => "u32",
            Scalar::I32 => "i32",
            Scalar::U64 => "u64",
            Scalar::I64 => "i64",
            Scalar::F32 => "f32",
            Scalar::F64 => "f64",
            Scalar::Cf32 => "cf32",
            Scalar::Cf64 => "cf64",
        }
    }

    /// Bytes of one value.
    pub const fn len_bytes(self) -> usize {
        match self {
            Scalar::U8 | Scalar::I8 => 1,
            Scalar::U16 | Scalar::I16 => 2,
            Scalar::U32 | Scalar::I32 | Scalar::F32 => 4,
            Scalar::U64 | Scalar::I64 | Scalar::F64 | Scalar::Cf32 => 8,
            Scalar::Cf64 => 16,
        }
    }

    /// Alignment of one value in bytes.
    pub const fn align(self) -> usize {
        match self {
            Scalar::Cf32 => 4,
            Scalar::Cf64 => 8,
            other => other.len_bytes(),
        }
    }

    /// The smallest that holds the numbers of both, as NumPy promotes them; `None` of `u64` beside integers with a sign,
    /// of which no integer holds all. Whole numbers of 64 bits beside floats become `f64`.
    pub fn common(self, other: Scalar) -> Option<Scalar> {
        let is_signed =
            |s: Scalar| matches!(s, Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64);
        let (small, large) = match self.len_bytes() <= other.len_bytes() {
            true => (self, other),
            false => (other, self),
        };
        if self == other {
            return Some(self);
        }
        if !self.is_integer() || !other.is_integer() {
            let fits_single = |s: Scalar| match s {
                Scalar::F32 | Scalar::Cf32 => true,
                s => s.is_integer() && s.len_bytes() <= 2,
            };
            let is_single = fits_single(self) && fits_single(other);
            return Some(match (self.is_complex() || other.is_complex(), is_single) {
                (false, true) => Scalar::F32,
                (false, false) => Scalar::F64,
                (true, true) => Scalar::Cf32,
                (true, false) => Scalar::Cf64,
            });
        }
        match (is_signed(small), is_signed(large)) {
            (one, other) if one == other => Some(large),
            (false, true) if small.len_bytes() < large.len_bytes() => Some(large),
            _ => match large.len_bytes() {
                1 => Some(Scalar::I16),
                2 => Some(Scalar::I32),
                4 => Some(Scalar::I64),
                _ => None,
            },
        }
    }

    /// True for `f32` and `f64`.
    pub const fn is_float(self) -> bool {
        matches!(self, Scalar::F32 | Scalar::F64)
    }

    /// True for `cf32` and `cf64`.
    pub const fn is_complex(self) -> bool {
        matches!(self, Scalar::Cf32 | Scalar::Cf64)
    }

    /// True for `u8` .. `i64`.
    pub const fn is_integer(self) -> bool {
        !self.is_float() && !self.is_complex()
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Numbers that a vector has at most.
pub const VECTOR_LEN_MAX: u32 = 65_536;

/// What one item of a stream is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemType {
    /// One number.
    Scalar(Scalar),
    /// A fixed number of numbers of one kind: `f64[3]`. The length is at least 1.
    Vector(Scalar, u32),
    /// A time in seconds (`f64`) and a value: `timed<f64>`.
    Timed(Scalar),
    /// A time in seconds (`f64`) and several numbers of one kind: `timed<f64[3]>`.
    TimedVector(Scalar, u32),
    /// Length-prefixed frames of bytes in a byte ring; one item of the ring is one byte.
    Bytes,
    /// As `Bytes`, and every frame is UTF-8.
    Text,
    /// A `Pod` type of a Rust program, known by its name, length and alignment.
    Pod {
        /// The type's name, as Rust prints it.
        name: &'static str,
        /// Bytes of one item.
        len_bytes: u32,
        /// Alignment of one item in bytes.
        align: u32,
    },
}

impl ItemType {
    /// One `f64`.
    pub const F64: ItemType = ItemType::Scalar(Scalar::F64);
    /// One `f32`.
    pub const F32: ItemType = ItemType::Scalar(Scalar::F32);
    /// One `u8`.
    pub const U8: ItemType = ItemType::Scalar(Scalar::U8);

    /// Bytes of one item; 1 for frames, whose ring counts bytes.
    pub fn len_bytes(&self) -> usize {
        match *self {
            ItemType::Scalar(scalar) => scalar.len_bytes(),
            ItemType::Vector(scalar, len) => scalar.len_bytes() * len as usize,
            ItemType::Timed(scalar) => 8 + scalar.len_bytes().next_multiple_of(8),
            ItemType::TimedVector(scalar, len) => {
                8 + (scalar.len_bytes() * len as usize).next_multiple_of(8)
            }
            ItemType::Bytes | ItemType::Text => 1,
            ItemType::Pod { len_bytes, .. } => len_bytes as usize,
        }
    }

    /// Alignment of one item in bytes.
    pub fn align(&self) -> usize {
        match *self {
            ItemType::Scalar(scalar) | ItemType::Vector(scalar, _) => scalar.align(),
            ItemType::Timed(_) | ItemType::TimedVector(..) => 8,
            ItemType::Bytes | ItemType::Text => 1,
            ItemType::Pod { align, .. } => align as usize,
        }
    }

    /// The numbers an item is made of and how many there are: `f64[3]` is `(F64, 3)`.
    ///
    /// `None` for timed items, frames and the types of Rust programs.
    pub fn elements(&self) -> Option<(Scalar, usize)> {
        match *self {
            ItemType::Scalar(scalar) => Some((scalar, 1)),
            ItemType::Vector(scalar, len) => Some((scalar, len as usize)),
            _ => None,
        }
    }

    /// The numbers that a timed item has beside its time, from byte 8 on: `timed<f64[3]>` is `(F64, 3)`.
    pub fn timed_values(&self) -> Option<(Scalar, usize)> {
        match *self {
            ItemType::Timed(scalar) => Some((scalar, 1)),
            ItemType::TimedVector(scalar, len) => Some((scalar, len as usize)),
            _ => None,
        }
    }

    /// Timed items with values of this type; `None` where there are none such.
    pub fn timed(&self) -> Option<ItemType> {
        match *self {
            ItemType::Scalar(scalar) => Some(ItemType::Timed(scalar)),
            ItemType::Vector(scalar, len) => Some(ItemType::TimedVector(scalar, len)),
            _ => None,
        }
    }

    /// The number an item is, where it is one number.
    pub fn scalar(&self) -> Option<Scalar> {
        match *self {
            ItemType::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The same shape made of other numbers: `f64[3]` with `F32` is `f32[3]`.
    pub fn with_scalar(&self, scalar: Scalar) -> ItemType {
        match *self {
            ItemType::Vector(_, len) => ItemType::Vector(scalar, len),
            ItemType::Timed(_) => ItemType::Timed(scalar),
            ItemType::TimedVector(_, len) => ItemType::TimedVector(scalar, len),
            _ => ItemType::Scalar(scalar),
        }
    }

    /// True for `bytes` and `text`, whose items are frames of varying length.
    pub fn is_framed(&self) -> bool {
        matches!(self, ItemType::Bytes | ItemType::Text)
    }
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ItemType::Scalar(scalar) => write!(f, "{scalar}"),
            ItemType::Vector(scalar, len) => write!(f, "{scalar}[{len}]"),
            ItemType::Timed(scalar) => write!(f, "timed<{scalar}>"),
            ItemType::TimedVector(scalar, len) => write!(f, "timed<{scalar}[{len}]>"),
            ItemType::Bytes => f.write_str("bytes"),
            ItemType::Text => f.write_str("text"),
            ItemType::Pod { name, .. } => f.write_str(name),
        }
    }
}

/// A spelling that names no item type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is no item type; there are u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 cf32 cf64, vectors of them (f64[3]), timed<f64>, timed<f64[3]>, bytes and text"
)]
pub struct UnknownType {
    /// What was found.
    pub found: String,
}

impl FromStr for ItemType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<ItemType, UnknownType> {
        parse(text.trim()).ok_or_else(|| UnknownType {
            found: text.to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<ItemType> {
    if let Some(inner) = text
        .strip_prefix("timed<")
        .and_then(|t| t.strip_suffix('>'))
    {
        return fixed(inner)?.timed();
    }
    match text {
        "bytes" => Some(ItemType::Bytes),
        "text" => Some(ItemType::Text),
        _ => fixed(text),
    }
}

/// A number, or a vector of them.
fn fixed(text: &str) -> Option<ItemType> {
    let Some((scalar, len)) = text.strip_suffix(']').and_then(|t| t.split_once('[')) else {
        return scalar_named(text).map(ItemType::Scalar);
    };
    let len = len
        .parse::<u32>()
        .ok()
        .filter(|n| (1..=VECTOR_LEN_MAX).contains(n))?;
    scalar_named(scalar).map(|s| ItemType::Vector(s, len))
}

fn scalar_named(name: &str) -> Option<Scalar> {
    Scalar::ALL.into_iter().find(|s| s.name() == name)
}

/// A Rust type that can be an item: `Pod`, and it knows its spelling.
///
/// Numbers, complex numbers, arrays of them and [`Timed`] have the types graph files know. Any other
/// `Pod` type takes part by an empty `impl Item for MyType {}`; it is then known by its Rust name.
pub trait Item: Pod {
    /// The item type that a stream of `Self` has.
    fn item_type() -> ItemType {
        ItemType::Pod {
            name: std::any::type_name::<Self>(),
            len_bytes: size_of::<Self>() as u32,
            align: align_of::<Self>() as u32,
        }
    }
}

/// A number a stream can be made of, with the [`Scalar`] that stands for it.
pub trait Element: Item {
    /// The scalar of this Rust type.
    const SCALAR: Scalar;
}

macro_rules! elements {
    ($($rust:ty => $scalar:ident),* $(,)?) => {$(
        impl Element for $rust {
            const SCALAR: Scalar = Scalar::$scalar;
        }
        impl Item for $rust {
            fn item_type() -> ItemType {
                ItemType::Scalar(Scalar::$scalar)
            }
        }
    )*};
}

elements! {
    u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32,
    u64 => U64, i64 => I64, f32 => F32, f64 => F64,
    Complex<f32> => Cf32, Complex<f64> => Cf64,
}

impl<E: Element, const N: usize> Item for [E; N]
where
    [E; N]: Pod,
{
    fn item_type() -> ItemType {
        ItemType::Vector(E::SCALAR, N as u32)
    }
}

/// A matrix, row by row: graph files see all its numbers as one vector.
impl<E: Element, const N: usize, const M: usize> Item for [[E; M]; N]
where
    [[E; M]; N]: Pod,
{
    fn item_type() -> ItemType {
        ItemType::Vector(E::SCALAR, (N * M) as u32)
    }
}

/// A value with the time it belongs to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timed<T> {
    /// Seconds since the stream's own zero.
    pub seconds: f64,
    /// The value at that time.
    pub value: T,
}

macro_rules! timed {
    ($($value:ty => $scalar:ident),*) => {$(
        // SAFETY: two 8-byte fields, `repr(C)`: 16 bytes without padding, every bit pattern a value.
        unsafe impl Zeroable for Timed<$value> {}
        // SAFETY: as above; no pointers, no interior mutability.
        unsafe impl Pod for Timed<$value> {}
        const _: () = assert!(size_of::<Timed<$value>>() == 16);
        impl Item for Timed<$value> {
            fn item_type() -> ItemType {
                ItemType::Timed(Scalar::$scalar)
            }
        }
    )*};
}

timed! { f64 => F64, i64 => I64, u64 => U64 }

macro_rules! timed_arrays {
    ($($value:ty => $scalar:ident),*) => {$(
        // SAFETY: a number of 8 bytes and an array of such: `repr(C)` without padding, every bit pattern a value.
        unsafe impl<const N: usize> Zeroable for Timed<[$value; N]> {}
        // SAFETY: as above; no pointers, no interior mutability.
        unsafe impl<const N: usize> Pod for Timed<[$value; N]> {}
        impl<const N: usize> Item for Timed<[$value; N]> {
            fn item_type() -> ItemType {
                ItemType::TimedVector(Scalar::$scalar, N as u32)
            }
        }
    )*};
}

timed_arrays! { f64 => F64, i64 => I64, u64 => U64 }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_scalars_become_the_smallest_that_holds_both() {
        use Scalar::{Cf32, Cf64, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        let cases = [
            (U8, U8, Some(U8)),
            (U8, I8, Some(I16)),
            (I8, U16, Some(I32)),
            (U8, I16, Some(I16)),
            (U32, I64, Some(I64)),
            (U32, I32, Some(I64)),
            (U16, U64, Some(U64)),
            (I64, U64, None),
            (I8, U64, None),
            (F32, U16, Some(F32)),
            (F32, I32, Some(F64)),
            (F32, F64, Some(F64)),
            (U64, F64, Some(F64)),
            (Cf32, I16, Some(Cf32)),
            (Cf32, F64, Some(Cf64)),
            (U32, Cf32, Some(Cf64)),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.common(other), expected, "{one} {other}");
            assert_eq!(other.common(one), expected, "{other} {one}");
        }
    }

    #[test]
    fn every_spelling_is_read_back() {
        let spellings = [
            "u8",
            "cf32",
            "f64[3]",
            "timed<f64>",
            "timed<f32>",
            "timed<f64[3]>",
            "timed<i16[5]>",
            "bytes",
            "text",
        ];
        for spelling in spellings {
            assert_eq!(spelling.parse::<ItemType>().unwrap().to_string(), spelling);
        }
        for scalar in Scalar::ALL {
            assert_eq!(scalar.name().parse(), Ok(ItemType::Scalar(scalar)));
        }
    }

    #[test]
    fn what_is_no_type_is_refused_by_name() {
        for spelling in [
            "",
            "f65",
            "f64[0]",
            "f64[-1]",
            "f64[]",
            "timed<>",
            "timed<x>",
            "timed<text>",
            "timed<f64[0]>",
            "timed<timed<f64>>",
            "F64",
        ] {
            let refused = spelling.parse::<ItemType>().unwrap_err();
            assert_eq!(refused.found, spelling);
        }
    }

    #[test]
    fn lengths_are_those_of_the_rust_types() {
        assert_eq!(ItemType::F64.len_bytes(), size_of::<f64>());
        assert_eq!(<[f32; 3]>::item_type().len_bytes(), 12);
        assert_eq!(<[[f64; 2]; 3]>::item_type().to_string(), "f64[6]");
        assert_eq!(
            Timed::<[f64; 3]>::item_type().len_bytes(),
            size_of::<Timed<[f64; 3]>>()
        );
        assert_eq!(
            Complex::<f32>::item_type().len_bytes(),
            size_of::<Complex<f32>>()
        );
        assert_eq!(
            Timed::<f64>::item_type().len_bytes(),
            size_of::<Timed<f64>>()
        );
    }
}
