//! `thalweg check`: says whether a graph would run, without running it.

use serde_json::json;

use super::plan::planned;
use super::table::count;
use super::{Failure, GraphArg, give, give_json, refused_as_json, warn};
use crate::diag;
use crate::plan::Options;

/// Say whether a graph would run, and what is wrong with it
#[derive(clap::Args)]
pub struct Check {
    #[command(flatten)]
    pub(super) graph: GraphArg,
    /// The answer as JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Prints `ok` with the graph's size, or the refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn run(&self) -> Result<(), Failure> {
        let (mut graph, warnings) = match self.graph.resolve() {
            Err(refused) if self.json => return Err(refused_as_json(&refused)),
            other => other?,
        };
        let (agents, streams) = (graph.agents.len(), graph.streams.len());
        match planned(&mut graph, &Options::default()) {
            Err(Failure::Refused(refused)) if self.json => return Err(refused_as_json(&refused)),
            other => drop(other?),
        }
        let workers = graph.workers.len();
        if self.json {
            return give_json(&json!({
                "ok": true,
                "name": graph.name,
                "agents": agents,
                "streams": streams,
                "workers": workers,
                "warnings": diag::to_json(&warnings, graph.source.as_ref()),
            }));
        }
        warn(&warnings, &graph);
        give(&format!(
            "ok: {}, {}, {}\n",
            count(agents as u64, "agent"),
            count(streams as u64, "stream"),
            count(workers as u64, "worker")
        ))
    }
}
