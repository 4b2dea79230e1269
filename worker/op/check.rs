//! Which values a parameter takes, and what is said of one that it does not.

use std::collections::BTreeMap;

use super::units::{hertz, seconds};
use super::{OpDef, OpError, ParamDef, ParamKind, Value, elsewhere};
use crate::types::ItemType;

impl ParamDef {
    /// Refuses a value of another kind than the parameter takes.
    pub fn check(&self, value: &Value) -> Result<(), OpError> {
        if let (ParamKind::Live, Value::Table(entries)) = (self.kind, value) {
            let mut entries = entries.iter();
            return entries.try_for_each(|(name, value)| self.check_live(name, value));
        }
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

    /// Refuses what is no value of a live number.
    fn check_live(&self, name: &str, value: &Value) -> Result<(), OpError> {
        let refused = |found: String, wanted: &str| {
            let message = format!(
                "`{name}` of `{}` is {found}, and should be {wanted}",
                self.name
            );
            OpError::param(self.name, message)
        };
        let whole = match value {
            Value::Int(n) => i128::from(*n),
            Value::Big(n) => i128::from(*n),
            _ if number(value).is_some() => return Ok(()),
            _ => {
                let refusal = refused(value.describe(), "a finite number");
                return Err(match value {
                    Value::Text(text) if text.trim().parse().is_ok_and(f64::is_finite) => {
                        refusal.with_help(format!("a number has no quotes: {}", text.trim()))
                    }
                    _ => refusal,
                });
            }
        };
        let held = whole as f64 as i128;
        match held == whole {
            true => Ok(()),
            false => Err(refused(
                value.describe(),
                "a number that f64 holds, which live numbers are",
            )
            .with_help(format!("the nearest is {held}"))),
        }
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
    pub(super) fn plain(&self, value: &Value) -> Value {
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

    pub(super) fn fill_in(
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
pub(super) fn choice(kind: ParamKind, value: &Value) -> Option<&'static str> {
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
        (ParamKind::Column | ParamKind::Columns, Value::Int(_)) => true,
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
            | ParamKind::Column
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

pub(super) fn plain_number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Big(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

pub(super) fn word(value: &Value) -> Option<&str> {
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
        ParamKind::Int | ParamKind::Length | ParamKind::Column => as_int(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
