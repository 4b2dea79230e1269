//! Where figures were taken: a figure without it says nothing.

use std::fs::read_to_string;
use std::process::Command;

use serde_json::{Value, json};

use crate::ours::ByHand;
use crate::pinned::Cores;

pub fn stamp(cores: Cores) -> Value {
    json!({
        "processor": processor(),
        "cores": format!("{} and {} of {}", cores.giver, cores.taker, online()),
        "ping-pong": format!("{:.0} ns one way", ping_pong(cores)),
        "kernel": line_of("/proc/sys/kernel/osrelease"),
        "date": said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "load": load(),
        "thalweg": said_by("git", &["describe", "--always", "--dirty"]),
        "rustc": said_by("rustc", &["--version"]),
    })
}

/// How many processes want to run, over one, five and fifteen minutes.
pub fn load() -> String {
    let words = line_of("/proc/loadavg");
    words.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Nanoseconds one way between the two cores, by two bare cache lines.
pub fn ping_pong(cores: Cores) -> f64 {
    const BOUNCES: u64 = 100_000;
    ByHand::bounces(cores, BOUNCES).as_secs_f64() * 1e9 / (2 * BOUNCES) as f64
}

fn processor() -> String {
    let text = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(": ")?.1.to_owned())
    };
    let family = field("cpu family").unwrap_or_default();
    let model = field("model\t").unwrap_or_default();
    let name = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{name}, family {family} model {model}")
}

fn online() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn line_of(path: &str) -> String {
    read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn said_by(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
