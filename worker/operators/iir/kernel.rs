//! The agent of every `iir` filter: second-order sections, one after the other.
//!
//! Whatever made the sections calls [`filter`]. Coefficients and state are `f64` for every item type.

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, StateSpec, Status,
};
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
    let numbers = Numbers::of(args)?;
    let sections = direct(sections);
    let mut init = dials.to_vec();
    init.resize(dials.len() + sections.len() * STATES * numbers.width, 0.0);
    let agent = Iir {
        sections,
        live,
        level: Level::best(),
        stretches: Stretches::of(numbers),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(numbers.out_port(args))
        .state(StateSpec::slice(&init)))
}

/// What a filter's items are made of, and what it makes of them.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) takes: Scalar,
    /// Floats and complex numbers keep their type, integers become f64.
    pub(crate) gives: Scalar,
    /// Numbers per item that are filtered side by side: two of a complex one.
    pub(crate) width: usize,
}

impl Numbers {
    /// Of the only input.
    pub(crate) fn of(args: &Args) -> Result<Numbers, OpError> {
        let (op, input) = (args.op().name, args.input());
        let Some((takes, width)) = input.item_type.elements() else {
            return Err(OpError::input_type(op, input, "numbers or vectors of them"));
        };
        Ok(Numbers {
            takes,
            gives: match takes.is_integer() {
                true => Scalar::F64,
                false => takes,
            },
            width: match takes.is_complex() {
                true => 2 * width,
                false => width,
            },
        })
    }

    /// An item for each of the input's.
    pub(crate) fn out_port(self, args: &Args) -> OutPort {
        let input = args.input();
        OutPort::new(input.item_type.with_scalar(self.gives), input.rate).keeps_unit()
    }
}

struct Iir {
    sections: Vec<Direct>,
    /// What the dials make of the sections; what they remember goes on.
    live: Option<Live<Vec<Direct>>>,
    level: Level,
    stretches: Stretches,
}

impl Agent for Iir {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let width = self.stretches.numbers.width;
        let (held, state) = io.state.slice::<f64>().split_at_mut(io.dials.len());
        if let Some(live) = self.live.as_mut() {
            if let Some(turned) = live.turned(io.dials) {
                self.sections = turned;
            }
            if held != io.dials {
                carry(&live.at(held), &self.sections, width, state);
                held.copy_from_slice(io.dials);
            }
        }
        let (level, sections) = (self.level, &self.sections);
        let filter = |numbers: &mut [f64], state: &mut [f64]| {
            cascade(level, sections, width, numbers, state);
        };
        self.stretches.run(input, output, state, filter);
        Ok(Status::Ready)
    }
}

/// Items filtered at once, and the grid on which faded states become 0: its lines are positions in the
/// stream, so that no chunking moves them.
const STRETCH: u64 = 1024;

/// An item for each item, so many at a time that they stay in the nearest cache.
pub(super) struct Stretches {
    pub(super) numbers: Numbers,
    /// Scratch: a stretch's numbers, first as they came, then filtered.
    scratch: Vec<f64>,
}

impl Stretches {
    pub(super) fn of(numbers: Numbers) -> Stretches {
        Stretches {
            numbers,
            scratch: Vec::new(),
        }
    }

    /// Takes as many items as there are and fit, and gives what `filter(numbers, state)` makes of their numbers.
    pub(super) fn run(
        &mut self,
        input: &mut Input,
        output: &mut Output,
        state: &mut [f64],
        mut filter: impl FnMut(&mut [f64], &mut [f64]),
    ) {
        let Numbers { takes, gives, .. } = self.numbers;
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
            f64::load(takes, stretch, &mut self.scratch);
            filter(&mut self.scratch, state);
            let (room, left) = given.split_at_mut(items * gives_len);
            f64::store(&self.scratch, gives, room);
            (taken, given, at) = (later, left, stop);
        }
        input.consume(count);
        output.produce(count);
    }
}

/// Denormal numbers are slow, and a fading filter never leaves them: what is that small becomes 0.
fn fade(state: &mut [f64]) {
    for s in state {
        if s.abs() < 1e-290 {
            *s = 0.0;
        }
    }
}
