//! `regress`: the line through all points so far.

use bytemuck::{Pod, Zeroable};

use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const REGRESS: OpDef = OpDef {
    name: "regress",
    summary: "slope, intercept and correlation of all points (x, y) so far",
    doc: "Least squares of y on x, as `scipy.stats.linregress`, by running means and co-moments (Welford's update for two variables, \
Chan, Golub and LeVeque 1983), so a large mean costs no digits. Items are two real numbers, x and y; `zip` makes them of two \
streams. Slope and intercept are NaN while all x are equal, the correlation while all x or all y are.",
    inputs: Arity::One,
    outputs: "f64[4]: slope, intercept, correlation, count",
    params: &[EVERY],
    example: "x:counter items=1000 dtype=f64 ! y:map expr=\"3 * x - 2\"; zip in=[x, y] ! regress every=100 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let scalar = match input.item_type {
        ItemType::Vector(scalar, 2) if !scalar.is_complex() => scalar,
        _ => {
            return Err(
                OpError::input_type("regress", input, "two real numbers (x, y)")
                    .or_help("`zip` makes them of two streams: op = \"zip\", in = [\"x\", \"y\"]"),
            );
        }
    };
    let pace = Pace::of(args)?;
    let agent = Regress {
        pace,
        scalar,
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(pace.port(args, ItemType::Vector(Scalar::F64, 4)))
        .state(StateSpec::of(Sums::zeroed())))
}

struct Regress {
    pace: Pace,
    scalar: Scalar,
    taken: Vec<f64>,
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
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let at = input.position();
        let sums = io.state.get::<Sums>();
        let mut view = View::new(input, self.scalar, &mut self.taken);
        let numbers = view.range(at, at + n as u64);
        self.pace.visit(at, n, |i, tells| {
            sums.add(numbers[2 * i], numbers[2 * i + 1]);
            if tells {
                output.push(sums.tell());
            }
        });
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

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
    fn points_are_two_numbers() {
        let refused = build("regress", &[given("f64", &[0.0])], &[], None).unwrap_err();
        assert!(refused.help.unwrap().contains("zip"));
    }
}
