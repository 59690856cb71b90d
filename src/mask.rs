//! Values that equal another one: a bit for each, without a branch.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
use std::ops::BitOr;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(crate) use self::neon::gather_vectors;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86::NUMBERS;
#[cfg(target_arch = "x86_64")]
use crate::processor::{Level, level};

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
