//! Where the originals depart from their canonical text, article after article: the way back.
//!
//! Read when a place is reported, not when texts are compared, so it is packed tightly and may lie
//! in a file. A departure takes one byte if it is a line break within [`NEAR`] bytes of the one
//! before, and two or three if it is another common one.

use std::hint::select_unpredictable;
use std::ops::{Deref, Range};

#[cfg(feature = "index")]
use bytes::Bytes;

use super::checkpoints::{Ahead, Checkpoint, Checkpoints};
use super::log::Log;
use crate::canonical::{Departure, locate};
use crate::error::Error;
use crate::room::make_room;

/// Departures that most texts are full of, with the length of their canonical form. The order is
/// part of the format on disk, as is [`NEAR`]: docs/format.md lists both.
const COMMON: [(u32, &[u8]); 31] = [
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
    (0, b" "),
    (0, b"\n\n"),
    (0, b"\n  "),
    (0, "\u{3000}".as_bytes()),
];

const LINE_BREAK: (u32, &[u8]) = (1, b"\n");
const LINE_BREAK_CODE: u8 = 0;

/// A first byte below this is the distance of a line break; others, less this, are codes.
const NEAR: u8 = 200;

/// Stands for any departure that is not common, which then follows in full.
const UNCOMMON: u8 = u8::MAX - NEAR;

/// The bytes of the longest common departure.
const LONGEST: usize = 5;

/// Codes by kind: what is looked up for every second line is found without a branch that is mispredicted.
static CODES: [(u64, u8); SLOTS] = codes();

const SLOTS: usize = 128;

const NO_KIND: u64 = u64::MAX;

const fn codes() -> [(u64, u8); SLOTS] {
    let mut codes = [(NO_KIND, UNCOMMON); SLOTS];
    let mut code = 0_u8;
    while (code as usize) < COMMON.len() {
        let (canonical_len, literal) = COMMON[code as usize];
        let kind = kind(canonical_len, literal);
        let slot = slot(kind);
        assert!(
            codes[slot].0 == NO_KIND,
            "two kinds have one slot: another factor has to be found"
        );
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

#[expect(clippy::cast_possible_truncation, reason = "few bits are left")]
const fn slot(kind: u64) -> usize {
    // The first odd number from the golden ratio on that gives each kind a slot of its own.
    (kind.wrapping_mul(0x9E37_79B9_7F4A_7CC1) >> (u64::BITS - SLOTS.ilog2())) as usize
}

/// The code of a common departure, or [`UNCOMMON`].
fn code(kind: u64) -> u8 {
    let (known, code) = CODES[slot(kind)];
    select_unpredictable(known == kind, code, UNCOMMON)
}

/// How far a departure leads, by its first byte.
#[derive(Clone, Copy)]
struct Step {
    /// What its second byte is below, if it takes one byte or two.
    second_below: u16,
    canonical_len: u8,
    original_len: u8,
}

static STEPS: [Step; 256] = steps();

#[expect(clippy::cast_possible_truncation, reason = "few bytes")]
const fn steps() -> [Step; 256] {
    let line_break = Step { second_below: 0x100, canonical_len: 1, original_len: 1 };
    let other = Step { second_below: 0, canonical_len: 0, original_len: 0 };
    let mut steps = [line_break; 256];
    let mut first = NEAR as usize;
    while first < steps.len() {
        let code = first - NEAR as usize;
        steps[first] = if code < COMMON.len() {
            let (canonical_len, literal) = COMMON[code];
            let (canonical_len, original_len) = (canonical_len as u8, literal.len() as u8);
            Step { second_below: 0x80, canonical_len, original_len }
        } else {
            other
        };
        first += 1;
    }
    steps
}

/// One departure in this many is a checkpoint, from which the others are counted: with 48, an
/// ingest of newsletters takes 2 % fewer instructions, and the index of laws, a line break in 30
/// bytes, is 2 % larger; with 96, 1 % more, and 1 % smaller.
const CHECKPOINT: usize = 72;

/// And after so many bytes, before a departure with a longer literal and behind it: who reads one
/// of a group copies all, which thousands of copies of what stands beside a megabyte of spaces
/// would have had to wait for.
const LONG: u32 = 1 << 12;

#[derive(Debug, Default)]
pub(crate) struct Departures {
    log: Log,
    checkpoints: Checkpoints,
    /// What a reader copies a group to.
    group: Vec<u8>,
}

/// Where a departure ends.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
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

    /// None where the departures before take more than 4 GiB, which no text comes to but one of
    /// half a gigabyte that was made for it: then what is wanted is farther from the last
    /// checkpoint.
    fn checkpoint(self, at: usize) -> Option<Checkpoint> {
        let Self { canonical, original } = self;
        u32::try_from(at).ok().map(|at| Checkpoint { canonical, original, at })
    }

    /// The original bytes of the canonical byte at `position`, behind this end and before the next
    /// departure.
    fn locate(self, position: usize) -> Range<usize> {
        let original = self.original as usize + (position - self.canonical as usize);
        original..original + 1
    }
}

/// The departures of an article as they are stored.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    checkpoints: Vec<Checkpoint>,
}

impl Packed {
    /// Becomes those of an article, in the memory of the one before.
    pub(crate) fn refill(&mut self, original: &[u8], departures: &[Departure]) {
        let Self { bytes, checkpoints } = self;
        // Enough if all are short, and the last one's literal is so near the end that it is packed as any.
        make_room(bytes, 3 * departures.len() + LONGEST_HEADER + 2 * SHORT);
        let mut len = 0;
        checkpoints.clear();
        checkpoints.reserve(departures.len() / CHECKPOINT);
        let mut ends = Ends::default();
        let mut rest = departures;
        while !rest.is_empty() {
            if rest.len() < departures.len() {
                checkpoints.extend(ends.checkpoint(len));
            }
            let (start, mut taken) = (len, 0);
            for &departure in rest.iter().take(CHECKPOINT) {
                let gap = departure.canonical - ends.canonical;
                let packed = bytes[len..].first_chunk_mut().and_then(|out| {
                    let literal = original[departure.original as usize..].first_chunk()?;
                    pack_short(departure, gap, literal, out)
                });
                len = match packed {
                    Some(packed) => len + packed,
                    None if departure.original_len > LONG && taken > 0 => break,
                    None => pack(departure, gap, original, bytes, len),
                };
                ends = Ends::of(departure);
                taken += 1;
                if len - start > LONG as usize {
                    break;
                }
            }
            rest = &rest[taken..];
        }
        bytes.truncate(len);
    }

    /// How many bytes they will take.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.checkpoints.capacity() * size_of::<Checkpoint>()
    }
}

/// The most bytes before the literal of a departure.
const LONGEST_HEADER: usize = 1 + 3 * LONGEST_VARINT;

/// The most bytes that are written for a departure which [`pack_short`] takes.
const SHORT: usize = 16;

/// Packs a departure that is short and not far from the one before; says how many of the bytes written count.
///
/// What kind it is changes from one to the next, so nothing branches on that.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the inner loop of `Packed::refill`")]
#[expect(clippy::cast_possible_truncation, reason = "below 16")]
fn pack_short(
    departure: Departure,
    gap: u32,
    literal: &[u8; 8],
    out: &mut [u8; SHORT],
) -> Option<usize> {
    let Departure { canonical_len, original_len, .. } = departure;
    if gap >= 1 << 14 || canonical_len >= 1 << 7 || original_len > 8 {
        return None;
    }
    let literal = u64::from_le_bytes(*literal);
    let (gap, canonical_len, original_len) =
        (u64::from(gap), u64::from(canonical_len), u64::from(original_len));
    let common = literal & ((1 << (8 * original_len.min(LONGEST as u64))) - 1);
    let code = code(canonical_len << 56 | original_len << 48 | common);
    let is_near = (code == LINE_BREAK_CODE) & (gap < u64::from(NEAR));
    let is_far = u64::from(gap >= 0x80);
    // The gap in LEB128, then what an uncommon departure has.
    let varint = (gap & 0x7F) | is_far << 7 | gap >> 7 << 8;
    let lens = (canonical_len | original_len << 8) << (8 + 8 * is_far);
    let bytes = u64::from(NEAR + code) | (varint | lens) << 8;
    let bytes = select_unpredictable(is_near, gap, bytes);
    let known = select_unpredictable(is_near, 1, 2 + is_far);
    let is_uncommon = code == UNCOMMON;
    let header = select_unpredictable(is_uncommon, 4 + is_far, known);
    let len = header + select_unpredictable(is_uncommon, original_len, 0);
    out[..8].copy_from_slice(&bytes.to_le_bytes());
    out[header as usize..][..8].copy_from_slice(&literal.to_le_bytes());
    Some(len as usize)
}

/// Packs any departure behind the first `len` bytes, where it makes room; returns how many there are then.
#[cold]
#[inline(never)]
#[expect(clippy::cast_possible_truncation, reason = "near is less than a byte")]
fn pack(departure: Departure, gap: u32, original: &[u8], bytes: &mut Vec<u8>, len: usize) -> usize {
    let literal = &original[departure.original as usize..departure.original_end()];
    let room = len + LONGEST_HEADER + literal.len() + SHORT;
    if bytes.len() < room {
        bytes.resize(2 * room, 0);
    }
    let (header, rest) = bytes[len..].split_at_mut(1);
    match code(kind(departure.canonical_len, literal)) {
        LINE_BREAK_CODE if gap < u32::from(NEAR) => {
            header[0] = gap as u8;
            len + 1
        }
        UNCOMMON => {
            header[0] = NEAR + UNCOMMON;
            let mut at = 0;
            for value in [gap, departure.canonical_len, departure.original_len] {
                at += put_varint(&mut rest[at..], value);
            }
            rest[at..at + literal.len()].copy_from_slice(literal);
            len + 1 + at + literal.len()
        }
        code => {
            header[0] = NEAR + code;
            len + 1 + put_varint(rest, gap)
        }
    }
}

/// Where the departures of one article stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) at: u64,
    pub(crate) checkpoints: usize,
}

impl Departures {
    /// Where the departures of the next article will stand, and those of the last end.
    pub(crate) fn end(&self) -> Stored {
        Stored { at: self.log.len(), checkpoints: self.checkpoints.heads() }
    }

    pub(crate) fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Forgets them all.
    #[cfg(feature = "index")]
    pub(crate) fn clear(&mut self) {
        self.log.clear();
        *self = Self { log: std::mem::take(&mut self.log), ..Self::default() };
    }

    /// Bytes of memory of all but the log.
    pub(crate) fn memory(&self) -> usize {
        self.checkpoints.memory()
    }

    /// Adds the departures of an article.
    pub(crate) fn push(&mut self, packed: &Packed) {
        self.checkpoints.push_article(&packed.checkpoints);
        self.log.append(&packed.bytes);
    }

    /// The departures of an article, as they are encoded.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    #[cfg(feature = "index")]
    pub(crate) fn encoded(&mut self, article: Range<Stored>) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.log.copy(article.start.at, article.end.at, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads the departures of an article from some place not after `canonical` on.
    pub(crate) fn reader(&mut self, article: Range<Stored>, canonical: usize) -> Reader<'_> {
        let Range { start, end } = article;
        let own = start.checkpoints..end.checkpoints;
        let (last, checkpoints) = self.checkpoints.around(own, canonical);
        let (at, ends) = begin(last);
        let (start, at, end) = (start.at, start.at + u64::from(at), end.at);
        let log = Some(Behind { log: &mut self.log, start, at, end, checkpoints });
        self.group.clear();
        Reader { log, buffer: Buffer::Copied(&mut self.group), read: 0, ends }
    }
}

/// Where the departures from a checkpoint on, or all, stand among those of an article, and what they
/// are counted from.
fn begin(checkpoint: Option<Checkpoint>) -> (u32, Ends) {
    checkpoint.map_or((0, Ends::default()), |checkpoint| {
        let Checkpoint { canonical, original, at } = checkpoint;
        (at, Ends { canonical, original })
    })
}

/// Decodes the departures of an article, from a log a group between two checkpoints at a time.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// What is not in the buffer yet.
    log: Option<Behind<'a>>,
    buffer: Buffer<'a>,
    read: usize,
    ends: Ends,
}

/// Where in a log the article begins, the next group stands, and the article ends.
#[derive(Debug)]
struct Behind<'a> {
    log: &'a mut Log,
    start: u64,
    at: u64,
    end: u64,
    checkpoints: Ahead<'a>,
}

#[derive(Debug)]
enum Buffer<'a> {
    Copied(&'a mut Vec<u8>),
    #[cfg(feature = "index")]
    Shared(Bytes),
}

impl Deref for Buffer<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            #[cfg(feature = "index")]
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Reader<'_> {
    /// The next departure with its original bytes.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<(Departure, &[u8])>, Error> {
        if self.read == self.buffer.len() && !self.fill()? {
            return Ok(None);
        }
        let mut bytes = &self.buffer[self.read..];
        let decoded = decode(&mut bytes, &mut self.ends).expect("BUG: departures end early");
        self.read = self.buffer.len() - bytes.len();
        Ok(Some(decoded))
    }

    /// Reads the next group; false if there is none.
    fn fill(&mut self) -> Result<bool, Error> {
        let Some(behind) = self.log.as_mut().filter(|behind| behind.at < behind.end) else {
            return Ok(false);
        };
        let next = behind.checkpoints.next();
        let end = next.map_or(behind.end, |next| behind.start + u64::from(next.at));
        match &mut self.buffer {
            Buffer::Copied(bytes) => {
                bytes.clear();
                behind.log.copy(behind.at, end, bytes)?;
            }
            #[cfg(feature = "index")]
            Buffer::Shared(_) => return Ok(false),
        }
        behind.at = end;
        self.read = 0;
        Ok(true)
    }

    /// The original bytes of canonical bytes of the article, not before the place that this reads
    /// from; hands the departures among them to `found`, with their original bytes.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) fn original_range(
        mut self,
        canonical: Range<usize>,
        mut found: impl FnMut(Departure, &[u8]),
    ) -> Result<Range<usize>, Error> {
        let mut start = None;
        // The bytes of a position, given the last departure that begins at or before it.
        let locate = |last: Option<Departure>, ends: Ends, position: usize| match last {
            Some(departure) => locate(Some(departure), position),
            None => ends.locate(position),
        };
        let Self { mut ends, .. } = self;
        let (mut last, mut passed) = (None, ends);
        loop {
            let mut bytes = &self.buffer[self.read..];
            while !bytes.is_empty() {
                if start.is_none() && pass(&mut bytes, &mut ends, canonical.start) {
                    (last, passed) = (None, ends);
                    continue;
                }
                let (departure, literal) =
                    decode(&mut bytes, &mut ends).expect("BUG: departures end early");
                let begins = departure.canonical as usize;
                if begins > canonical.start {
                    let start =
                        *start.get_or_insert_with(|| locate(last, passed, canonical.start).start);
                    if begins >= canonical.end {
                        return Ok(start..locate(last, passed, canonical.end - 1).end);
                    }
                }
                if departure.is_in(&canonical) {
                    found(departure, literal);
                }
                last = Some(departure);
            }
            self.read = self.buffer.len();
            if !self.fill()? {
                let start = start.unwrap_or_else(|| locate(last, passed, canonical.start).start);
                return Ok(start..locate(last, passed, canonical.end - 1).end);
            }
        }
    }
}

/// Passes over departures that end before a canonical place, or there, as far as they are common
/// and not far from the ones before: most of what lies between a checkpoint and the place wanted,
/// at a fifth of what it costs to decode them. True if there were any.
fn pass(bytes: &mut &[u8], ends: &mut Ends, place: usize) -> bool {
    let Ends { mut canonical, mut original } = *ends;
    let mut rest = *bytes;
    while let [first, second, ..] = *rest {
        let step = STEPS[usize::from(first)];
        // What kind it is changes from one to the next, so nothing branches on that.
        let gap = u32::from(select_unpredictable(first < NEAR, first, second));
        let end = u64::from(canonical) + u64::from(gap) + u64::from(step.canonical_len);
        if u16::from(second) >= step.second_below || end > place as u64 {
            break;
        }
        canonical += gap + u32::from(step.canonical_len);
        original += gap + u32::from(step.original_len);
        // Not by a look at the table, which the next step would wait for.
        rest = &rest[1 + usize::from(first >= NEAR)..];
    }
    let passed = rest.len() < bytes.len();
    (*bytes, *ends) = (rest, Ends { canonical, original });
    passed
}

/// Departures that lie in memory as they were encoded, and that nobody vouches for.
#[cfg(feature = "index")]
pub(crate) mod encoded {
    use super::{Buffer, Bytes, CHECKPOINT, Checkpoint, Departure, Ends, Reader, begin, decode};

    /// Decodes them all, up to what makes no sense.
    #[derive(Debug)]
    pub(crate) struct Decoder<'a> {
        bytes: &'a [u8],
        ends: Ends,
    }

    impl<'a> Decoder<'a> {
        pub(crate) fn new(bytes: &'a [u8]) -> Self {
            Self { bytes, ends: Ends::default() }
        }
    }

    impl<'a> Iterator for Decoder<'a> {
        type Item = (Departure, &'a [u8]);

        fn next(&mut self) -> Option<Self::Item> {
            if self.bytes.is_empty() { None } else { decode(&mut self.bytes, &mut self.ends) }
        }
    }

    /// The checkpoints of an article's departures, and the length of its original. None if they are no
    /// departures of a text of that canonical length.
    pub(crate) fn check(bytes: &[u8], canonical_len: usize) -> Option<(Vec<Checkpoint>, usize)> {
        let mut decoder = Decoder::new(bytes);
        let mut checkpoints = Vec::new();
        for number in 0.. {
            if number > 0 && number % CHECKPOINT == 0 && !decoder.bytes.is_empty() {
                let at = bytes.len() - decoder.bytes.len();
                checkpoints.extend(decoder.ends.checkpoint(at));
            }
            match decoder.next() {
                Some((departure, _)) if departure.canonical_end() > canonical_len => return None,
                Some(_) => {}
                None => break,
            }
        }
        let Ends { canonical, original } = decoder.ends;
        let original_len = original as usize + (canonical_len - canonical as usize);
        decoder.bytes.is_empty().then_some((checkpoints, original_len))
    }

    /// Reads what was checked from one of its checkpoints on, or from the start.
    pub(crate) fn read(bytes: &Bytes, checkpoint: Option<Checkpoint>) -> Reader<'static> {
        let (at, ends) = begin(checkpoint);
        Reader { log: None, buffer: Buffer::Shared(bytes.clone()), read: at as usize, ends }
    }
}

/// Takes a departure with its original bytes from the front; none if the bytes make no sense.
#[expect(clippy::inline_always, reason = "the inner loop of every reader")]
#[inline(always)]
fn decode<'b>(bytes: &mut &'b [u8], ends: &mut Ends) -> Option<(Departure, &'b [u8])> {
    let mut rest = *bytes;
    let first = take(&mut rest)?;
    let (gap, (canonical_len, literal)) = if first < NEAR {
        (u32::from(first), LINE_BREAK)
    } else {
        let gap = take_varint(&mut rest)?;
        let kind = if first == NEAR + UNCOMMON {
            let canonical_len = take_varint(&mut rest)?;
            let original_len = take_varint(&mut rest)?;
            let (literal, after) = rest.split_at_checked(original_len as usize)?;
            rest = after;
            (canonical_len, literal)
        } else {
            *COMMON.get(usize::from(first - NEAR))?
        };
        (gap, kind)
    };
    let departure = Departure {
        canonical: ends.canonical.checked_add(gap)?,
        canonical_len,
        original: ends.original.checked_add(gap)?,
        original_len: u32::try_from(literal.len()).ok()?,
    };
    *ends = Ends {
        canonical: departure.canonical.checked_add(canonical_len)?,
        original: departure.original.checked_add(departure.original_len)?,
    };
    *bytes = rest;
    Some((departure, literal))
}

/// The bytes of the longest number.
const LONGEST_VARINT: usize = 5;

/// LEB128: seven bits a byte, the least first, the high bit set on all but the last. Returns how
/// many bytes it took.
#[expect(clippy::cast_possible_truncation, reason = "seven bits")]
fn put_varint(bytes: &mut [u8], mut value: u32) -> usize {
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    len + 1
}

/// None if the bytes end before the number does, or it has too many.
fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in (0..u32::BITS).step_by(7) {
        let byte = take(bytes)?;
        value |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_departures_have_their_codes() {
        for (number, &(canonical_len, literal)) in (0_u8..).zip(&COMMON) {
            assert_eq!(code(kind(canonical_len, literal)), number);
            assert!(literal.len() <= LONGEST);
        }
        assert_eq!(COMMON[usize::from(LINE_BREAK_CODE)], LINE_BREAK);
        for (canonical_len, literal) in
            [(1, &b"\n\0"[..]), (2, b"\n"), (1, b""), (1, b"\n\n\n\n\n\n")]
        {
            assert_eq!(code(kind(canonical_len, literal)), UNCOMMON);
        }
    }

    /// The bytes of departures, none of them taken for a short one.
    fn packed_slowly(original: &[u8], departures: &[Departure]) -> Vec<u8> {
        let (mut bytes, mut len, mut ends) = (Vec::new(), 0, Ends::default());
        for &departure in departures {
            let gap = departure.canonical - ends.canonical;
            len = pack(departure, gap, original, &mut bytes, len);
            ends = Ends::of(departure);
        }
        bytes.truncate(len);
        bytes
    }

    #[test]
    fn what_was_packed_is_read() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut stored = Departures::default();
        let mut packed = Packed::default();
        let mut articles = Vec::new();
        for count in [0, 1, CHECKPOINT - 1, CHECKPOINT, CHECKPOINT + 1, 1000] {
            let (mut original, mut departures) = (Vec::new(), Vec::new());
            let mut canonical = 0;
            for _ in 0..count {
                let gap = [0, 3, 127, 128, 199, 200, 5000, 20_000];
                let gap = gap[usize::try_from(random(8)).unwrap()];
                original.extend(std::iter::repeat_n(b'x', gap));
                canonical += u32::try_from(gap).unwrap();
                let long = vec![b' '; 5000];
                let common = usize::try_from(random(COMMON.len() as u64 + 4)).unwrap();
                let (canonical_len, literal) = COMMON.get(common).copied().unwrap_or(match common
                    .wrapping_sub(COMMON.len())
                {
                    0 => (2, b"e\xCC\x81"),
                    1 => (1, b"\n       "),
                    2 => (1, &long),
                    _ => (130, b"something else"),
                });
                departures.push(Departure {
                    canonical,
                    canonical_len,
                    original: u32::try_from(original.len()).unwrap(),
                    original_len: u32::try_from(literal.len()).unwrap(),
                });
                original.extend_from_slice(literal);
                canonical += canonical_len;
            }
            packed.refill(&original, &departures);
            assert_eq!(packed.bytes, packed_slowly(&original, &departures));
            let start = stored.end();
            stored.push(&packed);
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
                    // Nothing beside a long literal, and not many short ones.
                    let most = LONG.max(departure.original_len) + 200;
                    assert!(reader.buffer.len() < most as usize);
                }
                assert!(departures.ends_with(&read) && departures.len() - read.len() <= from);
            }
        }
    }
}

#[cfg(all(test, feature = "index"))]
mod encoded_tests {
    use super::encoded::{Decoder, check, read};
    use super::*;
    use crate::canonical::canonicalise;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(words in prop::collection::vec("[a-z]{0,9}|“|…|\u{ad}|e\u{301}|\n|\r\n|  |\t|\n> ", 0..400)) {
            let text = words.concat();
            let canonical = canonicalise(&text);
            let mut departures = Departures::default();
            let mut packed = Packed::default();
            packed.refill(text.as_bytes(), &canonical.departures);
            departures.push(&packed);
            let end = departures.end();
            let bytes = departures.encoded(Stored { at: 0, checkpoints: 0 }..end).unwrap();
            let decoded: Vec<Departure> = Decoder::new(&bytes).map(|(departure, _)| departure).collect();
            prop_assert_eq!(&decoded, &canonical.departures);
            let (found, len) = check(&bytes, canonical.len()).unwrap();
            prop_assert_eq!(len, text.len());
            let mut checkpoints = Checkpoints::default();
            checkpoints.push_article(&found);
            let shared = Bytes::from(bytes);
            for at in 0..canonical.len() {
                let range = at..canonical.len().min(at + 40);
                let (checkpoint, _) = checkpoints.around(0..checkpoints.heads(), at);
                let reader = read(&shared, checkpoint);
                prop_assert_eq!(
                    reader.original_range(range.clone(), |_, _| {}).unwrap(),
                    canonical.to_original(range)
                );
            }
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 0_usize..100_000) {
            let decoded = Decoder::new(&bytes).count();
            if check(&bytes, len).is_some() {
                prop_assert!(decoded <= bytes.len());
            }
        }
    }
}
