//! Heat on a rod: a grid whose points are agents, in turn on two workers, each reading its neighbours.
//!
//! `cargo run --release --example grid` prints the temperatures after 200 steps, which are close to the straight line
//! between the two ends. Every point is a loop through a delay of one item: a step of a point needs the step before of
//! itself and of its neighbours, so no point is ever more than a step ahead, without any lock or barrier.

use thalweg::prelude::*;

const POINTS: usize = 8;
const STEPS: u64 = 200;

fn main() -> thalweg::Result<()> {
    let mut g = Graph::new("grid");
    let steps = g.source("steps", ops::counter().items(STEPS));
    let cold = g.source("cold", ops::constant(0.0));
    let hot = g.source("hot", ops::constant(90.0));
    let back: Vec<_> = (0..POINTS)
        .map(|i| g.feedback::<f64>(&format!("before{i}"), 1, 0.0))
        .collect();
    let before: Vec<Stream<f64>> = back.iter().map(|back| back.stream()).collect();
    let mut temperatures = Vec::new();
    for (i, back) in back.into_iter().enumerate() {
        let left = if i == 0 { &cold } else { &before[i - 1] };
        let right = if i + 1 == POINTS {
            &hot
        } else {
            &before[i + 1]
        };
        let row = zip((&steps, left, &before[i], right));
        let point = row.map(&format!("point{i}"), |(_, left, own, right)| {
            own + 0.4 * (left - 2.0 * own + right)
        });
        back.close(&point);
        g.worker(["even", "odd"][i % 2]).host([&point]);
        temperatures.push(point.collect(&format!("kept{i}")));
    }
    g.run()?;
    for (i, temperature) in temperatures.iter().enumerate() {
        let last = temperature.items().last().copied().unwrap_or(0.0);
        println!("{i} {last:.2}");
    }
    Ok(())
}
