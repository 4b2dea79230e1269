//! A graph in one line: `sine freq=440 rate=48000 ! fir cutoff=1000 ! wav.write path=o.wav`.
//!
//! Agents are separated by a `!` of its own, each reads the one before it; `;` ends a chain. An agent is
//! `op` or `name:op`, then its keys as `key=value`. Without a name it is called as its operator
//! (`iir.lowpass` is `iir_lowpass`, the next one `iir_lowpass2`). `in=NAME` or `in=[a, b]` says all its
//! inputs, instead of the agent before it, and `in={a=NAME, b=NAME}` what they are called in expressions. Values are
//! numbers, `true`, `false`, words, `"quoted"` or `'raw'` text and `[lists]`. A worker exists by being named.

use std::collections::HashSet;
use std::path::PathBuf;

use thalweg_worker::operators;

use crate::decl::{
    AgentDecl, At, Core, GraphDecl, InputDecl, SourceText, Span, WorkDecl, WorkerDecl,
};
use crate::diag::{Diagnostic, Refused};
use crate::keys::{self, Node, NodeValue};

mod slips;

/// What such a graph is called where a file has its name.
pub(crate) const SOURCE: &str = "<command line>";

/// How deep lists may nest.
const DEEPEST: usize = 32;

/// Reads a graph in one line. Relative paths start from the current folder.
///
/// # Errors
/// The first thing that is no such line, or every value that a key does not take.
pub fn load_line(text: &str) -> Result<GraphDecl, Refused> {
    let source = Some(SourceText::new(SOURCE, text.to_owned()));
    let written = match (Scanner { text, at: 0 }).agents() {
        Ok(written) => written,
        Err(refusal) => return Err(Refused::one(refusal, source)),
    };
    let mut graph = GraphDecl {
        name: "line".to_owned(),
        source,
        base: PathBuf::new(),
        ..GraphDecl::default()
    };
    let mut found = Vec::new();
    graph.agents = declare(written, &mut found);
    graph.workers = workers(&graph.agents);
    Refused::unless_empty(found, &graph.source)?;
    Ok(graph)
}

/// An agent as written.
struct Written {
    name: Option<At<String>>,
    op: At<String>,
    keys: Vec<(At<String>, Node)>,
    /// The `!` before it.
    follows: Option<Span>,
}

fn declare(written: Vec<Written>, found: &mut Vec<Diagnostic>) -> Vec<AgentDecl> {
    let mut taken: HashSet<String> = written
        .iter()
        .filter_map(|w| w.name.as_ref().map(|name| name.value.clone()))
        .collect();
    let mut agents: Vec<AgentDecl> = Vec::with_capacity(written.len());
    for one in written {
        let name = one.name.unwrap_or_else(|| named_as(&one.op, &mut taken));
        let before = match (one.follows, agents.last()) {
            (Some(bar), Some(previous)) => vec![InputDecl {
                stream: At::new(previous.name.value.clone(), bar),
                name: None,
            }],
            _ => Vec::new(),
        };
        let mut agent = AgentDecl {
            scope_len: 0,
            name,
            work: WorkDecl::Op {
                op: one.op,
                params: Vec::new(),
            },
            inputs: before,
            worker: None,
            dtype: None,
            units: Vec::new(),
            restart: None,
            on_error: None,
        };
        set_all(&mut agent, one.keys, found);
        agents.push(agent);
    }
    agents
}

fn set_all(agent: &mut AgentDecl, keys: Vec<(At<String>, Node)>, found: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for (key, value) in keys {
        let (name, span) = (key.value.clone(), key.span.clone());
        let set = if name == "op" {
            Err(
                Diagnostic::new("`op` is no key here: the operator comes first")
                    .at(span, "the operator is the first word"),
            )
        } else if !seen.insert(name.clone()) {
            Err(Diagnostic::new(format!("`{name}` is given twice")).at(span, "again"))
        } else {
            keys::set_agent(agent, key, value)
        };
        found.extend(set.err());
    }
}

/// A name made from the operator's: `fir`, `fir2`, `fir3`.
fn named_as(op: &At<String>, taken: &mut HashSet<String>) -> At<String> {
    let stem: String = op
        .value
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let mut name = stem.clone();
    let mut nth = 1;
    while !taken.insert(name.clone()) {
        nth += 1;
        name = format!("{stem}{nth}");
    }
    At::new(name, op.span.clone())
}

/// The workers that agents name, in the order they are first named.
fn workers(agents: &[AgentDecl]) -> Vec<WorkerDecl> {
    let mut seen = HashSet::new();
    agents
        .iter()
        .filter_map(|agent| agent.worker.clone())
        .filter(|name| seen.insert(name.value.clone()))
        .map(|name| WorkerDecl {
            core: At::new(Core::Auto, name.span.clone()),
            name,
            restart: None,
        })
        .collect()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn agents(&mut self) -> Result<Vec<Written>, Diagnostic> {
        let mut agents = Vec::new();
        let mut follows = None;
        loop {
            self.skip_space();
            let Some(c) = self.peek() else { break };
            if c == ';' {
                self.expect_agent(&follows)?;
                self.at += 1;
            } else if self.is_bar() {
                let bar = self.at..self.at + 1;
                if agents.is_empty() || follows.is_some() || self.after_semicolon() {
                    return Err(Diagnostic::new("nothing stands before this `!`")
                        .at(bar, "an agent goes before it"));
                }
                self.at += 1;
                follows = Some(bar);
            } else {
                agents.push(self.agent(follows.take())?);
            }
        }
        self.expect_agent(&follows)?;
        Ok(agents)
    }

    fn expect_agent(&self, follows: &Option<Span>) -> Result<(), Diagnostic> {
        match follows {
            None => Ok(()),
            Some(bar) => Err(Diagnostic::new("nothing follows this `!`")
                .at(bar.clone(), "an agent goes after it")),
        }
    }

    fn after_semicolon(&self) -> bool {
        self.text[..self.at].trim_end().ends_with(';')
    }

    fn agent(&mut self, follows: Option<Span>) -> Result<Written, Diagnostic> {
        let word = self.word(|c| c.is_whitespace() || c == ';');
        let word_start = word.span.start;
        let (name, op) = match word.value.split_once(':') {
            None => (None, word),
            Some((name, op)) => {
                let split = word.span.start + name.len();
                let name = At::new(name.to_owned(), word.span.start..split);
                (Some(name), At::new(op.to_owned(), split + 1..word.span.end))
            }
        };
        if let Some(bar) = op.value.find('!') {
            let at = op.span.start + bar;
            return Err(tight_bar(&self.text[word_start..op.span.end], at));
        }
        if op.value.is_empty() || op.value.contains('=') {
            return Err(Diagnostic::new("an agent begins with its operator")
                .at(op.span, "no operator's name")
                .help("`op key=value ..` or `name:op key=value ..`; `thalweg ops` lists the operators"));
        }
        let mut keys = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(';') => break,
                Some(_) if self.is_bar() => break,
                Some(_) => {
                    let key = self.key(&op.value, &keys)?;
                    keys.push(key);
                }
            }
        }
        Ok(Written {
            name,
            op,
            keys,
            follows,
        })
    }

    /// The next key of an agent that has `keys` already.
    fn key(
        &mut self,
        op: &str,
        keys: &[(At<String>, Node)],
    ) -> Result<(At<String>, Node), Diagnostic> {
        let key = self.word(|c| c.is_whitespace() || matches!(c, '=' | ';'));
        if self.peek() != Some('=') || key.value.is_empty() {
            if let Some(bar) = self.bar_beside(&key) {
                return Err(bar);
            }
            let before = &self.text[..key.span.start];
            let help = slips::instead_of(&key.value, before, op, keys);
            return Err(Diagnostic::new(format!(
                "`{}` is neither key=value nor the next agent",
                key.value
            ))
            .at(key.span, "no `=` follows")
            .help(help));
        }
        self.at += 1;
        let value = self.value(0, |c| c.is_whitespace() || c == ';')?;
        match self.bar_inside(&value) {
            Some(bar) => Err(bar),
            None => Ok((key, value)),
        }
    }

    /// What stands for a key begins with a `!`, or the word before it ends with one.
    fn bar_beside(&self, key: &At<String>) -> Option<Diagnostic> {
        let before = self.text[..key.span.start].trim_end();
        let bar = match (key.value.starts_with('!'), before.ends_with('!')) {
            (true, _) => key.span.start,
            (false, true) => before.len() - 1,
            (false, false) => return None,
        };
        let word = before.rsplit(char::is_whitespace).next();
        let start = before.len() - word.map_or(0, str::len);
        Some(tight_bar(&self.text[start..key.span.end], bar))
    }

    /// A value with a `!` and an operator behind it, as in `items=5!print`.
    fn bar_inside(&self, value: &Node) -> Option<Diagnostic> {
        let written = &self.text[value.span.clone()];
        let is_bare = !written.starts_with(['"', '\'', '[']);
        let (front, op) = written.rsplit_once('!').filter(|_| is_bare)?;
        let op = op.split_once(':').map_or(op, |(_, op)| op);
        let is_op = operators::table().iter().any(|row| row.name == op);
        is_op.then(|| tight_bar(written, value.span.start + front.len()))
    }

    fn value(&mut self, depth: usize, ends: fn(char) -> bool) -> Result<Node, Diagnostic> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some('[') => self.list(depth),
            Some('{') => self.table(depth),
            _ => {
                let word = self.word(ends);
                if word.value.is_empty() {
                    return Err(Diagnostic::new("a value is missing")
                        .at(word.span, "nothing stands here")
                        .help("an empty text is written \"\""));
                }
                Ok(Node {
                    value: meaning(&word.value),
                    span: word.span,
                })
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Node, Diagnostic> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = start + 1 + offset + 1;
                    return Ok(Node {
                        value: NodeValue::Text(text),
                        span: start..self.at,
                    });
                }
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    _ => {
                        let at = start + 1 + offset;
                        return Err(Diagnostic::new("no such escape in a quoted text")
                            .at(at..at + 1, "there are \\\" \\\\ \\n \\t"));
                    }
                },
                c => text.push(c),
            }
        }
        Err(Diagnostic::new("a quoted text does not end").at(start..start + 1, "it begins here"))
    }

    fn list(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        let start = self.at;
        let open = start..start + 1;
        if depth == DEEPEST {
            return Err(Diagnostic::new("lists nest too deep").at(open, "here"));
        }
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None => {
                    return Err(Diagnostic::new("a list does not end").at(open, "it begins here"));
                }
                Some(']') => {
                    self.at += 1;
                    return Ok(Node {
                        value: NodeValue::List(items),
                        span: start..self.at,
                    });
                }
                Some(_) => {
                    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | ';');
                    items.push(self.value(depth + 1, ends)?);
                    self.skip_space();
                    match self.peek() {
                        Some(',') => self.at += 1,
                        Some(']') | None => {}
                        Some(_) => {
                            let here = self.at..self.at + 1;
                            return Err(Diagnostic::new(
                                "the items of a list have `,` between them",
                            )
                            .at(here, "`,` or `]` goes here"));
                        }
                    }
                }
            }
        }
    }

    /// `{a=x, b=y}`: inputs with names.
    fn table(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        let start = self.at;
        let open = start..start + 1;
        if depth == DEEPEST {
            return Err(Diagnostic::new("tables nest too deep").at(open, "here"));
        }
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None => {
                    return Err(Diagnostic::new("a table does not end").at(open, "it begins here"));
                }
                Some('}') => {
                    self.at += 1;
                    return Ok(Node {
                        value: NodeValue::Table(entries),
                        span: start..self.at,
                    });
                }
                Some(',') if !entries.is_empty() => self.at += 1,
                Some(_) => {
                    let key =
                        self.word(|c| c.is_whitespace() || matches!(c, '=' | ',' | '}' | ';'));
                    self.skip_space();
                    if self.peek() != Some('=') || key.value.is_empty() {
                        return Err(Diagnostic::new("a table has name=value in it")
                            .at(key.span, "no `=` follows")
                            .help("inputs with names: in={a=STREAM, b=STREAM}"));
                    }
                    self.at += 1;
                    self.skip_space();
                    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '}' | ';');
                    entries.push((key, self.value(depth + 1, ends)?));
                }
            }
        }
    }

    fn word(&mut self, ends: impl Fn(char) -> bool) -> At<String> {
        let rest = &self.text[self.at..];
        let len = rest.find(ends).unwrap_or(rest.len());
        let span = self.at..self.at + len;
        self.at = span.end;
        At::new(rest[..len].to_owned(), span)
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// A `!` of its own, and not one inside a value or an expression.
    fn is_bar(&self) -> bool {
        let mut chars = self.text[self.at..].chars();
        chars.next() == Some('!') && chars.next().is_none_or(|c| c.is_whitespace() || c == ';')
    }
}

/// A `!` that is part of a word.
fn tight_bar(words: &str, at: usize) -> Diagnostic {
    Diagnostic::new(format!(
        "in `{}` the `!` is part of a word",
        words.escape_debug()
    ))
    .at(at..at + 1, "a space goes before it and behind it")
    .help("a `!` between two agents stands alone: `counter items=5 ! print`; one that is meant is \"quoted\"")
}

/// What an unquoted word means: a truth value, a number, else itself.
pub(crate) fn meaning(word: &str) -> NodeValue {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let plain = word.replace('_', "");
    match word {
        "true" => return NodeValue::Bool(true),
        "false" => return NodeValue::Bool(false),
        _ if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {}
        _ => {
            if let Ok(n) = plain.parse::<i64>() {
                return NodeValue::Int(n);
            }
            if let Ok(n) = plain.parse::<u64>() {
                return NodeValue::Big(n);
            }
            if let Ok(x) = plain.parse::<f64>() {
                return match x.is_finite() && !is_whole(digits) {
                    true => NodeValue::Float(x),
                    false => NodeValue::Other(format!("{word}, a number out of range")),
                };
            }
        }
    }
    NodeValue::Text(word.to_owned())
}

fn is_whole(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}
