//! What came of it: kills, restarts, times, and every file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::{Difference, Output, Rehearsal, Toll, first_difference};
use crate::cli::Failure;
use crate::cli::table::{Column, count, table, time};

/// The outcome so far.
pub struct Outcome {
    graph: String,
    /// What all choices come from.
    pub seed: u64,
    /// Kills a second.
    pub rate: f64,
    /// Disturbed runs.
    pub runs: u64,
    /// Workers killed.
    pub kills: u64,
    restarts: u64,
    restart_ns: Vec<u64>,
    sinks: Vec<Sink>,
    uncompared: Vec<Uncompared>,
    /// The first file that differed, and where.
    pub difference: Option<(usize, Difference)>,
    /// Where the files are kept after a difference.
    pub kept: Option<PathBuf>,
}

/// A file that is compared.
pub struct Sink {
    agent: String,
    path: String,
    /// How many are the same.
    bytes: u64,
}

/// An agent whose effects cannot be compared, and why.
pub struct Uncompared {
    /// The agent.
    pub agent: String,
    /// Why not.
    pub why: String,
}

impl fmt::Display for Uncompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not compared: {}", self.agent, self.why)
    }
}

impl Outcome {
    /// Before the first run.
    pub fn new(
        graph: &str,
        seed: u64,
        compared: &[Output],
        uncompared: Vec<Uncompared>,
    ) -> Outcome {
        let sinks = compared.iter().map(|output| Sink {
            agent: output.agent.clone(),
            path: output.path.clone(),
            bytes: 0,
        });
        Outcome {
            graph: graph.to_owned(),
            seed,
            rate: 0.0,
            runs: 0,
            kills: 0,
            restarts: 0,
            restart_ns: Vec::new(),
            sinks: sinks.collect(),
            uncompared,
            difference: None,
            kept: None,
        }
    }

    /// Counts a disturbed run in.
    pub fn count(&mut self, run: Rehearsal) {
        let Toll { kills, restart_ns } = run.toll;
        self.runs += 1;
        self.kills += kills;
        self.restarts += run.restarts;
        self.restart_ns.extend(restart_ns);
        self.restart_ns.sort_unstable();
    }

    /// Compares the files of two folders.
    ///
    /// # Errors
    /// One of them cannot be read (3).
    pub fn compare(
        &mut self,
        undisturbed: &Path,
        disturbed: &Path,
        outputs: &[Output],
    ) -> Result<(), Failure> {
        for (nth, output) in outputs.iter().enumerate() {
            let (a, b) = (undisturbed.join(&output.file), disturbed.join(&output.file));
            let compared = first_difference(&a, &b)
                .map_err(|e| Failure::environment(format!("file {}: {e}", b.display())))?;
            match compared {
                Ok(bytes) => self.sinks[nth].bytes = bytes,
                Err(difference) => {
                    self.sinks[nth].bytes = difference.offset;
                    self.difference.get_or_insert((nth, difference));
                }
            }
        }
        Ok(())
    }

    /// A line while it goes on.
    pub fn so_far(&self) -> String {
        let (kills, runs) = (count(self.kills, "kill"), count(self.runs, "run"));
        format!("{kills} in {runs}, all identical so far\n")
    }

    /// The restart time that a share of all restarts is within, in seconds.
    fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (self.restart_ns.len() as f64 * share).ceil() as usize;
        let ns = self.restart_ns.get(rank.max(1) - 1)?;
        Some(*ns as f64 / 1e9)
    }

    /// For readers.
    pub fn as_text(&self) -> String {
        let mut text = format!(
            "{}: {} in {}, {} (seed {}, {:.3} kills a second)\n",
            self.graph,
            count(self.kills, "kill"),
            count(self.runs, "run"),
            count(self.restarts, "restart"),
            self.seed,
            self.rate
        );
        if let (Some(p50), Some(p99)) = (self.quantile(0.5), self.quantile(0.99)) {
            text += &format!(
                "from SIGKILL to the successor's first commit: p50 {}, p99 {} ({} seen)\n",
                time(p50),
                time(p99),
                self.restart_ns.len()
            );
        }
        text += &self.files();
        for uncompared in &self.uncompared {
            text += &format!("{uncompared}\n");
        }
        match &self.difference {
            None => text += "identical\n",
            Some((nth, difference)) => text += &self.sentence(*nth, difference),
        }
        text
    }

    fn files(&self) -> String {
        let cell = |f: fn(&Sink) -> String| self.sinks.iter().map(f).collect();
        let state = |nth: usize| match &self.difference {
            Some((different, _)) if *different == nth => "different".to_owned(),
            _ => "identical".to_owned(),
        };
        let columns = vec![
            Column::words("agent", cell(|s| s.agent.clone())),
            Column::words("file", cell(|s| s.path.clone())),
            Column::numbers("same bytes", cell(|s| s.bytes.to_string())),
            Column::words("each time", (0..self.sinks.len()).map(state).collect()),
        ];
        table(columns, None)
    }

    fn sentence(&self, nth: usize, difference: &Difference) -> String {
        let byte = |byte: Option<u8>| match byte {
            Some(byte) => format!("0x{byte:02x}"),
            None => "the end".to_owned(),
        };
        let mut text = format!(
            "{} of `{}` differs in run {} at byte {}: {} undisturbed, {} disturbed\n",
            self.sinks[nth].path,
            self.sinks[nth].agent,
            self.runs,
            difference.offset,
            byte(difference.undisturbed),
            byte(difference.disturbed)
        );
        if let Some(kept) = &self.kept {
            text += &format!("both are kept in {}\n", kept.display());
        }
        text
    }

    /// For programs.
    pub fn as_json(&self) -> Json {
        let different = |nth| matches!(&self.difference, Some((d, _)) if *d == nth);
        let sinks = self.sinks.iter().enumerate().map(|(nth, sink)| {
            json!({
                "agent": sink.agent, "file": sink.path, "bytes": sink.bytes,
                "identical": !different(nth),
            })
        });
        let sinks: Vec<Json> = sinks.collect();
        let uncompared = self.uncompared.iter();
        let uncompared: Vec<Json> = uncompared
            .map(|u| json!({"agent": u.agent, "why": u.why}))
            .collect();
        let difference = self.difference.as_ref().map(|(nth, difference)| {
            json!({
                "run": self.runs, "agent": self.sinks[*nth].agent, "file": self.sinks[*nth].path,
                "at": difference, "kept": self.kept,
            })
        });
        json!({
            "graph": self.graph, "seed": self.seed, "rate": self.rate, "runs": self.runs,
            "kills": self.kills, "restarts": self.restarts,
            "restart_seconds": {
                "samples": self.restart_ns.len(),
                "p50": self.quantile(0.5), "p99": self.quantile(0.99), "max": self.quantile(1.0),
            },
            "sinks": sinks, "not_compared": uncompared,
            "identical": self.difference.is_none(), "difference": difference,
        })
    }
}
