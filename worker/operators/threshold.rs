//! `threshold`: when a signal is up, with one level to come up and another to go down.

use bytemuck::{Pod, Zeroable};

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, StateSpec, Status,
};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const THRESHOLD: OpDef = OpDef {
    name: "threshold",
    summary: "events: from where the signal reaches `on` until it falls below `off`",
    doc: "An event begins with the first item that is at least `on` and ends with the last one before the signal falls \
below `off`: the intervals of `obspy.signal.trigger.trigger_onset`. With `output = \"events\"` (the default) each event is \
one f64[3]: the time of its first item, the time of its last item, the largest item in between. Times are in seconds from the stream's \
beginning where its rate is known, else in items. An event goes out when it is over; one that is on at the end of the \
stream ends with the last item. With `output = \"state\"` each item gives a u8: 1 inside an event, 0 outside. A NaN is \
below every level. Real numbers of any type. Both levels are live: while `off` stands above `on`, `on` is both.",
    inputs: Arity::One,
    outputs: "f64[3] per event (on, off, peak), or u8 per item",
    params: &[
        ParamDef {
            name: "on",
            kind: ParamKind::Dial,
            default: None,
            unit: "",
            doc: "The level at which an event begins.",
        },
        ParamDef {
            name: "off",
            kind: ParamKind::Dial,
            default: Some(""),
            unit: "",
            doc: "The level below which it ends, at most `on`. Without it: `on`.",
        },
        ParamDef {
            name: "output",
            kind: ParamKind::Choice(&["events", "state"]),
            default: Some("events"),
            unit: "",
            doc: "One item per event, or a state per item.",
        },
    ],
    example: "sine freq=1 rate=100 items=1000 ! threshold on=0.9 off=0.5 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some(scalar) = input.item_type.scalar().filter(|s| !s.is_complex()) else {
        return Err(OpError::input_type("threshold", input, "real numbers"));
    };
    let on = args.float("on").unwrap_or(f64::NAN);
    let off = args.float("off").unwrap_or(on);
    if off > on {
        return Err(OpError::param(
            "off",
            format!("`off` is {off}, above `on`, which is {on}"),
        ));
    }
    let levels = Levels { on, off };
    let port = InPort::new(input.item_type.clone());
    let blueprint = match args.text("output") {
        Some("state") => Blueprint::new(Gate {
            scalar,
            taken: Vec::new(),
        })
        .output(OutPort::new(ItemType::U8, input.rate)),
        _ => Blueprint::new(Events {
            levels,
            scalar,
            rate: input.rate,
            taken: Vec::new(),
        })
        .output(OutPort::new(ItemType::Vector(Scalar::F64, 3), None)),
    };
    Ok(blueprint
        .input(port)
        .dial("on", on, f64::MIN..=f64::MAX)
        .dial("off", off, f64::MIN..=f64::MAX)
        .state(StateSpec::of(Trigger::zeroed())))
}

#[derive(Clone, Copy)]
struct Levels {
    on: f64,
    off: f64,
}

impl Levels {
    /// The levels that hold now.
    fn of(dials: &[f64]) -> Levels {
        let (on, off) = (dials[0], dials[1]);
        Levels {
            on,
            off: off.min(on),
        }
    }
}

/// The event that is on, if one is.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Trigger {
    /// 1 while an event is on.
    is_on: u64,
    /// The position of its first item.
    since: u64,
    /// Its largest item so far.
    peak: f64,
}

/// Items taken at once.
const STRETCH: u64 = 1024;

/// A state for each item.
struct Gate {
    scalar: Scalar,
    taken: Vec<f64>,
}

impl Agent for Gate {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let trigger = io.state.get::<Trigger>();
        let Levels { on, off } = Levels::of(io.dials);
        let count = input.len().min(output.space());
        let mut at = input.position();
        let to = at + count as u64;
        let mut room = &mut output.room::<u8>()[..count];
        let mut view = View::new(input, self.scalar, &mut self.taken);
        let mut is_on = trigger.is_on != 0;
        while at < to {
            let stop = to.min(at + STRETCH);
            let numbers = view.range(at, stop);
            let (slots, rest) = room.split_at_mut(numbers.len());
            for (slot, &x) in slots.iter_mut().zip(numbers) {
                // Without a branch: at least `off` keeps what was, at least `on` sets it.
                is_on = (is_on & (x >= off)) | (x >= on);
                *slot = u8::from(is_on);
            }
            room = rest;
            at = stop;
        }
        trigger.is_on = u64::from(is_on);
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
    }
}

/// An item for each event.
struct Events {
    levels: Levels,
    scalar: Scalar,
    rate: Option<f64>,
    taken: Vec<f64>,
}

impl Events {
    /// Takes the numbers in from `at` on, until one of them ends an event and there is no room for it.
    /// Gives how many it took.
    fn scan(&self, numbers: &[f64], at: u64, trigger: &mut Trigger, output: &mut Output) -> usize {
        let Levels { on, off } = self.levels;
        let mut taken = 0;
        while taken < numbers.len() {
            let rest = &numbers[taken..];
            if trigger.is_on == 0 {
                let Some(first) = rest.iter().position(|&x| x >= on) else {
                    return numbers.len();
                };
                taken += first;
                *trigger = Trigger {
                    is_on: 1,
                    since: at + taken as u64,
                    peak: rest[first],
                };
            } else {
                let is_below = |x: &f64| *x < off || x.is_nan();
                let inside = rest.iter().position(is_below).unwrap_or(rest.len());
                let peak = rest[..inside].iter().copied().fold(trigger.peak, f64::max);
                trigger.peak = peak;
                taken += inside;
                if inside < rest.len() && !self.close(at + taken as u64, trigger, output) {
                    return taken;
                }
            }
        }
        taken
    }

    /// Gives the event whose last item is before `position`; false when there is no room for it.
    fn close(&self, position: u64, trigger: &mut Trigger, output: &mut Output) -> bool {
        if output.is_full() {
            return false;
        }
        let time = |position: u64| position as f64 / self.rate.unwrap_or(1.0);
        output.push([time(trigger.since), time(position - 1), trigger.peak]);
        trigger.is_on = 0;
        true
    }

    fn take(&mut self, input: &mut Input, trigger: &mut Trigger, output: &mut Output) {
        let mut taken = std::mem::take(&mut self.taken);
        let from = input.position();
        let mut view = View::new(input, self.scalar, &mut taken);
        let (mut at, to) = (from, view.end());
        while at < to {
            let stop = to.min(at + STRETCH);
            let scanned = self.scan(view.range(at, stop), at, trigger, output) as u64;
            at += scanned;
            if at < stop {
                break;
            }
        }
        self.taken = taken;
        input.consume((at - from) as usize);
    }
}

impl Agent for Events {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let trigger = io.state.get::<Trigger>();
        self.levels = Levels::of(io.dials);
        self.take(input, trigger, output);
        if input.is_exhausted() && trigger.is_on != 0 {
            let position = input.position();
            if !self.close(position, trigger, output) {
                return Ok(Status::More);
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{Given, build, given, output};

    const SIGNAL: [f64; 9] = [0.0, 3.0, 5.0, 2.0, 1.0, 4.0, f64::NAN, 3.0, 3.5];

    fn levels(on: f64, off: f64) -> [(&'static str, Value); 2] {
        [("on", on.into()), ("off", off.into())]
    }

    fn events(x: Given, on: f64, off: f64) -> Vec<[f64; 3]> {
        output("threshold", &[x], &levels(on, off), None)
    }

    #[test]
    fn an_event_is_from_the_first_item_up_to_the_last_one_not_below_off() {
        let x = given("f64", &SIGNAL);
        assert_eq!(
            events(x, 3.0, 2.0),
            [[1.0, 3.0, 5.0], [5.0, 5.0, 4.0], [7.0, 8.0, 3.5]]
        );
    }

    #[test]
    fn without_off_both_levels_are_on() {
        let x = given("i8", &[1i8, 2, 1, 2, 2]);
        let found: Vec<[f64; 3]> = output("threshold", &[x], &[("on", 2.into())], None);
        assert_eq!(found, [[1.0, 1.0, 2.0], [3.0, 4.0, 2.0]]);
    }

    #[test]
    fn times_are_seconds_where_the_rate_is_known() {
        let x = given("f64", &SIGNAL).rate(4.0);
        assert_eq!(events(x, 5.0, 1.0), [[0.5, 1.25, 5.0]]);
    }

    #[test]
    fn no_event_is_no_item() {
        assert_eq!(events(given::<f64>("f64", &[]), 1.0, 1.0), [[0.0; 3]; 0]);
        assert_eq!(events(given("f64", &SIGNAL), 6.0, 0.0), [[0.0; 3]; 0]);
    }

    #[test]
    fn the_state_is_1_inside_events() {
        let [on, off] = levels(3.0, 2.0);
        let params = [on, off, ("output", "state".into())];
        let found: Vec<u8> = output("threshold", &[given("f64", &SIGNAL)], &params, None);
        assert_eq!(found, [0, 1, 1, 1, 0, 1, 0, 1, 1]);
    }

    #[test]
    fn off_above_on_and_vectors_are_refused() {
        let error = build(
            "threshold",
            &[given("f64", &SIGNAL)],
            &levels(1.0, 2.0),
            None,
        );
        assert_eq!(error.unwrap_err().param.as_deref(), Some("off"));
        let x = given::<f64>("f64[2]", &[]);
        let error = build("threshold", &[x], &levels(2.0, 1.0), None);
        assert_eq!(error.unwrap_err().param.as_deref(), Some("in"));
    }
}
