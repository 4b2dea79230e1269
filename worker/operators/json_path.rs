//! Paths into JSON documents: `a.b[0].c`.

use serde_json::Value as Json;

use crate::op::OpError;

/// Where a value is in a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    /// The value at this place of the document.
    pub(crate) fn of<'a>(&self, document: &'a Json) -> Option<&'a Json> {
        let mut steps = self.0.iter();
        steps.try_fold(document, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Element(index) => value.get(index),
        })
    }

    /// The key that it begins with, and the path from there on. `None` where it begins with an element.
    pub(crate) fn parted(&self) -> Option<(&str, Path)> {
        match &self.0[..] {
            [Step::Key(key), rest @ ..] => Some((key, Path(rest.to_vec()))),
            _ => None,
        }
    }

    /// Whether it leads nowhere else: what is left of a key alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The path that is written in this parameter.
pub(crate) fn parse(param: &str, written: &str) -> Result<Path, OpError> {
    let steps = steps(written).ok_or_else(|| {
        OpError::param(param, format!("`{param}` is {written:?}, which is no path"))
            .with_help("keys parted by dots, elements in brackets: a.b[0]")
    })?;
    Ok(Path(steps))
}

/// How a key of the document itself is written as a path, unless it is empty or has a quote.
pub(crate) fn written(key: &str) -> String {
    let is_plain = !key.contains(['.', '[']);
    match is_plain {
        true => key.to_owned(),
        false => format!("\"{key}\""),
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Element(usize),
}

/// The steps of a path; `None` where it is none.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (number, after) = inside.split_once(']')?;
            steps.push(Step::Element(number.parse().ok()?));
            rest = after;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        let (key, after) = match rest.strip_prefix('"') {
            Some(inside) => inside.split_once('"')?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        rest = after;
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_keys_and_elements() {
        let key = |key: &str| Step::Key(key.to_owned());
        let cases = [
            ("a", Some(vec![key("a")])),
            ("a.b[0]", Some(vec![key("a"), key("b"), Step::Element(0)])),
            (
                "[1][2].c",
                Some(vec![Step::Element(1), Step::Element(2), key("c")]),
            ),
            ("a.\"b.c\".d", Some(vec![key("a"), key("b.c"), key("d")])),
            ("", None),
            ("a.", None),
            (".a", None),
            ("a[x]", None),
            ("a[0", None),
            ("a..b", None),
        ];
        for (path, expected) in cases {
            assert_eq!(steps(path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_key_is_found_again_as_it_is_written() {
        let document: Json = serde_json::from_str(r#"{"a": 1, "b.c": 2, "d[0]": 3}"#).unwrap();
        for (key, value) in [("a", 1), ("b.c", 2), ("d[0]", 3)] {
            let path = parse("path", &written(key)).unwrap();
            assert_eq!(path.of(&document), Some(&Json::from(value)));
        }
    }
}
