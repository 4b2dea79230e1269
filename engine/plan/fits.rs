//! Whether the segment fits into shared memory; where it does not, which stream takes most of it, and why.

use super::sizes::{in_items, least_capacity};
use super::{Machine, Options, Plan, PlanError};
use crate::diag;
use crate::doctor::bytes;
use crate::resolved::Resolved;

pub(super) fn fits(
    graph: &Resolved,
    plan: &Plan,
    machine: &Machine,
    options: &Options,
) -> Result<(), PlanError> {
    let need = plan.len_bytes as u64;
    match machine.shm_free {
        Some(have) if !options.in_process && need > have => {
            let (most, remedy) = largest(graph, plan, options);
            let (need, have) = unlike(need, have);
            Err(PlanError::Environment(format!(
                "shared memory: the graph needs {need} in /dev/shm and {have} are free{most}; {remedy}, enlarge it (mount -o remount,size=..), or run --in-process"
            )))
        }
        _ => Ok(()),
    }
}

/// Two numbers of bytes in words that tell them apart.
pub(crate) fn unlike(need: u64, have: u64) -> (String, String) {
    match (bytes(need), bytes(have)) {
        (one, other) if one == other => (format!("{need} bytes"), format!("{have} bytes")),
        short => short,
    }
}

/// The stream that takes most of it with the reason for its length, and what would make it shorter.
fn largest(graph: &Resolved, plan: &Plan, options: &Options) -> (String, String) {
    let lengths = plan.streams.iter().map(|stream| stream.data.len());
    let Some((ix, len)) = lengths.enumerate().max_by_key(|(_, len)| *len) else {
        return (String::new(), "take agents out".to_owned());
    };
    let (stream, items) = (&graph.streams[ix], plan.streams[ix].capacity);
    let item_len = stream.item_type.len_bytes() as u64;
    let (least, who) = least_capacity(graph, ix);
    let placed = |span| diag::place(graph.source.as_ref(), span);
    let at = |span| placed(span).map_or(String::new(), |place| format!(" ({place})"));
    let by_option = options.capacity.map(|c| in_items(c, item_len));
    let smaller = "give smaller capacities".to_owned();
    let (why, remedy) = match (&stream.capacity, by_option) {
        (Some((_, span)), _) => (format!(", by its capacity{}", at(span)), smaller),
        (None, Some(asked)) if asked >= least => (", by --capacity".to_owned(), smaller),
        _ if least > items / 2 => {
            let agent = &graph.agents[who];
            let why = format!(
                ", of which `{}`{} needs {least} items at once",
                agent.name,
                at(&agent.span)
            );
            (why, format!("let `{}` need fewer", agent.name))
        }
        _ => (String::new(), smaller),
    };
    let rounded = match (len - len / 8) as u64 > items.saturating_mul(item_len) {
        true => " (a power of two)",
        false => "",
    };
    let name = &stream.name;
    let most = format!(
        "; stream `{name}` takes {}{rounded}{why}",
        bytes(len as u64)
    );
    (most, remedy)
}
