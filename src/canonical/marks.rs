//! Where a block of text is not in canonical form, and how it is copied.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use super::Departure;
use crate::vector::{self, BLOCK, Mask, Vector, load};

/// The bytes of a block and those that are read with it: all that could be copied from behind its
/// last, and what tells where a character behind it begins.
pub(super) const WINDOW: usize = 2 * BLOCK + 4;

/// What is written with a block: bytes that count, and those that are copied with the last of them.
pub(super) const ROOM: usize = 2 * BLOCK + 8;

/// What is to be done with a block: a bit for each byte.
pub(super) struct Marks {
    /// Where common departures begin.
    pub(super) starts: u64,
    /// Their other bytes.
    tails: u64,
    /// Where something begins that is not common or reaches beyond the block, or the block's length.
    pub(super) end: usize,
    /// Whether it cannot be handled as the start of another block.
    pub(super) is_odd: bool,
}

impl Marks {
    /// Most blocks hold nothing but visible characters of Latin and white space, and are told in a
    /// fourth of the time.
    #[inline(always)]
    pub(super) fn of<V: Vector>(window: &[u8; WINDOW]) -> Self {
        let byte = load::<V>(window, 0);
        let (line, visible) = (is_line(byte), is_latin(byte));
        let blank = line | byte.equal(b' ');
        // '>' too ends white space, but for that at the start of a line.
        let closing = visible & !byte.equal(b'>');
        let special = !(visible | blank);
        let (line, blank) = (line.bits(), blank.bits());
        let (visible, special) = (closing.bits(), special.bits());
        let ahead = visible >> 1 | u64::from(ENDS_BLANK[usize::from(window[BLOCK])]) << 63;
        let last = blank & !(blank >> 1);
        let unclear = last & !ahead;
        if special | unclear << 1 != 0 {
            return Self::of_rare(window);
        }
        let starts = blank & !(blank << 1);
        let starts = starts & !(starts & last & !line);
        let tails = blank & (blank << 1);
        if unclear == 0 {
            return Self { starts, tails, end: BLOCK, is_odd: false };
        }
        // The last white space goes on behind the block.
        let end = BLOCK - blank.leading_ones() as usize;
        Self { starts: starts & ((1 << end) - 1), tails, end, is_odd: end == 0 }
    }

    /// The same, of any block: apart, so that the registers are left to the usual ones.
    #[inline(never)]
    pub(super) fn of_rare(window: &[u8; WINDOW]) -> Self {
        let marks = vector::run(Rare::<false>(window));
        // Where no such letter is, to look for them all is a fifth more instructions.
        if marks.is_odd && matches!(window[marks.end], 0xCE..=0xED) {
            return vector::run(Rare::<true>(window));
        }
        marks
    }

    /// With the letters of many scripts, or only with those of Latin and Cyrillic.
    #[inline(always)]
    fn of_all<V: Vector, const MANY: bool>(window: &[u8; WINDOW]) -> Self {
        let (byte, next, second): (V, V, V) = (load(window, 0), load(window, 1), load(window, 2));
        let (line, latin, is_pair) = (is_line(byte), is_latin(byte), byte.equal(0xC2));
        let blank = line | byte.equal(b' ');
        let sign = byte.equal(0xE2) & next.equal(0x80) & folds(second);
        let mut letter = latin | is_pair & next.within(0xA0..=0xBF) | byte.within(0xD0..=0xD1);
        if MANY {
            letter = letter | is_letter([byte, next]);
        }
        // Signs of three bytes, guillemets, and no-break spaces and soft hyphens.
        let guillemet = is_pair & (next.equal(0xAB) | next.equal(0xBB));
        let soft = is_pair & (next.equal(0xA0) | next.equal(0xAD));
        let other = !(letter | sign | blank);
        let closing = latin & !byte.equal(b'>');
        let (line, blank, closing) = (line.bits(), blank.bits(), closing.bits());
        let (sign, guillemet) = (sign.bits(), guillemet.bits());
        let (soft, other) = (soft.bits(), other.bits());
        let pair = soft | guillemet;
        let last = blank & !(blank >> 1);
        let mut ahead = closing >> 1 | u64::from(ENDS_BLANK[usize::from(window[BLOCK])]) << 63;
        if last & !ahead | soft & !(ahead >> 1) != 0 {
            ahead = ends_blank([next, second, load(window, 3)]).bits();
        }
        let starts = blank & !(blank << 1);
        // A single space is as it should be.
        let starts = starts & !(starts & last & !line) | pair | sign;
        let tails = blank & (blank << 1) | (pair | sign) << 1 | sign << 2;
        // Gaps with more in them than ASCII are not common.
        let odd = other | last & !ahead & !(1 << 63) | soft & !(ahead >> 1);
        let beyond = last & !ahead & (1 << 63) | pair & (1 << 63) | sign & (3 << 62);
        let stops = odd | beyond;
        if stops == 0 {
            return Self { starts, tails, end: BLOCK, is_odd: false };
        }
        let stop = stops.trailing_zeros() as usize;
        let mut end = stop;
        // The last of a run of white space, which is then left alone from its start on.
        if tails >> stop & 1 == 1 {
            let before = starts & ((1 << stop) - 1);
            end = 63 - before.leading_zeros() as usize;
        }
        let starts = starts & ((1 << end) - 1);
        Self { starts, tails, end, is_odd: odd >> stop & 1 == 1 || end == 0 }
    }
}

struct Rare<'a, const MANY: bool>(&'a [u8; WINDOW]);

impl<const MANY: bool> vector::Task for Rare<'_, MANY> {
    type Output = Marks;

    #[inline(always)]
    fn run<V: Vector>(self) -> Marks {
        Marks::of_all::<V, MANY>(self.0)
    }
}

/// Which bytes are white space other than the space.
#[inline(always)]
fn is_line<V: Vector>(byte: V) -> V::Mask {
    byte.within(b'\t'..=b'\r')
}

/// Which bytes are visible ASCII, or belong to a letter up to U+027F or, behind its first byte, to
/// any other character.
#[inline(always)]
fn is_latin<V: Vector>(byte: V) -> V::Mask {
    byte.within(0x21..=0x7E) | byte.within(0x80..=0xC9) & !byte.equal(0xC2)
}

/// Which characters that begin so are known to be kept as they are, whatever stands around them: Greek, Cyrillic,
/// Hebrew, Arabic, Vietnamese and Hangul, without their marks. Of scripts that do not part words with spaces none
/// is, as white space beside them vanishes.
#[inline(always)]
fn is_letter<V: Vector>([byte, next]: [V; 2]) -> V::Mask {
    byte.within(0xCE..=0xD1) & !(byte.equal(0xCE) & next.equal(0x87))
        | byte.equal(0xD7) & next.within(0x90..=0xAA)
        | byte.equal(0xD8) & (next.within(0xA0..=0xBF) | next.equal(0x8C))
        | byte.equal(0xD9) & (next.within(0x80..=0x8A) | next.within(0xB1..=0xBF))
        | byte.equal(0xDA)
        | byte.equal(0xDB) & next.within(0x80..=0x95)
        | byte.equal(0xE1) & next.within(0xB8..=0xBB)
        | byte.equal(0xEA) & next.within(0xB0..=0xBF)
        | byte.within(0xEB..=0xEC)
        | byte.equal(0xED) & next.within(0x80..=0x9D)
}

/// Of which signs from U+2000 to U+203F the third byte tells that they fold.
#[inline(always)]
fn folds<V: Vector>(byte: V) -> V::Mask {
    byte.within(0x90..=0x95) | byte.within(0x98..=0x9F) | byte.equal(0xA6)
}

/// Which characters that begin so are known to be neither white space nor zero-width, nor `>`, and to leave
/// white space before them alone.
#[inline(always)]
fn ends_blank<V: Vector>([byte, next, second]: [V; 3]) -> V::Mask {
    byte.within(0x21..=0x7E) & !byte.equal(b'>')
        | byte.within(0xC3..=0xCB)
        | byte.within(0xCE..=0xDF) & !(byte.equal(0xD8) & next.equal(0x9C))
        | byte.equal(0xE1) & next.within(0xB8..=0xBB)
        | byte.within(0xEA..=0xEE)
        | byte.equal(0xC2) & next.within(0xA1..=0xBF) & !next.equal(0xAD)
        | byte.equal(0xE2)
            & (next.within(0x82..=0xB9) & !next.equal(0x8C) | next.equal(0x80) & folds(second))
}

/// The same, of all characters that begin with a byte.
pub(super) static ENDS_BLANK: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0_u8;
    while byte < 0xFF {
        ends[byte as usize] = matches!(byte, 0x21..=0x3D | 0x3F..=0x7E | 0xC3..=0xCB | 0xCE..=0xD7 | 0xD9..=0xDF | 0xEA..=0xEE);
        byte += 1;
    }
    ends
};

/// The canonical form of a common departure and its length, by its last byte, which no two kinds share.
static FORMS: [u32; 256] = forms();

const fn forms() -> [u32; 256] {
    const fn form(bytes: [u8; 3], len: u8) -> u32 {
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], len])
    }
    let mut forms = [form(*b"   ", 1); 256];
    let mut byte = 0x90;
    while byte <= 0x9F {
        forms[byte] = match byte {
            0x90..=0x95 => form(*b"-  ", 1),
            0x98..=0x9B => form(*b"'  ", 1),
            _ => form(*b"\"  ", 1),
        };
        byte += 1;
    }
    forms[0xA6] = form(*b"...", 3);
    forms[0xAB] = form(*b"\"  ", 1);
    forms[0xBB] = form(*b"\"  ", 1);
    forms[0xAD] = form(*b"   ", 0);
    forms
}

/// Copies the bytes of a block up to the end that its marks give, with their departures; returns
/// how many come out.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "`canonicalise` checked the length")]
pub(super) fn copy(
    window: &[u8; WINDOW],
    marks: &Marks,
    original: usize,
    canonical: usize,
    out: &mut [u8; ROOM],
    departures: &mut [Departure],
) -> usize {
    let mut starts = marks.starts;
    let mut left_out = 0;
    out[..BLOCK].copy_from_slice(&window[..BLOCK]);
    for departure in departures {
        let start = starts.trailing_zeros() as usize;
        starts &= starts.wrapping_sub(1);
        let len = 1 + (!(marks.tails >> start >> 1)).trailing_zeros() as usize;
        let form = FORMS[usize::from(window[start + len - 1])];
        let form_len = form >> 24;
        let at = start - left_out;
        *departure = Departure {
            canonical: (canonical + at) as u32,
            canonical_len: form_len,
            original: (original + start) as u32,
            original_len: len as u32,
        };
        out[at..at + 4].copy_from_slice(&form.to_le_bytes());
        let behind = at + form_len as usize;
        out[behind..behind + BLOCK].copy_from_slice(&window[start + len..][..BLOCK]);
        left_out += len - form_len as usize;
    }
    marks.end - left_out
}
