//! Snapshots of a run that goes on: asked for at the door, or every so often.
//!
//! Workers are called to rest, the cut is copied, they go on; a child writes the copy, so that nobody waits
//! for a disk. One is written at a time. Who dies while all rest stays down until the copy is made.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Acquire;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2};

use thalweg_worker::clock;

use super::Supervisor;
use crate::door::{Answer, Caller, Door, Question, Taken};
use crate::positions::Positions;
use crate::report::{self, Circumstances};
use crate::resolved::Resolved;
use crate::snapshot::disk::{self, check_place, open_gate};
use crate::snapshot::image::{self, Image};
use crate::snapshot::{self, Subject};
use crate::spawn::{Care, check_single_thread, leave, set_name};

/// How snapshots of a run are taken.
pub struct Keeper {
    /// What is the same in all of them.
    pub subject: Subject,
    /// Where one may be asked for.
    pub door: Option<Door>,
    /// Where and how often one is taken unasked.
    pub regular: Option<Regular>,
    /// The run's name and beginning, for who asks how it goes.
    pub around: Circumstances,
}

/// Snapshots that nobody asks for one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regular {
    /// The file.
    pub file: PathBuf,
    /// The time between two.
    pub every: Duration,
}

/// How many snapshots a run had.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Taken, and on the disk.
    pub taken: u64,
    /// Not taken, or not written.
    pub failed: u64,
    /// The longest time in which the workers stood still.
    pub pause_max: Duration,
}

/// The snapshots of one run.
pub(super) struct Snapshots {
    keeper: Keeper,
    next: Option<Instant>,
    /// Workers that died while all rested.
    down: Option<Vec<(usize, Care)>>,
    writer: Option<Writer>,
    number: u64,
    tally: Tally,
}

/// The child that writes a snapshot.
struct Writer {
    pid: Pid,
    /// What it has to say: how many bytes, or what went wrong.
    words: OwnedFd,
    heard: Vec<u8>,
    order: Order,
    pause: Duration,
    positions: Vec<(String, u64)>,
}

/// A snapshot that is wanted, and who waits for it.
struct Order {
    file: PathBuf,
    caller: Option<Caller>,
}

/// Bad usage: the file, or the graph.
const USAGE: u8 = 2;
/// The environment, or the moment.
const ENVIRONMENT: u8 = 3;

/// How long the longest step may hold up the others.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at who rests.
const LOOK: Duration = Duration::from_micros(50);

impl Supervisor<'_> {
    /// Has snapshots taken while the run goes on.
    pub fn keep(&mut self, keeper: Keeper) {
        let every = keeper.regular.as_ref().map(|regular| regular.every);
        self.snapshots = Some(Snapshots {
            next: every.map(|every| Instant::now() + every),
            keeper,
            down: None,
            writer: None,
            number: 0,
            tally: Tally::default(),
        });
    }

    /// How many snapshots were taken.
    pub fn tally(&self) -> Tally {
        self.snapshots.as_ref().map(|s| s.tally).unwrap_or_default()
    }

    /// Is one being written?
    pub(super) fn is_writing(&self) -> bool {
        self.snapshots.as_ref().is_some_and(|s| s.writer.is_some())
    }

    /// Looks for questions, for what the writer says, and at the clock.
    pub(super) fn look_after_snapshots(&mut self, now: Instant) {
        self.listen_to_writer();
        let Some(snapshots) = &mut self.snapshots else {
            return;
        };
        let asked = snapshots.keeper.door.as_mut().map(Door::questions);
        let due = snapshots.next.is_some_and(|next| now >= next);
        for (question, caller) in asked.into_iter().flatten() {
            match question {
                Question::Snapshot(file) => self.on_order(Order {
                    file,
                    caller: Some(caller),
                }),
                Question::Report => caller.answer(&Answer::Report(self.report_so_far())),
            }
        }
        if due {
            self.on_due(now);
        }
    }

    /// What limits the run by now.
    fn report_so_far(&self) -> serde_json::Value {
        let around = self.snapshots.as_ref().map(|s| s.keeper.around.clone());
        let around = Circumstances {
            now_ns: clock::now_ns(),
            ended: "running",
            restarts: self.restarts(),
            snapshots: self.tally(),
            ..around.unwrap_or_default()
        };
        let report = report::gather(self.graph, self.nursery.plan, self.nursery.wired, &around);
        serde_json::json!({
            "graph": report.graph,
            "run": report.run,
            "ended": report.ended,
            "limit": report.limit,
            "advice": report.advice,
        })
    }

    /// The time has come. If the last one is still being written, that one will do.
    fn on_due(&mut self, now: Instant) {
        let writing = self.is_writing();
        let Some(snapshots) = &mut self.snapshots else {
            return;
        };
        let Some(Regular { file, every }) = snapshots.keeper.regular.clone() else {
            return;
        };
        snapshots.next = Some(now + every);
        if !writing && !self.draining {
            self.on_order(Order { file, caller: None });
        }
    }

    fn on_order(&mut self, order: Order) {
        match self.take_snapshot(&order) {
            Ok((image, pause)) => self.write_snapshot(order, image, pause),
            Err((code, words)) => self.refuse(order, code, words),
        }
    }

    fn refuse(&mut self, order: Order, code: u8, words: String) {
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.tally.failed += 1;
        }
        match order.caller {
            Some(caller) => caller.answer(&Answer::Refused { code, words }),
            None => self.watch.note(&format!("no snapshot: {words}")),
        }
    }

    /// The cut, and how long it took.
    fn take_snapshot(&mut self, order: &Order) -> Result<(Image, Duration), (u8, String)> {
        self.check_order(order)?;
        let began = Instant::now();
        let image = self.rest_all().map(|()| {
            let (plan, wired) = (self.nursery.plan, self.nursery.wired);
            image::take(self.graph, plan, wired)
        });
        self.let_go();
        let pause = began.elapsed();
        let image = image.map_err(|words| (ENVIRONMENT, words))?;
        Ok((image, pause))
    }

    /// What can be known before anybody is disturbed.
    fn check_order(&self, order: &Order) -> Result<(), (u8, String)> {
        let environment = |words: &str| Err((ENVIRONMENT, words.to_owned()));
        if self.is_writing() {
            return environment("another snapshot of the run is being written: try again");
        }
        if self.draining || self.verdict.is_some() || self.wards.iter().all(|w| w.done) {
            return environment("the run is coming to its end");
        }
        check_place(&order.file).map_err(|words| (USAGE, words))?;
        let (plan, wired) = (self.nursery.plan, self.nursery.wired);
        let positions = Positions::of(self.graph, plan, wired);
        snapshot::check_graph(self.graph, |agent| positions.done[agent])
            .map_err(|words| (USAGE, words))
    }

    /// Calls every worker to rest and waits until all do.
    fn rest_all(&mut self) -> Result<(), String> {
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.down = Some(Vec::new());
        }
        let call = self.nursery.wired.latches.rest().call();
        self.wake_all();
        let until = Instant::now() + PATIENCE;
        loop {
            self.hear();
            self.listen_to_workers();
            if self.verdict.is_some() {
                return Err("the run is coming to its end".to_owned());
            }
            let mut workers = 0..self.wards.len();
            let Some(busy) = workers.find(|&w| !self.is_at_rest(w, call)) else {
                return Ok(());
            };
            if Instant::now() >= until {
                return Err(self.complain_of(busy));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Between two steps, or gone and reaped.
    fn is_at_rest(&self, worker: usize, call: u64) -> bool {
        let resting = &self.nursery.wired.controls[worker].head().life.resting;
        // REST (in, from the worker's duty cycle): all it stored is there to be copied.
        self.wards[worker].child.is_none() || resting.load(Acquire) == call
    }

    fn complain_of(&self, worker: usize) -> String {
        let agent = self.calling(worker).map_or(String::new(), |agent| {
            format!(", in agent `{}`", self.graph.agents[agent].name)
        });
        format!(
            "worker {} has been in one step for {} s{agent}: the others cannot wait longer for it",
            self.nursery.plan.workers[worker].name,
            PATIENCE.as_secs()
        )
    }

    /// All go on; who died meanwhile is forked again.
    fn let_go(&mut self) {
        self.nursery.wired.latches.rest().end();
        self.wake_all();
        let snapshots = self.snapshots.as_mut();
        let down = snapshots.and_then(|s| s.down.take()).unwrap_or_default();
        for (worker, care) in down {
            self.fork_again(worker, care);
        }
    }

    /// True if a worker is not to be forked now; it is when all go on.
    pub(super) fn stays_down(&mut self, worker: usize, care: Care) -> bool {
        let down = self.snapshots.as_mut().and_then(|s| s.down.as_mut());
        down.map(|down| down.push((worker, care))).is_some()
    }

    /// Has a child write the copy.
    fn write_snapshot(&mut self, order: Order, image: Image, pause: Duration) {
        let positions = ends(self.graph, &image.positions);
        let Some(snapshots) = &mut self.snapshots else {
            return;
        };
        snapshots.tally.pause_max = snapshots.tally.pause_max.max(pause);
        snapshots.number += 1;
        let (subject, number) = (&snapshots.keeper.subject, snapshots.number);
        let graph = &*self.graph;
        let forked = fork_writer(|| {
            snapshot::write(&order.file, subject, number, graph, image, &mut open_gate)
        });
        match forked {
            Ok((pid, words)) => {
                snapshots.writer = Some(Writer {
                    pid,
                    words,
                    heard: Vec::new(),
                    order,
                    pause,
                    positions,
                });
            }
            Err(words) => self.refuse(order, ENVIRONMENT, words),
        }
    }

    /// Reads what the writer says, without waiting; when it has said all, the snapshot is on the disk or not.
    fn listen_to_writer(&mut self) {
        let snapshots = self.snapshots.as_mut();
        let Some(writer) = snapshots.and_then(|s| s.writer.as_mut()) else {
            return;
        };
        let mut bytes = [0; 4096];
        loop {
            let mut fds = [PollFd::new(writer.words.as_fd(), PollFlags::POLLIN)];
            if !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1)) {
                return;
            }
            match nix::unistd::read(writer.words.as_fd(), &mut bytes) {
                Ok(0) => break,
                Ok(n) => writer.heard.extend_from_slice(&bytes[..n]),
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        self.on_written();
    }

    fn on_written(&mut self) {
        let Some(snapshots) = &mut self.snapshots else {
            return;
        };
        let Some(writer) = snapshots.writer.take() else {
            return;
        };
        // It has closed its pipe: it leaves, or is dead.
        while waitpid(writer.pid, None) == Err(Errno::EINTR) {}
        let written: Result<u64, String> = serde_json::from_slice(&writer.heard)
            .unwrap_or_else(|_| Err("the process that wrote it died".to_owned()));
        let file = writer.order.file.display();
        match written {
            Ok(bytes) => {
                snapshots.tally.taken += 1;
                if let Some(caller) = writer.order.caller {
                    caller.answer(&Answer::Taken(Taken {
                        bytes,
                        pause_seconds: writer.pause.as_secs_f64(),
                        positions: writer.positions,
                    }));
                }
            }
            Err(what) => {
                let words = format!("{file} was not written, and an older snapshot stays: {what}");
                self.refuse(writer.order, ENVIRONMENT, words);
            }
        }
    }

    /// The run is over: nobody writes any more, and nothing half written is left.
    pub(super) fn give_up_writing(&mut self) {
        let snapshots = self.snapshots.as_mut();
        let Some(writer) = snapshots.and_then(|s| s.writer.take()) else {
            return;
        };
        // An unreaped child's number is still its own.
        let _ = kill(writer.pid, Signal::SIGKILL);
        while waitpid(writer.pid, None) == Err(Errno::EINTR) {}
        disk::remove_draft(&writer.order.file);
        let words = "the run came to its end before the snapshot was written".to_owned();
        self.refuse(writer.order, ENVIRONMENT, words);
    }
}

impl Snapshots {
    /// What to wait on.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let writer = self.writer.iter().map(|writer| writer.words.as_fd());
        writer.chain(self.keeper.door.iter().flat_map(Door::fds))
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }
}

/// Forks a child that does this and says what came of it.
fn fork_writer(write: impl FnOnce() -> Result<u64, String>) -> Result<(Pid, OwnedFd), String> {
    check_single_thread().map_err(|e| e.to_string())?;
    let (words, said) = pipe2(OFlag::O_CLOEXEC).map_err(|e| format!("pipe: {}", e.desc()))?;
    // SAFETY: this process has one thread (checked above), so the child may do anything.
    match unsafe { fork() }.map_err(|e| format!("fork: {}", e.desc()))? {
        ForkResult::Parent { child } => Ok((child, words)),
        ForkResult::Child => {
            drop(words);
            // It ends with the coordinator, and otherwise in its own time.
            let _ = prctl::set_pdeathsig(Signal::SIGKILL);
            let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
            set_name("snapshot");
            let write = std::panic::AssertUnwindSafe(write);
            let outcome = std::panic::catch_unwind(write);
            let text = outcome
                .ok()
                .and_then(|outcome| serde_json::to_vec(&outcome).ok());
            if let Some(text) = text {
                // Nobody is left to tell if that fails.
                let mut said = std::fs::File::from(said);
                let _ = std::io::Write::write_all(&mut said, &text);
            }
            leave(0)
        }
    }
}

/// Items that each source has given and each sink has taken.
fn ends(graph: &Resolved, positions: &Positions) -> Vec<(String, u64)> {
    let agents = graph.agents.iter().enumerate();
    let ends = agents.filter_map(|(a, agent)| {
        let items = match (agent.inputs.is_empty(), agent.outputs.first()) {
            (true, Some(&stream)) => positions.written[stream],
            (false, None) => positions.read[a].iter().copied().max()?,
            _ => return None,
        };
        Some((agent.name.clone(), items))
    });
    ends.collect()
}
