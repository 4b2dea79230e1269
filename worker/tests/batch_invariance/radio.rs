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
    ]
}
