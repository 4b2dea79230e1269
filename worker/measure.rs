//! Calling an operator again and again without streams around it, to take its time.
//!
//! Inputs and outputs lie in memory of the first two cache levels; positions go on as in a stream. The bench
//! `operators` and the command `thalweg bench` both measure with this.

use bytemuck::{Pod, Zeroable};

use crate::agent::{AgentError, Blueprint, Input, Io, Output};
use crate::op::{Args, InputInfo, OpDef, OpError, Value};
use crate::state::State;

/// Items a call sees and has room for.
pub const ITEMS: usize = 4096;

/// An agent with memory for its ports.
pub struct Caller {
    blueprint: Blueprint,
    inputs: Vec<Vec<u64>>,
    outputs: Vec<Vec<u64>>,
    state: Vec<Line>,
    read: Vec<u64>,
    written: Vec<u64>,
}

/// States are aligned to this.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Caller {
    /// An agent of this operator, its inputs of these types and at 48 kHz: noise between -1 and 1.
    ///
    /// # Errors
    /// Types or parameters that the operator does not take.
    pub fn new(
        op: &'static OpDef,
        inputs: &[&str],
        params: &[(&str, Value)],
        dtype: Option<&str>,
    ) -> Result<Caller, OpError> {
        let type_of = |name: &str| {
            name.parse()
                .map_err(|_| OpError::op(format!("no type `{name}`")))
        };
        let names = if inputs.len() == 1 {
            ["x", ""]
        } else {
            ["a", "b"]
        };
        let infos = inputs.iter().zip(names).map(|(item_type, name)| {
            Ok(InputInfo {
                name: name.to_owned(),
                item_type: type_of(item_type)?,
                rate: Some(48000.0),
            })
        });
        let infos = infos.collect::<Result<Vec<_>, OpError>>()?;
        let params: Vec<_> = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let dtype = dtype.map(type_of).transpose()?;
        let args = Args::new(op, infos, dtype, &params, ".".as_ref())?;
        Ok(Caller::of((op.build)(&args)?))
    }

    fn of(blueprint: Blueprint) -> Caller {
        let words = |items: usize, len_bytes: usize| (items * len_bytes).div_ceil(8);
        let inputs = blueprint.inputs.iter();
        let inputs: Vec<_> = inputs
            .map(|p| numbers(words(p.retain + ITEMS, p.item_type.len_bytes())))
            .collect();
        let outputs = blueprint.outputs.iter();
        let outputs: Vec<_> = outputs
            .map(|p| vec![0; words(ITEMS, p.item_type.len_bytes())])
            .collect();
        let mut state = vec![Line::zeroed(); blueprint.state.init.len().div_ceil(64)];
        bytemuck::cast_slice_mut(&mut state)[..blueprint.state.init.len()]
            .copy_from_slice(&blueprint.state.init);
        Caller {
            read: vec![0; inputs.len()],
            written: vec![0; outputs.len()],
            inputs,
            outputs,
            state,
            blueprint,
        }
    }

    /// Calls the agent once; gives the items that moved: consumed, or of a source produced.
    ///
    /// # Errors
    /// The agent's own.
    pub fn call(&mut self) -> Result<u64, AgentError> {
        let inputs = self.inputs.iter().zip(&self.blueprint.inputs);
        let inputs = inputs.zip(&self.read).map(|((words, port), &position)| {
            let len = port.item_type.len_bytes();
            let unread = words.as_ptr().cast::<u8>();
            let past = port.retain.min(position as usize);
            // SAFETY: `retain + ITEMS` items lie in the words, aligned to 8, so `retain` items on there are
            // `ITEMS` more, with `past` before them; nothing writes them during the call.
            unsafe {
                Input::new(
                    unread.add(port.retain * len),
                    ITEMS,
                    past,
                    position,
                    len,
                    false,
                )
            }
        });
        let mut inputs: Vec<Input> = inputs.collect();
        let outputs = self.outputs.iter_mut().zip(&self.blueprint.outputs);
        let outputs = outputs
            .zip(&self.written)
            .map(|((words, port), &position)| {
                let len = port.item_type.len_bytes();
                // SAFETY: room for `ITEMS` items, aligned to 8, that only this call touches.
                unsafe { Output::new(words.as_mut_ptr().cast(), ITEMS, position, len) }
            });
        let mut outputs: Vec<Output> = outputs.collect();
        let dials: Vec<f64> = self.blueprint.dials.iter().map(|d| d.value).collect();
        let state_len = self.blueprint.state.init.len();
        let mut io = Io {
            inputs: &mut inputs,
            outputs: &mut outputs,
            state: State::new(&mut bytemuck::cast_slice_mut(&mut self.state)[..state_len]),
            dials: &dials,
            draining: false,
        };
        self.blueprint.agent.work(&mut io)?;
        for (position, input) in self.read.iter_mut().zip(&inputs) {
            *position += input.consumed() as u64;
        }
        for (position, output) in self.written.iter_mut().zip(&outputs) {
            *position += output.produced() as u64;
        }
        let moved = inputs.first().map(Input::consumed);
        let moved = moved.or(outputs.first().map(Output::produced));
        Ok(moved.unwrap_or(0) as u64)
    }
}

/// Words whose f64, f32 and complex readings lie between -1 and 1.
fn numbers(len: usize) -> Vec<u64> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let words = (0..len).map(|_| u64::from(next().to_bits()) << 32 | u64::from(next().to_bits()));
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators;

    #[test]
    fn a_call_moves_items_and_positions() {
        let moved = |op: &str, inputs: &[&str], params: &[(&str, Value)]| {
            let op = operators::find(op).unwrap();
            let mut caller = Caller::new(op, inputs, params, None).unwrap();
            let moved = [caller.call().unwrap(), caller.call().unwrap()];
            (moved, caller.read, caller.written)
        };
        let items = ITEMS as u64;
        assert_eq!(
            moved("counter", &[], &[]),
            ([items; 2], vec![], vec![2 * items])
        );
        let thinned = moved("decimate", &["f64"], &[("factor", 4.into())]);
        assert_eq!(thinned, ([items; 2], vec![2 * items], vec![items / 2]));
        let (filtered, read, _) = moved("fir", &["f64"], &[("taps", vec![0.5; 8].into())]);
        assert_eq!((filtered, read), ([items; 2], vec![2 * items]));
    }
}
