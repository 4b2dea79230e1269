//! Programs that bring their own graph, run for real: worker processes, closures, kills.
//!
//! Forking needs a process with one thread, which a test harness is not, so this file has its own
//! `main`: it runs one case after the other and names the first that fails by panicking.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use thalweg::prelude::*;

fn main() -> ExitCode {
    // This very program is one that brings its graph, when a case starts it so.
    if let Some(out) = std::env::var_os(OUT) {
        return thalweg::cli(slow(Path::new(&out)));
    }
    for (name, case) in CASES {
        case();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

const CASES: &[(&str, fn())] = &[
    (
        "a_program_goes_on_from_its_snapshot_when_all_else_is_gone",
        a_program_goes_on_from_its_snapshot_when_all_else_is_gone,
    ),
    (
        "closures_in_two_processes_give_what_plain_loops_give",
        closures_in_two_processes_give_what_plain_loops_give,
    ),
    (
        "a_killed_worker_changes_no_byte",
        a_killed_worker_changes_no_byte,
    ),
    (
        "what_was_collected_is_whole_though_its_worker_was_killed",
        what_was_collected_is_whole_though_its_worker_was_killed,
    ),
    (
        "maps_and_tables_survive_many_kills",
        maps_and_tables_survive_many_kills,
    ),
    (
        "a_state_that_outgrows_its_bound_ends_the_run_with_both_lengths",
        a_state_that_outgrows_its_bound_ends_the_run_with_both_lengths,
    ),
    (
        "a_program_feeds_and_reads_a_graph_whose_workers_are_killed",
        a_program_feeds_and_reads_a_graph_whose_workers_are_killed,
    ),
    (
        "texts_are_fed_and_read_though_their_workers_are_killed",
        texts_are_fed_and_read_though_their_workers_are_killed,
    ),
    (
        "a_started_run_tells_how_it_ended",
        a_started_run_tells_how_it_ended,
    ),
    (
        "a_started_run_that_is_dropped_leaves_no_process",
        a_started_run_that_is_dropped_leaves_no_process,
    ),
    (
        "joins_and_windows_that_remember_survive_a_kill",
        joins_and_windows_that_remember_survive_a_kill,
    ),
    (
        "a_process_that_an_agent_forks_has_no_part_of_the_segment",
        a_process_that_an_agent_forks_has_no_part_of_the_segment,
    ),
    (
        "a_program_with_a_second_thread_may_not_fork_workers",
        a_program_with_a_second_thread_may_not_fork_workers,
    ),
    (
        "a_worker_without_restarts_left_fails_the_run_by_its_name",
        a_worker_without_restarts_left_fails_the_run_by_its_name,
    ),
];

const ITEMS: u64 = 20_000;

/// Names the output of the graph that this program brings.
const OUT: &str = "THALWEG_TEST_OUT";

/// Running sums, in two processes, a few thousand a second.
fn slow(out: &Path) -> Graph {
    let mut g = Graph::new("slow");
    let x = g.source("x", ops::counter().items(3000));
    let paced = x.map("paced", |x| {
        std::thread::sleep(Duration::from_micros(300));
        x
    });
    let sums = paced.scan("sums", 0, |sum: &mut i64, x| {
        *sum += x;
        *sum
    });
    let end = sums.write("out", ops::raw_write(out.to_str().unwrap()));
    g.worker("back").host([&sums, &end]);
    g
}

fn a_program_goes_on_from_its_snapshot_when_all_else_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (out, kept) = (folder.path().join("out"), folder.path().join("s"));
    let program = |arguments: &[&str]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(arguments)
            .args(["--name", &format!("slow-{}", std::process::id())])
            .env(OUT, &out)
            .env("XDG_RUNTIME_DIR", folder.path())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let file = kept.to_str().unwrap();
    let mut first = program(&["run", "--snapshot", file, "--every", "20ms"]);
    while !std::fs::metadata(&out).is_ok_and(|m| m.len() > 800) || !kept.exists() {
        assert!(first.try_wait().unwrap().is_none(), "it ended too soon");
        std::thread::sleep(Duration::from_millis(2));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    // Its lock is free when the last of its processes has gone.
    let ended = loop {
        let ended = program(&["run", "-q", "--from", file])
            .wait_with_output()
            .unwrap();
        if !String::from_utf8_lossy(&ended.stderr).contains("is going on") {
            break ended;
        }
    };
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let bytes = std::fs::read(&out).unwrap();
    let sums = (0..3000i64).scan(0, |sum, x| {
        *sum += x;
        Some(*sum)
    });
    assert!(bytes == sums.flat_map(i64::to_le_bytes).collect::<Vec<u8>>());
    // The graph of a text is not this one's.
    let thalweg = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["run", "--from", file])
        .env("XDG_RUNTIME_DIR", folder.path())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&thalweg.stderr);
    assert_eq!(thalweg.status.code(), Some(3), "{words}");
    assert!(words.contains("built by a program"), "{words}");
}

fn closures_in_two_processes_give_what_plain_loops_give() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.raw");
    let report = flow(&out, None).run().unwrap();
    assert_eq!(report.workers.len(), 2);
    assert_eq!(written(&out), plain());
}

fn a_killed_worker_changes_no_byte() {
    for place in [Place::Source, Place::FlatMap, Place::Scan, Place::Window] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.raw");
        let trap = Trap {
            place,
            sprung: folder.path().join("sprung"),
        };
        let report = flow(&out, Some(&trap)).run().unwrap();
        assert_eq!(report.restarts, 1, "{place:?}");
        assert_eq!(written(&out), plain(), "{place:?}");
    }
}

fn what_was_collected_is_whole_though_its_worker_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let trap = Trap {
        place: Place::Window,
        sprung: folder.path().join("sprung"),
    };
    let mut g = Graph::new("kept");
    let x = g.source("x", ops::counter().items(ITEMS));
    let y = x.map("y", move |x| {
        if x == ITEMS as i64 / 2 {
            trap.spring();
        }
        2 * x
    });
    let kept = y.collect("kept");
    g.worker("brittle").host([&y, &kept]);
    assert_eq!(g.run().unwrap().restarts, 1);
    assert!(
        kept.items()
            .into_iter()
            .eq((0..ITEMS as i64).map(|x| 2 * x))
    );
}

/// Two agents that know how often each key came, one by a map and one by a table; their worker is killed
/// by the closures themselves, in the middle of steps.
fn maps_and_tables_survive_many_kills() {
    const KEYS: u64 = 5000;
    let key = |x: u64| x * x % KEYS;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.raw");
    let traps = folder.path().to_owned();
    // A place sprung once, each so many items; in the map and in the table at different ones.
    let spring = move |name: &str, x: u64, every: u64| {
        let sprung = traps.join(format!("{name}.{x}"));
        if x % every == every / 2 && File::create_new(sprung).is_ok() {
            die()
        }
    };
    let mut g = Graph::new("counts");
    let xs = g.source("xs", from_fn(|n| (n < ITEMS).then_some(n)));
    let xs = xs.capacity(512);
    let trap = spring.clone();
    let by_map = xs.scan_serde(
        "by_map",
        HashMap::<u64, (u32, String)>::new(),
        256 << 10,
        move |seen, x| {
            let (count, last) = seen.entry(key(x)).or_default();
            let before = std::mem::replace(last, x.to_string());
            *count += 1;
            trap("map", x, 1999);
            [u64::from(*count), before.len() as u64]
        },
    );
    let by_table = xs.scan_table("by_table", vec![0u64; KEYS as usize], move |seen, x| {
        let count = &mut seen[key(x) as usize];
        *count += 1;
        spring("table", x, 1777);
        *count
    });
    let both = by_map
        .zip(&by_table)
        .map("both", |[a, before], b| [a, before, b]);
    let end = both.write("out", ops::raw_write(out.to_str().unwrap()));
    g.worker("back").host([&both, &by_map, &by_table, &end]);
    let report = g.run().unwrap();
    assert_eq!(report.restarts, ITEMS / 1999 + ITEMS / 1777);

    let mut seen = HashMap::<u64, (u64, u64)>::new();
    let expected = (0..ITEMS).flat_map(|x| {
        let (count, last) = seen.entry(key(x)).or_default();
        *count += 1;
        [
            *count,
            std::mem::replace(last, x.to_string().len() as u64),
            *count,
        ]
    });
    assert!(written(&out).into_iter().eq(expected));
}

fn a_state_that_outgrows_its_bound_ends_the_run_with_both_lengths() {
    let mut g = Graph::new("growing");
    let x = g.source("x", ops::counter().items(1000));
    let all = x.scan_serde("all", Vec::new(), 300, |all, x| {
        all.push(x as u8);
        all.len() as u64
    });
    all.write("end", ops::null());
    let words = g.run().unwrap_err().to_string();
    for word in ["`all`", "its bound is 300", "larger bound"] {
        assert!(words.contains(word), "{words}");
    }
    let mut g = Graph::new("too large");
    let x = g.source("x", ops::counter().items(1000));
    x.with_serde(vec![0u8; 500], 300)
        .sink("all", |all, x| all.push(x as u8));
    let words = g.run().unwrap_err().to_string();
    for word in ["`all`", "502 bytes", "its bound is 300"] {
        assert!(words.contains(word), "{words}");
    }
}

/// Threads of the program at both ends, small rings, and a kill in each of three workers.
fn a_program_feeds_and_reads_a_graph_whose_workers_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let trap = |name: &str| Trap {
        place: Place::Source,
        sprung: folder.path().join(name),
    };
    let mut g = Graph::new("live");
    let (mut feed, x) = g.feed::<u64>("x", 100).unwrap();
    let deadly = |x: &Stream<u64>, name: &str, at: u64| {
        let trap = trap(name);
        x.map(name, move |x| {
            if x == at {
                trap.spring();
            }
            x
        })
    };
    let first = deadly(&x, "first", ITEMS / 4);
    let second = deadly(&first, "second", ITEMS / 2);
    let third = deadly(&second, "third", ITEMS / 4 * 3);
    let (queue, sink) = third.queue("out", 100).unwrap();
    g.worker("front").host([&x, &first]);
    g.worker("middle").host([&second]);
    g.worker("back").host([&third, &sink]);
    let running = g.start().unwrap();
    let feeder = std::thread::spawn(move || {
        for x in 0..ITEMS {
            feed.push(x).unwrap();
        }
    });
    assert!(queue.eq(0..ITEMS));
    feeder.join().unwrap();
    running.wait().unwrap();
    for name in ["first", "second", "third"] {
        assert!(folder.path().join(name).exists(), "{name} was not killed");
    }
}

/// As above, of texts: the worker of each end is killed.
fn texts_are_fed_and_read_though_their_workers_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let text = |n: u64| format!("{n} {}", "é".repeat(n as usize % 40));
    let mut g = Graph::new("letters");
    let (mut feed, x) = g.feed_text("x", 4096).unwrap();
    let deadly = |x: &Stream<Text>, name: &str, at: u64| {
        let trap = Trap {
            place: Place::Source,
            sprung: folder.path().join(name),
        };
        let fatal = text(at);
        x.filter(name, move |x| {
            if x == fatal {
                trap.spring();
            }
            true
        })
    };
    let first = deadly(&x, "first", 900);
    let second = deadly(&first, "second", 2100);
    let (queue, sink) = second.queue("out", 4096).unwrap();
    g.worker("front").host([&x, &first]);
    g.worker("back").host([&second]).host([&sink]);
    let running = g.start().unwrap();
    let feeder = std::thread::spawn(move || feed.extend((0..3000).map(text)).unwrap());
    assert!(queue.eq((0..3000).map(text)));
    feeder.join().unwrap();
    running.wait().unwrap();
    for name in ["first", "second"] {
        assert!(folder.path().join(name).exists(), "{name} was not killed");
    }

    let mut g = Graph::new("pieces");
    let (mut feed, x) = g.feed_bytes("x", 4096).unwrap();
    let (mut queue, _) = x
        .map("twice", |x| [x, x].concat())
        .queue("out", 4096)
        .unwrap();
    let running = g.start().unwrap();
    feed.push([1, 0]).unwrap();
    assert_eq!(queue.next(), Some(vec![1, 0, 1, 0]));
    drop(feed);
    assert_eq!(queue.next(), None);
    running.wait().unwrap();
}

fn a_started_run_tells_how_it_ended() {
    let mut g = Graph::new("told");
    g.source("x", ops::counter().items(10))
        .write("end", ops::null());
    g.start().unwrap().wait().unwrap();

    let mut g = Graph::new("mortal");
    let x = g.source("x", ops::counter().items(1000));
    let y = x.map("y", |x| if x == 500 { die() } else { x });
    let end = y.write("end", ops::null());
    g.worker("brittle").restart(0).host([&x, &y, &end]);
    let error = g.start().unwrap().wait().unwrap_err();
    assert!(matches!(error, thalweg::Error::Failed(_)), "{error}");
    assert!(error.to_string().contains("brittle"), "{error}");

    let mut g = Graph::new("endless");
    g.source("x", every(Duration::from_millis(1)))
        .write("end", ops::null());
    let running = g.start().unwrap();
    running.stop();
    running.wait().unwrap();
}

fn a_started_run_that_is_dropped_leaves_no_process() {
    let mut g = Graph::new("dropped");
    let (mut feed, x) = g.feed::<u64>("x", 10).unwrap();
    let (mut queue, _) = x.queue("out", 10).unwrap();
    let running = g.start().unwrap();
    feed.push(7).unwrap();
    assert_eq!(queue.next(), Some(7));
    drop(running);
    // The last process that held the run's life is gone when this returns.
    assert_eq!(queue.next(), None);
}

fn joins_and_windows_that_remember_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["turns", "times"];
    let outs = |run: &str| files.map(|file| folder.path().join(format!("{run}.{file}")));
    let undisturbed = outs("undisturbed");
    meeting(&undisturbed, None).run().unwrap();
    let expected = undisturbed.map(|path| std::fs::read(path).unwrap());
    assert!(expected.iter().all(|bytes| bytes.len() > 10_000));
    for place in [Place::Scan, Place::FlatMap, Place::Window] {
        let run = format!("{place:?}");
        let trap = Trap {
            place,
            sprung: folder.path().join(format!("{run}.sprung")),
        };
        let disturbed = outs(&run);
        let report = meeting(&disturbed, Some(&trap)).run().unwrap();
        assert_eq!(report.restarts, 1, "{run}");
        let found = disturbed.map(|path| std::fs::read(path).unwrap());
        assert!(found == expected, "{run}");
    }
}

fn a_process_that_an_agent_forks_has_no_part_of_the_segment() {
    let mut g = Graph::new("parent");
    let x = g.source("x", ops::counter().items(100));
    let y = x.window(4).step(4).map("y", |w: &[i64]| {
        if w[0] == 40 {
            // SAFETY: this process has one thread; the child touches one item and leaves.
            match unsafe { fork() }.unwrap() {
                ForkResult::Child => {
                    let there = std::hint::black_box(w)[0];
                    // SAFETY: leaves at once; what the parent has open is not its own to close.
                    unsafe { libc::_exit(there as i32) }
                }
                ForkResult::Parent { child } => {
                    let end = waitpid(child, None).unwrap();
                    assert!(
                        matches!(end, WaitStatus::Signaled(_, Signal::SIGSEGV, _)),
                        "{end:?}"
                    );
                }
            }
        }
        w[0]
    });
    let kept = y.collect("kept");
    g.worker("front").host([&x]);
    g.worker("back").restart(0).host([&y, &kept]);
    assert_eq!(g.run().unwrap().restarts, 0);
    assert!(kept.items().into_iter().eq((0..100).step_by(4)));
}

fn a_program_with_a_second_thread_may_not_fork_workers() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let second = std::thread::spawn(move || stopped.recv());
    let mut g = Graph::new("threads");
    let x = g.source("x", ops::counter().items(10));
    x.write("end", ops::null());
    let error = g.run().unwrap_err().to_string();
    assert!(error.contains("has 2 threads"), "{error}");
    drop(stop);
    assert!(second.join().unwrap().is_err());
}

fn a_worker_without_restarts_left_fails_the_run_by_its_name() {
    let mut g = Graph::new("mortal");
    let x = g.source("x", ops::counter().items(1000));
    let y = x.map("y", |x| match x {
        500 => die(),
        _ => x,
    });
    let end = y.write("end", ops::null());
    g.worker("brittle").restart(0).host([&x, &y, &end]);
    let error = g.run().unwrap_err();
    assert!(matches!(error, thalweg::Error::Failed(_)), "{error}");
    assert!(error.to_string().contains("brittle"), "{error}");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Source,
    FlatMap,
    Scan,
    Window,
}

/// Kills the worker that first comes to a place.
#[derive(Clone)]
struct Trap {
    place: Place,
    sprung: PathBuf,
}

impl Trap {
    /// Kills this process if it is the first one here.
    fn spring(&self) {
        if File::create_new(&self.sprung).is_ok() {
            die()
        }
    }
}

fn die() -> ! {
    raise(Signal::SIGKILL).unwrap();
    unreachable!("SIGKILL returns to nobody")
}

/// Springs the trap of this place where it is told that it is reached.
fn at(trap: Option<&Trap>, place: Place) -> impl Fn(bool) + 'static {
    let trap = trap.filter(|trap| trap.place == place).cloned();
    move |reached| {
        if reached && let Some(trap) = &trap {
            trap.spring();
        }
    }
}

/// A graph with a closure of each kind that keeps something, on two workers.
fn flow(out: &Path, trap: Option<&Trap>) -> Graph {
    let at = |place| at(trap, place);
    let mut g = Graph::new("flow");

    let reach = at(Place::Source);
    let raw = g.source("raw", from_iter(|| 0..ITEMS).rate(100.0));
    let passed = raw.map("passed", move |x| {
        reach(x == ITEMS / 2);
        x
    });
    let reach = at(Place::FlatMap);
    let many = passed.flat_map("many", move |x| {
        reach(x == ITEMS / 3);
        fan(x)
    });
    let reach = at(Place::Scan);
    let sums = many.scan("sums", 0u64, move |sum, x| {
        *sum = sum.wrapping_mul(31).wrapping_add(x);
        reach(x == ITEMS / 2);
        *sum
    });
    let reach = at(Place::Window);
    let mixed = sums.window(16).step(3).map("mixed", move |w| {
        let mixed = w.iter().fold(0u64, |mixed, x| mixed.rotate_left(7) ^ x);
        reach(mixed % 1000 == 7);
        mixed
    });
    let end = mixed.write("out", ops::raw_write(out.to_str().unwrap()));
    g.worker("front").host([&raw, &passed, &many]);
    g.worker("back").host([&sums, &mixed, &end]);
    g
}

/// Streams that part, are windowed with a memory and meet again, by turns and by time, on two workers.
fn meeting(outs: &[PathBuf; 2], trap: Option<&Trap>) -> Graph {
    let mut g = Graph::new("meeting");
    let raw = g.source("raw", from_iter(|| 0..ITEMS));
    let parts = raw.route("parts", 2, |x| usize::from(x % 3 == 0));
    let reach = at(trap, Place::Scan);
    let sums = parts[0].window(50).step(2).running(
        "sums",
        0u64,
        |sum, x| *sum += x,
        |sum, x| *sum -= x,
        move |sum| {
            reach(*sum > 25 * ITEMS);
            *sum
        },
    );
    let reach = at(trap, Place::FlatMap);
    let leaps = parts[1].striding("leaps", 9, 0u64, move |count, w: &[u64]| {
        *count += w[8];
        reach(w[0] == ITEMS / 2 / 3 * 3);
        (Some(*count), w[0] as usize % 4 + 1)
    });
    let turns = sums.weave_runs("turns", 3, [(&leaps, 2)]);
    let first = turns.write("out", ops::raw_write(outs[0].to_str().unwrap()));
    let stamp = |every: f64| {
        move |n: u64, value: u64| Timed {
            seconds: n as f64 * every,
            value,
        }
    };
    let early = raw.enumerate("early", stamp(0.01));
    let late = leaps.enumerate("late", stamp(0.03));
    let reach = at(trap, Place::Window);
    let seconds = early.timed_window(1.0).step(0.25).scan(
        "seconds",
        0u64,
        move |windows, [_, end], items| {
            *windows += 1;
            reach(*windows == 300);
            Timed {
                seconds: end,
                value: *windows * 1000 + items.len() as u64,
            }
        },
    );
    let times = timed_zip([&early, &late, &seconds]).map("times", |t, values| {
        let values = values.map(|value| value.unwrap_or(u64::MAX));
        values
            .iter()
            .fold(t.to_bits(), |mixed, x| mixed.rotate_left(9) ^ x)
    });
    let second = times.write("other", ops::raw_write(outs[1].to_str().unwrap()));
    g.worker("front")
        .host([&raw, &parts[0], &leaps, &early, &late]);
    g.worker("back")
        .host([&sums, &turns, &first, &seconds, &times, &second]);
    g
}

/// The same as [`flow`] without an engine.
fn plain() -> Vec<u64> {
    let mut sum = 0u64;
    let sums = (0..ITEMS).flat_map(fan).map(|x| {
        sum = sum.wrapping_mul(31).wrapping_add(x);
        sum
    });
    let sums: Vec<u64> = sums.collect();
    let windows = sums.windows(16).step_by(3);
    windows
        .map(|w| w.iter().fold(0u64, |mixed, x| mixed.rotate_left(7) ^ x))
        .collect()
}

fn fan(x: u64) -> impl Iterator<Item = u64> + 'static {
    (0..x % 5).map(move |k| x + k)
}

fn written(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    let items = bytes.chunks_exact(8);
    items
        .map(|b| u64::from_le_bytes(b.try_into().unwrap()))
        .collect()
}
