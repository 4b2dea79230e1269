//! A hail: what a worker hears that waits for a descriptor, and so cannot sleep on its bell.
//!
//! It is a signal, blocked but while the worker waits. One that comes before that stays pending and ends the wait at once, so a word that
//! was stored before the hail is never slept over. The signal is one that whoever does not know it ignores: a number that means another
//! process by now does no harm.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, kill, sigaction, sigprocmask,
};
use nix::unistd::Pid;

const HAIL: Signal = Signal::SIGURG;

/// This process hears.
static HEARS: AtomicBool = AtomicBool::new(false);

/// From now on this process, which has one thread, hears hails while it waits. Those that it hears not are outlasted.
pub fn hear() {
    let handler = SigHandler::Handler(nothing);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing.
    let is_set = unsafe { sigaction(HAIL, &action) }.is_ok();
    let blocked = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::from(HAIL)), None);
    // Relaxed: this process alone reads it.
    HEARS.store(is_set && blocked.is_ok(), Ordering::Relaxed);
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// Ends the wait of a worker, now or as soon as it begins. What it is to see was stored before.
pub fn hail(worker: Pid) {
    // A number below would mean a group of processes.
    if worker.as_raw() > 1 {
        // Who is gone needs none.
        let _ = kill(worker, HAIL);
    }
}

/// Waits until the descriptor is readable, for a hail, or so long.
pub(crate) fn wait_readable(fd: RawFd, longest: Duration) {
    // SAFETY: the agent that gave the number holds it open until it is called again.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    // Relaxed: as above.
    let mask = HEARS.load(Ordering::Relaxed).then(open_mask).flatten();
    // An interrupted or failed wait only means that the next look comes early.
    let _ = ppoll(&mut fds, Some(longest.into()), mask);
}

/// What is blocked while it waits: what is anyhow, but for the hail.
fn open_mask() -> Option<SigSet> {
    let mut mask = SigSet::thread_get_mask().ok()?;
    mask.remove(HAIL);
    Some(mask)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::time::Instant;

    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork, pipe};

    use super::*;

    /// In a process of its own: whether a hail before the wait, and one meanwhile, end it early.
    fn heard() -> bool {
        let Ok((silent, _writer)) = pipe() else {
            return false;
        };
        let wait = || {
            let began = Instant::now();
            wait_readable(silent.as_raw_fd(), Duration::from_secs(20));
            began.elapsed() < Duration::from_secs(10)
        };
        hear();
        hail(Pid::this());
        let before = wait();
        // SAFETY: the child stores nothing, and leaves by `_exit`.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                std::thread::sleep(Duration::from_millis(20));
                hail(Pid::parent());
                // SAFETY: leaves without running anything of the parent's.
                unsafe { libc::_exit(0) }
            }
            Ok(ForkResult::Parent { child }) => {
                let meanwhile = wait();
                let _ = waitpid(child, None);
                before && meanwhile
            }
            Err(_) => false,
        }
    }

    #[test]
    fn a_hail_ends_a_wait_whether_it_comes_before_or_meanwhile() {
        // SAFETY: the child calls nothing that another thread of this process may hold.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let code = i32::from(!heard());
                // SAFETY: as above.
                unsafe { libc::_exit(code) }
            }
            ForkResult::Parent { child } => {
                assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
            }
        }
    }
}
