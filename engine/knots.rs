//! Knots: the loops of a graph, with everything that is in them.

use crate::resolved::{AgentIx, Resolved};

/// Who reads what an agent gives.
pub fn readers(graph: &Resolved, agent: AgentIx) -> impl Iterator<Item = AgentIx> {
    let outputs = graph.agents[agent].outputs.iter();
    outputs.flat_map(|&s| graph.streams[s].readers.iter().map(|&(reader, _)| reader))
}

/// Agents that can all reach each other are one knot (Tarjan's strongly connected components, 1972).
pub struct Knots {
    /// The knot of each agent. A knot's readers have lower numbers.
    pub of: Vec<usize>,
    /// How many there are.
    pub count: usize,
}

impl Knots {
    /// The knots of a graph.
    pub fn of(graph: &Resolved) -> Knots {
        const NEW: usize = usize::MAX;
        let agents = graph.agents.len();
        let mut knots = Knots {
            of: vec![NEW; agents],
            count: 0,
        };
        let (mut found, mut lowest) = (vec![NEW; agents], vec![NEW; agents]);
        let (mut open, mut next) = (Vec::new(), 0);
        for start in 0..agents {
            if found[start] != NEW {
                continue;
            }
            let mut walk = vec![(start, readers(graph, start))];
            (found[start], lowest[start], next) = (next, next, next + 1);
            open.push(start);
            while let Some((at, ahead)) = walk.last_mut() {
                let at = *at;
                match ahead.next() {
                    Some(reader) if found[reader] == NEW => {
                        (found[reader], lowest[reader], next) = (next, next, next + 1);
                        open.push(reader);
                        walk.push((reader, readers(graph, reader)));
                    }
                    Some(reader) if knots.of[reader] == NEW => {
                        lowest[at] = lowest[at].min(found[reader]);
                    }
                    Some(_) => {}
                    None => {
                        walk.pop();
                        if let Some((before, _)) = walk.last() {
                            lowest[*before] = lowest[*before].min(lowest[at]);
                        }
                        if lowest[at] == found[at] {
                            let members = open.iter().rposition(|&a| a == at).unwrap_or(0);
                            for member in open.drain(members..) {
                                knots.of[member] = knots.count;
                            }
                            knots.count += 1;
                        }
                    }
                }
            }
        }
        knots
    }

    /// Does an agent write what one of its own knot reads?
    pub fn reads_its_own(&self, graph: &Resolved, agent: AgentIx) -> bool {
        readers(graph, agent).any(|reader| self.of[reader] == self.of[agent])
    }
}
