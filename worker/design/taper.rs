//! Window functions: how a finite filter fades out at its ends.
//!
//! Symmetric, as `scipy.signal.get_window(name, numtaps, fftbins=False)` gives them.

use std::f64::consts::PI;

/// A window function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taper {
    /// All ones.
    Boxcar,
    /// A triangle that is 0 at its ends.
    Bartlett,
    /// A raised cosine that is 0 at its ends.
    Hann,
    /// A raised cosine on a pedestal of 0.08.
    Hamming,
    /// Three cosine terms.
    Blackman,
    /// Four cosine terms, least side lobes: -92 dB.
    BlackmanHarris,
    /// Four cosine terms after Nuttall: -93 dB.
    Nuttall,
    /// Five cosine terms: amplitudes are read right between two bins.
    FlatTop,
    /// After Kaiser, with this `beta`: 0 is a boxcar, 14 a good start.
    Kaiser(f64),
}

impl Taper {
    /// The names, in the order the documentation lists them.
    pub const NAMES: [&'static str; 9] = [
        "hamming",
        "hann",
        "blackman",
        "blackmanharris",
        "nuttall",
        "flattop",
        "bartlett",
        "boxcar",
        "kaiser",
    ];

    /// The window function of this name; only `kaiser` needs `beta`.
    pub fn named(name: &str, beta: Option<f64>) -> Option<Taper> {
        Some(match name {
            "boxcar" => Taper::Boxcar,
            "bartlett" => Taper::Bartlett,
            "hann" => Taper::Hann,
            "hamming" => Taper::Hamming,
            "blackman" => Taper::Blackman,
            "blackmanharris" => Taper::BlackmanHarris,
            "nuttall" => Taper::Nuttall,
            "flattop" => Taper::FlatTop,
            "kaiser" => Taper::Kaiser(beta?),
            _ => return None,
        })
    }

    /// Its `count` values.
    pub fn values(self, count: usize) -> Vec<f64> {
        if count <= 1 {
            return vec![1.0; count];
        }
        (0..count).map(|n| self.at(n, count)).collect()
    }

    fn at(self, n: usize, count: usize) -> f64 {
        // From -1 at the first value to 1 at the last.
        let place = (2.0 * n as f64 - (count - 1) as f64) / (count - 1) as f64;
        match self {
            Taper::Boxcar => 1.0,
            Taper::Bartlett => 1.0 - place.abs(),
            Taper::Hann => cosines(place, &[0.5, 0.5]),
            Taper::Hamming => cosines(place, &[0.54, 0.46]),
            Taper::Blackman => cosines(place, &[0.42, 0.50, 0.08]),
            Taper::BlackmanHarris => cosines(place, &[0.35875, 0.48829, 0.14128, 0.01168]),
            Taper::Nuttall => cosines(place, &[0.3635819, 0.4891775, 0.1365995, 0.0106411]),
            Taper::FlatTop => cosines(
                place,
                &[
                    0.21557895,
                    0.41663158,
                    0.277263158,
                    0.083578947,
                    0.006947368,
                ],
            ),
            Taper::Kaiser(beta) => {
                bessel_i0(beta * (1.0 - place * place).max(0.0).sqrt()) / bessel_i0(beta)
            }
        }
    }
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
            let values = Taper::named(name, Some(8.0)).unwrap().values(9);
            for (a, b) in values.iter().zip(values.iter().rev()) {
                assert!((a - b).abs() < 1e-15, "{name}");
            }
            assert!((values[4] - 1.0).abs() < 1e-8, "{name}: {}", values[4]);
        }
        assert_eq!(Taper::named("kaiser", None), None);
    }
}
