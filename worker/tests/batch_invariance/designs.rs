//! Finite filters' designs.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("fir.lowpass")
            .input("f64")
            .param("cutoff", 10.0)
            .param("ripple", 60)
            .param("width", 2.0),
        case("fir.remez")
            .input("f32")
            .param("bands", vec![0.0, 10.0, 20.0, 50.0])
            .param("desired", vec![1.0, 0.0])
            .param("numtaps", 31),
        case("fir.remez")
            .input("f64[2]")
            .param("bands", vec![2.0, 48.0])
            .param("desired", vec![1.0])
            .param("numtaps", 31)
            .param("type", "hilbert"),
        case("fir.firls")
            .input("cf32")
            .param("bands", vec![0.0, 10.0, 20.0, 50.0])
            .param("desired", vec![1.0, 1.0, 0.0, 0.0])
            .param("numtaps", 31),
        case("differentiator").input("i16"),
        case("savgol")
            .input("f64")
            .param("window_length", 21)
            .param("polyorder", 4)
            .param("deriv", 1),
        case("savgol")
            .input("f32[2]")
            .param("window_length", 21)
            .param("polyorder", 4)
            .param("mode", "interp"),
        case("savgol")
            .input("cf64")
            .param("window_length", 9)
            .param("polyorder", 2)
            .param("mode", "mirror"),
        case("savgol")
            .input("u8")
            .param("window_length", 101)
            .param("polyorder", 2)
            .param("mode", "nearest"),
        case("savgol")
            .input("i16")
            .param("window_length", 5)
            .param("polyorder", 3)
            .param("mode", "constant")
            .param("cval", 2.5),
        case("hilbert").input("f64"),
        case("hilbert").input("f32").param("numtaps", 11),
        case("hilbert").input("i32").param("window", "blackman"),
    ]
}
