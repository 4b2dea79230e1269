//! The report of a run: what went in and out of every edge, where the time went, what limits.
//!
//! Gathered from the control blocks alone, while the run goes on or after it; printing is the
//! command line's business, and programs get the same thing as JSON.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;
use thalweg_worker::control::{BUCKETS, Control, Phase, bucket_ns};

use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{Edge, Resolved};
use crate::wire::Wired;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The graph's name.
    pub graph: String,
    /// The run's name.
    pub run: String,
    /// Wall time in seconds, from the start of the workers.
    pub seconds: f64,
    /// The workers.
    pub workers: Vec<WorkerReport>,
    /// The agents.
    pub agents: Vec<AgentReport>,
    /// The edges: one for each reader of each stream.
    pub edges: Vec<EdgeReport>,
    /// Items lost on edges that may lose.
    pub lost: u64,
    /// Times a worker was forked again.
    pub restarts: u64,
    /// Seconds from the start of the command to the first item that moved.
    pub first_item_seconds: Option<f64>,
    /// One sentence: the stage that limits, why, and what is next.
    pub limit: Option<String>,
}

/// One worker.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerReport {
    /// Its name.
    pub name: String,
    /// Its core, if it stays on one.
    pub core: Option<usize>,
    /// What it was doing.
    pub phase: &'static str,
    /// Share of the time in steps that moved something.
    pub busy: f64,
    /// Share of the time without input.
    pub starved: f64,
    /// Share of the time without room.
    pub blocked: f64,
    /// CPU time in seconds.
    pub cpu_seconds: f64,
    /// Committed steps.
    pub steps: u64,
    /// Sleeps.
    pub parks: u64,
    /// Processes it took, less one.
    pub restarts: u64,
}

/// One agent.
#[derive(Clone, Debug, Serialize)]
pub struct AgentReport {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub op: String,
    /// Its worker.
    pub worker: String,
    /// Items consumed, over all inputs.
    pub items_in: u64,
    /// Items produced, over all outputs.
    pub items_out: u64,
    /// Share of the run spent in it, estimated from one step in sixteen.
    pub busy: f64,
}

/// One edge: a stream and one of its readers.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeReport {
    /// The stream.
    pub stream: String,
    /// Its item type.
    pub item_type: String,
    /// Who writes.
    pub from: String,
    /// Who reads; empty where nobody does.
    pub to: String,
    /// True if it goes from one worker to another.
    pub crosses: bool,
    /// Items written.
    pub written: u64,
    /// Items read.
    pub read: u64,
    /// Items left unread because the reader was done first.
    pub left: u64,
    /// Items lost: dropped when full, or missed.
    pub lost: u64,
    /// How it may lose: `block`, `drop-newest`, `latest`.
    pub overflow: &'static str,
    /// Items a second, over the whole run.
    pub rate: f64,
    /// Items it holds at most.
    pub capacity: u64,
    /// Most items ever waiting (and retained), as the reader saw it.
    pub high_water: u64,
    /// How long sampled items waited from publication to reading, where it crosses.
    pub wait: Option<Waits>,
}

/// Quantiles of a waiting time in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Waits {
    /// Samples.
    pub samples: u64,
    /// Median.
    pub p50: f64,
    /// 99 in 100 are below.
    pub p99: f64,
    /// 999 in 1000 are below.
    pub p999: f64,
}

/// What only the coordinator knows.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The run's name.
    pub run: String,
    /// When the command began, ns of the monotonic clock.
    pub began_ns: u64,
    /// When the workers were started.
    pub started_ns: u64,
    /// The moment of the report.
    pub now_ns: u64,
    /// Restarts of each worker.
    pub restarts: Vec<u64>,
}

/// Gathers the report.
pub fn gather(graph: &Resolved, plan: &Plan, wired: &Wired, around: &Circumstances) -> Report {
    let positions = Positions::of(graph, plan, wired);
    let ns = around.now_ns.saturating_sub(around.started_ns).max(1) as f64;
    let workers: Vec<WorkerReport> = (0..plan.workers.len())
        .map(|w| worker(plan, &wired.controls[w], w, around, ns))
        .collect();
    let agents: Vec<AgentReport> = (0..graph.agents.len())
        .map(|a| agent(graph, plan, wired, &positions, a, ns))
        .collect();
    let edges = edges(graph, plan, wired, &positions, ns);
    let first = wired
        .controls
        .iter()
        .map(|c| c.head().life.first_ns.load(Relaxed));
    let first = first.filter(|&ns| ns != 0).min();
    Report {
        graph: graph.name.clone(),
        run: around.run.clone(),
        seconds: ns / 1e9,
        lost: edges.iter().map(|e| e.lost).sum(),
        restarts: around.restarts.iter().sum(),
        first_item_seconds: first.map(|ns| ns.saturating_sub(around.began_ns) as f64 / 1e9),
        limit: limit(&workers, &agents),
        workers,
        agents,
        edges,
    }
}

// Relaxed throughout: counters of a process that may be running; recent values are enough.
fn worker(
    plan: &Plan,
    control: &Control,
    w: usize,
    around: &Circumstances,
    ns: f64,
) -> WorkerReport {
    let (life, time) = (&control.head().life, &control.head().time);
    let share = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed) as f64 / ns;
    WorkerReport {
        name: plan.workers[w].name.clone(),
        core: plan.workers[w].core,
        phase: match Phase::from_u32(life.phase.load(Relaxed)) {
            Phase::Starting => "starting",
            Phase::Busy => "busy",
            Phase::Idle => "idle",
            Phase::Outside => "waiting for its source",
            Phase::Done => "done",
            Phase::Failed => "failed",
        },
        busy: share(&time.busy_ns),
        starved: share(&time.starved_ns),
        blocked: share(&time.blocked_ns),
        cpu_seconds: time.cpu_ns.load(Relaxed) as f64 / 1e9,
        steps: time.steps.load(Relaxed),
        parks: time.parks.load(Relaxed),
        restarts: around.restarts.get(w).copied().unwrap_or(0),
    }
}

fn agent(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    positions: &Positions,
    a: usize,
    ns: f64,
) -> AgentReport {
    let here = &graph.agents[a];
    let w = plan.worker_of[a];
    let gauge = wired.controls[w].agent_gauge(plan.seat_of[a]);
    AgentReport {
        name: here.name.clone(),
        op: here.op.clone(),
        worker: plan.workers[w].name.clone(),
        items_in: positions.read[a].iter().sum(),
        items_out: here.outputs.iter().map(|&s| positions.written[s]).sum(),
        busy: (gauge.ns.load(Relaxed) * thalweg_worker::subgraph::TIMED_EVERY) as f64 / ns,
    }
}

fn edges(
    graph: &Resolved,
    plan: &Plan,
    wired: &Wired,
    positions: &Positions,
    ns: f64,
) -> Vec<EdgeReport> {
    let mut edges = Vec::new();
    for (s, stream) in graph.streams.iter().enumerate() {
        let planned = &plan.streams[s];
        let producer = &graph.agents[stream.producer.0];
        let dropping = matches!(producer.edge, Some(Edge::DropNewest { .. }));
        let blank = EdgeReport {
            stream: stream.name.clone(),
            item_type: stream.item_type.to_string(),
            from: producer.name.clone(),
            to: String::new(),
            crosses: false,
            written: positions.written[s],
            read: 0,
            left: 0,
            lost: 0,
            overflow: if dropping { "drop-newest" } else { "block" },
            rate: positions.written[s] as f64 / ns * 1e9,
            capacity: planned.capacity,
            high_water: 0,
            wait: None,
        };
        if stream.readers.is_empty() {
            edges.push(blank.clone());
        }
        for (line, &(a, input)) in stream.readers.iter().enumerate() {
            let reader = &graph.agents[a];
            let w = planned.readers[line].worker;
            let gauge = wired.controls[w].input_gauge(plan.seat_of[a], input);
            let missed = positions.missed[a][input];
            let latest = matches!(reader.edge, Some(Edge::Latest { .. }));
            // What a dropping stream lost is counted once, with its first reader.
            let dropped = if line == 0 { positions.dropped[s] } else { 0 };
            let crosses = w != planned.producer;
            edges.push(EdgeReport {
                to: reader.name.clone(),
                crosses,
                read: positions.read[a][input] - missed,
                left: positions.written[s].saturating_sub(positions.read[a][input]),
                lost: missed + dropped,
                overflow: if latest { "latest" } else { blank.overflow },
                high_water: gauge.high_water.load(Relaxed),
                wait: if crosses { waits(&gauge.waits) } else { None },
                ..blank.clone()
            });
        }
    }
    edges
}

fn waits(buckets: &[std::sync::atomic::AtomicU32; BUCKETS]) -> Option<Waits> {
    let counts: Vec<u64> = buckets.iter().map(|b| u64::from(b.load(Relaxed))).collect();
    let samples: u64 = counts.iter().sum();
    let quantile = |q: f64| {
        let wanted = (samples as f64 * q).ceil() as u64;
        let mut below = 0;
        let bucket = counts.iter().position(|n| {
            below += n;
            below >= wanted.max(1)
        });
        bucket.map(|b| bucket_ns(b) / 1e9)
    };
    Some(Waits {
        samples,
        p50: quantile(0.5)?,
        p99: quantile(0.99)?,
        p999: quantile(0.999)?,
    })
}

/// The stage that limits: the worker that was busiest, or the world outside if nobody was busy.
fn limit(workers: &[WorkerReport], agents: &[AgentReport]) -> Option<String> {
    let mut by_busy: Vec<&WorkerReport> = workers.iter().collect();
    by_busy.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    let first = by_busy.first().filter(|w| w.steps > 0)?;
    let mut inside: Vec<&AgentReport> = agents.iter().filter(|a| a.worker == first.name).collect();
    inside.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    let most = inside.first().map_or(String::new(), |a| {
        let share = (a.busy / first.busy.max(1e-9)).min(1.0);
        match inside.len() {
            1 => format!(", all of it in `{}` ({})", a.name, a.op),
            _ => format!(", {} of that in `{}` ({})", percent(share), a.name, a.op),
        }
    });
    if first.busy < 0.5 {
        return Some(format!(
            "the source or the start limits: no worker was busy more than {} of the time ({}{most})",
            percent(first.busy),
            first.name
        ));
    }
    let next = by_busy.get(1).map_or(String::new(), |next| {
        let gain = first.busy / next.busy.max(1e-3);
        format!(
            "; next is {} at {}, so easing {} gains at most {gain:.1}x",
            next.name,
            percent(next.busy),
            first.name
        )
    });
    Some(format!(
        "worker {} limits: busy {} of the time{most}{next}",
        first.name,
        percent(first.busy)
    ))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
