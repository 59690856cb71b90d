//! Where the originals depart from their canonical text, article after article: the way back.
//!
//! Read when a place is reported, not when texts are compared, so it is packed tightly and may lie
//! in a file. A departure takes one byte if it is a line break within [`NEAR`] bytes of the one
//! before, and two or three if it is another common one.

use std::io::Error;
use std::ops::Range;

use super::log::{Log, push};
use crate::canonical::{Departure, locate};

/// Departures that most texts are full of, with the length of their canonical form. The order is
/// part of no format.
const COMMON: [(u32, &[u8]); 27] = [
    LINE_BREAK,
    (1, b"\r\n"),
    (1, b"\n\n"),
    (1, b"\r\n\r\n"),
    (1, b"  "),
    (1, b" \n"),
    (1, b"\n  "),
    (1, b"\n    "),
    (1, b"\n   "),
    (1, b"\n\n\n"),
    (1, b"\n\n  "),
    (1, b"\t"),
    (1, b"\n> "),
    (1, "\u{a0}".as_bytes()),
    (0, "\u{ad}".as_bytes()),
    (1, "“".as_bytes()),
    (1, "”".as_bytes()),
    (1, "„".as_bytes()),
    (1, "’".as_bytes()),
    (1, "‘".as_bytes()),
    (1, "»".as_bytes()),
    (1, "«".as_bytes()),
    (1, "–".as_bytes()),
    (1, "—".as_bytes()),
    (3, "…".as_bytes()),
    (0, b"\n"),
    (0, b"\r\n"),
];

const LINE_BREAK: (u32, &[u8]) = (1, b"\n");
const LINE_BREAK_CODE: u8 = 0;

/// A first byte below this is the distance of a line break; others, less this, are codes.
const NEAR: u8 = 200;

/// Stands for any departure that is not common, which then follows in full.
const UNCOMMON: u8 = u8::MAX - NEAR;

/// The bytes of the longest common departure.
const LONGEST: usize = 5;

/// Codes by kind: open addressing, so that what is looked up for every second line is found without
/// the branches of a search, each of which would be mispredicted.
static CODES: [(u64, u8); SLOTS] = codes();

const SLOTS: usize = 128;

const NO_KIND: u64 = u64::MAX;

const fn codes() -> [(u64, u8); SLOTS] {
    let mut codes = [(NO_KIND, 0); SLOTS];
    let mut code = 0_u8;
    while (code as usize) < COMMON.len() {
        let (canonical_len, literal) = COMMON[code as usize];
        let kind = kind(canonical_len, literal);
        let mut slot = slot(kind);
        while codes[slot].0 != NO_KIND {
            slot = (slot + 1) % SLOTS;
        }
        codes[slot] = (kind, code);
        code += 1;
    }
    codes
}

/// A departure's bytes, their number and that of the canonical ones, in one word.
const fn kind(canonical_len: u32, literal: &[u8]) -> u64 {
    if literal.len() > LONGEST || canonical_len > 0xFF {
        return NO_KIND;
    }
    let mut kind = (canonical_len as u64) << 56 | (literal.len() as u64) << 48;
    let mut at = 0;
    while at < literal.len() {
        kind |= (literal[at] as u64) << (8 * at);
        at += 1;
    }
    kind
}

/// The same, of the bytes of a text: without a loop over them, away from its end.
fn kind_in(original: &[u8], departure: Departure) -> u64 {
    let len = departure.original_len;
    let rest = &original[departure.original as usize..];
    match rest.first_chunk() {
        Some(bytes) if len as usize <= LONGEST && departure.canonical_len <= 0xFF => {
            let bytes = u64::from_le_bytes(*bytes) & ((1 << (8 * len)) - 1);
            u64::from(departure.canonical_len) << 56 | u64::from(len) << 48 | bytes
        }
        _ => kind(departure.canonical_len, &rest[..len as usize]),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "few bits are left")]
const fn slot(kind: u64) -> usize {
    (kind.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.ilog2())) as usize
}

/// The code of a common departure.
fn code(kind: u64) -> Option<u8> {
    let mut slot = slot(kind);
    while CODES[slot].0 != NO_KIND {
        if CODES[slot].0 == kind {
            return Some(CODES[slot].1);
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

/// One departure in this many is a checkpoint, from which the others are counted.
const CHECKPOINT: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Departures {
    log: Log,
    checkpoints: Vec<Checkpoint>,
}

#[derive(Clone, Copy, Debug)]
struct Checkpoint {
    /// The ends of the departure before, from which the next are counted.
    ends: Ends,
    /// Where the next stand in the log.
    at: u64,
}

/// Where a departure ends.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    canonical: u32,
    original: u32,
}

impl Ends {
    #[expect(clippy::cast_possible_truncation, reason = "articles are shorter than 4 GiB")]
    fn of(departure: Departure) -> Self {
        let (canonical, original) = (departure.canonical_end(), departure.original_end());
        Self { canonical: canonical as u32, original: original as u32 }
    }

    /// The original bytes of the canonical byte at `position`, behind this end and before the next
    /// departure.
    fn locate(self, position: usize) -> Range<usize> {
        let original = self.original as usize + (position - self.canonical as usize);
        original..original + 1
    }
}

/// The departures of an article as they are stored.
#[derive(Debug)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    /// Their places are counted from the first of the bytes.
    checkpoints: Vec<Checkpoint>,
}

impl Packed {
    #[expect(clippy::cast_possible_truncation, reason = "near is less than a byte")]
    pub(crate) fn new(original: &[u8], departures: &[Departure]) -> Self {
        let mut packed =
            Self { bytes: Vec::with_capacity(2 * departures.len()), checkpoints: Vec::new() };
        let bytes = &mut packed.bytes;
        let mut ends = Ends::default();
        for (number, &departure) in departures.iter().enumerate() {
            if number > 0 && number % CHECKPOINT == 0 {
                packed.checkpoints.push(Checkpoint { ends, at: bytes.len() as u64 });
            }
            let gap = departure.canonical - ends.canonical;
            match code(kind_in(original, departure)) {
                Some(LINE_BREAK_CODE) if gap < u32::from(NEAR) => bytes.push(gap as u8),
                Some(code) => {
                    bytes.push(NEAR + code);
                    push_varint(bytes, gap);
                }
                None => {
                    bytes.push(NEAR + UNCOMMON);
                    push_varint(bytes, gap);
                    push_varint(bytes, departure.canonical_len);
                    push_varint(bytes, departure.original_len);
                    let literal = departure.original as usize..departure.original_end();
                    bytes.extend_from_slice(&original[literal]);
                }
            }
            ends = Ends::of(departure);
        }
        packed
    }
}

/// Where the departures of one article stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    at: u64,
    checkpoints: usize,
}

impl Departures {
    /// Where the departures of the next article will stand, and those of the last end.
    pub(crate) fn end(&self) -> Stored {
        Stored { at: self.log.len(), checkpoints: self.checkpoints.len() }
    }

    pub(crate) fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Bytes of memory of the log.
    pub(crate) fn log_memory(&self) -> usize {
        self.log.memory()
    }

    /// Bytes of memory of all but the log.
    pub(crate) fn memory(&self) -> usize {
        self.checkpoints.capacity() * size_of::<Checkpoint>()
    }

    /// Adds the departures of an article.
    pub(crate) fn push(&mut self, packed: &Packed) {
        let start = self.log.len();
        for checkpoint in &packed.checkpoints {
            let at = start + checkpoint.at;
            push(&mut self.checkpoints, Checkpoint { at, ..*checkpoint });
        }
        self.log.append(&packed.bytes);
    }

    /// The original bytes of canonical bytes of an article.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) fn original_range(
        &mut self,
        article: Range<Stored>,
        canonical: Range<usize>,
    ) -> Result<Range<usize>, Error> {
        let mut start = None;
        let mut reader = self.reader(article, canonical.start);
        // The bytes of a position, given the last departure that begins at or before it.
        let locate = |last: Option<Departure>, ends: Ends, position: usize| match last {
            Some(departure) => locate(Some(departure), position),
            None => ends.locate(position),
        };
        let (mut last, ends) = (None, reader.ends);
        loop {
            let next = reader.next()?.map(|(departure, _)| departure);
            let begins = next.map_or(usize::MAX, |departure| departure.canonical as usize);
            if begins > canonical.start {
                let start = *start.get_or_insert_with(|| locate(last, ends, canonical.start).start);
                if begins >= canonical.end {
                    return Ok(start..locate(last, ends, canonical.end - 1).end);
                }
            }
            last = next;
        }
    }

    /// Reads the departures of an article from some place not after `canonical` on.
    pub(crate) fn reader(&mut self, article: Range<Stored>, canonical: usize) -> Reader<'_> {
        let Range { start, end } = article;
        let checkpoints = &self.checkpoints[start.checkpoints..end.checkpoints];
        let before =
            checkpoints.partition_point(|point| point.ends.canonical as usize <= canonical);
        let (at, ends) = match before.checked_sub(1).map(|last| checkpoints[last]) {
            Some(point) => (point.at, point.ends),
            None => (start.at, Ends::default()),
        };
        let checkpoints = start.checkpoints + before..end.checkpoints;
        Reader { departures: self, at, end: end.at, checkpoints, buffer: Vec::new(), read: 0, ends }
    }
}

/// Decodes departures, a group between two checkpoints at a time.
pub(crate) struct Reader<'a> {
    departures: &'a mut Departures,
    /// Where the next group stands in the log, and where the article ends.
    at: u64,
    end: u64,
    /// Those that are still ahead.
    checkpoints: Range<usize>,
    buffer: Vec<u8>,
    read: usize,
    ends: Ends,
}

impl Reader<'_> {
    /// The next departure with its original bytes.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    #[expect(clippy::cast_possible_truncation, reason = "articles are shorter than 4 GiB")]
    pub(crate) fn next(&mut self) -> Result<Option<(Departure, &[u8])>, Error> {
        if self.read == self.buffer.len() {
            if self.at == self.end {
                return Ok(None);
            }
            let end = match self.checkpoints.next() {
                Some(next) => self.departures.checkpoints[next].at,
                None => self.end,
            };
            self.buffer.clear();
            self.read = 0;
            self.departures.log.copy(self.at, end, &mut self.buffer)?;
            self.at = end;
        }
        let mut bytes = &self.buffer[self.read..];
        let first = take(&mut bytes);
        let (gap, (canonical_len, literal)) = if first < NEAR {
            (u32::from(first), LINE_BREAK)
        } else {
            let gap = take_varint(&mut bytes);
            let kind = if let Some(&common) = COMMON.get(usize::from(first - NEAR)) {
                common
            } else {
                let canonical_len = take_varint(&mut bytes);
                let original_len = take_varint(&mut bytes);
                let (literal, rest) = bytes.split_at(original_len as usize);
                bytes = rest;
                (canonical_len, literal)
            };
            (gap, kind)
        };
        self.read = self.buffer.len() - bytes.len();
        let departure = Departure {
            canonical: self.ends.canonical + gap,
            canonical_len,
            original: self.ends.original + gap,
            original_len: literal.len() as u32,
        };
        self.ends = Ends::of(departure);
        Ok(Some((departure, literal)))
    }
}

/// LEB128: seven bits a byte, the least first, the high bit set on all but the last.
#[expect(clippy::cast_possible_truncation, reason = "seven bits")]
fn push_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> u32 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes);
        value |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn take(bytes: &mut &[u8]) -> u8 {
    let (&byte, rest) = bytes.split_first().expect("BUG: departures end early");
    *bytes = rest;
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_departures_have_their_codes() {
        for (number, &(canonical_len, literal)) in (0_u8..).zip(&COMMON) {
            assert_eq!(code(kind(canonical_len, literal)), Some(number));
            assert!(literal.len() <= LONGEST);
        }
        assert_eq!(COMMON[usize::from(LINE_BREAK_CODE)], LINE_BREAK);
        for (canonical_len, literal) in
            [(1, &b"\n\0"[..]), (2, b"\n"), (1, b""), (1, b"\n\n\n\n\n\n")]
        {
            assert_eq!(code(kind(canonical_len, literal)), None);
        }
    }

    #[test]
    fn what_was_packed_is_read() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut stored = Departures::default();
        let mut articles = Vec::new();
        for count in [0, 1, CHECKPOINT - 1, CHECKPOINT, CHECKPOINT + 1, 1000] {
            let (mut original, mut departures) = (Vec::new(), Vec::new());
            let mut canonical = 0;
            for _ in 0..count {
                let gap = [0, 3, 199, 200, 5000][usize::try_from(random(5)).unwrap()];
                original.extend(std::iter::repeat_n(b'x', gap));
                canonical += u32::try_from(gap).unwrap();
                let common = usize::try_from(random(30)).unwrap();
                let (canonical_len, literal) =
                    COMMON.get(common).copied().unwrap_or((7, b"something else"));
                departures.push(Departure {
                    canonical,
                    canonical_len,
                    original: u32::try_from(original.len()).unwrap(),
                    original_len: u32::try_from(literal.len()).unwrap(),
                });
                original.extend_from_slice(literal);
                canonical += canonical_len;
            }
            let start = stored.end();
            stored.push(&Packed::new(&original, &departures));
            articles.push((start..stored.end(), original, departures));
        }
        for (article, original, departures) in articles {
            for from in [0, departures.len() / 2, departures.len().saturating_sub(1)] {
                let canonical = departures.get(from).map_or(0, |d| d.canonical as usize);
                let mut reader = stored.reader(article.clone(), canonical);
                let mut read = Vec::new();
                while let Some((departure, literal)) = reader.next().unwrap() {
                    let start = departure.original as usize;
                    assert_eq!(literal, &original[start..departure.original_end()]);
                    read.push(departure);
                }
                assert!(departures.ends_with(&read) && departures.len() - read.len() <= from);
            }
        }
    }
}
