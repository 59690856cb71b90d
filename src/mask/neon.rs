//! Masks with NEON, which every 64-bit ARM processor has.

use std::arch::aarch64::{
    uint8x16_t, uint16x8_t, vandq_u8, vandq_u16, vceqq_u16, vdupq_n_u16, vdupq_n_u64,
    vgetq_lane_u32, vgetq_lane_u64, vld1q_u16, vmaxvq_u16, vorrq_u16, vreinterpretq_u8_u16,
    vreinterpretq_u8_u64, vreinterpretq_u32_u8, vreinterpretq_u64_u8, vuzp1q_u8,
};
use std::arch::asm;

use super::LANES;

/// A bit for each of 64 answers of a comparison, which are all ones or zero.
///
/// There is no instruction for it: each answer is given the weight of its bit, and eight are added
/// up by pairs.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn gather_vectors([first, second, third, fourth]: [uint8x16_t; 4]) -> u64 {
    let (first, second) = (vandq_u8(first, weights()), vandq_u8(second, weights()));
    let (third, fourth) = (vandq_u8(third, weights()), vandq_u8(fourth, weights()));
    let fours = add_pairs(add_pairs(first, second), add_pairs(third, fourth));
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(add_pairs(fours, fours)))
}

/// The sums of two bytes beside each other.
///
/// Not by `vpaddq_u8`: the compiler sees that no bit is added to another, and makes three
/// instructions of each.
#[inline]
#[target_feature(enable = "neon")]
fn add_pairs(low: uint8x16_t, high: uint8x16_t) -> uint8x16_t {
    let sums;
    // SAFETY: the instruction works on registers alone.
    #[expect(unsafe_code, reason = "the one way to call it")]
    unsafe {
        asm!(
            "addp {sums:v}.16b, {low:v}.16b, {high:v}.16b",
            sums = lateout(vreg) sums,
            low = in(vreg) low,
            high = in(vreg) high,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

#[inline]
#[target_feature(enable = "neon")]
fn weights() -> uint8x16_t {
    vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201))
}

/// What [`super::any_equal`] does.
#[target_feature(enable = "neon")]
pub(super) fn any_equal<const N: usize>(blocks: &[[u16; LANES]; N], other: u16, mask: u16) -> bool {
    let mut any = vdupq_n_u16(0);
    for eight in blocks.as_flattened().as_chunks().0 {
        any = vorrq_u16(any, equal(eight, other, mask));
    }
    vmaxvq_u16(any) != 0
}

/// What [`super::equal_bits`] does.
#[target_feature(enable = "neon")]
pub(super) fn equal_bits<const N: usize>(
    blocks: &[[u16; LANES]; N],
    other: u16,
    mask: u16,
) -> [u32; N] {
    let mut bits = [0; N];
    for (values, bits) in blocks.iter().zip(&mut bits) {
        let [first, second, third, fourth] = values.as_chunks().0 else {
            unreachable!("BUG: 32 values are four times eight")
        };
        let equal = |eight| vreinterpretq_u8_u16(equal(eight, other, mask));
        let low = vuzp1q_u8(equal(first), equal(second));
        let high = vuzp1q_u8(equal(third), equal(fourth));
        let twos = add_pairs(vandq_u8(low, weights()), vandq_u8(high, weights()));
        let fours = add_pairs(twos, twos);
        *bits = vgetq_lane_u32::<0>(vreinterpretq_u32_u8(add_pairs(fours, fours)));
    }
    bits
}

/// The values that equal another one where the mask has ones, as all ones.
#[inline]
#[target_feature(enable = "neon")]
fn equal(eight: &[u16; 8], other: u16, mask: u16) -> uint16x8_t {
    // SAFETY: the load is of the eight values that it is given.
    #[expect(unsafe_code, reason = "the one way to load them")]
    let values = unsafe { vld1q_u16(eight.as_ptr()) };
    vceqq_u16(vandq_u16(values, vdupq_n_u16(mask)), vdupq_n_u16(other & mask))
}
