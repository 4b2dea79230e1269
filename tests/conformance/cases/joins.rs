//! Several streams in, one out: `zip_map`, `merge_asynch`, the operators of streams.

use serde_json::Value;
use thalweg::prelude::*;

use crate::judge::{Case, GraphFile, Instead, Kept, file, rust};
use crate::vector::{Json, Vector};

pub const CASES: &[Case] = &[
    rust(&["zip_map_three"], |v, g| {
        let [a, b, c] = ["u", "v", "w"].map(|name| g.source(name, v.fed::<i64>(name)));
        z(&a.zip(&b).zip(&c).map("z", |a, b, c| 100 * a + 10 * b + c))
    }),
    file(&["zip_map_three"], |v| {
        let agent = "[agents.z]\nop = \"zip\"\nin = [\"u\", \"v\", \"w\"]\nexpr = \"100 * a + 10 * b + c\"\n";
        let graph = GraphFile::of(agent).writes("z", "z");
        ["u", "v", "w"]
            .into_iter()
            .fold(graph, |graph, name| graph.reads::<i64>(v, name))
    }),
    rust(&["zip_stream"], |v, g| {
        let x = g.source("x", v.fed::<i64>("x"));
        let letters = g.source("y", v.fed::<u32>("y"));
        let pairs = x.zip(&letters).map("z", |x, letter| [x, i64::from(letter)]);
        Kept::one_as("z", &pairs, |[x, letter]| (x, letter as u32).json())
    }),
    rust(&["ithread_zip"], |v, g| {
        let (x, y) = pair(v, g);
        Kept::one("q", &x.zip(&y).map("q", |x, y| [x, y]))
    }),
    file(&["ithread_zip"], |v| {
        let agent = "[agents.q]\nop = \"zip\"\nin = [\"x\", \"y\"]\n";
        let graph = GraphFile::of(agent).writes("q", "q");
        graph.reads::<i64>(v, "x").reads::<i64>(v, "y")
    }),
    rust(&["merge_list"], |v, g| {
        let (x, y) = pair(v, g);
        z(&x.zip(&y).map("z", |x, y| x + y))
    }),
    rust(&["v2_join_synch"], |v, g| {
        let (x, y) = pair(v, g);
        z(&x.zip(&y).map("z", |x, y| x + y))
    }),
    file(&["merge_list", "v2_join_synch", "operator_add"], |v| {
        zipped(v, "x + y")
    }),
    file(&["operator_sub"], |v| zipped(v, "x - y")),
    file(&["operator_mul"], |v| zipped(v, "x * y")),
    file(&["operator_floordiv"], |v| zipped(v, "x // y")),
    file(&["operator_mod"], |v| zipped(v, "x % y")),
    file(&["operator_eq"], |v| zipped(v, "x == y")),
    file(&["operator_ne"], |v| zipped(v, "x != y")),
    file(&["operator_lt"], |v| zipped(v, "x < y")),
    file(&["operator_le"], |v| zipped(v, "x <= y")).instead(SWAPPED, |v| compared(v, i64::le)),
    file(&["operator_gt"], |v| zipped(v, "x > y")),
    file(&["operator_ge"], |v| zipped(v, "x >= y")).instead(SWAPPED, |v| compared(v, i64::ge)),
    rust(&["blend"], |v, g| {
        let (x, y) = pair(v, g);
        z(&x.merge("merged", [&y]).map("z", |x| 10 * x))
    }),
    file(&["blend"], |v| {
        let agents = "[agents.merged]\nop = \"merge\"\nin = [\"x\", \"y\"]\n
            [agents.z]\nop = \"map\"\nin = \"merged\"\nexpr = \"10 * x\"\n";
        let graph = GraphFile::of(agents).writes("z", "z");
        graph.reads::<i64>(v, "x").reads::<i64>(v, "y")
    }),
    rust(&["v2_join_asynch"], |v, g| {
        let (x, y) = pair(v, g);
        z(&x.merge("merged", [&y]).map("z", |x| 3 * x))
    }),
    rust(&["operator_add"], |v, g| operator(v, g, |x, y| x + y)),
    rust(&["operator_sub"], |v, g| operator(v, g, |x, y| x - y)),
    rust(&["operator_mul"], |v, g| operator(v, g, |x, y| x * y)),
    rust(&["operator_eq"], |v, g| operator(v, g, |x, y| x.eq(y))),
    rust(&["operator_ne"], |v, g| operator(v, g, |x, y| x.ne(y))),
    rust(&["operator_lt"], |v, g| operator(v, g, |x, y| x.lt(y))),
    rust(&["operator_gt"], |v, g| operator(v, g, |x, y| x.gt(y))),
    rust(&["operator_le"], |v, g| operator(v, g, |x, y| x.le(y)))
        .instead(SWAPPED, |v| compared(v, i64::le)),
    rust(&["operator_ge"], |v, g| operator(v, g, |x, y| x.ge(y)))
        .instead(SWAPPED, |v| compared(v, i64::ge)),
    // `//` and `%` of Rust round towards zero, those of Python and of graph files down.
    rust(&["operator_floordiv"], |v, g| {
        operator(v, g, |x, y| zip((x, y)).map("z", |(x, y)| x.div_euclid(y)))
    }),
    rust(&["operator_mod"], |v, g| {
        operator(v, g, |x, y| zip((x, y)).map("z", |(x, y)| x.rem_euclid(y)))
    }),
    rust(&["operator_array_add"], |v, g| {
        let [x, y] = ["x", "y"].map(|name| g.source(name, v.fed::<[f64; 2]>(name)));
        z(&zip((&x, &y)).map("z", |(x, y)| [x[0] + y[0], x[1] + y[1]]))
    }),
    file(&["operator_array_add"], |v| {
        let agent = "[agents.z]\nop = \"zip\"\nin = [\"x\", \"y\"]\nexpr = \"a + b\"\n";
        let graph = GraphFile::of(agent).writes("z", "z");
        graph.reads::<[f64; 2]>(v, "x").reads::<[f64; 2]>(v, "y")
    }),
    rust(&["merge_asynch_batch"], |v, g| {
        let (x, y) = pair(v, g);
        z(&x.merge_map("z", [&y], |input, x| [input as i64, x]))
    }),
    rust(&["zip_map_none"], |v, g| {
        let (x, y) = pair(v, g);
        z(&zip((&x, &y)).filter_map("z", |_| None::<i64>))
    })
    .instead(EMPTY.why, EMPTY.right),
];

pub const EMPTY: Instead = Instead {
    why: "a function that gives nothing gives nothing, not an empty list",
    right: |_| vec![("z".to_owned(), Value::Array(vec![]))],
};

const SWAPPED: &str = "IoTPy defines `__le__` twice, so its `<=` and `>=` are each other";

/// The output `z` of a comparison of `x` and `y`.
fn compared(v: &Vector, holds: fn(&i64, &i64) -> bool) -> Vec<(String, Value)> {
    let pairs = v.fed::<i64>("x").into_iter().zip(v.fed::<i64>("y"));
    let truths = pairs.map(|(x, y)| Value::from(holds(&x, &y))).collect();
    vec![("z".to_owned(), truths)]
}

/// The streams `x` and `y` of the vector.
pub fn pair(v: &Vector, g: &mut Graph) -> (Stream<i64>, Stream<i64>) {
    let x = g.source("x", v.fed::<i64>("x"));
    (x, g.source("y", v.fed::<i64>("y")))
}

/// The output `z`.
pub fn z<T: Item + Json>(stream: &Stream<T>) -> Kept {
    Kept::one("z", stream)
}

/// The output `z`: an operator of `x` and `y`.
fn operator<T: Item + Json>(
    v: &Vector,
    g: &mut Graph,
    apply: fn(&Stream<i64>, &Stream<i64>) -> Stream<T>,
) -> Kept {
    let (x, y) = pair(v, g);
    z(&apply(&x, &y))
}

/// A graph file with one `zip` of `x` and `y`.
fn zipped(v: &Vector, expr: &str) -> GraphFile {
    let agent =
        format!("[agents.z]\nop = \"zip\"\nin = {{ x = \"x\", y = \"y\" }}\nexpr = \"{expr}\"\n");
    let graph = GraphFile::of(&agent).writes("z", "z");
    graph.reads::<i64>(v, "x").reads::<i64>(v, "y")
}
