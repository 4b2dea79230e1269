//! Sliding folds by scans: eight items at a time, each lane folding over the lanes before it.
//!
//! An addition waits for the one before it, whatever else there is to do, so a prefix made item by item takes the
//! time of an addition for each. A scan of eight takes three (Hillis and Steele, Communications of the ACM 29, 1986)
//! and one more to join what came before, and none of the eight waits for another eight but by that one.
//!
//! Eights of prefixes are counted from a block's beginning, eights of suffixes from its end, so which additions make
//! a result, and in which order, follows from positions alone.

use std::hint::black_box;

use crate::sliding::{Fold, Folder, Windows};
use crate::wide::View;

/// A fold whose parts can be joined to a part again.
pub trait Scan: Fold {
    /// The part that two parts, one after the other, come to.
    fn merge(before: Self::Part, after: Self::Part) -> Self::Part;
}

/// The folder that suits these windows, for items of `width` numbers.
pub fn folder<F: Scan>(windows: Windows, width: usize) -> Box<dyn Folder<F::Item>> {
    if width > 1 || windows.overlap_little() {
        super::folder::<F>(windows, width)
    } else {
        Box::new(Scanning::<F> {
            windows,
            done: None,
            carry: None,
            prefix: Vec::new(),
            suffix: Vec::new(),
        })
    }
}

/// Items of a scan.
const LANES: usize = 8;

/// Items whose prefixes are made at once: they stay in the nearest cache until their windows are joined.
const STRETCH: u64 = 1024;

struct Scanning<F: Fold> {
    windows: Windows,
    /// Items before this position are in `carry` and `suffix`.
    done: Option<u64>,
    /// What the whole eights of the current block came to.
    carry: Option<F::Part>,
    /// The prefixes of a stretch; scratch.
    prefix: Vec<F::Part>,
    /// Entry `j`: the items `j ..` of the block before, for j of at least 1.
    suffix: Vec<F::Part>,
}

impl<F: Scan> Scanning<F> {
    fn block_of(&self, position: u64) -> u64 {
        position - position % self.windows.size
    }

    /// Makes the cache for `position` from the items before it.
    fn rebuild(&mut self, view: &mut View<'_, F::Item>, position: u64) {
        let block = self.block_of(position);
        if block > 0 {
            // Entries below `position - block` belong to windows that have ended already.
            self.fold_suffix(view.range(position + 1 - self.windows.size, block));
        }
        self.carry = None;
        let mut at = block;
        while at < position {
            let stop = position.min(at + STRETCH);
            self.fold_prefix(view.range(at, stop));
            at = stop;
        }
    }

    /// Makes `suffix` from the last items of a block; entries of earlier items keep any value.
    fn fold_suffix(&mut self, items: &[F::Item]) {
        let Some(&any) = items.first() else { return };
        let len = self.windows.size as usize;
        self.suffix.resize(len, F::one(any));
        suffixes::<F>(items, &mut self.suffix[len - items.len()..]);
    }

    /// Makes `prefix` from the items since the last whole eight, and takes the whole eights into `carry`.
    fn fold_prefix(&mut self, items: &[F::Item]) {
        let Some(&any) = items.first() else { return };
        self.prefix.resize(items.len(), F::one(any));
        self.carry = prefixes::<F>(items, self.carry, &mut self.prefix);
    }

    /// The results of the windows that end in `from + 1 ..= to`, all inside the block at `block`. `prefix` begins
    /// with the item at `start`. Gives how many they are.
    fn emit(&self, block: u64, start: u64, from: u64, to: u64, out: &mut [F::Item]) -> usize {
        let first = self.windows.ended(from);
        let count = (self.windows.ended(to) - first) as usize;
        // Of the windows that end in a block, the one that ends with it lies in no other.
        let is_whole =
            to == block + self.windows.size && self.windows.ended(to) > self.windows.ended(to - 1);
        let joined = &mut out[..count];
        let joined = match (is_whole, self.prefix.last()) {
            (true, Some(&part)) => {
                joined[count - 1] = F::whole(part);
                &mut joined[..count - 1]
            }
            _ => joined,
        };
        if joined.is_empty() {
            return count;
        }
        if self.windows.step == 1 {
            let before = &self.suffix[(from + 1 - block) as usize..];
            let after = &self.prefix[(from - start) as usize..];
            join::<F>(before, after, joined);
            return count;
        }
        for (n, slot) in joined.iter_mut().enumerate() {
            let end = self.windows.end(first + n as u64);
            let before = self.suffix[(end - block) as usize];
            *slot = F::join(before, self.prefix[(end - 1 - start) as usize]);
        }
        count
    }
}

impl<F: Scan> Folder<F::Item> for Scanning<F> {
    fn run(&mut self, view: &mut View<'_, F::Item>, from: u64, to: u64, out: &mut [F::Item]) {
        if self.done != Some(from) {
            self.rebuild(view, from);
        }
        let (mut at, mut given) = (from, 0);
        while at < to {
            let block = self.block_of(at);
            let end = block + self.windows.size;
            let stop = to.min(end).min(at + STRETCH);
            let start = at - (at - block) % LANES as u64;
            self.fold_prefix(view.range(start, stop));
            given += self.emit(block, start, at, stop, &mut out[given..]);
            if stop == end {
                self.fold_suffix(view.range(block + 1, stop));
                self.carry = None;
            }
            at = stop;
        }
        self.done = Some(to);
    }
}

compiled_for_vectors! {
    /// Writes to `out` what the items up to each one come to, after `carry`; gives what the whole eights come to.
    fn prefixes<F: Scan>(items: &[F::Item], carry: Option<F::Part>, out: &mut [F::Part]) -> Option<F::Part> {
        let mut carry = carry;
        let (eights, rest) = items.as_chunks::<LANES>();
        let (slots, last) = out.as_chunks_mut::<LANES>();
        for (items, slots) in eights.iter().zip(slots) {
            let parts = upward::<F>(items);
            *slots = after::<F>(carry, parts);
            // Joined by itself: the next eight waits for this one addition, and for nothing else. Kept from the compiler, which
            // else takes the last of the slots, and with it the way out of a vector and into one again.
            let last = black_box(parts[LANES - 1]);
            carry = Some(match carry {
                Some(carry) => F::merge(carry, last),
                None => last,
            });
        }
        if let Some(&any) = rest.first() {
            let mut items = [any; LANES];
            items[..rest.len()].copy_from_slice(rest);
            let parts = after::<F>(carry, upward::<F>(&items));
            last.copy_from_slice(&parts[..rest.len()]);
        }
        carry
    }
}

compiled_for_vectors! {
    /// Writes to `out` what the items from each one on come to.
    fn suffixes<F: Scan>(items: &[F::Item], out: &mut [F::Part]) {
        let mut carry: Option<F::Part> = None;
        let (rest, eights) = items.as_rchunks::<LANES>();
        let (first, slots) = out.as_rchunks_mut::<LANES>();
        for (items, slots) in eights.iter().zip(slots).rev() {
            let parts = downward::<F>(items);
            *slots = before::<F>(parts, carry);
            carry = Some(match carry {
                Some(carry) => F::merge(parts[0], carry),
                None => parts[0],
            });
        }
        if let Some(&any) = rest.first() {
            let mut items = [any; LANES];
            items[LANES - rest.len()..].copy_from_slice(rest);
            let parts = before::<F>(downward::<F>(&items), carry);
            first.copy_from_slice(&parts[LANES - rest.len()..]);
        }
    }
}

compiled_for_vectors! {
    /// Writes the results of windows made of two parts each.
    fn join<F: Scan>(before: &[F::Part], after: &[F::Part], out: &mut [F::Item]) {
        for (slot, (&before, &after)) in out.iter_mut().zip(before.iter().zip(after)) {
            *slot = F::join(before, after);
        }
    }
}

/// Lane `j`: what the items `0 ..= j` come to.
#[inline(always)]
fn upward<F: Scan>(items: &[F::Item; LANES]) -> [F::Part; LANES] {
    let mut parts = items.map(F::one);
    for by in [1, 2, 4] {
        let old = parts;
        for j in by..LANES {
            parts[j] = F::merge(old[j - by], old[j]);
        }
    }
    parts
}

/// Lane `j`: what the items `j ..` come to.
#[inline(always)]
fn downward<F: Scan>(items: &[F::Item; LANES]) -> [F::Part; LANES] {
    let mut parts = items.map(F::one);
    for by in [1, 2, 4] {
        let old = parts;
        for j in 0..LANES - by {
            parts[j] = F::merge(old[j], old[j + by]);
        }
    }
    parts
}

#[inline(always)]
fn after<F: Scan>(carry: Option<F::Part>, parts: [F::Part; LANES]) -> [F::Part; LANES] {
    match carry {
        Some(carry) => parts.map(|part| F::merge(carry, part)),
        None => parts,
    }
}

#[inline(always)]
fn before<F: Scan>(parts: [F::Part; LANES], carry: Option<F::Part>) -> [F::Part; LANES] {
    match carry {
        Some(carry) => parts.map(|part| F::merge(part, carry)),
        None => parts,
    }
}
