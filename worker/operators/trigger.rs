//! `sample`, `release`, `drain` and `gate`: one stream says what of another goes on.

use crate::agent::Blueprint;
use crate::closures;
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::numbers::refuse_frames;

/// The row of `sample`.
pub const SAMPLE: OpDef = OpDef {
    name: "sample",
    summary: "the newest item at each trigger, by time",
    doc: "The inputs are timed items and timed triggers. For each trigger it gives the newest item whose time is not later \
          than the trigger's, at the trigger's time; a trigger before the first item gives nothing. It waits until the \
          items have passed the trigger's time, or ended, so the result is deterministic. The times of each input \
          ascend: one that does not, or is NaN, ends the run with a sentence. It ends with the triggers.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the first input's type, an item for each trigger",
    params: &[],
    example: "a:sine freq=1 rate=100 items=1000 ; x:timed in=a ; b:counter rate=7 items=60 dtype=f64 ; t:timed in=b ; sample in=[x, t] ! null",
    deterministic: true,
    build: sample,
};

/// The row of `release`.
pub const RELEASE: OpDef = OpDef {
    name: "release",
    summary: "items wait until a trigger lets them pass",
    doc: "The items of the first input wait in their stream. With `by = \"time\"` both inputs are timed, their times ascend (one \
          that does not ends the run with a sentence), and each trigger lets all items pass that are not later than it. With `by = \"count\"` each trigger is a whole number from 0 up, and lets so many items \
          pass; another one, and NaN, ends the run with its place. It ends with the triggers: what was not let pass by then is not given. Give the stream that waits a \
          `capacity` that holds what comes between two triggers, if the triggers depend on it.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the first input's type",
    params: &[ParamDef {
        name: "by",
        kind: ParamKind::Choice(&["time", "count"]),
        default: Some("count"),
        unit: "",
        doc: "What a trigger says: a time, or how many.",
    }],
    example: "x:counter items=1000 ; n:const value=3 items=10 ; release in=[x, n] ! null",
    deterministic: true,
    build: release,
};

/// The row of `drain`.
pub const DRAIN: OpDef = OpDef {
    name: "drain",
    summary: "each trigger lets pass what has arrived (not deterministic)",
    doc: "The items of the first input wait in their stream; each trigger, whatever it is, lets all pass that have arrived \
          when it is seen. That depends on timing, so two runs may differ: `release` is the deterministic way. It ends \
          with the triggers.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the first input's type, of no known rate",
    params: &[],
    example: "x:counter items=1000 ; t:counter items=10 ; drain in=[x, t] ! null",
    deterministic: false,
    build: drain,
};

/// The row of `gate`.
pub const GATE: OpDef = OpDef {
    name: "gate",
    summary: "passes items while a second stream is not 0",
    doc: "Takes an item and a flag at a time, and gives the item where the flag is not 0. Flags are numbers of any type, such \
          as a comparison gives; NaN is not 0. Texts pass as well: `gate in=[lines, flags]` with flags made of their lengths or fields. It ends with the shorter input.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the first input's type, of no known rate",
    params: &[],
    example: "x:sine freq=1 rate=100 items=1000 ; on:threshold in=x on=0.5 output=state ; gate in=[x, on] ! null",
    deterministic: true,
    build: gate,
};

/// The input that is controlled, and the one that controls it.
fn pair(args: &Args) -> Result<(ItemType, &InputInfo), OpError> {
    refuse_frames(args)?;
    two(args)
}

/// As [`pair`], of whatever items.
fn two(args: &Args) -> Result<(ItemType, &InputInfo), OpError> {
    match args.inputs() {
        [items, control] => Ok((items.item_type.clone(), control)),
        inputs => {
            let message = format!(
                "`{}` takes two inputs, and has {}",
                args.op().name,
                inputs.len()
            );
            Err(OpError::param("in", message)
                .with_help("first what is to pass, then what says when"))
        }
    }
}

fn both_timed(args: &Args) -> Result<(ItemType, ItemType), OpError> {
    let (items, triggers) = pair(args)?;
    let untimed = args
        .inputs()
        .iter()
        .find(|i| i.item_type.timed_values().is_none());
    match untimed {
        None => Ok((items, triggers.item_type.clone())),
        Some(input) => {
            let message = format!(
                "`{}` takes timed items here, and {} is {}",
                args.op().name,
                input.called(),
                input.item_type
            );
            Err(OpError::param("in", message).with_help("`timed` gives items their times"))
        }
    }
}

fn sample(args: &Args) -> Result<Blueprint, OpError> {
    let (items, triggers) = both_timed(args)?;
    Ok(closures::sample(items, triggers))
}

fn release(args: &Args) -> Result<Blueprint, OpError> {
    if args.text("by") == Some("time") {
        let (items, triggers) = both_timed(args)?;
        return Ok(closures::release(items, triggers));
    }
    let (items, triggers) = two(args)?;
    let scalar = real(args, triggers)?;
    let count = move |bytes: &[u8]| count(scalar, bytes);
    Ok(closures::release_counted(
        items,
        triggers.item_type.clone(),
        count,
    ))
}

fn drain(args: &Args) -> Result<Blueprint, OpError> {
    let (items, triggers) = two(args)?;
    Ok(closures::drain(items, triggers.item_type.clone()))
}

fn gate(args: &Args) -> Result<Blueprint, OpError> {
    let (items, flags) = two(args)?;
    let scalar = real(args, flags)?;
    // -0.0 is 0 too, whatever its bytes.
    let is_open = move |bytes: &[u8]| number(scalar, bytes) != 0.0;
    Ok(closures::gate(items, flags.item_type.clone(), is_open))
}

/// How many an item says; what it is instead where that is no whole number from 0 up.
fn count(scalar: Scalar, bytes: &[u8]) -> Result<u64, f64> {
    if scalar == Scalar::U64 {
        return Ok(bytemuck::pod_read_unaligned(bytes));
    }
    let number = number(scalar, bytes);
    // 2^64 is the first that is too large.
    match number.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&number) {
        true => Ok(number as u64),
        false => Err(number),
    }
}

/// The number that an item is: a real one.
fn number(scalar: Scalar, bytes: &[u8]) -> f64 {
    match scalar {
        Scalar::U8 => f64::from(bytemuck::pod_read_unaligned::<u8>(bytes)),
        Scalar::I8 => f64::from(bytemuck::pod_read_unaligned::<i8>(bytes)),
        Scalar::U16 => f64::from(bytemuck::pod_read_unaligned::<u16>(bytes)),
        Scalar::I16 => f64::from(bytemuck::pod_read_unaligned::<i16>(bytes)),
        Scalar::U32 => f64::from(bytemuck::pod_read_unaligned::<u32>(bytes)),
        Scalar::I32 => f64::from(bytemuck::pod_read_unaligned::<i32>(bytes)),
        Scalar::U64 => bytemuck::pod_read_unaligned::<u64>(bytes) as f64,
        Scalar::I64 => bytemuck::pod_read_unaligned::<i64>(bytes) as f64,
        Scalar::F32 => f64::from(bytemuck::pod_read_unaligned::<f32>(bytes)),
        Scalar::F64 => bytemuck::pod_read_unaligned::<f64>(bytes),
        Scalar::Cf32 | Scalar::Cf64 => unreachable!("complex numbers are refused"),
    }
}

fn real(args: &Args, input: &InputInfo) -> Result<Scalar, OpError> {
    let scalar = input.item_type.scalar().filter(|s| !s.is_complex());
    scalar.ok_or_else(|| {
        let message = format!(
            "`{}` takes a number for each item here, and {} is {}",
            args.op().name,
            input.called(),
            input.item_type
        );
        OpError::param("in", message)
    })
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, try_output};
    use crate::types::Timed;

    #[test]
    fn numbers_of_any_type_say_how_many_pass() {
        let inputs = [
            given("u8", &[1_u8, 2, 3, 4, 5]),
            given("f32", &[2.0_f32, -0.0, 1.0]),
        ];
        let passed: Vec<u8> = output("release", &inputs, &[], None);
        assert_eq!(passed, [1, 2, 3]);
        for (number, said) in [(f64::NAN, "NaN"), (-1.0, "-1"), (0.5, "0.5"), (1e300, "1")] {
            let inputs = [
                given("u8", &[1_u8, 2, 3]),
                given("f64", &[1.0, number, 1.0]),
            ];
            let refused = try_output::<u8>("release", &inputs, &[], None).unwrap_err();
            let expected = format!("trigger 1 is {said}");
            assert!(refused.message.starts_with(&expected), "{refused}");
        }
        let inputs = [
            given("u8", &[1_u8, 2, 3]),
            given("f64", &[1.0, -0.0, f64::NAN]),
        ];
        let passed: Vec<u8> = output("gate", &inputs, &[], None);
        assert_eq!(passed, [1, 3]);
    }

    #[test]
    fn times_are_those_of_timed_items() {
        let items = given("timed<i64>", &[0.5_f64.to_bits(), 1, 1.5_f64.to_bits(), 2]);
        let triggers = given("timed<f64>", &[1.0_f64, 0.0, 2.0, 0.0]);
        let sampled: Vec<[u64; 2]> = output("sample", &[items, triggers], &[], None);
        assert_eq!(sampled, [[1.0_f64.to_bits(), 1], [2.0_f64.to_bits(), 2]]);
        let by_time: [(&str, Value); 1] = [("by", "time".into())];
        let untimed = [given("f64", &[1.0]), given("f64", &[1.0])];
        for (op, params) in [("sample", &by_time[..0]), ("release", &by_time[..])] {
            let refused = build(op, &untimed, params, None).unwrap_err();
            assert!(
                refused.message.contains("takes timed items here"),
                "{refused}"
            );
        }
        const { assert!(size_of::<Timed<i64>>() == 16) };
    }

    #[test]
    fn one_input_or_three_and_vectors_of_flags_are_refused() {
        let one = || given("f64", &[1.0]);
        let refused = build("gate", &[one(), one(), one()], &[], None).unwrap_err();
        assert_eq!(refused.message, "`gate` takes two inputs, and has 3");
        let flags = given("f64[2]", &[1.0, 2.0]);
        let refused = build("gate", &[one(), flags], &[], None).unwrap_err();
        assert!(refused.message.contains("`b` is f64[2]"), "{refused}");
    }
}
