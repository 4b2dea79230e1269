//! Runs one agent without a worker, under chunkings of one's choice.
//!
//! The judge of batch-invariance: [`run`] drives an agent over whole input streams while [`Chunks`]
//! decides how much is visible and how much room there is in each call, calls some steps twice as a
//! killed worker's successor would, and gives the bytes of every output.

use thalweg_ringbuf::{Frames, frame_len_bytes, write_frame};

use crate::agent::{AgentError, Blueprint, Ends, Input, Io, Output, State, Status, Wait};
use crate::state::Changes;

/// How a run is cut into calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// All input visible at once, ample room.
    Whole,
    /// One item visible, room for one (or what the ports ask for at least).
    Single,
    /// Sizes, and which calls are thrown away and made again, drawn from this seed.
    Random(u64),
}

/// Runs the agent to its end: `inputs` are the bytes of whole streams, the result those of its outputs.
///
/// A source that never ends is stopped after `most` items of its first output. Sinks give no bytes.
pub fn run(
    blueprint: Blueprint,
    inputs: &[Vec<u8>],
    chunks: Chunks,
    most: usize,
) -> Result<Vec<Vec<u8>>, AgentError> {
    let ended = drive(blueprint, inputs, chunks, most, &[])?;
    Ok(ended.bench.outputs(most))
}

/// As [`run`], of a sink: what there is to be said of it then.
#[cfg(test)]
pub(crate) fn remark(
    blueprint: Blueprint,
    inputs: &[Vec<u8>],
    chunks: Chunks,
) -> Result<Option<String>, AgentError> {
    let words = blueprint.remark;
    let mut ended = drive(blueprint, inputs, chunks, usize::MAX, &[])?;
    Ok(words.and_then(|words| words(ended.state.current.bytes_mut())))
}

/// Dials that are turned together: when so many items of the first input are consumed (of a source: of its output
/// given), to these values. An agent that asks for several items at least is turned as soon as it has come so far.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The item.
    pub at: u64,
    /// A value for every dial.
    pub dials: Vec<f64>,
}

/// As [`run`], with dials turned on the way; gives from which item on each turn held, too.
pub fn run_turned(
    blueprint: Blueprint,
    inputs: &[Vec<u8>],
    chunks: Chunks,
    most: usize,
    turns: &[Turn],
) -> Result<(Vec<Vec<u8>>, Vec<u64>), AgentError> {
    let ended = drive(blueprint, inputs, chunks, most, turns)?;
    Ok((ended.bench.outputs(most), ended.since))
}

/// A run that came to its end.
struct Run {
    bench: Bench,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests ask for it"))]
    state: Copies,
    since: Vec<u64>,
}

fn drive(
    mut blueprint: Blueprint,
    inputs: &[Vec<u8>],
    chunks: Chunks,
    most: usize,
    turns: &[Turn],
) -> Result<Run, AgentError> {
    let mut since = Vec::new();
    let mut state = Copies::of(&blueprint.state.init);
    blueprint.agent.attach(state.spare())?;
    let mut bench = Bench::new(&blueprint, inputs, chunks);
    let mut idle_calls = 0;
    loop {
        while let Some(turn) = turns.get(since.len()).filter(|turn| turn.at <= bench.at()) {
            for (dial, value) in blueprint.dials.iter_mut().zip(&turn.dials) {
                dial.value = *value;
            }
            since.push(bench.at());
        }
        bench.turns_at = turns.get(since.len()).map(|turn| turn.at);
        let redo = bench.random.below(4) == 0 && matches!(chunks, Chunks::Random(_));
        let plan = bench.next_call(&blueprint);
        if redo {
            bench.call(&mut blueprint, &plan, state.spare())?;
        }
        let (status, moved) = bench.call(&mut blueprint, &plan, state.spare())?;
        bench.commit(&blueprint);
        state.commit();
        if bench.is_done(&blueprint, status) || bench.first_output_len() >= most {
            break;
        }
        if let Status::Wait(Wait::Until(moment)) = status {
            std::thread::sleep(moment.saturating_duration_since(std::time::Instant::now()));
        }
        idle_calls = if moved { 0 } else { idle_calls + 1 };
        assert!(
            idle_calls < 1000,
            "the agent makes no progress and is not done"
        );
    }
    blueprint.agent.finish(state.spare())?;
    Ok(Run {
        bench,
        state,
        since,
    })
}

/// The two copies of a state, as a worker keeps them.
struct Copies {
    current: Words,
    spare: Words,
    changes: Changes,
}

impl Copies {
    fn of(init: &[u8]) -> Copies {
        Copies {
            current: Words::of(init),
            spare: Words::zeroed(init.len()),
            changes: Changes::anywhere(init.len()),
        }
    }

    fn spare(&mut self) -> State<'_> {
        let spare = self.spare.bytes_mut();
        self.changes.bring_up(self.current.bytes_mut(), spare);
        State::noted(spare, &mut self.changes)
    }

    fn commit(&mut self) {
        std::mem::swap(&mut self.current, &mut self.spare);
    }
}

/// Numbers drawn one after the other from a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// The bytes of a stream of these frames, as [`run`] takes and gives them.
///
/// # Panics
/// When one is longer than a `u32` counts.
pub fn frames<F: AsRef<[u8]>>(payloads: impl IntoIterator<Item = F>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for payload in payloads {
        let payload = payload.as_ref();
        let at = bytes.len();
        bytes.resize(at + frame_len_bytes(payload.len()).expect("a frame"), 0);
        write_frame(&mut bytes[at..], payload);
    }
    bytes
}

/// The payloads of a stream of frames as text.
///
/// # Panics
/// When one is not UTF-8.
pub fn texts(stream: &[u8]) -> Vec<&str> {
    let frames = Frames::new(stream);
    frames
        .map(|f| std::str::from_utf8(f).expect("UTF-8"))
        .collect()
}

/// Bytes aligned as the segment aligns state and items.
#[derive(Default)]
struct Words {
    words: Vec<u128>,
    len_bytes: usize,
}

impl Words {
    fn of(bytes: &[u8]) -> Words {
        let mut words = Words::zeroed(bytes.len());
        words.bytes_mut().copy_from_slice(bytes);
        words
    }

    fn zeroed(len_bytes: usize) -> Words {
        Words {
            words: vec![0; len_bytes.div_ceil(16)],
            len_bytes,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len_bytes]
    }
}

/// The streams around the agent and the place of each.
struct Bench {
    chunks: Chunks,
    random: Random,
    inputs: Vec<InSide>,
    outputs: Vec<OutSide>,
    /// No call goes beyond this item.
    turns_at: Option<u64>,
}

struct InSide {
    bytes: Words,
    /// Where each frame begins, and where the last ends, if items are frames.
    starts: Option<Vec<usize>>,
    items: usize,
    item_len: usize,
    /// It holds the tags of another.
    beside: bool,
    read: usize,
    retained: usize,
    retain: usize,
    consumed: usize,
    kept: Option<usize>,
}

struct OutSide {
    bytes: Vec<u8>,
    framed: bool,
    /// Items given.
    given: u64,
    item_len: usize,
    room: Words,
    /// Bytes that the frame refused last takes.
    wanted: usize,
    produced: usize,
    produced_bytes: usize,
}

/// What a stream of frames holds on the bench.
const FRAMES_CAPACITY: u64 = 1 << 20;

/// What one call is shown: visible items per input, room per output.
struct Call {
    visible: Vec<usize>,
    room: Vec<usize>,
}

impl Bench {
    fn new(blueprint: &Blueprint, inputs: &[Vec<u8>], chunks: Chunks) -> Bench {
        assert_eq!(inputs.len(), blueprint.inputs.len(), "streams and inputs");
        let inputs = blueprint.inputs.iter().zip(inputs).map(|(port, bytes)| {
            let item_len = port.item_type.len_bytes();
            let starts = port.item_type.is_framed().then(|| starts(bytes));
            InSide {
                bytes: Words::of(bytes),
                items: starts
                    .as_ref()
                    .map_or(bytes.len() / item_len, |s| s.len() - 1),
                starts,
                item_len,
                beside: port.beside,
                read: 0,
                retained: 0,
                retain: port.retain,
                consumed: 0,
                kept: None,
            }
        });
        let outputs = blueprint.outputs.iter().map(|port| OutSide {
            bytes: Vec::new(),
            framed: port.item_type.is_framed(),
            given: 0,
            item_len: port.item_type.len_bytes(),
            room: Words::default(),
            wanted: 0,
            produced: 0,
            produced_bytes: 0,
        });
        Bench {
            chunks,
            random: Random::new(match chunks {
                Chunks::Random(seed) => seed,
                _ => 0,
            }),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            turns_at: None,
        }
    }

    /// The item the agent is at: of its first input, or of a source's first output.
    fn at(&self) -> u64 {
        let output = || self.first_output_len() as u64;
        self.inputs
            .first()
            .map_or_else(output, |side| side.read as u64)
    }

    fn size(&mut self, at_least: usize) -> usize {
        match self.chunks {
            Chunks::Whole => usize::MAX,
            Chunks::Single => at_least,
            Chunks::Random(_) => match self.random.below(8) {
                0 => 0,
                1 => at_least,
                2 => at_least + self.random.below(4096) as usize,
                _ => at_least + self.random.below(40) as usize,
            },
        }
    }

    /// How many of `left` tags are visible: all at visible items always are, as a worker has it, or so many that
    /// a step takes no more. The latter is for agents of one input, as it is rare.
    fn tags(&mut self, left: usize) -> usize {
        let one_input = self.inputs.iter().filter(|side| !side.beside).count() == 1;
        match self.chunks {
            Chunks::Random(_) if one_input && left > 0 => {
                left.min(1 + self.random.below(6) as usize)
            }
            _ => left,
        }
    }

    fn next_call(&mut self, blueprint: &Blueprint) -> Call {
        let until_turn = self.turns_at.map_or(u64::MAX, |turn| turn - self.at()) as usize;
        let is_source = self.inputs.is_empty();
        let visible: Vec<usize> = (0..self.inputs.len())
            .map(|i| {
                let left = self.inputs[i].items - self.inputs[i].read;
                match self.inputs[i].beside {
                    true => self.tags(left),
                    false => self.size(blueprint.inputs[i].at_least).min(left),
                }
            })
            .enumerate()
            .map(|(i, visible)| match (i, blueprint.inputs[i].at_least) {
                (0, ..=1) => visible.min(until_turn),
                _ => visible,
            })
            .collect();
        let room = (0..self.outputs.len())
            .map(|o| {
                let at_least = blueprint.outputs[o].at_least;
                // Ample is half a mebibyte, or what the port asks for.
                let ample = (1 << 19) / self.outputs[o].item_len;
                match self.outputs[o].framed {
                    // At least what did not fit, in bytes.
                    true => self.size(8).min(ample).max(self.outputs[o].wanted) & !7,
                    false => self.size(at_least).min(ample.max(at_least)),
                }
            })
            .map(|room| {
                if is_source {
                    room.min(until_turn)
                } else {
                    room
                }
            })
            .collect();
        Call { visible, room }
    }

    /// Calls `work` once; nothing moves until [`Bench::commit`].
    fn call(
        &mut self,
        blueprint: &mut Blueprint,
        call: &Call,
        state: State<'_>,
    ) -> Result<(Status, bool), AgentError> {
        let mut inputs: Vec<Input> = Vec::new();
        for (side, &visible) in self.inputs.iter_mut().zip(&call.visible) {
            let past = side.retained;
            let ended = side.read + visible == side.items;
            // SAFETY: `read + visible <= items` and `past <= read`; frames begin at `starts`; the buffer
            // outlives the call and is aligned to 16; nothing writes it.
            inputs.push(unsafe {
                let (first, item_len) = (side.bytes.bytes_mut().as_ptr(), side.item_len);
                match &side.starts {
                    Some(starts) => {
                        let (from, to) = (starts[side.read], starts[side.read + visible]);
                        let position = side.read as u64;
                        Input::of_frames(first.add(from), to - from, visible, position, ended)
                            .whole(ended)
                    }
                    None => {
                        let unread = first.add(side.read * item_len);
                        Input::new(unread, visible, past, side.read as u64, item_len, ended)
                    }
                }
            });
        }
        let mut outputs: Vec<Output> = Vec::new();
        for (side, &room) in self.outputs.iter_mut().zip(&call.room) {
            side.room = Words::zeroed(room * side.item_len);
            side.room.bytes_mut().fill(0xA5);
            // SAFETY: the buffer is `room` items long, aligned to 16, owned here, alive over the call.
            outputs.push(unsafe {
                let first = side.room.bytes_mut().as_mut_ptr();
                match side.framed {
                    true => Output::of_frames(first, room, usize::MAX, side.given, FRAMES_CAPACITY),
                    false => Output::new(first, room, side.given, side.item_len),
                }
            });
        }
        let dials: Vec<f64> = blueprint.dials.iter().map(|dial| dial.value).collect();
        let mut io = Io {
            inputs: &mut inputs,
            outputs: &mut outputs,
            state,
            dials: &dials,
            draining: false,
        };
        let status = blueprint.agent.work(&mut io)?;
        for (side, input) in self.inputs.iter_mut().zip(&inputs) {
            side.consumed = input.consumed();
            side.kept = input.kept();
        }
        for (side, output) in self.outputs.iter_mut().zip(&outputs) {
            if let Some(len) = output.too_long() {
                return Err(AgentError::new(format!(
                    "a frame of {len} bytes is too long"
                )));
            }
            side.produced = output.produced();
            // As a worker has it: kept until something was given.
            if output.wanted_bytes() > 0 || output.produced() > 0 {
                side.wanted = output.wanted_bytes();
            }
            let bytes = output.produced_bytes();
            side.produced_bytes = bytes.unwrap_or(output.produced() * side.item_len);
        }
        let moved =
            inputs.iter().any(|i| i.consumed() > 0) || outputs.iter().any(|o| o.produced() > 0);
        Ok((status, moved))
    }

    fn commit(&mut self, blueprint: &Blueprint) {
        debug_assert_eq!(blueprint.inputs.len(), self.inputs.len());
        for side in &mut self.inputs {
            let reachable = side.retained + side.consumed;
            side.read += side.consumed;
            side.retained = side.kept.unwrap_or(side.retain).min(reachable);
        }
        for side in &mut self.outputs {
            let produced = &side.room.bytes_mut()[..side.produced_bytes];
            side.bytes.extend_from_slice(produced);
            side.given += side.produced as u64;
        }
    }

    fn is_done(&self, blueprint: &Blueprint, status: Status) -> bool {
        let exhausted = |side: &InSide| side.read == side.items || side.beside;
        match status {
            Status::Done => true,
            Status::More | Status::Wait(_) => false,
            Status::Ready if self.inputs.is_empty() => false,
            Status::Ready => match blueprint.ends {
                Ends::AllInputs => self.inputs.iter().all(exhausted),
                Ends::AnyInput => {
                    let mut own = self.inputs.iter().filter(|side| !side.beside);
                    own.any(exhausted)
                }
            },
        }
    }

    fn first_output_len(&self) -> usize {
        self.outputs.first().map_or(0, |o| o.given as usize)
    }

    fn outputs(self, most: usize) -> Vec<Vec<u8>> {
        self.outputs
            .into_iter()
            .map(|mut side| {
                let len_bytes = match side.framed {
                    true => starts(&side.bytes).get(most).copied(),
                    false => Some(most.saturating_mul(side.item_len)),
                };
                side.bytes.truncate(len_bytes.unwrap_or(usize::MAX));
                side.bytes
            })
            .collect()
    }
}

/// Where each frame of a stream begins, and where the last ends.
fn starts(stream: &[u8]) -> Vec<usize> {
    let mut frames = Frames::new(stream);
    let mut starts = vec![0];
    while frames.next().is_some() {
        starts.push(stream.len() - frames.rest().len());
    }
    assert!(frames.rest().is_empty(), "a stream of whole frames");
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Args, InputInfo};
    use crate::operators;
    use crate::types::ItemType;

    #[test]
    fn a_copy_is_the_same_under_every_chunking() {
        let bytes: Vec<u8> =
            bytemuck::cast_slice(&(0..5000).map(f64::from).collect::<Vec<_>>()).to_vec();
        for chunks in [
            Chunks::Whole,
            Chunks::Single,
            Chunks::Random(1),
            Chunks::Random(2),
        ] {
            let input = InputInfo {
                naming: Default::default(),
                name: "x".to_owned(),
                item_type: ItemType::F64,
                rate: None,
                unit: None,
            };
            let op = operators::find("copy").unwrap();
            let args = Args::new(op, vec![input], None, &[], ".".as_ref()).unwrap();
            let blueprint = (op.build)(&args).unwrap();
            let outputs = run(blueprint, std::slice::from_ref(&bytes), chunks, usize::MAX).unwrap();
            assert_eq!(outputs, vec![bytes.clone()], "{chunks:?}");
        }
    }
}
