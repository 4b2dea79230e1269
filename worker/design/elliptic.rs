//! Elliptic integrals and Jacobi's functions, of the parameter `m` (the modulus squared).
//!
//! Where `m` may be near 1 the functions take `1 - m` beside it, which then has the digits.

/// Jacobi's functions of one argument.
pub(super) struct Jacobi {
    pub(super) sn: f64,
    pub(super) cn: f64,
    pub(super) dn: f64,
}

/// The complete integral of the first kind.
pub(super) fn complete(m: f64) -> f64 {
    of_complement(1.0 - m)
}

/// The complete integral of `1 - m1`, by the arithmetic-geometric mean (Abramowitz and Stegun, 17.6).
pub(super) fn of_complement(m1: f64) -> f64 {
    let (mut a, mut b) = (1.0, m1.sqrt());
    while (a - b).abs() > 1e-15 * a {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    std::f64::consts::PI / (a + b)
}

/// Jacobi's functions at `u`, by descending Landen transformations (Abramowitz and Stegun, 16.4).
pub(super) fn jacobi(u: f64, m: f64, m1: f64) -> Jacobi {
    let (mut a, mut b) = (1.0, m1.sqrt());
    let mut ratios = Vec::new();
    while ratios.len() < 40 && (a - b).abs() > 1e-16 * a {
        let c = 0.5 * (a - b);
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        ratios.push(c / a);
    }
    let mut phi = 2.0f64.powi(ratios.len() as i32) * a * u;
    for ratio in ratios.into_iter().rev() {
        phi = 0.5 * (phi + (ratio * phi.sin()).asin());
    }
    let (sn, cn) = phi.sin_cos();
    let dn = (m1 + m * cn * cn).sqrt();
    Jacobi { sn, cn, dn }
}

/// The `u` with `sc(u) = w` for the parameter `1 - m1`, by Carlson's symmetric integral (DLMF 19.25).
pub(super) fn inverse_sc(w: f64, m1: f64) -> f64 {
    w * carlson(1.0, 1.0 + m1 * w * w, 1.0 + w * w)
}

/// Carlson's integral of the first kind, by duplication (Numerical Algorithms 10, 1995).
fn carlson(x: f64, y: f64, z: f64) -> f64 {
    let (mut x, mut y, mut z) = (x, y, z);
    loop {
        let mean = (x + y + z) / 3.0;
        let (dx, dy) = (1.0 - x / mean, 1.0 - y / mean);
        let dz = -dx - dy;
        if dx.abs().max(dy.abs()).max(dz.abs()) < 1e-3 {
            let (e2, e3) = (dx * dy - dz * dz, dx * dy * dz);
            let series = 1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 * e2 * e3 / 44.0;
            return series / mean.sqrt();
        }
        let (p, q, r) = (x.sqrt(), y.sqrt(), z.sqrt());
        let step = p * q + q * r + r * p;
        (x, y, z) = (0.25 * (x + step), 0.25 * (y + step), 0.25 * (z + step));
    }
}

/// The parameter `m` of a filter of this order whose ripples' ratio is `m1`, and `1 - m`: the degree equation, by
/// nomes. Both have all their digits, as SciPy's `1 - m` has not when `m` is near 1.
pub(super) fn degree_parameter(order: usize, m1: f64) -> (f64, f64) {
    let ratio = order as f64 * complete(m1) / of_complement(m1);
    let m = of_nome((-std::f64::consts::PI / ratio).exp());
    let complement = of_nome((-std::f64::consts::PI * ratio).exp());
    match m < 0.5 {
        true => (m, 1.0 - m),
        false => (1.0 - complement, complement),
    }
}

/// The parameter of a nome (Abramowitz and Stegun, 16.38).
fn of_nome(q: f64) -> f64 {
    let above: f64 = (0..8).map(|k| q.powi(k * (k + 1))).sum();
    let below: f64 = 1.0 + 2.0 * (1..9).map(|k| q.powi(k * k)).sum::<f64>();
    16.0 * q * (above / below).powi(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_have_their_known_values() {
        // Abramowitz and Stegun, table 17.1; SciPy's `ellipj(0.2, 0.81)`.
        assert!((complete(0.5) - 1.854_074_677_301_372).abs() < 1e-15);
        assert!((complete(0.0) - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
        let found = jacobi(0.2, 0.81, 0.19);
        assert!(
            (found.sn - 0.197_620_823_671_876_47).abs() < 1e-15,
            "{}",
            found.sn
        );
        for u in [0.1, 0.7, 1.5, 3.0] {
            for m1 in [1e-12, 0.3, 0.999] {
                let v = jacobi(u, 1.0 - m1, m1);
                if u < of_complement(m1) {
                    let back = inverse_sc(v.sn / v.cn, m1);
                    assert!((back - u).abs() < 1e-12, "{u} {m1} {back}");
                }
            }
        }
    }
}
