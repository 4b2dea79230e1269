//! One stream in, one out, window by window: `map_window` and what is made with it.

use serde_json::{Value, json};
use thalweg::prelude::*;

use super::elements::{floats, ints, y};
use super::joins::{pair, z};
use super::timed::list;
use crate::judge::{Case, GraphFile, Instead, Kept, file, rust};
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
    rust(&["map_window_stateful"], |v, g| {
        let (size, step) = size(v);
        y(ints(v, g)
            .window(size)
            .step(step)
            .scan("y", v.param("state"), |state: &mut i64, w| {
                *state += 1;
                w.iter().sum::<i64>() + *state - 1
            }))
    }),
    rust(&["map_window_list_demean"], |v, g| {
        let (size, step) = size(v);
        y(floats(v, g)
            .window(size)
            .step(step)
            .flat_map("y", |w: &[f64]| {
                let mean = mean(w);
                w.iter().map(|x| x - mean).collect::<Vec<_>>()
            }))
    }),
    rust(&["map_window_list_overlap"], |v, g| {
        let (size, step) = size(v);
        let tens = |w: &[i64]| w.iter().map(|x| 10 * x).collect::<Vec<_>>();
        y(ints(v, g).window(size).step(step).flat_map("y", tens))
    }),
    rust(&["merge_window_w3_s2", "merge_window_w3_s3"], |v, g| {
        let (size, step) = size(v);
        let (a, b) = pair(v, g);
        let windows = zip([a.window(size).step(step), b.window(size).step(step)]);
        z(&windows.map("z", |both| both.map(|w| <[i64; 3]>::try_from(w).unwrap())))
    }),
    rust(&["merge_multiple_windows"], |v, g| {
        let ([size_a, size_b], [step_a, step_b]) = (
            v.param::<[u64; 2]>("window_sizes"),
            v.param::<[u64; 2]>("step_sizes"),
        );
        let (a, b) = pair(v, g);
        let a = a.window(size_a as usize).step(step_a as usize);
        let b = b.window(size_b as usize).step(step_b as usize);
        let both = zip((a, b)).map("z", |(a, b)| [a[0], a[1], a[2], b[0], b[1]]);
        Kept::one_as("z", &both, |[a, b, c, d, e]| json!([[a, b, c], [d, e]]))
    }),
    // The initial values are prepended, as many as IoTPy gives: one for each item of a window.
    rust(&["merge_window_stateful_initial"], |v, g| {
        let (size, step) = size(v);
        let (a, b) = pair(v, g);
        let windows = zip((a.window(size).step(step), b.window(size).step(step)));
        let sums = windows.scan("sums", v.param("state"), |state: &mut i64, (a, b)| {
            *state += 1;
            a.iter().chain(b).sum::<i64>() + *state - 1
        });
        z(&sums.prepend("z", vec![v.param("initial_value"); size]))
    }),
    rust(&["split_window"], |v, g| {
        let (size, step) = size(v);
        let (a, b) = ints(v, g).window(size).step(step).unzip("parts", |w| {
            let extreme = |found: Option<&i64>| found.copied().unwrap();
            (extreme(w.iter().max()), extreme(w.iter().min()))
        });
        Kept::one("a", &a).and("b", &b)
    }),
    rust(&["sliding_window_with_startup_reference"], |v, g| {
        let (size, step) = size(v);
        y(ints(v, g)
            .window(size)
            .step(step)
            .growing()
            .map("y", |w: &[i64]| w.iter().sum::<i64>()))
    }),
    file(&["sliding_window_with_startup_reference"], |v| {
        let (size, step) = size(v);
        let agent = format!(
            "[agents.y]\nop = \"window\"\nin = \"x\"\nsize = {size}\nstep = {step}\nfn = \"sum\"\ngrowing = true\n"
        );
        GraphFile::of(&agent).reads::<i64>(v, "x").writes("y", "y")
    }),
    rust(
        &[
            "sliding_window_with_startup_w10_s3_batch",
            "sliding_window_with_startup_w4_s1_batch",
            "sliding_window_with_startup_w4_s1_single",
            "sliding_window_with_startup_w4_s2_batch",
            "sliding_window_with_startup_w4_s4_batch",
        ],
        growing,
    ),
    rust(
        &[
            "sliding_window_with_startup_w10_s3_single",
            "sliding_window_with_startup_w4_s2_single",
            "sliding_window_with_startup_w4_s4_single",
        ],
        growing,
    )
    .instead(GROWN.why, GROWN.right),
];

pub const GROWN: Instead = Instead {
    why: "windows do not depend on how items came: a short one at the end of a batch is not given",
    right: grown,
};

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

/// The k-th window ends with item `(k + 1) * step - 1`, and has fewer items at the beginning.
fn growing(v: &Vector, g: &mut Graph) -> Kept {
    let (size, step) = size(v);
    let windows = floats(v, g).window(size).step(step).growing();
    let lists = windows.map("y", |w: &[f64]| list(0.0, w.iter().copied()));
    Kept::one_as("y", &lists, |[_, len, values @ ..]| {
        json!(values[..len as usize])
    })
}

fn grown(v: &Vector) -> Vec<(String, Value)> {
    let ((size, step), x) = (size(v), v.fed::<i64>("x"));
    let windows = (1..=x.len() / step).map(|k| json!(x[(k * step).saturating_sub(size)..k * step]));
    vec![("y".to_owned(), windows.collect())]
}
