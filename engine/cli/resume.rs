//! `thalweg resume RUN`: goes on with a run whose coordinator was killed.

use thalweg_worker::clock;
use thalweg_worker::op::nearest;

use super::Failure;
use super::run::Manner;
use crate::run::{self, Wanted};
use crate::runs;

/// Go on with a run that was started with --resumable and killed
#[derive(clap::Args, Debug)]
pub struct Resume {
    /// The run's name, as `thalweg ps` lists it
    run: String,
    #[command(flatten)]
    manner: Manner,
}

impl Resume {
    /// Runs the rest of the run.
    ///
    /// # Errors
    /// No such run, or its graph is refused (2); it lives, or what is left of it cannot be used (3); else
    /// as `run`.
    pub fn run(&self) -> Result<(), Failure> {
        self.check_name()?;
        self.manner.check_report(None)?;
        let wanted = Wanted {
            lasts: self.manner.lasts,
            report: self.manner.report.clone(),
            began_ns: clock::now_ns(),
            ..Wanted::default()
        };
        self.manner
            .conclude(|watch| run::resume(&self.run, &wanted, watch))
    }

    fn check_name(&self) -> Result<(), Failure> {
        let runs = runs::list().map_err(|e| Failure::environment(e.to_string()))?;
        let names: Vec<&str> = runs.iter().map(|(info, _)| info.run.as_str()).collect();
        let name = self.run.as_str();
        if names.contains(&name) {
            return Ok(());
        }
        let name = name.escape_debug();
        Err(Failure::usage(match nearest(&self.run, &names) {
            Some(near) => format!("no run named `{name}`; did you mean `{near}`?"),
            None => format!("no run named `{name}`; `thalweg ps` lists them"),
        }))
    }
}
