//! `map`: an expression of every item. Also the agent behind `zip`, which has several inputs.

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status};
use crate::expr::{Machine, Program, compile};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::live_numbers::{LIVE, with_dials, with_live};

/// The row of the table.
pub const MAP: OpDef = OpDef {
    name: "map",
    summary: "computes an expression of every item",
    doc: "One item out for each item in: `expr` with the item as `x`, its place as `n`, its time as `t`. \
          Vector items are computed element by element; `x[0]` is one element, `x[1:3]`, `x[-5:]`, `x[::2]` are some of them, as in Python. Timed items keep their time, `t`, and \
          have their value, `x`, computed. Types are as in NumPy: f32 \
          stays f32, integers are computed in i64, which wraps, `/` and functions give floats, comparisons give u8. \
          u64 stays u64, which wraps too, where all operands are u64 or numbers written without a minus (`x - 1` of 0 is \
          2^64 - 1); beside another integer type or a minus it is taken for an i64, but comparisons, `min` and `max` go by what \
          the numbers are, `& | xor` with any number written out (`x & ~1`) stay u64, and what is shifted keeps its type whatever \
          the count's is. `round(x, n)` of integers is an exact integer. `0xff`, `0b101`, `0o17`, `1_000` are whole numbers. Whole numbers written out are exact up to 2^64 - 1. Integers // 0 and % 0 are 0 where an item divides, and refused where \
          a written 0 does. `^` of integers is an integer where the exponent is written out as a whole number \
          (`x ^ 2`), else a float (`2 ^ x`: give a `dtype`). \
          `dtype` converts the result: floats to integers towards zero and within the range, integers by \
          their low bits. + - * / // % ^ == != < <= > >= && || ! c ? a : b, of whole numbers' bits & | ~ << >> xor(a, b), abs sqrt exp log log10 log2 \
          sin cos tan asin acos atan atan2 sinh cosh tanh floor ceil round round(x, 2) trunc sign isnan min max hypot \
          pow clamp if, re im arg conj complex, pi e tau inf nan. A name that is given, of an input, a state's number or a live number, \
          comes before these; functions keep theirs beside it.",
    inputs: Arity::One,
    outputs: "one stream of the expression's type, or of `dtype`",
    params: &[EXPR, LIVE],
    example: "sine freq=440 rate=48000 items=4800 ! map expr=\"abs(x) ^ 2\" ! null",
    deterministic: true,
    build,
};

const EXPR: ParamDef = ParamDef {
    name: "expr",
    kind: ParamKind::Expr,
    default: None,
    unit: "",
    doc: "The expression over `x`.",
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let rate = args.input().rate;
    expression(args, args.text("expr").unwrap_or(""), rate)
}

/// An agent that gives one item for each item of every input: this expression of them.
pub(super) fn expression(args: &Args, text: &str, rate: Option<f64>) -> Result<Blueprint, OpError> {
    let program = compile(text, &with_live(args)?, rate).map_err(|e| e.of_param("expr"))?;
    let keeps_time = match args.inputs() {
        [input] => input.item_type.timed_values().is_some(),
        _ => false,
    };
    let Outgoing {
        item_type,
        scalar,
        width,
    } = outgoing(&program, args.dtype(), keeps_time)?;
    let agent = Expression {
        machine: Machine::new(program),
        scalar,
        width,
        keeps_time,
        values: Vec::new(),
    };
    let mut blueprint = Blueprint::new(agent)
        .output(OutPort::new(item_type, rate))
        .ends(Ends::AnyInput);
    for input in args.inputs() {
        blueprint = blueprint.input(InPort::new(input.item_type.clone()));
    }
    Ok(with_dials(blueprint, args))
}

/// What an agent gives that computes an expression: items, and the numbers of each that the expression makes.
pub(super) struct Outgoing {
    pub item_type: ItemType,
    pub scalar: Scalar,
    pub width: usize,
}

/// The expression's own type, or the `dtype` asked for; timed where what it is computed from is.
pub(super) fn outgoing(
    program: &Program,
    dtype: Option<&ItemType>,
    keeps_time: bool,
) -> Result<Outgoing, OpError> {
    let dtype = match dtype {
        Some(ItemType::Timed(scalar)) if keeps_time => Some(ItemType::Scalar(*scalar)),
        Some(ItemType::TimedVector(scalar, len)) if keeps_time => {
            Some(ItemType::Vector(*scalar, *len))
        }
        other => other.cloned(),
    };
    let item_type = output_type(program, dtype.as_ref())?;
    let (scalar, width) = item_type.elements().unwrap_or((Scalar::F64, 1));
    if keeps_time && scalar.is_complex() {
        let message = format!("the expression gives {scalar}, and a timed item has a real value");
        return Err(OpError::param("expr", message));
    }
    let item_type = match keeps_time {
        true => item_type.timed().unwrap_or(item_type),
        false => item_type,
    };
    Ok(Outgoing {
        item_type,
        scalar,
        width,
    })
}

/// The expression's own type, or the `dtype` asked for where it can be converted to that.
pub(super) fn output_type(
    program: &Program,
    dtype: Option<&ItemType>,
) -> Result<ItemType, OpError> {
    let own = program.item_type();
    let Some(dtype) = dtype else {
        return Ok(own);
    };
    let refused = |help: &str| {
        let message = format!("the expression gives {own}, which cannot become {dtype}");
        Err(OpError::param("dtype", message).with_help(help))
    };
    let Some((scalar, _)) = dtype.elements() else {
        return refused("an expression gives numbers, or vectors of them");
    };
    if program.is_complex() && !scalar.is_complex() {
        return refused("take a part of it: `re(..)`, `im(..)`, `abs(..)`, `arg(..)`");
    }
    let converted = own.with_scalar(scalar);
    match dtype {
        ItemType::Vector(..) if *dtype != converted => refused("give the elements' type: f64"),
        _ => Ok(converted),
    }
}

struct Expression {
    machine: Machine,
    scalar: Scalar,
    /// Numbers of a result.
    width: usize,
    /// The items are timed: values are computed, times kept.
    keeps_time: bool,
    /// Scratch: a block's values.
    values: Vec<u64>,
}

impl Agent for Expression {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.machine.turn(io.dials);
        let output = &mut io.outputs[0];
        let visible = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let items = visible.min(output.space());
        let position = output.position();
        let item_len = output.item_len();
        let most = self.machine.items_max();
        let room = &mut output.bytes()[..items * item_len];
        for (block, room) in room.chunks_mut(most * item_len).enumerate() {
            let offset = block * most;
            let first = position + offset as u64;
            let results = self
                .machine
                .run(io.inputs, offset, first, room.len() / item_len);
            if !self.keeps_time {
                results.write(self.scalar, room);
                continue;
            }
            let len = self.scalar.len_bytes() * self.width;
            let items = room.len() / item_len;
            self.values.resize((items * len).div_ceil(8), 0);
            let values = &mut bytemuck::cast_slice_mut(&mut self.values)[..items * len];
            results.write(self.scalar, values);
            let input = &io.inputs[0];
            let times = input.bytes().chunks_exact(input.item_len()).skip(offset);
            let slots = room
                .chunks_exact_mut(item_len)
                .zip(values.chunks_exact(len));
            for ((slot, value), item) in slots.zip(times) {
                slot[..8].copy_from_slice(&item[..8]);
                slot[8..8 + len].copy_from_slice(value);
                slot[8 + len..].fill(0);
            }
        }
        output.produce(items);
        for input in io.inputs.iter_mut() {
            input.consume(items);
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn expr(text: &str) -> [(&str, Value); 1] {
        [("expr", text.into())]
    }

    #[test]
    fn every_item_is_computed_from_itself() {
        let items: Vec<f64> = (0..2000).map(f64::from).collect();
        let squares: Vec<f64> = output("map", &[given("f64", &items)], &expr("x * x + n"), None);
        for (n, square) in squares.iter().enumerate() {
            assert_eq!(*square, (n * n + n) as f64);
        }
    }

    #[test]
    fn the_result_has_the_expression_s_type_or_the_one_asked_for() {
        let cases = [
            ("f32", "x + 1", None, "f32"),
            ("i16", "x + 1", None, "i64"),
            ("i16", "x / 2", None, "f64"),
            ("f64[3]", "x > 0", None, "u8[3]"),
            ("f64[3]", "x[1]", None, "f64"),
            ("f64[3]", "x", Some("f32"), "f32[3]"),
            ("f64[3]", "x", Some("f32[3]"), "f32[3]"),
            ("cf32", "x * 2", None, "cf32"),
            ("cf32", "abs(x)", None, "f32"),
            ("f64", "x", Some("cf64"), "cf64"),
        ];
        for (from, text, dtype, to) in cases {
            let input = [given::<u8>(from, &[])];
            let blueprint = build("map", &input, &expr(text), dtype).unwrap();
            assert_eq!(
                blueprint.outputs[0].item_type.to_string(),
                to,
                "{text} of {from}"
            );
        }
    }

    #[test]
    fn floats_become_integers_within_their_range() {
        let items = [1.9, -1.9, 300.0, -300.0, f64::NAN];
        let bytes: Vec<u8> = output("map", &[given("f64", &items)], &expr("x"), Some("u8"));
        assert_eq!(bytes, [1, 0, 255, 0, 0]);
        let wide: Vec<i8> = output(
            "map",
            &[given("i64", &[127_i64, 128])],
            &expr("x"),
            Some("i8"),
        );
        assert_eq!(wide, [127, -128]);
    }

    #[test]
    fn a_timed_item_keeps_its_time() {
        let pairs = [0.5, 10.0, 1.5, 20.0];
        let input = || [given("timed<f64>", &pairs)];
        let found: Vec<[f64; 2]> = output("map", &input(), &expr("x * 2 + t + n"), None);
        assert_eq!(found, [[0.5, 20.5], [1.5, 42.5]]);
        let found: Vec<[u64; 2]> = output("map", &input(), &expr("x > 15"), Some("u8"));
        assert_eq!(found, [[0.5f64.to_bits(), 0], [1.5f64.to_bits(), 1]]);
        let small = [2f64.to_bits(), 7, 3f64.to_bits(), 300];
        let blueprint = build("map", &[given("timed<u16>", &small)], &expr("x"), None).unwrap();
        assert_eq!(blueprint.outputs[0].item_type.to_string(), "timed<i64>");
        let found: Vec<[u64; 2]> =
            output("map", &[given("timed<u16>", &small)], &expr("x + 1"), None);
        assert_eq!(found, [[2f64.to_bits(), 8], [3f64.to_bits(), 301]]);
        assert!(build("map", &input(), &expr("complex(x, 1)"), None).is_err());
        assert!(build("map", &input(), &expr("x[0]"), None).is_err());
        let rows = [0.5, 3.0, 4.0, 1.5, 6.0, 8.0];
        let vectors = || [given("timed<f64[2]>", &rows)];
        let found: Vec<[f64; 2]> = output("map", &vectors(), &expr("sqrt(sum(x ^ 2)) + t"), None);
        assert_eq!(found, [[0.5, 5.5], [1.5, 11.5]]);
        let found: Vec<[f64; 3]> = output("map", &vectors(), &expr("x - x[1]"), None);
        assert_eq!(found, [[0.5, -1.0, 0.0], [1.5, -2.0, 0.0]]);
        let blueprint = build("map", &vectors(), &expr("x > 3"), Some("f32")).unwrap();
        assert_eq!(blueprint.outputs[0].item_type.to_string(), "timed<f32[2]>");
        let words = [
            0.5f64.to_bits(),
            0x0003_0002_0001,
            1.5f64.to_bits(),
            0x0006_0005_0004,
        ];
        let small = || [given("timed<u16[3]>", &words)];
        let found: Vec<[u64; 2]> = output("map", &small(), &expr("sum(x)"), None);
        assert_eq!(found, [[words[0], 6], [words[2], 15]]);
    }

    #[test]
    fn what_cannot_be_converted_is_refused() {
        let cases = [
            ("cf64", "x", "f64"),
            ("f64[3]", "x", "f64[2]"),
            ("f64", "x", "f64[2]"),
            ("f64", "x", "text"),
        ];
        for (from, text, dtype) in cases {
            let input = [given::<u8>(from, &[])];
            let refused = build("map", &input, &expr(text), Some(dtype)).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("dtype"), "{refused}");
        }
    }

    #[test]
    fn a_wrong_expression_is_refused_with_its_place() {
        let refused = build("map", &[given("f64", &[0.0])], &expr("2 * y"), None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("expr"));
        assert!(refused.message.contains("column 5"), "{refused}");
        assert!(refused.message.ends_with("\n  2 * y\n      ^"), "{refused}");
    }
}
