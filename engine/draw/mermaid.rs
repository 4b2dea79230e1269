//! The graph for Mermaid, which Markdown pages of code hosts draw.

use super::{by_worker, edges, escape, label, worker_title};
use crate::resolved::Resolved;

/// The graph as a Mermaid flowchart, a subgraph for each worker.
pub fn mermaid(graph: &Resolved) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (worker, agents) in by_worker(graph) {
        if let Some(at) = worker {
            let title = escape(&worker_title(&graph.workers[at]));
            text += &format!("  subgraph w{at}[\"{title}\"]\n");
        }
        for at in agents {
            let agent = &graph.agents[at];
            let (name, op) = (escape(&agent.name), escape(&agent.op));
            text += &format!("    a{at}[\"{name}<br/>{op}\"]\n");
        }
        if worker.is_some() {
            text += "  end\n";
        }
    }
    for edge in edges(graph) {
        let label = escape(&label(graph, &graph.streams[edge.stream]));
        text += &format!("  a{} -->|\"{label}\"| a{}\n", edge.from, edge.to);
    }
    text
}
