//! What parameters are given: values as files, lines and programs write them.

use std::path::{Path, PathBuf};
use std::time::Duration;

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
