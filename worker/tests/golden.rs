//! Windows, filters and triggers against the numbers of NumPy, SciPy and ObsPy.
//!
//! The numbers are in `tests/golden/numbers.txt`, made by the script beside it, which also says with
//! which versions.

use std::path::Path;

use thalweg_worker::design::Band;
use thalweg_worker::design::butter::butter;
use thalweg_worker::design::firwin::{Firwin, firwin};
use thalweg_worker::design::taper::Taper;
use thalweg_worker::op::{Args, InputInfo, Value};
use thalweg_worker::operators;
use thalweg_worker::testing::{Chunks, run};
use thalweg_worker::types::{ItemType, Scalar};

const RATE: f64 = 100.0;

/// A line of the file: what it is about, the parameters, the numbers.
struct Golden {
    what: String,
    params: Vec<(String, Value)>,
    numbers: Vec<f64>,
}

fn goldens() -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/numbers.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(golden).collect()
}

fn golden(line: &str) -> Golden {
    let (words, numbers) = line.split_once(" :").unwrap();
    let mut words = words.split_whitespace();
    Golden {
        what: words.next().unwrap().to_owned(),
        params: words
            .map(|word| word.split_once('=').unwrap())
            .map(|(name, text)| (name.to_owned(), value(text)))
            .collect(),
        numbers: numbers
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect(),
    }
}

fn value(text: &str) -> Value {
    if let Some(list) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return Value::List(list.split(',').map(value).collect());
    }
    let int = text.parse().map(Value::Int);
    let float = text.parse().map(Value::Float);
    let flag = text.parse().map(Value::Bool);
    int.or(float)
        .or(flag)
        .unwrap_or_else(|_| Value::Text(text.to_owned()))
}

impl Golden {
    fn value(&self, name: &str) -> Option<&Value> {
        let found = self.params.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value)
    }

    fn floats(&self, name: &str) -> Vec<f64> {
        match self.value(name) {
            Some(Value::Int(n)) => vec![*n as f64],
            Some(Value::Float(x)) => vec![*x],
            Some(Value::List(items)) => items
                .iter()
                .map(|v| match v {
                    Value::Float(x) => *x,
                    other => panic!("{other:?}"),
                })
                .collect(),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn text(&self, name: &str) -> &str {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Fails unless `found` are its numbers, up to so much of each one's size, and a thousandth of that of
    /// `scale`: what has come from numbers of that size by cancelling them.
    fn check(&self, found: &[f64], relative: f64, scale: f64) {
        let about = format!("{} {:?}", self.what, self.params);
        assert_eq!(found.len(), self.numbers.len(), "{about}");
        for (i, (&found, &expected)) in found.iter().zip(&self.numbers).enumerate() {
            let allowed = relative * expected.abs() + 1e-3 * relative * scale;
            let apart = (found - expected).abs();
            assert!(
                apart <= allowed,
                "{about} at {i}: {found}, and should be {expected}"
            );
        }
    }

    /// What the operator gives for `x` as a stream of this type.
    fn output(&self, x: &[f64], scalar: Scalar) -> Vec<f64> {
        let op = operators::find(&self.what).unwrap();
        let input = InputInfo {
            name: "x".to_owned(),
            item_type: ItemType::Scalar(scalar),
            rate: Some(RATE),
        };
        let args = Args::new(op, vec![input], None, &self.params, ".".as_ref()).unwrap();
        let blueprint = (op.build)(&args).unwrap();
        let gives = blueprint.outputs[0].item_type.elements().unwrap().0;
        let bytes = match scalar {
            Scalar::F32 => {
                let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
                bytemuck::cast_slice(&x).to_vec()
            }
            _ => bytemuck::cast_slice(x).to_vec(),
        };
        let outputs = run(blueprint, &[bytes], Chunks::Random(1), usize::MAX).unwrap();
        match gives {
            Scalar::F32 => {
                let numbers = outputs[0].chunks_exact(4);
                numbers
                    .map(|b| f64::from(bytemuck::pod_read_unaligned::<f32>(b)))
                    .collect()
            }
            _ => {
                let numbers = outputs[0].chunks_exact(8);
                numbers.map(bytemuck::pod_read_unaligned).collect()
            }
        }
    }
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// The operators' lines, and the input of all of them.
fn of_operators() -> (Vec<f64>, Vec<Golden>) {
    let mut all = goldens();
    let x = all.iter().find(|g| g.what == "x").unwrap().numbers.clone();
    all.retain(|g| operators::find(&g.what).is_some());
    (x, all)
}

#[test]
fn operators_give_the_numbers_of_scipy() {
    let (x, all) = of_operators();
    assert!(all.len() > 80, "{}", all.len());
    for golden in &all {
        golden.check(&golden.output(&x, Scalar::F64), 1e-9, largest(&x));
    }
}

#[test]
fn operators_give_the_numbers_of_scipy_in_single_precision() {
    let (x, all) = of_operators();
    for golden in &all {
        golden.check(&golden.output(&x, Scalar::F32), 1e-4, largest(&x));
    }
}

#[test]
fn sections_are_those_of_scipy() {
    let all = goldens();
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
        let found = butter(order, band, RATE).unwrap();
        let rows = found.iter();
        let numbers: Vec<f64> = rows
            .flat_map(|s| [s.b[0], s.b[1], s.b[2], 1.0, s.a[0], s.a[1]])
            .collect();
        golden.check(&numbers, 1e-9, largest(&golden.numbers));
        seen += 1;
    }
    assert_eq!(seen, 60);
}

#[test]
fn taps_are_those_of_scipy() {
    let all = goldens();
    let designs = all.iter().filter(|g| g.what == "firwin");
    let mut seen = 0;
    for golden in designs {
        let beta = golden.value("beta").map(|_| golden.floats("beta")[0]);
        let taps = firwin(&Firwin {
            numtaps: golden.floats("numtaps")[0] as usize,
            cutoff: &golden.floats("cutoff"),
            pass_zero: matches!(golden.text("pass_zero"), "lowpass" | "bandstop"),
            window: Taper::named(golden.text("window"), beta).unwrap(),
            scale: golden.value("scale") == Some(&Value::Bool(true)),
            rate: RATE,
        });
        golden.check(&taps.unwrap(), 1e-9, largest(&golden.numbers));
        seen += 1;
    }
    assert_eq!(seen, 12);
}
