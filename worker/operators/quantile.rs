//! `quantile`: an estimate of a quantile of everything so far, from five numbers.

use bytemuck::{Pod, Zeroable};

use super::moments::real;
use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const QUANTILE: OpDef = OpDef {
    name: "quantile",
    summary: "an estimate of a quantile of all items so far, in constant memory",
    doc: "The P-square algorithm (Jain and Chlamtac, CACM 28(10), 1985): five markers whose heights follow the quantile by parabolic \
interpolation. Exact (with NumPy's linear interpolation) for up to five items, then an estimate: for smooth distributions within \
a per cent of the spread after some hundred items; it has no bound for hostile orders, and follows a change of the distribution \
slowly (`tdigest` has a bound for any order, and several quantiles at once). NaNs are left out. Real numbers of any type. `window` with `fn = \"median\"` is exact over the last n items.",
    inputs: Arity::One,
    outputs: "f64",
    params: &[
        ParamDef {
            name: "q",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "",
            doc: "Which quantile, above 0 and below 1: 0.5 is the median.",
        },
        EVERY,
    ],
    example: "noise items=10000 ! quantile q=0.99 every=1000 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = real(args)?;
    let q = args.float("q").unwrap_or(0.5);
    if !(q > 0.0 && q < 1.0) {
        let message = format!("`q` is {q}, and must be above 0 and below 1");
        return Err(OpError::param("q", message));
    }
    let pace = Pace::of(args)?;
    let agent = Quantile {
        pace,
        scalar,
        q,
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(pace.port(args, ItemType::F64).keeps_unit())
        .state(StateSpec::of(Markers::zeroed())))
}

struct Quantile {
    pace: Pace,
    scalar: Scalar,
    q: f64,
    taken: Vec<f64>,
}

/// Five markers: the least, the greatest, the quantile, and one between each.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Markers {
    count: u64,
    /// Their heights; while there are fewer than five items, the items in order.
    heights: [f64; 5],
    /// How many items are at most as high.
    ranks: [f64; 5],
}

impl Markers {
    fn add(&mut self, x: f64, q: f64) {
        if x.is_nan() {
            return;
        }
        self.count += 1;
        if self.count <= 5 {
            let seen = self.count as usize;
            self.heights[seen - 1] = x;
            self.heights[..seen].sort_unstable_by(f64::total_cmp);
            self.ranks = [1.0, 2.0, 3.0, 4.0, 5.0];
            return;
        }
        let cell = if x < self.heights[0] {
            self.heights[0] = x;
            0
        } else if x >= self.heights[4] {
            self.heights[4] = x;
            3
        } else {
            (1..4).rfind(|&i| x >= self.heights[i]).unwrap_or(0)
        };
        for rank in &mut self.ranks[cell + 1..] {
            *rank += 1.0;
        }
        let last = (self.count - 1) as f64;
        for (i, share) in [(1, q / 2.0), (2, q), (3, (1.0 + q) / 2.0)] {
            self.follow(i, 1.0 + last * share);
        }
    }

    /// Moves marker `i` one rank towards the one it should have, if there is room.
    fn follow(&mut self, i: usize, wanted: f64) {
        let Markers { heights, ranks, .. } = self;
        let off = wanted - ranks[i];
        let up = off >= 1.0 && ranks[i + 1] - ranks[i] > 1.0;
        let down = off <= -1.0 && ranks[i - 1] - ranks[i] < -1.0;
        if !up && !down {
            return;
        }
        let d = if up { 1.0 } else { -1.0 };
        let (below, here, above) = (ranks[i - 1], ranks[i], ranks[i + 1]);
        let parabola = heights[i]
            + d / (above - below)
                * ((here - below + d) * (heights[i + 1] - heights[i]) / (above - here)
                    + (above - here - d) * (heights[i] - heights[i - 1]) / (here - below));
        heights[i] = if heights[i - 1] < parabola && parabola < heights[i + 1] {
            parabola
        } else {
            let next = if up { i + 1 } else { i - 1 };
            heights[i] + d * (heights[next] - heights[i]) / (ranks[next] - here)
        };
        ranks[i] += d;
    }

    fn tell(&self, q: f64) -> f64 {
        match self.count {
            0 => f64::NAN,
            1..=5 => {
                let place = q * (self.count - 1) as f64;
                let (low, part) = (place.floor() as usize, place.fract());
                let high = (low + 1).min(self.count as usize - 1);
                self.heights[low] + part * (self.heights[high] - self.heights[low])
            }
            _ => self.heights[2],
        }
    }
}

impl Agent for Quantile {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let at = input.position();
        let markers = io.state.get::<Markers>();
        let mut view = View::new(input, self.scalar, &mut self.taken);
        let numbers = view.range(at, at + n as u64);
        self.pace.visit(at, n, |i, tells| {
            markers.add(numbers[i], self.q);
            if tells {
                output.push(markers.tell(self.q));
            }
        });
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    /// The twenty observations of the paper's worked example, for the median.
    const PAPER: [f64; 20] = [
        0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.60, 10.28, 1.47, 0.40,
        0.05, 11.39, 0.27, 0.42, 0.09, 11.37,
    ];

    #[test]
    fn it_ends_where_the_worked_example_of_the_paper_ends() {
        let found = output::<f64>("quantile", &[given("f64", &PAPER)], &[], None);
        for (found, exact) in found.iter().zip([0.02, 0.085, 0.15, 0.445, 0.74]) {
            assert!((found - exact).abs() < 1e-12, "{found} {exact}");
        }
        assert!((found[19] - 4.44).abs() < 0.005, "{found:?}");
    }

    #[test]
    fn a_long_stream_is_met_within_a_per_cent() {
        // A full period of a generator: every value once, in a scrambled order.
        let x: Vec<f64> = (0..65_536u64)
            .map(|n| (n * 40_503 % 65_536) as f64)
            .collect();
        for q in [0.01, 0.5, 0.99] {
            let params = [("q", q.into()), ("every", 65_536.into())];
            let found = output::<f64>("quantile", &[given("f64", &x)], &params, None);
            assert!((found[0] / 65_536.0 - q).abs() < 0.01, "{q}: {found:?}");
        }
    }

    #[test]
    fn a_quantile_is_inside() {
        let refused = build(
            "quantile",
            &[given("f64", &[0.0])],
            &[("q", 1.0.into())],
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("q"));
    }
}
