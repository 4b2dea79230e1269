//! What others do to a run while it goes on: to its segment, its processes, its lock and its limits.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::site::{Going, Site, THALWEG, until};

/// A run of three workers that has something to do for as long as it is let.
const ENDLESS: [&str; 7] = [
    "run",
    "--workers",
    "3",
    "--capacity",
    "64",
    "-e",
    "counter ! throttle rate=1000 ! copy ! raw.write path=o.bin",
];

fn segment_of(site: &Site) -> PathBuf {
    Path::new("/dev/shm").join(&site.segments()[0])
}

/// `0, 1, 2, ..` for as long as the file is. How many there are.
fn count(site: &Site) -> usize {
    let bytes = site.read("o.bin");
    let numbers = bytes
        .chunks(8)
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()));
    assert!(numbers.eq(0..bytes.len() as i64 / 8), "not the same bytes");
    bytes.len() / 8
}

/// Waits until some more items are in the file.
fn until_it_moves(site: &Site) {
    let len = || fs::metadata(site.path("o.bin")).map_or(0, |m| m.len());
    let before = len();
    until("more items", || len() > before);
}

/// The state letter of a process, as `ps` shows it.
fn state_of(pid: Pid) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().chars().next().unwrap()
}

fn stop(pid: Pid) {
    kill(pid, Signal::SIGSTOP).unwrap();
    until("a stopped process", || state_of(pid) == 'T');
}

#[test]
fn a_stopped_worker_is_waited_for_and_not_replaced() {
    let site = Site::new();
    let arguments = [&["run", "--json"], &ENDLESS[1..]].concat();
    let going = site.start_run(&arguments, 3);
    until_it_moves(&site);
    let before = site.workers();
    stop(before[1].0);
    // Long enough for a stall to be seen, if a worker that stands still were one.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(site.workers(), before);
    kill(before[1].0, Signal::SIGCONT).unwrap();
    until_it_moves(&site);
    going.signal(Signal::SIGINT);
    let report = going.wait().expect(0).json();
    assert_eq!(report["restarts"], 0);
    count(&site);
    site.assert_clean();
}

#[test]
fn a_stopped_worker_that_is_killed_has_one_successor() {
    let site = Site::new();
    let arguments = [&["run", "--json"], &ENDLESS[1..]].concat();
    let going = site.start_run(&arguments, 3);
    until_it_moves(&site);
    let (victim, name) = site.workers()[1].clone();
    stop(victim);
    kill(victim, Signal::SIGKILL).unwrap();
    until("a successor", || {
        let now = site.processes(&name);
        now.len() == 1 && now[0].0 != victim
    });
    until_it_moves(&site);
    going.signal(Signal::SIGINT);
    assert_eq!(going.wait().expect(0).json()["restarts"], 1);
    count(&site);
    site.assert_clean();
}

#[test]
fn the_lock_outlives_the_coordinator_for_as_long_as_anybody_lives() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    let warden = site.warden();
    stop(warden);
    going.signal(Signal::SIGKILL);
    going.wait().expect(128 + 9);
    until("the workers' end", || site.workers().is_empty());
    let again = |name: &str| {
        let mut command = site.program(THALWEG);
        command.args(["run", "-e", "counter items=5 ! null", "--name", name]);
        site.finish(command)
    };
    let name = site.run_name(0);
    again(&name).expect(3).says(&[&name, "is going on"]);
    assert_eq!(
        site.segments().len(),
        1,
        "a sweep took a locked run's segment"
    );
    kill(warden, Signal::SIGCONT).unwrap();
    until("the warden's end", || site.processes("").is_empty());
    again(&name).expect(0);
    site.assert_clean();
}

#[test]
fn a_segment_that_is_cut_short_under_a_run_ends_it_with_a_line() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    until_it_moves(&site);
    let segment = segment_of(&site);
    File::options()
        .write(true)
        .open(segment)
        .unwrap()
        .set_len(0)
        .unwrap();
    let ended = going.wait();
    // Whoever touches it first: a worker, and then the coordinator, or the coordinator at once.
    assert!([1, 128 + 7].contains(&ended.code), "{}", ended.code);
    ended.says(&["SIGBUS at address 0x"]);
    site.assert_clean();
}

#[test]
fn a_segment_whose_name_is_gone_serves_the_run_to_its_end() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    until_it_moves(&site);
    fs::remove_file(segment_of(&site)).unwrap();
    let (victim, _) = site.workers()[2].clone();
    kill(victim, Signal::SIGKILL).unwrap();
    until("a successor", || {
        site.workers().iter().all(|(pid, _)| *pid != victim)
    });
    until_it_moves(&site);
    going.signal(Signal::SIGINT);
    going.wait().expect(0);
    count(&site);
    site.assert_clean();
}

/// Which pages of the segment a process may write, counted by how it maps them.
fn writable_pages(pid: Pid, segment: &str) -> Vec<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let ours = maps.lines().filter(|line| line.ends_with(segment));
    let mut pages = Vec::new();
    for line in ours {
        let mut words = line.split_whitespace();
        let (range, access, offset) = (words.next(), words.next(), words.next());
        let hex = |word: &str| u64::from_str_radix(word, 16).unwrap();
        let (from, to) = range.unwrap().split_once('-').unwrap();
        if access.unwrap().contains('w') {
            let first = hex(offset.unwrap()) / 4096;
            pages.extend(first..first + (hex(to) - hex(from)) / 4096);
        }
    }
    pages.sort_unstable();
    pages.dedup();
    pages
}

#[test]
fn a_worker_may_write_what_it_makes_and_nothing_else() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    // Once an item is through, everybody has given up what is not its own.
    until_it_moves(&site);
    let segment = site.segments().remove(0);
    let mut writers: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (pid, name) in site.workers() {
        for page in writable_pages(pid, &segment) {
            writers.entry(page).or_default().push(name.clone());
        }
    }
    let pages = fs::metadata(segment_of(&site)).unwrap().len() / 4096;
    let by = |n: usize| writers.values().filter(|names| names.len() == n).count();
    println!(
        "{pages} pages, by one {}, by two {}, by three {}",
        by(1),
        by(2),
        by(3)
    );
    // The run header is the coordinator's.
    assert!(!writers.contains_key(&0));
    // Bells are everybody's; of a ring both ends write the header, and one its items.
    assert_eq!(by(3), 1, "{writers:?}");
    assert_eq!(
        by(2),
        2,
        "a ring's header a stream between workers: {writers:?}"
    );
    assert!(
        by(1) >= 3 + 2,
        "a control block a worker, and items: {writers:?}"
    );
    going.signal(Signal::SIGINT);
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn if_memory_runs_out_a_worker_goes_first() {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    until_it_moves(&site);
    let inclined = |pid: Pid| -> i32 {
        let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        text.trim().parse().unwrap()
    };
    let coordinator = inclined(going.pid());
    for (pid, name) in site.workers() {
        assert!(inclined(pid) >= coordinator + 500, "{name}");
    }
    going.signal(Signal::SIGINT);
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn both_ends_and_the_whole_chain_killed_at_once_change_no_byte() {
    let site = Site::new();
    let arguments = [&["run", "--restart", "1000"], &ENDLESS[1..]].concat();
    let going = site.start_run(&arguments, 3);
    let kill_all = |which: &[usize]| {
        let workers = site.workers();
        for &w in which {
            let named = workers
                .iter()
                .filter(|(_, name)| *name == format!("thalweg:w{w}"));
            for (pid, _) in named {
                // It may be between two lives.
                let _ = kill(*pid, Signal::SIGKILL);
            }
        }
        until("all workers", || site.workers().len() == 3);
    };
    for which in [&[0, 1][..], &[1, 2], &[2, 1, 0], &[0, 1, 2]] {
        until_it_moves(&site);
        kill_all(which);
    }
    until_it_moves(&site);
    going.signal(Signal::SIGINT);
    going.wait().expect(0);
    count(&site);
    site.assert_clean();
}

/// A run whose worker is asked for something by a signal, and what becomes of it.
fn after_signal_to_a_worker(signal: Signal) -> (Site, Going, Pid) {
    let site = Site::new();
    let going = site.start_run(&ENDLESS, 3);
    until_it_moves(&site);
    let (worker, _) = site.workers()[1].clone();
    kill(worker, signal).unwrap();
    (site, going, worker)
}

#[test]
fn signals_that_mean_nothing_to_a_worker_do_nothing() {
    for signal in [
        Signal::SIGHUP,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGPIPE,
        Signal::SIGXFSZ,
    ] {
        let (site, going, worker) = after_signal_to_a_worker(signal);
        until_it_moves(&site);
        assert!(
            site.workers().iter().any(|(pid, _)| *pid == worker),
            "{signal}"
        );
        going.signal(Signal::SIGINT);
        going.wait().expect(0);
        site.assert_clean();
    }
}

#[test]
fn a_worker_that_is_told_to_end_from_outside_is_replaced() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let (site, going, worker) = after_signal_to_a_worker(signal);
        until("a successor", || {
            let workers = site.workers();
            workers.len() == 3 && workers.iter().all(|(pid, _)| *pid != worker)
        });
        until_it_moves(&site);
        going.signal(Signal::SIGINT);
        going
            .wait()
            .expect(0)
            .says(&[signal.as_str(), "forked again"]);
        count(&site);
        site.assert_clean();
    }
}
