//! Files read and written.

use thalweg_worker::connectors::recording::write::recorder;
use thalweg_worker::connectors::recording::{Recorded, Words};

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("null").input("f64"),
        case("print").input("i64").param("every", 5000),
        case("csv.read").file("t.csv", table()),
        case("csv.read")
            .file("t.csv", table())
            .param("columns", vec!["square", "n"])
            .param("as", "vector")
            .dtype("i32"),
        case("csv.read")
            .file("t.csv", table())
            .param("types", vec!["text", "i64"]),
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
        case("flac.read").file("a.flac", golden("i24.flac")),
        case("flac.read")
            .file("a.flac", golden("i24.flac"))
            .param("channel", 1)
            .dtype("i16"),
        case("ogg.read").file("a.ogg", golden("blip.ogg")),
        case("jsonl.read").file("t.jsonl", golden("mixed.jsonl")),
        case("jsonl.write")
            .input("cf32[2]")
            .input_of("text", SOME)
            .param("path", "out.jsonl"),
        case("npy.read").file("a.npy", golden("rows.npy")),
        case("npy.write").input("f32[2]").param("path", "a.npy"),
        case("npy.write").input("cf64").param("path", "a.npy"),
        case("npz.read")
            .file("a.npz", golden("plain.npz"))
            .param("array", "rows"),
        case("npz.read")
            .file("a.npz", golden("packed.npz"))
            .param("array", "rows"),
        case("npz.write")
            .input("f64")
            .input_of("i16[3]", 100)
            .param("path", "a.npz")
            .param("arrays", vec!["a", "b"]),
        recording("sigmf.read", "cf32"),
        recording("sigmf.read", "ci16").param("capture", 1),
        recording("sigmf.read", "ri16_be").dtype("i16"),
        recording("sigmf.notes", "ci16"),
        case("sigmf.write").input("cf32[2]").param("path", "r"),
        case("sigmf.write")
            .input("u8[2]")
            .param("path", "r")
            .param("complex", true),
        case("png.write")
            .input_of("f32[9]", 600)
            .param("path", "a.png")
            .param("low", -5)
            .param("high", 5.5),
        case("png.write")
            .input_of("u16[3]", 600)
            .param("path", "a.png")
            .param("low", 0)
            .param("high", 65_535)
            .param("palette", "gray"),
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
        case("replay.read").file("r.rec", parts()),
        case("replay.read")
            .file("r.rec", parts())
            .param("streams", "words")
            .param("pace", "recorded"),
    ]
}

/// A reader of a recording that the sigmf package made.
fn recording(op: &'static str, name: &str) -> Case {
    let mut case = case(op).file("r.sigmf-meta", golden(&format!("{name}.sigmf-meta")));
    let data = golden(&format!("{name}.sigmf-data"));
    case.files.push(("r.sigmf-data", data));
    case
}

/// A recording of two streams in many parts.
fn parts() -> Vec<u8> {
    let (numbers, words) = ("u16[3]".parse().unwrap(), "text".parse().unwrap());
    let types = [numbers, words];
    let streams = ["numbers", "words"].iter().zip(&types);
    let head = Words {
        graph: "recorded".to_owned(),
        began: 0,
        streams: streams.map(|(n, t)| Recorded::new(n, t, None)).collect(),
        origin: serde_json::Value::Null,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    let inputs = [
        (0..6000).map(|n| (n % 251) as u8).collect(),
        frames((0..500).map(|n| "x".repeat(n % 40))),
    ];
    let recorder = recorder(&path, &head, &types).unwrap();
    run(recorder, &inputs, Chunks::Random(3), usize::MAX).unwrap();
    std::fs::read(path).unwrap()
}

/// A CSV text with what a reader must step over.
fn table() -> String {
    let rows = (0..500).map(|n| match n % 50 {
        49 => format!("# the next is {n}\n\n{n},{}\r\n", n * n),
        _ => format!("{n},\"{}\"\n", n * n),
    });
    format!("n,square\n{}", rows.collect::<String>())
}
