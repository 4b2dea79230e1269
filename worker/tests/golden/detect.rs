//! Other rates, smoothers and detectors: `detect.txt`.

use super::check_operators;

#[test]
fn operators_give_the_numbers_of_scipy() {
    check_operators("detect.txt", 35);
}
