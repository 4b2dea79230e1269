//! Graph files and one-line graphs that must be refused, each with the place and the thing it is about.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use proptest::prelude::*;
use thalweg::decl::{Capacity, GraphDecl, OnError, Overflow};
use thalweg::diag::{Diagnostic, Refused};
use thalweg::file::{LONGEST, load_file, parse};
use thalweg::oneline::load_line;
use thalweg::resolve::resolve;
use thalweg::resolved::Resolved;
use thalweg::sets::apply_sets;
use thalweg::worker::types::ItemType;

const GOOD: &str = r#"# A graph with everything in it.
name = "rig"
[workers.front]
core = 0
[workers.back]
core = "none"
restart = 2
[agents.tone]
op = "sine"
freq = 440.0
rate = 48_000
items = "10 ms"
worker = "front"
[agents.both]
op = "merge"
in = ["tone", 'echo']
worker = "front"
[agents.echo]
op = "delay"
in = "both"
items = 3
[agents.out]
op = "null"
in = { l = "both", r = "tone" }
worker = "back"
on_error = "skip"
restart = 1
[streams.both]
capacity = "64 KiB"
overflow = "block"
"#;

type Judged = Result<(Resolved, Vec<Diagnostic>), Refused>;

fn file(text: &str) -> Judged {
    declared(text).and_then(resolve)
}

fn declared(text: &str) -> Result<GraphDecl, Refused> {
    parse(text.to_owned(), "g.toml", "g", PathBuf::new())
}

fn line(text: &str) -> Judged {
    load_line(text).and_then(resolve)
}

/// Every refusal names the place and says all the words.
fn refuses(judge: fn(&str) -> Judged, cases: &[(&str, &str, &[&str])]) {
    for (text, place, words) in cases {
        let shown: String = text.chars().take(200).collect();
        let said = match judge(text) {
            Ok(_) => panic!("accepted: {shown}"),
            Err(refused) => refused.to_string(),
        };
        for words in words.iter().chain([place]) {
            assert!(said.contains(words), "no {words:?} for {shown:?}:\n{said}");
        }
    }
}

#[test]
fn a_good_file_means_what_it_says() {
    let graph = declared(GOOD).unwrap();
    assert_eq!(graph.name, "rig");
    assert_eq!(graph.workers.len(), 2);
    assert_eq!(
        graph.agents[3].on_error.as_ref().unwrap().value,
        OnError::Skip
    );
    assert_eq!(graph.agents[3].inputs[0].name.as_deref(), Some("l"));
    assert_eq!(
        graph.streams[0].capacity.as_ref().unwrap().value,
        Capacity::Bytes(65_536)
    );

    let (graph, warnings) = file(GOOD).unwrap();
    assert_eq!(warnings, []);
    let names: Vec<&str> = graph.agents.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["tone", "echo", "both", "out"]);
    assert_eq!(graph.streams.len(), 3);
    let both = graph.streams.iter().find(|s| s.name == "both").unwrap();
    assert_eq!(both.item_type, ItemType::F64);
    assert_eq!(both.readers, [(1, 0), (3, 0)]);
    assert_eq!(both.overflow, Overflow::Block);
    assert_eq!(graph.agents[0].worker, Some(0));
    assert_eq!(graph.agents[1].worker, None);
}

#[test]
fn a_file_may_have_a_byte_order_mark_and_the_line_ends_of_windows() {
    let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(file(&text).unwrap().0.agents.len(), 4);
    let bad = text.replace("\"sine\"", "\"sin\"");
    refuses(
        file,
        &[(&bad, "g.toml:9:6", &["`sin`", "did you mean `sine`?"])],
    );
}

#[test]
fn what_is_no_toml_is_refused_at_its_place() {
    let deep_list = format!("a = {}", "[".repeat(100_000));
    let deep_key = format!("{}b = 1", "a.".repeat(100_000));
    let deep_table = format!("a = {}", "{a=".repeat(100_000));
    refuses(
        file,
        &[
            ("\0", "g.toml:1:1", &["no TOML"]),
            ("name = \"a\"\nx = \0", "g.toml:2:5", &["no TOML"]),
            ("[agents.a", "g.toml:1:10", &["no TOML"]),
            ("[agents.a]\nop = \"copy", "g.toml:2:11", &["no TOML"]),
            (
                "[agents.a]\n[agents.a]",
                "g.toml:2:9",
                &["duplicate key", "once"],
            ),
            (
                "[agents.a]\nop = \"copy\"\nop = \"null\"",
                "g.toml:3:1",
                &["duplicate key"],
            ),
            ("name = 64MB", "g.toml:1:8", &["no TOML"]),
            (&deep_list, "g.toml:1:", &["recurs"]),
            (&deep_key, "g.toml:1:", &["recursion"]),
            (&deep_table, "g.toml:1:", &["recurs"]),
        ],
    );
}

#[test]
fn keys_and_values_that_a_graph_does_not_have_are_refused_at_their_place() {
    let long_name = format!("name = \"{}\"", "a".repeat(300));
    refuses(
        file,
        &[
            ("", "", &["no agent"]),
            ("# only words\n", "", &["no agent"]),
            (
                "agent.a = 1",
                "g.toml:1:1",
                &["`agent` is no key", "did you mean `agents`?"],
            ),
            (
                "agents = 3",
                "g.toml:1:10",
                &["`agents`", "the whole number 3", "[agents.NAME]"],
            ),
            (
                "[[agents]]\nop = \"null\"",
                "g.toml:1:",
                &["`agents`", "a list of 1"],
            ),
            (
                "agents.a = \"sine\"",
                "g.toml:1:12",
                &["`agents.a`", "the text \"sine\""],
            ),
            (
                "[agents.a]\nfreq = 1",
                "g.toml:1:9",
                &["`a` names no `op`", "thalweg ops"],
            ),
            (
                "[agents.a]\nop = 3",
                "g.toml:2:6",
                &["`op`", "the whole number 3"],
            ),
            ("[agents.a]\nop = \"\"", "g.toml:2:6", &["no operator ``"]),
            (
                "[agents.a]\nop = \"null\"\nin = 3",
                "g.toml:3:6",
                &["`in`", "whole number 3"],
            ),
            (
                "[agents.a]\nop = \"null\"\nin = [1]",
                "g.toml:3:7",
                &["`in`", "whole number 1"],
            ),
            (
                "[agents.a]\nop = \"null\"\nin = {\"a b\" = \"x\"}",
                "g.toml:3:7",
                &["`a b`"],
            ),
            (
                "[agents.a]\nop = \"null\"\nin.x = true",
                "g.toml:3:8",
                &["`in`", "true"],
            ),
            (
                "[agents.a]\nop = \"null\"\nworker = []",
                "g.toml:3:10",
                &["`worker`", "a list"],
            ),
            (
                "[agents.a]\nop = \"null\"\ndtype = 64",
                "g.toml:3:9",
                &["`dtype`", "64"],
            ),
            (
                "[agents.a]\nop = \"null\"\ndtype = \"f65\"",
                "g.toml:3:9",
                &["`f65`", "f64"],
            ),
            (
                "[agents.a]\nop = \"null\"\nrestart = -1",
                "g.toml:3:11",
                &["`restart`", "-1"],
            ),
            (
                "[agents.a]\nop = \"null\"\nrestart = 1.5",
                "g.toml:3:11",
                &["`restart`", "1.5"],
            ),
            (
                "[agents.a]\nop = \"null\"\nrestart = 4294967296",
                "g.toml:3:11",
                &["`restart`"],
            ),
            (
                "[agents.a]\nop = \"null\"\non_error = \"skipp\"",
                "g.toml:3:12",
                &["did you mean \"skip\"?"],
            ),
            (
                "[agents.a]\nop = \"null\"\nx = {y = 1}",
                "g.toml:3:5",
                &["`x`", "a table"],
            ),
            (
                "[agents.a.b]\nop = \"null\"",
                "g.toml:1:",
                &["`b`", "no dot"],
            ),
            (
                "[agents.a]\nop = \"null\"\nx = 2026-01-01",
                "g.toml:3:5",
                &["the date 2026-01-01", "quote"],
            ),
            (
                "[agents.a]\nop = \"sine\"\nrate = nan",
                "g.toml:3:8",
                &["`rate`", "is nan, which is no number"],
            ),
            (
                "[agents.a]\nop = \"sine\"\nrate = 1e400",
                "g.toml:3:8",
                &["`rate`", "1e400"],
            ),
            (
                "[agents.a]\nop = \"counter\"\nitems = 9223372036854775808",
                "g.toml:3:9",
                &["`items`", "more than 2^63 - 1"],
            ),
            (
                "[agents.a]\nop = \"counter\"\nitems = 18446744073709551616",
                "g.toml:3:9",
                &["beyond 64 bits"],
            ),
            ("workers = 1", "g.toml:1:11", &["`workers`"]),
            (
                "[workers.w]\ncor = 1",
                "g.toml:2:1",
                &["`cor` is no key of a worker", "did you mean `core`?"],
            ),
            ("[workers.w]\ncore = -1", "g.toml:2:8", &["`core`", "-1"]),
            (
                "[workers.w]\ncore = 1000000",
                "g.toml:2:8",
                &["`core`", "1000000"],
            ),
            (
                "[workers.w]\ncore = \"first\"",
                "g.toml:2:8",
                &["`core`", "\"auto\""],
            ),
            (
                "[workers.w]\nrestart = \"x\"",
                "g.toml:2:11",
                &["`restart`"],
            ),
            (
                "[streams.s]\ncap = 1",
                "g.toml:2:1",
                &["`cap` is no key of a stream"],
            ),
            (
                "[streams.s]\noverflow = \"drop\"",
                "g.toml:2:12",
                &["`overflow`", "drop-newest"],
            ),
            (
                "[streams.s]\ncapacity = 0",
                "g.toml:2:12",
                &["`capacity`", "from 1 up"],
            ),
            (
                "[streams.s]\ncapacity = -5",
                "g.toml:2:12",
                &["`capacity`", "-5"],
            ),
            (
                "[streams.s]\ncapacity = 1.5",
                "g.toml:2:12",
                &["`capacity`", "1.5"],
            ),
            (
                "[streams.s]\ncapacity = \"0 MiB\"",
                "g.toml:2:12",
                &["`capacity`", "MiB"],
            ),
            (
                "[streams.s]\ncapacity = \"64M\"",
                "g.toml:2:12",
                &["`capacity`", "KiB"],
            ),
            (
                "[streams.s]\ncapacity = 9223372036854775808",
                "g.toml:2:12",
                &["`capacity`", "more than 2^63 - 1"],
            ),
            (
                "[streams.s]\ncapacity = \"18446744073709551615 KiB\"",
                "g.toml:2:12",
                &["`capacity`"],
            ),
            ("name = \"\"", "g.toml:1:8", &["`name`"]),
            ("name = \"..\"", "g.toml:1:8", &["`name`"]),
            ("name = \"a/b\"", "g.toml:1:8", &["`name`"]),
            ("name = \"a\\u0000\"", "g.toml:1:8", &["`name`"]),
            (&long_name, "g.toml:1:8", &["`name`"]),
            ("name = 3", "g.toml:1:8", &["`name`"]),
        ],
    );
}

#[test]
fn names_that_cannot_be_names_are_refused() {
    let agent = |name: &str| format!("[agents.{name}]\nop = \"counter\"\nitems = 1\n");
    let worker = |name: &str| format!("{}[workers.{name}]\n", agent("a"));
    let same = agent("Trace") + &agent("trace");
    refuses(
        file,
        &[
            (
                &agent("\"\""),
                "g.toml:1:9",
                &["cannot name an agent", "empty"],
            ),
            (&agent("\"..\""), "g.toml:1:9", &["`..` cannot name"]),
            (&agent("\"a/b\""), "g.toml:1:9", &["letters, digits"]),
            (&agent("\"a.b\""), "g.toml:1:9", &["letters, digits"]),
            (&agent("\"a\\u0000\""), "g.toml:1:9", &["`a\\0` cannot"]),
            (&agent("\"\\u001b[31m\""), "g.toml:1:9", &["\\u{1b}"]),
            (
                &agent("9lives"),
                "g.toml:1:9",
                &["`9lives`", "neither a letter"],
            ),
            (&agent("\"\u{e9}\""), "g.toml:1:9", &["neither a letter"]),
            (
                &agent(&"a".repeat(65)),
                "g.toml:1:9",
                &["65 bytes", "at most 64"],
            ),
            (&agent(&"a".repeat(300)), "g.toml:1:9", &["300 bytes"]),
            (
                &same,
                "g.toml:4:9",
                &["two agents", "`Trace`", "upper and lower", "g.toml:1:9"],
            ),
            (
                &worker(&"w".repeat(33)),
                "g.toml:4:10",
                &["cannot name a worker", "at most 32"],
            ),
            (&worker("\"a b\""), "g.toml:4:10", &["cannot name a worker"]),
        ],
    );
    assert!(file(&agent(&"a".repeat(64))).is_ok());
}

#[test]
fn edges_that_lead_nowhere_are_refused() {
    refuses(
        file,
        &[
            (
                "[agents.a]\nop = \"coutner\"",
                "g.toml:2:6",
                &["`coutner`", "did you mean `counter`?"],
            ),
            (
                "[agents.a]\nop = \"null\"\nin = \"b\"",
                "g.toml:3:6",
                &["`a` reads `b`", "no agent `b`"],
            ),
            (
                "[agents.a]\nop = \"null\"\nin = \"\"",
                "g.toml:3:6",
                &["no agent ``"],
            ),
            (
                "[agents.trace]\nop = \"counter\"\n[agents.a]\nop = \"null\"\nin = \"tracee\"",
                "g.toml:5:6",
                &["did you mean `trace`?"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[agents.a]\nop = \"null\"\nin = \"t.z\"",
                "g.toml:5:6",
                &["`t.z`", "no output `z`", "g.toml:1:9"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[agents.a]\nop = \"null\"\nin = \"t.\"",
                "g.toml:5:6",
                &["no output ``"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[agents.n]\nop = \"null\"\nin = \"t\"\n[agents.a]\nop = \"copy\"\nin = \"n\"",
                "g.toml:8:6",
                &["`n`, which gives nothing"],
            ),
            (
                "[agents.a]\nop = \"copy\"",
                "g.toml:1:9",
                &["takes one input, and has none", "in = \"STREAM\""],
            ),
            (
                "[agents.a]\nop = \"null\"\nin = []",
                "g.toml:1:9",
                &["at least one input", "none"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[agents.a]\nop = \"copy\"\nin = [\"t\", \"t\"]",
                "g.toml:5:7",
                &["takes one input, and has 2", "`zip` joins"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[agents.s]\nop = \"sine\"\nin = \"t\"\nfreq = 1\nrate = 10",
                "g.toml:5:6",
                &["takes no input, and has 1", "leave `in` out"],
            ),
            (
                "[workers.front]\n[agents.t]\nop = \"counter\"\nworker = \"fornt\"",
                "g.toml:4:10",
                &["`fornt`", "did you mean `front`?"],
            ),
            (
                "[agents.t]\nop = \"counter\"\nworker = \"w\"",
                "g.toml:3:10",
                &["declare it: [workers.w]"],
            ),
            (
                "[agents.tone]\nop = \"counter\"\n[streams.tonne]\ncapacity = 4",
                "g.toml:3:10",
                &["no stream `tonne`", "did you mean `tone`?"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[streams.t.z]\ncapacity = 4",
                "g.toml:3:12",
                &["no stream `t.z`"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[streams.t]\ncapacity = \"3 B\"",
                "g.toml:4:12",
                &["3 bytes", "one item is 8"],
            ),
            (
                "[agents.t]\nop = \"counter\"\n[streams.t]\ncapacity = 4611686018427387904",
                "g.toml:4:12",
                &["more than any memory"],
            ),
        ],
    );
}

#[test]
fn parameters_are_judged_at_their_line() {
    refuses(
        file,
        &[
            (
                "[agents.t]\nop = \"sine\"\nfreq = 1\nrate = 10\namplitud = 3",
                "g.toml:5:1",
                &[
                    "agent `t`",
                    "no parameter `amplitud`",
                    "did you mean `amplitude`?",
                ],
            ),
            (
                "[agents.t]\nop = \"sine\"\nfreq = 1\nrate = 10\nwroker = \"w\"",
                "g.toml:5:1",
                &["did you mean `worker`?"],
            ),
            (
                "[agents.t]\nop = \"sine\"\nfreq = 1",
                "g.toml:2:6",
                &["needs `rate`", "add `rate = ..`"],
            ),
            (
                "[agents.t]\nop = \"sine\"\nfreq = \"high\"\nrate = 10",
                "g.toml:3:8",
                &["`freq` is the text \"high\"", "a number"],
            ),
            (
                "[agents.t]\nop = \"sine\"\nfreq = 1\nrate = -10",
                "g.toml:4:8",
                &["agent `t`", "-10"],
            ),
            (
                "[agents.t]\nop = \"counter\"\nitems = -1",
                "g.toml:3:9",
                &["`items`"],
            ),
            (
                "[agents.t]\nop = \"counter\"\nitems = \"1 parsec\"",
                "g.toml:3:9",
                &["1 parsec"],
            ),
            (
                "[agents.t]\nop = \"counter\"\nitems = 5\n[agents.d]\nop = \"decimate\"\nin = \"t\"\nfactor = 0",
                "g.toml:7:10",
                &["agent `d`", "factor"],
            ),
        ],
    );
}

#[test]
fn both_ends_of_a_disagreement_are_named() {
    let text = "[agents.i]\nop = \"counter\"\n[agents.f]\nop = \"sine\"\nfreq = 1\nrate = 9\n\
                [agents.m]\nop = \"merge\"\nin = [\"f\", \"i\"]\n";
    refuses(
        file,
        &[(
            text,
            "g.toml:9:7",
            &[
                "`m`",
                "g.toml:1:9",
                "g.toml:3:9",
                "`f` is f64",
                "`i` is i64",
                "dtype",
            ],
        )],
    );
}

#[test]
fn a_cycle_needs_a_delay() {
    refuses(
        file,
        &[
            (
                "[agents.a]\nop = \"copy\"\nin = \"a\"",
                "g.toml:3:6",
                &["a -> a", "delay"],
            ),
            (
                "[agents.a]\nop = \"copy\"\nin = \"b\"\n[agents.b]\nop = \"copy\"\nin = \"a\"",
                "g.toml:3:6",
                &["cycle", "`a` reads `b`", "`b` reads `a`", "g.toml:6:6"],
            ),
            (
                "[agents.s]\nop = \"counter\"\n[agents.a]\nop = \"merge\"\nin = [\"s\", \"c\"]\n\
                 [agents.b]\nop = \"copy\"\nin = \"a\"\n[agents.c]\nop = \"copy\"\nin = \"b\"\n\
                 [agents.d]\nop = \"copy\"\nin = \"c\"",
                "g.toml:",
                &["a -> b -> c -> a"],
            ),
        ],
    );
    let (_, warnings) = line("d:delay in=c ! c:copy").unwrap();
    assert!(warnings[0].message.contains("never ends"), "{warnings:?}");
    let fed = "t:counter items=5 ; m:merge in=[t, d] ! d:delay";
    let (graph, warnings) = line(fed).unwrap();
    assert_eq!(warnings, []);
    // What arrives at the delay is i64; the first guess, f64, did not hold.
    assert!(
        graph
            .streams
            .iter()
            .all(|s| s.item_type == "i64".parse().unwrap())
    );
    refuses(
        line,
        &[("d:delay in=c items=0 ! c:copy", "1:", &["`d`", "items"])],
    );
}

#[test]
fn all_findings_are_reported_in_the_order_of_the_text() {
    let text = "[agents.a]\nop = \"coppy\"\nin = \"x\"\n[agents.b]\nop = \"counter\"\nitms = 1\nstrat = 2\nworker = \"w\"\n";
    let refused = file(text).unwrap_err();
    let lines: Vec<usize> = refused
        .diagnostics
        .iter()
        .map(|d| thalweg::diag::line_column(text, d.labels[0].0.start).0)
        .collect();
    assert_eq!(lines, [2, 3, 6, 7, 8]);
}

#[test]
fn a_thousand_findings_are_counted_and_twenty_shown() {
    let text: String = (0..1000)
        .map(|n| format!("[agents.a{n}]\nop = \"coppy\"\n"))
        .collect();
    let said = file(&text).unwrap_err().to_string();
    assert_eq!(said.matches("error: ").count(), 20);
    assert!(said.ends_with("and 980 more\n"), "{said}");
}

#[test]
fn what_runs_but_is_odd_is_warned_about() {
    let (_, warnings) =
        file("[workers.idle]\n[workers.w]\n[agents.a]\nop = \"counter\"\nworker = \"w\"").unwrap();
    let said: Vec<&str> = warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("`idle` hosts no agent"));
    assert!(said[1].contains("nobody reads `a`"));
}

#[test]
fn files_at_cross_purposes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "x\n1\n2\n").unwrap();
    symlink("in.csv", folder.path().join("alias.csv")).unwrap();
    let graph = folder.path().join("g.toml");
    let source = "[agents.t]\nop = \"csv.read\"\npath = \"in.csv\"\n";
    let sink = |name: &str, path: &str| {
        format!("[agents.{name}]\nop = \"csv.write\"\nin = \"t\"\npath = \"{path}\"\n")
    };
    let cases: &[(String, &str, &[&str])] = &[
        (
            source.to_owned() + &sink("o", "in.csv"),
            ":7:8",
            &["`o` writes", "`t` reads", ":3:8"],
        ),
        (
            source.to_owned() + &sink("o", "alias.csv"),
            ":7:8",
            &["which `t` reads"],
        ),
        (
            source.to_owned() + &sink("o", "./new.csv") + &sink("p", "new.csv"),
            ":11:8",
            &["both write", ":7:8"],
        ),
        (
            source.to_owned() + &sink("o", "g.toml"),
            ":7:8",
            &["over the graph file"],
        ),
        (
            source.to_owned() + &sink("o", "nodir/o.csv"),
            ":7:8",
            &["nodir", "cannot be written"],
        ),
        (
            source.to_owned() + &sink("o", "."),
            ":7:8",
            &["it is a folder"],
        ),
        (
            source.replace("in.csv", "inn.csv"),
            ":3:8",
            &["inn.csv", "did you mean `in.csv`?"],
        ),
        (source.replace("in.csv", "nodir/in.csv"), ":3:8", &["nodir"]),
        (source.replace("in.csv", "."), ":3:8", &["it is a folder"]),
        (
            source.replace("in.csv", "a\\u0000b"),
            ":3:8",
            &["cannot be read"],
        ),
    ];
    for (text, place, words) in cases {
        fs::write(&graph, text).unwrap();
        let said = match load_file(graph.to_str().unwrap()).and_then(resolve) {
            Ok(_) => panic!("accepted: {text}"),
            Err(refused) => refused.to_string(),
        };
        for words in words.iter().chain([place]) {
            assert!(said.contains(words), "no {words:?} for {text}:\n{said}");
        }
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 3, "something was made for {text}");
    }
    let fine = source.to_owned() + &sink("o", "/dev/null") + &sink("p", "/dev/null");
    fs::write(&graph, fine).unwrap();
    let (graph, _) = load_file(graph.to_str().unwrap())
        .and_then(resolve)
        .unwrap();
    assert_eq!(graph.agents[0].reads, [folder.path().join("in.csv")]);
}

#[test]
fn what_is_no_readable_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    nix::unistd::mkfifo(path("pipe").as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("loop", path("loop")).unwrap();
    fs::write(path("latin1"), b"name = \"a\"\n# caf\xe9\n").unwrap();
    let long = fs::File::create(path("long")).unwrap();
    long.set_len(LONGEST + 1).unwrap();
    let cases = [
        (path("missing"), "there is no such file"),
        (path("."), "it is a folder"),
        (path("pipe"), "no regular file"),
        ("/dev/zero".to_owned(), "no regular file"),
        (path("loop"), "symbolic links"),
        (path("latin1"), "line 2 is not UTF-8"),
        (path("long"), "longer than 16 MiB"),
        (path("a\0b"), "cannot be read"),
    ];
    for (path, words) in cases {
        let said = load_file(&path).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
        assert!(said.contains("graph file `"), "{said}");
    }
}

#[test]
fn a_graph_is_called_as_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in [
        ("quake.toml", "quake"),
        ("a b.v2.toml", "a_b.v2"),
        ("-x", "_x"),
    ] {
        let path = folder.path().join(file);
        fs::write(&path, "[agents.a]\nop = \"counter\"\n").unwrap();
        assert_eq!(load_file(path.to_str().unwrap()).unwrap().name, name);
    }
}

#[test]
fn a_good_file_cut_anywhere_is_judged_without_panic() {
    for end in 0..GOOD.len() {
        if let Err(refused) = file(&GOOD[..end]) {
            assert!(!refused.to_string().is_empty());
        }
    }
}

#[test]
fn a_line_means_what_it_says() {
    let (graph, warnings) = line(
        "sine freq=440 rate=48_000 items=10ms worker=front ! low:map expr='x * 2' ! copy ! copy \
         ! zip in=[copy, 'copy2'] expr=\"a + b\" ; null in=zip worker=back",
    )
    .unwrap();
    assert_eq!(warnings, []);
    let names: Vec<&str> = graph.agents.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["sine", "low", "copy", "copy2", "zip", "null"]);
    assert_eq!(graph.workers.len(), 2);
    assert_eq!(graph.agents[4].inputs, [2, 3]);
    assert_eq!(graph.name, "line");
}

#[test]
fn lines_that_are_none_are_refused_at_their_column() {
    let deep = format!("const value={}", "[".repeat(100_000));
    refuses(
        line,
        &[
            ("", "", &["no agent"]),
            (" ; ;", "", &["no agent"]),
            ("! null", "1:1", &["nothing stands before"]),
            ("counter !", "1:9", &["nothing follows"]),
            ("counter ! ! null", "1:11", &["nothing stands before"]),
            ("counter ; ! null", "1:11", &["nothing stands before"]),
            ("counter ! ; null", "1:9", &["nothing follows"]),
            ("items=3 counter", "1:1", &["begins with its operator"]),
            ("counter items 3", "1:9", &["`items`", "key=value"]),
            ("counter items = 3", "1:9", &["without spaces"]),
            ("counter items= ! null", "1:15", &["a value is missing"]),
            ("counter items=\"3", "1:15", &["does not end"]),
            ("counter items=\"\\q\"", "1:16", &["escape"]),
            ("counter items=[1, 2", "1:15", &["does not end"]),
            ("counter items=[1 2]", "1:18", &["`,`"]),
            ("counter items=3 items=4", "1:17", &["given twice"]),
            ("counter op=sine", "1:9", &["`op`"]),
            (
                "counter items=99999999999999999999",
                "1:15",
                &["out of range"],
            ),
            ("a:counter ! a:null", "1:13", &["two agents", "`a`"]),
            ("a/b:counter", "1:1", &["cannot name an agent"]),
            ("counter ! nul", "1:11", &["did you mean `null`?"]),
            ("counter!null", "1:8", &["`counter!null`", "part of a word"]),
            (&deep, "1:", &["too deep"]),
        ],
    );
}

#[test]
fn settings_go_over_what_the_graph_says() {
    let mut graph = declared(GOOD).unwrap();
    let sets = [
        "tone.freq=50",
        "tone.items=7",
        "out.in=both",
        "out.on_error=stop",
        "workers.front.core=none",
        "streams.tone.capacity=128",
        "streams.both.overflow=latest",
    ];
    apply_sets(&mut graph, &sets.map(str::to_owned)).unwrap();
    let (graph, _) = resolve(graph).unwrap();
    let stream = |name: &str| graph.streams.iter().find(|s| s.name == name).unwrap();
    assert_eq!(
        stream("tone").capacity.as_ref().unwrap().0,
        Capacity::Items(128)
    );
    assert_eq!(stream("both").overflow, Overflow::Latest);
    assert_eq!(graph.agents[3].inputs.len(), 1);
    assert_eq!(graph.agents[3].on_error, OnError::Stop);
}

#[test]
fn settings_that_set_nothing_are_refused() {
    let cases = [
        ("", "should be AGENT.KEY=VALUE"),
        ("tone", "should be AGENT.KEY=VALUE"),
        ("tone.freq", "should be AGENT.KEY=VALUE"),
        ("freq=3", "should be AGENT.KEY=VALUE"),
        ("tonne.freq=3", "did you mean `tone`?"),
        ("tone.restart=-1", "`restart`"),
        ("tone.dtype=f65", "`f65`"),
        ("workers.front.cores=1", "did you mean `core`?"),
        ("streams.tone.capacity=0", "`capacity`"),
    ];
    for (set, words) in cases {
        let mut graph = declared(GOOD).unwrap();
        let said = apply_sets(&mut graph, &[set.to_owned()])
            .unwrap_err()
            .to_string();
        assert!(said.contains(words), "{set:?}: {said}");
    }
    // What only the operator can judge is refused at the setting, too.
    let mut graph = declared(GOOD).unwrap();
    apply_sets(&mut graph, &["tone.rate=-1".to_owned()]).unwrap();
    let said = resolve(graph).unwrap_err().to_string();
    assert!(
        said.contains("--set:1:11") && said.contains("`tone`"),
        "{said}"
    );
}

#[test]
fn a_refusal_looks_like_this() {
    let said = file("[agents.a]\nop = \"counter\"\n\n[agents.out]\nop = \"nul\"\nin = \"a\"\n")
        .unwrap_err()
        .to_string();
    let expected = "\
error: agent `out`: there is no operator `nul`
 --> g.toml:5:6
  |
5 | op = \"nul\"
  |      ^^^^^ unknown operator
  |
  = help: did you mean `null`?

";
    assert_eq!(said, expected);

    let said = line(
        "counter items=3 ! window size=2 fn=meen ! raw.write path=- ; counter ! raw.write path=-",
    )
    .unwrap_err()
    .to_string();
    assert!(said.contains("did you mean \"mean\"?"), "{said}");
    let said = line("a:counter ! raw.write path=- ; b:counter ! raw.write path=-")
        .unwrap_err()
        .to_string();
    let expected = "\
error: agents `raw_write` and `raw_write2` both write standard output
 --> <command line>:1:59
  |
1 | a:counter ! raw.write path=- ; b:counter ! raw.write path=-
  |                            - the first                    ^ the second

";
    assert_eq!(said, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_judged_without_panic(text in "\\PC{0,200}") {
        let _ = file(&text).map_err(|refused| refused.to_string());
        let _ = line(&text).map_err(|refused| refused.to_string());
    }

    #[test]
    fn any_bytes_in_a_good_file_are_judged_without_panic(
        at in 0..GOOD.len(),
        with in "[\\[\\]{}=\"'.,#\\n\\t\\\\0-9a-z\\x00-\\x08\u{e9}\u{1f980}]{0,6}",
        cut in 0..8_usize,
    ) {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
        let _ = file(&text).map_err(|refused| refused.to_string());
    }

    #[test]
    fn any_words_are_judged_as_a_line_without_panic(
        words in prop::collection::vec("(counter|null|merge|in|items|x:|=|!|;|\\[|\\]|,|\"|'|3|a|\\\\)", 0..24),
        space in prop::bool::ANY,
    ) {
        let text = words.join(if space { " " } else { "" });
        let _ = line(&text).map_err(|refused| refused.to_string());
    }
}
