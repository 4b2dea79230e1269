//! Analog low-pass prototypes, after `scipy.signal.buttap`, `cheb1ap`, `cheb2ap`, `ellipap` and `besselap`.
//!
//! Sources: Oppenheim and Schafer, Discrete-Time Signal Processing, appendix B; for the elliptic one Lutovac, Tosic and
//! Evans, Filter Design for Signal Processing, chapters 5 and 12; for Bessel's zeros Campos and Calderon,
//! arXiv:1105.0957 (where they lie) and Aberth, Mathematics of Computation 27, 1973 (all at once).

use std::f64::consts::PI;

use num_complex::Complex64;

use super::DesignError;
use super::elliptic::{complete, degree_parameter, inverse_sc, jacobi, of_complement};
use super::zpk::{Prototype, Root};

/// The left half circle's places, from the one nearest to the imaginary axis to the real axis:
/// `m pi / (2 order)` for every second `m`, above the axis.
fn angles(order: usize) -> impl Iterator<Item = f64> {
    let steps = (0..order.div_ceil(2)).map(move |k| (order - 1 - 2 * k) as f64);
    steps.map(move |m| PI * m / (2 * order) as f64)
}

/// The poles at these places; the one at angle 0 is real.
fn placed(order: usize, place: impl Fn(f64) -> Complex64) -> Vec<Root> {
    let root = |angle: f64| match angle == 0.0 {
        true => Root::Real(place(angle).re),
        false => Root::of(place(angle)),
    };
    angles(order).map(root).collect()
}

/// Flat in the pass band: 3 dB down at 1.
pub(super) fn butterworth(order: usize) -> Prototype {
    Prototype {
        zeros: Vec::new(),
        poles: placed(order, |angle| -Complex64::cis(angle)),
        gain: 1.0,
    }
}

/// The gain of a pass band that ripples by `ripple` dB, at frequency 0.
fn rippled_gain(order: usize, ripple: f64) -> f64 {
    match order.is_multiple_of(2) {
        true => 10.0f64.powf(-ripple / 20.0),
        false => 1.0,
    }
}

/// `10^(db / 10) - 1`, without cancellation for few dB.
fn excess_power(db: f64) -> f64 {
    (db / 10.0 * std::f64::consts::LN_10).exp_m1()
}

/// Ripples by `ripple` dB in the pass band, which ends at 1.
pub(super) fn chebyshev1(order: usize, ripple: f64) -> Prototype {
    let mu = (1.0 / excess_power(ripple).sqrt()).asinh() / order as f64;
    Prototype {
        zeros: Vec::new(),
        poles: placed(order, |angle| -Complex64::new(mu, angle).sinh()),
        gain: rippled_gain(order, ripple),
    }
}

/// Ripples in the stop band, which begins at 1 and is `attenuation` dB down.
pub(super) fn chebyshev2(order: usize, attenuation: f64) -> Prototype {
    let mu = excess_power(attenuation).sqrt().asinh() / order as f64;
    let pole = |angle: f64| {
        let on_circle = -Complex64::cis(angle);
        1.0 / Complex64::new(mu.sinh() * on_circle.re, mu.cosh() * on_circle.im)
    };
    let zeros = angles(order).filter(|angle| *angle != 0.0);
    Prototype {
        zeros: zeros
            .map(|angle| Root::of(Complex64::new(0.0, 1.0 / angle.sin())))
            .collect(),
        poles: placed(order, pole),
        gain: 1.0,
    }
}

/// Ripples by `ripple` dB in the pass band, which ends at 1, and in the stop band, `attenuation` dB down.
pub(super) fn elliptic(
    order: usize,
    ripple: f64,
    attenuation: f64,
) -> Result<Prototype, DesignError> {
    let eps = excess_power(ripple).sqrt();
    if order == 1 {
        return Ok(Prototype {
            zeros: Vec::new(),
            poles: vec![Root::Real(-1.0 / eps)],
            gain: 1.0,
        });
    }
    let m1 = excess_power(ripple) / excess_power(attenuation);
    if m1.is_nan() || m1 <= 0.0 {
        return Err(DesignError::Precision { order });
    }
    let (m, complement) = degree_parameter(order, m1);
    let k = of_complement(complement);
    let v0 = k * inverse_sc(1.0 / eps, m1) / (order as f64 * complete(m1));
    let v = jacobi(v0, complement, m);
    let (mut zeros, mut poles) = (Vec::new(), Vec::new());
    for j in ((1 - order % 2)..order).step_by(2) {
        let u = jacobi(j as f64 * k / order as f64, m, complement);
        let below = 1.0 - (u.dn * v.sn) * (u.dn * v.sn);
        let re = -u.cn * u.dn * v.sn * v.cn / below;
        if j == 0 {
            poles.push(Root::Real(re));
        } else {
            zeros.push(Root::of(Complex64::new(0.0, 1.0 / (m.sqrt() * u.sn))));
            poles.push(Root::of(Complex64::new(re, u.sn * v.dn / below)));
        }
    }
    Ok(Prototype {
        zeros,
        poles,
        gain: rippled_gain(order, ripple),
    })
}

/// What a Bessel filter's frequency is about, as `norm` of `scipy.signal.bessel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The phase is half way there.
    Phase,
    /// The delay in the pass band is 1 through the frequency.
    Delay,
    /// The gain is 3 dB down.
    Magnitude,
}

/// Delays all of its pass band alike.
pub(super) fn bessel(order: usize, norm: Norm) -> Prototype {
    let zeros = bessel_zeros(order);
    let scale = match norm {
        Norm::Delay => 1.0,
        Norm::Phase => {
            let logs = (1..=order).map(|k| ((2 * k - 1) as f64).ln());
            (-logs.sum::<f64>() / order as f64).exp()
        }
        Norm::Magnitude => 1.0 / half_power(&zeros),
    };
    let mut poles: Vec<Root> = zeros
        .iter()
        .filter(|zero| zero.im > 0.0)
        .map(|zero| Root::of(zero * scale))
        .collect();
    if order % 2 == 1 {
        let nearest = zeros
            .iter()
            .min_by(|a, b| a.im.abs().total_cmp(&b.im.abs()));
        poles.retain(|pole| pole.value().im > 1e-9 * pole.value().norm());
        poles.extend(nearest.map(|zero| Root::Real(zero.re * scale)));
    }
    Prototype {
        zeros: Vec::new(),
        poles,
        gain: 1.0,
    }
}

/// The frequency at which a filter of these poles is 3 dB down: halved intervals, to the last bit.
fn half_power(poles: &[Complex64]) -> f64 {
    let power = |w: f64| -> f64 {
        let factors = poles
            .iter()
            .map(|p| p.norm_sqr() / (Complex64::new(0.0, w) - p).norm_sqr());
        factors.product()
    };
    let (mut low, mut high) = (0.0, 1.0);
    while power(high) > 0.5 {
        (low, high) = (high, 2.0 * high);
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        match power(middle) > 0.5 {
            true => low = middle,
            false => high = middle,
        }
    }
}

/// The zeros of the reverse Bessel polynomial of this order.
fn bessel_zeros(order: usize) -> Vec<Complex64> {
    let mut zeros: Vec<Complex64> = (1..=order)
        .map(|k| campos(order as f64, k as f64))
        .collect();
    for _ in 0..60 {
        let before = zeros.clone();
        for (i, zero) in zeros.iter_mut().enumerate() {
            let newton = newton_step(order, before[i]);
            let others = before.iter().enumerate().filter(|(j, _)| *j != i);
            let repelled: Complex64 = others.map(|(_, other)| 1.0 / (before[i] - other)).sum();
            *zero -= newton / (1.0 - newton * repelled);
        }
    }
    zeros
}

/// About where the k-th zero lies.
fn campos(n: f64, k: f64) -> Complex64 {
    let polynomial = |x: f64, c: &[f64]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    let s = polynomial(n, &[0.0, 0.0, 2.0, 0.0, -3.0, 1.0]);
    let r = polynomial(n, &[0.0, 0.0, 2.0, 1.0]);
    let (a1, a2) = (polynomial(n, &[-6.0, -6.0]) / r, 6.0 / r);
    let b = [
        polynomial(n, &[0.0, -6.0, 0.0, 5.0, -1.0]) / s,
        polynomial(n, &[8.0, 24.0, -12.0, -2.0]) / s,
        polynomial(n, &[-24.0, -12.0, 12.0]) / s,
        polynomial(n, &[16.0, -8.0]) / s,
    ];
    match n == 1.0 {
        true => Complex64::new(-1.0, 0.0),
        false => 1.0 / Complex64::new(polynomial(k, &[0.0, a1, a2]), polynomial(k, &b)),
    }
}

/// The polynomial through its derivative at `s`, `Re s < 0`.
///
/// The recurrence loses all digits there. So `theta_n(-t)` is the sum of `e^-2t theta_n(t)`, where it
/// loses none, and of the modified spherical Bessel function's series.
fn newton_step(order: usize, s: Complex64) -> Complex64 {
    let t = -s;
    let (mut before, mut theta) = (Complex64::from(1.0), t + 1.0);
    for k in 2..=order {
        let next = (2 * k - 1) as f64 * theta + t * t * before;
        (before, theta) = (theta, next);
    }
    let fading = (-2.0 * t).exp();
    let value = fading * theta + spherical(order, t);
    let value_before = fading * before + spherical(order - 1, t);
    value / (value - s * value_before)
}

/// `(-1)^n 2 e^-t t^(n+1) i_n(t)`.
fn spherical(n: usize, t: Complex64) -> Complex64 {
    let half = t * t / 2.0;
    let (mut sum, mut term, mut k) = (Complex64::from(1.0), Complex64::from(1.0), 1);
    while term.norm() > 1e-18 * sum.norm() {
        term *= half / (k * (2 * n + 2 * k + 1)) as f64;
        sum += term;
        k += 1;
    }
    let sign = if n.is_multiple_of(2) { 2.0 } else { -2.0 };
    let powers = (1..=n).fold(t, |power, j| power * t * t / (2 * j + 1) as f64);
    sign * (-t).exp() * powers * sum
}
