//! Where the originals depart from their canonical text, article after article: the way back.
//!
//! Read when a place is reported, not when texts are compared, so it is packed tightly and may lie
//! in a file. A departure takes one byte if it is a line break within [`NEAR`] bytes of the one
//! before, and two or three if it is another common one.

use std::io::Error;
use std::ops::Range;

use super::log::Log;
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

/// A first byte below this is the distance of a line break; others, less this, are codes.
const NEAR: u8 = 200;

/// Stands for any departure that is not common, which then follows in full.
const UNCOMMON: u8 = u8::MAX - NEAR;

/// One departure in this many is a checkpoint, from which the others are counted.
const CHECKPOINT: usize = 32;

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

/// The departures of one article.
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
    #[expect(clippy::cast_possible_truncation, reason = "there are few codes")]
    pub(crate) fn push(&mut self, original: &[u8], departures: &[Departure]) {
        let start = self.log.len();
        let mut bytes = Vec::with_capacity(2 * departures.len());
        let mut ends = Ends::default();
        for (number, &departure) in departures.iter().enumerate() {
            if number > 0 && number % CHECKPOINT == 0 {
                self.checkpoints.push(Checkpoint { ends, at: start + bytes.len() as u64 });
            }
            let gap = departure.canonical - ends.canonical;
            let literal = &original[departure.original as usize..departure.original_end()];
            let kind = (departure.canonical_len, literal);
            if kind == LINE_BREAK && gap < u32::from(NEAR) {
                bytes.push(gap as u8);
            } else if let Some(code) = COMMON.iter().position(|&common| common == kind) {
                bytes.push(NEAR + code as u8);
                push_varint(&mut bytes, gap);
            } else {
                bytes.push(NEAR + UNCOMMON);
                push_varint(&mut bytes, gap);
                push_varint(&mut bytes, departure.canonical_len);
                push_varint(&mut bytes, departure.original_len);
                bytes.extend_from_slice(literal);
            }
            ends = Ends::of(departure);
        }
        self.log.append(&bytes);
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
