//! A case for every vector, by what IoTPy calls the agents.

mod elements;
mod feedback;
mod joins;
mod splits;
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
    ];
    groups.into_iter().flatten().collect()
}
