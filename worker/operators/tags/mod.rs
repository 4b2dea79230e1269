//! Tags made, read and dropped: `tags.add`, `tags.mark`, `tags.values`, `tags.drop`. What tags are, [`tags`](crate::tags) says.

use crate::op::{Args, OpError, ParamDef, ParamKind, Value};
use crate::tags::{WORDS_LEN_BYTES_MAX, value_of};

pub mod add;
pub mod drop;
pub mod mark;
pub mod values;

/// The parameter `key`.
const KEY: ParamDef = ParamDef {
    name: "key",
    kind: ParamKind::Text,
    default: Some("mark"),
    unit: "",
    doc: "What the tags are about.",
};

/// The parameter `value`.
const VALUE: ParamDef = ParamDef {
    name: "value",
    kind: ParamKind::Scalar,
    default: Some("true"),
    unit: "",
    doc: "The value of each tag.",
};

/// Key, and value as JSON, of the tags that an operator makes.
#[derive(Clone)]
struct Words {
    key: String,
    value: String,
}

impl Words {
    fn of(args: &Args) -> Result<Words, OpError> {
        let key = args.text("key").unwrap_or_default().to_owned();
        let value = match args.value("value") {
            Some(Value::Int(n)) => n.to_string(),
            Some(Value::Big(n)) => n.to_string(),
            Some(Value::Float(x)) => value_of(*x),
            Some(Value::Text(text)) => serde_json::Value::from(text.as_str()).to_string(),
            _ => args.flag("value").to_string(),
        };
        let len = key.len() + value.len();
        if len > WORDS_LEN_BYTES_MAX {
            return Err(OpError::param(
                "value",
                format!(
                    "key and value have {len} bytes, and a tag takes at most {WORDS_LEN_BYTES_MAX}"
                ),
            ));
        }
        Ok(Words { key, value })
    }
}
