//! Waiting: spin, then yield, then sleep on a futex with a bounded time-out.
//!
//! A wake-up is a hint: whoever sleeps wakes by itself after a while, and looks. Nothing here is
//! held by anyone, so a process killed at any point hangs nobody.
//!
//! BELL: the sleeper announces itself, fences, and looks again for work; the ringer publishes,
//! fences, and looks for a sleeper. Whichever fence comes first, the other side sees the store
//! before it: no wake-up is lost. The futex word is shared between processes, not private.

use core::time::Duration;

use crate::barrier::{self, Fencing};
use crate::ring::CACHE_LINE_LEN_BYTES;
use crate::sync::{AtomicU32, Edge, Ordering};

/// What one process sleeps on, alone; any number of others ring it.
///
/// It lies in shared memory, on a 128-byte line of its own: rings have one for the producer and
/// one for each reader, a worker that waits for many rings has one for itself.
#[repr(C, align(128))]
pub struct Bell {
    /// The futex word, even: moves with every wake-up. Ringers move it.
    seq: AtomicU32,
    /// While the sleeper sleeps or is about to: the `seq` it goes by, plus 1. Else 0. Only the
    /// sleeper stores it.
    sleeping: AtomicU32,
    /// A [`Fencing`], never changed.
    fencing: u32,
    #[cfg(loom)]
    futex: futex::Futex,
}

#[cfg(not(loom))]
const _: () = {
    assert!(core::mem::offset_of!(Bell, seq) == 0);
    assert!(core::mem::offset_of!(Bell, sleeping) == 4);
    assert!(core::mem::offset_of!(Bell, fencing) == 8);
    assert!(core::mem::size_of::<Bell>() == 128 && core::mem::align_of::<Bell>() == 128);
};

/// Why a sleeper woke, or did not sleep at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The second look found work: there was no sleep.
    Ready,
    /// Someone rang, or the kernel woke it for no reason.
    Rung,
    /// The time was up.
    TimedOut,
}

impl Bell {
    /// A bell that nobody sleeps on. All who ring it must have enrolled where `fencing` asks it.
    pub fn new(fencing: Fencing) -> Self {
        Self {
            seq: AtomicU32::new(0),
            sleeping: AtomicU32::new(0),
            fencing: fencing as u32,
            #[cfg(loom)]
            futex: futex::Futex::new(),
        }
    }

    /// Wakes the sleeper if there is one. Call it after what it waits for was stored.
    #[inline(always)]
    pub fn ring(&self) {
        // A damaged word means the fence that is always right.
        let fencing = Fencing::of(self.fencing).unwrap_or(Fencing::Symmetric);
        // BELL (ringer, against Bell::sleep_unless): the publication comes before this look.
        barrier::light(fencing, Edge::BellRinger);
        self.wake_sleeper();
    }

    /// As [`Bell::ring`], by one who has put the fence between the publication and this look.
    #[inline(always)]
    pub(crate) fn wake_sleeper(&self) {
        // Relaxed: a hint, ordered by the caller's fence.
        let ticket = self.sleeping.load(Ordering::Relaxed);
        if ticket != 0 {
            self.wake(ticket);
        }
    }

    #[cold]
    fn wake(&self, ticket: u32) {
        let seq = ticket & !1;
        // Relaxed: whoever moves it makes the call, the others need not; the kernel orders it
        // against the sleeper's comparison.
        let moved = self.seq.compare_exchange(
            seq,
            seq.wrapping_add(2),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if moved.is_ok() {
            futex::wake(self);
        }
    }

    /// Sleeps until rung, for at most `timeout`, unless `ready` says that there is work: `ready` is
    /// asked once more after the sleep was announced. One process at a time may sleep here.
    pub fn sleep_unless(&self, mut ready: impl FnMut() -> bool, timeout: Duration) -> Woken {
        // Relaxed: compared by the kernel; a stale value only makes the sleep end at once.
        let seq = self.seq.load(Ordering::Relaxed);
        // Relaxed: ordered by the fence below.
        self.sleeping.store(seq | 1, Ordering::Relaxed);
        let fencing = Fencing::of(self.fencing).unwrap_or(Fencing::Symmetric);
        // BELL (sleeper, against Bell::ring): the announcement comes before the second look.
        // Where the kernel refuses (out of memory), the time-out bounds what a missed ring costs.
        let _ = barrier::heavy(fencing, Edge::BellSleeper);
        let woken = if ready() {
            Woken::Ready
        } else {
            futex::wait(self, seq, timeout)
        };
        // Relaxed: a hint; a ringer that still sees the ticket makes one call too many.
        self.sleeping.store(0, Ordering::Relaxed);
        woken
    }

    /// Whether someone sleeps here or is about to.
    pub fn is_asleep(&self) -> bool {
        // Relaxed: for reports only.
        self.sleeping.load(Ordering::Relaxed) != 0
    }
}

/// How long a waiting end spins, then yields, before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleStrategy {
    /// Looks with only a pause instruction in between.
    pub spins: u32,
    /// Looks with the processor offered to others in between.
    pub yields: u32,
    /// Longest single sleep after that; `None` never sleeps but goes on yielding, or spinning
    /// where `yields` is 0.
    pub sleep: Option<Duration>,
}

impl IdleStrategy {
    /// Never leaves the core: lowest latency, for an end that has a core to itself.
    pub const SPIN: Self = Self {
        spins: u32::MAX,
        yields: 0,
        sleep: None,
    };
    /// Spins some microseconds, yields some more, then sleeps.
    pub const BALANCED: Self = Self {
        spins: 2_000,
        yields: 50,
        sleep: Some(Duration::from_millis(100)),
    };
    /// Sleeps nearly at once: for ends that share their core.
    pub const SLEEP: Self = Self {
        spins: 50,
        yields: 0,
        sleep: Some(Duration::from_millis(100)),
    };
}

impl Default for IdleStrategy {
    fn default() -> Self {
        Self::BALANCED
    }
}

/// How long an end pauses before its first look once it has run out.
///
/// Each look takes the peer's line away from it, and an item that is read as soon as it is written shares its
/// cache line with the next: an end that follows the other one closely halts both every few items. So
/// one whose waits end with several small steps at once pauses longer before the next, until some
/// [`Patience::LAG_LEN_BYTES`] lie between the two; one that finds a single step looks at once.
#[cfg(not(loom))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// The one before each look is among them.
    pauses: u32,
    /// Items in a cache line.
    line: u64,
    /// As much lag as is wanted, in items.
    enough: u64,
}

#[cfg(not(loom))]
impl Patience {
    /// 64 cache lines: what a core fetches ahead of its reading is then no line that is being written.
    const LAG_LEN_BYTES: u64 = 4096;
    /// So many pauses take a microsecond or two.
    const PAUSES_MAX: u32 = 64;

    /// Of an end of a ring that holds `capacity` items.
    pub fn new(capacity: u64, item_len_bytes: usize) -> Self {
        let item = item_len_bytes as u64;
        Self {
            pauses: 1,
            line: CACHE_LINE_LEN_BYTES as u64 / item,
            enough: (Self::LAG_LEN_BYTES / item).min(capacity / 8),
        }
    }

    /// A wait for a step of `step` items ended with so many.
    pub fn found(&mut self, count: u64, step: u64) {
        // One step alone may be an answer that somebody waits for.
        let few = count < step.saturating_mul(2) || count < self.line;
        if few || count > 2 * self.enough {
            self.pauses = (self.pauses / 2).max(1);
        } else if count < self.enough {
            self.pauses = (self.pauses * 2).min(Self::PAUSES_MAX);
        }
    }

    /// Pauses, but for the last time, which the wait itself does.
    #[inline]
    pub fn pause(self) {
        for _ in 1..self.pauses {
            core::hint::spin_loop();
        }
    }
}

/// What an idle end does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleStep {
    /// It paused or yielded: look again.
    Look,
    /// Time to sleep on a bell, for at most this long.
    Sleep(Duration),
}

/// Where one end stands in its [`IdleStrategy`]: fresh after work, further with each idle look.
#[derive(Clone, Debug)]
pub struct Idle {
    strategy: IdleStrategy,
    looks: u32,
}

impl Idle {
    /// Fresh.
    pub fn new(strategy: IdleStrategy) -> Self {
        Self { strategy, looks: 0 }
    }

    /// There was work: spin again next time.
    #[inline(always)]
    pub fn reset(&mut self) {
        self.looks = 0;
    }

    /// One idle look's worth of waiting, short of sleeping.
    #[inline]
    pub fn step(&mut self) -> IdleStep {
        let IdleStrategy {
            spins,
            yields,
            sleep,
        } = self.strategy;
        if self.looks < spins {
            self.looks += 1;
            core::hint::spin_loop();
            return IdleStep::Look;
        }
        if self.looks - spins < yields {
            self.looks += 1;
            std::thread::yield_now();
            return IdleStep::Look;
        }
        match sleep {
            Some(longest) => IdleStep::Sleep(longest),
            None if yields > 0 => {
                std::thread::yield_now();
                IdleStep::Look
            }
            None => {
                core::hint::spin_loop();
                IdleStep::Look
            }
        }
    }

    /// Waits once: spins, yields, or sleeps on `bell` unless `ready`. The caller looks again.
    #[inline]
    pub fn wait(&mut self, bell: &Bell, ready: impl FnMut() -> bool) {
        if let IdleStep::Sleep(longest) = self.step() {
            bell.sleep_unless(ready, longest);
        }
    }
}

#[cfg(not(loom))]
mod futex {
    //! The two system calls. Shared, not private: the word is in memory of several processes.
    use super::{Bell, Duration, Woken};

    pub(super) fn wake(bell: &Bell) {
        // SAFETY: the address is that of a live, aligned u32; the kernel only uses it as a key.
        unsafe { libc::syscall(libc::SYS_futex, bell.seq.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    pub(super) fn wait(bell: &Bell, seq: u32, timeout: Duration) -> Woken {
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // SAFETY: the word and the time outlive the call; the kernel reads both, writes neither.
        let result = unsafe {
            libc::syscall(
                libc::SYS_futex,
                bell.seq.as_ptr(),
                libc::FUTEX_WAIT,
                seq,
                &raw const timeout,
            )
        };
        if result < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ETIMEDOUT) {
            Woken::TimedOut
        } else {
            Woken::Rung
        }
    }
}

#[cfg(loom)]
mod futex {
    //! The kernel's side as a model: compare and queue under one lock, wake under the same. It has
    //! no time-out, so a lost wake-up is a deadlock, which loom reports.
    use super::{Bell, Duration, Ordering, Woken};
    use loom::sync::{Condvar, Mutex};

    pub(super) struct Futex {
        queue: Mutex<()>,
        woken: Condvar,
    }

    impl Futex {
        pub(super) fn new() -> Self {
            Self {
                queue: Mutex::new(()),
                woken: Condvar::new(),
            }
        }
    }

    pub(super) fn wake(bell: &Bell) {
        let _queue = bell.futex.queue.lock().unwrap();
        bell.futex.woken.notify_all();
    }

    pub(super) fn wait(bell: &Bell, seq: u32, _timeout: Duration) -> Woken {
        let queue = bell.futex.queue.lock().unwrap();
        if bell.seq.load(Ordering::Relaxed) == seq {
            drop(bell.futex.woken.wait(queue).unwrap());
        }
        Woken::Rung
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn after(patience: &mut Patience, found: &[u64]) -> u32 {
        for &count in found {
            patience.found(count, 1);
        }
        patience.pauses
    }

    #[test]
    fn a_stream_of_single_items_is_followed_at_a_distance() {
        let mut patience = Patience::new(16 * 1024, 8);
        assert_eq!(after(&mut patience, &[8, 20, 100]), 8);
        assert_eq!(after(&mut patience, &[300; 10]), 64);
        // Far enough.
        assert_eq!(after(&mut patience, &[512, 1000]), 64);
        assert_eq!(after(&mut patience, &[1100, 4000]), 16);
    }

    #[test]
    fn single_answers_are_soon_looked_for_at_once() {
        let mut patience = Patience::new(16 * 1024, 8);
        assert_eq!(after(&mut patience, &[300; 6]), 64);
        assert_eq!(after(&mut patience, &[1; 6]), 1);
        assert_eq!(after(&mut patience, &[7; 6]), 1);
    }

    #[test]
    fn two_frames_at_once_are_a_stream_and_a_long_one_is_none() {
        let mut patience = Patience::new(128 * 1024, 1);
        patience.found(208, 104);
        assert_eq!(patience.pauses, 2);
        patience.found(3000, 3000);
        assert_eq!(patience.pauses, 1);
    }

    #[test]
    fn long_steps_and_small_rings_are_not_waited_for_longer() {
        let mut long = Patience::new(16 * 1024, 8);
        long.found(8192, 4096);
        assert_eq!(long.pauses, 1);
        // All that a ring of 64 holds: the producer stood still.
        let mut small = Patience::new(64, 8);
        assert_eq!(after(&mut small, &[64; 5]), 1);
    }
}
