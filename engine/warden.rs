//! The warden: a small process that outlives the coordinator by a moment.
//!
//! It sleeps on the coordinator's pidfd. When that is gone, however it went, the warden removes the
//! segment and the run's file, unless the run can be resumed. Workers die with the coordinator by themselves (their death signal).

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, setsid};
use thalweg_ringbuf::Segment;

use crate::runs::RunFile;
use crate::spawn::{SpawnError, check_single_thread, leave, pidfd_open, set_name};

/// The warden's process, as the coordinator holds it.
pub struct Warden(Pid);

/// Forks the warden, before there is a segment of this name. Returns in the coordinator only.
pub fn post(segment: &str, run: &RunFile) -> Result<Warden, SpawnError> {
    check_single_thread()?;
    let coordinator = getpid();
    let failed = |call| {
        move |errno| SpawnError::System {
            worker: "(warden)".to_owned(),
            call,
            errno,
        }
    };
    // Opened here: it is ourselves, so the number cannot belong to anybody else.
    let pidfd = pidfd_open(coordinator).map_err(failed("pidfd_open"))?;
    // SAFETY: this process has one thread (checked above).
    match unsafe { fork() }.map_err(failed("fork"))? {
        ForkResult::Parent { child } => Ok(Warden(child)),
        ForkResult::Child => {
            stand_aside();
            if getppid() == coordinator {
                wait_for_the_end(&pidfd);
            }
            if !run.is_resumable() {
                let _ = Segment::unlink_name(segment);
                run.remove();
            }
            leave(0)
        }
    }
}

impl Warden {
    /// The coordinator has cleaned up itself: the warden is not needed.
    pub fn dismiss(&self) {
        let _ = kill(self.0, Signal::SIGKILL);
        while waitpid(self.0, None) == Err(Errno::EINTR) {}
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        self.0
    }
}

/// A session of its own, no terminal, no streams: nobody's pipe waits for it.
fn stand_aside() {
    let _ = setsid();
    set_name("warden");
    // All signals but SIGKILL wait: nothing is to stop it from cleaning up.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        for stream in 0..3 {
            use std::os::fd::AsRawFd;
            // SAFETY: both descriptors are ours; a standard stream becomes /dev/null.
            unsafe { libc::dup2(null.as_raw_fd(), stream) };
        }
    }
}

/// Between two calls of which the first has failed.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);

fn wait_for_the_end(pidfd: &OwnedFd) {
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    // Whatever else the call says, the coordinator lives.
    while !matches!(poll(&mut fds, PollTimeout::NONE), Ok(1)) {
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
}
