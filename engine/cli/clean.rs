//! `thalweg clean`: removes what dead runs and commands left.

use serde_json::json;

use super::{Failure, give, give_json, say, scratch};
use crate::runs::{self, RunsError, State, Sweep};

/// Remove what dead runs left: segments, run files, folders of a killed `chaos`
#[derive(clap::Args, Debug)]
pub struct Clean {
    /// This dead run alone, even if it can be resumed
    run: Option<String>,
    /// Those that can be resumed as well
    #[arg(long, conflicts_with = "run")]
    all: bool,
    /// What was removed as JSON
    #[arg(long)]
    json: bool,
}

impl Clean {
    /// Sweeps, and says what was there.
    ///
    /// # Errors
    /// No such run (2); it lives, or the run directory cannot be used (3).
    pub fn run(&self) -> Result<(), Failure> {
        let swept = match (&self.run, self.all) {
            (Some(run), _) => runs::clean(run).map(|dead| vec![dead]),
            (None, true) => runs::sweep(Sweep::All),
            (None, false) => runs::sweep(Sweep::Useless),
        };
        let swept = swept.map_err(refused)?;
        let folders = match &self.run {
            Some(_) => Vec::new(),
            None => scratch::sweep().map_err(refused)?,
        };
        if self.json {
            return give_json(&json!({ "removed": swept, "folders": folders }));
        }
        let mut text = String::new();
        for dead in &swept {
            let segment = match &dead.segment {
                Some(segment) => format!(" and its segment /dev/shm{segment}"),
                None => String::new(),
            };
            text += &format!("removed run {}{segment}\n", dead.run);
        }
        for folder in &folders {
            text += &format!("removed folder {}\n", folder.display());
        }
        if self.run.is_none() {
            tell_of_the_resumable()?;
        }
        match text.is_empty() {
            true => give("nothing to remove\n"),
            false => give(&text),
        }
    }
}

fn tell_of_the_resumable() -> Result<(), Failure> {
    for (info, state) in runs::list().map_err(refused)? {
        if state == State::Resumable {
            say(&format!(
                "kept run {0}: `thalweg resume {0}` goes on with it, `thalweg clean {0}` removes it\n",
                info.run
            ));
        }
    }
    Ok(())
}

fn refused(error: RunsError) -> Failure {
    match error {
        RunsError::Unknown { .. } => Failure::usage(error.to_string()),
        _ => Failure::environment(error.to_string()),
    }
}
