//! `const`: the same item again and again.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, Value};
use crate::types::{ItemType, Scalar};

use super::numbers::element_bytes;
use super::positional::{self, ITEMS, RATE};

/// The row of the table.
pub const CONST: OpDef = OpDef {
    name: "const",
    summary: "the same item again and again",
    doc: "A number gives numbers; a list of k numbers gives vector items of k. `dtype` is f64 by default; \
          with a vector type (f64[3]) one number stands for all elements.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`",
    params: &[
        ParamDef {
            name: "value",
            kind: ParamKind::Values,
            default: None,
            unit: "",
            doc: "The number, or the list of an item's numbers; `nan` and `inf` too.",
        },
        ITEMS,
        RATE,
    ],
    example: "const value=[1, 2, 3] items=1000 ! null",
    deterministic: true,
    build,
};

/// Enough that the call of a copy is nothing beside it, and little of the first cache.
const PATTERN_LEN_BYTES: usize = 4096;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let value = args.value("value").cloned().unwrap_or(Value::Int(0));
    let item_type = item_type(&value, args.dtype())?;
    let item = item_bytes("value", &value, &item_type)?;
    // Copied many at a time: item by item is twenty times as slow.
    let items = item.repeat(PATTERN_LEN_BYTES.div_ceil(item.len()));
    let blueprint = positional::blueprint(args, item_type, move |_, room: &mut [u8]| {
        for slots in room.chunks_mut(items.len()) {
            slots.copy_from_slice(&items[..slots.len()]);
        }
    });
    Ok(blueprint?.weight(1))
}

fn item_type(value: &Value, dtype: Option<&ItemType>) -> Result<ItemType, OpError> {
    match (dtype, value) {
        (None, Value::List(list)) => vector(Scalar::F64, list.len()),
        (None, _) => Ok(ItemType::F64),
        (Some(ItemType::Scalar(scalar)), Value::List(list)) => vector(*scalar, list.len()),
        (Some(other), _) => Ok(other.clone()),
    }
}

fn vector(scalar: Scalar, len: usize) -> Result<ItemType, OpError> {
    match len {
        1..=65_536 => Ok(ItemType::Vector(scalar, len as u32)),
        _ => Err(OpError::param(
            "value",
            format!("`value` is a list of {len}, and must be one of 1 to 65536 numbers"),
        )),
    }
}

/// The bytes of an item: one number for all elements, or a list of one for each.
pub(super) fn item_bytes(
    param: &str,
    value: &Value,
    item_type: &ItemType,
) -> Result<Vec<u8>, OpError> {
    let (scalar, width) = item_type.elements().ok_or_else(|| {
        OpError::param(
            "dtype",
            format!("`{param}` cannot make an item of {item_type}"),
        )
        .with_help("numbers and vectors of numbers can be made: f64, i16[3]")
    })?;
    let mut bytes = Vec::with_capacity(item_type.len_bytes());
    match value {
        Value::List(list) if list.len() != width => {
            return Err(OpError::param(
                param,
                format!(
                    "`{param}` is a list of {}, and an item of {item_type} has {width}",
                    list.len()
                ),
            ));
        }
        Value::List(list) => {
            for number in list {
                bytes.extend(element_bytes(param, number, scalar)?);
            }
        }
        number => bytes = element_bytes(param, number, scalar)?.repeat(width),
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::trial::{items, refusal};

    #[test]
    fn a_number_gives_numbers_and_a_list_gives_vectors() {
        let given = [("value", Value::Float(2.5)), ("items", 2.into())];
        assert_eq!(items::<f64>("const", &given, None), [2.5, 2.5]);
        let given = [("value", vec![1_i64, 2].into()), ("items", 2.into())];
        assert_eq!(items::<f64>("const", &given, None), [1.0, 2.0, 1.0, 2.0]);
        assert_eq!(items::<i16>("const", &given, Some("i16")), [1, 2, 1, 2]);
        let given = [("value", Value::Float(0.5)), ("items", 1500.into())];
        assert_eq!(items::<f64>("const", &given, None), [0.5; 1500]);
        let given = [("value", Value::Int(7)), ("items", 1.into())];
        assert_eq!(items::<u8>("const", &given, Some("u8[3]")), [7, 7, 7]);
    }

    #[test]
    fn what_makes_no_item_is_refused() {
        let cases = [
            (Value::Int(300), "u8", "value"),
            (Value::Float(0.5), "i32", "value"),
            (vec![1_i64, 2].into(), "f64[3]", "value"),
            (Value::List(vec![]), "f64", "value"),
            (Value::Int(1), "text", "dtype"),
        ];
        for (value, dtype, param) in cases {
            let refused = refusal("const", &[("value", value)], Some(dtype));
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
    }
}
