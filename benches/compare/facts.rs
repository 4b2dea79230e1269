//! What is measured without a rival: starting, idling, waking.

use serde_json::{Value, json};

use crate::ours::ring_wakes;
use crate::outside::{report, timed_report};
use crate::pinned::Cores;

/// A few named numbers.
pub struct Fact {
    name: &'static str,
    lines: Vec<String>,
    values: Value,
}

impl Fact {
    pub fn missing(name: &'static str, why: &str) -> Fact {
        Fact {
            name,
            lines: vec![format!("not measured: {why}")],
            values: json!({ "not_measured": why }),
        }
    }

    pub fn lines(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| format!("{:<25}{line}", self.name));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub fn json(&self) -> Value {
        json!({ "name": self.name, "values": self.values })
    }
}

/// Finds a fact out.
pub type Find = Box<dyn FnOnce() -> Result<Fact, String>>;

pub fn all(cores: Cores, quick: bool) -> Vec<(&'static str, Find)> {
    vec![
        ("start", Box::new(move || start(quick))),
        ("idle", Box::new(idle)),
        ("wake", Box::new(move || wake(cores, quick))),
    ]
}

/// From the command to the first item at a sink, and to the end of a run of one item.
fn start(quick: bool) -> Result<Fact, String> {
    let mut sizes: Vec<(usize, usize)> = vec![
        (2, 1),
        (1, 1),
        (4, 4),
        (16, 16),
        (64, 64),
        (2, 10),
        (2, 100),
    ];
    if !quick {
        sizes.extend([(2, 1000), (2, 10_000)]);
    }
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for (workers, agents) in sizes {
        let middle = " ! copy".repeat(agents);
        let line = format!("counter items=1{middle} ! null");
        let workers_word = workers.to_string();
        let rounds = if agents > 100 { 1 } else { 5 };
        let mut first = Vec::new();
        let mut whole = Vec::new();
        for _ in 0..rounds {
            let (time, report) = timed_report(&["-e", &line, "--workers", &workers_word])?;
            let seconds = report["first_item_seconds"]
                .as_f64()
                .ok_or("no first item")?;
            first.push(seconds * 1e3);
            whole.push(time.as_secs_f64() * 1e3);
        }
        let (first, whole) = (middle_of(first), middle_of(whole));
        lines.push(format!(
            "{workers} workers, {} agents: first item after {first:.1} ms, the whole command {whole:.1} ms",
            agents + 2
        ));
        values.push(json!({ "workers": workers, "agents": agents + 2, "first_item_ms": first, "command_ms": whole }));
    }
    Ok(Fact {
        name: "start",
        lines,
        values: Value::Array(values),
    })
}

/// What a graph costs that has nothing to do.
fn idle() -> Result<Fact, String> {
    let line = "counter rate=1 ! throttle rate=1 ! copy ! null";
    let report = report(&["-e", line, "--workers", "2", "--for", "3s"])?;
    let seconds = report["seconds"].as_f64().ok_or("no seconds")?;
    let workers = report["workers"].as_array().ok_or("no workers")?;
    let cpu: f64 = workers
        .iter()
        .filter_map(|w| w["cpu_seconds"].as_f64())
        .sum();
    Ok(Fact {
        name: "idle",
        lines: vec![format!(
            "two workers, an item a second: {:.2} % of a core",
            100.0 * cpu / seconds
        )],
        values: json!({ "share_of_a_core": cpu / seconds }),
    })
}

/// From a push to the return of a pop that slept.
fn wake(cores: Cores, quick: bool) -> Result<Fact, String> {
    let wakes = if quick { 100 } else { 1000 };
    let mut times = ring_wakes(cores, wakes, std::time::Duration::from_millis(1));
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    Ok(Fact {
        name: "wake",
        lines: vec![format!(
            "from the futex, an item a millisecond: p50 {:.1} us, p99 {:.1} us",
            at(0.5),
            at(0.99)
        )],
        values: json!({ "p50_us": at(0.5), "p99_us": at(0.99) }),
    })
}

fn middle_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
