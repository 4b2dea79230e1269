//! Other rates, smoothers and detectors.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("resample")
            .input("f64")
            .param("up", 3)
            .param("down", 7),
        case("resample").input("f32").param("up", 5),
        case("resample")
            .input("cf32")
            .param("up", 147)
            .param("down", 160),
        case("resample")
            .input("i16[3]")
            .param("down", 4)
            .param("taps", vec![0.25, 0.5, 0.25]),
        case("fir.lowpass")
            .input("f64")
            .param("cutoff", 10.0)
            .param("numtaps", 50)
            .param("method", "fft"),
        case("fir.highpass")
            .input("cf32")
            .param("cutoff", 10.0)
            .param("numtaps", 31)
            .param("method", "fft"),
        case("fir")
            .input("u8")
            .param("taps", vec![1.0, -2.0, 3.0])
            .param("method", "fft"),
        case("ewma").input("f32[2]").param("span", 30),
        case("kalman").input("f64").param("q", 0.1).param("r", 2),
        case("kalman")
            .input("i16")
            .param("q", 0.1)
            .param("r", 2)
            .param("model", "velocity"),
        case("sta_lta.recursive")
            .input("f64")
            .param("sta", "0.5 s")
            .param("lta", "10 s"),
        case("moving_average").input("f64").param("size", 333),
        case("moving_average").input("i16[2]").param("size", 7),
        case("median").input("f32").param("size", 101),
        case("zscore").input("f64[2]").param("size", 50),
        case("peaks").input("f64"),
        case("peaks")
            .input("i8")
            .param("height", 3)
            .param("distance", 17),
        case("peaks")
            .input("f32")
            .param("prominence", 0.5)
            .param("distance", 5)
            .param("wlen", 40),
        case("peaks")
            .input("i16")
            .param("plateau_size", 1)
            .param("threshold", 1)
            .param("width", 1.5)
            .param("wlen", 91)
            .param("rel_height", 0.75)
            .param("properties", true),
        case("zero_crossings").input("f32"),
        case("cusum")
            .input("f64")
            .param("drift", 1)
            .param("threshold", 20),
        case("quench").input("f64[2]").param("hold", 0.5),
        case("quench").input("u8").param("hold", 3),
    ]
}
