//! `costas`: follows a carrier that phase-shift keying has taken away.

use bytemuck::Zeroable;

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::units::Unit;

use super::angle::{Real, product, turns_of};
use super::pll::{Following, Loop};
use super::{Precision, complex, one_to_one};

/// The row of the table.
pub const COSTAS: OpDef = OpDef {
    name: "costas",
    summary: "Costas loop: takes the carrier's phase off keyed symbols",
    doc: "Each item is turned back by the loop's phase, y = x exp(-i phase), which is given; then the loop follows y's error, cut to -1 to 1: frequency += \
beta error, phase += frequency + alpha error, the frequency kept within 1 rad per item. alpha and beta follow from `bandwidth` as for `pll`, with a damping of sqrt(2) / 2. \
The error, for an `order` of 2 (BPSK): re(y) im(y); of 4 (QPSK): sgn(re) im - sgn(im) re; of 8 (8PSK): the same, with the part of smaller size times sqrt(2) - 1. \
Where the phase settles, it is one of `order` that look alike: `differential.decode` takes that out of the symbols. The items should have a level of about 1 (`agc`), \
and come once a symbol (`clock.gardner`) or oversampled. GNU Radio's `costas_loop_cc`. An item that is not finite makes no error.",
    inputs: Arity::One,
    outputs: "one stream of the input's type; for `freq` of f32 or f64",
    params: &[
        ParamDef {
            name: "bandwidth",
            kind: ParamKind::Float,
            default: None,
            unit: "rad/item",
            doc: "The loop's bandwidth, as GNU Radio counts it (`loop_bw`); above 0, 2 pi / 100 is usual.",
        },
        ParamDef {
            name: "order",
            kind: ParamKind::Int,
            default: Some("4"),
            unit: "",
            doc: "How many phases the symbols have: 2, 4 or 8.",
        },
        ParamDef {
            name: "output",
            kind: ParamKind::Choice(&["symbols", "freq"]),
            default: Some("symbols"),
            unit: "",
            doc: "What is given: the items turned back, or the loop's frequency in radians per item.",
        },
    ],
    example: "sine freq=200 rate=48000 items=4800 dtype=cf32 ! costas bandwidth=0.06 order=2 ! null",
    deterministic: true,
    build,
};

/// The error of an item that was turned back.
type Error = fn(f64, f64) -> f64;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let precision = complex(args)?;
    let error: Error = match args.int("order").unwrap_or(4) {
        2 => error_of_2,
        4 => error_of_4,
        8 => error_of_8,
        order => {
            let message = format!("`order` is {order}, and must be 2, 4 or 8");
            return Err(OpError::param("order", message));
        }
    };
    let bandwidth = args.float("bandwidth").unwrap_or(0.0);
    if bandwidth <= 0.0 || bandwidth.is_nan() {
        let message = format!("`bandwidth` is {bandwidth}, and must be above 0");
        return Err(OpError::param("bandwidth", message));
    }
    let following = Loop::new(bandwidth, std::f64::consts::FRAC_1_SQRT_2, -1.0, 1.0);
    let freq = args.text("output") == Some("freq");
    let blueprint = match precision {
        Precision::Single => agent::<f32>(args, following, error, freq),
        Precision::Double => agent::<f64>(args, following, error, freq),
    };
    Ok(blueprint.unit(match freq {
        true => Unit::Unknown,
        false => Unit::Of(0),
    }))
}

fn agent<R: Real>(args: &Args, following: Loop, error: Error, freq: bool) -> Blueprint {
    let turn = move |state: &mut Following, x: R::Complex| {
        let (cos, sin) = R::cos_sin(turns_of(-state.phase));
        let (re, im) = product(R::parts(x), (cos, sin));
        let found = error(re.wide(), im.wide());
        following.advance(
            state,
            if found.is_nan() {
                0.0
            } else {
                found.clamp(-1.0, 1.0)
            },
        );
        R::complex(re, im)
    };
    let start = Following::zeroed();
    match freq {
        true => one_to_one(
            args,
            start,
            move |state, _, x: &[R::Complex], y: &mut [R]| {
                for (y, &x) in y.iter_mut().zip(x) {
                    turn(state, x);
                    *y = R::nearest(state.freq);
                }
            },
        ),
        false => one_to_one(args, start, move |state, _, x: &[R::Complex], y| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = turn(state, x);
            }
        }),
    }
}

/// 1 above 0, else -1.
fn sign(x: f64) -> f64 {
    if x > 0.0 { 1.0 } else { -1.0 }
}

fn error_of_2(re: f64, im: f64) -> f64 {
    re * im
}

fn error_of_4(re: f64, im: f64) -> f64 {
    sign(re) * im - sign(im) * re
}

fn error_of_8(re: f64, im: f64) -> f64 {
    let k = std::f64::consts::SQRT_2 - 1.0;
    match re.abs() >= im.abs() {
        true => sign(re) * im - sign(im) * re * k,
        false => sign(re) * im * k - sign(im) * re,
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    /// Symbols of `order` phases, turned by a carrier: some items are not finite.
    fn keyed(order: u64) -> Vec<Complex<f64>> {
        let phase = |n: u64| {
            let symbol = ((n * 2_654_435_761) >> 7) % order;
            let offset = if order == 4 { 0.5 } else { 0.0 };
            (symbol as f64 + offset) / order as f64 * std::f64::consts::TAU
        };
        let item = |n: u64| Complex::cis(phase(n) + 0.3 + 0.01 * n as f64);
        let mut items: Vec<_> = (0..3000).map(item).collect();
        items[1500] = Complex::new(f64::NAN, 1.0);
        items
    }

    /// The loop as GNU Radio writes it, item by item.
    fn reference(items: &[Complex<f64>], bandwidth: f64, order: u64) -> Vec<Complex<f64>> {
        let damping = std::f64::consts::FRAC_1_SQRT_2;
        let under = 1.0 + 2.0 * damping * bandwidth + bandwidth * bandwidth;
        let (alpha, beta) = (
            4.0 * damping * bandwidth / under,
            4.0 * bandwidth * bandwidth / under,
        );
        let (mut phase, mut freq) = (0f64, 0f64);
        let sign = |x: f64| if x > 0.0 { 1.0 } else { -1.0 };
        let turn = |x: &Complex<f64>| {
            let y = x * Complex::cis(-phase);
            let k = 2f64.sqrt() - 1.0;
            let error = match order {
                2 => y.re * y.im,
                4 => sign(y.re) * y.im - sign(y.im) * y.re,
                _ if y.re.abs() >= y.im.abs() => sign(y.re) * y.im - sign(y.im) * y.re * k,
                _ => sign(y.re) * y.im * k - sign(y.im) * y.re,
            };
            let error = if error.is_nan() {
                0.0
            } else {
                error.clamp(-1.0, 1.0)
            };
            freq += beta * error;
            phase = (phase + freq + alpha * error) % std::f64::consts::TAU;
            freq = freq.clamp(-1.0, 1.0);
            y
        };
        items.iter().map(turn).collect()
    }

    #[test]
    fn it_does_what_gnu_radio_s_loop_does() {
        for order in [2, 4, 8] {
            let items = keyed(order);
            let params = [("bandwidth", 0.06.into()), ("order", (order as i64).into())];
            let given = [given("cf64", &items)];
            let found: Vec<Complex<f64>> = output("costas", &given, &params, None);
            let expected = reference(&items, 0.06, order);
            let is_near = |(a, b): (&Complex<f64>, &Complex<f64>)| {
                (a - b).norm() < 1e-9 || (a.re.is_nan() && b.re.is_nan())
            };
            assert!(found.iter().zip(&expected).all(is_near), "order {order}");
            // Locked: each symbol stands at one of the phases, wherever the carrier is.
            let still = found[2000..].iter().map(|y| y.powu(order as u32));
            let first = found[2999].powu(order as u32);
            assert!(
                still.clone().all(|y| (y - first).norm() < 1e-3),
                "order {order}"
            );
        }
    }

    #[test]
    fn its_frequency_is_the_carrier_s() {
        let params = [("bandwidth", 0.06.into()), ("output", Value::from("freq"))];
        let freq: Vec<f64> = output("costas", &[given("cf64", &keyed(4))], &params, None);
        assert!((freq[2999] - 0.01).abs() < 1e-6, "{}", freq[2999]);
    }

    #[test]
    fn what_makes_no_loop_is_refused() {
        for (name, value) in [("bandwidth", 0), ("order", 3)] {
            let mut params = vec![("bandwidth", Value::from(0.1))];
            params.retain(|(n, _)| *n != name);
            params.push((name, value.into()));
            let refused = build("costas", &[given::<u8>("cf32", &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name));
        }
    }
}
