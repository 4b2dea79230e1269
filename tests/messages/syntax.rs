//! What is no TOML, and what is a graph of nothing.

use thalweg::file::load_file;
use thalweg::oneline::load_line;
use thalweg::resolve::resolve;

use crate::{has, said_of_file, said_of_line};

#[test]
fn a_duplicate_key_is_named() {
    let said = said_of_file("[agents.a]\nop = \"sine\"\nfreq = 1\nfreq = 2\n");
    has(
        &said,
        &["duplicate key `freq`", "g.toml:4:1", "written once"],
    );
    let said = said_of_file("[agents.a]\nop = \"sine\"\n[agents.a]\nop = \"sine\"\n");
    has(&said, &["duplicate key `a`", "g.toml:3:9"]);
    assert_eq!(
        said.matches("error:").count(),
        1,
        "the header alone: {said}"
    );
    let said = said_of_file(
        "[agents.a]\nop = \"sine\"\n[agents.a]\nop = \"x\"\n[agents.b]\nop = \"x\"\nop = \"y\"\n",
    );
    assert_eq!(
        said.matches("error:").count(),
        2,
        "and what is behind it: {said}"
    );
}

#[test]
fn a_graph_in_one_line_is_no_file() {
    has(
        &said_of_file("counter items=3 ! print\n"),
        &["no TOML", "behind `-e`"],
    );
}

#[test]
fn what_others_call_the_operator_s_key_is_told() {
    for key in ["Op", "OP", "operator", "type"] {
        let said = said_of_file(&format!("[agents.a]\n{key} = \"counter\"\n"));
        has(
            &said,
            &["names no `op`", &format!("`{key}` is written `op`")],
        );
    }
}

#[test]
fn every_line_that_is_no_toml_is_told() {
    let said = said_of_file("[agents.a]\nop = = 3\n[agents.b]\nop = \"sine\" 5\nrate = \n");
    has(&said, &["g.toml:2:", "g.toml:4:", "g.toml:5:"]);
    assert_eq!(said.matches("error:").count(), 3, "{said}");
}

#[test]
fn an_empty_graph_is_named() {
    for text in ["", "\n# nothing yet\n", "name = \"g\"\n"] {
        has(
            &said_of_file(text),
            &["graph `g` (g.toml) has no agent", "[agents.NAME]"],
        );
    }
}

#[test]
fn a_number_that_is_none_is_refused_with_its_agent() {
    let of = |value: &str| {
        said_of_file(&format!(
            "[agents.s]\nop = \"sine\"\nfreq = 1\nrate = {value}\n"
        ))
    };
    has(
        &of("nan"),
        &["agent `s`: `rate` is nan, which is no number", "g.toml:4:8"],
    );
    has(&of("-inf"), &["`rate` is -inf"]);
    has(&of("-1e300"), &["agent `s`: `rate` is -1e300"]);
    has(&of("1979-05-27"), &["`rate` is the date"]);
    has(
        &of("{ a = 1 }"),
        &["`rate` is a table, and only `live` is one"],
    );
}

#[test]
fn a_choice_may_be_spelled_as_a_number() {
    let norm = |ord: &str| {
        format!(
            "[agents.v]\nop = \"const\"\nvalue = [3, 4]\n[agents.n]\nop = \"norm\"\nin = \"v\"\nord = {ord}\n"
        )
    };
    for ord in ["1", "2", "\"1\"", "\"inf\"", "inf"] {
        let graph = crate::declared(&norm(ord)).unwrap();
        thalweg::resolve::resolve(graph).unwrap();
    }
    has(
        &said_of_file(&norm("3")),
        &["`ord` is the whole number 3", "one of 2, 1, inf"],
    );
    has(
        &said_of_file(&norm("nan")),
        &["`ord` is nan", "one of 2, 1, inf"],
    );
}

#[test]
fn a_name_of_one_letter_is_like_no_other() {
    let said =
        said_of_file("[agents.x]\nop = \"counter\"\n[agents.o]\nop = \"null\"\nin = \"q\"\n");
    has(&said, &["there is no agent `q`", "the agents are x, o"]);
    let said = said_of_file("[agents.x]\nop = \"sine\"\nfrequency = 2\n");
    has(&said, &["`sine` calls it `freq`"]);
}

#[test]
fn an_empty_line_is_told_what_a_line_is() {
    let said = said_of_line("");
    has(&said, &["has no agent", "counter items=5 ! print"]);
    assert!(!said.contains("[agents.NAME]"), "{said}");
}

#[test]
fn a_bar_that_is_part_of_a_word_is_shown() {
    let cases = [
        ("counter items=5!print", "16", "5!print"),
        ("counter items=5! print", "16", "items=5! print"),
        ("counter items=5 !print", "17", "items=5 !print"),
        ("counter!print", "8", "counter!print"),
        ("counter items=5 worker=w!p:print", "25", "w!p:print"),
        ("counter ! csv.write path=o.csv!null", "31", "o.csv!null"),
    ];
    for (line, column, words) in cases {
        let place = format!("<command line>:1:{column}");
        let stands = format!("in `{words}` the `!` is part of a word");
        has(&said_of_line(line), &[&stands, &place, "stands alone"]);
    }
}

#[test]
fn an_exclamation_mark_that_is_meant_stays() {
    for line in [
        "counter items=5 ! filter expr=x!=3 ! null",
        "counter items=5 ! filter expr=\"x!=3\" ! null",
        "counter items=5 ! text.format format=yes! ! null",
        "counter items=5 ! text.format format=\"a!null\" ! null",
    ] {
        assert!(load_line(line).and_then(resolve).is_ok(), "{line}");
    }
}

#[test]
fn a_name_given_as_a_parameter_is_told_its_place() {
    let said = said_of_line("counter items=5 name=a ! null");
    has(
        &said,
        &["has no parameter `name`", "`NAME:counter` in a line"],
    );
}

#[test]
fn what_stands_where_an_operator_should_is_told_apart() {
    let said = said_of_line("c:counter items=5 ; c ! null");
    has(
        &said,
        &["no operator `c`", "`c` is an agent", "`print in=c`"],
    );
    let said = said_of_line("examples/quake.toml");
    has(&said, &["is a file: leave out `-e`"]);
    let Err(refused) = load_file("counter items=3 ! print") else {
        panic!("there is such a file");
    };
    has(&refused.to_string(), &["no such file", "behind `-e`"]);
}
