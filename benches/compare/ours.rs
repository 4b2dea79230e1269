//! What of Thalweg's ring takes part, and the loop by hand on the same memory.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

use thalweg_ringbuf::{
    Consumer, IdleStrategy, MappedRing, Producer, RingSpec, Segment, SharedRing,
};

use crate::pinned::Cores;

/// Items a ring holds: 128 KiB of f64, well inside a core's own cache.
pub const CAPACITY: u64 = 16 * 1024;

/// Items whose sum the taker tells, the same for every contestant.
pub fn items(step: usize) -> Vec<u64> {
    (0..step as u64).map(|n| (n as f64).to_bits()).collect()
}

/// What every taker does with its items: adds up their words.
#[inline(always)]
pub fn fold(sum: u64, items: &[u64]) -> u64 {
    items.iter().fold(sum, |sum, word| sum.wrapping_add(*word))
}

/// Steps of `source.len()` items, `items` in all, through a ring between two processes.
pub fn ring_steps(cores: Cores, source: &[u64], items: u64) -> (Duration, u64) {
    let ring = shared_ring();
    let step = source.len();
    cores.processes(
        |meeting| {
            let mut producer = producer(&ring);
            meeting.begin();
            for _ in 0..items / step as u64 {
                loop {
                    let slots = producer.reserve(step).expect("whole");
                    if slots.len() == step {
                        slots.copy_from_slice(black_box(source));
                        break;
                    }
                    producer.wait().expect("whole");
                }
                producer.commit(step);
            }
        },
        |meeting| {
            let mut consumer = consumer(&ring);
            let start = meeting.begin();
            let mut sum = 0;
            for _ in 0..items / step as u64 {
                sum = fold(sum, &consumer.wait_for(step).expect("whole")[..step]);
                consumer.release(step);
            }
            (start, sum)
        },
    )
}

/// One item after the other through a ring between two processes.
pub fn ring_items(cores: Cores, item: u64, items: u64) -> (Duration, u64) {
    let ring = shared_ring();
    cores.processes(
        |meeting| {
            let mut producer = producer(&ring);
            meeting.begin();
            for _ in 0..items {
                producer.push(black_box(item)).expect("whole");
            }
        },
        |meeting| {
            let mut consumer = consumer(&ring);
            let start = meeting.begin();
            let mut sum = 0u64;
            for item in consumer.items() {
                sum = sum.wrapping_add(item.expect("whole"));
            }
            (start, sum)
        },
    )
}

/// One item there and back, `bounces` times.
pub fn ring_bounces(cores: Cores, bounces: u64) -> Duration {
    let (there, back) = (shared_ring(), shared_ring());
    let echo = |meeting: &crate::pinned::Meeting| {
        let (mut producer, mut consumer) = (producer(&back), consumer(&there));
        meeting.begin();
        for item in consumer.items() {
            producer.push(item.expect("whole")).expect("whole");
        }
    };
    let (time, ()) = cores.processes(echo, |meeting| {
        let (mut producer, mut consumer) = (producer(&there), consumer(&back));
        let start = meeting.begin();
        for n in 0..bounces {
            producer.push(n).expect("whole");
            assert_eq!(consumer.pop(), Ok(Some(n)));
        }
        (start, ())
    });
    time
}

/// Frames through a ring of bytes between two processes.
pub fn ring_frames(cores: Cores, payload: &[u8], count: u64) -> Duration {
    let ring = SharedRing::anonymous(&RingSpec::frames(256 * 1024)).expect("a ring");
    let produce = |meeting: &crate::pinned::Meeting| {
        let producer = ring.frame_producer().expect("the producer");
        let mut producer = producer.idle(IdleStrategy::SPIN);
        meeting.begin();
        for _ in 0..count {
            producer.push(black_box(payload)).expect("it fits");
        }
    };
    let (time, seen) = cores.processes(produce, |meeting| {
        let consumer = ring.frame_consumer(0).expect("the reader");
        let mut consumer = consumer.idle(IdleStrategy::SPIN);
        let start = meeting.begin();
        let mut seen = 0;
        while let Some(frame) = consumer.next_frame().expect("whole") {
            seen += black_box(frame).len() as u64;
        }
        (start, seen)
    });
    assert_eq!(seen, count * payload.len() as u64);
    time
}

/// Nanoseconds from a push to the return of a pop that slept on the futex, one for each of `wakes`.
pub fn ring_wakes(cores: Cores, wakes: u64, pause: Duration) -> Vec<u64> {
    let ring = shared_ring();
    let origin = Instant::now();
    let give = |meeting: &crate::pinned::Meeting| {
        let mut producer = producer(&ring);
        meeting.begin();
        for _ in 0..wakes {
            std::thread::sleep(pause);
            let now = origin.elapsed().as_nanos() as u64;
            producer.push(now).expect("whole");
        }
    };
    let (_, times) = cores.processes(give, |meeting| {
        let consumer: Consumer<u64> = ring.consumer(0).expect("the reader");
        let mut consumer = consumer.idle(IdleStrategy::SLEEP);
        let start = meeting.begin();
        let mut times = Vec::new();
        while let Some(pushed) = consumer.pop().expect("whole") {
            times.push(origin.elapsed().as_nanos() as u64 - pushed);
        }
        (start, times)
    });
    times
}

/// A ring's own words and data, used as one would by hand: positions cached by the other side, no check, no bell,
/// no tap, no type.
#[derive(Clone, Copy)]
pub struct ByHand<'a> {
    written: &'a AtomicU64,
    consumed: &'a AtomicU64,
    data: *mut u64,
    slots: u64,
}

impl<'a> ByHand<'a> {
    pub fn new(ring: &'a MappedRing) -> Self {
        let word = |offset| {
            // SAFETY: inside the header, where `docs/memory-layout.md` has these words.
            unsafe { AtomicU64::from_ptr(ring.segment().as_ptr().add(offset).cast()) }
        };
        // SAFETY: the handle is used for an address only.
        let data = unsafe { ring.ring() }.slot_ptr(0);
        Self {
            written: word(256),
            consumed: word(640),
            data: data.cast(),
            slots: ring.geometry().slots,
        }
    }

    /// Memory for it.
    pub fn memory() -> MappedRing {
        let segment = Arc::new(Segment::anonymous(2 << 20).expect("2 MiB"));
        // SAFETY: the segment was made just now.
        unsafe { MappedRing::format(&segment, 0, &RingSpec::of::<u64>(CAPACITY)) }.expect("a ring")
    }

    #[inline(always)]
    fn produce(&self, source: &[u64], items: u64) {
        let step = source.len() as u64;
        let (mut at, mut limit) = (0, self.slots);
        while at < items {
            while limit - at < step {
                spin_loop();
                // RECLAIM (in): the slots below are read.
                limit = self.consumed.load(Acquire) + self.slots;
            }
            // SAFETY: `step` free slots in one piece, as the mirror shows them.
            unsafe {
                let slots = self.data.add((at & (self.slots - 1)) as usize);
                std::slice::from_raw_parts_mut(slots, source.len())
                    .copy_from_slice(black_box(source));
            }
            at += step;
            // PUBLISH (out): the items' bytes come before their position.
            self.written.store(at, Release);
        }
    }

    #[inline(always)]
    fn consume(&self, step: usize, items: u64) -> u64 {
        let (mut from, mut written, mut sum) = (0, 0, 0);
        while from < items {
            while written - from < step as u64 {
                spin_loop();
                // PUBLISH (in): the items below are whole.
                written = self.written.load(Acquire);
            }
            // SAFETY: `step` whole items in one piece, as the mirror shows them.
            unsafe {
                let slots = self.data.add((from & (self.slots - 1)) as usize);
                sum = fold(sum, std::slice::from_raw_parts(slots, step));
            }
            from += step as u64;
            // RECLAIM (out): the items were read before their slots are given back.
            self.consumed.store(from, Release);
        }
        sum
    }

    /// As [`ring_steps`], by hand.
    pub fn steps(cores: Cores, source: &[u64], items: u64) -> (Duration, u64) {
        let memory = ByHand::memory();
        let words = ByHand::new(&memory);
        cores.processes(
            |meeting| {
                meeting.begin();
                words.produce(source, items);
            },
            |meeting| {
                let start = meeting.begin();
                (start, words.consume(source.len(), items))
            },
        )
    }

    /// As [`ring_items`], by hand.
    pub fn items(cores: Cores, item: u64, items: u64) -> (Duration, u64) {
        let memory = ByHand::memory();
        let words = ByHand::new(&memory);
        cores.processes(
            |meeting| {
                meeting.begin();
                words.produce(&[item], items);
            },
            |meeting| {
                let start = meeting.begin();
                (start, words.consume(1, items))
            },
        )
    }

    /// Two cache lines, each stored by one side and polled by the other.
    pub fn bounces(cores: Cores, bounces: u64) -> Duration {
        let memory = ByHand::memory();
        let words = ByHand::new(&memory);
        let echo = |meeting: &crate::pinned::Meeting| {
            meeting.begin();
            for n in 1..=bounces {
                await_word(words.written, n);
                words.consumed.store(n, Release);
            }
        };
        let (time, ()) = cores.processes(echo, |meeting| {
            let start = meeting.begin();
            for n in 1..=bounces {
                words.written.store(n, Release);
                await_word(words.consumed, n);
            }
            (start, ())
        });
        time
    }
}

#[inline(always)]
fn await_word(word: &AtomicU64, value: u64) {
    while word.load(Acquire) != value {
        spin_loop();
    }
}

fn shared_ring() -> SharedRing {
    SharedRing::anonymous(&RingSpec::of::<u64>(CAPACITY)).expect("a ring")
}

fn producer(ring: &SharedRing) -> Producer<u64> {
    let producer = ring.producer().expect("the producer");
    producer.idle(IdleStrategy::SPIN)
}

fn consumer(ring: &SharedRing) -> Consumer<u64> {
    let consumer = ring.consumer(0).expect("the reader");
    consumer.idle(IdleStrategy::SPIN)
}
