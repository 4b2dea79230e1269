//! Operators by name: what `thalweg ops` lists, what a graph file's `op` names.
//!
//! An operator is one row ([`OpDef`]): its words, its parameters, and a function that makes a
//! [`Blueprint`] from [`Args`]: the types and rates of its inputs and the checked parameters. Kinds,
//! defaults, missing and unknown names are checked here for all; ranges and combinations by the
//! operator, with [`OpError::param`] so that the message can point at the line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::agent::Blueprint;
use crate::types::ItemType;

mod elsewhere;

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
            ParamKind::Number | ParamKind::Values => "a number or a list of numbers".to_owned(),
            ParamKind::Items => "a number, a text or a list of either".to_owned(),
            ParamKind::Scalar => "a number, a text, true or false".to_owned(),
            ParamKind::Choice(words) => format!("one of {}", words.join(", ")),
            ParamKind::Type => "an item type such as f64".to_owned(),
            ParamKind::Live => "a table of numbers, live".to_owned(),
        }
    }
}

/// A parameter's value as a graph file, the command line or a Rust program gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A whole number beyond `i64`: from 2^63 on.
    Big(u64),
    /// A number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A table: names and their values.
    Table(Vec<(String, Value)>),
}

impl Value {
    /// What kind of thing was found, for messages.
    pub fn describe(&self) -> String {
        match self {
            Value::Int(n) => format!("the whole number {n}"),
            Value::Big(n) => format!("{n}, more than 2^63 - 1"),
            Value::Float(x) if x.is_nan() => "nan, which is no number".to_owned(),
            Value::Float(x) if x.is_infinite() => format!("{x}, which is not finite"),
            Value::Float(x) => format!("the number {x}"),
            Value::Bool(b) => format!("{b}"),
            Value::Text(t) => format!("the text {t:?}"),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Table(_) => "a table".to_owned(),
        }
    }

    /// The value as files and expressions write it; nothing for a list or a table.
    pub(crate) fn written(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Big(n) => n.to_string(),
            // `NaN` is Rust's spelling.
            Value::Float(x) => x.to_string().to_lowercase(),
            Value::List(_) | Value::Table(_) => String::new(),
        }
    }

    /// The whole number that this is, written as one or not.
    pub fn whole(&self) -> Option<i128> {
        match *self {
            Value::Int(n) => Some(n.into()),
            Value::Big(n) => Some(n.into()),
            Value::Float(x) if x.fract() == 0.0 => Some(x as i128),
            _ => None,
        }
    }

    /// The number that a text stands for where numbers are wanted: what TOML has no spelling for (a whole number from
    /// 2^63 on), and what a word on the command line is (`nan`, `inf`, `-inf`).
    pub fn spelled(text: &str) -> Option<Value> {
        Some(match text.trim() {
            "nan" => Value::Float(f64::NAN),
            "inf" | "+inf" => Value::Float(f64::INFINITY),
            "-inf" => Value::Float(f64::NEG_INFINITY),
            digits if digits.bytes().all(|b| b.is_ascii_digit() || b == b'_') => {
                let n = digits.replace('_', "").parse::<u64>().ok()?;
                (n > i64::MAX as u64).then_some(Value::Big(n))?
            }
            _ => return None,
        })
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Int(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Value {
        Value::Int(n.into())
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Value {
        i64::try_from(n).map_or(Value::Big(n), Value::Int)
    }
}

impl From<usize> for Value {
    fn from(n: usize) -> Value {
        Value::from(n as u64)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Float(x)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

/// A length in time: the text `"0.5 s"`.
impl From<Duration> for Value {
    fn from(time: Duration) -> Value {
        Value::Text(format!("{} s", time.as_secs_f64()))
    }
}

impl From<&str> for Value {
    fn from(t: &str) -> Value {
        Value::Text(t.to_owned())
    }
}

impl From<String> for Value {
    fn from(t: String) -> Value {
        Value::Text(t)
    }
}

impl From<&String> for Value {
    fn from(t: &String) -> Value {
        Value::Text(t.clone())
    }
}

/// Paths in graphs are texts. One that is no UTF-8 must not be taken for another file: it gets a zero byte, which no file's name
/// has, and is refused by its name.
impl From<&Path> for Value {
    fn from(path: &Path) -> Value {
        Value::Text(match path.to_str() {
            Some(path) => path.to_owned(),
            None => format!("{}\0", path.display()),
        })
    }
}

impl From<&PathBuf> for Value {
    fn from(path: &PathBuf) -> Value {
        Value::from(path.as_path())
    }
}

impl From<PathBuf> for Value {
    fn from(path: PathBuf) -> Value {
        Value::from(path.as_path())
    }
}

impl<V: Into<Value>, const N: usize> From<[V; N]> for Value {
    fn from(values: [V; N]) -> Value {
        Value::List(values.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Value {
        Value::List(values.into_iter().map(Into::into).collect())
    }
}

/// A table of these names and values.
impl<V: Into<Value>> From<Vec<(&str, V)>> for Value {
    fn from(entries: Vec<(&str, V)>) -> Value {
        let entries = entries.into_iter();
        Value::Table(
            entries
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        )
    }
}

/// A table of these names and values.
impl<V: Into<Value>, const N: usize> From<[(&str, V); N]> for Value {
    fn from(entries: [(&str, V); N]) -> Value {
        Value::from(Vec::from(entries))
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

impl ParamDef {
    /// Refuses a value of another kind than the parameter takes.
    pub fn check(&self, value: &Value) -> Result<(), OpError> {
        if fits(self.kind, &self.plain(value)) {
            return Ok(());
        }
        let refusal = OpError::param(
            self.name,
            format!(
                "`{}` is {}, and should be {}",
                self.name,
                self.plain(value).describe(),
                self.describe()
            ),
        );
        Err(match (self.kind, value) {
            (ParamKind::Length, Value::Text(_)) => {
                refusal.with_help("items have no quotes; a duration has a unit: ns us ms s min h")
            }
            (ParamKind::Float | ParamKind::Dial | ParamKind::Int, Value::Text(text))
                if text.trim().parse::<f64>().is_ok() =>
            {
                refusal.with_help(format!("a number has no quotes: {}", text.trim()))
            }
            (ParamKind::Length | ParamKind::Int, Value::Float(x)) if x.fract() == 0.0 => {
                refusal.with_help(format!("a whole number has no point and no exponent: {x}"))
            }
            _ => refusal,
        })
    }

    /// What values it takes, units included.
    pub fn describe(&self) -> String {
        // That it can be turned while the run goes on is nothing that a value is held against.
        let kind = match self.kind {
            ParamKind::Dial => ParamKind::Float.describe(),
            ParamKind::Live => "a table of numbers: { level = 3 }".to_owned(),
            kind => kind.describe(),
        };
        match (self.is_numeric(), self.unit) {
            (true, "Hz") => format!("{kind}, or a frequency such as \"2.4 kHz\""),
            (true, "s") => format!("{kind}, or a duration such as \"20 ms\""),
            _ => kind,
        }
    }

    /// The value as a number in the parameter's own unit, where a text spells one: of a frequency `"2.4 kHz"` is
    /// 2400, of a duration `"20 ms"` is 0.02.
    fn plain(&self, value: &Value) -> Value {
        match value {
            Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Bool(_)
                if self.is_written() =>
            {
                Value::Text(value.written())
            }
            Value::List(items) if self.is_written() => {
                Value::List(items.iter().map(|item| self.plain(item)).collect())
            }
            Value::Text(text) if self.is_numeric() => {
                let read = match self.unit {
                    "Hz" => hertz(text),
                    "s" => seconds(text),
                    _ => None,
                };
                match read {
                    Some(x) if self.kind == ParamKind::Int && x.fract() == 0.0 => {
                        Value::Int(x as i64)
                    }
                    Some(x) => Value::Float(x),
                    None => Value::spelled(text).unwrap_or_else(|| value.clone()),
                }
            }
            Value::List(items) if self.is_numeric() => {
                Value::List(items.iter().map(|item| self.plain(item)).collect())
            }
            other => other.clone(),
        }
    }

    /// True where it may be turned while the run goes on.
    pub fn is_live(&self) -> bool {
        matches!(self.kind, ParamKind::Dial | ParamKind::Live)
    }

    /// True where a number is an expression that needs no quotes.
    fn is_written(&self) -> bool {
        matches!(self.kind, ParamKind::Expr | ParamKind::Exprs)
    }

    /// True where a text is nothing but a number spelled out.
    fn is_numeric(&self) -> bool {
        use ParamKind::{Dial, Float, Floats, Int, Number, Values};
        matches!(self.kind, Int | Float | Dial | Number | Values | Floats)
    }

    fn fill_in(
        &self,
        op: &OpDef,
        values: &mut BTreeMap<&'static str, Value>,
    ) -> Result<(), OpError> {
        match self.default {
            Some("") => Ok(()),
            Some(text) => {
                values.insert(self.name, written(self.kind, text));
                Ok(())
            }
            None => Err(OpError {
                param: None,
                message: format!("`{}` needs `{}`: {}", op.name, self.name, self.doc),
                help: Some(format!("add `{} = ..` ({})", self.name, self.describe())),
            }),
        }
    }
}

/// The word of a choice that a value spells: `true`, `false` and numbers need no quotes; a window's other names stand for it.
fn choice(kind: ParamKind, value: &Value) -> Option<&'static str> {
    let ParamKind::Choice(words) = kind else {
        return None;
    };
    let spelled = value.written();
    let find = |spelled: &str| words.iter().find(|word| **word == spelled).copied();
    find(&spelled).or_else(|| find(elsewhere::window_here(&spelled)?))
}

fn fits(kind: ParamKind, value: &Value) -> bool {
    match (kind, value) {
        (ParamKind::Int, Value::Int(_)) => true,
        (ParamKind::Float | ParamKind::Dial | ParamKind::Number, v) if number(v).is_some() => true,
        (ParamKind::Bool, Value::Bool(_)) => true,
        (ParamKind::Live, Value::Table(entries)) => {
            entries.iter().all(|(_, v)| number(v).is_some())
        }
        (ParamKind::Length, Value::Int(_)) => true,
        (ParamKind::Length, Value::Text(t)) => seconds(t).is_some(),
        (ParamKind::Choice(_), v) => choice(kind, v).is_some(),
        (ParamKind::Type, Value::Text(t)) => t.parse::<ItemType>().is_ok(),
        (ParamKind::Floats | ParamKind::Number, Value::List(items)) => {
            items.iter().all(|v| number(v).is_some())
        }
        (ParamKind::Items, Value::Text(_)) => true,
        (ParamKind::Items | ParamKind::Values, v) if plain_number(v).is_some() => true,
        (ParamKind::Values, Value::List(items)) => items.iter().all(|v| plain_number(v).is_some()),
        (ParamKind::Items, Value::List(items)) => items
            .iter()
            .all(|v| plain_number(v).is_some() || word(v).is_some()),
        (ParamKind::Scalar, Value::Text(_) | Value::Bool(_)) => true,
        (ParamKind::Scalar, v) => number(v).is_some(),
        (ParamKind::Columns, Value::Int(_)) => true,
        (ParamKind::Columns, Value::List(items)) => items
            .iter()
            .all(|v| matches!(v, Value::Int(_) | Value::Text(_))),
        (ParamKind::Texts | ParamKind::Exprs, Value::List(items)) => {
            items.iter().all(|v| word(v).is_some())
        }
        (
            ParamKind::Text
            | ParamKind::ReadPath
            | ParamKind::WritePath
            | ParamKind::Expr
            | ParamKind::Exprs
            | ParamKind::Texts
            | ParamKind::Columns,
            Value::Text(_),
        ) => true,
        _ => false,
    }
}

/// A finite number.
fn number(value: &Value) -> Option<f64> {
    plain_number(value).filter(|x| x.is_finite())
}

fn plain_number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Big(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

fn word(value: &Value) -> Option<&str> {
    match value {
        Value::Text(t) => Some(t),
        _ => None,
    }
}

/// The value that a default's text stands for. Lists have no defaults other than "absent".
fn written(kind: ParamKind, text: &str) -> Value {
    let as_int = || text.parse().map(Value::Int).ok();
    let as_float = || text.parse().map(Value::Float).ok();
    match kind {
        ParamKind::Int | ParamKind::Length => as_int(),
        ParamKind::Float
        | ParamKind::Dial
        | ParamKind::Number
        | ParamKind::Values
        | ParamKind::Items => as_int().or_else(as_float),
        ParamKind::Bool => text.parse().map(Value::Bool).ok(),
        ParamKind::Scalar => match text.parse() {
            Ok(flag) => Some(Value::Bool(flag)),
            Err(_) => as_int().or_else(as_float),
        },
        _ => None,
    }
    .unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// A duration's seconds: `"0.5 s"`, `"20 ms"`, `"3us"`, `"10 min"`, `"1 h"`. Not negative, finite.
pub fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = parted(text)?;
    let x = match unit {
        "ns" => scaled(number, -9),
        "us" | "µs" => scaled(number, -6),
        "ms" => scaled(number, -3),
        "s" => scaled(number, 0),
        "min" => scaled(number, 0).map(|x| x * 60.0),
        "h" => scaled(number, 0).map(|x| x * 3600.0),
        _ => None,
    }?;
    (x.is_finite() && x >= 0.0).then_some(x)
}

/// A frequency's Hertz: `"10 Hz"`, `"44.1 kHz"`, `"2.4 MHz"`, `"1 GHz"`, `"5 mHz"`. Finite.
pub fn hertz(text: &str) -> Option<f64> {
    let (number, unit) = parted(text)?;
    let x = match unit {
        "mHz" => scaled(number, -3),
        "Hz" => scaled(number, 0),
        "kHz" => scaled(number, 3),
        "MHz" => scaled(number, 6),
        "GHz" => scaled(number, 9),
        _ => None,
    }?;
    x.is_finite().then_some(x)
}

/// A number and the unit behind it.
fn parted(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_alphabetic() && c != 'e' && c != 'E')?;
    let (number, unit) = text.split_at(split);
    Some((number.trim(), unit.trim()))
}

/// A decimal number times a power of ten, rounded once: 0.3 ms is 0.0003 s to the last bit.
fn scaled(number: &str, power: i32) -> Option<f64> {
    let (digits, exponent) = match number.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let exponent = exponent.checked_add(power)?;
    format!("{digits}e{exponent}").parse().ok()
}

fn not_a_length(name: &str, text: &str) -> String {
    format!("`{name}` is {text:?}, and should be items or a duration such as \"0.5 s\"")
}

fn no_rate(name: &str, text: &str) -> String {
    format!(
        "`{name}` is the duration {text:?}, but the input's rate is not known: give `rate` at the source, or `{name}` in items"
    )
}

/// What to say of a name that is none of these: which of them is meant, else which there are.
pub fn meant(name: &str, there: &[&str]) -> String {
    let all = match there {
        there if there.len() > LISTED => format!("{} ..", there[..LISTED].join(", ")),
        _ => there.join(", "),
    };
    match nearest(name, there) {
        Some(near) => format!("did you mean {near:?}? It has {all}"),
        None => format!("it has {all}"),
    }
}

/// So many names are listed.
const LISTED: usize = 20;

/// The candidate most like `name`, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|c| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &c.to_lowercase()),
                *c,
            )
        })
        .filter(|(distance, c)| {
            let shorter = c.chars().count().min(name.chars().count());
            *distance <= slips(shorter)
        })
        .min()
        .map(|(_, c)| c)
        .or_else(|| nearest_part(name, candidates))
        .or_else(|| nearest_tail(name, candidates))
}

/// How many letters of a word of this length may be wrong: of a single one nothing is left when it is changed, and two
/// of three make another word.
fn slips(letters: usize) -> usize {
    match letters {
        0..=1 => 0,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

/// The candidate whose part behind the dot is most like `name`.
fn nearest_tail<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let tails = candidates
        .iter()
        .filter_map(|c| Some((c.rsplit_once('.')?.1, *c)));
    let distance = |tail: &str| strsim::damerau_levenshtein(name, tail);
    let (tail, whole) = tails.min_by_key(|(tail, _)| distance(tail))?;
    (name.chars().count() > 3 && distance(tail) == 1).then_some(whole)
}

/// The shortest candidate that begins or ends with `name`, or the longest that `name` begins or ends with.
fn nearest_part<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    const LEAST: usize = 3;
    let is_part = |part: &str, of: &str| {
        part.chars().count() >= LEAST && (of.starts_with(part) || of.ends_with(part))
    };
    let by_length = |c: &&&str| c.chars().count();
    let whole = candidates.iter().filter(|c| is_part(name, c));
    let part = candidates.iter().filter(|c| is_part(c, name));
    whole
        .min_by_key(by_length)
        .or_else(|| part.max_by_key(by_length))
        .copied()
}

/// An operator refuses what it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OpError {
    /// The parameter (or reserved key) it is about; `None`: the agent as a whole.
    pub param: Option<String>,
    /// What was found and what should be.
    pub message: String,
    /// What would mend it.
    pub help: Option<String>,
}

impl OpError {
    /// About one parameter, or a reserved key such as `in` or `dtype`.
    pub fn param(name: &str, message: impl Into<String>) -> OpError {
        OpError {
            param: Some(name.to_owned()),
            message: message.into(),
            help: None,
        }
    }

    /// About the agent as a whole.
    pub fn op(message: impl Into<String>) -> OpError {
        OpError {
            param: None,
            message: message.into(),
            help: None,
        }
    }

    /// About the type of an input; the help is what makes the wanted items of those found.
    pub fn input_type(op: &str, input: &InputInfo, wanted: &str) -> OpError {
        OpError {
            param: Some("in".to_owned()),
            message: match input.naming {
                Naming::Alone if input.is_unnamed() => {
                    format!(
                        "`{op}` takes {wanted}, and its input is {}",
                        input.item_type
                    )
                }
                _ => format!(
                    "`{op}` takes {wanted}, and {} is {}",
                    input.called(),
                    input.item_type
                ),
            },
            help: conversion(&input.item_type, wanted).map(str::to_owned),
        }
    }

    /// Adds what would mend it, where nothing said so yet.
    pub fn or_help(mut self, help: impl Into<String>) -> OpError {
        self.help.get_or_insert_with(|| help.into());
        self
    }

    /// Adds what would mend it.
    pub fn with_help(mut self, help: impl Into<String>) -> OpError {
        self.help = Some(help.into());
        self
    }
}

/// What makes items that are wanted of items of this type.
fn conversion(found: &ItemType, wanted: &str) -> Option<&'static str> {
    let wants = |word: &str| wanted.contains(word);
    Some(match found {
        _ if wants("text") && found.elements().is_some() => "`text.format` makes text of numbers",
        ItemType::Text if wants("bytes") => return None,
        ItemType::Text => "`text.parse` makes numbers of text, `text.length` counts its letters",
        ItemType::Bytes => "`lines` makes text of bytes; `raw.read` reads numbers from a file",
        ItemType::Timed(_) => {
            "`unstack` parts timed items: AGENT.x has the values, AGENT.t the times"
        }
        _ if wants("timed") => "`timed` gives items their times",
        ItemType::Vector(..) if !wants("vector") && !wants("one by one") => {
            "`pick` takes an element of vectors, `unstack` all of them as streams of their own"
        }
        ItemType::Vector(..) if wants("one by one") => {
            "`flatten` gives the elements of vectors one by one, `pick` takes one of them"
        }
        ItemType::Scalar(_) if wants("vectors") && !wants("numbers or") && !wants("or vectors") => {
            "`zip` without `expr` makes vectors of several streams, `blocks` of one"
        }
        ItemType::Scalar(scalar) if scalar.is_complex() && !wants("complex") => {
            "take a part of complex numbers first: op = \"map\", expr = \"abs(x)\", or re(x), im(x), arg(x)"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        let cases = [
            ("0.5 s", Some(0.5)),
            ("20 ms", Some(0.02)),
            ("3us", Some(3e-6)),
            ("1e-3 s", Some(1e-3)),
            ("2 min", Some(120.0)),
            ("-1 s", None),
            ("5", None),
            ("s", None),
            ("", None),
            ("1 parsec", None),
            ("0.3 ms", Some(0.0003)),
            ("7 µs", Some(7e-6)),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }

    #[test]
    fn frequencies_are_read_with_their_units() {
        let cases = [
            ("10 Hz", Some(10.0)),
            ("2.4 MHz", Some(2.4e6)),
            ("0.07GHz", Some(7e7)),
            ("44.1 kHz", Some(44_100.0)),
            ("1e3 mHz", Some(1.0)),
            ("-2.5 kHz", Some(-2500.0)),
            ("5", None),
            ("Hz", None),
            ("5 hz", None),
            ("2 s", None),
            ("1e999 Hz", None),
        ];
        for (text, expected) in cases {
            assert_eq!(hertz(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_parameter_takes_its_own_unit_written_out() {
        let param = |kind, unit| ParamDef {
            name: "p",
            kind,
            default: None,
            unit,
            doc: "",
        };
        let plain = |kind, unit, text: &str| {
            let param = param(kind, unit);
            let value = Value::from(text);
            param.check(&value).map(|()| param.plain(&value)).ok()
        };
        let cases = [
            (
                ParamKind::Float,
                "Hz",
                "2.4 kHz",
                Some(Value::Float(2400.0)),
            ),
            (ParamKind::Int, "Hz", "48 kHz", Some(Value::Int(48_000))),
            (ParamKind::Int, "Hz", "1.5 Hz", None),
            (ParamKind::Float, "s", "20 ms", Some(Value::Float(0.02))),
            (ParamKind::Float, "s", "20 Hz", None),
            (ParamKind::Float, "dB", "20 Hz", None),
        ];
        for (kind, unit, text, expected) in cases {
            assert_eq!(plain(kind, unit, text), expected, "{text} as {unit}");
        }
        let band = param(ParamKind::Floats, "Hz");
        let list = Value::from(["1 Hz", "2 kHz"]);
        band.check(&list).unwrap();
        assert_eq!(band.plain(&list), Value::from([1.0, 2000.0]));
        let refused = param(ParamKind::Float, "Hz").check(&"fast".into());
        assert!(refused.unwrap_err().message.contains("such as \"2.4 kHz\""));
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let names = ["cutoff", "order", "low", "high"];
        assert_eq!(nearest("cutof", &names), Some("cutoff"));
        assert_eq!(nearest("Order", &names), Some("order"));
        assert_eq!(nearest("frequency", &names), None);
    }

    #[test]
    fn nothing_is_like_a_single_letter_but_itself() {
        assert_eq!(nearest("q", &["x", "y", "xy"]), None);
        assert_eq!(nearest("X", &["x"]), Some("x"));
        assert_eq!(nearest("in", &["k", "n"]), None);
        assert_eq!(nearest("foo", &["cos", "floor"]), None);
        assert_eq!(nearest("avg", &["var"]), None);
        assert_eq!(nearest("conts", &["const"]), Some("const"));
    }

    #[test]
    fn the_longer_form_of_a_name_is_offered_and_the_shorter_one_too() {
        assert_eq!(nearest("frequency", &["rate", "freq"]), Some("freq"));
        assert_eq!(nearest("sample_rate", &["rate", "freq"]), Some("rate"));
        let ops = ["fir.lowpass", "iir.lowpass", "sine"];
        assert_eq!(nearest("lowpass", &ops), Some("fir.lowpass"));
        assert_eq!(nearest("lowpas", &ops), Some("fir.lowpass"));
    }
}
