//! What needs the whole graph: settings of streams, warnings, and the resolved graph itself.

use std::path::PathBuf;

use thalweg_worker::op::nearest;

use super::build::{Built, port_of, stream_name};
use super::link::{Link, some_of};
use super::order::Order;
use crate::decl::{At, Capacity, GraphDecl, Overflow, StreamDecl, WorkDecl};
use crate::diag::Diagnostic;
use crate::resolved::{Resolved, ResolvedAgent, ResolvedStream};

/// Judges the settings of streams against the streams there are.
pub(super) fn settings(graph: &GraphDecl, built: &[Option<Built>], found: &mut Vec<Diagnostic>) {
    let mut seen: Vec<&At<String>> = Vec::new();
    for stream in &graph.streams {
        if let Some(first) = seen.iter().find(|name| name.value == stream.name.value) {
            let message = format!("stream `{}` is set twice", stream.name.value);
            found.push(
                Diagnostic::new(message)
                    .at(stream.name.span.clone(), "again")
                    .at(first.span.clone(), "the first time"),
            );
        }
        seen.push(&stream.name);
        match item_len(graph, built, &stream.name.value) {
            Known::No => found.push(unknown_stream(graph, built, stream)),
            Known::Unbuilt => {}
            Known::Yes(item_len) => found.extend(misfit(stream, item_len)),
        }
    }
}

enum Known {
    /// There is such a stream, with items of this many bytes.
    Yes(u64),
    /// Its agent could not be built.
    Unbuilt,
    No,
}

fn item_len(graph: &GraphDecl, built: &[Option<Built>], stream: &str) -> Known {
    let (agent, port) = stream.split_once('.').unwrap_or((stream, ""));
    let Some(at) = graph.agents.iter().position(|a| a.name.value == agent) else {
        return Known::No;
    };
    let Some(built) = &built[at] else {
        return Known::Unbuilt;
    };
    match built.outputs.iter().find(|out| out.name == port) {
        Some(out) => Known::Yes(out.item_type.len_bytes() as u64),
        None => Known::No,
    }
}

fn misfit(stream: &StreamDecl, item_len: u64) -> Option<Diagnostic> {
    let capacity = stream.capacity.as_ref()?;
    let (bytes, written) = match capacity.value {
        Capacity::Bytes(bytes) => (Some(bytes), format!("{bytes} bytes")),
        Capacity::Items(items) => (items.checked_mul(item_len), format!("{items} items")),
    };
    let name = &stream.name.value;
    let why = match bytes {
        Some(bytes) if bytes < item_len => format!("one item is {item_len} bytes"),
        Some(bytes) if bytes <= i64::MAX as u64 => return None,
        _ => format!("with {item_len} bytes an item that is more than any memory"),
    };
    let message = format!("stream `{name}` cannot hold {written}: {why}");
    Some(Diagnostic::new(message).at(capacity.span.clone(), "this capacity"))
}

fn unknown_stream(graph: &GraphDecl, built: &[Option<Built>], stream: &StreamDecl) -> Diagnostic {
    let names: Vec<String> = graph
        .agents
        .iter()
        .zip(built)
        .flat_map(|(agent, built)| {
            let outputs = built.as_ref().map_or(&[][..], |built| &built.outputs);
            let name = &agent.name.value;
            outputs.iter().map(move |out| stream_name(name, &out.name))
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let help = match nearest(&stream.name.value, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the streams are {}", some_of(&names)),
    };
    let name = stream.name.value.escape_debug();
    Diagnostic::new(format!("there is no stream `{name}`"))
        .at(stream.name.span.clone(), "no such stream")
        .help(help)
}

/// The resolved graph, agents in topological order, and the warnings.
pub(super) fn finish(
    graph: GraphDecl,
    links: &[Link],
    order: &Order,
    mut built: Vec<Option<Built>>,
) -> (Resolved, Vec<Diagnostic>) {
    let mut place = vec![0; links.len()];
    for (to, from) in order.agents.iter().enumerate() {
        place[*from] = to;
    }
    let warnings = warnings(&graph, links, &built);
    let mut first_stream = vec![0; links.len()];
    let mut streams = Vec::new();
    for &from in &order.agents {
        first_stream[from] = streams.len();
        if let Some(built) = &built[from] {
            streams.extend(streams_of(&graph, from, place[from], built));
        }
    }
    let reads: Vec<Vec<usize>> = links
        .iter()
        .map(|link| {
            let stream = |reads: &super::link::Reads| {
                let producer = built[reads.producer].as_ref()?;
                let port = port_of(producer, reads.port.as_deref())?;
                Some(first_stream[reads.producer] + port)
            };
            link.inputs.iter().filter_map(stream).collect()
        })
        .collect();
    let mut agents = Vec::with_capacity(links.len());
    for &from in &order.agents {
        let Some(made) = built[from].take() else {
            continue;
        };
        for (input, stream) in reads[from].iter().enumerate() {
            streams[*stream].readers.push((place[from], input));
        }
        let outputs = (first_stream[from]..).take(made.outputs.len()).collect();
        agents.extend(agent(
            &graph,
            from,
            links,
            made,
            reads[from].clone(),
            outputs,
        ));
    }
    let resolved = Resolved {
        name: graph.name,
        agents,
        streams,
        workers: graph.workers,
        source: graph.source,
    };
    (resolved, warnings)
}

fn streams_of(
    graph: &GraphDecl,
    from: usize,
    place: usize,
    built: &Built,
) -> impl Iterator<Item = ResolvedStream> {
    let agent = &graph.agents[from].name.value;
    built.outputs.iter().enumerate().map(move |(port, out)| {
        let name = stream_name(agent, &out.name);
        let set = graph.streams.iter().find(|s| s.name.value == name);
        let capacity = set.and_then(|s| s.capacity.clone());
        ResolvedStream {
            item_type: out.item_type.clone(),
            rate: out.rate,
            producer: (place, port),
            readers: Vec::new(),
            capacity: capacity.map(|at| (at.value, at.span)),
            overflow: set.map_or(Overflow::Block, |s| s.overflow.value),
            name,
        }
    })
}

fn agent(
    graph: &GraphDecl,
    from: usize,
    links: &[Link],
    made: Built,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
) -> Option<ResolvedAgent> {
    let agent = &graph.agents[from];
    let (op, blueprint) = match &agent.work {
        WorkDecl::Op { op, .. } => (op.value.clone(), made.blueprint),
        WorkDecl::Native {
            kind, blueprint, ..
        } => ((*kind).to_owned(), blueprint.take()),
    };
    let paths = |of: Vec<(_, PathBuf)>| of.into_iter().map(|(_, path)| path).collect();
    Some(ResolvedAgent {
        name: agent.name.value.clone(),
        op,
        blueprint: blueprint?,
        inputs,
        outputs,
        worker: links[from].worker,
        restart: agent.restart.as_ref().map(|at| at.value),
        on_error: agent
            .on_error
            .as_ref()
            .map_or_else(Default::default, |at| at.value),
        span: agent.name.span.clone(),
        writes: paths(made.writes),
        reads: paths(made.reads),
        edge: None,
    })
}

/// What runs and may not be what was meant.
fn warnings(graph: &GraphDecl, links: &[Link], built: &[Option<Built>]) -> Vec<Diagnostic> {
    let mut warnings = unread(graph, links, built);
    warnings.extend(idle_workers(graph, links));
    warnings.extend(fed_by_nothing(graph, links));
    warnings.sort_by_key(Diagnostic::place);
    warnings
}

/// Agents none of whose outputs is read.
fn unread(graph: &GraphDecl, links: &[Link], built: &[Option<Built>]) -> Vec<Diagnostic> {
    let mut is_read = vec![false; links.len()];
    for reads in links.iter().flat_map(|link| &link.inputs) {
        is_read[reads.producer] = true;
    }
    let gives = |at: &usize| built[*at].as_ref().is_some_and(|b| !b.outputs.is_empty());
    (0..links.len())
        .filter(|at| !is_read[*at])
        .filter(gives)
        .map(|at| {
            let name = &graph.agents[at].name;
            Diagnostic::new(format!(
                "nobody reads `{}`: its items go nowhere",
                name.value
            ))
            .at(name.span.clone(), "nobody reads this")
        })
        .collect()
}

/// Workers without agents, where no agent is left for the plan to place there.
fn idle_workers(graph: &GraphDecl, links: &[Link]) -> Vec<Diagnostic> {
    if links.iter().any(|link| link.worker.is_none()) {
        return Vec::new();
    }
    let hosts = |at: usize| links.iter().any(|link| link.worker == Some(at));
    let idle = graph
        .workers
        .iter()
        .enumerate()
        .filter(|(at, _)| !hosts(*at));
    idle.map(|(_, worker)| {
        let message = format!(
            "worker `{}` hosts no agent and is not started",
            worker.name.value
        );
        Diagnostic::new(message).at(worker.name.span.clone(), "no agent names it")
    })
    .collect()
}

/// Cycles that no source feeds run for ever on what their delays began with.
fn fed_by_nothing(graph: &GraphDecl, links: &[Link]) -> Option<Diagnostic> {
    let mut readers = vec![Vec::new(); links.len()];
    for (reader, link) in links.iter().enumerate() {
        for reads in &link.inputs {
            readers[reads.producer].push(reader);
        }
    }
    let sources = (0..links.len()).filter(|at| links[*at].inputs.is_empty());
    let mut stack: Vec<usize> = sources.collect();
    let mut fed = vec![false; links.len()];
    while let Some(at) = stack.pop() {
        if !std::mem::replace(&mut fed[at], true) {
            stack.extend(&readers[at]);
        }
    }
    let name = &graph.agents[fed.iter().position(|fed| !fed)?].name;
    let message = format!(
        "no source feeds `{}`: its cycle never ends by itself",
        name.value
    );
    Some(Diagnostic::new(message).at(name.span.clone(), "in a cycle without a source"))
}
