//! Graphs made in Rust: refusals name the lines of the program, as those of a graph file name its lines.

use thalweg::diag::{Refused, to_json};
use thalweg::prelude::*;
use thalweg::resolve::resolve;

/// This file, as the compiler calls it.
const HERE: &str = file!();

fn refused(graph: Graph) -> Refused {
    graph.into_decl().and_then(resolve).unwrap_err()
}

/// The printed refusal and the first finding for programs name these lines, in this order.
fn check(graph: Graph, words: &str, lines: &[u32]) {
    let refused = refused(graph);
    let text = refused.render(false);
    assert!(text.contains(words), "{text}");
    let json = to_json(&refused.diagnostics, refused.source.as_ref());
    let labels = json[0]["labels"].as_array().unwrap();
    let found: Vec<(&str, u64)> = labels
        .iter()
        .map(|label| {
            (
                label["file"].as_str().unwrap(),
                label["line"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected: Vec<(&str, u64)> = lines.iter().map(|n| (HERE, u64::from(*n))).collect();
    assert_eq!(found, expected, "{text}");
    for line in lines {
        assert!(text.contains(&format!("{HERE}:{line}:")), "{text}");
    }
}

#[test]
fn two_agents_of_one_name_are_shown_where_they_were_made() {
    let mut g = Graph::new("g");
    let x = g.source("x", vec![1.0]);
    x.map("y", |x: f64| x).sink("a", |_| {});
    x.map("y", |x: f64| x).sink("b", |_| {});
    check(g, "two agents are called `y`", &[line!() - 1, line!() - 2]);
}

#[test]
fn a_wrong_parameter_is_shown_at_the_call_that_has_it() {
    let mut g = Graph::new("g");
    let x = g.source("x", ops::counter().items(5).dtype::<f64>());
    let y: Stream<f64> = x.apply("y", op("scale").set("factr", 2.0));
    let line = line!() - 1;
    y.sink("z", |_| {});
    check(g, "factr", &[line]);
}

#[test]
fn a_window_of_nothing_is_shown_where_it_was_made() {
    let mut g = Graph::new("g");
    let x = g.source("x", vec![1.0]);
    x.window(0).map("w", |w: &[f64]| w[0]).sink("z", |_| {});
    check(g, "`w` is", &[line!() - 1]);
}

#[test]
fn what_operators_make_of_streams_is_shown_where_they_stand() {
    let mut g = Graph::new("g");
    let x: Stream<f64> = g.source("x", vec![1.0]);
    let mut other = Graph::new("other");
    let y: Stream<f64> = other.source("y", vec![1.0]);
    let sum: Stream<f64> = &x + &y;
    let line = line!() - 1;
    sum.sink("z", |_| {});
    let text = refused(g).render(false);
    assert!(text.contains("belongs to the graph `other`"), "{text}");
    assert!(text.contains(&format!("{HERE}:{line}:")), "{text}");
}

#[test]
fn a_mismatch_names_both_lines() {
    let mut g = Graph::new("g");
    let x: Stream<f64> = g.source("x", op("counter").set("items", 5).dtype::<u8>());
    x.map("double", |x| 2.0 * x).sink("end", |_| {});
    let line = line!() - 1;
    let text = refused(g).render(false);
    assert!(text.contains(&format!("{HERE}:{}:", line - 1)), "{text}");
}
