//! Twenty small agents in a row, as a program of its own: what `compare` runs for `agents20`.

#[allow(dead_code, reason = "the plain loop is compare's")]
mod small;

use std::process::ExitCode;

use thalweg::prelude::*;

fn main() -> ExitCode {
    let mut graph = Graph::new("agents20");
    let mut stream: Stream<f64> = graph.apply("count", op("counter").dtype::<f64>());
    for (n, function) in small::unknown().into_iter().enumerate() {
        stream = stream.map(&format!("f{n}"), function);
    }
    stream.write("null", ops::null());
    thalweg::cli(graph)
}
