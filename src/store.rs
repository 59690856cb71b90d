//! The index on disk.
//!
//! [`Options::index`](crate::Options::index) keeps what an ingest has seen in a directory, and
//! [`Index`] reads it: the articles without their repeats, any original byte for byte, and where a
//! text was first seen. Neither needs the files that the articles came from. [`Fingerprints`]
//! recognise paragraphs without keeping their text. The format is laid down in
//! [`_format`](crate::_format).

mod cache;
mod error;
mod file;
mod fingerprints;
mod group;
mod known;
mod maintain;
mod manifest;
mod merged;
mod pending;
mod run;
mod sealed;
mod storage;
mod survey;
mod table;
mod wire;
mod writer;

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod simulated;

use std::iter::FusedIterator;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use self::error::IndexError;
use self::error::wrap;
pub(crate) use self::fingerprints::Writer as FingerprintWriter;
pub use self::fingerprints::{FingerprintRecipe, Fingerprints};
pub(crate) use self::known::{Contents, Status};
use self::manifest::Manifest;
pub use self::manifest::Recipe;
use self::run::{Run, Table, Totals};
pub(crate) use self::sealed::{Found, Sealed};
use self::storage::{Directory, Storage};
pub use self::survey::{Boilerplate, BoilerplateFree, Cluster, Frequent, Passage, Reprint};
use self::table::Entry;
pub(crate) use self::writer::Writer;
use crate::article::{Origin, Provenance, Repeat, Segment, stated_accessors};
use crate::criteria::Criteria;
use crate::deduper::Deduper;
use crate::error::Error;
use crate::index::table::GRANULE;
use crate::index::to_usize;
use crate::split;

/// An index on disk, open for reading.
///
/// Needs the feature `index`.
///
/// It shows the last commit from before it was opened, whatever a writer does meanwhile. A clone
/// shares what was read. Any number of threads and processes may read at once.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("news.dedup");
/// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
/// let mut deduper = dedup::Options::new().index(&dir).deduper()?;
/// deduper.push("friday", notice)?;
/// deduper.push("monday", format!("Good morning.\n{notice}"))?;
/// deduper.checkpoint()?;
///
/// let index = dedup::Index::open(&dir)?;
/// let texts: Vec<String> =
///     index.articles().map(|article| Ok(article?.text().to_owned())).collect::<Result<_, dedup::Error>>()?;
/// assert_eq!(texts, [notice, "Good morning."]);
/// assert_eq!(index.original("monday")?.unwrap(), format!("Good morning.\n{notice}"));
/// assert_eq!(&*index.find(notice)?[0].source.id, "friday");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Index {
    storage: Arc<dyn Storage>,
    sealed: Arc<Sealed>,
    recipe: Recipe,
    criteria: Criteria,
    commit: u64,
}

/// What an index holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IndexStats {
    /// Articles, older versions included.
    pub articles: u64,
    /// Bytes of their originals.
    pub bytes_in: u64,
    /// Bytes of what is left of them.
    pub bytes_kept: u64,
    /// Bytes of kept text, in canonical form, and one for each article.
    pub text_bytes: u64,
    /// Bytes of that in the files, compressed.
    pub stored_text_bytes: u64,
    /// Bytes of everything else in the files.
    pub index_bytes: u64,
    /// Anchors that texts are found by.
    pub anchors: u64,
    /// Short paragraphs that are found as a whole.
    pub paragraphs: u64,
    /// Files that articles are in.
    pub runs: u64,
    /// The number of commits so far.
    pub commits: u64,
}

impl Index {
    /// Opens the index in a directory.
    ///
    /// Reads the manifest and the directory of each run, some half a megabyte for a gigabyte of
    /// text. All else is checked when it is read; [`verify`](Self::verify) reads and checks
    /// everything.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if there is no index, it has another version or recipe, or what was read is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::open_in(Arc::new(Directory::new(path)), path).map_err(wrap(path))
    }

    pub(crate) fn open_in(storage: Arc<dyn Storage>, path: &Path) -> Result<Self, IndexError> {
        let (manifest, (criteria, sealed)) = Manifest::<Recipe>::open(&*storage, |manifest| {
            let criteria = manifest.recipe.criteria()?;
            Ok((criteria, Sealed::open(&*storage, manifest, path.to_owned())?))
        })?;
        Ok(Self {
            storage,
            sealed: Arc::new(sealed),
            recipe: manifest.recipe,
            criteria,
            commit: manifest.commit,
        })
    }

    /// The directory of the index.
    pub fn path(&self) -> &Path {
        self.sealed.path()
    }

    /// What the index was made with.
    pub fn recipe(&self) -> Recipe {
        self.recipe
    }

    /// The articles in order, without what they repeat.
    ///
    /// # Complexity
    ///
    /// Reads the kept text once; references are not followed.
    pub fn articles(&self) -> StoredArticles {
        StoredArticles { sealed: self.sealed.clone(), next: 0 }
    }

    /// The newest article with an id, without what it repeats.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    pub fn article(&self, id: &str) -> Result<Option<StoredArticle>, Error> {
        let found = self.sealed.article_named(id).map_err(|error| self.sealed.wrap(error))?;
        found.map(|found| StoredArticle::of(&self.sealed, &found)).transpose()
    }

    /// The articles from number `article` on, as [`articles`](Self::articles) has them: those that
    /// came after the first `article` articles.
    ///
    /// # Complexity
    ///
    /// The articles before are not read.
    pub fn articles_from(&self, article: usize) -> StoredArticles {
        let next = (article as u64).min(self.sealed.article_count());
        StoredArticles { sealed: self.sealed.clone(), next }
    }

    /// The article with a number, without what it repeats: the very one that a [`Place`](crate::Place) or a
    /// [`Reference`] names, even if its id has a newer version. `None` if there are not so many.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    pub fn article_at(&self, article: usize) -> Result<Option<StoredArticle>, Error> {
        self.found(article)?.map(|found| StoredArticle::of(&self.sealed, &found)).transpose()
    }

    /// The article with a number as it was, byte for byte; see [`article_at`](Self::article_at).
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("news.dedup");
    /// let notice = "The reading room closes at noon on Saturday, and opens again on Tuesday at nine in the morning.";
    /// let mut deduper = dedup::Options::new().index(&dir).deduper()?;
    /// deduper.push("notices", notice)?;
    /// deduper.push("notices", "The reading room is open.")?;
    /// deduper.checkpoint()?;
    ///
    /// let index = dedup::Index::open(&dir)?;
    /// let place = &index.find(notice)?[0].source;
    /// let original = index.original_at(place.article)?.unwrap();
    /// assert_eq!(&original[place.range.clone()], notice);
    /// assert_eq!(index.original("notices")?.unwrap(), "The reading room is open.");
    /// assert_eq!(index.numbers("notices")?, [0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn original_at(&self, article: usize) -> Result<Option<String>, Error> {
        let original = |found| self.sealed.original(&found);
        self.found(article)?.map(original).transpose().map_err(|error| self.sealed.wrap(error))
    }

    fn found(&self, article: usize) -> Result<Option<Found>, Error> {
        if article as u64 >= self.sealed.article_count() {
            return Ok(None);
        }
        self.sealed.article(article as u64).map(Some).map_err(|error| self.sealed.wrap(error))
    }

    /// The id of the article with a number; `None` if there are not so many.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    pub fn id_at(&self, article: usize) -> Result<Option<Arc<str>>, Error> {
        Ok(self.found(article)?.map(|found| found.id().into()))
    }

    /// The numbers of all articles with an id, its versions, the newest last.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    pub fn numbers(&self, id: &str) -> Result<Vec<usize>, Error> {
        let found = self.sealed.articles_named(id).map_err(|error| self.sealed.wrap(error))?;
        Ok(found.iter().map(|found| to_usize(found.number)).collect())
    }

    /// The newest article with an id as it was, byte for byte.
    ///
    /// A [`Place`](crate::Place) may lie in an older version: see [`original_at`](Self::original_at).
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    pub fn original(&self, id: &str) -> Result<Option<String>, Error> {
        let original = || {
            let found = self.sealed.article_named(id)?;
            found.map(|found| self.sealed.original(&found)).transpose()
        };
        original().map_err(|error| self.sealed.wrap(error))
    }

    /// Where each part of the article with a number that was removed is kept, in reading order: what
    /// the [sources](crate::Block::sources) of its blocks were when it was ingested. `None` if there
    /// are not so many articles.
    ///
    /// Of a near copy that changes something the runs of less than 32 bytes are not among them, as
    /// they are kept with the article.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: if the index cannot be read.
    ///
    /// # Complexity
    ///
    /// Linear in the length of the article and the number of its parts.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("news.dedup");
    /// let ferry = "The ferry does not run on Sunday, as the cable has to be greased before the ice comes, it is said.";
    /// let bridge = "The bridge at the lower weir is closed from Monday on, and the buses stop at the mill instead.";
    /// let mut deduper = dedup::Options::new().index(&dir).deduper()?;
    /// deduper.push("herald", ferry)?;
    /// deduper.push("courier", bridge)?;
    /// deduper.push("gazette", format!("{bridge}\n{ferry}"))?;
    /// deduper.checkpoint()?;
    ///
    /// let index = dedup::Index::open(&dir)?;
    /// let sources = index.sources_at(2)?.unwrap();
    /// let ids: Vec<&str> = sources.iter().map(|source| &*source.first.id).collect();
    /// assert_eq!(ids, ["courier", "herald"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sources_at(&self, article: usize) -> Result<Option<Vec<Origin>>, Error> {
        let Some(found) = self.found(article)? else { return Ok(None) };
        self.next_engine().sources(&self.sealed, &found).map(Some)
    }

    /// Where the runs of a text stand: what ingesting it next would report as
    /// [repeats](crate::Article::repeats), but for what the text has of itself.
    ///
    /// So a text of less than `min_span` bytes is found only where it was a whole paragraph, of at
    /// least `min_paragraph` bytes; and of text that goes on repeating itself after a few bytes, as a row
    /// of dashes does, only the first part is. Near copies are not among the runs.
    ///
    /// A run is as long as it can be, so its source may be a later article than the first that has a part of
    /// it, and of several that have all of it not always the first. There it may have been removed: where
    /// text is *kept*, which is where it came first, say the [`sources_at`](Self::sources_at) of that article.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or the text is too long.
    pub fn find(&self, text: &str) -> Result<Vec<Repeat>, Error> {
        self.next_engine().find(text)
    }

    /// Whether ingesting a text next would leave nothing of it.
    ///
    /// A text without words is not contained, nor is one that is shorter than `min_paragraph`. In
    /// an index with
    /// [`near`](crate::Options::near), a near copy is contained.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn contains(&self, text: &str) -> Result<bool, Error> {
        let article = self.next_engine().push("", text)?;
        let own = self.sealed.article_count();
        let mut sources = article.blocks.iter().flat_map(|block| &block.sources);
        Ok(article.segments.iter().all(|segment| matches!(segment, Segment::Seen { .. }))
            && sources.any(|source| (source.first.article as u64) < own))
    }

    /// An engine for articles that count as later than those of the index, which stays as it is; by the
    /// same recipe, or not at all.
    pub(crate) fn engine(&self, criteria: &Criteria) -> Result<Deduper, Error> {
        self.check_recipe(Recipe::new(criteria))?;
        Ok(Deduper::above(self.sealed.clone(), *criteria))
    }

    /// An error unless the index was made by a recipe.
    fn check_recipe(&self, expected: Recipe) -> Result<(), Error> {
        if self.recipe == expected {
            return Ok(());
        }
        Err(self.sealed.wrap(IndexError::recipe(self.recipe, expected)))
    }

    /// An engine for what would come next, by the index's own recipe; the index stays as it is.
    fn next_engine(&self) -> Deduper {
        Deduper::above(self.sealed.clone(), self.criteria)
    }

    /// What the index holds.
    pub fn stats(&self) -> IndexStats {
        let mut stats = IndexStats { commits: self.commit, ..IndexStats::default() };
        for run in self.sealed.runs() {
            let directory = &run.directory;
            stats.articles += directory.articles.end - directory.articles.start;
            stats.bytes_in += directory.totals.bytes_in;
            stats.bytes_kept += directory.totals.bytes_left;
            stats.text_bytes += directory.kept;
            stats.stored_text_bytes += directory.text_bytes();
            stats.index_bytes += run.named.len - directory.text_bytes();
            stats.anchors += directory.entries(Table::Anchors);
            stats.paragraphs += directory.entries(Table::Paragraphs);
            stats.runs += 1;
        }
        stats
    }

    /// Reads and checks everything: each block, each entry, and each original against its digest.
    ///
    /// # Errors
    ///
    /// [`Error::Index`]: the first thing that is wrong.
    ///
    /// # Complexity
    ///
    /// Reads the index once, and rebuilds every original.
    pub fn verify(&self) -> Result<(), Error> {
        self.check().map_err(|error| self.sealed.wrap(error))
    }

    fn check(&self) -> Result<(), IndexError> {
        Manifest::<Recipe>::check_since(self.commit, &*self.storage)?;
        for run in self.sealed.runs() {
            for at in 0..run.text_blocks() {
                run.text_block(at)?;
            }
            let ids = self.check_articles(run)?;
            check_table(run, Table::Anchors, |_| {})?;
            check_table(run, Table::Paragraphs, |_| {})?;
            let mut found = Vec::new();
            check_table(run, Table::Ids, |entry| found.push((entry.key, entry.place)))?;
            if found != ids {
                return Err(run.wrong("its table of ids is not that of its articles"));
            }
        }
        Ok(())
    }

    /// Checks the articles of a run; returns what its table of ids has to hold.
    fn check_articles(&self, run: &Run) -> Result<Vec<(u64, u64)>, IndexError> {
        let directory = &run.directory;
        let (mut totals, mut ids) = (Totals::default(), Vec::new());
        for number in directory.articles.clone() {
            let found = self.sealed.article(number)?;
            let whole = self.sealed.original(&found)?;
            if blake3::hash(whole.as_bytes()) != found.record().digest {
                return Err(self.sealed.wrong(&found, "an article has another digest"));
            }
            totals.bytes_in += whole.len() as u64;
            totals.bytes_left += found.group().bytes_left(found.number, found.record());
            let key = table::prefix(table::hash_of_id(found.id()), directory.key_bits(Table::Ids));
            ids.push((key, number));
        }
        if totals != directory.totals {
            return Err(run.wrong("its totals are not those of its articles"));
        }
        ids.sort_by_key(|(key, _)| *key);
        Ok(ids)
    }
}

/// Checks that the entries of a table are in order, and of places that there are; visits each.
fn check_table(run: &Run, table: Table, mut visit: impl FnMut(Entry)) -> Result<(), IndexError> {
    let directory = &run.directory;
    let end = match table {
        Table::Anchors | Table::Paragraphs => {
            directory.coordinates.end.div_ceil(u64::from(GRANULE))
        }
        Table::Ids => directory.articles.end,
    };
    let mut last = 0;
    for entry in run.entries(table) {
        let entry = entry?;
        if entry.key < last || entry.place >= end {
            return Err(run.wrong("a table is not in order, or speaks of what is not there"));
        }
        last = entry.key;
        visit(entry);
    }
    Ok(())
}

/// An article of an index, without what it repeats.
///
/// Title, date and the like are those with which it came first: an article that comes again with
/// the same id and text is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredArticle {
    number: usize,
    id: Arc<str>,
    provenance: Provenance,
    digest: blake3::Hash,
    text: String,
    segments: Vec<StoredSegment>,
}

impl StoredArticle {
    fn of(sealed: &Sealed, found: &Found) -> Result<Self, Error> {
        let read = || {
            let record = found.record();
            let text = sealed.text(found, &found.group().new_ranges(found.number, record))?;
            // Lengths within an article are below 4 GiB, and numbers within those of the index.
            let too_long = |_| sealed.wrong(found, "a segment is too long");
            let range = |range: Range<u64>| {
                Ok::<_, IndexError>(
                    usize::try_from(range.start).map_err(too_long)?
                        ..usize::try_from(range.end).map_err(too_long)?,
                )
            };
            let segments =
                found.group().segments(found.number, record).into_iter().map(|segment| {
                    let first = segment.first.map(|(article, place)| {
                        let article = usize::try_from(article).map_err(too_long)?;
                        Ok::<_, IndexError>(Reference { article, range: range(place)? })
                    });
                    Ok(StoredSegment {
                        range: range(segment.range)?,
                        first: first.transpose()?,
                        boilerplate: false,
                    })
                });
            Ok(Self {
                number: usize::try_from(found.number).map_err(too_long)?,
                id: found.id().into(),
                provenance: found.provenance(),
                digest: record.digest,
                segments: segments.collect::<Result<_, IndexError>>()?,
                text,
            })
        };
        read().map_err(|error| sealed.wrap(error))
    }

    /// The number of the article, in order of arrival, from 0. It stays the same until an article before it
    /// is [withdrawn](Index::withdraw) or [replaced](crate::Versions::Replace).
    ///
    /// Who keeps numbers beyond that keeps the [digest](Self::digest) of each article with its number: a
    /// number that now leads to another digest, or to none, is an old one, and [`Index::numbers`] has the
    /// new ones of an id.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The article's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    stated_accessors!();

    /// The BLAKE3 digest of the original.
    pub fn digest(&self) -> blake3::Hash {
        self.digest
    }

    /// The length of the original in bytes.
    pub fn original_len(&self) -> usize {
        self.segments.last().map_or(0, |last| last.range.end)
    }

    /// What is left of the article, byte for byte as it was.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As [`text`](Self::text).
    pub fn into_text(self) -> String {
        self.text
    }

    /// The original, cut into what is kept and what was removed, in reading order and without gaps
    /// or overlaps.
    pub fn segments(&self) -> &[StoredSegment] {
        &self.segments
    }

    /// Whether the article has text of which nothing is left, as [`Article::is_repeat`](crate::Article::is_repeat) says.
    ///
    /// Here what is left is read alone. So where a [`Cut`](crate::Cut) leaves a line nothing but `>`, which counts
    /// for nothing at the start of a line, nothing is left either.
    ///
    /// # Complexity
    ///
    /// Linear in what is left.
    pub fn is_repeat(&self) -> bool {
        let is_removed = |part: &StoredSegment| part.first.is_some() || part.boilerplate;
        self.segments.iter().any(is_removed) && split::paragraphs(&self.text).is_empty()
    }
}

/// A part of an article of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StoredSegment {
    /// The bytes of the original.
    pub range: Range<usize>,
    /// If it was removed, where its text, or the first part of it, is kept. [`Index::sources_at`] has all parts.
    pub first: Option<Reference>,
    /// Whether it was removed as [boilerplate](Boilerplate::articles), of which no copy is kept.
    pub boilerplate: bool,
}

/// A place in an article of an index. [`Index::article_at`] and [`Index::original_at`] give that article, and
/// [`Index::id_at`] its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Reference {
    /// The number of the article.
    pub article: usize,
    /// The bytes of its original.
    pub range: Range<usize>,
}

/// The articles of an index in order, without what they repeat; made by [`Index::articles`].
///
/// An article that cannot be read yields an error in its place. Articles are described in groups;
/// where the description of a group cannot be read, there is one error for all of its articles.
#[derive(Clone, Debug)]
#[must_use = "articles are read only as they are asked for"]
pub struct StoredArticles {
    sealed: Arc<Sealed>,
    next: u64,
}

impl Iterator for StoredArticles {
    type Item = Result<StoredArticle, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.sealed.article_count() {
            return None;
        }
        match self.sealed.article(self.next) {
            Ok(found) => {
                self.next += 1;
                Some(StoredArticle::of(&self.sealed, &found))
            }
            Err(error) => {
                // How many articles are lost is only said, so they are not counted out one by one.
                self.next = self.sealed.group_end(self.next);
                Some(Err(self.sealed.wrap(error)))
            }
        }
    }

    /// As many as there are articles at the most: one error may stand for several.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.sealed.article_count() - self.next;
        (usize::from(left > 0), usize::try_from(left).ok())
    }
}

impl FusedIterator for StoredArticles {}
