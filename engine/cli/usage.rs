//! Commonest slips of the command line, each with what was most likely meant.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The refusal, with a tip where we know better than the parser what was meant.
pub(super) fn advised(mut refusal: Error) -> Error {
    let of = |kind| refusal.get(kind).map(ContextValue::to_string);
    let invalid = of(ContextKind::InvalidArg).unwrap_or_default();
    let prior = of(ContextKind::PriorArg).unwrap_or_default();
    let unknown = of(ContextKind::InvalidSubcommand).unwrap_or_default();
    if let Some(tip) = tip(refusal.kind(), &invalid, &prior).or_else(|| command(&unknown)) {
        refusal.remove(ContextKind::SuggestedSubcommand);
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        refusal.insert(ContextKind::Suggested, tip);
    } else if refusal.kind() == ErrorKind::UnknownArgument
        && refusal.get(ContextKind::SuggestedArg).is_none()
    {
        // The parser's own advice is to take the option for the name of a file.
        refusal.remove(ContextKind::Suggested);
    }
    refusal
}

/// Which command does what this one does elsewhere.
fn command(name: &str) -> Option<String> {
    let here = match name {
        "start" | "exec" | "launch" | "execute" => "`thalweg run GRAPH`",
        "validate" | "lint" | "verify" => "`thalweg check GRAPH`",
        "list" | "ls" | "status" | "runs" => "`thalweg ps`",
        "kill" | "cancel" | "abort" | "end" => "`thalweg stop RUN`, with --now at once",
        "top" | "monitor" | "stats" | "inspect" => "`thalweg doctor RUN`",
        "init" | "create" => "`thalweg new NAME`",
        "draw" | "dot" | "show" | "svg" => "`thalweg graph GRAPH`",
        "operators" | "search" | "docs" => "`thalweg ops`, or `thalweg ops NAME`",
        "logs" | "log" => "a run's words go to the standard error of its `thalweg run`",
        "version" => "`thalweg --version`",
        _ => return None,
    };
    Some(here.to_owned())
}

/// What to write instead, from what was refused and what it was at odds with.
fn tip(kind: ErrorKind, invalid: &str, prior: &str) -> Option<String> {
    let both = [invalid, prior];
    let names = |what: &str| both.iter().any(|arg| arg.contains(what));
    match kind {
        ErrorKind::MissingRequiredArgument if names("<GRAPH>") => {
            Some("name a graph file, or give a graph in one line: -e 'counter items=5 ! print'".to_owned())
        }
        ErrorKind::MissingRequiredArgument if names("<RUN>") => {
            Some("`thalweg ps` lists the runs".to_owned())
        }
        ErrorKind::UnknownArgument if ["-o", "--out", "--output"].contains(&invalid) => Some(
            "what is printed goes into a file by `> FILE`; what a graph gives, by a sink: `! csv.write path=FILE`"
                .to_owned(),
        ),
        ErrorKind::ArgumentConflict if names("--line") && names("[GRAPH]") => Some(
            "a graph in one line is one word for the shell, so it goes in quotes: -e 'counter items=5 ! print'"
                .to_owned(),
        ),
        ErrorKind::UnknownArgument if invalid.parse::<f64>().is_ok() => {
            Some(format!("a value below 0 goes behind `=`, as --option={invalid}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::command_line;
    use super::*;

    #[test]
    fn a_slip_is_told_with_what_to_write_instead() {
        let cases = [
            (&["run"][..], "-e 'counter items=5 ! print'"),
            (&["plan"], "name a graph file, or give a graph in one line"),
            (&["run", "-e", "counter", "items=3"], "so it goes in quotes"),
            (&["run", "--restart", "-1", "g.toml"], "--option=-1"),
            (&["run", "--itms", "3", "g.toml"], "'--items'"),
            (&["list"], "`thalweg ps`"),
            (&["chek"], "'check'"),
            (&["run", "-o", "x", "g.toml"], "Usage: thalweg run"),
        ];
        for (arguments, expected) in cases {
            let all = ["thalweg"].iter().chain(arguments);
            let refusal = command_line().try_get_matches_from(all).unwrap_err();
            let text = advised(refusal).to_string();
            assert!(text.contains(expected), "{arguments:?}: {text}");
            assert!(!text.contains("as a value, use '-- "), "{text}");
        }
    }
}
