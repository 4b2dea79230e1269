use std::path::PathBuf;

use super::*;
use crate::diag::Severity;
use crate::file::parse;
use crate::resolve::resolve;
use crate::resolved::Resolved;
use crate::sets::apply_sets;

/// Scales by a parameter, and adds the scaled stream to the plain one.
const PART: &str = r#"
[graphs.times]
inputs = ["x"]
outputs = "by"
params = { factor = 2.0 }
[graphs.times.agents.by]
op = "map"
in = "x"
expr = "x * $factor"

[graphs.trio]
inputs = "dry"
outputs = { wet = "sum", late = "slow.only" }
[graphs.trio.params]
items = { type = "integer", doc = "how late" }
gain = 0.5
host = "w"
[graphs.trio.agents.slow]
op = "late"
in = "quiet"
items = "$items"
[graphs.trio.agents.quiet]
op = "times"
in = "dry"
factor = "$gain"
worker = "$host"
[graphs.trio.agents.sum]
op = "zip"
in = ["dry", "slow.only"]
expr = "a + b"
[graphs.trio.streams.sum]
capacity = 4096

[graphs.late]
inputs = ["y"]
outputs = ["only"]
params.items = 1
agents.only = { op = "delay", in = "y", items = "$items" }

[workers.w]
[workers.v]
"#;

const USE: &str = r#"
[agents.src]
op = "counter"
dtype = "f64"
items = 10
[agents.left]
op = "trio"
in = "src"
items = 3
worker = "v"
[agents.right]
op = "trio"
in = { dry = "left.late" }
items = 1
gain = -1
[agents.both]
op = "merge"
in = ["left.wet", "right.wet"]
[agents.out]
op = "null"
in = "both"
[streams.right.wet]
capacity = 100
[streams."left.quiet.by"]
capacity = 200
"#;

fn judged(text: &str, sets: &[&str]) -> Result<(Resolved, Vec<Diagnostic>), Refused> {
    let mut graph = parse(text.to_owned(), "g.toml", "g", PathBuf::new())?;
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    apply_sets(&mut graph, &sets)?;
    resolve(graph)
}

/// Every agent as `worker: name = op <- streams`, every stream that has a capacity.
fn shape(graph: &Resolved) -> Vec<String> {
    let agents = graph.agents.iter().map(|agent| {
        let inputs: Vec<&str> = agent
            .inputs
            .iter()
            .map(|s| graph.streams[*s].name.as_str())
            .collect();
        let worker = agent
            .worker
            .map_or("", |at| graph.workers[at].name.value.as_str());
        format!(
            "{worker}: {} = {} <- {}",
            agent.name,
            agent.op,
            inputs.join(" ")
        )
    });
    let streams = graph.streams.iter().filter_map(|stream| {
        let (capacity, _) = stream.capacity.as_ref()?;
        Some(format!("{} {capacity:?}", stream.name))
    });
    agents.chain(streams).collect()
}

#[test]
fn a_use_stands_for_its_agents() {
    let (graph, warnings) = judged(&format!("{PART}{USE}"), &[]).unwrap();
    assert_eq!(warnings, []);
    let expected = [
        ": src = counter <- ",
        "w: left.quiet.by = map <- src",
        "v: left.slow.only = delay <- left.quiet.by",
        "v: left.sum = zip <- src left.slow.only",
        "w: right.quiet.by = map <- left.slow.only",
        ": right.slow.only = delay <- right.quiet.by",
        ": right.sum = zip <- left.slow.only right.slow.only",
        ": both = merge <- left.sum right.sum",
        ": out = null <- both",
        "left.quiet.by Items(200)",
        "left.sum Items(4096)",
        "right.sum Items(100)",
    ];
    assert_eq!(shape(&graph), expected);
}

fn refusal(text: &str, sets: &[&str]) -> String {
    match judged(text, sets) {
        Ok(_) => panic!("accepted: {text}"),
        Err(refused) => refused.to_string(),
    }
}

/// The text with one part of it replaced.
fn with(part: &str, by: &str) -> String {
    let text = format!("{PART}{USE}");
    assert!(text.contains(part), "{part}");
    text.replacen(part, by, 1)
}

#[test]
fn values_reach_the_operators() {
    let (graph, _) = judged(
        &format!("{PART}{USE}"),
        &["left.gain=4", "right.slow.only.items=7"],
    )
    .unwrap();
    let ahead = |name: &str| {
        let agent = graph
            .agents
            .iter()
            .find(|agent| agent.name == name)
            .unwrap();
        agent.blueprint.outputs[0].ahead
    };
    assert_eq!((ahead("left.slow.only"), ahead("right.slow.only")), (3, 7));
}

#[test]
fn what_is_wrong_is_told_with_both_places() {
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        // In the use.
        (
            "op = \"trio\"",
            "op = \"tria\"",
            &[],
            &["no operator `tria`", "did you mean `trio`?"],
        ),
        (
            "items = 3\nworker",
            "item = 3\nworker",
            &[],
            &[
                "no parameter `item`",
                "g.toml:50:1",
                "did you mean `items`?",
                "g.toml:11:9",
            ],
        ),
        (
            "items = 3\nworker",
            "worker",
            &[],
            &[
                "`trio` needs `items`",
                "it has no default",
                "a whole number",
            ],
        ),
        (
            "items = 3\nworker",
            "items = 3.5\nworker",
            &[],
            &[
                "`items` of sub-graph `trio` is the number 3.5",
                "should be a whole number",
                "declared here",
            ],
        ),
        (
            "in = { dry = \"left.late\" }",
            "in = { dri = \"left.late\" }",
            &[],
            &[
                "no input `dri`",
                "did you mean `dry`?",
                "input `dry` of sub-graph `trio` is given nothing",
            ],
        ),
        (
            "in = \"src\"\nitems = 3",
            "items = 3",
            &[],
            &[
                "input `dry` of sub-graph `trio` is given nothing",
                "g.toml:12:10",
                "in = { dry = \"STREAM\" }",
            ],
        ),
        (
            "in = \"src\"\nitems = 3",
            "in = [\"src\", \"src\"]\nitems = 3",
            &[],
            &["has 1 inputs, and is given 2"],
        ),
        (
            "\"left.wet\", ",
            "\"left.wett\", ",
            &[],
            &["no output `wett`", "did you mean `left.wet`?"],
        ),
        (
            "\"left.wet\", ",
            "\"left\", ",
            &[],
            &["has 2 outputs", "which of them?", "left.wet, left.late"],
        ),
        (
            "\"left.wet\", ",
            "\"left.sum\", ",
            &[],
            &["no output `sum`"],
        ),
        (
            "worker = \"v\"",
            "dtype = \"f32\"",
            &[],
            &["which has no `dtype` of its own"],
        ),
        (
            "[streams.right.wet]",
            "[streams.right.sim]",
            &[],
            &["there is no stream `right.sim`"],
        ),
        // In the sub-graph, seen from a use.
        (
            "expr = \"a + b\"",
            "expr = \"a + \"",
            &[],
            &[
                "agent `left.sum`",
                "agent `right.sum`",
                "g.toml:30:8",
                "in the use `left`",
                "g.toml:47:9",
            ],
        ),
        (
            "items = \"$items\"\n[graphs.trio.agents.quiet]",
            "item = 1\n[graphs.trio.agents.quiet]",
            &[],
            &[
                "agent `left.slow`: sub-graph `late` has no parameter `item`",
                "in the use `left`",
            ],
        ),
        (
            "expr = \"x * $factor\"",
            "expr = \"x * $factor\"\ncutoff = 3",
            &[],
            &[
                "agent `left.quiet.by`: `map` has no parameter `cutoff`",
                "in the use `left.quiet`",
                "in the use `left`",
            ],
        ),
        (
            "gain = -1",
            "host = \"z\"",
            &[],
            &["agent `right.quiet.by` names the worker `z`"],
        ),
        // In the sub-graph itself, whether it is used or not.
        (
            "op = \"zip\"\nin = [\"dry\"",
            "op = \"zipp\"\nin = [\"dry\"",
            &[],
            &[
                "agent `sum` of sub-graph `trio`: there is no operator `zipp`",
                "did you mean `zip`?",
            ],
        ),
        (
            "op = \"map\"",
            "op = \"$factor\"",
            &[],
            &["`op` is no place for a parameter"],
        ),
        (
            "$factor",
            "$facto",
            &[],
            &[
                "sub-graph `times` has no parameter `facto`",
                "did you mean `$factor`?",
            ],
        ),
        (
            "in = \"quiet\"",
            "in = \"quiett\"",
            &[],
            &[
                "agent `slow` of sub-graph `trio` reads `quiett`",
                "did you mean `quiet`?",
            ],
        ),
        (
            "in = [\"dry\", \"slow.only\"]",
            "in = [\"dry\", \"slow.onli\"]",
            &[],
            &["`slow.onli`", "did you mean `slow.only`?"],
        ),
        (
            "in = [\"dry\", \"slow.only\"]",
            "in = [\"dry\", \"src\"]",
            &[],
            &["reads `src`, which is neither an input nor an agent of it"],
        ),
        (
            "outputs = \"by\"",
            "outputs = \"bye\"",
            &[],
            &[
                "output `bye` of sub-graph `times` comes from no agent",
                "did you mean `by`?",
            ],
        ),
        (
            "outputs = \"by\"",
            "outputs = \"x\"",
            &[],
            &[
                "output `x` of sub-graph `times` is its input",
                "op = \"copy\"",
            ],
        ),
        (
            "wet = \"sum\"",
            "quiet = \"sum\"",
            &[],
            &["called as an agent that it does not come from"],
        ),
        (
            "inputs = \"dry\"",
            "inputs = [\"dry\", \"sum\"]",
            &[],
            &["are called `sum`"],
        ),
        (
            "inputs = \"dry\"",
            "inputs = 3",
            &[],
            &["`inputs` is the whole number 3"],
        ),
        (
            "inputs = \"dry\"",
            "input = \"dry\"",
            &[],
            &["`input` is no key of a sub-graph", "did you mean `inputs`?"],
        ),
        (
            "host = \"w\"",
            "worker = \"w\"",
            &[],
            &["`worker` cannot name a parameter"],
        ),
        (
            "doc = \"how late\"",
            "dok = \"how late\"",
            &[],
            &["`dok` is no key of a parameter"],
        ),
        (
            "type = \"integer\", ",
            "",
            &[],
            &["neither `type` nor `default`"],
        ),
        (
            "type = \"integer\"",
            "type = \"text\", default = 3",
            &[],
            &["`default` is the whole number 3, and should be a text"],
        ),
        ("type = \"integer\"", "type = \"int\"", &[], &["`type` is"]),
        (
            "[graphs.late]",
            "[graphs.delay]",
            &[],
            &["`delay` is an operator"],
        ),
        (
            "[graphs.times.agents.by]\nop = \"map\"",
            "[graphs.times.agents.by]",
            &[],
            &["agent `by` names no `op`"],
        ),
        (
            "[graphs.times.agents.by]",
            "[graphs.empty]\n[graphs.times.agents.by]",
            &[],
            &["sub-graph `empty` has no agent"],
        ),
        (
            "op = \"delay\"",
            "op = \"trio\"",
            &[],
            &[
                "uses itself: trio -> late -> trio",
                "used in `trio`",
                "used in `late`",
            ],
        ),
        (
            "op = \"delay\"",
            "op = \"late\"",
            &[],
            &["sub-graph `late` uses itself: late -> late"],
        ),
        // From `--set`.
        (
            "",
            "",
            &["left.gian=2"],
            &["no parameter `gian`", "did you mean `gain`?"],
        ),
        (
            "",
            "",
            &["left.sun.expr=2"],
            &["there is no agent `left.sun`", "did you mean `left.sum`?"],
        ),
        (
            "",
            "",
            &["left.sum.exp=2"],
            &[
                "agent `left.sum`: `zip` has no parameter `exp`",
                "--set:1:10",
            ],
        ),
    ];
    let mut missing = Vec::new();
    for (part, by, sets, words) in cases {
        let said = refusal(&with(part, by), sets);
        for words in *words {
            if !said.contains(words) {
                missing.push(format!("no {words:?} for {by:?} {sets:?}:\n{said}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_nobody_uses_is_warned_of() {
    let text = with("expr = \"a + b\"", "expr = \"a\"").replace(
        "in = [\"dry\", \"slow.only\"]",
        "in = [\"slow.only\", \"slow.only\"]",
    );
    let spare = "[graphs.spare]\ninputs = \"x\"\nparams.k = 1\nagents.a = { op = \"null\" }\n";
    let (graph, warnings) = judged(&format!("{spare}{text}"), &[]).unwrap();
    let said = crate::diag::render(&warnings, graph.source.as_ref(), Severity::Warning, false);
    for words in [
        "sub-graph `spare` is used nowhere",
        "nobody in sub-graph `spare` reads its input `x`",
        "parameter `k` of sub-graph `spare` is used nowhere",
    ] {
        assert!(said.contains(words), "no {words:?}:\n{said}");
    }
    assert_eq!(warnings.len(), 3, "{said}");
}

#[test]
fn a_few_lines_do_not_fill_the_memory() {
    let mut text = "[graphs.g0]\nagents.a = { op = \"counter\" }\n".to_owned();
    for nth in 1..30 {
        let inner = nth - 1;
        text += &format!(
            "[graphs.g{nth}.agents]\na = {{ op = \"g{inner}\" }}\nb = {{ op = \"g{inner}\" }}\n"
        );
    }
    text += "[agents.a]\nop = \"g29\"\n";
    assert!(refusal(&text, &[]).contains("more than 65536 agents"));
    let mut deep = String::new();
    for nth in 1..2_000 {
        deep += &format!("[graphs.g{nth}]\nagents.a = {{ op = \"g{}\" }}\n", nth - 1);
    }
    deep += "[graphs.g0]\nagents.a = { op = \"counter\" }\n[agents.a]\nop = \"g99\"\n";
    assert!(refusal(&deep, &[]).contains("nest more than 32 deep"));
}

#[test]
fn a_name_that_grows_too_long_is_refused_where_it_was_written() {
    let long = "a".repeat(40);
    let text = format!(
        "[graphs.g]\nagents.{long} = {{ op = \"counter\" }}\n[agents.{long}]\nop = \"g\"\n"
    );
    let said = refusal(&text, &[]);
    assert!(said.contains("has 81 bytes, and at most 64 fit"), "{said}");
    assert!(
        said.contains("g.toml:2:8") && said.contains("in the use"),
        "{said}"
    );
}
