//! `lower` and `upper`: each text in small or in capital letters.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError};

use super::texts;

/// The row of `lower`.
pub const LOWER: OpDef = OpDef {
    name: "lower",
    summary: "each text in small letters",
    doc: "One text for each, every letter replaced by its small one as Unicode has it, in no particular \
          language; what has none stays.",
    inputs: Arity::One,
    outputs: "one stream of text",
    params: &[],
    example: "text.read path=examples/data/access.log ! lower ! head items=3 ! print",
    deterministic: true,
    build: build_lower,
};

/// The row of `upper`.
pub const UPPER: OpDef = OpDef {
    name: "upper",
    summary: "each text in capital letters",
    doc: "One text for each, every letter replaced by its capital as Unicode has it, in no particular \
          language (ß becomes SS); what has none stays.",
    inputs: Arity::One,
    outputs: "one stream of text",
    params: &[],
    example: "text.read path=examples/data/access.log ! upper ! head items=3 ! print",
    deterministic: true,
    build: build_upper,
};

fn build_lower(args: &Args) -> Result<Blueprint, OpError> {
    texts::each_to_text(args, |text, output| match text.is_ascii() {
        true => output.give_text(&text.to_ascii_lowercase()),
        false => output.give_text(&text.to_lowercase()),
    })
}

fn build_upper(args: &Args) -> Result<Blueprint, OpError> {
    texts::each_to_text(args, |text, output| output.give_text(&text.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::text_output;

    #[test]
    fn letters_of_every_script_change_their_case() {
        let texts = &["Straße 12", "ΑΣ", "", "abC"];
        assert_eq!(
            text_output("lower", texts, &[]),
            ["straße 12", "ας", "", "abc"]
        );
        assert_eq!(
            text_output("upper", texts, &[]),
            ["STRASSE 12", "ΑΣ", "", "ABC"]
        );
    }
}
