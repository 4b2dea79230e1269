//! Several processes, and shared variables: `multicore`, UNITY, the accelerometers of a door.

use serde_json::json;
use thalweg::prelude::*;

use crate::judge::{Case, Instead, Kept, rust};

pub const CASES: &[Case] = &[
    rust(
        &["multicore_two_processes_d", "multicore_two_processes_x"],
        |v, g| {
            let (p0, p1) = two_processes(g, v.fed::<f64>("x"), |x| x + 100.0);
            g.worker("p0").host([&p0]);
            g.worker("p1").host([&p1]);
            Kept::one("q", &p1)
        },
    ),
    rust(&["multicore_two_processes_f"], |v, g| {
        let x = v.fed::<f64>("x").into_iter().map(|x| x as f32);
        let (p0, p1) = two_processes(g, x.collect(), |x| x + 100.0);
        g.worker("p0").host([&p0]);
        g.worker("p1").host([&p1]);
        Kept::one_as("q", &p1, |x| json!(f64::from(x)))
    }),
    rust(&["multicore_float32_precision"], |v, g| {
        Kept::one("q", &two_processes(g, v.fed::<f64>("x"), |x| x).1)
    })
    .instead(DOUBLE.why, DOUBLE.right),
    rust(&["multicore_int_overflow"], |v, g| {
        Kept::one("q", &two_processes(g, v.fed::<i64>("x"), |x| x).1)
    })
    .instead(LONG.why, LONG.right),
    // A worker for each point of the grid. A point's next value is the mean of its own and its neighbours'.
    rust(&["multicore_grid"], |v, g| {
        let (steps, delta) = (v.param::<u64>("M"), v.param::<f64>("DELTA"));
        let steps = g.source("steps", ops::counter().items(steps));
        let [left, right] = [0.0, 4.0].map(|at| g.source(&format!("edge{at}"), ops::constant(at)));
        let before =
            [1.0, 2.0, 3.0].map(|at| g.feedback::<f64>(&format!("before{at}"), 1, at + delta));
        let [a, b, c] = before.each_ref().map(|before| before.stream());
        let mean = |name: &str, row: [&Stream<f64>; 3]| {
            let [l, x, r] = row;
            zip((&steps, l, x, r)).map(name, |(_, l, x, r)| (l + x + r) / 3.0)
        };
        let points = [
            mean("point1", [&left, &a, &b]),
            mean("point2", [&a, &b, &c]),
            mean("point3", [&b, &c, &right]),
        ];
        for (before, point) in before.into_iter().zip(&points) {
            before.close(point);
            g.worker(&format!("w{}", point.name())).host([point]);
        }
        let kept = points.map(|point| point.collect(&format!("{}-kept", point.name())));
        Kept::default().and_read("odd", move || {
            let inner = kept.each_ref().map(|kept| *kept.items().last().unwrap());
            json!([0.0, inner[0], inner[1], inner[2], 4.0])
        })
    }),
    // Actions on shared variables: a state, one action after the other, until a whole round changes nothing.
    rust(&["unity_sort_0", "unity_sort_1"], |v, g| {
        let list = v.param::<Vec<i64>>("list");
        let len = list.len();
        let mut init = Swaps::zeroed();
        init.list[..len].copy_from_slice(&list);
        let lists = unfold(init, move |state: &mut Swaps| {
            let [action, idle] = [state.action as usize, state.idle as usize];
            if idle == len - 1 {
                return None;
            }
            let swaps = state.list[action] > state.list[action + 1];
            if swaps {
                state.list.swap(action, action + 1);
            }
            state.idle = if swaps { 0 } else { state.idle + 1 };
            state.action = (state.action + 1) % (len as u64 - 1);
            Some(state.list)
        });
        let kept = g.source("lists", lists).collect("kept");
        Kept::default().and_read("list", move || json!(kept.items().last().unwrap()[..len]))
    }),
    // The same by agents: the distances go round a loop, and each vertex shortens the ways through it.
    rust(&["unity_shortest_path_actors"], |v, g| {
        let start = v.param::<[[f64; 3]; 3]>("D").as_flattened().to_vec();
        let rounds = g.source("rounds", ops::counter().items(3));
        let back = g.feedback::<[f64; 9]>("back", 1, start);
        let begun = zip((&rounds, &back.stream())).map("begun", |(_, d)| d);
        let shortened = (0..3).fold(begun, |ways, via| {
            ways.map(&format!("via{via}"), move |d| {
                std::array::from_fn(|at| d[at].min(d[at / 3 * 3 + via] + d[via * 3 + at % 3]))
            })
        });
        back.close(&shortened);
        let kept = shortened.collect("kept");
        Kept::default().and_read("D", move || {
            let d = *kept.items().last().unwrap();
            json!([d[..3], d[3..6], d[6..]])
        })
    }),
    rust(&["v2_door_two_accelerometers"], |v, g| {
        let size = v.param::<u64>("demean_window") as usize;
        let [a, b] = ["a0", "a1"].map(|name| {
            let raw = g.source(name, v.fed::<[f64; 3]>(name));
            raw.window(size)
                .map(&format!("{name}-demeaned"), |w: &[[f64; 3]]| {
                    let mean =
                        |axis: usize| w.iter().map(|x| x[axis]).sum::<f64>() / w.len() as f64;
                    std::array::from_fn(|axis| w[w.len() - 1][axis] - mean(axis))
                })
        });
        let joined = zip((&a, &b)).map("joined", |(a, b): ([f64; 3], [f64; 3])| [a, b]);
        let [window, edge, factor, cloud] = v.param::<[f64; 4]>("detect");
        let (window, edge, cloud) = (window as usize, edge as usize, cloud as usize);
        // A window that reaches as far as what goes to the cloud.
        let reach = window.max(window - edge + cloud);
        let sent = joined.striding("cloud", reach, (), move |(), w: &[[[f64; 3]; 2]]| {
            let [first, last] = [&w[..edge], &w[window - edge..window]]
                .map(|part| part.as_flattened().as_flattened());
            let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
            let middle = mean(first);
            let deviation = (first.iter().map(|x| (x - middle).powi(2)).sum::<f64>()
                / first.len() as f64)
                .sqrt();
            if (mean(last) - middle).abs() <= factor * deviation {
                return (None, 1);
            }
            let sent = w[window - edge..][..cloud].as_flattened().as_flattened();
            (
                Some(<[f64; 12]>::try_from(sent).unwrap()),
                window - edge + cloud,
            )
        });
        Kept::one("joined", &joined).and_as("cloud", &sent, |x| {
            let triple = |at: usize| &x[at..at + 3];
            json!([[triple(0), triple(3)], [triple(6), triple(9)]])
        })
    }),
];

pub const DOUBLE: Instead = Instead {
    why: "a stream of f64 carries f64; who wants f32 says so",
    right: |v| vec![("q".to_owned(), json!(v.fed::<f64>("x")))],
};

pub const LONG: Instead = Instead {
    why: "a stream of i64 carries i64; who wants i32 says so",
    right: |v| vec![("q".to_owned(), json!(v.fed::<i64>("x")))],
};

/// A list, the pair that is compared next, and how many comparisons in a row changed nothing.
#[derive(Clone, Copy, Pod, Zeroable)]
#[bytemuck(crate = "thalweg::bytemuck")]
#[repr(C)]
struct Swaps {
    list: [i64; 8],
    action: u64,
    idle: u64,
}

/// `f` of each item in one process, read by another.
fn two_processes<T: Item>(g: &mut Graph, x: Vec<T>, f: fn(T) -> T) -> (Stream<T>, Stream<T>) {
    let p0 = g.source("x", x).map("y", f);
    let p1 = p0.map("q", |y| y);
    (p0, p1)
}
