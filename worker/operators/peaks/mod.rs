//! `peaks`: local maxima, an item for each.
//!
//! Of peaks nearer than `distance` the largest stays, then the largest of the rest, as if all of the signal were
//! known. What becomes of a peak follows from the larger ones around it alone, so it is certain as soon as
//! there is no larger one around that is not: candidates wait for that in the state, in their order. How far a peak stands out
//! is measured when half of `wlen` behind it has come, whatever becomes of it: the items are still there then.

mod conditions;
mod waiting;

use bytemuck::Zeroable;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

use conditions::{Around, Bounds, Measured};
use waiting::{Candidate, GOES, OPEN, STAYS, Waiting, Way};

/// The row of the table.
pub const PEAKS: OpDef = OpDef {
    name: "peaks",
    summary: "local maxima",
    doc: "An item that is larger than both its neighbours, or a flat top between smaller ones, whose place is its middle (rounded down): the peaks of \
`scipy.signal.find_peaks`, with its conditions under its names, tried in its order. Each is one f64[2]: its time and its height; with `properties` one f64[4]: \
time, height, prominence, width. Times and widths are in seconds, times from the stream's beginning, where its rate is known, else in items. \
With `distance` the largest of peaks that are nearer stays, then the largest of the rest; of equal ones the \
later (which one SciPy keeps depends on its sorting). A prominence without a bound needs the whole signal, so `prominence`, `width` and `properties` need `wlen`. \
A peak comes when the items up to `distance` and half of `wlen` behind it have come, and those behind the larger ones that it depends on: peaks that grow, each nearer than \
`distance` to the next, wait for the last of them (4096 of them at most, then the first is taken for one that stays). A NaN is no peak's neighbour. Real numbers of any type.",
    inputs: Arity::One,
    outputs: "f64[2] per peak (time, height), or f64[4] (time, height, prominence, width)",
    params: &[
        ParamDef {
            name: "height",
            kind: ParamKind::Values,
            default: Some(""),
            unit: "",
            doc: "The least height of a peak, or least and most: `[1, 5]`, `[-inf, 5]`. Default: any.",
        },
        ParamDef {
            name: "threshold",
            kind: ParamKind::Values,
            default: Some(""),
            unit: "",
            doc: "How far a peak is above its neighbours, the nearer and the farther one: least, or least and most. Default: any.",
        },
        ParamDef {
            name: "distance",
            kind: ParamKind::Length,
            default: Some("1"),
            unit: "items",
            doc: "Peaks are at least so many items apart.",
        },
        ParamDef {
            name: "prominence",
            kind: ParamKind::Values,
            default: Some(""),
            unit: "",
            doc: "How far a peak stands above the higher of the lowest items on its two sides, each side up to a higher item or half of `wlen`: least, or least and most. Default: any.",
        },
        ParamDef {
            name: "width",
            kind: ParamKind::Items,
            default: Some(""),
            unit: "items",
            doc: "A peak's width where it has come down by `rel_height` of its prominence: least, or least and most, in items or durations (`\"20 ms\"`). Default: any.",
        },
        ParamDef {
            name: "wlen",
            kind: ParamKind::Length,
            default: Some(""),
            unit: "items",
            doc: "The window around a peak, itself in the middle, in which prominence and width are measured: at least 2, rounded up to an odd number, at most 1048576.",
        },
        ParamDef {
            name: "rel_height",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "Where the width is measured, as a part of the prominence counted from the top: 1 is at the base.",
        },
        ParamDef {
            name: "plateau_size",
            kind: ParamKind::Items,
            default: Some(""),
            unit: "items",
            doc: "Items of a peak's flat top: least, or least and most, in items or durations. Default: any.",
        },
        ParamDef {
            name: "properties",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "`true`: each peak comes with its prominence and width.",
        },
    ],
    example: "sine freq=5 rate=1000 items=4000 ! peaks height=0.5 prominence=0.2 wlen=\"0.5 s\" ! null",
    deterministic: true,
    build,
};

/// Items around a peak that are looked at, at most.
const WLEN_MAX: u64 = 1 << 20;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some(scalar) = input.item_type.scalar().filter(|s| !s.is_complex()) else {
        return Err(OpError::input_type("peaks", input, "real numbers"));
    };
    let surroundings = surroundings(args)?;
    let half = surroundings.as_ref().map_or(0, |s| s.half);
    let has_properties = args.flag("properties");
    let agent = Peaks {
        height: Bounds::of(args, "height")?,
        threshold: Bounds::of(args, "threshold")?,
        plateau_size: Bounds::of(args, "plateau_size")?,
        distance: args.required_length("distance", 1)?,
        surroundings,
        has_properties,
        scalar,
        rate: input.rate.unwrap_or(1.0),
        taken: Vec::new(),
    };
    // Every other item may be a peak that waits for being measured.
    let waiting = waiting::LEAST + half as usize / 2;
    let state = StateSpec::head_and_table(Way::zeroed(), &vec![Candidate::zeroed(); waiting]);
    let width = if has_properties { 4 } else { 2 };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(2 * half as usize))
        .output(OutPort::new(ItemType::Vector(Scalar::F64, width), None))
        .state(state))
}

/// What is asked of a peak's surroundings; none if nothing is.
fn surroundings(args: &Args) -> Result<Option<Surroundings>, OpError> {
    let (prominence, width) = (Bounds::of(args, "prominence")?, Bounds::of(args, "width")?);
    let rel_height = args.float("rel_height").unwrap_or(0.5);
    if rel_height < 0.0 {
        let words = format!("`rel_height` is {rel_height}, and must not be negative");
        return Err(OpError::param("rel_height", words));
    }
    let asking = [
        ("prominence", prominence.is_some()),
        ("width", width.is_some()),
        ("properties", args.flag("properties")),
    ];
    let asking = asking.iter().find(|(_, is_asked)| *is_asked);
    match (asking, args.length("wlen", 2)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(OpError::param(
            "wlen",
            "`wlen` is for `prominence`, `width` and `properties`, and none of them is given",
        )),
        (Some((name, _)), None) => Err(OpError::param(
            name,
            format!("`{name}` needs `wlen`: without it a peak is measured against the whole signal, and a stream's end is not known"),
        )
        .with_help("add `wlen = ..`, the longest stretch around a peak that matters")),
        (Some(_), Some(wlen)) if wlen > WLEN_MAX => Err(OpError::param(
            "wlen",
            format!("`wlen` is {wlen} items, and must be at most {WLEN_MAX}"),
        )),
        (Some(_), Some(wlen)) => Ok(Some(Surroundings {
            prominence,
            width,
            rel_height,
            half: wlen / 2,
        })),
    }
}

/// Items taken at once.
const STRETCH: u64 = 1024;

struct Peaks {
    height: Option<Bounds>,
    threshold: Option<Bounds>,
    plateau_size: Option<Bounds>,
    distance: u64,
    surroundings: Option<Surroundings>,
    has_properties: bool,
    scalar: Scalar,
    rate: f64,
    taken: Vec<f64>,
}

/// How prominent and wide a peak is to be, and how it is measured.
struct Surroundings {
    prominence: Option<Bounds>,
    width: Option<Bounds>,
    rel_height: f64,
    /// Items on each side that are looked at.
    half: u64,
}

impl Surroundings {
    fn has(&self, measured: Measured) -> bool {
        is_in(self.prominence, measured.prominence) && is_in(self.width, measured.width)
    }
}

fn is_in(bounds: Option<Bounds>, x: f64) -> bool {
    bounds.is_none_or(|bounds| bounds.has(x))
}

impl Peaks {
    /// Takes the item at this position.
    fn take(&self, waiting: &mut Waiting<'_, '_>, position: u64, x: f64) {
        let way = &mut *waiting.way;
        let is_peak = position > 0 && x < way.last && way.risen == 1;
        let peak = (is_peak && self.is_shaped(way, position, x))
            .then_some(((way.since + position.saturating_sub(1)) / 2, way.last));
        if position == 0 || x != way.last {
            way.risen = u64::from(position > 0 && x > way.last);
            way.since = position;
            way.before = way.last;
            way.last = x;
        }
        // A flat top may still become a peak that began before.
        let frontier = match way.risen {
            1 => way.since,
            _ => position,
        };
        if let Some((place, height)) = peak {
            waiting.add(place, height, self.distance);
        }
        if waiting.way.due <= frontier {
            waiting.decide(frontier, self.distance);
        }
    }

    /// True if the top that ends before `x` at `position` has the size, the height and the neighbours of a peak.
    fn is_shaped(&self, way: &Way, position: u64, x: f64) -> bool {
        let size = position - way.since;
        // SciPy's neighbours are those of the middle, which may be of the flat top.
        let left = if size > 2 { 0.0 } else { way.last - way.before };
        let right = if size > 1 { 0.0 } else { way.last - x };
        is_in(self.plateau_size, size as f64)
            && is_in(self.height, way.last)
            && self
                .threshold
                .is_none_or(|bounds| bounds.has_both(left, right))
    }

    /// Measures those whose surroundings have come when the items below `end` have, or all of them if the stream ends there.
    fn measure(&self, waiting: &mut Waiting<'_, '_>, around: &Around<'_>, end: u64, is_last: bool) {
        let Some(surroundings) = &self.surroundings else {
            return;
        };
        let half = surroundings.half;
        while let Some((n, candidate)) = waiting.unmeasured() {
            let place = candidate.place;
            if place + half >= end && !is_last {
                return;
            }
            if candidate.fate != GOES {
                let last = (place + half).min(end - 1);
                // A flat top that reaches beyond what is looked at was told late.
                let measured = match place + half + 1 < end {
                    true => Measured::FLAT,
                    false => around.measure(
                        place,
                        place.saturating_sub(half),
                        last,
                        surroundings.rel_height,
                    ),
                };
                waiting.measured(n, measured, surroundings.has(measured));
            }
            waiting.way.measured = n + 1;
        }
    }

    /// Gives what is certain, in order; false where there is no room for it.
    fn give(&self, waiting: &mut Waiting<'_, '_>, output: &mut Output) -> bool {
        while waiting.way.begin < waiting.way.end {
            let candidate = waiting.at(waiting.way.begin);
            let is_measured =
                self.surroundings.is_none() || waiting.way.begin < waiting.way.measured;
            match candidate.fate {
                OPEN => return true,
                STAYS if !is_measured => return true,
                STAYS if candidate.fails == 0 => {
                    if output.is_full() {
                        return false;
                    }
                    self.push(&candidate, output);
                }
                _ => {}
            }
            waiting.way.begin += 1;
        }
        true
    }

    fn push(&self, candidate: &Candidate, output: &mut Output) {
        let time = candidate.place as f64 / self.rate;
        match self.has_properties {
            true => output.push([
                time,
                candidate.height,
                candidate.prominence,
                candidate.width / self.rate,
            ]),
            false => output.push([time, candidate.height]),
        }
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
        let around = Around::new(input, self.scalar);
        let mut view = View::new(input, self.scalar, &mut taken);
        'all: while at < to {
            let stop = to.min(at + STRETCH);
            for &x in view.range(at, stop) {
                // What is certain goes first, so that what waits follows from the items alone.
                waiting.make_room(self.distance);
                if !self.give(&mut waiting, output) {
                    break 'all;
                }
                self.take(&mut waiting, at, x);
                at += 1;
                self.measure(&mut waiting, &around, at, false);
            }
        }
        self.taken = taken;
        input.consume((at - from) as usize);
        if input.is_exhausted() {
            waiting.decide(u64::MAX, self.distance);
            let around = Around::new(input, self.scalar);
            self.measure(&mut waiting, &around, at, true);
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
        // Of the last 4096 every other one stays, counted from the last; of those before, counted from the first.
        let ends = [[9995.0, 9995.0], [9999.0, 9999.0]];
        assert!(peaks.ends_with(&ends), "{:?}", peaks.last());
        assert!(peaks.starts_with(&[[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]));
    }

    #[test]
    fn a_condition_is_the_least_or_the_least_and_the_most() {
        let x = [0.0, 2.0, 0.0, 5.0, 5.0, 1.0, 3.0, 0.0];
        let list = |least: f64, most: f64| Value::List(vec![least.into(), most.into()]);
        assert_eq!(found(&x, &[("height", list(2.5, 4.0))]), [[6.0, 3.0]]);
        let most = list(f64::NEG_INFINITY, 2.0);
        assert_eq!(found(&x, &[("height", most)]), [[1.0, 2.0]]);
        assert_eq!(found(&x, &[("plateau_size", 2.into())]), [[3.0, 5.0]]);
        let threshold = [("threshold", Value::Float(1.0))];
        assert_eq!(found(&x, &threshold), [[1.0, 2.0], [6.0, 3.0]]);
    }

    #[test]
    fn prominence_and_width_are_measured_within_wlen() {
        let x = [0.0, 1.0, 0.0, 4.0, 2.0, 3.0, 0.0, 0.0];
        let wide = [("prominence", 2.into()), ("wlen", 20.into())];
        assert_eq!(found(&x, &wide), [[3.0, 4.0]]);
        let narrow = [("prominence", 2.into()), ("wlen", 3.into())];
        assert_eq!(found(&x, &narrow), [[3.0, 4.0]]);
        let params = [("properties", true.into()), ("wlen", 20.into())];
        let all: Vec<[f64; 4]> = output("peaks", &[given("f64", &x)], &params, None);
        let expected = [
            [1.0, 1.0, 1.0, 1.0],
            [3.0, 4.0, 4.0, 1.5],
            [5.0, 3.0, 1.0, 0.5 + 1.0 / 6.0],
        ];
        for (found, expected) in all.iter().zip(expected) {
            let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(apart.sum::<f64>() < 1e-12, "{found:?} {expected:?}");
        }
    }

    /// `scipy.signal.find_peaks(x, width=3, wlen=21, rel_height=0.7)`: the width is 3 of places in the stream, and less by the last bit
    /// counted from the peak.
    #[test]
    fn a_width_on_a_bound_is_rounded_as_that_of_scipy() {
        let x = [-8.0, 4.0, -7.0, -4.0, 0.0, 0.0, -7.0, 8.0];
        let width = [
            ("width", 3.into()),
            ("wlen", 21.into()),
            ("rel_height", Value::Float(0.7)),
        ];
        assert_eq!(found(&x, &width), [[4.0, 0.0]]);
    }

    #[test]
    fn bounds_may_be_durations_where_they_count_items() {
        let x = given("f64", &[0.0, 1.0, 0.0, 2.0, 2.0, 2.0, 0.0]).rate(1000.0);
        let params = [("plateau_size", Value::from("2 ms"))];
        let peaks: Vec<[f64; 2]> = output("peaks", &[x], &params, None);
        assert_eq!(peaks, [[0.004, 2.0]]);
    }

    #[test]
    fn conditions_that_cannot_be_are_refused_by_their_names() {
        let list = |of: &[f64]| Value::List(of.iter().map(|x| (*x).into()).collect());
        let cases = [
            (vec![("prominence", 1.into())], "prominence"),
            (vec![("properties", true.into())], "properties"),
            (vec![("width", 1.into()), ("wlen", 1.into())], "wlen"),
            (vec![("wlen", 9.into())], "wlen"),
            (
                vec![("width", 1.into()), ("wlen", (2 << 20).into())],
                "wlen",
            ),
            (vec![("height", list(&[2.0, 1.0]))], "height"),
            (vec![("height", list(&[1.0, 2.0, 3.0]))], "height"),
            (vec![("height", list(&[f64::NAN]))], "height"),
            (vec![("plateau_size", "2 ms".into())], "plateau_size"),
            (vec![("plateau_size", "two".into())], "plateau_size"),
            (
                vec![
                    ("width", 1.into()),
                    ("wlen", 9.into()),
                    ("rel_height", Value::Float(-0.5)),
                ],
                "rel_height",
            ),
        ];
        for (params, expected) in cases {
            let refused = build("peaks", &[given::<f64>("f64", &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(expected), "{refused}");
        }
    }

    #[test]
    fn what_is_no_stream_of_numbers_is_refused() {
        let distance = [("distance", Value::from(0))];
        let refused = build("peaks", &[given::<f64>("f64", &[])], &distance, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("distance"));
        assert!(build("peaks", &[given::<f64>("f64[2]", &[])], &[], None).is_err());
    }
}
