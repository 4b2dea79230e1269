//! `flat_map`: several expressions of every item, one after the other, none or many of them.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, StateSpec, Status};
use crate::expr::{Machine, Program, compile, compile_condition};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::live_numbers::{LIVE, with_dials, with_live};
use super::map::output_type;

/// The row of the table.
pub const FLAT_MAP: OpDef = OpDef {
    name: "flat_map",
    summary: "gives none, one or many results of every item",
    doc: "For each item, in turn, the result of each expression of `expr` whose condition in `when` is true, and all of that `times` times \
          over. `flat_map expr=[\"x\", \"-x\"]` gives each item and its negative, `flat_map expr=\"x\" times=\"x % 4\"` as many copies of an item as its \
          last two bits say, `flat_map expr=[\"x\", \"t\"] when=[\"x > 3\", \"n % 2 == 0\"]` up to two numbers of an item. The language is that of `map`. Results of \
          several types become the one that `map` would give for a choice between them: whole numbers i64 (u64 beside truth values and \
          numbers without a minus), with a float among them f64. `times` is cut to a whole \
          number; one that is negative or no number ends the run with an error. What comes out has no rate.",
    inputs: Arity::One,
    outputs: "one stream of the expressions' common type, or of `dtype`, of no known rate",
    params: &[
        ParamDef {
            name: "expr",
            kind: ParamKind::Exprs,
            default: None,
            unit: "",
            doc: "The results of an item: an expression over `x`, or a list of them.",
        },
        ParamDef {
            name: "when",
            kind: ParamKind::Exprs,
            default: Some(""),
            unit: "",
            doc: "Whether each of them is given: as many conditions over `x`. Default: always.",
        },
        ParamDef {
            name: "times",
            kind: ParamKind::Expr,
            default: Some("1"),
            unit: "",
            doc: "How often all of them are given: an expression over `x`.",
        },
        LIVE,
    ],
    example: "counter items=1000 ! flat_map expr=[\"x\", \"-x\"] when=[\"true\", \"x > 0\"] ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let seen = with_live(args)?;
    let compiled =
        |param, text: &str| compile(text, &seen, input.rate).map_err(|e| e.of_param(param));
    let condition =
        |text: &str| compile_condition(text, &seen, input.rate).map_err(|e| e.of_param("when"));
    let results = listed(args, "expr")
        .map(|text| compiled("expr", text))
        .collect::<Result<Vec<Program>, OpError>>()?;
    let conditions = listed(args, "when")
        .map(condition)
        .collect::<Result<Vec<Program>, OpError>>()?;
    if results.is_empty() || ![0, results.len()].contains(&conditions.len()) {
        let (param, found) = match results.is_empty() {
            true => ("expr", "`expr` is an empty list".to_owned()),
            false => (
                "when",
                format!(
                    "`when` has {} conditions, and `expr` {} expressions",
                    conditions.len(),
                    results.len()
                ),
            ),
        };
        return Err(OpError::param(param, found).with_help("one condition for each expression"));
    }
    let times = compiled("times", args.text("times").unwrap_or("1"))?;
    if times.is_complex() || times.item_type().scalar().is_none() {
        let message = format!(
            "`times` gives {}, and must give one number",
            times.item_type()
        );
        return Err(OpError::param("times", message));
    }
    let item_type = common_type(&results, args.dtype())?;
    let (scalar, _) = item_type.elements().unwrap_or((Scalar::F64, 1));
    let agent = FlatMap {
        results: results.into_iter().map(Column::new).collect(),
        conditions: conditions.into_iter().map(Column::new).collect(),
        times: Column::new(times),
        scalar,
        len: item_type.len_bytes(),
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(item_type, None))
        .state(StateSpec::of(0u64));
    Ok(with_dials(blueprint, args))
}

/// The texts of a parameter that is one expression or a list.
fn listed<'a>(args: &'a Args, name: &str) -> impl Iterator<Item = &'a str> {
    let texts = args.texts(name).unwrap_or_default();
    texts.into_iter().filter(|text| !text.is_empty())
}

/// The type that all results can have: `dtype`, or the narrowest that keeps them.
fn common_type(results: &[Program], dtype: Option<&ItemType>) -> Result<ItemType, OpError> {
    let types: Vec<ItemType> = results.iter().map(Program::item_type).collect();
    let width = |item_type: &ItemType| item_type.elements().map_or(1, |(_, width)| width);
    if let Some(other) = types.iter().find(|t| width(t) != width(&types[0])) {
        let message = format!("one expression gives {}, another {other}", types[0]);
        return Err(OpError::param("expr", message).with_help("all must give as many numbers"));
    }
    let scalar = |nth: usize| {
        types[nth]
            .elements()
            .map_or(Scalar::F64, |(scalar, _)| scalar)
    };
    // Numbers written out come last: they take the type of what they meet.
    let mut order: Vec<usize> = (0..results.len()).collect();
    order.sort_by_key(|nth| results[*nth].is_literal());
    let common = order.into_iter().fold(None, |common, nth| match common {
        None => Some(scalar(nth)),
        Some(common) => Some(both(common, scalar(nth), &results[nth])),
    });
    let common = types[0].with_scalar(common.unwrap_or(Scalar::F64));
    match dtype {
        None => Ok(common),
        Some(_) => {
            let found = results.iter().map(|program| output_type(program, dtype));
            found.reduce(Result::and).unwrap_or(Ok(common))
        }
    }
}

/// The type of what one expression would give that chooses between a number of type `one` and this result.
fn both(one: Scalar, other: Scalar, result: &Program) -> Scalar {
    match (one, other) {
        _ if one == other => one,
        // Truth values.
        (Scalar::U8, other) => other,
        (one, Scalar::U8) => one,
        (Scalar::U64, _) if result.is_count() => one,
        (Scalar::F32 | Scalar::Cf32, _) if result.is_literal() && !other.is_complex() => one,
        (one, other) if one.is_integer() && other.is_integer() => Scalar::I64,
        (one, other) => one.common(other).unwrap_or(Scalar::F64),
    }
}

/// An expression and what it gave for the items of a block.
struct Column {
    machine: Machine,
    values: Vec<u64>,
}

impl Column {
    fn new(program: Program) -> Column {
        Column {
            machine: Machine::new(program),
            values: Vec::new(),
        }
    }

    /// Computes the first `items` unread items.
    fn compute(&mut self, inputs: &[Input], items: usize, scalar: Scalar, len: usize) {
        let position = inputs[0].position();
        self.values.resize((items * len).div_ceil(8), 0);
        let to = &mut bytemuck::cast_slice_mut(&mut self.values)[..items * len];
        self.machine
            .run(inputs, 0, position, items)
            .write(scalar, to);
    }

    fn bytes(&self, item: usize, len: usize) -> &[u8] {
        &bytemuck::cast_slice(&self.values)[item * len..][..len]
    }

    fn number(&self, item: usize) -> f64 {
        f64::from_bits(self.values[item])
    }
}

struct FlatMap {
    results: Vec<Column>,
    conditions: Vec<Column>,
    times: Column,
    scalar: Scalar,
    /// Bytes of a result.
    len: usize,
}

impl FlatMap {
    /// The most items that all expressions compute at once.
    fn items_max(&self) -> usize {
        let columns = self.results.iter().chain(&self.conditions);
        let most = columns.map(|column| column.machine.items_max()).min();
        most.unwrap_or(1).min(self.times.machine.items_max())
    }

    fn compute(&mut self, inputs: &[Input], items: usize) {
        for column in &mut self.results {
            column.compute(inputs, items, self.scalar, self.len);
        }
        for column in self.conditions.iter_mut().chain([&mut self.times]) {
            column.compute(inputs, items, Scalar::F64, 8);
        }
    }

    /// How often an item's results are given.
    fn times(&self, item: usize, position: u64) -> Result<u64, AgentError> {
        match self.times.number(item) {
            times if times >= 0.0 => Ok(times as u64),
            times => Err(AgentError::new(format!(
                "`times` is {times} at item {position}: it must be 0 or more; `max(.., 0)` makes it so"
            ))),
        }
    }

    /// Which results an item has.
    fn chosen(&self, item: usize) -> impl Iterator<Item = &Column> {
        let is_chosen = move |k: usize| {
            let condition = self.conditions.get(k);
            condition.is_none_or(|column| column.number(item) != 0.0)
        };
        let results = self.results.iter().enumerate();
        results
            .filter(move |(k, _)| is_chosen(*k))
            .map(|(_, column)| column)
    }
}

impl Agent for FlatMap {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let columns = self.results.iter_mut().chain(&mut self.conditions);
        for column in columns.chain([&mut self.times]) {
            column.machine.turn(io.dials);
        }
        // Of the item that is next: how many of its results went out already.
        let given = io.state.get::<u64>();
        loop {
            let room = io.outputs[0].space();
            let items = io.inputs[0].len().min(self.items_max()).min(room.max(1));
            if items == 0 || room == 0 {
                break;
            }
            self.compute(io.inputs, items);
            let position = io.inputs[0].position();
            let mut done = 0;
            for item in 0..items {
                let each = self.chosen(item).count() as u64;
                let all = each.saturating_mul(self.times(item, position + item as u64)?);
                let n = (all - *given).min(io.outputs[0].space() as u64);
                for k in *given..*given + n {
                    let column = self.chosen(item).nth((k % each) as usize);
                    let bytes = column.expect("one of those counted").bytes(item, self.len);
                    io.outputs[0].bytes()[..self.len].copy_from_slice(bytes);
                    io.outputs[0].produce(1);
                }
                *given += n;
                if *given < all {
                    break;
                }
                *given = 0;
                done += 1;
            }
            io.inputs[0].consume(done);
            if done < items {
                break;
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};
    use crate::testing::{Chunks, run};

    fn list(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|&text| text.into()).collect())
    }

    #[test]
    fn every_item_gives_each_expression_in_turn() {
        let exprs = [("expr", list(&["x", "-x", "x * x"]))];
        let found: Vec<f64> = output("flat_map", &[given("f64", &[2.0, 3.0])], &exprs, None);
        assert_eq!(found, [2.0, -2.0, 4.0, 3.0, -3.0, 9.0]);
    }

    #[test]
    fn conditions_choose_and_times_repeats() {
        let items: Vec<i64> = (0..6).collect();
        let params = [
            ("expr", list(&["x", "10 * x"])),
            ("when", list(&["true", "x % 2"])),
            ("times", "x % 3".into()),
        ];
        let found: Vec<i64> = output("flat_map", &[given("i64", &items)], &params, None);
        assert_eq!(found, [1, 10, 2, 2, 4, 5, 50, 5, 50]);
    }

    #[test]
    fn more_results_than_there_is_room_for_wait() {
        let params = [("expr", "x".into()), ("times", "x".into())];
        let found: Vec<i64> = output(
            "flat_map",
            &[given("i64", &[3_i64, 5000, 2])],
            &params,
            None,
        );
        let mut expected = vec![3_i64; 3];
        expected.extend([5000; 5000]);
        expected.extend([2; 2]);
        assert_eq!(found, expected);
    }

    #[test]
    fn results_of_several_types_have_one_that_keeps_them() {
        let cases = [
            ("i16", &["x", "x > 1"][..], None, "i64"),
            ("i16", &["x", "x / 2"], None, "f64"),
            ("f32", &["x", "2 * x"], None, "f32"),
            ("f32", &["x", "n"], None, "f64"),
            ("f32", &["x", "0.5"], None, "f32"),
            ("f32", &["0.5", "x > 0", "x"], None, "f32"),
            ("u64", &["x", "x > 2"], None, "u64"),
            ("u64", &["1", "x"], None, "u64"),
            ("u64", &["x", "-1"], None, "i64"),
            ("u64", &["x", "n - 1"], None, "i64"),
            ("u64", &["x > 1", "x > 2"], None, "u8"),
            ("u64", &["x", "0.5"], None, "f64"),
            ("cf32", &["x", "abs(x)"], None, "cf32"),
            ("f64[3]", &["x", "x > 0"], None, "f64[3]"),
            ("i16", &["x", "x / 2"], Some("f32"), "f32"),
        ];
        for (from, exprs, dtype, to) in cases {
            let input = [given::<u8>(from, &[])];
            let blueprint = build("flat_map", &input, &[("expr", list(exprs))], dtype).unwrap();
            let found = blueprint.outputs[0].item_type.to_string();
            assert_eq!(found, to, "{exprs:?} of {from}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let input = || [given::<u8>("f64[2]", &[])];
        let two = ("expr", list(&["x", "x[0]"]));
        let refused = build("flat_map", &input(), &[two], None).unwrap_err();
        assert!(refused.message.contains("f64[2], another f64"), "{refused}");
        let params = [("expr", "x".into()), ("when", list(&["true", "false"]))];
        let refused = build("flat_map", &input(), &params, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("when"));
        let params = [("expr", "x".into()), ("times", "x".into())];
        let refused = build("flat_map", &input(), &params, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("times"));
    }

    #[test]
    fn a_number_of_times_that_is_none_is_named_with_its_item() {
        for (bad, word) in [(-1.0, "-1"), (f64::NAN, "NaN")] {
            let params = [("expr", "x".into()), ("times", "x".into())];
            let blueprint = build("flat_map", &[given::<u8>("f64", &[])], &params, None).unwrap();
            let bytes = bytemuck::cast_slice(&[1.0, bad]).to_vec();
            let failed = run(blueprint, &[bytes], Chunks::Whole, usize::MAX).unwrap_err();
            let expected = format!("`times` is {word} at item 1");
            assert!(failed.message.starts_with(&expected), "{failed}");
        }
    }
}
