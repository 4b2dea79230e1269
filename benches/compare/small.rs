//! Twenty small functions, as agents would have them.

use std::hint::black_box;

type Function = fn(f64) -> f64;

/// Each takes a number and gives one; none is more than a few instructions.
pub const FUNCTIONS: [Function; 20] = [
    |x| x + 1.0,
    |x| x * 0.5,
    |x| x - 3.0,
    |x| x.abs(),
    |x| x.min(1e6),
    |x| 2.0 * x + 1.0,
    |x| x * x,
    |x| x.max(1e-3),
    |x| x.sqrt(),
    |x| 1.0 - x,
    |x| x * 0.25,
    |x| x + 0.125,
    |x| x.max(-1e3),
    |x| x * x + 1.0,
    |x| x.sqrt(),
    |x| x - 1.0,
    |x| x * 3.0,
    |x| x.min(1e3),
    |x| -x,
    |x| x + 10.0,
];

/// The functions as a program has them that gets them from elsewhere: the compiler sees calls, no bodies.
pub fn unknown() -> [Function; 20] {
    black_box(FUNCTIONS)
}
