//! Pictures of a resolved graph: a text tree, DOT, Mermaid, SVG, and JSON for programs.
//!
//! All show the same: agents with their operators, the workers that host them, and on every edge what
//! its items are and how many come in a second, where that is known.

use serde_json::{Value as Json, json};

use crate::decl::{Capacity, Core, Overflow, WorkerDecl};
use crate::resolved::{AgentIx, Resolved, ResolvedStream};

mod dot;
mod layout;
mod mermaid;
mod svg;
mod text;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
pub use text::text;

/// The graph for programs: its workers, agents and streams.
pub fn json(graph: &Resolved) -> Json {
    let agent = |at: AgentIx| graph.agents[at].name.as_str();
    let worker = |at: Option<usize>| at.map(|at| graph.workers[at].name.value.as_str());
    let stream_names = |list: &[usize]| -> Vec<&str> {
        list.iter()
            .map(|s| graph.streams[*s].name.as_str())
            .collect()
    };
    let agents: Vec<Json> = graph
        .agents
        .iter()
        .map(|a| {
            json!({
                "name": a.name,
                "op": a.op,
                "worker": worker(a.worker),
                "inputs": stream_names(&a.inputs),
                "outputs": stream_names(&a.outputs),
                "deterministic": a.blueprint.deterministic,
            })
        })
        .collect();
    let streams: Vec<Json> = graph
        .streams
        .iter()
        .map(|s| {
            json!({
                "name": s.name,
                "type": s.item_type.to_string(),
                "item_bytes": s.item_type.len_bytes(),
                "rate": s.rate,
                "producer": agent(s.producer.0),
                "readers": s.readers.iter().map(|r| agent(r.0)).collect::<Vec<_>>(),
                "capacity": s.capacity.as_ref().map(|(capacity, _)| match capacity {
                    Capacity::Items(items) => json!({"items": items}),
                    Capacity::Bytes(bytes) => json!({"bytes": bytes}),
                }),
                "overflow": overflow(s.overflow),
            })
        })
        .collect();
    let workers: Vec<Json> = graph
        .workers
        .iter()
        .map(|w| {
            let core = match w.core.value {
                Core::Auto => json!("auto"),
                Core::None => json!("none"),
                Core::Number(n) => json!(n),
            };
            json!({"name": w.name.value, "core": core})
        })
        .collect();
    json!({"name": graph.name, "workers": workers, "agents": agents, "streams": streams})
}

fn overflow(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Block => "block",
        Overflow::DropNewest => "drop-newest",
        Overflow::Latest => "latest",
    }
}

/// What an edge is labelled with: `f64 100/s`, `z: i32, latest`.
fn label(graph: &Resolved, stream: &ResolvedStream) -> String {
    let agent = &graph.agents[stream.producer.0].name;
    let port = stream.name.strip_prefix(agent.as_str()).unwrap_or_default();
    let mut label = match port.strip_prefix('.') {
        Some(port) => format!("{port}: {}", stream.item_type),
        None => stream.item_type.to_string(),
    };
    if let Some(rate) = stream.rate {
        label += &format!(" {}/s", (rate * 1e6).round() / 1e6);
    }
    if stream.overflow != Overflow::Block {
        label += &format!(", {}", overflow(stream.overflow));
    }
    label
}

/// How a worker is called: `front, core 0`.
fn worker_title(worker: &WorkerDecl) -> String {
    let name = &worker.name.value;
    match worker.core.value {
        Core::Auto => name.clone(),
        Core::None => format!("{name}, no core"),
        Core::Number(core) => format!("{name}, core {core}"),
    }
}

/// The agents of each worker that has some, then those that no worker hosts (`None`).
fn by_worker(graph: &Resolved) -> Vec<(Option<usize>, Vec<AgentIx>)> {
    let mut hosted = vec![Vec::new(); graph.workers.len() + 1];
    for (at, agent) in graph.agents.iter().enumerate() {
        hosted[agent.worker.unwrap_or(graph.workers.len())].push(at);
    }
    let workers = (0..graph.workers.len()).map(Some).chain([None]);
    workers
        .zip(hosted)
        .filter(|(_, agents)| !agents.is_empty())
        .collect()
}

/// Every edge: stream, producer, reader and which of its inputs.
fn edges(graph: &Resolved) -> impl Iterator<Item = Edge> {
    graph.streams.iter().enumerate().flat_map(|(stream, s)| {
        s.readers.iter().map(move |(reader, input)| Edge {
            stream,
            from: s.producer.0,
            output: s.producer.1,
            to: *reader,
            input: *input,
        })
    })
}

/// One reader of one stream.
#[derive(Clone, Copy, Debug)]
struct Edge {
    stream: usize,
    from: AgentIx,
    output: usize,
    to: AgentIx,
    input: usize,
}

/// What would be markup in XML and HTML labels, spelled out; control characters as `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}
