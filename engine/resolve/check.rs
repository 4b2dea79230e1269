//! What needs the whole graph: settings of streams, warnings, and the resolved graph itself.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use thalweg_worker::op::nearest;
use thalweg_worker::types::ItemType;

use super::build::{Built, port_of, stream_name};
use super::link::{Link, some_of};
use super::names::split_stream;
use super::order::Order;
use super::{extensions, numbers, rates, ratios, units};
use crate::decl::{At, Capacity, Claim, GraphDecl, Overflow, StreamDecl, WorkDecl};
use crate::diag::Diagnostic;
use crate::plan::FRAMES_BYTES_MIN;
use crate::resolved::{Resolved, ResolvedAgent, ResolvedStream};

/// Judges the settings of streams against the streams there are.
pub(super) fn settings(graph: &GraphDecl, built: &[Option<Built>], found: &mut Vec<Diagnostic>) {
    let agents: HashMap<&str, usize> = graph
        .agents
        .iter()
        .enumerate()
        .map(|(at, agent)| (agent.name.value.as_str(), at))
        .collect();
    let mut seen: HashMap<&str, &At<String>> = HashMap::new();
    for stream in &graph.streams {
        let name = stream.name.value.as_str();
        if let Some(first) = seen.insert(name, &stream.name) {
            found.push(
                Diagnostic::new(format!("stream `{name}` is set twice"))
                    .at(stream.name.span.clone(), "again")
                    .at(first.span.clone(), "the first time"),
            );
        }
        let (agent, port) = split_stream(name, |name| agents.contains_key(name));
        let port = port.unwrap_or_default();
        match agents.get(agent).map(|at| &built[*at]) {
            // Its agent was refused already.
            Some(None) => {}
            Some(Some(built)) => match built.outputs.iter().find(|out| out.name == port) {
                Some(out) if out.item_type.is_framed() => found.extend(misfit_of_frames(stream)),
                Some(out) => found.extend(misfit(stream, out.item_type.len_bytes() as u64)),
                None => {
                    let own = streams_of_one(agent, built);
                    found.push(unknown_stream(stream, &own, "a sink gives no stream"));
                }
            },
            None => {
                let all = all_streams(graph, built);
                found.push(unknown_stream(stream, &all, "no agent gives a stream"));
            }
        }
    }
}

/// Compares what a Rust program takes streams to hold with what they hold.
pub(super) fn claims(graph: &GraphDecl, built: &[Option<Built>], found: &mut Vec<Diagnostic>) {
    let agents = graph.agents.iter().zip(built);
    let types: HashMap<String, &ItemType> = agents
        .filter_map(|(agent, built)| Some((&agent.name.value, built.as_ref()?)))
        .flat_map(|(agent, built)| {
            let outputs = built.outputs.iter();
            outputs.map(move |out| (stream_name(agent, &out.name), &out.item_type))
        })
        .collect();
    for Claim { stream, item_type } in &graph.claims {
        match types.get(stream) {
            Some(is) if *is != item_type => found.push(
                Diagnostic::new(format!(
                    "`{stream}` gives {is}, and the program takes it as {item_type}"
                ))
                .help("change the type of the `Stream`, or the operator's parameters"),
            ),
            _ => {}
        }
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

/// Frames have no length of their own, and their readers cannot skip to the newest: where a frame begins
/// is known from the one before it alone.
fn misfit_of_frames(stream: &StreamDecl) -> Option<Diagnostic> {
    let name = &stream.name.value;
    if stream.overflow.value == Overflow::Latest {
        let message =
            format!("stream `{name}` is of frames, and `latest` is for items of one length");
        let refused = Diagnostic::new(message).at(stream.overflow.span.clone(), "not for frames");
        return Some(refused.help("overflow = \"drop-newest\" drops frames that do not fit"));
    }
    let capacity = stream.capacity.as_ref()?;
    let why = match capacity.value {
        Capacity::Items(items) => format!("`{items}` is not a length in bytes"),
        Capacity::Bytes(bytes) if bytes < FRAMES_BYTES_MIN => {
            format!("{bytes} bytes are less than the least, {FRAMES_BYTES_MIN}")
        }
        Capacity::Bytes(bytes) if bytes > i64::MAX as u64 => {
            format!("{bytes} bytes are more than any memory")
        }
        Capacity::Bytes(_) => return None,
    };
    let message = format!("stream `{name}` is of frames, which have no fixed length: {why}");
    let refused = Diagnostic::new(message).at(capacity.span.clone(), "this capacity");
    Some(
        refused
            .help("give bytes with a unit, at least twice the longest frame: capacity = \"1 MiB\""),
    )
}

fn streams_of_one(agent: &str, built: &Built) -> Vec<String> {
    let outputs = built.outputs.iter();
    outputs.map(|out| stream_name(agent, &out.name)).collect()
}

fn all_streams(graph: &GraphDecl, built: &[Option<Built>]) -> Vec<String> {
    let agents = graph.agents.iter().zip(built);
    let whole = agents.filter_map(|(agent, built)| Some((agent, built.as_ref()?)));
    whole
        .flat_map(|(agent, built)| streams_of_one(&agent.name.value, built))
        .collect()
}

/// `without`: what there is to say where there are none.
fn unknown_stream(stream: &StreamDecl, streams: &[String], without: &str) -> Diagnostic {
    let names: Vec<&str> = streams.iter().map(String::as_str).collect();
    let help = match (nearest(&stream.name.value, &names), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => without.to_owned(),
        (None, false) => format!("the streams are {}", some_of(&names)),
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
    let settings: HashMap<&str, &StreamDecl> = graph
        .streams
        .iter()
        .map(|stream| (stream.name.value.as_str(), stream))
        .collect();
    let mut first_stream = vec![0; links.len()];
    let mut streams = Vec::new();
    for &from in &order.agents {
        first_stream[from] = streams.len();
        if let Some(built) = &built[from] {
            let agent = &graph.agents[from].name.value;
            streams.extend(streams_of(agent, &settings, place[from], built));
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
    agent: &str,
    settings: &HashMap<&str, &StreamDecl>,
    place: usize,
    built: &Built,
) -> impl Iterator<Item = ResolvedStream> {
    built.outputs.iter().enumerate().map(move |(port, out)| {
        let name = stream_name(agent, &out.name);
        let set = settings.get(name.as_str());
        let capacity = set.and_then(|s| s.capacity.clone());
        ResolvedStream {
            item_type: out.item_type.clone(),
            rate: out.rate,
            unit: built.units[port].clone(),
            producer: (place, port),
            readers: Vec::new(),
            capacity: capacity.map(|at| (at.value, at.span)),
            overflow: set.map_or(Overflow::Block, |s| s.overflow.value),
            tags_of: None,
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
    let mut warnings = graph.warnings.clone();
    warnings.extend(unread(graph, links, built));
    warnings.extend(units::clashes(graph, links, built));
    warnings.extend(rates::clashes(graph, links, built));
    warnings.extend(ratios::clashes(graph, links, built));
    warnings.extend(extensions::mistakable(graph, links, built));
    warnings.extend(graph.agents.iter().flat_map(numbers::idle));
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
    let hosts: HashSet<usize> = links.iter().filter_map(|link| link.worker).collect();
    let workers = graph.workers.iter().enumerate();
    workers
        .filter(|(at, _)| !hosts.contains(at))
        .map(|(_, worker)| {
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
