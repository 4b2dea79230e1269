//! The order in which agents are built: producers first, cycles opened at a `delay`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::link::Link;
use crate::decl::GraphDecl;
use crate::diag::Diagnostic;

/// The operator that a cycle may pass through.
pub(crate) const DELAY: &str = "delay";

/// A topological order of the agents.
pub(super) struct Order {
    /// Places in [`GraphDecl::agents`], producers before readers, as written where that leaves a choice.
    pub agents: Vec<usize>,
    /// For each agent: it is a `delay` that comes before the agent it reads.
    pub opens_cycle: Vec<bool>,
}

/// Sorts the agents.
///
/// # Errors
/// A cycle without a `delay`, agent by agent.
pub(super) fn order(graph: &GraphDecl, links: &[Link]) -> Result<Order, Diagnostic> {
    let mut sort = Sort::new(links);
    loop {
        sort.run();
        if sort.order.agents.len() == links.len() {
            return Ok(sort.order);
        }
        match sort.delay_on_a_cycle() {
            Some(delay) => {
                sort.order.opens_cycle[delay] = true;
                sort.ready.push(Reverse(delay));
            }
            None => return Err(cycle_without_delay(graph, links, &sort.placed)),
        }
    }
}

struct Sort<'a> {
    links: &'a [Link],
    readers: Vec<Vec<usize>>,
    /// Inputs whose producer is not placed yet.
    waiting: Vec<usize>,
    placed: Vec<bool>,
    ready: BinaryHeap<Reverse<usize>>,
    order: Order,
}

impl<'a> Sort<'a> {
    fn new(links: &'a [Link]) -> Sort<'a> {
        let mut readers = vec![Vec::new(); links.len()];
        for (reader, link) in links.iter().enumerate() {
            for reads in &link.inputs {
                readers[reads.producer].push(reader);
            }
        }
        let waiting: Vec<usize> = links.iter().map(|link| link.inputs.len()).collect();
        let ready = (0..links.len()).filter(|at| waiting[*at] == 0);
        Sort {
            links,
            readers,
            ready: ready.map(Reverse).collect(),
            waiting,
            placed: vec![false; links.len()],
            order: Order {
                agents: Vec::with_capacity(links.len()),
                opens_cycle: vec![false; links.len()],
            },
        }
    }

    fn run(&mut self) {
        while let Some(Reverse(at)) = self.ready.pop() {
            self.placed[at] = true;
            self.order.agents.push(at);
            for &reader in &self.readers[at] {
                self.waiting[reader] -= 1;
                if self.waiting[reader] == 0 && !self.placed[reader] {
                    self.ready.push(Reverse(reader));
                }
            }
        }
    }

    /// The first delay not yet placed that reads, over other such agents, what it gives.
    fn delay_on_a_cycle(&self) -> Option<usize> {
        let is_delay = |at: &usize| self.links[*at].op.is_some_and(|op| op.name == DELAY);
        let left = (0..self.links.len()).filter(|at| !self.placed[*at]);
        left.filter(is_delay).find(|at| self.reaches_itself(*at))
    }

    fn reaches_itself(&self, from: usize) -> bool {
        let mut seen = vec![false; self.links.len()];
        let mut stack = vec![from];
        while let Some(at) = stack.pop() {
            for &reader in &self.readers[at] {
                if reader == from {
                    return true;
                }
                if !self.placed[reader] && !seen[reader] {
                    seen[reader] = true;
                    stack.push(reader);
                }
            }
        }
        false
    }
}

/// Every agent left reads one that is left: walking from reader to producer must come round.
fn cycle_without_delay(graph: &GraphDecl, links: &[Link], placed: &[bool]) -> Diagnostic {
    let producer_left = |at: usize| {
        let mut left = links[at]
            .inputs
            .iter()
            .filter(|reads| !placed[reads.producer]);
        left.next().map(|reads| reads.producer)
    };
    let mut step_of = vec![usize::MAX; links.len()];
    let mut walk = Vec::new();
    let mut next = placed.iter().position(|placed| !placed);
    while let Some(at) = next {
        if step_of[at] != usize::MAX {
            walk.drain(..step_of[at]);
            break;
        }
        step_of[at] = walk.len();
        walk.push(at);
        next = producer_left(at);
    }
    walk.reverse();
    // It begins at the agent that was written first.
    let first = walk.iter().enumerate().min_by_key(|(_, at)| **at);
    let first = first.map_or(0, |(nth, _)| nth);
    walk.rotate_left(first);
    describe(graph, links, &walk)
}

fn describe(graph: &GraphDecl, links: &[Link], cycle: &[usize]) -> Diagnostic {
    const MOST: usize = 8;
    let name = |at: usize| graph.agents[at].name.value.as_str();
    let mut names: Vec<&str> = cycle.iter().map(|at| name(*at)).take(MOST).collect();
    if cycle.len() > MOST {
        names.push("..");
    }
    names.push(cycle.first().map_or("", |at| name(*at)));
    let mut refusal = Diagnostic::new(format!(
        "a cycle without a `{DELAY}`: {}",
        names.join(" -> ")
    ))
    .help(format!(
        "each waits for the one before it, for ever: put `op = \"{DELAY}\"` into the cycle"
    ));
    for (nth, at) in cycle.iter().enumerate().take(MOST) {
        let before = cycle[(nth + cycle.len() - 1) % cycle.len()];
        let input = links[*at]
            .inputs
            .iter()
            .find(|reads| reads.producer == before);
        if let Some(reads) = input {
            let words = format!("`{}` reads `{}`", name(*at), name(before));
            refusal = refusal.at(reads.span.clone(), words);
        }
    }
    refusal
}
