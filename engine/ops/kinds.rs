//! What typed operators say of their streams: which items they read, and which they give for them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thalweg_worker::closures::Framed;
use thalweg_worker::op::Value;
use thalweg_worker::types::{Complex, Element, Item, ItemType};

use crate::text::{Bytes, Text};

/// What items a stream has: any [`Item`], [`Text`] or [`Bytes`].
pub trait Kind: 'static {
    #[doc(hidden)]
    fn kind() -> ItemType;
}

impl<T: Item> Kind for T {
    fn kind() -> ItemType {
        T::item_type()
    }
}

impl Kind for Text {
    fn kind() -> ItemType {
        <Text as Framed>::item_type()
    }
}

impl Kind for Bytes {
    fn kind() -> ItemType {
        <Bytes as Framed>::item_type()
    }
}

/// A number, and the numbers that operators give for it.
pub trait Number: Element + Numbers<Number = Self> {
    /// What filters give: the number itself, `f64` for integers.
    type Float: Number;
    /// Real, in the same precision: `f32` for `f32` and `cf32`, else `f64`.
    type Real: Number;
    /// Complex, in the same precision: `cf32` for `f32` and `cf32`, else `cf64`.
    type Complex: Number;
}

macro_rules! numbers {
    ($($($number:ty),+ => $float:ty, $real:ty, $complex:ty;)*) => {$($(
        impl Number for $number {
            type Float = $float;
            type Real = $real;
            type Complex = $complex;
        }

        impl Numbers for $number {
            type Number = $number;
            type Of<E: Number> = E;
        }
    )+)*};
}

numbers! {
    u8, i8, u16, i16, u32, i32, u64, i64, f64 => f64, f64, Complex<f64>;
    f32 => f32, f32, Complex<f32>;
    Complex<f32> => Complex<f32>, f32, Complex<f32>;
    Complex<f64> => Complex<f64>, f64, Complex<f64>;
}

/// A number, a vector of them or a matrix.
pub trait Numbers: Item {
    /// What it is made of.
    type Number: Number;
    /// The same shape made of other numbers.
    type Of<E: Number>: Numbers;
}

impl<N: Number, const LEN: usize> Numbers for [N; LEN] {
    type Number = N;
    type Of<E: Number> = [E; LEN];
}

impl<N: Number, const COLUMNS: usize, const ROWS: usize> Numbers for [[N; COLUMNS]; ROWS] {
    type Number = N;
    type Of<E: Number> = [[E; COLUMNS]; ROWS];
}

/// What filters give for items `T`: the same, of `f64` for integers.
pub type Float<T> = <T as Numbers>::Of<<<T as Numbers>::Number as Number>::Float>;

/// Items shaped as `T`, of real numbers: `f32` for `f32` and `cf32`, else `f64`.
pub type Real<T> = <T as Numbers>::Of<RealOf<T>>;

/// Items shaped as `T`, of complex numbers: `cf32` for `f32` and `cf32`, else `cf64`.
pub type Cx<T> = <T as Numbers>::Of<CxOf<T>>;

/// One real number in the precision of items `T`.
pub type RealOf<T> = <<T as Numbers>::Number as Number>::Real;

/// One complex number in the precision of items `T`.
pub type CxOf<T> = <<T as Numbers>::Number as Number>::Complex;

/// A length in items, or a duration where the stream's rate is known: `480`, `"10 ms"`, [`Duration`].
pub trait Length: Into<Value> {}

/// Where a file is: a text or a path, borrowed or not. `-` is standard input or output.
pub trait FilePath: Into<Value> {}

/// One number, or a list of them.
pub trait List: Into<Value> {}

/// One text, or a list of them.
pub trait TextList: Into<Value> {}

/// Numbers by their names.
pub trait Live: Into<Value> {}

impl Live for Vec<(&str, f64)> {}
impl<const N: usize> Live for [(&str, f64); N] {}

/// An item as a number or a text, or a list of them.
pub trait Items: Into<Value> {}

/// A column's name, or its number counting from 0; or a list of them.
pub trait Columns: Into<Value> {}

macro_rules! values {
    ($($kind:ident: $($value:ty),*;)*) => {
        $($(impl $kind for $value {})*)*
    };
}

macro_rules! lists {
    ($($kind:ident of $($value:ty),*;)*) => {$($(
        impl $kind for Vec<$value> {}
        impl<const N: usize> $kind for [$value; N] {}
    )*)*};
}

values! {
    Length: i32, i64, u64, usize, &str, String, Duration;
    FilePath: &str, String, &String, &Path, &PathBuf, PathBuf;
    List: i32, i64, u64, usize, f64;
    TextList: &str, String;
    Items: i32, i64, u64, usize, f64, &str, String;
    Columns: i32, u64, usize, &str, String;
}

lists! {
    List of i32, i64, u64, usize, f64;
    TextList of &str, String;
    Items of i32, i64, u64, usize, f64, &str, String;
    Columns of i32, u64, usize, &str, String;
}
