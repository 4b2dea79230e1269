//! One stream in, one out, item by item: `map_element`, `filter_element`, `map_list`, `basics`.

use serde_json::Value;
use thalweg::prelude::*;

use crate::judge::{Case, GraphFile, Kept, file, rust};
use crate::vector::{Json, Vector};

pub const CASES: &[Case] = &[
    rust(&["map_element_double"], |v, g| {
        y(ints(v, g).map("y", |x| 2 * x))
    }),
    file(&["map_element_double"], |v| map::<i64>(v, "2 * x")),
    rust(&["map_element_kwargs"], |v, g| {
        let arguments = v.param::<Value>("kwargs");
        let (multiplicand, addend) = (
            i64::of(&arguments["multiplicand"]),
            i64::of(&arguments["addend"]),
        );
        y(ints(v, g).map("y", move |x| x * multiplicand + addend))
    }),
    file(&["map_element_kwargs"], |v| map::<i64>(v, "x * 3 + 10")),
    rust(&["map_element_polyval"], |v, g| {
        let arguments = v.param::<Value>("kwargs");
        let polynomial = <[f64; 3]>::of(&arguments["polynomial"]);
        let value = move |x| polynomial.iter().fold(0.0, |value, c| value * x + c);
        y(floats(v, g).map("y", value))
    }),
    file(&["map_element_polyval"], |v| map::<f64>(v, "x ^ 2 + 1")),
    // `_multivalue` is an iterator, `_no_value` and `None` are `None`.
    rust(&["map_element_multivalue_empty"], |v, g| {
        y(ints(v, g).flat_map("y", |x| std::iter::repeat_n(x, x as usize)))
    }),
    rust(&["map_element_none_dropped"], |v, g| {
        y(ints(v, g).filter_map("y", |x| (x % 2 == 0).then_some(x)))
    }),
    file(&["map_element_none_dropped"], |v| {
        filter::<i64>(v, "x % 2 == 0")
    }),
    rust(&["map_element_stateful"], |v, g| {
        y(ints(v, g).scan("y", 0, |sum, x| {
            *sum += x;
            *sum
        }))
    }),
    rust(&["map_element_stateful_prev"], |v, g| {
        y(ints(v, g).scan("y", 0, |before, x| x - std::mem::replace(before, x)))
    }),
    rust(&["map_element_state_kwargs"], |v, g| {
        let addend = i64::of(&v.param::<Value>("kwargs")["addend"]);
        y(
            ints(v, g).scan("y", v.param("state"), move |state: &mut i64, x| {
                *state += 1;
                x + *state - 1 + addend
            }),
        )
    }),
    rust(&["map_element_streamarray_rows"], |v, g| {
        let rows = g.source("x", v.fed::<[f64; 2]>("x"));
        y(rows.map("y", |row| row.map(|x| 2.0 * x)))
    }),
    file(&["map_element_streamarray_rows"], |v| {
        map::<[f64; 2]>(v, "2 * x")
    }),
    rust(&["filter_element_kwargs"], |v, g| {
        let threshold = i64::of(&v.param::<Value>("kwargs")["threshold"]);
        y(ints(v, g).filter("y", move |x| *x > threshold))
    }),
    file(&["filter_element_kwargs"], |v| filter::<i64>(v, "x > 0")),
    rust(&["filter_element_stateful"], |v, g| {
        let records = ints(v, g).with_state(v.param::<i64>("state"));
        y(records.filter("y", |highest, x| {
            *x > std::mem::replace(highest, *x.max(highest))
        }))
    }),
    rust(&["fmap_e_composition"], |v, g| {
        let sums = ints(v, g).scan("sums", 0, |sum, x| {
            *sum += x;
            *sum
        });
        y(sums.filter("y", |sum| *sum > 25))
    }),
    // A function of the batch that treats items one by one is a function of the item.
    rust(&["map_list"], |v, g| {
        y(ints(v, g).map("y", |x| if x % 2 == 1 { x + 1 } else { x }))
    }),
    file(&["map_list"], |v| map::<i64>(v, "x % 2 == 1 ? x + 1 : x")),
    rust(&["map_list_stateful_accumulate"], |v, g| {
        y(ints(v, g).scan("y", 0, |sum, x| {
            *sum += x;
            *sum
        }))
    }),
    rust(&["basics_f_add"], |v, g| {
        let arg = v.param::<i64>("arg");
        y(ints(v, g).map("y", move |x| x + arg))
    }),
    file(&["basics_f_add"], |v| map::<i64>(v, "x + 10")),
    rust(&["basics_f_sub"], |v, g| {
        let arg = v.param::<i64>("arg");
        y(ints(v, g).map("y", move |x| x - arg))
    }),
    file(&["basics_f_sub"], |v| map::<i64>(v, "x - 1")),
    rust(&["basics_f_mul"], |v, g| {
        let arg = v.param::<i64>("arg");
        y(ints(v, g).map("y", move |x| x * arg))
    }),
    file(&["basics_f_mul"], |v| map::<i64>(v, "3 * x")),
    rust(&["basics_maximum"], |v, g| {
        let arg = v.param::<i64>("arg");
        y(ints(v, g).map("y", move |x| x.max(arg)))
    }),
    file(&["basics_maximum"], |v| map::<i64>(v, "max(x, 2)")),
    rust(&["basics_minimum"], |v, g| {
        let arg = v.param::<i64>("arg");
        y(ints(v, g).map("y", move |x| x.min(arg)))
    }),
    file(&["basics_minimum"], |v| map::<i64>(v, "min(x, 2)")),
    rust(&["exponential_smoothing"], |v, g| {
        let alpha = v.param::<f64>("alpha");
        y(
            floats(v, g).scan("y", v.param("state"), move |state: &mut f64, x| {
                *state = alpha * *state + (1.0 - alpha) * x;
                *state
            }),
        )
    }),
    rust(&["threshold_crossings"], |v, g| {
        let threshold = v.param::<f64>("threshold");
        let crossings = floats(v, g).with_state(-1i64);
        y(crossings.filter_map("y", move |place, x| {
            *place += 1;
            (x > threshold).then_some(*place)
        }))
    }),
    file(&["threshold_crossings"], |v| {
        let agents = "[agents.at]\nop = \"map\"\nin = \"x\"\nexpr = \"x > 2.5 ? n : -1\"\n
            [agents.y]\nop = \"filter\"\nin = \"at\"\nexpr = \"x >= 0\"\n";
        GraphFile::of(agents).reads::<f64>(v, "x").writes("y", "y")
    }),
    // Chains grown as primes are found become one state: the primes so far.
    rust(&["basics_sieve"], |v, g| {
        let numbers = ints(v, g).with_state([0i64; 64]);
        let primes = numbers.filter("primes", |primes, x| {
            let found = primes.iter().take_while(|prime| **prime > 0);
            if found.clone().any(|prime| x % prime == 0) {
                return false;
            }
            let free = found.count();
            primes[free] = *x;
            true
        });
        Kept::one("primes", &primes)
    }),
    rust(&["open_multivalue"], |v, g| {
        let outputs = v.fed::<Value>("x").iter().map(output).collect::<Vec<_>>();
        let x = g.source("x", (0..outputs.len() as u64).collect::<Vec<_>>());
        let y = x.flat_map("y", move |i| outputs[i as usize].clone());
        Kept::one_as("y", &y, |x| if x == NULL { Value::Null } else { x.json() })
    }),
    rust(&["sink_element_stateful"], |v, g| {
        let sunk = ints(v, g).scan("sunk", v.param("state"), |state: &mut i64, x| {
            *state += 1;
            x + *state - 1
        });
        Kept::one("sunk", &sunk)
    }),
    rust(&["stream_to_list_stateful"], |v, g| {
        let list = ints(v, g).scan("list", v.param("state"), |state: &mut i64, x| {
            *state += 1;
            x + *state - 1
        });
        Kept::one("list", &list)
    }),
    rust(&["basics_prepend"], |v, g| {
        y(ints(v, g).prepend("y", v.param::<Vec<i64>>("lst")))
    }),
    file(
        &["map_element_stateful", "map_list_stateful_accumulate"],
        |v| scan::<i64>(v, "next = \"s + x\""),
    ),
    file(&["map_element_stateful_prev"], |v| {
        scan::<i64>(v, "next = \"x\"\nexpr = \"x - s\"")
    }),
    file(&["map_element_state_kwargs"], |v| {
        scan::<i64>(v, "init = 100\nnext = \"s + 1\"\nexpr = \"x + s + 10\"")
    }),
    file(&["filter_element_stateful"], |v| {
        scan::<i64>(v, "next = \"max(x, s)\"\nkeep = \"x > s\"\nexpr = \"x\"")
    }),
    file(&["exponential_smoothing"], |v| {
        scan::<f64>(v, "next = \"0.5 * s + 0.5 * x\"")
    }),
];

/// The stream `x` of the vector, of whole numbers.
pub fn ints(v: &Vector, g: &mut Graph) -> Stream<i64> {
    g.source("x", v.fed::<i64>("x"))
}

/// The stream `x` of the vector, of numbers.
pub fn floats(v: &Vector, g: &mut Graph) -> Stream<f64> {
    g.source("x", v.fed::<f64>("x"))
}

/// The output `y`.
pub fn y<T: Item + Json>(stream: Stream<T>) -> Kept {
    Kept::one("y", &stream)
}

/// A graph file with one `map`.
fn map<T: Item + Json>(v: &Vector, expr: &str) -> GraphFile {
    one::<T>(v, "map", expr)
}

/// A graph file with one `filter`.
fn filter<T: Item + Json>(v: &Vector, expr: &str) -> GraphFile {
    one::<T>(v, "filter", expr)
}

/// A graph file with one `scan`.
fn scan<T: Item + Json>(v: &Vector, params: &str) -> GraphFile {
    let agent = format!("[agents.y]\nop = \"scan\"\nin = \"x\"\n{params}\n");
    GraphFile::of(&agent).reads::<T>(v, "x").writes("y", "y")
}

fn one<T: Item + Json>(v: &Vector, op: &str, expr: &str) -> GraphFile {
    let agent = format!("[agents.y]\nop = \"{op}\"\nin = \"x\"\nexpr = \"{expr}\"\n");
    GraphFile::of(&agent).reads::<T>(v, "x").writes("y", "y")
}

/// What a function gives for each of IoTPy's special values: nothing, one item, or many.
fn output(given: &Value) -> Vec<i64> {
    match given.as_str() {
        None => vec![given.as_i64().unwrap_or(NULL)],
        Some("_no_value" | "_multivalue([])" | "_unchanged") => vec![],
        Some("_multivalue([20,30])") => vec![20, 30],
        Some("_changed") => vec![1],
        Some(other) => panic!("`{other}` is no special value"),
    }
}

/// What stands for IoTPy's `None` among whole numbers.
const NULL: i64 = i64::MIN;
