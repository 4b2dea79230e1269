//! Thalweg beside its rivals: the same work, on the same two cores, round by round in turn.
//!
//! ```text
//! benches/compare/run.sh [--quick] [--rounds N] [--json FILE] [PART OF A WORK'S NAME ..]
//! ```
//!
//! What is compared is in `works.rs`, one function a work. Each contestant runs once for warmth; then each round runs
//! ours and every rival once. The table has the medians, the median of the rounds' ratios, and their range; `!` marks a
//! ratio short of its reach. Rates are in millions of items a second, times in nanoseconds.

mod channels;
mod contest;
mod facts;
mod machine;
mod ours;
mod outside;
mod pinned;
mod small;
mod threads;
mod works;

use std::process::ExitCode;

use serde_json::json;

use contest::Row;
use pinned::Cores;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("compare: {why}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    quick: bool,
    rounds: usize,
    json: Option<String>,
    parts: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        quick: false,
        rounds: 0,
        json: None,
        parts: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--quick" => options.quick = true,
            "--rounds" => {
                options.rounds = value()?.parse().map_err(|e| format!("--rounds: {e}"))?;
            }
            "--json" => options.json = Some(value()?),
            other if other.starts_with('-') => return Err(format!("no option {other}")),
            _ => options.parts.push(word),
        }
    }
    if options.rounds == 0 {
        options.rounds = if options.quick { 3 } else { 5 };
    }
    Ok(options)
}

fn run() -> Result<(), String> {
    let options = options()?;
    let cores = Cores::first_two()?;
    let wanted = |name: &str| {
        options.parts.is_empty()
            || options
                .parts
                .iter()
                .any(|part| name.contains(part.as_str()))
    };
    let stamp = machine::stamp(cores);
    for (name, value) in stamp.as_object().into_iter().flatten() {
        println!("{name}: {}", value.as_str().unwrap_or_default());
    }
    println!("rounds: {}\n\n{}", options.rounds, Row::HEAD);
    let works = works::Works::new(cores, options.quick);
    let mut rows = Vec::new();
    for contest in works.all().into_iter().filter(|c| wanted(c.name)) {
        for row in contest.hold(options.rounds) {
            println!("{}", row.line());
            rows.push(row);
        }
    }
    let mut facts = Vec::new();
    for (name, find) in facts::all(cores, options.quick) {
        if wanted(name) {
            let fact = find().unwrap_or_else(|why| facts::Fact::missing(name, &why));
            println!("{}", fact.lines());
            facts.push(fact.json());
        }
    }
    println!("\nhow they were set:");
    for words in rows.iter().filter_map(Row::settings) {
        println!("  {words}");
    }
    let versions = works.versions();
    println!("versions: {}", versions.join("; "));
    if let Some(path) = options.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let all = json!({ "machine": stamp, "load_at_end": machine::load(), "versions": versions,
            "rounds": options.rounds, "rows": rows, "facts": facts });
        let text = serde_json::to_string_pretty(&all).expect("numbers and words");
        std::fs::write(&path, text + "\n").map_err(|e| format!("{path}: {e}"))?;
    }
    Ok(())
}
