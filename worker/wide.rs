//! Numbers as operators compute with them: `f64`, `i64` and `u64` stand for every real scalar.
//!
//! A stream's bytes become a slice of one of the three ([`View::range`]) and results become bytes
//! again ([`Wide::store`]). Where the stream already has the wide type nothing is copied.

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use crate::agent::Input;
use crate::types::Scalar;

/// A type wide enough to compute in for a whole family of scalars.
pub trait Wide: Pod + PartialOrd + std::fmt::Debug {
    /// The scalar of this very type.
    const SCALAR: Scalar;

    /// Replaces `into` by the numbers in `bytes`, which are of type `from`.
    fn load(from: Scalar, bytes: &[u8], into: &mut Vec<Self>);

    /// Writes `values` as numbers of type `to`; what does not fit becomes the nearest that does.
    fn store(values: &[Self], to: Scalar, bytes: &mut [u8]);
}

macro_rules! wide {
    ($wide:ident, $scalar:ident, $($case:ident => $rust:ty),*) => {
        impl Wide for $wide {
            const SCALAR: Scalar = Scalar::$scalar;

            fn load(from: Scalar, bytes: &[u8], into: &mut Vec<Self>) {
                compiled_for_vectors! {
                    fn load(from: Scalar, bytes: &[u8], into: &mut Vec<$wide>) {
                        #[allow(unreachable_patterns, reason = "f64 stands for every scalar")]
                        match from {
                            $(Scalar::$case => {
                                let numbers = cast_slice::<u8, $rust>(bytes);
                                into.resize(numbers.len(), <$wide>::default());
                                for (slot, &x) in into.iter_mut().zip(numbers) {
                                    *slot = x as $wide;
                                }
                            })*
                            other => unreachable!("{other} is refused where the agent is built"),
                        }
                    }
                }
                load(from, bytes, into);
            }

            fn store(values: &[Self], to: Scalar, bytes: &mut [u8]) {
                compiled_for_vectors! {
                    fn store(values: &[$wide], to: Scalar, bytes: &mut [u8]) {
                        #[allow(unreachable_patterns, reason = "f64 stands for every scalar")]
                        match to {
                            $(Scalar::$case => {
                                let room = cast_slice_mut::<u8, $rust>(bytes);
                                for (slot, &x) in room.iter_mut().zip(values) {
                                    *slot = narrow!($wide, $rust, x);
                                }
                            })*
                            other => unreachable!("{other} is refused where the agent is built"),
                        }
                    }
                }
                store(values, to, bytes);
            }
        }
    };
}

/// Floats convert by rounding (and infinities stay), integers by saturating. The wide type goes through as an identifier: a type's
/// fragment would match no name.
macro_rules! narrow {
    (f64, $rust:ty, $x:expr) => {
        $x as $rust
    };
    ($wide:ident, $rust:ty, $x:expr) => {
        $x.clamp(<$rust>::MIN as $wide, <$rust>::MAX as $wide) as $rust
    };
}

wide!(f64, F64, F64 => f64, F32 => f32, U8 => u8, I8 => i8, U16 => u16, I16 => i16,
    U32 => u32, I32 => i32, U64 => u64, I64 => i64, Cf32 => f32, Cf64 => f64);
wide!(i64, I64, I8 => i8, I16 => i16, I32 => i32, I64 => i64);
wide!(u64, U64, U8 => u8, U16 => u16, U32 => u32, U64 => u64);

/// The items an agent can see, addressed by their place in the stream.
///
/// Complex numbers count as two numbers each.
pub struct View<'a, W> {
    bytes: &'a [u8],
    scalar: Scalar,
    item_len: usize,
    first: u64,
    end: u64,
    scratch: &'a mut Vec<W>,
}

impl<'a, W: Wide> View<'a, W> {
    /// What `input` shows: its retained items and its unread ones. `scratch` is room for conversion.
    pub fn new(input: &'a Input, scalar: Scalar, scratch: &'a mut Vec<W>) -> View<'a, W> {
        let (bytes, past_bytes) = input.past_elements::<u8>();
        let item_len = input.item_len();
        let first = input.position() - (past_bytes / item_len) as u64;
        View {
            bytes,
            scalar,
            item_len,
            first,
            end: first + (bytes.len() / item_len) as u64,
            scratch,
        }
    }

    /// The place in the stream after the newest item that can be seen.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The numbers of the items `from .. to`, which can be seen.
    pub fn range(&mut self, from: u64, to: u64) -> &[W] {
        let at = |position: u64| (position - self.first) as usize * self.item_len;
        let bytes = &self.bytes[at(from)..at(to)];
        if is_kin(self.scalar, W::SCALAR) {
            return cast_slice(bytes);
        }
        W::load(self.scalar, bytes, self.scratch);
        self.scratch
    }
}

/// True when numbers of type `scalar` are numbers of type `wide` in memory.
fn is_kin(scalar: Scalar, wide: Scalar) -> bool {
    scalar == wide || (scalar == Scalar::Cf64 && wide == Scalar::F64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_do_not_fit_become_the_nearest_that_does() {
        let mut bytes = [0u8; 3];
        i64::store(&[-300, 5, 300], Scalar::I8, &mut bytes);
        assert_eq!(cast_slice::<u8, i8>(&bytes), [-128, 5, 127]);
        u64::store(&[0, 255, 256], Scalar::U8, &mut bytes);
        assert_eq!(bytes, [0, 255, 255]);
    }

    #[test]
    fn floats_that_do_not_fit_become_infinite_and_what_is_stays() {
        let numbers = [f64::INFINITY, -f64::INFINITY, 1e39, 0.1];
        let mut bytes = [0u8; 16];
        f64::store(&numbers, Scalar::F32, &mut bytes);
        let stored: [f32; 4] = bytemuck::pod_read_unaligned(&bytes);
        assert_eq!(stored, [f32::INFINITY, -f32::INFINITY, f32::INFINITY, 0.1]);
        let mut bytes = [0u8; 32];
        f64::store(&numbers, Scalar::F64, &mut bytes);
        assert_eq!(bytemuck::pod_read_unaligned::<[f64; 4]>(&bytes), numbers);
        f64::store(&numbers[..2], Scalar::I16, &mut bytes[..4]);
        assert_eq!(cast_slice::<u8, i16>(&bytes[..4]), [i16::MAX, i16::MIN]);
    }

    #[test]
    fn every_real_scalar_becomes_the_same_f64() {
        let mut out = Vec::new();
        f64::load(Scalar::I16, cast_slice(&[-5i16, 7]), &mut out);
        assert_eq!(out, [-5.0, 7.0]);
        f64::load(Scalar::F32, cast_slice(&[0.5f32, -0.25]), &mut out);
        assert_eq!(out, [0.5, -0.25]);
        f64::load(Scalar::U64, cast_slice(&[1u64 << 60]), &mut out);
        assert_eq!(out, [(1u64 << 60) as f64]);
    }
}
