//! Spectra: `spectra.txt`.

use thalweg_worker::operators;

use super::{Golden, goldens, largest};

/// What the operator of a line gives in this precision: `type` is the input's, made of f64.
fn output(golden: &mut Golden, lines: &[Golden], float: &str) -> Vec<f64> {
    let item_type = match golden.value("type") {
        Some(_) => golden.text("type").to_owned(),
        None => "f64".to_owned(),
    };
    golden.params.retain(|(name, _)| name != "type");
    let input = if item_type.starts_with('c') { "z" } else { "x" };
    let input = lines.iter().find(|line| line.what == input).unwrap();
    golden.output(&input.numbers, &item_type.replace("f64", float))
}

fn check(float: &str, relative: f64) {
    let lines = goldens("spectra.txt");
    let mut all = goldens("spectra.txt");
    all.retain(|golden| operators::find(&golden.what).is_some());
    assert_eq!(all.len(), lines.len() - 2);
    for mut golden in all {
        let found = output(&mut golden, &lines, float);
        golden.check(&found, relative, largest(&golden.numbers));
    }
}

#[test]
fn spectra_are_those_of_scipy() {
    check("f64", 1e-9);
}

#[test]
fn spectra_are_those_of_scipy_in_single_precision() {
    check("f32", 1e-4);
}
