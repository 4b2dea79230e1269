//! `zero_crossings`, `cusum`: events of a stream of numbers, an item for each.

use bytemuck::{Pod, Zeroable};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the zero crossings.
pub const ZERO_CROSSINGS: OpDef = OpDef {
    name: "zero_crossings",
    summary: "where the sign changes",
    doc: "A crossing lies between an item below 0 and one that is not, or the other way round; 0 counts as above. Each is one f64[2]: \
its time, on the straight line between the two items, and its direction, 1 upwards or -1 downwards. Times are in seconds from the stream's beginning where its \
rate is known, else in items. Items that are not numbers are passed over. Real numbers of any type.",
    inputs: Arity::One,
    outputs: "f64[2] per crossing (time, direction)",
    params: &[],
    example: "sine freq=5 rate=1000 items=4000 ! zero_crossings ! null",
    deterministic: true,
    build: |args| events(args, Crossings, Last::zeroed()),
};

/// The row of the cumulative sums.
pub const CUSUM: OpDef = OpDef {
    name: "cusum",
    summary: "small lasting changes of the mean, by cumulative sums",
    doc: "Page's two-sided test: `up = max(0, up + x - target - drift)` and `down = max(0, down + target - drift - x)` grow while the items are beyond \
`target` by more than `drift`. When one exceeds `threshold` it is an event, one f64[2]: the time and the direction, 1 up or -1 down; both sums then begin anew. Times are \
in seconds from the stream's beginning where its rate is known, else in items. Items that are not numbers are passed over. Real numbers of any type. \
Source: Page, Biometrika 41 (1954).",
    inputs: Arity::One,
    outputs: "f64[2] per alarm (time, direction)",
    params: &[
        ParamDef {
            name: "target",
            kind: ParamKind::Dial,
            default: Some("0"),
            unit: "",
            doc: "The mean that should be.",
        },
        ParamDef {
            name: "drift",
            kind: ParamKind::Dial,
            default: Some("0"),
            unit: "",
            doc: "What is allowed beside it, at least 0: half the change that matters is usual.",
        },
        ParamDef {
            name: "threshold",
            kind: ParamKind::Dial,
            default: None,
            unit: "",
            doc: "The sum that is an alarm, above 0.",
        },
    ],
    example: "noise rate=100 items=1000 ! cusum drift=0.5 threshold=4 ! null",
    deterministic: true,
    build: build_cusum,
};

fn build_cusum(args: &Args) -> Result<Blueprint, OpError> {
    let number = |name: &str| args.float(name).unwrap_or(f64::NAN);
    let (drift, threshold) = (number("drift"), number("threshold"));
    if drift < 0.0 {
        let message = format!("`drift` is {drift}, and must be at least 0");
        return Err(OpError::param("drift", message));
    }
    if threshold <= 0.0 {
        let message = format!("`threshold` is {threshold}, and must be above 0");
        return Err(OpError::param("threshold", message));
    }
    let cusum = Cusum {
        target: number("target"),
        drift,
        threshold,
    };
    let blueprint = events(args, cusum, Sums::zeroed())?;
    Ok(blueprint
        .dial("target", number("target"), f64::MIN..=f64::MAX)
        .dial("drift", drift, 0.0..=f64::MAX)
        .dial("threshold", threshold, f64::MIN_POSITIVE..=f64::MAX))
}

/// An event: its place in items, and what else there is to say.
type Event = (f64, f64);

/// What looks for events, one item after the other.
trait Detector: 'static {
    type State: Pod;

    /// Takes the values of its dials, if it has any.
    fn turn(&mut self, _dials: &[f64]) {}

    /// Takes the item at this position; the event that is certain now, if one is.
    fn take(&self, state: &mut Self::State, position: u64, x: f64) -> Option<Event>;
}

fn events<D: Detector>(args: &Args, detector: D, init: D::State) -> Result<Blueprint, OpError> {
    let (op, input) = (args.op().name, args.input());
    let Some(scalar) = input.item_type.scalar().filter(|s| !s.is_complex()) else {
        return Err(OpError::input_type(op, input, "real numbers"));
    };
    let agent = Events {
        detector,
        scalar,
        rate: input.rate.unwrap_or(1.0),
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(ItemType::Vector(Scalar::F64, 2), None))
        .state(StateSpec::of(init)))
}

struct Events<D> {
    detector: D,
    scalar: Scalar,
    rate: f64,
    taken: Vec<f64>,
}

/// Items taken at once.
const STRETCH: u64 = 1024;

impl<D: Detector> Events<D> {
    fn give(&self, (place, what): Event, output: &mut Output) {
        output.push([place / self.rate, what]);
    }
}

impl<D: Detector> Agent for Events<D> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.get::<D::State>();
        self.detector.turn(io.dials);
        let from = input.position();
        let (mut at, to) = (from, from + input.len() as u64);
        let mut taken = std::mem::take(&mut self.taken);
        let mut view = View::new(input, self.scalar, &mut taken);
        'all: while at < to {
            let stop = to.min(at + STRETCH);
            for &x in view.range(at, stop) {
                // An item makes one event at most.
                if output.is_full() {
                    break 'all;
                }
                if let Some(event) = self.detector.take(state, at, x) {
                    self.give(event, output);
                }
                at += 1;
            }
        }
        self.taken = taken;
        input.consume((at - from) as usize);
        Ok(Status::Ready)
    }
}

struct Crossings;

/// The last number and where it was, plus 1: 0 before there is one.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Last {
    x: f64,
    after: u64,
}

impl Detector for Crossings {
    type State = Last;

    fn take(&self, last: &mut Last, position: u64, x: f64) -> Option<Event> {
        if x.is_nan() {
            return None;
        }
        let before = std::mem::replace(
            last,
            Last {
                x,
                after: position + 1,
            },
        );
        if before.after == 0 || (before.x < 0.0) == (x < 0.0) {
            return None;
        }
        let from = (before.after - 1) as f64;
        let apart = position as f64 - from;
        let part = before.x / (before.x - x);
        // Of two infinities: in the middle.
        let part = if part.is_finite() { part } else { 0.5 };
        Some((from + part * apart, if x < 0.0 { -1.0 } else { 1.0 }))
    }
}

struct Cusum {
    target: f64,
    drift: f64,
    threshold: f64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Sums {
    up: f64,
    down: f64,
}

impl Detector for Cusum {
    type State = Sums;

    fn turn(&mut self, dials: &[f64]) {
        *self = Cusum {
            target: dials[0],
            drift: dials[1],
            threshold: dials[2],
        };
    }

    fn take(&self, sums: &mut Sums, position: u64, x: f64) -> Option<Event> {
        if x.is_nan() {
            return None;
        }
        let apart = x - self.target;
        sums.up = (sums.up + apart - self.drift).max(0.0);
        sums.down = (sums.down - apart - self.drift).max(0.0);
        let direction = match (sums.up > self.threshold, sums.down > self.threshold) {
            (true, _) => 1.0,
            (false, true) => -1.0,
            (false, false) => return None,
        };
        *sums = Sums::zeroed();
        Some((position as f64, direction))
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn found(op: &str, x: &[f64], params: &[(&str, Value)]) -> Vec<[f64; 2]> {
        output(op, &[given("f64", x)], params, None)
    }

    #[test]
    fn crossings_lie_on_the_line_between_two_items() {
        let x = [1.0, -1.0, -3.0, 1.0, 0.0, f64::NAN, -1.0];
        let expected = [[0.5, -1.0], [2.75, 1.0], [4.0, -1.0]];
        assert_eq!(found("zero_crossings", &x, &[]), expected);
        let x = given("i16", &[-1i16, 1]).rate(10.0);
        let y: Vec<[f64; 2]> = output("zero_crossings", &[x], &[], None);
        assert_eq!(y, [[0.05, 1.0]]);
    }

    #[test]
    fn a_change_that_lasts_is_an_alarm_and_one_item_is_not() {
        let mut x = vec![0.0; 20];
        x[5] = 3.0;
        x[10..].fill(1.5);
        let params = [("drift", 0.5.into()), ("threshold", 3.5.into())];
        assert_eq!(found("cusum", &x, &params), [[13.0, 1.0], [17.0, 1.0]]);
        let turned: Vec<f64> = x.iter().map(|x| -x).collect();
        assert_eq!(
            found("cusum", &turned, &params),
            [[13.0, -1.0], [17.0, -1.0]]
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let params = [("threshold", 0.into())];
        let error = build("cusum", &[given::<f64>("f64", &[])], &params, None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("threshold"));
    }
}
