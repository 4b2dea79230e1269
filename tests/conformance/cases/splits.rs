//! One stream in, several out: `split_element`, `unzip`, `separate`.

use super::elements::ints;
use super::joins::pair;
use crate::judge::{Case, Kept, rust};

pub const CASES: &[Case] = &[
    rust(&["split_element", "split_list"], |v, g| {
        let (odd, even) = ints(v, g).split("parity", |x| x % 2 == 1);
        Kept::one("a", &odd).and("b", &even)
    }),
    rust(&["zip_then_unzip"], |v, g| {
        let (x, y) = pair(v, g);
        let (a, b) = x
            .zip(&y)
            .map("zipped", |x, y| [x, y])
            .unzip("parts", |[a, b]| (a, b));
        Kept::one("a", &a).and("b", &b)
    }),
];
