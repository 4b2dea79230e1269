//! `zip`: one item from every input at a time: an expression of them, or all of them as a vector.

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status};
use crate::expr::{Machine, compile};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::units::Unit;

use super::live_numbers::{LIVE, without_expr};
use super::map::expression;
use super::zip_texts;

/// The row of the table.
pub const ZIP: OpDef = OpDef {
    name: "zip",
    summary: "joins inputs item by item: by an expression, or into vectors",
    doc: "Takes one item from every input at a time. With `expr` it gives that expression of them: the inputs \
          are `a b c ..`, or as `in = { left = \"p\", right = \"q\" }` names them; see `map` for the language. \
          Without `expr` it gives vectors of their numbers, in the order of the inputs, of the smallest type that holds them \
          all, as NumPy's: u32 and i64 make i64, integers and f64 make f64; u64 beside integers with a sign needs a \
          `dtype`, to which all are then converted as by `map`. With a text among the inputs it gives a line of JSON of each row, `[\"ab\",1]`, or \
          `{\"word\":\"ab\",\"n\":1}` where `in` names them (NaN is null): `json.field path=\"[0]\"` reads one again. It ends with the shortest input. The rate is the inputs' where those \
          that are known agree.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the expression's type (or `dtype`), or of vectors; with a text among the inputs of text",
    params: &[
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "The expression over `a`, `b`, ..; without it a vector of all.",
        },
        LIVE,
    ],
    example: "p:counter items=1000 ; q:noise items=1000 ; zip in=[p, q] expr=\"a + b\" ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    match args.text("expr") {
        Some(text) => expression(args, text, common_rate(args)),
        None => {
            without_expr(args)?;
            match zip_texts::is_wanted(args) {
                true => zip_texts::build(args),
                false => vector(args),
            }
        }
    }
}

pub(super) fn common_rate(args: &Args) -> Option<f64> {
    let mut known = args.inputs().iter().filter_map(|input| input.rate);
    let first = known.next()?;
    known.all(|rate| rate == first).then_some(first)
}

fn vector(args: &Args) -> Result<Blueprint, OpError> {
    let width = width(args)?;
    let scalar = scalar(args, width)?;
    let item_type = ItemType::Vector(scalar, width);
    let converters = args.inputs().iter().map(|input| converter(input, scalar));
    let agent = Interleave {
        scalar,
        converters: converters.collect::<Result<_, _>>()?,
        converted: Vec::new(),
    };
    let mut blueprint = Blueprint::new(agent)
        .output(OutPort::new(item_type, common_rate(args)).unit(Unit::Shared))
        .ends(Ends::AnyInput);
    for input in args.inputs() {
        blueprint = blueprint.input(InPort::new(input.item_type.clone()));
    }
    Ok(blueprint)
}

/// The sum of the inputs' elements.
fn width(args: &Args) -> Result<u32, OpError> {
    let mut width = 0;
    for input in args.inputs() {
        let Some((_, more)) = input.item_type.elements() else {
            return Err(OpError::input_type(
                "zip",
                input,
                "numbers, vectors of them or texts without `expr`",
            ));
        };
        width += more;
    }
    match u32::try_from(width) {
        Ok(width @ ..=65_536) => Ok(width),
        _ => Err(OpError::op(format!(
            "`zip` would give items of {width} numbers, and 65536 are the most"
        ))),
    }
}

/// What all numbers become: what `dtype` says, or what holds them all.
fn scalar(args: &Args, width: u32) -> Result<Scalar, OpError> {
    match args.dtype() {
        Some(ItemType::Scalar(scalar)) => return Ok(*scalar),
        Some(ItemType::Vector(scalar, len)) if *len == width => return Ok(*scalar),
        Some(dtype) => {
            let message = format!("`zip` gives vectors of {width} numbers here, not {dtype}");
            return Err(OpError::param("dtype", message)
                .with_help("the type of the numbers is enough: dtype = \"f64\""));
        }
        None => {}
    }
    let scalar = |input: &InputInfo| input.item_type.elements().map(|(scalar, _)| scalar);
    let mut common = scalar(args.input());
    for input in args.inputs() {
        let (Some(so_far), Some(next)) = (common, scalar(input)) else {
            break;
        };
        common = so_far.common(next);
        if common.is_none() {
            let message = format!(
                "`zip` finds {so_far} before {}, which is {}: no integer holds the numbers of both",
                input.called(),
                input.item_type
            );
            return Err(OpError::param("in", message)
                .with_help("say what they become: dtype = \"i64\" keeps the low bits, dtype = \"f64\" rounds beyond 2^53"));
        }
    }
    Ok(common.unwrap_or(Scalar::F64))
}

/// What makes `scalar` of an input's numbers; `None` where they are that already.
fn converter(input: &InputInfo, scalar: Scalar) -> Result<Option<Machine>, OpError> {
    let found = input.item_type.elements().map(|(found, _)| found);
    if found == Some(scalar) {
        return Ok(None);
    }
    if found.is_some_and(Scalar::is_complex) && !scalar.is_complex() {
        let message = format!("{} is {}, and no {scalar}", input.called(), input.item_type);
        return Err(OpError::param("dtype", message).with_help("give a complex one, or none"));
    }
    let whole = std::slice::from_ref(input);
    let program = compile(&input.name, whole, None).map_err(|e| OpError::op(e.to_string()))?;
    Ok(Some(Machine::new(program)))
}

struct Interleave {
    scalar: Scalar,
    /// Of each input.
    converters: Vec<Option<Machine>>,
    /// Where an input's numbers are converted, a block at a time.
    converted: Vec<u64>,
}

impl Agent for Interleave {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let visible = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let items = visible.min(output.space());
        let stride = output.item_len();
        let room = &mut output.bytes()[..items * stride];
        let mut at = 0;
        for (input, converter) in io.inputs.iter_mut().zip(&mut self.converters) {
            let len = match converter {
                None => {
                    let len = input.item_len();
                    spread(&input.bytes()[..items * len], room, len, at, stride);
                    len
                }
                Some(machine) => {
                    let input = std::slice::from_ref(&*input);
                    let len = self.scalar.len_bytes() * machine.width();
                    let most = machine.items_max();
                    self.converted.resize((most * len).div_ceil(8), 0);
                    for first in (0..items).step_by(most) {
                        let n = most.min(items - first);
                        let numbers = &mut bytemuck::cast_slice_mut(&mut self.converted)[..n * len];
                        machine.run(input, first, 0, n).write(self.scalar, numbers);
                        spread(numbers, &mut room[first * stride..], len, at, stride);
                    }
                    len
                }
            };
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
    fn vectors_are_of_the_smallest_type_that_holds_all() {
        let inputs = || {
            [
                given("i16[2]", &[1_i16, -2, 3, 4]),
                given("u32", &[u32::MAX, 6]),
            ]
        };
        let joined: Vec<i64> = output("zip", &inputs(), &[], None);
        assert_eq!(joined, [1, -2, 4_294_967_295, 3, 4, 6]);
        let floats: Vec<f32> = output("zip", &inputs(), &[], Some("f32"));
        assert_eq!(floats, [1.0, -2.0, 4_294_967_296.0, 3.0, 4.0, 6.0]);
        let same: Vec<f32> = output("zip", &inputs(), &[], Some("f32[3]"));
        assert_eq!(same, floats);
        let items: Vec<f64> = (0..5000).map(f64::from).collect();
        let places: Vec<u32> = (0..5000).collect();
        let pairs = [given("f64", &items), given("u32", &places)];
        let joined: Vec<f64> = output("zip", &pairs, &[], None);
        assert!(joined.iter().enumerate().all(|(i, x)| *x == (i / 2) as f64));
        let complex = [given("cf32", &[1_f32, 2.0]), given("u8", &[3_u8])];
        let joined: Vec<f32> = output("zip", &complex, &[], None);
        assert_eq!(joined, [1.0, 2.0, 3.0, 0.0]);
    }

    #[test]
    fn what_no_type_holds_is_refused_with_what_to_write() {
        let refused = |other: &str, dtype: Option<&str>| {
            let inputs = [given("u64", &[0_u64]), given::<u8>(other, &[])];
            build("zip", &inputs, &[], dtype).unwrap_err()
        };
        assert_eq!(refused("timed<f64>", None).param.as_deref(), Some("in"));
        let signed = refused("i8", None);
        assert!(signed.help.unwrap().contains("dtype = \"i64\""));
        let complex = refused("cf64", Some("f64"));
        assert_eq!(complex.param.as_deref(), Some("dtype"));
        let long = refused("u8", Some("f64[3]"));
        assert_eq!(long.param.as_deref(), Some("dtype"));
    }
}
