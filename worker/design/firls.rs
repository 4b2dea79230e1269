//! Least-squares design of finite filters, with the numbers of `scipy.signal.firls`.
//!
//! The taps whose response differs least, in the weighted mean of the squares over the bands, from straight lines
//! between the desired values (Selesnick, Linear-Phase FIR Filter Design By Least Squares, OpenStax CNX, 2005).

use std::f64::consts::PI;

use super::firwin::sinc;
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
    let reach = numtaps / 2;
    let lines: Vec<Line> = lines
        .iter()
        .map(|line| Line {
            edges: line.edges.map(|f| f / (0.5 * rate)),
            ..*line
        })
        .collect();
    let summed = |f: &dyn Fn(&Line, usize) -> f64| -> f64 {
        let terms = lines
            .iter()
            .map(|line| line.weight * (f(line, 1) - f(line, 0)));
        terms.sum()
    };
    let q: Vec<f64> = (0..numtaps)
        .map(|n| {
            summed(&|line, end| {
                let f = line.edges[end];
                f * sinc(n as f64 * f)
            })
        })
        .collect();
    let b = (0..=reach).map(|n| {
        summed(&|line, end| {
            let f = line.edges[end];
            let slope = (line.gains[1] - line.gains[0]) / (line.edges[1] - line.edges[0]);
            let start = line.gains[0] - line.edges[0] * slope;
            let first = f * (slope * f + start) * sinc(n as f64 * f);
            let x = PI * n as f64;
            match n {
                0 => first - slope * f * f / 2.0,
                _ => first + slope * (x * f).cos() / (x * x),
            }
        })
    });
    let matrix = (0..=reach).map(|i| (0..=reach).map(|j| q[i.abs_diff(j)] + q[i + j]).collect());
    let (matrix, b): (Vec<Vec<f64>>, Vec<f64>) = (matrix.collect(), b.collect());
    let a = solve(&matrix, &b).ok_or(DesignError::TooFree { numtaps })?;
    let half = a[1..].iter().copied();
    Ok(half.clone().rev().chain([2.0 * a[0]]).chain(half).collect())
}

/// How far rounding may move a solution, of its largest number.
const UNCERTAIN: f64 = 1e-3;

/// The solution of a symmetric, positive definite system; `None` if it is not definite, or rounding decides the solution: what the
/// error that is left in the equations comes to is then more than a little.
fn solve(matrix: &[Vec<f64>], b: &[f64]) -> Option<Vec<f64>> {
    let factors = factors(matrix.to_vec())?;
    let a = solution(&factors, b.to_vec());
    let products = |row: &Vec<f64>| row.iter().zip(&a).map(|(x, y)| x * y).sum::<f64>();
    let left = matrix.iter().zip(b).map(|(row, b)| b - products(row));
    let moved = solution(&factors, left.collect());
    let largest = |of: &[f64]| of.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    (largest(&moved) <= UNCERTAIN * largest(&a)).then_some(a)
}

/// Cholesky's factor, in the lower half; `None` if there is none.
fn factors(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    for i in 0..n {
        for j in 0..=i {
            let (row, other) = (&matrix[i][..j], &matrix[j][..j]);
            let products: f64 = row.iter().zip(other).map(|(x, y)| x * y).sum();
            let rest = matrix[i][j] - products;
            matrix[i][j] = match i == j {
                true if rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / matrix[j][j],
            };
        }
    }
    Some(matrix)
}

/// The solution for one right side.
fn solution(matrix: &[Vec<f64>], mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let known: f64 = (0..i).map(|j| matrix[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / matrix[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| matrix[j][i] * b[j]).sum();
        b[i] = (b[i] - known) / matrix[i][i];
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
        assert!(firls(31, &lines, 2.0).is_ok());
        for numtaps in [43, 61] {
            let refused = firls(numtaps, &lines, 2.0);
            assert_eq!(refused, Err(DesignError::TooFree { numtaps }));
        }
        // Nothing is wanted: the taps are 0.
        let silent = [line(0.0, 0.5, [0.0, 0.0]), line(0.6, 1.0, [0.0, 0.0])];
        assert_eq!(firls(5, &silent, 2.0), Ok(vec![0.0; 5]));
    }
}
