//! `kmeans`: points sorted into clusters whose centres follow them.

use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const KMEANS: OpDef = OpDef {
    name: "kmeans",
    summary: "sequential k-means: each point goes to the nearest centre and draws it nearer",
    doc: "MacQueen's algorithm (1967): the nearest centre (Euclidean; of equals the first) moves by 1/n of the way to its n-th point, so \
a centre is the mean of the points it was given. Without `initial` the first k points are the centres, each its own first \
point; with it the first point of each cluster replaces what was given. Points are vectors of real numbers (a number is a vector \
of one). A point with a number that is not finite is in no cluster: its label is k, and it moves no centre. The result hangs on the order of the points; a window of them can be clustered anew with a function in Rust.",
    inputs: Arity::One,
    outputs: "u32: the point's cluster; or f64[k * dimensions]: all centres",
    params: &[
        ParamDef {
            name: "k",
            kind: ParamKind::Int,
            default: None,
            unit: "",
            doc: "How many clusters, at most 1024.",
        },
        ParamDef {
            name: "initial",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "The centres to begin with, one after the other: k times as many numbers as a point has.",
        },
        ParamDef {
            name: "output",
            kind: ParamKind::Choice(&["label", "centers"]),
            default: Some("label"),
            unit: "",
            doc: "What is given: the point's cluster (0 to k - 1, k of one that is not finite), or where all centres are now.",
        },
        EVERY,
    ],
    example: "a:noise items=1000 ! map expr=\"x + 9 * (x > 0)\" ! kmeans k=2 output=centers every=100 ! print",
    deterministic: true,
    build,
};

/// The most clusters.
const MOST: u64 = 1024;
/// The most numbers of all centres together.
const MOST_NUMBERS: usize = 1 << 16;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (scalar, width) = points(args)?;
    let k = args.required_count("k", 1)?;
    let len = width.saturating_mul(k as usize);
    if k > MOST || len > MOST_NUMBERS {
        let message =
            format!("`k` is {k}, and at most {MOST} centres of {MOST_NUMBERS} numbers fit");
        return Err(OpError::param("k", message));
    }
    // For each centre how many points it has had, then the centres.
    let mut state = vec![0.0; k as usize + len];
    let initial = args.floats("initial");
    if let Some(initial) = &initial {
        if initial.len() != len {
            let message = format!(
                "`initial` has {} numbers, and {k} centres of {width} have {len}",
                initial.len()
            );
            return Err(OpError::param("initial", message));
        }
        state[k as usize..].copy_from_slice(initial);
    }
    let centers = args.text("output") == Some("centers");
    let pace = Pace::of(args)?;
    let item_type = match centers {
        true => ItemType::Vector(Scalar::F64, len as u32),
        false => ItemType::Scalar(Scalar::U32),
    };
    let agent = Kmeans {
        pace,
        scalar,
        width,
        k: k as usize,
        is_founding: initial.is_none(),
        centers,
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(pace.port(args, item_type))
        .state(StateSpec::slice(&state)))
}

/// Scalar and width of the only input, which must be vectors of real numbers.
pub(crate) fn points(args: &Args) -> Result<(Scalar, usize), OpError> {
    let input = args.input();
    match input.item_type.elements() {
        Some((scalar, width)) if !scalar.is_complex() => Ok((scalar, width)),
        _ => Err(
            OpError::input_type(args.op().name, input, "vectors of real numbers")
                .or_help("`zip` makes them of several streams: op = \"zip\", in = [\"x\", \"y\"]"),
        ),
    }
}

struct Kmeans {
    pace: Pace,
    scalar: Scalar,
    width: usize,
    k: usize,
    /// The first k points become the centres.
    is_founding: bool,
    centers: bool,
    taken: Vec<f64>,
}

fn nearest(centers: &[f64], point: &[f64]) -> usize {
    let distance = |center: &[f64]| -> f64 {
        let parts = center.iter().zip(point).map(|(c, x)| (c - x) * (c - x));
        parts.sum()
    };
    let mut best = (0, f64::INFINITY);
    for (nth, center) in centers.chunks_exact(point.len()).enumerate() {
        let found = distance(center);
        if found < best.1 {
            best = (nth, found);
        }
    }
    best.0
}

impl Agent for Kmeans {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let at = input.position();
        let (counts, centers) = io.state.slice::<f64>().split_at_mut(self.k);
        let mut view = View::new(input, self.scalar, &mut self.taken);
        let numbers = view.range(at, at + n as u64);
        let width = self.width;
        self.pace.visit(at, n, |i, tells| {
            let point = &numbers[i * width..(i + 1) * width];
            let label = match point.iter().all(|x| x.is_finite()) {
                false => self.k,
                // Centres are founded in order, so the last one without a point tells that there are such.
                true if self.is_founding && counts[self.k - 1] == 0.0 => {
                    counts.iter().take_while(|points| **points > 0.0).count()
                }
                true => nearest(centers, point),
            };
            if label < self.k {
                counts[label] += 1.0;
                let center = &mut centers[label * width..(label + 1) * width];
                for (c, x) in center.iter_mut().zip(point) {
                    *c += (x - *c) / counts[label];
                }
            }
            match (tells, self.centers) {
                (false, _) => {}
                (true, false) => output.push(label as u32),
                (true, true) => {
                    output.elements::<f64>()[..centers.len()].copy_from_slice(centers);
                    output.produce(1);
                }
            }
        });
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    const POINTS: [f64; 12] = [
        0.0, 0.0, 10.0, 10.0, 0.0, 2.0, 10.0, 12.0, 0.0, 4.0, 16.0, 11.0,
    ];

    #[test]
    fn centres_are_the_means_of_their_points() {
        let points = || [given("f64[2]", &POINTS)];
        let labels = output::<u32>("kmeans", &points(), &[("k", 2.into())], None);
        assert_eq!(labels, [0, 1, 0, 1, 0, 1]);
        let params = [
            ("k", 2.into()),
            ("output", "centers".into()),
            ("every", 3.into()),
        ];
        let centers = output::<[f64; 4]>("kmeans", &points(), &params, None);
        assert_eq!(centers, [[0.0, 1.0, 10.0, 10.0], [0.0, 2.0, 12.0, 11.0]]);
    }

    #[test]
    fn points_that_are_not_finite_are_in_no_cluster_and_move_no_centre() {
        let mut points = vec![1.0, f64::NAN];
        points.extend(POINTS);
        points.splice(6..6, [f64::INFINITY, 3.0]);
        let points = || [given("f64[2]", &points)];
        let labels = output::<u32>("kmeans", &points(), &[("k", 2.into())], None);
        assert_eq!(labels, [2, 0, 1, 2, 0, 1, 0, 1]);
        let params = [
            ("k", 2.into()),
            ("output", "centers".into()),
            ("every", 8.into()),
        ];
        let centers = output::<[f64; 4]>("kmeans", &points(), &params, None);
        assert_eq!(centers, [[0.0, 2.0, 12.0, 11.0]]);
    }

    #[test]
    fn given_centres_are_where_the_first_points_are_sorted() {
        let initial: Value = vec![9.0, 9.0, 1.0, 1.0].into();
        let params = [("k", 2.into()), ("initial", initial)];
        let labels = output::<u32>("kmeans", &[given("f64[2]", &POINTS)], &params, None);
        assert_eq!(labels, [1, 0, 1, 0, 1, 0]);
        let refused = build("kmeans", &[given("f64[3]", &POINTS)], &params, None).unwrap_err();
        assert!(refused.message.contains("have 6"), "{refused}");
    }
}
