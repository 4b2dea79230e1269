//! What a commit costs, and what an agent costs: the same graph with commits and without, in one run.
//!
//! ```text
//! cargo bench -p thalweg-worker --bench commit [-- [--quick] [PART OF A LINE'S NAME]]
//! ```
//!
//! Three questions. What does a step's commit cost, for states of several sizes: a source and a sink in
//! one worker, one item a step. How much throughput does it take at steps of 512: a chain of copies, in
//! one process and over two pinned ones. What does an item cost each of twenty small agents in one
//! worker, against plain loops over the same functions.
//!
//! The sides take turns, in rounds of about a millisecond, and the best round of each is printed: what
//! the code takes when nobody disturbs it. One process is timed by its CPU clock, two by the wall's.

use std::cell::RefCell;
use std::hint::{black_box, spin_loop};
use std::ops::Range;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use thalweg_ringbuf::{Fencing, Mirror, PAGE_LEN_BYTES, Ring, RingSpec, Segment};
use thalweg_worker::agent::{Agent, AgentError, Blueprint, Io, OutPort, StateSpec, Status};
use thalweg_worker::clock::cpu_ns;
use thalweg_worker::closures;
use thalweg_worker::control::{Control, ControlLayout};
use thalweg_worker::subgraph::{InSeat, Seat, StampPlace, Step, StreamSeat, Subgraph};
use thalweg_worker::types::Item;

fn main() -> ExitCode {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let Some(cores) = two_cores() else {
        println!("commit: needs two cores to run on, skipped");
        return ExitCode::SUCCESS;
    };
    let only = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let bench = Bench {
        rounds: if quick { 50 } else { 400 },
        only,
    };
    pin(cores.1);
    println!(
        "cores {} and {}, best of {} rounds",
        cores.0, cores.1, bench.rounds
    );
    println!(
        "\n{:<34}{:>10}{:>10}{:>12}{:>8}",
        "a step of one item, ns", "without", "with", "the commit", "reach"
    );
    bench.steps("no state", "-", || Untouched, StateSpec::none);
    bench.steps(
        "64 bytes",
        "10",
        || Whole::<64>,
        || StateSpec::of([0u8; 64]),
    );
    bench.steps(
        "512 bytes",
        "10",
        || Whole::<512>,
        || StateSpec::of([0u8; 512]),
    );
    bench.steps(
        "4096 bytes",
        "-",
        || Whole::<4096>,
        || StateSpec::of([0u8; 4096]),
    );
    let table = || StateSpec::slice(&vec![0u64; 1 << 17]);
    bench.steps("1 MiB, 64 bytes of it written", "-", || Counter, table);
    println!(
        "\n{:<34}{:>10}{:>10}{:>12}{:>8}",
        "copies, steps of 512 f32, M/s", "without", "with", "ratio", "reach"
    );
    bench.copies("in one process", None);
    bench.copies("over two processes", Some(cores));
    println!(
        "\n{:<34}{:>10}{:>10}{:>12}{:>8}",
        "twenty agents, ns an item each", "loop", "agents", "ratio", "reach"
    );
    for step in [16, 64, 512, 2048, 4096] {
        bench.twenty(step);
    }
    ExitCode::SUCCESS
}

struct Bench {
    rounds: usize,
    only: String,
}

impl Bench {
    /// The least of each side, by turns.
    fn best(&self, mut one: impl FnMut() -> f64, mut other: impl FnMut() -> f64) -> (f64, f64) {
        (0..self.rounds).fold((f64::MAX, f64::MAX), |best, _| {
            (best.0.min(one()), best.1.min(other()))
        })
    }

    fn steps<A: Agent + 'static>(
        &self,
        name: &str,
        reach: &str,
        agent: impl Fn() -> A,
        state: impl Fn() -> StateSpec,
    ) {
        if !name.contains(&self.only) {
            return;
        }
        let steps = 5_000;
        let make = || {
            let source = Blueprint::new(agent())
                .output(OutPort::new(u64::item_type(), None))
                .state(state());
            vec![source, closures::sink((), |(), _: u64| {})]
        };
        let each = |seconds: f64| seconds * 1e9 / steps as f64;
        let beds = [(); 2].map(|()| Bed::new::<u64>(make(), 512, 1, None));
        let (mut off, mut on) = (beds[0].without_commits(), beds[1].with_commits());
        let (without, with) = self.best(
            || each(cpu_time(|| go(&mut off, steps))),
            || each(cpu_time(|| go(&mut on, steps))),
        );
        row(name, without, with, with - without, reach);
    }

    fn copies(&self, name: &str, cores: Option<(usize, usize)>) {
        if !name.contains(&self.only) {
            return;
        }
        let items = 1 << 20;
        let bed = || {
            let copy = || closures::map(|x: f32| x);
            let source = Blueprint::new(Ramp).output(OutPort::new(f32::item_type(), None));
            let sink = closures::sink((), |(), x: f32| {
                black_box(x);
            });
            let chain = vec![source, copy(), copy(), copy(), copy(), sink];
            Bed::new::<f32>(chain, 16 * 1024, 512, cores.map(|_| items))
        };
        let (without, with) = match cores {
            None => {
                let beds = [bed(), bed()];
                let (mut off, mut on) = (beds[0].without_commits(), beds[1].with_commits());
                self.best(
                    || cpu_time(|| go(&mut off, items / 512)),
                    || cpu_time(|| go(&mut on, items / 512)),
                )
            }
            Some(cores) => self.best(
                || two_workers::<false>(cores, &bed()),
                || two_workers::<true>(cores, &bed()),
            ),
        };
        let per_second = |seconds: f64| items as f64 / seconds / 1e6;
        let (without, with) = (per_second(without), per_second(with));
        row(name, without, with, with / without, "0.97");
    }

    fn twenty(&self, step: usize) {
        let name = format!("steps of {step}, pass by pass");
        if !name.contains(&self.only) {
            return;
        }
        let items = 1 << 15;
        let each = |seconds: f64| seconds * 1e9 / (20 * items) as f64;
        let looped = || {
            each(cpu_time(|| {
                black_box(by_hand(step, items));
            }))
        };
        let source = Blueprint::new(Ramp).output(OutPort::new(f32::item_type(), None));
        let sink = closures::sink((), |(), x: f32| {
            black_box(x);
        });
        let agents = FACTORS
            .iter()
            .map(|&k| closures::map(move |x: f32| x * k + 1.0));
        let chain = [source].into_iter().chain(agents).chain([sink]);
        let bed = Bed::new::<f32>(chain.collect(), 16 * 1024, step, None);
        let mut worker = bed.with_commits();
        let agents = || each(cpu_time(|| go(&mut worker, items / step as u64)));
        let (looped, agents) = self.best(looped, agents);
        row(&name, looped, agents, agents / looped, "1.3");
    }
}

/// What the twenty agents multiply by.
const FACTORS: [f32; 20] = [0.5; 20];

/// Source, twenty functions and sink as plain loops over blocks of `step` items.
fn by_hand(step: usize, items: u64) -> f32 {
    let factors = black_box(FACTORS);
    let (mut from, mut to) = (vec![0f32; step], vec![0f32; step]);
    let mut last = 0.0;
    for block in 0..items / step as u64 {
        ramp(block * step as u64, &mut from);
        for k in factors {
            for (y, &x) in to.iter_mut().zip(&from) {
                *y = x * k + 1.0;
            }
            // As between agents: what is written is read from memory.
            std::mem::swap(black_box(&mut from), black_box(&mut to));
        }
        for &x in &from {
            last = black_box(x);
        }
    }
    last
}

/// Each side's best, and what came of comparing them.
fn row(name: &str, before: f64, after: f64, compared: f64, reach: &str) {
    println!("{name:<34}{before:>10.2}{after:>10.2}{compared:>12.3}{reach:>8}");
}

/// A source without a state: one item a call.
struct Untouched;

impl Agent for Untouched {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        give(io);
        Ok(Status::More)
    }
}

/// A source with a state of which everything counts as written.
struct Whole<const N: usize>;

impl<const N: usize> Agent for Whole<N> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let place = io.outputs[0].position() as usize % N;
        io.state.slice::<u8>()[place] += 1;
        give(io);
        Ok(Status::More)
    }
}

/// A source with a table, of which a call writes one value.
struct Counter;

impl Agent for Counter {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let mut table = io.state.table::<u64>();
        let place = io.outputs[0].position().wrapping_mul(0x9E37_79B9) as usize % table.len();
        table[place] += 1;
        give(io);
        Ok(Status::More)
    }
}

fn give(io: &mut Io<'_>) {
    let n = io.outputs[0].position();
    io.outputs[0].push(n);
}

/// A source of numbers, as many as fit.
struct Ramp;

impl Agent for Ramp {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let n = output.space();
        ramp(output.position(), output.room());
        output.produce(n);
        Ok(Status::More)
    }
}

fn ramp(first: u64, items: &mut [f32]) {
    for (i, item) in items.iter_mut().enumerate() {
        *item = (first as u32 + i as u32) as f32;
    }
}

/// A chain of agents on memory of their own.
struct Bed {
    _segments: Vec<Segment>,
    _mirrors: Vec<Mirror>,
    rings: Vec<Ring>,
    chain: RefCell<Vec<Option<Blueprint>>>,
    step: usize,
    items: Option<u64>,
}

impl Bed {
    /// Each agent but the last gives items `T` to the next one; a stream holds `capacity` of them.
    fn new<T: Item>(chain: Vec<Blueprint>, capacity: u64, step: usize, items: Option<u64>) -> Bed {
        let spec = RingSpec::of::<T>(capacity);
        let shape = spec.geometry(Fencing::Symmetric).expect("a ring's shape");
        let (mut segments, mut mirrors, mut rings) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 1..chain.len() {
            let data = shape.header_len_bytes..shape.header_len_bytes + shape.data_len_bytes;
            let segment = Segment::anonymous(data.end).expect("memory");
            // SAFETY: a segment of its own, page-aligned, new; the mirror shows the data that follow the
            // header; a chain has one producer and one reader a ring. Both live as long as the bed.
            unsafe {
                let geometry = Ring::format(segment.as_ptr(), &spec, Fencing::Symmetric);
                let mirror = Mirror::map(&segment, data).expect("a mirror");
                let ring = Ring::from_raw(
                    segment.as_ptr(),
                    mirror.as_ptr(),
                    geometry.expect("a header"),
                );
                rings.push(ring.expect("a ring"));
                mirrors.push(mirror);
            }
            segments.push(segment);
        }
        Bed {
            _segments: segments,
            _mirrors: mirrors,
            rings,
            chain: chain.into_iter().map(Some).collect::<Vec<_>>().into(),
            step,
            items,
        }
    }

    fn with_commits(&self) -> Worker<true> {
        self.part(0..self.rings.len() + 1)
    }

    fn without_commits(&self) -> Worker<false> {
        self.part(0..self.rings.len() + 1)
    }

    /// These agents as one worker.
    fn part<const COMMITS: bool>(&self, agents: Range<usize>) -> Worker<COMMITS> {
        let mut chain = self.chain.borrow_mut();
        let blueprints: Vec<Blueprint> = chain[agents.clone()]
            .iter_mut()
            .map(|agent| agent.take().expect("an agent is seated once"))
            .collect();
        let layout = Rc::new(ControlLayout::of(&blueprints));
        let len = layout.len_bytes.next_multiple_of(PAGE_LEN_BYTES);
        let block = Segment::anonymous(len).expect("memory");
        // SAFETY: as long as the layout, zeroed, page-aligned, kept with the worker.
        let control = unsafe { Control::new(block.as_ptr(), layout) };
        control.format(blueprints.iter().map(|b| b.state.init.as_slice()));
        // Stream `i` goes from agent `i` to the next; the worker knows those it has an end of.
        let first = agents.start.saturating_sub(1);
        let last = agents.end.min(self.rings.len());
        let streams = self.rings[first..last].iter().map(|&ring| StreamSeat {
            name: "stream".to_owned(),
            ring,
            reader_bells: Vec::new(),
            producer_bell: None,
            readers: 1,
            stamp: StampPlace::Nowhere,
        });
        let seats = blueprints
            .into_iter()
            .zip(agents)
            .map(|(blueprint, agent)| Seat {
                name: format!("agent{agent}"),
                inputs: blueprint
                    .inputs
                    .iter()
                    .map(|_| InSeat {
                        stream: agent - 1 - first,
                        reader: 0,
                        lossy: false,
                        back: false,
                    })
                    .collect(),
                outputs: blueprint.outputs.iter().map(|_| agent - first).collect(),
                blueprint,
                step: self.step,
                items: self.items,
                bed: None,
            });
        Worker {
            subgraph: Subgraph::seat(control, streams.collect(), seats.collect(), Vec::new())
                .expect("agents attach"),
            _block: block,
        }
    }
}

/// A worker with its control block.
struct Worker<const COMMITS: bool> {
    subgraph: Subgraph<COMMITS>,
    _block: Segment,
}

fn go<const COMMITS: bool>(worker: &mut Worker<COMMITS>, steps: u64) {
    for _ in 0..steps {
        let step = worker.subgraph.step();
        assert!(step == Ok(Step::Moved), "{step:?}");
    }
}

fn to_the_end<const COMMITS: bool>(worker: &mut Worker<COMMITS>) {
    loop {
        match worker.subgraph.step().expect("no fault") {
            Step::Moved => {}
            Step::Idle(_) => spin_loop(),
            Step::Done => return,
        }
    }
}

/// A chain in two halves, each in a process on its own core: seconds.
fn two_workers<const COMMITS: bool>(cores: (usize, usize), bed: &Bed) -> f64 {
    let (end, half) = (bed.rings.len() + 1, bed.rings.len().div_ceil(2));
    pair(
        cores,
        || to_the_end(&mut bed.part::<COMMITS>(0..half)),
        || to_the_end(&mut bed.part::<COMMITS>(half..end)),
    )
}

/// Seconds of this process' CPU time.
fn cpu_time(f: impl FnOnce()) -> f64 {
    let start = cpu_ns();
    f();
    (cpu_ns() - start) as f64 / 1e9
}

/// Runs `child` in a forked process on the one core and `parent` here on the other, from a common
/// start; the time is the parent's.
fn pair(cores: (usize, usize), child: impl FnOnce(), parent: impl FnOnce()) -> f64 {
    let page = Segment::anonymous(PAGE_LEN_BYTES).expect("a page");
    // SAFETY: the page is mapped, zero, and holds nothing else; it outlives both sides' use.
    let stage = unsafe { AtomicU32::from_ptr(page.as_ptr().cast()) };
    // SAFETY: this program has one thread, so the child may do whatever it likes.
    if let ForkResult::Parent { child } = unsafe { fork() }.expect("a child") {
        while stage.load(Acquire) == 0 {
            std::thread::yield_now();
        }
        stage.store(2, Release);
        let start = Instant::now();
        parent();
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        return seconds;
    }
    pin(cores.0);
    stage.store(1, Release);
    while stage.load(Acquire) == 1 {
        spin_loop();
    }
    child();
    // SAFETY: ends this process at once: what it has from its parent must not run its end.
    unsafe { libc::_exit(0) }
}

fn two_cores() -> Option<(usize, usize)> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let mut cores = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false));
    Some((cores.next()?, cores.next()?))
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .expect("a core of ours");
}
