//! Runs of at least `min_span` bytes that stood earlier, found by anchors.
//!
//! # What makes it complete
//!
//! Let R be a run of T bytes that occurs earlier, and P its first occurrence of all. R and P keep
//! the same anchor. P's anchor was put into the index when P came by: an anchor is left out only
//! if every run of T bytes that it is the anchor of lies inside one verified match, and P, being the first
//! occurrence, lies in none. So looking up R's anchor proposes P, and comparing finds R.
//!
//! The runs that a gram is the anchor of are half of those that hold it: of the others, another gram is. So
//! contexts that none of them holds are neither looked up nor inserted.
//!
//! # What bounds the work
//!
//! A gram may stand in a hundred thousand places with different text around it. After
//! [`POSTINGS`] places, or [`SIMILAR`] with like text beside it, its key is hot, and from then on it
//! is looked up and inserted under two longer keys: the gram with half the remaining context on the
//! left, and with half on the right. Any run of T bytes through the gram contains one of the two.
//! These may be hot in turn; after at most log2 T steps the key is the whole run, for which one place
//! is enough.
//!
//! For the same reason a place is worth a look only if one of the two contexts is the same there,
//! so the table keeps four bits of the hash of each: nearly all places with the same gram in other
//! text are passed over without a load from memory. A key so has one, two or a few places without
//! being hot, at the cost of their slots.

use std::cmp::Reverse;
use std::ops::Range;

use super::context::{Context, Sides, half_slack};
use super::keys::Keys;
use super::view::{View, overlaps_itself};
use super::{Incoming, Match};
use crate::anchors::{Anchor, Period, Scheme, key};
use crate::criteria::{Criteria, WithinArticle};
use crate::error::Error;
use crate::index::Index;
use crate::index::base::Base;
use crate::index::table::{GRANULE, Posting, Spot, Table};

/// Places under one key before it is hot.
///
/// Fewer make more keys, more make more comparisons. What is found is the same for any number;
/// which of several sources is named is not, so another number makes another version of the
/// anchors.
const POSTINGS: usize = 8;

/// The same, of places that are worth a look.
const SIMILAR: usize = 1;

/// Postings under one key that no chance brings together, but somebody who makes grams whose keys
/// are alike: then all of them count, as what a key costs has to be bounded.
///
/// How many these are depends on how many bits of a key the table knows, and that on the commits. So of a
/// text that was made for this, other sources may be named in several commits than in one; what is covered is
/// the same. To count only those that are of the very gram would take a look at the text of each.
const CROWD: usize = 8 * POSTINGS;

/// Anchors that are looked up together, while the memory for the next so many is fetched.
const BATCH: usize = 32;

/// The same of the first batch of an article: if it is a copy, the others need not be looked up.
const FIRST_BATCH: usize = 8;

/// Appends runs of at least the span.
pub(super) fn equal_runs(
    index: &mut Index,
    article: &Incoming<'_>,
    criteria: &Criteria,
    room: &mut Room,
    matches: &mut Vec<Match>,
) -> Result<(), Error> {
    room.clear();
    let anchors = &article.keys.anchors;
    let mut finder = Finder {
        keys: article.keys,
        beneath: index.beneath.as_deref(),
        table: &mut index.anchors,
        view: View::new(&mut index.texts, article.canonical),
        scheme: criteria.scheme,
        keep_own: criteria.within_article != WithinArticle::Remove,
        is_query: article.is_query,
        matches,
        room,
    };
    let mut periods = anchors.periods.iter().peekable();
    let batch = |number: usize| {
        let end = (FIRST_BATCH + number * BATCH).min(anchors.places.len());
        let start = if number == 0 { 0 } else { FIRST_BATCH + (number - 1) * BATCH };
        start.min(end)..end
    };
    finder.prefetch_shards(batch(0));
    finder.prefetch_shards(batch(1));
    finder.prefetch_slots(batch(0));
    for number in 0.. {
        let now = batch(number);
        if now.is_empty() {
            break;
        }
        finder.prefetch_shards(batch(number + 2));
        finder.prefetch_slots(batch(number + 1));
        finder.look_up(now.clone());
        for (ahead, number) in now.enumerate() {
            // A match that begins after an anchor says nothing about it; those of all periods at
            // once would make every anchor look at all of them.
            let at = anchors.places[number].at;
            let reached = |period: &&Period| period.at + period.distance <= at;
            while let Some(period) = periods.next_if(reached) {
                finder.propose_period(*period)?;
            }
            finder.visit_anchor(number, ahead)?;
        }
    }
    for period in periods {
        finder.propose_period(*period)?;
    }
    finder.measure_open()
}

struct Finder<'a> {
    /// Of the article at hand.
    keys: &'a Keys,
    /// What has older places than the table.
    beneath: Option<&'a dyn Base>,
    table: &'a mut Table,
    view: View<'a>,
    scheme: Scheme,
    matches: &'a mut Vec<Match>,
    /// Whether runs whose source is in the article at hand count for nothing.
    keep_own: bool,
    /// Whether the table stays as it is.
    is_query: bool,
    room: &'a mut Room,
}

/// What is known while an article is looked up, in memory that the next one uses again.
#[derive(Default)]
pub(crate) struct Room {
    /// The matches that end after the anchor at hand and lie in no other: one or two, even where
    /// many earlier texts share parts with the one at hand.
    active: Vec<Match>,
    aligned: Aligned,
    /// The numbers of those matches that may begin before their start, in order.
    open: Vec<usize>,
    /// What the table says of the keys at hand, each with more context than the one before.
    proposed: Vec<Posting>,
    /// What is known of each anchor of the batch at hand before the first of them is visited.
    ahead: Vec<Ahead>,
    /// The postings of all of them, one after the other.
    found_ahead: Vec<Posting>,
}

/// Not what is of no use behind an article.
impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

impl Room {
    fn clear(&mut self) {
        let Self { active, aligned, open, proposed, ahead, found_ahead } = self;
        active.clear();
        open.clear();
        aligned.0.clear();
        proposed.clear();
        ahead.clear();
        found_ahead.clear();
    }
}

/// What is known of an anchor before those before it were visited.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    spot: Spot,
    /// Where its postings end.
    end: usize,
    sides: Sides,
}

impl Finder<'_> {
    fn prefetch_shards(&self, batch: Range<usize>) {
        for anchor in &self.keys.anchors.places[batch] {
            self.table.prefetch_shard(anchor.key);
        }
    }

    fn prefetch_slots(&self, batch: Range<usize>) {
        for number in batch {
            if !self.is_gram_known(number) {
                self.table.prefetch_slots(self.key_of(number));
            }
        }
    }

    /// Whether all runs of a context lie in a match, so that there is no need to look it up; what
    /// is so will stay so.
    fn is_known(&self, context: Context) -> bool {
        let runs = self.runs(context);
        self.room.active.iter().any(|found| found.contains(&runs))
    }

    /// The same of the gram of an anchor.
    fn is_gram_known(&self, number: usize) -> bool {
        // In new text no match is active, and there is nothing to work out.
        !self.room.active.is_empty() && self.is_known(self.context(number))
    }

    /// The gram of an anchor.
    fn context(&self, number: usize) -> Context {
        Context::of(&self.keys.anchors, number, self.view.canonical.len(), self.scheme)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "1.2 % of the instructions of an ingest, otherwise")]
    fn sides(&self, context: Context) -> Sides {
        let half = half_slack(context.back + context.ahead, self.scheme);
        Sides::of(self.view.canonical, context, half, self.scheme.span())
    }

    fn key_of(&self, number: usize) -> u64 {
        self.keys.anchors.places[number].key
    }

    /// Looks up a batch, and fetches the text at the places that are worth a look.
    fn look_up(&mut self, batch: Range<usize>) {
        self.room.ahead.clear();
        self.room.found_ahead.clear();
        for number in batch {
            let before = self.room.found_ahead.len();
            if self.is_gram_known(number) {
                self.room.ahead.push(Ahead { end: before, ..Ahead::default() });
                continue;
            }
            let spot = self.table.look_up(self.key_of(number), &mut self.room.found_ahead);
            let sides = self.sides(self.context(number));
            let mut hot = 0;
            for posting in &self.room.found_ahead[before..] {
                // And the first that says that the key is hot, if it stands there; as numbers, as
                // neither is foreseen.
                let [similar, is_hot] = [sides.may_equal(posting.check), posting.hot].map(u8::from);
                if similar | is_hot & !hot != 0 {
                    self.view.texts.prefetch(posting.place);
                }
                hot |= is_hot;
            }
            let end = self.room.found_ahead.len();
            self.room.ahead.push(Ahead { spot, end, sides });
        }
    }

    /// Visits an anchor of a batch that was looked up; `ahead` is its number in that.
    fn visit_anchor(&mut self, number: usize, ahead: usize) -> Result<(), Error> {
        let Anchor { at, key, .. } = self.keys.anchors.places[number];
        let at = at as usize;
        if !self.room.active.is_empty() {
            self.room.active.retain(|found| found.end > at);
        }
        if self.is_gram_known(number) {
            return Ok(());
        }
        let Ahead { mut spot, end, sides } = self.room.ahead[ahead];
        let start = ahead.checked_sub(1).map_or(0, |before| self.room.ahead[before].end);
        let is_current = self.table.is_current(spot);
        if is_current && start == end && self.beneath.is_none() {
            self.insert(at, key, sides, spot, false); // as most are
            return Ok(());
        }
        if let Some(base) = self.beneath {
            base.anchors(key, &mut self.room.proposed)?;
        }
        if is_current {
            self.room.proposed.extend_from_slice(&self.room.found_ahead[start..end]);
        } else {
            spot = self.table.look_up(key, &mut self.room.proposed);
        }
        self.settle(self.context(number), key, sides, spot, 0)
    }

    /// The same for an anchor with more context, unless that lies so deep inside a match that it is known.
    fn visit(&mut self, context: Context, key: u64) -> Result<(), Error> {
        if self.is_known(context) {
            return Ok(());
        }
        let sides = self.sides(context);
        let from = self.room.proposed.len();
        if let Some(base) = self.beneath {
            base.anchors(key, &mut self.room.proposed)?;
        }
        let spot = self.table.look_up(key, &mut self.room.proposed);
        self.settle(context, key, sides, spot, from)
    }

    /// All runs that the context stands for lie in here.
    fn runs(&self, Context { first, last, .. }: Context) -> Range<usize> {
        first..last + self.scheme.span()
    }

    /// Compares what is proposed for a context, from a number on, and inserts it, or visits longer
    /// ones, if need be.
    fn settle(
        &mut self,
        context: Context,
        key: u64,
        sides: Sides,
        spot: Spot,
        from: usize,
    ) -> Result<(), Error> {
        let Context { at, back, ahead, .. } = context;
        // Any run of T bytes reaches so far beyond the context on one side.
        let slack = self.scheme.span() - back - ahead;
        let postings = self.room.proposed.len() - from;
        // Others may have the key, and which do depends on how many bits of it there was room for:
        // they must not count.
        let is_crowded = postings >= CROWD;
        let (mut similar, mut any_hot, mut hot) = (0, false, false);
        for number in from..self.room.proposed.len() {
            let posting = self.room.proposed[number];
            any_hot |= posting.hot;
            if slack == 0 || sides.may_equal(posting.check) {
                let stands = self.compare(context, posting.place)?;
                similar += usize::from(stands);
                hot |= stands & posting.hot;
            }
        }
        if any_hot && !hot {
            hot = is_crowded || self.stands(context, from, 1, |posting| posting.hot)?;
        }
        let is_common = similar >= SIMILAR
            || is_crowded
            || postings >= POSTINGS && !hot && self.stands(context, from, POSTINGS, |_| true)?;
        self.room.proposed.truncate(from);
        if hot && slack > 0 {
            return self.visit_longer(context);
        }
        if slack == 0 && similar > 0 || postings > 0 && self.is_known(context) {
            return Ok(());
        }
        self.insert(at, key, sides, spot, is_common);
        Ok(())
    }

    fn insert(&mut self, at: usize, key: u64, sides: Sides, spot: Spot, hot: bool) {
        if self.is_query {
            return;
        }
        let place = self.view.base + at as u64;
        self.table.insert_at(spot, key, Posting { place, check: sides.check, hot });
    }

    /// Visits a gram with half of what is left of a run beside the context, on the left and on the
    /// right, as far as there are runs that hold so much.
    fn visit_longer(&mut self, context: Context) -> Result<(), Error> {
        let Context { at, back, ahead, first, last } = context;
        let (span, half) = (self.scheme.span(), half_slack(back + ahead, self.scheme));
        let left = (first + back + half <= at).then(|| Context {
            back: back + half,
            last: last.min(at - back - half),
            ..context
        });
        let right = (last + span >= at + ahead + half).then(|| Context {
            ahead: ahead + half,
            first: first.max((at + ahead + half).saturating_sub(span)),
            ..context
        });
        let [left, right] = [left, right].map(|longer| {
            let longer = longer.filter(|&longer| !self.is_known(longer))?;
            let key = self.key(longer);
            self.table.prefetch_slots(key);
            Some((longer, key))
        });
        for (longer, key) in [left, right].into_iter().flatten() {
            self.visit(longer, key)?;
        }
        Ok(())
    }

    /// The key of a gram with context.
    fn key(&self, context: Context) -> u64 {
        let domain = (context.back as u64) << 32 | context.ahead as u64;
        key(&self.view.canonical[context.range()], domain)
    }

    /// Compares the context with the text at the places of a granule, and records the matches that
    /// have T bytes; whether the context stands at one of them.
    fn compare(&mut self, context: Context, granule: u64) -> Result<bool, Error> {
        let Context { at, back, .. } = context;
        // If the bytes cannot stand at two places of a granule, there is nothing to look at.
        let is_own = self.keep_own && granule + u64::from(GRANULE) > self.view.base;
        if !is_own
            && self.room.aligned.any(context, granule, u64::from(GRANULE))
            && !overlaps_itself(self.view.gram(at))
        {
            return Ok(true);
        }
        let mut stands = false;
        for place in self.view.places_of(at, granule)? {
            if self.keep_own && place >= self.view.base {
                // Not worth measuring: only that it stands there is.
                let start = place.checked_sub(back as u64).filter(|_| !stands);
                if let Some(start) = start {
                    stands = self.view.is(context.range(), start)?;
                }
                continue;
            }
            if !self.room.aligned.any(context, place, 1) {
                // So far back that it is told whether it has T bytes, and whether later contexts
                // and the runs that they stand for lie in it.
                let back_to = (at + self.scheme.gram()).saturating_sub(self.scheme.span());
                let back_to = back_to.min(context.first);
                let found = self.view.extend(at, place, back_to)?;
                if !found.contains(&context.range()) {
                    continue; // another gram with the same tag
                }
                self.record(found, found.start == back_to && back_to > 0);
            }
            stands = true;
        }
        Ok(stands)
    }

    /// Whether the context stands at so many of those places that are proposed for it, from a
    /// number on, that count.
    fn stands(
        &mut self,
        context: Context,
        from: usize,
        many: usize,
        counts: impl Fn(Posting) -> bool,
    ) -> Result<bool, Error> {
        let Context { at, back, .. } = context;
        let mut left = many;
        for number in from..self.room.proposed.len() {
            let posting = self.room.proposed[number];
            if !counts(posting) {
                continue;
            }
            let places = self.view.places_of(at, posting.place)?;
            let starts = places.filter_map(|place| place.checked_sub(back as u64));
            if self.view.earliest(context.range(), starts)?.is_some() {
                left -= 1;
                if left == 0 {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn propose_period(&mut self, period: Period) -> Result<(), Error> {
        let place = self.view.base + u64::from(period.at);
        let found = self.view.extend((period.at + period.distance) as usize, place, 0)?;
        self.record(found, false);
        Ok(())
    }

    /// Finds where the open matches begin, but for those that lie in another.
    ///
    /// Of an article that grew line by line each earlier version makes a match, and all of them
    /// begin with the article: to compare each back to there as it was found took time quadratic in
    /// the lines.
    fn measure_open(&mut self) -> Result<(), Error> {
        if self.room.open.is_empty() {
            return Ok(());
        }
        let ends = self.matches.iter().map(|found| Reverse(found.end));
        let mut furthest_first: Vec<(Reverse<usize>, usize)> = ends.zip(0..).collect();
        furthest_first.sort_unstable();
        // Where the first of those begins that reach further.
        let mut first = usize::MAX;
        for same_end in furthest_first.chunk_by(|one, next| one.0 == next.0) {
            let mut least = first;
            for &(_, number) in same_end {
                let mut found = self.matches[number];
                let is_open = self.room.open.binary_search(&number).is_ok();
                // That one begins where it differs from its source. One that differs from its own there
                // too lies inside.
                if is_open
                    && first > 0
                    && (first > found.start || self.view.agrees_at(first - 1, found)?)
                {
                    found = self.view.extend_behind(found)?;
                    self.matches[number] = found;
                }
                least = least.min(found.start);
            }
            first = least;
        }
        Ok(())
    }

    /// Records a match, if it has T bytes; it is `open` if it may begin before its start.
    fn record(&mut self, found: Match, open: bool) {
        if found.end - found.start < self.scheme.span() {
            return;
        }
        self.room.aligned.insert(found);
        let range = found.range();
        // As `keep_longest` would choose: of those that are equally long, the one with the first source.
        let outer = self.room.active.iter().find(|outer| outer.contains(&range));
        let is_inside = outer
            .is_some_and(|outer| !found.contains(&outer.range()) || outer.source <= found.source);
        if !is_inside {
            self.room.active.retain(|inner| !found.contains(&inner.range()));
            self.room.active.push(found);
        }
        if open {
            self.room.open.push(self.matches.len());
        }
        // One that is open may begin before the one that it seems to lie in.
        if open || !is_inside {
            self.matches.push(found);
        }
    }
}

/// Some of the last matches, by how far their source is from them: what is known of a place need not be
/// found out again, and need not be remembered either.
///
/// Beside a look at all that end after the anchor at hand: 3 % of admission, where a dozen do. With
/// 64 of them, a tenth of what is known was forgotten too early.
#[derive(Debug, Default)]
struct Aligned(Vec<Match>);

impl Aligned {
    const LEN: usize = 256;

    /// All distances of a granule are in one slot, or in two beside each other.
    fn slot(distance: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
        let slot = (distance / u64::from(GRANULE)) as usize;
        slot % Self::LEN
    }

    fn insert(&mut self, found: Match) {
        self.0.resize(Self::LEN, Match { start: 0, end: 0, source: 0 });
        self.0[Self::slot(found.source.wrapping_sub(found.start as u64))] = found;
    }

    /// Whether one says that the context stands at one of some places, no more than a granule has.
    fn any(&self, context: Context, first: u64, places: u64) -> bool {
        let distance = first.wrapping_sub(context.at as u64);
        [distance, distance.wrapping_add(places - 1)].into_iter().any(|distance| {
            self.0.get(Self::slot(distance)).is_some_and(|found| {
                found.contains(&context.range())
                    && (first..first + places).contains(&found.place_of(context.at))
            })
        })
    }
}

#[cfg(all(test, feature = "index"))]
mod tests {
    use super::*;
    use crate::criteria::Cut;
    use crate::random::random;
    use crate::resolve::{covered_bytes, find};

    /// The matches of articles that have parts of a text in common, where the table knows so many
    /// bits of a key, or all it can.
    fn found_by(key_bits: Option<u32>, policy: WithinArticle, articles: usize) -> Vec<Vec<Match>> {
        let span = 40;
        let criteria = Criteria {
            scheme: Scheme::new(span),
            min_paragraph: 0,
            within_article: policy,
            near: None,
            cut: Cut::Paragraph,
        };
        let mut index = Index::default();
        if let Some(bits) = key_bits {
            index.anchors = Table::with_key_bits(bits, 1, 0);
        }
        let mut letter = random(7);
        let mut words = |len: usize| -> Vec<u8> {
            (0..len).map(|_| b" abcdefghijklmnopqrstuvw"[letter(24)]).collect()
        };
        let common = words(62 * span);
        let mut random = random(8);
        let mut found = Vec::new();
        for _ in 0..articles {
            let mut canonical = words(20);
            for _ in 0..3 {
                let start = random(60 * span);
                canonical.extend(&common[start..start + span / 2 + random(span / 2 + 9)]);
                canonical.extend(words(random(9)));
            }
            let mut keys = Keys::default();
            keys.refill(&canonical, &[], &criteria);
            let canonical = &canonical[..];
            let article = Incoming {
                canonical,
                keys: &keys,
                own_keys: None,
                paragraphs: &[],
                is_query: false,
            };
            let mut matches = Vec::new();
            find(&mut index, &article, &criteria, &mut Room::default(), &mut matches).unwrap();
            found.push(matches);
            index.texts.push(canonical, &[]);
        }
        assert!(found.iter().flatten().count() > articles / 5);
        found
    }

    /// Of a key the table knows fewer bits the farther places are, and another number in an index
    /// that was read: grams that have the bits in common must not be taken for each other.
    #[test]
    fn matches_do_not_depend_on_how_much_of_a_key_is_known() {
        for policy in [WithinArticle::Remove, WithinArticle::Keep] {
            assert_eq!(found_by(None, policy, 1000), found_by(Some(12), policy, 1000));
        }
    }

    #[test]
    fn nothing_is_lost_where_hundreds_of_grams_have_one_key() {
        for policy in [WithinArticle::Remove, WithinArticle::Keep] {
            let [known, crowded] = [None, Some(4)].map(|bits| found_by(bits, policy, 250));
            let covered = |found: &[Vec<Match>]| -> Vec<usize> {
                found.iter().map(|matches| covered_bytes(&[], matches)).collect()
            };
            assert_eq!(covered(&known), covered(&crowded));
            // Which of several sources is named is not the same: see `CROWD`.
            assert_ne!(known, crowded);
        }
    }
}
