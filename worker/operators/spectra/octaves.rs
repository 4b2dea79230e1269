//! `octaves`: how loud each octave band is, or each part of an octave.

use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, StateSpec, Status};
use crate::design::Band;
use crate::design::iirfilter::butter;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;
use crate::operators::window::SIZE;
use crate::sliding::Windows;
use crate::types::{ItemType, Scalar};
use crate::units::Unit;
use crate::wide::{View, Wide};

use super::frames::{RATE, frames_of, single_numbers};

/// The row of the table.
pub const OCTAVES: OpDef = OpDef {
    name: "octaves",
    summary: "the level of each octave band, a window at a time",
    doc: "Filters into bands of an octave, or a part of one, and gives for each `size` items a vector with the root mean square of each band, from the lowest \
to the highest. Bands are those of IEC 61260-1, base ten: centres 1000 Hz * 10^(0.3 k / fraction) (half a step higher where `fraction` is even), \
edges 10^(0.15 / fraction) below and above: octaves at 31.6, 63.1, 126, 251, 501, 1000 .. Hz, nominally 31.5, 63, 125 .. Each band is \
`scipy.signal.sosfilt(scipy.signal.butter(order, [lower, upper], \"bandpass\", output=\"sos\", fs=rate), x)`, from rest, which swings in at first. \
Sums and filters are f64; f32 gives f32, other real numbers f64. A state that has faded below 1e-290 becomes 0.",
    inputs: Arity::One,
    outputs: "one stream of vectors with a level per band, of rate / size",
    params: &[
        SIZE,
        ParamDef {
            name: "fraction",
            kind: ParamKind::Int,
            default: Some("1"),
            unit: "",
            doc: "Bands in an octave: 1, 3 and so on to 24.",
        },
        ParamDef {
            name: "low",
            kind: ParamKind::Float,
            default: Some("31.5"),
            unit: "Hz",
            doc: "A frequency in the lowest band.",
        },
        ParamDef {
            name: "high",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "A frequency in the highest band. Default: 16000, or as high as the rate allows.",
        },
        ParamDef {
            name: "order",
            kind: ParamKind::Int,
            default: Some("3"),
            unit: "",
            doc: "Order of each band's Butterworth prototype, 1 to 4.",
        },
        ParamDef {
            name: "scale",
            kind: ParamKind::Choice(&["rms", "dB"]),
            default: Some("rms"),
            unit: "",
            doc: "`dB`: 20 log10 of the root mean square, -200 for silence.",
        },
        RATE,
    ],
    example: "noise rate=48000 items=48000 ! octaves size=\"100 ms\" fraction=3 scale=dB ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (input, scalar) = (args.input(), single_numbers(args)?);
    if scalar.is_complex() {
        return Err(OpError::input_type("octaves", input, "real numbers"));
    }
    let size = args.required_length("size", 1)?;
    let order = between(args, "order", 4)?;
    let bands = bands(args)?;
    let groups: Result<Vec<Group>, OpError> = bands
        .chunks(LANES)
        .map(|bands| Group::new(bands, order, iir::rate(args)?))
        .collect();
    let groups = groups?;
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let state = vec![0.0f64; groups.len() * group_len(order)];
    let is_decibels = args.text("scale") == Some("dB");
    let unit = match is_decibels {
        true => Unit::Is("dB".to_owned()),
        false => Unit::Of(0),
    };
    let agent = Octaves {
        size,
        order,
        bands: bands.len(),
        groups,
        is_decibels,
        takes: scalar,
        gives,
        taken: Vec::new(),
    };
    let rate = input.rate.map(|rate| rate / size as f64);
    let item_type = ItemType::Vector(gives, bands.len() as u32);
    Ok(Blueprint::new(agent)
        .input(frames_of(
            args,
            Windows {
                size: 1,
                step: size,
            },
        ))
        .output(OutPort::new(item_type, rate).unit(unit))
        .state(StateSpec::slice(&state)))
}

fn between(args: &Args, name: &str, most: u64) -> Result<usize, OpError> {
    match args.required_count(name, 1)? {
        n if n <= most => Ok(n as usize),
        n => Err(OpError::param(
            name,
            format!("`{name}` is {n}, and must be at most {most}"),
        )),
    }
}

/// Lower and upper edges of the bands, in Hz.
fn bands(args: &Args) -> Result<Vec<(f64, f64)>, OpError> {
    let nyquist = iir::rate(args)? / 2.0;
    let fraction = between(args, "fraction", 24)?;
    let per_decade = fraction as f64 / 0.3;
    let half = if fraction % 2 == 0 { 0.5 } else { 0.0 };
    let number_of = |freq: f64| ((freq / 1000.0).log10() * per_decade - half).round();
    let edge = |number: f64, side: f64| 1000.0 * 10f64.powf((number + half + side) / per_decade);
    let low = args.float("low").unwrap_or(31.5);
    if low < 1e-3 {
        let words = format!("`low` is {low} Hz, and must be at least 0.001");
        return Err(OpError::param("low", words));
    }
    let first = number_of(low);
    let last = match args.float("high") {
        Some(high) if high >= low => number_of(high),
        Some(high) => {
            let words = format!("`high` is {high} Hz, below `low`, which is {low}");
            return Err(OpError::param("high", words));
        }
        // The last band that ends below half the rate.
        None => number_of(16_000.0).min((number_of(nyquist) - 1.0).max(first)),
    };
    if edge(last, 0.5) >= nyquist {
        let words = format!(
            "the band of {:.5} Hz ends at {:.5} Hz, and the stream's band at {nyquist} Hz, half of its rate",
            edge(last, 0.0),
            edge(last, 0.5)
        );
        let at_fault = if last == first { "low" } else { "high" };
        return Err(OpError::param(at_fault, words));
    }
    let count = (last - first) as usize + 1;
    let numbers = (0..count).map(|k| first + k as f64);
    Ok(numbers.map(|n| (edge(n, -0.5), edge(n, 0.5))).collect())
}

/// Bands filtered side by side.
const LANES: usize = 8;

/// Numbers of one kind, a lane for each of some bands.
type Lanes = [f64; LANES];

/// Numbers of state of a group: two of each section, and the sum of squares of the window under way.
const fn group_len(order: usize) -> usize {
    (2 * order + 1) * LANES
}

/// Eight bands, the last of them maybe silent.
struct Group {
    sections: Vec<LaneSection>,
}

/// A second-order section for each lane.
#[derive(Clone, Copy)]
struct LaneSection {
    b: [Lanes; 3],
    a: [Lanes; 2],
}

impl Group {
    fn new(bands: &[(f64, f64)], order: usize, rate: f64) -> Result<Group, OpError> {
        let none = LaneSection {
            b: [[0.0; LANES]; 3],
            a: [[0.0; LANES]; 2],
        };
        let mut sections = vec![none; order];
        for (lane, &(low, high)) in bands.iter().enumerate() {
            let designed = butter(order, Band::Pass(low, high), rate).map_err(|error| {
                OpError::op(format!("the band from {low:.5} to {high:.5} Hz: {error}"))
                    .with_help("begin at a higher `low`, or take the rate down first")
            })?;
            for (section, designed) in sections.iter_mut().zip(designed) {
                (0..3).for_each(|k| section.b[k][lane] = designed.b[k]);
                (0..2).for_each(|k| section.a[k][lane] = designed.a[k]);
            }
        }
        Ok(Group { sections })
    }

    /// Filters numbers into all lanes and adds up their squares; `state` has [`group_len`] numbers.
    fn run(&self, numbers: &[f64], state: &mut [f64]) {
        match self.sections.len() {
            1 => listen::<1>(&self.sections, numbers, state),
            2 => listen::<2>(&self.sections, numbers, state),
            3 => listen::<3>(&self.sections, numbers, state),
            _ => listen::<4>(&self.sections, numbers, state),
        }
    }
}

fn listen<const N: usize>(sections: &[LaneSection], numbers: &[f64], state: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for: just asked.
        unsafe { listen_fma::<N>(sections, numbers, state) };
        return;
    }
    listen_by::<N>(sections, numbers, state, |a, b, c| a * b + c);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn listen_fma<const N: usize>(sections: &[LaneSection], numbers: &[f64], state: &mut [f64]) {
    listen_by::<N>(sections, numbers, state, |a, b, c| a.mul_add(b, c));
}

#[inline(always)]
fn listen_by<const N: usize>(
    sections: &[LaneSection],
    numbers: &[f64],
    state: &mut [f64],
    mul_add: impl Fn(f64, f64, f64) -> f64 + Copy,
) {
    let sections: &[LaneSection; N] = sections.try_into().expect("as many as the order");
    let (lanes, _) = state.as_chunks_mut::<LANES>();
    let (held, sum) = lanes.split_at_mut(2 * N);
    let mut firsts: [Lanes; N] = std::array::from_fn(|s| held[2 * s]);
    let mut seconds: [Lanes; N] = std::array::from_fn(|s| held[2 * s + 1]);
    let mut sums = sum[0];
    for &x in numbers {
        let mut x = [x; LANES];
        for (s, LaneSection { b, a }) in sections.iter().enumerate() {
            for k in 0..LANES {
                let y = mul_add(b[0][k], x[k], firsts[s][k]);
                firsts[s][k] = mul_add(-a[0][k], y, mul_add(b[1][k], x[k], seconds[s][k]));
                seconds[s][k] = mul_add(-a[1][k], y, b[2][k] * x[k]);
                x[k] = y;
            }
        }
        for k in 0..LANES {
            sums[k] = mul_add(x[k], x[k], sums[k]);
        }
    }
    for s in 0..N {
        (held[2 * s], held[2 * s + 1]) = (firsts[s], seconds[s]);
    }
    sum[0] = sums;
}

/// State: [`group_len`] numbers for each group of bands.
struct Octaves {
    size: u64,
    order: usize,
    bands: usize,
    groups: Vec<Group>,
    is_decibels: bool,
    takes: Scalar,
    gives: Scalar,
    taken: Vec<f64>,
}

impl Agent for Octaves {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<f64>();
        let (from, mut at) = (input.position(), input.position());
        let mut view = View::new(input, self.takes, &mut self.taken);
        // The end of the first window there is no room for.
        let most = (output.position() + output.space() as u64 + 1).saturating_mul(self.size);
        let to = view.end().min(most - 1);
        while at < to {
            let end = (at / self.size + 1) * self.size;
            let numbers = view.range(at, to.min(end));
            for (group, state) in self
                .groups
                .iter()
                .zip(state.chunks_mut(group_len(self.order)))
            {
                group.run(numbers, state);
            }
            at = to.min(end);
            if at == end {
                let means = end_window(state, self.order, self.size);
                let levels: Vec<f64> = means.map(|mean| level(mean, self.is_decibels)).collect();
                let room = &mut output.bytes()[..self.bands * self.gives.len_bytes()];
                f64::store(&levels[..self.bands], self.gives, room);
                output.produce(1);
            }
        }
        input.consume((to - from) as usize);
        Ok(Status::Ready)
    }
}

/// The mean squares of all lanes in the window that ends here; the next one begins at 0. What has faded is 0 too.
fn end_window(state: &mut [f64], order: usize, size: u64) -> impl Iterator<Item = f64> {
    state.chunks_mut(group_len(order)).flat_map(move |state| {
        let (held, sums) = state.split_at_mut(2 * order * LANES);
        for x in held.iter_mut().filter(|x| x.abs() < 1e-290) {
            *x = 0.0;
        }
        let means: Lanes = std::array::from_fn(|k| sums[k] / size as f64);
        sums.fill(0.0);
        means
    })
}

fn level(mean_square: f64, is_decibels: bool) -> f64 {
    match is_decibels {
        false => mean_square.sqrt(),
        true if mean_square < 1e-20 => -200.0,
        true => 10.0 * mean_square.log10(),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_sine_is_in_its_own_band() {
        let sine = |n: u32| (f64::from(n) * std::f64::consts::TAU * 500.0 / 16_000.0).sin();
        let x: Vec<f64> = (0..16_000).map(sine).collect();
        let params = [("size", Value::Int(8000))];
        let sound = given("f64", &x).rate(16_000.0);
        let found: Vec<[f64; 8]> = output("octaves", &[sound], &params, None);
        assert_eq!(found.len(), 2);
        let levels = found[1];
        assert!((levels[4] - 0.5f64.sqrt()).abs() < 0.01, "{levels:?}");
        for (band, level) in levels.iter().enumerate().filter(|(band, _)| *band != 4) {
            assert!(*level < 0.1, "band {band}: {levels:?}");
        }
    }

    fn width(rate: f64, params: &[(&str, Value)]) -> usize {
        let sound = given::<f32>("f32", &[]).rate(rate);
        let params = [params, &[("size", Value::Int(100))]].concat();
        let blueprint = build("octaves", &[sound], &params, None).unwrap();
        blueprint.outputs[0].item_type.elements().unwrap().1
    }

    #[test]
    fn bands_go_from_low_to_high_or_as_high_as_the_rate_allows() {
        assert_eq!(width(48_000.0, &[]), 10);
        assert_eq!(width(8000.0, &[]), 7);
        let thirds = [("fraction", Value::Int(3))];
        assert_eq!(width(48_000.0, &thirds), 28);
        let range = [("low", Value::Int(20)), ("high", Value::Int(20_000))];
        assert_eq!(width(48_000.0, &[&range[..], &thirds].concat()), 31);
    }

    #[test]
    fn bands_that_cannot_be_are_refused() {
        let cases = [
            ("low", Value::Int(9000), "low"),
            ("low", Value::Int(0), "low"),
            ("high", Value::Int(8000), "high"),
            ("high", Value::Int(20), "high"),
            ("fraction", Value::Int(25), "fraction"),
            ("order", Value::Int(5), "order"),
        ];
        for (name, value, param) in cases {
            let sound = given::<f64>("f64", &[]).rate(16_000.0);
            let params = [(name, value), ("size", Value::Int(100))];
            let refused = build("octaves", &[sound], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
    }
}
