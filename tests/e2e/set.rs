//! `thalweg set`: parameters of a run that goes on, with workers and coordinators killed meanwhile.

use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::site::{Random, Site, until};

const LINE: &str = "counter dtype=f64 ! pace:throttle rate=20000 ! gain:scale ! lift:scale ! raw.write path=out.f64";

/// The item that a line of `set` says: `gain.factor=2 from item 1234 of its input on`.
fn since(line: &str) -> u64 {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "item").unwrap();
    words.next().unwrap().parse().unwrap()
}

impl Site {
    fn numbers(&self, name: &str) -> Vec<f64> {
        let bytes = self.read(name);
        let numbers = bytes.chunks_exact(8);
        numbers
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }

    /// Sets these, and gives the items they hold from.
    fn set(&self, run: &str, sets: &[&str]) -> Vec<u64> {
        let arguments = [&["set", run], sets].concat();
        let ended = self.run(&arguments).expect(0);
        let lines: Vec<u64> = ended.stdout.lines().map(since).collect();
        assert_eq!(lines.len(), sets.len(), "{}", ended.stdout);
        lines
    }
}

/// The n-th item is n times the factor that held there, plus its offset.
fn check(items: &[f64], orders: &[(u64, f64, f64)]) {
    let mut holding = (1.0, 0.0);
    let mut next = orders.iter().peekable();
    for (n, &found) in items.iter().enumerate() {
        while let Some((_, factor, offset)) = next.next_if(|order| order.0 <= n as u64) {
            holding = (*factor, *offset);
        }
        assert_eq!(
            found,
            n as f64 * holding.0 + holding.1,
            "item {n} of {orders:?}"
        );
    }
}

#[test]
fn values_hold_from_the_item_that_is_said_whoever_is_killed() {
    turned_and_killed(LINE);
}

#[test]
fn numbers_of_an_expression_hold_from_the_item_that_is_said_whoever_is_killed() {
    turned_and_killed(
        "counter dtype=f64 ! throttle rate=20000 ! gain:map expr=\"factor * x + offset\" live={factor=1, offset=0} \
         ! scan next=\"x\" ! raw.write path=out.f64",
    );
}

/// The factor and the offset of `gain` are turned, and workers killed meanwhile.
fn turned_and_killed(line: &str) {
    let site = Site::new();
    let mut random = Random::seeded();
    let going = site.start_run(
        &[
            "run",
            "-q",
            "--workers",
            "2",
            "--restart",
            "100000",
            "-e",
            line,
        ],
        2,
    );
    let run = site.run_name(0);
    let mut orders = Vec::new();
    for nth in 1..=25 {
        if nth % 2 == 0 {
            for (pid, _) in site.workers() {
                if random.below(2) == 0 {
                    // It may be gone by now.
                    let _ = kill(pid, Signal::SIGKILL);
                }
            }
        }
        let (factor, offset) = (nth as f64 + 1.0, -(nth as f64) / 2.0);
        let sets = [
            format!("gain.factor={factor}"),
            format!("gain.offset={offset}"),
        ];
        let said = site.set(&run, &[&sets[0], &sets[1]]);
        assert_eq!(said[0], said[1], "one order, one step");
        orders.push((said[0], factor, offset));
        thread::sleep(Duration::from_millis(random.below(15)));
    }
    site.run(&["stop", &run]).expect(0);
    going.wait().expect(0);
    let items = site.numbers("out.f64");
    assert!(
        items.len() as u64 >= orders[24].0,
        "{} items, {orders:?}",
        items.len()
    );
    check(&items, &orders);
    site.assert_clean();
}

#[test]
fn a_resumed_run_goes_on_with_what_was_set() {
    let site = Site::new();
    let arguments = ["run", "-q", "--resumable", "--workers", "2", "-e", LINE];
    let going = site.start_run(&arguments, 2);
    let run = site.run_name(0);
    until("the recipe", || {
        site.path(&format!("runtime/thalweg/{run}.recipe")).exists()
    });
    let first = site.set(&run, &["gain.factor=3"]);
    going.signal(Signal::SIGKILL);
    assert_eq!(going.wait().code, 128 + 9);
    until("the end of all processes", || {
        site.run(&["ps"]).stdout.contains("resumable")
    });
    let resumed = site.start(site.thalweg(&["resume", "-q", &run]));
    until("the resumed run's own word in its file", || {
        site.run(&["set", &run]).code == 0
    });
    let second = site.set(&run, &["gain.offset=7"]);
    site.run(&["stop", &run]).expect(0);
    resumed.wait().expect(0);
    check(
        &site.numbers("out.f64"),
        &[(first[0], 3.0, 0.0), (second[0], 3.0, 7.0)],
    );
    site.assert_clean();
}

#[test]
fn a_run_from_a_snapshot_goes_on_with_what_was_set_before_it() {
    let site = Site::new();
    let going = site.start_run(&["run", "-q", "--workers", "2", "-e", LINE], 2);
    let run = site.run_name(0);
    let first = site.set(&run, &["gain.factor=3"]);
    site.run(&["snapshot", &run, "s.snap"]).expect(0);
    going.signal(Signal::SIGKILL);
    assert_eq!(going.wait().code, 128 + 9);
    until("the end of all processes", || {
        site.processes("thalweg").is_empty()
    });
    site.run(&["clean", "--all"]).expect(0);
    let again = site.start_run(&["run", "-q", "--from", "s.snap"], 2);
    let second = site.set(&site.run_name(1), &["gain.offset=7"]);
    site.run(&["stop", &site.run_name(1)]).expect(0);
    again.wait().expect(0);
    check(
        &site.numbers("out.f64"),
        &[(first[0], 3.0, 0.0), (second[0], 3.0, 7.0)],
    );
    site.assert_clean();
}

#[test]
fn two_at_once_are_both_heard_and_the_report_tells_of_it() {
    let site = Site::new();
    let arguments = ["run", "--json", "--workers", "1", "-e", LINE];
    let going = site.start_run(&arguments, 1);
    let run = site.run_name(0);
    let both: Vec<_> = [
        ["gain.factor=2", "pace.rate=30_000"],
        ["lift.factor=5", "lift.offset=1"],
    ]
    .iter()
    .map(|sets| site.start(site.thalweg(&["set", &run, sets[0], sets[1]])))
    .collect();
    let said: Vec<String> = both
        .into_iter()
        .map(|set| set.wait().expect(0).stdout)
        .collect();
    let listed = site.run(&["ps", "--json"]).expect(0).json();
    let live = listed[0]["live"].as_array().unwrap();
    let gain = live.iter().find(|p| p["name"] == "gain.factor").unwrap();
    assert_eq!(
        (gain["built"].as_f64(), gain["value"].as_f64()),
        (Some(1.0), Some(2.0))
    );
    site.run(&["stop", &run]).expect(0);
    let report = going.wait().expect(0).json();
    let agents = report["agents"].as_array().unwrap();
    let set = |name: &str| &agents.iter().find(|agent| agent["name"] == name).unwrap()["set"];
    let factor = &set("gain")[0];
    assert_eq!(
        (factor["param"].as_str(), factor["value"].as_f64()),
        (Some("factor"), Some(2.0))
    );
    assert_eq!(factor["since"].as_u64(), said[0].lines().next().map(since));
    assert_eq!(set("lift").as_array().unwrap().len(), 2);
    assert_eq!(set("pace")[0]["value"], 30_000.0);
    site.assert_clean();
}

#[test]
fn what_cannot_be_set_is_refused() {
    let site = Site::new();
    site.run(&["set", "nobody", "gain.factor=1"])
        .expect(2)
        .says(&["no run named `nobody`"]);
    let going = site.start_run(&["run", "-q", "--workers", "1", "-e", LINE], 1);
    let run = site.run_name(0);
    let listed = site.run(&["set", &run]).expect(0).stdout;
    assert!(
        listed.contains("gain.factor=1 (scale; any number)\n"),
        "{listed}"
    );
    for (set, words) in [
        ("gain.fctor=1", "did you mean `factor`?"),
        ("gian.factor=1", "did you mean `gain`?"),
        ("counter.start=1", "cannot be changed while the run goes on"),
        ("pace.rate=-1", "must be above 0 Hz"),
        ("gain.factor=loud", "should be a finite number"),
    ] {
        site.run(&["set", &run, set]).expect(2).says(&[words]);
    }
    site.run(&["set", &run, "gain.factor=5", "gain.factor=6"])
        .expect(2)
        .says(&["set the same parameter"]);
    let since = site.set(&run, &["pace.rate=30 kHz"])[0];
    let listed = site.run(&["set", &run]).expect(0).stdout;
    let now =
        format!("pace.rate=30000 (throttle; above 0 Hz), since item {since}; built as 20000\n");
    assert!(listed.contains(&now), "{listed}");
    site.run(&["stop", &run]).expect(0);
    going.wait().expect(0);
    let items = site.numbers("out.f64");
    check(&items, &[]);
    site.assert_clean();
}

#[test]
fn a_turned_tone_goes_on_where_it_was_whoever_is_killed() {
    const RATE: f64 = 10_000.0;
    let site = Site::new();
    let mut random = Random::seeded();
    let line =
        format!("tone:sine freq=100 rate={RATE} ! throttle rate=20000 ! raw.write path=out.f64");
    let going = site.start_mortal(&line, 2);
    let run = site.run_name(0);
    let mut orders = vec![(0, 100.0)];
    for freq in [250.5, -33.0, 0.0, 1234.5678, 100.0] {
        let (pid, _) = &site.workers()[0];
        if random.below(2) == 0 {
            // It may be gone by now.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        let said = site.set(&run, &[&format!("tone.freq={freq}")]);
        orders.push((said[0], freq));
        thread::sleep(Duration::from_millis(10 + random.below(15)));
    }
    site.run(&["stop", &run]).expect(0);
    going.wait().expect(0);
    let items = site.numbers("out.f64");
    assert!(items.len() as u64 > orders[5].0);
    let mut turns = 0.0;
    for (n, &found) in items.iter().enumerate() {
        let expected = (std::f64::consts::TAU * turns).sin();
        assert!(
            (found - expected).abs() < 1e-9,
            "item {n}: {found}, {orders:?}"
        );
        let holds = orders.iter().rfind(|order| order.0 <= n as u64).unwrap();
        turns = (turns + holds.1 / RATE).fract();
    }
    site.assert_clean();
}
