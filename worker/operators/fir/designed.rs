//! `fir.remez`, `fir.firls`, `differentiator`: filters of other designs than the windowed sinc.

use std::f64::consts::PI;

use crate::agent::Blueprint;
use crate::design::DesignError;
use crate::design::firls::{Line, firls};
use crate::design::remez::{Level, Remez, Shape, remez};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;
use crate::operators::tapers::WINDOW_ARGS;
use crate::units::Unit;

use super::{BETA, OUTPUTS, RATE, WINDOW, filter, window};

const TAPS: ParamDef = ParamDef {
    name: "numtaps",
    kind: ParamKind::Int,
    default: Some("101"),
    unit: "",
    doc: "How many taps, 3 to 2001.",
};

const ODD_TAPS: ParamDef = ParamDef {
    doc: "How many taps: an odd number, 3 to 2001.",
    ..TAPS
};

const BANDS: ParamDef = ParamDef {
    name: "bands",
    kind: ParamKind::Floats,
    default: None,
    unit: "Hz",
    doc: "The bands' edges, two each, from 0 to half the rate. Between the bands anything may be.",
};

const WEIGHT: ParamDef = ParamDef {
    name: "weight",
    kind: ParamKind::Floats,
    default: Some(""),
    unit: "",
    doc: "How much each band's errors count, above 0; without it all alike.",
};

/// The row of the equiripple design.
pub const REMEZ: OpDef = OpDef {
    name: "fir.remez",
    summary: "equiripple filter (Parks-McClellan)",
    doc: "`fir` with the taps of `scipy.signal.remez(numtaps, bands, desired, weight=weight, type=type, fs=rate)`: the largest weighted error is \
as small as it can be, also where it is near the rounding and SciPy's exchange does not converge. Delayed by `(numtaps - 1) / 2` items. Source: McClellan, Parks and Rabiner, IEEE Transactions on Audio and Electroacoustics 21 (1973).",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        BANDS,
        ParamDef {
            name: "desired",
            kind: ParamKind::Floats,
            default: None,
            unit: "",
            doc: "The gain in each band; a differentiator's is per Hz over the rate, as in SciPy.",
        },
        TAPS,
        WEIGHT,
        ParamDef {
            name: "type",
            kind: ParamKind::Choice(&["bandpass", "differentiator", "hilbert"]),
            default: Some("bandpass"),
            unit: "",
            doc: "Symmetric taps, or antisymmetric ones.",
        },
        RATE,
    ],
    example: "noise rate=1000 items=6000 ! fir.remez bands=[0, 100, 150, 500] desired=[1, 0] numtaps=51 ! null",
    deterministic: true,
    build: build_remez,
};

/// The row of the least-squares design.
pub const FIRLS: OpDef = OpDef {
    name: "fir.firls",
    summary: "least-squares filter",
    doc: "`fir` with the taps of `scipy.signal.firls(numtaps, bands, desired, weight=weight, fs=rate)`: the weighted mean of the squared \
errors is as small as it can be. Delayed by `(numtaps - 1) / 2` items. The taps are the exact ones to 1e-12 of the largest. SciPy's \
own lose digits where a transition is wide for the length: 51 taps between 0.2 and 0.35 of the rate are right to 5e-9 there, between 0.1 and 0.3 to 3e-4. \
Where even twice the digits of an f64 would leave the taps unsure the design is refused. Source: Selesnick, Linear-Phase FIR Filter Design By Least Squares (2005).",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        BANDS,
        ParamDef {
            name: "desired",
            kind: ParamKind::Floats,
            default: None,
            unit: "",
            doc: "The gain at each edge; inside a band a straight line.",
        },
        ODD_TAPS,
        WEIGHT,
        RATE,
    ],
    example: "noise rate=1000 items=6000 ! fir.firls bands=[0, 100, 150, 500] desired=[1, 1, 0, 0] numtaps=51 ! null",
    deterministic: true,
    build: build_firls,
};

fn build_remez(args: &Args) -> Result<Blueprint, OpError> {
    let numtaps = numtaps(args)?;
    let (bands, weights) = bands(args)?;
    let desired = args.floats("desired").unwrap_or_default();
    if desired.len() != bands.len() {
        return Err(mismatch(
            "desired",
            desired.len(),
            "one a band",
            bands.len(),
        ));
    }
    let levels: Vec<Level> = bands
        .into_iter()
        .zip(desired)
        .zip(weights)
        .map(|((edges, gain), weight)| Level {
            edges,
            gain,
            weight,
        })
        .collect();
    let shape = match args.text("type") {
        Some("differentiator") => Shape::Differentiator,
        Some("hilbert") => Shape::Hilbert,
        _ => Shape::Bandpass,
    };
    let taps = remez(&Remez {
        numtaps,
        levels: &levels,
        shape,
        grid_density: 16,
        rate: iir::rate(args)?,
    });
    filter(args, &taps.map_err(refused)?, 1)
}

fn build_firls(args: &Args) -> Result<Blueprint, OpError> {
    let numtaps = odd_numtaps(args)?;
    let (bands, weights) = bands(args)?;
    let desired = args.floats("desired").unwrap_or_default();
    let (gains, rest) = desired.as_chunks::<2>();
    if gains.len() != bands.len() || !rest.is_empty() {
        return Err(mismatch(
            "desired",
            desired.len(),
            "one an edge",
            2 * bands.len(),
        ));
    }
    let lines: Vec<Line> = bands
        .into_iter()
        .zip(gains)
        .zip(weights)
        .map(|((edges, gains), weight)| Line {
            edges,
            gains: *gains,
            weight,
        })
        .collect();
    let taps = firls(numtaps, &lines, iir::rate(args)?).map_err(refused)?;
    filter(args, &taps, 1)
}

fn numtaps(args: &Args) -> Result<usize, OpError> {
    let numtaps = args.required_count("numtaps", 3)?;
    match numtaps {
        ..=2001 => Ok(numtaps as usize),
        _ => Err(OpError::param(
            "numtaps",
            format!("`numtaps` is {numtaps}, and must be at most 2001"),
        )),
    }
}

/// The parameter `numtaps` of a filter that has one in the middle.
pub(super) fn odd_numtaps(args: &Args) -> Result<usize, OpError> {
    let numtaps = numtaps(args)?;
    match numtaps % 2 {
        1 => Ok(numtaps),
        _ => Err(OpError::param(
            "numtaps",
            format!("`numtaps` is {numtaps}, and must be an odd number"),
        )
        .with_help(format!("give {} taps", numtaps + 1))),
    }
}

/// The bands' edges and weights.
fn bands(args: &Args) -> Result<(Vec<[f64; 2]>, Vec<f64>), OpError> {
    let edges = args.floats("bands").unwrap_or_default();
    let (bands, rest) = edges.as_chunks::<2>();
    if bands.is_empty() || !rest.is_empty() {
        let message = format!(
            "`bands` has {} frequencies, and must have two a band",
            edges.len()
        );
        return Err(OpError::param("bands", message));
    }
    let weights = args.floats("weight").unwrap_or(vec![1.0; bands.len()]);
    if weights.len() != bands.len() {
        return Err(mismatch("weight", weights.len(), "one a band", bands.len()));
    }
    match weights.iter().find(|weight| **weight <= 0.0) {
        Some(weight) => Err(OpError::param(
            "weight",
            format!("`weight` has {weight}, and all must be above 0"),
        )),
        None => Ok((bands.to_vec(), weights)),
    }
}

fn mismatch(name: &str, found: usize, wanted: &str, count: usize) -> OpError {
    let message = format!("`{name}` has {found} numbers, and must have {wanted}: {count}");
    OpError::param(name, message)
}

fn refused(error: DesignError) -> OpError {
    let at_fault = match error {
        DesignError::NotConverged { .. } => "numtaps",
        _ => "bands",
    };
    OpError::param(at_fault, format!("`{at_fault}`: {error}"))
}

/// The row of the differentiator.
pub const DIFFERENTIATOR: OpDef = OpDef {
    name: "differentiator",
    summary: "the derivative, smooth and delayed",
    doc: "The derivative per second where the rate is known, else per item: `fir` with the taps of an ideal differentiator, \
`(-1)^k / k` at k items from the middle, faded out by a window and scaled so that a straight line gives its slope. Delayed by `(numtaps - 1) / 2` items; good up to nearly half the rate, the further the more taps. \
Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.6.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            default: Some("21"),
            ..ODD_TAPS
        },
        WINDOW,
        BETA,
        WINDOW_ARGS,
    ],
    example: "sine freq=10 rate=1000 items=4000 ! differentiator ! null",
    deterministic: true,
    build: build_differentiator,
};

fn build_differentiator(args: &Args) -> Result<Blueprint, OpError> {
    let numtaps = odd_numtaps(args)?;
    let rate = args.input().rate.unwrap_or(1.0);
    let mut taps = faded(args, numtaps, |k| match k {
        0 => 0.0,
        k => (PI * k as f64).cos() / k as f64,
    })?;
    let reach = (numtaps / 2) as f64;
    let weighted = taps.iter().enumerate();
    let slope: f64 = weighted.map(|(i, tap)| (reach - i as f64) * tap).sum();
    taps.iter_mut().for_each(|tap| *tap *= rate / slope);
    Ok(filter(args, &taps, 1)?.unit(Unit::Unknown))
}

/// An ideal filter's taps, given by their distance from the middle, times the parameter `window`.
pub(super) fn faded(
    args: &Args,
    numtaps: usize,
    ideal: impl Fn(i64) -> f64,
) -> Result<Vec<f64>, OpError> {
    let reach = (numtaps / 2) as i64;
    let fades = window(args)?.values(numtaps);
    Ok((-reach..=reach)
        .zip(fades)
        .map(|(k, fade)| ideal(k) * fade)
        .collect())
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn the_derivative_of_a_line_is_its_slope() {
        let x: Vec<f64> = (0..200).map(|n| 0.03 * f64::from(n)).collect();
        let x = given("f64", &x).rate(100.0);
        let y: Vec<f64> = output("differentiator", &[x], &[("numtaps", 61.into())], None);
        assert!(
            y[60..].iter().all(|y| (y - 3.0).abs() < 1e-9),
            "{:?}",
            &y[60..70]
        );
    }

    #[test]
    fn what_makes_no_filter_is_refused_by_its_parameter() {
        let list = |numbers: &[f64]| Value::from(numbers.to_vec());
        let bands = || ("bands", list(&[0.0, 10.0, 20.0, 50.0]));
        let cases = [
            (
                "fir.remez",
                vec![
                    ("bands", list(&[0.0, 10.0, 20.0])),
                    ("desired", list(&[1.0])),
                ],
                "bands",
            ),
            (
                "fir.remez",
                vec![
                    ("bands", list(&[0.0, 20.0, 10.0, 50.0])),
                    ("desired", list(&[1.0, 0.0])),
                ],
                "bands",
            ),
            (
                "fir.remez",
                vec![bands(), ("desired", list(&[1.0]))],
                "desired",
            ),
            (
                "fir.remez",
                vec![
                    bands(),
                    ("desired", list(&[1.0, 0.0])),
                    ("weight", list(&[1.0, 0.0])),
                ],
                "weight",
            ),
            (
                "fir.firls",
                vec![bands(), ("desired", list(&[1.0, 0.0]))],
                "desired",
            ),
            (
                "fir.firls",
                vec![
                    bands(),
                    ("desired", list(&[1.0, 1.0, 0.0, 0.0])),
                    ("numtaps", 10.into()),
                ],
                "numtaps",
            ),
            ("differentiator", vec![("numtaps", 10.into())], "numtaps"),
        ];
        for (op, params, expected) in cases {
            let x = given::<f64>("f64", &[]).rate(100.0);
            let error = build(op, &[x], &params, None).unwrap_err();
            assert_eq!(
                error.param.as_deref(),
                Some(expected),
                "{op} {params:?}: {error}"
            );
        }
    }
}
