//! `pll`: a phase-locked loop of second order.

use std::f64::consts::{PI, TAU};

use bytemuck::{Pod, Zeroable};

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;
use crate::units::Unit;

use super::angle::{Real, product, turns_of};
use super::{Precision, RATE, complex, one_to_one};

/// The row of the table.
pub const PLL: OpDef = OpDef {
    name: "pll",
    summary: "phase-locked loop: follows a carrier",
    doc: "The loop has a phase and a frequency. For each item it first gives its output, then takes the error, the angle of the item less \
its phase, within -pi and pi, and follows: frequency += beta error, phase += frequency + alpha error, the frequency kept within `min_freq` and \
`max_freq`. With bandwidth w and damping d, alpha = 4 d w / (1 + 2 d w + w^2) and beta = 4 w^2 / (1 + 2 d w + w^2). \
`output` chooses what is given: `carrier`, the item times exp(-i phase), which brings the carrier to 0 Hz (GNU Radio's `pll_carriertracking_cc`); \
`reference`, exp(i phase) (`pll_refout_cc`); `freq`, the loop's frequency in Hz (`pll_freqdet_cf`, there in radians per item). \
An item that is not finite makes no error.",
    inputs: Arity::One,
    outputs: "one stream of the input's type; for `freq` of f32 or f64",
    params: &[
        ParamDef {
            name: "bandwidth",
            kind: ParamKind::Float,
            default: None,
            unit: "rad/item",
            doc: "The loop's bandwidth, as GNU Radio counts it; above 0, 0.01 to 0.1 is usual.",
        },
        ParamDef {
            name: "max_freq",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "The highest frequency of the loop; half the rate without it.",
        },
        ParamDef {
            name: "min_freq",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "Hz",
            doc: "The lowest frequency of the loop; minus half the rate without it.",
        },
        ParamDef {
            name: "damping",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "",
            doc: "The loop's damping, above 0; sqrt(2) / 2 without it.",
        },
        ParamDef {
            name: "output",
            kind: ParamKind::Choice(&["carrier", "reference", "freq"]),
            default: Some("carrier"),
            unit: "",
            doc: "What is given.",
        },
        RATE,
    ],
    example: "sine freq=1000 rate=48000 items=4800 dtype=cf32 ! pll bandwidth=0.05 max_freq=2000 min_freq=-2000 ! null",
    deterministic: true,
    build,
};

/// The parameters, in radians per item.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    alpha: f64,
    beta: f64,
    low: f64,
    high: f64,
}

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let (precision, rate) = (complex(args)?, iir::rate(args)?);
    let above_0 = |name: &str, default: f64| match args.float(name).unwrap_or(default) {
        value if value > 0.0 => Ok(value),
        value => Err(OpError::param(
            name,
            format!("`{name}` is {value}, and must be above 0"),
        )),
    };
    let bandwidth = above_0("bandwidth", 0.0)?;
    let damping = above_0("damping", std::f64::consts::FRAC_1_SQRT_2)?;
    let low = args.float("min_freq").unwrap_or(-rate / 2.0);
    let high = args.float("max_freq").unwrap_or(rate / 2.0);
    if low >= high {
        let message =
            format!("`min_freq` is {low} Hz, and must be below `max_freq`, which is {high} Hz");
        return Err(OpError::param("min_freq", message));
    }
    let following = Loop::new(bandwidth, damping, TAU * low / rate, TAU * high / rate);
    let output = args.text("output").unwrap_or("carrier");
    let blueprint = match precision {
        Precision::Single => following.agent::<f32>(args, output, rate),
        Precision::Double => following.agent::<f64>(args, output, rate),
    };
    Ok(blueprint.unit(match output {
        "carrier" => Unit::Of(0),
        "freq" => Unit::Is("Hz".to_owned()),
        _ => Unit::Unknown,
    }))
}

/// Where the loop is, in radians and radians per item.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Following {
    pub(super) phase: f64,
    pub(super) freq: f64,
}

impl Loop {
    /// A loop of this bandwidth and damping whose frequency stays within `low` and `high`.
    pub(super) fn new(bandwidth: f64, damping: f64, low: f64, high: f64) -> Loop {
        let under = 1.0 + 2.0 * damping * bandwidth + bandwidth * bandwidth;
        Loop {
            alpha: 4.0 * damping * bandwidth / under,
            beta: 4.0 * bandwidth * bandwidth / under,
            low,
            high,
        }
    }

    fn agent<R: Real>(self, args: &Args, output: &str, rate: f64) -> Blueprint {
        let start = Following {
            phase: 0.0,
            freq: 0.0,
        };
        match output {
            "freq" => {
                let hz = rate / TAU;
                one_to_one(
                    args,
                    start,
                    move |state, _, x: &[R::Complex], y: &mut [R]| {
                        self.each::<R, R>(state, x, y, |state, _| R::nearest(state.freq * hz));
                    },
                )
            }
            "reference" => one_to_one(args, start, move |state, _, x: &[R::Complex], y| {
                self.each::<R, R::Complex>(state, x, y, |state, _| {
                    let (cos, sin) = R::cos_sin(turns_of(state.phase));
                    R::complex(cos, sin)
                });
            }),
            _ => one_to_one(args, start, move |state, _, x: &[R::Complex], y| {
                self.each::<R, R::Complex>(state, x, y, |state, x| {
                    let (cos, sin) = R::cos_sin(turns_of(-state.phase));
                    let (re, im) = product(x, (cos, sin));
                    R::complex(re, im)
                });
            }),
        }
    }

    #[inline(always)]
    fn each<R: Real, Y>(
        self,
        state: &mut Following,
        x: &[R::Complex],
        y: &mut [Y],
        give: impl Fn(&Following, (R, R)) -> Y,
    ) {
        for (y, &x) in y.iter_mut().zip(x) {
            let (re, im) = R::parts(x);
            *y = give(state, (re, im));
            self.follow(state, R::arg(re, im).wide());
        }
    }

    #[inline(always)]
    fn follow(self, state: &mut Following, angle: f64) {
        let error = angle - state.phase;
        let error = if error > PI {
            error - TAU
        } else if error < -PI {
            error + TAU
        } else {
            error
        };
        self.advance(state, if error.is_finite() { error } else { 0.0 });
    }

    /// Follows an error.
    #[inline(always)]
    pub(super) fn advance(self, state: &mut Following, error: f64) {
        state.freq += self.beta * error;
        state.phase += state.freq + self.alpha * error;
        state.phase -= TAU * (state.phase / TAU).round_ties_even();
        state.freq = state.freq.clamp(self.low, self.high);
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn tone(freq: f64) -> Vec<Complex<f64>> {
        let turn = std::f64::consts::TAU * freq;
        let mut items: Vec<Complex<f64>> = (0..2000)
            .map(|n| Complex::cis(1.0 + turn * n as f64))
            .collect();
        items[1000] = Complex::new(f64::NAN, 0.0);
        items
    }

    #[test]
    fn it_locks_on_a_carrier() {
        for freq in [0.01, -0.02] {
            let x = || [given("cf64", &tone(freq)).rate(1000.0)];
            let chosen =
                |output: &str| [("bandwidth", Value::from(0.05)), ("output", output.into())];
            let hz: Vec<f64> = output("pll", &x(), &chosen("freq"), None);
            assert!((hz[1999] - 1000.0 * freq).abs() < 1e-6, "{}", hz[1999]);
            let still: Vec<Complex<f64>> = output("pll", &x(), &chosen("carrier"), None);
            assert!((still[1999] - 1.0).norm() < 1e-6, "{}", still[1999]);
            let same: Vec<Complex<f64>> = output("pll", &x(), &chosen("reference"), None);
            assert!((same[1999] - tone(freq)[1999]).norm() < 1e-6);
        }
    }

    #[test]
    fn its_frequency_stays_within_its_limits() {
        let params = [
            ("bandwidth", Value::from(0.05)),
            ("max_freq", Value::from(50)),
            ("output", "freq".into()),
        ];
        let x = given("cf64", &tone(0.06)).rate(1000.0);
        let hz: Vec<f64> = output("pll", &[x], &params, None);
        assert!(hz.iter().all(|hz| *hz <= 50.0 + 1e-9));
    }

    #[test]
    fn what_makes_no_loop_is_refused() {
        let cases = [
            ("bandwidth", 0.0, "bandwidth"),
            ("damping", -1.0, "damping"),
            ("min_freq", 60.0, "min_freq"),
        ];
        for (name, value, param) in cases {
            let mut params = vec![("bandwidth", Value::from(0.1))];
            params.retain(|(n, _)| *n != name);
            params.push((name, value.into()));
            let x = given::<u8>("cf32", &[]).rate(100.0);
            let refused = build("pll", &[x], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param));
        }
        let real = build(
            "pll",
            &[given::<u8>("f32", &[]).rate(9.0)],
            &[("bandwidth", 1.into())],
            None,
        );
        assert_eq!(real.unwrap_err().param.as_deref(), Some("in"));
    }
}
