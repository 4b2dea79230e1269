//! Limits and signals, one table each: what is inherited or sent, and what a run makes of it.

use nix::sys::signal::Signal;

use crate::site::{Ended, Site, THALWEG, until};

/// Runs a graph under what a shell sets first; `$T` is the command.
fn under(site: &Site, limits: &str, graph: &str) -> Ended {
    let mut command = site.program("bash");
    let name = site.run_name(0);
    let script = format!("{limits}; exec $T run --workers 2 --name {name} -e '{graph}'");
    command.env("T", THALWEG).args(["-c", &script]);
    site.finish(command)
}

const GRAPH: &str = "counter items=1000 ! copy ! raw.write path=o.bin";

#[test]
fn limits_are_refused_in_words_or_do_no_harm() {
    // Limits, exit code, words.
    let table: &[(&str, i32, &[&str])] = &[
        ("ulimit -f 8", 3, &["segment", "File too large"]),
        (
            "ulimit -f 8; trap '' XFSZ",
            3,
            &["segment", "File too large"],
        ),
        ("ulimit -c 0", 0, &[]),
        ("ulimit -l 0", 0, &[]),
        ("ulimit -s 512", 0, &[]),
        ("ulimit -t 10", 0, &[]),
        ("ulimit -n 64", 0, &[]),
        ("umask 0777", 0, &[]),
    ];
    for (limits, code, words) in table {
        let site = Site::new();
        println!("{limits}");
        under(&site, limits, GRAPH).expect(*code).says(words);
        site.assert_clean();
    }
}

#[test]
fn with_any_number_of_descriptors_a_run_works_or_says_what_it_lacks() {
    let site = Site::new();
    let mut worked = 0;
    for descriptors in 3..24 {
        let ended = under(&site, &format!("ulimit -n {descriptors}"), GRAPH);
        println!("{descriptors}: {}", ended.code);
        match ended.code {
            0 => worked += 1,
            // A loader that finds no descriptor says so itself.
            127 => ended.says(&["error while loading"]).code = 127,
            1 | 3 => drop(ended.says(&["error: ", "open files"])),
            code => panic!("{descriptors}: {code}\n{}", ended.stderr),
        }
        site.assert_clean();
    }
    assert!(worked > 0);
}

#[test]
fn with_little_address_space_a_run_works_or_says_what_it_lacks() {
    let site = Site::new();
    for kilobytes in [8_000, 10_000, 12_000, 14_000, 20_000, 1_000_000] {
        let ended = under(&site, &format!("ulimit -v {kilobytes}"), GRAPH);
        println!("{kilobytes}: {}", ended.code);
        let said = match ended.code {
            0 => true,
            1 | 3 => ended.stderr.contains("error: "),
            // The allocator's way, which nobody can survive.
            134 => ended.stderr.contains("memory allocation"),
            // The loader's: nothing of ours has begun.
            127 | 139 => !ended.stderr.contains("at address"),
            _ => false,
        };
        assert!(said, "{kilobytes}: {}\n{}", ended.code, ended.stderr);
        site.assert_clean();
    }
}

/// What the coordinator is sent, and what it ends with; `None`: it goes on.
const SIGNALS: [(Signal, Option<i32>); 8] = [
    (Signal::SIGINT, Some(0)),
    (Signal::SIGTERM, Some(0)),
    (Signal::SIGHUP, Some(0)),
    (Signal::SIGQUIT, None),
    (Signal::SIGCHLD, None),
    (Signal::SIGPIPE, None),
    (Signal::SIGXFSZ, None),
    (Signal::SIGWINCH, None),
];

#[test]
fn every_signal_does_what_its_row_says() {
    for (signal, code) in SIGNALS {
        let site = Site::new();
        let line = "counter ! throttle rate=1000 ! raw.write path=o.bin";
        let arguments = ["run", "--workers", "2", "--capacity", "64", "-e", line];
        let mut going = site.start_run(&arguments, 2);
        going.signal(signal);
        if code.is_none() {
            // It has taken the signal and goes on with the same workers.
            until("the signal's arrival", || !going.has_pending_signals());
            assert!(!going.is_over(), "{signal}");
            going.signal(Signal::SIGINT);
        }
        println!("{signal}");
        going.wait().expect(code.unwrap_or(0));
        site.assert_clean();
    }
}

#[test]
fn a_coordinator_that_was_stopped_goes_on_where_it_was() {
    let site = Site::new();
    let line = "counter ! throttle rate=1000 ! raw.write path=o.bin";
    let arguments = [
        "run",
        "--json",
        "--workers",
        "2",
        "--capacity",
        "64",
        "-e",
        line,
    ];
    let going = site.start_run(&arguments, 2);
    for stop in [Signal::SIGTSTP, Signal::SIGSTOP] {
        going.signal(stop);
        std::thread::sleep(std::time::Duration::from_millis(700));
        going.signal(Signal::SIGCONT);
    }
    going.signal(Signal::SIGINT);
    assert_eq!(going.wait().expect(0).json()["restarts"], 0);
    site.assert_clean();
}

#[test]
fn a_storm_of_signals_drains_or_kills_and_leaves_nothing() {
    let site = Site::new();
    let _clogged = site.clogged_pipe("pipe");
    let line = "counter ! raw.write path=pipe";
    let mut going = site.start_run(&["run", "--workers", "2", "-e", line], 2);
    while !going.is_over() {
        for signal in [Signal::SIGQUIT, Signal::SIGCHLD, Signal::SIGTERM] {
            // It may be over.
            let _ = nix::sys::signal::kill(going.pid(), signal);
        }
    }
    // One that comes when all is over ends what is left of the process, by itself.
    let code = going.wait().code;
    assert!([128 + 15, 128 + 3].contains(&code), "{code}");
    site.assert_clean();
}

/// Every source file of these folders, with its text.
fn sources(folders: &[&str]) -> Vec<(std::path::PathBuf, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut left: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs" || e == "pml") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn every_test_that_the_documentation_names_exists() {
    let sources = sources(&["ringbuf", "worker", "engine", "tests"]);
    let page = include_str!("../../docs/faults.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let mut named = 0;
    for name in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
        let is_file = |path: &std::path::Path| path.file_name().is_some_and(|f| f == name);
        let is_test = |text: &str| text.contains(&format!("fn {name}("));
        let is_folder = |path: &std::path::Path| path.components().any(|c| c.as_os_str() == name);
        // Words of a sentence, not names of tests.
        if name.len() < 9 {
            continue;
        }
        let found = |(path, text): &(std::path::PathBuf, String)| {
            is_file(path) || is_folder(path) || is_test(text)
        };
        assert!(sources.iter().any(found), "no test `{name}`");
        named += 1;
    }
    assert!(named > 60, "{named} names");
}

#[test]
fn waiting_and_measuring_use_the_monotonic_clock_alone() {
    let sources = sources(&["ringbuf", "worker"]);
    let is_test = |path: &std::path::Path| path.components().any(|c| c.as_os_str() == "tests");
    for (path, text) in sources.iter().filter(|(path, _)| !is_test(path)) {
        for (line, words) in text.lines().enumerate() {
            let wall = words.contains("SystemTime") || words.contains("CLOCK_REALTIME");
            assert!(!wall, "{}:{}: {words}", path.display(), line + 1);
        }
    }
}

#[test]
fn no_lock_is_shared_by_processes() {
    // Whoever is killed while it holds one would keep it for ever.
    let locks = [
        "raw_sync::locks",
        "pthread_mutex",
        "pthread_rwlock",
        "sem_wait",
    ];
    for (path, text) in sources(&["ringbuf", "worker", "engine"]) {
        for lock in locks {
            assert!(!text.contains(lock), "{}: {lock}", path.display());
        }
    }
}
