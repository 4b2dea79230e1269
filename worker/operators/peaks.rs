//! `peaks`: local maxima, an item for each.
//!
//! Of peaks nearer than `distance` the largest stays, then the largest of the rest, as if all of the signal were
//! known. What becomes of a peak follows from the larger ones around it alone, so it is certain as soon as
//! there is no larger one around that is not: candidates wait for that in the state, in their order.

use bytemuck::{Pod, Zeroable};

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, StateSpec, Status, Table,
};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const PEAKS: OpDef = OpDef {
    name: "peaks",
    summary: "local maxima",
    doc: "An item that is larger than both its neighbours, or a flat top between smaller ones, whose place is its middle (rounded down): the peaks of \
`scipy.signal.find_peaks(x, height=height, distance=distance)`. Each is one f64[2]: its time and its height. Times are in seconds from the stream's \
beginning where its rate is known, else in items. With `distance` the largest of peaks that are nearer stays, then the largest of the rest; of equal ones the \
later (which one SciPy keeps depends on its sorting). A peak comes when the items up to `distance` behind it have come, and those behind the larger ones that it depends on: peaks that grow, each nearer than \
`distance` to the next, wait for the last of them (4096 of them at most, then the first is taken for one that stays). A NaN is no peak's neighbour. Real numbers of any type.",
    inputs: Arity::One,
    outputs: "f64[2] per peak (time, height)",
    params: &[
        ParamDef {
            name: "height",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "",
            doc: "The least height of a peak. Default: any.",
        },
        ParamDef {
            name: "distance",
            kind: ParamKind::Length,
            default: Some("1"),
            unit: "items",
            doc: "Peaks are at least so many items apart.",
        },
    ],
    example: "sine freq=5 rate=1000 items=4000 ! peaks height=0.5 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some(scalar) = input.item_type.scalar().filter(|s| !s.is_complex()) else {
        return Err(OpError::input_type("peaks", input, "real numbers"));
    };
    let agent = Peaks {
        height: args.float("height").unwrap_or(f64::NEG_INFINITY),
        distance: args.required_length("distance", 1)?,
        scalar,
        rate: input.rate.unwrap_or(1.0),
        taken: Vec::new(),
    };
    let state = StateSpec::head_and_table(Way::zeroed(), &vec![Candidate::zeroed(); WAITING_MAX]);
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(ItemType::Vector(Scalar::F64, 2), None))
        .state(state))
}

/// Candidates that can wait.
const WAITING_MAX: usize = 4096;

/// Items taken at once.
const STRETCH: u64 = 1024;

/// The way up to a peak, and which candidates wait.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Way {
    last: f64,
    /// Where the flat top began that `last` is part of.
    since: u64,
    /// 1 when the item before the flat top is smaller.
    risen: u64,
    /// The candidates `begin .. end`, counted from the first of all, wait; the n-th is at n modulo their number.
    begin: u64,
    end: u64,
    /// Before this position nothing more is certain: this one waits for it.
    due: u64,
    top: u64,
    unused: u64,
}

/// A peak, but for others that may be too near.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Candidate {
    place: u64,
    height: f64,
    /// One of [`OPEN`], [`STAYS`], [`GOES`].
    fate: u64,
    unused: u64,
}

const OPEN: u64 = 0;
const STAYS: u64 = 1;
const GOES: u64 = 2;

struct Peaks {
    height: f64,
    distance: u64,
    scalar: Scalar,
    rate: f64,
    taken: Vec<f64>,
}

/// The candidates that wait.
struct Waiting<'a, 'b> {
    way: &'a mut Way,
    table: &'a mut Table<'b, Candidate>,
}

impl Waiting<'_, '_> {
    fn at(&self, n: u64) -> Candidate {
        self.table[n as usize % WAITING_MAX]
    }

    fn set(&mut self, n: u64, candidate: Candidate) {
        self.table[n as usize % WAITING_MAX] = candidate;
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
    fn decide(&mut self, frontier: u64, distance: u64) {
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

    fn add(&mut self, place: u64, height: f64, distance: u64) {
        if self.way.end - self.way.begin == WAITING_MAX as u64 {
            self.stays(self.way.begin, distance);
        }
        let candidate = Candidate {
            place,
            height,
            fate: OPEN,
            unused: 0,
        };
        self.set(self.way.end, candidate);
        self.way.end += 1;
        self.way.due = self.way.due.min(place.saturating_add(distance));
    }
}

impl Peaks {
    /// Takes the item at this position.
    fn take(&self, waiting: &mut Waiting<'_, '_>, position: u64, x: f64) {
        let way = &mut *waiting.way;
        let peak = (position > 0 && x < way.last && way.risen == 1)
            .then_some(((way.since + position.saturating_sub(1)) / 2, way.last));
        if position == 0 || x != way.last {
            way.risen = u64::from(position > 0 && x > way.last);
            way.since = position;
            way.last = x;
        }
        // A flat top may still become a peak that began before.
        let frontier = match way.risen {
            1 => way.since,
            _ => position,
        };
        if let Some((place, height)) = peak.filter(|(_, height)| *height >= self.height) {
            waiting.add(place, height, self.distance);
        }
        if waiting.way.due <= frontier {
            waiting.decide(frontier, self.distance);
        }
    }

    /// Gives what is certain, in order; false where there is no room for it.
    fn give(&self, waiting: &mut Waiting<'_, '_>, output: &mut Output) -> bool {
        while waiting.way.begin < waiting.way.end {
            let candidate = waiting.at(waiting.way.begin);
            match candidate.fate {
                OPEN => return true,
                STAYS if output.is_full() => return false,
                STAYS => output.push([candidate.place as f64 / self.rate, candidate.height]),
                _ => {}
            }
            waiting.way.begin += 1;
        }
        true
    }
}

impl Agent for Peaks {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (way, mut table) = io.state.head_and_table::<Way, Candidate>();
        let mut waiting = Waiting {
            way,
            table: &mut table,
        };
        let from = input.position();
        let (mut at, to) = (from, from + input.len() as u64);
        let mut taken = std::mem::take(&mut self.taken);
        let mut view = View::new(input, self.scalar, &mut taken);
        'all: while at < to {
            let stop = to.min(at + STRETCH);
            for &x in view.range(at, stop) {
                // What is certain goes first, so that what waits follows from the items alone.
                if !self.give(&mut waiting, output) {
                    break 'all;
                }
                self.take(&mut waiting, at, x);
                at += 1;
            }
        }
        self.taken = taken;
        input.consume((at - from) as usize);
        if input.is_exhausted() {
            waiting.decide(u64::MAX, self.distance);
        }
        match self.give(&mut waiting, output) {
            true => Ok(Status::Ready),
            false => Ok(Status::More),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};
    use crate::testing::Random;

    fn found(x: &[f64], params: &[(&str, Value)]) -> Vec<[f64; 2]> {
        output("peaks", &[given("f64", x)], params, None)
    }

    #[test]
    fn a_peak_is_higher_than_both_its_neighbours_and_a_flat_top_counts_once() {
        let x = [
            5.0,
            1.0,
            3.0,
            2.0,
            4.0,
            4.0,
            4.0,
            1.0,
            1.0,
            2.0,
            2.0,
            3.0,
            f64::NAN,
            0.0,
            7.0,
        ];
        assert_eq!(found(&x, &[]), [[2.0, 3.0], [5.0, 4.0]]);
        assert_eq!(found(&x, &[("height", 3.5.into())]), [[5.0, 4.0]]);
    }

    #[test]
    fn of_peaks_too_near_the_larger_one_stays() {
        let x = [0.0, 2.0, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let peaks = found(&x, &[("distance", 3.into())]);
        assert_eq!(peaks, [[3.0, 3.0], [9.0, 1.0]]);
        assert_eq!(found(&x, &[]).len(), 4);
    }

    #[test]
    fn a_peak_comes_when_the_distance_has_passed_and_at_the_latest_with_the_end() {
        let x = [0.0, 2.0, 0.0];
        assert_eq!(found(&x, &[("distance", 100.into())]), [[1.0, 2.0]]);
    }

    /// As `scipy.signal._peak_finding_utils._select_by_peak_distance` does it, with all peaks at hand.
    fn selected(peaks: &[[f64; 2]], distance: f64) -> Vec<[f64; 2]> {
        let mut order: Vec<usize> = (0..peaks.len()).collect();
        order.sort_by(|&a, &b| peaks[b][1].total_cmp(&peaks[a][1]).then(b.cmp(&a)));
        let mut stays = vec![true; peaks.len()];
        for n in order {
            for m in (0..peaks.len()).filter(|m| *m != n) {
                if stays[n] && (peaks[m][0] - peaks[n][0]).abs() < distance {
                    stays[m] = false;
                }
            }
        }
        let kept = peaks.iter().zip(stays).filter(|(_, stays)| *stays);
        kept.map(|(peak, _)| *peak).collect()
    }

    #[test]
    fn of_peaks_too_near_those_stay_that_stay_when_all_are_known() {
        let mut random = Random::new(7);
        for distance in [1u64, 2, 3, 7, 20, 150] {
            // Few heights, so that some are equal.
            let x: Vec<f64> = (0..2000).map(|_| random.below(40) as f64).collect();
            let expected = selected(&found(&x, &[]), distance as f64);
            let near = found(&x, &[("distance", distance.into())]);
            assert_eq!(near, expected, "{distance}");
        }
    }

    #[test]
    fn peaks_that_grow_wait_for_the_last() {
        let x: Vec<f64> = (0..10_000)
            .map(|n| if n % 2 == 1 { f64::from(n) } else { 0.0 })
            .chain([0.0])
            .collect();
        let peaks = found(&x, &[("distance", 3.into())]);
        // Of the last 4096 every other one stays, counted from the last.
        assert!(
            peaks.ends_with(&[[9995.0, 9995.0], [9999.0, 9999.0]]),
            "{:?}",
            peaks.last()
        );
    }

    #[test]
    fn what_is_no_stream_of_numbers_is_refused() {
        let distance = [("distance", Value::from(0))];
        let refused = build("peaks", &[given::<f64>("f64", &[])], &distance, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("distance"));
        assert!(build("peaks", &[given::<f64>("f64[2]", &[])], &[], None).is_err());
    }
}
