//! The monotonic clock: the only one the engine reads.

use std::time::Instant;

/// Now, in ns of `CLOCK_MONOTONIC`: comparable between processes of one machine.
pub fn now_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place to write to; the clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// CPU time this process has used, in ns.
pub fn cpu_ns() -> u64 {
    let mut used = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: as in `now_ns`.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64
}

/// How long until a moment, 0 if it has passed.
pub fn until(moment: Instant) -> std::time::Duration {
    moment.saturating_duration_since(Instant::now())
}
