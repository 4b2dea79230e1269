//! The graph for Graphviz: `thalweg graph G --format dot | dot -Tsvg`.

use super::{by_worker, edges, label, worker_title};
use crate::resolved::Resolved;

/// The graph as a DOT digraph, a cluster for each worker.
pub fn dot(graph: &Resolved) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.name));
    text += "  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n";
    text += "  edge [fontname=\"sans-serif\", fontsize=10];\n";
    for (worker, agents) in by_worker(graph) {
        let title = worker.map(|at| worker_title(&graph.workers[at]));
        let indent = match (&title, worker) {
            (Some(title), Some(at)) => {
                text += &format!("  subgraph cluster_{at} {{\n    label={};\n", quoted(title));
                text += "    style=\"rounded,filled\"; color=\"#9db4c8\"; fillcolor=\"#eef3f8\"; fontname=\"sans-serif\";\n";
                "    "
            }
            _ => "  ",
        };
        for at in agents {
            let agent = &graph.agents[at];
            let words = format!("{}\n{}", agent.name, agent.op);
            text += &format!("{indent}a{at} [label={}];\n", quoted(&words));
        }
        if title.is_some() {
            text += "  }\n";
        }
    }
    for edge in edges(graph) {
        let label = label(graph, &graph.streams[edge.stream]);
        let back = match edge.from >= edge.to {
            true => ", constraint=false",
            false => "",
        };
        text += &format!(
            "  a{} -> a{} [label={}{back}];\n",
            edge.from,
            edge.to,
            quoted(&label)
        );
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n"))
}
