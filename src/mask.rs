//! Masks: a bit for each of 64 bytes, made without a branch.

/// The lowest bit of each byte, of which the others are 0.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
pub(crate) fn gather(bytes: &[u8; 64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    return gather_sse2(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    gather_portable(bytes)
}

/// All processors of this kind have the instruction for it: 0.6 instructions a byte less.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn gather_sse2(bytes: &[u8; 64]) -> u64 {
    use std::arch::x86_64::{_mm_movemask_epi8, _mm_set_epi64x, _mm_slli_epi64};

    let mut mask = 0;
    for (number, [low, high]) in bytes.as_chunks().0.as_chunks().0.iter().enumerate() {
        let (low, high) = (i64::from_le_bytes(*low), i64::from_le_bytes(*high));
        // SAFETY: the instructions are part of the architecture.
        #[expect(unsafe_code, reason = "the one way to call them")]
        let bits = unsafe { _mm_movemask_epi8(_mm_slli_epi64::<7>(_mm_set_epi64x(high, low))) };
        mask |= u64::from(bits.cast_unsigned()) << (16 * number);
    }
    mask
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn gather_portable(bytes: &[u8; 64]) -> u64 {
    let mut mask = 0;
    for (number, eight) in bytes.as_chunks().0.iter().enumerate() {
        // The product has the lowest bit of each byte in its highest byte.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * number);
    }
    mask
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
            let bits = std::array::from_fn(|at| (mask >> at & 1) as u8);
            assert_eq!(gather(&bits), mask);
            assert_eq!(gather_portable(&bits), mask);
        }
    }
}
