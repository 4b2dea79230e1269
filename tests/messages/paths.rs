//! Files that cannot be written are refused before anything starts, and nothing is made or changed by looking.

use std::fs;
use std::os::unix::fs::symlink;

use thalweg::file::load_file;

use crate::{has, said, said_of_line};

fn writing(path: &str) -> String {
    said_of_line(&format!("counter items=3 ! csv.write path=\"{path}\""))
}

#[test]
fn a_place_that_takes_no_file_is_refused_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name).display().to_string();
    let cases = [
        ("/proc/out.csv".to_owned(), "`/proc` belongs to the kernel"),
        (
            "/sys/kernel/out.csv".to_owned(),
            "`/sys/kernel` belongs to the kernel",
        ),
        (of("missing/out.csv"), "there is no folder"),
        (of(""), "it is a folder"),
        (of("out/"), "it names a folder, no file"),
        (
            of(&"n".repeat(300)),
            "its name has 300 bytes, and 255 are the most",
        ),
    ];
    for (path, words) in cases {
        has(
            &writing(&path),
            &["agent `csv_write`", "cannot be written", words],
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_link_is_judged_by_where_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.csv");
    symlink("new.csv", &link).unwrap();
    let line = format!("counter items=3 ! csv.write path=\"{}\"", link.display());
    thalweg::resolve::resolve(thalweg::oneline::load_line(&line).unwrap()).unwrap();
    fs::remove_file(&link).unwrap();
    symlink("missing/new.csv", &link).unwrap();
    has(
        &writing(&link.display().to_string()),
        &["there is no folder"],
    );
}

#[test]
fn a_file_is_not_taken_for_one_of_another_kind() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["station.toml", "picks.csv", "plain"] {
        fs::write(folder.path().join(name), "1\n").unwrap();
    }
    let said = |name: &str| {
        let path = folder.path().join(name);
        said_of_line(&format!("text.read path=\"{}\" ! null", path.display()))
    };
    has(&said("pick.csv"), &["did you mean `picks.csv`?"]);
    has(&said("picks.cvs"), &["did you mean `picks.csv`?"]);
    has(&said("picks"), &["did you mean `picks.csv`?"]);
    has(&said("plain.txt"), &["did you mean `plain`?"]);
    let other = said("station.cf32");
    assert!(!other.contains("did you mean"), "{other}");
}

#[test]
fn a_sink_over_the_graph_or_what_it_includes_is_told_which() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.toml");
    fs::write(folder.path().join("part.toml"), "graphs = {}\n").unwrap();
    for (to, what) in [
        ("g.toml", "the graph file"),
        ("part.toml", "a file that the graph includes"),
    ] {
        let text = format!(
            "include = \"part.toml\"\n[agents]\na = {{ op = \"counter\", items = 3 }}\n\
             o = {{ op = \"csv.write\", in = \"a\", path = \"{to}\" }}\n"
        );
        fs::write(&path, &text).unwrap();
        has(
            &said(load_file(path.to_str().unwrap()), &text),
            &["agent `o` would write over", what],
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
