//! `$NAME` inside a sub-graph: a parameter of the use.
//!
//! A text that is `$NAME` and no more becomes the parameter's value, whatever that is. Inside a longer text
//! the value is written out (`"abs(x) > $level"`, `"${name}.wav"`). `$$` is a dollar sign, and so is a `$`
//! that no name follows.

use std::collections::BTreeMap;

use crate::decl::{At, Span};
use crate::diag::Diagnostic;
use crate::keys::{Node, NodeValue};

/// The parameters of one use.
pub(super) type Values = BTreeMap<String, Node>;

/// Moves every place of the node by `shift`.
pub(crate) fn shifted(node: Node, shift: usize) -> Node {
    let value = match node.value {
        NodeValue::List(items) => {
            NodeValue::List(items.into_iter().map(|item| shifted(item, shift)).collect())
        }
        NodeValue::Table(entries) => NodeValue::Table(
            entries
                .into_iter()
                .map(|(key, item)| (moved(key, shift), shifted(item, shift)))
                .collect(),
        ),
        other => other,
    };
    Node {
        value,
        span: shift_span(node.span, shift),
    }
}

pub(super) fn moved(name: At<String>, shift: usize) -> At<String> {
    At::new(name.value, shift_span(name.span, shift))
}

fn shift_span(span: Span, shift: usize) -> Span {
    span.start + shift..span.end + shift
}

/// Puts the parameters' values into every text of the node.
pub(super) fn substituted(node: Node, values: &Values, is_expr: bool) -> Result<Node, Diagnostic> {
    let span = node.span;
    let value = match node.value {
        NodeValue::Text(text) => match whole(&text).and_then(|name| values.get(name)) {
            Some(value) => return Ok(value.clone()),
            None => NodeValue::Text(written_out(&text, &span, values, is_expr)?),
        },
        NodeValue::List(items) => NodeValue::List(
            items
                .into_iter()
                .map(|item| substituted(item, values, is_expr))
                .collect::<Result<_, _>>()?,
        ),
        NodeValue::Table(entries) => NodeValue::Table(
            entries
                .into_iter()
                .map(|(key, item)| Ok((key, substituted(item, values, is_expr)?)))
                .collect::<Result<_, Diagnostic>>()?,
        ),
        other => other,
    };
    Ok(Node { value, span })
}

/// The name, where the text is `$NAME` or `${NAME}` and no more.
fn whole(text: &str) -> Option<&str> {
    match Pieces(text).next() {
        Some(Piece::Param(name)) if Pieces(text).count() == 1 => Some(name),
        _ => None,
    }
}

fn written_out(
    text: &str,
    span: &Span,
    values: &Values,
    is_expr: bool,
) -> Result<String, Diagnostic> {
    let mut out = String::new();
    for piece in Pieces(text) {
        match piece {
            Piece::Plain(text) => out += text,
            Piece::Param(name) => out += &word(name, values.get(name), span, is_expr)?,
        }
    }
    Ok(out)
}

fn word(
    name: &str,
    value: Option<&Node>,
    span: &Span,
    is_expr: bool,
) -> Result<String, Diagnostic> {
    let text = match value.map(|node| &node.value) {
        Some(NodeValue::Text(text)) => return Ok(text.clone()),
        Some(NodeValue::Bool(flag)) => return Ok(flag.to_string()),
        Some(NodeValue::Int(n)) => n.to_string(),
        Some(NodeValue::Big(n)) => n.to_string(),
        // `NaN` is Rust's spelling; files and expressions have `nan`.
        Some(NodeValue::Float(x)) => format!("{x:?}").to_lowercase(),
        _ => {
            let message = format!("`${name}` is a list, and stands inside a text");
            return Err(Diagnostic::new(message).at(span.clone(), "only numbers and texts fit"));
        }
    };
    // `2 - $k` with k = -1 is no `2 --1`.
    Ok(match is_expr && text.starts_with('-') {
        true => format!("({text})"),
        false => text,
    })
}

/// The names of parameters that the node's texts mention, each with its place.
pub(super) fn mentioned(node: &Node, into: &mut Vec<At<String>>) {
    match &node.value {
        NodeValue::Text(text) => into.extend(Pieces(text).filter_map(|piece| match piece {
            Piece::Param(name) => Some(At::new(name.to_owned(), node.span.clone())),
            Piece::Plain(_) => None,
        })),
        NodeValue::List(items) => items.iter().for_each(|item| mentioned(item, into)),
        NodeValue::Table(entries) => entries.iter().for_each(|(_, item)| mentioned(item, into)),
        _ => {}
    }
}

enum Piece<'a> {
    Plain(&'a str),
    Param(&'a str),
}

/// A text cut before and after each `$NAME`.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let Some(after) = text.strip_prefix('$') else {
            let (plain, rest) = text.split_at(text.find('$').unwrap_or(text.len()));
            self.0 = rest;
            return Some(Piece::Plain(plain));
        };
        if let Some((name, rest)) = after.strip_prefix('{').and_then(|t| t.split_once('}'))
            && name_len(name) == name.len()
            && !name.is_empty()
        {
            self.0 = rest;
            return Some(Piece::Param(name));
        }
        let len = name_len(after);
        if len > 0 {
            self.0 = &after[len..];
            return Some(Piece::Param(&after[..len]));
        }
        self.0 = after.strip_prefix('$').unwrap_or(after);
        Some(Piece::Plain("$"))
    }
}

/// How many bytes at the start can be a parameter's name.
pub(super) fn name_len(text: &str) -> usize {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        true => text.find(|c| !inside(c)).unwrap_or(text.len()),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(value: NodeValue) -> Node {
        Node { value, span: 3..9 }
    }

    fn check(text: &str, is_expr: bool, expected: NodeValue) {
        let values: Values = [
            ("k".to_owned(), node(NodeValue::Int(-1))),
            ("x".to_owned(), node(NodeValue::Float(1e-7))),
            ("name".to_owned(), node(NodeValue::Text("a b".to_owned()))),
            ("list".to_owned(), node(NodeValue::List(Vec::new()))),
        ]
        .into();
        let made = substituted(node(NodeValue::Text(text.to_owned())), &values, is_expr);
        assert_eq!(made.unwrap().value, expected, "{text}");
    }

    #[test]
    fn a_parameter_keeps_its_type_alone_and_is_written_out_inside_a_text() {
        let text = |t: &str| NodeValue::Text(t.to_owned());
        check("$k", false, NodeValue::Int(-1));
        check("${x}", false, NodeValue::Float(1e-7));
        check("$list", false, NodeValue::List(Vec::new()));
        check("2 - $k", true, text("2 - (-1)"));
        check("f$k.wav", false, text("f-1.wav"));
        check("${name}_$x", false, text("a b_1e-7"));
        check("$$k ^a$ $|b $", false, text("$k ^a$ $|b $"));
        check("${k", false, text("${k"));
        check("", false, text(""));
    }

    #[test]
    fn a_list_inside_a_text_is_refused() {
        let values: Values = [("l".to_owned(), node(NodeValue::List(Vec::new())))].into();
        let refusal = substituted(node(NodeValue::Text("a$l".to_owned())), &values, false);
        assert!(refusal.unwrap_err().message.contains("`$l` is a list"));
    }
}
