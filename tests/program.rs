//! Programs that bring their own graph, run for real: worker processes, closures, kills.
//!
//! Forking needs a process with one thread, which a test harness is not, so this file has its own
//! `main`: it runs one case after the other and names the first that fails by panicking.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, raise};
use thalweg::prelude::*;

fn main() {
    for (name, case) in CASES {
        case();
        println!("test {name} ... ok");
    }
}

const CASES: [(&str, fn()); 4] = [
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
        "a_worker_without_restarts_left_fails_the_run_by_its_name",
        a_worker_without_restarts_left_fails_the_run_by_its_name,
    ),
];

const ITEMS: u64 = 20_000;

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

/// A graph with a closure of each kind that keeps something, on two workers.
fn flow(out: &Path, trap: Option<&Trap>) -> Graph {
    let at = |place: Place| {
        let trap = trap.filter(|trap| trap.place == place).cloned();
        move |reached: bool| {
            if reached && let Some(trap) = &trap {
                trap.spring();
            }
        }
    };
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
