//! `thalweg record FILE GRAPH`: runs a graph, and keeps what went over its streams.

use std::path::PathBuf;

use super::replay::listing;
use super::run::{Run, absolute};
use super::{Failure, say};
use crate::record::Record;
use crate::resolve;
use thalweg_worker::connectors::recording::{Recording, may_replace};

/// Run a graph and record its streams into a file, for `thalweg replay`
#[derive(clap::Args, Debug)]
pub struct RecordCommand {
    /// The file to record into; a recording that is there is replaced
    #[arg(value_name = "FILE", value_parser = absolute)]
    recording: PathBuf,
    /// The streams to record; an agent's name means all of its streams. Default: every stream
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    streams: Vec<String>,
    #[command(flatten)]
    run: Run,
}

impl RecordCommand {
    /// Runs the graph to its end, and says what was recorded.
    ///
    /// # Errors
    /// As `run`; a stream that there is not, a file that is there and no recording (2).
    pub fn run(mut self) -> Result<(), Failure> {
        resolve::check_place(&self.recording)
            .map_err(|words| Failure::usage(format!("the recording {words}")))?;
        if !may_replace(&self.recording) {
            return Err(Failure::usage(format!(
                "{} is no recording, and one would replace it: choose another name (`thalweg record FILE GRAPH`: what is recorded into comes first)",
                self.recording.display()
            )));
        }
        self.run.record = Some(Record {
            file: self.recording.clone(),
            streams: self.streams,
        });
        self.run.run()?;
        if !self.run.manner.quiet {
            let recording = Recording::open(&self.recording).map_err(Failure::environment)?;
            let sums = recording.verify().map_err(Failure::environment)?;
            say(&listing(&recording, &sums));
        }
        Ok(())
    }
}
