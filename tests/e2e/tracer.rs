//! A run under a tracer (ptrace): any system call of one of its processes can fail, or be its last.
//!
//! The command is the one that everybody runs: nothing is built into it for this, and no call is spared,
//! whoever makes it. Needs leave to trace one's own children.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::site::{Ended, Site};

/// Whose system calls are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The command itself.
    Coordinator,
    /// A process it has forked, in their order: the warden is 0, workers follow, and then successors.
    Child(usize),
}

/// What becomes of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is not made, and the process gets this error.
    Fail(Errno),
    /// It is not made: the process is killed before it.
    KillBefore,
    /// The process is killed inside it where it waits, else when it is done.
    KillInside,
}

/// A system call that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub number: i64,
    pub arguments: [u64; 6],
    /// How many processes the command has forked so far.
    pub forked: usize,
}

/// Asked what becomes of a call.
pub type Decide<'a> = &'a mut dyn FnMut(&Call) -> Option<Fate>;

/// How long a run may take before it is killed because it hangs. No test measures time by it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a call must last for a kill to be inside it.
const INSIDE: Duration = Duration::from_millis(1);
/// Between two looks at whether something has stopped.
const BETWEEN_LOOKS: Duration = Duration::from_micros(20);

/// Runs a command to the end of all its processes. `decide` is asked at each system call of `who`, until it has
/// it killed. The thread may have no other children.
pub fn trace(site: &Site, mut command: Command, who: Who, decide: Decide<'_>) -> Ended {
    // SAFETY: one system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(ptrace::traceme()?));
    }
    let going = site.start(command);
    let mut tracer = Tracer {
        main: going.pid(),
        who,
        decide: Some(decide),
        forked: Vec::new(),
        known: Vec::new(),
        early: Vec::new(),
        pending: None,
    };
    let status = tracer.follow();
    going.ended(status)
}

struct Tracer<'a> {
    main: Pid,
    who: Who,
    /// `None` once it has had somebody killed: from then on everybody runs freely.
    decide: Option<Decide<'a>>,
    /// What the command forked.
    forked: Vec<Pid>,
    /// Everybody that anybody forked, and who has not had its first stop yet.
    known: Vec<Pid>,
    /// Had their first stop before their parent told of them.
    early: Vec<Pid>,
    /// A fate that is on its way: whose, and since when.
    pending: Option<(Pid, Fate, Instant)>,
}

impl Tracer<'_> {
    /// Follows everybody until nobody is left. Gives what the command ended with.
    fn follow(&mut self) -> ExitStatus {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let began = Instant::now();
        let mut ended = None;
        self.begin();
        loop {
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::StillAlive) => {
                    self.kill_who_is_inside();
                    if began.elapsed() > PATIENCE && ended.is_none() {
                        // The status says it.
                        let _ = kill(self.main, Signal::SIGKILL);
                    }
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                Ok(WaitStatus::Exited(pid, code)) if pid == self.main => {
                    ended = Some(ExitStatus::from_raw(code << 8));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.main => {
                    ended = Some(ExitStatus::from_raw(signal as i32));
                }
                Ok(status) => self.on_stop(status),
                Err(Errno::ECHILD) => return ended.expect("the command was a child"),
                Err(errno) => panic!("waitpid: {errno}"),
            }
        }
    }

    /// The command has stopped before its first instruction.
    fn begin(&mut self) {
        match waitpid(self.main, None) {
            Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {}
            other => panic!("a traced command is {other:?}; is ptrace forbidden here?"),
        }
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(self.main, options).expect("ptrace");
        self.resume(self.main, None);
    }

    fn on_stop(&mut self, status: WaitStatus) {
        match status {
            WaitStatus::PtraceEvent(pid, ..) => {
                let child = ptrace::getevent(pid);
                self.resume(pid, None);
                // Killed meanwhile: it tells of nobody.
                if let Ok(child) = child {
                    self.on_fork(pid, Pid::from_raw(child as i32));
                }
            }
            WaitStatus::PtraceSyscall(pid) => self.on_call(pid),
            WaitStatus::Stopped(pid, Signal::SIGSTOP) if self.take_known(pid) => {
                self.resume(pid, None);
            }
            WaitStatus::Stopped(pid, Signal::SIGSTOP) if pid != self.main => self.early.push(pid),
            WaitStatus::Stopped(pid, signal) => self.resume(pid, Some(signal)),
            _ => {}
        }
    }

    fn on_fork(&mut self, parent: Pid, child: Pid) {
        if parent == self.main {
            self.forked.push(child);
        }
        match self.early.iter().position(|&pid| pid == child) {
            Some(place) => {
                self.early.swap_remove(place);
                self.resume(child, None);
            }
            None => self.known.push(child),
        }
    }

    fn take_known(&mut self, pid: Pid) -> bool {
        let place = self.known.iter().position(|&known| known == pid);
        place.map(|place| self.known.swap_remove(place)).is_some()
    }

    /// Lets a stopped process go on, to its next system call if it is the one that is looked at.
    fn resume(&self, pid: Pid, signal: Option<Signal>) {
        let looked_at = self.decide.is_some() && self.target() == Some(pid);
        let awaited = self.pending.is_some_and(|(of, ..)| of == pid);
        // Whoever was killed meanwhile cannot go on.
        let _ = match looked_at || awaited {
            true => ptrace::syscall(pid, signal),
            false => ptrace::cont(pid, signal),
        };
    }

    fn target(&self) -> Option<Pid> {
        match self.who {
            Who::Coordinator => Some(self.main),
            Who::Child(nth) => self.forked.get(nth).copied(),
        }
    }

    fn on_call(&mut self, pid: Pid) {
        if let Some((_, fate, _)) = self.pending.take() {
            match fate {
                Fate::Fail(errno) => give_error(pid, errno),
                _ => drop(kill(pid, Signal::SIGKILL)),
            }
            self.resume(pid, None);
            return;
        }
        let fate = call_of(pid, self.forked.len()).and_then(|call| {
            let decide = self.decide.as_mut()?;
            decide(&call)
        });
        let Some(fate) = fate else {
            self.resume(pid, None);
            return;
        };
        match fate {
            Fate::Fail(_) => leave_out(pid),
            Fate::KillBefore => drop(kill(pid, Signal::SIGKILL)),
            Fate::KillInside => {}
        }
        if !matches!(fate, Fate::Fail(_)) {
            self.decide = None;
        }
        if fate != Fate::KillBefore {
            self.pending = Some((pid, fate, Instant::now()));
        }
        self.resume(pid, None);
    }

    fn kill_who_is_inside(&mut self) {
        if let Some((pid, Fate::KillInside, since)) = self.pending
            && since.elapsed() >= INSIDE
        {
            self.pending = None;
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// The call a stopped process is about to make; `None` when it comes back from one.
fn call_of(pid: Pid, forked: usize) -> Option<Call> {
    // Killed meanwhile: it makes no call.
    let info = ptrace::syscall_info(pid).ok()?;
    (info.op == libc::PTRACE_SYSCALL_INFO_ENTRY).then(|| {
        // SAFETY: at an entry, that is the part which the kernel has filled in.
        let entry = unsafe { info.u.entry };
        Call {
            number: entry.nr as i64,
            arguments: entry.args,
            forked,
        }
    })
}

/// The call that a process is about to make will not be made.
#[cfg(target_arch = "x86_64")]
fn leave_out(pid: Pid) {
    let mut registers = ptrace::getregs(pid).expect("a stopped process has registers");
    registers.orig_rax = u64::MAX;
    ptrace::setregs(pid, registers).expect("ptrace");
}

/// The call that was not made has failed.
#[cfg(target_arch = "x86_64")]
fn give_error(pid: Pid, errno: Errno) {
    let mut registers = ptrace::getregs(pid).expect("a stopped process has registers");
    registers.rax = -(errno as i64) as u64;
    ptrace::setregs(pid, registers).expect("ptrace");
}
