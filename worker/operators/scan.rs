//! `scan`: expressions of every item and of a state that goes along.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, StateSpec, Status};
use crate::expr::{Machine, Program, compile, compile_condition};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::map::output_type;
use super::numbers::with_number;

/// The row of the table.
pub const SCAN: OpDef = OpDef {
    name: "scan",
    summary: "computes an expression of every item and of a state that the items change",
    doc: "For each item `x`, with the state `s` as the items before have left it: where `keep` is true (or not given) the \
          result of `expr` goes out; then the state becomes `next`. Without `expr` what goes out is the new state: `scan \
          next=\"s + x\"` is the running sum, `scan next=\"0.9 * s + 0.1 * x\"` exponential smoothing, `scan next=\"x\" \
          expr=\"x - s\"` the difference to the item before, `scan next=\"max(s, x)\" keep=\"x > s\" expr=\"x\"` each new \
          record. The language is that of `map`; `n` is the item's place. The state is whole numbers (i64) where `init`, \
          the items and `next` are, else of the items' kind of float; it has as many elements as `next` gives. It is committed with \
          the stream. An item costs some tens of nanoseconds for each operation: a closure in Rust is faster.",
    inputs: Arity::One,
    outputs: "one stream of the expression's type, or of `dtype`",
    params: &[
        ParamDef {
            name: "next",
            kind: ParamKind::Expr,
            default: None,
            unit: "",
            doc: "The state after an item: an expression over `x` and `s`.",
        },
        ParamDef {
            name: "init",
            kind: ParamKind::Number,
            default: Some("0"),
            unit: "",
            doc: "The state before the first item: a number for all its elements, or one for each.",
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
            doc: "Whether anything goes out: a condition over `x` and the state `s` before the item.",
        },
    ],
    example: "counter items=1000 ! scan next=\"s + x\" ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let next = next(args)?;
    let inputs = [named(input, "x"), state_input(&next.state)];
    let keep = match args.text("keep") {
        None => None,
        Some(text) => {
            Some(compile_condition(text, &inputs, input.rate).map_err(|e| e.of_param("keep"))?)
        }
    };
    let text = args.text("expr");
    let given =
        compile(text.unwrap_or("s"), &inputs, input.rate).map_err(|e| e.of_param("expr"))?;
    let item_type = output_type(&given, args.dtype())?;
    let (scalar, _) = item_type.elements().unwrap_or((Scalar::F64, 1));
    let rate = input.rate.filter(|_| keep.is_none());
    let init = init(args, &next.state)?;
    let agent = Scan {
        fresh: vec![0; init.len()],
        next: Machine::new(next.program),
        state: next.state,
        given: Machine::new(given),
        gives_the_new: text.is_none(),
        scalar,
        keep: keep.map(Machine::new),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(item_type, rate))
        .state(StateSpec::slice(&init)))
}

/// What makes the state, and the type it has.
struct Next {
    program: Program,
    state: ItemType,
}

/// Finds the state's type: the first that its own expression keeps.
fn next(args: &Args) -> Result<Next, OpError> {
    let input = args.input();
    let Some((items, _)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        return Err(
            OpError::input_type("scan", input, "real numbers, or vectors of them")
                .with_help("take the parts of complex numbers first: `map expr=\"abs(x)\"`"),
        );
    };
    let text = args.text("next").unwrap_or("");
    let whole = |x: &f64| x.fract() == 0.0;
    let is_whole = items.is_integer() && args.floats("init").is_some_and(|i| i.iter().all(whole));
    let candidates = match (is_whole, items) {
        (true, _) => &[Scalar::I64, Scalar::F64][..],
        (false, Scalar::F32) => &[Scalar::F32, Scalar::F64],
        _ => &[Scalar::F64],
    };
    let compiled = |state: &ItemType| {
        let inputs = [named(input, "x"), state_input(state)];
        let program = compile(text, &inputs, input.rate).map_err(|e| e.of_param("next"))?;
        let found = program.item_type().elements().unwrap_or((Scalar::F64, 1));
        Ok::<_, OpError>((program, found))
    };
    for scalar in candidates {
        let mut state = ItemType::Scalar(*scalar);
        let (mut program, (mut found, width)) = compiled(&state)?;
        if width > 1 {
            state = ItemType::Vector(*scalar, width as u32);
            (program, (found, _)) = compiled(&state)?;
        }
        if program.is_complex() {
            return Err(OpError::param(
                "next",
                "`next` gives complex numbers, and a state is real",
            ));
        }
        if keeps(*scalar, found) {
            return Ok(Next { program, state });
        }
    }
    unreachable!("f64 keeps every real number")
}

/// A state of this scalar loses nothing of what its expression finds.
fn keeps(state: Scalar, found: Scalar) -> bool {
    match state {
        Scalar::I64 => found.is_integer(),
        Scalar::F32 => found != Scalar::F64,
        _ => true,
    }
}

/// The words of the state before the first item.
fn init(args: &Args, state: &ItemType) -> Result<Vec<u64>, OpError> {
    let (scalar, width) = state.elements().unwrap_or((Scalar::F64, 1));
    let given = args.floats("init").unwrap_or_default();
    if given.len() != 1 && given.len() != width {
        return Err(OpError::param(
            "init",
            format!(
                "`init` has {} numbers, and the state has {width}",
                given.len()
            ),
        ));
    }
    let mut words = vec![0u64; state.len_bytes().div_ceil(8)];
    let numbers = (0..width).map(|i| given[i % given.len()]);
    with_number!(scalar, T => {
        let slots: &mut [T] = bytemuck::cast_slice_mut(&mut words);
        for (slot, number) in slots.iter_mut().zip(numbers) {
            *slot = super::numbers::Number::from_f64(number);
        }
    });
    Ok(words)
}

fn named(input: &InputInfo, name: &str) -> InputInfo {
    InputInfo {
        name: name.to_owned(),
        ..input.clone()
    }
}

fn state_input(item_type: &ItemType) -> InputInfo {
    InputInfo {
        name: "s".to_owned(),
        item_type: item_type.clone(),
        rate: None,
    }
}

struct Scan {
    next: Machine,
    state: ItemType,
    given: Machine,
    /// What goes out is computed from the state after the item.
    gives_the_new: bool,
    scalar: Scalar,
    keep: Option<Machine>,
    /// Where the next state is made.
    fresh: Vec<u64>,
}

impl Agent for Scan {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<u64>();
        let item_len = output.item_len();
        while !input.is_empty() && !output.is_full() {
            let position = input.position();
            let before = seen(input, state, &self.state);
            let kept = self.keep.as_mut().is_none_or(|keep| {
                let mut truth = [0];
                keep.run(&before, 0, position, 1).truths(&mut truth);
                truth[0] != 0
            });
            let room = &mut output.bytes()[..item_len];
            if kept && !self.gives_the_new {
                self.given
                    .run(&before, 0, position, 1)
                    .write(self.scalar, room);
            }
            let (scalar, width) = self.state.elements().unwrap_or((Scalar::F64, 1));
            let fresh =
                &mut bytemuck::cast_slice_mut(&mut self.fresh)[..width * scalar.len_bytes()];
            self.next.run(&before, 0, position, 1).write(scalar, fresh);
            state.copy_from_slice(&self.fresh);
            if kept && self.gives_the_new {
                let after = seen(input, state, &self.state);
                self.given
                    .run(&after, 0, position, 1)
                    .write(self.scalar, room);
            }
            output.produce(usize::from(kept));
            input.consume(1);
        }
        Ok(Status::Ready)
    }
}

/// The first unread item and the state, as inputs of an expression.
fn seen(input: &Input, state: &[u64], state_type: &ItemType) -> [Input; 2] {
    let position = input.position();
    // SAFETY: one unread item is there (its caller looked), aligned and unchanged during the call; the state's
    // words are aligned for its numbers and as long as its type. Both are read before either changes.
    unsafe {
        [
            Input::new(
                input.bytes().as_ptr(),
                1,
                0,
                position,
                input.item_len(),
                false,
            ),
            Input::new(
                state.as_ptr().cast(),
                1,
                0,
                position,
                state_type.len_bytes(),
                false,
            ),
        ]
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
            "`scan` needs `next`: The state after an item: an expression over `x` and `s`."
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
