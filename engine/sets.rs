//! `--set agent.param=value`: keys given on the command line, over what the graph says.
//!
//! `AGENT.KEY=VALUE` (inside a sub-graph `USE.AGENT.KEY=VALUE`), `workers.NAME.KEY=VALUE` and `streams.NAME.KEY=VALUE`. A value is spelled as in the
//! graph file; what is no TOML value is a text as it stands.

use thalweg_worker::op::nearest;
use toml::de::DeValue;

use crate::compose;
use crate::decl::{
    AgentDecl, At, Core, GraphDecl, Overflow, SourceText, Span, StreamDecl, WorkDecl, WorkerDecl,
};
use crate::diag::{Diagnostic, Refused};
use crate::file;
use crate::keys::{self, Node, NodeValue};

/// Applies each setting to the graph, in order; those that reach inside a sub-graph after the others.
///
/// # Errors
/// The first setting that names no agent of the graph, no key, or a value that the key does not take.
pub fn apply_sets(graph: &mut GraphDecl, sets: &[String]) -> Result<(), Refused> {
    let (inside, own): (Vec<&String>, Vec<&String>) =
        sets.iter().partition(|set| is_inside(graph, set));
    apply_all(graph, &own)?;
    if !inside.is_empty() {
        // What is set inside a use is there once the use has become agents.
        compose::expand(graph)?;
    }
    apply_all(graph, &inside)
}

fn apply_all(graph: &mut GraphDecl, sets: &[&String]) -> Result<(), Refused> {
    let declared = graph.workers.len();
    for set in sets {
        apply(graph, set).map_err(|refusal| refused(set, refusal))?;
    }
    // A worker may be declared here, for an agent that names it.
    let is_named = |worker: &WorkerDecl| {
        let mut named = graph
            .agents
            .iter()
            .filter_map(|agent| agent.worker.as_ref());
        named.any(|name| name.value == worker.name.value)
    };
    match graph.workers[declared..].iter().find(|w| !is_named(w)) {
        None => Ok(()),
        Some(worker) => {
            let prefix = format!("workers.{}.", worker.name.value);
            let set = sets
                .iter()
                .find(|set| set.trim_start().starts_with(&prefix));
            let refusal = no_worker(&worker.name.value, &graph.workers[..declared]);
            Err(refused(set.map_or("", |set| set.as_str()), refusal))
        }
    }
}

/// A refusal that points at the setting.
fn refused(set: &str, refusal: Diagnostic) -> Refused {
    Refused::one(refusal, Some(SourceText::new("--set", set.to_owned())))
}

fn no_worker(name: &str, declared: &[WorkerDecl]) -> Diagnostic {
    let names: Vec<&str> = declared.iter().map(|w| w.name.value.as_str()).collect();
    let help = match (nearest(name, &names), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("let an agent name it too: --set AGENT.worker={name}"),
        (None, false) => format!("the workers are {}", names.join(", ")),
    };
    Diagnostic::new(format!(
        "there is no worker `{}`, and no agent names it",
        name.escape_debug()
    ))
    .at(
        "workers.".len().."workers.".len() + name.len(),
        "no such worker",
    )
    .help(help)
}

/// True for `USE.AGENT.KEY=..`, where `USE` is a use of a sub-graph.
fn is_inside(graph: &GraphDecl, set: &str) -> bool {
    let path = set.split('=').next().unwrap_or_default().trim();
    let is_use = |agent: &AgentDecl| match &agent.work {
        WorkDecl::Op { op, .. } => graph.composites.iter().any(|c| c.name.value == op.value),
        WorkDecl::Native { .. } => false,
    };
    path.matches('.').count() >= 2
        && graph.agents.iter().any(|agent| {
            let rest = path.strip_prefix(agent.name.value.as_str());
            rest.is_some_and(|rest| rest.starts_with('.')) && is_use(agent)
        })
}

fn apply(graph: &mut GraphDecl, set: &str) -> Result<(), Diagnostic> {
    let (path, value) = set.split_once('=').ok_or_else(|| misspelled(set))?;
    let (owner, key) = path.rsplit_once('.').ok_or_else(|| misspelled(set))?;
    let start = graph.source.as_mut().map(|source| source.keep_setting(set));
    let place = |part: Span| start.map_or(0..0, |start| start + part.start..start + part.end);
    let key = At::new(key.trim().to_owned(), place(owner.len() + 1..path.len()));
    let owner_at = owner.len() - owner.trim_start().len();
    let owner = owner.trim();
    let named = |prefix: &str| place(owner_at + prefix.len()..owner_at + owner.len());
    let value = value_of(value.trim(), &place(path.len() + 1..set.len()));
    let result = if let Some(name) = owner.strip_prefix("workers.") {
        keys::set_worker(worker(graph, name, named("workers.")), key, value)
    } else if let Some(name) = owner.strip_prefix("streams.") {
        keys::set_stream(stream(graph, name, named("streams.")), key, value)
    } else {
        let agent = agent(graph, owner)?;
        match keys::set_live(agent, &key.value, &value) {
            Some(set) => set,
            None => keys::set_agent(agent, key, value),
        }
    };
    result.map_err(|refusal| {
        let (span, words) = refusal.labels.first().cloned().unwrap_or_default();
        let start = start.unwrap_or_default();
        let part = span
            .start
            .checked_sub(start)
            .zip(span.end.checked_sub(start));
        let part = part.map(|(from, to)| from..to);
        let part = part.filter(|part| !part.is_empty() && part.end <= set.len());
        Diagnostic {
            labels: vec![(part.unwrap_or(0..set.len()), words)],
            ..refusal
        }
    })
}

fn agent<'a>(graph: &'a mut GraphDecl, name: &str) -> Result<&'a mut AgentDecl, Diagnostic> {
    match graph.agents.iter().position(|a| a.name.value == name) {
        Some(at) => Ok(&mut graph.agents[at]),
        None => {
            let names: Vec<&str> = graph.agents.iter().map(|a| a.name.value.as_str()).collect();
            let is_worker = graph.workers.iter().any(|w| w.name.value == name);
            Err(no_agent(name, &names, is_worker))
        }
    }
}

/// The worker of this name; it is declared by being set.
fn worker<'a>(graph: &'a mut GraphDecl, name: &str, place: Span) -> &'a mut WorkerDecl {
    let at = graph.workers.iter().position(|w| w.name.value == name);
    let at = at.unwrap_or_else(|| {
        graph.workers.push(WorkerDecl {
            name: At::new(name.to_owned(), place),
            core: At::nowhere(Core::Auto),
            restart: None,
        });
        graph.workers.len() - 1
    });
    &mut graph.workers[at]
}

/// The settings of the stream of this name.
fn stream<'a>(graph: &'a mut GraphDecl, name: &str, place: Span) -> &'a mut StreamDecl {
    let at = graph.streams.iter().position(|s| s.name.value == name);
    let at = at.unwrap_or_else(|| {
        graph.streams.push(StreamDecl {
            name: At::new(name.to_owned(), place),
            capacity: None,
            overflow: At::nowhere(Overflow::Block),
        });
        graph.streams.len() - 1
    });
    &mut graph.streams[at]
}

/// A value as the graph file spells it, else the text as it stands; every part of it has the same place.
fn value_of(text: &str, place: &Span) -> Node {
    match DeValue::parse(text) {
        Ok(value) if !matches!(value.get_ref(), DeValue::Datetime(_)) => {
            placed(file::node(0..0, value.into_inner()), place)
        }
        _ => Node {
            value: NodeValue::Text(text.to_owned()),
            span: place.clone(),
        },
    }
}

fn placed(node: Node, place: &Span) -> Node {
    let part = |node| placed(node, place);
    let value = match node.value {
        NodeValue::List(items) => NodeValue::List(items.into_iter().map(part).collect()),
        NodeValue::Table(entries) => NodeValue::Table(
            entries
                .into_iter()
                .map(|(key, value)| (At::new(key.value, place.clone()), part(value)))
                .collect(),
        ),
        other => other,
    };
    Node {
        value,
        span: place.clone(),
    }
}

fn misspelled(set: &str) -> Diagnostic {
    Diagnostic::new(format!("`{}` sets nothing", set.escape_debug()))
        .at(0..set.len(), "should be AGENT.KEY=VALUE")
        .help("--set band.high=12.5; also workers.NAME.core=1 and streams.NAME.capacity=4096")
}

fn no_agent(owner: &str, names: &[&str], is_worker: bool) -> Diagnostic {
    let help = match nearest(owner, names) {
        _ if is_worker => format!("it is a worker: --set workers.{owner}.KEY=VALUE"),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    Diagnostic::new(format!("there is no agent `{}`", owner.escape_debug()))
        .at(0..owner.len(), "no such agent")
        .help(help)
}
