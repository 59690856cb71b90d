//! What is compared: the text of all articles, that of the article at hand as the last.

use std::hint::select_unpredictable;
use std::ops::Range;

use super::Match;
use crate::error::Error;
use crate::index::table::GRANULE;
use crate::index::text::{END, Texts};
use crate::index::to_usize;

/// Bytes that are compared at a time.
const STEP: usize = 32;

/// Bytes that are compared at all places of a granule.
const GRAM: usize = 8;

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

impl<'a> View<'a> {
    pub(crate) fn new(texts: &'a mut Texts, canonical: &'a [u8]) -> Self {
        Self { base: texts.end(), texts, canonical }
    }

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
    pub(super) fn gram(&self, at: usize) -> u64 {
        let bytes: Option<&[u8; GRAM]> = self.canonical[at..].first_chunk();
        u64::from_le_bytes(*bytes.expect("BUG: an anchor near the end of the text"))
    }

    /// The places of a granule, in their order, at which the text goes on as at `at` for eight bytes.
    #[inline]
    pub(crate) fn places_of(
        &mut self,
        at: usize,
        granule: u64,
    ) -> Result<impl Iterator<Item = u64> + use<>, Error> {
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
        let mut left = places & earlier;
        Ok(std::iter::from_fn(move || {
            let place = (left != 0).then(|| granule + u64::from(left.trailing_zeros()))?;
            left &= left - 1;
            Some(place)
        }))
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

    /// A copy of the text at `coordinates`, as far as it is of the article that `place`, one of them, is in.
    pub(crate) fn region(&mut self, place: u64, coordinates: Range<u64>) -> Result<Region, Error> {
        let Range { mut start, end } = coordinates;
        let mut bytes = Vec::with_capacity(to_usize(end.saturating_sub(start)));
        loop {
            let at = start + bytes.len() as u64;
            let ahead = self.ahead(at)?;
            let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
            let ahead = &ahead[..wanted.min(ahead.len())];
            if ahead.is_empty() {
                break;
            }
            // Of the article before it, whatever that is.
            let before = usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX);
            let (before, behind) = ahead.split_at(before.min(ahead.len()));
            if let Some(last) = memchr::memrchr(END, before) {
                start = at + last as u64 + 1;
                bytes.clear();
                bytes.extend_from_slice(&before[last + 1..]);
            } else {
                bytes.extend_from_slice(before);
            }
            let own = memchr::memchr(END, behind).unwrap_or(behind.len());
            bytes.extend_from_slice(&behind[..own]);
            if own < behind.len() {
                break;
            }
        }
        Ok(Region { start, bytes })
    }

    /// The longest match through `at` and `place`, compared back to `back_to`, which is not behind
    /// `at`; empty if the bytes there differ.
    pub(super) fn extend(&mut self, at: usize, place: u64, back_to: usize) -> Result<Match, Error> {
        let ours = self.canonical;
        let (theirs, before) = self.around(place)?;
        let (behind, ahead) = theirs.split_at(before);
        let (rest, len) = (ahead.len(), behind.len());
        let mut end = at + common_prefix(&ours[at..], ahead);
        let mut start = at - common_suffix(&ours[back_to..at], behind);
        // Seldom does it reach over what lies together.
        if end - at == rest {
            end += self.common_ahead(end..ours.len(), place + rest as u64)?;
        }
        if at - start == len && start > back_to {
            start -= self.common_behind(back_to..start, place - len as u64)?;
        }
        Ok(Match { start, end, source: place - (at - start) as u64 })
    }

    /// A match with what of it is before its start.
    pub(super) fn extend_behind(&mut self, found: Match) -> Result<Match, Error> {
        let more = self.common_behind(0..found.start, found.source)?;
        let (start, source) = (found.start - more, found.source - more as u64);
        Ok(Match { start, source, ..found })
    }

    /// Whether the byte at `at`, before a match, is that at the same distance from its source.
    pub(super) fn agrees_at(&mut self, at: usize, found: Match) -> Result<bool, Error> {
        let Some(place) = found.source.checked_sub((found.start - at) as u64) else {
            return Ok(false);
        };
        let ours = self.canonical[at];
        Ok(self.ahead(place)?.first() == Some(&ours))
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

    /// How many of the last bytes of `ours` are those before `place`.
    fn common_behind(&mut self, ours: Range<usize>, place: u64) -> Result<usize, Error> {
        let ours = &self.canonical[ours];
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
    pub(crate) fn earliest(
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

/// Whether some bytes can stand at two places that are less than their number apart.
pub(super) fn overlaps_itself(bytes: u64) -> bool {
    (1..GRAM).any(|distance| (bytes ^ bytes >> (8 * distance)) << (8 * distance) == 0)
}

/// How many bytes two canonical texts have in common at their starts.
///
/// Where they differ is found without a branch, as nothing foretells it; so what fills no step is
/// looked at together with bytes before it.
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
}
