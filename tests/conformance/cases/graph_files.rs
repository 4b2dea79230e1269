//! Graph files for what other modules do in Rust: no function of a user's is needed for it.

use crate::judge::{Case, GraphFile, file};
use crate::vector::Vector;

pub const CASES: &[Case] = &[
    file(
        &[
            "map_window_w1_s1",
            "map_window_w1_s4",
            "map_window_w2_s3",
            "map_window_w2_s5",
            "map_window_w3_s2",
            "map_window_w4_s4",
            "map_window_w21_s1",
            "v2_sliding_window_w2_s5",
            "v2_sliding_window_w3_s2",
        ],
        |v| {
            let graph = graph(&[("y", blocks("x", size(v), step(v)))]);
            let graph = graph.reads::<i64>(v, "x");
            graph.writes_lists("y", &["y"], &[size(v) as usize])
        },
    ),
    file(&["map_element_multivalue_empty"], |v| {
        let times = "op = 'flat_map'; in = 'x'; expr = 'x'; times = 'x'".to_owned();
        graph(&[("y", times)]).reads::<i64>(v, "x").writes("y", "y")
    }),
    file(&["map_window_list_demean"], |v| {
        flattened(v, "x - mean(x)").reads::<f64>(v, "x")
    }),
    file(&["map_window_list_overlap"], |v| {
        flattened(v, "10 * x").reads::<i64>(v, "x")
    }),
    file(&["subtract_mean_window", "v2_subtract_mean"], |v| {
        let window = blocks("x", size(v), 1);
        let graph = graph(&[("w", window), ("y", map("w", "x[-1] - mean(x)"))]);
        graph.reads::<f64>(v, "x").writes("y", "y")
    }),
    // Of rows: each column has windows of its own.
    file(&["v2_subtract_mean_array"], |v| {
        let graph = graph(&[
            ("columns", "op = 'unstack'; in = 'x'".to_owned()),
            ("v", blocks("columns.0", size(v), 1)),
            ("w", blocks("columns.1", size(v), 1)),
            ("a", map("v", "x[-1] - mean(x)")),
            ("b", map("w", "x[-1] - mean(x)")),
        ]);
        let graph = graph.reads::<[f64; 2]>(v, "x");
        graph.writes_lists("y", &["a", "b"], &[2])
    }),
    file(&["window_dot_product"], |v| {
        let [a, b] = v.param::<[i64; 2]>("multiplicand_vector");
        let product = format!("{a} * x[0] + {b} * x[1]");
        let graph = graph(&[("w", blocks("x", 2, 1)), ("y", map("w", &product))]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    file(&["map_window_stateful"], |v| {
        let scan = "op = 'scan'; in = 'w'; next = 's + 1'; expr = 'sum(x) + s'".to_owned();
        let graph = graph(&[("w", blocks("x", size(v), step(v))), ("y", scan)]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    file(&["split_window"], |v| {
        let graph = graph(&[
            ("w", blocks("x", size(v), step(v))),
            ("a", map("w", "max(x)")),
            ("b", map("w", "min(x)")),
        ]);
        let graph = graph.reads::<i64>(v, "x");
        graph.writes("a", "a").writes("b", "b")
    }),
    file(&["merge_window_w3_s2", "merge_window_w3_s3"], |v| {
        let graph = graph(&[
            ("v", blocks("x", size(v), step(v))),
            ("w", blocks("y", size(v), step(v))),
        ]);
        both(v, graph).writes_lists("z", &["v", "w"], &[3, 3])
    }),
    file(&["merge_multiple_windows"], |v| {
        let [sizes, steps] = ["window_sizes", "step_sizes"].map(|name| v.param::<[u64; 2]>(name));
        let graph = graph(&[
            ("v", blocks("x", sizes[0], steps[0])),
            ("w", blocks("y", sizes[1], steps[1])),
        ]);
        both(v, graph).writes_lists("z", &["v", "w"], &[3, 2])
    }),
    file(&["merge_window_stateful_initial"], |v| {
        let graph = graph(&[
            ("v", blocks("x", size(v), step(v))),
            ("w", blocks("y", size(v), step(v))),
            ("sums", zip("sum(a) + sum(b)", "v", "w")),
            (
                "counted",
                "op = 'scan'; in = 'sums'; next = 's + 1'; expr = 'x + s'".to_owned(),
            ),
            (
                "z",
                "op = 'delay'; in = 'counted'; items = 2; initial = -1".to_owned(),
            ),
        ]);
        both(v, graph).writes("z", "z")
    }),
    file(&["basics_prepend"], |v| {
        let graph = graph(&[(
            "y",
            "op = 'delay'; in = 'x'; items = 2; initial = [7, 8]".to_owned(),
        )]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    file(&["split_element", "split_list"], |v| {
        let graph = graph(&[("parts", "op = 'route'; in = 'x'; expr = 'x % 2'".to_owned())]);
        let graph = graph.reads::<i64>(v, "x");
        graph.writes("a", "parts.1").writes("b", "parts.0")
    }),
    file(&["zip_then_unzip"], |v| {
        let graph = graph(&[
            ("rows", "op = 'zip'; in = ['x', 'y']".to_owned()),
            ("parts", "op = 'unstack'; in = 'rows'".to_owned()),
        ]);
        both(v, graph).writes("a", "parts.0").writes("b", "parts.1")
    }),
    file(&["split_tuple"], |v| {
        let graph = graph(&[("parts", "op = 'unstack'; in = 'x'".to_owned())]);
        let graph = graph.reads::<[i64; 3]>(v, "x").writes("a", "parts.0");
        graph.writes("b", "parts.1").writes("c", "parts.2")
    }),
    file(&["multi_element"], |v| {
        let graph = graph(&[
            ("a", zip("a + b", "x", "y")),
            ("b", zip("max(a, b)", "x", "y")),
        ]);
        both(v, graph).writes("a", "a").writes("b", "b")
    }),
    file(&["multi_list"], |v| {
        let graph = graph(&[("a", zip("a + b", "x", "y")), ("b", zip("a * b", "x", "y"))]);
        both(v, graph).writes("a", "a").writes("b", "b")
    }),
    file(&["merge_asynch_batch"], |v| {
        let graph = graph(&[("m", MERGE.to_owned())]);
        both(v, graph).writes_lists("z", &["m.index", "m"], &[2])
    }),
    file(&["mix_then_separate"], |v| {
        let graph = graph(&[
            ("m", MERGE.to_owned()),
            ("pairs", zip("b > 0 ? -1 - a : a", "m", "m.index")),
            (
                "parts",
                "op = 'route'; in = 'pairs'; expr = 'x < 0'".to_owned(),
            ),
            ("second", map("parts.1", "-1 - x")),
        ]);
        both(v, graph).writes("a", "parts.0").writes("b", "second")
    }),
    file(&["v2_join_asynch"], |v| {
        let graph = graph(&[("m", MERGE.to_owned()), ("z", map("m", "3 * x"))]);
        both(v, graph).writes("z", "z")
    }),
    file(&["fmap_e_composition"], |v| {
        let graph = graph(&[
            ("sums", "op = 'scan'; in = 'x'; next = 's + x'".to_owned()),
            (
                "y",
                "op = 'filter'; in = 'sums'; expr = 'x > 25'".to_owned(),
            ),
        ]);
        graph.reads::<i64>(v, "x").writes("y", "y")
    }),
    file(&["stream_to_list_stateful"], |v| {
        counted(v).writes("list", "y")
    }),
    file(&["sink_element_stateful"], |v| {
        counted(v).writes("sunk", "y")
    }),
    // Three agents keep their first item, their prime, and pass what it does not divide.
    file(&["basics_sieve"], |v| {
        let sieve = |input: &str| {
            format!(
                "op = 'scan'; in = '{input}'; next = 's == 0 ? x : s'; keep = 's != 0 && x % s != 0'; expr = 'x'"
            )
        };
        let graph = graph(&[
            ("two", sieve("x")),
            ("three", sieve("two")),
            ("five", sieve("three")),
            ("primes", "op = 'concat'; in = ['first', 'five']".to_owned()),
            (
                "known",
                "op = 'filter'; in = 'x'; expr = 'x == 2 || x == 3 || x == 5'".to_owned(),
            ),
            ("first", "op = 'head'; in = 'known'; items = 3".to_owned()),
        ]);
        graph.reads::<i64>(v, "x").writes("primes", "primes")
    }),
    file(&["timed_window_sum_float_times"], |v| {
        let graph = graph(&[
            ("t", "op = 'timed'; in = 'x'".to_owned()),
            (
                "y",
                "op = 'timed.window'; in = 't'; duration = '4 s'; fn = 'sum'".to_owned(),
            ),
        ]);
        graph.reads::<[f64; 2]>(v, "x").writes("y", "y")
    }),
    file(&["timed_window_stateful"], |v| {
        let graph = graph(&[
            ("t", "op = 'timed'; in = 'x'".to_owned()),
            (
                "counts",
                "op = 'timed.window'; in = 't'; duration = '4 s'; fn = 'count'".to_owned(),
            ),
            ("parts", "op = 'unstack'; in = 'counts'".to_owned()),
            (
                "sums",
                "op = 'scan'; in = 'parts.x'; next = 's + 1'; expr = 'x + s'".to_owned(),
            ),
        ]);
        let graph = graph.reads::<[f64; 2]>(v, "x");
        graph.writes_lists("y", &["parts.t", "sums"], &[2])
    }),
    file(&["echo_prepend"], |v| {
        echo(v, "x", v.param("D"), v.param("A"))
    }),
    file(&["multicore_echo_feedback"], |v| {
        echo(v, "made", v.param("delay"), v.param("attenuation"))
    }),
    file(&["reverb_dispersive"], |v| {
        let weights = v.param::<[f64; 5]>("attenuation_vector");
        let terms = weights.iter().enumerate();
        let terms: Vec<String> = terms.map(|(k, w)| format!("{w} * x[{k}]")).collect();
        let delay = format!(
            "op = 'delay'; in = 'dispersed'; items = {}",
            v.param::<u64>("delay")
        );
        let graph = graph(&[
            ("heard", zip("a + b", "x", "echo")),
            ("w", blocks("heard", 5, 1)),
            ("dispersed", map("w", &terms.join(" + "))),
            ("echo", delay),
        ]);
        let graph = graph.reads::<f64>(v, "x");
        graph.writes("heard", "heard").writes("echo", "echo")
    }),
    file(&["v2_bandpass_iir_order4"], |v| {
        let graph = graph(&[("y", butterworth(v))]);
        graph.reads::<f64>(v, "x").writes("y", "y")
    }),
    file(&["lfilter_reference"], |v| {
        let fir = "op = 'fir.bandpass'; in = 'x'; low = 1.0; high = 5.0; rate = '50 Hz'; numtaps = 201; window = 'blackmanharris'";
        let graph = graph(&[("iir", butterworth(v)), ("fir", fir.to_owned())]);
        let graph = graph.reads::<f64>(v, "x");
        graph.writes("iir", "iir").writes("fir", "fir")
    }),
    file(
        &["multicore_two_processes_d", "multicore_two_processes_x"],
        |v| {
            let graph = graph(&[
                ("p0", map("x", "x + 100") + "; worker = 'w0'"),
                (
                    "p1",
                    map("p0", "x") + "; worker = 'w1'; [workers.w0]; [workers.w1]",
                ),
            ]);
            graph.reads::<f64>(v, "x").writes("q", "p1")
        },
    ),
];

const MERGE: &str = "op = 'merge'; in = ['x', 'y']; index = true";

/// Agents by their names, the keys of each with `;` between them.
pub(super) fn graph(agents: &[(&str, String)]) -> GraphFile {
    let agents = agents
        .iter()
        .map(|(name, keys)| format!("[agents.{name}]\n{}\n", keys.replace("; ", "\n")));
    GraphFile::of(&agents.collect::<String>())
}

/// The streams `x` and `y` of whole numbers.
pub(super) fn both(v: &Vector, graph: GraphFile) -> GraphFile {
    graph.reads::<i64>(v, "x").reads::<i64>(v, "y")
}

pub(super) fn size(v: &Vector) -> u64 {
    v.param("window_size")
}

pub(super) fn step(v: &Vector) -> u64 {
    v.param("step_size")
}

pub(super) fn blocks(input: &str, size: u64, step: u64) -> String {
    format!("op = 'blocks'; in = '{input}'; size = {size}; step = {step}")
}

pub(super) fn map(input: &str, expr: &str) -> String {
    format!("op = 'map'; in = '{input}'; expr = '{expr}'")
}

pub(super) fn zip(expr: &str, a: &str, b: &str) -> String {
    format!("op = 'zip'; in = {{ a = '{a}', b = '{b}' }}; expr = '{expr}'")
}

/// Each window's expression, its elements one after the other.
fn flattened(v: &Vector, expr: &str) -> GraphFile {
    let graph = graph(&[
        ("w", blocks("x", size(v), step(v))),
        ("each", map("w", expr)),
        ("y", "op = 'flatten'; in = 'each'".to_owned()),
    ]);
    graph.writes("y", "y")
}

/// Each item, and how many there were before it.
fn counted(v: &Vector) -> GraphFile {
    let scan = "op = 'scan'; in = 'x'; next = 's + 1'; expr = 'x + s'".to_owned();
    graph(&[("y", scan)]).reads::<i64>(v, "x")
}

fn echo(v: &Vector, spoken: &str, delay: u64, attenuation: f64) -> GraphFile {
    let heard = format!("a + {attenuation} * b");
    let echo = format!("op = 'delay'; in = 'heard'; items = {delay}");
    let graph = graph(&[("heard", zip(&heard, spoken, "echo")), ("echo", echo)]);
    graph.reads::<f64>(v, spoken).writes("heard", "heard")
}

/// The Butterworth band-pass that the vector's coefficients are of.
pub(super) fn butterworth(v: &Vector) -> String {
    let [low, high, rate] = ["lowcut", "highcut", "fs"].map(|name| v.param::<f64>(name));
    let order = v.param::<u64>("order");
    format!(
        "op = 'iir.bandpass'; in = 'x'; low = {low:?}; high = {high:?}; rate = {rate:?}; order = {order}"
    )
}
