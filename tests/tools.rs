//! `thalweg bench`, `thalweg doctor`, and where and how `run` places its workers, through the binary: what they print, and what they find.
//!
//! No figure is judged, only that it is there; what limits a graph is judged on graphs that are made for it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Who spins on both cores, and who is judged by its shares of time, keep out of each other's way.
static CORES: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    // A test that failed has left nothing behind it.
    CORES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder with a run directory of its own.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        fs::create_dir(site.path().join("runtime")).unwrap();
        site
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
        command
            .current_dir(self.path())
            .env("XDG_RUNTIME_DIR", self.path().join("runtime"))
            .args(args)
            .stdin(Stdio::null());
        command
    }

    fn told(&self, args: &[&str]) -> (i32, String, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = status.code().expect("ended by a signal");
        (code, text(stdout), text(stderr))
    }

    fn json(&self, args: &[&str]) -> Json {
        let (code, out, err) = self.told(args);
        assert_eq!(code, 0, "{args:?}\n{err}");
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}\n{out}"))
    }

    /// Runs a graph until its report says so of what limits it. Whoever takes the cores away from it for longer
    /// than it runs is what limits then, so it is asked a few times.
    fn limits(&self, graph: &str, begins: &str, has: &str) {
        let mut said = Vec::new();
        for _ in 0..4 {
            let report = self.json(&["run", "--json", "-q", "--pin", "none", "-e", graph]);
            let limit = report["limit"].as_str().unwrap_or_default().to_owned();
            if limit.starts_with(begins) && limit.contains(has) {
                return;
            }
            said.push(limit);
        }
        panic!("{begins} .. {has}: {said:#?}");
    }

    fn runs_left(&self) -> usize {
        let files = fs::read_dir(self.path().join("runtime/thalweg"));
        files.map_or(0, |files| {
            let names = files
                .flatten()
                .map(|f| f.file_name().into_string().unwrap());
            names.filter(|name| name.ends_with(".json")).count()
        })
    }
}

/// Two cores, if the tests have them: most figures take two.
fn two_cores() -> bool {
    std::thread::available_parallelism().is_ok_and(|n| n.get() > 1)
}

#[test]
fn a_bench_gives_every_figure_with_its_samples_and_the_machine() {
    let _alone = alone();
    let site = Site::new();
    let sheet = site.json(&["bench", "kernels", "--quick", "--rounds", "2", "--json"]);
    assert!(sheet["machine"]["date"].as_str().unwrap().ends_with(" UTC"));
    let figures = sheet["figures"].as_array().unwrap();
    assert!(figures.len() > 5);
    for figure in figures {
        let samples = |of: &Json| {
            of.as_array()
                .unwrap()
                .iter()
                .all(|s| s.as_f64() > Some(0.0))
        };
        assert!(samples(&figure["ours"]), "{figure}");
        assert!(samples(&figure["reference"]["samples"]), "{figure}");
        assert_eq!(figure["ours"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn between_two_cores_rings_and_graphs_are_measured_and_nothing_is_left() {
    let _alone = alone();
    if !two_cores() {
        return;
    }
    let site = Site::new();
    for (what, lines) in [("ring", 5), ("latency", 1), ("pipeline", 3), ("fanout", 3)] {
        let (code, out, err) = site.told(&["bench", what, "--quick", "--rounds", "1", "--csv"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!(out.lines().count(), lines + 1, "{out}");
        assert!(out.lines().skip(1).all(|l| l.starts_with(what)), "{out}");
    }
    let (_, out, _) = site.told(&["bench", "cores", "--quick", "--rounds", "1"]);
    assert!(
        out.contains("cores: a bare cache line one way, ns"),
        "{out}"
    );
    assert_eq!(site.runs_left(), 0);
}

#[test]
fn a_bench_is_held_against_an_earlier_one_and_drawn() {
    let _alone = alone();
    let site = Site::new();
    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["bench", "kernels", "--quick", "--rounds", "2"], more].concat()
    }
    let (_, sheet, _) = site.told(&with(&["--json"]));
    fs::write(site.path().join("then.json"), sheet).unwrap();
    let (code, out, err) = site.told(&with(&["--compare", "then.json", "--plot", "bench.svg"]));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("\nthen: ") && out.contains("verdict"), "{out}");
    let changes = site.json(&with(&["--compare", "then.json", "--json"]));
    let changes = changes["changes"].as_array().unwrap();
    let is_few = |change: &Json| change["verdict"] == "too few samples";
    assert!(
        changes.len() > 5 && changes.iter().all(is_few),
        "two of each tell nothing: {changes:?}"
    );
    let svg = fs::read_to_string(site.path().join("bench.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("iir.lowpass order 4"));
}

#[test]
fn a_bench_that_cannot_be_is_refused_before_it_measures() {
    let site = Site::new();
    fs::write(site.path().join("no.json"), "{}").unwrap();
    for (words, args) in [
        (
            "--cores takes two cores",
            &["bench", "ring", "--cores", "0,0"][..],
        ),
        (
            "--cores takes two cores",
            &["bench", "ring", "--cores", "0"],
        ),
        (
            "--compare takes what",
            &["bench", "--compare", "missing.json"],
        ),
        ("--compare takes what", &["bench", "--compare", "no.json"]),
        ("possible values", &["bench", "everything"]),
    ] {
        let (code, out, err) = site.told(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(words), "{args:?}\n{err}");
    }
}

#[test]
fn a_doctor_looks_at_every_part_of_the_machine() {
    let site = Site::new();
    let (code, out, err) = site.told(&["doctor"]);
    assert_eq!(code, 0, "{out}{err}");
    let parts = [
        "cores",
        "governor",
        "/dev/shm",
        "nofile",
        "rtprio",
        "memlock",
        "RemoveIPC",
        "kernel",
    ];
    for part in parts {
        assert!(out.contains(&format!("  {part} ")), "{part}\n{out}");
    }
    let found = site.json(&["doctor", "--json"]);
    let states = found["machine"].as_array().unwrap().iter();
    assert!(states.clone().count() > 10);
    for line in states {
        assert_eq!(line["state"] == "ok", line["advice"].is_null(), "{line}");
    }
}

#[test]
fn what_would_keep_a_run_from_starting_is_exit_code_3() {
    let site = Site::new();
    let script = format!(
        "ulimit -n 20; exec {} doctor",
        env!("CARGO_BIN_EXE_thalweg")
    );
    let mut command = Command::new("sh");
    command.env("XDG_RUNTIME_DIR", site.path().join("runtime"));
    let output = command.args(["-c", &script]).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{out}");
    assert!(
        out.contains("bad   nofile") && out.contains("ulimit -n 4096"),
        "{out}"
    );
}

const SLOW: &str = "sin(cos(sin(cos(sin(cos(sin(cos(x))))))))";

#[test]
fn a_slow_stage_is_named_across_workers_and_within_one() {
    let _alone = alone();
    let site = Site::new();
    let across = format!(
        "counter dtype=f64 items=1000000 worker=front ! slow:map expr=\"{SLOW}\" worker=middle ! copy worker=back ! null worker=back"
    );
    site.limits(
        &across,
        "worker middle limits: busy",
        "all of it in `slow` (map), at ",
    );
    let within = format!(
        "counter dtype=f64 items=1000000 worker=all ! slow:map expr=\"{SLOW}\" worker=all ! null worker=all"
    );
    site.limits(
        &within,
        "worker all limits: busy",
        "of that in `slow` (map), at ",
    );
}

#[test]
fn a_slow_sink_is_named() {
    let _alone = alone();
    let graph = "counter dtype=f64 items=1000000 worker=front ! map expr=\"x / 7\" worker=front ! out:csv.write path=o.csv worker=back";
    Site::new().limits(graph, "worker back limits: busy", "in `out` (csv.write)");
}

#[test]
fn a_throttled_source_is_the_world_outside() {
    let _alone = alone();
    let site = Site::new();
    let across =
        "counter items=200 worker=front ! pace:throttle rate=400 worker=front ! null worker=back";
    site.limits(
        across,
        "the world outside limits: front",
        "in `pace` (throttle)",
    );
    let within = "counter items=200 worker=w ! pace:throttle rate=400 worker=w ! null worker=w";
    site.limits(
        within,
        "the world outside limits: w",
        "in `pace` (throttle)",
    );
}

/// A run that goes on, ended whatever happens.
struct Going(Child);

impl Drop for Going {
    fn drop(&mut self) {
        // Gone already: all is well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_doctor_asks_a_run_that_goes_on_and_reads_a_report() {
    let _alone = alone();
    let site = Site::new();
    let name = format!("doctor-{}", std::process::id());
    let pipe = site.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Somebody holds it open for writing, and writes a line only.
    let mut writer = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    std::io::Write::write_all(&mut writer, b"one\n").unwrap();
    let graph = "src:text.read path=pipe worker=front ! text.write path=o.txt worker=back";
    let run = [
        "run", "--name", &name, "--report", "r.json", "-q", "-e", graph,
    ];
    let mut going = Going(site.command(&run).stdout(Stdio::null()).spawn().unwrap());
    let until = Instant::now() + Duration::from_secs(60);
    let limit = loop {
        let (code, out, _) = site.told(&["doctor", &name]);
        if code == 0 && out.starts_with("the world outside limits") {
            break out;
        }
        assert!(Instant::now() < until, "{out}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(limit.contains("in `src` (text.read)"), "{limit}");
    assert!(limit.contains("keeps up with what comes"), "{limit}");
    let json = site.json(&["doctor", &name, "--json"]);
    assert_eq!(json["ended"], "running");
    let (code, ..) = site.told(&["stop", &name]);
    assert_eq!(code, 0);
    assert!(going.0.wait().unwrap().success());
    let (code, out, err) = site.told(&["doctor", "r.json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("the world outside limits"), "{out}");
    for (words, subject) in [("no run named", "nobody"), ("no report", "no.json")] {
        fs::write(site.path().join("no.json"), "{}").unwrap();
        let (code, _, err) = site.told(&["doctor", subject]);
        assert!(code == 2 && err.contains(words), "{subject}: {err}");
    }
}

#[test]
fn a_measured_placement_is_kept_and_changes_no_byte() {
    let _alone = alone();
    let site = Site::new();
    let graph = "counter dtype=f64 items=300000 ! map expr=\"x / 3\" ! csv.write path=o.csv";
    let output = |args: &[&str]| {
        let (code, _, err) = site.told(&[&["run", "-e", graph], args].concat());
        assert_eq!(code, 0, "{err}");
        let bytes = fs::read(site.path().join("o.csv")).unwrap();
        fs::remove_file(site.path().join("o.csv")).unwrap();
        (bytes, err)
    };
    let (usual, _) = output(&[]);
    let (bytes, err) = output(&["--pin", "measure", "--save-pin", "pin.toml"]);
    assert!(usual == bytes, "a trial left something behind");
    if two_cores() {
        assert!(
            err.contains("as planned") && err.contains("sources give"),
            "{err}"
        );
        let saved = fs::read_to_string(site.path().join("pin.toml")).unwrap();
        assert!(saved.contains("[workers.w0]\ncore = "), "{saved}");
    }
    assert_eq!(site.runs_left(), 0);
}

#[test]
fn what_could_not_be_undone_is_not_tried() {
    let site = Site::new();
    fs::write(site.path().join("in.txt"), "a\nb\n").unwrap();
    let line = "text.read path=- ! text.write path=o.txt";
    let input = fs::File::open(site.path().join("in.txt")).unwrap();
    let mut command = site.command(&["run", "--pin", "measure", "-e", line]);
    let output = command.stdin(input).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && err.contains("reads standard input"),
        "{err}"
    );
    assert_eq!(fs::read(site.path().join("o.txt")).unwrap(), b"a\nb\n");
    let (code, _, err) = site.told(&["run", "--save-pin", "x", "-e", line]);
    assert!(code == 2 && err.contains("--pin measure"), "{err}");
    let (code, _, err) = site.told(&["run", "--in-process", "--pin", "measure", "-e", line]);
    assert!(code == 2 && err.contains("--in-process has none"), "{err}");
}

#[test]
fn workers_get_the_priority_and_the_memory_that_was_asked_for_or_a_refusal() {
    let site = Site::new();
    let name = format!("rights-{}", std::process::id());
    let graph = "counter items=100000 ! throttle rate=100 ! null";
    let args = [
        "run",
        "--name",
        &name,
        "-q",
        "--workers",
        "1",
        "--realtime=5",
        "--lock-memory",
        "-e",
        graph,
    ];
    let mut command = site.command(&args);
    let mut going = Going(command.stderr(Stdio::piped()).spawn().unwrap());
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = going.0.try_wait().unwrap() {
            // Whoever runs the tests has not got the right: that is the other promise.
            assert_eq!(status.code(), Some(3));
            return;
        }
        let pid = going.0.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let worker = children.split_whitespace().find(|child| {
            let comm = fs::read_to_string(format!("/proc/{child}/comm"));
            comm.is_ok_and(|comm| comm.trim() == "thalweg:w0")
        });
        if let Some(worker) = worker
            && let Ok(status) = fs::read_to_string(format!("/proc/{worker}/status"))
        {
            let locked = status.lines().find_map(|l| l.strip_prefix("VmLck:"));
            let locked = locked.is_some_and(|l| !l.trim().starts_with("0 "));
            // SAFETY: asks for the policy of a process by its number.
            let policy = unsafe { libc::sched_getscheduler(worker.parse().unwrap()) };
            if locked && policy == libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK {
                break;
            }
        }
        assert!(Instant::now() < until, "{children}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, _, err) = site.told(&["stop", &name]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_priority_without_the_right_is_refused_before_anything_starts() {
    let site = Site::new();
    let run = format!(
        "{} run --workers 1 --realtime=5 -e 'counter items=10 ! null'",
        env!("CARGO_BIN_EXE_thalweg")
    );
    // Root has the right unless it is taken off what it may ever have.
    let script = match nix::unistd::geteuid().is_root() {
        true => {
            format!("ulimit -r 0; exec setpriv --bounding-set -sys_nice --inh-caps -sys_nice {run}")
        }
        false => format!("ulimit -r 0; exec {run}"),
    };
    let mut command = Command::new("sh");
    command.env("XDG_RUNTIME_DIR", site.path().join("runtime"));
    let output = command.args(["-c", &script]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(
        err.contains("CAP_SYS_NICE") && err.contains("found 0"),
        "{err}"
    );
    assert_eq!(site.runs_left(), 0);
    let (code, _, err) = site.told(&[
        "run",
        "--realtime",
        "--workers",
        "2000",
        "-e",
        "counter ! null",
    ]);
    assert!(code == 2 && err.contains("1 to 1024"), "{err}");
}
