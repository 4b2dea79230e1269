//! rtrb and crossbeam-channel, between two threads.

use std::hint::{black_box, spin_loop};
use std::time::Duration;

use crate::ours::fold;
use crate::pinned::Cores;

/// rtrb's chunks of `source.len()` items, written and read in place.
pub fn rtrb_steps(cores: Cores, source: &[u64], items: u64, capacity: usize) -> (Duration, u64) {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<u64>::new(capacity);
    let step = source.len();
    cores.threads(
        move |meeting| {
            meeting.begin();
            for _ in 0..items / step as u64 {
                while producer.push_entire_slice(black_box(source)).is_err() {
                    spin_loop();
                }
            }
        },
        |meeting| {
            let start = meeting.begin();
            let mut sum = 0;
            for _ in 0..items / step as u64 {
                let chunk = loop {
                    match consumer.read_chunk(step) {
                        Ok(chunk) => break chunk,
                        Err(_) => spin_loop(),
                    }
                };
                let (head, tail) = chunk.as_slices();
                sum = fold(fold(sum, head), tail);
                chunk.commit_all();
            }
            (start, sum)
        },
    )
}

/// rtrb, one item after the other.
pub fn rtrb_items(cores: Cores, item: u64, items: u64, capacity: usize) -> (Duration, u64) {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<u64>::new(capacity);
    cores.threads(
        move |meeting| {
            meeting.begin();
            for _ in 0..items {
                while producer.push(black_box(item)).is_err() {
                    spin_loop();
                }
            }
        },
        |meeting| {
            let start = meeting.begin();
            let mut sum = 0u64;
            for _ in 0..items {
                let item = loop {
                    match consumer.pop() {
                        Ok(item) => break item,
                        Err(_) => spin_loop(),
                    }
                };
                sum = sum.wrapping_add(item);
            }
            (start, sum)
        },
    )
}

/// crossbeam-channel's bounded channel, one item after the other, or its unbounded one.
pub fn crossbeam_items(
    cores: Cores,
    item: u64,
    items: u64,
    capacity: Option<usize>,
) -> (Duration, u64) {
    let (sender, receiver) = match capacity {
        Some(capacity) => crossbeam_channel::bounded::<u64>(capacity),
        None => crossbeam_channel::unbounded::<u64>(),
    };
    cores.threads(
        move |meeting| {
            meeting.begin();
            for _ in 0..items {
                sender.send(black_box(item)).expect("a receiver");
            }
        },
        |meeting| {
            let start = meeting.begin();
            let sum = receiver
                .iter()
                .fold(0u64, |sum, item| sum.wrapping_add(item));
            (start, sum)
        },
    )
}
