//! Operators of one item, and expressions.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    [item_operators(), expressions(), live_expressions(), parts()]
        .into_iter()
        .flatten()
        .collect()
}

fn item_operators() -> Vec<Case> {
    vec![
        case("repeat").input("i16").param("times", 3),
        case("repeat").input("f32[3]").param("times", 70),
        case("keep_m_in_n")
            .input("f64")
            .param("m", 3)
            .param("n", 7)
            .param("offset", 2),
        case("gate").input("f64").input("i16"),
        case("gate").input("u8[3]").input_of("f32", 500),
        case("release").input("f32").input("u8"),
        case("release").input("i64[2]").input_of("u16", 100),
        case("zip").input("f32").input("u32"),
        case("zip").input("i16[2]").input("u8").dtype("f64"),
        case("release")
            .input("timed<f64>")
            .ascending(0)
            .input_of("timed<u8>", 100)
            .ascending(0)
            .param("by", "time"),
        case("sample")
            .input("timed<f32>")
            .ascending(0)
            .input_of("timed<f64>", 200)
            .ascending(0),
        case("drain").input("f64").input_of("u8", 100),
        case("copy").input("f64"),
        case("copy").input("u8[3]"),
        case("scale")
            .input("f64")
            .param("factor", 0.1)
            .param("offset", 3.0),
        case("scale").input("f32[3]").param("factor", -2.5),
        case("scale").input("cf32").param("offset", 1.5),
        case("scale").input("cf64").param("factor", 1e-3),
        case("decimate")
            .input("f64")
            .param("factor", 7)
            .param("phase", 3),
        case("decimate").input("i16[5]").param("factor", 2),
        case("decimate").input("u8").param("factor", 5000),
        case("delay")
            .input("f64")
            .param("items", 5)
            .param("initial", vec![1, 2, 3, 4, 5]),
        case("delay")
            .input("i32[2]")
            .param("items", 3000)
            .param("initial", 7),
        case("merge")
            .input_of("i64", 1000)
            .input_of("i64", 500)
            .input_of("i64", 1500),
        case("merge")
            .input_of("f32[3]", 1000)
            .input_of("f32[3]", 700)
            .param("index", true),
        case("throttle").input("i64").param("rate", 1e9),
        case("head").input("f32[2]").param("items", 1234),
        case("head").input("timed<f64>").param("items", "2 s"),
    ]
}

/// A dynamic window of these items, which are many enough for hundreds of them.
fn dynamic(item_type: &str) -> Case {
    let case = case("dynamic_window").input_of(item_type, 600);
    case.param("min", 3).param("max", 20).param("step", 2)
}

/// Numbers of expressions that `dials` turns.
fn live(op: &'static str, item_type: &str) -> Case {
    let numbers = vec![("gain", 0.75), ("level", 1.5)];
    case(op).input(item_type).param("live", numbers)
}

/// Parts of vectors, bits and places.
fn parts() -> Vec<Case> {
    vec![
        case("map")
            .input("f32[5]")
            .param("expr", "2 * x[-3:] - mean(x[::2]) + x[0]"),
        case("map").input("i16").param(
            "expr",
            "(x & 255 | 1 << (n % 70)) + (x >> 2) + ~x + xor(x, n)",
        ),
        case("map").input("f64").param("expr", "round(x, 2)"),
    ]
}

fn live_expressions() -> Vec<Case> {
    vec![
        live("map", "f32").param("expr", "gain * x - level"),
        live("map", "timed<f64>").param("expr", "x * gain + level * t"),
        live("zip", "i16")
            .input("f64[2]")
            .param("expr", "a > level ? b * gain : b"),
        live("filter", "f64").param("expr", "abs(x) * gain > level"),
        live("scan", "f64")
            .param("next", "gain * s + x")
            .param("keep", "n % 3 > level - 1")
            .param("expr", "s - level"),
        live("flat_map", "f64")
            .param("expr", vec!["x * gain", "-x"])
            .param("when", vec!["x > level", "true"])
            .param("times", "abs(level)"),
        live("route", "f64").param("expr", "x * gain > level"),
        live("window", "f64")
            .param("size", 40)
            .param("step", 7)
            .param("growing", true)
            .param("expr", "mean(x) * gain + level"),
        live("timed.window", "timed<f64>")
            .param("duration", 0.5)
            .param("expr", "sum(x) * gain + level"),
    ]
}

fn expressions() -> Vec<Case> {
    let every_function = "x > 0 && !(n % 3 == 1) ? sin(x) + cos(t) * atan2(x, n + 1) - x ^ 3 / hypot(x, 2) \
                          : max(exp(-abs(x)), log(1 + x * x), floor(x) // 2, round(x) % 3)";
    vec![
        case("scan").input("f64").param("next", "0.9 * s + 0.1 * x"),
        case("scan")
            .input("i16")
            .param("next", "max(s, x)")
            .param("keep", "x > s")
            .param("expr", "x + n"),
        case("scan")
            .input("f32[3]")
            .param("next", "s / 2 + x")
            .param("init", vec![1, 2, 3])
            .dtype("f64"),
        case("scan")
            .input("i32")
            .param("next", vec!["sum + x", "count + 1", "max(most, x)"])
            .param("names", vec!["sum", "count", "most"])
            .param("expr", "sum / count - most")
            .param("keep", "count % 3 != most % 2")
            .param("after", true),
        case("window")
            .input("f64")
            .param("size", 40)
            .param("step", 7)
            .param("growing", true)
            .param("expr", "x[-1] - mean(x) + n + len(x)"),
        case("window")
            .input("f32[3]")
            .param("size", 5)
            .param("step", 9)
            .param("expr", "x * 2"),
        dynamic("f64").param("fn", "std").param("reset", "y > 1.1"),
        dynamic("i16[2]").param("fn", "sum").param("reset", "x[0] % 3 == 1"),
        dynamic("u8")
            .param("expr", "sum(x) + seen * n")
            .param("next", vec!["seen + len(x)", "max(most, max(x))"])
            .param("names", vec!["seen", "most"])
            .param("init", vec![5, 0])
            .param("after", true)
            .param("reset", "y % 2 == 1 || most > 250"),
        case("flat_map")
            .input("f64")
            .param("expr", vec!["x", "n", "-x"])
            .param("when", vec!["x > 0", "true", "n % 3 == 1"])
            .param("times", "n % 5"),
        case("flat_map")
            .input("f32[3]")
            .param("expr", vec!["x", "2 * x"]),
        case("flat_map")
            .input_of("i16", 20)
            .param("expr", "x")
            .param("times", "300 * (n % 7)"),
        case("map").input("f64").param("expr", every_function),
        case("map").input_of("f32[7]", 500).param(
            "expr",
            "x * sum(x) - mean(x) / (std(x) + len(x)) + median(x) + ptp(x) * argmin(x) + x[-1] * rms(x)",
        ),
        case("map")
            .input_of("i16[600]", 20)
            .param("expr", "prod(x) + var(x) - max(x) + min(x) * argmax(x)"),
        case("filter")
            .input("f64[3]")
            .param("expr", "any(x > 0.5) && !all(x > 0) || first(x) < last(x)"),
        case("map").input("f32").param("expr", every_function),
        case("map")
            .input("i16")
            .param("expr", every_function)
            .dtype("i32"),
        case("map").input("f32[3]").param("expr", "x * x[1] + n"),
        case("map")
            .input_of("f64[700]", 20)
            .param("expr", "x - x[699]"),
        case("map")
            .input("cf32")
            .param("expr", "x * exp(complex(0, tau * 3 * t)) / conj(x + 20)"),
        case("map")
            .input("u64")
            .param("expr", "x // 7 ^ 2")
            .dtype("u8"),
        case("map").input("u8").param("expr", "2.5"),
        case("map").input("f64").param("expr", "2 * x + 1"),
        case("map").input("f32[3]").param("expr", "3 - (x - 0.5)"),
        case("filter")
            .input("f64")
            .param("expr", "x > 1 || n % 100 < 3"),
        case("filter").input("f32").param("expr", "abs(x) > 1"),
        case("filter").input("i8[5]").param("expr", "x[4] < x[0]"),
        case("filter").input("timed<f64>").param("expr", "n % 2"),
        case("filter").input("u8").param("expr", "false"),
        case("zip")
            .input("f64")
            .input_of("f32", 2000)
            .param("expr", "a * b + t"),
        case("zip")
            .input("f64[2]")
            .input("i32")
            .input("u8")
            .param("expr", "a * b - c")
            .dtype("f32"),
        case("zip")
            .input("f32")
            .input("f32")
            .param("expr", "(a - b) * a"),
        case("zip").input("f64").input_of("f64[2]", 2900),
        case("zip").input("u8").input("u8").input("u8"),
    ]
}
