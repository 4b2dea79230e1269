//! `thalweg plan`: what would run where, without running it.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::{Failure, GraphArg, give, give_json, refused_as_json, warn};
use crate::plan::{self, Options, Plan, PlanError};
use crate::resolved::Resolved;
use crate::run::machine;

/// Show what would run where: workers, cores, rings, bytes
#[derive(clap::Args)]
pub struct PlanCommand {
    #[command(flatten)]
    pub(super) graph: GraphArg,
    /// So many worker processes, whatever the graph says
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// The plan as JSON
    #[arg(long)]
    json: bool,
}

impl PlanCommand {
    /// Prints the plan.
    ///
    /// # Errors
    /// The refusal.
    pub fn run(&self) -> Result<(), Failure> {
        let (mut graph, warnings) = match self.graph.resolve() {
            Err(refused) if self.json => return Err(refused_as_json(&refused)),
            other => other?,
        };
        let options = Options {
            workers: self.workers,
            ..Options::default()
        };
        let plan = match planned(&mut graph, &options) {
            Err(Failure::Refused(refused)) if self.json => return Err(refused_as_json(&refused)),
            other => other?,
        };
        if self.json {
            return give_json(&as_json(&graph, &plan));
        }
        warn(&warnings, &graph);
        give(&as_text(&graph, &plan))
    }
}

/// The plan of a graph on this machine.
///
/// # Errors
/// The refusal, with its exit code.
pub fn planned(graph: &mut Resolved, options: &Options) -> Result<Plan, Failure> {
    graph.complete();
    plan::plan(graph, &machine(), options).map_err(|error| match error {
        PlanError::Refused(refused) => Failure::Refused(*refused),
        PlanError::Environment(words) => Failure::environment(words),
    })
}

fn as_text(graph: &Resolved, plan: &Plan) -> String {
    let mut text = format!("{}: {} bytes of shared memory\n", plan.name, plan.len_bytes);
    for worker in &plan.workers {
        let core = worker
            .core
            .map_or("no core".to_owned(), |c| format!("core {c}"));
        let _ = writeln!(text, "worker {} ({core})", worker.name);
        for &agent in &worker.agents {
            let here = &graph.agents[agent];
            let word = match here.blueprint.deterministic {
                true => "",
                false => "  (not deterministic)",
            };
            let step = plan.step_of[agent];
            let live: Vec<&str> = here
                .blueprint
                .dials
                .iter()
                .map(|dial| &*dial.name)
                .collect();
            let live = match live.is_empty() {
                true => String::new(),
                false => format!(", live: {}", live.join(", ")),
            };
            let (name, op) = (&here.name, &here.op);
            let _ = writeln!(text, "  {name} = {op}, steps of {step}{live}{word}");
        }
    }
    text += "streams\n";
    for (ix, (stream, planned)) in graph.streams.iter().zip(&plan.streams).enumerate() {
        if stream.tags_of.is_some() {
            continue;
        }
        let readers: Vec<&str> = planned
            .readers
            .iter()
            .map(|r| graph.agents[r.agent.0].name.as_str())
            .collect();
        let place = if planned.crosses() {
            "between workers"
        } else {
            "inside"
        };
        let rate = stream.rate.map_or(String::new(), |r| format!(" at {r} Hz"));
        let unit = stream
            .unit
            .as_ref()
            .map_or(String::new(), |unit| format!(" in {unit}"));
        let tagged = if graph.is_tagged(ix) { ", tagged" } else { "" };
        let _ = writeln!(
            text,
            "  {} -> {}: {}{unit}{rate}, holds {} items, {place}{tagged}",
            stream.name,
            if readers.is_empty() {
                "(nobody)".to_owned()
            } else {
                readers.join(", ")
            },
            stream.item_type,
            planned.capacity
        );
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn as_json(graph: &Resolved, plan: &Plan) -> Json {
    let workers: Vec<Json> = plan
        .workers
        .iter()
        .map(|w| {
            let agents: Vec<Json> = w.agents.iter().map(|&a| agent(graph, plan, a)).collect();
            json!({"name": w.name, "core": w.core, "restart": w.restart, "agents": agents})
        })
        .collect();
    let streams: Vec<Json> = graph
        .streams
        .iter()
        .zip(&plan.streams)
        .enumerate()
        .filter(|(_, (stream, _))| stream.tags_of.is_none())
        .map(|(ix, (stream, planned))| {
            let readers = planned.readers.iter();
            let readers: Vec<&str> = readers
                .map(|r| graph.agents[r.agent.0].name.as_str())
                .collect();
            json!({
                "name": stream.name,
                "type": stream.item_type.to_string(),
                "rate": stream.rate,
                "unit": stream.unit,
                "capacity": planned.capacity,
                "producer": graph.agents[stream.producer.0].name,
                "readers": readers,
                "crosses": planned.crosses(),
                "tagged": graph.is_tagged(ix),
            })
        })
        .collect();
    json!({
        "name": plan.name,
        "bytes": plan.len_bytes,
        "workers": workers,
        "streams": streams,
        "notes": plan.notes,
    })
}

fn agent(graph: &Resolved, plan: &Plan, a: usize) -> Json {
    let here = &graph.agents[a];
    json!({
        "name": here.name,
        "op": here.op,
        "step": plan.step_of[a],
        "deterministic": here.blueprint.deterministic,
        "live": here.blueprint.dials.iter().map(|dial| &dial.name).collect::<Vec<_>>(),
    })
}
