//! Window functions: how a finite filter fades out at its ends.
//!
//! Symmetric, as `scipy.signal.get_window(name, numtaps, fftbins=False)` gives them.

use std::f64::consts::PI;

use num_complex::Complex;
use rustfft::FftPlanner;

/// A window function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taper {
    /// All ones.
    Boxcar,
    /// A triangle that is 0 at its ends.
    Bartlett,
    /// A triangle that is 0 beyond its ends.
    Triangle,
    /// A sum of cosines of 0, 1, 2 .. turns with these weights.
    Cosines([f64; TERMS]),
    /// After Kaiser, with this `beta`: 0 is a boxcar, 14 a good start.
    Kaiser(f64),
    /// Four boxcars convolved.
    Parzen,
    /// Two half periods of a cosine convolved.
    Bohman,
    /// Bartlett's triangle with a cosine on it.
    BartlettHann,
    /// Half a period of a sine.
    Cosine,
    /// The middle of a sinc.
    Lanczos,
    /// Falls by e within so many items.
    Exponential(f64),
    /// Flat but for this part, in which it rises and falls as a cosine.
    Tukey(f64),
    /// A bell of this standard deviation, in items.
    Gaussian(f64),
    /// `exp(-|n / sig|^(2 p) / 2)`.
    GeneralGaussian {
        /// Its shape: 1 is a bell, 0.5 an exponential.
        p: f64,
        /// Its width in items.
        sig: f64,
    },
    /// After Taylor: so many side lobes near the main one at about one level, so many dB down.
    Taylor {
        /// How many side lobes.
        nbar: u32,
        /// How far they are down, in dB.
        sll: f64,
    },
    /// After Dolph and Chebyshev: all side lobes so many dB down.
    Chebyshev(f64),
}

/// The most weights of a sum of cosines.
pub const TERMS: usize = 8;

/// A sum of cosines.
const fn terms<const N: usize>(weights: [f64; N]) -> Taper {
    let mut all = [0.0; TERMS];
    let mut k = 0;
    while k < N {
        all[k] = weights[k];
        k += 1;
    }
    Taper::Cosines(all)
}

impl Taper {
    /// A raised cosine that is 0 at its ends.
    pub const HANN: Taper = terms([0.5, 0.5]);

    /// The names, in the order the documentation lists them.
    pub const NAMES: [&'static str; 23] = [
        "hamming",
        "hann",
        "blackman",
        "blackmanharris",
        "nuttall",
        "flattop",
        "bartlett",
        "boxcar",
        "kaiser",
        "triang",
        "parzen",
        "bohman",
        "barthann",
        "cosine",
        "lanczos",
        "exponential",
        "tukey",
        "gaussian",
        "general_gaussian",
        "general_hamming",
        "general_cosine",
        "taylor",
        "chebwin",
    ];

    /// The window function of this name with its parameters: what follows the name in the tuple that
    /// `scipy.signal.get_window` takes (of `exponential`, tau alone).
    ///
    /// # Errors
    /// There is no such window, or it takes other parameters; in words.
    pub fn named(name: &str, params: &[f64]) -> Result<Taper, String> {
        let wanted = |words: &str| {
            Err(match params {
                [] => format!("the window {name} takes {words}, and has none"),
                _ => format!("the window {name} takes {words}, and has {params:?}"),
            })
        };
        let taper = match (name, params) {
            ("kaiser", &[beta]) if (0.0..=500.0).contains(&beta) => Taper::Kaiser(beta),
            ("kaiser", _) => return wanted("a `beta` of 0 to 500"),
            ("exponential", []) => Taper::Exponential(1.0),
            ("exponential", &[tau]) if tau > 0.0 => Taper::Exponential(tau),
            ("exponential", _) => return wanted("a tau above 0"),
            ("tukey", []) => Taper::Tukey(0.5),
            ("tukey", &[alpha]) if (0.0..=1.0).contains(&alpha) => Taper::Tukey(alpha),
            ("tukey", _) => return wanted("an alpha of 0 to 1"),
            ("gaussian", &[std]) if std > 0.0 => Taper::Gaussian(std),
            ("gaussian", _) => return wanted("a standard deviation above 0"),
            ("general_gaussian", &[p, sig]) if p > 0.0 && sig > 0.0 => {
                Taper::GeneralGaussian { p, sig }
            }
            ("general_gaussian", _) => return wanted("p and sig, both above 0"),
            ("general_hamming", &[alpha]) => terms([alpha, 1.0 - alpha]),
            ("general_hamming", _) => return wanted("an alpha"),
            ("general_cosine", weights) if (1..=TERMS).contains(&weights.len()) => {
                let mut all = [0.0; TERMS];
                all[..weights.len()].copy_from_slice(weights);
                Taper::Cosines(all)
            }
            ("general_cosine", _) => return wanted("1 to 8 weights"),
            ("taylor", []) => Taper::Taylor { nbar: 4, sll: 30.0 },
            ("taylor", &[nbar, sll])
                if nbar.fract() == 0.0 && (1.0..=100.0).contains(&nbar) && sll > 0.0 =>
            {
                Taper::Taylor {
                    nbar: nbar as u32,
                    sll,
                }
            }
            ("taylor", _) => return wanted("nbar, a whole number to 100, and sll in dB above 0"),
            ("chebwin", &[at]) if (1.0..=300.0).contains(&at) => Taper::Chebyshev(at),
            ("chebwin", _) => return wanted("an attenuation of 1 to 300 dB"),
            (_, [_, ..]) => return Err(format!("the window {name} takes no parameter")),
            ("boxcar", _) => Taper::Boxcar,
            ("bartlett", _) => Taper::Bartlett,
            ("triang", _) => Taper::Triangle,
            ("hann", _) => Taper::HANN,
            ("hamming", _) => terms([0.54, 0.46]),
            ("blackman", _) => terms([0.42, 0.50, 0.08]),
            ("blackmanharris", _) => terms([0.35875, 0.48829, 0.14128, 0.01168]),
            ("nuttall", _) => terms([0.3635819, 0.4891775, 0.1365995, 0.0106411]),
            ("flattop", _) => terms([
                0.21557895,
                0.41663158,
                0.277263158,
                0.083578947,
                0.006947368,
            ]),
            ("parzen", _) => Taper::Parzen,
            ("bohman", _) => Taper::Bohman,
            ("barthann", _) => Taper::BartlettHann,
            ("cosine", _) => Taper::Cosine,
            ("lanczos", _) => Taper::Lanczos,
            _ => return Err(format!("there is no window {name}")),
        };
        Ok(taper)
    }

    /// Its `count` values.
    pub fn values(self, count: usize) -> Vec<f64> {
        if count <= 1 {
            return vec![1.0; count];
        }
        match self {
            Taper::Taylor { nbar, sll } => taylor(nbar, sll, count),
            Taper::Chebyshev(at) => chebyshev(at, count),
            _ => (0..count).map(|n| self.at(n, count)).collect(),
        }
    }

    fn at(self, n: usize, count: usize) -> f64 {
        let len = count as f64;
        // From the middle, in items.
        let off = n as f64 - (len - 1.0) / 2.0;
        // From -1 at the first value to 1 at the last.
        let place = (2.0 * n as f64 - (count - 1) as f64) / (count - 1) as f64;
        match self {
            Taper::Bartlett => 1.0 - place.abs(),
            Taper::Triangle => {
                let rank = n.min(count - 1 - n) as f64;
                match count % 2 {
                    0 => (2.0 * rank + 1.0) / len,
                    _ => (2.0 * rank + 2.0) / (len + 1.0),
                }
            }
            Taper::Cosines(weights) => cosines(place, &weights),
            Taper::Kaiser(beta) => {
                bessel_i0(beta * (1.0 - place * place).max(0.0).sqrt()) / bessel_i0(beta)
            }
            Taper::Parzen => {
                let x = off.abs() / (len / 2.0);
                match off.abs() <= (len - 1.0) / 4.0 {
                    true => 1.0 - 6.0 * x * x * (1.0 - x),
                    false => 2.0 * (1.0 - x).powi(3),
                }
            }
            Taper::Bohman if n == 0 || n + 1 == count => 0.0,
            Taper::Bohman => {
                let turn = PI * place.abs();
                (1.0 - place.abs()) * turn.cos() + turn.sin() / PI
            }
            Taper::BartlettHann => {
                let part = place.abs() / 2.0;
                0.62 - 0.48 * part + 0.38 * (2.0 * PI * part).cos()
            }
            Taper::Cosine => (PI / len * (n as f64 + 0.5)).sin(),
            Taper::Lanczos if place == 0.0 => 1.0,
            // At the ends the sine of pi is 0 but for rounding.
            Taper::Lanczos if place.abs() == 1.0 => 0.0,
            Taper::Lanczos => (PI * place).sin() / (PI * place),
            Taper::Exponential(tau) => (-off.abs() / tau).exp(),
            Taper::Tukey(alpha) => {
                let edge = alpha * (len - 1.0) / 2.0;
                let from_end = n.min(count - 1 - n) as f64;
                match alpha > 0.0 && from_end < edge {
                    true => 0.5 * (1.0 - (PI * from_end / edge).cos()),
                    false => 1.0,
                }
            }
            Taper::Gaussian(std) => (-off * off / (2.0 * std * std)).exp(),
            Taper::GeneralGaussian { p, sig } => (-0.5 * (off / sig).abs().powf(2.0 * p)).exp(),
            Taper::Boxcar | Taper::Taylor { .. } | Taper::Chebyshev(_) => 1.0,
        }
    }
}

/// Taylor's window, 1 in the middle (Carrara, Goodman and Majewski, Spotlight Synthetic Aperture Radar, appendix D).
fn taylor(nbar: u32, sll: f64, count: usize) -> Vec<f64> {
    let a = 10f64.powf(sll / 20.0).acosh() / PI;
    let bars = f64::from(nbar);
    let s2 = bars * bars / (a * a + (bars - 0.5) * (bars - 0.5));
    let orders = || (1..nbar).map(f64::from);
    let weight = |m: f64| {
        let m2 = m * m;
        let above: f64 = orders()
            .map(|k| 1.0 - m2 / s2 / (a * a + (k - 0.5) * (k - 0.5)))
            .product();
        let below: f64 = orders()
            .filter(|k| *k != m)
            .map(|k| 1.0 - m2 / (k * k))
            .product();
        let sign = if m % 2.0 == 1.0 { 1.0 } else { -1.0 };
        sign * above / (2.0 * below)
    };
    let weights: Vec<f64> = orders().map(weight).collect();
    let len = count as f64;
    let at = |n: f64| {
        let terms = weights.iter().zip(orders());
        let turn = |m: f64| (2.0 * PI * m * (n - len / 2.0 + 0.5) / len).cos();
        1.0 + 2.0 * terms.map(|(w, m)| w * turn(m)).sum::<f64>()
    };
    let middle = at((len - 1.0) / 2.0);
    (0..count).map(|n| at(n as f64) / middle).collect()
}

/// The window of Dolph and Chebyshev, by the transform of its response; its largest value is 1.
fn chebyshev(at: f64, count: usize) -> Vec<f64> {
    let order = (count - 1) as f64;
    let x0 = (10f64.powf(at / 20.0).acosh() / order).cosh();
    let polynomial = |x: f64| {
        if x > 1.0 {
            (order * x.acosh()).cosh()
        } else if x < -1.0 {
            let sign = if count % 2 == 1 { 1.0 } else { -1.0 };
            sign * (order * (-x).acosh()).cosh()
        } else {
            (order * x.acos()).cos()
        }
    };
    let is_even = count.is_multiple_of(2);
    let bin = |k: usize| {
        let turn = PI * k as f64 / count as f64;
        let response = polynomial(x0 * turn.cos());
        match is_even {
            true => Complex::from_polar(response, turn),
            false => Complex::new(response, 0.0),
        }
    };
    let mut bins: Vec<Complex<f64>> = (0..count).map(bin).collect();
    FftPlanner::new().plan_fft_forward(count).process(&mut bins);
    // The middle comes first, twice where the length is even.
    let half = count / 2;
    let from_middle = |n: usize| match is_even {
        true if n < half => bins[half - n].re,
        true => bins[n - half + 1].re,
        false => bins[n.abs_diff(half)].re,
    };
    let values: Vec<f64> = (0..count).map(from_middle).collect();
    let largest = values.iter().copied().fold(f64::MIN, f64::max);
    values.into_iter().map(|value| value / largest).collect()
}

fn cosines(place: f64, weights: &[f64]) -> f64 {
    let terms = weights.iter().enumerate();
    terms.map(|(k, w)| w * (k as f64 * PI * place).cos()).sum()
}

/// The modified Bessel function of the first kind and order 0, by its power series: all terms are
/// positive, so nothing cancels (Abramowitz and Stegun, 9.6.12).
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-18 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bessel_function_has_its_known_values() {
        // Abramowitz and Stegun, table 9.8; the last from I0(x) ~ e^x / sqrt(2 pi x).
        for (x, expected) in [
            (0.0, 1.0),
            (1.0, 1.266_065_877_752_008_4),
            (5.0, 27.239_871_823_604_442),
            (14.0, 129_418.562_700_649_7),
        ] {
            assert!((bessel_i0(x) / expected - 1.0).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn every_name_is_a_symmetric_window_that_is_1_in_the_middle() {
        for name in Taper::NAMES {
            let params: &[f64] = match name {
                "kaiser" | "gaussian" => &[8.0],
                "general_gaussian" => &[1.5, 7.0],
                "general_hamming" => &[0.75],
                "general_cosine" => &[0.6, 0.3, 0.1],
                "chebwin" => &[100.0],
                _ => &[],
            };
            for count in [9, 10] {
                let values = Taper::named(name, params).unwrap().values(count);
                for (a, b) in values.iter().zip(values.iter().rev()) {
                    assert!((a - b).abs() < 1e-15, "{name}");
                }
                if count == 9 {
                    assert!((values[4] - 1.0).abs() < 1e-8, "{name}: {}", values[4]);
                }
            }
        }
    }

    #[test]
    fn a_window_with_other_parameters_than_it_takes_is_refused() {
        for (name, params) in [
            ("kaiser", &[][..]),
            ("hann", &[1.0]),
            ("tukey", &[1.5]),
            ("gaussian", &[0.0]),
            ("general_gaussian", &[1.0]),
            ("general_cosine", &[0.1; 9]),
            ("taylor", &[2.5, 30.0]),
            ("chebwin", &[]),
            ("square", &[]),
        ] {
            let refused = Taper::named(name, params).unwrap_err();
            assert!(refused.contains(name), "{refused}");
        }
    }
}
