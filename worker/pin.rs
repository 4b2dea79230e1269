//! Cores: which ones this process may use, and staying on one.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores this process may run on, in order.
pub fn allowed_cores() -> Vec<usize> {
    match sched_getaffinity(Pid::from_raw(0)) {
        Ok(set) => (0..CpuSet::count())
            .filter(|&core| set.is_set(core).unwrap_or(false))
            .collect(),
        Err(_) => vec![0],
    }
}

/// Keeps the calling process on one core.
pub fn stay_on(core: usize) -> Result<(), PinError> {
    let refused = |errno| PinError { core, errno };
    let mut set = CpuSet::new();
    set.set(core).map_err(refused)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(refused)
}

/// A core that could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("core {core} cannot be had ({}): choose one that this process may use, or \"none\"", errno.desc())]
pub struct PinError {
    /// The core asked for.
    pub core: usize,
    errno: nix::errno::Errno,
}
