//! The items of a block that are to be kept, moved together in their order.
//!
//! A processor with AVX2 moves vectors of 32 bytes: what is kept of one comes to its front, and the next is written
//! behind that. Bytes are moved and nothing is computed, so both ways give the same.

use bytemuck::Pod;

use super::numbers::with_item_len;

/// Copies those items of `len` bytes whose byte in `keeps` is 1 and not 0; gives their count. `to` has room for all:
/// what lies there behind the kept ones is overwritten too.
pub(super) fn keep(keeps: &[u8], from: &[u8], to: &mut [u8], len: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if matches!(len, 4 | 8)
        && std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the processor has what the functions are compiled for: just asked.
        return unsafe {
            match len {
                4 => vectors::keep::<8>(keeps, from, to),
                _ => vectors::keep::<4>(keeps, from, to),
            }
        };
    }
    with_item_len!(len, T => keep_each::<T>(keeps, from, to), keep_bytes(keeps, from, to, len))
}

/// Copies every item and steps on only after those that are kept: no branch to guess wrong.
fn keep_each<T: Pod>(keeps: &[u8], from: &[u8], to: &mut [u8]) -> usize {
    let (from, to): (&[T], &mut [T]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
    let mut kept = 0;
    for (item, keep) in from.iter().zip(keeps) {
        to[kept] = *item;
        kept += usize::from(*keep);
    }
    kept
}

fn keep_bytes(keeps: &[u8], from: &[u8], to: &mut [u8], len: usize) -> usize {
    let is_kept = |(_, keep): &(&[u8], &u8)| **keep != 0;
    let items = from.chunks_exact(len).zip(keeps).filter(is_kept);
    let slots = to.chunks_exact_mut(len);
    items
        .zip(slots)
        .map(|((item, _), slot)| slot.copy_from_slice(item))
        .count()
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use std::arch::x86_64::{
        _mm_cvtsi64_si128, _mm256_cvtepu8_epi32, _mm256_loadu_si256, _mm256_permutevar8x32_epi32,
        _mm256_storeu_si256,
    };

    /// For every set of a vector's items the numbers of their words, a byte each, and then of no word in particular.
    static OF_4: [u64; 256] = fronts(4);
    static OF_8: [u64; 256] = fronts(8);

    const fn fronts(items: usize) -> [u64; 256] {
        let words = 8 / items;
        let mut fronts = [0; 256];
        let mut set = 0;
        while set < 1 << items {
            let (mut word, mut kept) = (0, 0);
            while word < 8 {
                if set >> (word / words) & 1 == 1 {
                    fronts[set] |= (word as u64) << (8 * kept);
                    kept += 1;
                }
                word += 1;
            }
            set += 1;
        }
        fronts
    }

    /// Vectors of `N` items, 8 of 4 bytes or 4 of 8.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn keep<const N: usize>(keeps: &[u8], from: &[u8], to: &mut [u8]) -> usize {
        let len = 32 / N;
        let fronts = if N == 8 { &OF_8 } else { &OF_4 };
        let (chunks, rest) = keeps.as_chunks::<N>();
        let (vectors, _) = from.as_chunks::<32>();
        assert!(to.len() >= from.len(), "room for all");
        let mut kept = 0;
        for (keeps, vector) in chunks.iter().zip(vectors) {
            let set = items_set(keeps);
            // SAFETY: of the items before this vector no more are kept than there are, so where it goes to are as many
            // bytes as from where it comes, in `to` as in `from`: 32. No function asks for an alignment.
            unsafe {
                let slot = to.as_mut_ptr().add(kept * len);
                let numbers = _mm_cvtsi64_si128(fronts[set as usize] as i64);
                let order = _mm256_cvtepu8_epi32(numbers);
                let vector = _mm256_loadu_si256(vector.as_ptr().cast());
                let front = _mm256_permutevar8x32_epi32(vector, order);
                _mm256_storeu_si256(slot.cast(), front);
            }
            kept += set.count_ones() as usize;
        }
        let done = keeps.len() - rest.len();
        let slots = &mut to[kept * len..];
        kept + super::keep_bytes(rest, &from[done * len..], slots, len)
    }

    /// The items whose byte is 1, a bit each: every byte is moved to a place of its own above all others.
    fn items_set<const N: usize>(keeps: &[u8; N]) -> u8 {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(keeps);
        let set = u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        set as u8 & (u8::MAX >> (8 - N))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_the_same_for_items_of_every_length() {
        // Every set of eight items, and some that fill no vector.
        for set in 0..256_u32 {
            for (len, count) in [(4, 8), (8, 8), (16, 8), (3, 8), (4, 21), (8, 6), (8, 0)] {
                let keeps: Vec<u8> = (0..count).map(|n| (set >> (n % 8) & 1) as u8).collect();
                let from: Vec<u8> = (0..count * len).map(|n| n as u8).collect();
                let items = from.chunks_exact(len).zip(&keeps);
                let expected: Vec<u8> = items
                    .filter(|(_, keep)| **keep == 1)
                    .flat_map(|(item, _)| item.to_vec())
                    .collect();
                let mut to = vec![0; from.len()];
                let kept = keep(&keeps, &from, &mut to, len);
                assert_eq!(to[..kept * len], expected, "{set:#x}, {count} of {len}");
            }
        }
    }
}
