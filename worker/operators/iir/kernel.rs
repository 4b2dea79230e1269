//! The agent and the inner loop of every `iir` filter: second-order sections, one after the other.
//!
//! Whatever made the sections calls [`filter`]. Coefficients and state are `f64` for every item type.

use std::ops::Range;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::design::butter::Section;
use crate::op::{Args, OpError};
use crate::types::Scalar;
use crate::wide::{View, Wide};

/// An agent that filters its input by `sections`, from rest, one item out for each item in.
///
/// Floats and complex numbers keep their type, integers become f64; vector items are filtered per element.
pub(crate) fn filter(args: &Args, sections: &[Section]) -> Result<Blueprint, OpError> {
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
    let init = vec![0.0f64; sections.len() * 2 * width];
    let agent = Iir {
        sections,
        width,
        takes: scalar,
        gives,
        numbers: Vec::new(),
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.with_scalar(gives), input.rate))
        .state(StateSpec::slice(&init)))
}

struct Iir {
    sections: Vec<Direct>,
    /// Numbers per item that are filtered side by side.
    width: usize,
    takes: Scalar,
    gives: Scalar,
    numbers: Vec<f64>,
    taken: Vec<f64>,
}

/// Items filtered at once, and the grid on which faded states become 0: its lines are positions in the
/// stream, so that no chunking moves them.
const STRETCH: u64 = 512;

impl Agent for Iir {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<f64>();
        let mut at = input.position();
        let count = input.len().min(output.space());
        let to = at + count as u64;
        let mut view = View::new(input, self.takes, &mut self.taken);
        let mut done = 0;
        while at < to {
            if at.is_multiple_of(STRETCH) {
                fade(state);
            }
            let stop = to.min(at - at % STRETCH + STRETCH);
            self.numbers.clear();
            self.numbers.extend_from_slice(view.range(at, stop));
            cascade(&self.sections, self.width, &mut self.numbers, state);
            let len_bytes = (stop - at) as usize * output.item_len();
            let room = &mut output.bytes()[done..done + len_bytes];
            f64::store(&self.numbers, self.gives, room);
            done += len_bytes;
            at = stop;
        }
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
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

/// A section as the loop needs it. The output `y = b x + first` is put into the equations of the next
/// state, so that a state waits for one multiplication from state to state and not for two:
/// `first = b1 x - a1 y + second` is `(b1 - a1 b) x - a1 first + second`.
#[derive(Clone, Copy)]
struct Direct {
    b: f64,
    c: [f64; 2],
    a: [f64; 2],
}

impl From<&Section> for Direct {
    fn from(section: &Section) -> Direct {
        let ([b, b1, b2], [a1, a2]) = (section.b, section.a);
        Direct {
            b,
            c: [b1 - a1 * b, b2 - a2 * b],
            a: [a1, a2],
        }
    }
}

/// Filters `numbers` in place by all sections. `state` holds two numbers per section and channel:
/// of a section all channels' first ones, then their second ones.
fn cascade(sections: &[Direct], width: usize, numbers: &mut [f64], state: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for: just asked.
        unsafe { cascade_fma(sections, width, numbers, state) };
        return;
    }
    cascade_by(sections, width, numbers, state, multiply_add);
}

/// `a * b + c`, in one rounding where the target always has the instruction.
#[inline(always)]
fn multiply_add(a: f64, b: f64, c: f64) -> f64 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn cascade_fma(sections: &[Direct], width: usize, numbers: &mut [f64], state: &mut [f64]) {
    cascade_by(sections, width, numbers, state, |a, b, c| a.mul_add(b, c));
}

#[inline(always)]
fn cascade_by(
    sections: &[Direct],
    width: usize,
    numbers: &mut [f64],
    state: &mut [f64],
    mul_add: impl Fn(f64, f64, f64) -> f64 + Copy,
) {
    if width > 1 {
        for (section, state) in sections.iter().zip(state.chunks_exact_mut(2 * width)) {
            channels(*section, numbers, state, mul_add);
        }
        return;
    }
    let mut at = 0;
    while at < sections.len() {
        let len = (sections.len() - at).min(4);
        let range = at..at + len;
        match len {
            4 => chain::<4>(sections, range, numbers, state, mul_add),
            3 => chain::<3>(sections, range, numbers, state, mul_add),
            2 => chain::<2>(sections, range, numbers, state, mul_add),
            _ => chain::<1>(sections, range, numbers, state, mul_add),
        }
        at += len;
    }
}

/// `N` sections over single numbers: each number goes through all of them, which keeps the processor
/// busy with one section while another waits for its own feedback.
#[inline(always)]
fn chain<const N: usize>(
    sections: &[Direct],
    range: Range<usize>,
    numbers: &mut [f64],
    state: &mut [f64],
    mul_add: impl Fn(f64, f64, f64) -> f64 + Copy,
) {
    let state = &mut state[2 * range.start..2 * range.end];
    let sections: [Direct; N] = std::array::from_fn(|k| sections[range.start + k]);
    let mut firsts: [f64; N] = std::array::from_fn(|k| state[2 * k]);
    let mut seconds: [f64; N] = std::array::from_fn(|k| state[2 * k + 1]);
    for number in numbers {
        let mut x = *number;
        for k in 0..N {
            x = step(&sections[k], x, &mut firsts[k], &mut seconds[k], mul_add);
            firsts[k] = alone(firsts[k]);
        }
        *number = x;
    }
    for k in 0..N {
        state[2 * k] = firsts[k];
        state[2 * k + 1] = seconds[k];
    }
}

/// `x`, in a register of its own.
///
/// The compiler would pack the states of two sections into one vector and shuffle them back and forth for each
/// number; the feedback waits for every shuffle (4 ns a number instead of 2).
#[inline(always)]
fn alone(x: f64) -> f64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    let x = {
        let mut x = x;
        // SAFETY: no instruction at all; the value goes in and comes out.
        unsafe {
            std::arch::asm!("/* {0} */", inout(xmm_reg) x, options(pure, nomem, nostack, preserves_flags));
        }
        x
    };
    x
}

/// One section, one number.
#[inline(always)]
fn step(
    section: &Direct,
    x: f64,
    first: &mut f64,
    second: &mut f64,
    mul_add: impl Fn(f64, f64, f64) -> f64,
) -> f64 {
    let was = *first;
    *first = mul_add(-section.a[0], was, section.c[0] * x + *second);
    *second = section.c[1] * x - section.a[1] * was;
    mul_add(section.b, x, was)
}

/// One section over items of several numbers, side by side.
#[inline(always)]
fn channels(
    section: Direct,
    numbers: &mut [f64],
    state: &mut [f64],
    mul_add: impl Fn(f64, f64, f64) -> f64 + Copy,
) {
    let width = state.len() / 2;
    let (first, second) = state.split_at_mut(width);
    for item in numbers.chunks_exact_mut(width) {
        for ((number, first), second) in item.iter_mut().zip(&mut *first).zip(&mut *second) {
            *number = step(&section, *number, first, second, mul_add);
        }
    }
}
