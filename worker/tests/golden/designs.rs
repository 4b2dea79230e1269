//! Recursive filters drawn at random, those that are to be refused among them: `designs.txt`.

use thalweg_worker::design::iirfilter::iirfilter;
use thalweg_worker::design::{Band, DesignError};

use super::iir::family;
use super::{goldens, largest};

const RATE: f64 = 2000.0;

#[test]
fn what_scipy_designs_well_is_made_alike_and_what_amplifies_its_rounding_is_refused() {
    let mut x = Vec::new();
    let (mut made, mut refused) = (0, 0);
    for golden in goldens("designs.txt") {
        if golden.what == "x" {
            x = golden.numbers;
        } else if golden.what.starts_with("refused.") {
            let edge = |name: &str| golden.floats(name)[0];
            let order = edge("order") as usize;
            let band = Band::Stop(edge("low"), edge("high"));
            let found = iirfilter(family(&golden), order, band, RATE);
            let is_refused = matches!(found, Err(DesignError::Rounding { .. }));
            assert!(is_refused, "{:?}: {found:?}", golden.params);
            refused += 1;
        } else {
            let y = golden.output_at(RATE, &x, "f64");
            let last = &y[y.len() - golden.numbers.len()..];
            golden.check(last, 1e-9, largest(&x));
            made += 1;
        }
    }
    assert_eq!((made, refused), (60, 10));
}
