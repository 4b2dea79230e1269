//! Edges that may lose: everything is accounted for.

use serde_json::Value as Json;

use crate::site::Site;

const GRAPH: &str = r#"
[agents.src]
op = "counter"
items = 200000

[agents.slow]
op = "throttle"
in = "src"
rate = 2000.0

[agents.out]
op = "csv.write"
in = "slow"
path = "o.csv"

[agents.fast]
op = "null"
in = "src"

[streams.src]
capacity = 64
"#;

#[track_caller]
fn assert_balanced(report: &Json) {
    for edge in report["edges"].as_array().unwrap() {
        let count = |name: &str| edge[name].as_u64().unwrap();
        assert_eq!(
            count("written"),
            count("read") + count("left") + count("lost"),
            "{edge}"
        );
    }
}

fn check(overflow: &str, mode: &[&str]) {
    let site = Site::new();
    site.write("g.toml", format!("{GRAPH}overflow = \"{overflow}\"\n"));
    let ended = site
        .run(&[&["run", "--json", "g.toml"], mode].concat())
        .expect(0);
    let report = ended.json();
    assert_balanced(&report);
    let edges = report["edges"].as_array().unwrap();
    let names: Vec<(&str, &str)> = edges
        .iter()
        .map(|e| (e["from"].as_str().unwrap(), e["to"].as_str().unwrap()))
        .collect();
    assert_eq!(
        names,
        [("src", "slow"), ("src", "fast"), ("slow", "out")],
        "{overflow} {mode:?}"
    );
    let slow = &edges[0];
    assert_eq!(slow["overflow"], overflow);
    assert_eq!(slow["written"], 200_000);
    assert!(slow["lost"].as_u64().unwrap() > 0, "{slow}");
    assert!(report["lost"].as_u64().unwrap() > 0);
    // What came through came in order, once, and is what the report says.
    let text = site.read_text("o.csv");
    let numbers: Vec<u64> = text
        .lines()
        .skip(1)
        .map(|line| line.parse().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{overflow} {mode:?}");
    assert_eq!(slow["read"].as_u64().unwrap(), numbers.len() as u64);
    site.assert_clean();
}

const MODES: [&[&str]; 4] = [
    &["--in-process"],
    &["--workers", "1"],
    &["--workers", "2"],
    &["--workers", "4"],
];

#[test]
fn drop_newest_counts_what_it_drops() {
    for mode in MODES {
        check("drop-newest", mode);
    }
}

#[test]
fn latest_counts_what_it_skips() {
    for mode in MODES {
        check("latest", mode);
    }
}

#[test]
fn a_lossless_run_says_that_it_lost_nothing() {
    let site = Site::new();
    let ended = site.run(&[
        "run",
        "--json",
        "-e",
        "counter items=1000 ! map expr=x ! null",
    ]);
    let report = ended.expect(0).says(&["lost 0 items"]).json();
    assert_eq!(report["lost"], 0);
    assert_balanced(&report);
    site.assert_clean();
}
