//! What of an input's unit and rate comes out of each operator: every row with inputs and outputs is in one list for each.

use super::*;

/// What comes out measures what went in.
const KEEPS: &[&str] = &[
    "am.demod",
    "blocks",
    "changes",
    "channelizer",
    "clock.gardner",
    "clock.mm",
    "concat",
    "copy",
    "dc_block",
    "decimate",
    "deemphasis",
    "delay",
    "detrend",
    "diff",
    "drain",
    "echo",
    "ewma",
    "filter",
    "fir",
    "fir.bandpass",
    "fir.bandstop",
    "fir.firls",
    "fir.highpass",
    "fir.lowpass",
    "fir.remez",
    "fir.rrc",
    "flatten",
    "gain",
    "gate",
    "head",
    "hilbert",
    "iir",
    "iir.bandpass",
    "iir.bandstop",
    "iir.biquad",
    "iir.comb",
    "iir.highpass",
    "iir.lowpass",
    "iir.notch",
    "iir.peak",
    "kalman",
    "keep_m_in_n",
    "lfilter",
    "median",
    "merge",
    "mix",
    "moving_average",
    "norm",
    "pick",
    "pitch_shift",
    "preemphasis",
    "quantile",
    "tdigest",
    "quench",
    "release",
    "repeat",
    "resample",
    "reservoir",
    "reverb",
    "route",
    "sample",
    "shift",
    "skip",
    "skip_while",
    "squelch",
    "tags.add",
    "tags.drop",
    "tags.mark",
    "take_while",
    "throttle",
    "timed",
    "unstack",
    "weave",
];

/// What comes out measures something else, or nobody can say what: levels that were evened out, ratios, counts, angles, symbols, times,
/// results of expressions, texts.
const DROPS: &[&str] = &[
    "access_code",
    "agc",
    "am.mod",
    "bloom",
    "cepstrum",
    "coherence",
    "contains",
    "correlate",
    "count.by",
    "count_min",
    "cusum",
    "dct",
    "descramble",
    "differential.decode",
    "differential.encode",
    "differentiator",
    "fft",
    "flat_map",
    "fm.demod",
    "fm.mod",
    "goertzel",
    "hyperloglog",
    "ifft",
    "irfft",
    "join",
    "json.field",
    "kmeans",
    "lines",
    "lookup",
    "lower",
    "map",
    "mel",
    "misra_gries",
    "moments",
    "pca",
    "peaks",
    "pm.demod",
    "pm.mod",
    "regex.extract",
    "regex.match",
    "regress",
    "rfft",
    "scale",
    "scan",
    "scramble",
    "slice.binary",
    "slice.qpsk",
    "sta_lta",
    "sta_lta.recursive",
    "tags.values",
    "text.format",
    "text.length",
    "text.pack",
    "text.parse",
    "text.replace",
    "text.unpack",
    "threshold",
    "timed.zip",
    "upper",
    "words",
    "zero_crossings",
    "zscore",
];

/// It depends on the parameters: `what` of them, and the unit that is expected of V.
const DEPENDS: &[(&str, &str, &str)] = &[
    ("costas", "output=freq", ""),
    ("costas", "", "V"),
    ("level", "", "dB"),
    ("loudness", "", "LUFS"),
    ("pll", "output=freq", "Hz"),
    ("pll", "output=reference", ""),
    ("pll", "", "V"),
];

/// Units of these are tested where they are made: powers of the input's, of chosen scales and functions.
const ELSEWHERE: &[&str] = &[
    "csd",
    "dynamic_window",
    "istft",
    "octaves",
    "savgol",
    "spectrogram",
    "stft",
    "timed.mix",
    "timed.window",
    "welch",
    "window",
    "zip",
];

/// As many items come out as went in, whatever the parameters.
const SAME_RATE: &[&str] = &[
    "access_code",
    "agc",
    "am.demod",
    "am.mod",
    "bloom",
    "copy",
    "correlate",
    "costas",
    "count_min",
    "dc_block",
    "deemphasis",
    "delay",
    "descramble",
    "detrend",
    "diff",
    "differential.decode",
    "differential.encode",
    "differentiator",
    "echo",
    "ewma",
    "fm.demod",
    "fm.mod",
    "gain",
    "head",
    "hilbert",
    "iir",
    "iir.bandpass",
    "iir.bandstop",
    "iir.biquad",
    "iir.comb",
    "iir.highpass",
    "iir.lowpass",
    "iir.notch",
    "iir.peak",
    "kalman",
    "lfilter",
    "lower",
    "map",
    "median",
    "mel",
    "mix",
    "moving_average",
    "norm",
    "pick",
    "pitch_shift",
    "pll",
    "pm.demod",
    "pm.mod",
    "preemphasis",
    "reverb",
    "savgol",
    "scale",
    "scramble",
    "shift",
    "skip",
    "skip_while",
    "slice.binary",
    "slice.qpsk",
    "sta_lta",
    "sta_lta.recursive",
    "tags.add",
    "tags.drop",
    "tags.mark",
    "take_while",
    "text.length",
    "text.replace",
    "throttle",
    "timed",
    "unstack",
    "upper",
    "zip",
    "zscore",
];

/// Nobody knows beforehand how many items come out.
const NO_RATE: &[&str] = &[
    "changes",
    "contains",
    "cusum",
    "drain",
    "filter",
    "gate",
    "join",
    "merge",
    "peaks",
    "regex.match",
    "reservoir",
    "route",
    "tags.values",
    "timed.mix",
    "timed.zip",
    "words",
    "zero_crossings",
];

/// One item in for so many out.
struct Ratio(
    &'static str,
    &'static str,
    &'static [(&'static str, i64)],
    f64,
);

const RATIOS: &[Ratio] = &[
    Ratio("decimate", "f64", &[("factor", 4)], 0.25),
    Ratio("repeat", "f64", &[("times", 3)], 3.0),
    Ratio("keep_m_in_n", "f64", &[("m", 2), ("n", 5)], 0.4),
    Ratio("channelizer", "cf32", &[("channels", 5)], 0.2),
    Ratio("blocks", "f64", &[("size", 8), ("step", 4)], 0.25),
    Ratio("blocks", "f64", &[("size", 8)], 0.125),
    Ratio("flatten", "f64[3]", &[], 3.0),
    Ratio("window", "f64", &[("size", 8), ("step", 5)], 0.2),
    Ratio("fft", "f64", &[("size", 16)], 1.0 / 16.0),
    Ratio("fft", "f64[16]", &[], 1.0),
    Ratio("ifft", "cf64", &[("size", 10)], 0.1),
    Ratio("rfft", "f64", &[("size", 10)], 0.1),
    Ratio("dct", "f64", &[("size", 10)], 0.1),
    Ratio("resample", "f32", &[("up", 3), ("down", 2)], 1.5),
    Ratio(
        "fir.lowpass",
        "f64",
        &[("cutoff", 10), ("decimate", 5)],
        0.2,
    ),
    Ratio(
        "fir.rrc",
        "f64",
        &[("symbol_rate", 10), ("decimate", 4)],
        0.25,
    ),
    Ratio("clock.mm", "f32", &[("omega", 4)], 0.25),
    Ratio("clock.gardner", "cf32", &[("sps", 5)], 0.2),
];

const RATE: f64 = 100.0;

fn param_is(case: &Case, what: &str) -> bool {
    let Some((name, value)) = what.split_once('=') else {
        return true;
    };
    let found = case.params.iter().find(|(found, _)| found == name);
    found.is_some_and(|(_, found)| *found == Value::from(value))
}

fn expected_unit(case: &Case) -> Option<Option<&'static str>> {
    let has = |list: &[&str]| list.contains(&case.op);
    let depends = DEPENDS
        .iter()
        .find(|(op, what, _)| *op == case.op && param_is(case, what));
    match depends {
        Some((_, _, unit)) => Some(Some(*unit).filter(|unit| !unit.is_empty())),
        None if has(KEEPS) => Some(Some("V")),
        None if has(DROPS) => Some(None),
        None => None,
    }
}

#[test]
fn units_and_rates_come_out_of_every_operator_as_written_here() {
    let mut wrong = Vec::new();
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        case.write_files(folder.path());
        let args = case.args_of(folder.path(), Some("V"), Some(RATE));
        let blueprint = (case.def().build)(&args).unwrap();
        let Some(output) = blueprint
            .outputs
            .first()
            .filter(|_| !case.inputs.is_empty())
        else {
            continue;
        };
        // Texts measure nothing.
        let is_text = case.inputs[0].item_type.is_framed();
        let units = vec![Some("V"); case.inputs.len()];
        let unit = output.unit.follow(&units);
        match expected_unit(&case) {
            Some(expected) if expected != unit && !is_text => wrong.push(format!(
                "`{}` {:?}: unit {unit:?}, not {expected:?}",
                case.op, case.params
            )),
            None if !ELSEWHERE.contains(&case.op) => {
                wrong.push(format!("`{}` is in no list of units: {unit:?}", case.op))
            }
            _ => {}
        }
        let known = case.inputs[0].rate.unwrap_or(RATE);
        if SAME_RATE.contains(&case.op) && output.rate != Some(known) {
            wrong.push(format!(
                "`{}` {:?}: rate {:?}, not that of its input",
                case.op, case.params, output.rate
            ));
        }
        if NO_RATE.contains(&case.op) && output.rate.is_some() {
            wrong.push(format!(
                "`{}` {:?}: rate {:?}, and nobody knows it",
                case.op, case.params, output.rate
            ));
        }
    }
    for Ratio(op, item_type, params, ratio) in RATIOS {
        let mut of_op = case(op).input(item_type);
        of_op.params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let args = of_op.args_of(Path::new("."), None, Some(RATE));
        let rate = (of_op.def().build)(&args).unwrap().outputs[0].rate;
        if rate.is_none_or(|rate| (rate - ratio * RATE).abs() > 1e-9) {
            wrong.push(format!(
                "`{op}` {params:?}: rate {rate:?}, not {}",
                ratio * RATE
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
