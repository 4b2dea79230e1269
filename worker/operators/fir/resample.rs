//! `resample`: another rate, by a polyphase filter.
//!
//! Output m is the sum of the inputs around it times the filter's taps that fall on them: the zeros that stand between the
//! inputs at the higher rate are never computed. The filter lies around its output, so the agent waits for
//! half a filter of inputs and needs no state: which inputs and which taps follows from positions.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::design::firwin::{Firwin, firwin};
use crate::design::taper::Taper;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::Scalar;

use super::kernel::{Level, Number};
use super::{Loaded, OUTPUTS};

/// The row of the table.
pub const RESAMPLE: OpDef = OpDef {
    name: "resample",
    summary: "another rate: up / down times as many items",
    doc: "`scipy.signal.resample_poly(x, up, down, window=(\"kaiser\", beta))`, item for item, or with `taps` of one's own (`window=taps`): filtered at the rate `up` times \
higher by a windowed sinc of 20 max(up, down) + 1 taps, of which one of `down` items is kept. Item m belongs to the time m down / up of the input and is not \
delayed; it comes when the input half a filter further on has come (about 10 max(1, down / up) items), items before the beginning and after the end count as 0. \
`n` items become `ceil(n up / down)`. `up` alone interpolates, `down` alone decimates; a common factor is taken out. \
f32, f64, cf32 and cf64 are filtered in their own type and keep it, integers become f64; vector items are filtered per element.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "up",
            kind: ParamKind::Int,
            default: Some("1"),
            unit: "",
            doc: "How many times the rate is raised, 1 to 100000.",
        },
        ParamDef {
            name: "down",
            kind: ParamKind::Int,
            default: Some("1"),
            unit: "",
            doc: "How many times it is then lowered, 1 to 100000.",
        },
        ParamDef {
            name: "beta",
            kind: ParamKind::Float,
            default: Some("5"),
            unit: "",
            doc: "The parameter of the window kaiser, 0 to 500.",
        },
        ParamDef {
            name: "taps",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "A filter at the raised rate instead, an odd number of taps of gain 1: they are multiplied by `up`.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! resample up=147 down=160 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements() else {
        return Err(OpError::input_type(
            "resample",
            input,
            "numbers or vectors of them",
        ));
    };
    let stride = if scalar.is_complex() {
        2 * width
    } else {
        width
    };
    let ratio = ratio(args)?;
    let taps = taps(args, ratio)?;
    let phases = Phases::new(ratio, &taps);
    let retain = phases.len;
    let at_least = phases.len;
    let (blueprint, gives) = match scalar {
        Scalar::F32 | Scalar::Cf32 => (
            Blueprint::new(Resample::<f32>::new(phases, scalar, stride)),
            scalar,
        ),
        Scalar::F64 | Scalar::Cf64 => (
            Blueprint::new(Resample::<f64>::new(phases, scalar, stride)),
            scalar,
        ),
        integer => (
            Blueprint::new(Resample::<f64>::new(phases, integer, stride)),
            Scalar::F64,
        ),
    };
    let rate = input
        .rate
        .map(|rate| rate * ratio.up as f64 / ratio.down as f64);
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()).retain(retain + at_least))
        .output(
            OutPort::new(input.item_type.with_scalar(gives), rate)
                .keeps_unit()
                .paced(ratio.up, ratio.down),
        ))
}

/// By how much the rate changes, in lowest terms.
#[derive(Clone, Copy)]
struct Ratio {
    up: u64,
    down: u64,
}

fn ratio(args: &Args) -> Result<Ratio, OpError> {
    let factor = |name: &str| -> Result<u64, OpError> {
        match args.required_count(name, 1)? {
            factor @ ..=100_000 => Ok(factor),
            factor => Err(OpError::param(
                name,
                format!("`{name}` is {factor}, and must be at most 100000"),
            )),
        }
    };
    let (up, down) = (factor("up")?, factor("down")?);
    let (mut a, mut b) = (up, down);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    Ok(Ratio {
        up: up / a,
        down: down / a,
    })
}

fn taps(args: &Args, ratio: Ratio) -> Result<Vec<f64>, OpError> {
    let scaled = |taps: Vec<f64>| taps.into_iter().map(|tap| tap * ratio.up as f64).collect();
    if let Some(taps) = args.floats("taps") {
        return match taps.len() % 2 {
            1 => Ok(scaled(taps)),
            _ => Err(OpError::param(
                "taps",
                format!(
                    "`taps` has {} numbers, and must have an odd number of them",
                    taps.len()
                ),
            )),
        };
    }
    let beta = args.float("beta").unwrap_or(5.0);
    if !(0.0..=500.0).contains(&beta) {
        let message = format!("`beta` is {beta}, and must be 0 to 500");
        return Err(OpError::param("beta", message));
    }
    let most = ratio.up.max(ratio.down);
    if most == 1 {
        return Ok(vec![1.0]);
    }
    let design = Firwin {
        numtaps: 20 * most as usize + 1,
        cutoff: &[1.0 / most as f64],
        pass_zero: true,
        window: Taper::Kaiser(beta),
        scale: true,
        rate: 2.0,
    };
    firwin(&design)
        .map(scaled)
        .map_err(|error| OpError::op(format!("`resample`: {error}")))
}

/// The filter cut into one for each place between two inputs.
struct Phases {
    ratio: Ratio,
    /// Taps on each side of the middle.
    half: u64,
    /// Inputs that an output reaches, at most.
    len: usize,
    /// `len` taps for each phase, the oldest input's first.
    taps: Vec<f64>,
}

impl Phases {
    fn new(ratio: Ratio, taps: &[f64]) -> Phases {
        let up = ratio.up as usize;
        let len = taps.len().div_ceil(up);
        let mut phases = vec![0.0; len * up];
        for (k, tap) in taps.iter().enumerate() {
            phases[(k % up) * len + (len - 1 - k / up)] = *tap;
        }
        Phases {
            ratio,
            half: taps.len() as u64 / 2,
            len,
            taps: phases,
        }
    }

    /// The newest input that output `m` reaches, and its phase.
    fn newest(&self, m: u64) -> (u64, usize) {
        let at = u128::from(m) * u128::from(self.ratio.down) + u128::from(self.half);
        let up = u128::from(self.ratio.up);
        ((at / up) as u64, (at % up) as usize)
    }

    /// How many outputs reach no further than the first `items` inputs.
    fn within(&self, items: u64) -> u64 {
        let at = u128::from(items) * u128::from(self.ratio.up);
        let reached = at.saturating_sub(u128::from(self.half));
        reached.div_ceil(u128::from(self.ratio.down)) as u64
    }

    /// How many outputs `items` inputs become.
    fn total(&self, items: u64) -> u64 {
        let at = u128::from(items) * u128::from(self.ratio.up);
        at.div_ceil(u128::from(self.ratio.down)) as u64
    }
}

struct Resample<E> {
    phases: Phases,
    /// The phases' taps, each once for each number of an item.
    taps: Vec<E>,
    takes: Scalar,
    stride: usize,
    level: Level,
    history: Vec<E>,
}

impl<E: Number + Loaded> Resample<E> {
    fn new(phases: Phases, takes: Scalar, stride: usize) -> Resample<E> {
        let taps = phases.taps.iter().map(|&tap| E::nearest(tap));
        Resample {
            taps: taps
                .flat_map(|tap| std::iter::repeat_n(tap, stride))
                .collect(),
            phases,
            takes,
            stride,
            level: Level::best(),
            history: Vec::new(),
        }
    }
}

impl<E: Number + Loaded> Agent for Resample<E> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (phases, stride) = (&self.phases, self.stride);
        let end = input.position() + input.len() as u64;
        let first = output.position();
        let is_ended = input.is_ended();
        let reached = match is_ended {
            true => phases.total(end),
            false => phases.within(end),
        };
        let count = reached.saturating_sub(first).min(output.space() as u64);
        if count > 0 {
            // Everything that is reached, zeros before the beginning and after the end.
            let oldest = phases.newest(first).0 as i64 + 1 - phases.len as i64;
            let newest = phases.newest(first + count - 1).0;
            let (bytes, past_bytes) = input.past_elements::<u8>();
            let item_len = input.item_len();
            let known_from = input.position() - (past_bytes / item_len) as u64;
            let at = |position: u64| (position - known_from) as usize * item_len;
            let from = oldest.max(0) as u64;
            let to = end.min(newest + 1);
            let mut known = std::mem::take(&mut self.history);
            E::load(self.takes, &bytes[at(from.min(to))..at(to)], &mut known);
            let before = (-oldest.min(0)) as usize * stride;
            let after = (newest + 1).saturating_sub(end) as usize * stride;
            known.splice(0..0, std::iter::repeat_n(E::zeroed(), before));
            known.resize(known.len() + after, E::zeroed());
            let room = &mut output.elements::<E>()[..count as usize * stride];
            for (m, item) in (first..).zip(room.chunks_exact_mut(stride)) {
                let (place, phase) = phases.newest(m);
                let start = (place as i64 + 1 - phases.len as i64 - oldest) as usize * stride;
                let reach = phases.len * stride;
                let taps = &self.taps[phase * reach..(phase + 1) * reach];
                E::dots(
                    self.level,
                    taps,
                    stride,
                    stride,
                    &known[start..start + reach],
                    item,
                );
            }
            self.history = known;
        }
        let next = phases.newest(first + count).0;
        let used = next.min(end).saturating_sub(input.position());
        let is_complete = first + count >= reached;
        let used = if is_ended && is_complete {
            input.len() as u64
        } else {
            used
        };
        input.consume(used as usize);
        output.produce(count as usize);
        match is_ended && !is_complete {
            true => Ok(Status::More),
            false => Ok(Status::Ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn ratio(up: i64, down: i64) -> Vec<(&'static str, Value)> {
        vec![("up", up.into()), ("down", down.into())]
    }

    #[test]
    fn a_tone_is_the_same_tone_at_the_other_rate() {
        let tone = |rate: f64, n: usize| (std::f64::consts::TAU * 5.0 * n as f64 / rate).sin();
        for (up, down) in [(3, 2), (2, 3), (7, 1), (1, 4), (147, 160)] {
            let x: Vec<f64> = (0..2000).map(|n| tone(1000.0, n)).collect();
            let x = given("f64", &x).rate(1000.0);
            let y: Vec<f64> = output("resample", &[x], &ratio(up, down), None);
            let rate = 1000.0 * up as f64 / down as f64;
            assert_eq!(y.len(), (2000 * up as usize).div_ceil(down as usize));
            let middle = y.iter().enumerate().skip(y.len() / 4).take(y.len() / 4);
            for (n, y) in middle {
                assert!((y - tone(rate, n)).abs() < 2e-3, "{up} {down} {n}: {y}");
            }
        }
    }

    #[test]
    fn equal_factors_change_nothing() {
        let x: Vec<f32> = (0..10).map(|n| n as f32).collect();
        let y: Vec<f32> = output("resample", &[given("f32", &x)], &ratio(6, 6), None);
        assert_eq!(y, x);
    }

    #[test]
    fn factors_and_taps_out_of_range_are_refused() {
        let cases = [
            (vec![("up", 0.into())], "up"),
            (vec![("down", 1_000_000.into())], "down"),
            (vec![("beta", (-1.0).into())], "beta"),
            (vec![("taps", vec![1.0, 1.0].into())], "taps"),
        ];
        for (params, expected) in cases {
            let error = build("resample", &[given::<f64>("f64", &[])], &params, None).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(expected));
        }
    }
}
