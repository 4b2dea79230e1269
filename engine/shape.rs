//! The shape of a run's segment, in words: what must be the same for a later process to go on with it.
//!
//! A line for each region, agent and stream. Two shapes are compared by their hash, which lies in the
//! segment's run header; the lines are kept beside the run's file, so that a refusal can say what differs.

use serde::{Deserialize, Serialize};
use thalweg_ringbuf::{Fencing, LAYOUT_VERSION};

use crate::plan::Plan;
use crate::resolved::{Resolved, StreamIx};

/// What lies where in a segment, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(Vec<String>);

impl Shape {
    /// The shape that a plan gives a graph's segment.
    pub fn of(graph: &Resolved, plan: &Plan, fencing: Fencing) -> Shape {
        let mut lines = vec![
            format!("thalweg {}", env!("CARGO_PKG_VERSION")),
            format!("ring layout {LAYOUT_VERSION}"),
            format!("fencing {fencing:?}"),
            format!("segment of {} bytes", plan.len_bytes),
            format!("bells at {:?}", plan.bells),
            format!("dismissals at {:?}", plan.dismissals),
        ];
        for worker in &plan.workers {
            let agents: Vec<&str> = worker
                .agents
                .iter()
                .map(|&a| graph.agents[a].name.as_str())
                .collect();
            lines.push(format!(
                "worker {} at {:?}, desk at {:?}, agents {}",
                worker.name,
                worker.control,
                worker.desk,
                agents.join(" ")
            ));
        }
        for agent in &graph.agents {
            let names = |streams: &[StreamIx]| {
                let names = streams.iter().map(|&s| graph.streams[s].name.as_str());
                names.collect::<Vec<_>>().join(" ")
            };
            lines.push(format!(
                "agent {} is {} with {} bytes of state, reads [{}], writes [{}]",
                agent.name,
                agent.op,
                agent.blueprint.state.init.len(),
                names(&agent.inputs),
                names(&agent.outputs)
            ));
        }
        for (stream, planned) in graph.streams.iter().zip(&plan.streams) {
            lines.push(format!(
                "stream {} of {} at {:?} and {:?}, capacity {}, readers {:?}",
                stream.name,
                stream.item_type,
                planned.header,
                planned.data,
                planned.capacity,
                planned.readers
            ));
        }
        Shape(lines)
    }

    /// A number that differs where shapes do (FNV-1a of the lines).
    pub fn hash(&self) -> u64 {
        let bytes = self.0.iter().flat_map(|line| line.bytes().chain([b'\n']));
        fnv1a(bytes)
    }

    /// The first line that differs: as it is here, and as it is there.
    pub fn difference(&self, other: &Shape) -> Option<(String, String)> {
        let nothing = || "(nothing)".to_owned();
        let lines = self.0.len().max(other.0.len());
        (0..lines)
            .map(|n| (self.0.get(n), other.0.get(n)))
            .find(|(ours, theirs)| ours != theirs)
            .map(|(ours, theirs)| {
                (
                    ours.cloned().unwrap_or_else(nothing),
                    theirs.cloned().unwrap_or_else(nothing),
                )
            })
    }
}

/// FNV-1a, 64 bits: finds accidents, not intent.
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::plan::{Machine, Options, plan};
    use crate::{file, resolve};

    fn shape(text: &str, options: &Options) -> Shape {
        let decl = file::parse(text.to_owned(), "g.toml", "g", PathBuf::from(".")).unwrap();
        let graph = resolve::resolve(decl).unwrap().0;
        let machine = Machine {
            cores: vec![0, 1],
            topology: crate::topology::Topology::flat(&[0, 1]),
            shm_free: None,
            fencing: Fencing::Symmetric,
        };
        let plan = plan(&graph, &machine, options).unwrap();
        Shape::of(&graph, &plan, machine.fencing)
    }

    const TEXT: &str = "agents.a = { op = \"counter\", items = 10 }\n\
                        agents.b = { op = \"copy\", in = \"a\" }\n\
                        agents.c = { op = \"null\", in = \"b\" }\n";

    #[test]
    fn a_shape_is_the_same_as_often_as_it_is_made() {
        let one = shape(TEXT, &Options::default());
        let other = shape(TEXT, &Options::default());
        assert_eq!(one.hash(), other.hash());
        assert_eq!(one.difference(&other), None);
    }

    #[test]
    fn what_moves_a_byte_or_an_owner_changes_the_shape() {
        let usual = shape(TEXT, &Options::default());
        let differs = |text: &str, options: &Options, word: &str| {
            let other = shape(text, options);
            assert_ne!(usual.hash(), other.hash(), "{text}");
            let (_, there) = usual.difference(&other).unwrap();
            assert!(there.contains(word), "no {word} in {there}");
        };
        let workers = Options {
            workers: Some(1),
            ..Options::default()
        };
        differs(TEXT, &workers, "segment of");
        let renamed = TEXT.replace("agents.c", "agents.d");
        differs(&renamed, &Options::default(), "agents d");
        let wider = TEXT.replace("op = \"counter\"", "op = \"counter\", dtype = \"u64\"");
        differs(&wider, &Options::default(), "u64");
        let smaller = format!("{TEXT}streams.a = {{ capacity = 1000 }}\n");
        differs(&smaller, &Options::default(), "");
    }
}
