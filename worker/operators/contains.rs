//! `contains`: keeps the texts in which a text is found.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::texts;

/// The row of the table.
pub const CONTAINS: OpDef = OpDef {
    name: "contains",
    summary: "keeps the texts that contain a text",
    doc: "The texts in which `find` occurs, as they are; with `invert` the others. Bytes are compared: \
          upper and lower case differ (`lower` before it makes them equal). `regex.match` finds patterns.",
    inputs: Arity::One,
    outputs: "one stream of text, of no known rate",
    params: &[
        ParamDef {
            name: "find",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "The text to find.",
        },
        ParamDef {
            name: "invert",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Keep those in which it is not found.",
        },
    ],
    example: "text.read path=examples/data/access.log ! contains find=\" 500 \" ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let find = args.text("find").unwrap_or_default().to_owned();
    let finder = memchr::memmem::Finder::new(&find).into_owned();
    let wanted = !args.flag("invert");
    texts::kept(args, move |text| {
        finder.find(text.as_bytes()).is_some() == wanted
    })
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, text_output};

    #[test]
    fn texts_are_kept_if_they_contain_it_or_if_not() {
        let texts = &["ERROR 1", "ok", "an ERROR", "error", ""];
        let find = ("find", Value::from("ERROR"));
        let kept = text_output("contains", texts, std::slice::from_ref(&find));
        assert_eq!(kept, ["ERROR 1", "an ERROR"]);
        let others = text_output("contains", texts, &[find, ("invert", Value::from(true))]);
        assert_eq!(others, ["ok", "error", ""]);
    }

    #[test]
    fn numbers_are_refused_with_the_way_to_make_text_of_them() {
        let find = [("find", Value::from("1"))];
        let refused = build("contains", &[given("f64", &[1.0])], &find, None).unwrap_err();
        assert_eq!(
            refused.message,
            "`contains` takes text, and its input is f64"
        );
        assert!(refused.help.unwrap().contains("text.format"));
    }
}
