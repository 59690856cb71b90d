//! Blocks of 64 bytes, all of which are compared with something at once.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::ops::{BitAnd, BitOr, RangeInclusive};

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
pub(super) use self::portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use self::x86::Avx2;

/// What every processor of the architecture has.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(super) type Baseline = self::neon::Neon;
#[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
pub(super) type Baseline = Portable;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// The bytes of a block; or what they are, as bytes that are all ones or zero.
pub(super) trait Vector: Copy + BitAnd<Output = Self> + BitOr<Output = Self> {
    /// # Safety
    ///
    /// The processor must have the instructions for such vectors, of which this is the only way to make the first.
    #[expect(unsafe_code, reason = "as stated")]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self;

    /// Which bytes are `byte`.
    fn equal(self, byte: u8) -> Self;

    /// Which bytes are in `range`.
    fn within(self, range: RangeInclusive<u8>) -> Self;

    /// Which bytes are in `set`.
    fn among(self, set: &Set) -> Self;

    /// A bit for each byte that is all ones, of such as are all ones or zero.
    fn bits(self) -> u64;
}

/// Bytes no two of which have the same lower half, so that the one that a byte may be is found by one shuffle.
pub(super) struct Set {
    #[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
    bytes: &'static [u8],
    /// Each at its lower half.
    by_half: [u8; 16],
}

impl Set {
    pub(super) const fn new(bytes: &'static [u8]) -> Self {
        let mut by_half = [0; 16];
        let mut half = 0;
        while half < 16 {
            // Of another lower half: no byte is that one.
            by_half[half as usize] = !half;
            half += 1;
        }
        let mut at = 0;
        while at < bytes.len() {
            let half = bytes[at] & 0x0F;
            assert!(by_half[half as usize] == !half, "two bytes with the same lower half");
            by_half[half as usize] = bytes[at];
            at += 1;
        }
        Self {
            #[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
            bytes,
            by_half,
        }
    }
}

/// The block of `bytes` from `at` on.
#[inline(always)]
pub(super) fn load<V: Vector>(bytes: &[u8], at: usize) -> V {
    let block = bytes[at..].first_chunk().expect("BUG: no block");
    // SAFETY: `paragraphs` asks for vectors only for which it found the instructions.
    #[expect(unsafe_code, reason = "the one way to make a vector")]
    unsafe {
        V::load(block)
    }
}

#[cfg(any(test, not(all(target_arch = "aarch64", target_endian = "little"))))]
mod portable {
    use std::array::from_fn;
    use std::ops::{BitAnd, BitOr, RangeInclusive};

    use super::{BLOCK, Set, Vector};
    use crate::mask::gather;

    /// For every processor, and what the others must agree with.
    #[derive(Clone, Copy)]
    pub(in crate::split) struct Portable([u8; BLOCK]);

    impl BitAnd for Portable {
        type Output = Self;

        #[inline(always)]
        fn bitand(self, other: Self) -> Self {
            Self(from_fn(|at| self.0[at] & other.0[at]))
        }
    }

    impl BitOr for Portable {
        type Output = Self;

        #[inline(always)]
        fn bitor(self, other: Self) -> Self {
            Self(from_fn(|at| self.0[at] | other.0[at]))
        }
    }

    impl Vector for Portable {
        #[inline(always)]
        #[expect(unsafe_code, reason = "as the trait has it")]
        unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
            Self(*bytes)
        }

        #[inline(always)]
        fn equal(self, byte: u8) -> Self {
            Self(self.0.map(|it| u8::from(it == byte).wrapping_neg()))
        }

        #[inline(always)]
        fn within(self, range: RangeInclusive<u8>) -> Self {
            let (from, len) = (*range.start(), range.end() - range.start());
            Self(self.0.map(|it| u8::from(it.wrapping_sub(from) <= len).wrapping_neg()))
        }

        #[inline(always)]
        fn among(self, set: &Set) -> Self {
            set.bytes.iter().fold(Self([0; BLOCK]), |found, &byte| found | self.equal(byte))
        }

        #[inline(always)]
        fn bits(self) -> u64 {
            gather(&self.0)
        }
    }
}

/// With the portable code, splitting takes 40 to 70 % longer.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the one way to call these instructions")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
        _mm256_loadu_si256, _mm256_max_epu8, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_sub_epi8,
    };
    use std::ops::{BitAnd, BitOr, RangeInclusive};

    use super::{BLOCK, Set, Vector};

    #[derive(Clone, Copy)]
    pub(in crate::split) struct Avx2(__m256i, __m256i);

    impl BitAnd for Avx2 {
        type Output = Self;

        #[inline(always)]
        fn bitand(self, other: Self) -> Self {
            // SAFETY: there is AVX2 where there is such a vector.
            unsafe { Self(_mm256_and_si256(self.0, other.0), _mm256_and_si256(self.1, other.1)) }
        }
    }

    impl BitOr for Avx2 {
        type Output = Self;

        #[inline(always)]
        fn bitor(self, other: Self) -> Self {
            // SAFETY: there is AVX2 where there is such a vector.
            unsafe { Self(_mm256_or_si256(self.0, other.0), _mm256_or_si256(self.1, other.1)) }
        }
    }

    impl Vector for Avx2 {
        #[inline(always)]
        unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
            let (low, high) = bytes.split_at(BLOCK / 2);
            // SAFETY: there is AVX2, as is asked of the caller; each half has 32 bytes, and they may lie anywhere.
            unsafe {
                Self(
                    _mm256_loadu_si256(low.as_ptr().cast()),
                    _mm256_loadu_si256(high.as_ptr().cast()),
                )
            }
        }

        #[inline(always)]
        fn equal(self, byte: u8) -> Self {
            // SAFETY: there is AVX2 where there is such a vector.
            unsafe {
                let all = _mm256_set1_epi8(byte.cast_signed());
                Self(_mm256_cmpeq_epi8(self.0, all), _mm256_cmpeq_epi8(self.1, all))
            }
        }

        #[inline(always)]
        fn within(self, range: RangeInclusive<u8>) -> Self {
            // SAFETY: there is AVX2 where there is such a vector.
            unsafe {
                if *range.end() == u8::MAX {
                    let from = _mm256_set1_epi8(range.start().cast_signed());
                    return Self(
                        _mm256_cmpeq_epi8(self.0, _mm256_max_epu8(self.0, from)),
                        _mm256_cmpeq_epi8(self.1, _mm256_max_epu8(self.1, from)),
                    );
                }
                let from = _mm256_set1_epi8(range.start().cast_signed());
                let len = _mm256_set1_epi8((range.end() - range.start()).cast_signed());
                let above = Self(_mm256_sub_epi8(self.0, from), _mm256_sub_epi8(self.1, from));
                Self(
                    _mm256_cmpeq_epi8(above.0, _mm256_min_epu8(above.0, len)),
                    _mm256_cmpeq_epi8(above.1, _mm256_min_epu8(above.1, len)),
                )
            }
        }

        #[inline(always)]
        fn among(self, Set { by_half, .. }: &Set) -> Self {
            // SAFETY: there is AVX2 where there is such a vector; 16 bytes are loaded.
            unsafe {
                let set = _mm256_broadcastsi128_si256(_mm_loadu_si128(by_half.as_ptr().cast()));
                let half = _mm256_set1_epi8(0x0F);
                let found = |it| {
                    let one = _mm256_shuffle_epi8(set, _mm256_and_si256(it, half));
                    _mm256_cmpeq_epi8(it, one)
                };
                Self(found(self.0), found(self.1))
            }
        }

        #[inline(always)]
        fn bits(self) -> u64 {
            // SAFETY: there is AVX2 where there is such a vector.
            let (low, high) =
                unsafe { (_mm256_movemask_epi8(self.0), _mm256_movemask_epi8(self.1)) };
            u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
        }
    }
}

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[expect(unsafe_code, reason = "the one way to call these instructions")]
mod neon {
    use std::arch::aarch64::{
        uint8x16_t, vandq_u8, vceqq_u8, vcleq_u8, vdupq_n_u8, vld1q_u8, vorrq_u8, vqtbl1q_u8,
        vsubq_u8,
    };
    use std::array::from_fn;
    use std::ops::{BitAnd, BitOr, RangeInclusive};

    use super::{BLOCK, Set, Vector};
    use crate::mask::gather_vectors;

    /// Every processor of the architecture has the instructions.
    #[derive(Clone, Copy)]
    pub(in crate::split) struct Neon([uint8x16_t; 4]);

    impl BitAnd for Neon {
        type Output = Self;

        #[inline(always)]
        fn bitand(self, other: Self) -> Self {
            // SAFETY: the instruction is part of the architecture.
            Self(from_fn(|at| unsafe { vandq_u8(self.0[at], other.0[at]) }))
        }
    }

    impl BitOr for Neon {
        type Output = Self;

        #[inline(always)]
        fn bitor(self, other: Self) -> Self {
            // SAFETY: the instruction is part of the architecture.
            Self(from_fn(|at| unsafe { vorrq_u8(self.0[at], other.0[at]) }))
        }
    }

    impl Vector for Neon {
        #[inline(always)]
        unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
            let (quarters, _) = bytes.as_chunks::<16>();
            // SAFETY: a quarter has 16 bytes, and they may lie anywhere.
            Self(from_fn(|at| unsafe { vld1q_u8(quarters[at].as_ptr()) }))
        }

        #[inline(always)]
        fn equal(self, byte: u8) -> Self {
            // SAFETY: the instructions are part of the architecture.
            Self(self.0.map(|it| unsafe { vceqq_u8(it, vdupq_n_u8(byte)) }))
        }

        #[inline(always)]
        fn within(self, range: RangeInclusive<u8>) -> Self {
            let (from, len) = (*range.start(), range.end() - range.start());
            // SAFETY: the instructions are part of the architecture.
            Self(
                self.0
                    .map(|it| unsafe { vcleq_u8(vsubq_u8(it, vdupq_n_u8(from)), vdupq_n_u8(len)) }),
            )
        }

        #[inline(always)]
        fn among(self, Set { by_half, .. }: &Set) -> Self {
            // SAFETY: the instructions are part of the architecture; 16 bytes are loaded.
            Self(self.0.map(|it| unsafe {
                let half = vandq_u8(it, vdupq_n_u8(0x0F));
                vceqq_u8(it, vqtbl1q_u8(vld1q_u8(by_half.as_ptr()), half))
            }))
        }

        #[inline(always)]
        fn bits(self) -> u64 {
            // SAFETY: the instructions are part of the architecture.
            unsafe { gather_vectors(self.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;

    use super::*;

    fn check<V: Vector>() {
        let bytes: [u8; 256] = from_fn(|at| (at * 101 % 256).try_into().unwrap());
        for block in bytes.as_chunks::<BLOCK>().0 {
            // SAFETY: the caller found the instructions.
            #[expect(unsafe_code, reason = "the one way to make a vector")]
            let vector = unsafe { V::load(block) };
            for bytes in [&b"\t\n\x0B\x0C\r "[..], b"\x85\xA8\xA9", b"\x80\xC2\x7F", b""] {
                let among = vector.among(&Set::new(bytes)).bits();
                for (at, byte) in block.iter().enumerate() {
                    assert_eq!(among >> at & 1 == 1, bytes.contains(byte), "{byte}");
                }
            }
            for byte in 0..=u8::MAX {
                let expected = |is: &dyn Fn(u8) -> bool| {
                    block.iter().rev().fold(0_u64, |bits, &it| bits << 1 | u64::from(is(it)))
                };
                let equal = vector.equal(byte);
                assert_eq!(equal.bits(), expected(&|it| it == byte));
                for end in [byte, byte.saturating_add(3), byte.saturating_add(64), u8::MAX] {
                    let range = byte..=end;
                    let within = vector.within(range.clone());
                    assert_eq!(within.bits(), expected(&|it| range.contains(&it)));
                    let odd = vector.within(0x7F..=0xA0);
                    assert_eq!((within & odd).bits(), within.bits() & odd.bits());
                    assert_eq!((within | odd).bits(), within.bits() | odd.bits());
                }
            }
        }
    }

    #[test]
    fn bytes_compare_alike_on_every_instruction_set() {
        check::<Portable>();
        check::<Baseline>();
        #[cfg(target_arch = "x86_64")]
        if crate::processor::level() >= crate::processor::Level::Avx2 {
            check::<Avx2>();
        }
    }
}
