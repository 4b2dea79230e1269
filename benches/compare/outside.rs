//! Contestants that are programs of their own: Thalweg's command, and rivals that answer line by line.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::contest::Figure;

/// A program that lies beside this one.
pub fn beside(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    this.with_file_name(name)
}

/// Runs a graph with Thalweg's command; its report.
pub fn report(args: &[&str]) -> Result<Value, String> {
    report_of(Command::new(beside("thalweg")), args)
}

/// As [`report`], of another program that has Thalweg's command line.
pub fn report_of(mut program: Command, args: &[&str]) -> Result<Value, String> {
    let output = program
        .args(["run", "--json", "-q"])
        .args(args)
        .output()
        .map_err(|e| format!("{}: {e}", program.get_program().display()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {words}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("report: {e}"))
}

/// Millions of items a second on the report's last stream, `each` numbers an item.
pub fn last_rate(report: &Value, each: f64) -> Result<f64, String> {
    let edges = report["edges"].as_array().ok_or("a report without edges")?;
    let rate = edges.last().and_then(|edge| edge["rate"].as_f64());
    Ok(rate.ok_or("a stream without a rate")? * each / 1e6)
}

/// A graph in one line, at the command's best: its rate at the end.
pub fn graph_rate(line: &str, args: &[&str], each: f64) -> Result<Figure, String> {
    let mut all = vec!["-e", line];
    all.extend(args);
    let rate = last_rate(&report(&all)?, each)?;
    Ok(Figure::new(rate, args.join(" ")))
}

/// A rival that answers `ITEMS_PER_SECOND<tab>SETTINGS` to each line; started when first asked.
#[derive(Clone)]
pub struct Server(Rc<RefCell<Inner>>);

struct Inner {
    command: Vec<String>,
    state: State,
}

enum State {
    Asleep,
    Awake {
        child: Child,
        input: ChildStdin,
        output: BufReader<ChildStdout>,
        version: String,
    },
    Broken(String),
}

impl Server {
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Server {
        let inner = Inner {
            command: command.into_iter().map(Into::into).collect(),
            state: State::Asleep,
        };
        Server(Rc::new(RefCell::new(inner)))
    }

    /// What it says of itself, if it was ever asked.
    pub fn version(&self) -> Option<String> {
        match &self.0.borrow().state {
            State::Awake { version, .. } => Some(version.clone()),
            State::Broken(why) => Some(format!("not there: {why}")),
            State::Asleep => None,
        }
    }

    /// A rate in millions of items a second.
    pub fn ask(&self, request: &str) -> Result<Figure, String> {
        let mut inner = self.0.borrow_mut();
        if matches!(inner.state, State::Asleep) {
            inner.state = start(&inner.command).unwrap_or_else(State::Broken);
        }
        let answer = match &mut inner.state {
            State::Awake { input, output, .. } => exchange(input, output, request),
            State::Broken(why) => Err(why.clone()),
            State::Asleep => unreachable!("started above"),
        };
        let answer = answer?;
        let (rate, settings) = answer.split_once('\t').ok_or_else(|| answer.clone())?;
        let rate: f64 = rate.parse().map_err(|_| settings.to_owned())?;
        Ok(Figure::new(rate / 1e6, settings))
    }
}

fn start(command: &[String]) -> Result<State, String> {
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("{}: {e}", command[0]))?;
    let input = child.stdin.take().expect("piped");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let version =
        read_line(&mut output).map_err(|_| format!("{} does not start", command.join(" ")));
    match version {
        Ok(version) => Ok(State::Awake {
            child,
            input,
            output,
            version,
        }),
        Err(why) => {
            let _ = child.wait();
            Err(why)
        }
    }
}

fn exchange(
    input: &mut ChildStdin,
    output: &mut BufReader<ChildStdout>,
    request: &str,
) -> Result<String, String> {
    writeln!(input, "{request}").map_err(|e| e.to_string())?;
    read_line(output)
}

fn read_line(output: &mut BufReader<ChildStdout>) -> Result<String, String> {
    let mut line = String::new();
    match output.read_line(&mut line) {
        Ok(0) => Err("it ended without an answer".to_owned()),
        Ok(_) => Ok(line.trim_end().to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let State::Awake {
            mut child, input, ..
        } = std::mem::replace(&mut self.state, State::Asleep)
        {
            // Its input's end is its own.
            drop(input);
            let _ = child.wait();
        }
    }
}

/// How long a program takes from the command to its end, and the report.
pub fn timed_report(args: &[&str]) -> Result<(Duration, Value), String> {
    let start = Instant::now();
    let report = report(args)?;
    Ok((start.elapsed(), report))
}

/// As [`graph_rate`], of a graph file's text.
pub fn text_rate(text: &str, args: &[&str]) -> Result<Figure, String> {
    let path = std::env::temp_dir().join(format!("compare-{}.toml", std::process::id()));
    let path = path
        .to_str()
        .ok_or("a temporary folder with a strange name")?;
    std::fs::write(path, text).map_err(|e| format!("{path}: {e}"))?;
    let mut all = vec![path];
    all.extend(args);
    let report = report(&all);
    std::fs::remove_file(path).map_err(|e| format!("{path}: {e}"))?;
    Ok(Figure::new(last_rate(&report?, 1.0)?, args.join(" ")))
}
