//! Loops that run dry end, and nothing else does.

use std::io::Write;
use std::time::Duration;

use crate::kills::{kill_and_resume, kill_workers};
use crate::site::{Ended, Random, Site};

pub const MODES: [&[&str]; 4] = [
    &["--in-process"],
    &["--workers", "1"],
    &["--workers", "2"],
    &["--workers", "4"],
];

/// Every number is halved until it is 0: each goes around as often as it has digits.
pub fn halving(source: &str) -> String {
    format!(
        r#"
agents.seed = {{ {source} }}
agents.all = {{ op = "merge", in = ["seed", "back"] }}
agents.half = {{ op = "map", in = "all", expr = "x // 2" }}
agents.on = {{ op = "filter", in = "half", expr = "x > 0" }}
agents.back = {{ op = "delay", in = "on", items = 0, dtype = "i64" }}
agents.out = {{ op = "raw.write", in = "half", path = "o.bin" }}
"#
    )
}

/// What comes out of it, in order of size.
pub fn halves(numbers: impl Iterator<Item = i64>) -> Vec<i64> {
    let around = |n: i64| {
        let halves = std::iter::successors(Some(n / 2), |n| Some(n / 2));
        halves.take(n.max(1).ilog2() as usize + 1)
    };
    let mut all: Vec<i64> = numbers.flat_map(around).collect();
    all.sort_unstable();
    all
}

pub fn numbers(site: &Site) -> Vec<i64> {
    let bytes = site.read("o.bin");
    let numbers = bytes.chunks_exact(8);
    let mut found: Vec<i64> = numbers
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn a_loop_through_merge_ends_when_no_item_is_left_in_it() {
    for mode in MODES {
        let site = Site::new();
        site.write("g.toml", halving(r#"op = "counter", items = 1000"#));
        site.run(&[&["run", "g.toml"], mode].concat()).expect(0);
        assert_eq!(numbers(&site), halves(0..1000), "{mode:?}");
        site.assert_clean();
    }
}

#[test]
fn loops_that_feed_each_other_end_one_after_the_other() {
    let graph = r#"
agents.seed = { op = "counter", items = 3, start = 1 }
agents.all = { op = "merge", in = ["seed", "back"] }
agents.less = { op = "map", in = "all", expr = "x - 1" }
agents.on = { op = "filter", in = "less", expr = "x > 0" }
agents.back = { op = "delay", in = "on", items = 0, dtype = "i64" }
agents.count = { op = "merge", in = ["less", "again"] }
agents.fewer = { op = "map", in = "count", expr = "x - 1" }
agents.more = { op = "filter", in = "fewer", expr = "x > 0" }
agents.again = { op = "delay", in = "more", items = 0, dtype = "i64" }
agents.out = { op = "raw.write", in = "fewer", path = "o.bin" }
"#;
    for mode in MODES {
        let site = Site::new();
        site.write("g.toml", graph);
        site.run(&[&["run", "g.toml"], mode].concat()).expect(0);
        // The first loop gives 0, 1, 0, 2, 1, 0; the second counts each of them down.
        assert_eq!(numbers(&site), [-1, -1, -1, 0, 0, 0, 1], "{mode:?}");
        site.assert_clean();
    }
}

#[test]
fn workers_killed_while_their_loop_runs_dry_change_nothing() {
    let mut random = Random::seeded();
    for kills in [5, 15] {
        let site = Site::new();
        site.write("g.toml", halving(r#"op = "counter", items = 20000"#));
        let arguments = [
            "run",
            "g.toml",
            "--workers",
            "3",
            "--restart",
            "1000",
            "--capacity",
            "64",
            "--json",
        ];
        let mut going = site.start(site.thalweg(&arguments));
        // Some of them in the half second in which nothing moves.
        kill_workers(&site, &mut going, &mut random, kills, 100_000);
        let report = going.wait().expect(0).json();
        assert!(report["restarts"].as_u64().unwrap() > 0);
        assert_eq!(numbers(&site), halves(0..20_000));
        site.assert_clean();
    }
}

#[test]
fn a_resumed_run_s_loops_run_dry() {
    let mut random = Random::seeded();
    let site = Site::new();
    site.write("g.toml", halving(r#"op = "counter", items = 5000"#));
    let arguments = ["run", "g.toml", "--workers", "3", "--resumable"];
    let going = site.start(site.thalweg(&arguments));
    kill_and_resume(&site, going, &mut random, 500);
    assert_eq!(numbers(&site), halves(0..5000));
    site.assert_clean();
}

#[test]
fn a_loop_with_a_live_source_goes_on() {
    let site = Site::new();
    site.write(
        "g.toml",
        halving(r#"op = "raw.read", path = "-", dtype = "i64""#),
    );
    let mut command = site.thalweg(&["run", "g.toml", "--workers", "3"]);
    let (stdin, mut numbers_in) = std::io::pipe().unwrap();
    command.stdin(stdin);
    let mut going = site.start(command);
    for n in [5_i64, 6] {
        numbers_in.write_all(&n.to_le_bytes()).unwrap();
        // Longer than it takes to see that a loop has run dry.
        std::thread::sleep(Duration::from_millis(1200));
        assert!(!going.is_over());
    }
    drop(numbers_in);
    going.wait().expect(0);
    assert_eq!(numbers(&site), halves([5, 6].into_iter()));
    site.assert_clean();
}

#[track_caller]
fn stalls(graph: &str, words: &[&str]) {
    for mode in MODES {
        let site = Site::new();
        site.write("g.toml", graph);
        let ended: Ended = site.run(&[&["run", "g.toml"], mode].concat());
        ended.expect(4).says(words);
        site.assert_clean();
    }
}

#[test]
fn a_loop_that_gets_no_room_is_still_a_stall() {
    // Each item gives two.
    stalls(
        r#"
agents.seed = { op = "counter", items = 3, start = 1 }
agents.all = { op = "merge", in = ["seed", "back"] }
agents.twice = { op = "merge", in = ["all", "all"] }
agents.back = { op = "delay", in = "twice", items = 0, dtype = "i64" }
agents.out = { op = "null", in = "all" }
"#,
        &[
            "waits for room on",
            "a loop is full",
            "More room on each of `all`, `twice`, `back` puts that off",
        ],
    );
}

#[test]
fn an_item_that_nobody_will_take_is_still_a_stall() {
    // The loop loses an item, and `both` waits for it beside one of `seed`.
    stalls(
        r#"
agents.seed = { op = "counter", items = 3 }
agents.both = { op = "zip", in = { a = "seed", b = "back" }, expr = "a + b" }
agents.some = { op = "filter", in = "both", expr = "x != 1" }
agents.back = { op = "delay", in = "some", items = 1, dtype = "i64" }
agents.out = { op = "null", in = "both" }
"#,
        &["waits for items on `back`"],
    );
}
