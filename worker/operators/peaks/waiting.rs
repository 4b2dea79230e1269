//! The candidates that wait: for what becomes of their neighbours, and for being measured.

use bytemuck::{Pod, Zeroable};

use super::conditions::Measured;
use crate::agent::Table;

/// Candidates that can wait for their neighbours.
pub(super) const LEAST: usize = 4096;

/// The way up to a peak, and which candidates wait.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Way {
    pub(super) last: f64,
    /// The item before the flat top that `last` is part of.
    pub(super) before: f64,
    /// Where that flat top began.
    pub(super) since: u64,
    /// 1 when the item before the flat top is smaller.
    pub(super) risen: u64,
    /// The candidates `begin .. end`, counted from the first of all, wait; the n-th is at n modulo the table's length.
    pub(super) begin: u64,
    pub(super) end: u64,
    /// Those below this one have been measured, where they are.
    pub(super) measured: u64,
    /// Before this position nothing more is certain: `top` waits for it.
    pub(super) due: u64,
    top: u64,
}

/// A peak, but for others that may be too near, and for what is around it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Candidate {
    pub(super) place: u64,
    pub(super) height: f64,
    /// One of [`OPEN`], [`STAYS`], [`GOES`].
    pub(super) fate: u64,
    /// 1 when it does not stand out as it is to.
    pub(super) fails: u64,
    pub(super) prominence: f64,
    pub(super) width: f64,
}

pub(super) const OPEN: u64 = 0;
pub(super) const STAYS: u64 = 1;
pub(super) const GOES: u64 = 2;

/// The candidates that wait.
pub(super) struct Waiting<'a, 'b> {
    pub(super) way: &'a mut Way,
    pub(super) table: &'a mut Table<'b, Candidate>,
}

impl Waiting<'_, '_> {
    pub(super) fn at(&self, n: u64) -> Candidate {
        self.table[n as usize % self.table.len()]
    }

    fn set(&mut self, n: u64, candidate: Candidate) {
        let place = n as usize % self.table.len();
        self.table[place] = candidate;
    }

    /// Those nearer than `distance` to the n-th, without it: nearest first, before it and behind it.
    fn near(&self, n: u64, distance: u64) -> impl Iterator<Item = u64> {
        let place = self.at(n).place;
        let is_near = move |m: &u64| self.at(*m).place.abs_diff(place) < distance;
        let before = (self.way.begin..n).rev().take_while(is_near);
        before.chain((n + 1..self.way.end).take_while(is_near))
    }

    /// The highest one that is open and as near as that, by way of which the n-th is decided; itself if there is none higher.
    fn summit(&self, n: u64, distance: u64) -> u64 {
        let mut top = n;
        loop {
            let is_higher =
                |m: u64, than: u64| (self.at(m).height, m) > (self.at(than).height, than);
            let open = self
                .near(top, distance)
                .filter(|m| self.at(*m).fate == OPEN);
            let highest = open.fold(top, |most, m| if is_higher(m, most) { m } else { most });
            if highest == top {
                return top;
            }
            top = highest;
        }
    }

    fn stays(&mut self, n: u64, distance: u64) {
        let near: Vec<u64> = self.near(n, distance).collect();
        for m in near {
            let candidate = self.at(m);
            if candidate.fate == OPEN {
                self.set(
                    m,
                    Candidate {
                        fate: GOES,
                        ..candidate
                    },
                );
            }
        }
        let candidate = self.at(n);
        self.set(
            n,
            Candidate {
                fate: STAYS,
                ..candidate
            },
        );
    }

    /// Decides what is certain when no candidate can come before `frontier` any more.
    pub(super) fn decide(&mut self, frontier: u64, distance: u64) {
        let mut first = self.way.begin;
        while first < self.way.end {
            if self.at(first).fate != OPEN {
                first += 1;
                continue;
            }
            // From where it went no further the last time, if that is open still.
            let is_open = (self.way.begin..self.way.end).contains(&self.way.top)
                && self.at(self.way.top).fate == OPEN;
            let from = if is_open { self.way.top } else { first };
            let top = self.summit(from, distance);
            let known = self.at(top).place.saturating_add(distance);
            if frontier < known {
                (self.way.due, self.way.top) = (known, top);
                return;
            }
            self.stays(top, distance);
        }
        self.way.due = u64::MAX;
    }

    pub(super) fn add(&mut self, place: u64, height: f64, distance: u64) {
        let candidate = Candidate {
            place,
            height,
            ..Candidate::zeroed()
        };
        self.set(self.way.end, candidate);
        self.way.end += 1;
        self.way.due = self.way.due.min(place.saturating_add(distance));
    }

    /// Takes the first for one that stays where there would be no place for another.
    pub(super) fn make_room(&mut self, distance: u64) {
        let is_full = (self.way.end - self.way.begin) as usize == self.table.len();
        if is_full && self.at(self.way.begin).fate == OPEN {
            self.stays(self.way.begin, distance);
        }
    }

    /// The first that has not been measured, if there is one.
    pub(super) fn unmeasured(&self) -> Option<(u64, Candidate)> {
        let n = self.way.measured.max(self.way.begin);
        (n < self.way.end).then(|| (n, self.at(n)))
    }

    /// Keeps what the n-th measures.
    pub(super) fn measured(&mut self, n: u64, measured: Measured, is_enough: bool) {
        let candidate = Candidate {
            fails: u64::from(!is_enough),
            prominence: measured.prominence,
            width: measured.width,
            ..self.at(n)
        };
        self.set(n, candidate);
    }
}
