//! `snapshot`, `run --snapshot` and `run --from`: the machine is restarted, and the run goes on from the disk.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::same_bytes;
use crate::site::{Ended, Going, Random, Site, until};

fn snapshot(site: &Site, run: &str, file: &str) -> Ended {
    site.run(&["snapshot", run, file])
}

/// As when the machine is restarted: no process, no segment, no run directory.
fn reboot(site: &Site, going: Going) {
    for (pid, _) in site.processes("") {
        kill(pid);
    }
    going.wait();
    until("the end of all processes", || site.processes("").is_empty());
    for segment in site.segments() {
        fs::remove_file(Path::new("/dev/shm").join(segment)).unwrap();
    }
    fs::remove_dir_all(site.path("runtime/thalweg")).unwrap();
}

/// It may be gone already.
fn kill(pid: Pid) {
    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
}

/// A run of this site that is interrupted by reboots, and goes on from its last snapshot after each.
struct Interrupted<'a> {
    site: &'a Site,
    going: Going,
    runs: u32,
}

impl<'a> Interrupted<'a> {
    fn start(site: &'a Site, arguments: &[&str]) -> Interrupted<'a> {
        Interrupted {
            site,
            going: site.start(site.thalweg(arguments)),
            runs: 1,
        }
    }

    fn name(&self) -> String {
        self.site.run_name(self.runs - 1)
    }

    /// True if there is a new snapshot in `s`; false if the run has come to its end.
    fn is_kept(&mut self) -> bool {
        let file = self
            .site
            .path("runtime/thalweg")
            .join(self.name() + ".door");
        until("the door", || file.exists() || self.going.is_over());
        match snapshot(self.site, &self.name(), "s") {
            Ended { code: 0, .. } => true,
            ended => {
                let words = [
                    "no run named",
                    "come to its end",
                    "coming to its end",
                    "came to its end",
                    ".door: ",
                ];
                let over = words.iter().any(|w| ended.stderr.contains(w));
                assert!(over, "{}", ended.stderr);
                false
            }
        }
    }

    fn reboot(mut self) -> Interrupted<'a> {
        reboot(self.site, self.going);
        self.going = self
            .site
            .start(self.site.thalweg(&["run", "-q", "--from", "s"]));
        self.runs += 1;
        self
    }
}

/// Reboots at random moments, each some time after a snapshot at a random moment; gives how often.
fn interrupt(site: &Site, arguments: &[&str], pause_us_max: u64, reboots: u32) -> u32 {
    let mut random = Random::seeded();
    let mut pause = || std::thread::sleep(Duration::from_micros(random.below(pause_us_max)));
    let mut run = Interrupted::start(site, arguments);
    while run.runs <= reboots {
        pause();
        if !run.is_kept() {
            break;
        }
        pause();
        run = run.reboot();
    }
    let gone_on = run.runs - 1;
    run.going.wait().expect(0);
    site.assert_clean();
    gone_on
}

/// The files that a graph writes, undisturbed and with reboots, are the same.
fn check_same(inputs: &[(&str, Vec<u8>)], arguments: &[&str], files: &[&str], pause_us_max: u64) {
    let written = |disturbed: bool| {
        let site = Site::new();
        for (name, bytes) in inputs {
            site.write(name, bytes);
        }
        match disturbed {
            true => {
                let gone_on = interrupt(&site, arguments, pause_us_max, 4);
                println!("{gone_on} reboots");
                assert!(gone_on > 0, "it was over before the first snapshot");
            }
            false => drop(site.run(arguments).expect(0)),
        }
        let files: Vec<Vec<u8>> = files.iter().map(|file| site.read(file)).collect();
        files
    };
    let (disturbed, undisturbed) = (written(true), written(false));
    for ((name, a), b) in files.iter().zip(disturbed).zip(undisturbed) {
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn a_graph_of_many_operators_goes_on_after_reboots() {
    let arguments = [
        "run",
        "-q",
        "--workers",
        "4",
        "--step",
        "4",
        "--capacity",
        "256",
        "--set",
        "tone.items=100000",
        "--set",
        "hiss.items=100000",
        "g.toml",
    ];
    let inputs = [("g.toml", same_bytes::GRAPH.into())];
    check_same(&inputs, &arguments, &same_bytes::FILES, 150_000);
}

/// Each agent on a worker of its own, so that the loop goes from process to process.
#[test]
fn a_cycle_goes_on_after_reboots() {
    let arguments = [
        "run",
        "-q",
        "--workers",
        "4",
        "--set",
        "src.items=40000",
        "g.toml",
    ];
    let inputs = [("g.toml", same_bytes::CYCLE.into())];
    check_same(&inputs, &arguments, &["o.bin"], 150_000);
}

#[test]
fn files_go_on_into_files_after_reboots() {
    let rows: String = (0..30_000).map(|n| format!("{n}.5,{}\n", n % 7)).collect();
    let table = format!("v,w\n{rows}");
    let arguments = [
        "run",
        "-q",
        "--workers",
        "3",
        "--step",
        "8",
        "--capacity",
        "64",
        "-e",
        "csv.read path=in.csv columns=[v] rate=100.0 ! throttle rate=30000 ! \
         map expr=\"0.00001 * x\" ! wav.write path=o.wav",
    ];
    check_same(&[("in.csv", table.into())], &arguments, &["o.wav"], 150_000);
}

#[test]
fn text_and_counts_by_key_go_on_after_reboots() {
    let lines: String = (0..20_000u64)
        .map(|n| format!("{} word{} ä{}\n", n % 7, n * n % 1009, n % 13))
        .collect();
    let graph = "agents.lines = { op = \"text.read\", path = \"in.txt\" }\n\
                 agents.paced = { op = \"throttle\", in = \"lines\", rate = 20000.0 }\n\
                 agents.words = { op = \"words\", in = \"paced\" }\n\
                 agents.counts = { op = \"count.by\", in = \"words\", keys = 9000, emit = \"change\" }\n\
                 agents.all = { op = \"text.write\", in = \"words\", path = \"words.txt\" }\n\
                 agents.out = { op = \"csv.write\", in = [\"counts.key\", \"counts.count\"], path = \"counts.csv\" }\n";
    let arguments = ["run", "-q", "--workers", "3", "--step", "16", "g.toml"];
    let inputs = [("in.txt", lines.into()), ("g.toml", graph.into())];
    check_same(&inputs, &arguments, &["words.txt", "counts.csv"], 150_000);
}

#[test]
fn workers_killed_around_snapshots_change_no_byte() {
    let site = Site::new();
    let line = "counter items=400000 ! map expr=\"3 * x\" ! copy ! map expr=\"x + 1\" ! raw.write path=o.bin";
    let arguments = [
        "run",
        "-q",
        "--restart",
        "1000",
        "--workers",
        "3",
        "--capacity",
        "64",
        "--step",
        "4",
        "-e",
        line,
    ];
    let mut random = Random::seeded();
    let mut run = Interrupted::start(&site, &arguments);
    let mut kills = 0;
    while run.runs < 4 {
        for _ in 0..6 {
            if let [first, .., last] = &site.workers()[..] {
                kill([first, last][random.below(2) as usize].0);
                kills += 1;
            }
            std::thread::sleep(Duration::from_micros(random.below(3000)));
            if !run.is_kept() {
                break;
            }
        }
        if run.going.is_over() || !site.path("s").exists() {
            break;
        }
        run = run.reboot();
    }
    println!("{kills} kills, {} runs", run.runs);
    assert!(kills > 0 && run.runs > 1, "it was over too soon");
    run.going.wait().expect(0);
    let expected: Vec<u8> = (0..400_000i64)
        .flat_map(|n| (3 * n + 1).to_le_bytes())
        .collect();
    assert!(site.read("o.bin") == expected, "not the same bytes");
    site.assert_clean();
}

/// Paced, so that there is always something left to do; workers that wait for the clock, for items, for room.
const PACED: [&str; 8] = [
    "run",
    "-q",
    "--workers",
    "3",
    "--capacity",
    "16",
    "-e",
    "counter items=4000 ! throttle rate=2000 ! map expr=\"x + 1\" ! raw.write path=o.bin",
];

fn paced_bytes() -> Vec<u8> {
    (1..=4000i64).flat_map(i64::to_le_bytes).collect()
}

/// A paced run and, when this returns, a snapshot of it.
fn paced(site: &Site) -> Going {
    let going = site.start_run(&PACED, 3);
    until("output", || {
        fs::metadata(site.path("o.bin")).is_ok_and(|m| m.len() > 800)
    });
    let line = snapshot(site, &site.run_name(0), "s").expect(0).stdout;
    for word in ["s: ", " bytes, pause ", "counter ", "raw_write "] {
        assert!(line.contains(word), "no {word:?} in {line}");
    }
    assert_eq!(line.lines().count(), 1, "{line}");
    going
}

#[test]
fn a_worker_killed_while_the_others_rest_is_forked_again() {
    let site = Site::new();
    let going = site.start_run(&[&PACED[..1], &["--restart", "9"], &PACED[2..]].concat(), 3);
    until("output", || {
        fs::metadata(site.path("o.bin")).is_ok_and(|m| m.len() > 800)
    });
    let workers = site.workers();
    let named = |name: &str| workers.iter().find(|(_, n)| n == name).unwrap().0;
    // One that is stopped keeps the others at rest.
    nix::sys::signal::kill(named("thalweg:w0"), Signal::SIGSTOP).unwrap();
    let asking = site.start(site.thalweg(&["snapshot", &site.run_name(0), "s"]));
    std::thread::sleep(Duration::from_millis(100));
    kill(named("thalweg:w2"));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        site.workers().len(),
        2,
        "it stays down until the copy is made"
    );
    nix::sys::signal::kill(named("thalweg:w0"), Signal::SIGCONT).unwrap();
    asking.wait().expect(0);
    until("the successor", || {
        going
            .stderr()
            .contains("w2 was killed by SIGKILL; it is forked again")
    });
    reboot(&site, going);
    site.run(&["run", "-q", "--from", "s"]).expect(0);
    assert!(site.read("o.bin") == paced_bytes());
    site.assert_clean();
}

#[test]
fn a_worker_that_does_not_come_to_rest_is_named_and_the_run_goes_on() {
    let site = Site::new();
    let going = site.start_run(&PACED, 3);
    let stopped = site.workers()[0].clone();
    nix::sys::signal::kill(stopped.0, Signal::SIGSTOP).unwrap();
    let name = stopped.1.trim_start_matches("thalweg:");
    snapshot(&site, &site.run_name(0), "s")
        .expect(3)
        .says(&["worker", name, "in one step"]);
    assert!(!site.path("s").exists());
    nix::sys::signal::kill(stopped.0, Signal::SIGCONT).unwrap();
    going.wait().expect(0);
    assert!(site.read("o.bin") == paced_bytes());
    site.assert_clean();
}

#[test]
fn two_are_kept_and_a_damaged_newest_falls_back() {
    let site = Site::new();
    let going = paced(&site);
    let first = site.read("s");
    snapshot(&site, &site.run_name(0), "s").expect(0);
    assert!(site.read("s.prev") == first, "the older one is kept");
    reboot(&site, going);
    let file = OpenOptions::new().write(true).open(site.path("s")).unwrap();
    file.write_all_at(b"x", 300).unwrap();
    site.run(&["run", "--from", "s"]).expect(0).says(&[
        "s: its section 0 is damaged",
        "older",
        "s.prev",
    ]);
    assert!(site.read("o.bin") == paced_bytes());
    site.write("s.prev", b"");
    site.run(&["run", "--from", "s"])
        .expect(3)
        .says(&["section 0", "too short"]);
    fs::remove_file(site.path("s.prev")).unwrap();
    site.run(&["run", "--from", "s"])
        .expect(3)
        .says(&["section 0", "there is no older one"]);
    site.run(&["run", "--from", "none"])
        .expect(3)
        .says(&["none: No such file"]);
    site.assert_clean();
}

#[test]
fn outputs_that_were_lost_or_changed_are_refused_and_left_alone() {
    let site = Site::new();
    let going = paced(&site);
    reboot(&site, going);
    let good = site.read("o.bin");
    let refused = |words: &[&str]| {
        let before = fs::read(site.path("o.bin")).ok();
        site.run(&["run", "--from", "s"]).expect(3).says(words);
        assert!(
            fs::read(site.path("o.bin")).ok() == before,
            "it was touched"
        );
        site.assert_clean();
    };
    fs::remove_file(site.path("o.bin")).unwrap();
    refused(&["agent `raw_write`", "o.bin is gone", "put it back"]);
    site.write("o.bin", &good[..100]);
    refused(&["o.bin is 100 bytes long and was"]);
    let mut changed = good.clone();
    changed[10] ^= 1;
    site.write("o.bin", &changed);
    refused(&["o.bin holds other bytes than at that time"]);
    site.write("o.bin", &good);
    let over_output = ["run", "--from", "s", "--report", "o.bin"];
    site.run(&over_output)
        .expect(2)
        .says(&["--report", "o.bin is a file of agent"]);
    assert!(site.read("o.bin") == good);
    site.run(&["run", "-q", "--from", "s"]).expect(0);
    assert!(site.read("o.bin") == paced_bytes());
    // From the same snapshot as often as one likes, also onto the whole output.
    site.run(&["run", "-q", "--from", "s"]).expect(0);
    assert!(site.read("o.bin") == paced_bytes());
    site.assert_clean();
}

#[test]
fn an_input_that_was_shortened_or_changed_is_refused() {
    let site = Site::new();
    let rows: String = (0..3000).map(|n| format!("{n}.5\n")).collect();
    let table = format!("v\n{rows}");
    site.write("in.csv", &table);
    let line =
        "csv.read path=in.csv columns=[v] rate=1.0 ! throttle rate=1000 ! csv.write path=o.csv";
    let going = site.start_run(
        &[
            "run",
            "-q",
            "--workers",
            "2",
            "--capacity",
            "16",
            "-e",
            line,
        ],
        2,
    );
    until("output", || {
        fs::metadata(site.path("o.csv")).is_ok_and(|m| m.len() > 100)
    });
    snapshot(&site, &site.run_name(0), "s").expect(0);
    reboot(&site, going);
    site.write("in.csv", &table[..table.len() - 7]);
    site.run(&["run", "--from", "s"]).expect(3).says(&[
        "agent `csv_read`",
        "in.csv is",
        "bytes long and was",
    ]);
    site.write("in.csv", table.replacen("1.5", "1.6", 1));
    site.run(&["run", "--from", "s"])
        .expect(3)
        .says(&["in.csv holds other bytes"]);
    site.write("in.csv", &table);
    site.run(&["run", "-q", "--from", "s"]).expect(0);
    let values = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values(&site.read_text("o.csv")), values(&table));
    site.assert_clean();
}

#[test]
fn what_cannot_be_kept_or_asked_is_refused_and_the_run_goes_on() {
    let site = Site::new();
    let going = paced(&site);
    let run = site.run_name(0);
    fs::create_dir(site.path("folder")).unwrap();
    snapshot(&site, &run, "folder")
        .expect(2)
        .says(&["folder is a folder"]);
    snapshot(&site, &run, "no/such/s")
        .expect(2)
        .says(&["there is no folder"]);
    snapshot(&site, &run, "o.bin")
        .expect(2)
        .says(&["o.bin is no snapshot", "choose another name"]);
    snapshot(&site, "nobody", "s")
        .expect(2)
        .says(&["no run named `nobody`"]);
    site.run(&["run", "--from", "s", "--workers", "2"])
        .expect(2)
        .says(&["--workers"]);
    let mut command = site.program(crate::site::THALWEG);
    command.args(["run", "-q", "--from", "s"]);
    site.finish(command)
        .expect(3)
        .says(&["a run named", "is going on"]);
    going.wait().expect(0);
    assert!(site.read("o.bin") == paced_bytes());
    snapshot(&site, &run, "s").expect(2).says(&["no run named"]);
    site.assert_clean();
}

#[test]
fn what_can_be_read_only_once_is_refused_before_anybody_rests() {
    let site = Site::new();
    let _full = site.clogged_pipe("pipe");
    let line = "raw.read path=pipe dtype=i64 ! raw.write path=o.bin";
    let arguments = ["run", "-q", "--workers", "2", "-e", line];
    let going = site.start_run(&arguments, 2);
    let words = [
        "agent `raw_read` holds on to",
        "pipe",
        "gone with the run",
        "would be lost",
    ];
    snapshot(&site, &site.run_name(0), "s")
        .expect(2)
        .says(&words);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    let asked = [
        &["run", "--snapshot", "s", "--every", "1s"],
        &arguments[2..],
    ]
    .concat();
    site.run(&asked).expect(2).says(&words);
    site.assert_clean();
}

#[test]
fn a_run_inside_one_process_and_one_that_drains_have_no_snapshots() {
    let site = Site::new();
    let line = "counter ! throttle rate=100 ! null";
    let going = site.start(site.thalweg(&["run", "-q", "--in-process", "-e", line]));
    until("the run", || {
        site.run(&["ps"]).stdout.contains(&site.run_name(0))
    });
    snapshot(&site, &site.run_name(0), "s")
        .expect(3)
        .says(&["inside one process"]);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    let full = site.clogged_pipe("pipe");
    let line = "counter ! raw.write path=pipe";
    let going = site.start_run(&["run", "--workers", "2", "-e", line], 2);
    site.until_full(&full);
    going.signal(Signal::SIGTERM);
    until("draining", || going.stderr().contains("stopping"));
    snapshot(&site, &site.run_name(1), "s")
        .expect(3)
        .says(&["coming to its end"]);
    going.signal(Signal::SIGTERM);
    going.wait().expect(143);
    site.assert_clean();
}

#[test]
fn two_at_once_are_one_too_many() {
    let site = Site::new();
    let graph = "agents.a = { op = \"counter\" }\n\
                 agents.t = { op = \"copy\", in = \"a\", worker = \"w1\" }\n\
                 agents.slow = { op = \"throttle\", in = \"t\", rate = 1.0, worker = \"w1\" }\n\
                 agents.end = { op = \"null\", in = \"slow\", worker = \"w1\" }\n\
                 [workers.w1]\n\
                 [streams.a]\ncapacity = \"16 MiB\"\n";
    site.write("g.toml", graph);
    let going = site.start_run(&["run", "-q", "g.toml"], 1);
    let run = site.run_name(0);
    let writer = || site.processes("thalweg:snap").first().map(|(pid, _)| *pid);
    // It is stopped in the middle of its writing, in one try or another.
    let (asking, stopped) = (0..50)
        .find_map(|_| {
            let mut asking = site.start(site.thalweg(&["snapshot", &run, "s"]));
            until("the writer", || writer().is_some() || asking.is_over());
            if let Some(pid) = writer() {
                let _ = nix::sys::signal::kill(pid, Signal::SIGSTOP);
                std::thread::sleep(Duration::from_millis(20));
                if writer().is_some() {
                    return Some((asking, pid));
                }
            }
            asking.wait();
            None
        })
        .expect("a writer that is caught");
    snapshot(&site, &run, "s")
        .expect(3)
        .says(&["another snapshot of the run is being written"]);
    nix::sys::signal::kill(stopped, Signal::SIGCONT).unwrap();
    asking.wait().expect(0);
    reboot(&site, going);
    site.assert_clean();
}

#[test]
fn a_snapshot_every_so_often_is_there_when_it_is_needed() {
    let site = Site::new();
    let arguments = [
        &PACED[..1],
        &["--snapshot", "s", "--every", "50ms"],
        &PACED[2..],
    ]
    .concat();
    let going = site.start_run(&arguments, 3);
    until("two snapshots", || site.path("s.prev").exists());
    until("output", || {
        fs::metadata(site.path("o.bin")).is_ok_and(|m| m.len() > 8000)
    });
    reboot(&site, going);
    let mut command = site.program(crate::site::THALWEG);
    command.args([
        "run",
        "--from",
        "s",
        "--snapshot",
        "s",
        "--every",
        "100ms",
        "--json",
    ]);
    let ended = site
        .finish(command)
        .expect(0)
        .says(&["took ", " snapshots"]);
    assert_eq!(ended.json()["run"], site.run_name(0), "it keeps its name");
    assert!(ended.json()["snapshots"].as_u64() > Some(0));
    assert!(site.read("o.bin") == paced_bytes());
    assert!(!site.path("s.tmp").exists());
    site.assert_clean();
}

#[test]
fn a_run_that_was_resumed_has_its_door_again() {
    let site = Site::new();
    let arguments = [&PACED[..1], &["--resumable"], &PACED[1..]].concat();
    let going = site.start_run(&arguments, 3);
    until("output", || {
        fs::metadata(site.path("o.bin")).is_ok_and(|m| m.len() > 800)
    });
    let run = site.run_name(0);
    kill(going.pid());
    going.wait();
    let resumed = site.start(site.thalweg(&["resume", "-q", &run]));
    // The dead one's door is there until the new one takes its place.
    until("a snapshot", || snapshot(&site, &run, "s").code == 0);
    reboot(&site, resumed);
    site.run(&["run", "-q", "--from", "s"]).expect(0);
    assert!(site.read("o.bin") == paced_bytes());
    site.assert_clean();
}

#[test]
fn what_cannot_be_written_leaves_the_older_snapshot_and_is_said() {
    let site = Site::new();
    let going = paced(&site);
    let first = site.read("s");
    // In the way of the draft, so that no snapshot can be begun.
    fs::create_dir(site.path("s.tmp")).unwrap();
    snapshot(&site, &site.run_name(0), "s")
        .expect(3)
        .says(&["s.tmp cannot be opened", "an older snapshot stays"]);
    assert!(site.read("s") == first);
    fs::remove_dir(site.path("s.tmp")).unwrap();
    snapshot(&site, &site.run_name(0), "s").expect(0);
    // Its output has gone: a snapshot could not be gone on from.
    fs::remove_file(site.path("o.bin")).unwrap();
    snapshot(&site, &site.run_name(0), "s")
        .expect(3)
        .says(&["agent `raw_write`", "o.bin cannot be opened"]);
    going.wait().expect(0);
    site.assert_clean();
}
