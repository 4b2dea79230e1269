//! Spectra: transforms of blocks and of frames, and what is made of them.

use super::{Case, case};

/// Items of an input: more than every window of these cases, often.
const SOME: usize = 600;

pub(crate) fn cases() -> Vec<Case> {
    [blocks(), frames(), means(), averages(), tones(), inverses()]
        .into_iter()
        .flatten()
        .collect()
}

fn inverses() -> Vec<Case> {
    let inverse = |item_type, hop| case("istft").input(item_type).param("hop", hop);
    let mut all = vec![
        inverse("cf32[9]", 16).param("window", "boxcar"),
        inverse("cf32[17]", 3).param("onesided", false),
        inverse("cf64[17]", 5)
            .param("onesided", false)
            .param("size", 12),
        inverse("cf64[1]", 1).param("window", "boxcar"),
    ];
    for item_type in ["cf32[17]", "cf64[17]"] {
        for (hop, size) in [(8, 32), (16, 32), (31, 33), (1, 7)] {
            all.push(inverse(item_type, hop).param("size", size));
        }
        let tukey = inverse(item_type, 20).param("window", "tukey");
        all.push(tukey.param("window_args", 0.3).param("scaling", "none"));
    }
    all
}

fn blocks() -> Vec<Case> {
    let mut all = vec![
        case("rfft").input("f32[12]"),
        case("rfft").input("u8[7]"),
        case("irfft").input("cf32[9]").param("size", 17),
        case("irfft").input("cf64[9]"),
        case("irfft").input("cf64[1]"),
        case("dct").input("f32[12]").param("type", 3),
        case("mel")
            .input("f32[33]")
            .param("rate", 8000)
            .param("bands", 9),
        case("mel")
            .input("u8[65]")
            .param("rate", 8000)
            .param("htk", true),
        case("flatten").input("i16[3]"),
        case("flatten").input("cf64[50]"),
        case("blocks").input("u8").param("size", 7),
        case("blocks").input("cf64").param("size", 1),
        case("blocks")
            .input("f64")
            .param("size", 50)
            .param("step", 3),
        case("blocks").input("u8").param("size", 4).param("step", 9),
    ];
    for item_type in ["i16", "f32", "f64"] {
        for size in [1, 16, 97, 100] {
            all.push(case("rfft").input_of(item_type, SOME).param("size", size));
            let cosines = case("dct").input_of(item_type, SOME).param("size", size);
            all.push(cosines.param("norm", "ortho"));
        }
    }
    all
}

fn frames() -> Vec<Case> {
    let mut all = Vec::new();
    for op in ["stft", "spectrogram", "cepstrum"] {
        for item_type in ["f64", "f32", "i32", "cf32", "cf64"] {
            if op == "cepstrum" && item_type.starts_with('c') {
                continue;
            }
            for (size, hop) in [(32, 8), (33, 17), (20, 45), (1, 3)] {
                let case = case(op).input_of(item_type, SOME).param("size", size);
                all.push(case.param("hop", hop));
            }
        }
        all.push(
            case(op)
                .input("f64")
                .param("size", "0.5 s")
                .param("nfft", 64),
        );
        all.push(
            case(op)
                .input("f32")
                .param("window", "kaiser")
                .param("beta", 5),
        );
    }
    for (window, params) in [
        ("taylor", vec![5.0, 35.0]),
        ("chebwin", vec![80.0]),
        ("general_cosine", vec![0.4, 0.3, 0.2, 0.1]),
        ("gaussian", vec![20.0]),
    ] {
        let case = case("stft").input("f32").param("window", window);
        all.push(case.param("window_args", params));
    }
    for scaling in ["spectrum", "psd", "none"] {
        all.push(case("stft").input("f32").param("scaling", scaling));
    }
    for (hop, padded) in [(9, true), (24, false), (30, true)] {
        let bordered = case("stft").input("cf32").param("boundary", "zeros");
        let bordered = bordered.param("size", 24).param("hop", hop);
        all.push(bordered.param("padded", padded));
    }
    let powers = case("spectrogram").input("f32").param("scale", "dB");
    all.push(
        powers
            .param("scaling", "spectrum")
            .param("detrend", "false"),
    );
    all
}

fn means() -> Vec<Case> {
    let mut all = Vec::new();
    for item_type in ["f64", "f32", "cf32", "u16"] {
        for (segments, every) in [(8, 8), (5, 1), (7, 3), (2, 5), (1, 1)] {
            let case = case("welch").input_of(item_type, SOME).param("size", 24);
            all.push(case.param("segments", segments).param("every", every));
        }
    }
    let case = case("welch")
        .input("f64")
        .param("size", 10)
        .param("hop", 25);
    all.push(case.param("scaling", "spectrum").param("detrend", "false"));
    all
}

fn averages() -> Vec<Case> {
    let mut all = Vec::new();
    for item_type in ["f64", "f32", "cf32", "u16"] {
        for (segments, every) in [(5, 5), (4, 1), (2, 5)] {
            let shaped = |op: &'static str| {
                let case = case(op).input_of(item_type, SOME).param("size", 24);
                case.param("segments", segments).param("every", every)
            };
            all.push(shaped("welch").param("average", "median"));
            let linear = |op| {
                shaped(op)
                    .input_of(item_type, SOME)
                    .param("detrend", "linear")
            };
            all.push(linear("csd").param("average", if every == 1 { "median" } else { "mean" }));
            all.push(linear("coherence"));
        }
    }
    for item_type in ["f32", "cf64"] {
        for op in ["welch", "csd", "coherence"] {
            let case = case(op).input_of(item_type, SOME);
            let case = if op == "welch" {
                case
            } else {
                case.input_of(item_type, SOME)
            };
            all.push(case.param("size", 24).param("hop", 7).param("whole", true));
        }
    }
    for item_type in ["f32[5]", "cf64[8]", "u8[33]"] {
        all.push(case("detrend").input_of(item_type, SOME));
        let constant = case("detrend").input_of(item_type, SOME);
        all.push(constant.param("type", "constant"));
    }
    all.push(case("stft").input("f32").param("detrend", "linear"));
    all
}

fn tones() -> Vec<Case> {
    let mut all = Vec::new();
    for item_type in ["f64", "f32", "i16", "cf32"] {
        for (size, hop) in [(130, 130), (70, 11), (9, 40)] {
            let case = case("goertzel").input_of(item_type, SOME);
            let case = case.param("size", size).param("hop", hop);
            all.push(case.param("freq", vec![0.0, 12.5, 33.3]));
        }
    }
    for item_type in ["f64", "f32", "u8"] {
        for (fraction, order, unit) in [(1, 3, "rms"), (3, 1, "dB"), (2, 2, "rms"), (1, 4, "dB")] {
            let case = case("octaves").input_of(item_type, SOME).param("size", 37);
            let case = case.param("fraction", fraction).param("order", order);
            all.push(
                case.param("scale", unit)
                    .param("low", 0.5)
                    .param("high", 25),
            );
        }
    }
    all
}
