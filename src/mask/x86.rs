//! Masks, by the vector instructions that there are.

#![expect(unsafe_code, reason = "the one way to call vector instructions")]

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi16, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_packs_epi16, _mm256_permute4x64_epi64, _mm256_set1_epi16,
    _mm256_setzero_si256, _mm256_testz_si256, _mm512_and_si512, _mm512_cmpeq_epi16_mask,
    _mm512_loadu_si512, _mm512_set1_epi16,
};
use std::ops::BitOr;

use super::LANES;

/// The number of each bit of a mask, of which a compression by the mask leaves those of its ones.
#[expect(clippy::cast_possible_truncation, reason = "below 64")]
pub(crate) static NUMBERS: [u8; 64] = {
    let mut numbers = [0; 64];
    let mut at = 0;
    while at < 64 {
        numbers[at] = at as u8;
        at += 1;
    }
    numbers
};

/// What [`any_equal`](super::any_equal) does.
#[target_feature(enable = "avx512bw")]
pub(super) fn any_equal_avx512<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> bool {
    equal_bits_avx512(blocks, other, mask).into_iter().fold(0, BitOr::bitor) != 0
}

/// What [`equal_bits`](super::equal_bits) does.
#[inline]
#[target_feature(enable = "avx512bw")]
pub(super) fn equal_bits_avx512<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> [u32; N] {
    let other = _mm512_set1_epi16((other & mask).cast_signed());
    let mask = _mm512_set1_epi16(mask.cast_signed());
    let mut equal = [0; N];
    for (values, equal) in blocks.iter().zip(&mut equal) {
        // SAFETY: the load is of the values that it is given.
        let values = unsafe { _mm512_loadu_si512(values.as_ptr().cast()) };
        *equal = _mm512_cmpeq_epi16_mask(_mm512_and_si512(values, mask), other);
    }
    equal
}

/// What [`any_equal`](super::any_equal) does.
#[target_feature(enable = "avx2")]
pub(super) fn any_equal_avx2<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> bool {
    let mut any = _mm256_setzero_si256();
    for half in blocks.as_flattened().as_chunks().0 {
        any = _mm256_or_si256(any, equal_avx2(half, other, mask));
    }
    _mm256_testz_si256(any, any) == 0
}

/// What [`equal_bits`](super::equal_bits) does.
#[target_feature(enable = "avx2")]
pub(super) fn equal_bits_avx2<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> [u32; N] {
    let mut equal = [0; N];
    for (values, equal) in blocks.iter().zip(&mut equal) {
        let [low, high] = values.as_chunks().0 else {
            unreachable!("BUG: 32 values are two halves")
        };
        let packed =
            _mm256_packs_epi16(equal_avx2(low, other, mask), equal_avx2(high, other, mask));
        let in_order = _mm256_permute4x64_epi64::<0b1101_1000>(packed);
        *equal = _mm256_movemask_epi8(in_order).cast_unsigned();
    }
    equal
}

/// The values that equal another one where the mask has ones, as all ones.
#[inline]
#[target_feature(enable = "avx2")]
fn equal_avx2(values: &[u16; LANES / 2], other: u16, mask: u16) -> __m256i {
    // SAFETY: the load is of the values that it is given.
    let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
    let masked = _mm256_and_si256(values, _mm256_set1_epi16(mask.cast_signed()));
    _mm256_cmpeq_epi16(masked, _mm256_set1_epi16((other & mask).cast_signed()))
}
