//! Of a line's object only what is asked for: the rest is passed over, and a text without escapes stays where it lies.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value as Json};

use crate::operators::json_path::Path;

/// What is found at a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lean<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// An array or an object.
    Whole(Json),
}

impl From<Json> for Lean<'_> {
    fn from(value: Json) -> Self {
        match value {
            Json::Null => Lean::Null,
            Json::Bool(flag) => Lean::Bool(flag),
            Json::Number(number) => Lean::Number(number),
            Json::String(text) => Lean::Text(Cow::Owned(text)),
            whole => Lean::Whole(whole),
        }
    }
}

/// As JSON.
impl fmt::Display for Lean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lean::Null => f.write_str("null"),
            Lean::Bool(flag) => flag.fmt(f),
            Lean::Number(number) => number.fmt(f),
            Lean::Text(text) => Json::from(text.as_ref()).fmt(f),
            Lean::Whole(value) => value.fmt(f),
        }
    }
}

/// The keys of an object that paths begin with.
pub(super) struct Keys {
    keys: Vec<Key>,
    /// How many paths there are.
    count: usize,
}

struct Key {
    name: String,
    /// The paths that begin with it: which ones, and how they go on.
    uses: Vec<(usize, Path)>,
}

impl Keys {
    pub(super) fn of<'p>(paths: impl Iterator<Item = &'p Path>) -> Keys {
        let mut all = Keys {
            keys: Vec::new(),
            count: 0,
        };
        for (nth, path) in paths.enumerate() {
            all.count += 1;
            // A path into an array finds nothing in an object.
            let Some((name, rest)) = path.parted() else {
                continue;
            };
            match all.keys.iter_mut().find(|key| key.name == name) {
                Some(key) => key.uses.push((nth, rest)),
                None => all.keys.push(Key {
                    name: name.to_owned(),
                    uses: vec![(nth, rest)],
                }),
            }
        }
        all
    }

    /// What the object in a line has at each path; of a key that comes twice the last. An error where the line is no object.
    pub(super) fn values<'a>(
        &self,
        line: &'a [u8],
    ) -> Result<Vec<Option<Lean<'a>>>, serde_json::Error> {
        let mut values = vec![None; self.count];
        let mut json = serde_json::Deserializer::from_slice(line);
        json.deserialize_map(Object {
            keys: &self.keys,
            values: &mut values,
        })?;
        json.end()?;
        Ok(values)
    }
}

struct Object<'k, 'v, 'a> {
    keys: &'k [Key],
    values: &'v mut [Option<Lean<'a>>],
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        // Most lines have their keys in one order.
        let mut next = 0;
        while let Some(found) = map.next_key_seed(Which(self.keys, next))? {
            let Some(found) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            next = found + 1;
            match &self.keys[found].uses[..] {
                [(nth, rest)] if rest.is_empty() => self.values[*nth] = Some(map.next_value()?),
                uses => {
                    let value: Json = map.next_value()?;
                    for (nth, rest) in uses {
                        self.values[*nth] = rest.of(&value).cloned().map(Lean::from);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Which of the keys one is; the one at this place first.
struct Which<'k>(&'k [Key], usize);

impl<'a> DeserializeSeed<'a> for Which<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, key: D) -> Result<Option<usize>, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Which<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        let Which(keys, next) = self;
        match keys.get(next) {
            Some(key) if key.name == name => Ok(Some(next)),
            _ => Ok(keys.iter().position(|key| key.name == name)),
        }
    }
}

impl<'a> Deserialize<'a> for Lean<'a> {
    fn deserialize<D: Deserializer<'a>>(value: D) -> Result<Lean<'a>, D::Error> {
        value.deserialize_any(Any)
    }
}

struct Any;

impl<'a> Visitor<'a> for Any {
    type Value = Lean<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Lean<'a>, E> {
        Ok(Lean::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Lean<'a>, E> {
        Ok(Lean::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Lean<'a>, E> {
        Ok(Lean::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Lean<'a>, E> {
        Ok(Lean::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Lean<'a>, E> {
        Ok(Number::from_f64(number).map_or(Lean::Null, Lean::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Lean<'a>, E> {
        Ok(Lean::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Lean<'a>, E> {
        Ok(Lean::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'a>>(self, list: S) -> Result<Lean<'a>, S::Error> {
        Json::deserialize(SeqAccessDeserializer::new(list)).map(Lean::Whole)
    }

    fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<Lean<'a>, M::Error> {
        Json::deserialize(MapAccessDeserializer::new(map)).map(Lean::Whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::json_path;

    #[test]
    fn what_paths_find_is_what_they_find_in_the_whole_object() {
        let paths = ["a", "b.c", "b", "b.d[1]", "e", "\"x.y\"", "[0]"];
        let paths: Vec<Path> = paths
            .map(|path| json_path::parse("p", path).unwrap())
            .into();
        let lines = [
            r#"{"a": 1, "b": {"c": "x", "d": [1, 2.5]}, "e": null}"#,
            r#"{"e": "\u00fc\n", "a": [1, {}], "z": {"a": 7}, "b": 3}"#,
            r#"{"a": true, "a": -2, "b": {"c": 1}, "b": {}, "x.y": 18446744073709551615}"#,
            r#" { } "#,
            r#"{"a": -0.0, "b": {"d": [false]}, "e": "plain", "x.y": 1e300}"#,
        ];
        let keys = Keys::of(paths.iter());
        for line in lines {
            let whole: Json = serde_json::from_str(line).unwrap();
            let expected = paths
                .iter()
                .map(|path| path.of(&whole).cloned().map(Lean::from));
            let expected: Vec<_> = expected.collect();
            let found = keys.values(line.as_bytes()).unwrap();
            assert_eq!(found, expected, "{line}");
            let shown = |values: &[Option<Lean>]| {
                format!(
                    "{:?}",
                    values
                        .iter()
                        .flatten()
                        .map(Lean::to_string)
                        .collect::<Vec<_>>()
                )
            };
            let json = paths
                .iter()
                .filter_map(|path| path.of(&whole))
                .map(Json::to_string);
            assert_eq!(shown(&found), format!("{:?}", json.collect::<Vec<_>>()));
        }
        for line in ["7", "[]", "{", r#"{"a": 1} x"#, r#"{"z": [}"#, ""] {
            assert!(keys.values(line.as_bytes()).is_err(), "{line}");
        }
    }
}
