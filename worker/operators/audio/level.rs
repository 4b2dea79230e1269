//! `level`: how loud a sound is, a window at a time.

use super::effect::Sound;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::window::SIZE;
use crate::sliding::{Fold, Folder, Squares, Windows, folder};
use crate::types::Scalar;
use crate::units::Unit;
use crate::wide::{View, Wide};

/// The row of the table.
pub const LEVEL: OpDef = OpDef {
    name: "level",
    summary: "peak or RMS level of each window, in dBFS",
    doc: "The n-th window is the items `n * step .. n * step + size`; its level is out as soon as it is full. `rms` is 20 log10 of the root of the \
mean square, `peak` 20 log10 of the largest magnitude: 0 dBFS is full scale, 1 for floats and the type's largest magnitude for signed \
integers, and a full-scale sine has a peak of 0 and an RMS of -3.01 (no 3 dB are added as AES17 does). Silence is -200. Vector items give a level per element. \
`loudness` weighs as the ear does; `window fn=rms` gives plain numbers.",
    inputs: Arity::One,
    outputs: "one stream of f64 (f32 for f32) of the input's shape, of rate / step",
    params: &[
        SIZE,
        ParamDef {
            name: "step",
            kind: ParamKind::Length,
            default: Some(""),
            unit: "items",
            doc: "Items from one window's beginning to the next one's. Default: `size`.",
        },
        ParamDef {
            name: "fn",
            kind: ParamKind::Choice(&["rms", "peak"]),
            default: Some("rms"),
            unit: "",
            doc: "Which level.",
        },
    ],
    example: "wav.read path=examples/data/pluck.wav ! level size=\"100 ms\" fn=peak ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (input, sound) = (args.input(), Sound::of(args)?);
    let full_scale = match sound.takes {
        Scalar::F32 | Scalar::F64 => 1.0,
        Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 => {
            2f64.powi(8 * sound.takes.len_bytes() as i32 - 1)
        }
        _ => {
            let wanted = "floating-point numbers or signed integers";
            return Err(OpError::input_type("level", input, wanted).or_help(
                "`map` puts 0 in the middle: op = \"map\", expr = \"x / 128 - 1\", dtype = \"f32\"",
            ));
        }
    };
    let size = args.required_length("size", 1)?;
    let windows = Windows {
        size,
        step: args.length("step", 1)?.unwrap_or(size),
    };
    // A level is `10 log10(fold * scale)`, with the fold of squares or the squared largest.
    let is_peak = args.text("fn") == Some("peak");
    let agent = Level {
        windows,
        sound,
        folder: match is_peak {
            true => folder::<Loudest>(windows, sound.width),
            false => folder::<Squares>(windows, sound.width),
        },
        scale: match is_peak {
            true => full_scale.powi(-2),
            false => full_scale.powi(-2) / size as f64,
        },
        taken: Vec::new(),
        levels: Vec::new(),
    };
    let rate = input.rate.map(|rate| rate / windows.step as f64);
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(size as usize - 1))
        .output(
            OutPort::new(input.item_type.with_scalar(sound.gives), rate)
                .unit(Unit::Is("dB".to_owned())),
        ))
}

/// The largest square; a NaN is larger than everything.
struct Loudest;

impl Fold for Loudest {
    type Item = f64;
    type Part = f64;

    fn one(x: f64) -> f64 {
        x * x
    }

    fn add(part: f64, x: f64) -> f64 {
        Self::join(part, x * x)
    }

    fn whole(part: f64) -> f64 {
        part
    }

    fn join(before: f64, after: f64) -> f64 {
        if before > after || before.is_nan() {
            before
        } else {
            after
        }
    }
}

/// Where it is follows from the streams' positions; its fields are caches and scratch.
struct Level {
    windows: Windows,
    sound: Sound,
    folder: Box<dyn Folder<f64>>,
    scale: f64,
    taken: Vec<f64>,
    levels: Vec<f64>,
}

impl Agent for Level {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut view = View::new(input, self.sound.takes, &mut self.taken);
        let (from, done) = (input.position(), output.position());
        let most = done + output.space() as u64;
        let to = view.end().min(self.windows.end(most) - 1);
        let count = (self.windows.ended(to) - done) as usize;
        self.levels.resize(count * self.sound.width, 0.0);
        self.folder.run(&mut view, from, to, &mut self.levels);
        for level in &mut self.levels {
            *level = decibels(*level * self.scale);
        }
        let len_bytes = count * output.item_len();
        f64::store(
            &self.levels,
            self.sound.gives,
            &mut output.bytes()[..len_bytes],
        );
        input.consume((to - from) as usize);
        output.produce(count);
        Ok(Status::Ready)
    }
}

/// The level of silence, which has no logarithm.
pub(super) const SILENT: f64 = -200.0;

/// Of a power.
pub(super) fn decibels(power: f64) -> f64 {
    match power < 1e-20 {
        true => SILENT,
        false => 10.0 * power.log10(),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{Given, build, given, output};

    fn level(x: Given, what: &str, step: i64) -> Vec<f64> {
        let params = [
            ("size", Value::Int(4)),
            ("step", Value::Int(step)),
            ("fn", what.into()),
        ];
        output("level", &[x], &params, None)
    }

    #[test]
    fn full_scale_is_0_and_silence_200_below() {
        let x = || given("f64", &[1.0, -1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(level(x(), "rms", 4), [0.0, -200.0]);
        assert_eq!(level(x(), "peak", 4), [0.0, -200.0]);
        let x = given("i16", &[0i16, -32768, 0, 0, 0]);
        assert_eq!(level(x, "peak", 1), [0.0, 0.0]);
        let x = given("i16", &[16384i16, 0, 0, 0]);
        assert_eq!(level(x, "rms", 1), [10.0 * (1.0f64 / 16.0).log10()]);
    }

    #[test]
    fn channels_have_levels_of_their_own() {
        let x = [1.0f32, 0.1, 0.0, -0.1, 0.0, 0.1, 0.0, 0.1];
        let params = [("size", Value::Int(4))];
        let found: Vec<[f32; 2]> = output("level", &[given("f32[2]", &x)], &params, None);
        let expected = [10.0 * 0.25f64.log10(), -20.0];
        for (found, expected) in found[0].iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn a_nan_is_no_level_in_every_window_it_is_in() {
        let x = [f64::NAN, 1.0, 1.0, 1.0, 1.0];
        for what in ["rms", "peak"] {
            let found = level(given("f64", &x), what, 1);
            assert!(found[0].is_nan() && found[1] == 0.0, "{what} {found:?}");
        }
    }

    #[test]
    fn sounds_without_a_middle_are_refused() {
        let params = [("size", Value::Int(4))];
        for input in ["u8", "cf32"] {
            let refused = build("level", &[given::<u64>(input, &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("in"), "{input}");
        }
    }
}
