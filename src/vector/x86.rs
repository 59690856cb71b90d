//! Blocks with SSE2, which all of these processors have, AVX2 and AVX-512.

#![expect(unsafe_code, reason = "the one way to call these instructions")]

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_and_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8,
    _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128, _mm_storeu_si128,
    _mm_sub_epi8, _mm_xor_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_max_epu8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_sub_epi8, _mm256_xor_si256,
    _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask,
    _mm512_loadu_si512, _mm512_mask_mov_epi8, _mm512_maskz_compress_epi8, _mm512_set1_epi8,
    _mm512_shuffle_epi8, _mm512_storeu_si512, _mm512_sub_epi8,
};
use std::array::from_fn;
use std::ops::{BitAnd, BitOr, Not, RangeInclusive};

use super::{BLOCK, Mask, Set, Task, Vector};

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn run_avx512<T: Task>(task: T) -> T::Output {
    task.run::<Avx512>()
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn run_avx2<T: Task>(task: T) -> T::Output {
    task.run::<Avx2>()
}

#[derive(Clone, Copy)]
pub(crate) struct Sse2([__m128i; 4]);

/// Bytes that are all ones, or zero.
#[derive(Clone, Copy)]
pub(crate) struct Sse2Answers([__m128i; 4]);

impl Vector for Sse2 {
    type Mask = Sse2Answers;

    #[inline(always)]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
        let (quarters, _) = bytes.as_chunks::<16>();
        // SAFETY: a quarter has 16 bytes, and they may lie anywhere.
        Self(from_fn(|at| unsafe { _mm_loadu_si128(quarters[at].as_ptr().cast()) }))
    }

    #[inline(always)]
    fn store(self) -> [u8; BLOCK] {
        let mut bytes = [0; BLOCK];
        for (quarter, it) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(self.0) {
            // SAFETY: a quarter has 16 bytes, and they may lie anywhere.
            unsafe { _mm_storeu_si128(quarter.as_mut_ptr().cast(), it) };
        }
        bytes
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> Sse2Answers {
        // SAFETY: the instructions are part of the architecture.
        Sse2Answers(
            self.0.map(|it| unsafe { _mm_cmpeq_epi8(it, _mm_set1_epi8(byte.cast_signed())) }),
        )
    }

    #[inline(always)]
    fn within(self, range: RangeInclusive<u8>) -> Sse2Answers {
        // SAFETY: the instructions are part of the architecture.
        Sse2Answers(self.0.map(|it| unsafe {
            let above = _mm_sub_epi8(it, _mm_set1_epi8(range.start().cast_signed()));
            let len = _mm_set1_epi8((range.end() - range.start()).cast_signed());
            _mm_cmpeq_epi8(above, _mm_min_epu8(above, len))
        }))
    }

    #[inline(always)]
    fn among(self, set: &Set) -> Sse2Answers {
        // SAFETY: the instruction is part of the architecture.
        let none = Sse2Answers([unsafe { _mm_setzero_si128() }; 4]);
        set.bytes.iter().fold(none, |found, &byte| found | self.equal(byte))
    }
}

impl BitAnd for Sse2Answers {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: the instruction is part of the architecture.
        Self(from_fn(|at| unsafe { _mm_and_si128(self.0[at], other.0[at]) }))
    }
}

impl BitOr for Sse2Answers {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: the instruction is part of the architecture.
        Self(from_fn(|at| unsafe { _mm_or_si128(self.0[at], other.0[at]) }))
    }
}

impl Not for Sse2Answers {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: the instructions are part of the architecture.
        Self(self.0.map(|it| unsafe { _mm_xor_si128(it, _mm_set1_epi8(-1)) }))
    }
}

impl Mask for Sse2Answers {
    #[inline(always)]
    fn bits(self) -> u64 {
        // SAFETY: the instruction is part of the architecture.
        let quarters = self.0.map(|it| unsafe { _mm_movemask_epi8(it) }.cast_unsigned());
        quarters.iter().rev().fold(0, |bits, &quarter| bits << 16 | u64::from(quarter))
    }
}

/// By halves that are named: a closure, as for an array of them, would not be compiled with these
/// instructions unless the compiler chose to inline all that is between.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256i, __m256i);

/// Bytes that are all ones, or zero.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Answers(__m256i, __m256i);

impl Vector for Avx2 {
    type Mask = Avx2Answers;

    #[inline(always)]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
        let (low, high) = bytes.split_at(BLOCK / 2);
        // SAFETY: there is AVX2, as is asked of the caller; each half has 32 bytes, and they may
        // lie anywhere.
        unsafe {
            Self(_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast()))
        }
    }

    #[inline(always)]
    fn store(self) -> [u8; BLOCK] {
        let mut bytes = [0; BLOCK];
        let (low, high) = bytes.split_at_mut(BLOCK / 2);
        // SAFETY: there is AVX2 where there is such a vector; each half has 32 bytes, and they may
        // lie anywhere.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast(), self.0);
            _mm256_storeu_si256(high.as_mut_ptr().cast(), self.1);
        }
        bytes
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> Avx2Answers {
        // SAFETY: there is AVX2 where there is such a vector.
        unsafe {
            let all = _mm256_set1_epi8(byte.cast_signed());
            Avx2Answers(_mm256_cmpeq_epi8(self.0, all), _mm256_cmpeq_epi8(self.1, all))
        }
    }

    #[inline(always)]
    fn within(self, range: RangeInclusive<u8>) -> Avx2Answers {
        let (first, last) = (*range.start(), *range.end());
        // SAFETY: there is AVX2 where there is such a vector.
        unsafe {
            let from = _mm256_set1_epi8(first.cast_signed());
            if last == u8::MAX {
                return Avx2Answers(
                    _mm256_cmpeq_epi8(self.0, _mm256_max_epu8(self.0, from)),
                    _mm256_cmpeq_epi8(self.1, _mm256_max_epu8(self.1, from)),
                );
            }
            let len = _mm256_set1_epi8((last - first).cast_signed());
            let above = Self(_mm256_sub_epi8(self.0, from), _mm256_sub_epi8(self.1, from));
            Avx2Answers(
                _mm256_cmpeq_epi8(above.0, _mm256_min_epu8(above.0, len)),
                _mm256_cmpeq_epi8(above.1, _mm256_min_epu8(above.1, len)),
            )
        }
    }

    #[inline(always)]
    fn among(self, Set { by_half, .. }: &Set) -> Avx2Answers {
        // SAFETY: there is AVX2 where there is such a vector; 16 bytes are loaded.
        unsafe {
            let set = _mm256_broadcastsi128_si256(_mm_loadu_si128(by_half.as_ptr().cast()));
            let half = _mm256_set1_epi8(0x0F);
            let one = Self(
                _mm256_shuffle_epi8(set, _mm256_and_si256(self.0, half)),
                _mm256_shuffle_epi8(set, _mm256_and_si256(self.1, half)),
            );
            Avx2Answers(_mm256_cmpeq_epi8(self.0, one.0), _mm256_cmpeq_epi8(self.1, one.1))
        }
    }
}

impl BitAnd for Avx2Answers {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: there is AVX2 where there is such a vector.
        unsafe { Self(_mm256_and_si256(self.0, other.0), _mm256_and_si256(self.1, other.1)) }
    }
}

impl BitOr for Avx2Answers {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: there is AVX2 where there is such a vector.
        unsafe { Self(_mm256_or_si256(self.0, other.0), _mm256_or_si256(self.1, other.1)) }
    }
}

impl Not for Avx2Answers {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: there is AVX2 where there is such a vector.
        unsafe {
            let all = _mm256_set1_epi8(-1);
            Self(_mm256_xor_si256(self.0, all), _mm256_xor_si256(self.1, all))
        }
    }
}

impl Mask for Avx2Answers {
    #[inline(always)]
    fn bits(self) -> u64 {
        // SAFETY: there is AVX2 where there is such a vector.
        let (low, high) = unsafe { (_mm256_movemask_epi8(self.0), _mm256_movemask_epi8(self.1)) };
        u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
    }
}

/// Comparisons give masks at once.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512i);

impl Vector for Avx512 {
    type Mask = u64;

    #[inline(always)]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
        // SAFETY: there is AVX-512, as is asked of the caller; as many bytes are read as there are.
        unsafe { Self(_mm512_loadu_si512(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self) -> [u8; BLOCK] {
        let mut bytes = [0; BLOCK];
        // SAFETY: there is AVX-512 where there is such a vector; as many bytes are written as there are.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.0) };
        bytes
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        // SAFETY: there is AVX-512 where there is such a vector.
        unsafe { _mm512_cmpeq_epi8_mask(self.0, _mm512_set1_epi8(byte.cast_signed())) }
    }

    #[inline(always)]
    fn within(self, range: RangeInclusive<u8>) -> u64 {
        // SAFETY: there is AVX-512 where there is such a vector.
        unsafe {
            let above = _mm512_sub_epi8(self.0, _mm512_set1_epi8(range.start().cast_signed()));
            let len = _mm512_set1_epi8((range.end() - range.start()).cast_signed());
            _mm512_cmple_epu8_mask(above, len)
        }
    }

    #[inline(always)]
    fn among(self, Set { by_half, .. }: &Set) -> u64 {
        // SAFETY: there is AVX-512 where there is such a vector; 16 bytes are loaded.
        unsafe {
            let set = _mm512_broadcast_i32x4(_mm_loadu_si128(by_half.as_ptr().cast()));
            let half = _mm512_and_si512(self.0, _mm512_set1_epi8(0x0F));
            _mm512_cmpeq_epi8_mask(self.0, _mm512_shuffle_epi8(set, half))
        }
    }

    const MOVES: bool = true;

    #[inline(always)]
    fn replace(self, mask: u64, byte: u8) -> Self {
        // SAFETY: there is AVX-512 where there is such a vector.
        unsafe { Self(_mm512_mask_mov_epi8(self.0, mask, _mm512_set1_epi8(byte.cast_signed()))) }
    }

    #[inline(always)]
    fn select(self, other: Self, mask: u64) -> Self {
        // SAFETY: there is AVX-512 where there is such a vector.
        unsafe { Self(_mm512_mask_mov_epi8(self.0, mask, other.0)) }
    }

    #[inline(always)]
    fn keep(self, mask: u64) -> [u8; BLOCK] {
        // SAFETY: there is AVX-512 where there is such a vector.
        unsafe { Self(_mm512_maskz_compress_epi8(mask, self.0)).store() }
    }
}
