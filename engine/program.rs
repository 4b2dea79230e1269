//! A program that brings its own graph: it runs it, or hands it the whole command line.

use std::fmt;
use std::process::ExitCode;

use nix::sys::signal::Signal;

use crate::diag::Refused;
use crate::graph::Graph;
use crate::plan::Options;
use crate::report::Report;
use crate::resolve::resolve;
use crate::resolved::Resolved;
use crate::run::{RunError, Wanted, run};
use crate::spawn::Nursery;
use crate::supervise::{Verdict, Watch};

/// What a program that runs a graph gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Gives the graph the whole command line of the program: `run` (as without a command), `check`,
/// `plan`, `graph`, with the options and exit codes of `thalweg`.
///
/// ```no_run
/// use thalweg::prelude::*;
///
/// fn main() -> std::process::ExitCode {
///     let mut g = Graph::new("count");
///     g.source("count", ops::counter().items(10)).write("print", ops::print());
///     thalweg::cli(g)
/// }
/// ```
pub fn cli(graph: Graph) -> ExitCode {
    crate::cli::program::main(graph)
}

/// Why a graph did not run, or not to its end. What `main` prints of it is the sentence itself.
pub enum Error {
    /// The graph was refused; nothing was started.
    Refused(Box<Refused>),
    /// The environment refused; nothing was started.
    Environment(String),
    /// An agent or a worker failed.
    Failed(String),
    /// Nothing could move; who waits for whom.
    Stalled(Vec<String>),
    /// Killed by a second signal.
    Killed(Signal),
}

impl Error {
    /// The exit code that `thalweg` has for it: 1 failed, 2 refused, 3 the environment refused, 4 stalled, 130 and 143
    /// killed by a second signal.
    ///
    /// `fn main() -> thalweg::Result<()>` exits with 1 whatever it is. [`cli()`] gives these, and so does
    ///
    /// ```no_run
    /// # use std::process::ExitCode;
    /// # use thalweg::prelude::*;
    /// fn main() -> ExitCode {
    ///     let g = Graph::new("mine");
    ///     match g.run() {
    ///         Ok(_) => ExitCode::SUCCESS,
    ///         Err(error) => {
    ///             eprintln!("{error}");
    ///             ExitCode::from(error.exit_code())
    ///         }
    ///     }
    /// }
    /// ```
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Failed(_) => 1,
            Error::Refused(_) => 2,
            Error::Environment(_) => 3,
            Error::Stalled(_) => 4,
            Error::Killed(signal) => 128 + *signal as u8,
        }
    }
}

impl Graph {
    /// Runs the graph to its end: workers are forked and pinned as [`Graph::worker`] says, the rest as
    /// the plan chooses. It must be called before the program has a second thread.
    ///
    /// # Errors
    /// What refused the graph, or what kept it from its end.
    pub fn run(self) -> Result<Report> {
        self.run_with(&Wanted::default())
    }

    /// Runs the graph to its end in this process: no worker is forked, so other threads may be there.
    /// The items are those of [`Graph::run`].
    ///
    /// # Errors
    /// As [`Graph::run`].
    pub fn run_in_process(self) -> Result<Report> {
        self.run_with(&Wanted {
            options: Options {
                in_process: true,
                ..Options::default()
            },
            ..Wanted::default()
        })
    }

    /// As [`Graph::run`], with what overrides the graph: all in this process, other numbers of
    /// workers, an end after so many items.
    ///
    /// # Errors
    /// As [`Graph::run`].
    pub fn run_with(self, wanted: &Wanted) -> Result<Report> {
        // Held until the end, also by what is forked: feeds and queues see by it that the run lives.
        let _life = self.take_life();
        let (graph, _) = resolve(self.into_decl()?)?;
        run_resolved(graph, wanted)
    }
}

/// Runs what was resolved to its end.
pub(crate) fn run_resolved(graph: Resolved, wanted: &Wanted) -> Result<Report> {
    let finished = run(graph, wanted, &mut Lines)?;
    match finished.verdict {
        Verdict::Done => Ok(finished.report),
        Verdict::Failed(sentence) => Err(Error::Failed(sentence)),
        Verdict::Stalled(chain) => Err(Error::Stalled(chain)),
        Verdict::Killed(signal) => Err(Error::Killed(signal)),
    }
}

/// Passes on what the workers say, and says nothing itself.
struct Lines;

impl Watch for Lines {
    fn tick(&mut self, _graph: &Resolved, _nursery: &Nursery<'_>, _restarts: &[u64]) {}

    fn line(&mut self, worker: &str, line: &str) {
        crate::cli::say(&format!("[{worker}] {line}\n"));
    }

    fn note(&mut self, _words: &str) {}
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refused) => write!(f, "{refused}"),
            Error::Environment(words) | Error::Failed(words) => f.write_str(words),
            Error::Stalled(chain) => write!(
                f,
                "the graph is stalled: nothing can move\n  {}\ngive the full stream more `capacity`",
                chain.join("\n  ")
            ),
            Error::Killed(signal) => write!(f, "killed by a second {signal}"),
        }
    }
}

/// The sentence: `main` prints an error this way, behind the word `Error:`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.to_string();
        f.write_str(words.strip_prefix("error: ").unwrap_or(&words).trim_end())
    }
}

impl std::error::Error for Error {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        Error::Refused(Box::new(refused))
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Error {
        match error {
            RunError::Refused(refused) => Error::Refused(refused),
            RunError::Environment(words) => Error::Environment(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::prelude::*;

    /// Runs in this process what `build` makes of a place to put items.
    fn run_inside<T: Item>(
        name: &str,
        capacity: u64,
        build: impl FnOnce(&mut Graph) -> Stream<T>,
    ) -> Result<Vec<T>> {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&seen);
        let mut g = Graph::new(name);
        build(&mut g).sink("collect", move |x| into.borrow_mut().push(x));
        g.run_with(&Wanted {
            options: Options {
                in_process: true,
                capacity: Some(crate::decl::Capacity::Items(capacity)),
                ..Options::default()
            },
            ..Wanted::default()
        })?;
        Ok(seen.take())
    }

    fn smooth(g: &mut Graph) -> Stream<f64> {
        let raw = g.source("raw", from_fn(|n| (n < 10_000).then_some((n % 97) as f64)));
        let mean = raw
            .window(8)
            .step(4)
            .map("mean", |w: &[f64]| w.iter().sum::<f64>() / 8.0);
        mean.scan("total", 0.0, |acc: &mut f64, x| {
            *acc += x;
            *acc
        })
    }

    #[test]
    fn a_program_gives_what_plain_loops_give_whatever_the_capacity() {
        let raw: Vec<f64> = (0..10_000).map(|n| f64::from(n % 97)).collect();
        let means = raw.windows(8).step_by(4);
        let means = means.map(|w| w.iter().sum::<f64>() / 8.0);
        let mut total = 0.0;
        let totals = means.map(|mean| {
            total += mean;
            total
        });
        let expected: Vec<f64> = totals.collect();
        for capacity in [16, 4096, 1 << 20] {
            assert_eq!(run_inside("smooth", capacity, smooth).unwrap(), expected);
        }
    }

    #[test]
    fn streams_part_and_meet_again() {
        let woven = run_inside("woven", 4096, |g| {
            let x = g.source("x", from_iter(|| 0..10_000u64));
            let (even, odd) = x.split("parity", |x| x.is_multiple_of(2));
            even.weave("woven", [&odd])
        });
        assert_eq!(woven.unwrap(), (0..10_000).collect::<Vec<u64>>());
    }

    #[test]
    fn graphs_of_one_name_run_beside_each_other_in_one_process() {
        let outer = run_inside("same", 4096, |g| {
            let x = g.source("x", from_iter(|| 0..3u64));
            x.map("inner", |x| {
                let y = run_inside("same", 4096, |g| g.source("y", vec![10u64, 20]));
                x + y.unwrap().iter().sum::<u64>()
            })
        });
        assert_eq!(outer.unwrap(), [30, 31, 32]);
    }

    #[test]
    fn what_is_refused_is_an_error_with_the_names_of_both_ends() {
        let error = run_inside("halves", 4096, |g| {
            let bytes: Stream<f64> = g.source("bytes", op("counter").dtype::<u8>());
            bytes.map("halves", |x| x / 2.0)
        })
        .unwrap_err();
        let text = format!("{error:?}");
        assert!(matches!(error, Error::Refused(_)), "{text}");
        assert!(text.contains("`halves`") && text.contains("u8"), "{text}");
    }
}
