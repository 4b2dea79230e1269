//! `zip`: one item from every input at a time: an expression of them, or all of them as a vector.

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::units::Unit;

use super::map::expression;

/// The row of the table.
pub const ZIP: OpDef = OpDef {
    name: "zip",
    summary: "joins inputs item by item: by an expression, or into vectors",
    doc: "Takes one item from every input at a time. With `expr` it gives that expression of them: the inputs \
          are `a b c ..`, or as `in = { left = \"p\", right = \"q\" }` names them; see `map` for the language. \
          Without `expr` it gives vectors of their numbers, in the order of the inputs, which must then be \
          of one number type. It ends with the shortest input. The rate is the inputs' where those \
          that are known agree.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the expression's type (or `dtype`), or of vectors",
    params: &[ParamDef {
        name: "expr",
        kind: ParamKind::Expr,
        default: Some(""),
        unit: "",
        doc: "The expression over `a`, `b`, ..; without it a vector of all.",
    }],
    example: "p:counter items=1000 ; q:noise items=1000 ; zip in=[p, q] expr=\"a + b\" ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    match args.text("expr") {
        Some(text) => expression(args, text, common_rate(args)),
        None => vector(args),
    }
}

pub(super) fn common_rate(args: &Args) -> Option<f64> {
    let mut known = args.inputs().iter().filter_map(|input| input.rate);
    let first = known.next()?;
    known.all(|rate| rate == first).then_some(first)
}

fn vector(args: &Args) -> Result<Blueprint, OpError> {
    let (scalar, width) = elements(args)?;
    let item_type = ItemType::Vector(scalar, width);
    if let Some(dtype) = args.dtype().filter(|dtype| **dtype != item_type) {
        let message = format!("`zip` without `expr` gives {item_type} here, not {dtype}");
        return Err(OpError::param("dtype", message)
            .with_help("convert before it or after it: `map expr=\"x\"` with a `dtype`"));
    }
    let mut blueprint = Blueprint::new(Interleave)
        .output(OutPort::new(item_type, common_rate(args)).unit(Unit::Shared))
        .ends(Ends::AnyInput);
    for input in args.inputs() {
        blueprint = blueprint.input(InPort::new(input.item_type.clone()));
    }
    Ok(blueprint)
}

/// The inputs' common scalar and the sum of their elements.
fn elements(args: &Args) -> Result<(Scalar, u32), OpError> {
    let mut common: Option<Scalar> = None;
    let mut width = 0;
    for input in args.inputs() {
        let fits = |scalar| common.is_none_or(|common| common == scalar);
        let Some((scalar, more)) = input.item_type.elements().filter(|(s, _)| fits(*s)) else {
            let wanted = match common {
                Some(scalar) => format!("inputs of one number type, {scalar} so far,"),
                None => "numbers or vectors of them".to_owned(),
            };
            return Err(OpError::param(
                "in",
                format!(
                    "`zip` without `expr` takes {wanted} and {} is {}",
                    input.called(),
                    input.item_type
                ),
            ));
        };
        common = Some(scalar);
        width += more;
    }
    match common {
        Some(scalar) if width <= 65_536 => Ok((scalar, width as u32)),
        _ => Err(OpError::op(format!(
            "`zip` would give items of {width} numbers, and 65536 are the most"
        ))),
    }
}

struct Interleave;

impl Agent for Interleave {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let visible = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let items = visible.min(output.space());
        let stride = output.item_len();
        let room = &mut output.bytes()[..items * stride];
        let mut at = 0;
        for input in io.inputs.iter_mut() {
            let len = input.item_len();
            spread(&input.bytes()[..items * len], room, len, at, stride);
            at += len;
            input.consume(items);
        }
        output.produce(items);
        Ok(Status::Ready)
    }
}

/// Writes items of `len` bytes at `at` of every `stride` bytes.
fn spread(from: &[u8], to: &mut [u8], len: usize, at: usize, stride: usize) {
    match len {
        4 => spread_exact::<4>(from, to, at, stride),
        8 => spread_exact::<8>(from, to, at, stride),
        _ => {
            for (item, slot) in from.chunks_exact(len).zip(to.chunks_exact_mut(stride)) {
                slot[at..at + len].copy_from_slice(item);
            }
        }
    }
}

fn spread_exact<const LEN: usize>(from: &[u8], to: &mut [u8], at: usize, stride: usize) {
    let (from, _) = from.as_chunks::<LEN>();
    for (item, slot) in from.iter().zip(to.chunks_exact_mut(stride)) {
        slot[at..at + LEN].copy_from_slice(item);
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn an_expression_joins_items_of_one_place_up_to_the_shortest() {
        let inputs = [given("i32", &[1, 2, 3]), given("f64", &[10.0, 20.0])];
        let params = [("expr", Value::from("a + b"))];
        let sums: Vec<f64> = output("zip", &inputs, &params, None);
        assert_eq!(sums, [11.0, 22.0]);
    }

    #[test]
    fn without_an_expression_it_gives_vectors() {
        let inputs = [
            given("i16[2]", &[1_i16, 2, 3, 4]),
            given("i16", &[5_i16, 6]),
        ];
        let joined: Vec<i16> = output("zip", &inputs, &[], None);
        assert_eq!(joined, [1, 2, 5, 3, 4, 6]);
        let blueprint = build("zip", &inputs, &[], None).unwrap();
        assert_eq!(blueprint.outputs[0].item_type.to_string(), "i16[3]");
    }

    #[test]
    fn a_number_goes_with_every_element_of_a_vector() {
        let inputs = [
            given("f32[2]", &[1_f32, 2.0, 3.0, 4.0]),
            given("f32", &[10_f32, 100.0]),
        ];
        let params = [("expr", Value::from("a * b"))];
        let scaled: Vec<f32> = output("zip", &inputs, &params, None);
        assert_eq!(scaled, [10.0, 20.0, 300.0, 400.0]);
    }

    #[test]
    fn the_rate_is_known_where_the_inputs_agree() {
        let cases = [
            (Some(5.0), Some(5.0), Some(5.0)),
            (Some(5.0), None, Some(5.0)),
            (Some(5.0), Some(6.0), None),
            (None, None, None),
        ];
        for (a, b, expected) in cases {
            let input = |rate: Option<f64>| {
                let input = given("f64", &[0.0]);
                match rate {
                    Some(rate) => input.rate(rate),
                    None => input,
                }
            };
            let blueprint = build("zip", &[input(a), input(b)], &[], None).unwrap();
            assert_eq!(blueprint.outputs[0].rate, expected);
        }
    }

    #[test]
    fn vectors_need_numbers_of_one_type() {
        for other in ["f32", "timed<f64>"] {
            let inputs = [given("f64", &[0.0]), given::<u8>(other, &[])];
            let refused = build("zip", &inputs, &[], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("in"), "{refused}");
        }
    }
}
