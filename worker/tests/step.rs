//! The step as a transaction: whatever cuts a worker off, its successor goes on as if nothing was.
//!
//! A "kill" here is the loss of everything but the segment: the subgraph is dropped, in the middle of
//! a call (an agent panics) or between steps, and a new one is seated from pristine agents.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use thalweg_ringbuf::{Fencing, Mirror, Ring, RingSpec, Segment};
use thalweg_worker::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use thalweg_worker::control::{Control, ControlLayout};
use thalweg_worker::subgraph::{Idle, InSeat, Seat, StampPlace, Step, StreamSeat, Subgraph};
use thalweg_worker::types::ItemType;

/// Numbers 0, 1, 2 .. up to a count; how far it is, is its place in the stream.
struct Counting(u64);

impl Agent for Counting {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        while !output.is_full() && output.position() < self.0 {
            let n = output.position();
            output.push(n);
        }
        Ok(match output.position() == self.0 {
            true => Status::Done,
            false => Status::Ready,
        })
    }
}

/// The running sum of the last four items and a total in its state; dies when told to.
struct Summing {
    dies_in: Rc<Cell<u64>>,
}

impl Agent for Summing {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let n = io.inputs[0].len().min(io.outputs[0].space());
        for _ in 0..n {
            let (items, past) = io.inputs[0].past::<u64>();
            let window = &items[past.saturating_sub(3)..=past];
            let total = io.state.get::<u64>();
            *total = total
                .wrapping_mul(31)
                .wrapping_add(window.iter().sum::<u64>());
            let total = *total;
            io.outputs[0].push(total);
            io.inputs[0].consume(1);
            self.dies_in.set(self.dies_in.get().wrapping_sub(1));
            assert!(self.dies_in.get() != 0, "killed");
        }
        Ok(Status::Ready)
    }
}

/// Keeps what it gets at the place its state says, as a file sink does.
struct Keeping {
    kept: Rc<std::cell::RefCell<Vec<u64>>>,
}

impl Agent for Keeping {
    fn attach(&mut self, mut state: thalweg_worker::agent::State<'_>) -> Result<(), AgentError> {
        self.kept
            .borrow_mut()
            .truncate(*state.get::<u64>() as usize);
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let items = io.inputs[0].items::<u64>();
        let length = io.state.get::<u64>();
        let mut kept = self.kept.borrow_mut();
        kept.truncate(*length as usize);
        kept.extend_from_slice(items);
        *length += items.len() as u64;
        let n = items.len();
        io.inputs[0].consume(n);
        Ok(Status::Ready)
    }
}

/// Source, sum and sink in one worker, in memory that outlives it.
struct Bed {
    _segment: Segment,
    _mirrors: Vec<Mirror>,
    rings: Vec<Ring>,
    control: Control,
    _block: Segment,
    dies_in: Rc<Cell<u64>>,
    kept: Rc<std::cell::RefCell<Vec<u64>>>,
    items: u64,
    step: usize,
}

const PAGE: usize = 4096;

impl Bed {
    fn new(items: u64, capacity: u64, step: usize) -> Bed {
        let specs: Vec<RingSpec> = (0..2).map(|_| RingSpec::of::<u64>(capacity)).collect();
        let shapes: Vec<_> = specs
            .iter()
            .map(|s| s.geometry(Fencing::Symmetric).unwrap())
            .collect();
        let len: usize = shapes
            .iter()
            .map(|g| g.header_len_bytes + g.data_len_bytes)
            .sum();
        let segment = Segment::anonymous(len).unwrap();
        let (mut rings, mut mirrors, mut at) = (Vec::new(), Vec::new(), 0);
        for (spec, shape) in specs.iter().zip(&shapes) {
            // SAFETY: inside the segment, page-aligned, used by nobody yet; the mirror shows the data
            // that follow; bed and subgraph are one thread, one producer and one reader a ring.
            unsafe {
                let header = segment.as_ptr().add(at);
                let geometry = Ring::format(header, spec, Fencing::Symmetric).unwrap();
                let data = at + shape.header_len_bytes;
                let mirror = Mirror::map(&segment, data..data + shape.data_len_bytes).unwrap();
                rings.push(Ring::from_raw(header, mirror.as_ptr(), geometry).unwrap());
                mirrors.push(mirror);
                at = data + shape.data_len_bytes;
            }
        }
        let dies_in = Rc::new(Cell::new(0));
        let kept = Rc::default();
        let blueprints = blueprints(items, &dies_in, &kept);
        let layout = Rc::new(ControlLayout::of(&blueprints));
        let block = Segment::anonymous(layout.len_bytes.next_multiple_of(PAGE)).unwrap();
        // SAFETY: as long as the layout, zeroed, page-aligned, kept with the control block.
        let control = unsafe { Control::new(block.as_ptr(), layout) };
        control.format(blueprints.iter().map(|b| b.state.init.as_slice()));
        Bed {
            _segment: segment,
            _mirrors: mirrors,
            rings,
            control,
            _block: block,
            dies_in,
            kept,
            items,
            step,
        }
    }

    /// A new worker on the same memory, with agents as they were built.
    fn worker(&self) -> Subgraph {
        let blueprints = blueprints(self.items, &self.dies_in, &self.kept);
        let seats = blueprints
            .into_iter()
            .enumerate()
            .map(|(ix, blueprint)| Seat {
                name: format!("agent{ix}"),
                inputs: (0..blueprint.inputs.len())
                    .map(|_| InSeat {
                        stream: ix - 1,
                        reader: 0,
                        lossy: false,
                        back: false,
                    })
                    .collect(),
                outputs: (0..blueprint.outputs.len()).map(|_| ix).collect(),
                blueprint,
                step: self.step,
                items: None,
                bed: None,
            });
        let streams = self.rings.iter().map(|&ring| StreamSeat {
            name: "s".to_owned(),
            ring,
            reader_bells: Vec::new(),
            producer_bell: None,
            readers: 1,
            stamp: StampPlace::Nowhere,
        });
        Subgraph::new(
            self.control.clone(),
            streams.collect(),
            seats.collect(),
            Vec::new(),
        )
        .unwrap()
    }
}

fn blueprints(
    items: u64,
    dies_in: &Rc<Cell<u64>>,
    kept: &Rc<std::cell::RefCell<Vec<u64>>>,
) -> Vec<Blueprint> {
    let u64s = || ItemType::Scalar(thalweg_worker::types::Scalar::U64);
    let summing = Summing {
        dies_in: dies_in.clone(),
    };
    let keeping = Keeping { kept: kept.clone() };
    vec![
        Blueprint::new(Counting(items)).output(OutPort::new(u64s(), None)),
        Blueprint::new(summing)
            .input(InPort::new(u64s()).retain(3))
            .output(OutPort::new(u64s(), None))
            .state(StateSpec::of(0u64)),
        Blueprint::new(keeping)
            .input(InPort::new(u64s()))
            .state(StateSpec::of(0u64)),
    ]
}

/// What the three agents make, computed plainly.
fn expected(items: u64) -> Vec<u64> {
    let mut total = 0u64;
    let sums = (0..items).map(|n| {
        let window: u64 = (n.saturating_sub(3)..=n).sum();
        total = total.wrapping_mul(31).wrapping_add(window);
        total
    });
    sums.collect()
}

/// SplitMix64.
fn draw(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn a_chain_ends_by_itself_with_every_item_once() {
    for (capacity, step) in [(8, 1), (8, 8), (100, 7), (5000, 4096)] {
        let bed = Bed::new(1000, capacity, step);
        let mut worker = bed.worker();
        while worker.step().unwrap() == Step::Moved {}
        assert_eq!(worker.step().unwrap(), Step::Done);
        assert_eq!(
            *bed.kept.borrow(),
            expected(1000),
            "capacity {capacity}, step {step}"
        );
    }
}

#[test]
fn a_worker_killed_anywhere_is_taken_up_where_its_record_stands() {
    let mut seed = 20_261_122;
    println!("seed {seed}");
    for round in 0..60 {
        let capacity = 4 + draw(&mut seed) % 40;
        let step = 1 + draw(&mut seed) as usize % 12;
        let bed = Bed::new(500, capacity, step);
        let mut kills = 0;
        loop {
            // Dies in the middle of a call after so many items, or between steps after so many steps.
            bed.dies_in.set(1 + draw(&mut seed) % 60);
            let steps = draw(&mut seed) % 40;
            let lived = catch_unwind(AssertUnwindSafe(|| {
                let mut worker = bed.worker();
                (0..steps).any(|_| worker.step().unwrap() == Step::Done)
            }));
            match lived {
                Ok(true) => break,
                _ => kills += 1,
            }
        }
        assert!(kills > 0, "round {round} killed nobody");
        assert_eq!(
            *bed.kept.borrow(),
            expected(500),
            "round {round} after {kills} kills"
        );
    }
}

#[test]
fn what_is_published_is_never_ahead_of_what_is_committed() {
    let bed = Bed::new(400, 16, 5);
    let mut worker = bed.worker();
    while worker.step().unwrap() == Step::Moved {
        let (version, words) = bed.control.snapshot().expect("nobody writes now");
        assert_eq!(version, worker.version());
        let layout = bed.control.layout();
        assert_eq!(
            bed.rings[0].written(),
            words[layout.agents[0].written_word(0)]
        );
        assert_eq!(
            bed.rings[1].written(),
            words[layout.agents[1].written_word(0)]
        );
        assert_eq!(
            bed.rings[0].consumed(0),
            words[layout.agents[1].read_word(0) + 1]
        );
    }
}

#[test]
fn a_stopped_source_lets_what_is_on_its_way_drain() {
    let bed = Bed::new(u64::MAX, 64, 16);
    let mut worker = bed.worker();
    for _ in 0..10 {
        assert_eq!(worker.step().unwrap(), Step::Moved);
    }
    worker.stop_sources();
    while worker.step().unwrap() == Step::Moved {}
    assert_eq!(worker.step().unwrap(), Step::Done);
    let written = bed.rings[0].written();
    assert!(written > 0);
    assert_eq!(*bed.kept.borrow(), expected(written));
}

#[test]
fn a_source_without_readers_left_is_done() {
    let bed = Bed::new(u64::MAX, 64, 16);
    let mut worker = bed.worker();
    assert_eq!(worker.step().unwrap(), Step::Moved);
    bed.rings[0].leave(0);
    // Its own reader is still seated and takes what is there; the source notices when it looks for room.
    let mut steps = 0;
    while worker.step().unwrap() == Step::Moved {
        steps += 1;
        assert!(steps < 1000, "the source goes on");
    }
    assert_eq!(worker.step().unwrap(), Step::Done);
}

#[test]
fn an_idle_subgraph_says_that_it_is_starved() {
    struct Waiting;
    impl Agent for Waiting {
        fn work(&mut self, _: &mut Io<'_>) -> Result<Status, AgentError> {
            Ok(Status::Ready)
        }
    }
    let blueprint = Blueprint::new(Waiting);
    let layout = Rc::new(ControlLayout::of([&blueprint]));
    let block = Segment::anonymous(PAGE).unwrap();
    // SAFETY: a page holds this layout; zeroed; kept until the end of the test.
    let control = unsafe { Control::new(block.as_ptr(), layout) };
    control.format([[].as_slice()]);
    let seat = Seat {
        name: "waiting".to_owned(),
        blueprint,
        inputs: Vec::new(),
        outputs: Vec::new(),
        step: 1,
        items: None,
        bed: None,
    };
    let mut worker = Subgraph::new(control, Vec::new(), vec![seat], Vec::new()).unwrap();
    assert_eq!(worker.step().unwrap(), Step::Idle(Idle::Starved));
}

#[test]
fn a_position_that_no_reader_can_have_is_a_fault_and_nothing_is_overwritten() {
    for wrong in [17, 1 << 40, u64::MAX - 16] {
        let bed = Bed::new(u64::MAX, 16, 4);
        let mut worker = bed.worker();
        for _ in 0..8 {
            worker.step().unwrap();
        }
        // The reader's own release would mend it: it is made wrong before each step.
        let fault = (0..20).find_map(|_| {
            let written = bed.rings[0].written();
            bed.rings[0].release(0, written.wrapping_add(wrong));
            worker.step().err()
        });
        let fault = fault.expect("the corrupt position went unnoticed");
        assert_eq!(fault.agent, "agent0");
        assert!(fault.message.contains("corrupt"), "{}", fault.message);
    }
}
