//! Canonical form: what is compared, with a map back to the original bytes.
//!
//! Two texts are the same to this crate when their canonical forms are:
//!
//! - a run of white space (any Unicode space, no-break space, line break) is one space, and none
//!   stands at the ends;
//! - zero-width characters vanish: soft hyphen, zero-width space and joiners, byte order mark,
//!   direction marks, variation selectors;
//! - `>` quote marks at line starts vanish;
//! - text is in Normalization Form C (Unicode Standard Annex 15);
//! - typographic quotes fold to `"` and `'`, dashes to `-`, an ellipsis to `...`.
//!
//! Case, digits and all other signs are kept. The form is idempotent: the canonical form of a
//! canonical text that holds no `>` after its start is that text.
//!
//! Nearly all text is in canonical form already, but for its line breaks, so the work is to find
//! the places where it is not (`Plain`) and to copy what lies between.

use std::ops::Range;
use std::sync::OnceLock;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::mask::gather;

/// The version of the canonical form: an index on disk is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 2;

/// Bytes between two departures, of text that has many.
const USUAL_DISTANCE: usize = 64;

/// A text in canonical form, with the map back to the bytes that it came from.
///
/// Offsets are 32 bits wide: [`canonicalise`] takes texts below 4 GiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canonical {
    pub(crate) bytes: Vec<u8>,
    pub(crate) departures: Vec<Departure>,
}

/// A place where the canonical text and the original differ in length or bytes.
///
/// Between departures the two advance in lockstep, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    pub(crate) canonical: u32,
    pub(crate) canonical_len: u32,
    pub(crate) original: u32,
    pub(crate) original_len: u32,
}

impl Departure {
    pub(crate) fn canonical_end(self) -> usize {
        self.canonical as usize + self.canonical_len as usize
    }

    /// Whether some of it is among some canonical bytes, and not only where they begin or end.
    pub(crate) fn is_in(self, range: &Range<usize>) -> bool {
        range.start < self.canonical_end() && (self.canonical as usize) < range.end
    }

    pub(crate) fn original_end(self) -> usize {
        self.original as usize + self.original_len as usize
    }
}

impl Canonical {
    /// Length of the canonical form in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is left to compare.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes of the canonical form, which are UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The canonical form as text.
    pub fn to_text(&self) -> String {
        String::from_utf8(self.bytes.clone()).expect("BUG: the canonical form is UTF-8")
    }

    /// The range of the original that the canonical `range` came from.
    ///
    /// # Panics
    ///
    /// If `range` is empty or reaches past [`len`](Self::len).
    pub fn to_original(&self, range: Range<usize>) -> Range<usize> {
        assert!(
            range.start < range.end && range.end <= self.bytes.len(),
            "no canonical range: {range:?}"
        );
        let at =
            |position: usize| self.departures.partition_point(|d| d.canonical as usize <= position);
        let start = locate(self.departures[..at(range.start)].last().copied(), range.start).start;
        let end = locate(self.departures[..at(range.end - 1)].last().copied(), range.end - 1).end;
        start..end
    }

    /// The departures among some canonical bytes.
    pub(crate) fn departures_in(&self, range: &Range<usize>) -> &[Departure] {
        let from = self.departures.partition_point(|d| d.canonical_end() <= range.start);
        let len = self.departures[from..].iter().take_while(|d| d.is_in(range)).count();
        &self.departures[from..from + len]
    }

    /// The part of a canonical range that came from whole characters of the original.
    pub(crate) fn whole(&self, range: Range<usize>) -> Range<usize> {
        let inside = |at: usize| {
            let before = self.departures.partition_point(|d| (d.canonical as usize) < at);
            self.departures[..before].last().filter(|d| at < d.canonical_end())
        };
        let start = inside(range.start).map_or(range.start, |d| d.canonical_end());
        let end = inside(range.end).map_or(range.end, |d| d.canonical as usize);
        start..end.max(start)
    }

    /// The canonical ranges of `paragraphs`, which are sorted, disjoint and begin at line starts.
    ///
    /// A paragraph without canonical bytes gets an empty range.
    pub(crate) fn to_canonical(&self, paragraphs: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut after = 0; // departures that begin before the position looked at
        let mut ranges = Vec::with_capacity(paragraphs.len());
        for paragraph in paragraphs {
            while self
                .departures
                .get(after)
                .is_some_and(|d| (d.original as usize) < paragraph.start)
            {
                after += 1;
            }
            // The first canonical byte at or after the start of the paragraph.
            let start = match after.checked_sub(1).map(|last| self.departures[last]) {
                None => paragraph.start,
                Some(d) if paragraph.start < d.original_end() => d.canonical_end(),
                Some(d) => d.canonical_end() + (paragraph.start - d.original_end()),
            };
            let mut next = after;
            while self.departures.get(next).is_some_and(|d| (d.original as usize) < paragraph.end) {
                next += 1;
            }
            let end = match next.checked_sub(1).map(|last| self.departures[last]) {
                None => paragraph.end,
                Some(d) if paragraph.end < d.original_end() => d.canonical as usize,
                Some(d) => d.canonical_end() + (paragraph.end - d.original_end()),
            };
            ranges.push(without_spaces(&self.bytes, start..end.min(self.bytes.len())));
        }
        ranges
    }
}

/// The original bytes of the canonical byte at `position`, given the last departure at or before it.
pub(crate) fn locate(departure: Option<Departure>, position: usize) -> Range<usize> {
    match departure {
        None => position..position + 1,
        Some(d) if position < d.canonical_end() => d.original as usize..d.original_end(),
        Some(d) => {
            let original = d.original_end() + (position - d.canonical_end());
            original..original + 1
        }
    }
}

/// A range of canonical bytes without the spaces at its ends.
pub(crate) fn without_spaces(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while start < end && bytes[start] == b' ' {
        start += 1;
    }
    while start < end && bytes[end - 1] == b' ' {
        end -= 1;
    }
    start..end.max(start)
}

/// Whether a character begins at `at`, or the text ends there.
pub(crate) fn is_boundary(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|byte| byte & 0xC0 != 0x80)
}

/// Brings `text` into canonical form.
///
/// # Panics
///
/// If `text` is 4 GiB or longer.
///
/// # Complexity
///
/// Linear in the length of `text`; a run of n combining marks costs n log n.
///
/// # Examples
///
/// ```
/// let canonical = dedup::canonical::canonicalise("> „Alt“ und\n>  neu –\u{a0}fertig…\n");
/// assert_eq!(canonical.to_text(), "\"Alt\" und neu - fertig...");
/// assert_eq!(canonical.to_original(0..5), 2..11);
/// ```
pub fn canonicalise(text: &str) -> Canonical {
    assert!(u32::try_from(text.len()).is_ok(), "a text of 4 GiB or more");
    let bytes = Vec::with_capacity(text.len());
    let departures = Vec::with_capacity(text.len() / USUAL_DISTANCE + 4);
    let plain = Plain::new(text.as_bytes());
    Canonicaliser { text, bytes, departures, plain, run: 0, flushed: 0, gap_end: 0 }.run()
}

struct Canonicaliser<'a> {
    text: &'a str,
    bytes: Vec<u8>,
    departures: Vec<Departure>,
    plain: Plain<'a>,
    /// Where the lockstep run begins that has not been copied yet.
    run: usize,
    /// How many departures there were when it began: those after are its line breaks.
    flushed: usize,
    /// The end of the last gap, before which nothing can combine with what follows.
    gap_end: usize,
}

impl Canonicaliser<'_> {
    fn run(mut self) -> Canonical {
        let source = self.text.as_bytes();
        let (mut at, _) = self.gap(0, true);
        if at > 0 {
            self.depart(0, at, &[]);
            self.gap_end = at;
        }
        loop {
            at = self.skip_plain(at);
            let Some(&byte) = source.get(at) else { break };
            if byte.is_ascii() {
                at = if matches!(byte, b'\t'..=b'\r' | b' ') { self.space(at) } else { at + 1 };
            } else {
                let character = self.character(at);
                let len = character.len_utf8();
                match class(character) {
                    Class::Plain => at += len,
                    Class::Space => at = self.space(at),
                    Class::Vanishing => at = self.vanishing(at),
                    Class::Folding => {
                        self.depart(at, at + len, fold(character));
                        at += len;
                    }
                    Class::Composing | Class::Decomposing => at = self.composing(at, character),
                }
            }
        }
        self.flush(source.len());
        Canonical { bytes: self.bytes, departures: self.departures }
    }

    fn character(&self, at: usize) -> char {
        self.text[at..].chars().next().expect("BUG: a position at the end of the text")
    }

    /// The end of the plain bytes from `at` on; notes the line breaks among them.
    #[expect(clippy::cast_possible_truncation, reason = "`canonicalise` checked the length")]
    fn skip_plain(&mut self, mut at: usize) -> usize {
        loop {
            let Some((end, mut breaks)) = self.plain.from(at) else { return at };
            while breaks != 0 {
                let original = self.plain.start + breaks.trailing_zeros() as usize;
                breaks &= breaks - 1;
                self.departures.push(Departure {
                    canonical: (self.bytes.len() + original - self.run) as u32,
                    canonical_len: 1,
                    original: original as u32,
                    original_len: 1,
                });
            }
            at = end;
            if end < self.plain.start + BLOCK {
                return end;
            }
        }
    }

    /// Copies the lockstep run that ends at `end`, with spaces for its line breaks.
    fn flush(&mut self, end: usize) {
        self.bytes.extend_from_slice(&self.text.as_bytes()[self.run..end]);
        for line_break in &self.departures[self.flushed..] {
            self.bytes[line_break.canonical as usize] = b' ';
        }
        self.run = end;
        self.flushed = self.departures.len();
    }

    /// Replaces the original `start..end` by `canonical`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`canonicalise` checked the length; NFC at most triples it"
    )]
    fn depart(&mut self, start: usize, end: usize, canonical: &[u8]) {
        self.flush(start);
        self.departures.push(Departure {
            canonical: self.bytes.len() as u32,
            canonical_len: canonical.len() as u32,
            original: start as u32,
            original_len: (end - start) as u32,
        });
        self.bytes.extend_from_slice(canonical);
        self.run = end;
        self.flushed = self.departures.len();
    }

    /// The end of the white space, zero-width characters and quote marks from `start` on, and
    /// whether white space was among them.
    fn gap(&self, start: usize, mut line_start: bool) -> (usize, bool) {
        let source = self.text.as_bytes();
        let mut at = start;
        let mut space = false;
        while let Some(&byte) = source.get(at) {
            match byte {
                b' ' | b'\t' => at += 1,
                b'\n' | b'\r' | 0x0B | 0x0C => {
                    line_start = true;
                    at += 1;
                }
                b'>' if line_start => {
                    at += 1;
                    continue; // a quote mark is not white space
                }
                _ if byte.is_ascii() => break,
                _ => {
                    let character = self.character(at);
                    match class(character) {
                        Class::Space => line_start |= is_line_break(character),
                        Class::Vanishing => {
                            at += character.len_utf8();
                            continue;
                        }
                        _ => break,
                    }
                    at += character.len_utf8();
                }
            }
            space = true;
        }
        (at, space)
    }

    /// Handles the white space that begins at `at`; returns its end.
    fn space(&mut self, at: usize) -> usize {
        let source = self.text.as_bytes();
        let blank = |&byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
        let mut end = at;
        while source.get(end).is_some_and(blank) {
            end += 1;
        }
        // Nearly always that is all.
        if source.get(end).is_some_and(|&byte| !byte.is_ascii() || byte == b'>') {
            (end, _) = self.gap(at, is_line_break(self.character(at)));
        }
        if end == source.len() {
            self.depart(at, end, &[]);
        } else if &source[at..end] != b" " {
            self.depart(at, end, b" ");
        }
        self.gap_end = end;
        end
    }

    /// Handles the zero-width character at `at`, and the gap that it may belong to.
    fn vanishing(&mut self, at: usize) -> usize {
        let (end, space) = self.gap(at, false);
        let canonical: &[u8] = if space && end < self.text.len() { b" " } else { b"" };
        self.depart(at, end, canonical);
        if space {
            self.gap_end = end;
        }
        end
    }

    /// Normalises the text that the character at `at` may combine with.
    ///
    /// Composition reaches back to the last starter, unless the character is one itself, and ends
    /// before the next starter that composes with nothing before it.
    fn composing(&mut self, at: usize, character: char) -> usize {
        let mut start = at;
        if class(character) == Class::Composing {
            let before = &self.text[self.gap_end..at];
            for (offset, character) in before.char_indices().rev() {
                match class(character) {
                    Class::Vanishing => {}
                    Class::Plain => {
                        start = self.gap_end + offset;
                        break;
                    }
                    _ => break,
                }
            }
        }
        let mut end = at + character.len_utf8();
        for character in self.text[end..].chars() {
            if !matches!(class(character), Class::Composing | Class::Vanishing) {
                break;
            }
            end += character.len_utf8();
        }
        let composed: String =
            self.text[start..end].chars().filter(|&c| class(c) != Class::Vanishing).nfc().collect();
        if composed == self.text[start..end] {
            return end; // in order already, as Thai and Hindi mostly are
        }
        if start < self.run {
            // The starter was copied and then a zero-width character left out: take both back.
            while self.departures.last().is_some_and(|d| d.original as usize > start) {
                self.departures.pop();
            }
            let starter = self.character(start).len_utf8();
            self.bytes.truncate(self.bytes.len() - starter);
            self.run = start;
            self.flushed = self.departures.len();
        }
        self.depart(start, end, composed.as_bytes());
        end
    }
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// The bytes of a block, that before it and that after it.
type BlockBytes = [u8; BLOCK + 2];

/// Finds the bytes that are not plain, a block at a time.
///
/// Plain is what canonical text has too, and single line breaks: visible ASCII, letters from U+00C0 to U+02FF, and a
/// space or line break before either, but for a line break before a quote mark.
struct Plain<'a> {
    source: &'a [u8],
    /// Of the block at hand.
    start: usize,
    /// A bit for each byte of it that is not plain, and for each line feed.
    odd: u64,
    breaks: u64,
}

impl<'a> Plain<'a> {
    fn new(source: &'a [u8]) -> Self {
        let mut plain = Self { source, start: 0, odd: 0, breaks: 0 };
        plain.look();
        plain
    }

    /// The end of the plain bytes from `at` on, in the block that `at` is in, and the line breaks among them; none at the
    /// end of the source. What is asked for must not decrease.
    fn from(&mut self, at: usize) -> Option<(usize, u64)> {
        if at >= self.source.len() {
            return None;
        }
        if at - self.start >= BLOCK {
            self.start = at - at % BLOCK;
            self.look();
        }
        let ahead = u64::MAX << (at - self.start);
        let odd = self.odd & ahead;
        // Below the first of them.
        let plain = odd.wrapping_sub(1) & !odd;
        Some((self.start + odd.trailing_zeros() as usize, self.breaks & ahead & plain))
    }

    fn look(&mut self) {
        // Nothing stands before the first byte and after the last.
        let mut padded = [0; BLOCK + 2];
        let from = self.start.saturating_sub(1);
        let rest = &self.source[from..];
        let window = rest.first_chunk().filter(|_| self.start > 0).unwrap_or_else(|| {
            let len = rest.len().min(BLOCK + 1);
            let before = 1 - (self.start - from);
            padded[before..before + len].copy_from_slice(&rest[..len]);
            &padded
        });
        (self.odd, self.breaks) = odd_and_breaks(window);
    }
}

/// A bit for each byte of the block that is not plain, and for each line feed.
fn odd_and_breaks(bytes: &BlockBytes) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn odd_and_breaks_avx2(bytes: &BlockBytes) -> (u64, u64) {
            odd_and_breaks_portable(bytes)
        }
        // SAFETY: the instructions that it is compiled for were just found to be there.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        return unsafe { odd_and_breaks_avx2(bytes) };
    }
    odd_and_breaks_portable(bytes)
}

/// Compiled for every instruction set that [`odd_and_breaks`] knows: the loops have no branches, so the compiler
/// makes vector code of them.
#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
fn odd_and_breaks_portable(bytes: &BlockBytes) -> (u64, u64) {
    let (mut odd, mut breaks) = ([0; BLOCK], [0; BLOCK]);
    for i in 0..BLOCK {
        odd[i] = u8::from(!is_plain(bytes[i], bytes[i + 1], bytes[i + 2]));
        breaks[i] = u8::from(bytes[i + 1] == b'\n');
    }
    (gather(&odd), gather(&breaks))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]
#[expect(clippy::needless_bitwise_bool, reason = "`&&` and `||` are branches")]
fn is_plain(before: u8, byte: u8, next: u8) -> bool {
    let visible = |byte: u8| byte.wrapping_sub(0x21) < 0x5E;
    let leads = |byte: u8| byte.wrapping_sub(0xC3) < 9;
    let follows = (byte & 0xC0 == 0x80) & leads(before);
    let space = (byte == b' ') | (byte == b'\n') & (next != b'>');
    visible(byte) | leads(byte) | follows | space & (visible(next) | leads(next))
}

fn is_line_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Plain,
    Space,
    Vanishing,
    Folding,
    /// May combine with what stands before it.
    Composing,
    /// A starter that Form C replaces by others.
    Decomposing,
}

fn fold(character: char) -> &'static [u8] {
    match character {
        '\u{201C}'..='\u{201F}' | '\u{AB}' | '\u{BB}' => b"\"",
        '\u{2018}'..='\u{201B}' | '\u{2039}' | '\u{203A}' => b"'",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => b"-",
        '\u{2026}' => b"...",
        _ => b"",
    }
}

/// Whether the canonical form leaves the character out.
pub(crate) fn is_zero_width(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

fn class(character: char) -> Class {
    // Made a page at a time when first met: asking the normalisation tables for every character of
    // a Chinese or Russian text costs several times what all the rest of this module does, and for
    // all characters before the first one costs ten milliseconds.
    static BASIC_PLANE: [OnceLock<Box<[Class; PAGE]>>; 0x1_0000 / PAGE] =
        [const { OnceLock::new() }; 0x1_0000 / PAGE];
    const PAGE: usize = 256;
    let code = character as usize;
    if code < 0x80 {
        return if character.is_whitespace() { Class::Space } else { Class::Plain };
    }
    let Some(page) = BASIC_PLANE.get(code / PAGE) else { return classify(character) };
    page.get_or_init(|| {
        let first = character as u32 & !0xFF;
        let mut classes = Box::new([Class::Plain; PAGE]);
        for (class, code) in classes.iter_mut().zip(first..) {
            *class = char::from_u32(code).map_or(Class::Plain, classify);
        }
        classes
    })[code % PAGE]
}

/// Whether Form C may reorder or join the character with what stands before it.
fn reaches_back(character: char) -> bool {
    unicode_normalization::char::canonical_combining_class(character) != 0
        || is_nfc_quick(std::iter::once(character)) == IsNormalized::Maybe
}

fn classify(character: char) -> Class {
    if character.is_whitespace() {
        Class::Space
    } else if is_zero_width(character) {
        Class::Vanishing
    } else if !fold(character).is_empty() {
        Class::Folding
    } else if reaches_back(character) {
        Class::Composing
    } else if is_nfc_quick(std::iter::once(character)) != IsNormalized::Yes {
        let first = std::iter::once(character).nfd().next();
        if first.is_some_and(reaches_back) { Class::Composing } else { Class::Decomposing }
    } else {
        Class::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(original: &str) -> String {
        canonicalise(original).to_text()
    }

    #[test]
    fn odd_bytes_are_the_same_on_every_instruction_set() {
        let mut state = 1_u64;
        let signs = b"aZ ~\n\r\t> \x7F\x80\xBF\xC2\xC3\xCB\xCC\xE2";
        for _ in 0..2000 {
            let bytes: BlockBytes = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                signs[(state >> 33) as usize % signs.len()]
            });
            let (odd, breaks) = odd_and_breaks(&bytes);
            assert_eq!((odd, breaks), odd_and_breaks_portable(&bytes));
            for at in 0..BLOCK {
                let [before, byte, next] = *bytes[at..].first_chunk().unwrap();
                assert_eq!(odd >> at & 1 == 0, is_plain(before, byte, next));
                assert_eq!(breaks >> at & 1 == 1, byte == b'\n');
            }
        }
    }

    #[test]
    fn white_space_is_one_space() {
        assert_eq!(text("  a \t b\r\n\u{a0}c\u{3000}d\u{2028}\n"), "a b c d");
        assert_eq!(text(""), "");
        assert_eq!(text(" \n\t"), "");
        assert_eq!(text("eins zwei drei  vier"), "eins zwei drei vier");
    }

    #[test]
    fn quote_marks_vanish_at_line_starts_only() {
        assert_eq!(text("> a\n>> b > c\n > > d"), "a b > c d");
        assert_eq!(text("a >b"), "a >b");
        assert_eq!(text(">\n>\nx"), "x");
        assert_eq!(text(">\u{316}\u{ad}"), "\u{316}");
    }

    #[test]
    fn zero_width_characters_vanish() {
        assert_eq!(text("Silben\u{ad}trennung \u{200b}x\u{200b} y\u{feff}"), "Silbentrennung x y");
    }

    #[test]
    fn composes_across_zero_width_characters() {
        assert_eq!(text("u\u{308}ber"), "über");
        assert_eq!(text("xu\u{ad}\u{308}ber"), "xüber");
        assert_eq!(text("\u{308}x"), "\u{308}x");
        assert_eq!(text("a \u{308}x"), "a \u{308}x");
        assert_eq!(text("x\u{212b}\u{323}y\u{958}"), "x\u{1ea0}\u{30a}y\u{915}\u{93c}");
        assert_eq!(canonicalise("x\u{212b}").departures.len(), 1);
        assert_eq!(canonicalise("x\u{212b}").to_original(0..1), 0..1);
        assert_eq!(text("\u{1112}\u{1161}\u{11ab}"), "한");
    }

    #[test]
    fn every_canonical_byte_leads_back() {
        for original in [
            "  „Ja“\u{a0}– u\u{308}ber…\r\n> no\u{ad}w ",
            "plain",
            "\u{feff}a\n\nb",
            "กำ่ ที่ नमस्ते",
            "x\u{308}\u{323}y",
        ] {
            let canonical = canonicalise(original);
            for at in 0..canonical.len() {
                let range = canonical.to_original(at..at + 1);
                assert!(
                    range.start < range.end && range.end <= original.len(),
                    "{original:?} {at}"
                );
            }
            let mut rebuilt = Vec::new();
            let (mut c, mut o) = (0, 0);
            for d in &canonical.departures {
                rebuilt.extend_from_slice(&canonical.bytes[c..d.canonical as usize]);
                assert_eq!(d.original as usize - o, d.canonical as usize - c, "{original:?}");
                rebuilt
                    .extend_from_slice(&original.as_bytes()[d.original as usize..d.original_end()]);
                (c, o) = (d.canonical_end(), d.original_end());
            }
            rebuilt.extend_from_slice(&canonical.bytes[c..]);
            assert_eq!(rebuilt, original.as_bytes());
        }
    }
}
