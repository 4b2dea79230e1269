//! `echo`: a sound that comes back, weaker each time.

use super::effect::{Effect, Line, Sound, blueprint, faded};
use crate::agent::{Blueprint, Table};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

/// The row of the table.
pub const ECHO: OpDef = OpDef {
    name: "echo",
    summary: "a sound and its echoes, weaker each time",
    doc: "Gives dry * x[n] + wet * (x[n - delay] + feedback * x[n - 2 delay] + feedback^2 * x[n - 3 delay] + ..): a feedback comb filter, \
`scipy.signal.lfilter` with the transfer function dry + wet z^-delay / (1 - feedback z^-delay). One item out for each item in, so the echoes \
of the end are cut off: `concat` some silence to hear them. Channels have echoes of their own. Computed in f64; f32 gives f32, others f64. \
A loop through `delay` makes echoes that anything may happen to on their way.",
    inputs: Arity::One,
    outputs: "one stream of f64 (f32 for f32) of the input's shape",
    params: &[
        ParamDef {
            name: "delay",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "From a sound to its echo; times channels at most 4194304.",
        },
        ParamDef {
            name: "feedback",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "How loud an echo is beside the one before it: above -1 and below 1; 0 is one echo.",
        },
        ParamDef {
            name: "wet",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "How loud the first echo is.",
        },
        ParamDef {
            name: "dry",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "How loud the sound itself is.",
        },
    ],
    example: "sine freq=440 rate=48000 items=48000 ! echo delay=\"250 ms\" feedback=0.4 ! null",
    deterministic: true,
    build,
};

/// Numbers of state at most: 32 MiB.
const NUMBERS_MAX: u64 = 1 << 22;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let sound = Sound::of(args)?;
    let delay = args.required_length("delay", 1)?;
    let numbers = delay.saturating_mul(sound.width as u64);
    if numbers > NUMBERS_MAX {
        let words = format!(
            "`delay` is {delay} items of {} numbers, and {NUMBERS_MAX} numbers can be kept",
            sound.width
        );
        return Err(OpError::param("delay", words));
    }
    let [feedback, wet, dry] = ["feedback", "wet", "dry"].map(|p| args.float(p).unwrap_or(0.0));
    if feedback.abs() >= 1.0 {
        let words = format!("`feedback` is {feedback}, and echoes that do not fade never end");
        return Err(OpError::param("feedback", words).with_help("give one between -1 and 1"));
    }
    let line = Line {
        start: 0,
        len: numbers as usize,
    };
    let echo = Echo {
        width: sound.width,
        line,
        feedback,
        wet,
        dry,
        heard: Vec::new(),
    };
    Ok(blueprint(args, sound, echo, line.len))
}

struct Echo {
    width: usize,
    /// What was heard, the sound and what came back of it.
    line: Line,
    feedback: f64,
    wet: f64,
    dry: f64,
    heard: Vec<f64>,
}

impl Effect for Echo {
    fn stretch(&self) -> usize {
        (self.line.len / self.width).min(512)
    }

    fn run(&mut self, first: u64, numbers: &mut [f64], state: &mut Table<'_, f64>) {
        let at = first * self.width as u64;
        let (feedback, wet, dry) = (self.feedback, self.wet, self.dry);
        self.heard.resize(numbers.len(), 0.0);
        self.line.read(at, state, &mut self.heard);
        for (x, heard) in numbers.iter_mut().zip(&mut self.heard) {
            let echo = *heard;
            *heard = faded(*x + feedback * echo);
            *x = dry * *x + wet * echo;
        }
        self.line.write(at, state, &self.heard);
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(delay: i64, feedback: f64) -> [(&'static str, Value); 4] {
        [
            ("delay", delay.into()),
            ("feedback", feedback.into()),
            ("wet", Value::Float(0.5)),
            ("dry", Value::Float(2.0)),
        ]
    }

    #[test]
    fn a_click_comes_back_weaker_each_time() {
        let mut x = [0.0; 10];
        x[0] = 1.0;
        let found: Vec<f64> = output("echo", &[given("f64", &x)], &params(3, 0.25), None);
        let expected = [2.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.125, 0.0, 0.0, 0.03125];
        assert_eq!(found, expected);
    }

    #[test]
    fn channels_have_echoes_of_their_own() {
        let x = [1i16, 0, 0, 4, 0, 0];
        let found: Vec<[f64; 2]> = output("echo", &[given("i16[2]", &x)], &params(1, 0.0), None);
        assert_eq!(found, [[2.0, 0.0], [0.5, 8.0], [0.0, 2.0]]);
    }

    #[test]
    fn echoes_that_never_end_or_come_too_late_are_refused() {
        let x = || [given::<f32>("f32[2]", &[])];
        let refused = build("echo", &x(), &params(5, 1.0), None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("feedback"));
        let refused = build("echo", &x(), &params((1 << 21) + 1, 0.5), None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("delay"));
        assert!(build("echo", &[given::<u64>("cf32", &[])], &params(5, 0.5), None).is_err());
    }
}
