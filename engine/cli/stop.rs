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
/// How long until it is said who keeps a run from draining.
const SOON: Duration = Duration::from_secs(1);
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
        let asked = Instant::now();
        let mut sent = asked;
        let mut is_said = false;
        while run.is_alive() {
            let held = || held(run.info().pid);
            if asked.elapsed() >= PATIENCE {
                return Err(self.still_there(&held()));
            }
            if !self.now && !is_said && asked.elapsed() >= SOON {
                is_said = true;
                held().iter().for_each(|words| say(&format!("{words}\n")));
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

    fn still_there(&self, held: &[String]) -> Failure {
        let what = match self.now {
            true => "was told to die and is still there",
            false => "is still draining; `thalweg stop --now` kills it",
        };
        let held: String = held.iter().map(|words| format!("\n  {words}")).collect();
        let seconds = PATIENCE.as_secs();
        Failure::Words {
            code: 1,
            words: format!("after {seconds} s run `{}` {what}{held}", self.run),
        }
    }
}

/// Which processes of a run somebody has stopped, in words: its coordinator and that one's children.
fn held(coordinator: u32) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, stat))
    });
    let mut held: Vec<String> = stats
        .filter_map(|(pid, stat)| {
            let (name, parent) = stopped(&stat)?;
            (pid == coordinator || parent == coordinator).then(|| {
                format!("process {pid} ({name}) is stopped and takes no step: `kill -CONT {pid}` lets it go on")
            })
        })
        .collect();
    held.sort();
    held
}

/// The name and the parent of a process that is stopped, as its `/proc/PID/stat` tells: `PID (NAME) STATE PARENT ..`.
fn stopped(stat: &str) -> Option<(&str, u32)> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut words = after.split_whitespace();
    let is_stopped = matches!(words.next()?, "T" | "t");
    let parent = words.next()?.parse().ok()?;
    is_stopped.then_some((name, parent))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_stopped_by_what_its_line_says_whatever_its_name() {
        for (line, expected) in [
            ("12 (thalweg:w0) T 7 12 12 0", Some(("thalweg:w0", 7))),
            ("12 (a) b) (c) t 7 12", Some(("a) b) (c", 7))),
            ("12 (thalweg:w0) S 7 12", None),
            ("12 (T 7", None),
            ("", None),
        ] {
            assert_eq!(stopped(line), expected, "{line}");
        }
    }
}
