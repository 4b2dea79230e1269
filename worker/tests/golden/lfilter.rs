//! Filters of given coefficients, at rest and not: `lfilter.txt`.

use super::check_operators;

#[test]
fn filters_of_given_coefficients_are_those_of_scipy() {
    check_operators("lfilter.txt", 19);
}
