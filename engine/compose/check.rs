//! Sub-graphs judged by themselves, used or not: names, operators, streams, parameters, recursion.

use std::collections::{HashMap, HashSet};

use thalweg_worker::op::nearest;
use thalweg_worker::operators::{self, elsewhere::unknown_operator};

use super::substitute::{mentioned, name_len};
use super::{CompositeDecl, Outlet};
use crate::decl::{At, GraphDecl, Span, WorkDecl};
use crate::diag::Diagnostic;
use crate::keys::{self, AGENT_KEYS, Node, NodeValue};
use crate::resolve::names::{AGENT_NAME, check_names};

/// Judges each sub-graph, then whether one uses itself.
pub(super) fn definitions(graph: &GraphDecl, found: &mut Vec<Diagnostic>) {
    let names: Vec<&At<String>> = graph.composites.iter().map(|c| &c.name).collect();
    check_names("sub-graph", &names, AGENT_NAME, found);
    let agents: Vec<&At<String>> = graph.agents.iter().map(|a| &a.name).collect();
    check_names("agent", &agents, AGENT_NAME, found);
    let all: All<'_> = graph
        .composites
        .iter()
        .map(|c| (c.name.value.as_str(), c))
        .collect();
    for composite in &graph.composites {
        let name = &composite.name;
        if operators::find(&name.value).is_some() {
            let message = format!("`{}` is an operator, and names no sub-graph", name.value);
            found.push(Diagnostic::new(message).at(name.span.clone(), "another name, please"));
        }
        definition(&all, composite, found);
    }
    found.extend(recursion(&graph.composites));
}

/// All sub-graphs by name.
type All<'a> = HashMap<&'a str, &'a CompositeDecl>;

fn definition(all: &All<'_>, composite: &CompositeDecl, found: &mut Vec<Diagnostic>) {
    let name = &composite.name;
    if composite.agents.is_empty() {
        let message = format!("sub-graph `{}` has no agent", name.value);
        let help = format!("[graphs.{}.agents.NAME], with an `op`", name.value);
        found.push(
            Diagnostic::new(message)
                .at(name.span.clone(), "nothing in it")
                .help(help),
        );
    }
    let agents = composite.agents.iter().map(|(name, _)| name);
    let inside: Vec<&At<String>> = composite.inputs.iter().chain(agents).collect();
    check_names("agent or input", &inside, AGENT_NAME, found);
    for knob in &composite.params {
        found.extend(misnamed_knob(&knob.name));
    }
    for (agent, node) in &composite.agents {
        agent_inside(all, composite, agent, node, found);
    }
    for (_, node) in &composite.streams {
        found.extend(unknown_params(composite, node));
    }
    for outlet in &composite.outputs {
        found.extend(lost_outlet(all, composite, outlet));
    }
    let mut seen = HashSet::new();
    for outlet in &composite.outputs {
        if !seen.insert(outlet.name.as_str()) {
            let message = format!(
                "sub-graph `{}` has two outputs `{}`",
                name.value, outlet.name
            );
            found.push(Diagnostic::new(message).at(outlet.stream.span.clone(), "again"));
        }
    }
}

fn misnamed_knob(name: &At<String>) -> Option<Diagnostic> {
    let why = if AGENT_KEYS.contains(&name.value.as_str()) {
        "every agent has a key of this name"
    } else if name.value.is_empty() || name_len(&name.value) < name.value.len() {
        "it is made of letters, digits and `_`, no digit first"
    } else {
        return None;
    };
    let message = format!(
        "`{}` cannot name a parameter: {why}",
        name.value.escape_debug()
    );
    Some(Diagnostic::new(message).at(name.span.clone(), why))
}

fn agent_inside(
    all: &All<'_>,
    composite: &CompositeDecl,
    name: &At<String>,
    node: &Node,
    found: &mut Vec<Diagnostic>,
) {
    let NodeValue::Table(entries) = &node.value else {
        // Refuses it, in the words for any agent.
        keys::agent(name.clone(), node.clone(), found);
        return;
    };
    match entries.iter().find(|(key, _)| key.value == "op") {
        Some((_, op)) => found.extend(unknown_op(all, composite, name, op)),
        None => drop(keys::agent(name.clone(), node.clone(), found)),
    }
    for (key, value) in entries {
        match key.value.as_str() {
            "op" => {}
            "in" => match keys::inputs(value) {
                Ok(inputs) => found.extend(
                    inputs
                        .iter()
                        .filter_map(|input| lost_input(all, composite, name, &input.stream)),
                ),
                Err(refusal) => found.push(refusal),
            },
            _ => found.extend(unknown_params(composite, value)),
        }
    }
}

fn unknown_op(
    all: &All<'_>,
    composite: &CompositeDecl,
    agent: &At<String>,
    node: &Node,
) -> Option<Diagnostic> {
    let op = match node.text("op", "an operator's name") {
        Ok(op) => op.value,
        Err(refusal) => return Some(refusal),
    };
    if operators::find(&op).is_some() || all.contains_key(op.as_str()) {
        return None;
    }
    let help = match unknown_operator(&op, all.keys().copied()) {
        _ if op.contains('$') => "`op` is no place for a parameter: write it out".to_owned(),
        Some(help) => help,
        None => "`thalweg ops` lists the operators".to_owned(),
    };
    let (of, op) = (&composite.name.value, op.escape_debug());
    let message = format!(
        "agent `{}` of sub-graph `{of}`: there is no operator `{op}`",
        agent.value
    );
    Some(
        Diagnostic::new(message)
            .at(node.span.clone(), "unknown operator")
            .help(help),
    )
}

fn unknown_params(composite: &CompositeDecl, node: &Node) -> Vec<Diagnostic> {
    let known: Vec<&str> = composite
        .params
        .iter()
        .map(|k| k.name.value.as_str())
        .collect();
    let mut names = Vec::new();
    mentioned(node, &mut names);
    names.retain(|name| !known.contains(&name.value.as_str()));
    let refusal = |name: At<String>| {
        let help = match (nearest(&name.value, &known), known.is_empty()) {
            (Some(near), _) => format!("did you mean `${near}`?"),
            (None, true) => format!(
                "declare it: [graphs.{}.params] {} = DEFAULT; a dollar sign is written $$",
                composite.name.value, name.value
            ),
            (None, false) => format!(
                "there are ${}; a dollar sign is written $$",
                known.join(", $")
            ),
        };
        Diagnostic::new(format!(
            "sub-graph `{}` has no parameter `{}`",
            composite.name.value, name.value
        ))
        .at(name.span, "unknown parameter")
        .help(help)
    };
    names.into_iter().map(refusal).collect()
}

/// The operator of an agent inside, where it names one.
pub(super) fn op_of(node: &Node) -> Option<&str> {
    let NodeValue::Table(entries) = &node.value else {
        return None;
    };
    match &entries.iter().find(|(key, _)| key.value == "op")?.1.value {
        NodeValue::Text(op) => Some(op),
        _ => None,
    }
}

/// The sub-graph that the agent of this name inside is a use of.
fn used<'a>(all: &All<'a>, composite: &CompositeDecl, agent: &str) -> Option<&'a CompositeDecl> {
    let (_, node) = composite
        .agents
        .iter()
        .find(|(name, _)| name.value == agent)?;
    let op = op_of(node)?;
    all.get(op).copied()
}

fn lost_input(
    all: &All<'_>,
    composite: &CompositeDecl,
    agent: &At<String>,
    stream: &At<String>,
) -> Option<Diagnostic> {
    if composite
        .inputs
        .iter()
        .any(|input| input.value == stream.value)
    {
        return None;
    }
    let (head, port) = split(&stream.value);
    if composite.agents.iter().any(|(name, _)| name.value == head) {
        let of = used(all, composite, head)?;
        return match outlet_of(of, port) {
            Some(_) => None,
            None => Some(no_outlet(&agent.value, stream, of)),
        };
    }
    let inputs = composite.inputs.iter();
    let agents = composite.agents.iter().map(|(name, _)| name);
    let names: Vec<&str> = inputs.chain(agents).map(|n| n.value.as_str()).collect();
    let help = match nearest(&stream.value, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("inside it there are {}", names.join(", ")),
    };
    let message = format!(
        "agent `{}` of sub-graph `{}` reads `{}`, which is neither an input nor an agent of it",
        agent.value,
        composite.name.value,
        stream.value.escape_debug()
    );
    Some(
        Diagnostic::new(message)
            .at(stream.span.clone(), "no such stream inside")
            .help(help),
    )
}

fn lost_outlet(all: &All<'_>, composite: &CompositeDecl, outlet: &Outlet) -> Option<Diagnostic> {
    let stream = &outlet.stream;
    let of = &composite.name.value;
    let (head, port) = split(&stream.value);
    let inside = |name: &str| {
        composite
            .agents
            .iter()
            .any(|(agent, _)| agent.value == name)
    };
    let refuse = |message: String, words: &str, help: String| {
        Some(
            Diagnostic::new(message)
                .at(stream.span.clone(), words)
                .help(help),
        )
    };
    if outlet.name.contains('.') {
        return refuse(
            format!(
                "`{}` cannot name an output of sub-graph `{of}`",
                outlet.name
            ),
            "a name without a dot",
            format!("outputs = {{ NAME = \"{}\" }}", stream.value),
        );
    }
    if composite
        .inputs
        .iter()
        .any(|input| input.value == stream.value)
    {
        return refuse(
            format!("output `{}` of sub-graph `{of}` is its input", stream.value),
            "an input goes out as it came in",
            "put an agent between: op = \"copy\"".to_owned(),
        );
    }
    if !inside(head) {
        let names: Vec<&str> = composite
            .agents
            .iter()
            .map(|(n, _)| n.value.as_str())
            .collect();
        let near = nearest(head, &names).map(|near| format!("did you mean `{near}`?"));
        return refuse(
            format!(
                "output `{}` of sub-graph `{of}` comes from no agent of it",
                stream.value
            ),
            "no such agent inside",
            near.unwrap_or_else(|| format!("its agents are {}", names.join(", "))),
        );
    }
    if inside(&outlet.name) && outlet.name != head {
        return refuse(
            format!(
                "output `{}` of sub-graph `{of}` is called as an agent that it does not come from",
                outlet.name
            ),
            "give it another name",
            format!("`{}` is an agent inside", outlet.name),
        );
    }
    let of = used(all, composite, head)?;
    match outlet_of(of, port) {
        Some(_) => None,
        None => Some(no_outlet(&composite.name.value, stream, of)),
    }
}

/// `AGENT.PORT` at its first dot.
pub(super) fn split(stream: &str) -> (&str, Option<&str>) {
    match stream.split_once('.') {
        None => (stream, None),
        Some((head, port)) => (head, Some(port)),
    }
}

/// The output that readers of a use mean; none names the only one.
pub(super) fn outlet_of<'a>(of: &'a CompositeDecl, port: Option<&str>) -> Option<&'a Outlet> {
    match port {
        None if of.outputs.len() == 1 => of.outputs.first(),
        None | Some("") => None,
        Some(port) => of.outputs.iter().find(|outlet| outlet.name == port),
    }
}

/// `reader` reads a stream that the use before the dot does not give.
pub(super) fn no_outlet(reader: &str, stream: &At<String>, of: &CompositeDecl) -> Diagnostic {
    let (head, port) = split(&stream.value);
    let called = |outlet: &Outlet| match outlet.name.as_str() {
        "" => head.to_owned(),
        name => format!("{head}.{name}"),
    };
    let outputs: Vec<String> = of.outputs.iter().map(called).collect();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let name = &of.name.value;
    let (message, words) = match (outputs.len(), port) {
        (0, _) => (
            format!("`{reader}` reads `{head}`, and sub-graph `{name}` gives nothing"),
            "it has no `outputs`",
        ),
        (n, None) => (
            format!("`{reader}` reads `{head}`, and sub-graph `{name}` has {n} outputs"),
            "which of them?",
        ),
        (_, Some(port)) => (
            format!(
                "`{reader}` reads `{}`, and sub-graph `{name}` has no output `{port}`",
                stream.value
            ),
            "no such output",
        ),
    };
    let help = match (nearest(&stream.value, &outputs), port) {
        (Some(near), Some(_)) => Some(format!("did you mean `{near}`?")),
        _ if outputs.is_empty() => None,
        _ => Some(format!(
            "there are {}; what else is inside has no name outside",
            outputs.join(", ")
        )),
    };
    Diagnostic::new(message)
        .at(stream.span.clone(), words)
        .at(of.name.span.clone(), format!("`{head}` is a `{name}`"))
        .maybe_help(help)
}

/// A sub-graph that uses itself, over others or at once.
fn recursion(composites: &[CompositeDecl]) -> Option<Diagnostic> {
    let place: HashMap<&str, usize> = composites
        .iter()
        .enumerate()
        .map(|(at, composite)| (composite.name.value.as_str(), at))
        .collect();
    let uses: Vec<Vec<(usize, Span)>> = composites
        .iter()
        .map(|composite| {
            let agents = composite.agents.iter();
            agents
                .filter_map(|(name, node)| Some((*place.get(op_of(node)?)?, name.span.clone())))
                .collect()
        })
        .collect();
    let mut walk = Walk {
        composites,
        uses,
        height: vec![None; composites.len()],
        path: Vec::new(),
    };
    (0..composites.len()).find_map(|at| walk.enter(at).err())
}

/// How deep sub-graphs may nest.
const DEEPEST: usize = 32;

/// A walk over sub-graphs, from user to used.
struct Walk<'a> {
    composites: &'a [CompositeDecl],
    uses: Vec<Vec<(usize, Span)>>,
    /// How deep the uses inside go, of those that were left.
    height: Vec<Option<usize>>,
    /// From where the walk began, each with the use that goes on.
    path: Vec<(usize, Span)>,
}

impl Walk<'_> {
    fn enter(&mut self, at: usize) -> Result<usize, Diagnostic> {
        if let Some(from) = self.path.iter().position(|(seen, _)| *seen == at) {
            return Err(self.round(from));
        }
        if let Some(height) = self.height[at] {
            return Ok(height);
        }
        if self.path.len() > DEEPEST {
            return Err(self.too_deep(at));
        }
        let mut height = 0;
        for nth in 0..self.uses[at].len() {
            let (next, span) = self.uses[at][nth].clone();
            self.path.push((at, span));
            height = height.max(1 + self.enter(next)?);
            self.path.pop();
        }
        if height > DEEPEST {
            return Err(self.too_deep(at));
        }
        self.height[at] = Some(height);
        Ok(height)
    }

    fn too_deep(&self, at: usize) -> Diagnostic {
        let name = &self.composites[at].name;
        let message = format!(
            "sub-graphs nest more than {DEEPEST} deep at `{}`",
            name.value
        );
        Diagnostic::new(message).at(name.span.clone(), "too deep")
    }

    /// The path from `from` on came back to its beginning.
    fn round(&self, from: usize) -> Diagnostic {
        let name = |at: usize| self.composites[at].name.value.as_str();
        let path = &self.path[from..];
        let mut names: Vec<&str> = path.iter().map(|(at, _)| name(*at)).collect();
        names.push(names[0]);
        let message = format!(
            "sub-graph `{}` uses itself: {}",
            names[0],
            names.join(" -> ")
        );
        let labels = path
            .iter()
            .map(|(at, span)| (span.clone(), format!("used in `{}`", name(*at))));
        Diagnostic {
            labels: labels.collect(),
            ..Diagnostic::new(message)
        }
        .help("it would never end; a cycle of streams goes over a `delay`")
    }
}

/// Warns of what no one uses: sub-graphs, their inputs, their parameters. What is included is there for others too.
pub(super) fn unused(graph: &mut GraphDecl) {
    let outside = graph.agents.iter().filter_map(|agent| match &agent.work {
        WorkDecl::Op { op, .. } => Some(op.value.as_str()),
        WorkDecl::Native { .. } => None,
    });
    let inside = graph.composites.iter().flat_map(|c| &c.agents);
    let inside = inside.filter_map(|(_, node)| op_of(node));
    let used: HashSet<&str> = outside.chain(inside).collect();
    let mut warnings = Vec::new();
    let source = graph.source.as_ref();
    let is_own = |composite: &&CompositeDecl| {
        source.is_none_or(|source| source.included_at(&composite.name.span).is_none())
    };
    for composite in graph.composites.iter().filter(is_own) {
        let name = &composite.name;
        let mut warn = |message: String, span: &Span| {
            warnings.push(Diagnostic::new(message).at(span.clone(), "used nowhere"));
        };
        if !used.contains(name.value.as_str()) {
            warn(
                format!("sub-graph `{}` is used nowhere", name.value),
                &name.span,
            );
        }
        let (mut read, mut mentions) = (Vec::new(), Vec::new());
        for (_, node) in composite.agents.iter().chain(&composite.streams) {
            mentioned(node, &mut mentions);
            if let NodeValue::Table(entries) = &node.value {
                let inputs = entries.iter().filter(|(key, _)| key.value == "in");
                read.extend(inputs.flat_map(|(_, node)| keys::inputs(node).unwrap_or_default()));
            }
        }
        for input in &composite.inputs {
            if !read.iter().any(|by| by.stream.value == input.value) {
                let message = format!(
                    "nobody in sub-graph `{}` reads its input `{}`",
                    name.value, input.value
                );
                warn(message, &input.span);
            }
        }
        for knob in &composite.params {
            if !mentions.iter().any(|by| by.value == knob.name.value) {
                let message = format!(
                    "parameter `{}` of sub-graph `{}` is used nowhere",
                    knob.name.value, name.value
                );
                warn(message, &knob.name.span);
            }
        }
    }
    graph.warnings.extend(warnings);
}
