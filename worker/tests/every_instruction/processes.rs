//! Forked processes: traced instruction by instruction, killed for real, reaped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::agents::draw_as;

/// From now on this process, and those it forks, stay on one core: a traced instruction is then a switch
/// of context instead of two wake-ups across cores.
pub fn stay_on_one_core() {
    let here = sched_getcpu().expect("sched_getcpu");
    let mut one = CpuSet::new();
    one.set(here).expect("a core's number");
    sched_setaffinity(Pid::from_raw(0), &one).expect("sched_setaffinity");
}

/// This process goes wherever it likes again.
pub fn leave_the_core() {
    let mut all = CpuSet::new();
    for core in 0..CpuSet::count() {
        all.set(core).expect("a core's number");
    }
    sched_setaffinity(Pid::from_raw(0), &all).expect("sched_setaffinity");
}

/// Leaves with this when a worker panicked.
const PANICKED: i32 = 101;

/// A child. Killed and reaped if it is forgotten.
pub struct Child {
    pid: Pid,
    gone: bool,
}

/// Runs `body` in a child, which leaves with what it returns. Its salts are its own.
pub fn child(body: impl FnOnce() -> i32) -> Child {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    // Relaxed: one thread.
    let serial = SERIAL.fetch_add(1, Relaxed) + 1;
    // SAFETY: this process has one thread (no test harness), so the child may do what it likes.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => Child {
            pid: child,
            gone: false,
        },
        ForkResult::Child => {
            // With the parent killed, nobody is left behind.
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).expect("prctl");
            std::panic::set_hook(Box::new(|_| {}));
            draw_as(serial);
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(PANICKED);
            // SAFETY: leaves at once: what the parent has open or buffered is not ours to close.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Runs `body` in a child that has stopped before it and waits to be stepped. Before that it makes itself
/// ready in `prepare`, untraced.
pub fn traced<T>(prepare: impl FnOnce() -> T, body: impl FnOnce(T)) -> Child {
    let mut child = child(|| {
        let prepared = prepare();
        ptrace::traceme().expect("tests must be allowed to trace their own children (ptrace)");
        raise(Signal::SIGSTOP).expect("raise");
        body(prepared);
        0
    });
    match child.wait() {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
        other => panic!("a traced child is {other:?}; is ptrace forbidden here?"),
    }
    child
}

impl Child {
    /// Lets a traced child do one machine instruction. False if it has left.
    pub fn step(&mut self) -> bool {
        ptrace::step(self.pid, None).expect("ptrace");
        match self.wait() {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => true,
            WaitStatus::Exited(_, 0) => false,
            other => panic!("a stepped child is {other:?}"),
        }
    }

    /// Kills it, and waits until the kernel has reaped it.
    pub fn kill(mut self) {
        self.end();
    }

    /// What it leaves with. `None` if a signal ended it.
    pub fn code(mut self) -> Option<i32> {
        match self.wait() {
            WaitStatus::Exited(_, code) => Some(code),
            _ => None,
        }
    }

    fn end(&mut self) {
        if !self.gone {
            kill(self.pid, Signal::SIGKILL).expect("an unreaped child can be killed");
            while !self.gone {
                self.wait();
            }
        }
    }

    fn wait(&mut self) -> WaitStatus {
        let status = waitpid(self.pid, None).expect("waitpid");
        if matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            self.gone = true;
        }
        status
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}
