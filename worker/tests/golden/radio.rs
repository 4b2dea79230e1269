//! Radio: `radio.txt`.

use super::{Golden, goldens, largest};

/// The lines of one maker with their input, whose precision is to be `real` for real numbers.
fn judge(maker: &str, real: &str, relative: f64) {
    let all = goldens("radio.txt");
    let mut seen = 0;
    for golden in &all {
        let Some((from, rest)) = golden.what.split_once('/') else {
            continue;
        };
        if from != maker {
            continue;
        }
        let (name, op) = rest.split_once('/').unwrap();
        let input = &all.iter().find(|g| g.what == name).unwrap().numbers;
        let item_type = match name {
            "x" => format!("c{real}"),
            _ => real.to_owned(),
        };
        let golden = Golden {
            what: op.to_owned(),
            params: golden.params.clone(),
            numbers: golden.numbers.clone(),
        };
        let found = golden.output(input, &item_type);
        golden.check(&found, relative, 100.0 * largest(input));
        seen += 1;
    }
    assert!(seen > 5, "{maker}: {seen} lines");
}

#[test]
fn operators_give_what_the_definition_gives() {
    judge("numpy", "f64", 1e-9);
}

#[test]
fn operators_give_what_the_definition_gives_in_single_precision() {
    judge("numpy", "f32", 1e-4);
}

#[test]
fn operators_give_what_the_blocks_of_gnu_radio_give() {
    judge("gnuradio", "f32", 1e-4);
}
