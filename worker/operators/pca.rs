//! `pca`: the directions in which points are spread most, as the points come.

use super::kmeans::points;
use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const PCA: OpDef = OpDef {
    name: "pca",
    summary: "incremental principal components (CCIPCA, an estimate): directions, variances, or the points projected on them",
    doc: "Candid covariance-free incremental PCA (Weng, Zhang and Hwang, IEEE PAMI 25(8), 2003) of the points less their running mean: each \
component is drawn towards the point's part along it, the rest of the point goes on to the next component. No matrix is kept; it \
converges to the eigenvectors of the covariance as points come, and is an estimate before: not the numbers of a decomposition of all points, \
as scikit-learn's `PCA` and `IncrementalPCA` make. A component's sign is that of the point it \
began with. Each point is learned before it is projected. A point with a number that is not finite is not learned, and \
its projection is NaN. Points are vectors of real numbers.",
    inputs: Arity::One,
    outputs: "f64[components]: projections or variances; or f64[components * dimensions]: unit vectors",
    params: &[
        ParamDef {
            name: "components",
            kind: ParamKind::Int,
            default: None,
            unit: "",
            doc: "How many, at most as many as a point has numbers.",
        },
        ParamDef {
            name: "amnesia",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "",
            doc: "How much more the newest point weighs, 0 to 4: the paper's l, which forgets a poor start sooner.",
        },
        ParamDef {
            name: "output",
            kind: ParamKind::Choice(&["projection", "variance", "components"]),
            default: Some("projection"),
            unit: "",
            doc: "What is given.",
        },
        EVERY,
    ],
    example: "a:noise seed=1 items=1000; b:noise seed=2 items=1000; zip in=[a, b] ! pca components=1 output=variance every=100 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (scalar, width) = points(args)?;
    let count = args.required_count("components", 1)? as usize;
    if count > width || count * width > 1 << 16 {
        let message = format!(
            "`components` is {count}, and a point has {width} numbers (65536 in all are the most)"
        );
        return Err(OpError::param("components", message));
    }
    let amnesia = args.float("amnesia").unwrap_or(0.0);
    if !(0.0..=4.0).contains(&amnesia) {
        let message = format!("`amnesia` is {amnesia}, and must be 0 to 4");
        return Err(OpError::param("amnesia", message));
    }
    let (tells, len) = match args.text("output") {
        Some("variance") => (Tells::Variance, count),
        Some("components") => (Tells::Components, count * width),
        _ => (Tells::Projection, count),
    };
    let pace = Pace::of(args)?;
    let agent = Pca {
        pace,
        scalar,
        width,
        count,
        amnesia,
        tells,
        taken: Vec::new(),
        rest: vec![0.0; width],
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(pace.port(args, ItemType::Vector(Scalar::F64, len as u32)))
        .state(StateSpec::slice(&vec![0.0f64; 1 + width + count * width])))
}

#[derive(Clone, Copy)]
enum Tells {
    Projection,
    Variance,
    Components,
}

/// State: how many points were learned, the mean, then each component times its variance.
struct Pca {
    pace: Pace,
    scalar: Scalar,
    width: usize,
    count: usize,
    amnesia: f64,
    tells: Tells,
    taken: Vec<f64>,
    rest: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A vector's length, and 1 for one that has none: what a division by it leaves is 0 then.
fn length(v: &[f64]) -> f64 {
    match dot(v, v).sqrt() {
        0.0 => 1.0,
        length => length,
    }
}

impl Pca {
    /// Learns the `nth` point (from 1) and leaves it, less the mean, in `self.rest`.
    fn learn(&mut self, nth: f64, point: &[f64], mean: &mut [f64], components: &mut [f64]) {
        for ((rest, mean), x) in self.rest.iter_mut().zip(&mut *mean).zip(point) {
            *mean += (x - *mean) / nth;
            *rest = x - *mean;
        }
        let centred = self.rest.clone();
        // The first point is its own mean: components count from the second.
        let seen = nth - 1.0;
        let weight = ((1.0 + self.amnesia) / seen.max(1.0)).min(1.0);
        for component in components.chunks_exact_mut(self.width) {
            if dot(&self.rest, &self.rest) == 0.0 {
                break;
            }
            if dot(component, component) == 0.0 {
                component.copy_from_slice(&self.rest);
                let length = length(component);
                // Its length is a variance: the square of the point's.
                component.iter_mut().for_each(|c| *c *= length);
            } else {
                let part = dot(&self.rest, component) / length(component);
                for (c, x) in component.iter_mut().zip(&self.rest) {
                    *c += weight * (part * x - *c);
                }
            }
            let length = length(component);
            let part = dot(&self.rest, component) / length;
            for (x, c) in self.rest.iter_mut().zip(&*component) {
                *x -= part * c / length;
            }
        }
        self.rest = centred;
    }

    fn tell(&self, components: &[f64], room: &mut [f64]) {
        let each = components.chunks_exact(self.width);
        match self.tells {
            Tells::Projection => {
                for (y, v) in room.iter_mut().zip(each) {
                    *y = dot(&self.rest, v) / length(v);
                }
            }
            Tells::Variance => {
                for (y, v) in room.iter_mut().zip(each) {
                    *y = dot(v, v).sqrt();
                }
            }
            Tells::Components => {
                for (unit, v) in room.chunks_exact_mut(self.width).zip(each) {
                    let length = length(v);
                    unit.iter_mut().zip(v).for_each(|(y, x)| *y = x / length);
                }
            }
        }
    }
}

impl Agent for Pca {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let at = input.position();
        let (learned, state) = io.state.slice::<f64>().split_at_mut(1);
        let (mean, components) = state.split_at_mut(self.width);
        let mut taken = std::mem::take(&mut self.taken);
        let mut view = View::new(input, self.scalar, &mut taken);
        let numbers = view.range(at, at + n as u64);
        let width = self.width;
        self.pace.visit(at, n, |i, tells| {
            let point = &numbers[i * width..(i + 1) * width];
            if point.iter().all(|x| x.is_finite()) {
                learned[0] += 1.0;
                self.learn(learned[0], point, mean, components);
            } else {
                self.rest.fill(f64::NAN);
            }
            if tells {
                let len = match self.tells {
                    Tells::Components => self.count * width,
                    _ => self.count,
                };
                self.tell(components, &mut output.elements::<f64>()[..len]);
                output.produce(1);
            }
        });
        self.taken = taken;
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::keys::mixed;
    use crate::operators::trial::{build, given, output};

    /// Points spread by 5 along (0.6, 0.8), by 1 across, around (100, -50).
    fn spread(items: u64) -> Vec<f64> {
        let uniform = |n: u64| (mixed(n) >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        let point = |n: u64| {
            let (a, b) = (
                uniform(2 * n) * 10.0 * 3f64.sqrt(),
                uniform(2 * n + 1) * 2.0 * 3f64.sqrt(),
            );
            [100.0 + 0.6 * a - 0.8 * b, -50.0 + 0.8 * a + 0.6 * b]
        };
        (0..items).flat_map(point).collect()
    }

    #[test]
    fn it_finds_the_directions_and_variances_of_a_known_spread() {
        let points = || [given("f64[2]", &spread(20_000))];
        let params = |what: &'static str| {
            [
                ("components", 2.into()),
                ("every", 20_000.into()),
                ("output", what.into()),
            ]
        };
        let found = output::<[f64; 4]>("pca", &points(), &params("components"), None)[0];
        let along = found[0] * 0.6 + found[1] * 0.8;
        let across = found[2] * -0.8 + found[3] * 0.6;
        assert!(along.abs() > 0.9999 && across.abs() > 0.999, "{found:?}");
        let [first, second] = output::<[f64; 2]>("pca", &points(), &params("variance"), None)[0];
        assert!(
            (first / 25.0 - 1.0).abs() < 0.05 && (second - 1.0).abs() < 0.1,
            "{first} {second}"
        );
    }

    #[test]
    fn a_projection_is_the_point_seen_along_the_components() {
        let points = [given("f64[2]", &[1.0, 1.0, 3.0, 1.0, 5.0, 1.0])];
        let found = output::<f64>("pca", &points, &[("components", 1.into())], None);
        assert_eq!(found, [0.0, 1.0, 2.0]);
    }

    #[test]
    fn points_that_are_not_finite_are_not_learned_and_have_no_projection() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let points = [nan, 1.0, 1.0, 1.0, 3.0, 1.0, 1.0, inf, -inf, nan, 5.0, 1.0];
        let points = || [given("f64[2]", &points)];
        let found = output::<f64>("pca", &points(), &[("components", 1.into())], None);
        assert_eq!([found[1], found[2], found[5]], [0.0, 1.0, 2.0]);
        assert!([0, 3, 4].iter().all(|i| found[*i].is_nan()), "{found:?}");
        let params = [("components", 1.into()), ("output", "variance".into())];
        let found = output::<f64>("pca", &points(), &params, None);
        assert!(found[2] > 0.0 && found[2] == found[4], "{found:?}");
    }

    #[test]
    fn more_components_than_numbers_are_refused() {
        let refused = build(
            "pca",
            &[given("f64[2]", &[0.0; 2])],
            &[("components", 3.into())],
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("components"));
    }
}
