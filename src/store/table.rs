//! Sorted entries in pages of packed bits.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::error::Wrong;
use super::wire::bits_from;
use crate::index::table::{GRANULE, MAX_KEY_BITS, Posting};

/// Entries in a page: some three kilobytes, a microsecond to look through.
pub(crate) const PAGE: usize = 512;

/// Entries that a search looks through: the key of the first of them is at hand.
const STEP: usize = 32;

const HEAD: usize = 4;

/// Keys, places and values are read through one 64-bit word, wherever in a byte they begin.
const MOST_BITS: u8 = 57;

/// The bits of a hash that a table of ids keeps: of a million, it takes one for another once in a
/// million times.
pub(crate) const ID_KEY_BITS: u32 = 40;

/// The most that any table keeps.
pub(crate) const MOST_KEY_BITS: u32 =
    if ID_KEY_BITS > MAX_KEY_BITS { ID_KEY_BITS } else { MAX_KEY_BITS };

/// A key, cut to the bits that the table keeps, and what is under it. A place of text is the number
/// of its granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: u64,
    pub(crate) place: u64,
    pub(crate) value: u64,
}

/// The hash that an id is found by.
pub(crate) fn hash_of_id(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// The bits of a hash that a table keeps.
pub(crate) fn prefix(hash: u64, key_bits: u32) -> u64 {
    hash >> (u64::BITS - key_bits)
}

/// A hash with that prefix.
pub(crate) fn hash(prefix: u64, key_bits: u32) -> u64 {
    prefix << (u64::BITS - key_bits)
}

impl Entry {
    /// An entry of a table of places of text.
    pub(crate) fn of_posting(key: u64, posting: Posting) -> Self {
        Self {
            key,
            place: posting.place / u64::from(GRANULE),
            value: u64::from(posting.check) << 1 | u64::from(posting.hot),
        }
    }

    /// The place of a paragraph: what is kept beside the granule begins with where in that it is.
    pub(crate) fn place_of_paragraph(self) -> u64 {
        self.place.saturating_mul(u64::from(GRANULE)).saturating_add(self.value >> 6)
    }

    /// None if there is no such place.
    #[expect(clippy::cast_possible_truncation, reason = "the check is eight bits")]
    pub(crate) fn posting(self, end: u64) -> Option<Posting> {
        let place = self.place.checked_mul(u64::from(GRANULE)).filter(|&place| place < end)?;
        let check = (self.value >> 1) as u8;
        Some(Posting { place, check, hot: self.value & 1 == 1 })
    }
}

/// Sorted entries with their keys cut by so many bits: still sorted, those of one key by their places.
pub(crate) struct Cut<I: Iterator<Item = Result<Entry, E>>, E> {
    entries: std::iter::Peekable<I>,
    by: u32,
    /// Those of the key at hand, the last one first.
    same: Vec<Entry>,
}

impl<I: Iterator<Item = Result<Entry, E>>, E> Cut<I, E> {
    pub(crate) fn new(entries: impl IntoIterator<IntoIter = I>, by: u32) -> Self {
        Self { entries: entries.into_iter().peekable(), by, same: Vec::new() }
    }
}

impl<I: Iterator<Item = Result<Entry, E>>, E> Iterator for Cut<I, E> {
    type Item = Result<Entry, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.same.is_empty() {
            let by = self.by;
            let first = match self.entries.next()? {
                Ok(first) => Entry { key: first.key >> by, ..first },
                Err(error) => return Some(Err(error)),
            };
            let is_same = |next: &Result<Entry, E>| {
                next.as_ref().is_ok_and(|next| next.key >> by == first.key)
            };
            if !self.entries.peek().is_some_and(is_same) {
                return Some(Ok(first)); // as most are
            }
            self.same.push(first);
            while let Some(Ok(next)) = self.entries.next_if(is_same) {
                self.same.push(Entry { key: first.key, ..next });
            }
            self.same.sort_unstable_by_key(|entry| (entry.place, entry.value));
            self.same.reverse();
        }
        self.same.pop().map(Ok)
    }
}

/// The payload of a page.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let deltas = || {
        let before = entries.iter().take(1).chain(entries);
        entries.iter().zip(before).map(|(entry, before)| entry.key - before.key)
    };
    let places = || entries.iter().map(|entry| entry.place);
    let values = || entries.iter().map(|entry| entry.value);
    let widths = [width(deltas()), width(places()), width(values())];
    let mut bytes = vec![widths[0], widths[1], widths[2], 0];
    pack(&mut bytes, deltas(), widths[0]);
    pack(&mut bytes, places(), widths[1]);
    pack(&mut bytes, values(), widths[2]);
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "at most 64")]
fn width(values: impl Iterator<Item = u64>) -> u8 {
    let width = (u64::BITS - values.fold(0, |all, value| all | value).leading_zeros()) as u8;
    debug_assert!(width <= MOST_BITS);
    width
}

#[expect(clippy::cast_possible_truncation, reason = "byte by byte")]
fn pack(bytes: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u8) {
    let (mut word, mut filled) = (0, 0);
    for value in values {
        word |= value << filled;
        filled += width;
        while filled >= 8 {
            bytes.push(word as u8);
            word >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        bytes.push(word as u8);
    }
}

fn packed_len(count: usize, width: u8) -> usize {
    (count * usize::from(width)).div_ceil(8)
}

/// A page that was read.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    count: usize,
    /// The key of every so many entries. A key is told by the one before it, so without these a search would
    /// add up half the page, for each anchor and each paragraph of a text, in each run.
    steps: Vec<u64>,
    deltas: Packed,
    places: Packed,
    values: Packed,
}

impl Page {
    pub(crate) fn decode(
        mut bytes: Bytes,
        first: u64,
        count: usize,
        key_bits: u32,
    ) -> Result<Self, Wrong> {
        let Some(&[deltas, places, values, 0]) = bytes.first_chunk::<HEAD>() else {
            return Err(Wrong("a page has no head"));
        };
        if deltas.max(places).max(values) > MOST_BITS {
            return Err(Wrong("a page has impossible sizes"));
        }
        let mut take = |len: usize, width: u8| {
            if bytes.len() < len {
                return Err(Wrong("a page is too short"));
            }
            Ok(Packed { bytes: bytes.split_to(len), width })
        };
        take(HEAD, 0)?;
        let mut packed = |width| take(packed_len(count, width), width);
        let (deltas, places, values) = (packed(deltas)?, packed(places)?, packed(values)?);
        let (mut steps, mut key) = (Vec::with_capacity(count.div_ceil(STEP)), first);
        for at in 0..count {
            key = key.saturating_add(deltas.get(at));
            if at.is_multiple_of(STEP) {
                steps.push(key);
            }
        }
        // No key is less than one before it.
        if key >> key_bits != 0 || !bytes.is_empty() {
            return Err(Wrong("a page is not as long as its entries"));
        }
        Ok(Self { count, steps, deltas, places, values })
    }

    /// The entries from the first of a step on.
    fn entries_from(&self, step: usize) -> impl Iterator<Item = Entry> + '_ {
        let start = step * STEP;
        let mut key = self.steps.get(step).copied().unwrap_or_default();
        (start..self.count).map(move |at| {
            if at > start {
                key = key.saturating_add(self.deltas.get(at));
            }
            Entry { key, place: self.places.get(at), value: self.values.get(at) }
        })
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries_from(0)
    }

    /// The entries under a key.
    pub(crate) fn find(&self, key: u64) -> impl Iterator<Item = Entry> + '_ {
        // The first of them may be the last of a step that begins before the key.
        let step = self.steps.partition_point(|&first| first < key).saturating_sub(1);
        self.entries_from(step)
            .skip_while(move |entry| entry.key < key)
            .take_while(move |entry| entry.key == key)
    }
}

/// Numbers of so many bits each.
#[derive(Clone, Debug)]
struct Packed {
    bytes: Bytes,
    width: u8,
}

impl Packed {
    fn get(&self, at: usize) -> u64 {
        bits_from(&self.bytes, at * usize::from(self.width)) & ((1 << self.width) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry =
            (0_u64..1 << ID_KEY_BITS, 0_u64..1 << 40, 0_u64..1 << 24, 0_u32..=35, 0_u32..=40);
        prop::collection::vec(entry, 1..PAGE).prop_map(|entries| {
            let mut entries: Vec<Entry> = entries
                .into_iter()
                .map(|(key, place, value, a, b)| Entry { key: key >> a, place: place >> b, value })
                .collect();
            entries.sort_by_key(|entry| entry.key);
            entries
        })
    }

    proptest! {
        #[test]
        fn a_page_gives_back_its_entries(entries in entries()) {
            let page = Page::decode(encode(&entries).into(), entries[0].key, entries.len(), ID_KEY_BITS).unwrap();
            prop_assert_eq!(page.entries().collect::<Vec<_>>(), entries.clone());
            for entry in &entries {
                let same: Vec<Entry> =
                    entries.iter().copied().filter(|other| other.key == entry.key).collect();
                prop_assert_eq!(page.find(entry.key).collect::<Vec<_>>(), same);
                for beside in [entry.key.wrapping_sub(1), entry.key + 1] {
                    let is_there = entries.iter().any(|other| other.key == beside);
                    prop_assert_eq!(page.find(beside).next().is_some(), is_there);
                }
            }
        }

        #[test]
        fn cut_keys_stay_sorted(entries in entries(), by in 0_u32..40) {
            let cut = Cut::new(entries.iter().copied().map(Ok::<_, ()>), by);
            let cut: Vec<Entry> = cut.collect::<Result<_, _>>().unwrap();
            let mut expected: Vec<Entry> =
                entries.iter().map(|entry| Entry { key: entry.key >> by, ..*entry }).collect();
            expected.sort_by_key(|entry| (entry.key, entry.place, entry.value));
            prop_assert_eq!(cut, expected);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200), first: u64, count in 0_usize..600) {
            if let Ok(page) = Page::decode(bytes.into(), first, count, MAX_KEY_BITS) {
                prop_assert_eq!(page.entries().count(), count);
            }
        }
    }
}
