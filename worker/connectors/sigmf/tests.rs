//! Recordings written and read again, and files of other programs.

use std::fs;
use std::path::Path;

use serde_json::json;
use thalweg_ringbuf::Frames;

use super::tags::CAPTURES_LEN_MAX;
use super::write::Taken;
use super::*;
use crate::agent::State;
use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
use crate::connectors::npy::NPY_READ;
use crate::op::{InputInfo, Value};
use crate::tags::Tag;
use crate::testing::{Chunks, Random, frames, run, texts};

#[test]
fn samples_are_read_as_the_sigmf_package_reads_them() {
    for name in ["ci16", "cu8", "cf32", "ri16_be", "rf64"] {
        let expected = source(
            &NPY_READ,
            &golden(),
            &format!("sigmf_{name}.npy"),
            None,
            &[],
        );
        let expected = expected.unwrap();
        let dtype = expected.outputs[0].item_type.to_string();
        let items = read(expected, Chunks::Whole).unwrap();
        for chunks in CUTS {
            let path = format!("{name}.sigmf-meta");
            let reader = source(&SIGMF_READ, &golden(), &path, Some(&dtype), &[]).unwrap();
            assert_eq!(reader.outputs[0].rate, Some(2.4e6));
            assert!(read(reader, chunks).unwrap() == items, "{name} {chunks:?}");
        }
    }
}

#[test]
fn integers_are_kept_and_a_capture_is_read_alone() {
    let params = [("capture", Value::from(1))];
    let open = |dtype, params| source(&SIGMF_READ, &golden(), "ci16", dtype, params);
    let part = open(Some("i16[2]"), &params).unwrap();
    let whole = read(open(Some("i16[2]"), &[]).unwrap(), Chunks::Whole).unwrap();
    assert_eq!(read(part, Chunks::Single).unwrap(), whole[4 * 10..]);
    assert_eq!(whole[..8], bytes(&[-32_768i16, 32_767, 0, -1]));
    let error = open(Some("i16"), &[]).unwrap_err();
    assert!(
        error.message.contains("cf32, cf64 or i16[2]"),
        "{}",
        error.message
    );
    let error = open(None, &[("capture", Value::from(2))]).unwrap_err();
    assert_eq!(
        error.message,
        "`capture` is 2, and the recording has 2 (they count from 0)"
    );
}

#[test]
fn notes_are_given_in_their_order() {
    for chunks in CUTS {
        let notes = source(&SIGMF_NOTES, &golden(), "ci16.sigmf-data", None, &[]).unwrap();
        let given = read(notes, chunks).unwrap();
        let labels: Vec<String> = texts(&given)
            .iter()
            .map(|note| serde_json::from_str::<Json>(note).unwrap()["core:label"].to_string())
            .collect();
        assert_eq!(labels, ["\"burst\"", "\"tail\""]);
    }
    let of = [("of", Value::from("captures"))];
    let captures = source(&SIGMF_NOTES, &golden(), "ci16", None, &of).unwrap();
    let given = read(captures, Chunks::Whole).unwrap();
    assert!(
        texts(&given)[1].contains("\"core:frequency\":101"),
        "{:?}",
        texts(&given)
    );
}

#[test]
fn what_is_written_is_read_back_with_its_annotations() {
    let items = bytes(&(0..300).map(|n| n as i16).collect::<Vec<_>>());
    let notes = [
        r#"{"core:sample_start":3,"core:label":"a"}"#,
        r#" {"core:sample_start": 3, "core:sample_count": 9} "#,
        r#"{"core:sample_start":60}"#,
    ];
    for chunks in CUTS {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path(), &["i16[2]", "text"]).unwrap();
        run(writer, &[items.clone(), frames(notes)], chunks, usize::MAX).unwrap();
        let back = source(&SIGMF_READ, folder.path(), "w", Some("i16[2]"), &[]).unwrap();
        assert_eq!(back.outputs[0].rate, Some(48_000.0));
        assert!(read(back, chunks).unwrap() == items, "{chunks:?}");
        let back = source(&SIGMF_NOTES, folder.path(), "w", None, &[]).unwrap();
        let back = read(back, chunks).unwrap();
        assert_eq!(texts(&back).len(), 3, "{chunks:?}");
    }
}

#[test]
fn tags_become_annotations() {
    let items = bytes(&[1i16; 300]);
    let tag = |position, key, value| {
        Tag {
            position,
            key,
            value,
        }
        .frame()
    };
    let tags = [
        tag(3, "burst", "1.5"),
        tag(3, "core:frequency", "2.5"),
        tag(60, "call", "\"hello\""),
        tag(70, "", "{\"core:sample_count\":9}"),
        tag(70, "core:frequency", "3"),
        tag(70, "core:datetime", "\"2026-01-31T12:00:00Z\""),
        tag(80, "flag", "true"),
    ];
    for chunks in CUTS {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path(), &["i16[2]"]).unwrap();
        let writer = writer.tagged(&[true], &[]);
        run(writer, &[items.clone(), frames(&tags)], chunks, usize::MAX).unwrap();
        let back = source(&SIGMF_NOTES, folder.path(), "w", None, &[]).unwrap();
        let back = read(back, chunks).unwrap();
        let expected = [
            r#"{"core:comment":"1.5","core:label":"burst","core:sample_start":3}"#,
            r#"{"core:comment":"hello","core:label":"call","core:sample_start":60}"#,
            r#"{"core:sample_count":9,"core:sample_start":70}"#,
            r#"{"core:label":"flag","core:sample_start":80}"#,
        ];
        let json = |note: &str| serde_json::from_str::<Json>(note).unwrap();
        let expected = expected.map(json);
        assert!(
            texts(&back).into_iter().map(json).eq(expected),
            "{chunks:?}"
        );
        let of = [("of", Value::from("captures"))];
        let back = source(&SIGMF_NOTES, folder.path(), "w", None, &of).unwrap();
        let back = read(back, chunks).unwrap();
        let expected = [
            json!({"core:sample_start": 0, "core:frequency": 1e8}),
            json!({"core:sample_start": 3, "core:frequency": 2.5}),
            json!({"core:sample_start": 70, "core:frequency": 3, "core:datetime": "2026-01-31T12:00:00Z"}),
        ];
        assert!(
            texts(&back).into_iter().map(json).eq(expected),
            "{chunks:?}"
        );
        // Given as tags again they are the same.
        let again = source(&SIGMF_READ, folder.path(), "w", None, &[]).unwrap();
        assert_eq!(again.tags, Tags::Made);
        let given = run(again.tagged(&[], &[true]), &[], chunks, usize::MAX).unwrap();
        let given: Vec<_> = Frames::new(&given[1])
            .map(|f| Tag::of_frame(f).unwrap())
            .collect();
        let first = Tag {
            position: 0,
            key: "core:frequency",
            value: "100000000.0",
        };
        assert_eq!(given[0], first);
        let mut given: Vec<_> = given[1..].iter().map(Tag::frame).collect();
        let mut expected = tags.clone();
        given.sort();
        expected.sort();
        assert_eq!(given, expected, "{chunks:?}");
    }
}

/// A writer to `w` of inputs of these types.
fn writer(folder: &Path, types: &[&str]) -> Result<Blueprint, OpError> {
    let inputs = types.iter().map(|item_type| InputInfo {
        naming: Default::default(),
        name: "x".to_owned(),
        item_type: item_type.parse().unwrap(),
        rate: Some(48_000.0),
        unit: None,
    });
    let given = [
        ("path".to_owned(), Value::from("w.sigmf-meta")),
        ("complex".to_owned(), Value::from(types[0] == "i16[2]")),
        ("frequency".to_owned(), Value::from(1e8)),
    ];
    let args = Args::new(&SIGMF_WRITE, inputs.collect(), None, &given, folder)?;
    build_write(&args)
}

#[test]
fn annotations_that_are_none_are_named() {
    let cases = [
        ("{", "annotation 0 is no JSON"),
        (
            r#"{"core:label":"x"}"#,
            "annotation 0 is no object with a `core:sample_start`",
        ),
        (r#"{"core:sample_start":-1}"#, "that is a whole number"),
    ];
    for (note, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path(), &["f32", "text"]).unwrap();
        let inputs = [Vec::new(), frames([note])];
        let error = run(writer, &inputs, Chunks::Whole, usize::MAX).unwrap_err();
        assert!(error.message.contains(message), "{}", error.message);
    }
    let notes = [7, 5].map(|start| format!("{{\"core:sample_start\":{start}}}"));
    let folder = tempfile::tempdir().unwrap();
    let backwards = writer(folder.path(), &["f32", "text"]).unwrap();
    let error = run(
        backwards,
        &[Vec::new(), frames(notes)],
        Chunks::Single,
        usize::MAX,
    );
    let message = error.unwrap_err().message;
    assert!(message.starts_with("annotation 1 begins at sample 5, and the one before it at 7"));
}

#[test]
fn an_archive_is_read_as_its_two_files_are() {
    for name in ["ci16", "rf64"] {
        let apart = source(
            &SIGMF_READ,
            &golden(),
            &format!("{name}.sigmf-meta"),
            None,
            &[],
        );
        let expected = read(apart.unwrap(), Chunks::Whole).unwrap();
        let archive = format!("{name}.sigmf");
        for chunks in CUTS {
            let packed = source(&SIGMF_READ, &golden(), &archive, None, &[]).unwrap();
            assert!(read(packed, chunks).unwrap() == expected, "{name}");
        }
        let verified = [("verify", Value::from(true))];
        source(&SIGMF_READ, &golden(), &archive, None, &verified).unwrap();
    }
    let notes = source(&SIGMF_NOTES, &golden(), "ci16.sigmf", None, &[]).unwrap();
    assert!(!read(notes, Chunks::Whole).unwrap().is_empty());
}

#[test]
fn a_damaged_archive_is_refused_or_read_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(golden().join("ci16.sigmf")).unwrap();
    for len in cuts(whole.len()) {
        std::fs::write(folder.path().join("cut.sigmf"), &whole[..len]).unwrap();
        let cut = source(&SIGMF_READ, folder.path(), "cut.sigmf", None, &[]);
        if let Ok(cut) = cut {
            read(cut, Chunks::Whole).unwrap();
        }
    }
    for at in 0..1024 {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x15;
        std::fs::write(folder.path().join("bad.sigmf"), &damaged).unwrap();
        let bad = source(&SIGMF_READ, folder.path(), "bad.sigmf", None, &[]);
        // The sum's own field ends in bytes that say nothing.
        if at < 512 && !(148..156).contains(&at) {
            assert!(bad.is_err(), "{at}");
        }
    }
}

#[test]
fn a_hash_is_written_at_the_end_and_tells_other_samples() {
    let folder = tempfile::tempdir().unwrap();
    let params = [("sha512", Value::from(true))];
    let input = ("f32", Some(100.0));
    let writer = sink(&SIGMF_WRITE, folder.path(), "h", input, &params).unwrap();
    run(
        writer,
        &[bytes(&[1.0f32, 2.0, 3.0])],
        Chunks::Single,
        usize::MAX,
    )
    .unwrap();
    let verify =
        |params: &[(&str, Value)]| source(&SIGMF_READ, folder.path(), "h.sigmf-meta", None, params);
    let params = [("verify", Value::from(true))];
    assert_eq!(
        read(verify(&params).unwrap(), Chunks::Whole).unwrap(),
        bytes(&[1.0f32, 2.0, 3.0])
    );
    std::fs::write(
        folder.path().join("h.sigmf-data"),
        bytes(&[1.0f32, 2.0, 4.0]),
    )
    .unwrap();
    assert!(verify(&[]).is_ok());
    let refused = verify(&params).unwrap_err();
    assert!(refused.message.contains("other samples"), "{refused}");
}

#[test]
fn a_successor_cuts_both_files_to_what_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let items = bytes(&[1.0f32, 2.0, 3.0]);
    let notes = frames([r#"{"core:sample_start":1}"#, r#"{"core:sample_start":2}"#]);
    let first = writer(folder.path(), &["f32", "text"]).unwrap();
    run(first, &[items, notes], Chunks::Whole, usize::MAX).unwrap();
    let mut next = writer(folder.path(), &["f32", "text"]).unwrap();
    let taken = Taken {
        samples: 2,
        notes_len: 1 + r#"{"core:sample_start":1}"#.len() as u64,
        last_start: 1,
        captures_len: 0,
    };
    let mut state = StateSpec::head_and_table(taken, &[0u8; CAPTURES_LEN_MAX]).init;
    next.agent.attach(State::new(&mut state)).unwrap();
    let data = fs::read(folder.path().join("w.sigmf-data")).unwrap();
    assert_eq!(data, bytes(&[1.0f32, 2.0]));
    let meta = fs::read_to_string(folder.path().join("w.sigmf-meta")).unwrap();
    let meta: Json = serde_json::from_str(&meta).unwrap();
    assert_eq!(meta["annotations"], json!([{"core:sample_start": 1}]));
}

#[test]
fn annotations_that_have_no_place_are_refused_by_their_number() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("r.sigmf-data"), [0; 8]).unwrap();
    let check = |starts: &str, message: Option<&str>| {
        let meta = format!(
            "{{\"global\": {{\"core:datatype\": \"ri16_le\"}}, \"annotations\": {starts}}}"
        );
        fs::write(folder.path().join("r.sigmf-meta"), meta).unwrap();
        let notes = source(&SIGMF_NOTES, folder.path(), "r", None, &[]);
        match (notes, message) {
            (Ok(_), None) => {}
            (Err(error), Some(message)) => {
                assert!(error.message.contains(message), "{}", error.message)
            }
            (notes, _) => panic!("{starts}: {:?}", notes.map(|_| ())),
        }
    };
    let start = |start: &str| format!("{{\"core:sample_start\": {start}}}");
    check(&format!("[{}, {}]", start("0"), start("4")), None);
    let message = "of annotations[1] is 5, and ";
    check(&format!("[{}, {}]", start("0"), start("5")), Some(message));
    let message = "of annotations[0] is -1, and should be";
    check(&format!("[{}]", start("-1")), Some(message));
    let message = "of annotations[1] is 1, and of the one before it 2";
    check(&format!("[{}, {}]", start("2"), start("1")), Some(message));
}

#[test]
fn what_is_no_recording_is_refused() {
    let check = |meta: &str, data: &[u8], message: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("r.sigmf-meta"), meta).unwrap();
        fs::write(folder.path().join("r.sigmf-data"), data).unwrap();
        let error = source(&SIGMF_READ, folder.path(), "r", None, &[]).unwrap_err();
        assert!(error.message.contains(message), "{}", error.message);
    };
    let meta = |global: &str, captures: &str| {
        format!("{{\"global\": {{{global}}}, \"captures\": {captures}}}")
    };
    let typed = "\"core:datatype\": \"ri16_le\"";
    check("", b"", "is no JSON");
    check("[]", b"", "has no object `global`");
    check(&meta("", "[]"), b"", "has no `core:datatype`");
    for datatype in ["", "c", "xf32_le", "cf32", "cf16_le", "ri16_xe", "é"] {
        let global = format!("\"core:datatype\": \"{datatype}\"");
        check(&meta(&global, "[]"), b"", "should be such as");
    }
    check(&meta(typed, "7"), b"", "`captures` is no list of objects");
    check(
        &meta(typed, "[]"),
        &[0; 3],
        "ends within a sample: 1 bytes are left",
    );
    let backwards = "[{\"core:sample_start\": 2}, {\"core:sample_start\": 1}]";
    check(
        &meta(typed, backwards),
        &[0; 8],
        "of captures[1] is 1, and of the one before it 2",
    );
    let beyond = "[{\"core:sample_start\": 0}, {\"core:sample_start\": 5}]";
    check(
        &meta(typed, beyond),
        &[0; 8],
        "`core:sample_start` of captures[1] is 5, and ",
    );
    let negative = "[{\"core:sample_start\": -5}]";
    check(
        &meta(typed, negative),
        &[0; 8],
        "of captures[0] is -5, and should be a whole number from 0",
    );
    let header = "[{\"core:sample_start\": 0, \"core:header_bytes\": 9}]";
    check(
        &meta(typed, header),
        &[0; 8],
        "more bytes beside the samples",
    );
    let negative = "[{\"core:sample_start\": -1}]";
    check(
        &meta(typed, negative),
        &[0; 8],
        "should be a whole number from 0",
    );
    let global = format!("{typed}, \"core:sample_rate\": \"fast\"");
    check(&meta(&global, "[]"), b"", "`core:sample_rate` is \"fast\"");
    let global = format!("{typed}, \"core:num_channels\": 1.5");
    check(&meta(&global, "[]"), b"", "`core:num_channels` is 1.5");
    let global = format!("{typed}, \"core:dataset\": \"../x\"");
    check(
        &meta(&global, "[]"),
        b"",
        "`core:dataset` is no file's name",
    );
}

#[test]
fn bytes_beside_the_samples_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let meta = r#"{"global": {"core:datatype": "ru8", "core:dataset": "old.bin", "core:trailing_bytes": 1},
            "captures": [{"core:sample_start": 0, "core:header_bytes": 2}]}"#;
    fs::write(folder.path().join("r.sigmf-meta"), meta).unwrap();
    fs::write(folder.path().join("old.bin"), [9, 9, 1, 2, 3, 9]).unwrap();
    let reader = source(&SIGMF_READ, folder.path(), "r", Some("u8"), &[]).unwrap();
    assert_eq!(read(reader, Chunks::Whole).unwrap(), [1, 2, 3]);
}

#[test]
fn damaged_metadata_never_panic() {
    let whole = fs::read(golden().join("ci16.sigmf-meta")).unwrap();
    let data = fs::read(golden().join("ci16.sigmf-data")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("r.sigmf-data"), data).unwrap();
    let mut random = Random::new(20_261_122);
    for _ in 0..200 {
        let mut damaged = whole.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] = b"0123456789-{}[]\",e"[random.below(18) as usize];
        }
        fs::write(folder.path().join("r.sigmf-meta"), &damaged).unwrap();
        for op in [&SIGMF_READ, &SIGMF_NOTES] {
            if let Ok(reader) = source(op, folder.path(), "r", None, &[]) {
                let outcome = read(reader, Chunks::Whole);
                assert!(
                    outcome.is_ok(),
                    "{outcome:?} {}",
                    String::from_utf8_lossy(&damaged)
                );
            }
        }
    }
}

#[test]
fn inputs_that_are_no_samples_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = sink(&SIGMF_WRITE, folder.path(), "w", ("i64", None), &[]).unwrap_err();
    assert!(error.message.contains("its input is i64"));
    let complex = [("complex", Value::from(true))];
    let error = sink(&SIGMF_WRITE, folder.path(), "w", ("i16[3]", None), &complex);
    assert!(
        error
            .unwrap_err()
            .message
            .contains("no row of real and imaginary parts")
    );
    let error = writer(folder.path(), &["f32", "f32"]).unwrap_err();
    assert!(error.message.contains("annotations as text, and"));
}
