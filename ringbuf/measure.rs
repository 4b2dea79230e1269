//! Taking the time of a ring, beside what a programmer would write by hand for one purpose on the same memory.
//!
//! Two processes, pinned to two cores: a forked child gives, the calling process takes and holds the
//! clock. The reference is a loop over the same header words and the same mirrored data, with each
//! side's position cached by the other, and no check, no bell, no tap, no type; for latency, two cache
//! lines bounced by hand. The bench `ring` and the command `thalweg bench` both measure with this.

use std::hint::{black_box, spin_loop};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use bytemuck::Pod;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::{
    Consumer, IdleStrategy, MappedRing, PAGE_LEN_BYTES, Producer, RingSpec, Segment, SharedRing,
};

/// Items the measured rings hold: 128 KiB of f64, well inside a core's own cache.
pub const CAPACITY: u64 = 16 * 1024;

/// The two cores that a measurement takes place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Where the forked process runs: the producer, or who echoes.
    pub child: usize,
    /// Where the calling process runs and holds the clock. It stays there afterwards.
    pub here: usize,
}

impl Cores {
    /// Time for `items` items from process to process through a ring, `source.len()` at a time (a length of
    /// one pushes and pops single items).
    ///
    /// # Errors
    /// No memory, no process, or a core that is not to be had. The process must have one thread.
    ///
    /// # Panics
    /// If what arrived is not what was sent.
    pub fn ring<T: Pod>(&self, source: &[T], items: u64) -> io::Result<Duration> {
        let ring = SharedRing::anonymous(&RingSpec::of::<T>(CAPACITY)).map_err(io::Error::other)?;
        let produce = || match *source {
            [item] => push_each(producer(&ring), item, items),
            _ => push_steps(producer(&ring), source, items),
        };
        let consume = || match source.len() {
            1 => pop_each::<T>(consumer(&ring)),
            step => read_steps::<T>(consumer(&ring), step, items),
        };
        let (time, sum) = self.pair(produce, consume)?;
        assert_eq!(sum, expected(source, items));
        Ok(time)
    }

    /// The same by hand.
    ///
    /// # Errors
    /// As [`Cores::ring`].
    ///
    /// # Panics
    /// As [`Cores::ring`].
    pub fn ring_by_hand<T: Pod>(&self, source: &[T], items: u64) -> io::Result<Duration> {
        let ring = ring_of::<T>()?;
        let words = ByHand::new(&ring);
        let produce = || words.produce(source, items);
        let (time, sum) = self.pair(produce, || words.consume::<T>(source.len(), items))?;
        assert_eq!(sum, expected(source, items));
        Ok(time)
    }

    /// Time for one u64 to go there and back so often, through two rings.
    ///
    /// # Errors
    /// As [`Cores::ring`].
    ///
    /// # Panics
    /// As [`Cores::ring`].
    pub fn ping_pong(&self, bounces: u64) -> io::Result<Duration> {
        let make =
            || SharedRing::anonymous(&RingSpec::of::<u64>(CAPACITY)).map_err(io::Error::other);
        let (there, back) = (make()?, make()?);
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
        Ok(self.pair(echo, bounce)?.0)
    }

    /// Time for two cache lines, each stored by one side and polled by the other, to go there and back so often.
    ///
    /// # Errors
    /// As [`Cores::ring`].
    pub fn ping_pong_by_hand(&self, bounces: u64) -> io::Result<Duration> {
        let ring = ring_of::<u64>()?;
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
        Ok(self.pair(echo, bounce)?.0)
    }

    /// Time for `count` frames of this payload from process to process.
    ///
    /// # Errors
    /// As [`Cores::ring`].
    ///
    /// # Panics
    /// As [`Cores::ring`], and if the payload is too long for a ring of 256 KiB.
    pub fn frames(&self, payload: &[u8], count: u64) -> io::Result<Duration> {
        let ring =
            SharedRing::anonymous(&RingSpec::frames(256 * 1024)).map_err(io::Error::other)?;
        let produce = || {
            let producer = ring.frame_producer().expect("the producer");
            let mut producer = producer.idle(IdleStrategy::SPIN);
            for _ in 0..count {
                producer.push(black_box(payload)).expect("it fits");
            }
        };
        let consume = || {
            let consumer = ring.frame_consumer(0).expect("the reader");
            let mut consumer = consumer.idle(IdleStrategy::SPIN);
            let mut seen = 0;
            while let Some(frame) = consumer.next_frame().expect("whole") {
                seen += frame.len() as u64;
                black_box(frame.iter().step_by(64).fold(0, |sum, byte| sum ^ byte));
            }
            seen
        };
        let (time, seen) = self.pair(produce, consume)?;
        assert_eq!(seen, count * payload.len() as u64);
        Ok(time)
    }

    /// Runs `child` in a forked process on the one core and `parent` here on the other, from a
    /// common start; the time is the parent's.
    fn pair<R>(
        &self,
        child: impl FnOnce(),
        parent: impl FnOnce() -> R,
    ) -> io::Result<(Duration, R)> {
        let page = Segment::anonymous(PAGE_LEN_BYTES).map_err(io::Error::other)?;
        // SAFETY: the page is mapped, zero, and holds nothing else; it outlives both sides' use.
        let stage = unsafe { AtomicU32::from_ptr(page.as_ptr().cast()) };
        stay_on(self.here)?;
        // SAFETY: this process has one thread (a duty of the caller), so the child may do whatever it likes.
        if let ForkResult::Parent { child } = unsafe { fork() }? {
            // START (in, from the child): it is on its core, or is not to be.
            while stage.load(Acquire) == 0 {
                std::thread::yield_now();
            }
            if stage.load(Acquire) == REFUSED {
                waitpid(child, None)?;
                return Err(no_core(self.child));
            }
            let start = Instant::now();
            // START (out, to the child): both begin.
            stage.store(2, Release);
            let result = parent();
            let time = start.elapsed();
            return match waitpid(child, None)? {
                WaitStatus::Exited(_, 0) => Ok((time, result)),
                other => Err(io::Error::other(format!("the measured process: {other:?}"))),
            };
        }
        // It must not outlive who waits for it.
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        let ready = if stay_on(self.child).is_ok() {
            1
        } else {
            REFUSED
        };
        // START (out, to the parent): this process is on its core, or is not to be.
        stage.store(ready, Release);
        // START (in, from the parent): both begin.
        while stage.load(Acquire) == 1 {
            spin_loop();
        }
        if ready == 1 {
            child();
        }
        // SAFETY: ends this process at once: what it has from its parent must not run its end.
        unsafe { libc::_exit(0) }
    }
}

/// What the child says if it cannot be where it should.
const REFUSED: u32 = 3;

fn stay_on(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|_| no_core(core))
}

fn no_core(core: usize) -> io::Error {
    io::Error::other(format!(
        "core {core} cannot be had: choose one that this process may use"
    ))
}

fn expected<T: Pod>(source: &[T], items: u64) -> u64 {
    fold(0, source).wrapping_mul(items / source.len() as u64)
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

fn ring_of<T: Pod>() -> io::Result<MappedRing> {
    let segment = Arc::new(Segment::anonymous(2 << 20).map_err(io::Error::other)?);
    // SAFETY: the segment was made just now.
    unsafe { MappedRing::format(&segment, 0, &RingSpec::of::<T>(CAPACITY)) }
        .map_err(io::Error::other)
}

#[inline(always)]
fn await_word(word: &AtomicU64, value: u64) {
    while word.load(Acquire) != value {
        spin_loop();
    }
}
