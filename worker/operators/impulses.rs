//! `impulses`: a number now and then, 0 otherwise.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::numbers::{Number, dtype_scalar};
use super::positional::{self, ITEMS, RATE};

/// The row of the table.
pub const IMPULSES: OpDef = OpDef {
    name: "impulses",
    summary: "one impulse every `period` items, 0 between them",
    doc: "Item n is `amplitude` where n is `first` or a whole number of periods after it, else 0. Filtered, it shows the filter's response.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`: f64 (default), f32, cf64 or cf32",
    params: &[
        ParamDef {
            name: "period",
            kind: ParamKind::Int,
            default: None,
            unit: "items",
            doc: "From one impulse to the next, at least 1.",
        },
        ParamDef {
            name: "first",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "items",
            doc: "The place of the first impulse.",
        },
        ParamDef {
            name: "amplitude",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "An impulse's height.",
        },
        ITEMS,
        RATE,
    ],
    example: "impulses period=100 items=1000 ! iir sos=[0.1, 0, 0, 1, -0.9, 0] ! null",
    deterministic: true,
    build,
};

const TYPES: [Scalar; 4] = [Scalar::F64, Scalar::F32, Scalar::Cf64, Scalar::Cf32];

fn build(args: &Args) -> Result<Blueprint, OpError> {
    match dtype_scalar("impulses", args.dtype(), Scalar::F64, &TYPES)? {
        Scalar::F32 => impulses::<f32>(args),
        Scalar::Cf32 => impulses::<num_complex::Complex<f32>>(args),
        Scalar::Cf64 => impulses::<num_complex::Complex<f64>>(args),
        _ => impulses::<f64>(args),
    }
}

fn impulses<T: Number>(args: &Args) -> Result<Blueprint, OpError> {
    let period = args.required_count("period", 1)?;
    let start = args.required_count("first", 0)?;
    let height = T::from_f64(args.float("amplitude").unwrap_or(1.0));
    let item_type = ItemType::Scalar(T::SCALAR);
    positional::blueprint(args, item_type, move |first, room: &mut [T]| {
        room.fill(T::zeroed());
        let next = match start.checked_sub(first) {
            Some(ahead) => ahead,
            None => (period - (first - start) % period) % period,
        };
        let from = usize::try_from(next).unwrap_or(usize::MAX);
        let step = usize::try_from(period).unwrap_or(usize::MAX);
        for slot in room.iter_mut().skip(from).step_by(step) {
            *slot = height;
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{items, refusal};

    #[test]
    fn impulses_stand_a_period_apart() {
        let given = [
            ("period", 3.into()),
            ("first", 2.into()),
            ("items", 7.into()),
            ("amplitude", 5.into()),
        ];
        let y: Vec<f32> = items("impulses", &given, Some("f32"));
        assert_eq!(y, [0.0, 0.0, 5.0, 0.0, 0.0, 5.0, 0.0]);
    }

    #[test]
    fn a_period_of_0_is_refused() {
        let error = refusal("impulses", &[("period", 0.into())], None);
        assert_eq!(error.param.as_deref(), Some("period"));
    }
}
