//! What is done with the blocks of most texts, by AVX-512: without a branch for each departure, of
//! which there is often one a line, and where is not foreseen.

#![expect(unsafe_code, reason = "the one way to call vector instructions")]

use std::arch::x86_64::{
    __m512i, _bzhi_u64, _mm_loadu_si128, _mm512_add_epi32, _mm512_adds_epu8, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_cvtepu8_epi32,
    _mm512_loadu_si512, _mm512_mask_cmpeq_epi8_mask, _mm512_mask_mov_epi8,
    _mm512_mask_permutexvar_epi32, _mm512_maskz_compress_epi8, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_setr_epi32, _mm512_shuffle_epi8, _mm512_srli_epi16, _mm512_storeu_si512,
    _mm512_sub_epi32, _mm512_test_epi8_mask, _mm512_xor_si512, _pext_u64,
};

use super::Departure;
use super::marks::{ENDS_BLANK, ROOM, WINDOW};
use crate::mask::NUMBERS;
use crate::vector::BLOCK;

/// The most departures of a block.
pub(super) const MOST: usize = 16;

/// What was done with a block.
pub(super) struct Copied {
    /// How many of its bytes are done.
    pub(super) taken: usize,
    /// How many came out.
    pub(super) written: usize,
    pub(super) departed: usize,
}

/// Copies the bytes of a block, if there is nothing in it but visible characters of Latin, white
/// space, and common departures whose canonical form is one byte. Of the room for departures more
/// may be written to than there are.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")]
pub(super) fn copy(
    window: &[u8; WINDOW],
    original: usize,
    canonical: usize,
    out: &mut [u8; ROOM],
    departures: &mut [Departure; MOST],
) -> Option<Copied> {
    // SAFETY: a window is longer than a block.
    let load = |at: usize| unsafe { _mm512_loadu_si512(window[at..].as_ptr().cast()) };
    let byte = load(0);
    let half = all(0x0F);
    let class = _mm512_and_si512(
        look_up(&LOWER, _mm512_and_si512(byte, half)),
        look_up(&UPPER, _mm512_and_si512(_mm512_srli_epi16::<4>(byte), half)),
    );
    let is = |classes| _mm512_test_epi8_mask(class, all(classes));
    let (line, blank, quote) = (is(LINE), is(LINE | SPACE), is(QUOTE));
    let mut unknown = is(!(LINE | SPACE | QUOTE));
    let mut mended = _mm512_mask_mov_epi8(byte, line, all(b' '));

    // The third byte of a sign is the one that is kept. The sums of those from 0x90 to 0x9F are
    // 0x70 to 0x7F, and where they are higher nothing is looked up.
    let sum = _mm512_adds_epu8(_mm512_xor_si512(byte, all(0x90)), all(0x70));
    let form = look_up(&SIGNS, sum);
    let first = _mm512_cmpeq_epi8_mask(byte, all(0xE2));
    let second = _mm512_cmpeq_epi8_mask(byte, all(0x80));
    let sign = first & second >> 1 & _mm512_test_epi8_mask(form, form) >> 2;
    mended = _mm512_mask_mov_epi8(mended, sign << 2, form);
    // One that begins at the end may be any.
    let unseen = first & (3 << 62);
    let mut beyond = unseen;
    unknown &= !(sign | unseen);

    let (mut soft, mut pair) = (0, 0);
    if unknown != 0 {
        let next = load(1);
        let is_pair = _mm512_cmpeq_epi8_mask(byte, all(0xC2));
        let is = |bits, value| {
            _mm512_mask_cmpeq_epi8_mask(is_pair, _mm512_and_si512(next, all(bits)), all(value))
        };
        unknown &= !is(0xE0, 0xA0) | is(0xFF, 0xAD);
        if unknown != 0 {
            return None;
        }
        let guillemet = is(0xEF, 0xAB);
        soft = is(0xFF, 0xA0);
        mended = _mm512_mask_mov_epi8(mended, soft, all(b' '));
        mended = _mm512_mask_mov_epi8(mended, guillemet, all(b'"'));
        beyond |= guillemet & 1 << 63;
        pair = (soft | guillemet) & !beyond;
    }

    // What is behind white space ends it for certain, unless it is at the end of the block.
    let is_clear = u64::from(ENDS_BLANK[usize::from(window[BLOCK])]) << 63;
    let ahead = !(blank | quote | soft | unseen) >> 1 | is_clear;
    let last = blank & !(blank >> 1);
    let unclear = last & !ahead;
    if unclear << 1 | soft & !(ahead >> 1) != 0 {
        return None;
    }
    let mut end = u64::BITS;
    if unclear | beyond != 0 {
        let start_of_blank = u64::BITS - blank.leading_ones();
        end = if unclear == 0 { beyond.trailing_zeros() } else { start_of_blank };
        if end == 0 {
            return None;
        }
    }
    let inside = _bzhi_u64(u64::MAX, end);
    let starts = blank & !(blank << 1);
    let starts = starts & !(starts & last & !line) & inside;
    let mended_at = starts | sign << 2 | pair;
    let starts = starts | sign | pair;
    let tails = blank & (blank << 1) & inside | (sign | pair) << 1 | sign << 2;
    let departed = starts.count_ones() as usize;
    if departed > MOST {
        return None;
    }
    let kept = (mended_at | !(starts | tails)) & inside;
    let copied = _mm512_maskz_compress_epi8(kept, mended);
    // SAFETY: there is room for two blocks.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), copied) };
    let lasts = (starts | tails) & !(tails >> 1);
    let places = Places { starts, lasts, kept: _pext_u64(mended_at, kept), original, canonical };
    places.write(departed, departures);
    Some(Copied { taken: end as usize, written: kept.count_ones() as usize, departed })
}

/// Where departures are in a block: a bit for each byte.
struct Places {
    starts: u64,
    lasts: u64,
    /// In its canonical form.
    kept: u64,
    /// What the places are counted from.
    original: usize,
    canonical: usize,
}

impl Places {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
    #[expect(clippy::cast_possible_truncation, reason = "`canonicalise` checked the length")]
    #[expect(clippy::cast_possible_wrap, reason = "the bits count")]
    fn write(self, count: usize, departures: &mut [Departure; MOST]) {
        // SAFETY: these are 64 bytes.
        let numbers = unsafe { _mm512_loadu_si512(NUMBERS.as_ptr().cast()) };
        let of = |mask| {
            let numbers = _mm512_maskz_compress_epi8(mask, numbers);
            _mm512_cvtepu8_epi32(_mm512_castsi512_si128(numbers))
        };
        let all = |number: usize| _mm512_set1_epi32(number as i32);
        let (first, last) = (of(self.starts), of(self.lasts));
        let canonical = _mm512_add_epi32(of(self.kept), all(self.canonical));
        let original_len = _mm512_add_epi32(_mm512_sub_epi32(last, first), all(1));
        let original = _mm512_add_epi32(first, all(self.original));
        let mut number = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
        let (fours, _) = departures.as_chunks_mut::<4>();
        for four in &mut fours[..count.max(1).div_ceil(4)] {
            let row = _mm512_mask_permutexvar_epi32(all(1), 0x1111, number, canonical);
            let row = _mm512_mask_permutexvar_epi32(row, 0x4444, number, original);
            let row = _mm512_mask_permutexvar_epi32(row, 0x8888, number, original_len);
            // SAFETY: these are four times four numbers, in the order of the fields.
            unsafe { _mm512_storeu_si512(four.as_mut_ptr().cast(), row) };
            number = _mm512_add_epi32(number, all(4));
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn all(byte: u8) -> __m512i {
    _mm512_set1_epi8(byte.cast_signed())
}

/// What stands in a table at the lower half of each byte; zeros for those above 0x7F.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn look_up(table: &[u8; 16], bytes: __m512i) -> __m512i {
    // SAFETY: as many bytes are read as there are.
    let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
    _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), bytes)
}

// What bytes are: the bits that stand both at their upper and at their lower half. Each other bit
// is a kind of bytes that are neither white space nor what `is_latin` knows.
const LINE: u8 = 1;
const SPACE: u8 = 2;
/// `>`.
const QUOTE: u8 = 4;
/// From 0 to 0x1F; 0x7F; 0xC2 and those from 0xCA on; those from 0xD0 on.
const CONTROL: u8 = 8;
const DELETE: u8 = 16;
const PAIR: u8 = 32;
const FAR: u8 = 64;

static UPPER: [u8; 16] =
    [LINE | CONTROL, FAR, SPACE, QUOTE, 0, 0, 0, DELETE, 0, 0, 0, 0, PAIR, FAR, FAR, FAR];
static LOWER: [u8; 16] = {
    let mut lower = [FAR; 16];
    let mut half = 0;
    while half < 16 {
        lower[half] |= if half >= 0x9 && half <= 0xD { LINE } else { CONTROL };
        if half == 2 || half >= 0xA {
            lower[half] |= PAIR;
        }
        half += 1;
    }
    lower[0] |= SPACE;
    lower[0xE] |= QUOTE;
    lower[0xF] |= DELETE;
    lower
};

/// What signs of three bytes fold to, by the lower half of the last.
static SIGNS: [u8; 16] = *b"------\0\0\'\'\'\'\"\"\"\"";
