//! The JSON Schema of the graph file (draft 2020-12), made from the operators' table.
//!
//! Editors that know it (taplo, Even Better TOML) complete keys and operators, show their documentation
//! and underline what `thalweg check` would refuse in a single agent. What needs the whole graph (names,
//! types, cycles) only `check` judges.

use serde_json::{Map, Value as Json, json};
use thalweg_worker::op::{OpDef, ParamDef, ParamKind};
use thalweg_worker::operators;
use thalweg_worker::types::Scalar;

use crate::keys::{ON_ERRORS, OVERFLOWS};

const AGENT_NAME: &str = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$";
const WORKER_NAME: &str = "^[A-Za-z_][A-Za-z0-9_-]{0,31}$";
const STREAM: &str = "^[A-Za-z_][A-Za-z0-9_-]*(\\..+)?$";

/// The schema.
pub fn schema() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Thalweg graph",
        "type": "object",
        "required": ["agents"],
        "additionalProperties": false,
        "properties": {
            "name": {
                "description": "The graph's name; default: the file's stem.",
                "type": "string",
                "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$",
            },
            "workers": named("Processes, each on a core of its own.", WORKER_NAME, worker()),
            "agents": named("What is done; an agent's output is the stream of its name.", AGENT_NAME, agent()),
            "streams": named("Settings of single streams.", STREAM, stream()),
        },
        "$defs": definitions(),
    })
}

/// A table of tables: any name that fits, each as `each` says.
fn named(description: &str, name: &str, each: Json) -> Json {
    json!({
        "description": description,
        "type": "object",
        "propertyNames": {"pattern": name},
        "additionalProperties": each,
    })
}

fn worker() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "core": {
                "description": "A core's number, \"auto\" (default) or \"none\".",
                "oneOf": [{"type": "integer", "minimum": 0}, {"enum": ["auto", "none"]}],
            },
            "restart": restart(),
        },
    })
}

fn stream() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "capacity": {
                "description": "How much it holds: items, or bytes with a unit (\"1 MiB\").",
                "oneOf": [
                    {"type": "integer", "minimum": 1},
                    {"type": "string", "pattern": "^ *[0-9.]+ *([kK]|Ki|[MGT]i?)?B *$"},
                ],
            },
            "overflow": {
                "description": "When it is full: the producer waits, what is newest is dropped, or readers skip to the newest.",
                "enum": OVERFLOWS,
                "default": "block",
            },
        },
    })
}

fn restart() -> Json {
    json!({
        "description": "How many deaths without progress are forgiven.",
        "type": "integer",
        "minimum": 0,
        "maximum": u32::MAX,
    })
}

/// An agent: `op` chooses the definition that the other keys must fit.
fn agent() -> Json {
    let table = operators::table();
    let choices: Vec<Json> = table
        .iter()
        .map(|op| json!({"const": op.name, "description": op.summary}))
        .collect();
    let rules: Vec<Json> = table
        .iter()
        .map(|op| {
            json!({
                "if": {"required": ["op"], "properties": {"op": {"const": op.name}}},
                "then": {"$ref": format!("#/$defs/{}", op.name)},
            })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["op"],
        "properties": {"op": {"description": "The operator.", "oneOf": choices}},
        "allOf": rules,
    })
}

fn definitions() -> Json {
    let mut definitions = Map::new();
    let input = json!({"type": "string", "pattern": STREAM});
    definitions.insert(
        "in".to_owned(),
        json!({
            "description": "The streams it reads: AGENT or AGENT.PORT, a list of them, or a table that names the inputs.",
            "oneOf": [
                input,
                {"type": "array", "items": input},
                {
                    "type": "object",
                    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                    "additionalProperties": input,
                },
            ],
        }),
    );
    let scalars: Vec<&str> = Scalar::ALL.into_iter().map(Scalar::name).collect();
    let scalars = scalars.join("|");
    definitions.insert(
        "type".to_owned(),
        json!({
            "description": "An item type: f64, f64[3], timed<f64>, bytes, text ..",
            "type": "string",
            "pattern": format!("^(({scalars})(\\[[0-9]+\\])?|timed<({scalars})>|bytes|text)$"),
        }),
    );
    for op in operators::table() {
        definitions.insert(op.name.to_owned(), operator(op));
    }
    Json::Object(definitions)
}

fn operator(op: &OpDef) -> Json {
    let mut properties = Map::new();
    properties.insert("op".to_owned(), json!({"const": op.name}));
    properties.insert("in".to_owned(), json!({"$ref": "#/$defs/in"}));
    properties.insert(
        "worker".to_owned(),
        json!({
            "description": "The worker that hosts it; default: the plan chooses.",
            "type": "string",
            "pattern": WORKER_NAME,
        }),
    );
    properties.insert("dtype".to_owned(), json!({"$ref": "#/$defs/type"}));
    properties.insert("restart".to_owned(), restart());
    properties.insert(
        "on_error".to_owned(),
        json!({
            "description": "What happens to an item that its worker dies of again and again.",
            "enum": ON_ERRORS,
            "default": "stop",
        }),
    );
    for param in op.params {
        properties.insert(param.name.to_owned(), parameter(param));
    }
    let required = op.params.iter().filter(|p| p.default.is_none());
    json!({
        "description": format!("{}\n\n{}", op.summary, op.doc),
        "type": "object",
        "required": required.map(|p| p.name).collect::<Vec<_>>(),
        "additionalProperties": false,
        "properties": properties,
    })
}

fn parameter(param: &ParamDef) -> Json {
    let unit = match param.unit {
        "" => String::new(),
        unit => format!(" ({unit})"),
    };
    let mut schema = json!({"description": format!("{}{unit}", param.doc)});
    if let (Json::Object(to), Json::Object(from)) = (&mut schema, kind(param.kind)) {
        to.extend(from);
    }
    if let Some(default) = param.default.filter(|default| !default.is_empty()) {
        schema["default"] = match param.kind {
            ParamKind::Int
            | ParamKind::Float
            | ParamKind::Bool
            | ParamKind::Number
            | ParamKind::Length => default.parse().unwrap_or_else(|_| json!(default)),
            _ => json!(default),
        };
    }
    schema
}

fn kind(kind: ParamKind) -> Json {
    let numbers = json!({"type": "array", "items": {"type": "number"}});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    match kind {
        ParamKind::Int => json!({"type": "integer"}),
        ParamKind::Float => json!({"type": "number"}),
        ParamKind::Bool => json!({"type": "boolean"}),
        ParamKind::Text | ParamKind::ReadPath | ParamKind::WritePath | ParamKind::Expr => {
            json!({"type": "string"})
        }
        ParamKind::Length => json!({"oneOf": [
            {"type": "integer"},
            {"type": "string", "pattern": "^ *[0-9.eE+-]+ *(ns|us|µs|ms|s|min|h) *$"},
        ]}),
        ParamKind::Floats => numbers,
        ParamKind::Texts => json!({"oneOf": [{"type": "string"}, texts]}),
        ParamKind::Columns => json!({"oneOf": [
            {"type": ["string", "integer"]},
            {"type": "array", "items": {"type": ["string", "integer"]}},
        ]}),
        ParamKind::Number => json!({"oneOf": [{"type": "number"}, numbers]}),
        ParamKind::Choice(words) => json!({"enum": words}),
        ParamKind::Type => json!({"$ref": "#/$defs/type"}),
    }
}
