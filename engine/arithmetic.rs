//! Streams in expressions: `&a + &b`, `2.0 * &a`, `-&a`, `a.lt(&b)`, `a.gt(0.5)`.
//!
//! Each operator adds an agent that takes the streams item by item and ends with the shorter. Its name is made
//! up: `add`, `add2`, `add3` and so on; `thalweg plan` shows them. Integers wrap, and dividing by 0 gives 0, as in
//! the expressions of graph files; `%` of negative numbers has the sign of the left one, as in Rust.
//! A number on the left that a method follows at once needs its type written out: `(1.0_f64 - &a).gt(&b)`.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("sums");
//! let a = g.source("a", ops::noise(1).items(1000));
//! let b = g.source("b", ops::noise(2).items(1000));
//! let middle = (&a + &b) / 2.0;
//! let above = (1.0_f64 - &a).gt(&middle);
//! let loud = a.ge(0.5);
//! # g.into_decl().unwrap();
//! ```

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use thalweg_worker::types::Item;

use crate::graph::Placed;
use crate::rows::zip;
use crate::stream::Stream;

impl<T: Item> Stream<T> {
    /// A stream of 1 where the item is less than the other's, or the number, else 0. The agent's name is made up.
    #[track_caller]
    pub fn lt(&self, other: impl Comparand<T>) -> Stream<u8>
    where
        T: PartialOrd,
    {
        other.compared("lt", self, |a, b| a < b)
    }

    /// A stream of 1 where the item is at most the other's, or the number, else 0. The agent's name is made up.
    #[track_caller]
    pub fn le(&self, other: impl Comparand<T>) -> Stream<u8>
    where
        T: PartialOrd,
    {
        other.compared("le", self, |a, b| a <= b)
    }

    /// A stream of 1 where the item is greater than the other's, or the number, else 0. The agent's name is made up.
    #[track_caller]
    pub fn gt(&self, other: impl Comparand<T>) -> Stream<u8>
    where
        T: PartialOrd,
    {
        other.compared("gt", self, |a, b| a > b)
    }

    /// A stream of 1 where the item is at least the other's, or the number, else 0. The agent's name is made up.
    #[track_caller]
    pub fn ge(&self, other: impl Comparand<T>) -> Stream<u8>
    where
        T: PartialOrd,
    {
        other.compared("ge", self, |a, b| a >= b)
    }

    /// A stream of 1 where the item equals the other's, or the number, else 0. The agent's name is made up.
    #[track_caller]
    pub fn eq(&self, other: impl Comparand<T>) -> Stream<u8>
    where
        T: PartialEq,
    {
        other.compared("eq", self, |a, b| a == b)
    }

    /// A stream of 1 where the item differs from the other's, or the number, else 0. The agent's name is made up.
    #[track_caller]
    pub fn ne(&self, other: impl Comparand<T>) -> Stream<u8>
    where
        T: PartialEq,
    {
        other.compared("ne", self, |a, b| a != b)
    }

    #[track_caller]
    fn with_all(
        &self,
        stem: &str,
        other: &Stream<T>,
        f: impl Fn(T, T) -> T + 'static,
    ) -> Stream<T> {
        let name = self.handle().draft.fresh(stem);
        zip((self, other)).map(&name, move |(a, b)| f(a, b))
    }

    #[track_caller]
    fn with_each(&self, stem: &str, f: impl Fn(T) -> T + 'static) -> Stream<T> {
        let name = self.handle().draft.fresh(stem);
        self.map(&name, f)
    }
}

/// What the items of a stream are compared with: those of another one, or a number.
pub trait Comparand<T> {
    /// 1 where this holds of an item of `stream` and what it is compared with, else 0.
    #[doc(hidden)]
    fn compared(
        self,
        stem: &str,
        stream: &Stream<T>,
        holds: impl Fn(&T, &T) -> bool + 'static,
    ) -> Stream<u8>;
}

impl<T: Item> Comparand<T> for &Stream<T> {
    #[track_caller]
    fn compared(
        self,
        stem: &str,
        stream: &Stream<T>,
        holds: impl Fn(&T, &T) -> bool + 'static,
    ) -> Stream<u8> {
        let name = stream.handle().draft.fresh(stem);
        zip((stream, self)).map(&name, move |(a, b)| u8::from(holds(&a, &b)))
    }
}

impl<T: Item> Comparand<T> for T {
    #[track_caller]
    fn compared(
        self,
        stem: &str,
        stream: &Stream<T>,
        holds: impl Fn(&T, &T) -> bool + 'static,
    ) -> Stream<u8> {
        let name = stream.handle().draft.fresh(stem);
        stream.map(&name, move |x| u8::from(holds(&x, &self)))
    }
}

/// One operator of streams of one type: between streams, and with a number on either side.
macro_rules! operator {
    ($number:ty, $trait:ident $method:ident, $f:expr) => {
        operator! { @streams $number, $trait $method, $f, [&Stream<$number>] [&Stream<$number>] }
        operator! { @streams $number, $trait $method, $f, [Stream<$number>] [&Stream<$number>] }
        operator! { @streams $number, $trait $method, $f, [&Stream<$number>] [Stream<$number>] }
        operator! { @streams $number, $trait $method, $f, [Stream<$number>] [Stream<$number>] }
        operator! { @number $number, $trait $method, $f, [&Stream<$number>] }
        operator! { @number $number, $trait $method, $f, [Stream<$number>] }
    };
    (@streams $number:ty, $trait:ident $method:ident, $f:expr, [$($left:tt)+] [$($right:tt)+]) => {
        impl $trait<$($right)+> for $($left)+ {
            type Output = Stream<$number>;

            #[track_caller]
            fn $method(self, other: $($right)+) -> Stream<$number> {
                self.with_all(stringify!($method), &other, $f)
            }
        }
    };
    (@number $number:ty, $trait:ident $method:ident, $f:expr, [$($stream:tt)+]) => {
        impl $trait<$number> for $($stream)+ {
            type Output = Stream<$number>;

            #[track_caller]
            fn $method(self, other: $number) -> Stream<$number> {
                self.with_each(stringify!($method), move |x| ($f)(x, other))
            }
        }

        impl $trait<$($stream)+> for $number {
            type Output = Stream<$number>;

            #[track_caller]
            fn $method(self, other: $($stream)+) -> Stream<$number> {
                other.with_each(stringify!($method), move |x| ($f)(self, x))
            }
        }
    };
}

macro_rules! negation {
    ($number:ty, $f:expr) => {
        impl Neg for &Stream<$number> {
            type Output = Stream<$number>;

            #[track_caller]
            fn neg(self) -> Stream<$number> {
                self.with_each("neg", $f)
            }
        }

        impl Neg for Stream<$number> {
            type Output = Stream<$number>;

            #[track_caller]
            fn neg(self) -> Stream<$number> {
                self.with_each("neg", $f)
            }
        }
    };
}

macro_rules! floats {
    ($($number:ty),*) => {$(
        operator! { $number, Add add, |a: $number, b: $number| a + b }
        operator! { $number, Sub sub, |a: $number, b: $number| a - b }
        operator! { $number, Mul mul, |a: $number, b: $number| a * b }
        operator! { $number, Div div, |a: $number, b: $number| a / b }
        operator! { $number, Rem rem, |a: $number, b: $number| a % b }
        negation! { $number, |x: $number| -x }
    )*};
}

macro_rules! integers {
    ($($number:ty),*) => {$(
        operator! { $number, Add add, <$number>::wrapping_add }
        operator! { $number, Sub sub, <$number>::wrapping_sub }
        operator! { $number, Mul mul, <$number>::wrapping_mul }
        operator! { $number, Div div, |a: $number, b: $number| match b {
            0 => 0,
            b => a.wrapping_div(b),
        } }
        operator! { $number, Rem rem, |a: $number, b: $number| match b {
            0 => 0,
            b => a.wrapping_rem(b),
        } }
    )*};
}

floats! { f32, f64 }
integers! { i32, u32, i64, u64 }
negation! { i32, i32::wrapping_neg }
negation! { i64, i64::wrapping_neg }
