//! `zip` with a text among its inputs: an item of each as a line of JSON.

use crate::agent::{
    Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status, text_of,
};
use crate::op::{Args, InputInfo, Naming, OpError};
use crate::types::ItemType;

use super::json_lines::{Numbers, push_item, push_text};
use super::zip::common_rate;

/// Whether one of the inputs is of texts.
pub(super) fn is_wanted(args: &Args) -> bool {
    args.inputs()
        .iter()
        .any(|input| input.item_type == ItemType::Text)
}

/// `["ab",1]`, or `{"word":"ab","n":1}` where the graph names the inputs.
pub(super) fn build(args: &Args) -> Result<Blueprint, OpError> {
    if let Some(dtype) = args.dtype().filter(|dtype| **dtype != ItemType::Text) {
        let message = format!("`zip` with a text gives lines of JSON, not {dtype}");
        return Err(OpError::param("dtype", message)
            .with_help("`json.field path=\"[0]\" dtype=\"f64\"` makes numbers of them"));
    }
    let inputs = args.inputs();
    let is_named = |input: &InputInfo| matches!(input.naming, Naming::Given { .. });
    let keyed = inputs.iter().all(is_named);
    let columns = inputs.iter().enumerate().map(|(nth, input)| {
        let mut before = match (nth, keyed) {
            (0, true) => b"{".to_vec(),
            (0, false) => b"[".to_vec(),
            _ => b",".to_vec(),
        };
        if keyed {
            push_text(&input.name, &mut before);
            before.push(b':');
        }
        Ok(Column {
            before,
            numbers: numbers(input)?,
        })
    });
    let agent = Lines {
        columns: columns.collect::<Result<_, OpError>>()?,
        end: if keyed { b'}' } else { b']' },
        line: Vec::new(),
    };
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(ItemType::Text, common_rate(args)))
        .ends(Ends::AnyInput);
    Ok(inputs.iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

/// What numbers an input has; `None` where it has texts.
fn numbers(input: &InputInfo) -> Result<Option<Numbers>, OpError> {
    if input.item_type == ItemType::Text {
        return Ok(None);
    }
    match input.item_type.elements() {
        Some((scalar, width)) if !scalar.is_complex() => Ok(Some((scalar, width))),
        _ => Err(OpError::input_type(
            "zip",
            input,
            "real numbers, vectors of them or texts beside a text",
        )),
    }
}

struct Column {
    /// What stands in the line before an item.
    before: Vec<u8>,
    /// `None`: its items are texts.
    numbers: Option<Numbers>,
}

struct Lines {
    columns: Vec<Column>,
    end: u8,
    /// Scratch: a line.
    line: Vec<u8>,
}

impl Agent for Lines {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let rows = io.inputs.iter().map(Input::len).min().unwrap_or(0);
        let mut frames: Vec<_> = io
            .inputs
            .iter()
            .map(|input| input.is_framed().then(|| input.frames()))
            .collect();
        let mut taken = 0;
        while taken < rows {
            self.line.clear();
            let columns = self.columns.iter().zip(io.inputs.iter()).zip(&mut frames);
            for ((column, input), frames) in columns {
                self.line.extend_from_slice(&column.before);
                match (column.numbers, frames) {
                    (Some(numbers), _) => {
                        let len = input.item_len();
                        let item = &input.bytes()[taken * len..][..len];
                        push_item(item, numbers, &mut self.line);
                    }
                    (None, frames) => {
                        let frame = frames.as_mut().and_then(Iterator::next);
                        push_text(text_of(frame.unwrap_or_default())?, &mut self.line);
                    }
                }
            }
            self.line.push(self.end);
            if !io.outputs[0].give(&self.line) {
                break;
            }
            taken += 1;
        }
        io.inputs.iter_mut().for_each(|input| input.consume(taken));
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, text_run, texts};
    use crate::testing::Chunks;

    #[test]
    fn a_text_beside_numbers_is_a_line_of_json() {
        let inputs = || {
            [
                texts(&["a \"b\"", "", "c"]),
                given("f64", &[0.5, f64::NAN, 3.0]),
                given("u8[2]", &[1_u8, 2, 3, 4, 5, 6]),
            ]
        };
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(2)] {
            let lines = text_run("zip", &inputs(), &[], chunks).unwrap();
            let expected = [
                r#"["a \"b\"",0.5,[1,2]]"#,
                r#"["",null,[3,4]]"#,
                r#"["c",3.0,[5,6]]"#,
            ];
            assert_eq!(lines, expected);
        }
        let both = text_run(
            "zip",
            &[texts(&["x", "y"]), texts(&["z"])],
            &[],
            Chunks::Whole,
        );
        assert_eq!(both.unwrap(), [r#"["x","z"]"#]);
    }

    #[test]
    fn what_has_no_json_is_refused() {
        let complex = [texts(&["x"]), given("cf32", &[0_f32, 1.0])];
        let refused = build("zip", &complex, &[], None).unwrap_err();
        assert!(refused.message.contains("`b` is cf32"), "{refused}");
        let inputs = [texts(&["x"]), given("f64", &[0.5])];
        let refused = build("zip", &inputs, &[], Some("f64")).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("dtype"));
    }
}
