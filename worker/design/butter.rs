//! Butterworth filters as second-order sections.
//!
//! The analog prototype's poles are moved to the band and mapped to the unit circle by the bilinear
//! transform, frequencies warped beforehand (Oppenheim and Schafer, Discrete-Time Signal Processing,
//! chapter 7). Poles are paired with zeros and sections put in order as `scipy.signal.zpk2sos` does ("nearest"),
//! the gain is in the first section: the numbers are those of `scipy.signal.butter(.., output="sos")`.

use std::f64::consts::PI;

use num_complex::Complex64;

use super::{Band, DesignError, check_frequencies};

/// A second-order section: `y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    /// Of the input: `b0`, `b1`, `b2`.
    pub b: [f64; 3],
    /// Of the output: `a1`, `a2`; `a0` is 1.
    pub a: [f64; 2],
}

/// The sections of a Butterworth filter of this order for a stream of `rate` items per second.
///
/// A band filter has twice the order, as SciPy's. `order` is at least 1.
pub fn butter(order: usize, band: Band, rate: f64) -> Result<Vec<Section>, DesignError> {
    match band {
        Band::Low(f) | Band::High(f) => check_frequencies(&[f], rate)?,
        Band::Pass(low, high) | Band::Stop(low, high) => check_frequencies(&[low, high], rate)?,
    }
    let filter = digital(analog(order, band, rate));
    let mut sections = paired(filter.zeros, filter.poles);
    sections[0].b = sections[0].b.map(|b| b * filter.gain);
    let holds = filter.gain.is_normal() && sections.iter().all(is_stable);
    match holds {
        true => Ok(sections),
        false => Err(DesignError::Precision { order }),
    }
}

/// True when both poles are inside the unit circle (the stability triangle).
fn is_stable(section: &Section) -> bool {
    let [a1, a2] = section.a;
    let finite = section.b.iter().all(|b| b.is_finite());
    finite && a2 < 1.0 && a1.abs() < 1.0 + a2
}

/// A root of a real polynomial: a real number, or one of two conjugates (the one above the real axis).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Root {
    Pair(Complex64),
    Real(f64),
}

impl Root {
    /// The root that this number and, if it is not real, its conjugate are.
    fn of(z: Complex64) -> Root {
        if z.im == 0.0 {
            Root::Real(z.re)
        } else {
            Root::Pair(Complex64::new(z.re, z.im.abs()))
        }
    }

    fn value(self) -> Complex64 {
        match self {
            Root::Pair(z) => z,
            Root::Real(x) => Complex64::from(x),
        }
    }

    fn is_real(self) -> bool {
        matches!(self, Root::Real(_))
    }

    /// How many numbers it stands for.
    fn count(self) -> usize {
        if self.is_real() { 1 } else { 2 }
    }

    /// The product over its numbers of `f`, which maps conjugates to conjugates.
    fn product(self, f: impl Fn(Complex64) -> Complex64) -> f64 {
        match self {
            Root::Pair(z) => f(z).norm_sqr(),
            Root::Real(x) => f(Complex64::from(x)).re,
        }
    }
}

/// A filter as its zeros, poles and gain.
struct Zpk {
    zeros: Vec<Root>,
    poles: Vec<Root>,
    gain: f64,
}

/// The plane's scale: the bilinear transform is `z = (SCALE + s) / (SCALE - s)`.
const SCALE: f64 = 4.0;

/// The prototype's poles on the unit circle's left half, moved to the (warped) band.
fn analog(order: usize, band: Band, rate: f64) -> Zpk {
    let warped = |frequency: f64| SCALE * (PI * (frequency / (rate / 2.0)) / 2.0).tan();
    let prototype = (0..order.div_ceil(2)).map(|k| {
        let m = (order - 1 - 2 * k) as f64;
        match m == 0.0 {
            true => Root::Real(-1.0),
            false => Root::of(-Complex64::cis(PI * m / (2 * order) as f64)),
        }
    });
    match band {
        Band::Low(cutoff) => {
            let wo = warped(cutoff);
            let poles: Vec<Root> = prototype.map(|p| Root::of(p.value() * wo)).collect();
            Zpk {
                zeros: Vec::new(),
                gain: gain_over(&poles, |_| wo),
                poles,
            }
        }
        Band::High(cutoff) => {
            let wo = warped(cutoff);
            let poles: Vec<Root> = prototype.map(|p| Root::of(wo / p.value())).collect();
            Zpk {
                zeros: vec![Root::Real(0.0); order],
                gain: gain_over(&poles, |_| 1.0) * SCALE.powi(order as i32),
                poles,
            }
        }
        Band::Pass(low, high) => {
            let (wo, bw) = centre(warped(low), warped(high));
            let poles = split(prototype, wo, |p| p * bw / 2.0);
            Zpk {
                zeros: vec![Root::Real(0.0); order],
                gain: gain_over(&poles, |_| (bw * SCALE).sqrt()),
                poles,
            }
        }
        Band::Stop(low, high) => {
            let (wo, bw) = centre(warped(low), warped(high));
            let poles = split(prototype, wo, |p| (bw / 2.0) / p);
            let zero = Root::Pair(Complex64::new(0.0, wo));
            let at_zero = zero.product(|z| SCALE - z).sqrt();
            Zpk {
                zeros: vec![zero; order],
                gain: gain_over(&poles, |_| at_zero),
                poles,
            }
        }
    }
}

/// The product over all poles of `numerator / (SCALE - pole)`, step by step so that it stays in range.
fn gain_over(poles: &[Root], numerator: impl Fn(Root) -> f64) -> f64 {
    poles.iter().fold(1.0, |gain, &pole| {
        gain * numerator(pole).powi(pole.count() as i32) / pole.product(|p| SCALE - p)
    })
}

/// A band's centre and width.
fn centre(low: f64, high: f64) -> (f64, f64) {
    ((low * high).sqrt(), high - low)
}

/// Each pole becomes two, around `wo` and `-wo`.
fn split(
    prototype: impl Iterator<Item = Root>,
    wo: f64,
    scaled: impl Fn(Complex64) -> Complex64,
) -> Vec<Root> {
    let mut poles = Vec::new();
    for pole in prototype {
        let p = scaled(pole.value());
        let apart = (p * p - wo * wo).sqrt();
        let (above, below) = (p + apart, p - apart);
        match pole {
            Root::Pair(_) => poles.extend([Root::of(above), Root::of(below)]),
            // A real one becomes two real ones, or one pair.
            Root::Real(_) if above.im == 0.0 => {
                poles.extend([Root::Real(above.re), Root::Real(below.re)]);
            }
            Root::Real(_) => poles.push(Root::of(above)),
        }
    }
    poles
}

/// The bilinear transform. The gain was made for it already; zeros at infinity come to -1.
fn digital(filter: Zpk) -> Zpk {
    let mapped = |roots: Vec<Root>| -> Vec<Root> {
        let onto = |root: Root| (SCALE + root.value()) / (SCALE - root.value());
        roots.into_iter().map(|root| Root::of(onto(root))).collect()
    };
    let at_infinity = count(&filter.poles) - count(&filter.zeros);
    let mut zeros = mapped(filter.zeros);
    zeros.extend(vec![Root::Real(-1.0); at_infinity]);
    Zpk {
        zeros,
        poles: mapped(filter.poles),
        gain: filter.gain,
    }
}

/// Pairs poles with the zeros nearest to them, from the pole nearest to the unit circle on; that
/// section comes last. A pole and a zero at 0 complete an odd number.
fn paired(mut zeros: Vec<Root>, mut poles: Vec<Root>) -> Vec<Section> {
    if count(&poles) % 2 == 1 {
        zeros.push(Root::Real(0.0));
        poles.push(Root::Real(0.0));
    }
    let (mut zeros, mut poles) = (in_order(zeros), in_order(poles));
    let mut sections = Vec::new();
    while !poles.is_empty() {
        let pole = take(&mut poles, |_| true, from_circle);
        let at = pole.value();
        let near = |zero: Root| (at - zero.value()).norm();
        let other = partner(pole, &mut poles, from_circle);
        let zero = take(&mut zeros, |_| true, near);
        let other_zero = partner(zero, &mut zeros, near);
        let [b1, b2] = polynomial(zero, other_zero);
        sections.push(Section {
            b: [1.0, b1, b2],
            a: polynomial(pole, other),
        });
    }
    sections.reverse();
    sections
}

/// A real root's second in its section. There is one: real roots are even in number.
fn partner(root: Root, roots: &mut Vec<Root>, distance: impl Fn(Root) -> f64) -> Option<Root> {
    root.is_real().then(|| take(roots, Root::is_real, distance))
}

/// How many numbers the roots stand for.
fn count(roots: &[Root]) -> usize {
    roots.iter().map(|root| root.count()).sum()
}

/// Pairs by real part and then distance from the axis, then real roots by size: where distances are
/// equal, the first is taken.
fn in_order(mut roots: Vec<Root>) -> Vec<Root> {
    roots.sort_by(|a, b| {
        let key = |root: &Root| (root.is_real(), root.value());
        let ((a_real, a), (b_real, b)) = (key(a), key(b));
        a_real
            .cmp(&b_real)
            .then(a.re.total_cmp(&b.re))
            .then(a.im.total_cmp(&b.im))
    });
    roots
}

fn from_circle(root: Root) -> f64 {
    (1.0 - root.value().norm()).abs()
}

/// Takes out the first of the roots that may be taken and has the least `distance`.
fn take(roots: &mut Vec<Root>, may: impl Fn(Root) -> bool, distance: impl Fn(Root) -> f64) -> Root {
    let candidates = roots.iter().enumerate().filter(|(_, root)| may(**root));
    let nearest = candidates
        .min_by(|(_, a), (_, b)| distance(**a).total_cmp(&distance(**b)))
        .map(|(at, _)| at)
        .expect("as many zeros as poles, real ones in pairs");
    roots.remove(nearest)
}

/// The two lower coefficients of the polynomial with these roots.
fn polynomial(root: Root, other: Option<Root>) -> [f64; 2] {
    match (root, other) {
        (Root::Pair(z), _) => [-2.0 * z.re, z.norm_sqr()],
        (Root::Real(x), other) => {
            let y = other.map_or(0.0, |root| root.value().re);
            [-(x + y), x * y]
        }
    }
}

#[cfg(test)]
mod tests {
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
