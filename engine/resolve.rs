//! Names to edges, operators to blueprints: a graph as written becomes a [`Resolved`] one, or is refused.
//!
//! Uses of sub-graphs become agents first ([`compose`]). Then four looks, each at the whole graph, so that
//! one run shows all that is wrong: `link` finds what names mean, `order` sorts agents so that a producer comes before its readers, `build` makes each agent with
//! the types, rates and units its inputs have, `check` judges what needs all of them (settings, files, warnings).
//!
//! A cycle must pass through a `delay`. Its output is needed before its input is known, so its type is
//! assumed (`dtype`, else f64, else one that streams of the graph have) and the graph is built again with
//! the type that arrived, until it is the one that was assumed.

use crate::compose;
use crate::decl::{GraphDecl, SourceText};
use crate::diag::{Diagnostic, Refused};
use crate::resolved::Resolved;

mod build;
mod check;
mod extensions;
mod files;
mod link;
pub(crate) mod names;
mod numbers;
pub(crate) mod order;
mod rates;
mod ratios;
mod units;

pub(crate) use files::{check_place, printer, similar_file, whose};
pub(crate) use link::reader_of;

/// Gives a graph its types, rates and edges; the second part are warnings.
///
/// # Errors
/// Every finding that keeps the graph from running, in the order of the text.
pub fn resolve(mut graph: GraphDecl) -> Result<(Resolved, Vec<Diagnostic>), Refused> {
    compose::expand(&mut graph)?;
    let mut found = Vec::new();
    let links = link::link(&graph, &mut found);
    let order = match order::order(&graph, &links) {
        Ok(order) => order,
        Err(cycle) => {
            found.push(cycle);
            return Err(refused(found, &graph.source));
        }
    };
    let built = build::build(&graph, &links, &order, &mut found);
    check::settings(&graph, &built, &mut found);
    check::claims(&graph, &built, &mut found);
    files::conflicts(&graph, &built, &mut found);
    Refused::unless_empty(found, &graph.source)?;
    Ok(check::finish(graph, &links, &order, built))
}

fn refused(mut found: Vec<Diagnostic>, source: &Option<SourceText>) -> Refused {
    found.sort_by_key(Diagnostic::place);
    Refused {
        diagnostics: found,
        source: source.clone(),
    }
}
