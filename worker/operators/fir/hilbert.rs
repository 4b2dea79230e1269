//! `hilbert`: the analytic signal of a real one.

use std::f64::consts::PI;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef};
use crate::operators::tapers::WINDOW_ARGS;
use crate::types::{ItemType, Scalar};
use crate::wide::{View, Wide};

use super::designed::{faded, odd_numtaps};
use super::kernel::{Level, Number};
use super::{BETA, NUMTAPS, WINDOW};

/// The row of the table.
pub const HILBERT: OpDef = OpDef {
    name: "hilbert",
    summary: "the analytic signal: a quarter of a turn later beside the signal itself",
    doc: "Complex items: the real part is the input delayed by `(numtaps - 1) / 2` items, the imaginary part its Hilbert transform, by the \
ideal taps `2 / (pi k)` at odd distances k from the middle, faded out by a window (GNU Radio's `hilbert_fc` does the same, and then scales the taps to gain 1 in \
the middle of the band; these are not scaled). Of a real tone it makes a complex one without the negative frequency; not near 0 or half the rate, the nearer the more taps. \
f32 becomes cf32, everything else cf64. Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 12.4.",
    inputs: Arity::One,
    outputs: "one stream of cf32 for f32, else cf64",
    params: &[
        ParamDef {
            default: Some("65"),
            doc: "How many taps: an odd number, 3 to 2001.",
            ..NUMTAPS
        },
        WINDOW,
        BETA,
        WINDOW_ARGS,
    ],
    example: "sine freq=440 rate=48000 items=4800 ! hilbert ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some(scalar) = input.item_type.scalar().filter(|s| !s.is_complex()) else {
        return Err(OpError::input_type("hilbert", input, "real numbers"));
    };
    let taps = faded(args, odd_numtaps(args)?, |k| match k % 2 {
        0 => 0.0,
        _ => 2.0 / (PI * k as f64),
    })?;
    let gives = match scalar {
        Scalar::F32 => Scalar::Cf32,
        _ => Scalar::Cf64,
    };
    let reach = taps.len() - 1;
    let agent = Hilbert {
        taps: taps.into_iter().rev().collect(),
        takes: scalar,
        gives,
        level: Level::best(),
        history: Vec::new(),
        taken: Vec::new(),
        turned: Vec::new(),
        items: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(reach))
        .output(OutPort::new(ItemType::Scalar(gives), input.rate).keeps_unit()))
}

struct Hilbert {
    /// Last tap first.
    taps: Vec<f64>,
    takes: Scalar,
    gives: Scalar,
    level: Level,
    /// What the taps reach, zeros for what was before the stream's beginning.
    history: Vec<f64>,
    taken: Vec<f64>,
    turned: Vec<f64>,
    items: Vec<f64>,
}

/// Items filtered at once.
const STRETCH: u64 = 1024;

impl Agent for Hilbert {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let reach = self.taps.len() - 1;
        let count = input.len().min(output.space());
        let mut at = input.position();
        let to = at + count as u64;
        let mut view = View::new(input, self.takes, &mut self.taken);
        let mut done = 0;
        while at < to {
            let stop = to.min(at + STRETCH);
            let len = (stop - at) as usize;
            let from = at.saturating_sub(reach as u64);
            self.history.clear();
            self.history.resize(reach - (at - from) as usize, 0.0);
            self.history.extend_from_slice(view.range(from, stop));
            self.turned.resize(len, 0.0);
            f64::filter(self.level, &self.taps, 1, &self.history, &mut self.turned);
            let middle = &self.history[reach / 2..];
            self.items.clear();
            let pairs = middle.iter().zip(&self.turned);
            self.items.extend(pairs.flat_map(|(&re, &im)| [re, im]));
            let len_bytes = len * output.item_len();
            let room = &mut output.bytes()[done..done + len_bytes];
            f64::store(&self.items, self.gives, room);
            done += len_bytes;
            at = stop;
        }
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use num_complex::Complex;

    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_real_tone_becomes_a_complex_one() {
        let tone = |n: f64| (TAU * 0.13 * n).cos();
        let x: Vec<f32> = (0..400).map(|n| tone(f64::from(n)) as f32).collect();
        let y: Vec<Complex<f32>> = output(
            "hilbert",
            &[given("f32", &x)],
            &[("numtaps", 101.into())],
            None,
        );
        for (n, y) in y.iter().enumerate().skip(100) {
            let angle = TAU * 0.13 * (n as f64 - 50.0);
            assert!((f64::from(y.re) - angle.cos()).abs() < 1e-6, "{n}: {y}");
            assert!((f64::from(y.im) - angle.sin()).abs() < 0.02, "{n}: {y}");
        }
    }

    #[test]
    fn complex_items_are_refused() {
        let error = build("hilbert", &[given::<u64>("cf32", &[])], &[], None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("in"));
    }
}
