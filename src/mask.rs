//! Masks: a bit for each of 64 bytes, made without a branch.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
use std::ops::BitOr;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(crate) use self::neon::gather_vectors;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86::{NUMBERS, gather_avx2};
#[cfg(target_arch = "x86_64")]
use crate::processor::{Level, level};

/// 64 bytes, of which each is all ones, as a comparison of vectors has it, or zero.
pub(crate) type Answers = [u8; 64];

/// The mask of some answers.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
pub(crate) fn gather(answers: &Answers) -> u64 {
    #[cfg(target_arch = "x86_64")]
    return gather_sse2(answers);
    // SAFETY: the instructions are part of the architecture.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[expect(unsafe_code, reason = "the one way to call them")]
    return unsafe { neon::gather(answers) };
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )))]
    gather_portable(answers)
}

/// All processors of this kind have the instruction for it: 0.6 instructions a byte less.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn gather_sse2(answers: &Answers) -> u64 {
    use std::arch::x86_64::{_mm_movemask_epi8, _mm_set_epi64x};

    let mut mask = 0;
    for (number, [low, high]) in answers.as_chunks().0.as_chunks().0.iter().enumerate() {
        let (low, high) = (i64::from_le_bytes(*low), i64::from_le_bytes(*high));
        // SAFETY: the instructions are part of the architecture.
        #[expect(unsafe_code, reason = "the one way to call them")]
        let bits = unsafe { _mm_movemask_epi8(_mm_set_epi64x(high, low)) };
        mask |= u64::from(bits.cast_unsigned()) << (16 * number);
    }
    mask
}

#[cfg(any(
    test,
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))
))]
pub(crate) fn gather_portable(answers: &Answers) -> u64 {
    let mut mask = 0;
    for (number, eight) in answers.as_chunks().0.iter().enumerate() {
        // The product has the lowest bit of each byte in its highest byte.
        let lowest = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
        let bits = lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * number);
    }
    mask
}

/// Values that are compared together.
pub(crate) const LANES: usize = 32;

/// Whether any of some values equals another one where the mask has ones.
#[inline]
pub(crate) fn any_equal<const N: usize>(blocks: &[[u16; LANES]; N], other: u16, mask: u16) -> bool {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: these are instructions of the level.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx512 => return unsafe { x86::any_equal_avx512(blocks, other, mask) },
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx2 => return unsafe { x86::any_equal_avx2(blocks, other, mask) },
        Level::Portable => {}
    }
    // SAFETY: the instructions are part of the architecture.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[expect(unsafe_code, reason = "the one way to call them")]
    return unsafe { neon::any_equal(blocks, other, mask) };
    #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
    any_equal_portable(blocks, other, mask)
}

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
fn any_equal_portable<const N: usize>(blocks: &[[u16; LANES]; N], other: u16, mask: u16) -> bool {
    // All of them, by vector code.
    let equal = blocks.as_flattened().iter().map(|value| (value ^ other) & mask == 0);
    equal.fold(false, BitOr::bitor)
}

/// For each block, which values equal another one where the mask has ones: a bit for each.
#[inline]
pub(crate) fn equal_bits<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> [u32; N] {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: these are instructions of the level.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx512 => return unsafe { x86::equal_bits_avx512(blocks, other, mask) },
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx2 => return unsafe { x86::equal_bits_avx2(blocks, other, mask) },
        Level::Portable => {}
    }
    // SAFETY: the instructions are part of the architecture.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[expect(unsafe_code, reason = "the one way to call them")]
    return unsafe { neon::equal_bits(blocks, other, mask) };
    #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
    equal_bits_portable(blocks, other, mask)
}

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
fn equal_bits_portable<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> [u32; N] {
    blocks.map(|values| {
        let equals = values.map(|value| (value ^ other) & mask == 0);
        (0..LANES).filter(|&at| equals[at]).fold(0, |bits, at| bits | 1 << at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_gathered_alike_on_every_instruction_set() {
        let mut state = 1_u64;
        for _ in 0..100 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mask = state ^ state >> 29;
            let answers = std::array::from_fn(|at| u8::from(mask >> at & 1 == 1).wrapping_neg());
            assert_eq!(gather(&answers), mask);
            assert_eq!(gather_portable(&answers), mask);
            #[cfg(target_arch = "x86_64")]
            if level() >= Level::Avx2 {
                // SAFETY: the instructions were just found to be there.
                #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
                let bits = unsafe { gather_avx2(&answers) };
                assert_eq!(bits, mask);
            }
        }
    }

    #[test]
    fn equal_values_are_found_alike_on_every_instruction_set() {
        let mut state = 1_u64;
        for round in 0..300 {
            let mut blocks = [[0; LANES]; 3];
            for value in blocks.as_flattened_mut() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Few values, so that some are equal, in the upper bits at least.
                let [low, .., high] = state.to_le_bytes();
                *value = u16::from(low % 5) << 13 | u16::from(high >> 4);
            }
            let mask = [u16::MAX, 0xFFF0, 0xE000, 0x8000, 0][round % 5];
            let other = if round % 7 == 0 { 0x1FFF } else { blocks[round % 3][round % LANES] };
            let expected = blocks.map(|block| -> u32 {
                let equal = (0..LANES).filter(|&at| block[at] & mask == other & mask);
                equal.map(|at| 1 << at).sum()
            });
            let any = expected != [0; 3];
            assert_eq!(any_equal(&blocks, other, mask), any);
            assert_eq!(any_equal_portable(&blocks, other, mask), any);
            assert_eq!(equal_bits(&blocks, other, mask), expected);
            assert_eq!(equal_bits_portable(&blocks, other, mask), expected);
            #[cfg(target_arch = "x86_64")]
            if level() >= Level::Avx2 {
                // SAFETY: the instructions were just found to be there.
                #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
                let vectors = unsafe { x86::equal_bits_avx2(&blocks, other, mask) };
                assert_eq!(vectors, expected);
            }
        }
    }
}
