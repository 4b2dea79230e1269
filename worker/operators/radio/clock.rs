//! `clock.mm`: finds the moments of the symbols in a signal, after Mueller and Muller.

use bytemuck::{Pod, Zeroable};
use num_complex::Complex;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::{Sample, with_sample};

/// The row of the table.
pub const MM: OpDef = OpDef {
    name: "clock.mm",
    summary: "clock recovery after Mueller and Muller: one item for each symbol",
    doc: "Looks for a symbol every `omega` items and gives the signal's value there, between items by a filter of 8 taps. Each symbol's error is, \
for real numbers, sign(before) y - sign(y) before; for complex ones the real part of (y - y2) conj(c1) - (c - c2) conj(y1), c being \
1 for each part above 0 and else 0, and within 1. Then omega += gain_omega error, kept within omega_relative_limit, and the next symbol comes \
omega + gain_mu error later. GNU Radio's `clock_recovery_mm_ff`, and its `clock_recovery_mm_cc` but for the two zeros that that begins with. \
The 8 taps are those of least squares for signals below a quarter of the rate, at 128 places between items. An item that is not finite makes no error. \
Source: Mueller and Muller, IEEE Transactions on Communications 24 (1976).",
    inputs: Arity::One,
    outputs: "one stream of the input's type, of rate / omega",
    params: &[
        ParamDef {
            name: "omega",
            kind: ParamKind::Float,
            default: None,
            unit: "items",
            doc: "Items per symbol, 1 to 1000000.",
        },
        ParamDef {
            name: "gain_omega",
            kind: ParamKind::Float,
            default: Some("0.0076"),
            unit: "",
            doc: "How fast omega follows; a fourth of the square of `gain_mu` is usual. Not below 0.",
        },
        ParamDef {
            name: "mu",
            kind: ParamKind::Float,
            default: Some("0.5"),
            unit: "items",
            doc: "Where between the fourth item and the fifth the first symbol is looked for, 0 to 1.",
        },
        ParamDef {
            name: "gain_mu",
            kind: ParamKind::Float,
            default: Some("0.175"),
            unit: "",
            doc: "How fast the moment follows. Not below 0.",
        },
        ParamDef {
            name: "omega_relative_limit",
            kind: ParamKind::Float,
            default: Some("0.005"),
            unit: "",
            doc: "By what part of itself omega may be off, 0 to below 1.",
        },
    ],
    example: "sine freq=6000 rate=48000 items=4800 ! clock.mm omega=4 ! slice.binary ! null",
    deterministic: true,
    build,
};

/// Taps of the interpolator, and the items it sees.
const TAPS: usize = 8;

/// Places between two items.
const PLACES: usize = 128;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let omega = within(args, "omega", 1.0, 1e6)?;
    let tracking = Tracking {
        omega,
        gain_omega: within(args, "gain_omega", 0.0, 1e6)?,
        gain_mu: within(args, "gain_mu", 0.0, 1e6)?,
        limit: omega * within(args, "omega_relative_limit", 0.0, 0.999)?,
    };
    let start = Clock {
        next: 0,
        mu: within(args, "mu", 0.0, 1.0)?,
        omega,
        values: [[0.0; 2]; 2],
    };
    recovery(args, tracking, start, omega)
}

/// A parameter that lies in a range.
pub(super) fn within(args: &Args, name: &str, low: f64, high: f64) -> Result<f64, OpError> {
    let value = args.float(name).unwrap_or(low);
    match (low..=high).contains(&value) {
        true => Ok(value),
        false => Err(OpError::param(
            name,
            format!("`{name}` is {value}, and must be {low} to {high}"),
        )),
    }
}

/// The agent that follows a clock of `sps` items a symbol.
pub(super) fn recovery<L: Loop>(
    args: &Args,
    tracking: L,
    start: L::Clock,
    sps: f64,
) -> Result<Blueprint, OpError> {
    let rate = args.input().rate.map(|rate| rate / sps);
    with_sample!(args, X => {
        let agent = Recovery::<X, L> { tracking, taps: interpolator(), _items: std::marker::PhantomData };
        Blueprint::new(agent)
            .input(InPort::new(args.input().item_type.clone()).retain(TAPS - 1))
            .output(OutPort::new(args.input().item_type.clone(), rate).keeps_unit())
            .state(StateSpec::of(start))
    })
}

/// A loop that finds symbols.
pub(super) trait Loop: Copy + 'static {
    /// Where it is.
    type Clock: Pod;

    /// The first of the items that the next value is made of, and how far that lies beyond the fourth of them.
    fn place(clock: &Self::Clock) -> (u64, f64);

    /// Goes on behind a value. True if that is a symbol.
    fn follow<X: Symbol>(self, clock: &mut Self::Clock, value: [f64; 2]) -> bool;
}

/// The parameters.
#[derive(Clone, Copy)]
struct Tracking {
    omega: f64,
    gain_omega: f64,
    gain_mu: f64,
    limit: f64,
}

/// Where the clock is.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Clock {
    /// The first of the items that the next symbol is made of.
    next: u64,
    /// How far it lies beyond the fourth of them.
    mu: f64,
    omega: f64,
    /// The last value and the one before.
    values: [[f64; 2]; 2],
}

struct Recovery<X, L> {
    tracking: L,
    taps: Vec<[f64; TAPS]>,
    _items: std::marker::PhantomData<X>,
}

impl<X: Symbol, L: Loop> Agent for Recovery<X, L> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let clock = io.state.get::<L::Clock>();
        let (items, past) = input.past::<X>();
        let first = input.position() - past as u64;
        let end = first + items.len() as u64;
        let room = output.room::<X>();
        let (mut given, (mut next, mut mu)) = (0, L::place(clock));
        while given < room.len() && next + TAPS as u64 <= end {
            let from = (next - first) as usize;
            let taps = &self.taps[(mu * PLACES as f64).round_ties_even() as usize];
            let value = X::sum(taps, &items[from..from + TAPS]);
            room[given] = X::of_parts(value);
            given += usize::from(self.tracking.follow::<X>(clock, value));
            (next, mu) = L::place(clock);
        }
        // The last item of the next value is not seen yet, or there is no room for it.
        let done = end.min(next + TAPS as u64 - 1).max(input.position());
        input.consume((done - input.position()) as usize);
        output.produce(given);
        Ok(Status::Ready)
    }
}

/// The place `ahead` items beyond one.
pub(super) fn beyond(next: u64, mu: f64, ahead: f64) -> (u64, f64) {
    // Never back: an item that was left is not seen again.
    let ahead = (mu + ahead).clamp(0.0, 1e12);
    (next + ahead as u64, ahead.fract())
}

impl Loop for Tracking {
    type Clock = Clock;

    #[inline(always)]
    fn place(clock: &Clock) -> (u64, f64) {
        (clock.next, clock.mu)
    }

    #[inline(always)]
    fn follow<X: Symbol>(self, clock: &mut Clock, value: [f64; 2]) -> bool {
        let error = X::error(value, clock.values);
        let error = if error.is_finite() { error } else { 0.0 };
        clock.values = [value, clock.values[0]];
        let off = clock.omega + self.gain_omega * error - self.omega;
        clock.omega = self.omega + off.clamp(-self.limit, self.limit);
        let ahead = clock.omega + self.gain_mu * error;
        (clock.next, clock.mu) = beyond(clock.next, clock.mu, ahead);
        true
    }
}

/// What a symbol is made of.
pub(super) trait Symbol: Sample {
    fn sum(taps: &[f64; TAPS], items: &[Self]) -> [f64; 2];
    fn of_parts(parts: [f64; 2]) -> Self;
    /// The error of a value after the last one and the one before that.
    fn error(value: [f64; 2], before: [[f64; 2]; 2]) -> f64;
}

macro_rules! symbols {
    ($($real:ty),*) => {$(
        impl Symbol for $real {
            #[inline(always)]
            fn sum(taps: &[f64; TAPS], items: &[$real]) -> [f64; 2] {
                let products = taps.iter().zip(items).map(|(h, &x)| h * f64::from(x));
                [products.sum(), 0.0]
            }

            #[inline(always)]
            fn of_parts(parts: [f64; 2]) -> $real {
                parts[0] as $real
            }

            #[inline(always)]
            fn error(value: [f64; 2], before: [[f64; 2]; 2]) -> f64 {
                let sign = |x: f64| if x < 0.0 { -1.0 } else { 1.0 };
                let (y, before) = (value[0], before[0][0]);
                sign(before) * y - sign(y) * before
            }
        }

        impl Symbol for Complex<$real> {
            #[inline(always)]
            fn sum(taps: &[f64; TAPS], items: &[Complex<$real>]) -> [f64; 2] {
                taps.iter().zip(items).fold([0.0; 2], |[re, im], (h, x)| {
                    [re + h * f64::from(x.re), im + h * f64::from(x.im)]
                })
            }

            #[inline(always)]
            fn of_parts(parts: [f64; 2]) -> Complex<$real> {
                Complex::new(parts[0] as $real, parts[1] as $real)
            }

            #[inline(always)]
            fn error(y: [f64; 2], [y1, y2]: [[f64; 2]; 2]) -> f64 {
                let choice = |y: [f64; 2]| y.map(|part| if part > 0.0 { 1.0 } else { 0.0 });
                let (c, c1, c2) = (choice(y), choice(y1), choice(y2));
                let part = |k: usize| (y[k] - y2[k]) * c1[k] - (c[k] - c2[k]) * y1[k];
                (part(0) + part(1)).clamp(-1.0, 1.0)
            }
        }
    )*};
}

symbols! { f32, f64 }

/// The taps for each place: those whose response differs least, in the mean of squares over all frequencies
/// below a quarter of the rate, from that of a delay by 3 items and the place.
///
/// The normal equations have the sines of distances on both sides: the inner product of two delays d and e over
/// the band is sin(pi (d - e) / 2) / (pi (d - e) / 2).
fn interpolator() -> Vec<[f64; TAPS]> {
    let place = |k: usize| delay(k as f64 / PLACES as f64);
    (0..=PLACES).map(place).collect()
}

fn delay(mu: f64) -> [f64; TAPS] {
    let product = |distance: f64| {
        let x = std::f64::consts::FRAC_PI_2 * distance;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    let mut rows: [[f64; TAPS + 1]; TAPS] = std::array::from_fn(|i| {
        std::array::from_fn(|j| match j {
            TAPS => product(i as f64 - 3.0 - mu),
            j => product(i as f64 - j as f64),
        })
    });
    // The matrix is symmetric and positive definite: elimination needs no choice of rows.
    for i in 0..TAPS {
        let pivot = rows[i];
        for row in rows.iter_mut().skip(i + 1) {
            let factor = row[i] / pivot[i];
            for (x, p) in row.iter_mut().zip(pivot) {
                *x -= factor * p;
            }
        }
    }
    let mut taps = [0.0; TAPS];
    for i in (0..TAPS).rev() {
        let known: f64 = (i + 1..TAPS).map(|j| rows[i][j] * taps[j]).sum();
        taps[i] = (rows[i][TAPS] - known) / rows[i][i];
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_tone_is_interpolated_within_the_band() {
        for (k, taps) in interpolator().iter().enumerate() {
            let at = |x: f64| (0.9 * x + 0.4).sin();
            let value: f64 = taps.iter().enumerate().map(|(i, h)| h * at(i as f64)).sum();
            assert!((value - at(3.0 + k as f64 / 128.0)).abs() < 2e-4, "{k}");
        }
        assert!((interpolator()[0][3] - 1.0).abs() < 1e-9);
    }

    /// Symbols of 5.03 items each, rounded as a band limit does.
    fn signal(bits: &[f64]) -> Vec<f64> {
        let at = |n: usize| {
            let place = n as f64 / 5.03 - 1.3;
            let pulse = |k: f64| (-(place - k) * (place - k) * 2.5).exp();
            bits.iter()
                .enumerate()
                .map(|(k, bit)| bit * pulse(k as f64))
                .sum()
        };
        (0..bits.len() * 5).map(at).collect()
    }

    #[test]
    fn the_symbols_are_found() {
        let bits: Vec<f64> = (0..400u32)
            .map(|n| {
                if n.wrapping_mul(2_654_435_761) >> 30 & 1 == 1 {
                    1.0
                } else {
                    -1.0
                }
            })
            .collect();
        let x = signal(&bits);
        let params = [
            ("omega", Value::from(5)),
            ("gain_mu", Value::from(0.1)),
            ("gain_omega", Value::from(0.0025)),
            ("omega_relative_limit", Value::from(0.02)),
        ];
        let y: Vec<f64> = output("clock.mm", &[given("f64", &x)], &params, None);
        let found: Vec<f64> = y.iter().map(|y| y.signum()).collect();
        let tail = &bits[200..360];
        assert!(found.windows(160).any(|window| window == tail));
        let complex: Vec<Complex<f64>> = x.iter().map(|&x| Complex::new(x, -x)).collect();
        let y: Vec<Complex<f64>> = output("clock.mm", &[given("cf64", &complex)], &params, None);
        let found: Vec<f64> = y.iter().map(|y| y.re.signum()).collect();
        assert!(found.windows(160).any(|window| window == tail));
    }

    #[test]
    fn it_goes_on_after_what_is_not_finite() {
        let mut x = signal(&[1.0, -1.0].repeat(40));
        x[50] = f64::NAN;
        let y: Vec<f64> = output(
            "clock.mm",
            &[given("f64", &x)],
            &[("omega", 5.into())],
            None,
        );
        assert!(y.len() > 75 && y.last().unwrap().is_finite(), "{}", y.len());
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        for (name, value) in [
            ("omega", 0.5),
            ("mu", 1.5),
            ("gain_mu", -1.0),
            ("gain_omega", -1.0),
            ("omega_relative_limit", 1.0),
        ] {
            let mut params = vec![("omega", Value::from(4))];
            params.retain(|(n, _)| *n != name);
            params.push((name, value.into()));
            let refused = build("clock.mm", &[given::<u8>("f32", &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name));
        }
    }
}
