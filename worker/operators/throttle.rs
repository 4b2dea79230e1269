//! `throttle`: passes items no faster than a rate of wall time.

use std::time::{Duration, Instant};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, Wait, pass_on};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

/// The row of the table.
pub const THROTTLE: OpDef = OpDef {
    name: "throttle",
    summary: "passes items no faster than `rate` per second of wall time",
    doc: "The items are the input's, untouched; only when they pass depends on the clock. After a pause of \
          its input it makes up for 10 ms at most. Few items wait before it (10 ms worth); when the run is told to end they pass at \
          once. One throttle in a chain slows all of it, since full \
          streams hold their producers back.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[ParamDef {
        name: "rate",
        kind: ParamKind::Dial,
        default: Some(""),
        unit: "Hz",
        doc: "Items per second of wall time; the stream's own rate where that is known and this is not given.",
    }],
    example: "counter items=100 ! throttle rate=1000 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let rate = args.float("rate").or(input.rate).ok_or_else(|| {
        OpError::op("`throttle` needs `rate`: the rate of its input is not known")
    })?;
    if rate <= 0.0 {
        return Err(OpError::param(
            "rate",
            format!("`rate` is {rate} Hz, and must be above 0"),
        ));
    }
    let agent = Throttle {
        rate,
        started: None,
        due: 0.0,
    };
    // What waits here has not been let through: a stop finds little to let go at once.
    let enough = (rate * CATCH_UP_S).clamp(1.0, 1e9) as u64 + 1;
    Ok(Blueprint::new(agent)
        .weight(1)
        .input(InPort::new(input.item_type.clone()).enough(enough))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit())
        .dial("rate", rate, f64::MIN_POSITIVE..=f64::MAX))
}

/// How much of its allowance an idle throttle keeps.
const CATCH_UP_S: f64 = 0.01;

struct Throttle {
    /// Items per second, as last set.
    rate: f64,
    /// The first call in this process: a successor starts the schedule anew.
    started: Option<Instant>,
    /// When the next item may pass, in seconds after `started`.
    due: f64,
}

impl Throttle {
    /// Another rate: what was due under the old one is due now.
    fn turn(&mut self, rate: f64) {
        if rate != self.rate {
            self.rate = rate;
            self.due = 0.0;
        }
    }

    /// How many of `waiting` items may pass `now` seconds after the start; moves the schedule on by them.
    fn admit(&mut self, now: f64, waiting: usize) -> usize {
        if waiting == 0 || now < self.due {
            return 0;
        }
        let due = self.due.max(now - CATCH_UP_S);
        let n = (((now - due) * self.rate) as usize)
            .saturating_add(1)
            .min(waiting);
        self.due = due + n as f64 / self.rate;
        n
    }
}

impl Agent for Throttle {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        self.turn(io.dials[0]);
        let started = *self.started.get_or_insert_with(Instant::now);
        let waiting = input.len().min(output.space());
        let n = match io.draining {
            true => waiting,
            false => self.admit(started.elapsed().as_secs_f64(), waiting),
        };
        let passed = pass_on(input, output, n);
        // Frames may be too long for the room: what did not pass is due as before.
        self.due -= (n - passed) as f64 / self.rate;
        if n == waiting {
            return Ok(Status::Ready);
        }
        // A rate so low that the moment has no name is waited for a day at a time.
        let due = Duration::from_secs_f64(self.due.min(started.elapsed().as_secs_f64() + 86_400.0));
        Ok(Status::Wait(Wait::Until(started + due)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Input, Output, State};
    use crate::operators::trial::{build, given, output};

    fn throttle(rate: f64) -> Throttle {
        Throttle {
            rate,
            started: None,
            due: 0.0,
        }
    }

    #[test]
    fn what_is_on_its_way_passes_at_once_when_the_run_ends() {
        let passed = |draining| {
            let (items, mut room) = ([1i64; 50], [0i64; 50]);
            // SAFETY: both arrays outlive the call, are aligned for their items, and are as long as said.
            let (input, output) = unsafe {
                let input = Input::new(items.as_ptr().cast(), 50, 0, 0, 8, false);
                (input, Output::new(room.as_mut_ptr().cast(), 50, 0, 8))
            };
            let mut io = Io {
                inputs: &mut [input],
                outputs: &mut [output],
                state: State::new(&mut []),
                dials: &[1.0],
                draining,
            };
            throttle(1.0).work(&mut io).unwrap();
            io.outputs[0].produced()
        };
        assert_eq!((passed(false), passed(true)), (1, 50));
    }

    #[test]
    fn items_pass_as_they_are() {
        let passed: Vec<i32> = output(
            "throttle",
            &[given("i32", &[1, 2, 3])],
            &[("rate", 1e6.into())],
            None,
        );
        assert_eq!(passed, [1, 2, 3]);
    }

    #[test]
    fn no_more_pass_than_the_rate_allows_however_often_it_is_asked() {
        let mut slow = throttle(1000.0);
        let asked = (0..20_000).map(|i| f64::from(i) * 1e-5);
        let passed: usize = asked.map(|now| slow.admit(now, 100)).sum();
        assert!((199..=201).contains(&passed), "{passed} items in 0.2 s");
    }

    #[test]
    fn a_pause_is_made_up_for_ten_milliseconds_at_most() {
        let mut slow = throttle(1000.0);
        assert_eq!(slow.admit(0.0, 100), 1);
        assert_eq!(slow.admit(5.0, 0), 0);
        let passed = slow.admit(5.0, 100) + slow.admit(5.0, 100);
        assert!((10..=11).contains(&passed), "{passed}");
        assert_eq!(slow.admit(5.000_5, 100), 0);
    }

    #[test]
    fn the_stream_s_own_rate_is_the_default() {
        assert!(build("throttle", &[given("i32", &[1]).rate(50.0)], &[], None).is_ok());
        assert!(build("throttle", &[given("i32", &[1])], &[], None).is_err());
        let refused = build(
            "throttle",
            &[given("i32", &[1])],
            &[("rate", 0.into())],
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("rate"));
    }
}
