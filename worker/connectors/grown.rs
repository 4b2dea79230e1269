//! Text that only grows: what sinks of rows and lines write to. Their state is how many bytes are written (`u64`).

use crate::agent::{AgentError, Io, Outside, State, Status};
use crate::connectors::files::{Readers, Target};
use crate::connectors::records::count_of;
use crate::op::{Args, OpError};

/// A target, and text on its way there.
pub(super) struct Grown {
    target: Target,
    /// What is gathered and not yet written.
    pub(super) text: Vec<u8>,
}

/// Text is written when this much has gathered, and at the end of every call.
const AT_ONCE: usize = 256 * 1024;

impl Grown {
    /// The file named by the parameter `path`.
    pub(super) fn of(args: &Args) -> Result<Grown, OpError> {
        Ok(Grown {
            target: Target::of(args)?,
            text: Vec::new(),
        })
    }

    /// Opens it in the process that writes, at what is committed. A file to which nothing was written has the `header`
    /// whatever comes of this run; the first that is written writes it again.
    pub(super) fn open(&mut self, header: &[u8], mut state: State<'_>) -> Result<(), AgentError> {
        let written = *state.get::<u64>();
        self.target.open(written)?;
        if written == 0 && self.target.is_regular() {
            self.target.write(0, header)?;
        }
        Ok(())
    }

    /// See [`Target::wait`].
    pub(super) fn wait(&mut self, io: &Io<'_>) -> Result<Option<Status>, AgentError> {
        self.target.wait(io)
    }

    /// Enough has gathered to be written.
    pub(super) fn is_due(&self) -> bool {
        self.text.len() >= AT_ONCE
    }

    /// Writes what is gathered behind the `written` bytes.
    pub(super) fn write(&mut self, written: &mut u64) -> Result<Readers, AgentError> {
        let readers = self.target.write(*written, &self.text)?;
        *written += self.text.len() as u64;
        self.text.clear();
        Ok(readers)
    }

    /// Writes `header` where nothing was written at all: who reads a named pipe sees its end, too.
    pub(super) fn finish(&mut self, header: &[u8], mut state: State<'_>) -> Result<(), AgentError> {
        match *state.get::<u64>() {
            0 => self.target.write(0, header).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// See [`Target::toll`].
    pub(super) fn toll(&self, state: &[u8]) -> Option<String> {
        self.target.toll(count_of(state))
    }

    /// See [`Target::outside`].
    pub(super) fn outside(&self, state: &[u8]) -> Outside {
        self.target.outside(0..count_of(state))
    }
}
