//! Loops that run dry: which there are, and when they may end.
//!
//! When nothing moves any more ([`Supervisor`](crate::supervise::Supervisor) says when that is), every agent that is
//! left waits for items, every item has been taken and nobody lacks room, then no item will ever come: what
//! waits are loops that wait for themselves, and what they feed. Those whose sources and feeding loops have all
//! ended are told so, by [`Dry`](thalweg_worker::dry::Dry), and their end flows on as any other. An item that
//! lies unread, or a stream without room, makes it a stall instead: something is lost there.

use crate::knots::{Knots, readers};
use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolve::order::DELAY;
use crate::resolved::{AgentIx, Resolved};
use crate::stall;

/// The loops of a graph, and what its agents need to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loops {
    /// Those that are fed come after those that feed them.
    knots: Vec<Knot>,
    /// The loop of each agent that is in one.
    knot_of: Vec<Option<usize>>,
    /// Inputs that read what their own agent gives, around a loop: agent and input.
    back: Vec<(AgentIx, usize)>,
    needs: Vec<Needs>,
}

/// A loop, or several that share agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knot {
    /// One more than the highest of the loops that feed it.
    pub level: u64,
    /// Its agents.
    pub agents: Vec<AgentIx>,
    /// Those of them that are delays: no loop is without.
    pub delays: Vec<AgentIx>,
    /// Agents outside of it that write what it reads.
    pub feeders: Vec<AgentIx>,
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
        let (knots, knot_of) = knots(graph);
        let inputs = |a: AgentIx| (0..graph.agents[a].inputs.len()).map(move |i| (a, i));
        let leads_back = |&(a, i): &(AgentIx, usize)| {
            let producer = graph.streams[graph.agents[a].inputs[i]].producer.0;
            knot_of[a].is_some() && knot_of[producer] == knot_of[a]
        };
        let back = (0..graph.agents.len()).flat_map(inputs).filter(leads_back);
        Loops {
            back: back.collect(),
            needs: needs.collect(),
            knots,
            knot_of,
        }
    }

    /// All loops; those that are fed come after those that feed them.
    pub fn knots(&self) -> &[Knot] {
        &self.knots
    }

    /// The loop that an agent is in.
    pub fn knot_of(&self, agent: AgentIx) -> Option<&Knot> {
        self.knot_of[agent].map(|knot| &self.knots[knot])
    }

    /// The level of the loop that an agent delays.
    pub fn level_of(&self, agent: AgentIx) -> Option<u64> {
        let knot = self.knot_of(agent)?;
        knot.delays.contains(&agent).then_some(knot.level)
    }

    /// Does an input read what its own agent gives, around a loop?
    pub fn leads_back(&self, input: (AgentIx, usize)) -> bool {
        self.back.binary_search(&input).is_ok()
    }

    /// The highest level there is; 0 for a graph without loops.
    pub fn highest(&self) -> u64 {
        self.knots.iter().map(|knot| knot.level).max().unwrap_or(0)
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

/// The loops of a graph, and which of them each agent is in.
fn knots(graph: &Resolved) -> (Vec<Knot>, Vec<Option<usize>>) {
    let agents = graph.agents.len();
    let mut knot_of = vec![None; agents];
    let is_delay = |a: AgentIx| graph.agents[a].op == DELAY;
    if !(0..agents).any(is_delay) {
        return (Vec::new(), knot_of);
    }
    let found = Knots::of(graph);
    let mut members = vec![Vec::new(); found.count];
    for (agent, &knot) in found.of.iter().enumerate() {
        members[knot].push(agent);
    }
    let (mut before, mut feeders) = (vec![0; found.count], vec![Vec::new(); found.count]);
    let mut knots = Vec::new();
    // Knots are found readers first: the last one found feeds the others.
    for knot in (0..found.count).rev() {
        let agents = std::mem::take(&mut members[knot]);
        let is_loop = agents.iter().any(|&a| found.reads_its_own(graph, a));
        let level = before[knot] + u64::from(is_loop);
        for &a in &agents {
            for reader in readers(graph, a) {
                let to = found.of[reader];
                if to != knot {
                    before[to] = before[to].max(level);
                    feeders[to].push(a);
                }
            }
        }
        if is_loop {
            agents.iter().for_each(|&a| knot_of[a] = Some(knots.len()));
            knots.push(Knot {
                level,
                delays: agents.iter().copied().filter(|&a| is_delay(a)).collect(),
                feeders: std::mem::take(&mut feeders[knot]),
                agents,
            });
        }
    }
    (knots, knot_of)
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
