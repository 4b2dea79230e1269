//! Frames through graphs: the same bytes in every placement and under kills, and what is refused.

use crate::site::{Random, Site};

/// Lines go to two readers, and each to a file.
const GRAPH: &str = r#"
[agents.lines]
op = "text.read"
path = "in.txt"

[agents.passed]
op = "copy"
in = "lines"

[agents.some]
op = "decimate"
in = "passed"
factor = 3
phase = 1

[agents.all]
op = "text.write"
in = "passed"
path = "all.txt"

[agents.few]
op = "text.write"
in = "some"
path = "few.txt"
"#;

/// Lines of 0 to 300 bytes, and now and then one that takes a good part of its ring.
fn lines(n: u64, longest: u64) -> String {
    let mut random = Random::seeded();
    let line = |nth: u64| {
        let len = match nth % 97 {
            96 => random.below(longest),
            _ => random.below(300),
        };
        let word = ["a", "β", "0 "][(nth % 3) as usize];
        format!("{nth} {}\n", word.repeat(len as usize / word.len()))
    };
    (0..n).map(line).collect()
}

fn some(lines: &str) -> String {
    let some = lines.split_inclusive('\n').skip(1).step_by(3);
    some.collect()
}

#[test]
fn every_placement_gives_the_same_lines() {
    let ways: [&[&str]; 7] = [
        &["--in-process"],
        &["--workers", "1"],
        &["--workers", "2"],
        &["--workers", "5"],
        &["--workers", "5", "--capacity", "4KiB"],
        &["--workers", "2", "--step", "1"],
        &["--workers", "3", "--step", "7", "--capacity", "5000B"],
    ];
    let site = Site::new();
    let text = lines(5000, 2000);
    site.write("in.txt", &text);
    site.write("g.toml", GRAPH);
    for way in ways {
        let report = site.run(&[&["run", "--json", "g.toml"], way].concat());
        let report = report.expect(0).json();
        assert!(site.read_text("all.txt") == text, "{way:?}");
        assert!(site.read_text("few.txt") == some(&text), "{way:?}");
        let edge = &report["edges"][0];
        assert_eq!(
            (&edge["written"], &edge["read"]),
            (&5000.into(), &5000.into())
        );
        // Each frame has its length before it, and begins at a multiple of eight.
        let bytes = text
            .lines()
            .map(|line| (line.len() as u64 + 4).next_multiple_of(8));
        assert_eq!(edge["frame_bytes"], bytes.sum::<u64>());
        assert_eq!(report["agents"][0]["items_out"], 5000);
    }
    site.assert_clean();
}

#[test]
fn items_are_frames_where_they_are_counted() {
    let site = Site::new();
    let text = lines(500, 300);
    site.write("in.txt", &text);
    site.write("g.toml", GRAPH);
    for way in [["--workers", "1"], ["--workers", "3"]] {
        site.run(&[&["run", "--items", "42", "g.toml"], &way[..]].concat())
            .expect(0);
        let expected: String = text.split_inclusive('\n').take(42).collect();
        assert_eq!(site.read_text("all.txt"), expected);
    }
    site.assert_clean();
}

#[test]
fn what_does_not_fit_is_dropped_frame_by_frame_if_so_asked() {
    let site = Site::new();
    let text = lines(20_000, 300);
    site.write("in.txt", &text);
    let slow = "agents.slow = { op = \"throttle\", in = \"lines\", rate = 2000.0 }\n\
                agents.out = { op = \"text.write\", in = \"slow\", path = \"o.txt\" }\n\
                agents.lines = { op = \"text.read\", path = \"in.txt\" }\n\
                streams.lines = { capacity = \"1 KiB\", overflow = \"drop-newest\" }\n";
    site.write("g.toml", slow);
    for way in [["--workers", "1"], ["--workers", "3"]] {
        let ended = site.run(&[&["run", "--json", "g.toml"], &way[..]].concat());
        let report = ended.expect(0).json();
        let edge = &report["edges"][0];
        let count = |name: &str| edge[name].as_u64().unwrap();
        assert_eq!(count("written"), 20_000);
        assert!(count("lost") > 0, "{edge}");
        assert_eq!(count("written"), count("read") + count("lost"), "{edge}");
        let out = site.read_text("o.txt");
        assert_eq!(out.lines().count() as u64, count("read"));
        // What came through is whole, and in order.
        let mut all = text.lines();
        assert!(out.lines().all(|line| all.any(|l| l == line)), "{way:?}");
    }
    site.assert_clean();
}

#[test]
fn a_frame_that_can_never_fit_is_named_with_what_to_do() {
    let site = Site::new();
    site.write("in.txt", format!("short\n{}\n", "x".repeat(700)));
    let graph = format!("{GRAPH}[streams.lines]\ncapacity = \"1 KiB\"\n");
    site.write("g.toml", graph);
    for way in [&["--in-process"][..], &["--workers", "3"]] {
        let ended = site.run(&[&["run", "g.toml"], way].concat());
        ended.expect(1).says(&[
            "agent `lines`: it gives a frame of 700 bytes",
            "stream `lines` holds 1024 bytes",
            "at most half: 508 bytes of payload",
            "[streams.lines] capacity = \"2 KiB\"",
        ]);
    }
    let graph = format!("{GRAPH}[streams.lines]\ncapacity = \"2 KiB\"\n");
    site.write("g.toml", graph);
    site.run(&["run", "g.toml"]).expect(0);
    site.assert_clean();
}

#[test]
fn settings_that_frames_cannot_have_are_refused() {
    let site = Site::new();
    site.write("in.txt", "a\n");
    let cases = [
        ("capacity = 100", "`100` is not a length in bytes"),
        ("capacity = \"63 B\"", "less than the least, 64"),
        (
            "overflow = \"latest\"",
            "`latest` is for items of one length",
        ),
    ];
    for (setting, words) in cases {
        site.write("g.toml", format!("{GRAPH}[streams.lines]\n{setting}\n"));
        site.run(&["run", "g.toml"]).expect(2).says(&[words]);
    }
    site.assert_clean();
}

#[test]
fn a_pipe_is_read_line_by_line_as_it_comes() {
    let site = Site::new();
    let mut command = site.program("sh");
    let run = format!(
        "(printf 'one\\ntw'; sleep 0.1; printf 'o\\nthree') | {} run --name {} -e 'text.read path=- ! copy ! text.write path=-'",
        crate::site::THALWEG,
        site.run_name(0)
    );
    command.args(["-c", &run]);
    let ended = site.finish(command).expect(0);
    assert_eq!(ended.stdout, "one\ntwo\nthree\n");
    site.assert_clean();
}

#[test]
fn kills_change_no_byte() {
    let site = Site::new();
    let name = site.run_name(0);
    site.write("in.txt", lines(30_000, 1000));
    site.write("g.toml", format!("name = \"{name}\"\n{GRAPH}"));
    std::fs::create_dir(site.path("tmp")).unwrap();
    let arguments = [
        "chaos",
        "g.toml",
        "--json",
        "--kills",
        "20",
        "--workers",
        "4",
        "--step",
        "4",
        "--capacity",
        "4KiB",
    ];
    let mut command = site.thalweg(&arguments);
    command.env("TMPDIR", site.path("tmp"));
    let outcome = site.finish(command).expect(0).json();
    assert_eq!(outcome["identical"], true);
    assert_eq!(outcome["restarts"], 20);
    assert_eq!(outcome["sinks"].as_array().unwrap().len(), 2);
    site.assert_clean();
}
