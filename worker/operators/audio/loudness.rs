//! `loudness`: how loud a sound is to the ear, in LUFS.

use std::f64::consts::PI;
use std::ops::Range;

use super::effect::{Sound, faded};
use super::level::{SILENT, decibels};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::design::zpk::Section;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;
use crate::units::Unit;
use crate::wide::{View, Wide};

/// The row of the table.
pub const LOUDNESS: OpDef = OpDef {
    name: "loudness",
    summary: "loudness of each window, in LUFS",
    doc: "ITU-R BS.1770: each channel goes through the K-weighting filter, and a window is -0.691 + 10 log10 of the sum over the channels of their mean squares. \
The n-th window is the items `n * step .. n * step + size`: the defaults are the momentary loudness of EBU R 128, `size = \"3 s\"` is the \
short-term one; nothing is gated. One number for all channels: of five, left, right, centre, left and right surround, the last two \
count 1.41 times; of six (5.1) the fourth, for effects, counts nothing; else all count 1. Full scale is 1, silence is -200. f32 gives f32, f64 gives f64. \
The filter is designed for the stream's rate as libebur128 does, which at 48 kHz gives the coefficients of the recommendation.",
    inputs: Arity::One,
    outputs: "one stream of f64 (f32 for f32), of rate / step",
    params: &[
        ParamDef {
            name: "size",
            kind: ParamKind::Length,
            default: Some("400 ms"),
            unit: "items",
            doc: "Items in a window, rounded to a multiple of `step`.",
        },
        ParamDef {
            name: "step",
            kind: ParamKind::Length,
            default: Some("100 ms"),
            unit: "items",
            doc: "Items from one window's beginning to the next one's.",
        },
    ],
    example: "wav.read path=examples/data/pluck.wav ! loudness ! null",
    deterministic: true,
    build,
};

/// Steps in a window at most.
const BLOCKS_MAX: u64 = 65_536;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (input, sound) = (args.input(), Sound::of(args)?);
    if sound.takes.is_integer() {
        return Err(OpError::input_type(
            "loudness",
            input,
            "floating-point numbers or vectors of them",
        )
        .with_help("`map` converts: op = \"map\", expr = \"x / 32768\", dtype = \"f32\""));
    }
    let Some(rate) = input.rate else {
        return Err(OpError::op(
            "`loudness` weighs frequencies in Hz, but the input's rate is not known",
        )
        .with_help("give `rate` at the source"));
    };
    let step = args.required_length("step", 1)?;
    let size = args.required_length("size", 1)?;
    let blocks = (size + step / 2) / step;
    if !(1..=BLOCKS_MAX).contains(&blocks) {
        let words = format!(
            "`size` is {size} items, and must be 1 to {BLOCKS_MAX} times `step`, which is {step}"
        );
        return Err(OpError::param("size", words));
    }
    let state = sound.width * HELD + blocks as usize;
    let agent = Loudness {
        sound,
        sections: weighting(rate),
        weights: weights(sound.width),
        step,
        blocks,
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(
            OutPort::new(ItemType::Scalar(sound.gives), Some(rate / step as f64))
                .unit(Unit::Is("LUFS".to_owned())),
        )
        .state(StateSpec::slice(&vec![0.0f64; state])))
}

/// What the channels count.
fn weights(channels: usize) -> Vec<f64> {
    match channels {
        5 => vec![1.0, 1.0, 1.0, 1.41, 1.41],
        6 => vec![1.0, 1.0, 1.0, 0.0, 1.41, 1.41],
        _ => vec![1.0; channels],
    }
}

/// The K-weighting: a shelf for the head, then a high-pass for the ear.
fn weighting(rate: f64) -> [Section; 2] {
    let shelf = {
        let (k, q) = ((PI * 1681.974450955533 / rate).tan(), 0.7071752369554196);
        let high = 10f64.powf(3.999843853973347 / 20.0);
        let band = high.powf(0.4996667741545416);
        let a0 = 1.0 + k / q + k * k;
        let b = [
            high + band * k / q + k * k,
            2.0 * (k * k - high),
            high - band * k / q + k * k,
        ];
        Section {
            b: b.map(|b| b / a0),
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        }
    };
    let (k, q) = ((PI * 38.13547087602444 / rate).tan(), 0.5003270373238773);
    let a0 = 1.0 + k / q + k * k;
    let pass = Section {
        b: [1.0, -2.0, 1.0],
        a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
    };
    [shelf, pass]
}

/// Numbers of state for a channel: two of each section, and the sum of the squares of the step under way.
const HELD: usize = 5;

/// State: [`HELD`] numbers for each channel, then the sums of the last `blocks` steps.
struct Loudness {
    sound: Sound,
    sections: [Section; 2],
    weights: Vec<f64>,
    step: u64,
    blocks: u64,
    taken: Vec<f64>,
}

impl Agent for Loudness {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<f64>();
        let (held, sums) = state.split_at_mut(self.weights.len() * HELD);
        let (from, mut at) = (input.position(), input.position());
        let mut view = View::new(input, self.sound.takes, &mut self.taken);
        // The step that would end the first window there is no room for.
        let stop = output.position() + output.space() as u64 + self.blocks;
        let to = view.end().min(stop.saturating_mul(self.step) - 1);
        while at < to {
            let step = at / self.step;
            let end = (step + 1) * self.step;
            let numbers = view.range(at, to.min(end));
            for (c, held) in held.chunks_exact_mut(HELD).enumerate() {
                listen(
                    &self.sections,
                    numbers[c..].iter().step_by(self.sound.width),
                    held,
                );
            }
            at = to.min(end);
            if at == end {
                let slot = (step % self.blocks) as usize;
                sums[slot] = end_step(held, &self.weights);
                if let Some(window) = (step + 1).checked_sub(self.blocks) {
                    let mean = mean(window..window + self.blocks, sums) / self.step as f64;
                    let loudness = [(decibels(mean) - 0.691).max(SILENT)];
                    let len_bytes = output.item_len();
                    let room = &mut output.bytes()[..len_bytes];
                    f64::store(&loudness, self.sound.gives, room);
                    output.produce(1);
                }
            }
        }
        input.consume((to - from) as usize);
        Ok(Status::Ready)
    }
}

/// The mean of the sums of these steps, which are all that the ring `sums` holds.
fn mean(steps: Range<u64>, sums: &[f64]) -> f64 {
    let sum: f64 = steps.map(|step| sums[step as usize % sums.len()]).sum();
    sum / sums.len() as f64
}

/// Filters a channel's numbers and adds up their squares.
fn listen<'a>(sections: &[Section; 2], numbers: impl Iterator<Item = &'a f64>, held: &mut [f64]) {
    let [shelf, pass] = sections;
    let [mut s1, mut s2, mut p1, mut p2, mut sum] = [held[0], held[1], held[2], held[3], held[4]];
    for &x in numbers {
        let y = shelf.b[0] * x + s1;
        s1 = shelf.b[1] * x - shelf.a[0] * y + s2;
        s2 = shelf.b[2] * x - shelf.a[1] * y;
        let z = pass.b[0] * y + p1;
        p1 = pass.b[1] * y - pass.a[0] * z + p2;
        p2 = pass.b[2] * y - pass.a[1] * z;
        sum += z * z;
    }
    held.copy_from_slice(&[s1, s2, p1, p2, sum]);
}

/// The sum of the step that ends here over all channels; theirs start again at 0.
fn end_step(held: &mut [f64], weights: &[f64]) -> f64 {
    let mut all = 0.0;
    for (held, weight) in held.chunks_exact_mut(HELD).zip(weights) {
        all += weight * std::mem::take(&mut held[HELD - 1]);
        held.iter_mut().for_each(|held| *held = faded(*held));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    /// The coefficients that ITU-R BS.1770-4 prints for 48 kHz.
    #[test]
    fn the_weighting_at_48_khz_is_that_of_the_recommendation() {
        let [shelf, pass] = weighting(48_000.0);
        let printed = [
            (shelf.b[0], 1.53512485958697),
            (shelf.b[1], -2.69169618940638),
            (shelf.b[2], 1.19839281085285),
            (shelf.a[0], -1.69065929318241),
            (shelf.a[1], 0.73248077421585),
            (pass.a[0], -1.99004745483398),
            (pass.a[1], 0.99007225036621),
        ];
        for (found, printed) in printed {
            assert!((found - printed).abs() < 1e-8, "{found} {printed}");
        }
    }

    /// EBU Tech 3341, test 1: a stereo sine of 1000 Hz at -23 dBFS is at -23 LUFS.
    #[test]
    fn a_sine_of_a_kilohertz_is_as_loud_as_its_peak_in_both_channels() {
        let sine = |n: u32| 10f64.powf(-23.0 / 20.0) * (f64::from(n) * PI / 24.0).sin();
        let x: Vec<f64> = (0..96_000).flat_map(|n| [sine(n); 2]).collect();
        let sound = given("f64[2]", &x).rate(48_000.0);
        let found: Vec<f64> = output("loudness", &[sound], &[], None);
        assert_eq!(found.len(), 17);
        assert!((found[16] + 23.0).abs() < 0.01, "{}", found[16]);
    }

    #[test]
    fn silence_is_200_below_and_sizes_are_multiples_of_steps() {
        let params = [("size", Value::Int(25)), ("step", Value::Int(10))];
        let silent = given("f32", &[0.0f32; 60]).rate(100.0);
        let found: Vec<f32> = output("loudness", &[silent], &params, None);
        assert_eq!(found, [-200.0; 4]);
    }

    #[test]
    fn integers_unknown_rates_and_windows_without_a_step_are_refused() {
        let refused = build("loudness", &[given::<f64>("f64", &[])], &[], None).unwrap_err();
        assert!(refused.message.contains("rate"), "{refused}");
        let sound = given::<i16>("i16", &[]).rate(48_000.0);
        assert!(build("loudness", &[sound], &[], None).is_err());
        let params = [("size", Value::Int(4)), ("step", Value::Int(10))];
        let sound = given::<f64>("f64", &[]).rate(48_000.0);
        let refused = build("loudness", &[sound], &params, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("size"));
    }
}
