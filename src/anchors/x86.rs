//! What [`Found`] does, by the vector instructions that there are.
//!
//! Anchors of 30 MB of debates took 0.66 ns a byte without it, 0.35 with AVX2 and 0.27 with AVX-512.

#![expect(unsafe_code, reason = "the one way to call vector instructions")]

use std::arch::x86_64::{
    _mm256_add_epi32, _mm256_blendv_epi8, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
    _mm256_cmpgt_epi32, _mm256_loadu_si256, _mm256_min_epu32, _mm256_movemask_epi8,
    _mm256_movemask_ps, _mm256_set1_epi32, _mm256_storeu_si256, _mm256_sub_epi32, _mm512_add_epi16,
    _mm512_add_epi32, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_cmpgt_epi8_mask,
    _mm512_cmpgt_epu32_mask, _mm512_cmple_epi32_mask, _mm512_cmple_epu16_mask,
    _mm512_cmplt_epi32_mask, _mm512_cmplt_epu32_mask, _mm512_cvtepu8_epi32,
    _mm512_extracti32x4_epi32, _mm512_loadu_si512, _mm512_mask_mov_epi32,
    _mm512_maskz_compress_epi8, _mm512_min_epu32, _mm512_mullo_epi16, _mm512_set1_epi8,
    _mm512_set1_epi16, _mm512_set1_epi32, _mm512_srli_epi16, _mm512_storeu_si512, _mm512_sub_epi32,
    _mm512_xor_si512, _pdep_u64,
};
use std::ops::Range;

use super::candidates::{
    Around, BLOCK, Block, BlockBytes, Candidates, FACTORS, Found, Gates, Instructions, LANES,
    MIXED, MIXER, Masks, REACH,
};
use crate::mask::{Answers, gather_avx2};
use crate::processor::{Level, level};

/// Does what [`Found::find`] does, if there are instructions for it.
pub(super) fn find(
    found: &mut Found,
    block: &mut Block,
    text: &[u8],
    windows: Range<usize>,
    candidates: Candidates,
) -> bool {
    match level() {
        // SAFETY: these are instructions of the level.
        Level::Avx512 => unsafe { find_avx512(found, block, text, windows, candidates) },
        // SAFETY: as above.
        Level::Avx2 => unsafe { find_avx2(found, block, text, windows, candidates) },
        Level::Portable => return false,
    }
    true
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn find_avx2(
    found: &mut Found,
    block: &mut Block,
    text: &[u8],
    windows: Range<usize>,
    candidates: Candidates,
) {
    found.find_with::<Avx2>(block, text, windows, candidates);
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,avx512f,avx512bw,avx512vbmi2")]
pub(super) fn find_avx512(
    found: &mut Found,
    block: &mut Block,
    text: &[u8],
    windows: Range<usize>,
    candidates: Candidates,
) {
    found.find_with::<Avx512>(block, text, windows, candidates);
}

struct Avx2;

impl Instructions for Avx2 {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn gather(answers: &Answers) -> u64 {
        // SAFETY: only `find_avx2` calls this, which has the instructions.
        unsafe { gather_avx2(answers) }
    }

    const VECTORS: bool = true;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn nearest(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
        // SAFETY: as above.
        unsafe { nearest_avx2(around, lefts) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn nearest_avx2(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
    const HALF: usize = LANES / 2;
    let Around { places, ranks, window } = around;
    let window = _mm256_set1_epi32(window.cast_signed());
    let is_least = |least, other| _mm256_cmpeq_epi32(_mm256_min_epu32(least, other), least);
    let (mut kept, mut wide) = (0_i32, 0_i32);
    for (half, lefts) in lefts.as_chunks_mut::<HALF>().0.iter_mut().enumerate() {
        let start = REACH + half * HALF;
        // SAFETY: there are `REACH` others before the lanes, and behind them; nobody asks for more.
        let place_at = |at: usize| unsafe { _mm256_loadu_si256(places.as_ptr().add(at).cast()) };
        // SAFETY: as above.
        let rank_at = |at: usize| unsafe { _mm256_loadu_si256(ranks.as_ptr().add(at).cast()) };
        let (place, rank) = (place_at(start), rank_at(start));
        let mut steps = 8;
        loop {
            let before = _mm256_sub_epi32(place, place_at(start - steps));
            let behind = _mm256_sub_epi32(place_at(start + steps), place);
            let beyond = is_least(window, _mm256_min_epu32(before, behind));
            if _mm256_movemask_epi8(beyond) == -1 || steps == REACH {
                break;
            }
            steps += 4;
        }
        let mut left = _mm256_sub_epi32(place, window);
        let mut right = _mm256_add_epi32(place, window);
        for step in (1..=steps).rev() {
            let loses = _mm256_cmpgt_epi32(rank_at(start - step), rank);
            left = _mm256_blendv_epi8(place_at(start - step), left, loses);
            let wins = _mm256_cmpgt_epi32(rank, rank_at(start + step));
            right = _mm256_blendv_epi8(right, place_at(start + step), wins);
        }
        let bits = |narrow| !_mm256_movemask_ps(_mm256_castsi256_ps(narrow)) & 0xFF;
        kept |= bits(is_least(_mm256_sub_epi32(right, left), window)) << (half * HALF);
        let next = place_at(start + 1);
        wide |= bits(is_least(_mm256_sub_epi32(next, place), window)) << (half * HALF);
        // SAFETY: a half of the lanes is as long as this.
        unsafe { _mm256_storeu_si256(lefts.as_mut_ptr().cast(), left) };
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a bit for each lane"
    )]
    (kept as u16, wide as u16)
}

struct Avx512;

impl Instructions for Avx512 {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn survivors(gates: &mut Gates, bytes: &BlockBytes, candidates: Candidates) -> Masks {
        // SAFETY: only `find_avx512` calls this, which has the instructions.
        unsafe { survivors_avx512(gates, bytes, candidates) }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn ones(mask: u64, start: u32, room: &mut [u32; 64]) -> usize {
        // SAFETY: as above.
        unsafe { ones_avx512(mask, start, room) }
    }

    const VECTORS: bool = true;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
    fn nearest(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
        // SAFETY: as above.
        unsafe { nearest_avx512(around, lefts) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn survivors_avx512(gates: &mut Gates, bytes: &BlockBytes, candidates: Candidates) -> Masks {
    let all = |number: u16| _mm512_set1_epi16(number.cast_signed());
    let (factors, mixer, highest) = (FACTORS.map(all), all(MIXER), all(candidates.highest()));
    let (even_gates, odd_gates) = gates.split_at_mut(BLOCK / 2);
    let (even_gates, odd_gates) = (even_gates.as_chunks_mut::<32>().0, odd_gates.as_chunks_mut().0);
    let mut masks = [0; BLOCK / 64];
    for (number, mask) in masks.iter_mut().enumerate() {
        // SAFETY: `ORDERED` bytes follow those that the grams of the block begin with; nobody asks for more.
        let load =
            |at: usize| unsafe { _mm512_loadu_si512(bytes.as_ptr().add(64 * number + at).cast()) };
        let gate = |at: usize| {
            let product = |word: usize| _mm512_mullo_epi16(load(at + 2 * word), factors[word]);
            let sum = _mm512_add_epi16(
                _mm512_add_epi16(product(0), product(1)),
                _mm512_add_epi16(product(2), product(3)),
            );
            _mm512_mullo_epi16(_mm512_xor_si512(sum, _mm512_srli_epi16::<MIXED>(sum)), mixer)
        };
        let store = |gates: &mut [u16; 32], gate| {
            // SAFETY: 32 words are 64 bytes.
            unsafe { _mm512_storeu_si512(gates.as_mut_ptr().cast(), gate) };
        };
        let (even, odd) = (gate(0), gate(1));
        store(&mut even_gates[number], even);
        store(&mut odd_gates[number], odd);
        let even = u64::from(_mm512_cmple_epu16_mask(even, highest));
        let odd = u64::from(_mm512_cmple_epu16_mask(odd, highest));
        let low_enough = _pdep_u64(even, u64::MAX / 3) | _pdep_u64(odd, u64::MAX / 3 * 2);
        let first = load(0);
        let begin = match candidates {
            Candidates::Words(_) => _mm512_cmpeq_epi8_mask(first, _mm512_set1_epi8(0x20)),
            // All but those from 0x80 to 0xBF, which are the least of signed numbers.
            Candidates::Characters(_) => _mm512_cmpgt_epi8_mask(first, _mm512_set1_epi8(-0x41)),
            Candidates::All => u64::MAX,
        };
        *mask = low_enough & begin;
    }
    masks
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
fn ones_avx512(mask: u64, start: u32, room: &mut [u32; 64]) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "below 64")]
    const NUMBERS: [u8; 64] = {
        let mut numbers = [0; 64];
        let mut at = 0;
        while at < 64 {
            numbers[at] = at as u8;
            at += 1;
        }
        numbers
    };
    // SAFETY: these are 64 bytes.
    let numbers = unsafe { _mm512_loadu_si512(NUMBERS.as_ptr().cast()) };
    let numbers = _mm512_maskz_compress_epi8(mask, numbers);
    let start = _mm512_set1_epi32(start.cast_signed());
    let (room, _) = room.as_chunks_mut::<16>();
    let mut write = |part: usize, numbers| {
        let numbers = _mm512_add_epi32(start, _mm512_cvtepu8_epi32(numbers));
        // SAFETY: 16 numbers are 64 bytes.
        unsafe { _mm512_storeu_si512(room[part].as_mut_ptr().cast(), numbers) };
    };
    let count = mask.count_ones() as usize;
    write(0, _mm512_castsi512_si128(numbers));
    if count > 16 {
        write(1, _mm512_extracti32x4_epi32::<1>(numbers));
        write(2, _mm512_extracti32x4_epi32::<2>(numbers));
        write(3, _mm512_extracti32x4_epi32::<3>(numbers));
    }
    count
}

#[inline]
#[target_feature(enable = "avx512f")]
fn nearest_avx512(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
    let Around { places, ranks, window } = around;
    let window = _mm512_set1_epi32(window.cast_signed());
    // SAFETY: there are `REACH` others before the lanes, and behind them; nobody asks for more.
    let place_at = |at: usize| unsafe { _mm512_loadu_si512(places.as_ptr().add(at).cast()) };
    // SAFETY: as above.
    let rank_at = |at: usize| unsafe { _mm512_loadu_si512(ranks.as_ptr().add(at).cast()) };
    let (place, rank) = (place_at(REACH), rank_at(REACH));
    let mut steps = 12;
    loop {
        let before = _mm512_sub_epi32(place, place_at(REACH - steps));
        let behind = _mm512_sub_epi32(place_at(REACH + steps), place);
        let inside = _mm512_cmplt_epu32_mask(_mm512_min_epu32(before, behind), window);
        if inside == 0 || steps == REACH {
            break;
        }
        steps += 4;
    }
    let mut left = _mm512_sub_epi32(place, window);
    let mut right = _mm512_add_epi32(place, window);
    for step in (1..=steps).rev() {
        let wins = _mm512_cmple_epi32_mask(rank_at(REACH - step), rank);
        left = _mm512_mask_mov_epi32(left, wins, place_at(REACH - step));
        let wins = _mm512_cmplt_epi32_mask(rank_at(REACH + step), rank);
        right = _mm512_mask_mov_epi32(right, wins, place_at(REACH + step));
    }
    // SAFETY: the lanes are as many as these.
    unsafe { _mm512_storeu_si512(lefts.as_mut_ptr().cast(), left) };
    let next = _mm512_sub_epi32(place_at(REACH + 1), place);
    let kept = _mm512_cmpgt_epu32_mask(_mm512_sub_epi32(right, left), window);
    (kept, _mm512_cmpgt_epu32_mask(next, window))
}
