//! A case for every vector, by what IoTPy calls the agents.

mod elements;
mod failures;
mod feedback;
mod filters;
mod graph_files;
mod graph_files_more;
mod graph_files_timed;
mod joins;
mod learning;
mod processes;
mod siblings;
mod splits;
mod structures;
mod timed;
mod windows;

use crate::judge::Case;

pub use graph_files_more::IN_RUST_ALONE;

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
        graph_files_more::CASES,
        graph_files_timed::CASES,
        siblings::CASES,
    ];
    groups.into_iter().flatten().collect()
}
