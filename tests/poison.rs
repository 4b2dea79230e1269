//! Items that kill: named to the byte, or left out and told about.
//!
//! Forking needs a process with one thread, which a test harness is not, so this file has its own
//! `main`: it runs one case after the other and names the first that fails by panicking.

use std::path::Path;

use nix::sys::signal::{Signal, raise};
use serde_json::{Value as Json, json};
use thalweg::prelude::*;

fn main() {
    for (name, case) in CASES {
        // Dead letters go to the current directory.
        let folder = tempfile::tempdir().unwrap();
        std::env::set_current_dir(&folder).unwrap();
        case();
        std::env::set_current_dir("/").unwrap();
        println!("test {name} ... ok");
    }
}

const CASES: [(&str, fn()); 10] = [
    (
        "a_frame_is_named_by_its_place_and_skipped_alone",
        a_frame_is_named_by_its_place_and_skipped_alone,
    ),
    (
        "whatever_it_dies_of_the_item_is_named_to_the_byte",
        whatever_it_dies_of_the_item_is_named_to_the_byte,
    ),
    (
        "however_few_the_tries_the_item_is_the_right_one",
        however_few_the_tries_the_item_is_the_right_one,
    ),
    (
        "a_fault_leaves_signal_and_address",
        a_fault_leaves_signal_and_address,
    ),
    (
        "what_is_skipped_is_all_that_is_missing",
        what_is_skipped_is_all_that_is_missing,
    ),
    (
        "every_poisonous_item_is_skipped_once_while_the_worker_is_killed",
        every_poisonous_item_is_skipped_once_while_the_worker_is_killed,
    ),
    (
        "streams_taken_together_stay_in_step",
        streams_taken_together_stay_in_step,
    ),
    (
        "poison_in_a_row_is_skipped_item_by_item",
        poison_in_a_row_is_skipped_item_by_item,
    ),
    (
        "an_agent_that_says_why_it_cannot_go_on_skips_nothing",
        an_agent_that_says_why_it_cannot_go_on_skips_nothing,
    ),
    (
        "nothing_is_skipped_that_cannot_be_written_down",
        nothing_is_skipped_that_cannot_be_written_down,
    ),
];

const ITEMS: u64 = 5000;
/// The item that kills, by its place and by its value.
const PLACE: u64 = 777;
const POISON: u64 = 5 * PLACE;
/// The same in its bytes.
const BYTES: &str = "2d0f000000000000";

const OUT: &str = "out.raw";

#[derive(Clone, Copy, Debug)]
enum Death {
    Panic,
    Abort,
    Fault,
    Killed,
}

impl Death {
    const ALL: [Death; 4] = [Death::Panic, Death::Abort, Death::Fault, Death::Killed];

    fn die(self) {
        match self {
            Death::Panic => panic!("cannot stomach it"),
            Death::Abort => std::process::abort(),
            // SAFETY: none, on purpose: nothing is ever mapped there, so nothing is written.
            Death::Fault => unsafe {
                std::ptr::without_provenance_mut::<u8>(8).write_volatile(1);
            },
            Death::Killed => raise(Signal::SIGKILL).unwrap(),
        }
    }
}

/// Items through an agent that sums them up, and dies before it takes in one that `kills`.
fn flow(
    workers: usize,
    what: OnError,
    restart: u32,
    kills: impl Fn(u64) -> Option<Death> + 'static,
) -> Graph {
    let mut g = Graph::new("flow");
    let raw = g.source("raw", from_iter(|| 0..ITEMS).rate(1000.0));
    let fives = raw.map("fives", |x| 5 * x);
    let sums = fives.scan("sums", 0u64, move |sum, x| {
        *sum = sum.wrapping_mul(31).wrapping_add(x);
        if let Some(death) = kills(x) {
            death.die();
        }
        *sum
    });
    let sums = sums.on_error(what).restart(restart);
    let out = sums.write("out", ops::raw_write(OUT));
    match workers {
        1 => g.worker("one").host([&raw, &fives, &sums, &out]),
        _ => {
            g.worker("front").host([&raw, &fives]);
            g.worker("back").host([&sums, &out])
        }
    };
    g
}

/// What [`flow`] writes if the summing agent never sees some of its items.
fn plain(is_skipped: impl Fn(u64) -> bool) -> Vec<u64> {
    let items = (0..ITEMS).map(|x| 5 * x).filter(|x| !is_skipped(*x));
    let mut sum = 0u64;
    let sums = items.map(|x| {
        sum = sum.wrapping_mul(31).wrapping_add(x);
        sum
    });
    sums.collect()
}

fn written() -> Vec<u64> {
    let bytes = std::fs::read(OUT).unwrap();
    let items = bytes.chunks_exact(8);
    items
        .map(|b| u64::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn letters(graph: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(format!("{graph}.dead-letters.jsonl")).unwrap();
    let letters = text.lines().map(|line| serde_json::from_str(line).unwrap());
    letters.collect()
}

fn is_poison(x: u64) -> bool {
    x == POISON
}

fn whatever_it_dies_of_the_item_is_named_to_the_byte() {
    for death in Death::ALL {
        for workers in [1, 2] {
            let kills = move |x| is_poison(x).then_some(death);
            let error = flow(workers, OnError::Stop, 3, kills).run().unwrap_err();
            assert!(matches!(error, thalweg::Error::Failed(_)), "{error}");
            let words = error.to_string();
            let place = format!(
                "in agent `sums` at item {PLACE} of `fives` (u64 {POISON}, bytes {BYTES}), 4 times without getting on"
            );
            assert!(words.contains(&place), "{death:?}, {workers}: {words}");
        }
    }
}

fn however_few_the_tries_the_item_is_the_right_one() {
    for restart in [1, 2] {
        let kills = |x| is_poison(x).then_some(Death::Abort);
        let words = flow(2, OnError::Stop, restart, kills).run().unwrap_err();
        let words = words.to_string();
        let place = format!("at item {PLACE} of `fives` (u64 {POISON}");
        assert!(words.contains(&place), "{restart}: {words}");
    }
    let kills = |x| is_poison(x).then_some(Death::Abort);
    let words = flow(2, OnError::Stop, 0, kills).run().unwrap_err();
    // Nobody looked closer: it says so.
    assert!(words.to_string().contains("or a later one"), "{words}");
}

fn a_fault_leaves_signal_and_address() {
    let kills = |x| is_poison(x).then_some(Death::Fault);
    let words = flow(2, OnError::Stop, 1, kills).run().unwrap_err();
    let words = words.to_string();
    assert!(words.contains("was killed by SIGSEGV"), "{words}");
    assert!(words.contains("SIGSEGV at address 0x8"), "{words}");
}

fn what_is_skipped_is_all_that_is_missing() {
    for death in Death::ALL {
        for (workers, restart) in [(1, 3), (2, 3), (2, 1), (2, 0)] {
            let kills = move |x| is_poison(x).then_some(death);
            let report = flow(workers, OnError::Skip, restart, kills).run().unwrap();
            assert_eq!(report.skipped, 1, "{death:?}");
            let sums = report.agents.iter().find(|a| a.name == "sums").unwrap();
            assert_eq!((sums.skipped, sums.items_in), (1, ITEMS));
            assert!(written() == plain(is_poison), "{death:?}, {workers}");
            let letter = letters("flow").pop().unwrap();
            assert_eq!(
                [&letter["run"], &letter["agent"], &letter["stream"]],
                [&json!(report.run), &json!("sums"), &json!("fives")]
            );
            assert_eq!(
                [&letter["position"], &letter["type"], &letter["bytes"]],
                [&json!(PLACE), &json!("u64"), &json!(BYTES)]
            );
            assert_eq!(letter["value"], POISON);
            if let Death::Panic = death {
                let last = letter["last_words"].as_str().unwrap();
                assert!(last.contains("cannot stomach it"), "{last}");
            }
        }
    }
    // One letter a run, and later runs add theirs.
    assert_eq!(letters("flow").len(), 16);
}

fn every_poisonous_item_is_skipped_once_while_the_worker_is_killed() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = now.unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let is_poison = |x: u64| x % 5000 == 35;
    let kills = move |x: u64| {
        // Another number in every process: an item that kills one lets the next one live.
        let mixed = (x ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(std::process::id());
        let unlucky = (mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32).is_multiple_of(400);
        (is_poison(x) || unlucky).then_some(Death::Killed)
    };
    let report = flow(2, OnError::Skip, 6, kills).run().unwrap();
    let poisonous = (0..ITEMS).filter(|x| is_poison(5 * x)).count() as u64;
    assert_eq!(report.skipped, poisonous);
    assert!(report.restarts > 7 * poisonous, "nobody else was killed");
    assert!(written() == plain(is_poison));
    let values = letters("flow");
    let values = values.iter().map(|l| l["value"].as_u64().unwrap());
    let expected = (0..ITEMS).map(|x| 5 * x).filter(|x| is_poison(*x));
    assert!(values.eq(expected), "{:?}", letters("flow"));
}

fn streams_taken_together_stay_in_step() {
    let mut g = Graph::new("pairs");
    let a = g.source("a", from_iter(|| 0..ITEMS).rate(1000.0));
    let b = g.source("b", from_iter(|| 0..ITEMS).rate(1000.0));
    let pairs = a.zip(&b).map("pairs", |a, b| {
        if a == PLACE {
            Death::Abort.die();
        }
        // Out of step it would not be 0.
        (a - b) * ITEMS + a
    });
    let pairs = pairs.on_error(OnError::Skip);
    pairs.write("out", ops::raw_write(OUT));
    let report = g.run().unwrap();
    assert_eq!(report.skipped, 2, "one of each stream");
    assert!(written() == (0..ITEMS).filter(|x| *x != PLACE).collect::<Vec<u64>>());
    let letters = letters("pairs");
    let streams: Vec<&str> = letters
        .iter()
        .map(|l| l["stream"].as_str().unwrap())
        .collect();
    assert_eq!(streams, ["a", "b"]);
}

fn poison_in_a_row_is_skipped_item_by_item() {
    let row = |x: u64| (POISON..POISON + 50).contains(&x);
    let kills = move |x| row(x).then_some(Death::Abort);
    let report = flow(2, OnError::Skip, 1, kills).run().unwrap();
    assert_eq!(report.skipped, 10);
    assert!(written() == plain(row));
}

fn an_agent_that_says_why_it_cannot_go_on_skips_nothing() {
    let mut g = Graph::new("full");
    let raw = g.source("raw", from_iter(|| 0..ITEMS).rate(1000.0));
    let out = raw.write("out", ops::raw_write("/dev/full"));
    out.on_error(OnError::Skip);
    let words = g.run().unwrap_err().to_string();
    assert!(words.contains("/dev/full"), "{words}");
    assert!(!Path::new("full.dead-letters.jsonl").exists());
}

fn nothing_is_skipped_that_cannot_be_written_down() {
    std::fs::create_dir("flow.dead-letters.jsonl").unwrap();
    let kills = |x| is_poison(x).then_some(Death::Abort);
    let words = flow(2, OnError::Skip, 1, kills).run().unwrap_err();
    let words = words.to_string();
    assert!(words.contains("flow.dead-letters.jsonl"), "{words}");
    assert!(words.contains("nothing is skipped"), "{words}");
}

/// Texts through an agent that numbers them, and dies of one.
fn a_frame_is_named_by_its_place_and_skipped_alone() {
    let text = |n: u64| format!("text {n} {}", "x".repeat(n as usize % 50));
    for (death, what) in Death::ALL
        .into_iter()
        .zip([OnError::Stop, OnError::Skip].repeat(2))
    {
        let mut g = Graph::new("texts");
        let texts = g.text("texts", move |n| (n < ITEMS).then(|| text(n)));
        let numbered = texts.scan("numbered", 0u64, move |seen, x| {
            if x.starts_with("text 777 ") {
                death.die();
            }
            *seen += 1;
            format!("{seen} {x}")
        });
        let numbered = numbered.on_error(what);
        let out = numbered.write("out", op("text.write").set("path", "out.txt"));
        g.worker("front").host([&texts]);
        g.worker("back").host([&numbered, &out]);
        let ended = g.run();
        if let OnError::Stop = what {
            let words = ended.unwrap_err().to_string();
            let named = format!(
                "in agent `numbered` at item 777 of `texts` (text {:?}",
                text(777)
            );
            assert!(words.contains(&named), "{death:?}: {words}");
            continue;
        }
        let report = ended.unwrap();
        assert_eq!(report.skipped, 1, "{death:?}");
        let others = (0..ITEMS).filter(|n| *n != 777).zip(1..);
        let expected: String = others
            .map(|(n, seen)| format!("{seen} {}\n", text(n)))
            .collect();
        assert!(
            std::fs::read_to_string("out.txt").unwrap() == expected,
            "{death:?}"
        );
        let letter = letters("texts").pop().unwrap();
        assert_eq!(
            (&letter["position"], &letter["type"]),
            (&json!(777), &json!("text"))
        );
        assert_eq!(letter["value"], text(777));
    }
}
