//! `thalweg doctor`: looks at the machine, or at what limits a run.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::table::{Column, table};
use super::{Failure, give, give_json, stop};
use crate::doctor::{Facts, Finding, State, findings};
use crate::door::{Answer, Question};
use crate::runs;

/// Look at this machine, or at what limits a run
///
/// Without a name: the machine, a line for each thing, with what to do about it; exit code 3 if something would
/// keep a run from starting. With a run's name or a report file (run --report): what limits it, and why.
#[derive(clap::Args, Debug)]
pub struct Doctor {
    /// A run, as `thalweg ps` lists it, or a report file
    #[arg(value_name = "RUN|REPORT")]
    subject: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks.
    ///
    /// # Errors
    /// Something would keep a run from starting (3); no such run or file (2).
    pub fn run(&self) -> Result<(), Failure> {
        match &self.subject {
            None => self.machine(),
            Some(subject) => self.limit(&report_of(subject)?),
        }
    }

    fn machine(&self) -> Result<(), Failure> {
        let findings = findings(&Facts::gather());
        match self.json {
            true => give_json(&json!({ "machine": findings }))?,
            false => give(&listed(&findings))?,
        }
        match findings.iter().any(|f| f.state == State::Bad) {
            true => Err(Failure::environment(
                "a run cannot start here: see the lines marked bad",
            )),
            false => Ok(()),
        }
    }

    fn limit(&self, report: &Json) -> Result<(), Failure> {
        let words = |key: &str| report[key].as_str();
        if self.json {
            return give_json(&json!({
                "graph": report["graph"],
                "run": report["run"],
                "ended": report["ended"],
                "limit": report["limit"],
                "advice": report["advice"],
            }));
        }
        let limit = words("limit").unwrap_or("nothing moved, so nothing limits");
        let advice = words("advice").map_or(String::new(), |advice| format!("{advice}\n"));
        give(&format!("{limit}\n{advice}"))
    }
}

/// The report of a run that goes on, or one that was written.
fn report_of(subject: &str) -> Result<Json, Failure> {
    let environment = |e: runs::RunsError| Failure::environment(e.to_string());
    let is_file = Path::new(subject).is_file();
    if runs::is_name(subject)
        && !is_file
        && let Some(run) = runs::find(subject).map_err(environment)?
    {
        return live(subject, &run);
    }
    match is_file {
        true => written(subject),
        false => Err(stop::unknown(subject, &runs::list().map_err(environment)?)),
    }
}

fn live(name: &str, run: &runs::Living) -> Result<Json, Failure> {
    if run.info().segment.is_empty() {
        return Err(Failure::usage(format!(
            "run `{name}` runs inside one process, which answers nobody: its summary will tell, or leave --in-process out"
        )));
    }
    let cannot = |words: String| Failure::Words {
        code: 1,
        words: format!("run `{name}` cannot be asked: {words}"),
    };
    match run.ask(&Question::Report).map_err(cannot)? {
        Some(Answer::Report(report)) => Ok(report),
        Some(Answer::Refused { code, words }) => Err(Failure::Words { code, words }),
        Some(Answer::Taken(_)) => Err(cannot("it answered something else".to_owned())),
        None => Err(cannot("it ended meanwhile".to_owned())),
    }
}

fn written(path: &str) -> Result<Json, Failure> {
    let refused = |what: String| {
        Failure::usage(format!(
            "{path}: {what}; a report is what `thalweg run --report` writes"
        ))
    };
    let text = std::fs::read(path).map_err(|e| refused(e.to_string()))?;
    let report: Json = serde_json::from_slice(&text).map_err(|e| refused(e.to_string()))?;
    match report.get("limit") {
        Some(Json::String(_) | Json::Null) => Ok(report),
        _ => Err(refused("no report".to_owned())),
    }
}

fn listed(findings: &[Finding]) -> String {
    let cells = |text: &dyn Fn(&Finding) -> String| findings.iter().map(text).collect();
    let state = |f: &Finding| match f.state {
        State::Ok => "ok".to_owned(),
        State::Warn => "warn".to_owned(),
        State::Bad => "bad".to_owned(),
    };
    let found = |f: &Finding| match &f.advice {
        None => f.found.clone(),
        Some(advice) => format!("{}: {advice}", f.found),
    };
    let columns = vec![
        Column::words("", cells(&state)),
        Column::words("what", cells(&|f| f.what.to_owned())),
        Column::words("found", cells(&found)),
    ];
    table(columns, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_was_found_and_what_to_do() {
        let finding = |state, advice: Option<&str>| Finding {
            what: "clock",
            state,
            found: "hpet".to_owned(),
            advice: advice.map(str::to_owned),
        };
        let text = listed(&[finding(State::Ok, None), finding(State::Warn, Some("boot"))]);
        assert!(
            text.contains("\n  ok    clock  hpet\n  warn  clock  hpet: boot\n"),
            "{text}"
        );
    }
}
