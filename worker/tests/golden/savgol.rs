//! Polynomials through windows, the stream's ends included: `savgol.txt`.

use super::check_operators;

#[test]
fn polynomials_and_their_ends_are_those_of_scipy() {
    check_operators("savgol.txt", 30);
}
