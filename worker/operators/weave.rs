//! `weave` and `concat`: several streams as one, in a fixed order.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::closures::{Concat, Turns};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::units::Unit;

use super::numbers::common_type;

/// The row of `weave`.
pub const WEAVE: OpDef = OpDef {
    name: "weave",
    summary: "several streams as one, by turns",
    doc: "Gives `counts[0]` items of the first input, `counts[1]` of the second and so on, then the next ones of \
          each: a fixed order, so unlike `merge` it is deterministic. Without `counts` it takes one item of each. It ends \
          when the input whose turn it is has ended. An input whose number is 0 is never read.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the inputs' type, which is one, of no known rate",
    params: &[ParamDef {
        name: "counts",
        kind: ParamKind::Floats,
        default: Some(""),
        unit: "items",
        doc: "How many items of each input make a turn; one each without it.",
    }],
    example: "a:counter items=1000 ; b:counter items=500 ; weave in=[a, b] counts=[2, 1] ! null",
    deterministic: true,
    build: weave,
};

/// The row of `concat`.
pub const CONCAT: OpDef = OpDef {
    name: "concat",
    summary: "several streams as one, one after the other",
    doc: "Gives all items of the first input, then all of the second, and so on. Whoever feeds a later input waits, \
          once that stream is full, until the earlier ones have ended; if it feeds an earlier one too, both come to a \
          stand (exit code 4): give the later stream a `capacity` that holds what comes meanwhile.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the inputs' type, which is one, of their rate where they agree",
    params: &[],
    example: "a:counter items=1000 ; b:counter items=500 ; concat in=[a, b] ! null",
    deterministic: true,
    build: concat,
};

fn weave(args: &Args) -> Result<Blueprint, OpError> {
    let inputs = args.inputs().len();
    let counts = match args.floats("counts") {
        None => vec![1; inputs],
        Some(counts) => whole(&counts, inputs)?,
    };
    let agent = Weave {
        turns: Turns::new(&counts),
    };
    several(args, Blueprint::new(agent), None)
}

/// As whole numbers, one for each input.
fn whole(counts: &[f64], inputs: usize) -> Result<Vec<u64>, OpError> {
    let refused = |message: String| Err(OpError::param("counts", message));
    if counts.len() != inputs {
        let found = counts.len();
        return refused(format!(
            "`counts` has {found} numbers, and there are {inputs} inputs"
        ));
    }
    if let Some(bad) = counts
        .iter()
        .find(|x| x.fract() != 0.0 || **x < 0.0 || **x > 1e15)
    {
        return refused(format!(
            "`counts` has {bad}, and should have whole numbers of items"
        ));
    }
    if counts.iter().all(|x| *x == 0.0) {
        return refused("`counts` are all 0: nothing would ever come".to_owned());
    }
    Ok(counts.iter().map(|x| *x as u64).collect())
}

fn concat(args: &Args) -> Result<Blueprint, OpError> {
    let rate = super::zip::common_rate(args);
    let rate = rate.filter(|_| args.inputs().iter().all(|input| input.rate.is_some()));
    several(args, Blueprint::new(Concat), rate)
}

fn several(args: &Args, blueprint: Blueprint, rate: Option<f64>) -> Result<Blueprint, OpError> {
    let item_type = common_type(args)?;
    let blueprint = blueprint.output(OutPort::new(item_type.clone(), rate).unit(Unit::Mixed));
    Ok(args.inputs().iter().fold(blueprint, |blueprint, _| {
        blueprint.input(InPort::new(item_type.clone()))
    }))
}

struct Weave {
    turns: Turns,
}

impl Agent for Weave {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        Ok(self.turns.work(io))
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, text_run, texts};
    use crate::testing::Chunks;

    #[test]
    fn inputs_take_turns_of_their_lengths() {
        let inputs = || [given("i32", &[1, 2, 3, 4, 5]), given("i32", &[10, 20, 30])];
        let woven: Vec<i32> = output("weave", &inputs(), &[], None);
        assert_eq!(woven, [1, 10, 2, 20, 3, 30, 4]);
        let counts = [("counts", Value::from([2, 1]))];
        let woven: Vec<i32> = output("weave", &inputs(), &counts, None);
        assert_eq!(woven, [1, 2, 10, 3, 4, 20, 5]);
    }

    #[test]
    fn inputs_follow_each_other() {
        let inputs = [
            given("u8", &[1_u8, 2]),
            given::<u8>("u8", &[]),
            given("u8", &[3_u8]),
        ];
        let joined: Vec<u8> = output("concat", &inputs, &[], None);
        assert_eq!(joined, [1, 2, 3]);
        let rates = [
            given("u8", &[1_u8]).rate(5.0),
            given("u8", &[1_u8]).rate(5.0),
        ];
        let blueprint = build("concat", &rates, &[], None).unwrap();
        assert_eq!(blueprint.outputs[0].rate, Some(5.0));
    }

    #[test]
    fn texts_take_turns_and_follow_each_other() {
        let inputs = [texts(&["a", "bb", "ccc"]), texts(&["", "eeeee"])];
        for (op, expected) in [
            ("weave", ["a", "", "bb", "eeeee", "ccc"]),
            ("concat", ["a", "bb", "ccc", "", "eeeee"]),
        ] {
            for chunks in (0..20).map(Chunks::Random).chain([Chunks::Single]) {
                assert_eq!(text_run(op, &inputs, &[], chunks).unwrap(), expected);
            }
        }
    }

    #[test]
    fn turns_that_cannot_be_are_refused() {
        for counts in [vec![1.0], vec![1.0, 0.5], vec![0.0, 0.0], vec![2.0, -1.0]] {
            let inputs = [given("u8", &[1_u8]), given("u8", &[1_u8])];
            let params = [("counts", Value::from(counts))];
            let refused = build("weave", &inputs, &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("counts"), "{refused}");
        }
    }
}
