//! Paths, readers and writers: what every file connector needs of the file system, and how it says no.
//!
//! A *regular* file is read and written at positions of the agent's choice: those are committed with
//! the stream, so a killed worker's successor goes on at the very byte. Anything else (`-`, a FIFO, a
//! terminal, a device) has no positions: bytes go in order, once each, and what a killed worker had
//! taken or given and not committed is lost or repeated.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::agent::AgentError;

/// Where a sink writes.
pub(super) struct Target {
    path: PathBuf,
    open: Option<Open>,
}

struct Open {
    file: File,
    is_regular: bool,
}

/// Whether somebody still reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// The bytes were taken.
    Some,
    /// The pipe's reading end is gone: nothing will ever be taken again.
    Gone,
}

impl Target {
    /// The file at this path, not yet opened; `-` is standard output.
    pub(super) fn at(path: impl Into<PathBuf>) -> Target {
        Target {
            path: path.into(),
            open: None,
        }
    }

    /// Opens it in the process that writes; of a regular file the first `len_bytes` are kept.
    pub(super) fn open(&mut self, len_bytes: u64) -> Result<(), AgentError> {
        let file = match is_standard(&self.path) {
            true => io::stdout().as_fd().try_clone_to_owned().map(File::from),
            false => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&self.path),
        }
        .map_err(|e| failed("opened", &self.path, &e))?;
        let metadata = file
            .metadata()
            .map_err(|e| failed("opened", &self.path, &e))?;
        let is_regular = metadata.is_file() && !is_standard(&self.path);
        if is_regular {
            if metadata.len() < len_bytes {
                return Err(AgentError::new(format!(
                    "{} is {} bytes long, and {len_bytes} had been written: somebody shortened or replaced it during the run",
                    self.path.display(),
                    metadata.len()
                )));
            }
            file.set_len(len_bytes)
                .map_err(|e| failed("cut to what is committed", &self.path, &e))?;
        }
        self.open = Some(Open { file, is_regular });
        Ok(())
    }

    /// Writes all of `bytes`: at `offset` of a regular file, else after what was written before.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<Readers, AgentError> {
        let open = self.open.as_mut().expect("attached before the first call");
        let outcome = match open.is_regular {
            true => open.file.write_all_at(bytes, offset),
            false => write_in_order(&mut open.file, bytes),
        };
        match outcome {
            Ok(()) => Ok(Readers::Some),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(Readers::Gone),
            Err(e) => Err(failed("written", &self.path, &e)),
        }
    }
}

/// As `write_all`, and waits where the other end made the pipe non-blocking.
fn write_in_order(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                let room = PollFd::new(file.as_fd(), PollFlags::POLLOUT);
                match poll(&mut [room], PollTimeout::NONE) {
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(e) => return Err(e.into()),
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// True for `-`: standard input or output.
fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// "PATH cannot be WRITTEN: what the system said; what to do".
fn failed(verb: &str, path: &Path, error: &io::Error) -> AgentError {
    let name = match is_standard(path) {
        true => "standard output".to_owned(),
        false => path.display().to_string(),
    };
    AgentError::new(format!(
        "{name} cannot be {verb}: {}",
        what_and_remedy(error)
    ))
}

/// What the system said in words, and what would mend it where that is known.
fn what_and_remedy(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "no permission for this user".to_owned(),
        ErrorKind::StorageFull => {
            "no space left on its device; free some or write elsewhere".to_owned()
        }
        ErrorKind::QuotaExceeded => {
            "the user's disk quota is used up; free some or write elsewhere".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only; write elsewhere".to_owned(),
        ErrorKind::FileTooLarge => {
            "the file system or `ulimit -f` allows no larger file".to_owned()
        }
        _ => error.to_string(),
    }
}
