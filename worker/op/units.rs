//! Durations and frequencies as they are written.

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
}
