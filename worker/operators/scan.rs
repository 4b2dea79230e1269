//! `scan`: expressions of every item and of a state that goes along.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::expr::{Machine, compile, compile_condition};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::Scalar;

use super::carried::{Seen, init, inputs_with_live, is_kept, next};
use super::live_numbers::{LIVE, with_dials};
use super::map::{Outgoing, outgoing};

/// The row of the table.
pub const SCAN: OpDef = OpDef {
    name: "scan",
    summary: "computes an expression of every item and of a state that the items change",
    doc: "For each item `x`, with the state `s` as the items before have left it: where `keep` is true (or not given) the \
          result of `expr` goes out; then the state becomes `next`. Without `expr` what goes out is the new state: `scan \
          next=\"s + x\"` is the running sum, `scan next=\"0.9 * s + 0.1 * x\"` exponential smoothing, `scan next=\"x\" \
          expr=\"x - s\"` the difference to the item before, `scan next=\"max(s, x)\" keep=\"x > s\" expr=\"x\"` each new \
          record. Several numbers are a list, each with its expression over all of them as they were: `scan next=[\"b\", \"a + \
          b\"] names=[a, b] init=[0, 1] expr=\"a\"` gives Fibonacci's numbers, `scan next=[\"sum + x\", \"count + 1\"] names=[sum, \
          count] expr=\"sum / count\" after=true` the running mean; without `names` they are `s[0]`, `s[1]` and so on. \
          The language is that of `map`; `n` is the item's place. Timed items keep their time, `t`. The state is whole numbers where `init`, \
          the items and `next` are (u64 where all of them are without a sign, else i64; `dtype = \"i64\"` makes differences of u64 \
          what they are), else of the items' kind of float; it has as many elements as `next` gives, or as its list is long (at most 64). It is committed with \
          the stream. An item costs some tens of nanoseconds for each operation: a closure in Rust is faster.",
    inputs: Arity::One,
    outputs: "one stream of the expression's type, or of `dtype`",
    params: &[
        ParamDef {
            name: "next",
            kind: ParamKind::Exprs,
            default: None,
            unit: "",
            doc: "The state after an item: an expression over `x` and `s`, or a list with one for each number of the state.",
        },
        ParamDef {
            name: "init",
            kind: ParamKind::Values,
            default: Some("0"),
            unit: "",
            doc: "The state before the first item: a number for all its elements, or one for each.",
        },
        ParamDef {
            name: "names",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "Names for the numbers of the state, in their order; `s` is all of them.",
        },
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "What goes out: an expression over `x` and the state `s` before the item. Default: the state after it.",
        },
        ParamDef {
            name: "keep",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "Whether anything goes out: a condition over `x` and the state `s` before the item. Default: always.",
        },
        ParamDef {
            name: "after",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "`expr` and `keep` see the state after the item instead.",
        },
        LIVE,
    ],
    example: "counter items=1000 ! scan next=[\"sum + x\", \"count + 1\"] names=[sum, count] expr=\"sum / count\" after=true ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let next = next(args, input)?;
    let inputs = inputs_with_live(args, input, &next.state, &next.names)?;
    let keep = match args.text("keep") {
        None => None,
        Some(text) => {
            Some(compile_condition(text, &inputs, input.rate).map_err(|e| e.of_param("keep"))?)
        }
    };
    let text = args.text("expr");
    let given =
        compile(text.unwrap_or("s"), &inputs, input.rate).map_err(|e| e.of_param("expr"))?;
    let keeps_time = input.item_type.timed_values().is_some();
    let Outgoing {
        item_type,
        scalar,
        width,
    } = outgoing(&given, args.dtype(), keeps_time)?;
    let rate = input.rate.filter(|_| keep.is_none());
    let init = init(args, &next.state)?;
    let after = args.flag("after");
    let agent = Scan {
        next: next.programs.into_iter().map(Machine::new).collect(),
        given: Machine::new(given),
        gives_the_new: after || text.is_none(),
        keeps_by_the_new: after,
        scalar,
        len_bytes: scalar.len_bytes() * width,
        keeps_time,
        keep: keep.map(Machine::new),
        seen: Seen::of(&next.state, next.names.len()),
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(item_type, rate))
        .state(StateSpec::slice(&init));
    Ok(with_dials(blueprint, args))
}

struct Scan {
    next: Vec<Machine>,
    given: Machine,
    /// What goes out is computed from the state after the item.
    gives_the_new: bool,
    /// Whether anything does is asked of the state after the item.
    keeps_by_the_new: bool,
    scalar: Scalar,
    /// Bytes of what an item's expression gives.
    len_bytes: usize,
    /// The items are timed, and so is what goes out.
    keeps_time: bool,
    keep: Option<Machine>,
    seen: Seen,
}

impl Agent for Scan {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let machines = self.next.iter_mut().chain(&mut self.keep);
        for machine in machines.chain([&mut self.given]) {
            machine.turn(io.dials);
        }
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<u64>();
        let item_len = output.item_len();
        while !input.is_empty() && !output.is_full() {
            let position = input.position();
            let before = self.seen.inputs(input, state);
            let mut kept = self.keeps_by_the_new || is_kept(&mut self.keep, before, position);
            let item = &mut output.bytes()[..item_len];
            let (time, room) = item.split_at_mut(if self.keeps_time { 8 } else { 0 });
            let (room, padding) = room.split_at_mut(self.len_bytes);
            time.copy_from_slice(&input.bytes()[..time.len()]);
            padding.fill(0);
            if kept && !self.gives_the_new {
                self.given
                    .run(before, 0, position, 1)
                    .write(self.scalar, room);
            }
            state.copy_from_slice(self.seen.following(&mut self.next, position));
            let after = self.seen.inputs(input, state);
            kept = kept && (!self.keeps_by_the_new || is_kept(&mut self.keep, after, position));
            if kept && self.gives_the_new {
                self.given
                    .run(after, 0, position, 1)
                    .write(self.scalar, room);
            }
            output.produce(usize::from(kept));
            input.consume(1);
        }
        self.seen.forget();
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn words<'a>(pairs: &[(&'a str, &str)]) -> Vec<(&'a str, Value)> {
        pairs
            .iter()
            .map(|(name, text)| (*name, (*text).into()))
            .collect()
    }

    #[test]
    fn timed_items_keep_their_time() {
        let rows = [0.5, 1.0, 1.5, -4.0, 2.0, 3.0];
        let timed = || [given("timed<f64>", &rows)];
        let sums: Vec<[f64; 2]> = output("scan", &timed(), &words(&[("next", "s + x")]), None);
        assert_eq!(sums, [[0.5, 1.0], [1.5, -3.0], [2.0, 0.0]]);
        let late = words(&[("next", "t"), ("expr", "t - s"), ("keep", "x > 0")]);
        let gaps: Vec<[f64; 2]> = output("scan", &timed(), &late, None);
        assert_eq!(gaps, [[0.5, 0.5], [2.0, 0.5]]);
        let pairs = [given("timed<f64[2]>", &[0.5, 1.0, 7.0, 1.5, 3.0, 2.0])];
        let most: Vec<[f64; 3]> = output("scan", &pairs, &words(&[("next", "max(s, x)")]), None);
        assert_eq!(most, [[0.5, 1.0, 7.0], [1.5, 3.0, 7.0]]);
        let found = build(
            "scan",
            &timed(),
            &words(&[("next", "s + x")]),
            Some("timed<f32>"),
        );
        assert_eq!(
            found.unwrap().outputs[0].item_type.to_string(),
            "timed<f32>"
        );
    }

    #[test]
    fn the_new_state_goes_out_unless_told_otherwise() {
        let sums: Vec<i64> = output(
            "scan",
            &[given("u8", &[1_u8, 2, 3])],
            &words(&[("next", "s + x")]),
            None,
        );
        assert_eq!(sums, [1, 3, 6]);
        let differences = words(&[("next", "x"), ("expr", "x - s")]);
        let differences: Vec<i64> =
            output("scan", &[given("i64", &[5_i64, 7, 4])], &differences, None);
        assert_eq!(differences, [5, 2, -3]);
    }

    #[test]
    fn the_state_is_as_exact_as_it_must_be() {
        let halves = words(&[("next", "s / 2 + x")]);
        let halves: Vec<f64> = output("scan", &[given("i32", &[1, 1, 1])], &halves, None);
        assert_eq!(halves, [1.0, 1.5, 1.75]);
        let singles = words(&[("next", "s + x")]);
        let singles: Vec<f32> = output("scan", &[given("f32", &[0.5_f32, 0.25])], &singles, None);
        assert_eq!(singles, [0.5, 0.75]);
        let mut params = words(&[("next", "s + 1")]);
        params.push(("init", 0.5.into()));
        let from_a_half: Vec<f64> = output("scan", &[given("i32", &[9, 9])], &params, None);
        assert_eq!(from_a_half, [1.5, 2.5]);
    }

    #[test]
    fn what_is_kept_is_asked_of_the_state_before_the_item() {
        let records = words(&[("next", "max(s, x)"), ("keep", "x > s"), ("expr", "x")]);
        let items = [given("i64", &[1_i64, 5, 3, 6, 2, 9, 9])];
        let records: Vec<i64> = output("scan", &items, &records, None);
        assert_eq!(records, [1, 5, 6, 9]);
    }

    #[test]
    fn vectors_have_a_state_for_each_element() {
        let mut params = words(&[("next", "s + x")]);
        params.push(("init", vec![10, 20].into()));
        let items = [given("i64[2]", &[1_i64, 2, 3, 4])];
        let sums: Vec<i64> = output("scan", &items, &params, None);
        assert_eq!(sums, [11, 22, 14, 26]);
        params[1].1 = vec![1, 2, 3].into();
        let refused = build("scan", &items, &params, None).unwrap_err();
        assert_eq!(refused.message, "`init` has 3 numbers, and the state has 2");
    }

    /// A list of expressions, and names.
    fn several(next: &[&str], names: &[&str]) -> Vec<(&'static str, Value)> {
        let mut params = vec![("next", Value::from(next.to_vec()))];
        if !names.is_empty() {
            params.push(("names", names.to_vec().into()));
        }
        params
    }

    #[test]
    fn several_numbers_are_computed_from_all_as_they_were() {
        let items = || [given("i64", &[7_i64; 9])];
        let mut fibonacci = several(&["b", "a + b"], &["a", "b"]);
        fibonacci.extend([("init", vec![0, 1].into()), ("expr", "a".into())]);
        let found: Vec<i64> = output("scan", &items(), &fibonacci, None);
        assert_eq!(found, [0, 1, 1, 2, 3, 5, 8, 13, 21]);
        let both = several(&["s[1]", "s[0] + 1"], &[]);
        let found: Vec<[i64; 2]> = output("scan", &items(), &both, None);
        assert_eq!(found[..4], [[0, 1], [1, 1], [1, 2], [2, 2]]);
    }

    #[test]
    fn a_running_mean_is_of_the_state_after_the_item() {
        let items = || [given("f64", &[2.0, 4.0, -3.0, 5.0])];
        let mut mean = several(&["sum + x", "count + 1"], &["sum", "count"]);
        mean.extend([("expr", "sum / count".into()), ("after", true.into())]);
        let found: Vec<f64> = output("scan", &items(), &mean, None);
        assert_eq!(found, [2.0, 3.0, 1.0, 2.0]);
        mean.push(("keep", "x > sum / count".into()));
        let found: Vec<f64> = output("scan", &items(), &mean, None);
        assert_eq!(found, [3.0, 2.0]);
        let vectors = [given("f32[2]", &[1.0_f32, 2.0, 3.0, 4.0])];
        let sums = several(&["s[0] + sum(x)", "max(s[1], max(x))"], &[]);
        let found: Vec<[f32; 2]> = output("scan", &vectors, &sums, None);
        assert_eq!(found, [[3.0, 2.0], [10.0, 4.0]]);
    }

    #[test]
    fn lists_and_names_that_do_not_fit_are_refused() {
        let refused = |params: &[(&str, Value)]| {
            let refused = build("scan", &[given("f64[2]", &[1.0, 2.0])], params, None).unwrap_err();
            (refused.param.unwrap_or_default(), refused.message)
        };
        let cases = [
            (several(&[], &[]), "next", "1 to 64"),
            (several(&["1", "x"], &[]), "next", "`x` gives f64[2]"),
            (several(&["1", "y"], &[]), "next", "no value is called `y`"),
            (
                several(&["1", "a"], &["a"]),
                "names",
                "the state has 2 numbers",
            ),
            (several(&["1", "2"], &["a", "a"]), "names", "something else"),
            (several(&["1", "2"], &["a", "x"]), "names", "something else"),
            (several(&["1", "2"], &["a", "b c"]), "names", "no name"),
        ];
        for (params, param, words) in cases {
            let (found, message) = refused(&params);
            assert_eq!(found, param);
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn what_is_no_expression_of_x_and_s_is_refused_at_its_place() {
        let refused = |params: &[(&str, &str)]| {
            build("scan", &[given("f64", &[1.0])], &words(params), None).unwrap_err()
        };
        assert_eq!(refused(&[("next", "s + y")]).param.as_deref(), Some("next"));
        assert_eq!(
            refused(&[("next", "s"), ("keep", "z")]).param.as_deref(),
            Some("keep")
        );
        assert_eq!(
            refused(&[]).message,
            "`scan` needs `next`: The state after an item: an expression over `x` and `s`, or a list with one for each number of the state."
        );
        let complex = build(
            "scan",
            &[given("cf64", &[1.0, 0.0])],
            &words(&[("next", "s")]),
            None,
        );
        assert_eq!(complex.unwrap_err().param.as_deref(), Some("in"));
    }
}
