//! `timed`, `timed.zip` and `timed.mix`: items with times.

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::Tags;
use crate::timed::{check_order, earliest, is_due};
use crate::types::{ItemType, Scalar};
use crate::units::Unit;

use super::merge::{INDEX, joined, pass_numbered};
use super::numbers::with_number;

/// The row of `timed`.
pub const TIMED: OpDef = OpDef {
    name: "timed",
    summary: "gives every item its time",
    doc: "Makes timed items, a time in seconds and a value, in one of three ways. Of one input of numbers whose rate is known: \
          item n has the time `start + n / rate`. Of one input of vectors: the first element is the time, the others \
          are the value, one number or several (`timed<f64[3]>`); with `times = \"rate\"` all are the value, and the time is that \
          of the rate. Of two inputs, taken item by item: the first gives times, the second values (numbers or vectors), as the columns \
          of a CSV file do. `map` and `filter` of timed items have the value as `x` and the time as `t`, `unstack` parts them, \
          `csv.write` and `print` write both.",
    inputs: Arity::AtLeast(1),
    outputs: "one stream of timed items, of the inputs' rate",
    params: &[
        ParamDef {
            name: "start",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "s",
            doc: "Added to every time.",
        },
        ParamDef {
            name: "times",
            kind: ParamKind::Choice(&["first", "rate"]),
            default: Some("first"),
            unit: "",
            doc: "Where one input of vectors has its times: in the first element, or in the place and the rate.",
        },
    ],
    example: "sine freq=1 rate=100 items=1000 ! timed ! null",
    deterministic: true,
    build: timed,
};

/// The row of `timed.zip`.
pub const ZIP: OpDef = OpDef {
    name: "timed.zip",
    summary: "joins timed streams: a vector for each time that any of them has",
    doc: "For each time at which any input has an item, a vector of the time and the inputs' values there, in f64 (a whole number that f64 does not hold, beyond 2^53, ends the run with its place): NaN for an \
          input that has none; an input of several values has as many elements. The times of each input ascend: one that does not, or is NaN, ends the run with a sentence; of several items of one input at one time each comes in \
          a vector of its own. While an input that has not ended shows no item nothing is given, for its next may be \
          the earliest. It ends when all inputs have.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of vectors f64[1 + values], of no known rate",
    params: &[],
    example: "a:sine freq=1 rate=100 items=500 ; b:sine freq=1 rate=30 items=150 ; s:timed in=a ; t:timed in=b ; timed.zip in=[s, t] ! null",
    deterministic: true,
    build: zip,
};

/// The row of `timed.mix`.
pub const MIX: OpDef = OpDef {
    name: "timed.mix",
    summary: "several timed streams as one, in the order of their times",
    doc: "Gives the items of all inputs in the order of their times; of items at one time those of an earlier input first. The \
          times of each input ascend: one that does not, or is NaN, ends the run with a sentence. While an input that has not ended \
          shows no item nothing is given, for its next may be the earliest: so unlike `merge` it is deterministic. It ends when all inputs have. \
          With `index` there is a second stream, `NAME.index`: which input each item came from, counted from 0.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of the inputs' type, which is one, of no known rate; with `index` a second one of u32",
    params: &[INDEX],
    example: "a:sine freq=1 rate=100 items=500 ; b:sine freq=1 rate=30 items=150 ; s:timed in=a ; t:timed in=b ; timed.mix in=[s, t] ! null",
    deterministic: true,
    build: mix,
};

/// The scalar of a timed input's values, and how many there are.
pub(super) fn timed_values(op: &str, input: &InputInfo) -> Result<(Scalar, usize), OpError> {
    let values = input.item_type.timed_values();
    values
        .filter(|(scalar, _)| !scalar.is_complex())
        .ok_or_else(|| OpError::input_type(op, input, "timed items"))
}

/// Reads numbers of this scalar that lie side by side.
pub(crate) fn read_numbers(scalar: Scalar, bytes: &[u8], mut put: impl FnMut(usize, f64)) {
    with_number!(scalar, T => {
        for (k, number) in bytes.chunks_exact(size_of::<T>()).enumerate() {
            put(k, Seconds::seconds(bytemuck::pod_read_unaligned::<T>(number)));
        }
    });
}

/// The first of these whole numbers that no f64 is.
pub(super) fn inexact(scalar: Scalar, bytes: &[u8]) -> Option<i128> {
    let words = bytes.chunks_exact(8);
    match scalar {
        Scalar::I64 => words
            .map(bytemuck::pod_read_unaligned::<i64>)
            .find(|&n| n as f64 as i128 != i128::from(n))
            .map(i128::from),
        Scalar::U64 => words
            .map(bytemuck::pod_read_unaligned::<u64>)
            .find(|&n| n as f64 as i128 != i128::from(n))
            .map(i128::from),
        _ => None,
    }
}

fn real(input: &InputInfo, wanted: &str) -> Result<(Scalar, usize), OpError> {
    let elements = input.item_type.elements();
    elements
        .filter(|(scalar, _)| !scalar.is_complex())
        .ok_or_else(|| OpError::input_type("timed", input, wanted))
}

fn timed(args: &Args) -> Result<Blueprint, OpError> {
    let start = args.float("start").unwrap_or(0.0);
    let by_rate = args.text("times") == Some("rate");
    let (times, values, rate) = match args.inputs() {
        [input] => {
            let wanted = "real numbers or vectors of them";
            let (scalar, width) = real(input, wanted)?;
            let is_vector = matches!(input.item_type, ItemType::Vector(..));
            match input.rate {
                rate if is_vector && !by_rate && width > 1 => {
                    let values = match width {
                        2 => ItemType::Scalar(scalar),
                        _ => ItemType::Vector(scalar, width as u32 - 1),
                    };
                    (Times::First(scalar), values, rate)
                }
                Some(rate) => (Times::Rate(rate), input.item_type.clone(), Some(rate)),
                None => {
                    let message = "`timed` needs the input's rate, which is not known".to_owned();
                    return Err(OpError::param("in", message).with_help(
                        "give `rate` at the source, or the times as another input: in = [\"TIMES\", \"VALUES\"]",
                    ));
                }
            }
        }
        [times, values] => {
            let (clock, width) = real(times, "real numbers as times")?;
            real(values, "real numbers or vectors of them as values")?;
            if width != 1 {
                return Err(OpError::input_type("timed", times, "times one by one")
                    .with_help("the first input has the times, the second the values"));
            }
            let rate = super::zip::common_rate(args);
            (Times::Other(clock), values.item_type.clone(), rate)
        }
        more => {
            let message = format!("`timed` takes one input or two, and has {}", more.len());
            return Err(OpError::param("in", message));
        }
    };
    let agent = Stamp {
        times,
        start,
        len: values.len_bytes(),
    };
    let item_type = values.timed().unwrap_or(values);
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(item_type, rate).unit(Unit::Of(args.inputs().len() - 1)))
        .ends(Ends::AnyInput);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

fn zip(args: &Args) -> Result<Blueprint, OpError> {
    let values = args
        .inputs()
        .iter()
        .map(|input| timed_values("timed.zip", input));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let width = 1 + values.iter().map(|(_, count)| *count as u32).sum::<u32>();
    let agent = TimedZip {
        values,
        names: names(args),
    };
    let item_type = ItemType::Vector(Scalar::F64, width);
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(item_type, None))
        .tags(Tags::Dropped);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()).retain(1))
    }))
}

/// What errors call the inputs.
fn names(args: &Args) -> Vec<String> {
    args.inputs().iter().map(InputInfo::called).collect()
}

fn mix(args: &Args) -> Result<Blueprint, OpError> {
    for input in args.inputs() {
        timed_values("timed.mix", input)?;
    }
    let agent = TimedMix { names: names(args) };
    let mut blueprint = joined(args, Blueprint::new(agent).tags(Tags::Dropped))?;
    blueprint.inputs.iter_mut().for_each(|port| port.retain = 1);
    Ok(blueprint)
}

/// Where times come from.
#[derive(Clone, Copy)]
enum Times {
    /// From the item's place.
    Rate(f64),
    /// They are the first element, of this type.
    First(Scalar),
    /// They are the first input, of this type.
    Other(Scalar),
}

struct Stamp {
    times: Times,
    start: f64,
    /// Bytes of a value.
    len: usize,
}

impl Agent for Stamp {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let visible = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let n = visible.min(output.space());
        let (first, item_len) = (output.position(), output.item_len());
        let values = io.inputs[io.inputs.len() - 1].bytes();
        let len = self.len;
        let at = match self.times {
            Times::First(scalar) => scalar.len_bytes(),
            _ => 0,
        };
        let stride = at + len;
        let slots = output.bytes()[..n * item_len].chunks_exact_mut(item_len);
        for (slot, value) in slots.zip(values.chunks_exact(stride)) {
            slot[8..8 + len].copy_from_slice(&value[at..at + len]);
            slot[8 + len..].fill(0);
        }
        let slots = output.bytes()[..n * item_len].chunks_exact_mut(item_len);
        let start = self.start;
        let put = |slot: &mut [u8], seconds: f64| {
            slot[..8].copy_from_slice(&(start + seconds).to_ne_bytes());
        };
        match self.times {
            Times::Rate(rate) => {
                for (slot, n) in slots.zip(first..) {
                    put(slot, n as f64 / rate);
                }
            }
            Times::First(scalar) | Times::Other(scalar) => {
                let times = io.inputs[0].bytes();
                with_number!(scalar, T => {
                    let step = match self.times {
                        Times::First(_) => stride / size_of::<T>(),
                        _ => 1,
                    };
                    let times = bytemuck::cast_slice::<u8, T>(times).iter().step_by(step);
                    for (slot, &time) in slots.zip(times) {
                        put(slot, Seconds::seconds(time));
                    }
                });
            }
        }
        for input in io.inputs.iter_mut() {
            input.consume(n);
        }
        output.produce(n);
        Ok(Status::Ready)
    }
}

/// A number as a time.
trait Seconds {
    fn seconds(self) -> f64;
}

macro_rules! seconds {
    ($($number:ty),*) => {$(
        impl Seconds for $number {
            fn seconds(self) -> f64 {
                self as f64
            }
        }
    )*};
}

seconds! { u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 }

/// Refused where the agent is built; its real part.
impl<T: Seconds> Seconds for num_complex::Complex<T> {
    fn seconds(self) -> f64 {
        self.re.seconds()
    }
}

struct TimedZip {
    /// Of each input, what its values are and how many.
    values: Vec<(Scalar, usize)>,
    names: Vec<String>,
}

impl Agent for TimedZip {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let width = output.item_len() / 8;
        while !output.is_full() {
            check_orders(io.inputs, &self.names)?;
            let Some(seconds) = earliest(io.inputs) else {
                break;
            };
            if let Some(error) = self.inexact(io.inputs, seconds) {
                // What came before the trouble is given first, however the calls are cut.
                return match output.produced() {
                    0 => Err(error),
                    _ => Ok(Status::Ready),
                };
            }
            let row = &mut output.elements::<f64>()[..width];
            row[0] = seconds;
            let mut rest = &mut row[1..];
            for (input, &(scalar, count)) in io.inputs.iter_mut().zip(&self.values) {
                let (slots, others) = rest.split_at_mut(count);
                slots.fill(f64::NAN);
                if is_due(input, seconds) {
                    let numbers = &input.bytes()[8..][..count * scalar.len_bytes()];
                    read_numbers(scalar, numbers, |k, number| slots[k] = number);
                    input.consume(1);
                }
                rest = others;
            }
            output.produce(1);
        }
        Ok(Status::Ready)
    }
}

impl TimedZip {
    /// What is said of a whole number at this time that no f64 is.
    fn inexact(&self, inputs: &[Input], seconds: f64) -> Option<AgentError> {
        let due = inputs.iter().zip(&self.values).zip(&self.names);
        let mut due = due.filter(|((input, _), _)| is_due(input, seconds));
        due.find_map(|((input, &(scalar, count)), name)| {
            let numbers = &input.bytes()[8..][..count * scalar.len_bytes()];
            let number = inexact(scalar, numbers)?;
            Some(AgentError::new(format!(
                "item {} of {name} has {number}, which no f64 is, and `timed.zip` gives f64; `timed.mix` keeps whole numbers as they are, \
                 and `map` before it makes smaller ones",
                input.position()
            )))
        })
    }
}

/// Refuses an input's next item if its time does not ascend.
fn check_orders(inputs: &[Input], names: &[String]) -> Result<(), AgentError> {
    let mut inputs = inputs.iter().zip(names);
    inputs.try_for_each(|(input, name)| check_order(input, name))
}

struct TimedMix {
    names: Vec<String>,
}

impl Agent for TimedMix {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        loop {
            check_orders(io.inputs, &self.names)?;
            let Some(seconds) = earliest(io.inputs) else {
                break;
            };
            let due = io.inputs.iter().position(|input| is_due(input, seconds));
            if due.is_none_or(|input| pass_numbered(io, input, 1) == 0) {
                break;
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{Given, build, given, output, try_output};
    use crate::testing::{Chunks, run};

    fn at(times: &[f64]) -> Given {
        let pairs: Vec<f64> = times.iter().flat_map(|t| [*t, 10.0 * t]).collect();
        given("timed<f64>", &pairs)
    }

    #[test]
    fn times_come_from_the_rate_from_an_element_or_from_another_input() {
        let of_rate = [given("f32", &[1_f32, 2.0]).rate(4.0)];
        let start = [("start", Value::from(0.5))];
        let found: Vec<[u64; 2]> = output("timed", &of_rate, &start, None);
        let expected = |rows: [(f64, u64); 2]| rows.map(|(t, x)| [t.to_bits(), x]);
        let bits = |x: f32| u64::from(x.to_bits());
        assert_eq!(found, expected([(0.5, bits(1.0)), (0.75, bits(2.0))]));
        let pairs = [given("f64[2]", &[1.0, 10.0, 1.5, 20.0])];
        let found: Vec<[f64; 2]> = output("timed", &pairs, &[], None);
        assert_eq!(found, [[1.0, 10.0], [1.5, 20.0]]);
        let columns = [given("i32", &[3, 5]), given("u8", &[7_u8, 9])];
        let found: Vec<[u64; 2]> = output("timed", &columns, &[], None);
        assert_eq!(found, expected([(3.0, 7), (5.0, 9)]));
        let blueprint = build("timed", &columns, &[], None).unwrap();
        assert_eq!(blueprint.outputs[0].item_type.to_string(), "timed<u8>");
        let rows = || [given("f64[3]", &[1.0, 10.0, 11.0, 1.5, 20.0, 21.0]).rate(4.0)];
        let found: Vec<[f64; 3]> = output("timed", &rows(), &[], None);
        assert_eq!(found, [[1.0, 10.0, 11.0], [1.5, 20.0, 21.0]]);
        let by_rate = [("times", Value::from("rate"))];
        let found: Vec<[f64; 4]> = output("timed", &rows(), &by_rate, None);
        assert_eq!(found, [[0.0, 1.0, 10.0, 11.0], [0.25, 1.5, 20.0, 21.0]]);
        let columns = [
            given("f32", &[3.0_f32, 5.0]),
            given("f64[2]", &[7.0, 8.0, 9.0, 0.5]),
        ];
        let found: Vec<[f64; 3]> = output("timed", &columns, &[], None);
        assert_eq!(found, [[3.0, 7.0, 8.0], [5.0, 9.0, 0.5]]);
    }

    #[test]
    fn what_has_no_time_is_refused() {
        let cases = [
            vec![given("f64", &[1.0])],
            vec![given("f64[3]", &[1.0, 2.0, 3.0]), given("f64", &[1.0])],
            vec![given::<u8>("cf64", &[]).rate(1.0)],
            vec![
                given("f64", &[1.0]),
                given("f64", &[1.0]),
                given("f64", &[1.0]),
            ],
        ];
        for inputs in cases {
            let refused = build("timed", &inputs, &[], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("in"), "{refused}");
        }
        for op in ["timed.zip", "timed.mix"] {
            let inputs = [at(&[1.0]), given("f64", &[1.0])];
            assert_eq!(
                build(op, &inputs, &[], None).unwrap_err().param.as_deref(),
                Some("in")
            );
        }
    }

    #[test]
    fn a_window_gives_its_end_and_what_its_values_come_to() {
        let times = [0.0, 1.0, 3.0, 4.0, 5.0, 11.0, 12.0];
        let cases = [
            ("sum", [40.0, 90.0, 110.0]),
            ("mean", [40.0 / 3.0, 45.0, 110.0]),
            ("count", [3.0, 2.0, 1.0]),
            ("first", [0.0, 40.0, 110.0]),
            ("last", [30.0, 50.0, 110.0]),
            ("min", [0.0, 40.0, 110.0]),
            ("max", [30.0, 50.0, 110.0]),
            ("ptp", [30.0, 10.0, 0.0]),
            ("var", [1400.0 / 9.0, 25.0, 0.0]),
            ("std", [1400f64.sqrt() / 3.0, 5.0, 0.0]),
            ("rms", [(1000.0 / 3.0f64).sqrt(), 2050f64.sqrt(), 110.0]),
        ];
        for (what, expected) in cases {
            let params = [("duration", Value::from(4)), ("fn", what.into())];
            let found: Vec<[f64; 2]> = output("timed.window", &[at(&times)], &params, None);
            let ends: Vec<f64> = found.iter().map(|row| row[0]).collect();
            assert_eq!(ends, [4.0, 8.0, 12.0], "{what}");
            for (row, expected) in found.iter().zip(expected) {
                assert!((row[1] - expected).abs() < 1e-9, "{what}: {row:?}");
            }
        }
    }

    #[test]
    fn windows_overlap_and_the_last_ones_come_where_asked_for() {
        let params = [
            ("duration", Value::from(2)),
            ("step", Value::from(0.5)),
            ("start", Value::from(10)),
            ("fn", "count".into()),
            ("flush", true.into()),
        ];
        let found: Vec<[f64; 2]> = output("timed.window", &[at(&[9.0, 11.2])], &params, None);
        assert_eq!(found, [[12.0, 1.0], [12.5, 1.0], [13.0, 1.0]]);
    }

    #[test]
    fn windows_that_cannot_be_are_refused() {
        for (name, value) in [
            ("duration", 0.0),
            ("step", -1.0),
            ("wait", -0.1),
            ("most", 0.0),
        ] {
            let mut params = vec![("duration", Value::from(1))];
            params.retain(|(known, _)| *known != name);
            params.push((
                name,
                Value::Int(value as i64 - i64::from(value < 0.0 && value > -1.0)),
            ));
            let refused = build("timed.window", &[at(&[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name), "{refused}");
        }
        let plain = [given("f64", &[1.0])];
        let params = [("duration", Value::from(1))];
        assert!(build("timed.window", &plain, &params, None).is_err());
        let params = [("duration", Value::from(10)), ("most", Value::from(2))];
        let many = [at(&[1.0, 2.0, 3.0, 4.0])];
        assert!(try_output::<f64>("timed.window", &many, &params, None).is_err());
    }

    #[test]
    fn a_timed_zip_has_nan_where_an_input_has_nothing() {
        let inputs = [
            at(&[1.0, 3.0, 4.0]),
            given("timed<i64>", &[2f64.to_bits(), 7, 3f64.to_bits(), 8]),
        ];
        let found: Vec<[f64; 3]> = output("timed.zip", &inputs, &[], None);
        let rows = given("timed<f32[2]>", &[2f64.to_bits(), 0x4000_0000_3f80_0000]);
        let of_several: Vec<[f64; 4]> = output("timed.zip", &[at(&[2.0]), rows], &[], None);
        assert_eq!(of_several, [[2.0, 20.0, 1.0, 2.0]]);
        let text: Vec<String> = found.iter().map(|row| format!("{row:?}")).collect();
        assert_eq!(
            text,
            [
                "[1.0, 10.0, NaN]",
                "[2.0, NaN, 7.0]",
                "[3.0, 30.0, 8.0]",
                "[4.0, 40.0, NaN]"
            ]
        );
    }

    #[test]
    fn a_whole_number_that_no_f64_is_is_named() {
        let rows = |numbers: [i64; 3]| {
            let rows: Vec<[i64; 2]> = (0..3)
                .map(|k| [(k as f64).to_bits() as i64, numbers[k]])
                .collect();
            given("timed<i64>", &rows)
        };
        let exact = [i64::MIN, (1 << 53) + 2, 7];
        let found: Vec<[f64; 3]> = output("timed.zip", &[rows(exact), at(&[0.0])], &[], None);
        assert_eq!(found[1][1], 9_007_199_254_740_994.0);
        for number in [(1 << 53) + 1, i64::MAX] {
            let inputs = [rows([0, number, 2]), at(&[0.0])];
            let refused = try_output::<u8>("timed.zip", &inputs, &[], None).unwrap_err();
            let words = format!("item 1 of `a` has {number}, which no f64 is");
            assert!(refused.message.contains(&words), "{refused}");
        }
    }

    #[test]
    fn a_timed_mix_is_in_the_order_of_times() {
        let inputs = [at(&[1.0, 3.0, 5.0]), at(&[2.0, 3.0]), at(&[])];
        let found: Vec<[f64; 2]> = output("timed.mix", &inputs, &[], None);
        let times: Vec<f64> = found.iter().map(|row| row[0]).collect();
        assert_eq!(times, [1.0, 2.0, 3.0, 3.0, 5.0]);
        let index = [("index", Value::from(true))];
        let blueprint = build("timed.mix", &inputs, &index, None).unwrap();
        let bytes = [&[1.0, 3.0, 5.0][..], &[2.0, 3.0], &[]].map(|times| {
            let pairs: Vec<[f64; 2]> = times.iter().map(|t| [*t, 10.0 * t]).collect();
            bytemuck::cast_slice(&pairs).to_vec()
        });
        let streams = run(blueprint, &bytes, Chunks::Single, usize::MAX).unwrap();
        let numbers: &[u8] = bytemuck::cast_slice(&[0_u32, 1, 0, 1, 0]);
        assert_eq!(streams[1], numbers);
    }

    #[test]
    fn times_that_do_not_ascend_are_refused() {
        for op in ["timed.zip", "timed.mix"] {
            for (times, words) in [
                (
                    &[0.0, 2.0, 1.0][..],
                    "the times of `b` must ascend, and item 2 has 1 s after 2 s",
                ),
                (&[0.0, f64::NAN], "item 1 of `b` has no time"),
            ] {
                let inputs = [at(&[0.0, 0.5, 3.0]), at(times)];
                let refused = try_output::<u8>(op, &inputs, &[], None).unwrap_err();
                assert!(refused.message.contains(words), "{op}: {refused}");
            }
        }
    }
}
