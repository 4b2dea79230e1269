//! `filter`: the items for which a condition holds.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::expr::{Machine, compile_condition};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::keep::keep;
use super::live_numbers::{LIVE, with_dials, with_live};

/// The row of the table.
pub const FILTER: OpDef = OpDef {
    name: "filter",
    summary: "keeps the items for which an expression is true",
    doc: "Gives the items unchanged for which `expr` is true (a number: is not 0), in their order, and drops \
          the others. `x` is the item, `x[0]` an element of a vector item, `n` its place, `t` its time. The \
          expressions are those of `map`. Texts and bytes are chosen by `n`; by what is in them `contains` and `regex.match` choose, and \
          `gate` by numbers made of them. What comes out has no rate: how many are kept depends on the items.",
    inputs: Arity::One,
    outputs: "one stream of the input's type, of no known rate",
    params: &[
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: None,
            unit: "",
            doc: "The condition over `x`.",
        },
        LIVE,
    ],
    example: "counter items=1000 ! filter expr=\"x % 7 == 0\" ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let text = args.text("expr").unwrap_or("");
    let program =
        compile_condition(text, &with_live(args)?, input.rate).map_err(|e| e.of_param("expr"))?;
    let machine = Machine::new(program);
    let agent = Filter {
        keeps: vec![0; machine.items_max()],
        machine,
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), None).keeps_unit());
    Ok(with_dials(blueprint, args))
}

struct Filter {
    machine: Machine,
    /// Truth values of a block.
    keeps: Vec<u8>,
}

impl Agent for Filter {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.machine.turn(io.dials);
        if io.inputs[0].is_framed() {
            self.frames(io);
            return Ok(Status::Ready);
        }
        loop {
            // All of a block may be kept, so no more is looked at than there is room for.
            let items = io.inputs[0]
                .len()
                .min(io.outputs[0].space())
                .min(self.keeps.len());
            if items == 0 {
                return Ok(Status::Ready);
            }
            let position = io.inputs[0].position();
            let keeps = &mut self.keeps[..items];
            self.machine
                .run(io.inputs, 0, position, items)
                .truths(keeps);
            let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
            let len = input.item_len();
            let kept = keep(keeps, &input.bytes()[..items * len], output.bytes(), len);
            input.consume(items);
            output.produce(kept);
        }
    }
}

impl Filter {
    /// The same for frames, which have room or not one by one.
    fn frames(&mut self, io: &mut Io<'_>) {
        loop {
            let items = io.inputs[0].len().min(self.keeps.len());
            let position = io.inputs[0].position();
            let keeps = &mut self.keeps[..items];
            self.machine
                .run(io.inputs, 0, position, items)
                .truths(keeps);
            let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
            let fit = |(frame, keep): &(&[u8], &u8)| **keep == 0 || output.give(frame);
            let taken = input.frames().zip(&*keeps).take_while(fit).count();
            input.consume(taken);
            if items == 0 || taken < items {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, text_output, texts};

    fn expr(text: &str) -> [(&str, Value); 1] {
        [("expr", text.into())]
    }

    #[test]
    fn the_items_for_which_it_holds_are_kept_in_order() {
        let items: Vec<i32> = (0..3000).collect();
        let kept: Vec<i32> = output("filter", &[given("i32", &items)], &expr("x % 7 == 3"), None);
        assert_eq!(kept, (3..3000).step_by(7).collect::<Vec<_>>());
        let kept: Vec<i32> = output("filter", &[given("i32", &items)], &expr("n"), None);
        assert_eq!(kept, items[1..]);
    }

    #[test]
    fn vectors_of_any_length_are_kept_whole() {
        for width in [2, 3, 7] {
            let numbers: Vec<f64> = (0..width * 10).map(|i| i as f64).collect();
            let input = [given(&format!("f64[{width}]"), &numbers)];
            let condition = format!("x[{}] > {}", width - 1, width * 5);
            let kept: Vec<f64> = output("filter", &input, &expr(&condition), None);
            assert_eq!(kept, numbers[width * 5..]);
        }
    }

    #[test]
    fn items_that_are_no_numbers_can_be_chosen_by_place() {
        let pairs = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let kept: Vec<f64> = output(
            "filter",
            &[given("timed<f64>", &pairs)],
            &expr("n != 1"),
            None,
        );
        assert_eq!(kept, [0.0, 1.0, 4.0, 5.0]);
        let input = [given("timed<f64>", &pairs)];
        let kept: Vec<f64> = output("filter", &input, &expr("t > 1 && x < 5"), None);
        assert_eq!(kept, [2.0, 3.0]);
    }

    #[test]
    fn texts_are_chosen_by_their_place() {
        let words: Vec<String> = (0..40).map(|n| "word ".repeat(n % 7)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let kept = text_output("filter", &words, &expr("n % 3 == 1"));
        let expected: Vec<&str> = words.iter().copied().skip(1).step_by(3).collect();
        assert_eq!(kept, expected);
        let refused = build("filter", &[texts(&words)], &expr("x > 3"), None).unwrap_err();
        assert!(refused.message.contains("`x` is text"), "{refused}");
        assert!(refused.help.unwrap().contains("`contains`"));
    }

    #[test]
    fn a_condition_is_one_truth_value() {
        for (item_type, text) in [("f64[2]", "x > 0"), ("cf32", "x"), ("f64[2]", "t > x")] {
            let input = [given::<u8>(item_type, &[])];
            let refused = build("filter", &input, &expr(text), None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("expr"), "{refused}");
        }
    }
}
