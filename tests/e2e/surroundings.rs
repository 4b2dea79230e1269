//! What a run inherits, and what it does to its surroundings.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::site::{Ended, Site, THALWEG, until};

/// Runs a shell script at the site; `$T` is the command.
fn shell(site: &Site, script: &str) -> Ended {
    let mut command = site.program("bash");
    command.env("T", THALWEG).args(["-c", script]);
    site.finish(command)
}

#[test]
fn a_reader_that_leaves_ends_the_run_without_a_panic() {
    for mode in ["--workers 2", "--in-process"] {
        let site = Site::new();
        let script =
            format!("$T run {mode} -e 'counter ! print' | head -2; echo ${{PIPESTATUS[0]}}");
        let ended = shell(&site, &script).expect(0);
        assert_eq!(ended.stdout, "0\n1\n0\n", "{}", ended.stderr);
        site.assert_clean();
    }
}

#[test]
fn ignored_signals_that_are_inherited_do_no_harm() {
    let site = Site::new();
    let script = "trap '' CHLD PIPE USR1; exec $T run -e 'counter items=1000 ! map expr=x ! print'";
    let ended = shell(&site, script).expect(0);
    assert_eq!(ended.stdout.lines().count(), 1000);
    site.assert_clean();
}

#[test]
fn a_run_without_standard_streams_does_its_work() {
    let site = Site::new();
    let line = "counter items=1000 ! map expr=x ! csv.write path=o.csv";
    shell(&site, &format!("exec $T run -e '{line}' <&- >&- 2>&-")).expect(0);
    assert_eq!(site.read_text("o.csv").lines().count(), 1001);
    shell(
        &site,
        &format!("exec $T run --in-process -e '{line}' <&- >&- 2>&-"),
    )
    .expect(0);
    assert_eq!(site.read_text("o.csv").lines().count(), 1001);
    site.assert_clean();
}

#[test]
fn a_mask_that_takes_all_rights_leaves_us_ours() {
    let site = Site::new();
    let mut command = site.program("bash");
    let line = "counter ! throttle rate=1000 ! null";
    let name = site.run_name(0);
    let script =
        format!("umask 0777; exec $T run --workers 2 --capacity 16 --name {name} -e '{line}'");
    command.env("T", THALWEG).args(["-c", &script]);
    let going = site.start(command);
    until("workers", || site.workers().len() >= 2);
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&format!("/dev/shm/thalweg.{name}")), 0o600);
    let runs = site.path("runtime/thalweg");
    assert_eq!(mode(runs.to_str().unwrap()), 0o700);
    assert_eq!(
        mode(runs.join(format!("{name}.run")).to_str().unwrap()),
        0o600
    );
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    site.assert_clean();
}

/// CPU time that a process has used, in clock ticks (10 ms).
fn ticks(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Looks for two seconds what all processes of an idle run use together.
fn assert_idle(site: &Site) {
    // Let them spin down first.
    std::thread::sleep(Duration::from_millis(500));
    let processes = site.processes("");
    let used = || processes.iter().map(|(pid, _)| ticks(*pid)).sum::<u64>();
    let before = used();
    std::thread::sleep(Duration::from_secs(2));
    let spent = used() - before;
    assert!(processes.len() >= 4, "{processes:?}");
    assert!(spent < 4, "{spent} ticks of 10 ms in 2 s, more than 2 %");
}

#[test]
fn a_run_that_waits_for_time_to_pass_uses_no_cpu() {
    let site = Site::new();
    let line = "counter ! throttle rate=0.1 ! map expr=x ! null";
    let going = site.start_run(&["run", "--workers", "2", "-e", line], 2);
    assert_idle(&site);
    going.signal(Signal::SIGKILL);
    going.wait();
    site.assert_clean();
}

#[test]
fn a_run_that_waits_for_a_writer_uses_no_cpu_and_can_be_stopped() {
    let site = Site::new();
    nix::unistd::mkfifo(&site.path("in.fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let line = "raw.read path=in.fifo dtype=f64 ! map expr=x ! null";
    let going = site.start_run(&["run", "--workers", "2", "-e", line], 2);
    assert_idle(&site);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0).says(&["stopped and drained"]);
    site.assert_clean();
}

#[test]
fn words_go_to_stderr_and_quiet_means_none() {
    let site = Site::new();
    let line = "counter items=3 ! print";
    let loud = site.run(&["run", "-e", line]).expect(0);
    assert_eq!(loud.stdout, "0\n1\n2\n");
    assert!(loud.stderr.contains("counter -> print"), "{}", loud.stderr);
    let quiet = site.run(&["run", "-q", "-e", line]).expect(0);
    assert_eq!(
        (quiet.stdout.as_str(), quiet.stderr.as_str()),
        ("0\n1\n2\n", "")
    );
    let verbose = site.run(&["run", "-v", "-e", line]).expect(0);
    assert!(verbose.stderr.contains("capacity"), "{}", verbose.stderr);
    site.assert_clean();
}

#[test]
fn the_report_is_written_as_json() {
    let site = Site::new();
    let line = "counter items=3000 ! map expr=\"x + 1\" ! null";
    let arguments = [
        "run",
        "--workers",
        "2",
        "--report",
        "report.json",
        "-e",
        line,
    ];
    site.run(&arguments).expect(0);
    let report: serde_json::Value = serde_json::from_slice(&site.read("report.json")).unwrap();
    assert_eq!(report["ended"], "done");
    assert_eq!(report["edges"][0]["written"], 3000);
    assert_eq!(report["workers"].as_array().unwrap().len(), 2);
    let share = |worker: &serde_json::Value| {
        let of = |name: &str| worker[name].as_f64().unwrap();
        of("busy") + of("starved") + of("blocked") + of("outside")
    };
    for worker in report["workers"].as_array().unwrap() {
        assert!((0.0..=1.001).contains(&share(worker)), "{worker}");
    }
    assert!(report["first_item_seconds"].as_f64().unwrap() > 0.0);
    site.assert_clean();
}
