//! Resolving: anchors become verified matches, matches become removed paragraphs with sources.
//!
//! [`find`] has the matches: runs, which [`runs`] finds by their anchors, and whole paragraphs too
//! short for that. [`view`] compares texts, and [`mod@blocks`] says where the kept text lies that
//! stands for what is removed.

mod blocks;
mod context;
mod keys;
mod runs;
mod view;

use std::ops::Range;

pub(crate) use self::blocks::{RemovedBlock, blocks};
pub(crate) use self::keys::Keys;
pub(crate) use self::runs::Room;
use self::runs::equal_runs;
pub(crate) use self::view::{View, common_prefix};
use crate::anchors::Scheme;
use crate::canonical;
use crate::criteria::{Criteria, WithinArticle};
use crate::error::Error;
use crate::index::Index;
use crate::index::table::{GRANULE, Posting};

/// A run of canonical bytes that equals an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The coordinate that `start` equals.
    pub(crate) source: u64,
}

impl Match {
    /// The coordinate that equals a place at or behind the start.
    pub(crate) fn place_of(&self, at: usize) -> u64 {
        self.source + (at - self.start) as u64
    }

    fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    fn contains(&self, range: &Range<usize>) -> bool {
        self.start <= range.start && range.end <= self.end
    }

    /// Whether `next` begins where this one ends, or behind a space there, at the same distance from
    /// its source.
    fn continues_in(&self, next: &Match, canonical: &[u8]) -> bool {
        matches!(canonical.get(self.end..next.start), Some(b"" | b" "))
            && next.source == self.place_of(next.start)
    }
}

/// An article on its way through the index.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) canonical: &'a [u8],
    pub(crate) keys: &'a Keys,
    /// By [`own_criteria`], if there are such.
    pub(crate) own_keys: Option<&'a Keys>,
    /// Canonical ranges of the paragraphs.
    pub(crate) paragraphs: &'a [Range<usize>],
    /// Whether it is only asked where its text stood: the index stays as it is then, and what the
    /// article has of itself does not count.
    pub(crate) is_query: bool,
}

/// Finds every covered run of the article, and puts into the index what later ones need to find,
/// unless it is a query.
///
/// What is in `matches` goes. They come sorted; none lies inside another.
///
/// # Errors
///
/// If kept text cannot be read. The index then holds places of an article that it has no text of.
pub(crate) fn find(
    index: &mut Index,
    article: &Incoming<'_>,
    criteria: &Criteria,
    room: &mut Room,
    matches: &mut Vec<Match>,
) -> Result<(), Error> {
    let base = index.texts.end();
    matches.clear();
    equal_runs(index, article, criteria, room, matches)?;
    matches.extend(equal_paragraphs(index, article, criteria)?);
    if article.is_query {
        // Of its own places there are still those a period before, which bound the work.
        matches.retain(|found| found.source < base);
    } else if let (Some(criteria), Some(keys)) = (own_criteria(criteria), article.own_keys) {
        // A run of so many bytes may stand for the first time where each of its parts of `min_span`
        // bytes stood before, so what was left out of the index for their sake may be missed: the
        // article is an index of its own.
        let article = Incoming { keys, own_keys: None, ..*article };
        let mut own = Vec::new();
        equal_runs(&mut Index::default(), &article, &criteria, room, &mut own)?;
        matches.extend(own.into_iter().map(|own| Match { source: base + own.source, ..own }));
    }
    keep_longest(matches);
    Ok(())
}

/// By what an article is held against itself, if it is apart from all others.
pub(crate) fn own_criteria(criteria: &Criteria) -> Option<Criteria> {
    let WithinArticle::RemoveFrom(bytes) = criteria.within_article else { return None };
    let scheme = Scheme::new(bytes);
    Some(Criteria { scheme, within_article: WithinArticle::Remove, ..*criteria })
}

/// Paragraphs below the span that were whole paragraphs before.
///
/// Longer ones are found by [`runs`]. Adjacent ones with adjacent sources are one match.
fn equal_paragraphs(
    index: &mut Index,
    article: &Incoming<'_>,
    criteria: &Criteria,
) -> Result<Vec<Match>, Error> {
    let base = index.texts.end();
    let mut view = View::new(&mut index.texts, article.canonical);
    let mut matches: Vec<Match> = Vec::new();
    let mut proposed = Vec::new();
    for &(ref paragraph, key) in &article.keys.paragraphs {
        if let Some(base) = &index.beneath {
            base.paragraphs(key, &mut proposed)?;
        }
        let spot = index.paragraphs.look_up(key, &mut proposed);
        let postings =
            proposed.drain(..).filter_map(|found| paragraph_place(found, paragraph.len()));
        let source = view.earliest(paragraph.clone(), postings)?;
        let Some(source) = source else {
            if !article.is_query {
                let place = base + paragraph.start as u64;
                let check = paragraph_check(place, paragraph.len());
                index.paragraphs.insert_at(spot, key, Posting { place, check, hot: false });
            }
            continue;
        };
        let found = Match { start: paragraph.start, end: paragraph.end, source };
        // Not the end of an article, as between the last paragraph of one and the first of the next.
        match matches.last_mut() {
            Some(last)
                if last.continues_in(&found, article.canonical)
                    && view.is(last.end..found.start, last.place_of(last.end))? =>
            {
                last.end = found.end;
            }
            _ => matches.push(found),
        }
    }
    if criteria.within_article != WithinArticle::Remove {
        matches.retain(|found| found.source < base);
    }
    Ok(matches)
}

/// What is kept of a short paragraph beside its granule: its place in that, as another place there may have
/// the same bytes without being a whole paragraph, and five bits of its length.
fn paragraph_check(place: u64, len: usize) -> u8 {
    let place = place % u64::from(GRANULE);
    u8::try_from(place << 5 | (len % 32) as u64).expect("BUG: three bits and five")
}

/// The place of a paragraph, if it may have that length.
fn paragraph_place(found: Posting, len: usize) -> Option<u64> {
    let place = found.place + u64::from(found.check >> 5);
    (found.check == paragraph_check(place, len)).then_some(place)
}

/// Sorts matches and leaves out those that lie inside another.
fn keep_longest(matches: &mut Vec<Match>) {
    matches.sort_unstable_by_key(|found| (found.start, std::cmp::Reverse(found.end), found.source));
    let mut reached = 0;
    matches.retain(|found| {
        let kept = found.end > reached;
        reached = reached.max(found.end);
        kept
    });
}

/// The match without the parts of characters at its ends.
///
/// Bytes are matched, but characters are covered: one whose halves stand in two places stands in
/// neither.
pub(crate) fn whole_characters(bytes: &[u8], found: &Match) -> Match {
    let Range { start, end } = canonical::whole_characters(bytes, found.range());
    Match { start, end, source: found.place_of(start) }
}

/// How many bytes lie in one of the matches, which are sorted, or are a space between two.
pub(crate) fn covered_bytes(canonical: &[u8], matches: &[Match]) -> usize {
    let (mut bytes, mut reached) = (0, 0);
    for found in matches {
        bytes += usize::from(canonical.get(reached..found.start) == Some(b" ".as_slice()));
        bytes += found.end.saturating_sub(found.start.max(reached));
        reached = reached.max(found.end);
    }
    bytes
}

/// Which units, such as paragraphs, are covered whole; those without canonical bytes are not, and none
/// is but spaces.
pub(crate) fn covered_units(
    canonical: &[u8],
    units: &[Range<usize>],
    matches: &[Match],
) -> Vec<bool> {
    let mut next = 0;
    units
        .iter()
        .map(|unit| {
            while matches.get(next).is_some_and(|found| found.end <= unit.start) {
                next += 1;
            }
            if matches.get(next).is_none_or(|found| found.start >= unit.end) {
                return false; // as most are
            }
            let mut at = unit.start;
            for found in &matches[next..] {
                if found.start >= unit.end
                    || canonical[at..found.start.max(at)].iter().any(|&byte| byte != b' ')
                {
                    break;
                }
                at = at.max(found.end);
                if at >= unit.end {
                    break;
                }
            }
            !unit.is_empty()
                && (at >= unit.end || canonical[at..unit.end].iter().all(|&byte| byte == b' '))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_matches_go() {
        let m = |start, end, source| Match { start, end, source };
        let mut matches = vec![m(5, 10, 1), m(0, 10, 9), m(0, 10, 3), m(2, 12, 7), m(12, 13, 0)];
        keep_longest(&mut matches);
        assert_eq!(matches, [m(0, 10, 3), m(2, 12, 7), m(12, 13, 0)]);
    }
}
