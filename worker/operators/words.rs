//! `words`: the words of each text, one by one.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status, text_of};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

use super::texts;

/// The row of the table.
pub const WORDS: OpDef = OpDef {
    name: "words",
    summary: "the words of each text, one by one",
    doc: "A text for each word, in order; a text without any gives none. Words are what white space parts \
          (Unicode's), or with `of = \"letters\"` runs of letters and digits (Unicode's) and of apostrophes \
          within them: \"don't, you?\" is don't and you. With `separator` the text is cut at each \
          occurrence of it and the pieces are given as they are, empty ones too.",
    inputs: Arity::One,
    outputs: "one stream of text, of no known rate",
    params: &[
        ParamDef {
            name: "of",
            kind: ParamKind::Choice(&["space", "letters"]),
            default: Some("space"),
            unit: "",
            doc: "What a word is: what stands between white space, or letters and digits.",
        },
        ParamDef {
            name: "separator",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "Where to cut instead, such as `,` or `; `. Default: white space.",
        },
    ],
    example: "text.read path=examples/data/access.log ! words ! head items=5 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    texts::refuse_others(args)?;
    let cut = match (args.text("separator"), args.text("of")) {
        (Some(""), _) => {
            return Err(OpError::param("separator", "`separator` is empty")
                .with_help("leave it out to cut at white space"));
        }
        (Some(separator), _) => Cut::At(separator.to_owned()),
        (None, Some("letters")) => Cut::Letters,
        (None, _) => Cut::Space,
    };
    Ok(Blueprint::new(Words { cut })
        .input(InPort::new(ItemType::Text))
        .output(OutPort::new(ItemType::Text, None))
        .state(StateSpec::of(0u64)))
}

enum Cut {
    Space,
    Letters,
    At(String),
}

/// State: where in the first unread text the next word is looked for (`u64`, bytes).
struct Words {
    cut: Cut,
}

impl Agent for Words {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let from = io.state.get::<u64>();
        let mut taken = 0;
        'texts: for frame in input.frames() {
            let text = text_of(frame)?;
            while let Some((word, next)) = self.cut.next(text, *from as usize) {
                if !output.give_text(word) {
                    break 'texts;
                }
                *from = next as u64;
            }
            *from = 0;
            taken += 1;
        }
        input.consume(taken);
        Ok(Status::Ready)
    }
}

impl Cut {
    /// The first word from byte `from` on, and where to look for the one after it.
    fn next<'a>(&self, text: &'a str, from: usize) -> Option<(&'a str, usize)> {
        let rest = text.get(from..)?;
        let (word, after) = match self {
            Cut::Space => {
                let start = rest.find(|c: char| !c.is_whitespace())?;
                let len = rest[start..].find(char::is_whitespace);
                let end = len.map_or(rest.len(), |len| start + len);
                (&rest[start..end], end)
            }
            Cut::Letters => {
                let start = rest.find(char::is_alphanumeric)?;
                let len = rest[start..].find(|c: char| !c.is_alphanumeric() && c != '\'');
                let end = len.map_or(rest.len(), |len| start + len);
                (rest[start..end].trim_end_matches('\''), end)
            }
            Cut::At(separator) => match rest.find(separator.as_str()) {
                Some(at) => (&rest[..at], at + separator.len()),
                // Beyond the end, so that the last piece is not found again.
                None => (rest, rest.len() + 1),
            },
        };
        Some((word, from + after))
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::text_output;

    #[test]
    fn words_are_cut_out_as_asked() {
        let text = &["don't stop,  'you?'\t42", "", "  ", "größe a,b,"];
        let check = |params: &[(&str, Value)], expected: &[&str]| {
            assert_eq!(text_output("words", text, params), expected, "{params:?}");
        };
        check(&[], &["don't", "stop,", "'you?'", "42", "größe", "a,b,"]);
        check(
            &[("of", Value::from("letters"))],
            &["don't", "stop", "you", "42", "größe", "a", "b"],
        );
        check(
            &[("separator", Value::from(","))],
            &["don't stop", "  'you?'\t42", "", "  ", "größe a", "b", ""],
        );
    }
}
