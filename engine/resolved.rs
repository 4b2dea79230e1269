//! A graph with every type known: what `resolve` makes and `plan` places.

use thalweg_worker::agent::Blueprint;
use thalweg_worker::types::ItemType;

use crate::decl::{Capacity, OnError, Overflow, SourceText, Span, WorkerDecl};
use crate::{overflow, tags};

/// An agent's place in [`Resolved::agents`].
pub type AgentIx = usize;
/// A stream's place in [`Resolved::streams`].
pub type StreamIx = usize;

/// A whole graph with types, rates and edges.
#[derive(Debug)]
pub struct Resolved {
    /// The graph's name.
    pub name: String,
    /// Agents in topological order: a producer before its readers, but for the edges into a delay
    /// that closes a cycle.
    pub agents: Vec<ResolvedAgent>,
    /// Streams: one per output port.
    pub streams: Vec<ResolvedStream>,
    /// Workers as written.
    pub workers: Vec<WorkerDecl>,
    /// The text all spans point into.
    pub source: Option<SourceText>,
}

/// An agent with its blueprint.
#[derive(Debug)]
pub struct ResolvedAgent {
    /// Its name.
    pub name: String,
    /// The operator's name, or the kind of a Rust agent.
    pub op: String,
    /// Ports, state and the agent itself.
    pub blueprint: Blueprint,
    /// The stream each input reads.
    pub inputs: Vec<StreamIx>,
    /// The stream each output writes.
    pub outputs: Vec<StreamIx>,
    /// The worker it names: an index of [`Resolved::workers`].
    pub worker: Option<usize>,
    /// Deaths without progress its worker is forgiven.
    pub restart: Option<u32>,
    /// What happens to an item it dies of.
    pub on_error: OnError,
    /// Where it was written.
    pub span: Span,
    /// Files it writes, as its operator resolved them.
    pub writes: Vec<std::path::PathBuf>,
    /// Files it reads.
    pub reads: Vec<std::path::PathBuf>,
    /// Part of the engine rather than of the graph: what makes an edge lossy.
    pub edge: Option<Edge>,
}

/// An agent that stands for what an edge does when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Beside the stream's producer: throws away what does not fit.
    DropNewest {
        /// The producer.
        beside: AgentIx,
    },
    /// Beside a reader: holds nobody back, and skips to the newest.
    Latest {
        /// The reader.
        beside: AgentIx,
    },
}

/// A stream with its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedStream {
    /// `AGENT` or `AGENT.PORT`.
    pub name: String,
    /// What its items are.
    pub item_type: ItemType,
    /// Items per second, where known.
    pub rate: Option<f64>,
    /// What its numbers measure, where known.
    pub unit: Option<String>,
    /// Who writes it: agent and output.
    pub producer: (AgentIx, usize),
    /// Who reads it: agents and inputs.
    pub readers: Vec<(AgentIx, usize)>,
    /// How much it should hold, where written.
    pub capacity: Option<(Capacity, Span)>,
    /// What happens when it is full.
    pub overflow: Overflow,
    /// It holds the tags of this one.
    pub tags_of: Option<StreamIx>,
}

impl Resolved {
    /// Puts in what a graph as written leaves to the engine: agents of edges that may lose, and companions of
    /// tagged streams.
    pub fn complete(&mut self) {
        overflow::insert(self);
        tags::insert(self);
    }

    /// True if a stream has a companion.
    pub fn is_tagged(&self, stream: StreamIx) -> bool {
        self.streams.iter().any(|s| s.tags_of == Some(stream))
    }

    /// How many inputs of an agent are not companions, which come behind all others.
    pub fn own_inputs(&self, agent: AgentIx) -> usize {
        let inputs = self.agents[agent].inputs.iter();
        inputs
            .filter(|&&s| self.streams[s].tags_of.is_none())
            .count()
    }
}
