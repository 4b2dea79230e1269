//! `iir.notch`, `iir.peak`, `iir.biquad`, `dc_block`: filters of one section.

use std::f64::consts::PI;

use crate::agent::Blueprint;
use crate::design::zpk::Section;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::{OUTPUTS, RATE, frequency, kernel, live_edges, positive, rate};

const W0: ParamDef = ParamDef {
    name: "w0",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "The frequency that is taken out, or left.",
};

const Q: ParamDef = ParamDef {
    name: "q",
    kind: ParamKind::Dial,
    default: Some("30"),
    unit: "",
    doc: "The frequency over the width between the two places where the gain is down by 3 dB. When it or `w0` is turned the filter goes on from what it remembers; where the band would go beyond half the rate, with that of the graph.",
};

/// The row of the notch.
pub const NOTCH: OpDef = OpDef {
    name: "iir.notch",
    summary: "takes one frequency out",
    doc: "`scipy.signal.iirnotch(w0, q, fs=rate)`, applied by `lfilter` from rest: a section whose gain is 0 at `w0` and 1 far from it. \
Types as `iir.lowpass`. Source: Orfanidis, Introduction to Signal Processing, section 11.3.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[W0, Q, RATE],
    example: "sine freq=50 rate=1000 items=4000 ! iir.notch w0=50 ! null",
    deterministic: true,
    build: notch,
};

/// The row of the peak.
pub const PEAK: OpDef = OpDef {
    name: "iir.peak",
    summary: "leaves one frequency",
    doc: "`scipy.signal.iirpeak(w0, q, fs=rate)`, applied by `lfilter` from rest: a section whose gain is 1 at `w0` and 0 far from it. \
Types as `iir.lowpass`. Source: Orfanidis, Introduction to Signal Processing, section 11.3.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[W0, Q, RATE],
    example: "noise rate=1000 items=4000 ! iir.peak w0=50 q=10 ! null",
    deterministic: true,
    build: peak,
};

fn notch(args: &Args) -> Result<Blueprint, OpError> {
    resonator(args, |cos, gain| Section {
        b: [gain, -2.0 * gain * cos, gain],
        a: [-2.0 * gain * cos, 2.0 * gain - 1.0],
    })
}

fn peak(args: &Args) -> Result<Blueprint, OpError> {
    resonator(args, |cos, gain| Section {
        b: [1.0 - gain, 0.0, gain - 1.0],
        a: [-2.0 * gain * cos, 2.0 * gain - 1.0],
    })
}

/// A filter whose section is made of its frequency's angle and of the gain that goes with its width.
fn resonator(args: &Args, section: fn(f64, f64) -> Section) -> Result<Blueprint, OpError> {
    let rate = rate(args)?;
    let (w0, q) = (frequency(args, "w0", rate)?, positive(args, "q")?);
    let design = move |w0: f64, q: f64| {
        let (cos, gain) = resonance(w0, q, rate)?;
        Some(vec![section(cos, gain)])
    };
    let Some(sections) = design(w0, q) else {
        let message = format!("`q` is {q}: the band of that width goes beyond half the rate");
        return Err(OpError::param("q", message).with_help("make `q` larger"));
    };
    let anew = move |dials: &[f64]| design(dials[0], dials[1]);
    let blueprint = kernel::live_filter(args, &[w0, q], &sections, anew)?;
    Ok(live_edges(blueprint, &["w0"], &[w0], rate).dial("q", q, f64::MIN_POSITIVE..=f64::MAX))
}

/// The cosine of the frequency's angle, and the gain that goes with the width, if that is below half the rate.
fn resonance(w0: f64, q: f64, rate: f64) -> Option<(f64, f64)> {
    let w0 = 2.0 * PI * w0 / rate;
    let width = w0 / q;
    (width < PI).then(|| (w0.cos(), 1.0 / (1.0 + (width / 2.0).tan())))
}

/// The row of the cookbook's filters.
pub const BIQUAD: OpDef = OpDef {
    name: "iir.biquad",
    summary: "one section of the audio cookbook: pass, shelf, peak, notch, all-pass",
    doc: "The filters of Robert Bristow-Johnson's Cookbook formulae for audio equalizer biquad filter coefficients, from rest, one item out \
for each item in. `bandpass` has gain 1 at `freq`; `peaking`, `lowshelf` and `highshelf` raise by `gain` dB, the others do without it. \
Types as `iir.lowpass`.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "kind",
            kind: ParamKind::Choice(&[
                "lowpass",
                "highpass",
                "bandpass",
                "notch",
                "allpass",
                "peaking",
                "lowshelf",
                "highshelf",
            ]),
            default: None,
            unit: "",
            doc: "Which filter.",
        },
        ParamDef {
            name: "freq",
            kind: ParamKind::Dial,
            default: None,
            unit: "Hz",
            doc: "The edge, the middle, or where a shelf is half way up. When it, `q` or `gain` is turned the filter goes on from what it remembers.",
        },
        ParamDef {
            name: "q",
            kind: ParamKind::Dial,
            default: Some("0.7071067811865476"),
            unit: "",
            doc: "The quality factor: more is narrower, steeper.",
        },
        ParamDef {
            name: "gain",
            kind: ParamKind::Dial,
            default: Some(""),
            unit: "dB",
            doc: "How far a peak or shelf is raised, negative ones lowered: -200 to 200.",
        },
        RATE,
    ],
    example: "noise rate=48000 items=4800 ! iir.biquad kind=peaking freq=1000 q=2 gain=6 ! null",
    deterministic: true,
    build: biquad,
};

fn biquad(args: &Args) -> Result<Blueprint, OpError> {
    let rate = rate(args)?;
    let kind = args.text("kind").unwrap_or_default().to_owned();
    let (freq, q) = (frequency(args, "freq", rate)?, positive(args, "q")?);
    let (gain, most) = (
        raised(args, &kind)?,
        if has_gain(&kind) { 200.0 } else { 0.0 },
    );
    let design = move |dials: &[f64]| {
        let w0 = 2.0 * PI * dials[0] / rate;
        let alpha = w0.sin() / (2.0 * dials[1]);
        let amplitude = 10.0f64.powf(dials[2] / 40.0);
        vec![cookbook(&kind, w0.cos(), alpha, amplitude)]
    };
    let values = [freq, q, gain];
    let sections = design(&values);
    let blueprint =
        kernel::live_filter(args, &values, &sections, move |dials| Some(design(dials)))?;
    Ok(live_edges(blueprint, &["freq"], &[freq], rate)
        .dial("q", q, f64::MIN_POSITIVE..=f64::MAX)
        .dial("gain", gain, -most..=most))
}

fn has_gain(kind: &str) -> bool {
    matches!(kind, "peaking" | "lowshelf" | "highshelf")
}

/// The parameter `gain`, where the kind has one.
fn raised(args: &Args, kind: &str) -> Result<f64, OpError> {
    let has = has_gain(kind);
    match args.float("gain") {
        Some(gain) if has && gain.abs() <= 200.0 => Ok(gain),
        Some(gain) if has => {
            let message = format!("`gain` is {gain} dB, and must be -200 to 200");
            Err(OpError::param("gain", message))
        }
        Some(_) => Err(OpError::param(
            "gain",
            format!("a {kind} has no `gain`: it is 1 where it passes"),
        )),
        None if has => {
            Err(OpError::op(format!("a {kind} needs `gain`")).with_help("add `gain = ..` in dB"))
        }
        None => Ok(0.0),
    }
}

fn cookbook(kind: &str, cos: f64, alpha: f64, amplitude: f64) -> Section {
    let a = amplitude;
    let (up, down, root) = (a + 1.0, a - 1.0, 2.0 * a.sqrt() * alpha);
    let plain = [1.0 + alpha, -2.0 * cos, 1.0 - alpha];
    let (above, below) = match kind {
        "lowpass" => ([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], plain),
        "highpass" => ([(1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0], plain),
        "bandpass" => ([alpha, 0.0, -alpha], plain),
        "notch" => ([1.0, -2.0 * cos, 1.0], plain),
        "allpass" => ([1.0 - alpha, -2.0 * cos, 1.0 + alpha], plain),
        "peaking" => (
            [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
            [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
        ),
        "lowshelf" => (
            [
                up - down * cos + root,
                2.0 * (down - up * cos),
                up - down * cos - root,
            ]
            .map(|b| a * b),
            [
                up + down * cos + root,
                -2.0 * (down + up * cos),
                up + down * cos - root,
            ],
        ),
        _ => (
            [
                up + down * cos + root,
                -2.0 * (down + up * cos),
                up + down * cos - root,
            ]
            .map(|b| a * b),
            [
                up - down * cos + root,
                2.0 * (down - up * cos),
                up - down * cos - root,
            ],
        ),
    };
    Section {
        b: above.map(|b| b / below[0]),
        a: [below[1] / below[0], below[2] / below[0]],
    }
}

/// The row of the DC blocker.
pub const DC_BLOCK: OpDef = OpDef {
    name: "dc_block",
    summary: "takes the constant part out",
    doc: "`y[n] = x[n] - x[n-1] + pole y[n-1]`: a zero at frequency 0 and a pole beside it; the gain is down by 3 dB near \
`(1 - pole) rate / (2 pi)` Hz. From rest, one item out for each item in; types as `iir.lowpass`. \
Source: J. O. Smith, Introduction to Digital Filters, \"DC Blocker\".",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[ParamDef {
        name: "pole",
        kind: ParamKind::Dial,
        default: Some("0.995"),
        unit: "",
        doc: "How long it remembers, 0 to below 1: more is a lower edge. When it is turned the filter goes on from what it remembers.",
    }],
    example: "counter items=1000 ! dc_block ! null",
    deterministic: true,
    build: dc_block,
};

fn dc_block(args: &Args) -> Result<Blueprint, OpError> {
    let pole = args.float("pole").unwrap_or(0.995);
    if !(0.0..1.0).contains(&pole) {
        let message = format!("`pole` is {pole}, and must be at least 0 and below 1");
        return Err(OpError::param("pole", message));
    }
    let design = |pole: f64| {
        vec![Section {
            b: [1.0, -1.0, 0.0],
            a: [-pole, 0.0],
        }]
    };
    let anew = move |dials: &[f64]| Some(design(dials[0]));
    let blueprint = kernel::live_filter(args, &[pole], &design(pole), anew)?;
    Ok(blueprint.dial("pole", pole, 0.0..=1.0f64.next_down()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_notch_takes_its_tone_out_and_a_peak_leaves_it() {
        let tone: Vec<f64> = (0..4000)
            .map(|n| (2.0 * PI * 0.05 * n as f64).sin())
            .collect();
        let last = |op: &str| -> f64 {
            let params = [("w0", Value::Float(50.0)), ("q", Value::Float(5.0))];
            let y: Vec<f64> = output(op, &[given("f64", &tone).rate(1000.0)], &params, None);
            y[3980..].iter().fold(0.0, |most, y| most.max(y.abs()))
        };
        assert!(last("iir.notch") < 1e-9);
        assert!((last("iir.peak") - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_constant_fades_at_the_rate_of_the_pole() {
        let x = given("i16", &[8i16; 4]);
        let y: Vec<f64> = output("dc_block", &[x], &[("pole", Value::Float(0.5))], None);
        assert_eq!(y, [8.0, 4.0, 2.0, 1.0]);
    }

    #[test]
    fn what_makes_no_filter_is_refused_by_its_parameter() {
        let cases = [
            ("iir.notch", vec![("w0", 500.0.into())], "w0"),
            (
                "iir.notch",
                vec![("w0", 50.0.into()), ("q", 0.0.into())],
                "q",
            ),
            (
                "iir.peak",
                vec![("w0", 400.0.into()), ("q", 0.1.into())],
                "q",
            ),
            ("dc_block", vec![("pole", Value::Float(1.0))], "pole"),
            (
                "iir.biquad",
                vec![
                    ("kind", "notch".into()),
                    ("freq", 9.0.into()),
                    ("gain", 3.0.into()),
                ],
                "gain",
            ),
        ];
        for (op, params, expected) in cases {
            let x = given::<f64>("f64", &[]).rate(1000.0);
            let error = build(op, &[x], &params, None).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(expected), "{op}: {error}");
        }
    }
}
