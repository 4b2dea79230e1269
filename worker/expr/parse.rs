//! From text to operations: precedence climbing that builds as it reads, so no tree is ever made.

use crate::op::{InputInfo, nearest};

use super::build::{Builder, CONSTANTS, Value, function_names};
use super::code::Binary;
use super::lex::{Refusal, Span, Token, tokens};
use super::{ExprError, hints};

/// Parentheses, signs and powers within one another.
const DEPTH_MAX: usize = 100;

/// The builder with all operations, and the value of the whole text.
pub(super) fn parse<'a>(
    text: &'a str,
    inputs: &'a [InputInfo],
    rate: Option<f64>,
) -> Result<(Builder<'a>, Value), ExprError> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        builder: Builder::new(inputs, rate),
    };
    let value = parser.expression()?;
    match parser.peek() {
        Token::End => Ok((parser.builder, value)),
        _ => Err(parser.unexpected("an operator")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token<'a>, Span)>,
    next: usize,
    depth: usize,
    builder: Builder<'a>,
}

/// What of an input an expression names.
enum Part {
    Whole,
    Element(i128),
    /// From, to, and step.
    Slice([Option<i128>; 3]),
}

/// What joins two values, and how tightly.
#[derive(Clone, Copy, PartialEq)]
enum Join {
    Op(Binary),
    /// Of the bits of whole numbers; the mark.
    Bits(Binary, &'static str),
    And,
    Or,
}

const NOT: u8 = 3;
const COMPARISON: u8 = 4;

/// What an error says should be there.
const INDEX: &str = "the index of an element, 0 for the first";

fn join(token: Token<'_>) -> Option<(Join, u8)> {
    let (Token::Mark(word) | Token::Name(word)) = token else {
        return None;
    };
    Some(match word {
        "||" | "or" => (Join::Or, 1),
        "&&" | "and" => (Join::And, 2),
        "==" => (Join::Op(Binary::Eq), COMPARISON),
        "!=" => (Join::Op(Binary::Ne), COMPARISON),
        "<" => (Join::Op(Binary::Lt), COMPARISON),
        "<=" => (Join::Op(Binary::Le), COMPARISON),
        ">" => (Join::Op(Binary::Gt), COMPARISON),
        ">=" => (Join::Op(Binary::Ge), COMPARISON),
        "|" => (Join::Bits(Binary::BitOr, "|"), 5),
        "&" => (Join::Bits(Binary::BitAnd, "&"), 6),
        "<<" => (Join::Bits(Binary::Shl, "<<"), 7),
        ">>" => (Join::Bits(Binary::Shr, ">>"), 7),
        "+" => (Join::Op(Binary::Add), 8),
        "-" => (Join::Op(Binary::Sub), 8),
        "*" => (Join::Op(Binary::Mul), 9),
        "/" => (Join::Op(Binary::Div), 9),
        "//" => (Join::Op(Binary::FloorDiv), 9),
        "%" => (Join::Op(Binary::Mod), 9),
        _ => return None,
    })
}

impl<'a> Parser<'a> {
    fn expression(&mut self) -> Result<Value, ExprError> {
        self.deeper(|p| {
            let condition = p.joined(1)?;
            let Some(mark) = p.eat("?") else {
                return Ok(condition);
            };
            let a = p.expression()?;
            p.expect(":", "the other value of `? :`")?;
            let b = p.expression()?;
            let value = p.builder.select(condition, a, b);
            p.at(mark, value)
        })
    }

    /// Values joined by what binds at least as tightly as `least`.
    fn joined(&mut self, least: u8) -> Result<Value, ExprError> {
        let mut left = match self.eat("not") {
            Some(word) => {
                let value = self.deeper(|p| p.joined(NOT))?;
                let value = self.builder.not(value);
                self.at(word, value)?
            }
            None => self.signed()?,
        };
        let mut has_compared = false;
        while let Some((join, tightness)) = join(self.peek()).filter(|(_, t)| *t >= least) {
            let mark = self.take();
            if tightness == COMPARISON && std::mem::replace(&mut has_compared, true) {
                let refusal = Refusal::from("comparisons do not chain".to_owned())
                    .with_help("write `a < b && b < c`");
                return Err(refusal.at(self.text, mark));
            }
            let right = self.joined(tightness + 1)?;
            let value = match join {
                Join::Op(op) => self.builder.binary(op, left, right),
                Join::Bits(op, mark) => self.builder.bits(op, mark, left, right),
                Join::And => self.builder.logic(Binary::And, left, right),
                Join::Or => self.builder.logic(Binary::Or, left, right),
            };
            left = self.at(mark, value)?;
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Value, ExprError> {
        if let Some(mark) = self.eat("-") {
            let value = self.deeper(Parser::signed)?;
            let value = self.builder.negated(value);
            return self.at(mark, value);
        }
        if self.eat("+").is_some() {
            return self.deeper(Parser::signed);
        }
        if let Some(mark) = self.eat("~") {
            let value = self.deeper(Parser::signed)?;
            let value = self.builder.inverted(value);
            return self.at(mark, value);
        }
        if let Some(mark) = self.eat("!") {
            let value = self.deeper(Parser::signed)?;
            let value = self.builder.not(value);
            return self.at(mark, value);
        }
        self.power()
    }

    fn power(&mut self) -> Result<Value, ExprError> {
        let base = self.atom()?;
        let Some(mark) = self.eat("^").or_else(|| self.eat("**")) else {
            return Ok(base);
        };
        let exponent = self.deeper(Parser::signed)?;
        let value = self.builder.power(base, exponent);
        self.at(mark, value)
    }

    fn atom(&mut self) -> Result<Value, ExprError> {
        match self.peek() {
            Token::Int(n) => {
                self.take();
                Ok(Value::int(n))
            }
            Token::Float(x) => {
                self.take();
                Ok(Value::float(x))
            }
            Token::Name(name) => self.named(name),
            Token::Mark("(") => {
                self.take();
                let value = self.expression()?;
                self.expect(")", "`)`")?;
                Ok(value)
            }
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    fn named(&mut self, name: &'a str) -> Result<Value, ExprError> {
        let span = self.take();
        if self.eat("(").is_some() {
            return self.call(name, span);
        }
        if self.builder.is_input(name) {
            let (part, end) = self.part()?;
            let value = match part {
                Part::Whole => self.builder.input(name, None),
                Part::Element(index) => self.builder.input(name, Some(index)),
                Part::Slice(ends) => self.builder.slice(name, ends),
            };
            return self.at(span.to(end.unwrap_or(span)), value);
        }
        match self.builder.constant(name) {
            Some(value) => self.at(span, value),
            None => Err(self.unknown(name, span)),
        }
    }

    /// `[k]`, `[-k]` or a slice after an input's name.
    fn part(&mut self) -> Result<(Part, Option<Span>), ExprError> {
        if self.eat("[").is_none() {
            return Ok((Part::Whole, None));
        }
        let mut ends = [self.index()?, None, None];
        if self.eat(":").is_none() {
            let Some(index) = ends[0] else {
                return Err(self.unexpected(INDEX));
            };
            let end = self.expect("]", "`]`")?;
            return Ok((Part::Element(index), Some(end)));
        }
        ends[1] = self.index()?;
        if self.eat(":").is_some() {
            ends[2] = self.index()?;
        }
        let end = self.expect("]", "`]`")?;
        Ok((Part::Slice(ends), Some(end)))
    }

    /// A whole number, perhaps with a minus, if one comes next.
    fn index(&mut self) -> Result<Option<i128>, ExprError> {
        let is_backwards = self.eat("-").is_some();
        match self.peek() {
            Token::Int(index) => {
                self.take();
                Ok(Some(if is_backwards { -index } else { index }))
            }
            Token::Mark(":" | "]") if !is_backwards => Ok(None),
            _ => Err(self.unexpected(INDEX)),
        }
    }

    fn call(&mut self, name: &'a str, span: Span) -> Result<Value, ExprError> {
        let mut arguments = Vec::new();
        if self.eat(")").is_none() {
            loop {
                arguments.push(self.expression()?);
                if self.eat(",").is_none() {
                    break;
                }
            }
            self.expect(")", "`,` or `)`")?;
        }
        if !function_names().contains(&name) {
            return Err(self.unknown(name, span));
        }
        let value = self.builder.call(name, &arguments);
        self.at(span, value)
    }

    fn unknown(&self, name: &str, span: Span) -> ExprError {
        let is_called = self.text[span.at + span.len..]
            .trim_start()
            .starts_with('(');
        let inputs = self.builder.input_names();
        let functions = function_names();
        let (what, names) = match is_called {
            true => ("function", functions.clone()),
            false => ("value", inputs.iter().copied().chain(CONSTANTS).collect()),
        };
        let help = match (hints::of_name(name), nearest(name, &names)) {
            _ if functions.contains(&name) => format!("`{name}` is a function: `{name}(..)`"),
            (Some(hint), _) => hint.to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) if is_called => format!("there are {}", names.join(", ")),
            (None, None) => self.builder.about_inputs(),
        };
        Refusal::from(format!("no {what} is called `{name}`"))
            .with_help(help)
            .at(self.text, span)
    }

    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ExprError>,
    ) -> Result<T, ExprError> {
        if self.depth == DEPTH_MAX {
            let message =
                format!("more than {DEPTH_MAX} parentheses, signs or powers within one another");
            return Err(Refusal::from(message).at(self.text, self.span()));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn at(&mut self, span: Span, value: Result<Value, Refusal>) -> Result<Value, ExprError> {
        self.builder
            .checked(value)
            .map_err(|refusal| refusal.at(self.text, span))
    }

    fn peek(&self) -> Token<'a> {
        self.tokens[self.next].0
    }

    fn span(&self) -> Span {
        self.tokens[self.next].1
    }

    /// Steps over a token that is not the end.
    fn take(&mut self) -> Span {
        self.next += 1;
        self.tokens[self.next - 1].1
    }

    /// Steps over this mark or word, if it comes next.
    fn eat(&mut self, wanted: &str) -> Option<Span> {
        let is_next = match self.peek() {
            Token::Mark(mark) => mark == wanted,
            Token::Name(name) => name == wanted,
            _ => false,
        };
        is_next.then(|| self.take())
    }

    fn expect(&mut self, wanted: &str, what: &str) -> Result<Span, ExprError> {
        self.eat(wanted).ok_or_else(|| self.unexpected(what))
    }

    fn unexpected(&self, wanted: &str) -> ExprError {
        let found = match self.peek() {
            Token::End if self.next == 0 => "the expression is empty".to_owned(),
            Token::End => format!("the expression ends where {wanted} should be"),
            _ => {
                let Span { at, len } = self.span();
                format!("`{}` where {wanted} should be", &self.text[at..at + len])
            }
        };
        let hint = match self.peek() {
            Token::Name(_) | Token::Mark("(") if wanted == INDEX => Some(hints::INDEX),
            Token::Mark("[") => Some(hints::ELEMENTS),
            Token::Name(word) => hints::of_word(word),
            Token::Mark(",") => {
                Some("an expression is one value; the decimal sign is a point: 1.5")
            }
            _ => None,
        };
        let refusal = Refusal::from(found);
        match hint {
            Some(hint) => refusal.with_help(hint),
            None => refusal,
        }
        .at(self.text, self.span())
    }
}
