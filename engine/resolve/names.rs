//! What may be a name, and which part of a stream's name is the agent's.

use std::collections::HashMap;

use crate::decl::{AgentDecl, At};
use crate::diag::Diagnostic;

/// The longest name of an agent, in bytes.
pub(crate) const AGENT_NAME: usize = 64;
/// The longest name of a worker, in bytes: it is part of a process's name.
pub(crate) const WORKER_NAME: usize = 32;

/// The agent and the output of `AGENT` or `AGENT.PORT`: the longest part before a dot, or the whole, that
/// is an agent; else the part before the first dot.
pub(crate) fn split_stream(stream: &str, is_agent: impl Fn(&str) -> bool) -> (&str, Option<&str>) {
    let cut = |at: usize| (&stream[..at], Some(&stream[at + 1..]));
    if is_agent(stream) {
        return (stream, None);
    }
    let mut dots = stream.rmatch_indices('.').map(|(at, _)| at);
    let agent = dots.find(|at| is_agent(&stream[..*at]));
    agent.or(stream.find('.')).map_or((stream, None), cut)
}

/// Refuses names that cannot be, and two that are one.
pub(crate) fn check_names(
    what: &str,
    names: &[&At<String>],
    longest: usize,
    found: &mut Vec<Diagnostic>,
) {
    let help = format!("give each {what} a name of its own");
    let names = names.iter().map(|name| (*name, 0));
    check_parts(what, names, longest, &help, found);
}

/// As [`check_names`], of agents, which a Rust program may make within scopes.
pub(super) fn check_agents(agents: &[&AgentDecl], is_built: bool, found: &mut Vec<Diagnostic>) {
    let help = match is_built {
        false => "give each agent a name of its own",
        true => {
            "give each agent a name of its own; what a function makes each time it is called gets one within g.scope(\"NAME\", ..)"
        }
    };
    let names = agents.iter().map(|agent| (&agent.name, agent.scope_len));
    check_parts("agent", names.clone(), AGENT_NAME, help, found);
    let all: HashMap<&str, &At<String>> = names
        .clone()
        .map(|(name, _)| (name.value.as_str(), name))
        .collect();
    for (name, scope_len) in names {
        found.extend(too_long(name, AGENT_NAME).filter(|_| scope_len > 0));
        let dots = name.value[..scope_len].match_indices('.');
        let scopes = dots.map(|(at, _)| &name.value[..at]);
        if let Some(agent) = scopes.filter_map(|scope| all.get(scope)).next() {
            let message = format!(
                "the agent `{}` is called as a scope, that of `{}`",
                agent.value, name.value
            );
            let refusal = Diagnostic::new(message).at(agent.span.clone(), "the agent");
            found.push(
                refusal
                    .at(name.span.clone(), "in the scope")
                    .help("its streams would be called as agents of the scope: rename one of them"),
            );
        }
    }
}

/// Names, each with the bytes at its start that were judged before.
fn check_parts<'a>(
    what: &str,
    names: impl Iterator<Item = (&'a At<String>, usize)>,
    longest: usize,
    help: &str,
    found: &mut Vec<Diagnostic>,
) {
    let mut folded: HashMap<String, &At<String>> = HashMap::new();
    for (name, judged) in names {
        if let Some(why) = misnamed(&name.value[judged..], longest) {
            let shown: String = name.value.escape_debug().take(80).collect();
            let refusal = Diagnostic::new(format!("`{shown}` cannot name {}: {why}", a(what)));
            found.push(refusal.at(name.span.clone(), why));
            continue;
        }
        if let Some(first) = folded.insert(name.value.to_ascii_lowercase(), name) {
            let message = match first.value == name.value {
                true => format!("two {what}s are called `{}`", name.value),
                false => format!(
                    "two {what}s have names that differ only in upper and lower case: `{}` and `{}`",
                    first.value, name.value
                ),
            };
            found.push(
                Diagnostic::new(message)
                    .at(name.span.clone(), "the second")
                    .at(first.span.clone(), "the first")
                    .help(help),
            );
        }
    }
}

/// A name made of good parts that is too long as a whole.
pub(super) fn too_long(name: &At<String>, longest: usize) -> Option<Diagnostic> {
    let len = name.value.len();
    let message = format!(
        "the name `{}` has {len} bytes, and at most {longest} fit",
        name.value
    );
    (len > longest).then(|| Diagnostic::new(message).at(name.span.clone(), "too long"))
}

fn a(what: &str) -> String {
    match what.starts_with('a') {
        true => format!("an {what}"),
        false => format!("a {what}"),
    }
}

/// Why this can be no name of so many bytes.
pub(crate) fn misnamed(name: &str, longest: usize) -> Option<String> {
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
