//! `timed.window`: a number, or several, of each window of time.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::ranks::median_of;
use crate::timed::{Gave, Progress, TimeWindows, Windowing};
use crate::types::{ItemType, Scalar};
use crate::units::{Unit, squared};

use super::live_numbers::{LIVE, with_dials};
use super::timed::{inexact, read_numbers, timed_values};
use super::timed_expr::TimedExpr;
use super::window::{OfOne, expression, of_one};
use super::window_items;

/// The row of the table.
pub const WINDOW: OpDef = OpDef {
    name: "timed.window",
    summary: "mean, sum, min, max, count .. of each window of time",
    doc: "Window k holds the items whose times are from `start + k * step` up to, but not at, `duration` later. It gives the \
          window's end and what `fn` makes of its values as soon as an item has come whose time is `wait` past that end; \
          windows without items are skipped, and nothing is computed for a gap. Items need not be evenly spaced. An item \
          that comes when all of its windows are given (it is late by more than `wait`), and one from before `start`, is left \
          out. Of timed items with several values (`timed<f64[3]>`) each value has a result of its own. With `flush` the windows that are still open are given when the stream ends. Of whole numbers `min`, `max`, `ptp`, `first` and `last` keep the type, and `sum` is i64 or u64 (and wraps), as `window` has them; everything else is f64, in the \
          order they came: `std` and `var` divide by the number of items (ddof 0). With `expr` a window becomes what the expression (as of \
          `map`) makes of it: `x` is its values as one vector, `t` their times: `expr=\"(x[-1] - x[0]) / max(t[-1] - t[0], 1)\"`; both in f64 (a whole number that f64 does not hold, beyond 2^53, ends the run). With `fn = \"items\"` it becomes \
          the text `{\"end\":1.5,\"t\":[1.0,1.2],\"x\":[3,4]}`, its values as they are. No clock is looked at, so the result is \
          deterministic. More than `most` items in windows that are still open end the run with an error, and so does a \
          time that is no finite number.",
    inputs: Arity::One,
    outputs: "one stream of timed<f64> (or of whole numbers), timed<f64[n]> of several values: the end of each window, and its value; with `fn = \"items\"` of text",
    params: &[
        ParamDef {
            name: "duration",
            kind: ParamKind::Float,
            default: None,
            unit: "s",
            doc: "How long a window is.",
        },
        ParamDef {
            name: "step",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "s",
            doc: "From one window's beginning to the next one's; without it windows follow each other.",
        },
        ParamDef {
            name: "start",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "s",
            doc: "When the first window begins.",
        },
        ParamDef {
            name: "wait",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "s",
            doc: "How far past a window's end an item must be for the window to be given.",
        },
        ParamDef {
            name: "flush",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether windows that are open at the end of the stream are given.",
        },
        ParamDef {
            name: "fn",
            kind: ParamKind::Choice(&[
                "mean", "sum", "min", "max", "count", "first", "last", "std", "var", "rms", "ptp",
                "median", "quantile", "items",
            ]),
            default: Some("mean"),
            unit: "",
            doc: "What a window becomes; `items`: a line of JSON with its end, the times and the values.",
        },
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "What a window becomes instead of `fn`: an expression over `x`, all its values as a vector, and `t`, their times.",
        },
        ParamDef {
            name: "q",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "Which quantile, from 0 to 1: between two values in proportion, as NumPy's.",
        },
        ParamDef {
            name: "most",
            kind: ParamKind::Int,
            default: Some("16384"),
            unit: "items",
            doc: "How many items may be in windows that are still open.",
        },
        LIVE,
    ],
    example: "sine freq=1 rate=100 items=1000 ! timed ! timed.window duration=\"0.5 s\" fn=max ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let (scalar, width) = timed_values("timed.window", input)?;
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let duration = number("duration");
    let step = args.float("step").unwrap_or(duration);
    for (name, value) in [("duration", duration), ("step", step)] {
        if value <= 0.0 {
            let message = format!("`{name}` is {value} s, and must be above 0");
            return Err(OpError::param(name, message));
        }
    }
    let wait = number("wait");
    if wait < 0.0 {
        let message = format!("`wait` is {wait} s, and must be at least 0");
        return Err(OpError::param("wait", message));
    }
    let q = number("q");
    if !(0.0..=1.0).contains(&q) {
        let message = format!("`q` is {q}, and must be from 0 to 1");
        return Err(OpError::param("q", message));
    }
    let Some(windows) = TimeWindows::new(number("start"), step, duration) else {
        return Err(OpError::op(format!(
            "`timed.window` cannot have windows of {duration} s every {step} s"
        )));
    };
    let windowing = Windowing {
        windows,
        wait,
        flush: args.flag("flush"),
        most: args.required_count("most", 1)?.min(1 << 32) as usize,
    };
    let expr = expression(args)?;
    if expr.is_none() && args.text("fn") == Some("items") {
        return Ok(window_items::timed(input, windowing, (scalar, width)));
    }
    let becomes = match expr {
        Some(text) => Becomes::Row(TimedExpr::new(text, width, windowing.most, args)?),
        None => match of_whole(args.text("fn").unwrap_or("mean"), scalar, width) {
            Some((gives, of)) => Becomes::Whole {
                gives,
                of,
                values: Vec::new(),
            },
            None => Becomes::Each {
                fold: fold(args.text("fn").unwrap_or("mean"), q),
                columns: vec![Vec::new(); width],
            },
        },
    };
    let gives = match (&becomes, &input.item_type) {
        (Becomes::Row(expr), _) => expr.item_type(),
        (Becomes::Whole { gives, .. }, ItemType::TimedVector(_, len)) => {
            ItemType::TimedVector(*gives, *len)
        }
        (Becomes::Whole { gives, .. }, _) => ItemType::Timed(*gives),
        (_, ItemType::TimedVector(_, len)) => ItemType::TimedVector(Scalar::F64, *len),
        _ => ItemType::Timed(Scalar::F64),
    };
    let agent = Window {
        windowing,
        scalar,
        width,
        becomes,
        scratch: Vec::new(),
    };
    let unit = match args.text("fn") {
        _ if matches!(agent.becomes, Becomes::Row(_)) => Unit::Unknown,
        Some("count") => Unit::Unknown,
        Some("var") => Unit::maybe(input.unit.as_deref().map(squared)),
        _ => Unit::Of(0),
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(windowing.most))
        .output(OutPort::new(gives, None))
        .state(StateSpec::of(Progress::new()))
        .unit(unit);
    Ok(with_dials(blueprint, args))
}

/// What makes a number of the values of a window.
type Fold = Box<dyn FnMut(&[f64]) -> f64>;

/// What a window becomes.
enum Becomes {
    /// A number of each element.
    Each {
        fold: Fold,
        /// Scratch: the values of a window, of each element.
        columns: Vec<Vec<f64>>,
    },
    /// As many whole numbers, from the bytes of all values, which lie side by side.
    Whole {
        gives: Scalar,
        of: OfOne,
        /// Scratch: the values of a window.
        values: Vec<u8>,
    },
    /// What an expression makes of all values.
    Row(TimedExpr),
}

/// What keeps whole numbers whole, and the type it gives; `None` for what is computed in f64.
fn of_whole(what: &str, scalar: Scalar, width: usize) -> Option<(Scalar, OfOne)> {
    let len = width * scalar.len_bytes();
    let one = |at: fn(usize, usize) -> usize| -> (Scalar, OfOne) {
        let copy = move |values: &[u8], slot: &mut [u8]| {
            slot.copy_from_slice(&values[at(values.len(), len)..][..len]);
        };
        (scalar, Box::new(copy))
    };
    match what {
        _ if !scalar.is_integer() => None,
        "first" => Some(one(|_, _| 0)),
        "last" => Some(one(|all, len| all - len)),
        "sum" | "min" | "max" | "ptp" => Some(of_one(what, scalar, width)),
        _ => None,
    }
}

impl Becomes {
    /// Makes the k-th that is given of a window's items: a time, and so many values of this scalar.
    fn make(
        &mut self,
        (items, item_len): (&[u8], usize),
        (scalar, width): (Scalar, usize),
        k: u64,
        row: &mut [f64],
    ) -> Result<(), AgentError> {
        let values_len = width * scalar.len_bytes();
        let items = items.chunks_exact(item_len);
        let (fold, columns) = match self {
            Becomes::Whole { gives, of, values } => {
                values.clear();
                items.for_each(|item| values.extend_from_slice(&item[8..8 + values_len]));
                row.fill(0.0);
                let row: &mut [u8] = bytemuck::cast_slice_mut(row);
                of(values, &mut row[..width * gives.len_bytes()]);
                return Ok(());
            }
            Becomes::Row(expr) => {
                expr.clear();
                for item in items {
                    if let Some(number) = inexact(scalar, &item[8..8 + values_len]) {
                        return Err(AgentError::new(format!(
                            "a window has {number}, which no f64 is, and `expr` computes in f64; `map` before it makes smaller ones, `fn` keeps whole numbers"
                        )));
                    }
                    expr.push_time(f64::from_ne_bytes(item[..8].try_into().expect("8 bytes")));
                    read_numbers(scalar, &item[8..8 + values_len], |_, value| {
                        expr.push(value)
                    });
                }
                return expr.make(k, row);
            }
            Becomes::Each { fold, columns } => (fold, columns),
        };
        columns.iter_mut().for_each(Vec::clear);
        for item in items {
            read_numbers(scalar, &item[8..8 + values_len], |k, value| {
                columns[k].push(value)
            });
        }
        for (slot, values) in row.iter_mut().zip(columns) {
            *slot = fold(values);
        }
        Ok(())
    }
}

struct Window {
    windowing: Windowing,
    scalar: Scalar,
    /// Values of an item.
    width: usize,
    becomes: Becomes,
    /// Scratch: items of a window between which others came.
    scratch: Vec<u64>,
}

impl Agent for Window {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Becomes::Row(expr) = &mut self.becomes {
            expr.turn(io.dials);
        }
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let progress = io.state.get::<Progress>();
        let has_room = !output.is_full();
        let (item_len, values) = (input.item_len(), (self.scalar, self.width));
        let row_len = output.item_len() / size_of::<f64>();
        let becomes = &mut self.becomes;
        let mut refused = Ok(());
        let give = |[_, end]: [f64; 2], items: &[u8]| {
            let k = output.position();
            let row = output.elements::<f64>();
            row[0] = end;
            refused = becomes.make((items, item_len), values, k, &mut row[1..row_len]);
            if refused.is_err() {
                return Gave::NoRoom;
            }
            output.produce(1);
            Gave::It {
                has_room: !output.is_full(),
            }
        };
        let came = self
            .windowing
            .go_on_rows(input, progress, &mut self.scratch, has_room, give)?;
        refused?;
        Ok(came.status())
    }
}

/// What a window's values become; there is at least one.
fn fold(what: &str, q: f64) -> Fold {
    fn sum(x: &[f64]) -> f64 {
        x.iter().sum()
    }
    fn mean(x: &[f64]) -> f64 {
        sum(x) / x.len() as f64
    }
    fn var(x: &[f64]) -> f64 {
        let mean = mean(x);
        x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len() as f64
    }
    fn min(x: &[f64]) -> f64 {
        let least = |a: f64, &b: &f64| if b < a || b.is_nan() { b } else { a };
        x.iter().fold(x[0], least)
    }
    fn max(x: &[f64]) -> f64 {
        let most = |a: f64, &b: &f64| if b > a || b.is_nan() { b } else { a };
        x.iter().fold(x[0], most)
    }
    let mut keys = Vec::new();
    let mut sorted = Vec::new();
    match what {
        "sum" => Box::new(sum),
        "min" => Box::new(min),
        "max" => Box::new(max),
        "count" => Box::new(|x| x.len() as f64),
        "first" => Box::new(|x| x[0]),
        "last" => Box::new(|x| x[x.len() - 1]),
        "var" => Box::new(var),
        "std" => Box::new(|x| var(x).sqrt()),
        "rms" => Box::new(|x| (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt()),
        "ptp" => Box::new(|x| max(x) - min(x)),
        "median" => Box::new(move |x| median_of(x.iter().copied(), &mut keys)),
        "quantile" => Box::new(move |x| quantile(x, q, &mut sorted)),
        _ => Box::new(mean),
    }
}

/// Between the two values whose places in order are nearest to `q` of the way; NaN if one is.
fn quantile(x: &[f64], q: f64, sorted: &mut Vec<f64>) -> f64 {
    if x.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    sorted.clear();
    sorted.extend_from_slice(x);
    sorted.sort_unstable_by(f64::total_cmp);
    let place = q * (x.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let (low, high) = (sorted[below], sorted[(below + 1).min(x.len() - 1)]);
    match share == 0.0 || low == high {
        true => low,
        false => low + (high - low) * share,
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, try_output};

    fn params(what: &str) -> Vec<(&'static str, Value)> {
        vec![
            ("duration", "400 ms".into()),
            ("fn", what.into()),
            ("flush", true.into()),
        ]
    }

    #[test]
    fn several_values_have_a_result_each() {
        let rows = [0.0, 1.0, 10.0, 0.1, 5.0, 20.0, 0.3, 3.0, 0.0, 0.5, 7.0, 8.0];
        let timed = || [given("timed<f64[2]>", &rows)];
        let cases = [
            ("median", [[0.4, 3.0, 10.0], [0.8, 7.0, 8.0]]),
            ("max", [[0.4, 5.0, 20.0], [0.8, 7.0, 8.0]]),
            ("count", [[0.4, 3.0, 3.0], [0.8, 1.0, 1.0]]),
        ];
        for (what, expected) in cases {
            let found: Vec<[f64; 3]> = output("timed.window", &timed(), &params(what), None);
            assert_eq!(found, expected, "{what}");
        }
        let blueprint = build("timed.window", &timed(), &params("max"), None).unwrap();
        assert_eq!(blueprint.outputs[0].item_type.to_string(), "timed<f64[2]>");
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let big = (1_i64 << 53) + 1;
        let rows = |numbers: &[i64]| {
            let rows: Vec<[i64; 2]> = numbers
                .iter()
                .map(|number| [0.1_f64.to_bits() as i64, *number])
                .collect();
            [given("timed<i64>", &rows)]
        };
        for (what, expected) in [
            ("sum", 3 * big + 2),
            ("min", big),
            ("max", big + 2),
            ("ptp", 2),
            ("first", big + 2),
            ("last", big),
        ] {
            let given = rows(&[big + 2, big, big]);
            let found: Vec<[i64; 2]> = output("timed.window", &given, &params(what), None);
            assert_eq!(found, [[0.4_f64.to_bits() as i64, expected]], "{what}");
            let blueprint = build("timed.window", &given, &params(what), None).unwrap();
            assert_eq!(blueprint.outputs[0].item_type.to_string(), "timed<i64>");
        }
        let small = given(
            "timed<u8[2]>",
            &[0.1_f64.to_bits(), 0x0201, 0.2_f64.to_bits(), 0xffff],
        );
        let found: Vec<[u64; 3]> = output("timed.window", &[small], &params("sum"), None);
        assert_eq!(found, [[0.4_f64.to_bits(), 256, 257]]);
        let expr = [
            ("duration", "1 s".into()),
            ("expr", "x[0]".into()),
            ("flush", true.into()),
        ];
        let refused = try_output::<u8>("timed.window", &rows(&[big]), &expr, None).unwrap_err();
        assert!(
            refused
                .message
                .contains("9007199254740993, which no f64 is"),
            "{refused}"
        );
    }

    #[test]
    fn quantiles_are_numpy_s() {
        let rows: Vec<f64> = [4.0, 1.0, 3.0, 2.0]
            .iter()
            .flat_map(|x| [0.0, *x])
            .collect();
        for (q, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            let mut params = params("quantile");
            params.push(("q", q.into()));
            let timed = [given("timed<f64>", &rows)];
            let found: Vec<[f64; 2]> = output("timed.window", &timed, &params, None);
            assert_eq!(found, [[0.4, expected]], "{q}");
        }
        let mut params = params("quantile");
        params.push(("q", 1.5.into()));
        let refused = build("timed.window", &[given("timed<f64>", &rows)], &params, None);
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("q"));
    }

    #[test]
    fn durations_are_numbers_of_seconds_or_have_units() {
        let timed = || [given("timed<f64>", &[0.0, 1.0])];
        for duration in ["soon", "3 Hz", "-1 s"] {
            let params = [("duration", duration.into())];
            let refused = build("timed.window", &timed(), &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("duration"));
            assert!(refused.message.contains("such as \"20 ms\""), "{refused}");
        }
    }
}
