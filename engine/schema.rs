//! The JSON Schema of the graph file (draft 2020-12), made from the operators' table.
//!
//! Editors that know it (taplo, Even Better TOML) complete keys and operators, show their documentation
//! and underline what `thalweg check` would refuse in a single agent. What needs the whole graph (names,
//! types, cycles) only `check` judges.

use serde_json::{Map, Value as Json, json};
use thalweg_worker::op::{OpDef, ParamDef, ParamKind};
use thalweg_worker::operators;
use thalweg_worker::types::Scalar;

use crate::compose::KnobKind;
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
        "additionalProperties": false,
        "properties": {
            "include": {
                "description": "Files whose sub-graphs are used here, looked for beside this one.",
                "oneOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}},
                ],
            },
            "name": {
                "description": "The graph's name; default: the file's stem.",
                "type": "string",
                "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$",
            },
            "workers": named("Processes, each on a core of its own.", WORKER_NAME, worker()),
            "agents": {"description": "What is done; an agent's output is the stream of its name."},
            "streams": named("Settings of single streams.", STREAM, stream()),
            "graphs": named("Sub-graphs: agents that a use (op = \"NAME\") stands for.", AGENT_NAME, composite()),
        },
        // The operators are known, and with sub-graphs there are names beside them. A file of sub-graphs alone
        // is there to be included.
        "if": {"required": ["graphs"]},
        "then": {"properties": {"agents": named("", AGENT_NAME, any_agent())}},
        "else": {
            "required": ["agents"],
            "if": {"required": ["include"]},
            "then": {"properties": {"agents": named("", AGENT_NAME, any_agent())}},
            "else": {"properties": {"agents": named("", AGENT_NAME, agent())}},
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

/// An agent where sub-graphs are: an operator's keys, or a use with the sub-graph's parameters. Inside a
/// sub-graph a text may be a parameter, so no more is said of values.
fn any_agent() -> Json {
    json!({
        "type": "object",
        "required": ["op"],
        "properties": {
            "op": {
                "description": "An operator, or a sub-graph of this file or of one that it includes.",
                "type": "string",
                "pattern": "^[A-Za-z_][A-Za-z0-9_.-]*$",
            },
            "in": {"$ref": "#/$defs/in"},
        },
    })
}

fn composite() -> Json {
    let name = json!({"type": "string", "pattern": AGENT_NAME});
    let inner = json!({"type": "string", "pattern": STREAM});
    json!({
        "type": "object",
        "required": ["agents"],
        "additionalProperties": false,
        "properties": {
            "inputs": {
                "description": "The streams that a use gives it.",
                "oneOf": [name, {"type": "array", "items": name}],
            },
            "outputs": {
                "description": "The streams it gives: the only one, a list, or a table { name = \"stream\" }.",
                "oneOf": [
                    inner,
                    {"type": "array", "items": inner},
                    {"type": "object", "additionalProperties": inner},
                ],
            },
            "params": {
                "description": "What a use may set, each with its default, or a table { type, default, doc }; `$NAME` inside.",
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                "additionalProperties": {"oneOf": [
                    {"type": ["string", "number", "boolean", "array"]},
                    {
                        "type": "object",
                        "additionalProperties": false,
                        "properties": {
                            "type": {"enum": KnobKind::WORDS},
                            "default": {},
                            "doc": {"type": "string"},
                        },
                    },
                ]},
            },
            "agents": named("Its agents; they read each other and the inputs.", AGENT_NAME, any_agent()),
            "streams": named("Settings of its streams.", STREAM, json!({"type": "object"})),
        },
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
            "description": "An item type: f64, f64[3], timed<f64>, timed<f64[3]>, bytes, text ..",
            "type": "string",
            "pattern": format!("^(({scalars})(\\[[0-9]+\\])?|timed<({scalars})(\\[[0-9]+\\])?>|bytes|text)$"),
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
    properties.insert(
        "unit".to_owned(),
        json!({
            "description": "What the numbers it gives measure (V, m/s^2): one text, or one for each output.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }),
    );
    properties.insert("restart".to_owned(), restart());
    properties.insert(
        "on_error".to_owned(),
        json!({
            "description": "What happens to an item that its worker dies of again and again: the run stops and names it, or it is left out and told about.",
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
    if let (Json::Object(to), Json::Object(from)) = (&mut schema, unit_kind(param)) {
        to.extend(from);
    }
    if let Some(default) = param.default.filter(|default| !default.is_empty()) {
        schema["default"] = match param.kind {
            ParamKind::Int
            | ParamKind::Float
            | ParamKind::Dial
            | ParamKind::Bool
            | ParamKind::Number
            | ParamKind::Values
            | ParamKind::Scalar
            | ParamKind::Column
            | ParamKind::Length => default.parse().unwrap_or_else(|_| json!(default)),
            _ => json!(default),
        };
    }
    schema
}

/// Frequencies and durations may be written with their units.
fn unit_kind(param: &ParamDef) -> Json {
    let units = match param.unit {
        "Hz" => "(|m|k|M|G)Hz",
        "s" => "(ns|us|µs|ms|s|min|h)",
        _ => return kind(param.kind),
    };
    let text = json!({"type": "string", "pattern": format!("^ *[0-9.eE+-]+ *{units} *$")});
    match param.kind {
        ParamKind::Int | ParamKind::Float | ParamKind::Dial => {
            json!({"oneOf": [kind(param.kind), text]})
        }
        ParamKind::Number | ParamKind::Floats => json!({"oneOf": [
            {"type": "number"},
            text.clone(),
            {"type": "array", "items": {"oneOf": [{"type": "number"}, text]}},
        ]}),
        other => kind(other),
    }
}

fn kind(kind: ParamKind) -> Json {
    let numbers = json!({"type": "array", "items": {"type": "number"}});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    // A number needs no quotes.
    let expression = ["string", "number", "boolean"];
    match kind {
        ParamKind::Int => json!({"type": "integer"}),
        ParamKind::Float | ParamKind::Dial => json!({"type": "number"}),
        ParamKind::Bool => json!({"type": "boolean"}),
        ParamKind::Text | ParamKind::ReadPath | ParamKind::WritePath => {
            json!({"type": "string"})
        }
        ParamKind::Expr => json!({"type": expression}),
        ParamKind::Length => json!({"oneOf": [
            {"type": "integer"},
            {"type": "string", "pattern": "^ *[0-9.eE+-]+ *(ns|us|µs|ms|s|min|h) *$"},
        ]}),
        ParamKind::Floats => numbers,
        ParamKind::Texts => json!({"oneOf": [{"type": "string"}, texts]}),
        ParamKind::Exprs => json!({"oneOf": [
            {"type": expression},
            {"type": "array", "items": {"type": expression}},
        ]}),
        ParamKind::Column => json!({"type": ["string", "integer"]}),
        ParamKind::Columns => json!({"oneOf": [
            {"type": ["string", "integer"]},
            {"type": "array", "items": {"type": ["string", "integer"]}},
        ]}),
        ParamKind::Number => json!({"oneOf": [{"type": "number"}, numbers]}),
        ParamKind::Values => {
            let number = json!({"oneOf": [
                {"type": "number"},
                {"type": "string", "pattern": "^ *([+-]?inf|nan|[0-9_]+) *$"},
            ]});
            json!({"oneOf": [number, {"type": "array", "items": number}]})
        }
        ParamKind::Items => json!({"oneOf": [
            {"type": ["number", "string"]},
            {"type": "array", "items": {"type": ["number", "string"]}},
        ]}),
        ParamKind::Scalar => json!({"type": ["number", "string", "boolean"]}),
        ParamKind::Choice(words) => json!({"enum": choices(words)}),
        ParamKind::Type => json!({"$ref": "#/$defs/type"}),
        ParamKind::Live => json!({"type": "object", "additionalProperties": {"type": "number"}}),
    }
}

/// The words, and where `true` and `false` are among them also these without quotes.
fn choices(words: &[&str]) -> Vec<Json> {
    let flags = [true, false]
        .into_iter()
        .filter(|flag| words.contains(&flag.to_string().as_str()));
    let texts = words.iter().map(|word| json!(word));
    texts.chain(flags.map(|flag| json!(flag))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;
    use crate::keys::{AGENT_KEYS, Node, NodeValue};
    use toml::de::{DeTable, DeValue};

    fn to_json(node: Node) -> Json {
        match node.value {
            NodeValue::Int(n) => json!(n),
            NodeValue::Big(n) => json!(n),
            NodeValue::Float(x) => json!(x),
            NodeValue::Bool(b) => json!(b),
            NodeValue::Text(t) => json!(t),
            NodeValue::List(items) => items.into_iter().map(to_json).collect(),
            NodeValue::Table(entries) => {
                let entries = entries.into_iter();
                Json::Object(
                    entries
                        .map(|(key, value)| (key.value, to_json(value)))
                        .collect(),
                )
            }
            NodeValue::Other(words) => panic!("{words}"),
        }
    }

    fn read(text: &str) -> Json {
        let table = DeTable::parse(text).unwrap();
        to_json(file::node(0..0, DeValue::Table(table.into_inner())))
    }

    /// The part of draft 2020-12 that the schema uses, but for patterns.
    fn fits(value: &Json, schema: &Json, root: &Json) -> Result<(), String> {
        for (word, rule) in schema.as_object().unwrap() {
            match word.as_str() {
                "type" => {
                    let kinds = rule.as_array().cloned().unwrap_or(vec![rule.clone()]);
                    let is = |kind: &Json| match kind.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "integer" => value.is_i64() || value.is_u64(),
                        "number" => value.is_number(),
                        other => panic!("type {other}"),
                    };
                    if !kinds.iter().any(is) {
                        return Err(format!("{value} is no {rule}"));
                    }
                }
                "const" if value != rule => return Err(format!("{value} is not {rule}")),
                "enum" if !rule.as_array().unwrap().contains(value) => {
                    return Err(format!("{value} is none of {rule}"));
                }
                "minimum" if value.as_f64() < rule.as_f64() => {
                    return Err(format!("{value} is less than {rule}"));
                }
                "required" => {
                    for key in rule.as_array().unwrap() {
                        if value.get(key.as_str().unwrap()).is_none() {
                            return Err(format!("{key} is missing"));
                        }
                    }
                }
                "properties" | "additionalProperties" if value.is_object() => {
                    let known = schema.get("properties").and_then(Json::as_object);
                    for (key, inner) in value.as_object().unwrap() {
                        let own = known.and_then(|known| known.get(key));
                        match (word.as_str(), own, rule) {
                            ("properties", Some(own), _) => fits(inner, own, root)?,
                            ("additionalProperties", None, Json::Bool(false)) => {
                                return Err(format!("{key} is unknown"));
                            }
                            ("additionalProperties", None, rule) => fits(inner, rule, root)?,
                            _ => {}
                        }
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        fits(item, rule, root)?;
                    }
                }
                "allOf" => {
                    for rule in rule.as_array().unwrap() {
                        fits(value, rule, root)?;
                    }
                }
                "oneOf" => {
                    let rules = rule.as_array().unwrap().iter();
                    let count = rules.filter(|rule| fits(value, rule, root).is_ok()).count();
                    if count != 1 {
                        return Err(format!("{value} fits {count} of {rule}"));
                    }
                }
                "if" if fits(value, rule, root).is_ok() => fits(value, &schema["then"], root)?,
                "if" if schema.get("else").is_some() => fits(value, &schema["else"], root)?,
                "$ref" => {
                    let path = rule.as_str().unwrap().strip_prefix("#").unwrap();
                    fits(value, root.pointer(path).expect(path), root)?;
                }
                "const" | "enum" | "minimum" | "if" | "then" | "else" | "properties" => {}
                "additionalProperties" | "propertyNames" | "pattern" | "maximum" => {}
                "description" | "default" | "title" | "$schema" | "$defs" => {}
                other => panic!("the schema uses {other}"),
            }
        }
        Ok(())
    }

    #[test]
    fn examples_and_templates_fit() {
        let schema = schema();
        let folders = ["examples", "engine/cli/templates"];
        let mut count = 0;
        for folder in folders {
            let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "toml")
                {
                    let value = read(&std::fs::read_to_string(&path).unwrap());
                    assert_eq!(fits(&value, &schema, &schema), Ok(()), "{}", path.display());
                    count += 1;
                }
            }
        }
        assert!(count >= 4, "{count}");
    }

    #[test]
    fn a_choice_of_true_and_false_may_go_without_quotes() {
        let schema = schema();
        for header in ["true", "false", "\"true\"", "\"auto\""] {
            let text = format!("[agents.a]\nop = \"csv.read\"\npath = \"x\"\nheader = {header}");
            assert_eq!(fits(&read(&text), &schema, &schema), Ok(()), "{header}");
        }
    }

    #[test]
    fn what_check_would_refuse_in_one_agent_does_not_fit() {
        let schema = schema();
        let cases = [
            ("", "agents"),
            ("[agents.a]", "op"),
            ("[agents.a]\nop = \"sinn\"", "sinn"),
            ("[agents.a]\nop = \"sine\"\nfreq = 1", "rate"),
            ("[agents.a]\nop = \"scale\"\nfactor = \"x\"", "number"),
            ("[agents.a]\nop = \"sine\"\nfreq = true\nrate = 1", "fits 0"),
            ("[agents.a]\nop = \"copy\"\nfactor = 1", "factor"),
            ("[agents.a]\nop = \"copy\"\nin = 3", "fits 0"),
            ("[agents.a]\nop = \"copy\"\nrestart = -1", "less"),
            ("[agents.a]\nop = \"copy\"\non_error = \"go\"", "none of"),
            ("[agents]\n[workers.w]\ncores = 1", "cores"),
            ("[agents]\n[streams.s]\ncapacity = 0", "fits 0"),
            ("[agents]\n[agent.a]", "agent"),
            ("[agents]\n[graphs.g]", "agents"),
            ("[agents]\n[graphs.g]\nagents = {}\ninput = \"x\"", "input"),
            (
                "[agents]\n[graphs.g]\nagents = {}\nparams.k = { kind = 1 }",
                "fits 0",
            ),
        ];
        for (text, words) in cases {
            let said = fits(&read(text), &schema, &schema).unwrap_err();
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn every_operator_has_its_parameters_and_the_reserved_keys() {
        let schema = schema();
        for op in operators::table() {
            let properties = &schema["$defs"][op.name]["properties"];
            let params = op.params.iter().map(|p| p.name);
            for key in params.chain(AGENT_KEYS) {
                assert!(properties[key].is_object(), "{} {key}", op.name);
            }
        }
    }
}
