use super::*;
use crate::decl::{AgentDecl, Capacity, Overflow, WorkDecl};
use crate::prelude::*;
use crate::resolve::resolve;

/// The agents in one line each: `NAME: WORK(INPUTS) @ WORKER`.
fn lines(decl: &GraphDecl) -> Vec<String> {
    decl.agents.iter().map(line).collect()
}

fn line(agent: &AgentDecl) -> String {
    let work = match &agent.work {
        WorkDecl::Native { kind, step, .. } => {
            let step = step.map_or("".to_owned(), |step| format!(" per {step}"));
            format!("{{{kind}{step}}}")
        }
        WorkDecl::Op { op, params } => {
            let params = params
                .iter()
                .map(|(name, value)| format!(" {}={:?}", name.value, value.value));
            let dtype = agent.dtype.as_ref().map(|d| format!(" dtype={}", d.value));
            let params: String = params.chain(dtype).collect();
            format!("{}{params}", op.value)
        }
    };
    let inputs = agent.inputs.iter().map(|input| match &input.name {
        Some(name) => format!("{name}={}", input.stream.value),
        None => input.stream.value.clone(),
    });
    let inputs: Vec<String> = inputs.collect();
    let worker = agent.worker.as_ref();
    let worker = worker.map_or(String::new(), |w| format!(" @ {}", w.value));
    let name = &agent.name.value;
    format!("{name}: {work}({}){worker}", inputs.join(", "))
}

fn refusals(graph: Graph) -> Vec<String> {
    let refused = graph.into_decl().unwrap_err();
    refused.diagnostics.into_iter().map(|d| d.message).collect()
}

#[test]
fn a_program_makes_what_a_graph_file_makes() {
    let mut g = Graph::new("smooth");
    let raw = g.source("sensor", ops::sine(1_000.0).rate(48_000.0));
    let mean = raw
        .window(8)
        .step(4)
        .map("mean", |w: &[f64]| w.iter().sum::<f64>() / 8.0);
    let total = mean.scan("total", 0.0, |acc: &mut f64, x| {
        *acc += x;
        *acc
    });
    total.sink("print", |x| println!("{x}"));
    g.worker("front").core(0).host([&raw]);
    g.worker("back").core(1).restart(5).host([&mean, &total]);

    let decl = g.into_decl().unwrap();
    assert_eq!(decl.name, "smooth");
    assert_eq!(
        lines(&decl),
        [
            "sensor: sine freq=Float(1000.0) rate=Float(48000.0) dtype=f64() @ front",
            "mean: {window per 4}(sensor) @ back",
            "total: {scan per 1}(mean) @ back",
            "print: {sink}(total)",
        ]
    );
    let workers = decl.workers.iter();
    let workers: Vec<_> = workers
        .map(|w| (w.name.value.as_str(), w.core.value))
        .collect();
    assert_eq!(
        workers,
        [("front", Core::Number(0)), ("back", Core::Number(1))]
    );
    assert_eq!(decl.workers[1].restart, Some(At::nowhere(5)));
}

#[test]
fn several_streams_meet_and_part() {
    let mut g = Graph::new("meet");
    let a = g.source("a", vec![1.0, 2.0, 3.0]);
    let b = g.source("b", from_iter(|| 0..10u32).rate(50.0));
    let c = g.source("c", ops::constant(2.0).dtype::<f32>());
    a.zip(&b).map("two", |a, b| a * f64::from(b));
    a.zip(&b).zip(&c).map("three", |a, _, c| a * f64::from(c));
    a.weave("turns", [&a.delay("late", 3), &a]);
    a.merge("any", [&a]);
    let (_, odd) = b.split("parity", |x| x.is_multiple_of(2));
    let (low, high) = odd.unzip("bytes", |x| (x as u8, (x >> 8) as u8));
    high.sink("high", |_| {});
    low.write("low", ops::print().every(2));
    let sum: Stream<f64> = a.apply("sum", op("zip").with_as("other", &c));
    assert_eq!(sum.name(), "sum");

    assert_eq!(
        lines(&g.into_decl().unwrap()),
        [
            "a: {from_fn}()",
            "b: {from_iter}()",
            "c: const value=Float(2.0) dtype=f32()",
            "two: {zip per 1}(a, b)",
            "three: {zip per 1}(a, b, c)",
            "late: delay items=Int(3)(a)",
            "turns: {weave}(a, late, a)",
            "any: merge(a, a)",
            "parity: {split}(b)",
            "bytes: {unzip per 1}(parity.no)",
            "high: {sink}(bytes.b)",
            "low: print every=Int(2)(bytes.a)",
            "sum: zip(a, other=c)",
        ]
    );
}

#[test]
fn rows_are_of_items_and_of_windows() {
    let mut g = Graph::new("rows");
    let a = g.source("a", vec![1.0, 2.0, 3.0]);
    let b = g.source("b", from_iter(|| 0..10u32));
    zip((&a, b.window(3).step(2), &a)).map("mixed", |(x, w, _)| x + f64::from(w[2]));
    zip([&a, &a.delay("late", 1)]).flat_map("both", |pair: [f64; 2]| pair);
    zip((a.window(4).step(2), b.window(3))).scan("last", 0.0, |sum: &mut f64, (v, w)| {
        *sum += v[3] * f64::from(w[2]);
        *sum
    });
    let (_, big) = zip((&a, &b)).unzip("parts", |(x, n)| (x, (n > 5).then_some(n)));
    big.changes("new").sink("end", |_| {});
    let [low, high] = a.unzip("cut", |x| [x.min(0.0), x.max(0.0)]);
    a.zip_all(&[low, high])
        .map("sum", |x: Vec<f64>| x.iter().sum::<f64>());
    a.window(2)
        .growing()
        .with_state(0u64)
        .sink("count", |n, w| *n += w.len() as u64);
    b.route("third", 3, |x| *x as usize % 3);
    b.weave_runs("pairs", 2, [(&b, 1)]);
    assert_eq!(
        lines(&g.into_decl().unwrap()),
        [
            "a: {from_fn}()",
            "b: {from_iter}()",
            "mixed: {zip per 1}(a, b, a)",
            "late: delay items=Int(1)(a)",
            "both: {zip}(a, late)",
            "last: {zip per 2}(a, b)",
            "parts: {zip}(a, b)",
            "new: {window}(parts.b)",
            "end: {sink}(new)",
            "cut: {unzip per 1}(a)",
            "sum: {zip per 1}(a, cut.0, cut.1)",
            "count: {window}(a)",
            "third: {route}(b)",
            "pairs: {weave}(b, b)",
        ]
    );
}

#[test]
fn operators_make_agents_with_names_of_their_own() {
    let mut g = Graph::new("sums");
    let a = g.source("a", vec![1.0, 2.0, 3.0]);
    let b = g.source("Add", vec![5.0]);
    let sum = &a + &b;
    let ratio: Stream<f64> = (2.0 * sum - 1.0) / -&a;
    ratio.gt(&b).sink("end", |_| {});
    assert_eq!(
        lines(&g.into_decl().unwrap()),
        [
            "a: {from_fn}()",
            "Add: {from_fn}()",
            "add2: {zip per 1}(a, Add)",
            "mul: {map per 1}(add2)",
            "sub: {map per 1}(mul)",
            "neg: {map per 1}(a)",
            "div: {zip per 1}(sub, neg)",
            "gt: {zip per 1}(div, Add)",
            "end: {sink}(gt)",
        ]
    );
}

#[test]
fn windows_that_are_none_are_refused_wherever_they_stand() {
    let mut g = Graph::new("none");
    let x = g.source("x", vec![1.0]);
    zip((&x, x.window(0))).map("pairs", |(x, _)| x);
    zip([x.window(3).step(0), x.window(3)]).map("list", |[w, _]| w[0]);
    x.striding("far", 0, (), |(), w: &[f64]| (Some(w[0]), 1));
    let growth = Growth {
        min: 3,
        max: 2,
        step: 1,
    };
    x.dynamic_window("tide", growth, (), |(), w: &[f64]| (w[0], false));
    let timed = x.map("timed", |seconds| Timed {
        seconds,
        value: seconds,
    });
    timed.timed_window(0.0).map("second", |w| w[0].value);
    timed
        .timed_window(1.0)
        .wait(-1.0)
        .map("late", |w| w[0].value);
    assert_eq!(
        refusals(g),
        [
            "`pairs` is a window of 0 items every 1 items; both must be at least 1",
            "`list` is a window of 3 items every 0 items; both must be at least 1",
            "`far` is a window of 0 items every 1 items; both must be at least 1",
            "`tide` grows from 3 to 2 items by 1; all must be at least 1, and the first not above the second",
            "`second` is windows of 0 s every 0 s from 0 s on, with a wait of 0 s, of at most 16384 items",
            "`late` is windows of 1 s every 1 s from 0 s on, with a wait of -1 s, of at most 16384 items",
        ]
    );
}

#[test]
fn a_closure_agent_has_the_item_types_of_its_closure() {
    let mut g = Graph::new("types");
    let a = g.source("a", from_fn(|n| Some(n as f32)));
    a.map("pair", |x| [f64::from(x), 0.0]);
    let decl = g.into_decl().unwrap();
    let WorkDecl::Native { blueprint, .. } = &decl.agents[1].work else {
        panic!("a closure's agent is native");
    };
    let blueprint = blueprint.take().unwrap();
    assert_eq!(blueprint.inputs[0].item_type.to_string(), "f32");
    assert_eq!(blueprint.outputs[0].item_type.to_string(), "f64[2]");
}

#[test]
fn a_cycle_is_closed_through_a_delay() {
    let mut g = Graph::new("echo");
    let x = g.source("x", ops::counter().items(5).dtype::<f64>());
    let back = g.feedback::<f64>("back", 2, 0.0);
    let echo = x.zip(&back.stream()).map("echo", |x, y| x + y / 2.0);
    back.close(&echo);
    assert_eq!(
        lines(&g.into_decl().unwrap()),
        [
            "x: counter items=Int(5) dtype=f64()",
            "back: delay items=Int(2) initial=Float(0.0) dtype=f64(echo)",
            "echo: {zip per 1}(x, back)",
        ]
    );
}

#[test]
fn a_cycle_that_is_not_closed_is_refused() {
    let mut g = Graph::new("open");
    let [left, right] = ["left", "right"].map(|name| g.feedback::<f64>(name, 1, 0.0));
    right.close(&left.stream());
    assert_eq!(refusals(g), ["the loop through `left` is not closed"]);
}

#[test]
fn settings_of_a_stream_and_of_an_agent_are_written_down_once() {
    let mut g = Graph::new("settings");
    let x = g
        .source("x", ops::counter())
        .capacity(4096)
        .overflow(Overflow::Latest)
        .restart(2)
        .on_error(OnError::Skip);
    x.sink("end", |_| {}).restart(1);
    let decl = g.into_decl().unwrap();
    let [stream] = &decl.streams[..] else {
        panic!("one stream has settings: {:?}", decl.streams);
    };
    assert_eq!(stream.name.value, "x");
    assert_eq!(stream.capacity, Some(At::nowhere(Capacity::Items(4096))));
    assert_eq!(stream.overflow.value, Overflow::Latest);
    assert_eq!(decl.agents[0].restart, Some(At::nowhere(2)));
    assert_eq!(decl.agents[0].on_error, Some(At::nowhere(OnError::Skip)));
    assert_eq!(decl.agents[1].restart, Some(At::nowhere(1)));
}

#[test]
fn handles_that_are_mixed_up_are_refused_and_named() {
    let mut other = Graph::new("other");
    let foreign = other.source("foreign", ops::counter());
    let mut g = Graph::new("here");
    let x = g.source("x", ops::counter());
    x.zip(&foreign).map("pairs", |a, b| a + b);
    g.worker("front").host([&foreign, &x]);
    g.worker("back").host([&x]);
    x.window(0).map("nothing", |w: &[i64]| w[0]);
    assert_eq!(
        refusals(g),
        [
            "`foreign` is read here, in the graph `here`, and belongs to the graph `other`",
            "`foreign` is hosted here, in the graph `here`, and belongs to the graph `other`",
            "the agent `x` is placed on the workers `front` and `back`",
            "`nothing` is a window of 0 items every 1 items; both must be at least 1",
        ]
    );
}

#[test]
fn types_and_rates_travel_through_closures() {
    let mut g = Graph::new("rates");
    let raw = g.source("raw", ops::sine(1_000.0).rate(48_000.0).dtype::<f32>());
    let mean = raw.window(8).step(4).map("mean", |w: &[f32]| w[0]);
    let wide = mean.map("wide", f64::from);
    let half = wide.apply("half", ops::decimate(2));
    let some = half.filter("some", |x| *x > 0.0);
    half.zip(&some)
        .map("pair", |a, b| [a, b])
        .sink("end", |_| {});
    let (resolved, warnings) = resolve(g.into_decl().unwrap()).unwrap();
    assert_eq!(warnings, []);
    let streams = resolved.streams.iter().map(|s| {
        let rate = s.rate.map_or("unknown".to_owned(), |rate| rate.to_string());
        format!("{}: {} at {rate}", s.name, s.item_type)
    });
    let mut streams: Vec<String> = streams.collect();
    streams.sort();
    assert_eq!(
        streams,
        [
            "half: f64 at 6000",
            "mean: f32 at 12000",
            "pair: f64[2] at 6000",
            "raw: f32 at 48000",
            "some: f64 at unknown",
            "wide: f64 at 12000",
        ]
    );
}

#[test]
fn what_is_made_within_scopes_has_their_names() {
    fn pass(x: &Stream<f64>) -> Stream<f64> {
        let y = x.map("y", |x| x);
        &y + 1.0
    }
    let mut g = Graph::new("scopes");
    let x = g.source("x", vec![1.0]);
    let left = g.scope("left", |_| pass(&x));
    let right = g.scope("right", |g| g.scope("inner", |_| pass(&left)));
    right.sink("y", |_| {});
    let decl = g.into_decl().unwrap();
    assert_eq!(
        lines(&decl),
        [
            "x: {from_fn}()",
            "left.y: {map per 1}(x)",
            "left.add: {map per 1}(left.y)",
            "right.inner.y: {map per 1}(left.add)",
            "right.inner.add: {map per 1}(right.inner.y)",
            "y: {sink}(right.inner.add)",
        ]
    );
    resolve(decl).unwrap();
}

#[test]
fn names_that_scopes_cannot_have_are_refused() {
    let mut g = Graph::new("scopes");
    g.scope("a.b", |_| ());
    assert!(refusals(g)[0].contains("`a.b` cannot name a scope"));

    let refused = |make: fn(&mut Graph, &Stream<f64>)| {
        let mut g = Graph::new("scopes");
        let x = g.source("x", vec![1.0]);
        make(&mut g, &x);
        let refused = resolve(g.into_decl().unwrap()).unwrap_err();
        let first = &refused.diagnostics[0];
        format!(
            "{} / {}",
            first.message,
            first.help.as_deref().unwrap_or("")
        )
    };
    let twice = refused(|g, x| {
        g.scope("s", |_| x.sink("y", |_| {}));
        g.scope("s", |_| x.sink("y", |_| {}));
    });
    assert!(twice.contains("two agents are called `s.y`"), "{twice}");
    assert!(twice.contains("g.scope("), "{twice}");
    let taken = refused(|g, x| {
        g.scope("x", |_| x.sink("y", |_| {}));
    });
    assert!(taken.contains("`x` is called as a scope"), "{taken}");
    let dotted = refused(|g, x| {
        g.scope("s", |_| x.sink("y.z", |_| {}));
    });
    assert!(dotted.contains("cannot name an agent"), "{dotted}");
    let long = refused(|g, x| {
        let name = "s".repeat(40);
        g.scope(&name, |_| x.sink(&"y".repeat(40), |_| {}));
    });
    assert!(long.contains("at most 64"), "{long}");
}

#[test]
fn every_method_that_names_an_agent_tells_who_called_it() {
    let sources = [
        include_str!("../graph.rs"),
        include_str!("../stream.rs"),
        include_str!("../text.rs"),
        include_str!("../trigger.rs"),
        include_str!("../joins.rs"),
        include_str!("../rows.rs"),
        include_str!("../timed.rs"),
    ];
    let mut seen = 0;
    for source in sources {
        let ours = source.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<&str> = ours.lines().collect();
        for (nth, line) in lines.iter().enumerate() {
            let signature: String = lines[nth..].iter().take(12).copied().collect();
            let head = signature.split('{').next().unwrap();
            let is_made = [
                "Stream<",
                "Sink",
                "Streams",
                "Collected<",
                "Feedback<",
                "Queue<",
            ];
            if line.trim_start().starts_with("pub fn ")
                && head.contains("name: &str")
                && is_made.iter().any(|made| head.contains(made))
            {
                seen += 1;
                assert_eq!(lines[nth - 1].trim(), "#[track_caller]", "{line}");
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn a_stream_of_another_type_than_the_closure_takes_is_refused() {
    let mut g = Graph::new("types");
    let x: Stream<f64> = g.source("x", op("counter").dtype::<u8>());
    x.map("double", |x| 2.0 * x).sink("end", |_| {});
    let named_alike = g.source("x", ops::counter());
    named_alike.sink("End", |_| {});
    let refused = resolve(g.into_decl().unwrap()).unwrap_err();
    let messages: Vec<&str> = refused
        .diagnostics
        .iter()
        .map(|d| d.message.as_str())
        .collect();
    for words in [
        ["`double`", "f64", "u8"],
        ["`x`", "`x`", ""],
        ["`End`", "`end`", ""],
    ] {
        assert!(
            messages.iter().any(|m| words.iter().all(|w| m.contains(w))),
            "{words:?} in {messages:#?}"
        );
    }
}

#[test]
fn a_cycle_carries_the_type_of_its_closures() {
    let mut g = Graph::new("cycle");
    let x = g.source("x", ops::counter().dtype::<f32>());
    let back = g.feedback::<f32>("back", 2, 0.0);
    let echo = x.zip(&back.stream()).map("echo", |x, y| x + y / 2.0);
    echo.write("end", ops::null());
    back.close(&echo);
    let (resolved, _) = resolve(g.into_decl().unwrap()).unwrap();
    let back = resolved.streams.iter().find(|s| s.name == "back").unwrap();
    assert_eq!(back.item_type.to_string(), "f32");
}
