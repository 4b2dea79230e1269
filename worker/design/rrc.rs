//! Root-raised cosine: the pulse that, sent and matched, leaves no symbol in another's place.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_4, PI};

/// `numtaps` taps for symbols of `span` items each and the roll-off `alpha`, 0 to 1; their sum is `gain`.
///
/// The numbers of GNU Radio's `firdes.root_raised_cosine`. Source: Proakis, Digital Communications, 4th edition, section 9.2.
pub fn root_raised_cosine(numtaps: usize, span: f64, alpha: f64, gain: f64) -> Vec<f64> {
    let middle = (numtaps / 2) as f64;
    let mut taps: Vec<f64> = (0..numtaps)
        .map(|n| pulse((n as f64 - middle) / span, alpha))
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|h| *h *= gain / sum);
    taps
}

/// The pulse, `t` symbols from its middle.
fn pulse(t: f64, alpha: f64) -> f64 {
    let steep = 4.0 * alpha * t;
    if t == 0.0 {
        return 1.0 + alpha * (1.0 / FRAC_PI_4 - 1.0);
    }
    if (steep * steep - 1.0).abs() < 1e-6 {
        let (sin, cos) = (FRAC_PI_4 / alpha).sin_cos();
        return alpha * FRAC_1_SQRT_2 * ((1.0 + 2.0 / PI) * sin + (1.0 - 2.0 / PI) * cos);
    }
    let top = (PI * t * (1.0 - alpha)).sin() + steep * (PI * t * (1.0 + alpha)).cos();
    top / (PI * t * (1.0 - steep * steep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matched_with_itself_it_is_0_at_every_other_symbol() {
        for alpha in [0.2, 0.25, 0.5, 1.0] {
            let taps = root_raised_cosine(321, 8.0, alpha, 1.0);
            let matched = |lag: usize| -> f64 {
                let later = taps.iter().skip(lag);
                taps.iter().zip(later).map(|(a, b)| a * b).sum()
            };
            for symbol in 1..10 {
                let part = matched(8 * symbol) / matched(0);
                assert!(part.abs() < 2e-3, "{alpha} {symbol}: {part}");
            }
            assert!((taps.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn without_roll_off_it_is_a_sinc() {
        assert_eq!(pulse(0.0, 0.0), 1.0);
        assert!(pulse(1.0, 0.0).abs() < 1e-15);
        assert!((pulse(0.5, 0.0) - 2.0 / PI).abs() < 1e-15);
    }

    #[test]
    fn the_pulse_has_no_gap_where_its_formula_has_one() {
        for alpha in [0.25, 1.0] {
            let t = 0.25 / alpha;
            assert!((pulse(t, alpha) - pulse(t * 1.0001, alpha)).abs() < 1e-3);
            assert!((pulse(t, alpha) - pulse(t * 0.9999, alpha)).abs() < 1e-3);
        }
    }
}
