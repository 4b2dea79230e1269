//! Units: what the numbers of a stream measure, a short text (`V`, `m/s^2`) that travels with it as its rate does.
//!
//! Nothing is computed with it and no item changes by it. It is carried where that is surely right: an output says
//! by a [`Unit`] how its unit follows from the inputs', and one that says nothing has none.

/// How the unit of an output follows from those of its agent's inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// It does not: the numbers measure something else, or nobody said what.
    #[default]
    Unknown,
    /// It is this one, whatever comes in.
    Is(String),
    /// It is that of this input, counted from 0.
    Of(usize),
    /// It is the one that all inputs have. Inputs of different units stand side by side: there is none then.
    Shared,
    /// The same, and as items of all inputs follow each other or are added, different units are worth a warning.
    Mixed,
}

impl Unit {
    /// The unit, where there is one.
    pub fn maybe(unit: Option<String>) -> Unit {
        unit.map_or(Unit::Unknown, Unit::Is)
    }

    /// The unit that an output has whose agent reads inputs of these units.
    pub fn follow<'a>(&'a self, inputs: &[Option<&'a str>]) -> Option<&'a str> {
        match self {
            Unit::Unknown => None,
            Unit::Is(unit) => Some(unit),
            Unit::Of(input) => inputs.get(*input).copied().flatten(),
            Unit::Shared | Unit::Mixed => {
                let first = inputs.first().copied().flatten();
                first.filter(|_| inputs.iter().all(|unit| *unit == first))
            }
        }
    }

    /// Two inputs whose units are known and differ, where items of both come to one stream.
    pub fn clash(&self, inputs: &[Option<&str>]) -> Option<(usize, usize)> {
        if *self != Unit::Mixed {
            return None;
        }
        let known = |at: &usize| inputs[*at].is_some();
        let first = (0..inputs.len()).find(known)?;
        let other = (first..inputs.len()).find(|at| known(at) && inputs[*at] != inputs[first])?;
        Some((first, other))
    }
}

/// The longest unit, in bytes.
pub const LONGEST: usize = 64;

/// A unit as it was written, without the space around it; `None` for what is none.
///
/// # Errors
/// Why this is no unit: too long, or more than one line.
pub fn unit_of(text: &str) -> Result<Option<String>, String> {
    let unit = text.trim();
    if unit.len() > LONGEST {
        return Err(format!(
            "a unit is a short text of at most {LONGEST} bytes, and this one has {}",
            unit.len()
        ));
    }
    if unit.chars().any(char::is_control) {
        return Err(format!("a unit is one line of text, and this is {unit:?}"));
    }
    Ok((!unit.is_empty()).then(|| unit.to_owned()))
}

/// A unit that a file names: what is none is left out, as no file is refused for it.
pub(crate) fn from_file(text: &str) -> Option<String> {
    unit_of(text).ok().flatten()
}

/// The unit of a square: `V^2`, `(m/s)^2`.
pub(crate) fn squared(unit: &str) -> String {
    let is_plain = unit
        .chars()
        .all(|c| c.is_alphabetic() || c == '%' || c == '°');
    match is_plain {
        true => format!("{unit}^2"),
        false => format!("({unit})^2"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_has_the_unit_that_its_inputs_surely_give_it() {
        let (volt, ampere, none) = (Some("V"), Some("A"), None);
        let is = Unit::Is("dB".to_owned());
        let cases = [
            (&Unit::Unknown, vec![volt], None),
            (&is, vec![volt], Some("dB")),
            (&Unit::Of(0), vec![volt, ampere], volt),
            (&Unit::Of(1), vec![volt], None),
            (&Unit::Shared, vec![volt, volt], volt),
            (&Unit::Shared, vec![volt, ampere], None),
            (&Unit::Mixed, vec![volt, none], None),
            (&Unit::Mixed, vec![none, volt], None),
            (&Unit::Mixed, vec![], None),
        ];
        for (unit, inputs, expected) in cases {
            assert_eq!(unit.follow(&inputs), expected, "{unit:?} of {inputs:?}");
        }
    }

    #[test]
    fn only_units_that_are_known_clash_and_only_in_one_stream() {
        let inputs = [None, Some("V"), None, Some("V"), Some("mV")];
        assert_eq!(Unit::Mixed.clash(&inputs), Some((1, 4)));
        assert_eq!(Unit::Shared.clash(&inputs), None);
        assert_eq!(Unit::Mixed.clash(&inputs[..4]), None);
        assert_eq!(Unit::Mixed.clash(&[None, None]), None);
    }

    #[test]
    fn a_unit_is_a_short_text_of_one_line() {
        assert_eq!(unit_of(" m/s^2 "), Ok(Some("m/s^2".to_owned())));
        assert_eq!(unit_of(""), Ok(None));
        assert!(unit_of("V\nA").is_err());
        assert!(unit_of(&"m".repeat(65)).is_err());
    }

    #[test]
    fn the_square_of_a_compound_unit_is_in_parentheses() {
        assert_eq!(squared("V"), "V^2");
        assert_eq!(squared("m/s"), "(m/s)^2");
    }
}
