//! A noisy sensor, smoothed on one core and summed up on another.
//!
//! `cargo run --release --example smooth` prints the running total of the means of 8 items, one every
//! 4 items. The closures cross into their workers by fork: nothing is serialised.

use thalweg::prelude::*;

fn main() -> thalweg::Result<()> {
    let mut g = Graph::new("smooth");
    let sine = ops::sine(1_000.0).rate(48_000.0).items(4_800);
    let raw = g.source("sensor", sine);
    let mean = raw
        .window(8)
        .step(4)
        .map("mean", |w: &[f64]| w.iter().sum::<f64>() / 8.0);
    let total = mean.scan("total", 0.0, |acc: &mut f64, x| {
        *acc += x;
        *acc
    });
    total.sink("print", |x| println!("{x}"));
    g.worker("front").core(0).host([&raw]);
    g.worker("back").core(1).host([&mean, &total]);
    g.run()?;
    Ok(())
}
