//! The report of a run: what went in and out of every edge, where the time went, what limits.
//!
//! Gathered from the control blocks alone, while the run goes on or after it; printing is the
//! command line's business, and programs get the same thing as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;
use thalweg_worker::control::{BUCKETS, Control, Phase, bucket_ns};

use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Edge, Resolved, ResolvedAgent, StreamIx};
use crate::snapshot::image;
use crate::supervise::Tally;
use crate::wire::Wired;

mod limit;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The graph's name.
    pub graph: String,
    /// The run's name.
    pub run: String,
    /// How it ended: `done`, `stopped`, `failed`, `stalled`, `killed`; `running` before that.
    pub ended: &'static str,
    /// Wall time in seconds, from the start of the workers to the end of the last.
    pub seconds: f64,
    /// Wall time in seconds since the command began.
    pub elapsed_seconds: f64,
    /// The workers.
    pub workers: Vec<WorkerReport>,
    /// The agents.
    pub agents: Vec<AgentReport>,
    /// The edges: one for each reader of each stream. `written = read + left + lost`.
    pub edges: Vec<EdgeReport>,
    /// Items lost on edges that may lose.
    pub lost: u64,
    /// Tags lost there.
    pub lost_tags: u64,
    /// Items that agents with `on_error = "skip"` left out because their worker died of them.
    pub skipped: u64,
    /// Times a worker was forked again.
    pub restarts: u64,
    /// Snapshots of it that are on the disk.
    pub snapshots: u64,
    /// The longest time in which the workers stood still for one, in seconds.
    pub longest_pause_seconds: f64,
    /// Seconds from the start of the command to the first item that moved.
    pub first_item_seconds: Option<f64>,
    /// One sentence: the stage that limits, why, and what is next.
    pub limit: Option<String>,
    /// What may be done about it.
    pub advice: Option<String>,
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
    /// Share of the time in which a source waited for the world outside.
    pub outside: f64,
    /// Share of the time on a CPU, waiting by spinning included.
    pub cpu: f64,
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
    /// Items left out because its worker died of them; they count as consumed.
    pub skipped: u64,
    /// What deaths of its worker cost outside of the graph: what is gone, or went out twice.
    pub toll: Option<String>,
    /// What was lost outside of the graph, deaths or not, where its agent can tell.
    pub lost_outside: Option<String>,
    /// Parameters that were changed while it went on: its output is no function of its inputs alone.
    pub set: Vec<SetReport>,
    /// What is to be said of it: `clipped 3 samples ..`, `gave nothing: ..`. Known when the run has ended.
    pub remarks: Vec<String>,
    /// Share of the run spent in it: its part of its worker's, by the first steps and one in sixteen of the others. What a
    /// worker does between its agents (commits) is shared out among them, so the sum is the worker's.
    pub busy: f64,
    /// The most items a port of it sees or fills in one step, as the plan chose it.
    pub step: u64,
    /// Items it consumed (of a source: produced) in a step of its worker, on average: few where few had arrived.
    pub step_mean: f64,
    /// It waits for the world outside: a source, an agent that keeps time, a sink to a pipe or socket.
    pub faces_outside: bool,
}

/// A parameter that was changed while the run went on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetReport {
    /// The parameter.
    pub param: String,
    /// Its last value.
    pub value: f64,
    /// From which item on that holds: of the agent's first input, or of a source's output.
    pub since: u64,
    /// How often it was changed.
    pub times: u64,
}

/// One edge: a stream and one of its readers.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeReport {
    /// The stream.
    pub stream: String,
    /// Its item type.
    pub item_type: String,
    /// What its numbers measure, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
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
    /// Items lost: dropped when full, or missed. What a stream drops, all of its readers lack.
    pub lost: u64,
    /// Tags dropped where there was no room for them.
    pub lost_tags: u64,
    /// How it may lose: `block`, `drop-newest`, `latest`.
    pub overflow: &'static str,
    /// Items a second, over the whole run.
    pub rate: f64,
    /// Items it holds at most; of frames, bytes.
    pub capacity: u64,
    /// Most items ever waiting (and retained), as the reader saw it; of frames, bytes.
    pub high_water: u64,
    /// Bytes written, where items are frames: with the length and the padding of each.
    pub frame_bytes: Option<u64>,
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
    /// How the run ended, as [`Report::ended`] says it.
    pub ended: &'static str,
    /// Restarts of each worker.
    pub restarts: Vec<u64>,
    /// Items that streams had before the workers were started; none: 0 each.
    pub before: Vec<u64>,
    /// What deaths of workers cost outside of the graph, agent by agent.
    pub tolls: BTreeMap<AgentIx, String>,
    /// What was lost outside of the graph otherwise, agent by agent.
    pub lost_outside: BTreeMap<AgentIx, String>,
    /// Snapshots of it.
    pub snapshots: Tally,
}

/// How a run ended that came to a stand.
pub const STALLED: &str = "stalled";

/// Gathers the report.
pub fn gather(graph: &Resolved, plan: &Plan, wired: &Wired, around: &Circumstances) -> Report {
    let positions = Positions::of(graph, plan, wired);
    let end_ns = end(&wired.controls).unwrap_or(around.now_ns);
    let ns = end_ns.saturating_sub(around.started_ns).max(1) as f64;
    let seen = Seen {
        graph,
        plan,
        wired,
        positions: &positions,
        before: &around.before,
        ns,
    };
    let workers: Vec<WorkerReport> = (0..plan.workers.len())
        .map(|w| seen.worker(w, end_ns, around))
        .collect();
    let mut agents: Vec<AgentReport> = (0..graph.agents.len())
        .filter(|&a| graph.agents[a].edge.is_none())
        .map(|a| seen.agent(a, around))
        .collect();
    share_out(&workers, &mut agents);
    let edges: Vec<EdgeReport> = (0..graph.streams.len())
        .flat_map(|s| seen.edges(s))
        .collect();
    let first = wired
        .controls
        .iter()
        .map(|c| c.head().life.first_ns.load(Relaxed));
    let moved = agents.iter().any(|a| a.items_in > 0 || a.items_out > 0);
    let first = first.filter(|&ns| ns != 0 && moved).min();
    let started = first.map_or(0.0, |first| {
        first.saturating_sub(around.started_ns) as f64 / ns
    });
    // Of a run in which nothing moved, or nothing could any more, no stage is the slowest.
    let flowed = moved && around.ended != STALLED;
    let limit = flowed.then(|| limit::diagnose(&workers, &agents, ns / 1e9, started));
    let limit = limit.flatten();
    let (limit, advice) = limit.map_or((None, None), |d| (Some(d.sentence), d.advice));
    Report {
        graph: graph.name.clone(),
        run: around.run.clone(),
        ended: around.ended,
        seconds: ns / 1e9,
        elapsed_seconds: around.now_ns.saturating_sub(around.began_ns) as f64 / 1e9,
        lost: (0..graph.streams.len()).map(|s| seen.lost(s)).sum(),
        lost_tags: (0..graph.streams.len()).map(|s| seen.lost_tags(s)).sum(),
        skipped: positions.skipped.iter().sum(),
        restarts: around.restarts.iter().sum(),
        snapshots: around.snapshots.taken,
        longest_pause_seconds: around.snapshots.pause_max.as_secs_f64(),
        first_item_seconds: first.map(|ns| ns.saturating_sub(around.began_ns) as f64 / 1e9),
        limit,
        advice,
        workers,
        agents,
        edges,
    }
}

/// Makes parts of each worker's busy share of the times that its agents were seen to take.
fn share_out(workers: &[WorkerReport], agents: &mut [AgentReport]) {
    for worker in workers {
        let inside = |agent: &&mut AgentReport| agent.worker == worker.name;
        let all: f64 = agents.iter_mut().filter(inside).map(|a| a.busy).sum();
        if all > 0.0 {
            let own = agents.iter_mut().filter(inside);
            own.for_each(|agent| agent.busy *= worker.busy / all);
        }
    }
}

/// When the last worker was done, if all are.
fn end(controls: &[Control]) -> Option<u64> {
    let ends = controls.iter().map(|control| {
        let head = control.head();
        // Relaxed: counters of processes that are gone, or recent values of those that are not.
        let done = Phase::from_u32(head.life.phase.load(Relaxed)) == Phase::Done;
        done.then(|| head.time.since_ns.load(Relaxed))
    });
    ends.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// What a worker did with its time so far, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// In steps that moved something.
    pub busy: u64,
    /// Without input.
    pub starved: u64,
    /// Without room.
    pub blocked: u64,
    /// Waiting for the world outside.
    pub outside: u64,
}

impl Books {
    /// The books of a worker, with what it does at `now_ns` and has not booked yet.
    pub fn of(control: &Control, now_ns: u64) -> Books {
        let time = &control.head().time;
        // Relaxed: counters of a process that may be running; recent values are enough.
        let mut books = Books {
            busy: time.busy_ns.load(Relaxed),
            starved: time.starved_ns.load(Relaxed),
            blocked: time.blocked_ns.load(Relaxed),
            outside: time.outside_ns.load(Relaxed),
        };
        let unbooked = now_ns.saturating_sub(time.since_ns.load(Relaxed));
        match Phase::from_u32(control.head().life.phase.load(Relaxed)) {
            Phase::Busy => books.busy += unbooked,
            Phase::Starved => books.starved += unbooked,
            Phase::Blocked => books.blocked += unbooked,
            Phase::Outside => books.outside += unbooked,
            Phase::Starting | Phase::Done | Phase::Failed => {}
        }
        books
    }
}

/// Everything a report is read from.
struct Seen<'a> {
    graph: &'a Resolved,
    plan: &'a Plan,
    wired: &'a Wired,
    positions: &'a Positions,
    before: &'a [u64],
    ns: f64,
}

// Relaxed throughout: counters of a process that may be running; recent values are enough.
impl Seen<'_> {
    fn worker(&self, w: usize, end_ns: u64, around: &Circumstances) -> WorkerReport {
        let control = &self.wired.controls[w];
        let (life, time) = (&control.head().life, &control.head().time);
        let books = Books::of(control, end_ns);
        let share = |ns: u64| (ns as f64 / self.ns).min(1.0);
        let cpu_ns = time.cpu_ns.load(Relaxed);
        WorkerReport {
            name: self.plan.workers[w].name.clone(),
            core: self.plan.workers[w].core,
            phase: phase(Phase::from_u32(life.phase.load(Relaxed))),
            busy: share(books.busy),
            starved: share(books.starved),
            blocked: share(books.blocked),
            outside: share(books.outside),
            cpu: share(cpu_ns),
            cpu_seconds: cpu_ns as f64 / 1e9,
            steps: time.steps.load(Relaxed),
            parks: time.parks.load(Relaxed),
            restarts: around.restarts.get(w).copied().unwrap_or(0),
        }
    }

    fn agent(&self, a: AgentIx, around: &Circumstances) -> AgentReport {
        let here = &self.graph.agents[a];
        let w = self.plan.worker_of[a];
        let control = &self.wired.controls[w];
        let gauge = control.agent_gauge(self.plan.seat_of[a]);
        let steps = control.head().time.steps.load(Relaxed);
        let own = self.graph.own_inputs(a);
        let items_in = self.positions.items_read[a][..own].iter().sum();
        let is_own = |&&s: &&StreamIx| self.graph.streams[s].tags_of.is_none();
        let outputs = here.outputs.iter().filter(is_own);
        let items_out = outputs.map(|&s| self.positions.items_written[s]).sum();
        let moved = if here.inputs.is_empty() {
            items_out
        } else {
            items_in
        };
        AgentReport {
            name: here.name.clone(),
            op: here.op.clone(),
            worker: self.plan.workers[w].name.clone(),
            items_in,
            items_out,
            skipped: self.positions.skipped[a],
            toll: around.tolls.get(&a).cloned(),
            lost_outside: around.lost_outside.get(&a).cloned(),
            set: self.set(a),
            remarks: self.remarks(a, around),
            busy: gauge.ns.load(Relaxed) as f64 / self.ns,
            step: self.plan.step_of[a] as u64,
            step_mean: moved as f64 / steps.max(1) as f64,
            faces_outside: faces_outside(here),
        }
    }

    /// What is to be said of an agent whose worker has ended.
    fn remarks(&self, a: AgentIx, around: &Circumstances) -> Vec<String> {
        if around.ended == "running" {
            return Vec::new();
        }
        let own = self.graph.agents[a].blueprint.remark;
        let own = own.and_then(|remark| remark(image::state_of(self.plan, self.wired, a)));
        own.into_iter().chain(self.starved_window(a)).collect()
    }

    /// What looks at more items at once than ever came, and so gave nothing.
    fn starved_window(&self, a: AgentIx) -> Option<String> {
        let here = &self.graph.agents[a];
        let written = |s: &StreamIx| self.positions.items_written[*s];
        if here.outputs.is_empty() || here.outputs.iter().any(|s| written(s) > 0) {
            return None;
        }
        let inputs = here.inputs.iter().zip(&here.blueprint.inputs);
        let own = inputs.take(self.graph.own_inputs(a));
        own.into_iter().find_map(|(s, port)| {
            let at_once = port.at_least.max(port.retain + 1) as u64;
            let (came, needed) = (written(s), at_once.max(port.gives_after));
            (0 < came && came < needed && !port.item_type.is_framed()).then(|| {
                let items = if came == 1 { "item" } else { "items" };
                match needed > at_once {
                    true => format!(
                        "gave nothing: {came} {items} came, and its first one takes {needed}"
                    ),
                    false => {
                        format!("gave nothing: {came} {items} came, and it needs {needed} at once")
                    }
                }
            })
        })
    }

    fn set(&self, a: AgentIx) -> Vec<SetReport> {
        let dials = &self.graph.agents[a].blueprint.dials;
        let both = dials.iter().zip(&self.positions.turned[a]);
        both.filter(|(_, turned)| turned.times > 0)
            .map(|(dial, turned)| SetReport {
                param: dial.name.to_string(),
                value: turned.value,
                since: turned.since,
                times: turned.times,
            })
            .collect()
    }

    /// The edges of a stream as written in the graph: whatever stands in it to make it lossy is
    /// part of the edge, from the agent that writes to the agent that reads.
    fn edges(&self, s: StreamIx) -> Vec<EdgeReport> {
        let (graph, positions) = (self.graph, self.positions);
        let stream = &graph.streams[s];
        if self.is_part_of_an_edge(s) || stream.tags_of.is_some() {
            return Vec::new();
        }
        let into = self.raw(s).unwrap_or(s);
        let written = positions.items_written[into];
        let framed = stream.item_type.is_framed();
        let blank = EdgeReport {
            stream: stream.name.clone(),
            item_type: stream.item_type.to_string(),
            unit: stream.unit.clone(),
            from: graph.agents[graph.streams[into].producer.0].name.clone(),
            to: String::new(),
            crosses: false,
            written,
            read: 0,
            left: written,
            lost: 0,
            lost_tags: self.lost_tags(s),
            overflow: if into == s { "block" } else { "drop-newest" },
            rate: (written - self.before.get(into).unwrap_or(&0)) as f64 / self.ns * 1e9,
            capacity: self.plan.streams[s].capacity,
            high_water: 0,
            frame_bytes: framed.then_some(positions.written[into]),
            wait: None,
        };
        if stream.readers.is_empty() {
            return vec![blank];
        }
        let readers = 0..stream.readers.len();
        readers.map(|line| self.edge(s, line, &blank)).collect()
    }

    fn edge(&self, s: StreamIx, line: usize, blank: &EdgeReport) -> EdgeReport {
        let (graph, positions) = (self.graph, self.positions);
        let (a, input) = graph.streams[s].readers[line];
        let latest = matches!(graph.agents[a].edge, Some(Edge::Latest { .. }));
        // Behind an agent that skips to the newest is the stream of the one who reads.
        let (reader, reader_input) = match latest {
            true => graph.streams[graph.agents[a].outputs[0]].readers[0],
            false => (a, input),
        };
        let gauge =
            self.wired.controls[self.plan.worker_of[a]].input_gauge(self.plan.seat_of[a], input);
        let crosses = self.plan.streams[s].readers[line].worker != self.plan.streams[s].producer;
        let read = positions.items_read[reader][reader_input];
        let lost = positions.missed[a][input] + positions.dropped[s];
        EdgeReport {
            to: graph.agents[reader].name.clone(),
            crosses,
            read,
            left: blank.written.saturating_sub(read + lost),
            lost,
            overflow: if latest { "latest" } else { blank.overflow },
            high_water: gauge.high_water.load(Relaxed),
            wait: if crosses { waits(&gauge.waits) } else { None },
            ..blank.clone()
        }
    }

    /// The items a stream lost, each counted once.
    fn lost(&self, s: StreamIx) -> u64 {
        let readers = self.graph.streams[s].readers.iter();
        let missed: u64 = readers.map(|&(a, i)| self.positions.missed[a][i]).sum();
        missed + self.positions.dropped[s]
    }

    /// The tags that a stream dropped: those that the agent before it read and did not give.
    fn lost_tags(&self, s: StreamIx) -> u64 {
        let streams = &self.graph.streams;
        let dropping = streams[s].producer.0;
        let drops = matches!(
            self.graph.agents[dropping].edge,
            Some(Edge::DropNewest { .. })
        );
        let companion = (0..streams.len()).find(|&c| drops && streams[c].tags_of == Some(s));
        companion.map_or(0, |given| {
            let inputs = self.graph.agents[dropping].inputs.iter().enumerate();
            let tags = inputs.filter(|(_, s)| streams[**s].tags_of.is_some());
            let read = tags.map(|(i, _)| self.positions.items_read[dropping][i]);
            read.sum::<u64>()
                .saturating_sub(self.positions.items_written[given])
        })
    }

    /// A stream that only the engine put there.
    fn is_part_of_an_edge(&self, s: StreamIx) -> bool {
        let (agents, stream) = (&self.graph.agents, &self.graph.streams[s]);
        let latest = matches!(agents[stream.producer.0].edge, Some(Edge::Latest { .. }));
        let drops =
            |&(a, _): &(AgentIx, usize)| matches!(agents[a].edge, Some(Edge::DropNewest { .. }));
        latest || stream.readers.iter().any(drops)
    }

    /// The stream that comes in where `s` is what a dropping agent lets through.
    fn raw(&self, s: StreamIx) -> Option<StreamIx> {
        let producer = &self.graph.agents[self.graph.streams[s].producer.0];
        let drops = matches!(producer.edge, Some(Edge::DropNewest { .. }));
        drops.then(|| producer.inputs[0])
    }
}

/// Sources wait for the world outside, but for those that make their items themselves; and sinks for whoever reads their pipe or socket.
fn faces_outside(agent: &ResolvedAgent) -> bool {
    let is_pipe = |path: &PathBuf| fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo());
    match agent.op.as_str() {
        "const" | "counter" | "noise" | "sine" => false,
        "throttle" | "tcp.write" | "unix.write" => true,
        _ => agent.inputs.is_empty() || agent.writes.iter().any(is_pipe),
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Busy => "busy",
        Phase::Starved => "starved",
        Phase::Blocked => "blocked",
        Phase::Outside => "waiting for the world outside",
        Phase::Done => "done",
        Phase::Failed => "failed",
    }
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
