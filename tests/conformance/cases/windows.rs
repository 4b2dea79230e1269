//! One stream in, one out, window by window: `map_window` and what is made with it.

use thalweg::prelude::*;

use super::elements::{floats, ints, y};
use crate::judge::{Case, GraphFile, Kept, file, rust};
use crate::vector::Vector;

pub const CASES: &[Case] = &[
    rust(&["map_window_w1_s1", "map_window_w1_s4"], windows::<1>),
    rust(
        &[
            "map_window_w2_s3",
            "map_window_w2_s5",
            "v2_sliding_window_w2_s5",
        ],
        windows::<2>,
    ),
    rust(
        &["map_window_w3_s2", "v2_sliding_window_w3_s2"],
        windows::<3>,
    ),
    rust(&["map_window_w4_s4"], windows::<4>),
    rust(&["map_window_w21_s1"], windows::<21>),
    rust(&["map_window_mean_streamarray"], |v, g| {
        let (size, step) = size(v);
        y(floats(v, g).window(size).step(step).map("y", mean))
    }),
    file(&["map_window_mean_streamarray"], |v| {
        let agent = "[agents.y]\nop = \"window\"\nin = \"x\"\nsize = 4\nstep = 2\nfn = \"mean\"\n";
        GraphFile::of(agent).reads::<f64>(v, "x").writes("y", "y")
    }),
    rust(&["subtract_mean_window"], |v, g| {
        let (size, step) = size(v);
        y(floats(v, g).window(size).step(step).map("y", above_mean))
    }),
    rust(&["v2_subtract_mean"], |v, g| {
        y(floats(v, g)
            .window(v.param::<u64>("window_size") as usize)
            .map("y", above_mean))
    }),
    rust(&["v2_subtract_mean_array"], |v, g| {
        let rows = g.source("x", v.fed::<[f64; 2]>("x"));
        let window = rows.window(v.param::<u64>("window_size") as usize);
        y(window.map("y", |w: &[[f64; 2]]| {
            let column = |i: usize| w.iter().map(|row| row[i]).collect::<Vec<f64>>();
            [above_mean(&column(0)), above_mean(&column(1))]
        }))
    }),
    rust(&["window_dot_product"], |v, g| {
        let weights = v.param::<[i64; 2]>("multiplicand_vector");
        let dot = move |w: &[i64]| {
            w.iter()
                .zip(weights)
                .map(|(x, weight)| x * weight)
                .sum::<i64>()
        };
        y(ints(v, g).window(2).map("y", dot))
    }),
];

/// Each window as an item.
fn windows<const N: usize>(v: &Vector, g: &mut Graph) -> Kept
where
    [i64; N]: Item,
{
    let (size, step) = size(v);
    let copy = |w: &[i64]| <[i64; N]>::try_from(w).unwrap();
    y(ints(v, g).window(size).step(step).map("y", copy))
}

/// The items of a window, and from one to the next.
fn size(v: &Vector) -> (usize, usize) {
    let param = |name| v.param::<u64>(name) as usize;
    (param("window_size"), param("step_size"))
}

fn mean(w: &[f64]) -> f64 {
    w.iter().sum::<f64>() / w.len() as f64
}

/// The newest item, less the mean of all.
fn above_mean(w: &[f64]) -> f64 {
    w[w.len() - 1] - mean(w)
}
