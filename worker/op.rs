//! Operators by name: what `thalweg ops` lists, what a graph file's `op` names.
//!
//! An operator is one row ([`OpDef`]): its words, its parameters, and a function that makes a
//! [`Blueprint`] from [`Args`]: the types and rates of its inputs and the checked parameters. Kinds,
//! defaults, missing and unknown names are checked here for all; ranges and combinations by the
//! operator, with [`OpError::param`] so that the message can point at the line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::agent::Blueprint;
use crate::types::ItemType;

mod check;
mod elsewhere;
mod error;
mod names;
mod units;
mod value;

use check::{choice, plain_number, word};
pub use error::OpError;
pub use names::{meant, nearest};
pub use units::{hertz, seconds};
pub use value::Value;

/// One operator: a row of the table.
pub struct OpDef {
    /// As graph files spell it: `iir.bandpass`.
    pub name: &'static str,
    /// One line for the list.
    pub summary: &'static str,
    /// The whole description: behaviour at the edges, types, source of the algorithm.
    pub doc: &'static str,
    /// How many inputs it takes.
    pub inputs: Arity,
    /// What it gives: "one stream of the input's type", "one stream per column", "nothing".
    pub outputs: &'static str,
    /// Its parameters, in the order they are documented.
    pub params: &'static [ParamDef],
    /// A graph in one line that runs as it stands and ends by itself.
    pub example: &'static str,
    /// False for what depends on arrival or on the wall clock.
    pub deterministic: bool,
    /// Makes the agent.
    pub build: fn(&Args) -> Result<Blueprint, OpError>,
}

/// How many inputs an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// None: a source.
    Source,
    /// Exactly one.
    One,
    /// At least this many.
    AtLeast(usize),
}

/// One parameter of an operator.
pub struct ParamDef {
    /// As graph files spell it.
    pub name: &'static str,
    /// What values it takes.
    pub kind: ParamKind,
    /// `None`: required. `Some("")`: optional without a default. Else the default as it would be written.
    pub default: Option<&'static str>,
    /// The unit, "" where there is none: `Hz`, `items`, `s`.
    pub unit: &'static str,
    /// One or two sentences.
    pub doc: &'static str,
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamKind {
    /// A whole number.
    Int,
    /// A finite number; whole numbers are taken too.
    Float,
    /// A finite number that may be turned while the run goes on: a dial of the agent.
    Dial,
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// A file to read, relative to the graph file; `-` is standard input where the operator says so.
    ReadPath,
    /// A file to write, relative to the graph file; `-` is standard output where the operator says so.
    WritePath,
    /// An expression over the inputs.
    Expr,
    /// An expression over the inputs, or a list of them.
    Exprs,
    /// Items, or a duration (`"0.5 s"`, `"20 ms"`) where the input's rate is known.
    Length,
    /// A list of numbers.
    Floats,
    /// A list of texts.
    Texts,
    /// A name, a whole number counting from 0, or a list of them.
    Columns,
    /// A name, or a whole number counting from 0.
    Column,
    /// A number, or a list of numbers, as the operator says.
    Number,
    /// A number or a list of them, of any value that an item may have: `nan` and `inf` too.
    Values,
    /// As `Values`, or a text or a list of texts, as the operator says.
    Items,
    /// A number, a text, `true` or `false`.
    Scalar,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An item type.
    Type,
    /// A table of finite numbers by names of one's own, each of which is a dial.
    Live,
}

/// The keys that every agent has, whatever its operator.
pub const AGENT_KEYS: [&str; 7] = ["op", "in", "worker", "dtype", "unit", "restart", "on_error"];

impl ParamKind {
    /// How the kind is called in messages and documentation.
    pub fn describe(self) -> String {
        match self {
            ParamKind::Int => "a whole number".to_owned(),
            ParamKind::Float => "a number".to_owned(),
            ParamKind::Dial => "a number, live".to_owned(),
            ParamKind::Bool => "true or false".to_owned(),
            ParamKind::Text => "a text".to_owned(),
            ParamKind::ReadPath => "a file to read".to_owned(),
            ParamKind::WritePath => "a file to write".to_owned(),
            ParamKind::Expr => "an expression".to_owned(),
            ParamKind::Exprs => "an expression or a list of them".to_owned(),
            ParamKind::Length => "items, or a duration such as \"0.5 s\"".to_owned(),
            ParamKind::Floats => "a list of numbers".to_owned(),
            ParamKind::Texts => "a list of texts".to_owned(),
            ParamKind::Columns => "names or numbers of columns".to_owned(),
            ParamKind::Column => "the name or the number of a column".to_owned(),
            ParamKind::Number | ParamKind::Values => "a number or a list of numbers".to_owned(),
            ParamKind::Items => "a number, a text or a list of either".to_owned(),
            ParamKind::Scalar => "a number, a text, true or false".to_owned(),
            ParamKind::Choice(words) => format!("one of {}", words.join(", ")),
            ParamKind::Type => "an item type such as f64".to_owned(),
            ParamKind::Live => "a table of numbers, live".to_owned(),
        }
    }
}

/// What an operator knows of one of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct InputInfo {
    /// The name expressions use: from the `in` table, else `x` for the only input and `a b c ..` for several.
    pub name: String,
    /// Whose name that is, and the stream behind it.
    pub naming: Naming,
    /// What its items are.
    pub item_type: ItemType,
    /// Items per second, where known.
    pub rate: Option<f64>,
    /// What its numbers measure, where known.
    pub unit: Option<String>,
}

/// Where the name of an input comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// There is no graph: the name is all that is known.
    #[default]
    Alone,
    /// The graph names it, in a table of inputs.
    Given {
        /// The stream it reads.
        stream: String,
    },
    /// From its place among the inputs.
    Placed {
        /// The stream it reads.
        stream: String,
    },
    /// It is no stream: a number that expressions know, the value of the agent's dial of this place.
    Live {
        /// The dial.
        dial: usize,
    },
}

impl InputInfo {
    /// How a message calls it: by its stream, and by its name where that is another.
    pub fn called(&self) -> String {
        match self.stream() {
            Some(stream) if self.is_unnamed() || stream == self.name => format!("`{stream}`"),
            Some(stream) => format!("`{stream}` (input `{}`)", self.name),
            None => format!("`{}`", self.name),
        }
    }

    /// The stream it reads, where there is a graph.
    pub fn stream(&self) -> Option<&str> {
        match &self.naming {
            Naming::Alone | Naming::Live { .. } => None,
            Naming::Given { stream } | Naming::Placed { stream } => Some(stream),
        }
    }

    /// How a file calls it: by the name that the graph gives it, else by its stream.
    pub fn title(&self) -> &str {
        match &self.naming {
            Naming::Placed { stream } => stream,
            Naming::Alone | Naming::Given { .. } | Naming::Live { .. } => &self.name,
        }
    }

    /// True for an only input that has no name of its own.
    pub fn is_unnamed(&self) -> bool {
        self.name == "x" && !matches!(self.naming, Naming::Given { .. })
    }
}

/// What files call the inputs, each by another name; `alone`: an only one that has none.
pub fn titles(inputs: &[InputInfo], alone: &str) -> Vec<String> {
    if let [only] = inputs
        && only.is_unnamed()
    {
        return vec![alone.to_owned()];
    }
    let mut titles: Vec<String> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let numbered = (2..).map(|nth| format!("{}_{nth}", input.title()));
        let mut names = std::iter::once(input.title().to_owned()).chain(numbered);
        titles.extend(names.find(|name| !titles.contains(name)));
    }
    titles
}

/// An operator's inputs and checked parameters.
pub struct Args {
    op: &'static OpDef,
    inputs: Vec<InputInfo>,
    dtype: Option<ItemType>,
    values: BTreeMap<&'static str, Value>,
    /// Those that were given, and are no defaults.
    named: BTreeSet<&'static str>,
    base: PathBuf,
}

impl Args {
    /// Checks `given` against the operator's parameters and fills in defaults.
    ///
    /// `dtype` is the agent's reserved key; `base` is the folder that relative paths start from.
    pub fn new(
        op: &'static OpDef,
        inputs: Vec<InputInfo>,
        dtype: Option<ItemType>,
        given: &[(String, Value)],
        base: &Path,
    ) -> Result<Args, OpError> {
        op.check_arity(inputs.len())?;
        let mut values = BTreeMap::new();
        for (name, value) in given {
            let param = op.param(name)?;
            param.check(value)?;
            let spelled = choice(param.kind, value).map(|word| Value::Text(word.to_owned()));
            values.insert(param.name, spelled.unwrap_or_else(|| param.plain(value)));
        }
        let named = values.keys().copied().collect();
        for param in op.params {
            if !values.contains_key(param.name) {
                param.fill_in(op, &mut values)?;
            }
        }
        Ok(Args {
            op,
            inputs,
            dtype,
            values,
            named,
            base: base.to_owned(),
        })
    }

    /// The operator these are for.
    pub fn op(&self) -> &'static OpDef {
        self.op
    }

    /// All inputs.
    pub fn inputs(&self) -> &[InputInfo] {
        &self.inputs
    }

    /// The only (or first) input.
    pub fn input(&self) -> &InputInfo {
        &self.inputs[0]
    }

    /// The agent's `dtype` key.
    pub fn dtype(&self) -> Option<&ItemType> {
        self.dtype.as_ref()
    }

    /// The folder that relative paths start from.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The value of a parameter as given (or its default), `None` where optional and absent.
    pub fn value(&self, name: &str) -> Option<&Value> {
        debug_assert!(self.op.params.iter().any(|p| p.name == name), "{name}");
        self.values.get(name)
    }

    /// True for a parameter that was given, and has not its default because nobody named it.
    pub fn is_given(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    /// A whole number, absent where optional.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Int(n) => Some(*n),
            Value::Float(x) => Some(*x as i64),
            _ => None,
        }
    }

    /// A whole number of at least `min`, refused otherwise.
    pub fn count(&self, name: &str, min: u64) -> Result<Option<u64>, OpError> {
        match self.int(name) {
            None => Ok(None),
            Some(n) if n >= 0 && n as u64 >= min => Ok(Some(n as u64)),
            Some(n) => Err(OpError::param(
                name,
                format!("`{name}` is {n}, and must be at least {min}"),
            )),
        }
    }

    /// A number, absent where optional.
    pub fn float(&self, name: &str) -> Option<f64> {
        plain_number(self.value(name)?)
    }

    /// A truth value; `false` where absent.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    /// A text, a choice or an expression, absent where optional.
    pub fn text(&self, name: &str) -> Option<&str> {
        word(self.value(name)?)
    }

    /// An item type, absent where optional. Already known to be spelled right.
    pub fn item_type(&self, name: &str) -> Option<ItemType> {
        self.text(name)?.parse().ok()
    }

    /// A table of numbers by their names, empty where absent.
    pub fn table(&self, name: &str) -> Vec<(&str, f64)> {
        let Some(Value::Table(entries)) = self.value(name) else {
            return Vec::new();
        };
        let numbers = entries.iter();
        numbers
            .filter_map(|(name, value)| Some((name.as_str(), plain_number(value)?)))
            .collect()
    }

    /// A list of numbers (one number is a list of one), absent where optional.
    pub fn floats(&self, name: &str) -> Option<Vec<f64>> {
        Some(match self.value(name)? {
            Value::List(items) => items.iter().filter_map(plain_number).collect(),
            one => vec![plain_number(one)?],
        })
    }

    /// A list of texts, absent where optional.
    pub fn texts(&self, name: &str) -> Option<Vec<&str>> {
        match self.value(name)? {
            Value::List(items) => Some(items.iter().filter_map(word).collect()),
            Value::Text(t) => Some(vec![t]),
            _ => None,
        }
    }

    /// A path, relative ones from the graph file's folder; `-` stays `-`.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        Some(if text == "-" {
            PathBuf::from("-")
        } else {
            self.base.join(text)
        })
    }

    /// A length in items: a whole number, or a duration times the first input's rate, rounded.
    ///
    /// Refused below `min`, and where a duration is given and the rate is not known.
    pub fn length(&self, name: &str, min: u64) -> Result<Option<u64>, OpError> {
        let rate = self.inputs.first().and_then(|i| i.rate);
        let items = match self.value(name) {
            Some(Value::Text(t)) => seconds(t)
                .ok_or_else(|| OpError::param(name, not_a_length(name, t)))
                .and_then(|s| {
                    let rate = rate.ok_or_else(|| OpError::param(name, no_rate(name, t)))?;
                    Ok((s * rate).round())
                })?,
            _ => match self.float(name) {
                None => return Ok(None),
                Some(x) => x,
            },
        };
        if items < min as f64 || items > i64::MAX as f64 {
            return Err(OpError::param(
                name,
                format!("`{name}` is {items} items, and must be at least {min}"),
            ));
        }
        Ok(Some(items as u64))
    }

    /// A required whole number of at least `min`.
    pub fn required_count(&self, name: &str, min: u64) -> Result<u64, OpError> {
        self.count(name, min)?.ok_or_else(|| self.missing(name))
    }

    /// A required length in items of at least `min`.
    pub fn required_length(&self, name: &str, min: u64) -> Result<u64, OpError> {
        self.length(name, min)?.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> OpError {
        OpError::op(format!("`{}` needs `{name}`", self.op.name))
    }
}

impl OpDef {
    fn check_arity(&self, found: usize) -> Result<(), OpError> {
        let wanted = match self.inputs {
            Arity::Source if found == 0 => return Ok(()),
            Arity::One if found == 1 => return Ok(()),
            Arity::AtLeast(n) if found >= n => return Ok(()),
            Arity::Source => "no input".to_owned(),
            Arity::One => "one input".to_owned(),
            Arity::AtLeast(1) => "at least one input".to_owned(),
            Arity::AtLeast(n) => format!("at least {n} inputs"),
        };
        let help = match self.inputs {
            Arity::Source => "it begins a stream: leave `in` out",
            _ if found == 0 => "say what it reads: in = \"STREAM\"",
            Arity::One => "`zip` joins several streams into one, `merge` mixes them",
            Arity::AtLeast(_) => "name them all: in = [\"a\", \"b\"]",
        };
        let found = match found {
            0 => "none".to_owned(),
            n => n.to_string(),
        };
        let message = format!("`{}` takes {wanted}, and has {found}", self.name);
        Err(OpError::param("in", message).with_help(help))
    }

    fn param(&self, name: &str) -> Result<&'static ParamDef, OpError> {
        self.params
            .iter()
            .find(|p| p.name == name)
            .ok_or_else(|| OpError {
                param: Some(name.to_owned()),
                message: format!("`{}` has no parameter `{name}`", self.name),
                help: Some(self.meant(name).unwrap_or_else(|| {
                    let names: Vec<&str> = self.params.iter().map(|p| p.name).collect();
                    match names.is_empty() {
                        true => "it takes none".to_owned(),
                        false => format!("it takes {}", names.join(", ")),
                    }
                })),
            })
    }

    /// Which parameter is meant by a name that is none: what it is called elsewhere, else the nearest.
    pub fn meant(&self, name: &str) -> Option<String> {
        let names: Vec<&str> = self.params.iter().map(|p| p.name).collect();
        let near = || nearest(name, &names).map(|near| format!("did you mean `{near}`?"));
        elsewhere::parameter_here(self, name).or_else(near)
    }
}

fn not_a_length(name: &str, text: &str) -> String {
    format!("`{name}` is {text:?}, and should be items or a duration such as \"0.5 s\"")
}

fn no_rate(name: &str, text: &str) -> String {
    format!(
        "`{name}` is the duration {text:?}, but the input's rate is not known: give `rate` at the source, or `{name}` in items"
    )
}
