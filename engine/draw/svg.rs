//! The graph as a picture that needs nothing else: one SVG file.

use super::layout::{Layout, Route, layout, port_offset};
use super::{escape, label, worker_title};
use crate::resolved::{AgentIx, Resolved};

/// Pixels of one character of the fixed-width font, at 13 and at 11 pixels.
const NAME_CHAR: f64 = 7.9;
const SMALL_CHAR: f64 = 6.7;
const MARGIN: f64 = 20.0;
/// The room that edges need between a label and the next column to bend.
const BEND: f64 = 46.0;
/// The distance between edges that go back, below the lanes.
const BACK: f64 = 22.0;

const FILLS: [&str; 6] = [
    "#e8f1fa", "#fdf0e3", "#eaf5ea", "#f6eaf5", "#fbf7dc", "#e9f6f5",
];
const LINES: [&str; 6] = [
    "#8fb2d6", "#dfb27f", "#93c193", "#c79bc3", "#cfc06a", "#86bdb9",
];

const STYLE: &str = "text { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1d2733 }\
 .name { font-size: 13px; font-weight: 600 } .op { font-size: 11px; fill: #5a6878 }\
 .edge { font-size: 11px; fill: #33506e } .lane { font-size: 12px; fill: #45566a }\
 .wire { fill: none; stroke: #4a6785; stroke-width: 1.5; stroke-linejoin: round }";

/// The graph as SVG.
pub fn svg(graph: &Resolved) -> String {
    let layout = layout(graph);
    let columns = columns(graph, &layout);
    let backs = layout.routes.iter().filter(|route| route.back).count();
    let right = columns.last().map_or(0.0, |last| match last.label {
        0.0 => last.end,
        label => last.end + label + BEND / 2.0,
    });
    let width = right + 2.0 * MARGIN;
    let height = layout.bottom + backs as f64 * BACK + 2.0 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n"
    );
    text += &format!(
        "<title>{}</title>\n<style>{STYLE}</style>\n",
        escape(&graph.name)
    );
    text += "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\" markerUnits=\"userSpaceOnUse\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#4a6785\"/></marker></defs>\n";
    text += "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    text += &format!("<g transform=\"translate({MARGIN} {MARGIN})\">\n");
    text += &lanes(graph, &layout, right);
    let mut back = 0;
    for route in &layout.routes {
        if route.back {
            back += 1;
        }
        let below = layout.bottom + (back as f64 - 0.5) * BACK;
        text += &wire(graph, &layout, &columns, route, below);
    }
    for at in 0..graph.agents.len() {
        text += &agent(graph, &layout, &columns, at);
    }
    text += &labels(graph, &layout, &columns);
    text + "</g>\n</svg>\n"
}

/// A column's agents go from `start` to `end`; labels then take `label` pixels.
struct Column {
    start: f64,
    end: f64,
    label: f64,
}

fn columns(graph: &Resolved, layout: &Layout) -> Vec<Column> {
    let count = layout.column.iter().max().map_or(0, |last| last + 1);
    let mut widths = vec![80.0_f64; count];
    let mut labels = vec![0.0_f64; count];
    for (at, agent) in graph.agents.iter().enumerate() {
        let name = agent.name.chars().count() as f64 * NAME_CHAR;
        let op = agent.op.chars().count() as f64 * SMALL_CHAR;
        let width = &mut widths[layout.column[at]];
        *width = width.max(name.max(op) + 24.0);
    }
    for stream in graph.streams.iter().filter(|s| !s.readers.is_empty()) {
        let words = label(graph, stream).chars().count() as f64 * SMALL_CHAR;
        let room = &mut labels[layout.column[stream.producer.0]];
        *room = room.max(words + 14.0);
    }
    let mut start = 16.0;
    let mut columns = Vec::new();
    for (width, label) in widths.into_iter().zip(labels) {
        let end = start + width;
        columns.push(Column { start, end, label });
        start = end + label + BEND;
    }
    columns
}

fn lanes(graph: &Resolved, layout: &Layout, right: f64) -> String {
    let width = right + 16.0;
    let mut text = String::new();
    for (nth, lane) in layout.lanes.iter().enumerate() {
        let Some(worker) = lane.worker else { continue };
        let (fill, line) = (FILLS[nth % FILLS.len()], LINES[nth % LINES.len()]);
        text += &format!(
            "<rect x=\"0\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"10\" fill=\"{fill}\" stroke=\"{line}\"/>\n",
            lane.top, lane.height
        );
        text += &format!(
            "<text class=\"lane\" x=\"12\" y=\"{:.1}\">{}</text>\n",
            lane.top + 17.0,
            escape(&worker_title(&graph.workers[worker]))
        );
    }
    text
}

fn agent(graph: &Resolved, layout: &Layout, columns: &[Column], at: AgentIx) -> String {
    let (agent, column) = (&graph.agents[at], &columns[layout.column[at]]);
    let (middle, height) = (layout.middle[at], layout.height[at]);
    let centre = (column.start + column.end) / 2.0;
    format!(
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"7\" fill=\"white\" stroke=\"#4a6785\"/>\n\
         <text class=\"name\" x=\"{centre:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
         <text class=\"op\" x=\"{centre:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
        column.start,
        middle - height / 2.0,
        column.end - column.start,
        middle - 3.0,
        escape(&agent.name),
        middle + 13.0,
        escape(&agent.op),
    )
}

fn wire(
    graph: &Resolved,
    layout: &Layout,
    columns: &[Column],
    route: &Route,
    below: f64,
) -> String {
    let edge = &route.edge;
    let (from, to) = (&graph.agents[edge.from], &graph.agents[edge.to]);
    let left = &columns[layout.column[edge.from]];
    let right = &columns[layout.column[edge.to]];
    let mut y =
        layout.middle[edge.from] + port_offset(layout, edge.from, edge.output, from.outputs.len());
    let end = layout.middle[edge.to] + port_offset(layout, edge.to, edge.input, to.inputs.len());
    let mut path = format!("M{:.1} {y:.1}", left.end);
    if route.back {
        let (out, back) = (left.end + left.label + 8.0, right.start - 12.0);
        path += &format!(
            " H{out:.1} V{below:.1} H{back:.1} V{end:.1} H{:.1}",
            right.start
        );
    } else {
        let heights = route.passes.iter().chain([&end]);
        for (column, &next) in (layout.column[edge.from]..).zip(heights) {
            let bend = columns[column].end + columns[column].label;
            let x = columns[column + 1].start;
            let mid = (bend + x) / 2.0;
            path += &format!(" H{bend:.1} C{mid:.1} {y:.1} {mid:.1} {next:.1} {x:.1} {next:.1}");
            y = next;
        }
    }
    format!("<path class=\"wire\" d=\"{path}\" marker-end=\"url(#tip)\"/>\n")
}

/// One label for each stream that is read, above where it leaves its agent.
fn labels(graph: &Resolved, layout: &Layout, columns: &[Column]) -> String {
    let mut text = String::new();
    for stream in graph.streams.iter().filter(|s| !s.readers.is_empty()) {
        let (agent, output) = stream.producer;
        let outputs = graph.agents[agent].outputs.len();
        let y = layout.middle[agent] + port_offset(layout, agent, output, outputs);
        text += &format!(
            "<text class=\"edge\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
            columns[layout.column[agent]].end + 7.0,
            y - 5.0,
            escape(&label(graph, stream))
        );
    }
    text
}
