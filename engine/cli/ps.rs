//! `thalweg ps`: the runs of this user, the living and the dead.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use super::table::{Column, table};
use super::{Failure, give, give_json};
use crate::runs::{self, RunInfo, State};

/// List runs: those that go on, those that can be resumed, and what dead ones left
#[derive(clap::Args, Debug)]
pub struct Ps {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Ps {
    /// Lists the runs.
    ///
    /// # Errors
    /// The run directory cannot be used: exit code 3.
    pub fn run(&self) -> Result<(), Failure> {
        let runs = runs::list().map_err(|e| Failure::environment(e.to_string()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |d| d.as_secs());
        if self.json {
            let runs: Vec<Json> = runs
                .iter()
                .map(|(info, state)| as_json(info, *state, now))
                .collect();
            return give_json(&Json::Array(runs));
        }
        match runs.is_empty() {
            true => give("no runs\n"),
            false => give(&table(columns(&runs, now), None)),
        }
    }
}

fn as_json(info: &RunInfo, state: State, now: u64) -> Json {
    let mut run = json!(info);
    run["age"] = json!(now.saturating_sub(info.started));
    run["alive"] = json!(state == State::Alive);
    run["resumable"] = json!(state == State::Resumable);
    run
}

fn columns(runs: &[(RunInfo, State)], now: u64) -> Vec<Column> {
    let cells =
        |text: &dyn Fn(&RunInfo) -> String| runs.iter().map(|(info, _)| text(info)).collect();
    let state = |(info, state): &(RunInfo, State)| match state {
        State::Alive => "running".to_owned(),
        State::Resumable => format!("resumable (thalweg resume {})", info.run),
        State::Dead => "dead (thalweg clean)".to_owned(),
    };
    vec![
        Column::words("run", cells(&|i| i.run.clone())),
        Column::words("graph", cells(&|i| i.graph.clone())),
        Column::numbers("pid", cells(&|i| i.pid.to_string())),
        Column::numbers("age", cells(&|i| age(now.saturating_sub(i.started)))),
        Column::words("workers", cells(&|i| i.workers.join(","))),
        Column::words("state", runs.iter().map(state).collect()),
    ]
}

/// An age in its two largest units: `3 d 4 h`.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3661, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(age(seconds), expected);
        }
    }
}
