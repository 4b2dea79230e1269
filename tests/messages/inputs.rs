//! Inputs of a wrong type are called by their streams, and the help is for what was found.

use crate::{has, said_of_file, said_of_line};

const TWO: &str = "tone:sine freq=1 rate=10 items=4 ; count:counter items=3 ; ";

#[test]
fn an_input_is_called_by_its_stream_and_by_its_letter() {
    for op in ["weave", "concat", "merge"] {
        let said = said_of_line(&format!("{TWO} {op} in=[tone, count] ! null"));
        has(
            &said,
            &["`tone` (input `a`) is f64 and `count` (input `b`) is i64"],
        );
    }
    let cases = [
        (
            "join in=[tone, count]",
            "`tone` (input `a`) is f64 and `count` (input `b`) is i64",
        ),
        (
            "release in=[tone, count] by=time",
            "takes timed items here, and `tone` (input `a`) is f64",
        ),
        (
            "t:timed in=tone ; zip in=[t, count]",
            "numbers, vectors of them or texts without `expr`, and `t` (input `a`) is timed<f64>",
        ),
        (
            "zip in=[tone, count] expr=\"a + c\"",
            "the inputs are `a` (tone), `b` (count)",
        ),
        ("map in=tone expr=\"y\"", "the input is called `x` (tone)"),
        (
            "map in=tone expr=\"y\" live={gain=2, off=1}",
            "the input is called `x` (tone), the live numbers `gain`, `off`",
        ),
        ("mix in=[tone, count]", "and `count` (input `b`) is i64"),
    ];
    for (agent, words) in cases {
        has(&said_of_line(&format!("{TWO} {agent} ! null")), &[words]);
    }
}

#[test]
fn an_only_input_is_called_by_its_stream_and_a_named_one_by_its_name_too() {
    let said = said_of_line("tone:sine freq=1 rate=10 items=4 ! norm ! null");
    has(
        &said,
        &[
            "`norm` takes vectors, and `tone` is f64",
            "`zip` without `expr`",
        ],
    );
    let said = said_of_file(
        "[agents.tone]\nop = \"sine\"\nfreq = 1\nrate = 9\n[agents.count]\nop = \"counter\"\n\
         [agents.all]\nop = \"merge\"\nin = { left = \"tone\", b = \"count\" }\n\
         [agents.out]\nop = \"null\"\nin = \"all\"\n",
    );
    has(
        &said,
        &["`tone` (input `left`) is f64 and `count` (input `b`) is i64"],
    );
    // A stream that is called as the input is needs one name.
    let said = said_of_line("a:counter items=3 ; b:noise items=3 ; weave in=[a, b] ! null");
    has(&said, &["`a` is i64 and `b` is f64"]);
}

#[test]
fn what_mends_a_type_is_for_the_type_that_was_found() {
    let text = "t:text.read path=README.md ! ";
    let complex = "c:sine freq=1 rate=9 dtype=cf64 ! ";
    let timed = "s:sine freq=1 rate=9 ! t:timed ! ";
    let cases = [
        (text, "moments", "`text.parse` makes numbers of text"),
        (
            text,
            "scan init=0 next=\"s + x\"",
            "`text.parse` makes numbers of text",
        ),
        (text, "timed", "`text.parse` makes numbers of text"),
        (
            text,
            "timed.window duration=1",
            "`text.parse` makes numbers of text",
        ),
        (timed, "moments", "AGENT.x has the values"),
        (timed, "quantile", "AGENT.x has the values"),
        (timed, "words", "AGENT.x has the values"),
        (complex, "moments", "take a part of complex numbers first"),
        (
            complex,
            "scan init=0 next=\"s + x\"",
            "take a part of complex numbers first",
        ),
        (
            "noise ! ",
            "misra_gries k=3",
            "expr = \"floor(x)\", dtype = \"i64\"",
        ),
        (
            "noise ! ",
            "timed.window duration=1",
            "`timed` gives items their times",
        ),
        ("noise ! ", "words", "`text.format` makes text of numbers"),
        (
            "const value=[1, 2] ! ",
            "moments",
            "`pick` takes an element of vectors",
        ),
    ];
    for (source, agent, help) in cases {
        has(
            &said_of_line(&format!("{source}{agent} ! null")),
            &["= help:", help],
        );
    }
}
