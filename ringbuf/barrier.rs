//! A pair of fences of which the hot side costs nothing.
//!
//! Whoever goes to sleep and whoever publishes must not miss each other: each stores its own word,
//! fences, and looks at the other's. A full fence at every publication would make the producer wait
//! for its own store to reach the other core, tens of nanoseconds. So the frequent side gives only
//! the compiler a fence ([`light`]), and the rare side, about to sleep anyway, asks the kernel to
//! put a full fence into every running thread of the processes that take part ([`heavy`]:
//! `membarrier(2)`, `GLOBAL_EXPEDITED`, about a microsecond).
//!
//! That needs every process of the light side to have registered ([`enroll`]; a fork inherits it).
//! Where the kernel has no such call both sides use the full fence. Which of the two holds is a
//! property of the ring, written in its header, so that the two ends cannot disagree.
//!
//! Loom knows no such system call: models judge the pair of full fences.

use std::io;

use crate::sync::{Edge, Ordering, fence};

/// How the two sides of a waiting protocol are fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fencing {
    /// Both sides use a full fence.
    Symmetric = 0,
    /// The rare side fences for both: every process of the hot side has enrolled.
    Asymmetric = 1,
}

impl Fencing {
    pub(crate) fn of(word: u32) -> Option<Self> {
        match word {
            0 => Some(Self::Symmetric),
            1 => Some(Self::Asymmetric),
            _ => None,
        }
    }
}

/// Registers this process for the hot side of [`Fencing::Asymmetric`] and says which fencing it can
/// take part in. Children that it forks are registered too; a program that it executes is not.
pub fn enroll() -> Fencing {
    let registered = membarrier(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED).is_ok()
        && membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED).is_ok();
    if registered {
        Fencing::Asymmetric
    } else {
        Fencing::Symmetric
    }
}

/// The hot side: between its own store and its look at the other's word.
#[inline(always)]
pub(crate) fn light(fencing: Fencing, edge: Edge) {
    match fencing {
        Fencing::Symmetric => fence(edge, Ordering::SeqCst),
        // The machine's half is done by `heavy` on the other side.
        Fencing::Asymmetric => {
            core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst)
        }
    }
}

/// The rare side: between its own store and its look at the other's word.
pub(crate) fn heavy(fencing: Fencing, edge: Edge) -> io::Result<()> {
    fence(edge, Ordering::SeqCst);
    match fencing {
        Fencing::Symmetric => Ok(()),
        Fencing::Asymmetric => membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED),
    }
}

fn membarrier(command: libc::c_int) -> io::Result<()> {
    // SAFETY: membarrier takes a command and two integers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
