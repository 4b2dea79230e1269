//! The agent of every `iir` filter: second-order sections, one after the other.
//!
//! Whatever made the sections calls [`filter`]. Coefficients and state are `f64` for every item type.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::design::zpk::Section;
use crate::op::{Args, OpError};
use crate::operators::iir::cascade::{Direct, Level, STATES, cascade};
use crate::types::Scalar;
use crate::wide::Wide;

/// An agent that filters its input by `sections`, from rest, one item out for each item in.
///
/// Floats and complex numbers keep their type, integers become f64; vector items are filtered per element.
pub(crate) fn filter(args: &Args, sections: &[Section]) -> Result<Blueprint, OpError> {
    filter_by(args, sections, None)
}

/// As [`filter`], of a filter with a dial, the first: `design` gives the sections for a value of it, `built` at first.
/// Where it gives none, those that were built hold.
pub(crate) fn live_filter(
    args: &Args,
    built: f64,
    sections: &[Section],
    design: impl Fn(f64) -> Option<Vec<Section>> + 'static,
) -> Result<Blueprint, OpError> {
    let live = Live {
        value: built,
        built: sections.iter().map(Direct::from).collect(),
        design: Box::new(design),
    };
    filter_by(args, sections, Some(live))
}

fn filter_by(args: &Args, sections: &[Section], live: Option<Live>) -> Result<Blueprint, OpError> {
    let (op, input) = (args.op().name, args.input());
    let Some((scalar, width)) = input.item_type.elements() else {
        return Err(OpError::input_type(op, input, "numbers or vectors of them"));
    };
    let sections: Vec<Direct> = sections.iter().map(Direct::from).collect();
    let gives = match scalar.is_integer() {
        true => Scalar::F64,
        false => scalar,
    };
    let width = if scalar.is_complex() {
        2 * width
    } else {
        width
    };
    let init = vec![0.0f64; sections.len() * STATES * width];
    let agent = Iir {
        sections,
        live,
        level: Level::best(),
        width,
        takes: scalar,
        gives,
        numbers: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.with_scalar(gives), input.rate).keeps_unit())
        .state(StateSpec::slice(&init)))
}

struct Iir {
    sections: Vec<Direct>,
    live: Option<Live>,
    level: Level,
    /// Numbers per item that are filtered side by side.
    width: usize,
    takes: Scalar,
    gives: Scalar,
    /// A stretch's items, first as they came, then filtered.
    numbers: Vec<f64>,
}

/// What a dial makes of the sections.
struct Live {
    /// What they were made for.
    value: f64,
    built: Vec<Direct>,
    design: Box<dyn Fn(f64) -> Option<Vec<Section>>>,
}

impl Live {
    /// The sections for another value; what they remember goes on.
    fn turn(&mut self, value: f64, sections: &mut Vec<Direct>) {
        self.value = value;
        let designed = (self.design)(value).map(|new| new.iter().map(Direct::from).collect());
        let designed: Option<Vec<Direct>> = designed;
        let fits = designed.filter(|new| new.len() == self.built.len());
        *sections = fits.unwrap_or_else(|| self.built.clone());
    }
}

/// Items filtered at once, and the grid on which faded states become 0: its lines are positions in the
/// stream, so that no chunking moves them.
const STRETCH: u64 = 1024;

impl Agent for Iir {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        if let Some(live) = self.live.as_mut().filter(|live| live.value != io.dials[0]) {
            live.turn(io.dials[0], &mut self.sections);
        }
        let state = io.state.slice::<f64>();
        let mut at = input.position();
        let count = input.len().min(output.space());
        let to = at + count as u64;
        let (takes_len, gives_len) = (input.item_len(), output.item_len());
        let (mut taken, mut given) = (input.bytes(), output.bytes());
        while at < to {
            if at.is_multiple_of(STRETCH) {
                fade(state);
            }
            let stop = to.min(at - at % STRETCH + STRETCH);
            let items = (stop - at) as usize;
            let (stretch, later) = taken.split_at(items * takes_len);
            f64::load(self.takes, stretch, &mut self.numbers);
            cascade(
                self.level,
                &self.sections,
                self.width,
                &mut self.numbers,
                state,
            );
            let (room, left) = given.split_at_mut(items * gives_len);
            f64::store(&self.numbers, self.gives, room);
            (taken, given, at) = (later, left, stop);
        }
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
    }
}

/// Denormal numbers are slow, and a fading filter never leaves them: what is that small becomes 0.
pub(super) fn fade(state: &mut [f64]) {
    for s in state {
        if s.abs() < 1e-290 {
            *s = 0.0;
        }
    }
}
