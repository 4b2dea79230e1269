//! One recorded run of IoTPy: what went in, what came out, how to compare.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// A file of `vectors/`.
pub struct Vector {
    /// The file's stem.
    pub name: String,
    file: Value,
}

impl Vector {
    /// Every file of the folder, by name.
    pub fn all(folder: &Path) -> Vec<Vector> {
        let mut paths: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths.iter().map(|path| Vector::read(path)).collect()
    }

    fn read(path: &Path) -> Vector {
        let text = fs::read_to_string(path).unwrap();
        Vector {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            file: serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        }
    }

    /// A parameter of the agent.
    pub fn param<T: Json>(&self, name: &str) -> T {
        T::of(&self.file["params"][name])
    }

    /// What was fed to a stream in all its steps.
    pub fn fed<T: Json>(&self, stream: &str) -> Vec<T> {
        let batches = self.batches::<T>(stream);
        batches.into_iter().flatten().collect()
    }

    /// What was fed to a stream in each step: a step is one wake-up of its readers.
    pub fn batches<T: Json>(&self, stream: &str) -> Vec<Vec<T>> {
        let inputs = &self.file["inputs"];
        let items = |batch: &Value| {
            batch
                .as_array()
                .map_or(Vec::new(), |v| v.iter().map(T::of).collect())
        };
        match inputs["feed"].as_array() {
            Some(steps) => steps.iter().map(|step| items(&step[stream])).collect(),
            None => vec![items(&inputs[stream])],
        }
    }

    /// Every output stream, whole.
    pub fn recorded(&self) -> Map<String, Value> {
        let outputs = &self.file["outputs"]["final"];
        outputs.as_object().cloned().unwrap_or_default()
    }

    /// What differs between the recorded outputs, or those that are right instead, and these.
    pub fn difference(
        &self,
        right: &Map<String, Value>,
        found: &[(String, Value)],
    ) -> Option<String> {
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        if names.len() != right.len() {
            return Some(format!("outputs {names:?}, recorded {:?}", right.keys()));
        }
        found.iter().find_map(|(name, found)| {
            let right = right.get(name).unwrap_or(&Value::Null);
            (!self.same(right, found)).then(|| format!("{name}: right {right}, found {found}"))
        })
    }

    fn same(&self, right: &Value, found: &Value) -> bool {
        let how = &self.file["how"];
        match how["compare"].as_str().unwrap() {
            "exact" => near(right, found, 0.0, 0.0),
            "approx" => near(
                right,
                found,
                how["rtol"].as_f64().unwrap(),
                how["atol"].as_f64().unwrap(),
            ),
            "multiset" => near(&sorted(right), &sorted(found), 0.0, 0.0),
            other => panic!("{}: no comparison `{other}`", self.name),
        }
    }
}

/// Numbers by value (1 is 1.0, and true), everything else as it is.
fn near(right: &Value, found: &Value, rtol: f64, atol: f64) -> bool {
    match (right, found) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b, rtol, atol))
        }
        _ => match (number(right), number(found)) {
            (Some(a), Some(b)) => a == b || (a - b).abs() <= atol + rtol * a.abs(),
            _ => right == found,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(f64::from(*truth)),
        _ => value.as_f64(),
    }
}

fn sorted(items: &Value) -> Value {
    let mut items = items.as_array().unwrap().clone();
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}

/// What an item is in a file.
pub trait Json {
    /// From the file.
    fn of(value: &Value) -> Self;
    /// As the file has it.
    fn json(self) -> Value;
}

impl Json for Value {
    fn of(value: &Value) -> Value {
        value.clone()
    }

    fn json(self) -> Value {
        self
    }
}

impl Json for i64 {
    fn of(value: &Value) -> i64 {
        value
            .as_i64()
            .unwrap_or_else(|| panic!("{value} is no whole number"))
    }

    fn json(self) -> Value {
        json!(self)
    }
}

impl Json for f64 {
    fn of(value: &Value) -> f64 {
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{value} is no number"))
    }

    fn json(self) -> Value {
        json!(self)
    }
}

impl Json for u64 {
    fn of(value: &Value) -> u64 {
        value
            .as_u64()
            .unwrap_or_else(|| panic!("{value} is no count"))
    }

    fn json(self) -> Value {
        json!(self)
    }
}

impl Json for f32 {
    fn of(value: &Value) -> f32 {
        f64::of(value) as f32
    }

    fn json(self) -> Value {
        json!(f64::from(self))
    }
}

/// Comparisons give `u8`.
impl Json for u8 {
    fn of(value: &Value) -> u8 {
        u8::try_from(u64::of(value)).unwrap()
    }

    fn json(self) -> Value {
        json!(self)
    }
}

/// A letter, where the file has texts of one: `u32` is the item that goes through the graph.
impl Json for u32 {
    fn of(value: &Value) -> u32 {
        let text = value
            .as_str()
            .unwrap_or_else(|| panic!("{value} is no text"));
        let mut letters = text.chars();
        let letter = letters.next().unwrap();
        assert_eq!(letters.next(), None, "{value} is more than a letter");
        u32::from(letter)
    }

    fn json(self) -> Value {
        json!(char::from_u32(self).unwrap().to_string())
    }
}

impl<T: Json, const N: usize> Json for [T; N] {
    fn of(value: &Value) -> [T; N] {
        let items = value
            .as_array()
            .unwrap_or_else(|| panic!("{value} is no list"));
        assert_eq!(items.len(), N, "{value}");
        std::array::from_fn(|i| T::of(&items[i]))
    }

    fn json(self) -> Value {
        self.into_iter().map(T::json).collect()
    }
}

impl<T: Json> Json for Vec<T> {
    fn of(value: &Value) -> Vec<T> {
        let items = value
            .as_array()
            .unwrap_or_else(|| panic!("{value} is no list"));
        items.iter().map(T::of).collect()
    }

    fn json(self) -> Value {
        self.into_iter().map(T::json).collect()
    }
}

impl<A: Json, B: Json> Json for (A, B) {
    fn of(value: &Value) -> (A, B) {
        (A::of(&value[0]), B::of(&value[1]))
    }

    fn json(self) -> Value {
        json!([self.0.json(), self.1.json()])
    }
}
