//! Cutting: which units of an article go, and what stays around them.

use std::borrow::Cow;
use std::ops::Range;

use crate::article::{Place, Segment};
use crate::canonical::{Canonical, without_spaces};
use crate::criteria::Cut;
use crate::near::NearCopy;
use crate::resolve::{Match, covered_units};
use crate::words::is_inside_word;

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
        let is_near =
            |number: usize| near.binary_search_by_key(&number, |copy| copy.paragraph).is_ok();
        if cut == Cut::Paragraph || covering.is_empty() {
            return Self {
                ranges: Cow::Borrowed(text.ranges),
                canonical: Cow::Borrowed(text.canonical_ranges),
                removed,
                paragraphs: None,
            };
        }
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
            let parts = match cut {
                Cut::Paragraph => unreachable!("BUG: it has returned"),
                #[cfg(feature = "sentences")]
                Cut::Sentence => text.sentences(number),
                #[cfg(not(feature = "sentences"))]
                Cut::Sentence => unreachable!("BUG: the options ask for the feature"),
                Cut::Span => text.spans(number, &covering[next..]),
            };
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

    /// Whether a block may reach over the start of a unit: not from a part of one paragraph into another, or the rest of
    /// both would become one.
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
/// Of the line breaks before and after what goes, those that part more stay, so that the
/// paragraphs around it do not become one; if they are alike, those before it. At the end of the
/// article both go.
pub(crate) fn cuts<'a>(
    original: &[u8],
    units: &[Range<usize>],
    removed: impl DoubleEndedIterator<Item = &'a Range<usize>> + Clone,
) -> Vec<Range<usize>> {
    // All units from here on go.
    let start_of_tail = |tail, run: &Range<usize>| if run.end == tail { run.start } else { tail };
    let tail = removed.clone().rev().fold(units.len(), start_of_tail);
    let mut at = 0;
    removed
        .map(|&Range { start: first, end: after }| {
            let before = if first == 0 { 0 } else { units[first - 1].end };
            let next = units.get(after).map_or(original.len(), |next| next.start);
            let (gap_before, gap_after) = (before..units[first].start, units[after - 1].end..next);
            let (start, end) = if first == 0 || first == tail {
                (before, next)
            } else if before >= at
                && after < units.len()
                && line_breaks(&original[gap_after.clone()])
                    > line_breaks(&original[gap_before.clone()])
            {
                (before, gap_after.start)
            } else {
                (gap_before.end, next)
            };
            let cut = start.max(at)..end;
            at = end;
            cut
        })
        .collect()
}

fn line_breaks(gap: &[u8]) -> usize {
    let pairs = gap.windows(2).filter(|pair| pair == b"\r\n").count();
    gap.iter().filter(|byte| matches!(byte, b'\n' | b'\r' | 0x0C)).count() - pairs
}
