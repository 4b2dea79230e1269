//! How near a ring is to what a programmer would write by hand for one purpose, on the same memory.
//!
//! ```text
//! cargo bench -p thalweg-ringbuf --bench ring [-- [--quick] [PART OF A LINE'S NAME]]
//! ```
//!
//! Two processes, pinned to two cores: a forked child produces, this one consumes and takes the
//! time. The reference is a loop over the same header words and the same mirrored data, with each
//! side's position cached by the other, and no check, no bell, no tap, no type. Reference and ring
//! take turns within each round; what is printed are medians over the rounds, and the median and
//! the best of each round's ratio. Latency is measured against two cache lines bounced by hand.

use std::hint::{black_box, spin_loop};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use thalweg_ringbuf::{
    Consumer, IdleStrategy, MappedRing, PAGE_LEN_BYTES, Producer, RingSpec, Segment, SharedRing,
};

/// Items a ring holds: 128 KiB of f64, well inside a core's own cache.
const CAPACITY: u64 = 16 * 1024;

fn main() -> ExitCode {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let Some(cores) = two_cores() else {
        println!("ring: needs two cores to run on, skipped");
        return ExitCode::SUCCESS;
    };
    let (rounds, scale) = if quick { (3, 1) } else { (15, 4) };
    let only = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let bench = Bench {
        cores,
        rounds,
        scale,
        only,
    };
    println!(
        "cores {} and {}, {rounds} rounds, medians; ratio: ring to reference",
        cores.0, cores.1
    );
    head("throughput, M items/s", "reference");
    let steps = [
        (1, 1, "0.80"),
        (8, 4, "-"),
        (64, 12, "0.90"),
        (512, 16, "0.90"),
        (4096, 16, "0.90"),
    ];
    for (step, items, reach) in steps {
        bench.throughput::<f64>(&format!("f64, steps of {step}"), step, items, reach, |n| {
            n as f64
        });
    }
    for (step, items) in [(1, 1), (64, 4), (512, 4)] {
        let record = |n: u64| Record {
            time: n,
            value: n as f64,
            quality: 1,
        };
        bench.throughput::<Record>(
            &format!("24-byte records, {step}"),
            step,
            items,
            "-",
            record,
        );
    }
    head("latency, ns one way", "ping-pong");
    bench.latency();
    println!("\n{:<28}{:>12}{:>12}", "frames", "ns each", "GB/s");
    for payload_len_bytes in [16, 64, 256, 1024, 4096, 16384, 65536] {
        bench.frames(payload_len_bytes);
    }
    ExitCode::SUCCESS
}

/// An item of three words, as a timed sample would be.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Record {
    time: u64,
    value: f64,
    quality: u64,
}

struct Bench {
    cores: (usize, usize),
    rounds: usize,
    scale: u64,
    only: String,
}

impl Bench {
    /// `items` counts quarters of a million, times the scale.
    fn throughput<T: Pod>(
        &self,
        name: &str,
        step: usize,
        items: u64,
        reach: &str,
        make: fn(u64) -> T,
    ) {
        if !name.contains(&self.only) {
            return;
        }
        let items = items * self.scale * (1 << 18);
        let source: Vec<T> = (0..step as u64).map(make).collect();
        let expected = fold(0, &source).wrapping_mul(items / step as u64);
        let per_second = |time: Duration| items as f64 / time.as_secs_f64() / 1e6;
        let round = |_| {
            let reference = self.reference(&source, items, expected);
            (
                per_second(reference),
                per_second(self.ring(&source, items, expected)),
            )
        };
        let (reference, ring): (Vec<f64>, Vec<f64>) = (0..self.rounds).map(round).unzip();
        row(name, &reference, &ring, f64::max, reach);
    }

    fn reference<T: Pod>(&self, source: &[T], items: u64, expected: u64) -> Duration {
        let ring = ring_of::<T>();
        let words = ByHand::new(&ring);
        let produce = || words.produce(source, items);
        let (time, sum) = self.pair(produce, || words.consume::<T>(source.len(), items));
        assert_eq!(sum, expected);
        time
    }

    fn ring<T: Pod>(&self, source: &[T], items: u64, expected: u64) -> Duration {
        let ring = SharedRing::anonymous(&RingSpec::of::<T>(CAPACITY)).expect("a ring");
        let produce = || match *source {
            [item] => push_each(producer(&ring), item, items),
            _ => push_steps(producer(&ring), source, items),
        };
        let consume = || match source.len() {
            1 => pop_each::<T>(consumer(&ring)),
            step => read_steps::<T>(consumer(&ring), step, items),
        };
        let (time, sum) = self.pair(produce, consume);
        assert_eq!(sum, expected);
        time
    }

    fn latency(&self) {
        let name = "one u64, there and back";
        if !name.contains(&self.only) {
            return;
        }
        let bounces = 50_000 * self.scale;
        let one_way = |time: Duration| time.as_secs_f64() * 1e9 / (2 * bounces) as f64;
        let round = |_| {
            (
                one_way(self.ping_pong(bounces)),
                one_way(self.ring_ping_pong(bounces)),
            )
        };
        let (reference, ring): (Vec<f64>, Vec<f64>) = (0..self.rounds).map(round).unzip();
        row(name, &reference, &ring, f64::min, "1.30");
    }

    /// Two cache lines, each stored by one side and polled by the other.
    fn ping_pong(&self, bounces: u64) -> Duration {
        let ring = ring_of::<u64>();
        let words = ByHand::new(&ring);
        let echo = || {
            for n in 1..=bounces {
                await_word(words.written, n);
                words.consumed.store(n, Release);
            }
        };
        let bounce = || {
            for n in 1..=bounces {
                words.written.store(n, Release);
                await_word(words.consumed, n);
            }
        };
        self.pair(echo, bounce).0
    }

    fn ring_ping_pong(&self, bounces: u64) -> Duration {
        let make = || SharedRing::anonymous(&RingSpec::of::<u64>(CAPACITY)).expect("a ring");
        let (there, back) = (make(), make());
        let echo = || {
            let (mut producer, mut consumer) = (producer(&back), consumer::<u64>(&there));
            for item in consumer.items() {
                producer.push(item.expect("whole")).expect("whole");
            }
        };
        let bounce = || {
            let (mut producer, mut consumer) = (producer(&there), consumer(&back));
            for n in 0..bounces {
                producer.push(n).expect("whole");
                assert_eq!(consumer.pop(), Ok(Some(n)));
            }
        };
        self.pair(echo, bounce).0
    }

    fn frames(&self, payload_len_bytes: usize) {
        let name = format!("{payload_len_bytes} bytes");
        if !name.contains(&self.only) {
            return;
        }
        let count = (self.scale << 24).div_ceil(payload_len_bytes as u64 + 200);
        let round = |_| {
            self.frames_once(&vec![1; payload_len_bytes], count)
                .as_secs_f64()
                / count as f64
        };
        let time = median((0..self.rounds).map(round).collect());
        let gigabytes = payload_len_bytes as f64 / time / 1e9;
        println!("{name:<28}{:>12.1}{gigabytes:>12.2}", time * 1e9);
    }

    fn frames_once(&self, payload: &[u8], count: u64) -> Duration {
        let ring = SharedRing::anonymous(&RingSpec::frames(256 * 1024)).expect("a ring");
        let produce = || {
            let mut producer = ring
                .frame_producer()
                .expect("the producer")
                .idle(IdleStrategy::SPIN);
            for _ in 0..count {
                producer.push(black_box(payload)).expect("it fits");
            }
        };
        let consume = || {
            let mut consumer = ring
                .frame_consumer(0)
                .expect("the reader")
                .idle(IdleStrategy::SPIN);
            let mut seen = 0;
            while let Some(frame) = consumer.next_frame().expect("whole") {
                seen += frame.len() as u64;
                black_box(frame.iter().step_by(64).fold(0, |sum, byte| sum ^ byte));
            }
            seen
        };
        let (time, seen) = self.pair(produce, consume);
        assert_eq!(seen, count * payload.len() as u64);
        time
    }

    /// Runs `child` in a forked process on the one core and `parent` here on the other, from a
    /// common start; the time is the parent's.
    fn pair<R>(&self, child: impl FnOnce(), parent: impl FnOnce() -> R) -> (Duration, R) {
        let page = Segment::anonymous(PAGE_LEN_BYTES).expect("a page");
        // SAFETY: the page is mapped, zero, and holds nothing else; it outlives both sides' use.
        let stage = unsafe { AtomicU32::from_ptr(page.as_ptr().cast()) };
        // SAFETY: this program has one thread, so the child may do whatever it likes.
        if let ForkResult::Parent { child } = unsafe { fork() }.expect("a child") {
            pin(self.cores.1);
            // The child may still be on this core.
            while stage.load(Acquire) == 0 {
                std::thread::yield_now();
            }
            let start = Instant::now();
            stage.store(2, Release);
            let result = parent();
            let time = start.elapsed();
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
            return (time, result);
        }
        pin(self.cores.0);
        stage.store(1, Release);
        while stage.load(Acquire) == 1 {
            spin_loop();
        }
        child();
        // SAFETY: ends this process at once: what it has from its parent must not run its end.
        unsafe { libc::_exit(0) }
    }
}

fn producer<T: Pod>(ring: &SharedRing) -> Producer<T> {
    ring.producer()
        .expect("the producer")
        .idle(IdleStrategy::SPIN)
}

fn consumer<T: Pod>(ring: &SharedRing) -> Consumer<T> {
    ring.consumer(0)
        .expect("the reader")
        .idle(IdleStrategy::SPIN)
}

fn push_steps<T: Pod>(mut producer: Producer<T>, source: &[T], items: u64) {
    for _ in 0..items / source.len() as u64 {
        loop {
            let slots = producer.reserve(source.len()).expect("whole");
            if slots.len() == source.len() {
                slots.copy_from_slice(black_box(source));
                break;
            }
            producer.wait().expect("whole");
        }
        producer.commit(source.len());
    }
}

fn read_steps<T: Pod>(mut consumer: Consumer<T>, step: usize, items: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..items / step as u64 {
        sum = fold(sum, &consumer.wait_for(step).expect("whole")[..step]);
        consumer.release(step);
    }
    sum
}

fn push_each<T: Pod>(mut producer: Producer<T>, item: T, items: u64) {
    for _ in 0..items {
        producer.push(black_box(item)).expect("whole");
    }
}

fn pop_each<T: Pod>(mut consumer: Consumer<T>) -> u64 {
    let mut sum = 0;
    for item in consumer.items() {
        sum = fold(sum, &[item.expect("whole")]);
    }
    sum
}

/// What a consumer does with its items, the same for both: adds up their words.
#[inline(always)]
fn fold<T: Pod>(sum: u64, items: &[T]) -> u64 {
    bytemuck::cast_slice::<T, u64>(items)
        .iter()
        .fold(sum, |sum, word| sum.wrapping_add(*word))
}

/// The ring's own words and data, used as one would by hand.
#[derive(Clone, Copy)]
struct ByHand<'a> {
    written: &'a AtomicU64,
    consumed: &'a AtomicU64,
    data: *mut u8,
    slots: u64,
}

impl<'a> ByHand<'a> {
    fn new(ring: &'a MappedRing) -> Self {
        let word = |offset| {
            // SAFETY: inside the header, where `docs/memory-layout.md` has these words.
            unsafe { AtomicU64::from_ptr(ring.segment().as_ptr().add(offset).cast()) }
        };
        // SAFETY: the handle is used for an address only.
        let data = unsafe { ring.ring() }.slot_ptr(0);
        Self {
            written: word(256),
            consumed: word(640),
            data,
            slots: ring.geometry().slots,
        }
    }

    fn produce<T: Pod>(&self, source: &[T], items: u64) {
        let step = source.len() as u64;
        let (mut at, mut limit) = (0, self.slots);
        while at < items {
            while limit - at < step {
                spin_loop();
                limit = self.consumed.load(Acquire) + self.slots;
            }
            // SAFETY: `step` free slots in one piece, as the mirror shows them.
            unsafe {
                let slots = self.data.cast::<T>().add((at & (self.slots - 1)) as usize);
                core::slice::from_raw_parts_mut(slots, source.len())
                    .copy_from_slice(black_box(source));
            }
            at += step;
            self.written.store(at, Release);
        }
    }

    fn consume<T: Pod>(&self, step: usize, items: u64) -> u64 {
        let (mut from, mut written, mut sum) = (0, 0, 0);
        while from < items {
            while written - from < step as u64 {
                spin_loop();
                written = self.written.load(Acquire);
            }
            // SAFETY: `step` whole items in one piece, as the mirror shows them.
            unsafe {
                let slots = self
                    .data
                    .cast::<T>()
                    .add((from & (self.slots - 1)) as usize);
                sum = fold(sum, core::slice::from_raw_parts(slots, step));
            }
            from += step as u64;
            self.consumed.store(from, Release);
        }
        sum
    }
}

fn ring_of<T: Pod>() -> MappedRing {
    let segment = Arc::new(Segment::anonymous(2 << 20).expect("2 MiB"));
    // SAFETY: the segment was made just now.
    unsafe { MappedRing::format(&segment, 0, &RingSpec::of::<T>(CAPACITY)) }.expect("a ring")
}

#[inline(always)]
fn await_word(word: &AtomicU64, value: u64) {
    while word.load(Acquire) != value {
        spin_loop();
    }
}

fn head(name: &str, reference: &str) {
    println!(
        "\n{name:<28}{reference:>12}{:>12}{:>9}{:>9}{:>9}",
        "ring", "ratio", "best", "reach"
    );
}

fn row(name: &str, reference: &[f64], ring: &[f64], best: fn(f64, f64) -> f64, reach: &str) {
    let ratios: Vec<f64> = ring
        .iter()
        .zip(reference)
        .map(|(ring, reference)| ring / reference)
        .collect();
    let best = ratios.iter().copied().reduce(best).unwrap_or(f64::NAN);
    let (reference, ring, ratio) = (
        median(reference.to_vec()),
        median(ring.to_vec()),
        median(ratios),
    );
    println!("{name:<28}{reference:>12.1}{ring:>12.1}{ratio:>9.2}{best:>9.2}{reach:>9}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
