//! Numbers at the front of bytes, in one pass: what most cells of most files are.

use std::str::FromStr;

use bytemuck::Pod;

/// A number that can be read at the front of bytes.
pub(super) trait Front: Pod + FromStr {
    /// The number that bytes start with, and how many spell it: what `str::parse` gives of those. `None` where they start otherwise, and of
    /// some numbers that are spelled unusually: the caller then looks at the cell as a whole.
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
                let (magnitude, count) = digits(&bytes[usize::from(is_negative)..])?;
                let number = if is_negative { -magnitude } else { magnitude };
                Some((<$rust>::try_from(number).ok()?, count + usize::from(is_negative)))
            }
        }
    )*};
}

integers! { u8 i8 u16 i16 u32 i32 u64 i64 }

/// The digits that bytes start with, and how many: no more than any `i64` has room for.
fn digits(bytes: &[u8]) -> Option<(i64, usize)> {
    const COUNT_MAX: usize = 18;
    let mut value = 0;
    for (count, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' if count == COUNT_MAX => return None,
            b'0'..=b'9' => value = 10 * value + i64::from(byte - b'0'),
            _ => return (count > 0).then_some((value, count)),
        }
    }
    (!bytes.is_empty()).then_some((value, bytes.len()))
}

macro_rules! floats {
    ($($rust:ty)*) => {$(
        impl Front for $rust {
            fn front(bytes: &[u8], point: u8) -> Option<($rust, usize)> {
                let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
                // Not `inf`, `nan` or `+1`, of which it is the reader of cells that says what they are.
                if !matches!(unsigned.first(), Some(b'0'..=b'9' | b'.')) {
                    return None;
                }
                if point == b'.' {
                    return fast_float2::parse_partial(bytes).ok();
                }
                let mut room = [0; SPELLED_MAX];
                fast_float2::parse_partial(with_point(bytes, point, &mut room)?).ok()
            }
        }
    )*};
}

floats! { f32 f64 }

/// More bytes than most numbers are spelled with.
const SPELLED_MAX: usize = 32;

/// The bytes that may spell a number with another point, spelled with `.`.
fn with_point<'a>(bytes: &[u8], point: u8, room: &'a mut [u8; SPELLED_MAX]) -> Option<&'a [u8]> {
    let is_spelling = |byte: &u8| byte.is_ascii_digit() || b"-+eE".contains(byte) || *byte == point;
    let len = bytes.iter().take_while(|byte| is_spelling(byte)).count();
    let spelled = room.get_mut(..len)?;
    for (to, from) in spelled.iter_mut().zip(bytes) {
        *to = if *from == point { b'.' } else { *from };
    }
    Some(spelled)
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
            "", "-", ".", "-.", "x", "e5", "nan", "inf", "-inf", "+1", " 1",
        ] {
            assert!(f64::front(text.as_bytes(), b'.').is_none(), "{text}");
        }
        assert_eq!(f64::front(b"1,5;", b','), Some((1.5, 3)));
        assert_eq!(f64::front(b"-1,5e300;", b','), Some((-1.5e300, 8)));
        assert_eq!(f64::front(&[b'1'; 40], b','), None);
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
