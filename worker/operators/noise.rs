//! `noise`: random items, each a function of the seed and its place in the stream.

use bytemuck::{Pod, Zeroable};
use num_complex::Complex;

use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{Element, ItemType, Scalar};

use super::numbers::{Number, dtype_scalar};
use super::positional::{self, ITEMS, RATE};

/// The row of the table.
pub const NOISE: OpDef = OpDef {
    name: "noise",
    summary: "noise from a seed: white (uniform or gaussian) or pink",
    doc: "`uniform` items lie between -amplitude and amplitude; `gaussian` ones have mean 0 and standard \
          deviation std. The same seed gives the same items. Real and imaginary parts of complex items \
          are independent, each with the given amplitude or std. Item n is SplitMix64's n-th output \
          (Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014; started \
          at the mixed seed), taken by its upper 53 bits; gaussian items are the normal quantile of it \
          (Wichura, AS 241 PPND16, Applied Statistics 37, 1988), so they reach 8.2 std at most. \
          Not for cryptography. `pink` is gaussian white noise through Paul Kellet's filter (musicdsp.org, 1999: six one-pole \
          sections side by side), whose power falls by 3 dB an octave within 0.05 dB from rate / 4800 up; std is what it comes to \
          when the filter, which starts from rest, has settled.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`: f64 (default), f32, cf64 or cf32",
    params: &[
        ParamDef {
            name: "seed",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "",
            doc: "Any whole number; another seed is another stream.",
        },
        ParamDef {
            name: "dist",
            kind: ParamKind::Choice(&["uniform", "gaussian"]),
            default: Some("gaussian"),
            unit: "",
            doc: "How the items are distributed.",
        },
        ParamDef {
            name: "color",
            kind: ParamKind::Choice(&["white", "pink"]),
            default: Some("white"),
            unit: "",
            doc: "Equal power at all frequencies, or in all octaves (gaussian only).",
        },
        ParamDef {
            name: "amplitude",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "",
            doc: "Uniform: the largest distance from 0, 1 by default.",
        },
        ParamDef {
            name: "std",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "",
            doc: "Gaussian: the standard deviation, 1 by default.",
        },
        ITEMS,
        RATE,
    ],
    example: "noise seed=7 std=0.1 items=1000 ! null",
    deterministic: true,
    build,
};

const TYPES: [Scalar; 4] = [Scalar::F64, Scalar::F32, Scalar::Cf64, Scalar::Cf32];

fn build(args: &Args) -> Result<Blueprint, OpError> {
    match dtype_scalar("noise", args.dtype(), Scalar::F64, &TYPES)? {
        Scalar::F32 => real::<f32>(args),
        Scalar::Cf32 => complex::<f32>(args),
        Scalar::Cf64 => complex::<f64>(args),
        _ => real::<f64>(args),
    }
}

fn real<T: Number>(args: &Args) -> Result<Blueprint, OpError> {
    let noise = Noise::from_args(args)?;
    if is_pink(args)? {
        return pink::<T>(args, noise, ItemType::Scalar(T::SCALAR), 1);
    }
    positional::blueprint(
        args,
        ItemType::Scalar(T::SCALAR),
        move |first, room: &mut [T]| {
            noise.fill(first, room, |slot, x| *slot = T::from_f64(x));
        },
    )
}

/// Complex items take two draws each: item n the draws 2n and 2n + 1.
fn complex<T: Number>(args: &Args) -> Result<Blueprint, OpError>
where
    Complex<T>: Element,
{
    let noise = Noise::from_args(args)?;
    let item_type = ItemType::Scalar(<Complex<T> as Element>::SCALAR);
    if is_pink(args)? {
        return pink::<T>(args, noise, item_type, 2);
    }
    positional::blueprint(args, item_type, move |first, room: &mut [Complex<T>]| {
        let parts: &mut [T] = bytemuck::cast_slice_mut(room);
        noise.fill(first.wrapping_mul(2), parts, |slot, x| {
            *slot = T::from_f64(x)
        });
    })
}

fn is_pink(args: &Args) -> Result<bool, OpError> {
    let is_pink = args.text("color") == Some("pink");
    if is_pink && args.text("dist") == Some("uniform") {
        let message = "`dist` is uniform, and pink noise is a sum of many draws: gaussian";
        return Err(OpError::param("dist", message));
    }
    Ok(is_pink)
}

fn pink<T: Number>(
    args: &Args,
    noise: Noise,
    item_type: ItemType,
    parts: usize,
) -> Result<Blueprint, OpError> {
    let rate = positional::rate(args)?;
    let agent = Pink {
        noise: Noise {
            scale: noise.scale / Kellet::std(),
            ..noise
        },
        items: positional::items(args, rate)?.unwrap_or(u64::MAX),
        parts,
        white: Vec::new(),
        _item: std::marker::PhantomData::<T>,
    };
    Ok(Blueprint::new(agent)
        .output(OutPort::new(item_type, rate))
        .state(StateSpec::of([Kellet::zeroed(); 2])))
}

/// Pink noise: white noise filtered.
struct Pink<T> {
    noise: Noise,
    items: u64,
    /// Numbers per item: 2 for complex ones.
    parts: usize,
    white: Vec<f64>,
    _item: std::marker::PhantomData<T>,
}

impl<T: Number> Agent for Pink<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let filters = io.state.get::<[Kellet; 2]>();
        let position = output.position();
        let left = self.items - position;
        let n = left.min(output.space() as u64) as usize;
        self.white.resize(n * self.parts, 0.0);
        let first = position.wrapping_mul(self.parts as u64);
        self.noise.fill(first, &mut self.white, |slot, x| *slot = x);
        let room = &mut output.elements::<T>()[..n * self.parts];
        for (part, filter) in filters.iter_mut().enumerate().take(self.parts) {
            let white = self.white.iter().skip(part).step_by(self.parts);
            for (slot, &x) in room.iter_mut().skip(part).step_by(self.parts).zip(white) {
                *slot = T::from_f64(filter.step(x));
            }
        }
        output.produce(n);
        match n as u64 == left {
            true => Ok(Status::Done),
            false => Ok(Status::Ready),
        }
    }
}

/// Paul Kellet's filter: six poles side by side, the item itself and the one before it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Kellet {
    poles: [f64; 6],
    before: f64,
}

impl Kellet {
    const POLES: [f64; 6] = [0.99886, 0.99332, 0.96900, 0.86650, 0.55000, -0.7616];
    const GAINS: [f64; 6] = [
        0.0555179, 0.0750759, 0.1538520, 0.3104856, 0.5329522, -0.0168980,
    ];
    const ITSELF: f64 = 0.5362;
    const BEFORE: f64 = 0.115926;

    #[inline(always)]
    fn step(&mut self, x: f64) -> f64 {
        for ((y, pole), gain) in self.poles.iter_mut().zip(Kellet::POLES).zip(Kellet::GAINS) {
            *y = pole * *y + gain * x;
        }
        let sum: f64 = self.poles.iter().sum();
        let y = sum + Kellet::BEFORE * self.before + Kellet::ITSELF * x;
        self.before = x;
        y
    }

    /// The standard deviation that white noise of standard deviation 1 comes to: the root of the sum of the
    /// squares of the filter's response.
    fn std() -> f64 {
        let poles = || Kellet::GAINS.into_iter().zip(Kellet::POLES);
        let pairs = poles().flat_map(|(g, p)| poles().map(move |(h, q)| g * h / (1.0 - p * q)));
        let at_once: f64 = Kellet::GAINS.iter().sum();
        let later: f64 = poles().map(|(g, p)| g * p).sum();
        let (itself, before) = (Kellet::ITSELF, Kellet::BEFORE);
        let direct = itself * itself + before * before + 2.0 * (itself * at_once + before * later);
        (pairs.sum::<f64>() + direct).sqrt()
    }
}

#[derive(Clone, Copy)]
struct Noise {
    /// SplitMix64's state before the first draw.
    start: u64,
    scale: f64,
    is_gaussian: bool,
}

impl Noise {
    fn from_args(args: &Args) -> Result<Noise, OpError> {
        let is_gaussian = args.text("dist") == Some("gaussian");
        let (size, other) = match is_gaussian {
            true => ("std", "amplitude"),
            false => ("amplitude", "std"),
        };
        if args.value(other).is_some() {
            let dist = args.text("dist").unwrap_or("gaussian");
            return Err(OpError::param(
                other,
                format!("`{other}` has no meaning for {dist} noise"),
            )
            .with_help(format!("use `{size}`, or another `dist`")));
        }
        let scale = args.float(size).unwrap_or(1.0);
        if scale < 0.0 {
            return Err(OpError::param(
                size,
                format!("`{size}` is {scale}, and must not be negative"),
            ));
        }
        // Mixed, so that streams of neighbouring seeds are not one stream shifted.
        let start = mix(args.int("seed").unwrap_or(0) as u64 ^ GAMMA.rotate_left(32));
        Ok(Noise {
            start,
            scale,
            is_gaussian,
        })
    }

    fn fill<T>(self, first: u64, room: &mut [T], put: impl Fn(&mut T, f64)) {
        if self.is_gaussian {
            self.fill_gaussian(first, room, put);
        } else {
            for (slot, draw) in room.iter_mut().zip(draws(self.start, first)) {
                // 53 bits, centred: never 0, never an end.
                let unit = ((draw >> 11) as i64 - (1 << 52)) as f64 + 0.5;
                put(slot, unit * (self.scale / (1_u64 << 52) as f64));
            }
        }
    }

    /// The many near the middle in a loop without branches, the few in the tails afterwards.
    fn fill_gaussian<T>(self, first: u64, room: &mut [T], put: impl Fn(&mut T, f64)) {
        const BLOCK: usize = 256;
        let mut centred = [0.0; BLOCK];
        for (block, slots) in room.chunks_mut(BLOCK).enumerate() {
            let first = first.wrapping_add((block * BLOCK) as u64);
            for (q, draw) in centred.iter_mut().zip(draws(self.start, first)) {
                let unit = ((draw >> 11) as i64 - (1 << 52)) as f64 + 0.5;
                *q = unit / (1_u64 << 53) as f64;
            }
            for (slot, q) in slots.iter_mut().zip(&centred) {
                put(slot, self.scale * middle(*q));
            }
            for (slot, q) in slots.iter_mut().zip(&centred) {
                if q.abs() > MIDDLE {
                    put(slot, self.scale * tail(*q));
                }
            }
        }
    }
}

/// SplitMix64 from its n-th output on: the state only ever grows by `GAMMA`, so any output is reached at once.
fn draws(start: u64, first: u64) -> impl Iterator<Item = u64> {
    let mut state = start.wrapping_add(first.wrapping_mul(GAMMA));
    std::iter::repeat_with(move || {
        state = state.wrapping_add(GAMMA);
        mix(state)
    })
}

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Up to this distance of the probability from 1/2 [`middle`] holds.
const MIDDLE: f64 = 0.425;

/// The normal quantile of 1/2 + q in the middle (AS 241 PPND16).
fn middle(q: f64) -> f64 {
    let r = 0.180625 - q * q;
    q * polynomial(r, &A) / polynomial(r, &B)
}

/// The normal quantile of 1/2 + q in the tails (AS 241 PPND16).
fn tail(q: f64) -> f64 {
    let r = (-(0.5 - q.abs()).ln()).sqrt();
    let quantile = if r <= 5.0 {
        polynomial(r - 1.6, &C) / polynomial(r - 1.6, &D)
    } else {
        polynomial(r - 5.0, &E) / polynomial(r - 5.0, &F)
    };
    quantile.copysign(q)
}

/// Coefficients from the highest power down.
#[inline(always)]
fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

const A: [f64; 8] = [
    2_509.080_928_730_122_7,
    33_430.575_583_588_13,
    67_265.770_927_008_7,
    45_921.953_931_549_87,
    13_731.693_765_509_46,
    1_971.590_950_306_551_3,
    133.141_667_891_784_38,
    3.387_132_872_796_366_5,
];
const B: [f64; 8] = [
    5_226.495_278_852_854,
    28_729.085_735_721_943,
    39_307.895_800_092_71,
    21_213.794_301_586_597,
    5_394.196_021_424_751,
    687.187_007_492_057_9,
    42.313_330_701_600_91,
    1.0,
];
const C: [f64; 8] = [
    7.745_450_142_783_414e-4,
    0.022_723_844_989_269_184,
    0.241_780_725_177_450_6,
    1.270_458_252_452_368_4,
    3.647_848_324_763_204_5,
    5.769_497_221_460_691,
    4.630_337_846_156_546,
    1.423_437_110_749_683_5,
];
const D: [f64; 8] = [
    1.050_750_071_644_416_9e-9,
    5.475_938_084_995_345e-4,
    0.015_198_666_563_616_457,
    0.148_103_976_427_480_08,
    0.689_767_334_985_1,
    1.676_384_830_183_803_8,
    2.053_191_626_637_759,
    1.0,
];
const E: [f64; 8] = [
    2.010_334_399_292_288_1e-7,
    2.711_555_568_743_487_6e-5,
    0.001_242_660_947_388_078_4,
    0.026_532_189_526_576_124,
    0.296_560_571_828_504_87,
    1.784_826_539_917_291_3,
    5.463_784_911_164_114,
    6.657_904_643_501_103,
];
const F: [f64; 8] = [
    2.044_263_103_389_939_8e-15,
    1.421_511_758_316_446e-7,
    1.846_318_317_510_054_8e-5,
    7.868_691_311_456_133e-4,
    0.014_875_361_290_850_615,
    0.136_929_880_922_735_8,
    0.599_832_206_555_888,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{items, refusal};

    #[test]
    fn the_draws_are_those_of_splitmix64() {
        // The reference implementation's first outputs from state 1234567.
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(draws(1_234_567, 0).take(3).collect::<Vec<_>>(), expected);
        assert_eq!(draws(1_234_567, 2).next(), Some(expected[2]));
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // As Python's `statistics.NormalDist().inv_cdf` gives them.
        let cases = [
            (0.1, 0.2533471031357998),
            (0.424, 1.4325027208258112),
            (0.426, 1.4466320671589776),
            (0.475, 1.9599639845400536),
            (0.4999999, 5.199337582084284),
            (0.5 - 2.0_f64.powi(-50), 7.956038125481531),
        ];
        for (q, expected) in cases {
            let q: f64 = (0.5 + q) - 0.5;
            let found = if q > MIDDLE { tail(q) } else { middle(q) };
            assert!((found - expected).abs() < 1e-14 * expected, "{q}: {found}");
        }
        assert_eq!(tail(-0.45), -tail(0.45));
    }

    #[test]
    fn gaussian_moments_are_those_of_the_normal_distribution() {
        let given = [
            ("items", 400_000.into()),
            ("std", 2.0.into()),
            ("seed", 5.into()),
        ];
        let noise: Vec<f64> = items("noise", &given, None);
        let moment = |k: i32| noise.iter().map(|x| (x / 2.0).powi(k)).sum::<f64>() / 4e5;
        // Within five standard errors of 0, 1, 0, 3.
        for (k, expected, error) in [(1, 0.0, 1.0), (2, 1.0, 1.41), (3, 0.0, 3.87), (4, 3.0, 9.8)] {
            let found = moment(k);
            assert!(
                (found - expected).abs() < 5.0 * error / 4e5_f64.sqrt(),
                "moment {k}: {found}"
            );
        }
        let lagged = noise.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / 4.0 / 4e5;
        assert!(lagged.abs() < 5.0 / 4e5_f64.sqrt(), "lag 1: {lagged}");
    }

    #[test]
    fn uniform_items_fill_their_range_evenly() {
        let given = [
            ("items", 200_000.into()),
            ("dist", "uniform".into()),
            ("amplitude", 3.0.into()),
        ];
        let noise: Vec<f64> = items("noise", &given, None);
        assert!(noise.iter().all(|x| x.abs() < 3.0));
        let mut bins = [0_f64; 20];
        for x in &noise {
            bins[((x + 3.0) / 6.0 * 20.0) as usize] += 1.0;
        }
        let chi2: f64 = bins.iter().map(|n| (n - 1e4).powi(2) / 1e4).sum();
        assert!(chi2 < 50.0, "chi squared of 19 degrees of freedom: {chi2}");
    }

    #[test]
    fn seeds_and_parts_are_independent() {
        let noise = |seed: i64| -> Vec<Complex<f32>> {
            items(
                "noise",
                &[("items", 50_000.into()), ("seed", seed.into())],
                Some("cf32"),
            )
        };
        let (one, two) = (noise(1), noise(2));
        assert_eq!(one, noise(1));
        let across: f32 = one.iter().zip(&two).map(|(a, b)| a.re * b.re).sum();
        let within: f32 = one.iter().map(|a| a.re * a.im).sum();
        assert!(across.abs() < 5.0 * 50_000_f32.sqrt(), "{across}");
        assert!(within.abs() < 5.0 * 50_000_f32.sqrt(), "{within}");
    }

    #[test]
    fn pink_noise_has_its_std_and_the_same_power_in_each_octave() {
        let given = [
            ("items", (1 << 18).into()),
            ("std", 2.0.into()),
            ("color", "pink".into()),
        ];
        let noise: Vec<f64> = items("noise", &given, None);
        let power = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        assert!((power(&noise) / 4.0 - 1.0).abs() < 0.2, "{}", power(&noise));
        // Haar's wavelets: what each halving of the rate takes away.
        let (mut rest, mut octaves) = (noise, Vec::new());
        for _ in 0..8 {
            let pairs = rest.chunks_exact(2);
            let apart: Vec<f64> = pairs.clone().map(|p| (p[0] - p[1]) / 2.0).collect();
            octaves.push(power(&apart));
            rest = pairs.map(|p| (p[0] + p[1]) / 2.0).collect();
        }
        for pair in octaves[1..].windows(2) {
            assert!((pair[0] / pair[1]).log2().abs() < 0.35, "{octaves:?}");
        }
        let uniform = [("color", "pink".into()), ("dist", "uniform".into())];
        assert_eq!(
            refusal("noise", &uniform, None).param.as_deref(),
            Some("dist")
        );
    }

    #[test]
    fn the_other_distribution_s_size_is_refused() {
        let cases = [
            ("dist", Value::from("uniform"), "std", 1.0),
            ("dist", Value::from("gaussian"), "amplitude", 1.0),
            ("dist", Value::from("gaussian"), "std", -1.0),
        ];
        for (dist, word, size, number) in cases {
            let refused = refusal("noise", &[(dist, word), (size, number.into())], None);
            assert_eq!(refused.param.as_deref(), Some(size), "{refused}");
        }
    }
}
