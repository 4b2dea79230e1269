//! IIR filters as second-order sections, with the numbers of `scipy.signal.iirfilter`.

use super::prototypes::{self, Norm};
use super::zpk::{self, Section};
use super::{Band, DesignError};

/// Which compromise a filter is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// Flat in the pass band, falling everywhere; 3 dB down at the edges.
    Butterworth,
    /// Ripples in the pass band, steeper; down by the ripple at the edges.
    Chebyshev1 {
        /// How far the pass band goes below 1, in dB.
        ripple: f64,
    },
    /// Ripples in the stop band; the edges are where it begins.
    Chebyshev2 {
        /// How far the stop band is down at least, in dB.
        attenuation: f64,
    },
    /// Ripples in both, the steepest; down by the ripple at the edges.
    Elliptic {
        /// How far the pass band goes below 1, in dB.
        ripple: f64,
        /// How far the stop band is down at least, in dB.
        attenuation: f64,
    },
    /// Delays all of the pass band alike.
    Bessel(Norm),
}

/// The highest order of a Bessel filter whose poles are those of SciPy to the last digits.
pub const BESSEL_ORDER_MAX: u64 = 25;

/// The sections of a filter of this order for a stream of `rate` items per second.
///
/// A band filter has twice the order, as SciPy's. `order` is at least 1; dB are above 0, and an elliptic filter's
/// attenuation is above its ripple.
pub fn iirfilter(
    family: Family,
    order: usize,
    band: Band,
    rate: f64,
) -> Result<Vec<Section>, DesignError> {
    let prototype = match family {
        Family::Butterworth => prototypes::butterworth(order),
        Family::Chebyshev1 { ripple } => prototypes::chebyshev1(order, ripple),
        Family::Chebyshev2 { attenuation } => prototypes::chebyshev2(order, attenuation),
        Family::Elliptic {
            ripple,
            attenuation,
        } => prototypes::elliptic(order, ripple, attenuation)?,
        Family::Bessel(norm) => prototypes::bessel(order, norm),
    };
    zpk::sections(prototype, band, rate)
}

/// The sections of a Butterworth filter: [`iirfilter`] of that family.
pub fn butter(order: usize, band: Band, rate: f64) -> Result<Vec<Section>, DesignError> {
    iirfilter(Family::Butterworth, order, band, rate)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use num_complex::Complex64;

    use super::*;

    /// The magnitude of the response at a frequency given as a part of the rate.
    fn response(sections: &[Section], frequency: f64) -> f64 {
        let z = Complex64::cis(-2.0 * PI * frequency);
        let section = |s: &Section| {
            (s.b[0] + s.b[1] * z + s.b[2] * z * z) / (1.0 + s.a[0] * z + s.a[1] * z * z)
        };
        sections.iter().map(|s| section(s).norm()).product()
    }

    #[test]
    fn the_response_is_3_db_down_at_the_edges_and_flat_inside() {
        for order in 1..=20 {
            let half = 0.5f64.sqrt();
            let cases = [
                (Band::Low(0.1), 0.0, vec![0.1]),
                (Band::High(0.1), 0.5, vec![0.1]),
                (Band::Pass(0.1, 0.3), 0.0, vec![0.1, 0.3]),
                (Band::Stop(0.1, 0.3), 0.0, vec![0.1, 0.3]),
            ];
            for (band, inside, edges) in cases {
                let sections = butter(order, band, 1.0).unwrap();
                let wanted = if matches!(band, Band::Pass(..)) {
                    0.0
                } else {
                    1.0
                };
                let found = response(&sections, inside);
                assert!((found - wanted).abs() < 1e-9, "{order} {band:?}: {found}");
                for edge in edges {
                    let found = response(&sections, edge);
                    assert!(
                        (found - half).abs() < 1e-8,
                        "{order} {band:?} {edge}: {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_order_has_its_sections_and_is_stable() {
        for order in 1..=64 {
            let low = butter(order, Band::Low(1000.0), 48_000.0).unwrap();
            assert_eq!(low.len(), order.div_ceil(2));
            let band = butter(order, Band::Pass(500.0, 8000.0), 48_000.0).unwrap();
            assert_eq!(band.len(), order);
            let wide = butter(order, Band::Pass(1.0, 23_999.0), 48_000.0);
            assert!(wide.is_ok(), "{order}");
        }
    }

    #[test]
    fn what_cannot_be_a_filter_is_refused_with_both_numbers() {
        let nyquist = 24_000.0;
        for frequency in [0.0, -1.0, 24_000.0, 30_000.0, f64::NAN, f64::INFINITY] {
            let found = butter(4, Band::Low(frequency), 48_000.0).unwrap_err();
            let DesignError::OutsideBand { nyquist: n, .. } = found else {
                panic!("{found}");
            };
            assert_eq!(n, nyquist);
        }
        let found = butter(4, Band::Pass(10.0, 5.0), 48_000.0);
        assert_eq!(
            found,
            Err(DesignError::NotRising {
                low: 10.0,
                high: 5.0
            })
        );
        let found = butter(64, Band::Low(1e-6), 48_000.0);
        assert_eq!(found, Err(DesignError::Precision { order: 64 }));
    }
}
