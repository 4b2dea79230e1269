//! Which worker runs on which core, and whether it spins there.

use thalweg_worker::duty::Patience;

use super::{Machine, Options};
use crate::decl::Core;
use crate::diag::Diagnostic;
use crate::place::{Draft, graph_span};
use crate::resolved::Resolved;
use crate::topology::Place;

/// A core for each worker, `None` where the scheduler decides.
pub(super) fn pin(
    graph: &Resolved,
    machine: &Machine,
    options: &Options,
    workers: &[Draft],
    worker_of: &[usize],
    notes: &mut Vec<String>,
) -> Result<Vec<Option<usize>>, Diagnostic> {
    if options.unpinned || options.in_process {
        let none = vec![None; workers.len()];
        return match options.realtime {
            Some(_) => alone(graph, workers, &none).map(|()| none),
            None => Ok(none),
        };
    }
    let declared = |d: &Draft| d.decl.map_or(Core::Auto, |w| graph.workers[w].core.value);
    let wanted: Vec<Core> = match &options.cores {
        Some(cores) if cores.len() == workers.len() => {
            let given = cores.iter();
            given.map(|c| c.map_or(Core::None, Core::Number)).collect()
        }
        _ => workers.iter().map(declared).collect(),
    };
    for (draft, core) in workers.iter().zip(&wanted) {
        if let (Some(w), Core::Number(core)) = (draft.decl, core) {
            check_core(graph, machine, w, *core)?;
        }
    }
    let named = |core: &usize| wanted.contains(&Core::Number(*core));
    let free: Vec<usize> = machine
        .cores
        .iter()
        .copied()
        .filter(|c| !named(c))
        .collect();
    let autos = wanted.iter().filter(|c| **c == Core::Auto).count();
    let enough = autos <= free.len();
    if !enough {
        notes.push(format!(
            "{} workers share {} cores: those without a core of their own are left to the scheduler",
            workers.len(),
            machine.cores.len()
        ));
    }
    let place = |core: &Core| match core {
        Core::Number(core) => Place::At(*core),
        Core::Auto if enough => Place::Chosen,
        Core::Auto | Core::None => Place::Anywhere,
    };
    let places: Vec<Place> = wanted.iter().map(place).collect();
    let cores = machine.topology.choose(&places, &between(graph, worker_of));
    for (w, core) in cores.iter().enumerate() {
        if let Some(other) = cores[..w].iter().position(|c| c.is_some() && c == core) {
            notes.push(format!(
                "workers {} and {} share core {}: they sleep instead of spinning",
                workers[other].name,
                workers[w].name,
                core.unwrap_or(0)
            ));
        }
    }
    notes.extend(on_threads_of_one_core(machine, workers, &cores));
    match options.realtime {
        Some(_) => alone(graph, workers, &cores).map(|()| cores),
        None => Ok(cores),
    }
}

/// A real-time worker that spins takes a core from whoever shares it, and does not give it back.
fn alone(graph: &Resolved, workers: &[Draft], cores: &[Option<usize>]) -> Result<(), Diagnostic> {
    let shares = |w: usize| match cores[w] {
        None => true,
        core => cores.iter().filter(|&other| *other == core).count() > 1,
    };
    let Some(worker) = (0..cores.len()).find(|&w| shares(w)) else {
        return Ok(());
    };
    let span = match workers[worker].decl {
        Some(w) => graph.workers[w].core.span.clone(),
        None => graph_span(graph),
    };
    Err(Diagnostic::new(format!(
        "worker `{}` has no core of its own, and --realtime would let it keep others from theirs",
        workers[worker].name
    ))
    .at(span, "shares a core, or has none")
    .help("use no more workers than there are cores (--workers N), each on another one, or leave --realtime out"))
}

/// Workers that share a physical core though not a thread of it.
fn on_threads_of_one_core(
    machine: &Machine,
    workers: &[Draft],
    cores: &[Option<usize>],
) -> Vec<String> {
    let physical = |worker: usize| {
        let core = machine.topology.core(cores[worker]?)?;
        Some((core.number, core.physical))
    };
    let pairs = (0..cores.len()).flat_map(|w| (0..w).map(move |other| (other, w)));
    let shared = pairs.filter(|&(a, b)| match (physical(a), physical(b)) {
        (Some((a, one)), Some((b, other))) => a != b && one == other,
        _ => false,
    });
    let note = |(a, b): (usize, usize)| {
        format!(
            "workers {} and {} run on two threads of one core, and share what it does",
            workers[a].name, workers[b].name
        )
    };
    shared.map(note).collect()
}

/// A pair of workers for every stream's way from one to another.
fn between(graph: &Resolved, worker_of: &[usize]) -> Vec<(usize, usize)> {
    let ways = graph.streams.iter().flat_map(|stream| {
        let from = worker_of[stream.producer.0];
        let readers = stream.readers.iter();
        readers.map(move |&(reader, _)| (from, worker_of[reader]))
    });
    ways.filter(|(from, to)| from != to).collect()
}

fn check_core(
    graph: &Resolved,
    machine: &Machine,
    worker: usize,
    core: usize,
) -> Result<(), Diagnostic> {
    // Nobody is put on an isolated core unasked; who names one means it.
    if machine.cores.contains(&core) || machine.topology.isolated.contains(&core) {
        return Ok(());
    }
    let decl = &graph.workers[worker];
    let cores: Vec<String> = machine.cores.iter().map(usize::to_string).collect();
    Err(Diagnostic::new(format!(
        "worker `{}` wants core {core}, and this process may use {}",
        decl.name.value,
        cores.join(", ")
    ))
    .at(decl.core.span.clone(), "no such core here")
    .help("choose one of these, \"auto\" or \"none\", or run with --pin none"))
}

/// Who has a core to itself spins for a while; who shares one goes to sleep. With real-time priority on every
/// core nobody spins: the rest of the machine would stand still.
pub(super) fn idle(
    machine: &Machine,
    core: Option<usize>,
    workers: usize,
    options: &Options,
) -> Patience {
    let left = usize::from(options.realtime.is_some());
    match core.is_some() && workers + left <= machine.cores.len() {
        true => Patience::SPIN,
        false => Patience::SLEEP,
    }
}
