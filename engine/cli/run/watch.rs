//! What is seen of a run while it goes on.

use crate::cli::say;
use crate::resolved::Resolved;
use crate::spawn::Nursery;
use crate::supervise::Watch;

/// Words on standard error as things happen.
pub struct Live {
    quiet: bool,
}

impl Live {
    /// Quiet: only what workers themselves say.
    pub fn new(quiet: bool) -> Live {
        Live { quiet }
    }

    /// The run is over.
    pub fn close(&mut self) {}
}

impl Watch for Live {
    fn tick(&mut self, _graph: &Resolved, _nursery: &Nursery<'_>, _restarts: &[u64]) {}

    fn line(&mut self, worker: &str, line: &str) {
        say(&format!("[{worker}] {line}\n"));
    }

    fn note(&mut self, words: &str) {
        if !self.quiet {
            say(&format!("{words}\n"));
        }
    }
}
