//! Windowed-sinc design of finite filters, with the numbers of `scipy.signal.firwin`.
//!
//! The ideal filter's response, cut to `numtaps` values and faded out by a window function (Oppenheim and
//! Schafer, Discrete-Time Signal Processing, section 7.5).

use std::f64::consts::PI;

use super::taper::Taper;
use super::{DesignError, check_frequencies};

/// What [`firwin`] makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Firwin<'a> {
    /// How many taps, at least 1.
    pub numtaps: usize,
    /// The edges between what passes and what does not, in Hz, growing; at least one.
    pub cutoff: &'a [f64],
    /// Whether frequency 0 passes; at each edge it changes.
    pub pass_zero: bool,
    /// How it fades out.
    pub window: Taper,
    /// Whether the gain is exactly 1 in the (first) pass band's middle, or at 0 or half the rate if it ends there.
    pub scale: bool,
    /// Items per second.
    pub rate: f64,
}

/// The taps.
pub fn firwin(design: &Firwin<'_>) -> Result<Vec<f64>, DesignError> {
    check_frequencies(design.cutoff, design.rate)?;
    let passes_nyquist = design.cutoff.len().is_multiple_of(2) == design.pass_zero;
    if passes_nyquist && design.numtaps.is_multiple_of(2) {
        return Err(DesignError::EvenTaps {
            numtaps: design.numtaps,
        });
    }
    let bands = bands(design, passes_nyquist);
    let middle = 0.5 * (design.numtaps - 1) as f64;
    let places = (0..design.numtaps).map(|n| n as f64 - middle);
    let mut taps: Vec<f64> = places
        .clone()
        .zip(design.window.values(design.numtaps))
        .map(|(m, fade)| {
            let ideal =
                |&(left, right): &(f64, f64)| right * sinc(right * m) - left * sinc(left * m);
            bands.iter().map(ideal).sum::<f64>() * fade
        })
        .collect();
    if design.scale {
        let at = match bands[0] {
            (0.0, _) => 0.0,
            (_, 1.0) => 1.0,
            (left, right) => 0.5 * (left + right),
        };
        let gain: f64 = taps
            .iter()
            .zip(places)
            .map(|(h, m)| h * (PI * m * at).cos())
            .sum();
        taps.iter_mut().for_each(|h| *h /= gain);
    }
    Ok(taps)
}

/// How many taps and which `beta` of the window kaiser a design needs whose bands are `ripple` dB off at most (8 or more)
/// and whose transitions are `width` wide, 1 being half the rate.
///
/// The numbers of `scipy.signal.kaiserord`, from Kaiser's formulae (Oppenheim and Schafer, section 7.5.3).
pub fn kaiserord(ripple: f64, width: f64) -> (usize, f64) {
    let numtaps = (ripple - 7.95) / 2.285 / (PI * width) + 1.0;
    (numtaps.ceil() as usize, kaiser_beta(ripple))
}

/// The parameter of the window kaiser for side lobes so many dB down, as `scipy.signal.kaiser_beta`.
fn kaiser_beta(ripple: f64) -> f64 {
    if ripple > 50.0 {
        0.1102 * (ripple - 8.7)
    } else if ripple > 21.0 {
        0.5842 * (ripple - 21.0).powf(0.4) + 0.07886 * (ripple - 21.0)
    } else {
        0.0
    }
}

/// The pass bands as parts of half the rate.
fn bands(design: &Firwin<'_>, passes_nyquist: bool) -> Vec<(f64, f64)> {
    let mut edges = Vec::new();
    edges.extend(design.pass_zero.then_some(0.0));
    edges.extend(design.cutoff.iter().map(|f| f / (0.5 * design.rate)));
    edges.extend(passes_nyquist.then_some(1.0));
    edges
        .chunks_exact(2)
        .map(|edge| (edge[0], edge[1]))
        .collect()
}

/// `sin(pi x) / (pi x)`.
pub(super) fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low(numtaps: usize) -> Firwin<'static> {
        Firwin {
            numtaps,
            cutoff: &[0.1],
            pass_zero: true,
            window: Taper::named("hamming", &[]).unwrap(),
            scale: true,
            rate: 1.0,
        }
    }

    #[test]
    fn a_scaled_low_pass_has_gain_1_at_0_and_is_symmetric() {
        for numtaps in [1, 2, 31, 64] {
            let taps = firwin(&low(numtaps)).unwrap();
            assert!((taps.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            for (a, b) in taps.iter().zip(taps.iter().rev()) {
                assert!((a - b).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn a_high_pass_needs_an_odd_number_of_taps() {
        let high = |numtaps| {
            firwin(&Firwin {
                pass_zero: false,
                ..low(numtaps)
            })
        };
        assert_eq!(high(64), Err(DesignError::EvenTaps { numtaps: 64 }));
        let taps = high(65).unwrap();
        assert!(taps.iter().sum::<f64>().abs() < 1e-2);
    }

    #[test]
    fn edges_must_grow() {
        let found = firwin(&Firwin {
            cutoff: &[0.2, 0.1],
            ..low(31)
        });
        let (low, high) = (0.2, 0.1);
        assert_eq!(found, Err(DesignError::NotRising { low, high }));
    }
}
