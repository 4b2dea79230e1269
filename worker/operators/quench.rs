//! `quench`: after an event, silence for a while.

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, StateSpec, Status,
};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const QUENCH: OpDef = OpDef {
    name: "quench",
    summary: "after an event, none for a while (refractory time)",
    doc: "Of events, vectors of f64 whose first number is a time (as `threshold`, `peaks`, `zero_crossings` and `cusum` give them), it passes those whose time is at least `hold` \
after that of the last one passed. Of numbers, one for each item, it passes an item that is not 0 and then gives 0 for the next `hold` items, whatever they are. \
The type is kept.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[ParamDef {
        name: "hold",
        kind: ParamKind::Float,
        default: None,
        unit: "the events' time, or items",
        doc: "How long, at least 0: in the unit of the events' times (seconds, or items), or a whole number of items.",
    }],
    example: "sine freq=5 rate=1000 items=4000 ! peaks ! quench hold=0.5 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let hold = args.float("hold").unwrap_or(f64::NAN);
    if hold < 0.0 {
        let message = format!("`hold` is {hold}, and must be at least 0");
        return Err(OpError::param("hold", message));
    }
    let blueprint = match input.item_type {
        ItemType::Vector(Scalar::F64, _) => Blueprint::new(OfEvents { hold }),
        ItemType::Scalar(_) if hold.fract() != 0.0 => {
            let message = format!("`hold` is {hold}, and must be a whole number of items");
            return Err(OpError::param("hold", message));
        }
        ItemType::Scalar(_) => Blueprint::new(OfItems { hold: hold as u64 }),
        _ => {
            let wanted = "events (vectors of f64) or numbers";
            return Err(OpError::input_type("quench", input, wanted));
        }
    };
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit())
        .state(StateSpec::of([0u64; 2])))
}

/// State: 1 after an event was passed, and its time's bits.
struct OfEvents {
    hold: f64,
}

impl Agent for OfEvents {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let [has, last] = io.state.get::<[u64; 2]>();
        while !input.is_empty() && !output.is_full() {
            let time = input.elements::<f64>()[0];
            if *has == 0 || time - f64::from_bits(*last) >= self.hold {
                (*has, *last) = (1, time.to_bits());
                pass(input, output);
            }
            input.consume(1);
        }
        Ok(Status::Ready)
    }
}

/// Gives the first unread item.
fn pass(input: &Input, output: &mut Output) {
    let len = input.item_len();
    output.bytes()[..len].copy_from_slice(&input.bytes()[..len]);
    output.produce(1);
}

/// State: 1 after an item was passed, and its position.
struct OfItems {
    hold: u64,
}

impl Agent for OfItems {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let [has, last] = io.state.get::<[u64; 2]>();
        let count = input.len().min(output.space());
        let (first, len) = (input.position(), input.item_len());
        let items = input.bytes().chunks_exact(len);
        let room = output.bytes().chunks_exact_mut(len);
        for (position, (item, slot)) in (first..).zip(items.zip(room)).take(count) {
            let is_quiet = *has == 1 && position - *last <= self.hold;
            if is_quiet || is_zero(item) {
                slot.fill(0);
            } else {
                (*has, *last) = (1, position);
                slot.copy_from_slice(item);
            }
        }
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
    }
}

/// True for the bytes of 0; -0 is not it.
fn is_zero(item: &[u8]) -> bool {
    item.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn events_too_soon_after_one_that_passed_are_left_out() {
        let x = [[0.0, 1.0], [0.9, 2.0], [1.0, 3.0], [1.5, 4.0], [2.5, 5.0]];
        let y: Vec<[f64; 2]> = output(
            "quench",
            &[given("f64[2]", &x)],
            &[("hold", 1.into())],
            None,
        );
        assert_eq!(y, [[0.0, 1.0], [1.0, 3.0], [2.5, 5.0]]);
    }

    #[test]
    fn numbers_are_silent_after_one_that_passed() {
        let x = [0u8, 1, 1, 1, 0, 1, 1, 0, 0, 0, 1];
        let y: Vec<u8> = output("quench", &[given("u8", &x)], &[("hold", 2.into())], None);
        assert_eq!(y, [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (item_type, hold, expected) in [
            ("u8", 1.5, "hold"),
            ("f64[2]", -1.0, "hold"),
            ("text", 1.0, "in"),
        ] {
            let error = build(
                "quench",
                &[given::<u8>(item_type, &[])],
                &[("hold", hold.into())],
                None,
            );
            assert_eq!(error.unwrap_err().param.as_deref(), Some(expected));
        }
    }
}
