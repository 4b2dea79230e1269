//! `clock.gardner`: finds the moments of the symbols in a signal, after Gardner.

use bytemuck::{Pod, Zeroable};

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::clock::{Loop, Symbol, beyond, recovery, within};

/// The row of the table.
pub const GARDNER: OpDef = OpDef {
    name: "clock.gardner",
    summary: "clock recovery after Gardner: one item for each symbol",
    doc: "Looks for a symbol every `sps` items, and for the value half way to it, between items by the filter of 8 taps that `clock.mm` has. \
The error is (y1 - y) half, of complex numbers the real part of (y1 - y) conj(half), y1 being the symbol before: 0 where the value half way between two symbols is the \
mean of them, whatever the carrier's phase, so it works before a carrier is recovered. A loop of second order follows it: the time of a symbol changes by alpha error, \
that of all that follow by beta error, kept within `max_deviation`, with alpha = 2 zeta sin(w) / k and so on from the loop's bandwidth as in GNU Radio's `symbol_sync` \
(`TED_GARDNER`, `clock_tracking_loop`), the gain of the detector being 1. The signal's amplitude should be about 1: `agc` makes it so. \
An item that is not finite makes no error. Source: Gardner, IEEE Transactions on Communications 34 (1986).",
    inputs: Arity::One,
    outputs: "one stream of the input's type, of rate / sps",
    params: &[
        ParamDef {
            name: "sps",
            kind: ParamKind::Float,
            default: None,
            unit: "items",
            doc: "Items per symbol, 2 to 1000000.",
        },
        ParamDef {
            name: "bandwidth",
            kind: ParamKind::Float,
            default: Some("0.045"),
            unit: "radians per symbol",
            doc: "How fast the loop follows: its natural frequency, above 0 and up to 1.",
        },
        ParamDef {
            name: "damping",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "Of the loop, above 0 and up to 10; 1 follows without swinging over.",
        },
        ParamDef {
            name: "max_deviation",
            kind: ParamKind::Float,
            default: Some("1.5"),
            unit: "items",
            doc: "By how much the symbols' distance may differ from `sps`; less than half of it.",
        },
    ],
    example: "sine freq=6000 rate=48000 items=4800 ! clock.gardner sps=4 ! slice.binary ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let sps = within(args, "sps", 2.0, 1e6)?;
    let limit = match args.float("max_deviation") {
        Some(limit) if (0.0..sps / 2.0).contains(&limit) => limit,
        given => {
            let given = given.unwrap_or(f64::NAN);
            let words = format!(
                "`max_deviation` is {given}, and must be 0 to less than half of `sps`, which is {sps}"
            );
            return Err(OpError::param("max_deviation", words));
        }
    };
    let (alpha, beta) = gains(
        within(args, "bandwidth", 1e-6, 1.0)?,
        within(args, "damping", 1e-3, 10.0)?,
    );
    let tracking = Tracking {
        sps,
        limit,
        alpha,
        beta,
    };
    let start = Clock {
        next: 0,
        mu: 0.5,
        period: sps,
        before: [0.0; 2],
        half: [0.0; 2],
        is_half: 0,
        is_first: 1,
    };
    recovery(args, tracking, start, sps)
}

/// The gains of a loop of second order with this natural frequency and damping: GNU Radio's
/// `clock_tracking_loop::update_gains` (over-, critically and underdamped).
fn gains(bandwidth: f64, damping: f64) -> (f64, f64) {
    let turn = bandwidth * damping;
    let over = 2.0 * (-turn).exp();
    let swing = bandwidth * (damping * damping - 1.0).abs().sqrt();
    let cosine = match damping.total_cmp(&1.0) {
        std::cmp::Ordering::Greater => swing.cosh(),
        std::cmp::Ordering::Equal => 1.0,
        std::cmp::Ordering::Less => swing.cos(),
    };
    (over * turn.sinh(), over * (turn.cosh() - cosine))
}

/// The parameters.
#[derive(Clone, Copy)]
struct Tracking {
    sps: f64,
    limit: f64,
    alpha: f64,
    beta: f64,
}

/// Where the clock is.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Clock {
    /// The first of the items that the next value is made of.
    next: u64,
    /// How far it lies beyond the fourth of them.
    mu: f64,
    /// The distance of symbols.
    period: f64,
    /// The last symbol.
    before: [f64; 2],
    /// The value half way from it.
    half: [f64; 2],
    /// 1 if the next value is one half way.
    is_half: u32,
    /// 1 before the first symbol, which makes no error.
    is_first: u32,
}

impl Loop for Tracking {
    type Clock = Clock;

    #[inline(always)]
    fn place(clock: &Clock) -> (u64, f64) {
        (clock.next, clock.mu)
    }

    #[inline(always)]
    fn follow<X: Symbol>(self, clock: &mut Clock, value: [f64; 2]) -> bool {
        let is_symbol = clock.is_half == 0;
        let mut more = 0.0;
        if is_symbol {
            let part = |k: usize| (clock.before[k] - value[k]) * clock.half[k];
            let error = part(0) + part(1);
            let known = error.is_finite() && clock.is_first == 0;
            let error = if known { error.clamp(-1.0, 1.0) } else { 0.0 };
            clock.before = value;
            clock.is_first = 0;
            let off = clock.period + self.beta * error - self.sps;
            clock.period = self.sps + off.clamp(-self.limit, self.limit);
            more = self.alpha * error;
        } else {
            clock.half = value;
        }
        clock.is_half ^= 1;
        let ahead = clock.period / 2.0 + more;
        (clock.next, clock.mu) = beyond(clock.next, clock.mu, ahead);
        is_symbol
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    /// Random symbols of `period` items each, as raised cosines.
    fn signal(bits: &[f64], period: f64) -> Vec<f64> {
        let at = |n: usize| {
            let place = n as f64 / period - 1.3;
            let pulse = |k: f64| {
                let off = (place - k).abs();
                match off < 1.0 {
                    true => 0.5 + 0.5 * (std::f64::consts::PI * off).cos(),
                    false => 0.0,
                }
            };
            let terms = bits.iter().enumerate();
            terms.map(|(k, bit)| bit * pulse(k as f64)).sum()
        };
        (0..(bits.len() as f64 * period) as usize).map(at).collect()
    }

    fn bits(count: u32) -> Vec<f64> {
        let one = |n: u32| n.wrapping_mul(2_654_435_761) >> 30 & 1 == 1;
        let sign = |n: u32| if one(n) { 1.0 } else { -1.0 };
        (0..count).map(sign).collect()
    }

    #[test]
    fn the_symbols_are_found_at_their_heights_whatever_the_phase() {
        let bits = bits(600);
        for period in [4.96, 5.0, 5.03] {
            let x = signal(&bits, period);
            let params = [("sps", Value::from(5))];
            let y: Vec<f64> = output("clock.gardner", &[given("f64", &x)], &params, None);
            let tail = &bits[300..500];
            let found: Vec<f64> = y.iter().map(|y| y.signum()).collect();
            let at = found.windows(200).position(|window| window == tail);
            let at = at.unwrap_or_else(|| panic!("{period}"));
            for (y, bit) in y[at..at + 200].iter().zip(tail) {
                assert!((y - bit).abs() < 0.15, "{period}: {y} for {bit}");
            }
            let turned = Complex::from_polar(1.0, 0.8);
            let x: Vec<Complex<f64>> = x.iter().map(|&x| turned * x).collect();
            let y: Vec<Complex<f64>> = output("clock.gardner", &[given("cf64", &x)], &params, None);
            let back = y.iter().map(|y| (y * turned.conj()).re.signum());
            let back: Vec<f64> = back.collect();
            assert!(back.windows(200).any(|window| window == tail), "{period}");
        }
    }

    #[test]
    fn it_goes_on_after_what_is_not_finite() {
        let mut x = signal(&bits(100), 5.0);
        x[50] = f64::NAN;
        let params = [("sps", Value::from(5))];
        let y: Vec<f64> = output("clock.gardner", &[given("f64", &x)], &params, None);
        assert!(y.len() > 90 && y.last().unwrap().is_finite(), "{}", y.len());
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        for (name, value) in [
            ("sps", 1.5),
            ("bandwidth", 0.0),
            ("damping", -1.0),
            ("max_deviation", 2.0),
        ] {
            let mut params = vec![("sps", Value::from(4))];
            params.retain(|(n, _)| *n != name);
            params.push((name, value.into()));
            let input = given::<u8>("f32", &[]);
            let refused = build("clock.gardner", &[input], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name));
        }
    }
}
