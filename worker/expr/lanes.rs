//! The loops: each operation over the lanes of a block, one tight loop per operation and kind.
//!
//! Everything here is `inline(always)`, so that [`super::eval`] can compile the whole of it once more for
//! processors with wider registers. The same IEEE operations in the same order give the same bits there.

use bytemuck::Pod;

use super::code::{Binary, Kind, Pair, Unary};

/// A Rust type that lanes are made of.
pub(super) trait Lane: Pod {
    fn to_i64(self) -> i64;
    fn to_f64(self) -> f64;

    /// The number whose bits are the lowest of these.
    fn of_bits(bits: u64) -> Self;
}

/// The lanes of an operand, and the number that is in all of them where one is.
#[derive(Clone, Copy)]
pub(super) struct Many<'a, T> {
    pub lanes: &'a [T],
    pub literal: Option<T>,
}

macro_rules! lanes {
    ($($rust:ty),*) => {$(
        impl Lane for $rust {
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self as i64
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            #[inline(always)]
            fn of_bits(bits: u64) -> Self {
                *bytemuck::from_bytes(&bytemuck::bytes_of(&bits)[..size_of::<Self>()])
            }
        }
    )*};
}

lanes! { u8, i64, u64, f32, f64 }

impl<'a, T> Many<'a, T> {
    /// Lanes that are no literal's.
    pub fn of(lanes: &'a [T]) -> Many<'a, T> {
        Many {
            lanes,
            literal: None,
        }
    }
}

#[inline(always)]
pub(super) fn each<T: Copy, U>(to: &mut [U], a: &[T], f: impl Fn(T) -> U) {
    for (to, a) in to.iter_mut().zip(a) {
        *to = f(*a);
    }
}

#[inline(always)]
pub(super) fn each_pair<T: Copy, U>(to: &mut [U], a: &[T], b: &[T], f: impl Fn(T, T) -> U) {
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = f(*a, *b);
    }
}

/// As [`each_pair`], where `b` is often a literal: then it is no lanes to be read.
#[inline(always)]
fn each_of<T: Copy, U>(to: &mut [U], a: &[T], b: Many<'_, T>, f: impl Fn(T, T) -> U) {
    match b.literal {
        Some(b) => each(to, a, |a| f(a, b)),
        None => each_pair(to, a, b.lanes, f),
    }
}

/// `x * k + c` reads the lanes of `x` alone.
#[inline(always)]
fn each_of_three<T: Copy>(
    to: &mut [T],
    a: &[T],
    b: Many<'_, T>,
    c: Many<'_, T>,
    f: impl Fn(T, T, T) -> T,
) {
    match (b.literal, c.literal) {
        (Some(b), Some(c)) => each(to, a, |a| f(a, b, c)),
        (None, Some(c)) => each_pair(to, a, b.lanes, |a, b| f(a, b, c)),
        _ => {
            for (((to, a), b), c) in to.iter_mut().zip(a).zip(b.lanes).zip(c.lanes) {
                *to = f(*a, *b, *c);
            }
        }
    }
}

#[inline(always)]
pub(super) fn select<T: Copy>(to: &mut [T], condition: &[u8], a: &[T], b: &[T]) {
    for (((to, a), b), c) in to.iter_mut().zip(a).zip(b).zip(condition) {
        *to = if *c != 0 { *a } else { *b };
    }
}

#[inline(always)]
pub(super) fn cast<T: Lane>(to: &mut [u8], lanes: usize, kind: Kind, a: &[T]) {
    match kind {
        Kind::Bool => each(room::<u8>(to, lanes), a, |x| u8::from(x.to_f64() != 0.0)),
        Kind::I64 => each(room::<i64>(to, lanes), a, T::to_i64),
        Kind::U64 => each(room::<u64>(to, lanes), a, |x| x.to_i64() as u64),
        Kind::F32 => each(room::<f32>(to, lanes), a, |x| x.to_f64() as f32),
        Kind::F64 => each(room::<f64>(to, lanes), a, T::to_f64),
    }
}

/// Room for so many lanes, at the beginning of a register's or of the results' bytes.
#[inline(always)]
pub(super) fn room<T: Pod>(bytes: &mut [u8], lanes: usize) -> &mut [T] {
    bytemuck::cast_slice_mut(&mut bytes[..lanes * size_of::<T>()])
}

/// What a kind can do with one operand and with two.
pub(super) trait Arithmetic: Lane {
    fn unary(op: Unary, to: &mut [Self], a: &[Self]);
    fn binary(op: Binary, to: &mut [Self], a: &[Self], b: Many<'_, Self>);
    fn pair(ops: Pair, to: &mut [Self], a: &[Self], b: Many<'_, Self>, c: Many<'_, Self>);
}

/// Comparisons give truth values.
#[inline(always)]
pub(super) fn compare<T: Lane + PartialOrd>(op: Binary, to: &mut [u8], a: &[T], b: Many<'_, T>) {
    match op {
        Binary::Eq => each_of(to, a, b, |a, b| u8::from(a == b)),
        Binary::Ne => each_of(to, a, b, |a, b| u8::from(a != b)),
        Binary::Lt => each_of(to, a, b, |a, b| u8::from(a < b)),
        Binary::Le => each_of(to, a, b, |a, b| u8::from(a <= b)),
        Binary::Gt => each_of(to, a, b, |a, b| u8::from(a > b)),
        Binary::Ge => each_of(to, a, b, |a, b| u8::from(a >= b)),
        _ => unreachable!("{op:?} compares nothing"),
    }
}

macro_rules! float_arithmetic {
    ($($float:ident),*) => {$(
        impl Arithmetic for $float {
            #[inline(always)]
            fn unary(op: Unary, to: &mut [$float], a: &[$float]) {
                match op {
                    Unary::Neg => each(to, a, |x| -x),
                    Unary::Not => each(to, a, |x| $float::from(x == 0.0)),
                    Unary::Abs => each(to, a, $float::abs),
                    Unary::Sign => each(to, a, |x| {
                        // 0 and NaN are their own signs.
                        if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x }
                    }),
                    Unary::Floor => each(to, a, $float::floor),
                    Unary::Ceil => each(to, a, $float::ceil),
                    Unary::Round => each(to, a, $float::round_ties_even),
                    Unary::Trunc => each(to, a, $float::trunc),
                    Unary::Sqrt => each(to, a, $float::sqrt),
                    Unary::Exp => each(to, a, $float::exp),
                    Unary::Ln => each(to, a, $float::ln),
                    Unary::Log10 => each(to, a, $float::log10),
                    Unary::Log2 => each(to, a, $float::log2),
                    Unary::Sin => each(to, a, $float::sin),
                    Unary::Cos => each(to, a, $float::cos),
                    Unary::Tan => each(to, a, $float::tan),
                    Unary::Asin => each(to, a, $float::asin),
                    Unary::Acos => each(to, a, $float::acos),
                    Unary::Atan => each(to, a, $float::atan),
                    Unary::Sinh => each(to, a, $float::sinh),
                    Unary::Cosh => each(to, a, $float::cosh),
                    Unary::Tanh => each(to, a, $float::tanh),
                }
            }

            #[inline(always)]
            fn binary(op: Binary, to: &mut [$float], a: &[$float], many: Many<'_, $float>) {
                let b = many.lanes;
                match op {
                    Binary::Add => each_of(to, a, many, |a, b| a + b),
                    Binary::Sub => each_of(to, a, many, |a, b| a - b),
                    Binary::Mul => each_of(to, a, many, |a, b| a * b),
                    Binary::Div => each_of(to, a, many, |a, b| a / b),
                    Binary::FloorDiv => each_pair(to, a, b, |a, b| {
                        let rest = a % b;
                        let is_below = rest != 0.0 && (rest < 0.0) != (b < 0.0);
                        let quotient = (a - rest) / b - $float::from(u8::from(is_below));
                        let down = quotient.floor();
                        let near = if quotient - down > 0.5 { down + 1.0 } else { down };
                        // A quotient of 0 has the sign of the exact one.
                        let down = if quotient == 0.0 { near.copysign(a / b) } else { near };
                        if b == 0.0 { a / b } else { down }
                    }),
                    Binary::Mod => each_pair(to, a, b, |a, b| {
                        let rest = a % b;
                        let is_below = rest != 0.0 && (rest < 0.0) != (b < 0.0);
                        let rest = if is_below { rest + b } else { rest };
                        if rest == 0.0 { rest.copysign(b) } else { rest }
                    }),
                    Binary::Pow => each_pair(to, a, b, $float::powf),
                    // NaN in either operand is the result.
                    Binary::Min => each_pair(to, a, b, |a, b| if a < b || a.is_nan() { a } else { b }),
                    Binary::Max => each_pair(to, a, b, |a, b| if a > b || a.is_nan() { a } else { b }),
                    Binary::Atan2 => each_pair(to, a, b, $float::atan2),
                    Binary::Hypot => each_pair(to, a, b, $float::hypot),
                    _ => unreachable!("{op:?} gives truth values"),
                }
            }

            #[inline(always)]
            fn pair(
                ops: Pair,
                to: &mut [$float],
                a: &[$float],
                b: Many<'_, $float>,
                c: Many<'_, $float>,
            ) {
                macro_rules! then {
                    ($first:expr) => {
                        match (ops.then, ops.is_last_in_front) {
                            (Binary::Add, _) => each_of_three(to, a, b, c, |a, b, c| $first(a, b) + c),
                            (Binary::Sub, false) => each_of_three(to, a, b, c, |a, b, c| $first(a, b) - c),
                            (Binary::Sub, true) => each_of_three(to, a, b, c, |a, b, c| c - $first(a, b)),
                            (Binary::Mul, _) => each_of_three(to, a, b, c, |a, b, c| $first(a, b) * c),
                            _ => unreachable!("{ops:?} is no pair"),
                        }
                    };
                }
                match ops.first {
                    Binary::Add => then!(|a, b| a + b),
                    Binary::Sub => then!(|a, b| a - b),
                    Binary::Mul => then!(|a, b| a * b),
                    _ => unreachable!("{ops:?} is no pair"),
                }
            }
        }
    )*};
}

float_arithmetic! { f32, f64 }

impl Arithmetic for i64 {
    #[inline(always)]
    fn unary(op: Unary, to: &mut [i64], a: &[i64]) {
        match op {
            Unary::Neg => each(to, a, i64::wrapping_neg),
            Unary::Abs => each(to, a, i64::wrapping_abs),
            Unary::Sign => each(to, a, i64::signum),
            Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc => each(to, a, |n| n),
            _ => unreachable!("{op:?} of whole numbers gives floats or truth values"),
        }
    }

    #[inline(always)]
    fn binary(op: Binary, to: &mut [i64], a: &[i64], b: Many<'_, i64>) {
        let b = b.lanes;
        match op {
            Binary::Add => each_pair(to, a, b, i64::wrapping_add),
            Binary::Sub => each_pair(to, a, b, i64::wrapping_sub),
            Binary::Mul => each_pair(to, a, b, i64::wrapping_mul),
            Binary::FloorDiv => each_pair(to, a, b, floor_div),
            Binary::Mod => each_pair(to, a, b, floor_mod),
            Binary::Pow => each_pair(to, a, b, |a, b| a.wrapping_pow(b as u32)),
            Binary::Min => each_pair(to, a, b, i64::min),
            Binary::Max => each_pair(to, a, b, i64::max),
            Binary::BitAnd => each_pair(to, a, b, |a, b| a & b),
            Binary::BitOr => each_pair(to, a, b, |a, b| a | b),
            Binary::BitXor => each_pair(to, a, b, |a, b| a ^ b),
            // A count that is none of a word's bits shifts all of them out.
            Binary::Shl => each_pair(to, a, b, |a, b| if b as u64 > 63 { 0 } else { a << b }),
            Binary::Shr => each_pair(to, a, b, |a, b| a >> if b as u64 > 63 { 63 } else { b }),
            Binary::RoundTo => each_pair(to, a, b, |a, b| {
                let size = round_to(a.unsigned_abs(), b as u64) as i64;
                if a < 0 { size.wrapping_neg() } else { size }
            }),
            _ => unreachable!("{op:?} of whole numbers gives floats or truth values"),
        }
    }

    fn pair(ops: Pair, _: &mut [i64], _: &[i64], _: Many<'_, i64>, _: Many<'_, i64>) {
        unreachable!("{ops:?} is of floats");
    }
}

impl Arithmetic for u64 {
    #[inline(always)]
    fn unary(op: Unary, to: &mut [u64], a: &[u64]) {
        match op {
            Unary::Sign => each(to, a, |n| n.min(1)),
            Unary::Abs | Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc => {
                each(to, a, |n| n);
            }
            _ => unreachable!("{op:?} of what has no sign gives something else"),
        }
    }

    #[inline(always)]
    fn binary(op: Binary, to: &mut [u64], a: &[u64], b: Many<'_, u64>) {
        let b = b.lanes;
        match op {
            Binary::Add => each_pair(to, a, b, u64::wrapping_add),
            Binary::Sub => each_pair(to, a, b, u64::wrapping_sub),
            Binary::Mul => each_pair(to, a, b, u64::wrapping_mul),
            Binary::Pow => each_pair(to, a, b, |a, b| a.wrapping_pow(b as u32)),
            Binary::FloorDiv => each_pair(to, a, b, |a, b| a.checked_div(b).unwrap_or(0)),
            Binary::Mod => each_pair(to, a, b, |a, b| a.checked_rem(b).unwrap_or(0)),
            Binary::Min => each_pair(to, a, b, u64::min),
            Binary::Max => each_pair(to, a, b, u64::max),
            Binary::BitAnd => each_pair(to, a, b, |a, b| a & b),
            Binary::BitOr => each_pair(to, a, b, |a, b| a | b),
            Binary::BitXor => each_pair(to, a, b, |a, b| a ^ b),
            Binary::Shl => each_pair(to, a, b, |a, b| if b > 63 { 0 } else { a << b }),
            Binary::Shr => each_pair(to, a, b, |a, b| if b > 63 { 0 } else { a >> b }),
            Binary::RoundTo => each_pair(to, a, b, round_to),
            _ => unreachable!("{op:?} of what has no sign gives something else"),
        }
    }

    fn pair(ops: Pair, _: &mut [u64], _: &[u64], _: Many<'_, u64>, _: Many<'_, u64>) {
        unreachable!("{ops:?} is of floats");
    }
}

/// The multiple of `step`, which is even and at least 2, that is nearest; of two an even number of steps.
#[inline(always)]
fn round_to(n: u64, step: u64) -> u64 {
    let (times, rest, half) = (n / step, n % step, step / 2);
    let is_up = rest > half || (rest == half && times % 2 == 1);
    (times + u64::from(is_up)).wrapping_mul(step)
}

fn floor_div(a: i64, b: i64) -> i64 {
    match b {
        0 => 0,
        _ => a.wrapping_div(b) - i64::from(floor_mod(a, b) != a.wrapping_rem(b)),
    }
}

fn floor_mod(a: i64, b: i64) -> i64 {
    match b {
        0 => 0,
        _ => {
            let rest = a.wrapping_rem(b);
            if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            }
        }
    }
}

/// Truth values: `Not`, `And`, `Or`; and what compares them.
#[inline(always)]
pub(super) fn logic(op: Binary, to: &mut [u8], a: &[u8], b: Many<'_, u8>) {
    match op {
        Binary::And => each_pair(to, a, b.lanes, |a, b| a & b),
        Binary::Or => each_pair(to, a, b.lanes, |a, b| a | b),
        _ => compare(op, to, a, b),
    }
}
