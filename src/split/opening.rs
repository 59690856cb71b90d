//! What the first bytes of a line, and the last, say of it: with few branches, since lines of text
//! begin in any order.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

use std::ops::Range;

use crate::vector::pad;

/// What is said of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    /// The line must be looked at closer, whatever else is said.
    pub(super) closer: bool,
    /// Whether it is a heading or a rule.
    pub(super) alone: bool,
    /// Whether it begins a list item. Of a line that is alone, anything may be said.
    pub(super) item: bool,
    /// [`UPPER`], [`LOWER`] or 0, by its first letter or digit. Of a line to which nothing before
    /// is joined, anything may be said.
    pub(super) starts: u8,
}

/// As a sentence or an entry of a list does, with a capital or a digit.
pub(super) const UPPER: u8 = 1;
/// In the middle of something.
pub(super) const LOWER: u8 = 2;

/// Bytes that are looked at together.
const HEAD: usize = size_of::<u64>();

/// Bits of what a byte is: the kinds of label that a list item begins with.
const LETTER: u16 = 1;
const DIGIT: u16 = 2;
const BULLET: u16 = 4;
/// By so many bits further up: what may follow on such a label. Bullets are the marks of empty labels.
const MARKS: u32 = 3;
const SPACE: u16 = 1 << 6;
/// The line must be looked at closer if it begins so.
const CLOSER: u16 = 1 << 7;
/// A letter or digit.
const WORD: u16 = 1 << 8;
/// A sign of ASCII that says nothing if a letter or digit follows.
const SIGN: u16 = 1 << 9;
/// White space may end with such a byte, after such another.
const LAST: u16 = 1 << 10;
const BEFORE_LAST: u16 = 1 << 11;

static KINDS: [u16; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    loop {
        kinds[byte as usize] = match byte {
            b'0'..=b'9' => WORD | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => WORD | LETTER,
            b'-' | b'*' | b'+' => SIGN | BULLET | BULLET << MARKS,
            b')' => SIGN | (LETTER | DIGIT) << MARKS,
            b'.' => SIGN | DIGIT << MARKS,
            b' ' => SPACE,
            // Of fences and quotes.
            b'`' | b'~' | b'>' => CLOSER,
            0x80 => LAST | BEFORE_LAST,
            0x82..=0x8A | 0x9F | 0xA0 | 0xA8 | 0xA9 | 0xAF => LAST,
            0x81 | 0x9A | 0xC2 => BEFORE_LAST,
            0x83.. => 0,
            _ => SIGN,
        };
        if byte == u8::MAX {
            break kinds;
        }
        byte += 1;
    }
};

fn kinds(byte: u64) -> u16 {
    KINDS[(byte & 0xFF) as usize]
}

/// Whether `text`, which is not empty, may end with white space beyond ASCII.
#[inline(always)]
pub(super) fn may_end_with_white_space(bytes: &[u8], text: &Range<usize>) -> bool {
    let (last, before) = (text.end - 1, text.end.saturating_sub(2));
    KINDS[usize::from(bytes[last])] & LAST != 0
        && KINDS[usize::from(bytes[before])] & BEFORE_LAST != 0
}

impl Opening {
    /// Of a line whose text is not empty.
    #[inline(always)]
    pub(super) fn of(bytes: &[u8], text: &Range<usize>) -> Self {
        if let [a, b, c, d, ..] = bytes[text.clone()] {
            // So most lines begin: a word, what stands in brackets or quotes, an item with a
            // bullet. Each is a bit of its own or none, since of truth values the compiler makes
            // branches, which would be hard to predict.
            let of = |byte: u8| KINDS[usize::from(byte)];
            let word = of(a) & !(of(b) >> MARKS) & LETTER;
            let signed = of(a) >> 1 & of(b) & WORD;
            let item = of(a) << 6 & of(b) << 2 & (of(c) | of(d)) & WORD;
            let is_quote = (a == 0xE2) & (b == 0x80) & (c & !7 == 0x98);
            let quoted = u16::from(is_quote) << 8 & of(d);
            if word | signed | item | quoted != 0 {
                let at = u32::from(word == 0) + 2 * u32::from(is_quote);
                let first = (u32::from_le_bytes([a, b, c, d]) >> (8 * at) & 0xFF) as u8;
                let starts = if first.is_ascii_lowercase() { LOWER } else { UPPER };
                return Self { closer: false, alone: false, item: item != 0, starts };
            }
        }
        Self::of_other(bytes, text)
    }

    #[inline(never)]
    fn of_other(bytes: &[u8], text: &Range<usize>) -> Self {
        if let [a, b' ', c, d, e, f, g, h, ..] = bytes[text.clone()] {
            // Items whose text is set apart.
            let of = |byte: u8| KINDS[usize::from(byte)];
            let word = of(c) | of(d) | of(e) | of(f) | of(g) | of(h);
            if of(a) << 6 & word & WORD != 0 {
                return Self { closer: false, alone: false, item: true, starts: 0 };
            }
        }
        let rest = &bytes[text.start..];
        let first = u64::from_le_bytes(rest.first_chunk().copied().unwrap_or_else(|| pad(rest)));
        let len = text.len();
        Self::of_head(first & (u64::MAX >> (64 - 8 * len.min(HEAD))), len > HEAD)
    }

    /// Of a line that begins with the bytes of `head`, the first of them lowest. Behind the line
    /// are zeros, if it ends there.
    #[inline(always)]
    fn of_head(head: u64, has_more: bool) -> Self {
        // What is known of a byte is in its highest bit.
        const TOP: u64 = each(0x80);
        let beyond = head & TOP;
        let low = head & !TOP;
        let at_least = |bytes: u64, least: u8| bytes + each(0x80 - least);
        let lower = low | each(0x20);
        let letters = at_least(lower, b'a') & !at_least(lower, b'z' + 1) & !head & TOP;
        let digits = at_least(low, b'0') & !at_least(low, b'9' + 1) & !head & TOP;

        // The first letter or digit says how the line starts, if nothing beyond ASCII comes before
        // it but a quote or a dash.
        let words = letters | digits;
        let before_word = beyond & (words ^ words.wrapping_sub(1));
        let third = (head >> 16 & 0xFF) as u8;
        let fourth = head >> 24 & 0xFF;
        let sign = (head & 0xFFFF == u64::from(u16::from_le_bytes([0xE2, 0x80])))
            & (third.wrapping_sub(0x93) <= 0x9F - 0x93)
            & (fourth != u64::from(b' '))
            & (before_word == TOP & 0xFF_FFFF);
        let known = (before_word == 0) | sign;
        let word = (head >> (words.trailing_zeros() & 0x38) & 0xFF) as u8;
        let starts = if word.is_ascii_lowercase() { LOWER } else { UPPER };

        // The label of a list item, what marks it as one, and what follows.
        let first = kinds(head);
        let label = (!digits & TOP).trailing_zeros() & 0x78;
        let label = if first & LETTER != 0 { 8 } else { label };
        let rest = head.wrapping_shr(label);
        let marks = (LETTER | DIGIT | BULLET) << MARKS;
        let marked = (first << MARKS & kinds(rest) & marks != 0) & (label <= 3 * 8);
        let follows = kinds(rest >> 8);
        let item = marked & (follows & SPACE != 0);
        let beyond_follows = marked & (rest & 0x8000 != 0);

        let hashes = (head ^ each(b'#')).trailing_zeros() & 0x78;
        let heading = (hashes.wrapping_sub(8) <= 5 * 8)
            & (head.wrapping_shr(hashes) & 0xFF == u64::from(b' '));
        let blank = words == 0;
        Self {
            closer: (!known | (blank & has_more) | beyond_follows | (first & CLOSER != 0))
                & !heading,
            alone: heading | blank,
            item,
            starts,
        }
    }
}

/// Eight times `byte`.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::split::{case, is_heading, is_list_item, is_rule};

    proptest! {
        #[test]
        fn what_is_said_of_a_line_is_so(
            pieces in proptest::collection::vec(
                proptest::sample::select(&[
                    "a", "b", "Z", "7", "12", "\u{E4}", "\u{DC}", "\u{439}", "\u{6F22}", "\u{301}", "-", "*",
                    "+", ".", ")", "(", "'", "\"", "#", "##", "`", "~", ">", "@", "[", "{", "/", ":", "\0", "\x7F",
                    " ", " ", " ", "    ", "\u{201C}", "\u{2018}", "\u{2013}", "\u{2014}", "\u{2022}",
                    "\u{A0}", "\u{200B}", "\u{A7}", "\u{AB}",
                ][..]),
                1..9,
            ),
            behind in 0..12_usize,
        ) {
            let line = pieces.concat();
            let text = line.trim_matches(' ');
            prop_assume!(!text.is_empty());
            let all = format!("\u{A0}{text}{}", &" \nabc. 12) "[..behind.min(11)]);
            let range = 2..2 + text.len();
            let said = Opening::of(all.as_bytes(), &range);
            if !said.closer {
                prop_assert_eq!(said.alone, is_heading(text) || is_rule(text));
                if !said.alone {
                    prop_assert_eq!(said.item, is_list_item(text));
                    prop_assert!(said.item || said.starts == case(text));
                }
            }
            let ends = text.ends_with(char::is_whitespace);
            prop_assert!(!ends || may_end_with_white_space(all.as_bytes(), &range));
        }
    }
}
