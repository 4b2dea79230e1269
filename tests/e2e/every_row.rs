//! Every row of the operator table under `thalweg chaos`: its example, made longer, its neighbours in other
//! workers, ends in a file, and that comes out the same whoever is killed. A new row is among them by itself.
//!
//! `THALWEG_CHAOS_KILLS` sets the kills of each graph of some twenty rows (10 here).

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use thalweg::worker::op::{Arity, OpDef, ParamKind};
use thalweg::worker::operators;

use crate::site::Site;

/// Where examples find their files.
const HERE: &str = env!("CARGO_MANIFEST_DIR");
/// Rows in a graph.
const ROWS: usize = 20;
/// What sources of an example give here, if they say how much they give.
const ITEMS: u64 = 4_000;

/// What a graph of them may take beyond the patience that every command has.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rows that have nothing to compare, with what docs/reliability.md says of them.
const WITHOUT_FILES: &[(&str, &str)] = &[
    ("drain", "what has arrived"),
    ("merge", "arrival order"),
    ("null", "writes no file"),
    ("print", "writes no file"),
];
/// Rows that `chaos` refuses.
const SOCKETS: &[&str] = &[
    "tcp.read",
    "tcp.write",
    "udp.read",
    "udp.write",
    "unix.read",
    "unix.write",
];

/// The text cut at a character that stands in no quotes and no brackets.
fn cut(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut quote, mut depth) = (vec![String::new()], None, 0);
    for c in text.chars() {
        match c {
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            '[' | '{' | '(' if quote.is_none() => depth += 1,
            ']' | '}' | ')' if quote.is_none() => depth -= 1,
            _ => {}
        }
        match c == at && quote.is_none() && depth == 0 {
            true => parts.push(String::new()),
            false => parts.last_mut().unwrap().push(c),
        }
    }
    let whole = parts.iter().map(|part| part.trim().to_owned());
    whole.filter(|part| !part.is_empty()).collect()
}

/// An agent of an example.
struct Stage {
    label: Option<String>,
    op: &'static OpDef,
    keys: Vec<(String, String)>,
}

fn stage(text: &str) -> Stage {
    let mut words = cut(text, ' ').into_iter();
    let head = words.next().unwrap();
    let (label, op) = match head.split_once(':') {
        Some((label, op)) => (Some(label.to_owned()), op.to_owned()),
        None => (None, head),
    };
    let key = |word: String| {
        let (key, value) = word.split_once('=').unwrap();
        (key.to_owned(), value.to_owned())
    };
    Stage {
        label,
        op: operators::find(&op).unwrap_or_else(|| panic!("{text}: no operator {op}")),
        keys: words.map(key).collect(),
    }
}

/// An example as part of a graph: chains of agents whose names no other example has.
struct Example {
    row: &'static OpDef,
    nth: usize,
    files: Vec<String>,
}

impl Example {
    fn of(row: &'static OpDef, nth: usize) -> (String, Vec<String>) {
        let mut example = Example {
            row,
            nth,
            files: Vec::new(),
        };
        let chains: Vec<String> = cut(row.example, ';')
            .iter()
            .map(|chain| example.chain(chain))
            .collect();
        (chains.join(" ; "), example.files)
    }

    fn chain(&mut self, text: &str) -> String {
        let mut chain: Vec<String> = Vec::new();
        for text in cut(text, '!') {
            let stage = stage(&text);
            if !chain.is_empty() && stage.op.name == self.row.name {
                chain.push("copy".to_owned());
            }
            chain.push(self.written(stage));
        }
        chain.join(" ! ")
    }

    fn written(&mut self, mut stage: Stage) -> String {
        let is_sink = matches!(stage.op.name, "null" | "print") && stage.op.name != self.row.name;
        if is_sink {
            stage.keys.retain(|(key, _)| key == "in");
            stage.op = operators::find("csv.write").unwrap();
            stage.keys.push(("path".to_owned(), "-".to_owned()));
        }
        let label = stage.label.map(|label| format!("{}:", self.named(&label)));
        let mut text = label.unwrap_or_default() + stage.op.name;
        for (key, value) in &stage.keys {
            let param = stage.op.params.iter().find(|param| param.name == key);
            let is_output = param.is_some_and(|param| param.kind == ParamKind::WritePath);
            let value = match key.as_str() {
                "in" => self.inputs(value),
                // Its time is a clock's.
                "items" if stage.op.inputs == Arity::Source && self.row.name != "throttle" => {
                    value.parse::<u64>().unwrap().max(ITEMS).to_string()
                }
                _ if is_output => {
                    let file = format!("{}-{}", self.named("o"), self.files.len());
                    self.files.push(file.clone());
                    file
                }
                _ => value.clone(),
            };
            text += &format!(" {key}={value}");
        }
        text
    }

    fn named(&self, label: &str) -> String {
        format!("r{}{label}", self.nth)
    }

    fn inputs(&self, value: &str) -> String {
        match value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
            None => self.named(value),
            Some(list) => {
                let all: Vec<String> = list.split(',').map(|s| self.named(s.trim())).collect();
                format!("[{}]", all.join(", "))
            }
        }
    }
}

fn rows() -> impl Iterator<Item = &'static OpDef> {
    let table = operators::table().iter().copied();
    table.filter(|row| !SOCKETS.contains(&row.name))
}

#[test]
fn kills_change_no_byte_of_any_operator() {
    let kills = std::env::var("THALWEG_CHAOS_KILLS").unwrap_or("10".to_owned());
    let all: Vec<&OpDef> = rows().collect();
    for rows in all.chunks(ROWS) {
        let site = Site::new();
        std::fs::create_dir(site.path("tmp")).unwrap();
        let examples = rows.iter().enumerate();
        let examples: Vec<_> = examples.map(|(nth, row)| Example::of(row, nth)).collect();
        let lines: Vec<&str> = examples.iter().map(|(line, _)| line.as_str()).collect();
        let line = lines.join(" ; ");
        let arguments = [
            "chaos",
            "--json",
            "--kills",
            &kills,
            "--workers",
            "4",
            "--step",
            "64",
            "-e",
            &line,
        ];
        let mut command = site.thalweg(&arguments);
        command.env("TMPDIR", site.path("tmp"));
        command.current_dir(HERE);
        let mut going = site.start(command);
        // Each is several runs of a hundred agents, which a busy machine may take longer for than for any command.
        let began = Instant::now();
        while !going.is_over() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
        let ended = going.wait();
        println!("{line}\n{}", ended.stderr);
        let outcome = ended.expect(0).json();
        assert_eq!(outcome["identical"], true);
        assert_eq!(outcome["kills"].to_string(), kills);
        let sinks = outcome["sinks"].as_array().unwrap();
        let compared: BTreeSet<&str> = sinks.iter().map(|s| s["file"].as_str().unwrap()).collect();
        for (row, (_, files)) in rows.iter().zip(&examples) {
            let is_compared = files.iter().any(|file| compared.contains(file.as_str()));
            let excused = WITHOUT_FILES.iter().any(|(name, _)| *name == row.name);
            assert!(
                is_compared != excused,
                "{}: compared: {is_compared}",
                row.name
            );
            let touched = files
                .iter()
                .find(|file| Path::new(HERE).join(file).exists());
            assert_eq!(touched, None, "{}", row.name);
        }
        site.assert_clean();
    }
}

#[test]
fn sockets_are_refused_in_a_sentence() {
    let site = Site::new();
    for name in SOCKETS {
        let row = operators::find(name).unwrap();
        let line = row.example.replace("! print", "! csv.write path=o.csv");
        let words = ["sends to another program", "can be read once only"];
        let ended = site.run(&["chaos", "-e", &line]).expect(2);
        let said = words.iter().any(|words| ended.stderr.contains(words));
        assert!(said, "{name}: {}", ended.stderr);
    }
    site.assert_clean();
}

#[test]
fn the_documentation_names_the_rows_that_cannot_be_compared() {
    let text = include_str!("../../docs/reliability.md");
    for (name, why) in WITHOUT_FILES {
        let line = text.lines().find(|line| {
            line.starts_with("* ") && line.contains(&format!("`{name}`")) && line.contains(why)
        });
        assert!(line.is_some(), "{name}: {why}");
    }
}
