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
    /// Of each input: its retained items and those of a call.
    items: Vec<Vec<Page>>,
    /// Of each output.
    rooms: Vec<Vec<Page>>,
    state: Vec<Page>,
    dials: Vec<f64>,
    read: Vec<u64>,
    written: Vec<u64>,
    /// What a call sees, laid out anew for each as a worker does it.
    inputs: Vec<Input>,
    outputs: Vec<Output>,
}

/// Memory begins at a page, as a ring's does.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(4096))]
struct Page([u8; 4096]);

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
                naming: Default::default(),
                name: name.to_owned(),
                item_type: type_of(item_type)?,
                rate: Some(48000.0),
                unit: None,
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
        let (inputs, outputs) = (&blueprint.inputs, &blueprint.outputs);
        let pages = |len_bytes: usize| vec![Page::zeroed(); len_bytes.div_ceil(4096)];
        let items = inputs.iter().map(|port| {
            let mut memory = pages((port.retain + ITEMS) * port.item_type.len_bytes());
            fill_with_numbers(bytemuck::cast_slice_mut(&mut memory));
            memory
        });
        let rooms = outputs.iter();
        let rooms = rooms.map(|port| pages(ITEMS * port.item_type.len_bytes()));
        let mut state = pages(blueprint.state.init.len());
        bytemuck::cast_slice_mut(&mut state)[..blueprint.state.init.len()]
            .copy_from_slice(&blueprint.state.init);
        Caller {
            items: items.collect(),
            rooms: rooms.collect(),
            state,
            dials: blueprint.dials.iter().map(|dial| dial.value).collect(),
            read: vec![0; inputs.len()],
            written: vec![0; outputs.len()],
            inputs: inputs.iter().map(|_| Input::nothing()).collect(),
            outputs: outputs.iter().map(|_| Output::nothing()).collect(),
            blueprint,
        }
    }

    /// Calls the agent once; gives the items that moved: consumed, or of a source produced.
    ///
    /// # Errors
    /// The agent's own.
    pub fn call(&mut self) -> Result<u64, AgentError> {
        self.lay_out();
        let state_len = self.blueprint.state.init.len();
        let mut io = Io {
            inputs: &mut self.inputs,
            outputs: &mut self.outputs,
            state: State::new(&mut bytemuck::cast_slice_mut(&mut self.state)[..state_len]),
            dials: &self.dials,
            draining: false,
        };
        self.blueprint.agent.work(&mut io)?;
        for (position, input) in self.read.iter_mut().zip(&self.inputs) {
            *position += input.consumed() as u64;
        }
        for (position, output) in self.written.iter_mut().zip(&self.outputs) {
            *position += output.produced() as u64;
        }
        let moved = self.inputs.first().map(Input::consumed);
        let moved = moved.or(self.outputs.first().map(Output::produced));
        Ok(moved.unwrap_or(0) as u64)
    }

    fn lay_out(&mut self) {
        let inputs = self.inputs.iter_mut().zip(&self.blueprint.inputs);
        for ((input, port), (memory, &position)) in inputs.zip(self.items.iter().zip(&self.read)) {
            let len = port.item_type.len_bytes();
            let first = memory.as_ptr().cast::<u8>();
            let past = port.retain.min(position as usize);
            // SAFETY: `retain + ITEMS` items lie in the memory, so `retain` items on there are `ITEMS` more, with
            // `past` before them; nothing writes them during the call, after which nobody looks at the input.
            unsafe {
                let unread = first.add(port.retain * len);
                input.lay_out(unread, ITEMS, past, position, len, false);
            }
        }
        let outputs = self.outputs.iter_mut().zip(&self.blueprint.outputs);
        for ((output, port), (memory, &position)) in
            outputs.zip(self.rooms.iter_mut().zip(&self.written))
        {
            let len = port.item_type.len_bytes();
            // SAFETY: room for `ITEMS` items that only this call touches; nobody writes there after it.
            unsafe { output.lay_out(memory.as_mut_ptr().cast(), ITEMS, position, len) };
        }
    }
}

/// Makes words whose f64, f32 and complex readings lie between -1 and 1.
fn fill_with_numbers(words: &mut [u64]) {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    for word in words {
        *word = u64::from(next().to_bits()) << 32 | u64::from(next().to_bits());
    }
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
