//! Graph files for growing windows, texts, sketches, processes and shared variables.

use std::f64::consts::TAU;

use serde_json::{Value, json};

use super::filters::UNPRIMED;
use super::graph_files::{blocks, both, butterworth, graph, map, size, step, zip};
use super::joins::EMPTY;
use super::processes::{DOUBLE, LONG};
use super::timed::letter;
use super::windows::GROWN;
use crate::judge::{Case, GraphFile, file};
use crate::vector::Vector;

pub const CASES: &[Case] = &[
    file(
        &[
            "sliding_window_with_startup_w10_s3_batch",
            "sliding_window_with_startup_w4_s1_batch",
            "sliding_window_with_startup_w4_s1_single",
            "sliding_window_with_startup_w4_s2_batch",
            "sliding_window_with_startup_w4_s4_batch",
        ],
        growing,
    ),
    file(
        &[
            "sliding_window_with_startup_w10_s3_single",
            "sliding_window_with_startup_w4_s2_single",
            "sliding_window_with_startup_w4_s4_single",
        ],
        growing,
    )
    .instead(GROWN.why, GROWN.right),
    // How many results a function gives, and they.
    file(&["open_multivalue"], |v| {
        let rows = v.fed::<Value>("x").iter().map(results).collect();
        let open =
            "op = 'flat_map'; in = 'x'; expr = ['x[1]', 'x[2]']; when = ['x[0] > 0', 'x[0] > 1']";
        let graph = graph(&[("y", open.to_owned())]).reads_items::<[f64; 3]>("x", rows);
        graph.writes("y", "y")
    }),
    // What a function appends to its own input comes behind each item, in its order.
    file(&["self_feedback"], |v| {
        let each = |form: fn(u64) -> String| {
            let list: Vec<String> = (0..6).map(form).collect();
            format!("['{}']", list.join("', '"))
        };
        let (expr, when) = (
            each(|k| format!("x + {k}")),
            each(|k| format!("{k} == 0 || x + {k} <= 5")),
        );
        let grows = format!("op = 'flat_map'; in = 'x'; expr = {expr}; when = {when}");
        let graph = graph(&[("y", grows)]).reads::<i64>(v, "x");
        graph.writes("x", "y")
    }),
    file(&["zip_map_none"], |v| {
        let none = "op = 'filter'; in = 'both'; expr = 'false'".to_owned();
        let graph = graph(&[("both", zip("a + b", "x", "y")), ("z", none)]);
        both(v, graph).writes("z", "z")
    })
    .instead(EMPTY.why, EMPTY.right),
    file(&["zip_stream"], |v| {
        let graph = GraphFile::of("").reads::<i64>(v, "x");
        let graph = graph.reads_texts("y", v.fed("y"));
        graph.writes_lists("z", &["x", "y"], &[2])
    }),
    // A number below 0 counts from the end: `%` of an expression is Python's.
    file(&["separate"], |v| {
        let (ports, letters) = v.fed::<(i64, Value)>("x").into_iter().unzip();
        let parts = ["a", "b", "c"].iter().enumerate().flat_map(|(port, name)| {
            let is_his = map("ports", &format!("x % 3 == {port}"));
            let gate = format!("op = 'gate'; in = ['letters', 'to-{name}']");
            [(format!("to-{name}"), is_his), ((*name).to_owned(), gate)]
        });
        let parts: Vec<_> = parts.collect();
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, keys)| (&**name, keys.clone()))
            .collect();
        let graph = graph(&parts).reads_items::<i64>("ports", ports);
        let graph = graph.reads_texts("letters", letters);
        ["a", "b", "c"]
            .into_iter()
            .fold(graph, |graph, name| graph.writes(name, name))
    }),
    // What a short row does not have is a NaN.
    file(&["unzip"], |v| {
        let row = |row: &Vec<f64>| [0, 1].map(|at| row.get(at).copied().unwrap_or(f64::NAN));
        let rows = v.fed::<Vec<f64>>("x").iter().map(row).collect();
        let there = "op = 'filter'; in = 'parts.1'; expr = 'x == x'".to_owned();
        let graph = graph(&[
            ("parts", "op = 'unstack'; in = 'x'".to_owned()),
            ("b", there),
        ]);
        let graph = graph.reads_items::<[f64; 2]>("x", rows);
        graph.writes("a", "parts.0").writes("b", "b")
    }),
    file(&["bandpass_iir_feedback"], |v| {
        let graph = graph(&[("y", butterworth(v))]).reads::<f64>(v, "x");
        graph.writes("y", "y")
    })
    .instead(UNPRIMED.why, UNPRIMED.right),
    file(&["generate_waves"], |v| {
        let param = |name| v.param::<f64>(name);
        let [rate, high, phase, frequency] =
            ["sample_rate", "max_amplitude", "phase_shift", "frequency"].map(param);
        let items = (rate * param("time_duration")) as u64;
        let sine = |phase: f64| {
            format!(
                "op = 'sine'; freq = {frequency}; rate = {rate}; amplitude = {high}; phase = {phase}; items = {items}"
            )
        };
        // High for 45 % of each turn.
        let below = format!("0.45 - ({frequency} * x * (1.0 / {rate}) + {phase}) % 1");
        let graph = graph(&[
            ("sine", sine(phase)),
            ("cosine", sine(phase + TAU / 4.0)),
            (
                "place",
                format!("op = 'counter'; dtype = 'f64'; items = {items}"),
            ),
            ("square", map("place", &format!("{high} * sign({below})"))),
        ]);
        ["sine", "cosine", "square"]
            .into_iter()
            .fold(graph, |graph, name| graph.writes(name, name))
    }),
    file(&["bloom_filter_small"], |v| {
        let [items, error] =
            ["est_elements", "false_positive_rate"].map(|name| v.param::<f64>(name));
        asked(
            v,
            &format!("op = 'bloom'; items = {items}; error = {error}"),
        )
        .writes_rows("y", &["y"], |rows| answers(rows, |seen| json!(seen == 1.0)))
    }),
    file(&["count_min_small"], |v| {
        let [width, depth] = ["width", "depth"].map(|name| v.param::<u64>(name));
        asked(
            v,
            &format!("op = 'count_min'; width = {width}; depth = {depth}"),
        )
        .writes_rows("y", &["y"], |rows| answers(rows, |count| json!(count)))
    }),
    file(&["misra_gries_small"], |v| {
        let next: Vec<String> = (0..8)
            .map(|key| format!("'s[{key}] + (x == {key})'"))
            .collect();
        let graph = graph(&[
            (
                "kept",
                format!(
                    "op = 'misra_gries'; in = 'x'; k = {}",
                    v.param::<i64>("N") - 1
                ),
            ),
            (
                "counts",
                format!("op = 'scan'; in = 'x'; next = [{}]", next.join(", ")),
            ),
        ]);
        let graph =
            graph
                .reads::<i64>(v, "x")
                .writes_rows("candidates_after_each", &["kept"], |rows| {
                    let kept = |row: &Vec<Value>| {
                        let pairs = row.chunks(2).filter(|pair| pair[1] != json!(0.0));
                        let mut pairs: Vec<&[Value]> = pairs.collect();
                        pairs.sort_by(|a, b| {
                            a[0].as_f64().unwrap().total_cmp(&b[0].as_f64().unwrap())
                        });
                        json!(pairs)
                    };
                    rows.iter().map(kept).collect()
                });
        graph.writes_rows("true_counts", &["counts"], |rows| {
            let counts = rows.last().unwrap().iter().enumerate();
            let seen = counts.filter(|(_, count)| **count != json!(0.0));
            seen.map(|(key, count)| json!([key, count])).collect()
        })
    }),
    file(&["multicore_float32_precision"], |v| {
        two_processes("x").reads::<f64>(v, "x").writes("q", "p1")
    })
    .instead(DOUBLE.why, DOUBLE.right),
    file(&["multicore_int_overflow"], |v| {
        two_processes("x").reads::<i64>(v, "x").writes("q", "p1")
    })
    .instead(LONG.why, LONG.right),
    file(&["multicore_two_processes_f"], |v| {
        let x = v.fed::<f64>("x").into_iter().map(|x| x as f32).collect();
        two_processes("x + 100")
            .reads_items::<f32>("x", x)
            .writes("q", "p1")
    }),
    file(&["multicore_grid"], |v| {
        let (steps, delta) = (v.param::<u64>("M"), v.param::<f64>("DELTA"));
        let edge = |at: u64| format!("op = 'const'; value = {at}.0; items = {steps}");
        let before = |at: u64| {
            format!(
                "op = 'delay'; in = 'p{at}'; initial = {}",
                at as f64 + delta
            )
        };
        let mean = |l: &str, at: u64, r: &str| {
            format!(
                "op = 'zip'; in = ['{l}', 'b{at}', '{r}']; expr = '(a + b + c) / 3'; worker = 'w{at}'"
            )
        };
        let graph = graph(&[
            ("left", edge(0)),
            ("right", edge(4)),
            ("b1", before(1)),
            ("b2", before(2)),
            ("b3", before(3)),
            ("p1", mean("left", 1, "b2")),
            ("p2", mean("b1", 2, "b3")),
            (
                "p3",
                mean("b2", 3, "right") + "; [workers.w1]; [workers.w2]; [workers.w3]",
            ),
        ]);
        graph.writes_rows("odd", &["p1", "p2", "p3"], |rows| {
            let inner = rows.last().unwrap();
            json!([0.0, inner[0], inner[1], inner[2], 4.0])
        })
    }),
    // One action after the other, each of which puts two neighbours in order.
    file(&["unity_sort_0", "unity_sort_1"], |v| {
        let list = v.param::<Vec<i64>>("list");
        let actions = list.len() - 1;
        let place = |i: usize| {
            let turn = |action: usize| {
                format!(
                    "x % {actions} == {action} && s[{action}] > s[{}]",
                    action + 1
                )
            };
            let mut value = format!("s[{i}]");
            if i > 0 {
                value = format!("{} ? s[{}] : {value}", turn(i - 1), i - 1);
            }
            if i < actions {
                value = format!("{} ? s[{}] : {value}", turn(i), i + 1);
            }
            format!("'{value}'")
        };
        let next: Vec<String> = (0..list.len()).map(place).collect();
        let graph = graph(&[
            (
                "actions",
                format!("op = 'counter'; items = {}", actions * actions),
            ),
            (
                "lists",
                format!(
                    "op = 'scan'; in = 'actions'; next = [{}]; init = {list:?}",
                    next.join(", ")
                ),
            ),
        ]);
        graph.writes_rows("list", &["lists"], |mut rows| rows.pop().unwrap().into())
    }),
    // The distances go round a loop, and each vertex shortens the ways through it.
    file(&["unity_shortest_path_actors"], |v| {
        let start = v.param::<[[f64; 3]; 3]>("D");
        let via = |input: &str, via: usize| {
            let way = |at: usize| {
                format!(
                    "'min(x[{at}], x[{}] + x[{}])'",
                    at / 3 * 3 + via,
                    via * 3 + at % 3
                )
            };
            let ways: Vec<String> = (0..9).map(way).collect();
            format!("op = 'scan'; in = '{input}'; next = [{}]", ways.join(", "))
        };
        let back = format!(
            "op = 'delay'; in = 'via2'; initial = {:?}; dtype = 'f64[9]'",
            start.as_flattened()
        );
        let graph = graph(&[
            ("rounds", "op = 'counter'; items = 3".to_owned()),
            ("begun", zip("b", "rounds", "back")),
            ("via0", via("begun", 0)),
            ("via1", via("via0", 1)),
            ("via2", via("via1", 2)),
            ("back", back),
        ]);
        graph.writes_rows("D", &["via2"], |rows| {
            let ways = rows.last().unwrap();
            json!([ways[..3], ways[3..6], ways[6..]])
        })
    }),
    file(&["v2_door_two_accelerometers"], door),
];

/// Vectors of what no graph file does, each with why.
pub const IN_RUST_ALONE: &[(&str, &str)] = &[
    (
        "circular_buffer",
        "a buffer that a program asks, not a stream",
    ),
    (
        "expected_failures",
        "a list of defects of Python's operators and classes",
    ),
    (
        "incremental_pca_iris",
        "exact components, batch by batch; the operator `pca` estimates them item by item",
    ),
    (
        "iot_merge",
        "what is left unread of two streams is a state of any length",
    ),
    (
        "kmeans_batch",
        "repeats over a window until nothing changes; the operator `kmeans` learns item by item",
    ),
    ("kmeans_sliding_windows", "the same"),
    (
        "stream_compaction_no_reader",
        "where a stream lies in memory",
    ),
    (
        "stream_compaction_with_reader",
        "where a stream lies in memory",
    ),
    (
        "stream_queries",
        "a stream that a program asks; here streams are not kept",
    ),
];

fn growing(v: &Vector) -> GraphFile {
    let (size, step) = (size(v), step(v));
    let window = format!(
        "op = 'window'; in = 'x'; size = {size}; step = {step}; growing = true; fn = 'items'"
    );
    let graph = graph(&[("y", window)]).reads::<i64>(v, "x");
    graph.writes_json("y", "y", Value::clone)
}

/// How many results a function gives for each of IoTPy's special values, and they; `None` is a NaN.
fn results(given: &Value) -> [f64; 3] {
    let nothing = f64::NAN;
    match given.as_str() {
        None => [1.0, given.as_f64().unwrap_or(nothing), nothing],
        Some("_no_value" | "_multivalue([])" | "_unchanged") => [0.0, nothing, nothing],
        Some("_multivalue([20,30])") => [2.0, 20.0, 30.0],
        Some("_changed") => [1.0, 1.0, nothing],
        Some(other) => panic!("`{other}` is no special value"),
    }
}

/// `y`: the keys that are asked for, a 0, and what the sketch answers. An item is a key, and 1 to add it or 0 to ask.
fn asked(v: &Vector, sketch: &str) -> GraphFile {
    let command = |(what, key): (Value, u32)| [i64::from(key), i64::from(what == "add")];
    let commands = v.fed::<(Value, u32)>("x").into_iter().map(command);
    let graph = graph(&[
        ("answers", format!("{sketch}; in = 'x'")),
        (
            "rows",
            "op = 'zip'; in = ['x', 'answers']; dtype = 'i64'".to_owned(),
        ),
        (
            "y",
            "op = 'filter'; in = 'rows'; expr = 'x[1] == 0'".to_owned(),
        ),
    ]);
    graph.reads_items::<[i64; 2]>("x", commands.collect())
}

fn answers(rows: Vec<Vec<Value>>, answer: fn(f64) -> Value) -> Value {
    let number = |cell: &Value| cell.as_f64().unwrap();
    let rows = rows.iter();
    rows.map(|row| json!([letter(number(&row[0])), answer(number(&row[2]))]))
        .collect()
}

/// `p1` reads what `p0` makes of `x`, each in a process of its own.
fn two_processes(expr: &str) -> GraphFile {
    graph(&[
        ("p0", map("x", expr) + "; worker = 'w0'"),
        (
            "p1",
            map("p0", "x") + "; worker = 'w1'; [workers.w0]; [workers.w1]",
        ),
    ])
}

/// Two accelerometers, each axis without the mean of a window. Where the mean of a window's end is far from that of
/// its beginning, what comes from there on is sent, and the next window begins behind it.
fn door(v: &Vector) -> GraphFile {
    let len = v.param::<u64>("demean_window");
    let [window, edge, factor, cloud] = v.param::<[f64; 4]>("detect");
    let [window, edge, cloud] = [window, edge, cloud].map(|items| items as u64);
    let reach = window.max(window - edge + cloud);
    let moved = window - edge + cloud;
    let mut agents = Vec::new();
    for sensor in ["a0", "a1"] {
        agents.push((
            format!("{sensor}-axes"),
            format!("op = 'unstack'; in = '{sensor}'"),
        ));
        for axis in 0..3 {
            let w = format!("{sensor}-w{axis}");
            agents.push((format!("{sensor}-{axis}"), map(&w, "x[-1] - mean(x)")));
            agents.push((w, blocks(&format!("{sensor}-axes.{axis}"), len, 1)));
        }
    }
    // An item is six numbers, which lie one after the other in a window of items.
    let part = |from: u64, items: u64| format!("x[{}:{}]", 6 * from, 6 * (from + items));
    let (first, last) = (part(0, edge), part(window - edge, edge));
    let far = format!("abs(mean({last}) - mean({first})) > {factor} * std({first})");
    let next = format!("s > 0 ? s - 1 : {far} ? {} : 0", moved - 1);
    let sent = format!(
        "op = 'scan'; in = 'reached'; next = '{next}'; keep = 's == 0 && {far}'; expr = '{}'",
        part(window - edge, cloud)
    );
    let inputs = ["a0-0", "a0-1", "a0-2", "a1-0", "a1-1", "a1-2"];
    agents.extend([
        ("joined".to_owned(), format!("op = 'zip'; in = {inputs:?}")),
        (
            "numbers".to_owned(),
            "op = 'flatten'; in = 'joined'".to_owned(),
        ),
        ("reached".to_owned(), blocks("numbers", 6 * reach, 6)),
        ("cloud".to_owned(), sent),
    ]);
    let agents: Vec<_> = agents
        .iter()
        .map(|(name, keys)| (&**name, keys.clone()))
        .collect();
    let graph = graph(&agents)
        .reads::<[f64; 3]>(v, "a0")
        .reads::<[f64; 3]>(v, "a1");
    let graph = graph.writes_lists("joined", &["joined"], &[3, 3]);
    graph.writes_rows("cloud", &["cloud"], |rows| {
        let item = |x: &[Value]| json!([x[..3], x[3..]]);
        rows.iter()
            .map(|row| row.chunks(6).map(item).collect::<Value>())
            .collect()
    })
}
