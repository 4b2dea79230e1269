//! A case for every vector, by what IoTPy calls the agents.

mod elements;
mod failures;
mod feedback;
mod filters;
mod graph_files;
mod joins;
mod learning;
mod processes;
mod siblings;
mod splits;
mod structures;
mod timed;
mod windows;

use crate::judge::Case;

/// All of them.
pub fn all() -> Vec<&'static Case> {
    let groups = [
        elements::CASES,
        windows::CASES,
        joins::CASES,
        splits::CASES,
        feedback::CASES,
        timed::CASES,
        filters::CASES,
        learning::CASES,
        structures::CASES,
        processes::CASES,
        failures::CASES,
        graph_files::CASES,
        siblings::CASES,
    ];
    groups.into_iter().flatten().collect()
}
