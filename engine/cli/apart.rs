//! A process of its own for each run.

use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pipe2, setpgid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::Failure;
use crate::spawn::{EXIT_FAULT, EXIT_PANIC, check_single_thread, leave};

/// Forks a process for each job; a signal to us ends the job, and everything it started, first.
pub struct Apart {
    signals: SignalFd,
}

impl Apart {
    /// Takes the signals that end us onto a descriptor.
    ///
    /// # Errors
    /// The environment refuses (3).
    pub fn new() -> Result<Apart, Failure> {
        let mut heard = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            heard.add(signal);
        }
        heard.thread_block().map_err(|e| refused("signals", e))?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let signals = SignalFd::with_flags(&heard, flags).map_err(|e| refused("signalfd", e))?;
        Ok(Apart { signals })
    }

    /// Does a job in a process of its own, and waits until that and all its children are gone.
    ///
    /// # Errors
    /// The job's own, told already; a signal's (130, 143 ..); the environment refuses (3).
    pub fn run<T: Serialize + DeserializeOwned>(
        &self,
        job: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        check_single_thread().map_err(|e| Failure::environment(e.to_string()))?;
        let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|e| refused("pipe", e))?;
        // What is buffered would be written twice.
        let _ = io::stdout().flush();
        let parent = getpid();
        // SAFETY: this process has one thread (checked above), so the child may do anything.
        match unsafe { fork() }.map_err(|e| refused("fork", e))? {
            ForkResult::Parent { child } => {
                drop(write);
                self.wait(child, &read)
            }
            ForkResult::Child => {
                drop(read);
                leave(live(parent, write, job))
            }
        }
    }

    /// Reads what the job gives. Every process of its run holds the pipe: its end is theirs.
    fn wait<T: DeserializeOwned>(&self, child: Pid, read: &OwnedFd) -> Result<T, Failure> {
        let mut given = Vec::new();
        let mut killed = None;
        let mut bytes = [0u8; 4096];
        loop {
            let mut fds = [
                PollFd::new(read.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            // Interrupted or not: both are looked at.
            let _ = poll(&mut fds, PollTimeout::NONE);
            let is_readable = fds[0].any() == Some(true);
            if let Ok(Some(heard)) = self.signals.read_signal() {
                killed = Some(heard.ssi_signo as i32);
                // Its workers die with it, and its warden cleans up.
                let _ = kill(child, Signal::SIGKILL);
            }
            if is_readable {
                match nix::unistd::read(read.as_fd(), &mut bytes) {
                    Ok(n) if n > 0 => given.extend_from_slice(&bytes[..n]),
                    Err(Errno::EINTR) => {}
                    _ => break,
                }
            }
        }
        let status = loop {
            match waitpid(child, None) {
                Err(Errno::EINTR) => {}
                other => break other,
            }
        };
        if let Some(signal) = killed {
            let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
            return Err(Failure::Words {
                code: 128 + signal as u8,
                words: format!("ended by {name} before it was done"),
            });
        }
        let died = |how: String| Failure::Words {
            code: 1,
            words: format!("a process of this command {how}"),
        };
        match status {
            Ok(WaitStatus::Exited(_, 0)) => serde_json::from_slice(&given)
                .map_err(|e| died(format!("gave no account of it: {e}"))),
            Ok(WaitStatus::Exited(_, code)) => Err(Failure::Told(code as u8)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Err(died(format!("was killed by {signal}"))),
            other => Err(died(format!("is gone: {other:?}"))),
        }
    }
}

/// The whole life of the job's process. Gives its exit status.
fn live<T: Serialize>(
    parent: Pid,
    write: OwnedFd,
    job: impl FnOnce() -> Result<T, Failure>,
) -> i32 {
    // Dies with us; and the terminal's signals come to us alone.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    if getppid() != parent {
        return EXIT_FAULT;
    }
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    match catch_unwind(AssertUnwindSafe(job)) {
        Ok(Ok(given)) => {
            let given = serde_json::to_vec(&given).unwrap_or_default();
            // If nobody reads it, nobody is left to be told.
            let _ = fs::File::from(write).write_all(&given);
            0
        }
        Ok(Err(failure)) => i32::from(failure.tell()),
        Err(_) => EXIT_PANIC,
    }
}

/// From here on what this process prints is gone.
pub fn silence_stdout() -> Result<(), Failure> {
    let null = fs::OpenOptions::new().write(true).open("/dev/null");
    let null = null.map_err(|e| Failure::environment(format!("/dev/null: {e}")))?;
    // SAFETY: both descriptors are ours; standard output becomes /dev/null.
    match unsafe { libc::dup2(null.as_raw_fd(), libc::STDOUT_FILENO) } {
        -1 => Err(refused("dup2", Errno::last())),
        _ => Ok(()),
    }
}

fn refused(call: &str, errno: Errno) -> Failure {
    Failure::environment(format!("{call}: {}", errno.desc()))
}
