//! The command line of a program that brings its own graph: `run`, `chaos`, `check`, `plan`, `graph`.
//!
//! The commands and their options are those of `thalweg`, but for the graph, which is there already.
//! Without a command the graph runs.

use std::cell::RefCell;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{Failure, GraphArg, chaos, check, exit_code, graph, plan, run};
use crate::decl::GraphDecl;
use crate::graph::Graph;

#[derive(Parser)]
#[command(max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Chaos(chaos::Chaos),
    Check(check::Check),
    Plan(plan::PlanCommand),
    Graph(graph::Graph),
}

/// Does with this graph what the program's arguments say; gives the exit code.
pub fn main(graph: Graph) -> ExitCode {
    exit_code(obey(graph, std::env::args_os().collect()))
}

fn obey(graph: Graph, mut args: Vec<OsString>) -> Result<(), Failure> {
    let graph = graph.into_decl()?;
    if args.len() < 2 {
        args.push("run".into());
    }
    let parsed = command_line(&graph).try_get_matches_from(args);
    let cli = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    let command = match cli {
        Ok(cli) => cli.command,
        Err(usage) => {
            // Nobody is left to tell if that fails.
            let _ = usage.print();
            return Err(Failure::Told(usage.exit_code() as u8));
        }
    };
    match command {
        Command::Run(mut command) => {
            command.graph.bring(graph)?;
            command.run()
        }
        Command::Chaos(mut command) => {
            command.graph.bring(graph)?;
            command.run()
        }
        Command::Check(mut command) => {
            command.graph.bring(graph)?;
            command.run()
        }
        Command::Plan(mut command) => {
            command.graph.bring(graph)?;
            command.run()
        }
        Command::Graph(mut command) => {
            command.graph.bring(graph)?;
            command.run()
        }
    }
}

/// The commands without the words for a graph file.
fn command_line(graph: &GraphDecl) -> clap::Command {
    let command = Cli::command().about(format!("The graph `{}`", graph.name));
    ["run", "chaos", "check", "plan", "graph"]
        .into_iter()
        .fold(command, |command, name| {
            command.mut_subcommand(name, |command| {
                command
                    .mut_arg("file", |file| {
                        file.required_unless_present(Resettable::Reset).hide(true)
                    })
                    .mut_arg("line", |line| line.hide(true))
            })
        })
        .mut_subcommand("run", |run| {
            run.mut_arg("resumable", |resumable| resumable.hide(true))
        })
}

impl GraphArg {
    /// Is a graph there that was not named?
    pub(super) fn is_brought(&self) -> bool {
        self.brought.borrow().is_some()
    }

    /// Takes this graph instead of one that is named.
    fn bring(&mut self, graph: GraphDecl) -> Result<(), Failure> {
        if self.file.is_some() || self.line.is_some() {
            return Err(Failure::usage(
                "this program brings its own graph; run another one with `thalweg run`",
            ));
        }
        self.brought = RefCell::new(Some(graph));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn obeyed(args: &[&str]) -> Result<(), Failure> {
        let mut g = Graph::new("own");
        let x = g.source("x", ops::counter().items(10));
        x.map("double", |x| 2 * x).write("end", ops::null());
        let args = std::iter::once(&"own").chain(args);
        obey(g, args.map(OsString::from).collect())
    }

    #[test]
    fn the_commands_take_the_program_s_own_graph() {
        obeyed(&["check"]).unwrap();
        obeyed(&["plan", "--workers", "2"]).unwrap();
        obeyed(&["graph", "--set", "x.items=20"]).unwrap();
        let refused = obeyed(&["check", "--set", "double.factor=3"]).unwrap_err();
        assert!(matches!(refused, Failure::Refused(_)), "{refused:?}");
    }

    #[test]
    fn a_graph_without_text_is_not_resumable() {
        let refused = obeyed(&["run", "--resumable"]).unwrap_err();
        let Failure::Words { code: 2, words } = refused else {
            panic!("{refused:?}");
        };
        assert!(words.contains("built in Rust"), "{words}");
    }

    #[test]
    fn another_graph_is_bad_usage() {
        for args in [["check", "other.toml"], ["graph", "--line=counter ! null"]] {
            let refused = obeyed(&args).unwrap_err();
            assert!(
                matches!(refused, Failure::Words { code: 2, .. }),
                "{refused:?}"
            );
        }
    }
}
