//! Uses become agents: names get the use's name before them, places the use beside them.

use std::collections::{BTreeMap, HashMap};

use thalweg_worker::op::{OpDef, ParamKind, Value, nearest};
use thalweg_worker::operators;

use super::check::{no_outlet, op_of, outlet_of, split};
use super::substitute::{Values, moved, shifted, substituted};
use super::{CompositeDecl, Knob};
use crate::decl::{AgentDecl, At, GraphDecl, StreamDecl, Used, WorkDecl};
use crate::diag::Diagnostic;
use crate::keys::{self, Node, NodeValue};

/// The most agents that uses may stand for: what is written in a line must not fill the memory.
const MOST_AGENTS: usize = 1 << 16;

/// Replaces the uses of the graph, which [`super::check`] found nothing wrong with.
pub(super) fn uses(graph: &mut GraphDecl, found: &mut Vec<Diagnostic>) {
    let composites = std::mem::take(&mut graph.composites);
    let agents = std::mem::take(&mut graph.agents);
    let place: HashMap<&str, usize> = composites
        .iter()
        .enumerate()
        .map(|(at, composite)| (composite.name.value.as_str(), at))
        .collect();
    let inner_uses = composites.iter().map(|composite| {
        let agents = composite.agents.iter();
        let uses =
            agents.filter_map(|(name, node)| Some((name.value.clone(), *place.get(op_of(node)?)?)));
        uses.collect()
    });
    let mut expansion = Expansion {
        inner_uses: inner_uses.collect(),
        composites: &composites,
        text_len: graph.source.as_ref().map_or(0, |source| source.text.len()),
        agents: Vec::new(),
        streams: BTreeMap::new(),
        used: Vec::new(),
        found: Vec::new(),
        is_full: false,
    };
    let top = Scope {
        prefix: String::new(),
        inputs: HashMap::new(),
        uses: agents
            .iter()
            .filter_map(|agent| Some((agent.name.value.clone(), *place.get(op_named(agent)?)?)))
            .collect(),
    };
    for agent in agents {
        expansion.put(agent, &top);
    }
    for stream in &mut graph.streams {
        // What is no output may be a stream inside by its whole name.
        if let Ok(real) = expansion.real(&top, &stream.name.value) {
            stream.name.value = real;
        }
    }
    for stream in &graph.streams {
        expansion.streams.remove(&stream.name.value);
    }
    graph.streams.extend(expansion.streams.into_values());
    graph.agents = expansion.agents;
    found.append(&mut expansion.found);
    if let Some(source) = &mut graph.source {
        source.used = expansion.used;
    }
    graph.composites = composites;
}

fn op_named(agent: &AgentDecl) -> Option<&str> {
    match &agent.work {
        WorkDecl::Op { op, .. } => Some(&op.value),
        WorkDecl::Native { .. } => None,
    }
}

/// Where names are looked up: the graph itself, or the inside of one use.
struct Scope {
    /// Before the names of its agents.
    prefix: String,
    /// The real streams behind its inputs.
    inputs: HashMap<String, String>,
    /// Which of its agents are uses, of which sub-graph.
    uses: HashMap<String, usize>,
}

struct Expansion<'a> {
    composites: &'a [CompositeDecl],
    /// For each sub-graph, which of its agents are uses.
    inner_uses: Vec<HashMap<String, usize>>,
    text_len: usize,
    agents: Vec<AgentDecl>,
    /// Settings of streams by their real names: those of an outer sub-graph go over those of an inner one.
    streams: BTreeMap<String, StreamDecl>,
    used: Vec<Used>,
    found: Vec<Diagnostic>,
    is_full: bool,
}

/// A use has no such output: which sub-graph it is of.
struct NoOutlet(usize);

impl Expansion<'_> {
    /// Takes an agent over, or what it stands for.
    fn put(&mut self, mut agent: AgentDecl, scope: &Scope) {
        for input in &mut agent.inputs {
            match self.real(scope, &input.stream.value) {
                Ok(real) => input.stream.value = real,
                Err(NoOutlet(of)) => {
                    let of = &self.composites[of];
                    self.found
                        .push(no_outlet(&agent.name.value, &input.stream, of));
                }
            }
        }
        let own = agent.name.value.strip_prefix(&scope.prefix);
        match own.and_then(|own| scope.uses.get(own)) {
            Some(&of) => self.use_of(of, agent),
            None => self.agents.push(agent),
        }
    }

    /// The stream of the whole graph that a name of this scope means.
    fn real(&self, scope: &Scope, name: &str) -> Result<String, NoOutlet> {
        if let Some(real) = scope.inputs.get(name) {
            return Ok(real.clone());
        }
        let (head, port) = split(name);
        match scope.uses.get(head) {
            Some(&of) => self.outlet(&format!("{}{head}.", scope.prefix), of, port),
            None => Ok(format!("{}{name}", scope.prefix)),
        }
    }

    /// The stream behind an output of a use; `prefix` goes before the names of its agents.
    fn outlet(&self, prefix: &str, of: usize, port: Option<&str>) -> Result<String, NoOutlet> {
        let outlet = outlet_of(&self.composites[of], port).ok_or(NoOutlet(of))?;
        let (head, inner_port) = split(&outlet.stream.value);
        match self.inner_uses[of].get(head) {
            Some(&inner) => self.outlet(&format!("{prefix}{head}."), inner, inner_port),
            None => Ok(format!("{prefix}{}", outlet.stream.value)),
        }
    }

    /// Puts the agents of sub-graph `of` in the place of this use.
    fn use_of(&mut self, of: usize, agent: AgentDecl) {
        let composite = &self.composites[of];
        if self.is_full || self.agents.len() + composite.agents.len() > MOST_AGENTS {
            if !std::mem::replace(&mut self.is_full, true) {
                let message = format!(
                    "the graph has more than {MOST_AGENTS} agents with those of its sub-graphs"
                );
                self.found.push(
                    Diagnostic::new(message).at(agent.name.span.clone(), "no room for these"),
                );
            }
            return;
        }
        self.used.push(Used {
            span: agent.name.span.clone(),
            name: agent.name.value.clone(),
        });
        let shift = self.used.len() * (self.text_len + 1);
        let before = self.found.len();
        let values = bound(composite, &agent, shift, &mut self.found);
        let inputs = connected(composite, &agent, &mut self.found);
        let as_param = "make it a parameter: params.type = \"f64\", and inside dtype = \"$type\"";
        let dtype = agent.dtype.iter();
        let dtype = dtype.map(|at| ("dtype", "type", as_param, somewhere(&agent, at)));
        let at_source = "say it inside, at the agent that gives the stream";
        let unit = agent.units.first();
        let unit = unit.map(|at| ("unit", "unit", at_source, somewhere(&agent, at)));
        for (key, thing, help, span) in dtype.chain(unit) {
            let message = format!(
                "agent `{}` is a use of sub-graph `{}`, which has no `{key}` of its own",
                agent.name.value, composite.name.value
            );
            self.found.push(
                Diagnostic::new(message)
                    .at(span, format!("this {thing}"))
                    .help(help),
            );
        }
        if self.found.len() > before {
            return;
        }
        let scope = Scope {
            prefix: format!("{}.", agent.name.value),
            inputs,
            uses: self.inner_uses[of].clone(),
        };
        for (name, node) in &composite.agents {
            let name = inside(&agent, name, shift);
            let op = op_of(node).and_then(operators::find);
            let node = filled(shifted(node.clone(), shift), &values, op, &mut self.found);
            let mut inner = keys::agent(name, node, &mut self.found);
            inner.worker = inner.worker.or_else(|| agent.worker.clone());
            inner.restart = inner.restart.or_else(|| agent.restart.clone());
            inner.on_error = inner.on_error.or_else(|| agent.on_error.clone());
            self.put(inner, &scope);
        }
        for (name, node) in &composite.streams {
            let node = filled(shifted(node.clone(), shift), &values, None, &mut self.found);
            let local = moved(name.clone(), shift);
            for mut stream in keys::streams(local, node, &mut self.found) {
                match self.real(&scope, &stream.name.value) {
                    Ok(real) => stream.name.value = real,
                    Err(NoOutlet(inner)) => {
                        let refusal = no_outlet("streams", &stream.name, &self.composites[inner]);
                        self.found.push(refusal);
                    }
                }
                self.streams.insert(stream.name.value.clone(), stream);
            }
        }
    }
}

/// The name of an agent inside a use.
fn inside(user: &AgentDecl, name: &At<String>, shift: usize) -> At<String> {
    let name = moved(name.clone(), shift);
    At::new(format!("{}.{}", user.name.value, name.value), name.span)
}

/// The place of a value, or of the use for what `--set` gave.
fn somewhere<T>(agent: &AgentDecl, at: &At<T>) -> std::ops::Range<usize> {
    match at.span.is_empty() {
        true => agent.name.span.clone(),
        false => at.span.clone(),
    }
}

/// A table of the sub-graph with the parameters' values put in. Names of operators and streams stay.
fn filled(
    node: Node,
    values: &Values,
    op: Option<&'static OpDef>,
    found: &mut Vec<Diagnostic>,
) -> Node {
    let NodeValue::Table(entries) = node.value else {
        return node;
    };
    let is_expr = |key: &str| {
        let param = op.and_then(|op| op.params.iter().find(|param| param.name == key));
        param.is_some_and(|param| matches!(param.kind, ParamKind::Expr | ParamKind::Exprs))
    };
    let fill = |(key, node): (At<String>, Node)| match key.value.as_str() {
        "op" | "in" => Ok((key, node)),
        name => {
            let node = substituted(node, values, is_expr(name))?;
            Ok((key, node))
        }
    };
    let filled: Vec<Result<_, Diagnostic>> = entries.into_iter().map(fill).collect();
    let mut entries = Vec::with_capacity(filled.len());
    for entry in filled {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(refusal) => found.push(refusal),
        }
    }
    Node {
        value: NodeValue::Table(entries),
        span: node.span,
    }
}

/// The parameters of a use: what it gives, and the defaults.
fn bound(
    composite: &CompositeDecl,
    agent: &AgentDecl,
    shift: usize,
    found: &mut Vec<Diagnostic>,
) -> Values {
    let mut values = Values::new();
    let WorkDecl::Op { op, params } = &agent.work else {
        return values;
    };
    for (key, value) in params {
        match composite
            .params
            .iter()
            .find(|knob| knob.name.value == key.value)
        {
            None => found.push(unknown_param(composite, agent, key)),
            Some(knob) => {
                let node = Node {
                    value: written(&value.value),
                    span: value.span.clone(),
                };
                if knob.kind.takes(&node.value) {
                    values.insert(key.value.clone(), node);
                } else {
                    found.push(wrong_type(composite, agent, knob, &node, value));
                }
            }
        }
    }
    for knob in &composite.params {
        let name = &knob.name;
        if params.iter().any(|(key, _)| key.value == name.value) {
            continue;
        }
        match &knob.default {
            Some(default) => {
                values.insert(name.value.clone(), shifted(default.clone(), shift));
            }
            None => {
                let message = format!(
                    "agent `{}`: sub-graph `{}` needs `{}`",
                    agent.name.value, composite.name.value, name.value
                );
                let refusal = Diagnostic::new(message)
                    .at(somewhere(agent, op), format!("without `{}`", name.value))
                    .at(name.span.clone(), "it has no default")
                    .help(format!(
                        "add `{} = ..` ({})",
                        name.value,
                        knob.kind.describe()
                    ));
                found.push(refusal);
            }
        }
    }
    values
}

fn unknown_param(composite: &CompositeDecl, agent: &AgentDecl, key: &At<String>) -> Diagnostic {
    let own: Vec<&str> = composite
        .params
        .iter()
        .map(|k| k.name.value.as_str())
        .collect();
    let all: Vec<&str> = own.iter().copied().chain(keys::AGENT_KEYS).collect();
    let name = &composite.name.value;
    let help = match (nearest(&key.value, &all), own.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("`{name}` takes no parameter"),
        (None, false) => format!("`{name}` takes {}", own.join(", ")),
    };
    let message = format!(
        "agent `{}`: sub-graph `{name}` has no parameter `{}`",
        agent.name.value,
        key.value.escape_debug()
    );
    Diagnostic::new(message)
        .at(somewhere(agent, key), "unknown parameter")
        .at(composite.name.span.clone(), "the sub-graph")
        .help(help)
}

fn wrong_type(
    composite: &CompositeDecl,
    agent: &AgentDecl,
    knob: &Knob,
    node: &Node,
    value: &At<Value>,
) -> Diagnostic {
    let wanted = knob.kind.describe();
    let message = format!(
        "agent `{}`: `{}` of sub-graph `{}` is {}, and should be {wanted}",
        agent.name.value,
        knob.name.value,
        composite.name.value,
        node.describe()
    );
    Diagnostic::new(message)
        .at(somewhere(agent, value), format!("should be {wanted}"))
        .at(knob.name.span.clone(), "declared here")
}

fn written(value: &Value) -> NodeValue {
    match value {
        Value::Int(n) => NodeValue::Int(*n),
        Value::Big(n) => NodeValue::Big(*n),
        Value::Float(x) => NodeValue::Float(*x),
        Value::Bool(flag) => NodeValue::Bool(*flag),
        Value::Text(text) => NodeValue::Text(text.clone()),
        Value::List(items) => {
            let node = |item| Node {
                value: written(item),
                span: 0..0,
            };
            NodeValue::List(items.iter().map(node).collect())
        }
        Value::Table(entries) => {
            let entry = |(name, value): &(String, Value)| {
                let value = Node {
                    value: written(value),
                    span: 0..0,
                };
                (At::nowhere(name.clone()), value)
            };
            NodeValue::Table(entries.iter().map(entry).collect())
        }
    }
}

/// The real streams behind the inputs of a use, whose `in` names real streams already.
fn connected(
    composite: &CompositeDecl,
    agent: &AgentDecl,
    found: &mut Vec<Diagnostic>,
) -> HashMap<String, String> {
    let wanted: Vec<&str> = composite.inputs.iter().map(|i| i.value.as_str()).collect();
    let (name, of) = (&agent.name, &composite.name.value);
    let mut inputs = HashMap::new();
    if agent.inputs.iter().any(|input| input.name.is_some()) {
        for input in &agent.inputs {
            let given = input.name.as_deref().unwrap_or_default();
            if wanted.contains(&given) {
                inputs.insert(given.to_owned(), input.stream.value.clone());
                continue;
            }
            let help = match (nearest(given, &wanted), wanted.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => "it is a source: leave `in` out".to_owned(),
                (None, false) => format!("its inputs are {}", wanted.join(", ")),
            };
            let message = format!(
                "agent `{}`: sub-graph `{of}` has no input `{given}`",
                name.value
            );
            found.push(
                Diagnostic::new(message)
                    .at(somewhere(agent, &input.stream), "goes to no input")
                    .at(composite.name.span.clone(), "the sub-graph")
                    .help(help),
            );
        }
    } else {
        for (input, wanted) in agent.inputs.iter().zip(&wanted) {
            inputs.insert((*wanted).to_owned(), input.stream.value.clone());
        }
        if let Some(input) = agent.inputs.get(wanted.len()) {
            let message = format!(
                "agent `{}`: sub-graph `{of}` has {} inputs, and is given {}",
                name.value,
                wanted.len(),
                agent.inputs.len()
            );
            found.push(
                Diagnostic::new(message)
                    .at(somewhere(agent, &input.stream), "goes to no input")
                    .at(composite.name.span.clone(), "the sub-graph"),
            );
        }
    }
    for input in &composite.inputs {
        if inputs.contains_key(&input.value) {
            continue;
        }
        let message = format!(
            "agent `{}`: input `{}` of sub-graph `{of}` is given nothing",
            name.value, input.value
        );
        found.push(
            Diagnostic::new(message)
                .at(name.span.clone(), format!("without `{}`", input.value))
                .at(input.span.clone(), "this input")
                .help(format!(
                    "in = {{ {} = \"STREAM\" }}, or a list in the order of `inputs`",
                    input.value
                )),
        );
    }
    inputs
}
