//! `thalweg ps`: the runs of this user, the living and the dead.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use thalweg_ringbuf::Segment;

use super::table::{Column, table};
use super::{Failure, give, give_json};
use crate::live;
use crate::runs::{self, RunInfo, State};

/// List runs: those that go on, those that can be resumed, and what dead ones left
#[derive(clap::Args, Debug)]
pub struct Ps {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The names alone, a line each
    #[arg(long, conflicts_with = "json")]
    names: bool,
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
        if self.names {
            return give(
                &runs
                    .iter()
                    .map(|(info, _)| format!("{}\n", info.run))
                    .collect::<String>(),
            );
        }
        match runs.is_empty() {
            true => give("no runs\n"),
            false => give(&table(columns(&runs, now), None)),
        }
    }
}

fn as_json(info: &RunInfo, state: State, now: u64) -> Json {
    json!({
        "run": info.run,
        "graph": info.graph,
        "source": info.source,
        "pid": info.pid,
        "started": info.started,
        "age": now.saturating_sub(info.started),
        "alive": state == State::Alive,
        "resumable": state == State::Resumable,
        "segment": info.segment,
        "workers": info.workers,
        "live": live_parameters(info, state),
    })
}

/// What `thalweg set` may change, with the value that each has now; of a dead run, or one that was gone before it
/// could be asked, `null`.
fn live_parameters(info: &RunInfo, state: State) -> Json {
    let segment = Some(&info.segment).filter(|name| state == State::Alive && !name.is_empty());
    let segment = segment.and_then(|name| Segment::attach(name).ok());
    let turned = segment.and_then(|segment| live::turned(&segment, &info.live).ok());
    let mut turned = turned.iter().flatten();
    let mut parameters = Vec::new();
    for worker in &info.live {
        for agent in &worker.agents {
            for dial in &agent.dials {
                parameters.push(json!({
                    "name": format!("{}.{}", agent.name, dial.name),
                    "agent": agent.name,
                    "op": agent.op,
                    "worker": worker.name,
                    "value": turned.next().map(|turned| dial.now(turned)),
                    "built": dial.value,
                    "min": dial.least,
                    "max": dial.most,
                }));
            }
        }
    }
    Json::Array(parameters)
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
