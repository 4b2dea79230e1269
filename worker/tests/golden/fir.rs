//! Finite filters' designs: `fir.txt`.

use super::check_operators;

#[test]
fn operators_give_the_numbers_of_scipy() {
    check_operators("fir.txt", 43);
}
