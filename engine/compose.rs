//! Named sub-graphs: `[graphs.NAME]` is written once and used by agents as if it were an operator.
//!
//! A sub-graph has inputs, outputs and parameters, and agents of its own. A use, an agent with
//! `op = "NAME"`, stands for these agents: `left.lowpass` is the agent `lowpass` of the use `left`. They
//! take the places of the use before anything else looks at the graph, so plan, report, `--set` and
//! drawings know agents only. A place inside a sub-graph is a place of its text with the use it was copied
//! for ([`SourceText::used`](crate::decl::SourceText)), so refusals point at both.
//!
//! In Rust none of this is needed: a composition there is a function from streams to streams.

use thalweg_worker::op::seconds;

use crate::decl::{At, GraphDecl};
use crate::diag::{Diagnostic, Refused};
use crate::include;
use crate::keys::{self, Node, NodeValue};

mod check;
mod expand;
mod substitute;

pub(crate) use substitute::shifted;

const KEYS: [&str; 5] = ["inputs", "outputs", "params", "agents", "streams"];
const PARAM_KEYS: [&str; 3] = ["type", "default", "doc"];

/// A sub-graph as written.
#[derive(Clone, Debug)]
pub struct CompositeDecl {
    /// Its name: what a use gives as `op`.
    pub name: At<String>,
    /// The streams that a use gives it.
    pub inputs: Vec<At<String>>,
    /// The streams that it gives.
    pub outputs: Vec<Outlet>,
    /// What a use may set.
    pub params: Vec<Knob>,
    pub(crate) agents: Vec<(At<String>, Node)>,
    pub(crate) streams: Vec<(At<String>, Node)>,
}

/// An output of a sub-graph: a stream inside, and how readers of a use call it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlet {
    /// `USE.NAME`; empty for the only output, which is called as the use.
    pub name: String,
    /// The stream inside.
    pub stream: At<String>,
}

/// A parameter of a sub-graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Its name; `$NAME` inside the sub-graph.
    pub name: At<String>,
    /// What it takes.
    pub kind: KnobKind,
    /// What it is where a use does not say; `None`: each use must.
    pub(crate) default: Option<Node>,
}

/// What a parameter of a sub-graph takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnobKind {
    /// Whole or not.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// Items, or a duration.
    Length,
    /// A list of anything.
    List,
}

impl KnobKind {
    /// How types are written.
    pub(crate) const WORDS: [&str; 6] = ["number", "integer", "bool", "text", "length", "list"];
    const ALL: [KnobKind; 6] = [
        KnobKind::Number,
        KnobKind::Integer,
        KnobKind::Bool,
        KnobKind::Text,
        KnobKind::Length,
        KnobKind::List,
    ];

    fn describe(self) -> &'static str {
        match self {
            KnobKind::Number => "a number",
            KnobKind::Integer => "a whole number",
            KnobKind::Bool => "true or false",
            KnobKind::Text => "a text",
            KnobKind::Length => "items (a whole number) or a duration such as \"0.5 s\"",
            KnobKind::List => "a list",
        }
    }

    fn takes(self, value: &NodeValue) -> bool {
        match (self, value) {
            (KnobKind::Number, NodeValue::Int(_) | NodeValue::Big(_) | NodeValue::Float(_))
            | (KnobKind::Integer | KnobKind::Length, NodeValue::Int(_))
            | (KnobKind::Bool, NodeValue::Bool(_))
            | (KnobKind::Text, NodeValue::Text(_))
            | (KnobKind::List, NodeValue::List(_)) => true,
            (KnobKind::Length, NodeValue::Text(text)) => seconds(text).is_some(),
            _ => false,
        }
    }

    /// What a parameter takes that has this default and says no more.
    fn of(value: &NodeValue) -> Option<KnobKind> {
        match value {
            NodeValue::Int(_) | NodeValue::Big(_) | NodeValue::Float(_) => Some(KnobKind::Number),
            NodeValue::Bool(_) => Some(KnobKind::Bool),
            NodeValue::Text(text) if seconds(text).is_some() => Some(KnobKind::Length),
            NodeValue::Text(_) => Some(KnobKind::Text),
            NodeValue::List(_) => Some(KnobKind::List),
            NodeValue::Table(_) | NodeValue::Other(_) => None,
        }
    }
}

/// A sub-graph from its table.
pub(crate) fn declare(name: At<String>, node: Node, found: &mut Vec<Diagnostic>) -> CompositeDecl {
    let whole = format!("graphs.{}", name.value);
    let mut composite = CompositeDecl {
        name,
        inputs: Vec::new(),
        outputs: Vec::new(),
        params: Vec::new(),
        agents: Vec::new(),
        streams: Vec::new(),
    };
    for (key, value) in keys::entries(&whole, node, found) {
        let result = match key.value.as_str() {
            "inputs" => names(&value).map(|names| composite.inputs = names),
            "outputs" => outlets(value).map(|outputs| composite.outputs = outputs),
            "params" => {
                for (name, value) in keys::entries(&format!("{whole}.params"), value, found) {
                    match knob(name, value) {
                        Ok(knob) => composite.params.push(knob),
                        Err(refusal) => found.push(refusal),
                    }
                }
                Ok(())
            }
            "agents" => {
                composite.agents = keys::entries(&format!("{whole}.agents"), value, found);
                Ok(())
            }
            "streams" => {
                composite.streams = keys::entries(&format!("{whole}.streams"), value, found);
                Ok(())
            }
            _ => Err(keys::unknown_key("a sub-graph", &key, &KEYS)),
        };
        found.extend(result.err());
    }
    composite
}

/// Puts the agents of each sub-graph in the places of its uses. A graph without sub-graphs, or whose
/// uses were replaced before, stays as it is.
///
/// # Errors
/// Every finding in a sub-graph, then every finding in a use.
pub fn expand(graph: &mut GraphDecl) -> Result<(), Refused> {
    if graph.composites.is_empty() || graph.is_expanded {
        return Ok(());
    }
    let mut found = Vec::new();
    check::definitions(graph, &mut found);
    Refused::unless_empty(std::mem::take(&mut found), &graph.source)?;
    check::unused(graph);
    expand::uses(graph, &mut found);
    include::rebase(graph);
    graph.is_expanded = true;
    Refused::unless_empty(found, &graph.source)
}

/// `"x"` or `["x", "y"]`.
fn names(node: &Node) -> Result<Vec<At<String>>, Diagnostic> {
    let wanted = "the name of an input, or a list of them";
    match &node.value {
        NodeValue::Text(_) => Ok(vec![node.text("inputs", wanted)?]),
        NodeValue::List(items) => items
            .iter()
            .map(|item| item.text("inputs", wanted))
            .collect(),
        _ => Err(node.should_be("inputs", wanted)),
    }
}

/// `"lp"`, `["lp", "hp"]` or `{ low = "lp", high = "hp" }`.
fn outlets(node: Node) -> Result<Vec<Outlet>, Diagnostic> {
    let wanted = "a stream's name, a list of them, or a table { name = \"stream\" }";
    let outlet = |name: &str, stream| Outlet {
        name: name.to_owned(),
        stream,
    };
    match &node.value {
        NodeValue::Text(_) => Ok(vec![outlet("", node.text("outputs", wanted)?)]),
        NodeValue::List(items) => items
            .iter()
            .map(|item| {
                let stream = item.text("outputs", wanted)?;
                Ok(outlet(&stream.value.clone(), stream))
            })
            .collect(),
        NodeValue::Table(entries) => entries
            .iter()
            .map(|(name, item)| Ok(outlet(&name.value, item.text("outputs", wanted)?)))
            .collect(),
        _ => Err(node.should_be("outputs", wanted)),
    }
}

/// `cutoff = 1000.0`, or `cutoff = { type = "number", default = .., doc = ".." }`.
fn knob(name: At<String>, node: Node) -> Result<Knob, Diagnostic> {
    let NodeValue::Table(entries) = node.value else {
        let kind = KnobKind::of(&node.value).ok_or_else(|| {
            node.should_be(&name.value, "a number, a text, true, false or a list")
        })?;
        return Ok(Knob {
            name,
            kind,
            default: Some(node),
        });
    };
    let (mut kind, mut default) = (None, None);
    for (key, value) in entries {
        match key.value.as_str() {
            "type" => {
                let at = keys::choice("type", &value, &KnobKind::WORDS)?;
                kind = Some(KnobKind::ALL[at]);
            }
            "default" => default = Some(value),
            "doc" => drop(value.text("doc", "a text")?),
            _ => return Err(keys::unknown_key("a parameter", &key, &PARAM_KEYS)),
        }
    }
    let inferred = default
        .as_ref()
        .and_then(|default| KnobKind::of(&default.value));
    let Some(kind) = kind.or(inferred) else {
        let message = format!(
            "parameter `{}` has neither `type` nor `default`",
            name.value
        );
        return Err(Diagnostic::new(message)
            .at(name.span, "what does it take?")
            .help(format!("the types are {}", KnobKind::WORDS.join(", "))));
    };
    match default {
        Some(default) if !kind.takes(&default.value) => {
            Err(default.should_be("default", kind.describe()))
        }
        default => Ok(Knob {
            name,
            kind,
            default,
        }),
    }
}

#[cfg(test)]
mod tests;
