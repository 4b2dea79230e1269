//! Keys of sketches: integers of any type, or texts, as numbers that look random.

use crate::agent::Input;
use crate::op::{Args, OpError};
use crate::types::{ItemType, Scalar};
use crate::wide::Wide;

/// What mends items that are no integers.
pub(crate) const TO_INTEGERS: &str = "`map` makes integers of numbers: op = \"map\", expr = \"floor(x)\", dtype = \"i64\"; `count.by` counts texts";

/// What the items are keys of.
#[derive(Clone, Copy)]
pub(crate) enum Keys {
    /// An integer an item.
    Numbers(Scalar),
    /// Two integers an item: the key, and a number that goes with it.
    Pairs(Scalar),
    /// A text an item.
    Frames,
}

impl Keys {
    /// The keys that the only input carries; `pairs`: what the second number of two is.
    pub fn of(args: &Args, pairs: Option<&str>) -> Result<Keys, OpError> {
        let input = args.input();
        match input.item_type {
            ItemType::Scalar(scalar) if scalar.is_integer() => Ok(Keys::Numbers(scalar)),
            ItemType::Vector(scalar, 2) if scalar.is_integer() && pairs.is_some() => {
                Ok(Keys::Pairs(scalar))
            }
            _ if input.item_type.is_framed() => Ok(Keys::Frames),
            _ => {
                let wanted = match pairs {
                    Some(second) => format!("integers, two of them (key, {second}) or text"),
                    None => "integers or text".to_owned(),
                };
                Err(OpError::input_type(args.op().name, input, &wanted).with_help(TO_INTEGERS))
            }
        }
    }

    /// For each of the first `n` items a number made of its key, all bits alike random (SplitMix64's last
    /// step over the integer, or over the FNV-1a hash of the text), and the second number, or 1.
    pub fn read(self, input: &Input, n: usize, into: &mut Vec<(u64, i64)>) {
        into.clear();
        match self {
            Keys::Numbers(scalar) => {
                let numbers = integers(scalar, &input.bytes()[..n * input.item_len()]);
                into.extend(numbers.into_iter().map(|key| (mixed(key as u64), 1)));
            }
            Keys::Pairs(scalar) => {
                let numbers = integers(scalar, &input.bytes()[..n * input.item_len()]);
                let pairs = numbers.chunks_exact(2);
                into.extend(pairs.map(|pair| (mixed(pair[0] as u64), pair[1])));
            }
            Keys::Frames => {
                into.extend(input.frames().take(n).map(|frame| (mixed(fnv1a(frame)), 1)));
            }
        }
    }
}

/// The numbers as `i64`, those of `u64` by their bits: equal keys stay equal, whatever their type.
pub(crate) fn integers(scalar: Scalar, bytes: &[u8]) -> Vec<i64> {
    let mut signed = Vec::new();
    match scalar {
        Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 => {
            i64::load(scalar, bytes, &mut signed);
        }
        _ => {
            let mut unsigned = Vec::new();
            u64::load(scalar, bytes, &mut unsigned);
            signed.extend(unsigned.into_iter().map(|key| key as i64));
        }
    }
    signed
}

/// SplitMix64's output function (Steele, Lea and Flood, 2014): every bit hangs on every other.
pub(crate) fn mixed(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number below `bound` from a random one (Lemire's multiplication).
pub(crate) fn below(random: u64, bound: u64) -> u64 {
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}

/// The `nth` hash of a key (Kirsch and Mitzenmacher, 2006: two hashes stand for any number), below `bound`.
pub(crate) fn nth_hash(key: u64, nth: usize, bound: u64) -> u64 {
    let step = mixed(key ^ 0xA076_1D64_78BD_642F) | 1;
    below(key.wrapping_add(step.wrapping_mul(nth as u64)), bound)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
