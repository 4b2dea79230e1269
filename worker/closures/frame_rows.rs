//! Frames in rows: beside items and windows a row has texts and pieces of bytes, and frames are made of rows.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::frames::Framed;
use super::rows::{Column, Rows};
use crate::agent::{
    Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, StateSpec, Status,
};
use crate::types::ItemType;

/// The frames of a stream, each a row's argument.
pub struct EachFrame<K> {
    frames: PhantomData<fn() -> K>,
}

impl<K> EachFrame<K> {
    /// Every frame is a row's argument.
    #[expect(
        clippy::new_without_default,
        reason = "columns are made, not defaulted"
    )]
    pub fn new() -> EachFrame<K> {
        EachFrame {
            frames: PhantomData,
        }
    }
}

impl<K: Framed> Column for EachFrame<K> {
    type Arg<'a> = &'a K::Frame;
    type View<'a> = Vec<&'a K::Frame>;

    fn port(&self) -> InPort {
        InPort::new(K::item_type())
    }

    fn done(&self, position: u64) -> u64 {
        position
    }

    fn end(&self, row: u64) -> u64 {
        row.saturating_add(1)
    }

    /// # Panics
    /// A frame is not what such a stream holds: others have written into it.
    fn view<'a>(&self, input: &'a Input, first: u64, count: usize) -> Vec<&'a K::Frame> {
        let skipped = (first - input.position()) as usize;
        let frames = input.frames().skip(skipped).take(count);
        let whole = |bytes| K::frame(bytes).unwrap_or_else(|damage| panic!("{damage}"));
        frames.map(whole).collect()
    }

    fn at<'a>(view: &Self::View<'a>, n: usize) -> &'a K::Frame {
        view[n]
    }
}

/// Gives the frame `f(state, row)` for each row; the state starts as `init` and survives kills. Ends with the shortest
/// stream. Where there is no room for a frame, its row comes again, to the state it met before.
pub fn frames_of_rows<R, S, B, F>(rows: R, init: S, item_type: ItemType, f: F) -> Blueprint
where
    R: Rows,
    S: Pod,
    B: AsRef<[u8]> + 'static,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> B + 'static,
{
    let agent = FramesOfRows {
        rows,
        f,
        types: PhantomData::<fn(&mut S) -> B>,
    };
    let ports = agent.rows.ports();
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(item_type, None))
        .state(StateSpec::of(init))
        .ends(Ends::AnyInput);
    ports.into_iter().fold(blueprint, Blueprint::input)
}

struct FramesOfRows<R, F, Types> {
    rows: R,
    f: F,
    types: PhantomData<Types>,
}

impl<R, S, B, F> Agent for FramesOfRows<R, F, fn(&mut S) -> B>
where
    R: Rows,
    S: Pod,
    B: AsRef<[u8]> + 'static,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> B,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let first = self.rows.first(io.inputs);
        let ready = usize::try_from(self.rows.ready(io.inputs, first)).unwrap_or(usize::MAX);
        let view = self.rows.view(io.inputs, first, ready);
        let state = io.state.get::<S>();
        let mut taken = 0;
        while taken < ready {
            let mut next = *state;
            let frame = (self.f)(&mut next, R::at(&view, taken));
            if !io.outputs[0].give(frame.as_ref()) {
                break;
            }
            *state = next;
            taken += 1;
        }
        drop(view);
        self.rows.consume(io.inputs, first + taken as u64);
        Ok(Status::Ready)
    }
}

/// Gives each frame `x` on the port `port(x)` of the ports `0 .. ports`. Another number ends the run with an error that
/// names the frame, after all that came before it is out.
pub fn route_frames<K, F>(ports: usize, port: F) -> Blueprint
where
    K: Framed,
    F: FnMut(&K::Frame) -> usize + 'static,
{
    let agent = RouteFrames {
        f: port,
        types: PhantomData::<fn(K)>,
    };
    let outputs = (0..ports).map(|n| OutPort::named(n.to_string(), K::item_type(), None));
    let blueprint = Blueprint::new(agent).input(InPort::new(K::item_type()));
    outputs.fold(blueprint, Blueprint::output)
}

struct RouteFrames<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<K, F> Agent for RouteFrames<F, fn(K)>
where
    K: Framed,
    F: FnMut(&K::Frame) -> usize,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, ports) = (&mut io.inputs[0], io.outputs.len());
        let (mut taken, mut refused) = (0, None);
        for bytes in input.frames() {
            let port = (self.f)(K::frame(bytes)?);
            let Some(output) = io.outputs.get_mut(port) else {
                refused = Some(port);
                break;
            };
            if !output.give(bytes) {
                break;
            }
            taken += 1;
        }
        let at = input.position();
        input.consume(taken);
        match refused {
            Some(port) if taken == 0 => Err(AgentError::new(format!(
                "at item {at}: it is to go to port {port}, and there are {ports}, counted from 0"
            ))),
            Some(_) => Ok(Status::More),
            None => Ok(Status::Ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_row::{give_rows, map_rows};
    use super::super::judge::{Text, check, stream};
    use super::super::rows::{Each, Windows};
    use super::*;
    use crate::testing;

    fn words() -> impl Iterator<Item = String> {
        (0..600).map(|n| format!("{n} {}", "word ".repeat(n % 7)))
    }

    #[test]
    fn texts_stand_in_rows_beside_items_and_windows() {
        let rows = || {
            let windows = Windows::<u32>::new(3, 1).unwrap();
            (EachFrame::<Text>::new(), Each::<u32>::new(), windows)
        };
        let lens = words().enumerate().take(498);
        check(
            || {
                map_rows(
                    rows(),
                    0u64,
                    |sum: &mut u64, (word, n, w): (&str, u32, &[u32])| {
                        *sum += word.len() as u64;
                        *sum * 1000 + u64::from(n + w[2])
                    },
                )
            },
            &[
                testing::frames(words()),
                stream(0..500u32),
                stream(0..500u32),
            ],
            &[stream(lens.scan(0, |sum, (n, word)| {
                *sum += word.len() as u64;
                Some(*sum * 1000 + 2 * n as u64 + 2)
            }))],
        );
        let kept = words()
            .filter(|word| word.ends_with(' '))
            .map(|word| word.len() as u64);
        check(
            || {
                give_rows(EachFrame::<Text>::new(), (), |(): &mut (), word: &str| {
                    (word.ends_with(' ').then_some(word.len() as u64),)
                })
            },
            &[testing::frames(words())],
            &[stream(kept)],
        );
    }

    #[test]
    fn rows_become_texts_each_once_whatever_had_no_room() {
        let expected = words().zip(0..400).enumerate();
        check(
            || {
                let rows = (EachFrame::<Text>::new(), Each::<i32>::new());
                frames_of_rows(
                    rows,
                    0u64,
                    ItemType::Text,
                    |n: &mut u64, (word, x): (&str, i32)| {
                        *n += 1;
                        format!("{} {word} {x}", *n - 1)
                    },
                )
            },
            &[testing::frames(words()), stream(0..400)],
            &[testing::frames(
                expected.map(|(n, (word, x))| format!("{n} {word} {x}")),
            )],
        );
    }

    #[test]
    fn each_frame_goes_to_its_port() {
        let part = |k: usize| testing::frames(words().filter(move |word| word.len() % 3 == k));
        check(
            || route_frames::<Text, _>(3, |word: &str| word.len() % 3),
            &[testing::frames(words())],
            &[part(0), part(1), part(2)],
        );
    }
}
