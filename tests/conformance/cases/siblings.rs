//! Relatives of the vectors that were given: other sizes and steps, other numbers of streams, states and lengths of batches.

use thalweg::prelude::*;

use super::elements::{ints, y};
use super::graph_files::{blocks, both, graph, map, size, step, zip as zip_of};
use super::joins::pair;
use crate::judge::{Case, GraphFile, Kept, file, rust};
use crate::vector::Vector;

pub const CASES: &[Case] = &[
    // The function says how far to move: by 1 to 3 items, as the window's first one has it.
    rust(&["iot_stride"], |v, g| {
        let x = ints(v, g);
        y(x.striding("y", 3, (), |(), w: &[i64]| {
            (Some(w.iter().sum::<i64>()), w[0] as usize % 3 + 1)
        }))
    }),
    file(&["iot_stride"], |v| {
        let strides = scan("w", "s > 0 ? s - 1 : x[0] % 3");
        let strides = format!("{strides}; keep = 's == 0'; expr = 'sum(x)'");
        let graph = graph(&[("w", blocks("x", 3, 1)), ("y", strides)]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    rust(&["iot_records"], |v, g| {
        let x = ints(v, g);
        y(x.striding_to_the_end("y", 5, (), |(), w: &[i64]| {
            let len = w[0] as usize;
            match w.get(1..=len) {
                Some(values) => (Some(values.iter().sum::<i64>()), len + 1),
                None => (None, 0),
            }
        }))
    }),
    file(&["iot_records"], |v| {
        let record = "op = 'scan'; in = 'x'; names = ['left', 'sum']; \
                      next = ['left == 0 ? x : left - 1', 'left == 0 ? 0 : sum + x']; \
                      keep = 'left == 0 ? x == 0 : left == 1'; expr = 'left == 0 ? 0 : sum + x'";
        let graph = graph(&[("y", record.to_owned())]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    rust(&["multi_window_w2_s4"], |v, g| {
        let (x, y) = pair(v, g);
        let windows = zip((x.window(2).step(4), y.window(2).step(4)));
        let (a, b) = windows.unzip("parts", |(v, w)| {
            let sum = |w: &[i64]| w.iter().sum::<i64>();
            (sum(v) - sum(w), v.iter().chain(w).copied().max().unwrap())
        });
        Kept::one("a", &a).and("b", &b)
    }),
    file(&["multi_window_w2_s4"], |v| {
        let graph = graph(&[
            ("v", blocks("x", size(v), step(v))),
            ("w", blocks("y", size(v), step(v))),
            ("a", zip_of("sum(a) - sum(b)", "v", "w")),
            ("b", zip_of("max(max(a), max(b))", "v", "w")),
        ]);
        both(v, graph).writes("a", "a").writes("b", "b")
    }),
    rust(&["multi_window_stateful"], |v, g| {
        let (x, y) = pair(v, g);
        let windows = zip((x.window(3).step(2), y.window(3).step(2)));
        let parts = windows.scan("both", v.param("state"), |s: &mut i64, (v, w)| {
            *s += 1;
            [
                *s - 1 + v.iter().sum::<i64>(),
                *s - 1 - w.iter().sum::<i64>(),
            ]
        });
        let [a, b] = parts.unzip("parts", |both| both);
        Kept::one("a", &a).and("b", &b)
    }),
    file(&["multi_window_stateful"], |v| {
        let state: i64 = v.param("state");
        let counted = |input: &str, expr: &str| {
            format!("{}; init = {state}; expr = '{expr}'", scan(input, "s + 1"))
        };
        let graph = graph(&[
            ("v", blocks("x", size(v), step(v))),
            ("w", blocks("y", size(v), step(v))),
            ("a", counted("v", "s + sum(x)")),
            ("b", counted("w", "s - sum(x)")),
        ]);
        both(v, graph).writes("a", "a").writes("b", "b")
    }),
    rust(&["merge_multiple_windows_three"], |v, g| {
        let [x, y, z] = ["x", "y", "z"].map(|name| g.source(name, v.fed::<i64>(name)));
        let windows = (
            x.window(1).step(2),
            y.window(3).step(1),
            z.window(2).step(5),
        );
        let sum = |w: &[i64]| w.iter().sum::<i64>();
        let o = zip(windows).map("o", move |(u, v, w)| 100 * sum(u) + 10 * sum(v) + sum(w));
        Kept::one("o", &o)
    }),
    file(&["merge_multiple_windows_three"], |v| {
        let sums = |input: &str, size: u64, step: u64| {
            format!("op = 'window'; in = '{input}'; size = {size}; step = {step}; fn = 'sum'")
        };
        let joined = "op = 'zip'; in = ['u', 'v', 'w']; expr = '100 * a + 10 * b + c'";
        let graph = graph(&[
            ("u", sums("x", 1, 2)),
            ("v", sums("y", 3, 1)),
            ("w", sums("z", 2, 5)),
            ("o", joined.to_owned()),
        ]);
        both(v, graph).reads::<i64>(v, "z").writes("o", "o")
    }),
    rust(&["merge_window_initial"], |v, g| {
        let (x, y) = pair(v, g);
        let windows = zip((x.window(2).step(3), y.window(2).step(3)));
        let o = windows.map("joined", |(v, w)| {
            v.iter().max().unwrap() - w.iter().min().unwrap()
        });
        Kept::one("o", &o.prepend("o", vec![v.param("initial_value"); 2]))
    }),
    file(&["merge_window_initial"], |v| {
        let late = "op = 'delay'; in = 'joined'; items = 2; initial = -1";
        let graph = graph(&[
            ("v", blocks("x", size(v), step(v))),
            ("w", blocks("y", size(v), step(v))),
            ("joined", zip_of("max(a) - min(b)", "v", "w")),
            ("o", late.to_owned()),
        ]);
        both(v, graph).writes("o", "o")
    }),
    rust(&["map_window_list_stateful"], |v, g| {
        let windows = ints(v, g).window(3).step(3);
        let less = windows.scan("less", v.param("state"), |s: &mut i64, w: &[i64]| {
            let less = [w[0] - *s, w[1] - *s, w[2] - *s];
            *s = *w.iter().max().unwrap();
            less
        });
        y(less.flat_map("y", |less| less))
    }),
    file(&["map_window_list_stateful"], |v| {
        let graph = graph(&[
            ("w", blocks("x", size(v), step(v))),
            ("most", map("w", "max(x)")),
            ("before", "op = 'delay'; in = 'most'; items = 1".to_owned()),
            ("less", zip_of("a - b", "w", "before")),
            ("y", "op = 'flatten'; in = 'less'".to_owned()),
        ]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    rust(&["split_window_w3_s4"], |v, g| {
        let windows = ints(v, g).window(3).step(4);
        let (a, b) = windows.unzip("parts", |w| {
            let (most, least) = (w.iter().max().unwrap(), w.iter().min().unwrap());
            (w.iter().sum::<i64>(), most - least)
        });
        Kept::one("a", &a).and("b", &b)
    }),
    file(&["split_window_w3_s4"], |v| {
        let of = |what: &str| {
            let (size, step) = (size(v), step(v));
            format!("op = 'window'; in = 'x'; size = {size}; step = {step}; fn = '{what}'")
        };
        let graph = graph(&[("a", of("sum")), ("b", of("ptp"))]);
        let graph = graph.reads::<i64>(v, "x");
        graph.writes("a", "a").writes("b", "b")
    }),
    rust(&["unity_shortest_path_state"], |v, g| {
        let ways = v.param::<[[i64; 3]; 3]>("state");
        let shorter = |s: &mut [[i64; 3]; 3], _: i64| {
            let known = *s;
            for (i, row) in s.iter_mut().enumerate() {
                for (j, way) in row.iter_mut().enumerate() {
                    *way = (0..3).map(|k| known[i][k] + known[k][j]).min().unwrap();
                }
            }
            let [a, b, c] = *s;
            [a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]]
        };
        y(ints(v, g).scan("y", ways, shorter))
    }),
    file(&["unity_shortest_path_state"], shortest_path),
];

/// A state of nine numbers, each with its expression.
fn shortest_path(v: &Vector) -> GraphFile {
    let ways = v.param::<[[i64; 3]; 3]>("state");
    let places = (0..9).map(|place| {
        let (i, j) = (place / 3, place % 3);
        let over = |k| format!("s[{}] + s[{}]", 3 * i + k, 3 * k + j);
        format!("'min({}, {}, {})'", over(0), over(1), over(2))
    });
    let next = places.collect::<Vec<_>>().join(", ");
    let agent = format!(
        "op = 'scan'; in = 'x'; next = [{next}]; init = {:?}",
        ways.as_flattened()
    );
    graph(&[("y", agent)])
        .reads::<i64>(v, "x")
        .writes_lists("y", &["y"], &[9])
}

fn scan(input: &str, next: &str) -> String {
    format!("op = 'scan'; in = '{input}'; next = '{next}'")
}
