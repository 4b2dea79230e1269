//! `thalweg run`: runs a graph to its end, and says how it went.

use std::cell::RefCell;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use thalweg_worker::clock;
use thalweg_worker::op::seconds;

use super::trial::{self, Placement};
use super::{Failure, GraphArg, give_bytes, refused_as_json, say, table, warn};
use crate::decl::{Capacity, GraphDecl};
use crate::diag::Refused;
use crate::plan::Options;
use crate::recipe::Written;
use crate::record::{self, Origin, Record};
use crate::report::Report;
use crate::resolve;
use crate::resolved::Resolved;
use crate::run::{self, Finished, RunError, Wanted};
use crate::runs;
use crate::snapshot::{self, disk};
use crate::supervise::{Regular, Verdict, Watch};

mod summary;
mod terminal;
mod watch;

/// Run a graph to its end; a summary follows
#[derive(clap::Args, Debug)]
pub struct Run {
    #[command(flatten)]
    pub(super) graph: GraphArg,
    /// Every source ends after so many items
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    items: Option<u64>,
    /// So many worker processes, whatever the graph says
    #[arg(long, value_name = "N", value_parser = whole::<usize>, conflicts_with = "in_process")]
    workers: Option<usize>,
    /// Everything in this process, without a fork
    #[arg(long)]
    in_process: bool,
    /// Whether workers stay on cores of their own
    #[arg(long, value_enum, default_value_t = Pin::Auto)]
    pin: Pin,
    /// Write the placement that was measured to this file, as tables for the graph file
    #[arg(long, value_name = "FILE", value_parser = absolute)]
    save_pin: Option<PathBuf>,
    /// Workers run before all that have no real-time priority; each needs a core of its own
    #[arg(long, value_name = "PRIORITY", num_args = 0..=1, require_equals = true, conflicts_with = "in_process",
        default_missing_value = PRIORITY, value_parser = clap::value_parser!(u8).range(1..=99))]
    realtime: Option<u8>,
    /// What a worker has mapped when it starts stays in memory
    #[arg(long, conflicts_with = "in_process")]
    lock_memory: bool,
    #[command(flatten)]
    tuning: Tuning,
    /// If this process is killed, leave what it takes to go on: `thalweg resume RUN`
    #[arg(long, conflicts_with = "in_process")]
    resumable: bool,
    /// Write where the run stands to this file every so often, for `run --from`
    #[arg(long, value_name = "FILE", value_parser = absolute, conflicts_with = "in_process")]
    snapshot: Option<PathBuf>,
    /// The time between two snapshots
    #[arg(long, value_name = "TIME", value_parser = period, requires = "snapshot", default_value = "30s")]
    every: Duration,
    /// Go on from a snapshot, with the graph and the options it was taken with
    #[arg(long, value_name = "FILE", value_parser = absolute, conflicts_with_all = [
        "file", "line", "sets", "items", "workers", "in_process", "pin", "restart", "step", "capacity",
        "save_pin", "realtime", "lock_memory",
    ])]
    from: Option<PathBuf>,
    #[command(flatten)]
    pub(super) manner: Manner,
    /// What is recorded of it.
    #[arg(skip)]
    pub(super) record: Option<Record>,
}

/// What a run's workers are forgiven, how its streams are cut, and its name.
#[derive(clap::Args, Debug)]
pub(super) struct Tuning {
    /// How often a worker may die without getting on before the run fails
    #[arg(long, value_name = "N", value_parser = whole::<u32>)]
    restart: Option<u32>,
    /// The most items an agent takes in one step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    step: Option<u64>,
    /// What a stream holds that does not say so itself: items, or bytes as 64KiB
    #[arg(long, value_name = "SIZE", value_parser = capacity)]
    capacity: Option<Capacity>,
    /// A name for the run, for `ps` and `stop`
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(super) name: Option<String>,
}

impl Tuning {
    pub(super) fn options(&self) -> Options {
        Options {
            restart: self.restart,
            step: self.step.and_then(|n| usize::try_from(n).ok()),
            capacity: self.capacity,
            ..Options::default()
        }
    }
}

/// How long a run lasts, and what is told of it.
#[derive(clap::Args, Debug)]
pub(super) struct Manner {
    /// Sources end after so long, and the graph drains: 10s, 500ms, 2min
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(super) lasts: Option<Duration>,
    /// Exit with 5 if an edge that may lose did lose
    #[arg(long)]
    strict: bool,
    /// The report as JSON on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// The report as JSON into a file
    #[arg(long, value_name = "FILE", value_parser = absolute)]
    pub(super) report: Option<PathBuf>,
    /// Nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Agents and edges in full in the summary
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pin {
    /// Each worker on a core of its own, if there are enough
    Auto,
    /// The scheduler decides
    None,
    /// Some placements are tried on the graph for a moment each, and the fastest is kept
    Measure,
}

/// Of `--realtime` without a number.
const PRIORITY: &str = "10";

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = seconds(text).or_else(|| text.parse().ok().filter(|s: &f64| *s >= 0.0));
    seconds
        .and_then(|s| Duration::try_from_secs_f64(s).ok())
        .ok_or_else(|| "a time is a number with a unit: 10s, 500ms, 2min".to_owned())
}

/// A count of anything.
pub(super) fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| "a whole number is needed, from 0 up and not too large".to_owned())
}

/// Long enough that the run does more than writing snapshots.
fn period(text: &str) -> Result<Duration, String> {
    let shortest = Duration::from_millis(10);
    match duration(text)? {
        time if time < shortest => Err("a snapshot every 10ms is the most".to_owned()),
        time => Ok(time),
    }
}

/// A path that means the same wherever the run goes to.
pub(super) fn absolute(path: &str) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|e| e.to_string())
}

pub(super) fn capacity(text: &str) -> Result<Capacity, String> {
    crate::keys::capacity_of_text(text)
}

pub(super) fn name(text: &str) -> Result<String, String> {
    match runs::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(runs::NAMES.to_owned()),
    }
}

impl Run {
    /// Runs the graph.
    ///
    /// # Errors
    /// Every way of ending but the good one, with its exit code.
    pub fn run(&self) -> Result<(), Failure> {
        let mut began_ns = clock::now_ns();
        if let Some(file) = &self.from {
            return self.go_on(file, began_ns);
        }
        let declared = self.graph.declare().map_err(|r| self.manner.refused(r))?;
        let written = self.written(&declared)?;
        let (declared, placement) = self.placed(declared)?;
        if placement.is_some() {
            // Of the run itself, which begins behind the trials.
            began_ns = clock::now_ns();
        }
        let mut graph = self.resolved(declared)?;
        if let Some(record) = &self.record {
            let origin = written.as_ref().map(|written| self.origin(written));
            record::insert(&mut graph, record, origin.as_ref()).map_err(Failure::usage)?;
        }
        self.check_keeping(Some(&graph))?;
        let mut wanted = self.wanted(written, began_ns);
        if let Some(placement) = placement {
            if graph.workers.is_empty() {
                wanted.options.workers = Some(placement.workers);
            }
            wanted.options.cores = Some(placement.cores);
        }
        self.manner
            .conclude(|watch| run::run(graph, &wanted, watch))
    }

    /// The graph again, and with `--pin measure` where its workers are to be.
    fn placed(&self, declared: GraphDecl) -> Result<(GraphDecl, Option<Placement>), Failure> {
        if self.pin != Pin::Measure {
            return match self.save_pin {
                Some(_) => Err(Failure::usage(
                    "--save-pin keeps what --pin measure found: give both",
                )),
                None => Ok((declared, None)),
            };
        }
        if self.in_process {
            return Err(Failure::usage(
                "--pin measure places worker processes, and --in-process has none",
            ));
        }
        if let Some(path) = &self.save_pin {
            resolve::check_place(path)
                .map_err(|words| Failure::usage(format!("--save-pin: {words}")))?;
        }
        let graph = RefCell::new(Some(declared));
        let found = trial::best(&graph, &self.options(), self.manner.quiet)?;
        let declared = graph.take().unwrap_or_default();
        let found = match (found, &self.save_pin) {
            (Ok(found), _) => found,
            (Err(obstacle), Some(_)) => {
                return Err(Failure::usage(format!(
                    "--save-pin has nothing to keep: {obstacle}"
                )));
            }
            (Err(obstacle), None) => {
                if !self.manner.quiet {
                    say(&format!(
                        "--pin measure: {obstacle}; the plan's own placement is used, as with --pin auto\n"
                    ));
                }
                return Ok((declared, None));
            }
        };
        if let Some(path) = &self.save_pin {
            std::fs::write(path, &found.lines)
                .map_err(|e| Failure::environment(format!("{}: {e}", path.display())))?;
        }
        Ok((declared, Some(found.placement)))
    }

    /// Goes on from a snapshot.
    fn go_on(&self, file: &Path, began_ns: u64) -> Result<(), Failure> {
        let built = match self.graph.is_brought() {
            true if self.resumable => return Err(not_resumable()),
            true => Some(self.graph.declare().map_err(|r| self.manner.refused(r))?),
            false => None,
        };
        let built = built.map(|declared| self.resolved(declared)).transpose()?;
        let loaded = disk::load(file)
            .map_err(|words| Failure::environment(format!("no snapshot to go on from: {words}")))?;
        if let (Some(complaint), false) = (&loaded.complaint, self.manner.quiet) {
            say(&format!(
                "warning: {complaint}; going on from the older {}\n",
                loaded.path.display()
            ));
        }
        self.check_keeping(None)?;
        let wanted = self.wanted(None, began_ns);
        self.manner
            .conclude(|watch| run::restore(&loaded, built, &wanted, watch))
    }

    fn resolved(&self, declared: GraphDecl) -> Result<Resolved, Failure> {
        let resolved = resolve::resolve(declared);
        let (graph, warnings) = resolved.map_err(|r| self.manner.refused(r))?;
        if !self.manner.quiet {
            warn(&warnings, &graph);
        }
        Ok(graph)
    }

    /// What is kept of the graph's text, if it has one.
    fn written(&self, graph: &GraphDecl) -> Result<Option<Written>, Failure> {
        let written = self.graph.written(graph);
        let written = written.map_err(|e| Failure::environment(format!("current folder: {e}")))?;
        match (self.resumable && written.is_none(), &self.record) {
            (true, _) => Err(not_resumable()),
            (false, None) => Ok(written),
            (false, Some(record)) => Ok(written.map(|w| w.recorded(record.clone()))),
        }
    }

    /// What a recording keeps of this graph, to run it again.
    fn origin(&self, written: &Written) -> Origin {
        Origin {
            written: written.unrecorded(),
            items: self.items,
        }
    }

    /// A report that has no place, and snapshots that cannot be, are told before the run.
    fn check_keeping(&self, graph: Option<&Resolved>) -> Result<(), Failure> {
        self.manner.check_report(graph)?;
        let Some(file) = &self.snapshot else {
            return Ok(());
        };
        let refuse = |words: String| Failure::usage(format!("--snapshot: {words}"));
        disk::check_place(file).map_err(refuse)?;
        resolve::check_place(file).map_err(refuse)?;
        graph.map_or(Ok(()), |graph| {
            snapshot::check_graph(graph, |_| false).map_err(refuse)
        })
    }

    fn wanted(&self, written: Option<Written>, began_ns: u64) -> Wanted {
        let regular = |file: &PathBuf| Regular {
            file: file.clone(),
            every: self.every,
        };
        Wanted {
            options: self.options(),
            name: self.tuning.name.clone(),
            lasts: self.manner.lasts,
            began_ns,
            disturbance: None,
            written,
            resumable: self.resumable,
            snapshots: self.snapshot.as_ref().map(regular),
            report: self.manner.report.clone(),
        }
    }

    fn options(&self) -> Options {
        Options {
            workers: self.workers,
            in_process: self.in_process,
            unpinned: self.pin == Pin::None,
            items: self.items,
            realtime: self.realtime,
            lock_memory: self.lock_memory,
            ..self.tuning.options()
        }
    }
}

fn not_resumable() -> Failure {
    Failure::usage(
        "--resumable keeps the graph's text, and a graph that is built in Rust has none; run it without",
    )
}

impl Manner {
    /// A refusal, in the manner that was asked for.
    pub(super) fn refused(&self, refused: Refused) -> Failure {
        match self.json {
            true => refused_as_json(&refused),
            false => refused.into(),
        }
    }

    /// A report that has no place, or would stand among a graph's own words, is told before the run.
    pub(super) fn check_report(&self, graph: Option<&Resolved>) -> Result<(), Failure> {
        if let (true, Some(printer)) = (self.json, graph.and_then(resolve::printer)) {
            return Err(Failure::usage(format!(
                "agent `{printer}` writes to standard output, where --json puts the report, and nobody could tell them apart: put the \
                 report into a file, with --report FILE"
            )));
        }
        let checked = self.report.as_deref().map_or(Ok(()), resolve::check_place);
        checked.map_err(|words| Failure::usage(format!("--report: {words}")))
    }

    /// Runs, shows what goes on, and tells how it ended.
    ///
    /// # Errors
    /// Every way of ending but the good one, with its exit code.
    pub(super) fn conclude(
        &self,
        run: impl FnOnce(&mut dyn Watch) -> Result<Finished, RunError>,
    ) -> Result<(), Failure> {
        let mut watch = watch::Live::new(self.quiet);
        let finished = run(&mut watch);
        watch.close();
        match finished {
            Ok(finished) => self.tell(&finished),
            Err(RunError::Refused(refused)) => Err(self.refused(*refused)),
            Err(RunError::Environment(words)) => Err(Failure::environment(words)),
        }
    }

    fn tell(&self, finished: &Finished) -> Result<(), Failure> {
        let report = &finished.report;
        let kept = self.keep(report);
        if !self.quiet {
            say(&summary::text(report, self.verbose, table::columns()));
        }
        match (self.verdict(&finished.verdict, report), kept) {
            (Ok(()), kept) => kept,
            // How the run ended comes last, and is what the exit code says.
            (ended, kept) => {
                if let Err(failure) = kept {
                    failure.tell();
                }
                ended
            }
        }
    }

    /// Puts the report where it was asked for. What is of no use is not left behind.
    fn keep(&self, report: &Report) -> Result<(), Failure> {
        let unkept = |place: String, error: &dyn Display| Failure::Words {
            code: 1,
            words: format!("the run is over, and its report cannot be written to {place}: {error}"),
        };
        let json = serde_json::to_value(report).map_err(|e| unkept("JSON".to_owned(), &e))?;
        let text = format!("{json:#}\n");
        let given = match self.json {
            true => {
                give_bytes(text.as_bytes()).map_err(|e| unkept("standard output".to_owned(), &e))
            }
            false => Ok(()),
        };
        let Some(path) = &self.report else {
            return given;
        };
        let written = std::fs::write(path, text).map_err(|error| {
            if path.is_file() {
                let _ = std::fs::remove_file(path);
            }
            unkept(path.display().to_string(), &error)
        });
        given.and(written)
    }

    fn verdict(&self, verdict: &Verdict, report: &Report) -> Result<(), Failure> {
        let words = |code, words: String| Err(Failure::Words { code, words });
        match verdict {
            Verdict::Done if self.strict && report.lost + report.lost_tags > 0 => words(
                5,
                match report.lost_tags {
                    0 => format!("{} items were lost, and --strict allows none", report.lost),
                    tags => format!(
                        "{} items and {tags} tags were lost, and --strict allows none",
                        report.lost
                    ),
                },
            ),
            Verdict::Done => Ok(()),
            Verdict::Failed(sentence) => words(1, sentence.clone()),
            Verdict::Stalled(chain) => words(
                4,
                format!(
                    "the graph is stalled: nothing can move\n  {}\nmake the full stream larger ([streams.NAME] capacity), or take the items in the order in which they come",
                    chain.join("\n  ")
                ),
            ),
            Verdict::Killed(signal) => {
                words(128 + *signal as u8, format!("killed by a second {signal}"))
            }
        }
    }
}
