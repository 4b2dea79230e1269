//! When the ground moves, in any direction: the graph of `quake3.toml` as a program.
//!
//! `cargo run --release --example quake3` prints for each event of the record when it begins and ends, in seconds, and its
//! peak in thousandths of g. The axes are filtered beside each other, on workers of their own.

use thalweg::prelude::*;

fn main() -> thalweg::Result<()> {
    let mut g = Graph::new("quake3");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/quake.csv");
    let trace = g.source(
        "trace",
        ops::csv_read(file).columns(["e", "n", "z"]).rate(100.0),
    );
    let [east, north, up] = [("east", "e"), ("north", "n"), ("up", "z")].map(|(name, column)| {
        let axis = trace
            .port::<f64>(column)
            .apply(name, ops::iir_highpass(0.1));
        g.worker(name).host([&axis]);
        axis
    });
    let magnitude =
        zip([&east, &north, &up]).map("magnitude", |[e, n, z]| (e * e + n * n + z * z).sqrt());
    let loudest = magnitude.apply("loudest", ops::window("2 s").function("max"));
    let events = loudest.apply("events", ops::threshold(20.0).off(5.0));
    events.write("print", ops::print());
    g.run()?;
    Ok(())
}
