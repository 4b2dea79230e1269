//! `skip`, `take_while`, `skip_while`, `changes` and `diff`: which items go on, and how they differ.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status, pass_on};
use crate::expr::{Machine, compile_condition};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::Scalar;

use super::numbers::with_number;

/// The row of `skip`.
pub const SKIP: OpDef = OpDef {
    name: "skip",
    summary: "a stream without its first items",
    doc: "Drops the first `items` items and gives all that follow. Where the stream's time counts from its first item, what \
          is given begins that much later: `t` of an expression counts from the new first item.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[ParamDef {
        name: "items",
        kind: ParamKind::Length,
        default: None,
        unit: "items",
        doc: "How many, or a duration.",
    }],
    example: "counter items=1000 ! skip items=100 ! null",
    deterministic: true,
    build: skip,
};

const CONDITION: ParamDef = ParamDef {
    name: "expr",
    kind: ParamKind::Expr,
    default: None,
    unit: "",
    doc: "The condition over `x`.",
};

/// The row of `take_while`.
pub const TAKE_WHILE: OpDef = OpDef {
    name: "take_while",
    summary: "a stream up to the first item for which an expression is false",
    doc: "Gives items as long as `expr` is true and ends before the first for which it is not; what comes before it is then \
          no longer wanted and ends too. The expressions are those of `map`.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[CONDITION],
    example: "counter ! take_while expr=\"x < 1000\" ! null",
    deterministic: true,
    build: take_while,
};

/// The row of `skip_while`.
pub const SKIP_WHILE: OpDef = OpDef {
    name: "skip_while",
    summary: "a stream from the first item on for which an expression is false",
    doc: "Drops items as long as `expr` is true and gives the first for which it is not and all that follow. The expressions \
          are those of `map`.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[CONDITION],
    example: "counter items=1000 ! skip_while expr=\"x < 100\" ! null",
    deterministic: true,
    build: skip_while,
};

/// The row of `changes`.
pub const CHANGES: OpDef = OpDef {
    name: "changes",
    summary: "the items that differ from the one before",
    doc: "Gives the first item and every item that is not equal, byte by byte, to the one before it: `1 1 2 2 1` becomes `1 2 \
          1`. So 0 and -0 differ, and a NaN equals the same NaN.",
    inputs: Arity::One,
    outputs: "one stream of the input's type, of no known rate",
    params: &[],
    example: "counter items=1000 ! map expr=\"x // 10\" ! changes ! null",
    deterministic: true,
    build: changes,
};

/// The row of `diff`.
pub const DIFF: OpDef = OpDef {
    name: "diff",
    summary: "the difference between each item and the one before",
    doc: "Item n is `x[n + 1] - x[n]`, as NumPy's `diff`: one item fewer than the input has. Vectors element by element; \
          integers wrap.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[],
    example: "counter items=1000 ! diff ! null",
    deterministic: true,
    build: diff,
};

fn same(args: &Args, blueprint: Blueprint, rate: Option<f64>) -> Blueprint {
    let item_type = &args.input().item_type;
    blueprint
        .input(InPort::new(item_type.clone()))
        .output(OutPort::new(item_type.clone(), rate).keeps_unit())
}

fn skip(args: &Args) -> Result<Blueprint, OpError> {
    let items = args.required_length("items", 0)?;
    Ok(same(
        args,
        Blueprint::new(Skip { items }).weight(1),
        args.input().rate,
    ))
}

fn condition(args: &Args) -> Result<Machine, OpError> {
    let text = args.text("expr").unwrap_or("");
    let program = compile_condition(text, args.inputs(), args.input().rate);
    Ok(Machine::new(program.map_err(|e| e.of_param("expr"))?))
}

fn take_while(args: &Args) -> Result<Blueprint, OpError> {
    let agent = While {
        machine: condition(args)?,
        truths: Vec::new(),
        takes: true,
    };
    Ok(same(args, Blueprint::new(agent), args.input().rate))
}

/// State: 1 once an item was given (`u8`).
fn skip_while(args: &Args) -> Result<Blueprint, OpError> {
    let agent = While {
        machine: condition(args)?,
        truths: Vec::new(),
        takes: false,
    };
    let blueprint = Blueprint::new(agent).state(StateSpec::of(0u8));
    Ok(same(args, blueprint, args.input().rate))
}

fn changes(args: &Args) -> Result<Blueprint, OpError> {
    let item_type = &args.input().item_type;
    if item_type.is_framed() {
        // The frame before stays unread, for nothing is retained of frames.
        return Ok(Blueprint::new(ChangingFrames)
            .input(InPort::new(item_type.clone()).at_least(2))
            .output(OutPort::new(item_type.clone(), None)));
    }
    Ok(Blueprint::new(Changes)
        .input(InPort::new(item_type.clone()).retain(1))
        .output(OutPort::new(item_type.clone(), None).keeps_unit()))
}

fn diff(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements() else {
        return Err(OpError::input_type(
            "diff",
            input,
            "numbers or vectors of them",
        ));
    };
    Ok(Blueprint::new(Diff { scalar, width })
        .input(InPort::new(input.item_type.clone()).retain(1))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit()))
}

struct Skip {
    items: u64,
}

impl Agent for Skip {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let left = self.items.saturating_sub(input.position());
        input.consume(input.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        pass_on(input, output, usize::MAX);
        Ok(Status::Ready)
    }
}

struct While {
    machine: Machine,
    /// Truth values of a block.
    truths: Vec<u8>,
    takes: bool,
}

impl While {
    /// How many of the next items the condition holds for, and how many were looked at.
    fn run(&mut self, io: &mut Io<'_>, most: usize) -> (usize, usize) {
        let items = io.inputs[0].len().min(most).min(self.machine.items_max());
        self.truths.resize(items, 0);
        let position = io.inputs[0].position();
        let results = self.machine.run(io.inputs, 0, position, items);
        results.truths(&mut self.truths);
        let held = self.truths.iter().take_while(|truth| **truth != 0).count();
        (held, items)
    }

    fn take(&mut self, io: &mut Io<'_>) -> Status {
        loop {
            let (held, items) = self.run(io, io.outputs[0].space());
            let passed = pass_on(&mut io.inputs[0], &mut io.outputs[0], held);
            if passed < held || items == 0 {
                return Status::Ready;
            }
            if held < items {
                return Status::Done;
            }
        }
    }

    fn skip(&mut self, io: &mut Io<'_>) -> Status {
        while *io.state.get::<u8>() == 0 {
            let (held, items) = self.run(io, usize::MAX);
            io.inputs[0].consume(held);
            if items == 0 {
                return Status::Ready;
            }
            if held < items && !io.outputs[0].is_full() {
                *io.state.get::<u8>() = 1;
            } else if held < items {
                return Status::Ready;
            }
        }
        pass_on(&mut io.inputs[0], &mut io.outputs[0], usize::MAX);
        Status::Ready
    }
}

impl Agent for While {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        Ok(match self.takes {
            true => self.take(io),
            false => self.skip(io),
        })
    }
}

struct Changes;

impl Agent for Changes {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = input.item_len();
        let (bytes, past) = input.past_elements::<u8>();
        let mut taken = 0;
        for at in (past..bytes.len()).step_by(len) {
            let item = &bytes[at..at + len];
            let is_new = at == 0 || bytes[at - len..at] != *item;
            if is_new {
                if output.is_full() {
                    break;
                }
                output.bytes()[..len].copy_from_slice(item);
                output.produce(1);
            }
            taken += 1;
        }
        input.consume(taken);
        Ok(Status::Ready)
    }
}

/// The first unread frame is the one that the next is compared with; before any is given, the first of all.
struct ChangingFrames;

impl Agent for ChangingFrames {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut coming = input.frames();
        let Some(mut before) = coming.next() else {
            return Ok(Status::Ready);
        };
        if output.position() == 0 && !output.give(before) {
            return Ok(Status::Ready);
        }
        let mut taken = 0;
        let mut is_full = false;
        for frame in coming {
            is_full = frame != before && !output.give(frame);
            if is_full {
                break;
            }
            before = frame;
            taken += 1;
        }
        // The last one of all is compared with nothing.
        let is_last = input.is_ended() && !is_full;
        input.consume(taken + usize::from(is_last));
        Ok(Status::Ready)
    }
}

struct Diff {
    scalar: Scalar,
    width: usize,
}

impl Agent for Diff {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        // The first item has none before it: it is only taken.
        if input.position() == 0 {
            input.consume(input.len().min(1));
        }
        let n = input.len().min(output.space());
        if n > 0 {
            with_number!(self.scalar, T => {
                let (numbers, past) = input.past_elements::<T>();
                let now = &numbers[past..past + n * self.width];
                let before = &numbers[past - self.width..];
                let room = output.elements::<T>().iter_mut();
                for ((y, &x), &before) in room.zip(now).zip(before) {
                    *y = Minus::minus(x, before);
                }
            });
        }
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

/// Differences: integers wrap.
trait Minus {
    fn minus(self, other: Self) -> Self;
}

macro_rules! minus {
    ($($integer:ty),* ; $($float:ty),*) => {
        $(impl Minus for $integer {
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        })*
        $(impl Minus for $float {
            fn minus(self, other: Self) -> Self {
                self - other
            }
        })*
    };
}

minus! { u8, i8, u16, i16, u32, i32, u64, i64 ; f32, f64, num_complex::Complex<f32>, num_complex::Complex<f64> }

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, text_output};

    #[test]
    fn texts_go_on_as_numbers_do() {
        let words = ["a", "a", "", "", "ccc", "a", "a"];
        let none = |op: &str, given: &[&str]| text_output(op, given, &[]);
        assert_eq!(none("changes", &words), ["a", "", "ccc", "a"]);
        assert_eq!(none("changes", &words[..2]), ["a"]);
        assert_eq!(none("changes", &[]), [""; 0]);
        let three = [("items", Value::Int(3))];
        assert_eq!(text_output("skip", &words, &three), words[3..]);
        let early = expr("n < 4");
        assert_eq!(text_output("take_while", &words, &early), words[..4]);
        assert_eq!(text_output("skip_while", &words, &early), words[4..]);
    }

    fn expr(text: &str) -> [(&str, Value); 1] {
        [("expr", text.into())]
    }

    #[test]
    fn the_first_items_are_left_out() {
        for (items, expected) in [
            (Value::from(0), 0),
            (3.into(), 3),
            (9.into(), 5),
            ("0.2 s".into(), 2),
        ] {
            let input = [given("i32", &[0, 1, 2, 3, 4]).rate(10.0)];
            let rest: Vec<i32> = output("skip", &input, &[("items", items)], None);
            assert_eq!(rest, (expected..5).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_condition_ends_a_stream_or_begins_it() {
        let items: Vec<i32> = (0..3000).collect();
        for at in [0, 1, 1500, 2999, 5000] {
            let condition = format!("x % 5000 < {at}");
            let input = || [given("i32", &items)];
            let taken: Vec<i32> = output("take_while", &input(), &expr(&condition), None);
            assert_eq!(taken, items[..at.min(3000)]);
            let rest: Vec<i32> = output("skip_while", &input(), &expr(&condition), None);
            assert_eq!(rest, items[at.min(3000)..]);
        }
        let input = [given("i32", &[1, 5, 1, 5])];
        assert_eq!(
            output::<i32>("skip_while", &input, &expr("x < 3"), None),
            [5, 1, 5]
        );
    }

    #[test]
    fn what_repeats_is_left_out() {
        let input = [given("i8", &[1_i8, 1, 2, 2, 2, 1])];
        assert_eq!(output::<i8>("changes", &input, &[], None), [1, 2, 1]);
        let input = [given("f64[2]", &[1.0, 2.0, 1.0, 2.0, 1.0, 3.0])];
        let found: Vec<f64> = output("changes", &input, &[], None);
        assert_eq!(found, [1.0, 2.0, 1.0, 3.0]);
    }

    #[test]
    fn differences_are_numpy_s() {
        let input = [given("f64", &[1.0, 4.0, 2.0])];
        assert_eq!(output::<f64>("diff", &input, &[], None), [3.0, -2.0]);
        let input = [given("u8", &[5_u8, 3])];
        assert_eq!(output::<u8>("diff", &input, &[], None), [254]);
        let input = [given("i32[2]", &[1, 10, 3, 30, 6, 60])];
        assert_eq!(output::<i32>("diff", &input, &[], None), [2, 20, 3, 30]);
        assert_eq!(
            output::<f64>("diff", &[given("f64", &[1.0])], &[], None),
            [0.0; 0]
        );
        assert!(build("diff", &[given::<u8>("timed<f64>", &[])], &[], None).is_err());
    }
}
