//! Operators that make one number of each, with a state for each element: smoothers and detectors.

use bytemuck::Pod;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, OpError};
use crate::types::Scalar;

use super::stretches::Stretches;

/// What such an operator gives.
pub(crate) const OUTPUTS: &str = "one stream of f64 (f32 for f32) of the input's shape";

/// An agent whose items are `step(position, state, x)`, element by element, each with a state of its own that is `init`
/// at first. Real numbers or vectors of them; computed in f64.
pub(crate) fn blueprint<S: Pod>(
    args: &Args,
    init: S,
    step: impl Fn(u64, &mut S, f64) -> f64 + 'static,
) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        let wanted = "real numbers or vectors of them";
        return Err(OpError::input_type(args.op().name, input, wanted));
    };
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let agent = Each {
        step,
        width,
        takes: scalar,
        gives,
        stretches: Stretches::default(),
        _state: std::marker::PhantomData::<S>,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.with_scalar(gives), input.rate))
        .state(StateSpec::slice(&vec![init; width])))
}

struct Each<S, F> {
    step: F,
    width: usize,
    takes: Scalar,
    gives: Scalar,
    stretches: Stretches,
    _state: std::marker::PhantomData<S>,
}

impl<S: Pod, F: Fn(u64, &mut S, f64) -> f64> Agent for Each<S, F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let states = io.state.slice::<S>();
        let Each {
            step,
            width,
            stretches,
            ..
        } = self;
        stretches.run(
            input,
            output,
            (self.takes, self.gives),
            |view, from, to, numbers| {
                numbers.clear();
                numbers.extend_from_slice(view.range(from, to));
                for (n, item) in (from..).zip(numbers.chunks_exact_mut(*width)) {
                    for (number, state) in item.iter_mut().zip(&mut *states) {
                        *number = step(n, state, *number);
                    }
                }
            },
        );
        Ok(Status::Ready)
    }
}
