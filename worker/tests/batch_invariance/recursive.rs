//! Recursive filters' designs.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    let designed = |op: &'static str, design: &str| case(op).input("f64").param("design", design);
    vec![
        designed("iir.lowpass", "cheby1")
            .param("cutoff", 3.0)
            .param("ripple", 1.0)
            .param("order", 9),
        designed("iir.highpass", "cheby2")
            .param("cutoff", 3.0)
            .param("attenuation", 40.0),
        designed("iir.bandpass", "ellip")
            .param("low", 3.0)
            .param("high", 30.0)
            .param("ripple", 1.0)
            .param("attenuation", 40.0)
            .param("order", 16),
        designed("iir.bandstop", "bessel")
            .param("low", 3.0)
            .param("high", 30.0)
            .param("norm", "mag"),
        case("iir")
            .input("f32[2]")
            .param("sos", vec![0.5, 0.1, 0.2, 2.0, -0.9, 0.3]),
        case("iir")
            .input("cf64")
            .param("sos", vec![0.5, 0.1, 0.2, 2.0, -0.9, 0.3])
            .param("zi", vec![1.0, -2.0]),
        case("lfilter")
            .input("f64")
            .param("b", vec![0.5, 0.1, 0.2, 0.4])
            .param("a", vec![2.0, -0.9, 0.3])
            .param("zi", vec![1.0, -2.0, 3.0]),
        case("lfilter").input("cf32[2]").param("b", 0.5),
        case("lfilter")
            .input("i16")
            .param("b", vec![0.5])
            .param("a", vec![1.0, -0.5]),
        case("iir.notch").input("f64").param("w0", 12.5),
        case("iir.peak").input("cf32").param("w0", 12.5),
        case("iir.biquad")
            .input("i16")
            .param("kind", "lowshelf")
            .param("freq", 9.0)
            .param("gain", 6.0),
        case("iir.comb").input("f64").param("w0", 5.0),
        case("iir.comb")
            .input("cf32[3]")
            .param("w0", 0.125)
            .param("ftype", "peak"),
        case("dc_block").input("f32"),
    ]
}
