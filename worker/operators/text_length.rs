//! `text.length`: how long each text is.

use crate::agent::{Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::texts;

/// The row of the table.
pub const TEXT_LENGTH: OpDef = OpDef {
    name: "text.length",
    summary: "how long each text is",
    doc: "A number for each text: its bytes of UTF-8, or its characters (Unicode scalar values).",
    inputs: Arity::One,
    outputs: "one stream of u64",
    params: &[ParamDef {
        name: "of",
        kind: ParamKind::Choice(&["chars", "bytes"]),
        default: Some("chars"),
        unit: "",
        doc: "What to count.",
    }],
    example: "text.read path=examples/data/access.log ! text.length ! window size=10 step=10 fn=max ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let counts_bytes = args.text("of") == Some("bytes");
    let output = OutPort::new(ItemType::Scalar(Scalar::U64), args.input().rate);
    texts::each(args, vec![output], move |text, outputs| {
        let len = match counts_bytes {
            true => text.len(),
            false => text.chars().count(),
        };
        let has_room = !outputs[0].is_full();
        if has_room {
            outputs[0].push(len as u64);
        }
        Ok(has_room)
    })
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{output, texts};

    #[test]
    fn characters_or_bytes_are_counted() {
        let input = [texts(&["", "abc", "größe"])];
        let chars: Vec<u64> = output("text.length", &input, &[], None);
        assert_eq!(chars, [0, 3, 5]);
        let of = [("of", Value::from("bytes"))];
        let bytes: Vec<u64> = output("text.length", &input, &of, None);
        assert_eq!(bytes, [0, 3, 7]);
    }
}
