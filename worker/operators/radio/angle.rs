//! Angles: of complex numbers, and complex numbers of angles.
//!
//! In single precision both are polynomials without branches, so that the loops over them vectorise: the
//! reductions and coefficients of Moshier's Cephes library (`atanf`, `sinf`, `cosf`), good to some units in
//! the last place. In double precision they are the standard library's.
//!
//! An angle that runs on is a `u64` of 2^-64 turns: it wraps by itself and never drifts.

use std::ops::{Add, Mul, Neg, Sub};

use num_complex::Complex;

use crate::types::Item;

/// A floating-point number, and the complex number made of two.
pub(super) trait Real:
    Item
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
{
    /// The complex number of two of these.
    type Complex: Item;

    fn nearest(x: f64) -> Self;
    fn wide(self) -> f64;
    fn complex(re: Self, im: Self) -> Self::Complex;
    fn parts(z: Self::Complex) -> (Self, Self);

    /// The angle of `re + i im` within -pi and pi; 0 of 0.
    fn arg(re: Self, im: Self) -> Self;

    /// The cosine and the sine of so many 2^-64 turns.
    fn cos_sin(turns: u64) -> (Self, Self);
}

impl Real for f32 {
    type Complex = Complex<f32>;

    #[inline(always)]
    fn nearest(x: f64) -> f32 {
        x as f32
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn complex(re: f32, im: f32) -> Complex<f32> {
        Complex::new(re, im)
    }

    #[inline(always)]
    fn parts(z: Complex<f32>) -> (f32, f32) {
        (z.re, z.im)
    }

    #[inline(always)]
    fn arg(re: f32, im: f32) -> f32 {
        use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};
        let (a, b) = (re.abs(), im.abs());
        let is_steep = b > a;
        let (small, large) = if is_steep { (a, b) } else { (b, a) };
        // atan(s / l) = pi / 4 + atan((s - l) / (s + l)), for the upper half of the slopes.
        let is_upper = small > 0.414_213_57 * large;
        let (over, under, base) = if is_upper {
            (small - large, small + large, FRAC_PI_4)
        } else {
            (small, large, 0.0)
        };
        let t = over / if under == 0.0 { 1.0 } else { under };
        let z = t * t;
        let tail = ((8.053_744_5e-2 * z - 1.387_768_6e-1) * z + 1.997_771_1e-1) * z - 3.333_295e-1;
        let angle = base + (tail * z * t + t);
        let angle = if is_steep { FRAC_PI_2 - angle } else { angle };
        let angle = if re < 0.0 { PI - angle } else { angle };
        angle.copysign(im)
    }

    #[inline(always)]
    fn cos_sin(turns: u64) -> (f32, f32) {
        // The nearest quarter of a turn, and what is left, within an eighth of a turn.
        let quarter = turns.wrapping_add(1 << 61) >> 62;
        let left = (turns.wrapping_sub(quarter << 62) >> 32) as u32 as i32;
        let x = left as f32 * (std::f32::consts::TAU / 4_294_967_296.0);
        let z = x * x;
        let sin = ((-1.951_529_6e-4 * z + 8.332_161e-3) * z - 1.666_665_5e-1) * z * x + x;
        let cos = ((2.443_315_7e-5 * z - 1.388_731_6e-3) * z + 4.166_664_6e-2) * z * z;
        let cos = cos - 0.5 * z + 1.0;
        let (c, s) = if quarter & 1 == 1 {
            (sin, cos)
        } else {
            (cos, sin)
        };
        let negative = |is: bool| if is { -1.0_f32 } else { 1.0 };
        (
            c * negative(quarter == 1 || quarter == 2),
            s * negative(quarter >= 2),
        )
    }
}

impl Real for f64 {
    type Complex = Complex<f64>;

    #[inline(always)]
    fn nearest(x: f64) -> f64 {
        x
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn complex(re: f64, im: f64) -> Complex<f64> {
        Complex::new(re, im)
    }

    #[inline(always)]
    fn parts(z: Complex<f64>) -> (f64, f64) {
        (z.re, z.im)
    }

    #[inline(always)]
    fn arg(re: f64, im: f64) -> f64 {
        // Without the sign of a zero, which makes pi of 0.
        im.atan2(re + 0.0)
    }

    #[inline(always)]
    fn cos_sin(turns: u64) -> (f64, f64) {
        let (sin, cos) = (turns as i64 as f64 * (std::f64::consts::TAU / TURN)).sin_cos();
        (cos, sin)
    }
}

/// `a * b`.
#[inline(always)]
pub(super) fn product<R: Real>(a: (R, R), b: (R, R)) -> (R, R) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// One turn in units of 2^-64 turns.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// So many radians, as turns without the whole ones; 0 of what is not finite.
#[inline(always)]
pub(super) fn turns_of(radians: f64) -> u64 {
    let turns = radians * (1.0 / std::f64::consts::TAU);
    ((turns - turns.round_ties_even()) * TURN) as i64 as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_angles_are_those_of_double_precision() {
        for step in 0..100_000_u32 {
            let turns = u64::from(step) * 184_467_440_737_095;
            let (cos, sin) = f64::cos_sin(turns);
            let (c, s) = f32::cos_sin(turns);
            assert!((f64::from(c) - cos).abs() < 1.5e-7, "{turns}: {c} {cos}");
            assert!((f64::from(s) - sin).abs() < 1.5e-7, "{turns}: {s} {sin}");
            for size in [1e-30, 1.0, 1e15] {
                let (re, im) = ((size * cos) as f32, (size * sin) as f32);
                let found = f64::from(f32::arg(re, im));
                let expected = f64::arg(f64::from(re), f64::from(im));
                assert!((found - expected).abs() < 3e-7, "{re} {im}: {found}");
            }
        }
    }

    #[test]
    fn nothing_has_the_angle_0_and_nan_has_none() {
        for (re, im) in [(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0)] {
            assert_eq!(f32::arg(re, im), 0.0);
            assert_eq!(f64::arg(f64::from(re), f64::from(im)), 0.0);
        }
        for (re, im) in [(f32::NAN, 1.0), (1.0, f32::NAN)] {
            assert!(f32::arg(re, im).is_nan());
        }
        assert_eq!(f32::arg(-1.0, 0.0), std::f32::consts::PI);
    }

    #[test]
    fn whole_turns_are_none() {
        assert_eq!(turns_of(0.0), 0);
        assert_eq!(turns_of(std::f64::consts::TAU * 3.0), 0);
        assert_eq!(turns_of(std::f64::consts::FRAC_PI_2), 1 << 62);
        assert_eq!(turns_of(-std::f64::consts::FRAC_PI_2), 3 << 62);
        assert_eq!(turns_of(f64::NAN), 0);
        assert_eq!(turns_of(f64::INFINITY), 0);
    }
}
