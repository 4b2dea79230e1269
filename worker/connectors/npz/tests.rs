use super::*;
use crate::agent::{Agent, State};
use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
use crate::op::{InputInfo, Value};
use crate::testing::{Chunks, Random, run};
use std::path::Path;

fn array(folder: &Path, file: &str, name: &str) -> Result<Blueprint, OpError> {
    source(
        &NPZ_READ,
        folder,
        file,
        None,
        &[("array", Value::from(name))],
    )
}

#[test]
fn numpys_archives_are_read_packed_or_not() {
    let ramp = bytes(&(0..3000).map(|n| f64::from(n) / 8.0).collect::<Vec<_>>());
    let rows = bytes(&(0..15i32).collect::<Vec<_>>());
    for file in ["plain.npz", "packed.npz"] {
        for chunks in CUTS {
            let found = array(&golden(), file, "ramp").unwrap();
            assert!(read(found, chunks).unwrap() == ramp, "{file} {chunks:?}");
            let found = array(&golden(), file, "rows").unwrap();
            assert_eq!(found.outputs[0].item_type.to_string(), "i32[3]");
            assert!(read(found, chunks).unwrap() == rows, "{file} {chunks:?}");
        }
    }
}

#[test]
fn a_successor_goes_on_at_the_committed_item() {
    for file in ["plain.npz", "packed.npz"] {
        for given in [1, 700, 2999, 3000] {
            let mut reader = array(&golden(), file, "ramp").unwrap();
            reader.state = StateSpec::of(given);
            let rest: Vec<f64> = (given..3000).map(|n| n as f64 / 8.0).collect();
            assert_eq!(read(reader, Chunks::Random(given)).unwrap(), bytes(&rest));
        }
    }
}

#[test]
fn an_array_is_named_where_there_are_several() {
    let error = source(&NPZ_READ, &golden(), "plain.npz", None, &[]).unwrap_err();
    assert!(error.message.ends_with("plain.npz holds 2 arrays"));
    assert_eq!(error.help.as_deref(), Some("say which: ramp, rows"));
    let error = array(&golden(), "plain.npz", "rampe").unwrap_err();
    assert_eq!(
        error.help.as_deref(),
        Some("did you mean \"ramp\"? It has ramp, rows")
    );
    let error = array(&golden(), "le_f8.npy", "ramp").unwrap_err();
    assert!(
        error.message.contains("is no NPZ file"),
        "{}",
        error.message
    );
}

#[test]
fn what_is_written_is_read_back_and_the_parts_are_gone() {
    let a = bytes(&(0..500i64).collect::<Vec<_>>());
    let b = bytes(&(0..90).map(|n| n as f32).collect::<Vec<_>>());
    for chunks in CUTS {
        let folder = tempfile::tempdir().unwrap();
        run(
            writer(folder.path()),
            &[a.clone(), b.clone()],
            chunks,
            usize::MAX,
        )
        .unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "{chunks:?}");
        for (name, items) in [("a", &a), ("b", &b)] {
            let back = array(folder.path(), "w.npz", name).unwrap();
            assert!(read(back, chunks).unwrap() == *items, "{name} {chunks:?}");
        }
    }
}

/// A writer of an i64 `a` and an f32[3] `b` to `w.npz`.
fn writer(folder: &Path) -> Blueprint {
    let inputs = [("a", "i64"), ("b", "f32[3]")].map(|(name, item_type)| InputInfo {
        naming: Default::default(),
        name: name.to_owned(),
        item_type: item_type.parse().unwrap(),
        rate: None,
        unit: None,
    });
    let given = [("path".to_owned(), Value::from("w.npz"))];
    let args = Args::new(&NPZ_WRITE, inputs.to_vec(), None, &given, folder).unwrap();
    build_write(&args).unwrap()
}

#[test]
fn a_successor_finds_parts_or_the_file_that_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let attached = |written: u64| {
        let mut next = writer(folder.path()).agent;
        let mut state = [written];
        let state = State::new(bytemuck::cast_slice_mut(&mut state));
        next.attach(state).map(|()| next)
    };
    let finish = |agent: &mut Box<dyn Agent>, written: u64| {
        let mut state = [written];
        agent.finish(State::new(bytemuck::cast_slice_mut(&mut state)))
    };
    let chunk = [
        &0u64.to_le_bytes()[..],
        &8u64.to_le_bytes(),
        &5i64.to_le_bytes(),
    ]
    .concat();
    let parts = folder.path().join("w.npz.parts");
    std::fs::write(&parts, [&chunk[..], b"not committed"].concat()).unwrap();
    let mut killed = attached(24).unwrap();
    assert_eq!(std::fs::read(&parts).unwrap(), chunk);
    finish(&mut killed, 24).unwrap();
    let made = std::fs::read(folder.path().join("w.npz")).unwrap();
    assert!(!parts.exists());
    // It died after the file was made and before its end was committed.
    let mut again = attached(24).unwrap();
    finish(&mut again, 24).unwrap();
    assert_eq!(std::fs::read(folder.path().join("w.npz")).unwrap(), made);
    let back = array(folder.path(), "w.npz", "a").unwrap();
    assert_eq!(read(back, Chunks::Whole).unwrap(), bytes(&[5i64]));
    // A new run begins anew.
    attached(0).unwrap();
    assert!(!folder.path().join("w.npz").exists());
    std::fs::write(&parts, b"short").unwrap();
    assert!(attached(24).is_err());
}

#[test]
fn a_damaged_archive_is_refused_or_ends_the_run_and_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let expected = read(
        array(&golden(), "packed.npz", "ramp").unwrap(),
        Chunks::Whole,
    )
    .unwrap();
    let outcome = |bytes: &[u8]| {
        std::fs::write(folder.path().join("bad.npz"), bytes).unwrap();
        let reader = array(folder.path(), "bad.npz", "ramp").ok()?;
        read(reader, Chunks::Whole).ok()
    };
    for file in ["packed.npz", "plain.npz"] {
        let whole = std::fs::read(golden().join(file)).unwrap();
        for len in cuts(whole.len()) {
            assert_eq!(outcome(&whole[..len]), None, "{file} cut at {len}");
        }
        let mut random = Random::new(20_261_122);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
            if let Some(found) = outcome(&damaged) {
                assert!(found == expected, "{file}, byte {at}");
            }
        }
    }
}

#[test]
fn damage_in_any_part_of_a_large_array_ends_the_run() {
    const SEED: u64 = 20_261_122;
    println!("seed {SEED}");
    let mut random = Random::new(SEED);
    let items: Vec<i64> = (0..90_000).map(|_| random.below(1 << 16) as i64).collect();
    let folder = tempfile::tempdir().unwrap();
    for is_packed in [false, true] {
        let params = [("compressed", Value::from(is_packed))];
        let writer = sink(&NPZ_WRITE, folder.path(), "x.npz", ("i64", None), &params).unwrap();
        run(writer, &[bytes(&items)], Chunks::Whole, usize::MAX).unwrap();
        let whole = std::fs::read(folder.path().join("x.npz")).unwrap();
        for part in 1..8 {
            let at = whole.len() / 8 * part + random.below(1000) as usize;
            let mut turned = whole.clone();
            turned[at] ^= 1 << random.below(8);
            std::fs::write(folder.path().join("x.npz"), turned).unwrap();
            for chunks in [Chunks::Whole, Chunks::Random(1)] {
                let found = array(folder.path(), "x.npz", "arr_0").unwrap();
                let outcome = read(found, chunks).map(|bytes| bytes.len());
                let what = format!("packed {is_packed}, byte {at}, {chunks:?}");
                let message = outcome.expect_err(&what).message;
                assert!(message.contains("is damaged between"), "{what}: {message}");
            }
        }
    }
}

#[test]
fn names_and_types_that_make_no_array_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = sink(&NPZ_WRITE, folder.path(), "w", ("text", None), &[]).unwrap_err();
    assert!(error.message.contains("its input is text"));
    let two = [("arrays", Value::List(vec!["a".into(), "b".into()]))];
    let error = sink(&NPZ_WRITE, folder.path(), "w", ("f64", None), &two).unwrap_err();
    assert_eq!(
        error.message,
        "`arrays` has 2 names, and there are 1 inputs"
    );
    let odd = [("arrays", Value::from("../a"))];
    assert!(sink(&NPZ_WRITE, folder.path(), "w", ("f64", None), &odd).is_err());
}

/// An archive as NumPy makes it, of one array: `descr`, order and shape as its header has them, then these elements.
fn archive(folder: &Path, name: &str, dictionary: &str, elements: &[u8]) {
    let file = File::create(folder.join("x.npz")).unwrap();
    let mut archive = ZipArchiveWriter::new(file);
    let path = format!("{name}.npy");
    let (entry, config) = archive.new_file(path.as_str()).start().unwrap();
    let mut entry = config.wrap(entry);
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    head.extend_from_slice(&(dictionary.len() as u16).to_le_bytes());
    head.extend_from_slice(dictionary.as_bytes());
    entry.write_all(&head).unwrap();
    entry.write_all(elements).unwrap();
    let (entry, sums) = entry.finish().unwrap();
    entry.finish(sums).unwrap();
    archive.finish().unwrap();
}

#[test]
fn columns_first_gives_rows() {
    let folder = tempfile::tempdir().unwrap();
    let dictionary = "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }";
    archive(
        folder.path(),
        "a",
        dictionary,
        &bytes(&[0, 3, 1, 4, 2, 5i32]),
    );
    for chunks in CUTS {
        let found = array(folder.path(), "x.npz", "a").unwrap();
        assert_eq!(found.outputs[0].item_type.to_string(), "i32[3]");
        assert_eq!(read(found, chunks).unwrap(), bytes(&[0, 1, 2, 3, 4, 5i32]));
    }
}

#[test]
fn an_array_that_is_no_stream_is_called_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            "|O",
            "(2,)",
            "x.npz: the array \"words\" has elements of type \"|O\"",
        ),
        (
            "<U5",
            "(2,)",
            "x.npz: the array \"words\" has elements of type \"<U5\"",
        ),
        (
            "<f8",
            "(2, 0, 1)",
            "x.npz: the array \"words\" has rows of 0 elements",
        ),
        ("<f8", "(3,)", "x.npz: the array \"words\" is 8"),
        ("<f8", "(1,)", "x.npz: the array \"words\" is 8"),
    ];
    for (descr, shape, expected) in cases {
        let dictionary =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}");
        archive(folder.path(), "words", &dictionary, &[0; 16]);
        let error = array(folder.path(), "x.npz", "words").unwrap_err();
        assert!(error.message.contains(expected), "{}", error.message);
    }
}

#[test]
fn packed_arrays_are_read_back_and_take_less() {
    let a = bytes(&(0..500i64).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    for (is_packed, path) in [(false, "plain"), (true, "packed")] {
        let params = [("compressed", Value::from(is_packed))];
        let writer = sink(&NPZ_WRITE, folder.path(), path, ("i64", None), &params).unwrap();
        run(
            writer,
            std::slice::from_ref(&a),
            Chunks::Random(1),
            usize::MAX,
        )
        .unwrap();
        let back = array(folder.path(), path, "arr_0").unwrap();
        assert!(read(back, Chunks::Whole).unwrap() == a);
    }
    let len = |path| std::fs::metadata(folder.path().join(path)).unwrap().len();
    assert!(len("packed") < len("plain") / 2);
}
