//! `ewma`, `kalman`: smoothers that remember by a few numbers.

use bytemuck::{Pod, Zeroable};

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::units::Unit;

use super::each::{self, OUTPUTS};

/// The row of the moving average that forgets.
pub const EWMA: OpDef = OpDef {
    name: "ewma",
    summary: "exponentially weighted moving average",
    doc: "`y[n] = y[n-1] + alpha (x[n] - y[n-1])`, beginning with `y[0] = x[0]`: pandas' `ewm(.., adjust=False).mean()` (its default is `adjust=True`). Give one of \
`alpha`, `span` (alpha = 2 / (span + 1)), `halflife` (alpha = 1 - exp(-ln 2 / halflife)) and `com` (alpha = 1 / (1 + com)). \
Types: f32 stays f32, everything else becomes f64; vector items per element. A NaN stays for good. Source: Roberts, Technometrics 1 (1959).",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "alpha",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "",
            doc: "How much the newest item counts: above 0, at most 1.",
        },
        ParamDef {
            name: "span",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "items",
            doc: "About as smooth as a mean of so many items, at least 1.",
        },
        ParamDef {
            name: "halflife",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "items",
            doc: "After so many items an item counts half, above 0.",
        },
        ParamDef {
            name: "com",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "items",
            doc: "The mean age of what counts, at least 0.",
        },
    ],
    example: "noise rate=100 items=1000 ! ewma span=20 ! null",
    deterministic: true,
    build: build_ewma,
};

fn build_ewma(args: &Args) -> Result<Blueprint, OpError> {
    let alpha = alpha(args)?;
    let blueprint = each::blueprint(args, 0.0f64, move |n, mean, x| {
        *mean = match n {
            0 => x,
            _ => *mean + alpha * (x - *mean),
        };
        *mean
    })?;
    Ok(blueprint.unit(Unit::Of(0)))
}

fn alpha(args: &Args) -> Result<f64, OpError> {
    let names = ["alpha", "span", "halflife", "com"];
    let given: Vec<&str> = names
        .into_iter()
        .filter(|name| args.value(name).is_some())
        .collect();
    let &[name] = given.as_slice() else {
        let message = format!(
            "`ewma` has {} of its parameters, and needs one",
            given.len()
        );
        return Err(OpError::op(message).with_help("give one of alpha, span, halflife, com"));
    };
    let x = args.float(name).unwrap_or(f64::NAN);
    let (holds, wanted, alpha) = match name {
        "alpha" => (x > 0.0 && x <= 1.0, "above 0 and at most 1", x),
        "span" => (x >= 1.0, "at least 1", 2.0 / (x + 1.0)),
        "halflife" => (x > 0.0, "above 0", -(-std::f64::consts::LN_2 / x).exp_m1()),
        _ => (x >= 0.0, "at least 0", 1.0 / (1.0 + x)),
    };
    match holds {
        true => Ok(alpha),
        false => Err(OpError::param(
            name,
            format!("`{name}` is {x}, and must be {wanted}"),
        )),
    }
}

/// The row of the Kalman filter.
pub const KALMAN: OpDef = OpDef {
    name: "kalman",
    summary: "what a noisy measurement says of a value that wanders, or moves",
    doc: "A Kalman filter of one measured number; gives the value after each measurement. `model = walk`: the value changes by a random step of \
variance `q` from item to item. `model = velocity`: it moves at a velocity that changes by white acceleration of power `q` (the covariance of a step of \
dt is q [[dt^3/3, dt^2/2], [dt^2/2, dt]]; dt is 1 / rate, or 1 where the rate is not known). Each measurement has the variance `r`. It begins with the first measurement: \
variance r, velocity 0 of variance r / dt^2. Types: f32 stays f32, everything else becomes f64; vector items per element. A NaN stays for good. \
Source: Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, sections 5.2 and 6.2.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "q",
            kind: ParamKind::Float,
            default: None,
            unit: "",
            doc: "The variance of a step, or the power of the acceleration, at least 0.",
        },
        ParamDef {
            name: "r",
            kind: ParamKind::Float,
            default: None,
            unit: "",
            doc: "The variance of a measurement, above 0.",
        },
        ParamDef {
            name: "model",
            kind: ParamKind::Choice(&["walk", "velocity"]),
            default: Some("walk"),
            unit: "",
            doc: "How the value moves.",
        },
    ],
    example: "noise rate=100 items=1000 ! kalman q=0.001 r=1 ! null",
    deterministic: true,
    build: build_kalman,
};

/// Value, velocity and their covariance.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Belief {
    value: f64,
    velocity: f64,
    p: [f64; 3],
}

fn build_kalman(args: &Args) -> Result<Blueprint, OpError> {
    let number = |name: &str| args.float(name).unwrap_or(f64::NAN);
    let (q, r) = (number("q"), number("r"));
    if q < 0.0 {
        let message = format!("`q` is {q}, and must be at least 0");
        return Err(OpError::param("q", message));
    }
    if r <= 0.0 {
        let message = format!("`r` is {r}, and must be above 0");
        return Err(OpError::param("r", message));
    }
    let dt = 1.0 / args.input().rate.unwrap_or(1.0);
    let blueprint = match args.text("model") {
        Some("velocity") => each::blueprint(args, Belief::zeroed(), move |n, belief, x| {
            belief.moves(n, x, q, r, dt)
        }),
        _ => each::blueprint(args, Belief::zeroed(), move |n, belief, x| {
            belief.wanders(n, x, q, r)
        }),
    }?;
    Ok(blueprint.unit(Unit::Of(0)))
}

impl Belief {
    fn wanders(&mut self, n: u64, x: f64, q: f64, r: f64) -> f64 {
        if n == 0 {
            (self.value, self.p[0]) = (x, r);
            return x;
        }
        let before = self.p[0] + q;
        let gain = before / (before + r);
        self.value += gain * (x - self.value);
        self.p[0] = (1.0 - gain) * before;
        self.value
    }

    fn moves(&mut self, n: u64, x: f64, q: f64, r: f64, dt: f64) -> f64 {
        if n == 0 {
            (self.value, self.p) = (x, [r, 0.0, r / (dt * dt)]);
            return x;
        }
        let [p0, p1, p2] = self.p;
        let value = self.value + dt * self.velocity;
        let p0 = p0 + 2.0 * dt * p1 + dt * dt * p2 + q * dt * dt * dt / 3.0;
        let p1 = p1 + dt * p2 + q * dt * dt / 2.0;
        let p2 = p2 + q * dt;
        let (gain, gain_velocity) = (p0 / (p0 + r), p1 / (p0 + r));
        let apart = x - value;
        self.value = value + gain * apart;
        self.velocity += gain_velocity * apart;
        self.p = [
            (1.0 - gain) * p0,
            (1.0 - gain) * p1,
            p2 - gain_velocity * p1,
        ];
        self.value
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_moving_average_begins_with_the_first_item_and_goes_half_way() {
        let x = given("f64", &[4.0, 8.0, 0.0]);
        let y: Vec<f64> = output("ewma", &[x], &[("alpha", 0.5.into())], None);
        assert_eq!(y, [4.0, 6.0, 3.0]);
    }

    #[test]
    fn a_filter_of_what_never_moves_is_the_mean_so_far() {
        let x = given("f64", &[1.0, 3.0, 8.0, 0.0]);
        let y: Vec<f64> = output("kalman", &[x], &[("q", 0.into()), ("r", 2.into())], None);
        for (y, mean) in y.iter().zip([1.0, 2.0, 4.0, 3.0]) {
            assert!((y - mean).abs() < 1e-14, "{y}");
        }
    }

    #[test]
    fn a_filter_of_what_moves_follows_a_line() {
        let x: Vec<f64> = (0..400).map(|n| 0.25 * f64::from(n)).collect();
        let params = [
            ("q", 0.01.into()),
            ("r", 1.into()),
            ("model", "velocity".into()),
        ];
        let y: Vec<f64> = output("kalman", &[given("f64", &x)], &params, None);
        assert!((y[399] - x[399]).abs() < 1e-6, "{}", y[399]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let cases = [
            ("ewma", vec![("span", 0.5.into())], Some("span")),
            ("ewma", vec![("span", 5.into()), ("com", 5.into())], None),
            (
                "kalman",
                vec![("q", (-1).into()), ("r", 1.into())],
                Some("q"),
            ),
            ("kalman", vec![("q", 1.into()), ("r", 0.into())], Some("r")),
        ];
        for (op, params, expected) in cases {
            let error = build(op, &[given::<f64>("f64", &[])], &params, None).unwrap_err();
            assert_eq!(error.param.as_deref(), expected, "{op}: {error}");
        }
    }
}
