//! A hash table from 64-bit keys to places, several to a key, in six bytes a place.
//!
//! Extendible hashing (Fagin et al. 1979): the first bits of a key name a shard, through a directory;
//! a shard that is full splits in two, and only when the shard's bits are all that the directory
//! knows does that double, at four bytes a shard. So nothing is rehashed at once, and no growth needs more than
//! the shard at hand twice.
//!
//! A shard is a sorted array without gaps. A slot has the next bits of the key as its *tag*, so a
//! search begins where the tag lies between none and all, and ends a few slots from there. The six bytes of a
//! slot are divided anew at every split: the bit of the tag that went into the directory is given to the
//! place, as a table that has twice the slots has places twice as far. Places are kept as [`GRANULE`]s of
//! eight bytes: the caller compares at all eight, as it compares anyway.
//!
//! What is known of a key, some thirty bits, does not refuse all other keys: of those the caller
//! meets one in sixteen searches of a table of 16 million places.

use super::log::push;

/// The greatest place.
pub(crate) const MAX_PLACE: u64 = 1 << 40;

/// Places that a slot does not tell from each other.
pub(crate) const GRANULE: u8 = 8;

const SLOT_BITS: u32 = 48;
/// The bits of a slot below the place: whether it is hot, and the check.
const LOW_BITS: u32 = 9;
/// The most bits that a table knows of a key: of a table of one shard, all bits but those of the place.
#[cfg(feature = "index")]
pub(crate) const MAX_KEY_BITS: u32 = SLOT_BITS - LOW_BITS - FIRST_PLACE_BITS;
/// The bits of a place in a table of one shard.
const FIRST_PLACE_BITS: u32 = 12;
/// Slots from which a shard splits.
const FULL: usize = 256;
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

/// Where the next posting of a key goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    shard: usize,
    at: usize,
}

#[derive(Default)]
pub(crate) struct Table {
    /// For each beginning of a key, its shard. Empty before the first insertion.
    directory: Vec<u32>,
    shards: Vec<Shard>,
    /// Slots that there is room for.
    capacity: usize,
    entries: usize,
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

    /// A table for so many entries whose keys have `key_bits` known bits, the others being zero, and whose places
    /// are below `end`.
    ///
    /// It claims to know no more of any key, so that a search for one with other bits behind those finds
    /// its entries. And it is split from the start: in a table of few shards, great places would take bits of the
    /// keys that they do not need in one of many.
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
        let shards = (0..count).map(|_| Shard { slots: Vec::new(), depth, place_bits });
        Self { directory: (0..count).collect(), shards: shards.collect(), ..Self::default() }
    }

    /// The bits that are known of every key.
    #[cfg(feature = "index")]
    pub(crate) fn key_bits(&self) -> u32 {
        self.shards.iter().map(Shard::key_bits).min().unwrap_or(MAX_KEY_BITS)
    }

    /// All entries, by what is known of their keys; what is not is zero.
    #[cfg(feature = "index")]
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, Posting)> + use<'_> {
        let depth = self.depth();
        let mut before = None;
        (0_u64..).zip(&self.directory).flat_map(move |(beginning, &number)| {
            // All beginnings of a shard stand together.
            let is_new = before.replace(number) != Some(number);
            let shard = &self.shards[number as usize];
            let slots = if is_new { &shard.slots[..] } else { &[] };
            slots.iter().map(move |&slot| {
                let slot = unpack(slot);
                let tag = slot >> shard.tag_shift() << (u64::BITS - shard.key_bits());
                // Twice, as one shift by 64 is none.
                (beginning << 1 << (u64::BITS - 1 - depth) | tag, self.posting(shard, slot))
            })
        })
    }

    fn posting(&self, shard: &Shard, slot: u64) -> Posting {
        let posting = shard.posting(slot);
        Posting { place: self.first + posting.place, ..posting }
    }

    /// Appends the postings under `key`, in the order they came in, with a few of other keys among them; says where the next
    /// one goes.
    pub(crate) fn look_up(&self, key: u64, found: &mut Vec<Posting>) -> Spot {
        let Some(number) = self.shard(key) else { return Spot { shard: 0, at: 0 } };
        let shard = &self.shards[number];
        let (tag, shift) = (shard.tag(key), shard.tag_shift());
        let mut at = shard.first(tag);
        while let Some(slot) = shard.slots.get(at).map(|&slot| unpack(slot))
            && slot >> shift == tag
        {
            found.push(self.posting(shard, slot));
            at += 1;
        }
        Spot { shard: number, at }
    }

    /// Looks at the slot where the search for each key begins, so that the memory behind it is at
    /// hand when the keys are looked up one after the other: these loads do not wait for each
    /// other, those of the searches would.
    pub(crate) fn touch(&self, keys: impl Iterator<Item = u64>) {
        let mut seen = 0;
        for key in keys {
            if let Some(number) = self.shard(key) {
                let shard = &self.shards[number];
                seen ^= shard.slots.get(shard.guess(shard.tag(key))).map_or(0, |slot| slot[0]);
            }
        }
        std::hint::black_box(seen);
    }

    /// Adds a posting behind those of its key.
    pub(crate) fn insert(&mut self, key: u64, posting: Posting) {
        let spot = self.shard(key).map_or(Spot { shard: 0, at: 0 }, |number| Spot {
            shard: number,
            at: self.shards[number].after(key),
        });
        self.insert_at(spot, key, posting);
    }

    /// The same, where [`look_up`](Self::look_up) said that it goes; nothing may have been added since.
    pub(crate) fn insert_at(&mut self, spot: Spot, key: u64, posting: Posting) {
        debug_assert!((self.first..=MAX_PLACE).contains(&posting.place));
        let posting = Posting { place: posting.place - self.first, ..posting };
        let Spot { shard: mut number, mut at } = spot;
        if self.shards.is_empty() {
            self.directory.push(0);
            self.shards.push(Shard::default());
        }
        if self.shards[number].slots.len() >= FULL && self.can_split(number) {
            self.split(key, number);
            number = self.shard(key).expect("BUG: there is a shard");
            at = self.shards[number].after(key);
        }
        let shard = &mut self.shards[number];
        debug_assert_eq!(at, shard.after(key), "the table has changed since");
        let before = shard.slots.capacity();
        shard.insert(at, key, posting);
        self.capacity += shard.slots.capacity() - before;
        self.entries += 1;
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.capacity * size_of::<Slot>()
            + self.shards.capacity() * size_of::<Shard>()
            + self.directory.capacity() * size_of::<u32>()
    }

    fn shard(&self, key: u64) -> Option<usize> {
        let beginning = first_bits(key, self.depth());
        self.directory.get(beginning).map(|&number| number as usize)
    }

    /// The bits of a key that the directory looks at.
    fn depth(&self) -> u32 {
        self.directory.len().checked_ilog2().unwrap_or(0)
    }

    /// Not if the directory would outgrow the shards by far, which only keys do that were made to
    /// begin alike: those share a longer shard instead.
    fn can_split(&self, number: usize) -> bool {
        let Shard { depth, place_bits, .. } = self.shards[number];
        place_bits < MAX_PLACE_BITS
            && (depth < self.depth() || self.directory.len() <= 8 * self.shards.len())
    }

    /// Splits the shard of `key`.
    fn split(&mut self, key: u64, number: usize) {
        let depth = self.shards[number].depth;
        if depth == self.depth() {
            self.directory = self.directory.iter().flat_map(|&number| [number, number]).collect();
        }
        let new = u32::try_from(self.shards.len()).expect("BUG: place bits bound the shards");
        let before = self.shards[number].slots.capacity();
        let upper = self.shards[number].split();
        self.capacity += self.shards[number].slots.capacity() + upper.slots.capacity();
        self.capacity -= before;
        push(&mut self.shards, upper);
        // All beginnings of the shard stand together; the later half of them is the new one's.
        let span = 1 << (self.depth() - depth);
        let first = first_bits(key, depth) * span;
        self.directory[first + span / 2..first + span].fill(new);
    }
}

fn first_bits(key: u64, bits: u32) -> usize {
    // Twice, as one shift by 64 is none.
    usize::try_from(key >> 1 >> (u64::BITS - 1 - bits)).expect("BUG: the directory is in memory")
}

/// From the highest bit down: tag, granule of the place, check, hot. Little endian.
type Slot = [u8; SLOT_BITS as usize / 8];

fn pack(slot: u64) -> Slot {
    *slot.to_le_bytes().first_chunk().expect("BUG: eight bytes begin with six")
}

fn unpack(slot: Slot) -> u64 {
    let mut bytes = [0; 8];
    bytes[..slot.len()].copy_from_slice(&slot);
    u64::from_le_bytes(bytes)
}

struct Shard {
    slots: Vec<Slot>,
    /// The bits that all its keys have in common.
    depth: u32,
    place_bits: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { slots: Vec::new(), depth: 0, place_bits: FIRST_PLACE_BITS }
    }
}

impl Shard {
    /// The bits of a slot below the tag.
    fn tag_shift(&self) -> u32 {
        self.place_bits + LOW_BITS
    }

    /// The bits that are known of a key.
    #[cfg(feature = "index")]
    fn key_bits(&self) -> u32 {
        self.depth + SLOT_BITS - self.tag_shift()
    }

    fn tag(&self, key: u64) -> u64 {
        key << self.depth >> (u64::BITS - (SLOT_BITS - self.tag_shift()))
    }

    fn posting(&self, slot: u64) -> Posting {
        let places = (1 << self.place_bits) - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the check is eight bits")]
        Posting {
            place: (slot >> LOW_BITS & places) * u64::from(GRANULE),
            check: (slot >> 1) as u8,
            hot: slot & 1 == 1,
        }
    }

    /// Where a tag would be if tags were spread evenly.
    fn guess(&self, tag: u64) -> usize {
        // No overflow: a shard is far smaller than what the tag leaves of 64 bits.
        let bits = SLOT_BITS - self.tag_shift();
        usize::try_from((tag * self.slots.len() as u64) >> bits).expect("BUG: within the shard")
    }

    /// The first slot whose tag is not less.
    fn first(&self, tag: u64) -> usize {
        let least = tag << self.tag_shift();
        let mut at = self.guess(tag);
        while at > 0 && unpack(self.slots[at - 1]) >= least {
            at -= 1;
        }
        while self.slots.get(at).is_some_and(|&other| unpack(other) < least) {
            at += 1;
        }
        at
    }

    /// Behind the last slot of a key.
    fn after(&self, key: u64) -> usize {
        let (tag, shift) = (self.tag(key), self.tag_shift());
        // Sorted entries are loaded from the front to the end.
        if self.slots.last().is_none_or(|&last| unpack(last) >> shift <= tag) {
            return self.slots.len();
        }
        let first = self.first(tag);
        first + self.slots[first..].iter().take_while(|&&slot| unpack(slot) >> shift == tag).count()
    }

    fn insert(&mut self, at: usize, key: u64, posting: Posting) {
        let granule = posting.place / u64::from(GRANULE);
        while granule >> self.place_bits != 0 {
            self.widen(0);
        }
        let slot = self.tag(key) << self.tag_shift()
            | granule << LOW_BITS
            | u64::from(posting.check) << 1
            | u64::from(posting.hot);
        if self.slots.len() == self.slots.capacity() {
            // Exactly, and little: shards are many, and room in each of them would add up.
            self.slots.reserve_exact((self.slots.len() / 16).max(4));
        }
        self.slots.insert(at, pack(slot));
    }

    /// Gives the place one more bit: the highest of the tag if that is known from elsewhere, else the lowest.
    fn widen(&mut self, known: u32) {
        let shift = self.tag_shift();
        assert!(self.place_bits < MAX_PLACE_BITS, "BUG: a place beyond MAX_PLACE");
        for slot in &mut self.slots {
            let value = unpack(*slot);
            let tag = value >> shift >> (1 - known);
            let low = value & ((1 << shift) - 1);
            *slot = pack((tag << (shift + 1) | low) & ((1 << SLOT_BITS) - 1));
        }
        self.place_bits += 1;
    }

    /// Keeps the half of the keys whose next bit is 0, and gives those with 1.
    fn split(&mut self) -> Self {
        let middle = self.slots.partition_point(|&slot| unpack(slot) >> (SLOT_BITS - 1) == 0);
        let mut upper = Self {
            slots: self.slots[middle..].to_vec(),
            depth: self.depth + 1,
            place_bits: self.place_bits,
        };
        self.slots.truncate(middle);
        self.slots.shrink_to_fit();
        self.depth += 1;
        self.widen(1);
        upper.widen(1);
        upper
    }
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
            for (key, posting) in table.entries() {
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
            for (key, posting) in table.entries() {
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
