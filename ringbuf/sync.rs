//! Atomics, and the names of the edges that order them.
//!
//! Built for the machine these are `core`'s atomics. Built with `--cfg loom` they are loom's, which
//! tries every order the memory model allows; there [`weak`] can take the strength out of one edge,
//! and a test demands that the model then finds the mistake.
//!
//! | edge | out (who stores) | in (who loads) | carries |
//! |---|---|---|---|
//! | FORMAT | creator: magic | attacher: magic | the whole header |
//! | PUBLISH | producer: `written` | readers: `written` | the items' bytes |
//! | RECLAIM | reader: `consumed`, `mode` | producer: `consumed`, `mode` | that the reader has done with the bytes |
//! | CLOSE | producer: `closed` | readers: `closed` | the last `written` |
//! | CLAIM | producer: `claimed`, then a fence | taps: a fence, then `claimed` | which bytes may be under way |
//! | BELL | sleeper: `sleeping`, fence, look again | ringer: publish, fence, `sleeping` | that one of them sees the other |
//! | JOIN | reader: `mode`, fence, `written` | producer: `written`, fence, `mode` | that one of them sees the other |

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// One end of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    FormatOut,
    FormatIn,
    PublishOut,
    PublishIn,
    ReclaimOut,
    ReclaimIn,
    CloseOut,
    CloseIn,
    ClaimOut,
    ClaimIn,
    BellSleeper,
    BellRinger,
    JoinReader,
    JoinProducer,
}

/// The ordering of an access that is one end of `edge`: `order`, unless a model weakened that edge.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn edge(_edge: Edge, order: Ordering) -> Ordering {
    order
}

/// A fence that is one end of `edge`: left out where a model weakened that edge.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn fence(_edge: Edge, order: Ordering) {
    core::sync::atomic::fence(order);
}

#[cfg(loom)]
pub(crate) use weak::{edge, fence};

/// Switches of the models: an edge named here is not ordered.
#[cfg(loom)]
pub(crate) mod weak {
    use super::{Edge, Ordering};
    use std::cell::Cell;

    std::thread_local! {
        // Loom runs all threads of a model on one thread of the machine: each test has its own switch.
        static WEAK: Cell<Option<Edge>> = const { Cell::new(None) };
    }

    /// Takes the strength out of `edge` for the models this thread runs from now on.
    #[cfg(test)]
    pub(crate) fn set(edge: Option<Edge>) {
        WEAK.set(edge);
    }

    pub(crate) fn edge(edge: Edge, order: Ordering) -> Ordering {
        if WEAK.get() == Some(edge) {
            Ordering::Relaxed
        } else {
            order
        }
    }

    pub(crate) fn fence(edge: Edge, order: Ordering) {
        if WEAK.get() != Some(edge) {
            loom::sync::atomic::fence(order);
        }
    }
}
