//! `decimate`: one item of every few.

use bytemuck::Pod;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::numbers::with_item_len;

/// The row of the table.
pub const DECIMATE: OpDef = OpDef {
    name: "decimate",
    summary: "keeps one item of every `factor`",
    doc: "Keeps the items at positions phase, phase + factor, phase + 2 factor, ..: x[phase::factor] in \
          NumPy. It does not filter: put a low-pass before it where aliasing matters. \
          `scipy.signal.decimate(x, q, zero_phase=False)` is `iir.lowpass design=cheby1 order=8 ripple=0.05 cutoff=C ! decimate factor=q` with C = 0.4 rate / q, \
          and with `ftype = \"fir\"` it is `fir.lowpass numtaps=N cutoff=C decimate=q` with N = 20 q + 1 and C = 0.5 rate / q; \
          `resample down=q` filters, and delays nothing. The rate becomes \
          rate / factor.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[
        ParamDef {
            name: "factor",
            kind: ParamKind::Int,
            default: None,
            unit: "items",
            doc: "Of how many items one is kept; at least 1.",
        },
        ParamDef {
            name: "phase",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "items",
            doc: "The position of the first item kept; below `factor`.",
        },
    ],
    example: "counter items=1000 ! decimate factor=10 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let factor = args.required_count("factor", 1)?;
    let phase = args.required_count("phase", 0)?;
    if phase >= factor {
        return Err(OpError::param(
            "phase",
            format!("`phase` is {phase}, and must be below `factor`, which is {factor}"),
        ));
    }
    let rate = input.rate.map(|rate| rate / factor as f64);
    let output = OutPort::new(input.item_type.clone(), rate).keeps_unit();
    Ok(Blueprint::new(Decimate { factor, phase })
        .weight(1)
        .input(InPort::new(input.item_type.clone()))
        .output(match phase {
            0 => output.paced(1, factor),
            _ => output,
        }))
}

struct Decimate {
    factor: u64,
    phase: u64,
}

impl Decimate {
    fn frames(&self, input: &mut Input, output: &mut Output) {
        while let Some(frame) = input.frame() {
            let kept = input.position() % self.factor == self.phase;
            if kept && !output.give(frame) {
                break;
            }
            input.consume(1);
        }
    }
}

impl Agent for Decimate {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        if input.is_framed() {
            self.frames(input, output);
            return Ok(Status::Ready);
        }
        let (visible, space) = (input.len() as u64, output.space() as u64);
        // The n-th item kept stands at n * factor + phase of the input.
        let next = output.position() * self.factor + self.phase - input.position();
        let kept = visible
            .saturating_sub(next)
            .div_ceil(self.factor)
            .min(space);
        let until_full = next.saturating_add(kept * self.factor);
        let len = input.item_len();
        let (from, to) = (input.bytes(), &mut output.bytes()[..kept as usize * len]);
        let first = match kept {
            0 => &[],
            _ => &from[next as usize * len..],
        };
        with_item_len!(
            len,
            T => every::<T>(first, to, self.factor as usize),
            for (item, slot) in first.chunks_exact(len).step_by(self.factor as usize).zip(to.chunks_exact_mut(len)) {
                slot.copy_from_slice(item);
            }
        );
        input.consume(until_full.min(visible) as usize);
        output.produce(kept as usize);
        Ok(Status::Ready)
    }
}

fn every<T: Pod>(from: &[u8], to: &mut [u8], factor: usize) {
    let (from, to): (&[T], &mut [T]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
    for (item, slot) in from.iter().step_by(factor).zip(to) {
        *slot = *item;
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn it_keeps_the_items_that_numpy_s_slice_keeps() {
        for (factor, phase) in [(1, 0), (2, 1), (3, 0), (3, 2), (20, 0), (20, 19)] {
            let items: Vec<i32> = (0..50).collect();
            let params = [("factor", factor.into()), ("phase", phase.into())];
            let kept: Vec<i32> = output("decimate", &[given("i32", &items)], &params, None);
            let expected: Vec<i32> = (phase..50).step_by(factor as usize).collect();
            assert_eq!(kept, expected);
        }
    }

    #[test]
    fn vectors_are_kept_whole() {
        let items: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let kept: Vec<f32> = output(
            "decimate",
            &[given("f32[5]", &items)],
            &[("factor", 2.into())],
            None,
        );
        assert_eq!(kept, [0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_factor_of_nothing_and_a_phase_beyond_it_are_refused() {
        for (factor, phase, param) in [(0, 0, "factor"), (3, 3, "phase"), (3, -1, "phase")] {
            let params = [("factor", factor.into()), ("phase", phase.into())];
            let refused = build("decimate", &[given("f64", &[1.0])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param));
        }
    }
}
