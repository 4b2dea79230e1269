//! iceoryx2 and ipc-channel, between two processes.

use std::hint::{black_box, spin_loop};
use std::time::Duration;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;

use crate::ours::fold;
use crate::pinned::{Cores, Meeting};

/// iceoryx2's slices of `source.len()` items: loaned, filled in place, sent; read in place. `buffer` slices may wait.
pub fn iceoryx2_steps(cores: Cores, source: &[u64], items: u64, buffer: usize) -> (Duration, u64) {
    let step = source.len();
    let steps = items / step as u64;
    let name = service_name("slices");
    cores.processes(
        |meeting| {
            let node = node();
            let service = open_slices(&node, &name, buffer);
            let builder = service.publisher_builder().initial_max_slice_len(step);
            let publisher = builder
                .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
                .create()
                .expect("a publisher");
            meeting.begin();
            for _ in 0..steps {
                let sample = publisher.loan_slice_uninit(step).expect("a loan");
                let sample = sample.write_from_slice(black_box(source));
                sample.send().expect("sent");
            }
            // The subscriber has everything before the publisher goes.
            meeting.begin();
        },
        |meeting| {
            let node = node();
            let service = open_slices(&node, &name, buffer);
            let builder = service.subscriber_builder().buffer_size(buffer);
            let subscriber = builder.create().expect("a subscriber");
            let start = meeting.begin();
            let mut sum = 0;
            for _ in 0..steps {
                let sample = loop {
                    match subscriber.receive().expect("received") {
                        Some(sample) => break sample,
                        None => spin_loop(),
                    }
                };
                sum = fold(sum, sample.payload());
            }
            meeting.begin();
            (start, sum)
        },
    )
}

/// iceoryx2, one `u64` a message.
pub fn iceoryx2_items(cores: Cores, item: u64, items: u64, buffer: usize) -> (Duration, u64) {
    let name = service_name("items");
    cores.processes(
        |meeting| {
            let node = node();
            let publisher = publisher(&node, &name, buffer);
            meeting.begin();
            for _ in 0..items {
                publisher.send_copy(black_box(item)).expect("sent");
            }
            meeting.begin();
        },
        |meeting| {
            let node = node();
            let subscriber = subscriber(&node, &name, buffer);
            let start = meeting.begin();
            let mut sum = 0u64;
            for _ in 0..items {
                sum = sum.wrapping_add(receive(&subscriber));
            }
            meeting.begin();
            (start, sum)
        },
    )
}

/// iceoryx2, one `u64` there and back.
pub fn iceoryx2_bounces(cores: Cores, bounces: u64) -> Duration {
    let (there, back) = (service_name("there"), service_name("back"));
    let echo = |meeting: &Meeting| {
        let node = node();
        let publisher = publisher(&node, &back, 2);
        let subscriber = subscriber(&node, &there, 2);
        meeting.begin();
        for _ in 0..bounces {
            publisher.send_copy(receive(&subscriber)).expect("sent");
        }
        meeting.begin();
    };
    let (time, ()) = cores.processes(echo, |meeting| {
        let node = node();
        let publisher = publisher(&node, &there, 2);
        let subscriber = subscriber(&node, &back, 2);
        let start = meeting.begin();
        for n in 0..bounces {
            publisher.send_copy(n).expect("sent");
            assert_eq!(receive(&subscriber), n);
        }
        meeting.begin();
        (start, ())
    });
    time
}

type Slices =
    iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [u64], ()>;
type Items = iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, u64, ()>;

fn service_name(what: &str) -> ServiceName {
    let name = format!("compare/{}/{what}", std::process::id());
    name.as_str().try_into().expect("a service name")
}

fn node() -> Node<ipc::Service> {
    set_log_level(LogLevel::Error);
    NodeBuilder::new().create().expect("a node")
}

/// Lossless, as ours is.
fn open_slices(node: &Node<ipc::Service>, name: &ServiceName, buffer: usize) -> Slices {
    let builder = node.service_builder(name).publish_subscribe::<[u64]>();
    let builder = builder.enable_safe_overflow(false).max_publishers(1);
    let builder = builder.max_subscribers(1).history_size(0);
    let service = builder.subscriber_max_buffer_size(buffer).open_or_create();
    service.expect("a service")
}

fn open_items(node: &Node<ipc::Service>, name: &ServiceName, buffer: usize) -> Items {
    let builder = node.service_builder(name).publish_subscribe::<u64>();
    let builder = builder.enable_safe_overflow(false).max_publishers(1);
    let builder = builder.max_subscribers(1).history_size(0);
    let service = builder.subscriber_max_buffer_size(buffer).open_or_create();
    service.expect("a service")
}

fn publisher(
    node: &Node<ipc::Service>,
    name: &ServiceName,
    buffer: usize,
) -> Publisher<ipc::Service, u64, ()> {
    let service = open_items(node, name, buffer);
    let builder = service.publisher_builder();
    let builder = builder.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
    builder.create().expect("a publisher")
}

fn subscriber(
    node: &Node<ipc::Service>,
    name: &ServiceName,
    buffer: usize,
) -> Subscriber<ipc::Service, u64, ()> {
    let service = open_items(node, name, buffer);
    let builder = service.subscriber_builder().buffer_size(buffer);
    builder.create().expect("a subscriber")
}

#[inline(always)]
fn receive(subscriber: &Subscriber<ipc::Service, u64, ()>) -> u64 {
    loop {
        match subscriber.receive().expect("received") {
            Some(sample) => return *sample.payload(),
            None => spin_loop(),
        }
    }
}

/// ipc-channel, one `u64` a message.
pub fn ipc_channel_items(cores: Cores, item: u64, items: u64) -> (Duration, u64) {
    let (sender, receiver) = ipc_channel::ipc::channel::<u64>().expect("a channel");
    cores.processes(
        |meeting| {
            meeting.begin();
            for _ in 0..items {
                sender.send(black_box(item)).expect("sent");
            }
        },
        |meeting| {
            let start = meeting.begin();
            let mut sum = 0u64;
            for _ in 0..items {
                sum = sum.wrapping_add(receiver.recv().expect("received"));
            }
            (start, sum)
        },
    )
}
