//! Sources.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("counter").param("items", 3000),
        case("counter")
            .param("start", 7)
            .param("step", -3)
            .dtype("i16"),
        case("counter")
            .param("start", 0.1)
            .param("step", 0.7)
            .dtype("f32"),
        case("const").param("value", 2.5).param("items", 100),
        case("const").param("value", vec![1, 2, 3]).dtype("u16"),
        case("sine")
            .param("freq", 440.0)
            .param("rate", 48000.0)
            .param("phase", 0.3)
            .param("offset", 0.1),
        case("sine")
            .param("freq", 0.1)
            .param("rate", 3.0)
            .param("items", 2000)
            .dtype("f32"),
        case("sine")
            .param("freq", -17.3)
            .param("rate", 100.0)
            .dtype("cf32"),
        case("noise").param("seed", 3),
        case("noise")
            .param("dist", "uniform")
            .param("amplitude", 2.0)
            .dtype("f32"),
        case("noise").param("std", 0.5).dtype("cf64"),
        case("noise").param("color", "pink"),
        case("noise").param("color", "pink").dtype("cf32"),
        case("square").param("freq", 0.3).param("rate", 7.0),
        case("saw")
            .param("freq", -0.3)
            .param("rate", 7.0)
            .param("width", 0.8)
            .dtype("f32"),
        case("triangle").param("freq", 0.3).param("rate", 7.0),
        case("chirp")
            .param("f0", 1.0)
            .param("f1", 30.0)
            .param("t1", 20.0)
            .param("rate", 100.0)
            .param("method", "logarithmic"),
        case("chirp")
            .param("f0", 10.0)
            .param("f1", -30.0)
            .param("t1", 20.0)
            .param("rate", 100.0)
            .dtype("cf32"),
        case("impulses").param("period", 7).param("first", 100),
    ]
}
