//! Analog prototypes to digital second-order sections.
//!
//! A prototype's zeros and poles are moved to the band and mapped to the unit circle by the bilinear
//! transform, frequencies warped beforehand (Oppenheim and Schafer, Discrete-Time Signal Processing,
//! chapter 7). Poles are paired with zeros and sections put in order as `scipy.signal.zpk2sos` does ("nearest"),
//! the gain is in the first section: the numbers are those of `scipy.signal.iirfilter(.., output="sos")`.

use std::f64::consts::PI;

use num_complex::Complex64;

use super::rounding::amplifies_little;
use super::{Band, DesignError, check_frequencies};

/// A second-order section: `y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    /// Of the input: `b0`, `b1`, `b2`.
    pub b: [f64; 3],
    /// Of the output: `a1`, `a2`; `a0` is 1.
    pub a: [f64; 2],
}

/// An analog low-pass whose band ends near 1 rad/s.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prototype {
    pub(super) zeros: Vec<Root>,
    pub(super) poles: Vec<Root>,
    /// The gain at frequency 0.
    pub(super) gain: f64,
}

/// The sections of a prototype's filter for this band of a stream of `rate` items per second.
pub(super) fn sections(
    prototype: Prototype,
    band: Band,
    rate: f64,
) -> Result<Vec<Section>, DesignError> {
    match band {
        Band::Low(f) | Band::High(f) => check_frequencies(&[f], rate)?,
        Band::Pass(low, high) | Band::Stop(low, high) => check_frequencies(&[low, high], rate)?,
    }
    let order = count(&prototype.poles);
    let filter = digital(analog(prototype, band, rate));
    let mut sections = paired(filter.zeros, filter.poles);
    let gain = filter.gain.value();
    sections[0].b = sections[0].b.map(|b| b * gain);
    if !gain.is_normal() || !sections.iter().all(Section::is_stable) {
        return Err(DesignError::Precision { order });
    }
    match amplifies_little(&sections) {
        true => Ok(sections),
        false => Err(DesignError::Rounding { order }),
    }
}

impl Section {
    /// True when all coefficients are finite and both poles inside the unit circle (the stability triangle).
    pub fn is_stable(&self) -> bool {
        let [a1, a2] = self.a;
        let finite = self.b.iter().all(|b| b.is_finite());
        finite && a2 < 1.0 && a1.abs() < 1.0 + a2
    }
}

/// A root of a real polynomial: a real number, or one of two conjugates (the one above the real axis).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Root {
    Pair(Complex64),
    Real(f64),
}

impl Root {
    /// The root that this number and, if it is not real, its conjugate are.
    pub(super) fn of(z: Complex64) -> Root {
        if z.im == 0.0 {
            Root::Real(z.re)
        } else {
            Root::Pair(Complex64::new(z.re, z.im.abs()))
        }
    }

    /// A root of the same kind in another place.
    fn moved(self, z: Complex64) -> Root {
        match self {
            Root::Pair(_) => Root::Pair(Complex64::new(z.re, z.im.abs())),
            Root::Real(_) => Root::Real(z.re),
        }
    }

    pub(super) fn value(self) -> Complex64 {
        match self {
            Root::Pair(z) => z,
            Root::Real(x) => Complex64::from(x),
        }
    }

    pub(super) fn is_real(self) -> bool {
        matches!(self, Root::Real(_))
    }

    /// How many numbers it stands for.
    fn count(self) -> usize {
        if self.is_real() { 1 } else { 2 }
    }

    /// The product over its numbers of `f`, which maps conjugates to conjugates.
    pub(super) fn product(self, f: impl Fn(Complex64) -> Complex64) -> f64 {
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
    gain: Scaled,
}

impl Zpk {
    /// How many more poles than zeros.
    fn excess(&self) -> usize {
        count(&self.poles) - count(&self.zeros)
    }

    /// The gain times the product over zeros of `f`, through that over poles.
    fn scaled(mut self, f: impl Fn(Complex64) -> Complex64) -> Zpk {
        for zero in &self.zeros {
            self.gain = self.gain.times(zero.product(&f));
        }
        for pole in &self.poles {
            self.gain = self.gain.times(1.0 / pole.product(&f));
        }
        self
    }

    /// Each root moved by `f`, which maps conjugates to conjugates.
    fn map(self, f: impl Fn(Complex64) -> Complex64) -> Zpk {
        let mapped = |roots: Vec<Root>| -> Vec<Root> {
            let roots = roots.into_iter();
            roots.map(|root| root.moved(f(root.value()))).collect()
        };
        Zpk {
            zeros: mapped(self.zeros),
            poles: mapped(self.poles),
            gain: self.gain,
        }
    }

    /// Each root becomes two, around `wo` and `-wo`.
    fn split(self, wo: f64, scaled: impl Fn(Complex64) -> Complex64) -> Zpk {
        let halves = |root: Root| {
            let middle = scaled(root.value());
            let apart = ((middle - wo) * (middle + wo)).sqrt();
            // The one that the difference would take digits from is the square's rest.
            let (above, below) = match (middle * apart.conj()).re >= 0.0 {
                true => (middle + apart, wo * wo / (middle + apart)),
                false => (wo * wo / (middle - apart), middle - apart),
            };
            match root {
                // A real one becomes two real ones, or one pair.
                Root::Real(_) if above.im != 0.0 => vec![Root::of(above)],
                _ => vec![root.moved(above), root.moved(below)],
            }
        };
        let halved = |roots: Vec<Root>| roots.into_iter().flat_map(halves).collect();
        Zpk {
            zeros: halved(self.zeros),
            poles: halved(self.poles),
            gain: self.gain,
        }
    }

    /// With so many zeros more.
    fn and_zeros(mut self, zero: Root, times: usize) -> Zpk {
        self.zeros.extend(vec![zero; times]);
        self
    }
}

/// A product of many numbers that neither overflows nor fades on the way.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: f64,
    exponent: i32,
}

impl Scaled {
    fn of(x: f64) -> Scaled {
        let one = Scaled {
            mantissa: 1.0,
            exponent: 0,
        };
        one.times(x)
    }

    fn times(self, x: f64) -> Scaled {
        let product = self.mantissa * x;
        let exponent = match product.is_normal() {
            true => (product.to_bits() >> 52 & 0x7FF) as i32 - 1023,
            false => 0,
        };
        Scaled {
            mantissa: product * 2.0f64.powi(-exponent),
            exponent: self.exponent + exponent,
        }
    }

    fn times_power(self, x: f64, power: usize) -> Scaled {
        (0..power).fold(self, |product, _| product.times(x))
    }

    fn value(self) -> f64 {
        let half = self.exponent / 2;
        self.mantissa * 2.0f64.powi(half) * 2.0f64.powi(self.exponent - half)
    }
}

/// The plane's scale: the bilinear transform is `z = (SCALE + s) / (SCALE - s)`.
const SCALE: f64 = 4.0;

/// The prototype's zeros and poles moved to the (warped) band.
fn analog(prototype: Prototype, band: Band, rate: f64) -> Zpk {
    let warped = |frequency: f64| SCALE * (PI * (frequency / (rate / 2.0)) / 2.0).tan();
    let filter = Zpk {
        gain: Scaled::of(prototype.gain),
        zeros: prototype.zeros,
        poles: prototype.poles,
    };
    let excess = filter.excess();
    // From the gain at 0 to the gain at infinity, which a high-pass's is.
    let at_infinity = |filter: Zpk| filter.scaled(|root| -1.0 / root);
    match band {
        Band::Low(cutoff) => {
            let wo = warped(cutoff);
            let mut filter = at_infinity(filter).map(|root| root * wo);
            filter.gain = filter.gain.times_power(wo, excess);
            filter
        }
        Band::High(cutoff) => {
            let wo = warped(cutoff);
            let filter = filter.map(|root| wo / root);
            filter.and_zeros(Root::Real(0.0), excess)
        }
        Band::Pass(low, high) => {
            let (wo, bw) = centre(warped(low), warped(high));
            let mut filter = at_infinity(filter).split(wo, |root| root * bw / 2.0);
            filter.gain = filter.gain.times_power(bw, excess);
            filter.and_zeros(Root::Real(0.0), excess)
        }
        Band::Stop(low, high) => {
            let (wo, bw) = centre(warped(low), warped(high));
            let filter = filter.split(wo, |root| (bw / 2.0) / root);
            filter.and_zeros(Root::Pair(Complex64::new(0.0, wo)), excess)
        }
    }
}

/// A band's centre and width.
fn centre(low: f64, high: f64) -> (f64, f64) {
    ((low * high).sqrt(), high - low)
}

/// The bilinear transform; zeros at infinity come to -1.
fn digital(filter: Zpk) -> Zpk {
    let excess = filter.excess();
    filter
        .scaled(|root| SCALE - root)
        .map(|root| (SCALE + root) / (SCALE - root))
        .and_zeros(Root::Real(-1.0), excess)
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
