//! A run: the articles of one commit, or of several, in one immutable file.

use std::cell::RefCell;
use std::io::{self as stdio, Read};
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::error::{IndexError, Wrong, io};
use super::file::{self, BlockRef, Blocks, Kind};
use super::group::{self, Group};
use super::manifest::{RunName, VERSION};
use super::merged::Merged;
use super::storage::Storage;
use super::table::{self, Cut, Entry, ID_KEY_BITS, MOST_KEY_BITS, Page};
use super::wire::{Input, put_u32, put_u64};
use crate::index::table::{GRANULE, MAX_KEY_BITS};
use crate::index::to_usize;

/// Text in a block. Larger ones compress better, and cost more to read in one place: with 1 MiB
/// checking an index of parliamentary minutes, which quote each other across thousands of pages,
/// took fifteen times as long.
pub(crate) const TEXT_BLOCK: usize = 1 << 18;

/// Makes up for what small blocks lose: on four corpora, the text takes 0.7 to 4.5 % more than at
/// level 3 in one piece. Level 3 takes 6 % more again, and packs twice as fast; level 9 saves 3 %,
/// and takes twice as long.
const LEVEL: i32 = 6;

const KIND: Kind = Kind { magic: *b"dedupRUN", version: VERSION };

/// The tables of a run, in their order in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Anchors,
    Paragraphs,
    Ids,
}

impl Table {
    pub(crate) const ALL: [Self; 3] = [Self::Anchors, Self::Paragraphs, Self::Ids];

    /// Whether an entry is of what came before the article with this first coordinate and number.
    pub(crate) fn is_before(self, entry: &Entry, coordinate: u64, article: u64) -> bool {
        match self {
            // A gram does not reach beyond its article, and with the mark of the end that has more
            // bytes than a granule: those of the granule that two articles share are of the later
            // one.
            Self::Anchors => entry.place < coordinate / u64::from(GRANULE),
            Self::Paragraphs => entry.place_of_paragraph() < coordinate,
            Self::Ids => entry.place < article,
        }
    }
}

/// What a run holds, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    pub(crate) number: u64,
    pub(crate) coordinates: Range<u64>,
    pub(crate) articles: Range<u64>,
    /// Bytes of kept text.
    pub(crate) kept: u64,
    pub(crate) totals: Totals,
    text: Vec<TextRef>,
    groups: Vec<GroupRef>,
    tables: [TableRef; 3],
}

/// Bytes of the originals of some articles, and of what is left of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) bytes_in: u64,
    pub(crate) bytes_left: u64,
}

#[derive(Clone, Copy, Debug)]
struct TextRef {
    block: BlockRef,
    /// Where the text begins in that of the run.
    start: u64,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
struct GroupRef {
    block: BlockRef,
    len: u32,
    start: GroupStart,
}

/// The first coordinate, article and kept byte of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupStart {
    pub(crate) coordinate: u64,
    pub(crate) article: u64,
    pub(crate) kept: u64,
}

#[derive(Clone, Debug, Default)]
struct TableRef {
    entries: u64,
    /// How many bits of a key are kept.
    key_bits: u32,
    pages: Vec<PageRef>,
}

#[derive(Clone, Copy, Debug)]
struct PageRef {
    block: BlockRef,
    first: u64,
    entries: u32,
}

impl Directory {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in [
            self.number,
            self.coordinates.start,
            self.coordinates.end,
            self.articles.start,
            self.articles.end,
            self.kept,
            self.totals.bytes_in,
            self.totals.bytes_left,
            self.text.len() as u64,
            self.groups.len() as u64,
        ] {
            put_u64(&mut bytes, value);
        }
        for table in &self.tables {
            put_u64(&mut bytes, table.entries);
            put_u64(&mut bytes, u64::from(table.key_bits));
            put_u64(&mut bytes, table.pages.len() as u64);
            put_u64(&mut bytes, table.bytes());
        }
        for text in &self.text {
            put_u32(&mut bytes, text.block.len);
            put_u32(&mut bytes, text.len);
        }
        for group in &self.groups {
            put_u32(&mut bytes, group.block.len);
            put_u32(&mut bytes, group.len);
            for value in [group.start.coordinate, group.start.article, group.start.kept] {
                put_u64(&mut bytes, value);
            }
        }
        for page in self.tables.iter().flat_map(|table| &table.pages) {
            put_u64(&mut bytes, page.first);
            put_u32(&mut bytes, page.block.len);
            put_u32(&mut bytes, page.entries);
        }
        bytes
    }

    /// Reads a directory that begins at `offset`, where the last block has to end.
    fn decode(bytes: &[u8], offset: u64) -> Result<Self, Wrong> {
        let mut input = Input::new(bytes);
        let mut directory = Self {
            number: input.u64()?,
            coordinates: input.u64()?..input.u64()?,
            articles: input.u64()?..input.u64()?,
            kept: input.u64()?,
            totals: Totals { bytes_in: input.u64()?, bytes_left: input.u64()? },
            ..Self::default()
        };
        let (texts, groups) = (input.u64()?, input.u64()?);
        let mut tables = [(0, 0, 0, 0); 3];
        for table in &mut tables {
            *table = (input.u64()?, input.u64()?, input.u64()?, input.u64()?);
        }
        let mut blocks = Blocks::new();
        // Each round takes bytes, so a count that is too great ends with them.
        let mut start = 0;
        for _ in 0..texts {
            let (stored, len) = (input.u32()?, input.u32()?);
            directory.text.push(TextRef { block: blocks.next(stored), start, len });
            start += u64::from(len);
        }
        for _ in 0..groups {
            directory.groups.push(GroupRef {
                block: blocks.next(input.u32()?),
                len: input.u32()?,
                start: GroupStart {
                    coordinate: input.u64()?,
                    article: input.u64()?,
                    kept: input.u64()?,
                },
            });
        }
        for (table, &(entries, bits, pages, len)) in directory.tables.iter_mut().zip(&tables) {
            table.entries = entries;
            let bits = u32::try_from(bits).ok().filter(|bits| (1..=MOST_KEY_BITS).contains(bits));
            table.key_bits = bits.ok_or(Wrong("a table has keys of impossible length"))?;
            for _ in 0..pages {
                let (first, len, entries) = (input.u64()?, input.u32()?, input.u32()?);
                // Tables are made as large as they have entries.
                if entries == 0 || entries as usize > table::PAGE {
                    return Err(Wrong("a page has impossible sizes"));
                }
                table.pages.push(PageRef { block: blocks.next(len), first, entries });
            }
            if table.bytes() != len {
                return Err(Wrong("the pages of a table are not as long as it says"));
            }
        }
        if blocks.end != offset || !input.is_empty() {
            return Err(Wrong("the directory does not begin where the last block ends"));
        }
        directory.check(start)?;
        Ok(directory)
    }

    /// What readers rely on, beyond the form.
    fn check(&self, text: u64) -> Result<(), Wrong> {
        let ranges = self.coordinates.start <= self.coordinates.end
            && self.articles.start <= self.articles.end
            && self.kept == text;
        let texts = self.text.iter().all(|text| (1..=TEXT_BLOCK).contains(&(text.len as usize)));
        let starts = || self.groups.iter().map(|group| group.start);
        let groups = self.articles.is_empty() == self.groups.is_empty()
            && starts().next().is_none_or(|first| first == self.start())
            && starts().chain(starts().next().map(|_| self.end())).is_sorted_by(|a, b| {
                a.coordinate < b.coordinate && a.article < b.article && a.kept <= b.kept
            });
        let of_text = |table| self.key_bits(table) <= MAX_KEY_BITS;
        let tables = of_text(Table::Anchors) && of_text(Table::Paragraphs);
        let tables = tables
            && self.tables.iter().all(|table| {
                table.pages.is_sorted_by_key(|page| page.first)
                    && table.pages.iter().map(|page| u64::from(page.entries)).sum::<u64>()
                        == table.entries
            });
        if ranges && texts && groups && tables {
            Ok(())
        } else {
            Err(Wrong("the directory contradicts itself"))
        }
    }

    /// Adds a block of kept text, of so many bytes when it is unpacked.
    fn push_text(&mut self, block: BlockRef, len: u32) {
        self.text.push(TextRef { block, start: self.kept, len });
        self.kept += u64::from(len);
    }

    pub(crate) fn entries(&self, table: Table) -> u64 {
        self.tables[table as usize].entries
    }

    /// What places in a table are counted from.
    fn base(&self, table: Table) -> u64 {
        match table {
            Table::Anchors | Table::Paragraphs => self.coordinates.start / u64::from(GRANULE),
            Table::Ids => self.articles.start,
        }
    }

    /// How many bits of a key a table keeps.
    pub(crate) fn key_bits(&self, table: Table) -> u32 {
        self.tables[table as usize].key_bits
    }

    /// Bytes of compressed text in the file.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.text.iter().map(|text| text.block.size()).sum()
    }

    /// The coordinates, articles and kept text of group `at`.
    fn group_ranges(&self, at: usize) -> (Range<u64>, Range<u64>, Range<u64>) {
        let start = self.groups[at].start;
        let end = self.groups.get(at + 1).map_or_else(|| self.end(), |next| next.start);
        (start.coordinate..end.coordinate, start.article..end.article, start.kept..end.kept)
    }

    /// Where the first group begins.
    fn start(&self) -> GroupStart {
        let (coordinate, article) = (self.coordinates.start, self.articles.start);
        GroupStart { coordinate, article, kept: 0 }
    }

    /// Where another group would begin behind the last.
    fn end(&self) -> GroupStart {
        let (coordinate, article) = (self.coordinates.end, self.articles.end);
        GroupStart { coordinate, article, kept: self.kept }
    }
}

impl TableRef {
    fn bytes(&self) -> u64 {
        self.pages.iter().map(|page| page.block.size()).sum()
    }
}

/// An open run.
#[derive(Debug)]
pub(crate) struct Run {
    file: file::Reader,
    pub(crate) named: RunName,
    pub(crate) directory: Directory,
}

impl Run {
    /// Opens a run, and reads its directory.
    pub(crate) fn open(storage: &dyn Storage, named: RunName) -> Result<Self, IndexError> {
        let (file, bytes, offset) = file::Reader::open(storage, KIND, named)?;
        let directory =
            Directory::decode(&bytes, offset).map_err(|wrong| file.wrong(wrong, offset))?;
        if directory.number != named.number {
            return Err(file.wrong(Wrong("it has another number"), offset));
        }
        Ok(Self { file, named, directory })
    }

    /// Something about the run's articles is wrong.
    pub(crate) fn wrong(&self, what: &'static str) -> IndexError {
        self.file.wrong(Wrong(what), 0)
    }

    fn unpacked(&self, block: BlockRef, len: u32) -> Result<Vec<u8>, IndexError> {
        let payload = self.file.block(block)?;
        unpack(&payload, len as usize)
            .map_err(|_| self.file.wrong(Wrong("a block does not unpack"), block.offset))
    }

    pub(crate) fn text_blocks(&self) -> usize {
        self.directory.text.len()
    }

    pub(crate) fn text_block(&self, at: usize) -> Result<Bytes, IndexError> {
        let text = self.directory.text[at];
        self.unpacked(text.block, text.len).map(Bytes::from)
    }

    /// The text block that holds an offset of the kept text, and where it begins.
    pub(crate) fn text_block_at(&self, kept: u64) -> Option<(usize, u64)> {
        let after = self.directory.text.partition_point(|text| text.start <= kept);
        let at = after.checked_sub(1)?;
        Some((at, self.directory.text[at].start))
    }

    pub(crate) fn groups(&self) -> usize {
        self.directory.groups.len()
    }

    /// The bytes that describe the articles of a group.
    #[cfg(test)]
    pub(crate) fn group_bytes(&self, at: usize) -> Result<Vec<u8>, IndexError> {
        let group = self.directory.groups[at];
        self.unpacked(group.block, group.len)
    }

    pub(crate) fn group(&self, at: usize) -> Result<Group, IndexError> {
        let group = self.directory.groups[at];
        let bytes = self.unpacked(group.block, group.len)?;
        let (coordinates, articles, kept) = self.directory.group_ranges(at);
        Group::decode(bytes, coordinates, articles, kept)
            .map_err(|wrong| self.file.wrong(wrong, group.block.offset))
    }

    pub(crate) fn group_at(&self, coordinate: u64) -> Option<usize> {
        let groups = &self.directory.groups;
        groups.partition_point(|group| group.start.coordinate <= coordinate).checked_sub(1)
    }

    pub(crate) fn group_of(&self, article: u64) -> Option<usize> {
        let groups = &self.directory.groups;
        groups.partition_point(|group| group.start.article <= article).checked_sub(1)
    }

    /// The first article after the group of one.
    pub(crate) fn group_end(&self, article: u64) -> Option<u64> {
        let (_, articles, _) = self.directory.group_ranges(self.group_of(article)?);
        Some(articles.end)
    }

    pub(crate) fn pages(&self, table: Table) -> usize {
        self.directory.tables[table as usize].pages.len()
    }

    pub(crate) fn page(&self, table: Table, at: usize) -> Result<Page, IndexError> {
        let table = &self.directory.tables[table as usize];
        let page = table.pages[at];
        let payload = self.file.block(page.block)?;
        Page::decode(payload.into(), page.first, page.entries as usize, table.key_bits)
            .map_err(|wrong| self.file.wrong(wrong, page.block.offset))
    }

    /// The pages that may have entries under a key.
    pub(crate) fn pages_of(&self, table: Table, key: u64) -> Range<usize> {
        let pages = &self.directory.tables[table as usize].pages;
        let end = pages.partition_point(|page| page.first <= key);
        // Entries before the first page that begins with the key may be at the end of another.
        let start = pages[..end].partition_point(|page| page.first < key);
        start.saturating_sub(1)..end
    }

    /// What places in a table are counted from.
    pub(crate) fn base(&self, table: Table) -> u64 {
        self.directory.base(table)
    }

    /// All entries of a table, sorted; places are those of the whole index.
    pub(crate) fn entries(
        &self,
        table: Table,
    ) -> impl Iterator<Item = Result<Entry, IndexError>> + '_ {
        let base = self.base(table);
        (0..self.pages(table)).flat_map(move |at| {
            let (entries, error) = match self.page(table, at) {
                Ok(page) => (page.entries().collect(), None),
                Err(error) => (Vec::new(), Some(error)),
            };
            let entries = entries.into_iter().map(move |entry| {
                let place = entry.place.saturating_add(base);
                Ok(Entry { place, ..entry })
            });
            entries.chain(error.map(Err))
        })
    }
}

thread_local! {
    // A context is a hundred kilobytes and more, and outlives a thousand blocks.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Unpacks what has to have `len` bytes, and never reserves much more than comes out.
fn unpack(payload: &[u8], len: usize) -> stdio::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if len <= TEXT_BLOCK {
        bytes.reserve_exact(len);
        UNPACKER.with_borrow_mut(|unpacker| {
            let unpacker = match unpacker {
                Some(unpacker) => unpacker,
                none => none.insert(zstd::bulk::Decompressor::new()?),
            };
            unpacker.decompress_to_buffer(payload, &mut bytes)
        })?;
    } else {
        let unpacked = zstd::stream::read::Decoder::with_buffer(payload)?;
        unpacked.take(len as u64 + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() == len { Ok(bytes) } else { Err(stdio::ErrorKind::InvalidData.into()) }
}

/// Writes a run: first the text, then the groups, then the tables in their order.
pub(crate) struct RunWriter {
    file: file::Writer,
    directory: Directory,
    threads: NonZero<usize>,
    /// The text of the block at hand.
    text: Vec<u8>,
    /// What is yet to be compressed.
    unpacked: Vec<(Vec<u8>, Unpacked)>,
}

/// What a compressed block is.
#[derive(Clone, Copy)]
enum Unpacked {
    Text,
    Group(GroupStart),
}

impl RunWriter {
    /// `threads` compress, which has no influence on the file.
    pub(crate) fn create(
        storage: &dyn Storage,
        threads: NonZero<usize>,
        number: u64,
        first_coordinate: u64,
        first_article: u64,
    ) -> Result<Self, IndexError> {
        let file = file::Writer::create(storage, KIND, number)?;
        let directory = Directory {
            number,
            coordinates: first_coordinate..first_coordinate,
            articles: first_article..first_article,
            ..Directory::default()
        };
        Ok(Self { file, directory, threads, text: Vec::new(), unpacked: Vec::new() })
    }

    /// Appends kept text.
    pub(crate) fn text(&mut self, mut text: &[u8]) -> Result<(), IndexError> {
        while !text.is_empty() {
            let (now, later) = text.split_at(text.len().min(TEXT_BLOCK - self.text.len()));
            self.text.extend_from_slice(now);
            text = later;
            if self.text.len() == TEXT_BLOCK {
                self.end_text()?;
            }
        }
        Ok(())
    }

    fn end_text(&mut self) -> Result<(), IndexError> {
        if self.text.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        self.pack(text, Unpacked::Text)
    }

    fn group(&mut self, bytes: Vec<u8>, start: GroupStart) -> Result<(), IndexError> {
        self.end_text()?;
        self.pack(bytes, Unpacked::Group(start))
    }

    /// Compresses and writes some bytes, sooner or later.
    fn pack(&mut self, bytes: Vec<u8>, what: Unpacked) -> Result<(), IndexError> {
        self.unpacked.push((bytes, what));
        // Several each, so that threads are seldom started.
        if self.unpacked.len() < 4 * self.threads.get() { Ok(()) } else { self.write_packed() }
    }

    /// Compresses and writes what is waiting, in its order.
    fn write_packed(&mut self) -> Result<(), IndexError> {
        let unpacked = std::mem::take(&mut self.unpacked);
        let share = unpacked.len().div_ceil(self.threads.get()).max(1);
        let pack = |share: &[(Vec<u8>, Unpacked)]| {
            let mut packer = zstd::bulk::Compressor::new(LEVEL)?;
            share.iter().map(|(bytes, _)| packer.compress(bytes)).collect::<stdio::Result<Vec<_>>>()
        };
        let packed = std::thread::scope(|scope| {
            let mut shares = unpacked.chunks(share);
            let own = shares.next();
            let others: Vec<_> = shares
                .map(|share| {
                    let spawned =
                        std::thread::Builder::new().spawn_scoped(scope, move || pack(share));
                    // A thread that cannot be started has its work done here.
                    spawned.map_err(|_| share)
                })
                .collect();
            let mut packed = own.map_or(Ok(Vec::new()), pack)?;
            for other in others {
                packed.extend(match other {
                    Ok(thread) => {
                        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                    }
                    Err(share) => pack(share),
                }?);
            }
            Ok(packed)
        });
        let packed = packed.map_err(io("compress", self.file.name()))?;
        for ((bytes, what), payload) in unpacked.into_iter().zip(packed) {
            let len = self.file.fits(bytes.len())?;
            let block = self.file.block(&payload)?;
            match what {
                Unpacked::Text => self.directory.push_text(block, len),
                Unpacked::Group(start) => {
                    self.directory.groups.push(GroupRef { block, len, start });
                }
            }
        }
        Ok(())
    }

    /// Appends a block of another run's kept text as it is, behind those that are written.
    fn copy_text(&mut self, run: &Run, text: &TextRef) -> Result<(), IndexError> {
        let block = self.file.block(&run.file.block(text.block)?)?;
        self.directory.push_text(block, text.len);
        Ok(())
    }

    /// The same of a group; so many bytes are kept of the articles of runs before its own.
    fn copy_group(&mut self, run: &Run, group: &GroupRef, kept: u64) -> Result<(), IndexError> {
        let block = self.file.block(&run.file.block(group.block)?)?;
        let start = GroupStart { kept: kept + group.start.kept, ..group.start };
        self.directory.groups.push(GroupRef { block, start, ..*group });
        Ok(())
    }

    /// Sets what comes after the last group, and the totals.
    pub(crate) fn end_groups(&mut self, coordinate: u64, article: u64, totals: Totals) {
        self.directory.coordinates.end = coordinate;
        self.directory.articles.end = article;
        self.directory.totals = totals;
    }

    /// Writes a table from sorted entries, whose places are those of the whole index.
    pub(crate) fn table(
        &mut self,
        table: Table,
        key_bits: u32,
        entries: impl Iterator<Item = Result<Entry, IndexError>>,
    ) -> Result<(), IndexError> {
        self.write_packed()?;
        self.directory.tables[table as usize].key_bits = key_bits;
        let base = self.directory.base(table);
        let mut page: Vec<Entry> = Vec::with_capacity(table::PAGE);
        for entry in entries {
            let entry = entry?;
            if page.len() == table::PAGE {
                self.page(table, &page)?;
                page.clear();
            }
            page.push(Entry { place: entry.place - base, ..entry });
        }
        if !page.is_empty() {
            self.page(table, &page)?;
        }
        Ok(())
    }

    fn page(&mut self, table: Table, entries: &[Entry]) -> Result<(), IndexError> {
        let block = self.file.block(&table::encode(entries))?;
        let count = self.file.fits(entries.len())?;
        let table = &mut self.directory.tables[table as usize];
        table.entries += u64::from(count);
        table.pages.push(PageRef { block, first: entries[0].key, entries: count });
        Ok(())
    }

    /// Ends the file; it is durable when this returns, its name is not.
    pub(crate) fn finish(mut self) -> Result<RunName, IndexError> {
        self.end_text()?;
        self.write_packed()?;
        self.file.finish(&self.directory.encode())
    }
}

/// Writes one run in the place of several that follow each other.
///
/// Blocks of text and groups are copied as they are; tables are merged.
pub(crate) fn merge(
    storage: &dyn Storage,
    number: u64,
    runs: &[Arc<Run>],
) -> Result<RunName, IndexError> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        unreachable!("BUG: nothing is merged");
    };
    let (first, last) = (&first.directory, &last.directory);
    let mut writer = RunWriter::create(
        storage,
        NonZero::<usize>::MIN,
        number,
        first.coordinates.start,
        first.articles.start,
    )?;
    for run in runs {
        for text in &run.directory.text {
            writer.copy_text(run, text)?;
        }
    }
    let mut kept = 0;
    for run in runs {
        for group in &run.directory.groups {
            writer.copy_group(run, group, kept)?;
        }
        kept += run.directory.kept;
    }
    let sum = |of: fn(&Totals) -> u64| runs.iter().map(|run| of(&run.directory.totals)).sum();
    let totals = Totals { bytes_in: sum(|of| of.bytes_in), bytes_left: sum(|of| of.bytes_left) };
    writer.end_groups(last.coordinates.end, last.articles.end, totals);
    for table in Table::ALL {
        let (key_bits, entries) = entries(runs, table);
        writer.table(table, key_bits, entries)?;
    }
    writer.finish()
}

/// Writes a run of the articles of another that come before one of its groups, not the first: as if
/// no more had come.
///
/// Blocks are copied as they are, but for that of the text where it ends; entries of later places
/// are left out. That takes a small part of what ingesting the articles again does.
pub(crate) fn write_head(
    storage: &dyn Storage,
    number: u64,
    run: &Run,
    groups: usize,
) -> Result<RunName, IndexError> {
    let directory = &run.directory;
    let end = directory.groups[groups].start;
    let (coordinates, articles) = (&directory.coordinates, &directory.articles);
    let threads = NonZero::<usize>::MIN;
    let mut writer =
        RunWriter::create(storage, threads, number, coordinates.start, articles.start)?;
    for (at, text) in directory.text.iter().enumerate() {
        match end.kept.saturating_sub(text.start) {
            0 => break,
            left if left >= u64::from(text.len) => writer.copy_text(run, text)?,
            // No byte of what comes later stays.
            left => writer.text(&run.text_block(at)?[..to_usize(left)])?,
        }
    }
    writer.end_text()?;
    writer.write_packed()?;
    for group in &directory.groups[..groups] {
        writer.copy_group(run, group, 0)?;
    }
    let Totals { mut bytes_in, mut bytes_left } = directory.totals;
    for group in groups..directory.groups.len() {
        let group = run.group(group)?;
        for (article, record) in group.records() {
            bytes_in = bytes_in.saturating_sub(record.original_len);
            bytes_left = bytes_left.saturating_sub(group.bytes_left(article, record));
        }
    }
    writer.end_groups(end.coordinate, end.article, Totals { bytes_in, bytes_left });
    for table in Table::ALL {
        let is_before = |entry: &Entry| table.is_before(entry, end.coordinate, end.article);
        let entries = run.entries(table).filter(|entry| entry.as_ref().map_or(true, is_before));
        writer.table(table, directory.key_bits(table), entries)?;
    }
    writer.finish()
}

/// The entries of several runs as one table, and how many bits of a key it keeps: as many as all runs do.
pub(crate) fn entries(
    runs: &[Arc<Run>],
    table: Table,
) -> (u32, impl Iterator<Item = Result<Entry, IndexError>> + '_) {
    let kept = runs.iter().map(|run| run.directory.key_bits(table)).min();
    let key_bits = kept.unwrap_or(if table == Table::Ids { ID_KEY_BITS } else { MAX_KEY_BITS });
    let cut = move |run: &'_ Arc<Run>| run.directory.key_bits(table) - key_bits;
    let entries = runs.iter().map(move |run| Cut::new(run.entries(table), cut(run)));
    (key_bits, Merged::new(entries, |entry| entry.key))
}

/// Collects descriptions of articles and writes them in groups.
pub(crate) struct Groups<'w> {
    writer: &'w mut RunWriter,
    /// Of the group at hand.
    start: GroupStart,
    bytes: Vec<u8>,
}

impl<'w> Groups<'w> {
    pub(crate) fn new(writer: &'w mut RunWriter) -> Self {
        let start = writer.directory.start();
        Self { writer, start, bytes: Vec::new() }
    }

    /// Adds what `describe` writes about the next article, after which another group would begin
    /// at `next`.
    pub(crate) fn article(
        &mut self,
        next: GroupStart,
        describe: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), IndexError> {
        describe(&mut self.bytes);
        if self.bytes.len() >= group::FULL {
            self.writer.group(std::mem::take(&mut self.bytes), self.start)?;
            self.start = next;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<(), IndexError> {
        if self.bytes.is_empty() { Ok(()) } else { self.writer.group(self.bytes, self.start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_claims_no_more_entries_than_one_holds() {
        let table = |entries: u32| {
            let page = PageRef { block: Blocks::new().next(9), first: 0, entries };
            TableRef { entries: entries.into(), key_bits: MAX_KEY_BITS, pages: vec![page] }
        };
        let most = u32::try_from(table::PAGE).unwrap();
        for (entries, is_sound) in
            [(0, false), (1, true), (most, true), (most + 1, false), (u32::MAX, false)]
        {
            let none = TableRef { key_bits: 1, ..TableRef::default() };
            let tables = [table(entries), none.clone(), none];
            let end = tables[0].pages[0].block.offset + tables[0].bytes();
            let bytes = Directory { tables, ..Directory::default() }.encode();
            assert_eq!(Directory::decode(&bytes, end).is_ok(), is_sound, "{entries}");
        }
    }
}
