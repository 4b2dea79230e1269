//! `feed` and `queue`: streams whose other end another thread of the program holds while the graph runs.
//!
//! Each is a ring of its own, beside those of the graph: the program has one end, the agent's worker the
//! other. An item's place in the ring is its place in the stream. So a successor knows what is out already
//! and what is not, and each item passes once, whatever was killed (through a [`queue`] as long as the
//! graph is deterministic: an item that was read cannot be called back).
//!
//! Who finds the ring empty, or full, sleeps on a descriptor. DOORBELL: the sleeper fences and looks at the
//! ring once more; the other side moves its position, fences, and looks whether it was the ring's only
//! item, or its only room, that it gave. Whichever fence comes first, the other side sees the position
//! before it: no wake-up is lost.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use thalweg_ringbuf::{Consumer, EndError, OpenError, Producer, RingCorrupt, RingSpec, SharedRing};

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Io, OutPort, Outside, State, Status, Wait,
};
use crate::types::Item;

/// A stream that the program feeds while the graph runs, and its agent. The ring holds `capacity` items.
///
/// `life` becomes readable, or is hung up, when no worker lives any more: whoever waits then stops.
///
/// # Errors
/// There is no memory, or no descriptor, for the ring.
pub fn feed<T: Item>(capacity: u64, life: Arc<OwnedFd>) -> Result<(Feed<T>, Blueprint), NoRing> {
    let ring = SharedRing::anonymous(&RingSpec::of::<T>(capacity))?;
    let bells = Bells::new()?;
    let end = Filling::of(&ring, &bells, life)?;
    let agent = Fed::<T> {
        ring,
        consumer: None,
        bells,
    };
    let blueprint = Blueprint::new(agent).output(OutPort::new(T::item_type(), None));
    Ok((Feed { end }, blueprint))
}

/// A stream that the program reads while the graph runs, and its agent. The ring holds `capacity` items, and
/// the graph waits for the program when it is full. `life` as for [`feed`].
///
/// # Errors
/// There is no memory, or no descriptor, for the ring.
pub fn queue<T: Item>(capacity: u64, life: Arc<OwnedFd>) -> Result<(Queue<T>, Blueprint), NoRing> {
    let ring = SharedRing::anonymous(&RingSpec::of::<T>(capacity))?;
    let bells = Bells::new()?;
    let end = Emptying::of(&ring, &bells, life)?;
    let agent = Queued::<T> {
        ring,
        producer: None,
        bells,
    };
    Ok((
        Queue { end },
        Blueprint::new(agent).input(InPort::new(T::item_type())),
    ))
}

/// Why there is no ring between the program and the graph.
#[derive(Debug, thiserror::Error)]
pub enum NoRing {
    /// Its memory.
    #[error(transparent)]
    Ring(#[from] OpenError),
    /// One of its ends.
    #[error(transparent)]
    End(#[from] EndError),
    /// A descriptor to sleep on.
    #[error("a descriptor to wait on: {}", .0.desc())]
    Bell(#[from] nix::errno::Errno),
}

/// The graph that was fed runs no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the graph runs no more: nobody takes what is fed to it")]
pub struct Over;

/// The program's end of a ring that it fills. Dropping it ends the stream.
pub(super) struct Filling<T: Item> {
    /// `None` when it is being dropped.
    producer: Option<Producer<T>>,
    bells: Bells,
    life: Arc<OwnedFd>,
}

impl<T: Item> Filling<T> {
    /// The end of this ring; its agent has the same bells.
    pub fn of(ring: &SharedRing, bells: &Bells, life: Arc<OwnedFd>) -> Result<Self, EndError> {
        Ok(Filling {
            producer: Some(ring.producer()?),
            bells: bells.clone(),
            life,
        })
    }

    /// How many items the ring holds.
    pub fn capacity(&self) -> usize {
        self.producer.as_ref().map_or(0, Producer::capacity)
    }

    /// How many items were given.
    pub fn position(&self) -> Option<u64> {
        self.producer.as_ref().map(Producer::position)
    }

    /// Has `give` put what it can into the ring; where that is nothing (`None`), waits until some is taken.
    pub fn give<G>(
        &mut self,
        give: impl FnOnce(&mut Producer<T>, &Bells) -> Result<Option<G>, RingCorrupt>,
    ) -> Result<Option<G>, Over> {
        let producer = self.producer.as_mut().expect("there until it is dropped");
        if !producer.has_readers() {
            return Err(Over);
        }
        let given = give(producer, &self.bells).map_err(|_| Over)?;
        if given.is_none() && !self.bells.taken.wait(&self.life) {
            return Err(Over);
        }
        Ok(given)
    }
}

impl<T: Item> Drop for Filling<T> {
    fn drop(&mut self) {
        // Closes the ring; the agent may be asleep.
        self.producer = None;
        self.bells.given.ring();
    }
}

/// The program's end of a ring that it empties. Dropping it lets the agent end.
pub(super) struct Emptying<T: Item> {
    /// `None` when it is being dropped.
    consumer: Option<Consumer<T>>,
    bells: Bells,
    life: Arc<OwnedFd>,
}

impl<T: Item> Emptying<T> {
    /// The end of this ring; its agent has the same bells.
    pub fn of(ring: &SharedRing, bells: &Bells, life: Arc<OwnedFd>) -> Result<Self, EndError> {
        Ok(Emptying {
            consumer: Some(ring.consumer(0)?),
            bells: bells.clone(),
            life,
        })
    }

    /// How many items were taken.
    pub fn position(&self) -> Option<u64> {
        self.consumer.as_ref().map(Consumer::position)
    }

    /// What `take` finds in the ring now.
    pub fn try_next<G>(
        &mut self,
        take: impl FnOnce(&mut Consumer<T>, &Bells) -> Option<G>,
    ) -> Option<G> {
        take(self.consumer.as_mut()?, &self.bells)
    }

    /// What `take` finds in the ring, waiting for it; nothing at the end of the stream.
    pub fn next<G>(&mut self, take: impl Fn(&mut Consumer<T>, &Bells) -> Option<G>) -> Option<G> {
        loop {
            if let Some(item) = self.try_next(&take) {
                return Some(item);
            }
            let consumer = self.consumer.as_mut();
            if consumer.is_none_or(|consumer| consumer.is_ended().unwrap_or(true)) {
                return None;
            }
            if !self.bells.given.wait(&self.life) {
                // What was given before the end is there.
                return self.try_next(&take);
            }
        }
    }
}

impl<T: Item> Drop for Emptying<T> {
    fn drop(&mut self) {
        // Leaves the ring; the agent may be asleep.
        self.consumer = None;
        self.bells.taken.ring();
    }
}

/// The program's end of a [`feed`]. Dropping it ends the stream.
pub struct Feed<T: Item> {
    end: Filling<T>,
}

impl<T: Item> Feed<T> {
    /// Gives one item to the stream; waits while the ring is full.
    ///
    /// # Errors
    /// The graph runs no more.
    pub fn push(&mut self, item: T) -> Result<(), Over> {
        self.extend(&[item])
    }

    /// Gives items to the stream, in their order; waits while the ring is full.
    ///
    /// # Errors
    /// The graph runs no more. Some of the items may have been taken.
    pub fn extend(&mut self, mut items: &[T]) -> Result<(), Over> {
        while !items.is_empty() {
            let given = self.end.give(|producer, bells| {
                let given = give(producer, items, bells)?;
                Ok((given > 0).then_some(given))
            })?;
            items = &items[given.unwrap_or(0)..];
        }
        Ok(())
    }
}

/// The program's end of a [`queue`]: an iterator over the stream's items, which waits for each. It ends with the
/// stream, or when no worker lives any more. Dropping it lets the agent end.
pub struct Queue<T: Item> {
    end: Emptying<T>,
}

impl<T: Item> Queue<T> {
    /// The next item if there is one now.
    pub fn try_next(&mut self) -> Option<T> {
        self.end.try_next(first)
    }
}

impl<T: Item> Iterator for Queue<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.end.next(first)
    }
}

/// Takes the first item of the ring, if there is one.
fn first<T: Item>(consumer: &mut Consumer<T>, bells: &Bells) -> Option<T> {
    let item = *consumer.read().ok()?.first()?;
    take(consumer, 1, bells).ok()?;
    Some(item)
}

struct Fed<T: Item> {
    ring: SharedRing,
    /// The agent's end, in the process that runs it.
    consumer: Option<Consumer<T>>,
    bells: Bells,
}

impl<T: Item> Agent for Fed<T> {
    fn attach(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.consumer = Some(self.ring.consumer(0).map_err(seat)?);
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let consumer = self.consumer.as_mut().expect("attached before it works");
        // What is out is committed, and so are the items before it here.
        let committed = (output.position() - consumer.position()) as usize;
        take(consumer, committed, &self.bells).map_err(corrupt)?;
        loop {
            let items = consumer.read().map_err(corrupt)?;
            let n = items.len().min(output.space());
            if n > 0 {
                output.room::<T>()[..n].copy_from_slice(&items[..n]);
                output.produce(n);
                return Ok(Status::More);
            }
            if !items.is_empty() {
                return Ok(Status::More);
            }
            if consumer.is_ended().map_err(corrupt)? {
                return Ok(Status::Done);
            }
            if let Some(wait) = self
                .bells
                .given
                .to_wait_for(|| consumer.read().is_ok_and(<[T]>::is_empty))
            {
                return Ok(Status::Wait(wait));
            }
        }
    }

    fn outside(&self, _state: &[u8]) -> Outside {
        Outside::Once {
            name: "what the program feeds".to_owned(),
        }
    }
}

struct Queued<T: Item> {
    ring: SharedRing,
    /// The agent's end, in the process that runs it; `None` when the ring is closed.
    producer: Option<Producer<T>>,
    bells: Bells,
}

impl<T: Item> Agent for Queued<T> {
    fn outside(&self, _state: &[u8]) -> Outside {
        Outside::Once {
            name: "what the program reads".to_owned(),
        }
    }

    fn attach(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.producer = match self.ring.is_closed() {
            true => None,
            false => Some(self.ring.producer().map_err(seat)?),
        };
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let Some(producer) = &mut self.producer else {
            // The step before the end is made again: all is out.
            input.consume(input.len());
            return Ok(Status::Ready);
        };
        let out = (producer.position() - input.position()) as usize;
        input.consume(out.min(input.len()));
        while !input.is_empty() {
            if !producer.has_readers() {
                return Ok(Status::Done);
            }
            let given = give(producer, input.items::<T>(), &self.bells).map_err(corrupt)?;
            input.consume(given);
            if given > 0 {
                continue;
            }
            let is_full = || producer.has_readers() && producer.slots().is_ok_and(|s| s.is_empty());
            if let Some(wait) = self.bells.taken.to_wait_for(is_full) {
                return Ok(Status::Wait(wait));
            }
        }
        Ok(Status::Ready)
    }

    fn finish(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.producer = None;
        self.bells.given.ring();
        Ok(())
    }
}

/// Gives as many items as fit, and says how many.
fn give<T: Item>(
    producer: &mut Producer<T>,
    items: &[T],
    bells: &Bells,
) -> Result<usize, RingCorrupt> {
    let slots = producer.reserve(items.len())?;
    let n = slots.len();
    if n == 0 {
        return Ok(0);
    }
    slots.copy_from_slice(&items[..n]);
    publish(producer, n, bells)?;
    Ok(n)
}

/// Publishes the first `n` items of the room, and wakes who waits for some.
pub(super) fn publish<T: Item>(
    producer: &mut Producer<T>,
    n: usize,
    bells: &Bells,
) -> Result<(), RingCorrupt> {
    producer.commit(n);
    // DOORBELL (producer, against `Doorbell::to_wait_for` and `Doorbell::wait`): published before this look.
    fence(Ordering::SeqCst);
    let capacity = producer.capacity();
    if producer.reserve(capacity)?.len() + n >= capacity {
        bells.given.ring();
    }
    Ok(())
}

/// Gives the room of `n` items back, and wakes who waits for that of one.
fn take<T: Item>(consumer: &mut Consumer<T>, n: usize, bells: &Bells) -> Result<(), RingCorrupt> {
    release(consumer, n, consumer.capacity(), bells)
}

/// Gives the room of `n` items back, and wakes who waits for room: who does so met a ring of which at least `full` was full.
pub(super) fn release<T: Item>(
    consumer: &mut Consumer<T>,
    n: usize,
    full: usize,
    bells: &Bells,
) -> Result<(), RingCorrupt> {
    if n == 0 {
        return Ok(());
    }
    consumer.read_for(n)?;
    consumer.release(n);
    // DOORBELL (consumer, against `Doorbell::to_wait_for` and `Doorbell::wait`): released before this look.
    fence(Ordering::SeqCst);
    let capacity = consumer.capacity();
    if consumer.read_for(capacity)?.len() + n >= full {
        bells.taken.ring();
    }
    Ok(())
}

/// What either side sleeps on.
#[derive(Clone)]
pub(super) struct Bells {
    /// Who takes items sleeps here.
    pub given: Doorbell,
    /// Who gives items sleeps here.
    pub taken: Doorbell,
}

impl Bells {
    pub fn new() -> Result<Bells, nix::errno::Errno> {
        Ok(Bells {
            given: Doorbell::new()?,
            taken: Doorbell::new()?,
        })
    }
}

/// A descriptor that is readable from the first ring on until it is answered.
#[derive(Clone)]
pub(super) struct Doorbell {
    event: Arc<EventFd>,
}

impl Doorbell {
    fn new() -> Result<Doorbell, nix::errno::Errno> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let event = Arc::new(EventFd::from_flags(flags)?);
        Ok(Doorbell { event })
    }

    pub fn ring(&self) {
        // It fails only where 2^64 rings were not answered; it is readable then.
        let _ = self.event.write(1);
    }

    /// What an agent is to wait for, unless there is something to do after all.
    pub fn to_wait_for(&self, mut is_idle: impl FnMut() -> bool) -> Option<Wait> {
        // Nothing to read: nobody rang since.
        let _ = self.event.read();
        // DOORBELL (sleeper, against `publish` and `release`): the second look comes after this.
        fence(Ordering::SeqCst);
        is_idle().then(|| Wait::Readable(self.event.as_raw_fd()))
    }

    /// Waits for a ring. False when `life` is over.
    pub fn wait(&self, life: &OwnedFd) -> bool {
        // DOORBELL: a ring since the last look left the descriptor readable; whoever returns looks again.
        let mut fds = [readable(self.event.as_fd()), readable(life.as_fd())];
        // An interrupted wait only means that the next look comes early.
        let _ = poll(&mut fds, PollTimeout::NONE);
        let is_over = fds[1].any().unwrap_or(false);
        let _ = self.event.read();
        !is_over
    }
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::POLLIN)
}

pub(super) fn corrupt(error: RingCorrupt) -> AgentError {
    AgentError::new(error.to_string())
}

pub(super) fn seat(error: EndError) -> AgentError {
    AgentError::new(error.to_string())
}

impl<T: Item> fmt::Debug for Feed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("given", &self.end.position())
            .finish_non_exhaustive()
    }
}

impl<T: Item> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("taken", &self.end.position())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::stream;
    use super::*;
    use crate::testing::{Chunks, run};

    /// A life that is over when the second is dropped.
    fn life() -> (Arc<OwnedFd>, OwnedFd) {
        let (read, write) = nix::unistd::pipe().unwrap();
        (Arc::new(read), write)
    }

    #[test]
    fn what_is_fed_is_the_stream_though_steps_are_made_again() {
        for seed in 0..20 {
            let (life, _alive) = life();
            let (mut feed, blueprint) = feed::<u32>(4096, life).unwrap();
            feed.extend(&(0..1000).collect::<Vec<_>>()).unwrap();
            feed.push(1000).unwrap();
            drop(feed);
            let outputs = run(blueprint, &[], Chunks::Random(seed), usize::MAX).unwrap();
            assert_eq!(outputs, [stream(0..=1000u32)], "seed {seed}");
        }
    }

    #[test]
    fn a_queue_has_every_item_once_though_steps_are_made_again() {
        for seed in 0..20 {
            let (life, _alive) = life();
            let (queue, blueprint) = queue::<u32>(4096, life).unwrap();
            let inputs = [stream(0..1000u32)];
            run(blueprint, &inputs, Chunks::Random(seed), usize::MAX).unwrap();
            assert!(queue.eq(0..1000), "seed {seed}");
        }
    }

    #[test]
    fn a_successor_of_one_that_had_closed_the_queue_ends_too() {
        let (life, _alive) = life();
        let (queue, mut blueprint) = queue::<u32>(4096, life).unwrap();
        blueprint.agent.attach(State::new(&mut [])).unwrap();
        blueprint.agent.finish(State::new(&mut [])).unwrap();
        run(blueprint, &[vec![]], Chunks::Whole, usize::MAX).unwrap();
        assert_eq!(queue.count(), 0);
    }

    #[test]
    fn a_small_ring_between_two_threads_loses_nothing() {
        const ITEMS: u64 = 50_000;
        let ring = SharedRing::anonymous(&RingSpec::of::<u64>(3)).unwrap();
        let bells = Bells::new().unwrap();
        let (life, _alive) = life();
        let mut feed = Feed::<u64> {
            end: Filling::of(&ring, &bells, life.clone()).unwrap(),
        };
        let queue = Queue::<u64> {
            end: Emptying::of(&ring, &bells, life).unwrap(),
        };
        let feeder = std::thread::spawn(move || {
            for batch in (0..ITEMS).collect::<Vec<_>>().chunks(5) {
                feed.extend(batch).unwrap();
            }
        });
        assert!(queue.eq(0..ITEMS));
        feeder.join().unwrap();
    }

    #[test]
    fn who_waits_for_workers_that_are_gone_waits_no_more() {
        let (life, alive) = life();
        let (mut feed, _unseated) = feed::<u8>(1, life.clone()).unwrap();
        let (mut queue, _unseated) = queue::<u8>(1, life).unwrap();
        drop(alive);
        assert_eq!(queue.next(), None);
        let more_than_fits = vec![0; 1 << 20];
        assert_eq!(feed.extend(&more_than_fits), Err(Over));
    }

    #[test]
    fn an_agent_whose_queue_nobody_reads_is_done() {
        let (life, _alive) = life();
        let (queue, blueprint) = queue::<u32>(4096, life).unwrap();
        drop(queue);
        let inputs = [stream(0..10_000u32)];
        run(blueprint, &inputs, Chunks::Single, usize::MAX).unwrap();
    }
}
