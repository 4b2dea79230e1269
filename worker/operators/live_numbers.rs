//! Live numbers: what an expression knows by names of one's own, and what may be turned while the run goes on.

use crate::agent::Blueprint;
use crate::op::{AGENT_KEYS, Args, InputInfo, Naming, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The parameter that has them.
pub(super) const LIVE: ParamDef = ParamDef {
    name: "live",
    kind: ParamKind::Live,
    default: Some(""),
    unit: "",
    doc: "Numbers that expressions know by these names, each live: `live = { gain = 2, level = 3.5 }`. They are f64, have \
          names that no key of an agent has, and may be \
          turned while the run goes on: `thalweg set RUN AGENT.level=4`.",
};

/// The agent's live numbers, as inputs of its expressions behind these; none where the operator knows none.
pub(super) fn live(args: &Args, seen: &[InputInfo]) -> Result<Vec<InputInfo>, OpError> {
    if args.op().params.iter().all(|param| param.name != LIVE.name) {
        return Ok(Vec::new());
    }
    let numbers = args.table("live").into_iter().enumerate();
    let numbers = numbers.map(|(dial, (name, _))| {
        check_name("live", name)?;
        if AGENT_KEYS.contains(&name) {
            let message = format!("`{name}` is a key of every agent, and names no live number");
            return Err(OpError::param("live", message));
        }
        let is_param = args.op().params.iter().any(|param| param.name == name);
        if is_param || seen.iter().any(|input| input.name == name) {
            let message = format!("`{name}` is the name of something else already");
            return Err(OpError::param("live", message));
        }
        Ok(InputInfo {
            name: name.to_owned(),
            naming: Naming::Live { dial },
            item_type: ItemType::Scalar(Scalar::F64),
            rate: None,
            unit: None,
        })
    });
    numbers.collect()
}

/// The agent's inputs, and its live numbers behind them. An input that is called as a word of expressions is refused.
pub(super) fn with_live(args: &Args) -> Result<Vec<InputInfo>, OpError> {
    for input in args.inputs() {
        check_word("in", &input.name)?;
    }
    let numbers = live(args, args.inputs())?;
    Ok([args.inputs(), &numbers].concat())
}

/// Refuses live numbers where no expression knows them.
pub(super) fn without_expr(args: &Args) -> Result<(), OpError> {
    match args.is_given(LIVE.name) {
        false => Ok(()),
        true => Err(OpError::param(
            LIVE.name,
            "`live` names numbers for `expr`, and there is none",
        )),
    }
}

/// Refuses what an expression does not read as a name.
pub(super) fn check_name(param: &str, name: &str) -> Result<(), OpError> {
    let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if !is_word {
        let message = format!("`{name}` is no name: letters, digits and `_`");
        return Err(OpError::param(param, message));
    }
    check_word(param, name)
}

fn check_word(param: &str, name: &str) -> Result<(), OpError> {
    match ["and", "or", "not"].contains(&name) {
        false => Ok(()),
        true => {
            let message = format!("`{name}` is a word of expressions, and can name nothing");
            Err(OpError::param(param, message))
        }
    }
}

/// Gives an agent a dial for each of its live numbers.
pub(super) fn with_dials(blueprint: Blueprint, args: &Args) -> Blueprint {
    let numbers = args.table("live").into_iter();
    numbers.fold(blueprint, |blueprint, (name, value)| {
        blueprint.dial(name.to_owned(), value, f64::MIN..=f64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use crate::agent::Blueprint;
    use crate::op::{OpError, Value};
    use crate::operators::trial::{build, given, output};
    use crate::testing::{Chunks, Turn, run_turned};

    fn params(expr: &str, live: &[(&str, f64)]) -> [(&'static str, Value); 2] {
        [("expr", expr.into()), ("live", live.to_vec().into())]
    }

    #[test]
    fn a_number_has_the_value_of_its_dial() {
        let x = || [given("i64", &[1_i64, 2, 3, 4])];
        let level = params(
            "x > level ? 10 * x : gain",
            &[("gain", 0.5), ("level", 2.0)],
        );
        let found: Vec<f64> = output("map", &x(), &level, None);
        assert_eq!(found, [0.5, 0.5, 30.0, 40.0]);
        let blueprint = build("map", &x(), &level, None).unwrap();
        let named: Vec<&str> = blueprint.dials.iter().map(|dial| &*dial.name).collect();
        assert_eq!(named, ["gain", "level"]);
        let turns = [Turn {
            at: 2,
            dials: vec![7.0, 3.0],
        }];
        let bytes = [bytemuck::cast_slice(&[1_i64, 2, 3, 4]).to_vec()];
        let (turned, _) = run_turned(blueprint, &bytes, Chunks::Whole, 4, &turns).unwrap();
        assert_eq!(
            bytemuck::cast_slice::<u8, f64>(&turned[0]),
            [0.5, 0.5, 7.0, 40.0]
        );
    }

    #[test]
    fn a_number_meets_each_element_and_single_floats_as_a_double() {
        let x = [given("f32[2]", &[1.0_f32, 2.0, 3.0, 4.0])];
        let gain = params("gain * x", &[("gain", 0.1)]);
        let found: Vec<f64> = output("map", &x, &gain, None);
        assert_eq!(found, [0.1, 0.2, 0.1 * 3.0, 0.4]);
        let found: Vec<f32> = output("map", &x, &gain, Some("f32"));
        assert_eq!(found, [0.1, 0.2, (0.1 * 3.0) as f32, 0.4]);
    }

    #[test]
    fn a_given_name_comes_before_the_language_s_own() {
        let x = || [given("f64", &[1.0, 2.0])];
        let found: Vec<f64> = output("map", &x(), &params("x * n", &[("n", 10.0)]), None);
        assert_eq!(found, [10.0, 20.0]);
        let sum = params("sum + max(x, sum)", &[("sum", 1.5)]);
        let found: Vec<f64> = output("map", &x(), &sum, None);
        assert_eq!(found, [3.0, 3.5]);
    }

    #[test]
    fn names_that_are_none_or_taken_are_refused() {
        let cases = [
            ("map", "x", "x", "something else already"),
            ("map", "x", "a b", "is no name"),
            ("map", "x", "or", "is a word of expressions"),
            ("map", "gain[0]", "gain", "has no elements"),
            ("scan", "x", "s", "something else already"),
            ("map", "x", "expr", "something else already"),
            ("map", "x", "dtype", "`dtype` is a key of every agent"),
            ("map", "x", "in", "`in` is a key of every agent"),
        ];
        for (op, expr, name, words) in cases {
            let mut params = params(expr, &[(name, 1.0)]).to_vec();
            if op == "scan" {
                params.push(("next", "s + x".into()));
            }
            let refused = build(op, &[given("f64", &[1.0])], &params, None).unwrap_err();
            assert!(refused.message.contains(words), "{refused}");
        }
        let alone = [
            ("size", Value::Int(2)),
            ("live", vec![("gain", 1.0)].into()),
        ];
        let refused = build("window", &[given("f64", &[1.0])], &alone, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("live"), "{refused}");
        let refused = with(2.into()).unwrap_err();
        assert!(
            refused
                .message
                .ends_with("a table of numbers: { level = 3 }"),
            "{refused}"
        );
    }

    /// A map with these live numbers.
    fn with(live: Value) -> Result<Blueprint, OpError> {
        let params = [("expr", "x * gain".into()), ("live", live)];
        build("map", &[given("f64", &[1.0])], &params, None)
    }

    #[test]
    fn what_is_no_finite_number_that_f64_holds_is_named() {
        let cases = [
            (
                Value::from("much"),
                "the text \"much\", and should be a finite number",
            ),
            (
                f64::NAN.into(),
                "nan, which is no number, and should be a finite",
            ),
            (
                f64::INFINITY.into(),
                "inf, which is not finite, and should be a finite",
            ),
            (true.into(), "true, and should be a finite number"),
            (
                ((1_i64 << 53) + 1).into(),
                "9007199254740993, and should be a number that f64 holds",
            ),
            (
                i64::MAX.into(),
                "9223372036854775807, and should be a number that f64 holds",
            ),
        ];
        for (value, words) in cases {
            let table = vec![("off".to_owned(), 1.into()), ("gain".to_owned(), value)];
            let refused = with(Value::Table(table)).unwrap_err();
            assert!(
                refused.message.starts_with("`gain` of `live` is "),
                "{refused}"
            );
            assert!(refused.message.contains(words), "{refused}");
        }
        let quoted = with(vec![("gain", "3")].into()).unwrap_err();
        assert_eq!(quoted.help.as_deref(), Some("a number has no quotes: 3"));
        with(vec![("gain", i64::MIN)].into()).unwrap();
    }
}
