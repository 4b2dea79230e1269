//! Words and marks of an expression, each with its place.

use super::{ExprError, LEN_MAX, hints};

/// A place in the text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub at: usize,
    pub len: usize,
}

impl Span {
    /// From the start of this one to the end of the other.
    pub fn to(self, end: Span) -> Span {
        Span {
            at: self.at,
            len: (end.at + end.len).saturating_sub(self.at),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'t> {
    /// Not negative, and at most `u64::MAX`: more is a float.
    Int(i128),
    Float(f64),
    Name(&'t str),
    Mark(&'static str),
    End,
}

/// What is wrong, before it is known where.
pub(super) struct Refusal {
    message: String,
    help: Option<String>,
}

impl From<String> for Refusal {
    fn from(message: String) -> Refusal {
        Refusal {
            message,
            help: None,
        }
    }
}

impl Refusal {
    pub fn with_help(mut self, help: impl Into<String>) -> Refusal {
        self.help = Some(help.into());
        self
    }

    pub fn at(self, text: &str, span: Span) -> ExprError {
        let chars = |range: &str| range.chars().count();
        ExprError {
            message: self.message,
            help: self.help,
            text: text.to_owned(),
            column: chars(&text[..span.at]),
            len: chars(&text[span.at..span.at + span.len]).max(1),
        }
    }
}

/// Longer marks before those they start with.
const MARKS: [&str; 29] = [
    "**", "//", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "+", "-", "*", "/", "%", "^", "<",
    ">", "!", "&", "|", "~", "?", ":", ",", "(", ")", "[", "]",
];

/// The whole text as tokens, `End` last.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Span)>, ExprError> {
    let count = text.chars().count();
    if count > LEN_MAX {
        let message = format!("the expression has {count} characters, and {LEN_MAX} are the most");
        return Err(Refusal::from(message).at(text, Span { at: 0, len: 0 }));
    }
    let mut tokens: Vec<(Token<'_>, Span)> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if let (Some((Token::Name(name), span)), '.') = (tokens.last(), c) {
            let whole = span.to(Span { at, len: 1 });
            let refusal = Refusal::from(format!("`{name}.` means nothing here"));
            let hint = hints::of_dot(name, &text[at + 1..]);
            return Err(refusal.with_help(hint).at(text, whole));
        }
        let (token, len) = next(&text[at..]).map_err(|refusal| {
            let len = c.len_utf8();
            refusal.at(text, Span { at, len })
        })?;
        tokens.push((token, Span { at, len }));
        at += len;
    }
    tokens.push((Token::End, Span { at, len: 0 }));
    Ok(tokens)
}

fn next(rest: &str) -> Result<(Token<'_>, usize), Refusal> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first = rest.chars().next().unwrap_or(' ');
    let second = rest[first.len_utf8()..].chars().next();
    if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
        return number(rest);
    }
    if first.is_alphabetic() || first == '_' {
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        return Ok((Token::Name(&rest[..len]), len));
    }
    match MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
        Some(mark) => Ok((Token::Mark(mark), mark.len())),
        None => Err(stray(first)),
    }
}

fn stray(found: char) -> Refusal {
    let refusal = Refusal::from(format!("`{found}` means nothing here"));
    match found {
        '=' => refusal.with_help("`==` compares"),
        _ => refusal,
    }
}

fn number(rest: &str) -> Result<(Token<'_>, usize), Refusal> {
    if let Some((radix, name)) = radix(rest) {
        return in_radix(rest, radix, name);
    }
    let digits = |from: usize| digits(rest, from, 10);
    let mut len = digits(0);
    let mut is_whole = true;
    if rest[len..].starts_with('.') {
        is_whole = false;
        len = digits(len + 1);
    }
    if rest[len..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[len + 1..].starts_with(['+', '-']));
        let end = digits(len + 1 + sign);
        if end > len + 1 + sign {
            is_whole = false;
            len = end;
        }
    }
    ends(rest, len, "`*` multiplies")?;
    let written = rest[..len].replace('_', "");
    if is_whole && let Ok(n) = written.parse::<u64>() {
        return Ok((Token::Int(n.into()), len));
    }
    let x: f64 = written
        .parse()
        .map_err(|_| Refusal::from(format!("`{}` is no number", &rest[..len])))?;
    Ok((Token::Float(x), len))
}

/// The end of the digits from here on, between which there may be a `_` each.
fn digits(rest: &str, from: usize, radix: u32) -> usize {
    let mut end = from;
    let mut has_digit = false;
    for (at, c) in rest[from..].char_indices() {
        match c {
            _ if c.is_digit(radix) => end = from + at + 1,
            '_' if has_digit => {}
            _ => break,
        }
        has_digit = c != '_';
    }
    end
}

/// Of `0x`, `0b`, `0o` how many digits there are, and what such numbers are called.
fn radix(rest: &str) -> Option<(u32, &'static str)> {
    Some(match rest.get(..2)? {
        "0x" | "0X" => (16, "hexadecimal"),
        "0b" | "0B" => (2, "binary"),
        "0o" | "0O" => (8, "octal"),
        _ => return None,
    })
}

fn in_radix<'t>(rest: &'t str, radix: u32, name: &str) -> Result<(Token<'t>, usize), Refusal> {
    // A `_` may stand before the first digit, too.
    let first = 2 + usize::from(rest[2..].starts_with('_'));
    let len = digits(rest, first, radix);
    ends(rest, len, &format!("that is no {name} digit"))?;
    if len == first {
        let message = format!("`{}` has no digits", &rest[..len]);
        return Err(Refusal::from(message).with_help(format!("it begins a {name} number")));
    }
    let n = u64::from_str_radix(&rest[first..len].replace('_', ""), radix)
        .map_err(|_| Refusal::from(format!("`{}` is more than 64 bits hold", &rest[..len])))?;
    Ok((Token::Int(n.into()), len))
}

/// Refuses what follows a number at once.
fn ends(rest: &str, len: usize, help: &str) -> Result<(), Refusal> {
    let follows = rest[len..].chars().next();
    let Some(c) = follows.filter(|c| c.is_alphanumeric() || *c == '_') else {
        return Ok(());
    };
    let message = format!("`{c}` follows the number {} at once", &rest[..len]);
    Err(Refusal::from(message).with_help(help))
}
