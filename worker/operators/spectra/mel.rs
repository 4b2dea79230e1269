//! `mel`: the powers of a spectrum gathered into bands as wide as the ear's.

use std::ops::Range;

use super::vectors::vectors;
use crate::agent::{Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const MEL: OpDef = OpDef {
    name: "mel",
    summary: "mel bands of spectra: as the ear gathers frequencies; with `dct`, MFCCs",
    doc: "Each vector of powers at the frequencies 0 to rate / 2, evenly, as `spectrogram` and `welch` give them, becomes one of `bands` sums, weighted by triangles that \
overlap by half on the mel scale: `librosa.filters.mel(sr=rate, n_fft=2 * (bins - 1), n_mels=bands, fmin=fmin, fmax=fmax, htk=htk, norm=norm) @ powers`, in f64. \
MFCCs are `spectrogram .. detrend=false scaling=spectrum ! mel rate=16000 bands=40 ! map expr=\"10 * log10(max(x, 1e-10))\" ! dct norm=ortho`, of which the first 13 are usual. \
f32 gives f32, other real numbers f64. Source: Slaney, Auditory Toolbox (1998); with `htk` Young et al., The HTK Book.",
    inputs: Arity::One,
    outputs: "one stream of real vectors of `bands`",
    params: &[
        ParamDef {
            name: "rate",
            kind: ParamKind::Float,
            default: None,
            unit: "Hz",
            doc: "The rate of the signal that the spectra are of: twice their last frequency.",
        },
        ParamDef {
            name: "bands",
            kind: ParamKind::Int,
            default: Some("128"),
            unit: "",
            doc: "How many bands, at most 65536: librosa's `n_mels`.",
        },
        ParamDef {
            name: "fmin",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "Hz",
            doc: "Where the first band begins.",
        },
        ParamDef {
            name: "fmax",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "Where the last band ends, at most half of `rate`. Default: half of `rate`.",
        },
        ParamDef {
            name: "htk",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "The scale of HTK, 2595 log10(1 + f / 700), and not Slaney's.",
        },
        ParamDef {
            name: "norm",
            kind: ParamKind::Choice(&["slaney", "none"]),
            default: Some("slaney"),
            unit: "",
            doc: "`slaney`: each triangle has the area 1 Hz. `none`: the height 1.",
        },
    ],
    example: "noise rate=16000 items=16000 ! spectrogram size=512 hop=160 ! mel rate=16000 bands=40 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let (scalar, bins) = match input.item_type {
        ItemType::Vector(scalar, bins) if !scalar.is_complex() && bins > 1 => (scalar, bins),
        _ => {
            return Err(
                OpError::input_type("mel", input, "vectors of powers").or_help(
                    "`spectrogram` and `welch` make them; of `stft` map expr=\"abs(x) ** 2\" does",
                ),
            );
        }
    };
    let bands = args.required_count("bands", 1)?;
    if bands > 65_536 {
        let words = format!("`bands` is {bands}, and must be at most 65536");
        return Err(OpError::param("bands", words));
    }
    let rate = args.float("rate").unwrap_or(f64::NAN);
    if rate <= 0.0 {
        let words = format!("`rate` is {rate}, and must be above 0");
        return Err(OpError::param("rate", words));
    }
    let fmin = args.float("fmin").unwrap_or(0.0);
    let fmax = args.float("fmax").unwrap_or(rate / 2.0);
    if fmax > rate / 2.0 {
        let words = format!("`fmax` is {fmax} Hz, beyond half of `rate`, {}", rate / 2.0);
        return Err(OpError::param("fmax", words));
    }
    if !(0.0 <= fmin && fmin < fmax) {
        let words = format!("`fmin` is {fmin} Hz, and must be 0 to below `fmax`, {fmax}");
        return Err(OpError::param("fmin", words));
    }
    let scale = match args.flag("htk") {
        true => Scale::Htk,
        false => Scale::Slaney,
    };
    let edges = edges(scale, bands as usize, fmin, fmax);
    let is_normed = args.text("norm") == Some("slaney");
    let step = rate / (2.0 * f64::from(bins - 1));
    let bands: Vec<Band> = edges
        .windows(3)
        .map(|edges| Band::new(edges, bins as usize, step, is_normed))
        .collect();
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let item_type = ItemType::Vector(gives, bands.len() as u32);
    let mut sums = Vec::new();
    let each = move |numbers: &mut Vec<f64>| {
        sums.clear();
        sums.extend(bands.iter().map(|band| band.sum(numbers)));
        std::mem::swap(numbers, &mut sums);
    };
    Ok(vectors(input, OutPort::new(item_type, input.rate), each))
}

#[derive(Clone, Copy)]
enum Scale {
    Slaney,
    Htk,
}

/// Where Slaney's scale turns from linear to logarithmic.
const TURN_HZ: f64 = 1000.0;
/// Hz in a mel below it.
const LINEAR: f64 = 200.0 / 3.0;

impl Scale {
    fn mel(self, hz: f64) -> f64 {
        match self {
            Scale::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
            Scale::Slaney if hz >= TURN_HZ => {
                TURN_HZ / LINEAR + (hz / TURN_HZ).ln() / (6.4f64.ln() / 27.0)
            }
            Scale::Slaney => hz / LINEAR,
        }
    }

    fn hz(self, mel: f64) -> f64 {
        let turn = TURN_HZ / LINEAR;
        match self {
            Scale::Htk => 700.0 * (10f64.powf(mel / 2595.0) - 1.0),
            Scale::Slaney if mel >= turn => TURN_HZ * ((6.4f64.ln() / 27.0) * (mel - turn)).exp(),
            Scale::Slaney => LINEAR * mel,
        }
    }
}

/// The frequencies where the triangles begin, have their tops and end, evenly on the scale.
fn edges(scale: Scale, bands: usize, fmin: f64, fmax: f64) -> Vec<f64> {
    let (low, high) = (scale.mel(fmin), scale.mel(fmax));
    let step = (high - low) / (bands + 1) as f64;
    (0..bands + 2)
        .map(|n| scale.hz(low + step * n as f64))
        .collect()
}

/// A triangle: the bins that it weighs, and their weights.
struct Band {
    bins: Range<usize>,
    weights: Vec<f64>,
}

impl Band {
    /// Of the bins at multiples of `step` Hz, from the first edge over the second to the third.
    fn new(edges: &[f64], bins: usize, step: f64, is_normed: bool) -> Band {
        let scale = if is_normed {
            2.0 / (edges[2] - edges[0])
        } else {
            1.0
        };
        let weight = |bin: usize| {
            let hz = bin as f64 * step;
            let up = (hz - edges[0]) / (edges[1] - edges[0]);
            let down = (edges[2] - hz) / (edges[2] - edges[1]);
            up.min(down).max(0.0) * scale
        };
        let first = ((edges[0] / step).floor() as usize).min(bins);
        let last = ((edges[2] / step).ceil() as usize + 1).clamp(first, bins);
        Band {
            bins: first..last,
            weights: (first..last).map(weight).collect(),
        }
    }

    fn sum(&self, powers: &[f64]) -> f64 {
        let terms = powers[self.bins.clone()].iter().zip(&self.weights);
        terms.map(|(power, weight)| power * weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn scales_go_there_and_back() {
        for scale in [Scale::Slaney, Scale::Htk] {
            for hz in [0.0, 250.0, 999.0, 1000.0, 1001.0, 7900.0] {
                assert!((scale.hz(scale.mel(hz)) - hz).abs() < 1e-9, "{hz}");
            }
        }
        assert!((Scale::Slaney.mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((Scale::Htk.mel(1000.0) - 999.985_537).abs() < 1e-6);
    }

    #[test]
    fn triangles_without_a_norm_overlap_to_one() {
        let params = [
            ("rate", Value::Int(8000)),
            ("bands", Value::Int(20)),
            ("norm", "none".into()),
        ];
        let ones = [1.0f64; 257];
        let sums: Vec<[f64; 20]> = output("mel", &[given("f64[257]", &ones)], &params, None);
        let total: f64 = sums[0].iter().sum();
        // All bins but those on the first band's way up and the last one's way down count once.
        assert!((220.0..257.0).contains(&total), "{total}");
    }

    #[test]
    fn what_is_no_spectrum_and_no_band_is_refused() {
        let rate = ("rate", Value::Int(8000));
        let cases = [
            ("f64", vec![rate.clone()], "in"),
            ("cf32[9]", vec![rate.clone()], "in"),
            ("f64[9]", vec![("rate", 0.into())], "rate"),
            ("f64[9]", vec![rate.clone(), ("fmax", 4001.into())], "fmax"),
            ("f64[9]", vec![rate.clone(), ("fmin", 4000.into())], "fmin"),
            ("f64[9]", vec![rate, ("bands", 0.into())], "bands"),
        ];
        for (item_type, params, expected) in cases {
            let refused = build("mel", &[given::<u64>(item_type, &[])], &params, None);
            let refused = refused.unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(expected), "{refused}");
        }
    }
}
