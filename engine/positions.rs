//! Where everything stands: the committed positions of the whole graph, read from outside.

use thalweg_worker::control::{DONE, SECOND_COPY, skipped};
use thalweg_worker::dials::Turned;

use crate::plan::Plan;
use crate::resolved::{Edge, Resolved};
use crate::wire::Wired;

/// Committed positions, by agent and by stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Positions {
    /// The version of each worker's record.
    pub versions: Vec<u64>,
    /// Which agents are done.
    pub done: Vec<bool>,
    /// How far each input has read its ring, by agent and input: items, or the bytes of frames.
    pub read: Vec<Vec<u64>>,
    /// How many items, frames too, that is.
    pub items_read: Vec<Vec<u64>>,
    /// How far that is given back, by agent and input; on a lossy edge: as `read`.
    pub released: Vec<Vec<u64>>,
    /// Items missed, by agent and input.
    pub missed: Vec<Vec<u64>>,
    /// Items left out because a worker died of them, by agent.
    pub skipped: Vec<u64>,
    /// What became of its dials, by agent.
    pub turned: Vec<Vec<Turned>>,
    /// How far each stream's ring is written: items, or the bytes of frames.
    pub written: Vec<u64>,
    /// How many items, frames too, that is.
    pub items_written: Vec<u64>,
    /// Items thrown away before they were written, by stream.
    pub dropped: Vec<u64>,
}

impl Positions {
    /// Reads every worker's record. Workers may be going on; each record is whole in itself.
    pub fn of(graph: &Resolved, plan: &Plan, wired: &Wired) -> Positions {
        let agents = graph.agents.len();
        let inputs = || graph.agents.iter().map(|a| vec![0; a.inputs.len()]);
        let mut positions = Positions {
            versions: vec![0; plan.workers.len()],
            done: vec![false; agents],
            read: inputs().collect(),
            items_read: inputs().collect(),
            released: inputs().collect(),
            missed: inputs().collect(),
            skipped: vec![0; agents],
            turned: vec![Vec::new(); agents],
            written: vec![0; graph.streams.len()],
            items_written: vec![0; graph.streams.len()],
            dropped: vec![0; graph.streams.len()],
        };
        for worker in 0..plan.workers.len() {
            positions.add_worker(graph, plan, wired, worker);
        }
        positions
    }

    fn add_worker(&mut self, graph: &Resolved, plan: &Plan, wired: &Wired, worker: usize) {
        let control = &wired.controls[worker];
        let (version, words) = loop {
            // A record that moved while being read is read again; a step takes microseconds.
            if let Some(snapshot) = control.snapshot() {
                break snapshot;
            }
        };
        self.versions[worker] = version;
        for (nth, &ix) in plan.workers[worker].agents.iter().enumerate() {
            let layout = &control.layout().agents[nth];
            let agent = &graph.agents[ix];
            let flags = words[layout.word];
            self.done[ix] = flags & DONE != 0;
            self.skipped[ix] = skipped(flags);
            let dials = 0..layout.dials;
            self.turned[ix] = dials.map(|dial| layout.turned(&words, dial)).collect();
            for input in 0..agent.inputs.len() {
                let word = layout.read_word(input);
                self.read[ix][input] = words[word];
                self.items_read[ix][input] = words[layout.read_count_word(input)];
                self.released[ix][input] = words[word + 1];
                if matches!(agent.edge, Some(Edge::Latest { .. })) {
                    self.missed[ix][input] = words[word + 1];
                    self.released[ix][input] = words[word];
                }
            }
            for (output, &stream) in agent.outputs.iter().enumerate() {
                self.written[stream] = words[layout.written_word(output)];
                self.items_written[stream] = words[layout.written_count_word(output)];
                if matches!(agent.edge, Some(Edge::DropNewest { .. })) {
                    let copy = usize::from(flags & SECOND_COPY != 0);
                    let count: &[u8] = control.state(nth, copy);
                    self.dropped[stream] = bytemuck::pod_read_unaligned(&count[..8]);
                }
            }
        }
    }
}
