//! `record` and `replay`: every item once, whoever is killed; and a difference is named.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::kills::kill_workers;
use crate::site::{Random, Site, until};

/// Numbers at two rates, text, and a branch.
const LINE: &str = "n:counter items=200000 rate=1000 ! twice:map expr=\"2 * x\" ! null; \
    tenth:decimate in=n factor=10 ! line:text.format format=\"{x}\" ! null";

/// What a recording holds, by the words of `replay --list`.
fn listed(site: &Site, file: &str) -> Json {
    site.run(&["replay", file, "--list", "--json"])
        .expect(0)
        .json()
}

/// A row `NAME ITEMS HASH` for each stream.
fn sums(list: &Json) -> Vec<String> {
    let mut rows: Vec<String> = list["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| format!("{} {} {}", s["name"], s["items"], s["xxh3"]))
        .collect();
    rows.sort();
    rows
}

/// The sums of a run that nobody disturbs.
fn undisturbed(site: &Site) -> Vec<String> {
    site.run(&["record", "calm.rec", "-q", "-e", LINE])
        .expect(0);
    let list = listed(site, "calm.rec");
    assert_eq!(
        (&list["whole"], &list["graph"]),
        (&true.into(), &"line".into())
    );
    sums(&list)
}

#[test]
fn a_recording_holds_every_item_once_whoever_is_killed_and_however_it_is_placed() {
    let site = Site::new();
    let expected = undisturbed(&site);
    let starts: Vec<String> = expected
        .iter()
        .map(|row| row[..row.len() - 34].to_owned())
        .collect();
    let rows = [
        "\"line\" 20000 ",
        "\"n\" 200000 ",
        "\"tenth\" 20000 ",
        "\"twice\" 200000 ",
    ];
    assert_eq!(starts, rows);
    let mut random = Random::seeded();
    for workers in ["1", "3"] {
        let arguments = [
            "record",
            "r.rec",
            "--json",
            "--restart",
            "1000",
            "--capacity",
            "256",
            "--step",
            "16",
            "--workers",
            workers,
            "-e",
            LINE,
        ];
        let mut going = site.start(site.thalweg(&arguments));
        kill_workers(&site, &mut going, &mut random, 40, 8000);
        let report = going.wait().expect(0).json();
        assert!(
            report["restarts"].as_u64().unwrap() > 0,
            "nobody was killed in time"
        );
        let list = listed(&site, "r.rec");
        assert_eq!(list["whole"], true);
        assert_eq!(sums(&list), expected);
    }
    site.assert_clean();
}

#[test]
fn the_same_run_again_is_no_difference_even_when_workers_are_killed() {
    let site = Site::new();
    undisturbed(&site);
    let mut random = Random::seeded();
    let arguments = [
        "replay",
        "calm.rec",
        "--compare",
        "--json",
        "--workers",
        "3",
    ];
    let mut going = site.start(site.thalweg(&arguments));
    kill_workers(&site, &mut going, &mut random, 2, 8000);
    going.wait().expect(0).says(&["no difference to"]);
    site.run(&["replay", "calm.rec", "--compare", "--in-process"])
        .expect(0)
        .says(&["240000 items, streams: 3"]);
    site.assert_clean();
}

#[test]
fn a_difference_ends_with_5_and_is_named() {
    let site = Site::new();
    undisturbed(&site);
    let changed = "twice.expr=\"2 * x + (x == 777)\"";
    site.run(&["replay", "calm.rec", "--compare", "-q", "--set", changed])
        .expect(5)
        .says(&[
            "1 of 3 streams differ from",
            "`twice`: item 777 is i64 1555, bytes 1306000000000000; recorded was i64 1554, bytes 1206000000000000",
        ]);
    let fewer = ["replay", "calm.rec", "--compare", "-q", "--items", "777"];
    site.run(&fewer).expect(5).says(&[
        "3 of 3 streams differ",
        "`twice`: it ends after 777 items; recorded were 200000",
        "`line`: it ends after 78 items; recorded were 20000",
    ]);
    let words = [
        "replay",
        "calm.rec",
        "--compare",
        "-q",
        "--set",
        "line.format=\"<{x}>\"",
    ];
    site.run(&words)
        .expect(5)
        .says(&["`line`: item 0 is text \"<0>\", bytes 3c303e; recorded was text \"0\", bytes 30"]);
    site.assert_clean();
}

#[test]
fn a_recording_stands_in_the_place_of_what_gave_it() {
    let site = Site::new();
    undisturbed(&site);
    let other = "n:noise items=5 dtype=i64 ! raw.write path=n.bin; twice:map in=n expr=\"x\" ! raw.write path=t.bin";
    let numbers = |file: &str| -> Vec<i64> {
        let bytes = site.read(file);
        let items = bytes.chunks_exact(8);
        items
            .map(|item| i64::from_le_bytes(item.try_into().unwrap()))
            .collect()
    };
    // Its only source is recorded under the same name.
    site.run(&["replay", "calm.rec", "-q", "-e", other])
        .expect(0);
    assert!(numbers("n.bin").into_iter().eq(0..200_000));
    assert!(numbers("t.bin").into_iter().eq(0..200_000));
    // A stream in the middle: what fed it and nobody else is not run.
    let middle = "n:counter items=5 ! twice:map expr=\"7 * x\" ! raw.write path=t.bin";
    site.run(&[
        "replay",
        "calm.rec",
        "-q",
        "--streams",
        "twice",
        "-e",
        middle,
    ])
    .expect(0);
    assert!(numbers("t.bin").into_iter().eq((0..200_000).map(|n| 2 * n)));
    let ended = site.run(&[
        "replay",
        "calm.rec",
        "--json",
        "-q",
        "--streams",
        "twice",
        "-e",
        middle,
    ]);
    let report = ended.expect(0).json();
    assert_eq!(
        report["edges"].as_array().unwrap().len(),
        1,
        "{}",
        report["edges"]
    );
    site.assert_clean();
}

#[test]
fn a_recording_without_an_end_is_given_up_to_its_last_whole_part() {
    let site = Site::new();
    let line = "n:counter ! copy ! null";
    let arguments = [
        "record",
        "r.rec",
        "--workers",
        "2",
        "--streams",
        "n,copy",
        "-e",
        line,
    ];
    let going = site.start_run(&arguments, 2);
    let len = || std::fs::metadata(site.path("r.rec")).map_or(0, |m| m.len());
    until("some parts", || len() > 4 << 20);
    going.signal(Signal::SIGKILL);
    going.wait().expect(128 + 9);
    until("nothing left", || {
        site.segments().is_empty() && site.processes("").is_empty()
    });
    let list = listed(&site, "r.rec");
    assert_eq!(list["whole"], false);
    assert!(
        list["complaint"]
            .as_str()
            .unwrap()
            .starts_with("it was cut off"),
        "{list}"
    );
    let items = list["streams"][0]["items"].as_u64().unwrap();
    assert!(items > 100_000, "{list}");
    site.run(&["replay", "r.rec", "-e", "n:counter ! raw.write path=n.bin"])
        .expect(0)
        .says(&["warning: ", "it was cut off", "it is read up to there"]);
    let bytes = site.read("n.bin");
    let given = bytes
        .chunks_exact(8)
        .map(|item| u64::from_le_bytes(item.try_into().unwrap()));
    assert!(given.eq(0..items));
    // What it does not hold is not known to differ.
    site.run(&["replay", "r.rec", "--compare", "-q"]).expect(0);
    site.assert_clean();
}

#[test]
fn a_recorded_run_is_resumed_and_goes_on_from_a_snapshot_with_its_recording() {
    let site = Site::new();
    let expected = undisturbed(&site);
    let arguments = [
        "record",
        "r.rec",
        "--resumable",
        "--snapshot",
        "s.snap",
        "--every",
        "10ms",
        "--capacity",
        "256",
        "--step",
        "16",
        "--workers",
        "2",
        "-e",
        LINE,
    ];
    let going = site.start_run(&arguments, 2);
    // The first recording was run 0.
    let name = site.run_name(1);
    let recipe = site.path(&format!("runtime/thalweg/{name}.recipe"));
    until("recipe and snapshot", || {
        recipe.exists() && site.path("s.snap").exists()
    });
    going.signal(Signal::SIGKILL);
    going.wait().expect(128 + 9);
    until("the end of all processes", || {
        site.run(&["ps"]).stdout.contains("resumable")
    });
    site.run(&["resume", &name]).expect(0);
    assert_eq!(sums(&listed(&site, "r.rec")), expected);
    site.run(&["run", "--from", "s.snap"]).expect(0);
    assert_eq!(sums(&listed(&site, "r.rec")), expected);
    site.assert_clean();
}

#[test]
fn at_the_recorded_pace_nothing_comes_sooner_than_it_did() {
    let site = Site::new();
    let line = "n:counter items=10 ! slow:throttle rate=50 ! null";
    site.run(&["record", "r.rec", "-q", "--streams", "slow", "-e", line])
        .expect(0);
    let seconds = listed(&site, "r.rec")["seconds"].as_f64().unwrap();
    // Nine pauses of 20 ms lie between ten items; the recorder saw the last one after most of them.
    assert!(seconds > 0.1, "{seconds}");
    let began = std::time::Instant::now();
    let again = [
        "replay",
        "r.rec",
        "-q",
        "--pace",
        "recorded",
        "-e",
        "slow:counter ! raw.write path=o",
    ];
    site.run(&again).expect(0);
    assert!(began.elapsed().as_secs_f64() >= seconds);
    assert_eq!(site.read("o").len(), 80);
    site.assert_clean();
}

#[test]
fn what_cannot_be_recorded_or_given_is_refused_in_words() {
    let site = Site::new();
    site.write("g.toml", "agents.n = { op = \"counter\", items = 9 }\nagents.end = { op = \"raw.write\", in = \"n\", path = \"o.bin\" }\n");
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        site.run(arguments).expect(code).says(words);
    };
    let record = |more: &[&'static str]| [&["record", "r.rec", "g.toml"], more].concat();
    refused(
        &record(&["--streams", "m"]),
        2,
        &["there is no stream `m`; there are n"],
    );
    refused(
        &["record", "o.bin", "g.toml"],
        2,
        &["o.bin is a file of agent `end`"],
    );
    refused(
        &["record", "/nowhere/r.rec", "g.toml"],
        2,
        &["there is no folder `/nowhere`"],
    );
    site.write("notes.txt", "mine\n");
    for file in ["g.toml", "notes.txt"] {
        let before = fs::read(site.path(file)).unwrap();
        let words = [file, "is no recording, and one would replace it"];
        refused(&["record", file, "g.toml"], 2, &words);
        assert_eq!(fs::read(site.path(file)).unwrap(), before);
    }
    refused(&["replay", "r.rec"], 3, &["r.rec cannot be read"]);
    refused(
        &["replay", "g.toml", "--list"],
        3,
        &["g.toml is no recording"],
    );
    for _ in 0..2 {
        site.run(&record(&["-q"])).expect(0);
    }
    refused(
        &["replay", "r.rec", "--streams", "end"],
        2,
        &["has no stream `end`; there are n"],
    );
    let none = ["replay", "r.rec", "-e", "m:counter items=1 ! null"];
    refused(
        &none,
        2,
        &["holds n, and none of them is a source of the graph"],
    );
    refused(
        &["replay", "r.rec", "--compare"],
        2,
        &["has no stream to compare with"],
    );
    let other = [
        "replay",
        "r.rec",
        "--compare",
        "-e",
        "m:counter items=9 ! n:map expr=\"x\" dtype=f64 ! null",
    ];
    refused(&other, 2, &["`n` is f64 and was i64 when it was recorded"]);
    site.assert_clean();
}

#[test]
fn the_recording_in_the_examples_is_whole() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/pulse.rec");
    assert!(Path::new(file).exists());
    let site = Site::new();
    let list = listed(&site, file);
    assert_eq!(
        (&list["whole"], &list["streams"][0]["items"]),
        (&true.into(), &100.into())
    );
    site.assert_clean();
}

#[test]
fn tags_are_recorded_and_given_again() {
    let site = Site::new();
    site.write("g.toml", crate::tags::TAGGED);
    let tags_of = |file: &str| -> Vec<String> {
        let list = listed(&site, file);
        let streams = list["streams"].as_array().unwrap().iter();
        let tagged = streams.filter(|s| s["tags"] != 0);
        let row = |s: &Json| format!("{} {} {}", s["name"], s["tags"], s["tags_xxh3"]);
        tagged.map(row).collect()
    };
    site.run(&["record", "calm.rec", "g.toml"])
        .expect(0)
        .says(&["tags"]);
    let expected = tags_of("calm.rec");
    let counts: Vec<&str> = expected.iter().map(|row| &row[..row.len() - 35]).collect();
    assert_eq!(
        counts,
        [
            "\"peaks\" 250",
            "\"ticks\" 50",
            "\"both\" 300",
            "\"narrow\" 300",
            "\"mean\" 300"
        ]
    );
    // The run again is no difference, with steps of other lengths and with the tagged streams given from the file.
    let again = [&["replay", "calm.rec", "--compare"][..], &["--step", "7"]].concat();
    site.run(&again)
        .expect(0)
        .says(&["no difference to", "tags: 1200"]);
    let fed = ["--streams", "peaks,ticks", "--capacity", "64"];
    let again = [&["replay", "calm.rec", "--compare"][..], &fed].concat();
    site.run(&again)
        .expect(0)
        .says(&["no difference to", "tags: 900"]);
    site.assert_clean();
}

#[test]
fn a_tag_that_differs_or_misses_is_named_with_stream_position_key_and_values() {
    let site = Site::new();
    let line = "n:counter items=1000 ! t:tags.add every=100 key=cut value=7 ! u:copy ! null";
    site.run(&["record", "r.rec", "-q", "-e", line]).expect(0);
    let differs = |setting: &str, words: &[&str]| {
        let arguments = ["replay", "r.rec", "--compare", "-q", "--set", setting];
        site.run(&arguments).expect(5).says(words);
    };
    differs(
        "t.value=8",
        &[
            "2 of 2 streams differ",
            "`u`: the tag `cut` = 8 at item 0; recorded was 7",
        ],
    );
    differs(
        "t.key=\"end\"",
        &["the tag `end` = 7 at item 0; recorded was the tag `cut` = 7 at item 0"],
    );
    differs(
        "t.every=200",
        &[
            "`t`: the tag `cut` = 7 at item 100 is missing; the next is the tag `cut` = 7 at item 200",
        ],
    );
    differs(
        "t.every=50",
        &[
            "`t`: there is the tag `cut` = 7 at item 50; recorded was none, the next was the tag `cut` = 7 at item 100",
        ],
    );
    let fewer = ["replay", "r.rec", "--compare", "-q", "--items", "500"];
    site.run(&fewer).expect(5).says(&[
        "`t`: it ends after 500 items; recorded were 1000",
        "`t`: the tag `cut` = 7 at item 500 is missing; there are 5 tags, recorded were 10",
    ]);
    site.assert_clean();
}

#[test]
fn each_tag_is_recorded_once_whoever_is_killed() {
    let site = Site::new();
    let line = "n:counter items=200000 ! t:tags.add every=50 key=cut value=7 ! twice:map expr=\"2 * x\" ! \
        tenth:decimate factor=10 ! null";
    let tags_of = |file: &str| -> Vec<String> {
        let list = listed(&site, file);
        let streams = list["streams"].as_array().unwrap().iter();
        let row = |s: &Json| format!("{} {} {}", s["name"], s["tags"], s["tags_xxh3"]);
        streams.map(row).collect()
    };
    site.run(&["record", "calm.rec", "-q", "-e", line])
        .expect(0);
    let expected = tags_of("calm.rec");
    let starts = [
        "\"n\" 0 ",
        "\"t\" 4000 ",
        "\"twice\" 4000 ",
        "\"tenth\" 4000 ",
    ];
    let both = expected.iter().zip(starts);
    assert!(
        both.into_iter().all(|(row, start)| row.starts_with(start)),
        "{expected:?}"
    );
    let mut random = Random::seeded();
    let small = ["--restart", "1000", "--capacity", "256", "--step", "16"];
    let more = ["--workers", "3", "-e", line];
    let arguments = [&["record", "r.rec", "--json"][..], &small, &more].concat();
    let mut going = site.start(site.thalweg(&arguments));
    kill_workers(&site, &mut going, &mut random, 20, 8000);
    let report = going.wait().expect(0).json();
    assert!(
        report["restarts"].as_u64().unwrap() > 0,
        "nobody was killed in time"
    );
    assert_eq!(tags_of("r.rec"), expected);
    site.run(&["replay", "r.rec", "--compare", "--workers", "2"])
        .expect(0)
        .says(&["no difference to", "tags: 12000"]);
    site.assert_clean();
}
