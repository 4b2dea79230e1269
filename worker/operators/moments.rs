//! `moments`: count, mean, variance, skewness and kurtosis of everything so far.

use bytemuck::{Pod, Zeroable};

use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError};
use crate::types::{ItemType, Scalar};
use crate::wide::View;

/// The row of the table.
pub const MOMENTS: OpDef = OpDef {
    name: "moments",
    summary: "count, mean, variance, skewness and excess kurtosis of all items so far",
    doc: "One pass, without loss where the mean is large beside the spread (Welford 1962; Pébay, Sandia report SAND2008-6212, for the \
third and fourth moment). Variance has ddof 0; skewness and kurtosis are those of `scipy.stats.skew` and `kurtosis` (biased, \
the normal distribution has 0), NaN while all items are equal. Items that are not finite are left out, and not counted. Real numbers of any type. `window` has moments of the last n items.",
    inputs: Arity::One,
    outputs: "f64[5]: count, mean, variance, skewness, excess kurtosis",
    params: &[EVERY],
    example: "noise items=10000 ! moments every=1000 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = real(args)?;
    let pace = Pace::of(args)?;
    let agent = Moments {
        pace,
        scalar,
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(pace.port(args, ItemType::Vector(Scalar::F64, 5)))
        .state(StateSpec::of(Sums::zeroed())))
}

/// The scalar of the only input, which must be real numbers.
pub(crate) fn real(args: &Args) -> Result<Scalar, OpError> {
    let input = args.input();
    match input.item_type.scalar() {
        Some(scalar) if !scalar.is_complex() => Ok(scalar),
        _ => Err(OpError::input_type(args.op().name, input, "real numbers")),
    }
}

struct Moments {
    pace: Pace,
    scalar: Scalar,
    taken: Vec<f64>,
}

/// The mean, and sums of powers of the distances from it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Sums {
    count: f64,
    mean: f64,
    second: f64,
    third: f64,
    fourth: f64,
}

impl Sums {
    fn add(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        let before = self.count;
        self.count += 1.0;
        let n = self.count;
        let delta = x - self.mean;
        let part = delta / n;
        let square = part * part;
        let grown = delta * part * before;
        self.mean += part;
        self.fourth += grown * square * (n * n - 3.0 * n + 3.0) + 6.0 * square * self.second
            - 4.0 * part * self.third;
        self.third += grown * part * (n - 2.0) - 3.0 * part * self.second;
        self.second += grown;
    }

    fn tell(&self) -> [f64; 5] {
        let Sums {
            count: n,
            mean,
            second,
            third,
            fourth,
        } = *self;
        let skew = n.sqrt() * third / (second * second.sqrt());
        [
            n,
            mean,
            second / n,
            skew,
            n * fourth / (second * second) - 3.0,
        ]
    }
}

impl Agent for Moments {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let at = input.position();
        let sums = io.state.get::<Sums>();
        let mut view = View::new(input, self.scalar, &mut self.taken);
        let numbers = view.range(at, at + n as u64);
        self.pace.visit(at, n, |i, tells| {
            sums.add(numbers[i]);
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
    use crate::operators::trial::{given, output};

    #[test]
    fn they_are_what_numpy_and_scipy_say() {
        let x: [f64; 8] = [
            1e9 + 2.0,
            1e9 + 8.0,
            1e9,
            1e9 + 4.0,
            1e9 + 1.0,
            1e9 + 9.0,
            1e9 + 9.0,
            1e9 + 10.0,
        ];
        let all = output::<[f64; 5]>("moments", &[given("f64", &x)], &[("every", 4.into())], None);
        assert_eq!(all.len(), 2);
        // numpy 2.4.6, scipy 1.17.1: var(x), skew(x), kurtosis(x)
        let expected = [
            8.0,
            1e9 + 5.375,
            14.484375,
            -0.15369861232206772,
            -1.6982994871580035,
        ];
        for (found, expected) in all[1].iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6 * expected.abs().min(1.0),
                "{:?}",
                all[1]
            );
        }
    }

    #[test]
    fn items_that_are_not_finite_are_left_out() {
        let x = [2.0, f64::NAN, 4.0, f64::INFINITY, f64::NEG_INFINITY, 6.0];
        let all = output::<[f64; 5]>("moments", &[given("f64", &x)], &[], None);
        assert_eq!(all[1][..3], [1.0, 2.0, 0.0]);
        assert_eq!(all[5][..4], [3.0, 4.0, 8.0 / 3.0, 0.0]);
    }

    #[test]
    fn equal_items_have_no_shape() {
        let all = output::<[f64; 5]>("moments", &[given("u8", &[7u8, 7])], &[], None);
        assert_eq!(all[1][..3], [2.0, 7.0, 0.0]);
        assert!(all[1][3].is_nan() && all[1][4].is_nan());
    }
}
