//! `reverb`: the sound of a room.

use super::effect::{Effect, Line, Sound, blueprint, faded};
use crate::agent::{Blueprint, Table};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;

/// The row of the table.
pub const REVERB: OpDef = OpDef {
    name: "reverb",
    summary: "the sound of a room: Freeverb",
    doc: "Adds the reverberation of a room: eight feedback combs with damping side by side, then four allpasses in a row, for each ear. Takes one \
channel and gives one, or two (left, right) and gives two. One item out for each item in, so the end's reverberation is cut off: `concat` \
some silence to hear it. Delays are Freeverb's, which are in items of 44100 Hz, times rate / 44100, rounded. Computed in f64; f32 gives f32, \
others f64. Source: Schroeder's reverberator as in Freeverb by Jezar at Dreampoint (2000, public domain); a single channel is \
its left ear when both ears are given the same.",
    inputs: Arity::One,
    outputs: "one stream of f64 (f32 for f32) of the input's shape",
    params: &[
        ParamDef {
            name: "room",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "How large the room is, 0 to 1: combs are fed back with 0.7 + 0.28 * room.",
        },
        ParamDef {
            name: "damp",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "How much its walls swallow of the treble, 0 to 1.",
        },
        ParamDef {
            name: "width",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "How far apart the ears are, 0 (they hear the same) to 1.",
        },
        ParamDef {
            name: "wet",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "How loud the reverberation is; 1 is Freeverb's own default (a slider of 1/3).",
        },
        ParamDef {
            name: "dry",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "How loud the sound itself is.",
        },
        iir::RATE,
    ],
    example: "wav.read path=examples/data/pluck.wav ! reverb room=0.8 ! null",
    deterministic: true,
    build,
};

/// Lengths at 44100 Hz of the left ear's combs.
const COMBS: [u32; 8] = [1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617];
/// Lengths at 44100 Hz of the left ear's allpasses.
const ALLPASSES: [u32; 4] = [556, 441, 341, 225];
/// How much longer the right ear's are.
const SPREAD: u32 = 23;
/// What goes into a comb, of the sum of both channels.
const GAIN: f64 = 0.015;
/// The allpasses' coefficient.
const DIFFUSION: f64 = 0.5;
/// A rate at which lines are as long as state is meant to be: 10 times that of studios.
const RATE_MAX: f64 = 1_920_000.0;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let sound = Sound::of(args)?;
    if sound.width > 2 {
        return Err(
            OpError::input_type("reverb", args.input(), "one channel or two")
                .or_help("`pick` takes the channels that are wanted"),
        );
    }
    let rate = iir::rate(args)?;
    if rate > RATE_MAX {
        let words = format!("the rate is {rate} Hz, and {RATE_MAX} is the most a room is made for");
        return Err(OpError::param("rate", words));
    }
    let [room, damp, width] = ["room", "damp", "width"].map(|name| unit(args, name));
    let (room, damp, width) = (room?, damp?, width?);
    let [wet, dry] = ["wet", "dry"].map(|name| args.float(name).unwrap_or(1.0));
    let mut ears = Vec::new();
    let mut end = 0;
    for ear in 0..sound.width as u32 {
        ears.push(Ear::new(ear * SPREAD, rate, &mut end));
    }
    let reverb = Reverb {
        ears,
        feedback: 0.7 + 0.28 * room,
        damp: 0.4 * damp,
        own: wet * (0.5 + width / 2.0),
        other: wet * (0.5 - width / 2.0),
        dry,
    };
    Ok(blueprint(args, sound, reverb, end))
}

/// A parameter from 0 to 1.
fn unit(args: &Args, name: &str) -> Result<f64, OpError> {
    match args.float(name) {
        Some(x) if (0.0..=1.0).contains(&x) => Ok(x),
        x => Err(OpError::param(
            name,
            format!("`{name}` is {}, and must be from 0 to 1", x.unwrap_or(0.0)),
        )),
    }
}

struct Reverb {
    ears: Vec<Ear>,
    feedback: f64,
    damp: f64,
    own: f64,
    other: f64,
    dry: f64,
}

/// The lines of one ear.
struct Ear {
    /// What the combs' dampers hold, one number each.
    dampers: usize,
    combs: [Line; 8],
    allpasses: [Line; 4],
}

impl Ear {
    /// Takes its places in the state from `end` on.
    fn new(spread: u32, rate: f64, end: &mut usize) -> Ear {
        let dampers = *end;
        *end += COMBS.len();
        let mut line = |len: u32| {
            let len = f64::from(len + spread) * rate / 44_100.0;
            let len = (len.round() as usize).max(1);
            let start = *end;
            *end += len;
            Line { start, len }
        };
        Ear {
            dampers,
            combs: COMBS.map(&mut line),
            allpasses: ALLPASSES.map(&mut line),
        }
    }

    fn shortest(&self) -> usize {
        let lines = self.combs.iter().chain(&self.allpasses);
        lines.map(|line| line.len).min().unwrap_or(1)
    }
}

/// Items at once: the numbers of all lines stay in the nearest cache.
const STRETCH: usize = 64;

impl Effect for Reverb {
    fn stretch(&self) -> usize {
        let shortest = self.ears.iter().map(Ear::shortest).min();
        shortest.unwrap_or(1).min(STRETCH)
    }

    fn run(&mut self, first: u64, numbers: &mut [f64], state: &mut Table<'_, f64>) {
        let channels = self.ears.len();
        let count = numbers.len() / channels;
        let mut sound = [0.0; STRETCH];
        for (x, item) in sound.iter_mut().zip(numbers.chunks_exact(channels)) {
            *x = GAIN * (item[0] + item[channels - 1]);
        }
        let mut heard = [[0.0; STRETCH]; 2];
        for (ear, heard) in self.ears.iter().zip(&mut heard) {
            let (sound, heard) = (&sound[..count], &mut heard[..count]);
            self.comb(ear, first, sound, heard, state);
            for line in ear.allpasses {
                diffuse(line, first, heard, state);
            }
        }
        for (i, item) in numbers.chunks_exact_mut(channels).enumerate() {
            for (c, x) in item.iter_mut().enumerate() {
                let wet = match channels {
                    // Both ears hear the same.
                    1 => (self.own + self.other) * heard[0][i],
                    _ => self.own * heard[c][i] + self.other * heard[1 - c][i],
                };
                *x = self.dry * *x + wet;
            }
        }
    }
}

impl Reverb {
    /// What comes out of all combs of an ear together. They go side by side, a lane for each.
    fn comb(
        &self,
        ear: &Ear,
        first: u64,
        sound: &[f64],
        heard: &mut [f64],
        state: &mut Table<'_, f64>,
    ) {
        let mut lines = [[0.0; STRETCH]; 8];
        for (line, numbers) in ear.combs.iter().zip(&mut lines) {
            line.read(first, state, &mut numbers[..sound.len()]);
        }
        let dampers = ear.dampers..ear.dampers + 8;
        let mut held: [f64; 8] = std::array::from_fn(|k| state[ear.dampers + k]);
        let (damp, feedback) = (self.damp, self.feedback);
        for (i, (x, y)) in sound.iter().zip(heard).enumerate() {
            let out: [f64; 8] = std::array::from_fn(|k| lines[k][i]);
            for k in 0..8 {
                held[k] = faded(out[k] * (1.0 - damp) + held[k] * damp);
                lines[k][i] = faded(x + held[k] * feedback);
            }
            *y = out.iter().sum();
        }
        state.range_mut(dampers).copy_from_slice(&held);
        for (line, numbers) in ear.combs.iter().zip(&lines) {
            line.write(first, state, &numbers[..sound.len()]);
        }
    }
}

/// One allpass, in place.
fn diffuse(line: Line, first: u64, heard: &mut [f64], state: &mut Table<'_, f64>) {
    let mut held = [0.0; STRETCH];
    let held = &mut held[..heard.len()];
    line.read(first, state, held);
    for (x, held) in heard.iter_mut().zip(held.iter_mut()) {
        let out = *held - *x;
        *held = faded(*x + *held * DIFFUSION);
        *x = out;
    }
    line.write(first, state, held);
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_click_is_heard_again_after_the_shortest_comb_and_fades() {
        let mut x = vec![0.0; 88_200];
        x[0] = 1.0;
        let sound = given("f64", &x).rate(44_100.0);
        let found: Vec<f64> = output("reverb", &[sound], &[], None);
        assert_eq!(found.len(), x.len());
        assert_eq!(found[0], 1.0);
        assert!(found[1..1116].iter().all(|x| *x == 0.0));
        // Four allpasses turn it round four times.
        assert_eq!(found[1116], 0.03);
        let power = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        let (early, late) = (power(&found[2000..22_000]), power(&found[66_000..86_000]));
        assert!(late < early / 1000.0 && late > 0.0, "{early} {late}");
    }

    #[test]
    fn ears_without_width_hear_the_same() {
        let x: Vec<f32> = (0..9000).map(|n| (n as f32 * 0.3).sin()).collect();
        let sound = given("f32[2]", &x).rate(8000.0);
        let params = [("width", Value::Int(0)), ("dry", Value::Int(0))];
        let found: Vec<[f32; 2]> = output("reverb", &[sound], &params, None);
        assert!(found.iter().all(|ears| ears[0] == ears[1]));
        assert!(found.iter().any(|ears| ears[0].abs() > 0.01));
    }

    #[test]
    fn rooms_that_cannot_be_are_refused() {
        let cases = [
            ("f64", "room", Value::Float(1.5), "room"),
            ("f64", "damp", Value::Float(-0.1), "damp"),
            ("f64", "rate", Value::Float(1e9), "rate"),
            ("f64[3]", "room", Value::Float(0.5), "in"),
        ];
        for (input, name, value, param) in cases {
            let sound = given::<f64>(input, &[]).rate(48_000.0);
            let refused = build("reverb", &[sound], &[(name, value)], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
    }
}
