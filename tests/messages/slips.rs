//! Commonest slips of who writes a first graph: what to write instead is said.

use crate::{has, said_of_file, said_of_line};

#[test]
fn a_word_that_stands_alone_in_a_line_is_told_what_it_was_meant_for() {
    let cases = [
        ("counter items=5 | print", "joined by a `!` between spaces"),
        ("counter items=5 -> print", "joined by a `!` between spaces"),
        (
            "counter items=5 as a ! print",
            "before its operator: `a:counter`",
        ),
        (
            "counter --items 5 ! print",
            "write items=.., without a dash",
        ),
        ("counter items:5 ! print", "write items=5"),
        (
            "counter items=5 ! map x*2 ! print",
            "did you mean `expr=x*2`?",
        ),
        ("csv.read t.csv ! print", "did you mean `path=t.csv`?"),
        (
            "counter ! map expr=x + 1 ! print",
            "quotes: expr=\"x + ..\"",
        ),
        (
            "counter ! map expr=x+ 1 ! print",
            "quotes: expr=\"x+ 1 ..\"",
        ),
        ("counter items = 5 ! print", "without spaces around the `=`"),
    ];
    for (line, help) in cases {
        has(&said_of_line(line), &["neither key=value nor", help]);
    }
}

#[test]
fn a_file_in_the_place_of_its_reader_is_told_by_what_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, help) in [
        ("t.csv", "`csv.read path="),
        ("t.WAV", "`wav.read path="),
        ("t.xyz", "an operator reads one"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, "1\n").unwrap();
        let said = said_of_line(&format!("{} ! print", path.display()));
        has(&said, &["there is no operator", "it is a file", help]);
    }
}

#[test]
fn what_a_shell_would_have_put_in_is_no_part_of_a_path() {
    for (path, help) in [
        ("~/t.csv", "are the shell's"),
        ("$HOME/t.csv", "are the shell's"),
        ("no*.csv", "its name is written out"),
        (
            "https://example.org/t.csv",
            "`curl -s URL | thalweg run ..`",
        ),
    ] {
        let said = said_of_line(&format!("csv.read path={path} ! print"));
        has(&said, &["cannot be read", help]);
    }
}

#[test]
fn a_source_that_was_not_told_its_rate_is_named_where_the_rate_is_missed() {
    for wants in ["window size=1s", "iir.lowpass cutoff=1"] {
        let line = format!("s:counter items=9 dtype=f64 ! scale factor=2 ! {wants} ! null");
        has(
            &said_of_line(&line),
            &["`s` can be told its rate: `rate = 100`"],
        );
    }
}

#[test]
fn values_and_keys_of_other_manners_are_told_in_ours() {
    let agent = |keys: &str| format!("[agents.a]\nop = \"sine\"\n{keys}\n");
    let cases = [
        (
            agent("rate = 9\nfreq = \"440\""),
            "a number has no quotes: 440",
        ),
        (agent("rate = 9\nfreq = 440Hz"), "write \"440Hz\""),
        (
            agent("rate = 9\nfreq = 1\nitems = 1e3"),
            "no point and no exponent: 1000",
        ),
        (
            agent("params = { freq = 1 }"),
            "a key of the agent, beside `op`",
        ),
        (
            "agents.p = { op = \"print\", in = \"a, b\" }\n".to_owned(),
            "a list: in = [\"a\", \"b\"]",
        ),
        (agent("inputs = \"b\""), "its `in`: in = \"AGENT\""),
        (
            "workers.w = 0\n".to_owned(),
            "write [workers.w], its keys below",
        ),
        ("agents:\n".to_owned(), "a graph file is TOML"),
        ("{\"agents\": {}}\n".to_owned(), "a graph file is TOML"),
    ];
    for (text, help) in cases {
        has(&said_of_file(&text), &[help]);
    }
}

#[test]
fn a_data_file_in_the_place_of_a_graph_is_told_by_what_it_is_read_and_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "1,2,3\n".repeat(100_000)).unwrap();
    let said = thalweg::file::load_file(path.to_str().unwrap()).unwrap_err();
    has(
        &said.to_string(),
        &["no TOML", "`csv.read` reads such data"],
    );
}
