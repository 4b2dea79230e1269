//! What is seen of a run while it goes on.
//!
//! On a terminal a line for each worker that is drawn anew; elsewhere a plain line now and then.
//! Nothing here has a thread: the coordinator forks, so drawing happens when it ticks.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use thalweg_worker::clock;
use thalweg_worker::control::Phase;

use super::terminal::Terminal;
use crate::cli::say;
use crate::cli::table::{percent, rate};
use crate::plan::Plan;
use crate::positions::Positions;
use crate::report::Books;
use crate::resolved::Resolved;
use crate::spawn::Nursery;
use crate::stall;
use crate::supervise::Watch;

/// Words on standard error as things happen.
pub struct Live {
    show: Show,
    began: Instant,
    before: Vec<Sample>,
}

/// How the state of things is shown.
enum Show {
    /// Not at all.
    Nothing,
    /// A line for all workers, no sooner than at this moment.
    Plain(Instant),
    /// On a terminal, before anything was drawn.
    Blank,
    /// A line for each worker, drawn anew.
    Bars(Bars),
}

struct Bars {
    all: MultiProgress,
    workers: Vec<ProgressBar>,
}

/// How often a line is drawn anew at most.
const REDRAWN_HZ: u8 = 20;

/// Between two plain lines; a run that is over sooner has none.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

impl Live {
    /// Quiet: only what workers themselves say.
    pub fn new(quiet: bool) -> Live {
        let began = Instant::now();
        let show = match quiet {
            true => Show::Nothing,
            false if std::io::stderr().is_terminal() && !is_dumb() => Show::Blank,
            false => Show::Plain(began + BETWEEN_LINES),
        };
        Live {
            show,
            began,
            before: Vec::new(),
        }
    }

    /// The run is over: what was drawn goes.
    pub fn close(&mut self) {
        if let Show::Bars(bars) = &self.show {
            // The terminal is gone: then there is nothing to take away.
            let _ = bars.all.clear();
        }
        self.show = Show::Nothing;
    }

    /// Says a line without tearing what is drawn.
    fn say_above(&self, line: &str) {
        match &self.show {
            Show::Bars(bars) => bars.all.suspend(|| say(&format!("{line}\n"))),
            _ => say(&format!("{line}\n")),
        }
    }
}

impl Watch for Live {
    fn tick(&mut self, graph: &Resolved, nursery: &Nursery<'_>, _restarts: &[u64]) {
        if let Show::Blank = self.show {
            self.show = match writes_to_the_terminal(graph) {
                true => Show::Plain(self.began + BETWEEN_LINES),
                false => Show::Bars(Bars::new(nursery.plan)),
            };
        }
        let now = Instant::now();
        let due = match &self.show {
            Show::Nothing | Show::Blank => return,
            Show::Plain(next) => now >= *next,
            Show::Bars(_) => true,
        };
        // The first look only gives what later ones are compared with.
        if !due && !self.before.is_empty() {
            return;
        }
        let positions = Positions::of(graph, nursery.plan, nursery.wired);
        let samples = samples(graph, nursery, &positions);
        if !due {
            self.before = samples;
            return;
        }
        let lines = samples.iter().enumerate().map(|(w, sample)| {
            let before = self.before.get(w).copied().unwrap_or(*sample);
            Line {
                busy: sample.busy_since(&before),
                rate: sample.rate_since(&before),
                fullest: fullest(graph, nursery.plan, &positions, w),
                state: state(graph, nursery, &positions, w),
            }
        });
        let lines: Vec<Line> = lines.collect();
        match &mut self.show {
            Show::Nothing | Show::Blank => {}
            Show::Bars(bars) => bars.draw(&lines),
            Show::Plain(next) => {
                *next = now + BETWEEN_LINES;
                say(&plain(self.began.elapsed(), nursery.plan, &lines));
            }
        }
        self.before = samples;
    }

    fn line(&mut self, worker: &str, line: &str) {
        self.say_above(&format!("[{worker}] {line}"));
    }

    fn note(&mut self, words: &str) {
        if !matches!(self.show, Show::Nothing) {
            self.say_above(words);
        }
    }
}

/// A terminal on which nothing can be drawn anew.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// True if agents write to the very terminal that lines would be drawn on.
fn writes_to_the_terminal(graph: &Resolved) -> bool {
    let to_stdout = |agent: &crate::resolved::ResolvedAgent| {
        agent.op == "print" || agent.writes.iter().any(|path| path.as_os_str() == "-")
    };
    std::io::stdout().is_terminal() && graph.agents.iter().any(to_stdout)
}

/// What a worker had done at some moment.
#[derive(Clone, Copy)]
struct Sample {
    at_ns: u64,
    busy_ns: u64,
    items: u64,
}

impl Sample {
    fn busy_since(&self, before: &Sample) -> f64 {
        let busy = self.busy_ns.saturating_sub(before.busy_ns);
        (busy as f64 / self.ns_since(before)).min(1.0)
    }

    fn rate_since(&self, before: &Sample) -> f64 {
        self.items.saturating_sub(before.items) as f64 * 1e9 / self.ns_since(before)
    }

    fn ns_since(&self, before: &Sample) -> f64 {
        self.at_ns.saturating_sub(before.at_ns).max(1) as f64
    }
}

fn samples(graph: &Resolved, nursery: &Nursery<'_>, positions: &Positions) -> Vec<Sample> {
    let at_ns = clock::now_ns();
    let controls = nursery.wired.controls.iter().enumerate();
    let samples = controls.map(|(w, control)| Sample {
        at_ns,
        busy_ns: Books::of(control, at_ns).busy,
        items: items(graph, nursery.plan, positions, w),
    });
    samples.collect()
}

/// Items that came into a worker: from other workers, and from its own sources.
fn items(graph: &Resolved, plan: &Plan, positions: &Positions, worker: usize) -> u64 {
    let agents = plan.workers[worker].agents.iter();
    let of_agent = |&a: &usize| -> u64 {
        let agent = &graph.agents[a];
        let inputs = agent.inputs.iter().enumerate();
        let read = inputs
            .filter(|&(_, &s)| plan.streams[s].producer != worker)
            .map(|(i, _)| positions.items_read[a][i]);
        match agent.inputs.is_empty() {
            true => agent
                .outputs
                .iter()
                .map(|&s| positions.items_written[s])
                .sum(),
            false => read.sum(),
        }
    };
    agents.map(of_agent).sum()
}

/// The fullest stream that comes in from another worker, and how full it is.
fn fullest(
    graph: &Resolved,
    plan: &Plan,
    positions: &Positions,
    worker: usize,
) -> Option<(String, f64)> {
    let agents = plan.workers[worker].agents.iter();
    let inputs = agents.flat_map(|&a| {
        let inputs = graph.agents[a].inputs.iter().enumerate();
        inputs.map(move |(i, &s)| (s, positions.released[a][i]))
    });
    let fills = inputs
        .filter(|&(s, _)| plan.streams[s].producer != worker)
        .map(|(s, released)| {
            let held = positions.written[s].saturating_sub(released) as f64;
            let fill = held / plan.streams[s].capacity.max(1) as f64;
            (graph.streams[s].name.clone(), fill.min(1.0))
        });
    fills.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// What a worker does, in a few words; nothing while it is busy.
fn state(graph: &Resolved, nursery: &Nursery<'_>, positions: &Positions, worker: usize) -> String {
    let control = &nursery.wired.controls[worker];
    // Relaxed: a sign of life; a recent value is enough.
    let phase = &control.head().life.phase;
    let phase = Phase::from_u32(phase.load(std::sync::atomic::Ordering::Relaxed));
    match phase {
        Phase::Busy => String::new(),
        Phase::Starting => "starting".to_owned(),
        Phase::Done => "done".to_owned(),
        Phase::Failed => "failed".to_owned(),
        Phase::Outside => "waits for the world outside".to_owned(),
        Phase::Starved | Phase::Blocked => {
            let agents = &nursery.plan.workers[worker].agents;
            let mut waits = agents
                .iter()
                .filter_map(|&a| stall::wait(graph, nursery.plan, positions, a));
            waits.next().unwrap_or_default()
        }
    }
}

/// What is shown of a worker.
struct Line {
    busy: f64,
    rate: f64,
    fullest: Option<(String, f64)>,
    state: String,
}

impl Bars {
    fn new(plan: &Plan) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(
            Box::new(Terminal::default()),
            REDRAWN_HZ,
        ));
        let style = ProgressStyle::with_template("{prefix} [{bar:10}] {wide_msg}");
        let style = style
            .expect("the template is well formed")
            .progress_chars("=> ");
        let name_len = plan.workers.iter().map(|w| w.name.chars().count()).max();
        let name_len = name_len.unwrap_or(0);
        let workers = plan.workers.iter().map(|worker| {
            let core = worker
                .core
                .map_or("any core".to_owned(), |c| format!("core {c:<3}"));
            let bar = all.add(ProgressBar::new(100).with_style(style.clone()));
            bar.set_prefix(format!("{:<name_len$} {core}", worker.name));
            bar
        });
        Bars {
            workers: workers.collect(),
            all,
        }
    }

    fn draw(&mut self, lines: &[Line]) {
        for (bar, line) in self.workers.iter().zip(lines) {
            let fullest = match &line.fullest {
                Some((stream, fill)) => format!("  {stream} {} full", percent(*fill)),
                None => String::new(),
            };
            bar.set_position((100.0 * line.busy).round() as u64);
            bar.set_message(format!(
                "busy {:>5}  {:>9}{fullest}  {}",
                percent(line.busy),
                rate(line.rate),
                line.state
            ));
            bar.tick();
        }
    }
}

/// All workers in one line: `12 s: front 1.20 M/s busy 98 %, back 1.20 M/s busy 40 %`.
fn plain(elapsed: Duration, plan: &Plan, lines: &[Line]) -> String {
    let workers = plan.workers.iter().zip(lines).map(|(worker, line)| {
        let words = format!(
            "{} {} busy {}",
            worker.name,
            rate(line.rate),
            percent(line.busy)
        );
        match line.state.as_str() {
            "" => words,
            state => format!("{words} ({state})"),
        }
    });
    let workers: Vec<String> = workers.collect();
    format!("{} s: {}\n", elapsed.as_secs(), workers.join(", "))
}
