//! What parameters are called elsewhere, in SciPy, GNU Radio, librosa, ObsPy, and windows in SciPy.

use super::OpDef;

/// Words, and what they are called here: of an operator that has several of these, the first counts; `a and b` stands where it has both.
const CALLED: &[(&[&str], &[&str])] = &[
    (
        &[
            "wn",
            "cutoff_freq",
            "cutoff_frequency",
            "fc",
            "f_c",
            "fcut",
            "corner",
            "corner_freq",
        ],
        &["cutoff", "low and high", "freq", "w0", "bands"],
    ),
    (
        &[
            "freqmin",
            "f_min",
            "lowcut",
            "low_cut",
            "low_cutoff",
            "low_cutoff_freq",
            "low_freq",
            "flow",
            "f_low",
            "fmin",
        ],
        &["low", "fmin", "cutoff"],
    ),
    (
        &[
            "freqmax",
            "f_max",
            "highcut",
            "high_cut",
            "high_cutoff",
            "high_cutoff_freq",
            "high_freq",
            "fhigh",
            "f_high",
            "fmax",
        ],
        &["high", "fmax", "cutoff"],
    ),
    (
        &[
            "f",
            "f0",
            "w0",
            "frequency",
            "freqs",
            "center_freq",
            "centre_freq",
            "center",
            "freq",
        ],
        &["freq", "w0", "cutoff", "low and high"],
    ),
    (
        &[
            "n",
            "order",
            "corners",
            "filter_order",
            "degree",
            "poly_order",
        ],
        &["order", "polyorder"],
    ),
    (
        &[
            "rp",
            "gpass",
            "passband_ripple",
            "pass_ripple",
            "max_ripple",
        ],
        &["ripple"],
    ),
    (
        &[
            "rs",
            "gstop",
            "stopband_attenuation",
            "stop_attenuation",
            "atten",
            "attenuation",
        ],
        &["attenuation", "ripple"],
    ),
    (&["ftype", "family", "filter_type"], &["design"]),
    (&["type", "filter", "btype", "filter_type"], &["kind"]),
    (
        &[
            "fs",
            "sr",
            "samp_rate",
            "sample_rate",
            "samplerate",
            "sampling_rate",
            "sampling_freq",
            "sample_freq",
            "framerate",
        ],
        &["rate"],
    ),
    (
        &["symbol_rate", "sym_rate", "baud"],
        &["symbol_rate", "sps", "omega"],
    ),
    (
        &[
            "nperseg",
            "n_fft",
            "nfft",
            "fft_size",
            "fft_len",
            "fftsize",
            "frame_length",
            "frame_size",
            "win_length",
            "winlen",
            "vlen",
            "block_size",
            "n",
        ],
        &["size"],
    ),
    (
        &["noverlap", "overlap", "n_overlap"],
        &["hop (the size less the overlap)", "step"],
    ),
    (
        &[
            "hop_length",
            "hop_size",
            "hopsize",
            "stride",
            "step",
            "shift",
        ],
        &["hop", "step"],
    ),
    (
        &[
            "window_size",
            "window_len",
            "window",
            "win",
            "kernel_size",
            "width",
            "n",
        ],
        &["size", "window_length"],
    ),
    (
        &[
            "ntaps",
            "n_taps",
            "num_taps",
            "filter_length",
            "n",
            "length",
        ],
        &["numtaps"],
    ),
    (&["coeffs", "coefficients", "h", "fir_taps"], &["taps"]),
    (
        &[
            "transition_width",
            "trans_width",
            "transition_bandwidth",
            "trans_bw",
        ],
        &["width"],
    ),
    (&["gain", "gains", "amplitudes"], &["desired"]),
    (&["edges", "bands"], &["bands"]),
    (&["weights"], &["weight", "gains"]),
    (
        &[
            "decim",
            "decimation",
            "decimation_factor",
            "downsample",
            "down_factor",
            "m",
            "q",
        ],
        &["decimate", "factor", "down"],
    ),
    (
        &[
            "interp",
            "interpolation",
            "interpolation_factor",
            "upsample",
            "up_factor",
            "l",
        ],
        &["up"],
    ),
    (
        &[
            "target_sr",
            "target_rate",
            "new_rate",
            "orig_sr",
            "rate",
            "num",
        ],
        &["up and down"],
    ),
    (
        &["loop_bw", "loop_bandwidth", "bw", "loop_gain"],
        &["bandwidth"],
    ),
    (&["damping_factor", "damping"], &["damping", "damp"]),
    (&["sps", "samples_per_symbol"], &["sps", "omega"]),
    (
        &["max_dev", "frequency_deviation", "freq_dev"],
        &["deviation", "max_deviation"],
    ),
    (&["room_size", "roomsize"], &["room"]),
    (&["wet_level", "mix"], &["wet"]),
    (&["dry_level"], &["dry"]),
    (&["decay", "feedback_gain"], &["feedback"]),
    (&["delay_time", "time"], &["delay"]),
    (&["gain_db", "gain", "volume"], &["db"]),
    (&["gain", "multiplier", "k", "constant"], &["factor"]),
    (&["min_height", "mph", "height_min"], &["height"]),
    (&["min_distance", "mpd"], &["distance"]),
    (&["min_prominence"], &["prominence"]),
    (&["min_width"], &["width"]),
    (
        &["thr", "thres", "thresh", "level", "db"],
        &["threshold", "on"],
    ),
    (
        &["thres1", "thr_on", "thresh_on", "trigger_on", "high", "hi"],
        &["on"],
    ),
    (
        &[
            "thres2",
            "thr_off",
            "thresh_off",
            "trigger_off",
            "low",
            "lo",
        ],
        &["off"],
    ),
    (&["nsta"], &["sta"]),
    (&["nlta"], &["lta"]),
    (
        &["refractory", "refractory_period", "dead_time", "holdoff"],
        &["hold"],
    ),
    (&["n_steps", "steps"], &["semitones"]),
    (&["n_mels", "n_bands", "nfilt"], &["bands"]),
    (&["n_clusters"], &["k"]),
    (&["n_components"], &["components"]),
    (&["amp", "ampl"], &["amplitude", "gain"]),
    (&["sigma", "stddev", "scale"], &["std"]),
    (
        &[
            "count",
            "nsamples",
            "n_samples",
            "num_samples",
            "num_items",
            "samples",
            "n",
        ],
        &["items", "times"],
    ),
    (&["duty_cycle"], &["duty"]),
    (&["symmetry"], &["width"]),
    (&["filename", "file", "fname", "fp", "file_name"], &["path"]),
    (&["sep", "delim"], &["delimiter"]),
    (&["usecols"], &["columns"]),
    (&["names"], &["columns", "header"]),
    (&["na_values"], &["missing"]),
    (&["dt", "dx"], &["delta"]),
    (&["win_args", "std", "sll", "nbar"], &["window_args"]),
    (
        &["func", "function", "agg", "aggfunc", "how", "reduction"],
        &["fn", "expr"],
    ),
    (
        &["expression", "predicate", "condition", "lambda"],
        &["expr", "fn"],
    ),
];

/// What has its own place here, whatever the operator.
fn placed(op: &OpDef, word: &str) -> Option<&'static str> {
    let is_filter = op.name.starts_with("iir.") || op.name.starts_with("fir.");
    let has = |name: &str| op.params.iter().any(|p| p.name == name);
    match word {
        "btype" | "pass_zero" | "kind" | "band" if is_filter => {
            Some("the operator's name says it: lowpass, highpass, bandpass, bandstop")
        }
        "output" if is_filter => Some("it computes in second-order sections always"),
        "ftype" | "zero_phase" if op.name == "decimate" => {
            Some("it does not filter: its text says what SciPy's filters before it are here")
        }
        "order" | "n" if is_filter && has("numtaps") => {
            Some("it has `numtaps`: one more than the order")
        }
        "fs" | "sr" | "samp_rate" | "sample_rate" | "sampling_rate" if !has("rate") => {
            Some("the stream has its rate: give `rate` where it begins")
        }
        _ => None,
    }
}

/// What the operator calls it, where this is a name that it has elsewhere.
pub(super) fn parameter_here(op: &OpDef, name: &str) -> Option<String> {
    let word = name.to_lowercase();
    if let Some(hint) = placed(op, &word) {
        return Some(hint.to_owned());
    }
    let has = |name: &str| op.params.iter().any(|p| p.name == name);
    // Of `hop (..)` the first word is the name.
    let has_all = |ours: &&&str| {
        let mut names = ours
            .split(" and ")
            .filter_map(|part| part.split(' ').next());
        names.all(has)
    };
    let rows = CALLED.iter().filter(|(words, _)| words.contains(&&*word));
    let ours = rows.flat_map(|(_, ours)| *ours).find(has_all)?;
    let quoted = match ours.split_once(' ') {
        None => format!("`{ours}`"),
        Some((low, rest)) => match rest.strip_prefix("and ") {
            Some(high) => format!("`{low}` and `{high}`"),
            None => format!("`{low}` {rest}"),
        },
    };
    Some(format!("`{}` calls it {quoted}", op.name))
}

/// The window that has this other name in `scipy.signal.get_window`.
pub(super) fn window_here(name: &str) -> Option<&'static str> {
    Some(match name {
        "hanning" | "han" => "hann",
        "hamm" | "ham" => "hamming",
        "bart" | "brt" => "bartlett",
        "black" | "blk" => "blackman",
        "blackharr" | "bkh" => "blackmanharris",
        "bman" | "bmn" => "bohman",
        "box" | "ones" | "rect" | "rectangular" => "boxcar",
        "brthan" | "bth" => "barthann",
        "cheb" => "chebwin",
        "halfcosine" => "cosine",
        "poisson" => "exponential",
        "flat" | "flt" => "flattop",
        "gauss" | "gss" => "gaussian",
        "general_gauss" | "ggs" => "general_gaussian",
        "ksr" => "kaiser",
        "sinc" => "lanczos",
        "nutl" | "nut" => "nuttall",
        "parz" | "par" => "parzen",
        "triangle" | "tri" => "triang",
        "tuk" => "tukey",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators;

    #[test]
    fn a_parameter_s_name_of_another_library_leads_to_ours() {
        let cases = [
            ("iir.lowpass", "Wn", "`iir.lowpass` calls it `cutoff`"),
            (
                "iir.bandpass",
                "Wn",
                "`iir.bandpass` calls it `low` and `high`",
            ),
            ("iir.lowpass", "rp", "`iir.lowpass` calls it `ripple`"),
            ("iir.lowpass", "rs", "`iir.lowpass` calls it `attenuation`"),
            ("iir.lowpass", "N", "`iir.lowpass` calls it `order`"),
            ("iir.lowpass", "ftype", "`iir.lowpass` calls it `design`"),
            ("iir.biquad", "type", "`iir.biquad` calls it `kind`"),
            ("savgol", "order", "`savgol` calls it `polyorder`"),
            ("savgol", "window", "`savgol` calls it `window_length`"),
            ("echo", "decay", "`echo` calls it `feedback`"),
            ("peaks", "min_height", "`peaks` calls it `height`"),
            ("welch", "fs", "`welch` calls it `rate`"),
            (
                "csd",
                "noverlap",
                "`csd` calls it `hop` (the size less the overlap)",
            ),
            ("stft", "hop_length", "`stft` calls it `hop`"),
            ("spectrogram", "n_fft", "`spectrogram` calls it `size`"),
            ("fir.lowpass", "ntaps", "`fir.lowpass` calls it `numtaps`"),
            (
                "fir.lowpass",
                "transition_width",
                "`fir.lowpass` calls it `width`",
            ),
            ("fir.lowpass", "decim", "`fir.lowpass` calls it `decimate`"),
            (
                "decimate",
                "ftype",
                "it does not filter: its text says what SciPy's filters before it are here",
            ),
            (
                "fir.lowpass",
                "order",
                "it has `numtaps`: one more than the order",
            ),
            ("decimate", "q", "`decimate` calls it `factor`"),
            ("resample", "interp", "`resample` calls it `up`"),
            (
                "resample",
                "target_sr",
                "`resample` calls it `up` and `down`",
            ),
            ("costas", "loop_bw", "`costas` calls it `bandwidth`"),
            ("clock.mm", "sps", "`clock.mm` calls it `omega`"),
            ("threshold", "thres2", "`threshold` calls it `off`"),
            ("quench", "refractory", "`quench` calls it `hold`"),
            ("zscore", "window", "`zscore` calls it `size`"),
            ("sta_lta", "nsta", "`sta_lta` calls it `sta`"),
            (
                "median",
                "fs",
                "the stream has its rate: give `rate` where it begins",
            ),
        ];
        for (op, word, expected) in cases {
            let found = parameter_here(operators::find(op).unwrap(), word);
            assert_eq!(found.as_deref(), Some(expected), "{op} {word}");
        }
        let none = parameter_here(operators::find("sine").unwrap(), "garlic");
        assert_eq!(none, None);
    }

    #[test]
    fn every_name_of_ours_is_a_parameter_of_some_operator() {
        let has = |name: &str| {
            let mut params = operators::table().iter().flat_map(|op| op.params);
            params.any(|p| p.name == name)
        };
        for ours in CALLED.iter().flat_map(|(_, ours)| *ours) {
            for name in ours
                .split(" and ")
                .filter_map(|part| part.split(' ').next())
            {
                assert!(has(name), "{name}");
            }
        }
    }
}
