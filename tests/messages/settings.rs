//! What `--set` gives is refused at the setting, not at the graph.

use crate::{has, said_of_settings};

const LINE: &str = "tone:sine freq=1 rate=10 items=4 ! out:null";

#[test]
fn a_value_that_only_the_operator_can_judge_is_shown_at_the_setting() {
    let said = said_of_settings(LINE, &["tone.amplitude=2", "tone.rate=-1"]);
    has(
        &said,
        &["agent `tone`: `rate` is -1", "--set:2:11", "tone.rate=-1"],
    );
    assert!(!said.contains("<command line>"), "{said}");
}

const LIVE: &str = "counter items=4 ! m:map expr=\"x * gain + off\" live={gain=2, off=0.5} ! null";

#[test]
fn a_live_number_that_is_none_is_shown_at_the_setting() {
    for (value, words) in [
        ("foo", "the text \"foo\", and should be a finite number"),
        (
            "nan",
            "nan, which is no number, and should be a finite number",
        ),
        ("[1, 2]", "a list of 2, and should be a finite number"),
        ("9007199254740993", "should be a number that f64 holds"),
    ] {
        let said = said_of_settings(LIVE, &[&format!("m.gain={value}")]);
        has(
            &said,
            &["agent `m`: `gain` of `live` is", words, "--set:1:8"],
        );
        assert!(!said.contains("<command line>"), "{said}");
    }
}

#[test]
fn a_live_number_s_name_is_guessed_and_all_are_listed() {
    let said = said_of_settings(LIVE, &["m.gian=3"]);
    has(
        &said,
        &["no parameter `gian`", "did you mean `gain`?", "--set:1:3"],
    );
    let said = said_of_settings(LIVE, &["m.zzz=3"]);
    has(
        &said,
        &["`map` takes expr, live; its live numbers are gain, off"],
    );
}

#[test]
fn an_unknown_key_is_shown_at_the_setting() {
    let said = said_of_settings(LINE, &["tone.frequency=3"]);
    has(
        &said,
        &[
            "no parameter `frequency`",
            "--set:1:6",
            "`sine` calls it `freq`",
        ],
    );
}

#[test]
fn an_input_and_a_stream_that_are_none_are_shown_at_the_setting() {
    let said = said_of_settings(LINE, &["out.in=tune"]);
    has(&said, &["--set:1:8", "did you mean `tone`?"]);
    let said = said_of_settings(LINE, &["streams.tune.capacity=64"]);
    has(&said, &["--set:1:9", "`tune`"]);
}

#[test]
fn a_worker_that_nobody_names_is_refused() {
    let said = said_of_settings(LINE, &["workers.w.core=1"]);
    has(&said, &["there is no worker `w`", "--set AGENT.worker=w"]);
    let line = format!("{LINE} worker=front");
    let said = said_of_settings(&line, &["workers.fornt.core=1"]);
    has(
        &said,
        &["there is no worker `fornt`", "did you mean `front`?"],
    );
}

#[test]
fn a_worker_that_is_set_as_an_agent_is_told_apart() {
    let said = said_of_settings(&format!("{LINE} worker=w"), &["w.core=1"]);
    has(
        &said,
        &["there is no agent `w`", "--set workers.w.KEY=VALUE"],
    );
}

#[test]
fn a_worker_may_be_declared_by_settings() {
    let mut graph = thalweg::oneline::load_line(LINE).unwrap();
    let sets = ["workers.w.core=0", "tone.worker=w"].map(str::to_owned);
    thalweg::sets::apply_sets(&mut graph, &sets).unwrap();
    let (resolved, _) = thalweg::resolve::resolve(graph).unwrap();
    assert_eq!(resolved.workers.len(), 1);
}

#[test]
fn a_key_and_a_value_of_a_worker_or_a_stream_are_underlined_alone() {
    let cases = [
        ("workers.w.cores=1", "--set:1:11"),
        ("workers.w.core=first", "--set:1:16"),
        ("streams.tone.capcity=64", "--set:1:14"),
        ("streams.tone.capacity=0", "--set:1:23"),
    ];
    for (set, place) in cases {
        has(
            &said_of_settings(LINE, &["out.worker=w", set]),
            &[set, place],
        );
    }
}
