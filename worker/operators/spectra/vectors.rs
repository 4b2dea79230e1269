//! Operators that make a vector of each vector by itself, computed in f64.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::InputInfo;
use crate::types::Scalar;
use crate::wide::Wide;

/// An agent that gives what `each` makes of the numbers of a vector, in their place. Both ports are of vectors.
pub(super) fn vectors(
    input: &InputInfo,
    output: OutPort,
    each: impl FnMut(&mut Vec<f64>) + 'static,
) -> Blueprint {
    let elements = [&input.item_type, &output.item_type].map(|item_type| item_type.elements());
    let [takes, gives] = elements.map(|numbers| numbers.expect("both are of vectors").0);
    let agent = Vectors {
        takes,
        gives,
        each,
        numbers: Vec::new(),
    };
    Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(output)
}

struct Vectors<F> {
    takes: Scalar,
    gives: Scalar,
    each: F,
    numbers: Vec<f64>,
}

impl<F: FnMut(&mut Vec<f64>)> Agent for Vectors<F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (from, to) = (input.item_len(), output.item_len());
        let items = input.bytes().chunks_exact(from);
        for (item, slot) in items.zip(output.bytes()[..n * to].chunks_exact_mut(to)) {
            f64::load(self.takes, item, &mut self.numbers);
            (self.each)(&mut self.numbers);
            f64::store(&self.numbers, self.gives, slot);
        }
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}
