//! Cutting: which units of an article go, and what stays around them.

use std::borrow::Cow;
use std::ops::Range;

use crate::article::{Place, Segment};
use crate::canonical::{Canonical, is_boundary, without_spaces};
use crate::criteria::Cut;
use crate::near::NearCopy;
use crate::resolve::{Match, covered_units};
use crate::words::{first_char, is_inside_word, is_one_word, last_char};

/// What goes or stays as a whole: paragraphs, or parts of some of them. Together they have all
/// canonical bytes but spaces.
pub(crate) struct Units<'a> {
    /// Of the original.
    pub(crate) ranges: Cow<'a, [Range<usize>]>,
    pub(crate) canonical: Cow<'a, [Range<usize>]>,
    /// Whether it goes, as it is covered.
    pub(crate) removed: Vec<bool>,
    /// The paragraph of each unit, unless each is its own.
    paragraphs: Option<Vec<usize>>,
}

impl<'a> Units<'a> {
    /// Cuts an article into units. Paragraphs that are covered, or near copies, are whole ones; what goes of
    /// the others is said by `cut`.
    pub(crate) fn new(
        cut: Cut,
        text: &Paragraphs<'a>,
        covering: &[Match],
        removed: Vec<bool>,
        near: &[NearCopy],
    ) -> Self {
        if cut == Cut::Paragraph || covering.is_empty() {
            return Self {
                ranges: Cow::Borrowed(text.ranges),
                canonical: Cow::Borrowed(text.canonical_ranges),
                removed,
                paragraphs: None,
            };
        }
        let is_near =
            |number: usize| near.binary_search_by_key(&number, |copy| copy.paragraph).is_ok();
        let (mut ranges, mut canonical) = (Vec::new(), Vec::new());
        let (mut gone, mut paragraphs) = (Vec::new(), Vec::new());
        let mut next = 0;
        for (number, &removed) in removed.iter().enumerate() {
            let paragraph = text.canonical_ranges[number].clone();
            while covering.get(next).is_some_and(|found| found.end <= paragraph.start) {
                next += 1;
            }
            let touched = covering.get(next).is_some_and(|found| found.start < paragraph.end);
            let mut push = |range: Range<usize>, form: Range<usize>, goes: bool| {
                ranges.push(range);
                canonical.push(form);
                gone.push(goes);
                paragraphs.push(number);
            };
            if removed || !touched || is_near(number) {
                push(text.ranges[number].clone(), paragraph, removed);
                continue;
            }
            let parts = text.parts(cut, number, &covering[next..]);
            let forms: Vec<_> = parts.iter().map(|(_, form)| form.clone()).collect();
            let goes = covered_units(&text.canonical.bytes, &forms, &covering[next..]);
            for ((range, form), goes) in parts.into_iter().zip(goes) {
                push(range, form, goes);
            }
        }
        Self {
            ranges: ranges.into(),
            canonical: canonical.into(),
            removed: gone,
            paragraphs: Some(paragraphs),
        }
    }

    /// What is not said by the paragraphs, if there is anything.
    pub(crate) fn into_cut(self) -> Option<CutUnits> {
        let paragraphs = self.paragraphs?;
        Some(CutUnits { ranges: self.ranges.into_owned(), paragraphs })
    }

    /// The unit that is a whole paragraph.
    pub(crate) fn of_paragraph(&self, paragraph: usize) -> usize {
        let unit = |paragraphs: &Vec<usize>| paragraphs.partition_point(|&of| of < paragraph);
        self.paragraphs.as_ref().map_or(paragraph, unit)
    }

    /// Whether a block may reach over the start of a unit: not from a part of one paragraph into
    /// another, or the rest of both would become one.
    pub(crate) fn goes_on(&self, unit: usize) -> bool {
        let Some(paragraphs) = &self.paragraphs else { return true };
        let is_part = |unit: usize| {
            let same = |other: Option<&usize>| other == Some(&paragraphs[unit]);
            unit > 0 && same(paragraphs.get(unit - 1)) || same(paragraphs.get(unit + 1))
        };
        unit == 0
            || paragraphs[unit - 1] == paragraphs[unit]
            || !is_part(unit - 1) && !is_part(unit)
    }
}

/// Units of which some are parts of paragraphs.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct CutUnits {
    /// Of the original.
    pub(crate) ranges: Vec<Range<usize>>,
    /// The paragraph of each.
    pub(crate) paragraphs: Vec<usize>,
}

/// The paragraphs of an article.
pub(crate) struct Paragraphs<'a> {
    pub(crate) canonical: &'a Canonical,
    pub(crate) ranges: &'a [Range<usize>],
    pub(crate) canonical_ranges: &'a [Range<usize>],
    /// The language that the article says it is in.
    #[cfg_attr(not(feature = "sentences"), expect(dead_code, reason = "who else asks"))]
    pub(crate) language: Option<&'a str>,
}

/// A part of a paragraph: of the original, and of the canonical form.
type Part = (Range<usize>, Range<usize>);

impl Paragraphs<'_> {
    /// What goes or stays as a whole of a paragraph that is covered in part.
    fn parts(&self, cut: Cut, number: usize, covering: &[Match]) -> Vec<Part> {
        match cut {
            Cut::Paragraph => unreachable!("BUG: whole paragraphs have no parts"),
            #[cfg(feature = "sentences")]
            Cut::Sentence => self.sentences(number),
            #[cfg(not(feature = "sentences"))]
            Cut::Sentence => unreachable!("BUG: the options ask for the feature"),
            Cut::Span => self.spans(number, covering),
        }
    }

    /// In canonical form they end alike in every copy, however that is wrapped or quoted.
    #[cfg(feature = "sentences")]
    fn sentences(&self, number: usize) -> Vec<Part> {
        let Range { start, end } = self.canonical_ranges[number].clone();
        let text = String::from_utf8_lossy(&self.canonical.bytes[start..end]);
        // What came from one character, such as an ellipsis, is of one sentence.
        let whole = |at: usize| self.canonical.whole(start + at..self.canonical.len()).start;
        crate::sentences::sentences(&text, self.language)
            .into_iter()
            .map(|sentence| whole(sentence.start)..whole(sentence.end).min(end))
            .filter(|form| !form.is_empty())
            .map(|form| (self.canonical.to_original(form.clone()), form))
            .collect()
    }

    /// The covered stretches of a paragraph, to the last whole word, and the rest.
    fn spans(&self, number: usize, covering: &[Match]) -> Vec<Part> {
        let bytes = &self.canonical.bytes;
        let paragraph = self.canonical_ranges[number].clone();
        let mut parts = Vec::new();
        let mut at = paragraph.start;
        let mut push = |form: Range<usize>| {
            let form = without_spaces(bytes, form);
            if !form.is_empty() {
                parts.push((self.canonical.to_original(form.clone()), form));
            }
        };
        let mut covering = covering.iter().peekable();
        while let Some(found) = covering.next_if(|found| found.start < paragraph.end) {
            let (mut start, mut end) = (found.start, found.end);
            // Those that meet, or leave but a space between them, cover one stretch.
            while let Some(next) =
                covering.next_if(|next| next.start <= end || bytes[end..next.start] == *b" ")
            {
                end = end.max(next.end);
            }
            (start, end) = (start.max(paragraph.start), end.min(paragraph.end));
            while start < end && is_inside_word(&bytes[..paragraph.end], start) {
                start += 1;
            }
            while start < end && is_inside_word(&bytes[..paragraph.end], end) {
                end -= 1;
            }
            // Without a space on either side, a sign stays where words would meet: all bytes of it.
            // A space that is covered stays too.
            let words_meet = |end| {
                let text = &bytes[paragraph.clone()];
                let form = without_spaces(bytes, start..end);
                joins_words(text, form.start - paragraph.start, form.end - paragraph.start)
            };
            while start < end && (!is_boundary(bytes, end) || words_meet(end)) {
                end -= 1;
            }
            let stretch = self.canonical.whole(start..end);
            if !without_spaces(bytes, stretch.clone()).is_empty() {
                push(at..stretch.start);
                at = stretch.end;
                push(stretch);
            }
        }
        push(at..paragraph.end);
        parts
    }
}

/// Whether one word would be made of two if what is between two places went.
fn joins_words(text: &[u8], start: usize, end: usize) -> bool {
    let met = last_char(&text[..start]).zip(first_char(&text[end..]));
    met.is_some_and(|(before, after)| is_one_word(before, after))
}

/// Cuts an article at its blocks: each the units that go, and where the text is kept.
pub(crate) fn segments(
    original: &[u8],
    units: &[Range<usize>],
    blocks: &[(Range<usize>, Place)],
) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(2 * blocks.len() + 1);
    let mut at = 0;
    for ((_, place), cut) in blocks.iter().zip(cuts(original, units, blocks.iter().map(|b| &b.0))) {
        if at < cut.start {
            segments.push(Segment::New { range: at..cut.start });
        }
        at = cut.end;
        segments.push(Segment::Seen { range: cut, first: place.clone() });
    }
    if at < original.len() {
        segments.push(Segment::New { range: at..original.len() });
    }
    segments
}

/// What goes with each of some runs of units, by their numbers: the bytes of the original, in order and
/// apart.
///
/// Of the gaps before, between and after runs that follow each other, the one whose line breaks
/// part most stays, so that the paragraphs around them do not become one; if they are alike, the
/// first with any white space, so that words do not. At the start and the end of the article all
/// go.
pub(crate) fn cuts<'a>(
    original: &[u8],
    units: &[Range<usize>],
    removed: impl Iterator<Item = &'a Range<usize>>,
) -> Vec<Range<usize>> {
    // What stands before a unit, or at the end.
    let gap = |unit: usize| {
        let start = unit.checked_sub(1).map_or(0, |before| units[before].end);
        start..units.get(unit).map_or(original.len(), |unit| unit.start)
    };
    let runs: Vec<&Range<usize>> = removed.collect();
    let mut cuts: Vec<Range<usize>> = Vec::with_capacity(runs.len());
    for chain in runs.chunk_by(|run, next| run.end == next.start) {
        let (first, after) = (chain[0].start, chain[chain.len() - 1].end);
        let inside = first > 0 && after < units.len();
        let gaps = chain.iter().map(|run| run.end).rev().chain([first]);
        // The last of equals, so the first in the article.
        let stays = gaps.filter(|_| inside).max_by_key(|&unit| {
            let gap = &original[gap(unit)];
            (line_breaks(gap), !gap.is_empty())
        });
        for run in chain {
            let (before, behind) = (gap(run.start), gap(run.end));
            let at = cuts.last().map_or(0, |cut| cut.end);
            cuts.push(match stays {
                None => before.start.max(at)..behind.end,
                Some(stays) if run.start < stays => before.start..behind.start,
                Some(_) => before.end..behind.end,
            });
        }
    }
    cuts
}

/// How many line breaks there are in a gap, those that end a paragraph twice.
fn line_breaks(gap: &[u8]) -> usize {
    let gap = String::from_utf8_lossy(gap);
    let breaks = gap.chars().map(|char| match char {
        '\n' | '\u{B}' | '\r' | '\u{85}' | '\u{2028}' => 1,
        '\u{C}' | '\u{2029}' => 2,
        _ => 0,
    });
    breaks.sum::<usize>() - gap.matches("\r\n").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of words when runs of them go.
    fn left(text: &str, removed: &[Range<usize>]) -> String {
        let words: Vec<Range<usize>> = text
            .split_whitespace()
            .map(|word| {
                let start = word.as_ptr() as usize - text.as_ptr() as usize;
                start..start + word.len()
            })
            .collect();
        let (mut left, mut at) = (String::new(), 0);
        for cut in cuts(text.as_bytes(), &words, removed.iter()) {
            left += &text[at..cut.start];
            at = cut.end;
        }
        left + &text[at..]
    }

    #[test]
    fn of_the_gaps_around_what_goes_the_widest_stays() {
        for (text, expected) in [
            ("a\nb\n\nz", "a\n\nz"),
            ("a\n\nb\nz", "a\n\nz"),
            ("a\nb z", "a\nz"),
            ("a b\nz", "a\nz"),
            ("a\tb z", "a\tz"),
            ("a\r\nb\n\nz", "a\n\nz"),
            ("a\r\nb\nz", "a\r\nz"),
            ("a b\u{b}z", "a\u{b}z"),
            ("a b\u{85}z", "a\u{85}z"),
            ("a b\u{2028}z", "a\u{2028}z"),
            ("a\nb\u{2029}z", "a\u{2029}z"),
            ("a\nb\u{c}z", "a\u{c}z"),
            ("a\nb\u{2028}\u{2028}z", "a\u{2028}\u{2028}z"),
        ] {
            assert_eq!(left(text, std::slice::from_ref(&(1..2))), expected, "{text:?}");
            // What goes may be two runs, as their text comes from two places.
            for between in [" ", "\n", "\t\n"] {
                let text = text.replace('b', &format!("b{between}c"));
                let widest = line_breaks(between.as_bytes());
                let least = line_breaks(&expected.as_bytes()[1..expected.len() - 1]);
                if widest < least {
                    assert_eq!(left(&text, &[1..2, 2..3]), expected, "{text:?}");
                }
                assert_eq!(left(&text, &[0..1, 1..2, 2..3]), "z", "{text:?}");
                assert_eq!(left(&text, &[1..2, 2..3, 3..4]), "a", "{text:?}");
                assert_eq!(left(&text, &[0..2, 2..4]), "", "{text:?}");
            }
        }
        for (text, expected) in [
            ("a\nb\n\nc\nz", "a\n\nz"),
            ("a b\n\nc z", "a\n\nz"),
            ("a b c d\n\nz", "a\n\nz"),
            ("a\n\nb c d\nz", "a\n\nz"),
        ] {
            let runs: Vec<_> =
                (1..text.split_whitespace().count() - 1).map(|at| at..at + 1).collect();
            assert_eq!(left(text, &runs), expected, "{text:?}");
        }
        assert_eq!(left("a\nb\n\nc\n\nd\nz", &[1..2, 3..4]), "a\n\nc\n\nz");
        // Parts of paragraphs may have nothing between them.
        let cut = |text: &str, units: &[Range<usize>]| {
            let cuts = cuts(text.as_bytes(), units, std::iter::once(&(1..2)));
            format!("{}{}", &text[..cuts[0].start], &text[cuts[0].end..])
        };
        assert_eq!(cut("a,b z", &[0..1, 1..3, 4..5]), "a z");
        assert_eq!(cut("a ,bz", &[0..1, 2..4, 4..5]), "a z");
    }
}
