//! Numbers of a type known only at run time: the match stands outside the loop, the loop is generic.

use num_complex::Complex;

use crate::op::{Args, OpError, Value};
use crate::types::{Element, ItemType, Scalar};

/// A number made from the two that parameters and expressions know.
pub(crate) trait Number: Element {
    /// The low bits for integers (as NumPy's `astype`), the nearest value else.
    fn from_i64(n: i64) -> Self;

    /// As `from_i64`, of what has no sign.
    fn from_u64(n: u64) -> Self;

    /// Towards zero and to the nearest end of the range for integers (NaN is 0), the nearest value else.
    fn from_f64(x: f64) -> Self;
}

macro_rules! numbers {
    ($($rust:ty),*) => {$(
        impl Number for $rust {
            #[inline(always)]
            fn from_i64(n: i64) -> $rust {
                n as $rust
            }

            #[inline(always)]
            fn from_u64(n: u64) -> $rust {
                n as $rust
            }

            #[inline(always)]
            fn from_f64(x: f64) -> $rust {
                x as $rust
            }
        }
    )*};
}

numbers! { u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 }

macro_rules! complex_numbers {
    ($($part:ty),*) => {$(
        impl Number for Complex<$part> {
            #[inline(always)]
            fn from_i64(n: i64) -> Self {
                Complex::new(n as $part, 0.0)
            }

            #[inline(always)]
            fn from_u64(n: u64) -> Self {
                Complex::new(n as $part, 0.0)
            }

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                Complex::new(x as $part, 0.0)
            }
        }
    )*};
}

complex_numbers! { f32, f64 }

/// Runs `$body` with `$T` as the Rust type of the scalar.
macro_rules! with_number {
    ($scalar:expr, $T:ident => $body:expr) => {
        match $scalar {
            $crate::types::Scalar::U8 => {
                type $T = u8;
                $body
            }
            $crate::types::Scalar::I8 => {
                type $T = i8;
                $body
            }
            $crate::types::Scalar::U16 => {
                type $T = u16;
                $body
            }
            $crate::types::Scalar::I16 => {
                type $T = i16;
                $body
            }
            $crate::types::Scalar::U32 => {
                type $T = u32;
                $body
            }
            $crate::types::Scalar::I32 => {
                type $T = i32;
                $body
            }
            $crate::types::Scalar::U64 => {
                type $T = u64;
                $body
            }
            $crate::types::Scalar::I64 => {
                type $T = i64;
                $body
            }
            $crate::types::Scalar::F32 => {
                type $T = f32;
                $body
            }
            $crate::types::Scalar::F64 => {
                type $T = f64;
                $body
            }
            $crate::types::Scalar::Cf32 => {
                type $T = num_complex::Complex<f32>;
                $body
            }
            $crate::types::Scalar::Cf64 => {
                type $T = num_complex::Complex<f64>;
                $body
            }
        }
    };
}

/// Runs `$body` with `$T` as an array of as many bytes as an item has, for the usual lengths; else
/// `$other`. What only moves items needs no more of their type.
macro_rules! with_item_len {
    ($len_bytes:expr, $T:ident => $body:expr, $other:expr) => {
        match $len_bytes {
            1 => {
                type $T = [u8; 1];
                $body
            }
            2 => {
                type $T = [u8; 2];
                $body
            }
            4 => {
                type $T = [u8; 4];
                $body
            }
            8 => {
                type $T = [u8; 8];
                $body
            }
            16 => {
                type $T = [u8; 16];
                $body
            }
            24 => {
                type $T = [u8; 24];
                $body
            }
            32 => {
                type $T = [u8; 32];
                $body
            }
            _ => $other,
        }
    };
}

pub(crate) use {with_item_len, with_number};

/// The bytes of the number a parameter gives, as an element of this scalar.
///
/// Refused where the scalar cannot hold it: a fraction or a number out of range for an integer.
pub(crate) fn element_bytes(
    param: &str,
    value: &Value,
    scalar: Scalar,
) -> Result<Vec<u8>, OpError> {
    let bytes = match *value {
        Value::Int(n) if !scalar.is_integer() => {
            with_number!(scalar, T => bytemuck::bytes_of(&T::from_i64(n)).to_vec())
        }
        Value::Big(n) if !scalar.is_integer() => {
            with_number!(scalar, T => bytemuck::bytes_of(&T::from_u64(n)).to_vec())
        }
        Value::Float(x) if !scalar.is_integer() => {
            with_number!(scalar, T => bytemuck::bytes_of(&T::from_f64(x)).to_vec())
        }
        ref given => match given.whole().filter(|n| holds(scalar, *n)) {
            Some(n) => {
                with_number!(scalar, T => bytemuck::bytes_of(&T::from_u64(n as u64)).to_vec())
            }
            None => {
                let message = format!("`{param}` is {}, which no {scalar} holds", given.describe());
                return Err(OpError::param(param, message));
            }
        },
    };
    Ok(bytes)
}

/// True where the whole numbers of the scalar have this one among them.
fn holds(scalar: Scalar, n: i128) -> bool {
    match scalar {
        Scalar::U8 => u8::try_from(n).is_ok(),
        Scalar::I8 => i8::try_from(n).is_ok(),
        Scalar::U16 => u16::try_from(n).is_ok(),
        Scalar::I16 => i16::try_from(n).is_ok(),
        Scalar::U32 => u32::try_from(n).is_ok(),
        Scalar::I32 => i32::try_from(n).is_ok(),
        Scalar::U64 => u64::try_from(n).is_ok(),
        Scalar::I64 => i64::try_from(n).is_ok(),
        Scalar::F32 | Scalar::F64 | Scalar::Cf32 | Scalar::Cf64 => false,
    }
}

/// The scalar of a source's `dtype` (or `default`), refused unless it is one of these.
pub(crate) fn dtype_scalar(
    op: &str,
    dtype: Option<&ItemType>,
    default: Scalar,
    allowed: &[Scalar],
) -> Result<Scalar, OpError> {
    let Some(dtype) = dtype else {
        return Ok(default);
    };
    let scalar = dtype.scalar().filter(|s| allowed.contains(s));
    scalar.ok_or_else(|| {
        let names: Vec<&str> = allowed.iter().map(|s| s.name()).collect();
        OpError::param("dtype", format!("`{op}` cannot give {dtype}"))
            .with_help(format!("it gives {}", names.join(", ")))
    })
}

/// Refuses inputs of frames, whose items in the ring are bytes: one item more or less would tear a frame.
pub(crate) fn refuse_frames(args: &Args) -> Result<(), OpError> {
    match args.inputs().iter().find(|i| i.item_type.is_framed()) {
        Some(input) => Err(OpError::input_type(
            args.op().name,
            input,
            "items of a fixed size",
        )
        .with_help(
            "`text.pack` makes items of one length of texts, and `text.unpack` texts of them; as they are, texts and bytes go through changes, concat, copy, decimate, delay, drain, \
             filter, gate, head, merge, release, reservoir, route, skip, skip_while, take_while, throttle and weave",
        )),
        None => Ok(()),
    }
}

/// The type that all inputs share; refused with the first two that differ.
pub(crate) fn common_type(args: &Args) -> Result<ItemType, OpError> {
    let first = args.input();
    match args
        .inputs()
        .iter()
        .find(|i| i.item_type != first.item_type)
    {
        Some(other) => Err(OpError::param(
            "in",
            format!(
                "`{}` takes inputs of one type, but {} is {} and {} is {}",
                args.op().name,
                first.called(),
                first.item_type,
                other.called(),
                other.item_type
            ),
        )
        .with_help("make one type of them before: `map expr=\"x\" dtype=f64`")),
        None => Ok(first.item_type.clone()),
    }
}
