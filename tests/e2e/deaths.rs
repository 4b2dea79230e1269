//! Deaths of every kind, at awkward moments.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::site::{Going, Random, Site, until};

/// A run in which nothing moves once its first item has arrived, in one worker.
const STILL: [&str; 5] = [
    "run",
    "--workers",
    "1",
    "-e",
    "counter ! throttle rate=0.001 ! null",
];

/// The agents of [`STILL`] in a control block: words of a record, agents, inputs, outputs. `throttle` has a
/// dial, which takes the last four of its words.
const HEAD: [u64; 4] = [2 + (4 + 4) + 3, 3, 2, 2];
/// Where the first record starts in a control block, and the second.
const RECORDS: [u64; 2] = [1536, 1536 + 128];
/// The words of `throttle` in a record.
const FLAGS: u64 = 2;
const READ: u64 = 3;
const WRITTEN: u64 = 5;

/// Writes a word of the stopped worker's records, as a wild store would, and lets it die of SIGSEGV.
fn die_after_a_wild_store(word: u64, value: u64) -> (Site, Going) {
    let site = Site::new();
    let going = site.start_run(&STILL, 1);
    let segment = Path::new("/dev/shm").join(&site.segments()[0]);
    let memory = OpenOptions::new().read(true).write(true).open(segment);
    let memory = memory.unwrap();
    let word_at = |offset: u64| {
        let mut bytes = [0; 8];
        memory.read_exact_at(&mut bytes, offset).unwrap();
        u64::from_ne_bytes(bytes)
    };
    let pages = memory.metadata().unwrap().len() / 4096;
    let is_head = |page: &u64| (0..4).all(|i| word_at(page * 4096 + 8 * i) == HEAD[i as usize]);
    let block = 4096 * (0..pages).find(is_head).expect("a control block");
    // The first item has gone through: nothing is written any more.
    until("the first item", || {
        RECORDS
            .iter()
            .any(|record| word_at(block + record + 8 * WRITTEN) == 1)
    });
    let (worker, _) = site.workers()[0].clone();
    kill(worker, Signal::SIGSTOP).unwrap();
    until("a stopped worker", || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
        stat.contains(") T ")
    });
    for record in RECORDS {
        memory
            .write_all_at(&value.to_ne_bytes(), block + record + 8 * word)
            .unwrap();
    }
    kill(worker, Signal::SIGSEGV).unwrap();
    kill(worker, Signal::SIGCONT).unwrap();
    (site, going)
}

#[test]
fn a_record_that_a_wild_store_has_hit_is_not_gone_on_from() {
    let cases = [
        (READ, 1 << 40, "has read 1099511627776"),
        (WRITTEN, 0, "is published up to 1, its record says 0"),
        (FLAGS, 1 << 5, "cannot have the flags 0x20"),
    ];
    for (word, value, found) in cases {
        let (site, going) = die_after_a_wild_store(word, value);
        going.wait().expect(1).says(&[
            "worker w0 was killed by SIGSEGV and left damage behind",
            "throttle",
            found,
            "SIGSEGV sent by a process",
        ]);
        site.assert_clean();
    }
}

#[test]
fn a_wild_death_that_left_everything_whole_is_a_death_like_others() {
    let site = Site::new();
    let line = "counter items=3000 ! throttle rate=6000 ! raw.write path=o.bin";
    let arguments = [
        "run",
        "--json",
        "--restart",
        "1000",
        "--workers",
        "2",
        "-e",
        line,
    ];
    let mut going = site.start(site.thalweg(&arguments));
    let signals = [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGILL,
        Signal::SIGFPE,
        Signal::SIGABRT,
    ];
    let mut random = Random::seeded();
    while !going.is_over() {
        let (worker, signal) = (random.below(2), random.below(5));
        for (pid, _) in site.processes(&format!("thalweg:w{worker}")) {
            // It may be done already.
            let _ = kill(pid, signals[signal as usize]);
        }
        std::thread::sleep(Duration::from_millis(random.below(40)));
    }
    let report = going.wait().expect(0).json();
    assert!(report["restarts"].as_u64().unwrap() > 0);
    assert!(site.read("o.bin") == counted(3000), "not the same bytes");
    site.assert_clean();
}

#[test]
fn two_hundred_deaths_a_second_do_not_keep_a_run_from_its_end() {
    let site = Site::new();
    let line = "counter items=1000000 ! copy ! raw.write path=o.bin";
    let arguments = ["run", "--json", "--restart", "1000000", "--workers", "2"];
    let small = ["--step", "64", "-e", line];
    let mut going = site.start(site.thalweg(&[&arguments[..], &small].concat()));
    while !going.is_over() {
        for (pid, _) in site.processes("thalweg:w1") {
            // It may be done already.
            let _ = kill(pid, Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let report = going.wait().expect(0).json();
    assert!(report["restarts"].as_u64().unwrap() > 0);
    assert!(
        site.read("o.bin") == counted(1_000_000),
        "not the same bytes"
    );
    site.assert_clean();
}

#[test]
fn deaths_while_a_run_drains_lose_nothing_of_what_was_read() {
    let mut random = Random::seeded();
    for _ in 0..5 {
        let site = Site::new();
        let line = "counter ! copy ! copy ! raw.write path=o.bin";
        let arguments = [
            "run",
            "--json",
            "--restart",
            "1000",
            "--workers",
            "3",
            "-e",
            line,
        ];
        let mut going = site.start_run(&arguments, 3);
        std::thread::sleep(Duration::from_millis(random.below(30)));
        going.signal(Signal::SIGINT);
        for _ in 0..10 {
            let victims = site.workers();
            if going.is_over() || victims.is_empty() {
                break;
            }
            let (pid, _) = &victims[random.below(victims.len() as u64) as usize];
            // It may be done already.
            let _ = kill(*pid, Signal::SIGKILL);
            std::thread::sleep(Duration::from_micros(random.below(3000)));
        }
        let report = going.wait().expect(0).json();
        let edges = report["edges"].as_array().unwrap();
        let items = edges[0]["written"].as_u64().unwrap();
        for edge in edges {
            assert_eq!(
                (&edge["written"], &edge["read"]),
                (&items.into(), &items.into())
            );
        }
        assert!(site.read("o.bin") == counted(items), "not the same bytes");
        site.assert_clean();
    }
}

#[test]
fn deaths_around_the_end_of_a_stream_change_no_byte() {
    let mut random = Random::seeded();
    let mut restarts = 0;
    for _ in 0..30 {
        let site = Site::new();
        // Ten milliseconds, so that a busy machine, too, comes to kill somebody.
        let line = "counter items=20000 ! throttle rate=2000000 ! copy ! raw.write path=o.bin";
        let arguments = [
            "run",
            "--json",
            "--restart",
            "1000",
            "--workers",
            "3",
            "-e",
            line,
        ];
        let mut going = site.start(site.thalweg(&arguments));
        while !going.is_over() {
            for (pid, _) in site.workers() {
                // It may be done already.
                let _ = kill(pid, Signal::SIGKILL);
                std::thread::sleep(Duration::from_micros(random.below(2000)));
            }
            std::thread::sleep(Duration::from_micros(random.below(10_000)));
        }
        let report = going.wait().expect(0).json();
        restarts += report["restarts"].as_u64().unwrap();
        assert!(site.read("o.bin") == counted(20_000), "not the same bytes");
        site.assert_clean();
    }
    assert!(restarts > 0, "nobody was killed in time");
}

/// What `counter` gives, in bytes.
fn counted(items: u64) -> Vec<u8> {
    (0..items as i64).flat_map(i64::to_le_bytes).collect()
}
