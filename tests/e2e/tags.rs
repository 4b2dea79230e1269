//! Tags keep their places however a graph is run, and come out once whoever is killed.

use crate::site::Site;

/// Two tagged streams meet, their rate changes twice.
pub const TAGGED: &str = r#"
[workers.front]
[workers.middle]
[workers.back]

[agents.tone]
op = "sine"
freq = 50.0
rate = 8000.0
items = 40000
worker = "front"

[agents.peaks]
op = "tags.mark"
in = "tone"
expr = "x > 0.9"
of = "x"
key = "peak"
worker = "front"

[agents.hiss]
op = "noise"
seed = 3
rate = 8000.0
items = 40000
worker = "middle"

[agents.ticks]
op = "tags.add"
in = "hiss"
every = "0.1 s"
key = "tick"
value = "a tenth"
worker = "middle"

[agents.both]
op = "zip"
in = ["peaks", "ticks"]
expr = "a + 0.1 * b"
worker = "middle"

[agents.narrow]
op = "fir.lowpass"
in = "both"
cutoff = 200.0
numtaps = 65
decimate = 8
worker = "back"

[agents.mean]
op = "window"
in = "narrow"
size = 50
step = 5
fn = "mean"
worker = "back"

[agents.narrow_tags]
op = "tags.write"
in = "narrow"
path = "narrow.jsonl"
worker = "back"

[agents.mean_tags]
op = "tags.write"
in = "mean"
path = "mean.jsonl"
worker = "back"

[agents.out]
op = "raw.write"
in = "mean"
path = "mean.bin"
worker = "front"
"#;

#[test]
fn tags_are_at_the_same_places_however_a_graph_is_run() {
    let site = Site::new();
    site.write("g.toml", TAGGED);
    let mut first = None;
    for mode in [
        &["--in-process"][..],
        &["--workers", "1", "--step", "1"],
        &["--workers", "2", "--step", "7", "--capacity", "64"],
        &["--workers", "4"],
        &[],
    ] {
        let ended = site.run(&[&["run", "--json", "g.toml"], mode].concat());
        let report = ended.expect(0).json();
        // Companions are no edges of their own.
        assert_eq!(report["edges"].as_array().unwrap().len(), 9, "{report}");
        let files = ["narrow.jsonl", "mean.jsonl", "mean.bin"].map(|file| site.read(file));
        assert!(*first.get_or_insert(files.clone()) == files, "{mode:?}");
    }
    // 50 Hz for 5 s: a peak in each turn; a tick in each tenth. The first peak is at item 29 of 160: asin(0.9) of a turn.
    let lines = site.read_text("narrow.jsonl");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 250 + 50);
    assert_eq!(
        lines[0],
        "{\"position\":0,\"seconds\":0.0,\"key\":\"tick\",\"value\":\"a tenth\"}"
    );
    assert!(
        lines[1].starts_with("{\"position\":4,\"seconds\":0.004,\"key\":\"peak\",\"value\":0.90"),
        "{}",
        lines[1]
    );
    let ticks = lines
        .iter()
        .filter(|line| line.contains("tick"))
        .enumerate();
    for (n, tick) in ticks {
        assert!(
            tick.starts_with(&format!("{{\"position\":{},", 100 * n)),
            "{tick}"
        );
    }
    site.assert_clean();
}

/// Runs a graph of one line and gives the lines of the tags' file.
fn tags(line: &str, options: &[&str]) -> Vec<String> {
    let site = Site::new();
    let line = format!("{line} ! tags.write path=t.jsonl");
    let arguments = [&["run", "-q"], options, &["-e", &line]].concat();
    site.run(&arguments).expect(0);
    site.assert_clean();
    site.read_text("t.jsonl")
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_companion_that_fills_up_holds_back_who_writes_it_and_no_tag_is_lost() {
    // Each tag takes some 40 bytes: 4 MB, of which a companion holds 256 KiB.
    let line =
        "counter items=100000 ! tags.add every=1 key=n value=1 ! copy ! decimate factor=1000";
    for options in [&["--workers", "1"][..], &["--workers", "3"]] {
        let found = tags(line, options);
        assert_eq!(found.len(), 100_000);
        assert_eq!(found[0], "{\"position\":0,\"key\":\"n\",\"value\":1}");
        assert_eq!(found[1], "{\"position\":1,\"key\":\"n\",\"value\":1}");
        assert_eq!(
            found[99_999],
            "{\"position\":100,\"key\":\"n\",\"value\":1}"
        );
    }
}

#[test]
fn a_reader_that_leaves_early_ends_what_is_tagged_before_it() {
    let found = tags(
        "counter ! tags.add every=1000 ! head items=5000",
        &["--workers", "2"],
    );
    assert_eq!(found.len(), 5);
}

#[test]
fn tags_end_where_they_are_dropped_and_do_not_go_around_a_cycle() {
    assert!(tags("counter items=99 ! tags.add every=9 ! tags.drop", &[]).is_empty());
    let site = Site::new();
    site.write(
        "g.toml",
        r#"
        agents.n = { op = "counter", dtype = "f64", items = 5000 }
        agents.marked = { op = "tags.add", in = "n", every = 1000 }
        agents.sum = { op = "zip", in = { a = "marked", b = "back" }, expr = "a + 0.5 * b" }
        agents.back = { op = "delay", in = "sum", items = 3 }
        agents.out = { op = "tags.write", in = "sum", path = "t.jsonl" }
        "#,
    );
    site.run(&["run", "-q", "g.toml"]).expect(0);
    assert_eq!(site.read_text("t.jsonl").lines().count(), 5);
    site.assert_clean();
}

#[test]
fn only_streams_whose_tags_are_asked_for_have_companions() {
    let site = Site::new();
    site.write(
        "g.toml",
        r#"
        agents.n = { op = "counter", items = 100 }
        agents.marked = { op = "tags.add", in = "n", every = 10 }
        agents.twice = { op = "map", in = "marked", expr = "2 * x" }
        agents.out = { op = "tags.write", in = "twice", path = "t.jsonl" }
        agents.other = { op = "map", in = "marked", expr = "3 * x" }
        agents.nobody = { op = "null", in = "other" }
        "#,
    );
    let plan = site.run(&["plan", "--json", "g.toml"]).expect(0).json();
    let tagged = |name: &str| {
        let streams = plan["streams"].as_array().unwrap();
        let stream = streams.iter().find(|stream| stream["name"] == name);
        stream.unwrap()["tagged"].as_bool().unwrap()
    };
    let found = ["n", "marked", "twice", "other"].map(tagged);
    assert_eq!(found, [false, true, true, false]);
    assert_eq!(plan["streams"].as_array().unwrap().len(), 4);
    site.run(&["run", "-q", "g.toml"]).expect(0);
    assert_eq!(site.read_text("t.jsonl").lines().count(), 10);
    site.assert_clean();
}

#[test]
fn a_stream_that_drops_items_keeps_its_tags_in_order() {
    let site = Site::new();
    site.write(
        "g.toml",
        r#"
        [agents]
        n = { op = "counter", items = 200000 }
        marked = { op = "tags.add", in = "n", every = 1000 }
        slow = { op = "throttle", in = "marked", rate = 2000000.0 }
        out = { op = "tags.write", in = "slow", path = "t.jsonl" }
        [streams.marked]
        overflow = "drop-newest"
        capacity = 64
        "#,
    );
    site.run(&["run", "-q", "--workers", "2", "g.toml"])
        .expect(0);
    let text = site.read_text("t.jsonl");
    let position = |line: &str| -> u64 {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["position"].as_u64().unwrap()
    };
    let places: Vec<u64> = text.lines().map(position).collect();
    assert!(!places.is_empty() && places.is_sorted(), "{places:?}");
    site.assert_clean();
}

#[test]
fn tags_that_a_stream_drops_are_counted_as_its_items_are() {
    let site = Site::new();
    site.write(
        "g.toml",
        r#"
        agents.n = { op = "counter", items = 50000 }
        agents.marked = { op = "tags.add", in = "n", every = 1 }
        agents.slow = { op = "throttle", in = "marked", rate = 50.0 }
        agents.out = { op = "tags.write", in = "slow", path = "t.jsonl" }
        streams.marked = { overflow = "drop-newest", capacity = 64 }
        "#,
    );
    let report = site.run(&["run", "--json", "g.toml"]).expect(0).json();
    let lost = report["lost_tags"].as_u64().unwrap();
    assert!(lost > 0, "{report}");
    assert_eq!(
        site.read_text("t.jsonl").lines().count() as u64 + lost,
        50_000
    );
    site.run(&["run", "--strict", "-q", "g.toml"])
        .expect(5)
        .says(&[" tags were lost"]);
    site.assert_clean();
}

#[test]
fn more_tags_at_one_place_than_a_join_can_hold_are_a_stall_that_says_so_and_room_mends_it() {
    let site = Site::new();
    let graph = |more: &str| {
        let graph = r#"
        agents.n = { op = "counter", items = 100000 }
        agents.marked = { op = "tags.add", in = "n", every = 1 }
        agents.few = { op = "decimate", in = "marked", factor = 50000 }
        agents.other = { op = "counter", items = 10 }
        agents.both = { op = "zip", in = ["few", "other"], expr = "a + b" }
        agents.out = { op = "tags.write", in = "both", path = "t.jsonl" }
        "#;
        site.write("g.toml", format!("{graph}\n{more}"));
        site.run(&["run", "-q", "g.toml"])
    };
    graph("").expect(4).says(&[
        "waits for room for tags of `few`, which is full with",
        "as it holds 262144 bytes of them",
        "a larger `capacity` of `few` holds more",
    ]);
    graph("streams.few = { capacity = \"8 MiB\" }").expect(0);
    // The first item's, those up to the second's; the others stand behind the last.
    assert_eq!(site.read_text("t.jsonl").lines().count(), 50_001);
    site.assert_clean();
}

#[test]
fn tags_of_the_last_item_before_a_join_ends_are_all_carried() {
    let site = Site::new();
    let graph = r#"
    agents.n = { op = "counter", items = 40000 }
    agents.marked = { op = "tags.add", in = "n", every = 2 }
    agents.few = { op = "decimate", in = "marked", factor = 20000 }
    agents.other = { op = "counter", items = 2 }
    agents.both = { op = "zip", in = ["other", "few"] }
    agents.out = { op = "tags.write", in = "both", path = "t.jsonl" }
    "#;
    site.write("g.toml", graph);
    for options in [
        &["-q"][..],
        &["-q", "--workers", "3"],
        &["-q", "--step", "1"],
    ] {
        site.run(&[&["run", "g.toml"], options].concat()).expect(0);
        // One stands at the first item, those up to the second at that; the others behind it have no item.
        let lines = site.read_text("t.jsonl");
        assert_eq!(lines.lines().count(), 10_001, "{options:?}");
    }
    site.assert_clean();
}

#[test]
fn how_long_an_annotation_is_follows_the_rate() {
    let site = Site::new();
    let counts = |rate: &str, behind: &str| {
        let meta = format!(
            r#"{{"global":{{"core:datatype":"ri16_le","core:version":"1.0.0"{rate}}},
                "captures":[{{"core:sample_start":0}}],
                "annotations":[{{"core:sample_start":10,"core:sample_count":20,"core:label":"burst"}},
                               {{"core:sample_start":41,"core:sample_count":1}}]}}"#
        );
        site.write("s.sigmf-meta", &meta);
        site.write("s.sigmf-data", "ab".repeat(100));
        let line = format!("sigmf.read path=s.sigmf-meta ! {behind} ! sigmf.write path=out");
        site.run(&["run", "-q", "-e", &line]).expect(0);
        let written: serde_json::Value =
            serde_json::from_str(&site.read_text("out.sigmf-meta")).unwrap();
        let notes = written["annotations"].as_array().unwrap().clone();
        let field = |note: &serde_json::Value, name| note[name].as_u64().unwrap();
        let both = |note| {
            [
                field(note, "core:sample_start"),
                field(note, "core:sample_count"),
            ]
        };
        notes.iter().map(both).collect::<Vec<_>>()
    };
    let rate = r#","core:sample_rate":1000"#;
    for rate in ["", rate] {
        assert_eq!(counts(rate, "copy"), [[10, 20], [41, 1]]);
        assert_eq!(counts(rate, "decimate factor=4"), [[3, 5], [11, 1]]);
        assert_eq!(counts(rate, "resample up=3 down=2"), [[15, 30], [62, 1]]);
    }
    let down = "decimate factor=2 phase=1 ! repeat times=6";
    assert_eq!(counts(rate, down), [[30, 60], [120, 6]]);
    site.assert_clean();
}
