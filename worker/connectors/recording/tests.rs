//! Recordings: what is recorded is given again, and what is damaged is noticed.

use thalweg_ringbuf::Frames;
use xxhash_rust::xxh3::xxh3_128;

use super::compare::{Difference, comparer};
use super::replay::REPLAY_READ;
use super::write::recorder;
use super::*;
use crate::agent::Blueprint;
use crate::connectors::fixtures::{CUTS, bytes, source};
use crate::op::{OpError, Value};
use crate::testing::{Chunks, frames, run};

/// Streams of every kind, with their bytes.
fn streams() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let numbers: Vec<f64> = (0..900).map(|n| f64::from(n) * 0.5).collect();
    vec![
        ("band", "f64", bytes(&numbers)),
        ("trace.e", "i16[3]", bytes(&[-7i16; 300])),
        ("trace.n", "u8", vec![9; 77]),
        ("lines", "text", frames((0..200).map(|n| "ä".repeat(n % 9)))),
        ("never", "cf32", Vec::new()),
    ]
}

fn types() -> Vec<ItemType> {
    streams().iter().map(|s| s.1.parse().unwrap()).collect()
}

fn record(path: &Path, chunks: Chunks) -> Recording {
    let words = Words {
        graph: "g".to_owned(),
        began: 7,
        streams: streams()
            .iter()
            .zip(types())
            .map(|((name, _, _), item_type)| Recorded::new(name, &item_type, Some(2.5)))
            .collect(),
        origin: Json::Null,
    };
    let recorder = recorder(path, &words, &types()).unwrap();
    let inputs: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
    let inputs = [inputs, vec![tags(), tags()]].concat();
    run(recorder.tagged(&TAGGED, &[]), &inputs, chunks, usize::MAX).unwrap();
    Recording::open(path).unwrap()
}

/// Which streams have tags.
const TAGGED: [bool; 5] = [true, false, false, true, false];

/// Tags of both of them: several at one place, the last ones behind the last item of `lines`.
fn tags() -> Vec<u8> {
    let tag = |n: u64| Tag {
        position: (n / 3 * 12).min(200),
        key: "n",
        value: "\"a text\"",
    };
    frames((0..60).map(|n| tag(n).frame()))
}

fn replay(path: &Path, params: &[(&str, Value)]) -> Result<Blueprint, OpError> {
    let folder = path.parent().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    source(&REPLAY_READ, folder, name, None, params)
}

#[test]
fn what_is_recorded_is_given_again_however_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    for chunks in CUTS {
        let recording = record(&path, chunks);
        assert_eq!(recording.complaint(), None);
        let sums = recording.verify().unwrap();
        for (sum, (name, _, bytes)) in sums.iter().zip(streams()) {
            assert_eq!((sum.name.as_str(), sum.bytes), (name, bytes.len() as u64));
            assert_eq!(sum.xxh3, format!("{:032x}", xxh3_128(&bytes)));
        }
        let items: Vec<u64> = sums.iter().map(|sum| sum.items).collect();
        assert_eq!(items, [900, 100, 77, 200, 0]);
        for again in CUTS {
            let given = run(replay(&path, &[]).unwrap(), &[], again, usize::MAX).unwrap();
            let expected: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
            assert!(given == expected, "{chunks:?} {again:?}");
        }
    }
}

#[test]
fn outputs_are_called_as_the_streams_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    drop(record(&path, Chunks::Whole));
    let ports = |params: &[(&str, Value)]| -> Vec<String> {
        let outputs = replay(&path, params).unwrap().outputs;
        assert!(outputs.iter().all(|out| out.rate == Some(2.5)));
        outputs.into_iter().map(|out| out.name).collect()
    };
    assert_eq!(ports(&[]), ["band", "e", "n", "lines", "never"]);
    assert_eq!(ports(&[("streams", "trace.n".into())]), [""]);
    let named = [("streams", "trace.n".into()), ("ports", "n".into())];
    assert_eq!(ports(&named), ["n"]);
    let refused = |params: &[(&str, Value)]| replay(&path, params).unwrap_err();
    let error = refused(&[("streams", "trace.m".into())]);
    assert!(
        error.message.ends_with("r.rec has no stream `trace.m`"),
        "{error:?}"
    );
    assert_eq!(error.help.as_deref(), Some("did you mean `trace.e`?"));
    let twice = refused(&[("streams", ["band", "band"].into())]);
    assert_eq!(
        twice.message,
        "two of the streams would be the output `band`"
    );
    let short = refused(&[("ports", ["a", "b"].into())]);
    assert_eq!(
        short.message,
        "`ports` has 2 names, and there are 5 streams"
    );
}

#[test]
fn a_recording_cut_off_anywhere_is_read_to_its_last_whole_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    drop(record(&path, Chunks::Random(5)));
    let whole = std::fs::read(&path).unwrap();
    let mut items_before = [0; 2];
    let steps = (0..whole.len()).step_by(101).chain([whole.len() - 1]);
    for (len, reserved) in steps.flat_map(|len| [(len, 0), (len, 1)]) {
        let cut = folder.path().join("cut.rec");
        // What was reserved and not written is zeros.
        let rest = vec![0; reserved * (whole.len() - len)];
        std::fs::write(&cut, [&whole[..len], &rest].concat()).unwrap();
        let Ok(recording) = Recording::open(&cut) else {
            assert_eq!(items_before[reserved], 0, "cut at {len}");
            continue;
        };
        let items: u64 = (0..5).map(|nth| recording.items(nth)).sum();
        assert!(items >= items_before[reserved], "cut at {len}");
        items_before[reserved] = items;
        if recording.complaint().is_none() {
            // What is missing was zeros.
            assert!(whole[len..].iter().all(|byte| *byte == 0), "cut at {len}");
        }
        let given = run(replay(&cut, &[]).unwrap(), &[], Chunks::Whole, usize::MAX).unwrap();
        for (given, (name, _, all)) in given.iter().zip(streams()) {
            assert!(all.starts_with(given), "{name} cut at {len}");
        }
    }
    assert_eq!(items_before, [1277; 2]);
}

#[test]
fn a_changed_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    let sums = record(&path, Chunks::Random(6)).verify().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut noticed = 0;
    for at in (0..whole.len()).step_by(31) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        std::fs::write(&path, &changed).unwrap();
        let found = Recording::open(&path).and_then(|recording| match recording.complaint() {
            Some(complaint) => Err(complaint.to_owned()),
            None => recording.verify(),
        });
        match found {
            // Zeros between parts.
            Ok(found) => assert!(found == sums && whole[at] == 0, "byte {at}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > whole.len() / 31 * 9 / 10, "{noticed}");
}

/// A recording of one stream by nobody's hand, with good checksums.
fn forged(stream: &Recorded, items: u64, bytes: &[u8]) -> Result<Vec<Sum>, String> {
    let words = Words {
        graph: "g".to_owned(),
        began: 0,
        streams: vec![stream.clone()],
        origin: Json::Null,
    };
    let part = PartHead {
        magic: PART,
        stream: 0,
        position: 0,
        items,
        len_bytes: bytes.len() as u64,
        time_ns: u64::MAX,
        crc: 0,
        zero: 0,
    };
    let part = part.sealed(bytes);
    let file = [&write::head_of(&words), bytemuck::bytes_of(&part), bytes].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    std::fs::write(&path, file).unwrap();
    let recording = Recording::open(&path)?;
    let sums = recording.verify()?;
    let given = run(
        replay(&path, &[]).unwrap(),
        &[],
        Chunks::Random(1),
        usize::MAX,
    );
    assert_eq!(given.unwrap()[0].len() as u64, sums[0].bytes);
    Ok(sums)
}

#[test]
fn a_forged_recording_gives_nothing_that_is_no_item() {
    let stream = |item_type: &str| {
        let item_type: ItemType = item_type.parse().unwrap();
        Recorded::new("x", &item_type, None)
    };
    let items = |stream: &Recorded, items, bytes: &[u8]| {
        forged(stream, items, bytes).map(|sums| sums[0].items)
    };
    let (f64s, texts) = (stream("f64"), stream("text"));
    assert_eq!(items(&f64s, 2, &[0; 16]), Ok(2));
    assert_eq!(items(&f64s, 1, &[0; 16]), Ok(0));
    assert_eq!(items(&f64s, u64::MAX / 4, &[0; 16]), Ok(0));
    let two = frames(["a", "b"]);
    assert_eq!(items(&texts, 2, &two), Ok(2));
    assert_eq!(items(&texts, 1, &two), Ok(0));
    assert_eq!(items(&texts, 3, &two), Ok(0));
    assert_eq!(items(&texts, 2, &two[..12]), Ok(0));
    assert_eq!(items(&texts, 1, &frames([[0xffu8]])), Ok(0));
    let wrong = |change: fn(&mut Recorded)| {
        let mut stream = stream("f64");
        change(&mut stream);
        let refused = items(&stream, 2, &[0; 16]).unwrap_err();
        assert!(refused.contains("whose head is damaged"), "{refused}");
    };
    wrong(|stream| stream.item_len = 3);
    wrong(|stream| stream.item_len = 0);
    wrong(|stream| stream.rate = Some(-1.0));
    wrong(|stream| stream.name.clear());
}

#[test]
fn what_is_no_recording_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Recording::open(&path).err().unwrap()
    };
    assert!(refused(b"").ends_with(NO_RECORDING));
    assert!(refused(&[b'x'; 100]).ends_with(NO_RECORDING));
    drop(record(&path, Chunks::Whole));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 9;
    assert!(refused(&bytes).ends_with("version 9, and this program reads versions up to 2"));
    assert!(Recording::open(folder.path()).is_err());
}

/// What a comparison of streams with what was recorded finds, under every cut.
fn found(change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<Option<Difference>> {
    let folder = tempfile::tempdir().unwrap();
    let recording = record(&folder.path().join("r.rec"), Chunks::Random(8));
    let recording = std::sync::Arc::new(recording);
    let mut inputs: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
    inputs.extend([tags(), tags()]);
    change(&mut inputs);
    let pairs: Vec<_> = types().into_iter().enumerate().collect();
    let found = CUTS.map(|chunks| {
        let (blueprint, findings) = comparer(&recording, &pairs).unwrap();
        run(blueprint.tagged(&TAGGED, &[]), &inputs, chunks, usize::MAX).unwrap();
        (0..10).map(|nth| findings.of(nth)).collect::<Vec<_>>()
    });
    assert!(found.iter().all(|other| *other == found[0]), "{found:?}");
    found[0].clone()
}

#[test]
fn the_first_difference_of_each_stream_is_found() {
    assert_eq!(found(|_| ()), [const { None }; 10]);
    let differences = found(|streams| {
        streams[0][8 * 450..][..8].copy_from_slice(&1.0f64.to_ne_bytes());
        streams[0][8 * 600] ^= 1;
        streams[1].truncate(6 * 99);
        let mut lines: Vec<Vec<u8>> = Frames::new(&streams[3]).map(<[u8]>::to_vec).collect();
        lines[100] = vec![b'z'; 100];
        streams[3] = frames(lines);
        streams[4] = vec![0; 8];
    });
    let changed = Difference::Item {
        position: 450,
        from: 0,
        found: 1.0f64.to_ne_bytes().to_vec(),
        len_bytes: 8,
    };
    let line = Difference::Item {
        position: 100,
        from: 0,
        found: vec![b'z'; 64],
        len_bytes: 100,
    };
    let shorter = Difference::Shorter { position: 99 };
    let longer = Difference::Longer { position: 0 };
    let expected = [Some(changed), Some(shorter), None, Some(line), Some(longer)];
    assert_eq!(differences[..5], expected);
    assert_eq!(differences[5..], [const { None }; 5]);
}

#[test]
fn a_stream_that_ends_sooner_than_in_a_recording_that_was_cut_off_is_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    drop(record(&path, Chunks::Random(8)));
    let whole = std::fs::read(&path).unwrap();
    let found = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let recording = std::sync::Arc::new(Recording::open(&path).unwrap());
        let pairs: Vec<_> = types().into_iter().enumerate().collect();
        let (blueprint, findings) = comparer(&recording, &pairs).unwrap();
        let mut inputs: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
        inputs.extend([tags(), tags()]);
        inputs[1].truncate(6 * 3);
        let blueprint = blueprint.tagged(&TAGGED, &[]);
        run(blueprint, &inputs, Chunks::Whole, usize::MAX).unwrap();
        (0..10)
            .filter_map(|nth| findings.of(nth))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&whole), [Difference::Shorter { position: 3 }]);
    assert_eq!(found(&whole[..whole.len() - 5]), []);
}

fn other_frame() -> Vec<u8> {
    let tag = Tag {
        position: 9,
        key: "m",
        value: "1",
    };
    tag.frame()
}

#[test]
fn the_first_tag_that_differs_is_found() {
    let differences = found(|streams| {
        let mut tags: Vec<Vec<u8>> = Frames::new(&streams[5]).map(<[u8]>::to_vec).collect();
        tags[9] = other_frame();
        streams[5] = frames(&tags);
        tags.truncate(7);
        streams[6] = frames(&tags);
    });
    let changed = Difference::Item {
        position: 9,
        from: 0,
        found: other_frame(),
        len_bytes: other_frame().len() as u64,
    };
    assert_eq!(differences[5], Some(changed));
    assert_eq!(differences[8], Some(Difference::Shorter { position: 7 }));
    assert_eq!(differences.iter().flatten().count(), 2);
    let longer = found(|streams| streams[5].extend(frames([other_frame()])));
    let longer_than_recorded = Difference::Item {
        position: 60,
        from: 0,
        found: other_frame(),
        len_bytes: other_frame().len() as u64,
    };
    assert_eq!(longer[5], Some(longer_than_recorded));
}

#[test]
fn tags_are_given_again_at_their_places_however_they_were_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.rec");
    for chunks in CUTS {
        let sums = record(&path, chunks).verify().unwrap();
        for (sum, tagged) in sums.iter().zip(TAGGED) {
            let (count, hash) = match tagged {
                true => (60, format!("{:032x}", xxh3_128(&tags()))),
                false => (0, String::new()),
            };
            assert_eq!((sum.tags, &sum.tags_xxh3), (count, &hash), "{}", sum.name);
        }
        for again in CUTS {
            let replay = replay(&path, &[]).unwrap().tagged(&[], &TAGGED);
            let given = run(replay, &[], again, usize::MAX).unwrap();
            assert!(
                given[5] == tags() && given[6] == tags(),
                "{chunks:?} {again:?}"
            );
        }
    }
}

#[test]
fn a_recording_of_the_first_version_is_read_and_has_no_tags() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/pulse.rec");
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.version, 1);
    assert!(!recording.keeps_tags());
    assert_eq!(recording.verify().unwrap()[0].tags, 0);
    let recording = std::sync::Arc::new(recording);
    let pulse = recording.find("pulse").unwrap();
    let item_type: ItemType = recording.words().streams[pulse].item_type.parse().unwrap();
    let (blueprint, _) = comparer(&recording, &[(pulse, item_type)]).unwrap();
    assert_eq!(blueprint.tags, crate::tags::Tags::Dropped);
}

#[test]
fn a_recorder_keeps_to_regular_files_and_says_so() {
    let words = Words {
        graph: "g".to_owned(),
        began: 0,
        streams: vec![Recorded::new("x", &ItemType::U8, None)],
        origin: Json::Null,
    };
    let types = [ItemType::U8];
    let blueprint = recorder(Path::new("/dev/null"), &words, &types).unwrap();
    let error = run(blueprint, &[vec![1]], Chunks::Whole, 1).unwrap_err();
    assert!(
        error.message.contains("/dev/null is no regular file"),
        "{error}"
    );
    let nowhere = recorder(Path::new("/nowhere/r.rec"), &words, &types);
    assert!(nowhere.unwrap_err().message.contains("/nowhere"));
}
