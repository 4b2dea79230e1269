//! Shortest paths by local actions, as UNITY programs are written: actions in any fair order, until nothing can change.
//!
//! `cargo run --release --example shortest_path` prints the distances between four towns. The state is the matrix of
//! distances; an action shortens ways by a third town, and each town is an agent. The matrix goes round a loop, as many
//! laps as there are towns: enough whatever the order of the actions.

use thalweg::prelude::*;

const TOWNS: usize = 4;
const NONE: f64 = f64::INFINITY;
const ROADS: [[f64; TOWNS]; TOWNS] = [
    [0.0, 3.0, NONE, 7.0],
    [3.0, 0.0, 2.0, NONE],
    [NONE, 2.0, 0.0, 1.0],
    [7.0, NONE, 1.0, 0.0],
];

type Distances = [[f64; TOWNS]; TOWNS];

/// Shortens every way that is shorter by this town.
fn by(town: usize) -> impl Fn(Distances) -> Distances {
    move |d| std::array::from_fn(|i| std::array::from_fn(|j| d[i][j].min(d[i][town] + d[town][j])))
}

fn main() -> thalweg::Result<()> {
    let mut g = Graph::new("shortest_path");
    let laps = g.source("laps", ops::counter().items(TOWNS as u64));
    let back = g.feedback::<Distances>("back", 1, 0.0);
    let known =
        zip((&laps, &back.stream())).map("known", |(lap, d)| if lap == 0 { ROADS } else { d });
    let towns = 0..TOWNS;
    let shorter = towns.fold(known, |ways, town| {
        ways.map(&format!("town{town}"), by(town))
    });
    back.close(&shorter);
    let distances = shorter.collect("distances");
    g.run()?;
    for row in distances.items().last().copied().unwrap_or(ROADS) {
        println!("{row:?}");
    }
    Ok(())
}
