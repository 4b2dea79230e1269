//! `feed` and `queue` of texts and of pieces of bytes: as `super::live`, in rings of frames.
//!
//! The ring counts bytes and the stream frames, so how far the two have come together is the agent's state, committed
//! with the stream's position: a successor knows by it which frames are out.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use thalweg_ringbuf::{
    Consumer, Frames, Producer, RingCorrupt, RingSpec, SharedRing, frame_len_bytes,
    payload_len_bytes_max, write_frame,
};

use super::Framed;
use super::live::{Bells, Emptying, Filling, NoRing, Over, corrupt, publish, release, seat};
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
    let end = Filling::of(&ring, &bells, life)?;
    let feed = FrameFeed {
        end,
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
    let end = Emptying::of(&ring, &bells, life)?;
    let queue = FrameQueue {
        end,
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
    end: Filling<u8>,
    kind: PhantomData<fn(&K)>,
}

impl<K: Framed> FrameFeed<K> {
    /// Gives one frame to the stream; waits while the ring has no room for it.
    ///
    /// # Errors
    /// The graph runs no more, or the frame is too long for the ring.
    pub fn push(&mut self, frame: impl AsRef<K::Frame>) -> Result<(), NotFed> {
        let payload: &[u8] = frame.as_ref().as_ref();
        check_len(payload.len(), self.end.capacity())?;
        loop {
            let given = self.end.give(|producer, bells| {
                let given = give(producer, [payload].into_iter(), bells)?;
                Ok((given.frames > 0).then_some(()))
            })?;
            if given.is_some() {
                return Ok(());
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

/// The program's end of a queue of texts or bytes: an iterator over the stream's frames, which waits for each. It ends
/// with the stream, or when no worker lives any more. Dropping it lets the agent end.
pub struct FrameQueue<K: Framed> {
    end: Emptying<u8>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Framed> FrameQueue<K> {
    /// The next frame if there is one now.
    pub fn try_next(&mut self) -> Option<<K::Frame as ToOwned>::Owned> {
        self.end.try_next(first::<K>)
    }
}

impl<K: Framed> Iterator for FrameQueue<K> {
    type Item = <K::Frame as ToOwned>::Owned;

    fn next(&mut self) -> Option<Self::Item> {
        self.end.next(first::<K>)
    }
}

/// Takes the first frame of the ring, if there is one.
fn first<K: Framed>(
    consumer: &mut Consumer<u8>,
    bells: &Bells,
) -> Option<<K::Frame as ToOwned>::Owned> {
    let payload = Frames::new(consumer.read().ok()?).next()?;
    let frame = K::frame(payload).ok()?.to_owned();
    let len = frame_len_bytes(payload.len())?;
    take(consumer, len, bells).ok()?;
    Some(frame)
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
    publish(producer, given.len_bytes, bells)?;
    Ok(given)
}

/// Gives the room of so many bytes back. Who waits for room waits for at most half of the ring: more than half of it was full.
fn take(consumer: &mut Consumer<u8>, len_bytes: usize, bells: &Bells) -> Result<(), RingCorrupt> {
    release(consumer, len_bytes, consumer.capacity() / 2, bells)
}

impl<K: Framed> fmt::Debug for FrameFeed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameFeed")
            .field("given_bytes", &self.end.position())
            .finish_non_exhaustive()
    }
}

impl<K: Framed> fmt::Debug for FrameQueue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameQueue")
            .field("taken_bytes", &self.end.position())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::Text;
    use super::*;
    use crate::testing::{Chunks, frames, run};

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
            end: Filling::of(&ring, &bells, life.clone()).unwrap(),
            kind: PhantomData,
        };
        let queue = FrameQueue::<Text> {
            end: Emptying::of(&ring, &bells, life).unwrap(),
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
