//! `text.format`: text made of an item of each input.

use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Status};
use crate::connectors::push_number;
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind, nearest};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const TEXT_FORMAT: OpDef = OpDef {
    name: "text.format",
    summary: "text made of an item of each input",
    doc: "For each item (of several inputs: for one of each) the text `format`, in which `{x}` is the \
          item of the input of that name (`x` for one input, `a b c ..` or the names of `in` for several). A number \
          is the shortest decimal that reads back as the same value; `{x:.3}` has three places after the \
          point, `{x:8}` is at least eight wide (numbers to the right, texts to the left), `{x:8.3}` both. `{{` and \
          `}}` are braces. The shortest input ends it.",
    inputs: Arity::AtLeast(1),
    outputs: "one stream of text, of the first input's rate",
    params: &[ParamDef {
        name: "format",
        kind: ParamKind::Text,
        default: None,
        unit: "",
        doc: "The text, with the inputs' names in braces.",
    }],
    example: "sine freq=1 rate=8 items=8 ! text.format format=\"at {x:6.3} V\" ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let format = args.text("format").unwrap_or_default();
    let mut agent = Format {
        parts: parts(format, args.inputs())?,
        text: Vec::new(),
    };
    agent
        .parts
        .retain(|part| *part != Part::Words(String::new()));
    let output = OutPort::new(ItemType::Text, args.input().rate);
    let blueprint = Blueprint::new(agent).output(output).ends(Ends::AnyInput);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

/// A piece of the format.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Words(String),
    Item {
        input: usize,
        /// `None`: text.
        scalar: Option<Scalar>,
        width: usize,
        places: Option<usize>,
    },
}

/// Wider numbers would be of no use, and make texts that fit no stream.
const WIDTH_MAX: usize = 1000;

fn parts(format: &str, inputs: &[InputInfo]) -> Result<Vec<Part>, OpError> {
    let refused = |why: String| OpError::param("format", format!("`format` is {format:?}: {why}"));
    let mut parts = Vec::new();
    let mut words = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        words.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        rest = match after.strip_prefix(brace) {
            Some(after) => {
                words.push_str(brace);
                after
            }
            None if brace == "}" => {
                return Err(refused("a `}` closes nothing".to_owned())
                    .with_help("a brace itself is written twice: }}"));
            }
            None => {
                let (item, after) = after
                    .split_once('}')
                    .ok_or_else(|| refused("a `{` is never closed".to_owned()))?;
                parts.push(Part::Words(std::mem::take(&mut words)));
                parts.push(item_part(item, inputs, &refused)?);
                after
            }
        };
    }
    words.push_str(rest);
    parts.push(Part::Words(words));
    Ok(parts)
}

fn item_part(
    item: &str,
    inputs: &[InputInfo],
    refused: &dyn Fn(String) -> OpError,
) -> Result<Part, OpError> {
    let (name, shape) = item.split_once(':').unwrap_or((item, ""));
    let input = match (name, inputs) {
        ("", [_]) => Some(0),
        _ => inputs.iter().position(|input| input.name == name),
    };
    let Some(input) = input else {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let help = nearest(name, &names).map_or_else(
            || format!("the inputs are {}", names.join(", ")),
            |near| format!("did you mean {{{near}}}?"),
        );
        return Err(refused(format!("there is no input `{name}`")).with_help(help));
    };
    let scalar = match &inputs[input].item_type {
        ItemType::Text => None,
        ItemType::Scalar(scalar) if !scalar.is_complex() => Some(*scalar),
        other => {
            return Err(OpError::param(
                "in",
                format!(
                    "`text.format` takes numbers and text, and {} is {other}",
                    inputs[input].called()
                ),
            ));
        }
    };
    let (width, places) = match shape.split_once('.') {
        Some((width, places)) => (width, Some(places)),
        None => (shape, None),
    };
    let number = |digits: &str| digits.parse::<usize>().ok().filter(|n| *n <= WIDTH_MAX);
    let bad = || {
        refused(format!("`{shape}` is no width and places"))
            .with_help("such as {x:8.3}: at least 8 wide, 3 places after the point")
    };
    let width = match width {
        "" => 0,
        digits => number(digits).ok_or_else(bad)?,
    };
    let places = match places {
        None => None,
        Some(digits) => Some(number(digits).ok_or_else(bad)?),
    };
    if places.is_some() && !scalar.is_some_and(Scalar::is_float) {
        let item_type = &inputs[input].item_type;
        return Err(refused(format!(
            "`{name}` is {item_type}, which has no places after the point"
        )));
    }
    Ok(Part::Item {
        input,
        scalar,
        width,
        places,
    })
}

struct Format {
    parts: Vec<Part>,
    text: Vec<u8>,
}

impl Agent for Format {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let rows = io.inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        let mut frames: Vec<_> = io
            .inputs
            .iter()
            .map(|input| input.is_framed().then(|| input.frames()))
            .collect();
        let mut texts: Vec<&[u8]> = vec![&[]; io.inputs.len()];
        let mut taken = 0;
        for row in 0..rows {
            for (text, frames) in texts.iter_mut().zip(&mut frames) {
                if let Some(frames) = frames {
                    *text = frames.next().unwrap_or_default();
                }
            }
            self.text.clear();
            for part in &self.parts {
                part.push(io.inputs, row, &texts, &mut self.text);
            }
            if !io.outputs[0].give(&self.text) {
                break;
            }
            taken += 1;
        }
        io.inputs.iter_mut().for_each(|input| input.consume(taken));
        Ok(Status::Ready)
    }
}

impl Part {
    fn push(&self, inputs: &[Input], row: usize, texts: &[&[u8]], text: &mut Vec<u8>) {
        let (input, scalar, width, places) = match self {
            Part::Words(words) => return text.extend_from_slice(words.as_bytes()),
            Part::Item {
                input,
                scalar,
                width,
                places,
            } => (*input, *scalar, *width, *places),
        };
        let start = text.len();
        match (scalar, places) {
            (None, _) => text.extend_from_slice(texts[input]),
            (Some(scalar), None) => {
                let len = scalar.len_bytes();
                push_number(scalar, &inputs[input].bytes()[row * len..][..len], text);
            }
            (Some(Scalar::F32), Some(places)) => {
                text.extend_from_slice(
                    fixed(inputs[input].items::<f32>()[row].into(), places).as_bytes(),
                );
            }
            (Some(_), Some(places)) => {
                text.extend_from_slice(fixed(inputs[input].items::<f64>()[row], places).as_bytes());
            }
        }
        let len = String::from_utf8_lossy(&text[start..]).chars().count();
        let filler = std::iter::repeat_n(b' ', width.saturating_sub(len));
        match scalar {
            None => text.extend(filler),
            Some(_) => {
                text.splice(start..start, filler);
            }
        }
    }
}

fn fixed(x: f64, places: usize) -> String {
    match x.is_nan() {
        true => "nan".to_owned(),
        false => format!("{x:.places$}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{Given, build, given, text_run, texts};
    use crate::testing::Chunks;

    fn formatted(inputs: &[Given], format: &str) -> Vec<String> {
        let format = [("format", Value::from(format))];
        text_run("text.format", inputs, &format, Chunks::Random(2)).unwrap()
    }

    #[test]
    fn numbers_stand_where_their_names_are() {
        let x = [given("f64", &[1.0, -0.123456, f64::NAN])];
        assert_eq!(formatted(&x, "<{x}>"), ["<1.0>", "<-0.123456>", "<nan>"]);
        assert_eq!(
            formatted(&x, "{x:8.3}|"),
            ["   1.000|", "  -0.123|", "     nan|"]
        );
        assert_eq!(formatted(&x, "{:.0} {{x}}"), ["1 {x}", "-0 {x}", "nan {x}"]);
        let n = [given("i16", &[-5_i16, 300])];
        assert_eq!(formatted(&n, "{x:5}"), ["   -5", "  300"]);
    }

    #[test]
    fn several_inputs_go_in_lockstep_text_among_them() {
        let inputs = [texts(&["größe", "b", "c"]), given("u8", &[1_u8, 2])];
        assert_eq!(formatted(&inputs, "{a:6}={b}"), ["größe =1", "b     =2"]);
    }

    #[test]
    fn what_is_wrong_with_a_format_is_said() {
        let cases = [
            ("{y}", "there is no input `y`"),
            ("{x", "a `{` is never closed"),
            ("x}", "a `}` closes nothing"),
            ("{x:a}", "`a` is no width and places"),
            ("{x:.2}", "`x` is u8, which has no places"),
        ];
        for (format, words) in cases {
            let params = [("format", Value::from(format))];
            let refused = build("text.format", &[given("u8", &[1_u8])], &params, None);
            let message = refused.unwrap_err().message;
            assert!(message.contains(words), "{format}: {message}");
        }
        let params = [("format", Value::from("{x}"))];
        let refused = build(
            "text.format",
            &[given("f64[2]", &[1.0, 2.0])],
            &params,
            None,
        );
        assert!(refused.unwrap_err().message.contains("`x` is f64[2]"));
    }
}
