//! What a cascade of sections does to its own rounding.
//!
//! Between its sections a signal may be large where the filter as a whole lets little through, and what rounding leaves of it there
//! is amplified by the sections behind. Wide band-stops of a high order are like that: the sections of the one pass band come
//! before those of the other, and amplify what these are to let through.

use std::f64::consts::PI;

use num_complex::Complex64;

use super::zpk::Section;

/// How large the rounding may come out, of what is passed.
const NOISE: f64 = 1e-5;

/// True when the rounding of what is between the sections stays small.
pub(super) fn amplifies_little(sections: &[Section]) -> bool {
    let angles = angles(sections);
    let gains: Vec<Vec<f64>> = sections
        .iter()
        .map(|section| angles.iter().map(|angle| section.gain(*angle)).collect())
        .collect();
    // The largest gains of the sections before each place, and of those after it.
    let before = largest_products(gains.iter());
    let mut after = largest_products(gains.iter().rev());
    after.reverse();
    let between = before[1..].iter().zip(&after[1..]);
    between
        .map(|(before, after)| before * after * f64::EPSILON)
        .all(|noise| noise <= NOISE)
}

/// Where gains are the largest: the poles' angles, and what is between them.
fn angles(sections: &[Section]) -> Vec<f64> {
    let mut angles: Vec<f64> = sections.iter().map(Section::pole_angle).collect();
    angles.extend([0.0, PI]);
    angles.sort_by(f64::total_cmp);
    let between: Vec<f64> = angles.windows(2).map(|a| 0.5 * (a[0] + a[1])).collect();
    angles.extend(between);
    angles
}

/// The largest gain of the first section, of the first two, and so on, after that of none.
fn largest_products<'a>(gains: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut product: Vec<f64> = Vec::new();
    let products = gains.map(|gains| {
        product.resize(gains.len(), 1.0);
        product
            .iter_mut()
            .zip(gains)
            .for_each(|(p, gain)| *p *= gain);
        product.iter().copied().fold(0.0, f64::max)
    });
    std::iter::once(1.0).chain(products).collect()
}

impl Section {
    /// The angle of its pole, of one of them.
    fn pole_angle(&self) -> f64 {
        let [a1, a2] = self.a;
        match a1 * a1 < 4.0 * a2 {
            true => (-0.5 * a1 / a2.sqrt()).acos(),
            false if a1 > 0.0 => PI,
            false => 0.0,
        }
    }

    /// What it does to the size of a sine that turns by so much from item to item.
    fn gain(&self, angle: f64) -> f64 {
        let ([b0, b1, b2], [a1, a2]) = (self.b, self.a);
        let z = Complex64::cis(-angle);
        ((b0 + (b1 + b2 * z) * z) / (1.0 + (a1 + a2 * z) * z)).norm()
    }
}

#[cfg(test)]
mod tests {
    use crate::design::iirfilter::{Family, iirfilter};
    use crate::design::prototypes::Norm;
    use crate::design::{Band, DesignError};

    #[test]
    fn a_cascade_whose_rounding_would_be_heard_is_refused() {
        let ripple = 0.00281;
        let refused = [
            (Family::Chebyshev1 { ripple }, 24, Band::Stop(93.8, 999.0)),
            (Family::Butterworth, 17, Band::Stop(358.1, 999.0)),
            (
                Family::Bessel(Norm::Magnitude),
                18,
                Band::Stop(746.9, 999.0),
            ),
            (Family::Butterworth, 64, Band::Stop(197.6, 998.8)),
        ];
        for (family, order, band) in refused {
            let found = iirfilter(family, order, band, 2000.0);
            assert_eq!(found, Err(DesignError::Rounding { order }), "{band:?}");
        }
        let made = [
            (Family::Butterworth, 64, Band::Stop(283.2, 707.7)),
            (Family::Butterworth, 64, Band::Low(605.9)),
            (Family::Chebyshev1 { ripple }, 24, Band::Low(2.0)),
            (Family::Bessel(Norm::Phase), 16, Band::Stop(355.5, 881.3)),
            (Family::Butterworth, 4, Band::Stop(0.5, 722.6)),
        ];
        for (family, order, band) in made {
            let found = iirfilter(family, order, band, 2000.0);
            assert!(found.is_ok(), "{family:?} {band:?}: {found:?}");
        }
    }
}
