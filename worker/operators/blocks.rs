//! `blocks`, `flatten`: numbers to vectors of so many, and back.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The row of `blocks`.
pub const BLOCKS: OpDef = OpDef {
    name: "blocks",
    summary: "windows as vectors: `size` numbers, every `step`",
    doc: "The n-th vector is the numbers `n * step .. n * step + size`. Without `step` they follow each other: NumPy's `reshape(-1, size)`, GNU \
Radio's `stream_to_vector`, and `flatten` is the way back. With a smaller `step` they overlap, as NumPy's `sliding_window_view(x, size)[::step]`; with a \
larger one numbers are left out. A last block that is not full is dropped. What follows works on windows: `blocks size=8 step=4 ! map \
expr=\"max(x) - min(x)\"`, `filter expr=\"mean(x) > 3\"`, `scan`; functions of a window that `window` has cost less there.",
    inputs: Arity::One,
    outputs: "one stream of vectors of `size`, of rate / step",
    params: &[
        ParamDef {
            name: "size",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "Numbers in a vector, at most 65536.",
        },
        ParamDef {
            name: "step",
            kind: ParamKind::Length,
            default: Some(""),
            unit: "items",
            doc: "Numbers from one vector's beginning to the next one's. Default: `size`.",
        },
    ],
    example: "counter items=1000 ! blocks size=8 step=4 ! map expr=\"max(x) - min(x)\" ! null",
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
    let step = args.length("step", 1)?.unwrap_or(size);
    let rate = input.rate.map(|rate| rate / step as f64);
    let size = size as usize;
    let blueprint = match step == size as u64 {
        true => Blueprint::new(Recut {
            takes: size,
            gives: 1,
        }),
        false => Blueprint::new(Windows { size, step }),
    };
    Ok(blueprint
        .input(InPort::new(input.item_type.clone()).at_least(size))
        .output(OutPort::new(ItemType::Vector(scalar, width), rate).keeps_unit()))
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
        .output(
            OutPort::new(ItemType::Scalar(scalar), rate)
                .keeps_unit()
                .at_least(width as usize),
        ))
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

/// Vectors that overlap or leave numbers out. Vector n begins with number `n * step`: between calls that is the next
/// unread one, or one that is still to come.
struct Windows {
    size: usize,
    step: u64,
}

impl Agent for Windows {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = input.item_len();
        loop {
            let begin = output.position() * self.step;
            let ahead = begin.saturating_sub(input.position());
            input.consume(ahead.min(input.len() as u64) as usize);
            if input.len() < self.size || output.is_full() {
                break;
            }
            let vector = &input.bytes()[..self.size * len];
            output.bytes()[..vector.len()].copy_from_slice(vector);
            output.produce(1);
        }
        if input.is_ended() && input.len() < self.size {
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
    fn blocks_overlap_or_leave_numbers_out() {
        let x: Vec<f32> = (0..7).map(|n| n as f32).collect();
        let blocks = |size: i64, step: i64| -> Vec<[f32; 3]> {
            let params = [("size", Value::Int(size)), ("step", Value::Int(step))];
            output("blocks", &[given("f32", &x)], &params, None)
        };
        assert_eq!(blocks(3, 2), [[0., 1., 2.], [2., 3., 4.], [4., 5., 6.]]);
        assert_eq!(blocks(3, 3), [[0., 1., 2.], [3., 4., 5.]]);
        assert_eq!(blocks(3, 4), [[0., 1., 2.], [4., 5., 6.]]);
        assert_eq!(blocks(3, 9), [[0., 1., 2.]]);
        assert_eq!(blocks(3, 1).len(), 5);
        let params = [("size", Value::Int(3)), ("step", Value::Int(0))];
        let refused = build("blocks", &[given("f32", &x)], &params, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("step"));
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
        let x = given::<f32>("f32", &[]).rate(100.0);
        let params = [("size", "0.5 s".into()), ("step", "0.1 s".into())];
        let overlapping = build("blocks", &[x], &params, None).unwrap();
        assert_eq!(overlapping.outputs[0].rate, Some(10.0));
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
