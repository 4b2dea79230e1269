//! What a user is told of a wrong graph: the thing, what was found, and what would mend it.

use std::path::PathBuf;

use thalweg::decl::GraphDecl;
use thalweg::diag::Refused;
use thalweg::file::parse;
use thalweg::oneline::load_line;
use thalweg::resolve::resolve;
use thalweg::sets::apply_sets;

mod expressions;
mod inputs;
mod parameters;
mod paths;
mod settings;
mod sites;
mod slips;
mod syntax;

fn declared(text: &str) -> Result<GraphDecl, Refused> {
    parse(text.to_owned(), "g.toml", "g", PathBuf::new())
}

/// What is said of a graph file.
fn said_of_file(text: &str) -> String {
    said(declared(text), text)
}

/// What is said of a graph in one line.
fn said_of_line(text: &str) -> String {
    said(load_line(text), text)
}

/// What is said of a graph in one line with settings.
fn said_of_settings(line: &str, sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let set = load_line(line).and_then(|mut graph| {
        apply_sets(&mut graph, &sets)?;
        Ok(graph)
    });
    said(set, &format!("{line} {sets:?}"))
}

fn said(graph: Result<GraphDecl, Refused>, shown: &str) -> String {
    match graph.and_then(resolve) {
        Ok(_) => panic!("accepted: {shown}"),
        Err(refused) => refused.to_string(),
    }
}

/// All these words are said.
fn has(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "no {words:?} in:\n{said}");
    }
}
