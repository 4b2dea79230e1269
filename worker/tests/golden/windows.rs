//! Window functions, and the inverse of the short-time Fourier transform: `windows.txt`.

use thalweg_worker::design::taper::Taper;
use thalweg_worker::op::Value;

use super::{Golden, goldens, largest};

fn values(golden: &Golden) -> Vec<f64> {
    let params = match golden.value("args") {
        Some(_) => golden.floats("args"),
        None => Vec::new(),
    };
    let Some(Value::Int(count)) = golden.value("count") else {
        panic!("{:?}", golden.params)
    };
    let taper = Taper::named(golden.text("name"), &params).unwrap();
    taper.values(*count as usize)
}

#[test]
fn windows_are_those_of_scipy() {
    let mut all = goldens("windows.txt");
    all.retain(|golden| golden.what == "window");
    assert_eq!(all.len(), 100);
    for golden in all {
        golden.check(&values(&golden), 1e-9, 1.0);
    }
}

fn check_inverse(item_type: &str, relative: f64) {
    let lines = goldens("windows.txt");
    let z = lines.iter().find(|line| line.what == "z").unwrap();
    let inverses: Vec<&Golden> = lines.iter().filter(|l| l.what == "istft").collect();
    assert_eq!(inverses.len(), 6);
    for golden in inverses {
        let hop = golden.floats("hop")[0];
        let found = golden.output_at(100.0 / hop, &z.numbers, item_type);
        golden.check(&found, relative, largest(&golden.numbers));
    }
}

#[test]
fn signals_of_spectra_are_those_of_scipy() {
    check_inverse("cf64[17]", 1e-9);
}

#[test]
fn signals_of_spectra_are_those_of_scipy_in_single_precision() {
    check_inverse("cf32[17]", 1e-4);
}
