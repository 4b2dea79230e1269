//! Memory near who writes it, on machines with several nodes.
//!
//! A segment's pages are all there before any worker is forked, so that a full `/dev/shm` is a refusal; who
//! touches one first can therefore not draw it near. Instead each ring's pages are moved to the node of the worker
//! that writes them, before anybody has used them. On one node nothing is done.

use std::ops::Range;

use nix::errno::Errno;
use thalweg_ringbuf::Segment;

use crate::plan::Plan;
use crate::topology::Topology;

const PAGE: usize = 4096;
/// Of linux/mempolicy.h.
const MPOL_PREFERRED: i32 = 1;
const MPOL_MF_MOVE: u32 = 1 << 1;
/// Nodes that a mask of one word names.
const NODES_MAX: usize = 64;

/// Moves the data of each ring to the node of its writer. Gives what could not be, to be told: the run goes on.
pub fn bring_near(segment: &Segment, plan: &Plan, topology: &Topology) -> Option<String> {
    if topology.count(|core| core.node) < 2 {
        return None;
    }
    let wanted = plan.streams.iter().filter_map(|stream| {
        let core = plan.workers[stream.producer].core?;
        Some((stream.data.clone(), topology.core(core)?.node))
    });
    let refused = wanted.fold(None, |refused, (data, node)| {
        prefer(segment, data, node).err().or(refused)
    })?;
    Some(format!(
        "rings could not be moved to their writers' nodes ({}): they stay where the kernel put them",
        refused.desc()
    ))
}

/// Moves a part of the segment, in whole pages, to a node.
fn prefer(segment: &Segment, part: Range<usize>, node: usize) -> Result<(), Errno> {
    if node >= NODES_MAX || part.end > segment.len_bytes() {
        return Err(Errno::EINVAL);
    }
    // A page is moved if it is mapped here, and by nobody else.
    for page in part.clone().step_by(PAGE) {
        // SAFETY: inside the segment, which is mapped; nobody writes it yet.
        unsafe { segment.as_ptr().add(page).read_volatile() };
    }
    let mask = 1u64 << node;
    // SAFETY: a part of a mapping of ours and a mask that outlives the call; contents stay what they are.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            segment.as_ptr().add(part.start),
            part.len(),
            MPOL_PREFERRED,
            &raw const mask,
            NODES_MAX + 1,
            MPOL_MF_MOVE,
        )
    };
    Errno::result(moved).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy of the page at this address, and the node in its mask.
    fn policy(segment: &Segment, at: usize) -> Option<(i32, u64)> {
        const MPOL_F_ADDR: u64 = 1 << 1;
        let (mut mode, mut mask) = (0i32, 0u64);
        // SAFETY: the call fills both, and looks at an address of ours.
        let asked = unsafe {
            libc::syscall(
                libc::SYS_get_mempolicy,
                &raw mut mode,
                &raw mut mask,
                NODES_MAX + 1,
                segment.as_ptr().add(at),
                MPOL_F_ADDR,
            )
        };
        (asked == 0).then_some((mode, mask))
    }

    #[test]
    fn pages_keep_their_contents_and_prefer_the_node_they_were_moved_to() {
        let segment = Segment::anonymous(4 * PAGE).unwrap();
        // SAFETY: inside the segment, which nobody else has.
        unsafe { segment.as_ptr().add(PAGE + 5).write(77) };
        match prefer(&segment, PAGE..3 * PAGE, 0) {
            Ok(()) => {
                assert_eq!(policy(&segment, PAGE), Some((MPOL_PREFERRED, 1)));
                assert_ne!(policy(&segment, 3 * PAGE), Some((MPOL_PREFERRED, 1)));
            }
            // Kernels without nodes, and containers that keep the call to themselves.
            Err(errno) => assert!(matches!(errno, Errno::ENOSYS | Errno::EPERM), "{errno}"),
        }
        // SAFETY: as above.
        assert_eq!(unsafe { segment.as_ptr().add(PAGE + 5).read() }, 77);
        assert_eq!(prefer(&segment, 0..PAGE, NODES_MAX), Err(Errno::EINVAL));
        assert_eq!(prefer(&segment, 0..8 * PAGE, 0), Err(Errno::EINVAL));
    }
}
