//! Every parameter of every operator with values that it may not expect: refused by name, or taken; never a panic.

use std::panic::catch_unwind;

use thalweg::oneline::load_line;
use thalweg::resolve::resolve;
use thalweg::sets::apply_sets;
use thalweg::worker::operators;

/// Numbers, texts and lists at the edges of what can be written.
const VALUES: [&str; 16] = [
    "-1",
    "0",
    "1e300",
    "-1e300",
    "nan",
    "9223372036854775807",
    "0.5",
    "1e-300",
    "\"\"",
    "\"abc\"",
    "[]",
    "[-1, 0]",
    "[1e300]",
    "true",
    "\"-1 s\"",
    "\"1e300 s\"",
];

#[test]
fn every_parameter_is_judged_at_its_place_and_without_panic() {
    let mut wrong = Vec::new();
    for op in operators::table() {
        let agent = agent_of(op.example, op.name);
        for (param, value) in op
            .params
            .iter()
            .flat_map(|p| VALUES.map(|value| (p, value)))
        {
            let set = format!("{agent}.{}={value}", param.name);
            let judged = catch_unwind(|| judged(op.example, &set));
            let says = match judged {
                Err(_) => "panics".to_owned(),
                Ok(None) => continue,
                Ok(Some(said)) => said,
            };
            let has_place = says.contains("--set:1:") || says.contains("<command line>:1:");
            if !has_place || says.contains("os error") {
                wrong.push(format!("{set}: {says}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is said of the line with this setting; `None` where it is taken.
fn judged(line: &str, set: &str) -> Option<String> {
    let mut graph = load_line(line).unwrap();
    let set_it = apply_sets(&mut graph, &[set.to_owned()]);
    let judged = set_it.and_then(|()| resolve(graph));
    judged.err().map(|refused| refused.to_string())
}

/// The name of the agent that has this operator in a line.
fn agent_of(line: &str, op: &str) -> String {
    let graph = load_line(line).unwrap();
    let agent = graph.agents.iter().find(|agent| match &agent.work {
        thalweg::decl::WorkDecl::Op { op: name, .. } => name.value == op,
        thalweg::decl::WorkDecl::Native { .. } => false,
    });
    agent
        .unwrap_or_else(|| panic!("`{line}` has no {op}"))
        .name
        .value
        .clone()
}

#[test]
fn numbers_of_64_bits_and_those_that_are_none_are_taken_where_an_item_may_have_them() {
    let taken = [
        "counter start=18446744073709551613 dtype=u64 ! null",
        "counter start=\"18446744073709551613\" step=-1 dtype=u64 ! null",
        "const value=[nan, -inf] ! null",
        "const value=18446744073709551615 dtype=u64 ! delay initial=\"18446744073709551615\" ! scan next=s init=9223372036854775808 ! null",
        "noise ! map expr=0 ! null",
        "x:noise ; y:noise ; zip in={ p=x, q = \"y\" } expr=\"p + q\" ! null",
    ];
    for line in taken {
        thalweg::resolve::resolve(thalweg::oneline::load_line(line).unwrap())
            .unwrap_or_else(|refused| panic!("{line}: {refused}"));
    }
    let refused = [
        (
            "counter start=18446744073709551613 ! null",
            "which no i64 holds",
        ),
        (
            "counter items=9223372036854775808 ! null",
            "more than 2^63 - 1",
        ),
        ("const value=nan dtype=i32 ! null", "which no i32 holds"),
        ("sine freq=nan ! null", "`freq` is nan, which is no number"),
        ("noise ! map expr=\"foo(x)\" ! null", "there are abs, acos"),
        (
            "noise ! window size=2 fn=avg ! null",
            "did you mean \"mean\"?",
        ),
        ("noise ! tee ! null", "a stream may have many readers"),
        (
            "x:noise ; zip in={p=x q} ! null",
            "a table has name=value in it",
        ),
        ("x:noise ; zip in={p=x", "a table does not end"),
    ];
    for (line, words) in refused {
        crate::has(&crate::said_of_line(line), &[words]);
    }
    let loop_of_texts = "[agents.a]\nop = \"text.read\"\npath = \"Cargo.toml\"\n[agents.m]\nop = \"merge\"\nin = [\"a\", \"d\"]\n[agents.d]\nop = \"delay\"\nin = \"m\"\ninitial = \"a\"\n[agents.n]\nop = \"null\"\nin = \"m\"\n";
    thalweg::resolve::resolve(crate::declared(loop_of_texts).unwrap()).unwrap();
}

#[test]
fn what_is_live_is_a_number_like_others() {
    let said = crate::said_of_line("sine freq=[1,2] rate=10 items=5 ! null");
    crate::has(
        &said,
        &["`freq` is a list of 2, and should be a number, or a frequency such as"],
    );
}

#[test]
fn a_parameter_s_name_of_another_library_leads_to_ours_and_never_to_a_key_that_looks_alike() {
    let noise = "noise rate=1000 items=100 !";
    let cases = [
        ("iir.lowpass Wn=10", "`iir.lowpass` calls it `cutoff`"),
        (
            "iir.lowpass cutoff=10 rp=1",
            "`iir.lowpass` calls it `ripple`",
        ),
        (
            "savgol window_length=5 order=2",
            "`savgol` calls it `polyorder`",
        ),
        (
            "iir.biquad freq=10 type=peak",
            "`iir.biquad` calls it `kind`",
        ),
        ("iir.lowpass cutoff=10 xp=1", "`iir.lowpass` takes cutoff"),
        ("iir.lowpass cutoff=10 wroker=a", "did you mean `worker`?"),
        (
            "iir.lowpass cutoff=10 on_eror=skip",
            "did you mean `on_error`?",
        ),
        ("iir.lowpass cutof=10", "did you mean `cutoff`?"),
    ];
    for (line, help) in cases {
        let refused = load_line(&format!("{noise} {line} ! null")).and_then(resolve);
        let says = refused.unwrap_err().to_string();
        assert!(says.contains(help), "{line}: {says}");
    }
}
