//! What [`Found`] does, by the vector instructions that there are.
//!
//! Anchors of 30 MB of debates took 0.66 ns a byte without it, 0.35 with AVX2 and 0.21 with
//! AVX-512, before they looked at ends of clauses.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
#![expect(unsafe_code, reason = "the one way to call vector instructions")]

use std::arch::x86_64::{
    __m256i, __m512i, _mm_loadu_si128, _mm256_add_epi32, _mm256_blendv_epi8, _mm256_castsi256_ps,
    _mm256_cmpeq_epi32, _mm256_cmpgt_epi32, _mm256_loadu_si256, _mm256_min_epu32,
    _mm256_movemask_epi8, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_storeu_si256,
    _mm256_sub_epi32, _mm512_add_epi16, _mm512_add_epi32, _mm512_add_epi64, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_castsi256_si512, _mm512_castsi512_si128, _mm512_castsi512_si256,
    _mm512_cmpeq_epi64_mask, _mm512_cmpgt_epu32_mask, _mm512_cmple_epi32_mask,
    _mm512_cmple_epu16_mask, _mm512_cmple_epu32_mask, _mm512_cmplt_epi32_mask,
    _mm512_cmplt_epu32_mask, _mm512_cvtepi64_epi32, _mm512_cvtepu8_epi32, _mm512_cvtepu32_epi64,
    _mm512_extracti32x4_epi32, _mm512_extracti64x4_epi64, _mm512_inserti64x4, _mm512_loadu_si512,
    _mm512_mask_i64gather_epi64, _mm512_mask_mov_epi32, _mm512_mask_mov_epi64,
    _mm512_mask_or_epi64, _mm512_maskz_compress_epi8, _mm512_maskz_compress_epi32,
    _mm512_min_epu32, _mm512_mul_epu32, _mm512_mullo_epi16, _mm512_or_si512, _mm512_rol_epi64,
    _mm512_set1_epi16, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_slli_epi64, _mm512_srli_epi16, _mm512_srli_epi64,
    _mm512_storeu_si512, _mm512_sub_epi32, _mm512_xor_si512, _pdep_u64,
};
use std::ops::Range;

use super::candidates::{
    Around, Block, COMMAS, Candidates, ENDS, FACTORS, Found, Instructions, Kind, LANES, LOWER_BITS,
    LOWER_FACTOR, MIXED, MIXER, ORDERED, PERIODIC, REACH, SIGN, SIGNS, WITHIN_WORDS, WORDS,
    among_candidates,
};
use crate::mask::NUMBERS;
use crate::processor::{Level, level};
use crate::vector::{self, pad};

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
    type Vector = vector::Avx2;

    const VECTORS: bool = true;

    #[inline(always)]
    fn nearest(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
        // SAFETY: only `find_avx2` calls this, which has the instructions.
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
    type Vector = vector::Avx512;

    #[inline(always)]
    fn scan(
        found: &mut Found,
        _block: &mut Block,
        text: &[u8],
        positions: Range<usize>,
        candidates: Candidates,
    ) -> usize {
        // SAFETY: only `find_avx512` calls this, which has the instructions.
        unsafe { scan_avx512(found, text, positions, candidates) }
    }

    #[inline(always)]
    fn ones(mask: u64, start: u32, room: &mut [u32; 64]) -> usize {
        // SAFETY: as above.
        unsafe { ones_avx512(mask, start, room) }
    }

    const VECTORS: bool = true;

    #[inline(always)]
    fn nearest(around: Around<'_>, lefts: &mut [u32; LANES]) -> (u16, u16) {
        // SAFETY: as above.
        unsafe { nearest_avx512(around, lefts) }
    }
}

/// First the places of all that pass the gate, then what is known of them, sixteen at a time: if
/// each block of grams were done with before the next, how many pass in it would be foreseen
/// wrongly.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")]
#[expect(clippy::cast_possible_truncation, reason = "a text has less than 4 GiB")]
fn scan_avx512(
    found: &mut Found,
    text: &[u8],
    positions: Range<usize>,
    candidates: Candidates,
) -> usize {
    let Range { start: first, end } = positions;
    debug_assert!(end + ORDERED - 1 <= text.len(), "BUG: a gram beyond the text");
    let mut known = REACH;
    let mut end_of_text;
    for start in positions.step_by(64) {
        let bytes = &text[start..];
        let bytes: &GramBytes = if let Some(bytes) = bytes.first_chunk() {
            bytes
        } else {
            end_of_text = pad(bytes);
            &end_of_text
        };
        let here = u64::MAX >> (start + 64).saturating_sub(end);
        let mask = survivors_avx512(bytes, candidates) & here;
        found.make_room(known + 64);
        let room = found.places[known..].first_chunk_mut().expect("BUG: no room");
        known += ones_avx512(mask, (start - first) as u32 + 1, room);
    }
    rank_avx512(found, &text[first..], known, candidates.kind == Kind::All)
}

/// Works out the ranks of those whose places are known, and leaves out what is periodic, if it is
/// no candidate.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")]
#[expect(
    clippy::cast_possible_truncation,
    reason = "half of the bits, and a text has less than 4 GiB"
)]
fn rank_avx512(found: &mut Found, text: &[u8], known: usize, with_periodic: bool) -> usize {
    found.make_room(known + LANES);
    let last = text.len().checked_sub(ORDERED).expect("BUG: a text without grams");
    let last = _mm512_set1_epi32((last as u32).cast_signed());
    let (mut read, mut written) = (REACH, REACH);
    while read < known {
        let here = u16::MAX >> (read + LANES).saturating_sub(known);
        let places: &[u32; LANES] = found.places[read..].first_chunk().expect("BUG: no room");
        // SAFETY: as many bytes as are loaded.
        let places = unsafe { _mm512_loadu_si512(places.as_ptr().cast()) };
        let offsets = _mm512_sub_epi32(places, _mm512_set1_epi32(1));
        let inside = here & _mm512_cmple_epu32_mask(offsets, last);
        let grams = |offsets, inside| {
            let (zero, offsets) = (_mm512_setzero_si512(), _mm512_cvtepu32_epi64(offsets));
            // SAFETY: eight bytes are loaded at each offset that is not after the last gram of the
            // text, and nothing for others.
            unsafe { _mm512_mask_i64gather_epi64::<1>(zero, inside, offsets, text.as_ptr().cast()) }
        };
        let low = ranks_avx512(grams(_mm512_castsi512_si256(offsets), inside as u8));
        let high =
            ranks_avx512(grams(_mm512_extracti64x4_epi64::<1>(offsets), (inside >> 8) as u8));
        let ranks = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low.0), high.0);
        let periodic = u16::from(low.1) | u16::from(high.1) << 8;
        let wanted = if with_periodic { here } else { here & !periodic };
        let places = _mm512_maskz_compress_epi32(wanted, places);
        let ranks = _mm512_maskz_compress_epi32(wanted, ranks);
        let place: &mut [u32; LANES] =
            found.places[written..].first_chunk_mut().expect("BUG: no room");
        // SAFETY: as many bytes as are stored. What was not read yet lies behind them.
        unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), places) };
        let rank: &mut [i32; LANES] =
            found.ranks[written..].first_chunk_mut().expect("BUG: no room");
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(rank.as_mut_ptr().cast(), ranks) };
        read += LANES;
        written += wanted.count_ones() as usize;
    }
    written
}

/// What the grams of a block begin with.
type GramBytes = [u8; 64 + ORDERED];

/// Which grams have a gate that is low enough, and begin as candidates do.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn survivors_avx512(bytes: &GramBytes, candidates: Candidates) -> u64 {
    let all = |number: u16| _mm512_set1_epi16(number.cast_signed());
    let (factors, mixer, highest) = (FACTORS.map(all), all(MIXER), all(candidates.highest));
    // SAFETY: `ORDERED` bytes follow those that the grams begin with; nobody asks for more.
    let load = |at: usize| unsafe { _mm512_loadu_si512(bytes.as_ptr().add(at).cast()) };
    let low_enough = |at: usize| {
        let product = |word: usize| _mm512_mullo_epi16(load(at + 2 * word), factors[word]);
        let sum = _mm512_add_epi16(
            _mm512_add_epi16(product(0), product(1)),
            _mm512_add_epi16(product(2), product(3)),
        );
        let sum = _mm512_xor_si512(sum, _mm512_srli_epi16::<MIXED>(sum));
        u64::from(_mm512_cmple_epu16_mask(_mm512_mullo_epi16(sum, mixer), highest))
    };
    // Words of sixteen bits lie beside each other in memory only at every second offset.
    let (even, odd) = (low_enough(0), low_enough(1));
    let low_enough = _pdep_u64(even, u64::MAX / 3) | _pdep_u64(odd, u64::MAX / 3 * 2);
    among_candidates::<vector::Avx512>(bytes, candidates, low_enough)
}

/// The ranks of eight grams, and which are periodic.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn ranks_avx512(grams: __m512i) -> (__m256i, u8) {
    let all = |number: i64| _mm512_set1_epi64(number);
    let factors = FACTORS.map(u64::from);
    let factors = factors[0] | factors[1] << 16 | factors[2] << 32 | factors[3] << 48;
    let products = _mm512_mullo_epi16(grams, all(factors.cast_signed()));
    let sums = _mm512_add_epi16(products, _mm512_srli_epi64::<32>(products));
    let sums = _mm512_add_epi16(sums, _mm512_srli_epi64::<16>(sums));
    let mixed = _mm512_xor_si512(sums, _mm512_srli_epi16::<MIXED>(sums));
    // All but the lowest word is multiplied by zero.
    let gates = _mm512_mullo_epi16(mixed, all(MIXER.into()));
    // The upper bits of the lower half of the product, as there is no instruction for all of that half.
    let factor = all(LOWER_FACTOR.cast_signed());
    let upper = _mm512_add_epi64(
        _mm512_mul_epu32(_mm512_srli_epi64::<32>(grams), factor),
        _mm512_mul_epu32(grams, _mm512_srli_epi64::<32>(factor)),
    );
    let product = _mm512_add_epi64(_mm512_mul_epu32(grams, factor), _mm512_slli_epi64::<32>(upper));
    let lower = _mm512_srli_epi64::<{ u64::BITS - LOWER_BITS }>(product);
    let hashes = _mm512_or_si512(_mm512_slli_epi64::<LOWER_BITS>(gates), lower);
    let periodic = _mm512_cmpeq_epi64_mask(grams, _mm512_rol_epi64::<32>(grams));
    let begin =
        |bits, value| _mm512_cmpeq_epi64_mask(_mm512_and_si512(grams, all(bits)), all(value));
    let (word, inside) = (begin(0xFF, 0x20), begin(0xC0, 0x80));
    // The sign and the space behind it, and those of the sign that it may be.
    let middle = |sign: i64| (sign | 0x20 << 8) << (8 * SIGN);
    let both = _mm512_and_si512(grams, all(0xFFFF << (8 * SIGN)));
    let is = |sign: u8| _mm512_cmpeq_epi64_mask(both, all(middle(sign.into())));
    // SAFETY: these are 16 bytes.
    let signs = unsafe { _mm_loadu_si128(SIGNS.by_half().as_ptr().cast()) };
    let half = _mm512_and_si512(grams, all(0x0F << (8 * SIGN)));
    let sign = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(signs), half);
    let sign = _mm512_and_si512(sign, all(0xFF << (8 * SIGN)));
    let end = _mm512_cmpeq_epi64_mask(both, _mm512_or_si512(sign, all(middle(0))));
    let but = |classes, these, class: i32| _mm512_mask_mov_epi64(classes, these, all(class.into()));
    let classes = but(all(WITHIN_WORDS.into()), inside, i32::MAX);
    let classes = but(classes, word, WORDS);
    let classes = but(classes, end, ENDS);
    let classes = but(classes, is(b','), COMMAS);
    let classes = but(classes, is(b'.'), 0);
    let ranks = _mm512_or_si512(hashes, classes);
    let ranks = _mm512_mask_or_epi64(ranks, periodic, ranks, all(PERIODIC.into()));
    (_mm512_cvtepi64_epi32(ranks), periodic)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
fn ones_avx512(mask: u64, start: u32, room: &mut [u32; 64]) -> usize {
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
