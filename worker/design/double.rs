//! Numbers of about 32 digits: two `f64`, the second no more than half a unit in the first one's last place.
//!
//! Systems of equations that are nearly singular lose as many digits as their condition has; what is computed with these still
//! has all of an `f64` then. Sums and products by Dekker (Numerische Mathematik 18, 1971) and Knuth (The Art of Computer
//! Programming 2, 4.2.2), nothing but additions and multiplications, so that every processor gives the same bits.

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of twice the digits: the sum of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Double(f64, f64);

impl Double {
    pub(super) const ZERO: Double = Double(0.0, 0.0);
    pub(super) const ONE: Double = Double(1.0, 0.0);
    pub(super) const PI: Double = Double(std::f64::consts::PI, 1.224_646_799_147_353_2e-16);

    /// The nearest `f64`.
    pub(super) fn value(self) -> f64 {
        self.0
    }

    /// The sine and the cosine of `pi` times this number.
    pub(super) fn sin_cos_pi(self) -> (Double, Double) {
        // Whole quarters of a turn are taken off exactly; an eighth at most is left.
        let quarters = (2.0 * self.0).round();
        let left = (self - Double::from(0.5 * quarters)) * Double::PI;
        let (sin, cos) = (series(left, left, 1), series(left, Double::ONE, 0));
        match quarters.rem_euclid(4.0) {
            0.0 => (sin, cos),
            1.0 => (cos, -sin),
            2.0 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }
}

/// The series of alternating signs whose terms are `first`, and each next one times `x^2 / ((k + 1) (k + 2))`.
fn series(x: Double, first: Double, k: i32) -> Double {
    let square = x * x;
    let (mut sum, mut term, mut k) = (first, first, f64::from(k));
    while term.0.abs() > Double::EPSILON * sum.0.abs() {
        term = -(term * square / Double::from((k + 1.0) * (k + 2.0)));
        sum = sum + term;
        k += 2.0;
    }
    sum
}

/// The sum of two numbers and what rounding left of it.
fn sum(a: f64, b: f64) -> Double {
    let s = a + b;
    let from_b = s - a;
    Double(s, (a - (s - from_b)) + (b - from_b))
}

/// The same where `a` is the larger one.
fn sum_in_order(a: f64, b: f64) -> Double {
    let s = a + b;
    Double(s, b - (s - a))
}

/// The product of two numbers and what rounding left of it.
fn product(a: f64, b: f64) -> Double {
    // Halves of 26 bits have products without rounding.
    let halves = |x: f64| {
        let scaled = 134_217_729.0 * x;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let p = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let left = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
    Double(p, left)
}

impl From<f64> for Double {
    fn from(x: f64) -> Double {
        Double(x, 0.0)
    }
}

impl Add for Double {
    type Output = Double;

    fn add(self, other: Double) -> Double {
        let (first, second) = (sum(self.0, other.0), sum(self.1, other.1));
        let carried = sum_in_order(first.0, first.1 + second.0);
        sum_in_order(carried.0, carried.1 + second.1)
    }
}

impl Neg for Double {
    type Output = Double;

    fn neg(self) -> Double {
        Double(-self.0, -self.1)
    }
}

impl Sub for Double {
    type Output = Double;

    fn sub(self, other: Double) -> Double {
        self + -other
    }
}

impl Mul for Double {
    type Output = Double;

    fn mul(self, other: Double) -> Double {
        let first = product(self.0, other.0);
        sum_in_order(first.0, first.1 + (self.0 * other.1 + self.1 * other.0))
    }
}

impl Div for Double {
    type Output = Double;

    fn div(self, other: Double) -> Double {
        // As by hand, 53 bits at a time.
        let first = self.0 / other.0;
        let left = self - other * Double::from(first);
        sum_in_order(first, left.0 / other.0)
    }
}

impl Sum for Double {
    fn sum<I: Iterator<Item = Double>>(terms: I) -> Double {
        terms.fold(Double::ZERO, Add::add)
    }
}

/// What is computed in either kind of number.
pub(super) trait Number:
    Copy
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Sum
{
    /// The relative rounding of one operation, at most.
    const EPSILON: f64;

    /// The nearest number of this kind.
    fn near(x: Double) -> Self;

    /// The same number, with room for more digits.
    fn wide(self) -> Double;

    fn sqrt(self) -> Self;
}

impl Number for f64 {
    const EPSILON: f64 = f64::EPSILON;

    fn near(x: Double) -> f64 {
        x.value()
    }

    fn wide(self) -> Double {
        Double::from(self)
    }

    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
}

impl Number for Double {
    const EPSILON: f64 = 4.0 * f64::EPSILON * f64::EPSILON;

    fn near(x: Double) -> Double {
        x
    }

    fn wide(self) -> Double {
        self
    }

    /// By one step of Newton's from the root of the first part.
    fn sqrt(self) -> Double {
        let root = self.0.sqrt();
        match root > 0.0 {
            true => Double::from(root) + (self - product(root, root)) / Double::from(2.0 * root),
            false => Double::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_thirty_digits() {
        // Of mpmath, with 60 digits.
        let third = Double(1.0 / 3.0, 1.850_371_707_708_594e-17);
        let root = Double(std::f64::consts::SQRT_2, -9.667_293_313_452_913e-17);
        let seventh = Double::ONE / Double::from(7.0);
        let turned = Double::from(1000.0) * seventh;
        let cases = [
            (Double::ONE / Double::from(3.0), third),
            (Double::from(2.0).sqrt(), root),
            (
                third + root,
                Double(1.747_546_895_706_428_4, -2.265_806_482_618_536e-17),
            ),
            (
                third - root,
                Double(-1.080_880_229_039_761_7, -5.135_680_348_215_841e-17),
            ),
            (
                third * root,
                Double(0.471_404_520_791_031_7, 4.783_123_109_328_841e-18),
            ),
            (
                third / root,
                Double(0.235_702_260_395_515_84, 2.391_561_554_664_420_7e-18),
            ),
            (
                seventh.sin_cos_pi().0,
                Double(0.433_883_739_117_558_1, 7.407_189_078_946_677e-20),
            ),
            (
                seventh.sin_cos_pi().1,
                Double(0.900_968_867_902_419_1, -1.976_264_685_306_949_2e-17),
            ),
            (
                turned.sin_cos_pi().0,
                Double(0.433_883_739_117_558_1, 7.407_189_078_946_677e-20),
            ),
            (
                turned.sin_cos_pi().1,
                Double(-0.900_968_867_902_419_1, 1.976_264_685_306_949_2e-17),
            ),
        ];
        for (found, expected) in cases {
            let apart = (found - expected).value().abs();
            assert!(
                apart <= 1e3 * Double::EPSILON * expected.value().abs(),
                "{found:?}, and should be {expected:?}"
            );
        }
        assert_eq!(Double::ZERO.sqrt(), Double::ZERO);
        assert_eq!(Double::ZERO.sin_cos_pi(), (Double::ZERO, Double::ONE));
    }
}
