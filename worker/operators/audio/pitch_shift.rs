//! `pitch_shift`: a sound higher or lower, as fast as it was.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::effect::Sound;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::design::taper::Taper;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::wide::{View, Wide};

/// The row of the table.
pub const PITCH_SHIFT: OpDef = OpDef {
    name: "pitch_shift",
    summary: "a sound higher or lower by some semitones, as fast as it was",
    doc: "A phase vocoder: frames of `size`, each `hop` items, through a Hann window; each bin's frequency from its phase and the one before, \
moved by the factor 2^(semitones / 12) to the nearest bin, phases summed up anew; frames added up through the window again. Where several bins \
meet, their magnitudes add and the loudest one's frequency holds. Gives as many items as it takes, later by `size - hop` items. \
0 semitones give the sound itself; a tone that is shifted comes out up to 4 dB quieter, for its neighbouring bins no longer fit together. Channels are shifted each by itself. Computed in f64; f32 gives f32, others f64. \
Source: Flanagan and Golden (1966), in Bernsee's form (smbPitchShift).",
    inputs: Arity::One,
    outputs: "one stream of f64 (f32 for f32) of the input's shape",
    params: &[
        ParamDef {
            name: "semitones",
            kind: ParamKind::Float,
            default: None,
            unit: "semitones",
            doc: "How much higher, -36 to 36: 12 is an octave.",
        },
        ParamDef {
            name: "size",
            kind: ParamKind::Length,
            default: Some("2048"),
            unit: "items",
            doc: "Items in a frame, 16 to 65536: long frames for chords, short ones for beats.",
        },
        ParamDef {
            name: "hop",
            kind: ParamKind::Length,
            default: Some(""),
            unit: "items",
            doc: "Items from one frame to the next, at most a quarter of `size`. Default: a quarter.",
        },
    ],
    example: "wav.read path=examples/data/pluck.wav ! pitch_shift semitones=5 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (input, sound) = (args.input(), Sound::of(args)?);
    let semitones = args.float("semitones").unwrap_or(0.0);
    if semitones.abs() > 36.0 {
        let words = format!("`semitones` is {semitones}, and must be from -36 to 36");
        return Err(OpError::param("semitones", words));
    }
    let size = args.required_length("size", 16)?;
    if size > 65_536 {
        let words = format!("`size` is {size}, and must be at most 65536");
        return Err(OpError::param("size", words));
    }
    let hop = args.length("hop", 1)?.unwrap_or(size / 4);
    if hop > size / 4 {
        let words =
            format!("`hop` is {hop}, more than a quarter of a frame, which has {size} items");
        return Err(OpError::param("hop", words));
    }
    let (size, hop) = (size as usize, hop as usize);
    let agent = PitchShift {
        sound,
        hop,
        vocoder: Vocoder::new(size, hop, 2f64.powf(semitones / 12.0)),
        taken: Vec::new(),
        given: Vec::new(),
    };
    let state = vec![0.0f64; sound.width * state_len(size)];
    Ok(Blueprint::new(agent)
        .input(
            InPort::new(input.item_type.clone())
                .retain(size - hop)
                .at_least(hop),
        )
        .output(
            OutPort::new(input.item_type.with_scalar(sound.gives), input.rate)
                .keeps_unit()
                .at_least(hop)
                .paced(1, 1),
        )
        .state(StateSpec::slice(&state)))
}

/// Numbers of state for a channel: the phases of each bin in the frame before, as they came and as they went, and the sound so far of
/// frames that are not over.
fn state_len(size: usize) -> usize {
    2 * (size / 2 + 1) + size
}

/// Frame n ends with item `(n + 1) * hop`; before the first item there is silence, and after the last.
struct PitchShift {
    sound: Sound,
    hop: usize,
    vocoder: Vocoder,
    taken: Vec<f64>,
    /// What goes out of one frame, all channels.
    given: Vec<f64>,
}

impl Agent for PitchShift {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<f64>();
        let (hop, width, size) = (self.hop, self.sound.width, self.vocoder.size());
        loop {
            let due = match input.is_ended() {
                true => input.len().min(hop),
                false => hop,
            };
            if due == 0 || input.len() < due || output.space() < due {
                return Ok(Status::Ready);
            }
            let from = input.position();
            let mut view = View::new(input, self.sound.takes, &mut self.taken);
            let first = (from + hop as u64).saturating_sub(size as u64);
            let numbers = view.range(first, from + due as u64);
            let silence = (size + first as usize) - (from as usize + hop);
            self.given.resize(due * width, 0.0);
            for (c, state) in state.chunks_exact_mut(state_len(size)).enumerate() {
                let channel = numbers[c..].iter().step_by(width).copied();
                let out = self.vocoder.run(silence, channel, state);
                for (slot, &y) in self.given[c..].iter_mut().step_by(width).zip(out) {
                    *slot = y;
                }
            }
            let len_bytes = due * output.item_len();
            let room = &mut output.bytes()[..len_bytes];
            f64::store(&self.given, self.sound.gives, room);
            input.consume(due);
            output.produce(due);
        }
    }
}

/// Tables and scratch.
struct Vocoder {
    hop: usize,
    ratio: f64,
    window: Vec<f64>,
    /// What makes the sum of all squared windows over an item 1, and the transforms' scale with it.
    scale: Vec<f64>,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    scratch: Vec<Complex<f64>>,
    frame: Vec<f64>,
    bins: Vec<Complex<f64>>,
    moved: Vec<Moved>,
}

/// What came to a bin.
#[derive(Clone, Copy, Default)]
struct Moved {
    magnitude: f64,
    loudest: f64,
    /// In bins.
    frequency: f64,
}

impl Vocoder {
    fn new(size: usize, hop: usize, ratio: f64) -> Vocoder {
        let mut window = Taper::HANN.values(size + 1);
        window.truncate(size);
        let overlap = |n: usize| -> f64 { window[n..].iter().step_by(hop).map(|w| w * w).sum() };
        let scale = (0..hop).map(|n| 1.0 / (overlap(n) * size as f64)).collect();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(size),
            planner.plan_fft_inverse(size),
        );
        let scratch_len = forward.get_scratch_len().max(inverse.get_scratch_len());
        Vocoder {
            hop,
            ratio,
            scale,
            frame: vec![0.0; size],
            bins: forward.make_output_vec(),
            moved: vec![Moved::default(); size / 2 + 1],
            scratch: vec![Complex::default(); scratch_len],
            window,
            forward,
            inverse,
        }
    }

    fn size(&self) -> usize {
        self.window.len()
    }

    /// Takes a frame of `silence`, these numbers, and silence again; gives what is over with it.
    fn run(
        &mut self,
        silence: usize,
        numbers: impl Iterator<Item = f64>,
        state: &mut [f64],
    ) -> &[f64] {
        let (phases, sound) = state.split_at_mut(2 * self.bins.len());
        let (came, went) = phases.split_at_mut(self.bins.len());
        self.frame.fill(0.0);
        for (slot, x) in self.frame[silence..].iter_mut().zip(numbers) {
            *slot = x;
        }
        self.taper();
        self.forward
            .process_with_scratch(&mut self.frame, &mut self.bins, &mut self.scratch)
            .expect("slices of the lengths that were planned");
        self.analyse(came);
        self.synthesise(went);
        self.inverse
            .process_with_scratch(&mut self.bins, &mut self.frame, &mut self.scratch)
            .expect("slices of the lengths that were planned, real at both ends");
        self.taper();
        for (sum, x) in sound.iter_mut().zip(&self.frame) {
            *sum += x;
        }
        let over = &mut self.frame[..self.hop];
        for (y, (sum, scale)) in over.iter_mut().zip(sound.iter().zip(&self.scale)) {
            *y = sum * scale;
        }
        sound.copy_within(self.hop.., 0);
        let end = sound.len() - self.hop;
        sound[end..].fill(0.0);
        over
    }

    fn taper(&mut self) {
        for (x, w) in self.frame.iter_mut().zip(&self.window) {
            *x *= w;
        }
    }

    /// Turns of a frequency of one bin from one frame to the next.
    fn turns(&self) -> f64 {
        self.hop as f64 / self.size() as f64
    }

    /// Where each bin's sound goes, and with which frequency.
    fn analyse(&mut self, came: &mut [f64]) {
        self.moved.fill(Moved::default());
        self.make_ends_real();
        let turns = self.turns();
        for (k, (bin, came)) in self.bins.iter().zip(came).enumerate() {
            let (magnitude, phase) = (bin.norm(), bin.im.atan2(bin.re));
            let beyond = wrapped(phase - *came - turned(k, turns));
            *came = phase;
            let to = (k as f64 * self.ratio).round() as usize;
            if let Some(moved) = self.moved.get_mut(to) {
                moved.magnitude += magnitude;
                if magnitude > moved.loudest {
                    moved.loudest = magnitude;
                    moved.frequency = (k as f64 + beyond / (TAU * turns)) * self.ratio;
                }
            }
        }
    }

    /// The bins of the shifted sound, their phases going on from where they were.
    fn synthesise(&mut self, went: &mut [f64]) {
        let turns = self.turns();
        for (k, (bin, went)) in self.bins.iter_mut().zip(went).enumerate() {
            let moved = self.moved[k];
            let beyond = TAU * turns * (moved.frequency - k as f64);
            *went = wrapped(*went + beyond + turned(k, turns));
            *bin = Complex::from_polar(moved.magnitude, *went);
        }
        self.make_ends_real();
    }

    /// Real numbers have real bins at both ends (the upper one where their number is even): what is there of an
    /// imaginary part, a zero with a sign, would make two phases of one.
    fn make_ends_real(&mut self) {
        let size = self.size();
        self.bins[0].im = 0.0;
        if size.is_multiple_of(2) {
            self.bins[size / 2].im = 0.0;
        }
    }
}

/// The phase that bin `k` gains from one frame to the next, without whole turns.
fn turned(k: usize, turns: f64) -> f64 {
    let turn = k as f64 * turns;
    TAU * (turn - turn.round())
}

/// The same angle from -pi to pi.
fn wrapped(angle: f64) -> f64 {
    match angle.abs() <= PI {
        true => angle,
        false => angle - TAU * (angle / TAU).round(),
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(semitones: f64, size: i64) -> [(&'static str, Value); 2] {
        [("semitones", semitones.into()), ("size", size.into())]
    }

    #[test]
    fn no_shift_gives_the_sound_itself_a_little_later() {
        let x: Vec<f64> = (0..1000)
            .map(|n| f64::from(n * 7919 % 211) - 100.0)
            .collect();
        let found: Vec<f64> = output("pitch_shift", &[given("f64", &x)], &params(0.0, 64), None);
        assert_eq!(found.len(), x.len());
        assert!(
            found[..48].iter().all(|y| y.abs() < 1e-9),
            "{:?}",
            &found[..48]
        );
        for (y, x) in found[48..].iter().zip(&x) {
            assert!((y - x).abs() < 1e-9, "{y} {x}");
        }
    }

    #[test]
    fn a_tone_is_an_octave_higher_and_not_much_quieter() {
        let rate = 8000.0;
        let x: Vec<f64> = (0..8192)
            .map(|n| (TAU * 440.0 * f64::from(n) / rate).sin())
            .collect();
        let found: Vec<f64> = output("pitch_shift", &[given("f64", &x)], &params(12.0, 512), None);
        let magnitude = |freq: f64| {
            let settled = found[2000..6000].iter().enumerate();
            let sum: Complex<f64> = settled
                .map(|(n, y)| Complex::from_polar(*y, -TAU * freq * n as f64 / rate))
                .sum();
            sum.norm() / 2000.0
        };
        assert!(
            (0.6..1.0).contains(&magnitude(880.0)),
            "{}",
            magnitude(880.0)
        );
        assert!(magnitude(440.0) < 0.01, "{}", magnitude(440.0));
    }

    #[test]
    fn lengths_and_shifts_out_of_range_are_refused() {
        let cases = [
            ("semitones", Value::Int(37), "semitones"),
            ("size", Value::Int(8), "size"),
            ("size", Value::Int(70_000), "size"),
            ("hop", Value::Int(513), "hop"),
        ];
        for (name, value, param) in cases {
            let semitones = ("semitones", Value::Int(1));
            let params = match name {
                "semitones" => vec![(name, value)],
                _ => vec![semitones, (name, value)],
            };
            let sound = given::<f64>("f64", &[]);
            let refused = build("pitch_shift", &[sound], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
    }
}
