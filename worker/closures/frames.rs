//! Functions of frames: of texts and of pieces of bytes, to such and to items.

use std::marker::PhantomData;

use bytemuck::Pod;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, StateSpec, Status};
use crate::types::{Item, ItemType};

/// What a stream of frames holds, as a function sees it.
pub trait Framed: 'static {
    /// `str`, or `[u8]`.
    type Frame: ?Sized + AsRef<[u8]> + ToOwned;

    /// The item type of such a stream.
    fn item_type() -> ItemType;

    /// A frame as the function sees it.
    ///
    /// # Errors
    /// It is not what such a stream holds.
    fn frame(bytes: &[u8]) -> Result<&Self::Frame, AgentError>;
}

/// Calls `f(state, frame, outputs)` for each frame; the state starts as `init` and survives kills.
///
/// `f` gives what it gives, and says false where there was no room for (all of) it: it is then called
/// with the same frame again, and its state is as it left it.
pub fn frames<K, S, F>(init: S, outputs: Vec<OutPort>, f: F) -> Blueprint
where
    K: Framed,
    S: Pod,
    F: FnMut(&mut S, &K::Frame, &mut [Output]) -> bool + 'static,
{
    let agent = Frames {
        f,
        types: PhantomData::<fn(&mut S, K)>,
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(K::item_type()))
        .state(StateSpec::of(init));
    outputs.into_iter().fold(blueprint, Blueprint::output)
}

struct Frames<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<K, S, F> Agent for Frames<F, fn(&mut S, K)>
where
    K: Framed,
    S: Pod,
    F: FnMut(&mut S, &K::Frame, &mut [Output]) -> bool,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, outputs) = (&mut io.inputs[0], &mut *io.outputs);
        let state = io.state.get::<S>();
        let mut taken = 0;
        for bytes in input.frames() {
            if !(self.f)(state, K::frame(bytes)?, outputs) {
                break;
            }
            taken += 1;
        }
        input.consume(taken);
        Ok(Status::Ready)
    }
}

/// Gives the frame `f(x)` for each item `x`.
pub fn to_frames<T, B, F>(item_type: ItemType, f: F) -> Blueprint
where
    T: Item,
    B: AsRef<[u8]>,
    F: FnMut(T) -> B + 'static,
{
    let agent = ToFrames {
        f,
        types: PhantomData::<fn(T)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::new(item_type, None))
}

struct ToFrames<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<T, B, F> Agent for ToFrames<F, fn(T)>
where
    T: Item,
    B: AsRef<[u8]>,
    F: FnMut(T) -> B,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let items = input.items::<T>().iter();
        let given = items.take_while(|x| output.give((self.f)(**x).as_ref()));
        let taken = given.count();
        input.consume(taken);
        Ok(Status::Ready)
    }
}

/// A source that gives the frames `f(0)`, `f(1)`, .. until it is `None`. It goes on after a kill where it
/// was, as long as `f(n)` depends on `n` alone.
pub fn frames_from<B, F>(item_type: ItemType, f: F) -> Blueprint
where
    B: AsRef<[u8]>,
    F: FnMut(u64) -> Option<B> + 'static,
{
    Blueprint::new(FramesFrom { f }).output(OutPort::new(item_type, None))
}

struct FramesFrom<F> {
    f: F,
}

impl<B, F> Agent for FramesFrom<F>
where
    B: AsRef<[u8]>,
    F: FnMut(u64) -> Option<B>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        while let Some(frame) = (self.f)(output.position()) {
            if !output.give(frame.as_ref()) {
                return Ok(Status::More);
            }
        }
        Ok(Status::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{Text, check, stream};
    use super::*;
    use crate::testing;

    fn text() -> Vec<OutPort> {
        vec![OutPort::new(ItemType::Text, None)]
    }

    #[test]
    fn a_state_counts_each_frame_once_whatever_had_no_room() {
        let words = || (0..500).map(|n| "word ".repeat(n % 7));
        let numbered = |n: &mut u64, x: &str, outputs: &mut [Output]| {
            let given = outputs[0].give_text(&format!("{n} {x}"));
            *n += u64::from(given);
            given
        };
        let expected = words().enumerate().map(|(n, x)| format!("{n} {x}"));
        check(
            || frames::<Text, u64, _>(0, text(), numbered),
            &[testing::frames(words())],
            &[testing::frames(expected)],
        );
    }

    #[test]
    fn items_become_frames_and_frames_items() {
        check(
            || to_frames(ItemType::Text, |x: u32| "ab".repeat(x as usize % 9)),
            &[stream(0..400u32)],
            &[testing::frames((0..400).map(|n| "ab".repeat(n % 9)))],
        );
    }

    #[test]
    fn a_source_gives_the_frames_of_a_function() {
        let frame = |n: u64| (n < 300).then(|| n.to_string());
        check(
            move || frames_from(ItemType::Text, frame),
            &[],
            &[testing::frames((0..300).map(|n| n.to_string()))],
        );
    }
}
