//! `thalweg snapshot RUN FILE`: a run's consistent cut on disk, while the run goes on.

use std::path::{Path, PathBuf};

use super::run::absolute;
use super::stop::unknown;
use super::table::time;
use super::{Failure, give};
use crate::door::{Answer, Question, Taken};
use crate::runs;

/// Write where a run stands to a file; `thalweg run --from FILE` goes on from there
#[derive(clap::Args, Debug)]
pub struct Snapshot {
    /// The run's name, as `thalweg ps` lists it
    run: String,
    /// The file; the snapshot it held is kept as FILE.prev
    #[arg(value_name = "FILE", value_parser = absolute)]
    file: PathBuf,
}

impl Snapshot {
    /// Asks the run for it, and waits until it is on the disk.
    ///
    /// # Errors
    /// No such run, a file or graph that will not do (2); it could not be taken or written (3).
    pub fn run(&self) -> Result<(), Failure> {
        let environment = |e: runs::RunsError| Failure::environment(e.to_string());
        let Some(run) = runs::find(&self.run).map_err(environment)? else {
            return Err(unknown(&self.run, &runs::list().map_err(environment)?));
        };
        let question = Question::Snapshot(self.file.clone());
        let about = |words: &str| format!("run `{}`: {words}", self.run);
        let answer = run.ask(&question);
        match answer.map_err(|words| Failure::environment(about(&words)))? {
            Some(Answer::Taken(taken)) => give(&line(&self.file, &taken)),
            Some(Answer::Refused { code, words }) => Err(Failure::Words {
                code,
                words: about(&words),
            }),
            Some(Answer::Report(_)) => Err(Failure::environment(about("it answered otherwise"))),
            None => Err(Failure::environment(about(
                "it came to its end before the snapshot was written",
            ))),
        }
    }
}

fn line(file: &Path, taken: &Taken) -> String {
    let positions = taken.positions.iter();
    let positions: Vec<String> = positions.map(|(a, n)| format!("{a} {n}")).collect();
    format!(
        "{}: {} bytes, pause {}; items: {}\n",
        file.display(),
        taken.bytes,
        time(taken.pause_seconds),
        positions.join(", ")
    )
}
