//! A ring is a queue with several readers: random operations, compared with a `VecDeque` for each.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use bytemuck::Pod;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use thalweg_ringbuf::{
    Consumer, FrameError, FrameProducer, JoinError, Producer, PushError, RingSpec, SharedRing, Tap,
    payload_len_bytes_max,
};

const CASES: u32 = 200;
const READER_LINES: usize = 3;

/// What happens next to a ring.
#[derive(Clone, Debug)]
enum Op {
    Reserve {
        want: usize,
        commit: usize,
    },
    TryPush,
    Read {
        reader: usize,
        want: usize,
        release: usize,
    },
    TryPop {
        reader: usize,
    },
    Tap {
        most: usize,
    },
    Join,
    Leave {
        reader: usize,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let count = 0usize..700;
    let op = prop_oneof![
        4 => (count.clone(), count.clone()).prop_map(|(want, commit)| Op::Reserve { want, commit }),
        2 => Just(Op::TryPush),
        6 => (0..READER_LINES, count.clone(), count.clone())
            .prop_map(|(reader, want, release)| Op::Read { reader, want, release }),
        2 => (0..READER_LINES).prop_map(|reader| Op::TryPop { reader }),
        2 => count.prop_map(|most| Op::Tap { most }),
        1 => Just(Op::Join),
        1 => (0..READER_LINES).prop_map(|reader| Op::Leave { reader }),
    ];
    vec(op, 1..80)
}

/// Near the end of what a u64 counts, near 0, and anywhere.
fn starts() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0u64..2000).prop_map(|n| u64::MAX - n),
        0u64..2000,
        any::<u64>()
    ]
}

fn capacities() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1u64), 1u64..64, 1u64..2000]
}

#[test]
fn no_end_gives_away_more_than_it_has() {
    let refused = |act: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(act)).is_err();
    let ring = SharedRing::anonymous(&RingSpec::of::<u64>(512)).unwrap();
    let mut producer = ring.producer::<u64>().unwrap();
    assert!(refused(&mut || producer.commit(1)));
    assert_eq!(producer.reserve(4).unwrap().len(), 4);
    producer.commit(2);
    producer.push(2).unwrap();
    assert!(refused(&mut || producer.commit(2)));
    producer.commit(1);
    producer.push(4).unwrap(); // beyond what was reserved
    assert!(refused(&mut || producer.commit(1)));
    let mut consumer = ring.consumer::<u64>(0).unwrap();
    assert!(refused(&mut || consumer.release(1)));
    assert_eq!(consumer.read().unwrap().len(), 5);
    consumer.release(3);
    assert!(refused(&mut || consumer.release(3)));
    consumer.release(2);
    assert!(refused(&mut || consumer.release(1)));
}

#[test]
fn a_ring_of_u64_is_a_queue_for_each_reader() {
    random(
        &(capacities(), starts(), ops()),
        |(capacity, start, ops)| RingAndQueues::<u64>::new(capacity, start).run(&ops, |n| n),
    );
}

#[test]
fn a_ring_of_bytes_is_a_queue_for_each_reader() {
    random(
        &(capacities(), starts(), ops()),
        |(capacity, start, ops)| RingAndQueues::<u8>::new(capacity, start).run(&ops, |n| n as u8),
    );
}

#[test]
fn a_ring_of_24_byte_records_is_a_queue_for_each_reader() {
    random(
        &(capacities(), starts(), ops()),
        |(capacity, start, ops)| {
            RingAndQueues::<[u64; 3]>::new(capacity, start).run(&ops, |n| [n, !n, n ^ 7])
        },
    );
}

/// A ring with its ends, and what each reader must find.
struct RingAndQueues<T: Pod> {
    ring: SharedRing,
    producer: Producer<T>,
    readers: Vec<Option<(Consumer<T>, VecDeque<T>)>>,
    tap: Tap<T>,
    /// All items the tap may still read, from its position on.
    tapped: VecDeque<T>,
    made: u64,
}

impl<T: Pod + PartialEq + std::fmt::Debug> RingAndQueues<T> {
    fn new(capacity: u64, start: u64) -> Self {
        let spec = RingSpec::of::<T>(capacity)
            .start(start)
            .spare_readers(READER_LINES - 1);
        let ring = SharedRing::anonymous(&spec).unwrap();
        let first = (ring.consumer(0).unwrap(), VecDeque::new());
        Self {
            producer: ring.producer().unwrap(),
            readers: vec![Some(first), None, None],
            tap: ring.tap().unwrap(),
            tapped: VecDeque::new(),
            made: 0,
            ring,
        }
    }

    fn run(mut self, ops: &[Op], item: fn(u64) -> T) -> Result<(), TestCaseError> {
        for op in ops {
            match *op {
                Op::Reserve { want, commit } => self.reserve(want, commit, item)?,
                Op::TryPush => self.try_push(item)?,
                Op::Read {
                    reader,
                    want,
                    release,
                } => self.read(reader, want, release)?,
                Op::TryPop { reader } => self.try_pop(reader)?,
                Op::Tap { most } => self.tap(most)?,
                Op::Join => self.join()?,
                Op::Leave { reader } => self.readers[reader] = None,
            }
        }
        self.drain()
    }

    fn free(&self) -> usize {
        let fullest = self
            .readers
            .iter()
            .flatten()
            .map(|(_, queue)| queue.len())
            .max();
        self.producer.capacity() - fullest.unwrap_or(0)
    }

    fn enqueue(&mut self, items: &[T]) {
        self.readers
            .iter_mut()
            .flatten()
            .for_each(|(_, queue)| queue.extend(items));
        self.tapped.extend(items);
    }

    fn reserve(
        &mut self,
        want: usize,
        commit: usize,
        item: fn(u64) -> T,
    ) -> Result<(), TestCaseError> {
        let free = self.free();
        let slots = self.producer.reserve(want).unwrap();
        prop_assert_eq!(slots.len(), want.min(free));
        let commit = commit.min(slots.len());
        let items: Vec<T> = (self.made..).take(commit).map(item).collect();
        slots[..commit].copy_from_slice(&items);
        self.producer.commit(commit);
        self.made += commit as u64;
        self.enqueue(&items);
        Ok(())
    }

    fn try_push(&mut self, item: fn(u64) -> T) -> Result<(), TestCaseError> {
        let item = item(self.made);
        if self.free() == 0 {
            prop_assert_eq!(self.producer.try_push(item), Err(PushError::Full(item)));
            return Ok(());
        }
        prop_assert_eq!(self.producer.try_push(item), Ok(()));
        self.made += 1;
        self.enqueue(&[item]);
        Ok(())
    }

    fn read(&mut self, reader: usize, want: usize, release: usize) -> Result<(), TestCaseError> {
        let Some((consumer, queue)) = &mut self.readers[reader] else {
            return Ok(());
        };
        let items = consumer.read_for(want).unwrap();
        prop_assert!(items.len() >= want.min(queue.len()) && items.len() <= queue.len());
        prop_assert!(items.iter().eq(queue.iter().take(items.len())));
        let release = release.min(items.len());
        consumer.release(release);
        queue.drain(..release);
        Ok(())
    }

    fn try_pop(&mut self, reader: usize) -> Result<(), TestCaseError> {
        let Some((consumer, queue)) = &mut self.readers[reader] else {
            return Ok(());
        };
        prop_assert_eq!(consumer.try_pop().unwrap(), queue.pop_front());
        Ok(())
    }

    /// What the tap reads are the next items, but for those it says it lost.
    fn tap(&mut self, most: usize) -> Result<(), TestCaseError> {
        let mut out = vec![T::zeroed(); most];
        let lost = self.tap.lost();
        let count = self.tap.read(&mut out);
        let lost = (self.tap.lost() - lost) as usize;
        prop_assert!(lost == 0 || count == 0);
        prop_assert!(lost + count <= self.tapped.len());
        prop_assert!(lost > 0 || count == most.min(self.tapped.len()));
        self.tapped.drain(..lost);
        let expected: Vec<T> = self.tapped.drain(..count).collect();
        prop_assert_eq!(&out[..count], &expected[..]);
        Ok(())
    }

    fn join(&mut self) -> Result<(), TestCaseError> {
        let Some(line) = self.readers.iter().position(Option::is_none) else {
            let refused = self.ring.join::<T>().unwrap_err();
            prop_assert_eq!(
                refused,
                JoinError::Taken {
                    readers: READER_LINES
                }
                .into()
            );
            return Ok(());
        };
        let consumer = self.ring.join().unwrap();
        prop_assert_eq!(
            (consumer.reader(), consumer.position()),
            (line, self.producer.position())
        );
        self.readers[line] = Some((consumer, VecDeque::new()));
        Ok(())
    }

    fn drain(self) -> Result<(), TestCaseError> {
        drop(self.producer);
        for (mut consumer, queue) in self.readers.into_iter().flatten() {
            let rest: Vec<T> = consumer.items().collect::<Result<_, _>>().unwrap();
            prop_assert!(rest.iter().eq(queue.iter()));
            prop_assert!(consumer.is_ended().unwrap());
        }
        Ok(())
    }
}

#[test]
fn frames_of_any_length_come_out_as_they_went_in() {
    let frames = vec((0usize..600, any::<bool>()), 1..120);
    random(
        &(
            16u64..3000,
            (0u64..400).prop_map(|n| 0u64.wrapping_sub(n * 8)),
            frames,
        ),
        |(capacity, start, frames)| frames_as_a_queue(capacity, start, &frames),
    );
}

/// Pushes a frame of each length, and takes one where the flag says so or the ring is full.
fn frames_as_a_queue(
    capacity: u64,
    start: u64,
    frames: &[(usize, bool)],
) -> Result<(), TestCaseError> {
    let ring = SharedRing::anonymous(&RingSpec::frames(capacity).start(start)).unwrap();
    let (mut producer, mut consumer) = (
        ring.frame_producer().unwrap(),
        ring.frame_consumer(0).unwrap(),
    );
    let mut tap = ring.frame_tap().unwrap();
    let mut queue = VecDeque::new();
    let max = payload_len_bytes_max(capacity);
    for (i, &(len, take)) in frames.iter().enumerate() {
        let payload: Vec<u8> = (0..len).map(|n| (n * 7 + i) as u8).collect();
        if len > max {
            let refused = FrameError::TooLong {
                len_bytes: len,
                max_len_bytes: max,
            };
            prop_assert_eq!(producer.try_push(&payload), Err(refused));
            continue;
        }
        while let Err(error) = push(&mut producer, &payload, i) {
            prop_assert_eq!(error, FrameError::Full);
            prop_assert_eq!(
                consumer.try_next().unwrap().map(<[u8]>::to_vec),
                queue.pop_front()
            );
            consumer.release();
        }
        let tapped: Vec<&[u8]> = tap.read().unwrap().collect();
        prop_assert_eq!(tapped, vec![&payload[..]]);
        queue.push_back(payload);
        if take {
            prop_assert_eq!(
                consumer.try_next().unwrap().map(<[u8]>::to_vec),
                queue.pop_front()
            );
        }
    }
    drop(producer);
    while let Some(frame) = consumer.next_frame().unwrap() {
        prop_assert_eq!(Some(frame.to_vec()), queue.pop_front());
    }
    prop_assert!(queue.is_empty() && consumer.is_ended().unwrap());
    Ok(())
}

/// Every other frame is written in place, into more room than it takes.
fn push(producer: &mut FrameProducer, payload: &[u8], i: usize) -> Result<(), FrameError> {
    if i.is_multiple_of(2) {
        return producer.try_push(payload);
    }
    let room = (payload.len() + 5).min(producer.payload_len_bytes_max());
    producer.try_reserve(room)?[..payload.len()].copy_from_slice(payload);
    producer.commit(payload.len());
    Ok(())
}

/// Runs `check` on random values. `THALWEG_SEED` repeats a run.
fn random<S: Strategy>(strategy: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64
    };
    let given = std::env::var("THALWEG_SEED")
        .ok()
        .map(|seed| seed.parse().unwrap());
    let seed: u64 = given.unwrap_or_else(|| now() ^ (RUNS.fetch_add(1, Relaxed) << 56));
    println!("THALWEG_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    runner.run(strategy, check).unwrap();
}
