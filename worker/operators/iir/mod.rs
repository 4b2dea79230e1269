//! `iir.lowpass`, `iir.highpass`, `iir.bandpass`, `iir.bandstop`: Butterworth, Chebyshev, elliptic and Bessel filters.
//!
//! Second-order sections in direct form II transposed, coefficients and state in `f64` for every item type,
//! from rest: one item out for each item in, as `scipy.signal.sosfilt` gives it.

use crate::agent::Blueprint;
use crate::design::iirfilter::{BESSEL_ORDER_MAX, Family, iirfilter};
use crate::design::prototypes::Norm;
use crate::design::zpk::Section;
use crate::design::{Band, DesignError};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

pub mod comb;
pub mod given;
pub mod second;
pub mod transfer;

mod cascade;
pub(crate) mod kernel;

const ORDER: ParamDef = ParamDef {
    name: "order",
    kind: ParamKind::Int,
    default: Some("4"),
    unit: "",
    doc: "Order of the prototype, 1 to 64 (bessel: to 25). A band filter has twice as many poles, as in SciPy.",
};

const DESIGN: ParamDef = ParamDef {
    name: "design",
    kind: ParamKind::Choice(&["butter", "cheby1", "cheby2", "ellip", "bessel"]),
    default: Some("butter"),
    unit: "",
    doc: "The family, as SciPy calls it: flat, rippling in the pass band, in the stop band, in both, or of even delay.",
};

const RIPPLE: ParamDef = ParamDef {
    name: "ripple",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "dB",
    doc: "How far the pass band goes below 1 (cheby1 and ellip): `rp` of SciPy, above 0.",
};

const ATTENUATION: ParamDef = ParamDef {
    name: "attenuation",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "dB",
    doc: "How far the stop band is down at least (cheby2 and ellip): `rs` of SciPy, above 0.",
};

const NORM: ParamDef = ParamDef {
    name: "norm",
    kind: ParamKind::Choice(&["phase", "delay", "mag"]),
    default: Some(""),
    unit: "",
    doc: "What a bessel filter's frequency is about, as in SciPy: the phase's middle (the default), the delay, or -3 dB.",
};

/// The parameter `rate` of operators that need frequencies.
pub(crate) const RATE: ParamDef = ParamDef {
    name: "rate",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "Hz",
    doc: "Items per second, where the stream does not know it or knows it wrong.",
};

const CUTOFF: ParamDef = ParamDef {
    name: "cutoff",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "The edge. When it is turned the filter goes on from what it remembers; where f64 cannot hold the new one, with that of the graph. The gain there is down by 3 dB (butter), by the ripple (cheby1, ellip), by the attenuation (cheby2), or as `norm` says (bessel).",
};

const LOW: ParamDef = ParamDef {
    name: "low",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "The band's lower edge; what it means, `cutoff` of `iir.lowpass` says. When an edge is turned the filter goes on from what it remembers; where there is no such band, or f64 cannot hold it, with that of the graph: turn both edges at once.",
};

const HIGH: ParamDef = ParamDef {
    name: "high",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "The band's upper edge.",
};

const DOC: &str = "A filter in second-order sections, the numbers of `scipy.signal.sosfilt(sos, x)`, where `sos` is \
`scipy.signal.butter(order, .., output=\"sos\", fs=rate)`, or `cheby1(order, ripple, ..)`, `cheby2(order, attenuation, ..)`, \
`ellip(order, ripple, attenuation, ..)`, `bessel(order, .., norm=norm)`: it starts from rest and gives one item per item. \
Coefficients and state are f64 for every type. f32, f64, cf32 and cf64 keep their type, integers become f64; vector items are filtered \
per element. A state that has faded below 1e-290 becomes 0, so that silence costs no more than sound. A filter whose coefficients f64 \
cannot hold (a narrow band of a high order) is refused, and one whose sections amplify the rounding between them to more than 1e-5 (wide band-stops of a \
high order). An elliptic filter's poles have all their digits; SciPy's lose some where the transition is so steep that the parameter m is nearly 1 \
(order 24, 0.03 dB and 16 dB: 2e-8).";

pub(crate) const OUTPUTS: &str = "one stream of the input's type; f64 for integers";

/// The row of the low-pass.
pub const LOWPASS: OpDef = OpDef {
    name: "iir.lowpass",
    summary: "low-pass: Butterworth, Chebyshev, elliptic or Bessel",
    doc: DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[CUTOFF, ORDER, DESIGN, RIPPLE, ATTENUATION, NORM, RATE],
    example: "sine freq=440 rate=48000 items=4800 ! iir.lowpass cutoff=1000 ! null",
    deterministic: true,
    build,
};

/// The row of the high-pass.
pub const HIGHPASS: OpDef = OpDef {
    name: "iir.highpass",
    summary: "high-pass: Butterworth, Chebyshev, elliptic or Bessel",
    doc: DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[CUTOFF, ORDER, DESIGN, RIPPLE, ATTENUATION, NORM, RATE],
    example: "sine freq=440 rate=48000 items=4800 ! iir.highpass cutoff=1000 order=2 ! null",
    deterministic: true,
    build,
};

/// The row of the band-pass.
pub const BANDPASS: OpDef = OpDef {
    name: "iir.bandpass",
    summary: "band-pass: Butterworth, Chebyshev, elliptic or Bessel",
    doc: DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[LOW, HIGH, ORDER, DESIGN, RIPPLE, ATTENUATION, NORM, RATE],
    example: "noise rate=100 items=6000 ! iir.bandpass low=0.5 high=10 design=cheby1 ripple=1 ! null",
    deterministic: true,
    build,
};

/// The row of the band-stop.
pub const BANDSTOP: OpDef = OpDef {
    name: "iir.bandstop",
    summary: "band-stop: Butterworth, Chebyshev, elliptic or Bessel",
    doc: DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[LOW, HIGH, ORDER, DESIGN, RIPPLE, ATTENUATION, NORM, RATE],
    example: "noise rate=1000 items=6000 ! iir.bandstop low=45 high=55 order=2 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (rate, family, order) = (rate(args)?, family(args)?, order(args)?);
    let sections = design(args)?;
    let (op, names) = (args.op().name, edges(args));
    let values: Vec<f64> = names.iter().filter_map(|edge| args.float(edge)).collect();
    let anew = move |edges: &[f64]| iirfilter(family, order, band(op, edges), rate).ok();
    let blueprint = kernel::live_filter(args, &values, &sections, anew)?;
    Ok(live_edges(blueprint, names, &values, rate))
}

/// A dial for each edge, above 0 and below half the rate.
pub(crate) fn live_edges(
    blueprint: Blueprint,
    names: &[&'static str],
    values: &[f64],
    rate: f64,
) -> Blueprint {
    let below_nyquist = (rate / 2.0).next_down();
    let edges = names.iter().zip(values);
    edges.fold(blueprint, |blueprint, (name, value)| {
        blueprint.dial(*name, *value, f64::MIN_POSITIVE..=below_nyquist)
    })
}

/// The parameters that are an operator's edges.
pub(crate) fn edges(args: &Args) -> &'static [&'static str] {
    match args.op().name.contains("band") {
        true => &["low", "high"],
        false => &["cutoff"],
    }
}

fn band(op: &str, edges: &[f64]) -> Band {
    match op {
        "iir.lowpass" => Band::Low(edges[0]),
        "iir.highpass" => Band::High(edges[0]),
        "iir.bandpass" => Band::Pass(edges[0], edges[1]),
        _ => Band::Stop(edges[0], edges[1]),
    }
}

fn order(args: &Args) -> Result<usize, OpError> {
    let most = match args.text("design") {
        Some("bessel") => BESSEL_ORDER_MAX,
        _ => 64,
    };
    let order = args.required_count("order", 1)?;
    if order > most {
        return Err(OpError::param(
            "order",
            format!("`order` is {order}, and must be at most {most}"),
        ));
    }
    Ok(order as usize)
}

fn design(args: &Args) -> Result<Vec<Section>, OpError> {
    let (rate, family, order) = (rate(args)?, family(args)?, order(args)?);
    let edge = |name: &str| args.float(name).unwrap_or(f64::NAN);
    let names = edges(args);
    let values: Vec<f64> = names.iter().map(|name| edge(name)).collect();
    let (band, first) = (band(args.op().name, &values), names[0]);
    iirfilter(family, order, band, rate).map_err(|error| {
        let nyquist = rate / 2.0;
        let outside = |f: f64| f <= 0.0 || f >= nyquist;
        let at_fault = match first {
            _ if matches!(
                error,
                DesignError::Precision { .. } | DesignError::Rounding { .. }
            ) =>
            {
                "order"
            }
            "low" if !outside(edge("low")) && outside(edge("high")) => "high",
            first => first,
        };
        OpError::param(at_fault, format!("`{at_fault}`: {error}"))
    })
}

fn family(args: &Args) -> Result<Family, OpError> {
    let design = args.text("design").unwrap_or("butter");
    let (ripples, attenuates) = match design {
        "cheby1" => (true, false),
        "cheby2" => (false, true),
        "ellip" => (true, true),
        _ => (false, false),
    };
    let ripple = decibels(args, "ripple", ripples)?;
    let attenuation = decibels(args, "attenuation", attenuates)?;
    let norm = args.text("norm");
    if let (Some(norm), true) = (norm, design != "bessel") {
        let message =
            format!("`norm` is {norm}, and belongs to the design bessel, not to {design}");
        return Err(OpError::param("norm", message));
    }
    if design == "ellip" && ripple >= attenuation {
        let message =
            format!("`attenuation` is {attenuation} dB, and must be above `ripple`, {ripple} dB");
        return Err(OpError::param("attenuation", message));
    }
    Ok(match design {
        "cheby1" => Family::Chebyshev1 { ripple },
        "cheby2" => Family::Chebyshev2 { attenuation },
        "ellip" => Family::Elliptic {
            ripple,
            attenuation,
        },
        "bessel" => Family::Bessel(match norm {
            Some("delay") => Norm::Delay,
            Some("mag") => Norm::Magnitude,
            _ => Norm::Phase,
        }),
        _ => Family::Butterworth,
    })
}

/// A parameter in dB that the design has, or has not (0 then).
fn decibels(args: &Args, name: &str, has: bool) -> Result<f64, OpError> {
    let design = args.text("design").unwrap_or("butter");
    match (args.float(name), has) {
        (Some(db), true) if db > 0.0 && db <= 300.0 => Ok(db),
        (Some(db), true) => {
            let message = format!("`{name}` is {db} dB, and must be above 0 and at most 300");
            Err(OpError::param(name, message))
        }
        (None, true) => Err(OpError::op(format!("the design {design} needs `{name}`"))
            .with_help(format!("add `{name} = ..` in dB"))),
        (Some(_), false) => Err(OpError::param(
            name,
            format!("the design {design} has no `{name}`"),
        )
        .with_help(format!("leave out `{name}`, or choose another `design`"))),
        (None, false) => Ok(0.0),
    }
}

/// The parameter `rate`, else the stream's.
pub(crate) fn rate(args: &Args) -> Result<f64, OpError> {
    let op = args.op().name;
    match args.float("rate") {
        Some(rate) if rate > 0.0 => Ok(rate),
        Some(rate) => Err(OpError::param(
            "rate",
            format!("`rate` is {rate} Hz, and must be above 0"),
        )),
        None => args.input().rate.ok_or_else(|| {
            OpError::op(format!(
                "`{op}` needs frequencies in Hz, but the input's rate is not known"
            ))
            .with_help("give `rate` at the source, or here")
        }),
    }
}

/// A frequency in Hz that the stream can carry: above 0 and below half its rate.
pub(crate) fn frequency(args: &Args, name: &str, rate: f64) -> Result<f64, OpError> {
    let frequency = args.float(name).unwrap_or(f64::NAN);
    if frequency > 0.0 && frequency < rate / 2.0 {
        return Ok(frequency);
    }
    let error = DesignError::OutsideBand {
        frequency,
        nyquist: rate / 2.0,
    };
    Err(OpError::param(name, format!("`{name}`: {error}")))
}

/// A number above 0.
pub(crate) fn positive(args: &Args, name: &str) -> Result<f64, OpError> {
    let number = args.float(name).unwrap_or(f64::NAN);
    match number > 0.0 {
        true => Ok(number),
        false => Err(OpError::param(
            name,
            format!("`{name}` is {number}, and must be above 0"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn cutoff(f: f64) -> (&'static str, Value) {
        ("cutoff", Value::Float(f))
    }

    #[test]
    fn a_constant_passes_the_low_pass_and_not_the_high_pass() {
        for order in 1..=9 {
            let params = [cutoff(10.0), ("order", Value::Int(order))];
            let x = || [given("f64", &[1.0; 1000]).rate(100.0)];
            let low: Vec<f64> = output("iir.lowpass", &x(), &params, None);
            assert!((low[999] - 1.0).abs() < 1e-12, "{order}: {}", low[999]);
            let high: Vec<f64> = output("iir.highpass", &x(), &params, None);
            assert!(high[999].abs() < 1e-12, "{order}: {}", high[999]);
        }
    }

    #[test]
    fn every_channel_is_filtered_as_if_alone() {
        let channel = |c: usize| -> Vec<f64> {
            let items = (0..600).map(|n| ((n * (7 + c)) % 13) as f64);
            items.collect()
        };
        let params = [cutoff(7.0), ("order", Value::Int(11))];
        let woven: Vec<[f64; 2]> = channel(0)
            .into_iter()
            .zip(channel(1))
            .map(<[f64; 2]>::from)
            .collect();
        for item_type in ["f64[2]", "cf64"] {
            let x = given(item_type, &woven).rate(100.0);
            let both: Vec<[f64; 2]> = output("iir.lowpass", &[x], &params, None);
            for c in 0..2 {
                let x = given("f64", &channel(c)).rate(100.0);
                let alone: Vec<f64> = output("iir.lowpass", &[x], &params, None);
                let found: Vec<f64> = both.iter().map(|item| item[c]).collect();
                assert_eq!(found, alone, "{item_type} {c}");
            }
        }
    }

    #[test]
    fn integers_become_f64() {
        let params = [cutoff(25.0), ("order", Value::Int(1))];
        let whole = given("i16", &[8i16, -8, 0, 1]).rate(100.0);
        let float = given("f64", &[8.0, -8.0, 0.0, 1.0]).rate(100.0);
        let found: Vec<f64> = output("iir.lowpass", &[whole], &params, None);
        let expected: Vec<f64> = output("iir.lowpass", &[float], &params, None);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_faded_state_becomes_silence() {
        let mut x = vec![0.0; 100_000];
        x[0] = 1.0;
        let x = given("f64", &x).rate(100.0);
        let y: Vec<f64> = output("iir.lowpass", &[x], &[cutoff(10.0)], None);
        assert!(y[..500].iter().all(|y| *y != 0.0));
        assert!(y[99_000..].iter().all(|y| *y == 0.0));
        assert!(y.iter().all(|y| *y == 0.0 || y.is_normal()));
    }

    #[test]
    fn the_parameter_rate_comes_before_the_streams() {
        let x = || [given("f64", &[1.0, 2.0, 3.0]).rate(100.0)];
        let given_rate = [cutoff(100.0), ("rate", Value::Float(1000.0))];
        let found: Vec<f64> = output("iir.lowpass", &x(), &given_rate, None);
        let expected: Vec<f64> = output("iir.lowpass", &x(), &[cutoff(10.0)], None);
        assert_eq!(found, expected);
    }

    /// An operator, its parameters, the one that is refused.
    type Refused = (&'static str, Vec<(&'static str, Value)>, &'static str);

    #[test]
    fn what_makes_no_filter_is_refused_by_its_parameter() {
        let band = |low: f64, high: f64| vec![("low", low.into()), ("high", high.into())];
        let order = |n: i64| vec![cutoff(1.0), ("order", n.into())];
        let designed = |design: &str, more: &[(&'static str, i64)]| {
            let more = more.iter().map(|(name, n)| (*name, Value::Int(*n)));
            let first = [cutoff(1.0), ("design", design.into())];
            first.into_iter().chain(more).collect::<Vec<_>>()
        };
        let cases: Vec<Refused> = vec![
            ("iir.lowpass", vec![cutoff(50.0)], "cutoff"),
            ("iir.lowpass", vec![cutoff(0.0)], "cutoff"),
            ("iir.lowpass", order(0), "order"),
            ("iir.lowpass", order(65), "order"),
            ("iir.bandpass", band(0.0, 10.0), "low"),
            ("iir.bandpass", band(10.0, 50.0), "high"),
            ("iir.bandstop", band(10.0, 5.0), "low"),
            ("iir.lowpass", designed("bessel", &[("order", 26)]), "order"),
            (
                "iir.lowpass",
                designed("butter", &[("ripple", 1)]),
                "ripple",
            ),
            (
                "iir.lowpass",
                designed("cheby1", &[("ripple", 0)]),
                "ripple",
            ),
            (
                "iir.lowpass",
                designed("cheby1", &[("ripple", 1), ("attenuation", 9)]),
                "attenuation",
            ),
            (
                "iir.lowpass",
                designed("ellip", &[("ripple", 9), ("attenuation", 9)]),
                "attenuation",
            ),
        ];
        for (op, params, expected) in cases {
            let x = given::<f64>("f64", &[]).rate(100.0);
            let error = build(op, &[x], &params, None).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(expected), "{op}: {error}");
        }
        let x = given::<f64>("f64", &[]).rate(100.0);
        let error = build("iir.lowpass", &[x], &[cutoff(80.0)], None).unwrap_err();
        assert!(
            error.message.contains("80 Hz") && error.message.contains("50 Hz"),
            "{error}"
        );
        let unknown = build(
            "iir.lowpass",
            &[given::<f64>("f64", &[])],
            &[cutoff(1.0)],
            None,
        );
        assert!(unknown.unwrap_err().message.contains("rate is not known"));
    }
}
