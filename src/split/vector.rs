//! Blocks of 64 bytes, all of which are compared with something at once.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::ops::RangeInclusive;

use crate::mask::gather;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// A block whose bytes are compared at once.
pub(super) trait Vector: Copy {
    fn load(bytes: &[u8; BLOCK]) -> Self;

    /// A bit for each byte that is `byte`.
    fn equal(self, byte: u8) -> u64;

    /// A bit for each byte in `range`.
    fn within(self, range: RangeInclusive<u8>) -> u64;
}

/// For every processor, and what the others must agree with.
#[derive(Clone, Copy)]
pub(super) struct Portable([u8; BLOCK]);

impl Vector for Portable {
    #[inline(always)]
    fn load(bytes: &[u8; BLOCK]) -> Self {
        Self(*bytes)
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        gather(&self.0.map(|it| u8::from(it == byte)))
    }

    #[inline(always)]
    fn within(self, range: RangeInclusive<u8>) -> u64 {
        let (from, len) = (*range.start(), range.end() - range.start());
        gather(&self.0.map(|it| u8::from(it.wrapping_sub(from) <= len)))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// The compiler makes five times as many instructions of the portable code.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the one way to call these instructions")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
        _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_sub_epi8, _mm512_cmpeq_epi8_mask,
        _mm512_cmple_epu8_mask, _mm512_loadu_si512, _mm512_set1_epi8, _mm512_sub_epi8,
    };
    use std::ops::RangeInclusive;

    use super::{BLOCK, Vector};

    /// To be made only where AVX2 was found.
    #[derive(Clone, Copy)]
    pub(in crate::split) struct Avx2([__m256i; 2]);

    impl Avx2 {
        /// The highest bit of each byte.
        #[inline(always)]
        fn bits(halves: [__m256i; 2]) -> u64 {
            // SAFETY: there is AVX2 where there is such a vector.
            let [low, high] = halves.map(|half| unsafe { _mm256_movemask_epi8(half) });
            u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
        }
    }

    impl Vector for Avx2 {
        #[inline(always)]
        fn load(bytes: &[u8; BLOCK]) -> Self {
            let halves = bytes.as_chunks::<{ BLOCK / 2 }>().0;
            // SAFETY: the caller found AVX2; there are as many bytes, and they may lie anywhere.
            Self([0, 1].map(|half| unsafe {
                let bytes: &[u8; BLOCK / 2] = &halves[half];
                _mm256_loadu_si256(bytes.as_ptr().cast())
            }))
        }

        #[inline(always)]
        fn equal(self, byte: u8) -> u64 {
            // SAFETY: there is AVX2 where there is such a vector.
            Self::bits(self.0.map(|half| unsafe {
                _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte.cast_signed()))
            }))
        }

        #[inline(always)]
        fn within(self, range: RangeInclusive<u8>) -> u64 {
            let (from, len) = (*range.start(), range.end() - range.start());
            // SAFETY: there is AVX2 where there is such a vector.
            Self::bits(self.0.map(|half| unsafe {
                let above = _mm256_sub_epi8(half, _mm256_set1_epi8(from.cast_signed()));
                let least = _mm256_min_epu8(above, _mm256_set1_epi8(len.cast_signed()));
                _mm256_cmpeq_epi8(above, least)
            }))
        }
    }

    /// To be made only where AVX-512BW was found.
    #[derive(Clone, Copy)]
    pub(in crate::split) struct Avx512(__m512i);

    impl Vector for Avx512 {
        #[inline(always)]
        fn load(bytes: &[u8; BLOCK]) -> Self {
            // SAFETY: the caller found AVX-512BW; there are as many bytes, and they may lie anywhere.
            Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) })
        }

        #[inline(always)]
        fn equal(self, byte: u8) -> u64 {
            // SAFETY: there is AVX-512BW where there is such a vector.
            unsafe { _mm512_cmpeq_epi8_mask(self.0, _mm512_set1_epi8(byte.cast_signed())) }
        }

        #[inline(always)]
        fn within(self, range: RangeInclusive<u8>) -> u64 {
            let (from, len) = (*range.start(), range.end() - range.start());
            // SAFETY: there is AVX-512BW where there is such a vector.
            unsafe {
                let above = _mm512_sub_epi8(self.0, _mm512_set1_epi8(from.cast_signed()));
                _mm512_cmple_epu8_mask(above, _mm512_set1_epi8(len.cast_signed()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<V: Vector>() {
        let bytes: [u8; 256] = std::array::from_fn(|at| (at * 101 % 256).try_into().unwrap());
        for block in bytes.as_chunks::<BLOCK>().0 {
            let vector = V::load(block);
            for byte in 0..=u8::MAX {
                let expected = |is: &dyn Fn(u8) -> bool| {
                    block.iter().rev().fold(0_u64, |bits, &it| bits << 1 | u64::from(is(it)))
                };
                assert_eq!(vector.equal(byte), expected(&|it| it == byte));
                for end in [byte, byte.saturating_add(3), byte.saturating_add(64), u8::MAX] {
                    let range = byte..=end;
                    assert_eq!(vector.within(range.clone()), expected(&|it| range.contains(&it)));
                }
            }
        }
    }

    #[test]
    fn bytes_compare_alike_on_every_instruction_set() {
        check::<Portable>();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                check::<Avx2>();
            }
            if is_x86_feature_detected!("avx512bw") {
                check::<Avx512>();
            }
        }
    }
}
