//! `thalweg ops`: the operators, one of them with its parameters, or those that have to do with a word.

use serde_json::{Value as Json, json};
use thalweg_worker::op::{Arity, OpDef, ParamDef, ParamKind};
use thalweg_worker::operators::{self, elsewhere::unknown_operator};

use super::{Failure, give, give_json};

mod find;

/// List the operators, or explain one
#[derive(clap::Args)]
pub struct Ops {
    /// Explain this operator
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The names alone, a line each
    #[arg(long, conflicts_with_all = ["json", "name"])]
    names: bool,
    /// Those whose name or text has this word: `pink`, `low-pass`, `find_peaks`
    #[arg(long, value_name = "WORD", conflicts_with = "name")]
    find: Option<String>,
}

impl Ops {
    /// Prints the table, or one operator.
    ///
    /// # Errors
    /// There is no operator of that name.
    pub fn run(&self) -> Result<(), Failure> {
        let Some(name) = &self.name else {
            return match &self.find {
                Some(word) => self.give_found(word),
                None => self.give_all(operators::table(), ""),
            };
        };
        let op = operators::find(name).ok_or_else(|| unknown(name))?;
        match self.json {
            true => give_json(&to_json(op)),
            false => give(&explain(op)),
        }
    }
}

impl Ops {
    /// Prints the operators that have to do with a word.
    fn give_found(&self, word: &str) -> Result<(), Failure> {
        let (found, hint) = find::find(operators::table(), word);
        let said = (hint.as_ref()).map_or(String::new(), |hint| format!("`{word}`: {hint}\n\n"));
        match (found.is_empty(), hint) {
            (true, None) => Err(Failure::usage(format!(
                "no operator says `{}`; `thalweg ops` lists them all",
                word.escape_debug()
            ))),
            (true, Some(_)) if !self.json && !self.names => give(&said),
            _ => self.give_all(&found, &said),
        }
    }

    /// Prints these, behind what is said of them.
    fn give_all(&self, table: &[&OpDef], said: &str) -> Result<(), Failure> {
        match (self.json, self.names) {
            (true, _) => give_json(&table.iter().map(|op| to_json(op)).collect()),
            (_, true) => give(
                &table
                    .iter()
                    .map(|op| format!("{}\n", op.name))
                    .collect::<String>(),
            ),
            _ => give(&format!("{said}{}", list(table))),
        }
    }
}

fn unknown(name: &str) -> Failure {
    let help = unknown_operator(name, std::iter::empty());
    let help = help.unwrap_or_else(|| match &speaking_of(name)[..] {
        [] => "`thalweg ops` lists them, `thalweg ops --find WORD` looks through their texts"
            .to_owned(),
        names => format!("these speak of it: {}", names.join(", ")),
    });
    Failure::usage(format!(
        "there is no operator `{}`; {help}",
        name.escape_debug()
    ))
}

/// The first operators whose description has the word.
fn speaking_of(word: &str) -> Vec<&'static str> {
    const MOST: usize = 12;
    let word = word.to_lowercase();
    let has = |text: &str| word.len() > 2 && text.to_lowercase().contains(&word);
    let table = operators::table().iter();
    let found = table.filter(|op| has(op.name) || has(op.summary) || has(op.doc));
    found.map(|op| op.name).take(MOST).collect()
}

fn list(table: &[&OpDef]) -> String {
    let widest = table.iter().map(|op| op.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for op in table {
        let inputs = match op.inputs {
            Arity::Source => "0",
            Arity::One => "1",
            Arity::AtLeast(1) => "1+",
            Arity::AtLeast(_) => "2+",
        };
        text += &format!("{:widest$}  {inputs:2}  {}\n", op.name, op.summary);
    }
    text += "\nname, inputs, what it does. `thalweg ops NAME` explains one, `thalweg ops --find WORD` looks for them.\n";
    text
}

fn explain(op: &OpDef) -> String {
    let mut text = format!("{}: {}\n\n{}\n", op.name, op.summary, wrapped(op.doc, 0));
    text += &format!("inputs:   {}\n", inputs(op.inputs));
    text += &format!("outputs:  {}\n", op.outputs);
    if !op.deterministic {
        text += "not deterministic: depends on arrival or on the clock\n";
    }
    text += match op.params {
        [] => "\nno parameters\n",
        _ => "\nparameters:\n",
    };
    let widest = op.params.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let explain = |param: &ParamDef| {
        let indent = widest + 4;
        let about = wrapped(&describe(param), indent);
        let about = format!("  {:widest$}  {}", param.name, about.trim_start());
        about + &wrapped(param.doc, indent)
    };
    // What they share with many others comes last.
    let (shared, own): (Vec<&ParamDef>, Vec<&ParamDef>) =
        op.params.iter().partition(|param| is_of_windows(param));
    text += &own.into_iter().map(explain).collect::<String>();
    if !shared.is_empty() {
        text += "\nthe window function:\n";
        text += &shared.into_iter().map(explain).collect::<String>();
    }
    if op.params.iter().any(ParamDef::is_live) {
        text += "\nlive parameters change while a run goes on: thalweg set RUN AGENT.PARAM=VALUE\n";
    }
    text += &format!("\nexample:\n  thalweg run -e {}\n", quoted(op.example));
    text
}

/// Says which window function, or its shape.
fn is_of_windows(param: &ParamDef) -> bool {
    ["window", "window_args", "beta"].contains(&param.name)
}

/// The words in lines of at most 92 columns, each after `indent` spaces; paragraphs stay apart.
fn wrapped(text: &str, indent: usize) -> String {
    const COLUMNS: usize = 92;
    let mut lines = String::new();
    for paragraph in text.trim().split('\n') {
        let mut line = " ".repeat(indent);
        let mut is_new = true;
        for word in paragraph.split_whitespace() {
            if !is_new && line.chars().count() + 1 + word.chars().count() > COLUMNS {
                lines += &line;
                lines += "\n";
                line = " ".repeat(indent);
                is_new = true;
            }
            line += if is_new { "" } else { " " };
            line += word;
            is_new = false;
        }
        lines += line.trim_end();
        lines += "\n";
    }
    lines
}

/// As a shell takes it: in single quotes, those inside it written out.
fn quoted(line: &str) -> String {
    format!("'{}'", line.replace('\'', r"'\''"))
}

fn inputs(arity: Arity) -> String {
    match arity {
        Arity::Source => "none: a source".to_owned(),
        Arity::One => "one".to_owned(),
        Arity::AtLeast(n) => format!("at least {n}"),
    }
}

/// "a number, in Hz, default 4".
fn describe(param: &ParamDef) -> String {
    let mut text = param.kind.describe();
    if !param.unit.is_empty() {
        text += &format!(", in {}", param.unit);
    }
    text += &match param.default {
        None => ", required".to_owned(),
        Some("") => ", optional".to_owned(),
        Some(default) => format!(", default {default}"),
    };
    text
}

fn to_json(op: &OpDef) -> Json {
    let (least, most) = match op.inputs {
        Arity::Source => (0, Some(0)),
        Arity::One => (1, Some(1)),
        Arity::AtLeast(n) => (n, None),
    };
    let params: Vec<Json> = op.params.iter().map(param_to_json).collect();
    json!({
        "name": op.name,
        "summary": op.summary,
        "doc": op.doc,
        "inputs": {"min": least, "max": most},
        "outputs": op.outputs,
        "deterministic": op.deterministic,
        "params": params,
        "example": op.example,
    })
}

fn param_to_json(param: &ParamDef) -> Json {
    let choices = match param.kind {
        ParamKind::Choice(words) => json!(words),
        _ => Json::Null,
    };
    json!({
        "name": param.name,
        "kind": param.kind.describe(),
        "choices": choices,
        "required": param.default.is_none(),
        "default": param.default.filter(|default| !default.is_empty()),
        "unit": param.unit,
        "live": param.is_live(),
        "doc": param.doc,
    })
}
