//! What of a run may be changed while it goes on, and changing it from another process.
//!
//! The run's file says where in the segment each worker's desk and control block lie. An order is laid on
//! the desk ([`Desk::give`]) under a lock, so there is one giver at a time; the worker takes it between two
//! steps, and its commit record says so. Both places are claims until they are held against the segment.

use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use thalweg_ringbuf::{Bell, Segment, enroll};
use thalweg_worker::control::{Control, ControlLayout, DONE, Shape};
use thalweg_worker::dials::{Desk, Turned};
use thalweg_worker::hail::hail;
use thalweg_worker::operators;

use crate::plan::Plan;
use crate::resolved::Resolved;

/// A worker with agents that have dials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveWorker {
    /// Its name.
    pub name: String,
    /// Its agents that have dials.
    pub agents: Vec<LiveAgent>,
    control: Range<usize>,
    desk: Range<usize>,
    /// Where its bell is: an order is taken at once by a worker that sleeps.
    bell: usize,
    /// The shapes of all its agents.
    shapes: Vec<Shape>,
}

/// An agent with dials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveAgent {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub op: String,
    /// Its parameters that may be changed.
    pub dials: Vec<LiveDial>,
    /// Its number among the worker's agents.
    seat: usize,
    /// True for an agent without inputs.
    is_source: bool,
}

/// A parameter that may be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveDial {
    /// The parameter.
    pub name: String,
    /// Its unit, "" where it has none.
    #[serde(default)]
    pub unit: String,
    /// Its value as built.
    pub value: f64,
    /// The smallest value it takes.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl LiveDial {
    /// The value in force, where this became of it.
    pub fn now(&self, turned: &Turned) -> f64 {
        match turned.times {
            0 => self.value,
            _ => turned.value,
        }
    }

    /// The values it takes, in words.
    pub fn range(&self) -> String {
        let unit = match self.unit.as_str() {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        let from = (self.least > f64::MIN).then(|| {
            let open = self.least.next_down();
            match is_shorter(open, self.least) {
                true => format!("above {}", named(open)),
                false => format!("at least {}", self.least),
            }
        });
        let to = (self.most < f64::MAX).then(|| {
            let open = self.most.next_up();
            match is_shorter(open, self.most) {
                true => format!("below {open}"),
                false => format!("at most {}", self.most),
            }
        });
        match (from, to) {
            (Some(from), Some(to)) => format!("{from} and {to}{unit}"),
            (Some(one), None) | (None, Some(one)) => format!("{one}{unit}"),
            (None, None) if unit.is_empty() => "any number".to_owned(),
            (None, None) => format!("any number of{unit}"),
        }
    }
}

/// Whether the bound that is left out is spelled shorter than the first value that is not.
fn is_shorter(open: f64, than: f64) -> bool {
    named(open).to_string().len() < than.to_string().len()
}

/// What lies below all normal numbers is called 0.
fn named(bound: f64) -> f64 {
    if bound.is_normal() { bound } else { 0.0 }
}

/// What a planned graph has that may be changed.
pub fn of(graph: &Resolved, plan: &Plan) -> Vec<LiveWorker> {
    let live = |agents: &[usize]| -> Vec<LiveAgent> {
        let seats = agents.iter().enumerate();
        seats
            .map(|(seat, &ix)| (seat, &graph.agents[ix]))
            .filter(|(_, agent)| !agent.blueprint.dials.is_empty())
            .map(|(seat, agent)| LiveAgent {
                name: agent.name.clone(),
                op: agent.op.clone(),
                dials: agent
                    .blueprint
                    .dials
                    .iter()
                    .map(|of| dial(of, &agent.op))
                    .collect(),
                seat,
                is_source: agent.inputs.is_empty(),
            })
            .collect()
    };
    let workers = plan.workers.iter().enumerate();
    let workers = workers.map(|(nth, worker)| LiveWorker {
        bell: plan.bells.start + nth * size_of::<Bell>(),
        name: worker.name.clone(),
        agents: live(&worker.agents),
        control: worker.control.clone(),
        desk: worker.desk.clone(),
        shapes: worker
            .agents
            .iter()
            .map(|&ix| Shape::of(&graph.agents[ix].blueprint))
            .collect(),
    });
    workers.filter(|worker| !worker.agents.is_empty()).collect()
}

fn dial(dial: &thalweg_worker::dials::Dial, op: &str) -> LiveDial {
    let params = operators::find(op).map_or(&[][..], |op| op.params);
    let param = params.iter().find(|param| param.name == dial.name);
    LiveDial {
        name: dial.name.clone().into_owned(),
        unit: param.map_or("", |param| param.unit).to_owned(),
        value: dial.value,
        least: dial.least,
        most: dial.most,
    }
}

/// One change that is asked for: places in the list of workers, of its agents, of its dials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// The worker.
    pub worker: usize,
    /// The agent among its live ones.
    pub agent: usize,
    /// The dial.
    pub dial: usize,
    /// The value.
    pub value: f64,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It holds, since this item of the agent's first input (of a source: of its output).
    Holds {
        /// The item.
        since: u64,
        /// True if it is counted on the output.
        is_source: bool,
    },
    /// The agent had ended.
    Ended,
    /// The worker did not take it in time; it will when it comes to its next step.
    Pending,
}

/// How long a worker is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(2);

/// Gives the orders, one for each worker that the wishes concern, and waits until they are taken. The caller
/// holds the lock that lets one process at a time give orders to this run.
///
/// # Errors
/// The segment is not what the run's file says.
pub fn give(
    segment: &Segment,
    workers: &[LiveWorker],
    wishes: &[Wish],
    is_alive: impl Fn() -> bool,
) -> Result<Vec<Outcome>, String> {
    // A bell of a run whose fences are asymmetric is rung by those that take part. Else a sleeper may miss it, and looks
    // a tenth of a second later.
    enroll();
    let mut outcomes = vec![Outcome::Pending; wishes.len()];
    let until = Instant::now() + PATIENCE;
    let mut orders = Vec::new();
    for (nth, worker) in workers.iter().enumerate() {
        if wishes.iter().any(|wish| wish.worker == nth) {
            let open = Open::of(segment, worker)?;
            let turn = open.order(worker, wishes.iter().filter(|wish| wish.worker == nth));
            open.bell.ring();
            // Relaxed: a number to call, which a dead worker's successor replaces.
            let pid = open.control.head().life.pid.load(Relaxed);
            hail(Pid::from_raw(i32::try_from(pid).unwrap_or(0)));
            orders.push((nth, open, turn));
        }
    }
    while !orders.is_empty() && Instant::now() < until {
        orders.retain(|(nth, open, turn)| {
            let worker = &workers[*nth];
            let Some(record) = open
                .record()
                .filter(|record| open.turn(worker, record) >= *turn)
            else {
                return true;
            };
            let own = wishes.iter().zip(&mut outcomes);
            for (wish, outcome) in own.filter(|(wish, _)| wish.worker == *nth) {
                *outcome = open.outcome(&worker.agents[wish.agent], wish, &record);
            }
            false
        });
        if !is_alive() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    Ok(outcomes)
}

/// What became of each dial so far, in the order in which workers, their agents and the dials are listed.
///
/// # Errors
/// The segment is not what the run's file says.
pub fn turned(segment: &Segment, workers: &[LiveWorker]) -> Result<Vec<Turned>, String> {
    let mut all = Vec::new();
    for worker in workers {
        let open = Open::of(segment, worker)?;
        let record = open.whole_record();
        for agent in &worker.agents {
            let dials = 0..agent.dials.len();
            all.extend(dials.map(|dial| open.turned(agent, dial, &record)));
        }
    }
    Ok(all)
}

/// A worker's desk and control block, seen from outside.
struct Open<'a> {
    desk: Desk,
    control: Control,
    bell: &'a Bell,
}

impl Open<'_> {
    fn of<'a>(segment: &'a Segment, worker: &LiveWorker) -> Result<Open<'a>, String> {
        let layout = Rc::new(ControlLayout::new(worker.shapes.iter().cloned()));
        let dials = layout.dials();
        let fits = |range: &Range<usize>, len: usize| {
            range.start.is_multiple_of(4096)
                && range.start <= range.end
                && range.len() >= len
                && range.end <= segment.len_bytes()
        };
        let known = worker.agents.iter().all(|agent| {
            let shape = worker.shapes.get(agent.seat);
            shape.is_some_and(|shape| shape.dials == agent.dials.len())
        });
        let bell = worker.bell..worker.bell.saturating_add(size_of::<Bell>());
        if !known
            || !bell.start.is_multiple_of(align_of::<Bell>())
            || bell.end > segment.len_bytes()
            || !fits(&worker.desk, Desk::len_bytes(dials))
            || !fits(&worker.control, layout.len_bytes)
        {
            return Err(format!(
                "its file does not fit its segment (worker `{}`)",
                worker.name
            ));
        }
        // SAFETY: inside the segment and aligned (above); the caller keeps it mapped while it waits, writable.
        let desk = unsafe { Desk::new(segment.as_ptr().add(worker.desk.start), dials) };
        // SAFETY: as above; this process only reads through it.
        let control = unsafe { Control::new(segment.as_ptr().add(worker.control.start), layout) };
        match control.matches() {
            true => Ok(Open {
                desk,
                control,
                // SAFETY: inside the segment and aligned (above), which outlives the reference; atomics, of which
                // any bytes are a value.
                bell: unsafe { &*segment.as_ptr().add(bell.start).cast::<Bell>() },
            }),
            false => Err(format!(
                "the control block of worker `{}` is another than its file says",
                worker.name
            )),
        }
    }

    /// Lays an order on the desk: the values that hold or were asked for last, with the wishes over them.
    fn order<'a>(&self, worker: &LiveWorker, wishes: impl Iterator<Item = &'a Wish>) -> u64 {
        let record = self.whole_record();
        let taken = self.turn(worker, &record);
        let mut values = match self.desk.last().filter(|(turn, _)| *turn > taken) {
            Some((_, values)) => values,
            None => self.in_force(worker, &record),
        };
        for wish in wishes {
            let before = worker.agents[..wish.agent].iter();
            let first: usize = before.map(|agent| agent.dials.len()).sum();
            values[first + wish.dial] = wish.value;
        }
        self.desk.give(taken + 1, &values)
    }

    /// A record that moved while being read is read again; a step takes microseconds.
    fn whole_record(&self) -> Vec<u64> {
        loop {
            if let Some(record) = self.record() {
                return record;
            }
        }
    }

    fn record(&self) -> Option<Vec<u64>> {
        self.control.snapshot().map(|(_, record)| record)
    }

    /// The turn of the last order that the worker took.
    fn turn(&self, worker: &LiveWorker, record: &[u64]) -> u64 {
        let seats = worker.agents.iter().map(|agent| agent.seat);
        let turns = seats.map(|seat| record[self.control.layout().agents[seat].turn_word()]);
        turns.max().unwrap_or(0)
    }

    fn in_force(&self, worker: &LiveWorker, record: &[u64]) -> Vec<f64> {
        let dials = worker.agents.iter().flat_map(|agent| {
            let dials = agent.dials.iter().enumerate();
            dials.map(move |(nth, dial)| (agent, nth, dial))
        });
        dials
            .map(|(agent, nth, dial)| dial.now(&self.turned(agent, nth, record)))
            .collect()
    }

    fn turned(&self, agent: &LiveAgent, dial: usize, record: &[u64]) -> Turned {
        self.control.layout().agents[agent.seat].turned(record, dial)
    }

    fn outcome(&self, agent: &LiveAgent, wish: &Wish, record: &[u64]) -> Outcome {
        let turned = self.turned(agent, wish.dial, record);
        let flags = record[self.control.layout().agents[agent.seat].word];
        let is_source = agent.is_source;
        match turned {
            Turned { times: 0, .. } if agent.dials[wish.dial].value == wish.value => {
                Outcome::Holds {
                    since: 0,
                    is_source,
                }
            }
            Turned {
                times,
                value,
                since,
            } if times > 0 && value == wish.value => Outcome::Holds { since, is_source },
            _ if flags & DONE != 0 => Outcome::Ended,
            _ => Outcome::Pending,
        }
    }
}
