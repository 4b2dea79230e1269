//! Effects and levels: `audio.txt`.

use super::{Golden, RATE, goldens, largest};

/// What the operator of a line gives in this precision: `type` is the input's, made of f64, `items` how many it has.
fn output(golden: &mut Golden, x: &[f64], float: &str) -> Vec<f64> {
    let item_type = golden.text("type").replace("f64", float);
    let rate = golden.value("fs").map(|_| golden.floats("fs")[0]);
    let items = golden
        .value("items")
        .map(|_| golden.floats("items")[0] as usize);
    let x = &x[..items.unwrap_or(x.len())];
    golden
        .params
        .retain(|(name, _)| !["type", "fs", "items"].contains(&name.as_str()));
    golden.output_at(rate.unwrap_or(RATE), x, &item_type)
}

fn check(float: &str, relative: f64) {
    let mut all = goldens("audio.txt");
    let x = all.remove(0).numbers;
    assert!(all.len() > 30, "{}", all.len());
    for mut golden in all {
        let found = output(&mut golden, &x, float);
        golden.check(&found, relative, largest(&golden.numbers));
    }
}

#[test]
fn effects_and_levels_are_those_of_scipy() {
    check("f64", 1e-9);
}

#[test]
fn effects_and_levels_are_those_of_scipy_in_single_precision() {
    check("f32", 1e-4);
}
