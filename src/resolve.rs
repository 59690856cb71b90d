//! Resolving: anchors become verified matches, matches become removed paragraphs with sources.
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
//! [`POSTINGS`] places its key is hot, and from then on it is looked up and inserted under two
//! longer keys: the gram with half the remaining context on the left, and with half on the right. Any
//! run of T bytes through the gram contains one of the two. These may be hot in turn; after at
//! most log2 T steps the key is the whole run, for which one place is enough.
//!
//! For the same reason a place is worth a look only if one of the two contexts is the same there,
//! so the table keeps four bits of the hash of each: nearly all places with the same gram in other
//! text are passed over without a load from memory. A key so has one, two or a few places without
//! being hot, at the cost of their slots.

use std::hint::select_unpredictable;
use std::ops::Range;

use crate::anchors::{Anchor, Anchors, Period, Scheme, key};
use crate::canonical::is_boundary;
use crate::criteria::{Criteria, WithinArticle};
use crate::cut::Units;
use crate::error::Error;
use crate::index::Index;
use crate::index::base::Base;
use crate::index::table::{GRANULE, Posting, Spot, Table};
use crate::index::text::{END, Removed, Texts};
use crate::near::{Change, NearCopy, SHORTEST_REFERENCE};

/// Places under one key before it is hot.
///
/// Fewer make more keys, more make more comparisons; the result is the same for any number.
const POSTINGS: usize = 8;

/// The same, of places that are worth a look.
const SIMILAR: usize = 1;

/// Anchors that are looked up together, while the memory for the next so many is fetched.
const BATCH: usize = 32;

/// The same of the first batch of an article: if it is a copy, the others need not be looked up.
const FIRST_BATCH: usize = 8;

/// Bytes that are compared at a time.
const STEP: usize = 32;

/// Bytes that are compared at all places of a granule.
const GRAM: usize = 8;

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

    /// Whether `next` begins one byte after the end, here and in the source.
    fn continues_in(&self, next: &Match) -> bool {
        next.start == self.end + 1 && next.source == self.place_of(next.start)
    }
}

/// An article on its way through the index.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) canonical: &'a [u8],
    pub(crate) anchors: &'a Anchors,
    /// By the scheme of [`own_criteria`], if there are such.
    pub(crate) own_anchors: Option<&'a Anchors>,
    /// Canonical ranges of the paragraphs.
    pub(crate) paragraphs: &'a [Range<usize>],
}

/// Finds every covered run of the article, and puts into the index what later ones need to find.
///
/// The matches come sorted; none lies inside another.
///
/// # Errors
///
/// If kept text cannot be read. The index then holds places of an article that it has no text of.
pub(crate) fn find(
    index: &mut Index,
    article: &Incoming<'_>,
    criteria: &Criteria,
    room: &mut Room,
) -> Result<Vec<Match>, Error> {
    let base = index.texts.end();
    let mut matches = equal_runs(index, article, criteria, room)?;
    matches.extend(equal_paragraphs(index, article, criteria)?);
    if let (Some(criteria), Some(anchors)) = (own_criteria(criteria), article.own_anchors) {
        // A run of so many bytes may stand for the first time where each of its parts of `min_span`
        // bytes stood before, so what was left out of the index for their sake may be missed: the
        // article is an index of its own.
        let article = Incoming { anchors, own_anchors: None, paragraphs: &[], ..*article };
        let own = equal_runs(&mut Index::default(), &article, &criteria, room)?;
        matches.extend(own.into_iter().map(|own| Match { source: base + own.source, ..own }));
    }
    Ok(longest(matches))
}

/// By what an article is held against itself, if it is apart from all others.
pub(crate) fn own_criteria(criteria: &Criteria) -> Option<Criteria> {
    let WithinArticle::RemoveFrom(bytes) = criteria.within_article else { return None };
    let scheme = Scheme::new(bytes);
    Some(Criteria { scheme, within_article: WithinArticle::Remove, ..*criteria })
}

/// Runs of at least the span.
fn equal_runs(
    index: &mut Index,
    article: &Incoming<'_>,
    criteria: &Criteria,
    room: &mut Room,
) -> Result<Vec<Match>, Error> {
    room.clear();
    let anchors = article.anchors.places.as_slice();
    let mut finder = Finder {
        anchors,
        beneath: index.beneath.as_deref(),
        table: &mut index.anchors,
        view: View {
            base: index.texts.end(),
            texts: &mut index.texts,
            canonical: article.canonical,
        },
        scheme: criteria.scheme,
        keep_own: criteria.within_article != WithinArticle::Remove,
        matches: Vec::new(),
        room,
    };
    let mut periods = article.anchors.periods.iter().peekable();
    let batch = |number: usize| {
        let end = (FIRST_BATCH + number * BATCH).min(anchors.len());
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
        for (ahead, anchor) in anchors[now].iter().enumerate() {
            // A match that begins after an anchor says nothing about it; those of all periods at
            // once would make every anchor look at all of them.
            let reached =
                |period: &&Period| (period.at + period.distance) as usize <= anchor.at as usize;
            while let Some(period) = periods.next_if(reached) {
                finder.propose_period(*period)?;
            }
            finder.visit_anchor(anchor, ahead)?;
        }
    }
    for period in periods {
        finder.propose_period(*period)?;
    }
    Ok(finder.matches)
}

struct Finder<'a> {
    /// Of the article at hand.
    anchors: &'a [Anchor],
    /// What has older places than the table.
    beneath: Option<&'a dyn Base>,
    table: &'a mut Table,
    view: View<'a>,
    scheme: Scheme,
    matches: Vec<Match>,
    /// Whether runs whose source is in the article at hand count for nothing.
    keep_own: bool,
    room: &'a mut Room,
}

/// What is known while an article is looked up, in memory that the next one uses again.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The matches that end after the anchor at hand and lie in no other: one or two, even where many earlier texts share
    /// parts with the one at hand.
    active: Vec<Match>,
    aligned: Aligned,
    /// What the table says of the keys at hand, each with more context than the one before.
    proposed: Vec<Posting>,
    /// What is known of each anchor of the batch at hand before the first of them is visited.
    ahead: Vec<Ahead>,
    /// The postings of all of them, one after the other.
    found_ahead: Vec<Posting>,
}

impl Room {
    fn clear(&mut self) {
        let Self { active, aligned, proposed, ahead, found_ahead } = self;
        active.clear();
        aligned.0.clear();
        proposed.clear();
        ahead.clear();
        found_ahead.clear();
    }
}

/// What is known of an anchor before those before it were visited.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    context: Context,
    spot: Spot,
    /// Where its postings end.
    end: usize,
    sides: Sides,
}

/// Part of the text around an anchor: from `back` bytes before it to `ahead` bytes after its start.
#[derive(Clone, Copy, Debug, Default)]
struct Context {
    at: usize,
    back: usize,
    ahead: usize,
    /// Where the first and the last of the runs of T bytes begin that hold it, and have their anchor in it.
    first: usize,
    last: usize,
}

impl Context {
    fn range(&self) -> Range<usize> {
        self.at - self.back..self.at + self.ahead
    }
}

/// Four bits of each hash of the text beside a context.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    /// That of the left side in the upper half.
    check: u8,
    /// All bits of a half that stands for nothing, as no run reaches so far on that side.
    absent: u8,
}

impl Sides {
    fn of(canonical: &[u8], context: Context, len: usize, span: usize) -> Self {
        let Range { start, end } = context.range();
        let left = start.checked_sub(len).map_or(0, |from| check(&canonical[from..start]));
        let right = canonical.get(end..end + len).map_or(0, check);
        // Half of them, without a branch, as nothing foretells which.
        let left_absent = select_unpredictable(context.first + len > start, 0xF0, 0);
        let right_absent = select_unpredictable(context.last + span < end + len, 0x0F, 0);
        Self { check: left << 4 | right, absent: left_absent | right_absent }
    }

    /// Whether a run that reaches far enough to one side may stand at a place with this check.
    fn may_equal(self, check: u8) -> bool {
        let different = self.check ^ check | self.absent;
        different >> 4 == 0 || different << 4 == 0
    }
}

/// Four bits of a hash of some of the bytes: the first, middle and last eight tell nearly all texts
/// apart that begin or end alike, at a quarter of the cost of all bytes.
fn check(side: &[u8]) -> u8 {
    let (Some(first), Some(last)) = (side.first_chunk(), side.last_chunk()) else {
        return (key(side, 0) >> 60) as u8;
    };
    let middle = side[(side.len() - 8) / 2..].first_chunk().unwrap_or(first);
    let [first, middle, last] = [first, middle, last].map(|bytes| u64::from_le_bytes(*bytes));
    let mixed = first.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ middle.wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(23)
        ^ last.wrapping_mul(0x1656_67B1_9E37_79F9).rotate_left(41);
    ((mixed ^ mixed >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as u8
}

impl Finder<'_> {
    fn prefetch_shards(&self, batch: Range<usize>) {
        for anchor in &self.anchors[batch] {
            self.table.prefetch_shard(anchor.key);
        }
    }

    fn prefetch_slots(&self, batch: Range<usize>) {
        for number in batch {
            if !self.is_known(self.context(number)) {
                self.table.prefetch_slots(self.anchors[number].key);
            }
        }
    }

    /// Whether all runs of a context lie in a match, so that there is no need to look it up; what is so will stay so.
    fn is_known(&self, context: Context) -> bool {
        let runs = self.runs(context);
        self.room.active.iter().any(|found| found.contains(&runs))
    }

    /// The gram of an anchor, which is that of all runs from its first on, up to those of the next.
    fn context(&self, number: usize) -> Context {
        let Anchor { at, first, .. } = self.anchors[number];
        let (at, first) = (at as usize, first as usize);
        let last = at.min(self.view.canonical.len() - self.scheme.span());
        let last =
            self.anchors.get(number + 1).map_or(last, |next| last.min(next.first as usize - 1));
        Context { at, back: 0, ahead: self.scheme.gram(), first, last }
    }

    /// Looks up a batch, and fetches the text at the places that are worth a look.
    fn look_up(&mut self, batch: Range<usize>) {
        self.room.ahead.clear();
        self.room.found_ahead.clear();
        let half = self.half_slack(self.scheme.gram());
        for number in batch {
            let before = self.room.found_ahead.len();
            let context = self.context(number);
            if self.is_known(context) {
                self.room.ahead.push(Ahead { context, end: before, ..Ahead::default() });
                continue;
            }
            let spot = self.table.look_up(self.anchors[number].key, &mut self.room.found_ahead);
            let sides = Sides::of(self.view.canonical, context, half, self.scheme.span());
            for posting in &self.room.found_ahead[before..] {
                if sides.may_equal(posting.check) {
                    self.view.texts.prefetch(posting.place);
                }
            }
            let end = self.room.found_ahead.len();
            self.room.ahead.push(Ahead { context, spot, end, sides });
        }
    }

    /// Half of what is left of a run beside a context: at least so far a run reaches beyond it on one side.
    fn half_slack(&self, context: usize) -> usize {
        (self.scheme.span() - context).div_ceil(2)
    }

    /// Visits an anchor of a batch that was looked up; `ahead` is its number in that.
    fn visit_anchor(&mut self, anchor: &Anchor, ahead: usize) -> Result<(), Error> {
        let at = anchor.at as usize;
        if !self.room.active.is_empty() {
            self.room.active.retain(|found| found.end > at);
        }
        let Ahead { context, mut spot, end, sides } = self.room.ahead[ahead];
        if self.is_known(context) {
            return Ok(());
        }
        let start = ahead.checked_sub(1).map_or(0, |before| self.room.ahead[before].end);
        let is_current = self.table.is_current(spot);
        if is_current && start == end && self.beneath.is_none() {
            self.insert(at, anchor.key, sides, spot, false); // as most are
            return Ok(());
        }
        if let Some(base) = self.beneath {
            base.anchors(anchor.key, &mut self.room.proposed)?;
        }
        if is_current {
            self.room.proposed.extend_from_slice(&self.room.found_ahead[start..end]);
        } else {
            spot = self.table.look_up(anchor.key, &mut self.room.proposed);
        }
        self.settle(context, anchor.key, sides, spot, 0)
    }

    fn insert(&mut self, at: usize, key: u64, sides: Sides, spot: Spot, hot: bool) {
        let place = self.view.base + at as u64;
        self.table.insert_at(spot, key, Posting { place, check: sides.check, hot });
    }

    /// The same for an anchor with more context, unless that lies so deep inside a match that it is known.
    fn visit(&mut self, context: Context, key: u64) -> Result<(), Error> {
        if self.is_known(context) {
            return Ok(());
        }
        let half = self.half_slack(context.back + context.ahead);
        let sides = Sides::of(self.view.canonical, context, half, self.scheme.span());
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

    /// Compares what is proposed for a context, from a number on, and inserts it, or visits longer ones, if need be.
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
        let (mut similar, mut known, mut hot) = (0, false, false);
        for number in from..self.room.proposed.len() {
            let posting = self.room.proposed[number];
            hot |= posting.hot;
            if slack == 0 || sides.may_equal(posting.check) {
                similar += 1;
                known |= self.compare(context, posting.place)?;
            }
        }
        self.room.proposed.truncate(from);
        if hot && slack > 0 {
            return self.visit_longer(context);
        }
        if slack == 0 && known || postings > 0 && self.is_known(context) {
            return Ok(());
        }
        self.insert(at, key, sides, spot, postings >= POSTINGS || similar >= SIMILAR);
        Ok(())
    }

    /// Visits a gram with half of what is left of a run beside the context, on the left and on the right, as far as
    /// there are runs that hold so much.
    fn visit_longer(&mut self, context: Context) -> Result<(), Error> {
        let Context { at, back, ahead, first, last } = context;
        let (span, half) = (self.scheme.span(), self.half_slack(back + ahead));
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
        let Context { at, back, ahead, .. } = context;
        // If the bytes cannot stand at two places of a granule, there is nothing to look at.
        let is_own = self.keep_own && granule + u64::from(GRANULE) > self.view.base;
        if !is_own
            && self.room.aligned.any(context, granule, u64::from(GRANULE))
            && !overlaps_itself(self.view.gram(at))
        {
            return Ok(true);
        }
        let mut stands = false;
        let mut places = self.view.places_of(at, granule)?;
        while places != 0 {
            let place = granule + u64::from(places.trailing_zeros());
            places &= places - 1;
            if self.keep_own && place >= self.view.base {
                // Not worth measuring: only that it stands there is, of a whole run.
                let whole = back + ahead == self.scheme.span();
                let start = place.checked_sub(back as u64).filter(|_| whole && !stands);
                if let Some(start) = start {
                    stands = self.view.is(context.range(), start)?;
                }
                continue;
            }
            if !self.room.aligned.any(context, place, 1) {
                let found = self.view.extend(at, place)?;
                if !found.contains(&context.range()) {
                    continue; // another gram with the same tag
                }
                self.record(found);
            }
            stands = true;
        }
        Ok(stands)
    }

    fn propose_period(&mut self, period: Period) -> Result<(), Error> {
        let place = self.view.base + u64::from(period.at);
        let found = self.view.extend((period.at + period.distance) as usize, place)?;
        self.record(found);
        Ok(())
    }

    fn record(&mut self, found: Match) {
        if found.end - found.start < self.scheme.span() {
            return;
        }
        self.room.aligned.insert(found);
        let range = found.range();
        // As `longest` would choose: of those that are equally long, the one with the first source.
        if let Some(outer) = self.room.active.iter().find(|outer| outer.contains(&range))
            && (!found.contains(&outer.range()) || outer.source <= found.source)
        {
            return;
        }
        self.matches.push(found);
        self.room.active.retain(|inner| !found.contains(&inner.range()));
        self.room.active.push(found);
    }
}

/// Some of the last matches, by how far their source is from them: what is known of a place need not be
/// found out again, and need not be remembered either.
///
/// Beside a look at all that end after the anchor at hand: 3 % of admission, where a dozen do. With 64 of them, a tenth of what
/// is known was forgotten too early.
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

/// All texts, that of the article at hand as the last.
pub(crate) struct View<'a> {
    pub(crate) texts: &'a mut Texts,
    /// The coordinate of the article's first byte.
    pub(crate) base: u64,
    pub(crate) canonical: &'a [u8],
}

/// Text that lies together in one article.
pub(crate) struct Region {
    /// The coordinate of the first byte.
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

impl View<'_> {
    /// The byte at `place` among others that lie together, and how many of them are before it.
    fn around(&mut self, place: u64) -> Result<(&[u8], usize), Error> {
        match place.checked_sub(self.base) {
            None => self.texts.around(place),
            Some(own) => Ok((self.canonical, to_usize(own).min(self.canonical.len()))),
        }
    }

    /// The bytes from `place` on: at least one if there is any, as many as lie together.
    pub(crate) fn ahead(&mut self, place: u64) -> Result<&[u8], Error> {
        match place.checked_sub(self.base) {
            None => self.texts.ahead(place),
            Some(own) => Ok(self.canonical.get(to_usize(own)..).unwrap_or_default()),
        }
    }

    /// The first bytes of an anchor.
    fn gram(&self, at: usize) -> u64 {
        let bytes: Option<&[u8; GRAM]> = self.canonical[at..].first_chunk();
        u64::from_le_bytes(*bytes.expect("BUG: an anchor near the end of the text"))
    }

    /// The places of a granule, a bit for each, at which the text goes on as at `at` for eight bytes.
    pub(crate) fn places_of(&mut self, at: usize, granule: u64) -> Result<u8, Error> {
        const BYTES: usize = GRAM + GRANULE as usize;
        let own = self.base + at as u64;
        // Not the place itself, nor any after it.
        let earlier = own.saturating_sub(granule).min(u64::from(GRANULE));
        let earlier = u8::try_from((1_u16 << earlier) - 1).expect("BUG: eight bits");
        let ours = self.gram(at);
        let together = self.ahead(granule)?;
        let theirs = match together.first_chunk() {
            Some(theirs) => *theirs,
            None => self.next_bytes::<BYTES>(granule)?,
        };
        let theirs = u128::from_le_bytes(theirs);
        let mut places = 0;
        for offset in 0..GRANULE {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
            let equal = (theirs >> (8 * offset)) as u64 == ours;
            places |= u8::from(equal) << offset;
        }
        Ok(places & earlier)
    }

    /// The bytes from `place` on, however many pieces they lie in; [`END`] after the last.
    fn next_bytes<const N: usize>(&mut self, place: u64) -> Result<[u8; N], Error> {
        let mut bytes = [END; N];
        let mut read = 0;
        while read < N {
            let ahead = self.ahead(place + read as u64)?;
            let len = ahead.len().min(N - read);
            if len == 0 {
                break;
            }
            bytes[read..read + len].copy_from_slice(&ahead[..len]);
            read += len;
        }
        Ok(bytes)
    }

    /// A copy of the text at `coordinates`, as far as it is of the article that `place` is in.
    pub(crate) fn region(&mut self, place: u64, coordinates: Range<u64>) -> Result<Region, Error> {
        let first = match place.checked_sub(self.base) {
            None => place - self.texts.locate(place)?.start as u64,
            Some(_) => self.base,
        };
        let start = coordinates.start.max(first);
        let mut bytes = Vec::with_capacity(to_usize(coordinates.end.saturating_sub(start)));
        while start + (bytes.len() as u64) < coordinates.end {
            let at = start + bytes.len() as u64;
            let ahead = self.ahead(at)?;
            let wanted = usize::try_from(coordinates.end - at).unwrap_or(usize::MAX);
            let ahead = &ahead[..wanted.min(ahead.len())];
            let own = memchr::memchr(END, ahead).unwrap_or(ahead.len());
            bytes.extend_from_slice(&ahead[..own]);
            if own < ahead.len() || ahead.is_empty() {
                break;
            }
        }
        Ok(Region { start, bytes })
    }

    /// The longest match through `at` and `place`; empty if the bytes there differ.
    fn extend(&mut self, at: usize, place: u64) -> Result<Match, Error> {
        let ours = self.canonical;
        let (theirs, before) = self.around(place)?;
        let (behind, ahead) = theirs.split_at(before);
        let (rest, len) = (ahead.len(), behind.len());
        let mut end = at + common_prefix(&ours[at..], ahead);
        let mut start = at - common_suffix(&ours[..at], behind);
        // Seldom does it reach over what lies together.
        if end - at == rest {
            end += self.common_ahead(end..ours.len(), place + rest as u64)?;
        }
        if at - start == len {
            start -= self.common_behind(start, place - len as u64)?;
        }
        Ok(Match { start, end, source: place - (at - start) as u64 })
    }

    /// How many bytes of `ours` are those from `place` on.
    fn common_ahead(&mut self, ours: Range<usize>, place: u64) -> Result<usize, Error> {
        let ours = &self.canonical[ours];
        let mut common = 0;
        while common < ours.len() {
            let theirs = self.ahead(place + common as u64)?;
            let len = common_prefix(&ours[common..], theirs);
            common += len;
            if len < theirs.len() || theirs.is_empty() {
                break;
            }
        }
        Ok(common)
    }

    /// How many bytes before `at` are those before `place`.
    fn common_behind(&mut self, at: usize, place: u64) -> Result<usize, Error> {
        let ours = &self.canonical[..at];
        let mut common = 0;
        while common < ours.len() && place > common as u64 {
            let place = place - common as u64 - 1;
            let theirs = match place.checked_sub(self.base) {
                None => self.texts.behind(place)?,
                Some(own) => &self.canonical[..=to_usize(own)],
            };
            let len = common_suffix(&ours[..ours.len() - common], theirs);
            common += len;
            if len < theirs.len() {
                break;
            }
        }
        Ok(common)
    }

    /// The first of the places where `ours` stands.
    fn earliest(
        &mut self,
        ours: Range<usize>,
        places: impl Iterator<Item = u64>,
    ) -> Result<Option<u64>, Error> {
        for place in places {
            if self.is(ours.clone(), place)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    pub(crate) fn is(&mut self, ours: Range<usize>, place: u64) -> Result<bool, Error> {
        let len = ours.len();
        Ok(self.common_ahead(ours, place)? == len)
    }
}

/// Paragraphs below the span that were whole paragraphs before.
///
/// Longer ones hold an anchor, so [`Finder`] finds them. Adjacent ones with adjacent sources are
/// one match.
fn equal_paragraphs(
    index: &mut Index,
    article: &Incoming<'_>,
    criteria: &Criteria,
) -> Result<Vec<Match>, Error> {
    let lengths = criteria.min_paragraph..criteria.scheme.span();
    let base = index.texts.end();
    let mut view = View { texts: &mut index.texts, base, canonical: article.canonical };
    let mut matches: Vec<Match> = Vec::new();
    let mut proposed = Vec::new();
    for paragraph in article.paragraphs {
        if !lengths.contains(&paragraph.len()) {
            continue;
        }
        let key = key(&article.canonical[paragraph.clone()], PARAGRAPH_DOMAIN);
        if let Some(base) = &index.beneath {
            base.paragraphs(key, &mut proposed)?;
        }
        let spot = index.paragraphs.look_up(key, &mut proposed);
        let postings =
            proposed.drain(..).filter_map(|found| paragraph_place(found, paragraph.len()));
        let source = view.earliest(paragraph.clone(), postings)?;
        let Some(source) = source else {
            let place = base + paragraph.start as u64;
            let check = paragraph_check(place, paragraph.len());
            index.paragraphs.insert_at(spot, key, Posting { place, check, hot: false });
            continue;
        };
        let found = Match { start: paragraph.start, end: paragraph.end, source };
        // Not the end of an article, as between the last paragraph of one and the first of the next.
        match matches.last_mut() {
            Some(last)
                if last.continues_in(&found)
                    && view.is(found.start - 1..found.start, source - 1)? =>
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

/// Whether some bytes can stand at two places that are less than their number apart.
fn overlaps_itself(bytes: u64) -> bool {
    (1..GRAM).any(|distance| (bytes ^ bytes >> (8 * distance)) << (8 * distance) == 0)
}

/// How many bytes two canonical texts have in common at their starts.
///
/// Where they differ is found without a branch, as nothing foretells it; so what fills no step is looked at together
/// with bytes before it.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let mut at = 0;
    for (a, b) in a.as_chunks::<STEP>().0.iter().zip(b.as_chunks::<STEP>().0) {
        if a != b {
            return at + common_first(a, b);
        }
        at += STEP;
    }
    let rest = at.min(len.saturating_sub(STEP));
    rest + common_first(&a[rest..], &b[rest..])
}

/// How many bytes two canonical texts have in common at their ends.
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[a.len() - len..], &b[b.len() - len..]);
    let mut common = 0;
    let steps = a.as_rchunks::<STEP>().1.iter().rev().zip(b.as_rchunks::<STEP>().1.iter().rev());
    for (a, b) in steps {
        if a != b {
            return common + common_last(a, b);
        }
        common += STEP;
    }
    let rest = common.min(len.saturating_sub(STEP));
    rest + common_last(&a[..len - rest], &b[..len - rest])
}

/// How many of the first bytes are equal; of a step, or fewer.
#[inline]
fn common_first(a: &[u8], b: &[u8]) -> usize {
    fn halves<const N: usize>(a: &[u8], b: &[u8]) -> Option<usize> {
        let equal = |a, b| (differing::<N>(a, b).trailing_zeros() as usize / 8).min(N);
        let first = equal(a.first_chunk()?, b.first_chunk()?);
        let last = equal(a.last_chunk()?, b.last_chunk()?);
        Some(select_unpredictable(first == N, a.len() - N + last, first))
    }
    halves::<16>(a, b)
        .or_else(|| halves::<8>(a, b))
        .unwrap_or_else(|| a.iter().zip(b).take_while(|(a, b)| a == b).count())
}

/// How many of the last bytes are equal; of a step, or fewer.
#[inline]
fn common_last(a: &[u8], b: &[u8]) -> usize {
    fn halves<const N: usize>(a: &[u8], b: &[u8]) -> Option<usize> {
        let equal = |a, b| {
            let differing = differing::<N>(a, b) << (u128::BITS as usize - 8 * N);
            (differing.leading_zeros() as usize / 8).min(N)
        };
        let first = equal(a.first_chunk()?, b.first_chunk()?);
        let last = equal(a.last_chunk()?, b.last_chunk()?);
        Some(select_unpredictable(last == N, a.len() - N + first, last))
    }
    halves::<16>(a, b)
        .or_else(|| halves::<8>(a, b))
        .unwrap_or_else(|| a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count())
}

/// The bits in which some bytes differ, the first byte lowest.
#[inline]
fn differing<const N: usize>(a: &[u8; N], b: &[u8; N]) -> u128 {
    let [a, b] = [a, b].map(|bytes| {
        let mut word = [0; 16];
        word[..N].copy_from_slice(bytes);
        u128::from_le_bytes(word)
    });
    a ^ b
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

/// How many bytes lie in one of the matches, which are sorted.
pub(crate) fn covered_bytes(matches: &[Match]) -> usize {
    let (mut bytes, mut reached) = (0, 0);
    for found in matches {
        bytes += found.end.saturating_sub(found.start.max(reached));
        reached = reached.max(found.end);
    }
    bytes
}

/// Which units, such as paragraphs, are covered whole; those without canonical bytes are not.
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

/// A run of units that go, as they follow each other here and in their source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemovedBlock {
    pub(crate) units: Range<usize>,
    /// Where its text is kept: one part, or several where the source was itself part copy.
    pub(crate) parts: Vec<Removed>,
    /// Where it says something else than its source.
    pub(crate) changes: Vec<Change>,
}

impl RemovedBlock {
    /// The parts that are not kept here. The runs of a near copy may be so short that naming the
    /// text would take more than the text.
    pub(crate) fn references(&self) -> impl Iterator<Item = Removed> {
        let least = if self.changes.is_empty() { 0 } else { SHORTEST_REFERENCE };
        self.parts.iter().copied().filter(move |part| part.end - part.start >= least)
    }
}

/// Gives every unit that goes its source, and the kept text that stands for it.
///
/// # Errors
///
/// If a base cannot be read.
pub(crate) fn blocks(
    index: &Index,
    units: &Units<'_>,
    matches: &[Match],
    near: Vec<NearCopy>,
) -> Result<Vec<RemovedBlock>, Error> {
    let mut blocks: Vec<Traced> = Vec::new();
    let mut runs: Vec<Match> = Vec::new();
    let mut last: Option<Match> = None;
    let mut next = 0; // the first match that begins after the position at hand
    for (number, unit) in units.canonical.iter().enumerate() {
        if !units.removed[number] || !units.goes_on(number) {
            last = None;
        }
        if !units.removed[number] {
            continue;
        }
        let mut at = unit.start;
        let mut first = true;
        while at < unit.end {
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
            let end = found.end.min(unit.end);
            // The space before it, if there is one, belongs to the match too.
            let start = if continues { units.canonical[number - 1].end } else { at };
            let part = Match { start, end, source: found.place_of(start) };
            match blocks.last_mut() {
                Some(block) if continues || !first => {
                    block.units.end = number + 1;
                    match runs.last_mut() {
                        Some(before) if continues && before.end == start => before.end = end,
                        _ => runs.push(part),
                    }
                    block.runs.end = runs.len();
                }
                _ => {
                    let (units, run) = (number..number + 1, runs.len()..runs.len() + 1);
                    blocks.push(Traced { units, runs: run, changes: Vec::new() });
                    runs.push(part);
                }
            }
            last = Some(found);
            first = false;
            at = end;
        }
    }
    for copy in near {
        let unit = units.of_paragraph(copy.paragraph);
        let start = runs.len();
        runs.extend(copy.runs);
        blocks.push(Traced {
            units: unit..unit + 1,
            runs: start..runs.len(),
            changes: copy.changes,
        });
    }
    blocks.sort_by_key(|block| block.units.start);
    // Traced as a whole, a run that repeats itself is one part; unit by unit it would
    // be as many as there are.
    let base = index.texts.end();
    let mut tracer = Tracer { index, base, traced: Vec::new(), origins: Vec::new() };
    blocks
        .into_iter()
        .map(|Traced { units, runs: of_block, changes }| {
            let mut parts = Vec::new();
            for run in &runs[of_block] {
                tracer.trace(run, &mut parts)?;
            }
            Ok(RemovedBlock { units, parts, changes })
        })
        .collect()
}

/// A block before its runs are followed to kept text.
struct Traced {
    units: Range<usize>,
    /// The numbers of its runs.
    runs: Range<usize>,
    changes: Vec<Change>,
}

/// Appends a part, or makes one of it and the last if they go on here and in the kept text.
fn join(parts: &mut Vec<Removed>, part: Removed) {
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

/// Follows sources to kept text, through what is removed of the article at hand as well.
struct Tracer<'a> {
    index: &'a Index,
    base: u64,
    /// What was removed of this article so far.
    traced: Vec<Removed>,
    /// The kept text that the source at hand stands for: coordinates and lengths.
    origins: Vec<(u64, u64)>,
}

impl Tracer<'_> {
    /// Appends the kept text that a run stands for.
    fn trace(&mut self, run: &Match, parts: &mut Vec<Removed>) -> Result<(), Error> {
        let &Match { start, end, source } = run;
        let here = self.base + start as u64;
        // A source that reaches into its own copy repeats with their distance as the period.
        let period = to_usize((here - source).min((end - start) as u64));
        self.find_origins(source, source + period as u64)?;
        let mut add = |part| {
            self.traced.push(part);
            join(parts, part);
        };
        if let [(origin, _)] = self.origins[..] {
            add(Removed { start, end, origin, period });
            return Ok(());
        }
        let mut at = start;
        for &(origin, len) in self.origins.iter().cycle() {
            let len = to_usize(len).min(end - at);
            add(Removed { start: at, end: at + len, origin, period: len });
            at += len;
            if at == end {
                break;
            }
        }
        Ok(())
    }

    fn find_origins(&mut self, start: u64, end: u64) -> Result<(), Error> {
        let Self { index, base, ref traced, ref mut origins } = *self;
        origins.clear();
        if start < base {
            index.texts.origins(start..end.min(base), origins)?;
        }
        let mut at = start.max(base);
        while at < end {
            let own = to_usize(at - base);
            let next = traced.partition_point(|part| part.end <= own);
            let (origin, until) = match traced.get(next) {
                Some(part) if part.start <= own => {
                    let offset = (own - part.start) % part.period;
                    (part.origin + offset as u64, part.end.min(own - offset + part.period))
                }
                Some(part) => (at, part.start),
                None => (at, usize::MAX),
            };
            let len = ((until - own) as u64).min(end - at);
            match origins.last_mut() {
                Some((last, last_len)) if *last + *last_len == origin && *last >= base => {
                    *last_len += len;
                }
                _ => origins.push((origin, len)),
            }
            at += len;
        }
        Ok(())
    }
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).expect("BUG: beyond the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_parts_are_those_of_a_look_at_each_byte() {
        let prefix = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let text = b"abc def ghi".repeat(12);
        for len in 0..text.len() {
            let whole = &text[..len];
            for cut in 0..len {
                let mut other = whole.to_vec();
                other[cut] = b'#';
                assert_eq!(common_prefix(whole, &other), cut);
                assert_eq!(common_suffix(whole, &other), len - cut - 1);
                assert_eq!(common_prefix(&whole[..cut], &other), cut);
                assert_eq!(common_suffix(&other, &whole[cut + 1..]), len - cut - 1);
                let (a, b) = (&other[..], &text[cut..]);
                assert_eq!(common_prefix(a, b), prefix(a, b));
                let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
                assert_eq!(common_suffix(&reversed(a), &reversed(b)), prefix(a, b));
            }
            assert_eq!((common_prefix(whole, &text), common_suffix(whole, whole)), (len, len));
        }
    }

    #[test]
    fn bytes_that_overlap_themselves() {
        let mut seen = [0; 2];
        for number in 0..3_usize.pow(8) {
            let mut rest = number;
            let bytes: [u8; 8] = std::array::from_fn(|_| {
                let digit = rest % 3;
                rest /= 3;
                b"abc"[digit]
            });
            let border = (1..8).any(|len| bytes.starts_with(&bytes[8 - len..]));
            assert_eq!(overlaps_itself(u64::from_le_bytes(bytes)), border, "{bytes:?}");
            seen[usize::from(border)] += 1;
        }
        assert!(seen.iter().all(|&count| count > 1000));
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
