//! Radio.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("shift").input("cf32").param("freq", -12.345),
        case("shift")
            .input("cf64")
            .param("freq", 1e-3)
            .param("phase", 1.0),
        case("shift").input("f32").param("freq", 70.0),
        case("shift").input("f64").param("freq", 25.0),
        case("am.demod").input("cf32").param("carrier", 1.0),
        case("am.demod").input("cf64"),
        case("fm.demod").input("cf32").param("gain", 0.7),
        case("fm.demod").input("cf64").param("deviation", 5.0),
        case("pm.demod").input("cf32").param("gain", 0.7),
        case("pm.demod").input("cf64"),
        case("pm.demod").input("cf32").param("unwrap", true),
        case("pm.demod").input("cf64").param("unwrap", true),
        case("am.mod").input("f32").param("depth", 0.3),
        case("am.mod").input("f64").param("carrier", 0.0),
        case("fm.mod").input("f32").param("sensitivity", 0.3),
        case("fm.mod").input("f64").param("deviation", 1.0),
        case("pm.mod").input("f32").param("sensitivity", 0.3),
        case("pm.mod").input("f64"),
        case("agc").input("f32").param("rate", 0.1),
        case("agc")
            .input("f64")
            .param("rate", 0.1)
            .param("reference", 3.0),
        case("agc")
            .input("cf32")
            .param("rate", 0.1)
            .param("max_gain", 0.2),
        case("agc").input("cf64").param("gain", 3.0),
        case("squelch")
            .input("f32")
            .param("threshold", 15.5)
            .param("alpha", 0.3),
        case("squelch")
            .input("f64")
            .param("threshold", 15.5)
            .param("alpha", 0.3)
            .param("gate", true),
        case("squelch")
            .input("cf32")
            .param("threshold", 18.0)
            .param("alpha", 0.2)
            .param("ramp", 5)
            .param("gate", true),
        case("squelch")
            .input("cf64")
            .param("threshold", 18.0)
            .param("alpha", 0.2)
            .param("ramp", 5),
        case("pll").input("cf32").param("bandwidth", 0.1),
        case("pll")
            .input("cf64")
            .param("bandwidth", 0.1)
            .param("output", "freq")
            .param("max_freq", 3.0),
        case("pll")
            .input("cf64")
            .param("bandwidth", 0.1)
            .param("damping", 1.0)
            .param("output", "reference"),
        case("costas").input("cf32").param("bandwidth", 0.1),
        case("costas")
            .input("cf64")
            .param("bandwidth", 0.1)
            .param("order", 8),
        case("costas")
            .input("cf64")
            .param("bandwidth", 0.1)
            .param("order", 2)
            .param("output", "freq"),
        case("channelizer").input("cf32").param("channels", 5),
        case("channelizer")
            .input("cf64")
            .param("channels", 4)
            .param("taps", vec![1.0, -0.3, 0.7, 0.2, 0.1]),
        case("differential.encode").input("u8").param("modulus", 5),
        case("differential.decode").input("u8").param("modulus", 5),
        case("scramble")
            .input("u8")
            .param("mask", 0x21)
            .param("length", 16),
        case("descramble")
            .input("u8")
            .param("mask", 0x21)
            .param("length", 16)
            .param("seed", 9),
        case("access_code").input("u8").param("code", "101"),
        case("slice.binary").input("f32"),
        case("slice.binary").input("f64"),
        case("slice.qpsk").input("cf32"),
        case("slice.qpsk").input("cf64"),
        case("clock.mm").input("f32").param("omega", 3.3),
        case("clock.mm")
            .input("f64")
            .param("omega", 1.0)
            .param("omega_relative_limit", 0.9),
        case("clock.mm").input("cf32").param("omega", 50.7),
        case("clock.mm")
            .input("cf64")
            .param("omega", 2.0)
            .param("gain_mu", 0.0),
        case("clock.gardner").input("f32").param("sps", 3.3),
        case("clock.gardner")
            .input("f64")
            .param("sps", 2.0)
            .param("max_deviation", 0.9),
        case("clock.gardner")
            .input("cf32")
            .param("sps", 50.7)
            .param("damping", 0.5),
        case("clock.gardner")
            .input("cf64")
            .param("sps", 4.0)
            .param("bandwidth", 0.3)
            .param("damping", 3.0),
        case("correlate")
            .input("f32")
            .param("pattern", vec![1.0, -0.3, 0.7]),
        case("correlate")
            .input("f64")
            .param("pattern", vec![0.1; 50])
            .param("normalize", true),
        case("correlate")
            .input("cf32")
            .param("pattern", vec![1.0, -0.3, 0.7])
            .param("pattern_im", vec![0.2, 0.0, -1.9])
            .param("normalize", true),
        case("correlate")
            .input("cf64")
            .param("pattern", vec![0.3; 33]),
        case("fir.rrc").input("cf32").param("symbol_rate", 20.0),
        case("fir.rrc")
            .input("f64")
            .param("symbol_rate", 9.0)
            .param("alpha", 1.0)
            .param("decimate", 3),
        case("deemphasis").input("f32").param("tau", 0.05),
        case("preemphasis")
            .input("cf64")
            .param("tau", 0.05)
            .param("high", 20.0),
    ]
}
