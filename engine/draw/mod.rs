//! Pictures of a resolved graph: a text tree, DOT, Mermaid, SVG, and JSON for programs.
//!
//! All show the same: agents with their operators, the workers that host them, and on every edge what
//! its items are and how many come in a second, where that is known.

use serde_json::{Value as Json, json};

use crate::decl::{Capacity, Core, Overflow, WorkerDecl};
use crate::resolved::{AgentIx, Resolved, ResolvedStream};

mod dot;
mod layout;
mod mermaid;
mod svg;
mod text;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
pub use text::text;

/// The graph for programs: its workers, agents and streams.
pub fn json(graph: &Resolved) -> Json {
    let agent = |at: AgentIx| graph.agents[at].name.as_str();
    let worker = |at: Option<usize>| at.map(|at| graph.workers[at].name.value.as_str());
    let stream_names = |list: &[usize]| -> Vec<&str> {
        list.iter()
            .map(|s| graph.streams[*s].name.as_str())
            .collect()
    };
    let agents: Vec<Json> = graph
        .agents
        .iter()
        .map(|a| {
            json!({
                "name": a.name,
                "op": a.op,
                "worker": worker(a.worker),
                "inputs": stream_names(&a.inputs),
                "outputs": stream_names(&a.outputs),
                "deterministic": a.blueprint.deterministic,
            })
        })
        .collect();
    let streams: Vec<Json> = graph
        .streams
        .iter()
        .map(|s| {
            json!({
                "name": s.name,
                "type": s.item_type.to_string(),
                "item_bytes": s.item_type.len_bytes(),
                "rate": s.rate,
                "unit": s.unit,
                "producer": agent(s.producer.0),
                "readers": s.readers.iter().map(|r| agent(r.0)).collect::<Vec<_>>(),
                "capacity": s.capacity.as_ref().map(|(capacity, _)| match capacity {
                    Capacity::Items(items) => json!({"items": items}),
                    Capacity::Bytes(bytes) => json!({"bytes": bytes}),
                }),
                "overflow": overflow(s.overflow),
            })
        })
        .collect();
    let workers: Vec<Json> = graph
        .workers
        .iter()
        .map(|w| {
            let core = match w.core.value {
                Core::Auto => json!("auto"),
                Core::None => json!("none"),
                Core::Number(n) => json!(n),
            };
            json!({"name": w.name.value, "core": core})
        })
        .collect();
    json!({"name": graph.name, "workers": workers, "agents": agents, "streams": streams})
}

fn overflow(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Block => "block",
        Overflow::DropNewest => "drop-newest",
        Overflow::Latest => "latest",
    }
}

/// What an edge is labelled with: `f64 100/s`, `z: i32, latest`.
fn label(graph: &Resolved, stream: &ResolvedStream) -> String {
    let agent = &graph.agents[stream.producer.0].name;
    let port = stream.name.strip_prefix(agent.as_str()).unwrap_or_default();
    let mut label = match port.strip_prefix('.') {
        Some(port) => format!("{port}: {}", stream.item_type),
        None => stream.item_type.to_string(),
    };
    if let Some(unit) = &stream.unit {
        label += &format!(" {unit}");
    }
    if let Some(rate) = stream.rate {
        label += &format!(" {}/s", (rate * 1e6).round() / 1e6);
    }
    if stream.overflow != Overflow::Block {
        label += &format!(", {}", overflow(stream.overflow));
    }
    label
}

/// How a worker is called: `front, core 0`.
fn worker_title(worker: &WorkerDecl) -> String {
    let name = &worker.name.value;
    match worker.core.value {
        Core::Auto => name.clone(),
        Core::None => format!("{name}, no core"),
        Core::Number(core) => format!("{name}, core {core}"),
    }
}

/// The agents of each worker that has some, then those that no worker hosts (`None`).
fn by_worker(graph: &Resolved) -> Vec<(Option<usize>, Vec<AgentIx>)> {
    let mut hosted = vec![Vec::new(); graph.workers.len() + 1];
    for (at, agent) in graph.agents.iter().enumerate() {
        hosted[agent.worker.unwrap_or(graph.workers.len())].push(at);
    }
    let workers = (0..graph.workers.len()).map(Some).chain([None]);
    workers
        .zip(hosted)
        .filter(|(_, agents)| !agents.is_empty())
        .collect()
}

/// Every edge: stream, producer, reader and which of its inputs.
fn edges(graph: &Resolved) -> impl Iterator<Item = Edge> {
    graph.streams.iter().enumerate().flat_map(|(stream, s)| {
        s.readers.iter().map(move |(reader, input)| Edge {
            stream,
            from: s.producer.0,
            output: s.producer.1,
            to: *reader,
            input: *input,
        })
    })
}

/// One reader of one stream.
#[derive(Clone, Copy, Debug)]
struct Edge {
    stream: usize,
    from: AgentIx,
    output: usize,
    to: AgentIx,
    input: usize,
}

/// What would be markup in XML and HTML labels, spelled out; control characters as `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneline::load_line;
    use crate::resolve::resolve;

    const RIG: &str = "mic:sine freq=5 rate=100 items=9 worker=front ! both:merge in=[mic, echo] \
                       worker=back ! echo:delay items=2 ; slow:decimate in=both factor=10 ! out:null in=[slow, mic]";

    fn graph(line: &str) -> Resolved {
        resolve(load_line(line).unwrap()).unwrap().0
    }

    #[test]
    fn the_tree_branches_where_a_stream_does_and_names_what_is_above() {
        let expected = "\
mic  sine  [front]
├─ f64 100/s ─ both  merge  [back]  (reads mic, echo)
│  ├─ f64 ─ echo  delay
│  │  │ f64
│  │  both (above)
│  └─ f64 ─ slow  decimate
│     │ f64
│     out  null  (reads slow, mic)
└─ f64 100/s ─ out (above)
";
        assert_eq!(text(&graph(RIG)), expected);
    }

    #[test]
    fn a_chain_goes_straight_down() {
        let expected = "counter  counter\n│ i64\ncopy  copy\n│ i64\nnull  null\n";
        assert_eq!(text(&graph("counter ! copy ! null")), expected);
    }

    #[test]
    fn dot_has_a_cluster_for_each_worker_and_no_rank_for_the_way_back() {
        let dot = dot(&graph(RIG));
        assert_eq!(dot.matches("subgraph cluster_").count(), 2);
        assert_eq!(dot.matches(" -> ").count(), 6);
        assert_eq!(dot.matches("constraint=false").count(), 1);
        assert!(dot.contains("label=\"mic\\nsine\""), "{dot}");
        assert!(dot.contains("label=\"f64 100/s\""), "{dot}");
    }

    #[test]
    fn mermaid_has_every_agent_and_every_edge() {
        let mermaid = mermaid(&graph(RIG));
        assert_eq!(mermaid.matches("<br/>").count(), 5);
        assert_eq!(mermaid.matches(" -->|").count(), 6);
        assert_eq!(
            mermaid.matches("subgraph ").count(),
            mermaid.matches("  end\n").count()
        );
    }

    #[test]
    fn json_says_who_reads_what() {
        let json = json(&graph(RIG));
        assert_eq!(json["workers"][0]["name"], "front");
        let both = json["streams"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["name"] == "both");
        assert_eq!(both.unwrap()["readers"], json!(["echo", "slow"]));
    }

    #[test]
    fn nothing_in_the_picture_overlaps_and_all_of_it_is_inside() {
        let graph = graph(RIG);
        let layout = layout::layout(&graph);
        for (at, middle) in layout.middle.iter().enumerate() {
            let (top, bottom) = (
                middle - layout.height[at] / 2.0,
                middle + layout.height[at] / 2.0,
            );
            let worker = graph.agents[at].worker;
            let lane = layout
                .lanes
                .iter()
                .find(|lane| lane.worker == worker)
                .unwrap();
            assert!(
                lane.top <= top && bottom <= lane.top + lane.height,
                "agent {at}"
            );
            let others = (0..at).filter(|other| layout.column[*other] == layout.column[at]);
            for other in others {
                let apart = (layout.middle[other] - middle).abs();
                assert!(
                    apart >= (layout.height[other] + layout.height[at]) / 2.0,
                    "{other} {at}"
                );
            }
        }
        let forward = layout.routes.iter().filter(|route| !route.back);
        for route in forward {
            let columns = layout.column[route.edge.to] - layout.column[route.edge.from];
            assert_eq!(route.passes.len() + 1, columns);
        }
        assert_eq!(layout.routes.iter().filter(|route| route.back).count(), 1);
    }

    #[test]
    fn the_picture_is_whole_xml_that_needs_nothing_else() {
        let svg = svg(&graph(RIG));
        assert_eq!(svg.matches("class=\"wire\"").count(), 6);
        assert_eq!(svg.matches("class=\"name\"").count(), 5);
        assert_eq!(svg.matches("class=\"lane\"").count(), 2);
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(!svg.contains("href"));
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn markup_in_names_is_spelled_out() {
        assert_eq!(escape("a<b>&\"\u{1b}"), "a&lt;b&gt;&amp;&quot;?");
    }
}
