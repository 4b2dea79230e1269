//! Tagged streams: a companion beside each stream that tags come by and somebody behind asks for.
//!
//! An agent that makes tags, and one that reads them, say so in their blueprints; whatever stands between carries them
//! ([`thalweg_worker::tags`]). Companions are put where both are: a stream that nobody reads the tags of has none, and
//! a graph without makers or readers of tags stays as it is. Tags do not go around a cycle (each round would double them), nor over an edge
//! that skips to the newest, whose reader would hold the producer back by them.

use thalweg_worker::tags::Tags;
use thalweg_worker::types::ItemType;

use crate::decl::{Capacity, Overflow};
use crate::resolved::{AgentIx, Edge, Resolved, ResolvedAgent, ResolvedStream, StreamIx};

/// Puts the companions in place, once.
pub fn insert(graph: &mut Resolved) {
    if graph.streams.iter().any(|s| s.tags_of.is_some()) {
        return;
    }
    let wanted = wanted(graph, &tagged(graph));
    let mut companion_of = vec![None; graph.streams.len()];
    for stream in 0..wanted.len() {
        if wanted[stream] {
            companion_of[stream] = Some(graph.streams.len());
            let companion = companion(&graph.streams[stream], stream);
            graph.streams.push(companion);
        }
    }
    if !wanted.contains(&true) {
        return;
    }
    let joined: Vec<Joined> = (0..graph.agents.len())
        .map(|agent| join(graph, agent, &companion_of))
        .collect();
    let streams = &graph.streams;
    for agent in &mut graph.agents {
        for (port, &stream) in agent.blueprint.inputs.iter_mut().zip(&agent.inputs) {
            port.rate = streams[stream].rate;
        }
    }
    let agents = std::mem::take(&mut graph.agents).into_iter().zip(joined);
    let tagged = agents.map(|(agent, joined)| ResolvedAgent {
        blueprint: agent.blueprint.tagged(&joined.inputs, &joined.outputs),
        ..agent
    });
    graph.agents = tagged.collect();
}

/// Which of an agent's streams have companions that it is joined to.
struct Joined {
    inputs: Vec<bool>,
    outputs: Vec<bool>,
}

/// The streams that tags come by.
fn tagged(graph: &Resolved) -> Vec<bool> {
    let mut tagged = vec![false; graph.streams.len()];
    for (a, agent) in graph.agents.iter().enumerate() {
        let gives = match agent.blueprint.tags {
            Tags::Made => true,
            _ => carries(graph, a) && agent.inputs.iter().any(|&s| tagged[s] && goes(graph, s, a)),
        };
        for &stream in &agent.outputs {
            tagged[stream] = gives;
        }
    }
    tagged
}

/// The tagged streams whose tags somebody reads in the end.
fn wanted(graph: &Resolved, tagged: &[bool]) -> Vec<bool> {
    let mut wanted = vec![false; graph.streams.len()];
    for (a, agent) in graph.agents.iter().enumerate().rev() {
        let takes = match agent.blueprint.tags {
            Tags::Read => true,
            _ => carries(graph, a) && agent.outputs.iter().any(|&s| wanted[s]),
        };
        for &stream in agent.inputs.iter().filter(|_| takes) {
            wanted[stream] |= tagged[stream] && goes(graph, stream, a);
        }
    }
    wanted
}

/// Tags of its inputs come out with what it gives.
fn carries(graph: &Resolved, agent: AgentIx) -> bool {
    let agent = &graph.agents[agent];
    let skips = matches!(agent.edge, Some(Edge::Latest { .. }));
    matches!(agent.blueprint.tags, Tags::Carried | Tags::Made) && !skips
}

/// Tags go this way: forward, not back into a cycle.
fn goes(graph: &Resolved, stream: StreamIx, reader: AgentIx) -> bool {
    graph.streams[stream].producer.0 < reader
}

/// The companion of a stream, without its ends: it holds as many bytes as its stream is said to, or more.
fn companion(stream: &ResolvedStream, of: StreamIx) -> ResolvedStream {
    ResolvedStream {
        name: format!("{}~tags", stream.name),
        item_type: ItemType::Bytes,
        rate: None,
        unit: None,
        producer: stream.producer,
        readers: Vec::new(),
        capacity: stream.capacity.as_ref().map(|(capacity, span)| {
            let bytes = match *capacity {
                Capacity::Bytes(bytes) => bytes,
                Capacity::Items(items) => items.saturating_mul(stream.item_type.len_bytes() as u64),
            };
            (Capacity::Bytes(bytes), span.clone())
        }),
        overflow: Overflow::Block,
        tags_of: Some(of),
    }
}

/// Joins an agent to the companions of its streams.
fn join(graph: &mut Resolved, agent: AgentIx, companion_of: &[Option<StreamIx>]) -> Joined {
    let here = &graph.agents[agent];
    let gives = here.outputs.iter().any(|&s| companion_of[s].is_some());
    let takes = here.blueprint.tags == Tags::Read || (carries(graph, agent) && gives);
    let of_input = |&s: &StreamIx| companion_of[s].filter(|_| takes && goes(graph, s, agent));
    let inputs: Vec<_> = here.inputs.iter().map(of_input).collect();
    let outputs: Vec<_> = here.outputs.iter().map(|&s| companion_of[s]).collect();
    for &companion in inputs.iter().flatten() {
        let input = graph.agents[agent].inputs.len();
        graph.agents[agent].inputs.push(companion);
        graph.streams[companion].readers.push((agent, input));
    }
    for &companion in outputs.iter().flatten() {
        let output = graph.agents[agent].outputs.len();
        graph.agents[agent].outputs.push(companion);
        graph.streams[companion].producer = (agent, output);
    }
    Joined {
        inputs: inputs.iter().map(Option::is_some).collect(),
        outputs: outputs.iter().map(Option::is_some).collect(),
    }
}
