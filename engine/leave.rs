//! Loops that end before they run dry: those whose readers have left, and those that a stop finds going.
//!
//! **Unwanted.** An agent whose readers have all left ends. In a loop each agent has a reader, so none would: here
//! it is judged over the whole. Wanted is who has no reader (a sink), and whoever a wanted agent reads; the agents of a
//! loop that are not, and from where there was a way to one that is done now, are dismissed. Who is done stays so,
//! so who is unwanted stays so: positions that are read late dismiss late and never wrongly. Nobody wanted reads what they give, so
//! nothing else changes.
//!
//! **Stopped.** A loop that nothing feeds is a source: its delays end at the stop by themselves
//! ([`Bed`](thalweg_worker::dry::Bed)). One that is fed goes on until it has run dry. Whether it ever will, nobody can
//! know. So when all that feeds it has ended, items are counted: where none has come to its end for a second, in which what the
//! loop holds has gone around a hundred times, it is taken for one that never runs dry, and its delays are dismissed. One whose agents give more than
//! they take goes slower the more it holds: of one that holds twice as much as it did, ten seconds and ten times are enough.

use std::time::{Duration, Instant};

use crate::dry::{Knot, Loops};
use crate::knots::readers;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Resolved};

/// How long, at least, a loop that was stopped may go around without holding less.
const GRACE: Duration = Duration::from_secs(1);
/// How often, at least. Halving a number of 64 bits goes around 64 times.
const ROUNDS: u64 = 100;
/// The same of a loop that holds [`MORE`] times what it did: a tree of items that still grows goes around less often than once for
/// each that it holds.
const GRACE_OF_MORE: Duration = Duration::from_secs(10);
const ROUNDS_OF_MORE: u64 = 10;
const MORE: u64 = 2;

/// Who of a run's loops was dismissed, and how loops that were stopped get on.
#[derive(Debug)]
pub struct Leaving {
    dismissed: Vec<bool>,
    /// One for each loop that was stopped and goes on.
    runs: Vec<Option<Run>>,
}

/// How a loop goes on that nothing feeds any more.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The least it has held.
    least: u64,
    /// When that was, and how many items its delays had passed on by then.
    since: Instant,
    passed: u64,
}

impl Leaving {
    /// Nobody was dismissed yet.
    pub fn new(graph: &Resolved, loops: &Loops) -> Leaving {
        Leaving {
            dismissed: vec![false; graph.agents.len()],
            runs: vec![None; loops.knots().len()],
        }
    }

    /// The agents that are to end and were not to before. `stopped`: sources were told to end.
    pub fn look(
        &mut self,
        graph: &Resolved,
        loops: &Loops,
        positions: &Positions,
        stopped: bool,
        now: Instant,
    ) -> Vec<AgentIx> {
        let unwanted = unwanted(graph, &positions.done);
        let in_loops = loops.knots().iter().flat_map(|knot| &knot.agents);
        let mut leave: Vec<AgentIx> = in_loops.copied().filter(|&a| unwanted[a]).collect();
        for (knot, run) in loops.knots().iter().zip(&mut self.runs) {
            if stopped && knot.feeders.iter().all(|&a| positions.done[a]) {
                let held = held(graph, knot, positions);
                let passed = knot
                    .delays
                    .iter()
                    .map(|&a| positions.items_read[a][0])
                    .sum();
                if goes_on_for_ever(run, held, passed, now) {
                    leave.extend(&knot.delays);
                }
            }
        }
        leave.retain(|&a| !std::mem::replace(&mut self.dismissed[a], true) && !positions.done[a]);
        leave
    }
}

/// Does a loop that holds so many items, and whose delays have passed on so many, go around for nothing?
fn goes_on_for_ever(run: &mut Option<Run>, held: u64, passed: u64, now: Instant) -> bool {
    match run {
        Some(run) if held >= run.least => {
            let around = passed.saturating_sub(run.passed);
            let has = |grace: Duration, rounds: u64| {
                now - run.since >= grace && around >= held.max(1).saturating_mul(rounds)
            };
            let holds_more = held >= run.least.max(1).saturating_mul(MORE);
            has(GRACE, ROUNDS) || holds_more && has(GRACE_OF_MORE, ROUNDS_OF_MORE)
        }
        _ => {
            *run = Some(Run {
                least: held,
                since: now,
                passed,
            });
            false
        }
    }
}

/// Items that lie before the agents of a loop.
fn held(graph: &Resolved, knot: &Knot, positions: &Positions) -> u64 {
    let unread = knot.agents.iter().flat_map(|&a| {
        let inputs = graph.agents[a].inputs.iter().zip(&positions.items_read[a]);
        inputs.map(|(&s, &read)| positions.items_written[s].saturating_sub(read))
    });
    unread.sum()
}

/// The agents that go on and whose items reach nobody any more, though they did.
fn unwanted(graph: &Resolved, done: &[bool]) -> Vec<bool> {
    let goes_on = |a: AgentIx| !done[a];
    let is_sink = |a: AgentIx| goes_on(a) && readers(graph, a).next().is_none();
    let wanted = upstream(graph, is_sink, goes_on);
    let reaches_nobody = |a: AgentIx| goes_on(a) && !wanted[a];
    let was_left = |a: AgentIx| reaches_nobody(a) && readers(graph, a).any(|reader| done[reader]);
    upstream(graph, was_left, reaches_nobody)
}

/// Those agents, and all that they read by way of agents that `passes` lets.
fn upstream(
    graph: &Resolved,
    from: impl Fn(AgentIx) -> bool,
    passes: impl Fn(AgentIx) -> bool,
) -> Vec<bool> {
    let mut found: Vec<bool> = (0..graph.agents.len()).map(from).collect();
    let mut open: Vec<AgentIx> = (0..found.len()).filter(|&a| found[a]).collect();
    while let Some(agent) = open.pop() {
        for &stream in &graph.agents[agent].inputs {
            let producer = graph.streams[stream].producer.0;
            if passes(producer) && !std::mem::replace(&mut found[producer], true) {
                open.push(producer);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneline::load_line;
    use crate::resolve::resolve;

    #[track_caller]
    fn check(line: &str, done: &str, expected: &str) {
        let (graph, _) = resolve(load_line(line).unwrap()).unwrap();
        let is_in = |names: &str, name: &str| names.split_whitespace().any(|n| n == name);
        let names = graph.agents.iter().map(|agent| agent.name.as_str());
        let done: Vec<bool> = names.clone().map(|name| is_in(done, name)).collect();
        let found: Vec<&str> = names
            .zip(unwanted(&graph, &done))
            .filter_map(|(name, unwanted)| unwanted.then_some(name))
            .collect();
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        expected.sort_by_key(|name| graph.agents.iter().position(|a| a.name == *name));
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn a_loop_is_unwanted_when_all_that_read_it_from_outside_have_left() {
        let line = "a:counter ; m:merge in=[a, d] ! x:copy ! d:delay items=0 ; h:head in=m items=3 ! p:null ; \
                    k:head in=x items=5 ! q:null";
        check(line, "", "");
        check(line, "h p", "");
        check(line, "k q", "");
        check(line, "h k p q", "a m x d");
        // `q` has not seen yet what `k` gave.
        check(line, "h k p", "a m x d");
    }

    #[test]
    fn a_loop_that_nobody_reads_from_outside_is_as_wanted_as_at_first() {
        check("a:counter ; m:merge in=[a, d] ! d:delay items=0", "", "");
    }

    #[test]
    fn a_part_of_a_loop_is_unwanted_when_its_way_to_the_rest_is_cut() {
        let line = "a:counter ; m:merge in=[a, d, e] ! d:delay items=0 ; h:head in=m items=3 ! n:merge in=[h, f] ! \
                    f:delay items=0 ; e:delay in=n items=0 ; o:null in=n";
        check(line, "", "");
        // `e` leads back to where nobody reads.
        check(line, "h", "a m d e");
    }

    #[test]
    fn loops_that_feed_each_other_are_judged_together() {
        let line = "a:counter ; m:merge in=[a, d] ! d:delay items=0 ; n:merge in=[m, e] ! e:delay items=0 ; \
                    h:head in=n items=3 ! o:null";
        check(line, "h", "a m d n e");
    }

    #[test]
    fn a_loop_that_was_stopped_is_given_time_as_long_as_it_gets_emptier() {
        let (start, mut run) = (Instant::now(), None);
        let mut at = |ms: u64, held: u64, passed: u64| {
            goes_on_for_ever(&mut run, held, passed, start + Duration::from_millis(ms))
        };
        assert!(!at(0, 3, 1000));
        // Often around, and not for long; then for long, but held by its readers.
        assert!(!at(900, 3, 100_000));
        assert!(!at(1900, 2, 100_000));
        assert!(!at(9000, 2, 100_100));
        assert!(!at(9100, 1, 100_110));
        assert!(!at(9200, 2, 200_000));
        assert!(at(10_100, 1, 200_000));
    }

    #[test]
    fn a_loop_that_was_stopped_and_gets_fuller_is_given_ten_seconds() {
        let (start, mut run) = (Instant::now(), None);
        let mut at = |ms: u64, held: u64, passed: u64| {
            goes_on_for_ever(&mut run, held, passed, start + Duration::from_millis(ms))
        };
        assert!(!at(0, 1000, 0));
        assert!(!at(9900, 5000, 60_000));
        // A tree that grows: each item goes around once.
        assert!(!at(10_000, 50_000, 100_000));
        // As many as at first, or hardly more.
        assert!(!at(11_000, 1500, 20_000));
        assert!(at(11_000, 2000, 20_000));
    }
}
