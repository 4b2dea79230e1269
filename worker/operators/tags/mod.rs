//! Tags made, read and dropped: `tags.add`, `tags.mark`, `tags.values`, `tags.drop`. What tags are, [`tags`](crate::tags) says.

use crate::agent::{Agent, Blueprint, InPort, OutPort, StateSpec};
use crate::op::{Args, OpError, ParamDef, ParamKind, Value};
use crate::tags::{Tags, WORDS_LEN_BYTES_MAX, value_of};

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

/// An agent that passes its input on and makes tags, with a number as its state.
fn maker(args: &Args, agent: impl Agent + 'static) -> Blueprint {
    let input = args.input();
    Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), input.rate).keeps_unit())
        .state(StateSpec::of(0u64))
        .tags(Tags::Made)
}

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
