//! Runs a case in every way that must not show, and compares what comes out.

use std::fmt::Write as _;
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

/// A graph file: the agents of `middle`, between a file for each stream read and one for each written.
pub struct GraphFile {
    reads: Vec<FileRead>,
    middle: String,
    writes: Vec<Written>,
}

/// A file that is read, and the agent that does.
struct FileRead {
    name: String,
    text: String,
    agent: String,
}

/// An output: what is written as its rows.
struct Written {
    output: String,
    /// The streams, as `in` has them.
    streams: String,
    form: Rows,
}

/// What rows of a CSV file, or lines of JSON, are as an output.
enum Rows {
    /// Each a number, or lists of these lengths: one list is the row, several are its elements.
    Lists(Vec<usize>),
    /// What this makes of all of them.
    Csv(fn(Vec<Vec<Value>>) -> Value),
    /// Each line what this makes of it.
    Json(fn(&Value) -> Value),
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
    pub fn reads<T: Item + Json>(self, vector: &Vector, stream: &str) -> GraphFile {
        self.reads_items(stream, vector.fed::<T>(stream))
    }

    /// A stream of these items that the agents read.
    pub fn reads_items<T: Item + Json>(mut self, stream: &str, items: Vec<T>) -> GraphFile {
        let item_type = T::item_type();
        let (scalar, width) = item_type.elements().unwrap();
        let header: Vec<String> = (0..width).map(|i| format!("c{i}")).collect();
        let mut text = header.join(",") + "\n";
        for item in items {
            let cells = item.json();
            let cells = cells.as_array().cloned().unwrap_or_else(|| vec![cells]);
            let cells: Vec<String> = cells.iter().map(written_cell).collect();
            writeln!(text, "{}", cells.join(",")).unwrap();
        }
        let vector = if width > 1 { "as = \"vector\"\n" } else { "" };
        self.reads.push(FileRead {
            name: format!("{stream}.csv"),
            text,
            agent: format!(
                "[agents.{stream}]\nop = \"csv.read\"\npath = \"{stream}.csv\"\ndtype = \"{scalar}\"\n{vector}\n"
            ),
        });
        self
    }

    /// A stream of these texts that the agents read.
    pub fn reads_texts(mut self, stream: &str, texts: Vec<Value>) -> GraphFile {
        let lines = texts
            .iter()
            .map(|text| text.as_str().unwrap().to_owned() + "\n");
        self.reads.push(FileRead {
            name: format!("{stream}.txt"),
            text: lines.collect(),
            agent: format!("[agents.{stream}]\nop = \"text.read\"\npath = \"{stream}.txt\"\n\n"),
        });
        self
    }

    /// A stream that is compared with the output of this name.
    pub fn writes(self, output: &str, stream: &str) -> GraphFile {
        self.writes_lists(output, &[stream], &[])
    }

    /// Streams side by side that are compared with an output whose items are a list of lists of these lengths, or
    /// one list.
    pub fn writes_lists(self, output: &str, streams: &[&str], lists: &[usize]) -> GraphFile {
        self.written(output, format!("{streams:?}"), Rows::Lists(lists.to_vec()))
    }

    /// Streams side by side that are compared as what `read` makes of their rows.
    pub fn writes_rows(
        self,
        output: &str,
        streams: &[&str],
        read: fn(Vec<Vec<Value>>) -> Value,
    ) -> GraphFile {
        self.written(output, format!("{streams:?}"), Rows::Csv(read))
    }

    /// A stream of JSON, each of whose lines is compared as what `read` makes of it.
    pub fn writes_json(self, output: &str, stream: &str, read: fn(&Value) -> Value) -> GraphFile {
        self.written(output, format!("{stream:?}"), Rows::Json(read))
    }

    fn written(mut self, output: &str, streams: String, form: Rows) -> GraphFile {
        let output = output.to_owned();
        self.writes.push(Written {
            output,
            streams,
            form,
        });
        self
    }

    fn run(&self) -> Vec<(String, Value)> {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for read in &self.reads {
            fs::write(folder.path().join(&read.name), &read.text).unwrap();
            text += &read.agent;
        }
        text += &self.middle;
        for written in &self.writes {
            text += &written.agent();
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
            .map(|written| (written.output.clone(), written.read(folder.path())))
            .collect()
    }
}

impl Written {
    fn agent(&self) -> String {
        let Written {
            output, streams, ..
        } = self;
        let op = match self.form {
            Rows::Json(_) => "text.write",
            Rows::Lists(_) | Rows::Csv(_) => "csv.write",
        };
        format!(
            "\n[agents.write-{output}]\nop = \"{op}\"\nin = {streams}\npath = \"out-{output}\"\n"
        )
    }

    fn read(&self, folder: &Path) -> Value {
        let text = fs::read_to_string(folder.join(format!("out-{}", self.output))).unwrap();
        let rows = || text.lines().skip(1).map(|row| row.split(',').map(cell));
        match &self.form {
            Rows::Lists(lists) => rows().map(|row| in_lists(row.collect(), lists)).collect(),
            Rows::Csv(read) => read(rows().map(Iterator::collect).collect()),
            Rows::Json(read) => {
                let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
                lines.map(|line| read(&line)).collect()
            }
        }
    }
}

/// A row's cells: a number, a list, or a list of lists.
fn in_lists(cells: Vec<Value>, lists: &[usize]) -> Value {
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
}

/// A number as a file has it; what is missing is a NaN.
fn written_cell(value: &Value) -> String {
    if value.is_null() {
        "nan".to_owned()
    } else {
        value.to_string()
    }
}

/// A cell that was written: a number, `null` for a NaN, or a text.
fn cell(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) => serde_json::json!(number),
        Err(_) => serde_json::json!(text),
    }
}
