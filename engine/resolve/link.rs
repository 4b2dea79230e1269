//! What names mean: agents, their operators, workers and the agents they read.

use std::collections::HashMap;

use thalweg_worker::op::{OpDef, nearest};
use thalweg_worker::operators;

use crate::decl::{AgentDecl, At, GraphDecl, InputDecl, Span, WorkDecl};
use crate::diag::{Diagnostic, SHOWN};

/// The longest name of an agent, in bytes.
const AGENT_NAME: usize = 64;
/// The longest name of a worker, in bytes: it is part of a process's name.
const WORKER_NAME: usize = 32;

/// What the names of one agent mean.
pub(super) struct Link {
    /// The operator; `None` for an agent made in Rust and for an unknown operator.
    pub op: Option<&'static OpDef>,
    /// What each input reads.
    pub inputs: Vec<Reads>,
    /// The worker it names.
    pub worker: Option<usize>,
    /// False when a name was unknown: it cannot be built.
    pub whole: bool,
}

/// What one input reads.
pub(super) struct Reads {
    /// The agent.
    pub producer: usize,
    /// The output's name; `None`: the only one.
    pub port: Option<String>,
    /// Where it was written.
    pub span: Span,
}

pub(super) fn link(graph: &GraphDecl, found: &mut Vec<Diagnostic>) -> Vec<Link> {
    if graph.agents.is_empty() {
        let empty = Diagnostic::new("the graph has no agent");
        found.push(empty.help("an agent is a table [agents.NAME] with an `op`"));
    }
    let agent_names: Vec<&At<String>> = graph.agents.iter().map(|a| &a.name).collect();
    let worker_names: Vec<&At<String>> = graph.workers.iter().map(|w| &w.name).collect();
    check_names("agent", &agent_names, AGENT_NAME, found);
    check_names("worker", &worker_names, WORKER_NAME, found);
    let agents = Index::of(&agent_names);
    let workers = Index::of(&worker_names);
    graph
        .agents
        .iter()
        .map(|agent| link_one(agent, &agents, &workers, found))
        .collect()
}

fn link_one(
    agent: &AgentDecl,
    agents: &Index<'_>,
    workers: &Index<'_>,
    found: &mut Vec<Diagnostic>,
) -> Link {
    let (op, knows_op) = match &agent.work {
        WorkDecl::Native { .. } => (None, true),
        WorkDecl::Op { op, .. } => match operators::find(&op.value) {
            Some(def) => (Some(def), true),
            None => {
                found.push(unknown_op(agent, op, found));
                (None, false)
            }
        },
    };
    let mut inputs = Vec::new();
    for input in &agent.inputs {
        match reads(input, agents) {
            Some(reads) => inputs.push(reads),
            None => found.push(unknown_stream(agent, input, agents, found)),
        }
    }
    let worker = agent.worker.as_ref().and_then(|name| {
        let worker = workers.find(&name.value);
        if worker.is_none() {
            found.push(unknown_worker(agent, name, workers, found));
        }
        worker
    });
    Link {
        op,
        whole: knows_op && inputs.len() == agent.inputs.len(),
        inputs,
        worker,
    }
}

fn reads(input: &InputDecl, agents: &Index<'_>) -> Option<Reads> {
    let name = &input.stream.value;
    let (producer, port) = match name.split_once('.') {
        None => (name.as_str(), None),
        Some((producer, port)) => (producer, Some(port.to_owned())),
    };
    Some(Reads {
        producer: agents.find(producer)?,
        port,
        span: input.stream.span.clone(),
    })
}

/// Names to places; the first of two equal ones.
struct Index<'a> {
    names: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    fn of(names: &[&'a At<String>]) -> Index<'a> {
        let names: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        let mut places = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            places.entry(*name).or_insert(at);
        }
        Index { names, places }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

fn check_names(what: &str, names: &[&At<String>], longest: usize, found: &mut Vec<Diagnostic>) {
    let mut folded: HashMap<String, &At<String>> = HashMap::new();
    for name in names {
        if let Some(why) = misnamed(&name.value, longest) {
            let shown: String = name.value.escape_debug().take(80).collect();
            let refusal = Diagnostic::new(format!("`{shown}` cannot name {}: {why}", a(what)));
            found.push(refusal.at(name.span.clone(), why));
            continue;
        }
        if let Some(first) = folded.insert(name.value.to_ascii_lowercase(), name) {
            let how = match first.value == name.value {
                true => "the same name",
                false => "names that differ only in upper and lower case",
            };
            found.push(
                Diagnostic::new(format!(
                    "two {what}s have {how}: `{}` and `{}`",
                    first.value, name.value
                ))
                .at(name.span.clone(), "the second")
                .at(first.span.clone(), "the first"),
            );
        }
    }
}

fn a(what: &str) -> String {
    match what.starts_with('a') {
        true => format!("an {what}"),
        false => format!("a {what}"),
    }
}

fn misnamed(name: &str, longest: usize) -> Option<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let first = name.chars().next();
    if first.is_none() {
        Some("it is empty".to_owned())
    } else if name.len() > longest {
        Some(format!(
            "it has {} bytes, and at most {longest} fit",
            name.len()
        ))
    } else if !first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_') {
        Some("it begins with neither a letter nor `_`".to_owned())
    } else if !name.chars().all(inside) {
        Some("a name is made of letters, digits, `_` and `-`".to_owned())
    } else {
        None
    }
}

/// The nearest of the names, else the other words; not looked for in findings beyond those printed, so
/// that a graph full of wrong names is refused in no time.
fn nearest_or(
    name: &str,
    names: &[&str],
    found: &[Diagnostic],
    other: impl FnOnce() -> String,
) -> Option<String> {
    if found.len() >= SHOWN {
        return None;
    }
    Some(match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => other(),
    })
}

fn unknown_op(agent: &AgentDecl, op: &At<String>, found: &[Diagnostic]) -> Diagnostic {
    let names: Vec<&str> = operators::table().iter().map(|op| op.name).collect();
    let help = nearest_or(&op.value, &names, found, || {
        "`thalweg ops` lists the operators".to_owned()
    });
    Diagnostic::new(format!(
        "agent `{}`: there is no operator `{}`",
        agent.name.value.escape_debug(),
        op.value.escape_debug()
    ))
    .at(op.span.clone(), "unknown operator")
    .maybe_help(help)
}

fn unknown_stream(
    agent: &AgentDecl,
    input: &InputDecl,
    agents: &Index<'_>,
    found: &[Diagnostic],
) -> Diagnostic {
    let stream = &input.stream;
    let producer = stream.value.split('.').next().unwrap_or_default();
    let help = nearest_or(producer, &agents.names, found, || {
        format!("the agents are {}", some_of(&agents.names))
    });
    Diagnostic::new(format!(
        "agent `{}` reads `{}`, and there is no agent `{}`",
        agent.name.value.escape_debug(),
        stream.value.escape_debug(),
        producer.escape_debug()
    ))
    .at(stream.span.clone(), "no such stream")
    .maybe_help(help)
}

fn unknown_worker(
    agent: &AgentDecl,
    name: &At<String>,
    workers: &Index<'_>,
    found: &[Diagnostic],
) -> Diagnostic {
    let help = nearest_or(&name.value, &workers.names, found, || {
        match workers.names.is_empty() {
            true => format!("declare it: [workers.{}]", name.value.escape_debug()),
            false => format!("the workers are {}", some_of(&workers.names)),
        }
    });
    Diagnostic::new(format!(
        "agent `{}` names the worker `{}`, and there is none",
        agent.name.value.escape_debug(),
        name.value.escape_debug()
    ))
    .at(name.span.clone(), "no such worker")
    .maybe_help(help)
}

/// A list of names for a message, cut where it grows long.
pub(super) fn some_of(names: &[&str]) -> String {
    const MOST: usize = 12;
    let mut list = names[..names.len().min(MOST)].join(", ");
    if names.len() > MOST {
        list += &format!(" and {} more", names.len() - MOST);
    }
    list
}
