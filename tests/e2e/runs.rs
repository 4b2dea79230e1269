//! `ps`, `stop` and `clean`, and several runs beside each other.

use nix::sys::signal::{Signal, kill};

use crate::site::{Going, Site, THALWEG, until};

const SLOW: [&str; 7] = [
    "run",
    "--workers",
    "2",
    "--capacity",
    "16",
    "-e",
    "counter ! throttle rate=1000 ! null",
];

#[test]
fn ps_lists_what_goes_on() {
    let site = Site::new();
    let none = site.run(&["ps"]).expect(0);
    assert_eq!(none.stdout, "no runs\n");
    let going = site.start_run(&SLOW, 2);
    let name = site.run_name(0);
    let table = site.run(&["ps"]).expect(0).stdout;
    for word in [&name, "w0,w1", "running", &going.pid().to_string()] {
        assert!(table.contains(word), "no {word} in\n{table}");
    }
    let list = site.run(&["ps", "--json"]).expect(0).json();
    assert_eq!(list[0]["run"], name.as_str());
    assert_eq!(list[0]["pid"], going.pid().as_raw());
    assert_eq!(list[0]["alive"], true);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    assert_eq!(
        site.run(&["ps", "--json"]).expect(0).json(),
        serde_json::json!([])
    );
    site.assert_clean();
}

#[test]
fn stop_drains_a_run_and_waits_for_its_end() {
    for mode in [&["--workers", "2"][..], &["--in-process"]] {
        let site = Site::new();
        let line = "counter ! throttle rate=1000 ! null";
        let arguments = [&["run", "--capacity", "16", "-e", line], mode].concat();
        let mut going = site.start(site.thalweg(&arguments));
        let name = site.run_name(0);
        until("the run", || site.run(&["ps"]).stdout.contains("running"));
        site.run(&["stop", &name]).expect(0).says(&[&name, "ended"]);
        until("its exit", || going.is_over());
        going.wait().expect(0).says(&["stopped and drained"]);
        site.assert_clean();
    }
}

#[test]
fn stop_now_kills_a_run_that_would_drain_for_long() {
    let site = Site::new();
    let clogged = site.clogged_pipe("pipe");
    let line = "counter ! raw.write path=pipe";
    let going = site.start_run(&["run", "--workers", "2", "-e", line], 2);
    site.until_full(&clogged);
    site.run(&["stop", "--now", &site.run_name(0)]).expect(0);
    going.wait().expect(143);
    site.assert_clean();
}

#[test]
fn stop_of_an_unknown_run_is_2_and_names_the_nearest() {
    let site = Site::new();
    site.run(&["stop", "nobody"])
        .expect(2)
        .says(&["`nobody`", "thalweg ps"]);
    let going = site.start_run(&SLOW, 2);
    let name = site.run_name(0);
    let nearly = format!("{name}x");
    site.run(&["stop", &nearly])
        .expect(2)
        .says(&["did you mean", &name]);
    site.run(&["stop", "../evil"]).expect(2);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn stop_does_not_signal_a_stranger_who_got_the_number() {
    let site = Site::new();
    let mut stranger = site.program("sleep").arg("1000").spawn().unwrap();
    // A run whose lock is held by somebody, and whose number belongs to somebody else.
    let name = site.run_name(0);
    let runs = site.path("runtime/thalweg");
    std::fs::create_dir(&runs).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&runs, private).unwrap();
    let file = runs.join(format!("{name}.run"));
    let info = serde_json::json!({
        "run": name, "graph": "g", "source": "", "pid": stranger.id(), "started": 0,
        "segment": "", "workers": [],
    });
    std::fs::write(&file, info.to_string()).unwrap();
    let file = std::fs::File::open(&file).unwrap();
    let lock = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    site.run(&["stop", &name])
        .expect(1)
        .says(&["not its coordinator"]);
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    drop(lock);
    site.run(&["clean"]).expect(0);
    site.assert_clean();
}

#[test]
fn a_segment_that_somebody_else_has_is_refused_and_stays() {
    let site = Site::new();
    let name = site.run_name(0);
    let segment = std::path::Path::new("/dev/shm").join(format!("thalweg.{name}"));
    std::fs::write(&segment, "theirs").unwrap();
    site.run(&["run", "-e", "counter items=5 ! null"])
        .expect(3)
        .says(&["error: ", &name, "exists already"]);
    assert_eq!(std::fs::read(&segment).unwrap(), b"theirs");
    std::fs::remove_file(segment).unwrap();
    site.assert_clean();
}

#[test]
fn clean_leaves_the_living_alone() {
    let site = Site::new();
    let going = site.start_run(&SLOW, 2);
    let clean = site.run(&["clean"]).expect(0);
    assert_eq!(clean.stdout, "nothing to remove\n");
    assert_eq!(site.segments().len(), 1);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn runs_that_start_and_end_at_once_do_not_disturb_each_other() {
    let site = Site::new();
    let start = |nth: usize| -> Going {
        let mut command = site.program(THALWEG);
        let path = format!("path=o{nth}.csv");
        command.args(["run", "-q", "--workers", "2", "-e"]);
        command.arg(format!(
            "counter items=2000 ! map expr=\"x + {nth}\" ! csv.write {path}"
        ));
        command.args(["--name", &format!("{}-{nth}", site.run_name(0))]);
        site.start(command)
    };
    for _ in 0..3 {
        let all: Vec<Going> = (0..8).map(start).collect();
        for going in all {
            going.wait().expect(0);
        }
        for nth in 0..8 {
            let text = site.read_text(&format!("o{nth}.csv"));
            assert_eq!(text.lines().count(), 2001);
            assert_eq!(text.lines().nth(1), Some(nth.to_string().as_str()));
        }
    }
    site.assert_clean();
}

#[test]
fn a_stop_says_which_worker_somebody_has_stopped() {
    let site = Site::new();
    let going = site.start_run(&["run", "-q", "--workers", "1", "-e", "counter ! null"], 1);
    let (worker, _) = site.workers()[0];
    kill(worker, Signal::SIGSTOP).unwrap();
    let stop = site.start(site.thalweg(&["stop", &site.run_name(0)]));
    let words = format!("process {worker} (thalweg:");
    until("who holds it", || stop.stderr().contains(&words));
    kill(worker, Signal::SIGCONT).unwrap();
    stop.wait()
        .expect(0)
        .says(&[&format!("`kill -CONT {worker}` lets it go on")]);
    going.wait().expect(0);
    site.assert_clean();
}
