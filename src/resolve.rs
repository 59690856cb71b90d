//! Resolving: anchors become verified matches, matches become removed paragraphs with sources.
//!
//! # What makes it complete
//!
//! Let R be a run of T bytes that occurs earlier, and P its first occurrence of all. R and P keep
//! the same anchor. P's anchor was put into the index when P came by: an anchor is left out only
//! if every run of T bytes through it lies inside one verified match, and P, being the first
//! occurrence, lies in none. So looking up R's anchor proposes P, and comparing finds R.
//!
//! # What bounds the work
//!
//! A gram may stand in a hundred thousand places with different text around it. After
//! [`POSTINGS`] places its key is hot, and from then on it is looked up and inserted under two
//! longer keys: the gram with half the remaining context on the left, and with half on the right. Any
//! run of T bytes through the gram contains one of the two. These may be hot in turn; after at
//! most log2 T steps the key is the whole run, for which one place is enough.

use std::ops::Range;

use crate::anchors::{Anchors, Period, Scheme, key};
use crate::canonical::{is_boundary, is_space};
use crate::index::table::Posting;
use crate::index::text::{END, Removed, Slice, Texts};
use crate::index::{Index, ShortParagraph};

/// Places under one key before it is hot.
///
/// Fewer make more keys, more make more comparisons; the result is the same for any number.
const POSTINGS: usize = 2;

/// Anchors whose slots are fetched together.
const BATCH: usize = 64;

/// Keeps the keys of paragraphs apart from those of grams.
const PARAGRAPH_DOMAIN: u64 = 1 << 63;

/// A run of canonical bytes that equals an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The coordinate that `start` equals.
    pub(crate) source: u64,
}

impl Match {
    /// Whether `next` begins one byte after the end, here and in the source.
    fn continues_in(&self, next: &Match) -> bool {
        next.start == self.end + 1 && next.source == self.source + (next.start - self.start) as u64
    }
}

/// An article on its way through the index.
pub(crate) struct Incoming<'a> {
    pub(crate) canonical: &'a [u8],
    pub(crate) anchors: &'a Anchors,
    /// Canonical ranges of the paragraphs.
    pub(crate) paragraphs: &'a [Range<usize>],
}

/// Finds every covered run of the article, and puts into the index what later ones need to find.
///
/// The matches come sorted; none lies inside another.
pub(crate) fn find(
    index: &mut Index,
    article: &Incoming<'_>,
    scheme: &Scheme,
    min_paragraph: usize,
) -> Vec<Match> {
    let mut finder = Finder {
        base: index.texts.end(),
        index,
        canonical: article.canonical,
        scheme: *scheme,
        matches: Vec::new(),
        active: Vec::new(),
    };
    let mut periods = article.anchors.periods.iter().peekable();
    for batch in article.anchors.places.chunks(BATCH) {
        finder.index.anchors.touch(batch.iter().map(|anchor| anchor.key));
        for anchor in batch {
            // A match that begins after an anchor says nothing about it; those of all periods at
            // once would make every anchor look at all of them.
            let reached =
                |period: &&Period| (period.at + period.distance) as usize <= anchor.at as usize;
            while let Some(period) = periods.next_if(reached) {
                finder.propose_period(*period);
            }
            finder.visit_anchor(anchor.at as usize, anchor.key);
        }
    }
    periods.for_each(|period| finder.propose_period(*period));
    let mut matches = finder.matches;
    matches.extend(equal_paragraphs(index, article, scheme, min_paragraph));
    longest(matches)
}

struct Finder<'a> {
    index: &'a mut Index,
    canonical: &'a [u8],
    base: u64,
    scheme: Scheme,
    matches: Vec<Match>,
    /// The matches that end after the anchor at hand.
    active: Vec<Match>,
}

impl Finder<'_> {
    fn visit_anchor(&mut self, at: usize, key: u64) {
        self.active.retain(|found| found.end > at);
        self.visit(at, 0, self.scheme.gram(), key);
    }

    /// Looks up, and inserts if need be, the anchor at `at` with the context that reaches from
    /// `back` bytes before it to `ahead` bytes after its start.
    fn visit(&mut self, at: usize, back: usize, ahead: usize, key: u64) {
        let span = self.scheme.span();
        // All runs of T bytes through the context lie in here.
        let runs = (at + ahead).saturating_sub(span)..(at - back + span).min(self.canonical.len());
        if self.is_inside_match(&runs) {
            return;
        }
        let mut postings = 0;
        let mut hot = false;
        for posting in self.index.postings(key) {
            if self.shares_context(at, back, ahead, posting.place) {
                postings += 1;
                hot |= posting.hot;
            }
        }
        let slack = span - back - ahead;
        if hot && slack > 0 {
            let half = slack.div_ceil(2);
            if back + half <= at {
                self.visit_context(at, back + half, ahead);
            }
            if at + ahead + half <= self.canonical.len() {
                self.visit_context(at, back, ahead + half);
            }
            return;
        }
        if (slack == 0 && postings > 0) || self.is_inside_match(&runs) {
            return;
        }
        let place = self.base + at as u64;
        self.index.anchors.insert(key, Posting { place, hot: postings >= POSTINGS });
    }

    fn visit_context(&mut self, at: usize, back: usize, ahead: usize) {
        let domain = (back as u64) << 32 | ahead as u64;
        let key = key(&self.canonical[at - back..at + ahead], domain);
        self.visit(at, back, ahead, key);
    }

    fn is_inside_match(&self, range: &Range<usize>) -> bool {
        self.active.iter().any(|found| found.start <= range.start && range.end <= found.end)
    }

    /// Compares the context with that at `place`, and records the match if it has T bytes.
    fn shares_context(&mut self, at: usize, back: usize, ahead: usize, place: u64) -> bool {
        let known = self.active.iter().any(|found| {
            found.start + back <= at
                && at + ahead <= found.end
                && found.source + (at - found.start) as u64 == place
        });
        if known {
            return true;
        }
        let found = self.extend(at, place);
        if found.start + back > at || at + ahead > found.end {
            return false; // another gram with the same tag
        }
        self.record(found);
        true
    }

    fn propose_period(&mut self, period: Period) {
        let found =
            self.extend((period.at + period.distance) as usize, self.base + u64::from(period.at));
        self.record(found);
    }

    fn record(&mut self, found: Match) {
        if found.end - found.start >= self.scheme.span() {
            self.matches.push(found);
            self.active.push(found);
        }
    }

    /// The longest match through `at` and `place`; empty if the bytes there differ.
    fn extend(&self, at: usize, place: u64) -> Match {
        let view = View { texts: &self.index.texts, base: self.base, canonical: self.canonical };
        let end = at + view.common_ahead(&self.canonical[at..], place);
        let back = view.common_behind(&self.canonical[..at], place);
        Match { start: at - back, end, source: place - back as u64 }
    }
}

/// All texts, that of the article at hand as the last.
struct View<'a> {
    texts: &'a Texts,
    /// The coordinate of the article's first byte.
    base: u64,
    canonical: &'a [u8],
}

impl View<'_> {
    /// How many bytes `ours` has in common with the text from `place` on.
    fn common_ahead(&self, ours: &[u8], place: u64) -> usize {
        let mut common = 0;
        while common < ours.len() {
            let place = place + common as u64;
            let theirs = match place.checked_sub(self.base) {
                None => self.texts.ahead(place),
                Some(own) => Slice::Held(&self.canonical[to_usize(own)..]),
            };
            let len = common_prefix(&ours[common..], &theirs);
            common += len;
            if len < theirs.len() {
                break;
            }
        }
        common
    }

    /// How many bytes `ours` has in common with the text before `place`, from the end.
    fn common_behind(&self, ours: &[u8], place: u64) -> usize {
        let mut common = 0;
        while common < ours.len() && place > common as u64 {
            let place = place - common as u64 - 1;
            let theirs = match place.checked_sub(self.base) {
                None => self.texts.behind(place),
                Some(own) => Slice::Held(&self.canonical[..=to_usize(own)]),
            };
            let len = common_suffix(&ours[..ours.len() - common], &theirs);
            common += len;
            if len < theirs.len() {
                break;
            }
        }
        common
    }

    fn is(&self, ours: &[u8], place: u64) -> bool {
        self.common_ahead(ours, place) == ours.len()
    }
}

/// Paragraphs below the span that were whole paragraphs before.
///
/// Longer ones hold an anchor, so [`Finder`] finds them. Adjacent ones with adjacent sources are
/// one match.
fn equal_paragraphs(
    index: &mut Index,
    article: &Incoming<'_>,
    scheme: &Scheme,
    min_paragraph: usize,
) -> Vec<Match> {
    let base = index.texts.end();
    let mut matches: Vec<Match> = Vec::new();
    for paragraph in article.paragraphs {
        let view = View { texts: &index.texts, base, canonical: article.canonical };
        if !(min_paragraph..scheme.span()).contains(&paragraph.len()) {
            continue;
        }
        let ours = &article.canonical[paragraph.clone()];
        let key = key(ours, PARAGRAPH_DOMAIN);
        let same = index.find_paragraph(key, |earlier| {
            earlier.len() == ours.len() && view.is(ours, earlier.start())
        });
        let Some(source) = same.map(ShortParagraph::start) else {
            let start = base + paragraph.start as u64;
            index.insert_paragraph(key, ShortParagraph::new(start, ours.len()));
            continue;
        };
        let found = Match { start: paragraph.start, end: paragraph.end, source };
        // Not the end of an article, as between the last paragraph of one and the first of the next.
        let follows = |source| view.is(b" ", source - 1);
        match matches.last_mut() {
            Some(last) if last.continues_in(&found) && follows(source) => last.end = found.end,
            _ => matches.push(found),
        }
    }
    matches
}

/// Sorts matches and leaves out those that lie inside another.
fn longest(mut matches: Vec<Match>) -> Vec<Match> {
    matches.sort_unstable_by_key(|found| (found.start, std::cmp::Reverse(found.end), found.source));
    let mut reached = 0;
    matches.retain(|found| {
        let kept = found.end > reached;
        reached = reached.max(found.end);
        kept
    });
    matches
}

/// How many bytes two canonical texts have in common at their starts.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 32;
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let mut at = 0;
    loop {
        while at + STEP <= len && a[at..at + STEP] == b[at..at + STEP] {
            at += STEP;
        }
        let step = (at + STEP).min(len);
        match (at..step).find(|&i| !same(a[i], b[i])) {
            Some(differs) => return differs,
            None if step == len => return len,
            None => at = step,
        }
    }
}

/// How many bytes two canonical texts have in common at their ends.
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 32;
    let len = a.len().min(b.len());
    let (a, b) = (&a[a.len() - len..], &b[b.len() - len..]);
    let mut at = len;
    loop {
        while at >= STEP && a[at - STEP..at] == b[at - STEP..at] {
            at -= STEP;
        }
        let step = at.saturating_sub(STEP);
        match (step..at).rev().find(|&i| !same(a[i], b[i])) {
            Some(differs) => return len - differs - 1,
            None if step == 0 => return len,
            None => at = step,
        }
    }
}

fn same(a: u8, b: u8) -> bool {
    a == b && a != END || is_space(a) && is_space(b)
}

/// The match without the parts of characters at its ends.
///
/// Bytes are matched, but characters are covered: one whose halves stand in two places stands in
/// neither.
pub(crate) fn whole_characters(canonical: &[u8], found: &Match) -> Match {
    let Match { mut start, mut end, mut source } = *found;
    while start < end && !is_boundary(canonical, start) {
        start += 1;
        source += 1;
    }
    while start < end && !is_boundary(canonical, end) {
        end -= 1;
    }
    Match { start, end, source }
}

/// Which paragraphs are covered whole; those without canonical bytes are not.
pub(crate) fn covered_paragraphs(
    canonical: &[u8],
    paragraphs: &[Range<usize>],
    matches: &[Match],
) -> Vec<bool> {
    let mut next = 0;
    paragraphs
        .iter()
        .map(|paragraph| {
            while matches.get(next).is_some_and(|found| found.end <= paragraph.start) {
                next += 1;
            }
            let mut at = paragraph.start;
            for found in &matches[next..] {
                if found.start >= paragraph.end
                    || canonical[at..found.start.max(at)].iter().any(|&b| !is_space(b))
                {
                    break;
                }
                at = at.max(found.end);
                if at >= paragraph.end {
                    break;
                }
            }
            !paragraph.is_empty()
                && (at >= paragraph.end
                    || canonical[at..paragraph.end].iter().all(|&b| is_space(b)))
        })
        .collect()
}

/// A run of removed paragraphs that follow each other here and in their source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemovedBlock {
    pub(crate) paragraphs: Range<usize>,
    /// Where its text is kept: one part, or several where the source was itself part copy.
    pub(crate) parts: Vec<Removed>,
}

/// Gives every removed paragraph its source, and the kept text that stands for it.
pub(crate) fn blocks(
    index: &Index,
    article: &Incoming<'_>,
    matches: &[Match],
    removed: &[bool],
) -> Vec<RemovedBlock> {
    let mut blocks: Vec<(Range<usize>, Vec<Match>)> = Vec::new();
    let mut last: Option<Match> = None;
    let mut next = 0; // the first match that begins after the position at hand
    for (number, paragraph) in article.paragraphs.iter().enumerate() {
        if !removed[number] {
            last = None;
            continue;
        }
        let mut at = paragraph.start;
        let mut first = true;
        while at < paragraph.end {
            while matches.get(next).is_some_and(|found| found.start <= at) {
                next += 1;
            }
            // No match lies in another, so the last that has begun reaches furthest.
            let furthest =
                next.checked_sub(1).map(|last| matches[last]).filter(|found| found.end > at);
            let Some(found) = last.filter(|last| last.end > at).or(furthest) else {
                at += 1; // a space between two matches
                continue;
            };
            let continues = first && last == Some(found);
            let end = found.end.min(paragraph.end);
            // The space before it belongs to the match too.
            let start = if continues { at - 1 } else { at };
            let part = Match { start, end, source: found.source + (start - found.start) as u64 };
            match blocks.last_mut() {
                Some((paragraphs, parts)) if continues || !first => {
                    paragraphs.end = number + 1;
                    match parts.last_mut() {
                        Some(before) if continues && before.end == start => before.end = end,
                        _ => parts.push(part),
                    }
                }
                _ => blocks.push((number..number + 1, vec![part])),
            }
            last = Some(found);
            first = false;
            at = end;
        }
    }
    // Traced as a whole, a run that repeats itself is one part; paragraph by paragraph it would
    // be as many as there are.
    let mut tracer = Tracer { index, base: index.texts.end(), traced: Vec::new() };
    blocks
        .into_iter()
        .map(|(paragraphs, runs)| {
            let mut parts = Vec::new();
            for run in runs {
                join(&mut parts, tracer.trace(run.start, run.end, run.source));
            }
            RemovedBlock { paragraphs, parts }
        })
        .collect()
}

/// Appends parts, making one of two that go on here and in the kept text.
fn join(parts: &mut Vec<Removed>, more: Vec<Removed>) {
    for part in more {
        match parts.last_mut() {
            Some(last)
                if last.end == part.start
                    && last.period == last.end - last.start
                    && part.period == part.end - part.start
                    && last.origin + last.period as u64 == part.origin =>
            {
                last.end = part.end;
                last.period += part.period;
            }
            _ => parts.push(part),
        }
    }
}

/// Follows sources to kept text, through what is removed of the article at hand as well.
struct Tracer<'a> {
    index: &'a Index,
    base: u64,
    /// What was removed of this article so far.
    traced: Vec<Removed>,
}

impl Tracer<'_> {
    /// The kept text that canonical bytes `start..end`, equal to those at `source`, stand for.
    fn trace(&mut self, start: usize, end: usize, source: u64) -> Vec<Removed> {
        let here = self.base + start as u64;
        // A source that reaches into its own copy repeats with their distance as the period.
        let period = to_usize((here - source).min((end - start) as u64));
        let origins = self.origins(source, source + period as u64);
        let mut parts = Vec::new();
        if let [(origin, _)] = origins[..] {
            parts.push(Removed { start, end, origin, period });
        } else {
            let mut at = start;
            for &(origin, len) in origins.iter().cycle() {
                let len = to_usize(len).min(end - at);
                parts.push(Removed { start: at, end: at + len, origin, period: len });
                at += len;
                if at == end {
                    break;
                }
            }
        }
        self.traced.extend_from_slice(&parts);
        parts
    }

    fn origins(&self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let mut origins = if start < self.base {
            self.index.texts.origins(start..end.min(self.base))
        } else {
            Vec::new()
        };
        let mut at = start.max(self.base);
        while at < end {
            let own = to_usize(at - self.base);
            let next = self.traced.partition_point(|part| part.end <= own);
            let (origin, until) = match self.traced.get(next) {
                Some(part) if part.start <= own => {
                    let offset = (own - part.start) % part.period;
                    (part.origin + offset as u64, part.end.min(own - offset + part.period))
                }
                Some(part) => (at, part.start),
                None => (at, usize::MAX),
            };
            let len = ((until - own) as u64).min(end - at);
            match origins.last_mut() {
                Some((last, last_len)) if *last + *last_len == origin && *last >= self.base => {
                    *last_len += len;
                }
                _ => origins.push((origin, len)),
            }
            at += len;
        }
        origins
    }
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).expect("BUG: beyond the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_parts() {
        let a = b"abc def\nghi".repeat(20);
        for cut in 0..a.len() {
            let mut b: Vec<u8> =
                a.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }).collect();
            b[cut] = b'#';
            assert_eq!(common_prefix(&a, &b), cut);
            assert_eq!(common_suffix(&a, &b), a.len() - cut - 1);
            assert_eq!(common_prefix(&a[..cut], &b), cut);
            assert_eq!(common_suffix(&a[cut + 1..], &b), a.len() - cut - 1);
        }
        assert_eq!(common_prefix(b"", b"x"), 0);
        assert_eq!(common_prefix(&[END], &[END]), 0);
    }

    #[test]
    fn nested_matches_go() {
        let m = |start, end, source| Match { start, end, source };
        assert_eq!(
            longest(vec![m(5, 10, 1), m(0, 10, 9), m(0, 10, 3), m(2, 12, 7), m(12, 13, 0)]),
            [m(0, 10, 3), m(2, 12, 7), m(12, 13, 0)]
        );
    }
}
