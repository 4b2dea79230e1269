//! Recursive filters: `iir.txt`.

use thalweg_worker::design::Band;
use thalweg_worker::design::iirfilter::{Family, iirfilter};
use thalweg_worker::design::prototypes::Norm;

use super::{Golden, RATE, check_operators, goldens, largest};

#[test]
fn operators_give_the_numbers_of_scipy() {
    check_operators("iir.txt", 150);
}

fn family(golden: &Golden) -> Family {
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
    let all = goldens("iir.txt");
    let sections = all.iter().filter(|g| g.what.starts_with("sos."));
    let mut seen = 0;
    for golden in sections {
        let edge = |name: &str| golden.floats(name)[0];
        let band = match golden.what.as_str() {
            "sos.lowpass" => Band::Low(edge("cutoff")),
            "sos.highpass" => Band::High(edge("cutoff")),
            "sos.bandpass" => Band::Pass(edge("low"), edge("high")),
            _ => Band::Stop(edge("low"), edge("high")),
        };
        let order = golden.floats("order")[0] as usize;
        let found = iirfilter(family(golden), order, band, RATE).unwrap();
        let rows = found.iter();
        let numbers: Vec<f64> = rows
            .flat_map(|s| [s.b[0], s.b[1], s.b[2], 1.0, s.a[0], s.a[1]])
            .collect();
        golden.check(&numbers, 1e-9, largest(&golden.numbers));
        seen += 1;
    }
    assert_eq!(seen, 104);
}
