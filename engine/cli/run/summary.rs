//! The summary at the end of a run.

use std::fmt::Write;

use crate::report::Report;

/// The summary as text: edges, workers, losses, and the sentence that says what limits.
pub fn text(report: &Report, _verbose: bool) -> String {
    let mut text = String::new();
    for edge in &report.edges {
        let to = if edge.to.is_empty() {
            "(nobody)"
        } else {
            &edge.to
        };
        let _ = writeln!(
            text,
            "{} -> {}: {} in, {} out, {} left, {} lost, {:.0}/s",
            edge.stream, to, edge.written, edge.read, edge.left, edge.lost, edge.rate
        );
    }
    for worker in &report.workers {
        let _ = writeln!(text, "{}: busy {:.0} %", worker.name, 100.0 * worker.busy);
    }
    let _ = writeln!(text, "lost {}", report.lost);
    if let Some(limit) = &report.limit {
        let _ = writeln!(text, "{limit}");
    }
    text
}
