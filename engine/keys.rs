//! What each key of a graph means: agents, workers, streams.
//!
//! The graph file, the one-line form and `--set` read their own spelling into [`Node`]s, values with
//! their places; from there on there is one meaning, and one wording of every refusal.

pub use thalweg_worker::op::AGENT_KEYS;
use thalweg_worker::op::{ParamKind, Value, nearest};
use thalweg_worker::operators;
use thalweg_worker::types::ItemType;
use thalweg_worker::units::unit_of;

use crate::decl::{
    AgentDecl, At, Capacity, Core, InputDecl, OnError, Overflow, Span, StreamDecl, WorkDecl,
    WorkerDecl,
};
use crate::diag::Diagnostic;

/// The keys of a worker.
pub const WORKER_KEYS: [&str; 2] = ["core", "restart"];
/// The keys of a stream.
pub const STREAM_KEYS: [&str; 2] = ["capacity", "overflow"];
/// The spellings of [`Overflow`].
pub const OVERFLOWS: [&str; 3] = ["block", "drop-newest", "latest"];
/// The spellings of [`OnError`].
pub const ON_ERRORS: [&str; 2] = ["stop", "skip"];

const UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

/// A value as it was written, with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub value: NodeValue,
    pub span: Span,
}

/// What a [`Node`] may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NodeValue {
    Int(i64),
    /// From 2^63 on.
    Big(u64),
    Float(f64),
    Bool(bool),
    Text(String),
    List(Vec<Node>),
    /// Entries in the order they were written.
    Table(Vec<(At<String>, Node)>),
    /// What no key takes, in words: a date, a number beyond 64 bits.
    Other(String),
}

impl Node {
    /// What was found, for messages.
    pub fn describe(&self) -> String {
        match &self.value {
            NodeValue::Table(_) => "a table".to_owned(),
            NodeValue::Other(words) => words.clone(),
            NodeValue::Int(n) => Value::Int(*n).describe(),
            NodeValue::Big(n) => Value::Big(*n).describe(),
            NodeValue::Float(x) => Value::Float(*x).describe(),
            NodeValue::Bool(b) => Value::Bool(*b).describe(),
            NodeValue::Text(t) => Value::Text(t.clone()).describe(),
            NodeValue::List(items) => format!("a list of {}", items.len()),
        }
    }

    /// "`key` is this, and should be that", pointing here.
    pub(crate) fn should_be(&self, key: &str, wanted: &str) -> Diagnostic {
        Diagnostic::new(format!(
            "`{key}` is {}, and should be {wanted}",
            self.describe()
        ))
        .at(self.span.clone(), format!("should be {wanted}"))
    }

    pub(crate) fn text(&self, key: &str, wanted: &str) -> Result<At<String>, Diagnostic> {
        match &self.value {
            NodeValue::Text(text) => Ok(At::new(text.clone(), self.span.clone())),
            _ => Err(self.should_be(key, wanted)),
        }
    }
}

/// The entries of a table that the file must have under `key`: `[key.NAME]`.
pub(crate) fn entries(
    key: &str,
    node: Node,
    found: &mut Vec<Diagnostic>,
) -> Vec<(At<String>, Node)> {
    match node.value {
        NodeValue::Table(entries) => entries,
        _ => {
            let refusal = node
                .should_be(key, "a table")
                .help(match key.contains('.') {
                    true => format!("write [{key}], its keys below"),
                    false => format!("write each one as [{key}.NAME], its keys below"),
                });
            found.push(refusal);
            Vec::new()
        }
    }
}

/// An agent from its table.
pub(crate) fn agent(name: At<String>, node: Node, found: &mut Vec<Diagnostic>) -> AgentDecl {
    let mut agent = AgentDecl {
        scope_len: 0,
        work: WorkDecl::Op {
            op: At::new(String::new(), name.span.clone()),
            params: Vec::new(),
        },
        name,
        inputs: Vec::new(),
        worker: None,
        dtype: None,
        units: Vec::new(),
        restart: None,
        on_error: None,
    };
    if !matches!(node.value, NodeValue::Table(_)) {
        let key = format!("agents.{}", agent.name.value);
        let refusal = node.should_be(&key, "a table: the agent of this name");
        found.push(
            refusal.help("an agent is a table [agents.NAME], its keys (`op`, `in` ..) below"),
        );
        return agent;
    }
    let entries = entries("agents", node, found);
    let names_op = entries.iter().any(|(key, _)| key.value == "op");
    let meant = entries
        .iter()
        .map(|(key, _)| key.value.as_str())
        .find(|key| is_meant_for_op(key));
    let meant = meant.map(|key| format!("`{}` is written `op`", key.escape_debug()));
    for (key, value) in entries {
        if let Err(refusal) = set_agent(&mut agent, key, value) {
            found.push(refusal);
        }
    }
    if !names_op {
        let refusal = Diagnostic::new(format!("agent `{}` names no `op`", agent.name.value))
            .at(agent.name.span.clone(), "what does it do?")
            .help("add `op = \"..\"`; `thalweg ops` lists the operators")
            .maybe_help(meant);
        found.push(refusal);
    }
    agent
}

/// What others call the key that names the operator.
fn is_meant_for_op(key: &str) -> bool {
    ["op", "operator", "type", "kind"]
        .iter()
        .any(|word| key.eq_ignore_ascii_case(word))
}

/// One key of an agent. A parameter given before is replaced.
pub(crate) fn set_agent(
    agent: &mut AgentDecl,
    key: At<String>,
    node: Node,
) -> Result<(), Diagnostic> {
    match key.value.as_str() {
        "op" => match &mut agent.work {
            WorkDecl::Op { op, .. } => *op = node.text("op", "an operator's name")?,
            WorkDecl::Native { .. } => return Err(made_in_rust(agent, &key)),
        },
        "in" => agent.inputs = inputs(&node)?,
        "worker" => agent.worker = Some(node.text("worker", "a worker's name")?),
        "dtype" => agent.dtype = Some(item_type(&node)?),
        "unit" => agent.units = units(&node)?,
        "restart" => agent.restart = Some(tries(&node)?),
        "on_error" => {
            let at = choice("on_error", &node, &ON_ERRORS)?;
            let value = [OnError::Stop, OnError::Skip][at];
            agent.on_error = Some(At::new(value, node.span));
        }
        name => {
            let value = parameter(&agent.name.value, name, &node)?;
            let value = At::new(value, node.span);
            match &mut agent.work {
                WorkDecl::Op { params, .. } => {
                    params.retain(|(old, _)| old.value != key.value);
                    params.push((key, value));
                }
                WorkDecl::Native { .. } => return Err(made_in_rust(agent, &key)),
            }
        }
    }
    Ok(())
}

/// Sets one of the agent's live numbers, if it has one of this name.
pub(crate) fn set_live(
    agent: &mut AgentDecl,
    name: &str,
    node: &Node,
) -> Option<Result<(), Diagnostic>> {
    let WorkDecl::Op { op, params } = &mut agent.work else {
        return None;
    };
    let mut tables = params
        .iter_mut()
        .filter_map(|(key, value)| match &mut value.value {
            Value::Table(entries) => Some((key.value.as_str(), entries)),
            _ => None,
        });
    let (key, number) = tables.find_map(|(key, table)| {
        let number = table.iter_mut().find(|(own, _)| own == name)?;
        Some((key, &mut number.1))
    })?;
    // A use of a sub-graph has none: what the value becomes is told where the sub-graph uses it.
    let mut known = operators::find(&op.value)
        .into_iter()
        .flat_map(|op| op.params);
    let def = known.find(|param| param.name == key);
    let agent = &agent.name.value;
    let value = parameter(agent, name, node).and_then(|value| {
        let entry = Value::Table(vec![(name.to_owned(), value.clone())]);
        match def.map_or(Ok(()), |def| def.check(&entry)) {
            Ok(()) => Ok(value),
            Err(refused) => Err(
                Diagnostic::new(format!("agent `{agent}`: {}", refused.message))
                    .at(node.span.clone(), "this value")
                    .maybe_help(refused.help),
            ),
        }
    });
    Some(value.map(|value| *number = value))
}

/// The names of an agent's live numbers.
pub(crate) fn live_names(agent: &AgentDecl) -> Vec<&str> {
    let WorkDecl::Op { params, .. } = &agent.work else {
        return Vec::new();
    };
    let tables = params.iter().filter_map(|(_, value)| match &value.value {
        Value::Table(entries) => Some(entries),
        _ => None,
    });
    tables.flatten().map(|(name, _)| name.as_str()).collect()
}

/// A worker from its table.
pub(crate) fn worker(name: At<String>, node: Node, found: &mut Vec<Diagnostic>) -> WorkerDecl {
    let mut worker = WorkerDecl {
        core: At::new(Core::Auto, name.span.clone()),
        name,
        restart: None,
    };
    let whole = format!("workers.{}", worker.name.value);
    for (key, value) in entries(&whole, node, found) {
        if let Err(refusal) = set_worker(&mut worker, key, value) {
            found.push(refusal);
        }
    }
    worker
}

/// One key of a worker.
pub(crate) fn set_worker(
    worker: &mut WorkerDecl,
    key: At<String>,
    node: Node,
) -> Result<(), Diagnostic> {
    match key.value.as_str() {
        "core" => worker.core = At::new(core(&node)?, node.span),
        "restart" => worker.restart = Some(tries(&node)?),
        _ => return Err(unknown_key("a worker", &key, &WORKER_KEYS)),
    }
    Ok(())
}

/// Streams from one entry of `[streams]`: `[streams.trace]`, `[streams."trace.z"]` and
/// `[streams.trace.z]`, which TOML reads as a table inside a table.
pub(crate) fn streams(
    name: At<String>,
    node: Node,
    found: &mut Vec<Diagnostic>,
) -> Vec<StreamDecl> {
    let whole = format!("streams.{}", name.value);
    let mut own = Vec::new();
    let mut ports = Vec::new();
    for (key, value) in entries(&whole, node, found) {
        match value.value {
            NodeValue::Table(_) => {
                let port = format!("{}.{}", name.value, key.value);
                ports.extend(streams(At::new(port, key.span), value, found));
            }
            _ => own.push((key, value)),
        }
    }
    if own.is_empty() && !ports.is_empty() {
        return ports;
    }
    let mut stream = StreamDecl {
        overflow: At::new(Overflow::Block, name.span.clone()),
        name,
        capacity: None,
    };
    for (key, value) in own {
        if let Err(refusal) = set_stream(&mut stream, key, value) {
            found.push(refusal);
        }
    }
    ports.insert(0, stream);
    ports
}

/// One key of a stream.
pub(crate) fn set_stream(
    stream: &mut StreamDecl,
    key: At<String>,
    node: Node,
) -> Result<(), Diagnostic> {
    match key.value.as_str() {
        "capacity" => stream.capacity = Some(At::new(capacity(&node)?, node.span)),
        "overflow" => {
            let at = choice("overflow", &node, &OVERFLOWS)?;
            let value = [Overflow::Block, Overflow::DropNewest, Overflow::Latest][at];
            stream.overflow = At::new(value, node.span);
        }
        _ => return Err(unknown_key("a stream", &key, &STREAM_KEYS)),
    }
    Ok(())
}

/// "`key` is no key of a worker", with the nearest that is one.
pub(crate) fn unknown_key(of: &str, key: &At<String>, known: &[&str]) -> Diagnostic {
    let help = match nearest(&key.value, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    Diagnostic::new(format!("`{}` is no key of {of}", key.value))
        .at(key.span.clone(), "unknown key")
        .help(help)
}

fn made_in_rust(agent: &AgentDecl, key: &At<String>) -> Diagnostic {
    Diagnostic::new(format!(
        "agent `{}` is made in Rust and has no parameter `{}`",
        agent.name.value, key.value
    ))
    .at(key.span.clone(), "no parameter")
    .help("in, worker, dtype, unit, restart and on_error can be set")
}

/// `"a"`, `["a", "b.z"]` or `{ l = "a", r = "b" }`.
pub(crate) fn inputs(node: &Node) -> Result<Vec<InputDecl>, Diagnostic> {
    let stream = |node: &Node| node.text("in", "a stream's name");
    match &node.value {
        NodeValue::List(items) => items
            .iter()
            .map(|item| {
                Ok(InputDecl {
                    stream: stream(item)?,
                    name: None,
                })
            })
            .collect(),
        NodeValue::Table(entries) => entries
            .iter()
            .map(|(name, item)| {
                is_variable(name)?;
                Ok(InputDecl {
                    stream: stream(item)?,
                    name: Some(name.value.clone()),
                })
            })
            .collect(),
        NodeValue::Text(_) => Ok(vec![InputDecl {
            stream: stream(node)?,
            name: None,
        }]),
        _ => Err(node.should_be(
            "in",
            "a stream's name, a list of them, or a table { name = \"stream\" }",
        )),
    }
}

/// The names of an input table are variables of expressions.
fn is_variable(name: &At<String>) -> Result<(), Diagnostic> {
    let mut bytes = name.value.bytes();
    let first = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err(Diagnostic::new(format!(
        "`{}` cannot name an input: an expression could not use it",
        name.value.escape_debug()
    ))
    .at(name.span.clone(), "letters, digits and `_`, no digit first"))
}

fn item_type(node: &Node) -> Result<At<ItemType>, Diagnostic> {
    let text = node.text("dtype", "an item type such as \"f64\"")?;
    text.value
        .parse()
        .map(|value| At::new(value, text.span.clone()))
        .map_err(|unknown: thalweg_worker::types::UnknownType| {
            Diagnostic::new(unknown.to_string()).at(text.span.clone(), "no item type")
        })
}

/// `"V"` for every output, `["V", "A"]` for each its own.
fn units(node: &Node) -> Result<Vec<At<String>>, Diagnostic> {
    let one = |node: &Node| {
        let text = node.text("unit", "a short text such as \"m/s^2\", or a list of them")?;
        let unit = unit_of(&text.value)
            .map_err(|why| Diagnostic::new(why).at(text.span.clone(), "no unit"))?;
        Ok(At::new(unit.unwrap_or_default(), text.span))
    };
    match &node.value {
        NodeValue::List(nodes) => nodes.iter().map(one).collect(),
        _ => Ok(vec![one(node)?]),
    }
}

fn tries(node: &Node) -> Result<At<u32>, Diagnostic> {
    match node.value {
        NodeValue::Int(n) if u32::try_from(n).is_ok() => Ok(At::new(n as u32, node.span.clone())),
        _ => Err(node.should_be("restart", "a whole number from 0 up")),
    }
}

fn core(node: &Node) -> Result<Core, Diagnostic> {
    match &node.value {
        NodeValue::Int(n) if (0..=65_535).contains(n) => Ok(Core::Number(*n as usize)),
        NodeValue::Text(text) if text == "auto" => Ok(Core::Auto),
        NodeValue::Text(text) if text == "none" => Ok(Core::None),
        _ => Err(node.should_be("core", "a core's number, \"auto\" or \"none\"")),
    }
}

pub(crate) fn choice(key: &str, node: &Node, words: &[&str]) -> Result<usize, Diagnostic> {
    let wanted = format!("one of {}", words.join(", "));
    let text = node.text(key, &wanted)?;
    words.iter().position(|w| *w == text.value).ok_or_else(|| {
        let help = nearest(&text.value, words).map(|near| format!("did you mean \"{near}\"?"));
        node.should_be(key, &wanted).maybe_help(help)
    })
}

fn capacity(node: &Node) -> Result<Capacity, Diagnostic> {
    let wanted = "items (a whole number from 1 up) or bytes with a unit such as \"1 MiB\"";
    let refused = || node.should_be("capacity", wanted);
    match &node.value {
        NodeValue::Int(n) if *n > 0 => Ok(Capacity::Items(*n as u64)),
        NodeValue::Text(text) => bytes(text)
            .filter(|n| *n > 0)
            .map(Capacity::Bytes)
            .ok_or_else(|| {
                let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
                refused().help(format!("the units are {}", units.join(", ")))
            }),
        _ => Err(refused()),
    }
}

/// A capacity as the command line gives it: `4096` items, or `64KiB`.
pub fn capacity_of_text(text: &str) -> Result<Capacity, String> {
    let items = text.parse().ok().map(Capacity::Items);
    let asked = items.or_else(|| bytes(text).map(Capacity::Bytes));
    asked
        .filter(|c| !matches!(c, Capacity::Items(0) | Capacity::Bytes(0)))
        .ok_or_else(|| "a capacity is items (4096) or bytes with a unit (64KiB)".to_owned())
}

/// `"1 MiB"`, `"64MB"`, `"1.5 KiB"` in bytes; `None` for what is no such text or no whole number.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = (text[..split].trim(), text[split..].trim());
    let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale);
    }
    let bytes = number.parse::<f64>().ok()? * scale as f64;
    ((0.0..1e18).contains(&bytes) && bytes.fract() == 0.0).then_some(bytes as u64)
}

/// True for a parameter of some operator that is a table.
fn is_table(name: &str) -> bool {
    let ops = operators::table().iter();
    let mut params = ops.flat_map(|op| op.params);
    params.any(|param| param.name == name && param.kind == ParamKind::Live)
}

fn parameter(agent: &str, name: &str, node: &Node) -> Result<Value, Diagnostic> {
    let refused = |why: String| {
        Diagnostic::new(format!("agent `{agent}`: `{name}` is {why}"))
            .at(node.span.clone(), "this value")
    };
    Ok(match &node.value {
        NodeValue::Int(n) => Value::Int(*n),
        NodeValue::Big(n) => Value::Big(*n),
        NodeValue::Float(x) => Value::Float(*x),
        NodeValue::Bool(b) => Value::Bool(*b),
        NodeValue::Text(t) => Value::Text(t.clone()),
        NodeValue::List(items) => Value::List(
            items
                .iter()
                .map(|item| parameter(agent, name, item))
                .collect::<Result<_, _>>()?,
        ),
        NodeValue::Table(entries) if is_table(name) => {
            let entries = entries.iter();
            let entries =
                entries.map(|(key, value)| Ok((key.value.clone(), parameter(agent, name, value)?)));
            Value::Table(entries.collect::<Result<_, _>>()?)
        }
        NodeValue::Table(_) => {
            let help = match name {
                "params" | "parameters" | "args" | "options" => {
                    "a parameter is a key of the agent, beside `op`"
                }
                _ => "write a number, a text, true, false or a list; an agent's name has no dot",
            };
            return Err(refused("a table, and only `live` is one".to_owned()).help(help));
        }
        NodeValue::Other(words) => return Err(refused(words.clone())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_in_bytes_are_read_with_their_units() {
        let cases = [
            ("1 MiB", Some(1 << 20)),
            ("64MB", Some(64_000_000)),
            ("1.5 KiB", Some(1536)),
            ("0 B", Some(0)),
            ("18446744073709551615 B", Some(u64::MAX)),
            ("18446744073709551616 B", None),
            ("18446744073709551615 KiB", None),
            ("0.3 B", None),
            ("-1 KiB", None),
            ("64M", None),
            ("64", None),
            ("MiB", None),
            ("1e400 B", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
    }
}
