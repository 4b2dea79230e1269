//! `blocks`, `flatten`: numbers to vectors of so many, and back.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The row of `blocks`.
pub const BLOCKS: OpDef = OpDef {
    name: "blocks",
    summary: "each `size` numbers become one vector",
    doc: "The n-th vector is the numbers `n * size .. (n + 1) * size`: NumPy's `reshape(-1, size)`, GNU Radio's `stream_to_vector`. A last block \
that is not full is dropped. `flatten` is the way back.",
    inputs: Arity::One,
    outputs: "one stream of vectors of `size`, of rate / size",
    params: &[ParamDef {
        name: "size",
        kind: ParamKind::Length,
        default: None,
        unit: "items",
        doc: "Numbers in a vector, at most 65536.",
    }],
    example: "counter items=1000 ! blocks size=4 ! null",
    deterministic: true,
    build: build_blocks,
};

/// The row of `flatten`.
pub const FLATTEN: OpDef = OpDef {
    name: "flatten",
    summary: "the elements of vectors, one after the other",
    doc: "Gives element 0 of a vector, element 1 and so on, then those of the next: NumPy's `ravel`, GNU Radio's `vector_to_stream`. `blocks` is \
the way back.",
    inputs: Arity::One,
    outputs: "one stream of numbers, of rate times the vectors' length",
    params: &[],
    example: "const value=[1, 2, 3] items=1000 ! flatten ! null",
    deterministic: true,
    build: build_flatten,
};

fn build_blocks(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let ItemType::Scalar(scalar) = input.item_type else {
        return Err(OpError::input_type("blocks", input, "numbers one by one"));
    };
    let size = args.required_length("size", 1)?;
    let Some(width) = u32::try_from(size).ok().filter(|width| *width <= 65_536) else {
        let words = format!("`size` is {size}, and must be at most 65536");
        return Err(OpError::param("size", words));
    };
    let rate = input.rate.map(|rate| rate / size as f64);
    let agent = Recut {
        takes: size as usize,
        gives: 1,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).at_least(size as usize))
        .output(OutPort::new(ItemType::Vector(scalar, width), rate)))
}

fn build_flatten(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let ItemType::Vector(scalar, width) = input.item_type else {
        return Err(OpError::input_type("flatten", input, "vectors"));
    };
    let rate = input.rate.map(|rate| rate * f64::from(width));
    let agent = Recut {
        takes: 1,
        gives: width as usize,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(ItemType::Scalar(scalar), rate).at_least(width as usize)))
}

/// The same bytes, counted otherwise: `takes` items are `gives` items.
struct Recut {
    takes: usize,
    gives: usize,
}

impl Agent for Recut {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = (input.len() / self.takes).min(output.space() / self.gives);
        let len_bytes = n * self.takes * input.item_len();
        output.bytes()[..len_bytes].copy_from_slice(&input.bytes()[..len_bytes]);
        input.consume(n * self.takes);
        output.produce(n * self.gives);
        if input.is_ended() && input.len() < self.takes {
            // What is left will never be a block.
            input.consume(input.len());
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn blocks_are_full_and_flattened_are_what_they_were() {
        let x: Vec<i16> = (0..11).collect();
        let size = [("size", Value::Int(4))];
        let blocks: Vec<[i16; 4]> = output("blocks", &[given("i16", &x)], &size, None);
        assert_eq!(blocks, [[0, 1, 2, 3], [4, 5, 6, 7]]);
        let flat: Vec<i16> = output("flatten", &[given("i16[4]", &blocks)], &[], None);
        assert_eq!(flat, x[..8]);
    }

    #[test]
    fn rates_and_types_follow_the_numbers() {
        let x = given::<f32>("f32", &[]).rate(100.0);
        let blocks = build("blocks", &[x], &[("size", "0.5 s".into())], None).unwrap();
        let port = &blocks.outputs[0];
        assert_eq!(
            (port.item_type.to_string().as_str(), port.rate),
            ("f32[50]", Some(2.0))
        );
        let x = given::<f32>("f32[50]", &[]).rate(2.0);
        let flat = build("flatten", &[x], &[], None).unwrap();
        let port = &flat.outputs[0];
        assert_eq!(
            (port.item_type.to_string().as_str(), port.rate),
            ("f32", Some(100.0))
        );
    }

    #[test]
    fn what_is_no_number_or_no_vector_is_refused() {
        let size = [("size", Value::Int(4))];
        assert!(build("blocks", &[given::<f64>("f64[2]", &[])], &size, None).is_err());
        assert!(build("flatten", &[given::<f64>("f64", &[])], &[], None).is_err());
        let long = [("size", Value::Int(65_537))];
        assert!(build("blocks", &[given::<f64>("f64", &[])], &long, None).is_err());
    }
}
