//! A run from beginning to end: plan, wire, spawn, supervise, report, clean up.
//!
//! Everything that is made here is gone when [`run`] returns, however it returns; and if this
//! process does not get that far, the warden and the workers' death signal see to it.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::SignalFd;
use thalweg_ringbuf::{Fencing, Segment, SegmentError, enroll, free_bytes, privately};
use thalweg_worker::clock;
use thalweg_worker::duty::{self, Ended, Orders, Patience};
use thalweg_worker::pin;

use crate::chaos::{Chaos, Disturbance, Toll};
use crate::diag::{Diagnostic, Refused};
use crate::door::Door;
use crate::dry::Loops;
use crate::leave::Leaving;
use crate::live;
use crate::numa;
use crate::plan::{self, Machine, Options, Plan, PlanError};
use crate::poison::Letters;
use crate::positions::Positions;
use crate::recipe::{Basis, Recipe, Written};
use crate::record;
use crate::report::{self, Circumstances, Report};
use crate::resolve;
use crate::resolved::Resolved;
use crate::rights;
use crate::runs::{self, RunFile, RunInfo, RunsError, Sweep};
use crate::shape::Shape;
use crate::snapshot::disk::Loaded;
use crate::snapshot::{self, Kept, Origin, Program, Subject, image};
use crate::spawn::{Nursery, SpawnError, leave};
use crate::stall;
use crate::supervise::{self, Keeper, Regular, Supervisor, Verdict, Watch};
use crate::topology::Topology;
use crate::verify;
use crate::warden::{self, Warden};
use crate::wire::{self, WireError, Wired};

/// How a run is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// What overrides the graph.
    pub options: Options,
    /// The run's name; else made from the graph's.
    pub name: Option<String>,
    /// Sources end after so long.
    pub lasts: Option<Duration>,
    /// When the command began, ns of the monotonic clock; 0: now.
    pub began_ns: u64,
    /// Workers are killed at random while it goes on; where there are none, nobody is.
    pub disturbance: Option<Disturbance>,
    /// The graph's text, if it has one.
    pub written: Option<Written>,
    /// It can be resumed when its coordinator has died; only a graph with a text can.
    pub resumable: bool,
    /// Snapshots are taken unasked.
    pub snapshots: Option<Regular>,
    /// Where its report will be written: to none of the graph's files.
    pub report: Option<PathBuf>,
}

/// Why a run did not begin.
#[derive(Debug)]
pub enum RunError {
    /// The graph was refused.
    Refused(Box<Refused>),
    /// The environment refused, before anything was started.
    Environment(String),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunError::Refused(refused) => write!(f, "{refused}"),
            RunError::Environment(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for RunError {}

macro_rules! environment {
    ($($error:ty),*) => {$(
        impl From<$error> for RunError {
            fn from(error: $error) -> RunError {
                RunError::Environment(error.to_string())
            }
        }
    )*};
}

environment!(RunsError, WireError, SpawnError, SegmentError);

impl From<Box<Refused>> for RunError {
    fn from(refused: Box<Refused>) -> RunError {
        RunError::Refused(refused)
    }
}

impl From<PlanError> for RunError {
    fn from(error: PlanError) -> RunError {
        match error {
            PlanError::Refused(refused) => RunError::Refused(refused),
            PlanError::Environment(words) => RunError::Environment(words),
        }
    }
}

/// A run that began: how it ended, and its report.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub verdict: Verdict,
    /// What it did.
    pub report: Report,
    /// What a disturbance cost.
    pub toll: Toll,
}

/// What this machine offers.
pub fn machine() -> Machine {
    let cores = pin::allowed_cores();
    Machine {
        topology: Topology::here(&cores),
        cores,
        shm_free: free_bytes(),
        fencing: enroll(),
    }
}

/// Runs a graph to its end.
pub fn run(
    mut graph: Resolved,
    wanted: &Wanted,
    watch: &mut dyn Watch,
) -> Result<Finished, RunError> {
    let began_ns = match wanted.began_ns {
        0 => clock::now_ns(),
        ns => ns,
    };
    check_report(&graph, wanted)?;
    graph.complete();
    let machine = machine();
    let plan = plan::plan(&graph, &machine, &wanted.options)?;
    for note in &plan.notes {
        watch.note(note);
    }
    let mut around = Circumstances {
        run: wanted.name.clone().unwrap_or_else(|| name_of(&graph)),
        began_ns,
        ..Circumstances::default()
    };
    let agents = graph.agents.iter();
    let scraps: Vec<Vec<PathBuf>> = agents.map(|a| a.blueprint.agent.scraps()).collect();
    let finished = match wanted.options.in_process {
        true => run_inside(graph, &plan, &machine, wanted, &mut around, watch),
        false => run_outside(graph, &plan, &machine, wanted, &mut around, watch),
    }?;
    // A snapshot needs them to go on.
    if finished.verdict != Verdict::Done && around.snapshots.taken == 0 {
        scraps.iter().for_each(|scraps| remove(scraps));
    }
    Ok(finished)
}

/// Removes what an agent left, unless another run holds on to any of it. Most of it is not there.
fn remove(scraps: &[PathBuf]) {
    let opened: Vec<File> = scraps.iter().filter_map(|p| File::open(p).ok()).collect();
    if opened.iter().all(|file| file.try_lock().is_ok()) {
        for scrap in scraps {
            let _ = fs::remove_file(scrap);
        }
    }
}

/// Refuses a report that would take the place of a file of the graph's.
fn check_report(graph: &Resolved, wanted: &Wanted) -> Result<(), Box<Refused>> {
    let whose = |path: &PathBuf| Some((path.display().to_string(), resolve::whose(graph, path)?));
    match wanted.report.as_ref().and_then(whose) {
        None => Ok(()),
        Some((path, whose)) => {
            let message = format!("--report: {path} is {whose}; write the report into another");
            Err(Box::new(Refused::one(Diagnostic::new(message), None)))
        }
    }
}

/// The run's name where none is given: the graph's, and this process's number; from its second run on which one it is, too,
/// for runs inside one process may go on side by side.
fn name_of(graph: &Resolved) -> String {
    static NAMED: AtomicU32 = AtomicU32::new(0);
    // Relaxed: each gets another number, and nothing else is handed over.
    let earlier = NAMED.fetch_add(1, Ordering::Relaxed);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let stem: String = graph.name.chars().take(40).map(plain).collect();
    match (std::process::id(), earlier) {
        (process, 0) => format!("{stem}-{process}"),
        (process, earlier) => format!("{stem}-{process}-{}", earlier + 1),
    }
}

fn info(graph: &Resolved, plan: &Plan, run: &str, segment: &str) -> RunInfo {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    RunInfo {
        run: run.to_owned(),
        graph: graph.name.clone(),
        source: graph
            .source
            .as_ref()
            .map_or(String::new(), |s| s.name.clone()),
        pid: std::process::id(),
        started: since_1970.map_or(0, |d| d.as_secs()),
        segment: segment.to_owned(),
        workers: plan.workers.iter().map(|w| w.name.clone()).collect(),
        agents: graph
            .agents
            .iter()
            .map(|agent| (agent.name.clone(), agent.op.clone()))
            .collect(),
        live: live::of(graph, plan),
    }
}

/// Sweeps what dead runs left, and enters this one.
fn enter(info: &RunInfo) -> Result<RunFile, RunsError> {
    runs::sweep(Sweep::Useless)?;
    RunFile::enter(info)
}

/// What a named run holds outside of its processes, and who removes it if we cannot; dropping it
/// removes all.
struct Traces {
    file: RunFile,
    segment: String,
    /// The segment of that name is ours.
    made: bool,
    warden: Warden,
}

impl Traces {
    /// Enters the run and posts the warden: from here on nothing is left, whenever we are killed.
    fn begin(info: &RunInfo) -> Result<Traces, RunError> {
        let file = privately(|| enter(info))?;
        match warden::post(&info.segment, &file) {
            Ok(warden) => Ok(Traces {
                file,
                segment: info.segment.clone(),
                made: false,
                warden,
            }),
            Err(error) => {
                file.remove();
                Err(error.into())
            }
        }
    }
}

impl Traces {
    /// Makes the run's segment, which is removed with the rest from here on.
    fn make_segment(&mut self, len_bytes: usize) -> Result<Segment, SegmentError> {
        let segment = Segment::create(&self.segment, len_bytes)?;
        self.made = true;
        Ok(segment)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // First: from here on there is nothing to resume.
        self.file.forget();
        let gone = match self.made.then(|| Segment::unlink_name(&self.segment)) {
            // Gone already: all is well. Somebody else's: not touched.
            None | Some(Ok(()) | Err(SegmentError::NotFound { .. })) => true,
            Some(Err(_)) => false,
        };
        // As long as the segment is there, the file tells whoever sweeps next of it.
        if gone {
            self.file.remove();
        }
        self.warden.dismiss();
    }
}

/// The usual way: a process for each worker.
fn run_outside(
    mut graph: Resolved,
    plan: &Plan,
    machine: &Machine,
    wanted: &Wanted,
    around: &mut Circumstances,
    watch: &mut dyn Watch,
) -> Result<Finished, RunError> {
    let signals =
        supervise::listen().map_err(|e| RunError::Environment(format!("signals: {e}")))?;
    let segment_name = format!("/thalweg.{}", around.run);
    let info = info(&graph, plan, &around.run, &segment_name);
    let mut traces = Traces::begin(&info)?;
    let segment = traces.make_segment(plan.len_bytes)?;
    let wired = wire::wire(&graph, plan, &around.run, segment, machine.fencing)?;
    if let Some(note) = numa::bring_near(wired.segment(), plan, &machine.topology) {
        watch.note(&note);
    }
    let basis = Basis {
        options: wanted.options.clone(),
        cores: machine.cores.clone(),
        asymmetric: machine.fencing == Fencing::Asymmetric,
        shape: Shape::of(&graph, plan, machine.fencing),
    };
    let written = wanted.written.clone();
    let stage = Stage {
        plan,
        wired: &wired,
        subject: Subject {
            run: around.run.clone(),
            written,
            basis,
        },
        signals,
        traces,
    };
    let (verdict, toll) = play(stage, &mut graph, wanted, around, watch)?;
    Ok(Finished {
        verdict,
        report: report::gather(&graph, plan, &wired, around),
        toll,
    })
}

/// A run whose segment is there and which has no worker yet.
struct Stage<'a> {
    plan: &'a Plan,
    wired: &'a Wired,
    subject: Subject,
    signals: SignalFd,
    traces: Traces,
}

/// From the first worker to the last. Of `wanted` the options do not count: the stage has its own.
fn play(
    stage: Stage<'_>,
    graph: &mut Resolved,
    wanted: &Wanted,
    around: &mut Circumstances,
    watch: &mut dyn Watch,
) -> Result<(Verdict, Toll), RunError> {
    let (plan, subject, traces) = (stage.plan, stage.subject, stage.traces);
    rights::check(&subject.basis.options).map_err(RunError::Environment)?;
    around.started_ns = clock::now_ns();
    if let (true, Some(written)) = (wanted.resumable, &subject.written) {
        let recipe = Recipe {
            written: written.clone(),
            basis: subject.basis.clone(),
            began_ns: around.began_ns,
            started_ns: around.started_ns,
        };
        privately(|| traces.file.keep(&recipe))?;
    }
    let options = subject.basis.options.clone();
    let nursery = Nursery {
        plan,
        wired: stage.wired,
        options: &options,
    };
    let letters = Letters::new(&graph.name, &around.run);
    let keeper = keeper(subject, &traces.file, wanted, around, watch);
    let mut supervisor =
        Supervisor::new(&nursery, graph, stage.signals, watch, wanted.lasts, letters);
    supervisor.keep(keeper);
    if let Some(disturbance) = &wanted.disturbance {
        supervisor.disturb(Chaos::new(disturbance, plan));
    }
    supervisor.spawn()?;
    Ok(conduct(supervisor, traces, around))
}

/// Opens the run's door. Without one it goes on all the same.
fn keeper(
    subject: Subject,
    file: &RunFile,
    wanted: &Wanted,
    around: &Circumstances,
    watch: &mut dyn Watch,
) -> Keeper {
    let path = file.door();
    let door = privately(|| Door::open(&path));
    if let Err(error) = &door {
        watch.note(&format!(
            "{}: {error}; the run cannot be asked for snapshots",
            path.display()
        ));
    }
    Keeper {
        subject,
        door: door.ok(),
        regular: wanted.snapshots.clone(),
        around: around.clone(),
    }
}

/// Conducts a run whose workers are there to its end, and removes what it held.
fn conduct(
    mut supervisor: Supervisor<'_>,
    traces: Traces,
    around: &mut Circumstances,
) -> (Verdict, Toll) {
    let verdict = supervisor.run();
    around.now_ns = clock::now_ns();
    around.restarts = supervisor.restarts();
    around.tolls = supervisor.tolls();
    around.lost_outside = supervisor.lost_outside();
    around.snapshots = supervisor.tally();
    around.ended = ended(&verdict, supervisor.is_draining());
    let toll = supervisor.toll();
    drop(traces);
    (verdict, toll)
}

/// Goes on with a resumable run whose coordinator has died: the graph from the text that was kept, the plan
/// on the machine that was kept, the segment as its dead processes left it. Of `wanted` only `lasts` and `report` count.
///
/// # Errors
/// There is no such run, it lives, or what is left of it does not fit together; it is then left as it is.
pub fn resume(run: &str, wanted: &Wanted, watch: &mut dyn Watch) -> Result<Finished, RunError> {
    let environment = |words: String| RunError::Environment(format!("run `{run}`: {words}"));
    let signals = supervise::listen().map_err(|e| environment(format!("signals: {e}")))?;
    let mut claimed = runs::claim(run)?;
    let recipe = &claimed.recipe;
    recipe.written.enter_folder().map_err(environment)?;
    let mut graph = graph_again(&recipe.written, &recipe.basis, &environment)?;
    check_report(&graph, wanted)?;
    graph.complete();
    let here = machine();
    let basis = &recipe.basis;
    if basis.fencing() == Fencing::Asymmetric && here.fencing != Fencing::Asymmetric {
        return Err(environment(
            "its waiting needs membarrier, which this process may not call: resume it where it ran"
                .to_owned(),
        ));
    }
    let plan = plan_again(&graph, basis, &here, None, watch, environment)?;
    let segment = Segment::attach(&claimed.info.segment)?;
    let wired = wire::adopt(&graph, &plan, run, segment, basis.fencing())?;
    verify::verify(&graph, &plan, &wired).map_err(|what| {
        environment(format!(
            "its positions are damaged: {what}; `thalweg clean {run}` removes it"
        ))
    })?;
    rights::check(&basis.options).map_err(environment)?;
    claimed.info.pid = std::process::id();
    claimed.file.take_over(&claimed.info)?;
    let mut around = Circumstances {
        run: run.to_owned(),
        began_ns: recipe.began_ns,
        started_ns: recipe.started_ns,
        ..Circumstances::default()
    };
    let nursery = Nursery {
        plan: &plan,
        wired: &wired,
        options: &basis.options,
    };
    let subject = Subject {
        run: run.to_owned(),
        written: Some(recipe.written.clone()),
        basis: basis.clone(),
    };
    let keeper = keeper(subject, &claimed.file, wanted, &around, watch);
    let letters = Letters::new(&graph.name, &around.run);
    let mut supervisor =
        Supervisor::new(&nursery, &mut graph, signals, watch, wanted.lasts, letters);
    let warden = warden::post(&claimed.info.segment, &claimed.file)?;
    supervisor.keep(keeper);
    // Until all workers are there the run stays resumable, whatever happens.
    if let Err(error) = supervisor.spawn() {
        warden.dismiss();
        return Err(error.into());
    }
    let traces = Traces {
        file: claimed.file,
        segment: claimed.info.segment,
        made: true,
        warden,
    };
    let (verdict, toll) = conduct(supervisor, traces, &mut around);
    Ok(Finished {
        verdict,
        report: report::gather(&graph, &plan, &wired, &around),
        toll,
    })
}

/// Goes on from a snapshot: graph and plan are made again as they were, the segment anew, and the cut is put
/// back into it. A graph that is built by a program is given; else it is made of the text that was kept.
/// Of `wanted` the options and the text do not count; the run has the name of old unless another is wanted.
///
/// # Errors
/// The snapshot is of another graph or program, does not fit together, or files beside it are not what they
/// were. Nothing was started or changed then.
pub fn restore(
    loaded: &Loaded,
    built: Option<Resolved>,
    wanted: &Wanted,
    watch: &mut dyn Watch,
) -> Result<Finished, RunError> {
    let name = loaded.path.display();
    let environment = |words: String| RunError::Environment(format!("snapshot {name}: {words}"));
    let signals = supervise::listen().map_err(|e| environment(format!("signals: {e}")))?;
    let kept = snapshot::kept(loaded).map_err(RunError::Environment)?;
    let contents = loaded.contents();
    let (written, mut graph) = graph_of(&kept, built, &environment)?;
    check_report(&graph, wanted)?;
    graph.complete();
    let here = machine();
    let plan = plan_again(
        &graph,
        &kept.basis,
        &here,
        here.shm_free,
        watch,
        environment,
    )?;
    let mut around = Circumstances {
        run: wanted.name.clone().unwrap_or_else(|| contents.run.clone()),
        began_ns: match wanted.began_ns {
            0 => clock::now_ns(),
            ns => ns,
        },
        ..Circumstances::default()
    };
    let segment_name = format!("/thalweg.{}", around.run);
    let mut traces = Traces::begin(&info(&graph, &plan, &around.run, &segment_name))?;
    let segment = traces.make_segment(plan.len_bytes)?;
    let wired = wire::wire(&graph, &plan, &around.run, segment, here.fencing)?;
    wired.latches.dry().raise(kept.dry);
    image::put_back(&graph, &plan, &wired, &contents)
        .and_then(|()| verify::verify(&graph, &plan, &wired))
        .map_err(|what| environment(format!("it does not fit together: {what}")))?;
    let positions = Positions::of(&graph, &plan, &wired);
    let outside = image::outside(&graph, &plan, &wired, &positions);
    snapshot::check_files(&kept, &graph, &outside).map_err(environment)?;
    around.before = positions.items_written;
    let mut basis = kept.basis;
    basis.asymmetric = here.fencing == Fencing::Asymmetric;
    basis.shape = Shape::of(&graph, &plan, here.fencing);
    let stage = Stage {
        plan: &plan,
        wired: &wired,
        subject: Subject {
            run: around.run.clone(),
            written,
            basis,
        },
        signals,
        traces,
    };
    let (verdict, toll) = play(stage, &mut graph, wanted, &mut around, watch)?;
    Ok(Finished {
        verdict,
        report: report::gather(&graph, &plan, &wired, &around),
        toll,
    })
}

/// The graph of a snapshot, and its text if it has one.
fn graph_of(
    kept: &Kept,
    built: Option<Resolved>,
    environment: &dyn Fn(String) -> RunError,
) -> Result<(Option<Written>, Resolved), RunError> {
    match (&kept.origin, built) {
        (Origin::Text(written), None) => {
            written.enter_folder().map_err(environment)?;
            let graph = graph_again(written, &kept.basis, environment)?;
            Ok((Some(written.clone()), graph))
        }
        (Origin::Program(then), Some(graph)) => {
            let now = Program::this().map_err(|e| environment(format!("/proc/self/exe: {e}")))?;
            match now.crc == then.crc {
                true => Ok((None, graph)),
                false => Err(environment(format!(
                    "it was taken of another program, or of another build of this one ({}): its functions may be others",
                    then.path
                ))),
            }
        }
        (Origin::Text(_), Some(_)) => Err(environment(
            "its graph is one with a text: `thalweg run --from` goes on with it".to_owned(),
        )),
        (Origin::Program(program), None) => Err(environment(format!(
            "its graph is built by a program: `{} run --from` goes on with it",
            program.path
        ))),
    }
}

/// The graph of a run made again of its text, with what the command added to it.
fn graph_again(
    written: &Written,
    basis: &Basis,
    environment: &dyn Fn(String) -> RunError,
) -> Result<Resolved, RunError> {
    let decl = written.read().map_err(Box::new)?;
    let (mut graph, _) = resolve::resolve(decl).map_err(Box::new)?;
    if let Some(record) = written.record() {
        let origin = record::Origin {
            written: written.unrecorded(),
            items: basis.options.items,
        };
        record::insert(&mut graph, record, Some(&origin)).map_err(environment)?;
    }
    Ok(graph)
}

/// Plans a graph as it was planned before, and refuses what has another shape than it had. Workers whose
/// cores are not to be had are left to the scheduler.
fn plan_again(
    graph: &Resolved,
    basis: &Basis,
    here: &Machine,
    shm_free: Option<u64>,
    watch: &mut dyn Watch,
    environment: impl Fn(String) -> RunError,
) -> Result<Plan, RunError> {
    let mut plan = plan::plan(
        graph,
        &basis.machine(&here.topology, shm_free),
        &basis.options,
    )?;
    let shape = Shape::of(graph, &plan, basis.fencing());
    if let Some((now, then)) = shape.difference(&basis.shape) {
        return Err(environment(format!(
            "planned now: {now}; planned then: {then}; go on with the program and the files it ran with"
        )));
    }
    stay_where_possible(&mut plan, here);
    for note in &plan.notes {
        watch.note(note);
    }
    Ok(plan)
}

/// Leaves workers to the scheduler whose cores this process may not use.
fn stay_where_possible(plan: &mut Plan, here: &Machine) {
    for worker in &mut plan.workers {
        if let Some(core) = worker.core.filter(|core| !here.cores.contains(core)) {
            worker.core = None;
            worker.idle = Patience::SLEEP;
            plan.notes.push(format!(
                "worker {} was on core {core}, which this process may not use: it is left to the scheduler",
                worker.name
            ));
        }
    }
}

/// How a run ended, in a word. `stopped`: its sources were told to end.
fn ended(verdict: &Verdict, stopped: bool) -> &'static str {
    match verdict {
        Verdict::Done if stopped => "stopped",
        Verdict::Done => "done",
        Verdict::Failed(_) => "failed",
        Verdict::Stalled(_) => report::STALLED,
        Verdict::Killed(_) => "killed",
    }
}

/// A run inside one process as it stands in the run directory; dropping it takes it out.
struct Entered(RunFile);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// What of the machine's memory can be had, swap included; `None` where the system does not say.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    Some((kib("MemAvailable:")? + kib("SwapFree:").unwrap_or(0)) << 10)
}

/// The segment is allocated whole: more than there is would end in some process being killed.
fn enough_memory(need: u64, available: Option<u64>) -> Result<(), RunError> {
    match available {
        Some(have) if need > have => {
            let (need, have) = plan::unlike(need, have);
            Err(RunError::Environment(format!(
                "memory: the graph needs {need} and {have} are available; give smaller capacities or sizes"
            )))
        }
        _ => Ok(()),
    }
}

/// Everything in this process: one worker, no fork, a segment without a name.
fn run_inside(
    mut graph: Resolved,
    plan: &Plan,
    machine: &Machine,
    wanted: &Wanted,
    around: &mut Circumstances,
    watch: &mut dyn Watch,
) -> Result<Finished, RunError> {
    enough_memory(plan.len_bytes as u64, available_memory())?;
    let info = info(&graph, plan, &around.run, "");
    let entered = Entered(privately(|| enter(&info))?);
    let segment = Segment::anonymous(plan.len_bytes)?;
    let wired = wire::wire(&graph, plan, &around.run, segment, machine.fencing)?;
    hear_in_process(&entered.0);
    around.started_ns = clock::now_ns();
    let nursery = Nursery {
        plan,
        wired: &wired,
        options: &wanted.options,
    };
    let stop_at = wanted
        .lasts
        .map(|d| around.started_ns + d.as_nanos() as u64);
    let verdict = inside(&mut graph, &nursery, stop_at, watch);
    drop(entered);
    around.now_ns = clock::now_ns();
    around.ended = ended(&verdict, is_to_stop(stop_at));
    Ok(Finished {
        verdict,
        report: report::gather(&graph, plan, &wired, around),
        toll: Toll::default(),
    })
}

fn inside(
    graph: &mut Resolved,
    nursery: &Nursery<'_>,
    stop_at: Option<u64>,
    watch: &mut dyn Watch,
) -> Verdict {
    let loops = Loops::of(graph);
    let seated = nursery.wired.seat(graph, nursery.plan, 0, nursery.options);
    let mut subgraph = match seated {
        Ok(subgraph) => subgraph,
        Err(fault) => return Verdict::Failed(fault.to_string()),
    };
    let now = clock::now_ns();
    let mut orders = InProcess {
        graph,
        nursery,
        watch,
        stop_at,
        next_tick: now + TICK_NS,
        told: false,
        leaving: Leaving::new(graph, &loops),
        loops,
    };
    let bell = nursery.wired.bell(0);
    let idle = nursery.plan.workers[0].idle;
    let rest = nursery.wired.latches.rest();
    loop {
        match duty::run(&mut subgraph, bell, rest, idle, &mut orders) {
            Ok(Ended::Done) => return Verdict::Done,
            Ok(Ended::Stuck) => {
                if orders.look_after_loops() {
                    continue;
                }
                let (graph, plan) = (orders.graph, nursery.plan);
                let positions = Positions::of(graph, plan, nursery.wired);
                let dry = nursery.wired.latches.dry();
                match orders.loops.run_dry(graph, plan, &positions, dry.level()) {
                    Some(level) => dry.raise(level),
                    None => return Verdict::Stalled(stall::chain(graph, plan, &positions)),
                }
            }
            Err(fault) => return Verdict::Failed(fault.to_string()),
        }
    }
}

const TICK_NS: u64 = 100_000_000;

/// Orders where there is no coordinator: the clock, and the signals' count.
struct InProcess<'a> {
    graph: &'a Resolved,
    nursery: &'a Nursery<'a>,
    watch: &'a mut dyn Watch,
    stop_at: Option<u64>,
    next_tick: u64,
    told: bool,
    loops: Loops,
    leaving: Leaving,
}

impl InProcess<'_> {
    /// Agents of loops that nobody wants any more, or that a stop finds going, are told to end. True if some are.
    fn look_after_loops(&mut self) -> bool {
        if self.loops.knots().is_empty() {
            return false;
        }
        let (graph, wired) = (self.graph, self.nursery.wired);
        let positions = Positions::of(graph, self.nursery.plan, wired);
        let (stopped, now) = (self.stop(), Instant::now());
        let leaving = &mut self.leaving;
        let leave = leaving.look(graph, &self.loops, &positions, stopped, now);
        leave.iter().for_each(|&a| wired.dismissal(a).dismiss());
        !leave.is_empty()
    }
}

impl Orders for InProcess<'_> {
    fn stop(&self) -> bool {
        is_to_stop(self.stop_at)
    }

    fn tick(&mut self) {
        if STOPS.load(Ordering::Relaxed) > 0 && !self.told {
            self.told = true;
            self.watch
                .note("stopping: sources end, the graph drains; once more kills it");
        }
        let now = clock::now_ns();
        if now >= self.next_tick {
            self.next_tick = now + TICK_NS;
            self.look_after_loops();
            self.watch.tick(self.graph, self.nursery, &[0]);
        }
    }
}

/// A signal came, or the time is up.
fn is_to_stop(stop_at: Option<u64>) -> bool {
    // Relaxed: a counter that a signal handler of this thread raises.
    STOPS.load(Ordering::Relaxed) > 0 || stop_at.is_some_and(|at| clock::now_ns() >= at)
}

/// How many signals to stop have come, for a run inside one process.
static STOPS: AtomicU32 = AtomicU32::new(0);

/// The run's file, for the handler of the second signal to take away.
static RUN_FILE: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

/// The first signal asks the sources to end; the second ends the process.
fn hear_in_process(file: &RunFile) {
    extern "C" fn on_signal(signal: libc::c_int) {
        // Relaxed: nothing but the count itself is handed over.
        if STOPS.fetch_add(1, Ordering::Relaxed) > 0 {
            // FILE (in, from below): the path is whole once the pointer is there.
            let path = RUN_FILE.load(Ordering::Acquire);
            if !path.is_null() {
                // SAFETY: a path that was leaked on purpose; `unlink` is safe in a signal handler.
                unsafe { libc::unlink(path) };
            }
            leave(128 + signal);
        }
    }
    if let Ok(path) = CString::new(file.path().as_os_str().as_bytes()) {
        // FILE (out, to `on_signal`): the bytes before the pointer.
        RUN_FILE.store(path.into_raw(), Ordering::Release);
    }
    let action = SigAction::new(
        SigHandler::Handler(on_signal),
        SaFlags::empty(),
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler touches atomics, unlinks and may leave by `_exit`: safe in a signal handler.
        let _ = unsafe { sigaction(signal, &action) };
    }
}
