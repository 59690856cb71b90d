//! Masks: a bit for each of 64 bytes, made without a branch.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(crate) use self::neon::gather_vectors;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;
use std::ops::BitOr;

#[cfg(target_arch = "x86_64")]
use crate::processor::{Level, level};

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
            task.run(|answers| gather_avx2(answers))
        }

        match level() {
            // SAFETY: these are instructions of the level.
            #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
            Level::Avx512 => return unsafe { run_avx512(task) },
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
            Level::Avx2 => return unsafe { run_avx2(task) },
            Level::Portable => {}
        }
    }
    run_portable(task)
}

/// Runs a task with the instructions that every processor has.
#[expect(clippy::redundant_closure, reason = "calls of the function itself are not inlined")]
pub(crate) fn run_portable<T: Task>(task: T) -> T::Output {
    task.run(|answers| gather(answers))
}

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

/// What [`gather`] does.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn gather_avx2(answers: &Answers) -> u64 {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_movemask_epi8};

    let bits = |half: &[u8; 32]| {
        // SAFETY: as many bytes are read as there are.
        #[expect(unsafe_code, reason = "to take them in one instruction")]
        let half = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        u64::from(_mm256_movemask_epi8(half).cast_unsigned())
    };
    let [low, high] = answers.as_chunks().0 else { unreachable!("BUG: 64 bytes are two halves") };
    bits(low) | bits(high) << 32
}

#[cfg(any(
    test,
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))
))]
fn gather_portable(answers: &Answers) -> u64 {
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
    {
        #[target_feature(enable = "avx512bw")]
        fn any_equal_avx512<const N: usize>(
            blocks: &[[u16; LANES]; N],
            other: u16,
            mask: u16,
        ) -> bool {
            equal_bits_avx512(blocks, other, mask).into_iter().fold(0, BitOr::bitor) != 0
        }

        #[target_feature(enable = "avx2")]
        fn any_equal_avx2<const N: usize>(
            blocks: &[[u16; LANES]; N],
            other: u16,
            mask: u16,
        ) -> bool {
            let mut any = arch::_mm256_setzero_si256();
            for values in blocks {
                for half in equal_avx2(values, other, mask) {
                    any = arch::_mm256_or_si256(any, half);
                }
            }
            arch::_mm256_testz_si256(any, any) == 0
        }

        match level() {
            // SAFETY: these are instructions of the level.
            #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
            Level::Avx512 => return unsafe { any_equal_avx512(blocks, other, mask) },
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
            Level::Avx2 => return unsafe { any_equal_avx2(blocks, other, mask) },
            Level::Portable => {}
        }
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
    let equal = blocks.as_flattened().iter().map(|value| u16::from((value ^ other) & mask == 0));
    equal.fold(0, BitOr::bitor) != 0
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
        Level::Avx512 => return unsafe { equal_bits_avx512(blocks, other, mask) },
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx2 => return unsafe { equal_bits_avx2(blocks, other, mask) },
        Level::Portable => {}
    }
    // SAFETY: the instructions are part of the architecture.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[expect(unsafe_code, reason = "the one way to call them")]
    return unsafe { neon::equal_bits(blocks, other, mask) };
    #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
    equal_bits_portable(blocks, other, mask)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512bw")]
fn equal_bits_avx512<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> [u32; N] {
    let other = arch::_mm512_set1_epi16((other & mask).cast_signed());
    let mask = arch::_mm512_set1_epi16(mask.cast_signed());
    let mut equal = [0; N];
    for (values, equal) in blocks.iter().zip(&mut equal) {
        // SAFETY: the load is of the values that it is given.
        #[expect(unsafe_code, reason = "the one way to load them")]
        let values = unsafe { arch::_mm512_loadu_si512(values.as_ptr().cast()) };
        *equal = arch::_mm512_cmpeq_epi16_mask(arch::_mm512_and_si512(values, mask), other);
    }
    equal
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn equal_bits_avx2<const N: usize>(blocks: &[[u16; LANES]; N], other: u16, mask: u16) -> [u32; N] {
    let mut equal = [0; N];
    for (values, equal) in blocks.iter().zip(&mut equal) {
        let [low, high] = equal_avx2(values, other, mask);
        let packed = arch::_mm256_packs_epi16(low, high);
        let in_order = arch::_mm256_permute4x64_epi64::<0b1101_1000>(packed);
        *equal = arch::_mm256_movemask_epi8(in_order).cast_unsigned();
    }
    equal
}

/// The values of either half that equal another one where the mask has ones, as all ones.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn equal_avx2(values: &[u16; LANES], other: u16, mask: u16) -> [arch::__m256i; 2] {
    let other = arch::_mm256_set1_epi16((other & mask).cast_signed());
    let mask = arch::_mm256_set1_epi16(mask.cast_signed());
    let halves = values.as_chunks::<16>().0;
    [0, 1].map(|half: usize| {
        // SAFETY: the load is of the sixteen values that it is given.
        #[expect(unsafe_code, reason = "the one way to load them")]
        let values = unsafe { arch::_mm256_loadu_si256(std::ptr::from_ref(&halves[half]).cast()) };
        arch::_mm256_cmpeq_epi16(arch::_mm256_and_si256(values, mask), other)
    })
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
            let answers = std::array::from_fn(|at| answer(mask >> at & 1 == 1));
            assert_eq!(gather(&answers), mask);
            assert_eq!(gather_portable(&answers), mask);
            assert_eq!(run(Gather(&answers)), mask);
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
                let vectors = unsafe { equal_bits_avx2(&blocks, other, mask) };
                assert_eq!(vectors, expected);
            }
        }
    }
}
