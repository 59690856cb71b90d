//! Blocks with NEON, which every 64-bit ARM processor has.

#![expect(unsafe_code, reason = "the one way to call these instructions")]

use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vcleq_u8, vdupq_n_u8, vld1q_u8, vmvnq_u8, vorrq_u8, vqtbl1q_u8,
    vst1q_u8, vsubq_u8,
};
use std::array::from_fn;
use std::ops::{BitAnd, BitOr, Not, RangeInclusive};

use super::{BLOCK, Mask, Set, Vector};
use crate::mask::gather_vectors;

#[derive(Clone, Copy)]
pub(crate) struct Neon([uint8x16_t; 4]);

/// Bytes that are all ones, or zero.
#[derive(Clone, Copy)]
pub(crate) struct Answers([uint8x16_t; 4]);

impl Vector for Neon {
    type Mask = Answers;

    #[inline(always)]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self {
        let (quarters, _) = bytes.as_chunks::<16>();
        // SAFETY: a quarter has 16 bytes, and they may lie anywhere.
        Self(from_fn(|at| unsafe { vld1q_u8(quarters[at].as_ptr()) }))
    }

    #[inline(always)]
    fn store(self) -> [u8; BLOCK] {
        let mut bytes = [0; BLOCK];
        for (quarter, it) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(self.0) {
            // SAFETY: a quarter has 16 bytes, and they may lie anywhere.
            unsafe { vst1q_u8(quarter.as_mut_ptr(), it) };
        }
        bytes
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> Answers {
        // SAFETY: the instructions are part of the architecture.
        Answers(self.0.map(|it| unsafe { vceqq_u8(it, vdupq_n_u8(byte)) }))
    }

    #[inline(always)]
    fn within(self, range: RangeInclusive<u8>) -> Answers {
        let (from, len) = (*range.start(), range.end() - range.start());
        // SAFETY: the instructions are part of the architecture.
        let within = |it| unsafe { vcleq_u8(vsubq_u8(it, vdupq_n_u8(from)), vdupq_n_u8(len)) };
        Answers(self.0.map(within))
    }

    #[inline(always)]
    fn among(self, Set { by_half, .. }: &Set) -> Answers {
        // SAFETY: the instructions are part of the architecture; 16 bytes are loaded.
        Answers(self.0.map(|it| unsafe {
            let half = vandq_u8(it, vdupq_n_u8(0x0F));
            vceqq_u8(it, vqtbl1q_u8(vld1q_u8(by_half.as_ptr()), half))
        }))
    }
}

impl BitAnd for Answers {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: the instruction is part of the architecture.
        Self(from_fn(|at| unsafe { vandq_u8(self.0[at], other.0[at]) }))
    }
}

impl BitOr for Answers {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: the instruction is part of the architecture.
        Self(from_fn(|at| unsafe { vorrq_u8(self.0[at], other.0[at]) }))
    }
}

impl Not for Answers {
    type Output = Self;

    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: the instruction is part of the architecture.
        Self(self.0.map(|it| unsafe { vmvnq_u8(it) }))
    }
}

impl Mask for Answers {
    #[inline(always)]
    fn bits(self) -> u64 {
        // SAFETY: the instructions are part of the architecture.
        unsafe { gather_vectors(self.0) }
    }
}
