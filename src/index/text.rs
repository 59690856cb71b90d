//! The texts of all articles, each kept byte once.
//!
//! A coordinate belongs to a *piece*: kept text, or removed text, which stands for kept text of an
//! earlier piece. Pieces of removed text name the kept text itself, never another removed piece, so
//! reading takes one step however long the chain of reprints was.
//!
//! Texts may stand on a [`Base`]: articles that came before and lie elsewhere. What is asked of
//! their coordinates is passed on to it.

use std::ops::{Deref, Range};
use std::sync::Arc;

use bytes::Bytes;

use super::base::Base;
use crate::canonical::{Canonical, Departure, locate};

#[cfg(feature = "index")]
pub(crate) mod tail;

/// Stands after every article, so that no comparison runs from one article into the next: a byte
/// that UTF-8 never has.
pub(crate) const END: u8 = 0xFF;

/// Kept text is held in chunks of this size, so that growth copies nothing.
const CHUNK: usize = 1 << 22;

/// Coordinates a block of the directory spans.
const BLOCK: u64 = 1 << 12;

/// One departure in this many is a checkpoint, from which the others are counted.
const CHECKPOINT: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Texts {
    chunks: Vec<Vec<u8>>,
    kept: u64,
    pieces: Vec<Piece>,
    /// For each block of coordinates, the piece that holds its first.
    directory: Vec<u32>,
    articles: Vec<Stored>,
    departures: Vec<u8>,
    checkpoints: Vec<Checkpoint>,
    /// The first coordinate of the next article.
    end: u64,
    ids: usize,
    /// What came before, if it lies elsewhere.
    base: Option<Arc<dyn Base>>,
    /// The first coordinate, and the number of the first article, that are held here.
    first: u64,
    first_article: usize,
}

/// Bytes that lie together: held in memory, or read for the asking.
#[derive(Clone, Debug)]
pub(crate) enum Slice<'a> {
    Held(&'a [u8]),
    Read(Bytes),
}

impl Slice<'_> {
    /// No more than the first `len` bytes.
    fn at_most_first(self, len: usize) -> Self {
        let len = len.min(self.len());
        match self {
            Self::Held(bytes) => Self::Held(&bytes[..len]),
            Self::Read(bytes) => Self::Read(bytes.slice(..len)),
        }
    }

    /// No more than the last `len` bytes.
    fn at_most_last(self, len: usize) -> Self {
        let from = self.len() - len.min(self.len());
        match self {
            Self::Held(bytes) => Self::Held(&bytes[from..]),
            Self::Read(bytes) => Self::Read(bytes.slice(from..)),
        }
    }
}

impl Deref for Slice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

/// Departures that most texts are full of, with the length of their canonical form: they take two
/// bytes instead of five or more. The commonest first; the order is part of the format on disk.
const COMMON: [(u32, &[u8]); 26] = [
    (1, b"\r\n"),
    (1, b"\n\n"),
    (1, b"\r\n\r\n"),
    (1, b"  "),
    (1, b" \n"),
    (1, b"\n  "),
    (1, b"\n    "),
    (1, b"\n\n\n"),
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
    (1, b"\n"),
    (1, b" "),
];

/// Stands for any other departure, which then follows in full.
const UNCOMMON: u32 = 127;

/// A range of coordinates up to the start of the next piece.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u64,
    /// The coordinate of the kept text that this stands for; its own start if it is kept text.
    origin: u64,
    /// Where that text is in the chunks, unless it is in the base.
    kept: u64,
    /// The text repeats every so many bytes.
    period: u64,
}

#[derive(Debug)]
struct Stored {
    start: u64,
    id: Arc<str>,
    departures: usize,
    checkpoints: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint {
    /// The departure before, from whose end the next are counted.
    departure: Departure,
    /// Where the next stand in `departures`.
    at: usize,
}

/// A part of an article's canonical text that was removed, and where the same text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Canonical offset in the article.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The coordinate of the kept text.
    pub(crate) origin: u64,
    /// The kept text is this long and stands for its own repetition; `end - start` if it is plain.
    pub(crate) period: usize,
}

/// A place in an article, in bytes of its canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) article: usize,
    pub(crate) start: usize,
}

impl Texts {
    /// The first coordinate of the next article.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// How many articles there are.
    pub(crate) fn len(&self) -> usize {
        self.first_article + self.articles.len()
    }

    pub(crate) fn id(&self, article: usize) -> Arc<str> {
        match &self.base {
            Some(base) if article < self.first_article => base.id(article),
            _ => self.articles[article - self.first_article].id.clone(),
        }
    }

    pub(crate) fn base(&self) -> Option<&dyn Base> {
        self.base.as_deref()
    }

    /// The base, if `coordinate` is one of its own.
    fn below(&self, coordinate: u64) -> Option<&dyn Base> {
        self.base.as_deref().filter(|_| coordinate < self.first)
    }

    /// Bytes of kept text.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    pub(crate) fn bookkeeping_memory(&self) -> usize {
        self.pieces.capacity() * size_of::<Piece>()
            + self.directory.capacity() * size_of::<u32>()
            + self.articles.capacity() * size_of::<Stored>()
            + self.departures.capacity()
            + self.checkpoints.capacity() * size_of::<Checkpoint>()
            + self.ids
    }

    /// Bytes from `coordinate` on: at least one, as many as lie together.
    pub(crate) fn ahead(&self, coordinate: u64) -> Slice<'_> {
        if let Some(base) = self.below(coordinate) {
            return base.ahead(coordinate);
        }
        let (piece, end) = self.piece(coordinate);
        let offset = (coordinate - piece.start) % piece.period;
        let len = (piece.period - offset).min(end - coordinate);
        match self.below(piece.origin) {
            Some(base) => base.ahead(piece.origin + offset).at_most_first(index(len)),
            None => Slice::Held(self.bytes(piece.kept + offset, len)),
        }
    }

    /// Bytes up to and with the one at `coordinate`: at least one, as many as lie together.
    pub(crate) fn behind(&self, coordinate: u64) -> Slice<'_> {
        if let Some(base) = self.below(coordinate) {
            return base.behind(coordinate);
        }
        let (piece, _) = self.piece(coordinate);
        let offset = (coordinate - piece.start) % piece.period;
        if let Some(base) = self.below(piece.origin) {
            return base.behind(piece.origin + offset).at_most_last(index(offset + 1));
        }
        let last = piece.kept + offset;
        let first = piece.kept.max(last - last % CHUNK as u64);
        Slice::Held(self.bytes(first, last - first + 1))
    }

    /// The kept text that the coordinates stand for, in order: coordinate of the kept text, and
    /// length.
    pub(crate) fn origins(&self, coordinates: Range<u64>) -> Vec<(u64, u64)> {
        let mut origins = Vec::new();
        let mut at = coordinates.start;
        if let Some(base) = self.below(at) {
            let end = coordinates.end.min(self.first);
            origins = base.origins(at..end);
            at = end;
        }
        while at < coordinates.end {
            let (piece, end) = self.piece(at);
            let offset = (at - piece.start) % piece.period;
            let len = (piece.period - offset).min(end - at).min(coordinates.end - at);
            origins.push((piece.origin + offset, len));
            at += len;
        }
        origins
    }

    /// The article that a coordinate belongs to.
    pub(crate) fn locate(&self, coordinate: u64) -> Located {
        if let Some(base) = self.below(coordinate) {
            return base.locate(coordinate);
        }
        let article = self.articles.partition_point(|article| article.start <= coordinate) - 1;
        let start = index(coordinate - self.articles[article].start);
        Located { article: self.first_article + article, start }
    }

    /// The original byte range of canonical bytes of an article.
    pub(crate) fn original_range(&self, article: usize, canonical: Range<usize>) -> Range<usize> {
        match &self.base {
            Some(base) if article < self.first_article => base.original_range(article, canonical),
            _ => self.departures_from(article, canonical.start).original_range(canonical),
        }
    }

    /// Whether the original bytes of canonical bytes of an article are `original`.
    pub(crate) fn is_original(
        &self,
        article: usize,
        canonical: Range<usize>,
        original: &[u8],
    ) -> bool {
        match &self.base {
            Some(base) if article < self.first_article => {
                base.is_original(article, canonical, original)
            }
            _ => {
                let start = self.articles[article - self.first_article].start;
                let departures = self.departures_from(article, canonical.start);
                departures.spell(canonical, original, |at| self.ahead(start + at as u64))
            }
        }
    }

    /// Adds an article: its canonical text, of which `removed` is kept elsewhere.
    pub(crate) fn push(
        &mut self,
        id: Arc<str>,
        original: &[u8],
        canonical: &Canonical,
        removed: &[Removed],
    ) {
        self.ids += id.len();
        self.articles.push(Stored {
            start: self.end,
            id,
            departures: self.departures.len(),
            checkpoints: self.checkpoints.len(),
        });
        let start = self.end;
        // Kept text first, so that removed text may stand for later text of its own article.
        let first_piece = self.pieces.len();
        let mut at = 0;
        for part in removed {
            if at < part.start {
                self.keep(start + at as u64, &[&canonical.bytes[at..part.start]]);
            }
            at = part.end;
        }
        self.keep(start + at as u64, &[&canonical.bytes[at..], &[END]]);
        self.end = start + canonical.bytes.len() as u64 + 1;
        self.lay_out_removed(first_piece, start, removed);
        self.extend_directory();
        let respaced = self.respaced(start, canonical, removed);
        self.push_departures(original, &canonical.departures, &respaced);
    }

    /// Where removed text has a line break for the space of the kept text, or the reverse.
    ///
    /// There the original is not what the kept text says, so it is noted like a departure.
    fn respaced(&self, start: u64, canonical: &Canonical, removed: &[Removed]) -> Vec<Departure> {
        let mut respaced = Vec::new();
        let mut next = 0;
        for part in removed {
            let mut at = part.start;
            while at < part.end {
                let kept = self.ahead(start + at as u64);
                let len = kept.len().min(part.end - at);
                let ours = &canonical.bytes[at..at + len];
                if *ours != kept[..len] {
                    let differs = |(_, (a, b)): &(usize, (&u8, &u8))| a != b;
                    for (offset, _) in ours.iter().zip(&*kept).enumerate().filter(differs) {
                        let position = at + offset;
                        let begun = |d: &Departure| d.canonical as usize <= position;
                        while canonical.departures.get(next).is_some_and(begun) {
                            next += 1;
                        }
                        let before = next.checked_sub(1).map(|last| canonical.departures[last]);
                        if before.is_none_or(|d| d.canonical_end() <= position) {
                            respaced.push(single(position, locate(before, position).start));
                        }
                    }
                }
                at += len;
            }
        }
        respaced
    }

    /// Puts the pieces of removed text between the kept ones of the article added last.
    fn lay_out_removed(&mut self, first_piece: usize, start: u64, removed: &[Removed]) {
        if removed.is_empty() {
            return;
        }
        let kept = self.pieces.split_off(first_piece);
        let kept_at = |origin: u64| -> u64 {
            if origin < self.first {
                return 0; // the base knows
            }
            let piece = if origin >= start {
                kept[kept.partition_point(|piece| piece.start <= origin) - 1]
            } else {
                self.piece(origin).0
            };
            piece.kept + (origin - piece.start)
        };
        let mut pieces: Vec<Piece> = removed
            .iter()
            .map(|part| Piece {
                start: start + part.start as u64,
                origin: part.origin,
                kept: kept_at(part.origin),
                period: if part.period < part.end - part.start {
                    part.period as u64
                } else {
                    u64::MAX
                },
            })
            .collect();
        pieces.extend(kept);
        pieces.sort_unstable_by_key(|piece| piece.start);
        self.pieces.append(&mut pieces);
    }

    /// Keeps text that lies together, as one piece.
    fn keep(&mut self, start: u64, parts: &[&[u8]]) {
        self.pieces.push(Piece { start, origin: start, kept: self.kept, period: u64::MAX });
        for part in parts {
            let mut bytes = *part;
            self.kept += bytes.len() as u64;
            while !bytes.is_empty() {
                if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
                    // The first grows as it fills: most collections are small.
                    self.chunks.push(Vec::with_capacity(if self.chunks.is_empty() {
                        0
                    } else {
                        CHUNK
                    }));
                }
                let chunk = self.chunks.last_mut().expect("BUG: a chunk was pushed");
                let (now, later) = bytes.split_at(bytes.len().min(CHUNK - chunk.len()));
                chunk.extend_from_slice(now);
                bytes = later;
            }
        }
    }

    /// Notes departures, and `more` between them, with their original bytes.
    #[expect(clippy::cast_possible_truncation, reason = "there are few codes")]
    fn push_departures(&mut self, original: &[u8], departures: &[Departure], more: &[Departure]) {
        let (mut a, mut b) = (departures.iter().peekable(), more.iter().peekable());
        let mut last: Option<Departure> = None;
        for number in 0..departures.len() + more.len() {
            let first = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => x.original <= y.original,
                (x, _) => x.is_some(),
            };
            let departure = *if first { a.next() } else { b.next() }.expect("BUG: counted");
            if let Some(departure) = last.filter(|_| number % CHECKPOINT == 0) {
                self.checkpoints.push(Checkpoint { departure, at: self.departures.len() });
            }
            let end = last.map_or(0, |last| last.canonical + last.canonical_len);
            push_varint(&mut self.departures, departure.canonical - end);
            let literal = &original[departure.original as usize..departure.original_end()];
            let code =
                COMMON.iter().position(|common| *common == (departure.canonical_len, literal));
            push_varint(&mut self.departures, code.map_or(UNCOMMON, |code| code as u32));
            if code.is_none() {
                push_varint(&mut self.departures, departure.canonical_len);
                push_varint(&mut self.departures, departure.original_len);
                self.departures.extend_from_slice(literal);
            }
            last = Some(departure);
        }
    }

    /// The departures of an article with their original bytes, from some place not after
    /// `canonical` on.
    fn departures_from(&self, article: usize, canonical: usize) -> Departures<'_> {
        let article = article - self.first_article;
        let stored = &self.articles[article];
        let next = self.articles.get(article + 1);
        let checkpoints = &self.checkpoints
            [stored.checkpoints..next.map_or(self.checkpoints.len(), |next| next.checkpoints)];
        let end = next.map_or(self.departures.len(), |next| next.departures);
        Departures::from(&self.departures[..end], stored.departures, checkpoints, canonical)
    }

    fn extend_directory(&mut self) {
        let blocks = (self.end - self.first).div_ceil(BLOCK);
        let mut piece = self.directory.last().map_or(0, |&piece| piece as usize);
        while (self.directory.len() as u64) < blocks {
            let first = self.first + self.directory.len() as u64 * BLOCK;
            while self.pieces.get(piece + 1).is_some_and(|next| next.start <= first) {
                piece += 1;
            }
            self.directory
                .push(u32::try_from(piece).expect("BUG: four billion pieces exceed the places"));
        }
    }

    /// The piece of a coordinate, and where the next begins.
    fn piece(&self, coordinate: u64) -> (Piece, u64) {
        let block = index((coordinate - self.first) / BLOCK);
        let low = self.directory[block] as usize;
        let high =
            self.directory.get(block + 1).map_or(self.pieces.len(), |&piece| piece as usize + 1);
        let at =
            low + self.pieces[low..high].partition_point(|piece| piece.start <= coordinate) - 1;
        (self.pieces[at], self.pieces.get(at + 1).map_or(self.end, |next| next.start))
    }

    /// Kept bytes `at..at + len`, or those of them that are in one chunk with the first.
    fn bytes(&self, at: u64, len: u64) -> &[u8] {
        let chunk = &self.chunks[index(at / CHUNK as u64)];
        let offset = index(at % CHUNK as u64);
        &chunk[offset..chunk.len().min(offset + index(len))]
    }
}

/// Decodes the departures of an article.
#[derive(Clone, Debug)]
pub(crate) struct Departures<'a> {
    bytes: &'a [u8],
    last: Option<Departure>,
    checkpoint: Option<Departure>,
}

impl<'a> Departures<'a> {
    /// Those from some place not after `canonical` on. They begin at `first` in `bytes`, and end
    /// with them.
    pub(crate) fn from(
        bytes: &'a [u8],
        first: usize,
        checkpoints: &[Checkpoint],
        canonical: usize,
    ) -> Self {
        let before =
            checkpoints.partition_point(|point| point.departure.canonical_end() <= canonical);
        let (at, departure) = match before.checked_sub(1).map(|last| checkpoints[last]) {
            Some(point) => (point.at, Some(point.departure)),
            None => (first, None),
        };
        Self { bytes: &bytes[at..], last: departure, checkpoint: departure }
    }

    /// The original byte range of canonical bytes.
    pub(crate) fn original_range(self, canonical: Range<usize>) -> Range<usize> {
        let mut first = self.checkpoint;
        let mut last = first;
        for (departure, _) in self {
            let at = departure.canonical as usize;
            if at <= canonical.start {
                first = Some(departure);
            }
            if at >= canonical.end {
                break;
            }
            last = Some(departure);
        }
        locate(first, canonical.start).start..locate(last, canonical.end - 1).end
    }

    /// Whether canonical bytes with their departures spell `original`, where `ahead` gives the kept
    /// text from a canonical offset on.
    pub(crate) fn spell<'t>(
        self,
        canonical: Range<usize>,
        original: &[u8],
        ahead: impl Fn(usize) -> Slice<'t>,
    ) -> bool {
        let lockstep = |rest: &mut &[u8], Range { start: mut at, end }: Range<usize>| {
            while at < end {
                let bytes = ahead(at).at_most_first(end - at);
                at += bytes.len();
                match rest.strip_prefix(&*bytes) {
                    Some(after) => *rest = after,
                    None => return false,
                }
            }
            true
        };
        let mut rest = original;
        let mut at = canonical.start;
        for (departure, literal) in self {
            if departure.canonical_end() <= canonical.start {
                continue;
            }
            let from = departure.canonical as usize;
            if from >= canonical.end {
                break;
            }
            if !lockstep(&mut rest, at..from.max(at)) {
                return false;
            }
            match rest.strip_prefix(literal) {
                Some(after) => rest = after,
                None => return false,
            }
            at = departure.canonical_end();
        }
        lockstep(&mut rest, at..canonical.end.max(at)) && rest.is_empty()
    }
}

impl<'a> Departures<'a> {
    /// Checks departures that nobody vouches for, and counts them again: the checkpoints, with
    /// places counted from `first` on, and the length of the original. None if they are no departures of a text of
    /// that canonical length.
    #[cfg(feature = "index")]
    pub(crate) fn check(
        bytes: &'a [u8],
        first: usize,
        canonical_len: usize,
    ) -> Option<(Vec<Checkpoint>, usize)> {
        let mut departures = Self { bytes, last: None, checkpoint: None };
        let mut checkpoints = Vec::new();
        for number in 0.. {
            if let Some(departure) = departures.last.filter(|_| number % CHECKPOINT == 0) {
                let at = first + bytes.len() - departures.bytes.len();
                checkpoints.push(Checkpoint { departure, at });
            }
            match departures.next() {
                Some((departure, _)) if departure.canonical_end() > canonical_len => return None,
                Some(_) => {}
                None => break,
            }
        }
        let (canonical, original) =
            departures.last.map_or((0, 0), |last| (last.canonical_end(), last.original_end()));
        departures.bytes.is_empty().then_some((checkpoints, original + canonical_len - canonical))
    }

    fn decode(&mut self) -> Option<(Departure, &'a [u8])> {
        let mut bytes = self.bytes;
        let gap = take_varint(&mut bytes)?;
        let code = take_varint(&mut bytes)? as usize;
        let (canonical_len, literal) = if let Some(&common) = COMMON.get(code) {
            common
        } else {
            let canonical_len = take_varint(&mut bytes)?;
            let original_len = take_varint(&mut bytes)?;
            let (literal, rest) = bytes.split_at_checked(original_len as usize)?;
            bytes = rest;
            (canonical_len, literal)
        };
        let original_len = u32::try_from(literal.len()).ok()?;
        let (canonical, original) = match self.last {
            Some(last) => (
                last.canonical.checked_add(last.canonical_len)?,
                last.original.checked_add(last.original_len)?,
            ),
            None => (0, 0),
        };
        let departure = Departure {
            canonical: canonical.checked_add(gap)?,
            canonical_len,
            original: original.checked_add(gap)?,
            original_len,
        };
        // What ends beyond 32 bits would be caught one later, or never.
        departure.canonical.checked_add(canonical_len)?;
        departure.original.checked_add(original_len)?;
        self.bytes = bytes;
        self.last = Some(departure);
        Some((departure, literal))
    }
}

impl<'a> Iterator for Departures<'a> {
    type Item = (Departure, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() { None } else { self.decode() }
    }
}

/// A departure of one byte from another.
#[expect(clippy::cast_possible_truncation, reason = "articles are shorter than 4 GiB")]
fn single(canonical: usize, original: usize) -> Departure {
    let (canonical, original) = (canonical as u32, original as u32);
    Departure { canonical, canonical_len: 1, original, original_len: 1 }
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

/// None if the bytes end before the number does, or it has more than 32 bits.
fn take_varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in (0..u32::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A 64-bit offset into memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("BUG: an offset beyond the address space")
}
