//! Operators and designs against the numbers of NumPy, SciPy and ObsPy.
//!
//! The numbers are in `tests/golden/*.txt`, each made by the script beside it, which also says with which
//! versions. Each module here reads one of the files.

use std::path::Path;

use thalweg_worker::design::zpk::Section;
use thalweg_worker::design::{Band, DesignError};
use thalweg_worker::op::{Args, Arity, InputInfo, Value};
use thalweg_worker::operators;
use thalweg_worker::testing::{Chunks, run};
use thalweg_worker::types::{ItemType, Scalar};

mod audio;
mod averages;
mod cosines;
mod designs;
mod detect;
mod fir;
mod firls;
mod iir;
mod lfilter;
mod live;
mod numbers;
mod peaks;
mod radio;
mod savgol;
mod sources;
mod spectra;
mod windows;

/// The rate of inputs that have no other, in Hz.
const RATE: f64 = 100.0;

/// A line of the file: what it is about, the parameters, the numbers.
struct Golden {
    what: String,
    params: Vec<(String, Value)>,
    numbers: Vec<f64>,
}

/// The lines of one of the files in `tests/golden/`.
fn goldens(file: &str) -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let path = folder.join(file);
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

    /// What the operator gives for `x` as a stream of this type, a source as such a stream. Complex numbers are two numbers, here and there.
    fn output(&self, x: &[f64], item_type: &str) -> Vec<f64> {
        self.output_at(RATE, x, item_type)
    }

    /// As [`Golden::output`], for an input of this rate.
    fn output_at(&self, rate: f64, x: &[f64], item_type: &str) -> Vec<f64> {
        self.output_of(rate, &[x], item_type)
    }

    /// As [`Golden::output_at`], for several inputs.
    fn output_of(&self, rate: f64, numbers: &[&[f64]], item_type: &str) -> Vec<f64> {
        let op = operators::find(&self.what).unwrap();
        let is_source = op.inputs == Arity::Source;
        let item_type: ItemType = item_type.parse().unwrap();
        let input = InputInfo {
            naming: Default::default(),
            name: "x".to_owned(),
            item_type: item_type.clone(),
            rate: Some(rate),
            unit: None,
        };
        let takes_single = is_single(&item_type);
        let (inputs, dtype) = match is_source {
            true => (vec![], Some(item_type)),
            false => (vec![input; numbers.len()], None),
        };
        let args = Args::new(op, inputs, dtype, &self.params, ".".as_ref()).unwrap();
        let blueprint = (op.build)(&args).unwrap();
        let (gives, _) = blueprint.outputs[0].item_type.elements().unwrap();
        let bytes = |x: &&[f64]| match takes_single {
            true => singles(x),
            false => bytemuck::cast_slice(x).to_vec(),
        };
        let inputs: Vec<_> = match is_source {
            true => vec![],
            false => numbers.iter().map(bytes).collect(),
        };
        let outputs = run(blueprint, &inputs, Chunks::Random(1), usize::MAX).unwrap();
        match gives {
            Scalar::U8 => outputs[0].iter().map(|&b| f64::from(b)).collect(),
            Scalar::F32 | Scalar::Cf32 => {
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

/// Every operator's line of a file, at least so many, in both precisions: for the line `x` before it, if there is one.
fn check_operators(file: &str, least: usize) {
    let mut x = Vec::new();
    let mut seen = 0;
    for golden in goldens(file) {
        if golden.what == "x" {
            x = golden.numbers;
        } else if operators::find(&golden.what).is_some() {
            golden.check(&golden.output(&x, "f64"), 1e-9, largest(&x));
            golden.check(&golden.output(&x, "f32"), 1e-4, largest(&x));
            seen += 1;
        }
    }
    assert!(seen >= least, "{file}: {seen}");
}

/// The sections that SciPy's designs of a file come to, so many, as `design` makes them.
fn check_sections(
    file: &str,
    count: usize,
    design: impl Fn(&Golden, usize, Band) -> Result<Vec<Section>, DesignError>,
) {
    let all = goldens(file);
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
        let found = design(golden, order, band).unwrap();
        let rows = found.iter();
        let numbers: Vec<f64> = rows
            .flat_map(|s| [s.b[0], s.b[1], s.b[2], 1.0, s.a[0], s.a[1]])
            .collect();
        golden.check(&numbers, 1e-9, largest(&golden.numbers));
        seen += 1;
    }
    assert_eq!(seen, count);
}

fn is_single(item_type: &ItemType) -> bool {
    let (scalar, _) = item_type.elements().expect("made of numbers");
    matches!(scalar, Scalar::F32 | Scalar::Cf32)
}

fn singles(x: &[f64]) -> Vec<u8> {
    let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    bytemuck::cast_slice(&x).to_vec()
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |most, x| most.max(x.abs()))
}
