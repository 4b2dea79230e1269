//! Loops end when nobody reads them any more, and when they are told to stop.

use nix::sys::signal::Signal;

use crate::dry::{MODES, halves, halving, numbers};
use crate::kills::{kill_and_resume, kill_workers};
use crate::site::{Random, Site, until};

/// A loop that nothing feeds, and that counts for ever: 1, 2, 3 and so on.
const SPRING: &str = r#"
agents.on = { op = "map", in = "back", expr = "x + 1" }
agents.back = { op = "delay", in = "on", items = 1, initial = 0, dtype = "i64" }
"#;

/// A loop that is fed three numbers, each of which goes around for ever and grows by 10.
const FED: &str = r#"
agents.seed = { op = "counter", items = 3 }
agents.all = { op = "merge", in = ["seed", "back"] }
agents.on = { op = "map", in = "all", expr = "x + 10" }
agents.back = { op = "delay", in = "on", items = 0, dtype = "i64" }
"#;

fn first(n: i64) -> String {
    format!(
        r#"{SPRING}
agents.first = {{ op = "head", in = "on", items = {n} }}
agents.out = {{ op = "raw.write", in = "first", path = "o.bin" }}
"#
    )
}

/// What the file holds: numbers, or some of them only if the last was cut off.
fn written(site: &Site) -> Vec<i64> {
    let bytes = site.read("o.bin");
    assert_eq!(bytes.len() % 8, 0);
    let numbers = bytes.chunks_exact(8);
    numbers
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

#[test]
fn a_loop_ends_when_all_that_read_it_from_outside_have_left() {
    for mode in MODES {
        let site = Site::new();
        site.write("g.toml", first(1000));
        site.run(&[&["run", "g.toml"], mode].concat()).expect(0);
        assert_eq!(written(&site), (1..=1000).collect::<Vec<i64>>(), "{mode:?}");
        site.assert_clean();
    }
}

#[test]
fn loops_that_feed_each_other_end_with_their_last_reader() {
    let graph = format!(
        r#"{FED}
agents.again = {{ op = "merge", in = ["on", "once"] }}
agents.once = {{ op = "delay", in = "again", items = 0, dtype = "i64" }}
agents.first = {{ op = "take_while", in = "again", expr = "x < 500" }}
agents.few = {{ op = "head", in = "on", items = 5 }}
agents.out = {{ op = "null", in = "first" }}
agents.also = {{ op = "null", in = "few" }}
"#
    );
    for mode in MODES {
        let site = Site::new();
        site.write("g.toml", &graph);
        site.run(&[&["run", "g.toml"], mode].concat()).expect(0);
        site.assert_clean();
    }
}

#[test]
fn workers_killed_while_their_loop_is_left_change_nothing() {
    let mut random = Random::seeded();
    let site = Site::new();
    site.write("g.toml", first(20_000));
    let arguments = [
        "run",
        "g.toml",
        "--workers",
        "3",
        "--restart",
        "1000",
        "--capacity",
        "16",
        "--json",
    ];
    let mut going = site.start(site.thalweg(&arguments));
    kill_workers(&site, &mut going, &mut random, 15, 60_000);
    let report = going.wait().expect(0).json();
    assert!(report["restarts"].as_u64().unwrap() > 0);
    assert_eq!(written(&site), (1..=20_000).collect::<Vec<i64>>());
    site.assert_clean();
}

#[test]
fn a_resumed_run_s_loop_ends_when_it_is_left() {
    let mut random = Random::seeded();
    let site = Site::new();
    site.write("g.toml", first(20_000));
    let arguments = ["run", "g.toml", "--workers", "3", "--resumable"];
    let going = site.start(site.thalweg(&arguments));
    kill_and_resume(&site, going, &mut random, 300);
    assert_eq!(written(&site), (1..=20_000).collect::<Vec<i64>>());
    site.assert_clean();
}

#[test]
fn a_loop_that_nothing_feeds_ends_at_a_stop_as_a_source_does() {
    let graph =
        format!("{SPRING}agents.out = {{ op = \"raw.write\", in = \"on\", path = \"o.bin\" }}\n");
    for mode in MODES {
        let site = Site::new();
        site.write("g.toml", &graph);
        let going = site.start(site.thalweg(&[&["run", "g.toml"], mode].concat()));
        let out = site.path("o.bin");
        until("items", || out.metadata().is_ok_and(|o| o.len() > 8));
        going.signal(Signal::SIGTERM);
        going.wait().expect(0);
        let found = written(&site);
        assert!(found.iter().copied().eq(1..=found.len() as i64), "{mode:?}");
        site.assert_clean();
    }
}

#[test]
fn a_loop_that_nothing_feeds_gives_as_many_items_as_are_asked_for() {
    let site = Site::new();
    site.write("g.toml", first(1000));
    site.run(&["run", "g.toml", "--items", "7", "--workers", "2"])
        .expect(0);
    assert_eq!(written(&site), [1, 2, 3, 4, 5, 6, 7]);
    site.assert_clean();
}

#[test]
fn a_loop_that_never_runs_dry_ends_after_a_stop() {
    let graph =
        format!("{FED}agents.out = {{ op = \"raw.write\", in = \"on\", path = \"o.bin\" }}\n");
    for mode in [MODES[0], MODES[2]] {
        let site = Site::new();
        site.write("g.toml", &graph);
        let arguments = [&["run", "g.toml", "--for", "100ms"], mode].concat();
        site.run(&arguments).expect(0);
        // Each of the three has grown by 10 each time, without a gap.
        let found = written(&site);
        for seed in 0..3 {
            let its = found.iter().filter(|n| *n % 10 == seed);
            assert!(
                its.copied()
                    .zip(1..)
                    .all(|(n, around)| n == seed + 10 * around),
                "{mode:?}"
            );
        }
        site.assert_clean();
    }
}

#[test]
fn a_stop_loses_nothing_of_a_loop_that_runs_dry() {
    for mode in [MODES[0], MODES[2]] {
        let site = Site::new();
        site.write("g.toml", halving(r#"op = "counter""#));
        let arguments = [&["run", "g.toml", "--json"], mode].concat();
        let going = site.start(site.thalweg(&arguments));
        let out = site.path("o.bin");
        until("items", || out.metadata().is_ok_and(|o| o.len() > 8));
        going.signal(Signal::SIGTERM);
        let report = going.wait().expect(0).json();
        let edges = report["edges"].as_array().unwrap();
        let seed = edges.iter().find(|e| e["stream"] == "seed").unwrap();
        let given = seed["written"].as_i64().unwrap();
        assert_eq!(numbers(&site), halves(0..given), "{mode:?}");
        site.assert_clean();
    }
}
