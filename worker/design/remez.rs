//! Equiripple design of finite filters, with the numbers of `scipy.signal.remez`.
//!
//! Parks' and McClellan's method: the filter whose largest weighted error over the bands is least has errors of
//! that size, and alternating sign, at one more place than it has free coefficients. Those places are found by exchange, on
//! SciPy's grid of frequencies (McClellan, Parks and Rabiner, IEEE Transactions on Audio and Electroacoustics 21, 1973).

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::double::{Double, Number};
use super::{DesignError, check_bands};

/// What a filter is like around its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Symmetric: bands of a gain each.
    Bandpass,
    /// Antisymmetric, the gain grows with the frequency; a band's weight falls with it where its gain is not 0.
    Differentiator,
    /// Antisymmetric: bands of a gain each, a quarter of a turn late.
    Hilbert,
}

/// What is wanted in one band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The band's edges in Hz.
    pub edges: [f64; 2],
    /// Its gain (a differentiator's at the rate's frequency).
    pub gain: f64,
    /// How much its errors count.
    pub weight: f64,
}

/// What [`remez`] makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Remez<'a> {
    /// How many taps, at least 3.
    pub numtaps: usize,
    /// The bands, growing, from 0 to half the rate.
    pub levels: &'a [Level],
    /// Symmetric or not.
    pub shape: Shape,
    /// Frequencies of the grid per free coefficient; SciPy takes 16.
    pub grid_density: usize,
    /// Items per second.
    pub rate: f64,
}

/// A frequency of the grid: where the polynomial in `x = cos(2 pi f)` is compared with what is wanted.
struct Place<N> {
    /// In cycles an item.
    f: f64,
    x: N,
    wanted: N,
    weight: N,
}

impl Place<Double> {
    fn near<N: Number>(&self) -> Place<N> {
        let [x, wanted, weight] = [self.x, self.wanted, self.weight].map(N::near);
        let f = self.f;
        Place {
            f,
            x,
            wanted,
            weight,
        }
    }
}

/// The taps.
pub fn remez(design: &Remez<'_>) -> Result<Vec<f64>, DesignError> {
    check_bands(design.levels.iter().map(|level| level.edges), design.rate)?;
    let numtaps = design.numtaps;
    let places = grid(design);
    let free = coefficients(design);
    let failed = DesignError::NotConverged { numtaps };
    if places.len() <= free {
        return Err(failed);
    }
    let (best, size) = extremes(&places, free)
        .and_then(|extremes| alternating(&places, &extremes))
        .ok_or(failed)?;
    let taps = response(design, free, &best);
    let gain = largest(design.levels.iter().map(|level| level.gain));
    let error = largest_error(design, &places, &taps);
    // Neither holds of what is no number.
    let is_best = error <= 1.1 * size + SURE * wanted(&places);
    match is_best && largest(taps.iter().copied()) <= LARGEST * gain {
        true => Ok(taps),
        false => Err(DesignError::TooFree { numtaps }),
    }
}

/// By so much, of what is wanted, the errors of the taps may be larger than those of the polynomial that they are made from.
const SURE: f64 = 1e-9;

/// The largest size; not a number where one of them is none.
fn largest(of: impl Iterator<Item = f64>) -> f64 {
    of.map(f64::abs)
        .fold(0.0, |most, x| match x > most || x.is_nan() {
            true => x,
            false => most,
        })
}

/// The largest weighted error of the finished taps over the grid.
fn largest_error(design: &Remez<'_>, places: &[Place<Double>], taps: &[f64]) -> f64 {
    let middle = 0.5 * (design.numtaps - 1) as f64;
    let error = |place: &Place<Double>| {
        let turn = TAU * place.f;
        let z = Complex64::from_polar(1.0, -turn);
        let sum = taps.iter().rev();
        let sum = sum.fold(Complex64::ZERO, |sum, tap| sum * z + tap);
        let response = sum * Complex64::from_polar(1.0, turn * middle);
        let gain = match is_antisymmetric(design) {
            true => response.im,
            false => response.re,
        };
        let factor = factor(design, Double::from(place.f)).value();
        (gain - place.wanted.value() * factor) * (place.weight.value() / factor)
    };
    largest(places.iter().map(error))
}

/// Taps so much larger than the gains that are wanted cancel each other, and rounding is what they leave.
const LARGEST: f64 = 1e4;

fn is_antisymmetric(design: &Remez<'_>) -> bool {
    design.shape != Shape::Bandpass
}

/// How many coefficients are free.
fn coefficients(design: &Remez<'_>) -> usize {
    let is_odd = design.numtaps % 2 == 1;
    design.numtaps / 2 + usize::from(is_odd && !is_antisymmetric(design))
}

/// The factor that a filter has by its kind of symmetry, beside the polynomial.
fn factor(design: &Remez<'_>, f: Double) -> Double {
    let (half_sin, half_cos) = f.sin_cos_pi();
    match (is_antisymmetric(design), design.numtaps % 2 == 1) {
        (false, true) => Double::ONE,
        (false, false) => half_cos,
        (true, true) => (f + f).sin_cos_pi().0,
        (true, false) => half_sin,
    }
}

/// SciPy's grid: steps from each band's lower edge, the last one moved to the upper edge.
fn grid(design: &Remez<'_>) -> Vec<Place<Double>> {
    let step = 0.5 / (design.grid_density * coefficients(design)) as f64;
    let is_odd = design.numtaps % 2 == 1;
    let mut frequencies: Vec<(f64, &Level)> = Vec::new();
    for (band, level) in design.levels.iter().enumerate() {
        let [low, high] = level.edges.map(|f| f / design.rate);
        let first = match band == 0 && is_antisymmetric(design) {
            true => low.max(step),
            false => low,
        };
        let mut f = first;
        loop {
            frequencies.push((f, level));
            f += step;
            if f > high {
                break;
            }
        }
        frequencies.last_mut().expect("just pushed").0 = high;
    }
    // There the factor is 0.
    if is_antisymmetric(design) == is_odd
        && frequencies.last().is_some_and(|(f, _)| *f > 0.5 - step)
    {
        frequencies.pop();
    }
    let place = |(frequency, level): (f64, &Level)| {
        let (f, gain) = (Double::from(frequency), Double::from(level.gain));
        let weight = Double::from(level.weight);
        let (wanted, weight) = match design.shape {
            Shape::Differentiator if level.gain >= 1e-4 => (gain * f, weight / f),
            Shape::Differentiator => (gain * f, weight),
            _ => (gain, weight),
        };
        let factor = factor(design, f);
        Place {
            f: frequency,
            x: (f + f).sin_cos_pi().1,
            wanted: wanted / factor,
            weight: weight * factor,
        }
    };
    frequencies.into_iter().map(place).collect()
}

/// A polynomial by its values at some places (barycentric: Berrut and Trefethen, SIAM Review 46, 2004).
struct Through<N> {
    nodes: Vec<(N, N, N)>,
}

impl<N: Number> Through<N> {
    fn at(&self, x: N) -> N {
        let (mut above, mut below) = (N::near(Double::ZERO), N::near(Double::ZERO));
        for &(node, weight, value) in &self.nodes {
            if x == node {
                return value;
            }
            let share = weight / (x - node);
            above = above + share * value;
            below = below + share;
        }
        above / below
    }
}

/// The weights of interpolation at these places. Distances count double, so that their products stay in range.
fn weights<N: Number>(xs: &[N]) -> Vec<N> {
    let (one, two) = (N::near(Double::ONE), N::near(Double::from(2.0)));
    let size = |x: N| x.wide().value().abs();
    let weight = |i: usize| -> N {
        let others = xs.iter().enumerate().filter(|(j, _)| *j != i);
        // Far ones after near ones, so that a long product neither grows nor fades.
        let (near, far): (Vec<N>, Vec<N>) = others
            .map(|(_, x)| two * (xs[i] - *x))
            .partition(|d| size(*d) < 1.0);
        let mut product = one;
        let (mut near, mut far) = (near.into_iter(), far.into_iter());
        loop {
            let next = match size(product) > 1.0 {
                true => near.next().or_else(|| far.next()),
                false => far.next().or_else(|| near.next()),
            };
            match next {
                Some(distance) => product = product * distance,
                None => return one / product,
            }
        }
    };
    (0..xs.len()).map(weight).collect()
}

/// The places of the largest errors of the polynomial of `free` coefficients whose largest weighted error is least.
///
/// Where the errors are near what rounding makes of them, or too near to find the places, these are found with twice the digits.
fn extremes(places: &[Place<Double>], free: usize) -> Option<Vec<usize>> {
    let single: Vec<Place<f64>> = places.iter().map(Place::near).collect();
    let found = exchange(&single, free);
    let is_sure = |size: f64| size > UNSURE * wanted(&single);
    match found {
        Some((found, size)) if is_sure(size) || places.len() * free > PATIENCE => Some(found),
        None if places.len() * free > PATIENCE => None,
        found => {
            let better = found.and_then(|(found, _)| exchange_from(places, found));
            Some(better.or_else(|| exchange(places, free))?.0)
        }
    }
}

/// Below errors of this size, of what is wanted, an `f64` has too few digits for them.
const UNSURE: f64 = 1e-7;

/// Twice the digits take thirty times as long: for so many values of the polynomial a term, about a second.
const PATIENCE: usize = 1 << 22;

/// How large that is which is wanted, as errors are measured.
fn wanted<N: Number>(places: &[Place<N>]) -> f64 {
    largest(places.iter().map(|p| (p.wanted * p.weight).wide().value()))
}

/// The places of the largest errors, and their size.
///
/// A problem that is symmetric around a quarter of the rate may have no error at all at places that are so
/// too, and none to exchange them for: then from other ones.
fn exchange<N: Number>(places: &[Place<N>], free: usize) -> Option<(Vec<usize>, f64)> {
    let count = free + 1;
    let spread = places.len() as f64 / count as f64;
    let from = |shift: f64| (0..count).map(move |k| ((k as f64 + shift) * spread) as usize);
    let starts = [0.5, 0.0, 0.25, 0.9];
    starts
        .into_iter()
        .find_map(|shift| exchange_from(places, from(shift).collect()))
}

fn exchange_from<N: Number>(
    places: &[Place<N>],
    mut extremes: Vec<usize>,
) -> Option<(Vec<usize>, f64)> {
    let count = extremes.len();
    // An error is a difference of numbers of this size, and no better known than they are.
    let noise = 8.0 * N::EPSILON * wanted(places);
    for _ in 0..100 {
        let (best, size) = alternating(places, &extremes)?;
        let errors: Vec<f64> = places
            .iter()
            .map(|p| ((p.wanted - best.at(p.x)) * p.weight).wide().value())
            .collect();
        let largest = errors.iter().fold(0.0f64, |most, e| most.max(e.abs()));
        let next = largest_alternating(&errors, count, size * (1.0 - 1e-9) - noise)?;
        if next == extremes || largest <= size * (1.0 + 1e-13) + noise {
            return Some((extremes, size));
        }
        extremes = next;
    }
    None
}

/// The polynomial whose errors at these places have one size and alternating signs, and that size.
fn alternating<N: Number>(places: &[Place<N>], extremes: &[usize]) -> Option<(Through<N>, f64)> {
    let at: Vec<&Place<N>> = extremes.iter().map(|&e| &places[e]).collect();
    let weights = weights(&at.iter().map(|place| place.x).collect::<Vec<N>>());
    let signed = |k: usize, x: N| if k.is_multiple_of(2) { x } else { -x };
    let nodes = || at.iter().zip(&weights).enumerate();
    let above: N = nodes().map(|(_, (p, w))| *w * p.wanted).sum();
    let below: N = nodes().map(|(k, (p, w))| signed(k, *w / p.weight)).sum();
    let error = above / below;
    let size = error.wide().value().abs();
    let node =
        |(k, (p, w)): (usize, (&&Place<N>, &N))| (p.x, *w, p.wanted - signed(k, error / p.weight));
    let through = Through {
        nodes: nodes().map(node).collect(),
    };
    size.is_finite().then_some((through, size))
}

/// The places of `count` errors of alternating sign, as large as can be and none below `least`.
fn largest_alternating(errors: &[f64], count: usize, least: f64) -> Option<Vec<usize>> {
    // The largest summit of each run of one sign.
    let mut found: Vec<usize> = Vec::new();
    for (i, &error) in errors.iter().enumerate() {
        let height = |j: usize| errors[j] * error.signum();
        let is_summit = (i == 0 || height(i - 1) <= error.abs())
            && (i + 1 == errors.len() || height(i + 1) <= error.abs());
        if !is_summit || error == 0.0 || error.abs() < least {
            continue;
        }
        match found.last_mut() {
            Some(last) if errors[*last] * error > 0.0 => {
                if errors[*last].abs() < error.abs() {
                    *last = i;
                }
            }
            _ => found.push(i),
        }
    }
    while found.len() > count {
        let size = |k: usize| errors[found[k]].abs();
        let last = found.len() - 1;
        if found.len() == count + 1 {
            found.remove(if size(0) < size(last) { 0 } else { last });
            continue;
        }
        let least = (0..found.len()).min_by(|&a, &b| size(a).total_cmp(&size(b)))?;
        if least == 0 || least == last {
            found.remove(least);
        } else {
            // With a neighbour, so that signs alternate.
            let other = if size(least - 1) < size(least + 1) {
                least - 1
            } else {
                least
            };
            found.drain(other..other + 2);
        }
    }
    (found.len() == count).then_some(found)
}

/// The taps of a filter of this polynomial, by the inverse transform of its response.
fn response(design: &Remez<'_>, free: usize, polynomial: &Through<Double>) -> Vec<f64> {
    let n = design.numtaps;
    let middle = (n - 1) as f64 / 2.0;
    // As many frequencies as the polynomial has coefficients determine it: the cosine series is of degree free - 1.
    let points = 2 * free - 1;
    let turns = |k: usize| Double::from((2 * k) as f64) / Double::from(points as f64);
    let cosines: Vec<Double> = (0..points).map(|k| turns(k).sin_cos_pi().1).collect();
    let values: Vec<Double> = (0..free).map(|k| polynomial.at(cosines[k])).collect();
    let cosine = |j: usize| -> Double {
        let terms = (1..free).map(|k| values[k] * cosines[(j * k) % points]);
        let terms: Double = terms.sum();
        (values[0] + terms + terms) / Double::from(points as f64)
    };
    // h of the polynomial alone, symmetric around 0.
    let half: Vec<f64> = (0..free).map(|j| cosine(j).value()).collect();
    let h = |j: isize| half.get(j.unsigned_abs()).copied().unwrap_or(0.0);
    // Times the factor: cosines and sines are sums and differences of neighbours.
    let tap = |i: usize| -> f64 {
        let at = (i as f64 - middle).floor() as isize;
        match (is_antisymmetric(design), n % 2 == 1) {
            (false, true) => h(at),
            (false, false) => 0.5 * (h(at) + h(at + 1)),
            (true, true) => 0.5 * (h(at + 1) - h(at - 1)),
            (true, false) => 0.5 * (h(at + 1) - h(at)),
        }
    };
    (0..n).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn taps_that_cancel_each_other_are_refused() {
        let level = |low, high, gain| Level {
            edges: [low, high],
            gain,
            weight: 1.0,
        };
        let designed = |numtaps: usize, levels: &[Level]| {
            remez(&Remez {
                numtaps,
                levels,
                shape: Shape::Bandpass,
                grid_density: 16,
                rate: 1000.0,
            })
        };
        let (pass, stop) = (level(0.0, 100.0, 1.0), level(150.0, 400.0, 0.0));
        let refused = designed(101, &[pass, stop]);
        assert_eq!(refused, Err(DesignError::TooFree { numtaps: 101 }));
        assert!(designed(51, &[pass, stop]).is_ok());
        assert!(designed(101, &[pass, level(150.0, 500.0, 0.0)]).is_ok());
    }

    #[test]
    fn taps_that_are_far_from_the_best_ones_or_no_numbers_are_refused() {
        let designs = [
            (Shape::Bandpass, 73, [0.18, 0.215], 3.7),
            (Shape::Bandpass, 127, [0.0, 0.3195], 1.0),
            (Shape::Bandpass, 109, [0.385_089_257, 0.5], 1.0),
            (
                Shape::Differentiator,
                77,
                [0.215_374_565, 0.319_517_107],
                0.1,
            ),
            (Shape::Hilbert, 87, [0.428_822_396, 0.5], 10.0),
        ];
        for (shape, numtaps, edges, weight) in designs {
            let levels = [Level {
                edges,
                gain: 1.0,
                weight,
            }];
            let refused = remez(&Remez {
                numtaps,
                levels: &levels,
                shape,
                grid_density: 16,
                rate: 1.0,
            });
            assert!(refused.is_err(), "{shape:?} of {numtaps} taps: {refused:?}");
        }
    }

    #[test]
    fn an_error_near_the_rounding_is_the_least_one_too() {
        // SciPy finds the first; it finds none of 40 taps.
        for (numtaps, least) in [(32, 1.652e-12), (40, 2.9e-15)] {
            let band = Level {
                edges: [0.0, 0.291],
                gain: 1.0,
                weight: 1.0,
            };
            let taps = remez(&Remez {
                numtaps,
                levels: &[band],
                shape: Shape::Differentiator,
                grid_density: 16,
                rate: 1.0,
            })
            .unwrap();
            let middle = (numtaps - 1) as f64 / 2.0;
            let error = |f: f64| -> f64 {
                let terms = taps.iter().enumerate();
                let gain: f64 = terms
                    .map(|(n, h)| h * (2.0 * PI * f * (middle - n as f64)).sin())
                    .sum();
                (gain / f - 1.0).abs()
            };
            let largest = (1..=2910)
                .map(|k| error(f64::from(k) / 1e4))
                .fold(0.0, f64::max);
            // What summing up adds.
            assert!(largest < 1.01 * least + 1e-13, "{numtaps}: {largest}");
        }
    }

    #[test]
    fn the_largest_errors_of_both_bands_are_equal_and_small() {
        let level = |low, high, gain| Level {
            edges: [low, high],
            gain,
            weight: 1.0,
        };
        for numtaps in [30, 31, 101] {
            let taps = remez(&Remez {
                numtaps,
                levels: &[level(0.0, 0.1, 1.0), level(0.15, 0.5, 0.0)],
                shape: Shape::Bandpass,
                grid_density: 16,
                rate: 1.0,
            })
            .unwrap();
            let middle = (numtaps - 1) as f64 / 2.0;
            let gain = |f: f64| -> f64 {
                let terms = taps.iter().enumerate();
                terms
                    .map(|(n, h)| h * (2.0 * PI * f * (n as f64 - middle)).cos())
                    .sum()
            };
            let most = |low: f64, high: f64, wanted: f64| {
                (0..=2000)
                    .map(|k| (gain(low + (high - low) * f64::from(k) / 2000.0) - wanted).abs())
                    .fold(0.0, f64::max)
            };
            let (pass, stop) = (most(0.0, 0.1, 1.0), most(0.15, 0.5, 0.0));
            assert!((pass / stop - 1.0).abs() < 0.02, "{numtaps}: {pass} {stop}");
            assert!(pass < 0.03, "{numtaps}: {pass}");
        }
    }
}
