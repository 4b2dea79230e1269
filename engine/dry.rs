//! Loops that run dry: which there are, and when they may end.
//!
//! When nothing moves any more ([`Supervisor`](crate::supervise::Supervisor) says when that is), every agent that is
//! left waits for items, every item has been taken and nobody lacks room, then no item will ever come: what
//! waits are loops that wait for themselves, and what they feed. Those whose sources and feeding loops have all
//! ended are told so, by [`Dry`](thalweg_worker::dry::Dry), and their end flows on as any other. An item that
//! lies unread, or a stream without room, makes it a stall instead: something is lost there.

use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Resolved};
use crate::stall;

/// The loops of a graph, and what its agents need to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loops {
    /// The level of the loop that an agent delays; 0 for one that delays none.
    levels: Vec<u64>,
    /// Inputs that read what their own agent gives, around a loop: agent and input.
    back: Vec<(AgentIx, usize)>,
    needs: Vec<Needs>,
}

/// How many items each input must show, and for how many each output must have room, before an agent goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Needs {
    items: Vec<usize>,
    room: Vec<usize>,
}

impl Loops {
    /// The loops of a graph, whose agents are still in it.
    pub fn of(graph: &Resolved) -> Loops {
        let needs = graph.agents.iter().map(|agent| Needs {
            items: agent.blueprint.inputs.iter().map(|p| p.at_least).collect(),
            room: agent.blueprint.outputs.iter().map(|p| p.at_least).collect(),
        });
        let (levels, back) = levels(graph);
        Loops {
            levels,
            back,
            needs: needs.collect(),
        }
    }

    /// The level of the loop that an agent delays.
    pub fn level_of(&self, agent: AgentIx) -> Option<u64> {
        Some(self.levels[agent]).filter(|level| *level > 0)
    }

    /// Does an input read what its own agent gives, around a loop?
    pub fn leads_back(&self, input: (AgentIx, usize)) -> bool {
        self.back.binary_search(&input).is_ok()
    }

    /// The highest level there is; 0 for a graph without loops.
    pub fn highest(&self) -> u64 {
        self.levels.iter().copied().max().unwrap_or(0)
    }

    /// Where nothing moves any more: the level of the loops that have run dry, if that is why. Those up to
    /// `dry` were told already.
    pub fn run_dry(
        &self,
        graph: &Resolved,
        plan: &Plan,
        positions: &Positions,
        dry: u64,
    ) -> Option<u64> {
        let left = || (0..graph.agents.len()).filter(|&a| !positions.done[a]);
        if !left().all(|a| self.only_wants_items(graph, plan, positions, a)) {
            return None;
        }
        let lowest = left().filter_map(|a| self.level_of(a)).min()?;
        (lowest > dry).then_some(lowest)
    }

    /// Has taken all there is, has room, and may still be given something.
    fn only_wants_items(
        &self,
        graph: &Resolved,
        plan: &Plan,
        positions: &Positions,
        agent: AgentIx,
    ) -> bool {
        let (here, needs) = (&graph.agents[agent], &self.needs[agent]);
        let mut inputs = here.inputs.iter().enumerate();
        let taken = inputs.all(|(i, &s)| {
            let unread = positions.written[s].saturating_sub(positions.read[agent][i]);
            unread < needs.items[i] as u64
        });
        let mut outputs = here.outputs.iter().zip(&needs.room);
        let room = outputs.all(|(&s, &want)| stall::has_room(graph, plan, positions, s, want));
        let is_open = |&s: &usize| !positions.done[graph.streams[s].producer.0];
        taken && room && here.inputs.iter().any(is_open)
    }
}

/// The level of the loop that each agent delays, one more than the highest of the loops that feed it; and the inputs
/// that lead back.
fn levels(graph: &Resolved) -> (Vec<u64>, Vec<(AgentIx, usize)>) {
    let agents = graph.agents.len();
    let is_delay = |a: AgentIx| graph.agents[a].op == "delay";
    let mut levels = vec![0; agents];
    if !(0..agents).any(is_delay) {
        return (levels, Vec::new());
    }
    let knots = Knots::of(graph);
    let mut before = vec![0; knots.count];
    let mut members = vec![Vec::new(); knots.count];
    for (agent, &knot) in knots.of.iter().enumerate() {
        members[knot].push(agent);
    }
    // Knots are found readers first: the last one found feeds the others.
    for knot in (0..knots.count).rev() {
        let is_loop = members[knot].iter().any(|&a| knots.reads_its_own(graph, a));
        let level = before[knot] + u64::from(is_loop);
        for &a in &members[knot] {
            if is_loop && is_delay(a) {
                levels[a] = level;
            }
            for reader in readers(graph, a) {
                let to = knots.of[reader];
                if to != knot {
                    before[to] = before[to].max(level);
                }
            }
        }
    }
    let inputs = |a: AgentIx| (0..graph.agents[a].inputs.len()).map(move |i| (a, i));
    let leads_back = |&(a, i): &(AgentIx, usize)| {
        let producer = graph.streams[graph.agents[a].inputs[i]].producer.0;
        knots.of[producer] == knots.of[a]
    };
    let back = (0..agents).flat_map(inputs).filter(leads_back);
    (levels, back.collect())
}

fn readers(graph: &Resolved, agent: AgentIx) -> impl Iterator<Item = AgentIx> {
    let outputs = graph.agents[agent].outputs.iter();
    outputs.flat_map(|&s| graph.streams[s].readers.iter().map(|&(reader, _)| reader))
}

/// Agents that can all reach each other are one knot (Tarjan's strongly connected components, 1972).
struct Knots {
    /// The knot of each agent. A knot's readers have lower numbers.
    of: Vec<usize>,
    count: usize,
}

impl Knots {
    fn of(graph: &Resolved) -> Knots {
        const NEW: usize = usize::MAX;
        let agents = graph.agents.len();
        let mut knots = Knots {
            of: vec![NEW; agents],
            count: 0,
        };
        let (mut found, mut lowest) = (vec![NEW; agents], vec![NEW; agents]);
        let (mut open, mut next) = (Vec::new(), 0);
        for start in 0..agents {
            if found[start] != NEW {
                continue;
            }
            let mut walk = vec![(start, readers(graph, start))];
            (found[start], lowest[start], next) = (next, next, next + 1);
            open.push(start);
            while let Some((at, ahead)) = walk.last_mut() {
                let at = *at;
                match ahead.next() {
                    Some(reader) if found[reader] == NEW => {
                        (found[reader], lowest[reader], next) = (next, next, next + 1);
                        open.push(reader);
                        walk.push((reader, readers(graph, reader)));
                    }
                    Some(reader) if knots.of[reader] == NEW => {
                        lowest[at] = lowest[at].min(found[reader]);
                    }
                    Some(_) => {}
                    None => {
                        walk.pop();
                        if let Some((before, _)) = walk.last() {
                            lowest[*before] = lowest[*before].min(lowest[at]);
                        }
                        if lowest[at] == found[at] {
                            let members = open.iter().rposition(|&a| a == at).unwrap_or(0);
                            for member in open.drain(members..) {
                                knots.of[member] = knots.count;
                            }
                            knots.count += 1;
                        }
                    }
                }
            }
        }
        knots
    }

    /// Does an agent write what one of its own knot reads?
    fn reads_its_own(&self, graph: &Resolved, agent: AgentIx) -> bool {
        readers(graph, agent).any(|reader| self.of[reader] == self.of[agent])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneline::load_line;
    use crate::resolve::resolve;

    #[track_caller]
    fn check(line: &str, expected: &[(&str, u64)]) {
        let (graph, _) = resolve(load_line(line).unwrap()).unwrap();
        let loops = Loops::of(&graph);
        let agents = graph.agents.iter().enumerate();
        let found = agents.filter_map(|(a, agent)| {
            let level = loops.level_of(a)?;
            Some((agent.name.as_str(), level))
        });
        let mut found: Vec<(&str, u64)> = found.collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{line}");
        let highest = expected.iter().map(|(_, level)| *level).max();
        assert_eq!(loops.highest(), highest.unwrap_or(0));
    }

    #[test]
    fn loops_are_counted_from_the_sources_on() {
        check("counter items=3 ! delay ! null", &[]);
        check(
            "a:counter items=3 ; m:merge in=[a, d] ! d:delay",
            &[("d", 1)],
        );
        // A delay of two in one loop, and one behind it that is in none.
        check(
            "a:counter items=3 ; m:merge in=[a, d] ! c:delay ! d:delay ; z:delay in=m ! null",
            &[("c", 1), ("d", 1)],
        );
        // The second loop is fed by the first, the third by both, the fourth by none.
        check(
            "a:counter items=3 ; m:merge in=[a, d] ! d:delay ; n:merge in=[m, e] ! e:delay ; \
             o:merge in=[m, n, f] ! f:delay ; p:merge in=[a, g] ! g:delay",
            &[("d", 1), ("e", 2), ("f", 3), ("g", 1)],
        );
    }
}
