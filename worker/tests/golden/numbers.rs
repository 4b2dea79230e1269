//! Windows, filters and triggers: `numbers.txt`.

use thalweg_worker::design::firwin::{Firwin, firwin};
use thalweg_worker::design::iirfilter::butter;
use thalweg_worker::design::taper::Taper;
use thalweg_worker::op::Value;
use thalweg_worker::operators;

use super::{Golden, RATE, check_sections, goldens, largest};

/// The operators' lines, and the input of all of them.
fn of_operators() -> (Vec<f64>, Vec<Golden>) {
    let mut all = goldens("numbers.txt");
    let x = all.iter().find(|g| g.what == "x").unwrap().numbers.clone();
    all.retain(|g| operators::find(&g.what).is_some());
    (x, all)
}

#[test]
fn operators_give_the_numbers_of_scipy() {
    let (x, all) = of_operators();
    assert!(all.len() > 80, "{}", all.len());
    for golden in &all {
        golden.check(&golden.output(&x, "f64"), 1e-9, largest(&x));
    }
}

#[test]
fn operators_give_the_numbers_of_scipy_in_single_precision() {
    let (x, all) = of_operators();
    for golden in &all {
        golden.check(&golden.output(&x, "f32"), 1e-4, largest(&x));
    }
}

#[test]
fn sections_are_those_of_scipy() {
    check_sections("numbers.txt", 60, |_, order, band| {
        butter(order, band, RATE)
    });
}

#[test]
fn taps_are_those_of_scipy() {
    let all = goldens("numbers.txt");
    let designs = all.iter().filter(|g| g.what == "firwin");
    let mut seen = 0;
    for golden in designs {
        let beta = golden.value("beta").map(|_| golden.floats("beta")[0]);
        let taps = firwin(&Firwin {
            numtaps: golden.floats("numtaps")[0] as usize,
            cutoff: &golden.floats("cutoff"),
            pass_zero: matches!(golden.text("pass_zero"), "lowpass" | "bandstop"),
            window: Taper::named(golden.text("window"), beta.as_slice()).unwrap(),
            scale: golden.value("scale") == Some(&Value::Bool(true)),
            rate: RATE,
        });
        golden.check(&taps.unwrap(), 1e-9, largest(&golden.numbers));
        seen += 1;
    }
    assert_eq!(seen, 12);
}
