//! Near copies: paragraphs that stood earlier but for some words.
//!
//! # What is one
//!
//! A paragraph is laid beside a region of earlier text, from a place that both have in common to
//! both sides: as far as they agree, then over the least stretch on either side behind which they
//! agree again for [`AGREE`] bytes, and so on. What agrees, less the parts of words at its ends,
//! is a *run*; what lies between two runs, or beyond the outermost, is a *change*. The paragraph is
//! a near copy if
//!
//! - its runs hold the share of its bytes that was asked for, each compared byte by byte;
//! - no change of it is longer than [`LONGEST_CHANGE`]: a new sentence is no change of words;
//! - the numbers in the words that a change touches, Roman ones too, are the same on both sides, signs and
//!   separators included, and so are numerals and the names of months and days, where both sides have some:
//!   two reports that differ in a number are different; and
//! - no change lies in a link or an address: two links are two things, however alike they look.
//!
//! A paragraph that follows a near copy is laid beside what follows in the source, whatever its
//! length: the lines of a wrapped paragraph may count as many.
//!
//! The share is that of onion (Pomikálek 2011), which counts the n-grams of a paragraph that were
//! seen anywhere before; here they must stand in one place, in order.
//!
//! # What is found
//!
//! Regions are proposed by anchors of [`SPAN`] bytes, of paragraphs that stayed: so a near copy is
//! near to text that was kept, and a chain of small changes does not lead away from it. (From there
//! a run may reach on into words that an earlier near copy changed, and says.) A run as
//! long as that has an anchor in common with its source for certain, unless its gram stood in
//! [`PLACES`] places before; a shorter one probably. The regions whose common anchors weigh most
//! are looked at, at most [`REGIONS`]: an anchor weighs the less the more places its gram stood in,
//! and one alone proposes nothing if those were more than two. So what is found is a function of
//! the articles before, but not all that could be: the work for each byte is bounded instead.

mod numbers;

use std::collections::HashMap;
use std::mem::replace;
use std::ops::Range;

use self::numbers::{have_same_digits, have_same_numbers};
use crate::anchors::{self, Anchor, Anchors, Scheme};
use crate::criteria::{Criteria, Share, WithinArticle};
use crate::error::Error;
use crate::index::Index;
use crate::index::base::Base;
use crate::index::table::{Posting, Table};
use crate::index::to_usize;
use crate::resolve::{Incoming, Match, View, common_prefix};
use crate::words::{first_char, is_inside_word, last_char, stands_alone};

/// The runs that have an anchor for certain, and its grams; docs/quality.md has the recall of others.
const SPAN: usize = 80;
const GRAM: usize = 20;

/// Bytes that must agree behind a change.
const AGREE: usize = 8;

/// Bytes of a change, here or there.
const LONGEST_CHANGE: usize = 64;

/// Places that are kept of a gram, the first.
const PLACES: usize = 8;

/// What a gram weighs that stood in one place only; divisible by all numbers of places.
const WEIGHT: usize = 840;

/// Regions that a paragraph is laid beside.
const REGIONS: usize = 4;

/// How far the distances of two common anchors from their paragraphs may differ in one region.
const DRIFT: u64 = 64;

/// Runs shorter than this are kept as text: naming their source would take more.
pub(crate) const SHORTEST_REFERENCE: usize = 32;

/// Anchors ahead of the one that is looked up whose slots are fetched.
const AHEAD: usize = 16;

/// Keeps the keys of these anchors apart from all others of their table.
const DOMAIN: u64 = 1 << 62;

/// The anchors that propose regions.
pub(crate) fn anchors(canonical: &[u8]) -> Anchors {
    anchors::anchors(canonical, &scheme())
}

fn scheme() -> Scheme {
    Scheme::with_gram(SPAN, GRAM)
}

/// A paragraph that goes for being like an earlier region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NearCopy {
    pub(crate) paragraph: usize,
    /// What both have, in order.
    pub(crate) runs: Vec<Match>,
    pub(crate) changes: Vec<Change>,
}

/// A stretch of the paragraph, and what stands for it in the source; either may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) here: Range<usize>,
    pub(crate) there: Range<u64>,
}

/// Finds the near copies among the paragraphs that stay, and puts the anchors of all others that
/// stay into the index.
///
/// # Errors
///
/// If kept text cannot be read.
pub(crate) fn near_copies(
    index: &mut Index,
    article: &Incoming<'_>,
    anchors: &Anchors,
    removed: &[bool],
    criteria: &Criteria,
    share: Share,
) -> Result<Vec<NearCopy>, Error> {
    let base = index.texts.end();
    let mut copies = Vec::new();
    let mut lookup = Lookup::new(&anchors.places);
    // Where the source goes on, behind a near copy.
    let mut next: Option<u64> = None;
    for (number, paragraph) in article.paragraphs.iter().enumerate() {
        let own = lookup.anchors_in(paragraph);
        let follows = next.take();
        if removed[number] || paragraph.is_empty() {
            continue;
        }
        let mut view = View::new(&mut index.texts, article.canonical);
        let mut found = None;
        if let Some(place) = follows {
            let hit = Hit { at: paragraph.start, place, weight: WEIGHT };
            found = lay_beside(&mut view, number, paragraph, hit, share)?;
        }
        if found.is_none() {
            if paragraph.len() < criteria.min_paragraph {
                continue;
            }
            lookup.look_up(own.clone(), &mut view, &index.anchors, index.beneath.as_deref())?;
            if criteria.within_article != WithinArticle::Remove {
                lookup.hits.retain(|hit| hit.place < base);
            }
            for hit in regions(&mut lookup.hits, paragraph.start) {
                found = lay_beside(&mut view, number, paragraph, hit, share)?;
                if found.is_some() {
                    break;
                }
            }
        }
        if let Some(copy) = found {
            next = Some(behind(&mut view, &copy)?);
            copies.push(copy);
            continue;
        }
        for anchor in lookup.with_places_left(own) {
            let place = base + u64::from(anchor.at);
            let posting = Posting { place, check: check(anchor.key), hot: false };
            index.anchors.insert(anchor.key ^ DOMAIN, posting);
        }
    }
    Ok(copies)
}

/// The anchors of an article on their way through the table, paragraph by paragraph.
#[derive(Default)]
struct Lookup<'a> {
    anchors: &'a [Anchor],
    /// How many begin before the paragraph at hand.
    before: usize,
    /// The places where the grams of a paragraph stood.
    hits: Vec<Hit>,
    /// How many there are of each of its anchors.
    known: Vec<usize>,
    /// What the table says of its anchors, one after the other, and how many it says of all up to each.
    proposed: Vec<Posting>,
    ends: Vec<usize>,
    /// Its keys, to see which it has again.
    keys: Vec<u64>,
}

impl<'a> Lookup<'a> {
    fn new(anchors: &'a [Anchor]) -> Self {
        Self { anchors, ..Self::default() }
    }

    /// The numbers of the anchors whose grams lie in a paragraph, which is not before the last.
    fn anchors_in(&mut self, paragraph: &Range<usize>) -> Range<usize> {
        let gram = scheme().gram();
        // Step by step: a search through all of them took a tenth of the time.
        let rest = self.anchors[self.before..].iter();
        self.before += rest.take_while(|anchor| (anchor.at as usize) < paragraph.start).count();
        let rest = self.anchors[self.before..].iter();
        let inside = rest.take_while(|anchor| anchor.at as usize + gram <= paragraph.end).count();
        self.before..self.before + inside
    }

    /// Finds the places where the grams of the anchors of a paragraph stood, and how many there are of each.
    fn look_up(
        &mut self,
        own: Range<usize>,
        view: &mut View<'_>,
        table: &Table,
        beneath: Option<&dyn Base>,
    ) -> Result<(), Error> {
        let Self { anchors, hits, known, proposed, ends, .. } = self;
        hits.clear();
        known.clear();
        proposed.clear();
        ends.clear();
        for number in own.clone() {
            if let Some(later) = anchors.get(number + 2 * AHEAD) {
                table.prefetch_shard(later.key ^ DOMAIN);
            }
            if let Some(later) = anchors.get(number + AHEAD) {
                table.prefetch_slots(later.key ^ DOMAIN);
            }
            let key = anchors[number].key;
            let from = proposed.len();
            if let Some(base) = beneath {
                base.anchors(key ^ DOMAIN, proposed)?;
            }
            table.look_up(key ^ DOMAIN, proposed);
            let mut end = from;
            for at in from..proposed.len() {
                let posting = proposed[at];
                if posting.check == check(key) {
                    view.texts.prefetch(posting.place);
                    proposed[end] = posting;
                    end += 1;
                }
            }
            proposed.truncate(end);
            ends.push(end);
        }
        let mut from = 0;
        for (anchor, &end) in anchors[own].iter().zip(&*ends) {
            let (at, before) = (anchor.at as usize, hits.len());
            for posting in &proposed[replace(&mut from, end)..end] {
                // Other grams may have the key, and which do depends on how many bits of it there
                // was room for: they must not count.
                if let Some(place) = place_of(view, at, posting.place)? {
                    hits.push(Hit { at, place, weight: 0 });
                }
            }
            let places = hits.len() - before;
            for hit in &mut hits[before..] {
                hit.weight = WEIGHT / places;
            }
            known.push(places);
        }
        Ok(())
    }

    /// The anchors of the paragraph that was looked up which have places left.
    fn with_places_left(&mut self, own: Range<usize>) -> impl Iterator<Item = Anchor> {
        let Self { anchors, known, keys, .. } = self;
        let own = &anchors[own];
        keys.clear();
        keys.extend(own.iter().map(|anchor| anchor.key));
        keys.sort_unstable();
        // A paragraph seldom has a gram again; then they are counted.
        let mut added = keys.windows(2).any(|pair| pair[0] == pair[1]).then(HashMap::new);
        own.iter().zip(&*known).filter_map(move |(anchor, &known)| {
            let before = added.as_mut().map_or(0, |added| {
                let count: &mut usize = added.entry(anchor.key).or_default();
                replace(count, *count + 1)
            });
            (known + before < PLACES).then_some(*anchor)
        })
    }
}

/// Where the source of a near copy goes on.
fn behind(view: &mut View<'_>, copy: &NearCopy) -> Result<u64, Error> {
    let last = copy.runs.last().expect("BUG: a near copy has something in common with its source");
    let end = last.place_of(last.end);
    let space = end < view.base + last.start as u64 && view.ahead(end)?.first() == Some(&b' ');
    Ok(end + u64::from(space))
}

/// Bits of the key that the table does not keep.
fn check(key: u64) -> u8 {
    key.to_le_bytes()[0]
}

/// An anchor whose gram stood at an earlier place.
#[derive(Clone, Copy, Debug)]
struct Hit {
    at: usize,
    place: u64,
    /// A gram that stood in many places says little of each.
    weight: usize,
}

/// One hit for each of the regions whose hits weigh most, the earliest first of those that weigh the same.
fn regions(hits: &mut [Hit], start: usize) -> impl Iterator<Item = Hit> + use<> {
    // Where the paragraph would begin there; before the first coordinate is fine.
    let begins = |hit: &Hit| hit.place.wrapping_sub((hit.at - start) as u64).cast_signed();
    hits.sort_unstable_by_key(|hit| (begins(hit), hit.at));
    let drifts = |a: &Hit, b: &Hit| begins(a).abs_diff(begins(b)) <= DRIFT;
    let weighed = hits.chunk_by(drifts).map(|region| {
        let weight: usize = region.iter().map(|hit| hit.weight).sum();
        let heaviest = region.iter().copied().max_by_key(|hit| hit.weight);
        (region.len(), weight, heaviest.expect("BUG: a chunk is not empty"))
    });
    // One phrase that is common makes no copy.
    let likely = weighed.filter(|&(hits, weight, _)| hits > 1 || weight >= WEIGHT / 2);
    let mut regions: Vec<(usize, Hit)> = likely.map(|(_, weight, hit)| (weight, hit)).collect();
    regions.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    regions.into_iter().take(REGIONS).map(|(_, hit)| hit)
}

/// Lays a paragraph beside the text around a place.
fn lay_beside(
    view: &mut View<'_>,
    number: usize,
    paragraph: &Range<usize>,
    hit: Hit,
    share: Share,
) -> Result<Option<NearCopy>, Error> {
    let own_end = view.base + paragraph.start as u64;
    let place = hit.place;
    if place >= own_end {
        return Ok(None);
    }
    let (before, after) = (hit.at - paragraph.start, paragraph.end - hit.at);
    // Changes make the region longer than the paragraph by no more than this.
    let slack = |len: usize| len / 2 + LONGEST_CHANGE;
    let from = place.saturating_sub((before + slack(before)) as u64);
    let to = (place + (after + slack(after)) as u64).min(own_end);
    let region = view.region(place, from..to)?;
    let seed = usize::try_from(place - region.start).expect("BUG: within the region");
    let here = &view.canonical[paragraph.clone()];
    let pairs = agreements_around((here, before), (&region.bytes, seed), share.rest(here.len()));
    let Some(pairs) = pairs else { return Ok(None) };
    // Parts of words at the ends of the paragraph have their whole words there as their change.
    let there = pairs[0].1..pairs[pairs.len() - 1].1 + pairs[pairs.len() - 1].2;
    let there = to_whole_words(&region.bytes, there);
    let pairs = whole_words(here, &region.bytes, pairs);
    let total: usize = pairs.iter().map(|&(_, _, len)| len).sum();
    if !share.is_reached(total, here.len()) {
        return Ok(None);
    }
    let changes = changes(here, (&region.bytes, there), &pairs);
    let Some(changes) = changes else { return Ok(None) };
    let changes = changes.into_iter().map(|(here, there)| Change {
        here: paragraph.start + here.start..paragraph.start + here.end,
        there: region.start + there.start as u64..region.start + there.end as u64,
    });
    let runs = pairs.iter().map(|&(start, there, len)| Match {
        start: paragraph.start + start,
        end: paragraph.start + start + len,
        source: region.start + there as u64,
    });
    let (runs, changes) = (runs.collect(), changes.collect());
    Ok(Some(NearCopy { paragraph: number, runs, changes }))
}

/// The first place of a granule where the gram at `at` stands.
fn place_of(view: &mut View<'_>, at: usize, granule: u64) -> Result<Option<u64>, Error> {
    let places = view.places_of(at, granule)?;
    view.earliest(at..at + scheme().gram(), places)
}

/// A stretch that two texts have in common: where it begins in each, and its length.
type Pair = (usize, usize, usize);

/// The stretches that two texts, each with a place where both go on alike, have in common in order;
/// none if more of `a` than is `allowed` lies between.
fn agreements_around(
    (a, at): (&[u8], usize),
    (b, place): (&[u8], usize),
    mut allowed: usize,
) -> Option<Vec<Pair>> {
    let ahead = agreements(&a[at..], &b[place..], &mut allowed)?;
    let mirrored = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let behind = agreements(&mirrored(&a[..at]), &mirrored(&b[..place]), &mut allowed)?;
    let behind = behind.into_iter().rev();
    let mut pairs: Vec<Pair> =
        behind.map(|(back, there, len)| (at - back - len, place - there - len, len)).collect();
    for (on, there, len) in ahead {
        match pairs.last_mut() {
            // What agrees on both sides of the place is one.
            Some((a, b, joined)) if (*a + *joined, *b + *joined) == (at + on, place + there) => {
                *joined += len;
            }
            _ => pairs.push((at + on, place + there, len)),
        }
    }
    Some(pairs)
}

/// What lies before, between and behind the pairs, here and in a stretch there; none if that is
/// more than changes of words.
fn changes(
    here: &[u8],
    (text, stretch): (&[u8], Range<usize>),
    pairs: &[Pair],
) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let ends = (here.len(), stretch.end, 0);
    let (mut changes, mut at, mut there) = (Vec::new(), 0, stretch.start);
    for (start, start_there, len) in pairs.iter().copied().chain([ends]) {
        let change = (at..start, there..start_there);
        if !(change.0.is_empty() && change.1.is_empty()) {
            if change.0.len().max(change.1.len()) > LONGEST_CHANGE
                || !is_of_words_only((here, change.0.clone()), (text, change.1.clone()))
            {
                return None;
            }
            changes.push(change);
        }
        (at, there) = (start + len, start_there + len);
    }
    Some(changes)
}

/// The stretches that two texts, which begin alike, have in common in order; none if more of `a` than is
/// `allowed` lies between, which is lowered by what does.
fn agreements(a: &[u8], b: &[u8], allowed: &mut usize) -> Option<Vec<Pair>> {
    let mut pairs = Vec::new();
    let (mut at, mut there) = (0, 0);
    loop {
        let len = common_prefix(&a[at..], &b[there..]);
        if len > 0 {
            pairs.push((at, there, len));
        }
        (at, there) = (at + len, there + len);
        if at == a.len() {
            return Some(pairs);
        }
        let next = next_agreement(&a[at..], &b[there..]);
        let (change, change_there) = next.unwrap_or((a.len() - at, 0));
        *allowed = allowed.checked_sub(change)?;
        (at, there) = (at + change, there + change_there);
    }
}

/// The shortest change, both sides taken together, behind which two texts agree.
fn next_agreement(here: &[u8], there: &[u8]) -> Option<(usize, usize)> {
    fn grams(text: &[u8]) -> impl Iterator<Item = u64> + Clone {
        let end = text.len().min(LONGEST_CHANGE + AGREE);
        let gram = |gram: &[u8]| gram.first_chunk().copied().map(u64::from_le_bytes);
        text[..end].windows(AGREE).filter_map(gram)
    }
    // Most grams here stand nowhere there, as a look at twelve bits of their hashes tells. By nine,
    // one in eight seemed to, and near copies of laws and debates took 6 % longer.
    let bit = |gram: u64| {
        let hash = gram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52;
        (to_usize(hash >> 6), 1_u64 << (hash % 64))
    };
    let mut bits = [0; 64];
    let b = grams(there);
    for gram in b.clone() {
        let (word, mask) = bit(gram);
        bits[word] |= mask;
    }
    let mut shortest: Option<(usize, usize)> = None;
    for (at, gram) in grams(here).enumerate() {
        let least = shortest.map_or(usize::MAX, |(at, place)| at + place);
        if at >= least {
            break;
        }
        let (word, mask) = bit(gram);
        if bits[word] & mask != 0
            && let Some(place) = b.clone().take(least - at).position(|other| other == gram)
        {
            shortest = Some((at, place));
        }
    }
    shortest.or_else(|| last_agreement(here, there))
}

/// The same, where what agrees is shorter but whole words, and the end of `a`.
fn last_agreement(a: &[u8], b: &[u8]) -> Option<(usize, usize)> {
    const LEAST: usize = 3;
    if a.len() > LONGEST_CHANGE + AGREE {
        return None;
    }
    let ends = a.len().saturating_sub(AGREE - 1)..a.len().saturating_sub(LEAST - 1);
    ends.filter(|&at| a[at] == b' ').find_map(|at| {
        let end = &a[at..];
        let places = (0..=LONGEST_CHANGE).filter(|&place| b[place.min(b.len())..].starts_with(end));
        places.min_by_key(|place| place.abs_diff(at)).map(|place| (at, place))
    })
}

/// The pairs less the parts of words at their ends where they meet a change.
fn whole_words(here: &[u8], there: &[u8], pairs: Vec<Pair>) -> Vec<Pair> {
    let whole = |(mut at, mut other, mut len): Pair| {
        while len > 0 && (is_inside_word(here, at) || is_inside_word(there, other)) {
            (at, other, len) = (at + 1, other + 1, len - 1);
        }
        while len > 0 && (is_inside_word(here, at + len) || is_inside_word(there, other + len)) {
            len -= 1;
        }
        (len > 0).then_some((at, other, len))
    };
    pairs.into_iter().filter_map(whole).collect()
}

/// The stretch with the rest of the words that it cuts.
fn to_whole_words(text: &[u8], stretch: Range<usize>) -> Range<usize> {
    let start = (0..=stretch.start).rev().find(|&at| !is_inside_word(text, at));
    let end = (stretch.end..text.len()).find(|&at| !is_inside_word(text, at));
    start.unwrap_or(0)..end.unwrap_or(text.len())
}

/// Whether two stretches differ neither in numbers nor in a link.
fn is_of_words_only(a: (&[u8], Range<usize>), b: (&[u8], Range<usize>)) -> bool {
    let words = [with_words(a.0, a.1.clone()), with_words(b.0, b.1.clone())];
    !words.into_iter().any(has_link)
        && have_same_numbers(words[0], words[1])
        // A number that only one of them has may stand in a word that both touch.
        && have_same_digits(&a.0[a.1], &b.0[b.1])
}

/// The stretch with the rest of the words that it touches.
fn with_words(text: &[u8], stretch: Range<usize>) -> &[u8] {
    const LONGEST_WORD: usize = 2048;
    let first = stretch.start.saturating_sub(LONGEST_WORD);
    let last = text.len().min(stretch.end + LONGEST_WORD);
    let of_word = |character: &char| !parts_words(*character);
    let (mut start, mut end) = (stretch.start, stretch.end);
    while let Some(before) = last_char(&text[first..start]).filter(of_word) {
        start -= before.len_utf8();
    }
    while let Some(after) = first_char(&text[end..last]).filter(of_word) {
        end += after.len_utf8();
    }
    &text[start..end]
}

/// Whether words end there: at a space, and at a character that is a word by itself.
fn parts_words(character: char) -> bool {
    character == ' ' || stands_alone(character) && !character.is_numeric()
}

/// Whether there is a link among some words, or an address.
fn has_link(words: &[u8]) -> bool {
    let marks: [&[u8]; 4] = [b"://", b"www.", b"](", b"@"];
    marks.iter().any(|mark| memchr::memmem::find(words, mark).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_agreements(a: &str, b: &str) -> Vec<Pair> {
        agreements(a.as_bytes(), b.as_bytes(), &mut a.len().clone()).unwrap()
    }

    #[test]
    fn agreements_go_over_changes() {
        assert_eq!(all_agreements("the same text", "the same text"), [(0, 0, 13)]);
        assert_eq!(
            all_agreements("the ferry does not run today", "the tram does not run today"),
            [(0, 0, 4), (9, 8, 19)],
        );
        assert_eq!(
            all_agreements("it does not run today", "it really does not run today"),
            [(0, 0, 3), (3, 10, 18)],
        );
        assert_eq!(all_agreements("one", "two"), []);
        assert_eq!(all_agreements("", ""), []);
    }

    #[test]
    fn changes_are_of_whole_words() {
        let words = |here: &str, there: &str| {
            let pairs = all_agreements(here, there);
            whole_words(here.as_bytes(), there.as_bytes(), pairs)
        };
        assert_eq!(
            words("in the harbour lies a boat", "in the harbours lies a boat"),
            [(0, 0, 7), (14, 15, 12)],
        );
        assert_eq!(words("übergroße Boote liegen", "übergrosse Boote liegen"), [(11, 11, 13)]);
    }
}
