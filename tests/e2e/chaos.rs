//! `thalweg chaos`: kills in graphs of every shape change no byte, and what it says is so.
//!
//! `THALWEG_CHAOS_KILLS` sets the kills of each graph (20 here; 1000 takes minutes).

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value as Json;
use thalweg::worker::op::Arity;
use thalweg::worker::operators;

use crate::same_bytes;
use crate::site::{Ended, Site, until};
use crate::tags;

fn kills() -> u32 {
    let set = std::env::var("THALWEG_CHAOS_KILLS");
    set.map_or(20, |kills| kills.parse().unwrap())
}

/// A site with a graph of its name, and folders for what chaos writes.
fn site(graph: &str) -> Site {
    let site = Site::new();
    let name = site.run_name(0);
    site.write("g.toml", format!("name = \"{name}\"\n{graph}"));
    std::fs::create_dir(site.path("tmp")).unwrap();
    site
}

fn chaos(site: &Site, arguments: &[&str]) -> Ended {
    let mut command = site.thalweg(&[&["chaos", "g.toml"], arguments].concat());
    command.env("TMPDIR", site.path("tmp"));
    let mut going = site.start(command);
    // What so many kills may take beyond the patience that every command has.
    let patience = Duration::from_millis(500) * kills();
    let began = Instant::now();
    while !going.is_over() && began.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(2));
    }
    going.wait()
}

/// Nothing of it is left, and no file that the graph names was touched.
fn assert_untouched(site: &Site) {
    site.assert_clean();
    let left = |folder: &str| std::fs::read_dir(site.path(folder)).unwrap().count();
    assert_eq!(left("tmp"), 0);
}

/// Kills workers of the graph, and looks that all of its files come out the same.
fn check(graph: &str, arguments: &[&str], files: usize) -> Json {
    let site = site(graph);
    let kills = kills().to_string();
    let options = ["--json", "--kills", &kills];
    let ended = chaos(&site, &[&options[..], arguments].concat()).expect(0);
    println!("{}", ended.stderr);
    let outcome = ended.json();
    assert_eq!(outcome["identical"], true);
    assert_eq!(outcome["kills"].to_string(), kills);
    assert_eq!(outcome["restarts"].to_string(), kills);
    let sinks = outcome["sinks"].as_array().unwrap();
    assert_eq!(sinks.len(), files);
    for sink in sinks {
        assert!(sink["bytes"].as_u64().unwrap() > 0, "{sink}");
        let named = site.path(sink["file"].as_str().unwrap());
        assert!(!named.exists(), "{sink}");
    }
    assert_untouched(&site);
    outcome
}

#[test]
fn windows_filters_and_a_fan_out_come_out_the_same() {
    let arguments = ["--workers", "4", "--step", "4", "--capacity", "256"];
    check(same_bytes::GRAPH, &arguments, same_bytes::FILES.len());
}

const DIAMOND: &str = r#"
[agents.n]
op = "counter"
items = 5000
[agents.left]
op = "map"
in = "n"
expr = "3 * x"
[agents.right]
op = "map"
in = "n"
expr = "x - 1"
[agents.both]
op = "zip"
in = ["left", "right"]
expr = "a - b"
[agents.out]
op = "raw.write"
in = "both"
path = "both.bin"
"#;

#[test]
fn a_diamond_of_single_item_rings_comes_out_the_same() {
    check(DIAMOND, &["--workers", "4", "--capacity", "1"], 1);
}

#[test]
fn what_sub_graphs_write_is_compared_and_theirs_is_untouched() {
    let graph = r#"
        [graphs.keep]
        inputs = "x"
        params.to = "left.csv"
        agents.file = { op = "csv.write", in = "x", path = "$to" }
        [agents.left]
        op = "keep"
        in = "n"
        [agents.right]
        op = "keep"
        in = "n"
        to = "right.csv"
        [agents.n]
        op = "counter"
        items = 5000
    "#;
    check(graph, &["--workers", "3", "--step", "16"], 2);
}

#[test]
fn tags_come_out_the_same() {
    let arguments = ["--step", "16", "--capacity", "256"];
    check(tags::TAGGED, &arguments, 3);
}

#[test]
fn a_cycle_through_a_delay_comes_out_the_same() {
    let graph = r#"
        [agents.n]
        op = "counter"
        dtype = "f64"
        items = 5000
        [agents.sum]
        op = "zip"
        in = { a = "n", b = "back" }
        expr = "a + 0.5 * b"
        [agents.back]
        op = "delay"
        in = "sum"
        items = 3
        [agents.out]
        op = "csv.write"
        in = "sum"
        path = "sum.csv"
    "#;
    check(graph, &["--workers", "3"], 1);
}

#[test]
fn learners_and_sketches_come_out_the_same() {
    let keys = "op = \"map\"\nin = \"x\"\nexpr = \"floor(3 * x)\"\ndtype = \"i32\"";
    let mut graph = format!("[agents.x]\nop = \"noise\"\nitems = 20_000\n[agents.keys]\n{keys}\n");
    graph += "[agents.y]\nop = \"noise\"\nseed = 7\nitems = 20_000\n";
    graph += "[agents.points]\nop = \"zip\"\nin = [\"x\", \"y\"]\n";
    let learners = [
        ("moments", "x", ""),
        ("quantile", "x", "q = 0.9"),
        ("regress", "points", ""),
        ("kmeans", "points", "k = 3\noutput = \"centers\""),
        ("pca", "points", "components = 1"),
        ("misra_gries", "keys", "k = 3"),
        ("count_min", "keys", "width = 65_536"),
        ("bloom", "keys", "items = 5000"),
        ("hyperloglog", "keys", ""),
        ("reservoir", "x", "k = 3000"),
    ];
    for (op, input, params) in learners {
        graph += &format!("[agents.{op}]\nop = \"{op}\"\nin = \"{input}\"\n{params}\n");
        graph +=
            &format!("[agents.{op}_out]\nop = \"raw.write\"\nin = \"{op}\"\npath = \"{op}.bin\"\n");
    }
    check(&graph, &["--workers", "4", "--step", "16"], learners.len());
}

#[test]
fn from_file_to_file_comes_out_the_same() {
    let quake = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/quake.csv");
    let graph = format!(
        r#"
        [agents.trace]
        op = "csv.read"
        path = "{quake}"
        columns = ["z"]
        rate = 100.0
        [agents.detect]
        op = "sta_lta"
        in = "trace"
        sta = "1 s"
        lta = "10 s"
        [agents.out]
        op = "npy.write"
        in = "detect"
        path = "detect.npy"
        "#
    );
    check(&graph, &["--workers", "3", "--step", "16"], 1);
}

#[test]
fn a_worker_that_is_named_is_the_only_one_killed() {
    let outcome = check(DIAMOND, &["--workers", "2", "--worker", "w1"], 1);
    assert!(outcome["restart_seconds"]["p50"].as_f64().unwrap() > 0.0);
    let site = site(DIAMOND);
    chaos(&site, &["--workers", "2", "--worker", "w7"])
        .expect(2)
        .says(&["no worker named `w7`", "did you mean `w"]);
    assert_untouched(&site);
}

#[test]
fn what_depends_on_timing_is_named_and_not_compared() {
    let merged = r#"
        [agents.m]
        op = "merge"
        in = ["n", "both"]
        [agents.after]
        op = "map"
        in = "m"
        expr = "x + 1"
        [agents.mixed]
        op = "csv.write"
        in = "after"
        path = "mixed.csv"
        [agents.lines]
        op = "print"
        in = "n"
    "#;
    let outcome = check(&format!("{DIAMOND}{merged}"), &["--workers", "3"], 1);
    let uncompared = outcome["not_compared"].as_array().unwrap();
    let why = |agent: &str| {
        let found = uncompared.iter().find(|u| u["agent"] == agent).unwrap();
        found["why"].as_str().unwrap()
    };
    assert_eq!(why("mixed"), "`m` (merge) is not deterministic");
    assert!(why("lines").contains("writes no file"));
    let lossy = format!("{DIAMOND}[streams.both]\noverflow = \"latest\"\n");
    let site = site(&lossy);
    chaos(&site, &[]).expect(2).says(&[
        "nothing to compare",
        "`out` is not compared: stream `both` may lose items",
    ]);
    assert_untouched(&site);
}

#[test]
fn a_file_that_differs_is_named_with_the_byte_and_kept() {
    // The kernel gives another text at each reading.
    let graph = r#"
        [agents.chance]
        op = "raw.read"
        path = "/proc/sys/kernel/random/uuid"
        dtype = "u8"
        [agents.out]
        op = "raw.write"
        in = "chance"
        path = "o.bin"
    "#;
    let site = site(graph);
    let ended = chaos(&site, &["--kills", "1000"]).expect(1);
    let text = &ended.stdout;
    assert!(
        text.contains("o.bin of `out` differs in run 1 at byte "),
        "{text}"
    );
    let folder = text.lines().last().unwrap().rsplit(' ').next().unwrap();
    let kept = |which: &str| std::fs::read(format!("{folder}/{which}/0-o.bin")).unwrap();
    assert_ne!(kept("disturbed"), kept("undisturbed"));
    site.assert_clean();
}

#[test]
fn a_source_that_can_be_read_only_once_is_refused() {
    let site = site(
        "[agents.x]\nop = \"raw.read\"\npath = \"-\"\ndtype = \"u8\"\n\
         [agents.out]\nop = \"raw.write\"\nin = \"x\"\npath = \"o.bin\"\n",
    );
    chaos(&site, &[])
        .expect(2)
        .says(&["`x` reads standard input", "once only"]);
    assert_untouched(&site);
}

#[test]
fn a_run_that_fails_undisturbed_is_said_to() {
    let site = site(
        "[agents.x]\nop = \"csv.read\"\npath = \"x.csv\"\ncolumns = [\"a\"]\n\
         [agents.out]\nop = \"raw.write\"\nin = \"x\"\npath = \"o.bin\"\n",
    );
    site.write("x.csv", "a\n1\n2\nthree\n");
    chaos(&site, &[])
        .expect(1)
        .says(&["the undisturbed run failed", "x.csv", "three"]);
    assert_untouched(&site);
}

#[test]
fn a_signal_ends_it_and_everything_it_started() {
    let signals = [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGKILL, 137),
    ];
    for (signal, code) in signals {
        let site = site(&DIAMOND.replace("items = 5000", "items = 5000000000000"));
        let mut command = site.thalweg(&["chaos", "g.toml", "--workers", "3"]);
        command.env("TMPDIR", site.path("tmp"));
        let going = site.start(command);
        until("workers", || site.workers().len() == 3);
        going.signal(signal);
        going.wait().expect(code);
        if signal == Signal::SIGKILL {
            // Nobody is left who could remove the files.
            until("the end of all processes", || site.processes("").is_empty());
            site.run(&["clean"]).expect(0);
        }
        assert_untouched(&site);
    }
}

#[test]
fn the_documentation_says_of_every_connector_what_a_kill_means() {
    let text = include_str!("../../docs/reliability.md");
    for op in operators::table() {
        if op.inputs == Arity::Source || op.outputs == "nothing" {
            assert!(text.contains(&format!("`{}`", op.name)), "{}", op.name);
        }
    }
}

#[test]
fn a_source_that_nothing_ends_is_refused_at_once() {
    let site = Site::new();
    let ends = "raw.write path=o.bin";
    for endless in [
        "counter",
        "counter ! copy",
        "a:counter ; b:counter ; zip in=[a, b]",
    ] {
        let line = format!("{endless} ! {ends}");
        site.run(&["chaos", "-e", &line])
            .expect(2)
            .says(&["never ends", "--items N"]);
    }
    for (line, more) in [
        ("counter ! head items=9", &[][..]),
        ("counter", &["--items", "9"]),
        ("a:counter ; b:counter items=9 ; zip in=[a, b]", &[]),
    ] {
        let line = format!("{line} ! {ends}");
        let kills_none = ["chaos", "-q", "--for", "1ms", "-e", &line];
        site.run(&[&kills_none, more].concat()).expect(0);
    }
    site.assert_clean();
}

#[test]
fn a_folder_is_swept_when_chaos_was_killed_and_not_before() {
    let site = site(&DIAMOND.replace("items = 5000", "items = 5000000000000"));
    let mut command = site.thalweg(&["chaos", "g.toml", "-q"]);
    command.env("TMPDIR", site.path("tmp"));
    let going = site.start(command);
    let folders = || std::fs::read_dir(site.path("tmp")).unwrap().count();
    until("a folder", || folders() == 1);
    let nothing = site.run(&["clean"]).expect(0).stdout;
    assert_eq!((nothing.as_str(), folders()), ("nothing to remove\n", 1));
    going.signal(Signal::SIGKILL);
    drop(going.wait());
    until("the end of all processes", || site.processes("").is_empty());
    let removed = site.run(&["clean"]).expect(0).stdout;
    assert!(removed.contains("removed folder "), "{removed}");
    assert_untouched(&site);
}
