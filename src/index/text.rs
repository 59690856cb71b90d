//! The texts of all articles, each kept byte once.
//!
//! A coordinate belongs to a *piece*: kept text, or removed text, which stands for kept text of an
//! earlier piece. Pieces of removed text name the kept text itself, never another removed piece, so
//! reading takes one step however long the chain of reprints was.
//!
//! Texts may stand on a [`Base`]: articles that came before and lie elsewhere. What is asked of
//! their coordinates is passed on to it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::base::Base;
use super::log::{Log, last_before, push};
use super::table::MAX_PLACE;
use super::to_usize;
use crate::error::Error;

#[cfg(feature = "index")]
pub(crate) mod tail;

/// Stands after every article, so that no comparison runs from one article into the next: a byte
/// that UTF-8 never has.
pub(crate) const END: u8 = 0xFF;

/// Coordinates that an entry of the directory spans.
const BLOCK: u64 = 1 << 12;

#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Kept text: a byte of it has an *address* here.
    kept: Log,
    pieces: Vec<Piece>,
    periodic: Vec<Periodic>,
    /// For each block of coordinates.
    directory: Vec<Entry>,
    /// The first coordinate of the next article.
    end: u64,
    /// The piece that was looked at last: mostly the next look is at the same, or at one beside it.
    recent: Resolved,
    /// The same of what is read backwards: a match is first measured ahead, and then from the same place behind.
    recent_behind: Resolved,
    /// What came before, if it lies elsewhere.
    base: Option<Arc<dyn Base>>,
    /// The first coordinate that is held here.
    first: u64,
    /// What was read last of the base, or of text that repeats itself.
    read: Bytes,
    /// What the pieces of an article are put together in.
    room: Vec<Piece>,
}

/// Coordinates up to the start of the next piece. Kept text of articles that follow each other is
/// one piece.
///
/// In one word of 128 bits: from the lowest, the start, the coordinate of the kept text that this is or stands for
/// (if that repeats itself, the number of a periodic piece), its address, and two flags. That address could be found by
/// the coordinate, but that took a tenth of the time of ingesting a collection with many removed parts.
#[derive(Clone, Copy, Debug, Default)]
struct Piece(u128);

/// Enough for every coordinate, as these are places of a table, and for every address.
const FIELD_BITS: u32 = MAX_PLACE.ilog2() + 1;
const REMOVED: u128 = 1 << 127;
const PERIODIC: u128 = 1 << 126;

impl Piece {
    fn new(start: u64, kept: u64, address: u64) -> Self {
        debug_assert!(start.max(kept).max(address) >> FIELD_BITS == 0, "a field is too narrow");
        let [start, kept, address] = [start, kept, address].map(u128::from);
        Self(start | kept << FIELD_BITS | address << (2 * FIELD_BITS))
    }

    /// Kept text.
    fn kept(start: u64, address: u64) -> Self {
        Self::new(start, start, address)
    }

    fn field(self, number: u32) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
        let bits = (self.0 >> (number * FIELD_BITS)) as u64;
        bits & ((1 << FIELD_BITS) - 1)
    }

    fn start(self) -> u64 {
        self.field(0)
    }

    fn origin(self) -> u64 {
        self.field(1)
    }

    fn address(self) -> u64 {
        self.field(2)
    }

    fn is_removed(self) -> bool {
        self.0 & REMOVED != 0
    }

    fn is_periodic(self) -> bool {
        self.0 & PERIODIC != 0
    }
}

/// Removed text that repeats itself, which is rare.
#[derive(Clone, Copy, Debug)]
struct Periodic {
    /// The coordinate of the kept text.
    origin: u64,
    /// The text repeats every so many bytes.
    period: u64,
}

/// A piece, and the kept text that it is or stands for.
#[derive(Clone, Copy, Debug, Default)]
struct Resolved {
    number: usize,
    start: u64,
    /// The coordinate after its last.
    end: u64,
    /// Coordinate and address of the first byte of the kept text.
    origin: u64,
    address: u64,
    /// The text repeats every so many bytes; more than it has if it does not.
    period: u64,
}

impl Resolved {
    #[inline]
    fn stretch(&self, coordinate: u64) -> Stretch {
        let mut offset = coordinate - self.start;
        if offset >= self.period {
            offset %= self.period;
        }
        Stretch {
            origin: self.origin + offset,
            address: self.address + offset,
            back: offset + 1,
            ahead: (self.period - offset).min(self.end - coordinate),
            repeats: self.period < REPEATED,
        }
    }
}

/// Where a block of coordinates is kept: a shortcut past the pieces for those, nearly all, that lie
/// in one piece of kept text.
#[derive(Clone, Copy, Debug)]
struct Entry(u64);

enum Way {
    /// The whole block is kept from this address on.
    Kept(u64),
    /// The number of the piece that the first byte of the block lies in.
    Piece(usize),
}

impl Entry {
    fn new(way: &Way) -> Self {
        match *way {
            Way::Kept(address) => Self(address << 1 | 1),
            Way::Piece(number) => Self((number as u64) << 1),
        }
    }

    fn way(self) -> Way {
        if self.0 & 1 == 1 { Way::Kept(self.0 >> 1) } else { Way::Piece(to_usize(self.0 >> 1)) }
    }
}

/// Text that repeats itself after fewer bytes is read so many at a time. By one period at a time, articles with empty tables of
/// two bytes a cell took 500 ns a byte.
pub(crate) const REPEATED: u64 = 1 << 12;

/// So many bytes, from an offset on, of what a period is when it comes again and again.
pub(crate) fn repeated(period: &[u8], offset: u64, len: u64) -> Vec<u8> {
    let (last, first) = period.split_at(to_usize(offset % period.len().max(1) as u64));
    let len = to_usize(len);
    let mut text = Vec::with_capacity(len.max(period.len()));
    text.extend_from_slice(first);
    text.extend_from_slice(last);
    while text.len() < len && !text.is_empty() {
        text.extend_from_within(..text.len().min(len - text.len()));
    }
    text.truncate(len);
    text
}

/// Where the text around a coordinate is kept.
struct Stretch {
    /// The coordinate of the kept text.
    origin: u64,
    address: u64,
    /// Bytes kept together up to and with this one, and from it on: at least one each.
    back: u64,
    ahead: u64,
    /// Whether that is but a part of what the piece looked at last stands for, which repeats itself after a few bytes.
    repeats: bool,
}

impl Stretch {
    /// Of a coordinate of the base, which knows better.
    fn in_base(coordinate: u64) -> Self {
        Self { origin: coordinate, address: 0, back: u64::MAX, ahead: u64::MAX, repeats: false }
    }

    /// Of a block that is kept from `address` on.
    fn in_block(address: u64, coordinate: u64) -> Self {
        let offset = coordinate % BLOCK;
        Self {
            origin: coordinate,
            address: address + offset,
            back: offset + 1,
            ahead: BLOCK - offset,
            repeats: false,
        }
    }
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

/// Kept text, which as a whole or again and again is what stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Its coordinate.
    pub(crate) origin: u64,
    /// How many bytes it stands for.
    pub(crate) len: u64,
    /// It is this long; `len` if it does not repeat itself.
    pub(crate) period: u64,
}

impl Kept {
    pub(crate) fn plain(origin: u64, len: u64) -> Self {
        Self { origin, len, period: len }
    }

    /// What the `len` bytes from an offset on stand for, or the first of them, of a piece that is kept text of `period` bytes
    /// again and again.
    pub(crate) fn within(origin: u64, period: u64, offset: u64, len: u64) -> Self {
        match offset % period {
            0 if period < len => Self { origin, len, period },
            skipped => Self::plain(origin.saturating_add(skipped), len.min(period - skipped)),
        }
    }

    /// Makes one of two that follow each other, unless one repeats itself; says whether it did.
    pub(crate) fn join(&mut self, next: Self) -> bool {
        let joins = self.len == self.period
            && next.len == next.period
            && self.origin + self.len == next.origin;
        if joins {
            *self = Self::plain(self.origin, self.len + next.len);
        }
        joins
    }
}

impl Texts {
    /// The first coordinate of the next article.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The base, if a coordinate is one of its own.
    fn below(&self, coordinate: u64) -> Option<&dyn Base> {
        self.base.as_deref().filter(|_| coordinate < self.first)
    }

    /// Bytes of kept text that are held here.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.len()
    }

    /// Kept text, of which the oldest may be put into a file.
    pub(crate) fn log(&mut self) -> &mut Log {
        &mut self.kept
    }

    /// Bytes of memory of all but that.
    pub(crate) fn memory(&self) -> usize {
        self.pieces.capacity() * size_of::<Piece>()
            + self.periodic.capacity() * size_of::<Periodic>()
            + self.directory.capacity() * size_of::<Entry>()
    }

    /// Fetches the memory around a coordinate, if it is known at once where that is.
    pub(crate) fn prefetch(&self, coordinate: u64) {
        if coordinate >= self.first
            && coordinate < self.end
            && let Way::Kept(address) = self.directory[self.block(coordinate)].way()
        {
            self.kept.prefetch(address + coordinate % BLOCK);
        }
    }

    /// The byte at `coordinate` among others that lie together, which may be fewer than there are, and how many of them are before it.
    #[inline]
    pub(crate) fn around(&mut self, coordinate: u64) -> Result<(&[u8], usize), Error> {
        let stretch = self.look_up(coordinate);
        self.recent_behind = self.recent;
        if stretch.repeats {
            let before = self.read_repeated(self.recent, coordinate, REPEATED / 2, REPEATED / 2)?;
            return Ok((&self.read, before));
        }
        if self.below(stretch.origin).is_some() {
            return Ok((self.ahead(coordinate)?, 0));
        }
        self.kept.between(stretch.address, stretch.back, stretch.ahead)
    }

    /// Bytes from `coordinate` on: at least one, as many as lie together.
    #[inline]
    pub(crate) fn ahead(&mut self, coordinate: u64) -> Result<&[u8], Error> {
        let stretch = self.look_up(coordinate);
        if stretch.repeats {
            self.read_repeated(self.recent, coordinate, 0, REPEATED)?;
            return Ok(&self.read);
        }
        if let Some(base) = self.below(stretch.origin) {
            let mut bytes = base.ahead(stretch.origin)?;
            bytes.truncate(usize::try_from(stretch.ahead).unwrap_or(usize::MAX));
            self.read = bytes;
            return Ok(&self.read);
        }
        self.kept.first(stretch.address, stretch.ahead)
    }

    /// Bytes up to and with the one at `coordinate`: at least one, as many as lie together.
    #[inline]
    pub(crate) fn behind(&mut self, coordinate: u64) -> Result<&[u8], Error> {
        std::mem::swap(&mut self.recent, &mut self.recent_behind);
        let stretch = self.look_up(coordinate);
        std::mem::swap(&mut self.recent, &mut self.recent_behind);
        if stretch.repeats {
            self.read_repeated(self.recent_behind, coordinate, REPEATED - 1, 1)?;
            return Ok(&self.read);
        }
        if let Some(base) = self.below(stretch.origin) {
            let bytes = base.behind(stretch.origin)?;
            let back = usize::try_from(stretch.back).unwrap_or(usize::MAX);
            self.read = bytes.slice(bytes.len().saturating_sub(back)..);
            return Ok(&self.read);
        }
        self.kept.last(stretch.address, stretch.back)
    }

    /// Reads the text around a coordinate of a piece that repeats itself: so many bytes before it, and from it on, at most. How many
    /// there are before it.
    #[cold]
    fn read_repeated(
        &mut self,
        piece: Resolved,
        coordinate: u64,
        before: u64,
        ahead: u64,
    ) -> Result<usize, Error> {
        let since = coordinate - piece.start;
        let before = before.min(since);
        let len = before + ahead.min(piece.end - coordinate);
        let mut period = Vec::new();
        if let Some(base) = self.below(piece.origin) {
            while (period.len() as u64) < piece.period {
                let bytes = base.ahead(piece.origin + period.len() as u64)?;
                period.extend_from_slice(&bytes);
            }
            period.truncate(to_usize(piece.period));
        } else {
            self.kept.copy(piece.address, piece.address + piece.period, &mut period)?;
        }
        self.read = repeated(&period, since - before, len).into();
        Ok(to_usize(before))
    }

    /// Appends the kept text that the coordinates stand for, in order.
    ///
    /// # Errors
    ///
    /// If the base cannot be read.
    pub(crate) fn origins(
        &self,
        coordinates: Range<u64>,
        origins: &mut Vec<Kept>,
    ) -> Result<(), Error> {
        let mut at = coordinates.start;
        if let Some(base) = self.below(at) {
            let end = coordinates.end.min(self.first);
            origins.extend(base.origins(at..end)?);
            at = end;
        }
        while at < coordinates.end {
            let rest = coordinates.end - at;
            // Of a block that is kept as a whole its piece need not be known, which only a search through all would find.
            let kept = match self.directory[self.block(at)].way() {
                Way::Kept(_) => Kept::plain(at, rest.min(BLOCK - at % BLOCK)),
                Way::Piece(first) => {
                    let piece = self.resolved(self.piece_from(first, at));
                    let rest = rest.min(piece.end - at);
                    Kept::within(piece.origin, piece.period, at - piece.start, rest)
                }
            };
            at += kept.len;
            // Kept text may go on in the next block.
            let is_kept = kept.origin + kept.len == at && at - kept.len > self.first;
            if !(is_kept && origins.last_mut().is_some_and(|before| before.join(kept))) {
                origins.push(kept);
            }
        }
        Ok(())
    }

    /// Adds an article: its canonical text, of which `removed` is kept elsewhere.
    pub(crate) fn push(&mut self, canonical: &[u8], removed: &[Removed]) {
        let start = self.end;
        // Kept text first, so that removed text may stand for later text of its own article.
        let mut kept = std::mem::take(&mut self.room);
        let mut at = 0;
        for part in removed {
            if at < part.start {
                kept.push(Piece::kept(start + at as u64, self.kept.len()));
                self.kept.append(&canonical[at..part.start]);
            }
            at = part.end;
        }
        kept.push(Piece::kept(start + at as u64, self.kept.len()));
        self.kept.append(&canonical[at..]);
        self.kept.append(&[END]);
        self.end = start + canonical.len() as u64 + 1;

        let mut own = kept.iter().peekable();
        for part in removed {
            let begins = start + part.start as u64;
            while let Some(piece) = own.next_if(|piece| piece.start() < begins) {
                self.lay_out_kept(*piece);
            }
            let address = match kept.partition_point(|piece| piece.start() <= part.origin) {
                0 => self.address(part.origin),
                after => {
                    let piece = kept[after - 1];
                    piece.address() + (part.origin - piece.start())
                }
            };
            let piece = if part.period == part.end - part.start {
                Piece::new(begins, part.origin, address)
            } else {
                let (origin, period) = (part.origin, part.period as u64);
                push(&mut self.periodic, Periodic { origin, period });
                let number = (self.periodic.len() - 1) as u64;
                Piece(Piece::new(begins, number, address).0 | PERIODIC)
            };
            push(&mut self.pieces, Piece(piece.0 | REMOVED));
        }
        own.for_each(|piece| self.lay_out_kept(*piece));
        kept.clear();
        self.room = kept;
        self.extend_directory(start);
    }

    fn lay_out_kept(&mut self, piece: Piece) {
        let goes_on = self.pieces.last().is_some_and(|last| {
            !last.is_removed() && last.address() + (piece.start() - last.start()) == piece.address()
        });
        if !goes_on {
            push(&mut self.pieces, piece);
        }
    }

    /// Enters the blocks from that of `start`, which may have been entered incomplete, to the end.
    fn extend_directory(&mut self, start: u64) {
        let first = self.block(start);
        let mut number = match self.directory.get(first).map(|entry| entry.way()) {
            Some(Way::Piece(number)) => number,
            _ => self.pieces.partition_point(|piece| piece.start() <= start).saturating_sub(1),
        };
        self.directory.truncate(first);
        for block in start / BLOCK..self.end.div_ceil(BLOCK) {
            let begins = block * BLOCK;
            while self.pieces.get(number + 1).is_some_and(|next| next.start() <= begins) {
                number += 1;
            }
            let piece = self.pieces[number];
            let end = self.piece_end(number);
            // The first block may begin in the base.
            let is_kept = !piece.is_removed() && piece.start() <= begins;
            let way = if is_kept && begins + BLOCK <= end {
                Way::Kept(piece.address() + (begins - piece.start()))
            } else {
                Way::Piece(number)
            };
            push(&mut self.directory, Entry::new(&way));
        }
    }

    /// The entry of the directory that a coordinate belongs to.
    fn block(&self, coordinate: u64) -> usize {
        to_usize(coordinate / BLOCK - self.first / BLOCK)
    }

    #[inline]
    fn look_up(&mut self, coordinate: u64) -> Stretch {
        let Resolved { start, end, .. } = self.recent;
        if coordinate.wrapping_sub(start) >= end - start
            && let Some(stretch) = self.look_elsewhere(coordinate)
        {
            return stretch;
        }
        self.recent.stretch(coordinate)
    }

    /// Makes the piece of a coordinate the recent one, unless the text around it is found without.
    fn look_elsewhere(&mut self, coordinate: u64) -> Option<Stretch> {
        if coordinate < self.first {
            return Some(Stretch::in_base(coordinate));
        }
        let Resolved { number, start, .. } = self.recent;
        let number = if self.pieces.get(number + 1).is_some_and(|next| next.start() == coordinate) {
            number + 1
        } else if coordinate + 1 == start && number > 0 {
            number - 1
        } else if let Some(number) = self.beside_recent(coordinate) {
            number
        } else {
            match self.directory[self.block(coordinate)].way() {
                Way::Kept(address) => return Some(Stretch::in_block(address, coordinate)),
                Way::Piece(first) => self.piece_from(first, coordinate),
            }
        };
        self.recent = self.resolved(number);
        None
    }

    /// The piece of a coordinate, if that is the one after or before the recent one.
    fn beside_recent(&self, coordinate: u64) -> Option<usize> {
        let Resolved { number, start, end, .. } = self.recent;
        let beside = if coordinate >= end { number.checked_add(1) } else { number.checked_sub(1) }?;
        let distance = if coordinate >= end { coordinate - end } else { start - coordinate };
        let holds = |number: usize| {
            let from = self.pieces.get(number).map_or(u64::MAX, |piece| piece.start());
            (from..self.piece_end(number)).contains(&coordinate)
        };
        // Elsewhere, the directory is as quick.
        (distance < BLOCK && holds(beside)).then_some(beside)
    }

    /// The coordinate after the last of a piece.
    fn piece_end(&self, number: usize) -> u64 {
        self.pieces.get(number + 1).map_or(self.end, |next| next.start())
    }

    /// The number of the piece of a coordinate whose block begins in the piece `first`.
    fn piece_from(&self, first: usize, coordinate: u64) -> usize {
        let is_before = |piece: &Piece| piece.start() <= coordinate;
        let next = self.directory.get(self.block(coordinate) + 1).map(|entry| entry.way());
        let after = if let Some(Way::Piece(next)) = next {
            // The next block begins in this one, or in a later.
            next + 1
        } else {
            return last_before(&self.pieces, first, is_before);
        };
        first + self.pieces[first..after].partition_point(is_before) - 1
    }

    fn resolved(&self, number: usize) -> Resolved {
        let piece = self.pieces[number];
        let (origin, period) = self.origin(piece);
        Resolved {
            number,
            start: piece.start(),
            end: self.piece_end(number),
            origin,
            address: piece.address(),
            period: period.unwrap_or(u64::MAX),
        }
    }

    /// The coordinate of the kept text of a piece, and after how many bytes that begins again, if it does.
    fn origin(&self, piece: Piece) -> (u64, Option<u64>) {
        if !piece.is_periodic() {
            return (piece.origin(), None);
        }
        let Periodic { origin, period } = self.periodic[to_usize(piece.origin())];
        (origin, Some(period))
    }

    /// The address of kept text, unless that is in the base.
    fn address(&self, origin: u64) -> u64 {
        if origin < self.first {
            return 0;
        }
        match self.directory[self.block(origin)].way() {
            Way::Kept(address) => address + origin % BLOCK,
            Way::Piece(first) => {
                let piece = self.pieces[self.piece_from(first, origin)];
                piece.address() + (origin - piece.start())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_numbers_fit_into_a_piece() {
        for numbers in [[0, 0, MAX_PLACE], [0, MAX_PLACE, 0], [MAX_PLACE, 0, 0], [MAX_PLACE; 3]] {
            let [start, kept, address] = numbers;
            let piece = Piece::new(start, kept, address);
            assert!(!piece.is_removed() && !piece.is_periodic());
            let piece = Piece(piece.0 | REMOVED | PERIODIC);
            assert!(piece.is_removed() && piece.is_periodic());
            assert_eq!([piece.start(), piece.origin(), piece.address()], numbers);
        }
    }

    #[test]
    fn text_that_repeats_itself_is_read_as_if_it_were_kept() {
        for (period, len) in
            [(1, 1), (1, 9000), (2, 3), (2, 9001), (7, 100), (4095, 12_000), (4096, 9000)]
        {
            let once: Vec<u8> = (0..period).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
            let whole = [b"<", &*repeated(&once, 0, (period + len) as u64), b">"].concat();
            assert!((0..len).all(|at| whole[1 + period + at] == whole[1 + at]));
            let (start, end) = (1 + period, 1 + period + len);
            let removed = Removed { start, end, origin: 1, period: period.min(len) };
            let mut texts = Texts::default();
            texts.push(&whole, &[removed]);
            assert_eq!(texts.kept(), (whole.len() - len + 1) as u64);
            for at in (0..whole.len()).filter(|at| at % 97 < 3 || at.abs_diff(end) < 3) {
                let ahead = texts.ahead(at as u64).unwrap();
                assert!(!ahead.is_empty() && [&whole[at..], &[END]].concat().starts_with(ahead));
                let behind = texts.behind(at as u64).unwrap();
                assert!(!behind.is_empty() && whole[..=at].ends_with(behind));
                let (around, before) = texts.around(at as u64).unwrap();
                assert!(before < around.len());
                assert!(whole[..at].ends_with(&around[..before]));
                assert!([&whole[at..], &[END]].concat().starts_with(&around[before..]));
                if period < 4096 && (start + 100..end.saturating_sub(100)).contains(&at) {
                    assert!(around.len() > 200, "{period}: {}", around.len());
                }
            }
        }
        assert_eq!(repeated(b"abc", 4, 5), b"bcabc");
        assert_eq!(repeated(b"abc", 2, 1), b"c");
    }
}
