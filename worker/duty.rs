//! The duty cycle: step after step, and what to do when there is nothing to do.
//!
//! An idle worker spins, then yields, then sleeps on its bell: waiting costs a cache-line transfer
//! while it spins and no CPU after. A source that waits for the world outside sleeps on its
//! descriptor (a [hail] wakes it) or until its moment instead.

use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

use thalweg_ringbuf::Bell;

use crate::agent::Wait;
use crate::clock;
use crate::control::{Phase, add};
use crate::hail;
use crate::rest::Rest;
use crate::subgraph::{Fault, Idle, Step, Subgraph};

/// What the worker is told from outside, polled between steps.
pub trait Orders {
    /// Sources are to end, and what is on its way is to drain.
    fn stop(&self) -> bool;

    /// Called now and then, also while idle: the place for a progress line.
    fn tick(&mut self) {}
}

/// How a run of the duty cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every agent is done.
    Done,
    /// Nothing can move, and there is nobody who could change that.
    Stuck,
}

/// How long a worker that has nothing to do stays awake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// It spins for so long: a new item costs the transfer of a cache line.
    pub spins: Duration,
    /// Then it offers its core to others so many times before it sleeps.
    pub yields: u32,
}

impl Patience {
    /// For a worker with a core to itself: longer than a wake-up takes, and short beside a millisecond.
    pub const SPIN: Patience = Patience {
        spins: Duration::from_micros(50),
        yields: 5,
    };
    /// For a worker that shares its core: what it waits for may be made there.
    pub const SLEEP: Patience = Patience {
        spins: Duration::ZERO,
        yields: 2,
    };
}

/// How many steps pass between two looks at the orders.
const STEPS_BETWEEN_ORDERS: u32 = 64;
/// How long a worker that other workers feed waits for the outside at once.
const SHORT_WAIT: Duration = Duration::from_millis(2);
/// How long anybody sleeps at once.
const LONG_WAIT: Duration = Duration::from_millis(100);

/// Runs the subgraph until all its agents are done, sleeping on `bell` when there is nothing to do, and
/// standing still between two steps while `rest` calls for it.
pub fn run(
    subgraph: &mut Subgraph,
    bell: &Bell,
    rest: &Rest,
    patience: Patience,
    orders: &mut dyn Orders,
) -> Result<Ended, Fault> {
    let mut cycle = Cycle {
        patience,
        yielded: 0,
        idle_since: None,
        ledger: Ledger::new(),
        until_orders: 0,
    };
    loop {
        if let Some(call) = rest.called() {
            cycle.rest(subgraph, bell, rest, call);
        }
        cycle.look_at_orders(subgraph, orders);
        match subgraph.step()? {
            Step::Moved => cycle.moved(subgraph),
            Step::Idle(why) => {
                if cycle.idle(subgraph, bell, rest, why) == Ended::Stuck {
                    return Ok(Ended::Stuck);
                }
            }
            Step::Done => {
                cycle.ledger.close(subgraph);
                return Ok(Ended::Done);
            }
        }
    }
}

struct Cycle {
    patience: Patience,
    yielded: u32,
    idle_since: Option<u64>,
    ledger: Ledger,
    until_orders: u32,
}

impl Cycle {
    fn look_at_orders(&mut self, subgraph: &mut Subgraph, orders: &mut dyn Orders) {
        if self.until_orders > 0 {
            self.until_orders -= 1;
            return;
        }
        self.until_orders = STEPS_BETWEEN_ORDERS;
        // Relaxed: a sign of life, one writer.
        let beat = &subgraph.control().head().life.beat;
        beat.store(beat.load(Relaxed) + 1, Relaxed);
        orders.tick();
        if orders.stop() {
            subgraph.stop_sources();
        }
    }

    fn moved(&mut self, subgraph: &Subgraph) {
        self.idle_since = None;
        self.yielded = 0;
        self.ledger.busy(subgraph);
    }

    fn idle(&mut self, subgraph: &mut Subgraph, bell: &Bell, rest: &Rest, why: Idle) -> Ended {
        self.ledger.idle(subgraph, why);
        if let Idle::Outside(wait) = why {
            self.until_orders = 0;
            self.ledger.park(subgraph);
            wait_outside(subgraph, bell, rest, wait);
            self.ledger.look();
            return Ended::Done;
        }
        if !subgraph.has_peers() {
            self.ledger.park(subgraph);
            return Ended::Stuck;
        }
        if self.stays_awake() {
            return Ended::Done;
        }
        self.until_orders = 0;
        self.ledger.park(subgraph);
        bell.sleep_unless(|| subgraph.is_ready() || rest.called().is_some(), LONG_WAIT);
        self.ledger.look();
        Ended::Done
    }

    /// Stands still until the call is over. The time is in nobody's books.
    fn rest(&mut self, subgraph: &Subgraph, bell: &Bell, rest: &Rest, call: u64) {
        self.ledger.book(subgraph);
        let resting = &subgraph.control().head().life.resting;
        // REST (out, to whoever reads it): all this worker stored comes before it rests.
        resting.store(call, Release);
        let is_over = || rest.called() != Some(call);
        while !is_over() {
            bell.sleep_unless(is_over, LONG_WAIT);
        }
        self.idle_since = None;
        self.ledger.go_on(subgraph);
    }

    /// Spins or yields once, unless it has done so for long enough.
    fn stays_awake(&mut self) -> bool {
        let now = self.ledger.looked;
        let since = *self.idle_since.get_or_insert(now);
        if u128::from(now - since) < self.patience.spins.as_nanos() {
            std::hint::spin_loop();
            return true;
        }
        if self.yielded < self.patience.yields {
            self.yielded += 1;
            std::thread::yield_now();
            return true;
        }
        false
    }
}

fn wait_outside(subgraph: &mut Subgraph, bell: &Bell, rest: &Rest, wait: Wait) {
    match wait {
        Wait::Until(moment) => {
            let wanted = || subgraph.is_ready() || rest.called().is_some();
            bell.sleep_unless(wanted, clock::until(moment).min(LONG_WAIT));
        }
        Wait::Readable(fd) => {
            let fed = subgraph.is_fed_by_peers();
            hail::wait_readable(fd, if fed { SHORT_WAIT } else { LONG_WAIT });
        }
    }
}

/// Where the time goes. The clock is read when the worker turns from busy to idle, and at each look
/// while it is idle, so that the step which ends the idling is booked as work.
struct Ledger {
    since: u64,
    looked: u64,
    cpu: u64,
    state: Phase,
}

impl Ledger {
    fn new() -> Ledger {
        let now = clock::now_ns();
        Ledger {
            since: now,
            looked: now,
            cpu: clock::cpu_ns(),
            state: Phase::Starved,
        }
    }

    /// A step moved something. It began after the last look.
    fn busy(&mut self, subgraph: &Subgraph) {
        if self.state == Phase::Busy {
            return;
        }
        self.turn(subgraph, Phase::Busy, self.looked);
        let life = &subgraph.control().head().life;
        for moment in [&life.first_ns, &life.moved_ns] {
            // Relaxed: one writer, read for reports.
            if moment.load(Relaxed) == 0 {
                moment.store(clock::now_ns(), Relaxed);
            }
        }
    }

    fn idle(&mut self, subgraph: &Subgraph, why: Idle) {
        let state = match why {
            Idle::Starved => Phase::Starved,
            Idle::Blocked => Phase::Blocked,
            Idle::Outside(_) => Phase::Outside,
        };
        self.look();
        if self.state != state {
            self.turn(subgraph, state, self.looked);
        }
    }

    /// Reads the clock while idle.
    fn look(&mut self) {
        self.looked = clock::now_ns();
    }

    /// Before a sleep: books what was so far, so that a report sees it.
    fn park(&mut self, subgraph: &Subgraph) {
        self.book(subgraph);
        add(&subgraph.control().head().time.parks, 1);
    }

    /// The end: whatever time follows belongs to nobody.
    fn close(&mut self, subgraph: &Subgraph) {
        self.book(subgraph);
        subgraph.control().set_phase(Phase::Done);
    }

    /// After a time that is not to be booked.
    fn go_on(&mut self, subgraph: &Subgraph) {
        self.look();
        self.since = self.looked;
        // Relaxed: one writer, read for reports.
        let since_ns = &subgraph.control().head().time.since_ns;
        since_ns.store(self.since, Relaxed);
    }

    fn book(&mut self, subgraph: &Subgraph) {
        self.look();
        self.turn(subgraph, self.state, self.looked);
        let cpu = clock::cpu_ns();
        add(&subgraph.control().head().time.cpu_ns, cpu - self.cpu);
        self.cpu = cpu;
    }

    /// Books the time from the last turn until `now`, and goes on in `state`.
    fn turn(&mut self, subgraph: &Subgraph, state: Phase, now: u64) {
        let time = &subgraph.control().head().time;
        let book = match self.state {
            Phase::Busy => &time.busy_ns,
            Phase::Blocked => &time.blocked_ns,
            Phase::Outside => &time.outside_ns,
            _ => &time.starved_ns,
        };
        add(book, now - self.since);
        self.since = now;
        self.state = state;
        // Relaxed: one writer, read for reports.
        time.since_ns.store(now, Relaxed);
        subgraph.control().set_phase(state);
    }
}
