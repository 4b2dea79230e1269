//! The agent of every `iir` filter: second-order sections, one after the other.
//!
//! Whatever made the sections calls [`filter`]. Coefficients and state are `f64` for every item type.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::design::zpk::Section;
use crate::op::{Args, OpError};
use crate::operators::iir::cascade::{Direct, Level, STATES, carry, cascade};
use crate::operators::live::Live;
use crate::types::Scalar;
use crate::wide::Wide;

/// An agent that filters its input by `sections`, from rest, one item out for each item in.
///
/// Floats and complex numbers keep their type, integers become f64; vector items are filtered per element.
pub(crate) fn filter(args: &Args, sections: &[Section]) -> Result<Blueprint, OpError> {
    filter_by(args, sections, &[], None)
}

/// As [`filter`], of a filter with dials: `design` gives the sections for their values, `built` at first. Where it gives
/// none, another number of them, or what is no number, those that were built hold.
pub(crate) fn live_filter(
    args: &Args,
    built: &[f64],
    sections: &[Section],
    design: impl Fn(&[f64]) -> Option<Vec<Section>> + 'static,
) -> Result<Blueprint, OpError> {
    let count = sections.len();
    let design = move |dials: &[f64]| {
        let new = design(dials).filter(|new| new.len() == count)?;
        let mut coefficients = new
            .iter()
            .flat_map(|section| section.b.iter().chain(&section.a));
        coefficients.all(|c| c.is_finite()).then(|| direct(&new))
    };
    let live = Live::new(built, direct(sections), design);
    filter_by(args, sections, built, Some(live))
}

fn direct(sections: &[Section]) -> Vec<Direct> {
    sections.iter().map(Direct::from).collect()
}

/// The agent; its state is what the dials were when the sections last remembered anything, then what they remember.
fn filter_by(
    args: &Args,
    sections: &[Section],
    dials: &[f64],
    live: Option<Live<Vec<Direct>>>,
) -> Result<Blueprint, OpError> {
    let (op, input) = (args.op().name, args.input());
    let Some((scalar, width)) = input.item_type.elements() else {
        return Err(OpError::input_type(op, input, "numbers or vectors of them"));
    };
    let sections = direct(sections);
    let gives = match scalar.is_integer() {
        true => Scalar::F64,
        false => scalar,
    };
    let width = if scalar.is_complex() {
        2 * width
    } else {
        width
    };
    let mut init = dials.to_vec();
    init.resize(dials.len() + sections.len() * STATES * width, 0.0);
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
    /// What the dials make of the sections; what they remember goes on.
    live: Option<Live<Vec<Direct>>>,
    level: Level,
    /// Numbers per item that are filtered side by side.
    width: usize,
    takes: Scalar,
    gives: Scalar,
    /// A stretch's items, first as they came, then filtered.
    numbers: Vec<f64>,
}

/// Items filtered at once, and the grid on which faded states become 0: its lines are positions in the
/// stream, so that no chunking moves them.
const STRETCH: u64 = 1024;

impl Agent for Iir {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (held, state) = io.state.slice::<f64>().split_at_mut(io.dials.len());
        if let Some(live) = self.live.as_mut() {
            if let Some(turned) = live.turned(io.dials) {
                self.sections = turned;
            }
            if held != io.dials {
                carry(&live.at(held), &self.sections, self.width, state);
                held.copy_from_slice(io.dials);
            }
        }
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
