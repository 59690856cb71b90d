//! A hash table from 64-bit keys to places, several to a key, in six bytes a place.
//!
//! Extendible hashing (Fagin et al. 1979): the first bits of a key name a shard, through a directory;
//! a shard that is full splits in two, and only when the shard's bits are all that the directory
//! knows does that double, at four bytes a shard. So nothing is rehashed at once, and no growth needs more than
//! the shard at hand twice.
//!
//! A slot has the next bits of the key as its *tag*. The slots of a shard are two groups without
//! order, by the first bit of the tag, which grow towards each other from both ends of an array:
//! nothing moves when a slot is added, and a search looks at half of the shard. The upper 16 bits
//! of all slots lie together, so that vector code compares them, in a few cache lines that do not
//! wait for each other. The six bytes of a slot are divided anew at every split: the bit of the tag
//! that went into the directory is given to the place, as a table that has twice the slots has
//! places twice as far. Places are kept as [`GRANULE`]s of eight bytes: the caller compares at all
//! eight, as it compares anyway.
//!
//! What is known of a key, [`MAX_KEY_BITS`] as a rule, does not refuse all other keys: of those the caller
//! meets one in eight searches of a table of 16 million places.

use std::collections::VecDeque;
use std::hint::select_unpredictable;
use std::mem::replace;
use std::ops::Range;

use super::log::push;
use crate::mask::{LANES, any_equal, equal_bits};
use crate::processor::prefetch;

/// The greatest place.
pub(crate) const MAX_PLACE: u64 = 1 << 40;

/// Places that a slot does not tell from each other.
pub(crate) const GRANULE: u8 = 8;

const SLOT_BITS: u32 = 48;
const SLOT: u64 = (1 << SLOT_BITS) - 1;
/// The bits of a slot in its lower part.
const LOWER_BITS: u32 = 32;
/// The bits of a slot below the place: whether it is hot, and the check.
const LOW_BITS: u32 = 9;
/// The most bits that a table knows of a key: of a table of one shard, all bits but those of the place.
#[cfg(feature = "index")]
pub(crate) const MAX_KEY_BITS: u32 = SLOT_BITS - LOW_BITS - FIRST_PLACE_BITS;
/// The bits of a place in a table of one shard.
const FIRST_PLACE_BITS: u32 = 12;
/// Slots from which a shard splits.
const FULL: usize = 320;
/// Slots by which the room of a shard grows: with twelve, a table alone takes 5 % longer, and 1 % less memory.
const MORE: usize = 16;
/// Blocks of slots that a search looks at at once, whether there are as many or not. Of the slots
/// of a shard that does not split yet about half are in each group, with a deviation of nine.
const SCANNED: usize = 6;
/// Enough for the granule of [`MAX_PLACE`], and leaving a bit to the tag.
const MAX_PLACE_BITS: u32 = 38;

/// A place found under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    /// The place, of which a slot keeps the granule: then this is its first.
    pub(crate) place: u64,
    /// What the caller wants to know before it looks at the place.
    pub(crate) check: u8,
    /// Whether the key has so many places that later ones are under keys with more context.
    pub(crate) hot: bool,
}

impl Posting {
    /// The same, its place counted from 0 instead of from `first`.
    fn behind(self, first: u64) -> Self {
        Self { place: first + self.place, ..self }
    }
}

/// Where the next posting of a key goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot {
    shard: u32,
    /// How many slots the group had, and of how many bits of their keys the shard knew that they
    /// have them in common.
    len: u32,
    depth: u8,
    group: u8,
}

#[derive(Default)]
pub(crate) struct Table {
    /// For each beginning of a key, its shard. Empty before the first insertion.
    directory: Vec<u32>,
    shards: Vec<Shard>,
    /// Slots that there is room for.
    capacity: usize,
    entries: usize,
    outgrown: Outgrown,
    /// What places are counted from: a granule's first.
    first: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("entries", &self.entries)
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

impl Table {
    /// A table for places from `first` on, some of the same granule included.
    #[cfg(feature = "index")]
    pub(crate) fn from_place(first: u64) -> Self {
        Self { first: first - first % u64::from(GRANULE), ..Self::default() }
    }

    /// A table for so many entries whose keys have `key_bits` known bits, the others being zero,
    /// and whose places are below `end`.
    ///
    /// It claims to know no more of any key, so that a search for one with other bits behind those
    /// finds its entries. And it is split from the start: in a table of few shards, great places
    /// would take bits of the keys that they do not need in one of many.
    #[cfg(feature = "index")]
    pub(crate) fn with_key_bits(key_bits: u32, entries: u64, end: u64) -> Self {
        debug_assert!((1..=MAX_KEY_BITS).contains(&key_bits));
        let first_place_bits = SLOT_BITS - LOW_BITS - key_bits;
        let granules = end.div_ceil(u64::from(GRANULE));
        let for_places = (u64::BITS - granules.leading_zeros()).saturating_sub(first_place_bits);
        let for_entries = entries.div_ceil(FULL as u64 * 3 / 4).next_power_of_two().ilog2();
        // Few entries are not spread over many shards for that; they give up bits instead.
        let most = entries.div_ceil(FULL as u64 / 4).max(1).ilog2();
        let depth = for_entries.max(for_places.min(most)).min(MAX_PLACE_BITS - first_place_bits);
        let place_bits = first_place_bits + depth;
        let count = 1_u32 << depth;
        let shards = (0..count).map(|_| Shard::new(Box::default(), depth, place_bits));
        Self { directory: (0..count).collect(), shards: shards.collect(), ..Self::default() }
    }

    /// The bits that are known of every key.
    #[cfg(feature = "index")]
    pub(crate) fn key_bits(&self) -> u32 {
        self.shards.iter().map(Shard::key_bits).min().unwrap_or(MAX_KEY_BITS)
    }

    /// The entries that came in last, back to the first place that is not from `place` on, by what
    /// is known of their keys; what is not is zero. In time that grows with them, and a little with
    /// the number of shards.
    #[cfg(feature = "index")]
    pub(crate) fn entries_from(
        &self,
        place: u64,
    ) -> impl Iterator<Item = (u64, Posting)> + use<'_> {
        let depth = self.depth();
        let from = place.saturating_sub(self.first);
        let from = from - from % u64::from(GRANULE);
        let mut before = None;
        (0_u64..).zip(&self.directory).flat_map(move |(beginning, &number)| {
            // All beginnings of a shard stand together.
            let is_new = before.replace(number) != Some(number);
            let shard = &self.shards[number as usize];
            let slots = if is_new { shard.newest(from) } else { Vec::new() };
            slots.into_iter().map(move |slot| {
                let tag = slot >> shard.tag_shift() << (u64::BITS - shard.key_bits());
                // Twice, as one shift by 64 is none.
                (beginning << 1 << (u64::BITS - 1 - depth) | tag, self.posting(shard, slot))
            })
        })
    }

    /// Drops all entries but some; those stay in the order they came in. In time that grows with
    /// the table, but nothing is made anew.
    #[cfg(feature = "index")]
    pub(crate) fn retain(&mut self, is_kept: impl Fn(Posting) -> bool) {
        let first = self.first;
        for shard in &mut self.shards {
            self.entries -= shard.len();
            shard.retain(|posting| is_kept(posting.behind(first)));
            self.entries += shard.len();
        }
    }

    fn posting(&self, shard: &Shard, slot: u64) -> Posting {
        shard.posting(slot).behind(self.first)
    }

    /// Appends the postings under `key`, in the order they came in, with a few of other keys among
    /// them; says where the next one goes.
    #[inline]
    pub(crate) fn look_up(&self, key: u64, found: &mut Vec<Posting>) -> Spot {
        let Some(number) = self.shard(key) else {
            // Where it will be in the first shard.
            return Spot { group: Shard::default().group(key), ..Spot::default() };
        };
        let shard = &self.shards[number as usize];
        let group = shard.group(key);
        if shard.may_have(group, key) {
            self.collect(shard, group, key, found);
        }
        Spot { shard: number, len: shard.lens[usize::from(group)], depth: shard.depth, group }
    }

    /// Appends the postings under `key`, if there are any.
    #[inline(never)]
    fn collect(&self, shard: &Shard, group: u8, key: u64, found: &mut Vec<Posting>) {
        let before = found.len();
        shard.find(group, key, |slot| found.push(self.posting(shard, slot)));
        if group == 1 {
            found[before..].reverse();
        }
    }

    /// Fetches what says where a search for the key looks: searches for several keys would wait for each other.
    pub(crate) fn prefetch_shard(&self, key: u64) {
        prefetch(&self.shards, self.shard(key).unwrap_or(0) as usize);
    }

    /// Fetches what a search for the key looks at, some time later.
    pub(crate) fn prefetch_slots(&self, key: u64) {
        if let Some(number) = self.shard(key) {
            self.shards[number as usize].prefetch(key);
        }
    }

    /// Whether nothing was added since a search that might be found by it.
    pub(crate) fn is_current(&self, spot: Spot) -> bool {
        let now = self.shards.get(spot.shard as usize);
        let now = now.map(|shard| (shard.lens[usize::from(spot.group)], shard.depth));
        now.unwrap_or_default() == (spot.len, spot.depth)
    }

    /// Adds a posting behind those of its key.
    pub(crate) fn insert(&mut self, key: u64, posting: Posting) {
        let shard = self.shard(key).unwrap_or(0);
        self.insert_at(Spot { shard, ..Spot::default() }, key, posting);
    }

    /// The same, where [`look_up`](Self::look_up) said that it goes; nothing may have been added since.
    #[inline]
    pub(crate) fn insert_at(&mut self, spot: Spot, key: u64, posting: Posting) {
        debug_assert!((self.first..=MAX_PLACE).contains(&posting.place));
        let posting = Posting { place: posting.place - self.first, ..posting };
        let number = match self.shards.get(spot.shard as usize) {
            Some(shard) if shard.len() < shard.capacity() && shard.len() < FULL => spot.shard,
            _ => self.make_room(key, spot.shard),
        };
        debug_assert_eq!(self.shard(key), Some(number), "the table has changed since");
        self.shards[number as usize].insert(key, posting);
        self.entries += 1;
    }

    /// Makes room for a key in its shard; returns the number of that, which a split may change.
    #[inline(never)]
    fn make_room(&mut self, key: u64, mut number: u32) -> u32 {
        if self.shards.is_empty() {
            self.directory.push(0);
            self.shards.push(Shard::default());
        }
        if self.shards[number as usize].len() >= FULL && self.can_split(number) {
            self.split(key, number);
            number = self.shard(key).expect("BUG: there is a shard");
        }
        let shard = &mut self.shards[number as usize];
        if shard.len() == shard.capacity() {
            let before = shard.capacity();
            shard.grow(&mut self.outgrown);
            self.capacity += shard.capacity() - before;
        }
        self.outgrown.trim(self.shards.len());
        number
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.capacity * SLOT_BITS as usize / 8
            + self.shards.capacity() * size_of::<Shard>()
            + self.directory.capacity() * size_of::<u32>()
            + self.outgrown.memory()
    }

    fn shard(&self, key: u64) -> Option<u32> {
        self.directory.get(first_bits(key, self.depth())).copied()
    }

    /// The bits of a key that the directory looks at.
    fn depth(&self) -> u32 {
        self.directory.len().checked_ilog2().unwrap_or(0)
    }

    /// Not if the directory would outgrow the shards by far, which only keys do that were made to
    /// begin alike: those share a longer shard instead.
    fn can_split(&self, number: u32) -> bool {
        let shard = &self.shards[number as usize];
        let (depth, place_bits) = (shard.depth(), shard.place_bits());
        place_bits < MAX_PLACE_BITS
            && (depth < self.depth() || self.directory.len() <= 8 * self.shards.len())
    }

    /// Splits the shard of `key`.
    fn split(&mut self, key: u64, number: u32) {
        let number = number as usize;
        let depth = self.shards[number].depth();
        if depth == self.depth() {
            self.directory = self.directory.iter().flat_map(|&number| [number, number]).collect();
        }
        let new = u32::try_from(self.shards.len()).expect("BUG: place bits bound the shards");
        let before = self.shards[number].capacity();
        let upper = self.shards[number].split(&mut self.outgrown);
        self.capacity += self.shards[number].capacity() + upper.capacity();
        self.capacity -= before;
        push(&mut self.shards, upper);
        // All beginnings of the shard stand together; the later half of them is the new one's.
        let span = 1 << (self.depth() - depth);
        let first = first_bits(key, depth) * span;
        self.directory[first + span / 2..first + span].fill(new);
    }
}

/// The first bits of a key.
pub(crate) fn first_bits(key: u64, bits: u32) -> usize {
    // Twice, as one shift by 64 is none.
    usize::try_from(key >> 1 >> (u64::BITS - 1 - bits)).expect("BUG: the directory is in memory")
}

/// Slots: from the highest bit down, tag, granule of the place, check, hot.
struct Shard {
    /// The upper 16 bits of each slot, and behind them the lower 32.
    parts: Box<[u16]>,
    /// Slots that there is room for: a third of the parts.
    capacity: u32,
    /// How many slots there are with each first bit of the tag: those with 0 from the start on,
    /// those with 1 from the end on, towards each other.
    lens: [u32; 2],
    /// The bits that all its keys have in common.
    depth: u8,
    place_bits: u8,
}

impl Default for Shard {
    fn default() -> Self {
        Self::new(Box::default(), 0, FIRST_PLACE_BITS)
    }
}

impl Shard {
    fn new(parts: Box<[u16]>, depth: u32, place_bits: u32) -> Self {
        let [depth, place_bits] =
            [depth, place_bits].map(|bits| u8::try_from(bits).expect("BUG: of 64 bits"));
        Self { capacity: narrow(parts.len() / 3), parts, lens: [0; 2], depth, place_bits }
    }

    /// Slots that there are to be room for: shards are many, and room in each of them adds up.
    fn room(len: usize) -> usize {
        (len + 1).next_multiple_of(MORE)
    }

    fn len(&self) -> usize {
        self.group_len(0) + self.group_len(1)
    }

    fn group_len(&self, group: u8) -> usize {
        self.lens[usize::from(group)] as usize
    }

    fn depth(&self) -> u32 {
        u32::from(self.depth)
    }

    fn place_bits(&self) -> u32 {
        u32::from(self.place_bits)
    }

    /// Slots that there is room for.
    fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// The bits of a slot below the tag.
    fn tag_shift(&self) -> u32 {
        self.place_bits() + LOW_BITS
    }

    /// The bits that are known of a key.
    #[cfg(feature = "index")]
    fn key_bits(&self) -> u32 {
        self.depth() + SLOT_BITS - self.tag_shift()
    }

    /// The tag of a key where a slot has it.
    fn tag(&self, key: u64) -> u64 {
        key << self.depth() >> (u64::BITS - SLOT_BITS) & self.tag_mask()
    }

    fn tag_mask(&self) -> u64 {
        u64::MAX << self.tag_shift()
    }

    /// The first bit of the tag.
    fn group(&self, key: u64) -> u8 {
        u8::from(key << self.depth() >> (u64::BITS - 1) == 1)
    }

    /// Where the slots of a group lie. Without a branch, as either is as likely.
    fn range(&self, group: u8) -> Range<usize> {
        let len = self.group_len(group);
        let start = select_unpredictable(group == 0, 0, self.capacity() - len);
        start..start + len
    }

    /// Where the next slot of a group goes; anywhere if there is no room for it.
    fn next(&self, group: u8) -> usize {
        let len = self.group_len(group);
        select_unpredictable(group == 0, len, self.capacity().wrapping_sub(len + 1))
    }

    fn posting(&self, slot: u64) -> Posting {
        let places = (1 << self.place_bits()) - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the check is eight bits")]
        Posting {
            place: (slot >> LOW_BITS & places) * u64::from(GRANULE),
            check: (slot >> 1) as u8,
            hot: slot & 1 == 1,
        }
    }

    fn slot(&self, at: usize) -> u64 {
        let (upper, lower) = self.parts.split_at(self.capacity());
        joined(upper[at], lower.as_chunks().0[at])
    }

    fn set_slot(&mut self, at: usize, slot: u64) {
        let (upper, [first, second]) = parted(slot);
        let lower = self.capacity() + 2 * at;
        (self.parts[at], self.parts[lower], self.parts[lower + 1]) = (upper, first, second);
    }

    /// Hands over the slots of a group in the order they came in.
    fn each(&self, group: u8, visit: impl FnMut(u64)) {
        let (upper, lower) = self.parts.split_at(self.capacity());
        let range = self.range(group);
        let slots = upper[range.clone()].iter().zip(&lower.as_chunks().0[range]);
        let slots = slots.map(|(&upper, &lower)| joined(upper, lower));
        if group == 0 { slots.for_each(visit) } else { slots.rev().for_each(visit) }
    }

    #[cfg(feature = "index")]
    fn retain(&mut self, is_kept: impl Fn(Posting) -> bool) {
        for group in [0, 1] {
            let mut slots = Vec::with_capacity(self.group_len(group));
            self.each(group, |slot| slots.push(slot));
            slots.retain(|&slot| is_kept(self.posting(slot)));
            if slots.len() < self.group_len(group) {
                self.lens[usize::from(group)] = 0;
                for slot in slots {
                    self.set_slot(self.next(group), slot);
                    self.lens[usize::from(group)] += 1;
                }
            }
        }
    }

    /// The slots of each group from behind, as long as their place is one from `from` on, by tag;
    /// those of one tag in the order they came in.
    #[cfg(feature = "index")]
    fn newest(&self, from: u64) -> Vec<u64> {
        let is_new = |&slot: &u64| self.posting(slot).place >= from;
        let first = self.range(0).rev().map(|at| self.slot(at)).take_while(is_new);
        let second = self.range(1).map(|at| self.slot(at)).take_while(is_new);
        let mut slots: Vec<u64> = first.chain(second).collect();
        slots.reverse();
        slots.sort_by_key(|slot| slot >> self.tag_shift());
        slots
    }

    /// What the upper part of a slot with the tag of a key has where the mask has ones.
    fn upper(&self, key: u64) -> [u16; 2] {
        #[expect(clippy::cast_possible_truncation, reason = "16 bits")]
        [self.tag(key), self.tag_mask()].map(|bits| (bits >> LOWER_BITS) as u16)
    }

    /// Slots from one on that are looked at at once, whether they are of the group or not.
    fn scanned(&self, first: usize) -> Option<&[[u16; LANES]; SCANNED]> {
        self.parts.get(first..)?.as_chunks().0.first_chunk()
    }

    /// Whether slots of a group may have the tag of a key: seldom if they do not, and not if there are none.
    #[inline]
    fn may_have(&self, group: u8, key: u64) -> bool {
        let Range { start, end } = self.range(group);
        let [upper, mask] = self.upper(key);
        match self.scanned(start) {
            Some(blocks) if end - start <= SCANNED * LANES => any_equal(blocks, upper, mask),
            _ => end > start,
        }
    }

    /// Hands over the slots of a group that have the tag of a key, as they lie.
    fn find(&self, group: u8, key: u64, mut found: impl FnMut(u64)) {
        let (tag, tag_mask) = (self.tag(key), self.tag_mask());
        let [upper, mask] = self.upper(key);
        let Range { start, end } = self.range(group);
        let mut found_at = |at| {
            let slot = self.slot(at);
            if slot & tag_mask == tag {
                found(slot);
            }
        };
        for first in (start..end).step_by(SCANNED * LANES) {
            // What lies behind the group is looked at too, and passed over.
            let Some(blocks) = self.scanned(first) else {
                (first..end).for_each(&mut found_at); // a shard of few slots
                return;
            };
            let equal = equal_bits(blocks, upper, mask);
            // Not by a look at each block, as in which one something is found is not foreseen.
            let mut blocks = (0..SCANNED)
                .fold(0_u32, |blocks, block| blocks | u32::from(equal[block] != 0) << block);
            while blocks != 0 {
                let block = blocks.trailing_zeros() as usize;
                blocks &= blocks - 1;
                let mut bits = equal[block];
                while bits != 0 {
                    let at = first + block * LANES + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if at < end {
                        found_at(at);
                    }
                }
            }
        }
    }

    /// Fetches what a search for a key looks at, and where the next slot goes; all of a shard
    /// without room, which is about to be copied.
    fn prefetch(&self, key: u64) {
        if self.len() == self.capacity() {
            for line in (0..self.parts.len()).step_by(LANES) {
                prefetch(&self.parts, line);
            }
            return;
        }
        let group = self.group(key);
        let Range { start, .. } = self.range(group);
        // One more than is scanned, as the first begins before the start. As many for each shard, as to
        // end in time for what a shard has was as often as not foreseen wrongly.
        for line in 0..=SCANNED {
            prefetch(&self.parts, start + line * LANES);
        }
        let next = self.next(group);
        prefetch(&self.parts, self.capacity().wrapping_add(next).wrapping_add(next));
    }

    /// Adds a slot, for which there must be room.
    #[inline]
    fn insert(&mut self, key: u64, posting: Posting) {
        let granule = posting.place / u64::from(GRANULE);
        if granule >> self.place_bits() != 0 {
            self.widen_for(granule);
        }
        let slot = self.tag(key)
            | granule << LOW_BITS
            | u64::from(posting.check) << 1
            | u64::from(posting.hot);
        let group = self.group(key);
        self.set_slot(self.next(group), slot);
        self.lens[usize::from(group)] += 1;
    }

    /// Gives the place bits of the tag until a granule fits.
    #[cold]
    fn widen_for(&mut self, granule: u64) {
        while granule >> self.place_bits() != 0 {
            self.widen();
        }
    }

    /// Makes room for a few more.
    fn grow(&mut self, outgrown: &mut Outgrown) {
        let before = self.capacity();
        let capacity = Self::room(self.len());
        let mut parts = outgrown.take(3 * capacity);
        let (upper, lower) = self.parts.split_at(before);
        let (new_upper, new_lower) = parts.split_at_mut(capacity);
        let (lower, _) = lower.as_chunks::<2>();
        let (new_lower, _) = new_lower.as_chunks_mut();
        let [first, second] = [0, 1].map(|group| self.range(group));
        let moved = second.start + capacity - before..capacity;
        new_upper[first.clone()].copy_from_slice(&upper[first.clone()]);
        new_upper[moved.clone()].copy_from_slice(&upper[second.clone()]);
        new_lower[first.clone()].copy_from_slice(&lower[first]);
        new_lower[moved].copy_from_slice(&lower[second]);
        outgrown.give(replace(&mut self.parts, parts));
        self.capacity = narrow(capacity);
    }

    /// Gives the place the lowest bit of the tag.
    fn widen(&mut self) {
        let shift = self.tag_shift();
        assert!(self.place_bits() < MAX_PLACE_BITS, "BUG: a place beyond MAX_PLACE");
        for at in self.range(0).chain(self.range(1)) {
            let slot = self.slot(at);
            let low = slot & ((1 << shift) - 1);
            self.set_slot(at, slot >> (shift + 1) << (shift + 1) | low);
        }
        self.place_bits += 1;
    }

    /// Keeps the group of the keys whose next bit is 0, and gives that of those with 1. The bit
    /// that is known of each goes to the place.
    fn split(&mut self, outgrown: &mut Outgrown) -> Self {
        let shift = self.tag_shift();
        let [lower, upper] = [0, 1].map(|group| {
            let capacity = Self::room(self.group_len(group));
            let parts = outgrown.take(3 * capacity);
            let mut half = Self::new(parts, self.depth() + 1, self.place_bits() + 1);
            let (upper, lower) = half.parts.split_at_mut(capacity);
            let (lower, _) = lower.as_chunks_mut();
            let mut next = [0, capacity - 1];
            self.each(group, |slot| {
                let low = slot & ((1 << shift) - 1);
                let slot = (slot >> shift << (shift + 1) | low) & SLOT;
                // Either is as likely, so it is without a branch.
                let group = usize::from(slot >> (SLOT_BITS - 1) == 1);
                (upper[next[group]], lower[next[group]]) = parted(slot);
                next = [next[0] + 1 - group, next[1] - group];
            });
            let lens = [next[0], capacity - 1 - next[1]];
            half.lens = lens.map(narrow);
            half
        });
        outgrown.give(replace(self, lower).parts);
        upper
    }
}

/// The arrays that shards outgrew last, for others that are about to be as large.
///
/// Shards grow at the same pace, so there often is one that fits: the allocator took a tenth of the
/// time of a table.
#[derive(Default)]
struct Outgrown {
    arrays: VecDeque<Box<[u16]>>,
    /// Bytes of all of them.
    memory: usize,
}

impl Outgrown {
    /// How many are kept; and of how many shards one is, so that a small table stays small.
    const KEPT: usize = 16;
    const SHARDS: usize = 64;

    fn take(&mut self, len: usize) -> Box<[u16]> {
        let fitting = self.arrays.iter().position(|parts| parts.len() == len);
        match fitting.and_then(|at| self.arrays.swap_remove_front(at)) {
            Some(parts) => {
                self.memory -= size_of_val(&*parts);
                parts
            }
            None => vec![0; len].into_boxed_slice(),
        }
    }

    fn give(&mut self, parts: Box<[u16]>) {
        if !parts.is_empty() {
            self.memory += size_of_val(&*parts);
            self.arrays.push_front(parts);
        }
    }

    /// Forgets the oldest of too many.
    fn trim(&mut self, shards: usize) {
        while self.arrays.len() > Self::KEPT.min(shards / Self::SHARDS) {
            self.memory -= self.arrays.pop_back().map_or(0, |parts| size_of_val(&*parts));
        }
    }

    /// Bytes of memory, without a look at each: asked for with every article.
    fn memory(&self) -> usize {
        self.memory
    }
}

/// A number of slots.
fn narrow(slots: usize) -> u32 {
    u32::try_from(slots).expect("BUG: fewer than there are places")
}

/// A slot, of its parts.
fn joined(upper: u16, lower: [u16; 2]) -> u64 {
    u64::from(upper) << LOWER_BITS | u64::from(lower[1]) << 16 | u64::from(lower[0])
}

#[expect(clippy::cast_possible_truncation, reason = "in parts")]
fn parted(slot: u64) -> (u16, [u16; 2]) {
    ((slot >> LOWER_BITS) as u16, [slot as u16, (slot >> 16) as u16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(i: u64) -> u64 {
        i.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(i.wrapping_mul(i) << 20)
    }

    fn postings(table: &Table, key: u64) -> Vec<Posting> {
        let mut found = Vec::new();
        table.look_up(key, &mut found);
        found
    }

    fn found(table: &Table, key: u64, posting: Posting) -> bool {
        let place = posting.place - posting.place % u64::from(GRANULE);
        let expected = Posting { place, ..posting };
        postings(table, key).contains(&expected)
    }

    #[test]
    fn finds_what_was_inserted() {
        let mut table = Table::default();
        assert_eq!(postings(&table, 7), []);
        let posting =
            |i: u64| Posting { place: i * 90, check: (i % 251) as u8, hot: i.is_multiple_of(7) };
        let key = |i: u64| spread(i % 50_000);
        for i in 0..200_000 {
            table.insert(key(i), posting(i));
        }
        assert_eq!(table.entries, 200_000);
        for i in 0..200_000 {
            assert!(found(&table, key(i), posting(i)), "{i}");
        }
        let others: usize = (0..50_000).map(|i| postings(&table, !spread(i)).len()).sum();
        assert!(others < 500, "{others} places of other keys");
        assert!(table.memory() < 200_000 * 7, "{} bytes", table.memory());
    }

    #[cfg(feature = "index")]
    #[test]
    fn what_is_retained_is_found_and_comes_before_what_is_inserted() {
        let mut table = Table::default();
        let posting = |i: u64| Posting { place: i * 8, check: (i % 251) as u8, hot: false };
        let key = |i: u64| spread(i % 5000);
        for i in 0..20_000 {
            table.insert(key(i), posting(i));
        }
        table.retain(|posting| posting.place < 10_000 * 8);
        assert_eq!(table.entries, 10_000);
        for i in 0..20_000 {
            assert_eq!(found(&table, key(i), posting(i)), i < 10_000, "{i}");
        }
        for i in 10_000..15_000 {
            table.insert(key(i), posting(i));
        }
        assert_eq!(table.entries_from(10_000 * 8).count(), 5000);
        for i in 0..5000 {
            let of_key = postings(&table, key(i)).into_iter();
            let places: Vec<u64> = of_key.map(|posting| posting.place / 8).collect();
            let mut own = places.iter().filter(|&&place| place % 5000 == i);
            assert!([i, i + 5000, i + 10_000].iter().eq(own.by_ref()), "{places:?}");
        }
    }

    #[test]
    fn a_search_is_current_until_its_shard_changes() {
        let mut table = Table::default();
        let posting = |place| Posting { place, check: 0, hot: false };
        let mut found = Vec::new();
        for key in [7, !7] {
            let mut table = Table::default();
            let empty = table.look_up(key, &mut found);
            assert!(table.is_current(empty));
            table.insert(key, posting(9));
            assert!(!table.is_current(empty));
        }
        let empty = table.look_up(7, &mut found);
        assert!(table.is_current(empty));
        // All begin with a 0, so that a split leaves as many slots as there were.
        for i in 0..FULL as u64 {
            table.insert(spread(i) >> 1, posting(i));
        }
        assert!(!table.is_current(empty));
        let (lower, upper) = (table.look_up(7, &mut found), table.look_up(!7, &mut found));
        assert!(table.is_current(lower) && table.is_current(upper));
        table.insert(!7, posting(9));
        assert!(!table.is_current(lower) && !table.is_current(upper));
        let (lower, upper) = (table.look_up(7, &mut found), table.look_up(!7, &mut found));
        table.insert(!8, posting(9));
        assert!(table.is_current(lower) && !table.is_current(upper));
    }

    #[test]
    fn shards_without_room_are_fetched() {
        let mut table = Table::default();
        let fetch = |table: &Table| {
            for key in [7, !7] {
                table.prefetch_shard(key);
                table.prefetch_slots(key);
            }
        };
        fetch(&table);
        // All of the second group, so that the first has no place of its own.
        for i in 0..FULL as u64 {
            table.insert(u64::MAX - i, Posting { place: i, check: 0, hot: false });
            fetch(&table);
        }
        #[cfg(feature = "index")]
        fetch(&Table::with_key_bits(20, 1, 9));
    }

    #[test]
    fn what_a_shard_outgrew_is_used_by_others_and_not_hoarded() {
        let parts = |len: usize, value| vec![value; len].into_boxed_slice();
        let mut outgrown = Outgrown::default();
        for (len, value) in [(48, 1), (96, 2), (48, 3)] {
            outgrown.give(parts(len, value));
        }
        assert_eq!(outgrown.take(96), parts(96, 2));
        assert_eq!(outgrown.take(96), parts(96, 0), "there is none any more");
        assert_eq!(outgrown.memory(), 192);
        outgrown.trim(Outgrown::SHARDS);
        assert_eq!(outgrown.take(48), parts(48, 3), "the one that came last is kept");
        assert_eq!(outgrown.memory(), 0);
        (0..99).for_each(|_| outgrown.give(parts(48, 1)));
        outgrown.trim(usize::MAX);
        assert_eq!(outgrown.memory(), Outgrown::KEPT * 96);
        let mut table = Table::default();
        (0..9000).for_each(|i| table.insert(spread(i), Posting { place: i, check: 0, hot: false }));
        assert!(table.outgrown.memory() <= table.memory() / 50);
    }

    #[test]
    fn the_greatest_place_is_kept() {
        let mut table = Table::default();
        for i in 0..1000 {
            table.insert(spread(i), Posting { place: i, check: 255, hot: false });
        }
        let posting = Posting { place: MAX_PLACE, check: 170, hot: true };
        table.insert(u64::MAX, posting);
        assert!(found(&table, u64::MAX, posting));
        assert!((0..1000).all(|i| found(
            &table,
            spread(i),
            Posting { place: i, check: 255, hot: false }
        )));
    }

    #[cfg(feature = "index")]
    mod loaded {
        use super::*;
        use proptest::prelude::*;

        fn load(table: &Table, key_bits: u32, end: u64) -> Table {
            let mut loaded = Table::with_key_bits(key_bits, table.entries as u64, end);
            for (key, posting) in table.entries_from(0) {
                loaded.insert(key & (u64::MAX << (u64::BITS - key_bits)), posting);
            }
            loaded
        }

        #[test]
        fn entries_are_sorted_and_each_comes_once() {
            let mut table = Table::default();
            for i in 0..30_000 {
                table.insert(spread(i), Posting { place: i * 88, check: 7, hot: i % 5 == 0 });
            }
            let mut places: Vec<u64> = Vec::new();
            let mut last = 0;
            for (key, posting) in table.entries_from(0) {
                assert!(last <= key);
                last = key;
                let bits = table.key_bits();
                let original = spread(posting.place / 88) >> (u64::BITS - bits);
                assert_eq!(key >> (u64::BITS - bits), original);
                places.push(posting.place);
            }
            places.sort_unstable();
            assert!(places.into_iter().eq((0..30_000).map(|i| i * 88)));
            assert_eq!(table.key_bits(), MAX_KEY_BITS);
        }

        #[test]
        fn what_came_last_is_handed_out_alone() {
            let mut table = Table::default();
            let posting = |i| Posting { place: i * 88, check: 7, hot: false };
            (0..20_000).for_each(|i| table.insert(spread(i), posting(i)));
            // Sorted by key, as what is on disk is.
            let mut loaded = load(&table, table.key_bits(), 40_000 * 88);
            let end = 20_000 * 88;
            for (count, i) in (20_000..40_000).enumerate() {
                if [0, 1, 5, 3000].contains(&count) {
                    let newest: Vec<_> = loaded.entries_from(end).collect();
                    assert_eq!(newest.len(), count);
                    assert!(newest.is_sorted_by_key(|(key, _)| *key));
                    assert!(newest.iter().all(|(_, posting)| posting.place >= end));
                }
                loaded.insert(spread(i), posting(i));
            }
            assert_eq!(loaded.entries_from(end).count(), 20_000);
            assert_eq!(loaded.entries_from(0).count(), 40_000);
        }

        #[test]
        fn a_table_that_lost_bits_is_found_in_when_it_is_loaded() {
            // Few entries far apart: their places take bits of the keys.
            for (count, distance) in [(1, 1 << 39), (9, 1 << 30), (200, 1 << 20), (5000, 1 << 16)] {
                let mut table = Table::default();
                let posting = |i| Posting { place: (i + 1) * distance, check: 3, hot: false };
                for i in 0..count {
                    table.insert(spread(i), posting(i));
                }
                assert!(table.key_bits() < MAX_KEY_BITS, "{count}");
                let end = (count + 1) * distance;
                let loaded = load(&table, table.key_bits(), end);
                assert!((0..count).all(|i| found(&loaded, spread(i), posting(i))), "{count}");
                assert_eq!(loaded.key_bits(), table.key_bits(), "{count}");
            }
        }

        #[test]
        fn a_loaded_table_is_as_small_and_knows_as_much() {
            let mut table = Table::default();
            let posting = |i| Posting { place: i * 90, check: 3, hot: false };
            for i in 0..200_000 {
                table.insert(spread(i), posting(i));
            }
            let mut loaded = load(&table, table.key_bits(), 200_000 * 90);
            assert_eq!(loaded.key_bits(), table.key_bits());
            assert!(loaded.memory() < table.memory() * 11 / 10);
            for i in 200_000..400_000 {
                loaded.insert(spread(i), posting(i));
            }
            assert!((0..400_000).all(|i| found(&loaded, spread(i), posting(i))));
            assert_eq!(loaded.key_bits(), table.key_bits());
        }

        proptest! {
            #[test]
            fn nothing_is_lost_however_few_bits_are_left(
                keys in prop::collection::vec((any::<u64>(), 0_u64..1 << 20), 1..600),
                later in prop::collection::vec((any::<u64>(), 1_u64 << 20..1 << 30), 0..600),
                fewer in 0_u32..26,
            ) {
                let mut table = Table::default();
                let posting = |place| Posting { place, check: 1, hot: false };
                for &(key, place) in &keys {
                    table.insert(key, posting(place));
                }
                let key_bits = table.key_bits().saturating_sub(fewer).max(1);
                let mut loaded = load(&table, key_bits, 1 << 20);
                for &(key, place) in &later {
                    loaded.insert(key, posting(place));
                }
                for &(key, place) in keys.iter().chain(&later) {
                    prop_assert!(found(&loaded, key, posting(place)));
                }
                prop_assert!(loaded.key_bits() <= key_bits);
            }
        }
    }

    #[cfg(feature = "index")]
    #[test]
    fn places_are_counted_from_the_first() {
        let first = MAX_PLACE - 5000;
        let mut table = Table::from_place(first);
        let posting = |i| Posting { place: first + i, check: 0, hot: false };
        for i in 0..1000 {
            table.insert(spread(i), posting(i));
        }
        assert!((0..1000).all(|i| postings(&table, spread(i)).iter().any(|found| {
            found.place <= first + i && first + i < found.place + u64::from(GRANULE)
        })));
        assert_eq!(table.key_bits(), MAX_KEY_BITS);
    }

    #[test]
    fn keys_that_begin_alike_do_not_blow_up_the_directory() {
        let mut table = Table::default();
        let posting = |i| Posting { place: 8 * i, check: 0, hot: false };
        for i in 0..3000 {
            table.insert(i << 8, posting(i));
        }
        assert!((0..3000).all(|i| found(&table, i << 8, posting(i))));
        assert!(table.memory() < 60_000, "{} bytes", table.memory());
    }
}
