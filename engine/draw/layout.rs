//! Where agents and edges go in the picture: columns by distance from the sources, a lane for each worker.
//!
//! An agent's column is the longest way from a source, so edges go from left to right. A lane is as high
//! as its fullest column, so no two workers overlap. An edge that passes a column on its way holds a place
//! there, so that it does not run through an agent. Places within a lane's column are sorted by the mean
//! height of what they are connected to (the barycentre rule of Sugiyama, Tagawa and Toda, 1981).

use std::collections::{BTreeMap, HashMap};

use super::{Edge, by_worker, edges};
use crate::resolved::{AgentIx, Resolved};

const SWEEPS: usize = 6;

/// Heights in pixels.
pub(super) const AGENT_HEIGHT: f64 = 44.0;
const PORT_HEIGHT: f64 = 24.0;
const PASS_HEIGHT: f64 = 20.0;
const GAP: f64 = 16.0;
const LANE_TITLE: f64 = 26.0;
const LANE_PAD: f64 = 12.0;
const LANE_GAP: f64 = 14.0;

/// The picture's geometry, in pixels; x is known by column only.
pub(super) struct Layout {
    /// Column of each agent.
    pub column: Vec<usize>,
    /// Height of each agent's middle.
    pub middle: Vec<f64>,
    /// How high each agent is drawn.
    pub height: Vec<f64>,
    /// The edges with the heights at which they pass the columns between their ends.
    pub routes: Vec<Route>,
    /// The lanes from top to bottom.
    pub lanes: Vec<Lane>,
    /// The lower end of the lowest lane.
    pub bottom: f64,
}

/// An edge and its way.
pub(super) struct Route {
    pub edge: Edge,
    /// For an edge to the right: the heights in the columns it passes.
    pub passes: Vec<f64>,
    /// True for an edge that goes back into a delay.
    pub back: bool,
}

/// A worker's band of the picture; `None`: agents that the plan places.
pub(super) struct Lane {
    pub worker: Option<usize>,
    pub top: f64,
    pub height: f64,
}

pub(super) fn layout(graph: &Resolved) -> Layout {
    let edges: Vec<Edge> = edges(graph).collect();
    let column = columns(graph, &edges);
    let height: Vec<f64> = graph
        .agents
        .iter()
        .map(|a| AGENT_HEIGHT.max(PORT_HEIGHT * a.inputs.len().max(a.outputs.len()) as f64))
        .collect();
    let mut places = Places::new(graph, &edges, &column, &height);
    places.sort();
    let lanes = places.lanes();
    let at = places.heights(&lanes);
    let routes = edges
        .iter()
        .enumerate()
        .map(|(nth, edge)| Route {
            edge: *edge,
            passes: places.passes[nth].iter().map(|place| at[*place]).collect(),
            back: is_back(edge),
        })
        .collect();
    Layout {
        middle: at[..graph.agents.len()].to_vec(),
        column,
        height,
        routes,
        bottom: lanes.last().map_or(0.0, |lane| lane.top + lane.height),
        lanes,
    }
}

/// Agents are in topological order, but for the edges that close a cycle.
fn is_back(edge: &Edge) -> bool {
    edge.from >= edge.to
}

fn columns(graph: &Resolved, edges: &[Edge]) -> Vec<usize> {
    let mut forward: Vec<&Edge> = edges.iter().filter(|edge| !is_back(edge)).collect();
    forward.sort_by_key(|edge| edge.to);
    let mut column = vec![0; graph.agents.len()];
    for edge in forward {
        column[edge.to] = column[edge.to].max(column[edge.from] + 1);
    }
    column
}

/// Everything that holds a place in a lane's column: first the agents, then edges that pass.
struct Places {
    workers: Vec<Option<usize>>,
    lane: Vec<usize>,
    column: Vec<usize>,
    height: Vec<f64>,
    /// Neighbours to the left and to the right.
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// The places each edge holds on its way.
    passes: Vec<Vec<usize>>,
    /// For each column, the lanes that have something there, their places from top to bottom.
    stacks: Vec<BTreeMap<usize, Vec<usize>>>,
}

impl Places {
    fn new(graph: &Resolved, edges: &[Edge], column: &[usize], height: &[f64]) -> Places {
        let lanes = by_worker(graph);
        let mut lane = vec![0; graph.agents.len()];
        for (nth, (_, agents)) in lanes.iter().enumerate() {
            for at in agents {
                lane[*at] = nth;
            }
        }
        let columns = column.iter().max().map_or(0, |last| last + 1);
        let mut places = Places {
            workers: lanes.iter().map(|(worker, _)| *worker).collect(),
            lane,
            column: column.to_vec(),
            height: height.to_vec(),
            left: vec![Vec::new(); column.len()],
            right: vec![Vec::new(); column.len()],
            passes: Vec::new(),
            stacks: vec![BTreeMap::new(); columns],
        };
        // Readers of one stream share the way as far as they go.
        let mut shared: HashMap<(usize, usize, usize), usize> = HashMap::new();
        for edge in edges {
            let passes = match is_back(edge) {
                true => Vec::new(),
                false => places.pass(edge, &mut shared),
            };
            places.passes.push(passes);
        }
        for place in 0..places.lane.len() {
            let stacks = &mut places.stacks[places.column[place]];
            stacks.entry(places.lane[place]).or_default().push(place);
        }
        places
    }

    fn pass(
        &mut self,
        edge: &Edge,
        shared: &mut HashMap<(usize, usize, usize), usize>,
    ) -> Vec<usize> {
        let lane = self.lane[edge.to];
        let mut passes = Vec::new();
        let mut before = edge.from;
        for column in self.column[edge.from] + 1..self.column[edge.to] {
            let place = *shared
                .entry((edge.stream, lane, column))
                .or_insert_with(|| {
                    self.lane.push(lane);
                    self.column.push(column);
                    self.height.push(PASS_HEIGHT);
                    self.left.push(Vec::new());
                    self.right.push(Vec::new());
                    self.lane.len() - 1
                });
            self.connect(before, place);
            passes.push(place);
            before = place;
        }
        self.connect(before, edge.to);
        passes
    }

    fn connect(&mut self, left: usize, right: usize) {
        self.right[left].push(right);
        self.left[right].push(left);
    }

    fn sort(&mut self) {
        for sweep in 0..SWEEPS {
            let lanes = self.lanes();
            let mut at = self.heights(&lanes);
            let columns: Vec<usize> = match sweep % 2 {
                0 => (0..self.stacks.len()).collect(),
                _ => (0..self.stacks.len()).rev().collect(),
            };
            for column in columns {
                let neighbours = match sweep % 2 {
                    0 => &self.left,
                    _ => &self.right,
                };
                for stack in self.stacks[column].values_mut() {
                    let mean = |place: &usize| {
                        let near = &neighbours[*place];
                        let sum: f64 = near.iter().map(|n| at[*n]).sum();
                        match near.len() {
                            0 => at[*place],
                            n => sum / n as f64,
                        }
                    };
                    stack.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
                }
                self.put(column, &lanes, &mut at);
            }
        }
    }

    fn lanes(&self) -> Vec<Lane> {
        let mut fullest = vec![0.0_f64; self.workers.len()];
        for (lane, stack) in self.stacks.iter().flatten() {
            fullest[*lane] = fullest[*lane].max(self.stack_height(stack));
        }
        let mut top = 0.0;
        let mut lanes = Vec::new();
        for (worker, fullest) in self.workers.iter().zip(fullest) {
            let title = match worker {
                Some(_) => LANE_TITLE,
                None => LANE_PAD,
            };
            let height = title + fullest + LANE_PAD;
            lanes.push(Lane {
                worker: *worker,
                top,
                height,
            });
            top += height + LANE_GAP;
        }
        lanes
    }

    fn stack_height(&self, stack: &[usize]) -> f64 {
        let heights: f64 = stack.iter().map(|place| self.height[*place]).sum();
        heights + GAP * stack.len().saturating_sub(1) as f64
    }

    /// The middle of every place.
    fn heights(&self, lanes: &[Lane]) -> Vec<f64> {
        let mut at = vec![0.0; self.lane.len()];
        for column in 0..self.stacks.len() {
            self.put(column, lanes, &mut at);
        }
        at
    }

    /// Stacks the places of one column, in the middle of each lane.
    fn put(&self, column: usize, lanes: &[Lane], at: &mut [f64]) {
        for (lane, stack) in &self.stacks[column] {
            let lane = &lanes[*lane];
            let title = match lane.worker {
                Some(_) => LANE_TITLE,
                None => LANE_PAD,
            };
            let room = lane.height - title - LANE_PAD;
            let mut y = lane.top + title + (room - self.stack_height(stack)) / 2.0;
            for place in stack {
                at[*place] = y + self.height[*place] / 2.0;
                y += self.height[*place] + GAP;
            }
        }
    }
}

/// How far from an agent's middle its nth port of `of` lies.
pub(super) fn port_offset(layout: &Layout, agent: AgentIx, nth: usize, of: usize) -> f64 {
    let share = layout.height[agent] / of.max(1) as f64;
    share * (nth as f64 + 0.5) - layout.height[agent] / 2.0
}
