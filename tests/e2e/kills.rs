//! `kill -9`, of anybody, at any time.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::same_bytes;
use crate::site::{Going, Random, Site, until};

const ITEMS: u64 = 1_000_000;

/// Kills `kills` workers of a run one after the other, whoever and whenever the seed says, and looks
/// that the file it writes has the bytes it has without.
fn check_kills(workers: usize, kills: u64, pause_us_max: u64) {
    let site = Site::new();
    let mut random = Random::seeded();
    let line = format!(
        "counter items={ITEMS} ! map expr=\"3 * x\" ! copy ! map expr=\"x + 1\" ! raw.write path=o.bin"
    );
    let workers = workers.to_string();
    // Forgiven any number of times: killing one that had no time to get on is not its fault.
    let arguments = [
        "run",
        "--json",
        "--restart",
        "1000",
        // Small steps: many commits to be killed beside.
        "--capacity",
        "64",
        "--step",
        "4",
        "--workers",
        &workers,
    ];
    let mut going = site.start(site.thalweg(&[&arguments[..], &["-e", &line]].concat()));
    kill_workers(&site, &mut going, &mut random, kills, pause_us_max);
    let report = going.wait().expect(0).json();
    println!("{} restarts", report["restarts"]);
    assert!(
        report["restarts"].as_u64().unwrap() > 0,
        "nobody was killed in time"
    );
    let expected: Vec<u8> = (0..ITEMS as i64)
        .flat_map(|n| (3 * n + 1).to_le_bytes())
        .collect();
    assert!(site.read("o.bin") == expected, "not the same bytes");
    for edge in report["edges"].as_array().unwrap() {
        assert_eq!(edge["written"], ITEMS, "{edge}");
        assert_eq!(edge["read"], ITEMS, "{edge}");
    }
    site.assert_clean();
}

/// Kills workers, whoever and whenever, until there were enough or the run is over.
pub fn kill_workers(
    site: &Site,
    going: &mut Going,
    random: &mut Random,
    kills: u64,
    pause_us_max: u64,
) {
    let mut killed = 0;
    while killed < kills && !going.is_over() {
        std::thread::sleep(Duration::from_micros(random.below(pause_us_max)));
        let victims = site.workers();
        if victims.is_empty() {
            continue;
        }
        let (pid, _) = &victims[random.below(victims.len() as u64) as usize];
        // It may be done already.
        killed += u64::from(kill(*pid, Signal::SIGKILL).is_ok());
    }
}

/// Kills the coordinator of a resumable run, run 0 of the site, at some moment of its first `pause_ms_max` ms, and
/// resumes it, unless it had ended.
pub fn kill_and_resume(site: &Site, going: Going, random: &mut Random, pause_ms_max: u64) {
    let recipe = site.path(&format!("runtime/thalweg/{}.recipe", site.run_name(0)));
    until("the recipe", || recipe.exists());
    std::thread::sleep(Duration::from_millis(random.below(pause_ms_max)));
    going.signal(Signal::SIGKILL);
    going.wait();
    until("the end of all processes", || {
        !recipe.exists() || site.run(&["ps"]).stdout.contains("resumable")
    });
    if recipe.exists() {
        site.run(&["resume", &site.run_name(0)]).expect(0);
    }
}

#[test]
fn a_coordinator_killed_while_it_makes_the_segment_leaves_none() {
    for _ in 0..5 {
        let site = Site::new();
        // Large enough for a kill to come while its length is reserved.
        let line = "counter ! copy ! copy ! null";
        let arguments = ["run", "--workers", "2", "--capacity", "10MiB", "-e", line];
        let mut going = site.start(site.thalweg(&arguments));
        while site.segments().is_empty() {
            assert!(!going.is_over(), "{}", going.stderr());
        }
        going.signal(Signal::SIGKILL);
        going.wait().expect(128 + Signal::SIGKILL as i32);
        until("nothing left", || {
            site.segments().is_empty() && site.processes("").is_empty()
        });
        site.assert_clean();
    }
}

#[test]
fn kills_in_a_graph_of_many_operators_change_no_byte() {
    let files = |killing: bool| {
        let site = Site::new();
        site.write("g.toml", same_bytes::GRAPH);
        let arguments = [
            "run",
            "--json",
            "--restart",
            "1000",
            "--workers",
            "4",
            "--step",
            "4",
            "--capacity",
            "256",
            "--set",
            "tone.items=200000",
            "--set",
            "hiss.items=200000",
            "g.toml",
        ];
        let mut going = site.start(site.thalweg(&arguments));
        if killing {
            let mut random = Random::seeded();
            kill_workers(&site, &mut going, &mut random, 40, 20_000);
        }
        let report = going.wait().expect(0).json();
        assert_eq!(killing, report["restarts"].as_u64().unwrap() > 0);
        site.assert_clean();
        same_bytes::FILES.map(|file| site.read(file))
    };
    let (disturbed, undisturbed) = (files(true), files(false));
    for ((name, a), b) in same_bytes::FILES.iter().zip(disturbed).zip(undisturbed) {
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn kills_of_workers_change_no_byte() {
    check_kills(3, 60, 20_000);
}

#[test]
fn kills_of_the_only_worker_change_no_byte() {
    check_kills(1, 30, 20_000);
}

#[test]
fn a_worker_that_dies_again_and_again_ends_the_run() {
    let site = Site::new();
    // Nothing moves after the first items, so every death is one without progress.
    let line = "counter ! throttle rate=0.01 ! null";
    let arguments = ["run", "--workers", "2", "--restart", "2", "-e", line];
    let mut going = site.start_run(&arguments, 2);
    while !going.is_over() {
        for (pid, _) in site.processes("thalweg:w1") {
            // Gone between the look and the kill: then it is the next one's turn.
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
    going
        .wait()
        .expect(1)
        .says(&["worker w1", "SIGKILL", "3 times without getting on"]);
    site.assert_clean();
}

const ENDLESS: [&str; 5] = [
    "run",
    "--workers",
    "3",
    "-e",
    "counter ! map expr=\"x + 1\" ! null",
];

#[test]
fn the_coordinators_death_takes_everything_with_it() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    assert_eq!(site.segments().len(), 1);
    going.signal(Signal::SIGKILL);
    assert_eq!(going.wait().code, 128 + 9);
    site.assert_clean();
}

#[test]
fn what_the_death_of_coordinator_and_warden_leaves_is_cleaned() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    let name = site.run_name(0);
    kill(site.warden(), Signal::SIGKILL).unwrap();
    going.signal(Signal::SIGKILL);
    going.wait();
    until("the end of all processes", || site.processes("").is_empty());
    assert_eq!(site.segments(), [format!("thalweg.{name}")]);
    let ps = site.run(&["ps"]).expect(0);
    assert!(
        ps.stdout.contains(&name) && ps.stdout.contains("dead (thalweg clean)"),
        "{}",
        ps.stdout
    );
    site.run(&["stop", &name])
        .expect(2)
        .says(&["dead", "thalweg clean"]);
    let clean = site.run(&["clean", "--json"]).expect(0).json();
    assert_eq!(clean["removed"][0]["run"], name.as_str());
    assert_eq!(clean["removed"][0]["segment"], format!("/thalweg.{name}"));
    site.assert_clean();
}

#[test]
fn the_next_run_sweeps_what_a_dead_one_left() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    kill(site.warden(), Signal::SIGKILL).unwrap();
    going.signal(Signal::SIGKILL);
    going.wait();
    until("the end of all processes", || site.processes("").is_empty());
    assert_eq!(site.segments().len(), 1);
    site.run(&["run", "-e", "counter items=5 ! null"]).expect(0);
    site.assert_clean();
}
