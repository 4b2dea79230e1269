//! Supervision: a table of transitions over what can happen to a run.
//!
//! One thread waits for signals, the workers' words and the clock. What happens is one of a few
//! events, and each is a method named for it. The dead are known from the kernel alone (SIGCHLD and
//! `waitpid`), never from a missing sign of life: a worker that is slow or stopped is not dead.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::sync::atomic::Ordering::Relaxed;
use thalweg_worker::clock;
use thalweg_worker::control::Phase;
use thalweg_worker::hail::hail;

use crate::autopsy;
use crate::chaos::{Chaos, Toll};
use crate::decl::OnError;
use crate::dry::Loops;
use crate::leave::Leaving;
use crate::poison::{self, Letters, Skip};
use crate::positions::Positions;
use crate::resolved::{AgentIx, Resolved};
use crate::snapshot::image;
use crate::spawn::{CAREFUL_STEPS, Care, Child, EXIT_FAULT, EXIT_PANIC, Nursery, SpawnError};
use crate::stall;

mod snapshots;

use snapshots::Snapshots;
pub use snapshots::{Keeper, Regular, Tally};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every agent is done.
    Done,
    /// An agent or a worker failed.
    Failed(String),
    /// Nothing could move; who waits for whom.
    Stalled(Vec<String>),
    /// Killed by a second signal.
    Killed(Signal),
}

/// Told what goes on while it goes on.
pub trait Watch {
    /// About ten times a second.
    fn tick(&mut self, graph: &Resolved, nursery: &Nursery<'_>, restarts: &[u64]);

    /// A line of a worker's standard error.
    fn line(&mut self, worker: &str, line: &str);

    /// Something to know: draining, a restart.
    fn note(&mut self, words: &str);
}

/// The signals the coordinator hears through a descriptor.
pub fn heard() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGCHLD,
    ] {
        set.add(signal);
    }
    set
}

/// Takes the signals off the process and onto a descriptor. Must come before the first fork.
pub fn listen() -> Result<SignalFd, Errno> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, sigaction};
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed. An inherited "ignore" would lose the dead's status.
    unsafe { sigaction(Signal::SIGCHLD, &default)? };
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: as above. A file too large is then an error of the write, not a death.
    unsafe { sigaction(Signal::SIGXFSZ, &ignore)? };
    let mut heard = heard();
    // SAFETY: reads the disposition only.
    let hangup = unsafe { sigaction(Signal::SIGHUP, &ignore)? };
    match hangup.handler() {
        // `nohup` had it ignored: so it stays.
        SigHandler::SigIgn => heard.remove(Signal::SIGHUP),
        // SAFETY: puts back what was there.
        _ => drop(unsafe { sigaction(Signal::SIGHUP, &hangup)? }),
    }
    heard.thread_block()?;
    SignalFd::with_flags(&heard, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// How often the watch is told and the deadline looked at.
const TICK: Duration = Duration::from_millis(100);
/// Nothing was committed in so many rounds, in each of which every worker went to sleep so often: the run is
/// stalled. One round would not do, see `ringbuf/models/stall.pml`.
const ROUNDS_TO_STALL: u32 = 2;
const SLEEPS_A_ROUND: u64 = 3;
/// How soon the workers are looked at again while all of them sleep.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How many of a worker's last lines a failure shows.
const LAST_LINES: usize = 20;

/// A worker as the supervisor sees it.
struct Ward {
    child: Option<Child>,
    words: Words,
    deaths: u32,
    version_at_death: Option<u64>,
    /// How careful the living one is, and the version it began with.
    care: Care,
    born: u64,
    /// What it is to leave out and has not passed yet.
    skips: Vec<Skip>,
    restarts: u64,
    done: bool,
    /// The child has closed its standard error: there is nothing more to hear, and no use in waiting for it.
    mute: bool,
    /// When chaos killed the child that is there, ns of the monotonic clock.
    killed_ns: Option<u64>,
}

/// What a worker wrote to standard error: the unfinished line, and the last whole ones.
#[derive(Default)]
struct Words {
    unfinished: Vec<u8>,
    last: VecDeque<String>,
}

/// The supervisor of one run.
pub struct Supervisor<'a> {
    nursery: &'a Nursery<'a>,
    graph: &'a mut Resolved,
    signals: SignalFd,
    watch: &'a mut dyn Watch,
    wards: Vec<Ward>,
    deadline: Option<Instant>,
    draining: bool,
    quiet_since: Quiet,
    /// When to look for a stall again before the next tick.
    next_look: Option<Instant>,
    loops: Loops,
    leaving: Leaving,
    chaos: Option<Chaos>,
    letters: Letters,
    /// What deaths of workers cost outside of the graph.
    tolls: BTreeMap<AgentIx, String>,
    snapshots: Option<Snapshots>,
    verdict: Option<Verdict>,
}

/// Since when nothing moved: versions at that time, rounds since, counts of sleeps when this round began.
#[derive(Default)]
struct Quiet {
    versions: Vec<u64>,
    rounds: u32,
    sleeps: Vec<u64>,
}

impl<'a> Supervisor<'a> {
    /// A supervisor without children yet.
    pub fn new(
        nursery: &'a Nursery<'a>,
        graph: &'a mut Resolved,
        signals: SignalFd,
        watch: &'a mut dyn Watch,
        lasts: Option<Duration>,
        letters: Letters,
    ) -> Supervisor<'a> {
        let wards = nursery.plan.workers.iter().map(|_| Ward {
            child: None,
            words: Words::default(),
            deaths: 0,
            version_at_death: None,
            care: Care::Usual,
            born: 0,
            skips: Vec::new(),
            restarts: 0,
            done: false,
            mute: false,
            killed_ns: None,
        });
        let loops = Loops::of(graph);
        Supervisor {
            wards: wards.collect(),
            nursery,
            leaving: Leaving::new(graph, &loops),
            loops,
            next_look: None,
            graph,
            signals,
            watch,
            deadline: lasts.map(|d| Instant::now() + d),
            draining: false,
            quiet_since: Quiet::default(),
            chaos: None,
            letters,
            tolls: BTreeMap::new(),
            snapshots: None,
            verdict: None,
        }
    }

    /// Has workers killed at random while the run goes on.
    pub fn disturb(&mut self, chaos: Chaos) {
        self.chaos = Some(chaos);
    }

    /// Forks every worker. If one cannot be forked, those that were are gone when this returns.
    pub fn spawn(&mut self) -> Result<(), SpawnError> {
        for worker in 0..self.wards.len() {
            if let Err(error) = self.fork(worker, Care::Usual) {
                self.kill_all();
                return Err(error);
            }
        }
        Ok(())
    }

    fn fork(&mut self, worker: usize, care: Care) -> Result<(), SpawnError> {
        let ward = &mut self.wards[worker];
        let child = self.nursery.fork(self.graph, worker, care, &ward.skips)?;
        ward.child = Some(child);
        ward.care = care;
        ward.born = self.nursery.wired.controls[worker].version();
        Ok(())
    }

    /// Sets the workers going and waits for the run's end. No child is left when this returns.
    pub fn run(&mut self) -> Verdict {
        self.nursery.wired.latches.start.set();
        self.wake_all();
        let mut next_tick = Instant::now() + TICK;
        let verdict = loop {
            let next_kill = self.chaos.as_ref().and_then(Chaos::next);
            let next_snapshot = self.snapshots.as_ref().and_then(Snapshots::next);
            let next = [next_kill, next_snapshot, self.next_look]
                .into_iter()
                .flatten();
            self.wait(next.fold(next_tick, Instant::min));
            self.hear();
            self.listen_to_workers();
            let now = Instant::now();
            if next_kill.is_some_and(|kill| now >= kill) {
                self.on_chaos(now);
            }
            if now >= next_tick {
                next_tick = now + TICK;
                self.on_tick(now);
            } else if self.next_look.is_some_and(|look| now >= look) {
                self.look_for_a_stall(now);
            }
            self.look_after_snapshots(now);
            if let Some(verdict) = self.verdict.take() {
                break verdict;
            }
            if self.wards.iter().all(|w| w.done) && !self.is_writing() {
                break Verdict::Done;
            }
        };
        self.kill_all();
        self.give_up_writing();
        for worker in 0..self.wards.len() {
            self.settle_skips(worker);
        }
        self.verdict.take().unwrap_or(verdict)
    }

    /// Restarts of each worker.
    pub fn restarts(&self) -> Vec<u64> {
        self.wards.iter().map(|w| w.restarts).collect()
    }

    /// What deaths of workers cost outside of the graph, by agent.
    pub fn tolls(&self) -> BTreeMap<AgentIx, String> {
        self.tolls.clone()
    }

    /// What was lost outside of the graph otherwise, by agent.
    pub fn lost_outside(&self) -> BTreeMap<AgentIx, String> {
        let agents = self.graph.agents.iter().enumerate();
        agents
            .filter_map(|(a, agent)| Some((a, agent.blueprint.agent.lost()?)))
            .collect()
    }

    /// What chaos did to the run.
    pub fn toll(self) -> Toll {
        let toll = self.chaos.as_ref().map(|chaos| chaos.toll().clone());
        toll.unwrap_or_default()
    }

    /// True once the sources were told to end.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    fn wait(&self, until: Instant) {
        let speaking = self.wards.iter().filter(|w| !w.mute);
        let words = speaking.filter_map(|w| w.child.as_ref());
        let words = words.map(|c| PollFd::new(c.stderr.as_fd(), PollFlags::POLLIN));
        let mut fds: Vec<PollFd<'_>> = words.collect();
        fds.push(PollFd::new(self.signals.as_fd(), PollFlags::POLLIN));
        let others = self.snapshots.iter().flat_map(Snapshots::fds);
        fds.extend(others.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        // Interrupted or not: everything is looked at afterwards.
        let _ = poll(&mut fds, left);
    }

    fn hear(&mut self) {
        while let Ok(Some(heard)) = self.signals.read_signal() {
            match Signal::try_from(heard.ssi_signo as i32) {
                Ok(Signal::SIGCHLD) => self.on_child(),
                Ok(Signal::SIGQUIT) => self.on_quit(),
                Ok(signal @ (Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP)) => {
                    self.on_stop(signal);
                }
                _ => {}
            }
        }
    }

    /// Ctrl-C, SIGTERM or a hangup: the first drains, the second kills.
    fn on_stop(&mut self, signal: Signal) {
        if self.draining {
            self.verdict.get_or_insert(Verdict::Killed(signal));
            return;
        }
        self.watch
            .note("stopping: sources end, the graph drains; once more kills it");
        self.drain();
    }

    fn drain(&mut self) {
        self.draining = true;
        self.nursery.wired.latches.stop.set();
        self.wake_all();
    }

    /// SIGQUIT: says where everything stands, and goes on.
    fn on_quit(&mut self) {
        let (plan, wired) = (self.nursery.plan, self.nursery.wired);
        let positions = Positions::of(self.graph, plan, wired);
        for (s, stream) in self.graph.streams.iter().enumerate() {
            let read: Vec<String> = stream
                .readers
                .iter()
                .map(|&(a, i)| {
                    format!(
                        "{} {}",
                        self.graph.agents[a].name, positions.items_read[a][i]
                    )
                })
                .collect();
            let words = format!(
                "{}: written {}, read by {}",
                stream.name,
                positions.items_written[s],
                if read.is_empty() {
                    "nobody".to_owned()
                } else {
                    read.join(", ")
                }
            );
            self.watch.note(&words);
        }
        for link in stall::chain(self.graph, plan, &positions) {
            self.watch.note(&link);
        }
    }

    /// A child changed: every one that is gone is taken in.
    fn on_child(&mut self) {
        for worker in 0..self.wards.len() {
            let Some(pid) = self.wards[worker].child.as_ref().map(|c| c.pid) else {
                continue;
            };
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, 0)) => self.on_end(worker),
                Ok(WaitStatus::Exited(_, EXIT_FAULT)) => self.on_fault(worker),
                Ok(WaitStatus::Exited(_, EXIT_PANIC)) => {
                    self.on_death(worker, "panicked".to_owned())
                }
                Ok(WaitStatus::Exited(_, status)) => {
                    self.on_death(worker, format!("left with exit status {status}"));
                }
                Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _))
                    if self.wards[worker].killed_ns.is_some() =>
                {
                    self.on_kill(worker);
                }
                Ok(WaitStatus::Signaled(_, signal, _)) if autopsy::is_suspicious(signal) => {
                    self.on_crash(worker, signal);
                }
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    self.on_death(worker, format!("was killed by {signal}"));
                }
                _ => {}
            }
        }
    }

    /// A worker left of its own accord: done, if its record says so.
    fn on_end(&mut self, worker: usize) {
        self.take_last_words(worker);
        let positions = Positions::of(self.graph, self.nursery.plan, self.nursery.wired);
        let agents = &self.nursery.plan.workers[worker].agents;
        if agents.iter().all(|&a| positions.done[a]) {
            self.settle_skips(worker);
            self.wards[worker].child = None;
            self.wards[worker].done = true;
            self.note_recovery(worker);
        } else {
            self.on_death(
                worker,
                "left in the middle of its work (exit status 0)".to_owned(),
            );
        }
    }

    /// An agent said that it cannot go on: trying again would not help.
    fn on_fault(&mut self, worker: usize) {
        self.take_last_words(worker);
        self.wards[worker].child = None;
        let name = &self.nursery.plan.workers[worker].name;
        let fault = self.nursery.wired.controls[worker].fault();
        let fault = fault.unwrap_or_else(|| "left with exit status 1, without a word".to_owned());
        self.fail(format!("worker {name}: {fault}"));
    }

    /// A worker died of something it did: what it left is looked through before anybody goes on from it.
    fn on_crash(&mut self, worker: usize, signal: Signal) {
        let (plan, wired) = (self.nursery.plan, self.nursery.wired);
        let born = self.wards[worker].born;
        match autopsy::examine(self.graph, plan, wired, worker, born) {
            Ok(()) => self.on_death(worker, format!("was killed by {signal}")),
            Err(found) => {
                self.take_last_words(worker);
                self.wards[worker].child = None;
                let words = format!("was killed by {signal} and left damage behind: {found}");
                self.fail(self.obituary(worker, &words));
            }
        }
    }

    /// A worker died: it is forked again, unless it died too often without getting on.
    fn on_death(&mut self, worker: usize, how: String) {
        self.take_last_words(worker);
        self.wards[worker].child = None;
        self.settle_skips(worker);
        let version = self.nursery.wired.controls[worker].version();
        let ward = &mut self.wards[worker];
        let moved = ward.version_at_death != Some(version);
        ward.deaths = if moved { 1 } else { ward.deaths + 1 };
        ward.version_at_death = Some(version);
        let planned = &self.nursery.plan.workers[worker];
        if ward.deaths > planned.restart && !self.may_go_on(worker) {
            let times = match (planned.restart, self.wards[worker].deaths) {
                (0, _) => String::new(),
                (_, deaths) => format!(", {deaths} times without getting on"),
            };
            let sentence = self.obituary(worker, &format!("{how}{}{times}", self.place_of(worker)));
            self.fail(sentence);
            return;
        }
        let care = care_after(self.wards[worker].deaths, planned.restart);
        self.watch.note(&format!(
            "worker {} {how}; it is forked again",
            planned.name
        ));
        self.note_tolls(worker);
        self.fork_again(worker, care);
    }

    /// Asks the agents of a dead worker what its death cost outside of the graph, and says so.
    fn note_tolls(&mut self, worker: usize) {
        let (plan, wired) = (self.nursery.plan, self.nursery.wired);
        for &a in &plan.workers[worker].agents {
            let agent = &self.graph.agents[a];
            let state = image::state_of(plan, wired, a);
            if let Some(toll) = agent.blueprint.agent.toll(state) {
                self.watch.note(&format!("agent `{}`: {toll}", agent.name));
                self.tolls.insert(a, toll);
            }
        }
    }

    fn fork_again(&mut self, worker: usize, care: Care) {
        if self.stays_down(worker, care) {
            return;
        }
        self.note_recovery(worker);
        match self.fork(worker, care) {
            Ok(()) => {
                self.wards[worker].mute = false;
                self.wards[worker].killed_ns = None;
                self.wards[worker].restarts += 1;
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// The moment chaos chose: kills a worker.
    fn on_chaos(&mut self, now: Instant) {
        let Some(chaos) = &mut self.chaos else {
            return;
        };
        let wards = self.wards.iter().enumerate();
        let alive = wards.filter(|(_, ward)| ward.child.is_some() && ward.killed_ns.is_none());
        let alive: Vec<usize> = alive.map(|(worker, _)| worker).collect();
        let Some(victim) = chaos.choose(now, &alive) else {
            return;
        };
        if let Some(child) = &self.wards[victim].child {
            let killed_ns = clock::now_ns();
            // An unreaped child's number is still its own; one that has just left feels nothing.
            let _ = kill(child.pid, Signal::SIGKILL);
            self.wards[victim].killed_ns = Some(killed_ns);
        }
    }

    /// A worker died of chaos: that is not its fault, and is forgiven any number of times.
    fn on_kill(&mut self, worker: usize) {
        self.take_last_words(worker);
        self.wards[worker].child = None;
        self.settle_skips(worker);
        let killed_ns = self.wards[worker].killed_ns;
        self.fork_again(worker, Care::Usual);
        if let (Some(chaos), Some(ns)) = (&mut self.chaos, killed_ns) {
            chaos.killed(worker, ns);
        }
    }

    /// A worker's process is gone or about to be replaced: when it got on after a kill is known now.
    fn note_recovery(&mut self, worker: usize) {
        if let Some(chaos) = &mut self.chaos {
            let life = &self.nursery.wired.controls[worker].head().life;
            // Relaxed: written by a process that is gone.
            chaos.recovered(worker, life.moved_ns.load(Relaxed));
        }
    }

    /// A worker has used up its tries. It may go on if the agent that it dies in skips such items:
    /// first one at a time until it is known which, then without that one.
    fn may_go_on(&mut self, worker: usize) -> bool {
        let skips = |&a: &AgentIx| self.graph.agents[a].on_error == OnError::Skip;
        let Some(agent) = self.calling(worker).filter(skips) else {
            return false;
        };
        if !self.was_careful(worker) {
            return true;
        }
        if !self.was_fed(worker) {
            return false;
        }
        let (plan, wired) = (self.nursery.plan, self.nursery.wired);
        let skip = Skip {
            agent,
            items: poison::items_before(self.graph, plan, wired, agent),
            last_words: self.wards[worker].words.last.back().cloned(),
        };
        let same = |s: &Skip| s.agent == agent && s.positions() == skip.positions();
        // Left out already, and it died all the same: it is not the item.
        if self.wards[worker].skips.iter().any(same) {
            return false;
        }
        if let Err(refusal) = self.letters.open() {
            self.fail(refusal);
            return true;
        }
        let items: Vec<String> = skip.items.iter().map(poison::Item::words).collect();
        self.watch.note(&format!(
            "agent `{}` skips {}",
            self.graph.agents[agent].name,
            items.join(", ")
        ));
        let ward = &mut self.wards[worker];
        ward.skips.push(skip);
        ward.deaths = 0;
        true
    }

    /// What a worker has left out by now is written down. What it has not is still to be left out.
    fn settle_skips(&mut self, worker: usize) {
        if self.wards[worker].skips.is_empty() {
            return;
        }
        let positions = Positions::of(self.graph, self.nursery.plan, self.nursery.wired);
        let skips = std::mem::take(&mut self.wards[worker].skips);
        let (done, pending) = skips.into_iter().partition(|s| s.is_done(&positions));
        self.wards[worker].skips = pending;
        let done: Vec<Skip> = done;
        for skip in &done {
            let agent = &self.graph.agents[skip.agent].name;
            if let Err(refusal) = self.letters.write(agent, skip) {
                self.fail(refusal);
            }
        }
    }

    /// The agent a dead worker was calling.
    fn calling(&self, worker: usize) -> Option<AgentIx> {
        let life = &self.nursery.wired.controls[worker].head().life;
        // Relaxed: written by a process that is gone.
        let seat = (life.agent.load(Relaxed) as usize).checked_sub(1)?;
        let agents = &self.nursery.plan.workers[worker].agents;
        agents.get(seat).copied()
    }

    /// Did that agent see an item of each of its inputs?
    fn was_fed(&self, worker: usize) -> bool {
        let life = &self.nursery.wired.controls[worker].head().life;
        // Relaxed: written by a process that is gone.
        life.fed.load(Relaxed) == 1
    }

    /// Did a dead worker take one item at a time?
    fn was_careful(&self, worker: usize) -> bool {
        let ward = &self.wards[worker];
        let version = self.nursery.wired.controls[worker].version();
        ward.care == Care::OneItem && version < ward.born + CAREFUL_STEPS
    }

    fn obituary(&self, worker: usize, how: &str) -> String {
        let mut words = format!("worker {} {how}", self.nursery.plan.workers[worker].name);
        for line in &self.wards[worker].words.last {
            words += &format!("\n  {line}");
        }
        words
    }

    /// In which agent a dead worker was, and before which items.
    fn place_of(&self, worker: usize) -> String {
        let Some(agent) = self.calling(worker) else {
            return String::new();
        };
        let mut words = format!(" in agent `{}`", self.graph.agents[agent].name);
        let inputs = &self.graph.agents[agent].inputs;
        let (plan, wired) = (self.nursery.plan, self.nursery.wired);
        let places: Vec<String> = match (self.was_fed(worker), self.was_careful(worker)) {
            (true, true) => {
                let items = poison::items_before(self.graph, plan, wired, agent);
                items.iter().map(poison::Item::words).collect()
            }
            (_, careful) => {
                let reads = &Positions::of(self.graph, plan, wired).items_read[agent];
                let places = inputs.iter().zip(reads);
                let after = if careful { "" } else { " or a later one" };
                let place = |(&s, read): (&usize, &u64)| {
                    format!("item {read} of `{}`{after}", self.graph.streams[s].name)
                };
                places.map(place).collect()
            }
        };
        if !places.is_empty() {
            words += &format!(" at {}", places.join(", "));
        }
        words
    }

    fn fail(&mut self, sentence: String) {
        self.verdict.get_or_insert(Verdict::Failed(sentence));
    }

    /// About ten times a second: the deadline, a stall, the watch.
    fn on_tick(&mut self, now: Instant) {
        if self.deadline.is_some_and(|d| now >= d) && !self.draining {
            self.drain();
        }
        // A death is heard of by a signal; one whose signal was lost is found here.
        self.on_child();
        self.look_after_loops(now);
        self.look_for_a_stall(now);
        for worker in 0..self.wards.len() {
            self.settle_skips(worker);
        }
        let restarts = self.restarts();
        self.watch.tick(self.graph, self.nursery, &restarts);
    }

    /// Agents of loops that nobody wants any more, or that a stop finds going, are told to end.
    fn look_after_loops(&mut self, now: Instant) {
        if self.loops.knots().is_empty() {
            return;
        }
        let (graph, wired) = (&*self.graph, self.nursery.wired);
        let positions = Positions::of(graph, self.nursery.plan, wired);
        let (leaving, stopped) = (&mut self.leaving, self.draining);
        let leave = leaving.look(graph, &self.loops, &positions, stopped, now);
        if leave.is_empty() {
            return;
        }
        leave.iter().for_each(|&a| wired.dismissal(a).dismiss());
        self.quiet_since = Quiet::default();
        self.wake_all();
    }

    /// Stalled: nothing was committed anywhere while every worker went to sleep again and again.
    ///
    /// Before each sleep a worker looks at everything and finds nothing to do. Who has slept since the last
    /// commit has published what it committed; if all have, and then all look once more in vain, none will
    /// ever find anything, but from the world outside; and one that waits for that is not idle. A worker in a
    /// long call does not sleep, so it is no stall. They need not be waited for: who is asleep is woken to look.
    ///
    /// If loops have run dry, they end and nothing is stalled.
    fn look_for_a_stall(&mut self, now: Instant) {
        self.next_look = None;
        let controls = &self.nursery.wired.controls;
        let heads = || controls.iter().map(|c| c.head());
        let versions: Vec<u64> = controls.iter().map(|c| c.version()).collect();
        // Relaxed: signs of life; stale ones only delay the finding.
        let sleeps: Vec<u64> = heads().map(|h| h.time.parks.load(Relaxed)).collect();
        let phases = heads().map(|h| Phase::from_u32(h.life.phase.load(Relaxed)));
        let mut phases = phases.zip(&self.wards);
        let idle = phases
            .all(|(phase, ward)| ward.done || matches!(phase, Phase::Starved | Phase::Blocked));
        if idle {
            self.next_look = Some(now + LOOK_AGAIN);
        }
        if !idle || versions != self.quiet_since.versions {
            self.quiet_since = Quiet {
                versions,
                rounds: 0,
                sleeps,
            };
            return;
        }
        let mut slept = self.quiet_since.sleeps.iter().zip(&sleeps).zip(&self.wards);
        let all = slept.all(|((a, b), ward)| ward.done || b - a >= SLEEPS_A_ROUND);
        if !all {
            self.wake_all();
            return;
        }
        self.quiet_since.rounds += 1;
        self.quiet_since.sleeps = sleeps;
        if self.quiet_since.rounds >= ROUNDS_TO_STALL && self.wards.iter().any(|w| !w.done) {
            let positions = Positions::of(self.graph, self.nursery.plan, self.nursery.wired);
            let (plan, dry) = (self.nursery.plan, self.nursery.wired.latches.dry());
            match self
                .loops
                .run_dry(self.graph, plan, &positions, dry.level())
            {
                Some(level) => {
                    dry.raise(level);
                    self.quiet_since = Quiet::default();
                    self.wake_all();
                }
                None => {
                    let chain = stall::chain(self.graph, plan, &positions);
                    self.verdict.get_or_insert(Verdict::Stalled(chain));
                }
            }
        }
    }

    fn listen_to_workers(&mut self) {
        for worker in 0..self.wards.len() {
            self.listen_to(worker);
        }
    }

    /// Reads what a worker has written so far, without waiting.
    fn listen_to(&mut self, worker: usize) {
        let name = &self.nursery.plan.workers[worker].name;
        let ward = &mut self.wards[worker];
        let Some(child) = &ward.child else {
            return;
        };
        let mut fds = [PollFd::new(child.stderr.as_fd(), PollFlags::POLLIN)];
        let mut bytes = [0u8; 4096];
        while !ward.mute && matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1)) {
            match nix::unistd::read(child.stderr.as_fd(), &mut bytes) {
                Ok(0) => ward.mute = true,
                Ok(n) => ward
                    .words
                    .take(&bytes[..n], |line| self.watch.line(name, line)),
                Err(_) => break,
            }
        }
    }

    fn take_last_words(&mut self, worker: usize) {
        self.listen_to(worker);
        let name = &self.nursery.plan.workers[worker].name;
        let watch = &mut self.watch;
        self.wards[worker]
            .words
            .finish(|line| watch.line(name, line));
    }

    fn wake_all(&self) {
        for (worker, ward) in self.wards.iter().enumerate() {
            self.nursery.wired.bell(worker).ring();
            if let Some(child) = &ward.child {
                // An unreaped child's number is still its own.
                hail(child.pid);
            }
        }
    }

    /// Kills and reaps whoever is left. Safe at any moment: their records hold.
    fn kill_all(&mut self) {
        for ward in &mut self.wards {
            let Some(child) = &ward.child else {
                continue;
            };
            // An unreaped child's number is still its own.
            let _ = kill(child.pid, Signal::SIGKILL);
            while waitpid(child.pid, None) == Err(Errno::EINTR) {}
            ward.child = None;
        }
    }
}

/// The first death may be anybody's doing. After that, and on the last try, one item at a time: what
/// the run then ends with, or leaves out, is known to the item.
fn care_after(deaths: u32, restart: u32) -> Care {
    match deaths {
        1 if restart > 1 => Care::Usual,
        _ => Care::OneItem,
    }
}

impl Words {
    /// The longest line that is kept together.
    const LONGEST: usize = 8192;

    fn take(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        for &byte in bytes {
            if byte == b'\n' || self.unfinished.len() == Self::LONGEST {
                self.finish(&mut line);
            }
            if byte != b'\n' {
                self.unfinished.push(byte);
            }
        }
    }

    fn finish(&mut self, mut line: impl FnMut(&str)) {
        if self.unfinished.is_empty() {
            return;
        }
        let whole = String::from_utf8_lossy(&self.unfinished).into_owned();
        self.unfinished.clear();
        line(&whole);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(whole);
    }
}

impl Drop for Supervisor<'_> {
    fn drop(&mut self) {
        self.kill_all();
        self.give_up_writing();
        // What came too late to matter is not to end the process that still has to clean up and report.
        while matches!(self.signals.read_signal(), Ok(Some(_))) {}
        let _ = heard().thread_unblock();
    }
}
