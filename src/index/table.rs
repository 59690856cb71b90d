//! A hash table from 64-bit keys to places, several to a key.
//!
//! Open addressing in shards that grow one at a time: no growth stops the world, and the peak while
//! one grows is its own size. The home of a key rises with its tag, and slots are kept in the order
//! of their tags (Amble, Knuth 1974), so a search for what is not there ends at the first greater tag:
//! at a load of 7/8 after four or five slots, where plain linear probing looks at thirty. A slot has eight bytes: the place, a mark, and as much of the key
//! as is needed to find the slot's home after growth and to refuse nearly all other keys.
//! What it does not refuse, the caller compares in full.

/// How many of a key's bits are kept, the most significant ones.
#[cfg(feature = "index")]
pub(crate) const KEY_BITS: u32 = SHARD_BITS + TAG_BITS;

/// The greatest place.
pub(crate) const MAX_PLACE: u64 = (1 << PLACE_BITS) - 2;

const PLACE_BITS: u32 = 40;
const TAG_BITS: u32 = 23;
const SHARD_BITS: u32 = 12;

/// A place found under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) place: u64,
    /// Whether the key has so many places that later ones are under keys with more context.
    pub(crate) hot: bool,
}

#[derive(Default)]
pub(crate) struct Table {
    shards: Vec<Shard>,
    slots: usize,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entries: usize = self.shards.iter().map(|shard| shard.entries).sum();
        f.debug_struct("Table").field("entries", &entries).field("slots", &self.slots).finish()
    }
}

impl Table {
    /// The postings under `key`, oldest first, with a few of other keys among them.
    pub(crate) fn postings(&self, key: u64) -> impl Iterator<Item = Posting> + use<'_> {
        let tag = tag(key);
        let slots = self.shards.get(shard(key)).map_or(&[][..], |shard| &shard.slots);
        slots[home(tag, slots.len())..]
            .iter()
            .skip_while(move |slot| !slot.is_empty() && slot.tag() < tag)
            .take_while(move |slot| !slot.is_empty() && slot.tag() == tag)
            .map(|slot| slot.posting())
    }

    /// Looks at the slot where the search for each key begins, so that the memory behind it is at
    /// hand when the keys are looked up one after the other: these loads do not wait for each
    /// other, those of the searches would.
    pub(crate) fn touch(&self, keys: impl Iterator<Item = u64>) {
        let mut seen = 0;
        for key in keys {
            if let Some(shard) = self.shards.get(shard(key)) {
                seen ^= shard.slots.get(home(tag(key), shard.slots.len())).map_or(0, |slot| slot.0);
            }
        }
        std::hint::black_box(seen);
    }

    pub(crate) fn insert(&mut self, key: u64, posting: Posting) {
        debug_assert!(posting.place <= MAX_PLACE);
        if self.shards.is_empty() {
            self.shards.resize_with(1 << SHARD_BITS, Shard::default);
        }
        let shard = &mut self.shards[shard(key)];
        let before = shard.slots.len();
        shard.insert(Slot::new(tag(key), posting));
        self.slots += shard.slots.len() - before;
    }

    /// All entries in the order of their keys, those of one key in the order of insertion. Of a key,
    /// [`KEY_BITS`] are left; the others are zero.
    #[cfg(feature = "index")]
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, Posting)> + use<'_> {
        self.shards.iter().zip(0_u64..).flat_map(|(shard, number)| {
            shard.slots.iter().filter(|slot| !slot.is_empty()).map(move |slot| {
                let key = (number << TAG_BITS | slot.tag()) << (u64::BITS - KEY_BITS);
                (key, slot.posting())
            })
        })
    }

    pub(crate) fn memory(&self) -> usize {
        self.slots * size_of::<Slot>() + self.shards.capacity() * size_of::<Shard>()
    }
}

#[derive(Default)]
struct Shard {
    slots: Box<[Slot]>,
    entries: usize,
}

impl Shard {
    fn insert(&mut self, slot: Slot) {
        if (self.entries + 1) * 8 > self.slots.len() * 7 {
            self.grow();
        }
        while !self.place(slot) {
            self.grow();
        }
        self.entries += 1;
    }

    /// By a quarter: memory then stays within a third of what the entries need.
    fn grow(&mut self) {
        let grown = (self.slots.len() + self.slots.len() / 4).max(4);
        let mut slots = vec![Slot::EMPTY; grown];
        let mut free = 0;
        for slot in self.slots.iter().filter(|slot| !slot.is_empty()) {
            let at = home(slot.tag(), grown).max(free);
            if at == slots.len() {
                slots.push(Slot::EMPTY);
            }
            slots[at] = *slot;
            free = at + 1;
        }
        self.slots = slots.into();
    }

    /// Puts a slot behind those of lesser and equal tags; false if there is no room at the end.
    fn place(&mut self, slot: Slot) -> bool {
        let home = home(slot.tag(), self.slots.len());
        let goes_before = |other: &Slot| other.is_empty() || other.tag() > slot.tag();
        let Some(at) = self.slots[home..].iter().position(goes_before) else { return false };
        let at = home + at;
        let Some(free) = self.slots[at..].iter().position(|slot| slot.is_empty()) else {
            return false;
        };
        self.slots.copy_within(at..at + free, at + 1);
        self.slots[at] = slot;
        true
    }
}

/// Tag, mark, and place plus one; all zero is an empty slot.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot(u64);

impl Slot {
    const EMPTY: Self = Self(0);

    fn new(tag: u64, posting: Posting) -> Self {
        Self(tag << (PLACE_BITS + 1) | u64::from(posting.hot) << PLACE_BITS | (posting.place + 1))
    }

    fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    fn tag(self) -> u64 {
        self.0 >> (PLACE_BITS + 1)
    }

    fn posting(self) -> Posting {
        Posting {
            place: (self.0 & ((1 << PLACE_BITS) - 1)) - 1,
            hot: self.0 >> PLACE_BITS & 1 == 1,
        }
    }
}

fn shard(key: u64) -> usize {
    (key >> (u64::BITS - SHARD_BITS)) as usize
}

fn tag(key: u64) -> u64 {
    key << SHARD_BITS >> (u64::BITS - TAG_BITS)
}

/// The first slot to look at: the tag scaled to the number of slots, which may be any, but for
/// some at the end that take what the last homes have no room for.
fn home(tag: u64, slots: usize) -> usize {
    let homes = slots - (slots / 8).min(24);
    ((u128::from(tag) * homes as u128) >> TAG_BITS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_in_order() {
        let mut table = Table::default();
        assert_eq!(table.postings(7).count(), 0);
        let key = |i: u64| (i % 5000).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for i in 0..20_000 {
            table.insert(key(i), Posting { place: i, hot: i >= 15_000 });
        }
        for i in 0..5000 {
            let found: Vec<Posting> =
                table.postings(key(i)).filter(|posting| posting.place % 5000 == i).collect();
            let expected: Vec<Posting> =
                (0..4).map(|n| Posting { place: i + n * 5000, hot: n == 3 }).collect();
            assert_eq!(found, expected);
        }
    }

    #[cfg(feature = "index")]
    #[test]
    fn entries_come_in_the_order_of_keys_and_then_of_insertion() {
        let mut table = Table::default();
        let key = |i: u64| (i % 700).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for i in 0..5000 {
            table.insert(key(i), Posting { place: i, hot: i % 3 == 0 });
        }
        let mut expected: Vec<(u64, Posting)> =
            (0..5000).map(|i| (key(i), Posting { place: i, hot: i % 3 == 0 })).collect();
        let kept = u64::MAX << (u64::BITS - KEY_BITS);
        for (key, _) in &mut expected {
            *key &= kept;
        }
        expected.sort_by_key(|(key, _)| *key);
        assert_eq!(table.entries().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_greatest_place_is_kept() {
        let mut table = Table::default();
        let posting = Posting { place: MAX_PLACE, hot: true };
        table.insert(u64::MAX, posting);
        assert_eq!(table.postings(u64::MAX).collect::<Vec<_>>(), [posting]);
    }
}
