//! Text.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
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
        case("merge")
            .input_of("text", 300)
            .input_of("text", 200)
            .param("index", true),
        case("weave")
            .input_of("text", SOME)
            .input_of("text", 400)
            .param("counts", vec![2.0, 1.0]),
        case("concat").input_of("bytes", 300).input_of("bytes", 200),
        case("changes").input_of("text", SOME),
        case("skip").input_of("text", SOME).param("items", 77),
        case("skip_while")
            .input_of("text", SOME)
            .param("expr", "n < 300"),
        case("take_while")
            .input_of("bytes", SOME)
            .param("expr", "n < 300"),
        case("filter")
            .input_of("text", SOME)
            .param("expr", "n % 7 != 2"),
        case("route")
            .input_of("text", SOME)
            .param("expr", "n % 5")
            .param("ports", 3)
            .param("other", "drop"),
        case("gate").input_of("text", SOME).input_of("u8", 400),
        case("release").input_of("text", SOME).input_of("u8", 40),
        case("zip")
            .input_of("text", SOME)
            .input_of("f32[2]", 400)
            .input_of("text", SOME - 7),
        case("text.unpack")
            .input_of("u8[6]", SOME)
            .param("invalid", "replace"),
        case("text.pack")
            .input_of("text", SOME)
            .param("bytes", 12)
            .param("longer", "cut"),
        case("text.pack")
            .input_of("text", SOME)
            .param("bytes", 40)
            .param("longer", "skip"),
        case("delay")
            .input_of("text", SOME)
            .param("items", 3)
            .param("initial", vec!["one", "", "three"]),
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
        case("lookup")
            .input("u8")
            .file("table.csv", "key,level\n3,0.5\n7,1.5\n200,-2\n41,9\n")
            .param("key", "key")
            .param("value", "level")
            .param("missing", "skip"),
        case("lookup")
            .input("i8")
            .file("table.csv", "3,a\n-7,bc\n0,\n")
            .param("default", "none")
            .dtype("text"),
        case("lookup")
            .input_of("text", SOME)
            .file("table.csv", "o;3\n;7\n")
            .param("delimiter", ";")
            .param("default", -1)
            .dtype("i16"),
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
