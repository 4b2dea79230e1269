//! `counter`: whole numbers in order.

use std::ops::Range;

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, Value};
use crate::types::{ItemType, Scalar};

use super::numbers::{Number, dtype_scalar, element_bytes, with_number};
use super::positional::{self, ITEMS, RATE};

/// The row of the table.
pub const COUNTER: OpDef = OpDef {
    name: "counter",
    summary: "counts: start, start + step, start + 2 step, ..",
    doc: "The n-th item is start + n * step. Any number type by `dtype`, i64 by default. Integers wrap \
          around at the end of their range. Floating-point items are computed from n in f64 and \
          rounded once, so nothing adds up.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`",
    params: &[
        ITEMS,
        ParamDef {
            name: "start",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "",
            doc: "The first item.",
        },
        ParamDef {
            name: "step",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "What each item adds to the one before; negative counts down.",
        },
        RATE,
    ],
    example: "counter items=1000 start=10 step=5 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    Ok(counting(args)?.weight(1))
}

fn counting(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = dtype_scalar("counter", args.dtype(), Scalar::I64, &Scalar::ALL)?;
    let given = |name: &str| args.value(name).cloned().unwrap_or(Value::Int(0));
    let (start, step) = (given("start"), given("step"));
    element_bytes("start", &start, scalar)?;
    if scalar.is_integer() {
        let (start, step) = (
            whole("start", &start, scalar)?,
            whole("step", &step, scalar)?,
        );
        return with_number!(scalar, T => positional::blueprint(
            args,
            ItemType::Scalar(scalar),
            move |first, room: &mut [T]| count(first, room, start, step),
        ));
    }
    let (start, step) = (
        args.float("start").unwrap_or(0.0),
        args.float("step").unwrap_or(1.0),
    );
    with_number!(scalar, T => positional::blueprint(
        args,
        ItemType::Scalar(scalar),
        move |first, room: &mut [T]| ramp(first, room, start, step),
    ))
}

/// The number's 64 bits: a step may go down where the items have no sign.
fn whole(param: &str, value: &Value, scalar: Scalar) -> Result<i64, OpError> {
    let as_what = match scalar {
        Scalar::U64 if value.whole().is_some_and(|n| n >= 0) => Scalar::U64,
        _ => Scalar::I64,
    };
    let bytes = element_bytes(param, value, as_what)?;
    Ok(bytemuck::pod_read_unaligned(&bytes))
}

fn count<T: Number>(first: u64, room: &mut [T], start: i64, step: i64) {
    let mut next = start.wrapping_add(step.wrapping_mul(first as i64));
    for item in room {
        *item = T::from_i64(next);
        next = next.wrapping_add(step);
    }
}

fn ramp<T: Number>(first: u64, room: &mut [T], start: f64, step: f64) {
    for (base, range) in blocks(first, room.len()) {
        // `base` is exact, and so is the sum as far as f64 goes: it is `n` rounded, wherever n lies.
        let offset = (first + range.start as u64 - base) as u32;
        let base = base as f64;
        for (i, item) in (offset..).zip(&mut room[range]) {
            let n = base + f64::from(i);
            *item = T::from_f64(start + step * n);
        }
    }
}

/// Cuts `len` items at the absolute positions that are multiples of [`GRID`]: the multiple, the items' indices.
pub(super) fn blocks(first: u64, len: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let position = first + start as u64;
        let base = position - position % GRID;
        let end = len.min(start + (base + GRID - position) as usize);
        let range = start..end;
        start = end;
        (!range.is_empty()).then_some((base, range))
    })
}

/// Items between two anchors of what is computed from the place in the stream.
pub(super) const GRID: u64 = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::trial::{items, refusal};

    #[test]
    fn it_counts_in_every_type() {
        let ints: Vec<i64> = items("counter", &[("items", 4.into())], None);
        assert_eq!(ints, [0, 1, 2, 3]);
        let given = [
            ("items", 4.into()),
            ("start", 250.into()),
            ("step", 3.into()),
        ];
        let bytes: Vec<u8> = items("counter", &given, Some("u8"));
        assert_eq!(bytes, [250, 253, 0, 3]);
        let given = [
            ("items", 3.into()),
            ("start", 0.5.into()),
            ("step", (-0.25).into()),
        ];
        let floats: Vec<f32> = items("counter", &given, Some("f32"));
        assert_eq!(floats, [0.5, 0.25, 0.0]);
    }

    #[test]
    fn a_float_far_out_is_the_position_rounded_once() {
        for first in [(1 << 53) - 700, (1 << 60) + 12_345_677] {
            let mut room = [0.0; 2000];
            ramp::<f64>(first, &mut room, 0.0, 1.0);
            for (i, item) in room.iter().enumerate() {
                assert_eq!(*item, (first + i as u64) as f64);
            }
        }
    }

    #[test]
    fn items_may_be_a_duration_where_the_rate_is_known() {
        let given = [("items", "0.5 s".into()), ("rate", 8.0.into())];
        assert_eq!(items::<i64>("counter", &given, None).len(), 4);
        let refused = refusal("counter", &[("items", "0.5 s".into())], None);
        assert_eq!(refused.param.as_deref(), Some("items"));
    }

    #[test]
    fn what_the_type_cannot_hold_is_refused() {
        let cases = [
            (vec![("start", Value::Int(256))], "u8", "start"),
            (vec![("start", Value::Int(-1))], "u64", "start"),
            (vec![("step", Value::Float(0.5))], "i32", "step"),
            (vec![("rate", Value::Float(0.0))], "i32", "rate"),
            (vec![("items", Value::Int(-1))], "i32", "items"),
            (vec![], "f64[3]", "dtype"),
        ];
        for (given, dtype, param) in cases {
            let refused = refusal("counter", &given, Some(dtype));
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
    }
}
