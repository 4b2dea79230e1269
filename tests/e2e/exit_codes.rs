//! Every exit code by a run that earns it.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;

use crate::site::{Ended, Site, THALWEG, until};

/// `0, 1, 2, ..` as `counter` gives them through `csv.write`.
#[track_caller]
fn assert_counts(text: &str, at_least: usize) -> usize {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("value"));
    let numbers: Vec<&str> = lines.collect();
    for (n, line) in numbers.iter().enumerate() {
        assert_eq!(*line, n.to_string());
    }
    assert!(numbers.len() >= at_least, "{} lines", numbers.len());
    numbers.len()
}

const SLOW: &str = "counter ! throttle rate=1000 ! csv.write path=o.csv";

#[test]
fn a_run_to_its_end_is_0() {
    let site = Site::new();
    let ended = site.run(&["run", "-e", "counter items=5000 ! csv.write path=o.csv"]);
    ended.expect(0).says(&["done after", "lost 0 items"]);
    assert_eq!(assert_counts(&site.read_text("o.csv"), 0), 5000);
    site.assert_clean();
}

#[test]
fn a_run_for_some_time_is_0_and_drained() {
    let site = Site::new();
    let ended = site.run(&["run", "--json", "--for", "300ms", "-e", SLOW]);
    let report = ended.expect(0).says(&["stopped and drained"]).json();
    let n = assert_counts(&site.read_text("o.csv"), 1);
    for edge in report["edges"].as_array().unwrap() {
        assert_eq!(edge["written"], n, "{edge}");
        assert_eq!(edge["read"], n, "{edge}");
    }
    site.assert_clean();
}

#[test]
fn a_report_and_items_that_would_share_standard_output_are_2() {
    let site = Site::new();
    for (line, named) in [
        ("counter items=3 ! print", "agent `print`"),
        ("counter items=3 ! out:csv.write path=-", "agent `out`"),
    ] {
        let ended = site.run(&["run", "--json", "-e", line]);
        ended.expect(2).says(&[named, "--report FILE"]);
        let ended = site.run(&["run", "-q", "--report", "r.json", "-e", line]);
        assert!(ended.expect(0).stdout.ends_with("0\n1\n2\n"));
    }
    site.assert_clean();
}

#[test]
fn a_stopped_run_does_not_wait_for_a_throttle() {
    for mode in [&["--workers", "2"][..], &["--in-process"]] {
        let site = Site::new();
        let line = "counter ! map expr=x ! throttle rate=5 ! csv.write path=o.csv";
        let ended = site.run(&[&["run", "--for", "300ms", "-e", line], mode].concat());
        ended.expect(0).says(&["stopped and drained"]);
        assert_counts(&site.read_text("o.csv"), 1);
        site.assert_clean();
    }
}

#[test]
fn a_run_of_so_many_items_is_0() {
    let site = Site::new();
    let ended = site.run(&[
        "run",
        "--items",
        "1234",
        "-e",
        "counter ! csv.write path=o.csv",
    ]);
    ended.expect(0);
    assert_eq!(assert_counts(&site.read_text("o.csv"), 0), 1234);
    site.assert_clean();
}

#[test]
fn one_ctrl_c_drains_and_is_0() {
    for mode in [&["--workers", "2"][..], &["--in-process"]] {
        let site = Site::new();
        let arguments = [&["run", "-e", SLOW], mode].concat();
        let going = site.start(site.thalweg(&arguments));
        until("output", || {
            fs::metadata(site.path("o.csv")).is_ok_and(|m| m.len() > 50)
        });
        going.signal(Signal::SIGINT);
        going
            .wait()
            .expect(0)
            .says(&["stopping: ", "stopped and drained"]);
        assert_counts(&site.read_text("o.csv"), 10);
        site.assert_clean();
    }
}

#[test]
fn one_ctrl_c_ends_a_sink_that_nobody_reads() {
    let site = Site::new();
    nix::unistd::mkfifo(&site.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let name = site.run_name(0);
    let line = "counter ! map expr=\"x\" ! csv.write path=pipe";
    let going = site.start(site.thalweg(&["run", "-e", line]));
    until("the sink to wait", || {
        let said = site.run(&["doctor", &name]).stdout;
        said.contains("in `csv_write` (csv.write)")
    });
    going.signal(Signal::SIGINT);
    going.wait().expect(1).says(&["nobody has opened", "pipe"]);
    site.assert_clean();
}

#[test]
fn an_agent_that_fails_is_1_and_names_the_place() {
    for mode in [&["--workers", "2"][..], &["--in-process"]] {
        let site = Site::new();
        let rows: String = (0..1000).map(|n| format!("{n}\n")).collect();
        site.write("bad.csv", format!("z\n{rows}twelve\n"));
        let line = "csv.read path=bad.csv columns=z ! csv.write path=o.csv";
        let ended = site.run(&[&["run", "-e", line], mode].concat());
        ended
            .expect(1)
            .says(&["error: ", "bad.csv", "1002", "twelve"]);
        site.assert_clean();
    }
}

#[test]
fn a_killed_worker_that_may_not_be_forked_again_is_1() {
    let site = Site::new();
    let going = site.start_run(&["run", "--workers", "2", "--restart", "0", "-e", SLOW], 2);
    let (pid, name) = site.processes("thalweg:w1").remove(0);
    assert_eq!(name, "thalweg:w1");
    nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
    going.wait().expect(1).says(&["worker w1", "SIGKILL"]);
    site.assert_clean();
}

#[test]
fn what_cannot_be_meant_is_2_and_makes_nothing() {
    let site = Site::new();
    site.write("bad.toml", "[agents.a]\nop = \"counterr\"\n");
    let check = |arguments: &[&str], words: &[&str]| {
        site.run(arguments).expect(2).says(words);
    };
    check(&["run"], &["Usage"]);
    check(&["run", "--nonsense"], &["--nonsense"]);
    check(&["run", "--for", "soon", "-e", "counter ! null"], &["soon"]);
    check(
        &["run", "--workers", "0", "-e", "counter ! null"],
        &["`--workers` is 0"],
    );
    for option in ["--workers", "--items", "--restart"] {
        check(
            &["run", option, "two", "-e", "counter items=3 ! null"],
            &[option, "a whole number is needed"],
        );
    }
    check(&["run", "missing.toml"], &["missing.toml"]);
    check(
        &["run", "bad.toml"],
        &["bad.toml:2", "did you mean", "counter"],
    );
    check(&["run", "-e", "counter ! nul"], &["nul", "null"]);
    check(&["nonsense"], &["nonsense"]);
    site.assert_clean();
}

#[test]
fn a_name_that_is_taken_or_none_is_refused() {
    let site = Site::new();
    let going = site.start_run(&["run", "--workers", "2", "-e", SLOW], 2);
    let name = site.run_name(0);
    let again = |name: &str| {
        let mut command = site.program(THALWEG);
        command.args(["run", "-e", "counter items=5 ! null", "--name", name]);
        site.finish(command)
    };
    again(&name).expect(3).says(&[&name, "is going on"]);
    again("a/b").expect(2).says(&["a/b", "letters"]);
    going.signal(Signal::SIGINT);
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn a_report_that_has_no_place_is_2_before_anything_is_made() {
    let site = Site::new();
    let line = "counter items=5 ! csv.write path=o.csv";
    for place in ["missing/report.json", "."] {
        let ended = site.run(&["run", "--report", place, "-e", line]);
        ended.expect(2).says(&["--report", place]);
        assert!(!site.path("o.csv").exists());
    }
    site.write("g.toml", "agents.n = { op = \"text.read\", path = \"in.txt\" }\nagents.end = { op = \"text.write\", in = \"n\", path = \"out.txt\" }\n");
    site.write("in.txt", "mine\n");
    std::os::unix::fs::symlink("in.txt", site.path("link.txt")).unwrap();
    for (place, words) in [
        ("g.toml", "a file of the graph itself"),
        ("in.txt", "a file of agent `n`"),
        ("link.txt", "a file of agent `n`"),
        ("out.txt", "a file of agent `end`"),
    ] {
        let ended = site.run(&["run", "--report", place, "g.toml"]);
        ended.expect(2).says(&["--report", place, words]);
    }
    assert_eq!(site.read("in.txt"), b"mine\n");
    site.run(&["run", "--report", "report.json", "-e", line])
        .expect(0);
    assert!(site.read_text("report.json").contains("\"lost\": 0"));
    site.assert_clean();
}

#[test]
fn a_report_that_cannot_be_written_when_the_run_is_over_is_1_and_its_outputs_stand() {
    let site = Site::new();
    let line = "counter items=3 ! csv.write path=o.csv";
    site.run(&["run", "--report", "/dev/full", "-e", line])
        .expect(1)
        .says(&["the run is over", "/dev/full", "No space left"]);
    assert_eq!(site.read_text("o.csv"), "value\n0\n1\n2\n");
    let mut command = site.program("sh");
    command.args([
        "-c",
        &format!("exec {THALWEG} run --json -e '{line}' > /dev/full"),
    ]);
    site.finish(command)
        .expect(1)
        .says(&["the run is over", "standard output", "No space left"]);
    // How the run ended comes first.
    let failing = "counter items=3 ! text.format format=x ! text.parse ! null";
    site.run(&["run", "--report", "/dev/full", "-e", failing])
        .expect(1)
        .says(&["/dev/full", "\"x\""]);
    site.assert_clean();
}

#[test]
fn what_a_failed_run_gathered_for_a_file_is_removed() {
    let site = Site::new();
    site.write("in.txt", "1\n2\nx\n");
    let line = "text.read path=in.txt ! text.parse ! npz.write path=o.npz";
    for place in [&["--workers", "2"][..], &["--in-process"]] {
        site.run(&[&["run", "-e", line], place].concat()).expect(1);
        for file in ["o.npz", "o.npz.parts", "o.npz.making"] {
            assert!(!site.path(file).exists(), "{file}");
        }
    }
    // Those of another run stay.
    let slow = "counter ! throttle rate=100 ! npz.write path=o.npz";
    let going = site.start_run(&["run", "--workers", "2", "-e", slow], 2);
    until("the first parts", || site.path("o.npz.parts").exists());
    site.run(&["run", "-e", "counter items=3 ! npz.write path=o.npz"])
        .expect(1)
        .says(&["o.npz.parts"]);
    assert!(site.path("o.npz.parts").exists());
    going.signal(Signal::SIGINT);
    going.wait().expect(0);
    assert!(site.path("o.npz").exists());
    site.assert_clean();
}

/// Runs `thalweg` where /dev/shm is a small file system of its own; `None` where that is not allowed.
fn in_little_shared_memory(site: &Site, kilobytes: u32, line: &str) -> Option<Ended> {
    let script = format!(
        "mount -t tmpfs -o size={kilobytes}k tmpfs /dev/shm || exit 99; exec {THALWEG} run -e '{line}'"
    );
    for namespace in [&["-m"][..], &["-r", "-m"]] {
        let mut command = site.program("unshare");
        command.args(namespace).args(["sh", "-c", &script]);
        let ended = site.finish(command);
        if ended.code != 99 && !ended.stderr.starts_with("unshare:") {
            return Some(ended);
        }
    }
    println!("not tried: no mount namespace for this user");
    None
}

#[test]
fn too_little_shared_memory_is_3_with_need_and_have() {
    let site = Site::new();
    let line = "counter items=5 ! map expr=x ! csv.write path=o.csv";
    let Some(ended) = in_little_shared_memory(&site, 64, line) else {
        return;
    };
    let ended = ended.expect(3).says(&["/dev/shm", "64 KiB are free"]);
    let (_, need) = ended.stderr.split_once("needs ").unwrap();
    let (need, _) = need.split_once(" KiB").unwrap();
    let kilobytes: u32 = need.parse().unwrap();
    assert!(kilobytes > 64, "{}", ended.stderr);
    assert!(!site.path("o.csv").exists(), "nothing was started");
    // With what it asked for, it runs.
    if let Some(ended) = in_little_shared_memory(&site, kilobytes, line) {
        ended.expect(0);
    }
    site.assert_clean();
}

#[test]
fn a_run_directory_that_cannot_be_used_is_3() {
    let site = Site::new();
    let check = |words: &[&str]| {
        site.run(&["run", "-e", "counter items=5 ! null"])
            .expect(3)
            .says(words);
    };
    let runs = site.path("runtime/thalweg");
    fs::write(&runs, "").unwrap();
    check(&["runtime/thalweg", "not a directory"]);
    fs::remove_file(&runs).unwrap();
    fs::create_dir(&runs).unwrap();
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o755)).unwrap();
    check(&["runtime/thalweg", "755", "700"]);
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o700)).unwrap();
    site.assert_clean();
}

const DEADLOCK: &str = r#"
[agents.src]
op = "counter"

[agents.few]
op = "decimate"
in = "src"
factor = 100

[agents.both]
op = "zip"
in = { a = "src", b = "few" }
expr = "a + b"

[agents.out]
op = "null"
in = "both"

[streams.src]
capacity = 16
"#;

#[test]
fn a_graph_that_cannot_go_on_is_4_with_who_waits_for_whom() {
    for mode in [
        &["--in-process"][..],
        &["--workers", "1"],
        &["--workers", "2"],
        &["--workers", "4"],
    ] {
        let site = Site::new();
        site.write("dead.toml", DEADLOCK);
        let ended = site.run(&[&["run", "dead.toml"], mode].concat());
        ended.expect(4).says(&[
            "stalled",
            "waits for room on `src`",
            "waits for items on `few`",
            "capacity",
        ]);
        site.assert_clean();
    }
}

#[test]
fn loss_under_strict_is_5() {
    let site = Site::new();
    site.write(
        "lossy.toml",
        r#"
[agents.src]
op = "counter"
items = 100000

[agents.slow]
op = "throttle"
in = "src"
rate = 1000.0

[agents.out]
op = "null"
in = "slow"

[streams.src]
capacity = 16
overflow = "drop-newest"
"#,
    );
    let lax = site.run(&["run", "lossy.toml"]);
    lax.expect(0).says(&["drop-newest"]);
    let strict = site.run(&["run", "--strict", "lossy.toml"]);
    strict.expect(5).says(&["items were lost", "--strict"]);
    let lossless = site.run(&["run", "--strict", "-e", "counter items=10 ! null"]);
    lossless.expect(0);
    site.assert_clean();
}

/// How much of a pipe is not read yet.
fn bytes_waiting(pipe: &fs::File) -> i32 {
    let mut bytes = 0;
    // SAFETY: FIONREAD writes one `int`.
    let told = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &mut bytes) };
    assert_eq!(told, 0);
    bytes
}

#[test]
fn a_second_signal_kills_and_the_code_says_which() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        for mode in [&["--workers", "2"][..], &["--in-process"]] {
            let site = Site::new();
            // A pipe that is full and read by nobody: what is on its way cannot drain.
            let open = site.clogged_pipe("pipe");
            let line = "counter ! raw.write path=pipe";
            let going = site.start(site.thalweg(&[&["run", "-e", line], mode].concat()));
            until("output", || bytes_waiting(&open) > 20);
            going.signal(signal);
            until("the first signal's arrival", || {
                !going.has_pending_signals()
            });
            going.signal(signal);
            going.wait().expect(code);
            site.assert_clean();
        }
    }
}

#[test]
fn a_graph_that_needs_more_memory_than_there_is_is_3_inside_one_process_too() {
    let site = Site::new();
    let line = "counter items=9 ! window size=1000000000000 ! null";
    for inside in [&["--in-process"][..], &[]] {
        let ended = site.run(&[&["run", "-e", line][..], inside].concat());
        ended
            .expect(3)
            .says(&["memory: the graph needs", "GiB are "]);
    }
    site.assert_clean();
}

#[test]
fn a_file_that_another_run_writes_is_left_alone() {
    let site = Site::new();
    let line = "counter items=600 ! throttle rate=300 ! csv.write path=o.csv";
    let first = site.start_run(&["run", "-q", "-e", line], 1);
    until("the first rows", || {
        site.path("o.csv").exists() && site.read_text("o.csv").lines().count() > 5
    });
    let line = "counter items=5 ! csv.write path=o.csv";
    site.run(&["run", "-q", "-e", line])
        .expect(1)
        .says(&["o.csv is being written by another process", "thalweg ps"]);
    // Its successor takes over what a worker that was killed had taken.
    nix::sys::signal::kill(site.workers()[0].0, Signal::SIGKILL).unwrap();
    first.wait().expect(0);
    assert_eq!(site.read_text("o.csv").lines().count(), 601);
    site.run(&["run", "-q", "-e", line]).expect(0);
    assert_eq!(site.read_text("o.csv").lines().count(), 6);
    site.assert_clean();
}
