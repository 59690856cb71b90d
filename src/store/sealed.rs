//! All runs of an index as one: the base that an index in memory stands on.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::cache::Cache;
use super::error::{IndexError, wrap};
use super::group::{Group, Piece, Record, Text};
use super::manifest::{Manifest, Recipe};
use super::run::{Run, Table};
use super::storage::Storage;
use super::table::{Entry, Page, hash_of_id, prefix};
use crate::article::Provenance;
use crate::error::Error;
use crate::index::base::Base;
use crate::index::departures::Reader;
use crate::index::originals::Located;
use crate::index::table::{MAX_PLACE, Posting};
use crate::index::text::{Kept, REPEATED, Removed, repeated};
use crate::index::to_usize;
use crate::source::RawArticle;
use crate::text::string_of;

/// Bytes of unpacked text that are kept at hand. These bounds are passed where a few values are
/// larger: see [`Cache`].
const TEXT_CACHE: usize = 32 << 20;
/// Bytes of unpacked groups.
const GROUP_CACHE: usize = 16 << 20;
/// Bytes of pages.
const PAGE_CACHE: usize = 8 << 20;

pub(crate) struct Sealed {
    /// Where errors say that the index is.
    path: PathBuf,
    /// Oldest first; each begins where the one before ends.
    runs: Vec<Arc<Run>>,
    text: Cache<Bytes>,
    groups: Cache<Arc<Group>>,
    pages: [Cache<Page>; 3],
}

/// Not what is cached, which is text.
impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed")
            .field("path", &self.path)
            .field("articles", &self.article_count())
            .finish_non_exhaustive()
    }
}

/// An article, with the group that it is described in.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) number: u64,
    run: usize,
    group: Arc<Group>,
}

impl Found {
    pub(crate) fn record(&self) -> &Record {
        self.group.article(self.number).expect("BUG: it was found there")
    }

    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    pub(crate) fn id(&self) -> &str {
        self.group.id(self.record())
    }

    pub(crate) fn provenance(&self) -> Provenance {
        self.group.provenance(self.record())
    }

    /// What was removed of it and is kept elsewhere.
    pub(crate) fn removed(&self) -> Vec<Removed> {
        let record = self.record();
        let of_piece = |piece: &Piece| match piece.place {
            Text::Kept(_) => None,
            Text::Removed { origin, period } => Some(Removed {
                start: to_usize(piece.start - record.coordinates.start),
                end: to_usize(piece.end - record.coordinates.start),
                origin,
                period: to_usize(period),
            }),
        };
        self.group.pieces(record).iter().filter_map(of_piece).collect()
    }
}

impl Sealed {
    /// Opens the runs that a manifest names.
    pub(crate) fn open(
        storage: &dyn Storage,
        manifest: &Manifest<Recipe>,
        path: PathBuf,
    ) -> Result<Self, IndexError> {
        let open = |&named| Run::open(storage, named).map(Arc::new);
        let runs = manifest.runs.iter().map(open).collect::<Result<_, _>>()?;
        Self::new(runs, path)
    }

    fn new(runs: Vec<Arc<Run>>, path: PathBuf) -> Result<Self, IndexError> {
        let (mut coordinate, mut article) = (0, 0);
        for run in &runs {
            let directory = &run.directory;
            if (directory.coordinates.start, directory.articles.start) != (coordinate, article) {
                return Err(run.wrong("it does not begin where the run before ends"));
            }
            (coordinate, article) = (directory.coordinates.end, directory.articles.end);
            if coordinate > MAX_PLACE || usize::try_from(article).is_err() {
                return Err(run.wrong("it has more coordinates than there are"));
            }
        }
        Ok(Self {
            path,
            runs,
            text: Cache::new(TEXT_CACHE),
            groups: Cache::new(GROUP_CACHE),
            pages: [PAGE_CACHE; 3].map(Cache::new),
        })
    }

    /// The same index with other runs.
    pub(crate) fn with_runs(&self, runs: Vec<Arc<Run>>) -> Result<Self, IndexError> {
        Self::new(runs, self.path.clone())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn runs(&self) -> &[Arc<Run>] {
        &self.runs
    }

    pub(crate) fn coordinates(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.directory.coordinates.end)
    }

    pub(crate) fn article_count(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.directory.articles.end)
    }

    pub(crate) fn wrap(&self, source: IndexError) -> Error {
        wrap(&self.path)(source)
    }

    fn group(&self, run: usize, at: usize) -> Result<Arc<Group>, IndexError> {
        let run = &self.runs[run];
        self.groups.get(key(run, at), || {
            let group = run.group(at)?;
            let size = group.size();
            Ok((Arc::new(group), size))
        })
    }

    /// The bytes of kept text of a run from an offset on: at least one, at most `len`.
    fn kept(&self, run: usize, kept: u64, len: u64) -> Result<Bytes, IndexError> {
        let (block, from) = self.text_block_at(run, kept)?;
        let rest = block.len() - from;
        Ok(block.slice(from..from + usize::try_from(len).unwrap_or(rest).min(rest)))
    }

    /// The bytes of kept text up to and with an offset: at least one, at most `len`.
    fn kept_behind(&self, run: usize, kept: u64, len: u64) -> Result<Bytes, IndexError> {
        let (block, at) = self.text_block_at(run, kept)?;
        let end = at + 1;
        Ok(block.slice(end - usize::try_from(len).unwrap_or(end).min(end)..end))
    }

    /// The block of text of a run that has an offset of its kept text, and where in it that is.
    fn text_block_at(&self, run: usize, kept: u64) -> Result<(Bytes, usize), IndexError> {
        let run = &self.runs[run];
        let wrong = || run.wrong("an article has more text than is there");
        let (at, start) = run.text_block_at(kept).ok_or_else(wrong)?;
        let block = self.text.get(key(run, at), || {
            let text = run.text_block(at)?;
            let size = text.len();
            Ok::<_, IndexError>((text, size))
        })?;
        let within = usize::try_from(kept - start).ok().filter(|&within| within < block.len());
        Ok((block, within.ok_or_else(wrong)?))
    }

    fn run_at(&self, coordinate: u64) -> Option<usize> {
        let at = self.runs.partition_point(|run| run.directory.coordinates.end <= coordinate);
        (at < self.runs.len()).then_some(at)
    }

    /// The group at a coordinate, and the number of its run. The coordinate is one of the index's.
    fn group_at(&self, coordinate: u64) -> Result<(usize, Arc<Group>), IndexError> {
        let run = self.run_at(coordinate).ok_or_else(|| self.beyond())?;
        let at = self.runs[run].group_at(coordinate).ok_or_else(|| self.beyond())?;
        Ok((run, self.group(run, at)?))
    }

    fn piece(&self, coordinate: u64) -> Result<(usize, Piece), IndexError> {
        let (run, group) = self.group_at(coordinate)?;
        let piece = group.piece(coordinate).ok_or_else(|| self.beyond())?;
        Ok((run, piece))
    }

    pub(crate) fn beyond(&self) -> IndexError {
        let what = "text is said to stand where no article is";
        match self.runs.last() {
            Some(run) => run.wrong(what),
            None => super::error::Wrong(what).at(super::manifest::MANIFEST, 0),
        }
    }

    /// The kept text at a coordinate of a piece in a run: its run, its offset in that, and how much
    /// follows and how much comes before (itself included) that lies together here and there.
    fn kept_at(&self, run: usize, piece: Piece, coordinate: u64) -> Result<Spot, IndexError> {
        let offset = coordinate - piece.start;
        let ahead = piece.end - coordinate;
        let (origin, period) = match piece.place {
            Text::Kept(kept) => {
                return Ok(Spot { run, kept: kept + offset, ahead, behind: offset + 1 });
            }
            Text::Removed { origin, period } => (origin, period),
        };
        let offset = offset % period;
        let source = self.source_at(origin, offset)?;
        let (ahead, behind) = (ahead.min(period - offset), offset + 1);
        Ok(Spot { ahead: ahead.min(source.ahead), behind: behind.min(source.behind), ..source })
    }

    /// The kept text that removed text stands for, at an offset from its first byte.
    fn source_at(&self, origin: u64, offset: u64) -> Result<Spot, IndexError> {
        let coordinate = origin.checked_add(offset).ok_or_else(|| self.beyond())?;
        let (run, piece) = self.piece(coordinate)?;
        match piece.place {
            Text::Kept(_) => self.kept_at(run, piece, coordinate),
            Text::Removed { .. } => {
                Err(self.runs[run].wrong("removed text stands for removed text"))
            }
        }
    }

    pub(crate) fn try_ahead(&self, coordinate: u64) -> Result<Bytes, IndexError> {
        let (run, piece) = self.piece(coordinate)?;
        if let Some(period) = short_period(&piece) {
            let end = piece.end.min(coordinate.saturating_add(REPEATED));
            return self.repeated(piece, period, coordinate..end);
        }
        let at = self.kept_at(run, piece, coordinate)?;
        self.kept(at.run, at.kept, at.ahead)
    }

    fn try_behind(&self, coordinate: u64) -> Result<Bytes, IndexError> {
        let (run, piece) = self.piece(coordinate)?;
        if let Some(period) = short_period(&piece) {
            let start = piece.start.max((coordinate + 1).saturating_sub(REPEATED));
            return self.repeated(piece, period, start..coordinate + 1);
        }
        let at = self.kept_at(run, piece, coordinate)?;
        self.kept_behind(at.run, at.kept, at.behind)
    }

    /// The text at some coordinates of a piece that stands for kept text again and again.
    fn repeated(
        &self,
        piece: Piece,
        (origin, period): (u64, u64),
        coordinates: Range<u64>,
    ) -> Result<Bytes, IndexError> {
        let mut once = Vec::new();
        while (once.len() as u64) < period {
            let read = once.len() as u64;
            let source = self.source_at(origin, read)?;
            let len = source.ahead.min(period - read);
            once.extend_from_slice(&self.kept(source.run, source.kept, len)?);
        }
        let (offset, len) = (coordinates.start - piece.start, coordinates.end - coordinates.start);
        Ok(repeated(&once, offset, len).into())
    }

    fn try_origins(&self, coordinates: Range<u64>) -> Result<Vec<Kept>, IndexError> {
        let mut origins = Vec::new();
        let mut at = coordinates.start;
        let end = self.coordinates();
        while at < coordinates.end {
            let (_, piece) = self.piece(at)?;
            let rest = piece.end.min(coordinates.end) - at;
            let kept = match piece.place {
                Text::Kept(_) => Kept::plain(at, rest),
                Text::Removed { origin, period } => {
                    Kept::within(origin, period, at - piece.start, rest)
                }
            };
            if kept.origin.checked_add(kept.period).is_none_or(|after| after > end) {
                return Err(self.beyond());
            }
            origins.push(kept);
            at += kept.len;
        }
        Ok(origins)
    }

    pub(crate) fn article(&self, number: u64) -> Result<Found, IndexError> {
        let run = self.runs.partition_point(|run| run.directory.articles.end <= number);
        let at = self.runs.get(run).and_then(|run| run.group_of(number));
        let group = self.group(run, at.ok_or_else(|| self.beyond())?)?;
        match group.article(number) {
            Some(_) => Ok(Found { number, run, group }),
            None => Err(self.beyond()),
        }
    }

    /// The first article after those that are described together with one.
    pub(crate) fn group_end(&self, article: u64) -> u64 {
        let run = self.runs.partition_point(|run| run.directory.articles.end <= article);
        let end = self.runs.get(run).and_then(|run| run.group_end(article));
        end.unwrap_or_else(|| self.article_count())
    }

    fn article_at(&self, coordinate: u64) -> Result<Found, IndexError> {
        let (run, group) = self.group_at(coordinate)?;
        let number = group.article_at(coordinate).map(|(number, _)| number);
        Ok(Found { number: number.ok_or_else(|| self.beyond())?, run, group })
    }

    /// The newest article with an id.
    pub(crate) fn article_named(&self, id: &str) -> Result<Option<Found>, IndexError> {
        self.candidates(id)?.iter().rev().find_map(|&number| self.if_named(number, id)).transpose()
    }

    /// All articles with an id, the newest last.
    pub(crate) fn articles_named(&self, id: &str) -> Result<Vec<Found>, IndexError> {
        self.candidates(id)?.iter().filter_map(|&number| self.if_named(number, id)).collect()
    }

    /// The numbers of the articles whose id has the same hash, as far as that is known.
    fn candidates(&self, id: &str) -> Result<Vec<u64>, IndexError> {
        let mut numbers = Vec::new();
        self.entries(Table::Ids, hash_of_id(id), |entry| numbers.push(entry.place))?;
        Ok(numbers)
    }

    /// The article with a number, if it has that id.
    fn if_named(&self, number: u64, id: &str) -> Option<Result<Found, IndexError>> {
        match self.article(number) {
            Ok(found) => (found.id() == id).then_some(Ok(found)),
            Err(error) => Some(Err(error)),
        }
    }

    /// An article as it came.
    pub(crate) fn raw_article(&self, number: u64) -> Result<RawArticle, Error> {
        let article = || {
            let found = self.article(number)?;
            let text = self.original(&found)?.into();
            Ok(RawArticle { id: found.id().into(), provenance: found.provenance(), text })
        };
        article().map_err(|error| self.wrap(error))
    }

    /// The original text of an article.
    pub(crate) fn original(&self, found: &Found) -> Result<String, IndexError> {
        self.text(found, std::slice::from_ref(&(0..found.record().original_len)))
    }

    /// The original text of an article in ascending `ranges`, one after the other.
    pub(crate) fn text(&self, found: &Found, ranges: &[Range<u64>]) -> Result<String, IndexError> {
        let text = string_of(self.bytes(found, ranges)?);
        text.map_err(|_| self.wrong(found, "an article is not UTF-8"))
    }

    /// Whether the canonical form of an article is `canonical`.
    pub(crate) fn has_canonical(
        &self,
        found: &Found,
        canonical: &[u8],
    ) -> Result<bool, IndexError> {
        let coordinates = &found.record().coordinates;
        let mut rest = canonical;
        let mut at = coordinates.start;
        while at + 1 < coordinates.end {
            let mut text = self.try_ahead(at)?;
            text.truncate(to_usize(coordinates.end - 1 - at));
            let Some(after) = rest.strip_prefix(&text[..]) else { return Ok(false) };
            (rest, at) = (after, at + text.len() as u64);
        }
        Ok(rest.is_empty())
    }

    /// The original bytes of an article in ascending `ranges`, one after the other.
    fn bytes(&self, found: &Found, ranges: &[Range<u64>]) -> Result<Vec<u8>, IndexError> {
        let record = found.record();
        let mut rebuilt = Rebuilt {
            sealed: self,
            start: record.coordinates.start,
            ranges,
            bytes: Vec::new(),
            text: Bytes::new(),
            text_at: 0,
        };
        // The lengths come from the file, so memory grows with what is really there.
        let len =
            ranges.iter().fold(0_u64, |len, range| len.saturating_add(range.end - range.start));
        rebuilt.bytes.reserve(usize::try_from(len).unwrap_or(usize::MAX).min(1 << 20));
        let (mut canonical, mut original) = (0, 0);
        for (departure, literal) in found.group.departures(record) {
            let gap = u64::from(departure.canonical) - canonical;
            rebuilt.lockstep(canonical, original, gap)?;
            rebuilt.literal(original + gap, literal);
            canonical = departure.canonical_end() as u64;
            original = departure.original_end() as u64;
        }
        let canonical_len = record.coordinates.end - record.coordinates.start - 1;
        rebuilt.lockstep(canonical, original, canonical_len - canonical)?;
        Ok(rebuilt.bytes)
    }

    /// Something that an article says is wrong.
    pub(crate) fn wrong(&self, found: &Found, what: &'static str) -> IndexError {
        self.runs[found.run].wrong(what)
    }

    /// Visits the entries under what is kept of a hash, oldest first; places are those of the whole index.
    fn entries(
        &self,
        table: Table,
        hash: u64,
        mut visit: impl FnMut(Entry),
    ) -> Result<(), IndexError> {
        for run in &self.runs {
            let prefix = prefix(hash, run.directory.key_bits(table));
            for at in run.pages_of(table, prefix) {
                let page = self.pages[table as usize]
                    .get(key(run, at), || run.page(table, at).map(|page| (page, 4 << 10)))?;
                for entry in page.find(prefix) {
                    visit(Entry { place: entry.place.saturating_add(run.base(table)), ..entry });
                }
            }
        }
        Ok(())
    }

    /// The postings of a table under a key.
    fn postings(&self, table: Table, key: u64, found: &mut Vec<Posting>) -> Result<(), Error> {
        let end = self.coordinates();
        let visit = |entry: Entry| found.extend(entry.posting(end));
        self.entries(table, key, visit).map_err(|error| self.wrap(error))
    }
}

/// The coordinate and the length of what a piece stands for again and again, if that is short.
fn short_period(piece: &Piece) -> Option<(u64, u64)> {
    match piece.place {
        Text::Removed { origin, period } if period < REPEATED.min(piece.end - piece.start) => {
            Some((origin, period))
        }
        _ => None,
    }
}

/// A place in the kept text of a run, and how much lies together with it.
struct Spot {
    run: usize,
    kept: u64,
    ahead: u64,
    behind: u64,
}

fn key(run: &Run, block: usize) -> super::cache::Key {
    (run.directory.number, block)
}

/// The original of an article, as far as it is wanted.
struct Rebuilt<'a> {
    sealed: &'a Sealed,
    /// The coordinate of the article.
    start: u64,
    /// What is wanted yet.
    ranges: &'a [Range<u64>],
    bytes: Vec<u8>,
    /// The kept text read last, and its coordinate.
    text: Bytes,
    text_at: u64,
}

impl Rebuilt<'_> {
    /// The next part of `original` that is wanted.
    fn wanted(&mut self, original: &Range<u64>) -> Option<Range<u64>> {
        while let Some((first, rest)) = self.ranges.split_first() {
            if original.is_empty() || first.start >= original.end {
                break;
            }
            if first.end > original.start {
                return Some(first.start.max(original.start)..first.end.min(original.end));
            }
            self.ranges = rest;
        }
        None
    }

    /// Takes what is wanted of canonical text that stands in the original as it is.
    fn lockstep(&mut self, canonical: u64, original: u64, len: u64) -> Result<(), IndexError> {
        let mut rest = original..original + len;
        while let Some(wanted) = self.wanted(&rest) {
            let at = self.start + canonical + (wanted.start - original);
            self.text(at, wanted.end - wanted.start)?;
            rest.start = wanted.end;
        }
        Ok(())
    }

    fn text(&mut self, mut coordinate: u64, mut len: u64) -> Result<(), IndexError> {
        while len > 0 {
            let known = coordinate.wrapping_sub(self.text_at);
            if known >= self.text.len() as u64 {
                self.text = self.sealed.try_ahead(coordinate)?;
                self.text_at = coordinate;
                continue;
            }
            let rest = &self.text[to_usize(known)..];
            let taken = &rest[..rest.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
            self.bytes.extend_from_slice(taken);
            coordinate += taken.len() as u64;
            len -= taken.len() as u64;
        }
        Ok(())
    }

    /// Takes what is wanted of bytes of the original.
    fn literal(&mut self, original: u64, literal: &[u8]) {
        let mut rest = original..original + literal.len() as u64;
        while let Some(wanted) = self.wanted(&rest) {
            let at = |offset: u64| to_usize(offset - original);
            self.bytes.extend_from_slice(&literal[at(wanted.start)..at(wanted.end)]);
            rest.start = wanted.end;
        }
    }
}

impl Base for Sealed {
    fn broken(&self) -> Error {
        self.wrap(IndexError::Poisoned)
    }

    fn end(&self) -> u64 {
        self.coordinates()
    }

    fn articles(&self) -> usize {
        to_usize(self.article_count())
    }

    fn anchors(&self, key: u64, found: &mut Vec<Posting>) -> Result<(), Error> {
        self.postings(Table::Anchors, key, found)
    }

    fn paragraphs(&self, key: u64, found: &mut Vec<Posting>) -> Result<(), Error> {
        self.postings(Table::Paragraphs, key, found)
    }

    fn ahead(&self, coordinate: u64) -> Result<Bytes, Error> {
        self.try_ahead(coordinate).map_err(|error| self.wrap(error))
    }

    fn behind(&self, coordinate: u64) -> Result<Bytes, Error> {
        self.try_behind(coordinate).map_err(|error| self.wrap(error))
    }

    fn origins(&self, coordinates: Range<u64>) -> Result<Vec<Kept>, Error> {
        self.try_origins(coordinates).map_err(|error| self.wrap(error))
    }

    fn locate(&self, coordinate: u64) -> Result<Located, Error> {
        let found = self.article_at(coordinate).map_err(|error| self.wrap(error))?;
        let start = to_usize(coordinate - found.record().coordinates.start);
        Ok(Located { article: to_usize(found.number), start })
    }

    fn id(&self, article: usize) -> Result<Arc<str>, Error> {
        let found = self.article(article as u64).map_err(|error| self.wrap(error))?;
        Ok(found.id().into())
    }

    fn has(&self, id: &str) -> bool {
        matches!(self.article_named(id), Ok(Some(_)))
    }

    fn departures(&self, article: usize, canonical: usize) -> Result<Reader<'static>, Error> {
        let found = self.article(article as u64).map_err(|error| self.wrap(error))?;
        Ok(found.group.departures_from(found.record(), canonical))
    }
}
