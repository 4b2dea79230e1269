//! `regress`: the line, or the plane, through all points so far.

use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, StateSpec, Status};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const REGRESS: OpDef = OpDef {
    name: "regress",
    summary: "slope, intercept and correlation of all points (x, y) so far; of several x, a slope for each",
    doc: "Least squares of y on x, as `scipy.stats.linregress`, by running means and co-moments (Welford's update for two variables, \
Chan, Golub and LeVeque 1983), so a large mean costs no digits. Points are two streams of real numbers, x and y (`in = [x, y]`, ending with \
the shorter); or one of vectors of two; or one of numbers, which are y, x being their places 0, 1, 2 and so on: a trend. Slope and intercept are NaN while all x are equal, the correlation while all x or all y are. \
Of several x, all numbers of the inputs but the last are x, and the last is y: `in = [a, b, y]`, vectors `f64[3]`, or `in = [rows, y]`. Then there is a slope for each (`coef_` and `intercept_` of \
`sklearn.linear_model.LinearRegression`), and the correlation is that of y with what they foretell (its square is the `score`); all NaN while one x is a sum of multiples of the others. \
Points with a number that is not finite are left out, and not counted. Slopes of several x come from the scaled co-moments by Cholesky's method.",
    inputs: Arity::AtLeast(1),
    outputs: "f64[x + 3], x being how many there are: the slopes, intercept, correlation, count; f64[4] for one x",
    params: &[EVERY],
    example: "x:counter items=1000 dtype=f64 ! y:map expr=\"3 * x - 2\"; regress in=[x, y] every=100 ! print",
    deterministic: true,
    build,
};

/// The most x there may be.
const REGRESSORS_MAX: usize = 64;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let sides = args
        .inputs()
        .iter()
        .map(Side::of)
        .collect::<Result<Vec<_>, _>>()?;
    let numbers: usize = sides.iter().map(|side| side.width).sum();
    let is_trend = numbers == 1;
    let regressors = if is_trend { 1 } else { numbers - 1 };
    if regressors > REGRESSORS_MAX {
        let message = format!("`regress` takes at most {REGRESSORS_MAX} x, and has {regressors}");
        return Err(OpError::param("in", message));
    }
    let pace = Pace::of(args)?;
    let variables = regressors + 1;
    let agent = Regress {
        pace,
        taken: vec![Vec::new(); sides.len()],
        sides,
        is_trend,
        row: vec![0.0; variables],
        plane: Plane::new(regressors),
    };
    let blueprint = args
        .inputs()
        .iter()
        .fold(Blueprint::new(agent), |blueprint, input| {
            blueprint.input(InPort::new(input.item_type.clone()))
        });
    let told = ItemType::Vector(Scalar::F64, regressors as u32 + 3);
    Ok(blueprint
        .ends(Ends::AnyInput)
        .output(pace.port(args, told))
        .state(StateSpec::slice(&vec![0u64; words(variables)])))
}

/// Numbers of the state: a count, the variables' means, and the co-moments of each with itself and those behind it.
fn words(variables: usize) -> usize {
    1 + variables + variables * (variables + 1) / 2
}

/// What an input gives to a point.
#[derive(Clone, Copy)]
struct Side {
    scalar: Scalar,
    width: usize,
}

impl Side {
    fn of(input: &InputInfo) -> Result<Side, OpError> {
        let is_plain = input.item_type.timed_values().is_none();
        match input.item_type.elements() {
            Some((scalar, width)) if is_plain && !scalar.is_complex() => Ok(Side { scalar, width }),
            _ => Err(
                OpError::input_type("regress", input, "real numbers, or vectors of them").with_help(
                    "the last number of a point is y, those before are x; `map expr=\"re(x)\"` makes real numbers",
                ),
            ),
        }
    }
}

struct Regress {
    pace: Pace,
    sides: Vec<Side>,
    /// The only number is y, and x its place.
    is_trend: bool,
    /// Scratch, for each input.
    taken: Vec<Vec<f64>>,
    /// Scratch: a point, y last.
    row: Vec<f64>,
    plane: Plane,
}

impl Agent for Regress {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let most = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let n = self.pace.takes(&io.inputs[0], output).min(most);
        let at = io.inputs[0].position();
        let sides = self.taken.iter_mut().zip(&io.inputs[..]).zip(&self.sides);
        let mut views: Vec<_> = sides
            .map(|((taken, input), side)| View::new(input, side.scalar, taken))
            .collect();
        let columns: Vec<&[f64]> = views
            .iter_mut()
            .map(|view| view.range(at, at + n as u64))
            .collect();
        let mut sums = Sums::of(io.state.slice::<f64>(), self.row.len());
        let told = self.row.len() + 2;
        let room = output.elements::<f64>();
        let mut given = 0;
        self.pace.visit(at, n, |i, tells| {
            let mut slots = self.row.iter_mut();
            if self.is_trend {
                *slots.next().expect("x and y") = (at + i as u64) as f64;
            }
            for (numbers, side) in columns.iter().zip(&self.sides) {
                for (x, slot) in numbers[i * side.width..][..side.width]
                    .iter()
                    .zip(slots.by_ref())
                {
                    *slot = *x;
                }
            }
            sums.add(&self.row);
            if tells {
                self.plane.fit(&sums, &mut room[given * told..][..told]);
                given += 1;
            }
        });
        output.produce(given);
        for input in io.inputs.iter_mut() {
            input.consume(n);
        }
        Ok(Status::Ready)
    }
}

/// Means, and sums of products of the distances from them.
struct Sums<'a> {
    count: &'a mut f64,
    means: &'a mut [f64],
    /// Of each variable with itself and with those behind it, one after the other.
    moments: &'a mut [f64],
}

impl Sums<'_> {
    fn of(state: &mut [f64], variables: usize) -> Sums<'_> {
        let (count, rest) = state.split_first_mut().expect("a count");
        let (means, moments) = rest.split_at_mut(variables);
        Sums {
            count,
            means,
            moments,
        }
    }

    fn add(&mut self, row: &[f64]) {
        if !row.iter().all(|x| x.is_finite()) {
            return;
        }
        *self.count += 1.0;
        let mut moments = self.moments.iter_mut();
        for (j, x) in row.iter().enumerate() {
            let off = x - self.means[j];
            self.means[j] += off / *self.count;
            let behind = row.iter().zip(self.means.iter()).enumerate().skip(j);
            for ((k, (x, mean)), moment) in behind.zip(moments.by_ref()) {
                // Those behind still have their old means: the distance from the new one follows from it.
                let left = x - mean;
                let left = if k == j {
                    left
                } else {
                    left - left / *self.count
                };
                *moment += off * left;
            }
        }
    }

    /// The co-moment of two variables, `j <= k`.
    fn moment(&self, j: usize, k: usize) -> f64 {
        let variables = self.means.len();
        self.moments[j * variables - j * j.saturating_sub(1) / 2 + k - j]
    }
}

/// What is least in the square, found from co-moments.
struct Plane {
    regressors: usize,
    /// Scratch: the lower triangle of the factor, row by row.
    factor: Vec<f64>,
    /// Scratch: roots of the regressors' own moments.
    scales: Vec<f64>,
}

/// A regressor whose part beside the others is less than this share of it (of its square) is taken for a sum of multiples of them.
const PART_MIN: f64 = 1e-13;

impl Plane {
    fn new(regressors: usize) -> Plane {
        Plane {
            regressors,
            factor: vec![0.0; regressors * regressors],
            scales: vec![0.0; regressors],
        }
    }

    /// The slopes, the intercept, the correlation and the count.
    fn fit(&mut self, sums: &Sums<'_>, told: &mut [f64]) {
        let p = self.regressors;
        told[p + 2] = *sums.count;
        if p == 1 {
            let slope = sums.moment(0, 1) / sums.moment(0, 0);
            told[0] = slope;
            told[1] = sums.means[1] - slope * sums.means[0];
            told[2] = sums.moment(0, 1) / (sums.moment(0, 0) * sums.moment(1, 1)).sqrt();
            return;
        }
        if !self.factorise(sums) {
            told[..p + 2].fill(f64::NAN);
            return;
        }
        let slopes = &mut told[..p];
        self.solve(sums, slopes);
        let explained: f64 = (0..p).map(|j| slopes[j] * sums.moment(j, p)).sum();
        let foretold: f64 = (0..p).map(|j| slopes[j] * sums.means[j]).sum();
        told[p] = sums.means[p] - foretold;
        told[p + 1] = (explained / sums.moment(p, p)).clamp(0.0, 1.0).sqrt();
    }

    /// Cholesky's factor of the regressors' correlations; false where one of them says nothing of its own.
    fn factorise(&mut self, sums: &Sums<'_>) -> bool {
        let p = self.regressors;
        for j in 0..p {
            self.scales[j] = sums.moment(j, j).sqrt();
        }
        for j in 0..p {
            for k in 0..=j {
                let scaled = sums.moment(k, j) / (self.scales[j] * self.scales[k]);
                let known: f64 = (0..k)
                    .map(|i| self.factor[j * p + i] * self.factor[k * p + i])
                    .sum();
                let left = scaled - known;
                if k < j {
                    self.factor[j * p + k] = left / self.factor[k * p + k];
                } else if left > PART_MIN {
                    self.factor[j * p + j] = left.sqrt();
                } else {
                    return false;
                }
            }
        }
        true
    }

    /// The slopes, by substitution forwards and backwards.
    fn solve(&self, sums: &Sums<'_>, slopes: &mut [f64]) {
        let p = self.regressors;
        for j in 0..p {
            let known: f64 = (0..j).map(|i| self.factor[j * p + i] * slopes[i]).sum();
            let wanted = sums.moment(j, p) / self.scales[j];
            slopes[j] = (wanted - known) / self.factor[j * p + j];
        }
        for j in (0..p).rev() {
            let known: f64 = (j + 1..p).map(|i| self.factor[i * p + j] * slopes[i]).sum();
            slopes[j] = (slopes[j] - known) / self.factor[j * p + j];
        }
        for (slope, scale) in slopes.iter_mut().zip(&self.scales) {
            *slope /= scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{Given, build, given, output};

    #[test]
    fn it_is_what_scipy_says_far_from_the_origin_too() {
        let points: [f64; 10] = [0.0, 1.0, 1.0, 3.0, 2.0, 2.0, 3.0, 5.0, 4.0, 4.0];
        let far = points.map(|x| x + 1e8);
        // scipy.stats.linregress([0, 1, 2, 3, 4], [1, 3, 2, 5, 4])
        let expected = [0.8, 1.4, 0.8, 5.0];
        let found = output::<[f64; 4]>("regress", &[given("f64[2]", &points)], &[], None);
        for (found, expected) in found[4].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        let found = output::<[f64; 4]>(
            "regress",
            &[given("f64[2]", &far)],
            &[("every", 5.into())],
            None,
        );
        assert!((found[0][0] - 0.8).abs() < 1e-12 && (found[0][2] - 0.8).abs() < 1e-12);
    }

    #[test]
    fn points_are_items_streams_or_places_with_numbers() {
        let (x, y) = ([0.0, 1.0, 2.0, 3.0, 4.0], [1i16, 3, 2, 5, 4]);
        let rows: Vec<f64> = x
            .iter()
            .zip(y)
            .flat_map(|(x, y)| [*x, f64::from(y)])
            .collect();
        let of = |inputs: &[Given]| output::<[f64; 4]>("regress", inputs, &[], None)[1..].to_vec();
        let items = of(&[given("f64[2]", &rows)]);
        assert_eq!(of(&[given("f64", &x), given("i16", &y)]), items);
        assert_eq!(of(&[given("i16", &y)]), items);
        // The shorter of two streams says how many points there are.
        assert_eq!(of(&[given("f64", &x[..4]), given("i16", &y)]), items[..3]);
    }

    /// Numbers without an order, from -0.5 to 0.5.
    fn scattered(n: usize, salt: u64) -> Vec<f64> {
        let mut random = salt;
        let mut next = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn several_x_have_a_slope_each_in_every_form_of_points() {
        let (a, b) = (scattered(200, 1), scattered(200, 2));
        let y: Vec<f64> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| 3.0 * (a + 1e6) - 0.25 * b + 7.0)
            .collect();
        let far: Vec<f64> = a.iter().map(|a| a + 1e6).collect();
        let every = [("every", 200.into())];
        let of = |inputs: &[Given]| output::<[f64; 5]>("regress", inputs, &every, None);
        let streams = of(&[given("f64", &far), given("f64", &b), given("f64", &y)]);
        let expected = [3.0, -0.25, 7.0, 1.0, 200.0];
        for (found, (expected, close)) in streams[0]
            .iter()
            .zip(expected.iter().zip([1e-9, 1e-9, 1e-3, 1e-12, 0.0]))
        {
            assert!((found - expected).abs() <= close, "{streams:?}");
        }
        let rows: Vec<f64> = (0..200).flat_map(|n| [far[n], b[n], y[n]]).collect();
        assert_eq!(of(&[given("f64[3]", &rows)]), streams);
        let xs: Vec<f64> = (0..200).flat_map(|n| [far[n], b[n]]).collect();
        assert_eq!(of(&[given("f64[2]", &xs), given("f64", &y)]), streams);
    }

    #[test]
    fn points_that_are_not_finite_are_left_out() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let (x, y) = ([0.0, nan, 1.0, inf, 2.0], [1.0, 2.0, nan, 4.0, 5.0]);
        let found = output::<[f64; 4]>("regress", &[given("f64", &x), given("f64", &y)], &[], None);
        assert_eq!(found[4], [2.0, 1.0, 1.0, 2.0]);
        // A trend goes on over what is missing.
        let found = output::<[f64; 4]>("regress", &[given("f64", &[0.0, nan, 2.0])], &[], None);
        assert_eq!(found[2], [1.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn several_x_are_what_sklearn_says() {
        // LinearRegression().fit(X, y): coef_, intercept_, the root of score(X, y).
        let rows = [
            1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 5.0, 2.0, 4.0, 3.0, 6.0, 5.0, 8.0, 4.0,
        ];
        let found = output::<[f64; 5]>(
            "regress",
            &[given("f64[3]", &rows)],
            &[("every", 5.into())],
            None,
        );
        let expected = [1.875, -0.625, -0.25, 0.947_859_430_506_443_8, 5.0];
        for (found, expected) in found[0].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn an_x_that_says_nothing_of_its_own_leaves_no_slopes() {
        let rows: Vec<f64> = (0..60)
            .map(f64::from)
            .flat_map(|n| [n, 2.0 * n + 1.0, n * n])
            .collect();
        let found = output::<[f64; 5]>(
            "regress",
            &[given("f64[3]", &rows)],
            &[("every", 60.into())],
            None,
        );
        assert!(found[0][..4].iter().all(|x| x.is_nan()), "{found:?}");
        assert_eq!(found[0][4], 60.0);
    }

    #[test]
    fn what_are_no_points_is_refused() {
        let refused = build("regress", &[given("cf64", &[0.0; 2])], &[], None).unwrap_err();
        assert!(refused.help.unwrap().contains("the last number"));
        let many = || given("f64[65]", &[0.0; 65]);
        let refused = build("regress", &[many(), many()], &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
    }
}
