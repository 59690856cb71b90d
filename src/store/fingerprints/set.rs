//! A run of fingerprints: sorted, packed, in one immutable file.
//!
//! Random numbers that are sorted have nothing in common but that the differences are small: as
//! many bits as the range leaves for each, and one and a half more, are what a Rice code takes.

use std::ops::Range;

use crate::store::error::{IndexError, Wrong};
use crate::store::file::{self, BlockRef, Blocks, Kind};
use crate::store::manifest::RunName;
use crate::store::storage::Storage;
use crate::store::wire::{Input, bits_from, put_u32, put_u64};

/// The version of the format; see [`_format`](crate::_format).
pub(crate) const VERSION: u32 = 1;

const KIND: Kind = Kind { magic: *b"dedupFPR", version: VERSION };

/// Fingerprints in a page: some three kilobytes, a microsecond to look through.
const PAGE: usize = 512;

/// Fingerprints that a search looks through: the first of them is at hand.
const STEP: usize = 32;

/// The payload of a page: ascending fingerprints behind the first, as Rice codes of the differences less one.
fn encode(fingerprints: &[u64]) -> Vec<u8> {
    let gaps = || fingerprints.windows(2).map(|pair| pair[1] - pair[0] - 1);
    // Each code has its low bits, and a one for each time that they do not suffice.
    let cost =
        |low: &u32| gaps().map(|gap| u128::from(gap >> low) + u128::from(*low)).sum::<u128>();
    let range = fingerprints[fingerprints.len() - 1] - fingerprints[0];
    let usual = (range / fingerprints.len() as u64).checked_ilog2().unwrap_or(0);
    let low = (usual.saturating_sub(1)..=usual).min_by_key(cost).expect("BUG: one at least");
    let mut bits = Bits { bytes: vec![low.to_le_bytes()[0]], word: 0, filled: 0 };
    for gap in gaps() {
        for _ in 0..gap >> low {
            bits.put(1, 1);
        }
        bits.put(0, 1);
        bits.put(gap & !(u64::MAX << low), low);
    }
    bits.end()
}

/// Bits on their way into bytes, the least first.
struct Bits {
    bytes: Vec<u8>,
    word: u128,
    filled: u32,
}

impl Bits {
    fn put(&mut self, value: u64, count: u32) {
        self.word |= u128::from(value) << self.filled;
        self.filled += count;
        while self.filled >= u8::BITS {
            self.bytes.push(self.word.to_le_bytes()[0]);
            self.word >>= u8::BITS;
            self.filled -= u8::BITS;
        }
    }

    fn end(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.word.to_le_bytes()[0]);
        }
        self.bytes
    }
}

/// Reads a page; ends with an error where the bytes are not those of as many ascending numbers.
pub(crate) struct Decoder<'a> {
    bits: &'a [u8],
    at: usize,
    low: u32,
    last: u64,
    left: u32,
    begun: bool,
}

impl<'a> Decoder<'a> {
    fn new(payload: &'a [u8], page: PageRef) -> Result<Self, Wrong> {
        Self::from_step(payload, Step { first: page.first, left: page.count, behind: 0 })
    }

    fn from_step(payload: &'a [u8], step: Step) -> Result<Self, Wrong> {
        let (&low, bits) = payload.split_first().ok_or(Wrong("a page has no head"))?;
        if u32::from(low) >= u64::BITS {
            return Err(Wrong("a page has impossible sizes"));
        }
        let Step { first, left, behind } = step;
        Ok(Self { bits, at: behind, low: low.into(), last: first, left, begun: false })
    }

    fn word(&self) -> u64 {
        bits_from(self.bits, self.at)
    }

    fn low_bits(&mut self, count: u32) -> u64 {
        let value = self.word() & !(u64::MAX << count);
        self.at += count as usize;
        value
    }

    #[inline]
    fn gap(&mut self) -> Result<u64, Wrong> {
        let word = self.word();
        let ones = word.trailing_ones();
        let len = ones + 1 + self.low;
        if len > 57 {
            return self.long_gap();
        }
        self.at += len as usize;
        if self.at > self.bits.len() * 8 {
            return Err(Wrong("a page ends early"));
        }
        Ok(u64::from(ones) << self.low | word >> (ones + 1) & !(u64::MAX << self.low))
    }

    /// A gap whose code is not in one word.
    #[cold]
    fn long_gap(&mut self) -> Result<u64, Wrong> {
        let mut high = 0_u64;
        loop {
            let ones = self.word().trailing_ones().min(48);
            high += u64::from(ones);
            self.at += ones as usize;
            if ones < 48 {
                break;
            }
        }
        self.at += 1;
        let half = self.low / 2;
        let low = self.low_bits(half);
        let low = low | self.low_bits(self.low - half) << half;
        if self.at > self.bits.len() * 8 {
            return Err(Wrong("a page ends early"));
        }
        let high = high.checked_mul(1 << self.low).ok_or(Wrong("a page goes too far"))?;
        Ok(high | low)
    }

    fn advance(&mut self) -> Result<u64, Wrong> {
        if self.begun {
            let next = self.last.checked_add(self.gap()?).and_then(|next| next.checked_add(1));
            self.last = next.ok_or(Wrong("a page goes too far"))?;
        }
        self.begun = true;
        let filled = self.at.div_ceil(8) == self.bits.len();
        if self.left == 0 && !(filled && self.word() == 0) {
            return Err(Wrong("a page is longer than its fingerprints"));
        }
        Ok(self.last)
    }
}

impl Iterator for Decoder<'_> {
    type Item = Result<u64, Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let next = self.advance();
        if next.is_err() {
            self.left = 0;
        }
        Some(next)
    }
}

/// A page to be searched.
#[derive(Debug)]
pub(crate) struct Page {
    bytes: Vec<u8>,
    /// One for every so many fingerprints. Each is told by the one before it, so without these a search would add up
    /// half the page.
    steps: Vec<Step>,
}

/// A place in a page from which it can be read on.
#[derive(Clone, Copy, Debug)]
struct Step {
    first: u64,
    /// How many there are from here on.
    left: u32,
    /// Where what stands behind the first begins, in bits.
    behind: usize,
}

impl Page {
    fn decode(bytes: Vec<u8>, page: PageRef) -> Result<Self, Wrong> {
        let mut steps = Vec::with_capacity((page.count as usize).div_ceil(STEP));
        let mut decoder = Decoder::new(&bytes, page)?;
        for at in 0.. {
            let left = decoder.left;
            let Some(first) = decoder.next().transpose()? else { break };
            if usize::is_multiple_of(at, STEP) {
                steps.push(Step { first, left, behind: decoder.at });
            }
        }
        Ok(Self { bytes, steps })
    }

    fn has(&self, fingerprint: u64) -> Result<bool, Wrong> {
        let after = self.steps.partition_point(|step| step.first <= fingerprint);
        let Some(step) = after.checked_sub(1) else { return Ok(false) };
        for other in Decoder::from_step(&self.bytes, self.steps[step])? {
            let other = other?;
            if other >= fingerprint {
                return Ok(other == fingerprint);
            }
        }
        Ok(false)
    }

    /// Bytes of memory, roughly.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + size_of_val(&self.steps[..])
    }
}

#[derive(Clone, Copy, Debug)]
struct PageRef {
    block: BlockRef,
    first: u64,
    count: u32,
}

/// An open run.
#[derive(Debug)]
pub(crate) struct Run {
    file: file::Reader,
    pub(crate) named: RunName,
    count: u64,
    pages: Vec<PageRef>,
}

impl Run {
    pub(crate) fn open(storage: &dyn Storage, named: RunName) -> Result<Self, IndexError> {
        let (file, directory, offset) = file::Reader::open(storage, KIND, named)?;
        let (count, pages) = Self::decode(&directory, named.number, offset)
            .map_err(|wrong| file.wrong(wrong, offset))?;
        Ok(Self { file, named, count, pages })
    }

    fn decode(bytes: &[u8], number: u64, offset: u64) -> Result<(u64, Vec<PageRef>), Wrong> {
        let mut input = Input::new(bytes);
        if input.u64()? != number {
            return Err(Wrong("it has another number"));
        }
        let (count, pages) = (input.u64()?, input.u64()?);
        let mut blocks = Blocks::new();
        let mut refs: Vec<PageRef> = Vec::new();
        // Each round takes bytes, so a count that is too great ends with them.
        for _ in 0..pages {
            let (first, len, count) = (input.u64()?, input.u32()?, input.u32()?);
            if count == 0 || count as usize > PAGE {
                return Err(Wrong("a page has impossible sizes"));
            }
            refs.push(PageRef { block: blocks.next(len), first, count });
        }
        if blocks.end != offset || !input.is_empty() {
            return Err(Wrong("the directory does not begin where the last block ends"));
        }
        let sum: u64 = refs.iter().map(|page| u64::from(page.count)).sum();
        if sum != count || !refs.is_sorted_by(|a, b| a.first < b.first) {
            return Err(Wrong("the directory contradicts itself"));
        }
        Ok((count, refs))
    }

    /// How many fingerprints there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// The page that would have a fingerprint.
    pub(crate) fn page_of(&self, fingerprint: u64) -> Option<usize> {
        self.pages.partition_point(|page| page.first <= fingerprint).checked_sub(1)
    }

    /// The bytes of a page, which agree with their checksum.
    fn bytes(&self, at: usize) -> Result<Vec<u8>, IndexError> {
        self.file.block(self.pages[at].block)
    }

    /// A page to be searched.
    pub(crate) fn page(&self, at: usize) -> Result<Page, IndexError> {
        let page = Page::decode(self.bytes(at)?, self.pages[at]);
        page.map_err(|wrong| self.file.wrong(wrong, self.pages[at].block.offset))
    }

    /// Whether a page has a fingerprint.
    pub(crate) fn page_has(
        &self,
        at: usize,
        page: &Page,
        fingerprint: u64,
    ) -> Result<bool, IndexError> {
        let has = page.has(fingerprint);
        has.map_err(|wrong| self.file.wrong(wrong, self.pages[at].block.offset))
    }

    /// The fingerprints in a range, ascending.
    pub(crate) fn fingerprints(
        &self,
        range: Range<u128>,
    ) -> impl Iterator<Item = Result<u64, IndexError>> + '_ {
        let first = match u64::try_from(range.start) {
            Ok(start) => self.page_of(start).unwrap_or(0),
            Err(_) => self.pages.len(),
        };
        let mut last = None;
        (first..self.pages.len())
            .take_while(move |&at| u128::from(self.pages[at].first) < range.end)
            .flat_map(move |at| match self.decoded(at, &mut last) {
                Ok(page) => {
                    let wanted = |one: &u64| range.contains(&u128::from(*one));
                    page.into_iter().filter(wanted).map(Ok).collect()
                }
                Err(error) => vec![Err(error)],
            })
    }

    /// A page, whose fingerprints come after those of the page before.
    fn decoded(&self, at: usize, last: &mut Option<u64>) -> Result<Vec<u64>, IndexError> {
        let page = self.pages[at];
        let bytes = self.bytes(at)?;
        let decode = || {
            if last.is_some_and(|last| last >= page.first) {
                return Err(Wrong("pages are not in order"));
            }
            Decoder::new(&bytes, page)?.collect::<Result<Vec<_>, _>>()
        };
        let decoded = decode().map_err(|wrong| self.file.wrong(wrong, page.block.offset))?;
        *last = decoded.last().copied();
        Ok(decoded)
    }
}

/// Writes a run of ascending fingerprints; equal ones that follow each other become one.
pub(crate) fn write(
    storage: &dyn Storage,
    number: u64,
    fingerprints: impl Iterator<Item = Result<u64, IndexError>>,
) -> Result<RunName, IndexError> {
    let mut file = file::Writer::create(storage, KIND, number)?;
    let mut pages: Vec<PageRef> = Vec::new();
    let mut page: Vec<u64> = Vec::with_capacity(PAGE);
    let mut end = |page: &mut Vec<u64>, file: &mut file::Writer| {
        let block = file.block(&encode(page))?;
        pages.push(PageRef { block, first: page[0], count: file.fits(page.len())? });
        page.clear();
        Ok::<_, IndexError>(())
    };
    let mut last = None;
    for fingerprint in fingerprints {
        let fingerprint = fingerprint?;
        if last.replace(fingerprint) == Some(fingerprint) {
            continue;
        }
        if page.len() == PAGE {
            end(&mut page, &mut file)?;
        }
        page.push(fingerprint);
    }
    if !page.is_empty() {
        end(&mut page, &mut file)?;
    }
    let mut directory = Vec::new();
    put_u64(&mut directory, number);
    put_u64(&mut directory, pages.iter().map(|page| u64::from(page.count)).sum());
    put_u64(&mut directory, pages.len() as u64);
    for page in &pages {
        put_u64(&mut directory, page.first);
        put_u32(&mut directory, page.block.len);
        put_u32(&mut directory, page.count);
    }
    file.finish(&directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets() -> impl Strategy<Value = Vec<u64>> {
        let number = prop_oneof![any::<u64>(), 0_u64..300, Just(u64::MAX), Just(u64::MAX - 1)];
        prop::collection::btree_set(number, 1..PAGE).prop_map(|set| set.into_iter().collect())
    }

    fn page(fingerprints: &[u64]) -> PageRef {
        let count = fingerprints.len().try_into().unwrap();
        PageRef { block: BlockRef::default(), first: fingerprints[0], count }
    }

    proptest! {
        #[test]
        fn a_page_gives_back_its_fingerprints(set in sets()) {
            let bytes = encode(&set);
            let back: Vec<u64> =
                Decoder::new(&bytes, page(&set)).unwrap().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(&back, &set);
            let searched = Page::decode(bytes.clone(), page(&set)).unwrap();
            for &fingerprint in &set {
                prop_assert_eq!(searched.has(fingerprint), Ok(true));
                for beside in [fingerprint.wrapping_sub(1), fingerprint.wrapping_add(1)] {
                    prop_assert_eq!(searched.has(beside), Ok(set.binary_search(&beside).is_ok()));
                }
            }
            // A byte more or less is told.
            for bytes in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
                let read = Decoder::new(bytes, page(&set)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
                prop_assert!(read.is_err());
            }
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..100), first: u64, count in 1_u32..600) {
            let page = PageRef { block: BlockRef::default(), first, count };
            if let Ok(decoder) = Decoder::new(&bytes, page) {
                let read: Vec<_> = decoder.map_while(Result::ok).collect();
                prop_assert!(read.is_sorted_by(|a, b| a < b));
            }
        }
    }

    #[test]
    fn a_random_page_takes_a_bit_and_a_half_more_than_it_must() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            state ^ state >> 29
        };
        let mut set: Vec<u64> = (0..PAGE).map(|_| random()).collect();
        set.sort_unstable();
        let bits = 8 * encode(&set).len() / PAGE;
        let least = 64 - PAGE.ilog2() as usize;
        assert!((least + 1..=least + 2).contains(&bits), "{bits} bits, {least} at least");
    }
}
