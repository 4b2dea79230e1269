//! Wiring: the segment laid out as planned, and a subgraph seated in it.
//!
//! Everything is made before the first fork, so workers inherit the mappings and nobody opens a
//! half-made segment by name. Seating happens in the worker's own process: it takes the pristine
//! agents out of its copy of the graph.

use std::rc::Rc;

use thalweg_ringbuf::{Access, Bell, Fencing, LayoutError, Mirror, Ring, Segment, SegmentError};
use thalweg_worker::control::{Control, ControlLayout};
use thalweg_worker::subgraph::{Fault, InSeat, Seat, StampPlace, StreamSeat, Subgraph};

use crate::latch::Latches;
use crate::plan::{Options, Plan, PlannedStream, ring_spec};
use crate::resolved::{Resolved, StreamIx};

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
}

/// Lays the segment out: latches, bells, control blocks, rings.
pub fn wire(
    graph: &Resolved,
    plan: &Plan,
    segment: Segment,
    fencing: Fencing,
) -> Result<Wired, WireError> {
    let base = segment.as_ptr();
    // SAFETY: the segment is `plan.len_bytes` long, zeroed, and nobody else's while it is being
    // made; the run header is its first page.
    let latches = unsafe { Latches::make(base) };
    // SAFETY: one line of 128 bytes a worker from here on, page-aligned.
    let bells = unsafe { base.add(plan.bells.start) }.cast::<Bell>();
    for worker in 0..plan.workers.len() {
        // SAFETY: inside the bells' range, not yet used by anybody.
        unsafe { bells.add(worker).write(Bell::new(fencing)) };
    }
    let controls = (0..plan.workers.len())
        .map(|w| control(graph, plan, base, w))
        .collect();
    let mut rings = Vec::new();
    let mut mirrors = Vec::new();
    for (ix, stream) in plan.streams.iter().enumerate() {
        let (ring, mirror) = ring(graph, &segment, ix, stream, fencing)?;
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
    })
}

fn control(graph: &Resolved, plan: &Plan, base: *mut u8, worker: usize) -> Control {
    let worker = &plan.workers[worker];
    let blueprints = || worker.agents.iter().map(|&a| &graph.agents[a].blueprint);
    let layout = Rc::new(ControlLayout::of(blueprints()));
    // SAFETY: the plan reserved the layout's length here, page-aligned, and the segment outlives
    // every control block handed out by `Wired`.
    let control = unsafe { Control::new(base.add(worker.control.start), layout) };
    control.format(blueprints().map(|b| b.state.init.as_slice()));
    control
}

fn ring(
    graph: &Resolved,
    segment: &Segment,
    ix: StreamIx,
    stream: &PlannedStream,
    fencing: Fencing,
) -> Result<(Ring, Mirror), WireError> {
    let spec = ring_spec(graph, ix, stream.capacity, stream.readers.len());
    // SAFETY: the plan reserved the header's length here, page-aligned.
    let header = unsafe { segment.as_ptr().add(stream.header.start) };
    // SAFETY: as above, and nobody uses these bytes yet.
    let formatted = unsafe { Ring::format(header, &spec, fencing) };
    let geometry = formatted.map_err(|error| WireError::Ring {
        stream: graph.streams[ix].name.clone(),
        error,
    })?;
    let mirror = Mirror::map(segment, stream.data.clone())?;
    // SAFETY: header and mirror are of this geometry; `Wired` keeps both mapped; the plan gives the
    // ring one producer, and each reader line one reader.
    let ring = unsafe { Ring::from_raw(header, mirror.as_ptr(), geometry) };
    let ring = ring.expect("mappings are not at address 0");
    for (line, reader) in stream.readers.iter().enumerate() {
        if reader.lossy {
            ring.set_mode(line, thalweg_ringbuf::Mode::Tap);
        }
    }
    Ok((ring, mirror))
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
        let mut seats = Vec::new();
        for &ix in agents {
            let agent = &mut graph.agents[ix];
            let inputs = agent.inputs.iter().enumerate();
            let inputs = inputs
                .map(|(i, &s)| local.in_seat(plan, s, (ix, i)))
                .collect();
            let outputs = agent.outputs.iter().map(|&s| local.index(s)).collect();
            seats.push(Seat {
                name: agent.name.clone(),
                blueprint: std::mem::replace(&mut agent.blueprint, nobody()),
                inputs,
                outputs,
                step: plan.step_of[ix],
                items: options.items,
            });
        }
        // One bell a worker, by the worker's number: alone, there is nobody to wake.
        let bells = match plan.workers.len() {
            1 => Vec::new(),
            n => (0..n).map(|w| std::ptr::from_ref(self.bell(w))).collect(),
        };
        Subgraph::new(self.controls[worker].clone(), streams, seats, bells)
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
            ring: self.rings[s],
            reader_bells,
            producer_bell: (!here).then_some(stream.producer),
            readers: stream.readers.len(),
            stamp,
        }
    }

    /// Takes away what this worker may not write, so that a stray store is a fault with the data
    /// intact: others' rings and control blocks, and the data it reads.
    pub fn protect(&self, plan: &Plan, worker: usize) -> Result<(), SegmentError> {
        // Sound, all of it: the worker reaches data through the mirrors alone, writes
        // only the rings it produces, and only reads other workers' blocks (stamps) and latches.
        let segment = &self.segment;
        // SAFETY: as said.
        let restrict = |range, access| unsafe { segment.protect(range, access) };
        restrict(0..crate::plan::RUN_HEADER, Access::ReadOnly)?;
        for (w, other) in plan.workers.iter().enumerate() {
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
        }
        Ok(())
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

    fn in_seat(&self, plan: &Plan, stream: StreamIx, end: (usize, usize)) -> InSeat {
        let readers = &plan.streams[stream].readers;
        let reader = readers.iter().position(|r| r.agent == end);
        let reader = reader.expect("a reader is among its stream's");
        InSeat {
            stream: self.index(stream),
            reader,
            lossy: readers[reader].lossy,
        }
    }
}

/// What stands in a graph whose agent was taken out.
fn nobody() -> thalweg_worker::agent::Blueprint {
    use thalweg_worker::agent::{Agent, AgentError, Blueprint, Io, Status};
    struct Nobody;
    impl Agent for Nobody {
        fn work(&mut self, _: &mut Io<'_>) -> Result<Status, AgentError> {
            Ok(Status::Done)
        }
    }
    Blueprint::new(Nobody)
}
