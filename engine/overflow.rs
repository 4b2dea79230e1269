//! Edges that may lose: what `overflow` asks for, made of agents.
//!
//! Loss is a matter of one place: an agent beside the producer that throws away what does not fit,
//! or one beside each reader that skips to the newest. Everything else in the engine is lossless.

use thalweg_worker::agent::{
    Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status, pass_on,
};
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
    for nth in 0..graph.streams[stream].readers.len() {
        // Anew for each reader: the agent put in before the last one has moved the others.
        let original = graph.streams[stream].clone();
        let (reader, input) = original.readers[nth];
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
        .output(OutPort::new(item_type.clone(), rate).keeps_unit())
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
        pass_on(input, output, usize::MAX);
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{file, resolve};

    fn graph(overflow: &str) -> Resolved {
        let text = format!(
            "agents.a = {{ op = \"counter\", items = 10 }}\n\
             agents.b = {{ op = \"copy\", in = \"a\" }}\n\
             agents.c = {{ op = \"null\", in = \"b\" }}\n\
             agents.d = {{ op = \"zip\", in = [\"a\", \"b\"], expr = \"a + b\" }}\n\
             agents.e = {{ op = \"null\", in = \"d\" }}\n\
             streams.a = {{ overflow = \"{overflow}\" }}\n"
        );
        let decl = file::parse(text, "g.toml", "g", PathBuf::from(".")).unwrap();
        let mut graph = resolve::resolve(decl).unwrap().0;
        insert(&mut graph);
        graph
    }

    /// Both ends of every edge name each other, and producers come before their readers.
    fn is_whole(graph: &Resolved) {
        for (s, stream) in graph.streams.iter().enumerate() {
            let (producer, output) = stream.producer;
            assert_eq!(graph.agents[producer].outputs[output], s, "{}", stream.name);
            for &(reader, input) in &stream.readers {
                assert_eq!(graph.agents[reader].inputs[input], s, "{}", stream.name);
                assert!(producer < reader, "{}", stream.name);
            }
        }
        for (a, agent) in graph.agents.iter().enumerate() {
            for (input, &s) in agent.inputs.iter().enumerate() {
                assert!(
                    graph.streams[s].readers.contains(&(a, input)),
                    "{}",
                    agent.name
                );
            }
        }
    }

    fn names(graph: &Resolved) -> Vec<&str> {
        graph.agents.iter().map(|a| a.name.as_str()).collect()
    }

    #[test]
    fn a_stream_that_blocks_is_left_alone() {
        let graph = graph("block");
        is_whole(&graph);
        assert_eq!(names(&graph), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn what_drops_stands_once_behind_the_producer() {
        let graph = graph("drop-newest");
        is_whole(&graph);
        assert_eq!(names(&graph), ["a", "a~drop-newest", "b", "c", "d", "e"]);
        let stream = graph.streams.iter().find(|s| s.name == "a").unwrap();
        assert_eq!((stream.producer, stream.readers.len()), ((1, 0), 2));
    }

    #[test]
    fn what_skips_stands_before_each_reader() {
        let graph = graph("latest");
        is_whole(&graph);
        let mut found = names(&graph);
        found.sort_unstable();
        let expected = ["a", "a~latest~b", "a~latest~d", "b", "c", "d", "e"];
        assert_eq!(found, expected);
        let beside = |a: &ResolvedAgent| match a.edge {
            Some(Edge::Latest { beside }) => graph.agents[beside].name.clone(),
            _ => String::new(),
        };
        let edges: Vec<String> = graph
            .agents
            .iter()
            .map(beside)
            .filter(|n| !n.is_empty())
            .collect();
        assert_eq!(edges, ["b", "d"]);
    }
}
