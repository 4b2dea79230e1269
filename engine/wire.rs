//! Wiring: the segment laid out as planned, and a subgraph seated in it.
//!
//! Everything is made before the first worker is forked, so workers inherit the mappings and nobody opens a
//! half-made segment by name. Seating happens in the worker's own process: it takes the pristine
//! agents out of its copy of the graph.

use std::rc::Rc;

use thalweg_ringbuf::{
    Access, Bell, Fencing, Geometry, LayoutError, Mirror, Ring, RingSpec, Segment, SegmentError,
};
use thalweg_worker::agent::{Agent, AgentError, Blueprint, Io, Status};
use thalweg_worker::control::{Control, ControlLayout};
use thalweg_worker::dials::Desk;
use thalweg_worker::dry::{Bed, Dismissal};
use thalweg_worker::subgraph::{Fault, InSeat, Seat, StampPlace, StreamSeat, Subgraph};

use crate::dry::Loops;
use crate::header::{self, HeaderError};
use crate::latch::{Latches, found_dry};
use crate::plan::{Options, Plan, PlannedStream, ring_spec};
use crate::resolved::{AgentIx, Resolved, StreamIx};
use crate::shape::Shape;

/// A segment laid out as planned, with everything in it.
pub struct Wired {
    segment: Segment,
    mirrors: Vec<Mirror>,
    /// The ring of each stream.
    pub rings: Vec<Ring>,
    /// The control block of each worker.
    pub controls: Vec<Control>,
    /// The latches of the run.
    pub latches: Latches,
    bells: *const Bell,
    dismissals: *const Dismissal,
}

/// Why the segment could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The segment or a mapping of it was refused.
    #[error("{0}")]
    Segment(#[from] SegmentError),
    /// A ring was refused.
    #[error("stream `{stream}`: {error}")]
    Ring {
        /// The stream.
        stream: String,
        /// What is wrong with it.
        error: LayoutError,
    },
    /// A segment that was found is not the run's.
    #[error("segment {segment}: {error}")]
    Header {
        /// The segment.
        segment: String,
        /// What is wrong with it.
        error: HeaderError,
    },
    /// A segment that was found has lost some of its bytes.
    #[error(
        "segment {segment} has holes: it was cut short and made long again, and what was there is lost"
    )]
    Holes {
        /// The segment.
        segment: String,
    },
    /// A control block that was found has another shape.
    #[error("the control block of worker {worker} is damaged: it is not of its agents' shape")]
    Control {
        /// The worker.
        worker: String,
    },
    /// A ring that was found is another than planned.
    #[error("stream `{stream}`: the ring in the segment is another than planned")]
    OtherRing {
        /// The stream.
        stream: String,
    },
}

/// Whether a segment is new, or one that a dead run left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    New,
    Found,
}

/// Lays a new segment out: latches, bells, control blocks, rings, and last the run header's identity.
pub fn wire(
    graph: &Resolved,
    plan: &Plan,
    run: &str,
    segment: Segment,
    fencing: Fencing,
) -> Result<Wired, WireError> {
    let hash = Shape::of(graph, plan, fencing).hash();
    let wired = assemble(graph, plan, segment, fencing, Origin::New)?;
    let wanted = wanted(plan, run, hash);
    // SAFETY: the first page of a segment that nobody else has yet.
    unsafe { header::write(wired.segment.as_ptr(), &wanted) };
    Ok(wired)
}

/// Takes over the segment of a dead run, whose processes are all gone: header, control blocks and rings
/// are checked against the plan, latches are cleared (loops that ran dry stay so), dismissals too (what they
/// follow from is in the records), bells made anew. Positions are not judged here.
pub fn adopt(
    graph: &Resolved,
    plan: &Plan,
    run: &str,
    segment: Segment,
    fencing: Fencing,
) -> Result<Wired, WireError> {
    let name = || segment.name().unwrap_or_default().to_owned();
    let refused = |error| WireError::Header {
        segment: name(),
        error,
    };
    if segment.len_bytes() != plan.len_bytes {
        return Err(refused(HeaderError::Length {
            found: segment.len_bytes() as u64,
            expected: plan.len_bytes as u64,
        }));
    }
    if !segment.is_whole()? {
        return Err(WireError::Holes { segment: name() });
    }
    let wanted = wanted(plan, run, Shape::of(graph, plan, fencing).hash());
    // SAFETY: the segment is `plan.len_bytes` long (above), so its first page is there.
    unsafe { header::check(segment.as_ptr(), &wanted) }.map_err(refused)?;
    assemble(graph, plan, segment, fencing, Origin::Found)
}

fn wanted<'a>(plan: &Plan, run: &'a str, layout_hash: u64) -> header::Wanted<'a> {
    header::Wanted {
        run,
        len_bytes: plan.len_bytes,
        layout_hash,
    }
}

fn assemble(
    graph: &Resolved,
    plan: &Plan,
    segment: Segment,
    fencing: Fencing,
    origin: Origin,
) -> Result<Wired, WireError> {
    let base = segment.as_ptr();
    // SAFETY: the segment is `plan.len_bytes` long, and nobody else's while it is new or its run is
    // dead; the run header is its first page.
    let latches = unsafe {
        let dry = match origin {
            Origin::New => 0,
            Origin::Found => found_dry(base),
        };
        Latches::make(base, dry)
    };
    // SAFETY: one line of 128 bytes a worker from here on, page-aligned.
    let bells = unsafe { base.add(plan.bells.start) }.cast::<Bell>();
    for worker in 0..plan.workers.len() {
        // SAFETY: inside the bells' range, not yet used by anybody.
        unsafe { bells.add(worker).write(Bell::new(fencing)) };
    }
    // SAFETY: the plan reserved a byte an agent here, or none.
    let dismissals = unsafe { base.add(plan.dismissals.start) }.cast::<Dismissal>();
    for agent in 0..plan.dismissals.len().min(graph.agents.len()) {
        // SAFETY: inside that range, not yet used by anybody.
        unsafe { dismissals.add(agent).write(Dismissal::new()) };
    }
    let controls = (0..plan.workers.len())
        .map(|w| control(graph, plan, base, w, origin))
        .collect::<Result<_, _>>()?;
    let mut rings = Vec::new();
    let mut mirrors = Vec::new();
    for (ix, stream) in plan.streams.iter().enumerate() {
        let (ring, mirror) = ring(graph, &segment, ix, stream, fencing, origin)?;
        rings.push(ring);
        mirrors.push(mirror);
    }
    Ok(Wired {
        segment,
        mirrors,
        rings,
        controls,
        latches,
        bells,
        dismissals,
    })
}

fn control(
    graph: &Resolved,
    plan: &Plan,
    base: *mut u8,
    worker: usize,
    origin: Origin,
) -> Result<Control, WireError> {
    let worker = &plan.workers[worker];
    let blueprints = || worker.agents.iter().map(|&a| &graph.agents[a].blueprint);
    let layout = Rc::new(ControlLayout::of(blueprints()));
    // SAFETY: the plan reserved the layout's length here, page-aligned, and the segment outlives
    // every control block handed out by `Wired`.
    let control = unsafe { Control::new(base.add(worker.control.start), layout) };
    match origin {
        Origin::New => control.format(blueprints().map(|b| b.state.init.as_slice())),
        Origin::Found if control.matches() => {}
        Origin::Found => {
            return Err(WireError::Control {
                worker: worker.name.clone(),
            });
        }
    }
    Ok(control)
}

fn ring(
    graph: &Resolved,
    segment: &Segment,
    ix: StreamIx,
    stream: &PlannedStream,
    fencing: Fencing,
    origin: Origin,
) -> Result<(Ring, Mirror), WireError> {
    let spec = ring_spec(graph, ix, stream.capacity, stream.readers.len());
    // SAFETY: the plan reserved the header's length here, page-aligned.
    let header = unsafe { segment.as_ptr().add(stream.header.start) };
    let name = || graph.streams[ix].name.clone();
    let region = stream.header.len() + stream.data.len();
    let geometry = match origin {
        // SAFETY: as above, and nobody uses these bytes yet.
        Origin::New => unsafe { Ring::format(header, &spec, fencing) },
        // SAFETY: as above; the data follow the header.
        Origin::Found => unsafe { Geometry::of_header(header, region) },
    };
    let geometry = geometry.map_err(|error| WireError::Ring {
        stream: name(),
        error,
    })?;
    if origin == Origin::Found && !is_planned(&geometry, &spec, fencing) {
        return Err(WireError::OtherRing { stream: name() });
    }
    let mirror = Mirror::map(segment, stream.data.clone())?;
    // SAFETY: header and mirror are of this geometry; `Wired` keeps both mapped; the plan gives the
    // ring one producer, and each reader line one reader.
    let ring = unsafe { Ring::from_raw(header, mirror.as_ptr(), geometry) };
    let ring = ring.expect("mappings are not at address 0");
    for (line, reader) in stream.readers.iter().enumerate() {
        if reader.lossy && origin == Origin::New {
            ring.set_mode(line, thalweg_ringbuf::Mode::Tap);
        }
    }
    Ok((ring, mirror))
}

/// A ring that was found is the planned one, but for the process that made it.
fn is_planned(found: &Geometry, spec: &RingSpec, fencing: Fencing) -> bool {
    spec.geometry(fencing).is_ok_and(|planned| {
        let creator_pid = found.creator_pid;
        *found
            == Geometry {
                creator_pid,
                ..planned
            }
    })
}

impl Wired {
    /// The segment itself.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// What a worker sleeps on.
    pub fn bell(&self, worker: usize) -> &Bell {
        // SAFETY: one bell a worker was made in `wire`; the segment is mapped as long as `self`.
        unsafe { &*self.bells.add(worker) }
    }

    /// What tells an agent of a loop to end.
    pub fn dismissal(&self, agent: AgentIx) -> &Dismissal {
        // SAFETY: one byte an agent was made in `wire` for a graph with loops; mapped as long as `self`.
        unsafe { &*self.dismissals.add(agent) }
    }

    /// Takes a worker's agents out of the graph and seats them where its record says they are.
    pub fn seat(
        &self,
        graph: &mut Resolved,
        plan: &Plan,
        worker: usize,
        options: &Options,
    ) -> Result<Subgraph, Fault> {
        let agents = &plan.workers[worker].agents;
        let local = Local::new(graph, plan, worker);
        let streams = local
            .streams
            .iter()
            .map(|&s| self.stream_seat(graph, plan, worker, s));
        let streams = streams.collect();
        let loops = Loops::of(graph);
        let mut seats = Vec::new();
        for &ix in agents {
            let agent = &mut graph.agents[ix];
            let inputs = agent.inputs.iter().enumerate();
            let inputs = inputs
                .map(|(i, &s)| local.in_seat(plan, &loops, s, (ix, i)))
                .collect();
            let outputs = agent.outputs.iter().map(|&s| local.index(s)).collect();
            seats.push(Seat {
                name: agent.name.clone(),
                blueprint: taken(&mut agent.blueprint),
                inputs,
                outputs,
                step: plan.step_of[ix],
                items: options.items,
                bed: self.bed(&loops, ix),
            });
        }
        // One bell a worker, by the worker's number: alone, there is nobody to wake.
        let bells = match plan.workers.len() {
            1 => Vec::new(),
            n => (0..n).map(|w| std::ptr::from_ref(self.bell(w))).collect(),
        };
        let mut subgraph = Subgraph::new(self.controls[worker].clone(), streams, seats, bells)?;
        if let Some(desk) = self.desk(plan, worker) {
            subgraph.listen(desk);
        }
        Ok(subgraph)
    }

    /// What ends an agent of a loop.
    fn bed(&self, loops: &Loops, agent: AgentIx) -> Option<Bed> {
        let knot = loops.knot_of(agent)?;
        // SAFETY: mapped as long as `self`, which outlives the subgraph.
        let bed = unsafe { Bed::new(self.dismissal(agent), self.latches.dry()) };
        Some(match knot.delays.contains(&agent) {
            true => bed.delays(knot.level, knot.feeders.is_empty()),
            false => bed,
        })
    }

    /// Where orders for a worker's dials lie.
    fn desk(&self, plan: &Plan, worker: usize) -> Option<Desk> {
        let desk = &plan.workers[worker].desk;
        let dials = self.controls[worker].layout().dials();
        // SAFETY: the plan reserved the desk's length here, page-aligned; the segment is mapped as long as
        // `self`, and a worker only reads it.
        (dials > 0).then(|| unsafe { Desk::new(self.segment.as_ptr().add(desk.start), dials) })
    }

    fn stream_seat(&self, graph: &Resolved, plan: &Plan, worker: usize, s: StreamIx) -> StreamSeat {
        let stream = &plan.streams[s];
        let here = stream.producer == worker;
        let mut reader_bells: Vec<usize> = Vec::new();
        for reader in &stream.readers {
            if here && reader.worker != worker && !reader_bells.contains(&reader.worker) {
                reader_bells.push(reader.worker);
            }
        }
        let (agent, output) = graph.streams[s].producer;
        let nth = plan.seat_of[agent];
        let stamp = match (stream.crosses(), here) {
            (false, _) => StampPlace::Nowhere,
            (true, true) => StampPlace::Here(nth, output),
            (true, false) => StampPlace::There(self.controls[stream.producer].stamp(nth, output)),
        };
        StreamSeat {
            name: graph.streams[s].name.clone(),
            ring: self.rings[s],
            reader_bells,
            producer_bell: (!here).then_some(stream.producer),
            readers: stream.readers.len(),
            stamp,
        }
    }

    /// Takes away what this worker may not write, so that a stray store is a fault with the data
    /// intact: others' rings and control blocks, and the data it reads. Processes that an agent forks
    /// have none of it.
    pub fn protect(&self, plan: &Plan, worker: usize) -> Result<(), SegmentError> {
        // Sound, all of it: the worker reaches data through the mirrors alone, writes
        // only the rings it produces, and only reads other workers' blocks (stamps) and latches.
        let segment = &self.segment;
        // SAFETY: as said.
        let restrict = |range, access| unsafe { segment.protect(range, access) };
        restrict(0..crate::plan::RUN_HEADER, Access::ReadOnly)?;
        if !plan.dismissals.is_empty() {
            restrict(plan.dismissals.clone(), Access::ReadOnly)?;
        }
        for (w, other) in plan.workers.iter().enumerate() {
            if !other.desk.is_empty() {
                restrict(other.desk.clone(), Access::ReadOnly)?;
            }
            if w == worker {
                continue;
            }
            restrict(other.control.clone(), Access::ReadOnly)?;
        }
        for (stream, mirror) in plan.streams.iter().zip(&self.mirrors) {
            let reads = stream.readers.iter().any(|r| r.worker == worker);
            let writes = stream.producer == worker;
            restrict(stream.data.clone(), Access::None)?;
            // SAFETY: as above.
            let restrict_data = |access| unsafe { mirror.protect(access) };
            match (writes, reads) {
                (true, _) => {}
                (false, true) => restrict_data(Access::ReadOnly)?,
                (false, false) => {
                    restrict_data(Access::None)?;
                    restrict(stream.header.clone(), Access::None)?;
                }
            }
            mirror.keep_from_children()?;
        }
        segment.keep_from_children()
    }
}

/// The streams a worker has an end of, numbered for its own use.
struct Local {
    streams: Vec<StreamIx>,
    index_of: Vec<usize>,
}

impl Local {
    fn new(graph: &Resolved, plan: &Plan, worker: usize) -> Local {
        let mut local = Local {
            streams: Vec::new(),
            index_of: vec![usize::MAX; graph.streams.len()],
        };
        for &agent in &plan.workers[worker].agents {
            let agent = &graph.agents[agent];
            for &stream in agent.outputs.iter().chain(&agent.inputs) {
                if local.index_of[stream] == usize::MAX {
                    local.index_of[stream] = local.streams.len();
                    local.streams.push(stream);
                }
            }
        }
        local
    }

    fn index(&self, stream: StreamIx) -> usize {
        self.index_of[stream]
    }

    fn in_seat(&self, plan: &Plan, loops: &Loops, stream: StreamIx, end: (usize, usize)) -> InSeat {
        let readers = &plan.streams[stream].readers;
        let reader = readers.iter().position(|r| r.agent == end);
        let reader = reader.expect("a reader is among its stream's");
        InSeat {
            stream: self.index(stream),
            reader,
            lossy: readers[reader].lossy,
            back: loops.leads_back(end),
        }
    }
}

/// Takes an agent out of a graph. What stands there then has what a report asks for.
fn taken(blueprint: &mut Blueprint) -> Blueprint {
    struct Nobody;
    impl Agent for Nobody {
        fn work(&mut self, _: &mut Io<'_>) -> Result<Status, AgentError> {
            Ok(Status::Done)
        }
    }
    let nobody = Blueprint {
        inputs: blueprint.inputs.clone(),
        remark: blueprint.remark,
        ..Blueprint::new(Nobody)
    };
    std::mem::replace(blueprint, nobody)
}
