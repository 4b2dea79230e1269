//! What names mean: agents, their operators, workers and the agents they read.

use std::collections::HashMap;
use std::path::Path;

use thalweg_worker::op::{OpDef, nearest};
use thalweg_worker::operators::{self, elsewhere::unknown_operator};

use super::names::{AGENT_NAME, WORKER_NAME, check_agents, check_names, split_stream, too_long};
use crate::decl::{AgentDecl, At, GraphDecl, InputDecl, SourceText, Span, WorkDecl};
use crate::diag::{Diagnostic, SHOWN};
use crate::oneline;

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

impl Link {
    /// A warning at an agent about two of its inputs, with what is to be said of each where it comes from.
    pub fn clash(
        &self,
        graph: &GraphDecl,
        (message, at): (String, Span),
        inputs: [(usize, String); 2],
    ) -> Diagnostic {
        let warning = Diagnostic::new(message).at(at, "here");
        inputs.into_iter().fold(warning, |warning, (nth, words)| {
            let from = &graph.agents[self.inputs[nth].producer].name.span;
            warning.at(from.clone(), words)
        })
    }
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
        let of = match &graph.source {
            Some(source) if !source.is_built() => {
                format!("graph `{}` ({})", graph.name, source.name)
            }
            _ => format!("graph `{}`", graph.name),
        };
        let empty = Diagnostic::new(format!("{of} has no agent"));
        let is_line = graph
            .source
            .as_ref()
            .is_some_and(|s| s.name == oneline::SOURCE);
        found.push(empty.help(match graph.composites.is_empty() {
            true if is_line => "agents are written one behind the other: `counter items=5 ! print`",
            true => "an agent is a table [agents.NAME] with an `op`",
            false => {
                "it has sub-graphs only: another graph file can include it, include = [\"FILE\"]"
            }
        }));
    }
    let agent_names: Vec<&At<String>> = graph.agents.iter().map(|a| &a.name).collect();
    let worker_names: Vec<&At<String>> = graph.workers.iter().map(|w| &w.name).collect();
    let source = graph.source.as_ref();
    let is_copy =
        |agent: &&AgentDecl| source.is_some_and(|s| s.origin(&agent.name.span).1.is_some());
    // The parts of names inside a use were judged where they were written.
    let (copies, own): (Vec<_>, Vec<_>) = graph.agents.iter().partition(is_copy);
    check_agents(&own, source.is_some_and(SourceText::is_built), found);
    let copies = copies.iter();
    found.extend(copies.filter_map(|agent| too_long(&agent.name, AGENT_NAME)));
    check_names("worker", &worker_names, WORKER_NAME, found);
    let agents = Index::of(&agent_names);
    let workers = Index::of(&worker_names);
    graph
        .agents
        .iter()
        .map(|agent| link_one(graph, agent, &agents, &workers, found))
        .collect()
}

fn link_one(
    graph: &GraphDecl,
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
                found.push(unknown_op(graph, agent, op, found));
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
    let is_agent = |name: &str| agents.find(name).is_some();
    let (producer, port) = split_stream(&input.stream.value, is_agent);
    Some(Reads {
        producer: agents.find(producer)?,
        port: port.map(str::to_owned),
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

fn unknown_op(
    graph: &GraphDecl,
    agent: &AgentDecl,
    op: &At<String>,
    found: &[Diagnostic],
) -> Diagnostic {
    let own = graph.composites.iter().map(|c| c.name.value.as_str());
    let help = (found.len() < SHOWN).then(|| {
        let help = no_operator_but(graph, agent, &op.value);
        let help = help.or_else(|| unknown_operator(&op.value, own));
        help.unwrap_or_else(|| "`thalweg ops` lists the operators".to_owned())
    });
    Diagnostic::new(format!(
        "agent `{}`: there is no operator `{}`",
        agent.name.value.escape_debug(),
        op.value.escape_debug()
    ))
    .at(op.span.clone(), "unknown operator")
    .maybe_help(help)
}

/// What stands where an operator should, if it is an agent of a graph in one line, or a graph file.
fn no_operator_but(graph: &GraphDecl, agent: &AgentDecl, op: &str) -> Option<String> {
    let is_line = graph
        .source
        .as_ref()
        .is_some_and(|s| s.name == oneline::SOURCE);
    let mut others = graph.agents.iter().filter(|other| other.name != agent.name);
    match is_line {
        true if op.ends_with(".toml") => {
            Some(format!("`{}` is a file: leave out `-e`", op.escape_debug()))
        }
        true if Path::new(op).is_file() => Some(match reader_of(op) {
            Some(reader) => format!("it is a file: `{reader} path={}`", op.escape_debug()),
            None => "it is a file, and an operator reads one: `csv.read path=..`".to_owned(),
        }),
        true if others.any(|other| other.name.value == op) => Some(format!(
            "`{op}` is an agent; what reads it says so: `print in={op}`"
        )),
        _ => None,
    }
}

fn unknown_stream(
    agent: &AgentDecl,
    input: &InputDecl,
    agents: &Index<'_>,
    found: &[Diagnostic],
) -> Diagnostic {
    let stream = &input.stream;
    let producer = stream.value.split('.').next().unwrap_or_default();
    let parts: Vec<&str> = stream.value.split(',').map(str::trim).collect();
    let help = match parts.len() > 1 {
        true => Some(format!("several inputs are a list: in = {parts:?}")),
        false => nearest_or(producer, &agents.names, found, || {
            format!("the agents are {}", some_of(&agents.names))
        }),
    };
    Diagnostic::new(format!(
        "agent `{}` reads `{}`, and there is no agent `{}`",
        agent.name.value.escape_debug(),
        stream.value.escape_debug(),
        producer.escape_debug()
    ))
    .at(stream.span.clone(), "no such stream")
    .maybe_help(help)
}

/// The operator that reads files of this extension.
pub(crate) fn reader_of(path: &str) -> Option<&'static str> {
    let extension = Path::new(path).extension()?.to_str()?;
    Some(operators::find(&format!("{}.read", extension.to_lowercase()))?.name)
}

fn unknown_worker(
    agent: &AgentDecl,
    name: &At<String>,
    workers: &Index<'_>,
    found: &[Diagnostic],
) -> Diagnostic {
    let help = nearest_or(&name.value, &workers.names, found, || {
        match workers.names.is_empty() {
            true => {
                let name = name.value.escape_debug();
                format!("declare it: [workers.{name}], or `--set workers.{name}.core=auto`")
            }
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
