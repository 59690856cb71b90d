//! What [`Found`](super::candidates::Found) does with NEON, which every 64-bit ARM processor has.

#![expect(unsafe_code, reason = "the one way to call vector instructions")]

use std::arch::aarch64::{
    uint8x16_t, uint32x4_t, vaddq_u32, vbslq_u32, vcgtq_s32, vcgtq_u32, vcleq_s32, vdupq_n_u32,
    vld1q_s32, vld1q_u32, vminq_u32, vminvq_u32, vreinterpretq_u8_u16, vreinterpretq_u16_u32,
    vst1q_u32, vsubq_u32, vuzp1q_u8, vuzp1q_u16,
};

use super::candidates::{Around, Instructions, LANES, REACH};
use crate::mask::gather_vectors;
use crate::vector;

pub(super) struct Neon;

impl Instructions for Neon {
    type Vector = vector::Baseline;

    const VECTORS: bool = true;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as the others are")]
    fn nearest(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
        // SAFETY: the instructions are part of the architecture.
        unsafe { nearest_neon(around, lefts) }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn nearest_neon(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
    const QUARTER: usize = LANES / 4;
    const STARTS: [usize; 4] = [REACH, REACH + QUARTER, REACH + 2 * QUARTER, REACH + 3 * QUARTER];
    let Around { places, ranks, window } = around;
    // SAFETY: there are `REACH` others before the lanes, and behind them; nobody asks for more.
    let place_at = |at: usize| unsafe { vld1q_u32(places.as_ptr().add(at)) };
    // SAFETY: as above.
    let rank_at = |at: usize| unsafe { vld1q_s32(ranks.as_ptr().add(at)) };
    let windows = vdupq_n_u32(window);
    let mut steps = 12;
    loop {
        let mut nearest = vdupq_n_u32(u32::MAX);
        for start in STARTS {
            let place = place_at(start);
            nearest = vminq_u32(nearest, vsubq_u32(place, place_at(start - steps)));
            nearest = vminq_u32(nearest, vsubq_u32(place_at(start + steps), place));
        }
        if vminvq_u32(nearest) >= window || steps == REACH {
            break;
        }
        steps += 4;
    }
    let (mut left, mut right) = ([windows; 4], [windows; 4]);
    for (quarter, start) in STARTS.into_iter().enumerate() {
        left[quarter] = vsubq_u32(place_at(start), windows);
        right[quarter] = vaddq_u32(place_at(start), windows);
    }
    for step in (1..=steps).rev() {
        for (quarter, start) in STARTS.into_iter().enumerate() {
            let rank = rank_at(start);
            let wins = vcleq_s32(rank_at(start - step), rank);
            left[quarter] = vbslq_u32(wins, place_at(start - step), left[quarter]);
            let wins = vcgtq_s32(rank, rank_at(start + step));
            right[quarter] = vbslq_u32(wins, place_at(start + step), right[quarter]);
        }
    }
    let (mut kept, mut wide) = (left, right);
    for (quarter, lefts) in lefts.as_chunks_mut::<QUARTER>().0.iter_mut().enumerate() {
        // SAFETY: a quarter of the lanes is as long as this.
        unsafe { vst1q_u32(lefts.as_mut_ptr(), left[quarter]) };
        kept[quarter] = vcgtq_u32(vsubq_u32(right[quarter], left[quarter]), windows);
        let start = STARTS[quarter];
        wide[quarter] = vcgtq_u32(vsubq_u32(place_at(start + 1), place_at(start)), windows);
    }
    let (kept, wide) = (narrow(kept), narrow(wide));
    #[expect(clippy::cast_possible_truncation, reason = "a bit for each lane")]
    let masks = |bits: u64| (bits as u16, (bits >> LANES) as u16);
    masks(gather_vectors([kept, wide, kept, wide]))
}

/// A byte of each comparison.
#[inline]
#[target_feature(enable = "neon")]
fn narrow([first, second, third, fourth]: [uint32x4_t; 4]) -> uint8x16_t {
    let pair = |low, high| {
        let (low, high) = (vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
        vreinterpretq_u8_u16(vuzp1q_u16(low, high))
    };
    vuzp1q_u8(pair(first, second), pair(third, fourth))
}
