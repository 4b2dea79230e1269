//! Spawning: one process a worker, forked from the coordinator's one thread.
//!
//! A worker is born with everything in its hands: mappings, agents, the run's lock. It dies with the
//! coordinator, ignores the terminal, stays on its core, runs its duty cycle and leaves by `_exit`.

use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask,
};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pipe2, setpgid};
use thalweg_worker::control::Phase;
use thalweg_worker::duty::{self, Ended, Orders};
use thalweg_worker::pin;

use crate::plan::{Options, Plan};
use crate::poison::Skip;
use crate::resolved::Resolved;
use crate::rights;
use crate::wire::Wired;

mod faults;

pub use faults::say_in_a_line as say_faults_in_a_line;

/// Exit status of a worker whose agent failed; its control block has the sentence.
pub const EXIT_FAULT: i32 = 1;
/// Exit status of a worker that panicked.
pub const EXIT_PANIC: i32 = 101;

/// A worker's process, as the coordinator holds it.
#[derive(Debug)]
pub struct Child {
    /// The process.
    pub pid: Pid,
    /// What it writes to stderr.
    pub stderr: OwnedFd,
}

/// Why a process could not be forked.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The coordinator has a second thread, whose locks a child could never open.
    #[error(
        "the process has {threads} threads and must have one when it forks: start threads inside agents, not before the run"
    )]
    Threads {
        /// How many there are.
        threads: usize,
    },
    /// The system refused.
    #[error("{call} for worker `{worker}`: {}; {}", errno.desc(), mend(*errno))]
    System {
        /// The worker.
        worker: String,
        /// The call.
        call: &'static str,
        /// What it said.
        errno: Errno,
    },
}

fn mend(errno: Errno) -> &'static str {
    match errno {
        Errno::EAGAIN => "raise the limit of processes (ulimit -u), or use fewer workers",
        Errno::EMFILE | Errno::ENFILE => {
            "raise the limit of open files (ulimit -n), or use fewer workers"
        }
        _ => "free some memory, or use fewer workers",
    }
}

/// Everything a worker needs and the coordinator keeps for its successors.
pub struct Nursery<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The segment.
    pub wired: &'a Wired,
    /// What the command line overrides.
    pub options: &'a Options,
}

/// How careful a successor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// As planned.
    Usual,
    /// Steps of one item for a while: its predecessor died without getting on.
    OneItem,
}

/// Steps a careful successor takes one item at a time.
pub const CAREFUL_STEPS: u64 = 8192;

impl Nursery<'_> {
    /// Forks a worker. Returns in the coordinator only.
    pub fn fork(
        &self,
        graph: &mut Resolved,
        worker: usize,
        care: Care,
        skips: &[Skip],
    ) -> Result<Child, SpawnError> {
        check_single_thread()?;
        let failed = |call| {
            let worker = self.plan.workers[worker].name.clone();
            move |errno| SpawnError::System {
                worker,
                call,
                errno,
            }
        };
        let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(failed("pipe"))?;
        // What is buffered would be written twice.
        let _ = std::io::stdout().flush();
        let parent = getpid();
        // SAFETY: this process has one thread (checked above), so the child may do anything.
        match unsafe { fork() }.map_err(failed("fork"))? {
            ForkResult::Parent { child } => Ok(Child {
                pid: child,
                stderr: read,
            }),
            ForkResult::Child => {
                drop(read);
                say_panics_in_a_line();
                faults::say_in_a_line();
                let lived = catch_unwind(AssertUnwindSafe(|| {
                    settle(parent, &write);
                    self.live(graph, worker, care, skips)
                }));
                leave(lived.unwrap_or(EXIT_PANIC))
            }
        }
    }

    /// A worker's whole life after it has settled. Gives its exit status.
    fn live(&self, graph: &mut Resolved, worker: usize, care: Care, skips: &[Skip]) -> i32 {
        let planned = &self.plan.workers[worker];
        let control = &self.wired.controls[worker];
        note_birth(control);
        set_name(&planned.name);
        let fail = |sentence: &str| {
            control.set_fault(sentence);
            control.set_phase(Phase::Failed);
            EXIT_FAULT
        };
        if let Some(core) = planned.core
            && let Err(error) = pin::stay_on(core)
        {
            return fail(&error.to_string());
        }
        if let Some(priority) = self.options.realtime
            && let Err(words) = rights::hurry(priority)
        {
            return fail(&words);
        }
        if let Err(error) = self.wired.protect(self.plan, worker) {
            return fail(&error.to_string());
        }
        let bell = self.wired.bell(worker);
        let latches = &self.wired.latches;
        while !latches.start.is_set() {
            bell.sleep_unless(
                || latches.start.is_set(),
                std::time::Duration::from_millis(100),
            );
        }
        let mut subgraph = match self.wired.seat(graph, self.plan, worker, self.options) {
            Ok(subgraph) => subgraph,
            Err(fault) => return fail(&fault.to_string()),
        };
        if self.options.lock_memory
            && let Err(words) = rights::lock()
        {
            return fail(&words);
        }
        if care == Care::OneItem {
            subgraph.be_cautious(CAREFUL_STEPS);
        }
        for skip in skips {
            subgraph.skip(self.plan.seat_of[skip.agent], skip.positions());
        }
        let mut orders = Latched { nursery: self };
        let rest = latches.rest();
        loop {
            match duty::run(&mut subgraph, bell, rest, planned.idle, &mut orders) {
                Ok(Ended::Done) => return 0,
                // Nobody here can help it; the coordinator sees the stall and says so.
                Ok(Ended::Stuck) => {
                    let called = || rest.called().is_some();
                    bell.sleep_unless(called, std::time::Duration::from_millis(100));
                }
                Err(fault) => return fail(&fault.to_string()),
            }
        }
    }
}

struct Latched<'a> {
    nursery: &'a Nursery<'a>,
}

impl Orders for Latched<'_> {
    fn stop(&self) -> bool {
        self.nursery.wired.latches.stop.is_set()
    }
}

/// A panic's message is the last line of what it prints, after a backtrace that was asked for.
fn say_panics_in_a_line() {
    let before = std::panic::take_hook();
    let backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v != "0");
    std::panic::set_hook(Box::new(move |panic| {
        if backtrace {
            before(panic);
        }
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let place = panic
            .location()
            .map_or(String::new(), |l| format!(" at {l}"));
        let line = format!("panicked{place}: {message}\n");
        // Nobody is left to tell if that fails.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }));
}

fn note_birth(control: &thalweg_worker::control::Control) {
    use std::sync::atomic::Ordering::Relaxed;
    // Relaxed: signs of life; this process alone writes them now.
    let life = &control.head().life;
    life.pid.store(std::process::id(), Relaxed);
    life.agent.store(0, Relaxed);
    life.moved_ns.store(0, Relaxed);
    life.incarnation
        .store(life.incarnation.load(Relaxed) + 1, Relaxed);
    control.set_phase(Phase::Starting);
}

/// A fork of a process with several threads could inherit a lock that nobody opens again.
pub fn check_single_thread() -> Result<(), SpawnError> {
    // Without /proc there is nothing to count, and the engine itself starts no thread.
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, |tasks| tasks.flatten().count());
    match threads {
        0 | 1 => Ok(()),
        threads => Err(SpawnError::Threads { threads }),
    }
}

/// The first moments of a child: it dies with its parent, and hears only what is meant for it.
fn settle(parent: Pid, stderr: &OwnedFd) {
    // Each of these either works or leaves a child that is merely less well behaved.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    if getppid() != parent {
        leave(EXIT_FAULT);
    }
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    // SAFETY: standard error becomes the pipe to the coordinator; the descriptor is open.
    let _ = unsafe { libc::dup2(stderr.as_raw_fd(), libc::STDERR_FILENO) };
    let deaf = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in [
        Signal::SIGHUP,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGXFSZ,
        Signal::SIGPIPE,
    ] {
        // SAFETY: ignoring a signal installs no handler.
        let _ = unsafe { sigaction(signal, &deaf) };
    }
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    thalweg_worker::hail::hear();
    // If memory runs out a worker goes first: it can be forked again.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
}

/// A descriptor of a process: it goes on meaning that one when the number is given to another.
///
/// # Errors
/// There is no such process, or no descriptor is free.
pub fn pidfd_open(pid: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes two numbers and gives a descriptor or an error.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    // SAFETY: a descriptor that the kernel just made for us.
    Errno::result(fd).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// The name `ps` and `top` show, as far as the kernel keeps it (15 bytes).
pub fn set_name(name: &str) {
    if let Ok(name) = std::ffi::CString::new(format!("thalweg:{name}")) {
        let _ = prctl::set_name(&name);
    }
}

/// Ends this process without running anybody's clean-up: the coordinator owns everything.
pub fn leave(status: i32) -> ! {
    // SAFETY: `_exit` does not return and runs no destructor.
    unsafe { libc::_exit(status) }
}
