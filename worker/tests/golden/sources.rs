//! Waves, sweeps and noise: `sources.txt`.

use super::check_operators;

#[test]
fn operators_give_the_numbers_of_scipy() {
    check_operators("sources.txt", 40);
}
