//! The graph as a tree for a terminal.
//!
//! A chain goes straight down; where a stream has several readers, or an agent several outputs, the tree
//! branches. An agent with several inputs is drawn where it is reached first and named where it is again.

use super::{edges, label, worker_title};
use crate::resolved::{AgentIx, Resolved};

/// The graph as a text tree.
pub fn text(graph: &Resolved) -> String {
    let mut tree = Tree {
        graph,
        readers: vec![Vec::new(); graph.agents.len()],
        drawn: vec![false; graph.agents.len()],
        text: String::new(),
    };
    for edge in edges(graph) {
        let label = label(graph, &graph.streams[edge.stream]);
        tree.readers[edge.from].push((label, edge.to));
    }
    let sources = (0..graph.agents.len()).filter(|at| graph.agents[*at].inputs.is_empty());
    // What no source feeds is drawn from its first agent on.
    for root in sources.chain(0..graph.agents.len()) {
        if !tree.drawn[root] {
            tree.draw(root);
        }
    }
    tree.text
}

struct Tree<'a> {
    graph: &'a Resolved,
    /// For each agent, who reads it and the label of that edge.
    readers: Vec<Vec<(String, AgentIx)>>,
    drawn: Vec<bool>,
    text: String,
}

/// An agent that is yet to be drawn: what stands before its line, and before the lines below it.
struct Pending {
    agent: AgentIx,
    lead: String,
    indent: String,
}

impl Tree<'_> {
    fn draw(&mut self, root: AgentIx) {
        let mut stack = vec![Pending {
            agent: root,
            lead: String::new(),
            indent: String::new(),
        }];
        while let Some(Pending {
            agent,
            lead,
            indent,
        }) = stack.pop()
        {
            if std::mem::replace(&mut self.drawn[agent], true) {
                self.text += &format!("{lead}{} (above)\n", self.graph.agents[agent].name);
                continue;
            }
            self.text += &format!("{lead}{}\n", self.line(agent));
            match self.readers[agent].as_slice() {
                [(label, next)] => stack.push(Pending {
                    agent: *next,
                    lead: format!("{indent}│ {label}\n{indent}"),
                    indent,
                }),
                readers => {
                    let last = readers.len().saturating_sub(1);
                    for (nth, (label, next)) in readers.iter().enumerate().rev() {
                        let (branch, below) = match nth == last {
                            true => ("└─", "   "),
                            false => ("├─", "│  "),
                        };
                        stack.push(Pending {
                            agent: *next,
                            lead: format!("{indent}{branch} {label} ─ "),
                            indent: format!("{indent}{below}"),
                        });
                    }
                }
            }
        }
    }

    /// `band  iir.bandpass  [back, core 1]`
    fn line(&self, at: AgentIx) -> String {
        let agent = &self.graph.agents[at];
        let mut line = format!("{}  {}", agent.name, agent.op);
        if let Some(worker) = agent.worker {
            line += &format!("  [{}]", worker_title(&self.graph.workers[worker]));
        }
        if agent.inputs.len() > 1 {
            let names = agent
                .inputs
                .iter()
                .map(|s| self.graph.streams[*s].name.as_str());
            line += &format!("  (reads {})", names.collect::<Vec<_>>().join(", "));
        }
        line
    }
}
