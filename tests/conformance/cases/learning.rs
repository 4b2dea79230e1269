//! Streams of points and of keys: counts and sketches by their operators; k-means and principal components of windows,
//! which IoTPy computes anew, as closures with a state.

use std::rc::Rc;

use serde_json::{Value, json};
use thalweg::prelude::*;

use super::elements::y;
use crate::judge::{Case, Kept, rust};
use crate::vector::{Json, Vector};

pub const CASES: &[Case] = &[
    rust(&["kmeans_batch"], |v, g| {
        let points = g.source("points", v.fed::<Point>("points"));
        let start = v.param::<[Point; 4]>("initial_centroids");
        let found = points.window(18).map("found", move |w: &[Point]| {
            let mut centroids = start;
            let ids = kmeans(w, &mut centroids);
            (centroids.as_flattened().iter().copied().chain(ids)).collect_array::<26>()
        });
        let found = Rc::new(found.collect("kept"));
        let ids = found.clone();
        Kept::default()
            .and_read("centroids", move || {
                let found = found.items()[0];
                json!([0, 2, 4, 6].map(|i| [found[i], found[i + 1]]))
            })
            .and_read("cluster_ids", move || json!(ids.items()[0][8..]))
    }),
    // The centroids of one window are where the next begins.
    rust(&["kmeans_sliding_windows"], |v, g| {
        let points = g.source("x", v.fed::<Point>("x"));
        let start = v.param::<[Point; 4]>("initial_centroids");
        let (size, step) = (v.param::<u64>("window_size"), v.param::<u64>("step_size"));
        let windows = points.window(size as usize).step(step as usize);
        y(windows.scan("y", start, |centroids, w| {
            kmeans(w, centroids).collect_array::<12>()
        }))
    }),
    rust(&["incremental_pca_iris"], |v, g| {
        let rows = g.source("rows", v.fed::<Row>("rows"));
        let size = v.param::<u64>("window_size") as usize;
        let windows = || rows.window(size).step(size);
        let models = windows().scan("models", Components::none(), |model, w| {
            model.learn(w);
            model.flat()
        });
        let transformed = zip((windows(), &models)).flat_map("transformed", |(w, model)| {
            let model = Components::of(model);
            w.iter().map(|row| model.transform(row)).collect::<Vec<_>>()
        });
        let models = Rc::new(models.collect("models-kept"));
        let last = |part: fn(&Components) -> Value| {
            let models = models.clone();
            move || part(&Components::of(*models.items().last().unwrap()))
        };
        Kept::one("transformed", &transformed)
            .and_read("components", last(|model| json!(model.axes)))
            .and_read("singular_values", last(|model| json!(model.lengths)))
            .and_read("mean", last(|model| json!(model.mean)))
    }),
    rust(&["misra_gries_small"], |v, g| {
        let x = g.source("x", v.fed::<i64>("x"));
        let counters = op("misra_gries").set("k", v.param::<i64>("N") - 1);
        let candidates: Stream<[i64; 4]> = x.apply("candidates", counters);
        let counts = x.scan("counts", [0i64; 8], |counts, x| {
            counts[x as usize] += 1;
            *counts
        });
        let counts = counts.collect("counts-kept");
        Kept::one_as("candidates_after_each", &candidates, |[a, m, b, n]| {
            let mut kept = [[a, m], [b, n]];
            kept.sort_unstable();
            json!(
                kept.iter()
                    .filter(|[_, count]| *count > 0)
                    .collect::<Vec<_>>()
            )
        })
        .and_read("true_counts", move || {
            let counts = counts.items().last().copied().unwrap();
            let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            seen.map(|(key, count)| json!([key, count])).collect()
        })
    }),
    rust(&["bloom_filter_small"], |v, g| {
        let items = v.param::<i64>("est_elements");
        let filter = op("bloom")
            .set("items", items)
            .set("error", v.param::<f64>("false_positive_rate"));
        let answers = asked::<u8>(v, g, filter);
        Kept::one_as("y", &answers, |[key, seen]| {
            json!([(key as u32).json(), seen == 1])
        })
    }),
    rust(&["count_min_small"], |v, g| {
        let (width, depth) = (v.param::<i64>("width"), v.param::<i64>("depth"));
        let answers = asked::<u64>(
            v,
            g,
            op("count_min").set("width", width).set("depth", depth),
        );
        Kept::one_as("y", &answers, |[key, count]| {
            json!([(key as u32).json(), count])
        })
    }),
];

/// What a sketch answers to the commands of the stream `x` that ask: the key and the answer. An item is a key, and 1 to
/// add it or 0 to ask.
fn asked<T: Item + Into<u64>>(v: &Vector, g: &mut Graph, sketch: ops::Op) -> Stream<[u64; 2]> {
    let command = |(what, key): (Value, u32)| [u64::from(key), u64::from(what == "add")];
    let commands = v.fed::<(Value, u32)>("x").into_iter().map(command);
    let commands = g.source("x", commands.collect::<Vec<_>>());
    let answers: Stream<T> = commands.apply("answers", sketch);
    zip((&commands, &answers)).filter_map("y", |([key, adds], answer): ([u64; 2], T)| {
        (adds == 0).then(|| [key, answer.into()])
    })
}

type Point = [f64; 2];

/// Lloyd's iterations until no point changes its cluster; a cluster without points goes to 0. Gives each point's.
fn kmeans(points: &[Point], centroids: &mut [Point; 4]) -> impl Iterator<Item = f64> + use<> {
    let nearest = |point: &Point, centroids: &[Point; 4]| {
        let distance = |c: &Point| (c[0] - point[0]).powi(2) + (c[1] - point[1]).powi(2);
        let distances = centroids.map(|c| distance(&c));
        (0..4)
            .min_by(|a, b| distances[*a].total_cmp(&distances[*b]))
            .unwrap()
    };
    let mut ids: Vec<usize> = points
        .iter()
        .map(|point| nearest(point, centroids))
        .collect();
    loop {
        for (k, centroid) in centroids.iter_mut().enumerate() {
            let own = || {
                points
                    .iter()
                    .zip(&ids)
                    .filter(|(_, id)| **id == k)
                    .map(|(point, _)| point)
            };
            let count = own().count().max(1) as f64;
            *centroid = [0, 1].map(|i| own().map(|point| point[i]).sum::<f64>() / count);
        }
        let next: Vec<usize> = points
            .iter()
            .map(|point| nearest(point, centroids))
            .collect();
        if next == ids {
            return ids.into_iter().map(|id| id as f64);
        }
        ids = next;
    }
}

type Row = [f64; 4];

/// Two principal components, learnt batch by batch (Ross et al., 2008).
#[derive(Clone, Copy, Pod, Zeroable)]
#[bytemuck(crate = "thalweg::bytemuck")]
#[repr(C)]
struct Components {
    seen: f64,
    mean: Row,
    axes: [Row; 2],
    lengths: [f64; 2],
}

impl Components {
    fn none() -> Components {
        Components::zeroed()
    }

    fn flat(&self) -> [f64; 15] {
        thalweg::bytemuck::cast(*self)
    }

    fn of(flat: [f64; 15]) -> Components {
        thalweg::bytemuck::cast(flat)
    }

    fn transform(&self, row: &Row) -> [f64; 2] {
        self.axes
            .map(|axis| (0..4).map(|i| axis[i] * (row[i] - self.mean[i])).sum())
    }

    /// The components of what was kept, the batch about its own mean, and the way from the old mean to it.
    fn learn(&mut self, batch: &[Row]) {
        let n = batch.len() as f64;
        let own: Row = std::array::from_fn(|i| batch.iter().map(|row| row[i]).sum::<f64>() / n);
        let way = (self.seen * n / (self.seen + n)).sqrt();
        let kept = self.axes.iter().zip(self.lengths);
        let mut rows: Vec<Row> = kept
            .map(|(axis, length)| axis.map(|x| x * length))
            .collect();
        rows.extend(
            batch
                .iter()
                .map(|row| std::array::from_fn(|i| row[i] - own[i])),
        );
        rows.push(std::array::from_fn(|i| way * (self.mean[i] - own[i])));
        self.mean =
            std::array::from_fn(|i| (self.seen * self.mean[i] + n * own[i]) / (self.seen + n));
        self.seen += n;
        let product = |i: usize, j: usize| rows.iter().map(|row| row[i] * row[j]).sum::<f64>();
        let (squares, axes) = eigen(std::array::from_fn(|i| {
            std::array::from_fn(|j| product(i, j))
        }));
        self.lengths = [squares[0].sqrt(), squares[1].sqrt()];
        // The largest element of an axis is positive.
        self.axes = [axes[0], axes[1]].map(|axis| {
            let largest = axis
                .into_iter()
                .fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            axis.map(|x| x * largest.signum())
        });
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix, the largest first, by Jacobi's rotations.
fn eigen(mut a: [Row; 4]) -> ([f64; 4], [Row; 4]) {
    let mut vectors: [Row; 4] =
        std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    for _ in 0..30 {
        for (p, q) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let angle = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
            let (sin, cos) = angle.sin_cos();
            for row in &mut a {
                (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
            }
            for k in 0..4 {
                (a[p][k], a[q][k]) = (cos * a[p][k] - sin * a[q][k], sin * a[p][k] + cos * a[q][k]);
                (vectors[p][k], vectors[q][k]) = (
                    cos * vectors[p][k] - sin * vectors[q][k],
                    sin * vectors[p][k] + cos * vectors[q][k],
                );
            }
        }
    }
    let mut order = [0, 1, 2, 3];
    order.sort_by(|i, j| a[*j][*j].total_cmp(&a[*i][*i]));
    (order.map(|i| a[i][i]), order.map(|i| vectors[i]))
}

/// As many items as an array has.
trait CollectArray: Iterator<Item = f64> + Sized {
    fn collect_array<const N: usize>(self) -> [f64; N] {
        let items: Vec<f64> = self.collect();
        items.try_into().unwrap()
    }
}

impl<I: Iterator<Item = f64>> CollectArray for I {}
