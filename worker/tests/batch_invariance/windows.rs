//! Windows, transforms, joins and timed streams.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    [windows(), transforms(), joins(), times()]
        .into_iter()
        .flatten()
        .collect()
}

fn windows() -> Vec<Case> {
    let mut all = Vec::new();
    for what in [
        "sum", "mean", "min", "max", "std", "var", "rms", "median", "ptp",
    ] {
        // Sliding, folded at once, side by side, with gaps; of several numbers; of integers.
        for (item_type, size, step) in [
            ("f64", 101, 1),
            ("f64", 100, 3),
            ("f32", 5, 1),
            ("f64", 32, 32),
            ("f32", 9, 40),
            ("f64[3]", 50, 1),
            ("f32[2]", 6, 2),
            ("i16", 64, 1),
            ("u64[2]", 33, 3),
            ("i32", 3001, 1),
        ] {
            if item_type != "f64" && !["sum", "std", "ptp"].contains(&what) {
                continue;
            }
            let case = case("window").input(item_type).param("fn", what);
            all.push(case.param("size", size).param("step", step));
        }
        for (item_type, size, step) in [("f64", 100, 1), ("f32[2]", 10, 3), ("i16", 3, 5)] {
            let case = case("window").input(item_type).param("fn", what);
            let case = case.param("size", size).param("step", step);
            all.push(case.param("growing", true));
        }
    }
    all
}

fn transforms() -> Vec<Case> {
    let mut all = vec![case("ifft").input("cf32[12]"), case("fft").input("f64[8]")];
    for item_type in ["i16", "f32", "f64", "cf32", "cf64"] {
        for size in [1, 16, 97, 100] {
            all.push(case("fft").input(item_type).param("size", size));
            all.push(case("ifft").input(item_type).param("size", size));
        }
    }
    all
}

fn joins() -> Vec<Case> {
    vec![
        case("weave").input("f64").input_of("f64", 1700),
        case("weave")
            .input_of("i16[3]", 2000)
            .input_of("i16[3]", 1700)
            .input("i16[3]")
            .param("counts", vec![3, 0, 2]),
        case("concat").input("f32").input_of("f32", 0).input("f32"),
        case("route")
            .input("f64")
            .param("expr", "abs(x) / 3")
            .param("ports", 4),
        case("route")
            .input("i8")
            .param("expr", "x")
            .param("other", "last"),
        case("route")
            .input("timed<f64>")
            .param("expr", "n % 5")
            .param("ports", 3)
            .param("other", "drop"),
        case("join")
            .input("f64")
            .ascending(0)
            .input("f64")
            .ascending(0),
        case("join")
            .input("i8[2]")
            .ascending(0)
            .input("i8[3]")
            .ascending(2)
            .param("right", 2),
        case("join")
            .input("f32[2]")
            .ascending(1)
            .input_of("f32", 900)
            .ascending(0)
            .param("left", 1)
            .param("missing", "nan"),
        case("pick").input("f64[5]").param("index", 3),
        case("pick")
            .input("u16[3]")
            .param("index", vec![2, 0, 2, 1]),
        case("unstack").input("cf32[3]"),
        case("unstack").input("timed<i16>"),
        case("norm").input("f64[3]"),
        case("norm").input("f32[2]").param("ord", "1"),
        case("norm").input("i8[7]").param("ord", "inf"),
        case("skip").input("f64[2]").param("items", 1234),
        case("take_while").input("f64").param("expr", "n < 2222"),
        case("skip_while")
            .input("f64")
            .param("expr", "n < 2222 || x > 0"),
        case("changes").input("u8"),
        case("changes").input("f32[2]"),
        case("diff").input("f64"),
        case("diff").input("i16[3]"),
        case("diff").input("cf32"),
    ]
}

fn times() -> Vec<Case> {
    let window = || {
        let input = case("timed.window").input_of("timed<f64>", 300);
        input.param("start", -10)
    };
    let mut all = vec![
        case("timed").input("f64").param("start", 0.3),
        case("timed").input("f32[2]"),
        case("timed").input("i32").input_of("u8", 2500),
        case("timed.zip")
            .input("timed<f64>")
            .ascending(0)
            .input("timed<f32>")
            .ascending(0),
        case("timed.mix")
            .input("timed<i16>")
            .ascending(0)
            .input_of("timed<i16>", 2000)
            .ascending(0)
            .input("timed<i16>")
            .ascending(0),
        case("timed.mix")
            .input_of("timed<f32>", 1000)
            .ascending(0)
            .input("timed<f32>")
            .ascending(0)
            .param("index", true),
        case("timed.window")
            .input("timed<u16>")
            .param("duration", 0.7),
        case("timed").input("f32[4]"),
        case("timed").input("i16[3]").param("times", "rate"),
        case("timed").input("f64").input("u8[5]"),
        case("timed.zip")
            .input("timed<f32[3]>")
            .ascending(0)
            .input("timed<f64>")
            .ascending(0)
            .input("timed<u8[2]>")
            .ascending(0),
        case("timed.mix")
            .input("timed<f32[3]>")
            .ascending(0)
            .input("timed<f32[3]>")
            .ascending(0),
        case("timed.window")
            .input_of("timed<f32[3]>", 300)
            .param("start", -10)
            .param("duration", "900 ms")
            .param("fn", "quantile")
            .param("q", 0.3),
        case("timed.window")
            .input_of("timed<i16[2]>", 300)
            .param("start", -10)
            .param("duration", 0.9)
            .param("step", 0.4)
            .param("fn", "items"),
        case("window")
            .input_of("text", 600)
            .param("size", 7)
            .param("step", 3)
            .param("fn", "items"),
        case("window")
            .input_of("text", 600)
            .param("size", 3)
            .param("step", 5)
            .param("fn", "items"),
        case("window")
            .input_of("text", 600)
            .param("size", 9)
            .param("growing", true)
            .param("fn", "items"),
        case("window")
            .input("f32[2]")
            .param("size", 7)
            .param("step", 3)
            .param("growing", true)
            .param("fn", "items"),
        case("timed.window")
            .input_of("timed<i16[2]>", 300)
            .param("start", -10)
            .param("duration", 0.9)
            .param("step", 0.4)
            .param("expr", "(x[-1] - x[0]) / len(x) + max(t) + n"),
        case("scan")
            .input("timed<i16>")
            .param("next", "s + x * t")
            .param("keep", "x > 0"),
        case("scan")
            .input("timed<f32[3]>")
            .param("next", "max(s, x)"),
        case("sample")
            .input("timed<f64[3]>")
            .ascending(0)
            .input_of("timed<f64>", 200)
            .ascending(0),
        case("unstack").input("timed<f32[3]>"),
        case("map")
            .input("timed<f32[3]>")
            .param("expr", "x * sum(x) + t"),
        case("map")
            .input("timed<i16[5]>")
            .param("expr", "max(x) - x[-1]"),
        case("filter")
            .input("timed<f64[2]>")
            .param("expr", "x[0] > x[1] || t < 0"),
        case("map").input("timed<f64>").param("expr", "x * t + n"),
        case("map")
            .input("timed<i8>")
            .param("expr", "x > 0")
            .dtype("f32"),
        case("filter").input("timed<f32>").param("expr", "t > x"),
    ];
    for what in [
        "mean", "sum", "min", "max", "count", "first", "last", "std", "var", "rms", "ptp",
    ] {
        // The times are at random, so that only a wait as long as they range lets all of them in.
        let patient = window()
            .param("fn", what)
            .param("wait", 20)
            .param("most", 300);
        all.push(
            patient
                .param("duration", 0.3)
                .param("step", 0.1)
                .param("flush", true),
        );
    }
    all.push(
        window()
            .param("duration", 3)
            .param("step", 0.5)
            .param("wait", 2)
            .param("most", 300),
    );
    all
}
