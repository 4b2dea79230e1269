//! The run header's identity: which run a segment belongs to, and what it was laid out for.
//!
//! ```text
//! offset  page 0 of a segment
//!      0  latches                       128 bytes each: start, stop, rest and dry
//!    384  magic "THALWEG!"              stored last: a segment without it is half made
//!    392  layout_version: u32, zero: u32
//!    400  len_bytes: u64                length of the segment
//!    408  layout_hash: u64              of the plan's shape
//!    416  run: [u8; 64]                 the run's name, padded with zeros
//!    480  check: u64                    FNV-1a of the bytes 392 to 479: finds accidents
//! ```
//!
//! Found in memory it is a claim: it is copied once, and only the copy is looked at.

use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::{Pod, Zeroable};

use crate::shape::fnv1a;

/// Moves with every change of what lies in a run's segment beside its rings.
const LAYOUT_VERSION: u32 = 4;
const MAGIC: u64 = u64::from_le_bytes(*b"THALWEG!");
/// The longest name of a run, in bytes.
const RUN_LEN: usize = 64;

#[repr(C)]
struct Header {
    latches: [u8; 384],
    magic: AtomicU64,
    identity: Identity,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Identity {
    layout_version: u32,
    zero: u32,
    len_bytes: u64,
    layout_hash: u64,
    run: [u8; RUN_LEN],
    check: u64,
}

const _: () = assert!(offset_of!(Header, magic) == 384);
const _: () = assert!(offset_of!(Header, identity) == 392);
const _: () = assert!(offset_of!(Header, identity) + offset_of!(Identity, check) == 480);
const _: () = assert!(size_of::<Header>() <= crate::plan::RUN_HEADER);

/// Which segment is meant.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The run's name, at most 64 bytes.
    pub run: &'a str,
    /// Length of the segment in bytes.
    pub len_bytes: usize,
    /// Hash of its shape.
    pub layout_hash: u64,
}

/// Why a segment is not the one that is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// No magic: not a run's segment, or damaged.
    #[error("it does not begin as a run's segment does (magic {found:#018x})")]
    Magic {
        /// What is there instead.
        found: u64,
    },
    /// The check does not fit the bytes.
    #[error("its run header is damaged: its check does not fit its bytes")]
    Damaged,
    /// Made by another version.
    #[error("its layout is version {found}, this program's is {expected}")]
    Version {
        /// Found.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// Another run's.
    #[error("it belongs to run `{found}`")]
    Run {
        /// That run.
        found: String,
    },
    /// Of another length than it says, or than planned.
    #[error("its header tells of {found} bytes, planned are {expected}")]
    Length {
        /// Found.
        found: u64,
        /// Planned.
        expected: u64,
    },
    /// Laid out for another graph.
    #[error(
        "it is laid out for another graph or plan (hash {found:016x}, planned {expected:016x})"
    )]
    Layout {
        /// Found.
        found: u64,
        /// Planned.
        expected: u64,
    },
}

impl Identity {
    fn of(wanted: &Wanted<'_>) -> Identity {
        let mut run = [0; RUN_LEN];
        let name = wanted.run.as_bytes();
        let len = name.len().min(RUN_LEN);
        run[..len].copy_from_slice(&name[..len]);
        let mut identity = Identity {
            layout_version: LAYOUT_VERSION,
            zero: 0,
            len_bytes: wanted.len_bytes as u64,
            layout_hash: wanted.layout_hash,
            run,
            check: 0,
        };
        identity.check = identity.sum();
        identity
    }

    fn sum(&self) -> u64 {
        let bytes = bytemuck::bytes_of(self);
        fnv1a(bytes[..offset_of!(Identity, check)].iter().copied())
    }

    fn check(&self, wanted: &Wanted<'_>) -> Result<(), HeaderError> {
        let expected = Identity::of(wanted);
        if self.check != self.sum() {
            return Err(HeaderError::Damaged);
        }
        if self.layout_version != LAYOUT_VERSION {
            return Err(HeaderError::Version {
                found: self.layout_version,
                expected: LAYOUT_VERSION,
            });
        }
        if self.run != expected.run {
            let name = String::from_utf8_lossy(&self.run);
            return Err(HeaderError::Run {
                found: name.trim_end_matches('\0').escape_debug().to_string(),
            });
        }
        if self.len_bytes != expected.len_bytes {
            return Err(HeaderError::Length {
                found: self.len_bytes,
                expected: expected.len_bytes,
            });
        }
        if self.layout_hash != expected.layout_hash {
            return Err(HeaderError::Layout {
                found: self.layout_hash,
                expected: expected.layout_hash,
            });
        }
        // The reserved bytes are all that is left.
        (*self == expected)
            .then_some(())
            .ok_or(HeaderError::Damaged)
    }
}

/// Writes the identity, the magic last.
///
/// # Safety
/// `place` is the start of a run header: a page, writable, nobody else's yet.
pub unsafe fn write(place: *mut u8, wanted: &Wanted<'_>) {
    debug_assert!(place.addr().is_multiple_of(8));
    let header = place.cast::<Header>();
    // SAFETY: the page holds a `Header` and is ours alone (this function's contract).
    unsafe {
        (&raw mut (*header).identity).write(Identity::of(wanted));
        // FORMAT (out, to `check`): all of the segment before the word that says it is there.
        (*header).magic.store(MAGIC, Ordering::Release);
    }
}

/// Is this the segment that is meant?
///
/// # Errors
/// What differs.
///
/// # Safety
/// `place` is the start of a readable page, aligned to 8.
pub unsafe fn check(place: *const u8, wanted: &Wanted<'_>) -> Result<(), HeaderError> {
    debug_assert!(place.addr().is_multiple_of(8));
    let header = place.cast::<Header>();
    // SAFETY: a readable page (this function's contract) holds a `Header`; any bytes are one.
    let magic = unsafe { &(*header).magic };
    // FORMAT (in, from `write`): the segment was made to its end.
    let found = magic.load(Ordering::Acquire);
    if found != MAGIC {
        return Err(HeaderError::Magic { found });
    }
    // SAFETY: as above; volatile, since what others can write is read once.
    let identity = unsafe { (&raw const (*header).identity).read_volatile() };
    identity.check(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted<'static> = Wanted {
        run: "quake-1",
        len_bytes: 1 << 20,
        layout_hash: 0x1234_5678_9abc_def0,
    };

    fn page() -> Vec<u64> {
        let mut page = vec![0u64; crate::plan::RUN_HEADER / 8];
        // SAFETY: a page of our own.
        unsafe { write(page.as_mut_ptr().cast(), &WANTED) };
        page
    }

    fn checked(page: &[u64], wanted: &Wanted<'_>) -> Result<(), HeaderError> {
        // SAFETY: a whole page, aligned to 8.
        unsafe { check(page.as_ptr().cast(), wanted) }
    }

    #[test]
    fn a_header_is_known_again() {
        assert_eq!(checked(&page(), &WANTED), Ok(()));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        for bit in 384 * 8..488 * 8 {
            let mut page = page();
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut page);
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(checked(&page, &WANTED).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn pages_of_one_byte_over_and_over_are_refused() {
        for byte in [0, 0xff] {
            let page = vec![u64::from_ne_bytes([byte; 8]); crate::plan::RUN_HEADER / 8];
            assert!(matches!(
                checked(&page, &WANTED),
                Err(HeaderError::Magic { .. })
            ));
        }
    }

    #[test]
    fn what_is_another_s_is_refused_by_what_differs() {
        let others = [
            (
                Wanted {
                    run: "quake-2",
                    ..WANTED
                },
                "belongs to run `quake-1`",
            ),
            (
                Wanted {
                    len_bytes: 4096,
                    ..WANTED
                },
                "1048576 bytes, planned are 4096",
            ),
            (
                Wanted {
                    layout_hash: 1,
                    ..WANTED
                },
                "another graph or plan",
            ),
        ];
        for (other, words) in others {
            let refused = checked(&page(), &other).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        for version in [0, LAYOUT_VERSION + 1, u32::MAX] {
            let mut identity = Identity::of(&WANTED);
            identity.layout_version = version;
            identity.check = identity.sum();
            let refused = identity.check(&WANTED).unwrap_err();
            assert!(matches!(refused, HeaderError::Version { found, .. } if found == version));
        }
    }
}
