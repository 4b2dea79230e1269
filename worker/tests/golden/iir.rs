//! Recursive filters: `iir.txt`.

use thalweg_worker::design::iirfilter::{Family, iirfilter};
use thalweg_worker::design::prototypes::Norm;

use super::{Golden, RATE, check_operators, check_sections};

#[test]
fn operators_give_the_numbers_of_scipy() {
    check_operators("iir.txt", 150);
}

pub(super) fn family(golden: &Golden) -> Family {
    let db = |name: &str| golden.floats(name)[0];
    match golden.text("design") {
        "butter" => Family::Butterworth,
        "cheby1" => Family::Chebyshev1 {
            ripple: db("ripple"),
        },
        "cheby2" => Family::Chebyshev2 {
            attenuation: db("attenuation"),
        },
        "ellip" => Family::Elliptic {
            ripple: db("ripple"),
            attenuation: db("attenuation"),
        },
        _ => Family::Bessel(match golden.value("norm").map(|_| golden.text("norm")) {
            Some("delay") => Norm::Delay,
            Some("mag") => Norm::Magnitude,
            _ => Norm::Phase,
        }),
    }
}

#[test]
fn sections_are_those_of_scipy() {
    let design = |golden: &Golden, order, band| iirfilter(family(golden), order, band, RATE);
    check_sections("iir.txt", 104, design);
}
