//! Loom tries every order of the protocol: two slots, three items, the same code that runs on
//! segments, on heap memory.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p thalweg-ringbuf --release --lib models`
//!
//! Each edge has a test that takes its strength away and demands that the model then fails: an
//! ordering that no model misses is not proven to be needed.

use core::alloc::Layout;
use std::alloc::{alloc, dealloc, handle_alloc_error};
use std::sync::Arc;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::barrier::Fencing;
use crate::layout::{Geometry, Header, Mode, ReaderLine, RingSpec};
use crate::raw::{Available, RawConsumer, RawProducer, Resync};
use crate::ring::Ring;
use crate::sync::{AtomicU64, Edge, Ordering, weak};

const SLOTS: u64 = 2;
const ITEMS: u64 = 3;

#[test]
fn items_are_whole_when_read_and_read_when_overwritten() {
    holds(publish_and_reclaim);
}

#[test]
fn publishing_and_reclaiming_take_both_ends_of_both_edges() {
    for edge in [
        Edge::PublishOut,
        Edge::PublishIn,
        Edge::ReclaimOut,
        Edge::ReclaimIn,
    ] {
        fails_without(edge, publish_and_reclaim);
    }
}

#[test]
fn a_reader_that_sees_the_end_has_seen_every_item() {
    holds(close_against_read);
}

#[test]
fn closing_takes_both_ends_of_its_edge() {
    for edge in [Edge::CloseOut, Edge::CloseIn] {
        fails_without(edge, close_against_read);
    }
}

#[test]
fn no_wake_up_is_lost() {
    holds(park_and_wake);
}

#[test]
fn waking_takes_both_fences() {
    for edge in [Edge::BellSleeper, Edge::BellRinger] {
        fails_without(edge, park_and_wake);
    }
}

#[test]
fn a_producer_that_sleeps_on_a_full_ring_is_woken() {
    holds(park_when_full);
}

#[test]
fn waking_the_producer_takes_the_readers_fence() {
    // Its own look at a full ring fences as well (JOIN), so the sleeper's fence is there twice.
    fails_without(Edge::BellRinger, park_when_full);
}

#[test]
fn a_tap_returns_no_item_that_was_being_overwritten() {
    holds(tap_against_overwrite);
}

#[test]
fn tapping_takes_both_fences() {
    for edge in [Edge::ClaimOut, Edge::ClaimIn] {
        fails_without(edge, tap_against_overwrite);
    }
}

#[test]
fn a_reader_that_joins_misses_nothing_after_its_first_item() {
    holds(join_against_refresh);
}

#[test]
fn joining_takes_both_fences() {
    for edge in [Edge::JoinReader, Edge::JoinProducer] {
        fails_without(edge, join_against_refresh);
    }
}

#[test]
fn a_reader_that_leaves_has_done_with_its_items() {
    holds(leave_against_overwrite);
}

#[test]
fn leaving_takes_both_ends_of_reclaim() {
    for edge in [Edge::ReclaimOut, Edge::ReclaimIn] {
        fails_without(edge, leave_against_overwrite);
    }
}

#[test]
fn two_that_join_at_once_get_two_lines() {
    holds(join_against_join);
}

#[test]
fn a_header_is_whole_when_its_magic_is_there() {
    holds(format_against_attach);
}

#[test]
fn attaching_takes_both_ends_of_format() {
    for edge in [Edge::FormatOut, Edge::FormatIn] {
        fails_without(edge, format_against_attach);
    }
}

fn publish_and_reclaim() {
    let ring = HeapRing::new(1, 0);
    let writer = ring.clone();
    let producing = thread::spawn(move || writer.produce_all());
    let mut consumer = ring.ring.reader(0).unwrap();
    let mut from = ring.start();
    while from != ring.end() {
        for _ in 0..await_items(&mut consumer, from) {
            ring.read(from);
            from = from.wrapping_add(1);
        }
        consumer.release(from);
    }
    producing.join().unwrap();
}

fn close_against_read() {
    let ring = HeapRing::new(1, 0);
    let writer = ring.clone();
    let producing = thread::spawn(move || {
        let at = writer.start();
        writer.write(at);
        writer.ring.publish(at.wrapping_add(1));
        writer.ring.close();
    });
    let mut consumer = ring.ring.reader(0).unwrap();
    let mut from = ring.start();
    loop {
        match consumer.look(from).unwrap() {
            Available::Items(count) => from = from.wrapping_add(count),
            Available::Empty => thread::yield_now(),
            Available::Ended => break,
        }
    }
    assert_eq!(
        from.wrapping_sub(ring.start()),
        1,
        "ended before the last item"
    );
    producing.join().unwrap();
}

fn park_and_wake() {
    let ring = HeapRing::new(1, 0);
    let writer = ring.clone();
    let producing = thread::spawn(move || {
        for count in 1..=2 {
            writer.ring.publish(writer.start().wrapping_add(count));
            writer.ring.ring_readers();
        }
    });
    let mut consumer = ring.ring.reader(0).unwrap();
    for count in 1..=2 {
        while consumer.available_for(ring.start(), count).unwrap() < count {
            let ready = || consumer.available_for(ring.start(), count).unwrap() >= count;
            ring.ring.reader_bell(0).sleep_unless(ready, Duration::MAX);
        }
    }
    producing.join().unwrap();
}

fn park_when_full() {
    let ring = HeapRing::new(1, 0);
    ring.ring.publish(ring.start().wrapping_add(SLOTS));
    let reader = ring.clone();
    let consuming = thread::spawn(move || {
        reader.ring.release(0, reader.start().wrapping_add(1));
        reader.ring.ring_producer();
    });
    let mut producer = ring.ring.producer();
    let at = ring.start().wrapping_add(SLOTS);
    while producer.free(at).unwrap() == 0 {
        ring.ring
            .producer_bell()
            .sleep_unless(|| producer.free(at).unwrap() > 0, Duration::MAX);
    }
    consuming.join().unwrap();
}

fn tap_against_overwrite() {
    let ring = HeapRing::new(0, 0);
    let mut tap = ring.ring.tap(Resync::Half);
    let writer = ring.clone();
    let producing = thread::spawn(move || {
        let mut producer = writer.ring.producer();
        for i in 0..ITEMS {
            let at = writer.start().wrapping_add(i);
            assert!(
                producer.free(at).unwrap() > 0,
                "a tap held the producer back"
            );
            producer.slots(at, 1);
            // Relaxed: bytes, as far as a tap is concerned; the claim orders them.
            writer.words[writer.ring.geometry().slot_of(at)].store(at, Ordering::Relaxed);
            producer.publish(at.wrapping_add(1));
        }
    });
    for _ in 0..2 {
        let position = tap.position();
        let mut copied = Vec::new();
        let count = tap.take(SLOTS, |from, count| {
            for i in 0..count {
                let slot = ring.ring.geometry().slot_of(from.wrapping_add(i));
                copied.push(ring.words[slot].load(Ordering::Relaxed));
            }
        });
        for i in 0..count {
            assert_eq!(
                copied[i as usize],
                position.wrapping_add(i),
                "not the item of this position"
            );
        }
        thread::yield_now();
    }
    producing.join().unwrap();
    let seen = tap.position().wrapping_sub(ring.start());
    assert!(seen <= ITEMS && tap.lost() <= seen);
}

fn join_against_refresh() {
    let ring = HeapRing::new(0, 1);
    let writer = ring.clone();
    let producing = thread::spawn(move || writer.produce_all());
    let (reader, first) = ring.ring.join().unwrap();
    let mut consumer = ring.ring.reader(reader).unwrap();
    if consumer.available(first).unwrap() > 0 {
        ring.read(first);
    }
    ring.ring.leave(reader);
    producing.join().unwrap();
}

fn leave_against_overwrite() {
    let ring = HeapRing::new(1, 0);
    let writer = ring.clone();
    let producing = thread::spawn(move || writer.produce_all());
    let mut consumer = ring.ring.reader(0).unwrap();
    await_items(&mut consumer, ring.start());
    ring.read(ring.start());
    ring.ring.leave(0);
    producing.join().unwrap();
}

fn join_against_join() {
    let ring = HeapRing::new(0, 2);
    let other = ring.clone();
    let joining = thread::spawn(move || other.ring.join().unwrap().0);
    let mine = ring.ring.join().unwrap().0;
    assert_ne!(mine, joining.join().unwrap());
    assert_eq!(ring.ring.mode(0), Some(Mode::Lossless));
    assert_eq!(ring.ring.mode(1), Some(Mode::Lossless));
}

fn format_against_attach() {
    let ring = HeapRing::new(1, 0);
    let whole = Arc::new(UnsafeCell::new(()));
    let (creator, formatted) = (ring.clone(), whole.clone());
    let creating = thread::spawn(move || {
        formatted.with_mut(|_| ());
        creator.header().store_magic();
    });
    if ring.header().has_magic() {
        whole.with(|_| ());
    }
    creating.join().unwrap();
}

/// A ring of `SLOTS` slots on the heap. Its items are cells in which loom finds every access that
/// no edge orders; `words` are items as a tap sees them.
struct HeapRing {
    ring: Ring,
    memory: *mut u8,
    layout: Layout,
    cells: Vec<UnsafeCell<u64>>,
    words: Vec<AtomicU64>,
    _data: Vec<u64>,
}

// SAFETY: the memory is a header of atomics and lives as long as this; the cells are judged by loom.
unsafe impl Send for HeapRing {}
// SAFETY: as above.
unsafe impl Sync for HeapRing {}

impl HeapRing {
    fn new(readers: usize, spare_readers: usize) -> Arc<Self> {
        // Positions pass the end of what a u64 counts.
        let spec = RingSpec::of::<u64>(SLOTS)
            .readers(readers)
            .spare_readers(spare_readers)
            .start(u64::MAX - 1);
        let geometry = Geometry {
            slots: SLOTS,
            ..spec.geometry(Fencing::Symmetric).unwrap()
        };
        let len = size_of::<Header>() + geometry.readers * size_of::<ReaderLine>();
        let layout = Layout::from_size_align(len, 128).unwrap();
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: fresh memory, long enough for the header and its lines.
        unsafe { Header::fill(memory.cast(), &geometry, readers) };
        let mut data = vec![0; 2 * SLOTS as usize];
        // SAFETY: header and data live as long as `Self`; nobody looks at the data through it.
        let ring = unsafe { Ring::from_raw(memory, data.as_mut_ptr().cast(), geometry) }.unwrap();
        Arc::new(Self {
            ring,
            memory,
            layout,
            cells: (0..SLOTS).map(UnsafeCell::new).collect(),
            words: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            _data: data,
        })
    }

    fn header(&self) -> &Header {
        // SAFETY: formatted in `new`, lives as long as `self`.
        unsafe { &*self.memory.cast::<Header>() }
    }

    fn start(&self) -> u64 {
        self.ring.geometry().start
    }

    fn end(&self) -> u64 {
        self.start().wrapping_add(ITEMS)
    }

    fn write(&self, at: u64) {
        // SAFETY: loom judges whether anyone else is at the cell.
        self.cells[self.ring.geometry().slot_of(at)].with_mut(|cell| unsafe { *cell = at });
    }

    fn read(&self, from: u64) {
        // SAFETY: loom judges whether anyone else is at the cell.
        let item = self.cells[self.ring.geometry().slot_of(from)].with(|cell| unsafe { *cell });
        assert_eq!(item, from, "not the item of this position");
    }

    fn produce_all(&self) {
        let mut producer = self.ring.producer();
        let mut at = self.start();
        while at != self.end() {
            await_free(&mut producer, at);
            producer.slots(at, 1);
            self.write(at);
            at = at.wrapping_add(1);
            producer.publish(at);
        }
    }
}

impl Drop for HeapRing {
    fn drop(&mut self) {
        // SAFETY: made in `new` with this layout; the last owner drops it. Loom's atomics are
        // dropped in place first.
        unsafe {
            core::ptr::drop_in_place(self.memory.cast::<Header>());
            for reader in 0..self.ring.geometry().readers {
                core::ptr::drop_in_place(Header::reader_line(self.memory.cast(), reader));
            }
            dealloc(self.memory, self.layout);
        }
    }
}

fn await_free(producer: &mut RawProducer, at: u64) {
    while producer.free(at).unwrap() == 0 {
        thread::yield_now();
    }
}

fn await_items(consumer: &mut RawConsumer, from: u64) -> u64 {
    loop {
        match consumer.available(from).unwrap() {
            0 => thread::yield_now(),
            count => return count,
        }
    }
}

fn holds(model: fn()) {
    weak::set(None);
    explorer().check(model);
}

fn fails_without(edge: Edge, model: fn()) {
    weak::set(Some(edge));
    let outcome = std::panic::catch_unwind(|| explorer().check(model));
    weak::set(None);
    let panic = outcome.expect_err("no order of the model needs the edge");
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said
        .or(panic.downcast_ref::<&str>().copied())
        .unwrap_or_default();
    let mistakes = [
        "Causality violation", // two at one cell
        "deadlock",            // a wake-up was lost
        "not the item",
        "ended before",
    ];
    assert!(
        mistakes.iter().any(|mistake| said.contains(mistake)),
        "without {edge:?}: {said}"
    );
}

/// Every order with up to three preemptions: that finds all mistakes made here on purpose, in under
/// a second. `LOOM_MAX_PREEMPTIONS` sets another bound; 100 is every order there is, and minutes.
fn explorer() -> loom::model::Builder {
    let mut explorer = loom::model::Builder::new();
    explorer.preemption_bound = explorer.preemption_bound.or(Some(3));
    explorer
}
