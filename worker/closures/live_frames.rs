//! `feed` and `queue` of texts and of pieces of bytes: as `super::live`, in rings of frames.
//!
//! The ring counts bytes and the stream frames, so how far the two have come together is the agent's state, committed
//! with the stream's position: a successor knows by it which frames are out.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use thalweg_ringbuf::{
    Consumer, Frames, Producer, RingCorrupt, RingSpec, SharedRing, frame_len_bytes,
    payload_len_bytes_max, write_frame,
};

use super::Framed;
use super::live::{Bells, NoRing, Over, corrupt, seat};
use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Outside, State, StateSpec, Status,
};

/// A stream of frames that the program feeds while the graph runs, and its agent. The ring holds `len_bytes`, a frame
/// at most half of that. `life` as for [`feed`](super::feed).
///
/// # Errors
/// There is no memory, or no descriptor, for the ring.
pub fn feed_frames<K: Framed>(
    len_bytes: u64,
    life: Arc<OwnedFd>,
) -> Result<(FrameFeed<K>, Blueprint), NoRing> {
    let ring = SharedRing::anonymous(&RingSpec::of::<u8>(len_bytes))?;
    let bells = Bells::new()?;
    let feed = FrameFeed {
        producer: Some(ring.producer()?),
        bells: bells.clone(),
        life,
        kind: PhantomData,
    };
    let agent = Fed {
        ring,
        consumer: None,
        bells,
    };
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(K::item_type(), None))
        .state(StateSpec::of(0u64));
    Ok((feed, blueprint))
}

/// A stream of frames that the program reads while the graph runs, and its agent. The ring holds `len_bytes`, a frame
/// at most half of that; the graph waits for the program when it is full. `life` as for [`feed`](super::feed).
///
/// # Errors
/// There is no memory, or no descriptor, for the ring.
pub fn queue_frames<K: Framed>(
    len_bytes: u64,
    life: Arc<OwnedFd>,
) -> Result<(FrameQueue<K>, Blueprint), NoRing> {
    let ring = SharedRing::anonymous(&RingSpec::of::<u8>(len_bytes))?;
    let bells = Bells::new()?;
    let queue = FrameQueue {
        consumer: Some(ring.consumer(0)?),
        bells: bells.clone(),
        life,
        kind: PhantomData,
    };
    let agent = Queued {
        ring,
        producer: None,
        bells,
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(K::item_type()))
        .state(StateSpec::of(0u64));
    Ok((queue, blueprint))
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFed {
    /// Nobody takes it any more.
    #[error(transparent)]
    Over(#[from] Over),
    /// It is longer than the ring between program and graph ever takes.
    #[error(
        "a frame of {len_bytes} bytes, and the feed takes at most {most}: make its ring twice as long as the longest frame"
    )]
    TooLong {
        /// Its bytes.
        len_bytes: usize,
        /// The most that are taken.
        most: usize,
    },
}

/// The program's end of a fed stream of texts or bytes. Dropping it ends the stream.
pub struct FrameFeed<K: Framed> {
    /// `None` when it is being dropped.
    producer: Option<Producer<u8>>,
    bells: Bells,
    life: Arc<OwnedFd>,
    kind: PhantomData<fn(&K)>,
}

impl<K: Framed> FrameFeed<K> {
    /// Gives one frame to the stream; waits while the ring has no room for it.
    ///
    /// # Errors
    /// The graph runs no more, or the frame is too long for the ring.
    pub fn push(&mut self, frame: impl AsRef<K::Frame>) -> Result<(), NotFed> {
        let payload: &[u8] = frame.as_ref().as_ref();
        let producer = self.producer.as_mut().expect("there until it is dropped");
        check_len(payload.len(), producer.capacity())?;
        loop {
            if !producer.has_readers() {
                return Err(Over.into());
            }
            let given = give(producer, [payload].into_iter(), &self.bells).map_err(|_| Over)?;
            if given.frames == 1 {
                return Ok(());
            }
            if !self.bells.taken.wait(&self.life) {
                return Err(Over.into());
            }
        }
    }

    /// Gives frames to the stream, in their order; waits while the ring has no room for them.
    ///
    /// # Errors
    /// As [`FrameFeed::push`]. Those before the one that is refused have been taken.
    pub fn extend<F: AsRef<K::Frame>>(
        &mut self,
        frames: impl IntoIterator<Item = F>,
    ) -> Result<(), NotFed> {
        frames.into_iter().try_for_each(|frame| self.push(frame))
    }
}

/// A frame of so many bytes fits into a ring of this capacity.
fn check_len(len_bytes: usize, capacity: usize) -> Result<(), NotFed> {
    let most = payload_len_bytes_max(capacity as u64);
    match len_bytes <= most {
        true => Ok(()),
        false => Err(NotFed::TooLong { len_bytes, most }),
    }
}

impl<K: Framed> Drop for FrameFeed<K> {
    fn drop(&mut self) {
        // Closes the ring; the agent may be asleep.
        self.producer = None;
        self.bells.given.ring();
    }
}

/// The program's end of a queue of texts or bytes: an iterator over the stream's frames, which waits for each. It ends
/// with the stream, or when no worker lives any more. Dropping it lets the agent end.
pub struct FrameQueue<K: Framed> {
    /// `None` when it is being dropped.
    consumer: Option<Consumer<u8>>,
    bells: Bells,
    life: Arc<OwnedFd>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Framed> FrameQueue<K> {
    /// The next frame if there is one now.
    pub fn try_next(&mut self) -> Option<<K::Frame as ToOwned>::Owned> {
        let consumer = self.consumer.as_mut()?;
        let payload = Frames::new(consumer.read().ok()?).next()?;
        let frame = K::frame(payload).ok()?.to_owned();
        let len = frame_len_bytes(payload.len())?;
        take(consumer, len, &self.bells).ok()?;
        Some(frame)
    }

    fn is_ended(&mut self) -> bool {
        let consumer = self.consumer.as_mut();
        consumer.is_none_or(|consumer| consumer.is_ended().unwrap_or(true))
    }
}

impl<K: Framed> Iterator for FrameQueue<K> {
    type Item = <K::Frame as ToOwned>::Owned;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(frame) = self.try_next() {
                return Some(frame);
            }
            if self.is_ended() {
                return None;
            }
            if !self.bells.given.wait(&self.life) {
                // What was given before the end is there.
                return self.try_next();
            }
        }
    }
}

impl<K: Framed> Drop for FrameQueue<K> {
    fn drop(&mut self) {
        // Leaves the ring; the agent may be asleep.
        self.consumer = None;
        self.bells.taken.ring();
    }
}

/// State: bytes of the ring whose frames are out.
struct Fed {
    ring: SharedRing,
    /// The agent's end, in the process that runs it.
    consumer: Option<Consumer<u8>>,
    bells: Bells,
}

impl Agent for Fed {
    fn attach(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.consumer = Some(self.ring.consumer(0).map_err(seat)?);
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (output, out) = (&mut io.outputs[0], io.state.get::<u64>());
        let consumer = self.consumer.as_mut().expect("attached before it works");
        let committed = (*out - consumer.position()) as usize;
        take(consumer, committed, &self.bells).map_err(corrupt)?;
        loop {
            let bytes = consumer.read().map_err(corrupt)?;
            if !bytes.is_empty() {
                let mut frames = Frames::new(bytes);
                let mut given = 0;
                while let Some(payload) = frames.next()
                    && output.give(payload)
                {
                    given = bytes.len() - frames.rest().len();
                }
                *out += given as u64;
                return Ok(Status::More);
            }
            if consumer.is_ended().map_err(corrupt)? {
                return Ok(Status::Done);
            }
            let is_idle = || consumer.read().is_ok_and(<[u8]>::is_empty);
            if let Some(wait) = self.bells.given.to_wait_for(is_idle) {
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

/// State: bytes of the ring that hold the frames consumed.
struct Queued {
    ring: SharedRing,
    /// The agent's end, in the process that runs it; `None` when the ring is closed.
    producer: Option<Producer<u8>>,
    bells: Bells,
}

impl Agent for Queued {
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
        let (input, out) = (&mut io.inputs[0], io.state.get::<u64>());
        let Some(producer) = &mut self.producer else {
            // The step before the end is made again: all is out.
            input.consume(input.len());
            return Ok(Status::Ready);
        };
        pass(input, out, producer.position());
        while let Some(first) = input.frame() {
            if !producer.has_readers() {
                return Ok(Status::Done);
            }
            check_len(first.len(), producer.capacity())
                .map_err(|error| AgentError::new(error.to_string().replace("feed", "queue")))?;
            let need = frame_len_bytes(first.len()).unwrap_or(usize::MAX);
            let given = give(producer, input.frames(), &self.bells).map_err(corrupt)?;
            *out += given.len_bytes as u64;
            input.consume(given.frames);
            if given.frames > 0 {
                continue;
            }
            let has_no_room = || {
                producer.has_readers() && producer.reserve(need).is_ok_and(|room| room.len() < need)
            };
            if let Some(wait) = self.bells.taken.to_wait_for(has_no_room) {
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

/// Consumes the frames that a call before, which was thrown away, has put into the ring: `out .. written` of it.
fn pass(input: &mut Input, out: &mut u64, written: u64) {
    let mut passed = 0;
    for payload in input.frames() {
        if *out >= written {
            break;
        }
        *out += frame_len_bytes(payload.len()).unwrap_or(0) as u64;
        passed += 1;
    }
    input.consume(passed);
}

/// What fitted into a ring.
struct Given {
    frames: usize,
    len_bytes: usize,
}

/// Gives as many frames as fit.
fn give<'a>(
    producer: &mut Producer<u8>,
    payloads: impl Iterator<Item = &'a [u8]>,
    bells: &Bells,
) -> Result<Given, RingCorrupt> {
    let capacity = producer.capacity();
    let room = producer.reserve(capacity)?;
    let mut given = Given {
        frames: 0,
        len_bytes: 0,
    };
    for payload in payloads {
        let Some(len) = write_frame(&mut room[given.len_bytes..], payload) else {
            break;
        };
        given.len_bytes += len;
        given.frames += 1;
    }
    if given.frames == 0 {
        return Ok(given);
    }
    producer.commit(given.len_bytes);
    // DOORBELL (producer, against `Doorbell::to_wait_for` and `Doorbell::wait`): published before this look.
    fence(Ordering::SeqCst);
    if producer.reserve(capacity)?.len() + given.len_bytes >= capacity {
        bells.given.ring();
    }
    Ok(given)
}

/// Gives the room of so many bytes back.
fn take(consumer: &mut Consumer<u8>, len_bytes: usize, bells: &Bells) -> Result<(), RingCorrupt> {
    if len_bytes == 0 {
        return Ok(());
    }
    consumer.read_for(len_bytes)?;
    consumer.release(len_bytes);
    // DOORBELL (consumer, against `Doorbell::to_wait_for` and `Doorbell::wait`): released before this look.
    fence(Ordering::SeqCst);
    let capacity = consumer.capacity();
    // Who waits for room waits for at most half of the ring: before this, more than half of it was full.
    if consumer.read_for(capacity)?.len() + len_bytes >= capacity / 2 {
        bells.taken.ring();
    }
    Ok(())
}

impl<K: Framed> fmt::Debug for FrameFeed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.producer.as_ref().map(Producer::position);
        f.debug_struct("FrameFeed")
            .field("given_bytes", &position)
            .finish_non_exhaustive()
    }
}

impl<K: Framed> fmt::Debug for FrameQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.consumer.as_ref().map(Consumer::position);
        f.debug_struct("FrameQueue")
            .field("taken_bytes", &position)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::text_of;
    use crate::testing::{Chunks, frames, run};
    use crate::types::ItemType;

    struct Text;

    impl Framed for Text {
        type Frame = str;

        fn item_type() -> ItemType {
            ItemType::Text
        }

        fn frame(bytes: &[u8]) -> Result<&str, AgentError> {
            text_of(bytes)
        }
    }

    /// A life that is over when the second is dropped.
    fn life() -> (Arc<OwnedFd>, OwnedFd) {
        let (read, write) = nix::unistd::pipe().unwrap();
        (Arc::new(read), write)
    }

    fn words(n: usize) -> Vec<String> {
        (0..n)
            .map(|n| format!("{n}{}", "é".repeat(n % 13)))
            .collect()
    }

    #[test]
    fn texts_that_are_fed_are_the_stream_though_steps_are_made_again() {
        for seed in 0..20 {
            let (life, _alive) = life();
            let (mut feed, blueprint) = feed_frames::<Text>(1 << 16, life).unwrap();
            feed.extend(words(700)).unwrap();
            feed.push("").unwrap();
            drop(feed);
            let outputs = run(blueprint, &[], Chunks::Random(seed), usize::MAX).unwrap();
            let expected = words(700).into_iter().chain([String::new()]);
            assert_eq!(outputs, [frames(expected)], "seed {seed}");
        }
    }

    #[test]
    fn a_queue_has_every_text_once_though_steps_are_made_again() {
        for seed in 0..20 {
            let (life, _alive) = life();
            let (queue, blueprint) = queue_frames::<Text>(1 << 16, life).unwrap();
            let inputs = [frames(words(700))];
            run(blueprint, &inputs, Chunks::Random(seed), usize::MAX).unwrap();
            assert!(queue.eq(words(700)), "seed {seed}");
        }
    }

    #[test]
    fn a_small_ring_of_frames_between_two_threads_loses_nothing() {
        const FRAMES: usize = 20_000;
        let ring = SharedRing::anonymous(&RingSpec::of::<u8>(4096)).unwrap();
        let bells = Bells::new().unwrap();
        let (life, _alive) = life();
        let mut feed = FrameFeed::<Text> {
            producer: Some(ring.producer().unwrap()),
            bells: bells.clone(),
            life: life.clone(),
            kind: PhantomData,
        };
        let queue = FrameQueue::<Text> {
            consumer: Some(ring.consumer(0).unwrap()),
            bells,
            life,
            kind: PhantomData,
        };
        // Some take nearly half of the ring.
        let text = |n: usize| format!("{n} {}", "x".repeat(n * 7919 % 2000));
        let feeder = std::thread::spawn(move || feed.extend((0..FRAMES).map(text)).unwrap());
        assert!(queue.eq((0..FRAMES).map(text)));
        feeder.join().unwrap();
    }

    #[test]
    fn a_frame_that_is_too_long_and_a_graph_that_is_gone_are_told_apart() {
        let (life, alive) = life();
        let (mut feed, _unseated) = feed_frames::<Text>(4096, life).unwrap();
        let long = "x".repeat(4096);
        let refused = feed.push(&long).unwrap_err();
        assert!(matches!(
            refused,
            NotFed::TooLong {
                len_bytes: 4096,
                ..
            }
        ));
        drop(alive);
        let refused = feed
            .extend(std::iter::repeat_n("word", 10_000))
            .unwrap_err();
        assert_eq!(refused, NotFed::Over(Over));
    }

    #[test]
    fn a_frame_that_no_queue_takes_ends_the_run_with_both_lengths() {
        let (life, _alive) = life();
        let (_queue, blueprint) = queue_frames::<Text>(4096, life).unwrap();
        let inputs = [frames(["x".repeat(4096)])];
        let refused = run(blueprint, &inputs, Chunks::Whole, usize::MAX).unwrap_err();
        assert!(
            refused
                .message
                .starts_with("a frame of 4096 bytes, and the queue takes")
        );
    }
}
