//! How fast each operator works on items that lie in the cache, without streams around it.
//!
//! One call of the agent on 4096 items a time, inputs and outputs in memory of the first two cache
//! levels; the figure is input items per second (output items for sources). `cargo bench --bench operators`,
//! with a part of a name to choose.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use thalweg_worker::agent::{Blueprint, Input, Io, Output, State};
use thalweg_worker::op::{Args, InputInfo, Value};
use thalweg_worker::operators;

const ITEMS: usize = 4096;

/// An operator, the types of its inputs, its parameters, its `dtype`.
type Case = (
    &'static str,
    &'static [&'static str],
    Vec<(&'static str, Value)>,
    Option<&'static str>,
);

fn cases() -> Vec<Case> {
    let sine = || vec![("freq", 440.0.into()), ("rate", 48000.0.into())];
    let uniform = || vec![("dist", Value::from("uniform"))];
    let expr = |text: &str| vec![("expr", Value::from(text))];
    vec![
        ("counter", &[], vec![], None),
        ("counter", &[], vec![], Some("f64")),
        ("sine", &[], sine(), None),
        ("sine", &[], sine(), Some("cf32")),
        ("noise", &[], uniform(), None),
        ("noise", &[], vec![], None),
        ("copy", &["f64"], vec![], None),
        ("decimate", &["f64"], vec![("factor", 4.into())], None),
        ("map", &["f64"], expr("2 * x + 1"), None),
        ("map", &["f32"], expr("2 * x + 1"), None),
        ("map", &["i16"], expr("x"), Some("f32")),
        (
            "map",
            &["f64"],
            expr("abs(x) > 0.5 ? sqrt(abs(x)) : x ^ 2"),
            None,
        ),
        ("map", &["f64"], expr("sin(x)"), None),
        ("map", &["cf32"], expr("abs(x)"), None),
        ("filter", &["f64"], expr("abs(x) > 0.5"), None),
        ("zip", &["f64", "f64"], expr("a * b"), None),
        ("zip", &["f64", "f64"], vec![], None),
    ]
}

fn operators(c: &mut Criterion) {
    let mut group = c.benchmark_group("operators");
    group.throughput(Throughput::Elements(ITEMS as u64));
    for (op, inputs, params, dtype) in cases() {
        let words: Vec<String> = params
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let name = format!(
            "{} {} {}",
            inputs.join(","),
            words.join(" "),
            dtype.unwrap_or("")
        );
        let mut bench = Bench::new(op, inputs, &params, dtype);
        group.bench_function(BenchmarkId::new(op, name), |b| b.iter(|| bench.call()));
    }
    group.finish();
}

/// An agent with memory for its ports.
struct Bench {
    blueprint: Blueprint,
    inputs: Vec<Vec<u64>>,
    outputs: Vec<Vec<u64>>,
    position: u64,
}

impl Bench {
    fn new(op: &str, inputs: &[&str], params: &[(&str, Value)], dtype: Option<&str>) -> Bench {
        let op = operators::find(op).expect("an operator of the table");
        let names = if inputs.len() == 1 {
            ["x", ""]
        } else {
            ["a", "b"]
        };
        let infos = inputs.iter().zip(names).map(|(item_type, name)| InputInfo {
            name: name.to_owned(),
            item_type: item_type.parse().expect("an item type"),
            rate: Some(48000.0),
        });
        let params: Vec<_> = params
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect();
        let dtype = dtype.map(|d| d.parse().expect("an item type"));
        let args =
            Args::new(op, infos.collect(), dtype, &params, ".".as_ref()).expect("parameters");
        let blueprint = (op.build)(&args).expect("an agent");
        let words = |len_bytes: usize| ITEMS * len_bytes / 8;
        Bench {
            inputs: blueprint
                .inputs
                .iter()
                .map(|p| numbers(words(p.item_type.len_bytes())))
                .collect(),
            outputs: blueprint
                .outputs
                .iter()
                .map(|p| vec![0; words(p.item_type.len_bytes())])
                .collect(),
            blueprint,
            position: 0,
        }
    }

    fn call(&mut self) {
        let inputs = self
            .inputs
            .iter()
            .zip(&self.blueprint.inputs)
            .map(|(words, port)| {
                let len = port.item_type.len_bytes();
                // SAFETY: `ITEMS` items lie in the words, aligned to 8, and nothing writes them during the call.
                unsafe { Input::new(words.as_ptr().cast(), ITEMS, 0, self.position, len, false) }
            });
        let mut inputs: Vec<Input> = inputs.collect();
        let outputs = self
            .outputs
            .iter_mut()
            .zip(&self.blueprint.outputs)
            .map(|(words, port)| {
                let len = port.item_type.len_bytes();
                // SAFETY: room for `ITEMS` items, aligned to 8, that only this call touches.
                unsafe { Output::new(words.as_mut_ptr().cast(), ITEMS, self.position, len) }
            });
        let mut outputs: Vec<Output> = outputs.collect();
        let dials: Vec<f64> = self.blueprint.dials.iter().map(|d| d.value).collect();
        let mut io = Io {
            inputs: &mut inputs,
            outputs: &mut outputs,
            state: State::new(&mut []),
            dials: &dials,
            draining: false,
        };
        let status = self.blueprint.agent.work(&mut io);
        let is_decimated = inputs.iter().any(|i| i.consumed() != outputs[0].produced());
        // Positions that a decimating agent reckons with start anew.
        self.position = if is_decimated {
            0
        } else {
            self.position + ITEMS as u64
        };
        black_box(status).expect("the agent works");
        black_box(&mut self.outputs);
    }
}

/// Words whose f64, f32 and complex readings lie between -1 and 1.
fn numbers(len: usize) -> Vec<u64> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let words = (0..len).map(|_| u64::from(next().to_bits()) << 32 | u64::from(next().to_bits()));
    words.collect()
}

criterion_group!(benches, operators);
criterion_main!(benches);
