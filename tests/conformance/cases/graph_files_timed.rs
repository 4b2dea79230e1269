//! Graph files for what has times, and for what IoTPy makes of batches: a batch's step is its items' time.
//!
//! Timed values are numbers, so a letter goes through as its code, and NaN stands for what is missing.

use serde_json::{Value, json};

use super::graph_files::{graph, map};
use super::timed::{AGREED, ENDED, GIVEN, LATE, NOTHING, letter, step_of};
use crate::judge::{Case, GraphFile, file};
use crate::vector::{Json, Vector};

pub const CASES: &[Case] = &[
    file(
        &[
            "timed_window_d10_s10_t0_irregular",
            "timed_window_d20_s10_t0_batch",
            "timed_window_d2_s4_t0_irregular",
            "timed_window_d4_s4_t0_irregular",
            "timed_window_d4_s4_t2_batch",
            "timed_window_d4_s4_t2_irregular",
            "timed_window_d5_s1_t0_batch",
            "timed_window_d5_s1_t0_irregular",
        ],
        |v| {
            let start = v.param::<f64>("window_start_time");
            let window = format!("{}; start = {start}", items_of_windows(v));
            let graph = timed(v, &[("y", window)]);
            graph.writes_json("y", "y", |w| json!([w["end"], w["t"]]))
        },
    ),
    file(&["timed_window_out_of_order"], |v| {
        let graph = timed(v, &[("y", items_of_windows(v))]);
        graph.writes_json("y", "y", |w| json!([w["end"], w["x"]]))
    })
    .instead(LATE.why, LATE.right),
    file(&["timed_window_no_value_timed_agent"], no_value),
    file(&["timed_window_no_value_op"], no_value).instead(NOTHING.why, NOTHING.right),
    file(&["timed_zip"], |v| zipped(v).writes_rows("z", &["z"], pairs))
        .instead(ENDED.why, ENDED.right),
    file(&["timed_zip_duplicate_timestamps"], |v| {
        zipped(v).writes_rows("z", &["z"], pairs)
    }),
    file(&["join_timed"], |v| {
        let x = v.fed::<[f64; 2]>("x");
        joined(x, v).writes_rows("sunk", &["z"], |rows| {
            rows.into_iter()
                .map(|row| json!([row[0], [row[1], text(&row[2])]]))
                .collect()
        })
    }),
    file(&["timed_mix"], |v| {
        mixed(coded(v, "x"), coded(v, "y")).writes_rows("z", &["z.index", "z"], |rows| {
            rows.into_iter()
                .map(|row| json!([row[1], [row[0], text(&row[2])]]))
                .collect()
        })
    })
    .instead(GIVEN.why, GIVEN.right),
    file(&["timed_unzip"], |v| {
        let rows = v.fed::<(f64, [Value; 2])>("x").into_iter();
        let rows = rows.map(|(seconds, values)| {
            let [a, b] = values.map(|value| code(&value));
            [seconds, a, b]
        });
        let agents = [("a", 0), ("b", 1)].map(|(name, part)| {
            let there = format!("op = 'filter'; in = 't'; expr = 'x[{part}] == x[{part}]'");
            let value = map(&format!("{name}-there"), &format!("x[{part}]"));
            [(format!("{name}-there"), there), (name.to_owned(), value)]
        });
        let [[a, b], [c, d]] = &agents;
        let agents = [a, b, c, d].map(|(name, keys)| (&**name, keys.clone()));
        let all = [&[("t", TIMED.to_owned())][..], &agents].concat();
        let graph = graph(&all).reads_items("x", rows.collect());
        graph
            .writes_rows("a", &["a"], letters)
            .writes_rows("b", &["b"], letters)
    }),
    // Which sensors have anomalies in a window: 1, 2, or 3 for both.
    file(&["aggregate_anomalies"], |v| {
        let window = |expr: &str| {
            let [duration, step] =
                ["window_duration", "step_time"].map(|name| v.param::<f64>(name));
            format!(
                "op = 'timed.window'; in = 'seen'; duration = {duration}; step = {step}; expr = '{expr}'"
            )
        };
        let agreed = format!(
            "op = 'filter'; in = 'rows'; expr = 'x[2] >= {}'",
            v.param::<f64>("THRESHOLD")
        );
        let graph = graph(&[
            ("at", "op = 'timed'; in = 'a'".to_owned()),
            ("bt", "op = 'timed'; in = 'b'".to_owned()),
            ("both", "op = 'timed.zip'; in = ['at', 'bt']".to_owned()),
            ("t", "op = 'timed'; in = 'both'".to_owned()),
            ("seen", map("t", "isnan(x[0]) ? 2 : isnan(x[1]) ? 1 : 3")),
            ("last", window("t[-1]")),
            ("sensors", window("any(x % 2 == 1) + any(x >= 2)")),
            ("l", "op = 'unstack'; in = 'last'".to_owned()),
            ("s", "op = 'unstack'; in = 'sensors'".to_owned()),
            ("rows", "op = 'zip'; in = ['l.t', 'l.x', 's.x']".to_owned()),
            ("z", agreed),
        ]);
        let graph = graph.reads::<[f64; 2]>(v, "a").reads::<[f64; 2]>(v, "b");
        graph.writes_rows("z", &["z"], |rows| {
            rows.into_iter()
                .map(|row| json!([row[0], [row[1], row[2]]]))
                .collect()
        })
    })
    .instead(AGREED.why, AGREED.right),
    file(&["mix"], |v| {
        let steps = |stream| {
            let items = step_of::<Value>(v, stream).into_iter();
            items.map(|(step, value)| [step, code(&value)]).collect()
        };
        mixed(steps("x"), steps("y")).writes_rows("z", &["z.index", "z"], |rows| {
            rows.into_iter()
                .map(|row| json!([row[0], text(&row[2])]))
                .collect()
        })
    }),
    file(&["weave"], |v| {
        mixed(stepped(v, "x"), stepped(v, "y")).writes_rows("z", &["z"], values)
    }),
    file(&["merge_asynch_stateful"], |v| {
        let (x, y) = (stepped(v, "x"), stepped(v, "y"));
        let scan = "op = 'scan'; in = 'z'; next = 's + 1'; expr = 'x + s'";
        mixed_then(x, y, &[("counted", scan.to_owned())]).writes_rows("z", &["counted"], values)
    }),
    file(&["chunk", "map_list_sum_of_batch"], |v| {
        batches(v, "sum", &[]).writes_rows("y", &["w"], values)
    }),
    // A batch once more, half a second later, is behind the batch and before the next.
    file(&["map_list_changes_length"], |v| {
        let graph = graph(&[
            ("t", TIMED.to_owned()),
            ("again", format!("{TIMED}; start = 0.5")),
            ("y", "op = 'timed.mix'; in = ['t', 'again']".to_owned()),
        ]);
        let graph = graph.reads_items("x", stepped(v, "x"));
        graph.writes_rows("y", &["y"], values)
    }),
    file(&["signal_element"], |v| {
        batches(v, "count", &[("y", CALLS.to_owned())]).writes_rows("y", &["y"], values)
    }),
    file(&["signal_sink"], |v| {
        let calls = format!("{CALLS}; expr = 's'");
        batches(v, "count", &[("sunk", calls)]).writes_rows("sunk", &["sunk"], values)
    }),
    file(&["split_signal"], |v| {
        let agents = [
            ("a", CALLS.to_owned()),
            (
                "even",
                "op = 'filter'; in = 'a'; expr = 'x % 2 == 0'".to_owned(),
            ),
            ("b", map("even", "1")),
        ];
        let graph = batches(v, "count", &agents).writes_rows("a", &["a"], values);
        graph.writes_rows("b", &["b"], values)
    }),
    file(&["sink_conditional"], |v| {
        let x = step_of::<Value>(v, "x").into_iter();
        let x = x.map(|(step, value)| [step, value.as_f64().unwrap_or(f64::NAN)]);
        let sunk = "op = 'release'; in = ['xt', 'calls']; by = 'time'";
        let graph = graph(&[
            ("xt", TIMED.to_owned()),
            ("ct", "op = 'timed'; in = 'c'".to_owned()),
            ("calls", "op = 'timed.mix'; in = ['ct', 'xt']".to_owned()),
            ("sunk", sunk.to_owned()),
        ]);
        let graph = graph.reads_items("x", x.collect());
        let graph = graph.reads_items("c", stepped(v, "c"));
        graph.writes_rows("sunk", &["sunk"], |rows| {
            let value = |row: &Vec<Value>| {
                if row[1].is_null() {
                    json!("block")
                } else {
                    row[1].clone()
                }
            };
            rows.iter().map(value).collect()
        })
    }),
];

const TIMED: &str = "op = 'timed'; in = 'x'";

/// How many windows there have been.
const CALLS: &str = "op = 'scan'; in = 'w'; next = 's + 1'";

/// Agents that read `t`, the stream `x` of times and values.
fn timed(v: &Vector, agents: &[(&str, String)]) -> GraphFile {
    let all = [&[("t", TIMED.to_owned())][..], agents].concat();
    graph(&all).reads::<[f64; 2]>(v, "x")
}

fn items_of_windows(v: &Vector) -> String {
    let [duration, step] = ["window_duration", "step_time"].map(|name| v.param::<f64>(name));
    format!("op = 'timed.window'; in = 't'; duration = {duration}; step = {step}; fn = 'items'")
}

/// Windows of a function that gives nothing.
fn no_value(v: &Vector) -> GraphFile {
    let window = "op = 'timed.window'; in = 't'; duration = '4 s'; fn = 'count'";
    let none = "op = 'filter'; in = 'w'; expr = 'false'";
    let graph = timed(v, &[("w", window.to_owned()), ("y", none.to_owned())]);
    graph.writes("y", "y")
}

/// A letter's code, and NaN for nothing.
fn code(letter: &Value) -> f64 {
    if letter.is_null() {
        return f64::NAN;
    }
    f64::from(u32::of(letter))
}

/// A code's letter.
fn text(code: &Value) -> Value {
    letter(code.as_f64().unwrap_or(0.0))
}

/// The stream's times and letters.
fn coded(v: &Vector, stream: &str) -> Vec<[f64; 2]> {
    let items = v.fed::<(f64, Value)>(stream).into_iter();
    items.map(|(t, letter)| [t, code(&letter)]).collect()
}

/// The stream's values, each with the step in which it came.
fn stepped(v: &Vector, stream: &str) -> Vec<[f64; 2]> {
    let items = step_of::<f64>(v, stream).into_iter();
    items.map(|(step, value)| [step, value]).collect()
}

fn zipped(v: &Vector) -> GraphFile {
    joined(coded(v, "x"), v)
}

/// `z`: the timed zip of these items and the letters of `y`.
fn joined(x: Vec<[f64; 2]>, v: &Vector) -> GraphFile {
    let zip = "op = 'timed.zip'; in = ['xt', 'yt']";
    two(x, coded(v, "y"), &[("z", zip.to_owned())])
}

/// `z`: the timed mix of these items, with `z.index`.
fn mixed(x: Vec<[f64; 2]>, y: Vec<[f64; 2]>) -> GraphFile {
    let mix = "op = 'timed.mix'; in = ['xt', 'yt']; index = true";
    two(x, y, &[("z", mix.to_owned())])
}

/// Agents that read `z`, the timed mix of these items.
fn mixed_then(x: Vec<[f64; 2]>, y: Vec<[f64; 2]>, agents: &[(&str, String)]) -> GraphFile {
    let mix = ("z", "op = 'timed.mix'; in = ['xt', 'yt']".to_owned());
    two(x, y, &[&[mix][..], agents].concat())
}

/// Agents that read `xt` and `yt`, these items in time.
fn two(x: Vec<[f64; 2]>, y: Vec<[f64; 2]>, agents: &[(&str, String)]) -> GraphFile {
    let times = [
        ("xt", TIMED.to_owned()),
        ("yt", "op = 'timed'; in = 'y'".to_owned()),
    ];
    let graph = graph(&[&times[..], agents].concat());
    graph.reads_items("x", x).reads_items("y", y)
}

/// Agents that read `w`, a function of each batch of `x`.
fn batches(v: &Vector, function: &str, agents: &[(&str, String)]) -> GraphFile {
    let window =
        format!("op = 'timed.window'; in = 't'; duration = '1 s'; fn = '{function}'; flush = true");
    let first = [("t", TIMED.to_owned()), ("w", window)];
    let graph = graph(&[&first[..], agents].concat());
    graph.reads_items("x", stepped(v, "x"))
}

/// Rows of a time and the letters of two streams.
fn pairs(rows: Vec<Vec<Value>>) -> Value {
    let pair = |row: Vec<Value>| json!([row[0], [text(&row[1]), text(&row[2])]]);
    rows.into_iter().map(pair).collect()
}

/// Rows of a time and a letter.
fn letters(rows: Vec<Vec<Value>>) -> Value {
    let pair = |row: Vec<Value>| json!([row[0], text(&row[1])]);
    rows.into_iter().map(pair).collect()
}

/// The values of rows of a time and a value.
fn values(rows: Vec<Vec<Value>>) -> Value {
    rows.into_iter().map(|mut row| row.remove(1)).collect()
}
