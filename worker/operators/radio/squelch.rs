//! `squelch`: lets a signal through while its power is above a threshold.

use std::f64::consts::PI;
use std::marker::PhantomData;

use bytemuck::{Pod, Zeroable};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::{Sample, with_sample};

/// The row of the table.
pub const SQUELCH: OpDef = OpDef {
    name: "squelch",
    summary: "silence, or nothing, while the power is below a threshold",
    doc: "The power is that of the items, smoothed: p = alpha |x|^2 + (1 - alpha) p, from 0 on. While it is below `threshold` the items become 0, \
or with `gate` are left out. With `ramp` the signal fades in and out by a raised cosine of that many items. \
GNU Radio's `pwr_squelch_cc` for complex numbers, `pwr_squelch_ff` for real ones. An item that is not finite leaves the power as it was.",
    inputs: Arity::One,
    outputs: "one stream of the input's type; with `gate` of no known rate",
    params: &[
        ParamDef {
            name: "threshold",
            kind: ParamKind::Dial,
            default: None,
            unit: "dB",
            doc: "The power from which on the signal is heard, 10 log10 |x|^2.",
        },
        ParamDef {
            name: "alpha",
            kind: ParamKind::Float,
            default: Some("0.0001"),
            unit: "",
            doc: "How much of the smoothed power each item makes: above 0, at most 1.",
        },
        ParamDef {
            name: "ramp",
            kind: ParamKind::Length,
            default: Some("0"),
            unit: "items",
            doc: "How long the signal fades in and out, at most 1000000 items.",
        },
        ParamDef {
            name: "gate",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether items below the threshold are left out instead of silenced.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! squelch threshold=-20 alpha=0.01 ramp=\"1 ms\" ! null",
    deterministic: true,
    build,
};

const RAMP_MAX: u64 = 1_000_000;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let alpha = number("alpha");
    if !(alpha > 0.0 && alpha <= 1.0) {
        let message = format!("`alpha` is {alpha}, and must be above 0 and at most 1");
        return Err(OpError::param("alpha", message));
    }
    let ramp = args.required_length("ramp", 0)?;
    if ramp > RAMP_MAX {
        let message = format!("`ramp` is {ramp} items, and must be at most {RAMP_MAX}");
        return Err(OpError::param("ramp", message));
    }
    let gate = Gate {
        threshold: 0.0,
        alpha,
        is_gate: args.flag("gate"),
        envelope: (0..=ramp).map(|k| fade(k, ramp)).collect(),
    };
    let rate = args.input().rate.filter(|_| !gate.is_gate);
    with_sample!(args, X => {
        let agent = Squelch::<X> { gate, _items: PhantomData };
        Blueprint::new(agent)
            .input(InPort::new(args.input().item_type.clone()))
            .output(OutPort::new(args.input().item_type.clone(), rate).keeps_unit())
            .state(StateSpec::of(Listening { power: 0.0, phase: MUTED, ramped: 0 }))
            .dial("threshold", number("threshold"), f64::MIN..=f64::MAX)
    })
}

/// How loud the signal is `k` items into a ramp.
fn fade(k: u64, ramp: u64) -> f64 {
    match k == ramp {
        true => 1.0,
        false => 0.5 - (PI * k as f64 / ramp as f64).cos() / 2.0,
    }
}

/// What the squelch knows of the signal.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Listening {
    power: f64,
    phase: u64,
    /// How far a ramp has come, up or down.
    ramped: u64,
}

const MUTED: u64 = 0;
const RISING: u64 = 1;
const OPEN: u64 = 2;
const FALLING: u64 = 3;

/// The parameters.
struct Gate {
    /// The power, not in dB: of the dial, set in each call.
    threshold: f64,
    alpha: f64,
    is_gate: bool,
    /// The loudness after 0, 1, .. items of a ramp; of no ramp, 1.
    envelope: Vec<f64>,
}

impl Gate {
    /// Hears one item's power; gives how loud the item is, `None` for muted.
    #[inline(always)]
    fn hear(&self, state: &mut Listening, power: f64) -> Option<f64> {
        if power.is_finite() {
            state.power = self.alpha * power + (1.0 - self.alpha) * state.power;
        }
        let is_quiet = state.power < self.threshold;
        let ramp = self.envelope.len() as u64 - 1;
        match state.phase {
            MUTED if !is_quiet => state.phase = if ramp > 0 { RISING } else { OPEN },
            OPEN if is_quiet => state.phase = if ramp > 0 { FALLING } else { MUTED },
            RISING => {
                state.ramped += 1;
                if state.ramped >= ramp {
                    state.phase = OPEN;
                }
            }
            FALLING => {
                state.ramped -= 1;
                if state.ramped == 0 {
                    state.phase = MUTED;
                }
            }
            _ => {}
        }
        (state.phase != MUTED).then(|| self.envelope[state.ramped as usize])
    }
}

struct Squelch<X> {
    gate: Gate,
    _items: PhantomData<X>,
}

impl<X: Sample> Agent for Squelch<X> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (items, room) = (&input.items::<X>()[..n], output.room::<X>());
        let state = io.state.get::<Listening>();
        self.gate.threshold = 10.0_f64.powf(io.dials[0] / 10.0);
        let mut given = 0;
        for &x in items {
            let heard = self.gate.hear(state, x.power());
            room[given] = heard.map_or(X::zeroed(), |loudness| x.scaled(loudness));
            given += usize::from(heard.is_some() || !self.gate.is_gate);
        }
        input.consume(n);
        output.produce(given);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    const QUICK: [(&str, Value); 2] = [("threshold", Value::Int(0)), ("alpha", Value::Int(1))];

    #[test]
    fn what_is_below_the_threshold_is_silenced_or_left_out() {
        let x = || [given("f64", &[0.5, 1.0, -2.0, 0.9, 3.0]).rate(10.0)];
        let y: Vec<f64> = output("squelch", &x(), &QUICK, None);
        assert_eq!(y, [0.0, 1.0, -2.0, 0.0, 3.0]);
        let gate = [&QUICK[..], &[("gate", true.into())]].concat();
        let y: Vec<f64> = output("squelch", &x(), &gate, None);
        assert_eq!(y, [1.0, -2.0, 3.0]);
        assert_eq!(
            build("squelch", &x(), &gate, None).unwrap().outputs[0].rate,
            None
        );
        assert_eq!(
            build("squelch", &x(), &QUICK, None).unwrap().outputs[0].rate,
            Some(10.0)
        );
    }

    #[test]
    fn a_ramp_fades_in_and_out() {
        let mut x = vec![1.0; 8];
        x.extend([0.5; 6]);
        let ramp = [&QUICK[..], &[("ramp", 4.into())]].concat();
        let y: Vec<f64> = output("squelch", &[given("f64", &x)], &ramp, None);
        let fade = [0.0, 1.0, 2.0, 3.0, 4.0]
            .map(|k: f64| 0.5 - (std::f64::consts::FRAC_PI_4 * k).cos() / 2.0);
        let up = [fade[0], fade[1], fade[2], fade[3], fade[4], 1.0, 1.0, 1.0];
        let down = [1.0, fade[3], fade[2], fade[1], 0.0, 0.0].map(|y| y / 2.0);
        for (n, (y, expected)) in y.iter().zip(up.into_iter().chain(down)).enumerate() {
            assert!((y - expected).abs() < 1e-15, "{n}: {y} {expected}");
        }
    }

    #[test]
    fn what_is_not_finite_is_not_heard() {
        let x = [2.0f32, f32::NAN, 2.0];
        let params = [("threshold", Value::from(0)), ("alpha", Value::from(0.9))];
        let y: Vec<f32> = output("squelch", &[given("f32", &x)], &params, None);
        assert_eq!((y[0], y[2]), (2.0, 2.0));
        assert!(y[1].is_nan());
    }

    #[test]
    fn what_makes_no_squelch_is_refused() {
        let quiet = ("threshold", Value::from(-20));
        for (name, value, item_type, param) in [
            ("alpha", Value::from(0), "f32", "alpha"),
            ("alpha", Value::from(1.5), "f32", "alpha"),
            ("ramp", Value::from(2_000_000), "cf32", "ramp"),
            ("gate", Value::from(true), "i16", "in"),
        ] {
            let x = given::<u8>(item_type, &[]);
            let refused =
                build("squelch", &[x], &[quiet.clone(), (name, value)], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param));
        }
    }
}
