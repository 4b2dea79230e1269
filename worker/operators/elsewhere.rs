//! What operators and their words are called elsewhere: in GNU Radio, SciPy, IoTPy, SoX, and in shells.

use crate::op::nearest;

use super::table;

/// What would mend the name of an operator that is none; `others` are names that are taken beside the table.
pub fn unknown_operator<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = table().iter().map(|op| op.name).chain(others).collect();
    // A name that is known elsewhere is a better guess than one that looks alike.
    match (called_here(name), nearest(name, &names)) {
        (Some(hint), _) => Some(hint),
        (None, Some(near)) => Some(format!("did you mean `{near}`?")),
        (None, None) => None,
    }
}

/// What a name of another library is called here, or how it is done: as the list below has it, as the text of an operator has
/// it, and the same of a name without the types at its end that GNU Radio's have (`rotator_cc`).
pub fn called_here(name: &str) -> Option<String> {
    let left_out = left_out(name).map(str::to_owned);
    let name = name.to_lowercase().replace(['-', '.'], "_");
    let untyped = untyped(&name);
    let same = |name: &str| {
        let op = super::find(name)?;
        Some(format!("it is called `{}`", op.name))
    };
    let listed = |name: &str| here(name).map(str::to_owned);
    left_out
        .or_else(|| listed(&name))
        .or_else(|| in_texts(&name))
        .or_else(|| listed(untyped?))
        .or_else(|| same(untyped?))
        .or_else(|| in_texts(untyped?))
}

/// A name of GNU Radio's without the types of its items: `c`omplex, `f`loat, `i`nt, `s`hort, `b`yte, `v`ector.
fn untyped(name: &str) -> Option<&str> {
    let (front, types) = name.rsplit_once('_')?;
    let is_types = (1..=3).contains(&types.len()) && types.chars().all(|c| "cfisbv".contains(c));
    is_types.then_some(front)
}

/// The operators whose texts name this function or block; none where many do, or where it is no name but a word.
fn in_texts(name: &str) -> Option<String> {
    if !name.contains('_') || super::find(name).is_some() {
        return None;
    }
    let names = |text: &str| {
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| word.eq_ignore_ascii_case(name))
    };
    let ops = table().iter().filter(|op| names(op.doc));
    let ops: Vec<String> = ops.map(|op| format!("`{}`", op.name)).collect();
    match &ops[..] {
        [] => None,
        [one] => Some(format!("{one} is what does it here")),
        few if few.len() <= 4 => Some(format!("there are {}", few.join(", "))),
        _ => None,
    }
}

/// What is said of operators that other builds have.
fn left_out(name: &str) -> Option<&'static str> {
    let is_table = matches!(
        name,
        "parquet.read" | "parquet.write" | "arrow.read" | "arrow.write"
    );
    (is_table && super::find(name).is_none())
        .then_some("it is there in a build with `cargo build --release --features arrow`")
}

/// What a word is called here, where it is one of these.
pub fn word_here<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    let here = match word.to_lowercase().as_str() {
        "avg" | "average" => "mean",
        "stdev" | "stddev" | "std_dev" | "sigma" => "std",
        "variance" => "var",
        "minimum" | "lowest" | "amin" => "min",
        "maximum" | "highest" | "amax" => "max",
        "med" | "p50" => "median",
        "peak_to_peak" | "peak2peak" | "range" | "extent" => "ptp",
        "len" | "length" | "size" | "n" => "count",
        "total" | "add" => "sum",
        "quadratic_mean" | "root_mean_square" => "rms",
        "percentile" => "quantile",
        "newest" | "latest" => "last",
        "oldest" => "first",
        _ => return nearest(word, words),
    };
    words.iter().copied().find(|word| *word == here)
}

/// The operator here that does what this name does elsewhere.
fn here(name: &str) -> Option<&'static str> {
    Some(
        match name.to_lowercase().replace(['-', '.'], "_").as_str() {
            // Shells and other stream engines.
            "tee" | "fanout" | "broadcast" | "dup" => {
                "a stream may have many readers: name it in the `in` of each; `copy` passes items on"
            }
            "uniq" | "unique" | "distinct" | "dedup" | "deduplicate" => {
                "`changes` drops what equals the item before it; `bloom` tells what has come before"
            }
            "group_by" | "groupby" | "count_values" | "histogram" => {
                "`count.by` counts texts, `misra_gries` and `count_min` numbers; `route` parts a stream by an expression"
            }
            "partition" | "split" | "separate" | "unmix" | "switch" | "stream_demux" => {
                "`route` gives each item to the port an expression names"
            }
            "split_element" | "split_list" | "split_e" => {
                "a `map` of the stream for each output; `route` gives each item to one of them"
            }
            "reduce" | "fold" | "accumulate" | "cumsum" | "cumulative_sum" => {
                "`scan` computes with a state: next = \"s + x\" is the running sum"
            }
            "take" | "limit" | "truncate" | "first_n" | "blocks_head" => "it is called `head`",
            "tail" | "drop_first" | "skiphead" => "it is called `skip`",
            "union" | "mix_streams" | "blend" | "merge_asynch" | "merge_streams"
            | "join_asynch" => "it is called `merge`",
            "interleave" | "round_robin" | "stream_mux" => "it is called `weave`",
            "append" | "chain" => "it is called `concat`",
            "where" | "filter_element" | "filter_min" | "select" | "grep" => {
                "`filter` keeps the items for which `expr` is true; `contains` and `regex.match` keep texts"
            }
            "apply" | "map_element" | "map_e" | "map_list" | "fmap_e" | "single_item"
            | "transform" => "it is called `map`: an expression of every item",
            "explode" | "unnest" => "`flatten` gives the elements of vectors one by one",
            "rate_limit" | "pace" => "it is called `throttle`",
            "join_on" | "inner_join" | "merge_on" => "it is called `join`",
            "zip_map" | "zip_stream" | "merge_list" | "join_synch" | "combine"
            | "multi_element" | "multi_list" | "add" | "sub" | "multiply" | "divide" => {
                "`zip` with `expr` computes with an item of each stream: expr = \"a + b\""
            }
            "count" | "range" | "seq" | "arange" | "ramp" => "it is called `counter`",
            "constant" | "const_source" | "sig_source_c" | "sig_source_f" => {
                "`const` gives the same item again; `sine`, `square`, `saw` and `triangle` are waves"
            }
            "stdin"
            | "file_source"
            | "file_to_stream"
            | "source_file_to_stream"
            | "source_file"
            | "source_float_file"
            | "source_int_file" => {
                "`raw.read`, `csv.read` or `text.read` reads; path = \"-\" is standard input"
            }
            "stdout" | "print_stream" => "it is called `print`",
            "stream_to_file" | "file_sink" | "queue_to_file" => {
                "`raw.write`, `csv.write` or `text.write` writes files"
            }
            "stream_to_json" => "it is called `jsonl.write`",
            "sink" | "null_sink" | "discard" | "devnull" => "it is called `null`",
            // IoTPy.
            "map_window" | "map_w" | "sliding_window" | "rolling" | "moving"
            | "map_window_list" => {
                "`window` computes `fn` of each window; `blocks` gives windows as vectors, for `map`"
            }
            "merge_window" | "merge_multiple_windows" | "multi_window" => {
                "`blocks` of each stream, then `zip` with `expr`"
            }
            "split_window" | "split_w" => "`blocks`, then a `map` of them for each output",
            "sliding_window_with_startup" => "it is `window` with growing = true",
            "dynamic_window_agent" => "it is called `dynamic_window`",
            "iot" => {
                "`blocks` with step = 1, then a `scan` that counts down what is passed over; in Rust `striding`"
            }
            "split_signal" => "`changes` or `timed.window`, then a `map` or `scan` for each output",
            "call_streams" => {
                "`release` lets items pass when another stream says so, `sample` takes the newest, `gate` is on and off"
            }
            "sink_conditional" => "`release`, then one of the writers; in Rust a `sink`",
            "signal_sink" => {
                "`changes` or `timed.window`, then one of the writers; in Rust a `sink`"
            }
            "sink_window" | "sink_w" | "f_window" => {
                "`window` or `blocks`, then one of the writers; in Rust a `sink` of windows"
            }
            "stream_to_queue" => "in Rust it is called `queue`; in a graph file one of the writers",
            "source_list_to_stream" | "source_list" => {
                "in Rust a `Vec` or `from_iter` is a source; in a graph file `csv.read` and its like read files"
            }
            "source_func_to_stream" | "source_func" | "source_function" => {
                "in Rust it is `from_fn`; in a graph file `map` makes anything of the numbers of a `counter`"
            }
            "iot_merge" => {
                "`zip` where rows are used up together; else `timed.mix` with index = true, then `scan`"
            }
            "f_add" | "f_sub" | "f_mul" | "r_add" | "r_sub" | "r_mul" => {
                "`map` has it: expr = \"x + 1\"; of two streams `zip` with expr = \"a - b\""
            }
            "subtract_mean" | "subtract_mean_from_stream" | "subtract_mean_from_streamarray" => {
                "`blocks`, then `map` with expr = \"x[-1] - mean(x)\""
            }
            "bandpass_fir" | "bp_fir" => "it is called `fir.bandpass`",
            "bandpass_iir" | "bp_iir" => "it is called `iir.bandpass`",
            "detect_anomaly" | "simple_anomaly" | "short_term_long_term_anomaly" | "ksigma" => {
                "`sta_lta` compares a short mean with a long one, `zscore` an item with those before it"
            }
            "quenched_time_of_crossing_threshold" => "`threshold`, then `quench`",
            "heavy_hitters" => {
                "`misra_gries` finds the numbers that come most often, `count.by` counts texts"
            }
            "hll" => "it is called `hyperloglog`",
            "incrementalpca" | "incremental_pca" => "`pca` estimates the components as points come",
            "sieve" => "a chain of `scan`, each of which keeps its first item as its prime",
            "unity" | "shared" => {
                "`scan` has the state that is shared; in Rust `unfold` computes until nothing changes"
            }
            "map_element_database" | "dictionary" | "vlookup" => "it is called `lookup`",
            "timed_window" | "time_window" | "tumbling_window" | "session_window" => {
                "it is called `timed.window`"
            }
            "timed_zip" | "join_timed" => "it is called `timed.zip`",
            "timed_unzip" => {
                "a `filter` for each output, expr = \"x[0] == x[0]\", then `map` with expr = \"x[0]\""
            }
            "timed_mix" => "it is called `timed.mix`",
            "unzip" | "split_tuple" | "deinterleave" | "vector_to_streams" => {
                "it is called `unstack`"
            }
            "signal_element" | "on_change" => "it is called `changes`",
            "subsample" | "keep_one_in_n" => "it is called `decimate`",
            "every" => {
                "`counter`, then `throttle` with a rate: a timer; `decimate` keeps every nth item"
            }
            "prepend" => "`delay` gives initial items first",
            "exponential_smoothing" => {
                "`scan` with next = \"0.9 * s + 0.1 * x\" and init weighs as IoTPy does; `ewma` begins with its first item"
            }
            "ema" | "single_pole_iir_filter_ff" => "it is called `ewma`",
            "sink_element" | "sink_e" | "sink_list" | "f_item" | "stream_to_list" => {
                "in Rust `sink` and `collect`; in a graph file one of the writers"
            }
            // GNU Radio.
            "decimator" | "downsample" | "decim" => {
                "`resample` filters and keeps every nth item, `decimate` keeps it without a filter"
            }
            "interpolator"
            | "upsample"
            | "rational_resampler"
            | "resample_poly"
            | "rational_resampler_ccc" => "it is called `resample`",
            "stream_to_vector" | "vectorize" | "chunk" => "it is called `blocks`",
            "vector_to_stream" => "it is called `flatten`",
            "streams_to_vector" | "stack" => {
                "`zip` without `expr` makes vectors of several streams"
            }
            "freq_xlating_fir_filter"
            | "freq_xlating_fir_filter_ccf"
            | "rotator"
            | "nco"
            | "mixer" => "`shift` moves frequencies; `fir.lowpass` behind it filters",
            "quadrature_demod"
            | "quadrature_demod_cf"
            | "wbfm"
            | "wbfm_receive"
            | "wfm_rcv"
            | "nbfm" => "it is called `fm.demod`",
            "complex_to_mag" | "complex_to_real" | "complex_to_arg" | "complex_to_mag_squared" => {
                "`map` has parts of complex numbers: `abs(x)`, `re(x)`, `im(x)`, `arg(x)`"
            }
            "float_to_complex" => "`zip` with expr = \"complex(a, b)\"",
            "low_pass_filter" | "lpf" | "fir_filter" => {
                "it is called `fir.lowpass`; `iir.lowpass` is recursive, `fir` takes taps"
            }
            "lowpass" | "low_pass" => "there are `fir.lowpass` and `iir.lowpass`",
            "highpass" | "high_pass" | "hpf" => "there are `fir.highpass` and `iir.highpass`",
            "bandpass" | "band_pass" | "bpf" => "there are `fir.bandpass` and `iir.bandpass`",
            "bandstop" | "band_reject" | "band_stop" => {
                "there are `fir.bandstop` and `iir.bandstop`"
            }
            "clock_recovery_mm" | "clock_recovery_mm_ff" | "symbol_sync" => {
                "there are `clock.mm` and `clock.gardner`"
            }
            "costas_loop" => "it is called `costas`",
            "pll_carriertracking" => "it is called `pll`",
            "root_raised_cosine" | "rrc" => "it is called `fir.rrc`",
            "binary_slicer" | "slicer" => "it is called `slice.binary`",
            "pfb" | "pfb_channelizer" | "pfb_channelizer_ccf" => "it is called `channelizer`",
            "matched_filter" => {
                "`correlate` takes the pattern, `fir` taps, `fir.rrc` is that of pulses"
            }
            "pwr_squelch" | "pwr_squelch_cc" | "simple_squelch" | "noise_gate" => {
                "it is called `squelch`"
            }
            "agc2" | "feedforward_agc" => "it is called `agc`",
            "scrambler" | "additive_scrambler" => "there are `scramble` and `descramble`",
            "diff_encoder" | "diff_decoder" => {
                "there are `differential.encode` and `differential.decode`"
            }
            "correlator" | "corr_est" => "`correlate` finds a pattern, `access_code` one of bits",
            "constellation_decoder" => "there are `slice.binary` and `slice.qpsk`",
            "moving_sum" => "`moving_average`, then `scale`; or `window` with fn = \"sum\"",
            "add_const" => "`scale` adds its offset, `map` has it: expr = \"x + 1\"",
            "peak_detector" | "peak_detector2" => "it is called `peaks`",
            "delay_line" => "it is called `delay`",
            "valve" | "selector" | "mute" => "`gate` passes items while another stream is not 0",
            "burst_tagger" => "`tags.mark` marks where an expression is true",
            "tone_detector" | "dtmf" => "`goertzel` tells the strength of a few tones",
            // SoX, librosa, and sound at large.
            "pink" | "white" | "brown" | "pink_noise" => {
                "it is called `noise`: color = \"pink\" or \"white\""
            }
            "comb" => "`iir.comb` takes a tone and its multiples out, `echo` is a feedback comb",
            "mfcc" | "mfccs" | "melspectrogram" => {
                "`spectrogram`, `mel`, `map` with expr = \"10 * log10(max(x, 1e-10))\", then `dct` norm=ortho"
            }
            "idct" => "`dct` with type = 3 and norm = \"forward\"",
            "equalizer" | "parametric_eq" | "eq" | "allpass" | "shelf" | "bass" | "treble" => {
                "`iir.biquad` has peaks, shelves and all-passes: kind = \"peaking\""
            }
            "envelope_follower" => "`map` with expr = \"abs(x)\", then `ewma` or `iir.lowpass`",
            "leveler" | "normalize" | "compressor" => "`agc` keeps the level, `gain` changes it",
            // SciPy and NumPy.
            "sawtooth" => "it is called `saw`; `triangle` is SciPy's of width 0.5",
            "unit_impulse" => "it is called `impulses`",
            "lfilter_zi" | "lfiltic" | "sosfilt_zi" => {
                "`lfilter` and `iir` take what these give as `zi`"
            }
            "buttord" | "cheb1ord" | "cheb2ord" | "ellipord" | "iirdesign" => {
                "`iir.lowpass` and its like take the `order`; `fir.lowpass` finds it from `ripple` and `width`"
            }
            "kaiserord" | "kaiser_beta" => {
                "`fir.lowpass` and its like take `ripple` and `width`, and find the taps"
            }
            "argrelextrema" | "argrelmax" | "find_peaks_cwt" | "peak_widths"
            | "peak_prominences" => "`peaks` has heights, prominences and widths",
            "wiener" => "`kalman` smooths by the variances of signal and noise",
            "order_filter" | "rank_filter" | "percentile_filter" | "maximum_filter1d"
            | "minimum_filter1d" | "moving_max" | "moving_min" | "rolling_max" | "rolling_min" => {
                "`window` has it: fn = \"max\" or another, size and step = 1"
            }
            "gaussian_filter1d" => "`fir` with `taps`; `ewma` and `savgol` smooth, too",
            "shorttimefft" => "there are `stft` and `istft`",
            "zoom_fft" | "czt" => {
                "`shift`, `fir.lowpass` with `decimate`, then `fft`; `goertzel` has a few frequencies"
            }
            "gausspulse" | "sweep_poly" | "max_len_seq" => {
                "`chirp` sweeps, `noise` is random; `map` shapes a `counter` by an expression"
            }
            "butter" | "cheby1" | "cheby2" | "ellip" | "bessel" | "iirfilter" => {
                "`iir.lowpass`, `iir.highpass`, `iir.bandpass` and `iir.bandstop` design and filter: design = \"butter\", \"cheby1\", \"cheby2\", \"ellip\" or \"bessel\""
            }
            "sosfilt" | "sos" => {
                "`iir` takes sections, `lfilter` numerator and denominator, `fir` taps; `iir.lowpass` and its like design them"
            }
            "filtfilt" | "sosfiltfilt" => {
                "a stream cannot be filtered backwards: `lfilter` and `iir` filter forwards, symmetric taps of `fir` delay all frequencies alike"
            }
            "firwin" | "firwin2" => {
                "`fir.lowpass`, `fir.highpass`, `fir.bandpass` and `fir.bandstop` design and filter"
            }
            "remez" | "firls" => "there are `fir.remez` and `fir.firls`",
            "iirnotch" | "notch" => "it is called `iir.notch`",
            "convolve" | "fftconvolve" | "oaconvolve" => "`fir` with `taps` convolves",
            "periodogram" | "psd" | "power_spectrum" => "it is called `welch`",
            "medfilt" => "it is called `median`",
            "savgol_filter" => "it is called `savgol`",
            "find_peaks" => "it is called `peaks`",
            "uniform_filter1d" | "moving_mean" | "boxcar" => "it is called `moving_average`",
            "cross_spectrum" | "cpsd" => "it is called `csd`",
            "mscohere" => "it is called `coherence`",
            "envelope" => "`hilbert`, then `map` with expr = \"abs(x)\"",
            "gaussian_noise" | "white_noise" | "randn" | "random" => "it is called `noise`",
            "clip" | "clamp" => "`map` has it: expr = \"clamp(x, -1, 1)\"",
            "abs" | "sqrt" | "log" | "log10" | "exp" | "round" | "floor" => {
                "`map` has it: expr = \"abs(x)\", \"sqrt(x)\", \"log(x)\" .."
            }
            "cumulative_trapezoid" | "integrate" | "integrator" => {
                "`scan` adds up: next = \"s + x\"; over time divide by the rate"
            }
            "hann" | "hamming" | "blackman" | "kaiser" | "get_window" => {
                "windows are a parameter of `stft`, `welch` and `fir.lowpass`: window = \"hann\""
            }
            "vco" => "`fm.mod` turns with its input",
            "pfb_arb_resampler" | "interp_fir_filter" => {
                "it is called `resample`: up and down, and taps of its own"
            }
            "fm_deemph" => "it is called `deemphasis`",
            "fm_preemph" => "it is called `preemphasis`",
            "am_demod" => "it is called `am.demod`",
            "nbfm_rx" | "wbfm_rx" | "nbfm_receive" => "it is called `fm.demod`",
            "integrate_ff" | "integrate_cc" => {
                "`window` sums so many items: size and step the same, fn = \"sum\""
            }
            "fft_filter" => "it is called `fir`: method = \"fft\"",
            "lowpass_filter" => "there are `fir.lowpass` and `iir.lowpass`",
            "high_pass_filter" | "highpass_filter" => "there are `fir.highpass` and `iir.highpass`",
            "band_pass_filter" | "bandpass_filter" => "there are `fir.bandpass` and `iir.bandpass`",
            "band_reject_filter" | "bandstop_filter" => {
                "there are `fir.bandstop` and `iir.bandstop`"
            }
            "nlog10" | "amplitude_to_db" | "power_to_db" => {
                "`map` has it: expr = \"10 * log10(x)\", 20 for amplitudes"
            }
            "ar_pick" | "pk_baer" => "`sta_lta` and `threshold` pick",
            "z_detect" => "it is called `zscore`",
            "rms" => "`window` has it: fn = \"rms\"; `level` in dB",
            "rolling_mean" => "it is called `moving_average`",
            "dbfs" => "it is called `level`",
            "lufs" => "it is called `loudness`",
            "octave_bands" => "it is called `octaves`",
            "schmitt" => "`threshold` has two levels: `on` and `off`",
            "load" | "read_wav" => "it is called `wav.read`",
            "vector_sink" => "`print` and the writers take what comes; in Rust there is `collect`",
            "mat" | "hdf5" | "xlsx" => {
                "saved as CSV `csv.read` reads it, as NumPy's arrays `npy.read`"
            }
            "spectrum" | "waterfall" | "dft" => {
                "`rfft`, `stft` and `spectrogram` give spectra; `png.write` draws them"
            }
            "unwrap" => {
                "`fm.demod` gives the differences of phases, unwrapped; `scan` adds them up"
            }
            "interpolate" | "upfirdn" => "`resample` filters and raises the rate: up = 4",
            "complex_to_imag" => "`map` has it: expr = \"im(x)\"",
            "multiply_const" | "amplify" => "`scale` multiplies, `gain` in dB",
            "wavfile_source" => "it is called `wav.read`",
            "wavfile_sink" | "audio_write" => "it is called `wav.write`",
            "limiter" => "`map` limits each item: expr = \"clamp(x, -1, 1)\"",
            "linear_regression" | "polyfit" => "it is called `regress`",
            "percentile" | "t_digest" => "`tdigest` and `quantile` estimate it",
            "trigger" | "schmitt_trigger" | "hysteresis" => {
                "`threshold` has two levels: `on` and `off`"
            }
            "average" | "avg" | "mean" | "sum" | "std" | "max" | "min" => {
                "`window` computes it of each window: fn = \"mean\"; `moments` of all items so far"
            }
            // What comes from elsewhere, and what files there are.
            "input" | "cat" | "file" | "source" => {
                "`csv.read`, `text.read` and `raw.read` read; path = \"-\" is standard input"
            }
            "output" => "`print` writes to standard output, `csv.write` to a file",
            "csv" => "`csv.read` and `csv.write`",
            "mp3_read" | "mp4_read" | "m4a_read" | "aac_read" | "aiff_read" | "opus_read" => {
                "`wav.read`, `flac.read` and `ogg.read` read sounds; ffmpeg -i SOUND out.wav makes one of any other"
            }
            "xlsx_read" | "xls_read" | "excel_read" | "ods_read" | "hdf5_read" | "h5_read"
            | "mat_read" | "sqlite_read" | "sql_read" => {
                "saved as CSV `csv.read` reads it, as NumPy's arrays `npy.read`"
            }
            "mqtt_read" | "kafka_read" | "http_read" | "http" | "https" | "mqtt" | "kafka"
            | "websocket" | "redis" | "zmq" | "serial" | "exec" | "command" => {
                "a program that prints what comes is read by `text.read`, path = \"-\"; `tcp.read`, `udp.read` and `unix.read` are sockets"
            }
            "mic" | "microphone" | "audio" | "alsa_source" | "audio_source" => {
                "arecord -t raw .. prints it, and `raw.read` with path = \"-\" reads that"
            }
            "plot" | "scope" | "draw" => {
                "`png.write` draws vectors line by line; `csv.write` is for other programs"
            }
            // Time.
            "clock" | "timer" | "time" | "tick" | "ticks" | "interval" => {
                "`counter` counts and `throttle` lets so many through a second of the clock"
            }
            "sleep" | "wait" | "pause" => {
                "`throttle` lets so many items through a second; `delay` puts items before a stream"
            }
            "lag" | "shift_by" | "roll" => "it is called `delay`",
            // Tables.
            "batch" | "buffer" | "group" => "`blocks` makes vectors of so many items",
            "normalise" | "standardize" => "it is called `zscore`",
            "sort" | "hist" | "describe" | "summary" => {
                "a stream is not over: `quantile`, `moments` and `window` tell of what has come, or of its last items"
            }
            _ => return None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::find;

    /// The names in a hint that are operators, `op` of `op.name` too.
    fn named(hint: &str) -> Vec<&str> {
        hint.split('`').skip(1).step_by(2).collect()
    }

    #[test]
    fn a_name_of_another_library_leads_to_ours() {
        let cases = [
            ("tee", "many readers"),
            ("unique", "`changes`"),
            ("map_element", "`map`"),
            ("butter", "`iir.lowpass`"),
            ("lowpass", "`fir.lowpass` and `iir.lowpass`"),
            ("low-pass", "`iir.lowpass`"),
            ("quadrature_demod_cf", "`fm.demod`"),
            ("hann", "window = \"hann\""),
            ("vco", "`fm.mod`"),
            ("wavfile_source", "`wav.read`"),
            ("upfirdn", "`resample`"),
            ("exponential_smoothing", "`scan`"),
            ("timed_unzip", "`filter`"),
            ("split_window", "`blocks`, then a `map`"),
            ("bandpass_FIR", "`fir.bandpass`"),
            ("timer", "`throttle`"),
            ("rotator_cc", "`shift`"),
            ("symbol_sync_cc", "`clock.gardner`"),
            ("fft_filter_ccc", "`fir`"),
            ("diff_decoder_bb", "`differential.decode`"),
            ("correlate_access_code_tag_bb", "`access_code`"),
            ("recursive_sta_lta", "`sta_lta.recursive`"),
            ("trigger_onset", "`threshold`"),
            ("threshold_ff", "`threshold`"),
            ("Load", "`wav.read`"),
            ("coutner", "did you mean `counter`?"),
            ("sqrt", "\"sqrt(x)\""),
            ("mp3.read", "ffmpeg"),
            ("xlsx.read", "`csv.read`"),
            ("mqtt.read", "`text.read`"),
            ("csv", "`csv.read`"),
            ("timer", "`throttle`"),
            ("tria", "did you mean `trio`?"),
        ];
        for (name, expected) in cases {
            let help = unknown_operator(name, ["trio"].into_iter()).unwrap_or_default();
            assert!(help.contains(expected), "{name}: {help}");
        }
        assert_eq!(unknown_operator("foo", std::iter::empty()), None);
    }

    #[test]
    fn operators_of_other_builds_are_called_so() {
        for name in ["parquet.read", "parquet.write", "arrow.read", "arrow.write"] {
            let help = unknown_operator(name, std::iter::empty()).unwrap_or_default();
            let is_left_out = help.contains("--features arrow");
            assert_eq!(is_left_out, find(name).is_none(), "{name}: {help}");
        }
    }

    #[test]
    fn no_name_of_ours_is_taken_for_one_of_another_library_and_hints_name_what_there_is() {
        let source = include_str!("elsewhere.rs");
        let (_, body) = source.split_once("fn here(").unwrap();
        let (body, _) = body.split_once("#[cfg(test)]").unwrap();
        let words = body.split('"').skip(1).step_by(2);
        let names = words.filter(|word| here(word).is_some());
        let mut seen = 0;
        for name in names {
            seen += 1;
            assert!(find(name).is_none(), "`{name}` is an operator here");
            let hint = here(name).unwrap();
            assert!(
                named(hint).iter().any(|word| find(word).is_some()) || hint.contains("in Rust"),
                "{name}: {hint}"
            );
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn a_word_of_another_library_leads_to_ours_where_it_is_one_of_those() {
        let words = ["sum", "mean", "var", "std", "count"];
        assert_eq!(word_here("avg", &words), Some("mean"));
        assert_eq!(word_here("Stdev", &words), Some("std"));
        assert_eq!(word_here("meen", &words), Some("mean"));
        assert_eq!(word_here("maximum", &words), None);
        assert_eq!(word_here("foo", &words), None);
    }
}
