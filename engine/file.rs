//! The graph file: TOML text to a [`GraphDecl`], every key and value with its place.
//!
//! The file is read once, whole, and never waited for: a pipe, a device or a folder under its name is
//! refused. Syntax is judged first; then every key, so that one look shows all that is wrong.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::compose;
use crate::decl::{At, GraphDecl, SourceText, Span};
use crate::diag::{Diagnostic, Refused, why};
use crate::include;
use crate::keys::{self, Node, NodeValue};
use crate::resolve;

/// The longest graph file that is read, in bytes.
pub const LONGEST: u64 = 16 << 20;

const TOP_KEYS: [&str; 6] = ["name", "include", "workers", "agents", "streams", "graphs"];

/// Reads the graph file at `path`; `-` is standard input. Relative paths inside it start from its folder.
///
/// # Errors
/// What cannot be read (no such file, no regular file, longer than [`LONGEST`], not UTF-8), what is no
/// TOML, and every key and value that a graph file does not have.
pub fn load_file(path: &str) -> Result<GraphDecl, Refused> {
    if path == "-" {
        let text = contents(&mut io::stdin().lock()).map_err(|why| unreadable("<stdin>", &why))?;
        return parse(text, "<stdin>", "stdin", PathBuf::new());
    }
    let text = read_regular(Path::new(path)).map_err(|why| unreadable(path, &why))?;
    let stem = Path::new(path).file_stem().unwrap_or_default();
    let base = Path::new(path).parent().unwrap_or(Path::new(""));
    parse(text, path, &stem.to_string_lossy(), base.to_owned())
}

/// Reads a graph from the text of a file. `name` is how messages call it, `stem` the graph's name where
/// the text gives none, `base` the folder that relative paths start from.
///
/// # Errors
/// As [`load_file`], but for reading it.
pub fn parse(text: String, name: &str, stem: &str, base: PathBuf) -> Result<GraphDecl, Refused> {
    parse_with(text, name, stem, base, &read_regular)
}

/// As [`parse`]; `read` gives the text of an included file, or says why there is none.
pub(crate) fn parse_with(
    text: String,
    name: &str,
    stem: &str,
    base: PathBuf,
    read: include::Read<'_>,
) -> Result<GraphDecl, Refused> {
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    let source = SourceText::new(name, text);
    let root = match root(&source.text) {
        Ok(root) => root,
        Err(mut found) => {
            if let (Some(first), Some(reader)) = (found.first_mut(), resolve::reader_of(name)) {
                first.help = Some(format!(
                    "a graph file is wanted; `{reader}` reads such data"
                ));
            }
            return Err(Refused {
                diagnostics: found,
                source: Some(source),
            });
        }
    };
    let mut graph = GraphDecl {
        name: as_name(stem),
        source: Some(source),
        base,
        ..GraphDecl::default()
    };
    let (mut found, mut included) = (Vec::new(), Vec::new());
    top(&mut graph, root, &mut included, &mut found);
    include::all(&mut graph, included, read, &mut found);
    Refused::unless_empty(found, &graph.source)?;
    Ok(graph)
}

/// The table that a TOML text is.
///
/// # Errors
/// What is wrong with it, in the order of the text.
pub(crate) fn root(text: &str) -> Result<Node, Vec<Diagnostic>> {
    if let Some(at) = text.find('\0') {
        let refusal = Diagnostic::new("no TOML: a NUL character").at(at..at + 1, "here");
        return Err(vec![refusal]);
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut found = no_toml(&errors, text);
    if found.is_empty() {
        return Ok(node(root.span(), DeValue::Table(root.into_inner())));
    }
    found.sort_by_key(Diagnostic::place);
    Err(found)
}

fn top(
    graph: &mut GraphDecl,
    root: Node,
    included: &mut Vec<At<String>>,
    found: &mut Vec<Diagnostic>,
) {
    for (key, value) in keys::entries("graph", root, found) {
        match key.value.as_str() {
            "name" => match value.value {
                NodeValue::Text(name) if is_name(&name) => graph.name = name,
                _ => found.push(bad_name(&value)),
            },
            "include" => match include::paths(&value) {
                Ok(paths) => included.extend(paths),
                Err(refusal) => found.push(refusal),
            },
            "agents" => {
                for (name, value) in keys::entries("agents", value, found) {
                    graph.agents.push(keys::agent(name, value, found));
                }
            }
            "workers" => {
                for (name, value) in keys::entries("workers", value, found) {
                    graph.workers.push(keys::worker(name, value, found));
                }
            }
            "streams" => {
                for (name, value) in keys::entries("streams", value, found) {
                    graph.streams.extend(keys::streams(name, value, found));
                }
            }
            "graphs" => {
                for (name, value) in keys::entries("graphs", value, found) {
                    let composite = compose::declare(name, value, found);
                    graph.composites.push(composite);
                }
            }
            _ => found.push(keys::unknown_key("a graph file", &key, &TOP_KEYS)),
        }
    }
}

/// A graph's name is part of its run's name: letters, digits, `_`, `-`, `.`, at most 64 of them.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with(['.', '-'])
}

fn bad_name(value: &Node) -> Diagnostic {
    Diagnostic::new(format!(
        "`name` is {}, and should be 1 to 64 letters, digits, `_`, `-` or `.`, the first a letter, a digit or `_`",
        value.describe()
    ))
    .at(value.span.clone(), "no name for a graph")
}

/// A file's stem as a graph's name: what a name cannot have becomes `_`.
fn as_name(stem: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = stem
        .chars()
        .take(64)
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    match name.chars().next() {
        None => "graph".to_owned(),
        Some('.' | '-') => format!("_{}", &name[1..]),
        Some(_) => name,
    }
}

/// What is wrong with the text, of each line the first, and of a table that was there before its header alone.
fn no_toml(errors: &[toml::de::Error], text: &str) -> Vec<Diagnostic> {
    let mut lines = HashSet::new();
    let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
    let line_of = |error: &toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        ends.partition_point(|end| *end < start)
    };
    let mut told = 0;
    let mut is_within_doubled = |error: &&toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let is_doubled = error.message() == DOUBLED;
        if is_doubled && start >= told {
            told = end_of_table(text, start);
            return false;
        }
        is_doubled && start < told
    };
    let first_of_line = |error: &&toml::de::Error| lines.insert(line_of(error));
    errors
        .iter()
        .filter(|error| !is_within_doubled(error))
        .filter(first_of_line)
        .map(|error| syntax(error, text))
        .collect()
}

/// Where the table ends whose header has something at `start`; `start` where there is no header.
fn end_of_table(text: &str, start: usize) -> usize {
    match line_at(text, start).trim_start().starts_with('[') {
        true => text[start..]
            .find("\n[")
            .map_or(text.len(), |at| start + at),
        false => start,
    }
}

/// The line that has this place, found without looking at others: there may be as many errors as lines.
fn line_at(text: &str, at: usize) -> &str {
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    let begins = before.rfind('\n').map_or(0, |end| end + 1);
    let ends = behind.find('\n').map_or(text.len(), |end| at + end);
    text.get(begins..ends).unwrap_or_default()
}

/// What the parser calls a key that was there before.
const DOUBLED: &str = "duplicate key";

/// For a graph in one line that stands where a file should.
const IN_ONE_LINE: &str =
    "a graph in one line goes behind `-e`, in quotes: -e 'counter items=5 ! print'";

fn syntax(error: &toml::de::Error, text: &str) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    if error.message() == DOUBLED {
        let key = text.get(span.clone()).unwrap_or_default();
        return Diagnostic::new(format!("no TOML: duplicate key `{}`", key.escape_debug()))
            .at(span, "again")
            .help("each name and each key is written once");
    }
    let line = line_at(text, span.start);
    if error.message().starts_with("string values must be quoted") {
        let bare = text.get(span.clone()).unwrap_or_default().escape_debug();
        return Diagnostic::new("no TOML: a text has no quotes")
            .at(span, "here")
            .help(format!("write \"{bare}\""));
    }
    let is_other = text.trim_start().starts_with('{') || line.trim_end().ends_with(':');
    let help = match line.contains(" ! ") {
        true => Some(IN_ONE_LINE),
        false if is_other => {
            Some("a graph file is TOML: [agents.NAME], and below it lines as `op = \"counter\"`")
        }
        false => None,
    };
    Diagnostic::new(format!("no TOML: {}", error.message()))
        .at(span, "here")
        .maybe_help(help.map(str::to_owned))
}

/// What a TOML value is, its tables in the order they were written.
pub(crate) fn node(span: Span, value: DeValue<'_>) -> Node {
    let value = match value {
        DeValue::String(text) => NodeValue::Text(text.into_owned()),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => NodeValue::Int(n),
            Err(_) => match u64::from_str_radix(n.as_str(), n.radix()) {
                Ok(n) => NodeValue::Big(n),
                Err(_) => NodeValue::Other(format!("{n}, a number beyond 64 bits")),
            },
        },
        DeValue::Float(x) => match x.as_str().parse::<f64>() {
            // `nan` and `inf` are TOML's; `1e999` is nobody's.
            Ok(number)
                if number.is_finite() || !x.as_str().contains(|c: char| c.is_ascii_digit()) =>
            {
                NodeValue::Float(number)
            }
            _ => NodeValue::Other(format!("{x}, a number out of range")),
        },
        DeValue::Boolean(b) => NodeValue::Bool(b),
        DeValue::Datetime(date) => NodeValue::Other(format!("the date {date} (no text: quote it)")),
        DeValue::Array(items) => NodeValue::List(items.into_iter().map(spanned).collect()),
        DeValue::Table(table) => {
            let mut entries: Vec<_> = table
                .into_iter()
                .map(|(key, value)| {
                    let at = At::new(key.get_ref().to_string(), key.span());
                    (at, spanned(value))
                })
                .collect();
            entries.sort_by_key(|(key, _)| key.span.start);
            NodeValue::Table(entries)
        }
    };
    Node { value, span }
}

fn spanned(value: Spanned<DeValue<'_>>) -> Node {
    node(value.span(), value.into_inner())
}

/// The text of a regular file, or why it cannot be had.
fn read_regular(path: &Path) -> Result<String, String> {
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path);
    let mut file = opened.map_err(|e| why(&e))?;
    let metadata = file.metadata().map_err(|e| why(&e))?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    contents(&mut file)
}

fn contents(from: &mut impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| why(&e))?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is longer than 16 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8 (byte {at})")
    })
}

fn unreadable(name: &str, why: &str) -> Refused {
    let refusal = Diagnostic::new(format!(
        "graph file `{}` cannot be read: {why}",
        name.escape_debug()
    ));
    let is_there = |path: &str| Path::new(path).is_file();
    let whole = format!("{name}.toml");
    let help = match resolve::similar_file(Path::new(name)) {
        _ if name.contains(" ! ") => IN_ONE_LINE.to_owned(),
        _ if is_there(&whole) => format!("did you mean `{}`?", whole.escape_debug()),
        Some(help) if !is_there(name) && !Path::new(name).is_dir() => help,
        _ => "`thalweg new NAME` writes one to start from; `-` reads standard input".to_owned(),
    };
    Refused::one(refusal.help(help), None)
}
