//! Runs one agent without a worker, under chunkings of one's choice.
//!
//! The judge of batch-invariance: [`run`] drives an agent over whole input streams while [`Chunks`]
//! decides how much is visible and how much room there is in each call, calls some steps twice as a
//! killed worker's successor would, and gives the bytes of every output.

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
    mut blueprint: Blueprint,
    inputs: &[Vec<u8>],
    chunks: Chunks,
    most: usize,
) -> Result<Vec<Vec<u8>>, AgentError> {
    let mut state = Copies::of(&blueprint.state.init);
    blueprint.agent.attach(state.spare())?;
    let mut bench = Bench::new(&blueprint, inputs, chunks);
    let mut idle_calls = 0;
    loop {
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
    Ok(bench.outputs(most))
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
}

struct InSide {
    bytes: Words,
    items: usize,
    item_len: usize,
    read: usize,
    retained: usize,
    retain: usize,
    consumed: usize,
    kept: Option<usize>,
}

struct OutSide {
    bytes: Vec<u8>,
    item_len: usize,
    room: Words,
    produced: usize,
}

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
            InSide {
                bytes: Words::of(bytes),
                items: bytes.len() / item_len,
                item_len,
                read: 0,
                retained: 0,
                retain: port.retain,
                consumed: 0,
                kept: None,
            }
        });
        let outputs = blueprint.outputs.iter().map(|port| OutSide {
            bytes: Vec::new(),
            item_len: port.item_type.len_bytes(),
            room: Words::default(),
            produced: 0,
        });
        Bench {
            chunks,
            random: Random::new(match chunks {
                Chunks::Random(seed) => seed,
                _ => 0,
            }),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        }
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

    fn next_call(&mut self, blueprint: &Blueprint) -> Call {
        let visible = (0..self.inputs.len())
            .map(|i| {
                let left = self.inputs[i].items - self.inputs[i].read;
                self.size(blueprint.inputs[i].at_least).min(left)
            })
            .collect();
        let room = (0..self.outputs.len())
            .map(|o| {
                let at_least = blueprint.outputs[o].at_least;
                // Ample is half a mebibyte, or what the port asks for.
                let ample = (1 << 19) / self.outputs[o].item_len;
                self.size(at_least).min(ample.max(at_least))
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
            // SAFETY: `read + visible <= items` and `past <= read`; the buffer outlives the call and
            // is aligned to 16; nothing writes it.
            inputs.push(unsafe {
                let unread = side
                    .bytes
                    .bytes_mut()
                    .as_ptr()
                    .add(side.read * side.item_len);
                Input::new(
                    unread,
                    visible,
                    past,
                    side.read as u64,
                    side.item_len,
                    ended,
                )
            });
        }
        let mut outputs: Vec<Output> = Vec::new();
        for (side, &room) in self.outputs.iter_mut().zip(&call.room) {
            side.room = Words::zeroed(room * side.item_len);
            side.room.bytes_mut().fill(0xA5);
            let position = (side.bytes.len() / side.item_len) as u64;
            // SAFETY: the buffer is `room` items long, aligned to 16, owned here, alive over the call.
            outputs.push(unsafe {
                let first = side.room.bytes_mut().as_mut_ptr();
                Output::new(first, room, position, side.item_len)
            });
        }
        let mut io = Io {
            inputs: &mut inputs,
            outputs: &mut outputs,
            state,
            draining: false,
        };
        let status = blueprint.agent.work(&mut io)?;
        for (side, input) in self.inputs.iter_mut().zip(&inputs) {
            side.consumed = input.consumed();
            side.kept = input.kept();
        }
        for (side, output) in self.outputs.iter_mut().zip(&outputs) {
            side.produced = output.produced();
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
            let len_bytes = side.produced * side.item_len;
            side.bytes
                .extend_from_slice(&side.room.bytes_mut()[..len_bytes]);
        }
    }

    fn is_done(&self, blueprint: &Blueprint, status: Status) -> bool {
        let exhausted = |side: &InSide| side.read == side.items;
        match status {
            Status::Done => true,
            Status::More | Status::Wait(_) => false,
            Status::Ready if self.inputs.is_empty() => false,
            Status::Ready => match blueprint.ends {
                Ends::AllInputs => self.inputs.iter().all(exhausted),
                Ends::AnyInput => self.inputs.iter().any(exhausted),
            },
        }
    }

    fn first_output_len(&self) -> usize {
        self.outputs
            .first()
            .map_or(0, |o| o.bytes.len() / o.item_len)
    }

    fn outputs(self, most: usize) -> Vec<Vec<u8>> {
        self.outputs
            .into_iter()
            .map(|mut side| {
                side.bytes.truncate(most.saturating_mul(side.item_len));
                side.bytes
            })
            .collect()
    }
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
                name: "x".to_owned(),
                item_type: ItemType::F64,
                rate: None,
            };
            let op = operators::find("copy").unwrap();
            let args = Args::new(op, vec![input], None, &[], ".".as_ref()).unwrap();
            let blueprint = (op.build)(&args).unwrap();
            let outputs = run(blueprint, std::slice::from_ref(&bytes), chunks, usize::MAX).unwrap();
            assert_eq!(outputs, vec![bytes.clone()], "{chunks:?}");
        }
    }
}
