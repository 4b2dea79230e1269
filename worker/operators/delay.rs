//! `delay`: initial items first, then the input; what makes a cycle of streams possible.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, pass_on};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, Value};
use crate::types::ItemType;

use super::constant::item_bytes;

/// The row of the table.
pub const DELAY: OpDef = OpDef {
    name: "delay",
    summary: "gives initial items first, then its input: a shift by `items`",
    doc: "The first `items` items are the initial ones, given without waiting for any input; after them \
          comes the whole input, so the output is longer by `items`. A cycle of streams must pass through \
          one, and `dtype` says what the cycle carries where nothing else does. The initial items of a stream of texts are texts, empty \
          ones without `initial`. \
          A cycle through `merge` needs no initial items (`items=0`); one that all feeds have left and that holds no item any \
          more ends. So does any that all its readers have left, and at a stop one that nothing feeds.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[
        ParamDef {
            name: "items",
            kind: ParamKind::Length,
            default: Some("1"),
            unit: "items",
            doc: "How far to shift; 0 changes nothing, and in a cycle needs a `merge` there.",
        },
        ParamDef {
            name: "initial",
            kind: ParamKind::Items,
            default: Some("0"),
            unit: "",
            doc: "A number or a text: what every element of the initial items is. A list: for a stream of numbers or texts the initial items, \
                  `items` of them; for a stream of vectors one item, which comes `items` times.",
        },
    ],
    example: "counter items=10 ! delay items=2 initial=[-2, -1] ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    if let Some(dtype) = args.dtype().filter(|dtype| **dtype != input.item_type) {
        return Err(OpError::param(
            "dtype",
            format!(
                "`delay` gives its input's items, which are {}, not {dtype}",
                input.item_type
            ),
        )
        .with_help("convert with `map expr=\"x\"` and a `dtype`"));
    }
    let items = args.required_length("items", 0)?;
    let initial = args.value("initial").cloned().unwrap_or(Value::Int(0));
    let blueprint = match input.item_type.is_framed() {
        true => Blueprint::new(DelayedFrames {
            initial: initial_texts(&initial, items)?,
            items,
        }),
        false => Blueprint::new(Delay {
            items,
            initial: initial_bytes(&initial, items, &input.item_type)?,
        }),
    };
    Ok(blueprint
        .weight(1)
        .input(InPort::new(input.item_type.clone()))
        .output(
            OutPort::new(input.item_type.clone(), input.rate)
                .keeps_unit()
                .ahead(items),
        ))
}

/// One item for all, or the items one after the other.
fn initial_bytes(initial: &Value, items: u64, item_type: &ItemType) -> Result<Vec<u8>, OpError> {
    match initial {
        Value::Int(0) => Ok(vec![0; item_type.len_bytes()]),
        Value::List(list) if item_type.scalar().is_some() => {
            if list.len() as u64 != items {
                return Err(OpError::param(
                    "initial",
                    format!(
                        "`initial` is a list of {}, and `items` is {items}",
                        list.len()
                    ),
                ));
            }
            let each = list
                .iter()
                .map(|value| item_bytes("initial", value, item_type));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        }
        Value::Text(text) => match Value::spelled(text) {
            Some(number) => item_bytes("initial", &number, item_type),
            None => Err(OpError::param(
                "initial",
                format!("`initial` is the text {text:?}, and the stream is of {item_type}"),
            )),
        },
        number => item_bytes("initial", number, item_type),
    }
}

/// One text for all, or the texts one after the other.
fn initial_texts(initial: &Value, items: u64) -> Result<Vec<String>, OpError> {
    let refused = |message: String| Err(OpError::param("initial", message));
    let texts = match initial {
        Value::Int(0) => vec![String::new()],
        Value::Text(text) => vec![text.clone()],
        Value::List(list) if list.len() as u64 == items => {
            let text = |value: &Value| match value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            };
            list.iter().map_while(text).collect()
        }
        Value::List(list) => {
            let found = list.len();
            return refused(format!(
                "`initial` is a list of {found}, and `items` is {items}"
            ));
        }
        _ => Vec::new(),
    };
    let wanted = match initial {
        Value::List(list) => list.len(),
        _ => 1,
    };
    match texts.len() == wanted {
        true => Ok(texts),
        false => refused(format!(
            "`initial` is {}, and the stream is of texts",
            initial.describe()
        )),
    }
}

struct DelayedFrames {
    items: u64,
    /// One for all, or one for each.
    initial: Vec<String>,
}

impl Agent for DelayedFrames {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        while output.position() < self.items {
            let which = output.position() as usize % self.initial.len();
            if !output.give_text(&self.initial[which]) {
                return Ok(Status::More);
            }
        }
        pass_on(input, output, usize::MAX);
        Ok(Status::Ready)
    }
}

struct Delay {
    items: u64,
    initial: Vec<u8>,
}

impl Delay {
    /// Writes initial items from position `first` on into the room.
    fn fill(&self, first: u64, room: &mut [u8], item_len: usize) {
        let start = first as usize * item_len % self.initial.len();
        let endless = self.initial[start..]
            .iter()
            .chain(self.initial.iter().cycle());
        for (slot, byte) in room.iter_mut().zip(endless) {
            *slot = *byte;
        }
    }
}

impl Agent for Delay {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = input.item_len();
        let missing = self.items.saturating_sub(output.position());
        if missing > 0 {
            let n = missing.min(output.space() as u64) as usize;
            let first = output.position();
            self.fill(first, &mut output.bytes()[..n * len], len);
            output.produce(n);
            if n as u64 != missing {
                return Ok(Status::More);
            }
        }
        pass_on(input, output, usize::MAX);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::trial::{build, given, output, text_output, texts};

    #[test]
    fn initial_items_come_first_and_the_whole_input_after_them() {
        let cases = [
            (vec![("items", Value::Int(2))], vec![0, 0, 7, 8]),
            (vec![], vec![0, 7, 8]),
            (vec![("items", Value::Int(0))], vec![7, 8]),
            (vec![("initial", Value::Int(5))], vec![5, 7, 8]),
            (
                vec![
                    ("items", Value::Int(3)),
                    ("initial", vec![1_i64, 2, 3].into()),
                ],
                vec![1, 2, 3, 7, 8],
            ),
        ];
        for (params, expected) in cases {
            let delayed: Vec<i16> = output("delay", &[given("i16", &[7_i16, 8])], &params, None);
            assert_eq!(delayed, expected);
        }
        let vectors = [given("f32[2]", &[1_f32, 2.0])];
        let delayed: Vec<f32> = output("delay", &vectors, &[("initial", 9.into())], None);
        assert_eq!(delayed, [9.0, 9.0, 1.0, 2.0]);
    }

    #[test]
    fn the_initial_items_need_no_input() {
        let none: [f64; 0] = [];
        let delayed: Vec<f64> = output(
            "delay",
            &[given("f64", &none)],
            &[("items", 3.into())],
            None,
        );
        assert_eq!(delayed, [0.0; 3]);
    }

    #[test]
    fn texts_come_after_texts() {
        let delayed = |params: &[(&str, Value)]| text_output("delay", &["x", "yy"], params);
        assert_eq!(delayed(&[]), ["", "x", "yy"]);
        let two = ("items", Value::Int(2));
        let same = ("initial", Value::from("-"));
        assert_eq!(delayed(&[two.clone(), same]), ["-", "-", "x", "yy"]);
        let both = ("initial", Value::from(["a", "b"]));
        assert_eq!(delayed(&[two, both.clone()]), ["a", "b", "x", "yy"]);
        for initial in [both, ("initial", 3.into()), ("initial", [1].into())] {
            let refused = build("delay", &[texts(&["x"])], &[initial], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("initial"), "{refused}");
        }
        let text = [("initial", "a".into())];
        let refused = build("delay", &[given("f64", &[1.0])], &text, None).unwrap_err();
        assert!(refused.message.contains("is of f64"), "{refused}");
    }

    #[test]
    fn initial_items_that_do_not_fit_are_refused() {
        let cases = [
            (vec![("initial", vec![1_i64, 2].into())], None, "initial"),
            (vec![("initial", Value::Float(0.5))], None, "initial"),
            (vec![], Some("f64"), "dtype"),
        ];
        for (params, dtype, param) in cases {
            let refused = build("delay", &[given("i16", &[0_i16])], &params, dtype).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
    }
}
