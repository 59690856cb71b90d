//! Canonical form: what is compared, with a map back to the original bytes.
//!
//! Two texts are the same to this crate when their canonical forms are the same. In canonical form:
//!
//! - a run of white space (any Unicode space, no-break space, line break, and the separators from
//!   U+001C to U+001F, which Java and Python count as such and replace) is one space, and none stands
//!   at the ends;
//! - beside a character of a script that does not part words with spaces (ideographs, kana and what is set with them,
//!   Thai, Lao, Khmer, Burmese, Tibetan) it vanishes, as lines of such text end between words or any two characters,
//!   and whether a space parts them from Latin is up to who sets the text (CSS Text 3 drops line breaks between
//!   ideographs and kana too);
//! - zero-width characters vanish: soft hyphen, zero-width space and joiners, byte order mark,
//!   direction marks, variation selectors of all scripts;
//! - `>` quote marks at line starts vanish;
//! - text is in Normalization Form C (Unicode Standard Annex 15), and the ligatures of Latin (`ﬁ`, `ﬂ`, `ﬀ` and so on)
//!   are their letters;
//! - typographic quotes fold to `"` and `'`, dashes to `-`, an ellipsis to `...`. So do other signs that
//!   are typed with the same keys: primes, modifier letters that are apostrophes, the Hebrew geresh,
//!   gershayim and maqaf, full-width quotes and hyphens;
//! - signs for which decoders of Shift JIS, EUC-JP and GB 2312 read one code as either are one: the wave dash and the
//!   full-width tilde (with `~`), `‖` and `∥`, `¢`, `£` and `¬` and their full-width forms, the middle dot and that of
//!   kana.
//!
//! Case, digits and all other signs are kept. The form is idempotent: a canonical text is its own
//! canonical form.
//!
//! Nearly all text is in canonical form already, except for its line breaks. So the work is to find the
//! places where it is not (`Marks`), to copy whole blocks, and to mend them there.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

mod class;
mod marks;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::mem::take;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{compose, decompose_canonical};

pub(crate) use self::class::is_zero_width;
use self::class::{Class, class, fold, is_blank, is_line_break, is_unspaced, ligature};
use self::marks::{Marks, ROOM, copy};
use crate::room::make_room;
use crate::vector::{self, Vector, pad};

/// The version of the canonical form: an index on disk is of use only to the same one.
#[cfg(feature = "index")]
pub(crate) const VERSION: u32 = 6;

/// Bytes between two departures, of text that has many.
const USUAL_DISTANCE: usize = 64;

/// A text in canonical form, with the map back to the bytes that it came from.
///
/// Offsets are 32 bits wide: [`canonicalise`] takes texts below 4 GiB, if their form is below too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canonical {
    pub(crate) bytes: Vec<u8>,
    pub(crate) departures: Vec<Departure>,
}

/// A place where the canonical text and the original differ in length or bytes.
///
/// Between departures the two advance in lockstep, byte for byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)] // written as four numbers by vector instructions
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

    /// Whether the canonical form is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes of the canonical form, which are UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The canonical form as text.
    ///
    /// # Complexity
    ///
    /// Linear in its length, as it is looked at whether the bytes are UTF-8; they are not copied.
    pub fn as_str(&self) -> &str {
        simdutf8::basic::from_utf8(&self.bytes).expect("BUG: the canonical form is UTF-8")
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

    /// As [`to_original`](Self::to_original), with the departures among the canonical bytes.
    pub(crate) fn to_original_with(&self, range: &Range<usize>) -> (Range<usize>, &[Departure]) {
        let from = self.departures.partition_point(|d| d.canonical_end() <= range.start);
        let len = self.departures[from..].iter().take_while(|d| d.is_in(range)).count();
        let (before, within) = self.departures[..from + len].split_at(from);
        // The last that begins at or before the first position, and at or before the last.
        let at_start = within.first().filter(|d| d.canonical as usize <= range.start);
        let (at_start, at_end) = (at_start.or(before.last()), within.last().or(before.last()));
        let start = locate(at_start.copied(), range.start).start;
        let end = locate(at_end.copied(), range.end - 1).end;
        (start..end, within)
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

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.departures.capacity() * size_of::<Departure>()
    }

    /// The canonical ranges of `paragraphs`, which are sorted, disjoint and begin at line starts.
    ///
    /// A paragraph without canonical bytes gets an empty range.
    pub(crate) fn to_canonical(&self, paragraphs: &[Range<usize>], ranges: &mut Vec<Range<usize>>) {
        let mut before = 0; // departures that begin before the position looked at
        let last_before = |before: &mut usize, position: usize| {
            let is_before = |d: &&Departure| (d.original as usize) < position;
            // Eight at a time, and of the last eight without branches: there may be many to a paragraph.
            let mut ahead = &self.departures[*before..];
            while let Some((eight, behind)) = ahead.split_first_chunk::<8>()
                && is_before(&&eight[7])
            {
                *before += eight.len();
                ahead = behind;
            }
            *before += match ahead.first_chunk::<8>() {
                Some(eight) => eight.iter().filter(is_before).count(),
                None => ahead.iter().filter(is_before).count(),
            };
            before.checked_sub(1).map(|last| self.departures[last])
        };
        ranges.clear();
        ranges.reserve(paragraphs.len());
        for paragraph in paragraphs {
            // The first canonical byte at or after the start of the paragraph.
            let start = match last_before(&mut before, paragraph.start) {
                None => paragraph.start,
                Some(d) if paragraph.start < d.original_end() => d.canonical_end(),
                Some(d) => d.canonical_end() + (paragraph.start - d.original_end()),
            };
            let end = match last_before(&mut before, paragraph.end) {
                None => paragraph.end,
                Some(d) if paragraph.end < d.original_end() => d.canonical as usize,
                Some(d) => d.canonical_end() + (paragraph.end - d.original_end()),
            };
            ranges.push(without_spaces(&self.bytes, start..end.min(self.bytes.len())));
        }
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

/// A range of canonical bytes without the parts of characters at its ends.
pub(crate) fn whole_characters(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while start < end && !is_boundary(bytes, start) {
        start += 1;
    }
    while start < end && !is_boundary(bytes, end) {
        end -= 1;
    }
    start..end
}

/// Whether a character begins at `at`, or the text ends there.
pub(crate) fn is_boundary(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|byte| byte & 0xC0 != 0x80)
}

/// Brings `text` into canonical form.
///
/// # Panics
///
/// If `text` or its canonical form, which may be three times as long, is 4 GiB or longer.
///
/// # Complexity
///
/// Linear in the length of `text`; a run of n combining marks costs n log n.
///
/// # Examples
///
/// ```
/// let canonical = dedup::canonical::canonicalise("> „Alt“ und\n>  neu –\u{a0}fertig…\n");
/// assert_eq!(canonical.as_str(), "\"Alt\" und neu - fertig...");
/// assert_eq!(canonical.to_original(0..5), 2..11);
/// ```
pub fn canonicalise(text: &str) -> Canonical {
    let mut canonical = Canonical::default();
    canonicalise_into(text, &mut canonical);
    canonical
}

/// The same, in the memory of another one.
pub(crate) fn canonicalise_into(text: &str, canonical: &mut Canonical) {
    assert!(u32::try_from(text.len()).is_ok(), "a text of 4 GiB or more");
    *canonical = Canonicaliser::new(text, take(canonical)).run(Canonicaliser::rest);
}

struct Canonicaliser<'a> {
    text: &'a str,
    /// The canonical form so far is the first `len` of these; the others are room to write to.
    bytes: Vec<u8>,
    len: usize,
    /// So are the first `departed` of these.
    departures: Vec<Departure>,
    departed: usize,
    /// The end of the last gap that was looked at apart, before which nothing can combine with what follows.
    gap_end: usize,
}

impl<'a> Canonicaliser<'a> {
    /// `room` is written over.
    fn new(text: &'a str, room: Canonical) -> Self {
        let Canonical { mut bytes, mut departures } = room;
        make_room(&mut bytes, text.len() + ROOM);
        make_room(&mut departures, text.len() / USUAL_DISTANCE + 20);
        Self { text, bytes, len: 0, departures, departed: 0, gap_end: 0 }
    }

    /// `rest` handles the text from a place on.
    fn run(mut self, rest: impl FnOnce(&mut Self, usize)) -> Canonical {
        let (at, _) = self.gap(0, true);
        if at > 0 {
            self.depart(0, at, &[]);
            self.gap_end = at;
        }
        rest(&mut self, at);
        // Normalisation may have made it longer than the text; then places in it would be wrong.
        assert!(u32::try_from(self.len).is_ok(), "a canonical form of 4 GiB or more");
        self.bytes.truncate(self.len);
        self.departures.truncate(self.departed);
        Canonical { bytes: self.bytes, departures: self.departures }
    }

    /// Handles the text from `at` on.
    fn rest(&mut self, at: usize) {
        vector::run(Rest { of: self, at });
    }

    #[inline(always)]
    fn rest_with<V: Vector>(&mut self, mut at: usize) {
        let source = self.text.as_bytes();
        while at < source.len() {
            let rest = &source[at..];
            let padded;
            let window = if let Some(window) = rest.first_chunk() {
                window
            } else {
                padded = pad(rest);
                &padded
            };
            let Some(out) = self.bytes[self.len..].first_chunk_mut() else {
                self.bytes.resize(2 * self.bytes.len() + ROOM, 0);
                continue;
            };
            #[cfg(target_arch = "x86_64")]
            if V::MOVES {
                let Some(departures) = self.departures[self.departed..].first_chunk_mut() else {
                    let more = (self.departed + x86::MOST).min(MORE_DEPARTURES);
                    self.departures.resize(self.departed + x86::MOST + more, Departure::default());
                    continue;
                };
                // SAFETY: there is `MOVES` with the instructions only.
                #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
                let copied = unsafe { x86::copy(window, at, self.len, out, departures) };
                if let Some(x86::Copied { taken, written, departed }) = copied {
                    at += taken;
                    self.len += written;
                    self.departed += departed;
                    continue;
                }
            }
            let marks = if V::MOVES {
                Marks::of_rare(window) // the others were copied
            } else {
                Marks::of::<V>(window)
            };
            let departed = self.departed + marks.starts.count_ones() as usize;
            let Some(departures) = self.departures.get_mut(self.departed..departed) else {
                self.departures.resize(2 * departed, Departure::default());
                continue;
            };
            self.departed = departed;
            self.len += copy(window, &marks, at, self.len, out, departures);
            at += marks.end;
            if marks.is_odd && at < source.len() {
                at = self.odd(at);
            }
        }
    }

    /// Handles what is not common at `at`, and more of the kind; returns its end.
    #[inline(never)]
    fn odd(&mut self, mut at: usize) -> usize {
        let source = self.text.as_bytes();
        // Not what `Marks` has for letters, or for signs.
        let is_far = |at: usize| match source.get(at..).unwrap_or_default() {
            [0xCE..=0xD1 | 0xD7..=0xDB | 0xE2 | 0xEA..=0xED, ..] => false,
            rest => rest.first().is_some_and(|&byte| byte >= 0xCC),
        };
        let is_mark = |next| matches!(class(next), Class::Composing | Class::Mark);
        let may_be_blank =
            |at| source.get(at).is_some_and(|&byte| is_blank(byte) || matches!(byte, 0xC2 | 0xE2));
        loop {
            let character = self.character(at);
            let end = at + character.len_utf8();
            at = match class(character) {
                Class::Plain => self.keep(at, self.letters(end, character)),
                Class::Space => self.space(at),
                Class::Vanishing => self.vanishing(at),
                Class::Folding => self.depart(at, end, fold(character)),
                Class::Composing | Class::Mark | Class::Decomposing => {
                    let end = self.composing(at, character);
                    self.keep(end, self.letters(end, ' ')) // what it ends with was not looked at
                }
            };
            // In many scripts the next letter is as odd as this one, or that behind a space is; and
            // white space behind a script without spaces is.
            let goes_on = is_far(at)
                || is_far(at + 1)
                || self.text[at..].starts_with(is_mark)
                || may_be_blank(at) && self.ends_unspaced();
            if !goes_on {
                return at;
            }
        }
    }

    /// The end of what begins at `at`, behind `last`, and is as it should be: plain characters beyond ASCII, with
    /// single marks behind them and single spaces between them.
    fn letters(&self, at: usize, mut last: char) -> usize {
        let mut held = None; // a mark or space that depends on what follows
        for (offset, character) in self.text[at..].char_indices() {
            match class(character) {
                Class::Plain
                    if character > '\u{7F}' && !(last == ' ' && is_unspaced(character)) =>
                {
                    held = None;
                }
                Class::Composing | Class::Mark if held.is_none() && stays(character, last) => {
                    held = Some(offset);
                }
                Class::Space if character == ' ' && last != ' ' && !is_unspaced(last) => {
                    held = Some(offset);
                }
                Class::Composing | Class::Mark | Class::Vanishing => {
                    return at + held.unwrap_or(offset);
                }
                _ => return at + held.filter(|_| last == ' ').unwrap_or(offset),
            }
            last = character;
        }
        held.map_or(self.text.len(), |offset| at + offset)
    }

    fn character(&self, at: usize) -> char {
        self.text[at..].chars().next().expect("BUG: a position at the end of the text")
    }

    fn write(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if end > self.bytes.len() {
            self.bytes.resize(2 * end, 0);
        }
        self.bytes[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }

    /// Copies the original `start..end`; returns its end.
    fn keep(&mut self, start: usize, end: usize) -> usize {
        let text = self.text;
        self.write(&text.as_bytes()[start..end]);
        end
    }

    /// Replaces the original `start..end` by `canonical`; returns its end.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`canonicalise` checks the length of the text before, and `run` that of the form behind"
    )]
    fn depart(&mut self, start: usize, end: usize, canonical: &[u8]) -> usize {
        let departure = Departure {
            canonical: self.len as u32,
            canonical_len: canonical.len() as u32,
            original: start as u32,
            original_len: (end - start) as u32,
        };
        match self.departures.get_mut(self.departed) {
            Some(next) => *next = departure,
            None => self.departures.push(departure),
        }
        self.departed += 1;
        self.write(canonical);
        end
    }

    /// The end of the white space, zero-width characters and quote marks from `start` on, and
    /// whether white space was among them.
    fn gap(&self, start: usize, mut line_start: bool) -> (usize, bool) {
        let source = self.text.as_bytes();
        let mut at = start;
        let mut space = false;
        while let Some(&byte) = source.get(at) {
            match byte {
                b'\n' | b'\r' | 0x0B | 0x0C => {
                    line_start = true;
                    at += 1;
                }
                _ if is_blank(byte) => at += 1,
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
        let mut end = at;
        while source.get(end).is_some_and(|&byte| is_blank(byte)) {
            end += 1;
        }
        // Nearly always that is all.
        if source.get(end).is_some_and(|&byte| !byte.is_ascii() || byte == b'>') {
            (end, _) = self.gap(at, is_line_break(self.character(at)));
        }
        match self.parting(end) {
            b" " if &source[at..end] == b" " => self.keep(at, end),
            canonical => self.depart(at, end, canonical),
        };
        self.gap_end = end;
        end
    }

    /// What white space that goes up to `end` is in canonical form.
    fn parting(&self, end: usize) -> &'static [u8] {
        let Some(next) = self.text[end..].chars().next() else { return b"" };
        match class(next) {
            Class::Composing | Class::Mark => b" ", // what would combine with another character otherwise
            Class::Plain | Class::Decomposing if is_unspaced(next) => b"",
            _ if self.ends_unspaced() => b"",
            _ => b" ",
        }
    }

    /// Whether the last character so far is of a script without spaces.
    fn ends_unspaced(&self) -> bool {
        // It has three bytes or four, of which the first tells.
        let bytes = &self.bytes[..self.len];
        let last = match bytes {
            [.., 0xE0..=0xEF, _, _] => &bytes[self.len - 3..],
            [.., 0xF0..=0xFF, _, _, _] => &bytes[self.len - 4..],
            _ => return false,
        };
        str::from_utf8(last).is_ok_and(|last| last.starts_with(is_unspaced))
    }

    /// Handles the zero-width character at `at`, and the gap that it may belong to.
    fn vanishing(&mut self, at: usize) -> usize {
        let (end, space) = self.gap(at, false);
        self.depart(at, end, if space { self.parting(end) } else { b"" });
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
        if class(character) != Class::Decomposing {
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
            if !matches!(class(character), Class::Composing | Class::Mark | Class::Vanishing) {
                break;
            }
            end += character.len_utf8();
        }
        let run = &self.text[start..end];
        let composed = form_c(run);
        if composed == run {
            return self.keep(at, end); // in order already, as most marks are
        }
        if start < at {
            // The starter was copied and any zero-width characters behind it left out: take that back.
            let departures = &self.departures[..self.departed];
            self.departed = departures.partition_point(|d| d.original as usize <= start);
            self.len -= self.character(start).len_utf8();
        }
        self.depart(start, end, composed.as_bytes())
    }
}

/// Form C of what combines with each other, without the zero-width characters in it.
fn form_c(run: &str) -> String {
    let characters = || run.chars().filter(|&c| class(c) != Class::Vanishing);
    let mut form = String::with_capacity(run.len());
    let mut pair = characters();
    // Nearly always it is one mark behind its starter.
    match (pair.next(), pair.next(), pair.next()) {
        (Some(starter), Some(mark), None) if are_decomposed(starter, mark) => {
            match compose(starter, mark) {
                Some(composed) => form.push(composed),
                None => form.extend([starter, mark]),
            }
        }
        _ => form.extend(characters().flat_map(spelled).nfc()),
    }
    form
}

/// The letters of a ligature, or the character itself.
fn spelled(character: char) -> impl Iterator<Item = char> {
    let letters = ligature(character);
    letters.chars().chain(letters.is_empty().then_some(character))
}

/// Whether a starter and a mark that is alone behind it are one character in Form C or as they are.
fn are_decomposed(starter: char, mark: char) -> bool {
    let is_decomposed = |character| {
        let mut is_decomposed = true;
        decompose_canonical(character, |part| is_decomposed &= part == character);
        is_decomposed
    };
    class(starter) == Class::Plain && is_decomposed(starter) && is_decomposed(mark)
}

/// Whether a mark that is alone behind a starter is known to stay as it is.
fn stays(mark: char, starter: char) -> bool {
    class(mark) == Class::Mark && class(starter) == Class::Plain
        || compose(starter, mark).is_none() && are_decomposed(starter, mark)
}

/// The text from a place on.
struct Rest<'a, 'b> {
    of: &'a mut Canonicaliser<'b>,
    at: usize,
}

impl vector::Task for Rest<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        self.of.rest_with::<V>(self.at);
    }
}

/// The most departures that room is made for when there is none.
#[cfg(target_arch = "x86_64")]
const MORE_DEPARTURES: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vector::BLOCK;

    fn text(original: &str) -> String {
        canonicalise(original).as_str().to_owned()
    }

    /// The canonical form of a text, found a character at a time.
    fn slow(text: &str) -> Canonical {
        Canonicaliser::new(text, Canonical::default()).run(|this, mut at| {
            while at < text.len() {
                at = this.odd(at);
            }
        })
    }

    struct Whole<'a>(&'a str);

    impl vector::Task for Whole<'_> {
        type Output = Canonical;

        #[inline(always)]
        fn run<V: Vector>(self) -> Canonical {
            Canonicaliser::new(self.0, Canonical::default()).run(Canonicaliser::rest_with::<V>)
        }
    }

    proptest! {
        #[test]
        fn blocks_have_the_form_of_their_characters(
            parts in prop::collection::vec(
                prop_oneof![
                    4 => "[a-zÄ-ü ,.]{0,70}",
                    4 => "[\n\r\t ]{1,3}|\n {1,70}|[„“”‘’»«‹›–—―…§€•]|\u{a0}|\u{ad}|\n?>+ ?",
                    1 => "[\u{0}-\u{20}\u{7f}-\u{bf}]|[\u{2000}-\u{206f}]|[\u{2080}-\u{2100}]",
                    1 => "[कিকাথกุ่\u{e39}์ி\u{bc6}\u{bbe}ёи\u{327}éק\u{5bc}\u{5b8}ا\u{651}\u{64e} 👩\u{200d}\u{1d165}\u{340}]{1,9}",
                    1 => "[uﬁ\u{301}\u{308}\u{323}\u{34f}\u{3000}\u{feff}\u{fe0f}]|\u{212b}|한|ᄒ|ᅡ|[語か「\u{3099}\u{2329}＂]|Ж|क|के|😀|[Ω·אּاً؟ۖệ・〜]",
                    1 => "[\u{27f}-\u{2ff}\u{5be}\u{5d0}\u{5f3}\u{180b}\u{301d}\u{ff0d}\u{e0100}]",
                ],
                0..60,
            )
        ) {
            let text = parts.concat();
            let expected = slow(&text);
            vector::run_each(|| Whole(&text), |canonical| assert_eq!(canonical, expected));
            let form = expected.as_str();
            let again = canonicalise(form);
            prop_assert_eq!(again.as_str(), form);
        }

        /// As most of them are kept unasked.
        #[test]
        fn letters_and_their_marks_are_in_form_c(
            text in "([a-eéἀคकকகက무ᄒ\u{1161}\u{11ab}бשاཀ]|[\u{300}-\u{34E}]|[\u{591}-\u{5BD}\u{64B}-\u{655}]|[\u{93C}-\u{94D}\u{9BC}-\u{9D7}]|[\u{BBE}-\u{BD7}\u{E30}-\u{E4D}]|[\u{F71}-\u{F84}\u{102B}-\u{103E}]|[\u{958}-\u{95F}\u{1D15E}\u{1D165}-\u{1D16D}]){0,40}",
        ) {
            let form: String = text.nfc().collect();
            let canonical = canonicalise(&text);
            prop_assert_eq!(canonical.as_str(), form);
        }
    }

    #[test]
    fn characters_are_told_wherever_a_block_ends() {
        let kinds = [
            "y", "\n", " ", "\r\n", "\n\n", ">", "\u{85}", "\u{a0}", "\u{ad}", "«", "§", "é", "Ж",
            "ə", "ʀ", "ʼ", "\u{5be}", "\u{301d}", "\u{180b}", "\u{308}", "–", "„", "‖", "…",
            "\u{200b}", "\u{2028}", "ﬃ", "€", "語", "😀", "\u{1}", "\u{1e}", "\u{7f}", "",
        ];
        for before in BLOCK - 8..=BLOCK {
            for (first, second) in
                kinds.iter().flat_map(|first| kinds.map(|second| (first, second)))
            {
                let text =
                    format!("{}{first}{second}{}", "x".repeat(before), "z".repeat(2 * BLOCK));
                assert_eq!(canonicalise(&text), slow(&text), "{before} {first:?} {second:?}");
            }
        }
    }

    #[test]
    fn white_space_is_one_space() {
        assert_eq!(text("  a \t b\r\n\u{a0}c\u{3000}d\u{2028}\n"), "a b c d");
        assert_eq!(text("한국\n말 नमस्ते\nи"), "한국 말 नमस्ते и");
        assert_eq!(text(""), "");
        assert_eq!(text(" \n\t"), "");
        assert_eq!(text("eins zwei drei  vier"), "eins zwei drei vier");
        assert_eq!(
            text("\u{1c}to\u{1e}day\u{1f}\n\u{1d}> and\u{1b}now\u{1f}"),
            "to day and\u{1b}now"
        );
    }

    /// As blocks are copied by what their first bytes say.
    #[test]
    fn every_character_in_a_block_is_as_by_itself() {
        for character in ('\u{80}'..='\u{FFFF}').chain(['\u{10000}', '\u{20000}']) {
            let c = character;
            let text =
                format!("a {c} b{c}c \n{c}\u{a0}{c}\u{301} \u{ad}{c}{c}\u{5bc}\u{64b} x").repeat(2);
            assert_eq!(canonicalise(&text), slow(&text), "{character:?}");
        }
    }

    #[test]
    fn what_decoders_read_as_either_is_one() {
        for (one, other) in [
            ("10時〜18時", "10時～18時"),
            ("‖a‖ = 1 ‖ b", "∥a∥ = 1 ∥ b"),
            ("¢ £ ¬", "￠ ￡ ￢"),
            ("马克·吐温 a · b", "马克・吐温 a ・ b"),
        ] {
            assert_eq!(text(one), text(other));
        }
        assert_ne!(text("＋１ A．"), text("+1 A."));
    }

    #[test]
    fn white_space_beside_unspaced_scripts_vanishes() {
        for same in [
            "用Rust写的2本书",
            "用 Rust 写的 2 本书",
            "用\nRust写\r\n  的\u{3000}2\u{a0}本\u{ad} 书\n",
        ] {
            assert_eq!(text(same), "用Rust写的2本书");
        }
        assert_eq!(text("> 文章。\n> 次の\n\n「行」 b c"), "文章。次の「行」b c");
        assert_eq!(
            text("a \u{2329}b\u{232A} c \u{FA0C} d ｶﾅ \u{20000}"),
            "a〈b〉c兀d ｶﾅ\u{20000}".replace(' ', "")
        );
        assert_eq!(
            text("ไม่มี\nปัญหา v 2 ຄົນ က မြန်\nမာ ខ្មែរ\nx བོད་\nyig"),
            "ไม่มีปัญหาv 2ຄົນကမြန်မာខ្មែរxབོད་yig"
        );
        // Not of signs that are one with those of other scripts, nor where something would combine.
        assert_eq!(text("a ＂b＂ c か \u{3099}か\u{ad}\u{3099}"), "a \"b\" cか \u{3099}が");
    }

    #[test]
    fn whether_white_space_counts_is_told_of_both_forms() {
        for character in ('\0'..=char::MAX).filter(|&c| class(c) != Class::Plain) {
            let form = text(&character.to_string());
            let mut of_form = form.chars();
            if let (Some(first), None) = (of_form.next(), of_form.next()) {
                for [before, behind] in [["x ", "y"], ["x", " y"]] {
                    let [own, of_form] =
                        [character, first].map(|c| text(&format!("{before}{c}{behind}")));
                    assert_eq!(own, of_form, "{character:?}");
                }
            }
        }
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
        assert_eq!(text("葛\u{e0100}城 葛\u{fe00} \u{1820}\u{180b}"), "葛城葛\u{1820}");
    }

    #[test]
    fn ligatures_are_their_letters() {
        assert_eq!(
            text("Eﬀekt, ﬁnden, Gewinﬂ, Eﬃzienz, Raﬄesia, ﬅ, ﬆ"),
            "Effekt, finden, Gewinfl, Effizienz, Rafflesia, st, st"
        );
        assert_eq!(text("ﬁ\u{301} e\u{301}ﬁ\u{ad}\u{301}"), "fí éfí");
        assert_eq!(canonicalise("aﬁb").to_original(2..3), 1..4);
    }

    #[test]
    fn signs_of_the_same_keys_are_one() {
        for same in ["п'ять", "п’ять", "пʼять", "п′ять"] {
            assert_eq!(text(same), "п'ять");
        }
        assert_eq!(text("בית־ספר צה״ל ג׳ירפה"), "בית-ספר צה\"ל ג'ירפה");
        assert_eq!(text("〝数〟 ＂数＂ 10－20 5′10″"), "\"数\" \"数\" 10-20 5'10\"");
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
        // A mark behind one that it comes before is not alone, nor is one behind what holds another.
        assert_eq!(text("กุ\u{e48} ก\u{e48}\u{e38}"), "กุ\u{e48}กุ\u{e48}");
        assert_eq!(text("é\u{323} ᾀ\u{301} и\u{301}"), "ẹ\u{301} ᾄ и\u{301}");
        assert_eq!(text("কো কে\u{9be} হ\u{9cd}\u{200d}যা"), "কো কো হ\u{9cd}যা");
    }

    #[test]
    fn paragraphs_have_their_forms() {
        // From none to many departures in a paragraph.
        let quotes = "\u{201E}Ja\u{201C}\u{a0}\u{2013} u\u{308}ber\u{2026}";
        let parts: Vec<_> = (0..40)
            .map(|n| ["plain\r\n  ", &quotes.repeat(n % 13), "\n\n> x\u{ad}y\n"].concat())
            .collect();
        let text = parts.concat();
        let canonical = canonicalise(&text);
        let paragraphs = crate::split::paragraphs(&text);
        let mut forms = Vec::new();
        canonical.to_canonical(&paragraphs, &mut forms);
        for (paragraph, form) in paragraphs.iter().zip(&forms) {
            let of = |position, at_its_start: bool| {
                let last = canonical.departures.iter().rfind(|d| (d.original as usize) < position);
                match last {
                    None => position,
                    Some(d) if position >= d.original_end() => {
                        d.canonical_end() + (position - d.original_end())
                    }
                    Some(d) if at_its_start => d.canonical as usize,
                    Some(d) => d.canonical_end(),
                }
            };
            let expected = of(paragraph.start, false)..of(paragraph.end, true).min(canonical.len());
            assert_eq!(*form, without_spaces(&canonical.bytes, expected));
        }
        assert_eq!(forms.len(), paragraphs.len());
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
                for end in at + 1..=canonical.len() {
                    let (range, within) = canonical.to_original_with(&(at..end));
                    assert_eq!(range, canonical.to_original(at..end), "{original:?} {at} {end}");
                    let is_within = |d: &&Departure| d.is_in(&(at..end));
                    assert!(within.iter().eq(canonical.departures.iter().filter(is_within)));
                }
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
