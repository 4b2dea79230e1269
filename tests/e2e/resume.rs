//! `run --resumable` and `resume`: the coordinator is killed, and another one goes on.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::same_bytes;
use crate::site::{Ended, Going, Random, Site, until};

const ITEMS: u64 = 400_000;

/// How often coordinators are killed, at most; `THALWEG_RESUME_KILLS` asks for more, as in a long run
/// by hand, and for as many more items.
fn kills() -> u64 {
    let asked = std::env::var("THALWEG_RESUME_KILLS").ok();
    asked.map_or(12, |n| n.parse().unwrap())
}

/// A resumable run of this site, as `start` has named it.
struct Resumable<'a> {
    site: &'a Site,
    name: String,
}

impl Resumable<'_> {
    fn file(&self, extension: &str) -> PathBuf {
        self.site
            .path(&format!("runtime/thalweg/{}.{extension}", self.name))
    }

    fn segment(&self) -> PathBuf {
        PathBuf::from(format!("/dev/shm/thalweg.{}", self.name))
    }

    fn can_be_resumed(&self) -> bool {
        self.file("recipe").exists()
    }

    fn resume(&self, more: &[&str]) -> Going {
        let arguments = [&["resume", &self.name], more].concat();
        self.site.start(self.site.thalweg(&arguments))
    }

    /// Refused with exit code 3 and these words; nothing was changed by it.
    #[track_caller]
    fn refuses(&self, words: &[&str]) -> Ended {
        let ended = self.resume(&[]).wait().expect(3).says(words);
        assert!(self.can_be_resumed(), "it was taken away");
        ended
    }

    /// Clean removes what is left, and nothing is left.
    fn clean(&self) {
        self.site.run(&["clean", &self.name]).expect(0);
        self.site.assert_clean();
    }
}

fn kill(going: Going) {
    going.signal(Signal::SIGKILL);
    assert_eq!(going.wait().code, 128 + 9);
}

/// Starts a run, waits until it can be resumed, and kills it a moment later.
fn killed<'a>(site: &'a Site, arguments: &[&str], workers: usize) -> Resumable<'a> {
    let going = site.start_run(arguments, workers);
    let run = Resumable {
        site,
        name: site.run_name(0),
    };
    until("the recipe", || run.can_be_resumed());
    std::thread::sleep(Duration::from_millis(20));
    kill(going);
    until("the end of all processes", || {
        site.run(&["ps"]).stdout.contains("resumable")
    });
    run
}

/// Kills the coordinator again and again, whenever the seed says, now and then just after a worker; gives
/// how often it was resumed.
fn kill_and_resume(site: &Site, arguments: &[&str], pause_us_max: u64, kills: u64) -> u64 {
    let mut random = Random::seeded();
    let mut going = site.start(site.thalweg(arguments));
    let run = Resumable {
        site,
        name: site.run_name(0),
    };
    until("the recipe", || run.can_be_resumed() || going.is_over());
    let mut resumed = 0;
    loop {
        std::thread::sleep(Duration::from_micros(random.below(pause_us_max)));
        if resumed == kills || going.is_over() {
            going.wait().expect(0);
            return resumed;
        }
        if random.below(2) == 0
            && let Some((worker, _)) = site.workers().first()
        {
            // It may be done already.
            let _ = nix::sys::signal::kill(*worker, Signal::SIGKILL);
            std::thread::sleep(Duration::from_micros(random.below(5000)));
        }
        going.signal(Signal::SIGKILL);
        if going.wait().code == 0 {
            return resumed;
        }
        // Killed between taking the recipe away and the end: all its work was done.
        if !run.can_be_resumed() {
            site.run(&["clean"]).expect(0);
            return resumed;
        }
        going = run.resume(&["-q"]);
        resumed += 1;
    }
}

#[test]
fn a_coordinator_killed_again_and_again_changes_no_byte() {
    let site = Site::new();
    let items = ITEMS * kills().div_ceil(12);
    let line = format!(
        "counter items={items} ! map expr=\"3 * x\" ! copy ! map expr=\"x + 1\" ! raw.write path=o.bin"
    );
    let arguments = [
        "run",
        "--resumable",
        "-q",
        "--restart",
        "1000",
        "--capacity",
        "64",
        "--step",
        "4",
        "--workers",
        "3",
        "-e",
        &line,
    ];
    let resumed = kill_and_resume(&site, &arguments, 150_000, kills());
    println!("resumed {resumed} times");
    assert!(resumed > 0, "nobody was killed in time");
    let expected: Vec<u8> = (0..items as i64)
        .flat_map(|n| (3 * n + 1).to_le_bytes())
        .collect();
    assert!(site.read("o.bin") == expected, "not the same bytes");
    site.assert_clean();
}

#[test]
fn a_graph_of_many_operators_goes_on_where_its_coordinator_was_killed() {
    let files = |killing: bool| {
        let site = Site::new();
        site.write("g.toml", same_bytes::GRAPH);
        let arguments = [
            "run",
            "--resumable",
            "-q",
            "--restart",
            "1000",
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
        match killing {
            true => assert!(kill_and_resume(&site, &arguments, 150_000, 8) > 0),
            false => drop(site.run(&arguments).expect(0)),
        }
        site.assert_clean();
        same_bytes::FILES.map(|file| site.read(file))
    };
    let (disturbed, undisturbed) = (files(true), files(false));
    for ((name, a), b) in same_bytes::FILES.iter().zip(disturbed).zip(undisturbed) {
        assert!(a == b, "{name} differs");
    }
}

/// A file to a file, slowly: there is always something left to do.
const SLOW: [&str; 8] = [
    "run",
    "--resumable",
    "--workers",
    "2",
    "--capacity",
    "16",
    "-e",
    "csv.read path=in.csv columns=[v] rate=1.0 ! throttle rate=1000 ! csv.write path=o.csv",
];

fn slow_site(rows: usize) -> Site {
    let site = Site::new();
    let rows: String = (0..rows).map(|n| format!("{n}.5\n")).collect();
    site.write("in.csv", format!("v\n{rows}"));
    site
}

/// The values of a table of one column.
fn values(text: &str) -> Vec<&str> {
    text.lines().skip(1).collect()
}

#[test]
fn a_file_goes_on_into_a_file_from_another_folder() {
    let site = slow_site(2000);
    let run = killed(&site, &SLOW, 2);
    let over_input = ["resume", &run.name, "--report", "in.csv"];
    site.run(&over_input)
        .expect(2)
        .says(&["--report", "in.csv is a file of agent"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = site.thalweg(&["resume", &run.name, "--json", "--report", "r.json"]);
    command.current_dir(elsewhere.path());
    let report = site.finish(command).expect(0).json();
    for edge in report["edges"].as_array().unwrap() {
        assert_eq!(edge["written"], 2000, "{edge}");
        assert_eq!(edge["read"], 2000, "{edge}");
    }
    assert!(elsewhere.path().join("r.json").exists());
    assert_eq!(
        values(&site.read_text("o.csv")),
        values(&site.read_text("in.csv"))
    );
    site.assert_clean();
}

#[test]
fn a_graph_file_that_has_changed_or_gone_does_not_matter() {
    let site = slow_site(1000);
    let text = "agents.a = { op = \"csv.read\", path = \"in.csv\", columns = [\"v\"], rate = 1.0 }\n\
                agents.t = { op = \"throttle\", in = \"a\", rate = 1000.0 }\n\
                agents.o = { op = \"csv.write\", in = \"t\", path = \"wrong.csv\" }\n";
    fs::create_dir(site.path("sub")).unwrap();
    fs::rename(site.path("in.csv"), site.path("sub/in.csv")).unwrap();
    site.write("sub/g.toml", text);
    let arguments = [
        "run",
        "--resumable",
        "--workers",
        "2",
        "--set",
        "o.path=\"o.csv\"",
        "sub/g.toml",
    ];
    let run = killed(&site, &arguments, 2);
    fs::remove_file(site.path("sub/g.toml")).unwrap();
    run.resume(&[]).wait().expect(0).says(&["done after"]);
    assert_eq!(
        values(&site.read_text("sub/o.csv")),
        values(&site.read_text("sub/in.csv"))
    );
    assert!(!site.path("sub/wrong.csv").exists());
    site.assert_clean();
}

#[test]
fn a_folder_or_an_input_that_is_gone_is_refused_and_mended() {
    let site = slow_site(1000);
    fs::create_dir(site.path("sub")).unwrap();
    fs::rename(site.path("in.csv"), site.path("sub/in.csv")).unwrap();
    let mut command = site.thalweg(&SLOW);
    command.current_dir(site.path("sub"));
    let going = site.start(command);
    let run = Resumable {
        site: &site,
        name: site.run_name(0),
    };
    until("output", || site.path("sub/o.csv").exists());
    kill(going);
    fs::rename(site.path("sub"), site.path("elsewhere")).unwrap();
    run.refuses(&["folder", "sub", "No such file"]);
    fs::rename(site.path("elsewhere"), site.path("sub")).unwrap();
    fs::rename(site.path("sub/in.csv"), site.path("sub/aside.csv")).unwrap();
    run.resume(&[]).wait().expect(2).says(&["in.csv"]);
    fs::rename(site.path("sub/aside.csv"), site.path("sub/in.csv")).unwrap();
    run.resume(&[]).wait().expect(0);
    assert_eq!(
        values(&site.read_text("sub/o.csv")),
        values(&site.read_text("sub/in.csv"))
    );
    site.assert_clean();
}

#[test]
fn a_resumed_run_drains_when_it_is_told_to() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let report = run.resume(&["--for", "200ms", "--json"]).wait().expect(0);
    let report = report.says(&["stopped and drained"]).json();
    let n = values(&site.read_text("o.csv")).len();
    assert!(n > 0);
    for edge in report["edges"].as_array().unwrap() {
        assert_eq!(edge["written"], n, "{edge}");
    }
    site.assert_clean();
}

#[test]
fn workers_die_with_the_coordinator_and_the_segment_stays() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    assert_eq!(site.segments().len(), 1);
    let table = site.run(&["ps"]).expect(0).stdout;
    assert!(table.contains("resumable"), "{table}");
    let list = site.run(&["ps", "--json"]).expect(0).json();
    assert_eq!(list[0]["alive"], false);
    assert_eq!(list[0]["resumable"], true);
    // Neither a sweep nor the start of another run takes it away.
    let kept = site.run(&["clean"]).expect(0);
    assert_eq!(kept.stdout, "nothing to remove\n");
    kept.says(&["kept run", &format!("thalweg resume {}", run.name)]);
    site.run(&["run", "-q", "-e", "counter items=5 ! null"])
        .expect(0);
    assert!(run.can_be_resumed());
    assert_eq!(site.segments().len(), 1);
    site.run(&["stop", &run.name])
        .expect(2)
        .says(&["dead already", "thalweg resume"]);
    let removed = site.run(&["clean", "--all"]).expect(0);
    assert!(removed.stdout.contains(&run.name), "{}", removed.stdout);
    site.assert_clean();
}

#[test]
fn a_name_that_can_be_resumed_is_not_given_to_another_run() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let mut command = site.program(crate::site::THALWEG);
    command.args(["run", "--name", &run.name, "-e", "counter items=5 ! null"]);
    site.finish(command)
        .expect(3)
        .says(&["can be resumed", "thalweg resume"]);
    run.clean();
}

#[test]
fn a_living_run_is_not_resumed() {
    let site = slow_site(1_000_000);
    let going = site.start_run(&SLOW, 2);
    let run = Resumable {
        site: &site,
        name: site.run_name(0),
    };
    run.refuses(&["is going on", &going.pid().to_string()]);
    site.run(&["clean", &run.name])
        .expect(3)
        .says(&["is going on"]);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn of_two_that_resume_at_once_one_wins() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let mut both = [run.resume(&[]), run.resume(&[])];
    until("a loser", || both.iter_mut().any(Going::is_over));
    let [mut one, mut other] = both;
    if other.is_over() {
        std::mem::swap(&mut one, &mut other);
    }
    one.wait().expect(3).says(&["is going on"]);
    until("workers", || site.workers().len() == 2);
    other.signal(Signal::SIGTERM);
    other.wait().expect(0).says(&["stopped and drained"]);
    site.assert_clean();
}

#[test]
fn what_cannot_be_resumed_is_refused_in_words() {
    let site = Site::new();
    site.run(&["resume", "nobody"])
        .expect(2)
        .says(&["no run named `nobody`"]);
    site.run(&["resume", "../evil"]).expect(2);
    site.run(&["clean", "nobody"]).expect(2);
    // Dead, and not resumable: coordinator and warden were killed.
    let arguments = ["run", "--workers", "2", "-e", "counter ! null"];
    let going = site.start_run(&arguments, 2);
    let name = site.run_name(0);
    nix::sys::signal::kill(site.warden(), Signal::SIGKILL).unwrap();
    kill(going);
    site.run(&["resume", &name])
        .expect(3)
        .says(&["cannot be resumed", "--resumable"]);
    site.run(&["clean"]).expect(0);
    site.assert_clean();
    let inside = ["run", "--resumable", "--in-process", "-e", "counter ! null"];
    site.run(&inside).expect(2);
}

#[test]
fn a_segment_that_is_gone_or_cut_is_refused() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let aside = site.path("aside");
    fs::copy(run.segment(), &aside).unwrap();
    let len = fs::metadata(run.segment()).unwrap().len();
    for cut in [0, 1, 4095, 4096, len - 4096, len - 1, len + 1, len + 4096] {
        let file = OpenOptions::new().write(true).open(run.segment()).unwrap();
        file.set_len(cut).unwrap();
        run.refuses(&["bytes"]);
    }
    let file = OpenOptions::new().write(true).open(run.segment()).unwrap();
    file.set_len(len).unwrap();
    run.refuses(&["has holes"]);
    fs::remove_file(run.segment()).unwrap();
    run.refuses(&["does not exist"]);
    std::os::unix::fs::symlink(&aside, run.segment()).unwrap();
    run.refuses(&["segment"]);
    run.clean();
}

#[test]
fn a_segment_whose_header_is_damaged_is_refused() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let file = open(&run.segment());
    // Magic, version, length, hash, name, check.
    for at in [384, 391, 392, 395, 400, 408, 415, 416, 480, 487] {
        let byte = flip(&file, at);
        run.refuses(&["segment", &run.name]);
        file.write_at(&[byte], at).unwrap();
    }
    for byte in [0, 0xff] {
        let mut page = [0; 4096];
        file.read_exact_at(&mut page, 0).unwrap();
        file.write_all_at(&[byte; 4096], 0).unwrap();
        run.refuses(&["does not begin as a run's segment does"]);
        file.write_all_at(&page, 0).unwrap();
    }
    run.resume(&["--for", "100ms"]).wait().expect(0);
    site.assert_clean();
}

#[test]
fn another_graph_s_segment_is_refused() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let mut other = SLOW;
    other[7] =
        "csv.read path=in.csv columns=[v] rate=1.0 ! throttle rate=1000 ! csv.write path=p.csv";
    let going = site.start_run(&other, 2);
    let theirs = format!("/dev/shm/thalweg.{}", site.run_name(1));
    fs::copy(theirs, run.segment()).unwrap();
    run.refuses(&[&format!("belongs to run `{}`", site.run_name(1))]);
    going.signal(Signal::SIGTERM);
    going.wait().expect(0);
    run.clean();
}

#[test]
fn a_recipe_that_does_not_fit_is_refused() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let kept = fs::read_to_string(run.file("recipe")).unwrap();
    for (from, to, words) in [
        ("capacity 16", "capacity 17", "planned then: stream"),
        ("worker w0", "worker w9", "planned then: worker w9"),
        ("thalweg 0", "thalweg 9", "planned then: thalweg 9"),
        ("in.csv", "on.csv", "on.csv"),
        ("{", "", ".recipe"),
    ] {
        let changed = kept.replacen(from, to, 1);
        assert_ne!(changed, kept);
        fs::write(run.file("recipe"), changed).unwrap();
        let ended = run.resume(&[]).wait().says(&[words]);
        assert!(matches!(ended.code, 2 | 3), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    fs::write(run.file("recipe"), kept).unwrap();
    run.resume(&["--for", "100ms"]).wait().expect(0);
    site.assert_clean();
}

#[test]
fn damaged_control_blocks_rings_and_positions_are_refused() {
    let site = slow_site(1_000_000);
    let run = killed(&site, &SLOW, 2);
    let file = open(&run.segment());
    let kept = fs::read_to_string(run.file("recipe")).unwrap();
    let block = place_of(&kept, "worker w0 at ");
    let ring = place_of(&kept, "stream csv_read of f64 at ");
    // The control block's sizes; the ring's magic, identity and check.
    for at in [block, block + 8, block + 16, block + 24] {
        let byte = flip(&file, at);
        run.refuses(&["control block of worker w0"]);
        file.write_at(&[byte], at).unwrap();
    }
    for at in [ring, ring + 8, ring + 32, ring + 248] {
        let byte = flip(&file, at);
        run.refuses(&["stream `csv_read`"]);
        file.write_at(&[byte], at).unwrap();
    }
    // Published beyond what was committed; given back beyond what was released; nonsense; a mode of
    // no meaning. Words of the ring's header: written at 256, consumed at 640, mode at 656.
    for (at, value) in [
        (ring + 256, 1 << 40),
        (ring + 256, u64::MAX),
        (ring + 640, 1 << 40),
        (ring + 656, 77),
    ] {
        let mut before = [0; 8];
        file.read_exact_at(&mut before, at).unwrap();
        file.write_all_at(&value.to_ne_bytes(), at).unwrap();
        run.refuses(&["positions are damaged", "stream `csv_read`"]);
        file.write_all_at(&before, at).unwrap();
    }
    // A flag of no meaning, in the first word of both records.
    let words = [block + 1536, block + 1536 + 128];
    let flags = words.map(|at| poke(&file, at, |flags| flags | 4));
    run.refuses(&["positions are damaged", "cannot have the flags"]);
    for (at, flags) in words.into_iter().zip(flags) {
        file.write_at(&[flags], at).unwrap();
    }
    // Both records: whatever version holds, its positions are nonsense.
    let mut before = vec![0; 512];
    file.read_exact_at(&mut before, block + 1536).unwrap();
    file.write_all_at(&[0xaa; 512], block + 1536).unwrap();
    run.refuses(&["positions are damaged"]);
    file.write_all_at(&before, block + 1536).unwrap();
    run.resume(&["--for", "100ms"]).wait().expect(0);
    site.assert_clean();
}

fn open(path: &std::path::Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).open(path).unwrap()
}

/// Turns the lowest bit over; gives the byte as it was.
fn flip(file: &File, at: u64) -> u8 {
    poke(file, at, |byte| byte ^ 1)
}

/// Changes a byte; gives it as it was.
fn poke(file: &File, at: u64, change: impl Fn(u8) -> u8) -> u8 {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[change(byte[0])], at).unwrap();
    byte[0]
}

/// Where a region begins, as the line of the shape says that starts so.
fn place_of(recipe: &str, line: &str) -> u64 {
    let (_, rest) = recipe.split_once(line).unwrap();
    rest.split_once("..").unwrap().0.parse().unwrap()
}
