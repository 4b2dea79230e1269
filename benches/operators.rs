//! How fast each operator works on items that lie in the cache, without streams around it.
//!
//! One call of the agent on 4096 items a time, inputs and outputs in memory of the first two cache
//! levels; the figure is input items per second (output items for sources). `cargo bench --bench operators`,
//! with a part of a name to choose.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use thalweg_worker::measure::{Caller, ITEMS};
use thalweg_worker::op::Value;
use thalweg_worker::operators;

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
        let op_def = operators::find(op).expect("an operator of the table");
        let mut caller = Caller::new(op_def, inputs, &params, dtype).expect("an agent");
        group.bench_function(BenchmarkId::new(op, name), |b| {
            b.iter(|| caller.call().expect("the agent works"));
        });
    }
    group.finish();
}

criterion_group!(benches, operators);
criterion_main!(benches);
