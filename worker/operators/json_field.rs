//! `json.field`: one field of each JSON text.

use serde_json::Value as Json;

use crate::agent::{AgentError, Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::json_path::{self, Path};
use super::texts::{self, INVALID, Making};

/// The row of the table.
pub const JSON_FIELD: OpDef = OpDef {
    name: "json.field",
    summary: "one field of each JSON text",
    doc: "Each text is a JSON document (a line of JSON Lines); its field at `path` is given as text, or with a \
          `dtype` as a number: a JSON number, or a string that is one. Strings lose their quotes, arrays and objects \
          are given as compact JSON, `true` and `false` as these words. A document without the field, or \
          with null there, is left out unless `missing` says otherwise; a text that is no JSON ends the run \
          with its place and the column, or is left out too (`broken = \"skip\"`).",
    inputs: Arity::One,
    outputs: "one stream of text, or of `dtype`, of no known rate",
    params: &[
        ParamDef {
            name: "path",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "Keys and numbers of elements: `a.b[0].c`. A key with other signs in quotes: `a.\"b.c\"`.",
        },
        ParamDef {
            name: "missing",
            kind: ParamKind::Choice(&["skip", "error"]),
            default: Some("skip"),
            unit: "",
            doc: "What to do where the field is not there or null: leave the text out, or end the run.",
        },
        ParamDef {
            name: "broken",
            kind: ParamKind::Choice(&["error", "skip"]),
            default: Some("error"),
            unit: "",
            doc: "What to do with a text that is no JSON: end the run, or leave it out.",
        },
        INVALID,
    ],
    example: "counter items=5 ! text.format format=\"{{\\\"n\\\": [{x}]}}\" ! json.field path=n[0] dtype=i64 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let written = args.text("path").unwrap_or_default().to_owned();
    let path = json_path::parse("path", &written)?;
    let field = Field {
        path,
        written,
        making: Making::of(args)?,
        missing_is_error: args.text("missing") == Some("error"),
        broken_is_error: args.text("broken") == Some("error"),
    };
    let output = OutPort::new(field.making.item_type(), None);
    texts::each(args, vec![output], move |text, outputs| {
        let Some(value) = field.of(text)? else {
            return Ok(true);
        };
        let Some(made) = field.making.make(&value)? else {
            return Ok(true);
        };
        let fits = made.fits(&mut outputs[0]);
        if fits {
            made.give(&mut outputs[0]);
        }
        Ok(fits)
    })
}

struct Field {
    path: Path,
    written: String,
    making: Making,
    missing_is_error: bool,
    broken_is_error: bool,
}

impl Field {
    /// The field's text; `None` where there is none and none is needed.
    fn of(&self, text: &str) -> Result<Option<String>, AgentError> {
        let document: Json = match serde_json::from_str(text) {
            Ok(document) => document,
            Err(_) if !self.broken_is_error => return Ok(None),
            Err(error) => {
                return Err(AgentError::new(format!(
                    "{text:?} is no JSON: {error}; `broken = \"skip\"` leaves such texts out"
                )));
            }
        };
        match self.path.of(&document) {
            None | Some(Json::Null) if self.missing_is_error => Err(AgentError::new(format!(
                "{text:?} has no `{}`; `missing = \"skip\"` leaves such texts out",
                self.written
            ))),
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(string)) => Ok(Some(string.clone())),
            Some(other) => Ok(Some(other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{output, text_output, text_run, texts};
    use crate::testing::Chunks;

    fn path(path: &str) -> (&'static str, Value) {
        ("path", Value::from(path))
    }

    #[test]
    fn a_field_is_its_text_and_missing_ones_are_left_out() {
        let lines = &[
            r#"{"a": {"b": ["x\ny", 2]}}"#,
            r#"{"a": {"b": [true]}}"#,
            r#"{"a": 1}"#,
            r#"{"a": {"b": [{"k": [1, 2]}]}}"#,
            r#"{"a": {"b": [null]}}"#,
        ];
        assert_eq!(
            text_output("json.field", lines, &[path("a.b[0]")]),
            ["x\ny", "true", r#"{"k":[1,2]}"#]
        );
        assert_eq!(text_output("json.field", lines, &[path("a.b[1]")]), ["2"]);
    }

    #[test]
    fn numbers_are_read_from_numbers_and_strings() {
        let lines = [texts(&[r#"{"n": 1.5}"#, r#"{"n": "2"}"#, r#"{"n": "x"}"#])];
        let params = [path("n"), ("invalid", Value::from("skip"))];
        let numbers: Vec<f64> = output("json.field", &lines, &params, Some("f64"));
        assert_eq!(numbers, [1.5, 2.0]);
    }

    #[test]
    fn what_is_no_json_ends_the_run_or_is_left_out() {
        let lines = [texts(&["{\"a\": 1}", "{\"a\" 1}"])];
        let error = text_run("json.field", &lines, &[path("a")], Chunks::Single).unwrap_err();
        assert!(
            error
                .message
                .starts_with("item 1 of its input: \"{\\\"a\\\" 1}\" is no JSON"),
            "{error}"
        );
        assert!(error.message.contains("column 6"), "{error}");
        let skip = ("broken", Value::from("skip"));
        assert_eq!(
            text_run("json.field", &lines, &[path("a"), skip], Chunks::Single).unwrap(),
            ["1"]
        );
    }

    #[test]
    fn a_missing_field_is_an_error_if_so_asked() {
        let params = [path("b"), ("missing", Value::from("error"))];
        let error = text_run("json.field", &[texts(&["{}"])], &params, Chunks::Whole);
        let message = error.unwrap_err().message;
        assert!(message.contains("\"{}\" has no `b`"), "{message}");
    }
}
