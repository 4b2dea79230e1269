//! Peaks under every condition: `peaks.txt`.

use super::check_operators;

#[test]
fn peaks_are_those_of_scipy() {
    check_operators("peaks.txt", 60);
}
