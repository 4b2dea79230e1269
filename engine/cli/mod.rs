//! The command line: `thalweg COMMAND`.
//!
//! Each command is a module with its arguments and one `run`. Data goes to standard output, words to
//! standard error; a reader that closes standard output early ends a listing quietly. Exit codes: 0 done,
//! 2 bad usage or graph refused, 3 the environment refuses.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use serde_json::{Value as Json, json};

use crate::decl::GraphDecl;
use crate::diag::{self, Diagnostic, Refused, Severity};
use crate::recipe::Written;
use crate::resolved::Resolved;
use crate::{file, oneline, resolve, sets, spawn};

mod apart;
mod bench;
mod chaos;
mod check;
mod clean;
mod completions;
mod doctor;
mod graph;
mod new;
mod ops;
mod outputs;
mod plan;
pub mod program;
mod ps;
mod record;
mod replay;
mod resume;
mod run;
mod schema;
mod scratch;
mod set;
mod snapshot;
mod stop;
mod trial;
mod usage;

mod table;

/// Shared-memory multicore streams: graphs of agents across pinned worker processes.
#[derive(Parser)]
#[command(name = "thalweg", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Chaos(chaos::Chaos),
    Bench(bench::Bench),
    Doctor(doctor::Doctor),
    Check(check::Check),
    Plan(plan::PlanCommand),
    Graph(graph::Graph),
    New(new::New),
    Ops(ops::Ops),
    Ps(ps::Ps),
    Stop(stop::Stop),
    Set(set::Set),
    Resume(resume::Resume),
    Snapshot(snapshot::Snapshot),
    Record(record::RecordCommand),
    Replay(replay::Replay),
    Clean(clean::Clean),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

/// The whole program: reads the arguments, does what they say, gives the exit code.
pub fn main() -> ExitCode {
    // Shared memory can be cut short under us: that is a SIGBUS.
    spawn::say_faults_in_a_line();
    let matches = command_line().try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(usage) => {
            // Help goes to stdout, a refusal to stderr; nobody is left to tell if that fails.
            let usage = usage::advised(usage);
            let _ = usage.print();
            return ExitCode::from(usage.exit_code() as u8);
        }
    };
    let result = match cli.command {
        Command::Run(command) => command.run(),
        Command::Chaos(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Graph(command) => command.run(),
        Command::New(command) => command.run(),
        Command::Ops(command) => command.run(),
        Command::Ps(command) => command.run(),
        Command::Stop(command) => command.run(),
        Command::Set(command) => command.run(),
        Command::Resume(command) => command.run(),
        Command::Snapshot(command) => command.run(),
        Command::Record(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Clean(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    exit_code(result)
}

/// The command with all of its own commands.
fn command_line() -> clap::Command {
    Cli::command()
        .mut_subcommand("run", |run| {
            run.mut_arg("file", |file| {
                file.required_unless_present_any(["line", "from"])
            })
        })
        .mut_subcommand("record", |record| {
            record.mut_arg("from", |from| from.hide(true))
        })
        .mut_subcommand("replay", |replay| {
            replay.mut_arg("file", |file| {
                file.required_unless_present(Resettable::Reset)
            })
        })
}

fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.tell()),
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// The graph was refused: exit code 2.
    Refused(Refused),
    /// Anything else that has an exit code and a sentence.
    Words {
        /// The exit code.
        code: u8,
        /// What was found, and what to do.
        words: String,
    },
    /// An exit code whose reason was told already.
    Told(u8),
}

impl Failure {
    /// Bad usage, in words.
    pub fn usage(words: impl Into<String>) -> Failure {
        Failure::Words {
            code: 2,
            words: words.into(),
        }
    }

    /// The environment refuses, in words.
    pub fn environment(words: impl Into<String>) -> Failure {
        Failure::Words {
            code: 3,
            words: words.into(),
        }
    }

    /// Says why on standard error; gives the exit code.
    pub fn tell(&self) -> u8 {
        match self {
            Failure::Refused(refused) => {
                say(&refused.render(colour()));
                2
            }
            Failure::Words { code, words } => {
                say(&format!("error: {}\n", diag::plain(words)));
                *code
            }
            Failure::Told(code) => *code,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::Refused(refused)
    }
}

/// The graph that a command is about.
#[derive(clap::Args, Debug)]
pub struct GraphArg {
    /// Graph file; `-` reads standard input
    #[arg(value_name = "GRAPH", required_unless_present = "line")]
    file: Option<String>,
    /// A graph in one line: 'sine freq=440 rate=48000 items=9600 ! wav.write path=o.wav'
    #[arg(short = 'e', long, value_name = "LINE", conflicts_with = "file")]
    line: Option<String>,
    /// Sets a key over what the graph says; also workers.NAME.KEY and streams.NAME.KEY
    #[arg(long = "set", value_name = "AGENT.KEY=VALUE")]
    sets: Vec<String>,
    /// The graph of a program that has one; taken out once.
    #[arg(skip)]
    brought: RefCell<Option<GraphDecl>>,
}

impl GraphArg {
    /// The graph as written, with the settings of `--set`.
    ///
    /// # Errors
    /// What cannot be read or is no graph.
    pub fn declare(&self) -> Result<GraphDecl, Refused> {
        let mut graph = match (self.brought.take(), &self.line, &self.file) {
            (Some(graph), ..) => graph,
            (None, Some(line), _) => oneline::load_line(line)?,
            (None, None, file) => file::load_file(file.as_deref().unwrap_or("-"))?,
        };
        sets::apply_sets(&mut graph, &self.sets)?;
        Ok(graph)
    }

    /// Is a graph named?
    fn is_named(&self) -> bool {
        self.file.is_some() || self.line.is_some()
    }

    /// What is kept of the graph as declared, to make it again; `None` if it has no text.
    fn written(&self, graph: &GraphDecl) -> io::Result<Option<Written>> {
        Written::of(graph, self.line.is_some(), &self.sets)
    }

    /// The graph with its types, and the warnings.
    ///
    /// # Errors
    /// As [`GraphArg::declare`], and what keeps the graph from running.
    pub fn resolve(&self) -> Result<(Resolved, Vec<Diagnostic>), Refused> {
        resolve::resolve(self.declare()?)
    }
}

/// Warnings as text on standard error.
pub fn warn(warnings: &[Diagnostic], graph: &Resolved) {
    let source = graph.source.as_ref();
    say(&diag::render(warnings, source, Severity::Warning, colour()));
}

/// A refusal as JSON on standard output: `{"ok": false, "errors": [..]}`.
pub fn refused_as_json(refused: &Refused) -> Failure {
    let errors = diag::to_json(&refused.diagnostics, refused.source.as_ref());
    match give_json(&json!({"ok": false, "errors": errors})) {
        Ok(()) => Failure::Told(2),
        Err(failure) => failure,
    }
}

/// Words to standard error. Nobody is left to tell if that fails.
pub fn say(words: &str) {
    let _ = io::stderr().write_all(words.as_bytes());
}

/// Data to standard output. A reader that has gone is not an error.
///
/// # Errors
/// What standard output cannot take (a full disk), exit code 3.
pub fn give(data: &str) -> Result<(), Failure> {
    give_bytes(data.as_bytes()).map_err(|error| {
        Failure::environment(format!("standard output cannot be written: {error}"))
    })
}

/// As [`give`], for who says otherwise what it could not take.
///
/// # Errors
/// What standard output cannot take.
pub fn give_bytes(data: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(data).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// JSON to standard output, a document with a line's end.
///
/// # Errors
/// As [`give`].
pub fn give_json(value: &Json) -> Result<(), Failure> {
    give(&format!("{value:#}\n"))
}

/// True when words on standard error may have colours.
pub fn colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let dumb = set("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && set("NO_COLOR").is_none() && !dumb
}
