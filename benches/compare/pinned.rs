//! Two sides on two cores: processes or threads that begin together.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use thalweg_ringbuf::{PAGE_LEN_BYTES, Segment};

/// The cores of the side that gives and the side that takes.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub giver: usize,
    pub taker: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub fn first_two() -> Result<Cores, String> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(|e| e.to_string())?;
        let mut cores = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false));
        match (cores.next(), cores.next()) {
            (Some(giver), Some(taker)) => Ok(Cores { giver, taker }),
            _ => Err("two cores are needed, and this process may use one".to_owned()),
        }
    }

    /// Runs `give` in a forked process on the one core, `take` here on the other; what `take` says and the time
    /// from its [`Meeting::begin`] to its return.
    pub fn processes<R>(
        self,
        give: impl FnOnce(&Meeting),
        take: impl FnOnce(&Meeting) -> (Instant, R),
    ) -> (Duration, R) {
        let page = Segment::anonymous(PAGE_LEN_BYTES).expect("a page");
        // SAFETY: the page is mapped, zero, and holds nothing else; it outlives both sides' use.
        let meeting = Meeting(unsafe { AtomicU32::from_ptr(page.as_ptr().cast()) });
        // SAFETY: threads of earlier contests are joined, so this program has one.
        let forked = unsafe { fork() }.expect("a process");
        let ForkResult::Parent { child } = forked else {
            pin(self.giver);
            give(&meeting);
            // SAFETY: ends this process at once: what it has from its parent must not run its end.
            unsafe { libc::_exit(0) }
        };
        pin(self.taker);
        let (start, result) = take(&meeting);
        let time = start.elapsed();
        unpin();
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        (time, result)
    }

    /// As [`Cores::processes`], with threads of this process.
    pub fn threads<R>(
        self,
        give: impl FnOnce(&Meeting) + Send,
        take: impl FnOnce(&Meeting) -> (Instant, R),
    ) -> (Duration, R) {
        let word = AtomicU32::new(0);
        let meeting = Meeting(&word);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pin(self.giver);
                give(&meeting);
            });
            pin(self.taker);
            let (start, result) = take(&meeting);
            let time = start.elapsed();
            unpin();
            (time, result)
        })
    }
}

/// Where the two sides wait for each other.
pub struct Meeting<'a>(&'a AtomicU32);

impl Meeting<'_> {
    /// Returns when the other side has come here as often as this one; the time is that of leaving.
    pub fn begin(&self) -> Instant {
        // AcqRel and Acquire: what each side did before is done for the other.
        let mine = self.0.fetch_add(1, AcqRel) + 1;
        let both = mine.next_multiple_of(2);
        while self.0.load(Acquire) < both {
            // The other may have to come by way of this core.
            std::thread::yield_now();
        }
        Instant::now()
    }
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .expect("a core of ours");
}

/// Children started later may run on every core again.
fn unpin() {
    let mut set = CpuSet::new();
    for core in 0..CpuSet::count() {
        set.set(core).expect("a core's number");
    }
    sched_setaffinity(Pid::from_raw(0), &set).expect("every core");
}
