//! A run beside the program: its coordinator is a process of its own, so the program may do other things
//! meanwhile, with as many threads as it likes.
//!
//! ```no_run
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("square");
//! let (mut feed, x) = g.feed::<f64>("x", 1024)?;
//! let (squares, _) = x.map("squares", |x| x * x).queue("out", 1024)?;
//! let running = g.start()?;
//! let reader = std::thread::spawn(move || squares.sum::<f64>());
//! feed.extend(&[1.0, 2.0, 3.0])?;
//! drop(feed); // the stream ends, and with it the run
//! assert_eq!(reader.join().unwrap(), 14.0);
//! running.wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fs::File;
use std::io::{Read, Seek, Write};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};
use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::program::{Error, Result, run_resolved};
use crate::resolve::resolve;
use crate::resolved::Resolved;
use crate::run::Wanted;
use crate::spawn::{check_single_thread, leave};

impl Graph {
    /// Starts the graph and returns: it is run by a process of its own. Feeds and queues
    /// ([`Graph::feed`], [`Stream::queue`](crate::stream::Stream::queue)) join it with the threads of this program.
    ///
    /// It must be called before the program has a second thread. When this program dies, so does the run.
    ///
    /// # Errors
    /// What refused the graph; or the environment refused a process.
    pub fn start(self) -> Result<Running> {
        self.start_with(&Wanted::default())
    }

    /// As [`Graph::start`], with what overrides the graph.
    ///
    /// # Errors
    /// As [`Graph::start`].
    pub fn start_with(self, wanted: &Wanted) -> Result<Running> {
        let life = self.take_life();
        let (graph, _) = resolve(self.into_decl()?)?;
        let environment = |words: String| Error::Environment(words);
        check_single_thread().map_err(|error| environment(error.to_string()))?;
        let refused = |call: &str| {
            let call = call.to_owned();
            move |errno: Errno| environment(format!("{call} for the run: {}", errno.desc()))
        };
        let outcome =
            memfd_create("outcome", MFdFlags::MFD_CLOEXEC).map_err(refused("memfd_create"))?;
        let outcome = File::from(outcome);
        // What is buffered would be written twice.
        let _ = std::io::stdout().flush();
        let parent = getpid();
        // A signal to stop waits until the child listens.
        let held_back = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
        let before = held_back
            .thread_swap_mask(SigmaskHow::SIG_BLOCK)
            .map_err(refused("sigmask"))?;
        // SAFETY: this process has one thread (checked above), so the child may do anything.
        let forked = unsafe { fork() };
        if !matches!(forked, Ok(ForkResult::Child)) {
            // It held a moment ago.
            let _ = before.thread_set_mask();
        }
        match forked.map_err(refused("fork"))? {
            ForkResult::Parent { child } => {
                // The run's processes hold it now.
                drop(life);
                Ok(Running {
                    coordinator: Some(child),
                    outcome,
                })
            }
            ForkResult::Child => coordinate(parent, graph, wanted, outcome),
        }
    }
}

/// The whole life of the process that runs the graph.
fn coordinate(parent: Pid, graph: Resolved, wanted: &Wanted, mut outcome: File) -> ! {
    // It either works, or the run goes on when the program has died.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    if getppid() != parent {
        leave(0);
    }
    let ended = match run_resolved(graph, wanted) {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::of(error),
    };
    let text = serde_json::to_vec(&ended).unwrap_or_default();
    // Without it the program is told that the run ended without a word.
    let _ = outcome.write_all(&text);
    leave(0)
}

/// A run that was started. Dropping it kills the run.
#[derive(Debug)]
pub struct Running {
    /// `None` when it has been waited for.
    coordinator: Option<Pid>,
    outcome: File,
}

impl Running {
    /// Asks the sources to end; what is on its way drains. [`Running::wait`] tells when it has. A queue that nobody
    /// reads holds it up.
    pub fn stop(&self) {
        if let Some(coordinator) = self.coordinator {
            // Gone already: it has ended.
            let _ = kill(coordinator, Signal::SIGTERM);
        }
    }

    /// Waits for the run's end.
    ///
    /// # Errors
    /// As [`Graph::run`]. What the plan refused comes as [`Error::Environment`].
    pub fn wait(mut self) -> Result<()> {
        let ended = self.reap();
        let mut text = Vec::new();
        let read = self
            .outcome
            .rewind()
            .and_then(|()| self.outcome.read_to_end(&mut text));
        let outcome = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
        match (outcome, ended) {
            (Some(outcome), _) => Outcome::into_result(outcome),
            (None, Some(WaitStatus::Signaled(_, signal, _))) => Err(Error::Killed(signal)),
            (None, _) => Err(Error::Failed("the run ended without a word".to_owned())),
        }
    }

    /// Waits for the coordinator, once.
    fn reap(&mut self) -> Option<WaitStatus> {
        let coordinator = self.coordinator.take()?;
        loop {
            match waitpid(coordinator, None) {
                Err(Errno::EINTR) => {}
                waited => return waited.ok(),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(coordinator) = self.coordinator {
            // The warden sees to the rest.
            let _ = kill(coordinator, Signal::SIGKILL);
            self.reap();
        }
    }
}

/// How a run ended, as its coordinator tells the program.
#[derive(Serialize, Deserialize)]
enum Outcome {
    Done,
    Environment(String),
    Failed(String),
    Stalled(Vec<String>),
    Killed(i32),
}

impl Outcome {
    fn of(error: Error) -> Outcome {
        match error {
            Error::Refused(refused) => Outcome::Environment(refused.to_string()),
            Error::Environment(words) => Outcome::Environment(words),
            Error::Failed(sentence) => Outcome::Failed(sentence),
            Error::Stalled(chain) => Outcome::Stalled(chain),
            Error::Killed(signal) => Outcome::Killed(signal as i32),
        }
    }

    fn into_result(self) -> Result<()> {
        Err(match self {
            Outcome::Done => return Ok(()),
            Outcome::Environment(words) => Error::Environment(words),
            Outcome::Failed(sentence) => Error::Failed(sentence),
            Outcome::Stalled(chain) => Error::Stalled(chain),
            Outcome::Killed(signal) => {
                Error::Killed(Signal::try_from(signal).unwrap_or(Signal::SIGKILL))
            }
        })
    }
}
