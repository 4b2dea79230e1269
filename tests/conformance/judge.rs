//! Runs a case in every way that must not show, and compares what comes out.

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};
use thalweg::plan::Options;
use thalweg::prelude::*;
use thalweg::run::Wanted;

use crate::vector::{Json, Vector};

/// How Thalweg does what a vector has recorded.
pub struct Case {
    /// The vectors it is for.
    pub vectors: &'static [&'static str],
    /// In Rust, in a graph file, or neither.
    pub form: Form,
    /// What is right, where what was recorded is not.
    pub instead: Option<Instead>,
}

/// What does the work.
pub enum Form {
    /// A program.
    Rust(fn(&Vector, &mut Graph) -> Kept),
    /// A graph file's agents between the streams that are read and those that are written.
    File(fn(&Vector) -> GraphFile),
    /// What is no stream: a data structure, a refusal.
    Plain(fn(&Vector) -> Vec<(String, Value)>),
}

/// What is right instead of what was recorded, and why.
pub struct Instead {
    /// One sentence.
    pub why: &'static str,
    /// The outputs.
    pub right: fn(&Vector) -> Vec<(String, Value)>,
}

/// A case for these vectors in Rust.
pub const fn rust(vectors: &'static [&'static str], form: fn(&Vector, &mut Graph) -> Kept) -> Case {
    Case {
        vectors,
        form: Form::Rust(form),
        instead: None,
    }
}

/// A case for these vectors by a graph file.
pub const fn file(vectors: &'static [&'static str], form: fn(&Vector) -> GraphFile) -> Case {
    Case {
        vectors,
        form: Form::File(form),
        instead: None,
    }
}

/// A case for these vectors that runs what it needs itself.
pub const fn plain(
    vectors: &'static [&'static str],
    form: fn(&Vector) -> Vec<(String, Value)>,
) -> Case {
    Case {
        vectors,
        form: Form::Plain(form),
        instead: None,
    }
}

impl Case {
    /// What is right instead of what was recorded.
    pub const fn instead(
        self,
        why: &'static str,
        right: fn(&Vector) -> Vec<(String, Value)>,
    ) -> Case {
        let instead = Some(Instead { why, right });
        Case { instead, ..self }
    }

    /// What is wrong with it, if anything is.
    pub fn judge(&self, vector: &Vector) -> Result<(), String> {
        let right: Map<String, Value> = match &self.instead {
            None => vector.recorded(),
            Some(instead) => (instead.right)(vector).into_iter().collect(),
        };
        let compared =
            |way: &str, found: Vec<(String, Value)>| match vector.difference(&right, &found) {
                None => Ok(()),
                Some(difference) => Err(format!("{way}: {difference}{}", self.because())),
            };
        match self.form {
            Form::Plain(form) => compared("plain", caught(|| form(vector))?),
            Form::File(form) => compared("graph file", caught(|| form(vector).run())?),
            Form::Rust(form) => WAYS.iter().try_for_each(|(way, wanted)| {
                let found = caught(|| run(vector, form, &wanted()))?;
                compared(way, found)
            }),
        }
    }

    fn because(&self) -> String {
        let why = self.instead.as_ref().map(|instead| instead.why);
        why.map_or(String::new(), |why| format!("; {why}"))
    }
}

/// A panic of a case is its failure.
fn caught<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        text.unwrap_or("panicked").to_owned()
    })
}

type Way = (&'static str, fn() -> Wanted);

/// None of these may show.
const WAYS: &[Way] = &[
    ("in one process", || wanted(true, None, None)),
    ("in steps of one item", || wanted(true, Some(1), None)),
    ("in three workers", || wanted(false, Some(2), Some(3))),
];

fn wanted(in_process: bool, step: Option<usize>, workers: Option<usize>) -> Wanted {
    Wanted {
        options: Options {
            in_process,
            step,
            workers,
            ..Options::default()
        },
        ..Wanted::default()
    }
}

fn run(
    vector: &Vector,
    form: fn(&Vector, &mut Graph) -> Kept,
    wanted: &Wanted,
) -> Vec<(String, Value)> {
    let mut graph = Graph::new(&vector.name);
    let kept = form(vector, &mut graph);
    if let Err(error) = graph.run_with(wanted) {
        panic!("{error}");
    }
    kept.read()
}

/// The outputs of a program, to be read when it has run.
#[derive(Default)]
pub struct Kept {
    outputs: Vec<(String, Read)>,
}

type Read = Box<dyn Fn() -> Value>;

impl Kept {
    /// One output.
    pub fn one<T: Item + Json>(name: &str, stream: &Stream<T>) -> Kept {
        Kept::default().and(name, stream)
    }

    /// One output whose items are `json` of the stream's.
    pub fn one_as<T: Item>(name: &str, stream: &Stream<T>, json: fn(T) -> Value) -> Kept {
        Kept::default().and_as(name, stream, json)
    }

    /// One more.
    pub fn and<T: Item + Json>(self, name: &str, stream: &Stream<T>) -> Kept {
        self.and_as(name, stream, T::json)
    }

    /// One more, whose items are `json` of the stream's.
    pub fn and_as<T: Item>(self, name: &str, stream: &Stream<T>, json: fn(T) -> Value) -> Kept {
        let collected = stream.collect(&format!("keep-{name}"));
        self.and_read(name, move || {
            collected.items().into_iter().map(json).collect()
        })
    }

    /// An output that is read otherwise.
    pub fn and_read(mut self, name: &str, read: impl Fn() -> Value + 'static) -> Kept {
        self.outputs.push((name.to_owned(), Box::new(read)));
        self
    }

    fn read(&self) -> Vec<(String, Value)> {
        let outputs = self.outputs.iter();
        outputs.map(|(name, read)| (name.clone(), read())).collect()
    }
}

/// A graph file: the agents of `middle`, between `x.csv` for each stream read and `y.csv` for each written.
pub struct GraphFile {
    reads: Vec<(String, String, String)>,
    middle: String,
    writes: Vec<Written>,
}

/// An output: what is written as its rows.
struct Written {
    output: String,
    /// The streams, as `in` has them.
    streams: String,
    /// The lengths of the lists that a row's cells are; a row of one cell is a number without them.
    lists: Vec<usize>,
}

impl GraphFile {
    /// These agents; `[agents.NAME]` tables that read what [`GraphFile::reads`] names.
    pub fn of(middle: &str) -> GraphFile {
        GraphFile {
            reads: Vec::new(),
            middle: middle.to_owned(),
            writes: Vec::new(),
        }
    }

    /// A stream of the vector that the agents read, by its name.
    pub fn reads<T: Item + Json>(mut self, vector: &Vector, stream: &str) -> GraphFile {
        let item_type = T::item_type();
        let width = item_type.elements().map_or(1, |(_, width)| width);
        let header: Vec<String> = (0..width).map(|i| format!("c{i}")).collect();
        let mut rows = header.join(",") + "\n";
        for item in vector.fed::<T>(stream) {
            let cells = item.json();
            let cells = cells.as_array().cloned().unwrap_or_else(|| vec![cells]);
            let cells: Vec<String> = cells.iter().map(Value::to_string).collect();
            writeln!(rows, "{}", cells.join(",")).unwrap();
        }
        let scalar = item_type.elements().unwrap().0;
        let vector = if width > 1 { "as = \"vector\"\n" } else { "" };
        let agent = format!(
            "[agents.{stream}]\nop = \"csv.read\"\npath = \"{stream}.csv\"\ndtype = \"{scalar}\"\n{vector}\n"
        );
        self.reads.push((stream.to_owned(), rows, agent));
        self
    }

    /// A stream that is compared with the output of this name.
    pub fn writes(self, output: &str, stream: &str) -> GraphFile {
        self.writes_lists(output, &[stream], &[])
    }

    /// Streams side by side that are compared with an output whose items are a list of lists of these lengths, or
    /// one list.
    pub fn writes_lists(mut self, output: &str, streams: &[&str], lists: &[usize]) -> GraphFile {
        self.writes.push(Written {
            output: output.to_owned(),
            streams: format!("{streams:?}"),
            lists: lists.to_vec(),
        });
        self
    }

    fn run(&self) -> Vec<(String, Value)> {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for (stream, rows, agent) in &self.reads {
            fs::write(folder.path().join(format!("{stream}.csv")), rows).unwrap();
            text += agent;
        }
        text += &self.middle;
        for Written {
            output, streams, ..
        } in &self.writes
        {
            write!(
                text,
                "\n[agents.write-{output}]\nop = \"csv.write\"\nin = {streams}\npath = \"out-{output}.csv\"\n"
            )
            .unwrap();
        }
        let graph = folder.path().join("graph.toml");
        fs::write(&graph, &text).unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_thalweg"))
            .args(["run", "-q"])
            .arg(&graph)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{words}\n{text}");
        let outputs = self.writes.iter();
        outputs
            .map(|Written { output, lists, .. }| {
                let path = folder.path().join(format!("out-{output}.csv"));
                (output.clone(), written(&path, lists))
            })
            .collect()
    }
}

/// The rows of a CSV file: a number each, a list, or a list of lists.
fn written(path: &Path, lists: &[usize]) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1).map(|row| {
        let cells: Vec<Value> = row.split(',').map(cell).collect();
        match (&cells[..], lists) {
            ([one], []) => one.clone(),
            (_, [] | [_]) => Value::Array(cells),
            (mut rest, _) => lists
                .iter()
                .map(|len| {
                    let (list, others) = rest.split_at(*len);
                    rest = others;
                    Value::from(list)
                })
                .collect(),
        }
    });
    rows.collect()
}

fn cell(text: &str) -> Value {
    let number: f64 = text
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} is no number"));
    serde_json::json!(number)
}
