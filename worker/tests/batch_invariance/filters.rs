//! Filters and detectors.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("iir.lowpass").input("f64").param("cutoff", 3.0),
        case("iir.lowpass")
            .input("f32[3]")
            .param("cutoff", 20.0)
            .param("order", 5),
        case("iir.highpass")
            .input("i16")
            .param("cutoff", 3.0)
            .param("order", 64),
        case("iir.bandpass")
            .input("cf32")
            .param("low", 1.0)
            .param("high", 10.0),
        case("iir.bandstop")
            .input("f32")
            .param("low", 1.0)
            .param("high", 10.0)
            .param("order", 7),
        case("fir")
            .input("f64")
            .param("taps", vec![0.3, -1.7, 2.9, 0.1, 0.7]),
        case("fir").input("f32[3]").param("cutoff", vec![3.0, 17.0]),
        case("fir")
            .input("u8")
            .param("cutoff", 10.0)
            .param("numtaps", 200),
        case("fir")
            .input("f32")
            .param("cutoff", 10.0)
            .param("decimate", 5),
        case("fir")
            .input("f64[3]")
            .param("taps", vec![0.3, -1.7, 2.9, 0.1, 0.7])
            .param("decimate", 13),
        case("fir.lowpass")
            .input("cf32")
            .param("cutoff", 10.0)
            .param("numtaps", 64)
            .param("decimate", 4),
        case("fir.bandpass")
            .input("i16")
            .param("low", 10.0)
            .param("high", 20.0)
            .param("decimate", 2),
        case("fir.lowpass").input("f32").param("cutoff", 10.0),
        case("fir.highpass").input("cf32").param("cutoff", 10.0),
        case("fir.bandpass")
            .input("cf64")
            .param("low", 10.0)
            .param("high", 20.0)
            .param("numtaps", 40),
        case("fir.bandstop")
            .input("f64[5]")
            .param("low", 10.0)
            .param("high", 20.0),
        case("sta_lta")
            .input("f64")
            .param("sta", "0.5 s")
            .param("lta", "10 s"),
        case("sta_lta")
            .input("f32[3]")
            .param("sta", 1)
            .param("lta", 77),
        case("sta_lta").input("i32").param("sta", 9).param("lta", 9),
        case("threshold").input("f64").param("on", 0.5),
        case("threshold")
            .input("f32")
            .param("on", 0.5)
            .param("off", -0.9),
        case("threshold")
            .input("i8")
            .param("on", 20)
            .param("off", -100)
            .param("output", "state"),
    ]
}
