//! The bed: five workers on one segment, wired as the engine does, and what a kill leaves of them.
//!
//! ```text
//! worker 0    worker 1                       worker 2
//! source ──►  fold ──► tint ──┬────────────► counted   (a file, state)
//!        s0        s1      s2 │              worker 3
//!                             ├────────────► placed    (a file, no state)
//!                             │              worker 4
//!                             └► letter ───► posted    (a file, state)
//!                                       s3: frames
//! ```

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use thalweg_ringbuf::{Bell, Fencing, Mirror, Ring, RingSpec, Segment};
use thalweg_worker::agent::State;
use thalweg_worker::control::{Control, ControlLayout, DONE, SECOND_COPY};
use thalweg_worker::subgraph::{InSeat, Seat, StampPlace, Step, StreamSeat, Subgraph};

use crate::agents::{Folded, ITEMS, Item, LINE, TABLE, blueprints, given, mix, place};

/// How many workers there are.
pub const WORKERS: usize = 5;
/// What they are called in reports.
pub const NAMES: [&str; WORKERS] = [
    "source",
    "fold, tint and letter",
    "counted sink",
    "placed sink",
    "posted sink",
];

const PAGE: usize = 4096;
const CAPACITY: u64 = 8;
const STEP: usize = 3;
/// Bytes that the stream of frames holds: about a dozen.
const CAPACITY_OF_FRAMES: u64 = 4096;
/// Which stream that is.
const FRAMES: usize = 3;

/// Who makes each stream, and who reads it.
const PRODUCERS: [usize; 4] = [0, 1, 1, 1];
const READERS: [&[usize]; 4] = [&[1], &[1], &[2, 3, 1], &[4]];
/// Which of its worker's agents makes each stream.
const MAKERS: [usize; 4] = [0, 0, 1, 2];
/// The streams that each agent of each worker reads and writes: (stream, reader), stream.
type Ports = (Option<(usize, usize)>, Option<usize>);
const PORTS: [&[Ports]; WORKERS] = [
    &[(None, Some(0))],
    &[
        (Some((0, 0)), Some(1)),
        (Some((1, 0)), Some(2)),
        (Some((2, 2)), Some(3)),
    ],
    &[(Some((2, 0)), None)],
    &[(Some((2, 1)), None)],
    &[(Some((3, 0)), None)],
];

/// The segment with everything in it, and the files of the sinks.
pub struct Bed {
    segment: Segment,
    _mirrors: Vec<Mirror>,
    rings: Vec<Ring>,
    controls: Vec<Control>,
    files: [Rc<File>; 3],
}

/// All that outlives a worker.
pub struct Image {
    memory: Vec<u8>,
    files: [Vec<u8>; 3],
}

impl Bed {
    /// A bed on which nothing has happened yet.
    pub fn new() -> Bed {
        let files = [(); 3].map(|()| Rc::new(tempfile::tempfile().unwrap()));
        let spec = |stream| match stream {
            FRAMES => RingSpec::frames(CAPACITY_OF_FRAMES),
            _ => RingSpec::of::<Item>(CAPACITY),
        };
        let specs: Vec<RingSpec> = READERS
            .iter()
            .enumerate()
            .map(|(stream, readers)| spec(stream).readers(readers.len()))
            .collect();
        let layouts: Vec<_> = (0..WORKERS)
            .map(|w| Rc::new(ControlLayout::of(&blueprints(w, &files))))
            .collect();
        let shapes = specs.iter().map(|s| s.geometry(Fencing::Symmetric));
        let shapes: Vec<_> = shapes.map(|shape| shape.unwrap()).collect();
        let blocks = layouts.iter().map(|l| l.len_bytes.next_multiple_of(PAGE));
        let headers = shapes.iter().map(|g| g.header_len_bytes + g.data_len_bytes);
        let len = PAGE + blocks.sum::<usize>() + headers.sum::<usize>();
        let segment = Segment::anonymous(len).unwrap();
        let bells = segment.as_ptr().cast::<Bell>();
        for worker in 0..WORKERS {
            // SAFETY: the first page holds a bell for each worker; nobody uses it yet.
            unsafe { bells.add(worker).write(Bell::new(Fencing::Symmetric)) };
        }
        let mut at = PAGE;
        let mut controls = Vec::new();
        for (worker, layout) in layouts.into_iter().enumerate() {
            let len_bytes = layout.len_bytes.next_multiple_of(PAGE);
            // SAFETY: as long as the layout, zeroed, page-aligned, mapped as long as the bed.
            let control = unsafe { Control::new(segment.as_ptr().add(at), layout) };
            let built = blueprints(worker, &files);
            control.format(built.iter().map(|b| b.state.init.as_slice()));
            controls.push(control);
            at += len_bytes;
        }
        let (mut rings, mut mirrors) = (Vec::new(), Vec::new());
        for (spec, shape) in specs.iter().zip(&shapes) {
            // SAFETY: inside the segment, page-aligned, used by nobody yet; the mirror shows the data
            // that follow; `PORTS` gives each ring one producer and each line one reader.
            unsafe {
                let header = segment.as_ptr().add(at);
                let geometry = Ring::format(header, spec, Fencing::Symmetric).unwrap();
                let data = at + shape.header_len_bytes;
                let mirror = Mirror::map(&segment, data..data + shape.data_len_bytes).unwrap();
                assert_eq!(
                    geometry.slots, geometry.capacity,
                    "a slot beyond the capacity hides"
                );
                rings.push(Ring::from_raw(header, mirror.as_ptr(), geometry).unwrap());
                mirrors.push(mirror);
                at = data + shape.data_len_bytes;
            }
        }
        Bed {
            segment,
            _mirrors: mirrors,
            rings,
            controls,
            files,
        }
    }

    /// What a worker sleeps on.
    pub fn bell(&self, worker: usize) -> &Bell {
        // SAFETY: made in `new`, one for each worker; mapped as long as the bed.
        unsafe { &*self.segment.as_ptr().cast::<Bell>().add(worker) }
    }

    /// A worker's commit word.
    pub fn version(&self, worker: usize) -> u64 {
        self.controls[worker].version()
    }

    /// A new process' worker, with agents as they were built.
    pub fn worker(&self, worker: usize) -> Subgraph {
        // The worker's own number of a stream is its place among those it has an end of.
        let local: Vec<usize> = (0..self.rings.len())
            .filter(|&s| PRODUCERS[s] == worker || READERS[s].contains(&worker))
            .collect();
        let index = |stream| local.iter().position(|&s| s == stream).unwrap();
        let seats = blueprints(worker, &self.files)
            .into_iter()
            .zip(PORTS[worker])
            .enumerate()
            .map(|(ix, (blueprint, &(input, output)))| Seat {
                name: format!("{worker}.{ix}"),
                blueprint,
                inputs: input
                    .map(|(stream, reader)| InSeat {
                        stream: index(stream),
                        reader,
                        lossy: false,
                        back: false,
                    })
                    .into_iter()
                    .collect(),
                outputs: output.map(index).into_iter().collect(),
                step: STEP,
                items: None,
                bed: None,
            });
        let streams = local.iter().map(|&s| self.stream(worker, s));
        let bells = (0..WORKERS).map(|w| std::ptr::from_ref(self.bell(w)));
        Subgraph::new(
            self.controls[worker].clone(),
            streams.collect(),
            seats.collect(),
            bells.collect(),
        )
        .expect("agents attach")
    }

    fn stream(&self, worker: usize, s: usize) -> StreamSeat {
        let here = PRODUCERS[s] == worker;
        let elsewhere = |w: &usize| here && *w != worker;
        let producer = self.controls[PRODUCERS[s]].stamp(MAKERS[s], 0);
        let crosses = READERS[s].iter().any(|&w| w != PRODUCERS[s]);
        StreamSeat {
            name: format!("s{s}"),
            ring: self.rings[s],
            reader_bells: READERS[s].iter().copied().filter(elsewhere).collect(),
            producer_bell: (!here).then_some(PRODUCERS[s]),
            readers: READERS[s].len(),
            stamp: match (crosses, here) {
                (false, _) => StampPlace::Nowhere,
                (true, true) => StampPlace::Here(MAKERS[s], 0),
                (true, false) => StampPlace::There(producer),
            },
        }
    }

    /// Everything that outlives a worker, as it is now.
    pub fn save(&self) -> Image {
        Image {
            memory: self.memory().to_vec(),
            files: [0, 1, 2].map(|f| self.content(f)),
        }
    }

    /// True if nothing changed since.
    pub fn is(&self, image: &Image) -> bool {
        self.memory() == image.memory && [0, 1, 2].map(|f| self.content(f)) == image.files
    }

    /// Makes everything as it was.
    pub fn restore(&self, image: &Image) {
        // SAFETY: as in `memory`; the image is as long as the segment.
        unsafe {
            let to = self.segment.as_ptr();
            to.copy_from_nonoverlapping(image.memory.as_ptr(), image.memory.len());
        }
        for (file, content) in self.files.iter().zip(&image.files) {
            file.set_len(content.len() as u64).unwrap();
            file.write_all_at(content, 0).unwrap();
        }
    }

    fn memory(&self) -> &[u8] {
        // SAFETY: the segment is mapped as long as the bed, and whoever else maps it is stopped or
        // gone while this process looks or writes.
        unsafe { std::slice::from_raw_parts(self.segment.as_ptr(), self.segment.len_bytes()) }
    }

    fn content(&self, file: usize) -> Vec<u8> {
        let mut content = vec![0; (ITEMS * LINE) as usize + 1];
        let len = self.files[file].read_at(&mut content, 0).unwrap();
        content.truncate(len);
        content
    }

    /// What is published by a worker is what it committed: how a successor must leave it.
    pub fn is_published(&self, worker: usize) -> bool {
        let (version, words) = self.controls[worker].snapshot().expect("nobody writes now");
        assert_eq!(version, self.version(worker));
        let layout = self.controls[worker].layout();
        let agents = PORTS[worker].iter().zip(&layout.agents);
        agents.into_iter().all(|((input, output), agent)| {
            let written = output.is_none_or(|s| {
                let done = words[agent.word] & DONE != 0;
                self.rings[s].written() == words[agent.written_word(0)]
                    && self.rings[s].is_closed() == done
            });
            let released = input.is_none_or(|(s, reader)| {
                self.rings[s].consumed(reader) == words[agent.read_word(0) + 1]
            });
            written && released
        })
    }

    /// Did everything arrive once, in order, as it was given? What is wrong, where not.
    pub fn verdict(&self) -> Result<(), String> {
        let given = given().0.value(&self.state(0, 0)).cloned();
        let given = given.map_err(|e| e.to_string())?;
        let folded: Folded = *self.state(1, 0).view();
        let [counted, placed, posted] = [0, 1, 2].map(|f| self.content(f));
        let checks = [
            (folded.wrong == 0, "fold saw wrong items"),
            (
                given.values().eq(&folded.taken),
                "fold took other items than given",
            ),
            (counted == placed, "two readers got different items"),
            (counted.len() as u64 == ITEMS * LINE, "items are missing"),
            (is_in_order(&counted), "items are not in order"),
            (
                folded.given == hash_of(&counted, VALUE),
                "other items than given",
            ),
            (
                values(&posted).eq(values(&counted)),
                "other frames than items",
            ),
            (
                *self.state(1, 2).view::<u64>() == hash_of(&posted, SALT),
                "other frames than given",
            ),
            (
                *self.state(1, 1).view_slice::<u64>() == table_of(&counted),
                "tint's table is of other items",
            ),
        ];
        match checks.iter().find(|(holds, _)| !holds) {
            Some((_, sentence)) => Err((*sentence).to_owned()),
            None => Ok(()),
        }
    }

    /// The state of an agent that holds.
    fn state(&self, worker: usize, agent: usize) -> State<'_> {
        let control = &self.controls[worker];
        let (_, words) = control.snapshot().expect("nobody writes now");
        let second = words[control.layout().agents[agent].word] & SECOND_COPY != 0;
        State::new(control.state(agent, usize::from(second)))
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = [u64; 3]> {
    content
        .chunks_exact(LINE as usize)
        .map(bytemuck::pod_read_unaligned)
}

fn is_in_order(content: &[u8]) -> bool {
    lines(content).zip(0..).all(|(line, n)| line[0] == n)
}

/// Where a line has its item's value, and its salt.
const VALUE: usize = 1;
const SALT: usize = 2;

fn values(content: &[u8]) -> impl Iterator<Item = u64> {
    lines(content).map(|line| line[VALUE])
}

fn hash_of(content: &[u8], column: usize) -> u64 {
    lines(content).fold(0, |hash, line| mix(hash, line[column]))
}

/// What the table of [`Tint`](crate::agents) holds after these lines.
fn table_of(content: &[u8]) -> Vec<u64> {
    let mut table = vec![0; TABLE];
    for (line, number) in lines(content).zip(0..) {
        let hash = &mut table[place(number)];
        *hash = mix(*hash, line[VALUE]);
    }
    table
}

/// Steps those workers of which `takes_part` in turn until none moves. `None` if that never ends or an
/// agent fails; else whether each of them is done.
pub fn settle(workers: &mut [Subgraph], takes_part: impl Fn(usize) -> bool) -> Option<bool> {
    for _ in 0..100 * ITEMS {
        let (mut moved, mut done) = (false, true);
        for (_, worker) in workers
            .iter_mut()
            .enumerate()
            .filter(|(w, _)| takes_part(*w))
        {
            // An idle worker looks again, as after a bell.
            worker.is_ready();
            let step = worker.step().ok()?;
            moved |= step == Step::Moved;
            done &= step == Step::Done;
        }
        if !moved {
            return Some(done);
        }
    }
    None
}
