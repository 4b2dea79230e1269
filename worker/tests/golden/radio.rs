//! Radio: `radio.txt`.

use super::{Golden, goldens, largest};

/// The lines of one maker, each with its input and whether that is complex.
fn lines(maker: &str) -> Vec<(Golden, Vec<f64>, bool)> {
    let all = goldens("radio.txt");
    let input = |name: &str| all.iter().find(|g| g.what == name).unwrap().numbers.clone();
    let of_maker = all.iter().filter_map(|golden| {
        let (name, op) = golden.what.strip_prefix(maker)?.split_once('/')?;
        let golden = Golden {
            what: op.to_owned(),
            params: golden.params.clone(),
            numbers: golden.numbers.clone(),
        };
        Some((golden, input(name), name == "x"))
    });
    of_maker.collect()
}

/// Holds the lines of one maker against the operators, whose input is `real` or made of two of it.
fn judge(maker: &str, real: &str, relative: f64) {
    let lines = lines(maker);
    assert!(lines.len() > 20, "{maker}: {} lines", lines.len());
    for (golden, input, is_complex) in lines {
        let found = golden.output(&input, &item_type(real, is_complex));
        golden.check(&found, relative, 100.0 * largest(&input));
    }
}

fn item_type(real: &str, is_complex: bool) -> String {
    match is_complex {
        true => format!("c{real}"),
        false => real.to_owned(),
    }
}

#[test]
fn operators_give_what_the_definition_gives() {
    judge("numpy/", "f64", 1e-9);
}

#[test]
fn operators_give_what_the_definition_gives_in_single_precision() {
    judge("numpy/", "f32", 1e-4);
}

#[test]
fn operators_give_what_the_blocks_of_gnu_radio_give() {
    judge("gnuradio/", "f32", 1e-4);
}

/// GNU Radio's clocks do not look at the last items, and the complex one sees two zeros first.
#[test]
fn symbols_are_those_of_gnu_radio() {
    let lines = lines("symbols/");
    assert_eq!(lines.len(), 4);
    for (golden, mut input, is_complex) in lines {
        if is_complex {
            input.splice(0..0, [0.0; 4]);
        }
        let mut found = golden.output(&input, &item_type("f64", is_complex));
        let numbers = golden.numbers.len();
        assert!(numbers > 15 && (numbers..numbers + 30).contains(&found.len()));
        found.truncate(numbers);
        golden.check(&found, 1e-4, 10.0);
    }
}
