//! Edges that may lose: what `overflow` asks for, made of agents.
//!
//! Loss is a matter of one place: an agent beside the producer that throws away what does not fit,
//! or one beside each reader that skips to the newest. Everything else in the engine is lossless.

use thalweg_worker::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use thalweg_worker::types::ItemType;

use crate::decl::{OnError, Overflow};
use crate::resolved::{AgentIx, Edge, Resolved, ResolvedAgent, ResolvedStream};

/// Puts the agents in place that lossy streams are made of.
pub fn insert(graph: &mut Resolved) {
    for stream in 0..graph.streams.len() {
        match graph.streams[stream].overflow {
            Overflow::Block => {}
            Overflow::DropNewest => insert_drop(graph, stream),
            Overflow::Latest => insert_latest(graph, stream),
        }
    }
}

/// Producer -> `NAME~full` -> drop -> `NAME` -> readers.
fn insert_drop(graph: &mut Resolved, stream: usize) {
    let original = graph.streams[stream].clone();
    let (producer, output) = original.producer;
    let agent = graph.agents.len();
    let raw = graph.streams.len();
    graph.agents[producer].outputs[output] = raw;
    graph.streams.push(ResolvedStream {
        name: format!("{}~full", original.name),
        producer: (producer, output),
        readers: vec![(agent, 0)],
        capacity: None,
        overflow: Overflow::Block,
        ..original.clone()
    });
    graph.streams[stream].producer = (agent, 0);
    let edge = Edge::DropNewest { beside: producer };
    let seat = edge_agent(graph, &original, "drop-newest", edge, raw, stream);
    graph.agents.push(seat);
    put_after(graph, agent, producer);
}

/// `NAME` -> latest -> `NAME~reader` -> reader, once for each reader.
fn insert_latest(graph: &mut Resolved, stream: usize) {
    let original = graph.streams[stream].clone();
    for (nth, &(reader, input)) in original.readers.iter().enumerate() {
        let agent = graph.agents.len();
        let fresh = graph.streams.len();
        graph.agents[reader].inputs[input] = fresh;
        graph.streams.push(ResolvedStream {
            name: format!("{}~{}", original.name, graph.agents[reader].name),
            producer: (agent, 0),
            readers: vec![(reader, input)],
            capacity: None,
            overflow: Overflow::Block,
            ..original.clone()
        });
        graph.streams[stream].readers[nth] = (agent, 0);
        let edge = Edge::Latest { beside: reader };
        let seat = edge_agent(graph, &original, "latest", edge, stream, fresh);
        graph.agents.push(seat);
        put_before(graph, agent, reader);
    }
}

fn edge_agent(
    graph: &Resolved,
    stream: &ResolvedStream,
    kind: &str,
    edge: Edge,
    input: usize,
    output: usize,
) -> ResolvedAgent {
    let (beside, name) = match edge {
        Edge::DropNewest { beside } => (beside, format!("{}~{kind}", stream.name)),
        Edge::Latest { beside } => {
            let reader = &graph.agents[beside].name;
            (beside, format!("{}~{kind}~{reader}", stream.name))
        }
    };
    let drops = matches!(edge, Edge::DropNewest { .. });
    ResolvedAgent {
        name,
        op: kind.to_owned(),
        blueprint: blueprint(&stream.item_type, stream.rate, drops),
        inputs: vec![input],
        outputs: vec![output],
        worker: graph.agents[beside].worker,
        restart: None,
        on_error: OnError::Stop,
        span: graph.agents[beside].span.clone(),
        writes: Vec::new(),
        reads: Vec::new(),
        edge: Some(edge),
    }
}

fn blueprint(item_type: &ItemType, rate: Option<f64>, drops: bool) -> Blueprint {
    let blueprint = Blueprint::new(Passing { drops })
        .input(InPort::new(item_type.clone()))
        .output(OutPort::new(item_type.clone(), rate))
        .not_deterministic();
    match drops {
        true => Blueprint {
            drops_when_full: true,
            ..blueprint.state(StateSpec::of(0u64))
        },
        false => blueprint,
    }
}

/// Passes on what fits; throws the rest away and counts it (the state), or waits.
struct Passing {
    drops: bool,
}

impl Agent for Passing {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let len_bytes = n * input.item_len();
        output.bytes()[..len_bytes].copy_from_slice(&input.bytes()[..len_bytes]);
        output.produce(n);
        input.consume(n);
        if self.drops {
            *io.state.get::<u64>() += input.len() as u64;
            input.consume(input.len());
        }
        Ok(Status::Ready)
    }
}

/// Moves the last agent to the place after `producer`, so that the order stays topological.
fn put_after(graph: &mut Resolved, agent: AgentIx, producer: AgentIx) {
    move_agent(graph, agent, producer + 1);
}

/// Moves the last agent to the place before `reader`.
fn put_before(graph: &mut Resolved, agent: AgentIx, reader: AgentIx) {
    move_agent(graph, agent, reader);
}

fn move_agent(graph: &mut Resolved, from: AgentIx, to: AgentIx) {
    let moved = graph.agents.remove(from);
    graph.agents.insert(to, moved);
    let renumber = |ix: AgentIx| match ix {
        ix if ix == from => to,
        ix if ix >= to && ix < from => ix + 1,
        ix => ix,
    };
    for stream in &mut graph.streams {
        stream.producer.0 = renumber(stream.producer.0);
        for reader in &mut stream.readers {
            reader.0 = renumber(reader.0);
        }
    }
    for agent in &mut graph.agents {
        match &mut agent.edge {
            Some(Edge::DropNewest { beside } | Edge::Latest { beside }) => {
                *beside = renumber(*beside);
            }
            None => {}
        }
    }
}
