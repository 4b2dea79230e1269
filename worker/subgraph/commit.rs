//! The end of a step: one store commits everything, then the positions are published.

use super::Subgraph;
use super::ends::StampPlace;
use crate::clock;
use crate::control::add;
use crate::defects::{Defect, is_seeded};

/// How often a stream that other workers read is stamped, ns.
const STAMP_EVERY: u64 = 1_000_000;
/// While steps follow each other without a pause, one in so many looks whether it is time to.
const STAMP_STEPS: u64 = 8;

impl<const COMMITS: bool> Subgraph<COMMITS> {
    /// Fills the spare record, flips the version, publishes from the record.
    pub(super) fn commit(&mut self) {
        let version = self.version + 1;
        if COMMITS {
            self.do_too_early(version);
            // The spare record is two versions old: what moved in either step is written anew.
            let since = version - u64::from(!is_seeded(Defect::StaleRecord));
            let record = self.control.record(version);
            for host in self.hosts.iter().filter(|host| host.moved_for >= since) {
                host.write_flags(version, record, &self.streams);
                if host.written_for != version {
                    host.write_positions(record, &self.streams);
                }
            }
            self.control.commit(version);
        }
        self.version = version;
        for i in 0..self.moved.len() {
            self.publish(self.moved[i]);
        }
        self.wake_peers();
        self.busy += 1;
        if !self.stamped.is_empty() {
            self.stamp_time();
        }
        self.moved.clear();
        add(&self.control.head().time.steps, 1);
    }

    /// What a seeded defect does before its time. Nothing in a build without them.
    fn do_too_early(&mut self, version: u64) {
        let moved = || self.moved.iter().map(|&ix| &self.hosts[ix]);
        if is_seeded(Defect::PublishBeforeCommit) {
            for &s in moved().flat_map(|host| &host.outputs) {
                self.streams[s].seat.ring.publish(self.streams[s].written);
            }
        }
        if is_seeded(Defect::ReleaseBeforeCommit) {
            for reading in moved().flat_map(|host| &host.inputs) {
                let ring = &self.streams[reading.stream].seat.ring;
                ring.release(reading.reader, reading.released);
            }
        }
        if is_seeded(Defect::StateInPlace) {
            for &ix in &self.moved {
                self.hosts[ix].state.overwrite();
            }
        }
        if is_seeded(Defect::HoistedVersion) {
            self.control.commit(version);
        }
    }

    /// Publishes one agent's committed positions: outputs first, then what its inputs release. Companions
    /// come before what they stand beside: who sees an item sees its tags (`tags.rs`). What
    /// this process published before it leaves alone: a store takes the line from whoever polls it.
    #[inline(always)]
    pub(super) fn publish(&mut self, ix: usize) {
        let Subgraph {
            hosts,
            streams,
            ringing,
            ..
        } = self;
        let host = &mut hosts[ix];
        for &s in host.outputs.iter().rev() {
            let stream = &mut streams[s];
            if stream.told == stream.written && !host.done {
                continue;
            }
            stream.seat.ring.publish(stream.written);
            stream.told = stream.written;
            stream.fresh = true;
            if host.done {
                stream.seat.ring.close();
            }
            for &bell in &stream.seat.reader_bells {
                ringing[bell] = true;
            }
        }
        for reading in &mut host.inputs {
            if reading.told == reading.released && !host.done {
                continue;
            }
            let stream = &streams[reading.stream];
            if reading.lossy.is_none() {
                stream.seat.ring.release(reading.reader, reading.released);
            }
            reading.told = reading.released;
            if host.done {
                stream.seat.ring.leave(reading.reader);
            }
            if let Some(bell) = stream.seat.producer_bell {
                ringing[bell] = true;
            }
        }
    }

    pub(super) fn wake_peers(&mut self) {
        for (bell, ringing) in self.bells.iter().zip(&mut self.ringing) {
            if std::mem::take(ringing) {
                // SAFETY: bells lie in the segment, mapped as long as the run.
                unsafe { &**bell }.ring();
            }
        }
    }

    /// Leaves the time beside streams that other workers read, now and then.
    fn stamp_time(&mut self) {
        if self.busy > STAMP_STEPS && !self.busy.is_multiple_of(STAMP_STEPS) {
            return;
        }
        let now = clock::now_ns();
        for &s in &self.stamped {
            let stream = &mut self.streams[s];
            let StampPlace::Here(agent, output) = stream.seat.stamp else {
                continue;
            };
            if stream.fresh && now >= stream.next_stamp {
                stream.fresh = false;
                stream.next_stamp = now + STAMP_EVERY;
                let stamp = self.control.stamp(agent, output);
                stamp.set(stream.written.wrapping_sub(1), now);
            }
        }
    }
}
