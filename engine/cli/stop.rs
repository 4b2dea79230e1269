//! `thalweg stop RUN`: asks a run to end, and waits until it has.

use std::time::{Duration, Instant};

use super::{Failure, say};
use crate::runs::{self, Living, RunInfo, State};
use thalweg_worker::op::nearest;

/// End a run: its sources stop, the graph drains
#[derive(clap::Args, Debug)]
pub struct Stop {
    /// The run's name, as `thalweg ps` lists it
    run: String,
    /// Kill it instead of letting it drain
    #[arg(long)]
    now: bool,
}

/// How long a run that drains is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked, and with `--now` asked again.
const LOOK: Duration = Duration::from_millis(20);

impl Stop {
    /// Stops the run.
    ///
    /// # Errors
    /// No such run (2); it goes on after ten seconds (1).
    pub fn run(&self) -> Result<(), Failure> {
        let environment = |e: runs::RunsError| Failure::environment(e.to_string());
        let Some(run) = runs::find(&self.run).map_err(environment)? else {
            return Err(unknown(&self.run, &runs::list().map_err(environment)?));
        };
        run.terminate().map_err(|words| self.cannot(&words))?;
        let until = Instant::now() + PATIENCE;
        let mut sent = Instant::now();
        while run.is_alive() {
            if Instant::now() >= until {
                return Err(self.still_there());
            }
            std::thread::sleep(LOOK);
            // Not at once: two signals of a kind that nobody has taken yet are one.
            if self.now && sent.elapsed() >= 5 * LOOK {
                self.again(&run);
                sent = Instant::now();
            }
        }
        say(&format!("run {} ended\n", self.run));
        Ok(())
    }

    /// The signal that turns draining into killing. If the run is gone meanwhile, all is well.
    fn again(&self, run: &Living) {
        let _ = run.terminate();
    }

    fn cannot(&self, words: &str) -> Failure {
        Failure::Words {
            code: 1,
            words: format!("run `{}` cannot be stopped: {words}", self.run),
        }
    }

    fn still_there(&self) -> Failure {
        let what = match self.now {
            true => "was told to die and is still there",
            false => "is still draining; `thalweg stop --now` kills it",
        };
        let seconds = PATIENCE.as_secs();
        Failure::Words {
            code: 1,
            words: format!("after {seconds} s run `{}` {what}", self.run),
        }
    }
}

/// Why there is no living run of that name.
pub(super) fn unknown(name: &str, runs: &[(RunInfo, State)]) -> Failure {
    let found = runs.iter().find(|(info, _)| info.run == name);
    if let Some((_, State::Resumable)) = found {
        return Failure::usage(format!(
            "run `{name}` is dead already; `thalweg resume {name}` goes on with it, `thalweg clean {name}` removes it"
        ));
    }
    if found.is_some() {
        return Failure::usage(format!(
            "run `{name}` is dead already; `thalweg clean` removes what it left"
        ));
    }
    const MOST: usize = 4;
    let names: Vec<&str> = runs.iter().map(|(info, _)| info.run.as_str()).collect();
    let of_graph = runs
        .iter()
        .find(|(info, _)| info.graph == name.trim_end_matches(".toml"));
    let help = match (nearest(name, &names), of_graph, names.len()) {
        _ if name.contains('=') => "the run's name comes before what is set".to_owned(),
        (Some(near), ..) => format!("did you mean `{near}`?"),
        (None, Some((info, _)), _) => format!("a run of graph `{}` is `{}`", info.graph, info.run),
        (None, None, 0) => "there is no run at all: `thalweg ps` would list it".to_owned(),
        (None, None, 1..=MOST) => format!("there are {}", names.join(", ")),
        (None, None, _) => "`thalweg ps` lists them".to_owned(),
    };
    Failure::usage(format!("no run named `{name}`; {help}"))
}
