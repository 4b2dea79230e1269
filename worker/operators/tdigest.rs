//! `tdigest`: quantiles of everything so far, near the ends better than in the middle.

use super::moments::real;
use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const TDIGEST: OpDef = OpDef {
    name: "tdigest",
    summary: "estimates of several quantiles of all items so far, whatever their order, best near the ends",
    doc: "A merging t-digest (Dunning and Ertl, arXiv:1902.04023, scale function k1): items are kept as at most `compression` centroids, small near both ends and \
larger in the middle, with the least and the greatest item as they are. Between centroids it interpolates, so it is exact (NumPy's linear \
interpolation) as long as each item is one of its own. The rank of what it gives is off by at most about 2 pi sqrt(q (1 - q)) / `compression` of the items, in any order of theirs, \
and by a thousandth of them with 100 where the distribution is smooth. Items that are not finite are left out; NaN before the first. To tell costs some microseconds: give `every`. \
`quantile` follows a single one in 88 bytes.",
    inputs: Arity::One,
    outputs: "f64, or a vector with one for each of several `q`",
    params: &[
        ParamDef {
            name: "q",
            kind: ParamKind::Number,
            default: Some("0.5"),
            unit: "",
            doc: "Which quantiles, one or a list, each from 0 (the least) to 1 (the greatest).",
        },
        ParamDef {
            name: "compression",
            kind: ParamKind::Int,
            default: Some("100"),
            unit: "centroids",
            doc: "How many centroids at most, 10 to 1000: more are exacter, and cost 64 bytes each.",
        },
        EVERY,
    ],
    example: "noise items=10000 ! tdigest q=[0.01, 0.5, 0.99] every=1000 ! print",
    deterministic: true,
    build,
};

/// The most quantiles told at once.
const QUANTILES_MAX: usize = 64;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = real(args)?;
    let quantiles = args.floats("q").unwrap_or_default();
    if let Some(q) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        let message = format!("`q` is {q}, and must be from 0 to 1");
        return Err(OpError::param("q", message));
    }
    if !(1..=QUANTILES_MAX).contains(&quantiles.len()) {
        let found = quantiles.len();
        let message = format!("`q` has {found} numbers, and must have 1 to {QUANTILES_MAX}");
        return Err(OpError::param("q", message));
    }
    let compression = args.required_count("compression", 10)?;
    if compression > 1000 {
        let message = format!("`compression` is {compression}, and must be 10 to 1000");
        return Err(OpError::param("compression", message));
    }
    let pace = Pace::of(args)?;
    let item_type = match quantiles.len() {
        1 => ItemType::F64,
        n => ItemType::Vector(Scalar::F64, n as u32),
    };
    let shape = Shape {
        centroids: 2 * compression as usize,
        waiting: 4 * compression as usize,
        compression: compression as f64,
    };
    let agent = TDigest {
        pace,
        scalar,
        quantiles,
        shape,
        taken: Vec::new(),
        merged: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(pace.port(args, item_type).keeps_unit())
        .state(StateSpec::slice(&vec![0u64; shape.words()])))
}

struct TDigest {
    pace: Pace,
    scalar: Scalar,
    quantiles: Vec<f64>,
    shape: Shape,
    taken: Vec<f64>,
    /// Scratch, of a merge.
    merged: Vec<Centroid>,
}

impl Agent for TDigest {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let at = input.position();
        let mut view = View::new(input, self.scalar, &mut self.taken);
        let items = view.range(at, at + n as u64);
        let mut digest = self.shape.digest(io.state.slice::<f64>());
        let told = self.quantiles.len();
        let room = output.elements::<f64>();
        let mut given = 0;
        self.pace.visit(at, n, |i, tells| {
            digest.add(items[i], &mut self.merged);
            if tells {
                digest.merge(&mut self.merged);
                let slots = &mut room[given * told..][..told];
                for (slot, &q) in slots.iter_mut().zip(&self.quantiles) {
                    *slot = digest.quantile(q);
                }
                given += 1;
            }
        });
        output.produce(given);
        input.consume(n);
        Ok(Status::Ready)
    }
}

/// How the state is divided.
#[derive(Clone, Copy)]
struct Shape {
    /// Most centroids: twice as many as `compression` says, which is more than any merge leaves.
    centroids: usize,
    /// Items that wait to be merged.
    waiting: usize,
    compression: f64,
}

/// Numbers before the centroids: how many there are, how many items wait, the least and the greatest item.
const HEAD: usize = 4;

impl Shape {
    fn words(self) -> usize {
        HEAD + 2 * self.centroids + self.waiting
    }

    fn digest(self, state: &mut [f64]) -> Digest<'_> {
        let (head, rest) = state.split_at_mut(HEAD);
        let (centroids, waiting) = rest.split_at_mut(2 * self.centroids);
        Digest {
            head: head.try_into().expect("so many"),
            centroids: bytemuck::cast_slice_mut(centroids),
            waiting,
            compression: self.compression,
        }
    }
}

/// Items that lie side by side: their mean and how many.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Centroid {
    mean: f64,
    weight: f64,
}

/// The state.
struct Digest<'a> {
    head: &'a mut [f64; HEAD],
    centroids: &'a mut [Centroid],
    waiting: &'a mut [f64],
    compression: f64,
}

impl Digest<'_> {
    fn add(&mut self, x: f64, scratch: &mut Vec<Centroid>) {
        if !x.is_finite() {
            return;
        }
        let [known, waits, least, greatest] = self.head;
        let is_first = *known + *waits == 0.0;
        *least = if is_first { x } else { least.min(x) };
        *greatest = if is_first { x } else { greatest.max(x) };
        self.waiting[*waits as usize] = x;
        *waits += 1.0;
        if *waits as usize == self.waiting.len() {
            self.merge(scratch);
        }
    }

    /// Merges the items that wait into the centroids: sorted, neighbours become one as long as it spans less than one step of
    /// the scale function.
    fn merge(&mut self, scratch: &mut Vec<Centroid>) {
        let [known, waits, ..] = *self.head;
        if waits == 0.0 {
            return;
        }
        let waiting = &mut self.waiting[..waits as usize];
        waiting.sort_unstable_by(f64::total_cmp);
        merge_sorted(&self.centroids[..known as usize], waiting, scratch);
        let total: f64 = scratch.iter().map(|c| c.weight).sum();
        let (mut last, mut before) = (0, 0.0);
        let mut limit = total * self.end_of_step(0.0);
        self.centroids[0] = scratch[0];
        for next in &scratch[1..] {
            let current = &mut self.centroids[last];
            if before + current.weight + next.weight <= limit {
                current.weight += next.weight;
                current.mean += (next.mean - current.mean) * (next.weight / current.weight);
            } else {
                before += current.weight;
                limit = total * self.end_of_step(before / total);
                last += 1;
                self.centroids[last] = *next;
            }
        }
        self.head[0] = (last + 1) as f64;
        self.head[1] = 0.0;
    }

    /// The quantile one step of the scale function behind this one: k(q) = compression / tau * asin(2 q - 1).
    fn end_of_step(&self, q: f64) -> f64 {
        let scale = self.compression / std::f64::consts::TAU;
        let k = scale * (2.0 * q - 1.0).clamp(-1.0, 1.0).asin() + 1.0;
        let angle = (k / scale).min(std::f64::consts::FRAC_PI_2);
        (angle.sin() + 1.0) / 2.0
    }

    /// The item of this quantile, between the middles of the two centroids beside its rank. Nothing waits.
    fn quantile(&self, q: f64) -> f64 {
        let [known, _, least, greatest] = *self.head;
        let centroids = &self.centroids[..known as usize];
        let total: f64 = centroids.iter().map(|c| c.weight).sum();
        if total == 0.0 {
            return f64::NAN;
        }
        let rank = q * (total - 1.0);
        let (mut at, mut height, mut before) = (0.0, least, 0.0);
        for centroid in centroids {
            let middle = before + (centroid.weight - 1.0) / 2.0;
            if rank <= middle {
                return between(rank, [at, middle], [height, centroid.mean]);
            }
            (at, height) = (middle, centroid.mean);
            before += centroid.weight;
        }
        between(rank, [at, total - 1.0], [height, greatest])
    }
}

/// The height at `rank` of the line through two points.
fn between(rank: f64, [from, to]: [f64; 2], [low, high]: [f64; 2]) -> f64 {
    match to > from {
        true => low + (high - low) * ((rank - from) / (to - from)),
        false => high,
    }
}

/// Both, in order; of equals the centroids come first.
fn merge_sorted(centroids: &[Centroid], items: &[f64], into: &mut Vec<Centroid>) {
    into.clear();
    let mut items = items.iter().copied().peekable();
    let single = |mean| Centroid { mean, weight: 1.0 };
    for &centroid in centroids {
        while let Some(x) = items.next_if(|x| *x < centroid.mean) {
            into.push(single(x));
        }
        into.push(centroid);
    }
    into.extend(items.map(single));
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn told<const N: usize>(items: &[f64], q: [f64; N], every: usize) -> Vec<[f64; N]> {
        let params = [
            ("q", q.to_vec().into()),
            ("every", Value::from(every as i64)),
        ];
        output("tdigest", &[given("f64", items)], &params, None)
    }

    #[test]
    fn few_items_have_the_quantiles_of_numpy() {
        let items = [5.0, 1.0, f64::NAN, 4.0, 2.0, f64::INFINITY];
        // numpy.quantile([5, 1, 4, 2], [0, 0.1, 0.5, 0.9, 1])
        let expected = [1.0, 1.3, 3.0, 4.7, 5.0];
        let found = told(&items, [0.0, 0.1, 0.5, 0.9, 1.0], 6)[0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        let medians: Vec<f64> = output("tdigest", &[given("f64", &items)], &[], None);
        assert_eq!(medians, [5.0, 3.0, 3.0, 4.0, 3.0, 3.0]);
        let nothing: Vec<f64> = output("tdigest", &[given("f64", &[f64::NAN])], &[], None);
        assert!(nothing[0].is_nan());
    }

    #[test]
    fn ranks_are_near_whatever_the_order() {
        const ITEMS: usize = 100_000;
        let shuffled = |n: usize| ((n * 48_271) % ITEMS) as f64;
        let rising = |n: usize| n as f64;
        let falling = |n: usize| (ITEMS - 1 - n) as f64;
        let folded = |n: usize| if n.is_multiple_of(2) { n / 2 } else { ITEMS - 1 - n / 2 } as f64;
        // From both ends to the middle, the hardest.
        let orders: [(&dyn Fn(usize) -> f64, f64); 4] = [
            (&shuffled, 2e-3),
            (&rising, 2e-3),
            (&falling, 2e-3),
            (&folded, 1.0),
        ];
        let quantiles = [0.0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0];
        for (order, most) in orders {
            // The cube, so that the distribution is no straight line.
            let items: Vec<f64> = (0..ITEMS).map(|n| order(n).powi(3)).collect();
            let found = told(&items, quantiles, ITEMS)[0];
            for (x, q) in found.into_iter().zip(quantiles) {
                let off = (x.cbrt() / (ITEMS - 1) as f64 - q).abs();
                let bound = std::f64::consts::TAU / 100.0 * (q * (1.0 - q)).sqrt();
                assert!(off <= bound.min(most) + 1e-12, "{q}: off by {off}");
            }
        }
    }

    #[test]
    fn to_tell_often_costs_no_exactness() {
        let items: Vec<f64> = (0..3000).map(|n| f64::from(n * 7919 % 3001)).collect();
        let often = told(&items, [0.02, 0.5], 1);
        let last = often[2999];
        assert!(
            (last[0] - 60.0).abs() < 4.0 && (last[1] - 1500.0).abs() < 10.0,
            "{last:?}"
        );
    }

    #[test]
    fn what_is_no_quantile_is_refused() {
        let refused = |name: &'static str, value: Value| {
            let refused = build("tdigest", &[given("f64", &[0.0])], &[(name, value)], None);
            refused.unwrap_err().param
        };
        assert_eq!(refused("q", vec![0.5, 1.5].into()).as_deref(), Some("q"));
        assert_eq!(refused("q", f64::NAN.into()).as_deref(), Some("q"));
        assert_eq!(
            refused("compression", 5.into()).as_deref(),
            Some("compression")
        );
        assert_eq!(
            refused("compression", 5000.into()).as_deref(),
            Some("compression")
        );
    }
}
