//! `regress`: the line through all points so far.

use bytemuck::{Pod, Zeroable};

use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, StateSpec, Status};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const REGRESS: OpDef = OpDef {
    name: "regress",
    summary: "slope, intercept and correlation of all points (x, y) so far",
    doc: "Least squares of y on x, as `scipy.stats.linregress`, by running means and co-moments (Welford's update for two variables, \
Chan, Golub and LeVeque 1983), so a large mean costs no digits. Points are two streams of real numbers, x and y (`in = [x, y]`, ending with \
the shorter); or one of vectors of two; or one of numbers, which are y, x being their places 0, 1, 2 and so on: a trend. Slope and intercept are NaN while all x are equal, the correlation while all x or all y are.",
    inputs: Arity::AtLeast(1),
    outputs: "f64[4]: slope, intercept, correlation, count",
    params: &[EVERY],
    example: "x:counter items=1000 dtype=f64 ! y:map expr=\"3 * x - 2\"; regress in=[x, y] every=100 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let points = points(args)?;
    let pace = Pace::of(args)?;
    let agent = Regress {
        pace,
        points,
        taken: Default::default(),
    };
    let blueprint = args
        .inputs()
        .iter()
        .fold(Blueprint::new(agent), |blueprint, input| {
            blueprint.input(InPort::new(input.item_type.clone()))
        });
    Ok(blueprint
        .ends(Ends::AnyInput)
        .output(pace.port(args, ItemType::Vector(Scalar::F64, 4)))
        .state(StateSpec::of(Sums::zeroed())))
}

fn points(args: &Args) -> Result<Points, OpError> {
    let real = |input: &InputInfo| match input.item_type {
        ItemType::Scalar(scalar) if !scalar.is_complex() => Ok(scalar),
        _ => Err(
            OpError::input_type("regress", input, "real numbers, or vectors of two (x, y)")
                .with_help("`pick index=[0, 1]` takes two elements of a vector"),
        ),
    };
    match args.inputs() {
        [one] => match one.item_type {
            ItemType::Vector(scalar, 2) if !scalar.is_complex() => Ok(Points::Items(scalar)),
            _ => real(one).map(Points::Trend),
        },
        [x, y] => Ok(Points::Streams(real(x)?, real(y)?)),
        more => {
            let message = format!("`regress` takes x and y, and has {} inputs", more.len());
            Err(OpError::param("in", message))
        }
    }
}

/// What the points are, of these numbers.
#[derive(Clone, Copy)]
enum Points {
    /// x and y side by side in an item.
    Items(Scalar),
    /// x of the first input, y of the second.
    Streams(Scalar, Scalar),
    /// y; x is its place.
    Trend(Scalar),
}

struct Regress {
    pace: Pace,
    points: Points,
    /// Scratch, for each input.
    taken: [Vec<f64>; 2],
}

/// Means, and sums of squares and products of the distances from them.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let (dx, dy) = (x - self.x, y - self.y);
        self.x += dx / self.count;
        self.y += dy / self.count;
        self.xx += dx * (x - self.x);
        self.yy += dy * (y - self.y);
        self.xy += dx * (y - self.y);
    }

    fn tell(&self) -> [f64; 4] {
        let slope = self.xy / self.xx;
        let correlation = self.xy / (self.xx * self.yy).sqrt();
        [slope, self.y - slope * self.x, correlation, self.count]
    }
}

impl Agent for Regress {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let most = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let n = self.pace.takes(&io.inputs[0], output).min(most);
        let at = io.inputs[0].position();
        let end = at + n as u64;
        let sums = io.state.get::<Sums>();
        let mut add = |tells: bool, [x, y]: [f64; 2]| {
            sums.add(x, y);
            if tells {
                output.push(sums.tell());
            }
        };
        let [one, other] = &mut self.taken;
        match self.points {
            Points::Items(scalar) => {
                let mut view = View::new(&io.inputs[0], scalar, one);
                let rows = view.range(at, end);
                self.pace
                    .visit(at, n, |i, tells| add(tells, [rows[2 * i], rows[2 * i + 1]]));
            }
            Points::Streams(x, y) => {
                let mut xs = View::new(&io.inputs[0], x, one);
                let mut ys = View::new(&io.inputs[1], y, other);
                let (xs, ys) = (xs.range(at, end), ys.range(at, end));
                self.pace
                    .visit(at, n, |i, tells| add(tells, [xs[i], ys[i]]));
            }
            Points::Trend(scalar) => {
                let mut view = View::new(&io.inputs[0], scalar, one);
                let ys = view.range(at, end);
                self.pace.visit(at, n, |i, tells| {
                    add(tells, [(at + i as u64) as f64, ys[i]]);
                });
            }
        }
        for input in io.inputs.iter_mut() {
            input.consume(n);
        }
        Ok(Status::Ready)
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

    #[test]
    fn what_are_no_points_is_refused() {
        let refused = build("regress", &[given("f64[3]", &[0.0; 3])], &[], None).unwrap_err();
        assert!(refused.help.unwrap().contains("pick"));
        let three = || given("f64", &[0.0]);
        let refused = build("regress", &[three(), three(), three()], &[], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("in"));
    }
}
