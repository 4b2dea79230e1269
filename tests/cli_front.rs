//! The commands that do not run a graph, through the binary: what they print where, and exit codes.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn thalweg(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command
}

fn done(folder: &Path, args: &[&str]) -> (i32, String, String) {
    told(thalweg(folder, args).output().unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().expect("ended by a signal");
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn exit_codes_are_those_of_the_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("good.toml"), "[agents.a]\nop = \"counter\"\n").unwrap();
    fs::write(dir.join("bad.toml"), "[agents.a]\nop = \"coutner\"\n").unwrap();
    let cases: &[(i32, &[&str])] = &[
        (0, &["--help"]),
        (0, &["--version"]),
        (0, &["check", "good.toml"]),
        (0, &["check", "-e", "counter ! null"]),
        (0, &["graph", "good.toml"]),
        (0, &["ops"]),
        (0, &["ops", "counter"]),
        (0, &["ops", "--names"]),
        (0, &["schema"]),
        (0, &["completions", "zsh"]),
        (2, &[]),
        (2, &["chek"]),
        (2, &["check"]),
        (2, &["check", "good.toml", "-e", "counter"]),
        (2, &["check", "bad.toml"]),
        (2, &["check", "missing.toml"]),
        (2, &["check", "good"]),
        (2, &["check", "."]),
        (2, &["check", "-e", "counter !"]),
        (2, &["check", "good.toml", "--set", "a"]),
        (2, &["check", "good.toml", "--set", "a.itmes=1"]),
        (2, &["graph", "bad.toml"]),
        (2, &["graph", "good.toml", "--format", "gif"]),
        (2, &["ops", "coutner"]),
        (2, &["ops", "counter", "--names"]),
        (2, &["completions", "cmd"]),
        (2, &["new"]),
        (2, &["new", "good"]),
        (2, &["new", "nodir/good"]),
    ];
    for (code, args) in cases {
        let (found, out, err) = done(dir, args);
        assert_eq!(found, *code, "{args:?}\n{out}{err}");
        // Data to standard output, words to standard error.
        assert_eq!(out.is_empty(), *code != 0, "{args:?}\n{out}");
        assert!(*code == 0 || !err.is_empty(), "{args:?}");
    }
    assert_eq!(fs::read_dir(dir).unwrap().count(), 2, "something was made");
}

#[test]
fn check_says_how_large_the_graph_is_and_what_is_odd() {
    let folder = tempfile::tempdir().unwrap();
    let line = "counter items=3 worker=w ! copy ! null";
    let (_, out, err) = done(folder.path(), &["check", "-e", line]);
    assert_eq!(out, "ok: 3 agents, 2 streams, 1 worker\n");
    assert_eq!(err, "");
    let (code, out, err) = done(folder.path(), &["check", "-e", "counter"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "ok: 1 agent, 1 stream, 0 workers\n")
    );
    assert!(err.starts_with("warning: nobody reads `counter`"), "{err}");
}

#[test]
fn a_refusal_goes_to_stderr_without_colour_where_that_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("g.toml"),
        "[agents.a]\nop = \"coutner\"\n",
    )
    .unwrap();
    let (_, out, err) = done(folder.path(), &["check", "g.toml"]);
    assert_eq!(out, "");
    assert!(err.contains("--> g.toml:2:6"), "{err}");
    assert!(err.contains("did you mean `counter`?"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
}

#[test]
fn json_is_on_stdout_for_what_is_accepted_and_what_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let json = |args: &[&str]| -> (i32, Json) {
        let (code, out, err) = done(folder.path(), args);
        assert_eq!(err, "", "{args:?}");
        (code, serde_json::from_str(&out).unwrap())
    };
    let (code, answer) = json(&["check", "--json", "-e", "counter"]);
    assert_eq!((code, &answer["ok"]), (0, &Json::Bool(true)));
    assert_eq!(answer["agents"], 1);
    assert_eq!(answer["warnings"][0]["column"], 1);

    let (code, answer) = json(&["check", "--json", "-e", "counter ! nul"]);
    assert_eq!((code, &answer["ok"]), (2, &Json::Bool(false)));
    assert_eq!(answer["errors"][0]["line"], 1);
    assert_eq!(answer["errors"][0]["column"], 11);
    assert_eq!(answer["errors"][0]["help"], "did you mean `null`?");

    let (_, answer) = json(&["graph", "--json", "-e", "sine freq=1 rate=8 items=4 ! null"]);
    assert_eq!(answer["streams"][0]["rate"], 8.0);
    assert_eq!(answer["agents"][1]["inputs"][0], "sine");

    let (_, answer) = json(&["ops", "--json"]);
    let names = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|op| op["name"].as_str().unwrap());
    assert!(names.is_sorted());
    let (_, answer) = json(&["ops", "sine", "--json"]);
    assert_eq!(answer["params"][0]["name"], "freq");
    assert_eq!(answer["params"][0]["unit"], "Hz");
    assert_eq!(answer["params"][0]["required"], true);
}

#[test]
fn a_graph_is_read_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let run = |text: &str| {
        let mut child = thalweg(folder.path(), &["check", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        told(child.wait_with_output().unwrap())
    };
    assert_eq!(run("[agents.a]\nop = \"counter\"\n").0, 0);
    let (code, _, err) = run("[agents.a]\nop = \"coutner\"\n");
    assert_eq!(code, 2);
    assert!(err.contains("<stdin>:2:6"), "{err}");
    let (code, _, err) = run(
        "[agents.a]\nop = \"raw.read\"\ndtype = \"f64\"\npath = \"-\"\n[agents.n]\nop = \"null\"\nin = \"a\"\n",
    );
    assert_eq!(code, 2);
    assert!(err.contains("which the graph itself came from"), "{err}");
}

#[test]
fn every_template_is_written_once_and_runs() {
    for template in ["tone", "filter", "sound", "table"] {
        let folder = tempfile::tempdir().unwrap();
        let new = ["new", "mine", "--template", template];
        let (code, _, err) = done(folder.path(), &new);
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = done(folder.path(), &["check", "mine.toml"]);
        assert_eq!((code, err.as_str()), (0, ""), "{template}");
        let (code, _, err) = done(folder.path(), &["run", "-q", "mine.toml"]);
        assert_eq!(code, 0, "{template}: {err}");

        let written = fs::read(folder.path().join("mine.toml")).unwrap();
        let (code, _, err) = done(folder.path(), &new);
        assert_eq!(code, 2);
        assert!(err.contains("`mine.toml` is there already"), "{err}");
        assert_eq!(fs::read(folder.path().join("mine.toml")).unwrap(), written);
    }
}

#[test]
fn a_graph_file_that_is_not_there_is_likened_to_one_that_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("good.toml"),
        "[agents.a]\nop = \"counter\"\n",
    )
    .unwrap();
    for name in ["good", "goood.toml"] {
        let (code, _, err) = done(folder.path(), &["check", name]);
        assert_eq!(code, 2);
        assert!(err.contains("did you mean `good.toml`?"), "{name}: {err}");
    }
    let (_, _, err) = done(folder.path(), &["ops", "smooth"]);
    assert!(
        err.contains("these speak of it") && err.contains("savgol"),
        "{err}"
    );
}

#[test]
fn bash_completes_operators_and_runs_behind_the_commands_that_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let asked = r#"
        PATH="$(dirname "$THALWEG"):$PATH"
        source <(thalweg completions bash)
        try() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _thalweg_named thalweg "${@: -1}" "${@: -2:1}"
            echo "${COMPREPLY[*]}"
        }
        complete -p thalweg
        try thalweg ops iir.low
        try thalweg sto
        try thalweg stop --n
        try thalweg run --pin m
    "#;
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", asked])
        .current_dir(folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("THALWEG", env!("CARGO_BIN_EXE_thalweg"));
    let (code, out, err) = told(bash.output().unwrap());
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("-F _thalweg_named"), "{out}");
    assert_eq!(
        lines[1..],
        ["iir.lowpass", "stop", "--now", "measure"],
        "{out}"
    );
}

#[test]
fn a_listing_into_a_closed_pipe_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["schema"][..],
        &["ops"],
        &["completions", "bash"],
        &["ops", "--json"],
    ] {
        let mut child = thalweg(folder.path(), args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let (code, _, err) = told(child.wait_with_output().unwrap());
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_under_a_listing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = thalweg(folder.path(), &["schema"]);
    let (code, _, err) = told(command.stdout(full).output().unwrap());
    assert_eq!(code, 3);
    assert!(err.contains("standard output cannot be written"), "{err}");
}
