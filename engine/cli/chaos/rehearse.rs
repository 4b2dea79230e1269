//! One run of the graph, its files in a folder of ours.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::chaos::{Disturbance, Toll};
use crate::cli::apart::silence_stdout;
use crate::cli::outputs::{Output, redirect};
use crate::cli::{Failure, say};
use crate::decl::GraphDecl;
use crate::plan::Options;
use crate::resolve;
use crate::resolved::Resolved;
use crate::run::{self, RunError, Wanted};
use crate::spawn::Nursery;
use crate::supervise::{Verdict, Watch};

/// How a run went that came to its end.
#[derive(Serialize, Deserialize)]
pub struct Rehearsal {
    /// How long it took.
    pub seconds: f64,
    /// Workers that were forked again.
    pub restarts: u64,
    /// What the disturbance cost.
    pub toll: Toll,
}

/// Runs the graph once, in a process that does nothing else: it takes the graph out of its place.
///
/// # Errors
/// The run did not come to its end.
pub fn rehearse(
    graph: &RefCell<Option<GraphDecl>>,
    outputs: &[Output],
    folder: &Path,
    options: Options,
    disturbance: Option<Disturbance>,
) -> Result<Rehearsal, Failure> {
    silence_stdout()?;
    let mut graph = graph.take().unwrap_or_default();
    redirect(&mut graph, outputs, folder);
    let (graph, _) = resolve::resolve(graph)?;
    let which = match &disturbance {
        None => "the undisturbed run".to_owned(),
        Some(disturbance) => format!("the disturbed run of seed {}", disturbance.seed),
    };
    let wanted = Wanted {
        options,
        disturbance,
        ..Wanted::default()
    };
    let finished = run::run(graph, &wanted, &mut Words::new()).map_err(|error| match error {
        RunError::Refused(refused) => Failure::Refused(*refused),
        RunError::Environment(words) => Failure::environment(words),
    })?;
    let failed = |how: String| Failure::Words {
        code: 1,
        words: format!("{which} {how}"),
    };
    match finished.verdict {
        Verdict::Done if finished.report.ended == "done" => Ok(Rehearsal {
            seconds: finished.report.seconds,
            restarts: finished.report.restarts,
            toll: finished.toll,
        }),
        Verdict::Done => Err(failed("was stopped before its end".to_owned())),
        Verdict::Failed(sentence) => Err(failed(format!("failed: {sentence}"))),
        Verdict::Stalled(chain) => Err(failed(format!(
            "stalled: nothing can move\n  {}",
            chain.join("\n  ")
        ))),
        Verdict::Killed(signal) => Err(failed(format!("was killed by {signal}"))),
    }
}

/// Passes on what workers say; a run without an end is told what it lacks.
struct Words {
    patience: Option<Instant>,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Words {
    fn new() -> Words {
        Words {
            patience: Some(Instant::now() + PATIENCE),
        }
    }
}

impl Watch for Words {
    fn tick(&mut self, _graph: &Resolved, _nursery: &Nursery<'_>, _restarts: &[u64]) {
        if self.patience.is_some_and(|until| Instant::now() >= until) {
            self.patience = None;
            say("this run goes on; sources that do not end by themselves need --items N\n");
        }
    }

    fn line(&mut self, worker: &str, line: &str) {
        say(&format!("[{worker}] {line}\n"));
    }

    fn note(&mut self, _words: &str) {}
}
