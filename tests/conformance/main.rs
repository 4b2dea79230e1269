//! What IoTPy's agents mean, and that Thalweg has a form for each that means the same.
//!
//! `vectors/` holds recorded runs of IoTPy: what went in, what came out. Each has a case in `cases/`, a
//! program and a graph file, which are fed the same items and must give the same; a vector without a case
//! fails the test, and so does one without a graph file, unless `cases::IN_RUST_ALONE` says why. Where IoTPy's
//! behaviour is a defect or an accident of how items came in batches, the case says what is right instead, and why.
//!
//! Programs are run in this process, in steps of one item, and forked on three workers. That needs a process
//! of one thread, so this file has its own `main`; `cargo test --test conformance NAME` runs what has NAME in it.

mod cases;
mod judge;
mod vector;

use std::path::Path;
use std::process::ExitCode;

use judge::{Case, Form};
use vector::Vector;

fn main() -> ExitCode {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/vectors");
    let vectors = Vector::all(&folder);
    let cases = cases::all();
    let mut failures = strangers(&cases, &vectors);
    failures.extend(untold(&vectors));
    failures.extend(without_graph_file(&cases, &vectors));
    let mut passed = 0;
    let is_wanted = |vector: &&Vector| {
        wanted
            .as_ref()
            .is_none_or(|w| vector.name.contains(w.as_str()))
    };
    for vector in vectors.iter().filter(is_wanted) {
        let before = failures.len();
        let mut forms = cases
            .iter()
            .filter(|case| case.vectors.contains(&&*vector.name))
            .peekable();
        if forms.peek().is_none() {
            failures.push(format!("{}: no case is for this vector", vector.name));
        }
        for form in forms {
            if let Err(what) = form.judge(vector) {
                failures.push(format!("{}: {what}", vector.name));
            }
        }
        passed += usize::from(failures.len() == before);
    }
    for failure in &failures {
        println!("{failure}\n");
    }
    println!(
        "conformance: {passed} vectors passed, {} failures",
        failures.len()
    );
    ExitCode::from(u8::from(!failures.is_empty()))
}

/// Cases for vectors that are not there, by a slip of the pen.
fn strangers(cases: &[&Case], vectors: &[Vector]) -> Vec<String> {
    let named = cases.iter().flat_map(|case| case.vectors);
    let alone = cases::IN_RUST_ALONE.iter().map(|(name, _)| name);
    named
        .chain(alone)
        .filter(|name| vectors.iter().all(|vector| vector.name != **name))
        .map(|name| format!("{name}: there is no vector of this name"))
        .collect()
}

/// Vectors that no graph file runs, though nothing says why; and those of which something says so that has ceased to hold.
fn without_graph_file(cases: &[&Case], vectors: &[Vector]) -> Vec<String> {
    let reason = |name: &str| {
        cases::IN_RUST_ALONE
            .iter()
            .find(|(alone, _)| *alone == name)
    };
    let has_file = |name: &str| {
        let is_file = |case: &&&Case| matches!(case.form, Form::File(_));
        (cases.iter().filter(is_file)).any(|case| case.vectors.contains(&name))
    };
    let judge = |vector: &Vector| match (has_file(&vector.name), reason(&vector.name)) {
        (true, None) | (false, Some(_)) => None,
        (true, Some(_)) => Some("a graph file runs it, and something says that none can"),
        (false, None) => Some("no graph file runs it, and nothing says why"),
    };
    let judged = vectors
        .iter()
        .filter_map(|vector| judge(vector).map(|what| (vector, what)));
    judged
        .map(|(vector, what)| format!("{}: {what}", vector.name))
        .collect()
}

/// Vectors that the page for IoTPy's users does not name.
fn untold(vectors: &[Vector]) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-iotpy.md");
    let page = std::fs::read_to_string(page).unwrap();
    let is_told = |vector: &&Vector| page.contains(&format!("`{}`", vector.name));
    let untold = vectors.iter().filter(|vector| !is_told(vector));
    untold
        .map(|vector| format!("{}: docs/from-iotpy.md does not name it", vector.name))
        .collect()
}
