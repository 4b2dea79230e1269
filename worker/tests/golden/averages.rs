//! Trends, medians of spectra, spectra of two streams: `averages.txt`.

use thalweg_worker::op::Arity;
use thalweg_worker::operators;

use super::{Golden, RATE, goldens, largest};

/// What the operator of a line gives in this precision: `type` is the inputs', made of f64, `of` the parameter of that name.
fn output(golden: &mut Golden, x: &[f64], y: &[f64], float: &str) -> Vec<f64> {
    let item_type = golden.text("type").replace("f64", float);
    golden.params.retain(|(name, _)| name != "type");
    for (name, _) in &mut golden.params {
        if name == "of" {
            "type".clone_into(name);
        }
    }
    let is_one = operators::find(&golden.what).unwrap().inputs == Arity::One;
    let inputs = [x, y];
    golden.output_of(
        RATE,
        if is_one { &inputs[..1] } else { &inputs },
        &item_type,
    )
}

/// Every line of a file, at least so many, in this precision.
pub(super) fn check(file: &str, least: usize, float: &str, relative: f64) {
    let mut all = goldens(file);
    let rest = all.split_off(2);
    let (x, y) = (&all[0].numbers, &all[1].numbers);
    assert!(rest.len() >= least, "{}", rest.len());
    for mut golden in rest {
        // Whole windows alone.
        let width = match golden.text("type").split_once('[') {
            Some((_, width)) => width.trim_end_matches(']').parse().unwrap(),
            None => 1,
        };
        let len = x.len() / width * width;
        let found = output(&mut golden, &x[..len], &y[..len], float);
        golden.check(&found, relative, 10.0 * largest(&golden.numbers).max(1.0));
    }
}

#[test]
fn averages_are_those_of_scipy() {
    check("averages.txt", 80, "f64", 1e-9);
}

#[test]
fn averages_are_those_of_scipy_in_single_precision() {
    check("averages.txt", 80, "f32", 1e-4);
}
