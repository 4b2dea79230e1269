//! Every operator gives the same bytes under any chunking of its input and any room for its output.
//!
//! Each row of the operators' table has cases here; a row without one fails the test. To add an
//! operator, add its cases to the list of its kind. A case runs whole, item by item, and under random
//! chunkings in which some calls are thrown away and made again, as a killed worker's successor would.
//! A failure prints the seed; `THALWEG_SEED=<seed>` repeats it.

use std::collections::BTreeMap;
use std::path::Path;

use thalweg_ringbuf::Frames;
use thalweg_worker::op::{Args, InputInfo, OpDef, Value};
use thalweg_worker::operators;
use thalweg_worker::testing::{Chunks, frames, run};
use thalweg_worker::types::{ItemType, Scalar};

/// One operator with inputs and parameters.
struct Case {
    op: &'static str,
    inputs: Vec<Stream>,
    params: Vec<(String, Value)>,
    dtype: Option<ItemType>,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// One input: its type, how many items, its rate.
struct Stream {
    item_type: ItemType,
    items: usize,
    rate: Option<f64>,
}

fn case(op: &'static str) -> Case {
    Case {
        op,
        inputs: Vec::new(),
        params: Vec::new(),
        dtype: None,
        files: Vec::new(),
    }
}

impl Case {
    /// An input of this type with [`ITEMS`] random items at 100 Hz.
    fn input(self, item_type: &str) -> Case {
        self.input_of(item_type, ITEMS)
    }

    /// An input of this type with so many items.
    fn input_of(mut self, item_type: &str, items: usize) -> Case {
        self.inputs.push(Stream {
            item_type: item_type.parse().unwrap(),
            items,
            rate: Some(100.0),
        });
        self
    }

    fn param(mut self, name: &str, value: impl Into<Value>) -> Case {
        self.params.push((name.to_owned(), value.into()));
        self
    }

    /// A file to read, named by the parameter `path`.
    fn file(mut self, name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
        self.files.push((name, bytes.into()));
        self.param("path", name)
    }

    fn dtype(mut self, dtype: &str) -> Case {
        self.dtype = Some(dtype.parse().unwrap());
        self
    }
}

const ITEMS: usize = 3000;
const RANDOM_RUNS: u64 = 40;

fn cases() -> Vec<Case> {
    let mut all = sources();
    all.extend(item_operators());
    all.extend(expressions());
    all.extend(windows());
    all.extend(transforms());
    all.extend(joins());
    all.extend(times());
    all.extend(filters());
    all.extend(connectors());
    all.extend(texts());
    all.extend(learners());
    all.extend(sketches());
    all
}

fn learners() -> Vec<Case> {
    vec![
        case("moments").input("f64"),
        case("moments").input("i16").param("every", 7),
        case("quantile").input("f32").param("q", 0.9),
        case("quantile").input("u8").param("every", "0.5 s"),
        case("regress").input("f64[2]"),
        case("regress").input("f32[2]").param("every", 9),
        case("kmeans").input("f64[3]").param("k", 4),
        case("kmeans")
            .input("f32[2]")
            .param("k", 2)
            .param("initial", vec![0.0, 1.0, 2.0, 3.0])
            .param("output", "centers")
            .param("every", 5),
        case("pca").input("f64[4]").param("components", 2),
        case("pca")
            .input("f32[3]")
            .param("components", 3)
            .param("amnesia", 2.0)
            .param("output", "components")
            .param("every", 6),
        case("pca")
            .input("f64[2]")
            .param("components", 2)
            .param("output", "variance"),
    ]
}

fn sketches() -> Vec<Case> {
    vec![
        case("misra_gries").input("u8").param("k", 3),
        case("misra_gries")
            .input("i64")
            .param("k", 8)
            .param("every", 11),
        case("count_min")
            .input("u8")
            .param("width", 100)
            .param("depth", 3),
        case("count_min").input("u16[2]").param("width", 300),
        case("count_min").input("text").param("width", 300),
        case("bloom").input("i32").param("items", 500),
        case("bloom")
            .input("u8[2]")
            .param("items", 50)
            .param("error", 0.2),
        case("bloom").input("bytes").param("items", 50),
        case("hyperloglog").input("u16").param("precision", 6),
        case("hyperloglog").input("text").param("every", 4),
        case("reservoir").input("f64").param("k", 50),
        case("reservoir")
            .input("i16[3]")
            .param("k", 5000)
            .param("seed", 9),
    ]
}

fn sources() -> Vec<Case> {
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
    ]
}

fn item_operators() -> Vec<Case> {
    vec![
        case("gate").input("f64").input("i16"),
        case("gate").input("u8[3]").input_of("f32", 500),
        case("release").input("f32").input("u8"),
        case("release").input("i64[2]").input_of("f64", 100),
        case("release")
            .input("timed<f64>")
            .input_of("timed<u8>", 100)
            .param("by", "time"),
        case("sample")
            .input("timed<f32>")
            .input_of("timed<f64>", 200),
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
        case("throttle").input("i64").param("rate", 1e9),
        case("head").input("f32[2]").param("items", 1234),
        case("head").input("timed<f64>").param("items", "2 s"),
    ]
}

/// How many items a stream of texts has: enough for every kind of cut, and quick.
const SOME: usize = 500;

fn texts() -> Vec<Case> {
    vec![
        case("copy").input_of("text", SOME),
        case("copy").input_of("bytes", SOME),
        case("decimate")
            .input_of("text", SOME)
            .param("factor", 3)
            .param("phase", 2),
        case("head").input_of("text", SOME).param("items", 123),
        case("merge")
            .input_of("text", 300)
            .input_of("text", 200)
            .input_of("text", 400),
        case("null").input_of("text", SOME).input_of("bytes", SOME),
        case("throttle").input_of("text", SOME).param("rate", 1e9),
        case("csv.write")
            .input_of("text", SOME)
            .input("f64")
            .input_of("text", SOME - 7)
            .param("path", "o.csv"),
        case("words").input_of("text", SOME),
        case("words").input_of("text", SOME).param("of", "letters"),
        case("words")
            .input_of("text", SOME)
            .param("separator", "\""),
        case("contains")
            .input_of("text", SOME)
            .param("find", "quick"),
        case("contains")
            .input_of("text", SOME)
            .param("find", "o")
            .param("invert", true),
        case("lower").input_of("text", SOME),
        case("upper").input_of("text", SOME),
        case("lines").input_of("text", SOME),
        case("lines").input_of("bytes", SOME).dtype("bytes"),
        case("lines")
            .input("u8")
            .param("longest", 5000)
            .param("invalid", "replace"),
        case("text.length").input_of("text", SOME),
        case("text.length")
            .input_of("text", SOME)
            .param("of", "bytes"),
        case("text.parse")
            .input_of("text", SOME)
            .param("invalid", "skip"),
        case("text.parse")
            .input_of("text", SOME)
            .param("invalid", "nan")
            .dtype("f32"),
        case("text.format")
            .input("f64")
            .input_of("text", SOME)
            .input_of("i16", SOME - 7)
            .param("format", "{a:9.3} <{b:20}> {c}"),
        case("text.replace")
            .input_of("text", SOME)
            .param("find", "o")
            .param("with", "00"),
        case("text.replace")
            .input_of("text", SOME)
            .param("find", r"(\w+)=(\d+)")
            .param("with", "$2:$1")
            .param("regex", true),
        case("regex.match")
            .input_of("text", SOME)
            .param("pattern", "^(the|ERR)"),
        case("regex.match")
            .input_of("text", SOME)
            .param("pattern", "[aeiou]")
            .param("ignore_case", true)
            .param("invert", true),
        case("regex.extract")
            .input_of("text", SOME)
            .param("pattern", r"code=(\d) after (\S+)"),
        case("regex.extract")
            .input_of("text", SOME)
            .param("pattern", r"code=(\d) after (\S+) s")
            .dtype("f64"),
        case("json.field")
            .input_of("text", SOME)
            .param("path", "a.b[0]")
            .param("broken", "skip")
            .dtype("f64"),
        case("json.field")
            .input_of("text", SOME)
            .param("path", "a")
            .param("broken", "skip"),
        case("count.by").param("keys", 2000).input_of("text", SOME),
        case("count.by")
            .param("keys", 2000)
            .input_of("text", SOME)
            .param("top", 3),
        case("count.by")
            .param("keys", 2000)
            .input_of("text", SOME)
            .param("emit", "change"),
        case("text.read").file("t.txt", lines()),
        case("text.read")
            .file("t.txt", [lines(), b"\xff\xfe\n".to_vec()].concat())
            .param("invalid", "replace"),
        case("text.read").file("t.txt", lines()).dtype("bytes"),
        case("text.write")
            .input_of("text", SOME)
            .param("path", "o.txt"),
        case("text.write")
            .input_of("bytes", SOME)
            .param("newline", false)
            .param("path", "o.txt"),
    ]
}

/// Lines of many lengths, some ended as on other systems, the last not at all.
fn lines() -> Vec<u8> {
    let mut random = SplitMix(5);
    let line = |n: usize| {
        let mut line = random.item(&ItemType::Text);
        line.extend_from_slice(if n.is_multiple_of(7) { b"\r\n" } else { b"\n" });
        line
    };
    let mut lines = (0..500).flat_map(line).collect::<Vec<u8>>();
    lines.extend_from_slice(b"the last");
    lines
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
        case("map").input("f64").param("expr", every_function),
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
        case("filter")
            .input("f64")
            .param("expr", "x > 1 || n % 100 < 3"),
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
        case("zip").input("f64").input_of("f64[2]", 2900),
        case("zip").input("u8").input("u8").input("u8"),
    ]
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
        case("join").input("f64").input("f64"),
        case("join").input("i8[2]").input("i8[3]").param("right", 2),
        case("join")
            .input("f32[2]")
            .input_of("f32", 900)
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
        case("timed.zip").input("timed<f64>").input("timed<f32>"),
        case("timed.mix")
            .input("timed<i16>")
            .input_of("timed<i16>", 2000)
            .input("timed<i16>"),
        case("timed.window")
            .input("timed<u16>")
            .param("duration", 0.7),
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
    }
    all
}

fn filters() -> Vec<Case> {
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

fn connectors() -> Vec<Case> {
    vec![
        case("null").input("f64"),
        case("print").input("i64").param("every", 5000),
        case("csv.read").file("t.csv", table()),
        case("csv.read")
            .file("t.csv", table())
            .param("columns", vec!["square", "n"])
            .param("as", "vector")
            .dtype("i32"),
        case("csv.write").input("f64").param("path", "out.csv"),
        case("csv.write")
            .input("cf32[2]")
            .input_of("u8", 100)
            .param("path", "out.csv")
            .param("delimiter", "tab"),
        case("raw.read")
            .file("r", vec![7; 9999])
            .param("offset", 1)
            .param("endian", "big")
            .dtype("i16"),
        case("raw.write").input("i16[5]").param("path", "r"),
        case("npy.read").file("a.npy", golden("rows.npy")),
        case("npy.write").input("f32[2]").param("path", "a.npy"),
        case("npy.write").input("cf64").param("path", "a.npy"),
        case("wav.read").file("a.wav", golden("i24.wav")),
        case("wav.read")
            .file("a.wav", golden("i16.wav"))
            .param("channel", 1)
            .dtype("f64"),
        case("wav.write")
            .input("f64")
            .param("path", "a.wav")
            .param("format", "i24"),
        case("wav.write").input("f32[2]").param("path", "a.wav"),
    ]
}

/// A CSV text with what a reader must step over.
fn table() -> String {
    let rows = (0..500).map(|n| match n % 50 {
        49 => format!("# the next is {n}\n\n{n},{}\r\n", n * n),
        _ => format!("{n},\"{}\"\n", n * n),
    });
    format!("n,square\n{}", rows.collect::<String>())
}

/// A file that another program made.
fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/files");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn every_operator_gives_the_same_bytes_under_every_chunking() {
    let seed = seed();
    for (i, case) in cases().iter().enumerate() {
        let inputs = case.input_bytes(seed.wrapping_add(i as u64));
        let whole = case.outcome(&inputs, Chunks::Whole);
        let single = case.outcome(&inputs, Chunks::Single);
        case.compare(&inputs, &whole, &single, "item by item".to_owned());
        for round in 0..RANDOM_RUNS {
            let chunks = seed.wrapping_mul(31).wrapping_add(round);
            let random = case.outcome(&inputs, Chunks::Random(chunks));
            let how = format!("chunks of seed {chunks}, THALWEG_SEED={seed}");
            case.compare(&inputs, &whole, &random, how);
        }
    }
}

/// What needs a peer to talk to is judged through the binary, in `tests/e2e/sockets.rs`.
const OUTSIDE: [&str; 6] = [
    "tcp.read",
    "tcp.write",
    "udp.read",
    "udp.write",
    "unix.read",
    "unix.write",
];

#[test]
fn every_row_of_the_table_has_a_case() {
    let cases = cases();
    for op in operators::table() {
        assert!(
            cases.iter().any(|case| case.op == op.name) || OUTSIDE.contains(&op.name),
            "`{}` has no case here: add one",
            op.name
        );
    }
}

#[test]
fn the_table_and_the_blueprints_agree_on_what_is_deterministic() {
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        case.write_files(folder.path());
        let blueprint = (case.def().build)(&case.args(folder.path())).unwrap();
        assert_eq!(
            blueprint.deterministic,
            case.def().deterministic,
            "{}",
            case.op
        );
    }
}

/// What a run leaves: the outputs' bytes and the files.
#[derive(PartialEq)]
struct Outcome {
    outputs: Vec<Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Case {
    fn def(&self) -> &'static OpDef {
        operators::find(self.op).unwrap_or_else(|| panic!("no operator `{}`", self.op))
    }

    fn args(&self, base: &Path) -> Args {
        let names: &[&str] = match self.inputs.len() {
            1 => &["x"],
            _ => &["a", "b", "c", "d"],
        };
        let inputs = self
            .inputs
            .iter()
            .zip(names)
            .map(|(stream, name)| InputInfo {
                name: (*name).to_owned(),
                item_type: stream.item_type.clone(),
                rate: stream.rate,
            });
        Args::new(
            self.def(),
            inputs.collect(),
            self.dtype.clone(),
            &self.params,
            base,
        )
        .unwrap_or_else(|e| panic!("{}: {e}", self.op))
    }

    fn write_files(&self, folder: &Path) {
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }

    fn outcome(&self, inputs: &[Vec<u8>], chunks: Chunks) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        self.write_files(folder.path());
        let blueprint = (self.def().build)(&self.args(folder.path()))
            .unwrap_or_else(|e| panic!("{}: {e}", self.op));
        let outputs = run(blueprint, inputs, chunks, ITEMS)
            .unwrap_or_else(|e| panic!("{} under {chunks:?}: {e}", self.op));
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        });
        Outcome {
            outputs,
            files: files.collect(),
        }
    }

    fn compare(&self, inputs: &[Vec<u8>], whole: &Outcome, other: &Outcome, how: String) {
        let what = format!("{} {:?}, {how}", self.op, self.params);
        if self.op == "merge" {
            let item_type = &self.inputs[0].item_type;
            assert!(
                is_interleaving(inputs, &other.outputs[0], item_type),
                "{what}"
            );
        } else if self.op == "drain" {
            assert!(inputs[0].starts_with(&other.outputs[0]), "{what}");
        } else if self.def().deterministic {
            assert!(whole == other, "{what}");
        } else {
            panic!("{what}: not deterministic, and no rule here for what must hold");
        }
    }

    fn input_bytes(&self, seed: u64) -> Vec<Vec<u8>> {
        let mut random = SplitMix(seed);
        let streams = self.inputs.iter().enumerate().map(|(i, stream)| {
            let items = (0..stream.items).flat_map(|_| {
                let mut item = random.item(&stream.item_type);
                match stream.item_type.is_framed() {
                    true if self.op == "merge" => frames([[&[b'0' + i as u8], &item[..]].concat()]),
                    true => frames([item]),
                    false if self.op == "merge" => {
                        *item.last_mut().unwrap() = i as u8;
                        item
                    }
                    false => item,
                }
            });
            items.collect()
        });
        streams.collect()
    }
}

/// True when the items of each input stand in the merged stream in their order, and no others.
///
/// A byte of each item tells its input (see [`Case::input_bytes`]), so no two inputs have equal items.
fn is_interleaving(inputs: &[Vec<u8>], merged: &[u8], item_type: &ItemType) -> bool {
    let mut rest: Vec<_> = inputs
        .iter()
        .map(|i| items(i, item_type).into_iter().peekable())
        .collect();
    let all_found = items(merged, item_type).into_iter().all(|item| {
        rest.iter_mut()
            .any(|r| r.next_if(|next| *next == item).is_some())
    });
    all_found && rest.iter_mut().all(|r| r.next().is_none())
}

fn items<'a>(stream: &'a [u8], item_type: &ItemType) -> Vec<&'a [u8]> {
    match item_type.is_framed() {
        true => Frames::new(stream).collect(),
        false => stream.chunks_exact(item_type.len_bytes()).collect(),
    }
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in (-10, 10) with a full mantissa, now and then 0.
    fn number(&mut self) -> f64 {
        match self.next() {
            draw if draw % 16 == 0 => 0.0,
            draw => (draw as i64) as f64 / 2.0_f64.powi(63) * 10.0,
        }
    }

    fn scalar(&mut self, scalar: Scalar) -> Vec<u8> {
        match scalar {
            Scalar::F32 => (self.number() as f32).to_le_bytes().to_vec(),
            Scalar::F64 => self.number().to_le_bytes().to_vec(),
            Scalar::Cf32 => [self.scalar(Scalar::F32), self.scalar(Scalar::F32)].concat(),
            Scalar::Cf64 => [self.scalar(Scalar::F64), self.scalar(Scalar::F64)].concat(),
            integer => self.next().to_le_bytes()[..integer.len_bytes()].to_vec(),
        }
    }

    /// Words, numbers and what a log or JSON has, none to hundreds of bytes.
    fn text(&mut self) -> Vec<u8> {
        let number = self.number();
        let text = match self.next() % 8 {
            0 => String::new(),
            1 => format!("{number}"),
            2 => format!(
                "{{\"a\": {{\"b\": [{number}, \"β\"]}}, \"n\": {}}}",
                self.next() % 9
            ),
            3 => "größer, \"quoted\" ".repeat((self.next() % 20) as usize),
            4 => format!("ERROR code={} after {number} s", self.next() % 7),
            n => ["the", "quick", "the lazy dog", "FOX"][(n % 4) as usize].to_owned(),
        };
        text.into_bytes()
    }

    fn item(&mut self, item_type: &ItemType) -> Vec<u8> {
        match *item_type {
            ItemType::Timed(scalar) => {
                let mut bytes = [self.scalar(Scalar::F64), self.scalar(scalar)].concat();
                bytes.resize(item_type.len_bytes(), 0);
                bytes
            }
            ItemType::Text => self.text(),
            ItemType::Bytes => (0..self.next() % 40).map(|_| self.next() as u8).collect(),
            _ => {
                let (scalar, width) = item_type.elements().expect("an item made of numbers");
                (0..width).flat_map(|_| self.scalar(scalar)).collect()
            }
        }
    }
}

/// A new seed for every run, or the one asked for.
fn seed() -> u64 {
    let seed = match std::env::var("THALWEG_SEED") {
        Ok(text) => text.parse().expect("THALWEG_SEED is a whole number"),
        Err(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |now| now.as_nanos() as u64),
    };
    println!("THALWEG_SEED={seed}");
    seed
}
