//! The texts of all articles, each kept byte once.
//!
//! What is not in a removed *part* is kept, and removed parts are all that is listed. A part names
//! the kept text that it stands for, never another part, so reading takes one step however long the
//! chain of reprints was.
//!
//! Texts may stand on a [`Base`]: articles that came before and lie elsewhere. What is asked of
//! their coordinates is passed on to it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::base::Base;
use super::log::{Log, push};
use super::{Packed48, to_usize};
use crate::error::Error;

mod parts;
#[cfg(feature = "index")]
pub(crate) mod tail;

use self::parts::{Parts, Place, Target};

/// Stands after every article, so that no comparison runs from one article into the next: a byte
/// that UTF-8 never has.
pub(crate) const END: u8 = 0xFF;

/// Coordinates that an entry of the directory spans.
const BLOCK: u64 = 1 << 12;

/// Bytes of kept text for which one number of a part is kept.
const ADDRESSED: u64 = 1 << 16;

#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Kept text: a byte of it has an *address* here.
    kept: Log,
    /// What was removed; before that a part without text, so that all kept text is behind some
    /// part.
    parts: Parts,
    periodic: Vec<Periodic>,
    /// For each block of coordinates.
    directory: Vec<Entry>,
    /// For each [`ADDRESSED`] bytes of kept text, the part that the first of them is behind; or one
    /// before that, if the number is too great.
    parts_at: Vec<u32>,
    /// The first coordinate of the next article.
    end: u64,
    /// The text that was looked at last: mostly the next look is at the same, or at what is beside
    /// it.
    recent: Resolved,
    /// The same of what is read backwards: a match is first measured ahead, and then from the same
    /// place behind.
    recent_behind: Resolved,
    /// What came before, if it lies elsewhere.
    base: Option<Arc<dyn Base>>,
    /// The first coordinate that is held here.
    first: u64,
    /// What was read last of the base, or of text that repeats itself.
    read: Bytes,
}

/// Where kept text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Here, by its address. To look that up by the coordinate whenever the text is read took a
    /// tenth of the time of ingesting a collection with many removed parts; to look up the
    /// coordinate, which is seldom asked for, takes none.
    Kept(u64),
    /// In the base, by its coordinate.
    InBase(u64),
}

impl Default for Source {
    fn default() -> Self {
        Self::Kept(0)
    }
}

impl Source {
    /// That of the text so many bytes behind.
    fn behind(self, offset: u64) -> Self {
        match self {
            Self::Kept(address) => Self::Kept(address + offset),
            Self::InBase(coordinate) => Self::InBase(coordinate + offset),
        }
    }
}

/// What a removed part stands for if that repeats itself, which is rare.
#[derive(Clone, Copy, Debug)]
struct Periodic {
    source: Source,
    /// The text repeats every so many bytes.
    period: u64,
}

/// A removed part, or the kept text behind one.
#[derive(Clone, Copy, Debug, Default)]
struct Resolved {
    /// The number of the part.
    number: usize,
    start: u64,
    /// The coordinate after its last.
    end: u64,
    /// Where the first byte of the kept text is.
    source: Source,
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
            source: self.source.behind(offset),
            back: offset + 1,
            ahead: (self.period - offset).min(self.end - coordinate),
            repeats: self.period < REPEATED,
        }
    }
}

/// Where a block of coordinates is kept: a shortcut past the parts for those, nearly all, of which nothing was
/// removed.
#[derive(Clone, Copy, Debug)]
struct Entry(Packed48);

enum Way {
    /// The whole block is kept from this address on.
    Kept(u64),
    /// The number of the part that the first byte of the block lies in or behind.
    Part(usize),
}

impl Entry {
    fn new(way: &Way) -> Self {
        Self(Packed48::new(match *way {
            Way::Kept(address) => address << 1 | 1,
            Way::Part(number) => (number as u64) << 1,
        }))
    }

    fn way(self) -> Way {
        let bits = self.0.get();
        if bits & 1 == 1 { Way::Kept(bits >> 1) } else { Way::Part(to_usize(bits >> 1)) }
    }
}

/// Text that repeats itself after fewer bytes is read so many at a time. By one period at a time,
/// articles with empty tables of two bytes a cell took 500 ns a byte.
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
    source: Source,
    /// Bytes kept together up to and with this one, and from it on: at least one each.
    back: u64,
    ahead: u64,
    /// Whether that is but a part of what the text looked at last stands for, which repeats itself
    /// after a few bytes.
    repeats: bool,
}

impl Stretch {
    /// Of a coordinate of the base, which knows better.
    fn in_base(coordinate: u64) -> Self {
        let source = Source::InBase(coordinate);
        Self { source, back: u64::MAX, ahead: u64::MAX, repeats: false }
    }

    /// Of a block that is kept from `address` on.
    fn in_block(address: u64, coordinate: u64) -> Self {
        let offset = coordinate % BLOCK;
        Self {
            source: Source::Kept(address + offset),
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

    /// What the `len` bytes from an offset on stand for, or the first of them, of a piece that is
    /// kept text of `period` bytes again and again.
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
        self.parts.memory()
            + self.periodic.capacity() * size_of::<Periodic>()
            + self.directory.capacity() * size_of::<Entry>()
            + self.parts_at.capacity() * size_of::<u32>()
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

    /// The byte at `coordinate` among others that lie together, which may be fewer than there are,
    /// and how many of them are before it.
    #[inline]
    pub(crate) fn around(&mut self, coordinate: u64) -> Result<(&[u8], usize), Error> {
        let stretch = self.look_up(coordinate);
        self.recent_behind = self.recent;
        if stretch.repeats {
            let before = self.read_repeated(self.recent, coordinate, REPEATED / 2, REPEATED / 2)?;
            return Ok((&self.read, before));
        }
        match stretch.source {
            Source::Kept(address) => self.kept.between(address, stretch.back, stretch.ahead),
            Source::InBase(_) => Ok((self.ahead(coordinate)?, 0)),
        }
    }

    /// Bytes from `coordinate` on: at least one, as many as lie together.
    #[inline]
    pub(crate) fn ahead(&mut self, coordinate: u64) -> Result<&[u8], Error> {
        let stretch = self.look_up(coordinate);
        if stretch.repeats {
            self.read_repeated(self.recent, coordinate, 0, REPEATED)?;
            return Ok(&self.read);
        }
        match stretch.source {
            Source::Kept(address) => self.kept.first(address, stretch.ahead),
            Source::InBase(coordinate) => {
                let mut bytes = self.base().ahead(coordinate)?;
                bytes.truncate(usize::try_from(stretch.ahead).unwrap_or(usize::MAX));
                self.read = bytes;
                Ok(&self.read)
            }
        }
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
        match stretch.source {
            Source::Kept(address) => self.kept.last(address, stretch.back),
            Source::InBase(coordinate) => {
                let bytes = self.base().behind(coordinate)?;
                let back = usize::try_from(stretch.back).unwrap_or(usize::MAX);
                self.read = bytes.slice(bytes.len().saturating_sub(back)..);
                Ok(&self.read)
            }
        }
    }

    /// Reads the text around a coordinate of a part that repeats itself: so many bytes before it,
    /// and from it on, at most. How many there are before it.
    #[cold]
    fn read_repeated(
        &mut self,
        part: Resolved,
        coordinate: u64,
        before: u64,
        ahead: u64,
    ) -> Result<usize, Error> {
        let since = coordinate - part.start;
        let before = before.min(since);
        let len = before + ahead.min(part.end - coordinate);
        let mut period = Vec::new();
        match part.source {
            Source::Kept(address) => {
                self.kept.copy(address, address + part.period, &mut period)?;
            }
            Source::InBase(coordinate) => {
                while (period.len() as u64) < part.period {
                    let bytes = self.base().ahead(coordinate + period.len() as u64)?;
                    period.extend_from_slice(&bytes);
                }
                period.truncate(to_usize(part.period));
            }
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
            // Of a block that is kept as a whole the part before it need not be known, which only a
            // search through all would find.
            let kept = match self.directory[self.block(at)].way() {
                Way::Kept(_) => Kept::plain(at, rest.min(BLOCK - at % BLOCK)),
                Way::Part(first) => {
                    let number = self.parts.last_starting(first, at);
                    let end = self.part_end(number);
                    if at < end {
                        let (source, period) = self.stands_for(number);
                        let offset = at - self.parts.place(number).start;
                        Kept::within(self.origin(source), period, offset, rest.min(end - at))
                    } else {
                        Kept::plain(at, rest.min(self.next(number).start - at))
                    }
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
        if self.parts.len() == 0 {
            self.parts.push(Place { start: self.first, address: 0 });
        }
        let mut number = self.parts.len() - 1;
        let mut at = 0;
        for part in removed {
            self.kept.append(&canonical[at..part.start]);
            let address = self.kept.len();
            self.parts.push(Place { start: start + part.start as u64, address });
            at = part.end;
        }
        self.kept.append(&canonical[at..]);
        self.kept.append(&[END]);
        self.end = start + canonical.len() as u64 + 1;
        self.extend_directory(start);
        self.extend_parts_at(number);
        // Not before all parts are there, as removed text may stand for later text of its own article.
        for part in removed {
            let source = self.source(part.origin);
            let target = if part.period == part.end - part.start {
                Target::Plain(source)
            } else {
                push(&mut self.periodic, Periodic { source, period: part.period as u64 });
                Target::Periodic(self.periodic.len() - 1)
            };
            // Not the next number: some may stand for the rest of a group.
            number = self.parts.last_starting(number, start + part.start as u64);
            self.parts.set_target(number, target);
        }
    }

    /// Enters the blocks from that of `start`, which may have been entered incomplete, to the end.
    fn extend_directory(&mut self, start: u64) {
        let first = self.block(start);
        let mut number = match self.directory.get(first).map(|entry| entry.way()) {
            Some(Way::Part(number)) => number,
            _ => self.parts.last_starting(0, start),
        };
        self.directory.truncate(first);
        for block in start / BLOCK..self.end.div_ceil(BLOCK) {
            let begins = block * BLOCK;
            while self.parts.get(number + 1).is_some_and(|next| next.start <= begins) {
                number += 1;
            }
            let (kept_from, kept_to) = (self.part_end(number), self.next(number).start);
            // The first block may begin in the base.
            let way = if kept_from <= begins && begins + BLOCK <= kept_to {
                Way::Kept(self.parts.place(number).address + (begins - kept_from))
            } else {
                Way::Part(number)
            };
            push(&mut self.directory, Entry::new(&way));
        }
    }

    /// Enters kept text that is behind a part, or behind a later one.
    fn extend_parts_at(&mut self, mut number: usize) {
        loop {
            let address = self.parts_at.len() as u64 * ADDRESSED;
            if address >= self.kept.len() {
                break;
            }
            while self.parts.get(number + 1).is_some_and(|next| next.address <= address) {
                number += 1;
            }
            push(&mut self.parts_at, u32::try_from(number).unwrap_or(u32::MAX));
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

    /// Makes the text of a coordinate the recent one, unless the text around it is found without.
    fn look_elsewhere(&mut self, coordinate: u64) -> Option<Stretch> {
        if coordinate < self.first {
            return Some(Stretch::in_base(coordinate));
        }
        let number = match self.beside_recent(coordinate) {
            Some(number) => number,
            None => match self.directory[self.block(coordinate)].way() {
                Way::Kept(address) => return Some(Stretch::in_block(address, coordinate)),
                Way::Part(first) => self.parts.last_starting(first, coordinate),
            },
        };
        self.recent = self.resolved(number, coordinate);
        None
    }

    /// The part that a coordinate lies in or behind, if that is the recent one, or the one after or before it.
    fn beside_recent(&self, coordinate: u64) -> Option<usize> {
        let Resolved { number, start, end, .. } = self.recent;
        // Elsewhere, the directory is as quick.
        if coordinate + BLOCK <= start || coordinate >= end + BLOCK {
            return None;
        }
        let starts = |number: usize| self.parts.get(number).map_or(u64::MAX, |part| part.start);
        if coordinate >= start {
            if coordinate < starts(number + 1) {
                return Some(number);
            }
            return (coordinate < starts(number + 2)).then_some(number + 1);
        }
        if coordinate >= starts(number) {
            // Unless that part is empty by now, as the next was too far for its group.
            return (coordinate < starts(number + 1)).then_some(number);
        }
        let before = number.checked_sub(1)?;
        (coordinate >= starts(before)).then_some(before)
    }

    /// Where the part after one is, or the end.
    fn next(&self, number: usize) -> Place {
        let end = Place { start: self.end, address: self.kept.len() };
        self.parts.get(number + 1).unwrap_or(end)
    }

    /// The coordinate after the last of a part.
    fn part_end(&self, number: usize) -> u64 {
        let next = self.next(number);
        next.start - (next.address - self.parts.place(number).address)
    }

    /// The text of a coordinate in or behind a part.
    #[inline]
    fn resolved(&self, number: usize, coordinate: u64) -> Resolved {
        let (part, next) = (self.parts.place(number), self.next(number));
        let end = next.start - (next.address - part.address);
        if coordinate >= end {
            let source = Source::Kept(part.address);
            return Resolved { number, start: end, end: next.start, source, period: u64::MAX };
        }
        let (source, period) = self.stands_for(number);
        Resolved { number, start: part.start, end, source, period }
    }

    /// What a part stands for, and after how many bytes that begins again.
    fn stands_for(&self, number: usize) -> (Source, u64) {
        match self.parts.target(number) {
            Target::Plain(source) => (source, u64::MAX),
            Target::Periodic(number) => {
                let Periodic { source, period } = self.periodic[number];
                (source, period)
            }
        }
    }

    /// Where the text of a coordinate is, which is kept.
    fn source(&self, coordinate: u64) -> Source {
        if coordinate < self.first {
            return Source::InBase(coordinate);
        }
        match self.directory[self.block(coordinate)].way() {
            Way::Kept(address) => Source::Kept(address + coordinate % BLOCK),
            Way::Part(first) => {
                let number = self.parts.last_starting(first, coordinate);
                let offset = coordinate - self.part_end(number);
                Source::Kept(self.parts.place(number).address + offset)
            }
        }
    }

    /// The coordinate of kept text.
    fn origin(&self, source: Source) -> u64 {
        match source {
            Source::InBase(coordinate) => coordinate,
            Source::Kept(address) => {
                let first = self.parts_at[to_usize(address / ADDRESSED)] as usize;
                let number = self.parts.last_at(first, address);
                self.part_end(number) + (address - self.parts.place(number).address)
            }
        }
    }

    fn base(&self) -> &dyn Base {
        self.base.as_deref().expect("BUG: nothing stands for text of a base that is not there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    /// Articles of new text and of copies of kept text from anywhere, their own later text too;
    /// held against all of it, laid end to end, with the coordinate of the kept text beside each
    /// byte.
    #[test]
    fn what_was_removed_is_read_where_it_is_kept() {
        let mut below = random(7);
        for longest in [3, 40, 9000] {
            let mut texts = Texts::default();
            let (mut all, mut origins) = (Vec::new(), Vec::new());
            let mut parts = Vec::new();
            let mut looked_at = 0;
            for _ in 0..60 {
                let start = all.len();
                looked_at = looked_at.max(start.saturating_sub(longest));
                // New text first, then copies of it and of what came before put between.
                let new: Vec<Vec<u8>> = (0..=below(5))
                    .map(|_| {
                        (0..below(longest)).map(|_| u8::try_from(below(200)).unwrap()).collect()
                    })
                    .collect();
                let mut removed = Vec::new();
                let mut canonical: Vec<u8> = Vec::new();
                for text in &new {
                    for _ in 0..below(3) {
                        let (from, len) = (below(start + 1), 1 + below(longest));
                        let is_kept = |at: &usize| origins[*at] == *at && all[*at] != END;
                        let len = (from..start).take(len).take_while(is_kept).count();
                        if len > 0 {
                            let (start, end) = (canonical.len(), canonical.len() + len);
                            canonical.extend(&all[from..from + len]);
                            removed.push(Removed { start, end, origin: from as u64, period: len });
                        }
                    }
                    canonical.extend(text);
                }
                let last = new.last().unwrap();
                if !last.is_empty()
                    && removed.last().is_none_or(|part| part.end + last.len() <= canonical.len())
                {
                    // Before all other text a copy of the last of the article's own.
                    for part in &mut removed {
                        (part.start, part.end) = (part.start + last.len(), part.end + last.len());
                    }
                    let origin = (start + canonical.len()) as u64;
                    canonical.splice(0..0, last.iter().copied());
                    let own = Removed { start: 0, end: last.len(), origin, period: last.len() };
                    removed.insert(0, own);
                }
                origins.extend(start..=start + canonical.len());
                for part in &removed {
                    let from = to_usize(part.origin);
                    for at in part.start..part.end {
                        origins[start + at] = from + (at - part.start);
                    }
                    parts.push((start + part.start, start + part.end, from));
                }
                all.extend(&canonical);
                all.push(END);
                texts.push(&canonical, &removed);
                // What was looked at last may be beside what comes next.
                for _ in 0..9 {
                    looked_at = (looked_at + below(2 * longest)).saturating_sub(below(2 * longest));
                    looked_at = looked_at.min(all.len() - 1);
                    let at = looked_at;
                    assert!(all[at..].starts_with(texts.ahead(at as u64).unwrap()));
                    assert!(all[..=at].ends_with(texts.behind(at as u64).unwrap()));
                }
            }
            assert_eq!(texts.end(), all.len() as u64);
            let kept = (0..all.len()).filter(|&at| origins[at] == at).count();
            assert_eq!(texts.kept(), kept as u64);
            for _ in 0..2000 {
                let at = below(all.len());
                // Mostly near each other.
                for at in at..all.len().min(at + below(4)) {
                    let ahead = texts.ahead(at as u64).unwrap();
                    assert!(!ahead.is_empty() && all[at..].starts_with(ahead));
                    let behind = texts.behind(at as u64).unwrap();
                    assert!(!behind.is_empty() && all[..=at].ends_with(behind));
                }
                let end = at + 1 + below((all.len() - at).min(3 * longest));
                let mut found = Vec::new();
                texts.origins(at as u64..end as u64, &mut found).unwrap();
                let found = found.iter().flat_map(|kept| kept.origin..kept.origin + kept.len);
                assert!(found.map(to_usize).eq(origins[at..end].iter().copied()));
            }
            #[cfg(feature = "index")]
            {
                let coordinates = texts.held_coordinates();
                let held = texts.held_removed(&coordinates);
                let held = held
                    .map(|part| (to_usize(part.start), to_usize(part.end), to_usize(part.origin)));
                assert!(held.eq(parts.iter().copied()));
            }
            assert!(parts.len() > 50);
        }
    }

    /// The next part is too far for the group of the one looked at last, which then stands for the
    /// rest of the group.
    #[test]
    fn a_part_is_read_that_was_looked_at_behind_before_the_next_came() {
        let mut texts = Texts::default();
        texts.push(b"0123456789", &[]);
        let copied = Removed { start: 0, end: 4, origin: 3, period: 4 };
        texts.push(b"3456kept", &[copied]);
        assert_eq!(texts.ahead(15).unwrap(), b"kept\xFF");
        assert_eq!(texts.behind(15).unwrap(), b"k");
        let far = [&[b'x'; 10_000][..], b"3456"].concat();
        texts.push(&far, &[Removed { start: 10_000, end: 10_004, ..copied }]);
        assert!(texts.parts.len() > 4);
        assert_eq!(texts.ahead(12).unwrap(), b"456");
        assert_eq!(texts.behind(12).unwrap(), b"34");
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
