//! Least-squares design of finite filters, with the numbers of `scipy.signal.firls`.
//!
//! The taps whose response differs least, in the weighted mean of the squares over the bands, from straight lines
//! between the desired values (Selesnick, Linear-Phase FIR Filter Design By Least Squares, OpenStax CNX, 2005).

use super::double::{Double, Number};
use super::{DesignError, check_bands};

/// What is wanted in one band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The band's edges in Hz.
    pub edges: [f64; 2],
    /// The gain at the edges; between them a straight line.
    pub gains: [f64; 2],
    /// How much its errors count.
    pub weight: f64,
}

/// The taps, an odd number of them. Edges are 0 to half the rate and grow.
pub fn firls(numtaps: usize, lines: &[Line], rate: f64) -> Result<Vec<f64>, DesignError> {
    check_bands(lines.iter().map(|line| line.edges), rate)?;
    let equations = Equations::of(numtaps, lines, rate);
    let a = equations.solved().ok_or(DesignError::TooFree { numtaps })?;
    let half = a[1..].iter().copied();
    Ok(half.clone().rev().chain([2.0 * a[0]]).chain(half).collect())
}

/// What the cosines' amplitudes fulfil: `matrix` times them is `b`.
///
/// Between the bands anything may be, and the wider the gaps are for the number of taps, the nearer the matrix is to a singular
/// one: an `f64`'s digits of its entries would not do.
struct Equations {
    /// What an entry is made of: that of row i and column j is `q[|i - j|] + q[i + j]`.
    q: Vec<Double>,
    b: Vec<Double>,
}

impl Equations {
    fn of(numtaps: usize, lines: &[Line], rate: f64) -> Equations {
        let parts: Vec<Part> = lines.iter().map(|line| Part::of(line, rate)).collect();
        let over = |last: usize, f: &dyn Fn(&Part, usize, usize) -> Double| -> Vec<Double> {
            let between = |part: &Part, n| f(part, n, 1) - f(part, n, 0);
            let total = |n| parts.iter().map(|p| p.weight * between(p, n)).sum();
            (0..=last).map(total).collect()
        };
        Equations {
            q: over(numtaps - 1, &Part::constant),
            b: over(numtaps / 2, &Part::line),
        }
    }

    fn entry(&self, i: usize, j: usize) -> Double {
        self.q[i.abs_diff(j)] + self.q[i + j]
    }

    /// The amplitudes; `None` if even twice the digits of an `f64` do not give them all of one.
    fn solved(&self) -> Option<Vec<f64>> {
        let amplitudes = self.refined::<f64>().or_else(|| self.refined::<Double>())?;
        Some(amplitudes.into_iter().map(Double::value).collect())
    }

    /// The solution by factors of so many digits, corrected by what is left in the equations until the corrections are small.
    fn refined<N: Number>(&self) -> Option<Vec<Double>> {
        let n = self.b.len();
        let row = |i: usize| (0..=i).map(|j| N::near(self.entry(i, j))).collect();
        let factors = factors((0..n).map(row).collect::<Vec<Vec<N>>>())?;
        let mut a = vec![Double::ZERO; n];
        let mut before = f64::INFINITY;
        loop {
            let correction = solution(&factors, self.left(&a).into_iter().map(N::near).collect());
            for (a, correction) in a.iter_mut().zip(&correction) {
                *a = *a + correction.wide();
            }
            let (moved, size) = (
                largest(correction.into_iter().map(N::wide)),
                largest(a.iter().copied()),
            );
            if moved <= CERTAIN * size {
                return Some(a);
            }
            if moved.is_nan() || moved > 0.5 * before {
                return None;
            }
            before = moved;
        }
    }

    /// What is left of the right sides.
    fn left(&self, a: &[Double]) -> Vec<Double> {
        let products = |i: usize| {
            a.iter()
                .enumerate()
                .map(|(j, a)| self.entry(i, j) * *a)
                .sum()
        };
        let left = |(i, b): (usize, &Double)| *b - products(i);
        self.b.iter().enumerate().map(left).collect()
    }
}

/// How large the last correction may be, of the largest amplitude: what is wrong still is less.
const CERTAIN: f64 = 1e-14;

fn largest(numbers: impl Iterator<Item = Double>) -> f64 {
    numbers.fold(0.0, |most, x| most.max(x.value().abs()))
}

/// A line as the integrals over it want it. Half the rate is 1.
struct Part {
    edges: [Double; 2],
    /// The line is `start + slope f`.
    start: Double,
    slope: Double,
    weight: Double,
}

impl Part {
    fn of(line: &Line, rate: f64) -> Part {
        let edges = line
            .edges
            .map(|f| Double::from(f) / Double::from(0.5 * rate));
        let gains = line.gains.map(Double::from);
        let slope = (gains[1] - gains[0]) / (edges[1] - edges[0]);
        Part {
            edges,
            start: gains[0] - edges[0] * slope,
            slope,
            weight: Double::from(line.weight),
        }
    }

    /// The integral of `cos(pi n f)` from 0 to an edge.
    fn constant(&self, n: usize, edge: usize) -> Double {
        let (f, n) = (self.edges[edge], n as f64);
        match n {
            0.0 => f,
            n => (Double::from(n) * f).sin_cos_pi().0 / (Double::from(n) * Double::PI),
        }
    }

    /// The integral of the line times `cos(pi n f)` to an edge, but for what is the same at both edges.
    fn line(&self, n: usize, edge: usize) -> Double {
        let f = self.edges[edge];
        let first = (self.slope * f + self.start) * self.constant(n, edge);
        match n {
            0 => first - self.slope * f * f * Double::from(0.5),
            n => {
                let x = Double::from(n as f64) * Double::PI;
                first + self.slope * (Double::from(n as f64) * f).sin_cos_pi().1 / (x * x)
            }
        }
    }
}

/// Cholesky's factor of a symmetric matrix, both in their lower halves; `None` if there is none.
fn factors<N: Number>(mut matrix: Vec<Vec<N>>) -> Option<Vec<Vec<N>>> {
    for i in 0..matrix.len() {
        for j in 0..=i {
            let (row, other) = (&matrix[i][..j], &matrix[j][..j]);
            let products: N = row.iter().zip(other).map(|(x, y)| *x * *y).sum();
            let rest = matrix[i][j] - products;
            matrix[i][j] = match i == j {
                true if rest.wide().value() > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / matrix[j][j],
            };
        }
    }
    Some(matrix)
}

/// The solution for one right side.
fn solution<N: Number>(factors: &[Vec<N>], mut b: Vec<N>) -> Vec<N> {
    let n = b.len();
    for i in 0..n {
        let known: N = (0..i).map(|j| factors[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / factors[i][i];
    }
    for i in (0..n).rev() {
        let known: N = (i + 1..n).map(|j| factors[j][i] * b[j]).sum();
        b[i] = (b[i] - known) / factors[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_pass_is_symmetric_and_near_its_desired_gains() {
        let line = |low, high, gain| Line {
            edges: [low, high],
            gains: [gain, gain],
            weight: 1.0,
        };
        let taps = firls(51, &[line(0.0, 0.1, 1.0), line(0.2, 0.5, 0.0)], 1.0).unwrap();
        assert!((taps.iter().sum::<f64>() - 1.0).abs() < 1e-3);
        let turned: f64 = taps
            .iter()
            .enumerate()
            .map(|(n, h)| if n % 2 == 0 { *h } else { -h })
            .sum();
        assert!(turned.abs() < 1e-3);
        for (a, b) in taps.iter().zip(taps.iter().rev()) {
            assert_eq!(a, b);
        }
    }

    #[test]
    fn taps_that_rounding_decides_are_refused() {
        let line = |low, high, gains| Line {
            edges: [low, high],
            gains,
            weight: 1.0,
        };
        let lines = [
            line(0.0, 0.12, [0.5, 0.0]),
            line(0.53, 0.58, [0.0, 1.0]),
            line(0.84, 1.0, [0.0, 0.5]),
        ];
        for numtaps in [31, 43] {
            assert!(firls(numtaps, &lines, 2.0).is_ok());
        }
        for numtaps in [61, 101] {
            let refused = firls(numtaps, &lines, 2.0);
            assert_eq!(refused, Err(DesignError::TooFree { numtaps }));
        }
        // Nothing is wanted: the taps are 0.
        let silent = [line(0.0, 0.5, [0.0, 0.0]), line(0.6, 1.0, [0.0, 0.0])];
        assert_eq!(firls(5, &silent, 2.0), Ok(vec![0.0; 5]));
    }
}
