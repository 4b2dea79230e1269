//! Numbers at the front of bytes, in one pass: what most cells of most files are.
//!
//! Digits with a point and an exponent are gathered, eight at a time, into an integer and a power of ten. Where one exact operation makes the number of
//! those it is rounded once, so it is what `str::parse` gives. Powers from -27 to -1: one division of integers with its remainder
//! (5^27 fits into 64 bits); from 0 to 22 of at most 53 bits: one product of floats (Clinger 1990, "How to read floating point
//! numbers accurately"). All else is `str::parse`'s, or refused: the caller then looks at the cell as a whole.

use std::str::FromStr;

use bytemuck::Pod;

/// A number that can be read at the front of bytes.
pub(super) trait Front: Pod + FromStr {
    /// The number that bytes start with, and how many spell it: what `str::parse` gives of those. `None` where they start otherwise, and of
    /// some numbers that are spelled unusually.
    fn front(bytes: &[u8], point: u8) -> Option<(Self, usize)>;
}

macro_rules! integers {
    ($($rust:ty)*) => {$(
        impl Front for $rust {
            fn front(bytes: &[u8], _: u8) -> Option<($rust, usize)> {
                let is_negative = bytes.first() == Some(&b'-');
                if is_negative && <$rust>::MIN == 0 {
                    return None;
                }
                let mut digits = Digits::default();
                let len = digits.take(bytes, usize::from(is_negative));
                if digits.count == 0 || digits.count > INTEGER_LEN_MAX {
                    return None;
                }
                let wide = digits.value as i64;
                let number = <$rust>::try_from(if is_negative { -wide } else { wide });
                Some((number.ok()?, len))
            }
        }
    )*};
}

integers! { u8 i8 u16 i16 u32 i32 u64 i64 }

macro_rules! floats {
    ($($rust:ty)*) => {$(
        impl Front for $rust {
            fn front(bytes: &[u8], point: u8) -> Option<($rust, usize)> {
                let decimal = Decimal::front(bytes, point)?;
                let number = match decimal.exponent {
                    _ if decimal.count > DIGITS_MAX => None,
                    -27..=-1 => Some(decimal.divided(<$rust>::MANTISSA_DIGITS) as $rust),
                    0..=10 if decimal.value >> <$rust>::MANTISSA_DIGITS == 0 => {
                        Some(decimal.value as $rust * (10u64.pow(decimal.exponent as u32) as $rust))
                    }
                    _ => None,
                };
                let number = match number {
                    Some(number) if decimal.is_negative => -number,
                    Some(number) => number,
                    None if point == b'.' => std::str::from_utf8(&bytes[..decimal.len]).ok()?.parse().ok()?,
                    None => return None,
                };
                Some((number, decimal.len))
            }
        }
    )*};
}

floats! { f32 f64 }

/// So many digits are a `u64`, whatever they are.
const DIGITS_MAX: usize = 19;

/// So many digits are an `i64`, whatever they are.
const INTEGER_LEN_MAX: usize = 18;

/// Digits in a row.
#[derive(Default)]
struct Digits {
    value: u64,
    count: usize,
}

impl Digits {
    /// Takes the digits from byte `at` on; where they end. More than fit make a value of no meaning.
    fn take(&mut self, bytes: &[u8], mut at: usize) -> usize {
        let start = at;
        while let Some(eight) = bytes.get(at..at + 8) {
            let eight = u64::from_le_bytes(eight.try_into().expect("8 bytes"));
            if !are_digits(eight) {
                break;
            }
            self.value = self
                .value
                .wrapping_mul(100_000_000)
                .wrapping_add(of_eight(eight));
            at += 8;
        }
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            self.value = self
                .value
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        self.count += at - start;
        at
    }
}

/// Whether all of eight bytes are digits: none is below `0`, and none above `9` overflows into bit 7.
fn are_digits(eight: u64) -> bool {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    eight & HIGH == ZEROS && eight.wrapping_add(0x0606_0606_0606_0606) & HIGH == ZEROS
}

/// The number of eight digits, the first in the lowest byte: pairs, then fours, then all.
fn of_eight(eight: u64) -> u64 {
    let ones = eight & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (ones.wrapping_mul(10 * 256 + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 * 65_536 + 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 * (1 << 32) + 1) >> 32
}

/// A number as it is spelled: `value` times ten to the power of `exponent`.
struct Decimal {
    is_negative: bool,
    value: u64,
    /// Digits of `value`, leading zeros left out of those before the point only.
    count: usize,
    exponent: i32,
    /// Bytes that spell it.
    len: usize,
}

impl Decimal {
    fn front(bytes: &[u8], point: u8) -> Option<Decimal> {
        let is_negative = bytes.first() == Some(&b'-');
        let mut digits = Digits::default();
        let mut at = usize::from(is_negative);
        if bytes.get(at) == Some(&b'0') {
            at += 1;
        }
        let has_zero = at > usize::from(is_negative);
        at = digits.take(bytes, at);
        let mut exponent = 0;
        if bytes.get(at) == Some(&point) {
            let start = at + 1;
            at = digits.take(bytes, start);
            exponent = -i32::try_from(at - start).ok()?;
        }
        if digits.count == 0 && !has_zero {
            return None;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = bytes.get(at + 1);
            let start = at + 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
            let mut power = Digits::default();
            at = power.take(bytes, start);
            if power.count == 0 || power.count > 4 {
                return None;
            }
            exponent += match sign {
                Some(b'-') => -(power.value as i32),
                _ => power.value as i32,
            };
        }
        Some(Decimal {
            is_negative,
            value: digits.value,
            count: digits.count,
            exponent,
            len: at,
        })
    }

    /// The value over ten to the power of -`exponent`, of 1 to 27, rounded to so many bits, ties to even.
    fn divided(&self, bits: u32) -> f64 {
        if self.value == 0 {
            return 0.0;
        }
        let tens = -self.exponent;
        let fives = 5u64.pow(tens as u32);
        // Both with their highest bit set: the quotient has 63 or 64 bits.
        let (up, down) = (self.value.leading_zeros(), fives.leading_zeros());
        let over = u128::from(self.value << up) << 63;
        let under = u128::from(fives << down);
        let quotient = (over / under) as u64;
        let is_exact = u128::from(quotient) * under == over;
        let shift = 64 - quotient.leading_zeros() - bits;
        let (whole, rest, half) = (
            quotient >> shift,
            quotient & ((1 << shift) - 1),
            1u64 << (shift - 1),
        );
        let is_up = rest > half || rest == half && (!is_exact || whole & 1 == 1);
        let power = shift as i32 + down as i32 - up as i32 - 63 - tens;
        // Both are exact, and the product is a normal number: `power` is from -180 to 0.
        (whole + u64::from(is_up)) as f64 * f64::from_bits(((1023 + power) as u64) << 52)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::testing::Random;

    /// What is found at the front is what `str::parse` says of those bytes, whatever stands behind them.
    fn check<T: Front + Debug>(text: &str) -> bool
    where
        T::Err: Debug,
    {
        let Some((number, len)) = T::front(text.as_bytes(), b'.') else {
            return false;
        };
        let expected: T = text[..len].parse().unwrap();
        let is_same = bytemuck::bytes_of(&number) == bytemuck::bytes_of(&expected);
        assert!(is_same, "{text:?}: {number:?}, and should be {expected:?}");
        true
    }

    #[test]
    fn numbers_are_what_the_standard_library_makes_of_them() {
        let cases = [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "1",
            "-1.5",
            "123.456,",
            "1e5",
            "1E-5;",
            "1.5e+3\n",
            "00012",
            "000.1",
            "5.",
            ".5",
            "-.5e1",
            "0.30000000000000004",
            "0.1",
            "179769313486231570000",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072011e-308",
            "9007199254740993",
            "9007199254740993.0",
            "9007199254740992.5",
            "9007199254740993.5",
            "0.000000000000000000000000001",
            "18446744073709551615",
            "18446744073709551616",
            "1844674407370955161.5",
            "99999999999999999999.9",
            "16777217",
            "16777217.0",
            "8388608.5",
            "8388609.5",
            "0.1e-26",
            "1e22",
            "1e23",
            "1e10",
            "1e11",
            "12345678",
            "12345678.12345678",
            "1234567812345678",
        ];
        for text in cases {
            assert!(check::<f64>(text), "{text}");
            assert!(check::<f32>(text), "{text}");
        }
        for text in [
            "", "-", ".", "-.", "x", "e5", "nan", "inf", "+1", " 1", "1e", "1e-", "1e99999",
        ] {
            assert!(f64::front(text.as_bytes(), b'.').is_none(), "{text}");
        }
        assert_eq!(f64::front(b"1,5;", b','), Some((1.5, 3)));
        assert_eq!(f64::front(b"1,5e300;", b','), None);
        assert_eq!(f64::front(b"1.5", b','), Some((1.0, 1)));
    }

    #[test]
    fn random_numbers_of_every_spelling_are_read_as_the_standard_library_reads_them() {
        const SEED: u64 = 20_261_123;
        println!("seed {SEED}");
        let mut random = Random::new(SEED);
        for _ in 0..if cfg!(miri) { 100 } else { 100_000 } {
            let bits = random.below(u64::MAX);
            let (float, single) = (f64::from_bits(bits), f32::from_bits(bits as u32));
            let scaled = (bits >> random.below(64)) as f64 / 10f64.powi(random.below(25) as i32);
            let places = random.below(20) as usize;
            let (whole, shift) = (random.below(1 << 60), random.below(60));
            let digits = format!("{}.{}", whole >> shift, bits >> random.below(64));
            // Half way between two floats, and what is next to that.
            let half = format!("{}.5", (1u64 << 52) + random.below(1 << 52));
            let near = format!("{half}{:0places$}1", 0);
            for text in [
                format!("{float:e}"),
                format!("{single:e}"),
                format!("{scaled}"),
                format!("{scaled:.places$}"),
                format!("{:e}", scaled as f32),
                digits,
                half,
                near,
            ] {
                check::<f64>(&text);
                check::<f32>(&text);
                assert!(
                    !text.contains(char::is_numeric) || f64::front(text.as_bytes(), b'.').is_some(),
                    "{text}"
                );
            }
            let integer = format!("{}", bits as i64 >> random.below(64));
            check::<i64>(&integer);
            check::<u64>(&integer);
            check::<i8>(&integer);
            check::<u16>(&integer);
        }
    }

    #[test]
    fn integers_that_do_not_fit_are_refused() {
        assert_eq!(i8::front(b"-128,", b'.'), Some((-128, 4)));
        assert_eq!(i8::front(b"128", b'.'), None);
        assert_eq!(u8::front(b"-0", b'.'), None);
        assert_eq!(i64::front(b"-", b'.'), None);
        assert_eq!(
            i64::front(b"123456789012345678.", b'.'),
            Some((123_456_789_012_345_678, 18))
        );
        assert_eq!(i64::front(b"1234567890123456789", b'.'), None);
    }
}
