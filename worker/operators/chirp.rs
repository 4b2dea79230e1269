//! `chirp`: a tone whose frequency moves.

use std::f64::consts::TAU;

use num_complex::Complex;

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::numbers::dtype_scalar;
use super::positional::{self, ITEMS, RATE};

/// The row of the table.
pub const CHIRP: OpDef = OpDef {
    name: "chirp",
    summary: "a tone that sweeps from one frequency to another",
    doc: "`scipy.signal.chirp(t, f0, t1, f1, method, phi, vertex_zero)` at t = n / rate: amplitude times the cosine of the phase, which is \
2 pi times the frequency's integral. For cf32 and cf64 exp(i phase), a sweep on one side of 0. It goes on after `t1` by the same law. \
Each item is a function of its place alone; the phase is f64, so after 1e9 turns it is known to 1e-6 rad.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`: f64 (default), f32, cf64 or cf32",
    params: &[
        ParamDef {
            name: "f0",
            kind: ParamKind::Float,
            default: None,
            unit: "Hz",
            doc: "The frequency at t = 0.",
        },
        ParamDef {
            name: "f1",
            kind: ParamKind::Float,
            default: None,
            unit: "Hz",
            doc: "The frequency at t = `t1`.",
        },
        ParamDef {
            name: "t1",
            kind: ParamKind::Float,
            default: None,
            unit: "s",
            doc: "When `f1` is reached, above 0.",
        },
        ParamDef {
            default: None,
            ..RATE
        },
        ParamDef {
            name: "method",
            kind: ParamKind::Choice(&["linear", "quadratic", "logarithmic", "hyperbolic"]),
            default: Some("linear"),
            unit: "",
            doc: "How the frequency moves. logarithmic: f0 and f1 on one side of 0; hyperbolic: neither is 0.",
        },
        ParamDef {
            name: "phi",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "degrees",
            doc: "Added to the phase; degrees, as in SciPy.",
        },
        ParamDef {
            name: "vertex_zero",
            kind: ParamKind::Bool,
            default: Some("true"),
            unit: "",
            doc: "quadratic: whether the parabola's vertex is at t = 0, or at `t1`.",
        },
        ParamDef {
            name: "amplitude",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "The largest distance from 0.",
        },
        ITEMS,
    ],
    example: "chirp f0=20 f1=2000 t1=1 rate=8000 items=8000 ! null",
    deterministic: true,
    build,
};

const TYPES: [Scalar; 4] = [Scalar::F64, Scalar::F32, Scalar::Cf64, Scalar::Cf32];

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let scalar = dtype_scalar("chirp", args.dtype(), Scalar::F64, &TYPES)?;
    let rate = positional::rate(args)?.unwrap_or(1.0);
    let sweep = Sweep::from_args(args)?;
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let (amplitude, phi) = (number("amplitude"), number("phi").to_radians());
    let at = move |n: u64| sweep.phase(n as f64 / rate) + phi;
    let item_type = ItemType::Scalar(scalar);
    match scalar {
        Scalar::F32 => positional::blueprint(args, item_type, move |first, room: &mut [f32]| {
            fill(first, room, |n| (amplitude * at(n).cos()) as f32);
        }),
        Scalar::Cf32 => positional::blueprint(args, item_type, move |first, room| {
            fill(first, room, |n| {
                let item = Complex::from_polar(amplitude, at(n));
                Complex::new(item.re as f32, item.im as f32)
            });
        }),
        Scalar::Cf64 => positional::blueprint(args, item_type, move |first, room| {
            fill(first, room, |n| Complex::from_polar(amplitude, at(n)));
        }),
        _ => positional::blueprint(args, item_type, move |first, room: &mut [f64]| {
            fill(first, room, |n| amplitude * at(n).cos());
        }),
    }
}

fn fill<T>(first: u64, room: &mut [T], item: impl Fn(u64) -> T) {
    for (slot, n) in room.iter_mut().zip(first..) {
        *slot = item(n);
    }
}

/// How a frequency moves.
#[derive(Clone, Copy)]
enum Sweep {
    Linear {
        f0: f64,
        slope: f64,
    },
    /// The parabola's vertex is at 0.
    FromVertex {
        f0: f64,
        bend: f64,
    },
    /// The parabola's vertex is at `t1`.
    ToVertex {
        f1: f64,
        t1: f64,
        bend: f64,
    },
    Logarithmic {
        f0: f64,
        t1: f64,
        ratio: f64,
    },
    Hyperbolic {
        f0: f64,
        singular: f64,
    },
}

impl Sweep {
    fn from_args(args: &Args) -> Result<Sweep, OpError> {
        let number = |name: &str| args.float(name).unwrap_or(f64::NAN);
        let (f0, f1, t1) = (number("f0"), number("f1"), number("t1"));
        if t1 <= 0.0 {
            let message = format!("`t1` is {t1} s, and must be above 0");
            return Err(OpError::param("t1", message));
        }
        let bend = (f1 - f0) / (t1 * t1);
        Ok(match args.text("method") {
            Some("quadratic") if args.flag("vertex_zero") => Sweep::FromVertex { f0, bend },
            Some("quadratic") => Sweep::ToVertex { f1, t1, bend },
            Some("logarithmic") if f0 * f1 <= 0.0 => {
                let message =
                    format!("`f1` is {f1} Hz and `f0` {f0} Hz: a logarithmic sweep never passes 0");
                return Err(OpError::param("f1", message));
            }
            Some("hyperbolic") if f0 == 0.0 || f1 == 0.0 => {
                let message = format!(
                    "`f1` is {f1} Hz and `f0` {f0} Hz: a hyperbolic sweep has neither at 0"
                );
                return Err(OpError::param("f1", message));
            }
            Some("logarithmic") if f0 != f1 => Sweep::Logarithmic {
                f0,
                t1,
                ratio: f1 / f0,
            },
            Some("hyperbolic") if f0 != f1 => Sweep::Hyperbolic {
                f0,
                singular: -f1 * t1 / (f0 - f1),
            },
            _ => Sweep::Linear {
                f0,
                slope: (f1 - f0) / t1,
            },
        })
    }

    /// The phase after `t` seconds, in radians.
    fn phase(self, t: f64) -> f64 {
        TAU * match self {
            Sweep::Linear { f0, slope } => f0 * t + 0.5 * slope * t * t,
            Sweep::FromVertex { f0, bend } => f0 * t + bend * t.powi(3) / 3.0,
            Sweep::ToVertex { f1, t1, bend } => {
                f1 * t + bend * ((t1 - t).powi(3) - t1.powi(3)) / 3.0
            }
            Sweep::Logarithmic { f0, t1, ratio } => {
                t1 / ratio.ln() * f0 * (ratio.powf(t / t1) - 1.0)
            }
            Sweep::Hyperbolic { f0, singular } => -singular * f0 * (1.0 - t / singular).abs().ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{items, refusal};

    fn sweep(f0: f64, f1: f64, method: &str) -> Vec<(&'static str, Value)> {
        vec![
            ("f0", f0.into()),
            ("f1", f1.into()),
            ("t1", 1.0.into()),
            ("rate", 1000.0.into()),
            ("items", 1000.into()),
            ("method", method.into()),
        ]
    }

    #[test]
    fn a_sweep_between_equal_frequencies_is_a_tone() {
        for method in ["linear", "quadratic", "logarithmic", "hyperbolic"] {
            let y: Vec<f64> = items("chirp", &sweep(50.0, 50.0, method), None);
            for (n, y) in y.iter().enumerate() {
                let tone = (std::f64::consts::TAU * 0.05 * n as f64).cos();
                assert!((y - tone).abs() < 1e-9, "{method} {n}: {y}");
            }
        }
    }

    #[test]
    fn what_never_gets_there_is_refused() {
        for (f0, f1, method) in [(-1.0, 1.0, "logarithmic"), (0.0, 1.0, "hyperbolic")] {
            let error = refusal("chirp", &sweep(f0, f1, method), None);
            assert_eq!(error.param.as_deref(), Some("f1"));
        }
    }
}
