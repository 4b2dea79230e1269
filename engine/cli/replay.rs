//! `thalweg replay FILE`: runs a graph with a recording in the place of its sources, and compares.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value as Json, json};
use thalweg_worker::clock;
use thalweg_worker::connectors::recording::{Recording, Sum};

use super::run::{Manner, Tuning, absolute};
use super::table::{self, Column};
use super::{Failure, GraphArg, give, give_json, say, warn};
use crate::compose;
use crate::decl::GraphDecl;
use crate::plan::Options;
use crate::record::{self, Comparison, Origin};
use crate::resolve;
use crate::run::{self, Wanted};
use crate::sets;

/// Run a graph with a recording in the place of its sources, or list what a recording holds
#[derive(clap::Args, Debug)]
pub struct Replay {
    /// The recording
    #[arg(value_name = "FILE", value_parser = absolute)]
    recording: PathBuf,
    // The graph; without one, the graph that was recorded.
    #[command(flatten)]
    graph: GraphArg,
    /// Say what the recording holds, hold it against its checksums, and run nothing
    #[arg(long, conflicts_with_all = ["file", "line", "sets", "compare", "streams", "pace", "items", "workers", "in_process", "restart", "step", "capacity", "name"])]
    list: bool,
    /// Exit with 5 if a recorded stream that is not given from the recording differs from what was recorded
    #[arg(long)]
    compare: bool,
    /// Streams, or agents, given from the recording. Default: the recorded ones whose agent is a source
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    streams: Vec<String>,
    /// As fast as items are taken, or when they came
    #[arg(long, value_enum, default_value_t = Pace::Full)]
    pace: Pace,
    /// Every source ends after so many items. Default: as when it was recorded
    #[arg(long, value_name = "N")]
    items: Option<u64>,
    /// So many worker processes, whatever the graph says
    #[arg(long, value_name = "N", conflicts_with = "in_process")]
    workers: Option<usize>,
    /// Everything in this process, without a fork
    #[arg(long)]
    in_process: bool,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pace {
    /// As fast as they are taken
    Full,
    /// When they came
    Recorded,
}

impl Pace {
    fn word(self) -> &'static str {
        match self {
            Pace::Full => "full",
            Pace::Recorded => "recorded",
        }
    }
}

impl Replay {
    /// Lists the recording, or runs the graph.
    ///
    /// # Errors
    /// No recording or a damaged one (3), no graph for it (2), a difference (5); else as `run`.
    pub fn run(&self) -> Result<(), Failure> {
        let began_ns = clock::now_ns();
        let recording = Recording::open(&self.recording).map_err(Failure::environment)?;
        if self.list {
            return list(&recording, self.manner.json);
        }
        if let (Some(complaint), false) = (recording.complaint(), self.manner.quiet) {
            let file = recording.path().display();
            say(&format!(
                "warning: {file}: {complaint}; it is read up to there\n"
            ));
        }
        let origin = serde_json::from_value::<Origin>(recording.words().origin.clone()).ok();
        let mut graph = self.declare(&recording, origin.as_ref())?;
        let recording = Arc::new(recording);
        compose::expand(&mut graph).map_err(|r| self.manner.refused(r))?;
        let fed = record::feed(&mut graph, &recording, &self.streams, self.pace.word())
            .map_err(Failure::usage)?;
        if fed.is_empty() && !self.compare {
            return Err(Failure::usage(format!(
                "{} holds {}, and none of them is a source of the graph; name what to give from it with --streams",
                recording.path().display(),
                record::names_in(&recording)
            )));
        }
        let resolved = resolve::resolve(graph);
        let (mut graph, warnings) = resolved.map_err(|r| self.manner.refused(r))?;
        if !self.manner.quiet {
            warn(&warnings, &graph);
        }
        let comparison = match self.compare {
            true => Some(record::compare(&mut graph, &recording, &fed).map_err(Failure::usage)?),
            false => None,
        };
        self.manner.check_report(Some(&graph))?;
        let wanted = Wanted {
            options: Options {
                workers: self.workers,
                in_process: self.in_process,
                items: self.items.or(origin.and_then(|origin| origin.items)),
                ..self.tuning.options()
            },
            name: self.tuning.name.clone(),
            lasts: self.manner.lasts,
            began_ns,
            report: self.manner.report.clone(),
            ..Wanted::default()
        };
        self.manner
            .conclude(|watch| run::run(graph, &wanted, watch))?;
        comparison.map_or(Ok(()), |comparison| self.judge(&comparison))
    }

    /// The graph that is named, else the one that was recorded.
    fn declare(
        &self,
        recording: &Recording,
        origin: Option<&Origin>,
    ) -> Result<GraphDecl, Failure> {
        if self.graph.is_named() {
            return self.graph.declare().map_err(|r| self.manner.refused(r));
        }
        let file = recording.path().display();
        let Some(origin) = origin else {
            return Err(Failure::usage(format!(
                "{file} does not keep its graph; name one: thalweg replay {file} GRAPH"
            )));
        };
        origin.written.enter_folder().map_err(|words| {
            Failure::usage(format!(
                "{file} was recorded in another place: {words}; name the graph: thalweg replay {file} GRAPH"
            ))
        })?;
        let graph = origin.written.read().and_then(|mut graph| {
            sets::apply_sets(&mut graph, &self.graph.sets)?;
            Ok(graph)
        });
        graph.map_err(|r| self.manner.refused(r))
    }

    fn judge(&self, comparison: &Comparison) -> Result<(), Failure> {
        let (streams, items, tags) = comparison.extent();
        let differences = comparison.differences();
        let file = self.recording.display();
        if differences.is_empty() {
            if !self.manner.quiet {
                let tags = match tags {
                    0 => String::new(),
                    tags => format!(", tags: {tags}"),
                };
                say(&format!(
                    "no difference to {file}: {items} items, streams: {streams}{tags}\n"
                ));
            }
            return Ok(());
        }
        let (differ, lines) = (differences.len(), differences.join("\n  "));
        Err(Failure::Words {
            code: 5,
            words: format!("{differ} of {streams} streams differ from {file}\n  {lines}"),
        })
    }
}

fn list(recording: &Recording, as_json: bool) -> Result<(), Failure> {
    let sums = recording.verify().map_err(Failure::environment)?;
    match as_json {
        true => give_json(&to_json(recording, &sums)),
        false => give(&listing(recording, &sums)),
    }
}

/// What a recording holds, in words.
pub(super) fn listing(recording: &Recording, sums: &[Sum]) -> String {
    let words = recording.words();
    let state = match recording.complaint() {
        None => "whole".to_owned(),
        Some(complaint) => complaint.to_owned(),
    };
    let streams = || words.streams.iter();
    let rates = streams().map(|s| s.rate.map_or(String::new(), |rate| format!("{rate} Hz")));
    let numbers = |number: fn(&Sum) -> u64| sums.iter().map(|s| number(s).to_string()).collect();
    let mut columns = vec![
        Column::words("stream", streams().map(|s| s.name.clone()).collect()),
        Column::words("type", streams().map(|s| s.item_type.clone()).collect()),
        Column::numbers("rate", rates.collect()),
        Column::words(
            "unit",
            streams()
                .map(|s| s.unit.clone().unwrap_or_default())
                .collect(),
        ),
        Column::numbers("items", numbers(|sum| sum.items)),
        Column::numbers("bytes", numbers(|sum| sum.bytes)),
        Column::words("xxh3-128", sums.iter().map(|s| s.xxh3.clone()).collect()),
    ];
    if sums.iter().any(|sum| sum.tags > 0) {
        columns.push(Column::numbers("tags", numbers(|sum| sum.tags)));
        let hashes = sums.iter().map(|s| s.tags_xxh3.clone()).collect();
        columns.push(Column::words("tags' xxh3-128", hashes));
    }
    format!(
        "recording {} of `{}`: {state}; lasted {}\n{}",
        recording.path().display(),
        words.graph,
        table::time(recording.duration_ns() as f64 * 1e-9),
        table::table(columns, None)
    )
}

fn to_json(recording: &Recording, sums: &[Sum]) -> Json {
    let words = recording.words();
    let streams = words.streams.iter().zip(sums);
    let streams = streams.map(|(stream, sum)| {
        json!({
            "name": stream.name,
            "type": stream.item_type,
            "rate": stream.rate,
            "unit": stream.unit,
            "items": sum.items,
            "bytes": sum.bytes,
            "xxh3": sum.xxh3,
            "tags": sum.tags,
            "tags_xxh3": sum.tags_xxh3,
        })
    });
    json!({
        "file": recording.path(),
        "graph": words.graph,
        "began": words.began,
        "seconds": recording.duration_ns() as f64 * 1e-9,
        "whole": recording.complaint().is_none(),
        "complaint": recording.complaint(),
        "streams": streams.collect::<Vec<_>>(),
    })
}
