//! What fails in IoTPy, by its names for it, and what it does here.

use serde_json::{Value, json};
use thalweg::prelude::*;

use crate::judge::{Case, plain};
use crate::vector::{Json, Vector};

pub const CASES: &[Case] = &[plain(&["expected_failures"], found).instead(
    "a list of defects: here each of them works, or is refused before anything runs",
    |_| {
        named([
            ("x / y", json!([0.5, 2.0])),
            ("x + 1", json!([2.0, 5.0])),
            ("StreamArray < StreamArray", json!([1, 0])),
            ("tuple of in_streams", json!([3.0, 6.0])),
            (
                "window_size 0",
                json!("`w` is a window of 0 items every 1 items; both must be at least 1"),
            ),
            ("extend by 2**20 elements", json!([1 << 20])),
            (
                "one zip input silent, other overflows 2**n buffer",
                json!([[0, 7], [1, 8]]),
            ),
            ("step > window when buffer compacts", json!([0, 40, 80])),
            ("merge_list with state", json!([3.0, 9.0])),
            ("multi_list with state", json!([3.0, 7.0])),
            ("fmap_wl", json!([1.0, 1.0, 4.0, 4.0])),
            ("f_item with state", json!([1.0, 2.0])),
            ("timed_window kwargs", json!([[1.0, 20.0]])),
            (
                "timed_window step 0.5 after a gap",
                json!([[1.0, 1.0], [8.5, 1.0], [9.0, 2.0], [9.5, 1.0]]),
            ),
            ("unzip of a short tuple", json!([5.0])),
            (
                "StreamArray(int) when a whole batch is _no_value",
                json!([]),
            ),
            ("StreamArray(float).extend([1,2])", json!([1.0, 2.0])),
            (
                "sink appends to its own input when buffer compacts: stops silently",
                json!((0..=30).collect::<Vec<_>>()),
            ),
        ])
    },
)];

fn found(_: &Vector) -> Vec<(String, Value)> {
    named([
        ("x / y", ran(|x, y| x / y)),
        ("x + 1", ran(|x, _| x + 1.0)),
        ("StreamArray < StreamArray", ran(|x, y| x.lt(y))),
        (
            "tuple of in_streams",
            ran(|x, y| zip((x, y)).map("z", |(x, y)| x + y)),
        ),
        ("window_size 0", no_window()),
        (
            "extend by 2**20 elements",
            ran_in(|g| {
                let many = g.source("many", from_fn(|n| (n < 1 << 20).then_some(1i64)));
                let count = many.scan("count", 0, |count, one| {
                    *count += one;
                    *count
                });
                count.filter("all", |count| *count == 1 << 20)
            }),
        ),
        (
            "one zip input silent, other overflows 2**n buffer",
            ran_in(|g| {
                let endless = g.source("endless", ops::counter()).capacity(16);
                let few = g.source("few", vec![7i64, 8]);
                zip((&endless, &few)).map("z", |(x, y)| [x, y])
            }),
        ),
        (
            "step > window when buffer compacts",
            ran_in(|g| {
                let x = g.source("x", ops::counter().items(120)).capacity(16);
                x.window(2).step(40).map("z", |w: &[i64]| w[0])
            }),
        ),
        (
            "merge_list with state",
            ran(|x, y| {
                zip((x, y)).scan("z", 0.0, |sum: &mut f64, (x, y)| {
                    *sum += x + y;
                    *sum
                })
            }),
        ),
        (
            "multi_list with state",
            ran(|x, y| {
                let (sums, _) =
                    zip((x, y))
                        .with_state(0.0)
                        .unzip("parts", |n: &mut f64, (x, y)| {
                            *n += 1.0;
                            (x + y + *n - 1.0, *n)
                        });
                sums
            }),
        ),
        (
            "fmap_wl",
            ran(|x, _| x.window(1).flat_map("z", |w: &[f64]| [w[0], w[0]])),
        ),
        (
            "f_item with state",
            ran(|x, _| {
                x.scan("z", 0.0, |n: &mut f64, _| {
                    *n += 1.0;
                    *n
                })
            }),
        ),
        ("timed_window kwargs", windows(&[0.5, 1.5], 1.0, 20.0)),
        (
            "timed_window step 0.5 after a gap",
            windows(&[0.25, 8.25, 8.75, 9.75], 0.5, 1.0),
        ),
        (
            "unzip of a short tuple",
            ran(|x, _| {
                let (_, second) = x.unzip("parts", |x| (x, (x > 2.0).then_some(x + 1.0)));
                second
            }),
        ),
        (
            "StreamArray(int) when a whole batch is _no_value",
            ran(|x, _| x.filter_map("z", |_| None::<i64>)),
        ),
        (
            "StreamArray(float).extend([1,2])",
            ran_in(|g| g.source("x", vec![1i32, 2]).map("z", f64::from)),
        ),
        (
            "sink appends to its own input when buffer compacts: stops silently",
            ran_in(|g| {
                let grows = |x| std::iter::successors(Some(x), |x| (*x < 30).then_some(x + 1));
                g.source("x", vec![0i64]).flat_map("z", grows)
            }),
        ),
    ])
}

/// What this makes of the streams 1, 4 and 2, 2.
fn ran<T: Item + Json>(make: impl FnOnce(&Stream<f64>, &Stream<f64>) -> Stream<T>) -> Value {
    ran_in(|g| {
        let x = g.source("x", vec![1.0, 4.0]);
        let y = g.source("y", vec![2.0, 2.0]);
        make(&x, &y)
    })
}

fn ran_in<T: Item + Json>(make: impl FnOnce(&mut Graph) -> Stream<T>) -> Value {
    let mut g = Graph::new("failures");
    let kept = make(&mut g).collect("kept");
    if let Err(error) = g.run_in_process() {
        panic!("{error}");
    }
    kept.items().into_iter().map(T::json).collect()
}

/// `each` times the number of items of each window of a second.
fn windows(times: &[f64], step: f64, each: f64) -> Value {
    ran_in(|g| {
        let items = times.iter().map(|seconds| Timed {
            seconds: *seconds,
            value: 0.0,
        });
        let windows = g
            .source("x", items.collect::<Vec<_>>())
            .timed_window(1.0)
            .step(step);
        let counts = windows.map("z", move |w| each * w.len() as f64);
        counts.map("pairs", |x| [x.seconds, x.value])
    })
}

fn no_window() -> Value {
    let mut g = Graph::new("none");
    let x = g.source("x", vec![1.0]);
    x.window(0).map("w", |w: &[f64]| w[0]).sink("end", |_| {});
    let refused = g.into_decl().unwrap_err();
    json!(refused.diagnostics[0].message)
}

fn named<const N: usize>(outputs: [(&str, Value); N]) -> Vec<(String, Value)> {
    outputs
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}
