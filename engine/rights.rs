//! What a worker asks of the system beyond a core: a real-time priority, and its memory kept in.
//!
//! Both need a right. It is tried before anything is started, so that a refusal names the right and is not a
//! worker that fails; the worker then takes what was tried.

use std::fs;

use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall, munlockall};
use nix::sys::resource::{Resource, getrlimit};

use crate::plan::Options;

/// Tries what the options ask for, in the process that is to fork the workers, with all of their memory mapped.
///
/// # Errors
/// The right that is missing, what was found, what to do.
pub fn check(options: &Options) -> Result<(), String> {
    if let Some(priority) = options.realtime {
        schedule(libc::SCHED_FIFO, priority)
            .and_then(|()| schedule(libc::SCHED_OTHER, 0))
            .map_err(|errno| no_priority(priority, errno))?;
    }
    if options.lock_memory {
        let tried = mlockall(MlockAllFlags::MCL_CURRENT);
        // Whatever part of it was locked is let go: the workers lock their own.
        let _ = munlockall();
        tried.map_err(no_lock)?;
    }
    Ok(())
}

/// Has this process run before all that have no real-time priority, but not what it forks.
///
/// # Errors
/// As [`check`].
pub fn hurry(priority: u8) -> Result<(), String> {
    schedule(libc::SCHED_FIFO, priority).map_err(|errno| no_priority(priority, errno))
}

/// Keeps what this process has mapped by now in memory.
///
/// # Errors
/// As [`check`].
pub fn lock() -> Result<(), String> {
    mlockall(MlockAllFlags::MCL_CURRENT).map_err(no_lock)
}

fn schedule(policy: i32, priority: u8) -> Result<(), Errno> {
    let policy = match policy {
        libc::SCHED_FIFO => policy | libc::SCHED_RESET_ON_FORK,
        policy => policy,
    };
    let parameter = libc::sched_param {
        sched_priority: i32::from(priority),
    };
    // SAFETY: the call reads the struct, which outlives it, and changes how this process is scheduled.
    Errno::result(unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) }).map(drop)
}

fn no_priority(priority: u8, errno: Errno) -> String {
    let found = getrlimit(Resource::RLIMIT_RTPRIO).map_or(0, |(soft, _)| soft);
    format!(
        "--realtime={priority}: {}; it needs CAP_SYS_NICE, or a limit RLIMIT_RTPRIO of {priority} or more (found {found}): ulimit -r {priority}, `rtprio` in limits.conf, LimitRTPRIO= of the unit",
        errno.desc()
    )
}

fn no_lock(errno: Errno) -> String {
    let found = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    format!(
        "--lock-memory: {}; it needs CAP_IPC_LOCK, or a limit RLIMIT_MEMLOCK of what is mapped, {} (found {} KiB): ulimit -l unlimited, `memlock` in limits.conf, LimitMEMLOCK= of the unit",
        errno.desc(),
        mapped().map_or("all".to_owned(), |kib| format!("{kib} KiB")),
        found / 1024
    )
}

/// KiB that this process has mapped.
fn mapped() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_needs_no_right() {
        assert_eq!(check(&Options::default()), Ok(()));
    }

    #[test]
    fn a_refusal_names_the_right_and_what_was_found() {
        let words = no_priority(20, Errno::EPERM);
        for part in [
            "--realtime=20",
            "CAP_SYS_NICE",
            "RLIMIT_RTPRIO of 20",
            "ulimit -r 20",
        ] {
            assert!(words.contains(part), "{words}");
        }
        let words = no_lock(Errno::ENOMEM);
        for part in [
            "--lock-memory",
            "CAP_IPC_LOCK",
            "RLIMIT_MEMLOCK",
            " KiB (found ",
        ] {
            assert!(words.contains(part), "{words}");
        }
    }
}
