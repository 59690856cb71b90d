//! Masks: a bit for each of 64 bytes, made without a branch.

/// 64 bytes, of which each is 0 or [`YES`].
pub(crate) type Answers = [u8; 64];

/// All bits, as a comparison of vectors has it.
pub(crate) const YES: u8 = 0xFF;

#[inline]
const fn answer(is_so: bool) -> u8 {
    if is_so { YES } else { 0 }
}

#[inline]
pub(crate) const fn equal(byte: u8, other: u8) -> u8 {
    answer(byte == other)
}

#[inline]
pub(crate) const fn within(byte: u8, first: u8, last: u8) -> u8 {
    answer(byte.wrapping_sub(first) <= last - first)
}

/// The last bytes of a text, which are fewer, and zeros.
pub(crate) fn pad<const LEN: usize>(rest: &[u8]) -> [u8; LEN] {
    let mut padded = [0; LEN];
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

/// What takes masks, and is compiled for each instruction set that makes them faster.
pub(crate) trait Task {
    type Output;

    /// `gather` makes the mask of some answers. To be inlined always.
    fn run(self, gather: impl Fn(&Answers) -> u64) -> Self::Output;
}

/// Runs a task with the best instructions that there are.
pub(crate) fn run<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64 as arch;

        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn run_avx512<T: Task>(task: T) -> T::Output {
            task.run(|answers| {
                // SAFETY: as many bytes are read as there are.
                #[expect(unsafe_code, reason = "to take them in one instruction")]
                let answers = unsafe { arch::_mm512_loadu_si512(answers.as_ptr().cast()) };
                arch::_mm512_test_epi8_mask(answers, answers)
            })
        }

        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn run_avx2<T: Task>(task: T) -> T::Output {
            task.run(|answers| {
                let half = |half: &[u8; 32]| {
                    // SAFETY: as many bytes are read as there are.
                    #[expect(unsafe_code, reason = "to take them in one instruction")]
                    let half = unsafe { arch::_mm256_loadu_si256(half.as_ptr().cast()) };
                    u64::from(arch::_mm256_movemask_epi8(half).cast_unsigned())
                };
                let [low, high] = answers.as_chunks().0 else { return 0 };
                half(low) | half(high) << 32
            })
        }

        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
            {
                // SAFETY: the instructions that it is compiled for were just found to be there.
                #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
                return unsafe { run_avx512(task) };
            }
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
            return unsafe { run_avx2(task) };
        }
    }
    run_portable(task)
}

/// Runs a task with the instructions that every processor has.
pub(crate) fn run_portable<T: Task>(task: T) -> T::Output {
    task.run(gather)
}

/// The lowest bit of each byte, of which the others are the same or 0.
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
        let lowest = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
        let bits = lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * number);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gather<'a>(&'a Answers);

    impl Task for Gather<'_> {
        type Output = u64;

        fn run(self, gather: impl Fn(&Answers) -> u64) -> u64 {
            gather(self.0)
        }
    }

    #[test]
    fn bits_are_gathered_alike_on_every_instruction_set() {
        let mut state = 1_u64;
        for _ in 0..100 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mask = state ^ state >> 29;
            let bits = std::array::from_fn(|at| (mask >> at & 1) as u8);
            let answers = bits.map(|bit: u8| bit * YES);
            for bytes in [bits, answers] {
                assert_eq!(gather(&bytes), mask);
                assert_eq!(gather_portable(&bytes), mask);
            }
            assert_eq!(run(Gather(&answers)), mask);
        }
    }
}
