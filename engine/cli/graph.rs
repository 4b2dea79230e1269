//! `thalweg graph`: shows a graph.

use super::{Failure, GraphArg, give, give_json, refused_as_json, warn};
use crate::draw;

/// Show a graph: agents, workers, what flows on every edge
#[derive(clap::Args)]
pub struct Graph {
    #[command(flatten)]
    pub(super) graph: GraphArg,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as `--format json`
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A tree for a terminal
    Text,
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
    /// A picture
    Svg,
    /// For programs
    Json,
}

impl Graph {
    /// Prints the graph.
    ///
    /// # Errors
    /// The refusal.
    pub fn run(&self) -> Result<(), Failure> {
        let json = self.json || self.format == Format::Json;
        let (graph, warnings) = match self.graph.resolve() {
            Err(refused) if json => return Err(refused_as_json(&refused)),
            other => other?,
        };
        if json {
            return give_json(&draw::json(&graph));
        }
        warn(&warnings, &graph);
        give(&match self.format {
            Format::Text | Format::Json => draw::text(&graph),
            Format::Dot => draw::dot(&graph),
            Format::Mermaid => draw::mermaid(&graph),
            Format::Svg => draw::svg(&graph),
        })
    }
}
