//! Defects on request: what the tests of the commit must find.
//!
//! A test that never saw a wrong protocol proves little. Built with the feature `seeded-defects`, the
//! step can be made wrong in one of eight ways, each a mistake that plain runs, and most random kills,
//! do not notice; the tests then demand of themselves that they do. Without the feature nothing of
//! this is left: `is_seeded` is the constant `false`.

/// A way for the commit to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Defect {
    /// Outputs are published before the version is stored: a redo gives other items than peers saw.
    PublishBeforeCommit = 1,
    /// Inputs are released before the version is stored: what a redo reads may be overwritten.
    ReleaseBeforeCommit,
    /// The state that holds is overwritten before the version is stored.
    StateInPlace,
    /// A successor does not publish from the record: what its predecessor committed stays unseen.
    NoRepublish,
    /// Both records are one: it is overwritten while it holds.
    OneRecord,
    /// The version is stored before its record is filled.
    HoistedVersion,
    /// Only what moved in this step is filled in: the rest of the record is two versions old.
    StaleRecord,
    /// A successor takes the spare copies of states for equal to those that hold, as its predecessor
    /// could, which knew what it had written.
    TrustedSpare,
}

impl Defect {
    /// Every defect.
    pub const ALL: [Defect; 8] = [
        Defect::PublishBeforeCommit,
        Defect::ReleaseBeforeCommit,
        Defect::StateInPlace,
        Defect::NoRepublish,
        Defect::OneRecord,
        Defect::HoistedVersion,
        Defect::StaleRecord,
        Defect::TrustedSpare,
    ];
}

#[cfg(feature = "seeded-defects")]
static SEEDED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

/// From now on this process, and those it forks, have this defect, or none.
#[cfg(feature = "seeded-defects")]
pub fn seed(defect: Option<Defect>) {
    // Relaxed: set by a test of one thread before it steps.
    SEEDED.store(
        defect.map_or(0, |d| d as u32),
        std::sync::atomic::Ordering::Relaxed,
    );
}

/// Is this defect wanted?
#[cfg(feature = "seeded-defects")]
pub(crate) fn is_seeded(defect: Defect) -> bool {
    // Relaxed: as in `seed`.
    SEEDED.load(std::sync::atomic::Ordering::Relaxed) == defect as u32
}

/// Is this defect wanted? Never: this build has none.
#[cfg(not(feature = "seeded-defects"))]
#[inline(always)]
pub(crate) const fn is_seeded(_: Defect) -> bool {
    false
}
