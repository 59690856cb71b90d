//! For every processor, and what the others must agree with.

use std::array::from_fn;
use std::ops::{BitAnd, BitOr, Not, RangeInclusive};

use super::{BLOCK, Mask, Set, Vector};

#[derive(Clone, Copy)]
pub(crate) struct Portable([u8; BLOCK]);

/// Bytes that are all ones, or zero.
#[derive(Clone, Copy)]
pub(crate) struct Answers([u8; BLOCK]);

impl Vector for Portable {
    type Mask = Answers;

    #[inline(always)]
    #[expect(unsafe_code, reason = "as the trait has it")]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
        Self(*bytes)
    }

    #[inline(always)]
    fn store(self) -> [u8; BLOCK] {
        self.0
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> Answers {
        Answers(self.0.map(|it| u8::from(it == byte).wrapping_neg()))
    }

    #[inline(always)]
    fn within(self, range: RangeInclusive<u8>) -> Answers {
        let (from, len) = (*range.start(), range.end() - range.start());
        Answers(self.0.map(|it| u8::from(it.wrapping_sub(from) <= len).wrapping_neg()))
    }

    #[inline(always)]
    fn among(self, set: &Set) -> Answers {
        set.bytes.iter().fold(Answers([0; BLOCK]), |found, &byte| found | self.equal(byte))
    }
}

impl BitAnd for Answers {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(from_fn(|at| self.0[at] & other.0[at]))
    }
}

impl BitOr for Answers {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(from_fn(|at| self.0[at] | other.0[at]))
    }
}

impl Not for Answers {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|it| !it))
    }
}

impl Mask for Answers {
    #[inline(always)]
    fn bits(self) -> u64 {
        let mut bits = 0;
        for (number, eight) in self.0.as_chunks().0.iter().enumerate() {
            // The product has the lowest bit of each byte in its highest byte.
            let lowest = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
            bits |= lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * number);
        }
        bits
    }
}
